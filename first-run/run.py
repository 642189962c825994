"""Settles in a throw-away AWS account what only an account can: docs/first-run-on-aws.md.

    AWS_REGION=eu-central-1 python first-run/run.py --tagger target/dist/tagger

It says what it will do and asks; runs the steps; writes outcome.md and outcome.json; and cleans up, also after Ctrl-C and
after a step that failed. A run that was killed goes on when it is started again; `--clean` only cleans up.
Exit codes: 0 all as expected, 1 something is not, 2 refused or wrong usage, 3 something was not settled, 130 stopped.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from typing import Any, Callable

import botocore
import botocore.exceptions

import account as accounts
import after
import before
import cleanup
import state as states
from context import ROOT, Run
from outcome import DOUBTS, NOT_SETTLED, OTHERWISE, Outcome, to_text
from state import Problem

MANY = 25
STEPS: tuple[tuple[str, Callable[[Run], Any]], ...] = (
    ("tls", before.roots),
    ("queue-policies", before.queue_policies),
    ("templates", before.templates),
    ("dry-run", before.dry_run),
    ("dry-run-policy", before.dry_run_by_policy),
    ("deploy", after.deploy),
    ("canary", after.canary),
    ("resources", after.resources),
    ("alarms", after.alarms),
    ("reconcile", after.reconcile),
    ("trail", after.trail),
    ("tag-restored", after.tag_restored),
    ("deploy-again", after.deploy_again),
    ("update", after.update),
    ("by-policy", after.by_policy),
    ("destroy", after.destroy),
    ("deploy-after-destroy", after.deploy_after_destroy),
    ("organization", after.organization),
)
# These need nothing of what a clean-up takes away, so they are not run again after it.
ALONE = ("tls", "queue-policies", "templates", "dry-run", "dry-run-policy")
WORDS = """\
Account {id}, as {caller}
Home region {region}; also {other}, for IAM
It makes and removes: the stacks of auto-resource-tagger (functions, roles, rules, queues, a trail and its bucket, alarms),
  one each of {kinds} kinds of resources named {name}, a role {name}-deployer with its policies, two queues, a bucket for templates.
It costs less than $0.10 in an account with free tiers: docs/first-run-on-aws.md#cost. Two KMS keys wait 7 days for their end.
It takes about an hour, most of it waiting. Ctrl-C stops it and cleans up. What it found goes to {folder}.
"""


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description="Settles in a throw-away AWS account what only an account can.")
    parser.add_argument("--tagger", default="tagger", help="the command line; by default `tagger` of the path")
    parser.add_argument("--zip", help="the function's zip; by default bootstrap.zip beside the command line")
    parser.add_argument("--out", default="first-run-outcome", help="folder for the outcome and for going on")
    parser.add_argument("--alarm-email", help="address that hears of alarms: its mails are for you to see")
    parser.add_argument("--organization", default="", metavar="UNIT", help="also try StackSets, in this unit (ou-…)")
    parser.add_argument("--wait", type=int, default=900, help="how many seconds an event may need")
    parser.add_argument("--pause", type=int, default=70, help="seconds before a queue's name is used again")
    parser.add_argument("--clean", action="store_true", help="only take away what the last run left")
    parser.add_argument("--keep", action="store_true", help="do not clean up at the end, to look around; then --clean")
    parser.add_argument("--allow-trail", action="store_true", help="also in an account that has a trail")
    parser.add_argument("--allow-used", action="store_true", help=f"also in an account with more than {MANY} resources")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    return parser.parse_args(argv)


def refuse(account: accounts.Account, arguments: argparse.Namespace) -> None:
    """Before a first step: is it an account to throw away?"""
    if there := accounts.stacks(account):
        raise Problem(f"auto-resource-tagger is deployed here: {', '.join(there)}. This run would destroy it.")
    if (trails := accounts.trails(account)) and not arguments.allow_trail:
        raise Problem(f"Account {account.id} has a trail ({', '.join(trails)}), so it may be in use, and a new trail cannot be "
                      f"tried in it. Take another account, or say --allow-trail.")
    counts = accounts.used(account)
    if sum(counts.values()) > MANY and not arguments.allow_used:
        what = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise Problem(f"Account {account.id} looks used: {what}. Take another account, or say --allow-used.")


def ask(text: str, yes: bool) -> None:
    print(text, flush=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem("There is no terminal to ask at: say --yes.")
    if input("Go on? Type yes: ").strip().lower() != "yes":
        raise Problem("Nothing was done.")


def begin(arguments: argparse.Namespace) -> Run:
    """The run of the folder, or a new one after looking at the account and asking."""
    tagger = [os.path.abspath(arguments.tagger) if os.path.exists(arguments.tagger) else arguments.tagger]
    version = accounts.version(tagger)
    account = accounts.open_account(tagger)
    state = states.load(arguments.out)
    if state and (state.account, state.region) != (account.id, account.region):
        raise Problem(f"The run in {arguments.out} is of account {state.account} in {state.region}, and this is {account.id} "
                      f"in {account.region}: use its credentials, or name another folder with --out.")
    if arguments.clean and not state:
        raise Problem(f"{arguments.out} has no run to clean up after.")
    if state is None or (state.cleaned and not arguments.clean):
        refuse(account, arguments)
        state = fresh(account, state)
        ask(WORDS.format(id=account.id, caller=account.caller, region=account.region, other=accounts.GLOBAL,
                         kinds=len(after.kinds.KINDS), name=state.name, folder=arguments.out), arguments.yes)
    elif not arguments.clean:
        ask(f"Going on with {state.name} in account {account.id}; done: {', '.join(state.done) or 'nothing'}.", arguments.yes)
    words = (["--zip", arguments.zip] if arguments.zip else []) + (
        ["--alarm-email", arguments.alarm_email] if arguments.alarm_email else [])
    outcome = Outcome(f"{version}{commit()}, botocore {botocore.__version__}", account.emulator, state.rows)
    run = Run(account, state, outcome, arguments.out, arguments.wait, arguments.pause, words, arguments.organization)
    states.save(run.folder, state)
    return run


def fresh(account: accounts.Account, last: states.State | None) -> states.State:
    """A new run, which keeps what a run that was cleaned up has settled without a deployment."""
    state = states.new(account.id, account.region)
    state.kept = cleanup.before(account)
    if last:
        state.done = [step for step in last.done if step in ALONE]
        settled = {doubt.id for doubt in DOUBTS if doubt.step in state.done}
        state.rows = [row for row in last.rows if row["id"] in settled]
    return state


def commit() -> str:
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""


def steps(run: Run) -> None:
    """What is not done yet, one after the other; without a deployment the rest is not settled."""
    blocked = ""
    for name, step in STEPS:
        if name in run.state.done:
            continue
        if blocked and name not in ALONE:
            run.outcome.leave_rest(name, blocked)
            continue
        print(f"== {name}", flush=True)
        run.outcome.forget(name)
        run.state.begun.append(name)
        save(run)
        try:
            step(run)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, RuntimeError, TimeoutError) as error:
            run.outcome.leave_rest(name, f"the step failed: {error}")
            blocked = "there is no deployment" if name == "deploy" else ""
        run.state.done.append(name)
        save(run)


def save(run: Run) -> None:
    """The state, and the outcome as far as it is known."""
    run.state.rows = run.outcome.as_json()
    states.save(run.folder, run.state)
    about = {"account": run.account.id, "caller": run.account.caller, "region": run.account.region,
             "on": "an emulator" if run.account.emulator else "AWS", "run": run.state.name}
    head = f"First run in account {about['account']}, {about['region']}, on {about['on']}, by {about['caller']}."
    if run.account.emulator:
        head += " An emulator settles nothing about AWS: this shows that the script works."
    for name, text in (("outcome.md", run.outcome.markdown(head)), ("outcome.json", to_text(run.outcome, about))):
        with open(os.path.join(run.folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def clean(run: Run) -> None:
    """A first Ctrl-C does not stop it, a second one does."""
    def once(number: int, _frame: object) -> None:
        print("Cleaning up; once more stops that too, and --clean goes on with it.", file=sys.stderr, flush=True)
        listen(stop)
    print("== clean-up", flush=True)
    listen(once)
    failed = cleanup.clean(run)
    listen(stop)
    run.outcome.settle("left-behind", not failed, "; ".join(failed) or "nothing")
    save(run)


def stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def listen(handler: Callable[[int, Any], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def main(argv: list[str] | None = None) -> int:
    arguments = parse(argv)
    listen(stop)
    stopped = False
    try:
        run = begin(arguments)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        print(f"The account could not be looked at: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        try:
            if not arguments.clean:
                steps(run)
        except KeyboardInterrupt:
            stopped = True
            print("Stopped.", file=sys.stderr, flush=True)
        finally:
            if not arguments.keep or stopped or arguments.clean:
                clean(run)
    except KeyboardInterrupt:
        print("Stopped while cleaning up: --clean goes on with it.", file=sys.stderr)
        return 130
    print(f"The table is in {os.path.join(run.folder, 'outcome.md')}.")
    return 130 if stopped else 1 if run.outcome.verdicts(OTHERWISE) else 3 if run.outcome.verdicts(NOT_SETTLED) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What two other reviewers say of the templates and the role, beside the gate: checkov of the templates, cloudsplaining of the policies.

    python templates/tests/review.py [FOLDER]       # makes its own environments below FOLDER (target/review), from PyPI

They want other versions of what the tests want, and change with each of their releases, so the gate does not run them. What is
excepted is below and in checkov.yaml, one line each; anything else is a finding, and exit code 1.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = {"checkov": "3.3.30", "cloudsplaining": "0.9.1"}
TEMPLATES = ("tagger", "forwarder", "organization")
# What cloudsplaining says is possible, by policy, and why it stays.
EXCEPTED = {
    ("deployer-cloudformation", "Unrestricted Infrastructure Modification"): "links to a monitoring account's sink, whose id nobody can know before",
    ("deployer-organization", "Unrestricted Infrastructure Modification"): "the sink's id, and the roles of StackSets; for the management account",
    ("deployer-organization", "Resource Exposure"): "iam:CreateServiceLinkedRole is how trusted access of StackSets is switched on",
}


def installed(folder: pathlib.Path, tool: str) -> pathlib.Path:
    """The program of a tool, in an environment of its own."""
    place = folder / tool
    program = place / "bin" / tool
    if not program.exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", f"{tool}=={TOOLS[tool]}"], check=True)
    return program


def templates(program: pathlib.Path) -> bool:
    files = [word for name in TEMPLATES for word in ("-f", str(ROOT / "templates" / f"{name}.yaml"))]
    print("== checkov:", ", ".join(TEMPLATES))
    return subprocess.run([program, "--config-file", str(ROOT / "templates" / "tests" / "checkov.yaml"), *files]).returncode == 0


def policies() -> dict[str, dict]:
    """The role's policy and the deployer's, each as a file's content."""
    deployer = json.loads((ROOT / "templates" / "deployer.json").read_text())
    text = json.dumps(deployer).replace("{account}", "111122223333").replace("{partition}", "aws")
    return {"role": json.loads((ROOT / "templates" / "policy.json").read_text()), **{f"deployer-{name}": one for name, one in json.loads(text).items()}}


def scanned(program: pathlib.Path, folder: pathlib.Path, name: str, policy: dict) -> bool:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(policy))
    done = subprocess.run([program, "scan-policy-file", "--input-file", str(file)], capture_output=True, text=True)
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    found = set(re.findall(r"Policy is capable of (.+)", text))
    if done.returncode or not (found or "no results found" in text):
        raise SystemExit(f"cloudsplaining did not say anything of {name}: {done.stdout}{done.stderr}")
    print(f"== cloudsplaining: {name}: {', '.join(sorted(found)) or 'nothing'}")
    excepted = {risk for risk in found if (name, risk) in EXCEPTED}
    for risk in sorted(excepted):
        print(f"   excepted: {risk}: {EXCEPTED[name, risk]}")
    return found == excepted


def main() -> int:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "review").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    fine = templates(installed(folder, "checkov"))
    program = installed(folder, "cloudsplaining")
    for name, policy in policies().items():
        fine = scanned(program, folder, name, policy) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

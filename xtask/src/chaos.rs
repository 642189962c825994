//! `cargo xtask chaos`: the real function on an AWS that fails, forgets, repeats and is late.
//!
//! One process is all of AWS: the tagging APIs, the queues, Lambda, and the people who create things. At the
//! end a judgement that shares no code with the product reads every tag and every letter. This file reads the
//! arguments, lets time pass, kills processes, and prints what was found. Needs Linux and a C compiler.

mod account;
pub mod answers;
mod aws;
mod callers;
pub mod calls;
mod check;
mod children;
pub mod clock;
mod dice;
mod faults;
pub mod function;
pub mod http;
mod names;
mod queues;
pub mod samples;
mod stacks;
mod story;
mod world;

use account::{Account, TIMEOUT};
use check::Verdict;
use clock::{Clock, SECOND};
use dice::Dice;
use function::Function;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use story::Story;

const HELP: &str =
    "cargo xtask chaos [--events N] [--seed N] [--kills N] [--processes N] [--program FILE] [--log FILE]
--events N      events that create something; default 2000
--seed N        the same seed makes the same people, resources and faults; default 1
--kills N       how often a process of the function is killed; default 50
--processes N   processes of the function at once; default 40
--program FILE  the function; default: the release build
--log FILE      where the function's log goes; default: nowhere";

/// How much faster than ours the time of the run goes. A call takes a few milliseconds, so to the function it
/// takes as long as a call to AWS does.
const SCALE: u64 = 20;

struct Options {
    events: usize,
    seed: u64,
    kills: usize,
    processes: usize,
    program: PathBuf,
    log: Option<PathBuf>,
}

fn options(arguments: &[String]) -> Result<Option<Options>, String> {
    let program = crate::root().join("target/release/bootstrap");
    let mut options = Options { events: 2_000, seed: 1, kills: 50, processes: 40, program, log: None };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if ["--help", "-h"].contains(&argument.as_str()) {
            return Ok(None);
        }
        let value = rest.next().ok_or_else(|| format!("{argument} takes a value\n{HELP}"))?;
        let number =
            || value.parse().map_err(|_| format!("{argument} takes a number, not {value:?}\n{HELP}"));
        match argument.as_str() {
            "--events" => options.events = number()?,
            "--seed" => options.seed = number()? as u64,
            "--kills" => options.kills = number()?,
            "--processes" => options.processes = number()?.max(1),
            "--program" => options.program = PathBuf::from(value),
            "--log" => options.log = Some(PathBuf::from(value)),
            other => return Err(format!("unknown argument {other:?}\n{HELP}")),
        }
    }
    Ok(Some(options))
}

/// Runs it.
///
/// # Errors
/// A wrong argument, something that is missing on this machine, or a run in which something was lost, wrong or
/// overwritten.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let Some(options) = options(arguments)? else {
        println!("{HELP}");
        return Ok(());
    };
    if !cfg!(target_os = "linux") {
        println!("cargo xtask chaos gives the function a clock of its own, which needs Linux: not run here");
        return Ok(());
    }
    let folder = crate::root().join(format!("target/chaos-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let result = play(&options, &folder);
    let _ = fs::remove_dir_all(&folder);
    result
}

fn play(options: &Options, folder: &Path) -> Result<(), String> {
    let started = Instant::now();
    let samples = samples::read(&crate::root())?;
    let story = Story::new(options.seed, samples, options.events);
    let clock = Clock::new(folder, SCALE)?;
    let begin = clock.now();
    let account = Arc::new(Account::new(clock, story, options.seed, options.processes));
    let endpoint = {
        let account = Arc::clone(&account);
        http::serve(Arc::new(move |request| aws::answer(&account, request)))?
    };
    let log = options
        .log
        .as_ref()
        .map(|path| File::create(path).map_err(|error| format!("{}: {error}", path.display())));
    let log = log.transpose()?;
    let environment = account.clock.environment();
    let function = Function {
        program: &options.program,
        arguments: &[],
        endpoint: &endpoint,
        log: log.as_ref(),
        environment: &environment,
        queues: true,
    };
    for slot in 0..options.processes {
        function::start(&account, &function, slot)?;
    }
    let played = pass(&account, &function, options);
    let mut state = account.state();
    for slot in &mut state.slots {
        slot.generation += 1;
        if let Some(mut child) = slot.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
    let killed = played?;
    let letters = state.letters.iter().map(String::as_str);
    let verdict = check::judge(&state.story, &state.world, letters);
    let virtual_hours = (account.clock.now() - begin) as f64 / (3_600 * SECOND) as f64;
    print!("{}", report(&state, &verdict, killed, virtual_hours, started.elapsed()));
    let failed = [("lost", &verdict.lost), ("wrong", &verdict.wrong), ("overwritten", &verdict.overwritten)];
    let unknown = ("requests that are no calls of the catalog's table", &state.unknown);
    let failed: Vec<_> = failed.into_iter().chain([unknown]).filter(|(_, found)| !found.is_empty()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let mut message = format!("chaos, seed {}: expected none of these", options.seed);
    for (word, found) in failed {
        message += &format!("\n{} {word}, the first of them:", found.len());
        found.iter().take(5).for_each(|one| message += &format!("\n  {one}"));
    }
    Err(message)
}

/// Lets time pass until nothing is left to happen; how often a process was killed.
fn pass(account: &Arc<Account>, function: &Function, options: &Options) -> Result<usize, String> {
    let mut killed = 0;
    let mut last_change = (Instant::now(), 0);
    let mut last_word = Instant::now();
    loop {
        let mut restart = Vec::new();
        {
            let mut guard = account.state();
            let state = &mut *guard;
            let now = account.clock.now();
            state.story.change(&mut state.world, now, &|place| state.in_hand.may_have(place));
            while let Some((payload, queued)) = state.story.deliver(now) {
                if queued { state.events.send(payload, now, 0) } else { state.calls.add(payload) }
            }
            // People do not create faster than the function can follow, or every event would be late.
            let late = state.retry.next_due().is_some_and(|due| due + 20 * SECOND < now);
            let most = 30 * options.processes;
            while !late
                && state.story.made < state.story.total
                && state.story.soon + state.events.len() + state.calls.len() < most
            {
                state.story.next(&mut state.world, now);
            }
            for slot in 0..state.slots.len() {
                let is_over =
                    state.slots[slot].work.as_ref().is_some_and(|work| work.started + TIMEOUT < now);
                let Some(child) = &mut state.slots[slot].child else { continue };
                let has_ended = child.try_wait().ok().flatten();
                if let Some(status) = has_ended {
                    return Err(format!(
                        "a process of the function ended by itself, with {status}; expected it to wait"
                    ));
                }
                if is_over {
                    state.timed_out += 1;
                    restart.push(slot);
                }
            }
            let due = options.kills * state.story.made / state.story.total.max(1);
            if killed < due {
                let busy: Vec<_> =
                    (0..state.slots.len()).filter(|slot| state.slots[*slot].work.is_some()).collect();
                let which = Dice::of(options.seed, &[3, killed as u64]).below(busy.len() as u64) as usize;
                if let Some(slot) = busy.get(which).filter(|slot| !restart.contains(slot)) {
                    killed += 1;
                    restart.push(*slot);
                }
            }
            for slot in &restart {
                if let Some(mut child) = state.slots[*slot].child.take() {
                    let _ = child.kill();
                    let _ = child.wait();
                }
                state.died(*slot, now);
            }
            if restart.is_empty() && state.is_over() {
                return Ok(killed);
            }
            if state.is_idle()
                && restart.is_empty()
                && let Some(due) = state.next_due().filter(|due| *due > now)
            {
                // What waits for hours is many messages, each due in another second. At the end a mapping comes by
                // every two minutes, or each of those seconds would be gone through.
                let over = state.story.made == state.story.total;
                let late = if over { 120 * SECOND } else { 0 };
                account.clock.jump_to(due + late)?;
            }
            if last_word.elapsed() > Duration::from_secs(20) {
                last_word = Instant::now();
                let (made, total) = (state.story.made, state.story.total);
                let waiting = (state.events.len(), state.retry.len(), state.calls.len());
                eprintln!(
                    "{made} of {total} events; in the events queue, the retry queue and called: {waiting:?}"
                );
            }
            if last_change.1 != state.invocations {
                last_change = (Instant::now(), state.invocations);
            }
            if last_change.0.elapsed() > Duration::from_secs(60) {
                return Err("nothing has been invoked for a minute and something is left to do".to_owned());
            }
        }
        account.notify();
        for slot in restart {
            function::start(account, function, slot)?;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn report(state: &account::State, verdict: &Verdict, killed: usize, hours: f64, wall: Duration) -> String {
    let Verdict { resources, tagged, kept, copied, gone, in_letters, not_ours, .. } = verdict;
    let story = &state.story;
    let per_resource = state.tagging_calls as f64 / (*tagged).max(1) as f64;
    let mut text = format!(
        "events {}, deliveries {}, types {}, resources {resources}, made again {}, made by a second one too {}\n\
         tagged {tagged}, kept their owner's tag {kept}, kept their source's {copied}, no longer there {gone}, in dead letters {in_letters}, only AWS's {not_ours}\n",
        story.events.len(),
        story.delivered,
        story.types(),
        story.recreated,
        story.made_again
    );
    let letters: Vec<_> =
        verdict.letters.iter().map(|(reason, count)| format!("  {count} {reason}")).collect();
    text += &format!("dead letters {}\n{}\n", state.letters.len(), letters.join("\n"));
    let faults: Vec<_> =
        state.injector.counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    let kinds = state.kinds.iter().map(|(kind, ends)| {
        let each: Vec<_> = ends.iter().map(|(end, count)| format!("{end} {count}")).collect();
        format!("  {kind} {} ({})", ends.values().sum::<u64>(), each.join(", "))
    });
    let kinds: Vec<_> = kinds.collect();
    text += &format!(
        "invocations {}, killed {killed}, out of time {}; faults: {}\n\
         calls {}, per resource {per_resource:.2}; calls of the queues {}\n{}\n\
         {hours:.1} hours in {:.0} s\n\
         lost {}, wrong {}, overwritten {}\n",
        state.invocations,
        state.timed_out,
        faults.join(", "),
        state.tagging_calls,
        state.queue_calls,
        kinds.join("\n"),
        wall.as_secs_f64(),
        verdict.lost.len(),
        verdict.wrong.len(),
        verdict.overwritten.len()
    );
    text
}

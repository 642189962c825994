//! `tagger status`: what is deployed where, what was tagged last, and what waits or was given up.
//!
//! Asks, and hands what it saw to [`view`], which prints it. Changes nothing.

mod view;

use super::doctor::{
    code, queues, reconcile,
    report::Verdict,
    stack::{self, Site},
};
use crate::{
    args::Status,
    aws,
    deployment::FUNCTION,
    exit_code::{Error, ExitCode},
    held_settings, reasons,
};
use serde_json::Value;
use std::{
    io::Write,
    time::{Duration, SystemTime},
};
use tagger_aws::account::{
    Account, Trouble,
    function::Function,
    log::{Line, Lines},
    stacks::Stack,
};
use tagger_core::{config, printable, settings::words};
use view::View;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many pages of the log of a day, 10,000 lines each, and of a week's tagged lines.
const PAGES: usize = 10;

/// Runs the verb.
///
/// # Errors
/// There are no usable credentials, or the output could not be written.
pub fn run(arguments: &Status) -> Result<ExitCode, Error> {
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        let view = look(&account).await;
        let text = match arguments.json {
            true => format!("{}\n", printable::json(&view.json().to_string())),
            false => printable::lines(&view.text()).into_owned(),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(view.exit_code())
    })
}

async fn look(account: &Account) -> View {
    let (site, checks) = stack::find(account).await;
    let unread = checks.iter().filter(|check| check.verdict == Verdict::Unknown);
    let mut view = View {
        account: account.id.clone(),
        unread: unread
            .map(|check| format!("{}: {}", check.region.as_deref().unwrap_or_default(), check.message))
            .collect(),
        ..View::default()
    };
    let Some(site) = site else { return view };
    match account.functions(&site.home).find(FUNCTION).await {
        Ok(function) => view.function = Some(function),
        Err(trouble) => view.not_read(&trouble),
    }
    if let Some(stack) = &site.stack {
        settings(account, &site, stack, &mut view).await;
    }
    if site.stack.is_some() {
        let lying = queues::look(account, &site).await;
        view.dead_letters = view.take(lying.dead_letters);
        view.retries = view.take(lying.retry);
        view.events = lying.events.and_then(|events| view.take(events));
        view.undelivered =
            lying.undelivered.into_iter().map(|(region, asked)| (region, view.take(asked))).collect();
    }
    if let Some(seen) = reconcile::look(account, &site).await {
        for trouble in [seen.marks.as_ref().err(), seen.rule.as_ref().err(), seen.last.as_ref().err()] {
            trouble.into_iter().for_each(|trouble| view.not_read(trouble));
        }
        view.reconcile = Some(seen);
    }
    tagged(account, &site, &mut view).await;
    view.site = Some(site);
    view
}

/// The settings that hold: the file in the deployed zip, and on top of it the function's variables, or, where Lambda does
/// not tell those, what the stack was told.
async fn settings(account: &Account, site: &Site, stack: &Stack, view: &mut View) {
    let held = held_settings::of_stack(account, &site.home, stack).await;
    let function = view.function.as_ref().and_then(Option::as_ref);
    view.is_deployed_code = function.and_then(|function| code::is_deployed(function, &held));
    if let Some(unread) = held.unread {
        view.unread.push(unread);
        return;
    }
    let variables = function.and_then(|function| function.variables.clone());
    let base = held.file.as_ref().map(|file| file.policy.clone()).unwrap_or_default();
    let read = match variables {
        Some(variables) => config::from_environment(base, variables),
        None => held_settings::policy(held.file.as_ref(), &stack.parameters),
    };
    view.settings = Some(read.map(|policy| words::of(&policy)).map_err(|error| error.to_string()));
}

/// What the log says: a day of it whole, if it is not too long, else the last hour; and a week, if there was nothing.
/// CloudWatch Logs gives the oldest lines first, so the newest is found by looking further and further back.
async fn tagged(account: &Account, site: &Site, view: &mut View) {
    let group = site.output("LogGroupName").unwrap_or(stack::LOG);
    let ask = async |pattern: &str, back: Duration| -> Result<Option<Lines>, Trouble> {
        account.log(&site.home, group, pattern, SystemTime::now() - back, PAGES).await
    };
    let tagged = "{ $.outcome = \"tagged\" }";
    let day = match ask(reasons::PATTERN, DAY).await {
        // No log group: nothing was ever written.
        Ok(day) => day.unwrap_or(Lines { lines: Vec::new(), complete: true }),
        Err(trouble) => return view.not_read(&trouble),
    };
    if day.complete {
        view.day = Some(reasons::counts(&reasons::groups(&day.lines)));
    }
    let last = newest(&day);
    let further = match (day.complete, last.is_some()) {
        (true, true) => {
            view.last_tagged = Some(last);
            return;
        }
        (true, false) => 7 * DAY,
        (false, _) => Duration::from_secs(3600),
    };
    match ask(tagged, further).await {
        Ok(lines) => view.last_tagged = Some(lines.as_ref().and_then(newest).or(last)),
        Err(trouble) => {
            view.last_tagged = last.map(Some);
            view.not_read(&trouble);
        }
    }
}

/// The newest line that says `tagged`.
fn newest(lines: &Lines) -> Option<Value> {
    let lines = lines.lines.iter().rev().filter_map(Line::json);
    lines.into_iter().find(|line| line["outcome"] == "tagged")
}

/// What is known of the function: nothing, that there is none, or what it is.
type Known = Option<Option<Function>>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_log_is_summed_up() {
        let line = |at, outcome: &str| Line {
            at,
            message: json!({"outcome": outcome, "arn": format!("arn:{at}")}).to_string(),
        };
        let lines = vec![line(1, "tagged"), line(2, "tagged"), line(3, "denied"), line(4, "already-tagged")];
        let lines = Lines { lines, complete: true };
        assert_eq!(newest(&lines).unwrap()["arn"], "arn:2");
        assert_eq!(newest(&Lines::default()), None);
    }
}

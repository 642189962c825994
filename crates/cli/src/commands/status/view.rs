//! What `tagger status` saw, as text and as JSON. Pure.
//!
//! The JSON is stable, one object:
//!
//! ```json
//! {"account":"111122223333","deployed":true,"homeRegion":"us-east-1","toolVersion":"0.1.0","version":"0.1.0",
//!  "stack":{"name":"auto-resource-tagger","status":"CREATE_COMPLETE"},
//!  "function":{"name":"…","state":"Active","lastUpdateStatus":"Successful","architecture":"arm64","codeSha256":"…","isDeployedCode":true,
//!   "lastModified":"…"},
//!  "settings":[{"about":"creator's tag","what":"CreatedBy={name}; one that is there stays"}],
//!  "delivery":"direct","trail":"…","forwarders":[{"region":"…","status":"…","version":"…"}],"uncoveredRegions":["…"],
//!  "lastTagged":{"time":"…","type":"…","arn":"…","creator":"…","latencyMs":900},
//!  "lastDay":{"tagged":12,"had-it":3,"skipped":1},
//!  "deadLetters":0,"undelivered":{"us-east-1":0},"retries":{"waiting":0,"inFlight":0},"events":{"waiting":0,"inFlight":0},
//!  "reconcile":{"on":true,"rule":"ENABLED","regions":{"us-east-1":{"until":"…","behindSeconds":0}},
//!   "lastRun":{"time":"…","ended":true,"missed":0,"message":null}},
//!  "unread":["what could not be read, and why"]}
//! ```
//!
//! What could not be read is `null`, and `unread` says why; `events` is `null` too with `Delivery=direct`, and
//! `reconcile` with a stack that knows nothing of it; `lastRun` is, where there was none within six hours. `lastDay` counts
//! creations by how they ended, in the words of `tagger_core::reason`; what does not occur is left out.

use super::{
    super::doctor::{
        coverage,
        queues::Asked,
        reconcile::{self, Seen},
        report::{Verdict, some},
        stack::{Site, of_status, of_version},
    },
    Known,
};
use crate::{
    deployment::{FUNCTION, VERSION},
    exit_code::ExitCode,
    output,
};
use serde_json::{Map, Value, json};
use tagger_aws::{
    account::{Trouble, queues::Depth},
    time,
};
use tagger_core::{reason::Reason, reconcile::Mark};

/// All of it.
#[derive(Debug, Default)]
pub struct View {
    /// The account.
    pub account: String,
    /// Where it is; none when it is nowhere.
    pub site: Option<Site>,
    /// The function.
    pub function: Known,
    /// Whether its code is that of the zip which the stack names; none where that is not known.
    pub is_deployed_code: Option<bool>,
    /// The settings that hold, in words; or why the function refuses them. None when they were not read.
    pub settings: Option<Result<Vec<(String, String)>, String>>,
    /// The newest line of the log that says `tagged`, if there is one; none when it was not read.
    pub last_tagged: Option<Option<Value>>,
    /// How many creations of a day ended in which way.
    pub day: Option<Vec<(Reason, usize)>>,
    /// What was given up.
    pub dead_letters: Option<Depth>,
    /// What rules could not deliver, by region.
    pub undelivered: Vec<(String, Option<Depth>)>,
    /// What is tried again.
    pub retries: Option<Depth>,
    /// What waits in the events queue.
    pub events: Option<Depth>,
    /// How far the event history is reconciled.
    pub reconcile: Option<Seen>,
    /// What could not be read.
    pub unread: Vec<String>,
}

impl View {
    /// Notes what could not be read.
    pub fn not_read(&mut self, trouble: &Trouble) {
        let told = trouble.to_string();
        // One refusal is the same for every queue.
        if !self.unread.contains(&told) {
            self.unread.push(told);
        }
    }

    /// What a queue holds, or the note that it could not be read.
    pub fn take(&mut self, asked: Asked) -> Option<Depth> {
        match asked {
            Ok(depth) => depth,
            Err(trouble) => {
                self.not_read(&trouble);
                None
            }
        }
    }

    /// 1 when it is not deployed or not whole, 3 when something could not be read.
    pub fn exit_code(&self) -> ExitCode {
        let broken = self.site.as_ref().is_none_or(|site| {
            let stacks = site.stack.iter().chain(site.forwarders.values());
            let mut verdicts = stacks.map(|stack| of_status(&stack.name, &stack.status, "").verdict);
            verdicts.any(|verdict| verdict == Verdict::Bad)
        });
        // Where nothing could be looked at, it is not known that there is nothing.
        match (broken, self.unread.is_empty(), self.site.is_some()) {
            (true, _, true) | (true, true, false) => ExitCode::Failure,
            (_, false, _) => ExitCode::Unreadable,
            (false, true, _) => ExitCode::Fine,
        }
    }

    /// One object.
    pub fn json(&self) -> Value {
        let depth = |depth: Option<Depth>| {
            depth.map(|depth| json!({ "waiting": depth.waiting, "inFlight": depth.in_flight }))
        };
        let undelivered: Map<String, Value> = self
            .undelivered
            .iter()
            .map(|(region, depth)| (region.clone(), json!(depth.map(total))))
            .collect();
        let site = self.site.as_ref();
        let stack = site.and_then(|site| site.stack.as_ref());
        let function = self.function.iter().flatten().next().map(|function| {
            json!({
                "name": FUNCTION,
                "state": function.state,
                "lastUpdateStatus": function.last_update,
                "architecture": function.architecture,
                "codeSha256": function.code_sha256,
                "isDeployedCode": self.is_deployed_code,
                "lastModified": function.modified,
            })
        });
        let forwarders: Vec<Value> = site.into_iter().flat_map(|site| &site.forwarders).map(|(region, stack)| {
            json!({ "region": region, "status": stack.status, "version": stack.outputs.get("Version") })
        }).collect();
        let last = self.last_tagged.iter().flatten().next().map(|line| {
            json!({
                "time": line["timestamp"], "type": line["type"], "arn": line["arn"], "creator": line["creator"],
                "latencyMs": line["latencyMs"],
            })
        });
        json!({
            "account": self.account,
            // Where not everything could be looked at, it may be there all the same.
            "deployed": if site.is_some() { Some(true) } else { self.unread.is_empty().then_some(false) },
            "homeRegion": site.map(|site| &site.home),
            "toolVersion": VERSION,
            "version": site.and_then(|site| site.output("Version")),
            "stack": stack.map(|stack| json!({ "name": stack.name, "status": stack.status })),
            "function": function,
            "settings": self.settings.as_ref().map(|read| match read {
                Ok(lines) => lines.iter().map(|(about, what)| json!({ "about": about, "what": what })).collect(),
                Err(error) => json!({ "refused": error }),
            }),
            "delivery": site.map(|site| if site.is_queued() { "queue" } else { "direct" }),
            "trail": site.and_then(|site| site.output("Trail")),
            "forwarders": forwarders,
            "uncoveredRegions": site.map(coverage::uncovered),
            "lastTagged": last,
            "lastDay": self.day.as_ref().map(|day| {
                let counts = day.iter().map(|(reason, count)| (reason.as_str().to_owned(), json!(count)));
                Value::Object(counts.collect())
            }),
            "deadLetters": self.dead_letters.map(total),
            "undelivered": undelivered,
            "retries": depth(self.retries),
            "events": depth(self.events),
            "reconcile": self.reconcile.as_ref().map(reconcile_json),
            "unread": self.unread,
        })
    }

    /// A table, and below it what to do.
    pub fn text(&self) -> String {
        let Some(site) = &self.site else {
            let mut text = if self.unread.is_empty() {
                format!(
                    "Not deployed in account {}. `tagger deploy --dry-run` shows what it would make.\n",
                    self.account
                )
            } else {
                format!("Whether it is deployed in account {} is not known.\n", self.account)
            };
            text.push_str(&self.unread_lines());
            return text;
        };
        let (mut rows, mut notes) = (Vec::new(), Vec::new());
        let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
        row("account", self.account.clone());
        row("home region", site.home.clone());
        match &site.stack {
            Some(stack) => row("stack", format!("{} {}", stack.name, stack.status)),
            None => row("stack", "none: the function was made without one".to_owned()),
        }
        let mut of_stack = |name: &str, region: &str, stack: &tagger_aws::account::stacks::Stack| {
            let status = of_status(&stack.name, &stack.status, &stack.reason);
            let version = stack.outputs.get("Version").map(|version| of_version("version", version));
            for check in
                [Some(status), version].into_iter().flatten().filter(|check| check.verdict != Verdict::Ok)
            {
                let fix = check.fix.map(|fix| format!(": {fix}")).unwrap_or_default();
                notes.push(format!("{name} in {region}: {}{fix}.", check.message));
            }
        };
        if let Some(stack) = &site.stack {
            of_stack("The stack", &site.home, stack);
        }
        for (region, stack) in &site.forwarders {
            of_stack("The forwarder", region, stack);
        }
        row("version", format!("{} (this tagger: {VERSION})", site.output("Version").unwrap_or("not known")));
        row(
            "function",
            match &self.function {
                Some(Some(function)) => {
                    let sha: String = function.code_sha256.chars().take(12).collect();
                    let (state, update) = (&function.state, &function.last_update);
                    format!(
                        "{state}, last update {update}, {}, code {sha}, {}",
                        function.architecture, function.modified
                    )
                }
                Some(None) => "not there; `tagger doctor` says more".to_owned(),
                None => "not read".to_owned(),
            },
        );
        match &self.settings {
            None => row("settings", "not read".to_owned()),
            Some(Err(error)) => row("settings", format!("refused, so nothing is tagged: {error}")),
            Some(Ok(lines)) => lines.iter().for_each(|(about, what)| row(about, what.clone())),
        }
        row("delivery", if site.is_queued() { "queue" } else { "direct" }.to_owned());
        if let Some(trail) = site.output("Trail") {
            row("trail", trail.to_owned());
        }
        for (region, stack) in &site.forwarders {
            let version = stack.outputs.get("Version").map_or("version not known", String::as_str);
            row("forwarder", format!("{region} {version} {}", stack.status));
        }
        row("last tagged", self.last());
        row(
            "last 24 hours",
            match self.day.as_deref() {
                Some([]) => "nothing created".to_owned(),
                Some(day) => {
                    let words = day.iter().map(|(reason, count)| format!("{count} {}", reason.as_str()));
                    words.collect::<Vec<_>>().join(", ")
                }
                None => "not counted".to_owned(),
            },
        );
        if let Some(seen) = &self.reconcile {
            reconcile_rows(seen).into_iter().for_each(|(name, value)| row(name, value));
        }
        if site.stack.is_some() {
            let depth = |depth: Option<Depth>| match depth {
                Some(depth) => format!("{} waiting, {} in work", depth.waiting, depth.in_flight),
                None => "not read".to_owned(),
            };
            let number = |depth: Option<Depth>| {
                depth.map_or_else(|| "not read".to_owned(), |depth| total(depth).to_string())
            };
            if site.is_queued() {
                row("events queue", depth(self.events));
            }
            row("retries", depth(self.retries));
            row("dead letters", number(self.dead_letters));
            for (region, undelivered) in &self.undelivered {
                row("undelivered", format!("{} in {region}", number(*undelivered)));
            }
            if self.dead_letters.is_some_and(|depth| total(depth) > 0)
                || self.undelivered.iter().any(|(_, depth)| depth.is_some_and(|depth| total(depth) > 0))
            {
                notes.push("`tagger redrive` shows what was given up, and moves it back.".to_owned());
            }
        }
        if self.is_deployed_code == Some(false) {
            let words = "The function's code is NOT that of the zip which the stack names: `tagger doctor` says more.";
            notes.push(words.to_owned());
        }
        let uncovered = coverage::uncovered(site);
        if !uncovered.is_empty() {
            notes.push(format!(
                "Not covered: {}. `tagger deploy --region {} --regions all` covers every region.",
                some(&uncovered, 6),
                site.home
            ));
        }
        let mut text = output::columns(&rows);
        if !notes.is_empty() {
            text.push('\n');
            notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        }
        text.push_str(&self.unread_lines());
        text
    }

    fn last(&self) -> String {
        let line = match &self.last_tagged {
            Some(Some(line)) => line,
            Some(None) => return "nothing within 7 days; `tagger doctor` says why".to_owned(),
            None => return "not read".to_owned(),
        };
        let text = |name: &str| line[name].as_str().unwrap_or("?");
        format!("{} {} {} by {}", text("timestamp"), text("type"), text("arn"), text("creator"))
    }

    fn unread_lines(&self) -> String {
        self.unread.iter().map(|unread| format!("\nNot read: {unread}\n")).collect()
    }
}

fn reconcile_json(seen: &Seen) -> Value {
    let marks = seen.marks.as_ref().ok().and_then(Option::as_ref);
    let regions: Option<Map<String, Value>> = marks.map(|marks| {
        let of = |(region, mark): (&String, &Mark)| {
            let behind = reconcile::behind(seen.now, mark.at);
            let line = json!({ "until": time::at(mark.at), "behindSeconds": behind, "backfillUntil": mark.backfill.map(time::at) });
            (region.clone(), line)
        };
        marks.iter().map(of).collect()
    });
    json!({
        "on": seen.on,
        "rule": seen.rule.as_ref().ok().and_then(Option::as_ref),
        "regions": regions,
        "lastRun": seen.last.as_ref().ok().and_then(Option::as_ref).map(reconcile::run_json),
    })
}

/// One row for each region, and before them how the last run ended.
fn reconcile_rows(seen: &Seen) -> Vec<(&'static str, String)> {
    if !seen.on {
        return vec![("reconcile", "off".to_owned())];
    }
    let schedule = match &seen.rule {
        Ok(Some(state)) if state == "ENABLED" => "hourly".to_owned(),
        Ok(Some(state)) => format!("the rule is {state}"),
        Ok(None) => "there is no rule".to_owned(),
        Err(_) => "rule not read".to_owned(),
    };
    let last = match &seen.last {
        Ok(Some(line)) => {
            let text = |name: &str| line[name].as_str().unwrap_or("?");
            let missed = line["missed"].as_u64().map_or_else(|| "?".to_owned(), |missed| missed.to_string());
            let ended = if line["level"] == "INFO" { "" } else { ", which did not get to its end" };
            format!("last run {}{ended}: {missed} missed", text("timestamp"))
        }
        Ok(None) => "no run within 6 hours".to_owned(),
        Err(_) => "last run not read".to_owned(),
    };
    let mut rows = vec![("reconcile", format!("{schedule}, {last}"))];
    match &seen.marks {
        Ok(Some(marks)) => rows.extend(marks.iter().map(|(region, mark)| {
            let behind = match (reconcile::behind(seen.now, mark.at), mark.backfill) {
                (0, _) => String::new(),
                (_, Some(_)) => ", a backfill is under way".to_owned(),
                (behind, None) => format!(", {} behind", reconcile::hours(behind)),
            };
            ("reconciled", format!("{region} until {}{behind}", time::at(mark.at)))
        })),
        Ok(None) => rows.push(("reconciled", "there is no function; `tagger doctor` says more".to_owned())),
        Err(_) => rows.push(("reconciled", "not read".to_owned())),
    }
    rows
}

fn total(depth: Depth) -> u64 {
    depth.waiting + depth.in_flight
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::stacks::Stack;

    fn view(status: &str) -> View {
        let stack = Stack { name: "auto-resource-tagger".into(), status: status.into(), ..Stack::default() };
        let site = Site {
            home: "us-east-1".into(),
            stack: Some(stack),
            regions: vec!["eu-west-1".into(), "us-east-1".into()],
            ..Site::default()
        };
        let empty = Some(Depth::default());
        View {
            site: Some(site),
            dead_letters: empty,
            retries: empty,
            undelivered: vec![("us-east-1".into(), empty)],
            day: Some(vec![(Reason::Tagged, 2)]),
            ..View::default()
        }
    }

    #[test]
    fn exit_codes() {
        let unread = |mut view: View| {
            view.unread.push("x".into());
            view
        };
        for (case, view, expected) in [
            ("fine", view("CREATE_COMPLETE"), ExitCode::Fine),
            ("broken", view("ROLLBACK_COMPLETE"), ExitCode::Failure),
            ("broken and unread", unread(view("ROLLBACK_COMPLETE")), ExitCode::Failure),
            ("unread", unread(view("CREATE_COMPLETE")), ExitCode::Unreadable),
            ("nowhere", View::default(), ExitCode::Failure),
            ("not known", unread(View::default()), ExitCode::Unreadable),
        ] {
            assert_eq!(view.exit_code(), expected, "{case}");
        }
    }

    #[test]
    fn how_far_it_is_reconciled() {
        let now = 1_795_509_000;
        let mark = |age, backfill| Mark { at: now - age, backfill };
        let marks = [
            ("eu-west-1".to_owned(), mark(4 * 3600, None)),
            ("us-east-1".to_owned(), mark(3600, None)),
            ("us-west-2".to_owned(), mark(50 * 86_400, Some(now - 3600))),
        ];
        let last =
            json!({"timestamp": "2026-11-24T08:00:00Z", "code": "reconcile", "level": "INFO", "missed": 3});
        let seen = Seen {
            on: true,
            marks: Ok(Some(marks.into_iter().collect())),
            rule: Ok(Some("ENABLED".to_owned())),
            last: Ok(Some(last)),
            now,
        };
        let view = View { reconcile: Some(seen), ..view("CREATE_COMPLETE") };
        let found = &view.json()["reconcile"];
        assert_eq!(
            found["regions"]["eu-west-1"],
            json!({"until": time::at(now - 4 * 3600), "behindSeconds": 3 * 3600, "backfillUntil": null})
        );
        assert_eq!((&found["rule"], &found["lastRun"]["missed"]), (&json!("ENABLED"), &json!(3)));
        let text = view.text();
        for words in [
            "hourly, last run 2026-11-24T08:00:00Z: 3 missed",
            "eu-west-1 until ",
            ", 3 hours behind\n",
            ", a backfill is under way\n",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let off = Seen { on: false, marks: Ok(None), rule: Ok(None), last: Ok(None), now };
        let view = View { reconcile: Some(off), ..self::view("CREATE_COMPLETE") };
        assert_eq!(view.json()["reconcile"]["on"], false);
        assert!(view.text().contains("reconcile      off"), "{}", view.text());
    }

    #[test]
    fn a_number_is_a_number_and_unknown_is_null() {
        let mut view = view("CREATE_COMPLETE");
        assert_eq!(view.json()["deadLetters"], 0);
        assert_eq!(view.json()["uncoveredRegions"], json!(["eu-west-1"]));
        view.dead_letters = None;
        assert_eq!(view.json()["deadLetters"], Value::Null);
        assert!(view.text().contains("dead letters   not read"), "{}", view.text());
        assert!(view.text().contains("Not covered: eu-west-1."), "{}", view.text());
    }
}

//! What `tagger status` saw, as text and as JSON. Pure.
//!
//! The JSON is stable, one object:
//!
//! ```json
//! {"account":"111122223333","deployed":true,"homeRegion":"us-east-1","toolVersion":"0.1.0","version":"0.1.0",
//!  "stack":{"name":"auto-resource-tagger","status":"CREATE_COMPLETE"},
//!  "function":{"name":"…","state":"Active","lastUpdateStatus":"Successful","architecture":"arm64","codeSha256":"…","lastModified":"…"},
//!  "delivery":"direct","trail":"…","forwarders":[{"region":"…","status":"…","version":"…"}],"uncoveredRegions":["…"],
//!  "lastTagged":{"time":"…","type":"…","arn":"…","creator":"…","latencyMs":900},
//!  "lastDay":{"tagged":12,"failed":0},
//!  "deadLetters":0,"undelivered":{"us-east-1":0},"retries":{"waiting":0,"inFlight":0},"events":{"waiting":0,"inFlight":0},
//!  "unread":["what could not be read, and why"]}
//! ```
//!
//! What could not be read is `null`, and `unread` says why; `events` is `null` too with `Delivery=direct`.

use super::{
    super::doctor::{
        coverage,
        queues::Asked,
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
use tagger_aws::account::{Trouble, queues::Depth};

/// All of it.
#[derive(Debug, Default)]
pub struct View {
    /// The account.
    pub account: String,
    /// Where it is; none when it is nowhere.
    pub site: Option<Site>,
    /// The function.
    pub function: Known,
    /// The newest line of the log that says `tagged`, if there is one; none when it was not read.
    pub last_tagged: Option<Option<Value>>,
    /// Tagged and failed within a day.
    pub day: Option<(usize, usize)>,
    /// What was given up.
    pub dead_letters: Option<Depth>,
    /// What rules could not deliver, by region.
    pub undelivered: Vec<(String, Option<Depth>)>,
    /// What is tried again.
    pub retries: Option<Depth>,
    /// What waits in the events queue.
    pub events: Option<Depth>,
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
            "delivery": site.map(|site| if site.is_queued() { "queue" } else { "direct" }),
            "trail": site.and_then(|site| site.output("Trail")),
            "forwarders": forwarders,
            "uncoveredRegions": site.map(coverage::uncovered),
            "lastTagged": last,
            "lastDay": self.day.map(|(tagged, failed)| json!({ "tagged": tagged, "failed": failed })),
            "deadLetters": self.dead_letters.map(total),
            "undelivered": undelivered,
            "retries": depth(self.retries),
            "events": depth(self.events),
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
                let mend = check.mend.map(|mend| format!(": {mend}")).unwrap_or_default();
                notes.push(format!("{name} in {region}: {}{mend}.", check.message));
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
            match self.day {
                Some((tagged, failed)) => format!("{tagged} tagged, {failed} failed tries"),
                None => "not counted".to_owned(),
            },
        );
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
            day: Some((2, 0)),
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

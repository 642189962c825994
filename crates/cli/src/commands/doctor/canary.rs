//! The canary: a queue is created, its tag is waited for, and the queue is removed, whatever happens in between.
//!
//! [`run`] acts; what the log says of it is read by pure functions.

use super::report::{Check, Verdict};
use crate::aws::Stop;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};
use tagger_aws::account::{Account, log::Line, queues::Queues};
use tagger_core::Policy;

/// How the name of every canary begins.
pub const CANARY: &str = "auto-resource-tagger-canary-";
/// How often the tags are asked for.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is said that it is still waiting.
const PROGRESS: Duration = Duration::from_secs(60);
/// A trail that logs for less than this may not have delivered its first event yet. AWS names no time; a new trail was
/// seen to need more than five minutes, and CloudTrail's own deliveries take five on the average and more at times:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
const FRESH: Duration = Duration::from_secs(30 * 60);
/// How long the log line of what is tagged already is waited for; it comes with the end of the call.
const LOG: Duration = Duration::from_secs(20);

/// What the canary needs to know.
pub struct Canary<'a> {
    /// The account, and who asks.
    pub account: &'a Account,
    /// The home region, where the queue is made.
    pub region: &'a str,
    /// The function's log.
    pub log: &'a str,
    /// The deployed settings, as far as they are known.
    pub policy: &'a Policy,
    /// How long to wait.
    pub wait: Duration,
    /// Since when the trail logs that the events come from, where that is known.
    pub trail_since: Option<SystemTime>,
    /// Ctrl-C.
    pub stop: &'a Stop,
}

/// What was seen of the queue's life.
struct Seen {
    /// When SQS was asked to create it.
    asked: SystemTime,
    /// How long its answer took.
    created: Duration,
    /// The tags, and how long after the asking they were seen; none when time was over.
    tagged: Option<(BTreeMap<String, String>, Duration)>,
    /// What the log says of it.
    lines: Vec<Value>,
    /// Why the log was not read.
    unread: Option<String>,
    /// Why the tags were not read the last time, where they never were.
    no_tags: Option<String>,
    /// How old the trail was at the end, where that is known.
    trail_age: Option<Duration>,
    /// Whether the user stopped it.
    stopped: bool,
}

/// A name that nobody else has.
pub fn name() -> String {
    let seconds =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    format!("{CANARY}{seconds}-{}", std::process::id())
}

/// What would be done.
pub fn plan(canary: &Canary, name: &str) -> Check {
    let message = format!(
        "would create the SQS queue {name} in {} as {}, wait {} seconds for its tag {}, and remove it; nothing was done",
        canary.region,
        canary.account.caller,
        canary.wait.as_secs(),
        canary.policy.tag.key
    );
    Check::new("canary", Verdict::Info, message)
}

/// Creates it, watches, and removes it. `say` prints what is found on the way.
///
/// # Errors
/// What `say` returned; the queue is removed before.
pub async fn run<E>(
    canary: &Canary<'_>,
    name: &str,
    say: &mut dyn FnMut(&Check) -> Result<(), E>,
) -> Result<(), E> {
    let queues = canary.account.queues(canary.region);
    let (asked, started) = (SystemTime::now(), Instant::now());
    let address = match queues.make(name).await {
        Ok(address) => address,
        Err(trouble) => {
            say(&Check::unknown("canary", &trouble))?;
            // The answer may be lost, and the queue there.
            if let Ok(Some(address)) = queues.address(name).await {
                say(&removed(canary, &queues, &address, name).await)?;
            }
            return Ok(());
        }
    };
    let created = started.elapsed();
    let message = format!("created {name}, waiting {} seconds at most for its tag", canary.wait.as_secs());
    let said = say(&Check::new("canary", Verdict::Info, message).detail("queue", name));
    let mut seen = Seen {
        asked,
        created,
        tagged: None,
        lines: Vec::new(),
        unread: None,
        no_tags: None,
        trail_age: None,
        stopped: false,
    };
    // Whatever cannot be printed, the queue goes.
    let said = match said {
        Ok(()) => watch(canary, &queues, &address, started, &mut seen, say).await,
        error => error,
    };
    seen.trail_age = canary.trail_since.and_then(|since| SystemTime::now().duration_since(since).ok());
    let removed = removed(canary, &queues, &address, name).await;
    let arn =
        format!("arn:{}:sqs:{}:{}:{name}", canary.account.partition.name, canary.region, canary.account.id);
    said?;
    say(&judge(canary.policy, &arn, &seen))?;
    say(&removed)
}

async fn removed(canary: &Canary<'_>, queues: &Queues, address: &str, name: &str) -> Check {
    match queues.remove(address).await {
        Ok(()) => Check::ok("canary-removed", format!("{name} is removed")),
        Err(trouble) => {
            let message = format!("{name} is still there: {}: {}", trouble.code, trouble.message);
            let fix = format!("`aws sqs delete-queue --queue-url {address} --region {}`", canary.region);
            Check::new("canary-removed", Verdict::Bad, message).fix(fix)
        }
    }
}

/// # Errors
/// What `say` returned.
async fn watch<E>(
    canary: &Canary<'_>,
    queues: &Queues,
    address: &str,
    started: Instant,
    seen: &mut Seen,
    say: &mut dyn FnMut(&Check) -> Result<(), E>,
) -> Result<(), E> {
    let key = &canary.policy.tag.key;
    let (mut read, mut next) = (false, PROGRESS);
    while seen.tagged.is_none() && started.elapsed() < canary.wait {
        // What cannot be read now may be readable in a moment; the log says the rest.
        match queues.tags(address).await {
            Ok(tags) if tags.contains_key(key) => {
                (seen.tagged, seen.no_tags) = (Some((tags, started.elapsed())), None);
                break;
            }
            Ok(_) => (read, seen.no_tags) = (true, None),
            Err(trouble) if !read => seen.no_tags = Some(format!("{}: {}", trouble.call, trouble.code)),
            Err(_) => {}
        }
        if started.elapsed() >= next && next < canary.wait {
            next += PROGRESS;
            say(&waiting(canary, started.elapsed()))?;
        }
        canary.stop.wait(PAUSE).await;
        if canary.stop.is_asked() {
            seen.stopped = true;
            break;
        }
    }
    let until = Instant::now() + if seen.tagged.is_some() { LOG } else { Duration::ZERO };
    let pattern = "{ ($.eventName = \"CreateQueue\") || ($.level = \"ERROR\") }";
    loop {
        match canary
            .account
            .log(canary.region, canary.log, pattern, seen.asked - Duration::from_secs(5), 5)
            .await
        {
            Ok(lines) => seen.lines = parsed(&lines.unwrap_or_default().lines),
            Err(trouble) => seen.unread = Some(format!("{}: {}", trouble.call, trouble.code)),
        }
        let arn = address.rsplit('/').next().unwrap_or_default();
        let told = seen.lines.iter().any(|line| line["arn"].as_str().is_some_and(|text| text.ends_with(arn)));
        if told || seen.unread.is_some() || Instant::now() >= until || canary.stop.is_asked() {
            return Ok(());
        }
        canary.stop.wait(PAUSE).await;
    }
}

/// That it is still waiting.
fn waiting(canary: &Canary<'_>, passed: Duration) -> Check {
    let age = canary.trail_since.and_then(|since| SystemTime::now().duration_since(since).ok());
    let fresh = age.filter(|age| *age < FRESH).map(|age| format!("; {}", fresh(age))).unwrap_or_default();
    let message = format!(
        "no tag after {} of {} seconds, still waiting{fresh}",
        passed.as_secs(),
        canary.wait.as_secs()
    );
    Check::new("canary", Verdict::Info, message)
}

/// What a young trail means.
fn fresh(age: Duration) -> String {
    format!(
        "the trail logs only since {} minutes ago, and a new trail can need a quarter of an hour and more until its first event",
        age.as_secs() / 60
    )
}

fn parsed(lines: &[Line]) -> Vec<Value> {
    lines.iter().filter_map(Line::json).collect()
}

/// What was seen says.
fn judge(policy: &Policy, arn: &str, seen: &Seen) -> Check {
    let name = "canary";
    let own = seen.lines.iter().rev().find(|line| line["arn"] == arn);
    let Some((tags, passed)) = &seen.tagged else {
        let time = if seen.stopped {
            "it was stopped before the tag was seen".to_owned()
        } else {
            "no tag came".to_owned()
        };
        return no_tag(seen, own, &time);
    };
    let value = tags.get(&policy.tag.key).map_or("", String::as_str);
    let hops = hops(own, seen, *passed);
    let words: Vec<String> = hops.iter().map(|(what, time)| format!("{what} {time:.1} s")).collect();
    let creator = own.and_then(|line| line["creator"].as_str());
    let plain = policy.tag.value.as_str() == "{name}";
    let further: Vec<_> = policy
        .further
        .iter()
        .filter(|tag| !tags.contains_key(&tag.key))
        .map(|tag| tag.key.as_str())
        .collect();
    let message =
        format!("{}={value} after {:.1} s: {}", policy.tag.key, passed.as_secs_f64(), words.join(", "));
    let check = match (own, creator) {
        _ if seen.unread.is_some() => {
            let why = seen.unread.as_deref().unwrap_or_default();
            let message = format!("{message}; who wrote it is not known, since the log was not read ({why})");
            Check::new(name, Verdict::Warn, message)
        }
        (None, _) => {
            let message = format!(
                "{message}; the function's log has no line of it, so somebody else may have tagged it"
            );
            Check::new(name, Verdict::Warn, message).fix("look for a second tagger")
        }
        (Some(_), Some(creator)) if plain && tagger_core::value::fit(creator) != value => {
            let message = format!(
                "{message}; the function takes {creator} for the creator, so another tagger wrote this"
            );
            Check::new(name, Verdict::Bad, message).fix("look for a second tagger")
        }
        _ if !further.is_empty() => {
            let message =
                format!("{message}; without {}, whose templates gave nothing here", further.join(", "));
            Check::new(name, Verdict::Warn, message).fix("`tagger explain` on the record says why")
        }
        _ => Check::ok(name, message),
    };
    let hops: serde_json::Map<String, Value> =
        hops.into_iter().map(|(what, time)| (camel(what), json!((time * 10.0).round() / 10.0))).collect();
    check
        .detail("value", value)
        .detail("seconds", (passed.as_secs_f64() * 10.0).round() / 10.0)
        .detail("hopsSeconds", hops)
}

/// How long each hop took, as far as the log tells. CloudTrail's `eventTime` has whole seconds, and CloudTrail,
/// EventBridge and Lambda are one hop, since none of them writes down when it handed on.
fn hops(line: Option<&Value>, seen: &Seen, passed: Duration) -> Vec<(&'static str, f64)> {
    let mut hops = vec![("SQS created it in", seen.created.as_secs_f64())];
    let tagged = line.and_then(|line| tagger_aws::time::parse(line["timestamp"].as_str()?));
    if let Some(tagged) = tagged {
        let until = tagged.duration_since(seen.asked).unwrap_or(Duration::ZERO);
        let way = until.saturating_sub(seen.created).as_secs_f64();
        hops.push(("CloudTrail, EventBridge and the function until it was tagged", way));
        hops.push(("until it was seen here", passed.saturating_sub(until).as_secs_f64()));
    }
    hops
}

/// A hop's name in JSON.
fn camel(what: &str) -> String {
    match what {
        "SQS created it in" => "created",
        "until it was seen here" => "seen",
        _ => "tagged",
    }
    .to_owned()
}

/// Why there is no tag, as far as the log tells.
fn no_tag(seen: &Seen, own: Option<&Value>, time: &str) -> Check {
    let bad = |message: String| Check::new("canary", Verdict::Bad, message);
    if let Some(why) = &seen.no_tags {
        let log = own
            .and_then(|line| line["outcome"].as_str().or(line["waiting"].as_str()))
            .map(|outcome| format!("; the function's log says `{outcome}`"));
        let message = format!(
            "whether the tag came is not known: the tags were not read ({why}){}",
            log.unwrap_or_default()
        );
        return Check::new("canary", Verdict::Unknown, message).fix("this principal needs sqs:ListQueueTags");
    }
    let young = seen.trail_age.filter(|age| *age < FRESH);
    if let Some(why) = &seen.unread {
        let message = format!("{time}, and the log was not read ({why})");
        let unsure = seen.stopped || young.is_some();
        let message = young.map_or(message.clone(), |age| format!("{message}; {}", fresh(age)));
        return Check::new("canary", if unsure { Verdict::Unknown } else { Verdict::Bad }, message);
    }
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    if let Some(line) = own {
        let outcome = match text(line, "waiting") {
            waiting if waiting.is_empty() => text(line, "outcome"),
            waiting => format!("it is tried again, {waiting}"),
        };
        return match outcome.as_str() {
            "tagged" | "already-tagged" => {
                let message = format!("{time}, although the function says `{outcome}`: somebody takes it away, or its key is another");
                bad(message).fix("look for a second tagger, and at the settings")
            }
            _ => bad(format!("{time}: {outcome}: {} answered {}: {}", text(line, "call"), text(line, "error"), text(line, "message")))
                .fix(
                    "what each outcome means: docs/operations.md#the-log; the canary's own event becomes a dead letter, since its \
                     queue is removed now",
                ),
        };
    }
    // A decision to leave it alone names no ARN; the newest such line of a queue's creation is ours or its twin.
    let decision =
        seen.lines.iter().rev().find(|line| {
            line["eventName"] == "CreateQueue" && line["code"].is_string() && line["arn"].is_null()
        });
    if let Some(line) = decision {
        let (code, creator) = (text(line, "code"), text(line, "creator"));
        let message =
            format!("{time}: the function left the creation of a queue by {creator} alone, `{code}`");
        return bad(message).fix(format!("what it means: docs/diagnostics.md#{code}"));
    }
    let failure =
        seen.lines.iter().rev().find(|line| line["eventName"].is_null() && line["level"] == "ERROR");
    if let Some(line) = failure {
        return bad(format!("{time}: {}: {}", text(line, "code"), text(line, "message")));
    }
    let message = format!(
        "{time}, and the function's log has no line of it: the event did not reach the function, or the function does not start"
    );
    if let Some(age) = young {
        return Check::new("canary", Verdict::Unknown, format!("{time}, and the event did not reach the function yet: {}", fresh(age)))
            .fix("run `tagger doctor --canary` again in a quarter of an hour; nothing is lost, reconciling tags what was created meanwhile");
    }
    if seen.stopped {
        return Check::new("canary", Verdict::Unknown, message).fix("give it more time");
    }
    bad(message).fix(
        "the first BAD line above says why; without one, CloudTrail was slow, which takes up to 15 minutes and more at \
         times: run it again with a longer `--wait`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:111122223333:canary";

    fn seen(tag: Option<&str>, lines: Vec<Value>) -> Seen {
        let asked = tagger_aws::time::parse("2026-11-24T08:30:00Z").unwrap();
        let tags = |value: &str| [("CreatedBy".to_owned(), value.to_owned())].into();
        Seen {
            asked,
            created: Duration::from_millis(200),
            tagged: tag.map(|value| (tags(value), Duration::from_millis(3_000))),
            lines,
            unread: None,
            no_tags: None,
            trail_age: None,
            stopped: false,
        }
    }

    fn line(outcome: &str, creator: &str) -> Value {
        json!({"timestamp": "2026-11-24T08:30:02.700Z", "eventName": "CreateQueue", "arn": ARN, "outcome": outcome, "creator": creator,
            "call": "sqs:TagQueue", "error": "AccessDenied", "message": "no"})
    }

    #[test]
    fn each_end_has_its_sentence() {
        let policy = Policy::default();
        let decision = json!({"eventName": "CreateQueue", "code": "principal-excluded", "creator": "alice"});
        let broken =
            json!({"level": "ERROR", "code": "configuration", "message": "TAGGER_KEI: unknown variable"});
        for (case, seen, verdict, words) in [
            (
                "tagged",
                seen(Some("alice"), vec![line("tagged", "alice")]),
                Verdict::Ok,
                "CreatedBy=alice after 3.0 s: SQS created it in 0.2 s, CloudTrail, EventBridge and the function until it was tagged 2.5 s, until it was seen here 0.3 s",
            ),
            (
                "by another",
                seen(Some("bob"), vec![line("already-tagged", "alice")]),
                Verdict::Bad,
                "another tagger wrote this",
            ),
            ("without a line", seen(Some("alice"), vec![]), Verdict::Warn, "somebody else may have"),
            (
                "denied",
                seen(None, vec![line("denied", "alice")]),
                Verdict::Bad,
                "denied: sqs:TagQueue answered AccessDenied",
            ),
            ("taken away", seen(None, vec![line("tagged", "alice")]), Verdict::Bad, "somebody takes it away"),
            ("left alone", seen(None, vec![decision]), Verdict::Bad, "by alice alone, `principal-excluded`"),
            ("settings", seen(None, vec![broken]), Verdict::Bad, "configuration: TAGGER_KEI"),
            ("nothing", seen(None, vec![]), Verdict::Bad, "did not reach the function"),
            ("stopped", Seen { stopped: true, ..seen(None, vec![]) }, Verdict::Unknown, "stopped before"),
            (
                "a trail of ten minutes ago",
                Seen { trail_age: Some(Duration::from_secs(600)), ..seen(None, vec![]) },
                Verdict::Unknown,
                "the trail logs only since 10 minutes ago",
            ),
            (
                "a trail of ten minutes ago, and the function denied",
                Seen {
                    trail_age: Some(Duration::from_secs(600)),
                    ..seen(None, vec![line("denied", "alice")])
                },
                Verdict::Bad,
                "denied: sqs:TagQueue",
            ),
            (
                "a trail of an hour ago",
                Seen { trail_age: Some(Duration::from_secs(3600)), ..seen(None, vec![]) },
                Verdict::Bad,
                "did not reach the function",
            ),
            (
                "the tags may not be read",
                Seen { no_tags: Some("sqs:ListQueueTags: AccessDenied".to_owned()), ..seen(None, vec![]) },
                Verdict::Unknown,
                "not known: the tags were not read",
            ),
            (
                "tagged, and the log may not be read",
                Seen {
                    unread: Some("logs:FilterLogEvents: AccessDenied".to_owned()),
                    ..seen(Some("alice"), vec![])
                },
                Verdict::Warn,
                "who wrote it is not known",
            ),
        ] {
            let check = judge(&policy, ARN, &seen);
            assert_eq!(check.verdict, verdict, "{case}: {check:?}");
            assert!(check.message.contains(words), "{case}: {check:?}");
        }
        let check = judge(&policy, ARN, &seen(Some("alice"), vec![line("tagged", "alice")]));
        assert_eq!(check.details["hopsSeconds"], json!({"created": 0.2, "tagged": 2.5, "seen": 0.3}));
    }
}

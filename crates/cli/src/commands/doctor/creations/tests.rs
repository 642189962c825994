//! What is concluded from the event history and the log together.

use super::*;
use serde_json::json;

fn line(id: &str, level: &str, outcome: &str) -> Line {
    let message = json!({"eventID": id, "level": level, "outcome": outcome, "arn": "a", "call": "sqs:TagQueue", "error": "AccessDenied"});
    Line { at: 0, message: message.to_string() }
}

/// All of three hours, in one region.
const ALL: Looked = Looked {
    calls: 7,
    covers: Duration::from_secs(3 * 3600 - 300),
    complete: true,
    regions: 1,
    unreadable: 0,
};

#[test]
fn history_and_log_together() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_509_000);
    let creation = |id: &str, minutes: u64| Creation {
        id: id.to_owned(),
        words: format!("CreateQueue {id}"),
        at: now - Duration::from_secs(minutes * 60),
    };
    let log = |lines: Vec<Line>| Ok(Some(Lines { lines, complete: true }));
    let waits = Line {
        at: 0,
        message: json!({"eventID": "1", "level": "INFO", "waiting": "not-ready", "arn": "a"}).to_string(),
    };
    // A busy account: 98 seconds of it are a thousand calls.
    let part = Looked { calls: 1_000, covers: Duration::from_secs(98), complete: false, ..ALL };
    for (case, created, looked, log, expected, words) in [
        (
            "tagged",
            vec![creation("1", 60)],
            ALL,
            log(vec![line("1", "INFO", "tagged")]),
            Verdict::Ok,
            "1 creation was tagged, or left alone as the settings say; looked at all 7 calls that write of the last 3 hours",
        ),
        (
            "lost",
            vec![creation("1", 60), creation("2", 50)],
            ALL,
            log(vec![line("1", "INFO", "tagged")]),
            Verdict::Bad,
            "1 of 2 creations never reached the function: CreateQueue 2; looked at all 7 calls",
        ),
        (
            "under way",
            vec![creation("1", 1)],
            ALL,
            log(vec![]),
            Verdict::Info,
            "1 of the last 5 minutes may be under way",
        ),
        (
            "tagged, and one under way",
            vec![creation("1", 60), creation("2", 1)],
            ALL,
            log(vec![line("1", "INFO", "tagged")]),
            Verdict::Ok,
            "; 1 of the last 5 minutes may be under way",
        ),
        (
            "waits",
            vec![creation("1", 60)],
            ALL,
            log(vec![waits]),
            Verdict::Info,
            "no creation is seen to be tagged yet; 1 wait for their next try",
        ),
        (
            "failed",
            vec![creation("1", 60)],
            ALL,
            log(vec![line("1", "ERROR", "denied")]),
            Verdict::Bad,
            "(denied: sqs:TagQueue answered AccessDenied)",
        ),
        (
            "failed, then tagged",
            vec![creation("1", 60)],
            ALL,
            log(vec![line("1", "ERROR", "not-ready"), line("1", "INFO", "tagged")]),
            Verdict::Ok,
            "was tagged",
        ),
        ("nothing", vec![], ALL, log(vec![]), Verdict::Info, "nothing that would be tagged was created"),
        (
            "no creation in what was read of a busy account",
            vec![],
            part,
            log(vec![]),
            Verdict::Unknown,
            "is not known: looked at 1000 calls that write: the newest 98 seconds",
        ),
        (
            "tagged, in a busy account",
            vec![creation("1", 60)],
            part,
            log(vec![line("1", "INFO", "tagged")]),
            Verdict::Ok,
            "there are more than could be read",
        ),
        (
            "unreadable records",
            vec![],
            Looked { unreadable: 2, ..ALL },
            log(vec![]),
            Verdict::Unknown,
            "2 records could not be read",
        ),
        ("cut log", vec![creation("1", 60)], ALL, Ok(Some(Lines::default())), Verdict::Unknown, "too long"),
        ("no log", vec![creation("1", 60)], ALL, Ok(None), Verdict::Bad, "no log group"),
        (
            "refused",
            vec![],
            ALL,
            Err(Trouble::new("logs:FilterLogEvents", "us-east-1", "AccessDenied", "no")),
            Verdict::Unknown,
            "not looked at",
        ),
    ] {
        let found = judge(&created, &log, now, looked);
        assert_eq!(found[0].verdict, expected, "{case}: {found:?}");
        assert!(found[0].message.contains(words), "{case}: {found:?}");
        // What was looked at stands in the JSON of whatever concludes from it.
        let said = found[0].details.contains_key("lookedAt");
        assert_eq!(log.as_ref().is_ok_and(Option::is_some), said, "{case}: {found:?}");
    }
}

#[test]
fn errors_are_counted() {
    let lines = vec![line("1", "ERROR", "denied"), line("2", "ERROR", "denied"), line("3", "INFO", "tagged")];
    let check = errors(&Ok(Some(Lines { lines, complete: true }))).unwrap();
    assert!(check.message.ends_with("2 x denied: sqs:TagQueue answered AccessDenied"), "{check:?}");
    assert_eq!(errors(&Ok(Some(Lines::default()))), None);
}

//! Does a trail send the creations? EventBridge has CloudTrail's events only where a trail logs them:
//! <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-cloudtrail.html>

use super::report::{Check, Verdict, some};
use std::time::SystemTime;
use tagger_aws::account::{Account, trails::Trail};
use tagger_core::arn::Arn;

/// Looks at the trails that the home region sees; and since when there is one that sends events, where that is known.
pub async fn check(
    account: &Account,
    home: &str,
    named: Option<&str>,
    bucket: Option<&str>,
    elsewhere: bool,
) -> (Vec<Check>, Option<SystemTime>) {
    match account.trails(home).await {
        Ok(trails) => {
            let asked = Asked { home, named, bucket, elsewhere };
            (judge(&asked, &trails), since(&asked, &trails))
        }
        Err(trouble) => (vec![Check::unknown("trail", &trouble)], None),
    }
}

/// Whether the home region's events come from a trail.
fn serves(asked: &Asked, trail: &Trail) -> bool {
    trail.logging == Some(true)
        && trail.selection.as_ref().is_some_and(|selection| selection.writes)
        && (trail.all_regions || trail.home == asked.home)
}

/// Since when events come: that of the oldest trail that sends them. Not known where a trail may send them and does
/// not tell.
fn since(asked: &Asked, trails: &[Trail]) -> Option<SystemTime> {
    let silent = trails.iter().any(|trail| trail.logging.is_none() || trail.selection.is_none());
    let since = trails.iter().filter(|trail| serves(asked, trail)).map(|trail| trail.since);
    if silent { None } else { since.min().flatten() }
}

/// What is asked of the trails.
struct Asked<'a> {
    /// The home region.
    home: &'a str,
    /// The trail that the stack names, by its name or its ARN.
    named: Option<&'a str>,
    /// The bucket of the stack's own trail.
    bucket: Option<&'a str>,
    /// Whether other regions forward.
    elsewhere: bool,
}

/// What the trails say.
fn judge(asked: &Asked, trails: &[Trail]) -> Vec<Check> {
    let serving = trails
        .iter()
        .filter(|trail| serves(asked, trail))
        .max_by_key(|trail| (trail.all_regions, trail.global_services));
    let named =
        asked.named.map(|name| (name, trails.iter().find(|trail| trail.arn == name || trail.name == name)));
    let trail = match (named, serving) {
        (Some((_, Some(trail))), _) => trail,
        (Some((name, None)), Some(other)) => {
            let message =
                format!("the stack's trail {name} is not there, but {} logs the same events", other.name);
            let check = Check::new("trail", Verdict::Warn, message);
            let mut checks = vec![check.fix(format!("`tagger deploy --trail {}`", other.arn))];
            checks.extend(of_trail(asked, other));
            return checks;
        }
        (None, Some(trail)) => trail,
        (Some((name, None)), None) => {
            let message =
                format!("the stack's trail {name} is not there, and no other one logs: no creation is seen");
            return vec![Check::new("trail", Verdict::Bad, message).fix(anew(asked, name))];
        }
        (None, None) => match trails.first() {
            Some(trail) => trail,
            None => {
                let message = "there is no trail, so no creation is seen";
                return vec![Check::new("trail", Verdict::Bad, message).fix("`tagger deploy --trail new`")];
            }
        },
    };
    let mut checks = of_trail(asked, trail);
    if let Some(other) = serving.filter(|other| other.arn != trail.arn) {
        // EventBridge takes events from whichever trail logs them.
        for check in checks.iter_mut().filter(|check| check.verdict == Verdict::Bad) {
            check.verdict = Verdict::Warn;
            check.message.push_str(&format!("; {} logs, and its events are used", other.name));
        }
    }
    checks
}

/// How to make the stack's own trail again; CloudFormation does not recreate what was deleted outside of it.
fn anew(asked: &Asked, name: &str) -> String {
    match asked.bucket {
        Some(bucket) => format!(
            "`aws cloudtrail create-trail --name {name} --s3-bucket-name {bucket} --is-multi-region-trail \
             --enable-log-file-validation --region {0}`, then `aws cloudtrail put-event-selectors --trail-name {name} \
             --event-selectors ReadWriteType=All,IncludeManagementEvents=true --region {0}` and `aws cloudtrail \
             start-logging --name {name} --region {0}`",
            asked.home
        ),
        None => "`tagger deploy --trail auto` looks for another trail, or makes one".to_owned(),
    }
}

/// What one trail says.
fn of_trail(asked: &Asked, trail: &Trail) -> Vec<Check> {
    let named = format!("the trail {}", trail.name);
    let whom = Arn::parse(&trail.arn).map_or("", |arn| arn.account);
    let mut checks = vec![match trail.logging {
        Some(true) => Check::ok("trail-logging", format!("{} logs", named)),
        Some(false) => {
            let message = format!("{} does not log: no creation is seen", named);
            let (arn, home) = (&trail.arn, &trail.home);
            let fix = format!("`aws cloudtrail start-logging --name {arn} --region {home}`");
            Check::new("trail-logging", Verdict::Bad, message).fix(fix)
        }
        None => {
            let message = format!("whether {} logs may not be asked from this account", named);
            let fix = format!(
                "ask whoever manages account {whom}: `aws cloudtrail get-trail-status --name {} --query IsLogging`; \
                 `tagger doctor --canary` finds out without them",
                trail.arn
            );
            Check::new("trail-logging", Verdict::Unknown, message).fix(fix)
        }
    }];
    checks.push(match &trail.selection {
        Some(selection) if !selection.writes => {
            let message = format!("{} does not log management events that write", named);
            let fix = format!(
                "`aws cloudtrail put-event-selectors --trail-name {} --region {} --event-selectors \
                 '[{{\"ReadWriteType\":\"All\",\"IncludeManagementEvents\":true}}]'`: mind that it replaces the \
                 selectors that are there",
                trail.arn, trail.home
            );
            Check::new("trail-selectors", Verdict::Bad, message).fix(fix)
        }
        Some(selection) => match missed(&selection.without) {
            missed if missed.is_empty() => {
                Check::ok("trail-selectors", format!("{} logs management events that write", named))
            }
            missed => {
                let message = format!("{} leaves out {}: what is created there is not tagged", named, some(&missed, 5));
                Check::new("trail-selectors", Verdict::Warn, message)
                    .fix("take them out of ExcludeManagementEventSources, or live with it")
            }
        },
        None => {
            let message = format!("what {} logs may not be asked from this account", named);
            let fix = format!(
                "ask whoever manages account {whom}: `aws cloudtrail get-event-selectors --trail-name {}`",
                trail.arn
            );
            Check::new("trail-selectors", Verdict::Unknown, message).fix(fix)
        }
    });
    checks.extend(trail.selection.as_ref().filter(|selection| selection.writes).map(|selection| {
        if selection.reads {
            let message = format!("{named} logs reads too, so its files show role chains (AssumeRole is a read)");
            Check::ok("trail-reads", message)
        } else {
            let message = format!(
                "{named} does not log reads, so its files do not show role chains (AssumeRole is a read); tagging does not need \
                 them, and the event history has them for 90 days"
            );
            Check::new("trail-reads", Verdict::Info, message)
        }
    }));
    let update = format!("`aws cloudtrail update-trail --name {} --region {} ", trail.arn, trail.home);
    checks.push(
        match (trail.all_regions, trail.home == asked.home, asked.elsewhere, trail.global_services) {
            (false, false, ..) => {
                let message = format!("{} logs {} only, not {}", named, trail.home, asked.home);
                Check::new("trail-regions", Verdict::Bad, message)
                    .fix(format!("{update}--is-multi-region-trail`"))
            }
            (false, true, true, _) => {
                let message = format!("{} logs {} only: the forwarders get nothing", named, trail.home);
                Check::new("trail-regions", Verdict::Bad, message)
                    .fix(format!("{update}--is-multi-region-trail`"))
            }
            (false, true, false, _) => {
                let message = format!("{} logs {} only", named, trail.home);
                Check::new("trail-regions", Verdict::Warn, message)
                    .fix(format!("{update}--is-multi-region-trail`"))
            }
            (true, _, _, false) => {
                let message = format!(
                    "{} does not log global services: IAM, CloudFront and Route 53 are not tagged",
                    named
                );
                Check::new("trail-regions", Verdict::Bad, message)
                    .fix(format!("{update}--include-global-service-events`"))
            }
            (true, _, _, true) => {
                Check::ok("trail-regions", format!("{} logs every region and the global services", named))
            }
        },
    );
    checks
}

/// The sources that are left out and create something that the catalog knows.
fn missed(without: &[String]) -> Vec<&str> {
    let creates = |source: &str| tagger_catalog::events().iter().any(|event| event.source == source);
    without.iter().map(String::as_str).filter(|source| creates(source)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::trails::Selection;

    fn trail(name: &str) -> Trail {
        Trail {
            name: name.to_owned(),
            arn: format!("arn:aws:cloudtrail:us-east-1:111122223333:trail/{name}"),
            home: "us-east-1".to_owned(),
            all_regions: true,
            global_services: true,
            logging: Some(true),
            selection: Some(Selection { writes: true, reads: true, without: Vec::new() }),
            ..Trail::default()
        }
    }

    /// The worst verdict of each check, in order.
    fn verdicts(named: Option<&str>, elsewhere: bool, trails: &[Trail]) -> Vec<(&'static str, Verdict)> {
        let asked = Asked { home: "us-east-1", named, bucket: None, elsewhere };
        judge(&asked, trails).iter().map(|check| (check.name, check.verdict)).collect()
    }

    #[test]
    fn what_each_trail_gives() {
        use Verdict::{Bad, Ok, Unknown, Warn};
        let with = |change: fn(&mut Trail)| {
            let mut changed = trail("one");
            change(&mut changed);
            vec![changed]
        };
        // Besides, it logs reads.
        let three = |logging, selectors, regions| {
            let mut all = vec![("trail-logging", logging), ("trail-selectors", selectors)];
            // Of one that does not tell, or logs no writes, nothing is said about reads.
            if !matches!(selectors, Unknown | Bad) {
                all.push(("trail-reads", Ok));
            }
            all.push(("trail-regions", regions));
            all
        };
        for (case, trails, expected) in [
            ("as it should be", with(|_| {}), three(Ok, Ok, Ok)),
            ("stopped", with(|t| t.logging = Some(false)), three(Bad, Ok, Ok)),
            (
                "the organization's",
                with(|t| (t.logging, t.selection) = (None, None)),
                three(Unknown, Unknown, Ok),
            ),
            ("reads only", with(|t| t.selection = Some(Selection::default())), three(Ok, Bad, Ok)),
            (
                "without KMS",
                with(|t| {
                    let without = vec!["kms.amazonaws.com".to_owned(), "rdsdata.amazonaws.com".to_owned()];
                    t.selection = Some(Selection { writes: true, reads: true, without });
                }),
                three(Ok, Warn, Ok),
            ),
            (
                "without what creates nothing",
                with(|t| {
                    let without = vec!["rdsdata.amazonaws.com".to_owned()];
                    t.selection = Some(Selection { writes: true, reads: true, without });
                }),
                three(Ok, Ok, Ok),
            ),
            ("of one region", with(|t| t.all_regions = false), three(Ok, Ok, Warn)),
            (
                "of another region",
                with(|t| (t.all_regions, t.home) = (false, "eu-west-1".to_owned())),
                three(Ok, Ok, Bad),
            ),
            ("not of global services", with(|t| t.global_services = false), three(Ok, Ok, Bad)),
        ] {
            assert_eq!(verdicts(Some("one"), false, &trails), expected, "{case}");
        }
        let one_region = with(|t| t.all_regions = false);
        assert_eq!(
            verdicts(Some("one"), true, &one_region),
            three(Ok, Ok, Bad),
            "forwarders need all regions"
        );
    }

    #[test]
    fn whether_role_chains_are_shown() {
        let mut writes = trail("one");
        writes.selection = Some(Selection { writes: true, ..Selection::default() });
        let found = judge(
            &Asked { home: "us-east-1", named: Some("one"), bucket: None, elsewhere: false },
            &[writes],
        );
        let check = found.iter().find(|check| check.name == "trail-reads").unwrap();
        assert!(check.verdict == Verdict::Info && check.message.contains("does not log reads"), "{check:?}");
    }

    #[test]
    fn since_when_events_come() {
        let at = |seconds: u64| Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let with = |seconds: u64| Trail { since: at(seconds), ..trail("x") };
        let stopped = Trail { logging: Some(false), ..with(5) };
        let silent = Trail { logging: None, selection: None, since: None, ..trail("organization") };
        let asked = Asked { home: "us-east-1", named: None, bucket: None, elsewhere: false };
        for (case, trails, expected) in [
            ("the only one", vec![with(50)], at(50)),
            ("the oldest", vec![with(50), with(20), stopped], at(20)),
            ("none", vec![], None),
            ("one that does not tell", vec![with(50), silent], None),
        ] {
            assert_eq!(since(&asked, &trails), expected, "{case}");
        }
    }

    #[test]
    fn another_trail_can_stand_in() {
        use Verdict::{Bad, Ok, Warn};
        let mut stopped = trail("one");
        stopped.logging = Some(false);
        assert_eq!(
            verdicts(Some("one"), false, &[stopped.clone(), trail("two")])[0],
            ("trail-logging", Warn)
        );
        assert_eq!(
            verdicts(Some("gone"), false, &[trail("two")])[..2],
            [("trail", Warn), ("trail-logging", Ok)]
        );
        assert_eq!(verdicts(Some("gone"), false, &[stopped]), [("trail", Bad)]);
        assert_eq!(verdicts(None, false, &[]), [("trail", Bad)]);
        assert_eq!(verdicts(None, false, &[trail("two")])[0], ("trail-logging", Ok));
        assert_eq!(
            verdicts(Some(&trail("one").arn), false, &[trail("one")])[0],
            ("trail-logging", Ok),
            "by its ARN"
        );
    }
}

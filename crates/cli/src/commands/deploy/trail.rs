//! Which trail the events come from. Pure: what was seen comes in, the choice and its reason go out.
//!
//! The first copy of management events is free, each further one costs 2 dollars for 100,000
//! (<https://aws.amazon.com/cloudtrail/pricing/>). So a trail that is there is used.

use tagger_aws::account::{code::Owner, trails::Trail};

/// What was chosen, and what must be said about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `ExistingTrail`; none keeps what the stack has, empty means a trail of its own.
    pub existing_trail: Option<String>,
    /// `ExistingTrailBucket`; as above.
    pub existing_bucket: Option<String>,
    /// Why.
    pub why: String,
    /// What is wrong with it, a sentence each.
    pub warnings: Vec<String>,
    /// Whether it is the stack's own.
    pub own: bool,
    /// Whether another trail logs the same events, so that the stack's own costs money.
    pub second_copy: bool,
}

/// What is known before the choice.
#[derive(Debug)]
pub struct Seen<'a> {
    /// `--trail`.
    pub wanted: Option<&'a str>,
    /// Every trail.
    pub trails: &'a [Trail],
    /// The stack's `ExistingTrail`, if there is a stack.
    pub deployed: Option<&'a str>,
    /// The name of the bucket that a trail of its own writes to.
    pub bucket: &'a str,
    /// Whose that name is.
    pub bucket_owner: Owner,
    /// That bucket's policy.
    pub bucket_policy: Option<&'a str>,
    /// The home region.
    pub region: &'a str,
    /// The account.
    pub account: &'a str,
}

/// The name of the stack's own trail.
const OWN: &str = "auto-resource-tagger";

/// Most trails whose home is one region:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>
const MOST: usize = 5;

/// Chooses.
///
/// # Errors
/// What was asked for cannot work; with what can be done instead.
pub fn choose(seen: &Seen) -> Result<Choice, String> {
    let others: Vec<&Trail> = seen.trails.iter().filter(|trail| !is_own(trail, seen)).collect();
    // One that sees a part only is used when it is asked for by name.
    let whole = |trail: &Trail| trail.all_regions && trail.global_services;
    let best = others
        .iter()
        .filter(|trail| whole(trail) && reason_against(trail, seen).is_none())
        .max_by_key(|trail| {
            // One that is known to log comes before one that may not be looked at.
            (trail.logging.is_some(), trail.selection.is_some(), trail.of_organization)
        });
    match (seen.wanted, seen.deployed) {
        (None, Some("")) => Ok(Choice {
            why: "the stack's own trail, as before".to_owned(),
            warnings: best.map(|trail| dearer(trail)).into_iter().collect(),
            own: true,
            second_copy: best.is_some(),
            ..Choice::default()
        }),
        (None, Some(deployed)) => {
            let warnings = match named(deployed, seen) {
                Some(trail) => warnings(trail, seen),
                None => vec![format!(
                    "the trail {deployed} is not to be seen any more; --trail auto looks for another"
                )],
            };
            Ok(Choice { why: format!("the trail {deployed}, as before"), warnings, ..Choice::default() })
        }
        (None | Some("auto"), _) => {
            match best {
                Some(trail) => Ok(Choice {
                    existing_trail: Some(trail.arn.clone()),
                    existing_bucket: Some(String::new()),
                    why: format!(
                        "{} {} logs the calls already; a second copy would cost 2 dollars for 100,000 of them",
                        if trail.of_organization { "the organization's trail" } else { "the trail" },
                        trail.name
                    ),
                    warnings: warnings(trail, seen),
                    ..Choice::default()
                }),
                None => {
                    let mut why = "no other trail logs the calls that write: the stack makes one, the first copy is free".to_owned();
                    for trail in &others {
                        let part = "logs a part only, of one region or without global services";
                        why.push_str(&format!(
                            "; {} {}",
                            trail.name,
                            reason_against(trail, seen).unwrap_or(part)
                        ));
                    }
                    own(seen, why, false)
                }
            }
        }
        (Some("new"), _) => {
            own(seen, "a trail of its own, as asked for".to_owned(), best.is_some()).map(|mut choice| {
                choice.warnings.extend(best.map(|trail| dearer(trail)));
                choice
            })
        }
        (Some(name), _) => {
            let trail = named(name, seen).ok_or_else(|| {
                let all: Vec<&str> = seen.trails.iter().map(|trail| trail.name.as_str()).collect();
                let there = if all.is_empty() {
                    "there is none".to_owned()
                } else {
                    format!("there are {}", all.join(", "))
                };
                format!(
                    "--trail {name}: there is no such trail in {}; {there}. `--trail auto` looks for one",
                    seen.region
                )
            })?;
            Ok(Choice {
                existing_trail: Some(trail.arn.clone()),
                existing_bucket: Some(String::new()),
                why: format!("the trail {}, as asked for", trail.name),
                warnings: warnings(trail, seen),
                ..Choice::default()
            })
        }
    }
}

/// A trail of the stack's own.
fn own(seen: &Seen, why: String, second_copy: bool) -> Result<Choice, String> {
    // A trail of all regions counts in each of them.
    let counts = |trail: &&Trail| (trail.all_regions || trail.home == seen.region) && !is_own(trail, seen);
    let here = seen.trails.iter().filter(counts);
    let here: Vec<&str> = here.map(|trail| trail.name.as_str()).collect();
    if here.len() >= MOST {
        return Err(format!(
            "{} has {MOST} trails already, and AWS allows no more: name one of them with --trail ({})",
            seen.region,
            here.join(", ")
        ));
    }
    let choice =
        Choice { existing_trail: Some(String::new()), why, own: true, second_copy, ..Choice::default() };
    // The stack that is there has made the bucket itself, or was told of it.
    if seen.deployed == Some("") {
        return Ok(choice);
    }
    match (seen.bucket_owner, seen.bucket_policy) {
        (Owner::Nobody, _) => Ok(Choice { existing_bucket: Some(String::new()), ..choice }),
        (Owner::Us, Some(policy)) if policy.contains("cloudtrail.amazonaws.com") => {
            let warning =
                format!("the bucket {} is there from an earlier stack, and is used again", seen.bucket);
            Ok(Choice { existing_bucket: Some(seen.bucket.to_owned()), warnings: vec![warning], ..choice })
        }
        (Owner::Us, _) => Err(format!(
            "the bucket {0} is there, and its policy does not let CloudTrail write: delete it if it is empty \
             (`aws s3 rb s3://{0}`), give it the policy of templates/tagger.yaml, or name a trail with --trail",
            seen.bucket
        )),
        (Owner::Others, _) => Err(format!(
            "the bucket {} belongs to another account, or this principal may not look at it; make a trail that writes to \
             another bucket, and name it with --trail",
            seen.bucket
        )),
    }
}

fn is_own(trail: &Trail, seen: &Seen) -> bool {
    trail.name == OWN && trail.home == seen.region && trail.arn.contains(&format!(":{}:", seen.account))
}

fn named<'a>(name: &str, seen: &Seen<'a>) -> Option<&'a Trail> {
    seen.trails.iter().find(|trail| trail.arn == name || trail.name == name)
}

fn dearer(trail: &Trail) -> String {
    format!(
        "the trail {} logs the same calls: the second copy costs 2 dollars for 100,000 of them; --trail {0} uses it instead",
        trail.name
    )
}

/// Why a trail cannot be used at all.
fn reason_against(trail: &Trail, seen: &Seen) -> Option<&'static str> {
    if trail.logging == Some(false) {
        Some("is stopped")
    } else if !trail.all_regions && trail.home != seen.region {
        Some("logs another region only")
    } else if trail.selection.as_ref().is_some_and(|selection| !selection.writes) {
        Some("does not log the management events that write")
    } else {
        None
    }
}

/// What a trail will not send.
fn warnings(trail: &Trail, seen: &Seen) -> Vec<String> {
    let name = &trail.name;
    let mut all = Vec::new();
    if let Some(reason) = reason_against(trail, seen) {
        all.push(format!("the trail {name} {reason}: nothing will be tagged until that is changed"));
    }
    if !trail.all_regions {
        all.push(format!(
            "the trail {name} logs {} only: what is created in other regions is not tagged",
            trail.home
        ));
    }
    if !trail.global_services {
        all.push(format!(
            "the trail {name} leaves out global services: IAM, CloudFront and Route 53 are not tagged"
        ));
    }
    if trail.logging.is_none() || trail.selection.is_none() {
        all.push(format!("this principal may not look into the trail {name}; ask its owner whether it logs all management events that write"));
    }
    let without = trail.selection.as_ref().map(|selection| selection.without.join(", ")).unwrap_or_default();
    if !without.is_empty() {
        all.push(format!("the trail {name} leaves out {without}: what is created there is not tagged"));
    }
    all
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
            selection: Some(Selection { writes: true, ..Selection::default() }),
            ..Trail::default()
        }
    }

    fn seen<'a>(wanted: Option<&'a str>, trails: &'a [Trail], deployed: Option<&'a str>) -> Seen<'a> {
        Seen {
            wanted,
            trails,
            deployed,
            bucket: "cloudtrail-logs-111122223333-us-east-1",
            bucket_owner: Owner::Nobody,
            bucket_policy: None,
            region: "us-east-1",
            account: "111122223333",
        }
    }

    #[test]
    fn a_trail_that_is_there_is_used() {
        let stopped = Trail { logging: Some(false), ..trail("stopped") };
        let reads = Trail { selection: Some(Selection::default()), ..trail("reads") };
        let elsewhere = Trail { all_regions: false, home: "eu-west-1".to_owned(), ..trail("elsewhere") };
        let unknown = Trail { logging: None, selection: None, of_organization: true, ..trail("unknown") };
        let narrow = Trail { all_regions: false, ..trail("narrow") };
        let own = trail(OWN);
        type Case<'a> = (&'a [Trail], Option<&'a str>, Option<&'a str>, Option<&'a str>, bool, &'a str);
        let cases: &[Case] = &[
            // trails, --trail, deployed ExistingTrail; then ExistingTrail, own, a word of the reason
            (&[], None, None, Some(""), true, "first copy is free"),
            (
                &[trail("a")],
                None,
                None,
                Some("arn:aws:cloudtrail:us-east-1:111122223333:trail/a"),
                false,
                "logs the calls already",
            ),
            (std::slice::from_ref(&stopped), None, None, Some(""), true, "stopped is stopped"),
            (std::slice::from_ref(&narrow), None, None, Some(""), true, "a part only"),
            (std::slice::from_ref(&reads), None, None, Some(""), true, "does not log the management events"),
            (std::slice::from_ref(&elsewhere), None, None, Some(""), true, "another region only"),
            (
                &[unknown.clone(), narrow.clone()],
                None,
                None,
                Some("arn:aws:cloudtrail:us-east-1:111122223333:trail/unknown"),
                false,
                "organization's",
            ),
            (
                std::slice::from_ref(&unknown),
                None,
                None,
                Some("arn:aws:cloudtrail:us-east-1:111122223333:trail/unknown"),
                false,
                "organization's",
            ),
            (&[trail("a")], Some("new"), None, Some(""), true, "asked for"),
            (std::slice::from_ref(&own), None, Some(""), None, true, "as before"),
            (
                &[own.clone(), trail("a")],
                Some("auto"),
                Some(""),
                Some("arn:aws:cloudtrail:us-east-1:111122223333:trail/a"),
                false,
                "already",
            ),
            (std::slice::from_ref(&own), Some("auto"), Some(""), Some(""), true, "first copy"),
            (&[trail("a")], None, Some("a"), None, false, "as before"),
            (
                std::slice::from_ref(&stopped),
                Some("stopped"),
                None,
                Some("arn:aws:cloudtrail:us-east-1:111122223333:trail/stopped"),
                false,
                "asked for",
            ),
        ];
        for (trails, wanted, deployed, expected, own, word) in cases {
            let choice = choose(&seen(*wanted, trails, *deployed)).unwrap();
            let case =
                format!("{:?} {wanted:?} {deployed:?}", trails.iter().map(|t| &t.name).collect::<Vec<_>>());
            assert_eq!((choice.existing_trail.as_deref(), choice.own), (*expected, *own), "{case}");
            assert!(choice.why.contains(word), "{case}: {}", choice.why);
        }
    }

    #[test]
    fn what_a_trail_leaves_out_is_said() {
        let without =
            Selection { writes: true, without: vec!["kms.amazonaws.com".to_owned()], ..Selection::default() };
        let cases = [
            (Trail { logging: Some(false), ..trail("a") }, "nothing will be tagged"),
            (Trail { all_regions: false, ..trail("a") }, "other regions is not tagged"),
            (Trail { global_services: false, ..trail("a") }, "IAM, CloudFront"),
            (Trail { selection: None, ..trail("a") }, "ask its owner"),
            (Trail { selection: Some(without), ..trail("a") }, "leaves out kms.amazonaws.com"),
        ];
        for (trail, word) in cases {
            let choice = choose(&seen(Some("a"), std::slice::from_ref(&trail), None)).unwrap();
            assert!(
                choice.warnings.iter().any(|warning| warning.contains(word)),
                "{word}: {:?}",
                choice.warnings
            );
        }
    }

    #[test]
    fn the_bucket_of_an_earlier_stack_is_used_again() {
        let cases = [
            (Owner::Nobody, None, Ok(Some(""))),
            (
                Owner::Us,
                Some("{\"Principal\":{\"Service\":\"cloudtrail.amazonaws.com\"}}"),
                Ok(Some("cloudtrail-logs-111122223333-us-east-1")),
            ),
            (Owner::Us, None, Err("does not let CloudTrail write")),
            (Owner::Others, None, Err("another account")),
        ];
        for (bucket_owner, bucket_policy, expected) in cases {
            let choice = choose(&Seen { bucket_owner, bucket_policy, ..seen(None, &[], None) });
            match (choice, expected) {
                (Ok(choice), Ok(bucket)) => assert_eq!(choice.existing_bucket.as_deref(), bucket),
                (Err(error), Err(word)) => assert!(error.contains(word), "{error}"),
                (found, expected) => panic!("expected {expected:?}, found {found:?}"),
            }
        }
        let five: Vec<Trail> =
            (0..5).map(|n| Trail { logging: Some(false), ..trail(&format!("t{n}")) }).collect();
        assert!(choose(&seen(None, &five, None)).unwrap_err().contains("5 trails already"));
        assert!(choose(&seen(Some("none"), &five, None)).unwrap_err().contains("t0, t1"));
    }
}

//! Which regions send their creations to the function, and which do not. Pure.

use super::{
    report::{Check, Verdict, counted, some},
    stack::Site,
};

/// The regions of global services, and the others. IAM, CloudFront and Route 53 log in the former:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
pub fn judge(site: &Site, global: &[&str]) -> Vec<Check> {
    let covered = site.covered();
    let left: Vec<&str> = uncovered(site);
    let mut checks: Vec<Check> =
        global.iter().filter_map(|region| of_global(site, &covered, region)).collect();
    let others: Vec<&str> = left.into_iter().filter(|region| !global.contains(region)).collect();
    // Those of global services have a line of their own.
    let unread: Vec<&str> =
        site.unread.iter().map(String::as_str).filter(|region| !global.contains(region)).collect();
    if site.regions.is_empty() {
        checks.push(Check::new("regions", Verdict::Unknown, "which regions are enabled is not known"));
    } else if others.is_empty() && !unread.is_empty() {
        let message = format!(
            "{} covered; whether these are is not known, they could not be looked at: {}",
            counted(covered.len(), "region"),
            some(&unread, 6)
        );
        checks.push(Check::new("regions", Verdict::Unknown, message));
    } else if others.is_empty() {
        checks.push(Check::ok(
            "regions",
            format!("{} covered: {}", counted(covered.len(), "region"), some(&covered, 6)),
        ));
    } else {
        let message = format!(
            "{} covered, {} not, whose creations are not tagged: {}",
            counted(covered.len(), "region"),
            others.len(),
            some(&others, 6)
        );
        let fix =
            format!("`tagger deploy --region {} --regions all`, unless nobody may work there", site.home);
        checks.push(Check::new("regions", Verdict::Warn, message).fix(fix));
    }
    checks
}

/// One region of global services; none where the account has not enabled it.
fn of_global(site: &Site, covered: &[String], global: &str) -> Option<Check> {
    if covered.iter().any(|region| region == global) {
        Some(Check::ok(
            "global-region",
            format!("{global}, where IAM, CloudFront and Route 53 log, is covered"),
        ))
    } else if site.unread.iter().any(|region| region == global) {
        let message =
            format!("whether {global}, where IAM, CloudFront and Route 53 log, is covered is not known");
        Some(Check::new("global-region", Verdict::Unknown, message))
    } else if site.regions.is_empty() || site.regions.iter().any(|region| region == global) {
        let message = format!(
            "{global} has no forwarder, so what is made in IAM, CloudFront and Route 53 is not tagged"
        );
        let mut regions: Vec<&str> = site.forwarders.keys().map(String::as_str).collect();
        regions.push(global);
        let fix = format!("`tagger deploy --region {} --regions {}`", site.home, regions.join(","));
        Some(Check::new("global-region", Verdict::Bad, message).fix(fix))
    } else {
        None
    }
}

/// The enabled regions without a forwarder, of those that could be looked at.
pub fn uncovered(site: &Site) -> Vec<&str> {
    let covered = site.covered();
    let left =
        site.regions.iter().filter(|region| !covered.contains(region) && !site.unread.contains(region));
    left.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::stacks::Stack;

    #[test]
    fn what_is_covered() {
        use Verdict::{Bad, Ok, Unknown, Warn};
        for (home, forwarders, regions, unread, expected) in [
            ("us-east-1", vec![], vec!["us-east-1"], vec![], vec![Ok, Ok]),
            ("us-east-1", vec![], vec!["eu-west-1", "us-east-1"], vec![], vec![Ok, Warn]),
            ("eu-west-1", vec!["us-east-1"], vec!["eu-west-1", "us-east-1"], vec![], vec![Ok, Ok]),
            ("eu-west-1", vec![], vec!["eu-west-1", "us-east-1"], vec![], vec![Bad, Ok]),
            ("eu-west-1", vec![], vec!["eu-west-1", "us-east-1"], vec!["us-east-1"], vec![Unknown, Ok]),
            ("us-east-1", vec![], vec!["eu-west-1", "us-east-1"], vec!["eu-west-1"], vec![Ok, Unknown]),
            ("eu-west-1", vec![], vec![], vec![], vec![Bad, Unknown]),
            ("cn-north-1", vec![], vec!["cn-north-1"], vec![], vec![Ok]),
        ] {
            let texts = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let site = Site {
                home: home.to_owned(),
                forwarders: forwarders.into_iter().map(|name| (name.to_owned(), Stack::default())).collect(),
                regions: texts(regions),
                unread: texts(unread),
                ..Site::default()
            };
            let found: Vec<_> = judge(&site, &["us-east-1"]).iter().map(|check| check.verdict).collect();
            assert_eq!(found, expected, "{site:?}");
        }
    }
    /// IAM logs in the one, CloudFront in the other.
    #[test]
    fn china_has_two_regions_of_global_services() {
        let site = Site {
            home: "cn-northwest-1".to_owned(),
            regions: vec!["cn-north-1".to_owned(), "cn-northwest-1".to_owned()],
            ..Site::default()
        };
        let global = tagger_catalog::partition::of_region("cn-north-1").global_event_regions;
        let found: Vec<_> = judge(&site, global).iter().map(|check| check.verdict).collect();
        assert_eq!(found, [Verdict::Bad, Verdict::Ok, Verdict::Ok]);
    }
}

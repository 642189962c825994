//! How fast this process calls each API in each region: a token bucket for each, with the rates of
//! `catalog/quotas.toml`. Time is passed in; nothing here waits.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};
use tagger_catalog::quota::Quota;

/// The buckets of one process.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: Mutex<HashMap<(String, String), Bucket>>,
}

/// A bucket that may be in debt: whoever takes from an empty one waits until it is paid.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limiter {
    /// Takes a place for a call, and says how long to wait for it. None, and no place, when that would be
    /// longer than `patience`.
    pub fn take(&self, call: &str, region: &str, now: Instant, patience: Duration) -> Option<Duration> {
        let Quota { a_second, burst, .. } = tagger_catalog::quota(call);
        let (rate, burst) = (f64::from(a_second), f64::from(burst));
        // A poisoned lock means that another task panicked while it held the map; the map is whole.
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = (call.to_owned(), region.to_owned());
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: burst, at: now });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(burst);
        bucket.at = now;
        let wait = Duration::from_secs_f64((1.0 - bucket.tokens).max(0.0) / rate);
        if wait > patience {
            return None;
        }
        bucket.tokens -= 1.0;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls go within a second, when each waits for its place.
    fn sent(limiter: &Limiter, call: &str, start: Instant, patience: Duration) -> (usize, Duration) {
        let mut last = Duration::ZERO;
        let mut count = 0;
        while let Some(wait) = limiter.take(call, "eu-west-1", start, patience) {
            last = wait;
            count += 1;
            assert!(count < 10_000, "{call} has no limit");
        }
        (count, last)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let limiter = Limiter::default();
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let Quota { a_second, burst, .. } = tagger_catalog::quota("sns:TagResource");
        let (count, last) = sent(&limiter, "sns:TagResource", start, second);
        assert_eq!(count, (burst + a_second) as usize);
        assert!(last <= second);
        // Another API and another region have buckets of their own.
        assert_eq!(limiter.take("sqs:TagQueue", "eu-west-1", start, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(limiter.take("sns:TagResource", "us-east-1", start, Duration::ZERO), Some(Duration::ZERO));
        // The debt is paid after a second, and a second later there is room for as many again.
        let later = start + 2 * second;
        assert_eq!(sent(&limiter, "sns:TagResource", later, Duration::ZERO).0, a_second as usize);
        // A long pause fills the bucket and no more.
        let (count, _) = sent(&limiter, "sns:TagResource", later + 3600 * second, Duration::ZERO);
        assert_eq!(count, burst as usize);
    }

    #[test]
    fn every_rate_is_below_what_aws_allows() {
        // Calls a second that AWS states, by the links in catalog/quotas.toml.
        for (call, allowed) in [
            ("dynamodb:TagResource", 5),
            ("dynamodb:ListTagsOfResource", 10),
            ("sns:TagResource", 10),
            ("kinesis:AddTagsToStream", 5),
            ("kinesis:ListTagsForStream", 5),
            ("kinesis:DescribeStreamSummary", 20),
            ("firehose:TagDeliveryStream", 5),
            ("firehose:ListTagsForDeliveryStream", 5),
            ("firehose:DescribeDeliveryStream", 5),
            ("logs:DescribeLogGroups", 10),
        ] {
            let quota = tagger_catalog::quota(call);
            assert!(quota.a_second < allowed && quota.burst <= allowed, "{call}: {quota:?}");
        }
    }
}

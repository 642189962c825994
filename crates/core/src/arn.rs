//! An ARN and its parts. This is the one place that cuts an ARN; `tests/arn_only_here.rs` holds that.
//!
//! `arn:partition:service:region:account:resource`, where the resource begins with the word of its type, in most
//! services: `instance/i-1`, `log-group:/aws/x`. What follows the word may hold slashes and colons of its own, so
//! an identifier is what stands behind the word, and the last part of an ARN only where it cannot hold either.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use tagger_catalog::operation::Takes;

/// An ARN, cut into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    text: &'a str,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// The service's prefix, as in IAM's actions: `ec2`.
    pub service: &'a str,
    /// The region; empty for global services and for buckets.
    pub region: &'a str,
    /// The account; empty for buckets, images and others, `aws` for what AWS itself owns.
    pub account: &'a str,
    /// All behind the account; may hold slashes, colons and spaces.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Cuts an ARN; none for any other text. Spaces stand only in the resource: alarms have them.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut head = || parts.next().filter(|part| !part.contains(char::is_whitespace));
        let (scheme, partition, service, region, account) = (head()?, head()?, head()?, head()?, head()?);
        let resource = parts.next().filter(|resource| !resource.is_empty())?;
        (scheme == "arn").then_some(Self { text, partition, service, region, account, resource })
    }

    /// The ARN with `…` for what names an account, a region or a resource: `arn:aws:sqs:…:…:…`, with the word of its type
    /// `arn:aws:iam::…:role/…`. The word only where it is known to be one: the first part of a topic's ARN is its name.
    pub fn form(&self, has_word: bool) -> String {
        let some = |part: &str| if part.is_empty() { "" } else { "…" };
        let (kind, region, account) = (self.kind(), some(self.region), some(self.account));
        let sign = self.resource[kind.len()..].chars().next().unwrap_or_default();
        let word = if has_word && !kind.is_empty() { format!("{kind}{sign}") } else { String::new() };
        format!("arn:{}:{}:{region}:{account}:{word}…", self.partition, self.service)
    }

    /// The ARN itself.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The word of the resource's type: `instance` of `instance/i-1`; empty where the resource has none, as a bucket.
    pub fn kind(&self) -> &'a str {
        self.resource.split_once(['/', ':']).map_or("", |(kind, _)| kind)
    }

    /// What stands behind the word of the resource's type, with all its slashes and colons: `team/app` of
    /// `repository/team/app`. The whole resource where it has no such word.
    pub fn path(&self) -> &'a str {
        self.resource.split_once(['/', ':']).map_or(self.resource, |(_, path)| path)
    }

    /// What stands behind a text that occurs in every resource of the type: `team-b/web` of
    /// `autoScalingGroup:*:autoScalingGroupName/team-b/web` after `:autoScalingGroupName/`.
    pub fn after(&self, text: &str) -> Option<&'a str> {
        self.resource.split_once(text).map(|(_, name)| name).filter(|name| !name.is_empty())
    }

    /// What stands behind the last slash, or else the last colon: `ops` of `role/path/ops`. Only for identifiers
    /// that hold neither, which IAM's names and AWS's own ids do not.
    pub fn last(&self) -> &'a str {
        let cut = self.resource.rsplit_once('/').or_else(|| self.resource.rsplit_once(':'));
        cut.map_or(self.resource, |(_, last)| last)
    }

    /// A function's ARN without the version or alias that it was called by; none where it is no function's.
    pub fn function(&self) -> Option<&'a str> {
        let name = self
            .path()
            .split(':')
            .next()
            .filter(|_| self.service == "lambda" && self.kind() == "function")?;
        self.text.get(..self.text.len() - self.path().len() + name.len())
    }

    /// What an operation takes of it; none where that does not stand in an ARN, or not in this one.
    pub fn identifier(&self, takes: Takes) -> Option<&'a str> {
        match takes {
            Takes::Arn => Some(self.text),
            Takes::Path => Some(self.path()),
            Takes::After(text) => self.after(text),
            Takes::Last => Some(self.last()),
            Takes::Given => None,
        }
    }
}

/// The name that a text says: some calls take a name, its path (`/hostedzone/Z1`) or its ARN. None where what is
/// left still holds a slash or a colon, since then it is not known which part of it is the name.
pub fn name(text: &str) -> Option<&str> {
    let name = match Arn::parse(text) {
        Some(arn) => arn.path(),
        None => match text.strip_prefix('/') {
            Some(path) => path.split_once('/').map_or(path, |(_, name)| name),
            None => text,
        },
    };
    (!name.is_empty() && !name.contains(['/', ':'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let arn = Arn::parse("arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/x:y").unwrap();
        assert_eq!(
            (arn.partition, arn.service, arn.region, arn.account, arn.resource),
            ("aws-cn", "logs", "cn-north-1", "111122223333", "log-group:/aws/x:y")
        );
        assert_eq!(arn.as_str(), "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/x:y");
    }

    #[test]
    fn what_is_an_arn() {
        for (text, expected) in [
            ("arn:aws:s3:::b", true),
            ("arn:aws:sqs:r:1:q:x", true),
            ("arn:aws:sqs", false),
            ("...", false),
            ("https://sqs", false),
            ("arn:aws:cloudwatch:r:1:alarm:cpu is high", true),
            ("arn:aws:x:r r:1:y", false),
            ("arn:aws:x:r:1:", false),
            ("ARN:aws:x:r:1:y", false),
        ] {
            assert_eq!(Arn::parse(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn cuts() {
        for (resource, kind, path, last) in [
            ("instance/i-1", "instance", "i-1", "i-1"),
            ("repository/team/app", "repository", "team/app", "app"),
            ("log-group:/aws/x", "log-group", "/aws/x", "x"),
            ("alarm:web: cpu/high", "alarm", "web: cpu/high", "high"),
            ("custommetric/a:b", "custommetric", "a:b", "a:b"),
            ("role/path/ops", "role", "path/ops", "ops"),
            ("function:jobs", "function", "jobs", "jobs"),
            ("jobs", "", "jobs", "jobs"),
        ] {
            let text = format!("arn:aws:x:r:1:{resource}");
            let arn = Arn::parse(&text).unwrap();
            assert_eq!((arn.kind(), arn.path(), arn.last()), (kind, path, last), "{resource}");
        }
    }

    #[test]
    fn what_operations_take() {
        let group = "arn:aws:autoscaling:r:1:autoScalingGroup:*:autoScalingGroupName/team-b/web";
        let after = Takes::After(":autoScalingGroupName/");
        for (text, takes, expected) in [
            (group, after, Some("team-b/web")),
            ("arn:aws:autoscaling:r:1:launchConfiguration:u:launchConfigurationName/x", after, None),
            ("arn:aws:iam::1:role/path/ops", Takes::Last, Some("ops")),
            ("arn:aws:kinesis:r:1:stream/a", Takes::Path, Some("a")),
            ("arn:aws:sqs:r:1:jobs", Takes::Given, None),
            ("arn:aws:sns:r:1:jobs", Takes::Arn, Some("arn:aws:sns:r:1:jobs")),
        ] {
            assert_eq!(Arn::parse(text).unwrap().identifier(takes), expected, "{text}");
        }
    }

    #[test]
    fn functions() {
        for (text, expected) in [
            ("arn:aws:lambda:r:1:function:jobs", Some("arn:aws:lambda:r:1:function:jobs")),
            ("arn:aws:lambda:r:1:function:jobs:live", Some("arn:aws:lambda:r:1:function:jobs")),
            ("arn:aws:lambda:r:1:layer:jobs:1", None),
            ("arn:aws:sqs:r:1:function:jobs", None),
        ] {
            assert_eq!(Arn::parse(text).unwrap().function(), expected, "{text}");
        }
    }

    #[test]
    fn names_as_calls_take_them() {
        for (text, expected) in [
            ("jobs", Some("jobs")),
            ("arn:aws:dynamodb:r:1:table/jobs", Some("jobs")),
            ("arn:aws:lambda:r:1:function:jobs", Some("jobs")),
            ("/hostedzone/Z1", Some("Z1")),
            // Which of the parts is the name is not known.
            ("arn:aws:lambda:r:1:function:jobs:PROD", None),
            ("jobs:PROD", None),
            ("111122223333:function:jobs", None),
            ("team-b/web", None),
            ("/a/b/c", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
    }
}

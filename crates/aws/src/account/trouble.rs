//! What went wrong between the command line and AWS, and what to do about it: errors come
//! in, sentences go out.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::{error::Error, fmt};

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which, for example `cloudformation:CreateChangeSet`.
    pub call: String,
    /// In which region; empty where that does not matter.
    pub region: String,
    /// AWS's error code, or what stands in its place.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There are no credentials.
    NoCredentials,
    /// There were credentials, and their time is over.
    Expired,
    /// The credentials are not known; in a region that is not enabled AWS says this too.
    NotKnown,
    /// The principal may not do this.
    Denied,
    /// There is no such thing.
    NotFound,
    /// No region is configured.
    NoRegion,
    /// There is no such profile in the configuration.
    NoProfile,
    /// AWS was not reached.
    Unreachable,
    /// Too many calls, after all retries.
    Throttled,
    /// Anything else.
    Other,
}

impl Trouble {
    /// A trouble in plain words.
    pub fn new(call: &str, region: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            call: call.to_owned(),
            region: region.to_owned(),
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        // The SSO provider and the credentials chain have no codes, only sentences.
        let said = |words: &[&str]| {
            let text = self.message.to_ascii_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        match self.code.as_str() {
            "NoRegion" => Kind::NoRegion,
            "NoProfile" => Kind::NoProfile,
            "NoCredentials" => Kind::NoCredentials,
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Kind::Expired,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "AuthFailure"
            | "OptInRequired"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch" => Kind::NotKnown,
            "Unreachable" if said(&["sso", "token has expired", "expired"]) && said(&["expired"]) => {
                Kind::Expired
            }
            "Unreachable" if said(&["credential"]) => Kind::NoCredentials,
            "Unreachable" => Kind::Unreachable,
            code if code.contains("AccessDenied")
                || code.contains("NotAuthorized")
                || code == "Forbidden"
                || code == "UnauthorizedOperation"
                || code == "AccessDenied" =>
            {
                Kind::Denied
            }
            code if code.contains("Throttl") || code == "TooManyRequestsException" || code == "SlowDown" => {
                Kind::Throttled
            }
            code if code.contains("NotFound")
                || code.contains("NoSuch")
                || code.contains("NonExistent")
                || code.contains("DoesNotExist") =>
            {
                Kind::NotFound
            }
            _ if said(&["is not authorized to perform"]) => Kind::Denied,
            _ => Kind::Other,
        }
    }

    /// What to do about it, where something can be said.
    pub fn fix(&self) -> Option<String> {
        Some(match self.kind() {
            Kind::NoRegion => {
                "name the home region with --region or AWS_REGION, or set it in the profile".to_owned()
            }
            Kind::NoCredentials => {
                "sign in (`aws sso login`), name a profile with --profile, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` shows whether it worked"
                    .to_owned()
            }
            Kind::Expired => {
                "the credentials have expired: sign in again (`aws sso login`, or what made them), and run the same \
                 command again, which goes on where this one ended"
                    .to_owned()
            }
            Kind::NotKnown => format!(
                "AWS does not know these credentials in {0}: either they are wrong, or the region {0} is not enabled in this \
                 account (`aws account enable-region --region-name {0}`, or leave it out)",
                self.region
            ),
            Kind::Denied => {
                let action = self.denied_action().unwrap_or(&self.call);
                format!(
                    "the principal needs {action}; if its policies allow it, a service control policy or a permission \
                     boundary may refuse it"
                )
            }
            Kind::Unreachable => {
                "AWS was not reached: look at the network, HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL, and whether \
                 there is such a region"
                    .to_owned()
            }
            Kind::Throttled => "AWS answers too many calls of this account; try again in a minute".to_owned(),
            _ if self.code == "OperationAborted" => {
                "a bucket of this name was deleted lately, and S3 does not give the name again yet: try again later, or name \
                 another bucket with --code-bucket"
                    .to_owned()
            }
            Kind::NoProfile => {
                "name one that is there with --profile or AWS_PROFILE, or make it (`aws configure --profile NAME`, `aws \
                 configure sso`)"
                    .to_owned()
            }
            Kind::NotFound | Kind::Other => return None,
        })
    }

    /// The action in "is not authorized to perform: X on resource".
    fn denied_action(&self) -> Option<&str> {
        let (_, after) = self.message.split_once("not authorized to perform: ")?;
        after.split_whitespace().next().map(|action| action.trim_end_matches('.'))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.region.is_empty() { String::new() } else { format!(" in {}", self.region) };
        write!(f, "{}{place}: {}: {}", self.call, self.code, self.message)?;
        if let Some(fix) = self.fix() {
            write!(f, "\n  {fix}")?;
        }
        Ok(())
    }
}

impl Error for Trouble {}

/// Turns an SDK's error into a trouble.
pub(super) fn told<E, R>(call: &'static str, region: &str) -> impl FnOnce(SdkError<E, R>) -> Trouble
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    let region = region.to_owned();
    move |error| {
        let (code, message) = match &error {
            SdkError::ServiceError(inner) => {
                let inner = inner.err();
                (inner.code().unwrap_or("Unknown").to_owned(), inner.message().unwrap_or_default().to_owned())
            }
            // Credentials that could not be had are a failed dispatch or a failed construction, as the case may be.
            _ => {
                ("Unreachable".to_owned(), error.into_source().map_or_else(|error| error.to_string(), chain))
            }
        };
        Trouble { call: call.to_owned(), region, code, message }
    }
}

/// An error with all its causes, in one line.
fn chain(source: Box<dyn Error + Send + Sync>) -> String {
    let mut text = source.to_string();
    let mut cause = source.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_fix() {
        let cases = [
            (
                "ExpiredToken",
                "The security token included in the request is expired",
                Kind::Expired,
                "sign in again",
            ),
            (
                "Unreachable",
                "failed to load SSO token: the SSO session has expired",
                Kind::Expired,
                "sign in again",
            ),
            (
                "Unreachable",
                "no providers in chain provided credentials",
                Kind::NoCredentials,
                "aws sso login",
            ),
            ("Unreachable", "dns error", Kind::Unreachable, "HTTPS_PROXY"),
            ("InvalidClientTokenId", "The security token is invalid", Kind::NotKnown, "not enabled"),
            (
                "AccessDenied",
                "User: arn:aws:iam::111122223333:user/a is not authorized to perform: \
              cloudformation:CreateChangeSet on resource: x",
                Kind::Denied,
                "needs cloudformation:CreateChangeSet",
            ),
            ("NoRegion", "", Kind::NoRegion, "--region"),
        ];
        for (code, message, kind, fix) in cases {
            let trouble = Trouble::new("sts:GetCallerIdentity", "eu-west-1", code, message);
            assert_eq!(trouble.kind(), kind, "{code}: {message}");
            assert!(trouble.fix().is_some_and(|text| text.contains(fix)), "{code}: {:?}", trouble.fix());
        }
    }
}

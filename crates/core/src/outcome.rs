//! What became of each resource, and what an error code means. Pure; the codes are data
//! (`catalog/errors.toml`).

use crate::diagnostic::Diagnostic;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use tagger_catalog::errors::Meaning;
pub use tagger_catalog::errors::{By, Class};

/// What one try did to one resource.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its CloudFormation type.
    pub resource_type: &'static str,
    /// Its ARN; for children that could not be found, their parent's.
    pub arn: String,
    /// The operation that tags it.
    pub operation: &'static str,
    /// The ARN of the resource from which it was looked up, where it does not stand in the record.
    pub parent: Option<String>,
    /// What its parent said about its creator, where a service made it for that one.
    pub inherited: Option<Inherited>,
    /// The keys of further tags for which it had no room.
    pub left_out: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the parent of a resource said about its creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The parent's ARN.
    pub parent: String,
    /// The tag's value; none where it has none, so that the service is the creator.
    pub value: Option<String>,
}

/// What one try came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It has the tags now.
    Tagged,
    /// It had the creator's key already, and keeps its value.
    AlreadyTagged {
        /// That value.
        value: String,
    },
    /// A tag of it opts it out.
    LeftAlone(Diagnostic),
    /// What has this name now is not of the event's making: it was made later or before. The event's own is gone, or
    /// never was.
    Replaced(Diagnostic),
    /// It was not tagged.
    Failed(Failure),
}

impl Outcome {
    /// The word in the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Tagged => "tagged",
            Outcome::AlreadyTagged { .. } => "already-tagged",
            Outcome::LeftAlone(_) => "left-alone",
            Outcome::Replaced(_) => "gone",
            Outcome::Failed(failure) => failure.class.as_str(),
        }
    }
}

/// Why a resource was not tagged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    #[serde(serialize_with = "write_class", deserialize_with = "read_class")]
    pub class: Class,
    /// What denied it, where the class is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "write_by", deserialize_with = "read_by")]
    pub by: Option<By>,
    /// Whether it goes over by itself, so that it is tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passes: bool,
    /// The call that failed, for example `ec2:DescribeTags`.
    pub call: String,
    /// AWS's error code, or what stands in its place.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

impl Failure {
    /// What an error answer of a call means. `status` is the HTTP status, where there was an answer.
    pub fn of(call: &str, code: &str, message: impl Into<String>, status: Option<u16>) -> Self {
        let message = message.into();
        let meaning = meaning(call, code, &message);
        let (class, by, passes) =
            meaning.map_or((Class::Failed, None, false), |found| (found.class, found.by, found.passes));
        let mut failure = Self { class, by, passes, call: call.to_owned(), code: code.to_owned(), message };
        // Where the code tells nothing, the status does.
        match status {
            Some(429 | 503) if failure.class == Class::Failed => failure.class = Class::Throttled,
            Some(500..) if failure.class == Class::Failed => failure.passes = true,
            _ => {}
        }
        failure
    }

    /// Whether it is of the way and not of what was asked about: another call would fail as well, and later it goes.
    pub fn waits(&self) -> bool {
        self.class == Class::Throttled || self.passes
    }

    /// Whether it was known when it was said: no waiting helps.
    pub fn lasts(&self) -> bool {
        meaning(&self.call, &self.code, &self.message).is_some_and(|found| found.lasts)
    }

    /// A failure of our own making, with the class stated.
    pub fn ours(class: Class, call: &str, code: &str, message: impl Into<String>) -> Self {
        let (call, code, message) = (call.to_owned(), code.to_owned(), message.into());
        Self { class, by: None, passes: false, call, code, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} answered {}: {}", self.class.as_str(), self.call, self.code, self.message)
    }
}

/// The code of an answer that is not of the operation's form: a proxy's page, or something else than was asked for.
pub const UNREADABLE: &str = "UnreadableAnswer";

/// The code of what is not there and was never seen, while the event history may yet show who deleted it.
pub const MISSING: &str = "Missing";

/// The code of what has a creator that may be an earlier resource's, while the event history does not show that yet.
pub const GIVEN_AGAIN: &str = "NameGivenAgain";

/// The code of what waits for its stack's last change, which the event history cannot show yet.
pub const NOT_SHOWN: &str = "StackChangeNotShown";

/// The first entry of the catalog that fits.
fn meaning(call: &str, code: &str, message: &str) -> Option<&'static Meaning> {
    let service = call.split(':').next().unwrap_or_default();
    let (plain, message) = (plain(code), message.to_lowercase());
    tagger_catalog::meanings().iter().find(|meaning| {
        let states_code = !meaning.codes.is_empty() || !meaning.contains.is_empty();
        let fits_code =
            meaning.codes.contains(&plain) || meaning.contains.iter().any(|word| code.contains(word));
        (meaning.services.is_empty() || meaning.services.contains(&service))
            && (!states_code || fits_code)
            && (meaning.messages.is_empty() || meaning.messages.iter().any(|word| message.contains(word)))
    })
}

/// A code without `Exception` or `Fault`: the same error comes with and without.
fn plain(code: &str) -> &str {
    code.strip_suffix("Exception").or_else(|| code.strip_suffix("Fault")).unwrap_or(code)
}

fn write_class<S: Serializer>(class: &Class, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(class.as_str())
}

fn read_class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Class, D::Error> {
    let word = String::deserialize(deserializer)?;
    let known = Class::ALL.into_iter().find(|class| class.as_str() == word);
    known.ok_or_else(|| D::Error::custom(format!("unknown class `{word}`")))
}

fn write_by<S: Serializer>(by: &Option<By>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(by.map_or("", By::as_str))
}

fn read_by<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<By>, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(By::ALL.into_iter().find(|by| by.as_str() == word))
}

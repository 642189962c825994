//! What is asked of AWS, and what it answers: the words between the decisions (`attempt`, `heir`, `search`), the
//! executor (`waves`) and whoever asks, which is `tagger-aws` or the model of the property test. Data only.

use crate::{
    outcome::{Failure, Outcome},
    policy::Policy,
    record::Record,
    resources::Resource,
    window::Window,
};
use std::collections::HashMap;
use tagger_catalog::{Operation, ec2::Look, lifetime::Told};

/// Key and value of each tag.
pub type Tags = Vec<(String, String)>;

/// What a call is about.
#[derive(Debug, Clone)]
pub struct Target {
    /// The operation by whose protocol and at whose endpoint it is asked.
    pub operation: &'static Operation,
    /// What the call takes: an ARN, an id, a name, a URL.
    pub id: String,
    /// The region in which it is asked.
    pub region: String,
    /// The account.
    pub account: String,
    /// Further members of the request.
    pub with: Vec<(&'static str, String)>,
}

impl Target {
    /// A resource, as its own operation takes it.
    pub fn of(resource: &Resource) -> Self {
        let with = resource.entry.with.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (id, region, account) = (resource.id.clone(), resource.region.clone(), resource.account.clone());
        Self { operation: resource.entry.operation, id, region, account, with }
    }

    /// The same place, and another id.
    #[must_use]
    pub fn named(&self, id: &str) -> Self {
        Self { id: id.to_owned(), with: Vec::new(), ..self.clone() }
    }
}

/// A question, or a write.
#[derive(Debug, Clone)]
pub enum Question {
    /// Which resource it is, and whether it is ready.
    Describe(&'static Told),
    /// Its tags: those of these keys at least.
    Tags(Vec<String>),
    /// Whether it is visible, with its tags.
    Look(&'static Look),
    /// Set these tags.
    Write(Tags),
    /// Its children, by the call of this name.
    Children(&'static str),
    /// What a launch of this client token made, by the call of this name.
    Launched(&'static str),
    /// The stack of this ARN.
    Stack,
    /// A record of the event history.
    History {
        /// By which attribute it is looked for.
        which: Which,
        /// When.
        window: Window,
        /// Which one it is.
        wanted: Box<Wanted>,
    },
}

/// An attribute of the event history, which takes one.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupAttribute.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The call's name.
    EventName(&'static str),
    /// The name by which CloudTrail knows the resource.
    ResourceName(String),
}

impl Wanted {
    /// Whether every record is wanted that is one, and not the newest alone.
    pub fn is_all(&self) -> bool {
        matches!(self, Wanted::Changes { .. } | Wanted::About { .. })
    }
}

/// Which record of the history is looked for; `history` says whether one is it.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Every call that changed a stack, or prepared a change of one.
    Changes {
        /// The calls that do.
        names: Vec<&'static str>,
    },
    /// The call that took a role for this session.
    Taken {
        /// The session's ARN.
        session: String,
        /// Its access key, where it is known.
        key: Option<String>,
    },
    /// Every call of one of these names that is about something of this id.
    About {
        /// The calls.
        names: &'static [&'static str],
        /// The id, or the end of an ARN.
        id: String,
    },
    /// A call of this service that deleted what has one of these names.
    Deleted {
        /// The `eventSource`.
        source: String,
        /// What it deletes by its name, `Bucket` of DeleteBucket; empty where that does not matter.
        what: String,
        /// The names.
        names: Vec<String>,
    },
    /// A call that created this resource for whom this value names.
    Created {
        /// The resource.
        arn: String,
        /// The creator's tag.
        value: String,
        /// The choices by which creators are named.
        policy: Box<Policy>,
    },
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Ask this about that.
    Ask(Target, Question),
    /// Nothing; this became of it.
    End(Outcome),
}

/// What a service tells of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// An id that is never given again.
    pub id: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<u64>,
    /// Its state.
    pub status: Option<String>,
}

/// The children of one type that a parent shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Their type.
    pub resource_type: &'static str,
    /// Their ids.
    pub ids: Vec<String>,
    /// Whether more can still appear.
    pub more: bool,
    /// Whether nothing else of its kind is shown with the parent.
    pub alone: bool,
}

/// What CloudFormation tells of a stack. Times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// The stack in which it is nested.
    pub root: Option<String>,
    /// When it was made.
    pub created: Option<u64>,
    /// When its last change began, if it was ever changed.
    pub updated: Option<u64>,
    /// The change set by which that was.
    pub change_set: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A call in the event history.
#[derive(Debug, Clone)]
pub struct Past {
    /// When it was made, in seconds since 1970, where that can be read.
    pub time: Option<u64>,
    /// Its record.
    pub record: Record,
}

/// What AWS said.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To [`Question::Describe`].
    Described(Facts),
    /// To [`Question::Tags`] and [`Question::Look`]: every tag, or every one that was asked for.
    Tags(Tags),
    /// To [`Question::Write`].
    Written,
    /// To [`Question::Children`].
    Children(Vec<Shown>),
    /// To [`Question::Launched`]: each parent's id, and what it shows.
    Launched(Vec<(String, Vec<Shown>)>),
    /// To [`Question::Stack`].
    Stack(Stack),
    /// To [`Question::History`]: the call, if it is there.
    Found(Option<Box<Past>>),
    /// To [`Question::Write`] for many: it was refused again for one that is not visible, and nobody knows for how many.
    Refused,
    /// To [`Question::History`] where all that are wanted are asked for: the newest of them, the newest first.
    Calls(Vec<Past>),
    /// An error, to any of them.
    Failed(Failure),
}

/// A call for one target, or for several that get the same question.
#[derive(Debug)]
pub struct Call {
    /// By which it is answered.
    pub number: u64,
    /// What is asked.
    pub question: Question,
    /// About what: of one operation, region and account, and no id twice.
    pub targets: Vec<Target>,
}

/// The answer to a call.
#[derive(Debug)]
pub enum Reply {
    /// The same for all of its targets: a write that succeeded, or an error.
    All(Answer),
    /// For each by its id. One that is missing was not answered.
    Each(HashMap<String, Answer>),
}

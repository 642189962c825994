//! Which record created what somebody asks for, by ARN, id or name.

use crate::{arn::Arn, history, record::Record, resources};

/// What a call created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The CloudFormation type.
    pub resource_type: &'static str,
    /// Its ARN.
    pub arn: String,
    /// What the service calls it.
    pub id: String,
    /// Whether the record cannot tell a creation from a change.
    pub may_be_update: bool,
}

impl Made {
    /// Whether it has this ARN, id or name.
    pub fn is(&self, asked: &str) -> bool {
        if Arn::parse(asked).is_some() {
            return self.arn == asked;
        }
        let short = || Arn::parse(&self.arn).is_some_and(|arn| arn.last() == asked);
        history::names(&self.arn, &self.id).iter().any(|name| name == asked) || short()
    }
}

/// What the call of a record created; nothing where it failed or only read.
pub fn made(record: &Record) -> Vec<Made> {
    let Some(event) = tagger_catalog::event(&record.event_source(), &record.event_name()) else {
        return Vec::new();
    };
    if record.created_nothing().is_some() || record.failed_inside().is_some() {
        return Vec::new();
    }
    let found = resources::find(record, event).resources.into_iter();
    found
        .map(|resource| Made {
            resource_type: resource.entry.resource_type,
            may_be_update: tagger_catalog::may_be_update(resource.entry),
            arn: resource.arn,
            id: resource.id,
        })
        .collect()
}

/// Those that were asked for.
pub fn asked(record: &Record, asked: &str) -> Option<Made> {
    made(record).into_iter().find(|made| made.is(asked))
}

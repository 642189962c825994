//! A glance at a record's text: whether its top alone says that it gives no tag.
//!
//! Nearly all records of a log file are reads or events of no catalog entry. A scan need not open
//! them: this finds the same code as the plan, without a value for every member. Where anything is
//! unusual it says nothing, and the record is opened.

use crate::diagnostic::Code;
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

/// The members at the top that decide.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Glance<'t> {
    #[serde(borrow)]
    event_source: Cow<'t, str>,
    #[serde(borrow)]
    event_name: Cow<'t, str>,
    #[serde(borrow)]
    error_code: Option<Cow<'t, str>>,
    #[serde(borrow)]
    error_message: Option<Cow<'t, str>>,
    read_only: Option<bool>,
    /// What makes the text more than a bare record.
    #[serde(rename = "CloudTrailEvent")]
    wrapped: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
}

impl<'t> Glance<'t> {
    /// Reads the top of a record; none where it is not of the usual form.
    pub fn at(text: &'t str) -> Option<Self> {
        serde_json::from_str::<Self>(text)
            .ok()
            .filter(|glance| glance.wrapped.is_none() && glance.detail.is_none())
    }

    /// The service that was called.
    pub fn event_source(&self) -> &str {
        &self.event_source
    }

    /// The call's name.
    pub fn event_name(&self) -> &str {
        &self.event_name
    }

    /// The code of the diagnostic for which [`crate::plan`](crate::plan::plan) leaves the record alone;
    /// none where that takes more than a glance.
    pub fn code(&self) -> Option<Code> {
        let filled = |text: &str| !text.trim().is_empty();
        if !filled(&self.event_source) || !filled(&self.event_name) {
            return None;
        }
        if let Some(code) = self.error_code.as_deref().filter(|code| filled(code) && *code != "0") {
            return Some(if code.ends_with("DryRunOperation") { Code::DryRun } else { Code::FailedCall });
        }
        if self.error_message.as_deref().is_some_and(filled) {
            return Some(Code::FailedCall);
        }
        if self.read_only == Some(true) {
            return Some(Code::ReadOnlyCall);
        }
        let source = self.event_source.trim().to_ascii_lowercase();
        tagger_catalog::event(&source, self.event_name.trim()).is_none().then_some(Code::UnknownEvent)
    }
}

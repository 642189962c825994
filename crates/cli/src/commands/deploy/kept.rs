//! What stays of the settings that hold: the file in the deployed zip, and the stack's parameters.

use super::{
    parameters, settings,
    state::{self, Next},
};
use crate::{
    args::Deploy, config_file::ConfigFile, deployment::Deployment, exit_code::Error, held_settings::Held,
    report::Report, templates,
};
use serde_json::json;
use tagger_core::Policy;

/// The settings file that the deployed zip has and the new one lacks: settings that nobody names keep their values.
pub fn file<'a>(
    config: Option<&ConfigFile>,
    held: &'a Held,
    report: Report,
) -> Result<Option<&'a ConfigFile>, Error> {
    match (&held.unread, config) {
        // A file that is given takes the place of whatever there was.
        (_, Some(_)) => Ok(None),
        (None, None) => Ok(held.file.as_ref()),
        (Some(why), None) if held.is_certain => Err(Error::Failure(format!(
            "the settings in the deployed zip cannot be read, and would be lost: {why}\n  nothing was changed; give the file \
             again with --config"
        ))),
        (Some(why), None) => {
            let text =
                format!("  WARNING whether there are settings in the deployed zip is not known: {why}");
            report.say("warning", &text, json!({}))?;
            Ok(None)
        }
    }
}

/// What the stack would be told, held against what works, before anything is made, changed or removed. `config` was given
/// now, `file` is the one that will lie in the zip. Returns the settings that will hold.
pub fn check(
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    file: Option<&ConfigFile>,
    there: &Deployment,
) -> Result<Policy, Error> {
    // A stack that never came to life is removed first: its values are not kept.
    let kept = there.home.as_ref().map(|(_, stack)| stack);
    let kept = kept.filter(|stack| !matches!(state::next(Some(&stack.status)), Next::Create | Next::Remove));
    let policy = config.map(|file| &file.policy);
    let told = parameters::settings(arguments, policy)?;
    let told = parameters::merged(&templates::parameters(templates::TAGGER), told, kept);
    settings::check_all(templates::TAGGER, &told, kept, file, |name| {
        parameters::option(arguments, policy, name)
    })
}

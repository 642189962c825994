//! The settings that the function has as environment variables, from the parameters of the template.

use super::{ConfigError, SETTINGS, check, existing, kind};
use crate::{
    policy::{Policy, Tag},
    settings::{near::nearest, template::ValueTemplate},
};

/// Changes a policy by the function's environment variables; names that do not begin with `TAGGER_`
/// are passed over, and so is `TAGGER_CONFIG`, the path of the file.
///
/// # Errors
/// The first variable that is wrong, with the nearest right name.
pub fn from_environment(
    mut policy: Policy,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Policy, ConfigError> {
    for (name, value) in
        variables.into_iter().filter(|(name, _)| name.starts_with("TAGGER_") && name != "TAGGER_CONFIG")
    {
        set_variable(&mut policy, &name, &value).map_err(|message| ConfigError {
            line: None,
            setting: name.clone(),
            message,
        })?;
    }
    check(&policy).map_err(|(setting, message)| {
        let variable = match setting.as_str() {
            "tag.key" | "people.file" => "TAGGER_KEY",
            _ => "TAGGER_TAGS",
        };
        ConfigError { line: None, setting: variable.to_owned(), message }
    })?;
    Ok(policy)
}

fn set_variable(policy: &mut Policy, name: &str, value: &str) -> Result<(), String> {
    match name {
        "TAGGER_KEY" => policy.tag.key = value.to_owned(),
        "TAGGER_VALUE" => policy.tag.value = ValueTemplate::parse(value)?,
        "TAGGER_EXISTING" => policy.existing = existing(value)?,
        "TAGGER_TAGS" => {
            for pair in value.split(';').filter(|pair| !pair.trim().is_empty()) {
                let (key, template) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("expected Key=value;Key=value, found `{pair}`"))?;
                let (key, value) = (key.trim().to_owned(), ValueTemplate::parse(template.trim())?);
                policy.further.retain(|tag| tag.key != key);
                policy.further.push(Tag { key, value });
            }
        }
        "TAGGER_SKIP_KINDS" => {
            policy.skipped = value
                .split([' ', ','])
                .filter(|name| !name.is_empty())
                .map(kind)
                .collect::<Result<_, _>>()?;
        }
        "TAGGER_EXCLUDE" => policy.excluded = value.split_whitespace().map(str::to_owned).collect(),
        _ => {
            let known = SETTINGS.iter().map(|setting| setting.variable).filter(|name| !name.is_empty());
            let all = known.clone().collect::<Vec<_>>().join(", ");
            return Err(format!("unknown variable{}; known are {all}", nearest(name, known)));
        }
    }
    Ok(())
}

//! Where identifiers are cut out of ARNs: only where the cut is right whatever a name holds.
//!
//! A name can hold slashes and colons, so what stands after the last of them may be the name of something else: the
//! Auto Scaling group `team-b/web` is not the group `web`. A cut behind the word of the type (`path`) needs a format
//! of one word and one name; one behind a text (`after`) a format in which the text stands right before the name; one
//! at the last separator (`last`) a pattern of AWS's that allows none, which `catalog/tools/operations.py` holds.

use super::{Catalog, Operation};
use tagger_core::arn::Arn;

impl Catalog {
    pub(super) fn identifier_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for operation in self.operations.values() {
            if (operation.takes == "last") != operation.pattern.is_some() {
                complaints.push(format!(
                    "catalog/operations.toml: {}: `last` cuts at the last / or :, which is right only where the identifier's \
                     `pattern` in the model allows neither; give both, or take `path`",
                    operation.name
                ));
            }
        }
        for (file, entry) in self.entries().filter(|(_, entry)| entry.id.as_slice().is_empty()) {
            let Some(operation) = self.operations.get(&entry.tag) else { continue };
            complaints.extend(self.why_not(&entry.r#type, &operation.takes).map(|why| {
                let Operation { name, .. } = operation;
                format!(
                    "{}: {} of {}: {name}: {why}; write an `id`",
                    file.event_source, entry.r#type, entry.event
                )
            }));
        }
        for told in &self.lifetimes.told {
            complaints.extend(self.why_not(&told.r#type, &told.takes).map(|why| {
                format!(
                    "catalog/lifetimes.toml: {}: {why}; take the name from a path in the record",
                    told.r#type
                )
            }));
        }
        complaints
    }

    /// Why what is taken of the ARNs of a type may not be the identifier.
    fn why_not(&self, resource_type: &str, takes: &str) -> Option<String> {
        self.formats.get(resource_type)?.iter().find_map(|format| refused(takes, format))
    }
}

/// Why what is taken of an ARN of this format may not be the identifier; none where it is, or nothing is cut.
fn refused(takes: &str, format: &str) -> Option<String> {
    let Some(arn) = Arn::parse(format) else { return Some(format!("{format} is no format of an ARN")) };
    match takes.strip_prefix("after ") {
        Some(text) if arn.resource.matches(text).count() == 1 && arn.after(text).is_some_and(is_name) => None,
        Some(text) => Some(format!("`{text}` does not stand right before the name in {format}")),
        None if takes != "path" => None,
        None if !arn.kind().is_empty() && !arn.kind().contains("${") && is_name(arn.path()) => None,
        None => Some(format!("`path` needs a format of one word and one name, and it is {format}")),
    }
}

/// Whether a piece of a format is one variable, with letters around it at most: `p-${PolicyId}`.
fn is_name(piece: &str) -> bool {
    let Some((before, rest)) = piece.split_once("${") else { return false };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    !before.contains(['/', ':']) && !after.contains(['/', ':', '$'])
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn cuts_that_may_take_another_name() {
        let format = |resource: &str| format!("arn:${{Partition}}:x:${{Region}}:${{Account}}:{resource}");
        let group = "autoScalingGroup:${GroupId}:autoScalingGroupName/${Name}";
        for (takes, resource, is_right) in [
            ("path", "stream/${Name}", true),
            ("path", "cluster:${Name}", true),
            ("path", "policy/p-${Id}", true),
            ("path", group, false),
            ("path", "snapshot:${Cluster}/${Name}", false),
            ("path", "file-system/${Id}/access-point/${Point}", false),
            ("path", "${Name}", false),
            ("after :autoScalingGroupName/", group, true),
            ("after /", group, true),
            ("after :", group, false),
            ("after :other/", group, false),
            ("arn", "snapshot:${Cluster}/${Name}", true),
            ("requestParameters.name", "snapshot:${Cluster}/${Name}", true),
        ] {
            assert_eq!(refused(takes, &format(resource)).is_none(), is_right, "{takes} of {resource}");
        }
    }
}

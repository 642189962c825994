//! The tags that a resource of EC2 got by the call that created it, as far as the record tells. Pure.
//!
//! EC2 is eventually consistent: a new id can be unknown to DescribeTags, which then lists nothing, and known
//! a moment later to CreateTags, which overwrites. So an empty answer proves nothing about a new resource. What
//! its owner gave it with the call stands in the record; and where the record cannot tell, this says so, and
//! the resource has to be seen first.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>

use crate::{arn::Arn, json, record::Record, resources::Resource, step::Tags};
use serde_json::Value;

/// What the record tells of the tags of a new resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The tags that it was given.
    pub tags: Tags,
    /// Whether that is all: it may have others from a launch template, a fleet, an Auto Scaling group or an
    /// image that was copied, which are not in the record.
    pub whole: bool,
}

/// Where calls name the tags of what they create: the older ones, and the newer ones in their wrapper.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html>
const SPECIFICATIONS: [&str; 3] = [
    "requestParameters.tagSpecificationSet.items[]",
    "requestParameters.TagSpecification[]",
    "requestParameters.TagSpecifications[]",
];

/// What was given to this resource.
pub fn given(record: &Record, resource: &Resource) -> Given {
    // The type of a specification is the word in the ARN:
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    let kind = Arn::parse(&resource.arn).map_or("", |arn| arn.kind());
    let mut tags = asked_for(record, kind);
    let shown = shown(json::member(record.value(), "responseElements"), &resource.id);
    let whole = shown.is_some() || !may_inherit(record);
    for tag in shown.unwrap_or_default() {
        if tags.iter().all(|(key, _)| *key != tag.0) {
            tags.push(tag);
        }
    }
    Given { tags, whole }
}

/// The tags that the request names for resources of a type.
fn asked_for(record: &Record, kind: &str) -> Tags {
    let specifications = SPECIFICATIONS.iter().flat_map(|path| json::at_path(record.value(), path));
    let of_kind = specifications.filter(|one| {
        let named = json::member_text(one, "resourceType");
        named.is_none_or(|named| named.eq_ignore_ascii_case(kind))
    });
    of_kind
        .flat_map(|one| {
            // `Tag` stands beside a number `tag` where CloudTrail wrote XML's attributes into JSON.
            let tags = ["Tag", "Tags"].into_iter().map(|name| json::member(one, name));
            tags.flat_map(pairs).collect::<Tags>()
        })
        .collect()
}

/// The tags in the answer, beside the resource's id; none where its tags are not shown.
fn shown(value: &Value, id: &str) -> Option<Tags> {
    match value {
        Value::Array(list) => list.iter().find_map(|inner| shown(inner, id)),
        Value::Object(map) => {
            let set = json::member(value, "tagSet");
            if !set.is_null() && map.values().any(|member| member.as_str() == Some(id)) {
                return Some(pairs(set));
            }
            map.values().find_map(|inner| shown(inner, id))
        }
        _ => None,
    }
}

/// Whether what was created may have tags that neither request nor answer name. A template's instances always
/// have tags of AWS's own that nobody asked for, also where its name is not in the record, as in a fleet's.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/launch-instances-from-launch-template.html>
fn may_inherit(record: &Record) -> bool {
    let stated = |path: &str| {
        let found = json::at_path(record.value(), path);
        found.into_iter().any(|value| !value.is_null() && json::flag(value) != Some(false))
    };
    if ["launchTemplate", "launchTemplateConfigs", "copyImageTags", "copyTagsFromSource"]
        .iter()
        .any(|name| stated(&format!("requestParameters.{name}")))
    {
        return true;
    }
    let asked = asked_for(record, "instance");
    let instances = json::at_path(record.value(), "responseElements.instancesSet.items[].tagSet");
    instances.into_iter().flat_map(pairs).any(|(key, _)| asked.iter().all(|(known, _)| *known != key))
}

/// The tags of a set: a list, one that is wrapped in `item` or `items`, or one tag where a list of one was.
fn pairs(set: &Value) -> Tags {
    match set {
        Value::Array(list) => list.iter().flat_map(pairs).collect(),
        Value::Object(_) => match json::member_text(set, "key") {
            // Values that look like numbers or truth are such in some records.
            Some(key) => {
                let value = match json::member(set, "value") {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                };
                vec![(key.into_owned(), value)]
            }
            None => {
                let inner = ["items", "item"].into_iter().map(|name| json::member(set, name));
                inner.flat_map(pairs).collect()
            }
        },
        _ => Tags::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(request: Value, response: Value) -> Record {
        Record::new(json!({ "requestParameters": request, "responseElements": response }))
    }

    fn resource(kind: &str, id: &str) -> Resource {
        let entries = tagger_catalog::events().iter().flat_map(|event| event.entries);
        let entry = entries.into_iter().find(|entry| entry.operation.name == "ec2:CreateTags").unwrap();
        let arn = format!("arn:aws:ec2:us-east-1:111122223333:{kind}/{id}");
        let (id, region, account) = (id.to_owned(), "us-east-1".to_owned(), "111122223333".to_owned());
        Resource { entry, arn, id, region, account }
    }

    #[test]
    fn what_was_given_with_the_call_is_known() {
        let bob = json!({ "key": "CreatedBy", "value": "bob" });
        let specified = |kind: &str| json!({ "tagSpecificationSet": { "items": [{ "resourceType": kind, "tags": [bob] }] } });
        let wrapped = |tag: Value| json!({ "CreateNatGatewayRequest": { "TagSpecification": { "ResourceType": "natgateway", "tag": 1, "Tag": tag } } });
        let ran = |tags: Value, interface: Value| {
            let mut item = json!({ "instanceId": "i-1", "networkInterfaceSet": { "items": [interface] } });
            if !tags.is_null() {
                item["tagSet"] = json!({ "items": tags });
            }
            json!({ "instancesSet": { "items": [item] } })
        };
        let bare = json!({ "networkInterfaceId": "eni-1", "tagSet": {} });
        let aws = json!([{ "key": "aws:ec2launchtemplate:id", "value": "lt-1" }]);
        let template = json!({ "launchTemplate": { "launchTemplateId": "lt-1" } });
        let none = Value::Null;
        let name = "CreatedBy=bob";
        for (what, request, response, kind, id, tags, whole) in [
            ("a request", specified("volume"), none.clone(), "volume", "vol-1", name, true),
            ("a request for another type", specified("instance"), none.clone(), "volume", "vol-1", "", true),
            (
                "a wrapped request",
                wrapped(json!({ "Key": "CreatedBy", "Value": "bob", "tag": 1 })),
                none.clone(),
                "natgateway",
                "nat-1",
                name,
                true,
            ),
            (
                "several, one that looks like truth",
                wrapped(json!([{ "Key": "a", "Value": true, "tag": 1 }, { "Key": "b", "tag": 2 }])),
                none.clone(),
                "natgateway",
                "nat-1",
                "a=true b=",
                true,
            ),
            (
                "an answer",
                json!({}),
                json!({ "volumeId": "vol-1", "tagSet": { "items": [bob] } }),
                "volume",
                "vol-1",
                name,
                true,
            ),
            (
                "a wrapped answer",
                json!({}),
                json!({ "CreateXResponse": { "x": { "xId": "x-1", "tagSet": { "item": bob } } } }),
                "x",
                "x-1",
                name,
                true,
            ),
            (
                "another's answer",
                json!({}),
                json!({ "volumeId": "vol-2", "tagSet": { "items": [bob] } }),
                "volume",
                "vol-1",
                "",
                true,
            ),
            ("a child", specified("volume"), ran(none.clone(), bare.clone()), "volume", "vol-1", name, true),
            (
                "an interface, shown",
                template.clone(),
                ran(aws.clone(), bare.clone()),
                "network-interface",
                "eni-1",
                "",
                true,
            ),
            ("a template's child", template, ran(aws.clone(), bare.clone()), "volume", "vol-1", "", false),
            ("a fleet's child", json!({}), ran(aws.clone(), bare.clone()), "volume", "vol-1", "", false),
            (
                "a fleet's instance",
                json!({}),
                ran(aws, bare),
                "instance",
                "i-1",
                "aws:ec2launchtemplate:id=lt-1",
                true,
            ),
            (
                "an instant fleet's instance, whose template may have tags",
                json!({ "CreateFleetRequest": { "Type": "instant", "LaunchTemplateConfigs": { "tag": 1 } } }),
                json!({ "CreateFleetResponse": { "fleetInstanceSet": { "item": { "instanceIds": { "item": "i-1" } } } } }),
                "instance",
                "i-1",
                "",
                false,
            ),
            (
                "a copy with its tags",
                json!({ "copyImageTags": true }),
                json!({ "imageId": "ami-1" }),
                "image",
                "ami-1",
                "",
                false,
            ),
            (
                "a copy without them",
                json!({ "copyImageTags": false }),
                json!({ "imageId": "ami-1" }),
                "image",
                "ami-1",
                "",
                true,
            ),
            ("nothing", none.clone(), none.clone(), "volume", "vol-1", "", true),
            ("nonsense", json!([1, "x"]), json!({ "tagSet": 7, "x": "vol-1" }), "volume", "vol-1", "", true),
        ] {
            let found = given(&record(request, response), &resource(kind, id));
            let pairs: Vec<_> = found.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!((pairs.join(" ").as_str(), found.whole), (tags, whole), "{what}");
        }
    }

    #[test]
    fn a_tag_is_counted_once_where_request_and_answer_name_it() {
        let set = json!({ "items": [{ "key": "a", "value": "b" }] });
        let request = json!({ "tagSpecificationSet": { "items": [{ "resourceType": "volume", "tags": set["items"] }] } });
        let found = given(
            &record(request, json!({ "volumeId": "vol-1", "tagSet": set })),
            &resource("volume", "vol-1"),
        );
        assert_eq!(found.tags.len(), 1, "{found:?}");
    }
}

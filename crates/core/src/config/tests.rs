//! Files and variables that are read, and those that are refused with their place.

use super::*;

#[test]
fn reads_everything() {
    let policy = from_toml(
        "[tag]\nkey = \"owner\"\nvalue = \"{role}/{session|name}\"\nexisting = \"overwrite\"\n\
         [tags]\nCreatedAt = \"{eventTime}\"\n[kinds]\nservice = \"skip\"\nroot = \"tag\"\n\
         [exclude]\nprincipals = [\"arn:aws:iam::*:role/ci-*\", \"bot\"]\n",
    )
    .unwrap();
    assert_eq!(policy.tag.key, "owner");
    assert_eq!(policy.existing, Existing::Overwrite);
    assert_eq!(policy.further[0].key, "CreatedAt");
    assert_eq!(policy.skipped, [Kind::Service]);
    assert_eq!(policy.excluded.len(), 2);
    assert_eq!(from_toml("").unwrap(), Policy::default());
}

#[test]
fn a_wrong_file_is_refused_with_the_line_and_the_nearest_name() {
    for (text, line, reason) in [
        ("[tag]\nkye = \"x\"\n", 2, "did you mean `key`?"),
        ("\n[tga]\nkey = \"x\"\n", 2, "did you mean `tag`?"),
        ("[tag]\nexisting = \"kepe\"\n", 2, "did you mean `keep`?"),
        ("[tag]\nvalue = \"{nmae}\"\n", 2, "did you mean `name`?"),
        ("[tag]\nkey = 3\n", 2, "expected a text"),
        ("[tag]\nkey = \"aws:x\"\n", 2, "belong to AWS"),
        ("[tag]\nkey = \"a,b\"\n", 2, "`,` cannot stand"),
        ("# the key\n[tags]\nX = \"y\"\n[tag]\nkey = \"aws:x\"\n", 5, "belong to AWS"),
        ("[tag]\nkye = \"x\"\n[aaa]\n", 2, "did you mean `key`?"),
        ("[tag]\nvalue = \"  \"\n", 2, "empty"),
        ("[kinds]\nperson = \"skip\"\nrobot = \"skip\"\n", 3, "`robot` is not one of"),
        ("[tags]\ncreatedby = \"x\"\n", 2, "set twice"),
        ("tag = 1\n", 1, "expected a section [tag]"),
        ("[tag\n", 1, "not TOML"),
        ("[exclude]\nprincipals = \"x\"\n", 2, "expected a list"),
    ] {
        let error = from_toml(text).unwrap_err();
        assert_eq!(error.line, Some(line), "{text}: {error}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
}

#[test]
fn keys_that_some_services_refuse_are_named_with_their_types() {
    let policy = |text: &str| from_toml(text).unwrap();
    assert_eq!(refused_keys(&Policy::default()), []);
    let spaced = policy("[tag]\nkey = \"cost center\"\n[tags]\n\"auto:creator\" = \"x\"\nTeam = \"y\"\n");
    let found = refused_keys(&spaced);
    assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["cost center", "auto:creator"]);
    assert!(found[0].1.contains(&"AWS::EVS::Environment"), "{found:?}");
    assert!(found[1].1.iter().all(|name| name.starts_with("AWS::SSMContacts::")), "{found:?}");
}

#[test]
fn the_environment_comes_on_top() {
    let set = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        from_environment(Policy::default(), pairs)
    };
    let policy = set(&[
        ("TAGGER_KEY", "Owner"),
        ("TAGGER_TAGS", "A={eventTime};B=x"),
        ("TAGGER_SKIP_KINDS", "ci service"),
    ])
    .unwrap();
    assert_eq!((policy.tag.key.as_str(), policy.further.len(), policy.skipped.len()), ("Owner", 2, 2));
    assert_eq!(set(&[("PATH", "x"), ("TAGGER_CONFIG", "y")]).unwrap(), Policy::default());
    for (name, value, reason) in [
        ("TAGGER_KYE", "x", "did you mean `TAGGER_KEY`?"),
        ("TAGGER_EXISTING", "x", "keep"),
        ("TAGGER_TAGS", "x", "Key=value"),
        ("TAGGER_KEY", "", "TAGGER_KEY: a tag's key has 1 to 127"),
    ] {
        let error = set(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}

/// Every configuration that the documents show is one.
#[test]
#[allow(clippy::disallowed_methods, reason = "the core does no I/O, this test reads a document")]
fn the_documents_show_configurations_that_are_right() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 10, "docs/settings.md promises ten configurations");
    for block in blocks {
        let policy = from_toml(block).unwrap_or_else(|error| panic!("docs/settings.md: {error}\n{block}"));
        assert_ne!(policy, Policy::default(), "{block}");
    }
}

#[test]
fn scope_people_and_opting_out_are_read_and_refused_with_their_line() {
    let text = "[value]\nperson = \"{name|lower}\"\nworkload = \"{role}\"\n[scope]\nservices = [\"ec2\"]\nsince = 2026-11-24\n\
                [opt-out]\ntags = [\"auto-tag=off\"]\n[people]\nfile = \"people.csv\"\n";
    let policy = from_toml(text).unwrap();
    assert_eq!(policy.template(Kind::Workload).as_str(), "{role}");
    assert_eq!(policy.template(Kind::User).as_str(), "{name}");
    assert_eq!(policy.scope.since, "2026-11-24T00:00:00Z");
    assert_eq!(policy.people_file.as_deref(), Some("people.csv"));
    for (text, line, reason) in [
        ("[value]\nperso = \"{name}\"\n", 2, "did you mean `person`?"),
        ("[value]\nperson = \"{name|lwoer}\"\n", 2, "did you mean `lower`?"),
        ("[scope]\n\nservices = [\"ec3\"]\n", 3, "did you mean `ec2`?"),
        ("[scope]\nservice = [\"ec2\"]\n", 2, "did you mean `services`?"),
        ("[scope]\nsince = \"soon\"\n", 2, "is no time"),
        ("[opt-out]\ntags = \"x\"\n", 2, "expected a list"),
        ("[people]\nfile = \"people.xls\"\n", 2, ".csv or a .toml file"),
        (
            "[[person]]\nmatch = \"a\"\nname = \"A\"\n[[person]]\nmatch = \"a\"\nname = \"B\"\n",
            4,
            "line 1 (`a`)",
        ),
        (
            "[people]\nfile = \"a.csv\"\n[[person]]\nmatch = \"a\"\nname = \"A\"\n",
            2,
            "put all of them into one",
        ),
        ("[[person]]\nmatch = \"a\"\nCreatedBy = \"A\"\n", 1, "is the creator's tag"),
        ("[person]\nmatch = \"a\"\n", 2, "[[person]]"),
    ] {
        let error = from_toml(text).unwrap_err();
        assert_eq!(error.line, Some(line), "{text}: {error}");
        assert!(error.to_string().contains(reason), "{text}: expected {reason:?}, got {error}");
    }
}

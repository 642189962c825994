//! The sandbox's Python files, carried in the program.

use std::{fs, io, path::Path};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../sandbox/", $name)))),*]
    };
}

/// The pinned packages.
pub const REQUIREMENTS: &str = include_str!("../../../../../sandbox/requirements.txt");

#[rustfmt::skip]
const FILES: &[(&str, &str)] = files![
    "cloud.py",
    "consistency.py",
    "constraints.py",
    "leniency.py",
    "feed.py",
    "lifetime.py",
    "people.py",
    "patches.py",
    "patches_apigateway.py",
    "patches_cloudformation.py",
    "patches_ec2.py",
    "patches_iam.py",
    "patches_launches.py",
    "patches_logs.py",
    "patches_network.py",
    "patches_s3.py",
    "patches_stacks.py",
    "patches_stacksets.py",
    "patterns.py",
    "properties.json",
    "refusals.py",
    "rule_checks.py",
    "rule_world.py",
    "rules.py",
    "rules_stacks.py",
    "server.py",
    "strict.py",
    "recorder/__init__.py",
    "recorder/casing.py",
    "recorder/dataevents.py",
    "recorder/deliver.py",
    "recorder/ec2form.py",
    "recorder/identity.py",
    "recorder/middleware.py",
    "recorder/models.py",
    "recorder/oddities.py",
    "recorder/record.py",
    "recorder/request.py",
    "recorder/response.py",
    "recorder/routes.py",
    "recorder/s3form.py",
    "recorder/services.py",
    "recorder/stackcalls.py",
    "recorder/stacks.py",
    "recorder/stacktypes.py",
    "recorder/tagevents.py",
    "recorder/xmljson.py",
];

/// Writes them into a folder.
pub fn write(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_sandbox_is_forgotten() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sandbox");
        let mut there = Vec::new();
        for folder in ["", "recorder"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "py" || ending == "json") {
                    there.push(path.strip_prefix(&root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        there.sort();
        let mut carried: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, there, "list the files of sandbox/ in crates/cli/src/commands/sandbox/files.rs");
    }
}

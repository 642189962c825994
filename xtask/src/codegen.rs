//! `cargo xtask codegen`: everything that is generated, written or compared.

mod children;
mod command_line;
mod coverage;
mod deployer;
mod docs;
mod documents;
mod numbers;
mod own_parts;
mod patterns;
mod policy;
mod rules;
mod table;
mod template;

use crate::catalog::Catalog;
use std::fs;

/// Writes every generated file, or with `check` compares it with what is there.
///
/// # Errors
/// What is wrong with the catalog, or which files drifted and how to fix them.
pub fn run(check: bool) -> Result<(), String> {
    let root = crate::root();
    let catalog = Catalog::read(&root)?;
    let rules = rules::rules(&catalog)?;
    let proofs = crate::trips::proofs(&root)?;
    crate::trips::in_catalog(&proofs, &catalog)?;
    let mut files = vec![
        ("crates/catalog/src/generated.rs", table::tables(&catalog)?),
        ("crates/cli/src/commands/catalog/generated.rs", command_line::tables(&catalog, &rules)),
        ("templates/rules.json", pretty(&rules)),
        ("templates/deployer.json", pretty(&deployer::policies(&root)?)),
        ("templates/policy.json", pretty(&policy::policy(&catalog))),
        ("docs/resources.md", docs::resources(&catalog, &proofs)),
        ("docs/iam-policy.md", docs::iam_policy(&catalog)),
        ("docs/diagnostics.md", docs::diagnostics()),
        ("docs/coverage.md", coverage::document(&catalog, &root)?),
        ("docs/configuration.md", docs::configuration(&catalog)),
        ("docs/config.schema.json", pretty(&docs::config_schema())),
    ];
    let templates = template::templates(&catalog, &root)?;
    files.extend(numbers::documents(&catalog, &rules, &templates, &proofs, &root)?);
    files.extend(templates);
    let mut drifted = Vec::new();
    for (name, text) in files {
        let path = root.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if check {
            drifted.push(name);
        } else {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|error| format!("{name}: {error}"))?;
            }
            fs::write(&path, text).map_err(|error| format!("{name}: {error}"))?;
            println!("wrote {name}");
        }
    }
    documents::check(&root)?;
    // Last, since actions.txt is made from the policy that is written above.
    let listed = fs::read_to_string(root.join("catalog/reference/actions.txt"))
        .map_err(|error| format!("catalog/reference/actions.txt: {error}"))?;
    policy::refuse_unknown_actions(&catalog, &listed)?;
    let unseen = "catalog/protection/unseen.txt";
    let unseen = fs::read_to_string(root.join(unseen)).map_err(|error| format!("{unseen}: {error}"))?;
    policy::refuse_unseen(&catalog, &unseen)?;
    if drifted.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "generated files drifted from the catalog: {}\nrun: cargo xtask codegen",
            drifted.join(", ")
        ))
    }
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

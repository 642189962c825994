//! What a product is made of, as CycloneDX 1.5 in JSON, from what cargo knows.
//!
//! Two builds of the same sources give the same text: no time, no path and nothing random may get in,
//! and no package that is not in the program.

use super::{
    Arch, Built,
    pack::sha256,
    tools::{Place, Tools, output},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is linked in without being a package: the tool that brings it, name, licence, what it is.
const RUNTIMES: [(&str, &str, &str, &str); 2] = [
    ("rustc", "rust-std", "MIT OR Apache-2.0", "Rust's standard library, as it comes with the compiler"),
    (
        "ziglang",
        "zig-runtime",
        "MIT AND (Apache-2.0 WITH LLVM-exception)",
        "compiler-rt and LLVM's libunwind, as zig links them",
    ),
];

/// The packages that one product is made of, as (name, version).
pub(super) fn tree(
    place: &Place,
    arch: &Arch,
    package: &str,
    edges: &str,
) -> Result<BTreeSet<(String, String)>, String> {
    // `cargo metadata` knows only the features of all products together, which would list too many.
    let mut cargo = place.command("cargo");
    cargo.args(["tree", "--locked", "--prefix", "none", "--format", "{p}", "--target", arch.triple]);
    let listed = output(cargo.args(["--package", package, "--edges", edges]))?;
    let listed = String::from_utf8_lossy(&listed);
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    Ok(listed.lines().filter_map(read).collect())
}

/// CycloneDX 1.5 of one product. Two builds of the same sources give the same text: the serial number
/// is made of the hash of the rest, and no time is in it.
pub(super) fn sbom(
    tools: &Tools,
    built: &[Built],
    index: usize,
    package: &str,
    program: &str,
    lock: &str,
    released: Vec<Value>,
) -> Result<Value, String> {
    let checksums = checksums(lock)?;
    let mut linked = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut about = BTreeMap::new();
    let mut edges: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    for one in built {
        let [normal, all] = one.packages.get(index).ok_or("a product is missing")?;
        linked.extend(normal.iter().cloned());
        needed.extend(all.iter().cloned());
        let by_id: BTreeMap<&str, (String, String)> = members(&one.metadata["packages"])
            .filter_map(|package| Some((package["id"].as_str()?, key(package)?)))
            .collect();
        about.extend(
            members(&one.metadata["packages"]).filter_map(|package| Some((key(package)?, package.clone()))),
        );
        for node in members(&one.metadata["resolve"]["nodes"]) {
            let Some(from) = node["id"].as_str().and_then(|id| by_id.get(id)) else { continue };
            let normal = members(&node["deps"])
                .filter(|edge| members(&edge["dep_kinds"]).any(|kind| kind["kind"].is_null()))
                .filter_map(|edge| by_id.get(edge["pkg"].as_str()?))
                .filter(|to| all.contains(*to));
            edges.entry(from.clone()).or_default().extend(normal.cloned());
        }
    }
    let (mut components, mut runtimes) = (Vec::new(), Vec::new());
    for (tool, name, licence, about) in RUNTIMES {
        let Some((_, version)) = tools.versions.iter().find(|(name, _)| name == tool) else { continue };
        let version = version.split(' ').next().unwrap_or_default();
        let reference = format!("{name}@{version}");
        components.push(json!({
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": version,
            "description": about,
            "licenses": [{ "expression": licence }],
            "scope": "required",
        }));
        runtimes.push(reference);
    }
    let mut dependencies = Vec::new();
    let mut main = Value::Null;
    for each in &needed {
        let facts =
            about.get(each).ok_or_else(|| format!("cargo metadata does not know {} {}", each.0, each.1))?;
        let mut component = component(each, facts, checksums.get(each), linked.contains(each));
        if each.0 == package {
            component["type"] = json!("application");
            component["name"] = json!(program);
            component["components"] = Value::Array(released.clone());
            if let Some(fields) = component.as_object_mut() {
                fields.remove("scope");
            }
            main = component;
        } else {
            components.push(component);
        }
        let mut on: Vec<_> = edges.get(each).into_iter().flatten().map(purl).collect();
        if each.0 == package {
            on.extend(runtimes.iter().cloned());
        }
        dependencies.push(json!({ "ref": purl(each), "dependsOn": on }));
    }
    let tools = tools.versions.iter();
    let tools: Vec<_> = tools
        .map(|(name, version)| json!({ "type": "application", "name": name, "version": version }))
        .collect();
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "tools": { "components": tools }, "component": main },
        "components": components,
        "dependencies": dependencies,
    });
    document["serialNumber"] = json!(serial(&sha256(document.to_string().as_bytes()))?);
    Ok(document)
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The name and version of a package of `cargo metadata`.
fn key(package: &Value) -> Option<(String, String)> {
    Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
}

fn purl((name, version): &(String, String)) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

pub(super) fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

/// What the SBOM says of one package. Those of macros, which run while building, are `excluded`.
fn component(package: &(String, String), facts: &Value, checksum: Option<&String>, linked: bool) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.0,
        "version": package.1,
        "scope": if linked { "required" } else { "excluded" },
    });
    if facts["source"].is_string() {
        // Our own packages are in no registry, where somebody else's may have their names.
        component["purl"] = json!(purl(package));
    }
    if let Some(licence) = facts["license"].as_str() {
        // Old crates write MIT/Apache-2.0, which SPDX does not know.
        let expression = licence.replace(" / ", "/").replace('/', " OR ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = hashes(checksum);
    }
    if let Some(address) = facts["repository"].as_str() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": address }]);
    }
    component
}

/// The SHA-256 of every package's file, which `cargo metadata` leaves out.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, String> {
    let lock: toml::Table = lock.parse().map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let field = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    Ok(packages
        .filter_map(|package| {
            Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?))
        })
        .collect())
}

/// A UUID of version 8, which is for values of one's own making, from a hash.
fn serial(hash: &str) -> Result<String, String> {
    let part = |from: usize, to: usize| hash.get(from..to).ok_or_else(|| "a hash is too short".to_owned());
    Ok(format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8)?,
        part(8, 12)?,
        part(12, 15)?,
        part(15, 18)?,
        part(18, 30)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_a_uuid_and_a_licence_is_spdx() {
        let serial = serial(&"0123456789abcdef".repeat(4)).unwrap();
        assert_eq!(serial, "urn:uuid:01234567-89ab-8cde-8f01-23456789abcd");
        let package = ("a".to_owned(), "1.0.0+b".to_owned());
        let facts = json!({ "license": "MIT / Apache-2.0", "source": "registry" });
        let component = component(&package, &facts, None, true);
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(component["purl"], "pkg:cargo/a@1.0.0%2Bb");
    }
}

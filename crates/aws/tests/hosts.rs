//! `first-run/hosts.txt`: every host that the function may call in the partition `aws`, from the operation table by the
//! function's own code. `first-run/run.py` asks each whether its certificate ends in one of the five roots.
//!
//! `UPDATE_EXPECT=1 cargo test -p tagger-aws --test hosts` writes it.

#![allow(clippy::disallowed_methods, reason = "a test that reads and writes the expectation")]

use std::{collections::BTreeSet, fs, path::Path};
use tagger_catalog::endpoint::Kind;

const UPDATE: &str = "UPDATE_EXPECT=1 cargo test -p tagger-aws --test hosts";
const HEAD: &str = "\
# Every host that the function may call, in the partition aws; {region} and {account} stand for themselves.
# Made from the operation table; do not edit by hand. UPDATE_EXPECT=1 cargo test -p tagger-aws --test hosts
";

#[test]
fn first_run_hosts_are_those_of_the_table() {
    let hosts: BTreeSet<_> = tagger_catalog::operations()
        .iter()
        .map(|operation| {
            tagger_aws::endpoint::of(operation, Kind::Usual, "{region}", "{account}").unwrap().host
        })
        .collect();
    let made = hosts.into_iter().fold(HEAD.to_owned(), |text, host| text + &host + "\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../first-run/hosts.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "first-run/hosts.txt is not what the operation table says; run: {UPDATE}");
}

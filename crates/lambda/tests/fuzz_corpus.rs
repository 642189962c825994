//! What the fuzzers kept, replayed with the stable toolchain: every file of `fuzz/corpus/` through the assertions of
//! its target. `fuzz/README.md` says how the files are made.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read files")]
#![allow(missing_docs, reason = "documented where it stands, in fuzz/src")]

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::{fs, panic, path::Path};

#[test]
fn what_the_fuzzers_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    type Target = (&'static str, fn(&[u8]));
    let targets: [Target; 4] = [
        ("records", fuzz::records::run),
        ("plan", fuzz::plan::run),
        ("input", fuzz::input::run),
        ("answers", fuzz::answers::run),
    ];
    let mut failed = Vec::new();
    for (target, run) in targets {
        let files =
            fs::read_dir(folder.join(target)).unwrap_or_else(|error| panic!("fuzz/corpus/{target}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if panic::catch_unwind(|| run(&bytes)).is_err() {
                failed.push(format!("{target}/{}", path.file_name().unwrap().display()));
            }
            count += 1;
        }
        assert!(count > 20, "fuzz/corpus/{target} has {count} files; fuzz/README.md says how they are made");
    }
    // What each one asserts was printed above, where it failed.
    assert!(failed.is_empty(), "of fuzz/corpus, these fail: {}", failed.join(", "));
}

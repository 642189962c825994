//! What a table answers, which rows it refuses, and that neither loading nor looking up grows with its rows.

use super::*;
use crate::identity;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn row(line: usize, pattern: &str, name: &str, team: &str) -> Row {
    Row { line, pattern: pattern.to_owned(), name: name.to_owned(), tags: vec![team.to_owned()] }
}

fn table(rows: &[(&str, &str)]) -> Result<People, Vec<RowError>> {
    let rows: Vec<Row> =
        rows.iter().enumerate().map(|(at, (pattern, name))| row(at + 2, pattern, name, "")).collect();
    compile(&["Team".to_owned()], &rows)
}

fn session(role: &str, name: &str) -> Value {
    json!({ "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{name}"),
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}"),
        "sessionContext": { "sessionIssuer": { "userName": role, "arn": format!("arn:aws:iam::111122223333:role/team/{role}") } } })
}

fn found(people: &People, user: Value) -> Option<String> {
    let record = Record::new(json!({ "userIdentity": user }));
    let creator = identity::identify(&record);
    people.find(&record, &creator).map(|person| person.name.unwrap_or_default().to_owned())
}

#[test]
fn whom_a_row_fits() {
    let id = "94482488-3041-7026-18f3-be45837cd0e4";
    let identity_center = json!({ "type": "IdentityCenterUser", "onBehalfOf": { "userId": id } });
    let alice =
        json!({ "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/ops/alice" });
    let jane = || session("AWSReservedSSO_Admin_0123456789abcdef", "Jane.Doe@example.com");
    for (pattern, user, fits) in [
        ("alice", alice.clone(), true),
        ("name:ali*", alice.clone(), true),
        ("user:alice", alice.clone(), true),
        ("role:alice", alice.clone(), false),
        ("arn:aws:iam::*:user/ops/*", alice.clone(), true),
        ("arn:aws:iam::*:user/dev/*", alice, false),
        ("jane.doe@example.com", jane(), true),
        ("*@example.com", jane(), true),
        ("email:jane*", jane(), true),
        ("session:Jane.Doe@example.com", jane(), true),
        ("session:jane.doe@example.com", jane(), false),
        ("role:AWSReservedSSO_Admin_*", jane(), true),
        ("arn:aws:iam::111122223333:role/team/AWSReservedSSO_Admin_*", jane(), true),
        (id, identity_center.clone(), true),
        ("id:94482488-3041-7026-18F3-BE45837CD0E4", identity_center.clone(), true),
        ("id:9448*", identity_center, true),
        ("*", jane(), true),
        ("*Doe*", jane(), true),
        ("user:*Doe*", jane(), false),
    ] {
        let people = table(&[(pattern, "found")]).unwrap();
        assert_eq!(found(&people, user.clone()).is_some(), fits, "{pattern} on {user}");
    }
}

#[test]
fn the_first_row_that_fits_is_taken_whatever_it_is_compared_with() {
    let people =
        table(&[("role:Deploy", "by role"), ("session:bob", "by session"), ("*", "everybody")]).unwrap();
    for (role, name, expected) in
        [("Deploy", "bob", "by role"), ("Dev", "bob", "by session"), ("Dev", "eve", "everybody")]
    {
        assert_eq!(found(&people, session(role, name)).as_deref(), Some(expected), "{role}/{name}");
    }
}

#[test]
fn a_row_gives_a_name_tags_or_both() {
    let rows = [row(2, "bob", "", "Shop"), row(3, "eve", "Eve", "")];
    let people = compile(&["Team".to_owned()], &rows).unwrap();
    let record = Record::new(json!({ "userIdentity": session("Dev", "bob") }));
    let person = people.find(&record, &identity::identify(&record)).unwrap();
    assert_eq!((person.name, person.tags), (None, vec![("Team", "Shop")]));
    assert_eq!(found(&people, session("Dev", "eve")).as_deref(), Some("Eve"));
    assert_eq!(People::read(people.bytes().to_vec()).unwrap(), people);
}

#[test]
fn rows_that_can_never_fit_are_refused_with_their_line() {
    for (rows, line, says) in [
        (vec![("", "x")], 2, "no `match`"),
        (vec![("alice", "")], 2, "neither a name nor a tag"),
        (vec![("rol:x", "x")], 2, "did you mean `role`?"),
        (vec![("role:team/x", "x")], 2, "a path is no part"),
        (vec![("arn:aws:iam", "x")], 2, "no ARN"),
        (vec![("id:123", "x")], 2, "hexadecimal digits"),
        (vec![("role:", "x")], 2, "nothing stands behind"),
        (vec![("alice", "é")], 2, "no character that AWS takes"),
        (vec![("alice", "A"), ("alice", "B")], 3, "line 2 (`alice`) fits the same callers"),
        (vec![("a*", "A"), ("bob", "B"), ("alice", "C")], 4, "line 2 (`a*`)"),
        (vec![("role:Deploy-*", "A"), ("role:Deploy-*-prod", "B")], 3, "the narrower one first"),
        (vec![("*@example.com", "A"), ("JANE@example.com", "B")], 3, "line 2"),
        (vec![("*", "A"), ("role:x", "B")], 3, "line 2 (`*`)"),
    ] {
        let errors = table(&rows).unwrap_err();
        assert_eq!(errors.len(), 1, "{rows:?}: {errors:?}");
        assert!(errors[0].line == line && errors[0].message.contains(says), "{rows:?}: {}", errors[0]);
    }
    for rows in [
        vec![("role:Deploy-*-prod", "A"), ("role:Deploy-*", "B"), ("*", "C")],
        vec![("role:bob", "A"), ("session:bob", "B"), ("user:bob", "C"), ("bob", "D")],
        vec![("a*b", "A"), ("a*c", "B"), ("*a*", "C")],
    ] {
        assert!(table(&rows).is_ok(), "{rows:?}: {:?}", table(&rows));
    }
}

#[test]
fn columns_that_cannot_be_tags_are_refused() {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    for (columns, says) in [
        (keys(&["aws:team"]), "belong to AWS"),
        (keys(&["Team", "team"]), "twice"),
        (keys(&[""]), "1 to 127 characters"),
    ] {
        let errors = compile(&columns, &[]).unwrap_err();
        assert!(errors[0].message.contains(says), "{columns:?}: {errors:?}");
    }
}

#[test]
fn rows_of_a_toml_file() {
    let text = "[[person]]\nmatch = \"alice\"\nname = \"Alice\"\n\n[[person]]\nmatch = \"role:x\"\nTeam = \"Shop\"\n";
    let (keys, rows) = from_toml(text).unwrap();
    assert_eq!((keys, rows.len(), rows[1].line), (vec!["Team".to_owned()], 2, 5));
    assert_eq!(
        (rows[0].tags.as_slice(), rows[1].tags.as_slice()),
        (&[String::new()][..], &["Shop".to_owned()][..])
    );
    for (text, line, says) in [
        ("[[person]\n", 1, "not TOML"),
        ("[people]\n", 1, "unknown table `people`"),
        ("[[person]]\nmatch = \"a\"\nname = 3\n", 3, "expected a text"),
        ("[person]\nmatch = \"a\"\n", 1, "two brackets"),
    ] {
        let error = from_toml(text).unwrap_err();
        assert!(error.line == line && error.message.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_is_no_table_or_is_cut_off_is_refused() {
    let whole = table(&[("alice", "Alice"), ("b*", "Bob")]).unwrap().bytes().to_vec();
    for length in 0..whole.len() {
        assert!(People::read(whole[..length].to_vec()).is_err(), "{length} of {}", whole.len());
    }
    let mut other = whole;
    other[14] = b'9';
    assert!(People::read(other).unwrap_err().contains("tagger deploy --config"));
}

/// A company's table: e-mail addresses, ids, roles of teams by patterns that begin alike, and one row for the rest.
fn company(count: usize) -> Vec<Row> {
    let each = |at: usize| {
        let pattern = match at % 4 {
            0 => format!("person{at}@example.com"),
            1 => format!("{:08x}-3041-7026-18f3-be45837cd0e4", at),
            2 => format!("arn:aws:iam::*:role/team-{at}-*"),
            _ => format!("role:*-service-{at}"),
        };
        row(at + 2, &pattern, &format!("Person {at}"), &format!("Team {}", at % 50))
    };
    (0..count - 1).map(each).chain([row(count + 1, "*", "", "Nobody")]).collect()
}

#[allow(clippy::disallowed_methods, reason = "the core has no clock, this test measures")]
fn shortest(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..7).map(once).min().unwrap()
}

/// Times are those of this test's own build, so they are compared with each other, and the limit is a wide one.
#[test]
fn neither_loading_nor_looking_up_grows_as_the_table_does() {
    let callers: Vec<Record> = (0..40)
        .map(|at| Record::new(json!({ "userIdentity": session(&format!("x-service-{}", at * 4 + 3), &format!("person{}@example.com", at * 4)) })))
        .collect();
    let look_ups = |people: &People| {
        shortest(|| {
            for record in &callers {
                let creator = identity::identify(record);
                assert!(people.find(record, &creator).is_some());
            }
        })
    };
    let keys = ["Team".to_owned()];
    // Compiling 50,000 rows takes this build half a minute; what is measured is the same with fewer.
    let most = if cfg!(debug_assertions) { 10_000 } else { 50_000 };
    let (small, large) = (compile(&keys, &company(100)).unwrap(), compile(&keys, &company(most)).unwrap());
    let (few, many) = (look_ups(&small), look_ups(&large));
    // Walking through the rows would take a hundred times as long; names of more lengths take a few times as long.
    assert!(many < few * 30, "100 rows, then {most}: {few:?}, then {many:?}");
    let bytes = large.bytes().to_vec();
    let load = shortest(|| assert_eq!(People::read(bytes.clone()).unwrap().len(), most));
    println!(
        "{most} rows, {} bytes: loaded in {load:?}; {} look-ups in {many:?}",
        bytes.len(),
        callers.len()
    );
    assert!(load < Duration::from_millis(if cfg!(debug_assertions) { 50 } else { 5 }), "{load:?}");
}

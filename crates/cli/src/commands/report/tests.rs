//! The page as a text: what it holds, what it escapes, what it joins. How it looks and works is tried in a browser by
//! `bench/report.mjs`.

use super::*;
use crate::creations::Creation;
use std::path::PathBuf;
use tagger_core::identity::Kind;

fn creation(number: usize, creator: &str, kind: Kind) -> Creation {
    Creation {
        arn: format!("arn:aws:sqs:eu-west-1:111122223333:jobs-{number}"),
        resource_type: "AWS::SQS::Queue",
        creator: creator.to_owned(),
        kind,
        parent: None,
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        time: time::shown(1_795_509_000 + number as u64),
        source: "sqs.amazonaws.com".to_owned(),
        event: "CreateQueue".to_owned(),
        event_id: format!("e-{number}"),
        deleted: None,
    }
}

fn report(creations: Vec<Creation>, costs: Option<&Costs>) -> String {
    let found = Found { creations, records: 7, files: 1, ..Found::default() };
    let arguments = Report {
        paths: vec![PathBuf::from("logs")],
        output: PathBuf::from("out.html"),
        cost: Vec::new(),
        title: "<b>A & B</b>".to_owned(),
        policy: crate::args::PolicyFile { config: None },
    };
    let table = rows::table(&found.creations, costs, Path::new("out.csv"));
    page(&arguments, &found, costs, table, "logs").render().unwrap()
}

#[test]
fn hostile_names_stay_texts() {
    let hostile = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&\u{2028}";
    let html = report(vec![creation(1, hostile, Kind::User)], None);
    assert_eq!(html.matches("<script").count(), 2, "the data and the script");
    assert_eq!(html.matches("</script>").count(), 2, "the data and the script");
    assert!(!html.contains("<img") && !html.contains("<!--"), "{html}");
    assert!(!html.contains("<b>A") && html.contains("&#60;b&#62;A &#38; B"), "the title is escaped");
    let data = html.split("id=\"rows\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["rows"][0][1], hostile, "the data says the same as the record");
}

#[test]
fn the_policy_has_the_hashes_of_what_is_there() {
    let html = report(vec![creation(1, "alice", Kind::User)], None);
    for (element, text) in [("style", STYLE), ("script", SCRIPT)] {
        let inline = html
            .rsplit(&format!("<{element}>"))
            .next()
            .unwrap()
            .split(&format!("</{element}>"))
            .next()
            .unwrap();
        assert!(inline == text, "the {element} of the page is not the file");
        assert!(html.contains(&format!("{element}-src '{}'", hash(inline))), "the hash of the {element}");
    }
    for forbidden in ["https:", "http:", "style=\"", "onclick=", "unsafe-inline", "@import", "url("] {
        assert!(!html.contains(forbidden), "{forbidden} asks the network, or is refused by the policy");
    }
}

#[test]
fn above_twenty_thousand_rows_are_folded() {
    let many: Vec<Creation> = (0..=rows::MOST).map(|number| creation(number, "alice", Kind::User)).collect();
    let table = rows::table(&many, None, Path::new("a/out.csv"));
    assert!(table.is_folded && table.note.contains("out.csv"), "{}", table.note);
    let json: serde_json::Value = serde_json::from_str(&table.json).unwrap();
    assert_eq!((json["rows"].as_array().unwrap().len(), &json["rows"][0][5]), (1, &"20001".into()));
    assert_eq!(rows::csv(&many, None).lines().count(), many.len() + 1, "the CSV has each");
    let formula = vec![creation(1, "=HYPERLINK(1)", Kind::User)];
    assert!(rows::csv(&formula, None).contains("\"'=HYPERLINK(1)\""), "no formula");
}

#[test]
fn costs_join_by_arn_and_by_id() {
    let folder = std::env::temp_dir().join(format!("tagger-cost-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let creations = vec![creation(1, "alice", Kind::User), creation(2, "", Kind::Unknown)];
    for (name, headers) in [
        ("cur1", "lineItem/ResourceId,lineItem/UnblendedCost,lineItem/CurrencyCode"),
        ("cur2", "line_item_resource_id,line_item_unblended_cost,line_item_currency_code"),
        ("focus", "ResourceId,EffectiveCost,BillingCurrency"),
    ] {
        let path = folder.join(name);
        let rows = format!(
            "{headers}\n{},1.25,USD\njobs-2,0.5,USD\narn:aws:s3:::old,3,USD\n,0.25,USD\nx,abc,USD\n",
            creations[0].arn
        );
        fs::write(&path, rows).unwrap();
        let costs = cost::read(&[path], &creations).unwrap();
        assert_eq!(costs.of, [Some(1.25), Some(0.5)], "{name}");
        assert_eq!(costs.unjoined, [("arn:aws:s3:::old".to_owned(), 3.0)], "{name}");
        assert_eq!((costs.total, costs.without_resource, costs.unreadable), (5.0, 0.25, 1), "{name}");
        let html = report(creations.clone(), Some(&costs));
        assert!(
            html.contains("25.0 %") && html.contains("1.25 of 5.00 USD"),
            "{name}: the spend with a creator"
        );
    }
    for (name, text, expected) in
        [("none", "a,b\n1,2\n", "none of the columns"), ("parquet", "PAR1xx", "Parquet")]
    {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        let error = cost::read(&[path], &creations).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

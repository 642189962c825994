//! `tagger sandbox` without `--demo`: says what to type in another terminal, and shows what happens.

use super::{
    cloud::{Cloud, Installed},
    feed::{Feed, Line},
};
use crate::exit_code::{Error, ExitCode};
use serde_json::json;
use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Prints the guide, then what happens until the end.
///
/// # Errors
/// The sandbox ended by itself.
pub fn run(
    cloud: &Cloud,
    installed: &Installed,
    mut feed: Feed,
    json: bool,
    stop: &AtomicBool,
) -> Result<ExitCode, Error> {
    if json {
        let people = installed.identities.iter().map(|identity| {
            let environment: serde_json::Map<_, _> = identity
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect();
            json!({ "label": identity.label, "creator": identity.expected, "environment": environment })
        });
        let ready = json!({ "step": "ready", "endpoint": cloud.endpoint, "account": cloud.account, "region": cloud.region,
            "records": cloud.folder.join("records.jsonl"), "people": people.collect::<Vec<_>>() });
        writeln!(std::io::stdout(), "{ready}")?;
    } else {
        guide(cloud, installed)?;
    }
    let mut tell = |line: &Line| {
        let mut out = std::io::stdout().lock();
        // The sandbox goes on where nobody reads.
        let _ =
            if json { writeln!(out, "{}", line.json) } else { writeln!(out, "{}", line.look.of(&line.text)) };
        let _ = out.flush();
    };
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        feed.next()?.iter().for_each(&mut tell);
        if std::net::TcpStream::connect(cloud.endpoint.trim_start_matches("http://")).is_err() {
            return Err(Error::Failure("the sandbox ended by itself".to_owned()));
        }
    }
    tell(&feed.end());
    Ok(ExitCode::Fine)
}

fn guide(cloud: &Cloud, installed: &Installed) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "The sandbox runs at {} (account {}, {}).", cloud.endpoint, cloud.account, cloud.region)?;
    writeln!(
        out,
        "The product is deployed in {} only: what is made in another region gets no tag, until you deploy there too",
        cloud.region
    )?;
    writeln!(out, "(`tagger deploy --yes --regions eu-west-1`, as root).")?;
    writeln!(out, "In another terminal, be somebody:\n")?;
    // The flag as well as the variable: the AWS CLI's SQS commands pass over the variable.
    writeln!(
        out,
        "  alias aws='{} --endpoint-url {}'",
        cloud.programs().join("aws").display(),
        cloud.endpoint
    )?;
    writeln!(out, "  export AWS_ENDPOINT_URL={} AWS_DEFAULT_REGION={}", cloud.endpoint, cloud.region)?;
    writeln!(out, "  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER=")?;
    for identity in &installed.identities {
        writeln!(out, "\n  # {} {}", identity.label, identity.expected)?;
        let pairs: Vec<_> =
            identity.environment.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
        writeln!(out, "  unset AWS_SESSION_TOKEN; export {}", pairs.join(" "))?;
    }
    writeln!(out, "\nThen create something, and a second later ask who made it:\n")?;
    writeln!(out, "  aws ec2 run-instances --image-id ami-12345678 --instance-type t3.micro")?;
    writeln!(out, "  aws ec2 describe-tags")?;
    writeln!(out, "\nEvery call is a CloudTrail record in {}", cloud.folder.join("records.jsonl").display())?;
    writeln!(
        out,
        "(try `tagger explain` on it) and in s3://{}. Ctrl-C ends it all.",
        installed.trail_bucket
    )?;
    out.flush()?;
    Ok(())
}

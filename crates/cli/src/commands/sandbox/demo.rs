//! `tagger sandbox --demo`: creates with the unmodified AWS CLI as each identity, reads every tag
//! back by the service's own list call, and gives a verdict.

use super::{
    cloud::{Cloud, Identity, Installed},
    steps::{BRIEF, IN_STACK, OWN_TAG, STEPS, Step, VOLUME},
};
use crate::exit_code::{Error, ExitCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How long a tag may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How the eight services say that something is not there, in their codes.
const NOT_THERE: [&str; 4] = ["NotFound", "NonExistent", "NoSuch", "DoesNotExist"];

/// One row of the table.
struct Row {
    identity: String,
    resource_type: &'static str,
    arn: String,
    expected: String,
    found: Option<String>,
    seconds: f64,
    ok: bool,
}

/// Runs the demo.
///
/// # Errors
/// The sandbox cannot be used; a wrong row is no error but the exit code 1.
pub fn run(cloud: &Cloud, installed: &Installed, json: bool, stop: &AtomicBool) -> Result<ExitCode, Error> {
    let mut demo = Demo {
        cloud,
        stop,
        zip: code(cloud)?,
        role: format!("arn:aws:iam::{}:role/AutoResourceTaggerRole", cloud.account),
    };
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "An AWS on this computer: {}, account {}. Nothing reaches the real one.\n",
            cloud.endpoint, cloud.account
        )?;
        writeln!(
            out,
            "{:<15} {:<16} {:<31} {:<16} {:>7}  ARN",
            "identity", "expected", "resource type", "found", "seconds"
        )?;
    }
    let (mut rows, mut wrong) = (0, 0);
    let stacks = installed.identities.first().map(|identity| (identity, "stack", &IN_STACK));
    let alone = installed.identities.iter().flat_map(|identity| {
        let steps = STEPS.iter().filter(|step| !identity.brief || BRIEF.contains(&step.resource_type));
        steps.map(move |step| (identity, identity.label.as_str(), step))
    });
    for (identity, label, step) in alone.chain(stacks) {
        let mut fresh = demo.create(identity, step)?;
        if step.resource_type == "AWS::EC2::Instance" {
            let volume = demo.child(identity, &fresh)?;
            fresh.extend(volume);
        }
        for made in fresh {
            let row = demo.watch(identity, label, made)?;
            rows += 1;
            wrong += usize::from(!row.ok);
            print(&row, json, &mut out)?;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Failure("stopped".to_owned()));
        }
    }
    if !json {
        let verdict = if wrong == 0 {
            "every resource says who created it".to_owned()
        } else {
            format!("{wrong} are wrong")
        };
        writeln!(out, "\n{rows} resources: {verdict}.")?;
        writeln!(out, "Try it yourself: tagger sandbox")?;
    }
    Ok(if wrong == 0 && rows > 0 { ExitCode::Fine } else { ExitCode::Failure })
}

fn print(row: &Row, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    if json {
        let line = json!({
            "identity": row.identity,
            "type": row.resource_type,
            "arn": row.arn,
            "expected": row.expected,
            "found": row.found,
            "seconds": (row.seconds * 100.0).round() / 100.0,
            "ok": row.ok,
        });
        writeln!(out, "{line}")?;
    } else {
        let found = row.found.as_deref().unwrap_or("nothing");
        let mark = if row.ok { "" } else { "  WRONG" };
        writeln!(
            out,
            "{:<15} {:<16} {:<31} {found:<16} {:>7.2}  {}{mark}",
            row.identity, row.expected, row.resource_type, row.seconds, row.arn
        )?;
    }
    out.flush()
}

/// Something that was just created.
struct Made {
    step: &'static Step,
    words: BTreeMap<&'static str, String>,
    at: Instant,
}

struct Demo<'a> {
    cloud: &'a Cloud,
    stop: &'a AtomicBool,
    zip: PathBuf,
    role: String,
}

impl Demo<'_> {
    fn create(&mut self, identity: &Identity, step: &'static Step) -> Result<Vec<Made>, Error> {
        let mut words = BTreeMap::from([
            ("name", format!("demo-{}-{}", plain(&identity.expected), step.create[0])),
            ("region", self.cloud.region.clone()),
            ("account", self.cloud.account.clone()),
            ("endpoint", self.cloud.endpoint.clone()),
            ("zip", self.zip.display().to_string()),
            ("role", self.role.clone()),
        ]);
        let answer = self.aws(identity, &fill_all(step.create, &words))?;
        let at = Instant::now();
        let id = if step.id.is_empty() { words["name"].clone() } else { text_at(&answer, step.id, step)? };
        words.insert("id", id);
        Ok(vec![Made { step, words, at }])
    }

    /// The volume of an instance, where the emulator shows one.
    fn child(&mut self, identity: &Identity, instance: &[Made]) -> Result<Option<Made>, Error> {
        let Some(instance) = instance.first() else { return Ok(None) };
        let answer = self.read(identity, &fill_all(VOLUME.create, &instance.words))?;
        let mut words = instance.words.clone();
        words.insert("id", text_at(&answer, VOLUME.id, &VOLUME)?);
        Ok(Some(Made { step: &VOLUME, words, at: instance.at }))
    }

    /// Asks for the tags until the creator's is there or patience ends.
    fn watch(&mut self, identity: &Identity, label: &str, made: Made) -> Result<Row, Error> {
        let arn = fill(made.step.arn, &made.words);
        let list = fill_all(made.step.tags, &made.words);
        loop {
            let tags = tags(&self.read(identity, &list)?);
            let found = tags.get("CreatedBy").cloned();
            let seconds = made.at.elapsed();
            if found.is_some() || seconds > PATIENCE || self.stop.load(Ordering::Relaxed) {
                // A volume is created without a tag of the user's own.
                let kept = made.step.resource_type == VOLUME.resource_type
                    || tags.get(OWN_TAG.0).is_some_and(|value| value == OWN_TAG.1);
                return Ok(Row {
                    identity: label.to_owned(),
                    resource_type: made.step.resource_type,
                    arn,
                    expected: identity.expected.clone(),
                    ok: kept && found.as_ref() == Some(&identity.expected),
                    found,
                    seconds: seconds.as_secs_f64(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A call about what was just created, which AWS may not show yet (`--consistency`).
    fn read(&self, identity: &Identity, words: &[String]) -> Result<Value, Error> {
        let began = Instant::now();
        loop {
            match self.aws(identity, words) {
                Err(Error::Failure(said))
                    if began.elapsed() < PATIENCE
                        && !self.stop.load(Ordering::Relaxed)
                        && NOT_THERE.iter().any(|code| said.contains(code)) =>
                {
                    std::thread::sleep(Duration::from_millis(200));
                }
                other => return other,
            }
        }
    }

    /// The AWS CLI, as a person would call it.
    fn aws(&self, identity: &Identity, words: &[String]) -> Result<Value, Error> {
        let mut command = self.cloud.command("aws");
        command
            .env("AWS_DEFAULT_REGION", &self.cloud.region)
            .env("AWS_PAGER", "")
            .env("AWS_DEFAULT_OUTPUT", "json");
        command.envs(identity.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--endpoint-url", &self.cloud.endpoint]).args(words);
        let output =
            command.output().map_err(|error| Error::Failure(format!("the AWS CLI did not run: {error}")))?;
        let said = String::from_utf8_lossy(&output.stderr);
        // A bucket without tags has no answer but an error.
        if !output.status.success() && !said.contains("NoSuchTagSet") {
            return Err(Error::Failure(format!("aws {} failed: {}", words.join(" "), said.trim())));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }
}

/// A function's code: the smallest zip archive that the emulator takes.
fn code(cloud: &Cloud) -> Result<PathBuf, Error> {
    let path = cloud.folder.join("app.zip");
    let program = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z: z.writestr('app.py', 'def handler(event, context): return 1\\n')";
    let status = cloud.command("python").args(["-c", program]).arg(&path).status();
    match status {
        Ok(status) if status.success() => Ok(path),
        _ => Err(Error::Failure(format!("{}: cannot be written", path.display()))),
    }
}

/// The tags in the answer of any service's list call: pairs of key and value, or a map.
fn tags(answer: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(answer, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::Object(map) => {
            match (map.get("Key").and_then(Value::as_str), map.get("Value").and_then(Value::as_str)) {
                (Some(key), Some(value)) => drop(found.insert(key.to_owned(), value.to_owned())),
                _ => {
                    for (name, value) in map {
                        match value.as_str() {
                            Some(text) => drop(found.insert(name.clone(), text.to_owned())),
                            None => collect(value, found),
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

fn text_at(answer: &Value, pointer: &str, step: &Step) -> Result<String, Error> {
    let found = answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| {
        Error::Failure(format!("aws {} answered without {pointer}", step.create[..2].join(" ")))
    })
}

/// A name as every service takes it, a bucket's too.
fn plain(name: &str) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    name.chars().map(fits).collect()
}

fn fill_all(texts: &[&str], words: &BTreeMap<&str, String>) -> Vec<String> {
    texts.iter().map(|text| fill(text, words)).collect()
}

fn fill(text: &str, words: &BTreeMap<&str, String>) -> String {
    words.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

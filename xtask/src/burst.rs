//! `cargo xtask burst`: how many resources a second one process of the function tags when AWS takes 100 ms for
//! each call, by the size of a batch; beside it, in the same run, the specification's design: one event an
//! invocation, one call a resource. A figure never fails it, only a resource without its tag does. Linux only.

use crate::chaos::{
    answers,
    calls::{Role, Table},
    clock,
    function::{self, Function},
    http::{self, Answer, Reply, Request},
    samples::{self, Filling, Sample},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, mpsc},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tagger_catalog::operation::Variant;

const HELP: &str =
    "cargo xtask burst [--events N] [--seconds N] [--latency N] [--only WORDS] [--program FILE]
--events N      events of the largest batches; default 100000
--seconds N     how long each of the other rows may take; default 15
--latency N     milliseconds of each call to AWS; default 100
--only WORDS    the rows whose name holds these words
--program FILE  the function; default: the release build";

/// Who creates everything.
const CREATOR: &str = "deployer";

/// One way to deliver.
struct Row {
    name: &'static str,
    /// Events of one invocation; none where each is a call of its own.
    batch: Option<usize>,
    /// Of which types all are.
    types: Types,
    /// Whether it is measured to the last event.
    whole: bool,
    /// Whether EC2 shows one of a hundred late.
    hides: bool,
}

/// The types of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    /// EC2's, whose API takes many resources in a call.
    Ec2,
    /// Those of EC2 that come by the hundred.
    Launched,
    /// Load balancers' and what belongs to them, whose API takes some.
    Balancers,
    /// Those of the specification's handler that take one resource a call.
    Handlers,
    /// All.
    All,
}

/// The specification's handler: `bench/candidates/spec_handler.py` on AWS's own runtime client.
const HANDLER: &str = "specification's handler";
/// The calls that it knows and that make one resource, without CreateBucket, whose tags it replaces; each with the member
/// of the answer without which it fails.
const HANDLED: [(&str, &str); 6] = [
    ("rds CreateDBInstance", "dBInstanceArn"),
    ("lambda CreateFunction20150331", "functionArn"),
    ("dynamodb CreateTable", "tableArn"),
    ("sns CreateTopic", "topicArn"),
    ("sqs CreateQueue", "queueUrl"),
    ("elasticache CreateCacheCluster", "cacheClusterId"),
];

const fn row(name: &'static str, batch: Option<usize>, types: Types) -> Row {
    Row { name, batch, types, whole: false, hides: false }
}

/// How long what EC2 shows late is not visible.
const HIDDEN: Duration = Duration::from_secs(20);

const ROWS: [Row; 14] = [
    row("specification's design", None, Types::Ec2),
    row("ours, batches of 10", Some(10), Types::Ec2),
    row("ours, batches of 100", Some(100), Types::Ec2),
    Row { whole: true, ..row("ours, batches of 1,000", Some(1_000), Types::Ec2) },
    Row { whole: true, ..row("ours, batches of 1,000, what is launched", Some(1_000), Types::Launched) },
    Row {
        whole: true,
        hides: true,
        ..row("the same, 1 % not visible for 20 seconds", Some(1_000), Types::Launched)
    },
    row("specification's design, load balancers", None, Types::Balancers),
    row("ours, batches of 100, load balancers", Some(100), Types::Balancers),
    row(HANDLER, None, Types::Handlers),
    row("specification's design, the handler's types", None, Types::Handlers),
    row("ours, batches of 10, the handler's types", Some(10), Types::Handlers),
    row("specification's design, all types", None, Types::All),
    row("ours, batches of 10, all types", Some(10), Types::All),
    row("ours, batches of 100, all types", Some(100), Types::All),
];

/// What one row came to.
#[derive(Default)]
struct Tally {
    calls: u64,
    tagged: HashSet<String>,
    problems: Vec<String>,
    failed: u64,
    /// Until when each that is shown late is not visible.
    hidden: HashMap<String, u64>,
    /// What waits in the retry queue, by when it comes.
    waiting: BTreeMap<(u64, u64), String>,
    /// What the function has of it, by the ids of the messages.
    in_hand: HashMap<String, String>,
    numbers: u64,
}

/// What an invocation gets, and what of it is of the retry queue, by the ids of the messages.
type Payload = (String, HashMap<String, String>);

impl Tally {
    fn wait(&mut self, body: String, seconds: u64) {
        self.numbers += 1;
        self.waiting.insert((now() + seconds * 1_000_000_000, self.numbers), body);
    }

    fn is_hidden(&self, id: &str) -> bool {
        let until = samples::marks(id).pop().and_then(|mark| self.hidden.get(&samples::mark(mark)));
        until.is_some_and(|until| now() < *until)
    }

    /// A batch of what is due in the retry queue.
    fn due(&mut self) -> Option<Payload> {
        let due: Vec<_> = self.waiting.range(..(now(), 0)).map(|(key, _)| *key).take(10).collect();
        let bodies: Vec<String> = due.iter().filter_map(|key| self.waiting.remove(key)).collect();
        let by_id = bodies.iter().enumerate().map(|(id, body)| (id.to_string(), body.clone())).collect();
        (!bodies.is_empty()).then(|| (payload(bodies, Some("retry")), by_id))
    }
}

/// Measures.
///
/// # Errors
/// A wrong argument, a function that cannot be started, or a resource without its tag.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (mut events, mut seconds, mut latency) = (100_000_usize, 15_u64, 100_u64);
    let mut program = crate::root().join("target/release/bootstrap");
    let mut only = String::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if ["--help", "-h"].contains(&argument.as_str()) {
            println!("{HELP}");
            return Ok(());
        }
        let value = rest.next().ok_or_else(|| format!("{argument} takes a value\n{HELP}"))?;
        let number =
            || value.parse::<u64>().map_err(|_| format!("{argument} takes a number, not {value:?}\n{HELP}"));
        match argument.as_str() {
            "--events" => events = number()?.max(1) as usize,
            "--seconds" => seconds = number()?,
            "--latency" => latency = number()?,
            "--only" => only.clone_from(value),
            "--program" => program = PathBuf::from(value),
            other => return Err(format!("unknown argument {other:?}\n{HELP}")),
        }
    }
    if !cfg!(target_os = "linux") {
        return Err("cargo xtask burst reads /proc and needs Linux".to_owned());
    }
    let all = samples::read(&crate::root())?;
    println!("one process, {latency} ms a call; in brackets the ratio to the first line of the same types\n");
    println!(
        "| delivery | events | resources | resources/s | calls/resource | peak MB |\n|---|---|---|---|---|---|"
    );
    let python = crate::bench::environment(&crate::root(), &crate::root().join("target/bench-venv"))
        .inspect_err(|error| eprintln!("without the specification's handler: {error}"));
    let mut base = [0.0; 5];
    for row in ROWS.iter().filter(|row| row.name.contains(&only)) {
        let samples: Vec<&Sample> = all.iter().filter(|sample| is_of(sample, row.types)).collect();
        let program = match (&python, row.name == HANDLER) {
            (_, false) => &program,
            (Ok(python), true) => python,
            (Err(_), true) => continue,
        };
        let limit = Duration::from_secs(if row.whole { 3_600 } else { seconds });
        let measured = measure(row, &samples, events, limit, latency, program)?;
        let rate = measured.resources as f64 / measured.took.as_secs_f64();
        let base = &mut base[row.types as usize];
        let is_first = *base == 0.0;
        if is_first {
            *base = rate;
        }
        let ratio = if is_first { String::new() } else { format!(" ({:.1}x)", rate / *base) };
        println!(
            "| {} | {} | {} | {rate:.0}{ratio} | {:.3} | {:.1} |",
            row.name,
            measured.events,
            measured.resources,
            measured.calls as f64 / measured.resources.max(1) as f64,
            measured.peak_mb
        );
    }
    Ok(())
}

/// Whether a sample is of a row: one resource, of its types.
fn is_of(sample: &Sample, types: Types) -> bool {
    sample.resources.len() == 1
        && match types {
            Types::Ec2 => sample.resources.iter().all(|made| made.operation == "ec2:CreateTags"),
            Types::Launched => {
                sample.resources.iter().all(|made| tagger_catalog::ec2::look(made.resource_type).is_some())
            }
            Types::Balancers => {
                sample.resources.iter().all(|made| made.operation == "elasticloadbalancing:AddTags")
            }
            Types::Handlers => {
                let called = format!("{} {}", sample.service, sample.event_name);
                let record: Value = serde_json::from_str(&event(sample, 0, 0)).unwrap_or(Value::Null);
                let answer = record["detail"]["responseElements"].to_string();
                HANDLED.iter().any(|(call, member)| *call == called && answer.contains(member))
            }
            Types::All => true,
        }
}

struct Measured {
    events: usize,
    resources: usize,
    calls: u64,
    took: Duration,
    peak_mb: f64,
}

fn measure(
    row: &Row,
    samples: &[&Sample],
    most: usize,
    limit: Duration,
    latency: u64,
    program: &std::path::Path,
) -> Result<Measured, String> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let endpoint = {
        let (tally, table) = (Arc::clone(&tally), Table::new());
        http::serve(Arc::new(move |request| {
            thread::sleep(Duration::from_millis(latency));
            let target = request.header("x-amz-target");
            Reply::Answer(match target.strip_prefix("AmazonSQS.") {
                Some(call @ ("SendMessage" | "ChangeMessageVisibility")) => {
                    queue(call, &mut locked(&tally), request)
                }
                _ => aws(&table, &mut locked(&tally), request),
            })
        }))?
    };
    let (payloads, next) = mpsc::sync_channel::<Payload>(2);
    let (sender, answers) = mpsc::channel::<()>();
    let next = Mutex::new(next);
    let runtime = {
        let tally = Arc::clone(&tally);
        http::serve(Arc::new(move |request| {
            if request.path.ends_with("/invocation/next") {
                let payload = next.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
                let deadline = now() / 1_000_000 + 30_000;
                let Ok((payload, in_hand)) = payload else { return Reply::Reset };
                locked(&tally).in_hand = in_hand;
                return Reply::Answer(function::event(payload, deadline));
            }
            let text = String::from_utf8_lossy(&request.body);
            let answer: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let mut again: Vec<&Value> =
                answer["batchItemFailures"].as_array().into_iter().flatten().collect();
            {
                // What waits in the retry queue comes from there again.
                let mut tally = locked(&tally);
                let in_hand = std::mem::take(&mut tally.in_hand);
                again.retain(|one| match in_hand.get(one["itemIdentifier"].as_str().unwrap_or_default()) {
                    Some(body) => {
                        tally.wait(body.clone(), 5);
                        false
                    }
                    None => true,
                });
            }
            if !again.is_empty() || request.path.ends_with("/error") {
                let mut tally = locked(&tally);
                tally.failed += 1;
                tally.problems.push(format!("the function answered {text:.300}"));
            }
            let _ = sender.send(());
            Reply::Answer(Answer::new(202, "application/json", "{}"))
        }))?
    };
    // The design writes without reading and has no queue of its own.
    let overwrite = [("TAGGER_EXISTING", "overwrite".to_owned())];
    let folder = crate::root().join("bench/candidates").display().to_string();
    let of_python = [
        ("PYTHONPATH", folder.clone()),
        ("LAMBDA_TASK_ROOT", folder),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
    ];
    let (arguments, environment): (&[_], &[_]) = match row.batch {
        _ if row.name == HANDLER => (&["-m", "awslambdaric", "spec_handler.handler"], &of_python),
        Some(_) => (&[], &[]),
        None => (&[], &overwrite),
    };
    let queues = row.batch.is_some();
    let function = Function { program, arguments, endpoint: &endpoint, log: None, environment, queues };
    let mut child = function.start(&runtime)?;
    let begin = Instant::now();
    let (mut sent, mut resources, mut open) = (0, 0, 0);
    while sent < most && begin.elapsed() < limit {
        let batch: Vec<String> = (sent..most.min(sent + row.batch.unwrap_or(1)))
            .map(|number| {
                let sample = samples[number % samples.len()];
                let first = resources;
                resources += sample.resources.len();
                if row.hides && number % 100 == 7 {
                    let until = now() + u64::try_from(HIDDEN.as_nanos()).unwrap_or(u64::MAX);
                    locked(&tally).hidden.insert(samples::mark(first), until);
                }
                event(sample, first, number)
            })
            .collect();
        sent += batch.len();
        let batch = payload(batch, row.batch.is_some().then_some("events"));
        payloads.send((batch, HashMap::new())).map_err(|_| silent(row))?;
        open += 1;
        open -= answers.try_iter().count();
    }
    while open > 0 {
        answers.recv_timeout(Duration::from_secs(60)).map_err(|_| silent(row))?;
        open -= 1;
    }
    let took = begin.elapsed();
    let in_time = locked(&tally).tagged.len();
    // The retry queue is another process's in Lambda, so what waits in it comes after what is measured.
    let late = Instant::now() + 10 * HIDDEN;
    while row.hides && locked(&tally).tagged.len() < resources && Instant::now() < late {
        let due = locked(&tally).due();
        match due {
            Some(due) => {
                payloads.send(due).map_err(|_| silent(row))?;
                answers.recv_timeout(Duration::from_secs(60)).map_err(|_| silent(row))?;
            }
            None => thread::sleep(Duration::from_millis(100)),
        }
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    let _ = child.kill();
    let _ = child.wait();
    let tally = locked(&tally);
    if tally.tagged.len() != resources {
        let first = tally.problems.first().map_or("nothing else is known", String::as_str);
        let tagged = tally.tagged.len();
        return Err(format!(
            "{}: expected {resources} resources with their tag, found {tagged}; {first}",
            row.name
        ));
    }
    Ok(Measured {
        events: sent,
        resources: if row.hides { in_time } else { resources },
        calls: tally.calls,
        took,
        peak_mb: peak.unwrap_or(0.0_f64) / 1024.0,
    })
}

fn silent(row: &Row) -> String {
    format!("{}: the function did not answer within a minute", row.name)
}

/// The queues.
fn queue(call: &str, tally: &mut Tally, request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let text = body["MessageBody"].as_str().unwrap_or_default().to_owned();
    if call == "SendMessage" && body["QueueUrl"].as_str().is_some_and(|url| url.ends_with("-retry")) {
        tally.wait(text, body["DelaySeconds"].as_u64().unwrap_or_default());
    } else if call == "SendMessage" {
        tally.problems.push(format!("a dead letter: {text:.300}"));
    }
    Answer::new(200, "application/json", json!({ "MessageId": "m", "MD5OfMessageBody": "x" }).to_string())
}

fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// An AWS on which nothing is tagged yet and nothing goes wrong.
fn aws(table: &Table, tally: &mut Tally, request: &Request) -> Answer {
    let asked = match table.understand(request) {
        Ok(asked) => asked,
        Err(problem) => {
            tally.problems.push(format!("a call that is not expected here: {problem}"));
            return Answer::new(400, "application/json", json!({ "__type": "Unexpected" }).to_string());
        }
    };
    tally.calls += 1;
    let Some(known) = asked.known.first() else {
        if asked.name.starts_with("ec2:Describe") {
            let seen = asked.ids.iter().filter(|id| !tally.is_hidden(id));
            let seen: Vec<(String, &[(String, String)])> = seen.map(|id| (id.clone(), &[][..])).collect();
            return answers::looks(asked.name.rsplit(':').next().unwrap_or_default(), &seen);
        }
        return Answer::new(400, "application/json", json!({ "__type": "Unexpected" }).to_string());
    };
    let hidden = asked.ids.iter().find(|id| tally.is_hidden(id));
    match known.role {
        Role::Write if hidden.is_some() => {
            let message = format!("The ID '{}' does not exist", hidden.map_or("", String::as_str));
            answers::error(known, 400, "InvalidID.NotFound", &message)
        }
        Role::Write if asked.tags.iter().any(|(key, value)| key == "CreatedBy" && value == CREATOR) => {
            let marks = asked.ids.iter().flat_map(|id| samples::marks(id).pop()).map(samples::mark);
            tally.tagged.extend(marks);
            answers::written(known)
        }
        Role::Write => {
            tally.problems.push(format!("{} with {:?}", asked.name, asked.tags));
            answers::error(known, 400, "Unexpected", "another tag was expected")
        }
        Role::Read if known.operation.variant == Variant::Ec2 => answers::ec2_tags(&[]),
        Role::Read if asked.ids.len() > 1 => {
            let each: Vec<(&str, &[(String, String)])> =
                asked.ids.iter().map(|id| (id.as_str(), &[][..])).collect();
            answers::tags_of_each(known, &each)
        }
        Role::Read => answers::tags(known, &asked.ids[0], &[]),
        Role::Describe(told) => {
            let (unique, created, status) = ("", now(), *told.ready.first().unwrap_or(&""));
            let facts = asked.ids.iter().map(|id| answers::Facts { id, unique, created, status });
            answers::described(known, told, &facts.collect::<Vec<_>>())
        }
    }
}

fn event(sample: &Sample, first_mark: usize, number: usize) -> String {
    let account = samples::ACCOUNT;
    let who = json!({ "type": "IAMUser", "userName": CREATOR, "accountId": account,
        "arn": format!("arn:aws:iam::{account}:user/{CREATOR}") });
    let record = sample.record(&Filling {
        first_mark,
        region: sample.fixed_region.as_deref().unwrap_or("us-east-1"),
        time: &clock::text(now()),
        event_id: &format!("event-{number}"),
        who: &who.to_string(),
        generation: 0,
        given: &samples::Given::default(),
    });
    format!(
        "{{\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.{}\",\"account\":\"{account}\",\"detail\":{record}}}",
        sample.service
    )
}

/// The payload of an invocation: a batch of a queue, or one event.
fn payload(mut events: Vec<String>, queue: Option<&str>) -> String {
    let Some(queue) = queue else { return events.pop().unwrap_or_default() };
    let sent = (now() / 1_000_000).to_string();
    let message = |(number, body): (usize, String)| {
        json!({
            "messageId": number.to_string(), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:{}:auto-resource-tagger-{queue}", samples::ACCOUNT),
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": sent },
        })
    };
    json!({ "Records": events.into_iter().enumerate().map(message).collect::<Vec<_>>() }).to_string()
}

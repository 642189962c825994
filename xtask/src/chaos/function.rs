//! The processes of the function, as Lambda runs them: the real program, its environment and the Runtime API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use super::{
    account::Account,
    http::{self, Answer, Handler, Reply, Request},
    samples::ACCOUNT,
};
use serde_json::Value;
use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

/// What a process is started with.
pub struct Function<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'static str],
    /// The endpoint that stands in for all of AWS.
    pub endpoint: &'a str,
    /// Where its log goes, if anybody wants it.
    pub log: Option<&'a File>,
    /// Further variables.
    pub environment: &'a [(&'static str, String)],
    /// Whether it has a retry queue and a dead-letter queue.
    pub queues: bool,
}

impl Function<'_> {
    /// Starts a process that gets its events from a Runtime API.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(&self, runtime: &str) -> Result<Child, String> {
        let log = match self.log.map(File::try_clone) {
            Some(Ok(file)) => Stdio::from(file),
            _ => Stdio::null(),
        };
        let url =
            |name: &str| format!("https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/auto-resource-tagger-{name}");
        let names = [("RETRY_QUEUE_URL", "retry"), ("DEAD_LETTER_QUEUE_URL", "dead-letters")];
        let queues = names.iter().filter(|_| self.queues).map(|(variable, name)| (*variable, url(name)));
        Command::new(self.program)
            .args(self.arguments)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime)
            .env("AWS_LAMBDA_FUNCTION_NAME", "auto-resource-tagger")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "example")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.endpoint))
            .envs(queues)
            .envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))
    }
}

/// Starts a process for a slot, in the place of the one that was there.
///
/// # Errors
/// It could not be started.
pub fn start(account: &Arc<Account>, function: &Function, slot: usize) -> Result<(), String> {
    let generation = account.state().slots[slot].generation;
    let handler: Handler = {
        let account = Arc::clone(account);
        Arc::new(move |request| answer(&account, slot, generation, request))
    };
    let child = function.start(&http::serve(handler)?)?;
    account.state().slots[slot].child = Some(child);
    Ok(())
}

fn answer(account: &Account, slot: usize, generation: u64, request: &Request) -> Reply {
    if request.path.ends_with("/invocation/next") {
        let Some((payload, deadline)) = account.next(slot, generation) else { return Reply::Reset };
        return Reply::Answer(event(payload, deadline / 1_000_000));
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let is_error = request.path.ends_with("/error");
    let now = account.clock.now();
    account.state().answered(slot, generation, is_error, &body, now);
    Reply::Answer(Answer::new(202, "application/json", "{}"))
}

/// An event as the Runtime API hands it out, with its deadline in milliseconds.
pub fn event(payload: String, deadline: u64) -> Answer {
    let mut answer = Answer::new(200, "application/json", payload);
    let arn = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:auto-resource-tagger");
    answer.headers.extend([
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
    ]);
    answer
}

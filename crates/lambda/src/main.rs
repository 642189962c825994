//! The Lambda functions `auto-resource-tagger` and `auto-resource-tagger-reconcile`, which differ in nothing
//! but the events they get: reads its settings once, makes its client once, and answers events. The work is in
//! [`tagger_lambda::handler`].

// The future of an invocation holds those of all calls that it may come to, one in another.
#![recursion_limit = "256"]

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tagger_lambda::{log, settings, worker::Handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let policy = settings::policy().inspect_err(|error| log::failure("configuration", error))?;
    let client =
        tagger_aws::Client::from_environment().await.inspect_err(|error| log::failure("client", error))?;
    let queues = settings::queues().inspect_err(|error| log::failure("configuration", error))?;
    let tag_changes = settings::tag_changes().inspect_err(|error| log::failure("configuration", error))?;
    // What finds no place in time can wait only where there is a queue for it.
    let client = if queues.is_some() { client.limited() } else { client };
    let handler = Handler { client, policy, queues, tag_changes };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        handler.handle(event.payload, &event.context).await
    }))
    .await
}

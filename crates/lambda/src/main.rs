//! The Lambda functions `auto-resource-tagger` and `auto-resource-tagger-reconcile`, which differ in nothing
//! but the events they get: reads its settings once, makes its client once, and answers events. The work is in
//! [`tagger_lambda::handler`].

// The future of an invocation holds those of all calls that it may come to, one in another.
#![recursion_limit = "256"]

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tagger_lambda::{log, misconfigured::Misconfigured, settings, worker::Handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = settings::policy().and_then(|policy| Ok((policy, settings::tag_changes()?)));
    let client =
        tagger_aws::Client::from_environment().await.inspect_err(|error| log::failure("client", error))?;
    let queues = settings::queues().inspect_err(|error| log::failure("configuration", error))?;
    let (policy, tag_changes) = match (settings, &queues) {
        (Ok(settings), _) => settings,
        // Nothing is tagged otherwise than was asked, and nothing is lost.
        (Err(problem), Some(queues)) => {
            log::failure("configuration", &problem);
            return misconfigured(Misconfigured { client, queues: queues.clone(), problem }).await;
        }
        (Err(problem), None) => {
            log::failure("configuration", &problem);
            return Err(problem.into());
        }
    };
    // What finds no place in time can wait only where there is a queue for it.
    let client = if queues.is_some() { client.limited() } else { client };
    let handler = Handler { client, policy, queues, tag_changes, sight: Default::default() };
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        handler.handle(event.payload.into(), &event.context).await
    }))
    .await
}

async fn misconfigured(function: Misconfigured) -> Result<(), lambda_runtime::Error> {
    let function = &function;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        function.handle(event.payload.into(), &event.context).await
    }))
    .await
}

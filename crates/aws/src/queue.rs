//! The function's own queues: what waits, and what was given up. Sends and postpones; what and for how
//! long is decided in `tagger_core::settle`.

use crate::{client::Client, outcome::Failure, wire};
use serde_json::json;
use tagger_catalog::operation::Operation;
use tagger_core::outcome::Class;

/// The two queues.
#[derive(Debug, Clone)]
pub struct Queues {
    /// URL of the retry queue.
    pub retry: String,
    /// URL of the dead-letter queue.
    pub dead_letters: String,
    /// Their region.
    pub region: String,
}

impl Queues {
    /// Sends a message to one of the queues, to be seen after so many seconds.
    ///
    /// # Errors
    /// What SQS answered.
    pub async fn send(&self, client: &Client, url: &str, body: &str, delay: u64) -> Result<(), Failure> {
        self.call(client, "sqs:SendMessage", sending(url, body, delay)).await
    }

    /// Hides a message of the retry queue for so many seconds from now.
    ///
    /// # Errors
    /// What SQS answered.
    pub async fn postpone(&self, client: &Client, receipt: &str, seconds: u64) -> Result<(), Failure> {
        self.call(client, "sqs:ChangeMessageVisibility", postponing(&self.retry, receipt, seconds)).await
    }

    async fn call(&self, client: &Client, name: &str, request: wire::Request) -> Result<(), Failure> {
        let operation = sqs().ok_or_else(|| {
            Failure::ours(Class::Unsupported, name, "NoOperation", "the catalog has no operation of SQS")
        })?;
        client.send(operation, name, &self.region, "", request).await.map(|_| ())
    }
}

/// The request of a SendMessage.
pub fn sending(url: &str, body: &str, delay: u64) -> wire::Request {
    request("SendMessage", &json!({ "QueueUrl": url, "MessageBody": body, "DelaySeconds": delay }))
}

/// The request of a ChangeMessageVisibility.
pub fn postponing(url: &str, receipt: &str, seconds: u64) -> wire::Request {
    let body = json!({ "QueueUrl": url, "ReceiptHandle": receipt, "VisibilityTimeout": seconds });
    request("ChangeMessageVisibility", &body)
}

fn request(name: &str, body: &serde_json::Value) -> wire::Request {
    wire::Request {
        method: "POST",
        path: "/".to_owned(),
        headers: vec![
            ("content-type", "application/x-amz-json-1.0".to_owned()),
            ("x-amz-target", format!("AmazonSQS.{name}")),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// Where SQS is and how its calls are signed, by the operation that tags queues.
pub fn sqs() -> Option<&'static Operation> {
    tagger_catalog::operations().iter().find(|operation| operation.name == "sqs:TagQueue")
}

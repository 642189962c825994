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
        let mut request = json!({ "QueueUrl": url, "MessageBody": body });
        if delay > 0 {
            request["DelaySeconds"] = delay.into();
        }
        self.call(client, "SendMessage", &request).await
    }

    /// Hides a message of the retry queue for so many seconds from now.
    ///
    /// # Errors
    /// What SQS answered.
    pub async fn postpone(&self, client: &Client, receipt: &str, seconds: u64) -> Result<(), Failure> {
        let request =
            json!({ "QueueUrl": self.retry, "ReceiptHandle": receipt, "VisibilityTimeout": seconds });
        self.call(client, "ChangeMessageVisibility", &request).await
    }

    async fn call(&self, client: &Client, name: &str, request: &serde_json::Value) -> Result<(), Failure> {
        let call = format!("sqs:{name}");
        let request = wire::Request {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amz-target", format!("AmazonSQS.{name}")),
            ],
            body: request.to_string().into_bytes(),
        };
        let operation = sqs().ok_or_else(|| {
            Failure::ours(Class::Unsupported, &call, "NoOperation", "the catalog has no operation of SQS")
        })?;
        client.send(operation, &call, &self.region, "", request).await.map(|_| ())
    }
}

/// Where SQS is and how its calls are signed, by the operation that tags queues.
fn sqs() -> Option<&'static Operation> {
    tagger_catalog::operations().iter().find(|operation| operation.name == "sqs:TagQueue")
}

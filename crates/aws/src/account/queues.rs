//! SQS queues: how much lies in them, without receiving anything; and the canary, which is one.

use super::{Account, Kind, Trouble, text, trouble::told};
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use std::collections::BTreeMap;

/// How much lies in a queue; SQS calls these numbers approximate, and they settle within a minute:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received.
    pub waiting: u64,
    /// Messages that somebody has received and not deleted, or that wait for their next try.
    pub in_flight: u64,
}

/// SQS in one region.
pub struct Queues {
    client: Client,
    region: String,
}

impl Account {
    /// SQS in a region.
    pub fn queues(&self, region: &str) -> Queues {
        Queues { client: Client::new(&self.at(region)), region: region.to_owned() }
    }
}

impl Queues {
    /// A queue's address, if there is one of that name.
    ///
    /// # Errors
    /// SQS could not be asked.
    pub async fn address(&self, name: &str) -> Result<Option<String>, Trouble> {
        let asked = self.client.get_queue_url().queue_name(name).send().await;
        match asked.map_err(told("sqs:GetQueueUrl", &self.region)) {
            Ok(answer) => Ok(Some(text(answer.queue_url()))),
            Err(trouble) if is_gone(&trouble) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// How much lies in a queue, if there is one of that name. A queue that is being deleted may have an address and
    /// be gone by the next call: `DeleteQueue` takes up to 60 seconds
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>).
    ///
    /// # Errors
    /// SQS could not be asked, or answered without numbers.
    pub async fn depth(&self, name: &str) -> Result<Option<Depth>, Trouble> {
        let Some(address) = self.address(name).await? else { return Ok(None) };
        let call = "sqs:GetQueueAttributes";
        let (waiting, in_flight, delayed) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        );
        let ask = self.client.get_queue_attributes().queue_url(&address);
        let ask = ask
            .attribute_names(waiting.clone())
            .attribute_names(in_flight.clone())
            .attribute_names(delayed.clone());
        let answer = match ask.send().await.map_err(told(call, &self.region)) {
            Err(trouble) if is_gone(&trouble) => return Ok(None),
            answer => answer?,
        };
        let number = |name: &QueueAttributeName| answer.attributes()?.get(name)?.parse::<u64>().ok();
        match (number(&waiting), number(&in_flight)) {
            (Some(waiting), Some(in_flight)) => {
                Ok(Some(Depth { waiting, in_flight: in_flight + number(&delayed).unwrap_or(0) }))
            }
            _ => Err(Trouble::new(call, &self.region, "UnreadableAnswer", format!("no numbers for {name}"))),
        }
    }

    /// Makes a queue and says its address.
    ///
    /// # Errors
    /// SQS refused it.
    pub async fn make(&self, name: &str) -> Result<String, Trouble> {
        let asked = self.client.create_queue().queue_name(name).send().await;
        Ok(text(asked.map_err(told("sqs:CreateQueue", &self.region))?.queue_url()))
    }

    /// A queue's tags.
    ///
    /// # Errors
    /// SQS could not be asked.
    pub async fn tags(&self, address: &str) -> Result<BTreeMap<String, String>, Trouble> {
        let asked = self.client.list_queue_tags().queue_url(address).send().await;
        let answer = asked.map_err(told("sqs:ListQueueTags", &self.region))?;
        let pairs = answer.tags().into_iter().flatten();
        Ok(pairs.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Removes a queue; one that is gone already is fine.
    ///
    /// # Errors
    /// SQS refused it.
    pub async fn remove(&self, address: &str) -> Result<(), Trouble> {
        let asked = self.client.delete_queue().queue_url(address).send().await;
        match asked.map_err(told("sqs:DeleteQueue", &self.region)) {
            Err(trouble) if !is_gone(&trouble) => Err(trouble),
            _ => Ok(()),
        }
    }
}

/// SQS's code for a queue that is not there is `QueueDoesNotExist`, or the older `NonExistentQueue` with a prefix.
fn is_gone(trouble: &Trouble) -> bool {
    trouble.kind() == Kind::NotFound
}

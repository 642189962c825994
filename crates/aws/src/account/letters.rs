//! Messages of a queue: received, given back, sent elsewhere, removed.
//!
//! It does what it is told with receipts; what a message is and where it belongs is decided by the caller. What is
//! received stays in its queue, hidden, until it is removed: nothing here can lose a message.

use super::{Account, Trouble, text, trouble::told};
use aws_sdk_sqs::{
    Client,
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
        MessageSystemAttributeName, SendMessageBatchRequestEntry,
    },
};
use std::collections::BTreeMap;

/// The most messages in one call:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub const MOST: usize = 10;

/// The most bytes that are sent in one call. SQS takes a mebibyte since August 2025 and took a quarter of it before;
/// a message that is larger by itself goes alone:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const MOST_BYTES: usize = 256 * 1024;

/// A received message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same each time it is received.
    pub id: String,
    /// By which it is given back or removed; another one each time.
    pub receipt: String,
    /// Its text.
    pub body: String,
    /// When it was sent, seconds since 1970. Moving to a dead-letter queue does not change it.
    pub sent: u64,
    /// The queue from which SQS moved it, if it did.
    pub came_from: Option<String>,
    /// What the sender put beside the text, such as EventBridge's `ERROR_CODE`.
    pub attributes: BTreeMap<String, String>,
}

/// The messages of one queue.
pub struct Letters {
    client: Client,
    region: String,
    address: String,
}

impl Account {
    /// The messages of the queue with this address.
    pub fn letters(&self, region: &str, address: String) -> Letters {
        Letters { client: Client::new(&self.at(region)), region: region.to_owned(), address }
    }
}

impl Letters {
    /// Receives up to ten messages and hides them for so many seconds. Waits a second for one, which makes SQS ask
    /// all of its servers:
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>
    ///
    /// # Errors
    /// SQS refused it.
    pub async fn receive(&self, hidden: i32) -> Result<Vec<Message>, Trouble> {
        let ask = self.client.receive_message().queue_url(&self.address);
        let ask = ask.max_number_of_messages(10).visibility_timeout(hidden).wait_time_seconds(1);
        let ask = ask
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::DeadLetterQueueSourceArn);
        let answer = ask.send().await.map_err(told("sqs:ReceiveMessage", &self.region))?;
        let system = |message: &aws_sdk_sqs::types::Message, name| message.attributes()?.get(&name).cloned();
        let messages = answer.messages().iter().map(|message| Message {
            id: text(message.message_id()),
            receipt: text(message.receipt_handle()),
            body: text(message.body()),
            sent: system(message, MessageSystemAttributeName::SentTimestamp)
                .and_then(|millis| millis.parse::<u64>().ok())
                .map_or(0, |millis| millis / 1000),
            came_from: system(message, MessageSystemAttributeName::DeadLetterQueueSourceArn),
            attributes: message
                .message_attributes()
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())))
                .collect(),
        });
        Ok(messages.collect())
    }

    /// Makes messages visible again at once. One whose time was over is visible already, and no trouble.
    ///
    /// # Errors
    /// SQS could not be asked; they come back by themselves, when their time is over.
    pub async fn give_back(&self, receipts: &[&str]) -> Result<(), Trouble> {
        let call = "sqs:ChangeMessageVisibility";
        for part in receipts.chunks(MOST) {
            let mut ask = self.client.change_message_visibility_batch().queue_url(&self.address);
            for (place, receipt) in part.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
                let entry = entry.id(place.to_string()).receipt_handle(*receipt).visibility_timeout(0);
                ask = ask.entries(entry.build().map_err(|error| self.mine(call, &error))?);
            }
            ask.send().await.map_err(told(call, &self.region))?;
        }
        Ok(())
    }

    /// Sends texts, ten at most and [`MOST_BYTES`] together. Says of each whether SQS has it now.
    ///
    /// # Errors
    /// SQS could not be asked; then it may have some of them all the same.
    pub async fn send(&self, texts: &[&str]) -> Result<Vec<Result<(), Trouble>>, Trouble> {
        let call = "sqs:SendMessage";
        let mut ask = self.client.send_message_batch().queue_url(&self.address);
        for (place, text) in texts.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(*text);
            ask = ask.entries(entry.build().map_err(|error| self.mine(call, &error))?);
        }
        let answer = ask.send().await.map_err(told(call, &self.region))?;
        let done = answer.successful().iter().map(|entry| entry.id().to_owned()).collect();
        Ok(self.sort(call, texts.len(), done, answer.failed()))
    }

    /// Removes messages, ten at most. Says of each whether it is gone.
    ///
    /// # Errors
    /// SQS could not be asked; then some of them may be gone.
    pub async fn remove(&self, receipts: &[&str]) -> Result<Vec<Result<(), Trouble>>, Trouble> {
        let call = "sqs:DeleteMessage";
        let mut ask = self.client.delete_message_batch().queue_url(&self.address);
        for (place, receipt) in receipts.iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(*receipt);
            ask = ask.entries(entry.build().map_err(|error| self.mine(call, &error))?);
        }
        let answer = ask.send().await.map_err(told(call, &self.region))?;
        let done = answer.successful().iter().map(|entry| entry.id().to_owned()).collect();
        Ok(self.sort(call, receipts.len(), done, answer.failed()))
    }

    /// The result of each entry of a batch. What SQS does not name is taken for failed.
    fn sort(
        &self,
        call: &str,
        count: usize,
        done: Vec<String>,
        failed: &[BatchResultErrorEntry],
    ) -> Vec<Result<(), Trouble>> {
        let of = |id: String| {
            if done.contains(&id) {
                return Ok(());
            }
            let (code, message) = failed
                .iter()
                .find(|entry| entry.id() == id)
                .map_or(("Unknown", ""), |entry| (entry.code(), entry.message().unwrap_or_default()));
            Err(Trouble::new(call, &self.region, code, message))
        };
        (0..count).map(|place| of(place.to_string())).collect()
    }

    fn mine(&self, call: &str, error: &dyn std::fmt::Display) -> Trouble {
        Trouble::new(call, &self.region, "InvalidRequest", error.to_string())
    }
}

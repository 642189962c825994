//! SQS, Lambda's event source mapping and its asynchronous calls, by their documented rules: visibility,
//! receive counts, redrive, delays, partial failures, two retries and the destination of what failed.

use super::clock::SECOND;
use serde_json::{Value, json};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

/// How long a received message is hidden; the template's.
const VISIBILITY: u64 = 180 * SECOND;

/// A message.
pub struct Message {
    /// Text.
    pub body: String,
    receives: u32,
    sent: u64,
    visible: u64,
}

/// A queue.
pub struct Queue {
    /// The last part of its ARN and URL.
    pub name: &'static str,
    most_receives: u32,
    messages: HashMap<u64, Message>,
    order: BinaryHeap<Reverse<(u64, u64)>>,
    next: u64,
}

impl Queue {
    /// A queue whose messages go to the dead letters after so many receives.
    pub fn new(name: &'static str, most_receives: u32) -> Self {
        Self { name, most_receives, messages: HashMap::new(), order: BinaryHeap::new(), next: 0 }
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Adds a message.
    pub fn send(&mut self, body: String, now: u64, delay: u64) {
        self.next += 1;
        let visible = now + delay * SECOND;
        self.messages.insert(self.next, Message { body, receives: 0, sent: now, visible });
        self.order.push(Reverse((visible, self.next)));
    }

    /// When the next message can be received.
    pub fn next_due(&mut self) -> Option<u64> {
        loop {
            let Reverse((visible, id)) = self.order.peek()?;
            if self.messages.get(id).is_some_and(|message| message.visible == *visible) {
                return Some(*visible);
            }
            self.order.pop();
        }
    }

    /// Receives a batch as the event source mapping hands it on: its messages' numbers, and the event. What was
    /// received too often is returned as the third.
    pub fn receive(&mut self, now: u64, most: usize) -> (Vec<u64>, Value, Vec<String>) {
        let (mut ids, mut records, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        while ids.len() < most && self.next_due().is_some_and(|due| due <= now) {
            let Some(Reverse((_, id))) = self.order.pop() else { break };
            let Some(message) = self.messages.get_mut(&id) else { continue };
            message.receives += 1;
            if message.receives > self.most_receives {
                dead.extend(self.messages.remove(&id).map(|message| message.body));
                continue;
            }
            message.visible = now + VISIBILITY;
            self.order.push(Reverse((message.visible, id)));
            ids.push(id);
            records.push(json!({
                "messageId": id.to_string(),
                "receiptHandle": format!("{id}/{}", message.receives),
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": message.receives.to_string(),
                    "SentTimestamp": (message.sent / 1_000_000).to_string(),
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:us-east-1:{}:{}", super::samples::ACCOUNT, self.name),
                "awsRegion": "us-east-1",
            }));
        }
        (ids, json!({ "Records": records }), dead)
    }

    /// Deletes a message.
    pub fn delete(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    /// Changes how long a message is hidden, by its last receipt; false for any other.
    pub fn postpone(&mut self, receipt: &str, now: u64, seconds: u64) -> bool {
        let parsed = receipt
            .split_once('/')
            .and_then(|(id, receives)| Some((id.parse().ok()?, receives.parse().ok()?)));
        let Some((id, receives)): Option<(u64, u32)> = parsed else { return false };
        match self.messages.get_mut(&id) {
            Some(message) if message.receives == receives => {
                message.visible = now + seconds * SECOND;
                self.order.push(Reverse((message.visible, id)));
                true
            }
            _ => false,
        }
    }
}

/// The queue of asynchronous calls: each is tried again a minute and then two minutes after it failed.
#[derive(Default)]
pub struct Calls {
    ready: VecDeque<(String, u32)>,
    later: BinaryHeap<Reverse<(u64, u64)>>,
    waiting: HashMap<u64, (String, u32)>,
    next: u64,
}

impl Calls {
    /// Adds a call.
    pub fn add(&mut self, payload: String) {
        self.ready.push_back((payload, 0));
    }

    /// The next one that is due, and how often it was tried.
    pub fn take(&mut self, now: u64) -> Option<(String, u32)> {
        while let Some(Reverse((due, id))) = self.later.peek().copied()
            && due <= now
        {
            self.later.pop();
            self.ready.extend(self.waiting.remove(&id));
        }
        self.ready.pop_front()
    }

    /// Whether one is due, and when the next will be.
    pub fn next_due(&self) -> Option<u64> {
        if self.ready.is_empty() { self.later.peek().map(|Reverse((due, _))| *due) } else { Some(0) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ready.len() + self.waiting.len()
    }

    /// A call failed, for the `tried + 1`st time. What is given up is returned as the dead letter of the destination.
    pub fn failed(&mut self, payload: String, tried: u32, error: &Value, now: u64) -> Option<String> {
        if tried >= 2 {
            let payload: Value = serde_json::from_str(&payload).unwrap_or(Value::Null);
            let letter = json!({
                "version": "1.0",
                "requestContext": { "condition": "RetriesExhausted", "approximateInvokeCount": tried + 1 },
                "requestPayload": payload,
                "responseContext": { "statusCode": 200, "functionError": "Unhandled" },
                "responsePayload": error,
            });
            return Some(letter.to_string());
        }
        self.next += 1;
        self.later.push(Reverse((now + u64::from(tried + 1) * 60 * SECOND, self.next)));
        self.waiting.insert(self.next, (payload, tried + 1));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Queue, SECOND, VISIBILITY};
    use serde_json::Value;

    #[test]
    fn a_queue() {
        let mut queue = Queue::new("q", 2);
        queue.send("a".to_owned(), 0, 5);
        assert_eq!(queue.receive(4 * SECOND, 10).0, [] as [u64; 0]);
        let (ids, event, _) = queue.receive(5 * SECOND, 10);
        assert_eq!(event["Records"][0]["body"], "a");
        assert!(queue.receive(6 * SECOND, 10).0.is_empty(), "a message in hand is seen");
        let receipt = event["Records"][0]["receiptHandle"].as_str().unwrap();
        assert!(queue.postpone(receipt, 6 * SECOND, 60));
        assert_eq!(queue.next_due(), Some(66 * SECOND));
        assert_eq!(queue.receive(66 * SECOND, 10).0, ids);
        assert!(!queue.postpone(receipt, 67 * SECOND, 1), "an old receipt postpones");
        let (_, _, dead) = queue.receive(66 * SECOND + VISIBILITY, 10);
        assert_eq!((dead, queue.len()), (vec!["a".to_owned()], 0));
    }

    #[test]
    fn calls_are_tried_three_times() {
        let mut calls = Calls::default();
        calls.add("{}".to_owned());
        let mut now = 0;
        for tried in 0..2 {
            assert_eq!(calls.take(now), Some(("{}".to_owned(), tried)));
            assert!(calls.failed("{}".to_owned(), tried, &Value::Null, now).is_none());
            assert_eq!(calls.take(now), None);
            now += 120 * SECOND;
        }
        assert_eq!(calls.take(now), Some(("{}".to_owned(), 2)));
        let letter = calls.failed("{}".to_owned(), 2, &Value::Null, now).unwrap();
        assert!(letter.contains("RetriesExhausted"));
        assert_eq!(calls.len(), 0);
    }
}

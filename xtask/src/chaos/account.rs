//! The account of a run: its resources, its queues, and what the function's processes have in hand. Which
//! event goes to which process, and what becomes of it afterwards, is decided here by Lambda's rules.

use super::{
    calls::Table,
    clock::{Clock, SECOND},
    faults::Injector,
    queues::{Calls, Queue},
    story::{self, Story},
    world::World,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    process::Child,
    sync::{Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// How long an invocation may take; the template's.
pub const TIMEOUT: u64 = 30 * SECOND;
/// What the retry queue's mapping hands on at once; the template's.
const BATCH: usize = 10;
/// What the events queue's mapping hands on at once. The template's is 1,000, which the processes of this run, all on
/// one machine, would not do within the time of an invocation.
const EVENTS_BATCH: usize = 25;
/// How long a request of an invocation that gave up or was killed can be on its way, by our own clock: it waits for a thread
/// of ours, and with many processes on one machine that can take longer than the function waits for an answer.
const ON_ITS_WAY: Duration = Duration::from_millis(500);
/// How many processes a mapping of the retry queue uses at once; the template's.
const MOST_RETRIES: usize = 5;

/// The account.
pub struct Account {
    /// Its time.
    pub clock: Clock,
    /// How calls look.
    pub table: Table,
    state: Mutex<State>,
    changed: Condvar,
}

/// What changes.
pub struct State {
    /// The resources.
    pub world: World,
    /// What happens by itself.
    pub story: Story,
    /// What goes wrong.
    pub injector: Injector,
    /// The events queue.
    pub events: Queue,
    /// The retry queue.
    pub retry: Queue,
    /// The dead letters.
    pub letters: Vec<String>,
    /// Asynchronous calls.
    pub calls: Calls,
    /// The function's processes.
    pub slots: Vec<Slot>,
    /// The places that invocations have in hand.
    pub in_hand: InHand,
    /// Requests that are no calls of the table.
    pub unknown: Vec<String>,
    /// Calls of tagging APIs, and how many of each kind.
    pub tagging_calls: u64,
    /// The same by what they are for, and what they came to.
    pub kinds: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Calls of the queues.
    pub queue_calls: u64,
    /// Invocations.
    pub invocations: u64,
    /// Those that took too long.
    pub timed_out: u64,
}

/// Which places are in hand, how often, and which were a moment ago.
#[derive(Default)]
pub struct InHand {
    held: HashMap<usize, usize>,
    put_down: HashMap<usize, Instant>,
}

impl InHand {
    fn take(&mut self, place: usize) {
        *self.held.entry(place).or_default() += 1;
    }

    fn put_down(&mut self, place: usize) {
        if let Some(count) = self.held.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&place);
                self.put_down.insert(place, Instant::now());
            }
        }
    }

    /// Whether an invocation has it in hand.
    pub fn has(&self, place: usize) -> bool {
        self.held.contains_key(&place)
    }

    /// Whether a request about it may be on its way: an invocation has it in hand, or was over a moment ago.
    pub fn may_have(&self, place: usize) -> bool {
        self.has(place) || self.put_down.get(&place).is_some_and(|at| at.elapsed() < ON_ITS_WAY)
    }
}

/// A place for a process of the function.
#[derive(Default)]
pub struct Slot {
    /// Which process it is; the others are dead.
    pub generation: u64,
    /// The process.
    pub child: Option<Child>,
    /// What it has in hand.
    pub work: Option<Work>,
}

/// An invocation.
pub struct Work {
    /// When it began.
    pub started: u64,
    what: What,
    places: Vec<usize>,
}

enum What {
    Call(String, u32),
    Batch(bool, Vec<u64>),
}

impl Account {
    /// An account at the beginning.
    pub fn new(clock: Clock, story: Story, seed: u64, slots: usize) -> Self {
        let state = State {
            world: World::default(),
            story,
            injector: Injector::new(seed),
            events: Queue::new("auto-resource-tagger-events", 10),
            retry: Queue::new("auto-resource-tagger-retry", 300),
            letters: Vec::new(),
            calls: Calls::default(),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            in_hand: InHand::default(),
            unknown: Vec::new(),
            tagging_calls: 0,
            kinds: BTreeMap::new(),
            queue_calls: 0,
            invocations: 0,
            timed_out: 0,
        };
        Self { clock, table: Table::new(), state: Mutex::new(state), changed: Condvar::new() }
    }

    /// What changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has printed why, and the run fails by what it left undone.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// There may be something to do for a process that waits.
    pub fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for an event for a process: its payload and its deadline; none when the process is dead.
    pub fn next(&self, slot: usize, generation: u64) -> Option<(String, u64)> {
        let mut state = self.state();
        loop {
            if state.slots[slot].generation != generation {
                return None;
            }
            let now = self.clock.now();
            if let Some(payload) = state.take(slot, now) {
                return Some((payload, now + TIMEOUT));
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }
}

impl State {
    /// Takes what is due for a process.
    fn take(&mut self, slot: usize, now: u64) -> Option<String> {
        let retries = self
            .slots
            .iter()
            .filter(|slot| matches!(&slot.work, Some(Work { what: What::Batch(true, _), .. })))
            .count();
        let (payload, what) = if retries < MOST_RETRIES && self.retry.next_due().is_some_and(|due| due <= now)
        {
            self.batch(true, now)?
        } else if self.invocations.is_multiple_of(2) && self.events.next_due().is_some_and(|due| due <= now) {
            self.batch(false, now)?
        } else if let Some((payload, tried)) = self.calls.take(now) {
            (payload.clone(), What::Call(payload, tried))
        } else if self.events.next_due().is_some_and(|due| due <= now) {
            self.batch(false, now)?
        } else {
            return None;
        };
        self.invocations += 1;
        let places = story::named(&payload);
        for place in &places {
            self.in_hand.take(*place);
        }
        self.slots[slot].work = Some(Work { started: now, what, places });
        Some(payload)
    }

    fn batch(&mut self, is_retry: bool, now: u64) -> Option<(String, What)> {
        let (queue, most) =
            if is_retry { (&mut self.retry, BATCH) } else { (&mut self.events, EVENTS_BATCH) };
        let (ids, event, dead) = queue.receive(now, most);
        self.letters.extend(dead);
        (!ids.is_empty()).then(|| (event.to_string(), What::Batch(is_retry, ids)))
    }

    /// A process answered.
    pub fn answered(&mut self, slot: usize, generation: u64, is_error: bool, answer: &Value, now: u64) {
        if self.slots[slot].generation != generation {
            return;
        }
        let Some(what) = self.put_down(slot) else { return };
        match what {
            What::Call(payload, tried) if is_error => {
                self.letters.extend(self.calls.failed(payload, tried, answer, now));
            }
            What::Call(..) => {}
            // The whole batch comes again when its time is over.
            What::Batch(..) if is_error => {}
            What::Batch(is_retry, ids) => {
                let failed: Vec<_> = answer["batchItemFailures"].as_array().into_iter().flatten().collect();
                let failed: Vec<_> =
                    failed.iter().filter_map(|one| one["itemIdentifier"].as_str()?.parse().ok()).collect();
                let queue = if is_retry { &mut self.retry } else { &mut self.events };
                ids.into_iter().filter(|id| !failed.contains(id)).for_each(|id| queue.delete(id));
            }
        }
    }

    /// A process ended with something in hand; true if it had.
    pub fn died(&mut self, slot: usize, now: u64) -> bool {
        self.slots[slot].generation += 1;
        match self.put_down(slot) {
            Some(What::Call(payload, tried)) => {
                let error = json!({ "errorType": "Runtime.ExitError", "errorMessage": "the process ended" });
                self.letters.extend(self.calls.failed(payload, tried, &error, now));
                true
            }
            Some(What::Batch(..)) => true,
            None => false,
        }
    }

    fn put_down(&mut self, slot: usize) -> Option<What> {
        let work = self.slots[slot].work.take()?;
        for place in work.places {
            self.in_hand.put_down(place);
        }
        Some(work.what)
    }

    /// Counts a call of a tagging API: what it is for, and what it came to.
    pub fn count(&mut self, kind: &'static str, end: &'static str) {
        self.tagging_calls += 1;
        *self.kinds.entry(kind).or_default().entry(end).or_default() += 1;
    }

    /// Whether nothing is left to happen.
    pub fn is_over(&self) -> bool {
        let waits = self.events.len() + self.retry.len() + self.calls.len();
        let story = self.story.made == self.story.total && self.story.next_due().is_none();
        story && waits == 0 && self.is_idle()
    }

    /// Whether no process has anything in hand.
    pub fn is_idle(&self) -> bool {
        self.slots.iter().all(|slot| slot.work.is_none())
    }

    /// When the next thing is due.
    pub fn next_due(&mut self) -> Option<u64> {
        let due =
            [self.events.next_due(), self.retry.next_due(), self.calls.next_due(), self.story.next_due()];
        due.into_iter().flatten().min()
    }
}

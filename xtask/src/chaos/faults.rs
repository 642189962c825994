//! What goes wrong with a call, by a seed: the same call of the same resource goes wrong in the same way in
//! each run, the first time, the second time and so on. It must not know what the call does.

use super::dice::{self, Dice};
use std::collections::HashMap;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is refused as one too many.
    Throttled,
    /// HTTP 500, before it did anything or after.
    Broken(bool),
    /// No answer, before or after.
    Silent(bool),
    /// The connection is reset, before or after.
    Reset(bool),
    /// HTTP 200 that says inside that it failed; nothing was done.
    Inside,
    /// It did what was asked, and half of the answer comes.
    Half,
}

/// Decides.
pub struct Injector {
    seed: u64,
    tries: HashMap<u64, u64>,
    /// How often each was decided.
    pub counts: std::collections::BTreeMap<&'static str, u64>,
}

impl Injector {
    /// An injector of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, tries: HashMap::new(), counts: Default::default() }
    }

    /// What happens to the next call of this name for this resource.
    pub fn decide(&mut self, name: &str, id: &str) -> Option<Fault> {
        let call = dice::roll(dice::of_text(name), &[dice::of_text(id)]);
        let tries = self.tries.entry(call).or_default();
        *tries += 1;
        // A client tries four times by itself. Some of what goes wrong outlasts that.
        let mut outage = Dice::of(self.seed, &[call, *tries / 4, 4]);
        let lasts = outage.chance(150);
        let mut dice = Dice::of(self.seed, &[call, *tries]);
        let after = dice.chance(5_000);
        let number = if lasts { [0, 200, 250, 253][outage.below(4) as usize] } else { dice.below(1_000) };
        let (fault, word) = match number {
            0..200 => (Fault::Throttled, "throttled"),
            200..250 => (Fault::Broken(after), "HTTP 500"),
            250..253 => (Fault::Silent(after), "no answer"),
            253..260 => (Fault::Reset(after), "reset"),
            260..268 => (Fault::Inside, "failed inside HTTP 200"),
            268..271 => (Fault::Half, "half an answer"),
            _ => return None,
        };
        *self.counts.entry(word).or_default() += 1;
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::Injector;

    #[test]
    fn a_seed_repeats_its_decisions() {
        let run = |seed| {
            let mut injector = Injector::new(seed);
            (0..1_000)
                .map(|id: u32| injector.decide("sqs:TagQueue", &(id % 300).to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let faults = run(1).iter().flatten().count();
        assert!((220..320).contains(&faults), "{faults} faults of a thousand calls, not 271 or so");
    }
}

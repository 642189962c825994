//! What becomes of resources later: some are deleted, some made again by somebody else, and of some that are there a second
//! one is told that he made them.

use super::{Event, HOUR, MINUTE, Story, delay};
use crate::chaos::{clock::SECOND, dice::Dice, samples::Given, world::World};
use std::cmp::Reverse;
use tagger_catalog::Lifetime;

/// What changes later.
pub(super) enum Change {
    Delete(Vec<usize>),
    Recreate {
        sample: usize,
        first: usize,
        region: String,
        deliver: Vec<u64>,
        queued: bool,
    },
    /// Somebody else makes what is there, and the call answers with success.
    MakeAgain {
        sample: usize,
        first: usize,
        region: String,
        deliver: Vec<u64>,
        queued: bool,
    },
}

impl Story {
    /// What becomes of it: most stays, some is deleted, some of that is made again by somebody else.
    #[expect(clippy::too_many_arguments, reason = "what, where, by whom and when")]
    pub(super) fn later(
        &mut self,
        dice: &mut Dice,
        sample: usize,
        first: usize,
        region: String,
        queued: bool,
        deliver: &mut [u64],
        now: u64,
    ) {
        let resources = &self.samples[sample].resources;
        let places: Vec<_> = (first..first + resources.len()).collect();
        let fate = dice.below(100);
        if fate < 2 {
            let at = dice.from(5..2 * HOUR);
            return self.change_at(now + at * SECOND, Change::Delete(places));
        }
        // Half a minute after the tolerance within which a second call's time is still the first one's.
        if self.samples[sample].answers_for_what_exists && fate < 60 {
            let at = dice.from(90..HOUR);
            // The first one's event may come after the second one's, which then finds it without a tag.
            if dice.chance(5_000) {
                deliver[0] = at + dice.from(10..MINUTE);
            }
            let again = Change::MakeAgain { sample, first, region, deliver: vec![delay(dice)], queued };
            return self.change_at(now + at * SECOND, again);
        }
        // Within these times one cannot be told from the other, and the product says so.
        let least = match (resources.len(), resources[0].lifetime) {
            (1, Lifetime::Told(told)) => told.within + 30,
            (1, Lifetime::Unknown) => 16 * MINUTE,
            _ => return,
        };
        if fate >= 8 {
            return;
        }
        let at = dice.from(least..least + HOUR);
        // Half of the first events come only when the name belongs to somebody else, and half of those before
        // the other's own event.
        let mut other = vec![delay(dice)];
        if dice.chance(5_000) {
            let late = dice.from(10..20 * MINUTE);
            deliver[0] = at + late;
            if dice.chance(5_000) {
                other = vec![late + dice.from(30..10 * MINUTE)];
            }
        }
        self.change_at(now + (at - 5) * SECOND, Change::Delete(places));
        self.change_at(now + at * SECOND, Change::Recreate { sample, first, region, deliver: other, queued });
    }

    fn change_at(&mut self, time: u64, change: Change) {
        self.changes.push(Reverse((time, self.change.len())));
        self.change.push(Some(change));
    }

    /// Deletes and makes again what is due, unless the function has its event in hand: between its last look and
    /// its write nobody can tell, and the product says so.
    pub fn change(&mut self, world: &mut World, now: u64, in_hand: &dyn Fn(usize) -> bool) {
        while let Some(Reverse((due, number))) = self.changes.peek().copied()
            && due <= now
        {
            self.changes.pop();
            let places = match &self.change[number] {
                Some(Change::Delete(places)) => places.clone(),
                Some(Change::Recreate { first, .. } | Change::MakeAgain { first, .. }) => vec![*first],
                None => continue,
            };
            let early = matches!(&self.change[number], Some(Change::Recreate { first, .. })
                if world.places[*first].generations.last().is_some_and(|last| !last.deleted));
            if early || places.iter().any(|place| in_hand(*place)) {
                self.changes.push(Reverse((now + SECOND, number)));
                // Everything that is due has this time or an earlier one, so the loop ends.
                continue;
            }
            match self.change[number].take() {
                Some(Change::Delete(places)) => {
                    let last = places.iter().filter_map(|place| {
                        Some((place, world.places[*place].generations.len().checked_sub(1)?))
                    });
                    let last: Vec<_> = last.map(|(place, last)| (*place, last)).collect();
                    for (place, last) in last {
                        let made = &mut world.places[place].generations[last];
                        (made.deleted, made.ended) = (true, now);
                    }
                }
                Some(Change::Recreate { sample, first, region, deliver, queued }) => {
                    let mut dice = Dice::of(self.seed, &[2, first as u64]);
                    let creator = format!("heir-{}", dice.below(60));
                    let event = self.again(sample, first, 1, region, &creator, now);
                    // Ids of EC2 are never given again, so that nothing is given here.
                    self.appear(&mut dice, sample, first, &creator, event, world, now);
                    self.recreated += 1;
                    for after in deliver {
                        self.deliver_after(now, after, event, queued);
                    }
                }
                Some(Change::MakeAgain { sample, first, region, deliver, queued }) => {
                    let mut dice = Dice::of(self.seed, &[6, first as u64]);
                    let creator = format!("second-{}", dice.below(60));
                    let event = self.again(sample, first, 0, region, &creator, now);
                    self.made_again += 1;
                    for after in deliver {
                        self.deliver_after(now, after, event, queued);
                    }
                }
                None => {}
            }
        }
    }

    /// The event of a call for names that were made before.
    fn again(
        &mut self,
        sample: usize,
        first: usize,
        generation: usize,
        region: String,
        creator: &str,
        time: u64,
    ) -> usize {
        let (creator, given) = (creator.to_owned(), Given::default());
        self.events.push(Event::Creation {
            sample,
            first,
            generation,
            region,
            creator,
            time,
            given,
            stack: None,
        });
        self.events.len() - 1
    }
}

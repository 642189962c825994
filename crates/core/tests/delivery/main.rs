//! Delivery as it is: late, twice, out of order, through functions that die at any point, about resources
//! that are not there yet, not ready yet, deleted, and made again by somebody else under the same name.
//!
//! Around the real decisions (plan, the executor with its attempts, settle, the queues' documents) stand models of AWS,
//! Lambda and SQS. Whatever is drawn: no creation is lost, nobody's name stands on another's resource, and no tag that
//! was there is overwritten. What the model takes for granted is what nobody can know:
//! - nothing happens between the last read and the write of one try;
//! - a name is not given again before a retry could tell: sooner than a service's own tolerance, or, where
//!   the service tells nothing, sooner than the age limit.

mod aws;
mod judge;
mod kinds;
mod world;

use judge::unjust;
use kinds::Kind;
use proptest::{prelude::*, test_runner::Config};
use std::collections::BTreeSet;
use world::{Act, DAY, NEVER, World};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Queue),
        Just(Kind::Role),
        Just(Kind::Cache),
        Just(Kind::Topic),
        Just(Kind::Bucket),
        Just(Kind::Instances)
    ]
}

fn act() -> impl Strategy<Value = Act> {
    // Soon, mostly; sometimes after hours, as the rules' own retries may take a day.
    let after = || prop_oneof![6 => 1..30_u64, 2 => 30..1_200_u64, 1 => 1_200..DAY];
    let until_visible = prop_oneof![8 => Just(0_u64), 2 => 1..60_u64, 2 => 60..890_u64, 1 => Just(NEVER)];
    let until_ready = prop_oneof![3 => Just(0_u64), 2 => 1..1_800_u64];
    let create = (
        kind(),
        any::<bool>(),
        proptest::bool::weighted(0.1),
        until_visible,
        until_ready,
        proptest::bool::weighted(0.1),
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec(after(), 1..4),
    );
    let wait = prop_oneof![3 => 1..60_u64, 3 => 60..1_000_u64, 2 => 1_000..4_000_u64, 1 => 4_000..DAY]
        .prop_map(Act::Wait);
    // Somebody is told that he made the bucket that is there.
    let second = proptest::collection::vec(after(), 1..3).prop_map(|arrives| Act::Create {
        kind: Kind::Bucket,
        replaces: false,
        with_tag: false,
        visible: 0,
        ready: 0,
        denied: false,
        briefly: false,
        omitted: false,
        arrives,
    });
    prop_oneof![
        1 => second,
        4 => create.prop_map(|(kind, replaces, with_tag, visible, ready, denied, briefly, omitted, arrives)| Act::Create {
            kind, replaces, with_tag, visible, ready, denied, briefly, omitted, arrives
        }),
        1 => kind().prop_map(Act::Delete),
        1 => kind().prop_map(Act::Tag),
        4 => wait,
    ]
}

proptest! {
    #![proptest_config(Config { cases: 2_000, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_is_lost_nothing_is_wrong_nothing_is_overwritten(
        acts in proptest::collection::vec(act(), 1..14),
        mishaps in proptest::collection::vec(any::<u8>(), 0..120),
        overwrites in proptest::bool::weighted(0.2),
        tells_nothing in proptest::bool::weighted(0.2),
    ) {
        let mut world = World::new(overwrites, tells_nothing, mishaps);
        acts.iter().for_each(|act| world.act(act));
        // Everything arrives within a day, and waits for a day at most.
        world.run(world.now + 3 * DAY);
        prop_assert!(world.coming.is_empty() && world.messages.is_empty(), "something still waits");
        prop_assert_eq!(&world.wrong, &Vec::<String>::new());
        prop_assert_eq!(world.lost(), Vec::<String>::new());
        prop_assert_eq!(unjust(&world.letters), Vec::<String>::new());
    }
}

/// The model must be able to do what the property is about, or it would hold for nothing.
#[test]
fn the_model_reaches_every_end() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut tagged, mut letters, mut kept, mut gone, mut again, mut twice) = (0, 0, 0, 0, 0, 0);
    for _ in 0..300 {
        let drawn = (proptest::collection::vec(act(), 1..14), proptest::collection::vec(any::<u8>(), 0..120));
        let (acts, mishaps) = drawn.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(false, false, mishaps);
        acts.iter().for_each(|act| world.act(act));
        world.run(world.now + 3 * DAY);
        letters += world.letters.len();
        tagged += world.lives.values().filter(|life| life.tag.as_ref() == Some(&life.creator)).count();
        kept += world.lives.values().filter(|life| life.tag.as_deref() == Some("by-caller")).count();
        gone += world.made.iter().flatten().filter(|arn| !world.lives.contains_key(*arn)).count();
        twice += world.twice;
        let mut names = BTreeSet::new();
        again += world.made.iter().flatten().filter(|arn| !names.insert((*arn).clone())).count();
    }
    for (what, count) in [
        ("tagged", tagged),
        ("letters", letters),
        ("kept", kept),
        ("gone", gone),
        ("made again", again),
        ("made by a second one too", twice),
    ] {
        assert!(count > 10, "{what}: {count}");
    }
}

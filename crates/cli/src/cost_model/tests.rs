//! Known bills, the specification's rows, and what the templates have of what is counted.

use super::*;

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for delivery in [Delivery::Direct, Delivery::Queue] {
        for trail in [Trail::OwnFirst, Trail::OwnSecond, Trail::Existing] {
            for regions in [1, 2, 17] {
                for free_tier in [true, false] {
                    for batch in [1, 10] {
                        for on in [true, false] {
                            shapes.push(Shape {
                                delivery,
                                trail,
                                regions,
                                free_tier,
                                batch,
                                alarms: on,
                                dashboard: on,
                                topic_key: on,
                                ..Shape::default()
                            });
                        }
                    }
                }
            }
        }
    }
    shapes
}

#[test]
fn every_shape_adds_up() {
    for shape in shapes() {
        let mut before = Money(0);
        for resources in [0, 1, 499, 500, 5_000, 50_000, 500_000, 999_999, 5_000_000, 1_000_000_000_000] {
            let bill = bill(&Shape { resources, ..shape });
            let context = format!("{resources} {shape:?}");
            assert_eq!(bill.sum().0, bill.lines.iter().map(|line| line.cost.0).sum::<u64>(), "{context}");
            assert!(bill.sum() >= before, "dearer with more resources: {context}");
            before = bill.sum();
            for line in &bill.lines {
                assert!(line.amount > 0.0 && line.amount.is_finite(), "{context} {line:?}");
                assert!(line.free >= 0.0 && line.free <= line.amount, "{context} {line:?}");
                assert!(shape.free_tier || line.free == 0.0, "{context} {line:?}");
                assert!(PRICES.contains(&line.price), "{context} {line:?}");
            }
            for price in PRICES {
                let free: f64 =
                    bill.lines.iter().filter(|line| line.price == price).map(|line| line.free).sum();
                assert!(free <= price.free, "{context} {}", price.name);
            }
            let without = self::bill(&Shape { resources, free_tier: false, ..shape });
            assert!(bill.sum() <= without.sum(), "{context}");
        }
    }
}

#[test]
fn known_bills() {
    let cost = |shape: &Shape, what: &str| {
        bill(shape).lines.iter().find(|line| line.what == what).map(|line| line.cost)
    };
    let five_million = Shape { resources: 5_000_000, ..Shape::default() };
    let bare = Shape { free_tier: false, retried_percent: 0.0, ..five_million };
    for (what, shape, line, expected) in [
        ("4 of 5 million calls", Shape { retried_percent: 0.0, ..five_million }, "function, calls", 8_000),
        ("all calls", bare, "function, calls", 10_000),
        ("5 M x 155 ms x 0.25 GB", bare, "function, duration", 25_833),
        (
            "the same on x86_64",
            Shape { architecture: Architecture::x86_64, ..bare },
            "function, duration",
            32_292,
        ),
        ("648,000 receives", bare, "queues, polled while empty", 2_592),
        (
            "two queues, a million free",
            Shape { delivery: Delivery::Queue, ..five_million },
            "queues, polled while empty",
            1_184,
        ),
        ("three requests an event", Shape { delivery: Delivery::Queue, ..bare }, "events queue", 60_000),
        ("in batches of ten", Shape { delivery: Delivery::Queue, batch: 10, ..bare }, "events queue", 24_000),
        (
            "the specification's 550,000 events",
            Shape { resources: 500_000, events: 1.1, trail: Trail::OwnSecond, ..five_million },
            "trail, a further copy of each event",
            110_000,
        ),
        (
            "a second copy of nine reads for each of them",
            Shape { resources: 500_000, events: 1.1, trail: Trail::OwnSecond, ..five_million },
            "trail, a further copy of each read",
            990_000,
        ),
        (
            "45 million reads of 500 bytes for four months",
            Shape { resources: 500_000, trail: Trail::OwnFirst, ..five_million },
            "trail, reads kept 90 + 30 days",
            20_700,
        ),
        ("half of it elsewhere", Shape { regions: 2, ..five_million }, "forwarders", 25_000),
        ("ten alarm metrics", bare, "alarms", 10_000),
        ("26 alarm metrics, ten free", Shape { regions: 17, ..five_million }, "alarms", 16_000),
        ("nine metrics", bare, "metrics", 27_000),
        ("a dashboard", bare, "dashboard", 30_000),
    ] {
        assert_eq!(cost(&shape, line), Some(Money(expected)), "{what}");
    }
    assert_eq!(cost(&Shape { alarms: false, ..bare }, "alarms"), None);
    assert_eq!(cost(&five_million, "forwarders"), None);
    // The first copy of a read is free, a trail that is there is somebody else's, and without reads nothing is added.
    let own = Shape { trail: Trail::OwnFirst, ..five_million };
    assert_eq!(cost(&own, "trail, a further copy of each read"), None);
    assert_eq!(cost(&five_million, "trail, reads kept 90 + 30 days"), None);
    assert_eq!(cost(&Shape { reads: 0.0, ..own }, "trail, reads kept 90 + 30 days"), None);
}

#[test]
fn the_default_is_at_or_below_the_specification() {
    for (resources, limit) in SPECIFICATION {
        let bill = bill(&Shape { resources, ..Shape::default() });
        assert!(bill.sum() <= limit, "{resources}: {}", bill.sum());
        assert!(bill.above(limit).is_empty());
    }
}

#[test]
fn what_is_above_is_named_dearest_first() {
    let bill = bill(&Shape { resources: 500, free_tier: false, ..Shape::default() });
    let named: Vec<_> = bill.above(Money(100)).iter().map(|line| line.what).collect();
    assert_eq!(
        named,
        ["dashboard", "metrics", "alarms", "queues, polled while empty", "reconcile function, duration"]
    );
}

#[test]
fn the_template_has_what_is_counted() {
    let home = include_str!("../../../../templates/tagger.yaml");
    let other = include_str!("../../../../templates/forwarder.yaml");
    let count = |text: &str, part: &str| text.matches(part).count() as u32;
    let alarm = "Type: AWS::CloudWatch::Alarm\n";
    let queued = "\n    Condition: Queued\n";
    // An alarm on an expression has its metrics in a list; every other has one.
    let metrics = count(home, alarm) - count(home, "\n      Metrics:\n") + count(home, "MetricStat:\n");
    assert_eq!(metrics, ALARMS.0 + ALARMS.1 + TAG_CHANGES.0);
    let watching = "\n    Condition: WatchesTags\n";
    assert_eq!(count(home, &format!("{}{watching}", alarm.trim_end())), TAG_CHANGES.0);
    assert_eq!(count(home, &format!("{}{queued}", alarm.trim_end())), ALARMS.1);
    assert_eq!(count(other, alarm), ALARMS.2);
    let mapping = "Type: AWS::Lambda::EventSourceMapping";
    assert_eq!(count(home, mapping), POLLED_QUEUES.0 + POLLED_QUEUES.1 + TAG_CHANGES.2);
    assert_eq!(count(home, &format!("{mapping}{watching}")), TAG_CHANGES.2);
    assert_eq!(count(home, &format!("{mapping}{queued}")), POLLED_QUEUES.1);
    let mut metrics: Vec<_> = home
        .split("MetricNamespace: AutoResourceTagger, MetricName: ")
        .skip(1)
        .filter_map(|rest| rest.split(',').next())
        .collect();
    metrics.dedup();
    assert_eq!(metrics.len() as u32, METRICS - REASONS + 1 + TAG_CHANGES.1, "{metrics:?}");
    assert_eq!(count(home, "AWS::CloudWatch::Dashboard"), 1);
    assert!(home.contains("MemorySize: 256") && MEMORY_GB == 0.25);
    assert!(home.contains("MemorySize: 512") && RECONCILE_GB == 0.5);
    assert!(home.contains("{ ReadWriteType: All, IncludeManagementEvents: true }"), "reads are counted");
    assert!(home.contains("ExpirationInDays: 90") && home.contains("NoncurrentDays: 30"));
}

#[test]
fn prices_are_complete() {
    for (at, price) in PRICES.iter().enumerate() {
        assert!(price.dollars > 0.0 && price.per > 0.0 && price.free >= 0.0, "{}", price.name);
        assert!(price.source.starts_with("https://") && price.page.starts_with("https://"));
        assert!(price.page.starts_with("https://aws.amazon.com/") && !price.date.is_empty());
        assert!(PRICES.iter().skip(at + 1).all(|other| other.name != price.name), "{}", price.name);
    }
}

#[test]
fn numbers_are_written() {
    for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (5_000_000, "5,000,000")] {
        assert_eq!(thousands(number), text);
    }
    assert_eq!(Money(12_345_678).to_string(), "$1,234.5678");
    assert_eq!(format!("{:>9}", Money(5)), "  $0.0005");
}

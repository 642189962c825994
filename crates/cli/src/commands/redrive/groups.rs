//! Dead letters that are alike, and which of them somebody wants. Pure.

use super::{
    advice::advice,
    letter::{Letter, Why},
};
use std::collections::BTreeMap;
use tagger_core::printable;

/// Where dead letters are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queue {
    /// The region.
    pub region: String,
    /// The queue's name.
    pub name: String,
}

/// Dead letters that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Where they lie.
    pub queue: Queue,
    /// One of them.
    pub example: Letter,
    /// How many.
    pub count: usize,
    /// The oldest, seconds since 1970.
    pub oldest: u64,
    /// The newest.
    pub newest: u64,
}

/// Sorts dead letters into groups: the same queue, reason, service and types. The largest group comes first.
pub fn groups<'a>(letters: impl Iterator<Item = (&'a Queue, &'a Letter)>) -> Vec<Group> {
    let mut found: BTreeMap<_, Group> = BTreeMap::new();
    for (queue, letter) in letters {
        let group =
            found.entry((queue, &letter.why, &letter.service, &letter.about)).or_insert_with(|| Group {
                queue: queue.clone(),
                example: letter.clone(),
                count: 0,
                oldest: letter.since,
                newest: letter.since,
            });
        group.count += 1;
        group.oldest = group.oldest.min(letter.since);
        group.newest = group.newest.max(letter.since);
    }
    let mut groups: Vec<Group> = found.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

impl Group {
    /// The reason in one line.
    pub fn reason(&self) -> String {
        let why = &self.example.why;
        let mut text = why.class.clone();
        if let Some(by) = why.by {
            text = format!("{text} by {by}");
        }
        if !why.code.is_empty() {
            text = format!("{text}, {}", why.code);
        }
        if !why.call.is_empty() {
            text = format!("{text} from {}", why.call);
        }
        clean(&text)
    }

    /// The group in a few lines. Names in it were chosen by callers, so they are cleaned for the terminal.
    pub fn text(&self) -> String {
        let letter = &self.example;
        let mut lines = vec![format!("{:>6}  {}", self.count, self.reason())];
        let what =
            [letter.service.as_str(), letter.about.as_str()].into_iter().filter(|text| !text.is_empty());
        let what = what.collect::<Vec<_>>().join("  ");
        if !what.is_empty() {
            lines.push(clean(&what));
        }
        let when = if self.oldest == self.newest {
            time(self.oldest)
        } else {
            format!("{} to {}", time(self.oldest), time(self.newest))
        };
        lines.push(format!("since {when}, in {} {}", self.queue.region, self.queue.name));
        let example = if letter.example.is_empty() { "one of them" } else { letter.example.as_str() };
        let id = match letter.event.as_str() {
            "" => format!("message {}", letter.message),
            event => format!("event {event}"),
        };
        lines.push(clean(&format!("{example}  {id}")));
        let words = letter.broken.as_deref().unwrap_or(&letter.words);
        if !words.is_empty() {
            lines.push(format!("\"{}\"", short(&clean(words))));
        }
        lines.push(format!("-> {}", advice(&letter.why)));
        lines.join("\n        ")
    }
}

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Every one.
    pub all: bool,
    /// The beginning of a code, of a class, or of what denied it.
    pub why: Vec<String>,
    /// A service.
    pub service: Vec<String>,
    /// An event's or a message's id.
    pub event: Vec<String>,
    /// First seen before this, seconds since 1970.
    pub before: Option<u64>,
    /// First seen at this or later.
    pub since: Option<u64>,
}

impl Choice {
    /// Whether anything was asked for.
    pub fn is_made(&self) -> bool {
        self.all
            || !(self.why.is_empty() && self.service.is_empty() && self.event.is_empty())
            || self.before.is_some()
            || self.since.is_some()
    }

    /// Whether a dead letter is meant: it has to fit each thing that was asked for. A reason fits by its beginning, as
    /// the same error is `AccessDenied` in one service and `AccessDeniedException` in another.
    pub fn means(&self, letter: &Letter) -> bool {
        let one_of = |asked: &[String], has: &[&str]| {
            asked.is_empty()
                || asked.iter().any(|word| has.iter().any(|text| text.eq_ignore_ascii_case(word)))
        };
        let services: Vec<String> =
            self.service.iter().map(|name| super::letter::service(name).to_owned()).collect();
        let begins = |text: &str, word: &str| {
            text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) && !word.is_empty()
        };
        let reasons = reasons(&letter.why);
        let fits = self.why.is_empty()
            || self.why.iter().any(|word| reasons.iter().any(|reason| begins(reason, word)));
        self.is_made()
            && fits
            && one_of(&services, &[&letter.service])
            && one_of(&self.event, &[&letter.event, &letter.message])
            && self.before.is_none_or(|time| letter.since < time)
            && self.since.is_none_or(|time| letter.since >= time)
    }
}

/// What a dead letter's reason can be asked for by.
fn reasons(why: &Why) -> Vec<&str> {
    [Some(why.class.as_str()), Some(why.code.as_str()), why.by].into_iter().flatten().collect()
}

/// Classes, what denied it, and codes, each with how many there are: what `--why` can be asked for. The largest number
/// comes first.
pub fn there<'a>(letters: impl Iterator<Item = &'a Letter>) -> Vec<(usize, &'a Why)> {
    // The call does not matter here.
    type Reason<'a> = (&'a str, Option<&'a str>, &'a str);
    let mut counts: BTreeMap<Reason<'_>, (usize, &Why)> = BTreeMap::new();
    for letter in letters {
        let why = &letter.why;
        counts.entry((why.class.as_str(), why.by, why.code.as_str())).or_insert((0, why)).0 += 1;
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counts
}

/// A reason with its number, in one line.
pub fn there_text(count: usize, why: &Why) -> String {
    let by = why.by.map(|by| format!(" by {by}")).unwrap_or_default();
    let code = if why.code.is_empty() { String::new() } else { format!(", {}", why.code) };
    clean(&format!("{count:>6}  {}{by}{code}", why.class))
}

/// Seconds since 1970 as people read them.
pub fn time(seconds: u64) -> String {
    tagger_aws::time::at(seconds)
}

/// Without what could move a terminal's cursor.
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if printable::is_hidden(letter) { ' ' } else { letter }).collect()
}

/// The beginning of a long text.
fn short(text: &str) -> String {
    const MOST: usize = 240;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(MOST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(class: &str, code: &str, service: &str, since: u64) -> Letter {
        let why = Why { class: class.to_owned(), code: code.to_owned(), ..Why::default() };
        Letter {
            message: format!("m-{since}"),
            event: format!("e-{since}"),
            why,
            words: "so\u{1b}[2J it is".to_owned(),
            service: service.to_owned(),
            about: "AWS::X::Y".to_owned(),
            example: "arn:x".to_owned(),
            since,
            broken: None,
        }
    }

    #[test]
    fn alike_is_one_group() {
        let here = Queue { region: "eu-west-1".to_owned(), name: "dead".to_owned() };
        let there = Queue { region: "us-east-1".to_owned(), name: "dead".to_owned() };
        let letters = [
            (&here, letter("denied", "AccessDenied", "sqs", 20)),
            (&here, letter("throttled", "Throttling", "sqs", 5)),
            (&here, letter("denied", "AccessDenied", "sqs", 10)),
            (&there, letter("denied", "AccessDenied", "sqs", 30)),
            (&here, letter("denied", "AccessDenied", "sns", 30)),
            (&here, letter("denied", "AccessDenied", "sqs", 15)),
        ];
        let found = groups(letters.iter().map(|(queue, letter)| (*queue, letter)));
        let sizes: Vec<usize> = found.iter().map(|group| group.count).collect();
        assert_eq!(sizes, [3, 1, 1, 1]);
        assert_eq!((found[0].oldest, found[0].newest, found[0].example.event.as_str()), (10, 20, "e-20"));
        assert_eq!(found[0].reason(), "denied, AccessDenied");
        let text = found[0].text();
        assert!(
            text.contains("since 1970-01-01T00:00:10Z to 1970-01-01T00:00:20Z, in eu-west-1 dead"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_reason_fits_by_its_beginning() {
        let why = |class: &str, by, code: &str| Why {
            class: class.to_owned(),
            by,
            code: code.to_owned(),
            ..Why::default()
        };
        let of = |why: Why| Letter { why, ..letter("", "", "sqs", 1) };
        // The codes that services give for the same thing, and one word that each is found by.
        for (letter, word, expected) in [
            (of(why("denied", Some("permission"), "AccessDeniedException")), "AccessDenied", true),
            (of(why("denied", Some("permission"), "AccessDeniedException")), "accessdenied", true),
            (of(why("denied", Some("permission"), "AccessDeniedException")), "permission", true),
            (of(why("denied", Some("service-control-policy"), "AccessDenied")), "service", true),
            (of(why("throttled", None, "ThrottlingException")), "Throttling", true),
            (of(why("throttled", None, "Throttling")), "ThrottlingException", false),
            (of(why("failed", None, "resource-uncertain")), "resource", true),
            (of(why("undelivered", None, "NO_PERMISSIONS")), "no_perm", true),
            (of(why("undelivered", None, "NO_PERMISSIONS")), "permission", false),
            (of(why("denied", None, "")), "AccessDenied", false),
        ] {
            let choice = Choice { why: vec![word.to_owned()], ..Choice::default() };
            assert_eq!(choice.means(&letter), expected, "{word}: {:?}", letter.why);
        }
    }

    #[test]
    fn what_there_is() {
        let letters = [
            letter("denied", "AccessDenied", "sqs", 1),
            letter("throttled", "Throttling", "sqs", 2),
            letter("denied", "AccessDenied", "sns", 3),
            letter("denied", "", "sns", 4),
        ];
        let lines: Vec<_> =
            there(letters.iter()).iter().map(|(count, why)| there_text(*count, why)).collect();
        assert_eq!(
            lines,
            ["     2  denied, AccessDenied", "     1  denied", "     1  throttled, Throttling"]
        );
    }

    #[test]
    fn what_is_meant() {
        let denied = letter("denied", "AccessDenied", "sqs", 10);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let none = Choice::default;
        for (case, choice, expected) in [
            ("nothing was asked for", none(), false),
            ("all", Choice { all: true, ..none() }, true),
            ("the class", Choice { why: words(&["denied"]), ..none() }, true),
            (
                "the code, in other letters",
                Choice { why: words(&["throttled", "accessdenied"]), ..none() },
                true,
            ),
            ("another class", Choice { why: words(&["throttled"]), ..none() }, false),
            ("the beginning of the code", Choice { why: words(&["accessden"]), ..none() }, true),
            ("the beginning of the class", Choice { why: words(&["DEN"]), ..none() }, true),
            ("the end of the code", Choice { why: words(&["sDenied"]), ..none() }, false),
            ("more than the code", Choice { why: words(&["AccessDeniedExceptions"]), ..none() }, false),
            ("no word at all", Choice { why: words(&[""]), ..none() }, false),
            ("the service", Choice { service: words(&["sqs.amazonaws.com"]), ..none() }, true),
            ("another service", Choice { service: words(&["sns"]), ..none() }, false),
            ("the event", Choice { event: words(&["e-10"]), ..none() }, true),
            ("the message", Choice { event: words(&["m-10"]), ..none() }, true),
            (
                "each has to fit",
                Choice { event: words(&["e-10"]), service: words(&["sns"]), ..none() },
                false,
            ),
            ("all, of one service", Choice { all: true, service: words(&["sns"]), ..none() }, false),
            ("before", Choice { before: Some(11), ..none() }, true),
            ("not before", Choice { before: Some(10), ..none() }, false),
            ("since", Choice { since: Some(10), ..none() }, true),
            ("not since", Choice { since: Some(11), ..none() }, false),
        ] {
            assert_eq!(choice.means(&denied), expected, "{case}");
        }
    }
}

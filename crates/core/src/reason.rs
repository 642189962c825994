//! How a creation ended, for whoever counts: each in exactly one of these. Pure; the function's log says it in `reason`,
//! the metric `NotTagged`, `tagger status` and `tagger doctor` count by it.

use crate::{
    diagnostic::Code,
    outcome::{Done, Outcome},
    settle::Fate,
};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal, $todo:literal;)+) => {
        /// How a creation ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// Every one, those with the tag first.
            pub const ALL: &[Reason] = &[$(Reason::$name,)+];

            /// The word in the log and of the metric.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $word,)+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc,)+).trim_ascii_start(),)+ }
            }

            /// What to do about it.
            pub fn what_to_do(self) -> &'static str {
                match self { $(Reason::$name => $todo,)+ }
            }
        }
    };
}

reasons! {
    /// It has the tag now.
    Tagged = "tagged", "nothing to do";
    /// It had the creator's tag, which stays.
    HadIt = "had-it", "nothing to do; `existing = \"overwrite\"` in the settings replaces what is there";
    /// AWS made and manages it, and lets nobody in the account tag it.
    NotOurs = "not-ours", "nothing to do: AWS lets nobody else tag it";
    /// The settings leave it alone: its kind of creator, its creator, its type or place, or its service refuses the tag's key.
    Skipped = "skipped", "nothing to do, or change [kinds], [exclude] or [scope]; `tagger status` shows the settings that hold";
    /// A tag of it, or of the request, opts it out.
    OptedOut = "opted-out", "nothing to do; without that tag it is tagged";
    /// Nothing in its record says who made it.
    NobodyKnown = "creator-unknown", "look the call up by its eventID in CloudTrail, and tag the resource by hand";
    /// It lies in another account.
    Elsewhere = "other-account", "deploy the stack into that account as well: `tagger deploy`";
    /// It is no longer there, or was not made by this call.
    Gone = "gone", "nothing to do";
    /// It is tried again.
    Waits = "waits", "wait: it is tried again for a day; the line in the log says what for";
    /// It was given up, and lies among the dead letters.
    DeadLetter = "dead-letter", "`tagger redrive` shows the reasons; fix what they say, then `tagger redrive --all`";
}

impl Reason {
    /// The one of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }

    /// How a creation ended by what was found before anything was tried; none where it is none, or goes on.
    pub fn of_code(code: Code) -> Option<Self> {
        match code {
            Code::NotOurs => Some(Reason::NotOurs),
            Code::KindSkipped | Code::PrincipalExcluded | Code::OutsideScope | Code::TagKeyRefused => {
                Some(Reason::Skipped)
            }
            Code::OptedOut => Some(Reason::OptedOut),
            Code::CreatorUnknown => Some(Reason::NobodyKnown),
            Code::OtherAccount | Code::ResourceInOtherAccount => Some(Reason::Elsewhere),
            Code::ResourceReplaced | Code::ResourceExisted => Some(Reason::Gone),
            // It made nothing, or is a note beside what is done.
            Code::NotARecord
            | Code::FailedCall
            | Code::DryRun
            | Code::ReadOnlyCall
            | Code::UnknownEvent
            | Code::UpdateCall
            | Code::KindNotProved
            | Code::MayBeUpdate
            | Code::InheritsFromParent
            | Code::ParentUnknown
            | Code::TagLeftOut
            | Code::TagValueChanged
            | Code::TagValueEmpty => None,
            // A dead letter says these.
            Code::NoResourceInRecord | Code::ResourceUncertain => None,
        }
    }

    /// How one resource ended, or stands, after a try.
    pub fn of_done(done: &Done, fate: Fate) -> Self {
        match (fate, &done.outcome) {
            (Fate::Waits(_), _) => Reason::Waits,
            (Fate::GivenUp, _) => Reason::DeadLetter,
            (Fate::Gone, _) | (Fate::Done, Outcome::Replaced(_)) => Reason::Gone,
            (Fate::Done, Outcome::Tagged) => Reason::Tagged,
            (Fate::Done, Outcome::AlreadyTagged { .. }) => Reason::HadIt,
            (Fate::Done, Outcome::LeftAlone(diagnostic)) => {
                Self::of_code(diagnostic.code).unwrap_or(Reason::OptedOut)
            }
            // Of all failures, only this one is done with.
            (Fate::Done, Outcome::Failed(_)) => Reason::NotOurs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_word_is_of_one_reason() {
        let words: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::of_word(reason.as_str()), Some(*reason));
        }
        assert_eq!(Reason::of_word("left-alone"), None);
    }

    #[test]
    fn what_stops_a_creation_is_counted() {
        // These stop, and created nothing of the catalog's, or end as a dead letter.
        let nothing = [
            Code::NotARecord,
            Code::FailedCall,
            Code::DryRun,
            Code::ReadOnlyCall,
            Code::UnknownEvent,
            Code::UpdateCall,
            Code::NoResourceInRecord,
            Code::ResourceUncertain,
        ];
        for code in Code::ALL {
            let counted = code.stops() && !nothing.contains(code);
            assert_eq!(Reason::of_code(*code).is_some(), counted, "{}", code.as_str());
        }
    }
}

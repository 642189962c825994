//! `tagger explain`: for each record who, what and which tags, or why none. Plans only.
//!
//! People are shown what plans something or needs a look, and the number of the rest; programs get a line for each record.

use crate::{
    args::Explain,
    exit_code::{Error, ExitCode},
    input::{self, Unreadable},
    output,
};
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};
use tagger_core::{Plan, diagnostic::Code, explain, settings::near::nearest};

/// The word for records that plan something, beside the codes.
const PLANNED: &str = "planned";

/// Runs the verb.
///
/// # Errors
/// A wrong configuration, or the output cannot be written.
pub fn run(arguments: &Explain) -> Result<ExitCode, Error> {
    let policy = input::policy(&arguments.policy)?;
    let wanted = Wanted::of(arguments)?;
    let (bold, plain) = output::bold(arguments.color);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut unreadable = Unreadable::default();
    let (mut records, mut rest) = (0_usize, BTreeMap::<&str, usize>::new());
    // Whoever asks about a single record is answered, whatever it is.
    let mut only_one = None;
    for file in input::files(&arguments.files, &mut unreadable) {
        input::records(&file, &mut unreadable, &mut |record| {
            let plan = tagger_core::plan(&record, &policy, None);
            records += 1;
            let shown = wanted.has(&plan);
            if arguments.json && shown {
                writeln!(out, "{}", explain::json(&record, &plan))?;
            } else if shown {
                writeln!(out, "{}", explain::text(&record, &plan, &bold, &plain))?;
            } else {
                let code = plan.diagnostics.first().map_or(PLANNED, |first| first.code.as_str());
                *rest.entry(code).or_default() += 1;
                only_one = (records == 1).then(|| explain::text(&record, &plan, &bold, &plain));
            }
            Ok(())
        })?;
    }
    match only_one.filter(|_| records == 1 && matches!(wanted, Wanted::ToLookAt)) {
        Some(text) => writeln!(out, "{text}")?,
        None if !arguments.json && !rest.is_empty() => writeln!(out, "{}", summed(&rest, &wanted))?,
        None => {}
    }
    out.flush()?;
    Ok(if unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

/// Which records are shown.
enum Wanted {
    All,
    /// What plans something or needs a look.
    ToLookAt,
    /// What plans something, if so, or has one of these codes.
    Only(bool, Vec<Code>),
}

impl Wanted {
    fn of(arguments: &Explain) -> Result<Self, Error> {
        if arguments.all || arguments.json && arguments.only.is_empty() {
            return Ok(Self::All);
        }
        if arguments.only.is_empty() {
            return Ok(Self::ToLookAt);
        }
        let (mut planned, mut codes) = (false, Vec::new());
        for word in &arguments.only {
            match Code::ALL.iter().find(|code| code.as_str() == word) {
                Some(code) => codes.push(*code),
                None if word == PLANNED => planned = true,
                None => {
                    let known = || [PLANNED].into_iter().chain(Code::ALL.iter().map(|code| code.as_str()));
                    let near = nearest(word, known());
                    let all = known().collect::<Vec<_>>().join(", ");
                    return Err(Error::Usage(format!("--only {word}: unknown{near}; known are {all}")));
                }
            }
        }
        Ok(Self::Only(planned, codes))
    }

    fn has(&self, plan: &Plan) -> bool {
        let plans = !plan.actions.is_empty() || !plan.children.is_empty() || plan.launch.is_some();
        match self {
            Self::All => true,
            Self::ToLookAt => plans || plan.diagnostics.iter().any(|found| needs_a_look(found.code)),
            Self::Only(planned, codes) => {
                *planned && plans || plan.diagnostics.iter().any(|found| codes.contains(&found.code))
            }
        }
    }
}

/// Whether something was created, or may have been, that gets no tag although nobody asked for that.
fn needs_a_look(code: Code) -> bool {
    // Nothing was created, or somebody decided that it gets none.
    let expected = [
        Code::FailedCall,
        Code::DryRun,
        Code::ReadOnlyCall,
        Code::UnknownEvent,
        Code::OtherAccount,
        Code::KindSkipped,
        Code::PrincipalExcluded,
        Code::OutsideScope,
        Code::OptedOut,
        Code::UpdateCall,
    ];
    !expected.contains(&code)
}

/// The last line: what was not shown.
fn summed(rest: &BTreeMap<&str, usize>, wanted: &Wanted) -> String {
    let count: usize = rest.values().sum();
    let mut codes: Vec<(&str, usize)> = rest.iter().map(|(code, count)| (*code, *count)).collect();
    codes.sort_by_key(|(code, count)| (usize::MAX - count, *code));
    let codes: Vec<String> = codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let what = match wanted {
        Wanted::ToLookAt => "tag nothing and need no look",
        _ => "are others",
    };
    format!("{count} more records {what}: {} (--all shows them)", codes.join(", "))
}

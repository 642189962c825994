//! `tagger who`: who is behind a resource, hop by hop, with the events that say so. Reads only.
//!
//! [`logs`] and [`history`] find the records, `tagger_core::chain` follows them; this file asks again as long as a chain
//! says what it lacks, and prints.

mod history;
mod logs;

use crate::{
    args::Who,
    exit_code::{Error, ExitCode},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};
use tagger_core::{
    Record,
    chain::{
        self, Chain, Graph,
        target::{self, Made},
        words,
    },
    printable,
};

/// What was found of one name: the records that made it.
#[derive(Debug, Default)]
struct Asked {
    name: String,
    /// The places of the creations in the graph, by the ARN of what they made.
    made: BTreeMap<String, Vec<(usize, Made)>>,
}

/// The records so far, and what of them was asked for.
#[derive(Debug, Default)]
struct Known {
    graph: Graph,
    asked: Vec<Asked>,
}

impl Known {
    fn of(names: &[String]) -> Self {
        let asked = names.iter().map(|name| Asked { name: name.clone(), ..Asked::default() });
        Self { graph: Graph::default(), asked: asked.collect() }
    }

    /// Takes a record in, if a chain can need it; says whether it made something that was asked for.
    fn add(&mut self, record: &Record) {
        let Some(at) = self.graph.add(record) else { return };
        for asked in &mut self.asked {
            if let Some(made) = target::asked(record, &asked.name) {
                asked.made.entry(made.arn.clone()).or_default().push((at, made));
            }
        }
    }

    /// The chain of each resource that was asked for, as far as the records go.
    fn chains(&self) -> Vec<Answer<'_>> {
        let mut answers = Vec::new();
        for asked in &self.asked {
            for found in asked.made.values() {
                answers.extend(self.answer(&asked.name, found));
            }
        }
        answers
    }

    /// Of several creations of one ARN the last counts, and of calls that may be changes the first.
    fn answer<'a>(&'a self, name: &'a str, found: &'a [(usize, Made)]) -> Option<Answer<'a>> {
        let time = |(at, _): &&(usize, Made)| self.graph.call(*at).time;
        let is_update = found.iter().all(|(_, made)| made.may_be_update);
        let (at, made) =
            if is_update { found.iter().min_by_key(time) } else { found.iter().max_by_key(time) }?;
        let mut chain = chain::walk(&self.graph, *at);
        if found.len() > 1 {
            let others = found.len() - 1;
            let which = if is_update { "the first call is shown" } else { "the last creation is shown" };
            chain.notes.push(format!("{others} more calls made or changed this ARN; {which}"));
        } else if made.may_be_update {
            chain.notes.push("this call may have changed what was there already".to_owned());
        }
        Some(Answer { name, made, chain })
    }
}

/// The chain of one resource.
struct Answer<'a> {
    name: &'a str,
    made: &'a Made,
    chain: Chain,
}

/// Where was looked, and what could not be read.
struct Looked {
    /// For people: `in 3 files below logs/`.
    wher: String,
    /// Places that could not be read.
    unreadable: usize,
    /// Why nothing may have been found, a sentence each.
    limits: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Wrong arguments, AWS cannot be asked, or the output cannot be written.
pub fn run(arguments: &Who) -> Result<ExitCode, Error> {
    let mut known = Known::of(&arguments.names);
    let (looked, people) = if arguments.logs.is_empty() {
        crate::aws::run(history::read(arguments, &mut known))?
    } else {
        (logs::read(&arguments.logs, &mut known)?, BTreeMap::new())
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut answers = known.chains();
    for answer in &mut answers {
        name_people(&mut answer.chain, &people);
    }
    for asked in &known.asked {
        let mine: Vec<&Answer> = answers.iter().filter(|answer| answer.name == asked.name).collect();
        if arguments.json {
            print_json(&asked.name, &mine, &looked, &mut out)?;
        } else {
            print_text(&asked.name, &mine, &looked, &mut out)?;
        }
    }
    out.flush()?;
    Ok(if looked.unreadable == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

/// Puts the names of people in the place of their ids in an identity store.
fn name_people(chain: &mut Chain, people: &BTreeMap<String, (String, String)>) {
    let Some(who) = &mut chain.who else { return };
    let Some((id, _)) = &who.guid else { return };
    match people.get(id) {
        Some((name, state)) => {
            who.detail = Some(format!("user {id}, {state}"));
            chain.notes.push(format!("identitystore:DescribeUser names {id} as {name}, {state}"));
            who.name.clone_from(name);
        }
        None => chain.notes.push(format!(
            "{id} is a user's id in an identity store; `aws identitystore describe-user` names it, where that is allowed"
        )),
    }
}

fn print_json(name: &str, answers: &[&Answer], looked: &Looked, out: &mut impl Write) -> std::io::Result<()> {
    for answer in answers {
        writeln!(out, "{}", words::json(name, answer.made, &answer.chain))?;
    }
    if answers.is_empty() {
        let line: Value = json!({
            "asked": name, "found": false, "sentence": not_found(name, looked), "looked": looked.wher,
            "limits": looked.limits, "unreadable": looked.unreadable,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn print_text(name: &str, answers: &[&Answer], looked: &Looked, out: &mut impl Write) -> std::io::Result<()> {
    for answer in answers {
        writeln!(out, "{}", printable::text(&words::sentence(&answer.chain)))?;
        writeln!(out, "\n  {}  {}", answer.made.resource_type, printable::text(&answer.made.arn))?;
        for line in words::lines(&answer.chain) {
            writeln!(out, "  {}", printable::text(&line))?;
        }
        writeln!(out)?;
    }
    if answers.is_empty() {
        writeln!(out, "{}", printable::text(&not_found(name, looked)))?;
        for limit in &looked.limits {
            writeln!(out, "  {}", printable::text(limit))?;
        }
    }
    Ok(())
}

fn not_found(name: &str, looked: &Looked) -> String {
    format!("not found: no call that created {name} {}", looked.wher)
}

#[cfg(test)]
mod tests;

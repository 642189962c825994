//! The executor: every case says its next question or write, and those that are due go out in waves. What AWS takes
//! in one call goes in one call; each case is handed its own answer, by the id that the answer names.
//!
//! It has no I/O and no clock: [`Waves::due`] gives the calls, whoever drives it (`tagger-aws`, or the model of the
//! property test) hands the reply of each to [`Waves::answer`] in whatever order they come. A slow look-up delays
//! its own case only.
//!
//! A call for many that fails because of one member is cut: the member that the error names fails, and the others
//! are asked again; where it names none, each half is. An answer that is missing for a member is a failure of that member.

use crate::{
    attempt::Attempt,
    case::Case,
    heir::{Heir, Next},
    inherit::Decision,
    lanes::{Due, capacity, is_hidden, is_search, missing, names, no_answer, rank},
    outcome::{Class, Done, Failure, Inherited},
    policy::Policy,
    resources::Resource,
    search::{self, Outcomes, Search},
    step::{Answer, Call, Question, Reply, Step, Tags, Target},
};
use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    rc::Rc,
};

/// Whether EC2 refused lately to tag what it does not show yet. While it does, a burst looks which ids are visible instead
/// of reading tags alone, so that no call for many is refused for one of them.
#[derive(Debug, Default)]
pub struct Sight {
    until: Cell<u64>,
}

/// So many seconds after a refusal the next is expected.
const SOON_AGAIN: u64 = 60;
/// So many together are worth a look of their own; of fewer, a refused call is the cheaper answer.
const WORTH_A_LOOK: usize = 20;

impl Sight {
    fn is_bad(&self, now: u64) -> bool {
        now < self.until.get()
    }

    fn refused(&self, now: u64) {
        self.until.set(now + SOON_AGAIN);
    }
}

/// Cases on their way.
#[derive(Debug)]
pub struct Waves<'a> {
    cases: &'a [Case],
    policy: &'a Policy,
    sight: &'a Sight,
    units: Vec<Unit<'a>>,
    /// What is to be asked, by the number of its unit.
    due: BTreeMap<usize, Due>,
    /// The calls that are under way.
    flying: HashMap<u64, Flight>,
    /// What is tried, by the place of its case and its ARN.
    known: HashSet<(usize, String)>,
    /// Who waits for an ARN; the first is being tried.
    queues: HashMap<String, VecDeque<usize>>,
    calls: u64,
    holds: bool,
    /// The units of each case, and how many of them have not ended.
    of_case: Vec<(Vec<usize>, usize)>,
    /// The cases that have ended.
    ended: Vec<usize>,
}

/// One thing that is being found out or done.
#[derive(Debug)]
struct Unit<'a> {
    case: usize,
    work: Work<'a>,
    /// The tags that its resources get.
    tags: Rc<Tags>,
    /// What the parent said, where a service made the call.
    inherited: Option<Inherited>,
    /// From which resource it was looked up.
    parent: Option<String>,
    /// What became of it.
    done: Vec<Done>,
    /// How often a call for many was refused that it was in.
    refused: u8,
}

#[derive(Debug)]
enum Work<'a> {
    /// For whom the service acts.
    Heir(Box<Heir<'a>>),
    /// The children of one parent.
    Search(Search<'a>),
    /// What was launched by a token.
    Launch,
    /// One resource, which is tried when its ARN is free; and whether it was looked up.
    Resource(Rc<Resource>, bool, Option<Attempt<'a>>),
}

/// A call under way: who asked.
#[derive(Debug)]
struct Flight {
    members: Vec<(usize, Due)>,
    /// The ids in it, each once.
    ids: HashSet<String>,
}

impl<'a> Waves<'a> {
    /// Begins the cases, at a time in seconds since 1970.
    pub fn new(cases: &'a [Case], policy: &'a Policy, sight: &'a Sight, now: u64) -> Self {
        let mut waves = Self {
            cases,
            policy,
            sight,
            units: Vec::new(),
            due: BTreeMap::new(),
            flying: HashMap::new(),
            known: HashSet::new(),
            queues: HashMap::new(),
            calls: 0,
            holds: false,
            of_case: vec![(Vec::new(), 0); cases.len()],
            ended: Vec::new(),
        };
        for (place, case) in cases.iter().enumerate() {
            match Heir::of(case, policy) {
                Some((heir, target, question)) => {
                    let unit = waves.add(place, Work::Heir(Box::new(heir)), Rc::default(), None, None);
                    waves.ask(unit, target, question);
                }
                None => waves.begin(place, Rc::new(case.plan.tags.clone()), None, now),
            }
            if waves.of_case[place].0.is_empty() {
                waves.ended.push(place);
            }
        }
        waves
    }

    /// The calls that are due. What others that are under way may join is held back, unless it is to go.
    pub fn due(&mut self, all: bool) -> Vec<Call> {
        self.holds = false;
        let mut groups: Vec<Flight> = Vec::new();
        // The last of each kind, to which the next one is added.
        let mut open: HashMap<Rc<str>, usize> = HashMap::new();
        for (unit, due) in std::mem::take(&mut self.due) {
            let lane = Rc::clone(&due.lane);
            let at = open.get(&lane).copied().filter(|at| fits(&groups[*at], &due));
            match at {
                Some(at) => {
                    groups[at].ids.insert(due.target.id.clone());
                    groups[at].members.push((unit, due));
                }
                None => {
                    open.insert(lane, groups.len());
                    let ids = HashSet::from([due.target.id.clone()]);
                    groups.push(Flight { members: vec![(unit, due)], ids });
                }
            }
        }
        // Reads go before the writes that may be joined by what they read.
        groups.sort_by_key(|group| rank(&group.members[0].1));
        let mut calls = Vec::new();
        for group in groups {
            let first = &group.members[0].1;
            if !all && group.members.len() < first.most && self.is_held(first) {
                self.holds = true;
                self.due.extend(group.members);
                continue;
            }
            let shared = first.shared;
            let targets = group.members.iter().take(if shared { 1 } else { usize::MAX });
            let targets = targets.map(|(_, due)| due.target.clone()).collect();
            self.calls += 1;
            calls.push(Call { number: self.calls, question: first.question.clone(), targets });
            self.flying.insert(self.calls, group);
        }
        calls
    }

    /// Whether something is held back, which [`Waves::due`] gives when it is told so.
    pub fn is_holding(&self) -> bool {
        self.holds
    }

    /// Takes the reply to a call.
    pub fn answer(&mut self, number: u64, reply: Reply, now: u64) {
        let Some(Flight { members, .. }) = self.flying.remove(&number) else { return };
        let many = members.len() > 1 && !members[0].1.shared;
        if members.iter().any(|(_, due)| is_hidden(due, &reply)) {
            self.sight.refused(now);
        }
        match reply {
            Reply::All(Answer::Failed(failure)) if many && !failure.waits() => {
                self.cut(members, &failure, now)
            }
            Reply::All(answer) => {
                for (unit, _) in members {
                    self.tell(unit, answer.clone(), now);
                }
            }
            Reply::Each(mut answers) => {
                for (unit, due) in members {
                    match answers.get(&due.target.id) {
                        // Everybody who shares a question has its answer.
                        Some(answer) if due.shared => self.tell(unit, answer.clone(), now),
                        Some(_) => {
                            if let Some(answer) = answers.remove(&due.target.id) {
                                self.tell(unit, answer, now);
                            }
                        }
                        // A look shows what is visible; what it has not is not.
                        None if many && !matches!(due.question, Question::Look(_)) => {
                            self.due.insert(unit, due.at_most(1));
                        }
                        None => self.tell(unit, Answer::Failed(missing(&due)), now),
                    }
                }
            }
        }
    }

    /// The places of the cases that have ended since this was last asked, and what became of each. Once nothing is due,
    /// held back or under way, all have.
    pub fn ended(&mut self) -> Vec<(usize, Vec<Done>)> {
        let ended = std::mem::take(&mut self.ended).into_iter();
        let with_done = ended.map(|place| {
            let mut done = self.cases[place].undone.clone();
            for number in &self.of_case[place].0 {
                let unit = &mut self.units[*number];
                let of_unit = std::mem::take(&mut unit.done).into_iter();
                done.extend(of_unit.map(|one| Done { inherited: unit.inherited.clone(), ..one }));
            }
            (place, done)
        });
        with_done.collect()
    }

    /// A unit has ended, and its case if it was the last.
    fn close(&mut self, number: usize) {
        let place = self.units[number].case;
        let (_, open) = &mut self.of_case[place];
        *open -= 1;
        if *open == 0 {
            self.ended.push(place);
        }
    }

    fn add(
        &mut self,
        case: usize,
        work: Work<'a>,
        tags: Rc<Tags>,
        inherited: Option<Inherited>,
        parent: Option<String>,
    ) -> usize {
        let number = self.units.len();
        self.of_case[case].0.push(number);
        self.of_case[case].1 += 1;
        self.units.push(Unit { case, work, tags, inherited, parent, done: Vec::new(), refused: 0 });
        number
    }

    fn ask(&mut self, unit: usize, target: Target, question: Question) {
        let shared = matches!(self.units[unit].work, Work::Heir(_));
        let most = if shared { usize::MAX } else { capacity(&target, &question) };
        self.due.insert(unit, Due::new(target, question, most, shared));
    }

    /// Begins with the resources of a case, once it is known whose tags they get.
    fn begin(&mut self, place: usize, tags: Rc<Tags>, inherited: Option<Inherited>, now: u64) {
        let plan = &self.cases[place].plan;
        for resource in &plan.actions {
            self.try_resource(place, Rc::new(resource.clone()), &tags, inherited.clone(), None, now);
        }
        for children in &plan.children {
            for parent in &children.parents {
                let search = Search::of(children, parent);
                let (target, question) = search.ask();
                let unit = self.add(place, Work::Search(search), Rc::clone(&tags), inherited.clone(), None);
                self.ask(unit, target, question);
            }
        }
        if let Some(launch) = &plan.launch {
            let (target, question) = search::ask_launch(launch);
            let unit = self.add(place, Work::Launch, tags, inherited, None);
            self.ask(unit, target, question);
        }
    }

    /// Tries a resource, after all that are of the same ARN.
    fn try_resource(
        &mut self,
        place: usize,
        resource: Rc<Resource>,
        tags: &Rc<Tags>,
        inherited: Option<Inherited>,
        parent: Option<String>,
        now: u64,
    ) {
        let arn = resource.arn.clone();
        // A child may stand in the record as well.
        if !self.known.insert((place, arn.clone())) {
            return;
        }
        let work = Work::Resource(resource, parent.is_some(), None);
        let unit = self.add(place, work, Rc::clone(tags), inherited, parent);
        let queue = self.queues.entry(arn).or_default();
        queue.push_back(unit);
        if queue.len() == 1 {
            self.start(unit, now);
        }
    }

    fn start(&mut self, number: usize, now: u64) {
        let unit = &mut self.units[number];
        let Work::Resource(resource, seen, attempt) = &mut unit.work else { return };
        let case = &self.cases[unit.case];
        let (resource, tags) = (Rc::clone(resource), Rc::clone(&unit.tags));
        let mut begun = Attempt::new((case, self.policy), resource, tags, case.age(now), *seen);
        let step = begun.start(self.cases.len() >= WORTH_A_LOOK && self.sight.is_bad(now));
        *attempt = Some(begun);
        self.step(number, step, now);
    }

    fn step(&mut self, number: usize, step: Step, now: u64) {
        let outcome = match step {
            Step::Ask(target, question) => return self.ask(number, target, question),
            Step::End(outcome) => outcome,
        };
        let unit = &mut self.units[number];
        let Work::Resource(resource, _, attempt) = &mut unit.work else { return };
        unit.done.push(Done {
            resource_type: resource.entry.resource_type,
            arn: resource.arn.clone(),
            operation: resource.entry.operation.name,
            parent: unit.parent.clone(),
            inherited: None,
            left_out: attempt.take().map(|attempt| attempt.left_out().to_vec()).unwrap_or_default(),
            outcome,
        });
        let arn = resource.arn.clone();
        let next = self.queues.get_mut(&arn).and_then(|queue| {
            queue.pop_front();
            queue.front().copied()
        });
        self.close(number);
        if let Some(next) = next {
            self.start(next, now);
        }
    }

    /// Hands a unit its answer.
    fn tell(&mut self, number: usize, answer: Answer, now: u64) {
        let place = self.units[number].case;
        match &mut self.units[number].work {
            Work::Resource(_, _, Some(attempt)) => {
                let step = attempt.next(answer);
                self.step(number, step, now);
            }
            Work::Resource(..) => {}
            Work::Heir(heir) => match heir.next(answer, now) {
                Next::Ask(target, question) => self.ask(number, target, question),
                Next::Decided(decision) => {
                    let parent = heir.parent().to_owned();
                    self.decided(number, place, decision, parent, now);
                    self.close(number);
                }
            },
            Work::Search(search) => {
                let case = &self.cases[place];
                match search.next(answer, case.event_time, case.age(now)) {
                    search::Next::Ask(target, question) => self.ask(number, target, question),
                    search::Next::End(outcomes) => self.found(number, outcomes, now),
                }
            }
            Work::Launch => {
                let Some(launch) = &self.cases[place].plan.launch else { return };
                let age = self.cases[place].age(now);
                let failed = |failure| Outcomes {
                    found: Vec::new(),
                    failed: vec![search::not_launched(launch, failure, age)],
                };
                let outcomes = match answer {
                    Answer::Launched(parents) => search::launched(launch, &parents, age),
                    Answer::Failed(failure) => failed(failure),
                    other => failed(no_answer(launch.call, &other)),
                };
                self.found(number, outcomes, now);
            }
        }
    }

    /// Tries what was looked up, as far as the case is still about it.
    fn found(&mut self, number: usize, outcomes: Outcomes, now: u64) {
        let Unit { case: place, tags, inherited, .. } = &self.units[number];
        let (place, tags, inherited) = (*place, Rc::clone(tags), inherited.clone());
        let work = self.cases[place].work.as_ref();
        let wanted = |arn: &str, resource_type: &str, parent: Option<&str>| {
            work.is_none_or(|work| work.wants(arn, resource_type, parent))
        };
        for (parent, resource) in outcomes.found {
            if wanted(&resource.arn, resource.entry.resource_type, parent.as_deref()) {
                self.try_resource(place, Rc::new(resource), &tags, inherited.clone(), parent, now);
            }
        }
        let failed = outcomes.failed.into_iter();
        let failed = failed
            .filter(|one| one.arn.is_empty() || wanted(&one.arn, one.resource_type, one.parent.as_deref()));
        self.units[number].done.extend(failed);
        self.close(number);
    }

    /// Whose tag the resources of a case get is known.
    fn decided(&mut self, number: usize, place: usize, decision: Decision, parent: String, now: u64) {
        let plan = &self.cases[place].plan;
        let mut tags = plan.tags.clone();
        let value = match decision {
            Decision::Nobody => return,
            Decision::Wait(failure) => {
                self.units[number].done.extend(search::all_failed(plan, &failure));
                return;
            }
            Decision::Service => None,
            Decision::Parent(value) => {
                if let Some(first) = tags.first_mut() {
                    first.1.clone_from(&value);
                }
                Some(value)
            }
        };
        self.begin(place, Rc::new(tags), Some(Inherited { parent, value }), now);
    }

    /// A call for many failed by one of them, or by several.
    fn cut(&mut self, members: Vec<(usize, Due)>, failure: &Failure, now: u64) {
        let is_named = |due: &Due| names(&failure.message, &due.target.id);
        let named = members.iter().filter(|(_, due)| is_named(due)).count();
        let half = members.len().div_ceil(2);
        let looks = failure.class == Class::NotFound && members.len() >= WORTH_A_LOOK;
        for (unit, due) in members {
            let refused = &mut self.units[unit].refused;
            *refused = refused.saturating_add(1);
            let again = *refused == 2;
            if is_named(&due) {
                self.tell(unit, Answer::Failed(failure.clone()), now);
            } else if looks && again && matches!(due.question, Question::Write(_)) {
                // There may be many such, and each costs a call for all.
                self.tell(unit, Answer::Refused, now);
            } else if named == 0 {
                self.due.insert(unit, due.at_most(half));
            } else {
                self.due.insert(unit, due);
            }
        }
    }

    /// Whether something is under way that gives more of the same: a write waits for reads, and a read of EC2's for
    /// children.
    fn is_held(&self, due: &Due) -> bool {
        if due.shared || capacity(&due.target, &due.question) <= 1 {
            return false;
        }
        let under_way = self.flying.values().filter_map(|flight| flight.members.first()).map(|(_, due)| due);
        let mut same_place = under_way.filter(|other| {
            other.target.operation.name == due.target.operation.name
                && other.target.region == due.target.region
        });
        match due.question {
            Question::Write(_) => same_place.any(|other| rank(other) == 1 || is_search(&other.question)),
            Question::Tags(_) | Question::Look(_) => same_place.any(|other| is_search(&other.question)),
            _ => false,
        }
    }
}

/// Whether one more goes into a call.
fn fits(group: &Flight, due: &Due) -> bool {
    due.most > group.members.len() && (due.shared || !group.ids.contains(&due.target.id))
}

//! Looking for a step that breaks an invariant.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write;

use super::action::Action;
use super::budget::Budget;
use super::invariant::{self, Invariant};
use super::places::{Pair, Status};
use super::rules::Rules;
use super::state::{Losses, State};

/// Ticks in which all comes to rest.
const REST: u8 = 10;
/// Rotations that suffice for that.
const ROTATIONS: u8 = 10;
/// Steps that suffice for that.
const REST_STEPS: usize = 400;

/// A way to a broken promise.
#[derive(Debug)]
pub(super) struct Counterexample {
    pub(super) invariant: Invariant,
    pub(super) trace: Vec<Action>,
    last: Box<State>,
}

/// What a search has seen.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) losses: Losses,
    pub(super) counterexample: Option<Counterexample>,
}

impl Counterexample {
    /// Tells the way, a line a step.
    pub(super) fn story(&self) -> String {
        let mut story = format!("{:?} is broken by\n", self.invariant);
        for action in &self.trace {
            writeln!(story, "    {action:?}").expect("a string takes everything");
        }
        story + &format!("which leads to {:#?}", self.last)
    }
}

/// Visits every state that can be reached, those first that take the fewest steps, so that the
/// counterexample is a shortest one. Every `rested`th state is also left to come to rest.
pub(super) fn explore(start: State, rules: Rules, rested: usize) -> Explored {
    let actions = Action::all();
    let mut explored = Explored::default();
    let mut ways = vec![(0, Action::Tick)];
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((state, number)) = queue.pop_front() {
        explored.losses.add(state.past.losses);
        if number % rested == 0
            && let Err(unrest) = come_to_rest(&state, rules)
        {
            let mut trace = way_to(&ways, number);
            trace.extend(unrest.trace);
            explored.counterexample = Some(Counterexample { trace, ..unrest });
            break;
        }
        for action in &actions {
            let Some(next) = state.after(rules, *action) else {
                continue;
            };
            let broken = invariant::broken(rules, &state, *action, &next);
            if broken.is_none() && !seen.insert(next.clone()) {
                continue;
            }
            ways.push((number, *action));
            let number = ways.len() - 1;
            if let Some(invariant) = broken {
                let (trace, last) = (way_to(&ways, number), Box::new(next));
                explored.counterexample = Some(Counterexample {
                    invariant,
                    trace,
                    last,
                });
                return explored;
            }
            queue.push_back((next, number));
        }
    }
    explored
}

fn way_to(ways: &[(usize, Action)], mut number: usize) -> Vec<Action> {
    let mut way = Vec::new();
    while number > 0 {
        let (before, action) = ways[number];
        way.push(action);
        number = before;
    }
    way.reverse();
    way
}

/// Takes one action after the other; each has to be possible.
pub(super) fn follow(start: State, rules: Rules, way: &[Action]) -> Option<Invariant> {
    let mut state = start;
    for action in way {
        let next = state.after(rules, *action).expect("the action is possible");
        if let Some(invariant) = invariant::broken(rules, &state, *action, &next) {
            return Some(invariant);
        }
        state = next;
    }
    None
}

/// Takes the actions that `choices` point at among those that are possible.
pub(super) fn walk(start: State, rules: Rules, choices: &[u16]) -> Explored {
    let actions = Action::all();
    let mut explored = Explored::default();
    let mut state = start;
    let mut trace = Vec::new();
    for choice in choices {
        let mut possible = actions
            .iter()
            .filter_map(|action| Some((*action, state.after(rules, *action)?)))
            .collect::<Vec<_>>();
        if possible.is_empty() {
            break;
        }
        let (action, next) = possible.swap_remove(usize::from(*choice) % possible.len());
        trace.push(action);
        if let Some(invariant) = invariant::broken(rules, &state, action, &next) {
            let last = Box::new(next);
            explored.counterexample = Some(Counterexample {
                invariant,
                trace,
                last,
            });
            return explored;
        }
        state = next;
    }
    explored.losses.add(state.past.losses);
    if let Err(unrest) = come_to_rest(&state, rules) {
        trace.extend(unrest.trace);
        explored.counterexample = Some(Counterexample { trace, ..unrest });
    }
    explored
}

/// Lets time pass while nothing goes wrong any more; all has to end well.
fn come_to_rest(state: &State, rules: Rules) -> Result<(), Counterexample> {
    let mut state = state.clone();
    state.budget = Budget {
        rotations: ROTATIONS,
        ..Budget::default()
    };
    let actions = Action::all();
    let mut trace = Vec::new();
    let mut ticks = 0;
    while ticks < REST && trace.len() < REST_STEPS {
        let mut possible = actions
            .iter()
            .filter_map(|action| Some((*action, state.after(rules, *action)?)));
        let Some((action, next)) = possible.next() else {
            break;
        };
        trace.push(action);
        state = next;
        ticks += u8::from(action == Action::Tick);
    }
    if ticks == REST && is_good_end(&state) {
        return Ok(());
    }
    Err(Counterexample {
        invariant: Invariant::ComesToRest,
        trace,
        last: Box::new(state),
    })
}

fn is_good_end(state: &State) -> bool {
    let Some(row) = &state.database.row else {
        return state.deletion_told && state.kept().next().is_none();
    };
    match row.status {
        _ if state.deletion_told => row.status == Status::Revoked && state.kept().next().is_none(),
        Status::Active => state.family(row.pair.grant).honours(row.pair.serial),
        Status::NeedsReconnect { .. } => {
            let grant = row.pair.grant;
            let honoured =
                |pair: Pair| pair.grant == grant && state.family(grant).honours(pair.serial);
            state.losses(grant).any() && !state.kept().any(honoured)
        }
        Status::Revoking | Status::Revoked => false,
    }
}

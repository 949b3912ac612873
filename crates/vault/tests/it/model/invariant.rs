//! What must hold in every step of every run.

use super::action::Action;
use super::places::{Request, Stage, Status};
use super::rules::Rules;
use super::state::State;

/// A promise of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invariant {
    /// The newest refresh token that reached a sink can be found again, as long as its grant is
    /// neither deleted nor replaced.
    NewestIsKept,
    /// As long as no loss has a name, somebody has a token that the provider takes.
    GrantStaysAlive,
    /// What the row holds only gets newer; a restore alone takes it back.
    RowNeverGoesBack,
    /// A single-use token is not sent while a request with it is in flight whose lease runs.
    OneRequestPerLease,
    /// The user is asked to reconnect only when a loss has a name, and no other answer is left
    /// that the provider takes.
    NoFalseReconnect,
    /// A token that may be spent is not sent where that kills the grant, as long as the access
    /// token is good for something.
    NotKilledWhileGood,
    /// Nothing is stored for a deleted integration but what waits to be revoked, and after that
    /// no copy is left.
    DeletedIsGone,
    /// When quarantine mode ends, the newest pair that the journal ever took is in the row.
    RestoreFindsNewest,
    /// `LostInMemory` happens between an answer and its first sink, and nowhere else.
    LostInMemoryIsNamed,
    /// With everything up and time passing, everything comes to a good end.
    ComesToRest,
}

type Check = fn(Rules, &State, Action, &State) -> bool;

const CHECKS: [(Invariant, Check); 9] = [
    (Invariant::RowNeverGoesBack, row_never_goes_back),
    (Invariant::NewestIsKept, newest_is_kept),
    (Invariant::OneRequestPerLease, one_request_per_lease),
    (Invariant::DeletedIsGone, deleted_is_gone),
    (Invariant::RestoreFindsNewest, restore_finds_newest),
    (Invariant::LostInMemoryIsNamed, lost_in_memory_is_named),
    (Invariant::NoFalseReconnect, no_false_reconnect),
    (Invariant::NotKilledWhileGood, not_killed_while_good),
    (Invariant::GrantStaysAlive, grant_stays_alive),
];

/// Returns the invariant that a step breaks, if any.
pub(super) fn broken(
    rules: Rules,
    before: &State,
    action: Action,
    after: &State,
) -> Option<Invariant> {
    let broken = CHECKS
        .iter()
        .find(|(_, holds)| !holds(rules, before, action, after));
    broken.map(|(invariant, _)| *invariant)
}

/// Returns the newest grant of which a sink took anything, unless the integration is deleted.
fn newest_grant(state: &State) -> Option<(u8, u8)> {
    let grants = (1..).zip(state.past.sunk).filter(|(_, sunk)| *sunk > 0);
    grants.last().filter(|_| !state.deletion_told)
}

fn newest_is_kept(_: Rules, _: &State, _: Action, after: &State) -> bool {
    newest_grant(after).is_none_or(|newest| after.kept().any(|pair| pair.place() >= newest))
}

fn grant_stays_alive(_: Rules, _: &State, _: Action, after: &State) -> bool {
    let Some((grant, _)) = newest_grant(after) else {
        return true;
    };
    let kept = after.kept().map(|pair| (pair.grant, pair.serial));
    let mut all = kept.chain(after.under_way());
    after.losses(grant).any()
        || all.any(|(of, serial)| of == grant && after.family(of).honours(serial))
}

fn row_never_goes_back(rules: Rules, before: &State, action: Action, after: &State) -> bool {
    let (Some(old), Some(new)) = (before.database.row, after.database.row) else {
        return before.database.row.is_none() || action == Action::Restore;
    };
    let newer = new.pair.place() >= old.pair.place();
    // A number alone can be made up: where every token replaces the one before, it must be younger.
    let older_token = rules.replay().is_single_use()
        && new.pair.grant == old.pair.grant
        && new.pair.serial < old.pair.serial;
    (newer && !older_token) || action == Action::Restore
}

fn one_request_per_lease(rules: Rules, before: &State, _: Action, after: &State) -> bool {
    if !rules.replay().is_single_use() {
        return true;
    }
    let sent = |process: usize| {
        let asks = |state: &State| match state.processes[process].stage {
            Stage::Asking(lease) => Some(lease.serial),
            _ => None,
        };
        let fresh = asks(after).filter(|_| asks(before) != asks(after));
        fresh.and_then(|_| after.processes[process].request())
    };
    (0..after.processes.len()).all(|process| {
        let others = after.processes.iter().enumerate();
        let others = others.filter(|(other, _)| *other != process);
        let mut in_flight = others
            .filter_map(|(_, other)| other.request())
            .chain(after.stray);
        sent(process).is_none_or(|request| !in_flight.any(|other| clashes(request, other)))
    })
}

fn clashes(request: Request, other: Request) -> bool {
    (request.grant, request.serial) == (other.grant, other.serial) && other.left > 0
}

fn no_false_reconnect(rules: Rules, _: &State, _: Action, after: &State) -> bool {
    let Some(row) = after.database.row else {
        return true;
    };
    let Status::NeedsReconnect { ambiguous } = row.status else {
        return true;
    };
    let losses = after.losses(row.pair.grant);
    let family = after.family(row.pair.grant);
    let untried = after
        .database
        .quarantine
        .iter()
        .filter(|aside| !aside.tried);
    let mut left = untried.filter(|aside| aside.pair.grant == row.pair.grant);
    // Nothing else kills a grant, so the user is told that an answer was lost.
    let told = ambiguous || losses.withdrawn || losses.with_backup || losses.overtaken;
    let possible = rules.replay().is_single_use() || !ambiguous;
    let saved = left.any(|aside| family.honours(aside.pair.serial));
    losses.any() && !saved && told && possible
}

fn not_killed_while_good(_: Rules, before: &State, action: Action, after: &State) -> bool {
    let Action::Handle(process) = action else {
        return true;
    };
    let (Some(request), Some(row)) = (before.processes[process].request(), before.database.row)
    else {
        return true;
    };
    let good = row.pair.grant == request.grant && row.access_left > 0;
    let killed = !before.family(request.grant).revoked && after.family(request.grant).revoked;
    !good || !killed || request.overtakes || before.losses(request.grant).with_backup
}

fn deleted_is_gone(_: Rules, _: &State, action: Action, after: &State) -> bool {
    let status = after.database.row.map(|row| row.status);
    let ending = matches!(status, None | Some(Status::Revoking | Status::Revoked));
    let shredded = after.journal.is_none() && after.database.quarantine.is_empty();
    (ending || !after.database.tombstone) && (shredded || action != Action::Revoke)
}

fn restore_finds_newest(_: Rules, _: &State, action: Action, after: &State) -> bool {
    let place = after.database.row.map(|row| row.pair.place());
    action != Action::Release || after.deletion_told || place >= Some(after.past.journaled)
}

fn lost_in_memory_is_named(_: Rules, before: &State, action: Action, after: &State) -> bool {
    let lost = |state: &State| state.past.losses.map(|losses| losses.in_memory);
    if lost(before) == lost(after) {
        return true;
    }
    let Action::Kill(process) = action else {
        return false;
    };
    matches!(before.processes[process].stage, Stage::Holding(held) if !before.is_kept(held.pair))
}

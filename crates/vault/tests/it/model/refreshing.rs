//! Claim, lease, request, answer (refresh protocol, sections 3 and 4).

use super::places::{Attempt, Held, Lease, Pair, Request, Row, Stage, Status};
use super::rules::{LEASE, Mutant, Rules};
use super::state::State;

impl State {
    pub(super) fn claim(&self, process: usize) -> Option<Self> {
        let row = self.reachable_row()?;
        let due = row.due_in == 0 && row.status == Status::Active;
        // Processes that are alike are interchangeable: the first of them gets the job.
        let alike = self.processes[..process].contains(&self.processes[process]);
        if !due || !self.nats_up || alike || self.stage(process)? != Stage::Idle {
            return None;
        }
        let mut next = self.with_stage(process, Stage::Claimed);
        next.row_mut().claim = Some(process);
        // A claim that nobody acts on is due again.
        next.row_mut().due_in = 1;
        Some(next)
    }

    pub(super) fn lease(&self, rules: Rules, process: usize) -> Option<Self> {
        if self.stage(process)? != Stage::Claimed || !self.postgres_up {
            return None;
        }
        let Some(row) = self
            .database
            .row
            .filter(|row| self.is_leasable(rules, row, process))
        else {
            return Some(self.with_stage(process, Stage::Idle));
        };
        let place = row.pair.place();
        let attempt = self.unused_attempt_number();
        let lease = Lease {
            attempt,
            place,
            serial: row.pair.serial,
            left: LEASE,
            unresolved: self.unresolved(place, attempt),
            access_left: row.access_left,
            looked: false,
            overtakes: false,
        };
        let mut next = self.with_stage(process, Stage::Leased(lease));
        next.row_mut().lease = Some((attempt, LEASE));
        let number = attempt;
        next.database.attempts.push(Attempt {
            number,
            place,
            age: 0,
        });
        Some(next)
    }

    fn is_leasable(&self, rules: Rules, row: &Row, process: usize) -> bool {
        let blocked = self.restored.is_some()
            && rules.replay().is_single_use()
            && rules.mutant != Mutant::RefreshBeforeFold;
        row.status == Status::Active
            && row.claim == Some(process)
            && (row.is_free() || rules.mutant == Mutant::TakeOverLeaseEarly)
            && !blocked
    }

    /// Returns the age of the first attempt with this token whose outcome is not known.
    pub(super) fn unresolved(&self, place: (u8, u8), own: u8) -> Option<u8> {
        let attempts = self.database.attempts.iter();
        attempts
            .filter(|attempt| attempt.place == place && attempt.number != own)
            .map(|attempt| attempt.age)
            .max()
    }

    pub(super) fn look_up(&self, rules: Rules, process: usize) -> Option<Self> {
        let lease = self.leased(process)?;
        if !Self::has_to_look(rules, &lease) || !self.nats_up || !self.postgres_up {
            return None;
        }
        let folded = match self.journal {
            Some(pair) => self.settled(rules, pair, true)?,
            None => self.clone(),
        };
        let row = folded
            .database
            .row
            .filter(|row| row.pair.place() == lease.place);
        if row.is_none() {
            // The answer is there. The job is done; the row says when it is due.
            return Some(folded.with_stage(process, Stage::Idle));
        }
        let looked = true;
        let overtakes = self.has_successor_elsewhere(process, &lease);
        let lease = Lease {
            looked,
            overtakes,
            ..lease
        };
        Some(folded.with_stage(process, Stage::Leased(lease)))
    }

    fn has_to_look(rules: Rules, lease: &Lease) -> bool {
        let careless = matches!(
            rules.mutant,
            Mutant::IgnoreJournalBeforeRetry | Mutant::RetryAtOnce
        );
        lease.unresolved.is_some() && !lease.looked && !careless
    }

    /// Returns whether another process has, or will read, what the token of `lease` was spent for.
    fn has_successor_elsewhere(&self, process: usize, lease: &Lease) -> bool {
        let mut others = self.processes.iter().enumerate();
        others.any(|(other, there)| {
            let of_this = |pair: Pair| pair.place() > lease.place && pair.grant == lease.place.0;
            let held = match there.stage {
                Stage::Holding(held) => of_this(held.pair),
                Stage::Asking(theirs) | Stage::Answering(theirs, _) => theirs.place == lease.place,
                _ => false,
            };
            other != process && (held || there.spill.is_some_and(of_this))
        })
    }

    pub(super) fn send(&self, rules: Rules, process: usize) -> Option<Self> {
        let lease = self.leased(process)?;
        (self.is_sendable(rules, &lease) == Some(true))
            .then(|| self.with_stage(process, Stage::Asking(lease)))
    }

    /// Returns whether the token of a lease is sent or the lease given back; `None` while the
    /// journal has to be read first.
    pub(super) fn is_sendable(&self, rules: Rules, lease: &Lease) -> Option<bool> {
        if lease.left < LEASE && rules.mutant != Mutant::SendAfterPause {
            return Some(false);
        }
        if Self::has_to_look(rules, lease) {
            // Nothing is known without the journal. Where reuse does no harm, that is no matter.
            return (!self.nats_up).then(|| !rules.replay().is_single_use());
        }
        let wait = rules.wait_before_sending(lease.unresolved, lease.access_left);
        Some(wait.is_none())
    }

    pub(super) fn return_unsent(&self, rules: Rules, process: usize) -> Option<Self> {
        let lease = self.leased(process)?;
        if !self.postgres_up || self.is_sendable(rules, &lease)? {
            return None;
        }
        let wait = rules.wait_before_sending(lease.unresolved, lease.access_left);
        let mut next = self.with_stage(process, Stage::Idle);
        next.give_back(&lease, wait.unwrap_or(1));
        Some(next)
    }

    fn leased(&self, process: usize) -> Option<Lease> {
        match self.stage(process)? {
            Stage::Leased(lease) => Some(lease),
            _ => None,
        }
    }

    pub(super) fn handle(&self, rules: Rules, process: usize) -> Option<Self> {
        let Stage::Asking(lease) = self.processes[process].stage else {
            return None;
        };
        let (mut next, answer) = self.exchanged(rules, self.processes[process].request()?)?;
        next.processes[process].stage = match answer {
            Some(serial) => Stage::Answering(lease, serial),
            None => Stage::Rejected(lease),
        };
        Some(next)
    }

    /// Lets the provider exchange a token; `None` when the world has seen enough rotations.
    pub(super) fn exchanged(&self, rules: Rules, request: Request) -> Option<(Self, Option<u8>)> {
        let Request { grant, serial, .. } = request;
        let mut next = if self.family(grant).honours(serial) {
            self.spending(|budget| &mut budget.rotations)?
        } else {
            self.clone()
        };
        next.losses_mut(grant).overtaken |=
            request.overtakes && self.family(grant).is_spent(serial);
        let answer = next.family_mut(grant).refresh(rules.class, serial);
        Some((next, answer))
    }

    pub(super) fn turn_down(&self, process: usize) -> Option<Self> {
        let Stage::Asking(lease) = self.processes[process].stage else {
            return None;
        };
        let mut next = self.spending(|budget| &mut budget.refusals)?;
        next.processes[process].stage = Stage::TurnedDown(lease);
        Some(next)
    }

    pub(super) fn read_answer(&self, rules: Rules, process: usize) -> Option<Self> {
        let Stage::Answering(lease, serial) = self.stage(process)? else {
            return None;
        };
        let (grant, generation) = lease.place;
        let pair = Pair {
            grant,
            generation: generation + 1,
            attempt: Some(lease.attempt),
            serial,
        };
        let held = Held {
            pair,
            journaled: false,
            committed: false,
        };
        let mut next = self.with_stage(process, Stage::Holding(held));
        if rules.mutant == Mutant::AcknowledgeBeforeSink {
            next.remember(pair);
        }
        Some(next)
    }

    pub(super) fn lose_answer(&self, rules: Rules, process: usize) -> Option<Self> {
        let Stage::Answering(lease, _) = self.processes[process].stage else {
            return None;
        };
        let mut next = self.spending(|budget| &mut budget.lost_answers)?;
        next.processes[process].stage = Stage::Unknown(lease);
        next.losses_mut(lease.place.0).on_wire |= rules.replay().is_single_use();
        Some(next)
    }

    pub(super) fn stop_waiting(&self, process: usize) -> Option<Self> {
        let Stage::Asking(lease) = self.stage(process)? else {
            return None;
        };
        if self.stray.is_some() {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.lost_answers)?;
        next.processes[process].stage = Stage::Unknown(lease);
        next.stray = self.processes[process].request();
        Some(next)
    }

    fn row_mut(&mut self) -> &mut Row {
        self.database.row.as_mut().expect("the guard has seen it")
    }
}

//! What a run showed.

use std::time::{Duration, Instant};

use sqlx::types::time::OffsetDateTime;
use workapi_sandbox::FaultCounts;

use super::callers::Calls;
use super::run::Run;
use super::server_faults::ServerFaults;
use super::settle::Rest;
use super::{Options, history, store};
use crate::accounting::{Account, Attempt, Evidence, Kill, Verdict};
use crate::answer_to_sink;
use crate::console::{Table, milliseconds, say};
use crate::program::Program;
use crate::quantiles::{Histogram, of_sample};

/// How many grants that went wrong are shown.
const SHOWN: usize = 12;

/// What happened in a run.
pub(super) struct Course {
    /// Kills of programs that speak to the provider.
    pub(super) kills: Vec<Kill>,
    pub(super) all_kills: u64,
    pub(super) server_faults: ServerFaults,
    pub(super) storms: u64,
    pub(super) rest: Rest,
    /// Credentials that waited for an operator and were tried again.
    pub(super) retried: u64,
    pub(super) calls: Calls,
}

/// What a run showed.
pub struct Report {
    /// What became of every rotation.
    pub account: Account,
    /// How many processes were killed.
    pub kills: u64,
    /// How many calls for an access token were refused although there was one.
    pub refused: u64,
    evidence: Evidence,
    began: Instant,
    options: Options,
    seed: u64,
    took: Duration,
    course: Course,
    faults: FaultCounts,
    lateness: [Duration; 3],
    answer_to_sink: Histogram,
    deaths: u64,
    cpu: Vec<(String, Duration)>,
}

/// Closes the books on a run that has ended.
pub(super) async fn write(run: &Run, course: Course, seed: u64) -> anyhow::Result<Report> {
    let pool = run.installation.database.pool();
    let pairs = store::pairs(pool).await?;
    let grants = run.fleet.close(&pairs, run.installation.key_ring())?;
    let attempts = store::attempts(pool).await?;
    let (began, began_there) = run.began;
    let since_began = |at: OffsetDateTime| (at - began_there).unsigned_abs();
    let attempts = attempts.into_iter().filter_map(|row| {
        Some(Attempt {
            grant: grants.get(&row.grant_id)?.id,
            generation: row.generation,
            sent_at: since_began(row.sent_at),
            state: row.state,
        })
    });
    let evidence = Evidence {
        presentations: run.control.journal(),
        attempts: attempts.collect(),
        kills: course.kills.clone(),
        deadline: run.options.deadline(),
        leases_ended: course.rest.leases_ended.map(since_began),
        grants: grants.into_values().collect(),
    };
    let programs = run.victims.iter().chain([&run.integrations]);
    Ok(Report {
        account: Account::of(&evidence),
        evidence,
        began,
        kills: course.all_kills,
        refused: course.calls.refused,
        options: run.options.clone(),
        seed,
        took: began.elapsed(),
        faults: run.control.fault_counts(),
        lateness: of_sample(store::lateness(pool).await?),
        answer_to_sink: run.measured.total(),
        deaths: programs.clone().map(Program::deaths).sum(),
        cpu: programs
            .map(|program| (program.name().to_owned(), program.cpu()))
            .collect(),
        course,
    })
}

impl Report {
    /// Says which requirements the run broke.
    pub fn violations(&self) -> Vec<String> {
        let mut violations = self.account.violations();
        if self.refused > 0 {
            violations.push(format!("{} calls were refused", self.refused));
        }
        violations
    }

    /// Says why the run proves nothing.
    pub fn doubts(&self) -> Vec<String> {
        let Options {
            rotations, kills, ..
        } = self.options;
        let doubts = [
            (
                self.account.rotations < rotations,
                format!("fewer than {rotations} rotations"),
            ),
            (self.kills < kills, format!("fewer than {kills} kills")),
            (
                self.course.rest.unsettled > 0,
                format!(
                    "{} credentials did not come to rest",
                    self.course.rest.unsettled
                ),
            ),
        ];
        let doubts = doubts.into_iter().filter(|(is_so, _)| *is_so);
        doubts.map(|(_, doubt)| doubt).collect()
    }

    /// Returns 0 when everything held, 1 when something was lost, 2 when nothing is proved.
    pub fn exit_code(&self) -> u8 {
        if !self.violations().is_empty() {
            1
        } else if !self.doubts().is_empty() {
            2
        } else {
            0
        }
    }

    /// Prints the table, what was lost, and the verdict.
    pub fn print(&self) {
        let mut table = Table::default();
        self.add_course(&mut table);
        self.add_faults(&mut table);
        self.add_account(&mut table);
        self.add_times(&mut table);
        table.print();
        self.tell_histories();
        for violation in self.violations() {
            say(format_args!("FAILED: {violation}"));
        }
        for doubt in self.doubts() {
            say(format_args!("INCONCLUSIVE: {doubt}"));
        }
    }

    fn tell_histories(&self) {
        let suspects = self.account.suspects();
        let grants = self.evidence.grants.iter();
        let suspects = grants.filter(|grant| suspects.contains(&grant.id));
        for grant in suspects.take(SHOWN) {
            for line in history::tell(&self.evidence, grant, self.began) {
                say(line);
            }
        }
    }

    fn add_course(&self, table: &mut Table) {
        table.row("seed", self.seed);
        table.row("seconds, all in all", self.took.as_secs());
        table.row("credentials", self.options.credentials);
        table.row("**rotations**", self.account.rotations);
        table.row("**kills**", self.kills);
    }

    fn add_faults(&self, table: &mut Table) {
        let servers = &self.course.server_faults;
        let faults = &self.faults;
        let rows = [
            ("PostgreSQL stopped for 1 to 10 s", servers.postgres_frozen),
            (
                "PostgreSQL stopped and restarted",
                servers.postgres_restarted,
            ),
            ("NATS restarted", servers.nats_restarted),
            ("Valkey flushed", servers.valkey_flushed),
            ("Valkey stopped and restarted", servers.valkey_restarted),
            ("requests delayed", faults.late),
            ("answers delayed", faults.late_answer),
            ("dropped before processing", faults.dropped_before),
            ("dropped after processing", faults.dropped_after),
            ("429 with Retry-After", faults.rate_limited),
            ("503", faults.unavailable),
            ("storms of 503", self.course.storms),
            ("programs that ended by themselves", self.deaths),
        ];
        for (name, count) in rows {
            table.row(name, count);
        }
    }

    fn add_account(&self, table: &mut Table) {
        let account = &self.account;
        let rows = [
            ("kept", account.count(Verdict::Kept)),
            (
                "kept by sending the same token again (C)",
                account.count(Verdict::Replayed),
            ),
            ("wire", account.count(Verdict::Wire)),
            ("killed", account.count(Verdict::Killed)),
        ];
        for (name, count) in rows {
            table.row(name, count);
        }
        table.row("**lost**", account.count(Verdict::Lost));
        table.row("double spends", account.double_spends);
        table.row("recorded retries of spent tokens", account.recorded_retries);
        for (cause, count) in &account.reconnects {
            table.row(format!("`needs_reconnect` ({cause})"), count);
        }
        table.row(
            "**false `needs_reconnect`**",
            account.false_reconnects.len(),
        );
        table.row("grants in `ambiguous_rotation`", account.ambiguous.len());
        table.row("grants in wire ∪ killed", account.unavoidable.len());
        table.row("dead at the provider, unnoticed", account.unnoticed.len());
        table.row("`needs_operator`, tried again", self.course.retried);
        table.row("calls for an access token", self.course.calls.asked);
        table.row("calls served", self.course.calls.served);
        table.row("**calls refused**", self.refused);
    }

    fn add_times(&self, table: &mut Table) {
        let [middle, high, longest] = self.lateness.map(milliseconds);
        table.row("lateness p50", middle);
        table.row("lateness p99", high);
        table.row("lateness, longest", longest);
        answer_to_sink::add_rows(table, &self.answer_to_sink);
        for (program, used) in &self.cpu {
            table.row(
                format!("CPU of {program}"),
                format_args!("{:.1} s", used.as_secs_f64()),
            );
        }
    }
}

//! What a run showed.

use std::time::Duration;

use workapi_sandbox::RotationClass;

use super::NatsSync;
use super::sample::Steady;
use crate::answer_to_sink;
use crate::console::Table;
use crate::quantiles::Histogram;

/// What a run showed.
pub struct Report {
    /// Rotations that were committed.
    pub committed: u32,
    /// Credentials that the provider did not refresh just once.
    pub not_once_at_provider: usize,
    /// Credentials that the vault did not rotate just once.
    pub not_once_in_vault: i64,
    pub(super) credentials: u32,
    pub(super) refreshers: usize,
    pub(super) at_once: u16,
    pub(super) class: RotationClass,
    pub(super) latency: Duration,
    pub(super) sync: NatsSync,
    pub(super) steady: Option<Steady>,
    pub(super) answer_to_sink: Histogram,
}

impl Report {
    /// Tells whether every credential was rotated, and none of them twice.
    pub fn is_sound(&self) -> bool {
        self.not_once_at_provider == 0 && self.not_once_in_vault == 0
    }

    /// Prints the table.
    pub fn print(&self) {
        let sync = match self.sync {
            NatsSync::Always => "always",
            NatsSync::Default => "2m, the default",
        };
        let mut table = Table::default();
        table.row("credentials due", self.credentials);
        table.row("class", format_args!("{:?}", self.class));
        table.row("token-refreshers", self.refreshers);
        table.row("rotations begun at once by each", self.at_once);
        table.row(
            "latency of the provider",
            format_args!("{} ms", self.latency.as_millis()),
        );
        table.row("`sync_interval` of NATS", sync);
        table.row("rotated just once", self.is_sound());
        match &self.steady {
            Some(steady) => add_steady(&mut table, steady),
            None => table.row("**committed rotations/s**", "not measured"),
        }
        answer_to_sink::add_rows(&mut table, &self.answer_to_sink);
        table.print();
    }
}

fn add_steady(table: &mut Table, steady: &Steady) {
    table.row(
        "**committed rotations/s**",
        format_args!("{:.0}", steady.rate),
    );
    table.row(
        "processors in use",
        format_args!("{:.2}", steady.processors),
    );
    for (program, used) in &steady.cpu {
        let name = format!("CPU per rotation: {program}");
        table.row(name, format_args!("{} µs", used.as_micros()));
    }
}

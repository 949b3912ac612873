//! What the refreshers measure of themselves, over all their lives.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::answer_to_sink;
use crate::program::Program;
use crate::quantiles::Histogram;

/// The histograms that were read so far.
pub(super) struct Measured {
    http: reqwest::Client,
    lives: Mutex<HashMap<String, Lives>>,
}

/// The histogram of a program's present life, and those of the lives before.
#[derive(Default)]
struct Lives {
    past: Histogram,
    present: Histogram,
}

impl Measured {
    pub(super) fn new(http: reqwest::Client) -> Self {
        Self {
            http,
            lives: Mutex::default(),
        }
    }

    /// Reads the metrics of a program.
    pub(super) async fn scrape(&self, program: &Program) {
        let Some(text) = program.metrics(&self.http).await else {
            return;
        };
        let read = answer_to_sink::read(&text);
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let lives = lives.entry(program.name().to_owned()).or_default();
        // Counters that went down are those of a new life.
        if read.count() < lives.present.count() {
            let past = std::mem::take(&mut lives.present);
            lives.past.add(&past);
        }
        lives.present = read;
    }

    /// Returns everything together.
    pub(super) fn total(&self) -> Histogram {
        let lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = Histogram::default();
        for lives in lives.values() {
            total.add(&lives.past);
            total.add(&lives.present);
        }
        total
    }
}

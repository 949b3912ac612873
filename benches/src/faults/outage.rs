//! Whether PostgreSQL is up, as far as we have a hand in it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the beginnings and the ends of outages: odd in one.
#[derive(Debug, Default)]
pub(super) struct Outage(AtomicU64);

/// A moment at which PostgreSQL was up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Up(u64);

impl Outage {
    /// An outage begins.
    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// The outage is over.
    pub(super) fn end(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the moment, unless there is an outage.
    pub(super) fn up(&self) -> Option<Up> {
        let count = self.0.load(Ordering::SeqCst);
        count.is_multiple_of(2).then_some(Up(count))
    }

    /// Tells whether there was none since then.
    pub(super) fn was_up_since(&self, up: Up) -> bool {
        self.0.load(Ordering::SeqCst) == up.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_that_came_and_went_is_seen() {
        let outage = Outage::default();
        let before = outage.up().unwrap();

        outage.begin();
        assert!(outage.up().is_none());
        outage.end();

        assert!(!outage.was_up_since(before));
        assert!(outage.was_up_since(outage.up().unwrap()));
    }
}

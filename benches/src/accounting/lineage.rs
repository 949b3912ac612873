//! Which refresh tokens the stored one descends from.

use std::collections::HashMap;

use workapi_sandbox::Presentation;

use super::Grant;

/// The refresh tokens of a grant from its first to the stored one. Their places are the vault's
/// generations.
pub(super) struct Lineage(HashMap<u64, i64>);

impl Lineage {
    /// Follows the provider's records back from the stored token.
    pub(super) fn of(grant: &Grant, presentations: &[&Presentation]) -> Self {
        let parent: HashMap<u64, u64> = presentations
            .iter()
            .filter_map(|presentation| Some((presentation.issued?, presentation.serial)))
            .collect();
        let stored = grant.stored.filter(|stored| stored.grant == grant.id);
        let newest = stored.map(|stored| stored.serial);
        let chain: Vec<u64> =
            std::iter::successors(newest, |serial| parent.get(serial).copied()).collect();
        let generations = chain.into_iter().rev().zip(1..);
        Self(generations.collect())
    }

    /// Tells whether a token is an ancestor of the stored one, or that itself.
    pub(super) fn has(&self, serial: u64) -> bool {
        self.0.contains_key(&serial)
    }

    /// Returns the generation under which the vault had a token.
    pub(super) fn generation(&self, serial: u64) -> Option<i64> {
        self.0.get(&serial).copied()
    }
}

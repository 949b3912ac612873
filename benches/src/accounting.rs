//! What became of every rotation (refresh protocol, section 7).
//!
//! Pure: what the provider recorded, whom we killed when, and what the vault holds in the end come
//! in; a verdict on each rotation comes out. Nothing here trusts the vault's own story but for one
//! thing: the refresh token that it stores, which names its place in the provider's lineage.

mod lineage;
mod retries;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use uuid::Uuid;
use workapi_sandbox::{Presentation, RotationClass, Standing};

use lineage::Lineage;
pub use verdict::Verdict;

/// The cause of a credential that was lost between the provider and us.
const AMBIGUOUS: &str = "ambiguous_rotation";

/// Everything that a run left behind.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Every refresh token that was presented, in the provider's order.
    pub presentations: Vec<Presentation>,
    /// Every grant that the run made.
    pub grants: Vec<Grant>,
    /// Every attempt that the vault recorded.
    pub attempts: Vec<Attempt>,
    /// Every SIGKILL of a process that speaks to the provider.
    pub kills: Vec<Kill>,
    /// How long an exchange may take before our side hangs up.
    pub deadline: Duration,
    /// When the bench itself ended leases, if it did: from then on nobody had to wait for them.
    pub leases_ended: Option<Duration>,
}

/// A grant, and how it stood when the run ended or when it was replaced.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The provider's name for it.
    pub id: Uuid,
    /// How its refresh tokens rotate.
    pub class: RotationClass,
    /// What the refresh token in the vault was worth; `None` when there was none, or a foreign one.
    pub stored: Option<Standing>,
    /// The cause, when the user was asked to consent again.
    pub reconnect: Option<String>,
}

/// An attempt as the vault recorded it before sending.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The provider's name for the grant.
    pub grant: Uuid,
    /// The generation whose refresh token it was for.
    pub generation: i64,
    /// When, since the run began.
    pub sent_at: Duration,
    /// The recorded state.
    pub state: String,
}

/// A SIGKILL.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// The address at which the process reached the provider.
    pub address: IpAddr,
    /// Just before the signal was sent.
    pub sent: Instant,
    /// When the process was certainly gone.
    pub gone: Instant,
}

/// How the run came out.
#[derive(Debug, Default)]
pub struct Account {
    /// Rotations that the provider recorded.
    pub rotations: u64,
    /// How many of them came to which end.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// The lost ones.
    pub lost: Vec<Presentation>,
    /// Spent refresh tokens that were presented again.
    pub double_spends: u64,
    /// How many of those the vault had recorded as a retry, after the lease of the attempt before.
    pub recorded_retries: u64,
    /// Grants whose users were asked to consent again, by cause.
    pub reconnects: BTreeMap<String, u64>,
    /// Grants with double spends that the vault had not recorded as a retry.
    pub unmeant_retries: BTreeSet<Uuid>,
    /// Grants that ended in `ambiguous_rotation`.
    pub ambiguous: BTreeSet<Uuid>,
    /// Grants of class D that a rotation on the wire, or one killed, has ended.
    pub unavoidable: BTreeSet<Uuid>,
    /// Grants whose users were asked to consent again without such a reason.
    pub false_reconnects: BTreeSet<Uuid>,
    /// Grants that seem well in the vault and are dead at the provider.
    pub unnoticed: BTreeSet<Uuid>,
}

impl Account {
    /// Judges a run.
    pub fn of(evidence: &Evidence) -> Self {
        let mut account = Self::default();
        let mut presented: BTreeMap<Uuid, Vec<&Presentation>> = BTreeMap::new();
        for presentation in &evidence.presentations {
            let of_grant = presented.entry(presentation.grant).or_default();
            of_grant.push(presentation);
        }
        let attempts = retries::by_generation(&evidence.attempts);
        for grant in &evidence.grants {
            let presentations = presented.remove(&grant.id).unwrap_or_default();
            account.add(grant, &presentations, &attempts, evidence);
        }
        // What nobody made a grant for can't have been kept.
        for presentation in presented.into_values().flatten() {
            account.add_verdict(presentation, Verdict::Lost);
        }
        account
    }

    fn add(
        &mut self,
        grant: &Grant,
        presentations: &[&Presentation],
        attempts: &retries::ByGeneration<'_>,
        evidence: &Evidence,
    ) {
        let lineage = Lineage::of(grant, presentations);
        for presentation in presentations {
            if !presentation.accepted {
                continue;
            }
            let verdict = verdict::of(presentation, grant, &lineage, evidence);
            self.add_verdict(presentation, verdict);
            if verdict.is_unavoidable() && grant.class == RotationClass::D {
                self.unavoidable.insert(grant.id);
            }
        }
        let spends = retries::count(grant, presentations, &lineage, attempts, evidence);
        self.double_spends += spends.double;
        self.recorded_retries += spends.recorded;
        if spends.recorded < spends.double {
            self.unmeant_retries.insert(grant.id);
        }
        self.add_end(grant);
    }

    fn add_verdict(&mut self, presentation: &Presentation, verdict: Verdict) {
        self.rotations += 1;
        *self.verdicts.entry(verdict).or_default() += 1;
        if verdict == Verdict::Lost {
            self.lost.push(presentation.clone());
        }
    }

    fn add_end(&mut self, grant: &Grant) {
        match &grant.reconnect {
            Some(cause) => {
                *self.reconnects.entry(cause.clone()).or_default() += 1;
                if cause == AMBIGUOUS {
                    self.ambiguous.insert(grant.id);
                }
                if !self.unavoidable.contains(&grant.id) {
                    self.false_reconnects.insert(grant.id);
                }
            }
            None if grant.stored.is_none_or(|stored| !stored.is_honoured) => {
                self.unnoticed.insert(grant.id);
            }
            None => {}
        }
    }

    /// Returns how many rotations came to this end.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or_default()
    }

    /// Returns the grants that broke a requirement.
    pub fn suspects(&self) -> BTreeSet<Uuid> {
        let lost = self.lost.iter().map(|lost| lost.grant);
        let differing = self.ambiguous.symmetric_difference(&self.unavoidable);
        let others = [&self.false_reconnects, &self.unnoticed];
        let others = others.into_iter().flatten().chain(differing).copied();
        let unmeant = self.unmeant_retries.iter().copied();
        lost.chain(others).chain(unmeant).collect()
    }

    /// Says which of the requirements the run broke.
    pub fn violations(&self) -> Vec<String> {
        let lost = self.count(Verdict::Lost);
        let unexplained = self.ambiguous.difference(&self.unavoidable).count();
        let unconfessed = self.unavoidable.difference(&self.ambiguous).count();
        let checks = [
            (lost > 0, format!("{lost} rotations were lost")),
            (
                !self.false_reconnects.is_empty(),
                format!("{} false needs_reconnect", self.false_reconnects.len()),
            ),
            (
                unexplained + unconfessed > 0,
                format!(
                    "ambiguous_rotation differs from wire ∪ killed: {unexplained} too many, {unconfessed} missing"
                ),
            ),
            (
                self.double_spends != self.recorded_retries,
                format!(
                    "{} double spends, {} of them recorded retries",
                    self.double_spends, self.recorded_retries
                ),
            ),
            (
                !self.unnoticed.is_empty(),
                format!(
                    "{} credentials seem well and are dead at the provider",
                    self.unnoticed.len()
                ),
            ),
        ];
        let broken = checks.into_iter().filter(|(is_broken, _)| *is_broken);
        broken.map(|(_, what)| what).collect()
    }
}

//! The breaker of a provider config: when a provider refuses the client itself, its credentials
//! wait for an operator, and none of them is to blame (refresh protocol, section 8; ADR 0012).

use std::time::Duration;

use sqlx::PgConnection;
use workapi_bus::outbox;
use workapi_proto::events::v1::{ProviderBreakerClosed, ProviderBreakerOpened};
use workapi_types::{EnvironmentGuid, ProviderConfigId, ProviderName};

use crate::rotation::LEASE_MARGIN;
use crate::store::breaker::{self as store, Spread, SuspectRow};
use crate::store::{credential, lock, rejection, rotation_attempt};
use crate::{Error, RotationLease, Vault};

/// So many credentials have to be refused before the client is to blame, or all there are.
const MIN_REFUSED: i64 = 3;

/// A client that its provider has refused, and not accepted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspectClient {
    /// Its config.
    pub config_id: ProviderConfigId,
    /// The environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The client id at the provider.
    pub client_id: String,
    /// Whether its breaker is open.
    pub open: bool,
}

impl Vault {
    /// Returns the clients whose next success or failure matters to a breaker.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn suspect_clients(&self) -> Result<Vec<SuspectClient>, Error> {
        let rows = store::suspects(self.database.pool()).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Returns whether the breaker of a config is open.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn breaker_is_open(&self, config: ProviderConfigId) -> Result<bool, Error> {
        Ok(store::is_open(self.database.pool(), config).await?)
    }

    /// Asks for leave to call with a client whose breaker was seen open. One call at a time has
    /// it, as a probe; any other is put off until after the next probe, and its lease is over.
    ///
    /// Every credential may be the probe: each has succeeded once, when it was connected.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn may_call(&self, lease: &RotationLease, deadline: Duration) -> Result<bool, Error> {
        let config = lease.grant.provider_config_id;
        let mut transaction = self.database.begin().await?;
        lock::breaker(&mut transaction, config).await?;
        let Some(seconds) = store::seconds_to_probe(&mut transaction, config).await? else {
            return Ok(true);
        };
        let is_probe = seconds <= 0.0;
        if is_probe {
            store::begin_probe(&mut transaction, config, deadline + LEASE_MARGIN).await?;
        } else {
            rotation_attempt::finish(&mut transaction, lease.attempt_id, "not_sent").await?;
            credential::postpone(&mut transaction, lease, after_probe(seconds)).await?;
        }
        transaction.commit().await?;
        Ok(is_probe)
    }

    /// Notes that the provider accepted the client of a lease. It closes the breaker if that was
    /// open when the lease was taken.
    ///
    /// # Errors
    /// Fails when the vault does; the next success makes up for it.
    pub async fn client_accepted(&self, lease: &RotationLease) -> Result<(), Error> {
        let config = lease.grant.provider_config_id;
        let ago = lease.leased_at.elapsed();
        let mut transaction = self.database.begin().await?;
        lock::breaker(&mut transaction, config).await?;
        rejection::refute(&mut transaction, config, ago).await?;
        if let Some(opened_at) = store::close(&mut transaction, config, ago).await? {
            rejection::forget(&mut transaction, config).await?;
            store::bring_back(&mut transaction, config).await?;
            let event = ProviderBreakerClosed {
                provider_config_id: config.to_string(),
                environment_guid: lease.grant.environment_guid.to_string(),
                provider: lease.grant.provider.to_string(),
                opened_at: opened_at.unix_timestamp(),
            };
            outbox::append(&mut transaction, &event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Lets clients that an operator has changed while their breakers were open be tried at once.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn try_changed_clients(&self) -> Result<(), Error> {
        Ok(store::try_changed(self.database.pool()).await?)
    }
}

/// What a refusal of the client means for the credential with which it was met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Nothing: the breaker is open, and it waits this long.
    BreakerOpen(Duration),
    /// It waits, until more is known.
    Suspicion,
    /// Others succeed with the same client, and this one has not for a day.
    Confined,
}

/// Takes in that the provider refused the client of a lease. It may open the breaker.
pub(crate) async fn refuse(
    connection: &mut PgConnection,
    lease: &RotationLease,
) -> Result<Refusal, Error> {
    let config = lease.grant.provider_config_id;
    lock::breaker(connection, config).await?;
    if let Some(seconds) = store::seconds_to_probe(connection, config).await? {
        return Ok(Refusal::BreakerOpen(after_probe(seconds)));
    }
    let repetition =
        rejection::note(connection, lease, workapi_providers::Cause::OperatorConfig).await?;
    let spread = store::spread(connection, config).await?;
    if !spread.blames_the_client() {
        return Ok(if repetition.for_a_day {
            Refusal::Confined
        } else {
            Refusal::Suspicion
        });
    }
    store::open(connection, config).await?;
    let event = ProviderBreakerOpened {
        provider_config_id: config.to_string(),
        environment_guid: lease.grant.environment_guid.to_string(),
        provider: lease.grant.provider.to_string(),
        refused_credentials: spread.refused,
    };
    outbox::append(connection, &event).await?;
    let seconds = store::seconds_to_probe(connection, config).await?;
    Ok(Refusal::BreakerOpen(after_probe(
        seconds.unwrap_or_default(),
    )))
}

/// Spreads what waits for a probe over the time after it, so that not all come at once, and
/// yet one comes soon.
fn after_probe(seconds: f64) -> Duration {
    let spread = (seconds / 4.0).max(1.0);
    Duration::from_secs_f64(seconds + spread * rand::random::<f64>())
}

impl Spread {
    /// Returns whether so many credentials were refused that no single account or tenant can be
    /// the reason: at least 3, of at least 2 tenants; of 2 subjects where all are of one issuer;
    /// or all that there are.
    fn blames_the_client(&self) -> bool {
        if self.refused < MIN_REFUSED.min(self.live) {
            return false;
        }
        let differ = |part: fn(&str) -> &str, first: &Option<String>, last: &Option<String>| {
            first.as_deref().map(part) != last.as_deref().map(part)
        };
        if differ(issuer, &self.first_live, &self.last_live) {
            differ(issuer, &self.first_refused, &self.last_refused)
        } else if differ(whole, &self.first_live, &self.last_live) {
            differ(whole, &self.first_refused, &self.last_refused)
        } else {
            true
        }
    }
}

/// Returns the issuer of a provider subject, which for Microsoft names the tenant.
fn issuer(subject: &str) -> &str {
    subject
        .split_once(' ')
        .map_or(subject, |(issuer, _)| issuer)
}

fn whole(subject: &str) -> &str {
    subject
}

impl TryFrom<SuspectRow> for SuspectClient {
    type Error = Error;

    fn try_from(row: SuspectRow) -> Result<Self, Error> {
        Ok(Self {
            config_id: ProviderConfigId::from_uuid(row.provider_config_id),
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            client_id: row.client_id,
            provider: row
                .provider
                .parse()
                .map_err(|_| Error::Corrupt("provider name"))?,
            open: row.open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Describes credentials by their subjects, in order.
    fn spread(refused: &[&str], live: &[&str]) -> Spread {
        let end = |subject: Option<&&str>| subject.map(|subject| (*subject).to_owned());
        Spread {
            refused: i64::try_from(refused.len()).unwrap(),
            first_refused: end(refused.first()),
            last_refused: end(refused.last()),
            live: i64::try_from(live.len().min(3)).unwrap(),
            first_live: end(live.first()),
            last_live: end(live.last()),
        }
    }

    #[test]
    fn two_refusals_of_many_blame_nobody() {
        let refused = spread(&["i ann", "i bo"], &["i ann", "i bo", "i cy"]);

        assert!(!refused.blames_the_client());
    }

    #[test]
    fn three_refusals_of_two_subjects_blame_the_client() {
        let refused = spread(&["i ann", "i ann", "i bo"], &["i ann", "i bo", "i cy"]);

        assert!(refused.blames_the_client());
    }

    #[test]
    fn refusals_of_one_account_blame_the_account() {
        let refused = spread(&["i ann", "i ann", "i ann"], &["i ann", "i ann", "i bo"]);

        assert!(!refused.blames_the_client());
    }

    #[test]
    fn where_there_are_tenants_refusals_of_one_blame_the_tenant() {
        let live = ["t1 ann", "t1 bo", "t1 cy", "t2 dee"];

        assert!(!spread(&live[..3], &live).blames_the_client());
        assert!(spread(&live[1..], &live).blames_the_client());
    }

    #[test]
    fn of_fewer_credentials_all_have_to_be_refused() {
        assert!(spread(&["i ann"], &["i ann"]).blames_the_client());
        assert!(spread(&["i ann", "i ann"], &["i ann", "i ann"]).blames_the_client());
        assert!(!spread(&["i ann"], &["i ann", "i bo"]).blames_the_client());
    }

    #[test]
    fn what_waits_for_a_probe_comes_soon_after_it_and_not_at_once() {
        let waits: Vec<f64> = (0..100).map(|_| after_probe(60.0).as_secs_f64()).collect();

        assert!(waits.iter().all(|wait| (60.0..=75.0).contains(wait)));
        let early = waits.iter().filter(|wait| **wait < 67.5).count();
        assert!((20..80).contains(&early), "{early} of 100");
    }
}

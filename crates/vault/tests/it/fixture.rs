//! A vault with a database of its own, and the shortest ways to the states that tests start from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use sqlx::PgPool;
use uuid::Uuid;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_testkit::Proxy;
use workapi_types::{
    AccessToken, ClientSecret, EnvironmentGuid, IntegrationId, ProviderConfigId, ProviderName,
    RefreshToken, UserId,
};
use workapi_vault::{
    AUTH_ROLE, Claim, Connected, Error, Exchange, ExchangeStart, FreshnessPolicy, Grant, MIGRATOR,
    NewGrant, RevocationLease, RevocationStart, Room, RotationLease, RotationStart, StateHash,
    TOKEN_REFRESHER_ROLE, TokenSet, Vault,
};

/// The deadline of every call to the provider.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// The life of every access token, unless a test says otherwise.
pub(crate) const LIFE: Duration = Duration::from_hours(1);
/// The client of every grant, unless a test says otherwise. Its project is `1234`.
pub(crate) const CLIENT_ID: &str = "1234-web";

/// One vault, seen by the two programs that use it and by the test.
pub(crate) struct Fixture {
    /// As `auth` opens it.
    pub(crate) auth: Vault,
    /// As `token-refresher` opens it.
    pub(crate) refresher: Vault,
    /// The owner's view, to arrange and to look.
    pub(crate) sql: PgPool,
    /// The database, as the programs reach it.
    pub(crate) url: SecretString,
    /// The text of the key ring.
    pub(crate) keys: String,
    /// The environment of every integration.
    pub(crate) environment: EnvironmentGuid,
    direct_url: SecretString,
    keyring: Arc<KeyRing>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::over(None).await
    }

    /// Leads both programs over `way`, where there is one; the test's own view goes past it.
    pub(crate) async fn over(way: Option<&Proxy>) -> Self {
        let url = workapi_testkit::database(&MIGRATOR).await;
        let led = way.map_or_else(|| url.clone(), |way| way.lead(&url));
        let keys = KeyRing::generate().unwrap().as_str().to_owned();
        let keyring = Arc::new(KeyRing::parse(&keys).unwrap());
        let open = async |url: &SecretString, role| {
            let config = Config {
                url: url.clone(),
                role,
                application_name: "vault-test",
                max_connections: 12,
            };
            Database::connect(&config).await.unwrap()
        };
        Self {
            auth: Vault::open(open(&led, Some(AUTH_ROLE)).await, keyring.clone()).unwrap(),
            refresher: Vault::open(
                open(&led, Some(TOKEN_REFRESHER_ROLE)).await,
                keyring.clone(),
            )
            .unwrap(),
            sql: open(&url, None).await.pool().clone(),
            url: led,
            keys,
            environment: EnvironmentGuid::random(),
            direct_url: url,
            keyring,
        }
    }

    /// Opens the vault as `auth` does, with a single connection: it alone knows what it read.
    pub(crate) async fn auth_on_one_connection(&self) -> Vault {
        let config = Config {
            url: self.direct_url.clone(),
            role: Some(AUTH_ROLE),
            application_name: "vault-test",
            max_connections: 1,
        };
        let database = Database::connect(&config).await.unwrap();
        Vault::open(database, self.keyring.clone()).unwrap()
    }

    /// Sets the environment's client at [`provider`] and returns its config's id.
    pub(crate) async fn client(&self, client_id: &str) -> ProviderConfigId {
        self.auth
            .set_provider_config(self.environment, &provider(), client_id, &secret("s3cret"))
            .await
            .unwrap()
            .id
    }

    /// Begins an exchange for `integration` and returns what the provider will have granted.
    pub(crate) async fn grant(&self, integration: &IntegrationId) -> NewGrant {
        let config = self
            .auth
            .current_client(self.environment, &provider())
            .await
            .unwrap();
        let provider_config_id = match config {
            Some(config) => config.config_id,
            None => self.client(CLIENT_ID).await,
        };
        let state_hash = new_state();
        let user_id = user_of(integration);
        let start = self
            .auth
            .start_exchange(&Exchange {
                state_hash,
                integration_id: integration,
                user_id: &user_id,
                revocation_group: "1234",
            })
            .await
            .unwrap();
        let ExchangeStart::Fresh(grant_id) = start else {
            panic!("the state is new, yet {start:?}");
        };
        NewGrant {
            state_hash,
            grant_id,
            integration_id: integration.clone(),
            grant: Grant {
                user_id,
                environment_guid: self.environment,
                provider: provider(),
                provider_config_id,
                revocation_group: "1234".to_owned(),
                provider_subject: "https://issuer.example ann".to_owned(),
                asked_scopes: "email profile".parse().unwrap(),
            },
            media_type: workapi_types::MediaType::Email,
            provider_id: "ann@example.test".to_owned(),
            offline: true,
            single_use: true,
            absolute_life: None,
            tokens: tokens("1"),
        }
    }

    /// Connects `integration`, or connects it again.
    pub(crate) async fn connect(&self, integration: &IntegrationId) -> NewGrant {
        let grant = self.grant(integration).await;
        let connected = store(&self.auth, &grant).await.unwrap();
        assert_eq!(connected, Connected::Stored);
        grant
    }

    /// Returns a new integration that is connected.
    pub(crate) async fn connected(&self) -> IntegrationId {
        let integration = new_integration();
        self.connect(&integration).await;
        integration
    }

    /// Makes `integration` due and returns the job of its claim; no other may be due.
    pub(crate) async fn job(&self, integration: &IntegrationId) -> CredentialJob {
        self.execute(
            "UPDATE credential SET due_at = now() - interval '1 hour' WHERE integration_id = $1",
            integration,
        )
        .await;
        let claims = self.claim_due(1).await;
        assert_eq!(claims[0].integration_id, *integration);
        job(&claims[0])
    }

    /// Claims up to `limit` refreshes, and as many revocations.
    pub(crate) async fn claim_due(&self, limit: i64) -> Vec<Claim> {
        claim_due(&self.auth, limit).await
    }

    /// Claims and leases `integration` for a rotation.
    pub(crate) async fn lease(&self, integration: &IntegrationId) -> Box<RotationLease> {
        let job = self.job(integration).await;
        match self.refresher.start_rotation(&job, DEADLINE).await.unwrap() {
            RotationStart::Leased(lease) => lease,
            other => panic!("the credential is due, yet {other:?}"),
        }
    }

    /// Claims and leases `integration` for its revocation.
    pub(crate) async fn revocation(&self, integration: &IntegrationId) -> RevocationLease {
        let job = self.job(integration).await;
        let start = self.refresher.start_revocation(&job, DEADLINE).await;
        match start.unwrap() {
            RevocationStart::Leased(lease) => *lease,
            other => panic!("the revocation is due, yet {other:?}"),
        }
    }

    /// Lets the lease on `integration` run out.
    pub(crate) async fn end_lease(&self, integration: &IntegrationId) {
        self.execute(
            "UPDATE credential SET lease_until = now() - interval '1 second'
             WHERE integration_id = $1",
            integration,
        )
        .await;
    }

    /// Lets the access token of `integration` run out.
    pub(crate) async fn expire(&self, integration: &IntegrationId) {
        self.execute(
            "UPDATE credential SET access_expires_at = now() - interval '1 second'
             WHERE integration_id = $1",
            integration,
        )
        .await;
    }

    /// Runs a statement that must change exactly the row of `integration`.
    pub(crate) async fn execute(&self, statement: &'static str, integration: &IntegrationId) {
        let done = sqlx::query(statement)
            .bind(integration.as_str())
            .execute(&self.sql)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
    }

    /// Returns the subjects of the events so far, without `evt.auth.credential.` and `.v1`.
    pub(crate) async fn events(&self) -> Vec<String> {
        let subjects: Vec<String> =
            sqlx::query_scalar("SELECT subject FROM outbox ORDER BY position")
                .fetch_all(&self.sql)
                .await
                .unwrap();
        let short = |subject: String| {
            let rest = subject.strip_prefix("evt.auth.credential.")?;
            rest.strip_suffix(".v1").map(str::to_owned)
        };
        subjects
            .into_iter()
            .map(|subject| short(subject).unwrap())
            .collect()
    }

    /// Returns the last event, decoded.
    pub(crate) async fn last_event<E: prost::Message + Default>(&self) -> E {
        let payload: Vec<u8> =
            sqlx::query_scalar("SELECT payload FROM outbox ORDER BY position DESC LIMIT 1")
                .fetch_one(&self.sql)
                .await
                .unwrap();
        E::decode(payload.as_slice()).unwrap()
    }

    /// Returns the state of an attempt.
    pub(crate) async fn attempt(&self, lease: &RotationLease) -> String {
        sqlx::query_scalar("SELECT state FROM rotation_attempt WHERE attempt_id = $1")
            .bind(lease.attempt_id.as_uuid())
            .fetch_one(&self.sql)
            .await
            .unwrap()
    }

    /// Counts the rows of a table.
    pub(crate) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.sql)
            .await
            .unwrap()
    }
}

/// Claims up to `limit` refreshes, and as many revocations.
pub(crate) async fn claim_due(auth: &Vault, limit: i64) -> Vec<Claim> {
    let refreshes = auth.claim_refreshes(&[room(limit)]).await.unwrap();
    let revocations = auth.claim_revocations(limit).await.unwrap();
    [refreshes.claims, revocations.claims].concat()
}

/// Returns room for so many refreshes, of credentials that are always kept fresh.
pub(crate) fn room(places: i64) -> Room {
    Room {
        provider: provider(),
        places,
        policy: FreshnessPolicy {
            keep_fresh: None,
            idle: None,
        },
    }
}

/// The provider of every integration.
pub(crate) fn provider() -> ProviderName {
    "sandbox".parse().unwrap()
}

pub(crate) fn secret(value: &str) -> ClientSecret {
    ClientSecret::new(value)
}

pub(crate) fn new_state() -> StateHash {
    StateHash::of(&Uuid::new_v4().to_string())
}

pub(crate) fn new_integration() -> IntegrationId {
    format!("{:024x}", Uuid::new_v4().as_u128() >> 32)
        .parse()
        .unwrap()
}

/// Returns the user of an integration: each has one of its own.
pub(crate) fn user_of(integration: &IntegrationId) -> UserId {
    integration.as_str().parse().unwrap()
}

/// Returns a token pair as it was just received, `access-<name>` and `refresh-<name>`.
pub(crate) fn tokens(name: &str) -> TokenSet {
    TokenSet {
        access_token: AccessToken::new(format!("access-{name}")),
        refresh_token: Some(RefreshToken::new(format!("refresh-{name}"))),
        expires_in: LIFE,
        refresh_expires_in: None,
        scopes: None,
        received_at: Instant::now(),
    }
}

/// Seals a new grant and stores it.
pub(crate) async fn store(vault: &Vault, grant: &NewGrant) -> Result<Connected, Error> {
    vault.connect(&vault.seal_grant(grant)?).await
}

/// Returns the job that a claim is published as.
pub(crate) fn job(claim: &Claim) -> CredentialJob {
    CredentialJob {
        integration_id: claim.integration_id.to_string(),
        grant_id: claim.grant_id.to_string(),
        claim_seq: claim.claim_seq,
    }
}

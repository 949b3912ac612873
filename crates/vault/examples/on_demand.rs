//! Measures the good case of access tokens on demand: `work-api with-servers -- cargo run
//! --example on_demand` (with `--release` for figures that mean something).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints what it found, and fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::task::JoinSet;
use uuid::Uuid;
use workapi_bus::Bus;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database};
use workapi_types::{
    AccessToken, ClientSecret, EnvironmentGuid, IntegrationId, MediaType, ProviderConfigId,
    RefreshToken,
};
use workapi_vault::{
    AUTH_ROLE, AccessVault, CONNECTORS_ROLE, Exchange, ExchangeStart, Grant, MIGRATOR, NewGrant,
    OnDemand, StateHash, TokenSet, Vault,
};

const CREDENTIALS: usize = 10_000;
const CALLERS: usize = 8;
const CALLS: usize = 20_000;
const CONNECTIONS: u32 = 10;

#[tokio::main]
async fn main() {
    let url = workapi_testkit::database(&MIGRATOR).await;
    let keyring = KeyRing::parse(KeyRing::generate().unwrap().as_str()).unwrap();
    let keyring = Arc::new(keyring);
    let auth = Vault::open(database(&url, AUTH_ROLE).await, Arc::clone(&keyring)).unwrap();
    let integrations = Arc::new(connect_all(&auth).await);
    let bus = workapi_bus::Config {
        url: workapi_testkit::nats_url(),
        prefix: workapi_testkit::unique_prefix(),
        name: "on-demand",
    };
    let bus = Bus::connect(&bus).await.unwrap();
    let on_demand = OnDemand::new(database(&url, CONNECTORS_ROLE).await, bus);
    let vault = AccessVault::open(on_demand, keyring).unwrap();

    // Connections and plans are made once, before it counts.
    measure(&vault, &integrations, CALLS / 10).await;
    let begun = Instant::now();
    let took = measure(&vault, &integrations, CALLS).await;
    let calls = u32::try_from(took.len()).unwrap();
    let per_second = f64::from(calls) / begun.elapsed().as_secs_f64();

    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!("{CREDENTIALS} credentials, {CALLERS} callers, {calls} calls, {per_second:.0}/s");
    println!("p50 {:?}  p99 {:?}  max {:?}", at(50), at(99), at(100));
}

/// Asks for `calls` tokens from [`CALLERS`] tasks, and returns how long each took, in order.
async fn measure(
    vault: &AccessVault,
    integrations: &Arc<Vec<IntegrationId>>,
    calls: usize,
) -> Vec<Duration> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (vault, integrations) = (vault.clone(), Arc::clone(integrations));
        callers.spawn(async move {
            let mut took = Vec::with_capacity(calls / CALLERS);
            for call in 0..calls / CALLERS {
                // A step that is prime to the number of credentials: each is asked for.
                let integration = &integrations[(caller + call * 7919) % integrations.len()];
                let begun = Instant::now();
                let asked = vault.access_token(integration, Duration::ZERO, Duration::from_secs(5));
                asked.await.unwrap();
                took.push(begun.elapsed());
            }
            took
        });
    }
    let mut took = callers.join_all().await.concat();
    took.sort_unstable();
    took
}

async fn database(url: &SecretString, role: &'static str) -> Database {
    let config = Config {
        url: url.clone(),
        role: Some(role),
        application_name: "on-demand",
        max_connections: CONNECTIONS,
    };
    Database::connect(&config).await.unwrap()
}

async fn connect_all(auth: &Vault) -> Vec<IntegrationId> {
    let environment = EnvironmentGuid::random();
    let provider = "sandbox".parse().unwrap();
    let secret = ClientSecret::new("secret");
    let config = auth
        .set_provider_config(environment, &provider, "1234-web", &secret)
        .await
        .unwrap()
        .id;
    let mut connecting = JoinSet::new();
    for worker in 0..CALLERS {
        let auth = auth.clone();
        connecting.spawn(async move {
            let mut connected = Vec::new();
            for number in (worker..CREDENTIALS).step_by(CALLERS) {
                connected.push(connect(&auth, environment, config, number).await);
            }
            connected
        });
    }
    connecting.join_all().await.concat()
}

async fn connect(
    auth: &Vault,
    environment_guid: EnvironmentGuid,
    provider_config_id: ProviderConfigId,
    number: usize,
) -> IntegrationId {
    let integration_id: IntegrationId = format!("{number:024x}").parse().unwrap();
    let user_id = integration_id.as_str().parse().unwrap();
    let state_hash = StateHash::of(&Uuid::new_v4().to_string());
    let exchange = Exchange {
        state_hash,
        integration_id: &integration_id,
        user_id: &user_id,
        revocation_group: "1234",
    };
    let ExchangeStart::Fresh(grant_id) = auth.start_exchange(&exchange).await.unwrap() else {
        unreachable!("the state is new");
    };
    let grant = NewGrant {
        state_hash,
        grant_id,
        integration_id: integration_id.clone(),
        grant: Grant {
            user_id,
            environment_guid,
            provider: "sandbox".parse().unwrap(),
            provider_config_id,
            revocation_group: "1234".to_owned(),
            provider_subject: format!("https://issuer.example {number}"),
            asked_scopes: "email".parse().unwrap(),
        },
        absolute_life: None,
        media_type: MediaType::Email,
        provider_id: format!("user-{number}@example.test"),
        offline: true,
        tokens: TokenSet {
            access_token: AccessToken::new(format!("access-{number}")),
            refresh_token: Some(RefreshToken::new(format!("refresh-{number}"))),
            expires_in: Duration::from_hours(1),
            refresh_expires_in: None,
            scopes: None,
            received_at: Instant::now(),
        },
    };
    auth.connect(&auth.seal_grant(&grant).unwrap())
        .await
        .unwrap();
    integration_id
}

//! A running service for one test, and the parties that call it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::task::JoinHandle;
use tonic::{Request, Status};
use workapi_errors::{Code, Error};
use workapi_integrations::{Config, MIGRATOR, Service, UserTokenSettings};
use workapi_keyring::KeyRing;
use workapi_proto::integrations::v1::directory_client::DirectoryClient;
use workapi_proto::integrations::v1::environment_admin_client::EnvironmentAdminClient;
use workapi_proto::integrations::v1::integrations_client::IntegrationsClient;
use workapi_proto::integrations::v1::token_keys_client::TokenKeysClient;
use workapi_proto::integrations::v1::users_client::UsersClient;
use workapi_proto::integrations::v1::{
    CreateEnvironmentRequest, CreateIntegrationRequest, CreateUserRequest, Integration, User,
};
use workapi_providers::Catalogue;
use workapi_runtime::{Channel, Health, Shutdown, channel};
use workapi_telemetry::Metrics;
use workapi_types::Clock;

use crate::tokens::{Apt, DeveloperKey};

pub(crate) const ADMIN_TOKEN: &str = "admin-0123456789abcdef0123456789abcdef";
pub(crate) const INTERNAL_TOKEN: &str = "internal-0123456789abcdef0123456789abcdef";
pub(crate) const ISSUER: &str = "https://workapi.example.test";
pub(crate) const AUDIENCE: &str = "workapi";
pub(crate) const LIFETIME: Duration = Duration::from_hours(28 * 24);
/// When every test begins.
const START: OffsetDateTime = datetime!(2026-03-04 05:06:07.8 UTC);

/// One replica of the service.
pub(crate) struct Replica {
    pub(crate) channel: Channel,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
    pub(crate) running: JoinHandle<()>,
}

/// A database, streams and one replica of the service on them.
pub(crate) struct Stack {
    pub(crate) clock: Clock,
    pub(crate) postgres_url: SecretString,
    /// Not restricted to the service's role.
    pub(crate) pool: PgPool,
    pub(crate) nats_prefix: String,
    pub(crate) replica: Replica,
    key_ring: String,
}

/// A developer with an environment.
pub(crate) struct Developer {
    pub(crate) environment_guid: String,
    pub(crate) key: DeveloperKey,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with a change to the first replica's configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::fixed(START);
        let postgres_url = workapi_testkit::database(&MIGRATOR).await;
        let nats_prefix = workapi_testkit::unique_prefix();
        let key_ring = KeyRing::generate().unwrap().as_str().to_owned();
        let mut config = config(postgres_url.clone(), &nats_prefix, &key_ring);
        change(&mut config);
        Self {
            pool: PgPool::connect_lazy(postgres_url.expose_secret()).unwrap(),
            replica: Replica::start(config, &clock).await,
            postgres_url,
            clock,
            nats_prefix,
            key_ring,
        }
    }

    /// Returns the configuration of one more replica.
    pub(crate) fn config(&self) -> Config {
        config(self.postgres_url.clone(), &self.nats_prefix, &self.key_ring)
    }

    pub(crate) fn users(&self) -> UsersClient<Channel> {
        UsersClient::new(self.replica.channel.clone())
    }

    pub(crate) fn integrations(&self) -> IntegrationsClient<Channel> {
        IntegrationsClient::new(self.replica.channel.clone())
    }

    pub(crate) fn token_keys(&self) -> TokenKeysClient<Channel> {
        TokenKeysClient::new(self.replica.channel.clone())
    }

    pub(crate) fn directory(&self) -> DirectoryClient<Channel> {
        DirectoryClient::new(self.replica.channel.clone())
    }

    pub(crate) fn environment_admin(&self) -> EnvironmentAdminClient<Channel> {
        EnvironmentAdminClient::new(self.replica.channel.clone())
    }

    /// Creates an environment.
    pub(crate) async fn developer(&self) -> Developer {
        let key = DeveloperKey::generate();
        let request = CreateEnvironmentRequest {
            name: "Shop".to_owned(),
            public_key: key.public_pem(),
            loopback_return_allowed: false,
        };
        let response = self
            .environment_admin()
            .create_environment(bearing(ADMIN_TOKEN, request))
            .await
            .unwrap();
        Developer {
            environment_guid: response.into_inner().environment.unwrap().guid,
            key,
        }
    }

    /// Creates a user.
    pub(crate) async fn user(&self, developer: &Developer, arbitrary_id: &str) -> User {
        self.try_user(developer, arbitrary_id).await.unwrap()
    }

    pub(crate) async fn try_user(
        &self,
        developer: &Developer,
        arbitrary_id: &str,
    ) -> Result<User, Status> {
        let request = CreateUserRequest {
            environment_guid: developer.environment_guid.clone(),
            arbitrary_id: arbitrary_id.to_owned(),
        };
        let apt = developer.apt(self).signed();
        let response = self.users().create_user(bearing(&apt, request)).await?;
        Ok(response.into_inner().user.unwrap())
    }

    /// Creates an integration of a user at the sandbox.
    pub(crate) async fn integration(&self, user: &User, media_type: &str) -> Integration {
        self.try_integration(user, "sandbox", media_type)
            .await
            .unwrap()
    }

    pub(crate) async fn try_integration(
        &self,
        user: &User,
        provider: &str,
        media_type: &str,
    ) -> Result<Integration, Status> {
        let request = CreateIntegrationRequest {
            provider: provider.to_owned(),
            media_type: media_type.to_owned(),
        };
        let response = self
            .integrations()
            .create_integration(bearing(&user.token, request))
            .await?;
        Ok(response.into_inner().integration.unwrap())
    }

    /// Returns how many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(statement)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Runs a statement that the service itself may not.
    pub(crate) async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }
}

impl Replica {
    pub(crate) async fn start(config: Config, clock: &Clock) -> Self {
        let health = Health::new();
        let service = Service::build(config, clock.clone(), &health, &Metrics::new())
            .await
            .unwrap();
        let url = format!("http://{}", service.grpc_addr());
        let shutdown = Shutdown::new();
        Self {
            channel: channel(&url, "integrations").unwrap(),
            running: tokio::spawn(service.run(shutdown.clone())),
            health,
            shutdown,
        }
    }
}

impl Developer {
    /// Returns an APT that is good for creating users.
    pub(crate) fn apt<'a>(&'a self, stack: &Stack) -> Apt<'a> {
        Apt::new(
            &self.key,
            &self.environment_guid,
            stack.clock.unix_seconds(),
        )
    }
}

fn config(postgres_url: SecretString, nats_prefix: &str, key_ring: &str) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        postgres_url,
        max_connections: 8,
        nats_url: workapi_testkit::nats_url(),
        nats_prefix: nats_prefix.to_owned(),
        catalogue: Catalogue::load(Some(&"http://127.0.0.1:9".parse().unwrap()), None).unwrap(),
        key_ring: KeyRing::parse(key_ring).unwrap(),
        user_tokens: UserTokenSettings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            lifetime: LIFETIME,
        },
        admin_token: SecretString::from(ADMIN_TOKEN),
        internal_token: SecretString::from(INTERNAL_TOKEN),
    }
}

/// Makes a request with a bearer token.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let authorization = format!("Bearer {token}").parse().unwrap();
    request
        .metadata_mut()
        .insert("authorization", authorization);
    request
}

/// Makes a request of another service.
pub(crate) fn internal<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-workapi-internal-token", token.parse().unwrap());
    request
}

/// Returns the error that a refused call carries.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> Error {
    Error::from(result.unwrap_err())
}

/// Returns the code of the error that a refused call carries.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Status>) -> Code {
    refusal(result).code()
}

/// What every bearer that is not accepted is told.
pub(crate) fn invalid_token() -> Error {
    Error::invalid_token("invalid token")
}

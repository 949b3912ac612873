//! A gateway with everything that it needs, for one test.

use std::net::SocketAddr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use workapi_gateway::{Config, Service};
use workapi_proto::auth::v1::authorization_server::AuthorizationServer;
use workapi_proto::auth::v1::credential_admin_server::CredentialAdminServer;
use workapi_proto::auth::v1::credential_statuses_server::CredentialStatusesServer;
use workapi_proto::auth::v1::job_admin_server::JobAdminServer;
use workapi_proto::auth::v1::provider_admin_server::ProviderAdminServer;
use workapi_proto::integrations::v1::TokenKey;
use workapi_proto::integrations::v1::environment_admin_server::EnvironmentAdminServer;
use workapi_proto::integrations::v1::integrations_server::IntegrationsServer;
use workapi_proto::integrations::v1::token_keys_server::TokenKeysServer;
use workapi_proto::integrations::v1::users_server::UsersServer;
use workapi_runtime::{Grpc, Health, Listener, Shutdown};
use workapi_telemetry::Metrics;
use workapi_testkit::http::{Answer, send};
use workapi_types::Clock;

use super::backend::{Backend, USER_ID};

pub(crate) const ISSUER: &str = "workapi-test";
pub(crate) const AUDIENCE: &str = "workapi";
pub(crate) const ADMIN_TOKEN: &str = "an-admin-token-of-a-test";
/// Where the clock of every test stands.
pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2026-03-01 12:00 UTC);

pub(crate) struct Stack {
    pub(crate) backend: Backend,
    pub(crate) clock: Clock,
    pub(crate) health: Health,
    pub(crate) rest: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) key: SigningKey,
    pub(crate) shutdown: Shutdown,
    backend_shutdown: Shutdown,
    backend_task: JoinHandle<()>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts with a configuration that the test has changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let backend = Backend::default();
        let key = SigningKey::new("first");
        backend.publish_key(key.public());
        let backend_shutdown = Shutdown::new();
        let (address, backend_task) = serve(&backend, &backend_shutdown).await;
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config {
            rest: Listener::bind(loopback).await.unwrap(),
            admin_listen: loopback,
            integrations_url: format!("http://{address}"),
            auth_url: format!("http://{address}"),
            admin_token: SecretString::from(ADMIN_TOKEN),
            max_concurrent_requests: Config::DEFAULT_MAX_CONCURRENT_REQUESTS,
        };
        change(&mut config);
        let (clock, health) = (Clock::fixed(NOW), Health::new());
        let metrics = Metrics::new();
        let service = Service::build(config, clock.clone(), &health, &metrics)
            .await
            .unwrap();
        let (rest, admin) = (service.rest_addr(), service.admin_addr());
        let shutdown = Shutdown::new();
        tokio::spawn(service.run(shutdown.clone()));
        Self {
            backend,
            clock,
            health,
            rest,
            admin,
            key,
            shutdown,
            backend_shutdown,
            backend_task,
        }
    }

    /// Takes all services away.
    pub(crate) async fn stop_backend(&mut self) {
        self.backend_shutdown.stop();
        (&mut self.backend_task).await.unwrap();
    }

    /// Sends a request with a valid user token.
    pub(crate) async fn send(&self, head: &str, body: &str) -> Answer {
        let token = self.key.token();
        let head = format!("{head}\nauthorization: Bearer {token}");
        send(self.rest, &head, body).await
    }

    /// Sends a request without a token.
    pub(crate) async fn send_bare(&self, head: &str, body: &str) -> Answer {
        send(self.rest, head, body).await
    }

    /// Sends a request with what looks like an APT.
    pub(crate) async fn send_with_apt(&self, head: &str, body: &str) -> Answer {
        let head = format!("{head}\nauthorization: Bearer {}", apt());
        send(self.rest, &head, body).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.backend_shutdown.stop();
    }
}

async fn serve(backend: &Backend, shutdown: &Shutdown) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Grpc::new()
        .add_service(UsersServer::new(backend.clone()))
        .add_service(IntegrationsServer::new(backend.clone()))
        .add_service(TokenKeysServer::new(backend.clone()))
        .add_service(EnvironmentAdminServer::new(backend.clone()))
        .add_service(AuthorizationServer::new(backend.clone()))
        .add_service(ProviderAdminServer::new(backend.clone()))
        .add_service(CredentialStatusesServer::new(backend.clone()))
        .add_service(CredentialAdminServer::new(backend.clone()))
        .add_service(JobAdminServer::new(backend.clone()));
    let shutdown = shutdown.clone();
    let task = tokio::spawn(async move {
        let meter = Metrics::new().meter("backend");
        server.serve(listener, &meter, &shutdown).await;
    });
    (address, task)
}

/// Returns a token with the header of an APT; nobody here verifies the rest.
pub(crate) fn apt() -> String {
    unsigned(&json!({"alg": "RS256"}), &json!({"exp": 1}))
}

/// Returns a token with a signature of nothing.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] =
        [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.c2lnbmF0dXJl")
}

/// A key that signs user tokens.
pub(crate) struct SigningKey {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    pub(crate) fn new(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self { kid, pair }
    }

    pub(crate) fn public(&self) -> TokenKey {
        TokenKey {
            kid: self.kid.to_owned(),
            public_key: self.pair.public_key().as_ref().to_vec(),
        }
    }

    /// Returns a token that is valid now.
    pub(crate) fn token(&self) -> String {
        self.sign(&claims())
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.kid.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        self.sign_with(&header, claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        let pkcs8 = self.pair.to_pkcs8v1().unwrap();
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }
}

/// Returns the claims of a good token.
pub(crate) fn claims() -> Value {
    let now = NOW.unix_timestamp();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": USER_ID, "iat": now, "exp": now + 3600})
}

//! From a configuration to a running gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Extension, Router};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use workapi_runtime::{
    Channel, ChannelError, Grpc, Health, ListenError, Listener, ReflectionError, ServiceHealth,
    SharedSecret, Shutdown, channel, serve_http,
};
use workapi_telemetry::Metrics;
use workapi_types::Clock;

use crate::rest::{self, Gateway};
use crate::upstream::Upstreams;
use crate::user_tokens::UserTokens;
use crate::{Config, admin};

/// The name in metrics and health.
const NAME: &str = "gateway";

/// Why a gateway can't be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The URL of a service is malformed.
    #[error(transparent)]
    Upstream(#[from] ChannelError),
    /// The gRPC descriptors are malformed.
    #[error(transparent)]
    Reflection(#[from] ReflectionError),
    /// The description of the REST API can't be written.
    #[error("failed to write the description of the API")]
    Description(#[source] serde_json::Error),
}

/// A gateway that listens already and does not serve yet.
#[derive(Debug)]
pub struct Service {
    rest: Listener,
    router: Router,
    admin: Listener,
    admin_server: Grpc,
    metrics: Metrics,
    health: ServiceHealth,
}

impl Service {
    /// Binds the admin listener and prepares the connections to the services. Call it inside a Tokio
    /// runtime.
    pub async fn build(
        config: Config,
        clock: Clock,
        health: &Health,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let upstreams = Upstreams {
            integrations: channel(&config.integrations_url, "integrations")?,
            auth: channel(&config.auth_url, "auth")?,
        };
        require(health, "integrations-grpc", &upstreams.integrations);
        require(health, "auth-grpc", &upstreams.auth);
        let gateway = Gateway {
            user_tokens: Arc::new(UserTokens::new(upstreams.token_keys(), clock)),
            upstreams: upstreams.clone(),
        };
        let admin_token = SharedSecret::new(config.admin_token);
        Ok(Self {
            rest: config.rest,
            router: rest::router(gateway, config.max_concurrent_requests)
                .map_err(Error::Description)?,
            admin: Listener::bind(config.admin_listen).await?,
            admin_server: admin::server(upstreams, &admin_token)?,
            metrics: metrics.clone(),
            health: health.add_service(NAME),
        })
    }

    /// Returns where the REST API listens.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest.address()
    }

    /// Returns where the admin services listen.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Serves until told to stop, and finishes what has begun.
    pub async fn run(self, shutdown: Shutdown) {
        let meter = self.metrics.meter(NAME);
        let router = self.router.layer(Extension(shutdown.clone()));
        self.health.serving();
        tracing::info!(rest = %self.rest.address(), admin = %self.admin.address(), "gateway listens");
        tokio::join!(
            serve_http(self.rest.into_socket(), router, &meter, &shutdown),
            self.admin_server
                .serve(self.admin.into_socket(), &meter, &shutdown),
        );
    }
}

/// Makes readiness depend on a service.
fn require(health: &Health, name: &'static str, channel: &Channel) {
    let client = HealthClient::new(channel.clone());
    health.add_check(name, move || {
        let mut client = client.clone();
        async move {
            let answer = client.check(HealthCheckRequest::default()).await;
            match answer.map(|answer| answer.into_inner().status()) {
                Ok(ServingStatus::Serving) => Ok(()),
                Ok(status) => Err(format!("it is {}", status.as_str_name())),
                Err(status) => Err(format!("it can't be reached: {}", status.code())),
            }
        }
    });
}

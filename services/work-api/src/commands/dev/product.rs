//! The whole product in this process, over real sockets.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::anyhow;
use url::Url;
use workapi_config::Settings;
use workapi_runtime::{Health, Listener, Shutdown, serve_metrics};
use workapi_sandbox::{Clients, Sandbox};
use workapi_telemetry::Metrics;

use super::sandbox;
use super::services::Services;
use crate::console;
use crate::data_dir::DataDir;
use crate::programs::{Builder, catalogue, key_ring};
use crate::servers::Urls;

/// What the product stands on: all that can be made, and can be wrong, before the servers run.
pub(super) struct Ground {
    pub(super) settings: Settings,
    public_url: Url,
    rest: Listener,
    sandbox: Sandbox,
}

/// A running product, and where everything of it is.
pub(super) struct Product {
    pub(super) addresses: Addresses,
    pub(super) services: Services,
}

/// Where everything of a running product is.
pub(super) struct Addresses {
    pub(super) public_url: Url,
    pub(super) admin_url: Url,
    pub(super) metrics_url: Url,
    pub(super) integrations_url: Url,
    pub(super) auth_url: Url,
    pub(super) sandbox_url: Url,
    pub(super) sandbox_admin_url: Url,
    pub(super) sandbox_clients: Clients,
    pub(super) servers: Urls,
}

impl Ground {
    /// Takes the ports of the REST API and of the sandbox, and checks manifests and keys.
    pub(super) async fn prepare(
        data_dir: &DataDir,
        mut settings: Settings,
    ) -> anyhow::Result<Self> {
        let rest = Builder::rest_listener(&settings).await.map_err(|error| {
            let error = console::one_line(&error);
            anyhow!("{error}: choose another address with --listen")
        })?;
        let sandbox = sandbox::build(data_dir, &settings).await?;
        catalogue(&settings, Some(sandbox.url()))?;
        key_ring(&settings)?;
        let public_url = match settings.public_url {
            Some(url) => url,
            None => url_of(rest.address())?,
        };
        settings.public_url = Some(public_url.clone());
        Ok(Self {
            settings,
            public_url,
            rest,
            sandbox,
        })
    }

    /// Says where the servers are, now that they run.
    pub(super) fn use_servers(&mut self, urls: &Urls) {
        self.settings.postgres_url = Some(urls.postgres.clone());
        self.settings.redis_url = Some(urls.redis.clone());
        self.settings.nats_url = Some(urls.nats.clone());
    }
}

impl Product {
    /// Builds every service, and then starts them. Operators see `told` drain.
    pub(super) async fn start(
        ground: Ground,
        servers: Urls,
        told: &Shutdown,
    ) -> anyhow::Result<Self> {
        let Ground {
            settings,
            public_url,
            rest,
            sandbox,
        } = ground;
        let mut builder = Builder {
            settings,
            metrics: Metrics::new(),
            health: Health::new(),
            sandbox_url: Some(sandbox.url().clone()),
        };
        let built = Built::new(&mut builder, rest).await?;
        let operations = builder.metrics_listener().await?;
        let addresses = Addresses {
            public_url,
            admin_url: url_of(built.gateway.admin_addr())?,
            metrics_url: url_of(operations.address())?,
            integrations_url: url_of(built.integrations.grpc_addr())?,
            auth_url: url_of(built.auth.grpc_addr())?,
            sandbox_url: sandbox.url().clone(),
            sandbox_admin_url: sandbox.admin_url().clone(),
            sandbox_clients: sandbox.clients(),
            servers,
        };
        let operations = serve_metrics(
            operations.into_socket(),
            builder.metrics,
            builder.health,
            told.clone(),
        );
        let mut services = Services::default();
        built.start(&mut services);
        services.start("the metrics port", Shutdown::new(), |shutdown| async move {
            tokio::select! {
                () = operations => {}
                () = shutdown.draining() => {}
            }
            Ok(())
        });
        services.start("the sandbox", Shutdown::new(), |shutdown| async move {
            tokio::select! {
                ended = sandbox.run(shutdown.drain_token()) => ended?,
                () = shutdown.stopped() => {}
            }
            Ok(())
        });
        Ok(Self {
            addresses,
            services,
        })
    }
}

/// The services, with everything that they need; two know how they will be stopped already.
struct Built {
    gateway: workapi_gateway::Service,
    auth: workapi_auth::Service,
    auth_shutdown: Shutdown,
    refresher: workapi_token_refresher::Service,
    refresher_shutdown: Shutdown,
    integrations: workapi_integrations::Service,
}

impl Built {
    /// Builds each after those whose address it has to know.
    async fn new(builder: &mut Builder, rest: Listener) -> anyhow::Result<Self> {
        let (auth_shutdown, refresher_shutdown) = (Shutdown::new(), Shutdown::new());
        let integrations = builder.integrations().await?;
        builder.settings.integrations_grpc_url = Some(url_of(integrations.grpc_addr())?);
        let auth = builder.auth(&auth_shutdown).await?;
        builder.settings.auth_grpc_url = Some(url_of(auth.grpc_addr())?);
        Ok(Self {
            gateway: builder.gateway(rest).await?,
            auth,
            auth_shutdown,
            refresher: builder.token_refresher(&refresher_shutdown).await?,
            refresher_shutdown,
            integrations,
        })
    }

    /// Starts them in the order in which they stop.
    fn start(self, services: &mut Services) {
        services.start("gateway", Shutdown::new(), |shutdown| async move {
            self.gateway.run(shutdown).await;
            Ok(())
        });
        services.start("auth", self.auth_shutdown, |_| async move {
            Ok(self.auth.run().await?)
        });
        services.start("token-refresher", self.refresher_shutdown, |_| async move {
            Ok(self.refresher.run().await?)
        });
        services.start("integrations", Shutdown::new(), |shutdown| async move {
            self.integrations.run(shutdown).await;
            Ok(())
        });
    }
}

/// Returns the URL under which whoever is on this machine reaches `address`.
fn url_of(mut address: SocketAddr) -> Result<Url, url::ParseError> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Url::parse(&format!("http://{address}"))
}

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
    /// Builds every service, and then starts them. `told` ends the product; operators see it
    /// drain.
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
        let (of_auth, of_refresher) = (Shutdown::new(), Shutdown::new());
        let integrations = builder.integrations().await?;
        let integrations_url = url_of(integrations.grpc_addr())?;
        builder.settings.integrations_grpc_url = Some(integrations_url.clone());
        let auth = builder.auth(&of_auth).await?;
        let auth_url = url_of(auth.grpc_addr())?;
        builder.settings.auth_grpc_url = Some(auth_url.clone());
        let refresher = builder.token_refresher(&of_refresher).await?;
        let gateway = builder.gateway(rest).await?;
        let operations = builder.metrics_listener().await?;

        let addresses = Addresses {
            public_url,
            admin_url: url_of(gateway.admin_addr())?,
            metrics_url: url_of(operations.address())?,
            integrations_url,
            auth_url,
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
        services.start("gateway", Shutdown::new(), |shutdown| async move {
            gateway.run(shutdown).await;
            Ok(())
        });
        services.start("auth", of_auth, |_| async { Ok(auth.run().await?) });
        services.start("token-refresher", of_refresher, |_| async {
            Ok(refresher.run().await?)
        });
        services.start("integrations", Shutdown::new(), |shutdown| async move {
            integrations.run(shutdown).await;
            Ok(())
        });
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

/// Returns the URL under which whoever is on this machine reaches `address`.
fn url_of(mut address: SocketAddr) -> Result<Url, url::ParseError> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Url::parse(&format!("http://{address}"))
}

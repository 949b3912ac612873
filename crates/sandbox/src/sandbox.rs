//! Building and running the server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::App;
use crate::clients::{Client, ClientChange};
use crate::concurrency::{self, Concurrency};
use crate::config::Config;
use crate::control::Control;
use crate::error::Error;
use crate::faults::{self, Endpoint, Faults};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::serve::serve;
use crate::signing::SigningKey;
use crate::store::{StateFile, Store};
use crate::{admin, authorize, discovery, page, revoke, token, userinfo};

/// A sandbox whose listeners are bound.
pub struct Sandbox {
    app: Arc<App>,
    url: Url,
    admin_url: Url,
    listener: TcpListener,
    admin_listener: TcpListener,
}

/// Registers clients while the sandbox runs.
#[derive(Clone)]
pub struct Clients(Arc<App>);

/// Shows nothing: secrets are behind it.
impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clients(..)")
    }
}

impl Sandbox {
    /// Loads the state, registers the seed clients and binds both listeners.
    /// Nothing is served yet, but connections queue from now on.
    pub async fn build(config: Config) -> Result<Self, Error> {
        let (mut ledger, signing_key) = restore(config.state_file.as_deref())?;
        for client in config.seed_clients {
            let client_id = client.client_id.clone();
            ledger
                .put_client(client)
                .map_err(|source| Error::SeedClient { client_id, source })?;
        }
        let (listener, bound_url) = bind("public", config.listen).await?;
        let (admin_listener, admin_url) = bind("admin", config.admin_listen).await?;
        let url = config.issuer.unwrap_or(bound_url);
        let file = config
            .state_file
            .map(|path| StateFile::new(path, &signing_key));
        let app = App {
            issuer: url.as_str().trim_end_matches('/').to_owned(),
            clock: config.clock,
            store: Store::new(ledger, file),
            signing_key,
            concurrency: Concurrency::default(),
            faults: Faults::new(config.fault_seed),
            journal: Arc::new(Journal::new(config.keep_journal)),
        };
        // The signing key is in the file before it signs anything.
        app.store.change(|_| ()).await?;
        Ok(Self {
            app: Arc::new(app),
            url,
            admin_url,
            listener,
            admin_listener,
        })
    }

    /// Returns the base of the public URLs.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the issuer identifier as `iss` carries it: the URL without a
    /// slash at its end. It is compared byte for byte (RFC 9207 section 2.4).
    pub fn issuer(&self) -> &str {
        &self.app.issuer
    }

    /// Returns the base of the admin API.
    pub fn admin_url(&self) -> &Url {
        &self.admin_url
    }

    /// Returns the registry of clients, which outlives this value.
    pub fn clients(&self) -> Clients {
        Clients(Arc::clone(&self.app))
    }

    /// Returns the control over it, which outlives this value.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.app))
    }

    /// Serves until the token is cancelled, then finishes the answers in flight
    /// for up to two seconds.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        tracing::info!(url = %self.url, admin_url = %self.admin_url, "the sandbox provider is listening");
        let mut listeners = JoinSet::new();
        listeners.spawn(serve(
            self.listener,
            public_routes(&self.app),
            Arc::clone(&self.app.journal),
            shutdown.clone(),
        ));
        listeners.spawn(serve(
            self.admin_listener,
            admin::routes(&self.app),
            Arc::clone(&self.app.journal),
            shutdown,
        ));
        while let Some(ended) = listeners.join_next().await {
            ended?;
        }
        Ok(())
    }
}

impl Clients {
    /// Changes a client, or makes it first, and returns it with its secret.
    ///
    /// # Errors
    /// When the id or a redirect URI is invalid, or the state file cannot be
    /// written.
    pub async fn put(&self, client_id: &str, change: ClientChange) -> Result<Client, Error> {
        let store = &self.0.store;
        let client = store
            .change(|ledger| ledger.change_client(client_id, change))
            .await??;
        Ok(client)
    }
}

/// Loads what the state file has, or starts from nothing.
fn restore(state_file: Option<&Path>) -> Result<(Ledger, SigningKey), Error> {
    let saved = match state_file {
        Some(path) => StateFile::load(path)?,
        None => None,
    };
    match saved {
        Some(saved) => Ok(saved),
        None => Ok((Ledger::new(), SigningKey::generate()?)),
    }
}

async fn bind(listener: &'static str, address: SocketAddr) -> Result<(TcpListener, Url), Error> {
    let failed = |source| Error::Bind {
        listener,
        address,
        source,
    };
    let bound = TcpListener::bind(address).await.map_err(failed)?;
    let url = Url::parse(&format!("http://{}", bound.local_addr().map_err(failed)?))?;
    Ok((bound, url))
}

fn public_routes(app: &Arc<App>) -> Router {
    let faults_of =
        |endpoint: Endpoint| from_fn_with_state((Arc::clone(app), endpoint), faults::inject);
    let metadata = get(discovery::metadata);
    Router::new()
        .route("/.well-known/openid-configuration", metadata.clone())
        .route("/.well-known/oauth-authorization-server", metadata)
        .route("/jwks", get(discovery::keys))
        .route("/authorize", get(authorize::ask).post(authorize::decide))
        .route(
            "/token",
            post(token::answer)
                .layer(faults_of(Endpoint::Token))
                .layer(from_fn_with_state(Arc::clone(app), concurrency::count)),
        )
        .route(
            "/revoke",
            post(revoke::answer).layer(faults_of(Endpoint::Revoke)),
        )
        .route(
            "/userinfo",
            get(userinfo::answer)
                .post(userinfo::answer)
                .layer(faults_of(Endpoint::Userinfo)),
        )
        .fallback(page::not_found)
        .with_state(Arc::clone(app))
}

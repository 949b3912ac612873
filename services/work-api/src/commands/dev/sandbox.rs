//! The sandbox provider of `dev`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use url::Url;
use workapi_config::Settings;
use workapi_sandbox::{ClientChange, Config, RotationClass, Sandbox};

use crate::console;
use crate::data_dir::{DataDir, write_atomically};

/// The client that the `dev` environment has at the sandbox.
pub(super) const CLIENT_ID: &str = "work-api-dev";

const STATE: &str = "sandbox.json";
const PORTS: &str = "sandbox-ports.json";
/// Short, so that refreshes can be watched.
const ACCESS_TOKEN_SECONDS: u32 = 60;

/// The ports of the last run. The address of the sandbox is its issuer, and with it a part of the
/// identity of every account: on another port, ann would be another ann.
#[derive(Default, Serialize, Deserialize)]
struct Ports {
    public: u16,
    admin: u16,
}

/// Binds the sandbox, on the ports of the last run where they are free.
pub(super) async fn build(data_dir: &DataDir, settings: &Settings) -> anyhow::Result<Sandbox> {
    let file = data_dir.path().join(PORTS);
    let last: Ports = fs::read(&file)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let wanted = settings.sandbox_listen.unwrap_or(any_port);
    let listen = free_or_any(wanted, last.public).await;
    if last.public != 0 && wanted.port() == 0 && listen.port() != last.public {
        console::progress(&format!(
            "port {} is taken by another program: the sandbox moves, and accounts that were \
             connected to it before have to be connected again",
            last.public
        ));
    }
    let sandbox = Sandbox::build(Config {
        listen,
        admin_listen: free_or_any(any_port, last.admin).await,
        state_file: Some(data_dir.path().join(STATE)),
        ..Config::default()
    })
    .await
    .context("the sandbox provider could not start")?;

    let ports = Ports {
        public: port(sandbox.url()),
        admin: port(sandbox.admin_url()),
    };
    write_atomically(&file, &serde_json::to_vec(&ports)?)?;
    Ok(sandbox)
}

/// Returns `wanted`, with the remembered port where none is asked for and that one is free.
async fn free_or_any(mut wanted: SocketAddr, remembered: u16) -> SocketAddr {
    if wanted.port() == 0 {
        let again = SocketAddr::new(wanted.ip(), remembered);
        if TcpListener::bind(again).await.is_ok() {
            wanted = again;
        }
    }
    wanted
}

fn port(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or_default()
}

/// Registers the client of the `dev` environment and returns its secret, the same at every start.
pub(super) async fn register_client(
    clients: &workapi_sandbox::Clients,
    public_url: &Url,
) -> anyhow::Result<String> {
    let callback = public_url.join("auth/callback")?;
    let client = clients.put(
        CLIENT_ID,
        ClientChange {
            redirect_uris: Some(vec![callback.into()]),
            rotation_class: Some(RotationClass::D),
            access_token_seconds: Some(ACCESS_TOKEN_SECONDS),
            ..ClientChange::default()
        },
    );
    Ok(client.await?.client_secret)
}

//! A way to a server that can be cut and opened again.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

/// A way to a server that can be cut and opened again.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    server: String,
    forwarding: Mutex<AbortHandle>,
}

impl Proxy {
    /// Opens a way, on a free port, to the server of a URL that names its port.
    ///
    /// # Panics
    /// When the URL does not, or no port is free.
    pub async fn open(server: &SecretString) -> Self {
        let url = Url::parse(server.expose_secret()).expect("the server's URL is valid");
        let host = url.host_str().expect("the URL names a host");
        let port = url.port().expect("the URL names a port");
        let server = format!("{host}:{port}");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self {
            address: listener.local_addr().expect("a bound listener"),
            forwarding: Mutex::new(spawn_forwarding(listener, &server)),
            server,
        }
    }

    /// Leads a URL of the server over this way.
    ///
    /// # Panics
    /// When it is no URL.
    pub fn lead(&self, url: &SecretString) -> SecretString {
        let mut way = Url::parse(url.expose_secret()).expect("the server's URL is valid");
        way.set_ip_host(self.address.ip())
            .and_then(|()| way.set_port(Some(self.address.port())))
            .expect("the URL has a host");
        SecretString::from(String::from(way))
    }

    /// Ends every connection and refuses new ones.
    pub async fn cut(&self) {
        self.forwarding().abort();
        while TcpStream::connect(self.address).await.is_ok() {}
    }

    /// Opens the way again, on the same port.
    ///
    /// # Panics
    /// When the port was taken meanwhile.
    pub async fn reopen(&self) {
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the port is still free");
        *self.forwarding() = spawn_forwarding(listener, &self.server);
    }

    fn forwarding(&self) -> MutexGuard<'_, AbortHandle> {
        self.forwarding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn_forwarding(listener: TcpListener, server: &str) -> AbortHandle {
    tokio::spawn(forward(listener, server.to_owned())).abort_handle()
}

async fn forward(listener: TcpListener, server: String) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.expect("a connection");
        let mut upstream = TcpStream::connect(&server)
            .await
            .expect("the server accepts");
        connections.spawn(async move {
            // However it ends: the client under test has to cope.
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}

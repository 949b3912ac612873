//! A way to the server that can be cut and opened again.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    server: String,
    forwarding: AbortHandle,
}

impl Proxy {
    /// Opens a way on a free port to `server`, a `host:port`.
    pub(crate) async fn open(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let forwarding = tokio::spawn(forward(listener, server.to_owned())).abort_handle();
        Self {
            addr,
            server: server.to_owned(),
            forwarding,
        }
    }

    /// Ends every connection and refuses new ones.
    pub(crate) async fn cut(&self) {
        self.forwarding.abort();
        while TcpStream::connect(self.addr).await.is_ok() {}
    }

    /// Opens the way again, on the same port.
    pub(crate) async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        self.forwarding = tokio::spawn(forward(listener, self.server.clone())).abort_handle();
    }
}

async fn forward(listener: TcpListener, server: String) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut upstream = TcpStream::connect(&server).await.unwrap();
        connections.spawn(async move {
            // However it ends: the client under test has to cope.
            let _ = copy_bidirectional(&mut client, &mut upstream).await;
        });
    }
}

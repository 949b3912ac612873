//! What the good case costs, counted on the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{bus, token};
use crate::fixture::Fixture;

/// A way to PostgreSQL that counts the statements that go over it.
struct Meter {
    address: SocketAddr,
    server: String,
    statements: Arc<AtomicUsize>,
}

impl Meter {
    /// Opens a way to the server of `url`.
    async fn open(url: &SecretString) -> Self {
        let (_, server) = url.expose_secret().rsplit_once('@').unwrap();
        let server = server.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let meter = Self {
            address: listener.local_addr().unwrap(),
            server: server.clone(),
            statements: Arc::new(AtomicUsize::new(0)),
        };
        let statements = Arc::clone(&meter.statements);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let upstream = TcpStream::connect(&server).await.unwrap();
                let (requests, mut answers) = client.into_split();
                let (mut from_server, to_server) = upstream.into_split();
                tokio::spawn(async move { io::copy(&mut from_server, &mut answers).await });
                tokio::spawn(count(requests, to_server, Arc::clone(&statements)));
            }
        });
        meter
    }

    fn lead(&self, url: &SecretString) -> SecretString {
        let address = self.address.to_string();
        SecretString::from(url.expose_secret().replace(&self.server, &address))
    }

    fn statements(&self) -> usize {
        self.statements.load(Ordering::SeqCst)
    }
}

/// Passes on what a client says, and counts its `Execute` and `Query` messages (PostgreSQL's
/// frontend/backend protocol, message formats).
async fn count(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    statements: Arc<AtomicUsize>,
) -> io::Result<()> {
    const SSL_REQUEST: &[u8] = &80_877_103_i32.to_be_bytes();
    // What begins a connection has no type.
    while pass_on(&mut client, &mut server).await?.get(..4) == Some(SSL_REQUEST) {}
    loop {
        let kind = client.read_u8().await?;
        if matches!(kind, b'E' | b'Q') {
            statements.fetch_add(1, Ordering::SeqCst);
        }
        server.write_u8(kind).await?;
        pass_on(&mut client, &mut server).await?;
    }
}

/// Passes on a message's length and body, and returns the body.
async fn pass_on(client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    client.read_exact(&mut body).await?;
    server.write_u32(length).await?;
    server.write_all(&body).await?;
    Ok(body)
}

#[tokio::test]
async fn the_good_case_is_one_statement_by_a_role_that_can_write_nothing() {
    let mut fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let meter = Meter::open(&fixture.url).await;
    fixture.url = meter.lead(&fixture.url);
    let vault = fixture.access_vault(&bus().await).await;
    sqlx::query(
        "REVOKE UPDATE (last_used_at, due_at, access_refused_generation)
         ON credential
         FROM workapi_connectors",
    )
    .execute(&fixture.sql)
    .await
    .unwrap();
    token(&vault, &integration).await.unwrap();
    let before = meter.statements();

    for _ in 0..10 {
        token(&vault, &integration).await.unwrap();
    }

    assert_eq!(meter.statements() - before, 10);
    assert!(vault.flush_uses().await.is_err(), "the role can write");
}

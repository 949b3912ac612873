//! Authlib's authorization server as a child process, and the manifest that describes it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

/// The name of the provider, which is that of its manifest.
pub(crate) const PROVIDER: &str = "authlib";
pub(crate) const CLIENT_ID: &str = "work-api-tests";
/// Characters that mean something in a form, in a URL and in `Basic` (RFC 6749 section 2.3.1).
pub(crate) const CLIENT_SECRET: &str = "a:secret/with+odd%20&characters=";
/// Where [`workapi_tests::Stack`] takes callbacks.
pub(crate) const CALLBACK: &str = "http://gateway.test/auth/callback";

/// How long the server may take, on a busy machine, to start or to answer.
const DEADLINE: Duration = Duration::from_mins(1);

/// What kind of provider it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// `post` or `basic`.
    pub(crate) client_auth: &'static str,
    /// `id_token` or `userinfo`.
    pub(crate) account_source: &'static str,
    /// `RS256` or `ES256`.
    pub(crate) id_token_alg: &'static str,
    pub(crate) access_token_seconds: u32,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            client_auth: "post",
            account_source: "id_token",
            id_token_alg: "RS256",
            access_token_seconds: 3600,
        }
    }
}

/// A running authorization server. It ends when this is dropped, and with the test's process
/// however that ends: its standard input is a pipe from here.
#[derive(Debug)]
pub(crate) struct Authlib {
    _process: Child,
    url: Url,
    http: Client,
    manifests: TempDir,
}

impl Authlib {
    pub(crate) async fn start(kind: Kind) -> Self {
        let mut process = command(kind).spawn().expect("Python starts");
        let output = process.stdout.take().expect("the output is a pipe");
        let mut lines = BufReader::new(output).lines();
        let url = timeout(DEADLINE, lines.next_line())
            .await
            .expect("the server starts in time")
            .expect("its output is text")
            .expect(
                "the server starts: it says above why not, and `make authlib` is what it needs",
            );
        let manifests = TempDir::new().expect("a directory");
        let file = manifests.path().join(format!("{PROVIDER}.toml"));
        std::fs::write(file, manifest(kind, &url)).expect("the manifest is written");
        Self {
            _process: process,
            url: Url::parse(&url).expect("the server prints its URL"),
            http: Client::builder()
                .no_proxy()
                .timeout(DEADLINE)
                .build()
                .expect("an HTTP client"),
            manifests,
        }
    }

    /// Returns the directory with the manifest, for `WORK_API_PROVIDERS_DIR`.
    pub(crate) fn providers_dir(&self) -> PathBuf {
        self.manifests.path().to_owned()
    }

    /// Returns what the server did.
    pub(crate) async fn counters(&self) -> Value {
        let request = self.http.get(self.endpoint("counters"));
        let answer = request.send().await.expect("the server answers");
        answer.json().await.expect("counters are JSON")
    }

    /// Returns one of the counters.
    pub(crate) async fn count(&self, counter: &str) -> u64 {
        let counters = self.counters().await;
        counters[counter].as_u64().expect("a counter is a number")
    }

    /// Exchanges a code with the client's right secret, and returns the answer.
    pub(crate) async fn exchange(&self, code: &str, verifier: Option<&str>) -> (u16, Value) {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let request = self.http.post(self.endpoint("token")).form(&form);
        let answer = request.send().await.expect("the server answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("an answer is JSON"))
    }

    fn endpoint(&self, path: &str) -> Url {
        self.url.join(path).expect("a valid URL")
    }
}

fn command(kind: Kind) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dev = tests.parent().expect("the project's folder").join(".dev");
    let packages = dev.join("authlib");
    let python = dev.join("venv/bin/python");
    assert!(
        packages.exists() && python.exists(),
        "Authlib is not in {}: run `make authlib` first (`make test` does so itself)",
        packages.display()
    );
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(tests.join("authlib/server.py"))
        .args(["--client-id", CLIENT_ID])
        .args(["--client-secret", CLIENT_SECRET])
        .arg(format!("--client-auth=client_secret_{}", kind.client_auth))
        .args(["--redirect-uri", CALLBACK])
        .args(["--id-token-alg", kind.id_token_alg])
        .arg(format!(
            "--access-token-seconds={}",
            kind.access_token_seconds
        ))
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn manifest(kind: Kind, url: &str) -> String {
    let Kind {
        client_auth,
        account_source,
        ..
    } = kind;
    format!(
        r#"
display_name = "Authlib"
media_types = ["email"]
issuer = "{url}"

[endpoints]
authorize = "{url}/authorize"
token = "{url}/token"
userinfo = "{url}/userinfo"
revoke = "{url}/revoke"
jwks = "{url}/jwks"

[api]
email = "{url}/mail"

[scopes]
base = ["openid", "email", "offline_access"]
email = ["mail"]

[authorization]
iss_required = true

[token]
client_auth = "{client_auth}"

[account]
source = "{account_source}"

[revocation]
style = "rfc7009"
reach = "grant"

[refresh]
class = "D"
keep_fresh_days = 0
"#
    )
}

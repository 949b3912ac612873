//! The programs on their own, one process each, as on Kubernetes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use reqwest::StatusCode;
use rustix::process::Signal;
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use workapi_keyring::KeyRing;
use workapi_postgres::create_database;
use workapi_sandbox::Sandbox;
use workapi_testkit::{eventually, nats_url, postgres_url, redis_url, unique_prefix};

use crate::application::Application;
use crate::binary::{stderr, stdout, work_api};
use crate::process::Process;
use crate::provider::Provider;

const PROGRAMS: [&str; 4] = ["gateway", "integrations", "auth", "token-refresher"];
const SANDBOX_MANIFEST: &str = include_str!("../../../../crates/providers/manifests/sandbox.toml");

/// An installation of separate programs, on the servers of the test run.
struct Installation {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    provider: Provider,
    /// Ends the sandbox.
    _sandbox: tokio_util::sync::DropGuard,
}

impl Installation {
    /// Writes down everything that the programs need; the databases are empty.
    async fn new() -> Self {
        let sandbox = Sandbox::build(workapi_sandbox::Config::default()).await;
        let sandbox = sandbox.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| write(&folder.path().join(name), content);
        file(
            "sandbox.toml",
            &SANDBOX_MANIFEST.replace("{sandbox}", sandbox.issuer()),
        );
        let prefix = unique_prefix();
        let database = async |owner: &str| {
            let url = create_database(&postgres_url(), &format!("{prefix}{owner}")).await;
            url.unwrap().expose_secret().to_owned()
        };
        let url = |address: &String| format!("http://{address}");
        let [rest, admin, integrations, auth] = [(); 4].map(|()| free_address());
        let settings = vec![
            ("INTEGRATIONS_POSTGRES_URL", database("integrations").await),
            ("VAULT_POSTGRES_URL", database("vault").await),
            ("NATS_URL", nats_url().expose_secret().to_owned()),
            ("NATS_PREFIX", prefix.clone()),
            ("REDIS_URL", redis_url().expose_secret().to_owned()),
            ("REDIS_PREFIX", prefix.clone()),
            (
                "KEYRING_FILE",
                file("keyring", KeyRing::generate().unwrap().as_str()),
            ),
            ("ADMIN_TOKEN_FILE", file("admin-token", &"a".repeat(64))),
            (
                "INTERNAL_TOKEN_FILE",
                file("internal-token", &"i".repeat(64)),
            ),
            ("PROVIDERS_DIR", folder.path().display().to_string()),
            ("PUBLIC_URL", url(&rest)),
            ("ADMIN_URL", url(&admin)),
            ("INTEGRATIONS_GRPC_URL", url(&integrations)),
            ("AUTH_GRPC_URL", url(&auth)),
            ("GATEWAY_LISTEN", rest),
            ("ADMIN_LISTEN", admin),
            ("INTEGRATIONS_LISTEN", integrations),
            ("AUTH_LISTEN", auth),
        ];
        let provider = Provider::at(sandbox.admin_url().as_str());
        let stop = CancellationToken::new();
        tokio::spawn(sandbox.run(stop.clone()));
        Self {
            folder,
            settings,
            provider,
            _sandbox: stop.drop_guard(),
        }
    }

    fn setting(&self, name: &str) -> &str {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        &found.unwrap().1
    }

    /// Returns a `work-api` with the settings of this installation.
    fn command(&self, arguments: &str) -> Command {
        let mut command = work_api();
        command.args(arguments.split_whitespace());
        for (name, value) in &self.settings {
            command.env(format!("WORK_API_{name}"), value);
        }
        command
    }

    /// Runs a command that succeeds, and returns what it printed.
    fn done(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        stdout(&output).to_owned()
    }

    fn start(&self, name: &str) -> Program {
        let metrics = free_address();
        let mut command = self.command(name);
        command.env("WORK_API_METRICS_LISTEN", &metrics);
        Program {
            process: Process::start(command),
            metrics: format!("http://{metrics}"),
        }
    }

    /// Makes an environment with a client at the sandbox whose tokens live for seconds.
    async fn application(&self) -> Application {
        let key = self.folder.path().join("app.pem");
        let guid = self.done(&format!(
            "admin environment create --name app --key-out {}",
            key.display()
        ));
        let client = json!({
            "redirect_uris": [format!("{}/auth/callback", self.setting("PUBLIC_URL"))],
            "access_token_seconds": 4,
        });
        let client = self.provider.put_client("separate", &client).await;
        let secret = self.folder.path().join("client-secret");
        fs::write(&secret, client["client_secret"].as_str().unwrap()).unwrap();
        self.done(&format!(
            "admin provider set --environment {guid} --provider sandbox --client-id separate \
             --client-secret-file {}",
            secret.display()
        ));
        Application::new(self.setting("PUBLIC_URL"), &guid, key)
    }
}

/// One running program.
struct Program {
    process: Process,
    metrics: String,
}

impl Program {
    /// Returns what `/readyz` answers, once it answers.
    async fn readiness(&self) -> (StatusCode, String) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/readyz", self.metrics);
        eventually("an answer of /readyz", async || {
            let answer = http.get(&url).send().await.ok()?;
            Some((answer.status(), answer.text().await.unwrap()))
        })
        .await
    }

    async fn ready(&self) {
        eventually("readiness", async || {
            (self.readiness().await.0 == StatusCode::OK).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_connect_and_refresh_and_lose_no_grant_when_they_stop() {
    let installation = Installation::new().await;
    let pending = installation.command("migrate --check").output().unwrap();
    installation.done("migrate");
    let migrated = installation.done("migrate --check");

    let gateway = installation.start("gateway");
    let (alone, why) = gateway.readiness().await;
    let others = ["integrations", "auth", "token-refresher"].map(|name| installation.start(name));
    for program in others.iter().chain([&gateway]) {
        program.ready().await;
    }
    let [integrations, auth, refresher] = others;
    let application = installation.application().await;
    let integration = application.integration().await;
    integration.connect().await;
    let provider = &installation.provider;
    eventually("a refresh", async || {
        (provider.count("refreshes").await > 0).then_some(())
    })
    .await;

    // The gateway dies while the code of another user is exchanged, and auth is told to stop.
    let integration = application.integration().await;
    let callback = integration.consent().await;
    provider.hold_next_token().await;
    let (opened, ended) = tokio::join!(integration.open(callback), async {
        provider.holds_token().await;
        gateway.process.stop(Signal::KILL).await;
        auth.process.signal(Signal::TERM);
        auth.process
            .said("waiting for 1 × authorization code exchange")
            .await;
        provider.release().await;
        auth.process.ended().await
    });
    let [auth, gateway] = ["auth", "gateway"].map(|name| installation.start(name));
    gateway.ready().await;
    // The account is shown once auth has told integrations of it.
    eventually("the account", async || {
        integration.is_connected().await.then_some(())
    })
    .await;

    assert_eq!(pending.status.code(), Some(1), "{pending:?}");
    assert!(stdout(&pending).contains("integrations: "), "{pending:?}");
    assert!(stdout(&pending).contains("vault: "), "{pending:?}");
    assert_eq!(migrated, "");
    assert_eq!(alone, StatusCode::SERVICE_UNAVAILABLE);
    assert!(why.contains("auth-grpc"), "{why}");
    assert!(opened.is_err());
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    for program in [gateway, auth, refresher, integrations] {
        let ended = program.process.stop(Signal::TERM).await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    }
}

#[test]
fn a_missing_setting_is_bad_configuration_and_is_named() {
    for program in PROGRAMS {
        let output = work_api()
            .arg(program)
            .env("WORK_API_METRICS_LISTEN", "127.0.0.1:0")
            .output()
            .unwrap();

        let said = stderr(&output);
        let reason = said.lines().last().unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(reason.starts_with(&format!("work-api: {program} could not run: WORK_API_")));
        assert!(reason.ends_with(" must be set"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_still_starts_stops_when_told_to() {
    let mut installation = Installation::new().await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    let postgres = format!("postgres://{address}/integrations");
    installation.settings[0].1 = postgres;
    let program = installation.start("integrations");
    let (status, why) = program.readiness().await;

    let ended = program.process.stop(Signal::TERM).await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(why.contains("starting"), "{why}");
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

/// Returns an address that was free a moment ago: programs have to know of each other beforehand.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn write(path: &Path, content: &str) -> String {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(content.as_bytes()).unwrap();
    path.display().to_string()
}

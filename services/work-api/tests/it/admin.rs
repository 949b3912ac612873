//! `work-api admin` against the `dev` of a data directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::application::Application;
use crate::binary::{stderr, stdout, work_api};
use crate::dev::{Dev, data_dir, dev_on_shared_servers};
use crate::key::Key;

const NOBODY: &str = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10";

/// The admin commands of one `dev`.
pub(crate) struct Admin<'a>(pub(crate) &'a Path);

impl Admin<'_> {
    fn command(&self, arguments: &str) -> Command {
        let mut command = work_api();
        command
            .args(["admin", "--data-dir"])
            .arg(self.0)
            .args(arguments.split_whitespace());
        command
    }

    /// Runs a command.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that succeeds, and returns what it printed.
    pub(crate) fn done(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        stdout(&output).to_owned()
    }

    /// Runs a command that succeeds, and returns what it printed for programs.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{arguments} --output json"))).unwrap()
    }

    fn create_environment(&self, key: &Path) -> String {
        let key = key.display();
        self.done(&format!("environment create --name app --key-out {key}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_created_shown_and_deleted() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let key = folder.path().join("app.pem");

    let guid = admin.create_environment(&key);
    let again = admin.run(&format!(
        "environment create --name app --key-out {}",
        key.display()
    ));
    let shown = admin.json(&format!("environment show {guid}"));
    let (user, _) = Application::new(dev.json("url"), &guid, &key)
        .create_user()
        .await;
    let listed = admin.json("environment list");
    admin.done(&format!("environment delete {guid}"));
    let gone = admin.run(&format!("environment show {guid}"));

    assert_eq!(user, StatusCode::CREATED);
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("exists already and is not overwritten"));
    let created_at = &shown["created_at"];
    assert_eq!(shown["name"], "app");
    assert!(
        shown["public_key"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN PUBLIC KEY-----")
    );
    assert!(created_at.as_str().unwrap().ends_with('Z'), "{created_at}");
    let expected = json!({ "guid": guid, "name": "app", "created_at": created_at });
    assert!(listed.as_array().unwrap().contains(&expected), "{listed}");
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("has no such environment"));
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_environment_keeps_its_guid_and_its_applications() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let key = Key::new_in(folder.path());
    let import = format!(
        "environment import --guid {NOBODY} --public-key {}",
        key.public_pem.display()
    );

    let application = Application::new(dev.json("url"), NOBODY, &key.pkcs1);
    let (before, _) = application.create_user().await;
    let imported = admin.json(&import);
    let (after, user) = application.create_user().await;
    let again = admin.run(&import);

    assert_eq!(before, StatusCode::NOT_FOUND);
    assert_eq!(imported["guid"], NOBODY);
    assert_eq!(after, StatusCode::CREATED, "{user}");
    assert_eq!(again.status.code(), Some(1));
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_configs_are_set_listed_and_deleted_and_never_show_a_secret() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let guid = dev.json("environment_guid");
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2hunter2\n").unwrap();
    let set = format!(
        "provider set --environment {guid} --provider gmail --client-id my-client \
         --client-secret-file {}",
        secret.display()
    );

    let plain = admin.done(&set);
    let config = admin.json(&set);
    let listed = admin.done(&format!("provider list --environment {guid}"));
    let unknown = admin.run(&set.replace("gmail", "gmial"));
    let nowhere = admin.run(&set.replace(guid, NOBODY));
    admin.done(&format!(
        "provider delete --environment {guid} --provider gmail"
    ));
    let left = admin.json(&format!("provider list --environment {guid}"));

    assert_eq!(plain, format!("{guid}  gmail  my-client"));
    assert_eq!(
        (&config["environment_guid"], &config["client_id"]),
        (&json!(guid), &json!("my-client"))
    );
    assert_eq!(listed.lines().count(), 2);
    assert!(listed.contains("  sandbox  work-api-dev"));
    assert!(!format!("{config}{listed}").contains("hunter2"));
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("sandbox"), "{unknown:?}");
    assert_eq!(nowhere.status.code(), Some(1));
    assert_eq!(left.as_array().unwrap().len(), 1);
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn return_origins_are_allowed_listed_and_withdrawn() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let guid = dev.json("environment_guid");
    let origin = |verb: &str, origin: &str| {
        admin.run(&format!(
            "return-origin {verb} --environment {guid} {origin}"
        ))
    };

    let added = origin("add", "HTTPS://App.example.com:443");
    let private = origin("add", "com.example.app:/done");
    let refused = origin("add", "javascript:alert(1)");
    let listed = admin.json(&format!("return-origin list --environment {guid}"));
    let removed = origin("remove", "https://app.example.com");
    let missing = origin("remove", "https://app.example.com");

    assert_eq!(stdout(&private), "com.example.app:/done");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert_eq!(
        listed,
        json!(["com.example.app:/done", "https://app.example.com"])
    );
    assert_eq!(removed.status.code(), Some(0));
    assert_eq!(missing.status.code(), Some(1));
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_checked_and_its_token_is_not_shown() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let integration = Application::of(&dev).integration().await;
    let check = format!("credential check {}", integration.id());

    let pending = admin.run(&check);
    integration.connect().await;
    let plain = admin.done(&check);
    let checked = admin.json(&format!("{check} --min-remaining 60"));
    let no_id = admin.run("credential check an-id");
    dev.stop().await;
    let stopped = admin.run(&check);

    assert_eq!(pending.status.code(), Some(1));
    assert!(stdout(&pending).starts_with("state         pending\n"));
    assert!(stdout(&pending).contains("action        reconnect"));
    assert!(plain.starts_with("state         active\n"), "{plain}");
    assert!(plain.contains("generation    1\n"), "{plain}");
    let expires_in = checked["expires_in"].as_i64().unwrap();
    assert!((1..=60).contains(&expires_in), "{checked}");
    let expected = json!({
        "integration_id": integration.id(), "usable": true, "state": "active", "cause": null,
        "action": "none", "generation": 1, "expires_in": expires_in, "refresh": "fresh",
        "retry_after": null,
    });
    assert_eq!(checked, expected);
    assert_eq!(no_id.status.code(), Some(2));
    assert_eq!(stopped.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_is_named_by_options_or_variables_and_asks_for_its_token() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let [url, token] = ["admin_url", "admin_token_path"].map(|name| dev.json(name).to_owned());
    let (url, token) = (url.as_str(), token.as_str());
    let wrong = folder.path().join("wrong-token");
    fs::write(&wrong, "0123456789012345678901234567890123456789").unwrap();
    let list = || {
        let mut command = work_api();
        command.args(["admin", "environment", "list"]);
        command.current_dir(folder.path());
        command
    };

    let by_options = list()
        .args(["--admin-url", url, "--admin-token-file", token])
        .output()
        .unwrap();
    let by_variables = list()
        .env("WORK_API_ADMIN_URL", url)
        .env("WORK_API_ADMIN_TOKEN_FILE", token)
        .output()
        .unwrap();
    let both = list()
        .args(["--admin-url", url, "--data-dir", "."])
        .output()
        .unwrap();
    let without_token = list().args(["--admin-url", url]).output().unwrap();
    let with_wrong_token = list()
        .args(["--admin-url", url, "--admin-token-file"])
        .arg(&wrong)
        .output()
        .unwrap();
    dev.stop().await;
    let stopped = list()
        .args(["--admin-url", url, "--admin-token-file", token])
        .output();

    assert_eq!(stdout(&by_options).lines().count(), 1, "{by_options:?}");
    assert_eq!(stdout(&by_options), stdout(&by_variables));
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(without_token.status.code(), Some(1));
    assert!(stderr(&without_token).contains("WORK_API_ADMIN_TOKEN_FILE"));
    assert_eq!(with_wrong_token.status.code(), Some(1));
    assert!(stderr(&with_wrong_token).contains("does not accept the admin token"));
    assert!(stderr(&stopped.unwrap()).contains("nothing answers at the admin listener"));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_secrets_are_added_in_order_listed_without_the_secret_and_removed() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let client = format!(
        "--environment {} --provider sandbox",
        dev.json("environment_guid")
    );
    let add = |value: &str| {
        let file = folder.path().join(value);
        fs::write(&file, format!("{value}\n")).unwrap();
        format!(
            "provider secret add {client} --client-secret-file {}",
            file.display()
        )
    };
    let listing = format!("provider secret list {client}");

    let dev_secret = admin.done(&listing);
    let last = admin.done(&add("hunter2-last"));
    let first = admin.json(&format!("{} --first", add("hunter2-first")));
    let again = admin.run(&add("hunter2-last"));
    let listed = admin.json(&listing);
    let plain = admin.done(&listing);
    admin.done(&format!("provider secret remove {client} {last}"));
    let first = first["id"].as_str().unwrap();
    admin.done(&format!("provider secret remove {client} {first}"));
    let left = admin.done(&listing);
    let (only, _) = left.split_once("  ").unwrap();
    let refused = admin.run(&format!("provider secret remove {client} {only}"));
    let missing = admin.run(&format!("provider secret remove {client} {last}"));

    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0]["id"], first);
    assert_eq!(listed[2]["id"], last);
    for (position, secret) in (1..).zip(listed) {
        assert_eq!(secret["position"], position);
        assert!(secret["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(secret.as_object().unwrap().len(), 3);
    }
    let lines: Vec<_> = plain.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with(&format!("{last}  3  ")), "{plain}");
    assert_eq!(left, dev_secret);
    assert!(!plain.contains("hunter2"));
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("the client has this secret already"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("it is the client's only secret; add another one first"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("no such secret of a client at sandbox"));
    assert_eq!(admin.done(&listing), left);
    dev.stop().await;
}

//! What the layers give together, and what is refused.

#![cfg(test)]

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use workapi_config::{Error, Loaded, LogFormat, Origin, Settings};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn from_variables(variables: &[(&str, &str)]) -> Result<Loaded, Error> {
    Settings::load(None, os(variables))
}

fn os(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn refusal(variables: &[(&str, &str)]) -> String {
    from_variables(variables).unwrap_err().to_string()
}

/// A folder with one file in it, gone when the test ends.
struct OneFile {
    path: PathBuf,
    _folder: TempDir,
}

impl OneFile {
    fn with(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        Self {
            path,
            _folder: folder,
        }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

#[test]
fn without_anything_given_every_setting_has_its_default() {
    let settings = from_variables(&[("HOME", "/nowhere")]).unwrap().settings;

    assert_eq!(settings.data_dir, PathBuf::from(".work-api"));
    assert_eq!(settings.user_token_ttl, Duration::from_hours(28 * 24));
    assert_eq!(settings.log_format, LogFormat::Text);
    assert!(settings.postgres_url.is_none());
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = OneFile::with("log = \"debug\"\nlog_format = \"json\"\nuser_token_ttl = \"1h\"");

    let loaded = Settings::load(Some(&file.path), os(&[("WORK_API_LOG", "warn")])).unwrap();

    assert_eq!(loaded.settings.log, "warn");
    assert_eq!(loaded.settings.log_format, LogFormat::Json);
    assert_eq!(loaded.settings.user_token_ttl, Duration::from_hours(1));
}

#[test]
fn the_variable_of_the_ruby_sdk_is_none_of_ours() {
    let loaded = from_variables(&[("WORK_API_HOST", "http://127.0.0.1:8080")]);

    assert!(loaded.is_ok());
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let loaded = from_variables(&[
        ("WORK_API_LOG", ""),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        ("WORK_API_TYPO", ""),
    ])
    .unwrap();

    assert_eq!(loaded.settings.log, "info");
    assert!(loaded.settings.otlp_endpoint.is_none());
}

#[test]
fn the_trace_endpoint_has_its_standard_name() {
    let loaded =
        from_variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")]).unwrap();

    let endpoint = loaded.settings.otlp_endpoint.unwrap();
    assert_eq!(endpoint.as_str(), "http://127.0.0.1:4317/");
}

#[test]
fn a_secret_can_stand_in_a_file_of_its_own() {
    let secret = OneFile::with(&format!("{TOKEN}\n"));

    let loaded = from_variables(&[("WORK_API_ADMIN_TOKEN_FILE", secret.path())]).unwrap();

    let token = loaded.settings.admin_token.unwrap();
    assert_eq!(token.expose_secret(), TOKEN);
}

#[test]
fn a_secret_of_the_environment_replaces_one_that_the_file_names() {
    let secret = OneFile::with("postgres://from-a-file/x");
    let file = OneFile::with(&format!("postgres_url_file = {:?}", secret.path()));
    let variables = os(&[("WORK_API_POSTGRES_URL", "postgres://from-the-environment/x")]);

    let loaded = Settings::load(Some(&file.path), variables).unwrap();

    let url = loaded.settings.postgres_url.unwrap();
    assert_eq!(url.expose_secret(), "postgres://from-the-environment/x");
}

#[test]
fn a_secret_given_twice_in_one_place_is_refused() {
    let said = refusal(&[
        ("WORK_API_ADMIN_TOKEN", TOKEN),
        ("WORK_API_ADMIN_TOKEN_FILE", "token"),
    ]);

    assert_eq!(
        said,
        "WORK_API_ADMIN_TOKEN and WORK_API_ADMIN_TOKEN_FILE are both set: give one of them"
    );
}

#[test]
fn an_unreadable_or_empty_secret_file_is_named() {
    let empty = OneFile::with("\n");

    let missing = refusal(&[("WORK_API_REDIS_URL_FILE", "/no/such/file")]);
    let blank = refusal(&[("WORK_API_REDIS_URL_FILE", empty.path())]);

    assert_eq!(
        missing,
        "cannot read /no/such/file, which WORK_API_REDIS_URL_FILE names"
    );
    assert_eq!(blank, "WORK_API_REDIS_URL_FILE: the file is empty");
}

#[test]
fn an_unknown_name_is_refused_with_the_one_that_was_meant() {
    let file = OneFile::with("postgress_url = \"postgres://a/b\"");

    let in_environment = refusal(&[("WORK_API_POSTGRES_ULR", "postgres://a/b")]);
    let in_file = Settings::load(Some(&file.path), []).unwrap_err();
    let like_nothing = refusal(&[("WORK_API_QQQQ", "1")]);

    assert_eq!(
        in_environment,
        "WORK_API_POSTGRES_ULR is not a setting: is WORK_API_POSTGRES_URL meant?"
    );
    assert_eq!(
        in_file.to_string(),
        format!(
            "postgress_url in {} is not a setting: is postgres_url meant?",
            file.path()
        )
    );
    assert_eq!(like_nothing, "WORK_API_QQQQ is not a setting");
}

#[test]
fn variables_of_kubernetes_services_and_of_test_runs_are_not_ours() {
    let loaded = from_variables(&[
        ("WORK_API_GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("WORK_API_PORT", "tcp://10.0.0.1:8080"),
        ("WORK_API_TEST_POSTGRES_URL", "postgres://127.0.0.1/x"),
        ("WORK_API_CONFIG", "work-api.toml"),
    ]);

    assert!(loaded.is_ok());
}

#[test]
fn a_value_that_cannot_be_used_is_refused_with_what_is_allowed() {
    for (name, value, said) in [
        (
            "WORK_API_GATEWAY_LISTEN",
            "localhost:80",
            "\"localhost:80\" is not an IP address with a port, such as 127.0.0.1:8080 or [::]:8080",
        ),
        (
            "WORK_API_PUBLIC_URL",
            "ftp://example.test",
            "not an http:// or https:// URL without user, query and fragment",
        ),
        (
            "WORK_API_USER_TOKEN_TTL",
            "28",
            "\"28\" is not a duration above zero, such as 90s, 15m, 12h or 28d",
        ),
        ("WORK_API_LOG_FORMAT", "xml", "\"xml\" is not text or json"),
        (
            "WORK_API_NATS_PREFIX",
            "a.b",
            "a prefix has at most 64 letters, digits, - and _",
        ),
        (
            "WORK_API_NATS_URL",
            "nats://a:4222,http://b",
            "not a URL that starts with nats:// or tls:// and names a host",
        ),
    ] {
        assert_eq!(refusal(&[(name, value)]), format!("{name}: {said}"));
    }
}

#[test]
fn a_count_can_be_text_in_the_environment_and_a_number_in_a_file_and_is_shown() {
    let file = OneFile::with("refresher_replicas = 3");

    let loaded = Settings::load(
        Some(file.path.as_path()),
        os(&[("WORK_API_REFRESHER_AT_ONCE", "7")]),
    )
    .unwrap();

    assert_eq!(loaded.settings.refresher_replicas.get(), 3);
    assert_eq!(loaded.settings.refresher_at_once.get(), 7);
    let shown: Vec<_> = loaded
        .entries()
        .unwrap()
        .into_iter()
        .filter(|entry| entry.name.starts_with("refresher"))
        .map(|entry| (entry.name, entry.value.unwrap()))
        .collect();
    let expected = [("refresher_at_once", "7"), ("refresher_replicas", "3")];
    assert_eq!(
        shown,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_count_that_is_none_is_refused_with_what_is_allowed() {
    for text in ["0", "-1", "many", "65536"] {
        assert_eq!(
            refusal(&[("WORK_API_REFRESHER_REPLICAS", text)]),
            format!(
                "WORK_API_REFRESHER_REPLICAS: \"{text}\" is not a whole number from 1 to 65535"
            )
        );
    }
}

#[test]
fn a_refused_secret_is_not_repeated() {
    let file = OneFile::with("admin_token = 271828");

    let short = refusal(&[("WORK_API_ADMIN_TOKEN", "hunter2")]);
    let not_a_url = refusal(&[("WORK_API_POSTGRES_URL", "hunter2@db")]);
    let number = Settings::load(Some(&file.path), []).unwrap_err();

    assert!(!short.contains("hunter2"), "{short}");
    assert!(!not_a_url.contains("hunter2"), "{not_a_url}");
    assert_eq!(
        number.to_string(),
        format!("admin_token in {}: must be text in quotes", file.path())
    );
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_named() {
    let file = OneFile::with("log = ");

    let broken = Settings::load(Some(&file.path), []).unwrap_err();
    let missing = Settings::load(Some("/no/such.toml".as_ref()), []).unwrap_err();

    let beginning = format!("the configuration file {} is not valid TOML", file.path());
    assert!(broken.to_string().starts_with(&beginning), "{broken}");
    assert_eq!(
        missing.to_string(),
        "cannot read the configuration file /no/such.toml"
    );
}

#[test]
fn entries_tell_origins_and_hide_secrets() {
    let loaded = from_variables(&[
        ("WORK_API_LOG", "debug"),
        ("WORK_API_POSTGRES_URL", "postgres://u:hunter2@db/x"),
    ])
    .unwrap();

    let entries = loaded.entries().unwrap();

    let shown = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        (entry.value.as_deref(), entry.origin.to_string())
    };
    assert_eq!(shown("log"), (Some("debug"), "WORK_API_LOG".to_owned()));
    assert_eq!(
        shown("postgres_url"),
        (Some("(hidden)"), "WORK_API_POSTGRES_URL".to_owned())
    );
    assert_eq!(
        shown("user_token_ttl"),
        (Some("2419200s"), "default".to_owned())
    );
    assert_eq!(shown("public_url"), (None, Origin::Default.to_string()));
}

#[test]
fn debug_output_of_settings_shows_no_secret() {
    let loaded = from_variables(&[("WORK_API_POSTGRES_URL", "postgres://u:hunter2@db/x")]).unwrap();

    let shown = format!("{loaded:?}");

    assert!(!shown.contains("hunter2"), "{shown}");
}

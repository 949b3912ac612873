//! What real providers' errors come to mean, by their manifests alone.
//!
//! Each file in `golden/<provider>/` is one answer of a token endpoint, with where it was found and
//! what it means. Names, numbers and ids in it are made up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};
use workapi_oauth::{
    Classification, Client, ErrorCode, HttpClient, RefreshRequest, TokenError, classify,
};
use workapi_providers::{Action, Catalogue, Cause, Manifest};
use workapi_types::{ClientSecret, RefreshToken};

const GOOGLE: [&str; 3] = ["gcal", "gdrive", "gmail"];

/// An answer of a provider.
struct Golden {
    /// `<provider>/<name>`.
    name: String,
    source: String,
    /// Cause, action and effect.
    means: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Golden {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let (head, body) = text
            .split_once("\n\n")
            .expect("an empty line before the body");
        let mut golden = Self {
            name: format!("{}/{}", stem(file.parent().unwrap()), stem(file)),
            source: String::new(),
            means: String::new(),
            status: 0,
            headers: Vec::new(),
            body: body.trim_end().to_owned(),
        };
        for line in head.lines() {
            golden.read_line(line);
        }
        golden
    }

    fn read_line(&mut self, line: &str) {
        if let Some(source) = line.strip_prefix("# source: ") {
            source.clone_into(&mut self.source);
        } else if let Some(means) = line.strip_prefix("# means: ") {
            means.clone_into(&mut self.means);
        } else if let Some(status) = line.strip_prefix("HTTP ") {
            self.status = status.parse().unwrap();
        } else if !line.starts_with("# note: ") {
            let (name, value) = line.split_once(": ").expect("a header");
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn provider(&self) -> &str {
        self.name.split_once('/').unwrap().0
    }

    fn answer(&self) -> ResponseTemplate {
        let header = |name| self.headers.iter().find(|(header, _)| header == name);
        let media_type = &header("content-type").expect("a content type").1;
        let answer = ResponseTemplate::new(self.status).set_body_raw(self.body.clone(), media_type);
        match header("retry-after") {
            Some((name, value)) => answer.insert_header(name.as_str(), value.as_str()),
            None => answer,
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns what is in a folder, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap();
    let mut entries: Vec<_> = read.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let files = entries(&folder).into_iter().flat_map(|one| entries(&one));
    files.map(|file| Golden::read(&file)).collect()
}

/// Every provider that comes with Work API, built in or as an example.
fn catalogue() -> Catalogue {
    Catalogue::load(None, Some(&repository().join("docs/providers"))).unwrap()
}

/// The manifests whose errors are in a folder: Google has three.
fn manifests(folder: &str) -> Vec<Manifest> {
    let catalogue = catalogue();
    let names = if folder == "google" {
        &GOOGLE[..]
    } else {
        &[folder]
    };
    let manifests = names.iter().map(|name| catalogue.find(name).unwrap());
    manifests
        .map(|manifest| manifest.as_ref().clone())
        .collect()
}

/// Refreshes at a provider that answers so, with the real client.
async fn refused(golden: &Golden, manifest: &Manifest, server: &MockServer) -> TokenError {
    let mut manifest = manifest.clone();
    manifest.token.endpoint = format!("{}/{}", server.uri(), golden.name).parse().unwrap();
    let client = Client::new(HttpClient::new().unwrap());
    let request = RefreshRequest {
        manifest: &manifest,
        client_id: "client-1",
        client_secrets: &[ClientSecret::new("secret-1")],
        refresh_token: &RefreshToken::new("refresh-1"),
        deadline: Duration::from_secs(10),
    };
    client.refresh(request).await.expect_err(&golden.name)
}

async fn server(goldens: &[Golden]) -> MockServer {
    let server = MockServer::start().await;
    for golden in goldens {
        Mock::given(path(format!("/{}", golden.name)))
            .respond_with(golden.answer())
            .mount(&server)
            .await;
    }
    server
}

fn described(classification: Classification, error: &TokenError) -> String {
    let effect = if error.may_have_taken_effect() {
        "unknown"
    } else {
        "no"
    };
    let Classification { cause, action } = classification;
    format!("{cause}, {action}, {effect} effect")
}

#[tokio::test]
async fn every_golden_answer_means_what_its_file_says() {
    let goldens = goldens();
    let server = server(&goldens).await;
    let (mut expected, mut actual) = (Vec::new(), Vec::new());

    for golden in &goldens {
        for manifest in manifests(golden.provider()) {
            let error = refused(golden, &manifest, &server).await;
            let means = described(classify(&manifest, &error), &error);
            actual.push(format!("{} {}: {means}", manifest.name, golden.name));
            expected.push(format!(
                "{} {}: {}",
                manifest.name, golden.name, golden.means
            ));
            let waits = golden.headers.iter().any(|(name, _)| name == "retry-after");
            assert_eq!(error.retry_after().is_some(), waits, "{}", golden.name);
        }
    }

    assert_eq!(actual, expected);
    assert!(expected.len() > 70, "the goldens are not found");
}

#[test]
fn every_golden_answer_says_where_it_comes_from() {
    for golden in goldens() {
        assert!(golden.source.contains("https://"), "{}", golden.name);
    }
}

#[tokio::test]
async fn every_rule_of_every_manifest_is_met_by_a_golden_answer() {
    let goldens = goldens();
    let server = server(&goldens).await;
    let mut met = BTreeSet::new();
    for golden in &goldens {
        for manifest in manifests(golden.provider()) {
            let error = refused(golden, &manifest, &server).await;
            if let Some(rule) = first_rule(&manifest, &error) {
                met.insert((manifest.name.to_string(), rule));
            }
        }
    }

    let every: BTreeSet<_> = catalogue()
        .manifests()
        .flat_map(|manifest| {
            let rules = 0..manifest.errors.len();
            rules.map(|rule| (manifest.name.to_string(), rule))
        })
        .collect();
    assert_eq!(met, every);
}

/// Returns which rule of the manifest is the first about a refusal.
fn first_rule(manifest: &Manifest, error: &TokenError) -> Option<usize> {
    let TokenError::Rejected {
        status,
        error,
        subtype,
        ..
    } = error
    else {
        panic!("{error}");
    };
    let [error, subtype] = [error, subtype].map(|code| code.as_ref().map(ErrorCode::as_str));
    let mut rules = manifest.errors.iter();
    rules.position(|rule| rule.matches(*status, error, subtype))
}

/// Subtypes change without notice, so that they tell developers more and never decide.
#[test]
fn a_subtype_refines_the_cause_and_never_what_has_to_happen() {
    let mut refined = 0;
    for manifest in catalogue().manifests() {
        for rule in manifest.errors.iter().filter(|rule| rule.subtype.is_some()) {
            let without = TokenError::Rejected {
                status: rule.status.unwrap_or(400),
                error: rule.error.as_deref().and_then(ErrorCode::parse),
                subtype: None,
                retry_after: None,
                outcome_unknown: false,
            };

            assert_eq!(classify(manifest, &without).action, rule.action, "{rule:?}");
            refined += 1;
        }
    }
    assert_eq!(refined, 3 * 2 + 6, "Google's and Microsoft's");
}

/// A dead grant and a wrong client are permanent: neither is waited for, so that neither is
/// tried for ever.
#[tokio::test]
async fn fm_11_a_permanent_error_is_never_waited_for() {
    let goldens = goldens();
    let server = server(&goldens).await;
    let temporary = ["rate_limited", "provider_unavailable"];

    let mut waiting = Vec::new();
    for golden in goldens.iter().filter(|golden| golden.status < 500) {
        let manifest = &manifests(golden.provider())[0];
        let error = refused(golden, manifest, &server).await;
        let Classification { cause, action } = classify(manifest, &error);
        if action == Action::Wait && !temporary.contains(&cause.as_str()) {
            waiting.push(golden.name.clone());
        }
    }

    // The one that says nothing to programs.
    assert_eq!(waiting, ["google/rate_limit_page"]);
}

/// What is the operator's fault is never put down to the user (failure mode FM-10).
#[tokio::test]
async fn fm_10_a_wrong_secret_is_the_operators_at_every_provider() {
    let goldens = goldens();
    let server = server(&goldens).await;
    let mut providers = BTreeSet::new();

    for golden in goldens.iter().filter(|golden| {
        let (_, name) = golden.name.split_once('/').unwrap();
        name.starts_with("wrong_") || name == "expired_secret"
    }) {
        let manifest = &manifests(golden.provider())[0];
        let error = refused(golden, manifest, &server).await;

        let Classification { cause, action } = classify(manifest, &error);
        assert_eq!(cause, Cause::OperatorConfig, "{}", golden.name);
        assert_eq!(action, Action::Operator, "{}", golden.name);
        providers.insert(golden.provider().to_owned());
    }

    let folders = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden"));
    assert_eq!(
        providers,
        folders.iter().map(|folder| stem(folder)).collect()
    );
}

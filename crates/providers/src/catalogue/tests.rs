use std::time::Duration;

use tempfile::TempDir;
use workapi_types::MediaType;

use super::*;
use crate::{
    AccountSource, Action, BodyFormat, Cause, ClientAuth, MobileRedirect, Pkce, Reach,
    RevocationToken, RotationClass,
};

/// The least that a new provider needs.
const MINIMAL: &str = r#"
display_name = "Files"
media_types = ["file"]

[endpoints]
authorize = "https://files.example.com/authorize"
token = "https://files.example.com/token"
userinfo = "https://files.example.com/me"

[scopes]
file = ["files.read"]

[account]
source = "userinfo"
"#;

struct Directory(TempDir);

impl Directory {
    fn with(file: &str, text: &str) -> Self {
        let directory = Self(TempDir::new().unwrap());
        directory.add(file, text);
        directory
    }

    fn add(&self, file: &str, text: &str) {
        fs::write(self.0.path().join(file), text).unwrap();
    }

    fn load(&self) -> Result<Catalogue, Error> {
        let sandbox = sandbox_url();
        Catalogue::load(Some(&sandbox), Some(self.0.path()))
    }

    /// Returns the message without the path of the temporary directory.
    fn refusal(&self) -> String {
        let message = self.load().unwrap_err().to_string();
        message.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn sandbox_url() -> Url {
    "http://127.0.0.1:9999".parse().unwrap()
}

fn built_in_catalogue() -> Catalogue {
    let sandbox = sandbox_url();
    Catalogue::load(Some(&sandbox), None).unwrap()
}

fn names(catalogue: &Catalogue) -> Vec<&str> {
    catalogue.names().map(ProviderName::as_str).collect()
}

#[test]
fn the_built_in_providers_are_there() {
    assert_eq!(
        names(&built_in_catalogue()),
        ["gcal", "gdrive", "gmail", "sandbox"]
    );
}

#[test]
fn without_a_sandbox_there_is_no_provider_sandbox() {
    let catalogue = Catalogue::load(None, None).unwrap();

    assert_eq!(names(&catalogue), ["gcal", "gdrive", "gmail"]);
}

#[test]
fn the_google_providers_differ_in_name_media_type_and_scope_only() {
    let catalogue = built_in_catalogue();
    let expected = [
        ("gmail", MediaType::Email, "https://mail.google.com/"),
        (
            "gcal",
            MediaType::Event,
            "https://www.googleapis.com/auth/calendar",
        ),
        (
            "gdrive",
            MediaType::File,
            "https://www.googleapis.com/auth/drive",
        ),
    ];

    for (name, media_type, scope) in expected {
        let manifest = catalogue.find(name).unwrap();
        assert_eq!(manifest.media_types, [media_type]);
        let scopes = manifest.scopes_for(media_type);
        assert_eq!(scopes, ["openid", "email", scope].into_iter().collect());
        assert!(manifest.api(media_type).unwrap().path().ends_with('/'));

        let authorization = &manifest.authorization;
        assert_eq!(
            authorization.endpoint.as_str(),
            "https://accounts.google.com/o/oauth2/v2/auth"
        );
        assert_eq!(authorization.pkce, Pkce::S256);
        assert!(authorization.offline && !authorization.iss_required);
        assert_eq!(
            authorization.issuer.as_deref(),
            Some("https://accounts.google.com")
        );
        let params: Vec<_> = authorization.params.iter().collect();
        assert_eq!(
            format!("{params:?}"),
            r#"[("access_type", "offline"), ("prompt", "consent")]"#
        );

        assert_eq!(
            manifest.token.endpoint.as_str(),
            "https://oauth2.googleapis.com/token"
        );
        assert_eq!(manifest.token.client_auth, ClientAuth::Post);
        assert_eq!(manifest.token.body, BodyFormat::Form);
        assert_eq!(manifest.mobile_redirect, Some(MobileRedirect::Empty));
        assert!(matches!(manifest.account.source, AccountSource::IdToken(_)));

        let revocation = manifest.revocation.as_ref().unwrap();
        assert_eq!(revocation.reach, Reach::Project);
        assert_eq!(revocation.token, RevocationToken::Refresh);
        assert_eq!(manifest.refresh.class, RotationClass::A);
    }
}

#[test]
fn the_sandbox_gets_its_address_at_run_time() {
    let catalogue = built_in_catalogue();

    let sandbox = catalogue.find("sandbox").unwrap();

    assert_eq!(
        sandbox.token.endpoint.as_str(),
        "http://127.0.0.1:9999/token"
    );
    assert_eq!(
        sandbox.authorization.issuer.as_deref(),
        Some("http://127.0.0.1:9999")
    );
    assert_eq!(sandbox.media_types, MediaType::ALL);
    assert_eq!(sandbox.refresh.class, RotationClass::D);
    assert_eq!(sandbox.refresh.keep_fresh, None);
    assert!(
        sandbox
            .scopes_for(MediaType::Event)
            .contains("offline_access")
    );
}

#[test]
fn only_the_built_in_sandbox_may_leave_its_address_open() {
    let text = MINIMAL.replace("https://files.example.com/token", "{sandbox}/token");

    let refusal = Directory::with("files.toml", &text).refusal();

    assert_eq!(
        refusal,
        "failed to load the provider manifest files.toml: `endpoints.token`: must be an absolute URL"
    );
}

#[test]
fn a_new_provider_is_added_with_the_careful_defaults() {
    let catalogue = Directory::with("files.toml", MINIMAL).load().unwrap();

    let files = catalogue.find("files").unwrap();

    assert_eq!(files.authorization.pkce, Pkce::S256);
    assert!(files.authorization.offline);
    assert_eq!(files.token.client_auth, ClientAuth::Post);
    assert_eq!(files.token.default_expires_in, Duration::from_hours(1));
    assert_eq!(files.token.deadline, Duration::from_secs(30));
    assert_eq!(files.mobile_redirect, None);
    assert!(files.revocation.is_none());
    assert_eq!(files.refresh.class, RotationClass::D);
    assert_eq!(files.refresh.max_concurrency.get(), 16);
    assert_eq!(files.refresh.keep_fresh, Some(Duration::from_hours(7 * 24)));
    assert!(matches!(
        &files.account.source,
        AccountSource::Userinfo { authority, .. } if authority == "https://files.example.com"
    ));
}

#[test]
fn a_built_in_name_is_merged_key_by_key_and_arrays_are_replaced() {
    let text = r#"
        [endpoints]
        token = "http://127.0.0.1:1234/token"
        [scopes]
        base = ["email"]
        [refresh]
        class = "C"
        grace_seconds = 120
        [[errors]]
        error = "gone"
        cause = "revoked_by_user"
        action = "reconnect"
    "#;

    let catalogue = Directory::with("gmail.toml", text).load().unwrap();

    let gmail = catalogue.find("gmail").unwrap();
    assert_eq!(gmail.token.endpoint.as_str(), "http://127.0.0.1:1234/token");
    assert_eq!(
        gmail.authorization.endpoint.host_str(),
        Some("accounts.google.com")
    );
    assert_eq!(
        gmail.scopes_for(MediaType::Email),
        ["email", "https://mail.google.com/"].into_iter().collect()
    );
    assert_eq!(gmail.refresh.class, RotationClass::C);
    assert_eq!(gmail.refresh.grace, Some(Duration::from_mins(2)));
    assert_eq!(gmail.errors.len(), 1);
    assert_eq!(gmail.errors[0].cause, Cause::RevokedByUser);
}

#[test]
fn other_files_in_the_directory_are_left_alone() {
    let directory = Directory::with("files.toml", MINIMAL);
    directory.add("README.md", "not a manifest");
    fs::create_dir(directory.0.path().join("..data")).unwrap();

    let catalogue = directory.load().unwrap();

    assert!(catalogue.find("files").is_ok());
}

#[test]
fn a_missing_directory_is_named() {
    let error = Catalogue::load(None, Some(Path::new("no/such/place"))).unwrap_err();

    assert_eq!(
        error.to_string(),
        "failed to read the provider manifests at no/such/place"
    );
}

#[test]
fn a_file_name_that_is_no_provider_name_is_refused() {
    for file in ["Files.toml", "my-files.toml", "1drive.toml", "a b.toml"] {
        let refusal = Directory::with(file, MINIMAL).refusal();

        assert!(
            refusal.contains(file) && refusal.contains("[a-z][a-z0-9_]{0,31}"),
            "{refusal}"
        );
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let refusal =
        Directory::with("files.toml", "display_name = \"Files\"\nmedia_types\n").refusal();

    assert!(
        refusal.starts_with("failed to load the provider manifest files.toml: line 2: "),
        "{refusal}"
    );
}

#[test]
fn an_override_is_checked_together_with_what_it_overrides() {
    let refusal = Directory::with("gmail.toml", "media_types = [\"email\", \"file\"]").refusal();

    assert_eq!(
        refusal,
        "failed to load the provider manifest gmail.toml: `scopes.file`: is needed, because \
         `media_types` has it; it may be empty"
    );
}

#[test]
fn an_unknown_provider_is_refused_with_the_names_of_the_others() {
    let catalogue = built_in_catalogue();

    for name in ["outlook", "", "Gmail", "../gmail"] {
        let error = catalogue.find(name).unwrap_err();

        assert_eq!(
            error.to_string(),
            "the provider must be one of: gcal, gdrive, gmail, sandbox"
        );
    }
}

#[test]
fn a_media_type_that_is_absent_or_empty_means_the_only_one() {
    let catalogue = built_in_catalogue();
    let gmail = catalogue.find("gmail").unwrap();

    assert_eq!(gmail.media_type(None), Ok(MediaType::Email));
    assert_eq!(gmail.media_type(Some("")), Ok(MediaType::Email));
    assert_eq!(gmail.media_type(Some("email")), Ok(MediaType::Email));
}

#[test]
fn a_media_type_that_is_not_served_or_not_clear_is_refused_with_the_choices() {
    let catalogue = built_in_catalogue();
    let gmail = catalogue.find("gmail").unwrap();
    let sandbox = catalogue.find("sandbox").unwrap();

    assert_eq!(
        gmail.media_type(Some("event")).unwrap_err().to_string(),
        "the media type of the provider `gmail` must be one of: email"
    );
    assert_eq!(
        sandbox.media_type(None).unwrap_err().to_string(),
        "the media type of the provider `sandbox` must be one of: email, event, file"
    );
}

#[test]
fn the_clients_of_one_google_project_are_one_revocation_group() {
    let catalogue = built_in_catalogue();
    let gmail = catalogue.find("gmail").unwrap();
    let sandbox = catalogue.find("sandbox").unwrap();

    assert_eq!(gmail.revocation_group("123-abc.apps.example"), "123");
    assert_eq!(sandbox.revocation_group("123-abc"), "123-abc");
}

#[test]
fn an_error_rule_matches_on_all_that_it_names() {
    let text = format!(
        "{MINIMAL}\n[[errors]]\nstatus = 400\nerror = \"invalid_grant\"\ncause = \"idle_expired\"\naction = \"reconnect\"\n\
         [[errors]]\nstatus = 503\ncause = \"provider_unavailable\"\naction = \"wait\"\n"
    );
    let catalogue = Directory::with("files.toml", &text).load().unwrap();

    let rules = &catalogue.find("files").unwrap().errors;

    assert!(rules[0].matches(400, Some("invalid_grant"), None));
    assert!(!rules[0].matches(401, Some("invalid_grant"), None));
    assert!(!rules[0].matches(400, None, None));
    assert!(rules[1].matches(503, None, None) && rules[1].matches(503, Some("busy"), None));
    assert_eq!(rules[1].action, Action::Wait);
}

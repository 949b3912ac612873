use std::time::Duration;

use super::*;
use crate::{AccountSource, Action, BodyFormat, Cause, ClientAuth, RevocationToken, RotationClass};

/// One correct manifest that uses every table.
const COMPLETE: &str = r#"
display_name = "Files"
media_types = ["file"]
issuer = "https://files.example.com"

[endpoints]
authorize = "https://files.example.com/authorize"
token = "https://files.example.com/token"
userinfo = "https://files.example.com/me"
revoke = "https://files.example.com/revoke"
jwks = "https://files.example.com/jwks"

[api]
file = "https://api.files.example.com/v1/"

[scopes]
base = ["openid"]
file = ["files.read"]

[authorization]
params = { audience = "files" }
iss_required = true

[token]
client_auth = "basic"
body = "json"
default_expires_in_seconds = 900
deadline_seconds = 20

[mobile]
redirect_uri = "omit"

[account]
source = "id_token"

[revocation]
style = "rfc7009"
token = "access"
reach = "token"

[refresh]
class = "C"
grace_seconds = 600
max_concurrency = 4
idle_days = 60
absolute_days = 365
keep_fresh_days = 3

[[errors]]
status = 400
error = "gone"
cause = "revoked_by_user"
action = "reconnect"
"#;

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse("files".parse().unwrap(), text)
}

/// Asserts that the manifest is refused after `from` was replaced by `to`.
#[track_caller]
fn assert_refused(from: &str, to: &str, key: &str, reason: &str) {
    assert!(COMPLETE.contains(from), "the manifest has no {from:?}");

    let error = parse(&COMPLETE.replacen(from, to, 1)).unwrap_err();

    let expected = format!("failed to load the provider manifest files.toml: `{key}`: {reason}");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_value_arrives() {
    let manifest = parse(COMPLETE).unwrap();

    let url = |path: &str| Url::parse(&format!("https://files.example.com/{path}")).unwrap();
    assert_eq!(manifest.display_name, "Files");
    assert_eq!(manifest.media_types, [MediaType::File]);
    assert_eq!(manifest.mobile_redirect, Some(MobileRedirect::Omit));

    let authorization = &manifest.authorization;
    assert_eq!(authorization.endpoint, url("authorize"));
    assert_eq!(authorization.params["audience"], "files");
    assert_eq!(
        authorization.issuer.as_deref(),
        Some("https://files.example.com")
    );
    assert!(authorization.iss_required);

    let token = &manifest.token;
    assert_eq!(token.endpoint, url("token"));
    assert_eq!(token.client_auth, ClientAuth::Basic);
    assert_eq!(token.body, BodyFormat::Json);
    assert_eq!(token.default_expires_in, Duration::from_mins(15));
    assert_eq!(token.deadline, Duration::from_secs(20));

    assert!(matches!(
        &manifest.account.source,
        AccountSource::IdToken(signer)
            if signer.issuer == "https://files.example.com" && signer.jwks == url("jwks")
    ));
    let revocation = manifest.revocation.as_ref().unwrap();
    assert_eq!(revocation.endpoint, url("revoke"));
    assert_eq!(revocation.token, RevocationToken::Access);
    assert_eq!(revocation.reach, Reach::Token);

    let refresh = &manifest.refresh;
    let days = |days: u32| Some(Duration::from_hours(24) * days);
    assert_eq!(refresh.class, RotationClass::C);
    assert_eq!(refresh.grace, Some(Duration::from_mins(10)));
    assert_eq!(refresh.max_concurrency.get(), 4);
    assert_eq!(
        (refresh.idle, refresh.absolute, refresh.keep_fresh),
        (days(60), days(365), days(3))
    );

    assert_eq!(manifest.errors[0].error.as_deref(), Some("gone"));
    assert_eq!(manifest.errors[0].cause, Cause::RevokedByUser);
    assert_eq!(manifest.errors[0].action, Action::Reconnect);
    assert_eq!(
        manifest.api(MediaType::File).unwrap().as_str(),
        "https://api.files.example.com/v1/"
    );
    assert_eq!(
        manifest.scopes_for(MediaType::File),
        ["openid", "files.read"].into_iter().collect()
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    assert_refused(
        "[api]",
        "color = 1\n[api]",
        "endpoints.color",
        "unknown field `color`, expected one of `authorize`, `token`, `userinfo`, `revoke`, `jwks`",
    );
    assert_refused(
        "[api]\nfile",
        "[api]\nfiles",
        "api",
        "unknown variant `files`, expected one of `email`, `event`, `file`",
    );
}

#[test]
fn a_missing_key_is_named() {
    assert_refused("display_name", "#", "display_name", "is missing");
    assert_refused("token = \"https", "#", "endpoints.token", "is missing");
    assert_refused("source =", "#", "account.source", "is missing");
    assert_refused("cause =", "#", "errors[0].cause", "is missing");
}

#[test]
fn a_value_outside_its_list_is_refused_with_the_list() {
    assert_refused(
        "\"basic\"",
        "\"Basic\"",
        "token.client_auth",
        "unknown variant `Basic`, expected one of `post`, `basic`, `none`",
    );
    assert_refused(
        "class = \"C\"",
        "class = \"E\"",
        "refresh.class",
        "unknown variant `E`, expected one of `A`, `B`, `C`, `D`",
    );
    assert_refused(
        "[\"file\"]",
        "[\"files\"]",
        "media_types[0]",
        "unknown variant `files`, expected one of `email`, `event`, `file`",
    );
    assert_refused(
        "\"reconnect\"",
        "\"retry\"",
        "errors[0].action",
        "unknown variant `retry`, expected one of `none`, `wait`, `reconnect`, `operator`",
    );
}

#[test]
fn a_value_of_another_type_is_refused() {
    assert_refused(
        "deadline_seconds = 20",
        "deadline_seconds = \"20\"",
        "token.deadline_seconds",
        "invalid type: string \"20\", expected u32",
    );
}

#[test]
fn a_number_out_of_range_is_refused() {
    assert_refused(
        "deadline_seconds = 20",
        "deadline_seconds = 301",
        "token.deadline_seconds",
        "must be 1 to 300",
    );
    assert_refused(
        "max_concurrency = 4",
        "max_concurrency = 0",
        "refresh.max_concurrency",
        "invalid value: integer `0`, expected a nonzero u32",
    );
    assert_refused(
        "status = 400",
        "status = 42",
        "errors[0].status",
        "must be an HTTP status",
    );
}

#[test]
fn plain_http_is_refused_except_for_loopback_hosts() {
    assert_refused(
        "https://files.example.com/token",
        "http://files.example.com/token",
        "endpoints.token",
        "must be an https:// URL; http:// is allowed for loopback hosts only",
    );

    let local = COMPLETE.replace("https://files.example.com", "http://127.0.0.1:8080");
    assert!(parse(&local).is_ok());
}

#[test]
fn what_another_key_needs_is_asked_for() {
    assert_refused(
        "revoke = ",
        "#",
        "endpoints.revoke",
        "is needed for revocation.style = \"rfc7009\"",
    );
    assert_refused(
        "jwks = ",
        "#",
        "endpoints.jwks",
        "is needed for account.source = \"id_token\"",
    );
}

#[test]
fn the_userinfo_source_needs_its_endpoint() {
    let text = COMPLETE
        .replace("source = \"id_token\"", "source = \"userinfo\"")
        .replace("userinfo = \"https", "#");

    let error = parse(&text).unwrap_err();

    assert!(
        error
            .to_string()
            .ends_with("`endpoints.userinfo`: is needed for account.source = \"userinfo\""),
        "{error}"
    );
}

#[test]
fn without_an_issuer_neither_id_tokens_nor_iss_can_be_checked() {
    assert_refused(
        "issuer = ",
        "#",
        "authorization.iss_required",
        "needs `issuer`, which it is compared with",
    );
}

#[test]
fn a_grace_period_is_needed_for_class_c() {
    assert_refused(
        "grace_seconds = 600",
        "",
        "refresh.grace_seconds",
        "is needed for refresh.class = \"C\"",
    );
}

#[test]
fn each_media_type_needs_its_scopes() {
    assert_refused(
        "[\"file\"]",
        "[\"file\", \"email\"]",
        "scopes.email",
        "is needed, because `media_types` has it; it may be empty",
    );
    assert_refused(
        "media_types = [\"file\"]",
        "media_types = []",
        "media_types",
        "must name at least one of email, event, file",
    );
}

#[test]
fn a_scope_with_a_space_is_refused() {
    assert_refused(
        "\"files.read\"",
        "\"files read\"",
        "scopes.file[0]",
        "a scope is one word of visible ASCII characters without \" and \\",
    );
}

#[test]
fn a_parameter_that_work_api_sets_itself_is_refused() {
    assert_refused(
        "audience",
        "state",
        "authorization.params.state",
        "is set by Work API itself",
    );
}

#[test]
fn an_error_rule_without_a_condition_is_refused() {
    assert_refused(
        "status = 400\nerror = \"gone\"\n",
        "",
        "errors[0]",
        "needs `status`, `error` or both",
    );
}

#[test]
fn an_empty_display_name_is_refused() {
    assert_refused("\"Files\"", "\" \"", "display_name", "must not be empty");
}

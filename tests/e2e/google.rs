//! The sandbox in the place of Google: gmail, gcal and gdrive with its endpoints.

use workapi_sandbox::{ClientChange, RevocationReach, RotationClass};
use workapi_tests::{Options, Stack, UserSession};

/// The three providers, which are one to the account that is connected.
pub(crate) const PROVIDERS: [&str; 3] = ["gmail", "gcal", "gdrive"];

/// What leads a Google manifest to the sandbox. It ends where tables may follow.
pub(crate) fn manifest() -> String {
    r#"issuer = "{sandbox}"
[endpoints]
authorize = "{sandbox}/authorize"
token = "{sandbox}/token"
userinfo = "{sandbox}/userinfo"
revoke = "{sandbox}/revoke"
jwks = "{sandbox}/jwks"
"#
    .to_owned()
}

/// Starts a stack in which the sandbox is Google, with a user of an environment that has a
/// client of the project `1234` for each provider.
pub(crate) async fn stack_with_user() -> (Stack, UserSession) {
    let options = Options {
        manifests: PROVIDERS.map(|provider| (provider, manifest())).to_vec(),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let environment = stack.environment().await;
    for provider in PROVIDERS {
        let client_id = format!("1234-{provider}");
        let change = ClientChange {
            rotation_class: Some(RotationClass::A),
            revocation_reach: Some(RevocationReach::Project),
            ..ClientChange::default()
        };
        let secret = stack.register(&client_id, change).await;
        environment
            .set_provider(provider, &client_id, &secret)
            .await;
    }
    let user = stack.application(&environment).create_user("cust-1").await;
    (stack, user)
}

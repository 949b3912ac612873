//! Several secrets of one OAuth client: how one is changed at the provider without a gap (failure mode
//! FM-10), and what operators can do with them.

use tonic::Code;
use tonic::transport::Channel;
use workapi_bus::Stream;
use workapi_proto::auth::v1::provider_admin_client::ProviderAdminClient;
use workapi_proto::auth::v1::{
    AddClientSecretRequest, ClientSecret, ListClientSecretsRequest, RemoveClientSecretRequest,
};
use workapi_proto::events::v1::ProviderRevocation;
use workapi_sandbox::ClientChange;
use workapi_tests::{Environment, Stack, bearing};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";
const NEW: &str = "the-new-secret";

/// An operator of one environment and its client at the sandbox.
struct Operator {
    admin: ProviderAdminClient<Channel>,
    token: String,
    guid: String,
}

impl Operator {
    async fn of(environment: &Environment) -> Self {
        let (admin, token) = environment.provider_admin().await;
        let guid = environment.guid.clone();
        Self { admin, token, guid }
    }

    fn addition(&self, secret: &str) -> AddClientSecretRequest {
        AddClientSecretRequest {
            environment_guid: self.guid.clone(),
            provider: "sandbox".to_owned(),
            client_secret: secret.to_owned(),
            first: false,
        }
    }

    fn removal(&self, id: &str) -> RemoveClientSecretRequest {
        RemoveClientSecretRequest {
            environment_guid: self.guid.clone(),
            provider: "sandbox".to_owned(),
            id: id.to_owned(),
        }
    }

    async fn add(&mut self, request: AddClientSecretRequest) -> Result<ClientSecret, Code> {
        let answer = self.admin.add_client_secret(bearing(request, &self.token));
        let answer = answer.await.map_err(|status| status.code())?;
        Ok(answer.into_inner().client_secret.unwrap())
    }

    async fn list(&mut self) -> Vec<ClientSecret> {
        let request = ListClientSecretsRequest {
            environment_guid: self.guid.clone(),
            provider: "sandbox".to_owned(),
        };
        let answer = self
            .admin
            .list_client_secrets(bearing(request, &self.token));
        answer.await.unwrap().into_inner().client_secrets
    }

    async fn remove(&mut self, request: RemoveClientSecretRequest) -> Result<(), Code> {
        let answer = self
            .admin
            .remove_client_secret(bearing(request, &self.token));
        answer.await.map(drop).map_err(|status| status.code())
    }
}

#[tokio::test]
async fn fm_10_a_secret_is_changed_at_the_provider_without_a_gap() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut operator = Operator::of(&environment).await;
    let user = stack.application(&environment).create_user("cust-1").await;
    let anns = user.connect("email", ANN).await;
    let old = operator.list().await[0].id.clone();

    // Announced here first: the old one still works.
    operator.add(operator.addition(NEW)).await.unwrap();
    let announced = stack.refresh(&anns).await;
    // Changed there: the new one is tried at once, for everything.
    let change = ClientChange {
        client_secret: Some(NEW.to_owned()),
        ..ClientChange::default()
    };
    stack.register_client(change).await;
    let changed = stack.refresh(&anns).await;
    let bos = user.connect("event", BO).await;
    user.delete(&bos).await;
    let revoked = stack.end_of(&bos).await;
    // Forgotten here.
    operator.remove(operator.removal(&old)).await.unwrap();
    let forgotten = stack.refresh(&anns).await;

    assert_eq!(revoked, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
    for (generation, found) in (2..).zip([announced, changed, forgotten]) {
        assert_eq!(found.generation, generation);
        assert_eq!((found.state.as_str(), found.failures), ("active", 0));
    }
    let events = stack.messages(Stream::Events).await;
    let failed = events.iter().map(|event| event.subject.as_str());
    let failed = failed.filter(|subject| subject.contains("needs_") || subject.contains("failing"));
    assert_eq!(failed.count(), 0, "it never left `active`");
    assert_eq!(stack.count("double_spends").await, 0);
}

#[tokio::test]
async fn secrets_are_listed_in_order_and_never_shown() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut operator = Operator::of(&environment).await;

    let last = operator.add(operator.addition("hunter2-last")).await;
    let first = AddClientSecretRequest {
        first: true,
        ..operator.addition("hunter2-first")
    };
    let first = operator.add(first).await;

    let listed = operator.list().await;
    let positions: Vec<_> = listed.iter().map(|secret| secret.position).collect();
    assert_eq!(positions, [1, 2, 3]);
    assert_eq!(first.unwrap(), listed[0]);
    assert_eq!(last.unwrap().id, listed[2].id);
    assert!(listed.iter().all(|secret| secret.created_at.is_some()));
    assert!(!format!("{listed:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_is_wrong_about_a_secret_is_refused_and_changes_nothing() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut operator = Operator::of(&environment).await;
    operator.add(operator.addition("known")).await.unwrap();
    let mut others = Operator::of(&stack.environment().await).await;
    let last = others.list().await[0].id.clone();
    let before = stack.written().await;

    let elsewhere = |guid: &str, provider: &str| AddClientSecretRequest {
        environment_guid: guid.to_owned(),
        provider: provider.to_owned(),
        ..operator.addition("new")
    };
    let guid = operator.guid.clone();
    let additions = [
        (operator.addition("known"), Code::Aborted),
        (operator.addition(""), Code::InvalidArgument),
        (operator.addition("new\n"), Code::InvalidArgument),
        (elsewhere(&guid, "gmail"), Code::NotFound),
        (elsewhere(&guid, "../gmail"), Code::NotFound),
        (elsewhere("nowhere", "sandbox"), Code::NotFound),
    ];
    for (addition, expected) in additions {
        let shown = format!("{} {}", addition.environment_guid, addition.provider);
        assert_eq!(operator.add(addition).await, Err(expected), "{shown}");
    }
    let removals = [operator.removal(&last), operator.removal("no-id")];
    for removal in removals {
        assert_eq!(operator.remove(removal).await, Err(Code::NotFound));
    }
    let removal = others.removal(&last);
    assert_eq!(others.remove(removal).await, Err(Code::Aborted));
    operator.token = "0123456789012345678901234567890123456789".to_owned();
    let stranger = operator.add(operator.addition("new")).await;
    assert_eq!(stranger, Err(Code::Unauthenticated));

    assert_eq!(stack.changes_since(&before).await, [""; 0]);
}

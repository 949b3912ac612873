//! Servers of our own contract, in the place of the real services: they remember what they were
//! asked and answer what a test told them to.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tonic::{Request, Response, Status};
use workapi_proto::auth::v1 as auth;
use workapi_proto::integrations::v1 as integrations;
use workapi_runtime::Deadline;

pub(crate) const USER_ID: &str = "64b7f0c2a1d3e4f5a6b7c8d0";
pub(crate) const INTEGRATION_ID: &str = "64b7f0c2a1d3e4f5a6b7c8d9";

/// All services in one. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Backend {
    state: Arc<Mutex<State>>,
    /// Wakes calls that [`Backend::hang`] holds back.
    pub(crate) release: Arc<Notify>,
}

#[derive(Default)]
struct State {
    calls: Vec<Received>,
    failures: VecDeque<Status>,
    hang: bool,
    completed: auth::CompleteAuthorizationResponse,
    status: Option<auth::CredentialStatus>,
    keys: Vec<integrations::TokenKey>,
    key_fetches: usize,
    keys_fail: bool,
}

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) message: String,
    pub(crate) authorization: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) remaining: Duration,
}

impl Backend {
    /// Lets the next call fail.
    pub(crate) fn fail_next(&self, status: impl Into<Status>) {
        self.state().failures.push_back(status.into());
    }

    /// Lets all calls wait for [`Backend::release`].
    pub(crate) fn hang(&self) {
        self.state().hang = true;
    }

    /// Sets how authorizations end.
    pub(crate) fn complete_with(&self, completed: auth::CompleteAuthorizationResponse) {
        self.state().completed = completed;
    }

    /// Sets how every integration is doing.
    pub(crate) fn show_status(&self, status: auth::CredentialStatus) {
        self.state().status = Some(status);
    }

    /// Publishes a key for user tokens.
    pub(crate) fn publish_key(&self, key: integrations::TokenKey) {
        self.state().keys.push(key);
    }

    /// Says whether fetching keys fails from now on.
    pub(crate) fn fail_keys(&self, fail: bool) {
        self.state().keys_fail = fail;
    }

    /// Returns how often keys were fetched.
    pub(crate) fn key_fetches(&self) -> usize {
        self.state().key_fetches
    }

    /// Returns every call but those for keys.
    pub(crate) fn calls(&self) -> Vec<Received> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer<T: Debug, A>(
        &self,
        request: Request<T>,
        answer: A,
    ) -> Result<Response<A>, Status> {
        let text = |name| {
            let value = request.metadata().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let received = Received {
            authorization: text("authorization"),
            traceparent: text("traceparent"),
            remaining: Deadline::of(&request).remaining(),
            message: format!("{:?}", request.get_ref()),
        };
        let (failure, hang) = {
            let mut state = self.state();
            state.calls.push(received);
            (state.failures.pop_front(), state.hang)
        };
        if hang {
            self.release.notified().await;
        }
        match failure {
            Some(status) => Err(status),
            None => Ok(Response::new(answer)),
        }
    }
}

pub(crate) fn integration() -> integrations::Integration {
    integrations::Integration {
        id: INTEGRATION_ID.to_owned(),
        provider: "gmail".to_owned(),
        media_type: "email".to_owned(),
        provider_id: None,
    }
}

fn user() -> integrations::User {
    integrations::User {
        id: USER_ID.to_owned(),
        arbitrary_id: "cust-9041".to_owned(),
        token: "fresh-token".to_owned(),
    }
}

macro_rules! answers {
    ($backend:ty, $service:path { $($rpc:ident($request:ty) -> $response:ty = $answer:expr;)* }) => {
        #[tonic::async_trait]
        impl $service for $backend {
            $(
                async fn $rpc(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                    let answer: $response = $answer;
                    self.answer(request, answer).await
                }
            )*
        }
    };
}

answers!(Backend, integrations::users_server::Users {
    create_user(integrations::CreateUserRequest) -> integrations::CreateUserResponse =
        integrations::CreateUserResponse { user: Some(user()) };
    reauth_user(integrations::ReauthUserRequest) -> integrations::ReauthUserResponse =
        integrations::ReauthUserResponse { user: Some(user()) };
    get_me(integrations::GetMeRequest) -> integrations::GetMeResponse =
        integrations::GetMeResponse { user: Some(user()) };
    delete_me(integrations::DeleteMeRequest) -> integrations::DeleteMeResponse =
        integrations::DeleteMeResponse {};
});

answers!(Backend, integrations::integrations_server::Integrations {
    create_integration(integrations::CreateIntegrationRequest) -> integrations::CreateIntegrationResponse =
        integrations::CreateIntegrationResponse { integration: Some(integration()) };
    list_integrations(integrations::ListIntegrationsRequest) -> integrations::ListIntegrationsResponse =
        integrations::ListIntegrationsResponse { integrations: vec![integration()] };
    get_integration(integrations::GetIntegrationRequest) -> integrations::GetIntegrationResponse =
        integrations::GetIntegrationResponse { integration: Some(integration()) };
    update_integration(integrations::UpdateIntegrationRequest) -> integrations::UpdateIntegrationResponse =
        integrations::UpdateIntegrationResponse { integration: Some(integration()) };
    delete_integration(integrations::DeleteIntegrationRequest) -> integrations::DeleteIntegrationResponse =
        integrations::DeleteIntegrationResponse {};
});

answers!(Backend, integrations::environment_admin_server::EnvironmentAdmin {
    create_environment(integrations::CreateEnvironmentRequest) -> integrations::CreateEnvironmentResponse =
        integrations::CreateEnvironmentResponse::default();
    import_environment(integrations::ImportEnvironmentRequest) -> integrations::ImportEnvironmentResponse =
        integrations::ImportEnvironmentResponse::default();
    get_environment(integrations::GetEnvironmentRequest) -> integrations::GetEnvironmentResponse =
        integrations::GetEnvironmentResponse::default();
    list_environments(integrations::ListEnvironmentsRequest) -> integrations::ListEnvironmentsResponse =
        integrations::ListEnvironmentsResponse { environments: vec![integrations::Environment::default()] };
    delete_environment(integrations::DeleteEnvironmentRequest) -> integrations::DeleteEnvironmentResponse =
        integrations::DeleteEnvironmentResponse::default();
    add_return_origin(integrations::AddReturnOriginRequest) -> integrations::AddReturnOriginResponse =
        integrations::AddReturnOriginResponse::default();
    list_return_origins(integrations::ListReturnOriginsRequest) -> integrations::ListReturnOriginsResponse =
        integrations::ListReturnOriginsResponse::default();
    remove_return_origin(integrations::RemoveReturnOriginRequest) -> integrations::RemoveReturnOriginResponse =
        integrations::RemoveReturnOriginResponse::default();
});

answers!(Backend, auth::provider_admin_server::ProviderAdmin {
    set_provider_config(auth::SetProviderConfigRequest) -> auth::SetProviderConfigResponse =
        auth::SetProviderConfigResponse::default();
    list_provider_configs(auth::ListProviderConfigsRequest) -> auth::ListProviderConfigsResponse =
        auth::ListProviderConfigsResponse::default();
    delete_provider_config(auth::DeleteProviderConfigRequest) -> auth::DeleteProviderConfigResponse =
        auth::DeleteProviderConfigResponse::default();
    add_client_secret(auth::AddClientSecretRequest) -> auth::AddClientSecretResponse =
        auth::AddClientSecretResponse::default();
    list_client_secrets(auth::ListClientSecretsRequest) -> auth::ListClientSecretsResponse =
        auth::ListClientSecretsResponse::default();
    remove_client_secret(auth::RemoveClientSecretRequest) -> auth::RemoveClientSecretResponse =
        auth::RemoveClientSecretResponse::default();
});

answers!(Backend, auth::credential_admin_server::CredentialAdmin {
    list_credentials(auth::ListCredentialsRequest) -> auth::ListCredentialsResponse =
        auth::ListCredentialsResponse::default();
});

answers!(Backend, auth::job_admin_server::JobAdmin {
    list_dead_letters(auth::ListDeadLettersRequest) -> auth::ListDeadLettersResponse =
        auth::ListDeadLettersResponse::default();
    list_stuck_credentials(auth::ListStuckCredentialsRequest) -> auth::ListStuckCredentialsResponse =
        auth::ListStuckCredentialsResponse::default();
    explain_job(auth::ExplainJobRequest) -> auth::ExplainJobResponse =
        auth::ExplainJobResponse::default();
    retry_job(auth::RetryJobRequest) -> auth::RetryJobResponse =
        auth::RetryJobResponse::default();
    drop_dead_letters(auth::DropDeadLettersRequest) -> auth::DropDeadLettersResponse =
        auth::DropDeadLettersResponse::default();
});

#[tonic::async_trait]
impl auth::credential_statuses_server::CredentialStatuses for Backend {
    async fn get_credential_status(
        &self,
        request: Request<auth::GetCredentialStatusRequest>,
    ) -> Result<Response<auth::GetCredentialStatusResponse>, Status> {
        let status = self.state().status.clone();
        let answer = auth::GetCredentialStatusResponse { status };
        self.answer(request, answer).await
    }
}

#[tonic::async_trait]
impl auth::authorization_server::Authorization for Backend {
    async fn begin_authorization(
        &self,
        request: Request<auth::BeginAuthorizationRequest>,
    ) -> Result<Response<auth::BeginAuthorizationResponse>, Status> {
        let uri = "https://provider.example.test/authorize?scope=a%20b&state=s".to_owned();
        let answer = auth::BeginAuthorizationResponse { uri };
        self.answer(request, answer).await
    }

    async fn complete_authorization(
        &self,
        request: Request<auth::CompleteAuthorizationRequest>,
    ) -> Result<Response<auth::CompleteAuthorizationResponse>, Status> {
        let answer = self.state().completed.clone();
        self.answer(request, answer).await
    }

    async fn exchange_auth_code(
        &self,
        request: Request<auth::ExchangeAuthCodeRequest>,
    ) -> Result<Response<auth::ExchangeAuthCodeResponse>, Status> {
        let mut integration = integration();
        integration.provider_id = Some("ann@example.test".to_owned());
        let answer = auth::ExchangeAuthCodeResponse {
            integration: Some(integration),
        };
        self.answer(request, answer).await
    }
}

#[tonic::async_trait]
impl integrations::token_keys_server::TokenKeys for Backend {
    async fn list_token_keys(
        &self,
        _: Request<integrations::ListTokenKeysRequest>,
    ) -> Result<Response<integrations::ListTokenKeysResponse>, Status> {
        let mut state = self.state();
        state.key_fetches += 1;
        if state.keys_fail {
            return Err(Status::unavailable("told to fail"));
        }
        Ok(Response::new(integrations::ListTokenKeysResponse {
            keys: state.keys.clone(),
            issuer: super::stack::ISSUER.to_owned(),
            audience: super::stack::AUDIENCE.to_owned(),
        }))
    }
}

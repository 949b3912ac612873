//! Beginning an authorization: the URI to which the user's browser goes.

use url::Url;
use workapi_errors::{Code, Error as Refusal};
use workapi_oauth::{AuthorizationRequest, authorization_url, new_code_verifier, new_state};
use workapi_providers::Manifest;
use workapi_types::{EnvironmentGuid, ProviderName};
use workapi_vault::OAuthClient;

use crate::app::authorizations::PendingAuthorization;
use crate::app::{App, Caller, Error, return_to};

impl App {
    /// Starts an authorization of one of the calling user's integrations.
    pub(crate) async fn begin(
        &self,
        caller: &Caller,
        integration_id: &str,
        return_to: &str,
    ) -> Result<Url, Error> {
        let context = self.directory.context(caller, integration_id).await?;
        let manifest = self.manifest(&context.provider)?;
        let client = self
            .client(context.environment_guid, &context.provider)
            .await?;
        let return_to = return_to::check(return_to, &context)?;

        let state = new_state();
        let verifier = new_code_verifier();
        let pending = PendingAuthorization {
            integration_id: context.integration_id,
            user_id: context.user_id,
            environment_guid: context.environment_guid,
            provider: context.provider,
            media_type: context.media_type,
            provider_config_id: client.config_id,
            return_to,
            code_verifier: verifier.expose().to_owned(),
        };
        self.authorizations.keep(&state, &pending).await?;
        Ok(authorization_url(&AuthorizationRequest {
            manifest,
            client_id: &client.client_id,
            redirect_uri: &self.callback_url,
            scopes: &manifest.scopes_for(context.media_type),
            state: &state,
            verifier: &verifier,
        }))
    }

    /// Returns the manifest of an integration's provider.
    pub(super) fn manifest(&self, provider: &ProviderName) -> Result<&Manifest, Refusal> {
        let found = self.catalogue.get(provider).map(AsRef::as_ref);
        found.ok_or_else(|| {
            Refusal::bad_request(format!(
                "the provider {provider} is not in the catalogue any more"
            ))
        })
    }

    /// Returns the OAuth client with which an environment connects.
    pub(super) async fn client(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
    ) -> Result<OAuthClient, Error> {
        let client = self.vault().current_client(environment, provider).await?;
        Ok(client.ok_or_else(|| {
            Refusal::new(
                Code::RemoteAuthorizationMissing,
                format!(
                    "the environment has no client at {provider}; set one with \
                     `work-api admin provider set --environment {environment} --provider {provider} \
                     --client-id ID --client-secret-file FILE`"
                ),
            )
        })?)
    }
}

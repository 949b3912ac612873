//! The events of the system and where each is published.

use workapi_proto::events::v1 as events;

/// A fact that can be published.
pub trait Event: prost::Message + Default {
    /// Returns the subject without prefix: `evt.<service>.<entity>.<past tense>.v<n>`.
    fn subject(&self) -> String;

    /// Returns the id of the integration, user, environment or provider config that the fact is
    /// about.
    /// Returns the id of the integration, user, environment or quarantine that the fact is about.
    fn subject_id(&self) -> &str;
}

macro_rules! events {
    ($($message:ident => $subject:literal, $id:ident;)*) => {
        $(impl Event for events::$message {
            fn subject(&self) -> String {
                $subject.to_owned()
            }

            fn subject_id(&self) -> &str {
                &self.$id
            }
        })*
    };
}

events! {
    UserCreated => "evt.integrations.user.created.v1", user_id;
    UserDeleted => "evt.integrations.user.deleted.v1", user_id;
    IntegrationCreated => "evt.integrations.integration.created.v1", integration_id;
    IntegrationUpdated => "evt.integrations.integration.updated.v1", integration_id;
    IntegrationDeleted => "evt.integrations.integration.deleted.v1", integration_id;
    EnvironmentDeleted => "evt.integrations.environment.deleted.v1", environment_guid;
    CredentialConnected => "evt.auth.credential.connected.v1", integration_id;
    CredentialRefreshed => "evt.auth.credential.refreshed.v1", integration_id;
    CredentialExpiring => "evt.auth.credential.expiring.v1", integration_id;
    VaultQuarantineStarted => "evt.auth.vault.quarantine_started.v1", quarantine_id;
    VaultQuarantineEnded => "evt.auth.vault.quarantine_ended.v1", quarantine_id;
    CredentialRevoked => "evt.auth.credential.revoked.v1", integration_id;
    ProviderBreakerOpened => "evt.auth.provider.breaker_opened.v1", provider_config_id;
    ProviderBreakerClosed => "evt.auth.provider.breaker_closed.v1", provider_config_id;
}

impl Event for events::CredentialStateChanged {
    fn subject(&self) -> String {
        format!("evt.auth.credential.{}.v1", self.state)
    }

    fn subject_id(&self) -> &str {
        &self.integration_id
    }
}

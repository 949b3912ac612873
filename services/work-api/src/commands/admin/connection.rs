//! The way to an admin listener.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use prost_types::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic::{Request, Status};
use url::Url;
use workapi_config::Settings;
use workapi_errors::{Code, Error};
use workapi_proto::auth::v1::credential_admin_client::CredentialAdminClient;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::on_demand_admin_client::OnDemandAdminClient;
use workapi_proto::auth::v1::provider_admin_client::ProviderAdminClient;
use workapi_proto::auth::v1::restore_admin_client::RestoreAdminClient;
use workapi_proto::integrations::v1::environment_admin_client::EnvironmentAdminClient;
use workapi_runtime::{Channel, channel};

use super::Target;
use crate::dev_json::DevJson;

const DEADLINE: Duration = Duration::from_secs(15);

/// The admin listener of an instance, and the token that it asks for.
#[derive(Debug)]
pub(crate) struct Connection {
    channel: Channel,
    url: String,
    token: SecretString,
}

impl Connection {
    /// Finds the instance that the command line or the settings name, or else the `dev` of the
    /// data directory.
    pub(crate) fn to(target: &Target, settings: &Settings) -> anyhow::Result<Self> {
        let url = target.admin_url.as_ref().or(settings.admin_url.as_ref());
        let Some(url) = url.filter(|_| target.data_dir.is_none()) else {
            let data_dir = target.data_dir.as_ref().unwrap_or(&settings.data_dir);
            return Self::to_dev(&DevJson::read(data_dir)?);
        };
        let token = match &target.admin_token_file {
            Some(file) => read_token(file)?,
            None => settings.admin_token.clone().context(
                "the admin token is needed: name its file with --admin-token-file or WORK_API_ADMIN_TOKEN_FILE",
            )?,
        };
        Self::new(url, token)
    }

    /// Connects to a running `dev`.
    pub(crate) fn to_dev(dev: &DevJson) -> anyhow::Result<Self> {
        Self::with_token_file(&dev.admin_url, &dev.admin_token_path)
    }

    /// Connects to an admin listener whose token is in a file.
    pub(crate) fn with_token_file(url: &Url, token_file: &Path) -> anyhow::Result<Self> {
        Self::new(url, read_token(token_file)?)
    }

    fn new(url: &Url, token: SecretString) -> anyhow::Result<Self> {
        let url = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            channel: channel(&url, "the admin listener")?,
            url,
            token,
        })
    }

    /// Returns the environments' side of the listener.
    pub(crate) fn environments(&self) -> EnvironmentAdminClient<Channel> {
        EnvironmentAdminClient::new(self.channel.clone())
    }

    /// Returns the providers' side of the listener.
    pub(crate) fn providers(&self) -> ProviderAdminClient<Channel> {
        ProviderAdminClient::new(self.channel.clone())
    }

    /// Returns the side of the listener that checks credentials.
    pub(crate) fn on_demand(&self) -> OnDemandAdminClient<Channel> {
        OnDemandAdminClient::new(self.channel.clone())
    }

    /// Returns the credentials' side of the listener.
    pub(crate) fn credentials(&self) -> CredentialAdminClient<Channel> {
        CredentialAdminClient::new(self.channel.clone())
    }

    /// Returns the jobs' side of the listener.
    pub(crate) fn jobs(&self) -> JobAdminClient<Channel> {
        JobAdminClient::new(self.channel.clone())
    }

    /// Returns the side of the listener that a restored vault is repaired through.
    pub(crate) fn restore(&self) -> RestoreAdminClient<Channel> {
        RestoreAdminClient::new(self.channel.clone())
    }

    /// Puts the admin token and a deadline on a request.
    pub(crate) fn request<T>(&self, message: T) -> anyhow::Result<Request<T>> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token.expose_secret());
        let bearer = bearer
            .parse()
            .context("the admin token holds characters that no token has")?;
        request.metadata_mut().insert("authorization", bearer);
        request.set_timeout(DEADLINE);
        Ok(request)
    }

    /// Says what an answer means to whoever typed the command.
    pub(crate) fn explain(&self, status: Status) -> anyhow::Error {
        let error = Error::from(status);
        match error.code() {
            Code::InvalidToken => anyhow!("{} does not accept the admin token", self.url),
            Code::ServiceUnavailable if error.specifics().is_empty() => anyhow!(
                "nothing answers at the admin listener {}: is it running?",
                self.url
            ),
            Code::EnvironmentNotFound => anyhow!("{} has no such environment", self.url),
            _ => anyhow!("{}", error.to_string().trim_end_matches(": ")),
        }
    }
}

fn read_token(file: &Path) -> anyhow::Result<SecretString> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the admin token in {}", file.display()))?;
    if text.trim().is_empty() {
        bail!(
            "{} is empty: it should hold the admin token",
            file.display()
        );
    }
    Ok(SecretString::from(text.trim()))
}

/// Returns a time as RFC 3339, in UTC.
pub(super) fn rfc3339(time: Option<Timestamp>) -> anyhow::Result<String> {
    let seconds = time.map(|time| time.seconds).unwrap_or_default();
    Ok(OffsetDateTime::from_unix_timestamp(seconds)?.format(&Rfc3339)?)
}

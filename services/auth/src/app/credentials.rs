//! Lists of credentials, for operators.

use workapi_errors::{Code, Error as Refusal};
use workapi_providers::Cause;
use workapi_types::IntegrationId;
use workapi_vault::{CredentialFilter, ListedCredential, State};

use crate::app::page::{cut, page_size};
use crate::app::{App, Error};

/// Which credentials an operator asks for; empty texts ask for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialQuery {
    pub(crate) state: String,
    pub(crate) cause: String,
    pub(crate) provider: String,
    pub(crate) environment_guid: String,
    pub(crate) page_size: i32,
    pub(crate) page_token: String,
}

/// A page of credentials.
#[derive(Debug)]
pub(crate) struct CredentialPage {
    pub(crate) credentials: Vec<ListedCredential>,
    /// Asks for the next page, if there is one.
    pub(crate) next_page_token: Option<String>,
}

impl App {
    /// Lists credentials in the order of their integrations' ids.
    pub(crate) async fn credentials(
        &self,
        query: &CredentialQuery,
    ) -> Result<CredentialPage, Error> {
        let filter = query.filter()?;
        let size = page_size(query.page_size)?;
        let after = query.after()?;
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let found = self
            .vault()
            .credentials(&filter, after.as_ref(), limit)
            .await?;
        let (credentials, more) = cut(found, size);
        let last = credentials.last().filter(|_| more);
        let next_page_token = last.map(|last| last.integration_id.to_string());
        Ok(CredentialPage {
            credentials,
            next_page_token,
        })
    }
}

impl CredentialQuery {
    fn filter(&self) -> Result<CredentialFilter, Refusal> {
        let state = given(&self.state).map(|name| {
            State::parse(name).ok_or_else(|| one_of("state", &State::ALL.map(State::as_str)))
        });
        let cause = given(&self.cause).map(|name| {
            let names: Vec<_> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
            name.parse().map_err(|_| one_of("cause", &names))
        });
        let provider = given(&self.provider).map(|name| {
            name.parse()
                .map_err(|_| Refusal::bad_request("provider must be a provider's name"))
        });
        let environment = given(&self.environment_guid).map(|guid| {
            guid.parse().map_err(|_| {
                Refusal::new(
                    Code::EnvironmentNotFound,
                    "an environment is named by a lower-case UUID",
                )
            })
        });
        Ok(CredentialFilter {
            state: state.transpose()?,
            cause: cause.transpose()?,
            provider: provider.transpose()?,
            environment_guid: environment.transpose()?,
        })
    }

    fn after(&self) -> Result<Option<IntegrationId>, Refusal> {
        given(&self.page_token)
            .map(str::parse)
            .transpose()
            .map_err(|_| Refusal::bad_request("the page token is not one of ours"))
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn one_of(what: &str, names: &[&str]) -> Refusal {
    Refusal::bad_request(format!("{what} must be one of: {}", names.join(", ")))
}

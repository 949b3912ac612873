//! One server URL, two databases.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{Error, Settings};

impl Settings {
    /// Returns the URL of the database that `integrations` owns:
    /// `integrations_postgres_url`, or `workapi_integrations` on `postgres_url`.
    ///
    /// # Errors
    /// When neither is set.
    pub fn integrations_database_url(&self) -> Result<SecretString, Error> {
        self.database_url(
            "integrations_postgres_url",
            self.integrations_postgres_url.as_ref(),
            "workapi_integrations",
        )
    }

    /// Returns the URL of the vault's database: `vault_postgres_url`, or
    /// `workapi_vault` on `postgres_url`.
    ///
    /// # Errors
    /// When neither is set.
    pub fn vault_database_url(&self) -> Result<SecretString, Error> {
        self.database_url(
            "vault_postgres_url",
            self.vault_postgres_url.as_ref(),
            "workapi_vault",
        )
    }

    fn database_url(
        &self,
        name: &'static str,
        own: Option<&SecretString>,
        database: &str,
    ) -> Result<SecretString, Error> {
        match (own, &self.postgres_url) {
            (Some(own), _) => Ok(own.clone()),
            (None, Some(server)) => on_server(server, database),
            (None, None) => Err(Error::missing(name, Some("postgres_url"))),
        }
    }
}

fn on_server(server: &SecretString, database: &str) -> Result<SecretString, Error> {
    let mut url = Url::parse(server.expose_secret()).map_err(|_| Error::Invalid {
        name: "postgres_url".to_owned(),
        problem: "not a URL".to_owned(),
    })?;
    url.set_path(database);
    Ok(String::from(url).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(postgres_url: Option<&str>, vault_postgres_url: Option<&str>) -> Settings {
        Settings {
            postgres_url: postgres_url.map(Into::into),
            vault_postgres_url: vault_postgres_url.map(Into::into),
            ..Settings::default()
        }
    }

    #[test]
    fn each_owner_has_its_database_on_the_server() {
        let settings = settings(
            Some("postgres://u:p@db:5433/postgres?sslmode=require"),
            None,
        );

        let integrations = settings.integrations_database_url().unwrap();
        let vault = settings.vault_database_url().unwrap();

        assert_eq!(
            integrations.expose_secret(),
            "postgres://u:p@db:5433/workapi_integrations?sslmode=require"
        );
        assert_eq!(
            vault.expose_secret(),
            "postgres://u:p@db:5433/workapi_vault?sslmode=require"
        );
    }

    #[test]
    fn an_own_database_wins_over_the_server() {
        let settings = settings(Some("postgres://a/x"), Some("postgres://b/mine"));

        let vault = settings.vault_database_url().unwrap();

        assert_eq!(vault.expose_secret(), "postgres://b/mine");
    }

    #[test]
    fn no_database_at_all_names_both_ways_to_give_one() {
        let error = settings(None, None).vault_database_url().unwrap_err();

        assert_eq!(
            error.to_string(),
            "WORK_API_VAULT_POSTGRES_URL or WORK_API_POSTGRES_URL must be set"
        );
    }
}

//! The two databases: created and migrated here, and by no running service.

use secrecy::SecretString;
use workapi_config::Settings;
use workapi_postgres::{Error, create_database, migrate, pending_migrations};

/// Both databases of an installation.
#[derive(Debug)]
pub(crate) struct Databases {
    integrations: SecretString,
    vault: SecretString,
    /// The server, and what is to be created there: a database with a URL of its own is not.
    created: Option<(SecretString, Vec<&'static str>)>,
}

impl Databases {
    /// Reads where the databases are.
    pub(crate) fn of(settings: &Settings) -> Result<Self, workapi_config::Error> {
        let own = [
            ("workapi_integrations", &settings.integrations_postgres_url),
            ("workapi_vault", &settings.vault_postgres_url),
        ];
        let names = own.iter().filter(|(_, url)| url.is_none());
        let names = names.map(|(name, _)| *name).collect();
        Ok(Self {
            integrations: settings.integrations_database_url()?,
            vault: settings.vault_database_url()?,
            created: settings.postgres_url.clone().map(|server| (server, names)),
        })
    }

    /// Creates the databases that are missing, and brings both to the newest schema.
    pub(crate) async fn migrate(&self) -> Result<(), Error> {
        if let Some((server, names)) = &self.created {
            for name in names {
                create_database(server, name).await?;
            }
        }
        migrate(&self.integrations, &workapi_integrations::MIGRATOR).await?;
        migrate(&self.vault, &workapi_vault::MIGRATOR).await
    }

    /// Returns the migrations that are missing, each with the name of its owner.
    pub(crate) async fn pending(&self) -> Result<Vec<String>, Error> {
        let integrations =
            pending_migrations(&self.integrations, &workapi_integrations::MIGRATOR).await?;
        let vault = pending_migrations(&self.vault, &workapi_vault::MIGRATOR).await?;
        let of = |owner: &'static str| move |migration| format!("{owner}: {migration}");
        let integrations = integrations.into_iter().map(of("integrations"));
        Ok(integrations
            .chain(vault.into_iter().map(of("vault")))
            .collect())
    }
}

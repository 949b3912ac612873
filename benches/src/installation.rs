//! An installation of separate programs, as on Kubernetes, with a database of its own.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;
use workapi_bus::Bus;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database, create_database};
use workapi_vault::{AUTH_ROLE, AccessVault, CONNECTORS_ROLE, OnDemand, Vault};

use crate::program::{Plan, Program};
use crate::servers::Urls;

/// The connections of the bench itself.
const MAX_CONNECTIONS: u32 = 16;

/// What all programs of a run share.
pub(crate) struct Installation {
    folder: Folder,
    executable: PathBuf,
    settings: Vec<(String, String)>,
    integrations_listen: String,
    key_ring: Arc<KeyRing>,
    vault_url: SecretString,
    nats: workapi_bus::Config,
    /// The vault, as `auth` has it.
    pub(crate) vault: Vault,
    /// The vault's database, to look at as only its owner may.
    pub(crate) database: Database,
}

impl Installation {
    /// Makes one: databases, keys and settings. Nothing runs yet. What the programs write stays in
    /// `data_dir`, if there is one.
    pub(crate) async fn new(
        executable: &Path,
        urls: &Urls,
        data_dir: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::new(data_dir)?;
        let key_ring_file = KeyRing::generate()?;
        let key_ring = Arc::new(KeyRing::parse(key_ring_file.as_str())?);
        let file = |name: &str, content: &str| write(&folder.path().join(name), content);
        let prefix = format!("b{}_", Uuid::new_v4().simple());
        let integrations =
            create_database(&urls.postgres, &format!("{prefix}integrations")).await?;
        let vault = create_database(&urls.postgres, &format!("{prefix}vault")).await?;
        let [rest, integrations_listen] = [free_address()?, free_address()?];
        let settings = [
            ("INTEGRATIONS_POSTGRES_URL", integrations.expose_secret()),
            ("VAULT_POSTGRES_URL", vault.expose_secret()),
            ("NATS_URL", urls.nats.expose_secret()),
            ("NATS_PREFIX", &prefix),
            ("REDIS_URL", urls.redis.expose_secret()),
            ("REDIS_PREFIX", &prefix),
            ("KEYRING_FILE", &file("keyring", key_ring_file.as_str())?),
            ("ADMIN_TOKEN_FILE", &file("admin-token", &"a".repeat(64))?),
            (
                "INTERNAL_TOKEN_FILE",
                &file("internal-token", &"i".repeat(64))?,
            ),
            ("PUBLIC_URL", &format!("http://{rest}")),
            (
                "INTEGRATIONS_GRPC_URL",
                &format!("http://{integrations_listen}"),
            ),
            ("LOG", "warn"),
        ];
        let settings = settings.map(|(name, value)| setting(name, value)).to_vec();
        migrate(executable, &settings).await?;
        let auth = open(&vault, Some(AUTH_ROLE)).await?;
        Ok(Self {
            vault: Vault::open(auth, Arc::clone(&key_ring))?,
            database: open(&vault, None).await?,
            executable: executable.to_owned(),
            folder,
            settings,
            integrations_listen,
            key_ring,
            nats: workapi_bus::Config {
                url: urls.nats.clone(),
                prefix,
                name: "bench",
            },
            vault_url: vault,
        })
    }

    /// Opens the vault as a program does that uses access tokens.
    pub(crate) async fn access_vault(&self) -> anyhow::Result<AccessVault> {
        let database = open(&self.vault_url, Some(CONNECTORS_ROLE)).await?;
        let bus = Bus::connect(&self.nats).await?;
        let on_demand = OnDemand::new(database, bus);
        Ok(AccessVault::open(on_demand, Arc::clone(&self.key_ring))?)
    }

    /// Returns the keys of the installation.
    pub(crate) fn key_ring(&self) -> &KeyRing {
        &self.key_ring
    }

    /// Returns where the programs write.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the owner of the records.
    pub(crate) fn integrations(&self) -> anyhow::Result<Program> {
        let listen = setting("INTEGRATIONS_LISTEN", &self.integrations_listen);
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.start("integrations", "integrations", nowhere, vec![listen])
    }

    /// Starts a replica of `auth`, with the manifests in `providers`.
    pub(crate) fn auth(&self, number: usize, providers: &Path) -> anyhow::Result<Program> {
        let settings = vec![
            setting("AUTH_LISTEN", &free_address()?),
            setting("PROVIDERS_DIR", &providers.display().to_string()),
        ];
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.start("auth", &format!("auth-{number}"), nowhere, settings)
    }

    /// Starts a replica of `token-refresher` that reaches the provider at `address`, as the
    /// manifests in `providers` say.
    pub(crate) fn token_refresher(
        &self,
        number: usize,
        address: IpAddr,
        providers: &Path,
        at_once: Option<u16>,
    ) -> anyhow::Result<Program> {
        let name = format!("token-refresher-{number}");
        let spill = self.folder().join(format!("spill-{number}"));
        fs::create_dir_all(&spill)?;
        let mut settings = vec![
            setting("PROVIDERS_DIR", &providers.display().to_string()),
            setting("SPILL_DIR", &spill.display().to_string()),
        ];
        settings.extend(at_once.map(|number| setting("REFRESHER_AT_ONCE", &number.to_string())));
        self.start("token-refresher", &name, address, settings)
    }

    fn start(
        &self,
        program: &str,
        name: &str,
        address: IpAddr,
        settings: Vec<(String, String)>,
    ) -> anyhow::Result<Program> {
        let operations = free_address()?;
        let mut environment = self.settings.clone();
        environment.extend(settings);
        environment.push(setting("METRICS_LISTEN", &operations));
        Program::start(Plan {
            name: name.to_owned(),
            executable: self.executable.clone(),
            arguments: vec![program.to_owned()],
            environment,
            address,
            operations: format!("http://{operations}"),
            log: self.folder().join(format!("{name}.log")),
        })
    }
}

/// Connects to the vault's database in a role, or as its owner.
async fn open(
    url: &SecretString,
    role: Option<&'static str>,
) -> Result<Database, workapi_postgres::Error> {
    let config = Config {
        url: url.clone(),
        role,
        application_name: "bench",
        max_connections: MAX_CONNECTIONS,
    };
    Database::connect(&config).await
}

/// Where the programs of an installation write.
enum Folder {
    /// Goes away with the installation.
    Temporary(TempDir),
    /// Stays.
    Kept(PathBuf),
}

impl Folder {
    fn new(data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("programs-");
        Ok(match data_dir {
            Some(data_dir) => Self::Kept(folder.tempdir_in(data_dir)?.keep()),
            None => Self::Temporary(folder.tempdir()?),
        })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// Finds the `work-api` that was built with the running bench.
pub(crate) fn work_api() -> anyhow::Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let folders = bench.ancestors().skip(1).take(2);
    let mut paths = folders.map(|folder| folder.join("work-api"));
    let found = paths.find(|path| path.is_file());
    found.with_context(|| format!("there is no work-api beside {}: build it", bench.display()))
}

fn setting(name: &str, value: &str) -> (String, String) {
    (format!("WORK_API_{name}"), value.to_owned())
}

async fn migrate(executable: &Path, settings: &[(String, String)]) -> anyhow::Result<()> {
    let environment = settings.iter().map(|(name, value)| (name, value));
    let output = Command::new(executable)
        .arg("migrate")
        .envs(environment)
        .output()
        .await?;
    if !output.status.success() {
        bail!(
            "work-api migrate: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Returns an address that was free a moment ago: programs have to know of each other beforehand.
fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.to_string())
}

fn write(path: &Path, content: &str) -> anyhow::Result<String> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())?;
    Ok(path.display().to_string())
}

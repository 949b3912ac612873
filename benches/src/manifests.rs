//! The provider manifests of the benches.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use workapi_sandbox::RotationClass;

/// A provider of a bench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provider {
    /// Its name, and that of its manifest.
    pub(crate) name: &'static str,
    /// How its refresh tokens rotate.
    pub(crate) class: RotationClass,
    /// How long class C honours a spent refresh token.
    pub(crate) grace: Option<Duration>,
    /// How long one exchange may take.
    pub(crate) deadline: Duration,
    /// How many exchanges may run at one time.
    pub(crate) max_concurrency: u32,
}

impl Provider {
    /// Writes the manifest for who reaches the provider at `address`.
    pub(crate) fn write_manifest(&self, folder: &Path, address: SocketAddr) -> anyhow::Result<()> {
        let Self {
            name,
            class,
            grace,
            deadline,
            max_concurrency,
        } = self;
        let grace = grace.map_or(String::new(), |grace| {
            format!("grace_seconds = {}\n", grace.as_secs())
        });
        let text = format!(
            "display_name = \"{name}\"\n\
             media_types = [\"email\"]\n\
             [endpoints]\n\
             authorize = \"http://{address}/authorize\"\n\
             token = \"http://{address}/token\"\n\
             userinfo = \"http://{address}/userinfo\"\n\
             [scopes]\n\
             email = [\"mail\"]\n\
             [account]\n\
             source = \"userinfo\"\n\
             [token]\n\
             deadline_seconds = {}\n\
             [refresh]\n\
             class = \"{class:?}\"\n\
             {grace}\
             keep_fresh_days = 0\n\
             max_concurrency = {max_concurrency}\n",
            deadline.as_secs(),
        );
        fs::create_dir_all(folder)?;
        Ok(fs::write(folder.join(format!("{name}.toml")), text)?)
    }
}

//! `work-api check-config`: shows the settings as the programs see them.

use std::io;

use serde_json::{Map, Value, json};
use workapi_config::{Entry, Loaded, Settings};

use crate::cli::Format;
use crate::console;

/// What a client of NATS can't ask it.
const NATS: &str = "NATS must not lose what it has confirmed: run it with `sync_interval: always` \
                    (jetstream in nats-server.conf), or VAULT_JOURNAL with 3 replicas that do not fail \
                    together. By default it syncs every 2 minutes. This can't be seen from here";
const SPILL: &str = "WORK_API_SPILL_DIR is not set: while NATS is away, credentials whose refresh tokens \
                     work once are not refreshed";

/// Prints every setting; loading has checked them. Then says on standard error what no check of the
/// form can find.
pub(crate) fn run(format: Format, loaded: &Loaded) -> anyhow::Result<()> {
    let entries = loaded.entries()?;
    match format {
        Format::Plain => plain(&entries)?,
        Format::Json => console::result(as_json(entries))?,
    }
    for warning in warnings(&loaded.settings) {
        console::progress(&format!("warning: {warning}"));
    }
    Ok(())
}

/// Warns of what could cost a grant (refresh protocol, section 6).
fn warnings(settings: &Settings) -> Vec<&'static str> {
    let nats = settings.nats_url.is_some().then_some(NATS);
    let spill = settings.spill_dir.is_none().then_some(SPILL);
    nats.into_iter().chain(spill).collect()
}

fn plain(entries: &[Entry]) -> io::Result<()> {
    let rows: Vec<_> = entries.iter().map(row).collect();
    let name_width = rows.iter().map(|row| row[0].len()).max().unwrap_or(0);
    let value_width = rows.iter().map(|row| row[1].len()).max().unwrap_or(0);
    for [name, value, origin] in rows {
        console::result(format_args!(
            "{name:name_width$}  {value:value_width$}  {origin}"
        ))?;
    }
    Ok(())
}

fn row(entry: &Entry) -> [String; 3] {
    let (value, origin) = match entry.value.as_deref() {
        None => ("-", "not set".to_owned()),
        Some("") => ("\"\"", entry.origin.to_string()),
        Some(value) => (value, entry.origin.to_string()),
    };
    [entry.name.clone(), value.to_owned(), origin]
}

fn as_json(entries: Vec<Entry>) -> Value {
    let settings: Map<_, _> = entries
        .into_iter()
        .map(|entry| {
            let setting = json!({ "value": entry.value, "origin": entry.origin.to_string() });
            (entry.name, setting)
        })
        .collect();
    Value::Object(settings)
}

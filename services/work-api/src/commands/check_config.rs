//! `work-api check-config`: shows the settings as the programs see them.

use std::io;

use serde_json::{Map, Value, json};
use workapi_config::{Entry, Loaded};

use crate::cli::Format;
use crate::console;

/// Prints every setting; loading has checked them.
pub(crate) fn run(format: Format, loaded: &Loaded) -> anyhow::Result<()> {
    let entries = loaded.entries()?;
    match format {
        Format::Plain => plain(&entries)?,
        Format::Json => console::result(as_json(entries))?,
    }
    Ok(())
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

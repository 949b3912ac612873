//! One layer of settings: a TOML file, or the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use figment::Figment;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use crate::origin::{OTLP_KEY, OTLP_VARIABLE, PREFIX};
use crate::settings::SECRETS;
use crate::{Error, Origin};

/// Names with our prefix that are no settings: `WORK_API_CONFIG` names the
/// configuration file, `WORK_API_TEST_*` the servers of a test run.
const CONFIG: &str = "config";
/// Where the original Ruby SDK finds the server; on the machine of a developer it may be set for us
/// too.
const SDK_HOST: &str = "host";
const TEST_PREFIX: &str = "test_";

/// What one place gives, by the name of the setting.
pub(crate) type Layer = BTreeMap<String, Given>;

/// A value, and where it was given.
pub(crate) struct Given {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Reads the TOML file at `path`.
pub(crate) fn from_file(path: &Path, known: &BTreeSet<String>) -> Result<Layer, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        path: path.into(),
        source,
    })?;
    let values: Dict = Figment::from(Toml::string(&text))
        .extract()
        .map_err(|error| Error::Syntax {
            path: path.into(),
            problem: error.kind.to_string(),
        })?;
    let given = values.into_iter().map(|(key, value)| {
        let path = path.into();
        let origin = Origin::File {
            path,
            key: key.clone(),
        };
        (key, Given { value, origin })
    });
    finish(given.collect(), known)
}

/// Picks ours from `variables`. An empty one counts as not set, as the
/// OpenTelemetry specification wants it for its own.
pub(crate) fn from_environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    known: &BTreeSet<String>,
) -> Result<Layer, Error> {
    let mut layer = Layer::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(key) = key_of(name) else { continue };
        let origin = Origin::Variable(name.to_owned());
        let Some(text) = value.to_str() else {
            return Err(Error::invalid(&origin, "not valid UTF-8"));
        };
        if !text.is_empty() && !is_service_link(&key, text) {
            let value = Value::from(text);
            layer.insert(key, Given { value, origin });
        }
    }
    finish(layer, known)
}

fn key_of(name: &str) -> Option<String> {
    if name == OTLP_VARIABLE {
        return Some(OTLP_KEY.to_owned());
    }
    let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let is_setting = key != CONFIG && key != SDK_HOST && !key.starts_with(TEST_PREFIX);
    is_setting.then_some(key)
}

/// Tells whether Kubernetes made this variable, for a Service whose name starts
/// with `work-api`: `WORK_API_GATEWAY_SERVICE_HOST`, `WORK_API_PORT_80_TCP_ADDR`, …
fn is_service_link(key: &str, value: &str) -> bool {
    let key = format!("_{key}");
    let names_port = key.ends_with("_port") || key.contains("_port_");
    let is_part = ["_tcp_", "_udp_", "_sctp_"]
        .iter()
        .any(|protocol| key.contains(protocol));
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_service = key.ends_with("_service_host") || key.contains("_service_port");
    is_service || (names_port && (is_part || is_address))
}

fn finish(mut layer: Layer, known: &BTreeSet<String>) -> Result<Layer, Error> {
    read_secrets(&mut layer)?;
    for (key, given) in &layer {
        if !known.contains(key) {
            let similar = nearest(key, known).map(|near| given.origin.name_of(near));
            let name = given.origin.to_string();
            return Err(Error::Unknown { name, similar });
        }
        // The type error of figment would show the value.
        if SECRETS.contains(&key.as_str()) && given.value.as_str().is_none() {
            return Err(Error::invalid(&given.origin, "must be text in quotes"));
        }
    }
    Ok(layer)
}

/// Replaces each `<secret>_file` by what the file holds.
fn read_secrets(layer: &mut Layer) -> Result<(), Error> {
    for key in SECRETS {
        let Some(file) = layer.remove(&format!("{key}_file")) else {
            continue;
        };
        if let Some(value) = layer.get(key) {
            return Err(Error::Twice {
                value: value.origin.to_string(),
                file: file.origin.to_string(),
            });
        }
        let value = Value::from(read_secret(&file)?);
        let origin = file.origin;
        layer.insert(key.to_owned(), Given { value, origin });
    }
    Ok(())
}

fn read_secret(file: &Given) -> Result<String, Error> {
    let Some(path) = file.value.as_str().map(Path::new) else {
        return Err(Error::invalid(&file.origin, "must be a path in quotes"));
    };
    let text = fs::read_to_string(path).map_err(|source| Error::SecretFile {
        name: file.origin.to_string(),
        path: path.into(),
        source,
    })?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Error::invalid(&file.origin, "the file is empty"));
    }
    Ok(secret.to_owned())
}

fn nearest<'a>(key: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.85;
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), name))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_kubernetes_makes_for_services_are_recognised() {
        for (key, value) in [
            ("service_host", "10.0.0.1"),
            ("gateway_service_port_http", "8080"),
            ("port", "tcp://10.0.0.1:8080"),
            ("gateway_port_8080_tcp", "tcp://10.0.0.1:8080"),
            ("gateway_port_8080_tcp_addr", "10.0.0.1"),
            ("port_8080_tcp_proto", "tcp"),
        ] {
            assert!(is_service_link(key, value), "{key}");
        }

        for (key, value) in [("gateway_port", "8080"), ("postgres_url", "tcp://x")] {
            assert!(!is_service_link(key, value), "{key}");
        }
    }
}

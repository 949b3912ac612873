//! Who may depend on whom (ARCHITECTURE.md): the manifests of the workspace hold to it.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

/// The members from the bottom up: each may use those of the layers below its own.
const LAYERS: [&[&str]; 5] = [
    &[
        "workapi-config",
        "workapi-errors",
        "workapi-postgres",
        "workapi-proto",
        "workapi-redis",
        "workapi-telemetry",
        "workapi-types",
    ],
    &[
        "workapi-bus",
        "workapi-keyring",
        "workapi-providers",
        "workapi-runtime",
        "workapi-sandbox",
        "workapi-testkit",
    ],
    &["workapi-oauth", "workapi-vault"],
    &[
        "workapi-auth",
        "workapi-gateway",
        "workapi-integrations",
        "workapi-token-refresher",
    ],
    &["work-api", "workapi-benches", "workapi-tests"],
];

/// What few may use, and who.
const RESERVED: &[(&str, &[&str])] = &[
    ("async-nats", &["workapi-bus", "workapi-tests"]),
    (
        "axum",
        &["workapi-gateway", "workapi-runtime", "workapi-sandbox"],
    ),
    ("redis", &["workapi-redis"]),
    (
        "reqwest",
        &[
            "work-api",
            "workapi-benches",
            "workapi-oauth",
            "workapi-sandbox",
            "workapi-tests",
        ],
    ),
    (
        "sqlx",
        &[
            "workapi-benches",
            "workapi-bus",
            "workapi-integrations",
            "workapi-postgres",
            "workapi-testkit",
            "workapi-tests",
            "workapi-vault",
        ],
    ),
    (
        "workapi-sandbox",
        &["work-api", "workapi-benches", "workapi-tests"],
    ),
    // Only who holds provider tokens links the vault; the binary migrates it, the benches fill it.
    (
        "workapi-vault",
        &[
            "work-api",
            "workapi-auth",
            "workapi-benches",
            "workapi-tests",
            "workapi-token-refresher",
        ],
    ),
];

/// What `cargo metadata` prints.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for what the member itself links, else `dev` or `build`.
    kind: Option<String>,
}

impl Dependency {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

fn members() -> Vec<Member> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let workspace: Workspace = serde_json::from_slice(&output.stdout).unwrap();
    workspace.packages
}

fn layer(member: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&member))
}

#[test]
fn every_member_has_its_layer() {
    let members = members();

    let found: BTreeSet<_> = members.iter().map(|member| member.name.as_str()).collect();
    let listed: BTreeSet<_> = LAYERS.concat().into_iter().collect();
    assert_eq!(found, listed);
}

#[test]
fn a_member_depends_only_on_lower_layers() {
    for member in members() {
        for dependency in &member.dependencies {
            let is_lower =
                layer(&dependency.name).is_none_or(|used| Some(used) < layer(&member.name));
            // The kit stands above some whose tests it serves.
            let is_kit_in_tests = dependency.name == "workapi-testkit" && dependency.is_for_tests();
            assert!(
                is_lower || is_kit_in_tests,
                "{} may not depend on {}",
                member.name,
                dependency.name
            );
        }
    }
}

#[test]
fn what_is_reserved_is_used_by_nobody_else() {
    for member in members() {
        for dependency in &member.dependencies {
            let reserved = RESERVED.iter().find(|(name, _)| *name == dependency.name);
            let is_allowed =
                reserved.is_none_or(|(_, users)| users.contains(&member.name.as_str()));
            assert!(
                is_allowed,
                "{} may not depend on {}",
                member.name, dependency.name
            );
        }
    }
}

#[test]
fn the_test_kit_ends_up_in_no_program() {
    for member in members() {
        let links_kit = member
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "workapi-testkit" && !dependency.is_for_tests());
        assert_eq!(links_kit, member.name == "workapi-tests", "{}", member.name);
    }
}

//! The manifests in docs/providers, which are read as an installation reads its own.

use super::*;
use crate::RotationClass;

const DAY: u64 = 24 * 60 * 60;

fn examples() -> Catalogue {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers");
    Catalogue::load(None, Some(&directory)).unwrap()
}

#[test]
fn every_example_is_a_complete_manifest_beside_the_built_in_ones() {
    let catalogue = examples();

    let names: Vec<_> = catalogue.names().map(ProviderName::as_str).collect();
    let built_in = ["gcal", "gdrive", "gmail"];
    let examples = [
        "atlassian",
        "box",
        "dropbox",
        "github",
        "microsoft",
        "notion",
        "slack",
    ];
    let mut expected = [&built_in[..], &examples[..]].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn every_example_says_how_its_refresh_tokens_live() {
    use RotationClass::{A, B, C, D};
    let catalogue = examples();

    for (name, class, grace, idle_days, absolute_days) in [
        ("atlassian", C, Some(600), Some(90), Some(365)),
        ("box", C, Some(DAY), Some(60), None),
        ("dropbox", A, None, None, None),
        ("github", D, None, Some(180), None),
        ("microsoft", B, None, Some(90), None),
        ("notion", D, None, None, None),
        ("slack", D, None, None, None),
    ] {
        let refresh = &catalogue.find(name).unwrap().refresh;

        let seconds = |life: Option<std::time::Duration>| life.map(|life| life.as_secs());
        assert_eq!(refresh.class, class, "{name}");
        assert_eq!(seconds(refresh.grace), grace, "{name}");
        assert_eq!(
            seconds(refresh.idle),
            idle_days.map(|days: u64| days * DAY),
            "{name}"
        );
        assert_eq!(
            seconds(refresh.absolute),
            absolute_days.map(|days: u64| days * DAY),
            "{name}"
        );
    }
}

/// What a revocation reaches beyond its own token is not documented by any of them.
#[test]
fn no_example_revokes_what_a_sibling_may_need() {
    for manifest in examples().manifests() {
        if let Some(revocation) = &manifest.revocation {
            assert_ne!(revocation.reach, crate::Reach::Token, "{}", manifest.name);
        }
    }
}

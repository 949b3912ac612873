//! `work-api admin jobs` against a `dev`.

use std::process::Command;

use secrecy::SecretString;
use serde_json::json;
use workapi_bus::{Bus, Config};
use workapi_proto::jobs::v1::CredentialJob;

use crate::admin::Admin;
use crate::application::Application;
use crate::binary::{stderr, stdout};
use crate::dev::{Dev, data_dir, dev_on_shared_servers};

const NOBODY: &str = "0123456789abcdef01234567";

/// Connects to the bus of the `dev` that a command starts.
async fn bus_of(command: &Command) -> Bus {
    let setting = |wanted: &str| {
        let (_, value) = command
            .get_envs()
            .find(|(name, _)| *name == wanted)
            .unwrap();
        value.unwrap().to_str().unwrap().to_owned()
    };
    Bus::connect(&Config {
        url: SecretString::from(setting("WORK_API_NATS_URL")),
        prefix: setting("WORK_API_NATS_PREFIX"),
        name: "test",
    })
    .await
    .unwrap()
}

/// Puts a refresh job of an integration where dead ones are.
async fn bury(bus: &Bus, integration_id: &str, claim_seq: i64) {
    let job = CredentialJob {
        integration_id: integration_id.to_owned(),
        grant_id: "01a209f9-ebcc-741b-b9ed-7bd2c6460504".to_owned(),
        claim_seq,
    };
    let id = format!("{integration_id}:{claim_seq}");
    let published = bus.publish_job("dlq.refresh", &id, &job, None).await;
    published.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_explained_tried_again_and_dropped() {
    let folder = data_dir();
    let command = dev_on_shared_servers(folder.path()).await;
    let bus = bus_of(&command).await;
    let dev = Dev::start(command, folder.path()).await;
    let admin = Admin(folder.path());
    let integration = Application::of(&dev).integration().await;
    integration.connect().await;
    let id = integration.id();

    let nothing = admin.run("jobs list");
    bury(&bus, id, 1).await;
    bury(&bus, NOBODY, 2).await;
    let listed = admin.done("jobs list");
    let first_page = admin.run("jobs list --limit 1");
    let json = admin.json("jobs list --after 1");
    let explained = admin.done(&format!("jobs explain {id}"));
    let explained_json = admin.json("jobs explain 1");
    let gone = admin.done("jobs explain 2");
    let retried = admin.done("jobs retry 1");
    let missing = admin.run("jobs retry 2");
    let dropped = admin.json("jobs drop 2");
    let left = admin.json("jobs list");
    dev.stop().await;

    assert_eq!(stdout(&nothing), "");
    assert!(stderr(&nothing).contains("no dead letter, and nothing is stuck"));
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with(&format!("dead letter 1  refresh  {id}  ")),
        "{listed}"
    );
    assert!(lines[0].ends_with("the credential is active"), "{listed}");
    assert!(lines[1].ends_with("the credential is gone"), "{listed}");
    assert!(stderr(&first_page).contains("there are more dead letters: --after 1"));
    assert_eq!(json["dead_letters"].as_array().unwrap().len(), 1);
    assert_eq!(json["dead_letters"][0]["integration_id"], NOBODY);
    assert_eq!(json["dead_letters"][0]["credential_state"], json!(null));
    assert_eq!(json["stuck"], json!([]));
    for words in [
        "It is active since ",
        "generation 1: ",
        "It is not leased.",
        "What happens next:\n- It is due at ",
        "What you can do:\n- Nothing needs to be done.",
        "- Dead letter 1 is history: `work-api admin jobs drop 1` removes it.",
    ] {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    assert_eq!(explained_json["credential"]["integration_id"], id);
    assert_eq!(explained_json["credential"]["lease_until"], json!(null));
    assert_eq!(explained_json["dead_letters"][0]["sequence"], 1);
    assert!(gone.contains("There is no credential any more"), "{gone}");
    assert_eq!(
        retried,
        format!("{id} is due now, as active; dead letters removed: 1")
    );
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains(&format!("no credential of {NOBODY}")));
    assert_eq!(
        dropped,
        json!({"integration_id": NOBODY, "credential_state": null, "dead_letters_removed": 1})
    );
    assert_eq!(left, json!({"dead_letters": [], "stuck": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_an_integration_nor_a_dead_letter_is_wrong_usage() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());

    let malformed = admin.run("jobs explain gmail");
    let unknown = admin.run(&format!("jobs explain {NOBODY}"));
    let no_letter = admin.run("jobs drop 17");
    dev.stop().await;

    assert_eq!(malformed.status.code(), Some(2));
    assert!(stderr(&malformed).contains("nor a dead letter's number"));
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("no credential and no dead letter"));
    assert_eq!(no_letter.status.code(), Some(1));
    assert!(stderr(&no_letter).contains("no dead letter 17"));
}

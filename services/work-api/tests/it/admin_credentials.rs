//! `work-api admin credential` against a `dev`.

use serde_json::json;
use workapi_testkit::eventually;

use crate::admin::Admin;
use crate::application::Application;
use crate::binary::stderr;
use crate::dev::{Dev, data_dir, dev, dev_on_shared_servers};

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_listed_page_by_page_and_by_what_is_wrong() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    let admin = Admin(folder.path());
    let guid = dev.json("environment_guid").to_owned();
    let application = Application::of(&dev);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let integration = application.integration().await;
        integration.connect().await;
        ids.push(integration.id().to_owned());
    }
    ids.sort();

    let first = admin.run("credential list --limit 1");
    let second = admin.run(&format!("credential list --limit 1 --after {}", ids[0]));
    let filtered = admin.json(&format!(
        "credential list --state active --provider sandbox --environment {guid}"
    ));
    let broken = admin.json("credential list --state needs_reconnect");
    let by_cause = admin.done("credential list --cause internal");
    let unknown = admin.run("credential list --state broken");
    let too_many = admin.run("credential list --limit 1001");
    dev.stop().await;

    let line = String::from_utf8(first.stdout.clone()).unwrap();
    let columns: Vec<_> = line.trim_end().split("  ").collect();
    assert_eq!(
        columns[..6],
        [&ids[0], &guid, "sandbox", "active", "-", "none"]
    );
    assert_eq!(columns.len(), 9);
    assert!(
        columns[6..].iter().all(|time| time.ends_with('Z')),
        "{line}"
    );
    assert!(stderr(&first).contains(&format!("there are more: --after {}", ids[0])));
    assert!(String::from_utf8_lossy(&second.stdout).starts_with(&ids[1]));
    assert_eq!(stderr(&second), "");
    let listed = filtered.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["integration_id"], json!(ids[0]));
    assert_eq!(
        (&listed[0]["cause"], &listed[0]["action"]),
        (&json!(null), &json!("none"))
    );
    assert_eq!((broken, by_cause.as_str()), (json!([]), ""));
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("state must be one of: active, "));
    assert_eq!(too_many.status.code(), Some(2));
    for output in [&first, &second] {
        assert!(!format!("{output:?}").contains("ann@example.test"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_20_a_refreshed_token_and_its_state_outlive_the_process() {
    let folder = data_dir();
    let before = Dev::start(dev(folder.path()), folder.path()).await;
    let admin = Admin(folder.path());
    let mut integration = Application::of(&before).integration().await;
    integration.connect().await;
    let retry = format!("jobs retry {}", integration.id());
    let explain = format!("jobs explain {}", integration.id());
    let until_generation = async |wanted: i64| {
        eventually("the refresh", async || {
            let generation = &admin.json(&explain)["credential"]["generation"];
            (generation == wanted).then_some(())
        })
        .await;
    };
    admin.done(&retry);
    until_generation(2).await;
    let shown = integration.status().await;
    before.stop().await;

    let after = Dev::start(dev(folder.path()), folder.path()).await;
    integration.move_to(after.json("url"));

    assert_eq!(integration.status().await, shown);
    // A token that was used already would end the family: the sandbox's clients are class D.
    admin.done(&retry);
    until_generation(3).await;
    assert_eq!(integration.status().await["state"], "active");
    after.stop().await;
}

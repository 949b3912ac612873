//! Backups that are restored under the feet of a running stack (FM-21).

use workapi_bus::{Journal, Stream};
use workapi_proto::auth::v1::restore_admin_client::RestoreAdminClient;
use workapi_proto::auth::v1::{GetRestoreStatusRequest, Quarantine, ReleaseQuarantineRequest};
use workapi_sandbox::{ClientChange, RotationClass};
use workapi_testkit::{Backup, eventually};
use workapi_tests::{Environment, Options, Stack, UserSession, bearing};

use crate::google;

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

/// A stack with a provider of class D, `sandbox`, and one of class A, `gmail`.
struct Site {
    stack: Stack,
    environment: Environment,
    user: UserSession,
}

impl Site {
    async fn open() -> Self {
        let options = Options {
            manifests: vec![("gmail", google::manifest())],
            ..Options::default()
        };
        let stack = Stack::start_with(options).await;
        let environment = stack.environment().await;
        let change = ClientChange {
            rotation_class: Some(RotationClass::A),
            ..ClientChange::default()
        };
        let secret = stack.register("1234-gmail", change).await;
        let client = environment.set_provider("gmail", "1234-gmail", &secret);
        client.await;
        let application = stack.application(&environment);
        let user = application.create_user("cust-1").await;
        Self {
            stack,
            environment,
            user,
        }
    }

    /// Restores a backup that was taken a while ago: everything since is known to JetStream.
    async fn restore(&self, backup: &Backup) {
        let journal = Journal::new(self.stack.bus().clone());
        eventually("the watermark", || async {
            let counted: i64 = sqlx::query_scalar("SELECT last_value FROM outbox_position_seq")
                .fetch_one(self.stack.vault_database())
                .await
                .unwrap();
            let known = journal.watermark().await.unwrap();
            (known >= Some(counted)).then_some(())
        })
        .await;
        backup.restore(self.stack.vault_database()).await;
        // Whoever restores takes longer than JetStream remembers the ids of jobs.
        sqlx::query("UPDATE credential SET claim_seq = claim_seq + 100")
            .execute(self.stack.vault_database())
            .await
            .unwrap();
    }

    async fn admin(&self) -> (RestoreAdminClient<tonic::transport::Channel>, String) {
        let (_, token) = self.environment.admin().await;
        let client = RestoreAdminClient::connect(self.stack.admin_url().to_owned());
        (client.await.unwrap(), token)
    }

    async fn quarantine(&self) -> Option<Quarantine> {
        let (mut client, token) = self.admin().await;
        let request = bearing(GetRestoreStatusRequest {}, &token);
        let answer = client.get_restore_status(request).await.unwrap();
        answer.into_inner().quarantine
    }

    async fn quarantine_when(&self, what: &str, is_so: impl Fn(&Quarantine) -> bool) -> Quarantine {
        eventually(what, || async { self.quarantine().await.filter(&is_so) }).await
    }

    async fn repaired(&self) -> Quarantine {
        self.quarantine_when("the repair", |quarantine| {
            quarantine.grants_folded_at.is_some() && quarantine.rotations_folded_at.is_some()
        })
        .await
    }

    async fn release(&self) -> Quarantine {
        let (mut client, token) = self.admin().await;
        let request = bearing(ReleaseQuarantineRequest { force: false }, &token);
        let answer = client.release_quarantine(request).await.unwrap();
        answer.into_inner().quarantine.unwrap()
    }

    /// Makes a credential due, and waits until its token was held back.
    async fn held_back(&self, id: &str) {
        self.stack.make_due(id).await;
        eventually("a token that is held back", || async {
            let held_back: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM rotation_attempt
                                WHERE integration_id = $1 AND state = 'not_sent')",
            )
            .bind(id)
            .fetch_one(self.stack.vault_database())
            .await
            .unwrap();
            held_back.then_some(())
        })
        .await;
    }

    async fn assert_told(&self, quarantine: &Quarantine) {
        for kind in ["started", "ended"] {
            let subject = format!("evt.auth.vault.quarantine_{kind}.v1");
            let event = self.stack.event(&subject, &quarantine.id).await;
            let told = format!("workapi.vault.quarantine_{kind}.v1");
            assert_eq!(event.headers["ce-type"], told);
        }
    }
}

#[tokio::test]
async fn fm_21_a_restored_backup_costs_no_grant_and_revives_none() {
    let site = Site::open().await;
    let Site { stack, user, .. } = &site;
    let kept = user.connect("email", ANN).await;
    let gone = user.connect("event", BO).await;
    let calm = user.connect_at("gmail", "email", ANN).await;
    let backup = Backup::take(stack.vault_database()).await;
    stack.refresh(&kept).await;
    let newest = stack.refresh(&kept).await;
    let fresh = user.connect("file", ANN).await;
    user.delete(&gone).await;
    stack.credential_in(&gone, "revoked").await;

    site.restore(&backup).await;
    let repaired = site.repaired().await;

    assert!(Some(repaired.commits) < repaired.watermark, "{repaired:?}");
    assert_eq!((repaired.grants_folded, repaired.rotations_folded), (1, 1));
    assert_eq!(repaired.ended_by, "");
    let found = stack.credential(&kept).await.unwrap();
    assert_eq!(found.generation, newest.generation);
    assert_eq!(stack.credential(&fresh).await.unwrap().state, "active");
    assert!(stack.is_tombstoned(&gone).await);
    stack.credential_in(&gone, "revoked").await;
    assert_eq!(stack.refresh(&calm).await.generation, 2);
    let refreshes = stack.count("refreshes").await;
    site.held_back(&kept).await;
    assert_eq!(stack.count("refreshes").await, refreshes);
    let metrics = stack.metrics().render();
    let gauge = metrics
        .lines()
        .find(|line| line.starts_with("workapi_vault_quarantine") && line.contains("refresher"));
    assert!(gauge.unwrap().ends_with(" 1"), "{gauge:?}");

    let released = site.release().await;

    assert_eq!(released.ended_by, "operator");
    eventually("tokens that are sent again", || async {
        stack.make_due(&kept).await;
        let found = stack.credential(&kept).await?;
        (found.generation > newest.generation).then_some(())
    })
    .await;
    assert_eq!(stack.refresh(&fresh).await.generation, 2);
    assert_eq!(stack.count("reuse_detected").await, 0);
    site.assert_told(&released).await;
}

#[tokio::test]
async fn fm_21_a_restored_backup_that_the_journal_makes_good_needs_no_operator() {
    let site = Site::open().await;
    let Site { stack, user, .. } = &site;
    let id = user.connect("email", ANN).await;
    let backup = Backup::take(stack.vault_database()).await;
    stack.refresh(&id).await;

    site.restore(&backup).await;
    let ended = site
        .quarantine_when("the end", |quarantine| !quarantine.ended_by.is_empty())
        .await;

    assert_eq!(ended.ended_by, "folding");
    assert_eq!(stack.credential(&id).await.unwrap().generation, 2);
    eventually("tokens that are sent again", || async {
        stack.make_due(&id).await;
        let found = stack.credential(&id).await?;
        (found.generation == 3).then_some(())
    })
    .await;
    assert_eq!(stack.count("reuse_detected").await, 0);
    site.assert_told(&ended).await;
}

#[tokio::test]
async fn fm_21_a_token_of_the_past_that_the_journal_lacks_is_not_sent() {
    let site = Site::open().await;
    let Site { stack, user, .. } = &site;
    let id = user.connect("email", ANN).await;
    let backup = Backup::take(stack.vault_database()).await;
    stack.refresh(&id).await;
    let refreshes = stack.count("refreshes").await;
    let journal = stack.bus().prefixed(Stream::VaultJournal.name());
    let journal = stack.bus().jetstream().get_stream(journal).await.unwrap();
    let answer = stack.bus().prefixed(&format!("journal.{id}"));

    journal.purge().filter(answer).await.unwrap();
    site.restore(&backup).await;
    let repaired = site.repaired().await;
    site.held_back(&id).await;

    assert_eq!(repaired.rotations_folded, 0);
    assert_eq!(stack.credential(&id).await.unwrap().generation, 1);
    assert_eq!(stack.count("refreshes").await, refreshes);
    assert_eq!(stack.count("reuse_detected").await, 0);
    assert_eq!(site.quarantine().await.unwrap().ended_by, "");
}

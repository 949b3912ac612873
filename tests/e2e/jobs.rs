//! Jobs that nobody could finish: an operator sees them, and repairs what can be repaired.

use std::sync::Arc;

use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status};
use workapi_bus::Stream;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::{
    DeadLetter, DropDeadLettersRequest, DropDeadLettersResponse, ExplainJobRequest,
    ExplainJobResponse, JobTarget, ListCredentialsRequest, ListDeadLettersRequest,
    ListStuckCredentialsRequest, RetryJobRequest, RetryJobResponse, StuckCredential, StuckReason,
    job_target,
};
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_testkit::{Proxy, eventually, nats_url};
use workapi_tests::{Environment, Options, Stack, UserSession, bearing};

const ANN: &str = "ann@example.test";
const NOBODY: &str = "0123456789abcdef01234567";

/// A stack with its operator and one user.
struct Operated {
    stack: Stack,
    environment: Environment,
    user: UserSession,
    jobs: JobAdminClient<Channel>,
    token: String,
}

impl Operated {
    async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> Self {
        let stack = Stack::start_with(options).await;
        let environment = stack.environment().await;
        let user = stack.application(&environment).create_user("cust-1").await;
        let (_, jobs, token) = environment.operator().await;
        Self {
            stack,
            environment,
            user,
            jobs,
            token,
        }
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, Status> {
        let request = bearing(ListDeadLettersRequest::default(), &self.token);
        let listed = self.jobs.clone().list_dead_letters(request).await?;
        Ok(listed.into_inner().dead_letters)
    }

    async fn stuck(&self) -> Vec<StuckCredential> {
        let request = bearing(ListStuckCredentialsRequest::default(), &self.token);
        let listed = self.jobs.clone().list_stuck_credentials(request).await;
        listed.unwrap().into_inner().credentials
    }

    async fn explain(&self, target: JobTarget) -> Result<ExplainJobResponse, Status> {
        let target = Some(target);
        let request = bearing(ExplainJobRequest { target }, &self.token);
        Ok(self.jobs.clone().explain_job(request).await?.into_inner())
    }

    async fn retry(&self, target: JobTarget) -> Result<RetryJobResponse, Status> {
        let target = Some(target);
        let request = bearing(RetryJobRequest { target }, &self.token);
        Ok(self.jobs.clone().retry_job(request).await?.into_inner())
    }

    async fn drop(&self, target: JobTarget) -> Result<DropDeadLettersResponse, Status> {
        let target = Some(target);
        let request = bearing(DropDeadLettersRequest { target }, &self.token);
        Ok(self
            .jobs
            .clone()
            .drop_dead_letters(request)
            .await?
            .into_inner())
    }

    /// Connects an integration whose refresh jobs have died three times, and waits until it is given
    /// up.
    async fn given_up(&self) -> String {
        let id = self.user.connect("email", ANN).await;
        self.change(
            &id,
            "UPDATE credential SET unfinished_jobs = 3, due_at = now() WHERE integration_id = $1",
        )
        .await;
        self.stack.credential_in(&id, "needs_operator").await;
        self.until_buried(1).await;
        id
    }

    /// Connects an integration that is deleted, and whose revocation jobs have died three times.
    async fn dying_revocation(&self) -> String {
        let id = self.user.connect("email", ANN).await;
        self.change(
            &id,
            "UPDATE credential
             SET state = 'revoking', unfinished_jobs = 3, due_at = now(),
                 revoke_until = now() + interval '1 day'
             WHERE integration_id = $1",
        )
        .await;
        self.until_buried(1).await;
        id
    }

    async fn change(&self, id: &str, statement: &'static str) {
        let changed = sqlx::query(statement)
            .bind(id)
            .execute(self.stack.vault_database())
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }

    async fn until_buried(&self, count: usize) {
        eventually("the dead letter", || async {
            let letters = self.stack.messages(Stream::DeadLetters).await;
            (letters.len() == count).then_some(())
        })
        .await;
    }
}

fn integration(id: &str) -> JobTarget {
    JobTarget {
        target: Some(job_target::Target::IntegrationId(id.to_owned())),
    }
}

fn dead_letter(sequence: u64) -> JobTarget {
    JobTarget {
        target: Some(job_target::Target::DeadLetter(sequence)),
    }
}

#[tokio::test]
async fn a_poisoned_job_is_listed_explained_and_tried_again() {
    let operated = Operated::start().await;
    let id = operated.given_up().await;

    let letters = operated.letters().await.unwrap();
    let stuck = operated.stuck().await;
    let explained = operated.explain(integration(&id)).await.unwrap();

    let letter = &letters[0];
    assert_eq!((letters.len(), letter.kind.as_str()), (1, "refresh"));
    assert_eq!(
        (&letter.integration_id, letter.provider.as_str()),
        (&id, "sandbox")
    );
    assert_eq!(
        (letter.tries, letter.credential_state.as_str()),
        (Some(3), "needs_operator")
    );
    assert_eq!((stuck.len(), &stuck[0].integration_id), (1, &id));
    assert_eq!(stuck[0].reason(), StuckReason::GivenUp);
    assert_eq!(stuck[0].environment_guid, operated.environment.guid);
    assert_eq!(explained.dead_letters, letters);
    let credential = explained.credential.unwrap();
    assert_eq!(
        (credential.state.as_str(), credential.cause.as_deref()),
        ("needs_operator", Some("internal"))
    );
    assert_eq!(
        (credential.action.as_str(), credential.unfinished_jobs),
        ("operator", 3)
    );
    assert!(credential.due_at.is_none() && credential.lease_until.is_none());
    assert!(explained.next[0].contains("3 refresh jobs began and never ended"));
    let advice = explained.advice.join("\n");
    assert!(
        advice.contains(&format!("work-api admin jobs retry {id}")),
        "{advice}"
    );

    let retried = operated.retry(integration(&id)).await.unwrap();

    assert_eq!(
        (&retried.integration_id, retried.dead_letters_removed),
        (&id, 1)
    );
    assert_eq!(retried.state, "refresh_failing");
    let healed = operated
        .stack
        .credential_when(&id, "the refresh", |found| found.generation == 2)
        .await;
    assert_eq!((healed.state.as_str(), healed.cause), ("active", None));
    assert_eq!(operated.letters().await.unwrap(), []);
    assert_eq!(operated.stuck().await, []);
    let subject = "evt.auth.credential.refresh_failing.v1";
    let told: CredentialStateChanged = operated.stack.event(subject, &id).await.decode();
    assert_eq!(
        (told.cause.as_str(), told.action.as_str()),
        ("internal", "wait")
    );
}

#[tokio::test]
async fn dropping_removes_the_dead_letter_and_leaves_the_credential() {
    let operated = Operated::start().await;
    let id = operated.given_up().await;
    let sequence = operated.letters().await.unwrap()[0].sequence;

    let dropped = operated.drop(dead_letter(sequence)).await.unwrap();
    let again = operated.drop(dead_letter(sequence)).await.unwrap_err();
    let none_left = operated.drop(integration(&id)).await.unwrap_err();

    assert_eq!(
        (dropped.dead_letters_removed, &dropped.integration_id),
        (1, &id)
    );
    assert_eq!(dropped.credential_state, "needs_operator");
    assert_eq!(
        (again.code(), none_left.code()),
        (Code::NotFound, Code::NotFound)
    );
    assert_eq!(operated.letters().await.unwrap(), []);
    assert_eq!(
        operated.stack.credential(&id).await.unwrap().state,
        "needs_operator"
    );
    assert_eq!(operated.stuck().await.len(), 1);
    // It can still be brought back.
    let retried = operated.retry(integration(&id)).await.unwrap();
    assert_eq!(retried.dead_letters_removed, 0);
    operated.stack.credential_in(&id, "active").await;
}

#[tokio::test]
async fn a_poisoned_revocation_is_a_dead_letter_too_and_ends_when_it_is_tried_again() {
    let operated = Operated::start().await;
    let id = operated.dying_revocation().await;

    let letter = operated.letters().await.unwrap().remove(0);
    let explained = operated
        .explain(dead_letter(letter.sequence))
        .await
        .unwrap();

    assert_eq!(
        (letter.kind.as_str(), &letter.integration_id),
        ("revoke", &id)
    );
    assert_eq!(
        (letter.tries, letter.credential_state.as_str()),
        (Some(3), "revoking")
    );
    assert_eq!(operated.stack.count("revocations").await, 0);
    let next = explained.next.join("\n");
    assert!(
        next.contains("3 revocation jobs began and never ended"),
        "{next}"
    );
    assert!(next.contains("its tokens are shredded"), "{next}");

    let retried = operated.retry(dead_letter(letter.sequence)).await.unwrap();

    assert_eq!(
        (&retried.integration_id, retried.state.as_str()),
        (&id, "revoking")
    );
    let ended = operated.stack.credential_in(&id, "revoked").await;
    assert!(!ended.has_secrets);
    assert_eq!(operated.stack.count("revocations").await, 1);
    assert_eq!(operated.letters().await.unwrap(), []);
}

#[tokio::test]
async fn what_an_operator_names_wrongly_or_cannot_mend_is_told_clearly() {
    let operated = Operated::start().await;
    let id = operated.user.connect("email", ANN).await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    operated.stack.inject_fault(&fault).await;
    operated.stack.make_due(&id).await;
    operated.stack.credential_in(&id, "needs_reconnect").await;

    let only_the_user = operated.retry(integration(&id)).await.unwrap_err();
    let missing = operated.retry(integration(NOBODY)).await.unwrap_err();
    let no_letter = operated.retry(dead_letter(17)).await.unwrap_err();
    let nothing = operated.explain(integration(NOBODY)).await.unwrap_err();
    let malformed = operated.explain(integration("64B7")).await.unwrap_err();
    let targetless = operated.retry(JobTarget::default()).await.unwrap_err();

    assert_eq!(only_the_user.code(), Code::Aborted);
    assert!(only_the_user.message().contains("only its user can bring"));
    for (status, words) in [
        (missing, format!("no credential of {NOBODY}")),
        (no_letter, "no dead letter 17".to_owned()),
        (
            nothing,
            format!("no credential and no dead letter of {NOBODY}"),
        ),
    ] {
        assert_eq!(status.code(), Code::NotFound);
        assert!(status.message().contains(&words), "{status}");
    }
    for status in [malformed, targetless] {
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let unchanged = operated.stack.credential(&id).await.unwrap();
    assert_eq!(unchanged.state, "needs_reconnect");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_can_be_seen_and_dropped() {
    let operated = Operated::start().await;
    let bus = operated.stack.bus();
    let published = bus
        .jetstream()
        .publish(bus.prefixed("dlq.refresh"), "\u{1}not a job".into())
        .await;
    published.unwrap().await.unwrap();

    let letters = operated.letters().await.unwrap();
    let retry = operated.retry(dead_letter(letters[0].sequence)).await;
    let explained = operated.explain(dead_letter(letters[0].sequence)).await;
    let dropped = operated.drop(dead_letter(letters[0].sequence)).await;

    assert_eq!(
        (letters[0].kind.as_str(), letters[0].integration_id.as_str()),
        ("refresh", "")
    );
    assert_eq!(retry.unwrap_err().code(), Code::Aborted);
    assert!(explained.unwrap().credential.is_none());
    assert_eq!(dropped.unwrap().dead_letters_removed, 1);
    assert_eq!(operated.letters().await.unwrap(), []);
}

#[tokio::test]
async fn without_nats_dead_letters_are_unavailable_and_a_retry_can_be_said_again() {
    let way = Arc::new(Proxy::open(&nats_url()).await);
    let options = Options {
        nats_way: Some(Arc::clone(&way)),
        ..Options::default()
    };
    let operated = Operated::start_with(options).await;
    let id = operated.given_up().await;

    way.cut().await;
    let listed = operated.letters().await.unwrap_err();
    let retried = operated.retry(integration(&id)).await.unwrap_err();
    way.reopen().await;

    assert_eq!(
        (listed.code(), retried.code()),
        (Code::Unavailable, Code::Unavailable)
    );
    let removed = eventually("the bus's return", || async {
        let retried = operated.retry(integration(&id)).await.ok()?;
        Some(retried.dead_letters_removed)
    })
    .await;
    assert_eq!(removed, 1);
    operated.stack.credential_in(&id, "active").await;
}

#[tokio::test]
async fn credentials_and_jobs_are_for_operators_only() {
    let mut operated = Operated::start().await;
    let (mut credentials, _, admin_token) = operated.environment.operator().await;
    let user_token = operated.user.token.clone();
    // The owner checks the token again.
    let auth = operated.stack.auth_url().to_owned();
    let mut at_auth = JobAdminClient::connect(auth).await.unwrap();

    for token in [user_token.as_str(), "", "another"] {
        token.clone_into(&mut operated.token);
        let listed = credentials
            .list_credentials(bearing(ListCredentialsRequest::default(), token))
            .await;
        let direct = at_auth
            .list_dead_letters(bearing(ListDeadLettersRequest::default(), token))
            .await;
        let refusals = [
            listed.unwrap_err(),
            direct.unwrap_err(),
            operated.letters().await.unwrap_err(),
            operated.explain(integration(NOBODY)).await.unwrap_err(),
            operated.retry(integration(NOBODY)).await.unwrap_err(),
            operated.drop(integration(NOBODY)).await.unwrap_err(),
        ];
        for status in refusals {
            assert_eq!(status.code(), Code::Unauthenticated, "{status}");
        }
    }
    let request = bearing(ListDeadLettersRequest::default(), &admin_token);
    assert!(at_auth.list_dead_letters(request).await.is_ok());
}

#[tokio::test]
async fn credentials_are_listed_by_what_is_wrong_with_them() {
    let operated = Operated::start().await;
    let given_up = operated.given_up().await;
    let active = operated.user.connect("event", ANN).await;
    let (mut credentials, _, token) = operated.environment.operator().await;
    let mut list = async |request: ListCredentialsRequest| {
        let listed = credentials.list_credentials(bearing(request, &token)).await;
        listed.map(tonic::Response::into_inner)
    };

    let first = list(ListCredentialsRequest {
        page_size: 1,
        environment_guid: operated.environment.guid.clone(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();
    let second = list(ListCredentialsRequest {
        page_token: first.next_page_token.clone(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();
    let broken = list(ListCredentialsRequest {
        state: "needs_operator".to_owned(),
        cause: "internal".to_owned(),
        provider: "sandbox".to_owned(),
        ..ListCredentialsRequest::default()
    })
    .await
    .unwrap();

    let ids = [&first, &second].map(|page| page.credentials[0].integration_id.clone());
    let mut expected = [given_up.clone(), active];
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!((first.credentials.len(), second.credentials.len()), (1, 1));
    assert_eq!(second.next_page_token, "");
    assert_eq!(broken.credentials.len(), 1);
    let found = &broken.credentials[0];
    assert_eq!(
        (&found.integration_id, found.action.as_str()),
        (&given_up, "operator")
    );
    assert_eq!(found.environment_guid, operated.environment.guid);
    assert!(!format!("{broken:?}").contains(ANN));
    for wrong in [
        ListCredentialsRequest {
            state: "broken".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            cause: "bad luck".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            provider: "No Provider".to_owned(),
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            page_size: 1001,
            ..ListCredentialsRequest::default()
        },
        ListCredentialsRequest {
            page_token: "1".to_owned(),
            ..ListCredentialsRequest::default()
        },
    ] {
        let refused = list(wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
    let nowhere = list(ListCredentialsRequest {
        environment_guid: "X".to_owned(),
        ..ListCredentialsRequest::default()
    });
    assert_eq!(nowhere.await.unwrap_err().code(), Code::NotFound);
}

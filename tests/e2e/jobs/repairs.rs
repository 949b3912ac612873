//! What died is seen, explained, tried again or dropped.

use tonic::Code;
use workapi_proto::auth::v1::StuckReason;
use workapi_proto::events::v1::CredentialStateChanged;

use super::{Operated, dead_letter, integration};

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

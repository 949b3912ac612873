//! Dead letters, stuck credentials and explanations as messages.

use workapi_proto::auth::v1::{
    DeadLetter, ExplainedAttempt, ExplainedCredential, StuckCredential, StuckReason,
};
use workapi_vault::Inspection;

use super::time::timestamp;
use crate::app::Letter;

pub(super) fn letter(letter: Letter) -> DeadLetter {
    let job = letter.job.unwrap_or_default();
    DeadLetter {
        sequence: letter.sequence,
        kind: letter.kind,
        integration_id: job.integration_id,
        grant_id: job.grant_id,
        claim_seq: job.claim_seq,
        provider: letter.provider,
        buried_at: Some(timestamp(letter.buried_at)),
        tries: letter.tries,
        credential_state: letter
            .state
            .map(|state| state.to_string())
            .unwrap_or_default(),
    }
}

pub(super) fn stuck(credential: workapi_vault::StuckCredential) -> StuckCredential {
    let reason = match credential.reason {
        workapi_vault::StuckReason::GivenUp => StuckReason::GivenUp,
        workapi_vault::StuckReason::Unresolved => StuckReason::Unresolved,
        workapi_vault::StuckReason::Revoking => StuckReason::Revoking,
        workapi_vault::StuckReason::Overdue => StuckReason::Overdue,
    };
    StuckCredential {
        integration_id: credential.integration_id.into(),
        environment_guid: credential.environment_guid.to_string(),
        provider: credential.provider.to_string(),
        state: credential.state.to_string(),
        cause: credential.cause.map(|cause| cause.to_string()),
        reason: reason.into(),
        since: Some(timestamp(credential.since)),
    }
}

pub(super) fn credential(found: Inspection) -> ExplainedCredential {
    ExplainedCredential {
        integration_id: found.integration_id.into(),
        environment_guid: found.environment_guid.to_string(),
        provider: found.provider.to_string(),
        grant_id: found.grant_id.to_string(),
        generation: found.generation,
        state: found.state.to_string(),
        cause: found.cause.map(|cause| cause.to_string()),
        action: found.state.action_for(found.cause).to_string(),
        since: Some(timestamp(found.since)),
        last_success_at: Some(timestamp(found.last_success_at)),
        expires_at: Some(timestamp(found.access_expires_at)),
        due_at: found.due_at.map(timestamp),
        lease_until: found.lease_until.map(timestamp),
        unfinished_jobs: found.unfinished_jobs,
        failures: found.failures,
        revoke_until: found.revoke_until.map(timestamp),
        breaker_open: found.breaker_open,
        quarantined: found.quarantined,
    }
}

pub(super) fn attempt(attempt: workapi_vault::RotationAttempt) -> ExplainedAttempt {
    ExplainedAttempt {
        attempt_id: attempt.attempt_id.to_string(),
        generation: attempt.generation,
        state: attempt.state,
        sent_at: Some(timestamp(attempt.sent_at)),
        finished_at: attempt.finished_at.map(timestamp),
    }
}

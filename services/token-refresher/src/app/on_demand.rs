//! Answering those who need a fresh access token now (refresh protocol, section 10), and telling
//! everybody who waits.

use std::sync::Arc;

use workapi_bus::Verdict;
use workapi_proto::jobs::v1::{
    CredentialJob, RefreshOutcome, RefreshReply, RefreshRequest, RefreshedNote,
};
use workapi_types::{GrantId, IntegrationId};
use workapi_vault::{Claim, ClaimNow, OnDemandClaim, RefreshResult};

use crate::app::App;
use crate::app::turns::Asker;

impl App {
    /// Answers a request for a refresh. What is claimed for it goes the way of every job, and
    /// does not end with the request.
    pub(crate) async fn answer(self: &Arc<Self>, request: RefreshRequest) -> RefreshReply {
        let Ok(integration_id) = IntegrationId::try_from(request.integration_id) else {
            return reply(RefreshResult::Current);
        };
        match self.refresh_now(&integration_id).await {
            Ok(result) => reply(result),
            Err(error) => {
                tracing::warn!(integration.id = %integration_id, %error, "a refresh request is left to the schedulers");
                bare(RefreshOutcome::Busy)
            }
        }
    }

    async fn refresh_now(
        self: &Arc<Self>,
        integration_id: &IntegrationId,
    ) -> Result<RefreshResult, workapi_vault::Error> {
        let claimed = match self.vault().claim_now(integration_id).await? {
            ClaimNow::Claimed(claimed) => claimed,
            ClaimNow::Refused(result) => return Ok(result),
        };
        self.work_on(&claimed).await;
        self.vault().result_of(&claimed).await
    }

    async fn work_on(self: &Arc<Self>, claimed: &OnDemandClaim) {
        let claim = &claimed.claim;
        let Some(manifest) = self.catalogue.get(&claim.provider) else {
            tracing::error!(provider = %claim.provider, "a refresh is asked for, and its provider is not in the catalogue");
            return;
        };
        let job = job(claim);
        let verdict = self.refresh_claim(&job, manifest, Asker::Caller).await;
        if let Verdict::Dead(kind) = verdict {
            self.bury(kind, claim, &job).await;
        }
    }

    /// Puts what would have been a job to the dead letters, where operators look for it.
    async fn bury(&self, kind: &str, claim: &Claim, job: &CredentialJob) {
        let (integration_id, grant_id) = (&claim.integration_id, claim.grant_id);
        let id = format!("{integration_id}:{grant_id}:{}", claim.claim_seq);
        let subject = format!("dlq.{kind}");
        if let Err(error) = self.bus.publish_job(&subject, &id, job, None).await {
            tracing::error!(integration.id = %integration_id, %error, "a dead letter was not stored");
        }
    }

    /// Tells those who wait for a credential that a newer generation is committed.
    pub(crate) async fn note_refreshed(
        &self,
        integration_id: &IntegrationId,
        grant_id: GrantId,
        generation: i64,
    ) {
        let note = RefreshedNote {
            grant_id: grant_id.to_string(),
            generation,
        };
        self.bus
            .publish_refreshed(integration_id.as_str(), &note)
            .await;
    }
}

/// Returns the job that the scheduler would have published for a claim.
fn job(claim: &Claim) -> CredentialJob {
    CredentialJob {
        integration_id: claim.integration_id.to_string(),
        grant_id: claim.grant_id.to_string(),
        claim_seq: claim.claim_seq,
    }
}

fn bare(outcome: RefreshOutcome) -> RefreshReply {
    RefreshReply {
        outcome: outcome.into(),
        ..RefreshReply::default()
    }
}

fn reply(result: RefreshResult) -> RefreshReply {
    match result {
        RefreshResult::Refreshed { generation, .. } => RefreshReply {
            generation,
            ..bare(RefreshOutcome::Refreshed)
        },
        RefreshResult::Joined => bare(RefreshOutcome::Joined),
        RefreshResult::Current => bare(RefreshOutcome::Current),
        RefreshResult::Failed { cause, action } => RefreshReply {
            cause: cause.map(|cause| cause.to_string()).unwrap_or_default(),
            action: action.to_string(),
            ..bare(RefreshOutcome::Failed)
        },
    }
}

//! Jobs that nobody could finish: an operator sees them, and repairs what can be repaired.

mod credentials;
mod refusals;
mod repairs;

use tonic::Status;
use tonic::transport::Channel;
use workapi_bus::Stream;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::{
    DeadLetter, DropDeadLettersRequest, DropDeadLettersResponse, ExplainJobRequest,
    ExplainJobResponse, JobTarget, ListDeadLettersRequest, ListStuckCredentialsRequest,
    RetryJobRequest, RetryJobResponse, StuckCredential, job_target,
};
use workapi_testkit::eventually;
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

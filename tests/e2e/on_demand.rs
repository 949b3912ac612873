//! Access tokens on demand, with real refreshers and a provider that counts.

mod callers;
mod check;
mod clocks;
mod outages;

use std::time::Duration;

use workapi_tests::{Options, Stack};
use workapi_types::IntegrationId;
use workapi_vault::{AccessTokenGrant, AccessVault, OnDemandError};

const ANN: &str = "ann@example.test";
/// Longer than anything that a test does not want to see run out.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stack with one connected integration, and a program that uses its access token.
struct Connected {
    stack: Stack,
    id: String,
    vault: AccessVault,
}

impl Connected {
    async fn start(options: Options) -> Self {
        let stack = Stack::start_with(options).await;
        let id = stack.user().await.connect("email", ANN).await;
        let vault = stack.access_vault().await;
        Self { stack, id, vault }
    }

    fn integration(&self) -> IntegrationId {
        self.id.parse().unwrap()
    }

    async fn token_within(&self, deadline: Duration) -> Result<AccessTokenGrant, OnDemandError> {
        let integration = self.integration();
        self.vault
            .access_token(&integration, Duration::ZERO, deadline)
            .await
    }

    async fn token(&self) -> AccessTokenGrant {
        self.token_within(PATIENCE).await.unwrap()
    }

    /// Says that the provider refused a token, and asks for another one.
    async fn after_refusal(&self, refused: &AccessTokenGrant) -> AccessTokenGrant {
        self.vault
            .access_token_refused(&self.integration(), refused.grant_id, refused.generation)
            .await
            .unwrap();
        self.token().await
    }

    /// Asserts that the provider saw `refreshes`, that all of them are kept, and that it was sent
    /// no token twice.
    async fn assert_refreshes(&self, refreshes: u64) {
        let counters = self.stack.counters().await;
        assert_eq!(counters["refreshes"], refreshes, "{counters}");
        assert_eq!(self.stack.rotations().await, refreshes);
        for mishap in ["reuse_detected", "double_spends", "families_revoked"] {
            assert_eq!(counters[mishap], 0, "{counters}");
        }
    }
}

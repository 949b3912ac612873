//! What a provider grants may shrink with any answer.

use std::time::Duration;

use workapi_vault::Settled;

use crate::credential::row;
use crate::fixture::{Fixture, tokens};

const KEEP: Duration = Duration::from_mins(2);

#[tokio::test]
async fn fm_13_the_scopes_of_each_answer_are_stored_and_never_widened_in_silence() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut stored = Vec::new();

    for (number, told) in [
        ("2", Some("email")),
        ("3", None),
        ("4", Some("email profile")),
    ] {
        let lease = vault.lease(&integration).await;
        let mut received = tokens(number);
        received.scopes = told.map(|scopes| scopes.parse().unwrap());
        let answer = vault.refresher.seal_answer(&lease, &received).unwrap();
        let settled = vault
            .refresher
            .commit_rotation(&lease, &answer, Some(KEEP))
            .await;
        assert_eq!(settled.unwrap(), Settled::Committed);
        stored.push(row(&vault.sql, &integration).await.granted_scopes);
    }

    // An answer that says nothing grants what the one before did, not what was asked for.
    assert_eq!(stored, ["email", "email", "email profile"]);
}

//! What happens next to a credential, and what an operator can do about it, in sentences.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use workapi_providers::Cause;
use workapi_vault::{Inspection, State};

use super::Letter;

/// Says what happens by itself.
pub(super) fn next_steps(inspection: Option<&Inspection>) -> Vec<String> {
    let Some(found) = inspection else {
        return vec!["There is no credential any more, so nothing happens.".to_owned()];
    };
    match found.state {
        State::Active | State::RefreshFailing => refreshing(found),
        State::NeedsReconnect => vec![
            "Nothing happens by itself: the provider does not accept the grant any more."
                .to_owned(),
        ],
        State::NeedsOperator if found.cause == Some(Cause::Internal) => vec![format!(
            "Nothing happens by itself: {} refresh jobs began and never ended, because their \
             processes died, so it is left alone.",
            found.unfinished_jobs
        )],
        State::NeedsOperator => {
            vec!["Nothing happens by itself until an operator says so.".to_owned()]
        }
        State::Revoking => revoking(found),
        State::Revoked => vec![
            "It is over: the tokens are shredded, and the rest is removed after 35 days."
                .to_owned(),
        ],
    }
}

fn refreshing(found: &Inspection) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(until) = found.lease_until {
        sentences.push(format!(
            "A process is at work on it, until {} at the latest.",
            text(until)
        ));
    } else if let Some(open) = found
        .attempts
        .iter()
        .find(|attempt| attempt.state == "sent")
    {
        sentences.push(format!(
            "The refresh token of generation {} may have been sent at {}, and nobody knows how that \
             ended; whoever looks at it next settles that first.",
            open.generation,
            text(open.sent_at)
        ));
    }
    if found.breaker_open {
        sentences.push(
            "The breaker of its OAuth client is open: nothing is sent until the provider accepts \
             the client again."
                .to_owned(),
        );
    }
    match found.due_at.filter(|_| found.has_refresh_token) {
        Some(due_at) => sentences.push(format!("It is due at {}.", text(due_at))),
        None => sentences.push(format!(
            "It has no refresh token: it ends with its access token, at {}.",
            text(found.access_expires_at)
        )),
    }
    sentences
}

fn revoking(found: &Inspection) -> Vec<String> {
    let mut sentences = Vec::new();
    if found.unfinished_jobs > 2 {
        sentences.push(format!(
            "{} revocation jobs began and never ended, because their processes died, so the \
             provider is not asked again.",
            found.unfinished_jobs
        ));
    } else if let Some(due_at) = found.due_at {
        sentences.push(format!("Its revocation is due at {}.", text(due_at)));
    }
    if let Some(until) = found.revoke_until {
        sentences.push(format!(
            "At {} its tokens are shredded, whatever the provider says by then.",
            text(until)
        ));
    }
    sentences
}

/// Says what the operator can do.
pub(super) fn advice(inspection: Option<&Inspection>, letters: &[Letter]) -> Vec<String> {
    let mut sentences = inspection.map(for_credential).unwrap_or_default();
    let is_history = inspection.is_none_or(|found| {
        matches!(
            found.state,
            State::Active | State::NeedsReconnect | State::Revoked
        )
    });
    for letter in letters {
        let sequence = letter.sequence;
        sentences.push(if is_history {
            format!(
                "Dead letter {sequence} is history: `work-api admin jobs drop {sequence}` removes it."
            )
        } else {
            format!(
                "`work-api admin jobs drop {sequence}` only removes the dead letter; the credential \
                 stays as it is."
            )
        });
    }
    sentences
}

fn for_credential(found: &Inspection) -> Vec<String> {
    let id = &found.integration_id;
    let retry = format!("`work-api admin jobs retry {id}` makes it due at once.");
    let reconnect = format!("Its user can connect the account again: GET /auth/init/{id}.");
    let check_client = format!(
        "Check the client of environment {} at {}: its id, its secrets, and whether the provider \
         has suspended it.",
        found.environment_guid, found.provider
    );
    let wrong_client = found.cause == Some(Cause::OperatorConfig);
    match found.state {
        State::Active | State::RefreshFailing if !found.has_refresh_token => vec![reconnect],
        State::Active | State::RefreshFailing if found.breaker_open => vec![
            check_client,
            "A client secret that is added with `work-api admin provider secret add` is tried at once."
                .to_owned(),
        ],
        State::Active | State::RefreshFailing if wrong_client => vec![check_client, retry],
        State::Active if found.failures == 0 => vec!["Nothing needs to be done.".to_owned()],
        State::Active | State::RefreshFailing | State::Revoking => vec![retry],
        State::NeedsReconnect => vec![reconnect],
        State::NeedsOperator if found.cause == Some(Cause::Internal) => vec![
            "Find out why the processes died: their logs name the integration.".to_owned(),
            retry,
            reconnect,
        ],
        State::NeedsOperator => vec![check_client, retry],
        State::Revoked => Vec::new(),
    }
}

fn text(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use workapi_types::{AttemptId, EnvironmentGuid, GrantId};
    use workapi_vault::RotationAttempt;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    /// A credential that is well.
    fn well() -> Inspection {
        Inspection {
            integration_id: "64b7f0c2a1d3e4f5a6b7c8d9".parse().unwrap(),
            environment_guid: EnvironmentGuid::random(),
            provider: "sandbox".parse().unwrap(),
            grant_id: GrantId::from_uuid(EnvironmentGuid::random().as_uuid()),
            generation: 7,
            state: State::Active,
            cause: None,
            since: NOW,
            last_success_at: NOW,
            access_expires_at: NOW + Duration::HOUR,
            due_at: Some(NOW + Duration::MINUTE),
            lease_until: None,
            unfinished_jobs: 0,
            failures: 0,
            revoke_until: None,
            has_refresh_token: true,
            breaker_open: false,
            quarantined: 0,
            attempts: Vec::new(),
        }
    }

    fn told(found: &Inspection) -> String {
        [next_steps(Some(found)), advice(Some(found), &[])]
            .concat()
            .join("\n")
    }

    #[test]
    fn what_is_well_needs_nothing() {
        let told = told(&well());

        assert_eq!(
            told,
            "It is due at 2026-03-01T12:01:00Z.\nNothing needs to be done."
        );
    }

    #[test]
    fn an_attempt_whose_end_is_unknown_is_settled_before_the_next_one() {
        let found = Inspection {
            failures: 1,
            attempts: vec![RotationAttempt {
                attempt_id: AttemptId::new(),
                generation: 7,
                state: "sent".to_owned(),
                sent_at: NOW,
                finished_at: None,
            }],
            ..well()
        };

        let told = told(&found);

        assert!(told.contains("The refresh token of generation 7 may have been sent"));
        assert!(told.contains("jobs retry 64b7f0c2a1d3e4f5a6b7c8d9"));
    }

    #[test]
    fn a_client_that_the_provider_refuses_is_to_be_checked_first() {
        let found = Inspection {
            breaker_open: true,
            ..well()
        };

        let told = told(&found);

        assert!(told.contains("The breaker of its OAuth client is open"));
        assert!(told.contains("Check the client of environment"));
    }

    #[test]
    fn without_a_refresh_token_only_the_user_can_go_on() {
        let found = Inspection {
            has_refresh_token: false,
            due_at: None,
            ..well()
        };

        let told = told(&found);

        assert!(told.contains("it ends with its access token, at 2026-03-01T13:00:00Z."));
        assert!(!told.contains("retry"));
    }

    #[test]
    fn every_state_but_the_last_says_what_can_be_done() {
        for state in State::ALL {
            let found = Inspection { state, ..well() };

            let advice = advice(Some(&found), &[]);

            assert_eq!(advice.is_empty(), state == State::Revoked, "{state}");
            assert!(!next_steps(Some(&found)).is_empty(), "{state}");
        }
    }
}

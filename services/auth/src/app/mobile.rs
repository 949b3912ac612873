//! Connecting with a code that a native app got on the device (contract section 4.5).

use std::sync::Arc;

use workapi_errors::{Code, Error as Refusal};
use workapi_proto::integrations::v1::Integration;
use workapi_types::AuthorizationCode;
use workapi_vault::{Exchange, ExchangeStart, StateHash};

use crate::app::exchange::{CodeExchange, Redemption};
use crate::app::{App, Caller, Error, Outcome};

/// The longest code that is worth hashing; Google's are at most 256 bytes.
const MAX_CODE_LENGTH: usize = 4096;

impl App {
    /// Connects one of the calling user's integrations.
    pub(crate) async fn exchange_mobile_code(
        self: &Arc<Self>,
        caller: &Caller,
        integration_id: &str,
        code: String,
    ) -> Result<Integration, Error> {
        if code.is_empty() || code.len() > MAX_CODE_LENGTH {
            let refusal = format!("code must be 1 to {MAX_CODE_LENGTH} bytes long");
            return Err(Refusal::bad_request(refusal).into());
        }
        let context = self.directory.context(caller, integration_id).await?;
        let manifest = self.manifest(&context.provider)?;
        let Some(redirect) = manifest.mobile_redirect else {
            let refusal = format!("{} issues no codes to mobile devices", context.provider);
            return Err(Refusal::bad_request(refusal).into());
        };
        let client = self
            .client(context.environment_guid, &context.provider)
            .await?;
        // A device's code has no state: it is its own proof of single use.
        let state_hash = StateHash::of(&format!("code {} {code}", client.client_id));
        let exchange = Exchange {
            state_hash,
            integration_id: &context.integration_id,
            user_id: &context.user_id,
            revocation_group: manifest.revocation_group(&client.client_id),
        };
        let ExchangeStart::Fresh(grant_id) = self.vault().start_exchange(&exchange).await? else {
            return Err(refuse(Outcome::ExchangeFailed));
        };
        let exchanged = self
            .exchange(CodeExchange {
                state_hash,
                grant_id,
                integration_id: context.integration_id,
                user_id: context.user_id,
                environment_guid: context.environment_guid,
                provider: context.provider,
                media_type: context.media_type,
                client,
                redemption: Redemption::Mobile(redirect),
                code: AuthorizationCode::new(code),
            })
            .await?;
        if exchanged.outcome != Outcome::Success {
            return Err(refuse(exchanged.outcome));
        }
        let provider_id = exchanged
            .provider_id
            .or(context.integration.provider_id.clone());
        Ok(Integration {
            provider_id,
            ..context.integration
        })
    }
}

/// Says why, beginning with the public code (interfaces section 6).
fn refuse(outcome: Outcome) -> Error {
    let detail = format!("{}: {}", outcome.as_str(), outcome.words());
    Refusal::new(Code::BadRequest, detail)
        .without_sentence()
        .into()
}

//! Who is calling with a user token.

use workapi_types::{EnvironmentGuid, UserId};

use super::{App, Error};
use crate::store::users;
use crate::tokens::invalid_token;

/// The user behind a user token that is valid now.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user_id: UserId,
    pub(crate) environment_guid: EnvironmentGuid,
    pub(super) arbitrary_id: String,
    pub(super) tokens_valid_from: i64,
}

impl App {
    /// Checks a user token and, in the database, that its user may still come in: a user that was
    /// deactivated or deleted is out at once.
    pub(crate) async fn caller(&self, bearer: &str) -> Result<Caller, Error> {
        let claims = self.user_tokens.verify(bearer, self.clock.unix_seconds())?;
        let environment_guid = claims.environment_guid;
        let user = users::find(self.database.pool(), &claims.user_id, environment_guid)
            .await?
            .filter(|user| user.is_active && user.environment_is_active)
            .filter(|user| claims.issued_at >= user.tokens_valid_from)
            .ok_or_else(invalid_token)?;
        Ok(Caller {
            user_id: user.id,
            environment_guid,
            arbitrary_id: user.arbitrary_id,
            tokens_valid_from: user.tokens_valid_from,
        })
    }
}

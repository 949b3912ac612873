//! Renews a user's token (contract section 2.1).

use super::{App, Caller, Error};
use crate::model::SignedInUser;

impl App {
    /// Returns the caller with a fresh token; older tokens stay valid.
    pub(crate) fn get_me(&self, caller: Caller) -> Result<SignedInUser, Error> {
        self.sign_in(
            caller.user_id,
            caller.environment_guid,
            caller.arbitrary_id,
            caller.tokens_valid_from,
        )
    }
}

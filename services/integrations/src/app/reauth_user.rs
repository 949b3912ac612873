//! Issues a token to a user that exists (contract section 2.1).

use workapi_errors::{Code, Error as Refusal};

use super::provisioner::required_arbitrary_id;
use super::{App, Error};
use crate::model::SignedInUser;
use crate::store::users;
use crate::tokens::invalid_token;

impl App {
    /// Signs in the user that an APT and its body name.
    pub(crate) async fn reauth_user(
        &self,
        bearer: &str,
        environment_guid: &str,
        arbitrary_id: &str,
    ) -> Result<SignedInUser, Error> {
        let (guid, claimed) = self
            .provisioner(bearer, environment_guid, arbitrary_id)
            .await?;
        let arbitrary_id = required_arbitrary_id(claimed)?;

        let user = users::find_by_arbitrary_id(self.database.pool(), guid, &arbitrary_id)
            .await?
            .ok_or_else(|| Refusal::not_found(""))?;
        if !user.environment_is_active {
            return Err(invalid_token().into());
        }
        if !user.is_active {
            return Err(Refusal::new(Code::Forbidden, "the user is deactivated").into());
        }
        self.sign_in(user.id, guid, user.arbitrary_id, user.tokens_valid_from)
    }
}

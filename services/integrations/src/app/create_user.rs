//! Creates a user (contract section 2.1).

use workapi_errors::{Code, Error as Refusal};
use workapi_types::UserId;

use super::{App, Error, environment_not_found, events};
use crate::model::{ArbitraryId, SignedInUser};
use crate::store::{environments, users};
use crate::tokens::invalid_token;

impl App {
    /// Creates the user that an APT and its body name, and signs it in.
    pub(crate) async fn create_user(
        &self,
        bearer: &str,
        environment_guid: &str,
        arbitrary_id: &str,
    ) -> Result<SignedInUser, Error> {
        let (guid, _) = self
            .provisioner(bearer, environment_guid, arbitrary_id)
            .await?;
        let arbitrary_id = ArbitraryId::parse(arbitrary_id)?;
        let id = UserId::new(self.clock.now());

        let mut transaction = self.begin().await?;
        let environment = environments::hold(transaction.connection(), guid)
            .await?
            .ok_or_else(environment_not_found)?;
        if !environment.is_active {
            return Err(invalid_token().into());
        }
        if !users::insert(transaction.connection(), &id, guid, &arbitrary_id).await? {
            return Err(Refusal::new(Code::UserAlreadyExists, "").into());
        }
        transaction.append(&events::user_created(&id, guid)).await?;
        transaction.commit().await?;

        let arbitrary_id = arbitrary_id.as_str().to_owned();
        self.sign_in(id, guid, arbitrary_id, environment.tokens_valid_from)
    }
}

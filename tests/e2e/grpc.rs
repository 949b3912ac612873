//! gRPC for internal clients: everything that REST can do, and what only gRPC has.

mod errors;
mod records;
mod serving;

use tonic::Status;
use tonic::transport::Channel;
use url::Url;
use workapi_proto::auth::v1::authorization_client::AuthorizationClient;
use workapi_proto::auth::v1::{BeginAuthorizationRequest, CompleteAuthorizationRequest};
use workapi_proto::integrations::v1::integrations_client::IntegrationsClient;
use workapi_proto::integrations::v1::users_client::UsersClient;
use workapi_proto::integrations::v1::{
    CreateIntegrationRequest, CreateUserRequest, GetIntegrationRequest, Integration,
};
use workapi_tests::{Environment, Stack, bearing};

const ANN: &str = "ann@example.test";

/// The clients that a program inside has.
#[derive(Clone, Debug)]
struct Clients {
    users: UsersClient<Channel>,
    integrations: IntegrationsClient<Channel>,
    authorization: AuthorizationClient<Channel>,
}

impl Clients {
    async fn of(stack: &Stack) -> Self {
        let integrations = channel(stack.integrations_url()).await;
        Self {
            users: UsersClient::new(integrations.clone()),
            integrations: IntegrationsClient::new(integrations),
            authorization: AuthorizationClient::new(channel(stack.auth_url()).await),
        }
    }

    async fn create_user(&mut self, environment: &Environment, arbitrary_id: &str) -> String {
        let request = CreateUserRequest {
            environment_guid: environment.guid.clone(),
            arbitrary_id: arbitrary_id.to_owned(),
        };
        let request = bearing(request, &environment.apt(None));
        let created = self.users.create_user(request).await.unwrap().into_inner();
        created.user.unwrap().token
    }

    async fn create_integration(&mut self, token: &str, media_type: &str) -> Integration {
        let request = CreateIntegrationRequest {
            provider: "sandbox".to_owned(),
            media_type: media_type.to_owned(),
        };
        let created = self
            .integrations
            .create_integration(bearing(request, token));
        created.await.unwrap().into_inner().integration.unwrap()
    }

    async fn get_integration(&mut self, token: &str, id: &str) -> Result<Integration, Status> {
        let request = GetIntegrationRequest { id: id.to_owned() };
        let found = self.integrations.get_integration(bearing(request, token));
        Ok(found.await?.into_inner().integration.unwrap())
    }

    /// Authorizes an integration, with the user's browser between the two calls.
    async fn authorization_response(
        &mut self,
        stack: &Stack,
        token: &str,
        id: &str,
    ) -> CompleteAuthorizationRequest {
        let request = BeginAuthorizationRequest {
            integration_id: id.to_owned(),
            return_to: "http://localhost:3000/done".to_owned(),
        };
        let begun = self
            .authorization
            .begin_authorization(bearing(request, token));
        let uri = begun.await.unwrap().into_inner().uri;
        let callback = stack.browser().decide(&uri, "approve", ANN).await;
        let callback = Url::parse(&callback).unwrap();
        let parameter = |wanted: &str| {
            let mut pairs = callback.query_pairs();
            pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
        };
        CompleteAuthorizationRequest {
            code: parameter("code"),
            state: parameter("state"),
            iss: parameter("iss"),
            ..CompleteAuthorizationRequest::default()
        }
    }
}

async fn channel(url: &str) -> Channel {
    let endpoint = Channel::from_shared(url.to_owned()).unwrap();
    endpoint.connect().await.unwrap()
}

//! The gRPC edge: metadata and messages in, use case, message out.

mod convert;
mod directory;
mod environment_admin;
mod integrations;
mod token_keys;
mod users;

use std::sync::Arc;

use workapi_proto::FILE_DESCRIPTOR_SET;
use workapi_proto::integrations::v1::directory_server::DirectoryServer;
use workapi_proto::integrations::v1::environment_admin_server::EnvironmentAdminServer;
use workapi_proto::integrations::v1::integrations_server::IntegrationsServer;
use workapi_proto::integrations::v1::token_keys_server::TokenKeysServer;
use workapi_proto::integrations::v1::users_server::UsersServer;
use workapi_runtime::{Grpc, ReflectionError, SharedSecret};

use crate::app::App;

/// Puts the services on a server.
pub(crate) fn server(
    app: &Arc<App>,
    admin_token: SharedSecret,
    internal_token: SharedSecret,
) -> Result<Grpc, ReflectionError> {
    let directory = directory::Directory::new(Arc::clone(app), internal_token);
    let admin = environment_admin::EnvironmentAdmin::new(Arc::clone(app), admin_token);
    Grpc::new()
        .add_service(UsersServer::new(users::Users::new(Arc::clone(app))))
        .add_service(IntegrationsServer::new(integrations::Integrations::new(
            Arc::clone(app),
        )))
        .add_service(TokenKeysServer::new(token_keys::TokenKeys::new(
            Arc::clone(app),
        )))
        .add_service(DirectoryServer::new(directory))
        .add_service(EnvironmentAdminServer::new(admin))
        .add_reflection(FILE_DESCRIPTOR_SET)
}

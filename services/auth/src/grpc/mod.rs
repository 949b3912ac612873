//! The gRPC edge: conversions, and who may call what.

mod authorization;
mod credential_admin;
mod credential_statuses;
mod job_admin;
mod job_messages;
mod on_demand_admin;
mod provider_admin;
mod restore_admin;
mod time;

use std::sync::Arc;

use workapi_proto::FILE_DESCRIPTOR_SET;
use workapi_proto::auth::v1::authorization_server::AuthorizationServer;
use workapi_proto::auth::v1::credential_admin_server::CredentialAdminServer;
use workapi_proto::auth::v1::credential_statuses_server::CredentialStatusesServer;
use workapi_proto::auth::v1::job_admin_server::JobAdminServer;
use workapi_proto::auth::v1::on_demand_admin_server::OnDemandAdminServer;
use workapi_proto::auth::v1::provider_admin_server::ProviderAdminServer;
use workapi_proto::auth::v1::restore_admin_server::RestoreAdminServer;
use workapi_runtime::{Grpc, ReflectionError, SharedSecret};

use crate::app::App;

/// Makes the server of all services.
pub(crate) fn server(app: &Arc<App>, admin_token: SharedSecret) -> Result<Grpc, ReflectionError> {
    let authorization = authorization::Authorization {
        app: Arc::clone(app),
    };
    let provider_admin = provider_admin::ProviderAdmin {
        app: Arc::clone(app),
        admin_token: admin_token.clone(),
    };
    let credential_statuses = credential_statuses::CredentialStatuses {
        app: Arc::clone(app),
    };
    let credential_admin = credential_admin::CredentialAdmin {
        app: Arc::clone(app),
        admin_token: admin_token.clone(),
    };
    let job_admin = job_admin::JobAdmin {
        app: Arc::clone(app),
        admin_token: admin_token.clone(),
    };
    let on_demand_admin = on_demand_admin::OnDemandAdmin {
        app: Arc::clone(app),
        admin_token: admin_token.clone(),
    };
    let restore_admin = restore_admin::RestoreAdmin {
        app: Arc::clone(app),
        admin_token,
    };
    Grpc::new()
        .add_service(AuthorizationServer::new(authorization))
        .add_service(ProviderAdminServer::new(provider_admin))
        .add_service(OnDemandAdminServer::new(on_demand_admin))
        .add_service(CredentialStatusesServer::new(credential_statuses))
        .add_service(CredentialAdminServer::new(credential_admin))
        .add_service(JobAdminServer::new(job_admin))
        .add_service(RestoreAdminServer::new(restore_admin))
        .add_reflection(FILE_DESCRIPTOR_SET)
}

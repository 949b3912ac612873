//! `workapi.auth.v1.ProviderAdmin`, for who shows the admin token.

use std::sync::Arc;

use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    DeleteProviderConfigRequest, DeleteProviderConfigResponse, ListProviderConfigsRequest,
    ListProviderConfigsResponse, ProviderConfig, SetProviderConfigRequest,
    SetProviderConfigResponse, provider_admin_server,
};
use workapi_runtime::SharedSecret;
use workapi_types::ClientSecret;

use crate::app::{App, Caller, NewProviderConfig};

pub(super) struct ProviderAdmin {
    pub(super) app: Arc<App>,
    pub(super) admin_token: SharedSecret,
}

#[tonic::async_trait]
impl provider_admin_server::ProviderAdmin for ProviderAdmin {
    async fn set_provider_config(
        &self,
        request: Request<SetProviderConfigRequest>,
    ) -> Result<Response<SetProviderConfigResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let new = NewProviderConfig {
            environment_guid: request.environment_guid,
            provider: request.provider,
            client_id: request.client_id,
            client_secret: ClientSecret::new(request.client_secret),
        };
        let config = self.app.set_provider_config(&caller, new).await?;
        Ok(Response::new(SetProviderConfigResponse {
            provider_config: Some(message(config)),
        }))
    }

    async fn list_provider_configs(
        &self,
        request: Request<ListProviderConfigsRequest>,
    ) -> Result<Response<ListProviderConfigsResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let configs = self
            .app
            .provider_configs(&request.into_inner().environment_guid)
            .await?;
        let provider_configs = configs.into_iter().map(message).collect();
        Ok(Response::new(ListProviderConfigsResponse {
            provider_configs,
        }))
    }

    async fn delete_provider_config(
        &self,
        request: Request<DeleteProviderConfigRequest>,
    ) -> Result<Response<DeleteProviderConfigResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let request = request.into_inner();
        self.app
            .delete_provider_config(&request.environment_guid, &request.provider)
            .await?;
        Ok(Response::new(DeleteProviderConfigResponse {}))
    }
}

fn message(config: workapi_vault::ProviderConfig) -> ProviderConfig {
    ProviderConfig {
        id: config.id.to_string(),
        environment_guid: config.environment_guid.to_string(),
        provider: config.provider.to_string(),
        client_id: config.client_id,
        created_at: Some(timestamp(config.created_at)),
        updated_at: Some(timestamp(config.updated_at)),
    }
}

pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}

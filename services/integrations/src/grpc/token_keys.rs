//! `workapi.integrations.v1.TokenKeys`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::integrations::v1::token_keys_server;
use workapi_proto::integrations::v1::{ListTokenKeysRequest, ListTokenKeysResponse};

use crate::app::App;

pub(super) struct TokenKeys {
    app: Arc<App>,
}

impl TokenKeys {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl token_keys_server::TokenKeys for TokenKeys {
    async fn list_token_keys(
        &self,
        _request: Request<ListTokenKeysRequest>,
    ) -> Result<Response<ListTokenKeysResponse>, Status> {
        let tokens = &self.app.user_tokens;
        Ok(Response::new(ListTokenKeysResponse {
            keys: tokens.keys().iter().map(Into::into).collect(),
            issuer: tokens.settings().issuer.clone(),
            audience: tokens.settings().audience.clone(),
        }))
    }
}

//! The admin listener: lets operators through to the owners of environments, provider configs,
//! credentials and jobs (interfaces section 3).
//!
//! Calls are passed on as they come, bearer and deadline included: the owners check the token
//! again, and a method that they gain needs no change here.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tower::{Service, ServiceExt};
use workapi_errors::{Code, Error};
use workapi_proto::FILE_DESCRIPTOR_SET;
use workapi_proto::auth::v1::credential_admin_server::CredentialAdminServer;
use workapi_proto::auth::v1::job_admin_server::JobAdminServer;
use workapi_proto::auth::v1::on_demand_admin_server::OnDemandAdminServer;
use workapi_proto::auth::v1::provider_admin_server::ProviderAdminServer;
use workapi_proto::auth::v1::restore_admin_server::RestoreAdminServer;
use workapi_proto::integrations::v1::environment_admin_server::EnvironmentAdminServer;
use workapi_runtime::{Channel, Grpc, ReflectionError, SharedSecret};

use crate::upstream::Upstreams;

/// Returns the server of the admin services.
pub(crate) fn server(upstreams: Upstreams, token: &SharedSecret) -> Result<Grpc, ReflectionError> {
    let Upstreams { integrations, auth } = upstreams;
    let environments = Forward::<EnvironmentAdminServer<()>>::new(integrations, token);
    let providers = Forward::<ProviderAdminServer<()>>::new(auth.clone(), token);
    let on_demand = Forward::<OnDemandAdminServer<()>>::new(auth.clone(), token);
    let credentials = Forward::<CredentialAdminServer<()>>::new(auth.clone(), token);
    let jobs = Forward::<JobAdminServer<()>>::new(auth.clone(), token);
    let restore = Forward::<RestoreAdminServer<()>>::new(auth, token);
    Grpc::new()
        .add_service(environments)
        .add_service(providers)
        .add_service(on_demand)
        .add_service(credentials)
        .add_service(jobs)
        .add_service(restore)
        .add_reflection(FILE_DESCRIPTOR_SET)
}

/// Passes the calls of a gRPC service on to its owner, if they carry the admin token.
struct Forward<S> {
    owner: Channel,
    token: SharedSecret,
    service: PhantomData<fn() -> S>,
}

impl<S> Forward<S> {
    fn new(owner: Channel, token: &SharedSecret) -> Self {
        Self {
            owner,
            token: token.clone(),
            service: PhantomData,
        }
    }
}

impl<S> Service<Request<Body>> for Forward<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let metadata = MetadataMap::from_headers(request.headers().clone());
        let allowed = self.token.require_as_bearer(&metadata);
        let owner = self.owner.clone();
        Box::pin(async move {
            if let Err(error) = allowed {
                return Ok(Status::from(error).into_http());
            }
            let answer = owner.oneshot(request).await;
            Ok(answer.unwrap_or_else(|error| {
                tracing::warn!(%error, "failed to forward an admin call");
                Status::from(Error::new(Code::ServiceUnavailable, "")).into_http()
            }))
        })
    }
}

impl<S> Clone for Forward<S> {
    fn clone(&self) -> Self {
        Self::new(self.owner.clone(), &self.token)
    }
}

impl<S: NamedService> NamedService for Forward<S> {
    const NAME: &'static str = S::NAME;
}

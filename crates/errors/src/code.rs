//! The closed set of error codes.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $http:ident, $grpc:ident, $wire:literal, $reason:literal, $sentence:literal;)*) => {
        /// What went wrong, as a client can act on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the HTTP status of the public REST API.
            pub const fn http_status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$http,)* }
            }

            /// Returns the gRPC status code (AIP-193).
            pub const fn grpc_code(self) -> tonic::Code {
                match self { $(Self::$name => tonic::Code::$grpc,)* }
            }

            /// Returns the `code` member of the public error document.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// Returns the `reason` of `google.rpc.ErrorInfo`.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// Returns the fixed sentence with which the public `detail` begins.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

codes! {
    /// The request is malformed, or the provider rejected it.
    BadRequest => BAD_REQUEST, InvalidArgument, "bad_request_error", "BAD_REQUEST",
        "the supplied request is invalid";
    /// A user token, APT, admin token or internal token is missing, malformed or no longer valid.
    InvalidToken => UNAUTHORIZED, Unauthenticated, "invalid_token_error", "INVALID_TOKEN",
        "the supplied auth token is invalid";
    /// The environment has no provider config, or the integration is not authorized.
    RemoteAuthorizationMissing => UNAUTHORIZED, FailedPrecondition, "remote_authorization_missing_error",
        "REMOTE_AUTHORIZATION_MISSING", "credentials for underlying API have not been provided";
    /// The caller is known and may not do this.
    Forbidden => FORBIDDEN, PermissionDenied, "forbidden_error", "FORBIDDEN",
        "the request is not allowed";
    /// The object does not exist, or belongs to somebody else.
    NotFound => NOT_FOUND, NotFound, "not_found_error", "NOT_FOUND",
        "the remote resource could not be found";
    /// No environment has the guid.
    EnvironmentNotFound => NOT_FOUND, NotFound, "environment_not_found_error", "ENVIRONMENT_NOT_FOUND",
        "the remote resource could not be found";
    /// The route exists with other methods.
    MethodNotAllowed => METHOD_NOT_ALLOWED, Unimplemented, "method_not_allowed_error", "METHOD_NOT_ALLOWED",
        "the method is not allowed for this resource";
    /// The object's state does not allow the request.
    Conflict => CONFLICT, Aborted, "conflict_error", "CONFLICT",
        "the request conflicts with the state of the resource";
    /// The environment has a user with that `arbitrary_id`.
    UserAlreadyExists => CONFLICT, AlreadyExists, "user_already_exists_error", "USER_ALREADY_EXISTS",
        "a user with that ID already exists in the specified environment";
    /// The body is larger than the endpoint takes.
    PayloadTooLarge => PAYLOAD_TOO_LARGE, OutOfRange, "payload_too_large_error", "PAYLOAD_TOO_LARGE",
        "the request body is too large";
    /// The body has a media type that the endpoint does not read.
    UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, InvalidArgument, "unsupported_media_type_error",
        "UNSUPPORTED_MEDIA_TYPE", "the media type of the request body is not supported";
    /// The caller has to slow down.
    RateLimitExceeded => TOO_MANY_REQUESTS, ResourceExhausted, "rate_limit_exceeded_error",
        "RATE_LIMIT_EXCEEDED", "too many requests";
    /// Something that the service needs is away for now.
    ServiceUnavailable => SERVICE_UNAVAILABLE, Unavailable, "service_unavailable_error",
        "SERVICE_UNAVAILABLE", "the service is temporarily unavailable";
    /// The answer did not come in time.
    Timeout => GATEWAY_TIMEOUT, DeadlineExceeded, "timeout_error", "TIMEOUT",
        "the request took too long";
    /// The provider failed.
    Provider => BAD_GATEWAY, Unavailable, "provider_error", "PROVIDER_ERROR",
        "the provider could not answer the request";
    /// A fault of this system.
    Internal => INTERNAL_SERVER_ERROR, Internal, "internal_server_error", "INTERNAL",
        "an internal error occurred";
    /// The asked range of bytes does not exist.
    RangeNotSatisfiable => RANGE_NOT_SATISFIABLE, OutOfRange, "range_not_satisfiable_error",
        "RANGE_NOT_SATISFIABLE", "the requested range cannot be satisfied";
    /// An `Idempotency-Key` came again with another request.
    IdempotencyKeyReused => UNPROCESSABLE_ENTITY, InvalidArgument, "idempotency_key_reused_error",
        "IDEMPOTENCY_KEY_REUSED", "the idempotency key was used with another request";
    /// The request's headers are larger than the server takes.
    HeadersTooLarge => REQUEST_HEADER_FIELDS_TOO_LARGE, OutOfRange, "headers_too_large_error",
        "HEADERS_TOO_LARGE", "the request headers are too large";
}

impl Code {
    /// Returns the code with the given `ErrorInfo` reason.
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.reason() == reason)
    }

    /// Returns the nearest code for a status that carries no `ErrorInfo` of ours.
    pub const fn from_grpc(code: tonic::Code) -> Self {
        match code {
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Self::BadRequest,
            tonic::Code::Unauthenticated => Self::InvalidToken,
            tonic::Code::PermissionDenied => Self::Forbidden,
            tonic::Code::NotFound => Self::NotFound,
            tonic::Code::AlreadyExists | tonic::Code::Aborted | tonic::Code::FailedPrecondition => {
                Self::Conflict
            }
            tonic::Code::ResourceExhausted => Self::RateLimitExceeded,
            tonic::Code::Unavailable => Self::ServiceUnavailable,
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => Self::Timeout,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_leads_back_to_its_code() {
        for &code in Code::ALL {
            assert_eq!(Code::from_reason(code.reason()), Some(code));
        }
    }

    #[test]
    fn wire_codes_are_snake_case_and_end_in_error() {
        for code in Code::ALL {
            let wire = code.as_str();
            assert!(wire.ends_with("_error"), "{wire}");
            assert!(
                wire.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{wire}"
            );
        }
    }
}

//! Errors as gRPC statuses: one `ErrorInfo` each, `RetryInfo` where a retry helps (AIP-193).

use std::collections::HashMap;

use tonic_types::{ErrorDetails, StatusExt};

use crate::{Code, Error};

/// The `domain` of every `ErrorInfo` that this system raises.
const DOMAIN: &str = "workapi";
/// The `ErrorInfo` metadata key that carries the specific words.
const SPECIFICS: &str = "specifics";
/// The `ErrorInfo` metadata key that is there when the words stand without the fixed sentence.
const REPLACES_SENTENCE: &str = "replaces_sentence";

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        let mut metadata = HashMap::from([(SPECIFICS.to_owned(), error.specifics().to_owned())]);
        if error.replaces_sentence() {
            metadata.insert(REPLACES_SENTENCE.to_owned(), true.to_string());
        }
        let mut details = ErrorDetails::with_error_info(error.code().reason(), DOMAIN, metadata);
        if error.retry_after().is_some() {
            details.set_retry_info(error.retry_after());
        }
        Self::with_error_details(error.code().grpc_code(), error.to_string(), details)
    }
}

impl From<tonic::Status> for Error {
    /// Restores the error that a service of ours raised; anything else keeps only its kind,
    /// since the words of a foreign fault are not for clients.
    fn from(status: tonic::Status) -> Self {
        let details = status.get_error_details();
        let ours = details
            .error_info()
            .filter(|info| info.domain == DOMAIN)
            .and_then(|info| {
                let specifics = info.metadata.get(SPECIFICS).cloned().unwrap_or_default();
                let error = Self::new(Code::from_reason(&info.reason)?, specifics);
                let replaces_sentence = info.metadata.contains_key(REPLACES_SENTENCE);
                Some(if replaces_sentence {
                    error.without_sentence()
                } else {
                    error
                })
            });
        let error = ours.unwrap_or_else(|| Self::new(Code::from_grpc(status.code()), ""));
        match details.retry_info().and_then(|info| info.retry_delay) {
            Some(delay) => error.with_retry_after(delay),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_error_survives_the_way_over_grpc() {
        for &code in Code::ALL {
            let error = Error::new(code, "some words").with_retry_after(Duration::from_secs(3));

            for error in [error.clone(), error.without_sentence()] {
                let restored = Error::from(tonic::Status::from(error.clone()));

                assert_eq!(restored, error);
            }
        }
    }

    #[test]
    fn a_foreign_status_loses_its_words() {
        let status = tonic::Status::unavailable("tcp connect error: secret-host:5432");

        let error = Error::from(status);

        assert_eq!(error, Error::new(Code::ServiceUnavailable, ""));
    }
}

//! How many jobs wait.

use std::collections::HashMap;

use async_nats::jetstream::stream::InfoError;
use futures::TryStreamExt;

use crate::{Bus, Error, Stream};

impl Bus {
    /// Returns how many jobs of a kind are published and not done, by provider: those that
    /// `job.<kind>.<provider>` holds. A provider with none is left out.
    ///
    /// # Errors
    /// Fails when JetStream does not answer within 3 seconds.
    pub async fn queued_jobs(&self, kind: &str) -> Result<HashMap<String, usize>, Error> {
        let name = self.prefixed(Stream::Jobs.name());
        let failed = |source: async_nats::Error| Error::Inspect {
            name: name.clone(),
            source,
        };
        let subjects = self.prefixed(&format!("job.{kind}."));
        let stream = self
            .jetstream()
            .get_stream_no_info(&name)
            .await
            .map_err(|error| failed(error.into()))?;
        let mut waiting = stream
            .info_with_subjects(format!("{subjects}>"))
            .await
            .map_err(|error| failed(error.into()))?;
        let mut queued = HashMap::new();
        while let Some((subject, count)) = waiting
            .try_next()
            .await
            .map_err(|error: InfoError| failed(error.into()))?
        {
            if let Some(provider) = subject.strip_prefix(&subjects) {
                queued.insert(provider.to_owned(), count);
            }
        }
        Ok(queued)
    }
}

//! Lua scripts: several steps that the server takes as one.

use std::fmt;

use crate::{Error, Redis, bounded};

/// A Lua script. The server keeps it by its hash, so that running it again sends only that.
pub struct Script(redis::Script);

impl Script {
    /// Takes the source of a script that returns an array of integers.
    pub fn new(source: &str) -> Self {
        Self(redis::Script::new(source))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Script").field(&self.0.get_hash()).finish()
    }
}

impl Redis {
    /// Runs a script on keys, which get the prefix as all others do.
    pub async fn run_script(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<Vec<i64>, Error> {
        let mut invocation = script.0.prepare_invoke();
        for key in keys {
            invocation.key(self.key(key));
        }
        for argument in arguments {
            invocation.arg(argument);
        }
        let mut connection = self.connection.clone();
        bounded(invocation.invoke_async(&mut connection))
            .await
            .map_err(|error| Error::from_redis("EVALSHA", &self.address, error))
    }
}

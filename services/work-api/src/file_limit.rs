//! How many files, and so connections, a process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes as many open files as the system allows. Many start programs with a soft limit of 1024, for
/// the sake of `select`, which nothing here uses; every call of a provider under way is a connection.
pub(crate) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where the system does not let us, the limit that there is has to do.
    let _ = setrlimit(Resource::Nofile, limit);
}

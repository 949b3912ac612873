//! The user that runs PostgreSQL where we are root, because it refuses to be.

use std::fs;

use super::Error;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Returns the user that PostgreSQL has to run as: none but ourselves,
    /// unless we are root.
    pub(super) fn for_postgres() -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::find(&users, name))
            .map(Some)
            .ok_or(Error::NoUnprivilegedUser)
    }

    fn find(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(':'))
        })?;
        let mut fields = line.split(':').skip(2);
        Some(Self {
            name: name.to_owned(),
            uid: parse_id(fields.next()?)?,
            gid: parse_id(fields.next()?)?,
        })
    }
}

/// On macOS, `nobody` is -2: the same bits, written with a sign.
fn parse_id(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users = "nobody2:x:1:2::/:/bin/sh\nnobody:x:65534:65533:nobody:/nonexistent:/bin/sh\n";

        let found = Account::find(users, "nobody").unwrap();

        assert_eq!((found.uid, found.gid), (65534, 65533));
        assert_eq!(Account::find(users, "postgres"), None);
    }

    #[test]
    fn the_negative_ids_of_macos_are_understood() {
        assert_eq!(parse_id("-2"), Some(4_294_967_294));
    }
}

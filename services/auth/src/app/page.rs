//! The sizes of pages.

use workapi_errors::Error as Refusal;

/// How many entries a page has that does not say it.
const DEFAULT_SIZE: usize = 100;
/// How many it has at most.
const MAX_SIZE: usize = 1000;

/// Reads the size of a page; 0 means the default.
pub(crate) fn page_size(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) if size <= MAX_SIZE => Ok(size),
        _ => Err(Refusal::bad_request(format!(
            "page_size must be between 1 and {MAX_SIZE}, or 0 for {DEFAULT_SIZE}"
        ))),
    }
}

/// A page, and whether there is another one. Made of one entry more than fits.
pub(crate) fn cut<T>(mut entries: Vec<T>, size: usize) -> (Vec<T>, bool) {
    let more = entries.len() > size;
    entries.truncate(size);
    (entries, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_never_too_large_and_a_wrong_size_is_told() {
        assert_eq!(page_size(0).unwrap(), 100);
        assert_eq!(page_size(1000).unwrap(), 1000);
        assert!(page_size(1001).is_err());
        assert!(page_size(-1).is_err());
    }

    #[test]
    fn there_is_another_page_only_if_something_is_left() {
        assert_eq!(cut(vec![1, 2, 3], 2), (vec![1, 2], true));
        assert_eq!(cut(vec![1, 2], 2), (vec![1, 2], false));
    }
}

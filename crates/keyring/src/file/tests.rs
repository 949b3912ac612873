use tempfile::TempDir;

use super::*;

const INSTANCE: &str = "0b4f8a52-6f0e-4c8e-9d5e-1c7a3f0d2b61";
const KEY_A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const KEY_B: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn ring(keys: &str) -> String {
    format!("instance_id = \"{INSTANCE}\"\n{keys}")
}

fn key(id: &str, purpose: &str, key: &str) -> String {
    format!("[[keys]]\nid = \"{id}\"\npurpose = \"{purpose}\"\nkey = \"{key}\"\n")
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_generated_ring_has_a_key_for_every_purpose() {
    let file = KeyRingFile::generate().unwrap();

    let ring = parse(file.as_str()).unwrap();

    ring.require(&Purpose::ALL).unwrap();
    let id = ring.sealing_key_id(Purpose::Access).unwrap();
    assert!(id.starts_with("access-20"), "{id}");
}

#[test]
fn two_generated_rings_share_nothing() {
    let one = KeyRingFile::generate().unwrap();
    let other = KeyRingFile::generate().unwrap();

    for line in one
        .as_str()
        .lines()
        .filter(|line| line.starts_with("key ="))
    {
        assert!(!other.as_str().contains(line));
    }
}

#[test]
fn a_written_ring_is_private_and_loads() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keyring.toml");

    KeyRingFile::generate().unwrap().write_new(&path).unwrap();

    KeyRing::load(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keyring.toml");
    fs::write(&path, "precious").unwrap();

    let result = KeyRingFile::generate().unwrap().write_new(&path);

    assert!(
        matches!(result, Err(Error::Write { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists)
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[cfg(unix)]
#[test]
fn a_file_that_everybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keyring.toml");
    KeyRingFile::generate().unwrap().write_new(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

    let result = KeyRing::load(&path);

    assert!(matches!(result, Err(Error::Exposed { mode: 0o644, .. })));
    assert!(result.unwrap_err().to_string().contains("chmod 600"));
}

#[cfg(unix)]
#[test]
fn only_a_file_of_roots_may_be_readable_by_its_group() {
    const ROOT: u32 = 0;
    const USER: u32 = 1000;

    assert!(!is_exposed(0o400, USER));
    assert!(!is_exposed(0o600, USER));
    assert!(is_exposed(0o640, USER));
    assert!(is_exposed(0o604, USER));
    assert!(!is_exposed(0o640, ROOT));
    assert!(!is_exposed(0o440, ROOT));
    assert!(is_exposed(0o660, ROOT));
    assert!(is_exposed(0o644, ROOT));
}

#[test]
fn a_missing_file_is_named() {
    let error = KeyRing::load(Path::new("no/such/keyring.toml")).unwrap_err();

    assert_eq!(
        error.to_string(),
        "failed to read the key ring no/such/keyring.toml"
    );
}

#[test]
fn an_unknown_purpose_is_refused_with_the_known_ones() {
    let text = ring(&key("k1", "acess", KEY_A));

    assert_eq!(
        refusal(&text),
        "failed to parse the key ring: the key `k1`: a purpose is one of access, refresh, client, state, signing"
    );
}

#[test]
fn an_unknown_member_is_refused_with_its_line() {
    let text = ring(&format!("{}nonce = \"x\"\n", key("k1", "access", KEY_A)));

    assert!(refusal(&text).contains("at line 6"), "{}", refusal(&text));
}

#[test]
fn no_error_quotes_a_key() {
    let swapped = ring(&key("k1", KEY_B, "access"));
    let as_id = ring(&key(KEY_B, "access", KEY_A));
    let unclosed = ring(&format!("[[keys]]\nkey = \"{KEY_B}\nid = 1\n"));
    let nested = ring(&format!(
        "[[keys]]\nid = \"k\"\npurpose = [\"{KEY_B}\"]\nkey = \"\"\n"
    ));

    for text in [swapped, as_id, unclosed, nested] {
        let error = parse(&text).unwrap_err();

        assert!(!format!("{error} {error:?}").contains("AQEB"), "{error:?}");
    }
}

#[test]
fn a_key_of_another_length_is_refused() {
    let text = ring(&key("k1", "access", "AAAA"));

    assert!(refusal(&text).ends_with("the key `k1` must be 32 bytes in base64"));
}

#[test]
fn two_keys_with_one_id_are_refused() {
    let text = ring(&(key("k1", "access", KEY_A) + &key("k1", "refresh", KEY_B)));

    assert!(refusal(&text).ends_with("two keys have the id `k1`"));
}

#[test]
fn one_key_under_two_names_is_refused() {
    let text = ring(&(key("k1", "access", KEY_A) + &key("k2", "refresh", KEY_A)));

    assert!(refusal(&text).ends_with("the keys `k1` and `k2` are the same"));
}

#[test]
fn an_instance_id_that_is_no_uuid_is_refused() {
    let text = format!("instance_id = \"one\"\n{}", key("k1", "access", KEY_A));

    assert!(refusal(&text).ends_with("`instance_id` must be a UUID"));
}

#[test]
fn the_file_does_not_show_itself() {
    let file = KeyRingFile::generate().unwrap();

    assert_eq!(format!("{file:?}"), "KeyRingFile(..)");
}

use proptest::prelude::*;

use workapi_types::GrantId;

use super::*;
use crate::key_id;

const INSTANCE: Uuid = Uuid::from_u128(1);
const SLOT: Slot<'_> = Slot {
    table: "credential",
    row: "64b7f0c2a1d3e4f5a6b7c8d9",
    column: "sealed_access",
    grant: Some(GrantId::from_uuid(Uuid::from_u128(2))),
    generation: 3,
};

/// Version, length of the id, `access-1`, nonce, `token`, tag.
const SEALED_LEN: usize = 2 + 8 + 12 + 5 + 16;

fn key(id: &str, purpose: Purpose, byte: u8) -> Key {
    Key {
        id: id.to_owned(),
        purpose,
        secret: Zeroizing::new([byte; Key::LENGTH]),
    }
}

fn ring() -> KeyRing {
    KeyRing::new(INSTANCE, vec![key("access-1", Purpose::Access, 1)])
}

fn salt() -> Salt {
    Salt::from_slice(&[7; Salt::LENGTH]).unwrap()
}

fn sealed() -> Vec<u8> {
    ring()
        .seal(Purpose::Access, &salt(), &SLOT, b"token")
        .unwrap()
}

#[track_caller]
fn assert_rejected(result: &Result<Zeroizing<Vec<u8>>, Error>) {
    assert!(matches!(result, Err(Error::Rejected)), "{result:?}");
}

proptest! {
    #[test]
    fn what_was_sealed_opens(plaintext in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let sealed = ring().seal(Purpose::Access, &salt(), &SLOT, &plaintext).unwrap();

        let opened = ring().open(Purpose::Access, &salt(), &SLOT, &sealed).unwrap();

        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
    }

    #[test]
    fn a_flipped_bit_is_never_accepted(bit in 0..8 * SEALED_LEN) {
        let mut sealed = sealed();
        sealed[bit / 8] ^= 1 << (bit % 8);

        let opened = ring().open(Purpose::Access, &salt(), &SLOT, &sealed);

        prop_assert!(opened.is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
        prop_assert!(ring().open(Purpose::Access, &salt(), &SLOT, &bytes).is_err());
    }
}

#[test]
fn a_value_sealed_by_the_first_release_still_opens() {
    let sealed = hex::decode(
        "01086163636573732d3132cdd541cf2e5a7c43f256c69cae6952db3395d1416a16ec5716082f8c42d10cc9",
    )
    .unwrap();

    let opened = ring()
        .open(Purpose::Access, &salt(), &SLOT, &sealed)
        .unwrap();

    assert_eq!(sealed.len(), SEALED_LEN);
    assert_eq!(opened.as_slice(), b"token");
}

#[test]
fn the_same_value_never_seals_to_the_same_bytes() {
    assert_ne!(sealed(), sealed());
}

#[test]
fn a_value_does_not_open_in_another_place() {
    let places = [
        Slot {
            table: "provider_config",
            ..SLOT
        },
        Slot {
            row: "64b7f0c2a1d3e4f5a6b7c8da",
            ..SLOT
        },
        Slot {
            column: "sealed_refresh",
            ..SLOT
        },
        Slot {
            grant: Some(GrantId::from_uuid(Uuid::from_u128(9))),
            ..SLOT
        },
        Slot {
            grant: None,
            ..SLOT
        },
        Slot {
            generation: 4,
            ..SLOT
        },
    ];

    for place in places {
        assert_rejected(&ring().open(Purpose::Access, &salt(), &place, &sealed()));
    }
}

#[test]
fn a_value_does_not_open_with_the_salt_of_another_row() {
    let other = Salt::random().unwrap();

    assert_rejected(&ring().open(Purpose::Access, &other, &SLOT, &sealed()));
}

#[test]
fn a_value_does_not_open_in_another_installation() {
    let copy = KeyRing::new(
        Uuid::from_u128(9),
        vec![key("access-1", Purpose::Access, 1)],
    );

    assert_rejected(&copy.open(Purpose::Access, &salt(), &SLOT, &sealed()));
}

#[test]
fn a_value_does_not_open_with_another_key_of_the_same_name() {
    let ring = KeyRing::new(INSTANCE, vec![key("access-1", Purpose::Access, 2)]);

    assert_rejected(&ring.open(Purpose::Access, &salt(), &SLOT, &sealed()));
}

#[test]
fn after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() {
    let rotated = KeyRing::new(
        INSTANCE,
        vec![
            key("access-2", Purpose::Access, 2),
            key("access-1", Purpose::Access, 1),
        ],
    );

    let old = rotated
        .open(Purpose::Access, &salt(), &SLOT, &sealed())
        .unwrap();
    let new = rotated
        .seal(Purpose::Access, &salt(), &SLOT, b"token")
        .unwrap();

    assert_eq!(old.as_slice(), b"token");
    assert_eq!(rotated.sealing_key_id(Purpose::Access).unwrap(), "access-2");
    assert_eq!(key_id(&new).unwrap(), "access-2");
    assert_eq!(key_id(&sealed()).unwrap(), "access-1");
}

#[test]
fn a_key_that_left_the_ring_is_a_named_error() {
    let ring = KeyRing::new(INSTANCE, vec![key("access-2", Purpose::Access, 2)]);

    let error = ring
        .open(Purpose::Access, &salt(), &SLOT, &sealed())
        .unwrap_err();

    assert_eq!(
        error.to_string(),
        "failed to open a sealed value: the ring has no key `access-1` for the purpose `access`"
    );
}

#[test]
fn a_value_opens_for_its_own_purpose_only() {
    let ring = KeyRing::new(
        INSTANCE,
        vec![
            key("access-1", Purpose::Access, 1),
            key("refresh-1", Purpose::Refresh, 2),
        ],
    );

    let opened = ring.open(Purpose::Refresh, &salt(), &SLOT, &sealed());

    assert!(matches!(
        opened,
        Err(Error::UnknownKey {
            purpose: Purpose::Refresh,
            ..
        })
    ));
}

#[test]
fn an_unknown_format_is_an_error() {
    let mut sealed = sealed();
    sealed[0] = 2;

    let opened = ring().open(Purpose::Access, &salt(), &SLOT, &sealed);

    assert!(matches!(opened, Err(Error::UnknownFormat)));
    assert!(matches!(
        key_id(b"a clear-text token"),
        Err(Error::UnknownFormat)
    ));
    assert!(matches!(key_id(b""), Err(Error::UnknownFormat)));
}

#[test]
fn a_missing_purpose_is_named() {
    let error = ring()
        .require(&[Purpose::Access, Purpose::Client])
        .unwrap_err();

    assert_eq!(
        error.to_string(),
        "the key ring has no key for the purpose `client`"
    );
    assert!(ring().require(&[Purpose::Access]).is_ok());
}

#[test]
fn a_ring_shows_the_names_of_its_keys_only() {
    assert_eq!(
        format!("{:?}", ring()),
        r#"KeyRing { keys: ["access-1"], .. }"#
    );
}

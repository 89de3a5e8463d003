//! What opens a kept session, and what does not.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::os::unix::fs::PermissionsExt;

use super::*;

fn owner() -> Owner {
    Owner {
        account: "kilima-main".to_owned(),
        number: "600123".to_owned(),
        user: "jane".to_owned(),
        origin: "https://portal.example".to_owned(),
    }
}

fn key(secret: &str) -> Key {
    Key::of(&secret.into())
}

fn kept() -> Kept {
    let cookie = Cookie {
        name: "JSESSIONID".to_owned(),
        value: "planted-cookie".to_owned(),
        domain: "portal.example".to_owned(),
        path: "/app".to_owned(),
        secure: true,
        http_only: true,
        expires: Some(1_795_000_000.25),
        same_site: Some("Lax".to_owned()),
    };
    Kept {
        cookies: vec![cookie],
        local: vec![Item("token".to_owned(), "planted-token".to_owned())],
        session: Vec::new(),
        begun: Some(Begun::at(&stamp())),
        is_imported: true,
        user_agent: Some("Mozilla/5.0 (of a person)".to_owned()),
    }
}

fn stamp() -> Stamp {
    Stamp {
        wall: "2026-11-21T09:00:00.123456Z".parse().unwrap(),
        boot: BootId("a boot".to_owned()),
        since_boot: Duration::from_millis(123_456),
    }
}

#[test]
fn the_instant_of_the_sign_in_comes_back_in_both_clocks() {
    assert_eq!(Begun::at(&stamp()).stamp(), stamp());
}

#[test]
fn a_file_of_format_1_opens_without_an_instant_of_the_sign_in_and_a_newer_one_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeptFile::new(dir.path(), owner());
    let plain = br#"{"cookies":[],"local":[["token","planted-token"]],"session":[]}"#;
    let old = seal::seal_as(seal::OLD_HEAD, &key("a password"), &owner(), plain).unwrap();
    assert!(old.starts_with(b"tillwatch session 1\n"));
    fs::write(&file.path, &old).unwrap();
    let opened = file.load(&key("a password")).unwrap();
    assert_eq!(opened.local, kept().local);
    assert_eq!(opened.brought(), Brought::default());
    // Its head cannot be passed off as another format's.
    let newer = [b"tillwatch session 2\n", &old[20..]].concat();
    fs::write(&file.path, newer).unwrap();
    assert_eq!(file.load(&key("a password")), None);
    let newer = seal::seal_as(
        b"tillwatch session 3\n",
        &key("a password"),
        &owner(),
        plain,
    );
    fs::write(&file.path, newer.unwrap()).unwrap();
    assert_eq!(file.load(&key("a password")), None);
    assert!(!file.exists());
}

#[test]
fn a_session_comes_back_as_it_was_kept_and_nobody_else_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("browser/kilima-main");
    let file = KeptFile::new(&state, owner());
    assert_eq!(file.load(&key("a password")), None);
    file.save(&key("a password"), &kept()).unwrap();
    assert_eq!(file.load(&key("a password")), Some(kept()));
    let first = fs::read(&file.path).unwrap();
    let mode = fs::metadata(&file.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for secret in ["planted-cookie", "planted-token", "JSESSIONID", "jane"] {
        let secret = secret.as_bytes();
        assert!(!first.windows(secret.len()).any(|part| part == secret));
    }
    assert!(!format!("{:?}", kept()).contains("planted"));
    // Salt and nonce are new with every write: no byte after the head is foreseeable.
    file.save(&key("a password"), &kept()).unwrap();
    let second = fs::read(&file.path).unwrap();
    assert_eq!(first[..20], second[..20]);
    assert_ne!(first[20..76], second[20..76]);
    assert_ne!(first[76..], second[76..]);
    assert_eq!(state.read_dir().unwrap().count(), 1);
}

#[test]
fn a_session_of_another_password_account_user_or_origin_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeptFile::new(dir.path(), owner());
    let others = [
        Owner {
            account: "other".to_owned(),
            ..owner()
        },
        Owner {
            number: "600124".to_owned(),
            ..owner()
        },
        Owner {
            user: "john".to_owned(),
            ..owner()
        },
        Owner {
            origin: "https://portal.example:8443".to_owned(),
            ..owner()
        },
        Owner {
            number: "600123j".to_owned(),
            user: "ane".to_owned(),
            ..owner()
        },
    ];
    for other in others {
        file.save(&key("a password"), &kept()).unwrap();
        assert_ne!(other.tag("way"), owner().tag("way"));
        assert_eq!(
            KeptFile::new(dir.path(), other).load(&key("a password")),
            None
        );
        assert!(!file.exists());
    }
    file.save(&key("a password"), &kept()).unwrap();
    assert_eq!(file.load(&key("another")), None);
    assert!(!file.exists());
    assert_ne!(owner().tag("a"), owner().tag("b"));
}

#[test]
fn a_file_that_is_cut_short_or_changed_anywhere_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeptFile::new(dir.path(), owner());
    file.save(&key("a password"), &kept()).unwrap();
    let whole = fs::read(&file.path).unwrap();
    for length in [0, 10, 20, 40, 60, 80, whole.len() - 1] {
        fs::write(&file.path, &whole[..length]).unwrap();
        assert_eq!(file.load(&key("a password")), None, "{length} bytes");
        assert!(!file.exists());
    }
    for place in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&file.path, changed).unwrap();
        assert_eq!(file.load(&key("a password")), None, "byte {place}");
    }
    // Nothing to forget is no failure; a directory in its place is told and left.
    file.forget();
    fs::create_dir(&file.path).unwrap();
    assert_eq!(file.load(&key("a password")), None);
}

#[test]
fn a_session_over_the_limit_leaves_what_was_kept_before() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeptFile::new(dir.path(), owner());
    file.save(&key("a password"), &kept()).unwrap();
    let mut large = kept();
    large
        .local
        .push(Item("x".to_owned(), "x".repeat(MAX_BYTES)));
    let error = file.save(&key("a password"), &large).unwrap_err();
    assert!(
        error.to_string().contains("the limit is 1048576"),
        "{error}"
    );
    assert_eq!(file.load(&key("a password")), Some(kept()));
}

#[test]
fn what_a_crash_left_half_written_is_written_over_or_goes_with_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeptFile::new(dir.path(), owner());
    for is_saved in [true, false] {
        fs::write(file.aside(), "half a").unwrap();
        if is_saved {
            file.save(&key("a password"), &kept()).unwrap();
            assert_eq!(file.load(&key("a password")), Some(kept()));
        } else {
            file.forget();
        }
        assert!(!file.aside().exists());
    }
    assert!(!file.exists());
}

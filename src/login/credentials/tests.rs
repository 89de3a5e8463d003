//! Files and environment; the keyring is tested against a real one in `tests/it/credentials.rs`.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

struct Host {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources {
            account: "kilima-main".to_owned(),
            secret_file: None,
            mounted: dir.path().join("mounted"),
            keyring: false,
            variable: ("TILLWATCH_SECRET_KILIMA_MAIN".to_owned(), None),
        };
        Self { dir, sources }
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    fn configure(&mut self, bytes: &[u8], mode: u32) {
        self.sources.secret_file = Some(self.write("configured", bytes, mode));
    }

    async fn serves(&self) -> Result<(String, Provider), CredentialError> {
        let (secret, provider) = lookup(&self.sources).await?;
        Ok((secret.expose_secret().to_owned(), provider))
    }

    async fn refuses(&self) -> String {
        let (dir, error) = (self.dir.path(), self.serves().await.unwrap_err());
        error.to_string().replace(&dir.display().to_string(), "DIR")
    }
}

#[tokio::test]
async fn the_configured_file_comes_before_the_mounted_one_and_the_environment_last() {
    let mut host = Host::new();
    host.sources.variable.1 = Some(SecretString::from("from-env"));
    let (secret, provider) = host.serves().await.unwrap();
    assert_eq!(secret, "from-env");
    assert_eq!(
        provider.to_string(),
        "the environment variable TILLWATCH_SECRET_KILIMA_MAIN"
    );
    let mounted = host.write("mounted", b"from-mount", 0o400);
    let served = ("from-mount".to_owned(), Provider::File(mounted));
    assert_eq!(host.serves().await.unwrap(), served);
    host.configure(b"from-config", 0o600);
    assert_eq!(host.serves().await.unwrap().0, "from-config");
}

#[tokio::test]
async fn one_line_feed_at_the_end_is_not_part_of_the_secret() {
    for (bytes, secret) in [
        ("pa ss\n", "pa ss"),
        ("pa ss\r\n", "pa ss"),
        ("pa ss\n\n", "pa ss\n"),
        (" pa ss ", " pa ss "),
    ] {
        let mut host = Host::new();
        host.configure(bytes.as_bytes(), 0o400);
        assert_eq!(host.serves().await.unwrap().0, secret, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_file_that_others_may_read_is_refused_though_the_environment_has_a_secret() {
    for mode in [0o404, 0o440, 0o420, 0o644] {
        let mut host = Host::new();
        host.sources.variable.1 = Some(SecretString::from("from-env"));
        host.write("mounted", b"secret", mode);
        let told = format!(
            "the secret file DIR/mounted has mode {mode:04o}: run `chmod 0400 DIR/mounted`"
        );
        assert_eq!(host.refuses().await, told);
        host.configure(b"secret", mode);
        assert!(host.refuses().await.contains("DIR/configured has mode"));
    }
}

#[tokio::test]
async fn a_file_that_is_no_secret_is_refused_and_says_why() {
    let mut host = Host::new();
    host.sources.variable.1 = Some(SecretString::from("from-env"));
    host.configure(b"\n", 0o400);
    assert_eq!(
        host.refuses().await,
        "the secret file DIR/configured holds no secret: it is empty"
    );
    host.configure(&[b'x'; 5000], 0o600);
    assert!(host.refuses().await.ends_with("longer than 4096 bytes"));
    host.write("configured", b"\xff\xfe", 0o600);
    assert!(host.refuses().await.ends_with("not UTF-8"));
    host.sources.secret_file = Some(host.dir.path().to_path_buf());
    assert_eq!(
        host.refuses().await,
        "DIR is no regular file, so it cannot be a secret file"
    );
    host.sources.secret_file = Some(host.dir.path().join("nowhere"));
    assert!(
        host.refuses()
            .await
            .starts_with("could not read the secret file DIR/nowhere (")
    );
}

#[tokio::test]
async fn a_named_pipe_is_refused_without_waiting_for_its_writer() {
    let mut host = Host::new();
    let path = host.dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    host.sources.secret_file = Some(path);
    assert!(host.refuses().await.contains("is no regular file"));
}

#[tokio::test]
async fn an_account_without_a_secret_is_told_where_it_was_looked_for() {
    let host = Host::new();
    assert_eq!(
        host.refuses().await,
        "there is no secret for account `kilima-main`: none in DIR/mounted, in the keyring, or in \
         TILLWATCH_SECRET_KILIMA_MAIN; run `tillwatch credentials set kilima-main`"
    );
}

#[test]
fn the_variable_is_named_after_the_account() {
    let sources = Sources::of("kilima-main-2", None);
    assert_eq!(sources.variable.0, "TILLWATCH_SECRET_KILIMA_MAIN_2");
    assert_eq!(sources.mounted, Path::new("/run/secrets/kilima-main-2"));
}

#[test]
fn the_version_changes_with_each_part_of_the_credential_and_with_the_salt() {
    let version = |salt: &str, ledger: &str, user: &str, password: &str| {
        let credential = Credential {
            number: "600123".to_owned(),
            user: user.to_owned(),
            password: SecretString::from(password),
        };
        fingerprint(salt.as_bytes(), ledger, &credential).0
    };
    let first = version("salt", "a4", "jane", "secret");
    assert_eq!(first, version("salt", "a4", "jane", "secret"));
    for other in [
        version("tlas", "a4", "jane", "secret"),
        version("salt", "a5", "jane", "secret"),
        version("salt", "a4", "joe", "secret"),
        version("salt", "a4", "jane", "secreT"),
        version("salt", "a4j", "ane", "secret"),
    ] {
        assert_ne!(first, other);
    }
}

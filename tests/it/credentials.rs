//! `tillwatch credentials` against a real Secret Service: Debian's gnome-keyring on a session bus of its own,
//! unlocked by a line on stdin; locked; and on hosts that have no store.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

const CONFIG: &str = r#"
state_dir = "state"
[webdriver]
url = "http://127.0.0.1:9515"
[http]
[[account]]
name = "kilima-main"
portal = "kilima"
number = "600123"
user = "agent"
"#;

/// A session bus that starts nothing by itself.
const BARE_BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

const UNLOCK: &str =
    "printf 'a password of the keyring' | gnome-keyring-daemon --unlock --components=secrets >&2";
const SECRET: &str = "planted-s3cret";

/// A home directory with a config file; nothing of the machine's own keyring is seen from it.
struct Home(TempDir);

/// What commands said and how the last one ended.
#[derive(Debug, PartialEq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("tillwatch.toml"), CONFIG).unwrap();
        std::fs::write(home.path().join("bare.conf"), BARE_BUS).unwrap();
        Self(home)
    }

    fn configure(&self, more: &str) -> PathBuf {
        let path = self.0.path().join("tillwatch.toml");
        std::fs::write(&path, format!("{CONFIG}{more}\n")).unwrap();
        path
    }

    /// Runs a shell script in which `$t SUBCOMMAND kilima-main` is `tillwatch credentials …`.
    fn run(&self, bus: &[&str], script: &str) -> Said {
        let shell = format!("t() {{ \"$TILLWATCH\" credentials \"$@\"; }}\n{script}");
        let mut words = bus.to_vec();
        words.extend(["sh", "-c", &shell]);
        let (program, args) = words.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(args).current_dir(self.0.path());
        for variable in [
            "HOME",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "XDG_RUNTIME_DIR",
        ] {
            command.env(variable, self.0.path());
        }
        for variable in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(variable);
        }
        command.env("TILLWATCH", env!("CARGO_BIN_EXE_tillwatch"));
        let output = command.output().unwrap_or_else(|error| {
            panic!("{program} does not start ({error}): apt-get install dbus gnome-keyring")
        });
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (code, out, err) = (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        );
        assert!(!out.contains(SECRET) && !err.contains(SECRET), "{out}{err}");
        Said { code, out, err }
    }

    /// In a session whose Secret Service is started on demand, and so is locked unless the script unlocks it.
    fn with_keyring(&self, script: &str) -> Said {
        assert!(
            Command::new("gnome-keyring-daemon")
                .arg("--version")
                .output()
                .is_ok(),
            "gnome-keyring-daemon is missing: apt-get install gnome-keyring"
        );
        self.run(&["dbus-run-session", "--"], script)
    }

    /// In a session with a bus and no Secret Service.
    fn with_bare_bus(&self, script: &str) -> Said {
        self.run(
            &["dbus-run-session", "--config-file=bare.conf", "--"],
            script,
        )
    }

    fn without_bus(&self, script: &str) -> Said {
        self.run(&[], script)
    }
}

impl Said {
    /// What tillwatch itself wrote to stderr; the daemons write there too, and not always whole lines.
    fn error(&self) -> &str {
        let from = self.err.find("error: ");
        let from = from.unwrap_or_else(|| panic!("{self:?}"));
        self.err[from..].lines().next().unwrap()
    }
}

#[test]
fn a_secret_is_set_served_and_deleted_in_a_real_keyring() {
    let home = Home::new();
    let said = home.with_keyring(&format!(
        "{UNLOCK}; set -e
        printf '{SECRET}\\n' | t set kilima-main
        t test kilima-main
        printf 'another' | t set kilima-main
        t test kilima-main"
    ));
    assert_eq!(
        (said.code, said.out.as_str()),
        (
            Some(0),
            "the keyring now holds the secret of account `kilima-main`\n\
             the secret of account `kilima-main` comes from the keyring\n\
             the keyring now holds the secret of account `kilima-main`\n\
             the secret of account `kilima-main` comes from the keyring\n"
        ),
        "{said:?}"
    );
    let said = home.with_keyring(&format!(
        "{UNLOCK}
        t test kilima-main || exit 70
        t delete kilima-main || exit 71
        t delete kilima-main && exit 72
        t test kilima-main"
    ));
    assert_eq!(said.code, Some(8), "{said:?}");
    assert!(said.err.contains("the keyring has no secret for account"));
    assert!(
        said.err
            .contains("there is no secret for account `kilima-main`")
    );
}

#[test]
fn a_locked_keyring_is_an_error_and_nobody_stands_in_for_it() {
    let home = Home::new();
    let stored = home.with_keyring(&format!("{UNLOCK}; printf '{SECRET}' | t set kilima-main"));
    assert_eq!(stored.code, Some(0), "{stored:?}");
    for command in ["test", "set", "delete"] {
        let said = home.with_keyring(&format!(
            "export TILLWATCH_SECRET_KILIMA_MAIN={SECRET}; printf '{SECRET}' | t {command} kilima-main"
        ));
        assert_eq!((said.code, said.out.as_str()), (Some(8), ""), "{said:?}");
        assert!(said.error().contains("the keyring is locked"), "{said:?}");
    }
}

#[test]
fn a_host_without_a_keyring_gives_way_to_the_environment() {
    let home = Home::new();
    let script = format!("TILLWATCH_SECRET_KILIMA_MAIN={SECRET} t test kilima-main");
    for said in [home.with_bare_bus(&script), home.without_bus(&script)] {
        assert_eq!(
            (said.code, said.out.as_str()),
            (
                Some(0),
                "the secret of account `kilima-main` comes from the environment variable TILLWATCH_SECRET_KILIMA_MAIN\n"
            ),
            "{said:?}"
        );
    }
    let said = home.without_bus("t test kilima-main");
    assert_eq!(said.code, Some(8));
    assert!(
        said.error().contains("a keyring (this host has none)"),
        "{said:?}"
    );
}

#[test]
fn set_says_how_to_write_a_secret_file_where_no_keyring_serves() {
    let home = Home::new();
    let script = format!("printf '{SECRET}' | t set kilima-main");
    for said in [home.with_bare_bus(&script), home.without_bus(&script)] {
        assert_eq!(said.code, Some(8), "{said:?}");
        assert!(
            said.error().contains("`install -m 0400 NEW PATH`"),
            "{said:?}"
        );
    }
    home.configure("secret_file = \"portal-secret\"");
    let said = home.without_bus(&script);
    assert_eq!(said.code, Some(8), "{said:?}");
    assert!(
        said.error().contains("portal-secret` (with `-o UID`"),
        "{said:?}"
    );
}

#[test]
fn a_configured_secret_file_comes_before_the_keyring() {
    let home = Home::new();
    home.configure("secret_file = \"portal-secret\"");
    let said = home.without_bus(&format!(
        "printf '{SECRET}\\n' > new; install -m 0400 new portal-secret; t test kilima-main"
    ));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("comes from the secret file "), "{said:?}");
    assert!(said.out.ends_with("portal-secret\n"), "{said:?}");
}

#[test]
fn an_unknown_account_and_an_empty_secret_are_told() {
    let home = Home::new();
    let said = home.without_bus("t test kilima-mian");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.error()
            .ends_with("has no account `kilima-mian`; it has: kilima-main"),
        "{said:?}"
    );
    let said = home.with_keyring(&format!("{UNLOCK}; t set kilima-main < /dev/null"));
    assert_eq!(said.code, Some(8), "{said:?}");
    assert!(
        said.error().contains("empty: nothing was stored"),
        "{said:?}"
    );
}

//! Debian's phpLiteAdmin on loopback, its code as the package installed it, over an SQLite file of payments.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::time::interval;

pub const PASSWORD: &str = "Baraza-2026";

/// One row of the table, as its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub receipt: String,
    /// Local time of Nairobi, `YYYY-MM-DD HH:MM:SS`.
    pub initiated: String,
    /// NULL while the payment is pending.
    pub completed: Option<String>,
    pub direction: String,
    /// Decimal text; the column is NUMERIC, so that SQLite stores a number.
    pub amount: String,
    pub payer: Option<String>,
    pub msisdn: String,
    pub reference: Option<String>,
    pub status: String,
}

/// In one transaction: readers see all of it or nothing.
const WRITE: &str = r#"
$rows = json_decode(stream_get_contents(STDIN), true);
$db = new SQLite3($argv[1]);
$db->enableExceptions(true);
$db->busyTimeout(60000);
$db->exec('CREATE TABLE IF NOT EXISTS payments (receipt TEXT PRIMARY KEY, initiated TEXT, completed TEXT,
    direction TEXT, amount NUMERIC, payer TEXT, msisdn TEXT, reference TEXT, status TEXT)');
$db->exec('BEGIN IMMEDIATE');
$insert = $db->prepare('INSERT OR REPLACE INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
foreach ($rows as $row) {
    foreach (array_values($row) as $at => $value) $insert->bindValue($at + 1, $value);
    $insert->execute();
    $insert->reset();
}
$db->exec('COMMIT');
"#;

const READ: &str = r#"
$db = new SQLite3($argv[1], SQLITE3_OPEN_READONLY);
$db->enableExceptions(true);
$db->busyTimeout(60000);
$found = $db->query('SELECT receipt, initiated, completed, direction, CAST(amount AS TEXT) AS amount, payer,
    msisdn, reference, status FROM payments');
$rows = [];
while ($row = $found->fetchArray(SQLITE3_ASSOC)) $rows[] = $row;
echo json_encode($rows);
"#;

/// The portal. Dropping it ends its server.
pub struct Host {
    dir: TempDir,
    server: Child,
    pub origin: String,
}

impl Host {
    /// Serves phpLiteAdmin over a table of `rows`.
    pub async fn start(rows: &[Row]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("databases")).unwrap();
        fs::create_dir(dir.path().join("sessions")).unwrap();
        let installed = Path::new("/usr/share/phpliteadmin/phpliteadmin.php");
        assert!(
            installed.is_file(),
            "install phpliteadmin, php-cli and php-sqlite3"
        );
        // phpLiteAdmin looks for its config in the working directory, which is the directory asked for.
        symlink(installed, root.join("phpliteadmin.php")).unwrap();
        let config = format!("<?php\n$password = '{PASSWORD}';\n$directory = 'databases';\n");
        fs::write(root.join("phpliteadmin.config.php"), config).unwrap();
        write(&root.join("databases/payments.sqlite"), rows);
        let (server, origin) = serve(dir.path()).await;
        Self {
            dir,
            server,
            origin,
        }
    }

    /// Adds rows, or replaces those of the same receipt.
    pub fn post(&self, rows: &[Row]) {
        write(&self.database(), rows);
    }

    /// What the database holds.
    pub fn rows(&self) -> Vec<Row> {
        let read = php(READ, &self.database())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(read.status.success());
        serde_json::from_slice(&read.stdout).unwrap()
    }

    /// Forgets every session.
    pub fn expire_sessions(&self) {
        for session in fs::read_dir(self.dir.path().join("sessions")).unwrap() {
            fs::remove_file(session.unwrap().path()).unwrap();
        }
    }

    /// Forms sent: phpLiteAdmin sends none by POST but the password, as long as nobody edits anything.
    pub fn sign_ins(&self) -> usize {
        self.asked(": POST /")
    }

    /// Loads of the table's first page, and of the pages after it.
    pub fn page_loads(&self) -> (usize, usize) {
        (self.asked("&sort=completed&"), self.asked("&startRow="))
    }

    fn asked(&self, part: &str) -> usize {
        let log = fs::read_to_string(self.dir.path().join("server.log")).unwrap();
        log.lines().filter(|line| line.contains(part)).count()
    }

    fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("root/databases/payments.sqlite")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// PHP's own server takes no port 0: a free one is looked for first, and another one when it is gone meanwhile.
async fn serve(dir: &Path) -> (Child, String) {
    for _ in 0..20 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let log = dir.join("server.log");
        let mut server = Command::new("php")
            .arg("-d")
            .arg(format!(
                "session.save_path={}",
                dir.join("sessions").display()
            ))
            .arg("-d")
            .arg(format!("upload_tmp_dir={}", dir.display()))
            .args(["-S", &address.to_string(), "-t"])
            .arg(dir.join("root"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut is_up = false;
        until("PHP's server starts or gives up", || {
            is_up = fs::read_to_string(&log).unwrap().contains(") started");
            is_up || server.try_wait().unwrap().is_some()
        })
        .await;
        if is_up {
            return (server, format!("http://{address}"));
        }
    }
    panic!("PHP's server finds no free port");
}

fn write(database: &Path, rows: &[Row]) {
    let mut writer = php(WRITE, database).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = writer.stdin.take().unwrap();
    input.write_all(&serde_json::to_vec(rows).unwrap()).unwrap();
    drop(input);
    assert!(writer.wait().unwrap().success());
}

fn php(script: &str, database: &Path) -> Command {
    let mut php = Command::new("php");
    php.args(["-r", script, "--"]).arg(database);
    php
}

/// Looks again and again until `is_so`; after five minutes it never will be.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut tick = interval(Duration::from_millis(100));
    for _ in 0..3000 {
        tick.tick().await;
        if is_so() {
            return;
        }
    }
    panic!("never: {what}");
}

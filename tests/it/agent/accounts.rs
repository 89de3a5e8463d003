//! Accounts that stop alone: wrong password, a person at the portal, a broken selector file.

use std::fs;

use tillwatch::control::Request;
use tillwatch::demo::portal::{LoginOutcome, PortalConfig};

use super::stage::{Cast, Stage, payment, write_secret};

/// Of the log of the last start: the account was found stopped.
fn says_stopped(stage: &Stage, times: usize) -> bool {
    stage.log().matches("stopped: ").count() == times
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_until_it_changes_or_a_person_resumes() {
    let stage = Stage::set(vec![Cast::kilima()], "").await;
    let portal = stage.portal();
    let right = portal.config().password;
    let secret = stage.path("kilima.secret");
    write_secret(&secret, "not-the-password");
    let outcomes = || -> Vec<LoginOutcome> {
        let attempts = portal.truth().attempts;
        attempts.iter().map(|attempt| attempt.outcome).collect()
    };

    let agent = stage.start();
    stage.until("stopped", || says_stopped(&stage, 1)).await;
    stage.read_once("kilima").await;
    assert_eq!(outcomes(), [LoginOutcome::WrongPassword]);
    assert_eq!(agent.stop().await, 0);

    let agent = stage.start();
    stage
        .until("stopped again", || says_stopped(&stage, 2))
        .await;
    stage.read_once("kilima").await;
    assert_eq!(outcomes(), [LoginOutcome::WrongPassword]);

    // Another secret is another credential.
    write_secret(&secret, &right);
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    let one_of_each = [LoginOutcome::WrongPassword, LoginOutcome::SignedIn];
    assert_eq!(outcomes(), one_of_each);

    // The portal's password changes under us, and back: only a person can know.
    let password = |word: &str| {
        let change = serde_json::json!({ "password": word });
        portal
            .set_config(change.as_object().unwrap().clone())
            .unwrap();
    };
    password("changed-elsewhere");
    portal.expire_session(0);
    stage
        .until("stopped once more", || says_stopped(&stage, 3))
        .await;
    password(&right);
    let receipt = portal.post_payment(&payment()).unwrap();
    stage.read_once("kilima").await;
    assert_eq!(outcomes().len(), 3);
    assert!(!stage.is_told(&receipt));
    let resumed = stage.command(&["resume", "kilima"]).output().await.unwrap();
    assert!(resumed.status.success(), "{resumed:?}");
    stage.until_told(&receipt).await;
    assert_eq!(outcomes().len(), 4);
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

#[tokio::test]
async fn a_paused_account_is_signed_out_and_left_alone_while_another_is_read() {
    let broken = Cast {
        name: "broken",
        selectors: "broken",
        knobs: PortalConfig {
            short_code: "600125".to_owned(),
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let uncounted = Cast {
        name: "uncounted",
        knobs: PortalConfig {
            short_code: "600126".to_owned(),
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    };
    let casts = vec![Cast::kilima(), Cast::other(), broken, uncounted];
    let stage = Stage::set(casts, "").await;
    std::fs::create_dir_all(stage.path("state/page-loads/uncounted")).unwrap();
    std::fs::write(
        stage.path("selectors/broken.toml"),
        "format = 1\nnonsense = true\n",
    )
    .unwrap();
    let (portal, other) = (stage.portal(), stage.portals[1].control());
    let agent = stage.start();
    stage.begun().await;
    for portal in [portal, other] {
        let receipt = portal.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
    }
    let log = stage.log();
    assert!(log.contains("its files are wrong"), "{log}");
    let uncounted = "not started: could not read the count of page loads";
    assert!(log.contains(uncounted), "{log}");
    for portal in &stage.portals[2..] {
        assert_eq!(portal.control().truth().loads, []);
    }

    let paused = stage.command(&["pause", "kilima"]).output().await.unwrap();
    assert!(paused.status.success(), "{paused:?}");
    let left = portal.truth();
    assert_eq!(left.session_since, None, "not signed out\n{}", stage.log());
    let receipt = portal.post_payment(&payment()).unwrap();
    for _ in 0..3 {
        let receipt = other.post_payment(&payment()).unwrap();
        stage.until_told(&receipt).await;
        let account = "kilima".to_owned();
        stage.ask(&Request::Poll { account }).await;
    }
    assert_eq!(portal.truth().loads, left.loads, "looked at while paused");
    assert!(!stage.is_told(&receipt));

    // A pause outlives the agent.
    assert_eq!(agent.stop().await, 0);
    let agent = stage.start();
    let news = other.post_payment(&payment()).unwrap();
    stage.until_told(&news).await;
    assert_eq!(portal.truth().loads, left.loads, "looked at while paused");
    let resumed = stage.command(&["resume", "kilima"]).output().await.unwrap();
    assert!(resumed.status.success(), "{resumed:?}");
    stage.until_told(&receipt).await;
    assert_eq!(portal.truth().attempts.len(), 2);
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

/// Two users of one till see the same statement; here it is shown twice, each time to one of them.
#[tokio::test]
async fn two_users_of_one_operator_account_tell_each_payment_once_and_stand_in_for_each_other() {
    let cast = ["first", "second"].map(|user| Cast {
        name: user,
        knobs: PortalConfig {
            user: user.to_owned(),
            ..PortalConfig::default()
        },
        ..Cast::kilima()
    });
    let stage = Stage::set(cast.into(), "").await;
    let agent = stage.start();
    stage.begun().await;
    let post = || {
        let both = (stage.portals.iter())
            .map(|portal| portal.control().post_payment(&payment()).unwrap())
            .collect::<Vec<String>>();
        assert_eq!(both[0], both[1]);
        both[0].clone()
    };
    for paused in ["first", "second"] {
        let receipt = post();
        stage.until_told(&receipt).await;
        for account in ["first", "second"] {
            stage.read_once(account).await;
        }
        let said = stage.command(&["pause", paused]).output().await.unwrap();
        assert!(said.status.success(), "{said:?}");
        stage.until_told(&post()).await;
        let said = stage.command(&["resume", paused]).output().await.unwrap();
        assert!(said.status.success(), "{said:?}");
    }
    for account in ["first", "second"] {
        stage.read_once(account).await;
    }
    let events = stage.events().into_iter();
    let told = events.filter(|event| event["type"] == "payment.received");
    assert_eq!(told.count(), 4, "{}", stage.log());
    assert_eq!(agent.stop().await, 0);
    stage.is_bare().await;
}

/// Two accounts of one portal user.
async fn sharing() -> Stage {
    let mut cast = vec![Cast::kilima(), Cast::other()];
    for one in &mut cast {
        one.keys += "\nshared_cap = \"agency\"";
    }
    let stage = Stage::set(cast, "").await;
    let [first, second] = [0, 1].map(|index| format!("http://{}", stage.portals[index].address()));
    let file = stage.path("tillwatch.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace(&second, &first)).unwrap();
    stage
}

#[tokio::test]
async fn a_refused_password_is_tried_by_no_other_account_of_the_portal_user() {
    let stage = sharing().await;
    for name in ["kilima", "other"] {
        write_secret(&stage.path(&format!("{name}.secret")), "not-the-password");
    }
    let attempts = || stage.portal().truth().attempts.len();
    let agent = stage.start();
    stage
        .until("both are stopped", || says_stopped(&stage, 2))
        .await;
    assert_eq!(attempts(), 1);
    let said = stage.command(&["resume", "other"]).output().await.unwrap();
    assert!(said.status.success(), "{said:?}");
    // A person has it tried once more, by whichever account comes first.
    stage
        .until("stopped again", || {
            stage.log().matches("stopped: ").count() > 2
        })
        .await;
    assert_eq!(attempts(), 2);
    assert_eq!(agent.stop().await, 0);
}

#[tokio::test]
async fn accounts_that_share_a_cap_spend_from_one_ledger() {
    let stage = sharing().await;
    // What the portal says to another password is nothing against the first.
    write_secret(&stage.path("other.secret"), "another");
    let agent = stage.start();
    // The portal knows the first one alone: the other is refused, which is an attempt of both.
    stage.until("refused", || says_stopped(&stage, 1)).await;
    let receipt = stage.portal().post_payment(&payment()).unwrap();
    stage.until_told(&receipt).await;
    let said = stage
        .command(&["status", "--json"])
        .output()
        .await
        .unwrap()
        .stdout;
    let accounts: serde_json::Value = serde_json::from_slice(&said).unwrap();
    for account in accounts.as_array().unwrap() {
        assert_eq!(account["logins"]["used"], 2, "{account}");
    }
    assert_eq!(stage.portal().truth().attempts.len(), 2);
    assert_eq!(agent.stop().await, 0);
}

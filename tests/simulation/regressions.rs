//! Faults of the program that this simulation found, each as the smallest run that shows it.

use std::time::Duration;

use crate::profile::Profile;
use crate::run::one;

fn keeps_its_promises(profile: Profile) {
    let (_, verdict) = one(profile);
    assert_eq!(verdict.broken, Vec::<String>::new());
}

/// A sweep went back by the look-back only, although the last complete reading was longer ago: what came in between was
/// lost unless the agent was started again.
#[test]
fn an_outage_longer_than_the_look_back_is_read_up() {
    let mut profile = Profile::calm(1);
    profile.new_password = true;
    profile.look_back = Duration::from_secs(3600);
    // Without references nothing changes its status after it was told.
    profile.rules.references = false;
    keeps_its_promises(profile);
}

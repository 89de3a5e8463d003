//! What the agent does for a portal that behaves: how fresh its lines are, and at which pace it signs in.

use std::time::Duration;

use crate::profile::Profile;
use crate::run::one;

//! A child that does not outlive the thread that started it, not after `kill -9` either.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Makes the kernel kill the child when the thread that calls `spawn` ends (`PR_SET_PDEATHSIG`, prctl(2): the
/// signal follows the thread, not the process). Start it from a thread that lives as long as the child should.
pub(super) fn die_with_this_thread(command: &mut Command) {
    let parent = getpid();
    #[expect(
        unsafe_code,
        reason = "std offers this only through `pre_exec`; the closure makes two system calls and allocates nothing"
    )]
    // SAFETY: prctl and getppid are async-signal-safe, and an errno becomes an `io::Error` without allocation.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have gone between fork and prctl: then nobody would send the signal.
            if getppid() == Some(parent) {
                Ok(())
            } else {
                Err(Errno::SRCH.into())
            }
        });
    }
}

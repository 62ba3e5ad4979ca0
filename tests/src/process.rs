//! Processes of our programs: where the programs lie, and a bound on waiting for them.

use std::{
    path::PathBuf,
    process::{Child, ExitStatus},
    thread,
    time::Duration,
};

const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Two minutes, only against hanging for ever: nothing is judged by it.
const LOOKS_MAX: u32 = 60_000;

/// Path of a program of ours, which lies beside the test program's own folder.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join(name);
    assert!(
        program.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        program.display()
    );
    program
}

/// How a process ended; none if it hangs.
pub(crate) fn end_of(child: &mut Child) -> Option<ExitStatus> {
    for _ in 0..LOOKS_MAX {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

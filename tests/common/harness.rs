//! Runs the tests of a binary, and reports a test that could not run as ignored, with the reason.
//!
//! The harness of the standard library decides at compile time which tests it ignores. Whether a machine has network
//! namespaces, or a program that a test needs, is known at run time only. Therefore a binary that calls
//! [`required`](super::required) has `harness = false` in `Cargo.toml`, a list of its tests ([`tests!`](crate::tests))
//! and a `main` that calls [`run`]. Its command line and its output are those of `cargo test`.

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

/// A test function, with the path of its module in front of its name: `faults::disk::name`.
pub struct Test {
    pub path: &'static str,
    pub function: fn(),
}

/// Defines `TESTS`, the list of the tests of a file. The compiler warns of a test that is missing here: it is dead code.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub const TESTS: &[$crate::common::harness::Test] = &[$($crate::common::harness::Test {
            path: concat!(module_path!(), "::", stringify!($name)),
            function: $name,
        }),+];
    };
}

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::NoHarness) };
}

/// State of the test that runs on this thread.
enum State {
    /// This thread is not one that [`run`] started.
    NoHarness,
    Running,
    Skipped(String),
}

/// Runs the tests of these lists that the command line selects.
pub fn run(lists: &[&'static [Test]]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The harness of the standard library reads this variable, libtest-mimic does not.
    let variable = || std::env::var("RUST_TEST_THREADS").ok()?.parse().ok();
    arguments.test_threads = arguments.test_threads.or_else(variable);
    let trials = lists.iter().copied().flatten().map(Test::trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Marks the test of this thread as not run. It panics on a thread on which no skip can be reported.
pub fn skip(reason: impl Into<String>) {
    let reason = reason.into();
    STATE.with_borrow_mut(|state| match state {
        State::NoHarness => panic!(
            "{reason}: this test cannot be reported as ignored; put it into the list of tests! and \
             its binary into Cargo.toml with harness = false, and call required on its own thread"
        ),
        // The first reason is the cause of the others.
        State::Running => *state = State::Skipped(reason),
        State::Skipped(_) => {}
    });
}

impl Test {
    fn trial(&'static self) -> Trial {
        Trial::ignorable_test(self.name(), || self.run())
    }

    /// The path without the binary, as the harness of the standard library shows it.
    fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }

    /// A lab moves its thread into namespaces, and libtest-mimic runs several tests on a thread: each test has a
    /// thread of its own.
    fn run(&'static self) -> Result<Completion, Failed> {
        let thread = thread::Builder::new().name(self.name().to_owned());
        match thread.spawn(|| self.state_at_end())?.join() {
            Ok(State::Skipped(reason)) => Ok(Completion::ignored_with(reason)),
            Ok(_) => Ok(Completion::Completed),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn state_at_end(&self) -> State {
        STATE.set(State::Running);
        (self.function)();
        STATE.replace(State::NoHarness)
    }
}

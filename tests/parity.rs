//! `use hence::channel as crossbeam_channel;` is all that an ordinary program of crossbeam-channel has to change.
//!
//! The files in `parity/` are such programs. Each is compiled twice, on top of either crate, and both have to say the
//! same when they run; where ours differs on purpose, the difference is named here.
#![cfg(not(any(loom, shuttle)))]

mod util;

#[path = "parity"]
mod theirs {
    use ::crossbeam_channel;
    mod programs;
    mod surface;
    mod syntax;
    pub(super) use {programs::*, surface::*, syntax::*};
}

#[path = "parity"]
#[expect(clippy::duplicate_mod, reason = "that is the point")]
mod ours {
    use hence::channel as crossbeam_channel;
    mod programs;
    mod surface;
    mod syntax;
    pub(super) use {programs::*, surface::*, syntax::*};
}

/// A test for each: both crates have to say the same.
macro_rules! same {
    ($($program:ident)+) => {
        $(#[test]
        fn $program() {
            util::watched(|| assert_eq!(ours::$program(), theirs::$program()));
        })+
    };
}

// Whole programs.
same! {
    worker_pool done_channel ticker fan_in fan_in_by_ready fan_out matching request_and_reply pipeline semaphore
    handles_in_places errors_by_question_mark optional_arms
}

// All that can be written in a `select!`.
same! {
    separators bodies ways_out handles patterns defaults evaluation messages nested moved_handles biased names contexts
    many_arms
}

// All that is public.
same! { errors sizes macros }

#[test]
fn signatures() {
    ours::signatures();
    theirs::signatures();
}

#[test]
fn traits() {
    // Errors are errors whatever they carry, and all of them are.
    let more = |name: &str, of: &str| {
        matches!((name, of), ("TryReadyError" | "ReadyTimeoutError", "Display" | "Error"))
            || (of == "Error" && name.contains("Error<"))
    };
    for ((name, of, ours), theirs) in ours::traits().into_iter().zip(theirs::traits()) {
        let theirs = theirs.2;
        assert!(ours == theirs || !theirs && more(name, of), "{name}: {of} is {ours} here, {theirs} there");
    }
}

#[test]
fn texts() {
    // They put quotes around what an error with a value says by `Debug`, and do not say which variant it is.
    let by_debug = |text: &str| text.trim_matches('"').replace("SendTimeoutError(..)", "Timeout(..)");
    for ((thing, ours), (_, theirs)) in ours::texts().into_iter().zip(theirs::texts()) {
        let expected = match thing {
            "RecvTimeoutError::Disconnected {}" => "receiving on an empty and disconnected channel".to_owned(),
            _ if thing.starts_with("SendTimeoutError::Disconnected") && thing.ends_with("?}") => {
                "Disconnected(..)".to_owned()
            }
            _ => by_debug(&theirs),
        };
        assert_eq!(ours, expected, "{thing}, which is {theirs} there");
    }
}

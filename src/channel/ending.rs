//! What a receiver needs of something that only ever ends: of a token, or of a task. Nobody sends on it and there is no
//! buffer; whoever receives waits for the end, in a line that is made when somebody first does.
//!
//! Needs: `channel/core.rs`, `channel/receiver.rs`, `channel/schedule.rs`, `wait.rs`,
//! `sync.rs`, `error.rs`.

use std::time::Instant;

use super::super::error::RecvTimeoutError;
use super::super::sync::passed;
use super::super::wait::Waiter;
use super::core::Core;
use super::receiver::wait_for_value;
use super::schedule::earlier;

/// Something that ends, once.
pub(crate) trait Ending<T>: Send + Sync {
    /// Whether it has ended.
    fn has_ended(&self) -> bool;

    /// When it ends by itself, and nobody is woken: whoever waits, waits no longer than until then.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// What tells it from others, and the order in which a select locks lines.
    fn identity(&self) -> usize;

    /// The line, for one who stands in it.
    fn line(&self) -> Option<&Core<T>>;

    /// Where to wait for the end, made if need be: it closes after the end. `None` if it has ended.
    fn waiting_line(&self) -> Option<&Core<T>>;

    /// Waits for the end, but no longer than until `deadline`: whether it has come. If the time is up when it is called,
    /// it looks, and does not wait.
    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let is_over = deadline.is_some_and(passed);
        if self.has_ended() {
            return true;
        }
        if is_over {
            return false;
        }
        let Some(line) = self.waiting_line() else { return true };
        let Err(unreceived) = line.recv(true, Waiter::thread) else { unreachable!("nobody sends") };
        match wait_for_value(line, unreceived, earlier(self.deadline(), deadline)) {
            Err(RecvTimeoutError::Timeout) => self.has_ended(),
            _ => true,
        }
    }
}

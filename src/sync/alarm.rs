//! The alarm clock of tasks and callbacks: it wakes them at a moment. Threads need none, they park until a deadline.
//!
//! A task has no thread that could sleep, nor has a callback, and a runtime's timers are the runtime's: there is no way
//! without threads of our own. One of them, the *keeper*, sleeps until the first moment that somebody waits for. It is
//! started by the first alarm, and leaves when it wakes and there is none. Nothing else in the crate starts a thread
//! of its own.
//!
//! Whom it wakes is user code, which may take long, or wait for another alarm. So a thread that rings is no keeper any
//! more. If there is another alarm, or as soon as one is set, a second thread is called to be the keeper, unless the
//! first is back before it has come. Of threads that come back and find a keeper one stays for a while, as a spare.
//!
//! The contract, for calls of which the system refuses no thread:
//!
//! **SF-AL-1.** A call is made once, not before its moment; or never, where the drop of its alarm comes before. It leaves
//! nothing behind.
//!
//! **LV-AL-1.** A call that is not taken back is made once its moment has passed, whether or not the calls before it ever
//! return, and what comes before the `set` happens before it.
//!
//! # Invariants
//! 1. Whenever the lock is free and there are calls, there is a keeper, or a thread has been called; unless the system has
//!    refused one. Then all tasks have been woken, to poll again, and callbacks wait: for a thread that rings, or for the
//!    next alarm, which tries again.
//! 2. The keeper sleeps no longer than until the first call: whoever puts another one in front of it tells the keeper.
//! 3. A call is in `calls` until it is taken: by the keeper, at its moment, or by the drop of its alarm.
//! 4. A clock is of one process. A child has none of its parent's threads, and perhaps a lock that nobody will release: it
//!    makes a clock of its own, and lets its parent's be.
//!
//! User code (wakers, and their drops) runs under no lock. An explorer has an alarm of its own for all other models
//! (`sync/hook.rs`); this clock has models for itself.

// Needs: sync.rs.

use std::collections::BTreeMap;
use std::mem;
use std::process;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::{Lock, OsHandle, ignore_panic, now, passed, reached, start, wake};

/// How long a thread stays that has nothing to do.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// A moment, and a number that tells it from others.
type Key = (Instant, u64);

#[derive(Debug)]
pub(crate) struct Clock {
    /// The number of the process that made it.
    process: u32,
    state: Lock<State>,
    /// The clock of a child that has used this one before it was one (invariant 4).
    child: OnceLock<Box<Clock>>,
}

#[derive(Debug)]
struct State {
    calls: BTreeMap<Key, Call>,
    /// The number of the next call.
    next: u64,
    keeper: Option<Arc<OsHandle>>,
    /// A thread that has nothing to do, and waits for a while to be called.
    spare: Option<Arc<OsHandle>>,
    /// A thread has been called, and has not come yet.
    called: bool,
}

#[derive(Debug)]
struct Call {
    waker: Waker,
    /// Whether it may be made too soon.
    is_task: bool,
}

/// A call that the clock is to make; dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: &'static Clock,
    key: Key,
}

/// What is still to be done for the clock to be kept, once the lock is free.
enum Help {
    NotNeeded,
    /// The keeper is told, or the spare thread called.
    Unpark(Arc<OsHandle>),
    Start,
}

/// How a thread comes to look at the clock.
#[derive(Clone, Copy, PartialEq)]
enum Came {
    Started,
    Slept(Instant),
    Rang,
}

/// What it does next.
enum Next {
    Ring(Waker, Help),
    Sleep(Instant),
    Leave,
}

impl State {
    /// Calls a thread to a clock that nobody keeps.
    fn call(&mut self) -> Help {
        if self.calls.is_empty() || mem::replace(&mut self.called, true) {
            return Help::NotNeeded;
        }
        self.spare.take().map_or(Help::Start, Help::Unpark)
    }

    fn insert(&mut self, deadline: Instant, call: Call) -> (Key, Help) {
        let key = (deadline, self.next);
        self.next += 1;
        self.calls.insert(key, call);
        let is_first = self.calls.first_key_value().is_some_and(|(first, _)| *first == key);
        let help = match &self.keeper {
            Some(keeper) if is_first => Help::Unpark(keeper.clone()),
            Some(_) => Help::NotNeeded,
            None => self.call(),
        };
        (key, help)
    }

    fn next(&mut self, me: &Arc<OsHandle>, came: Came) -> Next {
        let is_me = |thread: &Option<Arc<OsHandle>>| thread.as_ref().is_some_and(|thread| Arc::ptr_eq(thread, me));
        let slept = if let Came::Slept(until) = came { Some(until) } else { None };
        if is_me(&self.spare) {
            if let Some(until) = slept.filter(|until| !reached(*until)) {
                return Next::Sleep(until);
            }
            self.spare = None;
            return Next::Leave;
        }
        if !is_me(&self.keeper) {
            // One who has slept and is no spare any more has been called.
            self.called &= came == Came::Rang;
            if self.keeper.is_some() {
                if self.spare.is_some() {
                    return Next::Leave;
                }
                self.spare = Some(me.clone());
                return Next::Sleep(now() + KEEP_ALIVE);
            }
            self.keeper = Some(me.clone());
        }
        let Some(first) = self.calls.first_entry() else {
            if slept.is_some_and(reached) {
                self.keeper = None;
                return Next::Leave;
            }
            return Next::Sleep(now() + KEEP_ALIVE);
        };
        let deadline = first.key().0;
        let is_due = if slept == Some(deadline) { reached(deadline) } else { passed(deadline) };
        if !is_due {
            return Next::Sleep(deadline);
        }
        let call = first.remove();
        self.keeper = None;
        Next::Ring(call.waker, self.call())
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        let state = State { calls: BTreeMap::new(), next: 0, keeper: None, spare: None, called: false };
        Self { process: process::id(), state: Lock::new(state), child: OnceLock::new() }
    }

    /// The clock of this process, if `first` is that of the first one, its ancestor or itself.
    pub(crate) fn here(first: &'static OnceLock<Box<Self>>) -> &'static Self {
        let mut clock = first;
        loop {
            let it = clock.get_or_init(|| Box::new(Self::new()));
            if it.is_here() && it.child.get().is_none() {
                return it;
            }
            clock = &it.child;
        }
    }

    /// How many calls are still to be made.
    pub(crate) fn pending(&self) -> usize {
        self.state.with(|state| state.calls.len())
    }

    fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// Has `waker` woken once `deadline` has passed; a task's at once, if no thread can be had.
    pub(crate) fn set(&'static self, deadline: Instant, waker: Waker, is_task: bool) -> Alarm {
        let (key, help) = self.state.with(|state| state.insert(deadline, Call { waker, is_task }));
        self.get(help);
        Alarm { clock: self, key }
    }

    fn get(&'static self, help: Help) {
        match help {
            Help::NotNeeded => {}
            Help::Unpark(thread) => thread.unpark(),
            Help::Start if start(Some("hence-alarm".into()), None, || self.run()).is_ok() => {}
            Help::Start => self.do_without(),
        }
    }

    /// A thread was called and refused: whoever can go on without does.
    fn do_without(&self) {
        let tasks = self.state.with(|state| {
            state.called = false;
            let all = if state.keeper.is_none() { mem::take(&mut state.calls) } else { BTreeMap::new() };
            let (tasks, rest): (BTreeMap<_, _>, _) = all.into_iter().partition(|(_, call)| call.is_task);
            state.calls.extend(rest);
            tasks
        });
        tasks.into_values().for_each(|call| ignore_panic(|| wake(call.waker)));
    }

    fn run(&'static self) {
        let (me, mut came) = (Arc::new(OsHandle::current()), Came::Started);
        loop {
            match self.state.with(|state| state.next(&me, came)) {
                Next::Ring(waker, help) => {
                    self.get(help);
                    // A waker that panics is its runtime's bug, and no reason for all other timers to stop.
                    ignore_panic(|| wake(waker));
                    came = Came::Rang;
                }
                Next::Sleep(until) => {
                    me.park_until(until);
                    came = Came::Slept(until);
                }
                Next::Leave => return,
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.clock.is_here() {
            // Dropping a waker is user code: after the lock.
            let _call = self.clock.state.with(|state| state.calls.remove(&self.key));
        }
    }
}

//! The peers that can select, behind one trait: how each says "receive from any of these".

use super::channel::*;
use hence::channel as hence_channel;
use std::time::Duration;

/// crossbeam-channel and hence have two ways to say a select; the others one, which is timed in both rows.
#[derive(Clone, Copy)]
pub enum Form {
    /// Arms written out, set up anew each time: `select!`.
    Macro,
    /// Arms in a list, set up once where the peer allows it: `Select`.
    Value,
}

/// Both methods give `None` if this peer cannot select, which is what they do unless overridden.
pub trait Selects: Channel {
    /// Selects over all of `rxs` so many times, and hands each message received to `took`.
    fn select(_form: Form, _rxs: &[Self::Rx<usize>], _times: usize, _took: impl FnMut(usize)) -> Option<()> {
        None
    }
    /// Selects with a default so many times over `rxs`, all of them empty: how many took the default.
    fn default(_form: Form, _rxs: &[Self::Rx<usize>], _times: usize) -> Option<usize> {
        None
    }
}

impl Selects for AsyncChannel {}
impl Selects for CrossfireList {}
impl Selects for Kanal {}
impl Selects for StdBounded {}
impl Selects for StdUnbounded {}
impl Selects for Thingbuf {}

/// Binds as many receivers as there are names, and loops over a `select!` with an arm for each.
macro_rules! each_arms {
    ($rxs:expr, $times:expr, $([$($arm:ident)+])+ => $select:ident!($channel:ident, $took:ident)) => {
        match $rxs {
            $([$($arm),+] => (0..$times).for_each(|_| $took($select!($channel, $($arm)+))),)+
            rxs => unreachable!("no select! of {} arms is written out", rxs.len()),
        }
    };
}

macro_rules! blocking {
    ($channel:ident, $($arm:ident)+) => { $channel::select! { $(recv($arm) -> message => message.unwrap(),)+ } };
}

macro_rules! defaulting {
    ($channel:ident, $($arm:ident)+) => { $channel::select! { $(recv($arm) -> _ => 0,)+ default => 1 } };
}

/// The same text for both: hence's select is crossbeam-channel's, by name and by signature.
macro_rules! selects_like_crossbeam {
    ($($peer:ident in $channel:ident;)+) => {$(
        impl Selects for $peer {
            fn select(form: Form, rxs: &[Self::Rx<usize>], times: usize, mut took: impl FnMut(usize)) -> Option<()> {
                match form {
                    Form::Macro => each_arms!(rxs, times, [a b] [a b c d e f g h] => blocking!($channel, took)),
                    Form::Value => {
                        let mut select = $channel::Select::new();
                        rxs.iter().for_each(|rx| _ = select.recv(rx));
                        for _ in 0..times {
                            let chosen = select.select();
                            let rx = &rxs[chosen.index()];
                            took(chosen.recv(rx).unwrap());
                        }
                    }
                }
                Some(())
            }
            fn default(form: Form, rxs: &[Self::Rx<usize>], times: usize) -> Option<usize> {
                let mut defaults = 0;
                let mut count = |default: usize| defaults += default;
                match form {
                    Form::Macro => each_arms!(rxs, times, [a b] [a b c d e f g h] => defaulting!($channel, count)),
                    Form::Value => {
                        let mut select = $channel::Select::new();
                        rxs.iter().for_each(|rx| _ = select.recv(rx));
                        (0..times).for_each(|_| count(select.try_select().is_err().into()));
                    }
                }
                Some(defaults)
            }
        }
    )+};
}

selects_like_crossbeam! {
    Hence in hence_channel;
    Crossbeam in crossbeam_channel;
}

/// crossfire's selects receive only; one value serves many selects.
impl Selects for CrossfireArray {
    fn select(_: Form, rxs: &[Self::Rx<usize>], times: usize, mut took: impl FnMut(usize)) -> Option<()> {
        let mut select = crossfire::select::Select::new();
        rxs.iter().for_each(|rx| select.add(rx));
        for _ in 0..times {
            let chosen = select.select().unwrap();
            let rx = rxs.iter().find(|rx| chosen.is_from(*rx)).unwrap();
            took(rx.read_select(chosen).unwrap());
        }
        Some(())
    }
    fn default(_: Form, rxs: &[Self::Rx<usize>], times: usize) -> Option<usize> {
        let mut select = crossfire::select::Select::new();
        rxs.iter().for_each(|rx| select.add(rx));
        Some((0..times).filter(|_| select.try_select().is_err()).count())
    }
}

/// flume's selector is used up by each select, and its nearest to a default is a timeout of zero.
impl Selects for Flume {
    fn select(_: Form, rxs: &[Self::Rx<usize>], times: usize, mut took: impl FnMut(usize)) -> Option<()> {
        (0..times).for_each(|_| took(flume_selector(rxs).wait()));
        Some(())
    }
    fn default(_: Form, rxs: &[Self::Rx<usize>], times: usize) -> Option<usize> {
        Some((0..times).filter(|_| flume_selector(rxs).wait_timeout(Duration::ZERO).is_err()).count())
    }
}

fn flume_selector(rxs: &[flume::Receiver<usize>]) -> flume::Selector<'_, usize> {
    rxs.iter().fold(flume::Selector::new(), |selector, rx| selector.recv(rx, |message| message.unwrap()))
}

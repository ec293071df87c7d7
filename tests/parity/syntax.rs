//! All that can be written in a `select!`.
#![allow(clippy::style, clippy::complexity, reason = "not what should be written")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::crossbeam_channel::{
    self, Receiver, RecvError, SendError, Sender, bounded, never, select, select_biased, unbounded,
};

const SHORT: Duration = Duration::from_millis(1);

/// A channel with these values in it.
fn with<T>(values: impl IntoIterator<Item = T>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = unbounded();
    values.into_iter().for_each(|value| sender.send(value).unwrap());
    (sender, receiver)
}

/// Arms end in a comma, in nothing after a block, or in nothing at the end.
pub(crate) fn separators() -> Vec<i32> {
    let (_sender, r) = with(0..20);
    let never = never::<i32>();
    let mut v = Vec::new();
    select! { recv(r) -> x => v.push(x.unwrap()) }
    select! { recv(r) -> x => v.push(x.unwrap()), }
    select! { recv(r) -> x => { v.push(x.unwrap()) } }
    select! { recv(r) -> x => { v.push(x.unwrap()) }, }
    select! { recv(r) -> x => { v.push(x.unwrap()); } recv(never) -> _ => {} }
    select! { recv(r) -> x => { v.push(x.unwrap()); }, recv(never) -> _ => {}, }
    select! { recv(never) -> _ => (), recv(r) -> x => { v.push(x.unwrap()); } }
    select! { recv(never) -> _ => {} recv(never) -> _ => (), recv(r) -> x => v.push(x.unwrap()), default(SHORT) => {} }
    select!(recv(r) -> x => v.push(x.unwrap()), default => ());
    select![recv(r,) -> x => v.push(x.unwrap()), default(SHORT,) => (),];
    v.push(r.len() as i32);
    v
}

/// A body is any expression.
pub(crate) fn bodies() -> Vec<i32> {
    let (s, r) = with(0..20);
    let v = [-8];
    let mut v = vec![
        select! { recv(r) -> x => x.unwrap() + 1 },
        select! { recv(r) -> x => { let y = x.unwrap(); y + 1 } },
        select! { recv(r) -> x => if x.is_ok() { 1 } else { 2 } },
        select! { recv(r) -> x => if x.is_ok() { 1 } else { 2 }, default => 3 },
        select! { recv(r) -> x => match x { Ok(3..) => 3, _ => 4 }, default => 3 },
        select! { recv(r) -> x => (|| x.unwrap())(), default => 3 },
        // SAFETY: there is a value.
        select! { recv(r) -> x => unsafe { x.unwrap_unchecked() }, default => 3 },
        select! { recv(r) -> x => vec![x.unwrap()][0], default => 3 },
        select! { recv(r) -> x => -x.unwrap() },
        select! { send(s, 5) -> sent => { sent.unwrap(); 50 } },
        select! { send(s, { 5 + 1 }) -> sent => sent.map_or(0, |()| 51) },
        *select! { recv(r) -> _ => &v }.first().unwrap(),
    ];
    let (a, b): (i32, Option<&str>) = select! { recv(r) -> x => (x.unwrap(), None), default => (0, Some("")) };
    v.extend([a, b.map_or(0, |_| 1), r.len() as i32]);
    v
}

/// A body may leave: the loop, a labelled one, the function.
pub(crate) fn ways_out() -> (Vec<i32>, Option<i32>, Option<i32>, Result<i32, String>) {
    let (s, r) = with(0..10);
    let mut v = Vec::new();
    loop {
        select! {
            recv(r) -> x => match x {
                Ok(x) if x % 2 == 0 => continue,
                Ok(7) => break,
                x => v.push(x.unwrap()),
            }
        }
    }
    let found = 'found: loop {
        for _ in 0..3 {
            select! {
                recv(r) -> x => match x {
                    Ok(8) => break 'found 8,
                    Ok(9) => continue 'found,
                    _ => {}
                },
                default => break 'found 0,
            }
        }
    };
    v.push(found);
    fn question(r: &Receiver<i32>) -> Result<i32, RecvError> {
        let x = select! { recv(r) -> x => x? };
        Ok(x + 1)
    }
    let question = question(&r);
    let closure = || {
        select! {
            recv(r) -> x => return x.ok(),
            default(SHORT) => return None,
        }
    };
    let returned = closure();
    let block: Result<i32, String> = (|| {
        drop(s);
        select! {
            recv(r) -> x => Ok(x.map_err(|e| e.to_string())?),
            default => Err("nothing".to_owned())?,
        }
    })();
    (v, question.ok(), returned, block)
}

/// A handle is any expression for one, or for a reference to one.
pub(crate) fn handles() -> Vec<i32> {
    struct Pair {
        tx: Sender<i32>,
        rx: Receiver<i32>,
    }
    impl Pair {
        fn turn(&mut self) -> i32 {
            select! {
                recv(self.rx) -> x => x.unwrap(),
                default => select! { send(self.tx, 1) -> sent => { sent.unwrap(); 0 } },
            }
        }
        fn rx(&self) -> &Receiver<i32> {
            &self.rx
        }
        fn try_rx(&self) -> Result<&Receiver<i32>, ()> {
            Ok(&self.rx)
        }
    }
    let (tx, rx) = with(10..40);
    let mut pair = Pair { tx: tx.clone(), rx: rx.clone() };
    let mut v = vec![pair.turn()];
    let (arc, boxed, list, option) = (Arc::new(rx.clone()), Box::new(rx.clone()), [rx.clone()], Some(rx.clone()));
    let (reference, mutable) = (&rx, &mut rx.clone());
    v.extend([
        select! { recv(rx) -> x => x.unwrap() },
        select! { recv(&rx) -> x => x.unwrap() },
        select! { recv(&&rx) -> x => x.unwrap() },
        select! { recv(reference) -> x => x.unwrap() },
        select! { recv(*reference) -> x => x.unwrap() },
        select! { recv(mutable) -> x => x.unwrap() },
        select! { recv(arc) -> x => x.unwrap() },
        select! { recv(&*arc) -> x => x.unwrap() },
        select! { recv(boxed) -> x => x.unwrap() },
        select! { recv(list[0]) -> x => x.unwrap() },
        select! { recv(pair.rx()) -> x => x.unwrap() },
        select! { recv(pair.try_rx().unwrap()) -> x => x.unwrap() },
        select! { recv(option.as_ref().unwrap_or(&never())) -> x => x.unwrap() },
        select! { recv(rx.clone()) -> x => x.unwrap() },
        select! { recv({ let r = rx.clone(); r }) -> x => x.unwrap() },
        select! { recv(if v.is_empty() { &rx } else { reference }) -> x => x.unwrap() },
        select! { recv(crossbeam_channel::after(SHORT)) -> x => i32::from(x.is_ok()) },
    ]);
    let senders = (Arc::new(tx.clone()), Box::new(tx.clone()), &tx);
    for i in 0..4 {
        select! { send(senders.0, i) -> sent => sent.unwrap() }
        select! { send(*senders.1, i) -> sent => sent.unwrap() }
        select! { send(senders.2, i) -> sent => sent.unwrap() }
        select! { send(&tx.clone(), i) -> sent => sent.unwrap() }
    }
    v.push(rx.len() as i32);
    let fallible = || -> Result<i32, ()> {
        select! { recv(pair.try_rx()?) -> x => x.map_err(|_| ()) }
    };
    v.extend(fallible());
    v
}

/// What comes out is bound by a pattern that always matches.
pub(crate) fn patterns() -> Vec<i32> {
    let (s, r) = with(0..20);
    let mut v = Vec::new();
    select! { recv(r) -> _ => v.push(-1) }
    select! { recv(r) -> _value => v.push(-2) }
    select! { recv(r) -> mut x => { x = x.map(|x| x + 1); v.extend(x) } }
    select! { recv(r) -> ref x => v.push(*x.as_ref().unwrap()) }
    select! { recv(r) -> x @ _ => v.extend(x) }
    select! { recv(r) -> (Ok(_) | Err(RecvError)) => v.push(-3) }
    select! { recv(r) -> msg => match msg { Ok(x) => v.push(x), Err(RecvError) => unreachable!() } }
    select! { recv(r) -> msg => if let Ok(x) = msg { v.push(x) } }
    select! { send(s, 1) -> (Ok(()) | Err(SendError(_))) => v.push(100) }
    v
}

/// `default` stands anywhere, also alone, with a time or without.
pub(crate) fn defaults() -> Vec<&'static str> {
    let (s, r) = with(["value"]);
    let never = never::<()>();
    vec![
        select! { default => "alone" },
        select! { default() => { let alone = "alone"; alone } },
        select! { default(SHORT) => "alone, later" },
        select! { default => { "first" } recv(never) -> _ => "never" },
        select! { default(SHORT) => "first, later", recv(never) -> _ => "never" },
        select! { recv(never) -> _ => "never", default() => "middle", send(never_full(), ()) -> _ => "sent" },
        select! { recv(never) -> _ => "never", default(2 * SHORT / 2) => "last", },
        select! { recv(r) -> value => value.unwrap(), default => "nothing" },
        select! { recv(r) -> value => value.unwrap(), default => "nothing" },
        select! { send(s, "value") -> _ => "sent", default(Duration::MAX) => "nothing" },
        select! { recv(r) -> value => value.unwrap(), default(Duration::ZERO) => "nothing" },
        select_biased! { recv(r) -> value => value.unwrap(), default(Duration::ZERO) => "nothing" },
    ]
}

/// A sender that never has room.
fn never_full() -> Sender<()> {
    let (sender, receiver) = bounded(0);
    std::mem::forget(receiver);
    sender
}

/// The message is evaluated once its operation has been chosen, and not before; handles in order, and then the time.
pub(crate) fn evaluation() -> Vec<&'static str> {
    let ((s, r), never) = (with(["value"]), never::<()>());
    let mut order = Vec::new();
    let mut note = |what| order.push(what);
    select_biased! {
        recv({ note("first"); &never }) -> _ => {}
        send({ note("second"); &s }, { note("message"); "sent" }) -> sent => { sent.unwrap(); note("body") }
        recv({ note("third"); &r }) -> _ => {}
        default({ note("time"); SHORT }) => {}
    }
    select_biased! {
        recv({ note("receive"); &r }) -> value => note(value.unwrap()),
        send(s, { note("no message"); "" }) -> _ => {}
        default => note("no default"),
    }
    select! {
        recv(never) -> _ => {}
        send(never_full(), note("no message")) -> _ => {}
        default => note("default"),
    }
    order
}

/// A message may be moved in one arm and in the next; refused, it comes back.
pub(crate) fn messages() -> Vec<String> {
    let ((left, one), (right, two)) = (bounded(1), bounded(1));
    let message = "message".to_owned();
    select! {
        send(left, message) -> sent => sent.unwrap(),
        send(right, message) -> sent => sent.unwrap(),
    }
    let mut said = vec![one.try_recv().or(two.try_recv()).unwrap()];
    drop(one);
    let mut messages = vec!["refused".to_owned()];
    select! { send(left, messages.pop().unwrap()) -> sent => said.push(sent.unwrap_err().into_inner()) }
    said.push(format!(
        "{:?}",
        select! { send(left, String::new()) -> sent => sent.map_err(|SendError(text)| text.len()) }
    ));
    let text = &mut String::from("borrowed");
    let (s, r) = bounded::<&mut String>(1);
    select! { send(s, text) -> sent => sent.unwrap() }
    select! { recv(r) -> text => text.unwrap().push('!') }
    drop((s, r));
    said.push(text.clone());
    said
}

/// A select within another: in a body, in a message, in a handle, in a time.
pub(crate) fn nested() -> Vec<i32> {
    let (s, r) = with(0..10);
    let mut v = vec![
        select! {
            recv(r) -> x => select! {
                recv(r) -> y => select! { recv(r) -> z => 100 * x.unwrap() + 10 * y.unwrap() + z.unwrap() },
                default => -1,
            },
            default => -2,
        },
        select! { send(s, select! { recv(r) -> x => x.unwrap() }) -> sent => { sent.unwrap(); r.len() as i32 } },
        select! { recv(select! { default => &r }) -> x => x.unwrap() },
        select! { recv(never::<()>()) -> _ => 0, default(select! { recv(r) -> x => x.map(|_| SHORT).unwrap() }) => 1 },
        match select! { recv(r) -> x => x } {
            Ok(x) => x,
            Err(_) => select_biased! { default => -3 },
        },
    ];
    while let Ok(x) = select! { recv(r) -> x => x, default => Err(RecvError) } {
        v.push(x);
    }
    v
}

/// A body may move or change what the arms refer to.
pub(crate) fn moved_handles() -> Vec<i32> {
    let mut v = Vec::new();
    let (s, r) = with([1]);
    select! {
        recv(r) -> x => { drop((r, s)); v.extend(x) }
        recv(never::<()>()) -> _ => drop((s, r)),
    }
    let (s, r) = bounded(1);
    select! { send(s, 2) -> sent => { drop(s); v.extend(sent.map(|()| r.into_iter().sum::<i32>())) } }
    let (s, mut r) = with([3]);
    for _ in 0..3 {
        select! {
            recv(r) -> x => match x {
                Ok(x) => { v.push(x); r = never() }
                Err(_) => unreachable!(),
            },
            default(SHORT) => { r = with([4]).1; }
        }
    }
    let mut list = vec![r, s.clone().into_receiver()];
    select! {
        recv(list[0]) -> _ => unreachable!(),
        recv(list[1]) -> x => { v.extend(x.ok()); list.clear() }
        default => { v.push(list.len() as i32); list.clear() }
    }
    let mut option = Some(with([5]).1);
    while let Some(receiver) = &option {
        select! {
            recv(receiver) -> x => match x {
                Ok(x) => v.push(x),
                Err(_) => option = None,
            }
        }
    }
    drop(s);
    v
}

trait IntoReceiver<T> {
    fn into_receiver(self) -> Receiver<T>;
}

impl<T> IntoReceiver<T> for Sender<T> {
    fn into_receiver(self) -> Receiver<T> {
        never()
    }
}

/// Where several are ready the first one happens.
pub(crate) fn biased() -> Vec<i32> {
    let ((s1, r1), (s2, r2)) = (with(0..3), with(10..13));
    let mut v = Vec::new();
    for _ in 0..8 {
        select_biased! {
            recv(r1) -> x => v.push(x.unwrap()),
            recv(r2) -> x => v.push(x.unwrap()),
            send(s1, 7) -> sent => { sent.unwrap(); v.push(-1) }
            send(s2, 8) -> sent => { sent.unwrap(); v.push(-2) }
        }
    }
    v
}

/// What a body calls its variables is its own affair.
pub(crate) fn names() -> i32 {
    let (handle, operations, selected, operation, index, result) = (1, 2, 3, 4, 5, 6);
    let (sender, receiver) = with([7]);
    let (_sel, _oper, _res, _r, _s) = (8, 9, 10, 11, 12);
    select! {
        recv(receiver) -> x => {
            handle + operations + selected + operation + index + result + x.unwrap() + _sel + _oper + _res + _r + _s
        }
        send(never_full(), assert_eq!(handle, 1)) -> sent => { drop(sender); sent.map_or(0, |()| result) }
    }
}

/// Inside a generic function, a closure, an async block, another macro.
pub(crate) fn contexts() -> Vec<i32> {
    fn generic<T: Clone + Into<i32>>(sender: &Sender<T>, receiver: &Receiver<T>, value: T) -> i32 {
        select! { send(sender, value.clone()) -> sent => drop(sent), }
        select! {
            recv(receiver) -> value => value.unwrap().into(),
            default(SHORT) => value.into(),
        }
    }
    macro_rules! first_of {
        ($($receiver:expr),+) => { select! { $(recv($receiver) -> x => x.unwrap(),)+ } };
    }
    let (s, r) = unbounded::<i16>();
    let mut v = vec![generic(&s, &r, 1)];
    let twice = |x: i16| [x, x].map(|x| select! { send(s, x) -> sent => sent.map_or(-1, |()| 1) });
    v.extend(twice(2));
    v.push(i32::from(first_of!(never::<i16>(), r, &never())));
    let future = async {
        let x = select! { recv(r) -> x => x.unwrap() };
        select! { send(s, x) -> sent => { std::future::ready(()).await; sent.unwrap() } }
        i32::from(x)
    };
    v.push(crate::util::block_on(future));
    v.push(thread::scope(|scope| scope.spawn(|| select! { recv(r) -> x => i32::from(x.unwrap()) }).join().unwrap()));
    v
}

/// Sixteen arms of different types.
pub(crate) fn many_arms() -> Vec<usize> {
    let (s, never) = (never_full(), never::<Vec<u8>>());
    let (sender, receiver) = with(0..2);
    let mut v = Vec::new();
    for _ in 0..3 {
        select! {
            recv(never) -> _ => v.push(0),
            send(s, ()) -> _ => v.push(1),
            recv(never) -> _ => { v.push(2) }
            send(s, ()) -> _ => { v.push(3) },
            recv(never) -> _ => v.push(4),
            send(s, ()) -> _ => v.push(5),
            recv(never) -> _ => v.push(6),
            recv(receiver) -> x => v.push(x.unwrap()),
            recv(never) -> _ => v.push(8),
            send(s, ()) -> _ => v.push(9),
            recv(never) -> _ => v.push(10),
            send(s, ()) -> _ => v.push(11),
            recv(never) -> _ => v.push(12),
            send(s, ()) -> _ => v.push(13),
            recv(never) -> _ => v.push(14),
            send(s, ()) -> _ => v.push(15),
            default(SHORT) => v.push(sender.len() + 16),
        }
    }
    v
}

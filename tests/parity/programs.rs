//! Whole programs. They say what they did in a way that does not depend on the order of things.

use std::error::Error;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::crossbeam_channel::{self, Receiver, RecvTimeoutError, Select, Sender, TryRecvError, TrySendError, select};

const NEVER: Duration = Duration::from_secs(1000);

/// Four workers square numbers until there are none.
pub(crate) fn worker_pool() -> Vec<u64> {
    let (jobs, queue) = crossbeam_channel::bounded::<u64>(4);
    let (results, squares) = crossbeam_channel::unbounded();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (queue, results) = (queue.clone(), results.clone());
            thread::spawn(move || {
                loop {
                    select! {
                        recv(queue) -> job => match job {
                            Ok(job) => results.send(job * job).unwrap(),
                            Err(_) => break,
                        },
                        default(NEVER) => panic!("no job and no end"),
                    }
                }
            })
        })
        .collect();
    drop(results);
    (1..=100).for_each(|job| jobs.send(job).unwrap());
    drop(jobs);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    let mut squares: Vec<_> = squares.iter().collect();
    squares.sort();
    squares
}

/// Workers that would go on for ever, and a channel that nobody sends on, whose end stops them.
pub(crate) fn done_channel() -> bool {
    let (numbers, counted) = crossbeam_channel::bounded(0);
    let (done, stop) = crossbeam_channel::bounded::<()>(0);
    let producers: Vec<_> = (0..3)
        .map(|_| {
            let (numbers, stop) = (numbers.clone(), stop.clone());
            thread::spawn(move || {
                for i in 0.. {
                    select! {
                        send(numbers, i) -> sent => sent.unwrap(),
                        recv(stop) -> end => return end.is_err(),
                    }
                }
                unreachable!()
            })
        })
        .collect();
    assert!(counted.iter().take(50).all(|i: u32| i < 50));
    drop(done);
    producers.into_iter().all(|producer| producer.join().unwrap())
}

/// Counts ticks until it has seen five.
pub(crate) fn ticker() -> (u32, bool) {
    let begun = Instant::now();
    let period = Duration::from_millis(2);
    let (ticks, deadline) = (crossbeam_channel::tick(period), crossbeam_channel::after(NEVER));
    let mut count = 0;
    while count < 5 {
        select! {
            recv(ticks) -> at => {
                assert!(at.unwrap() >= begun + period);
                count += 1;
            }
            recv(deadline) -> _ => panic!("too late"),
        }
    }
    (count, begun.elapsed() >= 5 * period)
}

/// Many senders, each with a channel of its own, into one; the ones that end are taken out of the set.
pub(crate) fn fan_in() -> (Vec<i32>, usize) {
    let receivers: Vec<Receiver<i32>> = (0..5)
        .map(|i| {
            let (sender, receiver) = crossbeam_channel::bounded(i as usize % 3);
            thread::spawn(move || (i * 10..i * 10 + i).for_each(|value| sender.send(value).unwrap()));
            receiver
        })
        .collect();
    let mut select = Select::new();
    receivers.iter().for_each(|receiver| _ = select.recv(receiver));
    let (mut values, mut ended) = (Vec::new(), 0);
    while ended < receivers.len() {
        let operation = select.select();
        let index = operation.index();
        match operation.recv(&receivers[index]) {
            Ok(value) => values.push(value),
            Err(_) => {
                select.remove(index);
                ended += 1;
            }
        }
    }
    values.sort();
    (values, ended)
}

/// The same by `ready`, and a second try where it was not.
pub(crate) fn fan_in_by_ready() -> Vec<i32> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(crossbeam_channel::bounded).unzip();
    let producers: Vec<_> = senders
        .into_iter()
        .enumerate()
        .map(|(i, sender)| thread::spawn(move || (0..20).for_each(|n| sender.send(i as i32 * 100 + n).unwrap())))
        .collect();
    let mut select = Select::new();
    receivers.iter().for_each(|receiver| _ = select.recv(receiver));
    let (mut values, mut ended) = (Vec::new(), 0);
    while ended < receivers.len() {
        let index = select.ready();
        match receivers[index].try_recv() {
            Ok(value) => values.push(value),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                select.remove(index);
                ended += 1;
            }
        }
    }
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    values.sort();
    values
}

/// One producer, to whoever takes it first.
pub(crate) fn fan_out() -> Vec<i32> {
    let (left, one) = crossbeam_channel::bounded(0);
    let (right, two) = crossbeam_channel::bounded(2);
    let consumers = [one, two].map(|receiver| thread::spawn(move || receiver.into_iter().collect::<Vec<_>>()));
    for i in 0..100 {
        select! {
            send(left, i) -> sent => sent.unwrap(),
            send(right, i) -> sent => sent.unwrap(),
        }
    }
    drop((left, right));
    let mut values: Vec<_> = consumers.into_iter().flat_map(|consumer| consumer.join().unwrap()).collect();
    values.sort();
    values
}

/// People who each either meet somebody or are met, over one rendezvous channel.
pub(crate) fn matching() -> (usize, Option<bool>) {
    let (left, right) = crossbeam_channel::bounded(0);
    let met = Mutex::new(Vec::new());
    let (people, left, right, met) = (0..7, &left, &right, &met);
    thread::scope(|scope| {
        for me in people {
            scope.spawn(move || {
                select! {
                    recv(right) -> other => met.lock().unwrap().extend([me, other.unwrap()]),
                    send(left, me) -> sent => sent.unwrap(),
                }
            });
        }
        // An odd number: the last one meets us.
        thread::sleep(Duration::from_millis(1));
        met.lock().unwrap().push(right.recv().unwrap());
    });
    let mut met = met.lock().unwrap();
    met.sort();
    met.dedup();
    (met.len(), right.try_recv().ok().map(|_| true))
}

/// Questions that bring the channel for the answer along.
pub(crate) fn request_and_reply() -> Vec<usize> {
    let (questions, server) = crossbeam_channel::unbounded::<(String, Sender<usize>)>();
    let server = thread::spawn(move || server.iter().for_each(|(word, reply)| reply.send(word.len()).unwrap()));
    let ask = |word: &str| {
        let (reply, answer) = crossbeam_channel::bounded(1);
        questions.send((word.to_owned(), reply)).unwrap();
        answer.recv_timeout(NEVER).unwrap()
    };
    let answers = ["", "one", "three"].map(ask).to_vec();
    drop(questions);
    server.join().unwrap();
    answers
}

/// Stages in a row: all the ways to iterate.
pub(crate) fn pipeline() -> u64 {
    let (first, second) = (crossbeam_channel::bounded(0), crossbeam_channel::bounded(8));
    thread::scope(|scope| {
        let ((numbers, source), (doubled, sink)) = (first, second);
        scope.spawn(move || (0..100).for_each(|i| numbers.send(i).unwrap()));
        scope.spawn(move || {
            for number in &source {
                doubled.send(2 * number).unwrap();
            }
        });
        let head: u64 = sink.iter().take(10).sum();
        let some: u64 = sink.try_iter().sum();
        head + some + sink.into_iter().sum::<u64>()
    })
}

/// A bounded channel as a counting semaphore.
pub(crate) fn semaphore() -> bool {
    static MOST: Mutex<(usize, usize)> = Mutex::new((0, 0));
    let (acquire, release) = crossbeam_channel::bounded(2);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                acquire.send(()).unwrap();
                let mut most = MOST.lock().unwrap();
                most.0 += 1;
                most.1 = most.0.max(most.1);
                drop(most);
                thread::yield_now();
                MOST.lock().unwrap().0 -= 1;
                release.recv().unwrap();
            });
        }
    });
    let most = MOST.lock().unwrap();
    most.0 == 0 && (1..=2).contains(&most.1)
}

/// Handles in statics, behind an `Arc`, and in a struct.
pub(crate) fn handles_in_places() -> Vec<i32> {
    static GLOBAL: LazyLock<(Sender<i32>, Receiver<i32>)> = LazyLock::new(|| crossbeam_channel::bounded(10));
    struct Half<T> {
        receiver: Arc<Receiver<T>>,
    }
    let half = Half { receiver: Arc::new(GLOBAL.1.clone()) };
    let other = Arc::clone(&half.receiver);
    thread::spawn(move || {
        GLOBAL.0.send(1).unwrap();
        GLOBAL.0.send(other.len() as i32 + 1).unwrap();
    })
    .join()
    .unwrap();
    [&half.receiver, &half.receiver].iter().map(|receiver| receiver.recv().unwrap()).collect()
}

/// An error goes up as what its caller says.
pub(crate) fn errors_by_question_mark() -> Vec<String> {
    fn now(receiver: &Receiver<u8>) -> Result<u8, TryRecvError> {
        Ok(receiver.recv()?)
    }
    fn in_time(receiver: &Receiver<u8>) -> Result<u8, RecvTimeoutError> {
        Ok(receiver.recv()?)
    }
    fn sent(sender: &Sender<u8>) -> Result<(), TrySendError<u8>> {
        Ok(sender.send(1)?)
    }
    fn anyhow(sender: &Sender<u8>, receiver: &Receiver<u8>) -> Result<u8, Box<dyn Error + Send + Sync>> {
        sender.try_send(2)?;
        Ok(receiver.try_recv()? + receiver.recv_timeout(Duration::ZERO)?)
    }
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let mut said = vec![anyhow(&sender, &receiver).unwrap_err().to_string()];
    drop(receiver.clone());
    sent(&sender).unwrap();
    said.push(anyhow(&sender, &receiver).unwrap_err().to_string());
    said.push(format!("{:?}", now(&receiver)));
    drop(sender);
    said.extend([format!("{:?}", now(&receiver)), format!("{:?}", in_time(&receiver))]);
    let (sender, receiver) = crossbeam_channel::bounded(1);
    drop(receiver);
    said.push(sent(&sender).unwrap_err().to_string());
    said
}

/// A select whose arms are there or not.
pub(crate) fn optional_arms() -> Vec<Option<i32>> {
    fn next(first: Option<&Receiver<i32>>, second: Option<&Receiver<i32>>, limit: Option<Duration>) -> Option<i32> {
        let limit = limit.map_or_else(crossbeam_channel::never, crossbeam_channel::after);
        select! {
            recv(first.unwrap_or(&crossbeam_channel::never())) -> value => value.ok(),
            recv(second.unwrap_or(&crossbeam_channel::never())) -> value => value.ok(),
            recv(limit) -> _ => None,
        }
    }
    let (sender, receiver) = crossbeam_channel::unbounded();
    (0..3).for_each(|i| sender.send(i).unwrap());
    let soon = Some(Duration::from_millis(1));
    vec![
        next(Some(&receiver), None, None),
        next(None, Some(&receiver), None),
        next(None, None, soon),
        next(Some(&receiver), Some(&receiver), None),
        next(Some(&receiver), Some(&receiver), soon),
    ]
}

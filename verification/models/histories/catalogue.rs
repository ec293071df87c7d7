//! The programs that are models: what each thread does, in order. `0` and `1` are the two channels; of the tokens, `1`
//! is the child of `0`, and `2`, which has a deadline, the child of `1`.

use hence_registry::{Engine, Kind, Model};

use super::super::weaken::weaken;
use super::program::{Arm, Job, Patience, Program, Step};
use super::{ALLOWED, holds, of_two_queues};
use Patience::{Async, Blocks, Cancellable, TimesOut, Tries};
use Step::*;

/// Every schedule.
const ALL: Engine = Engine::Bounded { preemptions: None, spurious: 0 };
/// And every wake-up without a reason.
const SPURIOUS: Engine = Engine::Bounded { preemptions: None, spurious: 1 };
const THREE_PREEMPTIONS: Engine = Engine::Bounded { preemptions: Some(3), spurious: 1 };
const TWO_PREEMPTIONS: Engine = Engine::Bounded { preemptions: Some(2), spurious: 1 };

const SEND: Step = Send(0, Blocks);
const TRY_SEND: Step = Send(0, Tries);
const SEND_IN_TIME: Step = Send(0, TimesOut);
const RECV: Step = Recv(0, Blocks);
const TRY_RECV: Step = Recv(0, Tries);
const RECV_IN_TIME: Step = Recv(0, TimesOut);
const EITHER: [Arm; 2] = [Arm::Recv(0), Arm::Recv(1)];
const SPAWN: Step = Spawn(Job::Returns, Blocks);
const EXECUTE: Step = Execute(Job::Returns);
const JOIN: Step = Join(Blocks);
const WAIT: Step = WaitGroup(Blocks);

/// Threads over these channels, whose handles they share.
fn channels(capacities: [Option<usize>; 2], threads: &[&[Step]]) -> Program {
    let threads = threads.iter().map(|steps| steps.to_vec()).collect();
    Program { capacities, workers: 1, shared: true, threads, ..Program::default() }
}

/// Threads over one channel.
fn channel(capacity: Option<usize>, threads: &[&[Step]]) -> Program {
    channels([capacity, Some(0)], threads)
}

/// Threads over one channel that alone have its handles.
fn leaving(capacity: Option<usize>, threads: &[&[Step]]) -> Program {
    Program { leaves: true, shared: false, ..channel(capacity, threads) }
}

/// Threads that use no channel.
fn threads(threads: &[&[Step]]) -> Program {
    channel(Some(1), threads)
}

/// Threads over a pool of so many workers.
fn pool(workers: usize, steps: &[&[Step]]) -> Program {
    Program { workers, ..threads(steps) }
}

fn history(name: &'static str, engine: Engine, body: fn() -> String) -> Model {
    Model::new(name, &[], &[ALLOWED], body).under(&[engine])
}

pub(in super::super) fn models() -> Vec<Model> {
    [of_channels(), of_selects(), of_tokens(), of_groups(), of_pools(), not_allowed()].concat()
}

fn of_channels() -> Vec<Model> {
    vec![
        history("history_rendezvous_two_senders", SPURIOUS, || {
            holds(&channel(Some(0), &[&[SEND], &[SEND], &[RECV, RECV]]))
        }),
        history("history_rendezvous_both_ways", ALL, || {
            holds(&channel(Some(0), &[&[SEND, RECV], &[RECV, SEND], &[TRY_SEND, TRY_RECV]]))
        })
        .slow(),
        history("history_rendezvous_in_time", THREE_PREEMPTIONS, || {
            holds(&channel(Some(0), &[&[SEND_IN_TIME, SEND_IN_TIME], &[RECV_IN_TIME], &[RECV_IN_TIME]]))
        }),
        history("history_rendezvous_async", SPURIOUS, || {
            holds(&channel(Some(0), &[&[Send(0, Async), Send(0, Async)], &[Recv(0, Async)], &[RECV]]))
        })
        .slow(),
        history("history_rendezvous_close", SPURIOUS, || {
            holds(&channel(Some(0), &[&[SEND], &[RECV], &[Close(0), TRY_RECV]]))
        }),
        history("history_rendezvous_two_in_time", ALL, || {
            holds(&channel(Some(0), &[&[SEND_IN_TIME, RECV_IN_TIME], &[RECV_IN_TIME, SEND_IN_TIME]]))
        }),
        history("history_bounded_two_senders", SPURIOUS, || {
            holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]]))
        }),
        history("history_bounded_two_by_two", ALL, || holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV], &[RECV]])))
            .slow(),
        history("history_bounded_in_line", ALL, || {
            holds(&channel(Some(1), &[&[SEND, SEND], &[RECV, RECV], &[TRY_SEND, TRY_RECV]]))
        })
        .slow(),
        history("history_bounded_tries", SPURIOUS, || {
            holds(&channel(Some(1), &[&[TRY_SEND, TRY_RECV], &[TRY_SEND, TRY_RECV], &[TRY_SEND, TRY_RECV]]))
        }),
        history("history_bounded_in_time", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[SEND_IN_TIME, SEND_IN_TIME], &[SEND, RECV_IN_TIME], &[RECV_IN_TIME]]))
        }),
        history("history_bounded_async", SPURIOUS, || {
            holds(&channel(Some(1), &[&[Send(0, Async), Send(0, Async)], &[Recv(0, Async)], &[RECV]]))
        }),
        history("history_bounded_close", SPURIOUS, || {
            holds(&channel(Some(1), &[&[SEND, Close(0)], &[SEND], &[RECV, RECV, RECV]]))
        }),
        history("history_bounded_two_closes", SPURIOUS, || {
            holds(&channel(Some(1), &[&[Close(0), RECV], &[Close(0), SEND], &[SEND, TRY_RECV]]))
        }),
        history("history_bounded_last_sender", SPURIOUS, || {
            holds(&leaving(Some(1), &[&[SEND], &[SEND], &[RECV, RECV, RECV]]))
        })
        .slow(),
        history("history_bounded_last_receiver", SPURIOUS, || {
            holds(&leaving(Some(1), &[&[SEND, SEND, SEND], &[RECV], &[DropReceiver(0)]]))
        }),
        history("history_bounded_abandoned", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[Abandon(Arm::Recv(0)), Abandon(Arm::Send(0))], &[SEND, SEND], &[RECV]]))
        }),
        history("history_two_places", SPURIOUS, || {
            holds(&channel(Some(2), &[&[SEND, SEND], &[SEND, TRY_SEND], &[RECV, RECV]]))
        })
        .slow(),
        history("history_two_places_two_receivers", SPURIOUS, || {
            holds(&channel(Some(2), &[&[SEND, SEND, SEND], &[RECV, RECV], &[RECV]]))
        })
        .slow(),
        history("history_unbounded_two_by_two", THREE_PREEMPTIONS, || {
            holds(&channel(None, &[&[SEND, SEND], &[SEND], &[RECV, TRY_RECV], &[RECV]]))
        })
        .slow(),
        history("history_unbounded_both_ways", SPURIOUS, || {
            holds(&channel(None, &[&[SEND, TRY_RECV], &[SEND, TRY_RECV], &[SEND, TRY_RECV]]))
        }),
        history("history_unbounded_close", SPURIOUS, || {
            holds(&channel(None, &[&[SEND, SEND], &[Close(0), RECV], &[RECV, RECV]]))
        }),
    ]
}

fn of_selects() -> Vec<Model> {
    vec![
        history("history_select_facing", SPURIOUS, || {
            let facing = [[Arm::Send(0), Arm::Recv(1)], [Arm::Recv(0), Arm::Send(1)]];
            let [this, that] = facing.map(|arms| Select(arms, Blocks));
            holds(&channels([Some(0), Some(0)], &[&[this], &[that]]))
        }),
        history("history_select_facing_and_sent_to", TWO_PREEMPTIONS, || {
            let facing = [[Arm::Send(0), Arm::Recv(1)], [Arm::Recv(0), Arm::Send(1)]];
            let [this, that] = facing.map(|arms| Select(arms, Blocks));
            holds(&channels([Some(0), Some(0)], &[&[this], &[that], &[Send(1, TimesOut)]]))
        }),
        history("history_select_two_senders", THREE_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(0), Some(0)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        })
        .slow(),
        history("history_select_two_buffers", THREE_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(1), Some(1)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        }),
        history("history_select_two_receivers", THREE_PREEMPTIONS, || {
            let select = Select([Arm::Send(0), Arm::Send(1)], Blocks);
            holds(&channels([Some(0), Some(1)], &[&[select, select], &[RECV_IN_TIME], &[Recv(1, Blocks)]]))
        })
        .slow(),
        history("history_select_two_selects", TWO_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(1), Some(0)], &[&[select], &[select], &[SEND, Send(1, Blocks)]]))
        })
        .slow(),
        history("history_select_beside_a_receive", THREE_PREEMPTIONS, || {
            holds(&channels([Some(1), Some(1)], &[&[Select(EITHER, Blocks)], &[RECV_IN_TIME], &[SEND, Send(1, Tries)]]))
        }),
        history("history_select_default", THREE_PREEMPTIONS, || {
            let select = Select([Arm::Send(0), Arm::Recv(1)], Tries);
            holds(&channels([Some(1), Some(1)], &[&[select, select], &[RECV_IN_TIME], &[Send(1, Tries), TRY_SEND]]))
        }),
        history("history_select_in_time", TWO_PREEMPTIONS, || {
            let select = Select(EITHER, TimesOut);
            holds(&channels([Some(0), Some(1)], &[&[select, select], &[SEND_IN_TIME], &[Send(1, Blocks)]]))
        })
        .slow(),
        history("history_select_in_time_alone", ALL, || {
            holds(&channels([Some(0), Some(1)], &[&[Select(EITHER, TimesOut)], &[SEND_IN_TIME, Send(1, TimesOut)]]))
        }),
        history("history_select_close", ALL, || {
            holds(&channels([Some(1), Some(0)], &[&[Select(EITHER, Blocks)], &[TRY_SEND], &[Close(1), Close(0)]]))
        })
        .slow(),
        history("history_select_given_up", THREE_PREEMPTIONS, || {
            holds(&channels([Some(1), Some(1)], &[&[GiveUp(EITHER)], &[SEND], &[RECV]]))
        })
        .slow(),
    ]
}

fn of_tokens() -> Vec<Model> {
    vec![
        history("history_token_two_threads", ALL, || {
            holds(&threads(&[&[Cancel(0), Cause(1)], &[Cancel(1), Cause(0)]]))
        })
        .slow(),
        history("history_token_waited_for", ALL, || {
            holds(&threads(&[&[WaitToken(1, Blocks), Cause(0)], &[OnCancel(1), Cancel(0)]]))
        }),
        history("history_token_two_cancels", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0)], &[Cancel(0)], &[IsCancelled(0), Cause(0), IsCancelled(1)]]))
        }),
        history("history_token_child_first", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0), Cause(1)], &[Cancel(1), Cause(0)], &[Cause(1), Cause(1)]]))
        })
        .slow(),
        history("history_token_grandchild", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0), IsCancelled(2)], &[Cancel(1), IsCancelled(2)], &[Cause(2), Cause(2)]]))
        }),
        history("history_token_new_child", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[WaitChild(0)], &[WaitChild(1)], &[Cancel(0)]]))
        })
        .slow(),
        history("history_token_waits", THREE_PREEMPTIONS, || {
            let in_time = WaitToken(1, TimesOut);
            holds(&threads(&[&[WaitToken(1, Blocks), Cause(1)], &[in_time, in_time], &[Cancel(0)]]))
        })
        .slow(),
        history("history_token_callbacks", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[OnCancel(1), IsCancelled(1)], &[OnCancel(0)], &[Cancel(0), IsCancelled(1)]]))
        }),
        history("history_token_deadline", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(2), Cause(2)], &[WaitToken(2, TimesOut), Cause(2)], &[Cancel(0)]]))
        })
        .slow(),
        history("history_token_ends_a_receive", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[Recv(0, Cancellable), TRY_RECV], &[SEND], &[Cancel(1), IsCancelled(1)]]))
        }),
        history("history_token_ends_a_send", THREE_PREEMPTIONS, || {
            holds(&channel(Some(0), &[&[Send(0, Cancellable)], &[RECV_IN_TIME], &[Cancel(0)]]))
        })
        .slow(),
        history("history_token_ends_a_wait", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Guard, DropGuard], &[WaitGroup(Cancellable), Cause(1)], &[Cancel(1)]]))
        }),
    ]
}

fn of_groups() -> Vec<Model> {
    vec![
        history("history_group_two_guards", SPURIOUS, || {
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[WAIT, Count]]))
        }),
        history("history_group_reused", SPURIOUS, || {
            holds(&threads(&[&[Guard, DropGuard, Guard, DropGuard], &[WAIT, WAIT], &[WAIT]]))
        })
        .slow(),
        history("history_group_in_time", THREE_PREEMPTIONS, || {
            let in_time = WaitGroup(TimesOut);
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[in_time, in_time], &[in_time]]))
        })
        .slow(),
        history("history_group_async", SPURIOUS, || {
            holds(&threads(&[&[Guard, Guard, DropGuard, DropGuard], &[WaitGroup(Async)], &[WAIT, Count]]))
        })
        .slow(),
    ]
}

fn of_pools() -> Vec<Model> {
    vec![
        history("history_pool_joined", TWO_PREEMPTIONS, || holds(&pool(1, &[&[SPAWN, JOIN], &[SPAWN, JOIN]]))),
        history("history_pool_two_workers", TWO_PREEMPTIONS, || {
            holds(&pool(2, &[&[SPAWN, JOIN], &[EXECUTE, WaitIdle(Blocks)]]))
        })
        .slow(),
        history("history_pool_panics", TWO_PREEMPTIONS, || {
            holds(&pool(1, &[&[Spawn(Job::Panics, Blocks), JOIN], &[SPAWN, Join(TimesOut)]]))
        }),
        history("history_pool_cancelled", THREE_PREEMPTIONS, || {
            holds(&pool(1, &[&[SPAWN, CancelTask, JOIN], &[EXECUTE]]))
        }),
        history("history_pool_closed", THREE_PREEMPTIONS, || {
            holds(&pool(1, &[&[EXECUTE, EXECUTE], &[ClosePool, EXECUTE]]))
        }),
        history("history_pool_grows", THREE_PREEMPTIONS, || holds(&pool(1, &[&[EXECUTE, EXECUTE], &[Resize(2)]])))
            .slow(),
        history("history_pool_shrinks", THREE_PREEMPTIONS, || {
            holds(&pool(2, &[&[EXECUTE, EXECUTE], &[Resize(1), WaitIdle(Blocks)]]))
        })
        .slow(),
        history("history_pool_full", ALL, || {
            let [tries, in_time] = [Tries, TimesOut].map(|patience| Spawn(Job::Returns, patience));
            holds(&Program { queue: Some(1), ..pool(1, &[&[EXECUTE, tries], &[in_time]]) })
        }),
        history("history_pool_full_and_closed", TWO_PREEMPTIONS, || {
            holds(&Program { queue: Some(1), ..pool(1, &[&[EXECUTE, EXECUTE], &[EXECUTE], &[ClosePool]]) })
        }),
        history("history_pool_shut_down", TWO_PREEMPTIONS, || {
            holds(&Program { shutdown: true, ..pool(1, &[&[SPAWN, JOIN], &[EXECUTE, Shutdown]]) })
        }),
        history("history_pool_drained", TWO_PREEMPTIONS, || holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))),
        history("history_pool_over_a_channel", TWO_PREEMPTIONS, || {
            holds(&pool(2, &[&[Execute(Job::Sends(0)), RECV_IN_TIME], &[Execute(Job::Receives(0))]]))
        }),
        history("history_pool_nested", TWO_PREEMPTIONS, || {
            holds(&pool(1, &[&[Spawn(Job::Spawns, Blocks), JOIN], &[EXECUTE]]))
        }),
    ]
}

/// What has to be found out: a channel that is none, and each primitive with one operation weakened.
fn not_allowed() -> Vec<Model> {
    use Kind::{NoWake, Relaxed, Unchecked};
    let failing = |name, reasons, body| Model::failing(name, &[], reasons, body).under(&[SPURIOUS]);
    let core = |code| weaken(NoWake, "src/channel/core.rs", code);
    let claim = |kind| weaken(kind, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause");
    vec![
        failing("history_of_two_queues_out_of_order", &["not linearizable: no order explains it"], || {
            of_two_queues(&channel(None, &[&[SEND, SEND], &[TRY_RECV, TRY_RECV]]))
        }),
        failing(
            "history_of_two_queues_out_of_real_time",
            &["sequentially consistent, but no order respects real time"],
            || of_two_queues(&channel(None, &[&[SEND], &[SEND], &[TRY_RECV, TRY_RECV]])),
        ),
        failing("history_rendezvous_claim_relaxed", &["HB-CH: no order has the happens-before edges"], || {
            holds(&channel(Some(0), &[&[SEND], &[SEND], &[RECV, RECV]]))
        })
        .weakened(claim(Relaxed)),
        failing("history_bounded_receiver_not_woken", &["a wake-up is lost: nothing keeps t3 from `recv c0`"], || {
            holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]]))
        })
        .weakened(core("notify(wake); // send:")),
        failing("history_bounded_sender_not_woken", &["a wake-up is lost: nothing keeps t2 from `send c0`"], || {
            holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]]))
        })
        .weakened(core("notify(wake); // recv:")),
        failing("history_select_claimed_by_both", &["a wake-up is lost: nothing keeps t1 from `recv c0`"], || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(0), Some(0)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        })
        .weakened(claim(Unchecked)),
        failing("history_token_close_relaxed", &["HB-CX-1: found cancelled, but no cancel happens before"], || {
            holds(&threads(&[&[Cancel(0)], &[Cancel(0)], &[IsCancelled(0), Cause(0), IsCancelled(1)]]))
        })
        .weakened(weaken(Relaxed, "src/channel/closing.rs", "self.ended.compare_exchange(open, CLOSED")),
        failing("history_group_claim_relaxed", &["HB-WG-1: the first does not happen before the return"], || {
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[WAIT, Count]]))
        })
        .weakened(claim(Relaxed)),
        failing("history_pool_drain_not_woken", &["a wake-up is lost: nothing keeps t1 from `drain pool`"], || {
            holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))
        })
        .weakened(weaken(NoWake, "src/pool/shared.rs", "// pool: all have been claimed")),
        failing("history_pool_claim_relaxed", &["HB-PL-3: the first does not happen before the return"], || {
            holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))
        })
        .weakened(claim(Relaxed)),
    ]
}

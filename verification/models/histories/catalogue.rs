//! The programs that are models: what each thread does, in order. `0` and `1` are the two channels; of the tokens, `1`
//! is the child of `0`, and `2`, which has a deadline, the child of `1`.

use hence_registry::{Engine, Kind, Model};

use super::super::weaken::weaken;
use super::program::{Arm, Job, Patience, Program, Step};
use super::{ALLOWED, holds, of_two_queues};
use Patience::{Async, Blocks, Cancellable, TimesOut, Tries};
use Step::*;

/// Every schedule; and with two preemptions, every wake-up without a reason.
const ALL: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 0 }, TWO_PREEMPTIONS[0]];
/// Every schedule, and every wake-up without a reason.
const SPURIOUS: &[Engine] = &[Engine::Bounded { preemptions: None, spurious: 1 }];
const THREE_PREEMPTIONS: &[Engine] = &[Engine::Bounded { preemptions: Some(3), spurious: 1 }];
const TWO_PREEMPTIONS: &[Engine] = &[Engine::Bounded { preemptions: Some(2), spurious: 1 }];

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

/// What the checker holds a history against, by the family that the model's name begins with.
fn ids(name: &str) -> &'static [&'static str] {
    const CHANNEL: &[&str] =
        &["SF-CH-2", "SF-CH-1", "SF-CH-3", "SF-CH-4", "HB-CH-1", "HB-CH-2", "HB-CH-3", "HB-CH-4", "LV-CH-1", "LV-CH-2"];
    const SELECT: &[&str] = &["SF-SEL-1", "SF-SEL-2", "HB-SEL-1", "LV-SEL-1", "LV-SEL-2"];
    const TOKEN: &[&str] = &["SF-CX-1", "SF-CX-2", "SF-CX-3", "HB-CX-1", "HB-CX-2", "LV-CX-1"];
    const GROUP: &[&str] = &["SF-WG-1", "SF-WG-2", "HB-WG-1", "LV-WG-1"];
    const POOL: &[&str] =
        &["SF-PL-1", "SF-PL-2", "SF-PL-3", "SF-PL-6", "HB-PL-1", "HB-PL-2", "HB-PL-3", "LV-PL-1", "LV-PL-2", "LV-PL-3"];
    let families = [CHANNEL, SELECT, TOKEN, GROUP, POOL];
    let prefix = |ids: &&[&str]| name.starts_with(&ids[0].to_lowercase().replace('-', "_"));
    families.into_iter().find(prefix).expect("a family's name")
}

fn history(name: &'static str, engines: &[Engine], body: fn() -> String) -> Model {
    Model::new(name, ids(name), &[ALLOWED], body).under(engines)
}

pub(in super::super) fn models() -> Vec<Model> {
    [of_channels(), of_selects(), of_tokens(), of_groups(), of_pools(), not_allowed()].concat()
}

fn of_channels() -> Vec<Model> {
    vec![
        history("sf_ch_2_history_rendezvous_two_senders", SPURIOUS, || {
            holds(&channel(Some(0), &[&[SEND], &[SEND], &[RECV, RECV]]))
        }),
        history("sf_ch_2_history_rendezvous_both_ways", THREE_PREEMPTIONS, || {
            holds(&channel(Some(0), &[&[SEND, RECV], &[RECV, SEND], &[TRY_SEND, TRY_RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_rendezvous_in_time", THREE_PREEMPTIONS, || {
            holds(&channel(Some(0), &[&[SEND_IN_TIME, SEND_IN_TIME], &[RECV_IN_TIME], &[RECV_IN_TIME]]))
        }),
        history("sf_ch_2_history_rendezvous_async", SPURIOUS, || {
            holds(&channel(Some(0), &[&[Send(0, Async), Send(0, Async)], &[Recv(0, Async)], &[RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_rendezvous_close", SPURIOUS, || {
            holds(&channel(Some(0), &[&[SEND], &[RECV], &[Close(0), TRY_RECV]]))
        }),
        history("sf_ch_2_history_rendezvous_two_in_time", ALL, || {
            holds(&channel(Some(0), &[&[SEND_IN_TIME, RECV_IN_TIME], &[RECV_IN_TIME, SEND_IN_TIME]]))
        }),
        history("sf_ch_2_history_bounded_two_senders", SPURIOUS, || {
            holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]]))
        }),
        history("sf_ch_2_history_bounded_two_by_two", ALL, || {
            holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV], &[RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_bounded_in_line", ALL, || {
            holds(&channel(Some(1), &[&[SEND, SEND], &[RECV, RECV], &[TRY_SEND, TRY_RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_bounded_tries", SPURIOUS, || {
            holds(&channel(Some(1), &[&[TRY_SEND, TRY_RECV], &[TRY_SEND, TRY_RECV], &[TRY_SEND, TRY_RECV]]))
        }),
        history("sf_ch_2_history_bounded_in_time", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[SEND_IN_TIME, SEND_IN_TIME], &[SEND, RECV_IN_TIME], &[RECV_IN_TIME]]))
        }),
        history("sf_ch_2_history_bounded_async", SPURIOUS, || {
            holds(&channel(Some(1), &[&[Send(0, Async), Send(0, Async)], &[Recv(0, Async)], &[RECV]]))
        }),
        history("sf_ch_2_history_bounded_close", SPURIOUS, || {
            holds(&channel(Some(1), &[&[SEND, Close(0)], &[SEND], &[RECV, RECV, RECV]]))
        }),
        history("sf_ch_2_history_bounded_two_closes", SPURIOUS, || {
            holds(&channel(Some(1), &[&[Close(0), RECV], &[Close(0), SEND], &[SEND, TRY_RECV]]))
        }),
        history("sf_ch_2_history_bounded_last_sender", SPURIOUS, || {
            holds(&leaving(Some(1), &[&[SEND], &[SEND], &[RECV, RECV, RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_bounded_last_receiver", SPURIOUS, || {
            holds(&leaving(Some(1), &[&[SEND, SEND, SEND], &[RECV], &[DropReceiver(0)]]))
        }),
        history("sf_ch_2_history_bounded_abandoned", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[Abandon(Arm::Recv(0)), Abandon(Arm::Send(0))], &[SEND, SEND], &[RECV]]))
        }),
        history("sf_ch_2_history_two_places", SPURIOUS, || {
            holds(&channel(Some(2), &[&[SEND, SEND], &[SEND, TRY_SEND], &[RECV, RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_two_places_two_receivers", SPURIOUS, || {
            holds(&channel(Some(2), &[&[SEND, SEND, SEND], &[RECV, RECV], &[RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_unbounded_two_by_two", THREE_PREEMPTIONS, || {
            holds(&channel(None, &[&[SEND, SEND], &[SEND], &[RECV, TRY_RECV], &[RECV]]))
        })
        .slow(),
        history("sf_ch_2_history_unbounded_both_ways", SPURIOUS, || {
            holds(&channel(None, &[&[SEND, TRY_RECV], &[SEND, TRY_RECV], &[SEND, TRY_RECV]]))
        }),
        history("sf_ch_2_history_unbounded_close", SPURIOUS, || {
            holds(&channel(None, &[&[SEND, SEND], &[Close(0), RECV], &[RECV, RECV]]))
        }),
    ]
}

fn of_selects() -> Vec<Model> {
    vec![
        history("sf_sel_1_history_facing", SPURIOUS, || {
            let facing = [[Arm::Send(0), Arm::Recv(1)], [Arm::Recv(0), Arm::Send(1)]];
            let [this, that] = facing.map(|arms| Select(arms, Blocks));
            holds(&channels([Some(0), Some(0)], &[&[this], &[that]]))
        }),
        history("sf_sel_1_history_facing_and_sent_to", TWO_PREEMPTIONS, || {
            let facing = [[Arm::Send(0), Arm::Recv(1)], [Arm::Recv(0), Arm::Send(1)]];
            let [this, that] = facing.map(|arms| Select(arms, Blocks));
            holds(&channels([Some(0), Some(0)], &[&[this], &[that], &[Send(1, TimesOut)]]))
        }),
        history("sf_sel_1_history_two_senders", THREE_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(0), Some(0)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        })
        .slow(),
        history("sf_sel_1_history_two_buffers", THREE_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(1), Some(1)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        }),
        history("sf_sel_1_history_two_receivers", THREE_PREEMPTIONS, || {
            let select = Select([Arm::Send(0), Arm::Send(1)], Blocks);
            holds(&channels([Some(0), Some(1)], &[&[select, select], &[RECV_IN_TIME], &[Recv(1, Blocks)]]))
        })
        .slow(),
        history("sf_sel_1_history_two_selects", TWO_PREEMPTIONS, || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(1), Some(0)], &[&[select], &[select], &[SEND, Send(1, Blocks)]]))
        })
        .slow(),
        history("sf_sel_1_history_beside_a_receive", THREE_PREEMPTIONS, || {
            holds(&channels([Some(1), Some(1)], &[&[Select(EITHER, Blocks)], &[RECV_IN_TIME], &[SEND, Send(1, Tries)]]))
        }),
        history("sf_sel_1_history_default", THREE_PREEMPTIONS, || {
            let select = Select([Arm::Send(0), Arm::Recv(1)], Tries);
            holds(&channels([Some(1), Some(1)], &[&[select, select], &[RECV_IN_TIME], &[Send(1, Tries), TRY_SEND]]))
        }),
        history("sf_sel_1_history_in_time", TWO_PREEMPTIONS, || {
            let select = Select(EITHER, TimesOut);
            holds(&channels([Some(0), Some(1)], &[&[select, select], &[SEND_IN_TIME], &[Send(1, Blocks)]]))
        })
        .slow(),
        history("sf_sel_1_history_in_time_alone", ALL, || {
            holds(&channels([Some(0), Some(1)], &[&[Select(EITHER, TimesOut)], &[SEND_IN_TIME, Send(1, TimesOut)]]))
        }),
        history("sf_sel_1_history_close", ALL, || {
            holds(&channels([Some(1), Some(0)], &[&[Select(EITHER, Blocks)], &[TRY_SEND], &[Close(1), Close(0)]]))
        })
        .slow(),
        history("sf_sel_1_history_given_up", THREE_PREEMPTIONS, || {
            holds(&channels([Some(1), Some(1)], &[&[GiveUp(EITHER)], &[SEND], &[RECV]]))
        })
        .slow(),
    ]
}

fn of_tokens() -> Vec<Model> {
    vec![
        history("sf_cx_1_history_two_threads", ALL, || {
            holds(&threads(&[&[Cancel(0), Cause(1)], &[Cancel(1), Cause(0)]]))
        })
        .slow(),
        history("sf_cx_1_history_waited_for", ALL, || {
            holds(&threads(&[&[WaitToken(1, Blocks), Cause(0)], &[OnCancel(1), Cancel(0)]]))
        }),
        history("sf_cx_1_history_two_cancels", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0)], &[Cancel(0)], &[IsCancelled(0), Cause(0), IsCancelled(1)]]))
        }),
        history("sf_cx_1_history_child_first", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0), Cause(1)], &[Cancel(1), Cause(0)], &[Cause(1), Cause(1)]]))
        })
        .slow(),
        history("sf_cx_1_history_grandchild", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(0), IsCancelled(2)], &[Cancel(1), IsCancelled(2)], &[Cause(2), Cause(2)]]))
        }),
        history("sf_cx_1_history_new_child", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[WaitChild(0)], &[WaitChild(1)], &[Cancel(0)]]))
        })
        .slow(),
        history("sf_cx_1_history_waits", THREE_PREEMPTIONS, || {
            let in_time = WaitToken(1, TimesOut);
            holds(&threads(&[&[WaitToken(1, Blocks), Cause(1)], &[in_time, in_time], &[Cancel(0)]]))
        })
        .slow(),
        history("sf_cx_1_history_callbacks", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[OnCancel(1), IsCancelled(1)], &[OnCancel(0)], &[Cancel(0), IsCancelled(1)]]))
        }),
        history("sf_cx_1_history_deadline", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Cancel(2), Cause(2)], &[WaitToken(2, TimesOut), Cause(2)], &[Cancel(0)]]))
        })
        .slow(),
        history("sf_cx_1_history_ends_a_receive", THREE_PREEMPTIONS, || {
            holds(&channel(Some(1), &[&[Recv(0, Cancellable), TRY_RECV], &[SEND], &[Cancel(1), IsCancelled(1)]]))
        }),
        history("sf_cx_1_history_ends_a_send", THREE_PREEMPTIONS, || {
            holds(&channel(Some(0), &[&[Send(0, Cancellable)], &[RECV_IN_TIME], &[Cancel(0)]]))
        })
        .slow(),
        history("sf_cx_1_history_ends_a_wait", THREE_PREEMPTIONS, || {
            holds(&threads(&[&[Guard, DropGuard], &[WaitGroup(Cancellable), Cause(1)], &[Cancel(1)]]))
        }),
    ]
}

fn of_groups() -> Vec<Model> {
    vec![
        history("sf_wg_1_history_two_guards", SPURIOUS, || {
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[WAIT, Count]]))
        }),
        history("sf_wg_1_history_reused", SPURIOUS, || {
            holds(&threads(&[&[Guard, DropGuard, Guard, DropGuard], &[WAIT, WAIT], &[WAIT]]))
        })
        .slow(),
        history("sf_wg_1_history_in_time", THREE_PREEMPTIONS, || {
            let in_time = WaitGroup(TimesOut);
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[in_time, in_time], &[in_time]]))
        })
        .slow(),
        history("sf_wg_1_history_async", SPURIOUS, || {
            holds(&threads(&[&[Guard, Guard, DropGuard, DropGuard], &[WaitGroup(Async)], &[WAIT, Count]]))
        })
        .slow(),
    ]
}

fn of_pools() -> Vec<Model> {
    vec![
        history("sf_pl_1_history_joined", TWO_PREEMPTIONS, || holds(&pool(1, &[&[SPAWN, JOIN], &[SPAWN, JOIN]]))),
        history("sf_pl_1_history_two_workers", TWO_PREEMPTIONS, || {
            holds(&pool(2, &[&[SPAWN, JOIN], &[EXECUTE, WaitIdle(Blocks)]]))
        })
        .slow(),
        history("sf_pl_1_history_panics", TWO_PREEMPTIONS, || {
            holds(&pool(1, &[&[Spawn(Job::Panics, Blocks), JOIN], &[SPAWN, Join(TimesOut)]]))
        }),
        history("sf_pl_1_history_cancelled", THREE_PREEMPTIONS, || {
            holds(&pool(1, &[&[SPAWN, CancelTask, JOIN], &[EXECUTE]]))
        }),
        history("sf_pl_1_history_closed", THREE_PREEMPTIONS, || {
            holds(&pool(1, &[&[EXECUTE, EXECUTE], &[ClosePool, EXECUTE]]))
        }),
        history("sf_pl_1_history_grows", THREE_PREEMPTIONS, || holds(&pool(1, &[&[EXECUTE, EXECUTE], &[Resize(2)]])))
            .slow(),
        history("sf_pl_1_history_shrinks", THREE_PREEMPTIONS, || {
            holds(&pool(2, &[&[EXECUTE, EXECUTE], &[Resize(1), WaitIdle(Blocks)]]))
        })
        .slow(),
        history("sf_pl_1_history_full", ALL, || {
            let [tries, in_time] = [Tries, TimesOut].map(|patience| Spawn(Job::Returns, patience));
            holds(&Program { queue: Some(1), ..pool(1, &[&[EXECUTE, tries], &[in_time]]) })
        }),
        history("sf_pl_1_history_full_and_closed", TWO_PREEMPTIONS, || {
            holds(&Program { queue: Some(1), ..pool(1, &[&[EXECUTE, EXECUTE], &[EXECUTE], &[ClosePool]]) })
        }),
        history("sf_pl_1_history_shut_down", TWO_PREEMPTIONS, || {
            holds(&Program { shutdown: true, ..pool(1, &[&[SPAWN, JOIN], &[EXECUTE, Shutdown]]) })
        }),
        history("sf_pl_1_history_drained", TWO_PREEMPTIONS, || holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))),
        history("sf_pl_1_history_over_a_channel", TWO_PREEMPTIONS, || {
            holds(&pool(2, &[&[Execute(Job::Sends(0)), RECV_IN_TIME], &[Execute(Job::Receives(0))]]))
        }),
        history("sf_pl_1_history_nested", TWO_PREEMPTIONS, || {
            holds(&pool(1, &[&[Spawn(Job::Spawns, Blocks), JOIN], &[EXECUTE]]))
        }),
    ]
}

/// What has to be found out: a channel that is none, and each primitive with one operation weakened.
fn not_allowed() -> Vec<Model> {
    use Kind::{Acquire, NoWake, Relaxed, Unchecked};
    let failing = |name, reasons, body| Model::failing(name, ids(name), reasons, body).under(SPURIOUS);
    let core = |code| weaken(NoWake, "src/channel/core.rs", code);
    let claim = |kind| weaken(kind, "src/wait.rs", "self.claim.compare_exchange(WAITING, cause");
    vec![
        failing("sf_ch_2_history_of_two_queues_out_of_order", &["not linearizable: no order explains it"], || {
            of_two_queues(&channel(None, &[&[SEND, SEND], &[TRY_RECV, TRY_RECV]]))
        }),
        failing(
            "sf_ch_2_history_of_two_queues_out_of_real_time",
            &["sequentially consistent, but no order respects real time"],
            || of_two_queues(&channel(None, &[&[SEND], &[SEND], &[TRY_RECV, TRY_RECV]])),
        ),
        failing("sf_ch_2_history_rendezvous_claim_relaxed", &["HB-CH: no order has the happens-before edges"], || {
            holds(&channel(Some(0), &[&[SEND], &[SEND], &[RECV, RECV]]))
        })
        .weakened(claim(Relaxed)),
        failing(
            "sf_ch_2_history_bounded_receiver_not_woken",
            &["a wake-up is lost: nothing keeps t3 from `recv c0`"],
            || holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]])),
        )
        .weakened(core("notify(whom); // site: send,")),
        failing(
            "sf_ch_2_history_bounded_sender_not_woken",
            &["a wake-up is lost: nothing keeps t2 from `send c0`"],
            || holds(&channel(Some(1), &[&[SEND], &[SEND], &[RECV, RECV]])),
        )
        .weakened(core("notify(whom)); // site: recv,")),
        failing("sf_sel_1_history_claimed_by_both", &["a wake-up is lost: nothing keeps t1 from `recv c"], || {
            let select = Select(EITHER, Blocks);
            holds(&channels([Some(0), Some(0)], &[&[select, select], &[SEND], &[Send(1, Blocks)]]))
        })
        .weakened(claim(Unchecked)),
        failing("sf_cx_1_history_close_relaxed", &["HB-CX-1: found cancelled, but no cancel happens before"], || {
            holds(&threads(&[&[Cancel(0)], &[Cancel(0)], &[IsCancelled(0), Cause(0), IsCancelled(1)]]))
        })
        .weakened(weaken(Acquire, "src/wait/latch.rs", "self.word.fetch_or(SET,")),
        failing("sf_wg_1_history_claim_relaxed", &["HB-WG-1: the first does not happen before the return"], || {
            holds(&threads(&[&[Guard, DropGuard], &[Guard, DropGuard], &[WAIT, Count]]))
        })
        .weakened(claim(Relaxed)),
        failing("sf_pl_1_history_drain_not_woken", &["a wake-up is lost: nothing keeps t1 from `drain pool`"], || {
            holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))
        })
        .weakened(weaken(NoWake, "src/pool/shared.rs", "// site: pool")),
        failing("sf_pl_1_history_claim_relaxed", &["HB-PL-3: the first does not happen before the return"], || {
            holds(&pool(1, &[&[EXECUTE, Drain], &[SPAWN, JOIN]]))
        })
        .weakened(claim(Relaxed)),
    ]
}

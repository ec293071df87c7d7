//! Random programs of operations for the sequential oracles, which shrink to the smallest that fails.
#![cfg(not(any(loom, shuttle)))]

mod oracle;

use oracle::{channel, pool, select, token, wait_group};
use proptest::prelude::*;

fn channel_op() -> impl Strategy<Value = channel::Op> {
    use channel::Op;
    prop_oneof![
        6 => Just(Op::TrySend),
        6 => Just(Op::TryRecv),
        1 => Just(Op::TimedSend),
        1 => Just(Op::TimedRecv),
        4 => Just(Op::StartSend),
        4 => Just(Op::StartRecv),
        3 => (0..8_u8, any::<bool>()).prop_map(|(which, new_waker)| Op::PollSend { which, new_waker }),
        3 => (0..8_u8, any::<bool>()).prop_map(|(which, new_waker)| Op::PollRecv { which, new_waker }),
        3 => (0..8_u8).prop_map(Op::DropSend),
        3 => (0..8_u8).prop_map(Op::DropRecv),
        3 => Just(Op::ChooseSend),
        2 => Just(Op::ChooseRecv),
        3 => (0..8_u8).prop_map(Op::Complete),
        2 => (0..8_u8).prop_map(Op::GiveUp),
        1 => prop_oneof![Just(Op::CloseBySender), Just(Op::CloseByReceiver)],
        2 => prop_oneof![Just(Op::CloneSender), Just(Op::CloneReceiver)],
        2 => prop_oneof![Just(Op::DropSender), Just(Op::DropReceiver)],
    ]
}

fn select_step() -> impl Strategy<Value = select::Step> {
    use channel::Side;
    use select::Step;
    let arm = (0..3_u8, prop_oneof![Just(Side::Send), Just(Side::Recv)]);
    prop_oneof![
        2 => (0..3_u8, channel_op()).prop_map(|(channel, op)| Step::Op(channel, op)),
        1 => (prop::collection::vec(arm, 0..6), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(arms, biased, only_ready, limit)| Step::Select { arms, biased, only_ready, limit }),
    ]
}

fn pool_rules() -> impl Strategy<Value = pool::Rules> {
    use pool::StateIs;
    let bound = |below| prop_oneof![1 => Just(None), 2 => (0..below).prop_map(Some)];
    let state = prop_oneof![2 => Just(StateIs::Fine), 1 => Just(StateIs::MakePanics), 1 => Just(StateIs::DropPanics)];
    (0..4_u8, bound(3_u8), bound(3_u8), bound(2_u8), state, any::<bool>()).prop_map(
        |(limit, capacity, max_blocked, min_workers, state, hook_panics)| pool::Rules {
            limit,
            capacity,
            max_blocked: max_blocked.map(|blocked| blocked + 1),
            min_workers,
            state,
            hook_panics,
        },
    )
}

fn pool_op() -> impl Strategy<Value = pool::Op> {
    use pool::{End, Failure, Kind, Op, Submit};
    let which = || 0..8_u8;
    let end = || prop_oneof![4 => Just(End::Return), 1 => Just(End::ReturnBomb), 2 => Just(End::Panic), 1 => Just(End::PanicBomb)];
    let kind = || {
        (prop::bool::weighted(0.2), prop::bool::weighted(0.1), prop::option::weighted(0.4, end()))
            .prop_map(|(borrows_state, drop_panics, quick)| Kind { borrows_state, drop_panics, quick })
    };
    let how = || {
        prop_oneof![
            3 => Just(Submit::Spawn),
            2 => Just(Submit::TrySpawn),
            1 => Just(Submit::Timeout),
            1 => Just(Submit::Deadline),
            2 => prop::bool::weighted(0.3).prop_map(|cancelled| Submit::OrCancelled { cancelled }),
            2 => Just(Submit::Execute),
        ]
    };
    let failure = prop::option::of(prop_oneof![Just(Failure::Error), Just(Failure::Panic)]);
    prop_oneof![
        10 => (how(), kind()).prop_map(|(how, job)| Op::Submit { how, job }),
        3 => (which(), how(), kind()).prop_map(|(which, how, job)| Op::SubmitInside { which, how, job }),
        1 => Just(Op::CancelSubmissions),
        5 => (which(), end()).prop_map(|(which, end)| Op::End(which, end)),
        3 => which().prop_map(Op::Pause),
        3 => which().prop_map(Op::Resume),
        2 => which().prop_map(Op::Yield),
        4 => (which(), which()).prop_map(|(which, task)| Op::JoinInside { which, task }),
        1 => which().prop_map(Op::WaitInside),
        3 => which().prop_map(Op::Join),
        3 => which().prop_map(Op::Cancel),
        2 => which().prop_map(Op::Look),
        2 => (which(), any::<bool>()).prop_map(|(which, new_waker)| Op::Poll { which, new_waker }),
        2 => which().prop_map(Op::Detach),
        3 => (0..5_u8).prop_map(Op::Resize),
        2 => (0..4_u8, failure, any::<bool>(), prop::option::of(which()))
            .prop_map(|(jobs, fails, bounded, inside)| Op::Scope { jobs, fails, bounded, inside }),
        1 => prop_oneof![8 => Just(Op::WaitIdle), 1 => Just(Op::Close), 1 => Just(Op::Drain), 1 => Just(Op::Shutdown)],
        1 => Just(Op::StartWaitIdle),
        1 => (which(), any::<bool>()).prop_map(|(which, new_waker)| Op::PollWaitIdle { which, new_waker }),
        1 => which().prop_map(Op::DropWaitIdle),
    ]
}

fn pool_finish() -> impl Strategy<Value = pool::Finish> {
    use pool::Finish::{Drain, DrainAsync, Drop, Shutdown, ShutdownAsync};
    prop_oneof![Just(Drop), Just(Drain), Just(DrainAsync), Just(Shutdown), Just(ShutdownAsync)]
}

fn token_op() -> impl Strategy<Value = token::Op> {
    use token::{Act, Limit, Op};
    let which = || 0..8_u8;
    let limit = || prop_oneof![2 => Just(Limit::Passed), 2 => (0..4_u8).prop_map(Limit::Far), 1 => Just(Limit::Never)];
    let act = prop_oneof![2 => Just(Act::Nothing), 1 => Just(Act::Panic), 1 => which().prop_map(Act::Cancel)];
    prop_oneof![
        1 => Just(Op::Root),
        6 => which().prop_map(Op::Child),
        1 => (which(), limit()).prop_map(|(which, limit)| Op::Timeout(which, limit)),
        1 => (which(), limit()).prop_map(|(which, limit)| Op::Deadline(which, limit)),
        2 => which().prop_map(Op::Clone),
        4 => which().prop_map(Op::Drop),
        2 => which().prop_map(Op::Cancel),
        1 => which().prop_map(Op::CancelWith),
        1 => (which(), any::<bool>()).prop_map(|(which, disarm)| Op::Guard { which, disarm }),
        3 => which().prop_map(Op::Look),
        1 => which().prop_map(Op::TimedWait),
        4 => (which(), any::<bool>()).prop_map(|(which, by_done)| Op::StartWait { which, by_done }),
        3 => (which(), any::<bool>()).prop_map(|(which, new_waker)| Op::PollWait { which, new_waker }),
        2 => which().prop_map(Op::DropWait),
        1 => which().prop_map(Op::Done),
        1 => which().prop_map(Op::RecvDone),
        1 => which().prop_map(Op::DropDone),
        6 => (which(), act).prop_map(|(which, act)| Op::OnCancel { which, act }),
        2 => which().prop_map(Op::Stop),
        3 => which().prop_map(Op::DropRegistration),
        2 => which().prop_map(Op::Send),
        2 => which().prop_map(Op::Recv),
        1 => (which(), any::<bool>()).prop_map(|(which, held)| Op::WaitGroup { which, held }),
        1 => Just(Op::Close),
    ]
}

fn wait_group_op() -> impl Strategy<Value = wait_group::Op> {
    use wait_group::Op;
    prop_oneof![
        2 => Just(Op::Guard),
        1 => (0..8_u8).prop_map(Op::CloneGuard),
        4 => (0..8_u8).prop_map(Op::DropGuard),
        2 => Just(Op::StartWait),
        2 => (0..8_u8).prop_map(Op::PollWait),
        1 => (0..8_u8).prop_map(Op::DropWait),
        1 => Just(Op::TimedWait),
        1 => any::<bool>().prop_map(|cancelled| Op::WaitOrCancelled { cancelled }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_channel_does_what_the_model_does(
        capacity in prop_oneof![4 => (0..=4_u8).prop_map(Some), 1 => Just(None)],
        ops in prop::collection::vec(channel_op(), 1..80),
    ) {
        channel::Program { capacity, ops }.run();
    }

    #[test]
    fn a_tree_of_tokens_does_what_the_model_does(ops in prop::collection::vec(token_op(), 1..80)) {
        token::Program { ops }.run();
    }

    #[test]
    fn a_wait_group_does_what_its_count_says(ops in prop::collection::vec(wait_group_op(), 1..60)) {
        wait_group::Program { ops }.run();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_select_does_one_of_what_the_models_can_do(
        capacities in prop::array::uniform3(prop_oneof![4 => (0..=2_u8).prop_map(Some), 1 => Just(None)]),
        steps in prop::collection::vec(select_step(), 1..80),
    ) {
        select::Program { capacities, steps }.run();
    }
}

proptest! {
    // Each operation waits for threads; one that fails may do so after ten seconds.
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_shrink_time: 120_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_pool_does_what_the_model_does(
        rules in pool_rules(),
        finish in pool_finish(),
        ops in prop::collection::vec(pool_op(), 1..60),
    ) {
        pool::Program { rules, finish, ops }.run();
    }
}

//! The seeds: each is written here as a program, lies in `seeds/` as bytes, and passes.
//!
//! `HENCE_SEEDS=write cargo test` writes the files anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

use hence_fuzz::schedules::turns::turn;
use hence_fuzz::schedules::{Input, replay, story};
use hence_under_shuttle::histories::program::{Arm, Job, Patience::*, Program, Step, Step::*};

fn program(capacities: [Option<usize>; 2], threads: &[&[Step]]) -> Program {
    let threads = threads.iter().map(|steps| steps.to_vec()).collect();
    Program { capacities, workers: 1, queue: None, shutdown: false, leaves: false, shared: false, threads }
}

fn seeds() -> Vec<(&'static str, Program)> {
    let channels = |threads| program([Some(1), Some(0)], threads);
    let both = [Arm::Recv(0), Arm::Recv(1)];
    vec![
        ("rendezvous", channels(&[&[Send(1, Blocks)], &[Recv(1, Blocks)]])),
        ("room_for_one", channels(&[&[Send(0, Blocks), Send(0, Blocks)], &[Recv(0, Blocks), Recv(0, Blocks)]])),
        ("two_receivers", channels(&[&[Send(0, Async)], &[Recv(0, Async)], &[Recv(0, TimesOut)]])),
        ("close", channels(&[&[Send(0, Blocks), Close(0)], &[Recv(0, Blocks), Recv(0, Blocks)]])),
        (
            "last_sender",
            Program { leaves: true, ..channels(&[&[Send(0, Blocks)], &[Recv(0, Blocks), Recv(0, Blocks)]]) },
        ),
        ("select", channels(&[&[Select(both, Blocks)], &[Send(0, Blocks)], &[Send(1, TimesOut)]])),
        ("select_given_up", channels(&[&[GiveUp(both)], &[Send(0, Blocks)], &[Recv(0, Blocks)]])),
        ("abandoned", channels(&[&[Abandon(Arm::Recv(0)), Recv(0, Blocks)], &[Send(0, Blocks)]])),
        ("cancellable", channels(&[&[Recv(0, Cancellable)], &[Send(0, Cancellable)], &[Cancel(1)]])),
        ("token", channels(&[&[WaitToken(1, Blocks)], &[Cancel(0)], &[OnCancel(1), IsCancelled(1)]])),
        ("child", channels(&[&[WaitChild(0)], &[Cancel(0)], &[WaitToken(2, TimesOut), Cause(2)]])),
        ("group", channels(&[&[Guard, DropGuard], &[Guard, Count, DropGuard], &[WaitGroup(Blocks)]])),
        ("jobs", channels(&[&[Spawn(Job::Returns, Blocks), Join(Blocks)], &[Spawn(Job::Panics, Blocks), CancelTask]])),
        ("nested", channels(&[&[Spawn(Job::Spawns, Blocks), Join(Blocks)], &[Execute(Job::Receives(0)), Close(0)]])),
        (
            "resize",
            channels(&[&[Execute(Job::Returns), Resize(2)], &[Execute(Job::Returns), Resize(1), WaitIdle(Blocks)]]),
        ),
        ("full_queue", Program { queue: Some(1), ..channels(&[&[Execute(Job::Returns); 3], &[ClosePool]]) }),
        ("shutdown", Program { shutdown: true, ..channels(&[&[Execute(Job::Returns); 2], &[Shutdown]]) }),
    ]
}

#[test]
fn seeds_pass_and_are_what_they_are_called() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds/schedules");
    for (name, program) in seeds() {
        // A switch after every few scheduling points.
        let schedule = [turn(0, 2, false), turn(1, 4, false), turn(0, 8, true)];
        let input = Input { program, schedule: &schedule };
        let (bytes, path) = (input.encode(), folder.join(name));
        assert_eq!(Input::decode(&bytes), input, "{name}");
        if env::var_os("HENCE_SEEDS").is_some() {
            fs::write(&path, &bytes).expect("seeds/ can be written to");
        }
        assert_eq!(fs::read(&path).ok(), Some(bytes), "{} is another program", path.display());
        assert_eq!(replay(&input), Ok(()), "{name}\n{}", story(&input.program));
    }
    assert_eq!(files(&folder), seeds().len());
}

/// What has been found, and is mended: by its name.
#[test]
fn findings_stay_mended() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("findings/schedules");
    for finding in fs::read_dir(folder).expect("there are findings") {
        let path = finding.expect("readable").path();
        let bytes = fs::read(&path).expect("readable");
        let input = Input::decode(&bytes);
        assert_eq!(replay(&input), Ok(()), "{}\n{}", path.display(), story(&input.program));
    }
}

#[test]
fn every_string_of_bytes_is_a_program_that_ends() {
    let mut random = fastrand::Rng::with_seed(7);
    for length in (0..64).cycle().take(2_000) {
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        let input = Input::decode(&bytes);
        assert_eq!(Input::decode(&input.encode()), input);
        assert_eq!(replay(&input), Ok(()), "{bytes:?}\n{}", story(&input.program));
    }
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("there are seeds").count()
}

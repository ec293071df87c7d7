//! Replays the seeds of the fuzz targets, each of which is named after what it exercises, through the same oracles.
#![cfg(not(any(loom, shuttle)))]

mod oracle;

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use arbitrary::Arbitrary;
use oracle::{channel, decode, pool, select, token, wait_group};

fn replay<P: for<'a> Arbitrary<'a> + Debug>(target: &str, run: impl Fn(&P)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|seed| seed.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    for seed in seeds {
        let program = decode(&fs::read(&seed).unwrap());
        println!("{}: {program:?}", seed.display()); // the last one that is printed is the one that fails
        run(&program);
    }
}

#[test]
fn channel_ops() {
    replay("channel_ops", channel::Program::run);
}

#[test]
fn select_ops() {
    replay("select_ops", select::Program::run);
}

#[test]
fn token_tree() {
    replay("token_tree", token::Program::run);
}

#[test]
fn wait_group() {
    replay("wait_group", wait_group::Program::run);
}

#[test]
fn pool_ops() {
    replay("pool_ops", pool::Program::run);
}

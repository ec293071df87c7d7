//! Channels side by side: reads the arguments, runs the cells, prints the table, writes the samples.

mod cells;
mod contest;
mod peers;
mod report;

use clap::Parser;
use std::{env, io, path::PathBuf, process::Command, time::Duration};

/// How fast `hence::channel` is beside its peers, all interleaved in one run.
#[derive(Parser)]
struct Args {
    /// Samples per cell and peer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Few and short samples: to see that everything runs
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Only the cells whose name contains this
    #[arg(long, value_name = "SUBSTR", default_value = "")]
    filter: String,
    /// Where the samples go
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench.tsv"))]
    tsv: PathBuf,
    /// Once more with the process pinned to one core
    #[arg(long)]
    one_core: bool,
    /// This process is that second run
    #[arg(long, hide = true)]
    pinned: bool,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    let (rounds, sample) = if args.quick { (3, 10) } else { (args.rounds, 40) };
    let placement = if args.pinned { "one core" } else { "all cores" };
    if !args.pinned {
        println!("{}", report::header());
    }
    println!("\n{placement}: medians of {rounds} rounds of samples of about {sample} ms");

    crossfire::detect_backoff_cfg(); // crossfire asks its users to call this on virtual machines
    let cells = cells::CELLS.iter().filter(|cell| cell.name.contains(&args.filter));
    let contests = contest::run(cells, rounds, Duration::from_millis(sample));
    println!("{}", report::table(&contests));
    report::write_tsv(&args.tsv, placement, &contests, args.pinned)?;

    if args.one_core && !args.pinned { run_again_on_one_core() } else { Ok(()) }
}

/// In a new process, because some peers count the cores once and keep the answer.
fn run_again_on_one_core() -> io::Result<()> {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.last().copied());
    assert!(core.is_some_and(core_affinity::set_for_current), "this system does not pin threads to cores");
    let status = Command::new(env::current_exe()?).args(env::args_os().skip(1)).arg("--pinned").status()?;
    assert!(status.success(), "the run on one core failed: {status}");
    Ok(())
}

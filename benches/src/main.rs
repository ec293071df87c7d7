//! Side by side with peers: reads the arguments, runs the cells, prints the tables, writes samples and plot.

mod beside;
mod cells;
mod contest;
mod idle;
mod peers;
mod report;
mod roster;
mod timed;
mod watchdog;

use clap::Parser;
use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How fast `hence` is beside its peers, all interleaved in one run.
#[derive(Parser)]
struct Args {
    /// Samples per cell and peer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Few and short samples: to see that everything runs
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Only the cells whose name contains this, or one of these, between bars
    #[arg(long, value_name = "SUBSTR", default_value = "")]
    filter: String,
    /// Only the peers whose name contains this, and hence always; more than one, with commas or one by one
    #[arg(long = "peer", value_name = "SUBSTR", value_delimiter = ',')]
    peers: Vec<String>,
    /// "PEER in CELL": leave it out there, as it did not end; the run begins anew with this when that happens
    #[arg(long, value_name = "ENTRY")]
    unended: Vec<String>,
    /// Where the samples go
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench.tsv"))]
    tsv: PathBuf,
    /// Where the plot goes; that of the run on one core beside it
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench.svg"))]
    svg: PathBuf,
    /// Write the summary into README.md, and its picture
    #[arg(long, conflicts_with_all = ["quick", "filter", "peers", "beside"])]
    readme: bool,
    /// So many busy threads beside the run, on the same cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    beside: usize,
    /// Once more with the process pinned to one core
    #[arg(long)]
    one_core: bool,
    /// This process is that second run
    #[arg(long, hide = true)]
    pinned: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let (rounds, sample) = if args.quick { (3, 10) } else { (args.rounds, 40) };
    let cores = if args.pinned { "one core" } else { "all cores" };
    let placement = match args.beside {
        0 => cores.into(),
        threads => format!("{cores}, {threads} busy threads beside"),
    };
    let svg = if args.pinned { sibling(&args.svg, "one-core") } else { args.svg };
    if !args.pinned {
        println!("{}", report::header());
    }
    let title = format!("{placement}: medians of {rounds} rounds of samples of about {sample} ms");
    println!("\n{title}");

    crossfire::detect_backoff_cfg(); // crossfire asks its users to call this on virtual machines
    let is_chosen = |name: &str| args.filter.split('|').any(|part| name.contains(part));
    let cells = cells::all().filter(|cell| is_chosen(&cell.name));
    let peers: Vec<_> = roster::chosen(&args.peers).collect();
    watchdog::start();
    let busy = beside::start(args.beside);
    let contests = contest::run(cells, &peers, &args.unended, rounds, Duration::from_millis(sample));
    drop(busy);
    report::tables(&contests).for_each(|table| println!("{table}"));
    print!("{}", report::unended(&contests));
    idle::lines(is_chosen).for_each(|line| println!("{line}"));
    print!("{}", report::summary::lines(&contests));
    report::tsv::write(&args.tsv, &placement, &contests, args.pinned)?;
    let rows: Vec<_> = contests.iter().map(report::plot::Row::of).collect();
    report::plot::write(&svg, &title, "median, ns each", &rows)?;
    if args.readme && !args.pinned {
        report::readme::write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &title, &contests)?;
    }

    if args.one_core && !args.pinned { run_again_on_one_core() } else { Ok(()) }
}

/// `bench.svg` to `bench-one-core.svg`.
fn sibling(path: &Path, what: &str) -> PathBuf {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{}-{what}.{}", part(path.file_stem()), part(path.extension())))
}

/// In a new process, because some peers count the cores once and keep the answer.
fn run_again_on_one_core() -> Result<(), Box<dyn Error>> {
    let core = core_affinity::get_core_ids().and_then(|cores| cores.last().copied());
    assert!(core.is_some_and(core_affinity::set_for_current), "this system does not pin threads to cores");
    let status = Command::new(env::current_exe()?).args(env::args_os().skip(1)).arg("--pinned").status()?;
    assert!(status.success(), "the run on one core failed: {status}");
    Ok(())
}

//! The file of samples.

use crate::contest::{Contest, Entrant};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// Every sample, one a line; the run on one core appends to the file of the run before it.
pub fn write(path: &Path, placement: &str, contests: &[Contest], append: bool) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    let mut lines = if append { String::new() } else { "cell\tpeer\tround\tns\tplacement\n".into() };
    for Contest { cell, entrants, .. } in contests {
        for Entrant { peer, ns, .. } in entrants {
            for (round, ns) in ns.iter().enumerate() {
                lines += &format!("{}\t{}\t{round}\t{ns:.3}\t{placement}\n", cell.name, peer.name);
            }
        }
    }
    file.write_all(lines.as_bytes())
}

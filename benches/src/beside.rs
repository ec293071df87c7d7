//! Busy threads beside the run: how the peers do where cores are short.

use std::{hint::spin_loop, sync::Arc, thread};

/// Starts threads that are busy until what this returns is dropped.
pub fn start(threads: usize) -> Arc<()> {
    let held = Arc::new(());
    for _ in 0..threads {
        let held = Arc::downgrade(&held);
        thread::spawn(move || {
            while held.strong_count() > 0 {
                spin_loop();
            }
        });
    }
    held
}

//! A user's service, and models of what it does with channels under loom and shuttle. The crate is used as any user would,
//! by its public names alone; the explorer is chosen by RUSTFLAGS.

#[cfg(all(test, hence_loom))]
mod under_loom;
#[cfg(all(test, hence_shuttle))]
mod under_shuttle;

use std::io;

use hence::channel::{Receiver, Sender};
use tokio::net::TcpListener;

/// Reports whoever calls; no model runs it.
pub async fn listen(listener: TcpListener, callers: Sender<u16>) -> io::Result<()> {
    loop {
        let (_, caller) = listener.accept().await?;
        if callers.send_async(caller.port()).await.is_err() {
            return Ok(());
        }
    }
}

/// The last one to call, once nobody will any more.
pub fn last(callers: &Receiver<u16>) -> Option<u16> {
    callers.iter().last()
}

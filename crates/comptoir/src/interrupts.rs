//! Ctrl-C, for commands that end in good order.

use tokio::sync::watch;

/// A command that Ctrl-C ended, and what that means for its work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// Counts how often Ctrl-C was pressed. From its making on it no longer ends the process.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    presses: watch::Receiver<u32>,
}

impl Interrupts {
    /// Counts from now on; must be called in a Tokio runtime.
    pub(crate) fn listen() -> Self {
        let (sender, presses) = watch::channel(0);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|presses| *presses += 1);
            }
        });
        Self { presses }
    }

    /// How often so far.
    pub(crate) fn presses(&self) -> u32 {
        *self.presses.borrow()
    }

    /// Waits for the next time; returns how often it is then.
    pub(crate) async fn next(&mut self) -> u32 {
        if self.presses.changed().await.is_err() {
            // Nothing is heard on this system.
            std::future::pending::<()>().await;
        }
        *self.presses.borrow_and_update()
    }
}

#[cfg(test)]
impl Interrupts {
    /// As if Ctrl-C had been pressed `presses` times, and noticed.
    pub(crate) fn pressed(presses: u32) -> Self {
        Self {
            presses: watch::channel(presses).1,
        }
    }

    /// As if Ctrl-C were pressed `presses` times from now on.
    pub(crate) fn waiting_to_be_pressed(presses: u32) -> Self {
        let (sender, heard) = watch::channel(0);
        sender.send_replace(presses);
        Self { presses: heard }
    }
}

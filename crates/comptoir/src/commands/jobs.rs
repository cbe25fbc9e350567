//! `comptoir jobs`: an import is taken back, a job that was given up goes on.

use super::ScriptAddress;
use crate::outcome::Outcome;
use crate::output::count;
use anyhow::bail;
use clap::{Args, Subcommand};
use script_client::script_api::{JobState, UndoRequest, Undone};
use script_client::{ScriptClient, new_key};

/// Take imports back, and go on with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take back what an import wrote.
    Undo(Undo),
    /// Go on with a job that db-service failed for too long.
    Resume(Resume),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Undo(undo) => undo.run().await,
            Self::Resume(resume) => resume.run().await,
        }
    }
}

/// Take back what an import wrote: what it added goes, what it changed or replaced comes back.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The job that imported it.
    job: i64,
    /// Leaves rows that others changed since as they are; otherwise one such row leaves all as it is.
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    script: ScriptAddress,
}

impl Undo {
    /// Does it, waits for the end and prints what was taken back. Ctrl-C ends the waiting; the job goes on.
    async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let key = new_key()?;
        let undo = UndoRequest {
            partial: self.partial,
        };
        let submission = client.submit(anyhow::Error::downcast_ref, async || {
            Ok(client.undo(self.job, &key, undo).await?)
        });
        let job = client.follow(submission.await?, |_| {}).await?;
        if job.state != JobState::Succeeded {
            bail!("{}", job.reason().replace("`partial`", "`--partial`"));
        }
        let undone = job.undone().unwrap_or_default();
        println!("Job {} took job {} back: {}", job.id, self.job, said(&undone));
        for kept in &undone.kept {
            println!(
                "{} new {} stay, as others use or changed them: {}",
                count(kept.rows),
                kept.table,
                kept.examples.join(", ")
            );
        }
        for relying in &undone.relied_on_by {
            println!(
                "Job {} left out {} lines that were there from it; import its file again to have them",
                relying.job.unwrap_or_default(),
                count(relying.lines)
            );
        }
        for left in &undone.left {
            println!("Left as it is: {left}");
        }
        Ok(Outcome::Done)
    }
}

/// Go on with a job that db-service failed for too long.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The job.
    job: i64,
    #[command(flatten)]
    script: ScriptAddress,
}

impl Resume {
    /// Lets it go on.
    async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let job = client.resume(self.job).await?;
        println!("Job {} goes on", job.id);
        Ok(Outcome::Done)
    }
}

/// What was taken back, in words.
fn said(undone: &Undone) -> String {
    let lists = [
        ("products", undone.products),
        ("stores", undone.stores),
        ("targets", undone.product_targets),
    ];
    let sales = undone.sales;
    let mut parts = vec![
        (sales.removed, "sales removed".to_owned()),
        (sales.restored, "sales as they were".to_owned()),
        (sales.brought_back, "sales brought back".to_owned()),
    ];
    for (what, rows) in lists {
        parts.push((rows.removed, format!("{what} removed")));
        parts.push((rows.restored, format!("{what} as they were")));
    }
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, what)| format!("{} {what}", count(rows)))
        .collect();
    if parts.is_empty() {
        "there was nothing left of it".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use script_client::script_api::{UndoneRows, UndoneSales};

    #[test]
    fn what_was_taken_back_is_said_by_what_there_is_of_it() {
        let mut undone = Undone::default();
        assert_eq!(said(&undone), "there was nothing left of it");

        undone.sales = UndoneSales {
            removed: 1_200,
            restored: 3,
            brought_back: 0,
        };
        undone.products = UndoneRows {
            removed: 2,
            restored: 0,
        };
        assert_eq!(
            said(&undone),
            "1,200 sales removed, 3 sales as they were, 2 products removed"
        );
    }
}

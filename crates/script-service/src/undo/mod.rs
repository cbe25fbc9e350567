//! Taking back an import that has ended, as a job.
//!
//! | file | what it does |
//! | --- | --- |
//! | `job` | the job: what conflicts, then one transaction, then the lists |
//! | `submission` | which imports can be taken back, and once |
//!
//! What is kept for it, and the SQL, is in `crate::store::undo`. No import runs while one is taken back: the runner takes
//! neither job up while the other kind runs.

mod job;
pub(crate) mod submission;

pub(crate) use job::UndoJob;

//! Schedules: jobs that are asked for again and again, at the times of a cron pattern or when a file comes.
//!
//! | file | what it does |
//! | --- | --- |
//! | `definition` | what may be asked of a schedule |
//! | `shown` | a schedule as callers see it |
//! | `times` | the times of a cron pattern |
//! | `files` | the files that a pattern names |
//! | `clock` | makes the jobs |
//! | `by_hand` | makes one when asked to |
//!
//! A schedule is a row, and so is each time at which it made a job: schedule and occurrence of a job are
//! unique, so however many processes look, there is one job for each time and for each state of a file.

pub(crate) mod by_hand;
pub(crate) mod clock;
pub(crate) mod definition;
pub(crate) mod files;
pub(crate) mod shown;
pub(crate) mod times;

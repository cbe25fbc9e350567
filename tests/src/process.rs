//! The program as a process.

use crate::{DEADLINE, Http, contract};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// Where the program is, and the variables it starts with.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    variables: Vec<(String, String)>,
}

/// A process that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Program {
    /// The program at `path`.
    #[must_use]
    pub fn at(path: &str) -> Self {
        Self {
            path: path.into(),
            variables: Vec::new(),
        }
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A command of it, with no variable of ours that the caller's environment may hold.
    #[must_use]
    pub fn command(&self) -> Command {
        self.prepared(Command::new(&self.path))
    }

    /// The command of another program in the same environment.
    #[must_use]
    pub fn command_named(&self, name: &str) -> Command {
        self.prepared(Command::new(name))
    }

    fn prepared(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            let ours = [
                "COMPTOIR_",
                "DB_",
                "SCRIPT_",
                "DASHBOARD_",
                "RUST_LOG",
                "RUST_BACKTRACE",
            ];
            if ours
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs it with `args` to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Ended {
        let output = self
            .command()
            .args(args)
            .output()
            .unwrap_or_else(|why| panic!("{}: {why}", self.path.display()));
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `comptoir up` on a new data folder with the sample data.
    #[must_use]
    pub fn up(&self) -> Up {
        let folder = new_folder();
        let mut up = self.up_in(folder.path(), &[]);
        up.folder = Some(folder);
        up
    }

    /// `comptoir up` on a new data folder, its database empty.
    #[must_use]
    pub fn up_empty(&self) -> Up {
        let folder = new_folder();
        let mut up = self.up_in(folder.path(), &["--no-sample"]);
        up.folder = Some(folder);
        up
    }

    /// `comptoir up` on the data folder `data`, at free ports; returns when it says that it is ready.
    #[must_use]
    pub fn up_in(&self, data: &Path, args: &[&str]) -> Up {
        self.up_at(data, "0", args)
    }

    /// The same with script-service at `script_port`.
    ///
    /// # Panics
    ///
    /// When it does not get ready.
    #[must_use]
    pub fn up_at(&self, data: &Path, script_port: &str, args: &[&str]) -> Up {
        let mut child = self
            .command()
            .args([
                "up",
                "--db-port",
                "0",
                "--script-port",
                script_port,
                "--dashboard-port",
                "0",
                "--data",
            ])
            .arg(data)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| panic!("{}: {why}", self.path.display()));
        let stdout = child
            .stdout
            .take()
            .unwrap_or_else(|| panic!("its standard output is ours"));
        let mut lines = BufReader::new(stdout).lines();
        let mut said = Vec::new();
        let mut address = |name: &str| {
            for line in lines.by_ref() {
                let line = line.unwrap_or_default();
                said.push(line.clone());
                let mut words = line.split_whitespace();
                if words.next() == Some(name) {
                    return words.next().unwrap_or_default().to_owned();
                }
            }
            panic!("comptoir up ended without an address of {name}; it said {said:?}");
        };
        let db = Http::new(&address("db-service")).with_contract(contract());
        let script = Http::new(&address("script-service")).with_contract(contract());
        // The rest is read, or a full pipe would stop the process.
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Up {
            db,
            script,
            data: data.to_owned(),
            child,
            folder: None,
            rest: Some(rest),
        }
    }
}

fn new_folder() -> TempDir {
    TempDir::new().unwrap_or_else(|why| panic!("a temporary folder: {why}"))
}

/// A running `comptoir up`; killed when dropped.
#[derive(Debug)]
pub struct Up {
    /// Its db-service.
    pub db: Http,
    /// Its script-service.
    pub script: Http,
    /// Its data folder.
    pub data: PathBuf,
    child: Child,
    folder: Option<TempDir>,
    rest: Option<std::thread::JoinHandle<()>>,
}

impl Up {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, at once and without a word.
    pub fn kill(self) {
        drop(self);
    }

    /// Asks it to stop with SIGTERM and waits; returns its exit code.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub fn stop(&mut self) -> Option<i32> {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let id = id.unwrap_or_else(|| panic!("a process id"));
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .unwrap_or_else(|why| panic!("SIGTERM: {why}"));
        let began = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.code(),
                Ok(None) => assert!(began.elapsed() < DEADLINE, "comptoir up does not stop"),
                Err(why) => panic!("comptoir up: {why}"),
            }
            std::thread::yield_now();
        }
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(rest) = self.rest.take() {
            let _ = rest.join();
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.end();
    }
}

//! The published SDKs, unmodified, against a real service. `tests/sdk/install` puts them where these tests look.

use journeys::repository;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use test_kit::TestDb;

/// An SDK, and a script or program that uses it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sdk {
    pub(crate) name: &'static str,
    language: Language,
    /// The script in `tests/sdk`; for Rust, the program.
    file: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Language {
    /// With the package that the script uses.
    JavaScript(&'static str),
    Python,
    Rust,
}

pub(crate) const SDKS: [Sdk; 6] = [
    Sdk {
        name: "libsql_client_for_javascript",
        language: Language::JavaScript("@libsql/client"),
        file: "libsql-client.mjs",
    },
    Sdk {
        name: "turso_serverless_for_javascript",
        language: Language::JavaScript("@tursodatabase/serverless"),
        file: "turso-serverless.mjs",
    },
    Sdk {
        name: "libsql_client_for_python",
        language: Language::Python,
        file: "libsql_client_py.py",
    },
    Sdk {
        name: "libsql_for_python",
        language: Language::Python,
        file: "libsql_py.py",
    },
    Sdk {
        name: "sqlalchemy_libsql",
        language: Language::Python,
        file: "sqlalchemy_py.py",
    },
    Sdk {
        name: "libsql_for_rust",
        language: Language::Rust,
        file: "rust/debug/sdk-rust",
    },
];

/// Where `tests/sdk/install` puts the SDKs.
fn home() -> PathBuf {
    std::env::var_os("SDK_HOME").map_or_else(|| repository().join("target/sdk"), PathBuf::from)
}

impl Sdk {
    /// Why it cannot be tried, when it is not installed.
    pub(crate) fn missing(&self) -> Option<String> {
        let needed = match self.language {
            Language::JavaScript(package) => home().join("node_modules").join(package),
            Language::Python => home().join("venv/.installed"),
            Language::Rust => home().join(self.file),
        };
        (!needed.exists()).then(|| "not installed: run tests/sdk/install".to_owned())
    }

    /// Runs its script against a new service; it fails when something is not as it should be.
    pub(crate) async fn run(self) {
        let db = TestDb::start().await;
        let script = repository().join("tests/sdk").join(self.file);
        let mut command = match self.language {
            Language::JavaScript(_) => Command::new("node"),
            Language::Python => Command::new(home().join("venv/bin/python")),
            Language::Rust => Command::new(home().join(self.file)),
        };
        if !matches!(self.language, Language::Rust) {
            command.arg(script);
        }
        command
            .arg(&db.url)
            .env("SDK_HOME", home())
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap_or_else(|cause| panic!("{} does not start: {cause}", self.name));
        assert!(
            output.status.success(),
            "{}: {}\n{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

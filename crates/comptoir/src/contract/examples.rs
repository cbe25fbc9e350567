//! The examples: a request, and what a stack with the sample data answers to it.

use serde::{Deserialize, Serialize};
use serde_yaml_ng::{Mapping, Value};

/// A service of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// db-service.
    Db,
    /// script-service.
    Script,
}

impl Service {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Db, Self::Script];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Db => "db-service",
            Self::Script => "script-service",
        }
    }

    /// Its entry in the list of servers.
    pub(super) fn server(self) -> Value {
        let url = match self {
            Self::Db => "http://localhost:8080",
            Self::Script => "http://localhost:5000",
        };
        let mut server = Mapping::new();
        server.insert("url".into(), url.into());
        server.insert("description".into(), self.name().into());
        server.into()
    }

    /// What a schema of it is called when another service has a different one of the same name.
    pub(super) fn own_name(self, schema: &str) -> String {
        let prefix = match self {
            Self::Db => "Db",
            Self::Script => "Script",
        };
        format!("{prefix}{schema}")
    }
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What the example is called, unique in its operation.
    pub name: String,
    /// What it shows, in a few words.
    pub summary: String,
    /// Who is asked.
    pub service: Service,
    /// The method, in lower case.
    pub method: String,
    /// The path of the operation, with its parameters in braces.
    pub path: String,
    /// The path and query that are sent.
    pub target: String,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Content>,
    /// Headers that are sent, beside the content type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
    /// The answer, its times and durations made equal.
    pub answer: Content,
}

/// A body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Its media type.
    pub content_type: String,
    /// The body: a text, or what the JSON says.
    pub body: Value,
}

/// The examples in `text`, a list in JSON.
pub(super) fn parse(text: &str) -> Result<Vec<Example>, serde_yaml_ng::Error> {
    // JSON is YAML, and this reader keeps the order of members.
    serde_yaml_ng::from_str(text)
}

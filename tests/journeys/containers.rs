//! The container files, held against the code: nothing here builds an image.

use journeys::{cargo_metadata, read};
use serde_yaml_ng::Value;

/// A service in a container.
struct Contained {
    /// Its crate and its program.
    name: &'static str,
    /// Its name in the compose file.
    compose: &'static str,
    port: u16,
    /// Of its variables.
    prefix: &'static str,
}

const SERVICES: [Contained; 3] = [
    Contained {
        name: "db-service",
        compose: "db_service",
        port: 8080,
        prefix: "DB_",
    },
    Contained {
        name: "script-service",
        compose: "script_service",
        port: 5000,
        prefix: "SCRIPT_",
    },
    Contained {
        name: "dashboard-service",
        compose: "dashboard_service",
        port: 8501,
        prefix: "DASHBOARD_",
    },
];

impl Contained {
    fn image_file(&self) -> String {
        format!("docker/{}.Dockerfile", self.name)
    }

    fn source(&self, file: &str) -> String {
        read(&format!("crates/{}/src/{file}", self.name))
    }
}

fn compose() -> Value {
    serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap()
}

fn list(value: &Value) -> Vec<&str> {
    value
        .as_sequence()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

#[test]
fn an_image_builds_and_starts_the_program_of_its_service() {
    let metadata = cargo_metadata();

    for service in SERVICES {
        let package = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|package| package["name"] == service.name)
            .unwrap();
        let is_program =
            |target: &&serde_json::Value| target["kind"][0] == "bin" && target["name"] == service.name;
        assert!(
            package["targets"]
                .as_array()
                .unwrap()
                .iter()
                .any(|target| is_program(&target))
        );
        let image = read(&service.image_file());
        let name = service.name;
        for line in [
            format!("cargo build --locked --release --package {name} "),
            format!("COPY --from=build /out/{name} /usr/local/bin/{name}"),
            format!("ENTRYPOINT [\"{name}\"]"),
        ] {
            assert!(image.contains(&line), "{} lacks: {line}", service.image_file());
        }
    }
}

#[test]
fn an_image_is_built_with_the_compiler_that_the_workspace_asks_for() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"');

    for service in SERVICES {
        let from = format!("FROM rust:{version}-");
        assert!(read(&service.image_file()).contains(&from), "{from}");
    }
}

#[test]
fn a_container_does_not_run_as_root() {
    for service in SERVICES {
        let image = read(&service.image_file());
        let user = image.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
        assert!(!["root", "0"].contains(&user));
        assert!(image.find("USER ").unwrap() < image.find("ENTRYPOINT").unwrap());
    }
}

#[test]
fn ports_are_those_of_the_settings() {
    let compose = compose();

    for service in SERVICES {
        let port = service.port;
        assert!(
            service
                .source("config.rs")
                .contains(&format!("default_value = \"127.0.0.1:{port}\"")),
            "{} does not listen on {port}",
            service.name
        );
        let image = read(&service.image_file());
        assert!(image.contains(&format!("EXPOSE {port}\n")));
        assert!(image.contains(&format!("{}LISTEN=0.0.0.0:{port}", service.prefix)));
        let ports = &compose["services"][service.compose]["ports"];
        assert_eq!(list(ports), [format!("127.0.0.1:{port}:{port}")]);
    }
}

#[test]
fn every_variable_is_a_setting() {
    let compose = compose();

    for service in SERVICES {
        let settings = service.source("config.rs");
        let image = read(&service.image_file());
        let in_image = image
            .split_whitespace()
            .filter(|word| word.starts_with(service.prefix))
            .map(|word| word.split('=').next().unwrap().to_owned());
        let in_compose = compose["services"][service.compose]["environment"]
            .as_mapping()
            .into_iter()
            .flat_map(|variables| variables.keys().map(|name| name.as_str().unwrap().to_owned()));
        let names: Vec<String> = in_image.chain(in_compose).collect();
        assert!(!names.is_empty());
        for name in names {
            assert!(
                settings.contains(&format!("env = \"{name}\"")),
                "{} has no {name}",
                service.name
            );
        }
    }
}

#[test]
fn health_is_asked_of_the_program_itself() {
    for service in SERVICES {
        let image = read(&service.image_file());
        let check = format!("CMD [\"{}\", \"--probe\"]", service.name);
        assert!(image.contains("HEALTHCHECK") && image.contains(&check), "{check}");
        assert!(service.source("main.rs").contains("service_kit::program("));
    }
    assert!(read("crates/service-kit/src/program.rs").contains("const PROBE: &str = \"probe\""));
    assert!(read("crates/service-kit/src/probe.rs").contains("GET /readyz "));
}

#[test]
fn a_service_starts_when_the_one_it_calls_is_healthy() {
    let compose = compose();

    let script = &compose["services"]["script_service"];

    assert_eq!(script["depends_on"]["db_service"]["condition"], "service_healthy");
    assert!(read("docker/script-service.Dockerfile").contains("SCRIPT_DB_URL=http://db_service:8080"));
    let page = &compose["services"]["dashboard_service"];
    assert_eq!(
        page["depends_on"]["script_service"]["condition"],
        "service_healthy"
    );
    assert!(
        read("docker/dashboard-service.Dockerfile")
            .contains("DASHBOARD_SCRIPT_URL=http://script_service:5000")
    );
}

#[test]
fn the_data_folder_is_shared_and_only_db_service_writes_there() {
    let compose = compose();

    assert_eq!(
        list(&compose["services"]["db_service"]["volumes"]),
        ["./data:/data"]
    );
    assert_eq!(
        list(&compose["services"]["script_service"]["volumes"]),
        ["./data:/data:ro"]
    );
}

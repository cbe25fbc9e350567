//! Several contracts become one.

use super::examples::{Content, Example, Service};
use anyhow::{Context as _, bail};
use serde_yaml_ng::{Mapping, Value};

/// The keys of a path item that are operations.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];
/// Where schemas are.
const SCHEMAS: &str = "#/components/schemas/";

/// What has been joined so far.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) tags: Vec<Value>,
    pub(super) paths: Mapping,
    pub(super) components: Mapping,
}

impl Joined {
    /// Adds the contract of `service`. A path that another service has too gets both servers; a schema whose
    /// name another one bears is renamed.
    pub(super) fn add(&mut self, service: Service, mut contract: Value) -> anyhow::Result<()> {
        let schemas = take_mapping(&mut contract, &["components", "schemas"]);
        let renamed = self.renamed(service, &schemas);
        for (name, mut schema) in schemas {
            rename_references(&mut schema, &renamed);
            let name = name.as_str().context("a schema has a name")?.to_owned();
            let name = find(&renamed, &name).unwrap_or(&name).to_owned();
            self.component("schemas").insert(name.into(), schema);
        }
        for (name, scheme) in take_mapping(&mut contract, &["components", "securitySchemes"]) {
            self.component("securitySchemes").insert(name, scheme);
        }
        for (path, mut item) in take_mapping(&mut contract, &["paths"]) {
            rename_references(&mut item, &renamed);
            let path = path.as_str().context("a path is a text")?.to_owned();
            self.add_path(service, path, item)?;
        }
        if let Some(Value::Sequence(tags)) = contract.get_mut("tags") {
            let new = tags.drain(..).filter(|tag| {
                !self
                    .tags
                    .iter()
                    .any(|known: &Value| known.get("name") == tag.get("name"))
            });
            let new: Vec<Value> = new.collect();
            self.tags.extend(new);
        }
        Ok(())
    }

    fn component(&mut self, kind: &str) -> &mut Mapping {
        let entry = self
            .components
            .entry(kind.into())
            .or_insert_with(|| Mapping::new().into());
        entry.as_mapping_mut().expect("only mappings are put here")
    }

    /// From the names of schemas to those they get, where these differ.
    fn renamed(&mut self, service: Service, schemas: &Mapping) -> Vec<(String, String)> {
        let known = self.component("schemas");
        schemas
            .iter()
            .filter_map(|(name, schema)| Some((name.as_str()?, schema)))
            .filter(|(name, schema)| known.get(name).is_some_and(|other| other != *schema))
            .map(|(name, _)| (name.to_owned(), service.own_name(name)))
            .collect()
    }

    fn add_path(&mut self, service: Service, path: String, item: Value) -> anyhow::Result<()> {
        let Value::Mapping(item) = item else {
            bail!("the path {path} has no operations");
        };
        if let Some(known) = self.paths.get_mut(&path) {
            let methods = |item: &Mapping| METHODS.map(|method| item.contains_key(method));
            let known = known.as_mapping_mut().context("a path item is a mapping")?;
            if methods(known) != methods(&item) {
                bail!("two services have {path}, with different methods");
            }
            if let Some(Value::Sequence(servers)) = known.get_mut("servers") {
                servers.push(service.server());
            }
            return Ok(());
        }
        let mut with_servers = Mapping::new();
        with_servers.insert("servers".into(), vec![service.server()].into());
        with_servers.extend(item);
        self.paths.insert(path.into(), with_servers.into());
        Ok(())
    }

    /// Puts an example beside what it is an example of.
    pub(super) fn show(&mut self, example: &Example) -> anyhow::Result<()> {
        let operation = self
            .paths
            .get_mut(&example.path)
            .and_then(|item| item.get_mut(&example.method))
            .with_context(|| format!("there is no {} {}", example.method, example.path))?;
        // What is refused is shown by its answer, not as something to send.
        if let Some(request) = example.request.as_ref().filter(|_| example.status < 400) {
            let body = operation
                .get_mut("requestBody")
                .context("the operation takes no body")?;
            put(body, &example.name, &example.summary, request)?;
        }
        let responses = operation
            .get_mut("responses")
            .context("the operation has no answers")?;
        let status = example.status.to_string();
        let key = if responses.get(&status).is_some() {
            status.as_str()
        } else {
            "default"
        };
        let response = responses
            .get_mut(key)
            .with_context(|| format!("there is no answer {status}"))?;
        let summary = format!(
            "{}: {} {}",
            example.summary,
            example.method.to_uppercase(),
            example.target
        );
        put(response, &example.name, &summary, &example.answer)
    }
}

/// Adds an example to the content of a request or an answer.
fn put(place: &mut Value, name: &str, summary: &str, content: &Content) -> anyhow::Result<()> {
    let media_type = place
        .get_mut("content")
        .and_then(|of| of.get_mut(&content.content_type))
        .and_then(Value::as_mapping_mut)
        .with_context(|| format!("{} is not described", content.content_type))?;
    let mut example = Mapping::new();
    example.insert("summary".into(), summary.into());
    example.insert("value".into(), content.body.clone());
    // A document has either one `example` or several `examples`.
    media_type.remove("example");
    let examples = media_type
        .entry("examples".into())
        .or_insert_with(|| Mapping::new().into());
    let Value::Mapping(examples) = examples else {
        bail!("the examples are no mapping");
    };
    if examples.insert(name.into(), example.into()).is_some() {
        bail!("the name is taken");
    }
    Ok(())
}

fn take_mapping(document: &mut Value, path: &[&str]) -> Mapping {
    let place = path.iter().try_fold(document, |place, key| place.get_mut(*key));
    match place {
        Some(Value::Mapping(mapping)) => std::mem::take(mapping),
        _ => Mapping::new(),
    }
}

fn rename_references(value: &mut Value, renamed: &[(String, String)]) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping.iter_mut() {
                if key.as_str() == Some("$ref")
                    && let Some(name) = value.as_str().and_then(|text| text.strip_prefix(SCHEMAS))
                    && let Some(new) = find(renamed, name)
                {
                    *value = format!("{SCHEMAS}{new}").into();
                } else {
                    rename_references(value, renamed);
                }
            }
        }
        Value::Sequence(values) => {
            for value in values {
                rename_references(value, renamed);
            }
        }
        _ => {}
    }
}

fn find<'a>(renamed: &'a [(String, String)], name: &str) -> Option<&'a str> {
    renamed
        .iter()
        .find(|(old, _)| old == name)
        .map(|(_, new)| new.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(text: &str) -> Value {
        serde_yaml_ng::from_str(text).unwrap()
    }

    const DB: &str = "
paths:
  /healthz: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Health'}}}}}}}
components: {schemas: {Health: {type: object}, Job: {type: string}}}";
    const SCRIPT: &str = "
paths:
  /healthz: {get: {responses: {'200': {description: ok}}}}
  /jobs/{id}: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Job'}}}}}}}
components: {schemas: {Health: {type: object}, Job: {type: object}}}";

    #[test]
    fn a_path_has_the_servers_of_those_who_have_it() {
        let mut joined = Joined::default();
        joined.add(Service::Db, contract(DB)).unwrap();
        joined.add(Service::Script, contract(SCRIPT)).unwrap();

        assert_eq!(
            joined.paths["/healthz"]["servers"],
            Value::from(Service::ALL.map(Service::server).to_vec())
        );
        assert_eq!(
            joined.paths["/jobs/{id}"]["servers"],
            Value::from(vec![Service::Script.server()])
        );
    }

    #[test]
    fn schemas_of_one_name_that_differ_are_kept_apart() {
        let mut joined = Joined::default();
        joined.add(Service::Db, contract(DB)).unwrap();
        joined.add(Service::Script, contract(SCRIPT)).unwrap();

        let schema =
            &joined.paths["/jobs/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(schema["$ref"], "#/components/schemas/ScriptJob");
        let schemas = joined.components["schemas"].as_mapping().unwrap();
        let names: Vec<_> = schemas.keys().filter_map(Value::as_str).collect();
        assert_eq!(names, ["Health", "Job", "ScriptJob"]);
    }
}

//! Where the bytes of a source are: a file under the data folder, or pieces kept in db-service.

use super::failure::failed;
use super::fetch::{self, FetchError, Fetched};
use super::pieces::PieceReader;
use crate::jobs::context::{JobContext, Stop};
use crate::secrets::{Key, addresses};
use crate::store::job_sources::{self, KeptBytes, Validators};
use anyhow::{Context as _, bail};
use db_client::DbClient;
use script_api::SourceRequest;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tabular::SourceRead;
use tokio::runtime::Handle;

/// Bytes that can be read from their beginning as often as needed.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// A file.
    File(PathBuf),
    /// Pieces in db-service.
    Upload { id: String, bytes: u64 },
}

impl Location {
    /// The file that `path` names under `folder`. Nothing else is ever read: no `..`, no absolute path, no
    /// link that leads out.
    pub(crate) fn under(folder: &Path, path: &str) -> anyhow::Result<Self> {
        let relative = Path::new(path);
        // What begins with a point is no data: the key of the service may lie there.
        let plain = relative.components().all(|component| match component {
            Component::Normal(name) => !name.as_encoded_bytes().starts_with(b"."),
            Component::CurDir => true,
            _ => false,
        });
        if !plain || path.is_empty() {
            bail!("`{path}` does not lie under the data folder");
        }
        let folder = folder
            .canonicalize()
            .with_context(|| format!("the data folder {} cannot be read", folder.display()))?;
        let file = folder
            .join(relative)
            .canonicalize()
            .with_context(|| format!("there is no file `{path}` under the data folder"))?;
        let is_hidden = file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !file.starts_with(&folder) || is_hidden {
            bail!("`{path}` does not lie under the data folder");
        }
        if !file.is_file() {
            bail!("`{path}` is not a file");
        }
        Ok(Self::File(file))
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Upload { bytes, .. } => Ok(*bytes),
        }
    }

    /// A reader at the beginning. It blocks: not for a task's own thread.
    pub(crate) fn open(&self, db: &DbClient, runtime: &Handle) -> io::Result<Box<dyn SourceRead>> {
        Ok(match self {
            Self::File(path) => Box::new(std::fs::File::open(path)?),
            Self::Upload { id, bytes } => {
                Box::new(PieceReader::new(db.clone(), runtime.clone(), id.clone(), *bytes))
            }
        })
    }
}

/// Where the bytes of source `index` are; a URL is fetched when it was not before. `None` when the URL has
/// nothing newer than what an earlier job imported.
pub(super) async fn locate(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    force: bool,
) -> Result<Option<Location>, Stop> {
    if let Some(path) = &source.path {
        return Location::under(&context.config.data, path)
            .map(Some)
            .map_err(|error| failed("no_such_file", format!("{error:#}")));
    }
    if let Some(upload) = &source.upload {
        return Ok(Some(Location::Upload {
            id: upload.id.clone(),
            bytes: upload.bytes,
        }));
    }
    match &source.url {
        Some(url) => locate_url(context, source, index, url, force).await,
        None => Err(failed(
            "invalid_request",
            "the source has neither `path` nor `url`",
        )),
    }
}

async fn locate_url(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    url: &str,
    force: bool,
) -> Result<Option<Location>, Stop> {
    let (db, job) = (&context.db, context.job);
    if let Some(kept) = job_sources::fetched(db, job, index).await? {
        return Ok(Some(Location::Upload {
            id: kept.upload_id,
            bytes: kept.upload_bytes,
        }));
    }
    let asked = fetch_digest(context, source);
    let known = if force {
        Validators::default()
    } else {
        job_sources::validators(db, url, source.table.as_str(), &asked).await?
    };
    let address = address_of(context, source, url)?;
    context.progress.begin("fetching", None);
    let bytes = Arc::clone(&context.progress.bytes);
    let outcome = fetch::fetch(db, &context.config, &address, &known, |count| {
        context.progress.set_bytes_total(count);
        bytes.store(count, Ordering::Relaxed);
    })
    .await;
    match outcome {
        Ok(Fetched::NotModified) => Ok(None),
        Ok(Fetched::Content(upload, validators)) => {
            let kept = KeptBytes {
                upload_id: upload.id,
                upload_bytes: upload.bytes,
            };
            job_sources::set_fetched(db, job, index, &kept, &validators, &asked).await?;
            Ok(Some(Location::Upload {
                id: kept.upload_id,
                bytes: kept.upload_bytes,
            }))
        }
        Err(FetchError::Refused(detail)) => Err(failed("fetch_failed", detail)),
        Err(FetchError::Db(error)) => Err(error.into()),
    }
}

/// The whole address of a source that is shown as `url`.
fn address_of(context: &JobContext, source: &SourceRequest, url: &str) -> Result<String, Stop> {
    let Some(sealed) = &source.sealed_url else {
        return Ok(url.to_owned());
    };
    let key = Key::of(&context.config).map_err(|error| failed("no_key", error.to_string()))?;
    addresses::open(&key, sealed).ok_or_else(|| {
        failed(
            "no_key",
            format!("the address {url} was sealed with another key than that of --key-file; send the request again"),
        )
    })
}

/// What a source is asked for with: an answer to another request says nothing of this one.
fn fetch_digest(context: &JobContext, source: &SourceRequest) -> String {
    let options = serde_json::to_string(&source.options).unwrap_or_default();
    let (locale, zone) = (context.config.locale, &context.config.time_zone);
    blake3::hash(format!("{options}\n{locale:?}\n{zone}").as_bytes()).to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_under_the_folder_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("a.csv"), "x").unwrap();
        std::fs::write(folder.path().join("secret.csv"), "x").unwrap();
        std::fs::write(data.join(".script-service.key"), "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(data.join(".script-service.key"), data.join("key.csv")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), data.join("link.csv")).unwrap();

        assert!(Location::under(&data, "a.csv").is_ok());
        assert!(Location::under(&data, "./a.csv").is_ok());
        let absolute = folder.path().join("secret.csv");
        for path in [
            "../secret.csv",
            "link.csv",
            absolute.to_str().unwrap(),
            "",
            ".",
            "b.csv",
            ".script-service.key",
            "key.csv",
        ] {
            assert!(Location::under(&data, path).is_err(), "{path}");
        }
    }
}

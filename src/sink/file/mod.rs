//! Events as lines in a rotating file, each exactly once.
//!
//! - A line counts once it and its line end are on disk: append, fsync, then `Ok`. What a crash left behind the last
//!   line end is cut off before anything is appended.
//! - What the file holds is what was told: a line at or before its last sequence of the same epoch is not written
//!   again, nor is a `replayed` one whose id stands in any of its files.
//! - Nothing here deletes a file or a whole line that may have been read.

use std::path::{Path, PathBuf};

use super::{Line, Sink, SinkError};
use crate::event::{Cursor, Told};

mod scan;
mod writer;

use writer::Writer;

/// A line may be this long, line end included; what is longer is not ours.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Lines in `path`, moved aside to `<stem>-<epoch>-<first sequence>.<extension>` when it grows past a limit.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    rotate: u64,
    /// Away while a blocking call has it.
    writer: Option<Writer>,
}

impl FileSink {
    /// On `path`, whose directory must exist. The file is made 0600 when first needed.
    ///
    /// `rotate` is in bytes: a file grows past it only by a single batch that is larger.
    #[must_use]
    pub fn new(path: PathBuf, rotate: u64) -> Self {
        Self {
            path,
            rotate,
            writer: None,
        }
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let writer = self.writer.take();
        let mut writer = writer.unwrap_or_else(|| Writer::new(self.path.clone(), self.rotate));
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut writer);
            (writer, result)
        });
        let (writer, result) = done
            .await
            .map_err(|error| failed(&self.path, "written")(std::io::Error::other(error)))?;
        self.writer = Some(writer);
        result
    }
}

impl Sink for FileSink {
    async fn check(&mut self) -> Result<(), SinkError> {
        self.blocking(|writer| writer.check()).await
    }

    async fn resume(&mut self, acknowledged: Option<Cursor>) -> Result<Option<Cursor>, SinkError> {
        self.blocking(move |writer| writer.resume(acknowledged))
            .await
    }

    async fn deliver(&mut self, batch: &[Line]) -> Result<(), SinkError> {
        let batch = batch.to_vec();
        self.blocking(move |writer| writer.deliver(&batch)).await
    }
}

/// Visits every whole line that the sink at `path` ever wrote: of its rotated files, oldest first, then of `path` itself.
/// A sink without any file visits nothing. Blocks; takes no lock and changes nothing.
///
/// # Errors
/// When a file cannot be read, or holds a line that is no event of ours.
pub fn told(path: &Path, mut visit: impl FnMut(Told)) -> Result<(), SinkError> {
    let rotated = scan::rotated(path)?;
    let files = rotated.into_iter().map(|rotated| rotated.path);
    for file in files.chain([path.to_owned()]) {
        scan::read(&file, None, &mut visit)?;
    }
    Ok(())
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> SinkError {
    let path = path.to_owned();
    move |source| SinkError::Io {
        path,
        action,
        source,
    }
}

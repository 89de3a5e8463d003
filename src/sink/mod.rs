//! Where events go: what every sink can do.

use std::future::Future;

use crate::event::Cursor;
pub use crate::event::Line;

pub mod file;
pub mod stdout;

/// A sink did not take a batch, or could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader closed its end: nobody listens any more.
    #[error("the reader closed standard output")]
    Closed,
    /// The file system refused.
    #[error("{} could not be {action}: {source}", path.display())]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// `opened`, `locked`, `read`, `written`, `synced`, `truncated`, `rotated`.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// What stands in the file is not ours.
    #[error("{} line {line} is no tillwatch event: move the file away or name another path", path.display())]
    Foreign {
        /// The file.
        path: std::path::PathBuf,
        /// From 1.
        line: usize,
    },
    /// Another process writes there.
    #[error("{} is written by another process: give each tillwatch a file of its own", path.display())]
    InUse {
        /// The file.
        path: std::path::PathBuf,
    },
}

/// A place that events go to, in order, each at least once.
pub trait Sink: Send {
    /// Can it be written? Called at start and by `tillwatch check --live`; writes nothing.
    fn check(&mut self) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// What did it get last? `acknowledged` is what the store remembers; a sink that can remember
    /// answers from its own memory when that is further. `None` means "from the start of the epoch".
    fn resume(
        &mut self,
        acknowledged: Option<Cursor>,
    ) -> impl Future<Output = Result<Option<Cursor>, SinkError>> + Send;

    /// Takes a batch in order; `Ok` means that all of it is as durable as this sink can make it.
    fn deliver(&mut self, batch: &[Line]) -> impl Future<Output = Result<(), SinkError>> + Send;
}

//! The pure modules of tillwatch, built from their own files, and what the fuzz targets share.

pub mod cell;
pub mod portals;
pub mod promises;

pub use agent::{
    diagnostic, event, extract, identity, normalize, payment, selectors, session, skeleton, trial,
    understand,
};

#[path = "../../src"]
#[expect(
    dead_code,
    unused_imports,
    reason = "some of it is there for the rest of the agent"
)]
mod agent {
    pub mod diagnostic;
    pub mod event;
    pub mod extract;
    pub mod identity;
    pub mod normalize;
    pub mod payment;
    pub mod selectors;
    pub mod session;
    pub mod skeleton;
    pub mod trial;
    pub mod understand;
}

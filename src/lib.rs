//! tillwatch watches mobile-money portals and streams each new payment once.

pub mod agent;
pub mod announce;
pub mod cli;
pub mod clock;
pub mod completeness;
pub mod config;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod diagnostic;
pub mod event;
pub mod exit;
pub mod extract;
pub mod http;
pub mod identity;
pub mod login;
pub mod normalize;
pub mod payment;
pub mod portal;
pub mod retry;
pub mod schedule;
pub mod selectors;
pub mod session;
pub mod sink;
pub mod store;
pub mod telemetry;

//! A demo portal, a local WebDriver and the agent, in one command.

pub mod portal;

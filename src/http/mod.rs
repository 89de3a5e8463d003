//! The HTTP server: event stream and health.

//! The wire form of events: CloudEvents 1.0 JSON. Pure.

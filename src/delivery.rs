//! One worker per sink: deliver, then acknowledge.

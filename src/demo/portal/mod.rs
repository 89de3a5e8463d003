//! Kilima Money: a demo portal. A real HTTP server with a real portal's faults.

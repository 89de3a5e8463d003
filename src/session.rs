//! What a fetched page says about the session, and what follows from the outcome of a sign-in. Pure.

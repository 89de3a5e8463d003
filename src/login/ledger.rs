//! The attempts of one portal user, on disk before each click.

//! Which event, if any, a payment becomes, given what was known. Pure.

//! May a sign-in be attempted now, and if not, when? Pure.

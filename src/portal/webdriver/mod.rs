//! A portal behind a WebDriver.

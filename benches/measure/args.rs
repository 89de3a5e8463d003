//! What a benchmark is told after `--`.

/// The words of its command line.
pub struct Args(Vec<String>);

impl Args {
    /// `None` where it is only built and tried, as `cargo test --all-targets` does: without the word `--bench`.
    pub fn of(bench: &str) -> Option<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        if words.iter().any(|word| word == "--bench") {
            return Some(Self(words));
        }
        println!("a benchmark: cargo bench --bench {bench}");
        None
    }

    /// The word after `name`.
    pub fn value(&self, name: &str, default: &str) -> String {
        let place = self.0.iter().position(|word| word == name);
        let given = place.and_then(|place| self.0.get(place + 1));
        given.map_or(default, String::as_str).to_owned()
    }
}

//! What reading a page costs, beside selectolax, lxml, pandas and BeautifulSoup making the same records of it.
//!
//! `cargo bench --bench extract` installs the scripts' libraries under `target/` and prints the table of
//! `benches/README.md`. That all records are equal is checked first. A whole process is one that starts, reads the page
//! once and ends: medians of interleaved rounds. In process is the fastest of many readings in one process. To reach:
//! ahead of every one as a whole process.
#![expect(clippy::unwrap_used, reason = "a benchmark")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "measure/args.rs"]
mod args;
#[path = "extract/page.rs"]
mod page;
#[path = "extract/reader.rs"]
mod reader;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use args::Args;
use reader::Reader;

/// Rows of a page, rounds of whole processes, and readings in one process of each round.
const SIZES: [(usize, usize, usize); 3] = [(50, 9, 60), (500, 7, 8), (5_000, 5, 1)];

/// What one reader took for pages of one size.
struct Cost {
    whole_s: f64,
    inside_s: f64,
    peak_mib: f64,
}

fn main() -> ExitCode {
    let Some(args) = Args::of("extract") else {
        return ExitCode::SUCCESS;
    };
    let what = args.value("--read", "");
    if !what.is_empty() {
        let page = args.value("--page", "");
        reader::serve(
            &what,
            Path::new(&page),
            args.value("--times", "1").parse().unwrap(),
        );
        return ExitCode::SUCCESS;
    }
    reader::install_scripts();
    let dir = tempfile::tempdir().unwrap();
    print_head();
    for (rows, rounds, times) in SIZES {
        let path = dir.path().join("page.html");
        let html = page::page(rows);
        fs::write(&path, &html).unwrap();
        check(&path, rows);
        let costs = Reader::ALL.map(|reader| (reader, Vec::new()));
        let costs = measured(&path, costs, rounds, times);
        print(rows, html.len(), &costs);
    }
    ExitCode::SUCCESS
}

/// Do all make the same records? The first look also warms files and caches.
fn check(page: &Path, rows: usize) {
    let expected = Reader::Cells.verify(page);
    for reader in Reader::ALL {
        assert_eq!(reader.verify(page), expected, "{}", reader.name());
        assert_eq!(reader.time(page, 1).records, rows, "{}", reader.name());
    }
}

fn measured(
    page: &Path,
    mut all: [(Reader, Vec<Cost>); 6],
    rounds: usize,
    times: usize,
) -> Vec<(Reader, Cost)> {
    for _ in 0..rounds {
        for (reader, costs) in &mut all {
            let begun = Instant::now();
            let once = reader.time(page, 1);
            let whole_s = begun.elapsed().as_secs_f64();
            // One that takes long is as good as warm the first time.
            let inside = (times > 1).then(|| reader.time(page, times).fastest_s);
            costs.push(Cost {
                whole_s,
                inside_s: inside.unwrap_or(once.fastest_s),
                peak_mib: once.peak_mib,
            });
        }
    }
    let all = all.into_iter();
    all.map(|(reader, costs)| (reader, summed_up(&costs)))
        .collect()
}

/// Medians of the whole, the fastest of the inside.
fn summed_up(costs: &[Cost]) -> Cost {
    let inside = costs.iter().map(|cost| cost.inside_s);
    Cost {
        whole_s: median(costs.iter().map(|cost| cost.whole_s)),
        inside_s: inside.fold(f64::INFINITY, f64::min),
        peak_mib: median(costs.iter().map(|cost| cost.peak_mib)),
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn print_head() {
    println!(
        "| rows | reader | whole process, ms | of cells | rows/s | MB/s | in process, ms | of cells | rows/s | MB/s | peak, MiB |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

fn print(rows: usize, bytes: usize, costs: &[(Reader, Cost)]) {
    let (_, cells) = &costs[0];
    let figures = |seconds: f64, of: f64| {
        let (rows, megabytes) = (rows as f64 / seconds, bytes as f64 / 1e6 / seconds);
        let (ms, of) = (seconds * 1e3, seconds / of);
        format!("{ms:.1} | {of:.2} | {rows:.0} | {megabytes:.1}")
    };
    for (reader, cost) in costs {
        println!(
            "| {rows} | {} | {} | {} | {:.0} |",
            reader.name(),
            figures(cost.whole_s, cells.whole_s),
            figures(cost.inside_s, cells.inside_s),
            cost.peak_mib,
        );
    }
}

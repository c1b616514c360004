//! The documentation check: `cargo doc` without warnings, and what the pages of the repository promise.
//!
//! - Every path that `ARCHITECTURE.md`, `README.md`, `COMPAT.md` or `CONTRIBUTING.md` names in back-ticks or
//!   links to exists, so that a file which moves takes its mention along.
//! - `COMPAT.md` has one row for each operation of `tests/fixtures/operations.txt`.
//! - `COMPAT.md` names a test for each family of functions, in which each of them is called.
//! - `CHANGELOG.md` has an entry.

use crate::test::Outcome;
use crate::{process, tree};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "COMPAT.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// The first path elements that make a back-ticked word a path of this repository.
const ROOTS: &[&str] = &[
    "crates/", "docs/", "tests/", "benches/", "xtask/", "fuzz/", ".ci/", "console/",
];

/// Runs all documentation checks; prints each thing that is wrong.
pub(crate) fn run() -> Result<Outcome> {
    // The module pages are for who works on the code: they link to private items, which are documented too.
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ];
    let mut command = process::cargo(arguments);
    command.env(
        "RUSTDOCFLAGS",
        "-D warnings -A rustdoc::private_intra_doc_links",
    );
    let documented = process::succeeds(&mut command)?;
    let mut complaints = Vec::new();
    for page in PAGES {
        complaints.extend(page_complaints(page)?);
    }
    complaints.extend(operation_complaints()?);
    complaints.extend(function_complaints()?);
    for complaint in &complaints {
        println!("docs: {complaint}");
    }
    if complaints.is_empty() {
        println!(
            "docs: every named path exists, every operation has its row, every function its test"
        );
    }
    Ok(Outcome::of(documented && complaints.is_empty()))
}

fn read(page: &str) -> Result<String> {
    std::fs::read_to_string(tree::root().join(page))
        .with_context(|| format!("cannot read `{page}`"))
}

fn page_complaints(page: &str) -> Result<Vec<String>> {
    let text = read(page)?;
    if text.trim().is_empty() {
        return Ok(vec![format!("`{page}` is empty")]);
    }
    let root = tree::root();
    Ok(named_paths(&text)
        .into_iter()
        .filter(|path| !exists(&root, path))
        .map(|path| format!("`{page}` names `{path}`, which does not exist"))
        .collect())
}

/// A path may end in `/`, and may hold one `{a,b}` list.
fn exists(root: &Path, path: &str) -> bool {
    expand(path).iter().all(|one| root.join(one).exists())
}

/// `a/{b,c}.rs` becomes `a/b.rs` and `a/c.rs`; any other path stays as it is.
fn expand(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let Some((inside, after)) = rest.split_once('}') else {
        return vec![path.to_owned()];
    };
    inside
        .split(',')
        .map(|one| format!("{before}{}{after}", one.trim()))
        .collect()
}

/// The repository paths that a page names: back-ticked words below a known folder, and relative links.
fn named_paths(text: &str) -> BTreeSet<String> {
    let ticked = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| ROOTS.iter().any(|root| word.starts_with(root)))
        .filter(|word| !word.contains(char::is_whitespace) && !word.contains(['<', '*']));
    let linked = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://"));
    ticked.chain(linked).map(str::to_owned).collect()
}

fn operation_complaints() -> Result<Vec<String>> {
    let compat = read("COMPAT.md")?;
    let operations = read("tests/fixtures/operations.txt")?;
    let rows: BTreeSet<&str> = compat
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    Ok(operations
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && !rows.contains(name))
        .map(|name| format!("`COMPAT.md` has no row for the operation `{name}`"))
        .collect())
}

/// Functions of the table below `### Functions` that are not called in the tests of their row.
fn function_complaints() -> Result<Vec<String>> {
    let compat = read("COMPAT.md")?;
    let section = compat
        .split("\n### Functions\n")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .context("`COMPAT.md` has no table of functions")?;
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let mut complaints = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [_, _, functions, _, tests] = cells[..] else {
            complaints.push(format!(
                "`COMPAT.md`: a row of functions has other columns: {row}"
            ));
            continue;
        };
        let mut text = String::new();
        for path in named_paths(tests) {
            text += &read(&path)?.to_uppercase();
        }
        let missing = functions.split(", ").filter(|name| !calls(&text, name));
        complaints.extend(missing.map(|name| {
            format!("`COMPAT.md`: `{name}` is called in none of the tests of its row")
        }));
    }
    Ok(complaints)
}

/// Whether SQL in capitals calls a function.
fn calls(sql: &str, name: &str) -> bool {
    let call = format!("{name}(");
    sql.match_indices(&call).any(|(at, _)| {
        let before = sql[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_paths_are_ticked_words_and_relative_links() {
        let text =
            "see `crates/a/src/lib.rs`, `not/ours.rs` and [x](docs/y.md#part), [z](https://e.org/)";
        let expected = ["crates/a/src/lib.rs", "docs/y.md"].map(str::to_owned);
        assert_eq!(named_paths(text), BTreeSet::from(expected));
    }

    #[test]
    fn a_call_is_of_the_whole_name() {
        assert!(calls("SELECT TRIM(X)", "TRIM"));
        assert!(!calls("SELECT LTRIM(X), TRIM", "TRIM"));
    }

    #[test]
    fn a_list_in_braces_names_several_paths() {
        assert_eq!(expand("a/{b,c}.rs"), ["a/b.rs", "a/c.rs"]);
        assert_eq!(expand("a/b.rs"), ["a/b.rs"]);
    }
}

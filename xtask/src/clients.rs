//! The client tests: published client packages against a real server process.
//!
//! Each part installs its pinned packages under `target/clients` on first use and runs the tests of one
//! folder of `tests/clients`. The tests start the debug binary themselves, on free ports and temporary
//! folders, and stop it. A part whose interpreter is missing is skipped by name.

use crate::test::Outcome;
use crate::{process, proofs, tree};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The environment of the current Python client, DuckDB and pyarrow.
pub(crate) const PYTHON: &str = "python";
/// The environment of the first generation of the Python client, which has the same import name.
const PYTHON_V2_ALPHA: &str = "python-v2-alpha";
const NODE: &str = "node";
/// Succeeds where Python can make environments and is as new as the tests' use of `unittest`.
const PYTHON_CHECK: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

/// The random queries that `cargo xtask compare` asks unless told otherwise.
const QUERIES: &str = "10000";

/// `compare [--queries N] [--seed S]`: the long form of `tests/clients/python/test_expressions.py`.
pub(crate) fn compare(arguments: &[String]) -> Result<ExitCode> {
    let [queries, seed] = proofs::options(arguments, ["--queries", "--seed"])?;
    build()?;
    let Some(python) = python_environment(PYTHON)? else {
        bail!("the comparison needs python3 of 3.11 or newer with venv");
    };
    let mut command = unittest(PYTHON, &python);
    command
        .arg("--pattern=test_expressions.py")
        .env("OUTCROP_QUERIES", queries.unwrap_or(QUERIES));
    if let Some(seed) = seed {
        command.env("OUTCROP_QUERIES_SEED", seed);
    }
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn build() -> Result<()> {
    let arguments = ["build", "--locked", "--package", "outcrop"];
    if !process::succeeds(&mut process::cargo(arguments))? {
        bail!("the build failed");
    }
    Ok(())
}

/// Builds the server and runs every part.
pub(crate) fn run() -> Result<Outcome> {
    build()?;
    let mut outcome = Outcome::of(true);
    let node_modules = node_modules()?;
    for name in [PYTHON, PYTHON_V2_ALPHA] {
        match python_environment(name)? {
            Some(python) => outcome.passed &= run_python(name, &python, node_modules.as_deref())?,
            None => outcome.skipped.push(format!(
                "tests/clients/{name} (python3 of 3.11 or newer with venv not found)"
            )),
        }
    }
    match &node_modules {
        Some(modules) => outcome.passed &= run_node(modules)?,
        None => {
            outcome
                .skipped
                .push("tests/clients/node (node and npm not found)".to_owned());
            outcome
                .skipped
                .push("the vega-datasets part of tests/clients/python (npm not found)".to_owned());
        }
    }
    Ok(outcome)
}

/// The Python interpreter of an environment with the folder's `requirements.txt` installed, or `None` where
/// Python is missing.
pub(crate) fn python_environment(name: &str) -> Result<Option<PathBuf>> {
    if !process::exists("python3", &["-c", PYTHON_CHECK]) {
        return Ok(None);
    }
    let directory = tree::clients().join(name);
    let requirements = tree::root()
        .join("tests/clients")
        .join(name)
        .join("requirements.txt");
    let python = directory.join("bin").join("python");
    let wanted = read(&requirements)?;
    install_once(&directory.join("installed.txt"), &wanted, || {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&directory);
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        pip.arg(&requirements);
        Ok(process::succeeds(&mut venv)? && process::succeeds(&mut pip)?)
    })?;
    Ok(Some(python))
}

/// The folder with `node_modules`, or `None` where Node or npm is missing.
fn node_modules() -> Result<Option<PathBuf>> {
    if !process::exists("node", &["--version"]) || !process::exists("npm", &["--version"]) {
        return Ok(None);
    }
    let source = tree::root().join("tests/clients").join(NODE);
    let directory = tree::clients().join(NODE);
    let lock = "package-lock.json";
    install_once(
        &directory.join("installed.txt"),
        &read(&source.join(lock))?,
        || {
            std::fs::create_dir_all(&directory)?;
            for file in ["package.json", lock] {
                std::fs::copy(source.join(file), directory.join(file))
                    .with_context(|| format!("cannot copy `{file}`"))?;
            }
            let mut npm = Command::new("npm");
            npm.args([
                "ci",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--loglevel=error",
            ]);
            process::succeeds(npm.current_dir(&directory))
        },
    )?;
    Ok(Some(directory.join("node_modules")))
}

/// Runs `install` unless the marker file says that this very list is installed.
fn install_once(marker: &Path, wanted: &str, install: impl FnOnce() -> Result<bool>) -> Result<()> {
    if std::fs::read_to_string(marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !install()? {
        bail!("cannot install the packages for `{}`", marker.display());
    }
    std::fs::write(marker, wanted).with_context(|| format!("cannot write `{}`", marker.display()))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn run_python(name: &str, python: &Path, node_modules: Option<&Path>) -> Result<bool> {
    println!("---- tests/clients/{name}");
    let mut command = unittest(name, python);
    if let Some(modules) = node_modules {
        command.env("OUTCROP_NODE_MODULES", modules);
    }
    process::succeeds(&mut command)
}

/// The tests of a folder of `tests/clients`.
fn unittest(name: &str, python: &Path) -> Command {
    let folder = tree::root().join("tests/clients").join(name);
    let mut command = Command::new(python);
    // The helpers that start a server are shared, and lie in the folder above.
    command
        .args([
            "-B",
            "-m",
            "unittest",
            "discover",
            "--verbose",
            "--start-directory",
        ])
        .arg(&folder)
        .env("PYTHONPATH", tree::root().join("tests/clients"))
        .env("OUTCROP_BINARY", tree::binary("debug"))
        .current_dir(tree::root());
    command
}

fn run_node(node_modules: &Path) -> Result<bool> {
    println!("---- tests/clients/{NODE}");
    let folder = tree::root().join("tests/clients").join(NODE);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.cjs"))
        .collect();
    files.sort();
    let mut command = Command::new("node");
    // NODE_PATH works for CommonJS only, which is why the tests are `.cjs` files.
    command
        .arg("--test")
        .args(files)
        .env("NODE_PATH", node_modules)
        .env("OUTCROP_BINARY", tree::binary("debug"))
        .current_dir(tree::root());
    process::succeeds(&mut command)
}

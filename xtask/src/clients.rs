//! The client tests: published client packages against a real server process.
//!
//! Each part installs its pinned packages under `target/clients` on first use and runs the tests of one
//! folder of `tests/clients`. The tests start the debug binary themselves, on free ports and temporary
//! folders, and stop it. A part whose interpreter is missing, or whose packages are not here yet and whose registry
//! cannot be reached, is skipped by name.

use crate::test::Outcome;
use crate::{process, proofs, tree};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The environment of the current Python client, DuckDB and pyarrow.
const PYTHON: &str = "python";
/// The environment of the first generation of the Python client, which has the same import name.
const PYTHON_V2_ALPHA: &str = "python-v2-alpha";
/// The environments of packages that build on the Python client. They do not go together: the SQLAlchemy dialect wants
/// another SQLAlchemy than LangChain.
const PYTHON_SQL: &str = "python-sql";
const PYTHON_VECTORS: &str = "python-vectors";
/// The environment that makes requests out of descriptions of the API: the server's own one, and that of which
/// [`DESCRIPTION`] names a copy.
const PYTHON_CONTRACT: &str = "python-contract";
const DESCRIPTION: &str = "OUTCROP_OPENAPI";
const NODE: &str = "node";
/// Succeeds where Python can make environments and is as new as the tests' use of `unittest`.
const PYTHON_CHECK: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

/// Where the packages of a folder are.
pub(crate) enum Packages {
    /// The Python interpreter of the environment, or `node_modules`.
    At(PathBuf),
    /// Nowhere, for this reason.
    Missing(&'static str),
}

impl Packages {
    /// Where they are, if `purpose` cannot be done without them.
    pub(crate) fn needed_for(self, purpose: &str) -> Result<PathBuf> {
        match self {
            Self::At(path) => Ok(path),
            Self::Missing(reason) => bail!("{purpose} cannot run: {reason}"),
        }
    }
}

/// What came of an attempt to install packages.
enum Installed {
    Yes,
    No,
    /// Nothing could be installed at all.
    Unreachable,
}

const NO_PYTHON: Packages = Packages::Missing("python3 of 3.11 or newer with venv not found");
const NO_NODE: Packages = Packages::Missing("node and npm not found");
const NO_REGISTRY: Packages = Packages::Missing("the package registry cannot be reached");

/// The random queries that `cargo xtask compare` asks unless told otherwise.
const QUERIES: &str = "10000";

/// `compare [--queries N] [--seed S]`: the long form of `tests/clients/python/test_expressions.py`.
pub(crate) fn compare(arguments: &[String]) -> Result<ExitCode> {
    let [queries, seed] = proofs::options(arguments, ["--queries", "--seed"])?;
    process::build_debug()?;
    let python = python_environment(PYTHON)?.needed_for("the comparison")?;
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

/// Builds the server and runs every part.
pub(crate) fn run() -> Result<Outcome> {
    process::build_debug()?;
    let mut outcome = Outcome::of(true);
    let node_modules = match node_modules()? {
        Packages::At(modules) => Some(modules),
        Packages::Missing(reason) => {
            for part in [
                "tests/clients/node",
                "the vega-datasets part of tests/clients/python",
            ] {
                outcome.skipped.push(format!("{part} ({reason})"));
            }
            None
        }
    };
    if std::env::var_os(DESCRIPTION).is_none() {
        outcome.skipped.push(format!(
            "the published part of tests/clients/{PYTHON_CONTRACT} ({DESCRIPTION} names no copy of the API description)"
        ));
    }
    for name in [
        PYTHON,
        PYTHON_V2_ALPHA,
        PYTHON_SQL,
        PYTHON_VECTORS,
        PYTHON_CONTRACT,
    ] {
        match python_environment(name)? {
            Packages::At(python) => {
                outcome.passed &= run_python(name, &python, node_modules.as_deref())?;
            }
            Packages::Missing(reason) => outcome
                .skipped
                .push(format!("tests/clients/{name} ({reason})")),
        }
    }
    if let Some(modules) = &node_modules {
        outcome.passed &= run_node(modules)?;
    }
    Ok(outcome)
}

/// The Python interpreter of an environment with what the folder of the tests requires.
fn python_environment(name: &str) -> Result<Packages> {
    let requirements = tree::root()
        .join("tests/clients")
        .join(name)
        .join("requirements.txt");
    environment(&tree::clients().join(name), &requirements)
}

/// The Python interpreter of an environment in a folder, with the packages of a list installed.
pub(crate) fn environment(directory: &Path, requirements: &Path) -> Result<Packages> {
    if !process::exists("python3", &["-c", PYTHON_CHECK]) {
        return Ok(NO_PYTHON);
    }
    let python = directory.join("bin").join("python");
    let wanted = read(requirements)?;
    let is_there = install_once(&directory.join("installed.txt"), &wanted, || {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(directory);
        if !process::succeeds(&mut venv)? {
            return Ok(Installed::No);
        }
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        if process::succeeds(pip.arg(requirements))? {
            return Ok(Installed::Yes);
        }
        let look_up = ["-m", "pip", "index", "versions", "rockset"];
        Ok(failed(process::exists(&python.to_string_lossy(), &look_up)))
    })?;
    Ok(match is_there {
        true => Packages::At(python),
        false => NO_REGISTRY,
    })
}

/// The folder with `node_modules`.
fn node_modules() -> Result<Packages> {
    if !process::exists("node", &["--version"]) || !process::exists("npm", &["--version"]) {
        return Ok(NO_NODE);
    }
    let source = tree::root().join("tests/clients").join(NODE);
    let directory = tree::clients().join(NODE);
    let lock = "package-lock.json";
    let wanted = read(&source.join(lock))?;
    let is_there = install_once(&directory.join("installed.txt"), &wanted, || {
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
        if process::succeeds(npm.current_dir(&directory))? {
            return Ok(Installed::Yes);
        }
        let look_up = ["view", "@rockset/client", "version"];
        Ok(failed(process::exists("npm", &look_up)))
    })?;
    Ok(match is_there {
        true => Packages::At(directory.join("node_modules")),
        false => NO_REGISTRY,
    })
}

/// A failed installation, by whether the registry answers.
fn failed(registry_answers: bool) -> Installed {
    match registry_answers {
        true => Installed::No,
        false => Installed::Unreachable,
    }
}

/// Runs `install` unless the marker file says that this very list is installed; false if the registry cannot be reached.
fn install_once(
    marker: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<Installed>,
) -> Result<bool> {
    if std::fs::read_to_string(marker).is_ok_and(|installed| installed == wanted) {
        return Ok(true);
    }
    match install()? {
        Installed::Yes => {}
        Installed::No => bail!("cannot install the packages for `{}`", marker.display()),
        Installed::Unreachable => return Ok(false),
    }
    std::fs::write(marker, wanted)
        .with_context(|| format!("cannot write `{}`", marker.display()))?;
    Ok(true)
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

//! `kill -9` of a real process that writes to a real folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use outcrop_storage::{Environment, Store, StoreOptions};

use crate::support::*;

/// Tells the child of [`kill_minus_nine_loses_nothing_acknowledged`] which folder to write to.
const FOLDER_VARIABLE: &str = "OUTCROP_TEST_KILL_FOLDER";

fn small() -> StoreOptions {
    StoreOptions {
        flush_documents: 100,
        flush_age: Duration::from_millis(100),
        wal_file_bytes: 8192,
        ..StoreOptions::default()
    }
}

/// Not a test of its own: what the child process runs. It writes numbers one after the other and
/// prints each when it has been acknowledged.
#[test]
fn write_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else {
        return;
    };
    let store = Store::open(Environment::local(Path::new(&folder)), small()).unwrap();
    let collection = collection(&store);
    let start = contents(&collection).get("last").map_or(0, |last| last + 1);
    let mut out = std::io::stdout();
    for number in start.. {
        write(
            &collection,
            vec![
                put(&(number % 300).to_string(), number),
                put("last", number),
            ],
        );
        writeln!(out, "acknowledged {number}").unwrap();
    }
}

#[test]
fn kill_minus_nine_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = -1;
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::write_until_killed", "--nocapture"])
            .env(FOLDER_VARIABLE, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 100 + 70 * round;
        for line in lines
            .map(Result::unwrap)
            .filter(|line| line.contains("acknowledged "))
            .take(wanted)
        {
            let (_, number) = line.rsplit_once(' ').unwrap();
            acknowledged = number.parse().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = Store::open(Environment::local(folder.path()), small()).unwrap();
        let found = contents(&store.collection(ID).unwrap());
        let last = found["last"];
        assert!(
            last >= acknowledged,
            "{acknowledged} was acknowledged, {last} is there"
        );
        for number in (last - 299).max(0)..=last {
            assert_eq!(found[&(number % 300).to_string()], number);
        }
    }
}

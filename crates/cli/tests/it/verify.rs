//! `outcrop verify` on the folder of a stopped server.

use crate::server::{Server, outcrop};
use std::fs;
use std::path::Path;

fn verify(data: &Path) -> (Option<i32>, String, String) {
    let output = outcrop()
        .arg("verify")
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn verify_names_the_damaged_file_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (code, _, stderr) = verify(folder.path());
    assert_eq!(code, Some(1));
    assert!(stderr.contains("it is in use by process"), "{stderr}");
    drop(server);

    let (code, stdout, stderr) = verify(folder.path());
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert!(stderr.contains("0 problems"), "{stderr}");

    for series in ["catalog", "schedule", "sealing-key"] {
        let mut objects = fs::read_dir(folder.path().join(series)).unwrap();
        let object = objects.next().unwrap().unwrap().path();
        let good = fs::read(&object).unwrap();
        let mut bytes = good.clone();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&object, bytes).unwrap();
        let (code, stdout, _) = verify(folder.path());
        assert_eq!(code, Some(1));
        let name = object.file_name().unwrap().to_str().unwrap();
        assert!(
            stdout.starts_with(&format!("`{series}/{name}` at byte 0: ")),
            "{stdout}"
        );
        fs::write(&object, good).unwrap();
    }
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("none");
    let (code, _, stderr) = verify(&data);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("there is no folder"), "{stderr}");
    assert!(!data.exists());
}

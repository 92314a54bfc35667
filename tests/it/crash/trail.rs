//! What became of a trail shows: one byte that was changed, and an end that was cut off.

use std::{path::Path, process::Command};

fn verify(data: &Path, head: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    command.args(["audit", "verify", "--data-dir", data.to_str().unwrap()]);
    let output = command.args(head.map(|head| format!("--head={head}"))).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Tries both on a trail that is whole, and has this head.
pub fn tamper(data: &Path, head: &str) {
    let (code, said) = verify(data, Some(head));
    assert!(code == Some(0) && said.contains("The trail is whole") && said.contains(head), "{said}");

    let database = rusqlite::Connection::open(data.join("probity.db")).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
    assert!(rows > 20, "{rows} rows");
    for nth in [0, rows / 3, rows / 2, rows - 1] {
        let read = "SELECT chain, seq, body FROM audit ORDER BY chain, seq LIMIT 1 OFFSET ?1";
        let (chain, seq, body): (i64, i64, Vec<u8>) =
            database.query_row(read, [nth], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let write = "UPDATE audit SET body = ?3 WHERE chain = ?1 AND seq = ?2";
        let mut changed = body.clone();
        let at = body.len() / 2;
        changed[at] ^= 1;
        database.execute(write, (chain, seq, changed)).unwrap();
        let (code, said) = verify(data, None);
        let names = said.starts_with(&format!("The trail is broken at row {seq} of chain {chain}: it was changed"));
        assert!(code == Some(1) && names, "row {seq} of chain {chain}: {said}");
        database.execute(write, (chain, seq, body)).unwrap();
    }
    assert_eq!(verify(data, Some(head)).0, Some(0));

    let cut =
        "DELETE FROM audit WHERE (chain, seq) IN (SELECT chain, seq FROM audit ORDER BY chain DESC, seq DESC LIMIT 3)";
    database.execute(cut, []).unwrap();
    assert_eq!(verify(data, None).0, Some(0), "what is left is whole in itself");
    let (code, said) = verify(data, Some(head));
    assert!(code == Some(1) && said.contains("the end of the trail is missing"), "{head}: {said}");
}

//! A row as the API tells it, and back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Place, Row, row::canonical};

/// One element of `GET /api/v1/audit`. It holds all that a row's proof needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub chain: u64,
    pub seq: u64,
    /// The digest of the row before, in hexadecimal digits.
    pub previous: String,
    /// The row's own digest.
    pub digest: String,
    /// What the row says; its canonical form is the bytes that the digest is over. Null when `raw` is there.
    pub entry: Value,
    /// The row's bytes in base64, where they are not the canonical form of anything: somebody changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Item {
    pub fn of(row: &Row) -> Self {
        let entry = row.value();
        Self {
            chain: row.place.chain,
            seq: row.place.seq,
            previous: digits(&row.previous),
            digest: digits(&row.digest),
            raw: entry.is_none().then(|| STANDARD.encode(&row.body)),
            entry: entry.unwrap_or(Value::Null),
        }
    }

    /// The row, but for what stands beside its body. What cannot be read becomes nothing, which no digest is over.
    pub fn row(&self) -> Row {
        let body = match &self.raw {
            Some(raw) => STANDARD.decode(raw).unwrap_or_default(),
            None => canonical(&self.entry),
        };
        Row {
            place: Place { chain: self.chain, seq: self.seq },
            previous: bytes(&self.previous),
            body,
            digest: bytes(&self.digest),
            index: None,
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Body, Entry, Head, Index, follow};

    #[test]
    fn a_row_comes_back_whatever_was_done_to_it() {
        let mut row = follow(&Head::default(), Body::of(&Entry::start(0, None, "ä\u{1}\"")));
        for body in [row.body.clone(), b"{\"a\": 1}".to_vec(), vec![0xff, 0], Vec::new()] {
            row.body = body;
            let item: Item = serde_json::from_str(&serde_json::to_string(&Item::of(&row)).unwrap()).unwrap();
            assert_eq!(item.row(), Row { index: None::<Index>, ..row.clone() });
        }
    }
}

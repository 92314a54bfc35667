//! Everything of ours that reads bytes from outside, as functions of bytes: each must come back, whatever it is
//! given. Called by the fuzz targets beside this file, and for a bounded time by the suite.

use std::sync::{Arc, LazyLock};

use probity::{
    history,
    model::{DnsType, Expression, Response},
    probe::{dns::message::Question, http, tls::replies},
    source::review::{self, Leniency},
};

/// What is called, and what to begin with.
pub struct Entry {
    pub name: &'static str,
    pub call: fn(&[u8]),
    /// Inputs that get far, so that changes of them get into every corner.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces with a meaning to put in between.
    pub words: &'static [&'static str],
}

pub const ENTRIES: [Entry; 7] = [
    Entry { name: "manifest", call: manifest, seeds: manifests, words: YAML },
    Entry { name: "expression", call: expression, seeds: expressions, words: CEL },
    Entry { name: "http_decode", call: http::fuzz::decode, seeds: bodies, words: &["\x1f\u{8b}\x08", "\0\0\0\0"] },
    Entry { name: "http_location", call: http::fuzz::location, seeds: locations, words: URL },
    Entry { name: "dns", call: dns, seeds: answers, words: &["\u{c0}\x0c", "\0\x01\0\x01", "\x3f"] },
    Entry {
        name: "starttls",
        call: starttls,
        seeds: replies,
        words: &["250-", "250 ", "\r\n", "* ", "a1 OK", "STARTTLS"],
    },
    Entry { name: "history", call: history::fuzz, seeds: nothing, words: &["\0\0\0\0", "\u{ff}\u{ff}"] },
];

/// Calls the entry of that name.
pub fn call(name: &str, data: &[u8]) {
    if let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) {
        (entry.call)(data);
    }
}

const YAML: &[&str] = &[
    "\n- ",
    ": ",
    "&a ",
    "*a",
    "<<: *a",
    "|\n  ",
    ">-\n",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    "\t",
    "\n---\n",
    "!!binary ",
    "? ",
    "%YAML 1.2\n",
    "\u{feff}",
    "null",
    "0x1f",
    "1e999",
    "-0",
    "9223372036854775808",
    "spec:",
    "http:",
    "valueFrom:",
    "kind: List\nitems:\n",
    "1s",
    "99999999999h",
];
const CEL: &[&str] = &[
    "response.json",
    ".a",
    "[0]",
    " == ",
    " && ",
    " || ",
    "!",
    "-",
    "(",
    ")",
    "size(",
    "has(",
    ".matches('",
    "')",
    ".all(x, ",
    ".map(x, ",
    "duration('1s')",
    "timestamp('",
    "1u",
    "1.5",
    "''",
    "[1, 2]",
    "{'a': 1}",
    " ? ",
    " : ",
    " in ",
    "\0",
    "{\"a\": [1, 2.5, \"x\"]}",
];
const URL: &[&str] = &["http://", "https://", "//", "..", "@", "[::1]", ":99999", "%00", "?", "#", "\\", "\t"];

/// Reads, validates and reports, as `probity validate` does.
fn manifest(data: &[u8]) {
    static FILE: LazyLock<Arc<str>> = LazyLock::new(|| "fuzz.yaml".into());
    review::text(&FILE, data, Leniency::default());
}

/// The expression up to the first NUL, over the body behind it.
fn expression(data: &[u8]) {
    let at = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (source, body) = data.split_at(at);
    let Ok(source) = std::str::from_utf8(source) else { return };
    if let Ok(expression) = Expression::compile(source) {
        let body = body.get(1..).unwrap_or_default();
        let response = Response { status: Some(200), body: Some(body), ..Response::default() };
        let _ = expression.holds(&response);
    }
}

/// The data as what comes back to a question.
fn dns(data: &[u8]) {
    let Ok(question) = Question::new("example.com.".parse().unwrap_or_default(), DnsType::TXT) else { return };
    let mut bytes = data.to_vec();
    if let (Some(head), Some(id)) = (bytes.get_mut(..3), question.bytes().get(..2)) {
        // Else nearly all would be passed over as an answer to someone else.
        head[..2].copy_from_slice(id);
        head[2] |= 0x80;
    }
    let _ = question.receive(&bytes);
}

fn starttls(data: &[u8]) {
    let _ = replies::smtp_reply(data);
    let _ = replies::imap_reply("a1", data);
    let _ = replies::postgres_reply(data);
}

fn manifests() -> Vec<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["manifests/samples", "manifests/quickstart", "../manifests/samples", "../manifests/quickstart"];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok()).flatten().flatten();
    let mut seeds: Vec<_> = files.filter_map(|file| std::fs::read(file.path()).ok()).collect();
    seeds.push(
        br#"{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Secret", "data": {"a": "eA=="}}]}"#.to_vec(),
    );
    seeds.push(
        b"a: &x {b: [*x, yes, 010, 0o7, 1_000, ~, 2001-01-01]}\n<<: *x\n? [c]\n: !!str 1\n...\n--- |+\n  text\n"
            .to_vec(),
    );
    seeds
}

fn expressions() -> Vec<Vec<u8>> {
    [
        "response.json.status == 'healthy' && response.json.queue < 100\0{\"status\": \"healthy\", \"queue\": 3}",
        "response.json.items.filter(i, i.n > 1).map(i, i.n * 2).exists(n, n == 4)\0{\"items\": [{\"n\": 1}, {\"n\": 2}]}",
        "response.body.matches('^a+$') || size(response.headers) > 1\0aaaa",
        "response.latency < duration('2s') && certificate.notAfter > timestamp('2026-01-01T00:00:00Z')\0",
        "response.json.a[0].b in [1, 2] ? 'x' == string(1.5) : has(response.json.c)\0{\"a\": [{\"b\": 1}]}",
    ]
    .map(|seed| seed.as_bytes().to_vec())
    .to_vec()
}

fn bodies() -> Vec<Vec<u8>> {
    use std::io::Write as _;
    let text = b"{\"status\": \"healthy\"} and some more text, some more text, some more text".as_slice();
    let mut gzip = flate2::write::GzEncoder::new(vec![0], flate2::Compression::best());
    let mut zlib = flate2::write::ZlibEncoder::new(vec![1], flate2::Compression::best());
    let _ = gzip.write_all(text).and_then(|()| zlib.write_all(text));
    let zstd = zstd::bulk::compress(text, 3).unwrap_or_default();
    let plain = [&[4], text].concat();
    let mut seeds = vec![plain, [vec![3], zstd].concat()];
    seeds.extend(gzip.finish());
    seeds.extend(zlib.finish());
    // A stored block of Brotli (RFC 7932), with its end.
    seeds.push(vec![2, 0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03]);
    seeds
}

fn locations() -> Vec<Vec<u8>> {
    ["/a/b", "//host:1/", "https://user@host/?q#f", "../../x", "?y", "http://[::ffff:a9fe:a9fe]/"]
        .map(|seed| seed.as_bytes().to_vec())
        .to_vec()
}

fn answers() -> Vec<Vec<u8>> {
    let Ok(question) = Question::new("example.com.".parse().unwrap_or_default(), DnsType::TXT) else {
        return Vec::new();
    };
    let mut answer = question.bytes().to_vec();
    // One answer: a pointer to the name, TXT, IN, a day, "v=spf1 -all".
    answer[6..8].copy_from_slice(&[0, 1]);
    answer.extend_from_slice(b"\xc0\x0c\0\x10\0\x01\0\x01\x51\x80\0\x0c\x0bv=spf1 -all");
    vec![question.bytes().to_vec(), answer]
}

fn replies() -> Vec<Vec<u8>> {
    [
        "220 mail ESMTP\r\n",
        "250-mail\r\n250-STARTTLS\r\n250 SIZE 1\r\n",
        "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n",
        "S",
        "EFATAL\0",
    ]
    .map(|seed| seed.as_bytes().to_vec())
    .to_vec()
}

/// Formats of our own: every first byte that is one is found within seconds.
fn nothing() -> Vec<Vec<u8>> {
    vec![vec![0; 64], vec![1; 64], (0..128).collect()]
}

//! What fuzzing calls: each parser here that reads what a peer sent. None may panic on any bytes.

use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use super::{decode::Decoder, redirect};

/// Undoes the encoding that the first byte picks, over the rest in two pieces.
pub fn decode(data: &[u8]) {
    const ENCODINGS: [&str; 8] = ["gzip", "deflate", "br", "zstd", "identity", "gzip, br", "zstd, deflate", "x, gzip"];
    let Some((pick, rest)) = data.split_first() else { return };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(ENCODINGS[usize::from(*pick) % ENCODINGS.len()]));
    let mut decoder = Decoder::new(&headers, 1 << 16);
    let (first, second) = rest.split_at(rest.len() / 2);
    for piece in [first, second] {
        if decoder.push(piece).is_err() || decoder.is_full() {
            return;
        }
    }
    let _ = decoder.finish();
}

/// Follows a Location.
pub fn location(data: &[u8]) {
    if let Ok(current) = Url::parse("http://a.example:81/x/y?z=1")
        && let Ok(next) = redirect::target(&current, data)
    {
        redirect::same_origin(&current, &next);
    }
}

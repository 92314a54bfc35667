//! Undoes a Content-Encoding, piece by piece, and never past a bound. Pure.
//!
//! An encoding that is not known here says nothing about the bytes: the body is then taken as it came.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// A server applies one, a proxy perhaps a second.
const STAGES_MAX: usize = 3;

/// The largest window of zstd that a body may need: RFC 9659 has 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Brotli works through a buffer of its own: as large as a common piece.
const BROTLI_BUFFER: usize = 8 << 10;

/// The body as it comes out.
pub(super) struct Decoder {
    /// The first undoes what was done last.
    stages: Vec<Stage>,
    out: Sink,
    /// Something was pushed: an empty body is no broken one.
    begun: bool,
}

/// The body is not what its Content-Encoding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

impl Decoder {
    /// For the body under `headers`, of which at most `max` bytes are kept.
    pub(super) fn new(headers: &HeaderMap, max: usize) -> Self {
        Self { stages: stages(headers, max).unwrap_or_default(), out: Sink::new(max), begun: false }
    }

    /// What came out, in order.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.out.data
    }

    /// Whether there was more than is kept.
    pub(super) fn is_full(&self) -> bool {
        self.out.full
    }

    /// Takes the next piece of the body. What it holds is there at once.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Broken> {
        self.begun |= !piece.is_empty();
        self.pass(piece, false)
    }

    /// The body has ended.
    ///
    /// # Errors
    /// [`Broken`] also when it ended too early.
    pub(super) fn finish(&mut self) -> Result<(), Broken> {
        if self.begun && !self.is_full() { self.pass(&[], true) } else { Ok(()) }
    }

    fn pass(&mut self, piece: &[u8], last: bool) -> Result<(), Broken> {
        let mut carried: Option<Vec<u8>> = None;
        let mut over = false;
        for stage in &mut self.stages {
            let result = stage.run(carried.as_deref().unwrap_or(piece), last);
            let sink = stage.sink();
            // What overflows a sink comes back as an error, and is none.
            if result.is_err() && !sink.full {
                return Err(Broken(stage.name()));
            }
            over |= sink.full;
            carried = Some(std::mem::take(&mut sink.data));
        }
        // It takes what fits and remembers that there was more.
        let _ = self.out.write_all(carried.as_deref().unwrap_or(piece));
        self.out.full |= over;
        Ok(())
    }
}

/// What undoes the encodings; None when one is not known.
fn stages(headers: &HeaderMap, max: usize) -> Option<Vec<Stage>> {
    let mut stages = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().ok()?.split(',') {
            let name = name.trim();
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            stages.push(Stage::named(name, max)?);
        }
    }
    stages.reverse();
    (stages.len() <= STAGES_MAX).then_some(stages)
}

/// One encoding: RFC 9110, section 8.4.1; RFC 7932 (br); RFC 8878 (zstd).
enum Stage {
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// Whether the zlib format (which RFC 9110 means) or the bare one (which some servers send) is told by
    /// the first two bytes: these are gathered here.
    Deflate(Vec<u8>, Sink),
    Zlib(Box<ZlibDecoder<Sink>>),
    Bare(Box<DeflateDecoder<Sink>>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Sink>>),
}

impl Stage {
    fn named(name: &str, max: usize) -> Option<Self> {
        let sink = Sink::new(max);
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Some(if is("gzip") || is("x-gzip") {
            Self::Gzip(Box::new(MultiGzDecoder::new(sink)))
        } else if is("deflate") {
            Self::Deflate(Vec::new(), sink)
        } else if is("br") {
            Self::Brotli(Box::new(DecompressorWriter::new(sink, BROTLI_BUFFER)))
        } else if is("zstd") {
            let mut decoder = zstd::stream::write::Decoder::new(sink).ok()?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).ok()?;
            Self::Zstd(Box::new(decoder))
        } else {
            return None;
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Deflate(..) | Self::Zlib(_) | Self::Bare(_) => "deflate",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        }
    }

    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(_, sink) => sink,
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Bare(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn run(&mut self, piece: &[u8], last: bool) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                if last { decoder.try_finish() } else { decoder.flush() }
            }
            Self::Deflate(start, sink) => {
                start.extend_from_slice(piece);
                if start.len() < 2 && !last {
                    return Ok(());
                }
                let (start, sink) = (std::mem::take(start), std::mem::replace(sink, Sink::new(0)));
                *self = if is_zlib(&start) {
                    Self::Zlib(Box::new(ZlibDecoder::new(sink)))
                } else {
                    Self::Bare(Box::new(DeflateDecoder::new(sink)))
                };
                self.run(&start, last)
            }
            Self::Zlib(decoder) => {
                decoder.write_all(piece)?;
                if last { decoder.try_finish() } else { decoder.flush() }
            }
            Self::Bare(decoder) => {
                decoder.write_all(piece)?;
                if last { decoder.try_finish() } else { decoder.flush() }
            }
            Self::Brotli(decoder) => {
                decoder.write_all(piece)?;
                if last { decoder.close() } else { decoder.flush() }
            }
            Self::Zstd(decoder) => {
                decoder.write_all(piece)?;
                if last { decoder.do_finish() } else { decoder.flush() }
            }
        }
    }
}

/// RFC 1950, section 2.2: method 8, and a check over the first two bytes.
fn is_zlib(start: &[u8]) -> bool {
    match start {
        [cmf, flg, ..] => cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0,
        _ => false,
    }
}

/// Keeps up to `max` bytes at a time.
struct Sink {
    data: Vec<u8>,
    max: usize,
    full: bool,
}

impl Sink {
    fn new(max: usize) -> Self {
        Self { data: Vec::new(), max, full: false }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.max - self.data.len());
        self.data.extend_from_slice(&bytes[..taken]);
        if taken == bytes.len() {
            return Ok(taken);
        }
        self.full = true;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::probe::http::fuzz;

    fn headers(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())])
    }

    fn encode(encoding: &str, text: &[u8]) -> Vec<u8> {
        fn through<W: Write>(mut encoder: W, text: &[u8]) -> W {
            encoder.write_all(text).unwrap();
            encoder
        }
        let best = Compression::best();
        match encoding {
            "gzip" | "x-gzip" => through(GzEncoder::new(vec![], best), text).finish().unwrap(),
            "deflate" => through(ZlibEncoder::new(vec![], best), text).finish().unwrap(),
            "bare" => through(DeflateEncoder::new(vec![], best), text).finish().unwrap(),
            "zstd" => through(zstd::stream::write::Encoder::new(vec![], 3).unwrap(), text).finish().unwrap(),
            _ => text.to_vec(),
        }
    }

    /// What comes out of `body`, in pieces of `size`, and whether there was more.
    fn decode(encoding: &'static str, body: &[u8], size: usize, max: usize) -> Result<(Vec<u8>, bool), Broken> {
        let mut decoder = Decoder::new(&headers(encoding), max);
        for piece in body.chunks(size) {
            decoder.push(piece)?;
            if decoder.is_full() {
                return Ok((decoder.bytes().to_vec(), true));
            }
        }
        decoder.finish()?;
        Ok((decoder.bytes().to_vec(), decoder.is_full()))
    }

    /// "healthy" 20 times, as Google's encoder writes it.
    const BROTLI: &[u8] = &[
        0x1b, 0x8b, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0xb4, 0x2e, 0x43, 0xa3, 0xcb, 0x53, 0x61, 0x6c, 0x11, 0x5b,
        0x24, 0xf0, 0x8b, 0x39,
    ];

    /// 16 MiB of zeros, as Google's encoder writes them.
    const BROTLI_BOMB: &[u8] = &[
        0xcb, 0xff, 0xff, 0x3f, 0xf8, 0x27, 0x00, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x2f, 0xff, 0xff, 0xff, 0xf0,
        0x4f, 0x00, 0xc4, 0x61, 0x11, 0x80, 0xee, 0xfd, 0x1f,
    ];

    #[test]
    fn what_was_encoded_comes_out_in_any_pieces() {
        let text = b"{\"status\":\"healthy\"}".repeat(50);
        for (header, encoding) in [
            ("gzip", "gzip"),
            ("X-GZIP", "gzip"),
            ("deflate", "deflate"),
            ("deflate", "bare"),
            ("zstd", "zstd"),
            ("identity", ""),
            ("", ""),
            ("wonderful", ""),
            ("gzip, wonderful", ""),
        ] {
            let body = encode(encoding, &text);
            for size in [1, 7, body.len()] {
                assert_eq!(decode(header, &body, size, 4096), Ok((text.clone(), false)), "{header} by {size}");
            }
            // Cut where the bound is, whatever the encoding.
            assert_eq!(decode(header, &body, 64, 10), Ok((text[..10].to_vec(), true)), "{header}");
            // The bound itself is not more than the bound.
            assert_eq!(decode(header, &body, 64, text.len()), Ok((text.clone(), false)), "{header}");
        }
        let twice = encode("gzip", &encode("zstd", &text));
        assert_eq!(decode("zstd, gzip", &twice, 64, 4096), Ok((text, false)));
        for header in ["gzip", "deflate", "br", "zstd"] {
            assert_eq!(decode(header, &[], 1, 4096), Ok((vec![], false)), "an empty body is no broken one");
        }
    }

    #[test]
    fn what_holds_so_far_is_there_at_once() {
        for encoding in ["gzip", "deflate", "zstd"] {
            let text: Vec<u8> = (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
            let body = encode(encoding, &text);
            let mut decoder = Decoder::new(&headers(encoding), 1 << 20);
            decoder.push(&body[..body.len() * 3 / 4]).unwrap();
            assert!(decoder.bytes().len() > text.len() / 4, "{encoding}: {}", decoder.bytes().len());
        }
    }

    #[test]
    fn bombs_stop_at_the_bound() {
        let zeros = vec![0; 8 << 20];
        for encoding in ["gzip", "deflate", "bare", "zstd"] {
            let header = if encoding == "bare" { "deflate" } else { encoding };
            let (out, more) = decode(header, &encode(encoding, &zeros), 8192, 1000).unwrap();
            assert_eq!((out.len(), more), (1000, true), "{encoding}");
        }
        assert_eq!(decode("br", BROTLI_BOMB, 8192, 1000).map(|(out, more)| (out.len(), more)), Ok((1000, true)));
        let twice = encode("gzip", &encode("gzip", &zeros));
        assert_eq!(decode("gzip, gzip", &twice, 8192, 1000).map(|(out, more)| (out.len(), more)), Ok((1000, true)));
    }

    #[test]
    fn brotli_is_undone() {
        let result = decode("br", BROTLI, 3, 4096);
        assert_eq!(result, Ok((b"healthy".repeat(20), false)));
    }

    #[test]
    fn what_is_broken_or_cut_short_is_told() {
        for encoding in ["gzip", "deflate", "zstd"] {
            let body = encode(encoding, &b"healthy".repeat(100));
            assert_eq!(decode(encoding, &body[..body.len() / 2], 64, 4096), Err(Broken(encoding)), "{encoding}");
            assert_eq!(decode(encoding, b"<html>no such thing</html>", 64, 4096), Err(Broken(encoding)), "{encoding}");
        }
        assert_eq!(decode("br", &BROTLI[..8], 64, 4096), Err(Broken("br")));
        assert_eq!(decode("br", b"<html>no such thing</html>", 64, 4096), Err(Broken("br")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_bytes_panic(data: Vec<u8>) {
            fuzz::decode(&data);
            fuzz::location(&data);
        }

        #[test]
        fn no_broken_body_panics(pick in 0..4_usize, at in 0..60_usize, with: u8, cut in 0..90_usize) {
            let encoding = ["gzip", "deflate", "zstd", "br"][pick];
            let mut body = if pick == 3 { BROTLI.to_vec() } else { encode(encoding, &b"healthy or not".repeat(9)) };
            if let Some(byte) = body.get_mut(at) {
                *byte = with;
            }
            body.truncate(cut);
            let _ = decode(encoding, &body, 16, 100);
        }
    }
}

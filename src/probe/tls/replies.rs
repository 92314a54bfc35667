//! What servers answer before TLS begins: SMTP, IMAP and PostgreSQL. Pure.
//!
//! Each function is given all that has arrived of one answer. It says None while more must come, and
//! nothing that a peer sends can make it panic.

/// Longer than any banner or list of capabilities; a server that says more than this is not the one that is meant.
pub const REPLY_MAX: usize = 16 * 1024;

/// A whole SMTP reply (RFC 5321, section 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpReply {
    pub code: u16,
    /// The text of each line, without code and line end.
    pub lines: Vec<String>,
    /// How many bytes it took.
    pub length: usize,
}

/// Reads one SMTP reply, of several lines if it has them.
///
/// # Errors
/// What is not SMTP about it.
pub fn smtp_reply(bytes: &[u8]) -> Result<Option<SmtpReply>, String> {
    let mut lines = Vec::new();
    let mut length = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else { return too_long(bytes) };
        length += line.len();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let Some(code) = text.get(..3).and_then(smtp_code) else { return Err("not an SMTP reply".to_owned()) };
        lines.push(String::from_utf8_lossy(text.get(4..).unwrap_or_default()).into_owned());
        match text.get(3) {
            Some(b'-') => {}
            None | Some(b' ') => return Ok(Some(SmtpReply { code, lines, length })),
            Some(_) => return Err("not an SMTP reply".to_owned()),
        }
    }
    too_long(bytes)
}

fn smtp_code(digits: &[u8]) -> Option<u16> {
    let code = std::str::from_utf8(digits).ok()?;
    code.bytes().all(|digit| digit.is_ascii_digit()).then(|| code.parse().ok())?
}

/// What an IMAP server said (RFC 9051, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImapStatus {
    Ok,
    PreAuth,
    No,
    Bad,
    Bye,
}

/// Reads IMAP lines up to the one that begins with `tag` (`*` for the greeting), and gives its status and how
/// many bytes were read. A `BYE` ends it whatever the tag.
///
/// # Errors
/// What is not IMAP about it.
pub fn imap_reply(tag: &str, bytes: &[u8]) -> Result<Option<(ImapStatus, usize)>, String> {
    let mut length = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if !line.ends_with(b"\n") {
            return too_long(bytes);
        }
        length += line.len();
        let mut words = line.trim_ascii_end().splitn(3, |&byte| byte == b' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let status = imap_status(second);
        if first == tag.as_bytes() || (first == b"*" && status == Some(ImapStatus::Bye)) {
            return status.map(|status| Some((status, length))).ok_or_else(|| "not an IMAP reply".to_owned());
        }
        if first != b"*" {
            return Err("not an IMAP reply".to_owned());
        }
    }
    too_long(bytes)
}

fn imap_status(word: &[u8]) -> Option<ImapStatus> {
    let known: [(&[u8], ImapStatus); 5] = [
        (b"OK", ImapStatus::Ok),
        (b"PREAUTH", ImapStatus::PreAuth),
        (b"NO", ImapStatus::No),
        (b"BAD", ImapStatus::Bad),
        (b"BYE", ImapStatus::Bye),
    ];
    known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, status)| status)
}

/// Reads the one byte with which PostgreSQL answers an SSLRequest (protocol documentation, 54.2.10).
///
/// # Errors
/// Why there will be no TLS.
pub fn postgres_reply(bytes: &[u8]) -> Result<Option<usize>, String> {
    match bytes.first() {
        None => Ok(None),
        Some(b'S') => Ok(Some(1)),
        Some(b'N') => Err("does not offer TLS (PostgreSQL answered N)".to_owned()),
        Some(b'E') => Err("refused to start TLS (PostgreSQL answered with an error)".to_owned()),
        Some(_) => Err("does not speak PostgreSQL".to_owned()),
    }
}

fn too_long<T>(bytes: &[u8]) -> Result<Option<T>, String> {
    if bytes.len() >= REPLY_MAX { Err(format!("says more than {REPLY_MAX} bytes in one reply")) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn smtp_replies() {
        let reply = smtp_reply(b"250-mail.example\r\n250-STARTTLS\r\n250 8BITMIME\r\nrest").unwrap().unwrap();
        assert_eq!((reply.code, reply.lines.len(), reply.length), (250, 3, 46));
        assert_eq!(reply.lines[1], "STARTTLS");
        assert_eq!(smtp_reply(b"220\n").unwrap().unwrap().code, 220);
        for more in ["", "2", "220 hello", "250-one\r\n", "250-one\r\n250 two"] {
            assert_eq!(smtp_reply(more.as_bytes()), Ok(None), "{more:?}");
        }
        for bad in ["HTTP/1.1 400\r\n", "22\r\n", "\r\n", "2x0 a\r\n", "220_a\r\n", "+20 a\r\n"] {
            assert!(smtp_reply(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn imap_replies() {
        assert_eq!(imap_reply("*", b"* OK ready\r\n"), Ok(Some((ImapStatus::Ok, 12))));
        assert_eq!(imap_reply("*", b"* PREAUTH hi\r\n"), Ok(Some((ImapStatus::PreAuth, 14))));
        assert_eq!(imap_reply("a1", b"* CAPABILITY IMAP4\r\na1 ok go\r\n"), Ok(Some((ImapStatus::Ok, 30))));
        assert_eq!(imap_reply("a1", b"a1 NO\r\n"), Ok(Some((ImapStatus::No, 7))));
        assert_eq!(imap_reply("a1", b"* BYE busy\r\n"), Ok(Some((ImapStatus::Bye, 12))));
        for more in ["", "*", "* OK ready", "* CAPABILITY\r\n"] {
            assert_eq!(imap_reply("a1", more.as_bytes()), Ok(None), "{more:?}");
        }
        for bad in ["hello there\r\n", "a1 MAYBE\r\n", "b1 OK\r\n", "\r\n"] {
            assert!(imap_reply("a1", bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_endless_reply_ends() {
        let lines = b"250-more\r\n".repeat(REPLY_MAX / 10 + 1);
        assert!(smtp_reply(&lines).is_err());
        assert!(smtp_reply(&vec![b'2'; REPLY_MAX]).is_err());
        assert!(imap_reply("a1", &b"* more\r\n".repeat(REPLY_MAX / 8 + 1)).is_err());
        assert!(imap_reply("*", &vec![b'x'; REPLY_MAX]).is_err());
    }

    #[test]
    fn postgres_replies() {
        assert_eq!(postgres_reply(b""), Ok(None));
        assert_eq!(postgres_reply(b"S"), Ok(Some(1)));
        for bad in ["N", "E\0\0\0", "HTTP"] {
            assert!(postgres_reply(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_reply_can_panic_and_none_is_longer_than_what_came(bytes: Vec<u8>) {
            if let Ok(Some(reply)) = smtp_reply(&bytes) {
                prop_assert!(reply.length <= bytes.len());
            }
            if let Ok(Some((_, length))) = imap_reply("a1", &bytes) {
                prop_assert!(length <= bytes.len());
            }
            let _ = postgres_reply(&bytes);
        }
    }
}

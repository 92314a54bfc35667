//! The mail: headers, and two bodies as alternatives (RFC 5322, RFC 2046). Pure.

use sha2::{Digest as _, Sha256};

use super::{
    body,
    encode::{header, phrase, quoted_printable},
    limits::SUBJECT,
};
use crate::{
    model::{Email, Mailbox},
    notify::{
        letter::Letter,
        text::{chars, cut, one_line},
        wording,
    },
};

/// The whole mail, with CRLF at the end of each line; SMTP's own dots are not in it.
pub(super) fn mail(email: &Email, letter: &Letter<'_>) -> String {
    let notification = letter.notification;
    let domain = email.from.domain();
    // No line of quoted-printable text can hold `=_` (RFC 2045, section 6.7).
    let boundary = format!("=_{}", token(&notification.id.0));
    let thread = thread(&notification.group.key, domain);
    let subject = one_line(&wording::headline(letter));
    let mut out = String::new();
    for (name, value) in [
        ("From", mailbox(&email.from)),
        ("To", email.to.iter().map(mailbox).collect::<Vec<_>>().join(",\r\n ")),
        ("Subject", header(&cut(&subject, SUBJECT, chars), "Subject: ".len())),
        ("Date", date(notification.created_at)),
        // The same however often it is sent, so that a server or a program that knows it drops a repeat.
        ("Message-ID", format!("<{}@{domain}>", token(&notification.id.0))),
        ("In-Reply-To", thread.clone()),
        ("References", thread),
        // RFC 3834: nobody's holiday answers it.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Correlation-ID", token(&notification.correlation_id)),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", format!("multipart/alternative;\r\n boundary=\"{boundary}\"")),
    ] {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    for (kind, text) in [("plain", body::plain(letter)), ("html", body::html(letter))] {
        out.push_str(&format!(
            "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(&text)
        ));
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out
}

fn mailbox(mailbox: &Mailbox) -> String {
    match mailbox.name() {
        Some(name) => format!("{}\r\n <{}>", phrase(name), mailbox.address()),
        None => mailbox.address().to_owned(),
    }
}

/// All mails about one group are one conversation.
fn thread(group: &str, domain: &str) -> String {
    let digest = Sha256::digest(group);
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("<group-{hex}@{domain}>")
}

/// What may stand in an id (RFC 5322, section 3.6.4); ids of ours hold nothing else.
fn token(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(128).collect()
}

/// RFC 5322, section 3.3.
fn date(wall: crate::clock::WallMs) -> String {
    let time = jiff::Timestamp::from_millisecond(wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Address, MailSecurity},
        notify::wording::samples::{firing, many, resolved},
    };

    fn email() -> Email {
        Email {
            address: Address { host: "mail.example.org".into(), port: 587 },
            from: "Probity <probity@example.org>".parse().unwrap(),
            to: vec!["ops@example.org".parse().unwrap(), "Öps <b@example.org>".parse().unwrap()],
            security: MailSecurity::Plain,
            hello: None,
        }
    }

    #[test]
    fn a_mail() {
        let text = mail(&email(), &Letter::new(&firing()));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            head.replace("\r\n", "\n"),
            "From: \"Probity\"\n <probity@example.org>\n\
             To: ops@example.org,\n =?UTF-8?B?w5Zwcw==?=\n <b@example.org>\n\
             Subject: =?UTF-8?B?8J+aqCBISUdIIEFsZXJ0OiBIaWdoRXJyb3JSYXRl?=\n\
             Date: Mon, 23 Nov 2026 01:00:05 +0000\n\
             Message-ID: <00112233445566778899aabbccddeeff@example.org>\n\
             In-Reply-To: <group-2c1b3e3a0a9ae5c7@example.org>\n\
             References: <group-2c1b3e3a0a9ae5c7@example.org>\n\
             Auto-Submitted: auto-generated\n\
             X-Correlation-ID: corr-1\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/alternative;\n boundary=\"=_00112233445566778899aabbccddeeff\""
                .replace("2c1b3e3a0a9ae5c7", &thread(&firing().group.key, "x")[7..23])
        );
        for part in ["\r\n--=_00", "text/plain", "text/html", "Error rate is 7.5%\r\n", "Status: firing\r\n"] {
            assert!(format!("\r\n{body}").contains(part), "{part}: {body}");
        }
        assert!(body.ends_with("--=_00112233445566778899aabbccddeeff--\r\n"));
        let again = mail(&email(), &Letter::new(&resolved()));
        let line = |text: &str| text.lines().find(|line| line.starts_with("References")).unwrap().to_owned();
        assert_eq!(line(&text), line(&again));
    }

    #[test]
    fn a_mail_of_many_alerts_is_ascii_in_short_lines_and_bounded() {
        let text = mail(&email(), &Letter::new(&many(500)));
        assert!(text.len() < 2 << 20, "{}", text.len());
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 78));
        assert!(text.contains("457 more alerts are not shown."));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn what_an_alert_says_is_text_in_html() {
        let mut one = firing();
        one.alerts[0].message = "<img src=x onerror=\"x\">\r\n.\r\nBcc: all".into();
        let html = body::html(&Letter::new(&one));
        assert!(html.contains("&lt;img src=x onerror=&quot;x&quot;&gt;"), "{html}");
    }
}

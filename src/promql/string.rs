//! String literals, with the escapes of Go.

/// Reads a string that begins with `"`, `'` or a backquote: its value, and how long it is with its quotes.
///
/// # Errors
/// What is wrong with it, and where in it.
pub(super) fn read(text: &str) -> Result<(String, usize), (usize, &'static str)> {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return Err((0, "unterminated string")) };
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((value, at + 1)),
            '\n' if quote != '`' => return Err((0, "unterminated string")),
            '\\' if quote != '`' => {
                let (c, length) = escape(&text[at + 1..], quote).ok_or((at, "unknown escape in a string"))?;
                value.push(c);
                for _ in 0..length {
                    chars.next();
                }
            }
            _ => value.push(c),
        }
    }
    Err((0, "unterminated string"))
}

/// The character that an escape stands for, and how many characters it has after the backslash.
fn escape(rest: &str, quote: char) -> Option<(char, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = rest.get(from..from + count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let value = u32::from_str_radix(digits, radix).ok()?;
        // A byte of a sequence that is not UTF-8 cannot be sent as JSON anyway.
        Some((char::from_u32(value)?, from + count))
    };
    let plain = match rest.chars().next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        c if c == quote => c,
        '0'..='7' => return digits(0, 3, 8).filter(|(c, _)| u32::from(*c) < 256),
        'x' => return digits(1, 2, 16),
        'u' => return digits(1, 4, 16),
        'U' => return digits(1, 8, 16),
        _ => return None,
    };
    Some((plain, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_go_writes_them() {
        let table = [
            (r#""a b" x"#, Ok(("a b", 5))),
            (r"'a\'b'", Ok(("a'b", 6))),
            (r#""a\"\\\n""#, Ok(("a\"\\\n", 9))),
            ("`a\\d\n`", Ok(("a\\d\n", 6))),
            (r#""\x41\u00e9\U0001F600\101""#, Ok(("Aé😀A", 26))),
            ("\"é\"", Ok(("é", 4))),
            (r#""\d""#, Err((1, "unknown escape in a string"))),
            (r#""\'""#, Err((1, "unknown escape in a string"))),
            (r#""\ud800""#, Err((1, "unknown escape in a string"))),
            (r#""\xé""#, Err((1, "unknown escape in a string"))),
            (r#""abc"#, Err((0, "unterminated string"))),
            ("\"a\nb\"", Err((0, "unterminated string"))),
            ("\"\\", Err((1, "unknown escape in a string"))),
        ];
        for (text, expected) in table {
            let read = read(text);
            assert_eq!(
                read.as_ref().map(|(value, length)| (value.as_str(), *length)).map_err(|e| *e),
                expected,
                "{text}"
            );
        }
    }
}

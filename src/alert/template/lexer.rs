//! From a template's text to tokens: plain text, and what stands between `{{` and `}}`.

use super::ParseError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// What is written as it stands.
    Text(String),
    Open,
    Close,
    /// A keyword or the name of a function.
    Word(String),
    /// `.name`.
    Field(String),
    Dot,
    /// With its `$`.
    Variable(String),
    Int(i64),
    Float(f64),
    String(String),
    Pipe,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    LeftParen,
    RightParen,
    End,
}

/// A token, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) end: usize,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// All tokens of a text, with [`Token::End`] as the last.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, ParseError> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    let mut trim = false;
    while let Some(open) = text[lexer.at..].find("{{") {
        let open = lexer.at + open;
        let trims = trims_before(&text[open + 2..]);
        lexer.plain(open, trim, trims);
        lexer.at = open + 2 + usize::from(trims);
        trim = lexer.action(open)?;
    }
    lexer.plain(text.len(), trim, false);
    lexer.push(Token::End, text.len());
    Ok(lexer.tokens)
}

/// Whether what follows `{{` begins with the mark that trims the text before: a minus, and white space.
fn trims_before(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACE))
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Placed>,
}

impl Lexer<'_> {
    fn push(&mut self, token: Token, end: usize) {
        self.tokens.push(Placed { token, at: self.at, end });
        self.at = end;
    }

    fn mistake(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, at, message)
    }

    /// The text up to `end`.
    fn plain(&mut self, end: usize, trim_start: bool, trim_end: bool) {
        let mut text = &self.text[self.at..end];
        if trim_start {
            text = text.trim_start_matches(SPACE);
        }
        if trim_end {
            text = text.trim_end_matches(SPACE);
        }
        if !text.is_empty() {
            self.push(Token::Text(text.to_owned()), end);
        }
        self.at = end;
    }

    /// What stands in the braces that opened at `open`: whether the text behind them is to be trimmed.
    fn action(&mut self, open: usize) -> Result<bool, ParseError> {
        let inside = self.text[self.at..].trim_start_matches(SPACE);
        // After the mark that trims there is a space, else the comment begins at once.
        if inside.starts_with("/*") && (self.text[self.at..].starts_with("/*") || self.at > open + 2) {
            return self.comment(open);
        }
        self.tokens.push(Placed { token: Token::Open, at: open, end: self.at });
        loop {
            let spaces = self.text[self.at..].len() - self.text[self.at..].trim_start_matches(SPACE).len();
            self.at += spaces;
            let rest = &self.text[self.at..];
            if spaces > 0 && rest.starts_with("-}}") {
                self.push(Token::Close, self.at + 3);
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.push(Token::Close, self.at + 2);
                return Ok(false);
            }
            self.token(open)?;
        }
    }

    fn comment(&mut self, open: usize) -> Result<bool, ParseError> {
        let rest = &self.text[self.at..];
        let Some(end) = rest.find("*/") else { return Err(self.mistake(open, "unclosed comment")) };
        let after = &rest[end + 2..];
        self.at += end + 2;
        let trimmed = after.trim_start_matches(SPACE);
        if trimmed.len() < after.len() && trimmed.starts_with("-}}") {
            self.at += after.len() - trimmed.len() + 3;
            return Ok(true);
        }
        if !after.starts_with("}}") {
            return Err(self.mistake(self.at, "a comment ends before the closing braces: */}}"));
        }
        self.at += 2;
        Ok(false)
    }

    fn token(&mut self, open: usize) -> Result<(), ParseError> {
        let (at, rest) = (self.at, &self.text[self.at..]);
        let Some(first) = rest.chars().next() else { return Err(self.mistake(open, "unclosed action: }} is missing")) };
        let (token, length) = match first {
            '(' => (Token::LeftParen, 1),
            ')' => (Token::RightParen, 1),
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Assign, 1),
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            '"' | '\'' | '`' => self.quoted(rest, first)?,
            '$' => {
                let length = 1 + word_length(&rest[1..]);
                (Token::Variable(rest[..length].to_owned()), length)
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => match word_length(&rest[1..]) {
                0 => (Token::Dot, 1),
                length => (Token::Field(rest[1..=length].to_owned()), 1 + length),
            },
            '0'..='9' | '+' | '-' | '.' => {
                let length = number_length(rest);
                let number = number(&rest[..length]).ok_or_else(|| {
                    self.mistake(at, format!("bad number '{}'", rest[..length.max(1)].escape_default()))
                })?;
                (number, length)
            }
            first if is_letter(first) => {
                let length = word_length(rest);
                (Token::Word(rest[..length].to_owned()), length)
            }
            other => return Err(self.mistake(at, format!("unexpected '{}' in an action", other.escape_default()))),
        };
        self.push(token, at + length);
        Ok(())
    }

    /// A string, or a character, which is a number.
    fn quoted(&self, rest: &str, quote: char) -> Result<(Token, usize), ParseError> {
        let (value, length) = read_string(rest).map_err(|(at, what)| self.mistake(self.at + at, what))?;
        if quote != '\'' {
            return Ok((Token::String(value), length));
        }
        let mut chars = value.chars();
        match (chars.next(), chars.next()) {
            (Some(one), None) => Ok((Token::Int(i64::from(u32::from(one))), length)),
            _ => Err(self.mistake(self.at, "single quotes hold one character: write text in double quotes")),
        }
    }
}

/// Reads a string with the escapes of Go: its value, and how long it is with its quotes.
pub(super) fn read_string(text: &str) -> Result<(String, usize), (usize, &'static str)> {
    const OPEN: (usize, &str) = (0, "unclosed string");
    let mut chars = text.char_indices();
    let quote = chars.next().map_or('"', |(_, quote)| quote);
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((value, at + 1)),
            '\n' if quote != '`' => return Err(OPEN),
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
    Err(OPEN)
}

/// What an escape stands for, and how many characters it has after the backslash.
fn escape(rest: &str, quote: char) -> Option<(char, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = rest.get(from..from + count).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((char::from_u32(u32::from_str_radix(digits, radix).ok()?)?, from + count))
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
        '0'..='7' => return digits(0, 3, 8).filter(|(c, _)| u32::from(*c) < 128),
        'x' => return digits(1, 2, 16).filter(|(c, _)| u32::from(*c) < 128),
        'u' => return digits(1, 4, 16),
        'U' => return digits(1, 8, 16),
        _ => return None,
    };
    Some((plain, 1))
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !is_letter(c) && !c.is_numeric()).unwrap_or(text.len())
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_hex = text.trim_start_matches(['+', '-']).get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let after_exponent = at > 0 && !is_hex && matches!(bytes[at - 1], b'e' | b'E');
        let is_sign = matches!(byte, b'+' | b'-') && (at == 0 || after_exponent);
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || is_sign) {
            break;
        }
        at += 1;
    }
    at
}

fn number(text: &str) -> Option<Token> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = unsigned.chars().filter(|c| *c != '_').collect();
    let lower = digits.to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(prefix, _)| lower.starts_with(prefix));
    if let Some((prefix, radix)) = radix {
        return i64::from_str_radix(lower.strip_prefix(prefix)?, radix).ok().map(|value| Token::Int(sign * value));
    }
    if digits.contains(['.', 'e', 'E']) {
        let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        let value: f64 = digits.parse().ok().filter(|_| plain)?;
        return Some(Token::Float(if sign < 0 { -value } else { value }));
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return i64::from_str_radix(&digits, 8).ok().map(|value| Token::Int(sign * value));
    }
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<i64>().ok().filter(|_| plain).map(|value| Token::Int(sign * value))
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.chars().take(40).collect::<String>();
        match self {
            Self::Text(_) => f.write_str("text"),
            Self::Open => f.write_str("'{{'"),
            Self::Close => f.write_str("'}}'"),
            Self::Word(word) => write!(f, "'{}'", short(word)),
            Self::Field(name) => write!(f, "'.{}'", short(name)),
            Self::Dot => f.write_str("'.'"),
            Self::Variable(name) => write!(f, "'{}'", short(name)),
            Self::Int(_) | Self::Float(_) => f.write_str("number"),
            Self::String(_) => f.write_str("string"),
            Self::Pipe => f.write_str("'|'"),
            Self::Comma => f.write_str("','"),
            Self::Declare => f.write_str("':='"),
            Self::Assign => f.write_str("'='"),
            Self::LeftParen => f.write_str("'('"),
            Self::RightParen => f.write_str("')'"),
            Self::End => f.write_str("end of the template"),
        }
    }
}

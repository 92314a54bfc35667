//! The grammar: operators, and what may stand around and behind an operand.

use super::{
    Checked, Mistake, ValueType,
    lexer::{Lexer, Token},
    operator::{self, Operator},
};

/// How deep an expression nests. Dashboards' deepest are ten levels; a level takes four frames of some hundred bytes.
const DEPTH_MAX: usize = 100;

pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The next token, once it was looked at.
    ahead: Option<(Token<'a>, usize)>,
    depth: usize,
}

/// A part of an expression, and what may stand behind it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) gives: ValueType,
    /// Where it begins.
    pub(super) at: usize,
    form: Form,
    has_offset: bool,
    has_at: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Selector,
    /// `x[5m]` or `x[5m:1m]`.
    Range,
    Other,
}

impl Part {
    pub(super) fn plain(gives: ValueType, at: usize) -> Self {
        Self { gives, at, form: Form::Other, has_offset: false, has_at: false }
    }

    pub(super) fn selector(at: usize) -> Self {
        Self { form: Form::Selector, ..Self::plain(ValueType::Vector, at) }
    }

    pub(super) fn is_selector(&self) -> bool {
        self.form == Form::Selector && !self.has_offset && !self.has_at
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { lexer: Lexer::new(text), ahead: None, depth: 0 }
    }

    pub(super) fn whole(mut self) -> Result<Checked, Mistake> {
        if let (Token::End, at) = self.peek()? {
            let at = *at;
            return Err(self.mistake(at, "there is no expression"));
        }
        let part = self.expression(0)?;
        match self.next()? {
            (Token::End, _) => {}
            (token, at) => return Err(self.mistake(at, format!("unexpected {token}"))),
        }
        Ok(Checked { gives: part.gives, is_selector: part.is_selector() })
    }

    /// An expression whose operators bind at least as strongly as `strength`.
    pub(super) fn expression(&mut self, strength: u8) -> Result<Part, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let at = self.place()?;
            return Err(self.mistake(at, format!("nests over {DEPTH_MAX} levels deep")));
        }
        let mut left = self.unary()?;
        while let Some(operator) = Operator::of(&self.peek()?.0).filter(|found| found.strength >= strength) {
            let (_, at) = self.next()?;
            let modifiers = self.modifiers()?;
            let right = self.expression(operator.right_strength())?;
            left = self.combine(operator, at, &modifiers, &left, &right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Part, Mistake> {
        let (token, at) = self.peek()?;
        if !matches!(token, Token::Operator("+" | "-")) {
            return self.operand();
        }
        let at = *at;
        self.next()?;
        let inner = self.expression(operator::UNARY + 1)?;
        match inner.gives {
            ValueType::Scalar | ValueType::Vector => Ok(Part::plain(inner.gives, at)),
            other => {
                Err(self
                    .mistake(inner.at, format!("a sign goes with scalars and instant vectors, and this is {other}")))
            }
        }
    }

    /// An operand with all that stands behind it.
    fn operand(&mut self) -> Result<Part, Mistake> {
        let (token, at) = self.next()?;
        let mut part = match token {
            Token::Number(_) | Token::Duration(_) => Part::plain(ValueType::Scalar, at),
            Token::String(_) => Part::plain(ValueType::String, at),
            Token::Mark('(') => {
                let inner = self.expression(0)?;
                self.expect(')')?;
                Part::plain(inner.gives, at)
            }
            Token::Mark('{') => {
                self.selector(None, at)?;
                Part::selector(at)
            }
            Token::Name(name) => self.name(name, at)?,
            token => return Err(self.mistake(at, format!("unexpected {token}: an operand is missing here"))),
        };
        loop {
            if self.is_next(&Token::Mark('['))? {
                part = self.range(part)?;
            } else if let Some(at) = self.take_word("offset")? {
                self.offset(&mut part, at)?;
            } else if self.is_next(&Token::Mark('@'))? {
                self.fixed(&mut part)?;
            } else {
                return Ok(part);
            }
        }
    }

    /// `[5m]`, `[5m:1m]` or `[5m:]`.
    fn range(&mut self, part: Part) -> Result<Part, Mistake> {
        // What is in the brackets is read otherwise, so this comes before the token after the bracket is looked at.
        self.lexer.in_brackets = true;
        let (_, at) = self.next()?;
        self.duration("a range")?;
        let is_subquery = self.take(&Token::Mark(':'))?;
        if is_subquery && !self.is_next(&Token::Mark(']'))? {
            self.duration("a step")?;
        }
        self.lexer.in_brackets = false;
        self.expect(']')?;
        if is_subquery {
            if part.gives != ValueType::Vector {
                return Err(
                    self.mistake(part.at, format!("a subquery is of an instant vector, and this is {}", part.gives))
                );
            }
        } else if part.form != Form::Selector {
            return Err(
                self.mistake(at, "a range goes behind a selector; behind other expressions write a subquery, as [5m:]")
            );
        } else if part.has_offset || part.has_at {
            return Err(self.mistake(at, "a range stands before offset and @"));
        }
        Ok(Part { form: Form::Range, ..Part::plain(ValueType::Matrix, part.at) })
    }

    fn offset(&mut self, part: &mut Part, at: usize) -> Result<(), Mistake> {
        self.take_sign()?;
        match self.next()? {
            (Token::Duration(_) | Token::Number(_), _) => {}
            (token, at) => return Err(self.mistake(at, format!("unexpected {token}: offset takes a duration, as 5m"))),
        }
        self.modify(part, at, "offset", |part| &mut part.has_offset)
    }

    /// `@ 1609746000`, `@ start()`, `@ end()`.
    fn fixed(&mut self, part: &mut Part) -> Result<(), Mistake> {
        let (_, at) = self.next()?;
        let signed = self.take_sign()?;
        match self.next()? {
            (Token::Number(seconds), at) if !seconds.is_finite() => {
                return Err(self.mistake(at, "@ takes a time in seconds"));
            }
            (Token::Number(_) | Token::Duration(_), _) => {}
            (Token::Name(name), _)
                if !signed && ["start", "end"].iter().any(|word| name.eq_ignore_ascii_case(word)) =>
            {
                self.expect('(')?;
                self.expect(')')?;
            }
            (token, at) => {
                return Err(
                    self.mistake(at, format!("unexpected {token}: @ takes a time in seconds, start() or end()"))
                );
            }
        }
        self.modify(part, at, "@", |part| &mut part.has_at)
    }

    fn modify(
        &self,
        part: &mut Part,
        at: usize,
        name: &str,
        flag: impl Fn(&mut Part) -> &mut bool,
    ) -> Result<(), Mistake> {
        if part.form == Form::Other {
            return Err(self.mistake(at, format!("{name} goes behind a selector, a range or a subquery only")));
        }
        if std::mem::replace(flag(part), true) {
            return Err(self.mistake(at, format!("{name} stands here twice")));
        }
        Ok(())
    }

    fn duration(&mut self, what: &str) -> Result<(), Mistake> {
        match self.next()? {
            (Token::Duration(seconds) | Token::Number(seconds), at) if seconds.is_finite() => {
                if seconds > 0.0 {
                    Ok(())
                } else {
                    Err(self.mistake(at, format!("{what} must be over 0")))
                }
            }
            (token, at) => Err(self.mistake(at, format!("unexpected {token}: {what} is a duration, as 5m"))),
        }
    }

    /// `(a, b)`, where a comma may stand at the end.
    pub(super) fn labels(&mut self) -> Result<Vec<String>, Mistake> {
        self.expect('(')?;
        let mut labels = Vec::new();
        while !self.take(&Token::Mark(')'))? {
            match self.next()? {
                (Token::Name(name), _) if !name.contains(':') => labels.push(name.to_owned()),
                (Token::String(name), _) if !name.is_empty() => labels.push(name),
                (token, at) => {
                    return Err(self.mistake(at, format!("unexpected {token}: a label's name is missing here")));
                }
            }
            if !self.take(&Token::Mark(','))? {
                self.expect(')')?;
                break;
            }
        }
        Ok(labels)
    }

    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) -> Mistake {
        self.lexer.mistake(at, message)
    }

    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Mistake> {
        match self.ahead.take() {
            Some(token) => Ok(token),
            None => self.lexer.next(),
        }
    }

    fn peek(&mut self) -> Result<&(Token<'a>, usize), Mistake> {
        let token = self.next()?;
        Ok(self.ahead.insert(token))
    }

    /// Where the next token begins.
    pub(super) fn place(&mut self) -> Result<usize, Mistake> {
        Ok(self.peek()?.1)
    }

    pub(super) fn is_next(&mut self, token: &Token<'_>) -> Result<bool, Mistake> {
        Ok(self.peek()?.0 == *token)
    }

    pub(super) fn is_word(&mut self, words: &[&str]) -> Result<bool, Mistake> {
        Ok(matches!(self.peek()?.0, Token::Name(name) if words.iter().any(|word| name.eq_ignore_ascii_case(word))))
    }

    pub(super) fn take(&mut self, token: &Token<'_>) -> Result<bool, Mistake> {
        let found = self.is_next(token)?;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Takes a keyword, if it is next: where it stood.
    pub(super) fn take_word(&mut self, word: &str) -> Result<Option<usize>, Mistake> {
        if self.is_word(&[word])? { Ok(Some(self.next()?.1)) } else { Ok(None) }
    }

    fn take_sign(&mut self) -> Result<bool, Mistake> {
        Ok(self.take(&Token::Operator("-"))? || self.take(&Token::Operator("+"))?)
    }

    pub(super) fn expect(&mut self, mark: char) -> Result<(), Mistake> {
        match self.next()? {
            (Token::Mark(found), _) if found == mark => Ok(()),
            (token, at) => Err(self.mistake(at, format!("unexpected {token}: '{mark}' is missing here"))),
        }
    }
}

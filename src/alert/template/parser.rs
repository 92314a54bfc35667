//! From tokens to a tree. What Go's own parser refuses is refused here: unknown functions and variables too.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ParseError,
    functions::Function,
    lexer::{self, Placed, Token},
    tree::{Branch, Command, List, Node, Operand, Pipe, Term, Tree},
};

/// How deep blocks and parentheses nest; ten are many.
const DEPTH_MAX: usize = 50;

/// The variables that Prometheus declares before the text of a rule.
pub(super) const GIVEN: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

pub(super) fn parse(text: &str) -> Result<Tree, ParseError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        variables: GIVEN.iter().map(|name| (*name).into()).collect(),
        named: BTreeMap::new(),
        called: Vec::new(),
        depth: 0,
        loops: 0,
    };
    let (root, end) = parser.list(true)?;
    if let Some((word, at)) = end {
        return Err(parser.mistake(at, format!("unexpected {{{{{word}}}}}")));
    }
    for (name, at) in &parser.called {
        if !parser.named.contains_key(name) {
            return Err(parser.mistake(*at, format!("there is no template \"{}\"", name.escape_default())));
        }
    }
    Ok(Tree { root, named: parser.named })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    /// Those in scope.
    variables: Vec<Arc<str>>,
    named: BTreeMap<String, List>,
    /// Named templates that are used, and where.
    called: Vec<(String, usize)>,
    depth: usize,
    /// How many `range` are around.
    loops: usize,
}

/// What ended a list: `end` or `else`, and where it stood.
type Ended = Option<(&'static str, usize)>;

impl Parser<'_> {
    fn mistake(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, at, message)
    }

    fn peek(&self) -> &Placed {
        // The last token is the end, and it is never passed.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Placed {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek().token == *token;
        self.at += usize::from(found);
        found
    }

    fn close(&mut self, what: &str) -> Result<(), ParseError> {
        let next = self.next();
        if next.token == Token::Close {
            return Ok(());
        }
        Err(self.mistake(next.at, format!("unexpected {} in {what}", next.token)))
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake(self.peek().at, format!("nests over {DEPTH_MAX} levels deep")));
        }
        let done = work(self)?;
        self.depth -= 1;
        Ok(done)
    }

    /// Nodes up to `end`, `else` or the end of the text.
    fn list(&mut self, at_top: bool) -> Result<(List, Ended), ParseError> {
        let mut nodes = List::new();
        loop {
            let next = self.next();
            match next.token {
                Token::End => return Ok((nodes, None)),
                Token::Text(text) => nodes.push(Node::Text(text.into())),
                _ => {
                    let word = match &self.peek().token {
                        Token::Word(word) => word.clone(),
                        _ => String::new(),
                    };
                    match word.as_str() {
                        "end" => {
                            self.at += 1;
                            self.close("end")?;
                            return Ok((nodes, Some(("end", next.at))));
                        }
                        "else" => {
                            self.at += 1;
                            return Ok((nodes, Some(("else", next.at))));
                        }
                        "define" if at_top => self.define()?,
                        _ => nodes.push(self.action(&word, next.at)?),
                    }
                }
            }
        }
    }

    fn action(&mut self, word: &str, open: usize) -> Result<Node, ParseError> {
        let is_keyword =
            matches!(word, "if" | "with" | "range" | "template" | "block" | "break" | "continue" | "define");
        self.at += usize::from(is_keyword);
        match word {
            "if" => self.branch(word, open).map(Node::If),
            "with" => self.branch(word, open).map(Node::With),
            "range" => self.branch(word, open).map(Node::Range),
            "template" => {
                let name = self.name(word)?;
                let pipe = if self.peek().token == Token::Close { None } else { Some(self.pipe(word)?) };
                self.close(word)?;
                self.called.push((name.clone(), open));
                Ok(Node::Template { name, pipe, at: open })
            }
            "block" => {
                let name = self.name(word)?;
                let pipe = self.pipe(word)?;
                self.close(word)?;
                self.body(word, &name, open)?;
                Ok(Node::Template { name, pipe: Some(pipe), at: open })
            }
            "break" | "continue" => {
                if self.loops == 0 {
                    return Err(self.mistake(open, format!("{{{{{word}}}}} outside of {{{{range}}}}")));
                }
                self.close(word)?;
                Ok(if word == "break" { Node::Break } else { Node::Continue })
            }
            "define" => Err(self.mistake(open, "{{define}} stands at the top only")),
            _ => {
                let pipe = self.pipe("an action")?;
                self.close("an action")?;
                Ok(Node::Action(pipe))
            }
        }
    }

    fn define(&mut self) -> Result<(), ParseError> {
        let at = self.peek().at;
        self.at += 1;
        let name = self.name("define")?;
        self.close("define")?;
        self.body("define", &name, at)
    }

    /// The body of a named template, which sees no variable but `$`.
    fn body(&mut self, word: &str, name: &str, at: usize) -> Result<(), ParseError> {
        let around = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.deeper(|parser| parser.list(false))?;
        self.expect_end(word, at, end)?;
        self.variables = around;
        self.loops = loops;
        if self.named.insert(name.to_owned(), body).is_some() {
            return Err(self.mistake(at, format!("template \"{}\" is defined twice", name.escape_default())));
        }
        Ok(())
    }

    fn expect_end(&self, word: &str, at: usize, end: Ended) -> Result<(), ParseError> {
        match end {
            Some(("end", _)) => Ok(()),
            Some((other, at)) => Err(self.mistake(at, format!("unexpected {{{{{other}}}}}"))),
            None => Err(self.mistake(at, format!("{{{{{word}}}}} without {{{{end}}}}"))),
        }
    }

    /// The name behind `template`, `block` or `define`.
    fn name(&mut self, word: &str) -> Result<String, ParseError> {
        let next = self.next();
        match next.token {
            Token::String(name) => Ok(name),
            other => Err(self.mistake(next.at, format!("unexpected {other}: {word} takes a name in quotes"))),
        }
    }

    fn branch(&mut self, word: &str, open: usize) -> Result<Branch, ParseError> {
        let scope = self.variables.len();
        let pipe = self.pipe(word)?;
        self.close(word)?;
        let loops = usize::from(word == "range");
        self.loops += loops;
        let (body, end) = self.deeper(|parser| parser.list(false))?;
        self.loops -= loops;
        let mut otherwise = List::new();
        match end {
            Some(("else", at)) => {
                let chained = matches!(&self.peek().token, Token::Word(next) if next == word && word != "range");
                if chained {
                    // `else if`: as if the inner one stood in an `else` of its own; it takes the `end`.
                    self.at += 1;
                    let inner = self.deeper(|parser| parser.branch(word, at))?;
                    otherwise.push(if word == "if" { Node::If(inner) } else { Node::With(inner) });
                } else {
                    self.close("else")?;
                    let (list, end) = self.deeper(|parser| parser.list(false))?;
                    self.expect_end(word, open, end)?;
                    otherwise = list;
                }
            }
            end => self.expect_end(word, open, end)?,
        }
        self.variables.truncate(scope);
        Ok(Branch { pipe, body, otherwise })
    }

    fn pipe(&mut self, context: &str) -> Result<Pipe, ParseError> {
        let at = self.peek().at;
        let (variables, assigns) = self.declaration(context)?;
        let mut commands: Vec<Command> = Vec::new();
        loop {
            let command = self.command(context)?;
            let is_value = matches!(
                command.head.term,
                Term::Dot | Term::Nil | Term::Bool(_) | Term::Int(_) | Term::Float(_) | Term::Text(_)
            );
            if is_value && command.head.fields.is_empty() && !commands.is_empty() {
                return Err(self.mistake(command.head.at, "what stands behind '|' must be a function"));
            }
            commands.push(command);
            if !self.take(&Token::Pipe) {
                break;
            }
        }
        for name in variables.iter().filter(|_| !assigns) {
            self.variables.push(Arc::clone(name));
        }
        Ok(Pipe { at, variables, assigns, commands })
    }

    /// `$x :=`, `$x =`, and in a `range` also `$i, $x :=`.
    fn declaration(&mut self, context: &str) -> Result<(Vec<Arc<str>>, bool), ParseError> {
        let start = self.at;
        let mut names: Vec<Arc<str>> = Vec::new();
        while let Token::Variable(name) = &self.peek().token {
            names.push(name.as_str().into());
            self.at += 1;
            let next = self.next();
            match next.token {
                Token::Comma if context == "range" && names.len() == 1 => {}
                Token::Declare => return Ok((names, false)),
                Token::Assign => {
                    for name in &names {
                        self.known(name, next.at)?;
                    }
                    return Ok((names, true));
                }
                _ if names.len() == 1 => break,
                other => return Err(self.mistake(next.at, format!("unexpected {other} in range"))),
            }
        }
        if names.len() > 1 {
            return Err(self.mistake(self.peek().at, format!("unexpected {} in range", self.peek().token)));
        }
        self.at = start;
        Ok((Vec::new(), false))
    }

    fn known(&self, name: &str, at: usize) -> Result<(), ParseError> {
        if self.variables.iter().any(|known| **known == *name) {
            return Ok(());
        }
        Err(self.mistake(at, format!("undefined variable {name}")))
    }

    fn command(&mut self, context: &str) -> Result<Command, ParseError> {
        let mut operands = Vec::new();
        loop {
            match &self.peek().token {
                Token::Close | Token::RightParen | Token::Pipe => break,
                _ => operands.push(self.operand(context)?),
            }
        }
        let mut operands = operands.into_iter();
        match operands.next() {
            Some(head) => Ok(Command { head, arguments: operands.collect() }),
            None => Err(self.mistake(self.peek().at, format!("missing value for {context}"))),
        }
    }

    fn operand(&mut self, context: &str) -> Result<Operand, ParseError> {
        let Placed { token, at, mut end } = self.next();
        let mut fields = Vec::new();
        let term = match token {
            Token::Dot => Term::Dot,
            Token::Field(name) => {
                fields.push(name.into());
                Term::Dot
            }
            Token::Variable(name) => {
                self.known(&name, at)?;
                Term::Variable(name.into())
            }
            Token::Int(value) => Term::Int(value),
            Token::Float(value) => Term::Float(value),
            Token::String(value) => Term::Text(value.into()),
            Token::Word(word) => match word.as_str() {
                "true" => Term::Bool(true),
                "false" => Term::Bool(false),
                "nil" => Term::Nil,
                _ => match Function::of(&word) {
                    Some(function) => Term::Function(function),
                    None => return Err(self.mistake(at, format!("there is no function '{word}'"))),
                },
            },
            Token::LeftParen => {
                let pipe = self.deeper(|parser| parser.pipe("parentheses"))?;
                let close = self.next();
                if close.token != Token::RightParen {
                    return Err(self.mistake(close.at, format!("unexpected {}: ')' is missing here", close.token)));
                }
                end = close.end;
                Term::Pipe(Box::new(pipe))
            }
            other => return Err(self.mistake(at, format!("unexpected {other} in {context}"))),
        };
        let has_fields = !matches!(term, Term::Nil | Term::Bool(_) | Term::Int(_) | Term::Float(_) | Term::Text(_));
        while let Token::Field(name) = &self.peek().token
            && self.peek().at == end
        {
            if !has_fields {
                return Err(self.mistake(self.peek().at, format!("unexpected {} behind a value", self.peek().token)));
            }
            fields.push(name.as_str().into());
            end = self.peek().end;
            self.at += 1;
        }
        let next = self.peek();
        let ends = matches!(
            next.token,
            Token::Close | Token::RightParen | Token::Pipe | Token::Comma | Token::Declare | Token::Assign
        );
        if next.at == end && !ends {
            return Err(self.mistake(next.at, format!("unexpected {}: a space is missing here", next.token)));
        }
        Ok(Operand { at, term, fields })
    }
}

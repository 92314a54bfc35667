//! Operators: how strongly they bind, and what they may stand between.

use super::{
    Mistake, ValueType,
    lexer::Token,
    parser::{Parser, Part},
};

/// A binary operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    name: &'static str,
    /// Binds stronger than what has less.
    pub(super) strength: u8,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Arithmetic,
    Comparison,
    Set,
}

/// Of a unary minus: that of `*`, so that `-2 ^ 2` is minus four.
pub(super) const UNARY: u8 = 5;
const POWER: u8 = 6;

const OPERATORS: [(&str, u8, Kind); 16] = [
    ("or", 1, Kind::Set),
    ("and", 2, Kind::Set),
    ("unless", 2, Kind::Set),
    ("==", 3, Kind::Comparison),
    ("!=", 3, Kind::Comparison),
    ("<=", 3, Kind::Comparison),
    ("<", 3, Kind::Comparison),
    (">=", 3, Kind::Comparison),
    (">", 3, Kind::Comparison),
    ("+", 4, Kind::Arithmetic),
    ("-", 4, Kind::Arithmetic),
    ("*", 5, Kind::Arithmetic),
    ("/", 5, Kind::Arithmetic),
    ("%", 5, Kind::Arithmetic),
    ("atan2", 5, Kind::Arithmetic),
    ("^", POWER, Kind::Arithmetic),
];

/// What stands between an operator and its right side.
#[derive(Debug, Default)]
pub(super) struct Modifiers {
    bool_at: Option<usize>,
    /// Where `on` or `ignoring` stands, with its labels.
    matching: Option<(usize, bool, Vec<String>)>,
    grouping_at: Option<usize>,
}

impl Operator {
    pub(super) fn of(token: &Token<'_>) -> Option<Self> {
        let found = match token {
            Token::Operator(operator) => OPERATORS.iter().find(|(name, ..)| name == operator),
            Token::Name(word) => OPERATORS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)),
            _ => None,
        };
        found.map(|&(name, strength, kind)| Self { name, strength, kind })
    }

    /// What the right side must bind with: `^` goes on to the right.
    pub(super) fn right_strength(self) -> u8 {
        if self.strength == POWER { POWER } else { self.strength + 1 }
    }
}

impl Parser<'_> {
    pub(super) fn modifiers(&mut self) -> Result<Modifiers, Mistake> {
        let mut modifiers = Modifiers::default();
        if let Some(at) = self.take_word("bool")? {
            modifiers.bool_at = Some(at);
        }
        let on = self.take_word("on")?;
        let at = match on {
            Some(at) => Some(at),
            None => self.take_word("ignoring")?,
        };
        if let Some(at) = at {
            let labels = self.labels()?;
            modifiers.matching = Some((at, on.is_some(), labels));
            let side = match self.take_word("group_left")? {
                Some(at) => Some(at),
                None => self.take_word("group_right")?,
            };
            if let Some(at) = side {
                modifiers.grouping_at = Some(at);
                self.included(&modifiers)?;
            }
        }
        Ok(modifiers)
    }

    /// The labels of `group_left` or `group_right`, which may be left out.
    fn included(&mut self, modifiers: &Modifiers) -> Result<(), Mistake> {
        if !self.is_next(&Token::Mark('('))? {
            return Ok(());
        }
        let at = self.place()?;
        let included = self.labels()?;
        let Some((_, true, on)) = &modifiers.matching else { return Ok(()) };
        match included.iter().find(|label| on.contains(label)) {
            Some(label) => Err(self.mistake(at, format!("label '{label}' stands in on and in the group clause"))),
            None => Ok(()),
        }
    }

    /// What an operator makes of its two sides.
    pub(super) fn combine(
        &self,
        operator: Operator,
        at: usize,
        modifiers: &Modifiers,
        left: &Part,
        right: &Part,
    ) -> Result<Part, Mistake> {
        for side in [left, right] {
            if !matches!(side.gives, ValueType::Scalar | ValueType::Vector) {
                let message =
                    format!("'{}' takes scalars and instant vectors, and this is {}", operator.name, side.gives);
                return Err(self.mistake(side.at, message));
            }
        }
        let scalars = [left, right].iter().filter(|side| side.gives == ValueType::Scalar).count();
        if let Some(at) = modifiers.bool_at.filter(|_| operator.kind != Kind::Comparison) {
            return Err(self.mistake(at, "bool goes with comparisons only"));
        }
        if operator.kind == Kind::Comparison && scalars == 2 && modifiers.bool_at.is_none() {
            let message = format!("a comparison of two scalars needs bool: {} bool", operator.name);
            return Err(self.mistake(at, message));
        }
        if operator.kind == Kind::Set {
            if scalars > 0 {
                return Err(self.mistake(at, format!("'{}' takes instant vectors only", operator.name)));
            }
            if let Some(at) = modifiers.grouping_at {
                return Err(self.mistake(at, format!("'{}' takes no group_left or group_right", operator.name)));
            }
        }
        if let Some((at, _, labels)) = &modifiers.matching
            && scalars > 0
            && !labels.is_empty()
        {
            return Err(self.mistake(*at, "on and ignoring go with two instant vectors only"));
        }
        let gives = if scalars == 2 { ValueType::Scalar } else { ValueType::Vector };
        Ok(Part::plain(gives, left.at))
    }
}

//! What begins with a name: a metric, a function or an aggregation.

use super::{
    Mistake, ValueType,
    functions::{self, Function},
    lexer::Token,
    parser::{Parser, Part},
};

/// Aggregations, with what they take before the vector.
const AGGREGATIONS: [(&str, Option<ValueType>); 14] = [
    ("avg", None),
    ("bottomk", Some(ValueType::Scalar)),
    ("count", None),
    ("count_values", Some(ValueType::String)),
    ("group", None),
    ("limit_ratio", Some(ValueType::Scalar)),
    ("limitk", Some(ValueType::Scalar)),
    ("max", None),
    ("min", None),
    ("quantile", Some(ValueType::Scalar)),
    ("stddev", None),
    ("stdvar", None),
    ("sum", None),
    ("topk", Some(ValueType::Scalar)),
];

/// Words that cannot be the name of a metric; that of a set operator can.
const RESERVED: [&str; 6] = ["atan2", "bool", "on", "ignoring", "group_left", "group_right"];

impl Parser<'_> {
    /// What the name `name`, which stood at `at`, begins.
    pub(super) fn name(&mut self, name: &str, at: usize) -> Result<Part, Mistake> {
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) {
            return Err(self.mistake(at, format!("unexpected '{name}': an operand is missing here")));
        }
        let parameter = AGGREGATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let is_call = self.is_next(&Token::Mark('('))?;
        if let Some(&(_, parameter)) = parameter
            && (is_call || self.is_word(&["by", "without"])?)
        {
            return self.aggregation(name, at, parameter);
        }
        if is_call {
            return self.call(name, at);
        }
        if self.take(&Token::Mark('{'))? {
            self.selector(Some(name), at)?;
        }
        Ok(Part::selector(at))
    }

    fn aggregation(&mut self, name: &str, at: usize, parameter: Option<ValueType>) -> Result<Part, Mistake> {
        let before = self.grouping()?;
        let arguments = self.arguments()?;
        if !before {
            self.grouping()?;
        }
        let mut wanted: Vec<ValueType> = parameter.into_iter().collect();
        wanted.push(ValueType::Vector);
        if arguments.len() != wanted.len() {
            let message = format!("{name} takes {}, and here are {}", counted(wanted.len()), arguments.len());
            return Err(self.mistake(at, message));
        }
        for (argument, wanted) in arguments.iter().zip(wanted) {
            self.expect_type(name, argument, wanted)?;
        }
        Ok(Part::plain(ValueType::Vector, at))
    }

    /// `by (…)` or `without (…)`, if it is next.
    fn grouping(&mut self) -> Result<bool, Mistake> {
        if !self.is_word(&["by", "without"])? {
            return Ok(false);
        }
        self.next()?;
        self.labels()?;
        Ok(true)
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Part, Mistake> {
        let Some(function) = functions::find(name) else {
            let known = AGGREGATIONS.iter().map(|(name, _)| *name).chain(functions::names());
            let hint = match functions::nearest(name, known) {
                Some(near) => format!(": did you mean {near}?"),
                None => String::new(),
            };
            return Err(self.mistake(at, format!("there is no function '{name}'{hint}")));
        };
        let arguments = self.arguments()?;
        if !function.takes(arguments.len()) {
            let message = format!("{name} takes {}, and here are {}", function.wants(), arguments.len());
            return Err(self.mistake(at, message));
        }
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(wanted) = function.argument(index) {
                self.expect_type(name, argument, wanted)?;
            }
        }
        if function.name == "info" && arguments.get(1).is_some_and(|labels| !labels.is_selector()) {
            let at = arguments.get(1).map_or(at, |labels| labels.at);
            return Err(self.mistake(at, "the second argument of info is a selector of labels"));
        }
        Ok(Part::plain(function.gives, at))
    }

    fn arguments(&mut self) -> Result<Vec<Part>, Mistake> {
        self.expect('(')?;
        let mut arguments = Vec::new();
        if self.take(&Token::Mark(')'))? {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            if !self.take(&Token::Mark(','))? {
                self.expect(')')?;
                return Ok(arguments);
            }
        }
    }

    fn expect_type(&self, name: &str, argument: &Part, wanted: ValueType) -> Result<(), Mistake> {
        if argument.gives == wanted {
            return Ok(());
        }
        let hint = match (wanted, argument.gives) {
            (ValueType::Matrix, ValueType::Vector) => ": give it a range, as [5m]",
            (ValueType::Vector, ValueType::Matrix) => {
                ": leave the range out, or make an instant vector of it, as with rate()"
            }
            (ValueType::Vector, ValueType::Scalar) => ": make a vector of it with vector()",
            (ValueType::Scalar, ValueType::Vector) => ": make a scalar of it with scalar()",
            _ => "",
        };
        Err(self.mistake(argument.at, format!("{name} takes {wanted} here, and this is {}{hint}", argument.gives)))
    }
}

impl Function {
    fn wants(&self) -> String {
        match self.bounds() {
            (least, Some(most)) if least == most => counted(least),
            (least, Some(most)) => format!("{least} to {most} arguments"),
            (least, None) => format!("at least {}", counted(least)),
        }
    }

    fn takes(&self, count: usize) -> bool {
        let (least, most) = self.bounds();
        count >= least && most.is_none_or(|most| count <= most)
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}

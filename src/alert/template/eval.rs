//! Renders a tree. Every step is paid for, so that no template runs for ever.

use std::sync::Arc;

use super::{
    Data, Limits, Queries, RenderError,
    env::Env,
    functions::{Function, Kind},
    parser::GIVEN,
    time,
    tree::{Branch, Command, List, Node, Operand, Pipe, Term, Tree},
    value::Value,
};

/// How deep blocks, parentheses and calls of templates may be in each other. A level takes some hundred bytes of stack.
const DEPTH_MAX: usize = 150;

/// Why a list ended before its end.
enum Stop {
    Break,
    Continue,
    NeedsQuery(String),
    /// Where, and what.
    Failed(usize, String),
}

type Done<T> = Result<T, Stop>;

struct Run<'a> {
    tree: &'a Tree,
    env: Env<'a>,
    out: String,
    /// The newest last; a name may be there more than once.
    variables: Vec<(Arc<str>, Value)>,
    depth: usize,
}

/// The text, and the steps that it took.
pub(super) fn render(
    tree: &Tree,
    source: &str,
    data: &Data<'_>,
    queries: &Queries,
    limits: Limits,
) -> (Result<String, RenderError>, usize) {
    let mut run =
        Run { tree, env: Env::new(data, queries, limits), out: String::new(), variables: Vec::new(), depth: 0 };
    let values = [
        Value::Root,
        Value::Labels(data.labels.clone()),
        Value::Labels(data.external_labels.clone()),
        Value::text(data.external_url),
        Value::Float(data.value),
    ];
    run.variables = GIVEN.iter().map(|name| (*name).into()).zip(values).collect();
    let done = run.list(&tree.root, &Value::Root);
    let used = run.env.used();
    let text = match done {
        Ok(()) | Err(Stop::Break | Stop::Continue) => Ok(run.out),
        Err(Stop::NeedsQuery(query)) => Err(RenderError::NeedsQuery(query)),
        Err(Stop::Failed(at, what)) => Err(RenderError::failed(source, at, what)),
    };
    (text, used)
}

impl Run<'_> {
    fn step(&mut self, at: usize) -> Done<()> {
        self.env.pay(1).map_err(|what| Stop::Failed(at, what))
    }

    fn write(&mut self, text: &str, at: usize) -> Done<()> {
        let limit = self.env.limits.output;
        if self.out.len() + text.len() > limit {
            return Err(Stop::Failed(at, format!("it writes over {limit} bytes")));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn deeper<T>(&mut self, at: usize, work: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth == DEPTH_MAX {
            return Err(Stop::Failed(at, format!("it goes over {DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    fn list(&mut self, list: &List, dot: &Value) -> Done<()> {
        list.iter().try_for_each(|node| self.node(node, dot))
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Done<()> {
        match node {
            Node::Text(text) => {
                self.step(0)?;
                self.write(text, 0)
            }
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() { self.print(&value, pipe.at) } else { Ok(()) }
            }
            Node::If(branch) => self.scoped(branch, |run| {
                let value = run.pipe(&branch.pipe, dot)?;
                run.list(if value.is_true() { &branch.body } else { &branch.otherwise }, dot)
            }),
            Node::With(branch) => self.scoped(branch, |run| {
                let value = run.pipe(&branch.pipe, dot)?;
                if value.is_true() { run.list(&branch.body, &value) } else { run.list(&branch.otherwise, dot) }
            }),
            Node::Range(branch) => self.scoped(branch, |run| run.range(branch, dot)),
            Node::Template { name, pipe, at } => {
                let dot = match pipe {
                    Some(pipe) => self.pipe(pipe, dot)?,
                    None => Value::Nothing,
                };
                self.named(name, dot, *at)
            }
            Node::Break => Err(Stop::Break),
            Node::Continue => Err(Stop::Continue),
        }
    }

    /// Runs a block, whose variables go with it.
    fn scoped(&mut self, branch: &Branch, work: impl FnOnce(&mut Self) -> Done<()>) -> Done<()> {
        let scope = self.variables.len();
        let done = self.deeper(branch.pipe.at, work);
        self.variables.truncate(scope);
        done
    }

    fn print(&mut self, value: &Value, at: usize) -> Done<()> {
        let data = self.env.data;
        match value {
            Value::Text(text) => return self.write(text, at),
            Value::Nothing => return self.write("<no value>", at),
            Value::Root => {
                let parts = [
                    Value::Labels(data.labels.clone()),
                    Value::Labels(data.external_labels.clone()),
                    Value::text(data.external_url),
                    Value::Float(data.value),
                ];
                let parts = parts.map(|part| part.to_string()).join(" ");
                return self.write(&format!("{{{parts}}}"), at);
            }
            _ => {}
        }
        let text = self.env.print(std::slice::from_ref(value)).map_err(|what| Stop::Failed(at, what))?;
        self.write(&text, at)
    }

    /// Runs a named template, which sees no variables but `$`.
    fn named(&mut self, name: &str, dot: Value, at: usize) -> Done<()> {
        self.step(at)?;
        let tree = self.tree;
        let Some(body) = tree.named.get(name) else {
            return Err(Stop::Failed(at, format!("there is no template \"{}\"", name.escape_default())));
        };
        let around = std::mem::replace(&mut self.variables, vec![("$".into(), dot.clone())]);
        let done = self.deeper(at, |run| run.list(body, &dot));
        self.variables = around;
        done
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Done<()> {
        let value = self.commands(&branch.pipe, dot)?;
        let at = branch.pipe.at;
        let mut any = false;
        // One arm for each kind, so that nothing is gathered before it is gone through.
        let done = match &value {
            Value::Samples(samples) => samples.iter().enumerate().try_for_each(|(index, sample)| {
                any = true;
                self.turn(
                    branch,
                    Value::Int(i64::try_from(index).unwrap_or(i64::MAX)),
                    Value::Sample(Arc::clone(sample)),
                )
            }),
            Value::Labels(labels) => labels.iter().try_for_each(|(name, value)| {
                any = true;
                self.turn(branch, Value::text(name), Value::text(value))
            }),
            Value::Map(map) => map.iter().try_for_each(|(name, value)| {
                any = true;
                self.turn(branch, Value::text(name.as_str()), value.clone())
            }),
            Value::Int(count) if branch.pipe.variables.len() < 2 => (0..*count).try_for_each(|index| {
                any = true;
                self.turn(branch, Value::Int(index), Value::Int(index))
            }),
            Value::Nothing => Ok(()),
            other => Err(Stop::Failed(at, format!("range can't iterate over {}", other.kind()))),
        };
        match done {
            Ok(()) if !any => self.list(&branch.otherwise, dot),
            Err(Stop::Break) => Ok(()),
            done => done,
        }
    }

    /// One turn of a range.
    fn turn(&mut self, branch: &Branch, index: Value, element: Value) -> Done<()> {
        self.step(branch.pipe.at)?;
        let scope = self.variables.len();
        let values = match branch.pipe.variables.as_slice() {
            [] => Vec::new(),
            [name] => vec![(name, element.clone())],
            [first, second, ..] => vec![(first, index), (second, element.clone())],
        };
        for (name, value) in values {
            self.set(name, value, branch.pipe.assigns);
        }
        let done = self.list(&branch.body, &element);
        self.variables.truncate(scope);
        match done {
            Err(Stop::Continue) => Ok(()),
            done => done,
        }
    }

    fn set(&mut self, name: &Arc<str>, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| assigns && known == name);
        match known {
            Some((_, held)) => *held = value,
            None => self.variables.push((Arc::clone(name), value)),
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Done<Value> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.variables {
            self.set(name, value.clone(), pipe.assigns);
        }
        Ok(value)
    }

    /// Each command's value is the last argument of the next.
    fn commands(&mut self, pipe: &Pipe, dot: &Value) -> Done<Value> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or(Value::Nothing))
    }

    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Value>) -> Done<Value> {
        let Command { head, arguments } = command;
        self.step(head.at)?;
        if let (Term::Function(function), true) = (&head.term, head.fields.is_empty()) {
            return self.call(*function, head.at, arguments, dot, piped);
        }
        if matches!(head.term, Term::Nil) {
            return Err(Stop::Failed(head.at, "nil is not a command".to_owned()));
        }
        let base = self.term(head, dot)?;
        let mut given = Vec::new();
        for argument in arguments {
            given.push(self.operand(argument, dot)?);
        }
        given.extend(piped);
        if head.fields.is_empty() && !given.is_empty() {
            return Err(Stop::Failed(head.at, "can't give argument to what is no function".to_owned()));
        }
        self.fields(head, base, &given)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Done<Value> {
        self.step(operand.at)?;
        let base = self.term(operand, dot)?;
        self.fields(operand, base, &[])
    }

    fn term(&mut self, operand: &Operand, dot: &Value) -> Done<Value> {
        let at = operand.at;
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nothing),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Int(value) => Ok(Value::Int(*value)),
            Term::Float(value) => Ok(Value::Float(*value)),
            Term::Text(text) => Ok(Value::Text(Arc::clone(text))),
            Term::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| Stop::Failed(at, format!("undefined variable {name}")))
            }
            Term::Function(function) => self.call(*function, at, &[], dot, None),
            Term::Pipe(pipe) => self.deeper(at, |run| run.pipe(pipe, dot)),
        }
    }

    /// What `.a.b` behind a value is; the arguments are the last one's.
    fn fields(&mut self, operand: &Operand, mut value: Value, arguments: &[Value]) -> Done<Value> {
        let last = operand.fields.len().saturating_sub(1);
        for (index, name) in operand.fields.iter().enumerate() {
            let arguments = if index == last { arguments } else { &[] };
            value = self.field(&value, name, arguments).map_err(|what| Stop::Failed(operand.at, what))?;
        }
        Ok(value)
    }

    fn field(&mut self, value: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
        if let Value::Time(_) | Value::Duration(_) = value {
            let found = time::method(value, name, arguments);
            return found.ok_or_else(|| format!("a {} has no method {name} that takes this", value.kind()));
        }
        if !arguments.is_empty() {
            return Err(format!("{name} has arguments but cannot be invoked as function"));
        }
        let data = self.env.data;
        match (value, name) {
            // What a label map does not hold is the empty text, as Prometheus has it.
            (Value::Labels(labels), _) => Ok(Value::text(labels.value(name))),
            (Value::Map(map), _) => Ok(map.get(name).cloned().unwrap_or(Value::Nothing)),
            (Value::Sample(sample), "Value") => Ok(Value::Float(sample.value)),
            (Value::Sample(sample), "Labels") => Ok(Value::Labels(sample.labels.clone())),
            (Value::Root, "Labels") => Ok(Value::Labels(data.labels.clone())),
            (Value::Root, "ExternalLabels") => Ok(Value::Labels(data.external_labels.clone())),
            (Value::Root, "ExternalURL") => Ok(Value::text(data.external_url)),
            (Value::Root, "Value") => Ok(Value::Float(data.value)),
            (Value::Nothing, _) => Err(format!("nil pointer evaluating interface {{}}.{name}")),
            (other, _) => Err(format!("can't evaluate field {name} in type {}", other.kind())),
        }
    }

    fn call(
        &mut self,
        function: Function,
        at: usize,
        arguments: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Done<Value> {
        let failed = |what: String| Stop::Failed(at, format!("error calling {}: {what}", function.name));
        let count = arguments.len() + usize::from(piped.is_some());
        function.check_count(count).map_err(|what| Stop::Failed(at, what))?;
        if let Kind::And | Kind::Or = function.kind {
            return self.until(matches!(function.kind, Kind::Or), arguments, dot, piped);
        }
        let mut values = Vec::with_capacity(count);
        for argument in arguments {
            values.push(self.operand(argument, dot)?);
        }
        values.extend(piped);
        // Texts are looked at byte by byte, whatever the function.
        let bytes: usize = values.iter().map(|value| if let Value::Text(text) = value { text.len() } else { 0 }).sum();
        self.env.pay(bytes / 256).map_err(failed)?;
        match (function.kind, values.as_slice()) {
            (Kind::Call(call), values) => call(&mut self.env, values).map_err(failed),
            (Kind::Query, [Value::Text(query)]) => self.query(query).map_err(|stop| match stop {
                Stop::Failed(_, what) => failed(what),
                stop => stop,
            }),
            (Kind::Template, [Value::Text(name), dot]) => self.captured(name, dot.clone(), at),
            (_, values) => {
                Err(failed(super::functions::wrong_type(values.first().unwrap_or(&Value::Nothing), "string")))
            }
        }
    }

    /// The first argument whose truth is `wanted`, or the last one.
    fn until(&mut self, wanted: bool, arguments: &[Operand], dot: &Value, piped: Option<Value>) -> Done<Value> {
        let mut last = Value::Nothing;
        for argument in arguments {
            last = self.operand(argument, dot)?;
            if last.is_true() == wanted {
                return Ok(last);
            }
        }
        Ok(piped.unwrap_or(last))
    }

    fn query(&mut self, query: &str) -> Done<Value> {
        let limit = self.env.limits.queries;
        if !self.env.asks(query) {
            return Err(Stop::Failed(0, format!("a template asks at most {limit} queries")));
        }
        match self.env.queries.get(query) {
            Some(Ok(samples)) => Ok(Value::Samples(Arc::clone(samples))),
            Some(Err(what)) => Err(Stop::Failed(0, what.clone())),
            None => Err(Stop::NeedsQuery(query.to_owned())),
        }
    }

    /// What a named template writes, as a value.
    fn captured(&mut self, name: &str, dot: Value, at: usize) -> Done<Value> {
        let around = std::mem::take(&mut self.out);
        let done = self.named(name, dot, at);
        let text = std::mem::replace(&mut self.out, around);
        done?;
        self.env.text(text).map_err(|what| Stop::Failed(at, what))
    }
}

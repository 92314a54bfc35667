//! A parsed template.

use std::{collections::BTreeMap, sync::Arc};

use super::functions::Function;

pub(super) type List = Vec<Node>;

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: List,
    /// What `define` and `block` made.
    pub(super) named: BTreeMap<String, List>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(Arc<str>),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: String, pipe: Option<Pipe>, at: usize },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) body: List,
    pub(super) otherwise: List,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) at: usize,
    /// At most one; in a `range` two: index and element.
    pub(super) variables: Vec<Arc<str>>,
    /// They are there already: `=`, not `:=`.
    pub(super) assigns: bool,
    /// At least one.
    pub(super) commands: Vec<Command>,
}

/// An operand with arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) head: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) term: Term,
    /// `.a.b` behind it.
    pub(super) fields: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Variable(Arc<str>),
    Function(Function),
    Pipe(Box<Pipe>),
}

//! What a failed evaluation is called: the path or the types, never a value.

use cel::{
    Context, ExecutionError, IdedExpr, Value,
    common::{
        ast::{Expr, LiteralValue, operators},
        value::Val,
    },
};

use super::variables::Variables;

pub(super) fn explain(
    error: &ExecutionError,
    tree: &IdedExpr,
    context: &Context<'_, '_>,
    variables: &Variables<'_>,
) -> String {
    match error {
        ExecutionError::UndeclaredReference(name) => {
            variables.absent().map_or_else(|| format!("unknown name '{name}'"), str::to_owned)
        }
        ExecutionError::NoSuchKey(key) => match failing(tree, context, key) {
            Some(path) => format!("{path}: no such key"),
            None => format!("no such key: {key}"),
        },
        ExecutionError::NoSuchOverload(overload) => {
            format!("{} cannot take {}", operation(overload.function()), overload.argument_types().join(" and "))
        }
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => {
            format!("cannot {name} {:?} and {:?}", left.type_of(), right.type_of())
        }
        ExecutionError::UnexpectedType { got, want } => format!("found {got} where {want} is needed"),
        ExecutionError::IndexOutOfBounds(_) => "an index is out of range".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number is out of range".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("{function}() cannot convert what it was given"),
        ExecutionError::DuplicateKey(_) => "a map has one key twice".to_owned(),
        _ => "cannot be evaluated over this response".to_owned(),
    }
}

pub(super) fn type_name(value: &dyn Val) -> String {
    value.get_type().name().to_owned()
}

/// An operator as a person writes it.
fn operation(name: &str) -> String {
    match name {
        "_._" => "field access".to_owned(),
        "_[_]" => "indexing".to_owned(),
        "@in" => "'in'".to_owned(),
        _ if name.starts_with(|c: char| c.is_ascii_alphabetic()) => format!("{name}()"),
        _ => format!("'{}'", name.trim_matches(|c| c == '_' || c == '@')),
    }
}

/// The path of the first field access that fails for want of `key`. What stands inside a comprehension is
/// left out: its variables have no value here.
fn failing(node: &IdedExpr, context: &Context<'_, '_>, key: &str) -> Option<String> {
    let inner = match &node.expr {
        Expr::Select(select) => failing(&select.operand, context, key),
        Expr::Call(call) => {
            call.target.iter().map(AsRef::as_ref).chain(&call.args).find_map(|part| failing(part, context, key))
        }
        Expr::List(list) => list.elements.iter().find_map(|part| failing(part, context, key)),
        Expr::Comprehension(comprehension) => failing(&comprehension.iter_range, context, key),
        _ => None,
    };
    if inner.is_some() {
        return inner;
    }
    let path = path(node)?;
    match Value::resolve_val(node, context) {
        Err(ExecutionError::NoSuchKey(missing)) if missing.as_str() == key => Some(path),
        _ => None,
    }
}

fn path(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) if !name.starts_with('@') => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [operand, index] = call.args.as_slice() else { return None };
            let operand = path(operand)?;
            match &index.expr {
                Expr::Literal(LiteralValue::String(key)) => Some(format!("{operand}['{}']", key.inner())),
                Expr::Literal(LiteralValue::Int(index)) => Some(format!("{operand}[{}]", index.inner())),
                _ => Some(format!("{operand}[…]")),
            }
        }
        _ => None,
    }
}

//! What an expression may be: known names, bounded nesting, patterns that are literals.
//!
//! Works on the syntax tree, which is also changed here: a range of a comprehension is wrapped so that it is
//! paid for ([`super::budget`]), and a literal pattern becomes a reference to its compiled form.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators},
    parser::PrattParser,
};

use super::{About, Pattern, Program, Uses, budget, variables};

/// Comprehensions within comprehensions. Two serve "every row has a good cell"; with three, a body of a few
/// hundred elements would need more steps than [`budget`] grants.
const NESTING_MAX: usize = 2;

/// The tree is walked, evaluated and dropped by recursion: see [`super::stack`].
const DEPTH_MAX: usize = 64;

/// How deep brackets nest in what a person writes, with much to spare.
const BRACKETS_MAX: u16 = 32;

/// A compiled pattern may take 1 MiB.
const PATTERNS_MAX: usize = 16;

/// The fields of `response`.
const FIELDS: [&str; 5] = ["status", "headers", "body", "json", "latency"];

/// The functions of CEL's standard library that are written as calls, and the optional ones.
const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "int",
    "matches",
    "none",
    "of",
    "ofNonZeroValue",
    "or",
    "orValue",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "value",
];

/// Names of types, as in `type(x) == string`.
const TYPES: &[&str] = &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

pub(super) fn accept(source: &str, about: About) -> Result<Program, String> {
    // The crate's other parser, made by ANTLR, takes 64 KiB of stack for each bracket; this one takes linear
    // time and little stack. Both know the standard macros.
    let parser = PrattParser::new().enable_optional_syntax(true).max_recursion_depth(BRACKETS_MAX);
    let mut tree = parser.parse(source).map_err(|errors| one_line(&errors))?;
    let mut walk = Walk::new(about);
    walk.expr(&mut tree, 0)?;
    Ok(Program { source: source.into(), tree, uses: walk.uses, patterns: walk.patterns, depth: walk.depth })
}

/// The first mistake, with its place when the expression has several lines.
fn one_line(errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.first() else { return "cannot be parsed".to_owned() };
    let text = first.msg.lines().next().unwrap_or_default();
    if text.starts_with("expression recursion limit") {
        return format!("brackets nest over {BRACKETS_MAX} deep");
    }
    let text: String = text.trim_start_matches("Syntax error: ").chars().take(200).collect();
    format!("line {}, column {}: {text}", first.pos.0, first.pos.1)
}

struct Walk {
    about: About,
    uses: Uses,
    patterns: Vec<budget::Matcher>,
    /// The variables of the comprehensions around, innermost last.
    scope: Vec<String>,
    nesting: usize,
    /// Of the deepest node.
    depth: usize,
}

impl Walk {
    fn new(about: About) -> Self {
        Self { about, uses: Uses::default(), patterns: Vec::new(), scope: Vec::new(), nesting: 0, depth: 0 }
    }

    fn expr(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested over {DEPTH_MAX} levels deep"));
        }
        let depth = depth + 1;
        self.depth = self.depth.max(depth);
        if let Some(replacement) = self.response_field(&mut node.expr)? {
            node.expr = replacement;
            return Ok(());
        }
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.expr(&mut select.operand, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.expr(element, depth)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expr(&mut entry.key, depth)?;
                    self.expr(&mut entry.value, depth)
                }
                EntryExpr::StructField(field) => self.expr(&mut field.value, depth),
            }),
            Expr::Struct(_) => Err("message types are not known here".to_owned()),
        }
    }

    /// Notes what `response.x`, `response["x"]`, `has(response.x)` and the like refer to, and gives what stands
    /// in their place when it is not the node itself.
    fn response_field(&mut self, expr: &mut Expr) -> Result<Option<Expr>, String> {
        let (root, field, test) = match expr {
            Expr::Select(SelectExpr { operand, field, test }) => match &operand.expr {
                Expr::Ident(root) => (root.as_str(), field.as_str(), *test),
                _ => return Ok(None),
            },
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
                match args.as_slice() {
                    [
                        IdedExpr { expr: Expr::Ident(root), .. },
                        IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. },
                    ] => (root.as_str(), field.inner(), false),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        if self.about == About::Object || !matches!(root, "response" | "certificate") || self.in_scope(root) {
            return Ok(None);
        }
        match (root, field) {
            ("response", "body") => self.uses.body = true,
            ("response", "json") => self.uses.json = true,
            ("response", field) if FIELDS.contains(&field) => {}
            ("certificate", "notAfter") => self.uses.certificate = true,
            ("response", _) => return Err(format!("response has no field '{field}': it has {}", FIELDS.join(", "))),
            _ => return Err(format!("certificate has no field '{field}': it has notAfter")),
        }
        // One name that the variables know, whichever way it was written.
        let prefix = if test { variables::HAS } else { "" };
        Ok(Some(Expr::Ident(format!("{prefix}{root}.{field}"))))
    }

    fn ident(&mut self, name: &str) -> Result<(), String> {
        // Names with an `@` cannot be written; macros make them.
        if name.starts_with('@') || self.in_scope(name) || TYPES.contains(&name) {
            return Ok(());
        }
        if self.about == About::Object {
            self.uses.json |= name == "object";
            return if name == "object" { Ok(()) } else { Err(format!("unknown variable '{name}': there is object")) };
        }
        match name {
            "response" => {
                Err(format!("'response' alone is no value: write response. and one of {}", FIELDS.join(", ")))
            }
            "certificate" => Err("'certificate' alone is no value: write certificate.notAfter".to_owned()),
            _ => Err(format!("unknown variable '{name}': there are response and certificate")),
        }
    }

    fn in_scope(&self, name: &str) -> bool {
        self.scope.iter().any(|known| known == name)
    }

    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Result<(), String> {
        let is_operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
            return Err(format!("no function '{}' takes what is given here", call.func_name));
        }
        if call.func_name == "matches" {
            self.pattern(call)?;
        }
        if let Some(target) = &mut call.target {
            // `optional.of(x)`: a qualified name, not a variable.
            let qualifies = matches!(&target.expr, Expr::Ident(name) if name == "optional" && !self.in_scope(name));
            if !qualifies {
                self.expr(target, depth)?;
            }
        }
        call.args.iter_mut().try_for_each(|arg| self.expr(arg, depth))
    }

    /// Turns `x.matches("p")` into a call with the compiled pattern. A pattern that is made at run time is
    /// refused: compiling what a peer sent would put the cost of a run into its hands.
    fn pattern(&mut self, call: &mut CallExpr) -> Result<(), String> {
        let subject = match (call.target.take(), call.args.len()) {
            (Some(target), 1) => *target,
            (None, 2) => call.args.remove(0),
            _ => return Err("matches() takes a text and a pattern".to_owned()),
        };
        let Some(IdedExpr { id, expr: Expr::Literal(LiteralValue::String(pattern)) }) = call.args.pop() else {
            return Err("the pattern of matches() must be a string literal".to_owned());
        };
        if self.patterns.len() == PATTERNS_MAX {
            return Err(format!("over {PATTERNS_MAX} patterns"));
        }
        let compiled = Pattern::unanchored(pattern.inner())
            .map_err(|error| format!("the pattern '{}' of matches(): {error}", pattern.inner()))?;
        let name = format!("{}{}", variables::PATTERN, self.patterns.len());
        self.patterns.push(budget::Matcher(compiled));
        call.func_name = budget::MATCHES.to_owned();
        call.args = vec![subject, IdedExpr { id, expr: Expr::Ident(name) }];
        Ok(())
    }

    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr, depth: usize) -> Result<(), String> {
        if self.nesting == NESTING_MAX {
            return Err(format!("comprehensions (all, exists, map, filter) nest over {NESTING_MAX} deep"));
        }
        self.expr(&mut comprehension.iter_range, depth)?;
        let around = self.scope.len();
        self.pay(&mut comprehension.iter_range);
        self.nesting += 1;
        // The element first: `pay` of a comprehension inside weighs the first name in scope.
        self.scope.push(comprehension.iter_var.clone());
        self.scope.extend(comprehension.iter_var2.clone());
        self.scope.push(comprehension.accu_var.clone());
        self.expr(&mut comprehension.accu_init, depth)?;
        self.expr(&mut comprehension.loop_cond, depth)?;
        self.expr(&mut comprehension.loop_step, depth)?;
        self.expr(&mut comprehension.result, depth)?;
        self.nesting -= 1;
        self.scope.truncate(around);
        Ok(())
    }

    /// Wraps the range of a comprehension, so that its steps are paid for before the first is taken.
    fn pay(&self, range: &mut IdedExpr) {
        let id = range.id;
        let ident = |name: &str| IdedExpr { id, expr: Expr::Ident(name.to_owned()) };
        let mut args = vec![std::mem::take(range), ident(variables::BUDGET)];
        args.extend(self.scope.first().map(|element| ident(element)));
        range.id = id;
        range.expr = Expr::Call(CallExpr { func_name: budget::RANGE.to_owned(), target: None, args });
    }
}

//! How much work one evaluation may do.
//!
//! CEL has no loops but its comprehensions, so all that needs watching is how many steps these take and how
//! much of the response each step touches. One unit stands for about 256 bytes touched or copied, or for the
//! work of 64 characters of source: a microsecond at worst. A comprehension pays for all of its steps when
//! its range is known, and each look at `response.json` or `response.body` pays for their size. 200,000 units
//! are then at most about 0.2 s and 50 MB, and serve 10,000 elements with a line of source each. On top come
//! [`LOOKS`] looks at the whole body, so that a large one can be asked about at all.

use std::{
    any::Any,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
};

use cel::{
    Env, ExecutionError,
    common::{
        types::{CelBool, CelBytes, CelList, CelMap, CelString, DYN_TYPE, STRING_TYPE, Type},
        value::{CowVal, StaticVal, Val},
    },
};

use super::Pattern;

const UNITS: i64 = 200_000;
/// More than a person writes into one expression.
const LOOKS: i64 = 32;
const BYTES_PER_UNIT: usize = 256;
const SOURCE_PER_UNIT: usize = 64;

/// `@range(range, budget[, element around])`: the range, paid for.
pub(super) const RANGE: &str = "@range";
/// `@matches(text, pattern)`.
pub(super) const MATCHES: &str = "@matches";

/// The standard library and ours, built once.
pub(super) fn env() -> Arc<Env> {
    static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::stdlib();
        let ours = [
            env.add_overload(RANGE, "range", vec![DYN_TYPE, DYN_TYPE], range),
            env.add_overload(RANGE, "range_within", vec![DYN_TYPE, DYN_TYPE, DYN_TYPE], range),
            env.add_overload(MATCHES, "matches_compiled", vec![STRING_TYPE, DYN_TYPE], matches),
        ];
        debug_assert!(ours.iter().all(Result::is_ok), "each is declared once");
        Arc::new(env)
    });
    Arc::clone(&ENV)
}

/// What is left of one evaluation's work.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicI64,
    /// What one step of a comprehension costs by the length of the source.
    step: i64,
}

impl Budget {
    /// For one evaluation of `source` over a body of `body` bytes.
    pub(super) fn new(source: &str, body: usize) -> Self {
        let left = UNITS + LOOKS * units(body);
        Self { left: AtomicI64::new(left), step: 1 + units(source.len() * BYTES_PER_UNIT / SOURCE_PER_UNIT) }
    }

    /// Pays for touching `bytes`; an error when the budget does not hold that.
    pub(super) fn touch(&self, bytes: usize) -> Result<(), String> {
        if self.pay(units(bytes)) { Ok(()) } else { Err("over budget".to_owned()) }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) < 0
    }

    fn pay(&self, units: i64) -> bool {
        // One evaluation runs on one thread; the atomic is there because values are Sync.
        let left = self.left.load(Ordering::Relaxed).saturating_sub(units);
        self.left.store(left, Ordering::Relaxed);
        left >= 0
    }
}

fn units(bytes: usize) -> i64 {
    i64::try_from(bytes / BYTES_PER_UNIT).unwrap_or(i64::MAX)
}

fn range<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let spent = || ExecutionError::function_error(RANGE, "over budget");
    let budget = args.get(1).and_then(|budget| budget.downcast_ref::<Budget>()).ok_or_else(spent)?;
    if budget.is_spent() {
        return Err(spent());
    }
    let range = args.first().ok_or_else(spent)?;
    // What is no list and no map fails where it is iterated over.
    let steps = range.as_sizer().map_or(0, |sizer| *sizer.size().inner());
    let around = args.get(2).map_or(0, |element| units(weigh(element.as_ref())));
    let cost = steps.saturating_mul(budget.step.saturating_add(around)).saturating_add(units(weigh(range.as_ref())));
    if !budget.pay(cost) {
        return Err(spent());
    }
    Ok(args.swap_remove(0))
}

/// About how many bytes a value holds.
fn weigh(value: &dyn Val) -> usize {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        16 + text.inner().len()
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        16 + bytes.inner().len()
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        16 + list.inner().iter().map(|item| weigh(item.as_ref())).sum::<usize>()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        16 + map.inner().iter().map(|(key, item)| weigh(key.inner()) + weigh(item.as_ref())).sum::<usize>()
    } else {
        16
    }
}

/// A pattern of `matches()`, as a value.
#[derive(Debug, Clone)]
pub(super) struct Matcher(pub(super) Pattern);

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match args.as_slice() {
        [text, pattern] => match (text.downcast_ref::<CelString<'_>>(), pattern.downcast_ref::<Matcher>()) {
            (Some(text), Some(Matcher(pattern))) => {
                Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner().as_bytes()))))
            }
            _ => Err(ExecutionError::function_error("matches", "not a text")),
        },
        _ => Err(ExecutionError::invalid_argument_count(2, args.len())),
    }
}

static INTERNAL: Type = Type::new_unspecified_type("internal");

macro_rules! internal_value {
    ($name:ty, $clone:expr) => {
        impl StaticVal for $name {}

        impl Val for $name {
            fn get_type(&self) -> &Type {
                &INTERNAL
            }

            fn cel_type() -> &'static Type {
                &INTERNAL
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
                let clone: fn(&Self) -> Self = $clone;
                Box::new(clone(self))
            }

            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
        }
    };
}

internal_value!(Matcher, Clone::clone);
internal_value!(Budget, |budget| Budget {
    left: AtomicI64::new(budget.left.load(Ordering::Relaxed)),
    step: budget.step
});

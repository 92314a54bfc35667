//! Which checks depend on each other in a circle, and what to say of each.

use std::{collections::HashMap, sync::Arc};

use crate::{model::ObjectKey, validate::cycles};

/// How many names of a circle a message holds.
const MAX_NAMED: usize = 10;

/// The message for every check that can reach itself over `dependsOn`. Takes the checks that depend on something.
pub(super) fn find<'a>(checks: impl Iterator<Item = (&'a ObjectKey, &'a [ObjectKey])>) -> HashMap<ObjectKey, Arc<str>> {
    let mut checks: Vec<_> = checks.collect();
    // The message names a way; it must be the same one each time.
    checks.sort();
    let number: HashMap<_, _> = checks.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    // One that depends on nothing is in no circle, so it needs no number.
    let edges: Vec<Vec<usize>> =
        checks.iter().map(|(_, to)| to.iter().filter_map(|key| number.get(key).copied()).collect()).collect();
    let found = cycles(&edges).into_iter().filter_map(|found| {
        let (key, _) = *checks.get(found.node)?;
        let name = |node: &usize| checks.get(*node).map_or("?", |(key, _)| &*key.name);
        let mut way: Vec<_> = found.circle.iter().take(MAX_NAMED).map(name).collect();
        if found.circle.len() > MAX_NAMED {
            way.push("…");
        }
        Some((key.clone(), format!("spec.dependsOn: goes in a circle: {}", way.join(" → ")).into()))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_a_circle_is_told_its_way() {
        let key = |name: &str| ObjectKey::new("default", name);
        let (a, b, c, d) = (key("a"), key("b"), key("c"), key("d"));
        let (of_a, of_b, of_c) = ([b.clone(), d], [a.clone()], [a.clone()]);
        let found = find([(&c, &of_c[..]), (&b, &of_b), (&a, &of_a)].into_iter());
        assert_eq!(found.len(), 2);
        assert_eq!(&*found[&a], "spec.dependsOn: goes in a circle: a → b → a");
        assert_eq!(&*found[&b], "spec.dependsOn: goes in a circle: b → a → b");
    }
}

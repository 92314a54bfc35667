//! Which nodes of a graph go in a circle.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Larger knots are described by one circle, not by one for each node: finding those is quadratic.
const MAX_DESCRIBED: usize = 500;

/// A node that can reach itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InCycle {
    pub node: usize,
    /// A shortest way from the node back to it; it is named at both ends. In a knot of more than 500 nodes a
    /// way that some node of it goes.
    pub circle: Arc<[usize]>,
}

/// Every node that can reach itself, in order. `edges[n]` are the nodes that `n` points to; those that are
/// out of range point nowhere.
pub fn cycles(edges: &[Vec<usize>]) -> Vec<InCycle> {
    let knot = knots(edges);
    let mut size = vec![0usize; edges.len()];
    for number in &knot {
        if let Some(size) = size.get_mut(*number) {
            *size += 1;
        }
    }
    let mut first_circle: Vec<Option<Arc<[usize]>>> = vec![None; edges.len()];
    let mut found = Vec::new();
    for (node, &number) in knot.iter().enumerate() {
        let members = size.get(number).copied().unwrap_or(0);
        if members == 1 && !edges.get(node).is_some_and(|to| to.contains(&node)) {
            continue;
        }
        let Some(first) = first_circle.get_mut(number) else { continue };
        let circle = match first {
            Some(circle) if members > MAX_DESCRIBED => circle.clone(),
            _ => way_back(edges, &knot, node).into(),
        };
        first.get_or_insert_with(|| circle.clone());
        found.push(InCycle { node, circle });
    }
    found
}

/// The number of the strongly connected component of each node: Tarjan's algorithm (SIAM Journal on Computing
/// 1(2), 1972) with a stack of its own, as a chain of dependencies may be longer than a thread's stack.
fn knots(edges: &[Vec<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let count = edges.len();
    let (mut index, mut low, mut knot) = (vec![NEW; count], vec![0; count], vec![NEW; count]);
    let (mut open, mut walk) = (Vec::new(), Vec::new());
    let (mut next_index, mut next_knot) = (0, 0);
    for root in 0..count {
        if index[root] != NEW {
            continue;
        }
        walk.push((root, 0));
        while let Some((node, edge)) = walk.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next_index, next_index);
                next_index += 1;
                open.push(node);
            }
            match edges[node].get(edge) {
                Some(&to) => {
                    walk.push((node, edge + 1));
                    if to < count && index[to] == NEW {
                        walk.push((to, 0));
                    } else if to < count && knot[to] == NEW {
                        low[node] = low[node].min(index[to]);
                    }
                }
                None => {
                    if low[node] == index[node] {
                        while let Some(member) = open.pop() {
                            knot[member] = next_knot;
                            if member == node {
                                break;
                            }
                        }
                        next_knot += 1;
                    }
                    if let Some(&(parent, _)) = walk.last() {
                        low[parent] = low[parent].min(low[node]);
                    }
                }
            }
        }
    }
    knot
}

/// A shortest way from `start` to itself, breadth first, within its knot.
fn way_back(edges: &[Vec<usize>], knot: &[usize], start: usize) -> Vec<usize> {
    let mut from = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &to in edges.get(node).into_iter().flatten() {
            if to == start {
                let mut circle = vec![start, node];
                let mut at = node;
                while at != start {
                    at = from.get(&at).copied().unwrap_or(start);
                    circle.push(at);
                }
                circle.reverse();
                return circle;
            }
            if knot.get(to) == knot.get(start) && !from.contains_key(&to) {
                from.insert(to, node);
                queue.push_back(to);
            }
        }
    }
    vec![start]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(edges: &[&[usize]]) -> Vec<(usize, Vec<usize>)> {
        let edges: Vec<_> = edges.iter().map(|to| to.to_vec()).collect();
        cycles(&edges).into_iter().map(|found| (found.node, found.circle.to_vec())).collect()
    }

    #[test]
    fn circles_are_found_and_what_lies_between_them_is_not() {
        assert_eq!(shown(&[]), []);
        assert_eq!(shown(&[&[1], &[2], &[]]), []);
        assert_eq!(shown(&[&[0]]), [(0, vec![0, 0])]);
        assert_eq!(shown(&[&[1], &[0], &[0]]), [(0, vec![0, 1, 0]), (1, vec![1, 0, 1])]);
        // 0 ⇄ 1 → 2 → 3 ⇄ 4: two circles, and 2 between them in none.
        let found = shown(&[&[1], &[0, 2], &[3], &[4], &[3]]);
        assert_eq!(found.iter().map(|(node, _)| *node).collect::<Vec<_>>(), [0, 1, 3, 4]);
        // A short circle is shown rather than a long one; an edge to nowhere is none.
        assert_eq!(shown(&[&[1, 9], &[2, 0], &[0]])[0], (0, vec![0, 1, 0]));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let count = 200_000;
        let edges: Vec<_> = (0..count).map(|node| vec![(node + 1) % count]).collect();
        let found = cycles(&edges);
        assert_eq!(found.len(), count);
        assert_eq!(found[0].circle.len(), count + 1);
    }

    proptest! {
        #[test]
        fn a_node_is_named_when_it_can_reach_itself(
            edges in prop::collection::vec(prop::collection::vec(0usize..12, 0..4), 0..12)
        ) {
            let reaches = |start: usize| {
                let (mut seen, mut stack) = (vec![false; 12], edges[start].clone());
                while let Some(node) = stack.pop() {
                    if !std::mem::replace(&mut seen[node], true) {
                        stack.extend(edges.get(node).into_iter().flatten());
                    }
                }
                seen[start]
            };
            let expected: Vec<_> = (0..edges.len()).filter(|&node| reaches(node)).collect();
            let found = cycles(&edges);
            prop_assert_eq!(found.iter().map(|f| f.node).collect::<Vec<_>>(), expected);
            for InCycle { node, circle } in found {
                prop_assert_eq!((circle[0], circle[circle.len() - 1]), (node, node));
                for pair in circle.windows(2) {
                    prop_assert!(edges[pair[0]].contains(&pair[1]));
                }
            }
        }
    }
}

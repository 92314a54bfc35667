//! Expressions that are ones, and mistakes with their places.

use proptest::prelude::*;

use super::*;

/// Taken by Prometheus 3; those that 2.42 takes too are first.
pub(super) const GOOD: &[(&str, ValueType)] = &[
    ("1", ValueType::Scalar),
    ("-1 ^ 2 * 3 % 4", ValueType::Scalar),
    ("0x1F + 1e3 - .5 / 5.", ValueType::Scalar),
    ("Inf - NaN + inf", ValueType::Scalar),
    ("1 > bool 2", ValueType::Scalar),
    ("\"text\"", ValueType::String),
    ("`raw \\d`", ValueType::String),
    ("'it\\'s'", ValueType::String),
    ("time() - 1", ValueType::Scalar),
    ("up", ValueType::Vector),
    ("job:up:sum", ValueType::Vector),
    (":x", ValueType::Vector),
    ("count", ValueType::Vector),
    ("sum{a=\"b\"}", ValueType::Vector),
    ("start", ValueType::Vector),
    ("and", ValueType::Vector),
    ("or + unless", ValueType::Vector),
    ("up{}", ValueType::Vector),
    ("up{job=\"a\",instance!~'b.*',}", ValueType::Vector),
    ("{__name__=~\"up|down\"}", ValueType::Vector),
    ("{job!=\"\"}", ValueType::Vector),
    ("up[5m]", ValueType::Matrix),
    ("up{job=\"a\"}[1h30m] offset 1d", ValueType::Matrix),
    ("up offset -5m", ValueType::Vector),
    ("up @ 1609746000", ValueType::Vector),
    ("up[5m] @ end() offset 1m", ValueType::Matrix),
    ("up @ -1.5 offset 1m", ValueType::Vector),
    ("rate(up[5m])[1h:1m]", ValueType::Matrix),
    ("rate(up[5m])[1h:] @ start()", ValueType::Matrix),
    ("(a + b)[1h:1m]", ValueType::Matrix),
    ("-up", ValueType::Vector),
    ("+-+up", ValueType::Vector),
    ("sum(up) by (job)", ValueType::Vector),
    ("SUM BY (job, instance,) (up)", ValueType::Vector),
    ("sum without () (up)", ValueType::Vector),
    ("topk(5, up)", ValueType::Vector),
    ("quantile(0.9, up) by (job)", ValueType::Vector),
    ("count_values(\"v\", up)", ValueType::Vector),
    ("group(up)", ValueType::Vector),
    ("a and b or c unless d", ValueType::Vector),
    ("a AND on(x) b", ValueType::Vector),
    ("a / on(x, y) group_left(z) b", ValueType::Vector),
    ("a * ignoring(x) group_right b", ValueType::Vector),
    ("a == bool on(x) b", ValueType::Vector),
    ("a > 0.5", ValueType::Vector),
    ("a atan2 b", ValueType::Vector),
    ("a + on() 1", ValueType::Vector),
    ("vector(1)", ValueType::Vector),
    ("scalar(up) + 1", ValueType::Scalar),
    ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))", ValueType::Vector),
    ("label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")", ValueType::Vector),
    ("label_join(up, \"a\", \"-\", \"b\", \"c\")", ValueType::Vector),
    ("round(up)", ValueType::Vector),
    ("round(up, 0.1)", ValueType::Vector),
    ("day_of_week()", ValueType::Vector),
    ("hour(up)", ValueType::Vector),
    ("absent(up{job=\"x\"})", ValueType::Vector),
    ("predict_linear(x[1h], 4 * 3600) < 0", ValueType::Vector),
    ("quantile_over_time(0.5, x[5m])", ValueType::Vector),
    ("pi() * 2", ValueType::Scalar),
    ("up # a comment\n + # another\n1", ValueType::Vector),
    (
        "sum(rate(http_requests_total{service=\"coordinator-api\",status_code=~\"5..\"}[5m]))\n  / sum(rate(http_requests_total{service=\"coordinator-api\"}[5m])) > 0.05",
        ValueType::Vector,
    ),
    ("ALERTS{alertstate=\"firing\"}", ValueType::Vector),
    ("max_over_time(deriv(rate(x[1m])[5m:1m])[10m:])", ValueType::Vector),
    ("1 < bool 2 < bool 3", ValueType::Scalar),
    ("bottomk by (a) (3, up)", ValueType::Vector),
    ("up offset 1y2w3d4h5m6s7ms", ValueType::Vector),
    ("{\"job\"=\"a\"}", ValueType::Vector),
    ("{\"my.metric\", \"my.label\"=\"x\"}", ValueType::Vector),
    ("sum by (\"my.label\") (up)", ValueType::Vector),
    ("5m", ValueType::Scalar),
    ("up[300]", ValueType::Matrix),
    ("up offset 60", ValueType::Vector),
    ("1_000", ValueType::Scalar),
    ("limitk(5, up)", ValueType::Vector),
    ("info(up, {version=\"1\"})", ValueType::Vector),
    ("mad_over_time(x[5m])", ValueType::Vector),
    ("sort_by_label(up, \"a\", \"b\")", ValueType::Vector),
];

/// Refused by every Prometheus: column, and what is said.
pub(super) const BAD: &[(&str, usize, &str)] = &[
    ("", 1, "there is no expression"),
    ("  # only a comment", 19, "there is no expression"),
    ("up +", 5, "unexpected end of the expression: an operand is missing here"),
    ("up up", 4, "unexpected 'up'"),
    ("(up", 4, "unexpected end of the expression: ')' is missing here"),
    ("up)", 3, "unexpected ')'"),
    ("rate(up[5m]", 12, "')' is missing here"),
    ("rate(up)", 6, "rate takes a range vector here, and this is an instant vector: give it a range, as [5m]"),
    ("sum(up[5m])", 5, "sum takes an instant vector here, and this is a range vector"),
    ("abs(1)", 5, "make a vector of it with vector()"),
    ("vector(up)", 8, "make a scalar of it with scalar()"),
    ("rte(up[5m])", 1, "there is no function 'rte': did you mean rate?"),
    ("smu(up)", 1, "there is no function 'smu': did you mean sum?"),
    ("frobnicate(up)", 1, "there is no function 'frobnicate'"),
    ("Rate(up[5m])", 1, "did you mean rate?"),
    ("rate()", 1, "rate takes 1 argument, and here are 0"),
    ("round(up, 1, 2)", 1, "round takes 1 to 2 arguments, and here are 3"),
    ("label_join(up, \"a\")", 1, "label_join takes at least 3 arguments, and here are 2"),
    ("rate(up[5m],)", 13, "unexpected ')': an operand is missing here"),
    ("topk(up)", 1, "topk takes 2 arguments, and here are 1"),
    ("topk(up, up)", 6, "topk takes a scalar here"),
    ("count_values(1, up)", 14, "count_values takes a string here"),
    ("sum by job (up)", 8, "'(' is missing here"),
    ("sum by (1) (up)", 9, "a label's name is missing here"),
    ("sum by (a:b) (up)", 9, "a label's name is missing here"),
    ("{}", 1, "a selector needs at least one matcher that does not match the empty text"),
    ("{job=\"\"}", 1, "a selector needs at least one matcher"),
    ("{job=~\".*\"}", 1, "a selector needs at least one matcher"),
    ("{job!~\".+\"}", 1, "a selector needs at least one matcher"),
    ("up{__name__=\"x\"}", 4, "the metric's name is set twice"),
    ("up{job}", 7, "unexpected '}': write =, !=, =~ or !~ here"),
    ("up{job==\"a\"}", 7, "unexpected '=='"),
    ("up{job=a}", 8, "unexpected 'a': a matcher's value is a string"),
    ("up{job=\"a\" instance=\"b\"}", 12, "unexpected 'instance': '}' is missing here"),
    ("up{job=\"a}", 8, "unterminated string"),
    ("up{job=~\"(\"}", 9, "bad regular expression: unclosed group"),
    ("up{job=~\"a)(b\"}", 9, "bad regular expression"),
    ("up{job=\"\\d\"}", 9, "unknown escape in a string"),
    ("up[5]m", 6, "unexpected 'm'"),
    ("up[]", 4, "unexpected ']': a range is a duration, as 5m"),
    ("up[0s]", 4, "a range must be over 0"),
    ("up[5m:0s]", 7, "a step must be over 0"),
    ("up[5m:1m", 9, "']' is missing here"),
    ("up[1m5h]", 4, "bad duration"),
    ("up[5q]", 4, "bad number or duration"),
    ("(up)[5m]", 5, "a range goes behind a selector"),
    ("rate(up[5m])[1h]", 13, "write a subquery, as [5m:]"),
    ("up offset 5m [5m]", 14, "a range stands before offset and @"),
    ("up @ 1 [5m]", 8, "a range stands before offset and @"),
    ("up[5m][1h:]", 1, "a subquery is of an instant vector, and this is a range vector"),
    ("(up) offset 5m", 6, "offset goes behind a selector, a range or a subquery only"),
    ("1 @ 5", 3, "@ goes behind a selector"),
    ("up offset 5m offset 5m", 14, "offset stands here twice"),
    ("up @ 1 @ 2", 8, "@ stands here twice"),
    ("up offset x", 11, "offset takes a duration"),
    ("up @ up", 6, "@ takes a time in seconds, start() or end()"),
    ("up @ Inf", 6, "@ takes a time in seconds"),
    ("1 > 2", 3, "a comparison of two scalars needs bool: > bool"),
    ("1 + bool 2", 5, "bool goes with comparisons only"),
    ("up and 1", 4, "'and' takes instant vectors only"),
    ("1 or 2", 3, "'or' takes instant vectors only"),
    ("a and on(x) group_left b", 13, "'and' takes no group_left or group_right"),
    ("a + on(x) 1", 5, "on and ignoring go with two instant vectors only"),
    ("a / on(x) group_left(x) b", 21, "label 'x' stands in on and in the group clause"),
    ("a / group_left(x) b", 5, "an operand is missing here"),
    ("\"a\" + 1", 1, "'+' takes scalars and instant vectors, and this is a string"),
    ("up[5m] > 1", 1, "'>' takes scalars and instant vectors, and this is a range vector"),
    ("-\"a\"", 2, "a sign goes with scalars and instant vectors"),
    ("-up[5m]", 2, "a sign goes with scalars and instant vectors"),
    ("atan2", 1, "unexpected 'atan2': an operand is missing here"),
    ("on(x)", 1, "unexpected 'on': an operand is missing here"),
    ("up $ 1", 4, "unexpected character '$'"),
    ("up = 1", 4, "unexpected '='"),
    ("up =~ \"x\"", 4, "unexpected '=~'"),
    ("up ! 1", 4, "unexpected character '!'"),
    ("12abc", 1, "bad number or duration"),
    ("!", 1, "unexpected character '!'"),
    ("up{job=\"é\"} $", 13, "unexpected character '$'"),
    ("{\"a\", \"b\"}", 7, "the metric's name is set twice"),
    ("x{a=\"b\" or c=\"d\"}", 9, "unexpected 'or'"),
];

#[test]
fn expressions_that_are_ones() {
    for (text, gives) in GOOD {
        match check(text) {
            Ok(checked) => assert_eq!(checked.gives, *gives, "{text}"),
            Err(mistake) => panic!("{text}: {mistake}"),
        }
    }
}

#[test]
fn mistakes_say_what_and_where() {
    for (text, column, message) in BAD {
        let mistake = check(text).expect_err(text);
        assert!(mistake.message.contains(message), "{text}: {mistake}");
        assert_eq!((mistake.line, mistake.column), (1, *column), "{text}: {mistake}");
    }
    let mistake = check("sum(\n  up\n  + up{a=\"é\"} $\n)").unwrap_err();
    assert_eq!((mistake.line, mistake.column), (3, 15));
    assert_eq!(mistake.to_string(), "line 3, column 15: unexpected character '$'");
}

#[test]
fn selectors_are_told_from_what_is_around_them() {
    for text in ["up", "up{job=\"a\"}", "{__name__=\"x\"}", " up # x"] {
        assert!(check(text).unwrap().is_selector, "{text}");
    }
    for text in ["(up)", "up offset 5m", "up @ 1", "up[5m]", "-up", "up + 1", "1", "sum(up)"] {
        assert!(!check(text).unwrap().is_selector, "{text}");
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    for (open, close) in [("(", ")"), ("-", ""), ("abs(", ")"), ("sum by (a) (", ")"), ("1 ^ ", ""), ("2 * (1 + ", ")")]
    {
        let deep = format!("{}up{}", open.repeat(30), close.repeat(30));
        assert!(check(&deep).is_ok(), "{deep}: {:?}", check(&deep));
        for count in [200, 2_000] {
            let deep = format!("{}up{}", open.repeat(count), close.repeat(count));
            assert!(check(&deep).unwrap_err().message.contains("nests over"), "{open}");
        }
    }
    assert!(check(&" ".repeat(LENGTH_MAX + 1)).unwrap_err().message.contains("longer than"));
    // What goes on to the left is no nesting.
    assert!(check(&vec!["up"; 2_000].join(" + ")).is_ok());
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,60}") {
        let _ = check(&text);
    }

    #[test]
    fn no_cut_or_change_of_an_expression_is_too_odd(
        index in 0..GOOD.len(),
        from in 0_usize..40,
        length in 0_usize..10,
        put in "[-+*/(){}\\[\\],:@=~!<>\"'` a-z0-9\\\\\u{e9}]{0,4}",
    ) {
        let text: Vec<char> = GOOD[index].0.chars().collect();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        let changed: String = text[..from].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&text[to..]).collect();
        if let Err(mistake) = check(&changed) {
            prop_assert!(mistake.offset <= changed.len());
            prop_assert!(mistake.line >= 1 && mistake.column >= 1);
        }
    }
}

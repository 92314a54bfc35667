//! Tables of what expressions see, say and may not be; and that no source and no body holds a thread.

use std::time::Duration;

use hyper::HeaderMap;
use proptest::prelude::*;

use super::{Expression, Response};

const BODY: &str = r#"{"status":"healthy","queue":3,"ratio":0.5,"big":18446744073709551615,"neg":-1,
    "items":[{"id":1,"ok":true},{"id":2,"ok":false}],"nested":{"a":{"b":"c"}},"nothing":null}"#;

fn holds_over(source: &str, body: &[u8]) -> Result<bool, String> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.append("set-cookie", "a=1".parse().unwrap());
    headers.append("set-cookie", "b=2".parse().unwrap());
    let response = Response {
        status: Some(200),
        headers: Some(&headers),
        body: Some(body),
        latency: Duration::from_micros(120_500),
        certificate_not_after: Some(1_800_000_000_000),
    };
    Expression::compile(source)?.holds(&response)
}

fn holds(source: &str) -> Result<bool, String> {
    holds_over(source, BODY.as_bytes())
}

#[test]
fn what_an_expression_sees() {
    let cases = [
        ("response.status == 200", true),
        ("response.status in [200, 204]", true),
        ("response['status'] == 200", true),
        ("response.headers['content-type'].startsWith('application/json')", true),
        ("response.headers['set-cookie'] == 'a=1, b=2'", true),
        ("has(response.headers.location)", false),
        ("'location' in response.headers", false),
        ("response.body.contains('healthy')", true),
        ("response.body.matches('queue\":[0-9]+')", true),
        ("matches(response.body, '^nothing')", false),
        ("response.json.status == 'healthy'", true),
        ("response.json.queue + 1 == 4", true),
        ("response.json.neg < 0 && response.json.ratio < 1", true),
        ("response.json.big > 9223372036854775807", true),
        ("response.json['nested']['a'].b == 'c'", true),
        ("has(response.json.nested.a) && !has(response.json.nested.x)", true),
        ("has(response.json)", true),
        ("has(certificate.notAfter)", true),
        ("response.json.nothing == null", true),
        ("response.json.items.exists(i, i.id == 2 && !i.ok)", true),
        ("response.json.items.all(i, i.ok)", false),
        ("response.json.items.filter(i, i.ok).map(i, i.id) == [1]", true),
        ("size(response.json.items) == 2 && response.json.items.size() == 2", true),
        ("response.json.items[1].id == 2", true),
        ("response.json.?missing.orValue(7) == 7", true),
        ("response.latency > duration('120ms') && response.latency < duration('121ms')", true),
        ("certificate.notAfter == timestamp('2027-01-15T08:00:00Z')", true),
        ("certificate.notAfter - timestamp('2027-01-14T08:00:00Z') == duration('24h')", true),
        ("type(response.json.queue) == int", true),
        // A variable of a comprehension may take any name.
        ("[1].exists(response, response == 1)", true),
        // Errors are absorbed where the other side decides.
        ("response.json.missing == 1 || response.status == 200", true),
        ("response.json.missing == 1 && response.status == 500", false),
    ];
    for (source, expected) in cases {
        assert_eq!(holds(source), Ok(expected), "{source}");
    }
}

#[test]
fn why_there_is_no_answer() {
    let cases = [
        ("response.json.missing == 1", "response.json.missing: no such key"),
        ("response.json.nested.x.y == 1", "response.json.nested.x: no such key"),
        ("response.json['nested']['x'] == 1", "response.json['nested']['x']: no such key"),
        ("response.headers['x-none'] == ''", "response.headers['x-none']: no such key"),
        ("response.json.items.all(i, i.x == 1)", "no such key: x"),
        ("response.json.items[9].id == 1", "an index is out of range"),
        ("response.json.status + 1 == 2", "cannot add String and Int"),
        ("response.json.status > 1", "'>' cannot take string and int"),
        ("response.json.status.queue == 1", "field access cannot take string and string"),
        ("response.json.queue", "gives int, not a boolean"),
        ("response.json", "gives map, not a boolean"),
        ("int(response.json.status) == 1", "int() cannot convert what it was given"),
        ("response.json.queue / 0 == 1", "division by zero"),
        ("9223372036854775807 + response.json.queue > 0", "a number is out of range"),
    ];
    for (source, expected) in cases {
        assert_eq!(holds(source), Err(expected.to_owned()), "{source}");
    }
    assert_eq!(
        holds_over("response.json.a == 1", b"<html>"),
        Err("the body is not JSON: expected value at line 1 column 1".to_owned())
    );
    assert_eq!(holds_over("has(response.json)", b"<html>"), Ok(false));
    let nothing = |source| Expression::compile(source).unwrap().holds(&Response::default());
    assert_eq!(nothing("response.status == 1"), Err("response.status: this run has none".to_owned()));
    assert_eq!(
        nothing("certificate.notAfter > timestamp(0)"),
        Err("certificate.notAfter: there was no certificate".to_owned())
    );
}

#[test]
fn what_is_refused() {
    let three = "[1].all(a, [1].all(b, [1].all(c, a + b + c > 0)))";
    let cases = [
        ("foo == 1", "unknown variable 'foo': there are response and certificate"),
        ("response.code == 1", "response has no field 'code': it has status, headers, body, json, latency"),
        (
            "response == 1",
            "'response' alone is no value: write response. and one of status, headers, body, json, latency",
        ),
        (
            "response['x' + 'y'] == 1",
            "'response' alone is no value: write response. and one of status, headers, body, json, latency",
        ),
        ("certificate.subject == 'x'", "certificate has no field 'subject': it has notAfter"),
        ("response.body.lines() == 1", "no function 'lines' takes what is given here"),
        ("response.json.all(x)", "no function 'all' takes what is given here"),
        ("response.body.matches('(')", "the pattern '(' of matches(): unclosed group"),
        ("response.body.matches(response.json.p)", "the pattern of matches() must be a string literal"),
        (three, "comprehensions (all, exists, map, filter) nest over 2 deep"),
    ];
    for (source, expected) in cases {
        assert_eq!(Expression::compile(source).err().as_deref(), Some(expected), "{source}");
    }
    for source in ["", "response.status ==", "1 +", "'unclosed", "response.status = 200", "a b c"] {
        let error = Expression::compile(source).unwrap_err();
        assert!(error.starts_with("line 1, column ") && !error.contains('\n'), "{source}: {error}");
    }
    assert_eq!(Expression::compile(&"1".repeat(4097)).unwrap_err(), "longer than 4096 characters");
    assert!(Expression::compile(&format!("response.status{} == 0", " + 1".repeat(900))).unwrap_err().contains("deep"));
}

#[test]
fn no_number_is_too_large() {
    for source in [
        "timestamp('9999-12-31T23:59:59Z') + duration('9223372036s') > timestamp(0)",
        "timestamp('0001-01-01T00:00:00Z') - duration('9223372036s') > timestamp(0)",
        "timestamp(9223372036854775807) > timestamp(0)",
        "timestamp(-9223372036854775807) > timestamp(0)",
        "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z') > duration('1s')",
        "duration('9223372036854775807s') > duration('1s')",
        "duration('1e308s') > duration('1s')",
        "duration('-1e308h') > duration('1s')",
        "duration('9223372036s') + duration('9223372036s') + duration('9223372036s') > duration('1s')",
        "duration('-9223372036s') - duration('9223372036s') > duration('1s')",
        "-(-9223372036854775807 - 1) == 1",
        "(-9223372036854775807 - 1) / -1 == 1",
        "(-9223372036854775807 - 1) % -1 == 1",
        "9223372036854775807 * 2 == 1",
        "-9223372036854775808 == 1",
        "99999999999999999999 == 1",
        "int(1e308) == 1",
        "uint(-1) == 1u",
        "uint(-1.5) == 1u",
        "0u - 1u == 1u",
        "int('99999999999999999999') == 1",
        "[1][-1] == 1",
        "[1][9223372036854775807] == 1",
        "[1][1e308] == 1",
        "{1: 2}[1e308] == 1",
        "timestamp(0).getHours('bad/zone') == 1",
        "timestamp(0).getHours('+99:99') == 1",
        "timestamp('nonsense').getHours() == 1",
        "string(duration('-9223372036s')) == ''",
        "'\\U0011ffff' == ''",
        "b'\\377' == b''",
        "string(b'\\377') == ''",
        "response.json.big + 1u == 1u",
        "int(response.json.big) == 1",
    ] {
        let _ = holds(source);
    }
}

/// The deepest that is accepted, in every shape that nests, is evaluated and dropped where a worker has 1 MiB left.
#[test]
fn what_is_accepted_fits_the_stack() {
    let shapes = [
        ("response.json", "", "[0]"),
        ("response.json", "", ".a"),
        ("response.json", "", "['a']"),
        ("response.json", "", "[?0]"),
        ("response.json", "", ".?a"),
        ("1", "", " + 1"),
        ("1", "", " == 1"),
        ("true", "", " && true"),
        ("false", "", " || false"),
        ("1", "", " in [1]"),
        ("1", "-", ""),
        ("true", "!", ""),
        ("1", "true ? 1 : ", ""),
        ("1", "[", "]"),
        ("1", "{1: ", "}"),
        ("1", "string(", ")"),
        ("'a'", "", ".substring(0)"),
        ("[1]", "", ".map(x, x)"),
        ("[1]", "[1].map(x, ", ")"),
        ("1", "1 + string(", "[0])"),
    ];
    let deepest = |(middle, open, close): (&str, &str, &str)| {
        let nested = |times: usize| format!("{}{middle}{}", open.repeat(times), close.repeat(times));
        (1..super::SOURCE_MAX).map(nested).map_while(|source| Expression::compile(&source).ok()).last()
    };
    let evaluate = move || {
        for expression in shapes.into_iter().filter_map(deepest) {
            for body in [b"{}".as_slice(), br#"{"a": {"a": [[]]}}"#, b"[[[]]]"] {
                let _ = expression.holds(&Response { body: Some(body), ..Response::default() });
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(evaluate).unwrap().join().unwrap();
}

/// On a thread with the stack of a worker.
#[test]
fn no_nesting_is_too_deep() {
    for (open, middle, close, times) in [
        ("(", "1", ")", 2040),
        ("[", "1", "]", 2040),
        ("{1:", "1", "}", 1000),
        ("!", "true", "", 4000),
        ("-", "1", "", 4000),
        ("1+", "1", "", 2000),
        ("1?1:", "1", "", 1000),
        ("true||", "true", "", 600),
        ("true in ", "[]", "", 500),
        ("response.json", ".a", "", 300),
        ("size(", "1", ")", 600),
        ("[1].map(x,", "1", ")", 300),
        ("(", "1", ")", 32),
        ("[", "1", "]", 32),
        ("{1:", "1", "}", 32),
        ("size([", "1", "])", 16),
    ] {
        let source = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
        if let Ok(expression) = Expression::compile(&source) {
            let _ = expression.holds(&Response { body: Some(b"{}"), ..Response::default() });
        }
    }
    let path = format!("response.json{} == 1", ".a".repeat(2000));
    if let Ok(expression) = Expression::compile(&path) {
        assert!(expression.holds(&Response { body: Some(b"{}"), ..Response::default() }).is_err());
    }
}

#[test]
fn work_is_bounded() {
    let list = format!("[{}]", vec!["1"; 100_000].join(","));
    // Ten thousand elements, each with a short step, are within the budget.
    let small = format!("[{}]", vec!["1"; 10_000].join(","));
    assert_eq!(holds_over("response.json.all(x, x > 0)", small.as_bytes()), Ok(true));
    // A body as large as one may be, looked at from several sides.
    let large = format!("[{},1]", "0,".repeat(4 << 20).trim_end_matches(','));
    let looks = ["response.json[0] == 0"; 8].join(" && ");
    assert_eq!(holds_over(&looks, large.as_bytes()), Ok(true));
    let spent = Err("needs too many steps over this response".to_owned());
    for source in [
        "response.json.all(x, response.json.all(y, x == y))",
        // Absorbed by the `||`, and told all the same.
        "response.json.all(x, response.json.all(y, x == y)) || response.status == 200",
        "response.json.map(x, response.body + response.body).size() > 0",
        "response.json.all(x, x in response.json)",
        "[response.json].all(x, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(z, z).all(y, x == x)) && response.json.all(x, response.json.all(y, true))",
    ] {
        assert_eq!(holds_over(source, list.as_bytes()), spent, "{source}");
    }
}

#[test]
fn what_an_expression_needs() {
    let needs = |source| {
        let expression = Expression::compile(source).unwrap();
        (expression.needs_body(), expression.needs_certificate())
    };
    assert_eq!(needs("response.status == 200"), (false, false));
    assert_eq!(needs("'response.body' == response.headers['x']"), (false, false));
    assert_eq!(needs("response['body'] == ''"), (true, false));
    assert_eq!(needs("has(response.json.x)"), (true, false));
    assert_eq!(needs("certificate.notAfter > timestamp(0)"), (false, true));
    assert_eq!(needs("[1].exists(response, response.body == 1)"), (false, false));
}

#[test]
fn equal_sources_share_one_program() {
    let one = Expression::compile("response.status == 201").unwrap();
    let two = Expression::compile("response.status == 201").unwrap();
    assert!(std::sync::Arc::ptr_eq(&one.0, &two.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is written, the answer is a verdict.
    #[test]
    fn never_panics(source in r#"[a-z.()\[\]{}'"0-9 <>=!&|?:+*/,@`\\-]{0,60}"#) {
        let _ = holds(&source);
    }

    #[test]
    fn pieces_never_panic(pieces in proptest::collection::vec(prop::sample::select(vec![
        "response", ".json", ".body", ".status", "[0]", "['a']", " + ", " == ", " && ", "(", ")", "1", "-1", "'x'", ".all(x, x)",
        ".map(y, y)", "size(", "duration('1s')", "timestamp(0)", "certificate.notAfter", ".?a", ".orValue(1)", " ? ", " : ",
        " in ", "[", "]", "{", "}", ", ", "has(", "!", ".matches('a')", "9223372036854775807", " * ", " % ", " / ", " - ",
        ".getFullYear()", "string(", "int(", "double(", "uint(", "1u", "1e308", "b'x'", "null", "true",
    ]), 0..14)) {
        let _ = holds(&pieces.concat());
    }
}

/// The parser recurses; a thread of the program has 2 MiB, and so has that of a test.
#[test]
fn no_nesting_overflows_the_stack() {
    for piece in
        ["(", "[", "{1:", "has(", "!", "-", "true?true:", "true||", "1+", "1<", "response.json[0].a.", "!(", "f("]
    {
        for times in [90, 1000] {
            let source: String = piece.repeat(times).chars().take(super::SOURCE_MAX).collect();
            let _ = Expression::compile(&source);
            let _ =
                Expression::compile(&format!("{}true", source.chars().take(super::SOURCE_MAX - 4).collect::<String>()));
        }
    }
    assert_eq!(Expression::compile(&"(".repeat(200)).unwrap_err(), "brackets nest over 32 deep");
}

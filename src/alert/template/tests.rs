//! Templates as users write them, mistakes, failures and limits.

use proptest::prelude::*;

use super::*;

pub(super) struct World {
    labels: Labels,
    external: Labels,
    queries: Queries,
}

impl World {
    pub(super) fn new() -> Self {
        let mut queries = Queries::default();
        let sample = |labels: &[(&str, &str)], value| Sample { labels: Labels::new(labels.iter().copied()), value };
        queries.insert("none".to_owned(), Ok(vec![]));
        queries.insert("bad".to_owned(), Err("connection refused".to_owned()));
        queries.insert("one".to_owned(), Ok(vec![sample(&[("__name__", "one"), ("a", "b")], 11.0)]));
        queries.insert(
            "two".to_owned(),
            Ok(vec![sample(&[("instance", "b"), ("n", "1")], 21.0), sample(&[("instance", "a"), ("n", "2")], 22.5)]),
        );
        Self {
            labels: Labels::new([("instance", "db.example.com:9100"), ("job", "node"), ("z", "<b>")]),
            external: Labels::new([("region", "eu")]),
            queries,
        }
    }

    fn data(&self, value: f64) -> Data<'_> {
        Data {
            labels: &self.labels,
            value,
            external_labels: &self.external,
            external_url: "https://prom.example.com/prefix/",
            now: 1_435_065_584_128,
        }
    }

    pub(super) fn render(&self, text: &str, value: f64) -> Result<String, String> {
        let template = Template::parse(text).map_err(|error| format!("parse: {error}"))?;
        template.render(&self.data(value), &self.queries, Limits::default()).map_err(|error| error.to_string())
    }
}

/// Template, value, text.
pub(super) const RENDERED: &[(&str, f64, &str)] = &[
    ("plain text", 0.0, "plain text"),
    ("", 0.0, ""),
    ("{{ $value }} {{ .Value }}", 0.05, "0.05 0.05"),
    ("{{ $value }}", 1_000_000.0, "1e+06"),
    ("{{ $value }}", f64::INFINITY, "+Inf"),
    ("{{ $labels.job }} {{ .Labels.job }} {{ $labels.missing }}.", 0.0, "node node ."),
    ("{{ index $labels \"job\" }}{{ index .Labels \"missing\" }}", 0.0, "node"),
    ("{{ $labels }}", 0.0, "map[instance:db.example.com:9100 job:node z:<b>]"),
    (
        "{{ $externalLabels.region }} {{ .ExternalLabels.region }} {{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
        0.0,
        "eu eu https://prom.example.com/prefix/ https://prom.example.com/prefix/ /prefix",
    ),
    ("Error rate is {{ $value | humanizePercentage }}", 0.053_21, "Error rate is 5.321%"),
    (
        "{{ $value | humanize }} {{ humanize1024 $value }} {{ $value | humanizeDuration }}",
        1_234_567.0,
        "1.235M 1.177Mi 14d 6h 56m 7s",
    ),
    ("{{ humanizeTimestamp $value }}", 1_435_065_584.128, "2015-06-23 13:19:44.128 +0000 UTC"),
    (
        "{{ ($value | toTime).Format \"Mon, 02 Jan 2006\" }} {{ (toTime $value).Year }}",
        1_435_065_584.0,
        "Tue, 23 Jun 2015 2015",
    ),
    ("{{ toTime $value }} {{ toDuration $value }}", 90.0, "1970-01-01 00:01:30 +0000 UTC 1m30s"),
    ("{{ (now | toTime).Format \"15:04\" }} {{ (toDuration 3600).Hours }}", 0.0, "13:19 1"),
    ("{{ now }} {{ parseDuration \"1h30m\" }}", 0.0, "1.435065584128e+09 5400"),
    (
        "{{ printf \"%.2f%%|%5.1f|%s|%q|%v\" $value $value .Labels.job .Labels.job $value }}",
        12.345,
        "12.35%| 12.3|node|\"node\"|12.345",
    ),
    ("{{ $value | printf \"%.3g\" }}", 1234.5, "1.23e+03"),
    ("{{ printf \"%d\" $value }}", 5.0, "%!d(float64=5)"),
    ("{{ print \"a\" 1 2 \"b\" true }}{{ println $value }}", 3.0, "a1 2btrue3\n"),
    ("{{ $labels.instance | stripPort }} {{ stripDomain $labels.instance }}", 0.0, "db.example.com db:9100"),
    ("{{ title \"foo bar\" }} {{ toUpper $labels.job }} {{ \"ABC\" | toLower }}", 0.0, "Foo Bar NODE abc"),
    ("{{ reReplaceAll \"(.*)\\\\.example.*\" \"$1\" $labels.instance }}", 0.0, "db"),
    ("{{ match \"^db\" $labels.instance }} {{ match \"^x\" $labels.instance }}", 0.0, "true false"),
    (
        "{{ $labels.z }} {{ html $labels.z }} {{ js $labels.z }} {{ urlquery $labels.z }} {{ safeHtml $labels.z }}",
        0.0,
        "<b> &lt;b&gt; \\u003Cb\\u003E %3Cb%3E <b>",
    ),
    (
        "{{ graphLink \"up == 0\" }} {{ tableLink \"up\" }}",
        0.0,
        "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
    ),
    // Queries.
    ("{{ query \"one\" | first | value }} {{ with query \"one\" }}{{ . | first | label \"a\" }}{{ end }}", 0.0, "11 b"),
    ("{{ range query \"two\" }}{{ .Labels.instance }}={{ .Value }} {{ end }}", 0.0, "b=21 a=22.5 "),
    ("{{ range query \"two\" | sortByLabel \"instance\" }}{{ .Labels.instance }},{{ end }}", 0.0, "a,b,"),
    ("{{ range $i, $s := query \"two\" }}{{ $i }}:{{ $s.Value }};{{ end }}", 0.0, "0:21;1:22.5;"),
    ("{{ range query \"none\" }}x{{ else }}none{{ end }}{{ len (query \"two\") }}", 0.0, "none2"),
    ("{{ (query \"one\" | first).Labels.a }} {{ (index (query \"two\") 1).Value }}", 0.0, "b 22.5"),
    ("{{ query \"one\" | first | strvalue }}.", 0.0, "."),
    ("{{ with query \"none\" }}{{ . | first | value }}{{ else }}no data{{ end }}", 0.0, "no data"),
    // Go's own.
    ("{{ if gt $value 0.5 }}high{{ else }}low{{ end }}", 0.7, "high"),
    ("{{ if gt $value 0.5 }}high{{ else if gt $value 0.1 }}medium{{ else }}low{{ end }}", 0.2, "medium"),
    (
        "{{ if and (eq $labels.job \"node\") (ne $labels.z \"\") }}yes{{ end }}{{ if or false $labels.x }}no{{ end }}",
        0.0,
        "yes",
    ),
    ("{{ if eq $labels.job \"a\" \"node\" }}yes{{ end }}{{ not true }}", 0.0, "yesfalse"),
    ("{{ $x := \"a\" }}{{ if true }}{{ $x = \"b\" }}{{ $y := 1 }}{{ $y }}{{ end }}{{ $x }}", 0.0, "1b"),
    ("{{ with $labels.job }}{{ . }}{{ $.Value }}{{ end }}", 2.0, "node2"),
    (
        "{{ with $x := $labels.job }}{{ $x }}{{ end }}{{ with .Labels.x }}a{{ else with .Labels.job }}{{ . }}{{ end }}",
        0.0,
        "nodenode",
    ),
    (
        "{{ range $name, $value := $labels }}{{ $name }}={{ $value }};{{ end }}",
        0.0,
        "instance=db.example.com:9100;job=node;z=<b>;",
    ),
    ("{{ range $i, $e := query \"two\" }}{{ if $i }}{{ break }}{{ end }}{{ $e.Value }}{{ end }}", 0.0, "21"),
    ("{{ range query \"two\" }}{{ if eq .Labels.n \"1\" }}{{ continue }}{{ end }}{{ .Value }}{{ end }}", 0.0, "22.5"),
    ("{{ define \"x\" }}[{{ . }}]{{ end }}{{ template \"x\" $value }}{{ template \"x\" }}", 5.0, "[5][<no value>]"),
    (
        "{{ define \"x\" }}[{{ .arg0 }}-{{ .arg1 }}]{{ end }}{{ template \"x\" (args 1 \"b\") }}{{ tmpl \"x\" (args 2 3) | toUpper }}",
        0.0,
        "[1-b][2-3]",
    ),
    ("{{ block \"b\" $value }}<{{ . }}>{{ end }}", 1.5, "<1.5>"),
    ("a  {{- /* comment */ -}}  b {{/* c */}} d", 0.0, "ab  d"),
    ("a\n  {{- if true }}\n  b\n  {{- end }}\nc", 0.0, "a\n  b\nc"),
    (
        "{{ 0x1F }} {{ 1_000 }} {{ -3 }} {{ 1.5e3 }} {{ 'a' }} {{ `raw \\n` }} {{ \"tab\\t\\u00e9\" }}",
        0.0,
        "31 1000 -3 1500 97 raw \\n tab\té",
    ),
    ("{{ len \"héllo\" }} {{ slice \"hello\" 1 3 }} {{ slice \"hello\" 2 }} {{ index \"abc\" 1 }}", 0.0, "6 el llo 98"),
    ("{{ range 3 }}{{ . }}{{ end }}", 0.0, "012"),
    ("{{ (printf \"%s\" \"x\") }}{{ \"y\" | printf \"%s%s\" \"z\" }}", 0.0, "xzy"),
    ("{{ lt 1 2 }}{{ le 2 2 }}{{ ge \"a\" \"b\" }}{{ gt 1.5 0.5 }}", 0.0, "truetruefalsetrue"),
    ("{{ $value }}{{ \"{{\" }} }}", 1.0, "1{{ }}"),
    ("{{\n $value\n | humanize }}", 1000.0, "1k"),
    ("{{ print nil }}", 0.0, "<nil>"),
    (
        "{{ $externalLabels }}{{ with 1 }}{{ $ }}{{ end }}",
        2.0,
        "map[region:eu]{map[instance:db.example.com:9100 job:node z:<b>] map[region:eu] https://prom.example.com/prefix/ 2}",
    ),
];

#[test]
fn templates_as_users_write_them() {
    let world = World::new();
    for (text, value, expected) in RENDERED {
        assert_eq!(world.render(text, *value).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn mistakes_say_what_and_where() {
    let table = [
        ("{{ $value", 1, "unclosed action: }} is missing"),
        ("{{ if true }}x", 1, "{{if}} without {{end}}"),
        ("{{ range .x }}{{ else }}", 1, "{{range}} without {{end}}"),
        ("a{{ end }}b", 2, "unexpected {{end}}"),
        ("{{ else }}", 1, "unexpected {{else}}"),
        ("{{ if true }}{{ else }}{{ else }}{{ end }}", 24, "unexpected {{else}}"),
        ("{{ frobnicate 1 }}", 4, "there is no function 'frobnicate'"),
        ("{{ $x }}", 4, "undefined variable $x"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 39, "undefined variable $x"),
        ("{{ $x = 1 }}", 7, "undefined variable $x"),
        ("{{ define \"x\" }}{{ $labels.a }}{{ end }}", 20, "undefined variable $labels"),
        ("{{ define \"x\" }}", 4, "{{define}} without {{end}}"),
        ("{{ define \"x\" }}a{{ end }}{{ define \"x\" }}b{{ end }}", 30, "template \"x\" is defined twice"),
        ("{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}", 14, "{{define}} stands at the top only"),
        ("{{ template \"x\" }}", 1, "there is no template \"x\""),
        ("{{ template x }}", 13, "template takes a name in quotes"),
        ("{{ }}", 4, "missing value for an action"),
        ("{{ if }}{{ end }}", 7, "missing value for if"),
        ("{{ $value | }}", 13, "missing value for an action"),
        ("{{ $value | \"x\" }}", 13, "what stands behind '|' must be a function"),
        ("{{ (humanize 1 }}", 16, "')' is missing here"),
        ("{{ humanize 1) }}", 14, "unexpected ')'"),
        ("{{ \"abc }}", 4, "unclosed string"),
        ("{{ \"\\d\" }}", 5, "unknown escape in a string"),
        ("{{ 'ab' }}", 4, "single quotes hold one character"),
        ("{{ 12x }}", 4, "bad number '12x'"),
        ("{{ \"a\"\"b\" }}", 7, "a space is missing here"),
        ("{{ 1.x }}", 4, "bad number '1.x'"),
        ("{{ \"a\".x }}", 7, "unexpected '.x' behind a value"),
        ("{{ @ }}", 4, "unexpected '@' in an action"),
        ("{{ break }}", 1, "{{break}} outside of {{range}}"),
        ("{{ range 3 }}{{ define \"x\" }}{{ end }}{{ end }}", 14, "{{define}} stands at the top only"),
        ("{{/* a", 1, "unclosed comment"),
        ("{{/* a */ x }}", 10, "a comment ends before the closing braces"),
        ("{{ $a, $b := 1 }}", 4, "undefined variable $a"),
        ("{{ $value, $b := 1 }}", 10, "unexpected ','"),
        ("{{ range $a, $b, $c := $labels }}{{ end }}", 16, "unexpected ','"),
        ("{{ range $a, $b }}{{ end }}", 17, "unexpected '}}'"),
    ];
    for (text, column, message) in table {
        let error = Template::parse(text).map(drop).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!((error.line, error.column), (1, column), "{text}: {error}");
    }
    let error = Template::parse("a\né {{ $x }}").map(drop).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 6: undefined variable $x");
    assert_eq!((error.offset, Template::parse(&"x".repeat(LENGTH_MAX + 1)).is_err()), (8, true));
}

#[test]
fn what_fails_on_its_data_says_so_in_the_text() {
    let world = World::new();
    let table = [
        ("{{ humanize \"x\" }}", "error calling humanize: 'x' is not a number"),
        ("{{ humanize }}", "wrong number of arguments for humanize: it takes 1, and here are 0"),
        ("{{ query \"none\" | first }}", "error calling first: first of a query without results"),
        ("{{ query \"bad\" }}", "error calling query: connection refused"),
        ("{{ if gt $value 5 }}{{ end }}", "error calling gt: incompatible types for comparison"),
        ("{{ .Foo }}", "can't evaluate field Foo in type template data"),
        ("{{ .Labels.job.x }}", "can't evaluate field x in type string"),
        ("{{ toUpper $value }}", "wrong type for value; expected string; got float64"),
        ("{{ match \"(\" \"x\" }}", "bad regular expression: unclosed group"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ $value 1 }}", "can't give argument to what is no function"),
        ("{{ .Labels.job 1 }}", "job has arguments but cannot be invoked as function"),
        ("{{ range $value }}{{ end }}", "range can't iterate over float64"),
        ("{{ index (query \"two\") 5 }}", "index out of range: 5"),
        ("{{ tmpl \"x\" . }}", "there is no template \"x\""),
        ("{{ (toTime $value).Frob }}", "a time has no method Frob that takes this"),
        ("{{ eq $labels $labels }}", "non-comparable type"),
    ];
    for (text, message) in table {
        let template = Template::parse(text).unwrap();
        let failed = template.render(&world.data(1.0), &world.queries, Limits::default()).unwrap_err();
        let said = failed.to_string();
        assert!(said.starts_with("line 1, column ") && said.contains(message), "{text}: {said}");
    }
}

#[test]
fn a_query_is_asked_for_and_the_rendering_goes_on() {
    let world = World::new();
    let text = "{{ range query \"a\" }}{{ query (printf \"b{i=%q}\" .Labels.i) | first | value }} {{ end }}";
    let template = Template::parse(text).unwrap();
    let mut queries = Queries::default();
    let mut asked = Vec::new();
    let text = loop {
        match template.render(&world.data(1.0), &queries, Limits::default()) {
            Ok(text) => break text,
            Err(RenderError::NeedsQuery(query)) => {
                let samples = if query == "a" {
                    ["x", "y"].map(|i| Sample { labels: Labels::new([("i", i)]), value: 0.0 }).to_vec()
                } else {
                    vec![Sample { labels: Labels::default(), value: asked.len() as f64 }]
                };
                asked.push(query.clone());
                queries.insert(query, Ok(samples));
            }
            Err(failed) => panic!("{failed}"),
        }
    };
    assert_eq!(asked, ["a", "b{i=\"x\"}", "b{i=\"y\"}"]);
    assert_eq!(text, "1 2 ");
    // Their number is bounded, whatever they are made of.
    let endless = Template::parse("{{ range 100 }}{{ query (printf \"q%d\" .) }}{{ end }}").unwrap();
    let mut queries = Queries::default();
    let said = loop {
        match endless.render(&world.data(1.0), &queries, Limits::default()) {
            Err(RenderError::NeedsQuery(query)) => queries.insert(query, Ok(vec![])),
            Err(failed) => break failed.to_string(),
            Ok(text) => panic!("{text}"),
        }
    };
    assert!(said.contains("a template asks at most 10 queries"), "{said}");
}

#[test]
fn nothing_runs_for_ever_or_takes_all_memory() {
    let world = World::new();
    let table = [
        ("{{ range 10000000000 }}{{ end }}", "steps"),
        ("{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}", "steps"),
        ("{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}", "levels deep"),
        ("{{ define \"x\" }}{{ if . }}{{ tmpl \"x\" . }}{{ end }}{{ end }}{{ tmpl \"x\" 1 }}", "levels deep"),
        (
            "{{ define \"x\" }}{{ template \"y\" . }}{{ template \"y\" . }}{{ end }}{{ define \"y\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" }}",
            "levels deep",
        ),
        ("{{ range 2000 }}0123456789{{ end }}", "it writes over 16384 bytes"),
        ("{{ $x := \"ab\" }}{{ range 64 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}", "bytes"),
        ("{{ $x := \"ab\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}", "bytes"),
        ("{{ $x := args 1 }}{{ range 64 }}{{ $x = args $x $x }}{{ end }}{{ $x }}", "args in each other over 8 deep"),
        ("{{ $x := args 1 1 1 1 1 1 1 1 }}{{ range 9 }}{{ $x = args $x $x $x $x $x $x $x $x }}{{ end }}", "bytes"),
        (
            "{{ $x := printf \"%01000d\" 1 }}{{ range 5000 }}{{ $y := printf \"%s%s\" $x $x }}{{ end }}",
            "bytes of values",
        ),
        (
            "{{ $x := printf \"%01000d\" 1 }}{{ $x = print $x $x $x $x $x $x $x $x $x $x }}{{ reReplaceAll \".*\" (reReplaceAll \"0\" \"$$0\" $x) $x }}",
            "reReplaceAll makes over",
        ),
        ("{{ printf \"%99999999d\" 1 }}", "widths up to 1000"),
        ("{{ match \"(a{1000}){1000}\" \"x\" }}", "compiles to more"),
        ("{{ range 1000 }}{{ match (printf \"a%d\" .) \"x\" }}{{ end }}", "steps"),
        ("{{ range 100 }}{{ match \"\\\\pL{1000}\" \"x\" }}{{ end }}", ""),
    ];
    for (text, message) in table {
        let error = world.render(text, 1.0).err().unwrap_or_default();
        assert!(error.contains(message) && !error.starts_with("parse"), "{text}: {error}");
    }
    for (open, close) in
        [("{{ if true }}", "{{ end }}"), ("{{ with 1 }}", "{{ end }}"), ("{{ if false }}{{ else }}", "{{ end }}")]
    {
        let nested = |depth: usize| format!("{}x{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(world.render(&nested(40), 1.0).as_deref(), Ok("x"));
        assert!(world.render(&nested(300), 1.0).unwrap_err().contains("nests over 50 levels deep"));
    }
    let parentheses = |depth: usize| format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(world.render(&parentheses(40), 1.0).as_deref(), Ok("1"));
    assert!(world.render(&parentheses(5_000), 1.0).unwrap_err().contains("nests over"));
    let chain = format!("{{{{ if false }}}}{}{{{{ end }}}}", "{{ else if false }}".repeat(500));
    assert!(world.render(&chain, 1.0).unwrap_err().contains("nests over"));
}

/// The deepest that is let through fits into a small stack.
#[test]
fn the_deepest_rendering_needs_little_stack() {
    let nested =
        format!("{}{{{{ template \"x\" }}}}{}", "{{ if (not (not true)) }}".repeat(45), "{{ end }}".repeat(45));
    let text = format!("{{{{ define \"x\" }}}}{nested}{{{{ end }}}}{{{{ template \"x\" }}}}");
    let run = std::thread::Builder::new().stack_size(1 << 20).spawn(move || World::new().render(&text, 1.0));
    assert!(run.unwrap().join().unwrap().unwrap_err().contains("levels deep"));
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,80}") {
        let _ = World::new().render(&text, 1.0);
    }

    #[test]
    fn no_mixture_of_pieces_is_too_odd(pieces in prop::collection::vec(0_usize..40, 0..14), value in prop::num::f64::ANY) {
        const PIECES: [&str; 40] = [
            "{{ ", " }}", "{{- ", " -}}", "if ", "range ", "with ", "else ", "end ", "$x ", "$value ", ":= ", "= ", ", ", ". ",
            ".Labels ", ".a.b ", "| ", "( ", ") ", "\"a\" ", "`%d` ", "1 ", "-2.5 ", "'c' ", "printf ", "print ", "humanize ",
            "query ", "first ", "label ", "args ", "index ", "slice ", "toTime ", "reReplaceAll ", "define \"x\" ",
            "template \"x\" ", "nil ", "/* */",
        ];
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let _ = World::new().render(&text, value);
        let _ = World::new().render(&format!("{{{{ {text} }}}}"), value);
    }

    #[test]
    fn every_function_takes_any_arguments(index in 0_usize..60, arguments in prop::collection::vec(0_usize..14, 0..4), value in prop::num::f64::ANY) {
        const FUNCTIONS: [&str; 60] = [
            "and", "or", "query", "tmpl", "not", "len", "index", "slice", "eq", "ne", "lt", "le", "gt", "ge", "print", "println",
            "printf", "html", "js", "urlquery", "first", "label", "value", "strvalue", "sortByLabel", "args", "humanize",
            "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp", "toTime", "toDuration",
            "parseDuration", "now", "title", "toUpper", "toLower", "match", "reReplaceAll", "stripPort", "stripDomain",
            "urlQueryEscape", "safeHtml", "graphLink", "tableLink", "pathPrefix", "externalURL", "print", "html",
            "printf \"%v %s %d %5.2f %q %x %c %U\"", "printf \"%t %e %g %o %b %X %T\"", "index $labels", "slice \"h\u{e9}llo\"",
            "(toTime $value).Add", "(toTime $value).Format", "(toTime $value).Sub", "(toDuration $value).Hours", "match \"a|b\"",
            "reReplaceAll \"(a)|b\" \"$1$2${x}\"",
        ];
        const ARGUMENTS: [&str; 14] = [
            "1", "-5", "2.5", "\"a\"", "\"\"", "`h\u{e9}:[1]:2`", "nil", "true", "$value", "$labels", ".", "(query \"two\")",
            "(toTime 5)", "(toDuration $value)",
        ];
        let arguments: Vec<&str> = arguments.iter().map(|index| ARGUMENTS[*index]).collect();
        let _ = World::new().render(&format!("{{{{ {} {} }}}}", FUNCTIONS[index], arguments.join(" ")), value);
    }
}

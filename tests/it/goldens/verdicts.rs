//! Every case of the table comes to what it says.

use std::{path::Path, sync::Arc};

use probity::{
    source::manifest,
    validate::{self, Fault, FieldError, Identity, What},
};

use super::table::{By, Expect, cases};

#[test]
fn every_manifest_of_the_table_comes_to_what_it_says() {
    let cases = cases(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut documents = Vec::new();
    for case in &cases {
        let reading = manifest::read(&Arc::from(case.place.as_str()), case.manifest.as_bytes());
        assert_eq!(reading.mistakes, [], "{}: cannot be read", case.place);
        assert_eq!(reading.documents.len(), 1, "{}: is one document", case.place);
        documents.extend(reading.documents);
    }
    // What some of them refer to.
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "api"},
        "stringData": {"token": "not-a-real-token", "two-lines": "not-a-real-token\n"},
    });
    let mut objects: Vec<_> = documents.iter().map(|document| &document.value).collect();
    objects.push(&secret);
    let judged = validate::set(&objects);

    let mut wrong = Vec::new();
    let mut refused_by = [0; 3];
    for ((case, document), judged) in cases.iter().zip(&documents).zip(&judged) {
        let Ok(Identity::Ours(kind)) = validate::identify(&document.value) else { panic!("{}", case.place) };
        let shape = validate::shape(kind, &document.value);
        let problem = match &case.expect {
            Expect::Accepted => accepted(&judged.mistakes),
            Expect::Refused { path, by, text } => {
                refused_by[*by as usize] += 1;
                assert!(matches!(judged.what, What::Ours(_, None)), "{}", case.place);
                refused(&judged.mistakes, &shape, path, *by, text)
            }
        };
        wrong.extend(problem.map(|problem| format!("{}: {:?}\n    {problem}", case.place, case.expect)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A table that is not read proves nothing.
    assert!(refused_by.iter().all(|count| *count >= 15) && cases.len() > 200, "{} cases, {refused_by:?}", cases.len());
}

fn accepted(mistakes: &[FieldError]) -> Option<String> {
    let elsewhere = |fault| matches!(fault, Fault::UnresolvedReference | Fault::NotSupported);
    mistakes.iter().find(|mistake| !elsewhere(mistake.fault)).map(|mistake| format!("is refused: {mistake}"))
}

fn refused(mistakes: &[FieldError], shape: &[FieldError], path: &str, by: By, text: &str) -> Option<String> {
    let tells = |mistakes: &[FieldError]| {
        mistakes.iter().any(|mistake| mistake.path.to_string() == path && mistake.message.contains(text))
    };
    let all = || mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if !tells(mistakes) {
        return Some(format!("is not refused so: {}", all()));
    }
    // Our schema is that of the spec; the rest of an object has one of the API server's own.
    let in_spec = path.starts_with("spec.");
    match by {
        By::Schema if in_spec && !tells(shape) => Some("the schema does not tell".to_owned()),
        By::Cel | By::Validate if !shape.is_empty() => Some(format!("the schema tells: {}", all())),
        _ => None,
    }
}

#[test]
fn every_rule_of_the_crds_has_a_case_that_it_refuses() {
    let cases = cases(Path::new(env!("CARGO_MANIFEST_DIR")));
    let told: Vec<_> = (cases.iter())
        .filter_map(|case| match &case.expect {
            Expect::Refused { by: By::Cel, text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let mut messages = Vec::new();
    for (_, crd) in probity::api::crds() {
        rules(&crd, &mut messages);
    }
    assert!(messages.len() > 30, "{}", messages.len());
    messages.retain(|message| !told.iter().any(|text| message.contains(text)));
    messages.dedup();
    assert!(messages.is_empty(), "no case of the table is refused by these rules: {messages:#?}");
}

/// The messages of all rules in a schema.
fn rules(schema: &serde_json::Value, messages: &mut Vec<String>) {
    let own = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    messages.extend(own.filter_map(|rule| rule["message"].as_str()).map(str::to_owned));
    match schema {
        serde_json::Value::Object(fields) => fields.values().for_each(|inner| rules(inner, messages)),
        serde_json::Value::Array(items) => items.iter().for_each(|inner| rules(inner, messages)),
        _ => {}
    }
}

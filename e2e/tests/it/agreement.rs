//! Our verdict beside the API server's, on the one table of verdicts.

use std::{ffi::OsStr, fs, path::Path, sync::Arc};

use probity::{
    model::Kind,
    source::manifest::{self, Document},
};

use crate::{
    Stage, Told,
    table::{By, Expect, cases},
};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// That ours is what the table says is tested beside the table; here it is the API server's turn.
pub fn verdicts_agree(stage: &Stage<'_>) -> Told {
    let cases = cases(Path::new(REPOSITORY));
    let mut wrong = Vec::new();
    for case in &cases {
        let [document] = &documents(&case.place, &case.manifest)?[..] else {
            return Err(format!("{} is not one document", case.place));
        };
        let collection = collection(document.kind())?;
        let answer = stage.api.post(&format!("{collection}?dryRun=All&fieldValidation=Strict"), &document.value)?;
        let problem = match (&case.expect, answer.is_success()) {
            (Expect::Accepted | Expect::Refused { by: By::Validate, .. }, true) => continue,
            (Expect::Accepted | Expect::Refused { by: By::Validate, .. }, false) => "it refuses this",
            (Expect::Refused { .. }, true) => "it takes this",
            (Expect::Refused { by: By::Cel, text, .. }, false)
                if !answer.message().contains(text.as_str()) && !answer.message().contains("evaluating rule") =>
            {
                "it has another reason"
            }
            (Expect::Refused { .. }, false) => continue,
        };
        wrong.push(format!("{}: {problem}: {:?}: {}", case.place, case.expect, answer.message()));
    }
    if cases.len() < 200 {
        return Err(format!("the table has only {} cases", cases.len()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("of {} cases:\n{}", cases.len(), wrong.join("\n"))) }
}

/// Where the API server takes objects of a kind of ours.
fn collection(kind: &str) -> Result<String, String> {
    let known = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
    let known = known.ok_or_else(|| format!("what is a {kind} doing here?"))?;
    Ok(format!("/apis/probity.dev/v1alpha1/namespaces/default/{}", known.plural()))
}

/// Every manifest of ours that people start from.
pub fn samples_are_taken(stage: &Stage<'_>) -> Told {
    let folders = ["manifests/samples", "manifests/quickstart"].map(|folder| Path::new(REPOSITORY).join(folder));
    let files = manifest::find(&folders).map_err(|error| error.to_string())?;
    let mut taken = 0;
    for file in files {
        let place = file.display().to_string();
        let text = fs::read_to_string(&file).map_err(|error| format!("{place}: {error}"))?;
        for document in documents(&place, &text)? {
            let collection = match document.kind() {
                "Secret" => "/api/v1/namespaces/default/secrets".to_owned(),
                "ConfigMap" => "/api/v1/namespaces/default/configmaps".to_owned(),
                ours => collection(ours).map_err(|error| format!("{place}: {error}"))?,
            };
            let mut object = document.value;
            // Where a sample says its namespace, it need not exist here.
            object["metadata"]["namespace"] = "default".into();
            let answer = stage.api.post(&format!("{collection}?dryRun=All&fieldValidation=Strict"), &object)?;
            if !answer.is_success() {
                return Err(format!("{place}: {}", answer.message()));
            }
            taken += 1;
        }
    }
    if taken < 5 { Err(format!("only {taken} samples were found")) } else { Ok(()) }
}

/// As people apply them: with kubectl, which would warn of what is strange.
pub fn samples_are_clean(stage: &Stage<'_>) -> Told {
    let kubectl = stage.cluster.kubectl();
    for folder in ["manifests/samples", "manifests/quickstart"].map(|folder| Path::new(REPOSITORY).join(folder)) {
        let files = manifest::find(std::slice::from_ref(&folder)).map_err(|error| error.to_string())?;
        for file in files {
            let place = file.display().to_string();
            let text = fs::read_to_string(&file).map_err(|error| format!("{place}: {error}"))?;
            for document in documents(&place, &text)? {
                if let Some(namespace) = document.value["metadata"]["namespace"].as_str() {
                    // One that is there already is as good.
                    kubectl.run(["create", "namespace", namespace])?;
                }
            }
        }
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "-f"].map(OsStr::new);
        let said = kubectl.run(arguments.into_iter().chain([folder.as_os_str()]))?;
        if !said.ok || !said.stderr.trim().is_empty() {
            return Err(format!("{}: {}", folder.display(), said.stderr));
        }
    }
    Ok(())
}

fn documents(place: &str, text: &str) -> Result<Vec<Document>, String> {
    let reading = manifest::read(&Arc::from(place), text.as_bytes());
    match reading.mistakes.first() {
        Some(mistake) => Err(mistake.to_string()),
        None => Ok(reading.documents),
    }
}

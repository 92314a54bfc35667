//! Alertmanager's own amtool against Probity in the cluster: it silences as far as its token may, and what it makes is a
//! Silence object. Beside it the commands that ask a server: why, ack and notify test, each with a token.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    Told,
    receiver::{self, Receiver, object},
    release::{self, SOON},
    way::Way,
    world::{World, eventually},
};

const HERE: &str = "amtool";
/// Who may silence, acknowledge and try channels; who may look; who may nothing.
const SILENCER: &str = "silencer";
const READER: &str = "reader";
const NOBODY: &str = "nobody";
/// What is refused before RBAC allows it is refused for 10 s more, and a moment.
const HOLDS: Duration = Duration::from_secs(20);

pub fn silences_as_far_as_rbac_lets_it(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: amtool: no pod of the user's own cluster reaches a receiver here");
        return Ok(());
    }
    if Command::new("amtool").arg("--version").output().is_err() {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return Err("amtool is not here: install the package prometheus-alertmanager".to_owned());
        }
        println!("LEFT OUT: amtool: it is not here (package prometheus-alertmanager)");
        return Ok(());
    }
    release::install(world, HERE, &[receiver::VALUE])?;
    let receiver = Receiver::start()?;
    world.apply(&receiver.check(HERE, "web"))?;
    world.apply(&receiver.channel(HERE, "hook", "/hook", &Value::Null))?;
    let spec =
        json!({"severity": "critical", "condition": {"healthCheck": {"name": "web"}}, "notify": [{"name": "hook"}]});
    world.apply(&object("AlertRule", HERE, "down", &spec))?;
    release::becomes(world, HERE, "web", "Healthy", "Ok", SOON)?;
    let way = Way::to(world, HERE, "probity", 8080)?;
    let everything = [
        ("silences", json!(["get", "list", "create", "delete"])),
        ("alertrules", json!(["get", "list", "update"])),
        ("notificationchannels", json!(["list", "update"])),
    ];
    let looks = [("silences", json!(["get", "list"])), ("alertrules", json!(["get", "list"]))];
    let ann = Person::new(world, &way, SILENCER, &everything)?;
    let reader = Person::new(world, &way, READER, &looks)?;
    let nobody = Person::new(world, &way, NOBODY, &[])?;

    receiver.answers(503);
    receiver.hears("/hook", &["firing down"], SOON)?;
    sees_it(&reader)?;
    refused(&nobody)?;
    cannot_silence(world, &reader)?;
    let name = silences(world, &ann, &reader)?;
    cannot_expire(world, &reader, &name)?;
    expires(world, &ann, &name)?;
    receiver.hears("/hook", &["firing down", "firing down"], SOON)?;
    acknowledges(&ann, &reader)?;
    tries_the_channel(&ann, &reader, &receiver)?;
    goes(world, &ann, &name)
}

/// A ServiceAccount, and what its owner has: a token, and where to bring it.
struct Person {
    account: &'static str,
    program: PathBuf,
    folder: PathBuf,
    token: PathBuf,
    url: String,
}

impl Person {
    /// Makes one that may do this to these kinds in the namespace of the story.
    fn new(world: &World, way: &Way, account: &'static str, rights: &[(&str, Value)]) -> Result<Self, String> {
        world.kubectl.must(["--namespace", HERE, "create", "serviceaccount", account])?;
        let rules: Vec<Value> = rights
            .iter()
            .map(|(kind, verbs)| json!({"apiGroups": ["probity.dev"], "resources": [kind], "verbs": verbs}))
            .collect();
        let group = "rbac.authorization.k8s.io";
        let named = json!({"name": account, "namespace": HERE});
        if !rules.is_empty() {
            world.apply(&json!({
                "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": named, "rules": rules,
            }))?;
            world.apply(&json!({
                "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": named,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": account},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": HERE}],
            }))?;
        }
        let said = world.kubectl.must(["--namespace", HERE, "create", "token", account, "--audience=probity"])?;
        let folder = world.folder().join("amtool").join(account);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let token = folder.join("token");
        fs::write(&token, said.trim()).map_err(|error| error.to_string())?;
        let config = format!("authorization: {{credentials_file: '{}'}}\n", token.display());
        fs::write(folder.join("http.yml"), config).map_err(|error| error.to_string())?;
        Ok(Self { account, program: World::program(), folder, token, url: format!("http://{}", way.address()) })
    }

    /// amtool as this one: whether it did it, and what it wrote.
    fn amtool(&self, arguments: &[&str]) -> Result<(bool, String), String> {
        let mut command = Command::new("amtool");
        command.env("HOME", &self.folder).args(["--no-version-check", "--alertmanager.url", &self.url]);
        command.arg("--http.config.file").arg(self.folder.join("http.yml"));
        run(command.args(arguments)).map(|(code, text)| (code == Some(0), text))
    }

    /// What amtool finds, as JSON.
    fn finds(&self, arguments: &[&str]) -> Result<Vec<Value>, String> {
        let (good, text) = self.amtool(&[arguments, &["-o", "json"]].concat())?;
        let parsed = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"));
        if good { parsed } else { Err(format!("amtool {arguments:?}: {text}")) }
    }

    /// A command of Probity's own as this one: its exit code, and what it wrote.
    fn probity(&self, arguments: &[&str]) -> Result<(Option<i32>, String), String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--server", &self.url, "--api-token-file"]).arg(&self.token);
        run(&mut command)
    }

    /// As [`Person::probity`], for what is to end with this code and to say this.
    fn says(&self, arguments: &[&str], code: i32, wanted: &[&str]) -> Told {
        let (ended, text) = self.probity(arguments)?;
        if ended == Some(code) && wanted.iter().all(|words| text.contains(words)) {
            return Ok(());
        }
        Err(format!("probity {arguments:?} of {} ends with {ended:?} and says, not {wanted:?}: {text}", self.account))
    }
}

fn run(command: &mut Command) -> Result<(Option<i32>, String), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout) + &text(&output.stderr)))
}

fn sees_it(reader: &Person) -> Told {
    eventually("who may list rules sees the alert", HOLDS, || {
        let found = reader.finds(&["alert", "query", "alertname=down"])?;
        let told = found.first().map_or(Value::Null, |alert| json!([alert["status"]["state"], alert["receivers"]]));
        let want = json!(["active", [{"name": format!("{HERE}/hook")}]]);
        if found.len() == 1 && told == want { Ok(()) } else { Err(format!("{found:?}")) }
    })?;
    reader.says(&["why", "down"], 0, &["down fires since ", &format!("\nTold: {HERE}/hook at ")])
}

fn refused(nobody: &Person) -> Told {
    for arguments in [&["alert", "query"][..], &["silence", "query"], &["silence", "add", "a=b", "--comment", "x"]] {
        let (good, text) = nobody.amtool(arguments)?;
        if good || !text.contains("403") {
            return Err(format!("amtool {arguments:?} without any right: {text}"));
        }
    }
    nobody.says(&["why", "down"], 3, &["403", "RBAC does not let you list alertrules"])
}

fn cannot_silence(world: &World, reader: &Person) -> Told {
    let (good, text) = reader.amtool(&["silence", "add", "alertname=down", "--comment", "deploy"])?;
    let objects = world.kubectl.must(["--namespace", HERE, "get", "silences", "--output=name"])?;
    if good || !text.contains("403") || !objects.trim().is_empty() {
        return Err(format!("who may not create silences adds one: {text}; there are {objects:?}"));
    }
    Ok(())
}

/// The name of the object that amtool has made.
fn silences(world: &World, ann: &Person, reader: &Person) -> Result<String, String> {
    let add = ["silence", "add", "alertname=down", "--author", "ann", "--comment", "deploy", "--duration", "1h"];
    let id = eventually("who may create silences adds one", HOLDS, || match ann.amtool(&add)? {
        (true, text) => Ok(text.trim().to_owned()),
        (false, text) => Err(text),
    })?;
    println!("{}", world.kubectl.must(["--namespace", HERE, "get", "silences"])?.trim_end());
    let said = world.kubectl.must(["--namespace", HERE, "get", "silences", "--output=json"])?;
    let list: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let made = &list["items"][0];
    let by = format!("ann (system:serviceaccount:{HERE}:{SILENCER})");
    let so = list["items"].as_array().is_some_and(|items| items.len() == 1)
        && made["metadata"]["uid"] == *id
        && made["spec"]["createdBy"] == *by
        && made["spec"]["matchers"] == json!(["alertname=\"down\""]);
    let name = made["metadata"]["name"].as_str().filter(|_| so).ok_or_else(|| format!("{id} by {by} is {said}"))?;
    state(world, name, "Active", &json!(1))?;
    eventually("the rule is silenced", SOON, || {
        let status = world.object(HERE, "alertrule/down")?["status"].clone();
        let by = format!("Silence {HERE}/{name}");
        let so = status["state"] == "Silenced" && status["alerts"][0]["silencedBy"] == *by;
        if so { Ok(()) } else { Err(format!("its status is {status}")) }
    })?;
    let found = reader.finds(&["silence", "query"])?;
    if found.len() != 1 || found[0]["id"] != *id || found[0]["createdBy"] != *by {
        return Err(format!("amtool silence query finds {found:?}"));
    }
    let muted = reader.finds(&["alert", "query", "--silenced"])?;
    if muted.len() != 1 || muted[0]["status"]["silencedBy"] != json!([id]) {
        return Err(format!("amtool alert query --silenced finds {muted:?}"));
    }
    reader.says(&["why", "down"], 0, &[&format!("silence {HERE}/{name} mutes it until "), "deploy"])?;
    Ok(name.to_owned())
}

fn cannot_expire(world: &World, reader: &Person, name: &str) -> Told {
    let id = world.object(HERE, &format!("silence/{name}"))?["metadata"]["uid"].clone();
    let (good, text) = reader.amtool(&["silence", "expire", id.as_str().unwrap_or_default()])?;
    if good || !text.contains("403") {
        return Err(format!("who may not delete silences expires one: {text}"));
    }
    state(world, name, "Active", &json!(1))
}

fn expires(world: &World, ann: &Person, name: &str) -> Told {
    let id = world.object(HERE, &format!("silence/{name}"))?["metadata"]["uid"].clone();
    let id = id.as_str().unwrap_or_default();
    let (good, text) = ann.amtool(&["silence", "expire", id])?;
    if !good {
        return Err(format!("amtool silence expire: {text}"));
    }
    state(world, name, "Expired", &json!(0))?;
    println!("{}", world.kubectl.must(["--namespace", HERE, "get", "silences"])?.trim_end());
    let (now, over) = (ann.finds(&["silence", "query"])?, ann.finds(&["silence", "query", "--expired"])?);
    if !now.is_empty() || over.len() != 1 || over[0]["id"] != *id {
        return Err(format!("amtool finds {now:?}, and of what is over {over:?}"));
    }
    let by = format!("system:serviceaccount:{HERE}:{SILENCER}");
    ann.says(&["audit", "--kind", "silence"], 0, &[&format!("expired by {by}")])
}

fn acknowledges(ann: &Person, reader: &Person) -> Told {
    reader.says(&["ack", "down"], 3, &["403", "RBAC does not let you update alertrules"])?;
    let by = format!("system:serviceaccount:{HERE}:{SILENCER}");
    // Who says to be somebody else is who the cluster knows.
    let ack = ["ack", "down", "--by", "somebody", "--comment", "rolling back"];
    ann.says(&ack, 0, &[&format!("of {HERE}/down: {by} acts: rolling back")])?;
    reader.says(&["why", "down"], 0, &[&format!("{by} acts on it: rolling back")])?;
    ann.says(&["audit", "--kind", "ack"], 0, &[&format!("acknowledged by {by}: rolling back")])
}

fn tries_the_channel(ann: &Person, reader: &Person, receiver: &Receiver) -> Told {
    let test = format!("{HERE}/hook");
    reader.says(&["notify", "test", &test], 3, &["403", "RBAC does not let you update notificationchannels"])?;
    let before = receiver.told("/hook").len();
    ann.says(&["notify", "test", &test], 0, &[&format!("{test} (webhook) took the test")])?;
    if receiver.told("/hook").len() != before + 1 {
        return Err(format!("the receiver was told {:?}", receiver.told("/hook")));
    }
    ann.says(&["notify", "test", &format!("{HERE}/none")], 2, &[&format!("{HERE}/none; there are {test}")])?;
    let by = format!("{test} tried by system:serviceaccount:{HERE}:{SILENCER}: delivered");
    ann.says(&["audit", "--kind", "trial"], 0, &[&by])
}

/// What was removed with kubectl is nothing that amtool knows.
fn goes(world: &World, ann: &Person, name: &str) -> Told {
    world.kubectl.must(["--namespace", HERE, "delete", "silence", name])?;
    eventually("amtool finds no silence any more", SOON, || {
        let found = ann.finds(&["silence", "query", "--expired"])?;
        if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
    })
}

fn state(world: &World, name: &str, state: &str, matches: &Value) -> Told {
    eventually(&format!("the Silence is {state}"), SOON, || {
        let status = world.object(HERE, &format!("silence/{name}"))?["status"].clone();
        let so = status["state"] == *state && status["matches"] == *matches;
        if so { Ok(()) } else { Err(format!("its status is {status}")) }
    })
}

//! A day in the life of a gate: good calls and bad ones, changes of all kinds, parts that fail.

use std::fs;

use serde_json::json;
use tollkeeper_tests::client::{Answer, Call};
use tollkeeper_tests::upstream::Script;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{
    CREDENTIAL, HOST, MODELS, World, client, models, policy, until_answered,
};

use crate::evidence::{Canaries, Evidence};

/// The credential that is looked for.
pub(crate) const SECRET: &str = "sk-canary-8c2f61d0-of-the-upstream";

/// One that a person mistypes.
const MISTYPED: &str = "sk-canary-8c2f61d0-of\tthe-clumsy";

const CHAT: &str = "/openai/v1/chat/completions";

pub(crate) struct Day {
    pub(crate) world: World,
    pub(crate) keys: Vec<String>,
    evidence: Evidence,
}

impl Day {
    pub(crate) fn begin() -> Self {
        let few = json!([{ "requests": 60, "per": "minute", "burst": 30 }]);
        let names = ["regular", "leaver", "guest"];
        let clients = names.map(|name| (name.to_owned(), client(&few)));
        let mut world =
            World::new(&policy(&serde_json::Value::Object(clients.into_iter().collect())));
        world.sidecar.set_environment("TOLLKEEPER_LOG", "trace");
        world.sidecar.rotate_credential(CREDENTIAL, SECRET);
        world.upstream.accept(&[SECRET]);
        world.sidecar.serve();
        world.add_envoy(&world.deployment(), 2);
        let keys = names.map(|name| world.sidecar.issue_client(name)).to_vec();
        Self { world, keys, evidence: Evidence::default() }
    }

    pub(crate) fn canaries(&self) -> Canaries {
        let keys = self.keys.iter().map(String::as_str);
        Canaries::new(&keys.chain([SECRET, MISTYPED]).collect::<Vec<_>>())
    }

    pub(crate) fn live(&mut self) {
        self.good_calls();
        self.bad_calls();
        self.an_upstream_that_quotes();
        self.people();
        self.changes();
        self.failures();
    }

    /// Looks everywhere.
    pub(crate) fn end(mut self) -> Evidence {
        let envoy = &mut self.world.envoys[0];
        for page in ["/config_dump?include_eds", "/stats", "/clusters?format=json", "/server_info"]
        {
            self.evidence.add(page, envoy.admin_page(page));
        }
        for page in ["/metrics", "/healthz/ready"] {
            self.evidence.add_answer(page, &self.world.sidecar.admin_page(page));
        }
        self.evidence.add_processes();
        self.evidence.add("Envoy's log", self.world.envoys[0].stop());
        self.world.sidecar.stop();
        self.evidence.add_files_below(self.world.sidecar.dir());
        self.evidence.add_files_below(self.world.hsm.dir());
        self.evidence
    }

    fn send(&mut self, what: &str, call: &Call) -> Answer {
        let answer = call.send(self.world.gate()).unwrap();
        self.evidence.add_answer(what, &answer);
        answer
    }

    fn good_calls(&mut self) {
        for key in self.keys.clone() {
            until_answered(self.world.gate(), &models(&key), 200);
            self.send("a good call", &models(&key));
            self.send("?key=", &Call::get(&format!("{MODELS}?key={key}")));
            let chat = Call::post(CHAT, &json!({ "model": "gpt-5-mini", "stream": true }));
            self.send("a stream", &chat.header("x-api-key", &key));
        }
    }

    fn bad_calls(&mut self) {
        let key = self.keys[0].clone();
        let cut_off = &key[..key.len() - 1];
        self.send("no key", &Call::get(MODELS));
        self.send("a key cut off", &models(cut_off));
        self.send("a key twice", &models(&key).header("x-api-key", &key).header("x-api-key", &key));
        self.send("two keys", &models(&key).header("x-api-key", "another"));
        self.send("no route", &Call::get("/openai/v2/x").header("x-api-key", &key));
        self.send("no service", &Call::get(&format!("/x/?key={key}")).header("x-api-key", &key));
        self.send("an odd path", &Call::get(&format!("/openai/v1%2f?key={key}")));
        let refused = |answer: &Answer| answer.status == 429;
        while !refused(&self.send("one too many", &models(&key))) {}
    }

    fn an_upstream_that_quotes(&mut self) {
        let key = self.keys[1].clone();
        self.world.upstream.script(Script::default().echo_headers());
        self.send("an echo", &models(&key).header("accept", "*/*"));
        for status in [401, 403] {
            self.world.upstream.script(Script::status(status).echo_headers());
            let answer = self.send("a refused credential", &models(&key));
            assert_eq!(answer.header("x-tollkeeper-refusal"), Some("upstream_refused_credential"));
        }
        self.world.upstream.script(Script::default().reset_after(10));
        // There may be no whole answer.
        let _ = models(&key).send(self.world.gate());
    }

    /// What people do at the command line, and do wrong.
    fn people(&mut self) {
        let add =
            ["credential", "add", CREDENTIAL, "--host", HOST, "--owner", "o", "--purpose", "p"];
        let mut clumsy = add;
        clumsy[2] = "clumsy";
        for (arguments, input) in [
            (&add[..], SECRET),
            (&clumsy[..], MISTYPED),
            (&["credential", "rotate", "nobody"], SECRET),
            (&["credential", "rotate", CREDENTIAL], MISTYPED),
            (&["credential", "show", CREDENTIAL, "--json"], ""),
            (&["credential", "list"], ""),
            (&["credential", "undo", "nobody"], ""),
            (&["client", "issue", "nobody"], ""),
            (&["client", "show", "regular", "--json"], ""),
            (&["client", "list"], ""),
            (&["client", "revoke", "regular", "--key", "sha256:00"], ""),
            (&["policy", "check"], ""),
            (&["doctor"], ""),
        ] {
            let output = self.world.sidecar.run(arguments, input);
            let place = format!("key-sidecar {}", arguments.join(" "));
            self.evidence.add(place, [output.stdout, output.stderr].concat());
        }
    }

    fn changes(&mut self) {
        let (leaver, guest) = (self.keys[1].clone(), self.keys[2].clone());
        self.world.sidecar.rotate_credential(CREDENTIAL, "sk-of-an-hour");
        let undo = self.world.sidecar.run(&["credential", "undo", CREDENTIAL], "");
        assert!(undo.status.success());
        self.world.sidecar.revoke_client("leaver");
        let refused = until_answered(self.world.gate(), &models(&leaver), 401);
        self.evidence.add_answer("a revoked key", &refused);
        let broken = self.world.sidecar.policy_dir().join("broken.json");
        fs::write(
            &broken,
            format!("{{ \"policy_version\": 1, \"clients\": {{ \"x\": \"{guest}\" "),
        )
        .unwrap();
        let stale = wait::until(wait::PATIENCE, || {
            let stale = self.world.sidecar.metric("tollkeeper_sidecar_policy_stale");
            if stale == 1 { Ok(()) } else { Err("the policy is not stale".to_owned()) }
        });
        assert_eq!(stale, Ok(()));
        let check = self.world.sidecar.run(&["policy", "check"], "");
        assert!(!check.status.success());
        self.evidence.add("policy check of a broken file", [check.stdout, check.stderr].concat());
        // What a person wrote there is that person's; what we wrote about it is searched.
        fs::remove_file(broken).unwrap();
    }

    fn failures(&mut self) {
        let guest = self.keys[2].clone();
        self.world.hsm.vanish();
        let rotate = self.world.sidecar.run(&["credential", "rotate", CREDENTIAL], SECRET);
        assert!(!rotate.status.success());
        self.evidence.add("a rotation without a token", [rotate.stdout, rotate.stderr].concat());
        self.world.hsm.come_back();
        self.world.sidecar.kill();
        let gone = until_answered(self.world.gate(), &models(&guest), 503);
        self.evidence.add_answer("no sidecar", &gone);
        self.world.sidecar.serve();
        until_answered(self.world.gate(), &models(&guest), 200);
    }
}

//! A gate, its sidecar and the time.

use admission::admit::{Attempt, Decision};
use admission::body::Body;
use admission::denial::REFUSAL_HEADER;
use admission::gate::Gate;
use admission::inject::Admission;
use admission::money::toll::End;
use serde_json::Value;
use wire::units::Millis;

use crate::sidecar::{Sidecar, key};

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) sidecar: Sidecar,
    pub(crate) now: u64,
    /// Nobody answers syncs.
    pub(crate) silent: bool,
}

/// A refusal, as the caller sees it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u32,
    pub(crate) code: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Refused {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }
}

type Outcome = Result<Box<Admission>, Refused>;

impl World {
    pub(crate) fn new() -> Self {
        let mut world =
            Self { gate: Gate::new(7), sidecar: Sidecar::default(), now: 1_000, silent: false };
        world.pass(0);
        world
    }

    /// Time passes, and a sync happens if one is due.
    pub(crate) fn pass(&mut self, ms: u64) -> bool {
        self.pass_waiting(ms, false)
    }

    pub(crate) fn pass_waiting(&mut self, ms: u64, waiting: bool) -> bool {
        self.now += ms;
        self.gate.set_now(Millis(self.now));
        let Some(bytes) = self.gate.sync_due(waiting).map(<[u8]>::to_vec) else {
            return false;
        };
        if self.silent {
            self.gate.sync_failed();
        } else {
            let answer = self.sidecar.answer(&bytes);
            self.gate.sync_answered(&answer).unwrap();
        }
        true
    }

    /// So long that everything has been said.
    pub(crate) fn rest(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.pass(50);
        }
    }

    /// A `GET` of the first client.
    pub(crate) fn get(&mut self, path: &str) -> Outcome {
        self.send(1, "GET", path, &[], None)
    }

    /// A `POST` with this body.
    pub(crate) fn post(&mut self, client: u8, path: &str, body: &str) -> Outcome {
        self.send(client, "POST", path, &[], Some(body.as_bytes()))
    }

    /// A request, decided at once, when its body is there, or after some syncs.
    pub(crate) fn send(
        &mut self,
        client: u8,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Outcome {
        let headers = request(client, method, path, more);
        let mut attempt = Attempt::new(body.is_some());
        // A caller waits a quarter of a second, and is then decided on for the last time.
        for round in 0..8 {
            attempt.last = round >= 5;
            match self.decide(&headers, &mut attempt) {
                Decision::Admit(admission) => return Ok(admission),
                Decision::Deny(denial) => {
                    let reply = denial.reply(Millis(self.now));
                    let code = reply.headers.iter().find(|(name, _)| *name == REFUSAL_HEADER);
                    return Err(Refused {
                        status: reply.status,
                        code: code.unwrap().1.clone(),
                        body: serde_json::from_slice(&reply.body).unwrap(),
                        headers: reply.headers,
                    });
                }
                Decision::Read => {
                    let Body::Reading(reading) = &mut attempt.body else {
                        panic!("a body is to be read that nobody reads")
                    };
                    body.unwrap().chunks(7).for_each(|piece| reading.piece(piece));
                    reading.end();
                }
                Decision::Await => {
                    self.pass_waiting(50, true);
                    self.gate.recount();
                }
            }
        }
        panic!("it waits for ever");
    }

    pub(crate) fn decide(
        &mut self,
        headers: &[(String, Vec<u8>)],
        attempt: &mut Attempt,
    ) -> Decision {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        self.gate.decide(pairs, attempt)
    }

    /// The answer to a call: its head, its body, its end.
    #[expect(clippy::boxed_local, reason = "as the gate hands it out")]
    pub(crate) fn answer(&mut self, mut call: Box<Admission>, status: &str, body: &str, end: End) {
        let mut toll = call.toll.take().expect("a call that costs");
        if !status.is_empty() {
            let head = [(":status", status), ("content-type", "application/json")];
            let pairs = head.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            toll.answered(status.parse().unwrap(), pairs);
            if let Some(meter) = toll.meter()
                && meter.wants_body()
            {
                meter.body(body.as_bytes());
            }
        }
        self.gate.settle(*toll, end);
        self.gate.release(&mut call.places);
    }

    /// The answer of a call that is priced in advance.
    pub(crate) fn finish(&mut self, call: Box<Admission>) {
        self.answer(call, "200", "", End::Whole);
    }
}

pub(crate) fn request(
    client: u8,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
) -> Vec<(String, Vec<u8>)> {
    let bearer = format!("Bearer {}", key(client));
    [(":method", method), (":path", path), (":authority", "gate"), ("authorization", &bearer)]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

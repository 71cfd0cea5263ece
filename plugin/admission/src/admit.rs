//! The one control-flow function: a request's head in, a decision out.
//!
//! Order: read, identify, may it, credential, limits. All checks come first, then everything is
//! committed at once; a refused request is charged nothing. What is not known yet becomes a wish and
//! the request waits; nothing is guessed.

use std::rc::Rc;

use wire::client_key::{self, Shape};
use wire::limit::Mode;
use wire::units::Millis;

use crate::client::{Client, Known, Refusal, Use};
use crate::counters::Counter;
use crate::credential::{Credential, Found};
use crate::denial::{Denial, Reason};
use crate::gate::Gate;
use crate::identify;
use crate::inject::{self, Admission};
use crate::lease::{Lease, Ready, Shortage};
use crate::policy::Service;
use crate::request::RequestHead;
use crate::select;

/// What becomes of a request.
pub enum Decision {
    /// It goes, with these edits and places.
    Admit(Box<Admission>),
    /// It waits for a sync.
    Await,
    /// It is refused.
    Deny(Denial),
}

/// What is remembered of a request between two decisions on it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt {
    /// Its demand has been counted.
    asked: bool,
    /// Its time is over: what is not known now is refused.
    pub last: bool,
}

/// Either a refusal or the wish to wait: what ends a decision early.
enum Stop {
    Deny(Denial),
    Await,
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Deny(denial)
    }
}

impl Gate {
    /// Decides on a request. `pairs` are its headers, names in lower case.
    pub fn decide<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        attempt: &mut Attempt,
    ) -> Decision {
        self.conversation.called(self.now);
        match self.judge(pairs, attempt) {
            Ok(admission) => {
                self.counters.add(Counter::Admitted);
                Decision::Admit(admission)
            }
            Err(Stop::Deny(denial)) => Decision::Deny(denial),
            Err(Stop::Await) => match self.conversation.is_failing() || attempt.last {
                true => Decision::Deny(Denial::new(Reason::SidecarGone)),
                false => Decision::Await,
            },
        }
    }

    fn judge<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        attempt: &mut Attempt,
    ) -> Result<Box<Admission>, Stop> {
        let head = RequestHead::read(pairs.clone())?;
        if self.conversation.is_silent(self.now) {
            return Err(Stop::Await);
        }
        let policy = self.policy.as_ref().ok_or(Denial::new(Reason::NoPolicy))?;
        let selected = select::service(policy, &head)?;
        let service = Rc::clone(&selected.service);
        let own_header = own_key_header(&service, pairs)?;
        let inject = &service.facts.inject;
        let key = identify::find(&head, own_header, selected.query, inject)?;
        let client = self.client_of(&key, &service)?;

        let allowed = may_use(&client, &service, head.method, &selected.path)?;
        let credential = self.credential_of(&service)?;
        self.check_limits(&client, allowed, &service, attempt)?;

        let host = service.host_for(head.authority);
        let target = inject::target(&selected, key.in_query, inject, &credential);
        let places = self.leases.take(
            bound_by(&client, allowed, &service)
                .filter(|lease| lease.ready(self.now) == Ready::Yes),
            self.now,
        );
        Ok(Box::new(Admission {
            strip: head.strip,
            target,
            authority_changes: (host.as_bytes() != head.authority).then(|| host.into()),
            has_own_key_header: own_header.is_some(),
            service,
            credential,
            places,
        }))
    }

    fn client_of(
        &mut self,
        key: &identify::Found<'_>,
        service: &Service,
    ) -> Result<Rc<Client>, Stop> {
        let key = key.key().ok_or(Denial::new(Reason::KeyMissing))?;
        let digest = client_key::digest(key);
        let refused = match self.clients.get(&digest, self.now) {
            Some(Known::Client(client)) if client.is_expired(self.now) => Refusal::Expired,
            Some(Known::Client(client)) => {
                if client.wants_refresh(self.now) {
                    self.wishes.who(digest, &service.facts.name, false);
                }
                return Ok(client);
            }
            Some(Known::Refused(refusal)) => refusal,
            None => {
                let shape = client_key::inspect(key);
                if shape == Shape::Broken {
                    return Err(Denial::new(Reason::KeyBroken).into());
                }
                let foreign = shape == Shape::Foreign;
                let asks = self.wishes.who(digest, &service.facts.name, foreign);
                return Err(if asks { Stop::Await } else { Denial::new(Reason::Crowded).into() });
            }
        };
        Err(Denial::new(match refused {
            Refusal::Expired => Reason::ClientExpired,
            Refusal::Revoked => Reason::KeyRevoked,
            Refusal::Unknown => Reason::KeyUnknown,
        })
        .into())
    }

    fn credential_of(&mut self, service: &Service) -> Result<Rc<Credential>, Stop> {
        match service.credential.find(self.now) {
            Found::Usable(credential) => Ok(credential),
            Found::Unusable(why) => Err(Denial::new(Reason::Credential(why)).into()),
            Found::Ask => {
                self.wishes.credential(&service.facts.credential);
                Err(Stop::Await)
            }
        }
    }

    /// Checks every limit and takes nothing. The first that refuses is named: the client's own before
    /// those of its use, those before the service's.
    fn check_limits(
        &mut self,
        client: &Client,
        allowed: &Use,
        service: &Service,
        attempt: &mut Attempt,
    ) -> Result<(), Stop> {
        let leases = || bound_by(client, allowed, service);
        if !std::mem::replace(&mut attempt.asked, true) {
            self.leases.ask(leases(), self.now);
        }
        let mut waits = false;
        for lease in leases() {
            let ready = lease.ready(self.now);
            match (lease.mode(), ready) {
                (_, Ready::Yes) | (Mode::Watch, Ready::Ask) => {}
                (Mode::Watch, Ready::Short(_)) => self.counters.add(Counter::WatchedOver),
                (Mode::Enforce, Ready::Short(shortage))
                    if attempt.last || !lease.is_worth_waiting_for(&shortage) =>
                {
                    return Err(Denial::over(lease, shortage, &client.facts.owner).into());
                }
                (Mode::Enforce, Ready::Ask) if attempt.last => {
                    return Err(self.out_of_time(lease, client).into());
                }
                (Mode::Enforce, Ready::Short(_) | Ready::Ask) => {
                    self.leases.wait(lease, self.now);
                    waits = true;
                }
            }
        }
        if waits { Err(Stop::Await) } else { Ok(()) }
    }

    /// A limit could not be asked before the request's deadline: because many wait for little, or, if
    /// there was enough of it, because the sidecar was late.
    fn out_of_time(&self, lease: &Lease, client: &Client) -> Denial {
        match lease.lately_short(self.now) {
            Some(shortage) if !self.conversation.is_failing() => {
                let retry_at = self.now.plus(Millis(1_000));
                let shortage = Shortage { retry_at, lent_elsewhere: true, ..shortage };
                Denial::over(lease, shortage, &client.facts.owner)
            }
            _ => Denial::new(Reason::SidecarGone),
        }
    }
}

/// The value of the service's own key header, where it has one.
fn own_key_header<'a>(
    service: &Service,
    pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<Option<&'a [u8]>, Denial> {
    let Some(own) = service.own_key_header() else {
        return Ok(None);
    };
    let mut values = pairs.filter(|(name, _)| *name == own.as_bytes()).map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        Some(_) => Err(Denial::new(Reason::KeyRepeated)),
        None => Ok(first),
    }
}

fn may_use<'a>(
    client: &'a Client,
    service: &Service,
    method: &[u8],
    path: &[u8],
) -> Result<&'a Use, Denial> {
    let denied = |reason| Denial::ask(reason, &client.facts.owner);
    let allowed =
        client.use_of(&service.facts.name).ok_or_else(|| denied(Reason::ServiceNotAllowed))?;
    let route = select::route(&service.facts.routes, method, path)
        .ok_or_else(|| denied(Reason::RouteNotListed))?;
    match &allowed.facts.routes {
        Some(own) if !own.contains(&route) => Err(denied(Reason::RouteNotAllowed)),
        _ => Ok(allowed),
    }
}

fn bound_by<'a>(
    client: &'a Client,
    allowed: &'a Use,
    service: &'a Service,
) -> impl Iterator<Item = &'a Rc<Lease>> {
    client.leases.iter().chain(&allowed.leases).chain(&service.leases)
}

//! The one control-flow function: a request's head in, a decision out.
//!
//! Order: read, identify, may it, what does it cost, credential, limits, money. All checks come first, then everything is
//! committed at once; a refused request is charged nothing. What is not known yet becomes a wish and
//! the request waits; nothing is guessed. [`charge`] is the part that is about money.

mod charge;

use std::rc::Rc;
use std::sync::Arc;

use wire::client_key::{self, Shape};
use wire::limit::Mode;
use wire::units::Millis;

use crate::body::Body;
use crate::client::{Client, Known, Refusal, Use};
use crate::counters::Counter;
use crate::credential::{Credential, Found};
use crate::denial::{Denial, Reason};
use crate::gate::Gate;
use crate::identify;
use crate::inject::{self, Admission};
use crate::lease::{Lease, Ready, Shortage};
use crate::money::fare::Fare;
use crate::policy::Service;
use crate::request::RequestHead;
use crate::select;

/// What becomes of a request.
pub enum Decision {
    /// It goes, with these edits, places and holds.
    Admit(Box<Admission>),
    /// It waits for a sync.
    Await,
    /// Its body must be read first: feed it to the attempt's [`Body::Reading`], and decide again when
    /// that is done.
    Read,
    /// It is refused.
    Deny(Denial),
}

/// What is remembered of a request between two decisions on it.
#[derive(Default)]
pub struct Attempt {
    /// Its demand has been counted.
    counted: bool,
    /// Its time is over: what is not known now is refused.
    pub last: bool,
    /// Its body, as far as it has been looked at.
    pub body: Body,
    /// The policy was not there yet, so nobody could tell whether the body must be read; it is short.
    pub blind: bool,
}

impl Attempt {
    /// A request that has just come.
    #[must_use]
    pub fn new(has_body: bool) -> Self {
        let body = if has_body { Body::Unread } else { Body::None };
        Self { body, ..Self::default() }
    }

    /// It is held as a whole from now on.
    pub fn seal(&mut self) {
        if matches!(self.body, Body::Unread) {
            self.body = Body::Sealed;
        }
    }
}

/// Either a refusal or the wish to wait or read: what ends a decision early.
enum Stop {
    Deny(Denial),
    Await,
    Read,
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Deny(denial)
    }
}

/// What a client may call, and what that costs.
struct Allowed<'a> {
    used: &'a Use,
    fare: Option<&'a Rc<Fare>>,
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
            Err(Stop::Read) => Decision::Read,
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
            self.read_meanwhile(&head, attempt)?;
            return Err(Stop::Await);
        }
        let policy = self.policy.as_ref().ok_or(Denial::new(Reason::NoPolicy))?;
        let currency = Arc::clone(&policy.currency);
        let selected = select::service(policy, &head)?;
        let service = Rc::clone(&selected.service);
        let own_header = own_key_header(&service, pairs)?;
        let inject = &service.facts.inject;
        let key = identify::find(&head, own_header, selected.query, inject)?;
        let route = select::route(&service.facts.routes, head.method, &selected.path);
        let client = match self.client_of(&key, &service) {
            Err(Stop::Await) => {
                // Whose key it is will be told; what the body says must be known then.
                let fare = service.fare(route).flatten();
                self.read(fare, &head, &selected.path, Some(&[]), attempt)?;
                return Err(Stop::Await);
            }
            other => other?,
        };

        let allowed = may_use(&client, &service, route)?;
        let quote = self.quote(&client, &allowed, &head, &selected.path, attempt)?;
        let credential = self.credential_of(&service)?;
        let counted = std::mem::replace(&mut attempt.counted, true);
        let waits = self.check_limits(&client, allowed.used, &service, attempt.last, counted)?;
        let waits_for_money = match &quote {
            Some(quote) => self.check_money(quote, attempt.last, counted, &currency)?,
            None => false,
        };
        if waits || waits_for_money {
            return Err(Stop::Await);
        }

        let toll = match quote {
            Some(quote) => Some(self.reserve(quote, &client)?),
            None => None,
        };
        let host = service.host_for(head.authority);
        let target = inject::target(&selected, key.in_query, inject, &credential);
        let places = self.leases.take(
            bound_by(&client, allowed.used, &service)
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
            toll,
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

    /// Checks every limit, takes nothing, and says whether one must be waited for. The first that refuses is named: the client's own before
    /// those of its use, those before the service's.
    fn check_limits(
        &mut self,
        client: &Client,
        allowed: &Use,
        service: &Service,
        last: bool,
        counted: bool,
    ) -> Result<bool, Stop> {
        let leases = || bound_by(client, allowed, service);
        if !counted {
            self.leases.ask(leases(), self.now);
        }
        let mut waits = false;
        for lease in leases() {
            let ready = lease.ready(self.now);
            match (lease.mode(), ready) {
                (_, Ready::Yes) | (Mode::Watch, Ready::Ask) => {}
                (Mode::Watch, Ready::Short(_)) => self.counters.add(Counter::WatchedOver),
                (Mode::Enforce, Ready::Short(shortage))
                    if last || !lease.is_worth_waiting_for(&shortage) =>
                {
                    return Err(Denial::over(lease, shortage, &client.facts.owner).into());
                }
                (Mode::Enforce, Ready::Ask) if last => {
                    return Err(self.out_of_time(lease, client).into());
                }
                (Mode::Enforce, Ready::Short(_) | Ready::Ask) => {
                    self.leases.wait(lease, self.now);
                    waits = true;
                }
            }
        }
        Ok(waits)
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
    service: &'a Service,
    route: Option<usize>,
) -> Result<Allowed<'a>, Denial> {
    let denied = |reason| Denial::ask(reason, &client.facts.owner);
    let used =
        client.use_of(&service.facts.name).ok_or_else(|| denied(Reason::ServiceNotAllowed))?;
    let fare = service.fare(route).ok_or_else(|| denied(Reason::RouteNotListed))?;
    match &used.facts.routes {
        // Who may use certain routes may use none that the policy does not list.
        Some(own) if !route.is_some_and(|route| own.contains(&route)) => {
            Err(denied(Reason::RouteNotAllowed))
        }
        _ => Ok(Allowed { used, fare }),
    }
}

fn bound_by<'a>(
    client: &'a Client,
    allowed: &'a Use,
    service: &'a Service,
) -> impl Iterator<Item = &'a Rc<Lease>> {
    client.leases.iter().chain(&allowed.leases).chain(&service.leases)
}

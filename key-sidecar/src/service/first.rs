//! First leases: what the first call of a client on a worker will need is lent with the answer to who
//! it is, so that identity, leases, money and credential come in one round trip.

use wire::budget::MoneyLine;
use wire::limit::LimitRule;
use wire::money::Nanos;
use wire::sync::{ClientAnswer, Identity, LEASES_MAX, LeaseLine, MONEY_MAX, SyncRequest};

use super::book::Book;

/// What a worker is lent of a rate with a client's first call on it: so much that the next few calls do
/// not wait, and so little that not much lies idle. The ledger gives less where there is little.
const FIRST_REQUESTS: u64 = 8;

/// The same of a number of concurrent requests.
const FIRST_PLACES: u64 = 2;

/// A first hold is lent unasked only if it is at most this part of the cap: to guess a call that does not
/// come would keep others from money, and to be asked again costs a round trip.
const FIRST_HOLD_PART_OF_CAP: u64 = 16;

/// The request's own lines, and a first slice of each limit that binds the first call of whom it asks
/// about.
pub(super) fn leases(
    book: &Book,
    request: &SyncRequest,
    clients: &[ClientAnswer],
) -> Vec<LeaseLine> {
    let mut lines = request.leases.clone();
    for (who, answer) in request.who.iter().zip(clients) {
        let Identity::Known(client) = &answer.identity else { continue };
        let used = client.uses.iter().find(|used| used.service == who.service);
        let of_use = used.iter().flat_map(|used| &used.limits);
        let of_service = book.service_limits(&who.service);
        for limit in client.limits.iter().chain(of_use).chain(&of_service) {
            if lines.iter().all(|line| line.limit != limit.key) && lines.len() < LEASES_MAX {
                let wants = match limit.rule {
                    LimitRule::Requests { .. } => FIRST_REQUESTS,
                    LimitRule::Concurrent { .. } => FIRST_PLACES,
                };
                let limit = limit.key.clone();
                lines.push(LeaseLine { limit, spent: 0, returned: 0, wants });
            }
        }
    }
    lines
}

/// The request's own lines of money, and for each budget of whom it asks about the most that one of their
/// calls reserves. A budget that the worker speaks of already has money there, or is being asked for.
///
/// Nothing is the least: a cheaper call may be the first, and must not be told that the budget is spent
/// because the dearest no longer fits.
pub(super) fn money(
    book: &Book,
    request: &SyncRequest,
    clients: &[ClientAnswer],
) -> Vec<MoneyLine> {
    let mut lines = request.money.clone();
    let own = lines.len();
    for (who, answer) in request.who.iter().zip(clients) {
        let Identity::Known(client) = &answer.identity else { continue };
        let Some(budget) = &client.budget else { continue };
        let uses = client.uses.iter().any(|used| used.service == who.service);
        let hold = book.largest_hold(&who.service).filter(|hold| *hold > Nanos::ZERO);
        let (true, Some(hold)) = (uses, hold) else { continue };
        let part = |cap: Nanos| Nanos(cap.0 / FIRST_HOLD_PART_OF_CAP);
        if book.cap_of(budget).is_some_and(|cap| hold > part(cap)) {
            continue;
        }
        let place = lines.iter().position(|line| line.budget == *budget);
        if let Some(line) = place.and_then(|place| lines.get_mut(place)) {
            if place >= Some(own) {
                line.wants = line.wants.max(hold);
            }
        } else if lines.len() < MONEY_MAX {
            let (budget, term) = (budget.clone(), None);
            let (returned, least) = (Nanos::ZERO, Nanos::ZERO);
            lines.push(MoneyLine { budget, term, returned, wants: hold, least });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use policies::SourceFile;
    use serde_json::json;
    use wire::budget::Term;
    use wire::client_key;
    use wire::ids::{HolderId, ServiceName};
    use wire::sync::{PROTOCOL, WhoIs};
    use wire::units::{Millis, UnixMillis};

    use super::*;
    use crate::directory::ClientDirectory;
    use crate::service::book::Records;

    /// Two clients of one budget with this cap, and two services whose calls cost 0.01 and 0.05.
    fn book(cap: &str) -> Book {
        let service = |name: &str, price: &str| {
            json!({
                "purpose": "p", "cluster": name, "hosts": [format!("{name}.example")],
                "credential": name, "inject": { "as": "bearer" },
                "routes": [{ "match": "POST /v1", "per_call": price }]
            })
        };
        let client = |key: &str| {
            let digest = client_key::digest(key.as_bytes());
            json!({
                "owner": "o@acme.example", "purpose": "p", "budget": "team",
                "known_by": [{ "key": format!("{digest:?}") }],
                "may_use": { "cheap": {}, "dear": {} }
            })
        };
        let policy = json!({
            "policy_version": 1,
            "organization": { "name": "acme", "currency": "USD", "time_zone": "Europe/Berlin" },
            "services": { "cheap": service("cheap", "0.01"), "dear": service("dear", "0.05") },
            "budgets": { "team": { "cap": cap, "every": "month", "owner": "o@acme.example" } },
            "clients": { "a": client("key-a"), "b": client("key-b") }
        });
        let file = SourceFile { path: "policy.json".into(), text: policy.to_string() };
        let policy = policies::load(&[file]).unwrap();
        Book::new(policy, ClientDirectory::default(), Records::new())
    }

    /// What money is asked for where these keys are shown for these services.
    fn asked(book: &Book, who: &[(&str, &str)], own: Vec<MoneyLine>) -> Vec<MoneyLine> {
        let who = who.iter().map(|(key, service)| WhoIs {
            digest: client_key::digest(key.as_bytes()),
            service: ServiceName::parse(service).unwrap(),
        });
        let request = SyncRequest {
            protocol: PROTOCOL,
            holder: HolderId(1),
            sequence: 1,
            epoch: None,
            policy: None,
            directory: 0,
            who: who.collect(),
            credentials: vec![],
            leases: vec![],
            money: own,
            settlements: vec![],
        };
        let answers = request.who.iter().map(|who| ClientAnswer {
            digest: who.digest,
            identity: book.identify(&who.digest, UnixMillis(1_795_000_000_000)),
            ttl_ms: Millis(1),
        });
        money(book, &request, &answers.collect::<Vec<_>>())
    }

    fn wants(lines: &[MoneyLine]) -> Vec<(u64, u64)> {
        lines.iter().map(|line| (line.wants.0, line.least.0)).collect()
    }

    #[test]
    fn one_budget_is_asked_once_for_the_dearest_call() {
        let book = book("10.00");
        let who = [("key-a", "cheap"), ("key-b", "dear"), ("key-b", "cheap"), ("nobody", "dear")];
        assert_eq!(wants(&asked(&book, &who, vec![])), [(50_000_000, 0)]);
    }

    #[test]
    fn who_says_something_of_a_budget_asks_for_itself() {
        let budget = wire::ids::BudgetName::parse("team").unwrap();
        let (term, zero) = (Some(Term(1)), Nanos::ZERO);
        let own = MoneyLine { budget, term, returned: zero, wants: zero, least: zero };
        let lines = asked(&book("10.00"), &[("key-a", "dear")], vec![own.clone()]);
        assert_eq!(lines, [own]);
    }

    #[test]
    fn a_hold_that_is_a_large_part_of_the_cap_is_not_guessed() {
        assert_eq!(asked(&book("0.79"), &[("key-a", "dear")], vec![]), []);
        assert_eq!(asked(&book("0.80"), &[("key-a", "dear")], vec![]).len(), 1);
        assert_eq!(asked(&book("unlimited"), &[("key-a", "dear")], vec![]).len(), 1);
    }
}

//! Clients: who calls, until when, what they may use, and which budget pays.

use std::collections::HashMap;

use jiff::civil::Date;
use wire::facts::UseFacts;
use wire::ids::{BudgetName, ClientKeyDigest, ClientName, ServiceName};
use wire::limit::LimitScope;

use super::budget::{Names, unknown};
use super::date::date;
use super::digest::Digests;
use super::fields::{Fields, Shape};
use super::limit::limits;
use super::merge::entries;
use super::models::models;
use super::prices::Lists;
use super::route::Written;
use super::service::Index;
use super::value::{list, named, not_a_name, plain_text, text, wrong_type};
use crate::bounds::ROUTES_MAX;
use crate::document::{Member, Node};
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::Client;
use crate::source::Spot;

const CLIENT: Shape = Shape {
    what: "a client",
    form: "{ \"owner\": …, \"may_use\": … }",
    fields: &["owner", "purpose", "expires", "known_by", "budget", "may_use", "limits"],
    required: &["owner", "may_use"],
};

const USE: Shape = Shape {
    what: "an entry of \"may_use\"",
    form: "{} for all routes of the service, or { \"routes\": … }",
    fields: &["routes", "models", "limits"],
    required: &[],
};

/// What clients refer to.
#[derive(Debug)]
pub(super) struct Known<'k, 'd> {
    pub(super) services: &'k Index<'d>,
    pub(super) lists: &'k Lists<'d>,
    pub(super) budgets: &'k Names<'d>,
}

/// The clients of all files, and whose each key is.
pub(super) fn merge(
    files: &[Fields<'_, '_>],
    known: &Known<'_, '_>,
    report: &mut Report<'_>,
) -> (Vec<Client>, HashMap<ClientKeyDigest, ClientName>) {
    let members = entries(files, "clients", "client", report);
    let mut digests = Digests::default();
    let clients = members
        .into_iter()
        .filter_map(|member| client(member, known, &mut digests, report))
        .collect();
    (clients, digests.owners)
}

fn client(
    member: &Member<'_>,
    known: &Known<'_, '_>,
    digests: &mut Digests,
    report: &mut Report<'_>,
) -> Option<Client> {
    let name = ClientName::parse(&member.name).ok();
    if name.is_none() {
        report.push(not_a_name(member.name_at, &member.name));
    }
    let fields = Fields::open(&member.node, member.name_at, &CLIENT, report)?;
    let owner = fields
        .get("owner")
        .and_then(|node| plain_text(node, "whom to ask about the client", report));
    let purpose = match fields.get("purpose") {
        Some(node) => plain_text(node, "what the client is for", report).map(Some),
        None => Some(None),
    };
    let expires = match fields.get("expires") {
        Some(node) => last_day(node, report).map(Some),
        None => Some(None),
    };
    let known_by = digests.read(fields.get("known_by"), name.as_ref(), report);
    let budget = match fields.get("budget") {
        Some(node) => budget(node, known.budgets, report).map(Some),
        None => Some(None),
    };
    let mut cost = None;
    let uses =
        fields.get("may_use").and_then(|node| uses(node, name.as_ref(), known, &mut cost, report));
    if let (None, Some(cost)) = (fields.get("budget"), cost) {
        report.push(nobody_pays(&member.name, &cost));
    }
    let scope = name.clone().map(LimitScope::Client);
    let limits = limits(fields.get("limits"), scope.as_ref(), report);
    Some(Client {
        name: name?,
        owner: owner?.into(),
        purpose: purpose?.map(Into::into),
        expires: expires?,
        known_by: known_by?,
        budget: budget?,
        uses: uses?,
        limits: limits?,
    })
}

fn last_day(node: &Node<'_>, report: &mut Report<'_>) -> Option<Date> {
    const EXPECTED: &str = "year-month-day of the last day on which it works, as in \"2027-03-31\"";
    const REMEDY: &str = "write four digits for the year, two for the month, two for the day; \
                          leave the field out if it never ends";
    date(node, EXPECTED, REMEDY, report)
}

fn budget(node: &Node<'_>, budgets: &Names<'_>, report: &mut Report<'_>) -> Option<BudgetName> {
    let Some(written) = node.value.as_text() else {
        report.push(wrong_type(node, "the name of a budget").remedy(
            "write the name in double quotes; the budget itself stands under \"budgets\", \
             so that others can share it",
        ));
        return None;
    };
    let name = BudgetName::parse(written).ok();
    if name.is_none() {
        report.push(not_a_name(node.at, written));
    } else if budgets.names.binary_search(&written).is_err() {
        if !budgets.incomplete {
            let near = report.nearest(written, budgets.names.iter().copied());
            report.push(unknown(written, node.at).near(near));
        }
        return None;
    }
    name
}

/// A use that costs something, and what of it does.
#[derive(Clone, Copy, Debug)]
struct Costly {
    used: Spot,
    priced: Spot,
}

fn nobody_pays(client: &str, cost: &Costly) -> Problem {
    let message = format!("no budget pays for what the client {} may use", quoted(client));
    Problem::missing(Code::MissingBudget, cost.used, message)
        .expected("\"budget\" in the client: the name of the budget that pays for its calls")
        .remedy("add \"budget\" to the client, or allow it only \"routes\" that are free")
        .other(cost.priced, "this costs something")
}

fn uses(
    node: &Node<'_>,
    client: Option<&ClientName>,
    known: &Known<'_, '_>,
    cost: &mut Option<Costly>,
    report: &mut Report<'_>,
) -> Option<Vec<UseFacts>> {
    let members = named(node, "services by their names, as in { \"openai\": {} }", report)?;
    let mut uses = Vec::with_capacity(members.len());
    for member in members {
        uses.extend(one_use(member, client, known, cost, report));
    }
    (uses.len() == members.len()).then_some(uses)
}

fn one_use(
    member: &Member<'_>,
    client: Option<&ClientName>,
    known: &Known<'_, '_>,
    cost: &mut Option<Costly>,
    report: &mut Report<'_>,
) -> Option<UseFacts> {
    let service = ServiceName::parse(&member.name).ok();
    let found = known.services.services.get(member.name.as_ref());
    if found.is_none() && (service.is_none() || !known.services.incomplete) {
        report_unknown(member, service.is_none(), known.services, report);
    }
    let fields = Fields::open(&member.node, member.name_at, &USE, report)?;
    let written = found.and_then(|found| found.routes.as_deref());
    let routes = match fields.get("routes") {
        Some(node) => routes(node, &member.name, written, report).map(Some),
        None => Some(None),
    };
    let usable = usable(routes.as_ref(), written);
    let of_route = usable.iter().flatten().find(|route| route.costs).map(|route| route.at);
    let of_others = found.filter(|_| fields.get("routes").is_none()).and_then(|it| it.unlisted);
    if let (None, Some(priced)) = (*cost, of_route.or(of_others)) {
        *cost = Some(Costly { used: member.name_at, priced });
    }
    let models = match fields.get("models") {
        Some(node) => models(node, usable.as_deref(), known.lists, report).map(Some),
        None => Some(None),
    };
    let scope = client
        .cloned()
        .zip(service.clone())
        .map(|(client, service)| LimitScope::Use(client, service));
    let limits = limits(fields.get("limits"), scope.as_ref(), report);
    Some(UseFacts {
        service: service.filter(|_| found.is_some())?,
        routes: routes?,
        models: models?,
        limits: limits?,
    })
}

/// The routes that the client may call; `None` where a mistake hides them.
fn usable<'w, 'd>(
    chosen: Option<&Option<Vec<usize>>>,
    written: Option<&'w [Written<'d>]>,
) -> Option<Vec<&'w Written<'d>>> {
    let written = written?;
    match chosen? {
        None => Some(written.iter().collect()),
        Some(places) => Some(places.iter().filter_map(|place| written.get(*place)).collect()),
    }
}

fn report_unknown(
    member: &Member<'_>,
    is_no_name: bool,
    services: &Index<'_>,
    report: &mut Report<'_>,
) {
    let near = report.nearest(&member.name, services.names.iter().copied());
    let problem = match is_no_name {
        true => not_a_name(member.name_at, &member.name).remedy("write the service's own name"),
        false => Problem::new(
            Code::UnknownService,
            member.name_at,
            format!("there is no service {}", quoted(&member.name)),
        )
        .expected("the name of a service that stands under \"services\" in one of the files")
        .remedy("correct the name, or add the service"),
    };
    report.push(problem.near(near));
}

/// The places of the routes in the service's list; `known` is `None` where a mistake hides that
/// list.
fn routes(
    node: &Node<'_>,
    service: &str,
    known: Option<&[Written<'_>]>,
    report: &mut Report<'_>,
) -> Option<Vec<usize>> {
    let entries = list(node, "a list of the service's routes", ROUTES_MAX, report)?;
    let mut seen: HashMap<&str, Spot> = HashMap::new();
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(written) = text(entry, "a route of the service", report) else {
            continue;
        };
        if let Some(first) = seen.insert(written, entry.at) {
            let message = format!("{} stands twice in this list", quoted(written));
            report.push(
                Problem::new(Code::DuplicateEntry, entry.at, message)
                    .expected("each route once")
                    .remedy("delete one of them")
                    .other(first, "first written here"),
            );
            continue;
        }
        let Some(known) = known else { continue };
        match known.iter().position(|known| known.route == written) {
            Some(place) => places.push(place),
            None => {
                let near = report.nearest(written, known.iter().map(|known| known.route));
                let message =
                    format!("the service {} has no route {}", quoted(service), quoted(written));
                report.push(
                    Problem::new(Code::UnknownRoute, entry.at, message)
                        .expected("a route exactly as the service writes it in \"match\"")
                        .remedy("copy one of the service's routes, or add this one to the service")
                        .near(near),
                );
            }
        }
    }
    (places.len() == entries.len()).then_some(places)
}

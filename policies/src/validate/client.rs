//! Clients: who calls, until when, and what they may use.

use std::collections::HashMap;

use jiff::civil::Date;
use wire::facts::UseFacts;
use wire::ids::{ClientKeyDigest, ClientName, ServiceName};
use wire::limit::LimitScope;

use super::digest::Digests;
use super::fields::{Fields, Shape};
use super::limit::limits;
use super::merge::entries;
use super::organization::two_digits;
use super::service::Index;
use super::value::{list, named, not_a_name, plain_text, text};
use crate::bounds::ROUTES_MAX;
use crate::document::{Member, Node};
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::Client;
use crate::source::Spot;

const CLIENT: Shape = Shape {
    what: "a client",
    form: "{ \"owner\": …, \"may_use\": … }",
    fields: &["owner", "purpose", "expires", "known_by", "may_use", "limits"],
    required: &["owner", "may_use"],
};

const USE: Shape = Shape {
    what: "an entry of \"may_use\"",
    form: "{} for all routes of the service, or { \"routes\": … }",
    fields: &["routes", "limits"],
    required: &[],
};

/// The clients of all files, and whose each key is.
pub(super) fn merge(
    files: &[Fields<'_, '_>],
    services: &Index<'_>,
    report: &mut Report<'_>,
) -> (Vec<Client>, HashMap<ClientKeyDigest, ClientName>) {
    let members = entries(files, "clients", "client", report);
    let mut digests = Digests::default();
    let clients = members
        .into_iter()
        .filter_map(|member| client(member, services, &mut digests, report))
        .collect();
    (clients, digests.owners)
}

fn client(
    member: &Member<'_>,
    services: &Index<'_>,
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
        Some(node) => date(node, report).map(Some),
        None => Some(None),
    };
    let known_by = digests.read(fields.get("known_by"), name.as_ref(), report);
    let uses = fields.get("may_use").and_then(|node| uses(node, name.as_ref(), services, report));
    let scope = name.clone().map(LimitScope::Client);
    let limits = limits(fields.get("limits"), scope.as_ref(), report);
    Some(Client {
        name: name?,
        owner: owner?.into(),
        purpose: purpose?.map(Into::into),
        expires: expires?,
        known_by: known_by?,
        uses: uses?,
        limits: limits?,
    })
}

fn uses(
    node: &Node<'_>,
    client: Option<&ClientName>,
    services: &Index<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<UseFacts>> {
    let members = named(node, "services by their names, as in { \"openai\": {} }", report)?;
    let mut uses = Vec::with_capacity(members.len());
    for member in members {
        uses.extend(one_use(member, client, services, report));
    }
    (uses.len() == members.len()).then_some(uses)
}

fn one_use(
    member: &Member<'_>,
    client: Option<&ClientName>,
    services: &Index<'_>,
    report: &mut Report<'_>,
) -> Option<UseFacts> {
    let service = ServiceName::parse(&member.name).ok();
    let known = services.routes.get(member.name.as_ref());
    if known.is_none() && (service.is_none() || !services.incomplete) {
        report_unknown(member, service.is_none(), services, report);
    }
    let fields = Fields::open(&member.node, member.name_at, &USE, report)?;
    let routes = match fields.get("routes") {
        Some(node) => {
            let known = known.and_then(Option::as_deref);
            routes(node, &member.name, known, report).map(Some)
        }
        None => Some(None),
    };
    let scope = client
        .cloned()
        .zip(service.clone())
        .map(|(client, service)| LimitScope::Use(client, service));
    let limits = limits(fields.get("limits"), scope.as_ref(), report);
    Some(UseFacts {
        service: service.filter(|_| known.is_some())?,
        routes: routes?,
        models: None,
        limits: limits?,
    })
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
    known: Option<&[&str]>,
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
        match known.iter().position(|route| *route == written) {
            Some(place) => places.push(place),
            None => {
                let near = report.nearest(written, known.iter().copied());
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

/// The last day of a client.
fn date(node: &Node<'_>, report: &mut Report<'_>) -> Option<Date> {
    let written = text(node, "a date", report)?;
    let Some((year, month, day)) = year_month_day(written) else {
        report.push(
            Problem::new(
                Code::Date,
                node.at,
                format!("{} is not a date in the form that is used here", quoted(written)),
            )
            .expected("year-month-day of the last day on which it works, as in \"2027-03-31\"")
            .remedy(
                "write four digits for the year, two for the month, two for the day; \
                     leave the field out if it never ends",
            ),
        );
        return None;
    };
    let date = Date::new(year, month, day).ok();
    if date.is_none() {
        report.push(
            Problem::new(
                Code::NoSuchDate,
                node.at,
                format!("the calendar has no {}", quoted(written)),
            )
            .expected("a day that exists")
            .remedy("look up how many days the month has"),
        );
    }
    date
}

/// Years of this millennium: everything else is a slip.
fn year_month_day(written: &str) -> Option<(i16, i8, i8)> {
    let (year, rest) = written.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year_is_plain =
        year.len() == 4 && year.starts_with('2') && year.bytes().all(|b| b.is_ascii_digit());
    let year = year_is_plain.then(|| year.parse().ok()).flatten()?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((year, month, day))
}

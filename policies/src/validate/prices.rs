//! Price lists: where they are from, and what each model costs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wire::ids::PriceListName;
use wire::money::Picos;
use wire::tariff::{ModelPrices, PriceList};
use wire::usage::Kind;

use super::date::date;
use super::fields::{Fields, Shape};
use super::merge::entries;
use super::price::{has_any, is_of_tokens, items, with_prices};
use super::tier::{tiers, variants};
use super::value::{list, named, not_a_name, plain_text, text};
use crate::bounds::{MODEL_BYTES_MAX, OTHER_NAMES_MAX};
use crate::document::{Member, Node};
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::Prices;
use crate::source::Spot;

const LIST: Shape = Shape {
    what: "a price list",
    form: "{ \"source\": …, \"models\": … }",
    fields: &["source", "effective_from", "models"],
    required: &["source", "models"],
};

const MODEL: Shape = Shape {
    what: "a model",
    form: "{ \"input_per_million\": \"0.25\", \"output_per_million\": \"2.00\" }",
    fields: with_prices!["also", "served", "over", "confirmed"],
    required: &[],
};

/// What others may refer to: every list by the name that is written, whatever is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Lists<'d> {
    /// The names of each list's models, other names among them, with the model that each is of.
    pub(super) models: BTreeMap<&'d str, Models<'d>>,
    /// The least that a call costs on each list, where a model is priced by the call.
    pub(super) least: BTreeMap<&'d str, Picos>,
    /// Whether a file could not be read, which may hold more.
    pub(super) incomplete: bool,
}

/// The models of one list; each name with the model that it is of.
pub(super) type Models<'d> = BTreeMap<&'d str, &'d str>;

/// The price lists of all files.
pub(super) fn merge<'d>(
    files: &[Fields<'d, '_>],
    all_readable: bool,
    report: &mut Report<'_>,
) -> (BTreeMap<PriceListName, Prices>, Lists<'d>) {
    let mut lists = Lists { incomplete: !all_readable, ..Lists::default() };
    let mut prices = BTreeMap::new();
    for member in entries(files, "prices", "price list", report) {
        let name = PriceListName::parse(&member.name).ok();
        if name.is_none() {
            report.push(not_a_name(member.name_at, &member.name));
        }
        let mut models = Models::new();
        let list = price_list(member, name.clone(), &mut models, report);
        lists.models.insert(&member.name, models);
        if let Some(least) = list.as_ref().and_then(|list| least(&list.list)) {
            lists.least.insert(&member.name, least);
        }
        prices.extend(name.zip(list));
    }
    (prices, lists)
}

/// The least that a call costs, whichever model it is for.
fn least(list: &PriceList) -> Option<Picos> {
    let of_call = |model: &ModelPrices| {
        let price = model.items.iter().find(|(kind, _)| *kind == Kind::Call);
        price.map_or(Picos(0), |(_, price)| *price)
    };
    list.models.iter().map(of_call).min()
}

fn price_list<'d>(
    member: &'d Member<'_>,
    name: Option<PriceListName>,
    names: &mut Models<'d>,
    report: &mut Report<'_>,
) -> Option<Prices> {
    let fields = Fields::open(&member.node, member.name_at, &LIST, report)?;
    let source = fields
        .get("source")
        .and_then(|node| plain_text(node, "where these prices are from", report));
    let effective_from = match fields.get("effective_from") {
        Some(node) => {
            const EXPECTED: &str =
                "year-month-day of the day from which these prices hold, as in \"2026-11-01\"";
            const REMEDY: &str =
                "write four digits for the year, two for the month, two for the day";
            date(node, EXPECTED, REMEDY, report).map(Some)
        }
        None => Some(None),
    };
    let models = fields.get("models").and_then(|node| models(node, names, report));
    let mut models = models?;
    models.sort_by(|one, other| one.model.cmp(&other.model));
    Some(Prices {
        source: source?.into(),
        effective_from: effective_from?,
        list: PriceList { name: name?, models },
    })
}

fn models<'d>(
    node: &'d Node<'_>,
    names: &mut Models<'d>,
    report: &mut Report<'_>,
) -> Option<Vec<ModelPrices>> {
    let members = named(node, "models by their names", report)?;
    if members.is_empty() {
        report.push(
            Problem::new(Code::Empty, node.at, "this price list has no model")
                .expected("at least one model with its prices")
                .remedy("add the models that may be used, or delete the list"),
        );
        return None;
    }
    let mut places: HashMap<&str, Spot> = HashMap::new();
    for member in members {
        names.insert(&member.name, &member.name);
        places.insert(&member.name, member.name_at);
    }
    let models: Vec<_> =
        members.iter().filter_map(|member| model(member, names, &mut places, report)).collect();
    (models.len() == members.len()).then_some(models)
}

fn model<'d>(
    member: &'d Member<'_>,
    names: &mut Models<'d>,
    places: &mut HashMap<&'d str, Spot>,
    report: &mut Report<'_>,
) -> Option<ModelPrices> {
    let named = is_model_name(&member.name);
    if !named {
        report.push(not_a_model(member.name_at, &member.name));
    }
    let fields = Fields::open(&member.node, member.name_at, &MODEL, report)?;
    let confirmed = match fields.get("confirmed") {
        Some(node) => plain_text(node, "why these prices are right", report).is_some(),
        None => false,
    };
    let items = items(&fields, confirmed, report);
    let complete = check_complete(member, &fields, report);
    let also = other_names(&fields, &member.name, names, places, report);
    let variants = variants(fields.get("served"), confirmed, report);
    let tiers = tiers(fields.get("over"), confirmed, report);
    Some(ModelPrices {
        model: Arc::from(member.name.as_ref()),
        also: also?,
        items: items.filter(|_| named && complete)?,
        variants: variants?,
        tiers: tiers?,
    })
}

/// A model must have a price; and where tokens have one, those of the input do.
fn check_complete(member: &Member<'_>, fields: &Fields<'_, '_>, report: &mut Report<'_>) -> bool {
    if !fields.is_whole() {
        return false;
    }
    if !has_any(fields) {
        let message = format!("the model {} has no price", quoted(&member.name));
        report.push(
            Problem::missing(Code::Empty, member.name_at, message)
                .expected("at least one price, as \"input_per_million\"")
                .remedy("add its prices; one that costs nothing has the price \"0\""),
        );
        return false;
    }
    let tokens = fields.members().iter().any(|field| is_of_tokens(&field.name));
    if tokens && fields.get("input_per_million").is_none() {
        let message = format!("the model {} has no price of its input", quoted(&member.name));
        report.push(
            Problem::missing(Code::MissingField, member.name_at, message)
                .expected("\"input_per_million\" beside the other prices of tokens")
                .remedy("add \"input_per_million\"; where the input costs nothing, write \"0\""),
        );
        return false;
    }
    true
}

/// Other names of the model, none of which is the name of another model of the list.
fn other_names<'d>(
    fields: &Fields<'d, '_>,
    model: &'d str,
    names: &mut Models<'d>,
    places: &mut HashMap<&'d str, Spot>,
    report: &mut Report<'_>,
) -> Option<Vec<Arc<str>>> {
    let Some(node) = fields.get("also") else {
        return Some(Vec::new());
    };
    let entries = list(node, "a list of other names of the model", OTHER_NAMES_MAX, report)?;
    let mut own: Vec<&str> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(name) = text(entry, "a name of the model", report) else {
            continue;
        };
        if !is_model_name(name) {
            report.push(not_a_model(entry.at, name));
            continue;
        }
        if let Some(first) = places.get(name) {
            // Within one list a schema sees it; a name of another model it does not.
            let code = match own.contains(&name) {
                true => Code::DuplicateEntry,
                false => Code::DuplicateName,
            };
            let message = format!("two models of this list are named {}", quoted(name));
            report.push(
                Problem::new(code, entry.at, message)
                    .expected("a name that stands once in the list")
                    .remedy("delete it where it is wrong: a call must have one price")
                    .other(*first, "first written here"),
            );
            continue;
        }
        own.push(name);
        names.insert(name, model);
        places.insert(name, entry.at);
    }
    (own.len() == entries.len()).then(|| own.into_iter().map(Arc::from).collect())
}

/// What APIs name their models: no spaces, nothing invisible.
pub(super) fn is_model_name(name: &str) -> bool {
    (1..=MODEL_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn not_a_model(at: Spot, written: &str) -> Problem {
    Problem::new(Code::ModelName, at, format!("{} cannot be the name of a model", quoted(written)))
        .expected(format!("the name as calls have it, at most {MODEL_BYTES_MAX} characters"))
        .remedy("copy the name from the provider's documentation: it has no spaces")
}

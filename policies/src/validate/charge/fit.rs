//! Whether a route's prices fit what its answers say: everything that is counted has a price, every
//! price has something that is counted, and what is reserved pays for the least that a call costs.

use wire::money::{Nanos, PICOS_PER_NANO};
use wire::usage::{HeaderUsage, JsonUsage, Kind, Profile, Usage};

use super::super::fields::Fields;
use super::super::prices::Lists;
use super::hold::HoldWords;
use super::{OF_BYTES, Read};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// Checks all of it; every mistake is reported.
pub(super) fn check(
    fields: &Fields<'_, '_>,
    read: &Read<'_>,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> bool {
    let mut problems = Vec::new();
    let at = |name: &str| fields.member(name).map(|member| member.name_at);
    if let (Some(usage), Some(at)) = (&read.usage, at("usage")) {
        problems.extend(unpriced(usage, read, at));
    }
    for (name, kind) in [
        ("per_unit", Kind::Unit),
        ("audio_per_second", Kind::AudioSecond),
        ("audio_per_minute", Kind::AudioSecond),
        ("audio_per_hour", Kind::AudioSecond),
    ] {
        problems.extend(at(name).and_then(|at| uncounted(name, kind, read, at)));
    }
    problems.extend(at("prices").and_then(|at| no_models(read, at)));
    problems.extend(at("hold").and_then(|at| worst(read, at)));
    problems.extend(at("hold").and_then(|at| too_small(read, lists, at)));
    let bytes = OF_BYTES.iter().find_map(|name| at(name));
    problems.extend(bytes.and_then(|at| nothing_reserved(read, at)));
    let good = problems.is_empty();
    problems.into_iter().for_each(|problem| report.push(problem));
    good
}

fn fit(at: Spot, message: String) -> Problem {
    Problem::missing(Code::PriceFit, at, message)
}

fn has_rate(read: &Read<'_>, kind: Kind) -> bool {
    read.rates.iter().any(|rate| rate.kind == kind)
}

/// Whether the answers of an API state the cost, so that no price list is needed.
const fn states_the_cost(profile: Profile) -> bool {
    matches!(profile, Profile::Openrouter | Profile::Perplexity | Profile::Xai)
}

/// What the answers count must have a price.
fn unpriced(usage: &Usage, read: &Read<'_>, at: Spot) -> Option<Problem> {
    if read.prices.is_some() {
        return None;
    }
    let counted: Vec<Kind> = match usage {
        Usage::Api(profile) if states_the_cost(*profile) => return None,
        Usage::Api(Profile::OpenaiAudio) if has_rate(read, Kind::AudioSecond) => return None,
        Usage::Api(profile) => {
            let word = quoted(profile.as_str());
            let message = format!("{word} counts tokens, and nothing says what they cost");
            return Some(
                fit(at, message)
                    .expected("\"prices\" beside it: the name of a price list")
                    .remedy("add \"prices\" with the list that has the models of this route"),
            );
        }
        Usage::Json(JsonUsage { cost: Some(_), .. }) => return None,
        Usage::Json(json) => json.counts.iter().map(|(kind, _)| *kind).collect(),
        Usage::Header(header) => header.counts.into_iter().collect(),
    };
    let unpriced = counted.into_iter().find(|kind| !has_rate(read, *kind))?;
    let (expected, remedy) = match unpriced {
        Kind::Unit => ("\"per_unit\" beside it, or \"prices\"", "add the price of one unit"),
        Kind::AudioSecond => {
            ("\"audio_per_minute\" beside it, or \"prices\"", "add the price of a minute")
        }
        _ => (
            "\"prices\" beside it: the name of a price list",
            "add \"prices\" with the list that has the models of this route",
        ),
    };
    let message =
        format!("{} is counted, and nothing says what it costs", quoted(unpriced.as_str()));
    Some(fit(at, message).expected(expected).remedy(remedy))
}

/// A price must have something that is counted.
fn uncounted(name: &str, kind: Kind, read: &Read<'_>, at: Spot) -> Option<Problem> {
    let counted = match read.usage.as_ref()? {
        Usage::Api(_) => true,
        Usage::Json(json) => json.counts.iter().any(|(counted, _)| *counted == kind),
        Usage::Header(header) => header.counts == Some(kind),
    };
    let message = format!("\"{name}\" is a price of what nothing counts here");
    let expected = format!("{} among what \"usage\" counts", quoted(kind.as_str()));
    let remedy = "say in \"usage\" where the answer counts it, or delete the price";
    (!counted).then(|| fit(at, message).expected(expected).remedy(remedy))
}

/// A price list is for what answers count.
fn no_models(read: &Read<'_>, at: Spot) -> Option<Problem> {
    let counts_nothing = match read.usage.as_ref()? {
        Usage::Api(_) => false,
        Usage::Json(json) => json.counts.is_empty(),
        Usage::Header(HeaderUsage { counts, .. }) => counts.is_none(),
    };
    counts_nothing.then(|| {
        fit(at, "a price list has no use where the answer only states the cost".to_owned())
            .expected("no \"prices\", or \"usage\" that counts something")
            .remedy("delete \"prices\": what the answer states is booked")
    })
}

/// The worst can be reckoned only where a request says how much it asks for.
fn worst(read: &Read<'_>, at: Spot) -> Option<Problem> {
    let Some(HoldWords::Worst(output)) = read.hold else {
        return None;
    };
    let profile = match &read.usage {
        Some(Usage::Api(profile)) if read.prices.is_some() => *profile,
        _ => {
            let message = "the worst that a call can cost is not known here".to_owned();
            return Some(
                fit(at, message)
                    .expected("an amount, or \"usage\" of an API that counts tokens and \"prices\"")
                    .remedy("write the most that one call may cost, as in \"0.25\""),
            );
        }
    };
    (output == 0 && profile != Profile::OpenaiEmbeddings).then(|| {
        let message = "\"worst\" does not say what a request without an output limit may cost";
        fit(at, message.to_owned()).expected("\"hold_output_tokens\" beside it").remedy(
            "add \"hold_output_tokens\": the tokens to reserve for the answer \
                 to a request that sets no limit, as in 4096",
        )
    })
}

/// What is reserved pays at least for the call itself.
fn too_small(read: &Read<'_>, lists: &Lists<'_>, at: Spot) -> Option<Problem> {
    let Some(HoldWords::Amount(hold)) = read.hold else {
        return None;
    };
    let of_model = read.prices.and_then(|(name, _)| lists.least.get(name));
    let of_route = read.rates.iter().find(|rate| rate.kind == Kind::Call);
    let of_route = of_route.map_or(0, |rate| rate.picos.0);
    let least = of_route.saturating_add(of_model.map_or(0, |price| price.0));
    let least = Nanos(least.div_ceil(PICOS_PER_NANO));
    if hold >= least && hold > Nanos::ZERO {
        return None;
    }
    let message = match least {
        Nanos::ZERO => "a call that may cost something must reserve something".to_owned(),
        _ => format!("{hold} is reserved for a call that costs at least {least}"),
    };
    Some(
        Problem::missing(Code::HoldTooSmall, at, message)
            .expected("the most that one call may cost")
            .remedy("write the amount that a dear call costs: what is too much is given back"),
    )
}

/// Bytes are counted when they have gone by: something must pay for them before.
fn nothing_reserved(read: &Read<'_>, at: Spot) -> Option<Problem> {
    let reserved = read.hold.is_some() || has_rate(read, Kind::Call);
    (!reserved).then(|| {
        fit(at, "what the bytes cost is known only when they have gone by".to_owned())
            .expected("\"hold\" beside it, or \"per_call\"")
            .remedy("add \"hold\": what to set aside for one call, as in \"0.01\"")
    })
}

//! What calls reserve, at the most: how much of a budget to lend before it is known what will be
//! called.

use wire::ids::ServiceName;
use wire::money::{Nanos, PICOS_PER_NANO};
use wire::tariff::{Charge, Hold, PriceList, Tariff};
use wire::usage::Kind;

use super::Policy;

/// What a prompt is taken to have, where the worst hold depends on it and no request is there yet.
const PROMPT_TOKENS: u64 = 8_192;

impl Policy {
    /// The largest amount that a call of the service reserves; `None` if none costs anything. Where
    /// the worst is reserved, that of a common request.
    #[must_use]
    pub fn largest_hold(&self, service: &ServiceName) -> Option<Nanos> {
        let service = self.services.iter().find(|one| one.facts.name == *service)?;
        let routes = service.facts.routes.iter().map(|route| &route.charge);
        let charges = routes.chain(&service.facts.unlisted);
        charges
            .filter_map(|charge| match charge {
                Charge::Free => None,
                Charge::Priced(tariff) => Some(self.hold_of(tariff)),
            })
            .max()
    }

    fn hold_of(&self, tariff: &Tariff) -> Nanos {
        let output = match tariff.hold {
            Hold::Amount(amount) => return amount,
            Hold::Worst { output } => output,
        };
        let calls = tariff.rates.iter().filter(|rate| rate.kind == Kind::Call);
        let of_call = calls.map(|rate| u128::from(rate.picos.0)).max().unwrap_or_default();
        let list = tariff.prices.as_ref().and_then(|name| self.prices.get(name));
        let of_model = list.map_or(0, |prices| dearest(&prices.list, output));
        let nanos = of_call.saturating_add(of_model).div_ceil(PICOS_PER_NANO.into());
        u64::try_from(nanos).map_or(Nanos::MAX, Nanos).min(Nanos::MAX)
    }
}

/// What the dearest model takes for a common prompt and so much output, in pico-units.
fn dearest(list: &PriceList, output: u64) -> u128 {
    let of_kind = |is_kind: fn(Kind) -> bool| {
        let items = list.models.iter().flat_map(|model| &model.items);
        items.filter(|(kind, _)| is_kind(*kind)).map(|(_, picos)| u128::from(picos.0)).max()
    };
    let times =
        |price: Option<u128>, tokens: u64| price.unwrap_or_default().saturating_mul(tokens.into());
    times(of_kind(Kind::is_input), PROMPT_TOKENS)
        .saturating_add(times(of_kind(is_output), output))
        .saturating_add(times(of_kind(|kind| kind == Kind::Call), 1))
}

const fn is_output(kind: Kind) -> bool {
    matches!(kind, Kind::Output | Kind::OutputReasoning | Kind::OutputAudio | Kind::OutputImage)
}

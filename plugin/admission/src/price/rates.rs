//! Which price applies to a kind: the list's, overlaid by how the answer was served and by the tier.

use wire::money::Picos;
use wire::tariff::{ModelPrices, Rate, Variant};
use wire::usage::Kind;

use super::{Priced, Prices};
use crate::meter::note::Note;

impl Prices<'_> {
    /// The prices of a kind, and whose they are: its own, or those of the kind that stands in for it.
    pub(super) fn of(&self, kind: Kind) -> Option<(Kind, Vec<Rate>)> {
        std::iter::once(kind).chain(stand_ins(kind).iter().copied()).find_map(|taken| {
            let listed = self.listed(taken).map(|picos| Rate { kind, picos, per: 1, step: 0 });
            let fixed = self.rates.iter().filter(|rate| rate.kind == taken).copied();
            let rates: Vec<Rate> = listed.into_iter().chain(fixed).collect();
            (!rates.is_empty()).then_some((taken, rates))
        })
    }

    /// Whether the kind has a price of its own.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.listed(kind).is_some() || self.rates.iter().any(|rate| rate.kind == kind)
    }

    /// The model's price: each variant that applies, and each tier, replaces what stood before.
    fn listed(&self, kind: Kind) -> Option<Picos> {
        let model = self.model?;
        let find = |items: &[(Kind, Picos)]| {
            items.iter().find(|(one, _)| *one == kind).map(|(_, picos)| *picos)
        };
        let base = find(&model.items);
        let variants = self.variants(model).filter_map(|variant| find(&variant.items));
        let tiers = self.tiers(model).filter_map(|(_, items)| find(items));
        base.into_iter().chain(variants).chain(tiers).last()
    }

    fn variants<'m>(&self, model: &'m ModelPrices) -> impl Iterator<Item = &'m Variant> {
        model
            .variants
            .iter()
            .filter(|variant| self.served.iter().any(|said| same_variant(&variant.when, said)))
    }

    fn tiers<'m>(
        &self,
        model: &'m ModelPrices,
    ) -> impl Iterator<Item = (u64, &'m [(Kind, Picos)])> {
        let total = self.total_input;
        model
            .tiers
            .iter()
            .filter(move |tier| {
                total > tier.total_input || (tier.inclusive && total == tier.total_input)
            })
            .map(|tier| (tier.total_input, tier.items.as_slice()))
    }

    /// Says which variants and tiers apply.
    pub(super) fn explain(&self, priced: &mut Priced) {
        let Some(model) = self.model else { return };
        let applied: Vec<&str> =
            self.variants(model).map(|variant| variant.when.as_str()).collect();
        for said in self.served {
            match applied.iter().find(|when| same_variant(when, said)) {
                Some(when) => priced.notes.push(Note::Variant((*when).into())),
                None if is_usual(said) => {}
                None => priced.notes.push(Note::VariantWithoutPrices(said.clone())),
            }
        }
        priced.variant = (!applied.is_empty()).then(|| applied.join(", "));
        if let Some((over, _)) = self.tiers(model).last() {
            priced.notes.push(Note::Tier(over));
        }
    }
}

/// What a kind without a price costs: a cache read is input, a longer life a shorter one, and so on.
const fn stand_ins(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::CacheRead | Kind::InputAudio | Kind::InputImage => &[Kind::Input],
        Kind::CacheWrite => &[Kind::CacheWrite5m, Kind::Input],
        Kind::CacheWrite5m => &[Kind::CacheWrite, Kind::Input],
        Kind::CacheWrite1h => &[Kind::CacheWrite5m, Kind::CacheWrite, Kind::Input],
        Kind::OutputReasoning | Kind::OutputAudio | Kind::OutputImage => &[Kind::Output],
        Kind::Input
        | Kind::Output
        | Kind::WebSearch
        | Kind::AudioSecond
        | Kind::Unit
        | Kind::Call
        | Kind::BytesIn
        | Kind::BytesOut => &[],
    }
}

/// Whether both name one way to be served. APIs spell the field differently, and the value too.
fn same_variant(when: &str, said: &str) -> bool {
    let split = |text| str::split_once(text, '=').unwrap_or((text, ""));
    let ((field, value), (said_field, said_value)) = (split(when), split(said));
    canonical(field) == canonical(said_field) && value.eq_ignore_ascii_case(said_value)
}

fn canonical(field: &str) -> &str {
    match field {
        "serviceTier" | "serviceTier.type" => "service_tier",
        field => field,
    }
}

/// Whether it says that nothing special was done, or something that seldom has prices of its own.
fn is_usual(said: &str) -> bool {
    let (field, value) = said.split_once('=').unwrap_or((said, ""));
    let usual = ["default", "standard", "auto", "on_demand", "unspecified", "scale"];
    field == "inference_geo" || usual.iter().any(|one| value.eq_ignore_ascii_case(one))
}

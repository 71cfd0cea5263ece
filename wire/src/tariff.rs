//! What a route's calls cost: rates, price lists, holds, and which answers are billed.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::PriceListName;
use crate::money::{Nanos, Picos};
use crate::usage::{Kind, Usage};

/// What the calls of a route cost.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Nothing, and policy says why.
    Free,
    /// What this says.
    Priced(Arc<Tariff>),
}

/// How calls are priced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// Where the answer says what was used; `None` if rates on calls and bytes are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The price list that has the models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceListName>,
    /// Prices that do not depend on a model; they add to the model's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rate>,
    /// What a call reserves.
    pub hold: Hold,
    /// Which answers are billed; none named means 200 to 299, and what the profile knows to be
    /// billed besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub billable: Vec<Statuses>,
}

/// The price of a kind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Rate {
    /// What is counted.
    pub kind: Kind,
    /// What `per` of it cost.
    pub picos: Picos,
    /// How many that is for; 1 almost always, 2^30 for a gibibyte.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per: u64,
    /// Begun steps of so many are counted whole, as with S3's and SQS's 64 KiB; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub step: u64,
}

const fn one() -> u64 {
    1
}

const fn is_one(per: &u64) -> bool {
    *per == 1
}

const fn is_zero(step: &u64) -> bool {
    *step == 0
}

/// What a call reserves before it leaves.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// So much.
    Amount(Nanos),
    /// The most it can cost: by the request's size, its output limit and the dearest tier that can apply.
    Worst {
        /// The output limit of a request that names none, in tokens.
        output: u64,
    },
}

/// Answer statuses, both ends included.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Statuses {
    /// The lowest.
    pub from: u16,
    /// The highest.
    pub to: u16,
}

/// The prices of models.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// Its name.
    pub name: PriceListName,
    /// The models, sorted by name.
    pub models: Vec<ModelPrices>,
}

/// The prices of one model.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrices {
    /// Its name, as calls and answers have it.
    pub model: Arc<str>,
    /// Other names that answers have for it, as `gpt-5-mini-2026-08-07`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Arc<str>>,
    /// The price of each kind.
    pub items: Vec<(Kind, Picos)>,
    /// Prices by what the answer says of how it was served; they replace those of `items`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Prices of long prompts, in rising order; each replaces what stands before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// Prices of a way to be served.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What the answer says: `service_tier=priority`, `trafficType=ON_DEMAND_FLEX`, `speed=fast`.
    pub when: String,
    /// The prices that differ.
    pub items: Vec<(Kind, Picos)>,
}

/// Prices of long prompts: they hold for the whole call, not for what lies above (a cliff).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Prompts with more tokens than this, cached ones included.
    pub total_input: u64,
    /// Also those with exactly as many.
    #[serde(default)]
    pub inclusive: bool,
    /// The prices that differ.
    pub items: Vec<(Kind, Picos)>,
}

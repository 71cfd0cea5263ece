//! Policy errors: what is wrong, where, what was expected and what to do.
//!
//! An error owns the line that it shows, so it can be printed after its file is gone. It never
//! carries a secret on: see `redact`. `report` gathers problems and finds their lines, `render`
//! prints them.

mod places;
mod redact;
mod render;
mod report;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub(crate) use redact::quoted;
pub(crate) use report::{Problem, Report};

/// A mistake in a policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyError {
    /// Which mistake, for programs.
    pub code: Code,
    /// Where it is. Only what concerns no file in particular has no place.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// The value as written, cut; what may be a secret is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What belongs there.
    pub expected: String,
    /// What to do.
    pub remedy: String,
    /// The name that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
    /// A second place that the mistake has to do with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&render::error(self))
    }
}

impl std::error::Error for PolicyError {}

/// A place in a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The file's path.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    #[serde(skip)]
    pub(crate) excerpt: Option<Excerpt>,
}

/// A line with its marked part, in bytes of `line`. What may be a secret is masked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Excerpt {
    pub(crate) line: String,
    pub(crate) marked: std::ops::Range<usize>,
}

/// A second place, and what it is to the mistake.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Other {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there, as in "first written here".
    pub is: &'static str,
}

/// All mistakes of one run, sorted by file and place. Never empty.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PolicyErrors {
    errors: Vec<PolicyError>,
    /// How many more there are than are kept.
    left_out: usize,
}

impl PolicyErrors {
    /// The mistakes, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[PolicyError] {
        &self.errors
    }

    /// How many there are in all.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.errors.len().saturating_add(self.left_out)
    }

    /// For a state that has no cause that is known: a part is missing and nothing says why.
    /// Refusing in plain words is better than a panic in the service.
    pub(crate) fn unexplained() -> Self {
        let problem = Problem::nowhere(Code::Unexplained, "the policy cannot be put together")
            .expected("a complete policy")
            .remedy("this is a defect of Tollkeeper: please report it together with the policy");
        Self { errors: vec![problem.placed(None, None, None)], left_out: 0 }
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(out, "{error}\n")?;
        }
        match self.count() {
            1 => out.write_str("1 mistake; this policy is not loaded")?,
            count => write!(out, "{count} mistakes; this policy is not loaded")?,
        }
        match self.left_out {
            0 => Ok(()),
            hidden => write!(out, " ({hidden} of them are not shown)"),
        }
    }
}

impl std::error::Error for PolicyErrors {}

/// Which mistake. The names are stable: programs may rely on them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// Not a percentage at which a budget warns.
    Alert,
    /// Percentages of a budget that do not rise, or that warn of no number.
    AlertOrder,
    /// A number in a limit is outside its range.
    Amount,
    /// Not a status, or a range of statuses, of an answer.
    Billable,
    /// Budgets that lie in one another in a circle, or too deep.
    BudgetCycle,
    /// A budget says its time in two ways, or in half of one.
    BudgetPeriod,
    /// `burst` stands where it means nothing.
    Burst,
    /// A word is not one of a fixed few.
    Choice,
    /// Not the name of an Envoy cluster.
    Cluster,
    /// Not a currency code.
    Currency,
    /// Not a date in the form year-month-day.
    Date,
    /// A time ends before it begins.
    DateOrder,
    /// Not a client key's digest.
    Digest,
    /// One client key belongs to two clients.
    DuplicateDigest,
    /// An entry stands twice in a list.
    DuplicateEntry,
    /// A name is written twice in one object.
    DuplicateField,
    /// Two limits of one kind stand on the same thing.
    DuplicateLimit,
    /// A service, a client or the organization is written in two places.
    DuplicateName,
    /// Nothing stands where something must.
    Empty,
    /// A route is free and costs something.
    FreeAndPriced,
    /// Not the name of a header that may be injected.
    Header,
    /// Less is reserved for a call than it costs at the least.
    HoldTooSmall,
    /// Not a host.
    Host,
    /// A price so small or so large that another unit was probably meant.
    Implausible,
    /// A price that cannot be kept exactly.
    Inexact,
    /// Not JSON.
    Json,
    /// A limit has not the fields of one kind of limit.
    LimitForm,
    /// A client may use what costs, and no budget pays for it.
    MissingBudget,
    /// A field that is needed is missing.
    MissingField,
    /// No file has the organization.
    MissingOrganization,
    /// Nobody is named who can be asked about a budget.
    MissingOwner,
    /// No file has a service.
    MissingServices,
    /// Not the name of a model.
    ModelName,
    /// Not an amount of money.
    Money,
    /// Not a month and day.
    MonthDay,
    /// Not a name.
    Name,
    /// There is no file.
    NoFiles,
    /// A route does not say what its calls cost.
    NoPrice,
    /// A date that the calendar does not have.
    NoSuchDate,
    /// A file is not UTF-8.
    NotUtf8,
    /// A whole number that is not written in digits only.
    NumberForm,
    /// Not the name of a query parameter.
    Parameter,
    /// Not a place in a JSON body.
    Path,
    /// Not what can stand before a secret.
    Prefix,
    /// A route's price does not fit what its answers say.
    PriceFit,
    /// A route's fields about its price do not belong together.
    PriceForm,
    /// Not a route.
    Route,
    /// Not what an answer can say of how it was served.
    Served,
    /// A route that no request can reach.
    ShadowedRoute,
    /// Not a short plain text.
    Text,
    /// Prices of long prompts that do not stand in rising order.
    TierOrder,
    /// Not a time zone.
    TimeZone,
    /// Brackets are nested too deep.
    TooDeep,
    /// Files, or the services as a whole, are larger than can be used.
    TooLarge,
    /// A list has too many entries.
    TooMany,
    /// No cause is known: a defect.
    Unexplained,
    /// A budget that no file has.
    UnknownBudget,
    /// A field that the language does not have.
    UnknownField,
    /// A model that has no price.
    UnknownModel,
    /// A price list that no file has.
    UnknownPrices,
    /// A route that the service does not have.
    UnknownRoute,
    /// A service that no file has.
    UnknownService,
    /// A version of the language that this program does not know.
    Version,
    /// A value of another type.
    WrongType,
}

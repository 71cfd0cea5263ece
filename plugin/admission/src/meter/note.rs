//! What was found worth saying about an answer's price: `policy charge` prints it, and so may a log.

use std::fmt;
use std::sync::Arc;

use wire::usage::Kind;

/// Something to know about how a cost came about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Note {
    /// There was no answer: the stream ended before its head.
    NoAnswer,
    /// The answer is not billed.
    NotBilled,
    /// The refusal is billed all the same: the provider read the prompt.
    ContentFilter,
    /// The answer reports no usage.
    NoUsage,
    /// The answer ended before it reported all of its usage.
    Cut,
    /// The answer reports an error after its head said otherwise.
    Failed,
    /// Its encoding is not one that is read.
    UnreadableEncoding,
    /// It is not what its head says.
    Garbled,
    /// It lacks a number that belongs to its usage.
    PartialUsage,
    /// A number in it could not be read.
    UnreadableNumber,
    /// A number in it, or what comes of it, is larger than can be kept.
    TooLarge,
    /// Its parts are larger than the whole that they are parts of.
    NegativeRemainder,
    /// Its total is not the sum of what it counts.
    TotalDiffers,
    /// It counts inferences on the side, which may have been by another model.
    SideInference,
    /// It states a cost of nothing for tokens that it counts.
    ZeroCostNotBelieved,
    /// It says that another provider charges too, but not how much.
    UpstreamCostMissing,
    /// The price list does not have the model that served; taken was that of the model asked for.
    ModelNotListed {
        /// The model that served.
        served: Arc<str>,
        /// Whose prices were taken.
        priced_as: Arc<str>,
    },
    /// No prices are known for the model.
    NoPrices,
    /// A kind has no price of its own; taken was that of another.
    PriceOf {
        /// The kind.
        kind: Kind,
        /// Whose price was taken.
        taken: Kind,
    },
    /// A kind has no price at all.
    NoPriceOf(Kind),
    /// Prices of this way to be served were taken.
    Variant(String),
    /// The answer was served in a way for which there are no prices; the usual ones were taken.
    VariantWithoutPrices(String),
    /// Prices for prompts of more tokens than this were taken.
    Tier(u64),
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => out.write_str("there was no answer"),
            Self::NotBilled => out.write_str("answers of this status are not billed"),
            Self::ContentFilter => {
                out.write_str("refused by the content filter, which is billed all the same")
            }
            Self::NoUsage => out.write_str("the answer reports no usage"),
            Self::Cut => out.write_str("the answer ended before it reported all of its usage"),
            Self::Failed => out.write_str("the answer reports an error"),
            Self::UnreadableEncoding => {
                out.write_str("the answer's content-encoding is not one that is read")
            }
            Self::Garbled => out.write_str("the answer's body is not what its head says"),
            Self::PartialUsage => {
                out.write_str("the answer lacks a number that belongs to its usage")
            }
            Self::UnreadableNumber => {
                out.write_str("a number in the answer's usage could not be read")
            }
            Self::TooLarge => out.write_str("a number is larger than can be kept"),
            Self::NegativeRemainder => {
                out.write_str("parts of the usage are larger than the whole that they are parts of")
            }
            Self::TotalDiffers => out.write_str("the reported total is not the sum of its parts"),
            Self::SideInference => {
                out.write_str("inferences on the side are counted, at the model's own prices")
            }
            Self::ZeroCostNotBelieved => {
                out.write_str("a stated cost of 0 is not believed where tokens were used")
            }
            Self::UpstreamCostMissing => {
                out.write_str("another provider charges too, and the answer does not say how much")
            }
            Self::ModelNotListed { served, priced_as } => write!(
                out,
                "the price list does not have \"{served}\"; prices of \"{priced_as}\" were taken"
            ),
            Self::NoPrices => out.write_str("the price list does not have the model"),
            Self::PriceOf { kind, taken } => {
                write!(out, "{kind} has no price of its own; that of {taken} was taken")
            }
            Self::NoPriceOf(kind) => write!(out, "{kind} has no price"),
            Self::Variant(when) => write!(out, "prices for {when} were taken"),
            Self::VariantWithoutPrices(said) => {
                write!(out, "there are no prices for {said}; the usual ones were taken")
            }
            Self::Tier(over) => {
                write!(out, "prices for prompts of more than {over} tokens were taken")
            }
        }
    }
}

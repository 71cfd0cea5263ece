//! Fields of a route's price that mean nothing without another one, as far as a schema can know it.

use super::super::fields::Fields;
use super::{OF_BYTES, no_price};
use crate::error::{Code, Problem, Report};
use crate::source::Spot;

/// Those of which each alone says what a call costs.
const SAYS_THE_COST: [&str; 6] = [
    "usage",
    "per_call",
    "per_gigabyte_in",
    "per_gigabyte_out",
    "per_gibibyte_in",
    "per_gibibyte_out",
];

/// Fields that mean nothing without another one. Each is reported at the field that lacks the
/// other.
pub(super) fn check(fields: &Fields<'_, '_>, at: Spot, report: &mut Report<'_>) -> bool {
    let needs: [(&[&str], &[&str], &str); 4] = [
        (
            &["prices", "per_unit", "audio_per_second", "audio_per_minute", "audio_per_hour"],
            &["usage"],
            "add \"usage\": where the answer says how much was used",
        ),
        (
            &["usage"],
            &["hold"],
            "add \"hold\": the most that one call may cost, as in \"0.25\", or \"worst\"; \
             it is set aside when the call leaves, and given back when its cost is known",
        ),
        (&["hold_output_tokens"], &["hold"], "add \"hold\": \"worst\", or delete it"),
        (&["count_in_steps_of"], &OF_BYTES, "add the price of the bytes, or delete it"),
    ];
    let mut good = true;
    for (names, others, remedy) in needs {
        if others.iter().any(|other| fields.get(other).is_some()) {
            continue;
        }
        for member in names.iter().filter_map(|name| fields.member(name)) {
            good = false;
            let message = match *names {
                ["usage"] => {
                    "what a call costs is known only when its answer has gone by".to_owned()
                }
                _ => format!("\"{}\" says nothing by itself", member.name),
            };
            let expected = match others {
                [other] => format!("\"{other}\" beside it"),
                _ => "a price of bytes beside it, as \"per_gigabyte_out\"".to_owned(),
            };
            report.push(
                Problem::missing(Code::PriceForm, member.name_at, message)
                    .expected(expected)
                    .remedy(remedy),
            );
        }
    }
    let says = SAYS_THE_COST.iter().any(|name| fields.get(name).is_some());
    if good && !says && fields.is_whole() {
        report.push(no_price(at, "this route does not say what its calls cost"));
    }
    good && says
}

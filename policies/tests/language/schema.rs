//! Do the schema and the parser say the same?

use jsonschema::Validator;
use policies::{Code, PolicyErrors, SCHEMA, load};
use serde_json::Value;

use crate::cases;

/// What only the parser can know: it takes more than one place, more than one file, the calendar,
/// or the way in which something is written. The schema accepts these, which the test asserts.
const PARSER_ONLY: [&str; 49] = [
    "alert-of-unlimited",
    "alerts-that-fall",
    "billable-from-high-to-low",
    "billable-without-success",
    "budget-ends-before-it-begins",
    "budget-in-two-files",
    "budget-on-no-day",
    "budget-within-itself",
    "budget-within-unknown",
    "budgets-in-a-circle",
    "budgets-too-deep",
    "bytes-without-hold",
    "client-in-two-files",
    "client-of-an-unknown-budget",
    "client-of-an-unpriced-model",
    "client-with-models-where-there-are-none",
    "client-without-budget",
    "client-without-budget-for-unlisted",
    "expires-on-no-day",
    "field-twice",
    "hold-below-the-price",
    "hold-of-the-worst-of-units",
    "hold-of-the-worst-without-output",
    "hold-of-zero",
    "key-of-two-clients",
    "limit-twice",
    "limit-with-a-point",
    "model-of-two-prices",
    "organization-in-two-files",
    "organization-missing",
    "price-in-millionths",
    "price-list-in-two-files",
    "price-list-unknown",
    "price-of-sound-that-does-not-divide",
    "prompt-sizes-that-fall",
    "route-shadowed",
    "route-unknown",
    "route-with-braces-is-literal-but-shadowed",
    "service-in-two-files",
    "service-unknown",
    "services-empty",
    "services-missing",
    "time-zone-as-abbreviation",
    "time-zone-in-another-case",
    "time-zone-misspelt",
    "unit-price-of-what-nothing-counts",
    "usage-of-units-without-price",
    "usage-without-prices",
    "version-with-a-point",
];

/// Not JSON, so there is no document to ask the schema about.
const NO_DOCUMENT: [&str; 10] = [
    "bracket-never-closed",
    "comma-after-the-last-entry",
    "comma-missing",
    "comment",
    "curly-quotes",
    "empty-file",
    "line-break-in-a-text",
    "number-with-separator",
    "one-file-is-broken",
    "single-quotes",
];

/// The schema, ready to be asked.
pub(crate) fn validator() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Whether a mistake is of a kind that only the parser can know.
pub(crate) const fn is_parser_only(code: Code) -> bool {
    matches!(
        code,
        Code::AlertOrder
            | Code::BudgetCycle
            | Code::DateOrder
            | Code::DuplicateDigest
            | Code::DuplicateField
            | Code::DuplicateLimit
            | Code::DuplicateName
            | Code::HoldTooSmall
            | Code::Implausible
            | Code::Inexact
            | Code::MissingBudget
            | Code::MissingOrganization
            | Code::MissingServices
            | Code::NoSuchDate
            | Code::NumberForm
            | Code::PriceFit
            | Code::ShadowedRoute
            | Code::TierOrder
            | Code::TimeZone
            | Code::TooLarge
            | Code::UnknownBudget
            | Code::UnknownModel
            | Code::UnknownPrices
            | Code::UnknownRoute
            | Code::UnknownService
    )
}

/// Whether the schema should accept what the parser refused so.
pub(crate) fn only_parser_knows(errors: &PolicyErrors) -> bool {
    errors.as_slice().iter().all(|error| is_parser_only(error.code))
}

#[test]
fn the_schema_is_valid_by_its_own_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn every_sample_is_valid_by_the_schema() {
    let schema = validator();
    for file in cases("samples").iter().flat_map(|case| &case.files) {
        let document = serde_json::from_str(&file.text).unwrap();
        let errors: Vec<_> = schema.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.path);
    }
}

#[test]
fn every_mistake_that_a_schema_can_know_is_one_by_the_schema_too() {
    let schema = validator();
    for case in cases("rejected") {
        let documents: Vec<Option<Value>> =
            case.files.iter().map(|file| serde_json::from_str(&file.text).ok()).collect();
        let all_json = documents.iter().all(Option::is_some);
        let accepted = documents.iter().flatten().all(|one| schema.is_valid(one));
        let parser_only = PARSER_ONLY.contains(&case.name.as_str());
        let no_document = NO_DOCUMENT.contains(&case.name.as_str());
        if all_json {
            assert_eq!(accepted, parser_only, "{}", case.name);
            let errors = load(&case.files).unwrap_err();
            assert_eq!(only_parser_knows(&errors), parser_only, "{}", case.name);
        } else {
            assert!(no_document, "{}", case.name);
        }
    }
}

#[test]
fn the_lists_name_only_what_exists() {
    let cases = cases("rejected");
    for name in PARSER_ONLY.iter().chain(&NO_DOCUMENT) {
        assert!(cases.iter().any(|case| case.name == *name), "{name}");
    }
}

#[test]
fn every_field_of_the_schema_is_described_and_shown() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut fields = 0;
    visit(&schema, &mut |field| {
        fields += 1;
        assert!(field["description"].is_string(), "{field}");
        assert!(field["examples"].is_array(), "{field}");
    });
    assert!(fields > 30, "{fields} fields seen");
}

#[test]
fn every_example_of_the_schema_is_valid() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    visit(&schema, &mut |field| {
        let mut own = field.clone();
        own["$defs"] = schema["$defs"].clone();
        let own = jsonschema::draft202012::new(&own).unwrap();
        for example in field["examples"].as_array().unwrap() {
            assert!(own.is_valid(example), "{example} of {field}");
        }
    });
}

/// Shows every field's own schema, wherever it is written out.
fn visit(schema: &Value, see: &mut impl FnMut(&Value)) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                if let ("properties", Value::Object(fields)) = (name.as_str(), value) {
                    // The condition of an `if` names a field and describes none.
                    let written_out = |field: &&Value| {
                        field.is_object() && field.as_object().is_some_and(|f| f.len() > 1)
                    };
                    fields.values().filter(written_out).for_each(&mut *see);
                }
                visit(value, see);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| visit(entry, see)),
        _ => {}
    }
}

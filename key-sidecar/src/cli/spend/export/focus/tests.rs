use std::collections::HashMap;

use jiff::tz::TimeZone;
use ledger::money::record::Entry;
use wire::budget::Basis;
use wire::usage::Kind;

use super::super::super::amount::Money;
use super::super::super::charge::tests::{
    DECEMBER, NOVEMBER, book, corrected, presumed, settled, settlement,
};
use super::super::lines::tests::prices;
use super::*;

type Record = HashMap<String, String>;

fn export(entries: &[Entry], zone: &str, grain: Grain) -> Vec<Record> {
    let issuer = Issuer {
        organization: "acme".into(),
        currency: "USD".into(),
        calendar: Calendar::new(TimeZone::get(zone).unwrap()),
    };
    let (book, prices) = (book(), prices());
    let mut bytes = Vec::new();
    let mut focus = Focus::new(&mut bytes, issuer, grain).unwrap();
    for entry in entries {
        focus.add(&book.charge(entry).unwrap(), &prices).unwrap();
    }
    focus.finish().unwrap();
    csv::Reader::from_reader(bytes.as_slice()).deserialize().map(Result::unwrap).collect()
}

/// Decimal text as a whole number of 10^-48, the finest that a price and a gibibyte make.
fn exactly(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{whole}{fraction:0<21}");
    sign * padded.parse::<i128>().unwrap()
}

fn entries() -> Vec<Entry> {
    let mut held = settlement(640_000, &[]);
    held.basis = Basis::Reserve;
    vec![
        settled(1, NOVEMBER + 1, settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)])),
        settled(2, NOVEMBER + 2, settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)])),
        settled(3, NOVEMBER + 3, held),
        presumed(4, NOVEMBER + 4, 5_000),
        corrected(5, DECEMBER + 86_400_000, -1_500, "=refund"),
    ]
}

#[test]
fn billed_costs_add_up_to_the_ledger_to_the_last_digit() {
    let rows = export(&entries(), "UTC", Grain::Day);
    let billed: i128 = rows.iter().map(|row| exactly(&row["BilledCost"])).sum();
    let ledger = Money(61 + 61 + 640_000 + 5_000 - 1_500);
    assert_eq!(billed, exactly(&ledger.to_string()));
    let calls: u64 = rows.iter().map(|row| row["x_RequestCount"].parse::<u64>().unwrap()).sum();
    assert_eq!(calls, 3);
}

#[test]
fn a_usage_row_is_price_times_quantity() {
    let rows = export(&entries(), "UTC", Grain::Day);
    let kinds: Vec<_> = rows.iter().map(|row| row["x_Kind"].as_str()).collect();
    assert_eq!(kinds, ["presumed", "input", "output", "reserve", "rounding", "correction"]);
    let input = &rows[1];
    for (column, value) in [
        ("PricingQuantity", "0.000002"),
        ("PricingUnit", "1000000 Tokens"),
        ("ListUnitPrice", "0.02"),
        ("ListCost", "0.00000004"),
        ("ConsumedQuantity", "2"),
        ("ConsumedUnit", "Tokens"),
        ("ChargeCategory", "Usage"),
        ("ChargeClass", ""),
        ("ServiceCategory", "AI and Machine Learning"),
        ("SkuMeter", "Input tokens"),
        ("SubAccountId", "search-team"),
        ("x_BudgetPath", "acme/search-team"),
        ("x_Client", "checkout-api"),
        ("Tags", r#"{"budget":"acme/search-team","client":"checkout-api"}"#),
    ] {
        assert_eq!(input[column], value, "{column}");
    }
    assert_eq!(rows[3]["x_EstimatedCost"], "0.00064");
}

#[test]
fn a_late_correction_is_of_the_period_that_it_corrects_and_no_formula() {
    let rows = export(&entries(), "UTC", Grain::Day);
    let row = &rows[5];
    for (column, value) in [
        ("ChargeCategory", "Adjustment"),
        ("ChargeClass", "Correction"),
        ("BilledCost", "-0.0000015"),
        ("BillingPeriodStart", "2026-11-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-12-01T00:00:00Z"),
        ("ChargePeriodStart", "2026-11-30T00:00:00Z"),
        ("ChargeDescription", "entry 5, corrected by ada: =refund"),
        ("PricingQuantity", ""),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
}

#[test]
fn no_row_crosses_a_billing_period() {
    // The ends of days, hours and of November in a zone whose month begins in the middle of an
    // hour, UTC.
    let calls: Vec<_> = (0..90)
        .map(|step| {
            let ended = DECEMBER - 86_400_000 + step * 1_800_000 - 1;
            settled(step + 1, ended, settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)]))
        })
        .collect();
    for zone in ["Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12", "UTC"] {
        for grain in [Grain::Hour, Grain::Day] {
            for row in export(&calls, zone, grain) {
                let starts = &row["ChargePeriodStart"];
                let ends = &row["ChargePeriodEnd"];
                assert!(row["BillingPeriodStart"] <= *starts && starts < ends, "{zone} {row:?}");
                assert!(*ends <= row["BillingPeriodEnd"], "{zone} {row:?}");
            }
        }
    }
}

#[test]
fn every_row_has_what_focus_demands() {
    const NEVER_NULL: [&str; 18] = [
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeDescription",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ContractedCost",
        "EffectiveCost",
        "InvoiceIssuerName",
        "ListCost",
        "ProviderName",
        "PublisherName",
        "ServiceCategory",
        "ServiceName",
    ];
    for row in export(&entries(), "America/New_York", Grain::Hour) {
        for column in NEVER_NULL {
            assert!(!row[column].is_empty(), "{column} of {row:?}");
        }
        if row["ChargeCategory"] == "Usage" {
            for column in ["PricingQuantity", "PricingUnit", "ListUnitPrice", "SkuPriceId"] {
                assert!(!row[column].is_empty(), "{column} of {row:?}");
            }
        }
    }
    let ours = COLUMNS.iter().position(|column| column.starts_with("x_")).unwrap();
    assert!(COLUMNS[ours..].iter().all(|column| column.starts_with("x_")), "ours are last");
}

//! The chargeback file: who used what, and what it cost, in plain columns for a cost centre.
//!
//! One row for each period of a budget, client, service, model and kind. Quantities are in the unit
//! that is counted, costs to the last digit, and their sum is the ledger's.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use wire::ids::{BudgetName, ClientName, ServiceName};

use super::super::charge::{Book, Charge, Spent};
use super::lines::{Item, lines};
use super::prices::Prices;
use super::rows::Rows;
use super::sheet::{Sheet, text};
use super::unit::{counted, quantity};

const COLUMNS: [&str; 11] = [
    "period", "budget", "owner", "client", "service", "model", "kind", "quantity", "unit", "cost",
    "currency",
];

/// What tells rows apart.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    period: Arc<str>,
    path: String,
    budget: Option<BudgetName>,
    client: Option<ClientName>,
    service: Option<ServiceName>,
    model: Option<Arc<str>>,
    kind: String,
    unit: &'static str,
}

/// A chargeback file that is being written.
#[derive(Debug)]
pub(super) struct Chargeback<W: Write> {
    sheet: Sheet<W>,
    rows: Rows<Key>,
    owners: HashMap<BudgetName, Arc<str>>,
    currency: Arc<str>,
}

impl<W: Write> Chargeback<W> {
    pub(super) fn new(
        out: W,
        currency: Arc<str>,
        owners: HashMap<BudgetName, Arc<str>>,
    ) -> io::Result<Self> {
        Ok(Self { sheet: Sheet::new(out, COLUMNS)?, rows: Rows::new(), owners, currency })
    }

    pub(super) fn add(&mut self, charge: &Charge<'_>, prices: &Prices) -> io::Result<()> {
        let too_large = || io::Error::other("an amount is larger than any ledger holds");
        for line in lines(charge, prices).ok_or_else(too_large)? {
            self.rows.add(key(charge, line.item), &line).ok_or_else(too_large)?;
        }
        for (key, row) in self.rows.overflow() {
            self.write(&key, row)?;
        }
        Ok(())
    }

    /// Ends the file; says how many rows it has.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let rows = std::mem::replace(&mut self.rows, Rows::new());
        for (key, row) in rows.finish() {
            self.write(&key, row)?;
        }
        self.sheet.finish()
    }

    fn write(&mut self, key: &Key, row: super::rows::Row) -> io::Result<()> {
        let owner = key.budget.as_ref().and_then(|budget| self.owners.get(budget));
        let (quantity, cost) = match key.unit {
            "" => (String::new(), row.cost.to_string()),
            "Requests" if row.micros == 0 => (row.calls.to_string(), row.cost.to_string()),
            _ => (quantity(row.micros), row.cost.to_string()),
        };
        self.sheet.row([
            &*key.period,
            &key.path,
            &owner.map(|owner| text(owner)).unwrap_or_default(),
            key.client.as_ref().map_or("", |client| client.as_str()),
            key.service.as_ref().map_or("", |service| service.as_str()),
            &key.model.as_deref().map(text).unwrap_or_default(),
            &text(&key.kind),
            &quantity,
            key.unit,
            &cost,
            &self.currency,
        ])
    }
}

fn key(charge: &Charge<'_>, item: Item) -> Key {
    let call = charge.call();
    Key {
        period: charge.accounts.first().map_or_else(|| "".into(), |(_, period)| period.clone()),
        path: Book::path(charge.accounts),
        budget: charge.budget().cloned(),
        client: call.map(|call| call.client.clone()),
        service: call.map(|call| call.service.clone()),
        model: call.and_then(|call| call.model.clone()),
        kind: match charge.what {
            Spent::Corrected { who, why, .. } => {
                format!("correction {} by {who}: {why}", charge.number)
            }
            _ => item.word().to_owned(),
        },
        unit: match item {
            Item::Metered { kind, .. } => counted(kind),
            Item::ProviderCost | Item::Reserve | Item::Unsplit => "Requests",
            Item::Rounding | Item::Presumed | Item::Correction(_) => "",
        },
    }
}

#[cfg(test)]
mod tests {
    use wire::budget::Basis;
    use wire::usage::Kind;

    use super::super::super::charge::tests::{
        NOVEMBER, book, budget, corrected, presumed, settled, settlement,
    };
    use super::super::lines::tests::prices;
    use super::*;

    #[test]
    fn a_bill_names_budget_owner_kind_and_what_is_no_call() {
        let mut held = settlement(640_000, &[]);
        (held.basis, held.calls) = (Basis::Reserve, 2);
        held.model = Some("=cmd|' /C calc'!A0".into());
        let entries = [
            settled(1, NOVEMBER, settlement(61, &[(Kind::Input, 1), (Kind::Output, 1)])),
            settled(2, NOVEMBER, held),
            presumed(3, NOVEMBER, 5),
            corrected(4, NOVEMBER, -7, "two calls of a test"),
        ];
        let owners = HashMap::from([(budget("search-team"), Arc::from("lead@acme.example"))]);
        let (book, prices) = (book(), prices());
        let mut bytes = Vec::new();
        let mut file = Chargeback::new(&mut bytes, "USD".into(), owners).unwrap();
        for entry in &entries {
            file.add(&book.charge(entry).unwrap(), &prices).unwrap();
        }
        assert_eq!(file.finish().unwrap(), 6);
        let start = "2026-11,acme/search-team,lead@acme.example";
        assert_eq!(
            String::from_utf8(bytes).unwrap().lines().collect::<Vec<_>>(),
            [
                "period,budget,owner,client,service,model,kind,quantity,unit,cost,currency",
                &format!("{start},,,,correction 4 by ada: two calls of a test,,,-0.000000007,USD"),
                &format!("{start},,,,presumed,,,0.000000005,USD"),
                &format!(
                    "{start},checkout-api,openai,'=cmd|' /C calc'!A0,reserve,2,Requests,0.00064,USD"
                ),
                &format!("{start},checkout-api,openai,gpt-5-mini,input,1,Tokens,0.00000002,USD"),
                &format!("{start},checkout-api,openai,gpt-5-mini,output,1,Tokens,0.0000000405,USD"),
                &format!("{start},checkout-api,openai,gpt-5-mini,rounding,,,0.0000000005,USD"),
            ]
        );
    }
}

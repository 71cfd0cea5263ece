//! What the contract is asked through: a ledger, the store beside it, a clock, and short words.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::money::command::{Command, Correction, Definition, Period, Refusal, Reply, Sync};
use ledger::money::record::What;
use ledger::money::{Fault, MoneyLedger};
use wire::budget::{Basis, MoneyAnswer, MoneyLine, MoneyWhy, Settlement, Term};
use wire::ids::{BudgetName, ClientName, HolderId, ServiceName};
use wire::limit::Mode;
use wire::money::Nanos;
use wire::units::{Millis, UnixMillis};

use super::replica::Replica;

/// How long the months of these tests are.
pub(crate) const MONTH: u64 = 1_000_000_000;

pub(crate) struct Desk {
    pub(crate) ledger: MoneyLedger,
    pub(crate) store: Replica,
    pub(crate) now: u64,
    pub(crate) faults: Vec<Fault>,
    sequences: BTreeMap<u128, u64>,
}

pub(crate) fn name(text: &str) -> BudgetName {
    BudgetName::parse(text).unwrap()
}

/// A budget with the months 2026-11 and 2026-12.
pub(crate) fn budget(own: &str, within: Option<&str>, cap: Option<u64>) -> Definition {
    Definition {
        name: name(own),
        within: within.map(name),
        owner: Arc::from("owner"),
        cap: cap.map(Nanos),
        mode: Mode::Enforce,
        periods: vec![period("2026-11", 0, MONTH), period("2026-12", MONTH, 2 * MONTH)],
    }
}

pub(crate) fn period(label: &str, starts: u64, ends: u64) -> Period {
    let [starts, ends] = [starts, ends].map(UnixMillis);
    Period { label: Arc::from(label), starts, ends: Some(ends) }
}

/// `team` within `acme`.
pub(crate) fn tree(acme: u64, team: u64) -> Vec<Definition> {
    vec![budget("acme", None, Some(acme)), budget("team", Some("acme"), Some(team))]
}

pub(crate) fn wish(budget: &str, wants: u64, least: u64) -> MoneyLine {
    let [wants, least] = [wants, least].map(Nanos);
    MoneyLine { budget: name(budget), term: None, returned: Nanos::ZERO, wants, least }
}

pub(crate) fn settlement(budget: &str, term: u64, cost: u64) -> Settlement {
    Settlement {
        budget: name(budget),
        term: Term(term),
        client: ClientName::parse("client").unwrap(),
        service: ServiceName::parse("service").unwrap(),
        route: Arc::from("POST /v1/things"),
        model: None,
        calls: 1,
        cost: Nanos(cost),
        hold: Nanos(cost),
        basis: Basis::Flat,
        counts: Vec::new(),
        prices: None,
        status: 200,
        upstream_id: None,
        ago_ms: Millis(7),
    }
}

pub(crate) fn correction(id: &str, budget: &str, period: Option<&str>, amount: i64) -> Correction {
    Correction {
        id: Arc::from(id),
        budget: name(budget),
        period: period.map(Arc::from),
        amount,
        who: Arc::from("ann"),
        why: Arc::from("invoice"),
    }
}

impl Desk {
    pub(crate) fn new(budgets: Vec<Definition>) -> Self {
        let mut desk = Self {
            ledger: MoneyLedger::new(),
            store: Replica::default(),
            now: 1_000,
            faults: Vec::new(),
            sequences: BTreeMap::new(),
        };
        desk.define(budgets);
        desk
    }

    /// Applies it and stores what changed. What is stored is what the ledger is.
    pub(crate) fn apply(&mut self, command: Command) -> Reply {
        let outcome = self.ledger.apply(command, UnixMillis(self.now));
        if let Reply::Refused(_) = outcome.reply {
            assert_eq!(outcome.changes, [], "a refusal changes nothing");
        }
        self.store.store(&outcome.changes);
        self.faults.extend(outcome.faults);
        assert_eq!(self.store.image(), self.ledger.image());
        outcome.reply
    }

    pub(crate) fn define(&mut self, budgets: Vec<Definition>) {
        self.apply(Command::Define { budgets, by: Arc::from("policy") });
    }

    /// The process dies and starts again, with the same policy.
    pub(crate) fn restart(&mut self, budgets: Vec<Definition>) {
        self.ledger = MoneyLedger::load(self.store.image(), UnixMillis(self.now)).unwrap();
        self.define(budgets);
    }

    pub(crate) fn sync(&mut self, sync: Sync) -> Result<Vec<MoneyAnswer>, Refusal> {
        match self.apply(Command::Sync(sync)) {
            Reply::Synced(answers) => Ok(answers),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// A holder's next request.
    pub(crate) fn says(
        &mut self,
        holder: u128,
        lines: Vec<MoneyLine>,
        settlements: Vec<Settlement>,
    ) -> Vec<MoneyAnswer> {
        let sequence = self.sequences.entry(holder).or_default();
        *sequence += 1;
        let holder = HolderId(holder);
        let sync = Sync { holder, sequence: *sequence, lines, settlements };
        self.sync(sync).unwrap()
    }

    /// A holder wants an amount, for one call.
    pub(crate) fn wants(&mut self, holder: u128, budget: &str, amount: u64) -> MoneyAnswer {
        self.says(holder, vec![wish(budget, amount, amount)], Vec::new()).remove(0)
    }

    /// A holder is lent an amount. Tells the term.
    pub(crate) fn lent(&mut self, holder: u128, budget: &str, amount: u64) -> u64 {
        let answer = self.wants(holder, budget, amount);
        assert_eq!(answer.gets, Nanos(amount), "{:?}", answer.short);
        answer.term.unwrap().0
    }

    pub(crate) fn settles(&mut self, holder: u128, budget: &str, term: u64, cost: u64) {
        self.says(holder, Vec::new(), vec![settlement(budget, term, cost)]);
    }

    pub(crate) fn returns(&mut self, holder: u128, budget: &str, term: u64, amount: u64) {
        let term = Some(Term(term));
        let line = MoneyLine { term, returned: Nanos(amount), ..wish(budget, 0, 0) };
        self.says(holder, vec![line], Vec::new());
    }

    pub(crate) fn corrects(&mut self, correction: Correction) -> Result<u64, Refusal> {
        match self.apply(Command::Correct(correction)) {
            Reply::Corrected(entry) => Ok(entry),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Settled, presumed, corrected, reserved.
    pub(crate) fn figures(&self, budget: &str, period: &str) -> (u64, u64, i64, u64) {
        let account = self.ledger.account(&name(budget), &Arc::from(period)).unwrap();
        (account.settled.0, account.presumed.0, account.corrected, account.reserved.0)
    }

    pub(crate) fn november(&self, budget: &str) -> (u64, u64, i64, u64) {
        self.figures(budget, "2026-11")
    }

    pub(crate) fn last_entry(&self) -> &What {
        &self.store.entries.last().unwrap().what
    }
}

/// Why there was less than was needed, and the budget that is named.
pub(crate) fn why(answer: &MoneyAnswer) -> (MoneyWhy, &str) {
    let short = answer.short.as_ref().unwrap();
    (short.why, short.refused_by.as_ref().map_or("", |view| view.budget.as_str()))
}

//! Does a cap that was changed in a file count within a second, without a restart?

use std::time::Duration;

use wire::budget::MoneyWhy;
use wire::money::Nanos;

use crate::holder::Holder;
use crate::serving::Serving;
use crate::wait::until;

const CENT: u64 = 10_000_000;

#[test]
fn a_raised_cap_counts_within_a_second_and_a_lowered_one_too() {
    let serving = Serving::with_cap("0.10");
    let mut holder = Holder::new(1);
    let lent = serving.sync(&holder.want("team", 10 * CENT));
    holder.take(&lent.money);
    let answers = serving.sync(&holder.settle("team", 10 * CENT, CENT)).money;
    let short = answers[0].short.as_ref().unwrap();
    assert_eq!(short.why, MoneyWhy::Spent);
    assert_eq!(short.refused_by.as_ref().unwrap().cap, Nanos(10 * CENT));

    serving.write_cap("0.20");
    until(Duration::from_secs(1), || {
        let answers = serving.sync(&holder.want("team", CENT)).money;
        (answers[0].gets == Nanos(CENT)).then_some(())
    });

    serving.write_cap("0.05");
    until(Duration::from_secs(1), || {
        let answers = serving.sync(&holder.want("team", CENT)).money;
        let cap = answers[0].short.as_ref()?.refused_by.as_ref()?.cap;
        (cap == Nanos(5 * CENT)).then_some(())
    });
    assert_eq!(serving.account("team").settled, Nanos(10 * CENT));
}

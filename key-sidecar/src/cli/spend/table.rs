//! Tables for finance: words to the left, figures to the right, money with its points in line.
//!
//! A column of money has one number of decimal places, the most that any of its amounts needs, so
//! that nothing is rounded and everything is comparable at a glance. Neighbour: `output` prints.

use super::amount::Money;

/// A column and its cells.
#[derive(Clone, Debug)]
pub(super) struct Column {
    heading: &'static str,
    cells: Vec<String>,
    figures: bool,
}

impl Column {
    /// Words.
    pub(super) fn words(
        heading: &'static str,
        cells: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { heading, cells: cells.into_iter().map(Into::into).collect(), figures: false }
    }

    /// Counts and shares.
    pub(super) fn figures(
        heading: &'static str,
        cells: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { figures: true, ..Self::words(heading, cells) }
    }

    /// Amounts; `None` is told by the word, as in "unlimited".
    pub(super) fn money(
        heading: &'static str,
        amounts: impl IntoIterator<Item = Option<Money>>,
        none: &str,
    ) -> Self {
        let amounts: Vec<_> = amounts.into_iter().collect();
        let places = amounts.iter().flatten().map(|amount| amount.places()).max().unwrap_or(2);
        let cell = |amount: Option<Money>| match amount {
            Some(amount) => amount.with_places(places),
            None => none.to_owned(),
        };
        Self::figures(heading, amounts.into_iter().map(cell))
    }

    /// With one more cell.
    pub(super) fn and(mut self, cell: &str) -> Self {
        self.cells.push(cell.to_owned());
        self
    }

    fn lines(self) -> Vec<String> {
        let (heading, figures) = (self.heading.to_owned(), self.figures);
        let lines: Vec<_> = std::iter::once(heading).chain(self.cells).collect();
        let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let align = |line: String| match figures {
            true => format!("{line:>width$}"),
            false => format!("{line:width$}"),
        };
        lines.into_iter().map(align).collect()
    }
}

/// The columns side by side, the heading first.
pub(super) fn table(columns: Vec<Column>) -> String {
    let columns: Vec<Vec<String>> = columns.into_iter().map(Column::lines).collect();
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let line = |row: usize| {
        let cells = columns.iter().filter_map(|column| column.get(row).map(String::as_str));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..rows).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_of_a_column_of_money_are_in_line() {
        let amounts = ["5000", "0.0137", "-12.5"].map(|text| Money::parse(text).ok());
        let columns = vec![
            Column::words("BUDGET", ["acme", "é", "x", "y"]),
            Column::money("SPENT", amounts.into_iter().chain([None]), "unlimited"),
        ];
        assert_eq!(
            table(columns),
            "BUDGET      SPENT\n\
             acme    5000.0000\n\
             é          0.0137\n\
             x        -12.5000\n\
             y       unlimited"
        );
    }
}

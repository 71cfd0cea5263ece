//! CSV that a spreadsheet may open: a cell of text is never taken for a formula.
//!
//! Models are named by upstreams and reasons by people, and a spreadsheet runs what begins with `=`.
//! Such a cell gets an apostrophe before it, which spreadsheets show as text. Figures are ours and
//! stay as they are, also negative ones.

use std::io::{self, Write};

/// A CSV file that is being written.
#[derive(Debug)]
pub(super) struct Sheet<W: Write> {
    out: csv::Writer<W>,
    rows: u64,
}

impl<W: Write> Sheet<W> {
    pub(super) fn new<'h>(out: W, heading: impl IntoIterator<Item = &'h str>) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(heading).map_err(plain)?;
        Ok(Self { out, rows: 0 })
    }

    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        self.out.write_record(cells).map_err(plain)?;
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// Ends the file; says how many rows it has.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.rows)
    }
}

/// The system's own error, so that a closed pipe is known for what it is.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Text that somebody else wrote.
pub(super) fn text(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for bad in ["=1+1", "+1", "-cmd", "@sum", "\t=1", "\r=1"] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        assert_eq!(text("gpt-5=mini"), "gpt-5=mini");
    }

    #[test]
    fn commas_quotes_and_lines_stay_in_their_cell() {
        let mut bytes = Vec::new();
        let mut sheet = Sheet::new(&mut bytes, ["a", "b"]).unwrap();
        sheet.row(["x,\"y\"", "1\n2"]).unwrap();
        assert_eq!(sheet.finish().unwrap(), 1);
        assert_eq!(String::from_utf8(bytes).unwrap(), "a,b\n\"x,\"\"y\"\"\",\"1\n2\"\n");
    }
}

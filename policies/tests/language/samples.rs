//! Does every documented example work?

use policies::load;

use crate::cases;

#[test]
fn every_sample_loads() {
    for case in cases("samples") {
        if let Err(errors) = load(&case.files) {
            panic!("{}\n{errors}", case.path.display());
        }
    }
}

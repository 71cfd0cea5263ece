//! How deep the brackets nest, measured without recursion, before anything that recurses sees them.
//!
//! Up to the first syntax error this reads strings and brackets exactly as the parsers do, and
//! behind the first error they read nothing.

use crate::bounds::DEPTH_MAX;
use crate::error::{Code, Problem};
use crate::source::Spot;

pub(super) fn check(file: usize, text: &str) -> Result<(), Box<Problem>> {
    let mut depth = 0usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return Err(Box::new(too_deep(Spot::new(
                        file,
                        place,
                        place.saturating_add(1),
                    ))));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

fn too_deep(at: Spot) -> Problem {
    Problem::new(Code::TooDeep, at, "brackets are nested deeper than any policy needs")
        .expected(format!("at most {DEPTH_MAX} brackets inside each other"))
        .remedy("look for a bracket that is not closed before this one")
}

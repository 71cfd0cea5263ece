//! The policy language: JSON files to a checked [`Policy`], or to all that is wrong with them.
//!
//! The way of a file: [`read_directory`] → `document` (text to a tree that knows its places) →
//! `validate` (tree to checked parts, every mistake reported) → `policy` (what the sidecar asks). A
//! policy with one mistake is no policy: [`load`] gives either. `schema/policy.schema.json` says
//! the same to editors, and a test holds the two together. Neighbours: `wire` owns names, routes
//! and limits, which mean the same here and in the filter.

mod bounds;
mod document;
mod error;
mod near;
mod policy;
mod read;
mod source;
mod validate;

pub use error::{Code, Other, Place, PolicyError, PolicyErrors};
pub use policy::{
    Budget, BudgetPeriod, BudgetPlan, Client, Every, MonthDay, Organization, Policy, Prices,
    Service, Span,
};
pub use read::{ReadError, read_directory};
pub use source::SourceFile;

use error::Report;
use wire::ids::PolicyVersion;

/// The JSON Schema of one policy file (draft 2020-12), for editors and for who publishes it.
pub const SCHEMA: &str = include_str!("../schema/policy.schema.json");

/// Reads the files together as one policy.
///
/// # Errors
/// Every mistake of every file, sorted by file and place. A file that is not JSON is one mistake,
/// and what it may have held is not counted as missing.
pub fn load(files: &[SourceFile]) -> Result<Policy, PolicyErrors> {
    let sources = source::sorted(files);
    let mut report = Report::new(&sources);
    let documents = document::parse_all(&sources, &mut report);
    let parts = validate::validate(&documents, documents.len() == sources.len(), &mut report);
    let policy = policy::compile(parts, policy::version(&sources), &mut report);
    match (policy, report.finish()) {
        (Some(policy), None) => Ok(policy),
        (_, Some(errors)) => Err(errors),
        (None, None) => Err(PolicyErrors::unexplained()),
    }
}

/// Which version the files are together, whether or not they check: the same as
/// [`Policy::version`].
#[must_use]
pub fn version_of(files: &[SourceFile]) -> Option<PolicyVersion> {
    policy::version(&source::sorted(files))
}

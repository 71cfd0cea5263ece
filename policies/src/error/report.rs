//! Gathers problems while a policy is checked, and turns them into errors with lines at the end.
//!
//! While checking, a place is three numbers; `places` finds its line at the end.

use std::borrow::Cow;

use super::places::Places;
use super::redact::mask;
use super::{Code, Other, Place, PolicyError, PolicyErrors};
use crate::bounds::ERRORS_MAX;
use crate::near::Near;
use crate::source::{SourceFile, Spot};

/// A mistake whose place is not yet a line.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    at: Option<Spot>,
    /// Whether what stands at the place is the wrong value itself.
    is_value: bool,
    message: Cow<'static, str>,
    expected: Cow<'static, str>,
    remedy: Cow<'static, str>,
    near: Option<String>,
    other: Option<(Spot, &'static str)>,
}

impl Problem {
    pub(crate) fn new(code: Code, at: Spot, message: impl Into<Cow<'static, str>>) -> Self {
        Self { at: Some(at), is_value: true, ..Self::nowhere(code, message) }
    }

    /// One that concerns no file in particular.
    pub(crate) fn nowhere(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            at: None,
            is_value: false,
            message: message.into(),
            expected: Cow::Borrowed(""),
            remedy: Cow::Borrowed(""),
            near: None,
            other: None,
        }
    }

    /// One about what is not there: the place is that of the thing that lacks it.
    pub(crate) fn missing(code: Code, at: Spot, message: impl Into<Cow<'static, str>>) -> Self {
        Self { is_value: false, ..Self::new(code, at, message) }
    }

    pub(crate) fn expected(mut self, expected: impl Into<Cow<'static, str>>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The name that was probably meant. One that looks like a key is not repeated: it may be made
    /// of what was written.
    pub(crate) fn near(mut self, near: Option<&str>) -> Self {
        let harmless = near.filter(|name| mask(name) == **name);
        self.near = harmless.map(str::to_owned);
        self
    }

    pub(crate) const fn other(mut self, at: Spot, is: &'static str) -> Self {
        self.other = Some((at, is));
        self
    }

    pub(super) fn placed(
        self,
        place: Option<Place>,
        value: Option<String>,
        other: Option<Other>,
    ) -> PolicyError {
        PolicyError {
            code: self.code,
            place,
            message: self.message.into_owned(),
            value,
            expected: self.expected.into_owned(),
            remedy: self.remedy.into_owned(),
            near: self.near,
            other,
        }
    }
}

/// All problems so far.
#[derive(Debug)]
pub(crate) struct Report<'s> {
    sources: &'s [&'s SourceFile],
    problems: Vec<Problem>,
    left_out: usize,
    /// What no error may show, whichever it is about.
    hidden: Vec<Spot>,
    near: Near,
}

impl<'s> Report<'s> {
    pub(crate) const fn new(sources: &'s [&'s SourceFile]) -> Self {
        Self { sources, problems: Vec::new(), left_out: 0, hidden: Vec::new(), near: Near::new() }
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        if self.problems.len() < ERRORS_MAX {
            self.problems.push(problem);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The candidate that was probably meant.
    pub(crate) fn nearest<'c>(
        &mut self,
        written: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        match self.problems.len() < ERRORS_MAX {
            true => self.near.find(written, candidates),
            false => None,
        }
    }

    /// Never shows what stands at this place.
    pub(crate) fn hide(&mut self, at: Spot) {
        self.hidden.push(at);
    }

    pub(crate) const fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The errors, sorted, if there are any.
    pub(crate) fn finish(mut self) -> Option<PolicyErrors> {
        if self.problems.is_empty() {
            return None;
        }
        self.problems.sort_by_key(|problem| problem.at);
        self.hidden.sort_unstable();
        let mut places = Places::new(self.sources, &self.hidden);
        let errors = self.problems.into_iter().map(|problem| {
            let place = problem.at.map(|at| places.place(at));
            let quoted = problem.at.filter(|_| problem.is_value);
            let value = quoted.and_then(|at| places.value(at));
            let other = problem.other.map(|(at, is)| Other { place: places.place(at), is });
            problem.placed(place, value, other)
        });
        Some(PolicyErrors { errors: errors.collect(), left_out: self.left_out })
    }
}

//! The loop of the desk: take what lies there, book it as one, answer all.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use ledger::money::command::Command;

use super::books::Books;
use super::{Job, Shared};
use crate::metrics::MoneyMetrics;

/// The most commands in one transaction: what a busy disk gathers in some milliseconds.
const GROUP_MAX: usize = 512;

/// The thread's own.
pub(super) struct Loop {
    waiting: Receiver<Job>,
    books: Books,
    shared: Arc<Shared>,
    metrics: MoneyMetrics,
    /// How many commands the next group may have. After a failure it is one, and doubles from there: if
    /// it was one command that the store does not take, that one fails alone.
    group_max: usize,
}

impl Loop {
    pub(super) const fn new(
        waiting: Receiver<Job>,
        books: Books,
        shared: Arc<Shared>,
        metrics: MoneyMetrics,
    ) -> Self {
        Self { waiting, books, shared, metrics, group_max: GROUP_MAX }
    }

    /// Serves until the last caller is gone, or one says that it is time.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.waiting.recv() {
            if self.serve(first) {
                return;
            }
        }
    }

    /// Books a group. Whether it was the last.
    fn serve(&mut self, first: Job) -> bool {
        let (mut commands, mut answers) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        let mut last = false;
        while let Some(job) = next {
            match job {
                Job::Look => commands.push(Command::Expire),
                // What comes after it is too late: its sender hears that the desk is closed.
                Job::Close => last = true,
                Job::Book { command, answer } => {
                    answers.push((commands.len(), answer));
                    commands.push(command);
                }
            }
            let full = last || commands.len() >= self.group_max;
            next = if full { None } else { self.waiting.try_recv().ok() };
        }
        if let Some(budgets) = self.shared.take_budgets() {
            self.books.define(budgets);
        }
        if !answers.is_empty() {
            self.metrics.observe_group(answers.len());
        }
        match self.books.book(commands) {
            Ok(replies) => {
                self.group_max = self.group_max.saturating_mul(2).min(GROUP_MAX);
                let mut replies: Vec<_> = replies.into_iter().map(Some).collect();
                for (place, answer) in answers {
                    if let Some(reply) = replies.get_mut(place).and_then(Option::take) {
                        // A caller that has gone away repeats its request.
                        let _ = answer.send(Ok(reply));
                    }
                }
            }
            Err(error) => {
                self.group_max = 1;
                for (_, answer) in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
        last
    }
}

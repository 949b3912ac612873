//! Statements for many rows at once: a commit costs as much for a hundred rows as for one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::Error;

/// The most rows of one statement.
const LIMIT: usize = 200;

/// Lets tasks that ask for the same at the same time ask together.
///
/// Nobody waits for others to come: whoever finds no batch under way leads the next one, and takes
/// along all who have come meanwhile.
#[derive(Debug)]
pub(crate) struct Together<Question, Answer> {
    waiting: Mutex<VecDeque<Waiting<Question, Answer>>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting<Question, Answer> {
    question: Question,
    reply: oneshot::Sender<Answer>,
}

impl<Question, Answer> Together<Question, Answer> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(VecDeque::new()),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Asks a question with others. `ask` answers all questions that it is given, in their order.
    ///
    /// Returns `None` when the batch failed: then each asks alone, so that nobody suffers for
    /// another's row, and each learns its own error.
    pub(crate) async fn ask(
        &self,
        question: Question,
        ask: impl AsyncFnOnce(Vec<Question>) -> Result<Vec<Answer>, Error>,
    ) -> Option<Answer> {
        let (reply, mut answer) = oneshot::channel();
        self.lock().push_back(Waiting { question, reply });
        tokio::select! {
            biased;
            answer = &mut answer => return answer.ok(),
            _turn = self.turn.lock() => self.lead(ask).await,
        }
        answer.await.ok()
    }

    /// Asks for the first of those who wait, oneself among them unless somebody was faster.
    async fn lead(&self, ask: impl AsyncFnOnce(Vec<Question>) -> Result<Vec<Answer>, Error>) {
        let (questions, replies): (Vec<_>, Vec<_>) = {
            let mut waiting = self.lock();
            let batch = waiting.len().min(LIMIT);
            let batch = waiting.drain(..batch);
            batch.map(|one| (one.question, one.reply)).unzip()
        };
        match ask(questions).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Who has gone does not need it.
                    let _ = reply.send(answer);
                }
            }
            // Dropping the replies tells everybody.
            Err(error) => tracing::debug!(%error, "a batch failed; its rows are tried alone"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting<Question, Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_a_batch_runs_is_in_the_next_one_and_gets_its_own_answer() {
        let together = Arc::new(Together::<usize, usize>::new());
        let batches = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let ask = |number: usize| {
            let (together, batches, gate) = (together.clone(), batches.clone(), gate.clone());
            tokio::spawn(async move {
                let answered = together.ask(number, async |questions: Vec<usize>| {
                    if batches.fetch_add(1, Ordering::SeqCst) == 0 {
                        gate.notified().await;
                    }
                    Ok(questions.into_iter().map(|question| question * 2).collect())
                });
                answered.await
            })
        };
        let first = ask(0);
        while batches.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (1..=100).map(ask).collect();
        while together.lock().len() < 100 {
            tokio::task::yield_now().await;
        }

        gate.notify_one();

        assert_eq!(first.await.unwrap(), Some(0));
        for (index, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.unwrap(), Some((index + 1) * 2));
        }
        assert_eq!(batches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failed_batch_leaves_each_to_itself() {
        let together = Together::<(), ()>::new();

        let answer = together.ask((), async |_| Err(Error::Corrupt("row"))).await;

        assert_eq!(answer, None);
    }
}

//! Answers first: rotations begin no faster than their answers are kept.
//!
//! An answer exists only in memory until a sink has it, and a process that is busy beginning
//! hundreds of other rotations has no time for it. So only a few begin at the same time, and none
//! while answers queue for the sinks. Requests under way are not limited here: a provider that takes
//! its time holds up nobody.

use std::num::NonZeroU16;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// For whom a rotation begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    /// The scheduler, ahead of time.
    Schedule,
    /// Somebody who waits for the token, and not behind a backlog of jobs.
    Caller,
}

/// The right to take the next step towards sending a token, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// An answer on its way into the sinks, until it is dropped.
#[derive(Debug)]
pub(crate) struct AnswerInHand<'a>(&'a watch::Sender<usize>);

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Turns {
    schedule: Arc<Semaphore>,
    callers: Arc<Semaphore>,
    sending: Arc<Semaphore>,
    answers: watch::Sender<usize>,
    /// With so many answers on their way into the sinks, nothing begins.
    too_many_answers: usize,
}

impl Turns {
    /// Lets `at_once` rotations be leased at the same time for each [`Asker`], and as many prepare to
    /// be sent, while fewer than half as many answers are in hand. Fewer share their statements with
    /// too few others, more make answers wait.
    pub(crate) fn new(at_once: NonZeroU16) -> Self {
        let at_once = usize::from(at_once.get());
        let lane = || Arc::new(Semaphore::new(at_once));
        Self {
            schedule: lane(),
            callers: lane(),
            sending: lane(),
            answers: watch::Sender::new(0),
            too_many_answers: at_once.div_ceil(2),
        }
    }

    /// Waits for the turn to lease a credential.
    pub(crate) async fn to_lease(&self, asker: Asker) -> Turn {
        match asker {
            Asker::Schedule => self.turn(&self.schedule).await,
            Asker::Caller => self.turn(&self.callers).await,
        }
    }

    /// Waits for the turn to prepare and send a request. The turn to lease ends with it and not
    /// before, so that no leases grow old in the queue.
    pub(crate) async fn to_send(&self, to_lease: Turn) -> Turn {
        let turn = self.turn(&self.sending).await;
        drop(to_lease);
        turn
    }

    /// Notes that an answer is there.
    pub(crate) fn answered(&self) -> AnswerInHand<'_> {
        self.answers.send_modify(|answers| *answers += 1);
        AnswerInHand(&self.answers)
    }

    async fn turn(&self, lane: &Arc<Semaphore>) -> Turn {
        // A lane is never closed.
        let permit = Arc::clone(lane).acquire_owned().await.ok();
        let mut answers = self.answers.subscribe();
        // The sender lives as long as this, so that the wait can't fail.
        let _ = answers
            .wait_for(|answers| *answers < self.too_many_answers)
            .await;
        Turn { _permit: permit }
    }
}

impl Drop for AnswerInHand<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|answers| *answers -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const AT_ONCE: usize = 4;

    fn turns() -> Turns {
        Turns::new(NonZeroU16::new(4).unwrap())
    }

    #[tokio::test]
    async fn nothing_begins_while_answers_queue_for_the_sinks() {
        let turns = turns();
        let first = turns.answered();
        let second = turns.answered();

        let mut waiting = Box::pin(turns.to_lease(Asker::Caller));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);

        waiting.await;
        drop(second);
    }

    #[tokio::test]
    async fn a_request_that_is_sent_makes_room_for_the_next_one_however_long_its_answer_takes() {
        let turns = turns();

        for _ in 0..AT_ONCE * 3 {
            let leased = turns.to_lease(Asker::Schedule).await;
            let _sent = turns.to_send(leased).await;
        }

        assert_eq!(turns.schedule.available_permits(), AT_ONCE);
        assert_eq!(turns.sending.available_permits(), AT_ONCE);
    }

    #[tokio::test]
    async fn leases_that_wait_to_be_sent_keep_the_schedule_from_leasing_more_and_no_caller() {
        let turns = turns();
        let mut sending = Vec::new();
        for _ in 0..AT_ONCE {
            let leased = turns.to_lease(Asker::Schedule).await;
            sending.push(turns.to_send(leased).await);
        }
        let mut waiting = Vec::new();
        for _ in 0..AT_ONCE {
            let leased = turns.to_lease(Asker::Schedule).await;
            let mut to_send = Box::pin(turns.to_send(leased));
            assert!(to_send.as_mut().now_or_never().is_none());
            waiting.push(to_send);
        }

        assert!(turns.to_lease(Asker::Schedule).now_or_never().is_none());
        assert!(turns.to_lease(Asker::Caller).now_or_never().is_some());
    }
}

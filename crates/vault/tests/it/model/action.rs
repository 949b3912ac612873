//! What may happen next.

use super::rules::Rules;
use super::state::{AUTH, PROCESSES, State};

/// Something that happens in one step. The number is that of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// 30 seconds pass.
    Tick,
    /// A due row is claimed, and the process gets the job.
    Claim(usize),
    /// The lease and the attempt are written.
    Lease(usize),
    /// The lease holder reads the journal for the answer of an unresolved attempt.
    LookUp(usize),
    /// The refresh token is sent.
    Send(usize),
    /// The lease is given back, nothing was sent.
    ReturnUnsent(usize),
    /// The provider handles the request.
    Handle(usize),
    /// The provider turns the request down: 429, 503.
    TurnDown(usize),
    /// The answer is read.
    ReadAnswer(usize),
    /// The answer is lost on the wire.
    LoseAnswer(usize),
    /// The process stops waiting; its request is on its way still.
    StopWaiting(usize),
    /// The answer is offered to the journal.
    WriteJournal(usize),
    /// The answer is written to the spill file.
    WriteSpill(usize),
    /// The answer is committed.
    Commit(usize),
    /// The answer is committed, and the process does not hear of it.
    CommitUnheard(usize),
    /// A request without an answer is recorded.
    Postpone(usize),
    /// A refused token is recorded, or another one tried.
    RecordRejection(usize),
    /// The process is killed.
    Kill(usize),
    /// It is started, and folds its spill file first.
    Start(usize),
    /// It stands still.
    Stall(usize),
    /// It goes on.
    Resume(usize),
    /// The provider handles a request that nobody waits for.
    HandleStray,
    /// Such a request is lost.
    DropStray,
    /// The journal entry is folded, at start or in quarantine mode.
    FoldJournal,
    /// The user consents once more.
    Reconnect,
    /// The integration is deleted.
    Delete,
    /// The grant is revoked, and every copy shredded.
    Revoke,
    /// The user ends the grant at the provider.
    Withdraw,
    /// PostgreSQL hangs or is away.
    PostgresDown,
    /// It is back.
    PostgresUp,
    /// NATS is away.
    NatsDown,
    /// It is back.
    NatsUp,
    /// PostgreSQL is backed up.
    Backup,
    /// The backup is restored; quarantine mode begins.
    Restore,
    /// The deletion is replayed from the event stream.
    ReplayDeletion,
    /// Quarantine mode ends.
    Release,
}

impl Action {
    /// Returns all actions, the ones that lead to rest first.
    pub(super) fn all() -> Vec<Self> {
        use Action as A;
        let of_a_refresher = [
            A::Resume,
            A::Start,
            A::Handle,
            A::ReadAnswer,
            A::WriteJournal,
            A::Commit,
            A::RecordRejection,
            A::Postpone,
            A::LookUp,
            A::Send,
            A::ReturnUnsent,
            A::Lease,
            A::Claim,
            A::WriteSpill,
            A::Kill,
            A::Stall,
            A::TurnDown,
            A::LoseAnswer,
            A::StopWaiting,
            A::CommitUnheard,
        ];
        let of_auth = [
            A::Resume,
            A::Start,
            A::WriteJournal,
            A::Commit,
            A::WriteSpill,
            A::Kill,
            A::Stall,
            A::CommitUnheard,
        ];
        let of_the_world = [A::PostgresUp, A::NatsUp, A::HandleStray, A::ReplayDeletion];
        let afterwards = [A::FoldJournal, A::Release, A::Revoke, A::Tick];
        let misfortunes = [
            A::DropStray,
            A::Reconnect,
            A::Delete,
            A::Withdraw,
            A::PostgresDown,
            A::NatsDown,
            A::Backup,
            A::Restore,
        ];
        let refreshers = of_a_refresher.iter().flat_map(|action| {
            (0..PROCESSES)
                .filter(|process| *process != AUTH)
                .map(action)
        });
        let auth = of_auth.iter().map(|action| action(AUTH));
        let mut all = of_the_world.to_vec();
        all.extend(auth);
        all.extend(refreshers);
        all.extend(afterwards);
        all.extend(misfortunes);
        all
    }
}

impl State {
    /// Returns what an action leads to; `None` where it can't happen.
    pub(super) fn after(&self, rules: Rules, action: Action) -> Option<Self> {
        match action {
            Action::Tick => self.tick(rules),
            Action::Claim(process) => self.claim(process),
            Action::Lease(process) => self.lease(rules, process),
            Action::LookUp(process) => self.look_up(rules, process),
            Action::Send(process) => self.send(rules, process),
            Action::ReturnUnsent(process) => self.return_unsent(rules, process),
            Action::Handle(process) => self.handle(rules, process),
            Action::TurnDown(process) => self.turn_down(process),
            Action::ReadAnswer(process) => self.read_answer(rules, process),
            Action::LoseAnswer(process) => self.lose_answer(rules, process),
            Action::StopWaiting(process) => self.stop_waiting(process),
            Action::WriteJournal(process) => self.write_journal(rules, process),
            Action::WriteSpill(process) => self.write_spill(process),
            Action::Commit(process) => self.commit(rules, process),
            Action::CommitUnheard(process) => self.commit_unheard(rules, process),
            Action::Postpone(process) => self.postpone(rules, process),
            Action::RecordRejection(process) => self.record_rejection(rules, process),
            Action::Kill(process) => self.kill(rules, process),
            Action::Start(process) => self.start(rules, process),
            Action::Stall(process) => self.stall(process),
            Action::Resume(process) => self.resume(process),
            Action::HandleStray => self.handle_stray(rules),
            Action::DropStray => self.drop_stray(),
            Action::FoldJournal => self.fold_journal(rules),
            Action::Reconnect => self.reconnect(),
            Action::Delete => self.delete(),
            Action::Revoke => self.revoke(),
            Action::Withdraw => self.withdraw(),
            Action::PostgresDown => self.postgres_down(),
            Action::PostgresUp => self.postgres_up(),
            Action::NatsDown => self.nats_down(),
            Action::NatsUp => self.nats_up(),
            Action::Backup => self.back_up(),
            Action::Restore => self.restore(),
            Action::ReplayDeletion => self.replay_deletion(),
            Action::Release => self.release(rules),
        }
    }
}

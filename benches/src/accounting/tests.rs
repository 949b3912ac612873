//! Verdicts over small histories.

use std::net::Ipv4Addr;

use workapi_sandbox::Answer;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
const GRANT: Uuid = Uuid::from_u128(7);

/// A history of one grant, which began with refresh token 1.
struct History {
    began: Instant,
    evidence: Evidence,
}

impl History {
    fn new(class: RotationClass) -> Self {
        let grant = Grant {
            id: GRANT,
            class,
            stored: None,
            reconnect: None,
        };
        let evidence = Evidence {
            grants: vec![grant],
            deadline: DEADLINE,
            ..Evidence::default()
        };
        Self {
            began: Instant::now(),
            evidence,
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        // One second before the beginning is a time too.
        self.began + Duration::from_secs_f64(1.0 + seconds)
    }

    /// Adds a rotation from one token to the next, received and committed at `times`.
    fn rotates(mut self, from: u64, to: u64, times: (f64, f64), answer: Answer) -> Self {
        let was_spent = self.is_spent(from);
        let presentation = Presentation {
            client_id: "demo".to_owned(),
            grant: GRANT,
            serial: from,
            issued: Some(to),
            accepted: true,
            was_spent,
            family_revoked: false,
            reached_at: ADDRESS,
            received_at: self.at(times.0),
            committed_at: self.at(times.1),
            answer,
        };
        self.evidence.presentations.push(presentation);
        self
    }

    /// Adds a token that is refused because it is spent.
    fn refuses(mut self, serial: u64, at: f64) -> Self {
        self = self.rotates(serial, 0, (at, at), Answer::Pending);
        if let Some(last) = self.evidence.presentations.last_mut() {
            last.accepted = false;
            last.issued = None;
            last.family_revoked = true;
        }
        self
    }

    fn attempt(mut self, generation: i64, sent: u64, state: &str) -> Self {
        self.evidence.attempts.push(Attempt {
            grant: GRANT,
            generation,
            sent_at: Duration::from_secs(sent),
            state: state.to_owned(),
        });
        self
    }

    fn kill(mut self, address: IpAddr, sent: f64, gone: f64) -> Self {
        let (sent, gone) = (self.at(sent), self.at(gone));
        self.evidence.kills.push(Kill {
            address,
            sent,
            gone,
        });
        self
    }

    fn stores(mut self, serial: u64, is_honoured: bool) -> Self {
        self.evidence.grants[0].stored = Some(Standing {
            grant: GRANT,
            serial,
            is_honoured,
        });
        self
    }

    fn reconnects(mut self, cause: &str) -> Self {
        self.evidence.grants[0].reconnect = Some(cause.to_owned());
        self
    }

    fn is_spent(&self, serial: u64) -> bool {
        let mut before = self.evidence.presentations.iter();
        before.any(|before| before.accepted && before.serial == serial)
    }

    fn written(&self, seconds: f64) -> Answer {
        Answer::Written(self.at(seconds))
    }

    fn account(&self) -> Account {
        Account::of(&self.evidence)
    }

    fn verdicts(&self) -> Vec<(Verdict, u64)> {
        self.account().verdicts.into_iter().collect()
    }
}

/// A class D rotation from 1 to 2 with this answer, of which the vault knows nothing.
fn forgotten(answer: impl Fn(&History) -> Answer) -> History {
    let history = History::new(RotationClass::D);
    let answer = answer(&history);
    history
        .rotates(1, 2, (0.0, 1.0), answer)
        .stores(1, false)
        .reconnects("ambiguous_rotation")
}

#[test]
fn what_the_stored_token_descends_from_is_kept() {
    let history = History::new(RotationClass::D);
    let (first, second) = (history.written(1.0), history.written(2.0));
    let history = history
        .rotates(1, 2, (0.0, 1.0), first)
        .rotates(2, 3, (1.0, 2.0), second)
        .stores(3, true);

    let account = history.account();

    assert_eq!(account.count(Verdict::Kept), 2);
    assert_eq!(account.violations(), Vec::<String>::new());
}

#[test]
fn a_sent_answer_that_nobody_has_is_lost() {
    let account = forgotten(|history| history.written(1.0)).account();

    assert_eq!(account.count(Verdict::Lost), 1);
    assert_eq!(account.lost.len(), 1);
    assert!(account.false_reconnects.contains(&GRANT));
    assert_eq!(account.violations().len(), 3);
}

#[test]
fn a_dropped_answer_is_on_the_wire_and_its_reconnect_is_owed() {
    let history = forgotten(|history| Answer::Dropped(history.at(1.0)));

    let account = history.account();

    assert_eq!(account.count(Verdict::Wire), 1);
    assert_eq!(account.unavoidable, account.ambiguous);
    assert_eq!(account.violations(), Vec::<String>::new());
}

#[test]
fn a_kill_until_half_a_second_after_the_last_byte_explains_it() {
    let killed = |sent| {
        forgotten(|history| history.written(1.0))
            .kill(ADDRESS, sent, sent + 0.01)
            .verdicts()
    };

    assert_eq!(killed(0.9), [(Verdict::Lost, 1)]);
    assert_eq!(killed(0.995), [(Verdict::Killed, 1)]);
    assert_eq!(killed(1.5), [(Verdict::Killed, 1)]);
    assert_eq!(killed(1.6), [(Verdict::Lost, 1)]);
}

#[test]
fn a_kill_of_another_refresher_explains_nothing() {
    let history = forgotten(|history| history.written(1.0)).kill(ELSEWHERE, 1.1, 1.2);

    assert_eq!(history.verdicts(), [(Verdict::Lost, 1)]);
}

#[test]
fn an_answer_that_was_kept_although_its_refresher_died_is_kept() {
    let history = History::new(RotationClass::D);
    let answer = history.written(1.0);
    let history = history
        .rotates(1, 2, (0.0, 1.0), answer)
        .kill(ADDRESS, 1.1, 1.2)
        .stores(2, true);

    assert_eq!(history.verdicts(), [(Verdict::Kept, 1)]);
}

#[test]
fn hanging_up_is_excused_by_the_deadline_or_by_death_alone() {
    let broken = |seconds| forgotten(|history| Answer::Broken(history.at(seconds)));

    assert_eq!(broken(19.0).verdicts(), [(Verdict::Wire, 1)]);
    assert_eq!(broken(5.0).verdicts(), [(Verdict::Lost, 1)]);
    let dead = broken(5.0).kill(ADDRESS, 0.5, 0.6);
    assert_eq!(dead.verdicts(), [(Verdict::Wire, 1)]);
    let dead_before = broken(5.0).kill(ADDRESS, -0.5, -0.4);
    assert_eq!(dead_before.verdicts(), [(Verdict::Wire, 1)]);
}

#[test]
fn an_answer_left_unread_at_the_deadline_is_on_the_wire() {
    let unread = |seconds| forgotten(|history| Answer::Unread(history.at(seconds)));

    assert_eq!(unread(20.1).verdicts(), [(Verdict::Wire, 1)]);
    assert_eq!(unread(3.0).verdicts(), [(Verdict::Lost, 1)]);
}

#[test]
fn class_c_is_kept_by_sending_the_same_token_again() {
    let history = History::new(RotationClass::C);
    let (first, again) = (Answer::Dropped(history.at(1.0)), history.written(3.0));
    let history = history
        .rotates(1, 2, (0.0, 1.0), first)
        .rotates(1, 3, (2.0, 3.0), again)
        .attempt(1, 0, "unknown")
        .attempt(1, 2, "committed")
        .stores(3, true);

    let account = history.account();

    assert_eq!(account.count(Verdict::Replayed), 1);
    assert_eq!(account.count(Verdict::Kept), 1);
    assert_eq!((account.double_spends, account.recorded_retries), (1, 1));
    assert_eq!(account.violations(), Vec::<String>::new());
}

#[test]
fn class_c_is_lost_when_the_grace_ran_out() {
    let history = History::new(RotationClass::C);
    let answer = Answer::Dropped(history.at(1.0));
    let history = history
        .rotates(1, 2, (0.0, 1.0), answer)
        .stores(1, false)
        .reconnects("revoked_by_user");

    let account = history.account();

    assert_eq!(account.count(Verdict::Lost), 1);
    assert_eq!(account.false_reconnects.len(), 1);
}

#[test]
fn class_a_is_kept_with_its_grant() {
    let mut history = History::new(RotationClass::A);
    let answer = Answer::Dropped(history.at(1.0));
    history = history.rotates(1, 0, (0.0, 1.0), answer).stores(1, true);
    history.evidence.presentations[0].issued = None;

    assert_eq!(history.verdicts(), [(Verdict::Kept, 1)]);
}

#[test]
fn a_retry_of_class_d_is_recorded_when_the_lease_was_over() {
    let retried = |sent| {
        forgotten(|history| Answer::Dropped(history.at(1.0)))
            .refuses(1, 60.0)
            .attempt(1, 0, "sent")
            .attempt(1, sent, "rejected")
            .account()
    };

    let (in_time, early) = (retried(50), retried(20));

    assert_eq!((in_time.double_spends, in_time.recorded_retries), (1, 1));
    assert_eq!((early.double_spends, early.recorded_retries), (1, 0));
    assert_eq!(early.violations().len(), 1);
}

#[test]
fn a_double_spend_without_an_attempt_is_not_recorded() {
    let history = forgotten(|history| Answer::Dropped(history.at(1.0)))
        .refuses(1, 60.0)
        .attempt(1, 0, "sent")
        .attempt(1, 50, "not_sent");

    let account = history.account();

    assert_eq!((account.double_spends, account.recorded_retries), (1, 0));
}

#[test]
fn a_wire_rotation_must_end_in_ambiguous_rotation() {
    let mut history = forgotten(|history| Answer::Dropped(history.at(1.0)));
    history = history.reconnects("revoked_by_user");

    let account = history.account();

    assert!(account.false_reconnects.is_empty());
    assert_eq!(account.violations().len(), 1);
}

#[test]
fn a_reconnect_of_a_grant_that_lost_nothing_is_false() {
    let history = History::new(RotationClass::D);
    let answer = history.written(1.0);
    let history = history
        .rotates(1, 2, (0.0, 1.0), answer)
        .stores(2, true)
        .reconnects("ambiguous_rotation");

    let account = history.account();

    assert_eq!(account.false_reconnects.len(), 1);
    assert_eq!(account.violations().len(), 2);
}

#[test]
fn a_dead_grant_that_the_vault_thinks_well_of_is_noticed_here() {
    let history = History::new(RotationClass::D).stores(1, false);

    assert!(history.account().unnoticed.contains(&GRANT));
}

#[test]
fn rotations_of_an_unknown_grant_are_lost() {
    let history = History::new(RotationClass::D);
    let answer = history.written(1.0);
    let mut history = history.rotates(1, 2, (0.0, 1.0), answer).stores(1, true);
    history.evidence.presentations[0].grant = Uuid::from_u128(8);

    assert_eq!(history.account().count(Verdict::Lost), 1);
}

#[test]
fn a_retry_after_the_bench_ended_the_leases_is_recorded() {
    let mut history = forgotten(|history| Answer::Dropped(history.at(1.0)))
        .refuses(1, 10.0)
        .attempt(1, 0, "sent")
        .attempt(1, 10, "rejected");
    history.evidence.leases_ended = Some(Duration::from_secs(9));

    assert_eq!(history.account().recorded_retries, 1);
}

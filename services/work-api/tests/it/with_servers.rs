//! The real servers as child processes: started, found again, stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::binary::{stderr, stdout, with_servers};
use crate::dev::data_dir;

const SERVERS: [&str; 3] = ["postgres", "nats", "valkey"];

/// A run whose command waits until we close its standard input.
struct Run {
    work_api: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Run {
    /// Starts a run on `data_dir` and waits until its servers are up.
    fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &data_dir.join("postgres"))
    }

    /// Does the same, with PostgreSQL in `home`.
    fn start_with(data_dir: &Path, home: &Path) -> Self {
        let mut work_api = with_servers()
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--", "sh", "-c", "echo up; cat >/dev/null"])
            .env("WORK_API_POSTGRES_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = work_api.stdin.take();
        let mut stdout = BufReader::new(work_api.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        Self {
            work_api,
            stdin,
            stdout,
        }
    }

    /// Ends the command and waits for the servers to be stopped.
    fn finish(mut self) -> Option<i32> {
        drop(self.stdin.take());
        drop(self.stdout);
        self.work_api.wait().unwrap().code()
    }
}

fn pid_of(data_dir: &Path, server: &str) -> Option<Pid> {
    let note = fs::read(data_dir.join(format!("run/{server}.json"))).ok()?;
    let note: Value = serde_json::from_slice(&note).ok()?;
    Pid::from_raw(note["pid"].as_i64()?.try_into().ok()?)
}

fn ports(data_dir: &Path) -> Vec<u16> {
    let state = fs::read(data_dir.join("servers.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    let port = |server| state[server]["port"].as_u64().unwrap();
    SERVERS
        .iter()
        .map(|server| port(*server).try_into().unwrap())
        .collect()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn the_command_finds_its_servers_and_its_exit_code_is_kept() {
    let output = with_servers()
        .args(["--", "sh", "-c"])
        .arg("echo $WORK_API_TEST_POSTGRES_URL $WORK_API_TEST_NATS_URL $WORK_API_TEST_REDIS_URL; exit 7")
        .output()
        .unwrap();

    let urls: Vec<_> = stdout(&output).split(' ').collect();
    assert_eq!(output.status.code(), Some(7));
    for (url, scheme) in urls.iter().zip(["postgres://", "nats://", "redis://"]) {
        let (_, address) = url.split_once('@').unwrap();
        let address = address.trim_end_matches("/postgres");
        assert!(url.starts_with(scheme), "{url}");
        assert!(TcpStream::connect(address).is_err(), "{scheme} is still up");
    }
}

#[test]
fn a_second_run_on_the_same_data_is_refused_while_the_first_goes_on() {
    let folder = data_dir();
    let first = Run::start(folder.path());

    let second = with_servers()
        .arg("--data-dir")
        .arg(folder.path())
        .args(["--", "true"])
        .output()
        .unwrap();

    let holder = format!("process id {}", first.work_api.id());
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains(&holder), "{second:?}");
    assert_eq!(first.finish(), Some(0));
}

#[test]
fn what_a_killed_run_left_behind_is_stopped_by_the_next_which_keeps_the_ports() {
    let folder = data_dir();
    let mut killed = Run::start(folder.path());
    let ports_before = ports(folder.path());
    killed.work_api.kill().unwrap();
    killed.work_api.wait().unwrap();

    let next = Run::start(folder.path());

    // A server that still ran would hold its port.
    assert_eq!(ports(folder.path()), ports_before);
    assert_eq!(next.finish(), Some(0));
}

#[test]
fn a_process_that_only_has_the_same_id_is_left_alone() {
    let folder = data_dir();
    let mut killed = Run::start(folder.path());
    killed.work_api.kill().unwrap();
    killed.work_api.wait().unwrap();
    let valkey = pid_of(folder.path(), "valkey").unwrap();
    let note = folder.path().join("run/valkey.json");
    let mut stranger = std::process::Command::new("cat")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let text = fs::read_to_string(&note).unwrap();
    let old = format!("\"pid\":{}", valkey.as_raw_pid());
    fs::write(
        &note,
        text.replace(&old, &format!("\"pid\":{}", stranger.id())),
    )
    .unwrap();
    kill_process(valkey, Signal::KILL).unwrap();

    let next = Run::start(folder.path());

    assert_eq!(stranger.try_wait().unwrap(), None);
    assert_eq!(next.finish(), Some(0));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn servers_move_when_somebody_took_their_ports() {
    let folder = data_dir();
    assert_eq!(Run::start(folder.path()).finish(), Some(0));
    let ports_before = ports(folder.path());
    let taken: Vec<_> = ports_before
        .iter()
        .map(|port| TcpListener::bind(("127.0.0.1", *port)).unwrap())
        .collect();

    let next = Run::start(folder.path());

    let ports_after = ports(folder.path());
    assert!(ports_before.iter().all(|port| !ports_after.contains(port)));
    assert_eq!(next.finish(), Some(0));
    drop(taken);
}

#[test]
fn who_removes_the_data_directory_begins_anew_although_postgresql_is_elsewhere() {
    let folder = data_dir();
    let (data, home) = (folder.path().join("data"), folder.path().join("home"));
    let start = || Run::start_with(&data, &home);
    assert_eq!(start().finish(), Some(0));
    fs::remove_dir_all(&data).unwrap();

    let next = start();

    assert!(home.join("data.old").is_dir());
    assert_eq!(next.finish(), Some(0));
}

#[test]
fn a_server_that_dies_is_started_again_on_its_port() {
    let folder = data_dir();
    let run = Run::start(folder.path());
    let ports_before = ports(folder.path());
    let dead = SERVERS.map(|server| pid_of(folder.path(), server).unwrap());

    for pid in dead {
        kill_process(pid, Signal::KILL).unwrap();
    }

    for (index, server) in SERVERS.iter().enumerate() {
        wait_until(server, || {
            let is_new = pid_of(folder.path(), server).is_some_and(|pid| pid != dead[index]);
            is_new && TcpStream::connect(("127.0.0.1", ports_before[index])).is_ok()
        });
    }
    assert_eq!(run.finish(), Some(0));
}

#[test]
fn without_the_pinned_servers_it_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();

    let output = with_servers()
        .arg("--servers-dir")
        .arg(folder.path())
        .args(["--", "true"])
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("make servers"), "{output:?}");
}

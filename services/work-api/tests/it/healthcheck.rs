//! `work-api healthcheck` against something that answers as an instance would.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Output;
use std::thread::{self, JoinHandle};

use crate::binary::{stderr, stdout, work_api};

/// Answers one request with `status`, and returns the path that was asked for.
fn answer_once(status: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let path = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !request.ends_with("\r\n\r\n") {
            reader.read_line(&mut request).unwrap();
        }
        let body = "nats: away";
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        request.split(' ').nth(1).unwrap().to_owned()
    });
    (address, path)
}

fn healthcheck(address: SocketAddr, more: &[&str]) -> Output {
    work_api()
        .arg("healthcheck")
        .args(more)
        .env("WORK_API_METRICS_LISTEN", address.to_string())
        .output()
        .unwrap()
}

#[test]
fn an_instance_that_is_ready_is_healthy() {
    let (address, path) = answer_once("200 OK");

    let output = healthcheck(address, &[]);

    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "ok"));
    assert_eq!(path.join().unwrap(), "/readyz");
}

#[test]
fn an_instance_that_is_not_ready_says_why() {
    let (address, path) = answer_once("503 Service Unavailable");

    let output = healthcheck(address, &["--live"]);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nats: away"), "{output:?}");
    assert_eq!(path.join().unwrap(), "/livez");
}

#[test]
fn nothing_that_answers_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let output = healthcheck(address, &[]);

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nothing answers at"), "{output:?}");
}

#[test]
fn without_a_dev_in_the_data_directory_it_says_so() {
    let folder = tempfile::tempdir().unwrap();

    let output = work_api()
        .args(["healthcheck", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no work-api dev runs on"),
        "{output:?}"
    );
}

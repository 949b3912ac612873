//! A connection that notices how far each answer gets.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::journal::{Answer, Entry, Journal};

/// Which answer of a connection is on its way, shared between who makes it and who sends it.
#[derive(Clone)]
pub(crate) struct Witness {
    journal: Arc<Journal>,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Clone, Copy)]
enum Progress {
    /// Nothing that is watched is on its way.
    Idle,
    /// The answer is being written.
    Writing(Entry),
    /// It was handed to the system, and the client may still go without reading it.
    Written(Entry),
}

impl Witness {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        let progress = Arc::new(Mutex::new(Progress::Idle));
        Self { journal, progress }
    }

    /// Watches the answer that is written next.
    pub(crate) fn watch(&self, entry: Entry) {
        self.set(Progress::Writing(entry));
    }

    /// Notes that a fault keeps the answer.
    pub(crate) fn drop_answer(&self, entry: Entry) {
        self.journal
            .answered(entry, Answer::Dropped(Instant::now()));
    }

    fn progress(&self) -> Progress {
        *self.lock()
    }

    fn set(&self, progress: Progress) {
        *self.lock() = progress;
    }

    /// The last byte is with the system.
    fn written(&self) {
        if let Progress::Writing(entry) = self.progress() {
            self.journal
                .answered(entry, Answer::Written(Instant::now()));
            self.set(Progress::Written(entry));
        }
    }

    /// The client went, or the connection did.
    fn broken(&self) {
        if let Progress::Writing(entry) = self.progress() {
            self.journal.answered(entry, Answer::Broken(Instant::now()));
            self.set(Progress::Idle);
        }
    }

    /// The next request, or an orderly end: whoever sends that has taken the answer.
    fn taken(&self) {
        if let Progress::Written(_) = self.progress() {
            self.set(Progress::Idle);
        }
    }

    /// A reset instead of an end means that something was left unread.
    fn reset(&self) {
        if let Progress::Written(entry) = self.progress() {
            self.journal.answered(entry, Answer::Unread(Instant::now()));
            self.set(Progress::Idle);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream of a connection under the eyes of a [`Witness`].
pub(crate) struct Witnessed {
    stream: TcpStream,
    witness: Witness,
}

impl Witnessed {
    pub(crate) fn new(stream: TcpStream, witness: Witness) -> Self {
        Self { stream, witness }
    }

    /// Notes a client that has gone: the system takes bytes for it all the same.
    fn look_for_client(&self, context: &mut Context<'_>) {
        if !matches!(self.witness.progress(), Progress::Writing(_)) {
            return;
        }
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let has_gone = match self.stream.poll_peek(context, &mut byte) {
            Poll::Ready(Ok(length)) => length == 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if has_gone {
            self.witness.broken();
        }
    }
}

impl Drop for Witnessed {
    fn drop(&mut self) {
        self.witness.broken();
    }
}

impl AsyncRead for Witnessed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) => self.witness.taken(),
            Poll::Ready(Err(_)) => self.witness.reset(),
            Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Witnessed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look_for_client(context);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.look_for_client(context);
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The server flushes when it has written a whole answer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.witness.written();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

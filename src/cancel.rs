//! Whether the work shall end: one handle that every loop over data asks, and one error that says so.
//!
//! Whoever reads or writes much does it through [`Cancel::reader`] or [`Cancel::writer`], which ask at each call;
//! what computes without either asks [`Cancel::check`] now and then. Both end with [`Cancelled`], which travels inside
//! whatever error a stage has of its own and is found again by [`is_cancelled`].

use std::error::Error;
use std::fmt;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::sync::Arc;

/// Asks whether the work shall end. Copies ask the same; the default is never told to.
#[derive(Clone, Default)]
pub struct Cancel(Option<Arc<Ask>>);

type Ask = dyn Fn() -> bool + Send + Sync;

/// Somebody wanted the work to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl From<Cancelled> for io::Error {
    /// Not of kind `Interrupted`, after which readers try again.
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

impl Cancel {
    /// Ends the work as soon as `ask` says so. It is asked often, from several threads, and has to be cheap.
    pub fn when(ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ask)))
    }

    /// Whether the work shall end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|ask| ask())
    }

    /// Goes on only while nobody wants it to end.
    ///
    /// # Errors
    /// Somebody does.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// A reader that asks before each read.
    pub fn reader<R: Read>(&self, inner: R) -> Asking<R> {
        Asking { inner, cancel: self.clone() }
    }

    /// A writer that asks before each write.
    pub fn writer<W: Write>(&self, inner: W) -> Asking<W> {
        Asking { inner, cancel: self.clone() }
    }
}

/// A stream that fails with [`Cancelled`] once its work shall end.
#[derive(Debug)]
pub struct Asking<S> {
    inner: S,
    cancel: Cancel,
}

impl<S> Asking<S> {
    /// The stream within.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<R: Read> Read for Asking<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check()?;
        self.inner.read(buffer)
    }
}

impl<W: Write> Write for Asking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cancel.check()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<S: Seek> Seek for Asking<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Whether an error is [`Cancelled`], or has it among its causes.
#[must_use]
pub fn is_cancelled(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<Cancelled>() {
            return true;
        }
        // What an I/O error wraps is not its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn streams_end_when_they_are_told_to() {
        let told = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&told);
        let cancel = Cancel::when(move || seen.load(Ordering::Relaxed));
        let (mut reader, mut writer) = (cancel.reader(&b"abc"[..]), cancel.writer(Vec::new()));
        assert_eq!(reader.read(&mut [0; 2]).expect("memory reads"), 2);
        writer.write_all(b"abc").expect("memory takes it");
        told.store(true, Ordering::Relaxed);
        for error in [reader.read(&mut [0; 2]).map(drop), writer.write_all(b"d"), cancel.check().map_err(Into::into)] {
            let error = error.expect_err("it was told to");
            assert!(is_cancelled(&error) && is_cancelled(&Outer(error)));
        }
        assert_eq!(writer.into_inner(), b"abc");
        assert!(!Cancel::default().is_cancelled());
        assert!(!is_cancelled(&Outer(io::ErrorKind::Interrupted.into())));
    }
}

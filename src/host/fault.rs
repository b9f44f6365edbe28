//! Where the disk may fail: every write, rename and synchronisation of store and output passes here first.
//!
//! With the feature `testing` one of these passes can be made to fail, or the process to end there, so that a test
//! can try them all one after the other; else there is nothing here.

#[cfg(feature = "testing")]
pub use planned::Fault;
#[cfg(feature = "testing")]
pub(crate) use planned::at;
#[cfg(feature = "testing")]
pub use planned::passed;
#[cfg(feature = "testing")]
pub use planned::plan;

use std::io;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;

/// A pass. The action is what an error would say.
#[cfg(not(feature = "testing"))]
#[expect(clippy::unnecessary_wraps, reason = "with `testing` it may fail")]
pub(crate) const fn at(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// A writer of which each write is a pass.
#[derive(Debug)]
pub(crate) struct Faulty<W>(pub(crate) W);

impl<W: Write> Write for Faulty<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        at("write")?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<R: io::Read> io::Read for Faulty<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<W: Seek> Seek for Faulty<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(feature = "testing")]
mod planned {
    use std::io;
    use std::sync::Mutex;

    /// What happens at a pass.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fault {
        /// This error of the system, once: a bad sector, a descriptor too many.
        Once(i32),
        /// This error, and at every later pass again: a full disk.
        FromThenOn(i32),
        /// The process ends on the spot, as by a power cut or `kill -9`.
        Death,
    }

    struct Plan {
        passed: u64,
        fault: Option<(u64, Fault)>,
    }

    static PLAN: Mutex<Plan> = Mutex::new(Plan { passed: 0, fault: None });

    fn locked() -> std::sync::MutexGuard<'static, Plan> {
        PLAN.lock().expect("nobody panics holding it")
    }

    /// Lets pass number `number` of this process, counted from 0, end like this.
    pub fn plan(number: u64, fault: Fault) {
        locked().fault = Some((number, fault));
    }

    /// How many passes there were in this process.
    #[must_use]
    pub fn passed() -> u64 {
        locked().passed
    }

    pub(crate) fn at(_: &'static str) -> io::Result<()> {
        let mut plan = locked();
        let number = plan.passed;
        plan.passed += 1;
        match plan.fault {
            Some((wanted, Fault::Once(code))) if number == wanted => Err(io::Error::from_raw_os_error(code)),
            Some((wanted, Fault::FromThenOn(code))) if number >= wanted => Err(io::Error::from_raw_os_error(code)),
            Some((wanted, Fault::Death)) if number == wanted => {
                // Neither destructors nor handlers run.
                let own = rustix::process::getpid();
                let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
                unreachable!("the kernel ends this process");
            }
            _ => Ok(()),
        }
    }
}

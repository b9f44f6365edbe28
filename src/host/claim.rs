//! Who makes what others want as well: builds that share a store and begin at once make it once.
//!
//! A claim is advice. Whoever does not get one in time makes the thing all the same, and then it is made twice: the same
//! bytes, written over by themselves.

use std::fs::File;
use std::time::Duration;
use std::time::Instant;

use super::Host;
use crate::cancel::Cancelled;
use crate::digest::Sha256;

/// How often a wait looks again.
const STEP: Duration = Duration::from_millis(20);
/// So long one build waits for another, which may have been stopped.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is made of something that has a digest. Who claims one of these may then claim those before it, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// It is fetched.
    Download,
    /// A .deb is decoded.
    Unpack,
    /// Packages are configured.
    Install,
}

impl Work {
    /// In names of files.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Unpack => "unpack",
            Self::Install => "install",
        }
    }
}

/// While it lives, nobody else who asks the same store has one for the same work.
#[derive(Debug, Default)]
pub struct Claim(Option<File>);

impl Claim {
    /// Of a file that is locked for as long as it is open.
    pub(super) const fn of(locked: File) -> Self {
        Self(Some(locked))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Closing the file would do; a child that is being started and still has it open would not.
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

/// Waits for a claim, and goes on without one when that takes too long.
///
/// # Errors
/// The reporter ended the build.
pub fn wait(host: &Host, work: Work, of: &Sha256) -> Result<Claim, Cancelled> {
    let (cancel, start) = (host.cancel(), Instant::now());
    loop {
        cancel.check()?;
        match host.store.claim(work, of) {
            Some(claim) => return Ok(claim),
            None if start.elapsed() > PATIENCE => return Ok(Claim::default()),
            None => std::thread::sleep(STEP),
        }
    }
}

//! A sandbox of Linux namespaces, in which a target system's own programs may run.
//!
//! The program starts itself again as a helper: single-threaded from its first instruction, it makes its
//! namespaces, receives the root as a tar stream into a tmpfs that nobody outside sees, runs the command without
//! network, capabilities that matter, or most system calls, kills what is left, and sends the root back. When a
//! step cannot be done nothing is run. Nothing of it is left on the host: the tmpfs and all processes die with
//! the namespaces, even when this process is killed.
//!
//! user_namespaces(7), pid_namespaces(7), mount_namespaces(7), pivot_root(2), seccomp(2).
//!
//! * `probe`: what `imgbuild doctor` tries from inside. * `frame`: what parent and helper say. * `ids`: which user and group numbers the helper may use. * `child`:
//!   the helper. * `confine`: the only unsafe code. * `root`: tar stream ⇄ directory.

#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod confine;
mod frame;
mod ids;
mod probe;
#[cfg(target_os = "linux")]
mod root;

use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use super::Sandbox;
use super::SandboxError;
use super::SandboxJob;
use crate::cancel::Cancel;
use crate::cancel::Cancelled;
use crate::format::shown::shown;
use crate::limits::Limits;
pub use probe::Finding;

use frame::Frame;
use frame::Verdict;

/// The helper's first argument. Not for users; nothing else starts with it.
const HELPER_ARGUMENT: &str = "imgbuild-sandbox-helper";

/// What of a helper's own words is kept for a message.
const STDERR_MAX: u64 = 4096;

/// How often somebody is asked whether what runs inside shall end.
const LOOK: Duration = Duration::from_millis(50);

/// The sandbox of this module.
#[derive(Debug, Clone)]
pub struct Namespaces {
    helper: PathBuf,
    limits: Limits,
    cancel: Cancel,
}

/// A [`SandboxJob`] as it travels to the helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    command: Vec<String>,
    environment: Vec<(String, String)>,
    timeout_seconds: u64,
    processes: u64,
    open_files: u64,
    file: u64,
    words: u64,
}

impl Namespaces {
    /// `helper` is a program whose `main` calls [`child_main`] first, before it starts a thread:
    /// `/proc/self/exe` for `imgbuild` itself.
    #[must_use]
    pub fn new(helper: PathBuf) -> Self {
        Self { helper, limits: Limits::DEFAULT, cancel: Cancel::default() }
    }

    /// Lets the command have what these limits say of processes, open files, the size of a file, and words.
    #[must_use]
    pub fn within(self, limits: &Limits) -> Self {
        Self { limits: *limits, ..self }
    }

    /// Kills everything inside when this says so.
    #[must_use]
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..self }
    }

    #[expect(clippy::disallowed_methods, reason = "the host starts processes")]
    fn start(&self) -> Result<Helper, SandboxError> {
        let child = Command::new(&self.helper)
            .arg(HELPER_ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.map_err(|error| {
            SandboxError::Unavailable(format!("cannot start the sandbox helper `{}`: {error}", self.helper.display()))
        })?;
        Ok(Helper(child))
    }
}

/// Whatever happens to us, the helper does not outlive us.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill, and the wait returns at once.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Namespaces {
    /// Kills the helper, and by that everything inside, when it is cancelled before it is over.
    fn watch(&self, helper: u32, over: &Receiver<()>) {
        while over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if self.cancel.is_cancelled() {
                let id = helper.try_into().ok().and_then(rustix::process::Pid::from_raw);
                // When it has just ended by itself, there is nothing to kill.
                let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::KILL));
                return;
            }
        }
    }
}

impl Sandbox for Namespaces {
    fn run(
        &self,
        job: &SandboxJob,
        input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        log: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError> {
        let mut helper = self.start()?;
        let mut stdin = helper.0.stdin.take().expect("it is piped");
        let mut stdout = helper.0.stdout.take().expect("it is piped");
        match Frame::read(&mut stdout) {
            Ok(Frame::Unshared) => ids::map(helper.0.id())?,
            Ok(Frame::Done(verdict)) => return judge(&verdict),
            Ok(_) | Err(_) => return Err(SandboxError::Unavailable(helper.last_words())),
        }
        let job = Job {
            command: job.command.clone(),
            environment: job.environment.clone(),
            timeout_seconds: job.timeout.as_secs(),
            processes: self.limits.processes,
            open_files: self.limits.open_files,
            file: self.limits.file,
            words: self.limits.words,
        };
        let job = serde_json::to_vec(&job).expect("strings and numbers have a JSON form");
        std::thread::scope(|scope| {
            let feeder = scope.spawn(move || feed(stdin_with_job(&mut stdin, job)?, input));
            let (running, over) = channel();
            let id = helper.0.id();
            let watcher = scope.spawn(move || self.watch(id, &over));
            let verdict = follow(&mut stdout, output, log);
            // The helper has not been waited for yet, so that its number is still its own.
            drop(running);
            watcher.join().expect("the watcher does not panic");
            let ended = match verdict {
                Err(_) if self.cancel.is_cancelled() => Err(SandboxError::Io(Cancelled.into())),
                Ok(verdict) => judge(&verdict),
                Err(error) => {
                    // The feeder may be stuck in a pipe that nobody reads any more: end the reader first.
                    let words = helper.kill_and_hear();
                    Err(if words.is_empty() { SandboxError::Io(error) } else { SandboxError::Failed(words) })
                }
            };
            drop(helper);
            let fed = feeder.join().expect("the feeder does not panic");
            // A helper that ended early closes its side; its own verdict says why better than a broken pipe.
            ended.and(fed.map_err(SandboxError::Io))
        })
    }
}

impl Helper {
    /// What it said on stderr before it died.
    fn last_words(&mut self) -> String {
        let words = self.kill_and_hear();
        if words.is_empty() { "the sandbox helper ended without a word".into() } else { words }
    }

    fn kill_and_hear(&mut self) -> String {
        let _ = self.0.kill();
        let mut words = Vec::new();
        if let Some(stderr) = self.0.stderr.take() {
            let _ = stderr.take(STDERR_MAX).read_to_end(&mut words);
        }
        shown(words.trim_ascii())
    }
}

fn stdin_with_job(stdin: &mut ChildStdin, job: Vec<u8>) -> io::Result<&mut ChildStdin> {
    Frame::Mapped.write(stdin)?;
    Frame::Job(job).write(stdin)?;
    Ok(stdin)
}

fn feed(stdin: &mut ChildStdin, input: &mut (dyn Read + Send)) -> io::Result<()> {
    match io::copy(input, stdin) {
        // The helper has read to the end of the archive, and need not read what a tar stream is padded with.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map(drop),
    }
}

/// Passes on what the helper sends, until its verdict.
fn follow(stdout: &mut dyn Read, output: &mut dyn Write, log: &mut dyn Write) -> io::Result<Vec<u8>> {
    loop {
        match Frame::read(stdout)? {
            Frame::Tree(bytes) => output.write_all(&bytes)?,
            Frame::Log(bytes) => log.write_all(&bytes)?,
            Frame::Done(verdict) => return Ok(verdict),
            Frame::Unshared | Frame::Mapped | Frame::Job(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the sandbox helper speaks out of turn"));
            }
        }
    }
}

fn judge(verdict: &[u8]) -> Result<(), SandboxError> {
    match serde_json::from_slice(verdict) {
        Ok(Verdict::Succeeded) => Ok(()),
        Ok(Verdict::Unavailable(reason)) => Err(SandboxError::Unavailable(reason)),
        Ok(Verdict::Failed(reason)) => Err(SandboxError::Failed(reason)),
        Ok(Verdict::Limit(reason)) => Err(SandboxError::Limit(reason)),
        Ok(Verdict::Io(reason)) => Err(SandboxError::Io(io::Error::other(reason))),
        Err(error) => Err(SandboxError::Io(io::Error::other(error))),
    }
}

/// Runs the helper when `arguments` (the first is the program's name) say so, and returns how to end the
/// process; `None` when this is an ordinary start. To be called first thing in `main`: a process with a second
/// thread cannot make a user namespace.
pub fn child_main(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != HELPER_ARGUMENT {
        return None;
    }
    #[cfg(target_os = "linux")]
    return Some(child::main(arguments.next().as_deref()));
    #[cfg(not(target_os = "linux"))]
    Some(ExitCode::FAILURE)
}

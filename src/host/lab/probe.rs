//! Commands on a machine over a serial line, answered by a loop of shell there.

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

/// The loop, for the machine, at the end of its first line. What was begun in an answer that nobody waited for is
/// told apart by its number.
const LOOP: &str = " >&0 2>&1
stty raw -echo
echo ready
while read -r number line; do
    eval \"$line\" </dev/null
    printf '\\n--- %s %s\\n' \"$number\" \"$?\"
done
";
/// The longest answer.
const ANSWER_MAX: usize = 16 << 20;

/// The loop of shell for a machine: takes `NUMBER COMMAND` from this serial line of its own and answers there.
#[must_use]
pub fn answering(line: &str) -> String {
    format!("exec <>{line}{LOOP}")
}

/// The near end of a machine's second serial line.
#[derive(Debug)]
pub struct Probe {
    line: UnixStream,
    read: Vec<u8>,
    number: u32,
    is_ready: bool,
}

/// What a command on a machine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it wrote to standard output and standard error.
    pub text: String,
    /// Its exit status.
    pub status: u8,
}

impl Probe {
    /// Takes hold of the line; the loop must not have begun yet.
    ///
    /// # Errors
    /// There is no such socket.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self { line: UnixStream::connect(path)?, read: Vec::new(), number: 0, is_ready: false })
    }

    /// Waits until the machine's loop says that it has begun.
    ///
    /// # Errors
    /// It does not in time, or the machine is off.
    pub fn wait(&mut self, patience: Duration) -> io::Result<()> {
        self.until(b"ready\r\n", b"ready\n", patience)?;
        self.is_ready = true;
        Ok(())
    }

    /// Runs a line as [`Probe::ask`] does, with the loop waited for if it has not begun yet.
    ///
    /// # Errors
    /// As [`Probe::ask`], and it has not begun in time.
    pub fn ask_when_ready(&mut self, command: &str, patience: Duration) -> io::Result<Answer> {
        if !self.is_ready {
            self.wait(patience)?;
        }
        self.ask(command, patience)
    }

    /// Runs one line of shell on the machine.
    ///
    /// # Errors
    /// No answer in time, or the machine is off.
    pub fn ask(&mut self, command: &str, patience: Duration) -> io::Result<Answer> {
        self.number += 1;
        self.line.write_all(format!("{} {}\n", self.number, command.replace('\n', ";")).as_bytes())?;
        let mark = format!("\n--- {} ", self.number);
        let text = self.until(mark.as_bytes(), mark.as_bytes(), patience)?;
        let status = self.until(b"\n", b"\n", patience)?;
        let text = String::from_utf8_lossy(&text).replace('\r', "");
        // An earlier command that nobody waited for may have answered in between.
        let text = text
            .rsplit_once("\n--- ")
            .map_or(text.as_str(), |(_, rest)| rest.split_once('\n').map_or("", |(_, rest)| rest));
        let status = String::from_utf8_lossy(&status);
        Ok(Answer { text: text.trim_matches('\n').to_owned(), status: status.trim().parse().unwrap_or(u8::MAX) })
    }

    /// The bytes before one of two marks, which is taken too.
    fn until(&mut self, mark: &[u8], other: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
        let end = Instant::now() + patience;
        let find = |read: &[u8], mark: &[u8]| memchr::memmem::find(read, mark).map(|at| (at, at + mark.len()));
        loop {
            if let Some((at, after)) = find(&self.read, mark).or_else(|| find(&self.read, other)) {
                let rest = self.read.split_off(after);
                let mut found = std::mem::replace(&mut self.read, rest);
                found.truncate(at);
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.read.len() > ANSWER_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.line.set_read_timeout(Some(left))?;
            let mut piece = [0; 4096];
            match self.line.read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.read.extend_from_slice(&piece[..read]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

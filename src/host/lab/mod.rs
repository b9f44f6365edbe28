//! A head on this machine, to boot other machines from: a network, a root and services of its own, all in namespaces.
//!
//! util-linux' unshare(1) makes the namespaces, as root or, with a range of subordinate ids, as any user. The first
//! process in them is a shell with `head.sh`, which follows lines written to it; when its input ends, because it was
//! closed or because this process died, the kernel ends all that was started. Nothing of the host is written but the
//! lab's own directory.

mod follow;
mod probe;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cancel::Cancel;
use crate::cancel::Cancelled;

pub use follow::Follow;
pub use follow::printable;
pub use probe::Answer;
pub use probe::Probe;
pub use probe::answering;

const SCRIPT: &str = include_str!("head.sh");
/// Where Debian has programs; a user's own `PATH` may lack the ones for administrators.
const PATHS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// The device that network ports of machines are made by.
const TUN: &str = "/dev/net/tun";
/// How often what happens is looked at.
const TICK: Duration = Duration::from_millis(100);
/// The longest that one step of the head may take; unpacking a root is the longest.
const STEP: Duration = Duration::from_secs(600);
/// The longest that a head may take to end by itself.
const PARTING: Duration = Duration::from_secs(10);
/// The end of the other head's cable on this one's network.
const CABLE: &str = "other";
/// The last words of a head that are told when it fails.
const LAST_WORDS: usize = 5;

/// What a lab is made of.
#[derive(Debug)]
pub struct Setup<'a> {
    /// A build's output; seen as `/output` on the head.
    pub output: &'a Path,
    /// The directory of it that is laid over the head's root.
    pub bundle: &'a str,
    /// The head's interface on the cluster's network.
    pub interface: &'a str,
    /// The head that the network and the machines on it belong to; none: this one. Only root can join.
    pub joins: Option<&'a Lab>,
    /// Its address there.
    pub address: Ipv4Addr,
    /// The length of the network's prefix.
    pub prefix: u8,
    /// Directories of the head that lie on a disk, and keep what is put there until the lab ends.
    pub disks: &'a [String],
    /// Whether waiting for the head shall end.
    pub cancel: Cancel,
}

/// Something that must be installed.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// A program's name, or the path of a file.
    pub file: &'static str,
    /// Debian's package that has it.
    pub package: &'static str,
}

/// Why there is no lab, or why it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// Programs are not installed.
    #[error("cannot start a head and nodes without {}: apt-get install {}", .files.join(", "), .packages.join(" "))]
    Missing {
        /// What was looked for.
        files: Vec<&'static str>,
        /// Debian's packages that have it.
        packages: Vec<&'static str>,
    },
    /// This user may not.
    #[error("cannot start a head and nodes here: {0}")]
    Refused(String),
    /// A step on the head failed.
    #[error("cannot {action} on the head: {words}")]
    Step {
        /// Attempted.
        action: String,
        /// The head's last words.
        words: String,
    },
    /// Somebody wanted it to end.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// Attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whether all that is needed is installed.
///
/// # Errors
/// [`LabError::Missing`], with everything that lacks.
pub fn check(needs: &[Need]) -> Result<(), LabError> {
    let lacks = |need: &&Need| match need.file.starts_with('/') {
        true => !Path::new(need.file).exists(),
        false => !PATHS.iter().any(|directory| Path::new(directory).join(need.file).exists()),
    };
    let missing: Vec<&Need> = needs.iter().filter(lacks).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    Err(LabError::Missing { files: missing.iter().map(|need| need.file).collect(), packages })
}

/// A head that runs. Dropping it ends it and everything on its network.
#[derive(Debug)]
pub struct Lab {
    directory: PathBuf,
    interface: String,
    head: Child,
    events: Follow,
    /// What the head has said and nobody has taken yet.
    said: Vec<String>,
    steps: u32,
    /// Whether it does something that nobody waits for any more, and would not hear of its end.
    is_busy: bool,
    cancel: Cancel,
}

impl Lab {
    /// Starts a head in a directory: its logs appear in `log/` there.
    ///
    /// # Errors
    /// [`LabError`]
    pub fn start(directory: &Path, setup: &Setup<'_>) -> Result<Self, LabError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| LabError::Io { action, path, source }
        };
        // Opened and closed, this makes no interface. Some systems keep it for root.
        let tun = File::options().read(true).write(true).open(TUN);
        tun.map_err(|error| {
            let what = "run this as root, or let users open it, as Debian's udev does: chmod 0666";
            LabError::Refused(format!("`{TUN}`, by which nodes are on a network: {error}; {what} {TUN}"))
        })?;
        let log = directory.join("log");
        // Logs of an earlier boot would be taken for this one's.
        match fs::remove_dir_all(&log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &log)(error)),
            _ => {}
        }
        fs::create_dir_all(&log).map_err(failed("make", &log))?;
        let directory = fs::canonicalize(directory).map_err(failed("find", directory))?;
        let output = fs::canonicalize(setup.output).map_err(failed("find", setup.output))?;
        let path = directory.join("setup");
        fs::write(&path, assignments(&output, setup)).map_err(failed("write", &path))?;
        let words = directory.join("log/head.out");
        let file = File::create(&words).map_err(failed("write", &words))?;
        let errors = file.try_clone().map_err(failed("write", &words))?;
        let head = unshare(user()?)
            .args(["sh", "-euc", SCRIPT, "head"])
            .current_dir(&directory)
            .env_clear()
            .env("PATH", PATHS.join(":"))
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors)
            // An interrupt on the terminal is for the caller, who ends this in good order.
            .process_group(0)
            .spawn()
            .map_err(failed("start", Path::new("unshare")))?;
        let interface = setup.interface.to_owned();
        let (events, cancel) = (Follow::new(words), setup.cancel.clone());
        let mut lab = Self { directory, interface, head, events, said: Vec::new(), steps: 0, is_busy: true, cancel };
        if let Some(other) = setup.joins {
            lab.wait_for("cable", LabError::Refused)?;
            other.join(&lab)?;
        }
        lab.wait_for("ready", LabError::Refused)?;
        Ok(lab)
    }

    /// Lays the cable from another head's interface to this one's network.
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    fn join(&self, other: &Self) -> Result<(), LabError> {
        // Both processes have said something, so they are in their own namespaces.
        let line = "ip link add \"$1\" type veth peer name \"$2\" netns \"$3\"; ip link set \"$1\" master \"$4\" up";
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.head.id().to_string(), "sh", "-euc", line, "sh", CABLE]);
        command.args([&other.interface, &other.head.id().to_string(), &self.interface]);
        let output = command.stdin(Stdio::null()).output().map_err(|source| LabError::Io {
            action: "start",
            path: PathBuf::from("nsenter"),
            source,
        })?;
        let words = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(()) } else { Err(LabError::Refused(words())) }
    }

    /// Ends the head that has joined this one's network, as if its power had failed: nobody hears of it.
    ///
    /// # Errors
    /// There is none.
    pub fn kill(&mut self, mut other: Self) -> Result<(), LabError> {
        // Its kernel goes on here, and would say that connections are closed.
        self.step("pull the other head's cable", &format!("ip link set {CABLE} down"))?;
        let _ = other.head.kill();
        let _ = other.head.wait();
        Ok(())
    }

    /// The lab's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Does one step on the head, a line of shell with `head.sh`'s functions, and waits for its end.
    ///
    /// # Errors
    /// It failed, or somebody wanted it to end; the lab ends with it.
    pub fn step(&mut self, action: &str, line: &str) -> Result<(), LabError> {
        self.steps += 1;
        let done = format!("done {}", self.steps);
        let input = self.head.stdin.as_mut().expect("it is closed only when the lab is dropped");
        // A closed pipe means that the head has ended; what it said before tells more.
        let _ = writeln!(input, "{line}\necho '{done}'").and_then(|()| input.flush());
        self.wait_for(&done, |words| LabError::Step { action: action.to_owned(), words })
    }

    /// What ended since this was asked last: services and machines, by name.
    pub fn ended(&mut self) -> Vec<String> {
        self.said.extend(self.events.lines());
        self.said.drain(..).filter_map(|line| line.strip_prefix("ended ").map(str::to_owned)).collect()
    }

    /// Whether the head still runs.
    pub fn is_up(&mut self) -> bool {
        matches!(self.head.try_wait(), Ok(None))
    }

    /// Waits for a line of the head's; else an error of its last words.
    fn wait_for(&mut self, wanted: &str, failed: impl FnOnce(String) -> LabError) -> Result<(), LabError> {
        let end = Instant::now() + STEP;
        self.is_busy = true;
        loop {
            self.cancel.check()?;
            let was_up = self.is_up();
            let lines = self.events.lines();
            let found = lines.iter().any(|line| line == wanted);
            self.said.extend(lines);
            if found {
                self.is_busy = false;
                return Ok(());
            }
            if !was_up || Instant::now() > end {
                let last = self.said.len().saturating_sub(LAST_WORDS);
                return Err(failed(self.said[last..].join("; ")));
            }
            thread::sleep(TICK);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The end of its input is the end of the head.
        drop(self.head.stdin.take());
        let patience = if self.is_busy { Duration::ZERO } else { PARTING };
        let end = Instant::now() + patience;
        while self.is_up() && Instant::now() < end {
            thread::sleep(TICK);
        }
        // It may have ended by itself.
        let _ = self.head.kill();
        let _ = self.head.wait();
        remove_disks(&self.directory);
        let _ = fs::remove_dir_all(self.directory.join("new"));
        let _ = fs::remove_file(self.directory.join("setup"));
    }
}

/// Removes what lay on the head's disks, which may belong to ids that only a namespace like the head's can remove.
fn remove_disks(directory: &Path) {
    if is_root().unwrap_or_default() {
        let _ = fs::remove_dir_all(directory.join("disk"));
        return;
    }
    let Ok(user) = user() else { return };
    // All its processes are gone, and so are its mounts.
    let mut remove = unshare(user);
    let _ = remove.args(["rm", "-rf", "disk"]).current_dir(directory).stdin(Stdio::null()).status();
}

/// Whether a program says something within a time, or before somebody wants that to end; the program is ended then in
/// any case, and what it said is removed.
#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
pub fn says(command: &[String], output: &Path, wanted: &str, patience: Duration, cancel: &Cancel) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let Ok(file) = File::create(output) else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
    let Ok(mut process) = command.spawn() else { return false };
    let end = Instant::now() + patience;
    let said = loop {
        // A prompt ends without a new line, so the whole is looked at.
        let is_there = fs::read(output).is_ok_and(|text| memchr::memmem::find(&text, wanted.as_bytes()).is_some());
        let is_over = Instant::now() > end || cancel.is_cancelled() || !matches!(process.try_wait(), Ok(None));
        if is_there || is_over {
            break is_there;
        }
        thread::sleep(TICK);
    };
    let _ = process.kill();
    let _ = process.wait();
    let _ = fs::remove_file(output);
    said
}

/// The text files below a directory, by their paths in it; what is no text, is a link, or longer than `max` is not
/// among them.
///
/// # Errors
/// The directory cannot be listed, or one of its files not be read.
#[expect(clippy::disallowed_methods, reason = "what is found is sorted")]
pub fn texts(directory: &Path, max: u64) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            if metadata.is_dir() {
                left.push(path);
            } else if metadata.is_file() && metadata.len() <= max {
                let name = path.strip_prefix(directory).unwrap_or(&path).to_string_lossy().into_owned();
                if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                    found.insert(name, text);
                }
            }
        }
    }
    Ok(found)
}

/// Tries until it works, time is up, or somebody wants that to end.
///
/// # Errors
/// The last try's.
pub fn patiently<T>(patience: Duration, cancel: &Cancel, mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let end = Instant::now() + patience;
    loop {
        match work() {
            Err(_) if Instant::now() < end && !cancel.is_cancelled() => thread::sleep(TICK),
            done => return done,
        }
    }
}

/// A word of shell that means itself.
#[must_use]
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn assignments(output: &Path, setup: &Setup<'_>) -> String {
    let mounts: Vec<String> =
        setup.disks.iter().enumerate().map(|(number, place)| format!("{number} {place}")).collect();
    format!(
        "output={}\nbundle={}\ninterface={}\njoins={}\naddress={}\nprefix={}\nmounts={}\n",
        quote(&output.to_string_lossy()),
        quote(setup.bundle),
        quote(setup.interface),
        setup.joins.map_or("", |_| "1"),
        setup.address,
        setup.prefix,
        quote(&mounts.join("\n"))
    )
}

/// Whether the caller may do more than a user namespace lets everybody do.
///
/// # Errors
/// There is no `/proc`.
pub fn is_root() -> Result<bool, LabError> {
    user().map(|user| user == 0)
}

/// Who runs this.
fn user() -> Result<u32, LabError> {
    let path = Path::new("/proc/self");
    fs::metadata(path).map(|me| me.uid()).map_err(|source| LabError::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })
}

#[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
fn unshare(user: u32) -> Command {
    let mut command = Command::new("unshare");
    if user != 0 {
        // The nodes' root has files of many owners.
        command.args(["--map-root-user", "--map-auto"]);
    }
    command.args(["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_shell() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn what_lacks_is_named_once() {
        let needs = [
            Need { file: "sh", package: "dash" },
            Need { file: "no-such-program", package: "b" },
            Need { file: "/no/such/file", package: "a" },
            Need { file: "/no/other/file", package: "a" },
        ];
        let error = check(&needs).expect_err("three lack").to_string();
        let wanted = "cannot start a head and nodes without no-such-program, /no/such/file, /no/other/file: \
                      apt-get install a b";
        assert_eq!(error, wanted);
        check(&needs[..1]).expect("every system has a shell");
    }
}

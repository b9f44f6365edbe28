//! The helper: two processes that do not trust what will run.
//!
//! The outer one makes the user namespace and waits for its ids, then makes the others and starts the inner one,
//! which is process 1 of the new pid namespace: when it ends, the kernel kills every process inside. The inner
//! one builds the root, leaves the host's file system for good, runs the command and sends the root back.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::process::ExitCode;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::mount::MountFlags;
use rustix::mount::MountPropagationFlags;
use rustix::mount::OpenTreeFlags;
use rustix::mount::UnmountFlags;
use rustix::process::DumpableBehavior;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;
use rustix::thread::UnshareFlags;

use super::HELPER_ARGUMENT;
use super::Job;
use super::confine;
use super::frame::Frame;
use super::frame::FrameWriter;
use super::frame::Verdict;
use super::probe;
use super::root;
use crate::limits::count;

/// The second argument of the inner process.
const INNER: &str = "inner";

/// Where the tmpfs is mounted until it becomes the root. The first that exists; what it hides is not needed.
const STAGES: [&str; 3] = ["/tmp", "/mnt", "/run"];

/// The host's device nodes that a program can expect to exist.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Parts of /proc that tell of, or reach into, the whole machine.
const MASKED: [&str; 7] = ["kcore", "keys", "sysrq-trigger", "timer_list", "sched_debug", "kallsyms", "kmsg"];

/// Runs the stage that the second argument names.
pub(super) fn main(stage: Option<&OsStr>) -> ExitCode {
    let streams = || -> io::Result<(File, File)> {
        // The standard library's stdin would read ahead, and what it took would be lost to the inner process.
        Ok((io::stdin().as_fd().try_clone_to_owned()?.into(), io::stdout().as_fd().try_clone_to_owned()?.into()))
    };
    if stage.is_some_and(|name| name == probe::STAGE) {
        return probe::main();
    }
    if stage.is_none() {
        confine::close_inherited();
    }
    let Ok((mut stdin, mut stdout)) = streams() else { return ExitCode::FAILURE };
    let verdict = match stage {
        None => outer(&mut stdin, &mut stdout).map(|()| None),
        Some(name) if name == INNER => Ok(Some(inner(&mut stdin, &mut stdout).err().unwrap_or(Verdict::Succeeded))),
        Some(_) => return ExitCode::FAILURE,
    };
    if let Some(verdict) = verdict.unwrap_or_else(Some) {
        let verdict = serde_json::to_vec(&verdict).expect("a verdict has a JSON form");
        if Frame::Done(verdict).write(&mut stdout).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Names a step of making the confinement that failed.
fn step<T, E: Into<io::Error>>(what: &str, result: Result<T, E>) -> Result<T, Verdict> {
    result.map_err(|error| Verdict::Unavailable(format!("the sandbox cannot {what}: {}", error.into())))
}

fn outer(stdin: &mut File, stdout: &mut File) -> Result<(), Verdict> {
    step("die with its parent", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    confine::unshare(UnshareFlags::NEWUSER).map_err(|error| {
        Verdict::Unavailable(format!(
            "the sandbox cannot make a user namespace ({error}): the host's kernel or a security policy forbids it \
             (see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, \
             user.max_user_namespaces; in a container, its seccomp profile); run as root on the host, or use \
             `--configure native`"
        ))
    })?;
    step("speak", Frame::Unshared.write(stdout))?;
    match step("listen", Frame::read(stdin))? {
        Frame::Mapped => {}
        _ => return Err(Verdict::Unavailable("the sandbox was not given its ids".into())),
    }
    step("drop its groups", rustix::thread::set_thread_groups(&[]))?;
    step("become root inside", rustix::thread::set_thread_gid(rustix::fs::Gid::ROOT))?;
    step("become root inside", rustix::thread::set_thread_uid(rustix::fs::Uid::ROOT))?;
    // A change of ids has cleared it.
    step("die with its parent", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    let flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWCGROUP;
    step("make its namespaces", confine::unshare(flags))?;
    step("take up its loopback interface", confine::raise_loopback())?;
    #[expect(clippy::disallowed_methods, reason = "the host starts processes")]
    let inner = Command::new("/proc/self/exe").args([HELPER_ARGUMENT, INNER]).env_clear().spawn();
    let status = step("start itself in its namespaces", inner.and_then(|mut inner| inner.wait()))?;
    if status.success() { Ok(()) } else { Err(Verdict::Failed(format!("the sandbox itself ended with {status}"))) }
}

fn inner(stdin: &mut File, stdout: &mut File) -> Result<(), Verdict> {
    step("die with its parent", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    step("hide from its children", rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))?;
    let Frame::Job(job) = step("listen", Frame::read(stdin))? else {
        return Err(Verdict::Unavailable("the sandbox was not told what to run".into()));
    };
    let job: Job = step("understand its job", serde_json::from_slice(&job))?;
    let stage = mount_stage()?;
    let opened = rustix::fs::open(stage, OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let directory = step("open its root", opened)?;
    root::extract(directory.as_fd(), stdin)
        .map_err(|error| Verdict::Io(format!("cannot lay out the root: {error}")))?;
    // A second view of the same tmpfs, without what is about to be mounted over it, to read it back through.
    let view = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let plain = step("keep a view of its root", rustix::mount::open_tree(rustix::fs::CWD, stage, view))?;
    furnish(directory.as_fd())?;
    enter(directory.as_fd())?;
    check_mounts()?;
    let status = supervise(&job, stdout)?;
    kill_all()?;
    if !status.success() {
        return Err(Verdict::Failed(describe(status)));
    }
    let mut tree = FrameWriter { to: stdout, kind: Frame::Tree };
    root::pack(plain.as_fd(), &mut tree).map_err(|error| Verdict::Io(format!("cannot read the root back: {error}")))
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".into(),
    }
}

/// Mounts the tmpfs that becomes the root, in a mount namespace that tells the host nothing.
fn mount_stage() -> Result<&'static str, Verdict> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    step("make its mounts private", rustix::mount::mount_change("/", private))?;
    let stage = STAGES.into_iter().find(|stage| std::path::Path::new(stage).is_dir()).unwrap_or("/tmp");
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    step("mount a tmpfs", rustix::mount::mount("tmpfs", stage, "tmpfs", flags, c"mode=0755,size=80%,nr_inodes=4m"))?;
    step("name its host", rustix::system::sethostname(b"localhost"))?;
    Ok(stage)
}

/// The path by which the kernel reaches an open directory without looking at names again.
fn by_descriptor(descriptor: BorrowedFd<'_>) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// Opens a directory of the root that mounts go on; nothing on its way may be a symbolic link.
fn open_mount_point(root: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Verdict> {
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = rustix::fs::ResolveFlags::BENEATH | rustix::fs::ResolveFlags::NO_SYMLINKS;
    step(
        &format!("find the directory /{name} in the root"),
        rustix::fs::openat2(root, name, flags, Mode::empty(), resolve),
    )
}

/// /dev, /proc, /sys and the places for passing things, all new and empty but for what a program can expect.
fn furnish(root: BorrowedFd<'_>) -> Result<(), Verdict> {
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    for (name, options) in
        [("tmp", c"mode=1777"), ("var/tmp", c"mode=1777"), ("run", c"mode=0755"), ("sys", c"mode=0555,size=4k")]
    {
        let point = open_mount_point(root, name)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        step(
            &format!("mount /{name}"),
            rustix::mount::mount("tmpfs", by_descriptor(point.as_fd()), "tmpfs", flags, options),
        )?;
    }
    let point = open_mount_point(root, "proc")?;
    step(
        "mount /proc",
        rustix::mount::mount("proc", by_descriptor(point.as_fd()), "proc", quiet | MountFlags::NODEV, None),
    )?;
    mask_proc(root)?;
    let point = open_mount_point(root, "dev")?;
    step(
        "mount /dev",
        rustix::mount::mount("tmpfs", by_descriptor(point.as_fd()), "tmpfs", quiet, c"mode=0755,size=64k"),
    )?;
    furnish_dev(root)
}

fn mask_proc(root: BorrowedFd<'_>) -> Result<(), Verdict> {
    let proc = open_mount_point(root, "proc")?;
    let proc = by_descriptor(proc.as_fd());
    for name in MASKED {
        let path = format!("{proc}/{name}");
        if std::path::Path::new(&path).exists() {
            step("mask /proc", rustix::mount::mount_bind("/dev/null", path))?;
        }
    }
    let sys = format!("{proc}/sys");
    step("bind /proc/sys", rustix::mount::mount_bind(&sys, &sys))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV;
    step("make /proc/sys read-only", rustix::mount::mount_remount(&sys, flags, ""))
}

fn furnish_dev(root: BorrowedFd<'_>) -> Result<(), Verdict> {
    let dev = open_mount_point(root, "dev")?;
    let path = by_descriptor(dev.as_fd());
    for name in DEVICES {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        step("make a device's place", rustix::fs::openat(&dev, name, flags, Mode::from_raw_mode(0o666)))?;
        step(
            &format!("bind /dev/{name}"),
            rustix::mount::mount_bind(format!("/dev/{name}"), format!("{path}/{name}")),
        )?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        step("furnish /dev", rustix::fs::symlinkat(target, &dev, name))?;
    }
    for (name, kind, options) in
        [("pts", "devpts", c"newinstance,ptmxmode=0666,mode=0620"), ("shm", "tmpfs", c"mode=1777")]
    {
        step("furnish /dev", rustix::fs::mkdirat(&dev, name, Mode::from_raw_mode(0o755)))?;
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        step(
            &format!("mount /dev/{name}"),
            rustix::mount::mount(kind, format!("{path}/{name}"), kind, flags, options),
        )?;
    }
    Ok(())
}

/// Makes the new root the only one there is.
fn enter(root: BorrowedFd<'_>) -> Result<(), Verdict> {
    step("enter its root", rustix::process::chdir(by_descriptor(root)))?;
    step("enter its root", rustix::process::pivot_root(".", "."))?;
    step("leave the host's root", rustix::mount::unmount(".", UnmountFlags::DETACH))?;
    step("enter its root", rustix::process::chdir("/"))
}

/// Every mount must be one of ours; a host's file system that is still there would be a hole.
fn check_mounts() -> Result<(), Verdict> {
    let table = step("read its mounts", std::fs::read_to_string("/proc/self/mountinfo"))?;
    for line in table.lines() {
        let point = line.split(' ').nth(4).unwrap_or_default();
        let below = |directory: &str| {
            point.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let ours = point == "/" || ["/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp"].into_iter().any(below);
        let kind = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if !ours || !["tmpfs", "proc", "devpts", "devtmpfs"].contains(&kind) {
            return Err(Verdict::Unavailable(format!(
                "the sandbox still sees a mount of the host at `{point}` ({kind})"
            )));
        }
    }
    Ok(())
}

/// Starts the command and watches over it until it ends or passes a limit.
fn supervise(job: &Job, stdout: &mut File) -> Result<ExitStatus, Verdict> {
    let (program, arguments) =
        job.command.split_first().ok_or_else(|| Verdict::Failed("no command was given".into()))?;
    let (mut log, end) = step("make a pipe", io::pipe())?;
    #[expect(clippy::disallowed_methods, reason = "the host starts processes")]
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(job.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir("/").stdin(Stdio::null()).stdout(step("make a pipe", end.try_clone())?).stderr(end);
    step("build its system call filter", confine::confine(&mut command, job))?;
    let child =
        command.spawn().map_err(|error| Verdict::Failed(format!("`{program}` could not be started: {error}")))?;
    // The command holds the writing ends of the pipe; dropped here, the pipe ends with the last process inside.
    drop(command);
    let main = Pid::from_child(&child);
    let deadline = Instant::now() + Duration::from_secs(job.timeout_seconds);
    let (words, mut said) = (count(job.words), 0);
    loop {
        said += pass_on(&mut log, stdout, words.saturating_sub(said), Duration::from_millis(100))?;
        if let Some(status) = reap(main)? {
            // What was said last is still in the pipe; a process left behind may keep it open, so do not wait.
            while pass_on(&mut log, stdout, words.saturating_sub(said), Duration::ZERO)? > 0 {}
            return Ok(status);
        }
        if Instant::now() > deadline {
            return Err(Verdict::Limit(format!(
                "it ran longer than {} seconds (limit `scripts`)",
                job.timeout_seconds
            )));
        }
        if processes()?.len() as u64 > job.processes {
            return Err(Verdict::Limit(format!("it had more than {} processes (limit `processes`)", job.processes)));
        }
    }
}

/// Waits at most `wait` for words of the command and passes on at most `left` bytes of them. Returns how many came.
fn pass_on(log: &mut io::PipeReader, stdout: &mut File, left: usize, wait: Duration) -> Result<usize, Verdict> {
    let mut ready = [PollFd::new(&*log, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    let count = match rustix::event::poll(&mut ready, Some(&wait)) {
        Ok(count) => count,
        Err(rustix::io::Errno::INTR) => 0,
        Err(error) => return step("wait", Err(error)),
    };
    let came = ready[0].revents();
    if count == 0 {
        return Ok(0);
    }
    if !came.contains(PollFlags::IN) {
        // Closed by everyone: nothing will come, and polling again would not wait.
        std::thread::sleep(Duration::from_nanos(wait.tv_nsec as u64));
        return Ok(0);
    }
    let mut buffer = [0; 64 << 10];
    let count = step("listen to the command", log.read(&mut buffer))?;
    let kept = count.min(left);
    if kept > 0 {
        step("speak", Frame::Log(buffer[..kept].to_vec()).write(stdout))?;
    }
    Ok(count)
}

/// Process 1 inherits every orphan. Returns the status of `main` when it has ended.
fn reap(main: Pid) -> Result<Option<ExitStatus>, Verdict> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == main => return Ok(Some(ExitStatus::from_raw(status.as_raw()))),
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return step("wait for the command", Err(error)),
        }
    }
}

/// All processes of the namespace but this one.
fn processes() -> Result<Vec<Pid>, Verdict> {
    let opened = rustix::fs::open("/proc", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let entries = step("read /proc", opened.and_then(rustix::fs::Dir::read_from))?;
    let mut pids = Vec::new();
    for entry in entries {
        let entry = step("read /proc", entry)?;
        let number = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
        pids.extend(number.and_then(Pid::from_raw).filter(|pid| pid.as_raw_nonzero().get() != 1));
    }
    Ok(pids)
}

/// Ends everything that the command left behind, so that nothing changes the root while it is read.
fn kill_all() -> Result<(), Verdict> {
    for _ in 0..100 {
        let left = processes()?;
        if left.is_empty() {
            return Ok(());
        }
        for pid in left {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(Verdict::Limit("processes were left behind faster than they could be ended".into()))
}

//! What the command in the sandbox can no longer do, and the only unsafe code of the crate.
//!
//! Capabilities, no-new-privileges, resource limits and the system call filter are applied in the forked child
//! before it becomes the command. The filter denies what a maintainer script has no business with even as root
//! of its own namespaces: new mounts and namespaces, tracing, kernel modules, keys, the clock. A denied call is
//! `EPERM`, as without privilege; one of a foreign architecture's table kills.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;
use rustix::thread::UnshareFlags;
use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen as Length;
use seccompiler::SeccompCmpOp as Op;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;
use seccompiler::sock_filter;

use super::Job;

/// What root of the sandbox may still do: own and change the files of its tree, change users, signal.
const CAPABILITIES: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL);

/// System calls by name and number.
macro_rules! calls {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), libc::$name)),*] };
}

/// Denied whatever their arguments are.
const DENIED: &[(&str, libc::c_long)] = calls![
    SYS_acct,
    SYS_add_key,
    SYS_adjtimex,
    SYS_bpf,
    SYS_clock_adjtime,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_fanotify_init,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_init_module,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_lookup_dcookie,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pivot_root,
    SYS_process_madvise,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_quotactl,
    SYS_reboot,
    SYS_request_key,
    SYS_setdomainname,
    SYS_sethostname,
    SYS_setns,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_syslog,
    SYS_umount2,
    SYS_unshare,
    SYS_userfaultfd,
    SYS_vhangup,
];

/// `CLONE_NEW*`: each of these in the flags of clone(2).
const NEW_NAMESPACES: [libc::c_int; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    0x80, // CLONE_NEWTIME
];

/// `TIOCSTI` and `TIOCLINUX`: typing into a terminal from inside.
const TERMINAL_INJECTION: [u64; 2] = [0x5412, 0x541c];

/// A call that the filter must refuse: its name, number, arguments, and the error it must give. None of the arguments
/// is an address of this process, so a call that is let through fails otherwise, or does nothing that lasts.
pub(super) struct Attempt {
    pub(super) name: String,
    call: libc::c_long,
    arguments: [libc::c_long; 4],
    wanted: libc::c_int,
}

/// One of every kind of call that must be refused.
pub(super) fn attempts() -> Vec<Attempt> {
    let attempt = |name: &str, call, arguments: [i64; 4]| {
        let arguments = arguments.map(|argument| argument as libc::c_long);
        let name = format!("call {}", name.trim_start_matches("SYS_"));
        Attempt { name, call, arguments, wanted: libc::EPERM }
    };
    let mut attempts: Vec<Attempt> = DENIED.iter().map(|&(name, call)| attempt(name, call, [-1; 4])).collect();
    for flag in NEW_NAMESPACES {
        // Signal handlers without memory in common are no process that a kernel makes.
        let flags = i64::from(flag) | i64::from(libc::CLONE_SIGHAND);
        attempts.push(attempt(&format!("SYS_clone with flag {flag:#x}"), libc::SYS_clone, [flags, 0, 0, 0]));
    }
    attempts.push(Attempt { wanted: libc::ENOSYS, ..attempt("SYS_clone3", libc::SYS_clone3, [-1, 0, 0, 0]) });
    for request in TERMINAL_INJECTION {
        attempts.push(attempt(&format!("SYS_ioctl {request:#x}"), libc::SYS_ioctl, [0, request as i64, -1, 0]));
    }
    for kind in [libc::S_IFCHR, libc::S_IFBLK] {
        let arguments = [i64::from(libc::AT_FDCWD), -1, i64::from(kind), 0];
        attempts.push(attempt(&format!("SYS_mknodat of kind {kind:#o}"), libc::SYS_mknodat, arguments));
    }
    attempts.push(attempt("SYS_personality", libc::SYS_personality, [0x004_0000, 0, 0, 0]));
    for (name, family, protocol) in [
        ("AF_VSOCK", libc::AF_VSOCK, 0),
        ("AF_PACKET", libc::AF_PACKET, 0),
        ("NETLINK_KOBJECT_UEVENT", libc::AF_NETLINK, libc::NETLINK_KOBJECT_UEVENT),
    ] {
        let arguments = [family, libc::SOCK_RAW, protocol, 0].map(i64::from);
        attempts.push(attempt(&format!("SYS_socket of {name}"), libc::SYS_socket, arguments));
    }
    attempts
}

impl Attempt {
    /// Makes the call. What it answers instead of being refused, if it is not.
    #[expect(unsafe_code, reason = "a call that no library makes")]
    pub(super) fn answer(&self) -> Option<String> {
        let [a, b, c, d] = self.arguments;
        // SAFETY: no argument is an address of this process's memory, and no call of the table changes it.
        let result = unsafe { libc::syscall(self.call, a, b, c, d, -1, -1) };
        let error = io::Error::last_os_error();
        match (result, error.raw_os_error()) {
            // A kernel without the call refuses it as well.
            (-1, Some(code)) if code == self.wanted || code == libc::ENOSYS => None,
            (-1, _) => Some(format!("it was let through, and answered: {error}")),
            _ => Some("it succeeded".to_owned()),
        }
    }
}

/// Leaves namespaces of this process for new ones.
#[expect(unsafe_code, reason = "unshare(2) is unsafe for CLONE_FILES in a process with threads")]
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    assert!(!flags.contains(UnshareFlags::FILES), "descriptors stay shared");
    // SAFETY: only namespaces are unshared, never the table of file descriptors.
    unsafe { rustix::thread::unshare_unsafe(flags) }?;
    Ok(())
}

/// Takes the loopback interface of this process's network namespace up (netdevice(7)): programs that a script starts look
/// for an interface, or reach themselves by it, as in a machine without a cable.
#[expect(unsafe_code, reason = "an ioctl that no library makes")]
pub(super) fn raise_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: all of its fields are numbers, or unions of numbers and one pointer that is not read for these flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the call reads one `ifreq`, which outlives it.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as libc::Ioctl, &raw const request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every file descriptor above stderr: nothing that the parent forgot to mark reaches the sandbox.
#[expect(unsafe_code, reason = "closing a descriptor by number is unsafe while something may own it")]
pub(super) fn close_inherited() {
    const LAST: RawFd = 65_536;
    // SAFETY: the helper has just been started and has opened nothing: no value of this process owns a
    // descriptor above 2.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) != 0 {
            for descriptor in 3..LAST {
                libc::close(descriptor);
            }
        }
    }
}

/// Arranges that `command` starts confined. Its fork happens in a process without other threads.
#[expect(unsafe_code, reason = "pre_exec runs between fork and exec")]
pub(super) fn confine(command: &mut Command, job: &Job) -> io::Result<()> {
    let filters = filters()?;
    // Of processes the kernel counts those of the namespace where it can; the supervisor counts too.
    let limits = [
        (Resource::Nofile, job.open_files),
        (Resource::Core, 0),
        (Resource::Fsize, job.file),
        (Resource::Nproc, job.processes),
    ];
    let apply = move || {
        rustix::process::setsid()?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        for (resource, limit) in limits {
            let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
            rustix::process::setrlimit(resource, limit)?;
        }
        drop_capabilities()?;
        rustix::thread::set_no_new_privs(true)?;
        for filter in &filters {
            seccompiler::apply_filter(filter).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        }
        Ok(())
    };
    // SAFETY: the helper has one thread, so after the fork no lock is held by a thread that is gone; `apply`
    // makes system calls on values that were built before the fork.
    unsafe { command.pre_exec(apply) };
    Ok(())
}

fn drop_capabilities() -> io::Result<()> {
    for bit in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if CAPABILITIES.contains(capability) {
            continue;
        }
        // Beyond the last capability that this kernel knows is `EINVAL`.
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let sets = CapabilitySets { effective: CAPABILITIES, permitted: CAPABILITIES, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)?;
    Ok(())
}

/// The filters in the order of their installation.
fn filters() -> io::Result<Vec<BpfProgram>> {
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().map(|&(_, call)| (call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, any_of(NEW_NAMESPACES.map(|flag| has_bits(0, flag as u64, flag as u64)))?);
    rules.insert(libc::SYS_ioctl, any_of(TERMINAL_INJECTION.map(|request| vec![(1, Op::Eq, request)]))?);
    // The query value apart, only Linux's own personality.
    rules.insert(libc::SYS_personality, any_of([vec![(0, Op::Ne, 0), (0, Op::Ne, 0xffff_ffff)]])?);
    let devices = [libc::S_IFCHR, libc::S_IFBLK].map(u64::from);
    let format = u64::from(libc::S_IFMT);
    rules.insert(libc::SYS_mknodat, any_of(devices.map(|kind| has_bits(2, format, kind)))?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_mknod, any_of(devices.map(|kind| has_bits(1, format, kind)))?);
    let family = |family: libc::c_int| (0, Op::Eq, family as u64);
    let (route, audit) = (libc::NETLINK_ROUTE as u64, libc::NETLINK_AUDIT as u64);
    let sockets = [
        vec![family(libc::AF_VSOCK)],
        vec![family(libc::AF_PACKET)],
        vec![family(libc::AF_NETLINK), (2, Op::Ne, route), (2, Op::Ne, audit)],
    ];
    rules.insert(libc::SYS_socket, any_of(sockets)?);
    let denied = compile(rules, libc::EPERM)?;
    // glibc falls back to clone(2), whose flags a filter can see, when clone3(2) does not exist.
    let absent = compile([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS)?;
    Ok(vec![no_foreign_numbers(), absent, denied])
}

type Condition = (u8, Op, u64);

fn has_bits(argument: u8, mask: u64, value: u64) -> Vec<Condition> {
    vec![(argument, Op::MaskedEq(mask), value)]
}

fn any_of<const N: usize>(rules: [Vec<Condition>; N]) -> io::Result<Vec<SeccompRule>> {
    let rule = |conditions: Vec<Condition>| {
        let conditions: Result<Vec<_>, _> = conditions
            .into_iter()
            .map(|(argument, op, value)| SeccompCondition::new(argument, Length::Dword, op, value))
            .collect();
        SeccompRule::new(conditions.map_err(io::Error::other)?).map_err(io::Error::other)
    };
    rules.into_iter().map(rule).collect()
}

fn compile(rules: std::collections::BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), architecture);
    filter.and_then(TryInto::try_into).map_err(io::Error::other)
}

/// Denies the x32 table of amd64 kernels, which has the same architecture mark and other numbers.
fn no_foreign_numbers() -> BpfProgram {
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(0x20, 0, 0, 0),                                 // load the number
        step(0x35, 0, 1, 0x4000_0000),                       // at least 2^30?
        step(0x06, 0, 0, 0x0005_0000 | libc::ENOSYS as u32), // then: no such call
        step(0x06, 0, 0, 0x7fff_0000),                       // else: the next filters decide
    ]
}

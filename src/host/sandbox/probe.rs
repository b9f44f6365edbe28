//! Whether the sandbox holds on this very machine: each way out is tried from inside, with this program as the root's
//! only file.
//!
//! The list follows what escapes from containers have used: mounts, namespaces, devices, tracing, modules, keys, the
//! clock, /proc, open descriptors, the terminal, the network, other processes, chroot(2).

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use super::HELPER_ARGUMENT;
use super::Namespaces;
use crate::format::elf::Object;
use crate::host::Sandbox as _;
use crate::host::SandboxError;
use crate::host::SandboxJob;
use crate::tree::Tree;
use crate::tree::tar;

/// The helper's second argument inside.
pub(super) const STAGE: &str = "probe";
/// Where the program lies inside.
const PROGRAM: &str = "/imgbuild";
/// A probe takes milliseconds; one that does not end has found something.
const TIMEOUT: Duration = Duration::from_secs(120);

/// One way out that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was tried.
    pub what: String,
    /// How it went where it should not have; `None`: the sandbox held.
    pub open: Option<String>,
}

impl Namespaces {
    /// Tries each known way out of the sandbox from inside.
    ///
    /// # Errors
    /// There is no sandbox here, or the probe did not come to its end.
    pub fn examine(&self) -> Result<Vec<Finding>, SandboxError> {
        let (tree, libraries) = root(&self.helper).map_err(SandboxError::Io)?;
        let mut input = Vec::new();
        tar::write(&tree, &mut input).map_err(|error| SandboxError::Io(io::Error::other(error)))?;
        let job = SandboxJob {
            command: [PROGRAM, HELPER_ARGUMENT, STAGE].map(str::to_owned).to_vec(),
            environment: vec![("LD_LIBRARY_PATH".to_owned(), libraries)],
            timeout: TIMEOUT,
        };
        let mut said = Vec::new();
        self.run(&job, &mut input.as_slice(), &mut io::sink(), &mut said)?;
        let unclear = |error: serde_json::Error| {
            let words = String::from_utf8_lossy(&said).chars().take(500).collect::<String>();
            SandboxError::Failed(format!("a report that cannot be read ({error}): {}", words.escape_debug()))
        };
        serde_json::from_slice(&said).map_err(unclear)
    }
}

/// A root with this program and what it is linked to; and where the latter lies.
fn root(program: &Path) -> io::Result<(Tree, String)> {
    let mut tree = Tree::new();
    let add = |tree: &mut Tree, path: &str, bytes: Vec<u8>| {
        tree.write(path, 0o755, bytes).map(drop).map_err(io::Error::other)
    };
    for name in ["dev", "proc", "sys", "run", "tmp", "var/tmp"] {
        tree.make_directories(name, 0o755).map_err(io::Error::other)?;
    }
    let bytes = fs::read(program)?;
    let object = Object::parse(&bytes).map_err(io::Error::other)?;
    if let Some(loader) = object.interpreter.map(String::from_utf8_lossy) {
        add(&mut tree, &loader, fs::read(loader.as_ref())?)?;
    }
    for path in mapped()? {
        let library = fs::read(&path)?;
        let dynamic = Object::parse(&library).map_err(io::Error::other)?.dynamic.unwrap_or_default();
        if let Some(name) = dynamic.soname.map(String::from_utf8_lossy) {
            add(&mut tree, &format!("lib/{name}"), library.clone())?;
        }
    }
    add(&mut tree, PROGRAM, bytes)?;
    Ok((tree, "/lib".to_owned()))
}

/// The libraries that this process has loaded: the same that it needs inside.
fn mapped() -> io::Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/maps")?;
    let paths = table.lines().filter_map(|line| line.split_ascii_whitespace().nth(5));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.starts_with('/') && path.contains(".so")).map(PathBuf::from).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

#[cfg(target_os = "linux")]
pub(super) use inside::main;

/// What runs in the sandbox.
#[cfg(target_os = "linux")]
mod inside {
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::process::ExitCode;

    use rustix::process::Pid;
    use rustix::process::Signal;

    use super::*;
    use crate::host::sandbox::confine;

    /// Capabilities that a process inside may have at most, as `/proc/self/status` writes them: CHOWN, DAC_OVERRIDE,
    /// FOWNER, FSETID, KILL, SETGID, SETUID, SYS_CHROOT, SETFCAP (capabilities(7)).
    const CAPABILITIES: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 18 | 1 << 31;
    /// Names that /dev may have.
    const DEVICES: [&str; 13] =
        ["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"];

    /// `None`: held.
    type Answer = Option<String>;

    /// Tries everything and prints the findings as JSON.
    pub(in crate::host::sandbox) fn main() -> ExitCode {
        let mut findings: Vec<Finding> = confine::attempts()
            .iter()
            .map(|attempt| Finding { what: attempt.name.clone(), open: attempt.answer() })
            .collect();
        let probes: [(&str, fn() -> Answer); 14] = [
            ("see a mount of the host", mounts),
            ("have an open file of the host", descriptors),
            ("have more than a script's capabilities", capabilities),
            ("change the kernel's settings", settings),
            ("read the kernel's memory or keys", masked),
            ("find devices", devices),
            ("make a device", make_device),
            ("look into /sys or a control group", sysfs),
            ("see processes of the host", processes),
            ("look into the process above", process_one),
            ("kill the process above", kill_process_one),
            ("reach a network", network),
            ("find sockets of the host", sockets),
            // The last: it changes the root of this process.
            ("climb out of a chroot", chroot),
        ];
        for (what, probe) in probes {
            findings.push(Finding { what: what.to_owned(), open: probe() });
        }
        let text = serde_json::to_vec(&findings).expect("findings have a JSON form");
        match io::stdout().write_all(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    }

    fn read(path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))
    }

    /// The names in a directory, sorted.
    #[expect(clippy::disallowed_methods, reason = "sorted here")]
    fn names(path: &str) -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn mounts() -> Answer {
        let table = match read("/proc/self/mountinfo") {
            Ok(table) => table,
            Err(error) => return Some(error),
        };
        let strange = table.lines().find(|line| {
            let kind = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
            let point = line.split(' ').nth(4).unwrap_or_default();
            // Single devices of the host: each at its own name, and /dev/null over parts of /proc.
            let of_host = line.split(' ').nth(3).unwrap_or_default();
            let device = kind == "devtmpfs" && (point == format!("/dev{of_host}") || of_host == "/null");
            !["tmpfs", "proc", "devpts"].contains(&kind) && !device
        });
        strange.map(str::to_owned)
    }

    fn descriptors() -> Answer {
        let above = names("/proc/self/fd").into_iter().filter_map(|name| name.parse::<u32>().ok());
        // The listing itself holds one.
        let open: Vec<u32> = above.filter(|number| *number > 3).collect();
        (!open.is_empty()).then(|| format!("descriptors {open:?} are open"))
    }

    fn capabilities() -> Answer {
        let status = match read("/proc/self/status") {
            Ok(status) => status,
            Err(error) => return Some(error),
        };
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        for name in ["CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"] {
            let set = field(name).and_then(|value| u64::from_str_radix(value, 16).ok());
            if set.is_none_or(|set| set & !CAPABILITIES != 0) {
                return Some(format!("{name} is {}", field(name).unwrap_or("missing")));
            }
        }
        let wanted = [("NoNewPrivs", "1"), ("Seccomp", "2")];
        let missing = wanted.into_iter().find(|(name, value)| field(name) != Some(value));
        missing.map(|(name, _)| format!("{name} is {}", field(name).unwrap_or("missing")))
    }

    fn settings() -> Answer {
        let files = ["kernel/core_pattern", "kernel/randomize_va_space", "kernel/modprobe", "vm/overcommit_memory"];
        let write = |name: &&str| fs::OpenOptions::new().write(true).open(format!("/proc/sys/{name}")).is_ok();
        files.into_iter().find(write).map(|name| format!("`/proc/sys/{name}` can be written"))
    }

    fn masked() -> Answer {
        use std::os::unix::fs::MetadataExt as _;
        let null = fs::metadata("/dev/null").map(|metadata| metadata.rdev()).ok();
        let names = ["kcore", "keys", "kmsg", "kallsyms", "sysrq-trigger", "timer_list"];
        let bare = |name: &&str| fs::metadata(format!("/proc/{name}")).is_ok_and(|file| Some(file.rdev()) != null);
        names.into_iter().find(bare).map(|name| format!("`/proc/{name}` is there"))
    }

    fn devices() -> Answer {
        let strange = names("/dev").into_iter().find(|name| !DEVICES.contains(&name.as_str()));
        strange.map(|name| format!("`/dev/{name}` is there"))
    }

    fn make_device() -> Answer {
        let mode = rustix::fs::Mode::from_raw_mode(0o666);
        let kind = rustix::fs::FileType::BlockDevice;
        let made = rustix::fs::mknodat(rustix::fs::CWD, "/tmp/disk", kind, mode, rustix::fs::makedev(8, 0));
        made.is_ok().then(|| "a node of the first disk was made".to_owned())
    }

    fn sysfs() -> Answer {
        names("/sys").first().map(|name| format!("`/sys/{name}` is there"))
    }

    fn processes() -> Answer {
        let others = names("/proc").into_iter().filter_map(|name| name.parse::<u32>().ok());
        let strange: Vec<u32> = others.filter(|&pid| pid != 1 && pid != std::process::id()).collect();
        (!strange.is_empty()).then(|| format!("processes {strange:?} are seen"))
    }

    fn process_one() -> Answer {
        let open = ["environ", "mem", "maps"].into_iter().find(|name| {
            let mut byte = [0];
            fs::File::open(format!("/proc/1/{name}")).is_ok_and(|mut file| io::Read::read(&mut file, &mut byte).is_ok())
        });
        if let Some(name) = open {
            return Some(format!("`/proc/1/{name}` can be read"));
        }
        fs::read_link("/proc/1/root").is_ok().then(|| "`/proc/1/root` can be followed".to_owned())
    }

    fn kill_process_one() -> Answer {
        let first = Pid::from_raw(1).expect("1 is no zero");
        // The kernel keeps signals from inside away from it; had one come through, this would be the end.
        let _ = rustix::process::kill_process(first, Signal::KILL);
        (!Path::new("/proc/1").exists()).then(|| "it is gone".to_owned())
    }

    fn network() -> Answer {
        let table = read("/proc/net/dev").unwrap_or_default();
        let mut interfaces = table.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim);
        if let Some(name) = interfaces.find(|name| *name != "lo") {
            return Some(format!("there is an interface `{name}`"));
        }
        // 192.0.2.0/24 is nobody's (RFC 5737): a network would say so after a while, none says it at once.
        let address = "192.0.2.1:80".parse().expect("an address");
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Err(error) if error.kind() == io::ErrorKind::NetworkUnreachable => None,
            Err(error) => Some(format!("a connection is tried: {error}")),
            Ok(_) => Some("a connection was made".to_owned()),
        }
    }

    fn sockets() -> Answer {
        // Sockets without a file have names in their network namespace; the last column of its table.
        let table = read("/proc/net/unix").unwrap_or_default();
        let named = table.lines().skip(1).find(|line| line.split_ascii_whitespace().nth(7).is_some());
        named.map(|line| format!("a socket is there: {line}"))
    }

    fn chroot() -> Answer {
        let climbed = (|| -> rustix::io::Result<()> {
            let root = rustix::fs::open("/", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty())?;
            rustix::process::chroot("/tmp")?;
            rustix::process::fchdir(&root)?;
            for _ in 0..64 {
                rustix::process::chdir("..")?;
            }
            rustix::process::chroot(".")
        })();
        if let Err(error) = climbed {
            return Some(format!("it could not be tried: {error}"));
        }
        let found = names("/");
        let wanted = found.iter().any(|name| name == "imgbuild");
        (!wanted).then(|| format!("another root was reached, with {}", found.join(", ")))
    }
}

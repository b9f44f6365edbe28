//! What a program costs that is run as a process of its own, and the bare limit that stands beside it.
//!
//! Time and memory are what time(1) says, of all processes that the program started. Bytes written are `write_bytes` of
//! `/proc/PID/io`, likewise: what was handed to file systems that have a disk, in whole pages; nothing for a pipe, and
//! nothing a second time for a page that is written over before it is on the disk.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use imgbuild::recipe::Lock;
use imgbuild::recipe::LockedPackage;
use sha2::Digest as _;
use sha2::Sha256;

/// The first argument of a bench that is to do what is the bare limit, and nothing else.
const LIMIT: &str = "bare-limit";
/// The last argument where kernel modules are decoded as well.
const ALL: &str = "all";
/// The document that has the tables.
const DOCUMENT: &str = "doc/speed.md";

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, of the program and the system.
    pub(crate) cpu: f64,
    /// Of the largest process.
    pub(crate) peak_mib: f64,
    /// To disks.
    pub(crate) written_mib: f64,
}

/// Runs a program; what it says on stderr is left in `place/log`.
pub(crate) fn run(command: impl AsRef<OsStr>, args: &[OsString], place: &Path) -> Cost {
    // What a shell has waited for counts as its own in /proc.
    const SCRIPT: &str = "cost=$1; shift; command time --format '%e %U %S %M' --output \"$cost\" \"$@\" || exit; \
                          while read -r name count; do [ \"$name\" != write_bytes: ] || echo \"$count\"; done \
                          < /proc/$$/io >> \"$cost\"";
    let (cost, log) = (place.join("cost"), place.join("log"));
    let output = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(&cost)
        .arg(command.as_ref())
        .args(args)
        .env("TMPDIR", place)
        .output()
        .expect("there is a shell");
    fs::write(&log, &output.stderr).expect("ours");
    let command = command.as_ref().to_string_lossy();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(cost).expect("time(1) is installed, and wrote it");
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, user, system, peak, written] = numbers[..] else { panic!("time(1) and /proc said {text:?}") };
    Cost { wall, cpu: user + system, peak_mib: peak / 1024.0, written_mib: written / f64::from(1 << 20) }
}

/// The program that is measured: this build's, or another one, for before and after.
pub(crate) fn program() -> OsString {
    std::env::var_os("IMGBUILD_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into())
}

/// Words as arguments.
pub(crate) fn words<T: AsRef<OsStr>>(words: &[T]) -> Vec<OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A number of a switch of ours.
pub(crate) fn number(switch: &str, default: usize) -> usize {
    match std::env::var(switch) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{switch}: `{text}` is no number")),
        Err(_) => default,
    }
}

/// Whether all switches are on; the first that is not is told.
pub(crate) fn switched_on(switches: &[&str]) -> bool {
    let off = switches.iter().find(|switch| std::env::var_os(switch).is_none_or(|value| value != "1"));
    off.inspect(|switch| println!("skipped: all of it (set {switch}=1)")).is_none()
}

/// Whether the documents are to be written anew.
pub(crate) fn writes() -> bool {
    std::env::var_os("IMGBUILD_TEST_WRITE").is_some_and(|value| value == "1")
}

/// Prints a table, and writes it between its marks in the document where that is asked for.
pub(crate) fn publish(name: &str, table: &str) {
    println!("{table}");
    if !writes() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = fs::read_to_string(&path).expect("the document is there");
    let marks = [format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->")];
    let (before, rest) = text.split_once(&marks[0]).expect("the document has the mark");
    let (_, after) = rest.split_once(&marks[1]).expect("the document has the second mark");
    let [begin, end] = marks;
    fs::write(path, format!("{before}{begin}\n{table}\n{end}{after}")).expect("the document can be written");
}

/// When and where it was measured, for below a table.
pub(crate) fn occasion(runs: usize) -> String {
    let now = jiff::Timestamp::from_second(imgbuild::host::now()).expect("a time").to_string();
    let mut text = format!("Medians of {runs}");
    if runs == 1 {
        "One run".clone_into(&mut text);
    }
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: processors");
    let model = model.trim_start_matches([' ', '\t', ':']);
    write!(text, ", {}, {} × {model}, {}.", &now[..10], jobs(), env!("CARGO_PKG_VERSION")).expect("a text");
    text
}

/// As many as imgbuild has, and no switch changes.
fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Measures the bare limit of a lock: its packages, which lie in the cache of a build, hashed, decoded, each of their
/// files hashed, and as many bytes written as `root` has. With `all` also what else must be decoded: the archive's index,
/// which says what to take, and each kernel module, which says what `modules.dep` says.
pub(crate) fn bare_limit(cache: &Path, lock: &Path, root: &Path, place: &Path, all: bool) -> Cost {
    let bytes = fs::metadata(root).expect("the root was built").len().to_string();
    let all = OsStr::new(if all { ALL } else { "" });
    let args = [OsStr::new(LIMIT), cache.as_os_str(), lock.as_os_str(), place.as_os_str(), OsStr::new(&bytes), all];
    run(std::env::current_exe().expect("it runs"), &words(&args), place)
}

/// Does what [`bare_limit`] measures, where this process was started for that.
pub(crate) fn is_bare_limit() -> bool {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [first, cache, lock, place, bytes, all] = args.as_slice() else { return false };
    if first != LIMIT {
        return false;
    }
    let lock = Lock::read(Path::new(lock)).expect("a lock").expect("it is there");
    let mut packages: Vec<&LockedPackage> = lock.all_packages().collect();
    packages.sort_by_key(|package| Reverse(package.size));
    let all = all == ALL;
    let indexes = if all { indexes(Path::new(cache)) } else { Vec::new() };
    let bytes = bytes.to_str().and_then(|bytes| bytes.parse().ok()).expect("a number");
    let (next, left) = (AtomicUsize::new(0), AtomicU64::new(bytes));
    std::thread::scope(|scope| {
        for job in 0..jobs() {
            let output = Path::new(place).join(format!("written-{job}"));
            let (next, left, packages, indexes) = (&next, &left, &packages, &indexes);
            scope.spawn(move || {
                let mut output = File::create(output).expect("ours");
                let mut write = |bytes: &[u8]| {
                    let wanted = bytes.len() as u64;
                    let had = left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(wanted)));
                    let count = had.expect("always some").min(wanted) as usize;
                    output.write_all(&bytes[..count]).expect("the disk has room");
                };
                if job == 0 {
                    indexes.iter().for_each(|index| decode_index(index));
                }
                while let Some(package) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sha256 = package.sha256.to_string();
                    let (shard, name) = sha256.split_at(2);
                    decode(&Path::new(cache).join("sha256").join(shard).join(name), &sha256, all, &mut write);
                }
            });
        }
    });
    // What the root has beyond the packages' files: headers, and what scripts made.
    let mut rest = File::create(Path::new(place).join("rest")).expect("ours");
    io::copy(&mut io::repeat(0).take(left.into_inner()), &mut rest).expect("the disk has room");
    true
}

/// The archives' indexes that lie in a cache as they were fetched.
fn indexes(cache: &Path) -> Vec<PathBuf> {
    let list = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.expect("the build left it").path()).collect()
    };
    let mut found: Vec<PathBuf> = list(&cache.join("sha256")).iter().flat_map(|shard| list(shard)).collect();
    found.retain(|path| {
        let mut begin = [0; 6];
        let mut file = BufReader::new(File::open(path).expect("the build left it"));
        if file.read_exact(&mut begin).is_err() || begin != *b"\xfd7zXZ\0" {
            return false;
        }
        let mut text = [0; 9];
        let packed = begin.as_slice().chain(file);
        decoder("index.xz", BufReader::new(packed)).read_exact(&mut text).is_ok() && text == *b"Package: "
    });
    assert!(!found.is_empty(), "a build from an empty cache fetches an index");
    found
}

fn decode_index(path: &Path) {
    let mut buffer = vec![0; 64 << 10];
    hash(&mut File::open(path).expect("the build left it"), &mut buffer, &mut |_| {});
    let file = BufReader::new(File::open(path).expect("the build left it"));
    hash(&mut decoder("index.xz", file), &mut buffer, &mut |_| {});
}

/// One .deb, by the crates that imgbuild has, and none of its code.
fn decode(path: &Path, sha256: &str, modules: bool, write: &mut dyn FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    let found = hash(&mut File::open(path).expect("the build had it"), &mut buffer, &mut |_| {});
    let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, sha256);
    let mut archive = ar::Archive::new(BufReader::new(File::open(path).expect("the build had it")));
    while let Some(member) = archive.next_entry() {
        let member = member.expect("a .deb");
        let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
        if name == "debian-binary" {
            continue;
        }
        let mut files = tar::Archive::new(decoder(&name, BufReader::with_capacity(64 << 10, member)));
        for file in files.entries().expect("a tar") {
            let mut file = file.expect("a tar");
            if name.starts_with("data") {
                let is_module = modules && file.path_bytes().ends_with(b".ko.xz");
                let mut packed = Vec::new();
                hash(&mut file, &mut buffer, &mut |bytes| {
                    packed.extend_from_slice(if is_module { bytes } else { &[] });
                    write(bytes);
                });
                if is_module {
                    io::copy(&mut decoder("module.xz", packed.as_slice()), &mut io::sink()).expect("it is whole");
                }
            } else {
                hash(&mut file, &mut buffer, &mut |_| {});
            }
        }
        // What follows the last file is the checksum of all.
        hash(&mut files.into_inner(), &mut buffer, &mut |_| {});
    }
}

fn decoder<'a>(name: &str, input: impl BufRead + 'a) -> Box<dyn Read + 'a> {
    match name.rsplit('.').next() {
        Some("xz") => {
            let stream = xz2::stream::Stream::new_stream_decoder(u64::MAX, 0).expect("memory");
            Box::new(xz2::bufread::XzDecoder::new_stream(input, stream))
        }
        Some("zst") => Box::new(zstd::Decoder::with_buffer(input).expect("memory")),
        Some("gz") => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Some("tar") => Box::new(input),
        _ => panic!("{name}: it is not known how to decode this"),
    }
}

fn hash(input: &mut dyn Read, buffer: &mut [u8], write: &mut dyn FnMut(&[u8])) -> [u8; 32] {
    let mut hash = Sha256::new();
    loop {
        match input.read(buffer).expect("it is whole") {
            0 => return hash.finalize().into(),
            count => {
                hash.update(&buffer[..count]);
                write(&buffer[..count]);
            }
        }
    }
}

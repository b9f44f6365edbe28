//! Interruption: whenever somebody wants a build to end, it ends within a second, says so and nothing else, and leaves
//! nothing. The program by signals at random moments of every stage, the library by a reporter that says so at one of
//! the times it is asked.
//!
//! What is printed is what was measured. What is asserted is the time that the program itself takes, which is the same
//! on a machine that does other things as well, and that it never waits for long.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::host::Reporter;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::http::HttpServer;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitId;
use rustix::process::WaitIdOptions;
use rustix::process::waitid;

use crate::bounds::processor_time;
use crate::cluster::boots;
use crate::hostile::World;
use crate::hostile::files;
use crate::hostile::hello;
use crate::hostile::names;
use crate::http::honest_but;
use crate::switched_on;

/// Signals that are sent, over all stages.
const SIGNALS: usize = 100;
/// Of the processor, on all its cores, from a signal to the end.
const WORK_MAX: Duration = Duration::from_secs(1);
/// By the clock, for a machine that boots clusters at the same time.
const TIME_MAX: Duration = Duration::from_secs(30);
/// As doc/commands.md says.
const CODES: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];
/// All formats that say something else to the disk, the slow ones first.
const FORMATS: &str =
    "[output]\nformats = [\"tar.xz\", \"squashfs\", \"erofs\", \"newc\", \"tar\", \"tar.zst\", \"tar.gz\"]\n";
/// The stages of a build without a head, and what comes after the last of them. Writing lasts longest, and has most.
const STAGES: [&str; 10] =
    ["index", "download", "unpack", "write", "configure", "write", "overlay", "write", "write", "after write"];

/// Bytes that compress a little, the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 58) as u8
    };
    (0..length).map(|_| b'0' + next()).collect()
}

/// A package whose every stage lasts a moment.
fn archive(megabytes: usize) -> ArchiveBuilder {
    let mut deb = hello().file("/usr/share/hello/large", 0o644, noise(megabytes << 20));
    for number in 0..300 {
        deb = deb.file(&format!("/usr/share/hello/small/{number}"), 0o644, format!("{number}\n").repeat(number * 9));
    }
    let script = "#!/bin/sh\nset -e\ni=0\nwhile [ $i -lt 3000 ]; do i=$((i+1)); done\n";
    ArchiveBuilder::new("test").package(&deb.script("postinst", script))
}

/// Numbers below one, spread evenly.
fn chance(seed: usize) -> f64 {
    let digest = Sha256::of(&seed.to_be_bytes());
    f64::from(u16::from_be_bytes([digest.as_bytes()[0], digest.as_bytes()[1]])) / 65_536.0
}

/// The program while it runs, and what it says meanwhile: the beginnings and ends of its stages.
struct Running {
    child: Child,
    marks: mpsc::Receiver<(String, Instant)>,
    reader: JoinHandle<()>,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "the program is what is tested, and a pipe needs a reader")]
    fn start(place: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(arguments).current_dir(place).env_clear().envs(variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let words = BufReader::new(child.stderr.take().expect("it is piped"));
        let (sender, marks) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in words.lines().map_while(Result::ok) {
                let Ok(event) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
                let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                let mark = match text("event").as_str() {
                    "stage-started" => text("stage"),
                    "stage-finished" => format!("after {}", text("stage")),
                    "error" => format!("error {}", text("message")),
                    _ => continue,
                };
                // Nobody listens any more when the program has been told to end.
                let _ = sender.send((mark, Instant::now()));
            }
        });
        Self { child, marks, reader }
    }

    /// Waits for the beginning of a stage; whether it came.
    fn reaches(&self, stage: &str) -> bool {
        self.marks.iter().any(|(mark, _)| mark == stage)
    }

    /// Sends a signal, and waits for the end: the exit code, the last words, and how long it took; no time if it was
    /// done already.
    fn interrupt(self, signal: Signal) -> (Option<i32>, String, Option<Duration>) {
        // It is not waited for yet, so that its number is still its own.
        let pid = Pid::from_child(&self.child);
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let before = processor_time(&process).expect("it is not waited for");
        rustix::process::kill_process(pid, signal).expect("it can be signalled");
        let sent = Instant::now();
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("it is ours");
        let took = sent.elapsed();
        let work = processor_time(&process).expect("it is not waited for").saturating_sub(before);
        let (code, words) = self.end();
        if code == Some(0) {
            return (code, words, None);
        }
        assert!(work < WORK_MAX, "{work:?} of work, {took:?} by the clock");
        assert!(took < TIME_MAX, "{took:?} by the clock, {work:?} of work");
        (code, words, Some(took))
    }

    /// Waits for its end: its exit code, and its last words if it had any.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it can be waited for").code();
        self.reader.join().expect("the reader does not panic");
        let error = self.marks.iter().filter_map(|(mark, _)| mark.strip_prefix("error ").map(str::to_owned)).last();
        (code, error.unwrap_or_default())
    }
}

/// How often a signal is sent to a stage that has ended before.
const TRIES: u32 = 4;

/// How long each mark was the last one, in a build that nobody interrupts.
fn durations(running: Running) -> BTreeMap<String, Duration> {
    let marks: Vec<(String, Instant)> = running.marks.iter().collect();
    let over = Instant::now();
    let (code, words) = running.end();
    assert_eq!(code, Some(0), "{words}");
    let ends = marks.iter().skip(1).map(|(_, at)| *at).chain([over]);
    marks.iter().zip(ends).map(|((mark, at), end)| (mark.clone(), end - *at)).collect()
}

/// Sends a signal somewhere in a stage, and returns how long it then took; nothing when it came too late.
fn interrupt(running: Running, stage: &str, after: Duration, (signal, wanted): (Signal, i32)) -> Option<Duration> {
    assert!(running.reaches(stage), "{stage} did not begin: {:?}", running.end());
    std::thread::sleep(after);
    let (code, words, took) = running.interrupt(signal);
    if took.is_some() {
        assert_eq!((code, words.as_str()), (Some(wanted), "interrupted"), "{stage} after {after:?}");
    }
    took
}

/// Nothing unfinished lies beside the output, nor in the store.
fn assert_nothing_left(place: &Path, cache: &str, what: &str) {
    let left: Vec<String> = names(place).into_iter().filter(|name| name.starts_with(".imgbuild")).collect();
    assert_eq!(left, Vec::<String>::new(), "{what}");
    assert!(!place.join("out").exists(), "{what}: there is an output");
    assert_eq!(files(&place.join(cache).join("incoming")), Vec::<PathBuf>::new(), "{what}");
    assert_eq!(files(&place.join(cache).join("damaged")), Vec::<PathBuf>::new(), "{what}");
}

#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn tell(what: &str, mut times: Vec<Duration>, late: usize) {
    times.sort();
    let (median, worst) = (times.get(times.len() / 2), times.last());
    let (median, worst) = (median.copied().unwrap_or_default(), worst.copied().unwrap_or_default());
    eprintln!("{what}: {} signals, {late} too late; to the end {median:?} median, {worst:?} worst", times.len());
}

/// Sends signals at random moments of the stages; those in `fresh` are what a cache makes short, and have none.
fn interrupt_all(start: &dyn Fn(&str) -> Running, place: &Path, stages: &[&str], fresh: &[&str]) {
    // The first build fills the cache `warm`; the second shows how long what follows takes with it.
    let cold = durations(start("warm"));
    fs::remove_dir_all(place.join("out")).expect("it was built");
    let warm = durations(start("warm"));
    fs::remove_dir_all(place.join("out")).expect("it was built");
    let mut times: BTreeMap<&str, (Vec<Duration>, usize)> = BTreeMap::new();
    for number in 0..SIGNALS {
        let stage = stages[number % stages.len()];
        let (cache, durations) = if fresh.contains(&stage) { ("fresh", &cold) } else { ("warm", &warm) };
        let mut after = durations.get(stage).copied().unwrap_or_default().mul_f64(chance(number));
        // How long a stage lasts is known from another build: what comes too late comes earlier the next time.
        for _ in 0..TRIES {
            let _ = fs::remove_dir_all(place.join("fresh"));
            let took = interrupt(start(cache), stage, after, CODES[number / stages.len() % 2]);
            let of_stage = times.entry(stage).or_default();
            if let Some(took) = took {
                of_stage.0.push(took);
                assert_nothing_left(place, cache, &format!("{stage} after {after:?}"));
                break;
            }
            of_stage.1 += 1;
            fs::remove_dir_all(place.join("out")).expect("it says that it was built");
            after /= 3;
        }
    }
    let all: Vec<Duration> = times.values().flat_map(|(times, _)| times.clone()).collect();
    let late = times.values().map(|(_, late)| late).sum();
    assert!(all.len() * 4 >= SIGNALS * 3, "only {} of {SIGNALS} signals came in time to be of use", all.len());
    for (stage, (times, late)) in times {
        tell(stage, times, late);
    }
    tell("all stages", all, late);
    // What was interrupted has damaged nothing: the store is as good as a new one.
    let _ = durations(start("warm"));
}

/// Case 110, as people do it.
#[test]
fn a_signal_at_any_moment() {
    let archive = archive(2);
    let world = World::new(&archive).recipe(FORMATS);
    let place = world.place.path();
    let server: HttpServer = honest_but(&archive, "nothing", vec![]);
    let mirror = server.url("debian");
    let start = |cache: &str| {
        let arguments = ["small.toml", "-o", "out", "--cache", cache, "--mirror", &mirror, "--events", "json"];
        Running::start(place, &arguments, &[])
    };
    interrupt_all(&start, place, &STAGES, &["index", "download", "unpack"]);
    // `verify`, `verify --rebuild` and `compare` read what a build has written.
    let others = [
        vec!["verify", "out"],
        vec!["verify", "out", "--rebuild", "small.toml", "--cache", "warm", "--mirror", &mirror],
        vec!["compare", "out/root.tar.xz", "out/root.tar.gz"],
    ];
    for arguments in others {
        let begun = Instant::now();
        let (code, _) = Running::start(place, &arguments, &[]).end();
        let lasts = begun.elapsed();
        assert_eq!(code, Some(0), "{arguments:?}");
        let (mut times, mut late) = (Vec::new(), 0);
        for number in 0..6 {
            let running = Running::start(place, &arguments, &[]);
            let (signal, wanted) = CODES[number % 2];
            std::thread::sleep(Duration::from_millis(30) + lasts.mul_f64(0.8 * chance(number)));
            match running.interrupt(signal) {
                (_, _, None) => late += 1,
                (code, _, Some(took)) => {
                    assert_eq!(code, Some(wanted), "{arguments:?}");
                    times.push(took);
                }
            }
            assert!(!names(place).iter().any(|name| name.starts_with(".imgbuild")), "{arguments:?} left something");
        }
        tell(&arguments.join(" ").replace(&mirror, "…"), times, late);
    }
}

/// What has nothing to put in order ends at once: here a recipe is read that names a file of many gigabytes.
#[test]
fn a_signal_while_a_recipe_is_read() {
    let overlay = "[[overlay]]\npath = \"/srv/large\"\nsource = \"large\"\n";
    let world = World::new(&archive(0)).recipe(overlay);
    let place = world.place.path();
    let large = fs::File::create(place.join("large")).expect("created");
    // It takes no room on the disk, and a minute to read.
    large.set_len(64 << 30).expect("the file system has files with holes");
    for (signal, wanted) in CODES {
        let running = Running::start(place, &["small.toml", "-o", "out", "--offline"], &[]);
        std::thread::sleep(Duration::from_millis(300));
        let (code, _, took) = running.interrupt(signal);
        assert_eq!(code, Some(wanted), "{took:?}");
        assert_eq!(names(place).iter().filter(|name| name.starts_with(".imgbuild")).count(), 0);
    }
}

/// A boot whose head is still being made ready: nothing of it runs or lies about afterwards.
#[test]
fn a_signal_while_a_head_starts() {
    boots("a_signal_while_a_head_starts", &[], |output, place| {
        let (output, logs) = (output.to_str().expect("UTF-8"), place.join("lab"));
        let arguments = ["boot", output, "--logs", logs.to_str().expect("UTF-8")];
        let variables = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned())];
        let (mut times, mut late) = (Vec::new(), 0);
        for number in 0..8 {
            let running = Running::start(place, &arguments, &variables);
            let (signal, wanted) = CODES[number % 2];
            std::thread::sleep(Duration::from_millis(100) + Duration::from_secs(4).mul_f64(chance(number)));
            match running.interrupt(signal) {
                // It was up, and ending it is what one does then.
                (code, _, None) => {
                    assert_eq!(code, Some(0));
                    late += 1;
                }
                (code, _, Some(took)) => {
                    assert_eq!(code, Some(wanted));
                    times.push(took);
                }
            }
            let left = names(&logs);
            assert!(left.iter().all(|name| name == "log"), "{left:?}");
        }
        tell("boot", times, late);
    });
}

/// The same with the example, from a real mirror.
#[test]
#[expect(clippy::disallowed_methods, reason = "the mirror is named in the environment")]
fn a_signal_at_any_moment_of_the_example() {
    if !switched_on("IMGBUILD_TEST_MIRROR", "a_signal_at_any_moment_of_the_example") {
        return;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let text = fs::read_to_string(recipe).expect("the example is there");
    fs::write(place.path().join("small.toml"), text).expect("written");
    let pass = |name: &'static str| std::env::var(name).ok().map(|value| (name, value));
    let variables: Vec<(&str, String)> = ["IMGBUILD_MIRROR", "IMGBUILD_SECURITY_MIRROR", "http_proxy", "https_proxy"]
        .into_iter()
        .filter_map(pass)
        .collect();
    let start = |cache: &str| {
        let arguments = ["small.toml", "-o", "out", "--cache", cache, "--events", "json"];
        Running::start(place.path(), &arguments, &variables)
    };
    let stages =
        ["index", "solve", "download", "unpack", "configure", "overlay", "write", "initramfs", "head", "after head"];
    // A mirror that serves everybody is asked for everything no more often than this needs.
    interrupt_all(&start, place.path(), &stages, &["index", "download"]);
}

/// Says that it shall end from the time on that it is asked the so-manieth time, and remembers when it was asked.
struct Asked {
    /// Counted from 1; 0: never.
    end: u64,
    asked: AtomicU64,
    /// When it was asked last, the longest time between two times, and the stage it was in.
    last: Mutex<(Instant, Duration, String, String)>,
}

impl Reporter for Asked {
    fn event(&self, event: &Event<'_>) {
        if let Event::StageStarted { stage, .. } = event {
            self.last.lock().expect("nobody panics holding it").2 = stage.to_string();
        }
    }

    fn is_cancelled(&self) -> bool {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut last = self.last.lock().expect("nobody panics holding it");
        let since = last.0.elapsed();
        if since > last.1 {
            last.1 = since;
            last.3 = last.2.clone();
        }
        last.0 = Instant::now();
        self.end != 0 && number >= self.end
    }
}

fn asked(end: u64) -> Arc<Asked> {
    let last = Mutex::new((Instant::now(), Duration::ZERO, String::new(), String::new()));
    Arc::new(Asked { end, asked: AtomicU64::new(0), last })
}

/// Case 110, as an embedder does it: never Ok, never another error, wherever it happens.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn a_cancelled_build_is_cancelled_in_every_stage() {
    let world = World::new(&archive(1)).recipe(FORMATS);
    let place = world.place.path();
    let build = |reporter: &Arc<Asked>, cache: &str| {
        let store = imgbuild::host::store::DirStore::open(place.join(cache)).expect("a store");
        let seen = Arc::clone(reporter);
        let store = store.cancelled_by(&imgbuild::cancel::Cancel::when(move || seen.is_cancelled()));
        let host = world.host().expect("a store");
        let host =
            Host { reporter: Arc::clone(reporter) as Arc<dyn Reporter>, store: Arc::new(store), jobs: 1, ..host };
        world.build_on(&host, "out")
    };
    for cache in ["fresh", "warm"] {
        let whole = asked(0);
        build(&whole, "warm").expect("nobody wants it to end");
        fs::remove_dir_all(place.join("out")).expect("it was built");
        let asked_times = whole.asked.load(Ordering::Relaxed);
        let last = whole.last.lock().expect("nobody panics holding it");
        eprintln!("asked {asked_times} times; at most {:?} between two, in `{}`", last.1, last.3);
        assert!(last.1 < TIME_MAX, "not asked for {:?} in `{}`", last.1, last.3);
        // The first and the last times, and some in between.
        let between = (0..24).map(|step| 1 + asked_times * step / 24);
        let ends: Vec<u64> = (1..8).chain(between).chain(asked_times - 4..=asked_times).collect();
        for end in ends {
            if cache == "fresh" {
                let _ = fs::remove_dir_all(place.join(cache));
            }
            let reporter = asked(end);
            let built = build(&reporter, cache);
            let what = format!("{cache}, the {end}th time of {asked_times}");
            if reporter.asked.load(Ordering::Relaxed) < end {
                built.unwrap_or_else(|error| panic!("{what}: {error}"));
                fs::remove_dir_all(place.join("out")).expect("it was built");
                continue;
            }
            match built {
                Err(error @ Error::Cancelled) => assert!(error.is_cancelled(), "{what}"),
                Err(error) => panic!("{what}: {error:?}"),
                Ok(_) => panic!("{what}: it was built"),
            }
            assert_nothing_left(place, cache, &what);
        }
    }
}

//! What the program takes at most, of memory and time, whatever comes from outside: the real binary against every
//! behaviour of the hostile server, and against archives that a trusted key signed and that are hostile all the same.
//!
//! Memory is asserted, for it is the same on every machine; time is asserted only to be bounded, far above what is
//! measured. SECURITY.md states the figures, which this test prints. Linux only: memory is read from `/proc`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use imgbuild::format::compress::Compression;
use imgbuild::format::tar::EntryKind;
use imgbuild::format::tar::Header;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::entry;
use imgbuild::testing::http::HttpServer;

use crate::hostile::World;
use crate::hostile::hello;
use crate::hostile::simple;
use crate::http::behaviours;
use crate::http::honest_but;
use crate::switched_on;

/// No build of these takes more memory.
const MEMORY_MAX: u64 = 512 << 20;

/// No build of these takes longer, on a machine that does other things as well.
const TIME_MAX: Duration = Duration::from_secs(300);

/// How a build went.
struct Measured {
    code: Option<i32>,
    /// Peak of the resident set, in bytes.
    memory: u64,
    time: Duration,
    words: String,
}

/// Runs the program to its end, and looks now and then how much memory it has had at most.
#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn measure(place: &Path, arguments: &[&str]) -> Measured {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).current_dir(place).env_clear().stdin(Stdio::null());
    let words = place.join("words");
    command.stdout(Stdio::null()).stderr(fs::File::create(&words).expect("written"));
    let start = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let code = loop {
        memory = peak(&status).unwrap_or(0).max(memory);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status.code();
        }
        if start.elapsed() > TIME_MAX {
            child.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let time = start.elapsed();
    let said = fs::read_to_string(&words).expect("written");
    fs::remove_file(words).expect("there");
    Measured { code, memory, time, words: said }
}

/// `VmHWM` (proc_pid_status(5)) in bytes.
fn peak(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    kib.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// A build from this server with limits of time that are short enough for a test.
fn build_from(server: &HttpServer) -> Measured {
    let world = World::new(&simple());
    let mirror = server.url("debian");
    let limits = ["connect=2", "head=2", "idle=2", "total=4"];
    let mut arguments = vec!["small.toml", "-o", "out", "--cache", "cache", "--mirror", &mirror];
    arguments.extend(limits.iter().flat_map(|limit| ["--limit", limit]));
    let measured = measure(world.place.path(), &arguments);
    let left = crate::hostile::names(world.place.path());
    assert_eq!(left, ["cache", "keys.asc", "small.toml"], "something was left: {}", measured.words);
    measured
}

#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn judge(name: &str, measured: &Measured, code: u8) {
    let (memory, time) = (measured.memory >> 20, measured.time.as_secs_f64());
    eprintln!("{memory:5} MiB {time:6.1} s  exit {:?}  {name}", measured.code.unwrap_or(-1));
    assert_eq!(measured.code, Some(i32::from(code)), "{name}: {}", measured.words);
    assert!(measured.memory < MEMORY_MAX, "{name}: {memory} MiB");
    assert!(measured.time < TIME_MAX, "{name}: {time} s");
}

/// Cases 29 to 34 and 37.
#[test]
fn a_hostile_server_costs_little() {
    if !switched_on("IMGBUILD_TEST_FAULTS", "a_hostile_server_costs_little") {
        return;
    }
    let mut builds = Vec::new();
    for (end, kind) in [("InRelease", 0), ("Packages.xz", 1), (".deb", 1)] {
        for (name, steps, kinds) in behaviours() {
            builds.push((format!("{name}, {end}"), end, steps, kinds[kind].1));
        }
    }
    imgbuild::host::in_parallel(builds.len(), &builds, |(name, end, steps, code)| {
        let server = honest_but(&simple(), end, steps.clone());
        judge(name, &build_from(&server), *code);
    });
}

/// An archive of one package that has a control field more and is otherwise as `hello`.
fn one(deb: DebBuilder) -> ArchiveBuilder {
    ArchiveBuilder::new("test").package(&deb)
}

/// An archive whose package has this postinst.
fn script(text: &str) -> ArchiveBuilder {
    let mut deb = hello().script("postinst", &format!("#!/bin/sh\n{text}\n"));
    for program in
        ["awk", "cat", "dd", "expr", "fallocate", "find", "head", "printf", "sed", "seq", "tr", "truncate", "yes"]
    {
        deb = deb.file(&format!("/usr/bin/{program}"), 0o755, "");
    }
    one(deb)
}

/// The stanza of a package that cannot be had.
fn stanza(number: usize) -> String {
    format!(
        "Package: p{number}\nVersion: 1\nArchitecture: amd64\nFilename: pool/p{number}.deb\nSize: 5\nSHA256: {}\n",
        imgbuild::digest::Sha256::of(&number.to_le_bytes())
    )
}

/// An archive whose index is this text.
fn index(text: &str) -> ArchiveBuilder {
    ArchiveBuilder::new("test").compressions(&[Compression::Zstd, Compression::None]).stanza(text)
}

fn bomb(kind: Compression) -> ArchiveBuilder {
    let deb = hello().field("Installed-Size", "1").file("/zeros", 0o644, vec![0; 300 << 20]);
    one(deb.compression(kind))
}

/// A package of so many entries.
fn entries(count: usize, entry: &dyn Fn(usize) -> Header) -> ArchiveBuilder {
    let deb = hello().field("Installed-Size", "1000000").compression(Compression::Zstd);
    one((0..count).fold(deb, |deb, number| deb.entry(entry(number), "")))
}

fn file(path: String) -> Header {
    entry(&path, EntryKind::File)
}

fn controls() -> ArchiveBuilder {
    let text = "x".repeat(15 << 20);
    one((0..4).fold(hello(), |deb, number| deb.control_file(&format!("file{number}"), 0o644, text.as_str())))
}

/// A variable of half a megabyte.
const LONG: &str = "x=xxxxxxxx; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6; do x=$x$x; done";

type Make = fn() -> ArchiveBuilder;

/// What a trusted key can sign and a builder must survive, with the exit code.
const ARCHIVES: [(&str, u8, Make); 22] = [
    ("73 a wide field", 0, || script("printf '%2000000000d' 1 > /x")),
    ("73 awk that doubles", 1, || script("awk 'BEGIN { x = \"xxxx\"; while (1) x = x x }'")),
    ("73 a script without end", 1, || script("while :; do :; done")),
    ("73 a script that calls itself", 1, || script("f() { f; }; f")),
    ("73 a variable that doubles", 1, || script("x=xxxxxxxx; while :; do x=$x$x; done")),
    ("73 a file that grows", 1, || script("while :; do printf '%1000000d' 1 >> /x; done")),
    ("73 many files that grow", 1, || script("i=0; while :; do i=$((i+1)); printf '%1000000d' 1 > /x$i; done")),
    ("73 a file that is read for ever", 1, || script(&format!("{LONG}; echo $x > /x; while :; do grep -q z /x; done"))),
    ("73 a long line and a long pattern", 1, || script(&format!("{LONG}; echo $x | grep -E '(a|b|c|d){{1,200}}z'"))),
    ("53 a bomb of gzip", 1, || bomb(Compression::Gzip)),
    ("53 a bomb of xz", 1, || bomb(Compression::Xz)),
    ("53 a bomb of zstd", 1, || bomb(Compression::Zstd)),
    ("39 an index that is a bomb", 3, || index(&" ".repeat(400 << 20))),
    ("39 an index that is larger than its Release says", 3, || {
        let size = format!(" {} main/binary-amd64/Packages\n", 400 << 20);
        index(&" ".repeat(400 << 20)).edit(&size, " 1000 main/binary-amd64/Packages\n")
    }),
    ("44 an index of one line", 3, || index(&"x".repeat(100 << 20))),
    ("44 an index of one stanza", 3, || index(&"X: y\n".repeat(20 << 20))),
    ("44 two hundred thousand packages", 0, || {
        let stanzas: Vec<String> = (0..200_000).map(stanza).collect();
        index(&stanzas.join("\n")).package(&hello())
    }),
    ("65 a hundred thousand files", 0, || entries(100_000, &|number| file(format!("./usr/{number}")))),
    ("65 a thousand deep files", 1, || entries(1000, &|number| file(format!("./{}{number}", "d/".repeat(2000))))),
    ("65 many long names", 1, || {
        entries(20_000, &|number| file(format!("./{}{number}", format!("{}/", "n".repeat(250)).repeat(15))))
    }),
    ("65 a hundred thousand links", 0, || {
        let target = b"./usr/share/hello/greeting".to_vec();
        entries(100_000, &|number| Header {
            link: target.clone(),
            ..entry(&format!("./usr/share/hello/{number}"), EntryKind::HardLink)
        })
    }),
    ("52 control files at the limit", 0, controls),
];

/// Cases 39, 44, 52, 53, 65 and, without the sandbox, 73.
#[test]
fn a_hostile_archive_costs_little() {
    if !switched_on("IMGBUILD_TEST_FAULTS", "a_hostile_archive_costs_little") {
        return;
    }
    for (name, code, make) in ARCHIVES {
        let archive = make();
        let world = World::new(&archive);
        let server = honest_but(&archive, "nothing", Vec::new());
        drop(archive);
        let mirror = server.url("debian");
        let measured =
            measure(world.place.path(), &["small.toml", "-o", "out", "--cache", "cache", "--mirror", &mirror]);
        judge(name, &measured, code);
        assert_eq!(world.place.path().join("out").exists(), code == 0, "{name}");
    }
}

//! What the program takes at most, of memory and time, whatever comes from outside: the real binary against every
//! behaviour of the hostile server, and against archives that a trusted key signed and that are hostile all the same.
//!
//! Memory is asserted, for it is the same on every machine; time is asserted only to be bounded, far above what is
//! measured. SECURITY.md states the figures, which this test prints. Linux only: memory is read from `/proc`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
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
    /// Of all threads, in the program and for it in the kernel.
    cpu: Duration,
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
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let (mut memory, mut cpu) = (0, Duration::ZERO);
    let code = loop {
        memory = peak(&process).unwrap_or(0).max(memory);
        cpu = processor_time(&process).unwrap_or_default().max(cpu);
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
    Measured { code, memory, time, cpu, words: said }
}

/// The fields `utime` and `stime` of proc_pid_stat(5), in hundredths of a second on every Linux.
pub(crate) fn processor_time(process: &Path) -> Option<Duration> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// `VmHWM` (proc_pid_status(5)) in bytes. Until it runs the program, a child shares the memory of the tests.
fn peak(process: &Path) -> Option<u64> {
    fs::read_link(process.join("exe")).ok().filter(|program| program == Path::new(env!("CARGO_BIN_EXE_imgbuild")))?;
    let text = fs::read_to_string(process.join("status")).ok()?;
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
    ("73 a wide field", 1, || script("printf '%2000000000d' 1 > /x")),
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
    ("44 an index of one line", 1, || index(&"x".repeat(100 << 20))),
    ("44 an index of one stanza", 1, || index(&"X: y\n".repeat(20 << 20))),
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

/// What a script may take of the processor: ten seconds of the optimised program, of which this one is a third as fast.
const CPU_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

/// Scripts that ask for much in a few words. `$b` has 64 KiB and `$B` 4 MiB; `/l` has 131,072 lines, `/d` 1,000 files,
/// and each of the links in `/o` leads back to it.
const SCRIPTS: [(&str, &str); 63] = [
    ("nothing but what stands before", "[ ${#b} = 65536 ] && [ ${#B} = 4194304 ] && [ -L /o/9 ] || exit 7"),
    ("a thousand names that are taken", "for i in $(seq 0 999); do :> /a$i; done; while :; do mktemp /aXXX; done"),
    ("a pattern with two stars", "x=${B%%*x*b}; x=${B##*b*b}; x=${B%x*b*}"),
    ("case with many stars", "case $B in *x*x*x*x*b) ;; esac; case $B in *b*) ;; esac"),
    ("names through links to here", "echo /o/*/*/*/*/*/*/*/*/*/*/*/*"),
    ("find through links to here", "find -L /o -maxdepth 40; find -L /o/1/../2 /o /o"),
    ("aliases that double", "i=0; while [ $i -lt 40 ]; do j=$((i+1)); alias a$i=\"a$j;a$j\"; i=$j; done\neval a0"),
    (
        "awk takes a line apart",
        "awk 'BEGIN { getline x < \"/B\"; gsub(/^[ \\t]+|[ \\t]+$/, \"\", x); gsub(/x*b/, \"\", x) }'",
    ),
    ("sed trims a long line", "sed 's/^[[:space:]]*//; s/[[:space:]]*$//; s/x*xb$//' /B > /dev/null"),
    ("sed replaces everywhere", "sed 's/x/yy/g' /B > /c; sed 's/y/zz/g' /c | sed 's/z/ww/g' > /e"),
    ("sed repeats a text", "echo xxxxxxxxxxxxxxxx | sed \"s/x/$b/g\" | sed \"s/x/$b/g\" > /c"),
    ("sed prints and prints", "p=p; for i in 1 2 3 4 5 6 7 8 9 0 1 2; do p=\"$p;$p\"; done; sed \"$p\" /l > /c"),
    ("sed keeps everything", "sed -n 'H;G;G;h' /l; sed ':a;N;ba' /l > /dev/null; sed ':a;s/^/x/;ta' /l"),
    ("seq with a long separator", "seq -s \"$B\" 1 1000000 > /c; seq 1 100000000000 > /c"),
    ("xargs puts a long word in", "xargs -I% echo % \"$B\" < /l > /c; xargs -n1 echo \"$b\" < /l > /c"),
    ("tee into many files", "cat /B | tee /d/* /d/* > /dev/null; while :; do tee /d/* < /B; done"),
    ("subshells with a large variable", "f() { ( f ); }; f; while :; do ( : ); done"),
    ("an environment without end", "export B; while :; do env > /dev/null; done"),
    ("substitutions inside each other", "f() { echo \"$B$(f)\"; }; f > /dev/null"),
    ("a table in awk", "awk 'BEGIN { while (1) a[n++] = n \"xxxxxxxxxxxxxxxxxxxxxxxxxxx\" }'"),
    ("long texts in awk", "awk 'BEGIN { while (1) a[n++] = sprintf(\"%100000s\", n) }'"),
    ("awk that splits", "awk 'BEGIN { getline x < \"/B\"; while (1) n += split(x, a, \"\") }'"),
    ("sort of the same file", "f=/l; for i in 1 2 3 4 5 6 7 8; do f=\"$f $f\"; done; sort $f > /dev/null"),
    ("sort of one line", "while :; do sort /B /B > /dev/null; done"),
    ("copies of copies", "mkdir /k; cp -a /d /k; i=0; while :; do cp -a /k /k$i; mv /k$i /k; i=$((i+1)); done"),
    ("find without end", "while :; do find / > /dev/null; done"),
    ("chmod without end", "while :; do chmod -R u+x /d; chown -R 0:0 /d; done"),
    (
        "a long pattern of grep",
        "p=$(printf '%08000d' 0 | tr 0 '*'); for i in 1 2 3 4 5 6 7 8 9 0; do p=$p$p; done; grep \"a$p\" /l; grep -E \"a$p\" /l",
    ),
    (
        "a long sum of awk",
        "p=1; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do p=$p+$p; done; awk \"BEGIN { print $p }\"",
    ),
    (
        "a long and of awk",
        "p=1; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do p=\"$p&&$p\"; done; awk \"BEGIN { print $p }\"",
    ),
    (
        "much side by side in awk",
        "p=1; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do p=\"$p $p\"; done; awk \"BEGIN { print $p }\"",
    ),
    ("parentheses of awk", "p=1; for i in $(seq 1 20000); do p=\"($p)\"; done; awk \"BEGIN { print $p }\""),
    ("parentheses of arithmetic", "p=1; for i in $(seq 1 20000); do p=\"($p)\"; done; echo $(($p))"),
    (
        "a long sum of arithmetic",
        "p=1; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0; do p=$p+$p; done; while :; do echo $(($p)); done",
    ),
    (
        "numbers beyond all",
        "sed -n '1,+18446744073709551615p' /l > /dev/null; touch -d @-9223372036854775808 /t; find /t -mtime 1",
    ),
    (
        "dates beyond all",
        "date -d '2000-01-01 9223372036854775807:00'; date -d @9223372036854775807; date -d '9999999999-01-01'",
    ),
    ("a wide field", "while :; do printf '%5000000s' x > /dev/null; done"),
    ("a precision", "printf '%.2000000000f' 1 > /dev/null; printf '%-2000000000d' 1 > /dev/null"),
    (
        "braces of expressions",
        "echo a | grep -E '((((a{1,200}){1,200}){1,200}){1,200})'; echo a | grep 'a\\{1,30000\\}'",
    ),
    ("back-references", "grep '\\(x*\\)\\(x*\\)\\(x*\\)\\3\\2\\1b' /B; sed 's/\\(x*\\)*\\1b//' /B > /dev/null"),
    ("alternatives", "grep -E '(x|xx|xxx|xxxx)*b' /B; grep -E '(x*)*b' /B; grep -E '(a|b|c|d|e|f|x)*(a|b|c|x)*b' /B"),
    ("positional parameters", "set -- $(cat /l); while :; do set -- \"$@\" \"$@\"; done"),
    ("fields of a long text", "IFS=x; set -- $B; echo $#; for i in $B $B $B; do :; done"),
    (
        "a list of words",
        "for i in $(cat /l) $(cat /l) $(cat /l); do x=$x$i; done; while :; do for i in $(cat /l); do :; done; done",
    ),
    ("a here-document", "while :; do cat <<E > /dev/null\n$B$B$B$B\nE\ndone"),
    ("a line at a time", "while read x; do :; done < /l; while :; do while read x; do :; done < /l; done"),
    ("a byte at a time", "while :; do read x < /B; done; while :; do head -c1 /B; done"),
    ("a pipe without end", "yes | head -n 1000000000 > /dev/null; while :; do echo $b; done | cat > /dev/null"),
    ("a file that grows by lines", "while :; do echo x >> /g; done; while :; do echo $b >> /g; done"),
    ("a file that is edited", "cp /l /g; while :; do sed -i 's/x/xx/' /g; done"),
    ("files that come and go", "while :; do :> /g; rm /g; done"),
    (
        "directories inside each other",
        "cd /; while mkdir -p x && cd x; do :; done; while :; do find / > /dev/null; done",
    ),
    (
        "links inside each other",
        "ln -s / /r; i=0; while :; do ln -s r /r$i; readlink -f /r$i/r/r/r/r/r; i=$((i+1)); done",
    ),
    ("diff of long files", "seq 1 100000 > /s; seq 100000 -1 1 > /t; diff /s /t > /dev/null; diff /l /s > /dev/null"),
    (
        "comm and join",
        "comm /l /l > /dev/null; join /l /l > /dev/null; paste /l /l /l /l > /dev/null; while :; do cmp /B /B; done",
    ),
    ("tr and cut", "while :; do tr x y < /B | cut -c1- > /dev/null; done; fold -w1 /B > /dev/null"),
    ("digests", "while :; do md5sum /B; sha256sum /B /B /B; done"),
    (
        "dpkg's patterns",
        "p='*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b'; while :; do dpkg -l \"$p\"; dpkg-query -W \"$p\"; dpkg -S \"$p\"; done",
    ),
    ("diversions", "i=0; while :; do dpkg-divert --quiet --local --add /x$i; i=$((i+1)); done"),
    (
        "alternatives of Debian",
        "i=0; while :; do update-alternatives --install /usr/bin/x$i x$i /l 1; i=$((i+1)); done",
    ),
    ("accounts", "i=0; while :; do useradd -r u$i; groupadd g$i; i=$((i+1)); done"),
    ("expr", "expr \"$B\" : '.*x.*x.*x.*b'; expr length \"$B\"; while :; do expr $b : 'x*' > /dev/null; done"),
    ("an eval of an eval", "x=':'; i=0; while :; do x=\"eval \\\"$x;$x\\\"\"; eval \"$x\"; i=$((i+1)); done"),
];

/// What stands before each of them.
const BEFORE: &str = "exec 2>/dev/null; x=xxxxxxxx; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3; do x=$x$x; done; b=$x\n\
    for i in 1 2 3 4 5 6; do x=$x$x; done; B=$x; echo $B > /B\n\
    x='x x x\n'; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7; do x=$x$x; done; printf \"$x\" > /l\n\
    mkdir /d /o; for i in $(seq 1 1000); do :> /d/$i; done; for i in 0 1 2 3 4 5 6 7 8 9; do ln -s . /o/$i; done\n";

/// Case 120: whatever a script asks for ends, by itself or with the limit's name, soon and in little memory.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what SECURITY.md states")]
fn case_120_scripts_that_ask_for_much() {
    if !switched_on("IMGBUILD_TEST_FAULTS", "case_120_scripts_that_ask_for_much") {
        return;
    }
    let mut wrong = Vec::new();
    for (name, text) in SCRIPTS {
        let archive = script(&format!("{BEFORE}unset x\n{text}\n:"));
        let world = World::new(&archive);
        let server = honest_but(&archive, "nothing", Vec::new());
        let mirror = server.url("debian");
        let measured =
            measure(world.place.path(), &["small.toml", "-o", "out", "--cache", "cache", "--mirror", &mirror]);
        let Measured { code, memory, cpu, words, .. } = &measured;
        eprintln!("{name}: exit {code:?}, {} MiB, {:.1} s of CPU", memory >> 20, cpu.as_secs_f64());
        let ended = match code {
            Some(0) => true,
            Some(1) => words.contains("hello: postinst, line"),
            _ => false,
        };
        // The first shows that the others begin at all.
        let ended = ended && (*code == Some(0) || !name.starts_with("nothing"));
        if !ended || *memory > MEMORY_MAX || *cpu > CPU_MAX {
            wrong.push(format!(
                "{name}: {code:?}, {} MiB, {cpu:?}: {}",
                memory >> 20,
                words.lines().take(4).collect::<Vec<_>>().join(" / ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} scripts cost too much:\n{}", wrong.len(), wrong.join("\n"));
}

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

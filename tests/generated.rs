//! Generated scripts, in families, beside the real dash, bash and tools: the same output and status, or a gap that says
//! what is not followed.
//!
//! In CI the scripts are always the same. By hand there are others: `IMGBUILD_TEST_SEED` is where they begin,
//! `IMGBUILD_TEST_SCRIPTS` how many of each family, `IMGBUILD_TEST_FAMILY` the one that is wanted.

mod files;
mod lines;
mod nested;
mod pages;
mod programs;
mod shell;
mod text;
mod values;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use imgbuild::configure::machine;
use imgbuild::shell::Dialect;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

use crate::switched_on;

/// Lists by name; a text has `@name@` for one of a list.
type Lists<'t> = &'t [(&'static str, &'static [&'static str])];

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    /// Those of one script of one family.
    fn new(seed: u64, family: &str, script: u64) -> Self {
        let name = family
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut dice = Self((name ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(script << 1)) | 1);
        for _ in 0..8 {
            dice.roll(2);
        }
        dice
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % sides as u64).expect("small")
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.roll(texts.len())]
    }

    /// A text in which each `@name@` is one of a list, again and again.
    fn fill(&mut self, lists: Lists<'_>, text: &str, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('@') {
            let behind = &rest[start + 1..];
            let found = behind.find('@').and_then(|end| {
                let (_, choices) = lists.iter().find(|(name, _)| *name == &behind[..end])?;
                Some((end, *choices))
            });
            out += &rest[..start];
            match found {
                Some((end, choices)) => {
                    // Deep inside only the first choices are left, which have nothing in them.
                    let choices = if depth > 4 { &choices[..choices.len().min(2)] } else { choices };
                    let choice = self.pick(choices);
                    out += &self.fill(lists, choice, depth + 1);
                    rest = &behind[end + 1..];
                }
                None => {
                    out.push('@');
                    rest = behind;
                }
            }
        }
        out + rest
    }
}

/// The files that every script finds.
const FILES: [&str; 4] = ["a.txt", "b.txt", ".hidden", "d/x.c"];

/// The releases of this machine's tools, as dpkg has them: what differs between releases is asked for there.
static STATUS: LazyLock<String> = LazyLock::new(|| {
    let script = "echo bash ${BASH_VERSION%%(*}; set -- $(cat --version); echo coreutils $4";
    #[expect(clippy::disallowed_methods, reason = "the real tool is the oracle")]
    let output = Command::new("bash").args(["-c", script]).output().expect("bash is there");
    let versions = String::from_utf8(output.stdout).expect("names and versions");
    let stanzas = versions.lines().filter_map(|line| line.split_once(' '));
    stanzas.map(|(name, version)| format!("Package: {name}\nVersion: {version}-1\n\n")).collect()
});

/// The tree that scripts find.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for directory in ["work/d/e", "etc", "root", "usr/bin", "var/lib/dpkg"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    tree.make_directories("tmp", 0o1777).expect("new");
    let work = tree.make_directories("work", 0o755).expect("there");
    tree.get_mut(&work).expect("it was just made").stat.mtime = 1_000_000_000;
    for file in FILES {
        tree.write(format!("work/{file}"), 0o644, format!("work/{file}\nsecond line\n")).expect("new");
    }
    tree.symlink("work/link", "d").expect("new");
    tree.symlink("bin", "usr/bin").expect("new");
    for program in ["cat", "mawk", "gawk"] {
        tree.write(format!("usr/bin/{program}"), 0o755, "").expect("new");
    }
    tree.symlink("usr/bin/awk", "mawk").expect("new");
    tree.write("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nu:x:7:8::/:/bin/sh\n").expect("new");
    tree.write("var/lib/dpkg/status", 0o644, STATUS.as_str()).expect("new");
    tree.write("etc/group", 0o644, "root:x:0:\ng:x:8:\n").expect("new");
    tree
}

/// What a script writes to standard output, its status, and what it could not follow.
fn ours(dialect: Dialect, script: &str) -> (String, i32, Vec<String>) {
    let mut system = machine(tree(), "amd64", 1_000_000_000);
    let environment = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("HOME", "/root")];
    let mut shell = Shell::new(&mut system, "script", &environment).speak(dialect);
    let wrapped = format!("cd /work; exec 2>/dev/null\n{script}");
    let (output, status) = match shell.run_script(wrapped.as_bytes(), &[], &[]) {
        Ok(outcome) => (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status),
        Err(limit) => (format!("{limit:?}"), -1),
    };
    (output, status, system.gaps.iter().map(ToString::to_string).collect())
}

/// The same of the real shell, in a directory with the same files.
#[expect(clippy::disallowed_methods, reason = "the real tool is the oracle")]
fn theirs(directory: &Path, program: &str, script: &str) -> (String, i32) {
    let work = directory.join("work");
    drop(std::fs::remove_dir_all(&work));
    std::fs::create_dir_all(work.join("d/e")).expect("new");
    for file in FILES {
        std::fs::write(work.join(file), format!("work/{file}\nsecond line\n")).expect("new");
    }
    std::os::unix::fs::symlink("d", work.join("link")).expect("new");
    std::fs::write(directory.join("script"), format!("cd work; exec 2>/dev/null\n{script}")).expect("written");
    let output = Command::new("timeout")
        .args(["10", program, "script"])
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .output()
        .expect("the shell is there");
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        output.status.code().or(output.status.signal().map(|signal| 128 + signal)).unwrap_or(-2),
    )
}

/// What one run is asked for.
struct Asked {
    seed: u64,
    scripts: u64,
    family: Option<String>,
}

/// The switches, or what CI runs.
#[expect(clippy::disallowed_methods, reason = "switches of the tests")]
fn asked(scripts: u64) -> Asked {
    let text = |name| std::env::var(name).ok();
    let number = |name| text(name).and_then(|text| text.parse::<u64>().ok());
    let seed = number("IMGBUILD_TEST_SEED");
    Asked {
        seed: seed.unwrap_or(1),
        scripts: number("IMGBUILD_TEST_SCRIPTS").unwrap_or(if seed.is_some() { 1000 } else { scripts }),
        family: text("IMGBUILD_TEST_FAMILY"),
    }
}

/// What becomes of one script.
enum Verdict {
    Same,
    /// It lacks something, or met a limit.
    Gap,
    /// What both say.
    Different(String),
}

/// Compares one script; the directory is the real shell's.
fn judged(directory: &Path, dialect: Dialect, script: &str) -> Verdict {
    let (found, code, missing) = ours(dialect, script);
    // A limit that is named is an answer as well.
    if !missing.is_empty() || found.starts_with("Limit(") {
        return Verdict::Gap;
    }
    difference(directory, dialect, script, (found, code)).map_or(Verdict::Same, Verdict::Different)
}

/// What the real shell says, when it is something else.
fn difference(directory: &Path, dialect: Dialect, script: &str, (found, code): (String, i32)) -> Option<String> {
    let program = if dialect == Dialect::Bash { "bash" } else { "dash" };
    let (wanted, status) = theirs(directory, program, script);
    let differs = (&found, code) != (&wanted, status);
    differs.then(|| format!("{program} {status}: {wanted:?}\nours {code}: {found:?}"))
}

/// How a written script differs in dash, whether or not something is lacking: some are there to name a command that
/// is none. Where dash stops at a thousand calls and we earlier, what it says before is the same.
pub(crate) fn written(directory: &Path, script: &str) -> Option<String> {
    let said = ours(Dialect::Dash, script);
    if said.0.contains("too deeply") {
        return None;
    }
    difference(directory, Dialect::Dash, script, (said.0, said.1))
}

/// Compares the scripts of a family; a gap is an answer. The differences, of which some are shown.
#[expect(clippy::print_stderr, reason = "how many were answered is what one runs it for")]
fn compare(asked: &Asked, family: &str, dialect: Dialect, script: impl Fn(&mut Dice) -> String) -> Vec<String> {
    if asked.family.as_ref().is_some_and(|wanted| wanted != family) {
        return Vec::new();
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (mut different, mut gaps) = (Vec::new(), 0);
    for number in 0..asked.scripts {
        let script = script(&mut Dice::new(asked.seed, family, number));
        match judged(directory.path(), dialect, &script) {
            Verdict::Same => {}
            Verdict::Gap => gaps += 1,
            Verdict::Different(how) => {
                let shown = script.replace(files::SETUP, "").replace(files::LISTING, "").replace(text::DATA, "");
                different.push(format!("--- {family}: {shown}\n{how}\n"));
            }
        }
    }
    let count = asked.scripts;
    eprintln!("{family}: {count} scripts, {gaps} with a gap, {} differ", different.len());
    assert!(gaps < count, "{family}: not one script was followed");
    different.truncate(15);
    different
}

/// Compares with the stack that packages are configured with.
fn assert_none(different: impl FnOnce() -> Vec<String> + Send) {
    let different = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(256 << 20);
        builder.spawn_scoped(scope, different).expect("a thread").join().expect("it ends")
    });
    assert!(different.is_empty(), "{}", different.join(""));
}

#[test]
fn generated_shell_scripts_do_what_the_real_shells_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_shell_scripts_do_what_the_real_shells_do") {
        let asked = asked(40);
        assert_none(|| {
            let mut different = Vec::new();
            for (name, dialect, lists) in shell::FAMILIES {
                different.extend(compare(&asked, name, *dialect, |dice| {
                    let lines: Vec<String> = (0..4).map(|_| dice.fill(lists, "@main@", 0)).collect();
                    format!("x=abc y='a b'\n{}\necho \"end $?\"\n", lines.join("\n"))
                }));
            }
            different.extend(compare(&asked, "nested", Dialect::Dash, Dice::nested));
            different
        });
    }
}

#[test]
fn generated_calls_of_text_tools_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_calls_of_text_tools_do_what_the_real_ones_do") {
        let asked = asked(40);
        assert_none(|| {
            let mut different = Vec::new();
            for (name, lists) in [lines::FAMILIES, pages::FAMILIES, values::FAMILIES, programs::FAMILIES].concat() {
                different.extend(compare(&asked, name, Dialect::Dash, |dice| {
                    let lines: Vec<String> =
                        (0..2).map(|_| format!("{}; echo \"[$?]\"", dice.fill(lists, "@main@", 0))).collect();
                    format!("{}{}\n", text::DATA, lines.join("\n"))
                }));
            }
            different.extend(compare(&asked, "filters", Dialect::Dash, Dice::filter));
            different
        });
    }
}

#[test]
fn generated_file_operations_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_file_operations_do_what_the_real_ones_do") {
        let asked = asked(100);
        let whole = |text: &str| format!("rm -rf * .hidden\n{}{text}\n{}\n", files::SETUP, files::LISTING);
        assert_none(|| {
            let mut different = compare(&asked, "files", Dialect::Dash, |dice| {
                let commands: Vec<String> =
                    (0..=dice.roll(2)).map(|_| format!("{}; echo $?", dice.file_command())).collect();
                whole(&commands.join("\n"))
            });
            different.extend(compare(&asked, "find", Dialect::Dash, |dice| {
                whole(&format!("{{ {}; echo $?; }} | tr '\\0' '\\n' | LC_ALL=C sort", dice.find_command()))
            }));
            different
        });
    }
}

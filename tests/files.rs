//! coreutils and find on files beside the real ones: what they print, how they end, and what lies there afterwards.

use std::path::Path;
use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

use crate::switched_on;

/// What every script begins with: files, directories, links that lead somewhere, nowhere and in a circle, hard links.
const SETUP: &str = "umask 022; mkdir d d/e full empty; echo a > a; echo bb > b; echo x > d/x; echo y > full/y; \
    chmod 600 b; chmod 755 d/x; ln -s d l; ln -s a la; ln -s nowhere n; ln -s loop loop; ln -s ../b d/up; ln a h; \
    ln d/x full/hx; chmod 2755 full; touch -d @1000 a; touch -d @2000 d/x\n";

/// What lies there in the end: each path with kind, mode, links, target or bytes; hard links by the first name.
const LISTING: &str = "find . | LC_ALL=C sort | while read -r p; do [ \"$p\" = ./script ] && continue; \
    if [ -h \"$p\" ]; then echo \"$p -> $(readlink \"$p\")\"; \
    elif [ -d \"$p\" ]; then echo \"$p d $(stat -c %a \"$p\")\"; \
    else echo \"$p f $(stat -c '%a %h' \"$p\") $(cat \"$p\")\"; fi; done";

fn ours(script: &[u8]) -> (String, Vec<String>) {
    let mut tree = Tree::new();
    let work = tree.make_directories("work", 0o755).expect("new");
    tree.get_mut(&work).expect("it was just made").stat.mtime = 1_000_000_000;
    tree.make_directories("tmp", 0o1777).expect("new");
    tree.write("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nu:x:7:8::/:/bin/sh\n").expect("new");
    tree.write("etc/group", 0o644, "root:x:0:\ng:x:8:\n").expect("new");
    let mut world = machine(tree, "amd64", 1_000_000_000);
    let mut shell = Shell::new(&mut world, "sh", &[("PATH", "/usr/bin:/bin"), ("LC_ALL", "C")]);
    let wrapped = [b"cd /work; exec 2>/dev/null\n", script].concat();
    let text = match shell.run_script(&wrapped, &[], &[]) {
        Ok(outcome) => format!("{}[{}]", String::from_utf8_lossy(&outcome.output), outcome.status),
        Err(limit) => format!("{limit:?}"),
    };
    (text, world.gaps.iter().map(ToString::to_string).collect())
}

#[expect(clippy::disallowed_methods, reason = "the real tool is the oracle")]
fn theirs(directory: &Path, script: &[u8]) -> String {
    let work = directory.join("work");
    drop(std::fs::remove_dir_all(&work));
    std::fs::create_dir(&work).expect("new");
    let path = directory.join("script");
    let wrapped = [format!("cd {}; exec 2>/dev/null\n", work.display()).as_bytes(), script].concat();
    std::fs::write(&path, wrapped).expect("written");
    let mut command = Command::new("dash");
    command.arg(&path).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
    let output = command.output().expect("dash is there");
    format!("{}[{}]", String::from_utf8_lossy(&output.stdout), output.status.code().unwrap_or(-2))
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("small")
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.roll(texts.len())]
    }

    fn path(&mut self) -> String {
        let name = self.pick(&[
            "a", "b", "d", "l", "la", "n", "h", "loop", "full", "empty", "new", "d/x", "d/e", "l/x", "l/new", "d/up",
            "full/y", "full/hx", "a/x", "no/x", "n/x", "d/e/deep", ".", "d/.", "d/..", "./a",
        ]);
        let end = self.pick(&["", "", "", "", "", "", "/", "/", "//", "/."]);
        format!("{name}{end}")
    }

    fn options(&mut self, all: &[&str]) -> String {
        let count = self.roll(3);
        let chosen: Vec<&str> = (0..count).map(|_| self.pick(all)).collect();
        chosen.join(" ")
    }

    /// One command; `find` has its own family.
    fn file_command(&mut self) -> String {
        let kind = self.roll(14);
        let (first, second, third) = (self.path(), self.path(), self.path());
        match kind {
            0 | 1 => {
                let options = self.options(&[
                    "-r",
                    "-a",
                    "-p",
                    "-P",
                    "-L",
                    "-H",
                    "-d",
                    "-f",
                    "-n",
                    "-l",
                    "-T",
                    "-R",
                    "--remove-destination",
                    "-b",
                    "--preserve=mode",
                    "--preserve=links",
                    "--no-preserve=mode",
                ]);
                if self.roll(4) == 0 {
                    format!("cp {options} {first} {third} {second}")
                } else {
                    format!("cp {options} {first} {second}")
                }
            }
            2 | 3 => format!("mv {} {first} {second}", self.options(&["-f", "-n", "-T", "-v", "-b"])),
            4 => format!("mv {first} {third} {second}"),
            5 => format!("rm {} {first} {second}", self.options(&["-r", "-f", "-d", "-rf"])),
            6 => format!("rmdir {} {first}", self.options(&["-p", "--ignore-fail-on-non-empty"])),
            7 => format!("mkdir {} {first} {second}", self.options(&["-p", "-m 700", "-m u=rwx,go=", "-v"])),
            8 => format!(
                "ln {} {first} {second}",
                self.options(&["-s", "-f", "-n", "-T", "-sf", "-sfn", "-L", "-P", "-v", "-b"])
            ),
            9 => format!("ln -s {first}"),
            10 => format!("touch {} {first}", self.options(&["-c", "-h", "-a", "-m", "-d @500", "-r b"])),
            11 => format!("install {} {first} {second}", self.options(&["-D", "-m 640", "-p", "-T", "-b", "-v", "-C"])),
            12 => format!("install -d {} {first}", self.options(&["-m 700", "-v"])),
            _ => {
                let mode =
                    self.pick(&["600", "u+x", "go-rwx", "a=rX", "+t", "g+s", "4755", "02755", "u=g", "-x", "00700"]);
                format!("chmod {} {mode} {first}", self.options(&["-R", "-f"]))
            }
        }
    }

    fn find_command(&mut self) -> String {
        let lead = self.pick(&["", "", "", "-L", "-H", "-P"]);
        let root = self.path();
        let mut tests = String::new();
        for _ in 0..=self.roll(3) {
            let test = self.pick(&[
                "-name '*x*'",
                "-iname 'A*'",
                "-type f",
                "-type d",
                "-type l",
                "-xtype f",
                "-type f,l",
                "! -name a",
                "-path '*d*'",
                "-ipath '*D/*'",
                "-maxdepth 1",
                "-mindepth 1",
                "-depth",
                "-prune -o",
                "-empty",
                "-size -2",
                "-size +0",
                "-size 3c",
                "-perm 600",
                "-perm -100",
                "-perm /022",
                "-perm -u+x",
                "-user 0",
                "-samefile a",
                "-newer a",
                "-regex '.*x'",
                "-regex './[ab]+'",
                "-regextype posix-extended -regex '.*/(x|y)'",
                "-lname '*b*'",
                "-links 1",
                "-false -o",
                "-true",
                "-executable",
                "-o",
                "-a",
                "-mtime +1",
                "-mmin -5",
                "-daystart -mtime -1",
            ]);
            tests = format!("{tests} {test}");
        }
        let act = self.pick(&[
            "",
            "",
            "-print",
            "-print0",
            "-printf '%f %y %d %P %m\\n'",
            "-exec echo {} \\;",
            "-exec printf '%s\\n' {} +",
            "-execdir echo {} \\;",
            "-delete",
            "-prune",
        ]);
        // What a link leads to may be gone by then: that depends on the order in which a directory is read.
        let act =
            if tests.contains("-xtype") || lead == "-L" { act.replace("-delete", "-print") } else { act.to_owned() };
        // Which test comes first is the real one's own choice: where links go in a circle, that shows.
        let before = if tests.contains("-xtype") { "rm loop; " } else { "" };
        format!("{before}find {lead} {root}{tests} {act}")
    }
}

/// Runs scripts of `family`, each as a whole with what lies there afterwards, here and there.
#[expect(clippy::print_stderr, reason = "how many were compared is what there is to know")]
fn compare(family: &str, seed: u64, count: usize, mut script: impl FnMut(&mut Dice) -> String) {
    let directory = tempfile::tempdir().expect("a directory");
    let (mut dice, mut different, mut gaps) = (Dice(seed), Vec::new(), 0);
    for _ in 0..count {
        let text = script(&mut dice);
        let whole = format!("{SETUP}{text}\n{LISTING}\n");
        let (found, missing) = ours(whole.as_bytes());
        if !missing.is_empty() {
            gaps += 1;
            continue;
        }
        let wanted = theirs(directory.path(), whole.as_bytes());
        if found != wanted {
            different.push(format!("--- {text}\nwanted: {wanted}\nfound:  {found}"));
        }
    }
    eprintln!("{family}: {count} scripts, {gaps} with a gap, {} differ", different.len());
    assert!(
        different.is_empty(),
        "{} of {count} differ:\n{}",
        different.len(),
        different[..different.len().min(60)].join("\n")
    );
}

/// Another seed and number of scripts than CI's, for who looks for more.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn chosen(seed: u64) -> (u64, usize) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("IMGBUILD_TEST_SCRIPTS").unwrap_or(400);
    (number("IMGBUILD_TEST_SEED").unwrap_or(seed), usize::try_from(count).expect("small"))
}

#[test]
fn generated_file_operations_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_file_operations_do_what_the_real_ones_do") {
        let (seed, count) = chosen(0x5eed_f11e);
        compare("files", seed, count, |dice| {
            let commands: Vec<String> =
                (0..=dice.roll(2)).map(|_| format!("{}; echo $?", dice.file_command())).collect();
            commands.join("\n")
        });
    }
}

#[test]
fn generated_searches_do_what_find_does() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_searches_do_what_find_does") {
        let (seed, count) = chosen(0x5eed_f19d);
        compare("find", seed, count, |dice| {
            format!("{{ {}; echo $?; }} | tr '\\0' '\\n' | LC_ALL=C sort", dice.find_command())
        });
    }
}

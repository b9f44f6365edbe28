//! What coreutils and find do on files: what they print, how they end, and what lies there afterwards.

use super::Dice;

/// What every script begins with: files, directories, links that lead somewhere, nowhere and in a circle, hard links.
pub(super) const SETUP: &str = "umask 022; mkdir d d/e full empty; echo a > a; echo bb > b; echo x > d/x; echo y > full/y; \
    chmod 600 b; chmod 755 d/x; ln -s d l; ln -s a la; ln -s nowhere n; ln -s loop loop; ln -s ../b d/up; ln a h; \
    ln d/x full/hx; chmod 2755 full; touch -d @1000 a; touch -d @2000 d/x\n";

/// What lies there in the end: each path with kind, mode, links, target or bytes; hard links by the first name.
pub(super) const LISTING: &str = "find . | LC_ALL=C sort | while read -r p; do [ \"$p\" = ./script ] && continue; \
    if [ -h \"$p\" ]; then echo \"$p -> $(readlink \"$p\")\"; \
    elif [ -d \"$p\" ]; then echo \"$p d $(stat -c %a \"$p\")\"; \
    else echo \"$p f $(stat -c '%a %h' \"$p\") $(cat \"$p\")\"; fi; done";

impl Dice {
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
    pub(super) fn file_command(&mut self) -> String {
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

    pub(super) fn find_command(&mut self) -> String {
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

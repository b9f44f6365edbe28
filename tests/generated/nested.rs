//! Scripts that are nested in each other, and patterns with the programs of filters that use them.

use super::Dice;

impl Dice {
    fn word(&mut self, depth: usize) -> String {
        match self.roll(if depth > 2 { 6 } else { 12 }) {
            0 => self.pick(&["a", "b c", "x*", "*.txt", "$x", "${y-u v}"]).replace(' ', "\\ "),
            1 => format!("\"{}\"", self.pick(&["a b", "$x", "$*", "${x%b*}", "$y", ""])),
            2 => format!("'{}'", self.pick(&["q", "a  b", "$x", "*"])),
            3 => self.pick(&["$x", "$y", "\"$@\"", "$@", "$#", "$?", "${x:-d e}", "${#x}", "${x##*a}"]).to_owned(),
            4 => format!("$(({} {} {}))", self.roll(9), self.pick(&["+", "-", "*", "<", "&&", "|"]), self.roll(9)),
            5 => self.pick(&["1", "22", "f", "-n", "=", "a:b:c"]).to_owned(),
            6 => format!("$({})", self.command(depth + 1)),
            7 => format!("\"$({})\"", self.command(depth + 1)),
            8 => format!("{}{}", self.word(depth + 1), self.word(depth + 1)),
            9 => format!("${{x:-{}}}", self.word(depth + 2)),
            10 => format!("\"${{z:+{}}}\"", self.pick(&["set", "$x y", "'q'"])),
            _ => format!(
                "${{y{}{}}}",
                self.pick(&["#", "##", "%", "%%"]),
                self.pick(&["a", "*", "?", "[a-c]*", "\"*\"", "$x"])
            ),
        }
    }

    fn words(&mut self, depth: usize) -> String {
        (0..self.roll(4)).map(|_| self.word(depth)).collect::<Vec<_>>().join(" ")
    }

    fn command(&mut self, depth: usize) -> String {
        let simple = depth > 3;
        match self.roll(if simple { 9 } else { 20 }) {
            0..=2 => format!("echo {}", self.words(depth)),
            3 => format!("x={}", self.word(depth)),
            4 => format!("y={} z={}", self.word(depth), self.word(depth)),
            5 => self.pick(&["true", "false", ":", "(exit 3)", "shift 2>/dev/null || :", "set -- a 'b c'"]).to_owned(),
            6 => format!("printf '<%s>\\n' {}", self.words(depth)),
            7 => format!("[ {} = {} ]", self.word(depth), self.word(depth)),
            8 => format!("set -- {}", self.words(depth)),
            9 => format!("{} && {}", self.command(depth + 1), self.command(depth + 1)),
            10 => format!("{} || {}", self.command(depth + 1), self.command(depth + 1)),
            11 => format!(
                "if {}; then {}; else {}; fi",
                self.command(depth + 1),
                self.list(depth + 1),
                self.list(depth + 1)
            ),
            12 => format!("for i in {}; do {}; done", self.words(depth), self.list(depth + 1)),
            13 => format!("( {} )", self.list(depth + 1)),
            14 => format!("{{ {}; }}", self.list(depth + 1)),
            15 => format!(
                "{} | {}",
                self.command(depth + 1),
                self.pick(&["cat", "while read a b; do echo \"$b-$a\"; done", "wc -l"])
            ),
            16 => format!(
                "case {} in a*) {};; *[b-d]) {};; *) :;; esac",
                self.word(depth),
                self.command(depth + 1),
                self.command(depth + 1)
            ),
            17 => format!("! {}", self.command(4)),
            18 => format!("f() {{ {}; }}; f {}", self.list(depth + 2), self.words(depth)),
            _ => format!("eval '{}'", self.command(4).replace('\'', "")),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        (0..=self.roll(3)).map(|_| self.command(depth)).collect::<Vec<_>>().join("; ")
    }

    /// Some lines of nested commands.
    pub(super) fn nested(&mut self) -> String {
        let head = self.pick(&["", "", "set -e\n"]);
        let lines: Vec<String> = (0..4).map(|_| self.list(0)).collect();
        format!("{head}x=abc y='a b' ; set -- 1 '' '2 3'\n{}\necho \"end $? $x\"\n", lines.join("\n"))
    }
}

/// Patterns, and programs of the filters that use them. What POSIX leaves open is not made: a quantifier of nothing or
/// of another, an empty group, and what a group that was matched several times has matched last.
impl Dice {
    fn atom(&mut self, extended: bool, depth: usize) -> String {
        match self.roll(if depth > 1 { 8 } else { 10 }) {
            0..=3 => self.pick(&["a", "b", "c", "x", "1", "-", "o", " "]).to_owned(),
            4 => ".".to_owned(),
            5 => self.pick(&["[abc]", "[^a-c]", "[[:digit:]]", "[]x]", "[a-]", "[^]o]", "[[:alpha:]_]"]).to_owned(),
            6 => self.pick(&["\\.", "\\*", "\\[", "\\\\", "\\$"]).to_owned(),
            7 => self.pick(&["ab", "foo", "bar", "oo"]).to_owned(),
            _ if extended => format!("({})", self.pattern(true, depth + 1)),
            _ => format!("\\({}\\)", self.pattern(false, depth + 1)),
        }
    }

    fn pattern(&mut self, extended: bool, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..=self.roll(3) {
            text += &self.atom(extended, depth);
            let quantifiers: &[&str] = if extended {
                &["", "", "", "*", "+", "?", "{2}", "{1,2}"]
            } else {
                &["", "", "", "*", "\\{2\\}", "\\{1,2\\}"]
            };
            // A quantifier counts for the last letter of a word.
            text += self.pick(quantifiers);
        }
        if extended && self.roll(4) == 0 {
            text = format!("{text}|{}", self.pattern(true, depth + 1));
        }
        if depth == 0 && !text.contains('|') {
            text = format!("{}{text}{}", self.pick(&["", "", "^"]), self.pick(&["", "", "$"]));
        }
        text
    }

    fn grep(&mut self) -> String {
        let extended = self.roll(2) == 0;
        let flags = self.pick(&["", "-c", "-v", "-n", "-i", "-x", "-w", "-o", "-q", "-vn"]);
        let pattern = self.pattern(extended, 0);
        format!("grep {} {flags} -e '{pattern}' t; echo $?", if extended { "-E" } else { "" })
    }

    fn address(&mut self) -> String {
        let one = |generator: &mut Self| match generator.roll(4) {
            0 => "$".to_owned(),
            1 => format!("/{}/", generator.pattern(false, 1)),
            _ => (1 + generator.roll(7)).to_string(),
        };
        match self.roll(4) {
            0 => String::new(),
            1 => format!("{},{}", one(self), one(self)),
            2 => format!("{}!", one(self)),
            _ => one(self),
        }
    }

    fn sed(&mut self) -> String {
        let mut script = Vec::new();
        for line in 0..=self.roll(2) {
            let command = match self.roll(9) {
                0..=2 => format!(
                    "s/{}/{}/{}",
                    self.pattern(false, 0),
                    self.pick(&["", "<&>", "x", "\\&", "a\\nb"]),
                    self.pick(&["", "g", "2", "p", "gp", "I"])
                ),
                3 => self.pick(&["p", "d", "=", "y/abc/xyz/", "n", "G;h", "x", "H;g"]).to_owned(),
                4 => format!("{}\\\nnew {}", self.pick(&["a", "i", "c"]), self.roll(9)),
                5 => format!("{{s/{}/-/;p}}", self.pattern(false, 1)),
                6 => format!(":a{line};s/{}/Q/;ta{line}", self.pick(&["a", "o", "[xy]", "b\\(c*\\)"])),
                7 => format!("{}q\n$!N;P;D", 1 + self.roll(9)),
                _ => "N;s/\\n/+/".to_owned(),
            };
            // What has an address of its own, or is a label, takes no other.
            let has_own = command.starts_with(':') || command.contains('q');
            script.push(if has_own { command } else { self.address() + &command });
        }
        format!("sed {} '{}' t", self.pick(&["", "", "-n"]), script.join("\n"))
    }

    fn awk(&mut self) -> String {
        // mawk knows no intervals, and does not take the longest of several ways as POSIX wants it.
        let pattern = loop {
            let pattern = self.pattern(true, 0).replace("{2}", "").replace("{1,2}", "").replace('?', "");
            if !pattern.contains('|') {
                break pattern;
            }
        };
        let condition = match self.roll(5) {
            0 => String::new(),
            1 => format!("NR {} {}", self.pick(&["==", ">", "<=", "%"]), 1 + self.roll(5)),
            2 => format!("$1 ~ /{pattern}/"),
            3 => format!("!/{pattern}/"),
            _ => format!("/{pattern}/"),
        };
        let action = match self.roll(7) {
            0 => "print $2, NF, length($0)".to_owned(),
            1 => format!("n = gsub(/{pattern}/, \"[&]\"); print n, $0"),
            2 => "$2 = \"-\"; print; s += $1 } END { print s, NR".to_owned(),
            3 => "n = split($0, p, \"o\"); print n, p[1], p[n]".to_owned(),
            4 => format!("if (match($0, /{pattern}/)) print RSTART, RLENGTH; else print \"no\""),
            5 => "printf \"%s|%5d|%-4s|%x\\n\", $1, $1, substr($0, 2, 3), NR".to_owned(),
            _ => "a[$1]++ } END { for (i = 1; i < 4; i++) print i, a[i] + 0, toupper(\"x\" i)".to_owned(),
        };
        format!("awk '{condition} {{ {action} }}' t")
    }
}

impl Dice {
    /// One call of a filter.
    pub(super) fn filter(&mut self) -> String {
        let command = match self.roll(3) {
            0 => self.grep(),
            1 => self.sed(),
            _ => self.awk(),
        };
        format!("printf '%s\\n' '{TEXT}' > t\n{command}\necho \"end $?\"\n")
    }
}

/// The text that filters work on.
const TEXT: &str = "foo bar\nabc 1 2\nxoxo\n1 aab-b\nbar.foo*\n\n  11 cab\naaa bbb ccc\nfoo\\n[$]\nlast x1";

//! Generated scripts beside the real dash and the real bash: the same output and status, or a gap that says what is
//! not followed. Bombs, which end at a named limit. And what vendors' packages do in their bash scripts.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use imgbuild::budget::Budget;
use imgbuild::budget::Spent;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Dialect;
use imgbuild::shell::Interrupt;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

use crate::switched_on;

/// The tree that scripts find.
fn tree() -> Tree {
    let mut tree = Tree::new();
    for directory in ["tmp", "work/d/e", "etc"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    for file in ["work/a.txt", "work/b.txt", "work/.hidden", "work/d/x.c"] {
        tree.write(file, 0o644, format!("{file}\nsecond line\n")).expect("new");
    }
    tree.symlink("work/link", "d").expect("new");
    tree.write("usr/bin/cat", 0o755, "").expect("new");
    tree
}

/// What a script writes to standard output, its status, and what it could not follow.
fn ours(dialect: Dialect, script: &str) -> (String, i32, Vec<String>) {
    let mut world = machine(tree(), "amd64", 1000);
    let environment = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("HOME", "/root")];
    let mut shell = Shell::new(&mut world, "script", &environment).speak(dialect);
    let wrapped = format!("cd /work; exec 2>/dev/null\n{script}");
    let (output, status) = match shell.run_script(wrapped.as_bytes(), &[], &[]) {
        Ok(outcome) => (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status),
        Err(limit) => (format!("{limit:?}"), -1),
    };
    (output, status, world.gaps.iter().map(ToString::to_string).collect())
}

/// The same of the real shell, in a directory with the same files.
#[expect(clippy::disallowed_methods, reason = "the real tool is the oracle")]
fn theirs(directory: &std::path::Path, program: &str, script: &str) -> (String, i32) {
    let work = directory.join("work");
    drop(std::fs::remove_dir_all(&work));
    std::fs::create_dir_all(work.join("d/e")).expect("new");
    for file in ["a.txt", "b.txt", ".hidden", "d/x.c"] {
        std::fs::write(work.join(file), format!("work/{file}\nsecond line\n")).expect("new");
    }
    std::os::unix::fs::symlink("d", work.join("link")).expect("new");
    let path = directory.join("script");
    std::fs::write(&path, format!("cd work; exec 2>/dev/null\n{script}")).expect("written");
    let output = Command::new("timeout")
        .args(["10", program, "script"])
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .output()
        .expect("the shell is there");
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        output.status.code().or(output.status.signal().map(|signal| 128 + signal)).unwrap_or(-2),
    )
}

/// Compares scripts; a gap is an answer.
#[expect(clippy::print_stderr, reason = "how many were answered is what one runs it for")]
fn compare(family: &str, dialect: Dialect, scripts: impl Iterator<Item = String>) {
    let program = if dialect == Dialect::Bash { "bash" } else { "dash" };
    let directory = tempfile::tempdir().expect("a directory");
    let (mut different, mut gaps, mut count) = (Vec::new(), 0, 0);
    for script in scripts {
        count += 1;
        let (found, code, missing) = ours(dialect, &script);
        if !missing.is_empty() {
            gaps += 1;
            continue;
        }
        let (wanted, status) = theirs(directory.path(), program, &script);
        if (&found, code) != (&wanted, status) {
            different.push(format!("--- {script}\n{program} {status}: {wanted:?}\nours {code}: {found:?}\n"));
        }
    }
    eprintln!("{program}, {family}: {count} scripts, {gaps} with a gap, {} differ", different.len());
    let shown = different.len().min(15);
    assert!(different.is_empty(), "{family}: {} of {count} differ\n{}", different.len(), different[..shown].join(""));
}

/// A small generator: the same scripts in every run.
struct Generator(u64);

impl Generator {
    fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.number(texts.len())]
    }

    /// A text in which each `@name@` is one of a list, again and again.
    fn fill(&mut self, lists: &[(&str, &[&str])], text: &str, depth: usize) -> String {
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

/// What scripts of a family are made of: a name, the shell, its lists; `main` is a line. Left out are a trap for the
/// end beside an error in a pipeline, which bash then runs twice, and what dash makes of fields that begin with a
/// separator inside `${x+…}`.
type Family = (&'static str, Dialect, &'static [(&'static str, &'static [&'static str])]);

const FAMILIES: &[Family] = &[
    (
        "expansion",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "echo @w@ @w@",
                    "x=@w@; echo \"$x\" $x",
                    "set -- @w@ @w@; echo $# \"$*\"; for i; do echo \"<$i>\"; done",
                    "y=@w@ z=@w@; echo \"[$y]\" $z",
                    "printf '<%s>' @w@ @w@; echo",
                    "IFS=@i@; echo @w@; unset IFS",
                ],
            ),
            (
                "w",
                &[
                    "a",
                    "$x",
                    "\"@q@\"",
                    "'b c'",
                    "${x:-@w@}",
                    "${y+@w@}",
                    "${x#@p@}",
                    "${x%%@p@}",
                    "${y##@p@}",
                    "${z%@p@}",
                    "$(echo @w@)",
                    "\"$(echo @w@)\"",
                    "@w@@w@",
                    "${#x}",
                    "$((@n@ + @n@))",
                    "*.txt",
                    "d/*",
                    "\\*",
                    "$@",
                    "\"$@\"",
                    "\"x$@y\"",
                    "$*",
                    "~",
                    "${z:=@w@}",
                    "[ab]*",
                    "`echo @w@`",
                    "\"${x:-'q'}\"",
                    "${1-@w@}",
                    "a\\ b",
                ],
            ),
            (
                "q",
                &["", "$x", "a $y b", "${x:-d e}", "$(echo hi)", "\\$x", "${x%\"*\"}", "$*", "$@", "a\\b", "`echo q`"],
            ),
            ("p", &["a", "*", "?", "*a", "a*", "[a-c]", "[!a]", "\"*\"", "$y", "*b*", "[^a]", "'?'"]),
            ("n", &["1", "2", "x", "$#", "10"]),
            ("i", &[":", "' '", ",", "'b '", "''"]),
        ],
    ),
    (
        "set -e",
        Dialect::Dash,
        &[
            (
                "main",
                &["@c@", "set -e", "set +e", "trap 'echo t $?' EXIT", "@c@; echo $?", "f() { @c@; echo f $?; }; @c@"],
            ),
            (
                "c",
                &[
                    "true",
                    "false",
                    "(exit 3)",
                    "f",
                    "@c@ && @c@",
                    "@c@ || @c@",
                    "! @c@",
                    "if @c@; then @c@; else @c@; fi",
                    "{ @c@; @c@; }",
                    "( @c@; @c@ )",
                    "@c@ | @c@",
                    "x=$(@c@)",
                    "echo $(@c@; echo in)",
                    "eval '@s@'",
                    "while @s@; do @c@; break; done",
                    "until @s@; do break; done",
                    "for i in 1 2; do @c@; done",
                    "case a in a) @c@;; esac",
                    "command @s@",
                    "echo a > /nodir/x",
                    "{ echo a; } > /nodir/x",
                    ": > /nodir/x",
                    "exit @s@",
                    "cat < nosuch",
                    "set -e",
                    "return 2",
                    ". ./nosuch",
                    "local x=$(false)",
                    "shift 3",
                    "readonly x=$(false)",
                ],
            ),
            ("s", &["true", "false", "(exit 4)", "! true", "[ a = b ]"]),
        ],
    ),
    (
        "redirection",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "@c@ @r@",
                    "@c@ @r@ @r@",
                    "{ @c@; @c@ @r@; } @r@",
                    "exec @f@>@t@; echo x >&@f@; exec @f@>&-; cat @t@",
                    "while read l; do echo \"<$l>\"; done < @t@",
                    "( @c@ @r@ ) @r@",
                    "cat @t@",
                    "@c@ | cat @r@",
                    "x=$(@c@ @r@); echo \"$x\"",
                    "set -@C@",
                    "rm -f @t@; @c@ >> @t@; cat @t@",
                    "exec 3<@t@; rm -f @t@; echo n > @t@; cat <&3; exec 3<&-",
                    "while read l; do sed -i s/a/b/ @t@; echo $l; done < @t@",
                    "f() { @c@ @r@; }; f @r@",
                ],
            ),
            (
                "c",
                &["echo a", "cat", "echo b >&2", "read x; echo $x", "printf 'x\\ny\\n'", "cat <<E\nh $x\nE\n", "true"],
            ),
            (
                "r",
                &[
                    "> f",
                    "< a.txt",
                    ">> f",
                    "2>&1",
                    "> /dev/null",
                    ">| g",
                    "2> g",
                    "< nosuch",
                    "> /nodir/x",
                    ">&2",
                    "3>&1",
                    "<> f",
                    "1>&3",
                    "< /dev/null",
                    "2>&-",
                    "10> f",
                ],
            ),
            ("t", &["f", "g", "a.txt", "b.txt"]),
            ("f", &["3", "4", "5"]),
            ("C", &["C", "f"]),
        ],
    ),
    (
        "functions",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "f() { @b@; }",
                    "g() @k@",
                    "f @a@",
                    "g @a@; echo $?",
                    "x=@a@ f",
                    "@b@",
                    "echo $x $# $*",
                    "unset -f f",
                ],
            ),
            (
                "b",
                &[
                    "echo $1",
                    "return 3",
                    "local x=@a@; echo $x",
                    "shift; echo $*",
                    "set -- @a@; echo $#",
                    "x=@a@",
                    "g @a@",
                    "local x; echo \"<$x>\"",
                    "echo $# $x",
                    "@b@; @b@",
                    "return; echo no",
                    "local x y=@a@; x=1; echo $x$y",
                    "(return 4); echo $?",
                    "eval 'local x=3'; echo $x",
                    "echo \"$@\"",
                    "f2() { echo two $x; }; f2",
                    "command echo $1",
                ],
            ),
            ("k", &["{ @b@; }", "( @b@ )", "{ @b@; } > o", "if true; then @b@; fi", "for i in 1; do @b@; done"]),
            ("a", &["1", "a", "'b c'", "\"$x\"", "$1", "", "\"$@\""]),
        ],
    ),
    (
        "traps",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "trap '@a@' @s@",
                    "trap - @s@",
                    "( @m@ ); echo $?",
                    "@m@",
                    "x=$(@m@); echo \"$x\" $?",
                    "trap",
                    "f() { @m@; }; f",
                ],
            ),
            (
                "m",
                &[
                    "echo m",
                    "trap '@a@' @s@; echo in",
                    "kill -@k@ $$; echo after",
                    "false",
                    "exit 3",
                    "kill -0 $$; echo $?",
                    "trap '' TERM; kill $$; echo alive",
                    "trap 'echo inner' EXIT; (exit 2)",
                    "set -e; false",
                ],
            ),
            (
                "a",
                &[
                    "echo t $?",
                    "echo bye",
                    "exit 5",
                    "false",
                    "echo $(false) $?",
                    "(exit 7); exit",
                    "trap - EXIT; echo off",
                    ":",
                    "return",
                ],
            ),
            ("s", &["EXIT", "TERM", "0", "HUP", "INT", "15", "USR1", "EXIT TERM"]),
            ("k", &["TERM", "USR1", "HUP", "s INT", "15"]),
        ],
    ),
    (
        "read",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "@o@ | { IFS=@i@; read @f@ x y; echo \"$? <$x> <$y>\"; }",
                    "@o@ | while IFS=@i@ read @f@ a b c; do echo \"[$a|$b|$c]\"; done",
                    "@o@ > t; while read @f@ l; do echo \"<$l>\"; done < t",
                    "@o@ | { read x; cat; }",
                    "@o@ > t; { read a; read b; echo \"$b-$a\"; } < t",
                    "IFS=@i@; set -- $(@o@); echo $# \"$1\"",
                ],
            ),
            (
                "o",
                &[
                    "echo 'a b c'",
                    "printf 'a:b:c\\n'",
                    "printf ' x  y \\nz\\n'",
                    "printf 'a\\\\ b c\\n'",
                    "printf 'l1\\\\\\nl2\\n'",
                    "printf 'no newline'",
                    "printf '::\\n'",
                    "printf 'a : b\\n'",
                    "printf '\\n\\nq\\n'",
                    "printf 'a\\tb\\n'",
                    "printf '1:2:3:\\n'",
                ],
            ),
            ("i", &["", ":", "' '", "': '", "' :'", ",", "b"]),
            ("f", &["", "-r"]),
        ],
    ),
    (
        "arithmetic",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "echo $((@e@))",
                    "x=$((@e@)); echo $x",
                    "y=@n@; echo $((y @o@ @n@))",
                    "echo $(( z = @e@ )) $z",
                    "[ $((@e@)) -gt 3 ]; echo $?",
                    "echo $((@n@ / @n@))",
                    "i=0; while [ $i -lt $((@n@ & 7)) ]; do i=$((i+1)); done; echo $i",
                ],
            ),
            (
                "e",
                &[
                    "@n@",
                    "@n@",
                    "@e@ @o@ @e@",
                    "(@e@)",
                    "-@e@",
                    "!@e@",
                    "~@e@",
                    "@e@ ? @e@ : @e@",
                    "x = @n@",
                    "x += @n@",
                    "@e@ && @e@",
                    "@e@ || @e@",
                    "$x @o@ @n@",
                    "y",
                    "x <<= 1",
                    "x %= 7",
                ],
            ),
            ("n", &["1", "7", "0x1f", "010", "3", "12345678901", "0", "x", "9223372036854775807"]),
            ("o", &["+", "-", "*", "<", ">", "==", "!=", "&", "|", "^", "<<", ">>", "<=", ">="]),
        ],
    ),
    (
        "case",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "case @w@ in @p@) echo 1;; @p@|@p@) echo 2;; *) echo 3;; esac",
                    "x=@w@; case $x in @p@) echo a;; esac; echo $?",
                    "p=@p@; case @w@ in $p) echo y;; \"$p\") echo q;; esac",
                    "echo ${x#@p@} ${x%@p@}",
                    "x=@w@; echo \"${x##@p@}\" \"${x%%@p@}\"",
                ],
            ),
            ("w", &["abc", "''", "'*'", "'a b'", "a", "-n", "']'", "'[a]'", "^", "'a\\b'", "/x/y", "b1"]),
            (
                "p",
                &[
                    "a*",
                    "*",
                    "?",
                    "'*'",
                    "[abc]",
                    "[!a]",
                    "[^a]",
                    "[a-c]?",
                    "a?c",
                    "\"a b\"",
                    "\\*",
                    "[]]",
                    "[a-]",
                    "*[0-9]",
                    "[[:alpha:]]*",
                    "/*",
                    "[/]*",
                    "*\\\\*",
                    "\"[a]\"",
                    "[a\\]]",
                    "-?",
                    "[!^]",
                ],
            ),
        ],
    ),
    (
        "getopts",
        Dialect::Dash,
        &[
            (
                "main",
                &[
                    "while getopts @s@ o @a@; do echo \"$o <$OPTARG> $OPTIND\"; done; echo $OPTIND $o",
                    "set -- @a@; while getopts @s@ o; do echo $o \"$OPTARG\"; done; shift $((OPTIND-1)); echo \"$*\"; OPTIND=1",
                    "f() { local OPTIND=1 o; while getopts @s@ o; do echo f $o $OPTARG; done; }; f @a@",
                    "OPTIND=1",
                ],
            ),
            ("s", &["ab:c", ":ab:", "a", "b:c:", ":"]),
            (
                "a",
                &[
                    "-a",
                    "-b x",
                    "-ab y z",
                    "-c -a",
                    "-x",
                    "-b",
                    "-- -a",
                    "a -b",
                    "-",
                    "-bval -a rest",
                    "-ca",
                    "''",
                    "-a '' -c",
                ],
            ),
        ],
    ),
    (
        "bash getopts",
        Dialect::Bash,
        &[
            (
                "main",
                &[
                    "while getopts @s@ o @a@; do echo \"$o <$OPTARG> $OPTIND\"; done; echo $OPTIND $o",
                    "set -- @a@; while getopts @s@ o; do echo $o \"$OPTARG\"; done; shift $((OPTIND-1)); echo \"$*\"; OPTIND=1",
                    "f() { local OPTIND=1 o; while getopts @s@ o; do echo f $o $OPTARG; done; }; f @a@",
                    "OPTIND=1",
                ],
            ),
            ("s", &["ab:c", ":ab:", "a", "b:c:", ":"]),
            (
                "a",
                &[
                    "-a",
                    "-b x",
                    "-ab y z",
                    "-c -a",
                    "-x",
                    "-b",
                    "-- -a",
                    "a -b",
                    "-",
                    "-bval -a rest",
                    "-ca",
                    "''",
                    "-a '' -c",
                ],
            ),
        ],
    ),
    (
        "bash expansion",
        Dialect::Bash,
        &[
            (
                "main",
                &[
                    "echo @w@ @w@",
                    "x=@w@; echo \"$x\"",
                    "for i in @w@ @w@; do echo \"<$i>\"; done",
                    "set -- @w@ b; echo ${@:@n@:@n@}; echo \"${@:1}\"",
                    "y=@w@; echo \"${y@o@}\" ${y@o@}",
                    "printf '<%s>' \"${x@o@}\"; echo",
                    "v=x; echo \"${!v}\" ${!v@o@}",
                ],
            ),
            (
                "w",
                &[
                    "abcabc",
                    "$x",
                    "{a,b}c",
                    "{1..3}",
                    "{a..e..2}",
                    "{01..3}",
                    "a{b,@w@}",
                    "$'a\\tb'",
                    "$'\\x41\\'q'",
                    "\"${x@o@}\"",
                    "${x@o@}",
                    "$(echo @w@)",
                    "{@w@,x}{1,2}",
                    "'a b'",
                    "{a,b",
                    "{}",
                    "a,b",
                    "{3..1}",
                    "\"{a,b}\"",
                    "Hello",
                    "/usr/lib/x.so.1",
                    "$((2**3))",
                    "*.txt",
                    "$(< a.txt)",
                ],
            ),
            (
                "o",
                &[
                    "/a/X",
                    "//b/Y",
                    "/#a/S",
                    "/%c/E",
                    "^",
                    "^^",
                    ",,",
                    ",",
                    ":1",
                    ":@n@",
                    ":1:2",
                    ": -2",
                    ":0:-1",
                    "#*b",
                    "%b*",
                    "//[ac]",
                    "//a",
                    "/b*/Z",
                    ":-def",
                    "^^[ab]",
                    "~~",
                    "@Q",
                    "//'a'/\"b c\"",
                    "//a/[&]",
                    "/a/\\&",
                ],
            ),
            ("n", &["0", "1", "2", "3"]),
        ],
    ),
    (
        "arrays",
        Dialect::Bash,
        &[
            (
                "main",
                &[
                    "a=(@w@ @w@ @w@)",
                    "a[@n@]=@w@",
                    "a+=(@w@)",
                    "echo \"${a[@]}\" ${#a[@]}",
                    "echo ${!a[@]}",
                    "unset 'a[@n@]'",
                    "echo \"${a[@n@]}\" ${#a[@n@]}",
                    "for i in \"${a[@]}\"; do echo \"<$i>\"; done",
                    "declare -A m; m[@k@]=@w@; m[@k@]=z; echo \"${m[@k@]}\" ${#m[@]}",
                    "declare -A h=([@k@]=1 [@k@]=2); for k in \"${!h[@]}\"; do echo $k=${h[$k]}; done",
                    "b=(\"${a[@]:@n@}\"); echo ${b[*]}",
                    "echo \"${a[*]}\"",
                    "IFS=,; echo \"${a[*]}\"; unset IFS",
                    "echo $a ${a}",
                    "a=([3]=x [1]=@w@ y); echo ${!a[@]}",
                    "echo ${a[-1]}",
                    "declare -p a",
                    "f() { local -a l=(@w@ q); echo ${l[@]} ${#l[@]}; }; f",
                    "echo \"${a[@]/a/X}\" ${a[@]^^}",
                    "echo \"${a[@]:-none}\"",
                    "((a[@n@]++)); echo ${a[@n@]}",
                    "unset a; echo ${#a[@]}",
                    "a=(); echo \"x${a[@]}y\"",
                    "mapfile -t a < a.txt; echo ${#a[@]} \"${a[1]}\"",
                    "read -ra a <<< 'p q r'; echo ${a[2]}",
                    "printf -v 'a[@n@]' '%02d' 7; echo ${a[@]}",
                    "i=@n@; a[i+1]=e; echo ${a[i+1]}",
                    "declare -i n=3+4; n+=2; echo $n",
                    "readonly -a r=(1 2); echo ${r[1]}",
                    "[[ -v a[@n@] ]]; echo $?",
                    "m2() { declare -A z=([x]=1); echo ${z[x]}; }; m2; echo ${z[x]-none}",
                ],
            ),
            ("w", &["a", "'b c'", "$x", "\"$x\"", "{1..3}", "*.txt", "$(echo q r)", "5", "''"]),
            ("n", &["0", "1", "2", "3", "10"]),
            ("k", &["a", "b", "key", "'x y'", "c1", "zz", "$x", "foo", "bar"]),
        ],
    ),
    (
        "conditions",
        Dialect::Bash,
        &[
            (
                "main",
                &[
                    "[[ @e@ ]]; echo $?",
                    "if [[ @e@ && @e@ ]]; then echo t; else echo f; fi",
                    "(( @a@ )); echo $?",
                    "for ((i=0; i<@n@; i++)); do echo $i; (( @a@ )) && continue; echo n; done",
                    "x=@w@; [[ $x == @p@ ]] && echo m || echo n",
                    "[[ @w@ =~ @r@ ]] && echo \"${BASH_REMATCH[0]}|${BASH_REMATCH[1]}\"",
                    "case @w@ in @p@) echo 1;;& *) echo 2;& z) echo 3;; esac",
                    "let 'y=@a@'; echo $? $y",
                    "[ @w@ == @w@ ]; echo $?",
                    "[[ ! ( @e@ || @e@ ) ]]; echo $?",
                    "shopt -s nocasematch; [[ @w@ == @p@ ]]; echo $?; shopt -u nocasematch",
                    "i=0; until ((i >= 3)); do ((++i)); done; echo $i",
                ],
            ),
            (
                "e",
                &[
                    "a",
                    "-n $x",
                    "-z $x",
                    "$x == @p@",
                    "$x != @p@",
                    "$x < b",
                    "2 -lt 10",
                    "-f a.txt",
                    "-d d",
                    "-e nosuch",
                    "$x =~ @r@",
                    "! $x",
                    "-v x",
                    "a.txt -nt nosuch",
                    "@n@ -eq x",
                    "\"$x\" = \"$y\"",
                    "( -n a )",
                ],
            ),
            (
                "a",
                &[
                    "@n@",
                    "x",
                    "x = @n@",
                    "@n@ > @n@",
                    "i++ + 1",
                    "x ? 1 : 0",
                    "y += @n@, y",
                    "@n@ ** 2",
                    "i % 2",
                    "!@n@",
                    "08 + 1",
                    "0x10 == 16",
                    "undefd",
                    "@n@ / 0",
                ],
            ),
            ("n", &["0", "1", "3", "2"]),
            ("w", &["abc", "'a b'", "''", "ABC", "a.txt", "foo123", "$x"]),
            (
                "p",
                &[
                    "a*",
                    "*",
                    "[[:upper:]]*",
                    "\"a*\"",
                    "?(a)b*",
                    "+([a-z])",
                    "!(abc)",
                    "@(abc|foo*)",
                    "$y",
                    "*.txt",
                    "[^a]*",
                    "a?c",
                ],
            ),
            (
                "r",
                &[
                    "a",
                    "^a.c$",
                    "([0-9]+)",
                    "^(foo|bar)",
                    "\"a.\"",
                    "[[:space:]]",
                    "b$",
                    "^[a-z]+([0-9]*)$",
                    "$y",
                    "a{1,2}b",
                    "^$",
                    "\\.",
                ],
            ),
        ],
    ),
    (
        "bash commands",
        Dialect::Bash,
        &[
            (
                "main",
                &[
                    "@c@",
                    "@c@; echo $?",
                    "set -@o@",
                    "set +e",
                    "trap 'echo err $?' ERR",
                    "(trap 'echo bye' EXIT; true)",
                    "@c@ && @c@",
                    "f() { @c@; echo f; }; f",
                    "function g { @c@; }; g; echo g $?",
                    "@c@ | cat; echo ${PIPESTATUS[@]}",
                    "set -o pipefail",
                    "x=$(@c@); echo \"<$x>\" $?",
                    "( @c@; @c@ ); echo $?",
                    "if @c@; then echo y; fi",
                ],
            ),
            (
                "c",
                &[
                    "true",
                    "false",
                    "echo -e 'a\\tb\\x41'",
                    "echo 'a\\tb'",
                    "echo -n x",
                    "shift 5",
                    "source ./nosuch",
                    "cd nosuch",
                    "echo $((1/0))",
                    "(exit 3)",
                    "cat <<< \"h $x\"",
                    "while read l; do echo \"<$l>\"; done < <(printf 'a\\nb\\n')",
                    "cat <(echo p) <(echo q)",
                    "echo a &> o; cat o",
                    "echo b &>> o; cat o",
                    "{ echo o; echo e >&2; } |& cat",
                    "local v=1",
                    "return 3",
                    "export A=1 B='x y'; echo $B",
                    "read -r a b <<< '1 2 3'; echo $b",
                    "printf '%s-' a b; echo",
                    "type -t @t@",
                    "command -v cd echo",
                    "[[ -n $UNSET ]]",
                    "((0))",
                    "((5))",
                    "let x=0",
                    "unset x",
                    "readonly r=1; r=2; echo same",
                    "declare -r q=1; echo $q",
                    "! true",
                    "time true",
                    "echo $EUID $UID",
                    "eval 'false; echo e'",
                    "{ echo a; } > /nodir/x",
                    ": > /nodir/x",
                    "test -v HOME",
                    "kill -0 $$",
                    "echo ${FUNCNAME[0]-none}",
                    "printf -v v '%03d' 7; echo $v",
                    "read -n 2 z <<< hello; echo $z",
                    "read -d : z <<< a:b; echo $z",
                    "IFS=: read -ra arr <<< a:b:c; echo ${arr[1]} ${#arr[@]}",
                    "echo {1..3}",
                    "umask 027; umask -S; umask 022",
                    "pushd d > /dev/null; pwd | sed 's,.*/,,'; popd > /dev/null",
                    "break",
                    "echo \"$_\"",
                    "exit 4",
                    "set -u; echo $nope",
                    "alias ll=echo; ll x",
                    "shopt -s nullglob; echo *.no; shopt -u nullglob",
                    "echo ${x:?gone}",
                    "nosuchcmd_x",
                    "typeset -i n=2*3; echo $n",
                    "echo \"${#x}\" $-",
                ],
            ),
            ("o", &["e", "u", "eu", "f", "E", "eE"]),
            ("t", &["cd", "if", "nosuch", "[[", "f"]),
        ],
    ),
];

fn generated(rounds: usize, seed: u64) {
    let mut failed = Vec::new();
    for (name, dialect, lists) in FAMILIES {
        let scripts = (0..rounds).map(|round| {
            let mut generator =
                Generator(seed.wrapping_mul(1000).wrapping_add(round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let lines: Vec<String> = (0..4).map(|_| generator.fill(lists, "@main@", 0)).collect();
            format!("x=abc y='a b'\n{}\necho \"end $?\"\n", lines.join("\n"))
        });
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare(name, *dialect, scripts)))
        {
            failed.push(panic.downcast_ref::<String>().cloned().unwrap_or_default());
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Fixed scripts, or by hand others: `IMGBUILD_TEST_SEED=7` makes a thousand of each family from another seed.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its seed")]
fn generated_scripts_of_every_family_do_what_the_real_shells_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_scripts_of_every_family_do_what_the_real_shells_do") {
        match std::env::var("IMGBUILD_TEST_SEED").ok().and_then(|seed| seed.parse().ok()) {
            Some(seed) => generated(1000, seed),
            None => generated(120, 1),
        }
    }
}

/// Limits that a test reaches soon.
fn small() -> Limits {
    let mut limits = Limits::default();
    (limits.script_steps, limits.script_memory) = (400_000, 64 << 20);
    limits
}

/// 256 KiB in `x`, and what each round of a loop without end does with it.
const ROUNDS: &[(Dialect, &str)] = &[
    (Dialect::Dash, "y=${x%%*b*b}"),
    (Dialect::Dash, "y=${x##*b*c}"),
    (Dialect::Dash, "case $x in *b*b*c) ;; esac"),
    (Dialect::Dash, "echo /l/l/l/l/l/l/l/l/*/*/*/*/*/* > /dev/null"),
    (Dialect::Dash, "( : )"),
    (Dialect::Dash, "export x; env > /dev/null"),
    (Dialect::Dash, "export x; sh -c :"),
    (Dialect::Dash, "IFS=b; set -- $x"),
    (Dialect::Dash, "for i in $x$x; do :; done"),
    (Dialect::Dash, "y=$(echo \"$x\")"),
    (Dialect::Dash, ": <<E\n$x$x\nE\n"),
    (Dialect::Dash, "echo \"$x\" | cat | cat > /dev/null"),
    (Dialect::Dash, "echo \"$x\" >> /f"),
    (Dialect::Dash, "echo \"$x\" > /g; while read -r l; do :; done < /g"),
    (Dialect::Dash, "[ \"$x\" = \"$x\" ]"),
    (Dialect::Dash, "y=$y$x"),
    (Dialect::Dash, "set -- \"$@\" \"$x\""),
    (Dialect::Dash, "eval \": $x\""),
    (Dialect::Dash, "eval \"v$((i+=1))=1\""),
    (Dialect::Dash, "eval \"f$((i+=1))() { : a b c d e f; }\""),
    (Dialect::Dash, "set > /dev/null"),
    (Dialect::Dash, "f() { local x; x=$1$1; ( : ); }; f \"$x\""),
    (Dialect::Dash, "trap \"$x\" INT; ( : )"),
    (Dialect::Dash, "y=\"$x${x}$x${x}$x$x$x$x$x$x$x$x$x$x$x$x\""),
    (Dialect::Dash, "echo \"$x\" > /h; . /h 2> /dev/null"),
    (Dialect::Dash, "getopts \"$x\" o -b"),
    (Dialect::Dash, "exec 3> /f$((i+=1)); echo \"$x\" >&3"),
    (Dialect::Dash, "y=$x; while [ -n \"$y\" ]; do y=${y#?}; done"),
    (Dialect::Dash, "umask 022; : \"${x:-}\" \"${x:+$x}\" \"${#x}\""),
    (Dialect::Bash, "y=${x//b/cc}"),
    (Dialect::Bash, "y=${x//*b*c/d}"),
    (Dialect::Bash, "y=${x^^}"),
    (Dialect::Bash, "y=${x:1:200000}"),
    (Dialect::Bash, "a+=(\"$x\")"),
    (Dialect::Bash, "a+=($i); (( i++ ))"),
    (Dialect::Bash, "declare -A m; m[$i]=1; (( i++ )); ( m[z]=1 )"),
    (Dialect::Bash, "a=(1 2 3 4 5 6 7 8 9); a=(\"${a[@]}\" \"${a[@]}\" \"${a[@]}\" \"${a[@]}\" \"$x\")"),
    (Dialect::Bash, "[[ $x == *b*c ]]"),
    (Dialect::Bash, "shopt -s extglob\n[[ $x == !(*(b)c|d) ]]"),
    (Dialect::Bash, "cat <<< \"$x\" > /dev/null"),
    (Dialect::Bash, "cat <(echo \"$x\") > /dev/null"),
    (Dialect::Bash, "echo \"$x\" > /g; mapfile -t a < /g; read -rN 100000 y < /g"),
    (Dialect::Bash, "y+=$x"),
    (Dialect::Bash, "for n in {1..100000}; do :; done"),
    (Dialect::Bash, "echo ${!x*} ${!v@} > /dev/null"),
];

/// What must end by itself.
const BOMBS: &[(Dialect, &str)] = &[
    (
        Dialect::Dash,
        "alias a1='a2;a2' a2='a3;a3' a3='a4;a4' a4='a5;a5' a5='a6;a6' a6='a7;a7' a7='a8;a8' a8='a9;a9' a9='b1;b1'\nalias b1='b2;b2' b2='b3;b3' b3='b4;b4' b4='b5;b5' b5='b6;b6' b6='b7;b7' b7='b8;b8' b8='b9;b9' b9='c1;c1' c1='c2;c2' c2='c3;c3' c3=:\na1\n",
    ),
    (Dialect::Dash, "f() { f | f; }; f"),
    (Dialect::Dash, "f() { $(f); }; f"),
    (Dialect::Dash, "f() { x=$x$x; ( f ); }; x=abcdefgh; f"),
    (Dialect::Dash, "trap 'kill $$' TERM; kill $$"),
    (Dialect::Dash, "x='eval \"$x\"'; eval \"$x\""),
    (Dialect::Dash, "echo '. /f' > /f; . /f"),
    (Dialect::Dash, "echo 'sh /f' > /f; sh /f"),
    (Dialect::Dash, "while continue; do :; done"),
    (Dialect::Bash, "echo {1..1000000000} > /dev/null"),
    (
        Dialect::Bash,
        "echo {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
    ),
    (Dialect::Bash, "for ((;;)); do :; done"),
    (Dialect::Bash, "trap 'false' ERR; while :; do false; done"),
    (Dialect::Bash, "f() { local -a a=(\"${@}\" \"${@}\"); f \"${a[@]}\"; }; f 1 2 3"),
    (Dialect::Bash, "while :; do pushd / > /dev/null; done"),
];

/// Follows a script with small limits: how it ended, the most memory held, and how long it took.
fn bomb(dialect: Dialect, script: &str) -> (Result<i32, Interrupt>, u64, std::time::Duration) {
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        let run = || {
            let mut tree = tree();
            tree.symlink("l", ".").expect("new");
            let mut world = machine(tree, "amd64", 1000);
            world.spend_from(Budget::new(&small(), || false));
            let environment = [("PATH", "/usr/bin:/bin")];
            let mut shell = Shell::new(&mut world, "script", &environment).speak(dialect);
            let ended = shell.run_script(script.as_bytes(), &[], &[]).map(|outcome| outcome.status);
            (ended, world.budget.most_held(), start.elapsed())
        };
        let thread = std::thread::Builder::new().stack_size(256 << 20).spawn_scoped(scope, run);
        thread.expect("a thread").join().expect("no panic")
    })
}

fn assert_ends(dialect: Dialect, script: &str) {
    let (ended, most, time) = bomb(dialect, script);
    let named = matches!(ended, Err(Interrupt::Limit(Spent::Steps | Spent::Memory | Spent::Depth | Spent::Output)));
    assert!(named, "{script}: {ended:?}");
    assert!(most <= small().script_memory, "{script}: {most} bytes");
    // Far above what it takes: a build for debugging, on a machine that does other things as well.
    assert!(time.as_secs() < 60, "{script}: {time:?}");
}

#[test]
fn every_round_of_a_loop_is_charged() {
    for (dialect, round) in ROUNDS {
        let grow = "x=b; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8; do x=$x$x; done; i=0";
        assert_ends(*dialect, &format!("{grow}\nwhile :; do {round}\ndone\n"));
    }
}

#[test]
fn bombs_end_at_a_named_limit() {
    BOMBS.iter().for_each(|(dialect, script)| assert_ends(*dialect, script));
}

/// Subshells share what they do not change.
#[test]
fn subshells_are_cheap() {
    let grow = "x=b; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9; do x=$x$x; done";
    let nested = format!("{}:{}", "( ".repeat(50), " )".repeat(50));
    let (ended, most, _) = bomb(Dialect::Dash, &format!("{grow}; {nested}; ( x=1; {nested} )"));
    assert_eq!(ended, Ok(0));
    assert!(most < 4 << 20, "{most}");
}

/// A line is read in proportion to its length, not to the file's.
#[test]
fn lines_are_read_in_proportion() {
    let script = "i=0; while [ $i -lt 3000 ]; do echo 'a line of some length that is not short'; i=$((i+1)); done > /f\n\
                  n=0; while read -r l; do n=$((n+1)); done < /f; echo $n > /n; [ $n = 3000 ]";
    let (ended, _, _) = bomb(Dialect::Dash, script);
    assert_eq!(ended, Ok(0));
}

#[test]
fn an_open_file_outlives_its_name() {
    let cases = [
        "printf '1\\n2\\n3\\n' > f; while read l; do rm -f f; echo $l; done < f",
        "printf '1\\n2\\n3\\n' > f; while read l; do sed -i s/./x/ f; echo $l; done < f",
        "printf '1\\n2\\n3\\n' > f; exec 3< f; mv a.txt f; cat <&3",
        "printf '1\\n' > f; exec 3< f; echo 2 >> f; echo 3 >> f; rm f; cat <&3",
        "exec 3<> f; printf '1\\n2\\n3\\n' >&3; rm f; exec 4>&3; cat a.txt | head -n 0; printf '1\\n2\\n3\\n'",
    ];
    for script in cases {
        assert_eq!(ours(Dialect::Dash, script), ("1\n2\n3\n".to_owned(), 0, Vec::new()), "{script}");
    }
}

/// What is not followed says that it is bash's, and which construct.
#[test]
fn gaps_of_bash_name_the_construct() {
    let cases = [
        ("select x in a b; do break; done", "`select`"),
        ("coproc cat", "`coproc`"),
        ("exec > >(cat)", "`>(…)`"),
        ("echo $RANDOM", "`RANDOM`"),
        ("trap 'echo x' DEBUG", "`trap … DEBUG`"),
        ("shopt -s globstar", "`shopt globstar`"),
        ("declare -n r=x", "`declare` with the option `-n`"),
        ("exec {fd}> f", "`{name}>`"),
        ("declare -f f; f() { :; }; declare -f f", "the text of a function"),
        ("echo $[1+1]", "`$[…]`"),
        ("set -o history", "history"),
        ("echo ${x@A}", "`${…@A}`"),
    ];
    for (script, what) in cases {
        let (_, _, gaps) = ours(Dialect::Bash, script);
        assert!(gaps.iter().any(|gap| gap.contains("`bash`") && gap.contains(what)), "{script}: {gaps:?}");
    }
}

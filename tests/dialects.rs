//! Bombs, which end at a named limit, and what bash and open files do.

use imgbuild::budget::Budget;
use imgbuild::budget::Spent;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Dialect;
use imgbuild::shell::Interrupt;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

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
        ("set -o history", "history"),
        ("echo `echo )`", "syntax error"),
        ("echo ${x@A}", "`${…@A}`"),
    ];
    for (script, what) in cases {
        let (_, _, gaps) = ours(Dialect::Bash, script);
        assert!(gaps.iter().any(|gap| gap.contains("`bash`") && gap.contains(what)), "{script}: {gaps:?}");
    }
}

/// Each as found in a package of Debian; what it writes is bash's.
#[test]
fn bash_reads_what_packages_write() {
    let cases = [
        ("((($(echo 3) & 7) == 3)) && echo yes", "yes\n"),
        // daemon-util of ganeti: which functions there are, not their text.
        (
            "f() { :; }; declare -F f g; echo $?; declare -F f >/dev/null && declare -f f >/dev/null && echo yes",
            "f\n1\nyes\n",
        ),
        ("if (( $(echo 5 | awk '{print int($1)}') < 10 )); then echo less; fi", "less\n"),
        ("((echo a; echo b) | cat; echo c)", "a\nb\nc\n"),
        ("x=$( ( (echo one >&3; echo two) 3>&1 ) | cat); echo $x", "one two\n"),
        ("((echo in >&4) 3>&- 4>&1)", "in\n"),
        ("for ((i = $((0 + 1)); i < $(echo 3); i++)) { echo $i; }", "1\n2\n"),
        ("for x in a b; { echo $x; }", "a\nb\n"),
        ("echo a 2>&1>/dev/null; echo b 1>&2 2>&1; echo c", "c\n"),
        ("list=\\\n(\n'a b'\nc)\necho ${#list[@]}", "2\n"),
        ("x=4; echo $[x * (2 + 1)] $[ $x - 1 ]", "12 3\n"),
        ("if false; then echo \"`echo )`\"; fi; echo on", "on\n"),
        ("a-b() { echo minus; }; a-b; a.b() { echo dot; }; a.b", "minus\ndot\n"),
    ];
    for (script, output) in cases {
        let (found, _, gaps) = ours(Dialect::Bash, script);
        assert_eq!((found.as_str(), gaps), (output, Vec::new()), "{script}");
    }
}

/// What dash does not take ends its script with status 2.
#[test]
fn dash_refuses_what_it_refuses() {
    for script in [
        "a-b() { echo no; }",
        "exit() { echo no; }",
        "case a in a) x=(b); echo no;; esac",
        "x=$(y=1 (echo no))",
        "for x in a; { echo no; }",
    ] {
        let (found, status, _) = ours(Dialect::Dash, &format!("echo first\n{script}\necho no\n"));
        assert_eq!((found.as_str(), status), ("first\n", 2), "{script}");
    }
}

mod bash;
mod dash;

use super::*;
use crate::budget::Budget;
use crate::configure::machine;
use crate::limits::Limits;
use crate::tree::Tree;

fn run(script: &str) -> (String, i32, Vec<Gap>) {
    let mut tree = Tree::new();
    tree.make_directories("tmp", 0o777).expect("new");
    tree.make_directories("usr/bin", 0o755).expect("new");
    let mut system = machine(tree, "amd64", 1000);
    let mut shell = Shell::new(&mut system, "script", &[("PATH", "/usr/bin")]);
    let outcome =
        shell.run_script(script.as_bytes(), &[], &[b"one".to_vec(), b"t w o".to_vec()]).expect("within limits");
    (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status, system.gaps)
}

/// `/dev/null` is the same by any name, and holds nothing.
#[test]
fn what_leads_nowhere() {
    let script = "cd /; mkdir dev; ln -s ../dev/null /tmp/n; ln -s tmp/n m\n\
                  echo x > dev/null; echo x >> /dev/./null; echo x > tmp/n; echo x | tee m > /dev/null; touch dev/null m\n\
                  cat dev/null /tmp/../dev/null tmp/n < m; . dev/null; cd dev; echo x > null; find . | sort\n";
    let (output, status, gaps) = run(script);
    assert_eq!((output.as_str(), status, gaps), (".\n", 0, Vec::new()));
}

#[test]
fn scripts_do_what_they_say() {
    let cases: [(&str, &str, i32); 22] = [
        ("echo a; exit 3", "a\n", 3),
        ("for x in \"$@\"; do echo \"[$x]\"; done", "[one]\n[t w o]\n", 0),
        ("for x in $*; do printf '%s,' $x; done", "one,t,w,o,", 0),
        ("x=a:b::c; IFS=:; set -- $x; echo $#", "4\n", 0),
        ("f() { local x=1; echo $x; return 2; }; f || echo $?", "1\n2\n", 0),
        ("cat <<E | while read a b; do echo \"$b $a\"; done\nx y z\n\tp q\nE", "y z x\nq p\n", 0),
        ("cat <<-'E'\n\t$x\n\tE\n", "$x\n", 0),
        ("set -e; false || true; ! true; if false; then :; fi; false; echo no", "", 1),
        ("set -e; f() { false; echo go; }; f || true; f && true; f; echo no", "go\ngo\n", 1),
        ("exec 3>&1; x=$(echo in; echo out >&3); echo \"$x\"", "out\nin\n", 0),
        (
            "x=/usr/lib/a.so.1; echo ${x##*/} ${x%.*} ${x%%.*} ${x#*/} ${#x}",
            "a.so.1 /usr/lib/a.so /usr/lib/a usr/lib/a.so.1 15\n",
            0,
        ),
        ("echo ${u:-d} ${u-d} ${u:+n} \"${u:=s t}\" $u", "d d s t s t\n", 0),
        ("case abc in a) echo 1;; (b|a*) echo 2;; esac", "2\n", 0),
        (
            "i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done",
            "1\n3\n",
            0,
        ),
        ("trap 'echo bye $?' EXIT; (exit 4); exit", "bye 4\n", 4),
        ("cd /tmp; echo x > f; echo y >> f; echo *; cat f; (cd ..; pwd); pwd", "f\nx\ny\n/\n/tmp\n", 0),
        ("x=1; (x=2; echo $x); echo $x", "2\n1\n", 0),
        ("echo `echo \\`echo deep\\``", "deep\n", 0),
        ("eval 'echo \"$1\"' ; set -- a b c; shift 2; echo $1 $#", "one\nc 1\n", 0),
        ("while getopts a:b o -a 1 -b x; do echo $o $OPTARG; done; echo $OPTIND", "a 1\nb\n4\n", 0),
        ("printf 'a b\\nc' | { read x; read y || echo end; echo $x-$y; }", "end\na b-c\n", 0),
        ("nosuch 2>/dev/null; echo $?; : ${x?gone}; echo no", "127\nscript: 1: x: gone\n", 2),
    ];
    for (script, output, status) in cases {
        let (found, code, _) = run(script);
        assert_eq!((found.as_str(), code), (output, status), "{script}");
    }
}

#[test]
fn what_is_not_known_is_recorded_however_it_is_hidden() {
    let (_, status, gaps) = run("true\nfrobnicate --hard 2>/dev/null || true\n(cat --no-such-option) || :\n");
    assert_eq!(status, 0);
    let lines: Vec<_> = gaps.iter().map(|gap| (gap.line, gap.command.as_str(), gap.what.as_str())).collect();
    assert_eq!(lines, [(2, "frobnicate", "unknown command"), (3, "cat", "option `--no-such-option`")]);
}

#[test]
fn nothing_runs_for_ever() {
    let mut system = machine(Tree::new(), "amd64", 0);
    system.spend_from(Budget::new(&Limits { script_steps: 10_000, ..Limits::DEFAULT }, || false));
    for script in [
        "while :; do :; done",
        "f() { f; }; f",
        "x=aa; while x=$x$x; do :; done",
        "eval \"$(echo 'while true; do echo y; done')\"",
    ] {
        system.budget.renew();
        system.bounds.bytes = 1 << 20;
        let mut shell = Shell::new(&mut system, "script", &[]);
        assert!(matches!(shell.run_script(script.as_bytes(), &[], &[]), Err(Interrupt::Limit(_))), "{script}");
    }
}

/// bash's `set`, as far as it can be known: variables of one beginning.
#[test]
fn bash_lists_the_variables_of_a_beginning() {
    let cases = [
        ("bash -c 'D_b=1; D_a=\"x y\"; D_c=; declare D_d; E_a=2; set | grep ^D_'", "D_a='x y'\nD_b=1\nD_c=\n", 0, 0),
        ("bash -c 'D_a=a=b#c~; D_b=\\#; set | grep ^D_ | cut -d = -f 2-3'", "a=b#c~\n'#'\n", 0, 0),
        ("bash -c 'D_a=x; set | grep \"^D_\"; set | grep ^E_ | cat; echo $?; f() { D_a=2; }'", "D_a=x\n0\n", 0, 0),
        ("bash -c 'D_a=(1 2); set | grep ^D_'", "", 1, 1),
        ("bash -c 'D_f() { :; }; set | grep ^D_'", "", 1, 1),
        ("bash -c 'set | grep ^BASH_'", "", 1, 1),
        ("bash -c 'set | cat'", "", 0, 1),
    ];
    for (script, output, status, gap) in cases {
        let (found, code, gaps) = run(script);
        assert_eq!((found.as_str(), code, gaps.len()), (output, status, gap), "{script}");
    }
}

/// Of a pipeline bash asks how the whole has ended, and of a subshell that is its last.
#[test]
fn bash_traps_errors_of_pipelines() {
    let cases = [
        ("bash -c 'trap \"echo err \\$?\" ERR; set -E; false | cat; (exit 3) | cat; { false; } | cat'", "err 1\n", 0),
        (
            "bash -c 'trap \"echo err \\$?\" ERR; true | false; true | (exit 3); echo ${PIPESTATUS[@]}'",
            "err 1\nerr 3\nerr 3\n0 3\n",
            0,
        ),
        ("bash -c 'trap \"echo err \\$?\" ERR; set -E; f() { false; true; }; f | cat; return 3 | cat'", "err 1\n", 0),
        ("bash -c 'set -e; trap \"echo err \\$?\" ERR; true | (exit 3); echo no'", "err 3\n", 3),
        ("bash -c 'trap \"echo err \\$?\" ERR; ! true | (exit 3); true | (exit 4) || echo or'", "err 3\nor\n", 0),
        ("bash -c 'readonly r=1; r=2\necho \"<$_>\"\necho a b; x=1; echo \"<$_>\"'", "<r=1>\na b\n<>\n", 0),
        ("bash -c 'trap \"echo err \\$?\" ERR; ! { false; echo x; }; ! false; ! (exit 2)'", "err 1\nx\n", 0),
        ("bash -c 'trap \"echo err \\$?\" ERR; set -e; ! { false; echo x; }'", "x\n", 1),
        (
            "bash -c 'trap \"echo err \\$?\" ERR; f() { false; true; }; set -E; ! f; ! { false; } | cat'",
            "err 1\nerr 1\n",
            1,
        ),
    ];
    for (script, output, status) in cases {
        let (found, code, gaps) = run(&format!("exec 2>/dev/null\n{script}"));
        assert_eq!((found.as_str(), code, gaps.len()), (output, status, 0), "{script}");
    }
}

/// What is no expression is a comparison that does not hold; an expansion that fails ends the line.
#[test]
fn bash_compares_what_is_no_number() {
    let cases = [
        ("[[ 1+ -eq 2 ]]; echo $?; [[ ! 1+ -eq 2 ]]; echo $?; [[ ! ( a = a && 1/0 -lt 2 ) ]]; echo $?", "1\n0\n0\n"),
        ("[[ 1 -eq 1+ || a = a ]] && echo or", "or\n"),
        ("[[ a = $((1/0)) ]]; echo no\necho next $?", "next 1\n"),
    ];
    for (script, output) in cases {
        let (found, _, gaps) = run(&format!("exec 2>/dev/null\ncat >s <<'E'\n{script}\nE\nbash ./s"));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{script}");
    }
}

/// To dash `$@` without quotes is one text with white space in it, and patterns and lengths are its own.
#[test]
fn dash_joins_parameters_to_split_them() {
    let each = "for i in @; do printf '<%s>' \"$i\"; done";
    let cases = [
        ("IFS=x; set -- a xb", "$@", "<a><b>"),
        ("IFS=x; set -- a xxb", "p$@q", "<pa><><bq>"),
        ("IFS=x; set -- '' xb", "$*", "<><b>"),
        ("IFS=xy; set -- a xb yc", "${1+$@}", "<a><b><c>"),
        ("IFS=x; set -- ab ac", "${@#a}", "<b><ac>"),
        ("IFS=x; set -- ab ac", "\"${*#a}\"", "<bxac>"),
        ("set -- ab ac", "\"${@%c}\"", "<ab><a>"),
        ("set -- 'a b' c", "${@##a*} ${#@}", "<5>"),
    ];
    for (before, word, output) in cases {
        let (found, _, gaps) = run(&format!("{before}; {}", each.replace('@', word)));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{before} {word}");
    }
}

/// In dash's arithmetic a double quote is a byte like any other; in an expansion inside it quotes.
#[test]
fn dash_has_no_quotes_in_arithmetic() {
    for (script, output, status) in [
        ("x=3; echo $((\"x\" + 1)); echo no", "", 2),
        ("x=; echo \"$((${x:-\"3\"} + 1))\" $(($(echo \"4\")))", "4 4\n", 0),
        ("cat <<E\n$((\"3\" + 1))\nE", "", 2),
        ("echo 'echo $((\"3\" + 1))' | bash", "4\n", 0),
    ] {
        let (found, code, gaps) = run(&format!("exec 2>/dev/null\n{script}"));
        assert_eq!((found.as_str(), code, gaps.len()), (output, status, 0), "{script}");
    }
}

/// Where a script stands in bash: `-c` and standard input are no files, and an error leaves the name `main` behind.
#[test]
fn bash_knows_what_is_a_file() {
    let shown = "echo ${FUNCNAME[*]}-${BASH_SOURCE[*]}-${BASH_LINENO[*]}";
    let script = format!("f() {{ {shown}; }}\nf\n{shown}\n");
    for (how, output) in [
        ("bash s", "f main-s s-2 0\n-s-0\n"),
        ("bash <s", "f-main-2\n--\n"),
        ("bash -c \"$(cat s)\"", "f-environment-2\n--\n"),
        ("bash -c '. ./s'", "f source-./s ./s-2 1\n-./s-1\n"),
    ] {
        let (found, _, gaps) = run(&format!("cat >s <<'E'\n{script}E\n{how}"));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{how}");
    }
    let left = "readonly r=1; f() { r=2; echo no; }\nf 2>/dev/null\necho ${FUNCNAME[*]}\ng() { :; }; g\necho ${FUNCNAME[*]}.\n";
    let (found, _, _) = run(&format!("cat >s <<'E'\n{left}E\nbash s; bash -c \"$(cat s)\""));
    assert_eq!(found, "main\n.\n\n.\n");
}

/// What is written to a closed descriptor, or read from one or from a directory, fails with each tool's own status.
#[test]
fn closed_descriptors_are_noticed() {
    for (script, output) in [
        (
            "type cd >&-; echo $?; command -v cd >&-; echo $?; printf a >&-; echo $?; printf '' >&-; echo $?",
            "1\n1\n1\n0\n",
        ),
        ("echo b | grep b >&-; echo $?; echo b | sort >&-; echo $?; echo b | sed p >&-; echo $?", "2\n2\n4\n"),
        ("expr 1 + 1 >&-; echo $?; env -i a=b >&-; echo $?; tr a b </dev/null >&-; echo $?", "3\n125\n0\n"),
        ("sed p <&-; echo $?; cat <&-; echo $?; grep a <&-; echo $?; wc </tmp >&-; echo $?", "4\n1\n2\n1\n"),
        ("cat </tmp; echo $?; sed p </tmp; echo $?; grep a </tmp; echo $?; tr a b </tmp; echo $?", "1\n4\n2\n1\n"),
        ("read x </tmp; echo $?; sort </tmp; echo $?; cut -c1 </tmp; echo $?; tee /f </tmp; echo $?", "1\n2\n1\n1\n"),
    ] {
        let (found, _, gaps) = run(&format!("exec 2>/dev/null\n{script}"));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{script}");
    }
}

/// bash's printf has escapes, directives and statuses of its own.
#[test]
fn bash_prints_by_its_own_rules() {
    for (script, output) in [
        (r"printf '\x41\u0042\e|\101\0101|\c\?\q'", "AB\u{1b}|A\u{8}1|\\c?\\q"),
        (r"printf '%b|' 'a\x41' 'b\0101' '\u41\q' 'f\cg'; printf '%.2b' 'a\tb'", "aA|bA|A\\q|fa\t"),
        (
            r"printf '%q ' '' 'a b' 'x~y=~#' '#a,b' $'\n\e\001'; printf '%.2q%4q' 'a b' c",
            "'' a\\ b x~y=\\~# \\#a\\,b $'\\n\\E\\001' a\\   c",
        ),
        (
            "printf '%(%F %T)T|%6(%Y)T|%()T %s ' 0 86400 2 a; printf '%(%s)T'",
            "1970-01-01 00:00:00|  1970|00:00:02 a 1000",
        ),
        (
            "printf %z a; echo $?; printf '%'; echo $?; printf '%ld %d' 5 9223372036854775808; echo $?",
            "1\n1\n5 92233720368547758070\n",
        ),
        (
            r"printf '%s\0' a b | tr '\0' ,; printf -v x '%03d' 7; echo $x; printf -v x 'a%cb' ''; echo $x",
            "a,b,007\na\n",
        ),
    ] {
        let (found, _, gaps) = run(&format!("exec 2>/dev/null\ncat >s <<'E'\n{script}\nE\nbash s"));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{script}");
    }
    for script in ["printf %Q a", "printf %n a", "printf '%(%c)T' 0", "printf %q $'\\xff'", "printf %99999999999d 1"] {
        assert_eq!(run(&format!("cat >s <<'E'\n{script}\nE\nbash s")).2.len(), 1, "{script}");
    }
}

/// What bash does otherwise than dash with statuses in a command, tildes in arguments, numbers that are none, and masks.
#[test]
fn bash_has_its_own_manners() {
    let cases = [
        ("echo $(false) $?; x=$(exit 4)$?; echo $x $?; echo \"$(exit 5)\" $(true)$?", "1\n4 4\n 0\n"),
        (
            "f() { echo $?; }; f $(exit 4); case $(exit 9) in *) echo $?;; esac; for i in $(exit 8); do :; done; echo $?",
            "4\n9\n0\n",
        ),
        (
            "HOME=/h; echo a=~ a=b:~/c ~ --p=~ 1a=~ \"a=~\" a=\"~\"; env t=~ | grep ^t=",
            "a=/h a=b:/h/c /h --p=~ 1a=~ a=~ a=~\nt=/h\n",
        ),
        ("set -- a; shift -1; echo $?; shift x; echo $? $#; f() { return abc; echo no; }; f; echo $?", "1\n1 1\n2\n"),
        ("echo a b; : c > /nodir/x; echo $_", "a b\nc\n"),
        ("f() { return 1 2; }; f; echo no\necho $?; exit 3 4; echo no\necho go", "1\ngo\n"),
        (
            "umask 027; umask -p; umask -pS; umask -S a=rx; umask",
            "umask 0027\numask -S u=rwx,g=rx,o=\nu=rx,g=rx,o=rx\n0222\n",
        ),
    ];
    for (script, output) in cases {
        let (found, _, gaps) = run(&format!("exec 2>/dev/null\ncat >s <<'E'\n{script}\nE\nbash s"));
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{script}");
    }
    let (found, status, _) = run("exec 2>/dev/null; umask -S u=rx; umask; (exit 3); echo $(exit 4) $? a=~; shift -1");
    assert_eq!((found.as_str(), status), ("0222\n3 a=~\n", 2));
}

/// A process has a number, and its parent's; an ended one's is not given again.
#[test]
fn processes_have_numbers() {
    let (found, _, gaps) = run("cat >s <<'E'\necho $$ $PPID\nE\necho $$ $PPID; sh s; sh s; exec sh s");
    assert_eq!((found.as_str(), gaps.len()), ("1000 1\n1001 1000\n1002 1000\n1000 1\n", 0));
    let (found, status, gaps) = run("sh -c 'kill -TERM $$; echo no'; echo $?; sh -c 'kill $PPID'");
    assert_eq!((found.as_str(), status, gaps.len()), ("143\n", 0, 1));
}

/// In dash a trap inside a trap has the outer one's status for `exit`, in bash its own.
#[test]
fn traps_inside_traps() {
    for (script, dash, bash) in [
        ("trap exit INT; trap 'true; kill -s INT $$' EXIT; false", 1, 0),
        ("trap '(exit 5); exit' TERM; kill -TERM $$; echo no", 0, 5),
        ("trap '(exit 6); exit' TERM; trap '(exit 5); kill -TERM $$; echo no' EXIT; (exit 3)", 3, 6),
        ("trap 'exit 9' TERM; trap '(exit 5); kill -TERM $$; echo no' EXIT; (exit 3)", 9, 9),
    ] {
        for (shell, status) in [("sh", dash), ("bash", bash)] {
            let (found, _, gaps) = run(&format!("cat >s <<'E'\n{script}\nE\n{shell} s; echo $?"));
            assert_eq!((found, gaps.len()), (format!("{status}\n"), 0), "{shell} {script}");
        }
    }
}

/// `exec` keeps its redirections behind `command`; `break` in a file counts for the loop around the dot.
#[test]
fn what_reaches_beyond_its_command() {
    for (script, output) in [
        ("echo hi >f; command exec 8<f; read m <&8; echo $m", "hi\n"),
        ("echo hi >f; command -p exec 8<f; read m <&8; echo $m", "hi\n"),
        ("echo break >f; for x in a b; do echo $x; . /f; done", "a\n"),
        ("echo continue >f; for x in a b; do echo $x; . /f; echo no; done", "a\nb\n"),
        ("f() { break; }; for x in a b; do echo $x; f; done", "a\nb\n"),
    ] {
        let (found, _, gaps) = run(script);
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{script}");
    }
}

/// What depends on the time or on another process is no answer.
#[test]
fn what_no_image_knows_is_a_gap() {
    for script in
        ["echo a >f; echo b >g; [ g -nt f ]", "hash", "(trap '' PIPE)", "mktemp", "echo a >f; [ f -nt nosuch ]"]
    {
        assert_eq!(run(script).2.len(), 1, "{script}");
    }
    let dash = |version: &str| {
        let status = format!("Package: dash\\nStatus: x\\nVersion: {version}\\n");
        run(&format!("mkdir -p /var/lib/dpkg; printf '{status}' >/var/lib/dpkg/status; echo >f; [ f -nt no ]; echo $?"))
    };
    for (version, output) in [("0.5.12-2", "1\n"), ("0.5.12-12", "0\n"), ("0.5.13-1", "0\n")] {
        let (found, _, gaps) = dash(version);
        assert_eq!((found.as_str(), gaps.len()), (output, 0), "{version}");
    }
}

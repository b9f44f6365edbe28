//! The shell beside the real dash: the same scripts, the same output and status.

use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

use crate::switched_on;

/// What a script writes to standard output, and its status, here.
fn ours(script: &[u8]) -> (Vec<u8>, i32) {
    let mut tree = Tree::new();
    for directory in ["tmp", "work/d/e"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    for file in ["work/a.txt", "work/b.txt", "work/.hidden", "work/d/x.c"] {
        tree.write(file, 0o644, format!("{file}\nsecond line\n")).expect("new");
    }
    tree.symlink("work/link", "d").expect("new");
    tree.write("usr/bin/cat", 0o755, "").expect("new");
    let mut world = machine(tree, "amd64", 1000);
    let mut shell = Shell::new(&mut world, "sh", &[("PATH", "/usr/bin:/bin"), ("LC_ALL", "C")]);
    let wrapped = [b"cd /work; exec 2>/dev/null\n", script].concat();
    match shell.run_script(&wrapped, &[], &[]) {
        Ok(outcome) => (outcome.output, outcome.status),
        Err(limit) => (format!("{limit:?}").into_bytes(), -1),
    }
}

/// The same of dash, in a directory with the same files.
#[expect(clippy::disallowed_methods, reason = "the real tool is the oracle")]
fn theirs(directory: &std::path::Path, script: &[u8]) -> (Vec<u8>, i32) {
    let work = directory.join("work");
    let reset = std::fs::remove_dir_all(&work);
    drop(reset);
    std::fs::create_dir_all(work.join("d/e")).expect("new");
    for file in ["a.txt", "b.txt", ".hidden", "d/x.c"] {
        std::fs::write(work.join(file), format!("work/{file}\nsecond line\n")).expect("new");
    }
    std::os::unix::fs::symlink("d", work.join("link")).expect("new");
    let wrapped = [format!("cd {}; exec 2>/dev/null\n", work.display()).as_bytes(), script].concat();
    let path = directory.join("script");
    std::fs::write(&path, wrapped).expect("written");
    let output = Command::new("dash")
        .arg(&path)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .output()
        .expect("dash is there");
    (output.stdout, output.status.code().unwrap_or(-2))
}

fn compare(scripts: impl Iterator<Item = Vec<u8>>) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut different = Vec::new();
    for script in scripts {
        let (wanted, status) = theirs(directory.path(), &script);
        let (found, code) = ours(&script);
        // dash stops at a thousand calls, we earlier: what a script says before is the same.
        let too_deep = code == -1 && String::from_utf8_lossy(&found).contains("too deeply");
        if (&found, code) != (&wanted, status) && !too_deep {
            different.push(format!(
                "--- {}\ndash {status}: {:?}\nours {code}: {:?}\n",
                String::from_utf8_lossy(&script),
                String::from_utf8_lossy(&wanted),
                String::from_utf8_lossy(&found),
            ));
        }
    }
    assert!(different.is_empty(), "{} scripts differ\n{}", different.len(), different.join(""));
}

/// Where shells differ, or where it is easy to be wrong.
const TRICKY: &[&str] = &[
    // Splitting, quoting, "$@".
    "set -- 'a b' '' c; for x in \"$@\"; do echo \"<$x>\"; done; for x in $@; do echo \"<$x>\"; done",
    "set --; for x in \"$@\"; do echo no; done; for x in \"a$@b\"; do echo \"<$x>\"; done",
    "set -- a b; echo \"x$@y\" \"x$*y\"; IFS=,; echo \"$*\"; IFS=; echo \"$*\" $*",
    "x='a  b   c'; echo $x \"$x\"; IFS=' '; set -- $x; echo $#",
    "IFS=:; x='a::b:'; set -- $x; echo $#; for i in \"$@\"; do echo \"<$i>\"; done",
    "IFS=' :'; x=' a : b  c: '; set -- $x; echo $#; for i in \"$@\"; do echo \"<$i>\"; done",
    "x='*'; echo $x \"$x\"; set -f; echo $x; set +f; echo \\*",
    "echo *.txt; echo .h*; echo d/*; echo link/*; echo */; echo no*such; echo [ab].txt [!a].txt",
    "echo ./*; echo /nosuchdir/*; echo d/*/; echo \"*\".txt; echo '*'.txt",
    "unset u; echo \"<${u-}>\" \"<${u-x y}>\" ; for i in ${u-x y}; do echo $i; done; for i in ${u-\"x y\"}; do echo $i; done",
    "x=; echo ${x:-d} ${x-d} ${x:+y} ${x+y}; echo \"${x:-\"a b\"}\" \"${x:-'a b'}\" ${x:-'a  b'}",
    "x=abcabc; echo ${x#a} ${x#*b} ${x##*b} ${x%c} ${x%b*} ${x%%b*} ${x#z} ${x%%*}",
    "x='a*b'; p='*'; echo ${x#$p} ${x#\"$p\"} \"${x%$p}\" \"${x%\"*\"b}\" ${x%\\*b}",
    "x=/a/b/c.tar.gz; echo ${x##*/} ${x%/*} ${x%%.*} ${#x} ${x%[a-z]*}",
    "echo ${x?}; echo no",
    "(echo ${x?msg}); echo $?; : ${y:=val}; echo $y",
    "echo \"$(printf 'a\\n\\nb\\n\\n')\" $(printf 'a\\n\\nb\\n\\n')",
    "echo `echo a \\`echo b\\` \\\\$HOME '\\\\'` \"`echo \\\"q\\\"`\"",
    "echo $((1+2*3)) $(( (1+2)*3 )) $((7/2)) $((-7%3)) $((1<2)) $((5&3|8)) $((1?2:3)) $((x=5)) $x $((x+=2)) $((!x)) $((~0))",
    "x=010; echo $((x)) $((0x1f)) $(($x+1)); i=5; echo $((i)) $((i*i)) $((i > 3 && i < 9))",
    "echo $((1/0)); echo no",
    "echo \"a\\$b\\`c\\\\d\\e\\\"\" 'a\\b' a\\ b",
    "echo a\\\nb \"a\\\nb\" 'a\\\nb'",
    "echo ~ ~/x \"~\" a~b; HOME=/h; echo ~ ~/x; x=~/y; echo $x; x=a:~/b; echo $x",
    // set -e.
    "set -e; false; echo no",
    "set -e; if false; then :; fi; false || true; ! false; ! true; false && true; echo yes",
    "set -e; true && false; echo no",
    "set -e; f() { false; echo in; }; if f; then echo t; fi; f || :; f; echo no",
    "set -e; (false; echo a) || echo b; (false); echo no",
    "set -e; x=$(false); echo no",
    "set -e; echo $(false; echo in); echo yes",
    "set -e; false | true; echo a; true | false; echo no",
    "set -e; while false; do :; done; for i in 1; do false; done; echo no",
    "set -e; { false; echo a; } || true; { false; } ; echo no",
    "set -e; case x in x) false;; esac; echo no",
    "set -e; eval false || echo a; eval 'false; echo b' || true; eval false; echo no",
    "set -e; ! { false; echo a; }; echo b",
    "set -e; (set +e; false; echo a); false & wait; echo b",
    "set -e; f() { return 3; }; f || echo $?; f; echo no",
    "set -e; local_test() { local x=$(false); echo here; }; local_test; export y=$(false); echo there",
    "set -e; trap 'echo trap $?' EXIT; false; echo no",
    "set -e; x=$(set +e; false; echo ok); echo $x; y=$(false; echo bad); echo \"y=$y\"",
    "echo 'false; echo in' > f; set -e; . ./f || echo caught; echo after",
    "set -e; if ! false; then echo a; fi; until true; do :; done; [ a = b ] || echo c; [ a = b ]; echo no",
    "set -e\nf() { set +e; false; echo f; }\nf; false; echo still",
    "set -e; command false || echo a; command false; echo no",
    "set -e; false || { false; echo in; }; echo no",
    "set -e; readonly r=1; (r=2; echo no); echo $?",
    // Functions, scope, return, loops.
    "f() { echo $# \"$1\"; shift; echo $1; set -- z; echo $1; }; set -- q; f a b; echo $1",
    "x=1; f() { local x; echo \"<$x>\"; x=2; g; echo $x; }; g() { echo $x; x=3; }; f; echo $x",
    "f() { local IFS=:; x=a:b; for i in $x; do echo $i; done; }; f; x='c d'; for i in $x; do echo $i; done",
    "f() { return; }; false; f; echo $?; f() { return 7; echo no; }; f; echo $?",
    "for i in 1 2 3; do for j in a b c; do [ $j = b ] && continue 2; echo $i$j; done; done",
    "for i in 1 2 3; do while :; do break 2; done; echo no; done; echo $i",
    "for i in 1 2; do echo $i; done; echo $i; for i; do echo no; done; for i in; do echo no; done; echo $?",
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i $?; until [ $i = 0 ]; do i=$((i-1)); done; echo $i",
    "f() { f2() { echo two; }; }; f; f2; unset -f f2; f2; echo $?",
    "x=1 eval 'echo $x'; echo \"<$x>\"; y=2 true; echo \"<$y>\"; f() { echo $z; }; z=3 f; echo \"<$z>\"",
    "x=1; (x=2; cd d; echo $x); echo $x; pwd | sed 's,.*/,,'; { x=3; }; echo $x",
    "echo a | { read x; echo \"[$x]\"; }; echo b | read y; echo \"<$y>\"",
    "break; echo $?; continue; echo ok",
    "while :; do (break); echo once; break; done; f() { break; }; for i in 1 2; do f; echo $i; done",
    // Here-documents.
    "x=1; cat <<E\n$x `echo b` $(echo c) \\$x \\\\ \\a \"q\" 'r' $((1+1))\nE\necho end",
    "cat <<'E'\n$x `echo b` \\$x\nE\ncat <<\\E\n$y\nE\ncat <<\"E F\"\na\nE F\n",
    "cat <<-E\n\t\ta\n\t b\n\tE\ncat <<A; cat <<B\na\nA\nb\nB\n",
    "cat <<E | tr a-z A-Z\nhello\nE\nif true; then cat <<E\nin if\nE\nfi; echo $(cat <<E\nin subst\nE\n)",
    "while read a; do echo \"<$a>\"; done <<E\n one \ntwo\\\nthree\nE\n",
    "cat <<E\na\\\nb ${x-\"d q\"} ${x-'s'} \nE\n",
    // Redirection.
    "echo a > f; echo b >> f; cat f; cat < f > g; wc -l < g; : > f; [ -s f ] || echo empty; echo x > nodir/f; echo $?",
    "exec 3> f; echo a >&3; echo b >&3; exec 3>&-; cat f; echo c >&3; echo $?",
    "{ echo out; echo err >&2; } 2>&1 | cat; { echo out; echo err >&2; } 2>&1 >/dev/null | cat",
    "exec 3<a.txt; read x <&3; read y <&3; echo $x $y; read z <&3; echo $? \"<$z>\"",
    "cat nosuch; echo $?; < nosuch; echo $?; cat < nosuch; echo $?; : < nosuch; echo no",
    "set -C; echo a > n; echo b > n; echo $?; echo c >| n; cat n",
    "f() { echo x; } > out; f; f; cat out; (echo a; echo b) > out; cat out; for i in 1 2; do echo $i; done > out; cat out",
    "echo a 1>&2; echo b >&1; echo c 2>&1 | cat; (echo d >&2) 2>&1",
    "exec 4>&1; x=$(echo in; echo out >&4); echo \"[$x]\"; exec >f; echo gone; exec >&4; echo back; cat f",
    "read x < a.txt; echo $x; echo y | cat - a.txt; echo > 'sp ace'; ls sp*",
    // case, test.
    "for x in a ab b '*' '' -n '['; do case $x in a) echo 1;; a*) echo 2;; '*') echo 3;; [b-d]|-n) echo 4;; '') echo 5;; *) echo 6;; esac; done",
    "x='a b'; case $x in 'a b') echo y;; esac; case x in (x) echo p;; esac; case a in b) ;; esac; echo $?",
    "p='a*'; case abc in $p) echo glob;; esac; case abc in \"$p\") echo no;; *) echo lit;; esac; case 'a*' in \"$p\") echo y;; esac",
    "case a in a) false;; esac; echo $?; case a in [!b]) echo y;; esac; case ] in []]) echo z;; esac; case - in [a-]) echo w;; esac",
    "[ a = a -a b = b ] && echo 1; [ a = b -o b = b ] && echo 2; [ ! a = b ] && echo 3; [ -n \"\" ] || echo 4; [ -z ] && echo 5; [ ! ] && echo 6; [ ] || echo 7",
    "[ '(' a = a ')' -a '!' b = c ] && echo 1; [ -f a.txt -a -d d ] && echo 2; [ -e nosuch ] || echo 3; [ -L link ] && [ -d link ] && echo 4; [ -x d ] && echo 5",
    "[ 1 -lt 2 ] && echo 1; [ 10 -gt 9 ] && echo 2; [ a -eq 1 ]; echo $?; [ 1 = 1 2 ]; echo $?; test -d; echo $?; [ -f = -f ] && echo y; [ ! = ! ] && echo z",
    "[ \"$x\" = \"\" ] && echo e; [ x$x = x ] && echo f; [ -n ]; echo $?; [ \"(\" = \"(\" ] && echo g; [ -t 1 ] || echo notty; [ -s a.txt ] && echo s",
    // Builtins.
    "echo -n a; echo b; echo -e x; echo 'a\\tb\\nc'; echo 'a\\c' ; echo; echo '\\0101 \\\\ \\x'; echo -- -n",
    "printf '%s-%s\\n' a b c; printf '%d %5d|%-5d|%05d\\n' 1 2 3 4; printf '%x %o %c %%\\n' 255 8 abc; printf '%b|%s\\n' 'a\\tb' 'a\\tb'; printf 'x\\n' y z",
    "printf '%s\\n'; printf '%d\\n' abc; echo $?; printf '%s %s\\n' \"a b\" c; printf '\\101\\n'; printf '%.3s|%10.2s|\\n' abcdef ghijk; printf -- '-%s\\n' x",
    "echo 'a b c' | { read x y; echo \"$x|$y\"; }; echo ' a  b ' | { read x; echo \"<$x>\"; }; echo 'a:b:c' | { IFS=: read x y; echo \"$x|$y\"; }",
    "printf 'a\\\\tb\\n' | { read x; echo \"$x\"; }; printf 'a\\\\tb\\n' | { read -r x; echo \"$x\"; }; printf 'nonl' | { read x; echo \"$? $x\"; }",
    "echo '1:2:3:' | { IFS=: read a b; echo \"$b\"; }; echo '1:2:' | { IFS=: read a b; echo \"$b\"; }; echo ':x' | { IFS=: read a b; echo \"<$a><$b>\"; }; echo 'a b c' | { read a b c d; echo \"<$c><$d>\"; }",
    "while getopts ab:c o -a -bval -c x y; do echo \"$o ${OPTARG-unset} $OPTIND\"; done; echo $OPTIND; shift $((OPTIND-1)); echo $#",
    "while getopts :ab: o -x -a -b; do echo \"$o $OPTARG\"; done; OPTIND=1; set -- -ab v w; while getopts ab: o; do echo $o $OPTARG; done; shift $((OPTIND-1)); echo $1",
    "set -- a b c d; shift; echo $*; shift 2; echo $*; shift; echo $#; set -- -x; echo $1; set -- ; echo $#; set a b; echo $2",
    "x=1; unset x; echo ${x-unset}; readonly y=2; y=3; echo no",
    "export E=1; sh -c 'echo $E'; F=2 sh -c 'echo $F'; sh -c 'echo $0 $1' name arg; G=3; sh -c 'echo \"<$G>\"'; export G; sh -c 'echo $G'",
    "trap 'echo bye' EXIT; echo hi; (trap 'echo sub' EXIT; echo in); trap - EXIT; trap 'echo one' 0; exit 3",
    "trap 'echo $?; exit 5' 0; exit 3",
    "trap '' INT; trap 'echo x' HUP TERM; trap - HUP; f() { trap 'echo in f' EXIT; }; f; echo body",
    "eval 'x=5; echo $x'; eval; echo $?; eval 'exit 4'; echo no",
    "command -v cd echo if nosuch; echo $?; command -v cat > /dev/null && echo y; f() { :; }; command -v f; type nosuch; echo $?",
    "umask; umask 077; umask; : > u; ls -l u | cut -c1-10; cd d; cd ..; cd - > /dev/null; cd nosuch; echo $?; cd link; pwd -P | sed 's,.*/,,'",
    "exit_code() { (exit $1); echo $?; }; exit_code 0; exit_code 200; exit_code 256; true; false; echo $?; ! true; echo $?; ! false | true; echo $?",
    "alias ll='echo aliased'\nll x; unalias ll\nll; echo $?",
    "(exit 3) | (exit 4); echo $?; (exit 3) && echo no || echo yes; true && (exit 2) || echo $?; { exit 6; }; echo no",
    "x=$(exit 3); echo $?; x=$(exit 3) true; echo $?; echo $(exit 4); echo $?; x=a y=$(false); echo $?",
    "echo $(echo a; echo b) \"$(echo a; echo b)\"; x=$(echo 'a  b'); echo $x; echo \"$x\"; echo $(echo \"$(echo \"a  b\")\")",
    "if true; then echo a; elif true; then echo b; else echo c; fi; if false; then :; fi; echo $?; if (exit 3); then :; else echo $?; fi",
    "true; echo $? $#; set -- a; echo $# ${#} ${1} ${10-none} \"${1+set}\"; set -- 1 2 3 4 5 6 7 8 9 ten; echo $10 ${10}",
    "exec echo replaced; echo no",
    "set -u; echo ${x-ok}; echo $x; echo no",
    "set -u; set --; echo \"$@\" $# ; echo ${1-none}; (echo $1); echo $?",
    "echo one;echo two&&echo three||echo four;echo five;# comment\necho six # comment\necho se#ven",
    ": a b c; true x; echo \"$(:)\"; { :; }; ( : ); if :; then :; fi; echo $?",
    "x='echo hi'; $x; y=; $y echo empty; $y; echo $?; z=nosuch; $z; echo $?",
    "a=1 b=$a; echo $b; a=2; c=$a$a\"$a\"'$a'; echo $c; d=*; echo \"$d\"; e=$d; echo \"$e\"; f=\"a b\" g=$f; echo \"$g\"",
    "v='a=1 b=2'; export $v; echo $a $b; w='x y'; export q=$w; echo \"$q\"; f() { local l=$w; echo \"$l\"; }; f; readonly r=$w; echo \"$r\"",
    "echo {a,b} a{1..3} ~nosuchuser $'x' <(echo) 2>&1",
    "if\ntrue\nthen\necho a\nfi\nfor i in 1 \\\n2\ndo echo $i\ndone\ncase a\nin\na)\necho b\n;;\nesac\nf()\n{\necho c\n}\nf",
    "echo \"${x:-$(echo \"nested ${y:-deep}\")}\" ${x:-`echo bq`}; echo \"${x:-\\}}\" ${x:-\\}} \"${x:-{a}}\"",
    "x=5; : $((x++)); echo no",
    "test 1 -eq 1.5; echo $?; [ ' 3 ' -eq 3 ]; echo $?; [ 010 -eq 10 ]; echo $?; [ -5 -lt 0 ]; echo $?; [ '' -eq 0 ]; echo $?",
    "f() { echo \"$0\" | sed 's,.*/,,' > /dev/null; echo ${FUNCNAME-none}; }; f; echo $PPID | grep -c '^[0-9]'; echo ${#PWD} | grep -c .",
    "echo a >f; { echo b; exit 3; } >>f; echo no",
    "while read x; do case $x in second*) continue;; esac; echo $x; done < a.txt; echo \"<$x>\"",
    "for f in *.txt; do n=${f%.txt}; [ -e \"$n.txt\" ] && mv $f $n.bak; done; ls",
    "set -- \"a b\" c; x=\"$*\"; y=\"$@\"; echo \"$x|$y\"; IFS=-; x=$*; y=$@; echo \"$x|$y\"; z=\"$*\"; echo \"$z\"; echo \"${*}\" \"${@}\"",
    "sh -c 'exit 3'; echo $?; sh -e -c 'false; echo no'; echo $?; echo 'echo in $1' > s; sh ./s arg; sh -s <<E\necho from stdin\nE\n. ./s; echo $?",
];

#[test]
fn tricky_scripts_do_what_dash_does() {
    if switched_on("IMGBUILD_TEST_PEERS", "tricky_scripts_do_what_dash_does") {
        compare(TRICKY.iter().map(|script| script.as_bytes().to_vec()));
    }
}

/// Commands by their manuals, on the files of the directory.
const COMMANDS: &[&str] = &[
    "printf 'b 2\\na 10\\nc 1\\na 10\\n' > l; sort l; sort -u l; sort -r l; sort -k2n l; sort -k2,2 l; sort -t' ' -k1,1 -k2nr l; uniq -c l; sort l | uniq -d",
    "printf 'v1.10\\nv1.9\\nv1.2\\n' | sort -V; printf '10\\n9\\n-1\\n' | sort -n; printf '10\\n9\\n' | sort; printf 'B\\na\\nA\\n' | sort -f",
    "seq 12 > l; head -3 l; head -n 2 l; tail -2 l; tail -n +11 l; head -n -10 l; head -c 4 l; tail -c 3 l; seq 3 5; seq 1 2 6; wc -l l; wc -l < l; wc l; wc -c < l",
    "echo a:b:c:d | cut -d: -f2; echo a:b:c:d | cut -d: -f2-; echo a:b:c:d | cut -d: -f1,3; echo abcdef | cut -c2-4; echo abc | cut -d: -f2; echo abc | cut -d: -s -f2; echo abc | cut -b-2",
    "echo hello | tr a-z A-Z; echo hello | tr -d l; echo heello | tr -s e; echo 'a b' | tr ' ' '\\n'; echo abc | tr -c 'a\\n' x; echo aBc | tr '[:upper:]' '[:lower:]'; echo a-b | tr - _; printf 'a\\0b' | tr '\\0' ' '; echo x1y2 | tr -cd 0-9",
    "grep line a.txt; grep -c . a.txt b.txt; grep -n second *.txt; grep -l work *.txt; grep -v work a.txt; grep -q nothing a.txt; echo $?; grep x nosuch; echo $?; grep -h second a.txt b.txt; grep -x 'second line' a.txt",
    "printf 'foo\\nfoobar\\nbar foo\\nFOO\\n' > l; grep -w foo l; grep -i foo l; grep -E 'foo|bar' l; grep -o 'o*' l; grep '^foo$' l; grep -e foo -e FOO l; grep -F 'o' l; grep 'fo\\{2\\}b' l; grep -vE '^(foo|FOO)' l; grep -m1 foo l",
    "grep -E '^[[:space:]]*#' <<E\n # c\nx\nE\necho a.b | grep -F .b; echo ab | grep -F .b; echo $?; echo 'a+b' | grep 'a+b'; echo aab | grep -E 'a+b'; echo abab | grep '\\(ab\\)\\1'; printf 'x' | grep -c x; grep -r line d; grep -s x nosuch",
    "sed s/line/LINE/ a.txt; sed -n 2p a.txt; sed 1d a.txt; sed '/second/d' a.txt; sed -e 's/e/E/g' -e 's/o/0/2' a.txt; sed '$!d' a.txt; sed -n '/txt/,/second/p' a.txt; sed 's/\\(s\\)\\(e\\)/\\2\\1/; s,/,|,' a.txt",
    "printf 'x\\ny' > n; sed '$a\\' n; sed -e '$a\\' a.txt; awk 'BEGIN { print \"a\\x27b\\x2zc\" }'; mktemp -u -p . t.XXX | wc -c",
    "seq 10 > l; sed -n '2,4p' l; sed '2,8d' l; sed -n '$=' l; sed '3q' l; sed -n '0,/1/p' l; sed '1~3d' l; sed '/5/,$d' l; sed '2,3!d' l; sed -n '/[37]/{p;p}' l; sed '3,1d' l; sed -n '8,+1p' l; sed '/3/,/3/d' l | head -4",
    "seq 3 | sed '2a\\\nafter'; seq 3 | sed '2i\\\nbefore'; seq 3 | sed '2c\\\nchanged'; seq 2 | sed '1a one line'; seq 2 | sed 'i x'; seq 3 | sed '$a end'; seq 3 | sed '1,2c\\\nrange'; echo a | sed 's/a/x\\\ny/'; echo a | sed 's/a/x\\ny/'",
    "seq 4 | sed 'N;s/\\n/-/'; seq 3 | sed -n 'H;${x;s/\\n/,/g;p}'; seq 3 | sed 'G'; seq 3 | sed -n '1!G;h;$p'; seq 4 | sed 'n;d'; echo aXbX | sed ':a;s/X/-/;ta'; printf 'a\\\\\\nb\\n' | sed -e ':a' -e '/\\\\$/N; s/\\\\\\n//; ta'; seq 5 | sed '/2/b end; s/$/!/; :end'; seq 3 | sed '$!N;P;D'",
    "echo 'Hello System' | sed -E 's/(H)(e)/\\2\\1/; s/[A-Z]+$/x/'; echo abc | sed 'y/abc/xyz/'; echo foo | sed 's/o/&&/g'; echo foo | sed 's/o/\\&/'; echo foo | sed -n 's/o/0/p'; echo aaa | sed 's/a*/x/g'; echo abc | sed 's/b*/x/g'; echo baaac | sed 's/a*/x/2'; echo FOO | sed 's/foo/x/I'; echo foo | sed 's/\\(.*\\)/\\U\\1/'",
    "cp a.txt c; sed -i s/second/third/ c; cat c; sed -i.bak 1d c; cat c.bak; ls c*; sed -n '/^$/!p' c; sed '' c; sed -s -n '$p' a.txt b.txt; sed = a.txt; sed '#comment\n1d' a.txt; sed -e '/x/{' -e 'd' -e '}' a.txt; sed 's|/|\\||g;s#w#\\##' a.txt",
    "printf 'a b c\\n1 2 3\\n' > l; awk '{print $2}' l; awk 'NR==2' l; awk '/a/{print NF, $NF}' l; awk -F: '{print $1}' /dev/null; awk '{s+=$1} END{print s, NR}' l; awk 'BEGIN{x=1; print x+1, x \"s\", 10/4}'; awk '{$2=\"x\"; print}' l; awk '{print $1,$3}' OFS=- l; awk -v v=5 'BEGIN{print v*2}'",
    "printf 'k1=v1\\nk2=v2\\n' | awk -F= '{a[$1]=$2} END{for(k in a) n++; print n, a[\"k2\"], (\"k3\" in a)}'; awk 'BEGIN{for(i=0;i<3;i++) printf \"%d,\", i; print \"\"; while(i>0) i--; print i; do i++; while(i<2); print i; if(i==2) print \"two\"; else print \"no\"}'",
    "echo 'foo bar foo' | awk '{n=gsub(/foo/,\"[&]\"); print n, $0; sub(\"bar\",\"x\"); print; print length($1), substr($0,2,3), index($0,\"x\"), toupper($1)}'; echo a:b:c | awk '{n=split($0,p,\":\"); print n, p[3]; if(match($0,/b/)) print RSTART, RLENGTH}'; awk 'BEGIN{printf \"%5s|%-5s|%03d|%c|%x\\n\",\"a\",\"b\",7,65,255; exit 3}'; echo $?",
    "printf '3\\n10\\nabc\\n\\n' | awk '{print ($1 > 5), ($1 < \"b\"), !$1, -$1}'; printf 'a\\nb\\nc\\nd\\n' | awk '/b/,/c/'; awk 'function f(a,b){return a+b} BEGIN{print f(1,2); print 1==1.0, \"a\"<\"b\", 2^3, 7%3, 1e3, 0.1+0.2, 1000*1000}'; printf 'x y\\n' | awk '$1~/^x/ && $2!~/z/{print \"m\"; next} {print \"n\"}'; awk '{print > \"o\"}' a.txt; cat o",
    "echo xAb | sed 's/[^a-c]/-/I'; echo baaac | awk '{ n = gsub(/a*/, \"-\"); print n, $0 }'; echo bar.foo | grep -cEw '[^]o]+'; echo ab-ab | grep -ow 'a.*'; echo xoxo | sed ':a;s/x/Q/;ta;:a;s/o/P/;ta'",
    "expr 1 + 2 '*' 3; expr 5 - 7; expr abc : 'a\\(.\\)'; expr abc : 'x'; echo $?; expr length abcd; expr substr abcdef 2 3; expr 3 '<' 10; expr a '<' b; expr 0; echo $?; expr 1 '|' 0; expr '' '|' x; expr 7 % 4; expr 1 / 0; echo $?; expr index abc c; expr '(' 1 + 1 ')' '*' 2",
    "basename /a/b/c.txt .txt; basename /a/b/; basename / ; dirname /a/b/c; dirname a; dirname /a; dirname /; dirname a/b/; basename a.c .c; basename .c .c; basename -s .x a.x b.x; dirname a//b",
    "mkdir -p p/q/r; mkdir p; echo $?; rmdir p/q/r; rmdir p; echo $?; rmdir -p p/q; ls; mkdir -m 700 m; stat -c %a m; mkdir nosuch/x; echo $?; touch t; ls t; touch -c no; ls no; echo $?",
    "cp a.txt c; cat c; cp a.txt d; ls d; cp a.txt nosuch/x; echo $?; cp -r d dd; find dd | sort; cp d e; echo $?; cp a.txt b.txt d; ls d; cp -a link l2; readlink l2; cp link/x.c y.c; cat y.c; ln a.txt h; ln -s a.txt s; readlink s; ln -s a.txt s; echo $?; ln -sf b.txt s; readlink s; ln -s ../x d; readlink d/x; ln -sfn e link; readlink link",
    "mv a.txt z; ls; mv z d; ls d; mv nosuch x; echo $?; mv b.txt d/x.c; cat d/x.c; mv d newd; ls newd; mkdir o; mv newd o; find o | sort; rm o; echo $?; rm -r o; ls; rm nosuch; echo $?; rm -f nosuch; echo $?; echo x > q; rm q; ls -A",
    "chmod 600 a.txt; stat -c '%a %n' a.txt; chmod u+x,go=r a.txt; stat -c %a a.txt; chmod -R go-rwx d; stat -c %a d d/x.c; chmod +x b.txt; stat -c %a b.txt; chmod 4755 b.txt; stat -c %a b.txt; chmod a-s,+t d; stat -c '%a %F' d link a.txt; stat -c '%s %A' a.txt; chmod 644 nosuch; echo $?",
    "find . | sort; find . -type f -name '*.txt' | sort; find . -maxdepth 1 -type d | sort; find d -print | sort; find . -name d -prune -o -type f -print | sort; find . -type l -exec readlink {} \\;; find . -name '*.txt' -exec echo {} + | tr ' ' '\\n' | sort; find . -empty; find . ! -name '*.txt' -type f | sort; find nosuch; echo $?; find . -name '*.c' -delete; ls d; find . -mindepth 1 -printf '%f %y %d %P\\n' | sort",
    "find . -name '*.txt' | sort | xargs echo; echo a b c | xargs -n1 echo x; printf 'a b\\0c' | xargs -0 -n1 echo; echo | xargs -r echo no; echo | xargs echo yes; printf 'a\\nb\\n' | xargs -I{} echo '<{}>'; echo \"'a b' c\" | xargs -n1 echo; echo x | xargs false; echo $?",
    "readlink link; readlink a.txt; echo $?; readlink -f link/x.c | sed 's,.*/work,,'; readlink -f nosuch/x; echo $?; readlink -e nosuch; echo $?; readlink -m nosuch/../x | sed 's,.*/work,,'; realpath link | sed 's,.*/work,,'; realpath --relative-to=d a.txt; pwd | sed 's,.*/,,'; cd link; pwd | sed 's,.*/,,'",
    "ls; ls -a; ls -A; ls -d d link; ls -1 d link a.txt; ls nosuch; echo $?; ls -r; ls *.txt | cat; ls -d */; test -e a.txt && echo y; [ -r a.txt -a -w a.txt ] && echo rw; md5sum a.txt; sha256sum < a.txt; md5sum a.txt > m; md5sum -c m; echo x >> a.txt; md5sum -c m; echo $?",
    "cmp a.txt a.txt; echo $?; cmp -s a.txt b.txt; echo $?; diff -q a.txt b.txt; echo $?; diff a.txt a.txt; echo $?; tee o < a.txt; cat o; echo x | tee -a o > /dev/null; cat o; cat a.txt - b.txt <<E\nmid\nE\ntac a.txt; rev a.txt; date -u -d @86400 +%Y-%m-%d; date -u -d @0 '+%F %T %a %b %j'; env -i A=1 env; uname -s; nice echo n; true && env B=2 sh -c 'echo $B'",
    "install -m 600 a.txt i; stat -c %a i; install -d -m 750 x/y; stat -c %a x x/y; install a.txt x/y; ls x/y; install -D b.txt n/m/o; cat n/m/o; umask 077; install a.txt j; stat -c %a j; touch u; stat -c %a u; mkdir v; stat -c %a v; cp a.txt w; stat -c %a w",
    "f=$(mktemp); [ -f \"$f\" ] && stat -c %a $f; rm $f; d=$(mktemp -d ./x.XXXXXX); [ -d $d ] && stat -c %a $d; echo ${#d}; rmdir $d; mktemp -p . y.XX; echo $?; which cat > /dev/null; echo $?; which nosuch; echo $?; id -u; seq 0; seq 2 1; printf 'a\\nb' | while read l; do echo $l; done",
];

#[test]
fn commands_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "commands_do_what_the_real_ones_do") {
        compare(COMMANDS.iter().map(|script| script.as_bytes().to_vec()));
    }
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

    fn word(&mut self, depth: usize) -> String {
        match self.number(if depth > 2 { 6 } else { 12 }) {
            0 => self.pick(&["a", "b c", "x*", "*.txt", "$x", "${y-u v}"]).replace(' ', "\\ "),
            1 => format!("\"{}\"", self.pick(&["a b", "$x", "$*", "${x%b*}", "$y", ""])),
            2 => format!("'{}'", self.pick(&["q", "a  b", "$x", "*"])),
            3 => self.pick(&["$x", "$y", "\"$@\"", "$@", "$#", "$?", "${x:-d e}", "${#x}", "${x##*a}"]).to_owned(),
            4 => format!("$(({} {} {}))", self.number(9), self.pick(&["+", "-", "*", "<", "&&", "|"]), self.number(9)),
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
        (0..self.number(4)).map(|_| self.word(depth)).collect::<Vec<_>>().join(" ")
    }

    fn command(&mut self, depth: usize) -> String {
        let simple = depth > 3;
        match self.number(if simple { 9 } else { 20 }) {
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
        (0..=self.number(3)).map(|_| self.command(depth)).collect::<Vec<_>>().join("; ")
    }
}

#[test]
fn generated_scripts_do_what_dash_does() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_scripts_do_what_dash_does") {
        let mut generator = Generator(7);
        compare((0..500).map(|round| {
            let head = if round % 3 == 0 { "set -e\n" } else { "" };
            let lines: Vec<String> = (0..4).map(|_| generator.list(0)).collect();
            format!("{head}x=abc y='a b' ; set -- 1 '' '2 3'\n{}\necho \"end $? $x\"\n", lines.join("\n")).into_bytes()
        }));
    }
}

/// Patterns, and programs of the filters that use them. What POSIX leaves open is not made: a quantifier of nothing or
/// of another, an empty group, and what a group that was matched several times has matched last.
impl Generator {
    fn atom(&mut self, extended: bool, depth: usize) -> String {
        match self.number(if depth > 1 { 8 } else { 10 }) {
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
        for _ in 0..=self.number(3) {
            text += &self.atom(extended, depth);
            let quantifiers: &[&str] = if extended {
                &["", "", "", "*", "+", "?", "{2}", "{1,2}"]
            } else {
                &["", "", "", "*", "\\{2\\}", "\\{1,2\\}"]
            };
            // A quantifier counts for the last letter of a word.
            text += self.pick(quantifiers);
        }
        if extended && self.number(4) == 0 {
            text = format!("{text}|{}", self.pattern(true, depth + 1));
        }
        if depth == 0 && !text.contains('|') {
            text = format!("{}{text}{}", self.pick(&["", "", "^"]), self.pick(&["", "", "$"]));
        }
        text
    }

    fn grep(&mut self) -> String {
        let extended = self.number(2) == 0;
        let flags = self.pick(&["", "-c", "-v", "-n", "-i", "-x", "-w", "-o", "-q", "-vn"]);
        let pattern = self.pattern(extended, 0);
        format!("grep {} {flags} -e '{pattern}' t; echo $?", if extended { "-E" } else { "" })
    }

    fn address(&mut self) -> String {
        let one = |generator: &mut Self| match generator.number(4) {
            0 => "$".to_owned(),
            1 => format!("/{}/", generator.pattern(false, 1)),
            _ => (1 + generator.number(7)).to_string(),
        };
        match self.number(4) {
            0 => String::new(),
            1 => format!("{},{}", one(self), one(self)),
            2 => format!("{}!", one(self)),
            _ => one(self),
        }
    }

    fn sed(&mut self) -> String {
        let mut script = Vec::new();
        for line in 0..=self.number(2) {
            let command = match self.number(9) {
                0..=2 => format!(
                    "s/{}/{}/{}",
                    self.pattern(false, 0),
                    self.pick(&["", "<&>", "x", "\\&", "a\\nb"]),
                    self.pick(&["", "g", "2", "p", "gp", "I"])
                ),
                3 => self.pick(&["p", "d", "=", "y/abc/xyz/", "n", "G;h", "x", "H;g"]).to_owned(),
                4 => format!("{}\\\nnew {}", self.pick(&["a", "i", "c"]), self.number(9)),
                5 => format!("{{s/{}/-/;p}}", self.pattern(false, 1)),
                6 => format!(":a{line};s/{}/Q/;ta{line}", self.pick(&["a", "o", "[xy]", "b\\(c*\\)"])),
                7 => format!("{}q\n$!N;P;D", 1 + self.number(9)),
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
        let condition = match self.number(5) {
            0 => String::new(),
            1 => format!("NR {} {}", self.pick(&["==", ">", "<=", "%"]), 1 + self.number(5)),
            2 => format!("$1 ~ /{pattern}/"),
            3 => format!("!/{pattern}/"),
            _ => format!("/{pattern}/"),
        };
        let action = match self.number(7) {
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

/// The text that filters work on.
const TEXT: &str = "foo bar\nabc 1 2\nxoxo\n1 aab-b\nbar.foo*\n\n  11 cab\naaa bbb ccc\nfoo\\n[$]\nlast x1";

#[test]
fn generated_filters_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "generated_filters_do_what_the_real_ones_do") {
        let mut generator = Generator(11);
        compare((0..900).map(|round| {
            let command = match round % 3 {
                0 => generator.grep(),
                1 => generator.sed(),
                _ => generator.awk(),
            };
            format!("printf '%s\\n' '{TEXT}' > t\n{command}\necho \"end $?\"\n").into_bytes()
        }));
    }
}

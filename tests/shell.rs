//! The shell beside the real dash: written scripts, the same output and status. Those that are made up are in `generated`.

use crate::generated::written;
use crate::switched_on;

/// Each script says the same.
fn same(scripts: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory");
    let different: Vec<String> = scripts
        .iter()
        .filter_map(|script| written(directory.path(), script).map(|how| format!("--- {script}\n{how}\n")))
        .collect();
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
        same(TRICKY);
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
    "ls; ls -a; ls -A; ls --color=never; ls --color=auto -d d; ls -d d link; ls -1 d link a.txt; ls nosuch; echo $?; ls -r; ls *.txt | cat; ls -d */; test -e a.txt && echo y; [ -r a.txt -a -w a.txt ] && echo rw; md5sum a.txt; sha256sum < a.txt; md5sum a.txt > m; md5sum -c m; echo x >> a.txt; md5sum -c m; echo $?",
    "cmp a.txt a.txt; echo $?; cmp -s a.txt b.txt; echo $?; diff -q a.txt b.txt; echo $?; diff a.txt a.txt; echo $?; tee o < a.txt; cat o; echo x | tee -a o > /dev/null; cat o; cat a.txt - b.txt <<E\nmid\nE\ntac a.txt; rev a.txt; date -u -d @86400 +%Y-%m-%d; date -u -d @0 '+%F %T %a %b %j'; env -i A=1 env; uname -s; nice echo n; true && env B=2 sh -c 'echo $B'",
    "install -m 600 a.txt i; stat -c %a i; install -d -m 750 x/y; stat -c %a x x/y; install a.txt x/y; ls x/y; install -D b.txt n/m/o; cat n/m/o; umask 077; install a.txt j; stat -c %a j; touch u; stat -c %a u; mkdir v; stat -c %a v; cp a.txt w; stat -c %a w",
    "f=$(mktemp); [ -f \"$f\" ] && stat -c %a $f; rm $f; d=$(mktemp -d ./x.XXXXXX); [ -d $d ] && stat -c %a $d; echo ${#d}; rmdir $d; mktemp -p . y.XX; echo $?; which cat > /dev/null; echo $?; which nosuch; echo $?; id -u; seq 0; seq 2 1; printf 'a\\nb' | while read l; do echo $l; done",
];

#[test]
fn commands_do_what_the_real_ones_do() {
    if switched_on("IMGBUILD_TEST_PEERS", "commands_do_what_the_real_ones_do") {
        same(COMMANDS);
    }
}

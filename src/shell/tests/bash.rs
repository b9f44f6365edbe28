//! What bash does in corners of its own, as bash 5.2 of trixie says it, and what of it is a gap.

use super::run;

fn in_bash(script: &str) -> (String, i32, Vec<super::Gap>) {
    run(&format!("exec 2>/dev/null\ncat >s <<'E-O-F'\n{script}\nE-O-F\nbash s"))
}

fn says(cases: &[(&str, &str)]) {
    for (script, output) in cases {
        let (found, _, gaps) = in_bash(script);
        assert_eq!((found.as_str(), gaps.as_slice()), (*output, &[][..]), "{script}");
    }
}

#[test]
fn aliases() {
    says(&[
        ("alias a=b; alias a; unalias; echo $?", "alias a='b'\n2\n"),
        ("shopt -s expand_aliases\nalias say='echo ' w=word\nsay w w; say \\\n  w 'w'", "word w\nword w\n"),
        ("shopt -s expand_aliases\nalias say='echo' w=word\nsay w\ntype w", "w\nw is aliased to `word'\n"),
        ("shopt -s expand_aliases\nalias run='echo ' n='x ' p='cat '\nrun n | p", "x\n"),
    ]);
}

#[test]
fn loops_and_lines() {
    says(&[
        ("for i in 1 2; do\ncontinue 1 2\ndone\necho $?", "1\n"),
        ("bash -c 'for i in 1; do break 1 2; done\necho no'; echo $?", "1\n"),
        (
            "for ((i = 0; ; i++)); do [ $i = 2 ] && break; echo $i; done; for (( ; ; )); do echo x; break; done",
            "0\n1\nx\n",
        ),
        (
            "for i in 1 2; do (continue; echo in); done; for i in 1 2; do true | { break; echo $i; }; done",
            "in\nin\n1\n2\n",
        ),
        ("\nfor ((i = 0; i < LINENO; i++)); do\necho $i\ndone", "0\n1\n"),
        ("trap 'echo $LINENO' ERR\nf() {\nfalse\n}\nf\ntrue |\nfalse", "5\n7\n"),
        ("echo \"[${PIPESTATUS[*]}]\"; false | true; echo ${PIPESTATUS[*]}", "[]\n1 0\n"),
        (
            "set -e; shopt -s inherit_errexit; if echo $(echo 1; false; echo 2); then :; fi; echo $(false; echo no)",
            "1 2\n\n",
        ),
    ]);
}

/// What `unset` takes away, and what is seen then.
#[test]
fn variables_that_hide_others() {
    says(&[
        ("f() { echo $x; unset x; echo $x; }; x=1; x=2 f; echo $x", "2\n1\n1\n"),
        ("u() { unset $1; }; f() { local v=2; u v; echo ${v-no}; v=3; }; v=1; f; echo $v", "1\n3\n"),
        ("f() { local v=2; unset v; echo ${v-no}; v=3; }; v=1; f; echo $v", "no\n1\n"),
        ("f() { local v; echo ${v-no}; }; v=1; f; v=2 f; echo $v", "no\n2\n1\n"),
        ("u() { unset $1; }; f() { local v=3; u v; echo $v; }; v=1; v=2 f; echo $v", "1\n1\n"),
        ("v=2 eval 'v=3 eval \"unset v; echo \\$v; unset v; echo \\${v-no}\"'", "2\nno\n"),
        ("readonly r=1; r=2 echo ran $r; r=2 true; echo $?; UID=5\necho $? $UID", "ran 1\n0\n1 0\n"),
        ("x=a; unset 'x[1]'; echo $?; unset 'x[0]'; echo ${x-no}", "1\nno\n"),
    ]);
}

#[test]
fn redirections() {
    says(&[
        ("touch a-b; echo 1 >a-*; cat a-b; echo 2 >c-*; cat 'c-*'", "1\n2\n"),
        ("f='a b'; echo x >$f; echo $?; echo x >p{1,2}; echo $?; echo x 2>&$f; echo $?", "1\n1\n1\n"),
        ("echo one 1>&out; cat out; x=1 >/nodir/y; echo $? $x", "one\n1 1\n"),
        ("x=$(cat) <<E\nno\nE\necho \"[$x]\"; bash -c 'y=${z?no} >never'; echo $?; ls never; echo $?", "[]\n127\n2\n"),
    ]);
}

#[test]
fn words() {
    says(&[
        ("HOME=/h; echo {a~,~}/b ~{/c,nosuch}", "a~/b /h/b /h/c ~nosuch\n"),
        ("HOME=/h; x=~/a; echo ${x/~/b} ${x//a/~}; [[ ~ == ~ && /h =~ ~ ]] && echo yes", "b/a /h//h\nyes\n"),
        ("x=/a/b; echo ${x////-} ${x//\\//+} ${x///}", "-a-b +a+b ab\n"),
        (
            "IFS=x; set -- '' a '' b ''; for i in $@; do echo \"<$i>\"; done; a=(p '' q); printf '[%s]' ${a[@]}",
            "<>\n<a>\n<>\n<b>\n[p][][q]",
        ),
        ("set -- '' ''; IFS=; echo \"${*:-d}\" \"${@:-e}\"", "d  \n"),
        ("echo \"${u-'}'}\" \"${u-'$0'}\" \"${u-'a b'}\"", "'}' 's' 'a b'\n"),
        (
            "LC_ALL=C; echo $'\\u00e9' \"$(printf '\\u20ac %b' '\\U0001f600')\"; echo -e '\\u41'",
            "\\u00E9 \\u20AC \\U0001F600\nA\n",
        ),
        ("echo ${!u}; echo no\necho $?; a=(1); echo ${a[]}; echo no\necho $?", "1\n1\n"),
        ("set a b; set -; echo $*; set - -x; echo $*; set +; echo $*; set -x - y; echo $- $*", "a b\n-x\n-x\nhB y\n"),
    ]);
}

#[test]
fn subscripts_are_read_where_they_stand_in_values() {
    says(&[
        ("declare -A m=([k]=v [q]=4); k=k; r='m[$k]'; echo ${!r}; (( x = m['q'] )); echo $x", "v\n4\n"),
        (
            "declare -A m; k=k; printf -v 'm[\"$k\"]' x; test -v 'm[$k]'; echo $? ${m[k]}; unset 'm[$k]'; echo ${#m[@]}",
            "0 x\n0\n",
        ),
        ("a=(5 6); x='a[$(echo 1)]'; echo $((x)) ${a[x - 5]}; a[]=1\necho $? ${a[*]}", "6 6\n1 5 6\n"),
        (
            "declare a[0+1]=x; declare -p a; declare -a b; declare -A c; declare -p b c",
            "declare -a a=([1]=\"x\")\ndeclare -a b\ndeclare -A c\n",
        ),
    ]);
}

#[test]
fn builtins() {
    says(&[
        ("eval -- 'echo a'; builtin -- echo b; command -v echo nosuch; echo $?", "a\nb\necho\n0\n"),
        ("cd / /tmp; echo $?; false; echo $?; wait 9 ; echo $?; kill -l 1 x 2; echo $?", "1\n1\n127\nHUP\nINT\n1\n"),
        ("umask 022; umask -x; echo $?; umask 10000; echo $?; umask", "2\n1\n0022\n"),
        ("mkdir d; echo 'echo in $1' >d/s; PATH=d:$PATH; . s 1; touch d/plain; type -t plain", "in 1\nfile\n"),
        (
            "trap 'echo bye' EXIT; (trap); (trap 'echo u' USR1; trap)",
            "trap -- 'echo bye' EXIT\ntrap -- 'echo u' SIGUSR1\nbye\n",
        ),
        ("printf 'a\\0b\\nc' >f; mapfile -t m <f; echo ${#m[@]} ${m[*]}", "2 a c\n"),
        ("getopts ab x- -a; echo $?; [ -t no ]; echo $?; (( 02#1 )); echo $?", "1\n1\n1\n"),
        ("{ set -x; echo 'a b' '' c=d \"it's\"; } 2>t; cat t", "a b  c=d it's\n+ echo 'a b' '' c=d 'it'\\''s'\n"),
    ]);
}

#[test]
fn what_is_not_followed_is_a_gap() {
    for script in [
        "GLOBIGNORE='*.c'",
        "RANDOM=1",
        "x=1 BASH_ENV=/e true",
        "export SHELLOPTS",
        "shopt -u globskipdots",
        "echo {x..C}",
        "let a=( 1 )",
        "f() echo x",
        "[[ -z ]]",
        "x=ab; p='[^]]'; echo ${x//$p/z}",
        "a=(1 2); a['1']=3",
        "echo \"${u-it's}\"",
        "shopt -s expand_aliases\nalias c='cat <<E'\nc\nE",
        "i=0; loop='i++ < 5000 && loop'; echo $((loop))",
        "a=(''); r='a[@]'; echo \"${!r:-x}\"",
    ] {
        assert!(!in_bash(script).2.is_empty(), "{script}");
    }
}

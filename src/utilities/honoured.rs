//! Each option of a table changes what is done: for each there is a pair of scripts, with it and without, that do not
//! come to the same; and whatever need not be honoured says why.

use super::options::Opt;
use crate::configure::machine;
use crate::shell::Shell;
use crate::tree::Tree;

/// A command's table, and for each option a script with it and one without.
pub(super) type Witnesses = (&'static [Opt], &'static [(&'static str, &'static str, &'static str)]);

const ALL: &[Witnesses] = &[
    (
        super::cut::OPTIONS,
        &[
            ("-d", "cut -d: -f2 colons", "cut -f2 colons"),
            ("-f", "cut -f2 tabs", "cut -f1 tabs"),
            ("-c", "cut -c2 tabs", "cut -c1 tabs"),
            ("-b", "cut -b2 tabs", "cut -b1 tabs"),
            ("-s", "cut -s -f1 mixed", "cut -f1 mixed"),
            ("--complement", "cut --complement -f1 tabs", "cut -f1 tabs"),
            ("--output-delimiter", "cut --output-delimiter=x -f1,2 tabs", "cut -f1,2 tabs"),
            ("-z", "printf 'ab\\0cd\\0' | cut -zc1", "printf 'ab\\0cd\\0' | cut -c1"),
        ],
    ),
    (
        super::sort::OPTIONS,
        &[
            ("-b", "sort -bk2 blanks", "sort -k2 blanks"),
            ("-d", "sort -d marks", "sort marks"),
            ("-f", "sort -f cases", "sort cases"),
            ("-g", "sort -g numbers", "sort numbers"),
            ("-h", "sort -h sizes", "sort sizes"),
            ("-i", "sort -i controls", "sort controls"),
            ("-M", "sort -M months", "sort months"),
            ("-n", "sort -n numbers", "sort numbers"),
            ("-r", "sort -r numbers", "sort numbers"),
            ("-V", "sort -V versions", "sort versions"),
            ("-c", "sort -c numbers", "sort numbers"),
            ("--check", "sort --check=quiet numbers", "sort numbers"),
            ("-C", "sort -C numbers", "sort numbers"),
            ("-k", "sort -t: -k2 colons", "sort -t: colons"),
            ("-m", "sort -m numbers", "sort numbers"),
            ("-o", "sort -o out numbers", "sort numbers"),
            ("-s", "sort -sk1,1 cases2", "sort -k1,1 cases2"),
            ("-t", "sort -t: -k2 colons", "sort -k2 colons"),
            ("-u", "sort -u twice", "sort twice"),
            ("-z", "printf 'b\\0a\\0' | sort -z", "printf 'b\\0a\\0' | sort"),
        ],
    ),
    (
        super::uniq::OPTIONS,
        &[
            ("-c", "uniq -c twice", "uniq twice"),
            ("-d", "uniq -d twice", "uniq twice"),
            ("-D", "uniq -D twice", "uniq twice"),
            ("--all-repeated", "uniq --all-repeated=prepend twice", "uniq twice"),
            ("-f", "uniq -f1 cases2", "uniq cases2"),
            ("--group", "uniq --group twice", "uniq twice"),
            ("-i", "uniq -i cases", "uniq cases"),
            ("-s", "uniq -s1 colons", "uniq colons"),
            ("-u", "uniq -u twice", "uniq twice"),
            ("-w", "uniq -w1 colons", "uniq colons"),
            ("-z", "printf 'a\\0a\\0' | uniq -z", "printf 'a\\0a\\0' | uniq"),
        ],
    ),
    (
        super::tr::OPTIONS,
        &[
            ("-d", "tr -d a <twice", "tr a b <twice"),
            ("-s", "tr -s '\\n' <empty", "tr a a <empty"),
            ("-c", "tr -cd a <twice", "tr -d a <twice"),
            ("-C", "tr -Cd a <twice", "tr -d a <twice"),
            ("-t", "tr -t ab x <twice", "tr ab x <twice"),
        ],
    ),
    (
        super::grep::OPTIONS,
        &[
            ("-E", "grep -E 'a|b' twice", "grep 'a|b' twice"),
            ("-P", "grep -P 'a|b' twice", "grep 'a|b' twice"),
            ("-F", "grep -F . twice", "grep . twice"),
            ("-G", "egrep -G 'a|b' twice", "egrep 'a|b' twice"),
            ("-i", "grep -i A twice", "grep A twice"),
            ("-y", "grep -y A twice", "grep A twice"),
            ("-v", "grep -v a twice", "grep a twice"),
            ("-w", "grep -w v versions", "grep v versions"),
            ("-x", "grep -x v versions", "grep v versions"),
            ("-c", "grep -c a twice", "grep a twice"),
            ("-l", "grep -l a twice", "grep a twice"),
            ("-L", "grep -L z twice", "grep z twice"),
            ("-m", "grep -m1 a twice", "grep a twice"),
            ("-o", "grep -o v versions", "grep v versions"),
            ("-q", "grep -q a twice", "grep a twice"),
            ("-s", "grep -s a missing 2>&1", "grep a missing 2>&1"),
            ("-n", "grep -n a twice", "grep a twice"),
            ("-b", "grep -b a twice", "grep a twice"),
            ("-H", "grep -H a twice", "grep a twice"),
            ("-h", "grep -h a twice mixed", "grep a twice mixed"),
            ("-r", "grep -r hidden d", "grep hidden d"),
            ("-R", "grep -R hidden d", "grep hidden d"),
            ("-a", "grep -a a nul", "grep a nul"),
            ("-z", "grep -z a nul", "grep a nul"),
            ("-Z", "grep -lZ a twice", "grep -l a twice"),
            ("-e", "grep -e b twice", "grep a twice"),
            ("-f", "grep -f letter twice", "grep a twice"),
            ("-A", "grep -A1 one three", "grep one three"),
            ("-B", "grep -B1 three three", "grep three three"),
            ("-C", "grep -C1 two three", "grep two three"),
            ("--label", "grep -H --label=x a <twice", "grep -H a <twice"),
            ("--color", "grep --color=always a twice", "grep a twice"),
        ],
    ),
    (
        super::text::HEAD,
        &[
            ("-n", "head -n1 three", "head three"),
            ("-c", "tail -c2 three", "tail three"),
            ("-q", "head -q three twice", "head three twice"),
            ("-v", "tail -v three", "tail three"),
            ("-z", "head -zn1 nul", "head -n1 nul"),
        ],
    ),
    (
        super::text::TAC,
        &[
            ("-b", "tac -b three", "tac three"),
            ("-r", "tac -rs . three", "tac -s . three"),
            ("-s", "tac -s o three", "tac three"),
        ],
    ),
    (
        super::text::TEE,
        &[("-a", "echo x | tee -a three >/dev/null; cat three", "echo x | tee three >/dev/null; cat three")],
    ),
    (
        super::text::WC,
        &[
            ("-l", "wc -l three", "wc three"),
            ("-w", "wc -w three", "wc three"),
            ("-m", "wc -m three", "wc three"),
            ("-c", "wc -c three", "wc three"),
            ("-L", "wc -L three", "wc three"),
        ],
    ),
    (
        super::sums::OPTIONS,
        &[
            ("-b", "md5sum -b three", "md5sum three"),
            ("-c", "md5sum three >s; md5sum -c s", "md5sum three >s; md5sum s"),
            ("--tag", "sha1sum --tag three", "sha1sum three"),
            ("-t", "md5sum -bt three", "md5sum -b three"),
            ("-z", "md5sum -z three", "md5sum three"),
            ("--ignore-missing", "md5sum -c --ignore-missing gone", "md5sum -c gone"),
            ("--quiet", "md5sum three >s; md5sum -c --quiet s", "md5sum three >s; md5sum -c s"),
            ("--status", "md5sum three >s; md5sum -c --status s", "md5sum three >s; md5sum -c s"),
            (
                "--strict",
                "(md5sum three; echo x) >s; md5sum -c --strict s; echo $?",
                "(md5sum three; echo x) >s; md5sum -c s; echo $?",
            ),
            ("-w", "md5sum -cw three 2>&1", "md5sum -c three 2>&1"),
        ],
    ),
    (
        super::differ::CMP,
        &[
            ("-s", "cmp -s three twice", "cmp three twice"),
            ("-l", "cmp -l three twice", "cmp three twice"),
            ("-n", "cmp -n0 three twice; echo $?", "cmp three twice; echo $?"),
            ("-i", "cmp -i1 lower upper", "cmp lower upper"),
        ],
    ),
    (
        super::differ::DIFF,
        &[
            ("-q", "diff -q three twice", "diff three twice >/dev/null"),
            ("-s", "diff -s three three2", "diff three three2"),
            ("-N", "diff -qN three missing; echo $?", "diff -q three missing; echo $?"),
            ("-b", "diff -qb blanks blanks2; echo $?", "diff -q blanks blanks2; echo $?"),
            ("-w", "diff -qw blanks blanks2; echo $?", "diff -q blanks blanks2; echo $?"),
            ("-i", "diff -qi upper lower; echo $?", "diff -q upper lower; echo $?"),
            ("--strip-trailing-cr", "diff -q --strip-trailing-cr cr lower; echo $?", "diff -q cr lower; echo $?"),
        ],
    ),
    (
        super::basic::SEQ,
        &[("-f", "seq -f %03g 2", "seq 2"), ("-s", "seq -s, 2", "seq 2"), ("-w", "seq -w 10", "seq 10")],
    ),
    (
        super::basic::CAT,
        &[
            ("-n", "cat -n empty", "cat empty"),
            ("-b", "cat -b empty", "cat -n empty"),
            ("-s", "cat -s empty", "cat empty"),
            ("-E", "cat -E three", "cat three"),
            ("-T", "cat -T tabs", "cat tabs"),
        ],
    ),
    (
        super::xargs::OPTIONS,
        &[
            ("-0", "printf 'a b\\0' | xargs -0 -n1", "printf 'a b\\0' | tr '\\0' ' ' | xargs -n1"),
            ("-a", "xargs -a three echo", "xargs echo </dev/null"),
            ("-d", "printf 'a b,c' | xargs -d, -n1", "printf 'a b,c' | xargs -n1"),
            ("-E", "xargs -Etwo <three", "xargs <three"),
            ("-I", "xargs -I@ echo x@ <three", "xargs echo x <three"),
            ("-L", "xargs -L1 <three", "xargs <three"),
            ("-n", "xargs -n2 <three", "xargs <three"),
            ("-r", "xargs -r echo x </dev/null", "xargs echo x </dev/null"),
            ("-s", "xargs -s12 <three", "xargs <three"),
            ("-t", "xargs -t echo <three 2>&1", "xargs echo <three 2>&1"),
        ],
    ),
    (
        super::clock::OPTIONS,
        &[
            ("-d", "date -d @0", "date"),
            ("-r", "touch -d @5 x; date -r x", "date"),
            ("-u", "export TZ=Asia/Tokyo; date -u", "export TZ=Asia/Tokyo; date"),
            ("-R", "date -R", "date"),
            ("-I", "date -Iseconds", "date"),
            ("--rfc-3339", "date --rfc-3339=date", "date"),
        ],
    ),
    (
        super::awk::OPTIONS,
        &[
            ("-F", "awk -F: '{print $1}' colons", "awk '{print $1}' colons"),
            ("-v", "awk -v x=1 'BEGIN{print x}'", "awk 'BEGIN{print x}'"),
            ("-f", "echo 'BEGIN{print 5}' >p; awk -f p", "awk 'BEGIN{print 6}'"),
        ],
    ),
];

const FILES: &[(&str, &str)] = &[
    ("three", "one\ntwo\nthree\n"),
    ("three2", "one\ntwo\nthree\n"),
    ("twice", "a\na\nb\n"),
    ("letter", "b\n"),
    ("mixed", "a\tb\nplain a\n"),
    ("tabs", "a\tb\tc\n"),
    ("colons", "b:1\nb:2\na:1\nc:1\n"),
    ("blanks", "a   2\nb 1\n"),
    ("blanks2", "a 2\nb 1 \n"),
    ("marks", "b\n-c\na\n"),
    ("cases", "b\nB\na\nA\n"),
    ("cases2", "a y\nA y\na x\n"),
    ("numbers", "10\n9\n1e1\n"),
    ("sizes", "2K\n1M\n3\n"),
    ("controls", "b\n\x01c\na\n"),
    ("months", "feb\njan\nmar\n"),
    ("versions", "v10\nv9\nx-v\nv\n"),
    ("nul", "a\0b\na\n"),
    ("empty", "\n\n\nx\n"),
    ("upper", "A\n"),
    ("lower", "a\n"),
    ("cr", "a\r\n"),
    ("gone", "d41d8cd98f00b204e9800998ecf8427e  nowhere\n"),
    ("d/f", "hidden\n"),
];

/// What a script writes, and what it lacked.
fn run(script: &str) -> String {
    let mut tree = Tree::new();
    tree.make_directories("d", 0o755).expect("new");
    for (name, text) in FILES {
        tree.write(*name, 0o644, *text).expect("new");
    }
    let mut system = machine(tree, "amd64", 1_795_869_296);
    let outcome = Shell::new(&mut system, "sh", &[]).run_script(script.as_bytes(), &[], &[]).expect("it ends");
    let gaps: Vec<String> = system.gaps.iter().map(|gap| gap.what.clone()).collect();
    format!("{}\n{}\n{gaps:?}", String::from_utf8_lossy(&outcome.output), outcome.status)
}

#[test]
fn options_change_results() {
    let mut wrong = Vec::new();
    for (table, witnesses) in ALL.iter().chain(super::witnesses::MORE) {
        for option in *table {
            let names = option.names();
            if let Some(reason) = option.reason() {
                assert!(reason.len() > 10, "{names:?} needs a reason");
                continue;
            }
            let Some((name, with, without)) = witnesses.iter().find(|(name, ..)| names.iter().any(|own| own == name))
            else {
                wrong.push(format!("nothing shows that {names:?} counts"));
                continue;
            };
            let (with, without) = (run(with), run(without));
            if with == without || with.contains("option `") {
                wrong.push(format!("{name}: {with}"));
            }
        }
        for (name, ..) in *witnesses {
            let known = table.iter().any(|option| option.names().iter().any(|own| own == name));
            assert!(known, "{name} is no option");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

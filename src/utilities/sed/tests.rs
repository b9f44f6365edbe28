//! What sed 4.9 answers.

use super::super::recorded::says;
use crate::configure::machine;
use crate::shell::Shell;
use crate::tree::Tree;

/// What a command line writes, its status, and what it lacked.
fn run(script: &str, input: &str) -> (String, i32, usize) {
    let mut tree = Tree::new();
    tree.make_directories("d", 0o755).expect("new");
    for (name, text) in [("in", input), ("s1", "a\nb\n"), ("s2", "c"), ("n", "x")] {
        tree.write(name, 0o644, text).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let mut shell = Shell::new(&mut system, "sh", &[]);
    let outcome = shell.run_script(format!("exec 2>/dev/null\n{script}").as_bytes(), &[], &[]).expect("it ends");
    (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status, system.gaps.len())
}

#[test]
fn scripts_are_followed() {
    let abc = "a\nb\nc\n";
    let cases: &[(&str, &str, &str)] = &[
        ("2i\\  x", abc, "a\n  x\nb\nc\n"),
        ("1a \\  x", abc, "a\n  x\nb\nc\n"),
        ("1a  \\text", abc, "a\ntext\nb\nc\n"),
        ("1a foo\\nbar\\tx", abc, "a\nfoo\nbar\tx\nb\nc\n"),
        ("1a\\\nfoo\\\nbar", abc, "a\nfoo\nbar\nb\nc\n"),
        ("1{a foo\n}", abc, "a\nfoo\nb\nc\n"),
        (":a;N;$!ba;s/\\n/-/g", abc, "a-b-c\n"),
        ("s/a/z/p;t e;d;:e q", abc, "z\nz\n"),
        ("1!G;h;$!d", abc, "c\nb\na\n"),
        ("p", "a\nb", "a\na\nb\nb"),
        ("$p", "a", "a\na"),
        ("$a x", "a", "a\nx\n"),
        ("$a\\", "a", "a\n"),
        ("i x", "a", "x\na"),
        ("=", "a", "1\na"),
        ("s1\\(9\\)1X\\11", "a9b\n", "aX1b\n"),
        ("s|a\\|b|X|", "a|b\n", "X\n"),
        ("s.a\\.b.X.g", "a.b axb\n", "X X\n"),
        ("s&b&\\&&", "ab\n", "a&\n"),
        ("y/abc/\\n\\t\\\\/", abc, "\n\n\t\n\\\n"),
        ("y,a\\,b,123,", "a,b\n", "123\n"),
        ("s/[/]/x/", "a/b\n", "axb\n"),
        ("s/a/\\x26/;s/b/\\o101\\d066/", "ab\n", "&AB\n"),
        ("s/[ \\t]*$//", "atb \t\n", "atb\n"),
        ("N;s/[\\n]/-/", "a\nb\n", "a-b\n"),
        ("s/a/b/2g", "aaaa\n", "abbb\n"),
        ("s/b*/x/g", "abc\n", "xaxcx\n"),
        ("s/b*/x/2", "abc\n", "axc\n"),
        ("s/\\(b\\|\\)/[\\1]/g", "abc\n", "[]a[b]c[]\n"),
        ("s/\\(a\\)/\\u\\1b\\LAB/", "a\n", "Abab\n"),
        ("s/a/\\l\\UAbc/", "a\n", "ABC\n"),
        ("1d;1,3p", "1\n2\n3\n4\n", "2\n2\n3\n3\n4\n"),
        ("2,1p", abc, "a\nb\nb\nc\n"),
        ("2,/a/d", abc, "a\n"),
        ("0,/a/d", abc, "b\nc\n"),
        ("0~2d", abc, "a\nc\n"),
        ("2,~2d", abc, "a\n"),
        ("1,+1d", abc, "c\n"),
        ("1,2c x", abc, "x\nc\n"),
        ("1!{2c x\n}", abc, "a\nx\nc\n"),
        ("n;d", abc, "a\nc\n"),
        ("$!N;$!D", abc, "b\nc\n"),
        ("N;P;D", "a\nb", "a\nb"),
        ("z;s/^$/x/;F", "a\n", "-\nx\n"),
        ("/b/s//x/", abc, "a\nx\nc\n"),
        ("s/a$/x/M;N;s/^b/y/Mg", "a\nb\n", "x\ny\n"),
        ("/A/Id", abc, "b\nc\n"),
        ("r n", "a\nb\n", "a\nxb\nx"),
        ("1R s1", abc, "a\na\nb\nc\n"),
        ("w /dev/stdout", "a\n", "a\na\n"),
        ("$!ba;:a;p", "a\nb\n", "a\na\nb\nb\n"),
        ("1bend;p;:end ;=", "a\nb\n", "1\na\nb\n2\nb\n"),
        ("l;d", "a\tb\x01\\c\n", "a\\tb\\001\\\\c$\n"),
        ("l 5;d", "abcdefgh\n", "abcd\\\nefgh$\n"),
        ("s/a/b/ ; s/b/c/", "a\n", "c\n"),
        ("1,+18446744073709551615p", "a\n", "a\na\n"),
    ];
    for (script, input, wanted) in cases {
        let quoted = script.replace('\'', "'\\''");
        let (output, status, gaps) = run(&format!("sed '{quoted}' <in"), input);
        assert_eq!((output.as_str(), status, gaps), (*wanted, 0, 0), "{script}");
    }
}

#[test]
fn options_and_files() {
    let cases: &[(&str, &str)] = &[
        ("sed -s -n '$p;1=' s1 s2", "1\nb\nc\n1\n"),
        ("sed -n '$p;$=' s1 s2 missing", "c\n3\n"),
        ("sed -n -e 'i\\' -e '  foo' s1", "  foo\n  foo\n"),
        ("sed -E 's/(a|b)+/<\\0>/' s1", "<a>\n<b>\n"),
        ("printf 'a\\0b' | sed -z 's/^/x/' | tr '\\0' 0", "xa0xb"),
        ("printf 'a\\0b\\0' | sed -z 'N;s/\\n/-/;G' | tr '\\0' 0", "a0b00"),
        ("(sed 1q; echo -; cat) <s1", "a\n-\nb\n"),
        ("cat s1 | (sed 1q; echo -; cat)", "a\n-\n"),
        ("cat s1 | (sed -u 1q; echo -; cat)", "a\n-\nb\n"),
        ("sed -i 1q s1 s2; cat s1; cat s2", "a\nc"),
        ("sed -i.bak s/a/x/ s1; cat s1 s1.bak", "x\nb\na\nb\n"),
        ("sed -i 's/a/x/;$a y' s1 s2; cat s1 s2", "x\nb\ny\nc\ny\n"),
        ("sed -n 'p;w out\np' s2; cat out", "c\ncc"),
        ("sed -n '$=' /dev/null", ""),
        ("sed 5q7 s1; echo $?; sed q7 s1; echo $?", "a\nb\n0\na\n7\n"),
        ("sed -n 'l 1;l 3' s2", "\\\nc$\nc$\n"),
    ];
    for (script, wanted) in cases {
        let (output, _, gaps) = run(script, "");
        assert_eq!((output.as_str(), gaps), (*wanted, 0), "{script}");
    }
}

#[test]
fn what_is_no_script_is_refused() {
    let wrong = [
        "b walrus",
        ":",
        "k",
        "p p",
        "s/a/b/gg",
        "s/a/b/pp",
        "s/a/b/0",
        "s/a/\\1/",
        "s/a",
        "/a",
        "1,p",
        ",2p",
        "+1p",
        "0p",
        "0,1p",
        "}",
        "{p",
        "y/a/bc/",
        "a",
        "s/a/x/w",
        "s//x/I",
        "2!!p",
        "s/*\\{1\\}/x/E",
        ":a;1}",
        "s/a**/x/",
    ];
    for script in wrong {
        let (output, status, gaps) = run(&format!("sed '{script}' s1"), "");
        assert!(output.is_empty() && status != 0 && gaps == 0, "{script}: {output:?} {status} {gaps}");
    }
    for script in ["e echo", "s/a/b/e", "v 9"] {
        assert_eq!(run(&format!("sed '{script}' s1"), "").2, 1, "{script} is a gap");
    }
    assert_eq!(run("sed p missing", "").1, 2);
    assert_eq!(run("sed p d", "").1, 4);
    assert_eq!(run("sed -i p d", "").1, 4);
}

#[test]
fn what_sed_says_itself_ends_as_lines_do() {
    let (output, status, gaps) = run("printf 'a\\0' | sed -z 'l;F;='", "");
    assert_eq!((output.as_str(), status, gaps), ("a$\0-\x001\0a\0", 0, 0));
    assert_eq!(run("sed -f nosuch in", ""), (String::new(), 4, 0));
}

#[test]
fn files_of_w_are_opened_before_what_follows_is_read() {
    says(&[
        ("printf 'a\\n' | sed 'w out\ns/a/'; ls out", "out\n", 0),
        ("printf 'a\\n' | sed '{w no/x'", "", 4),
        ("printf 'a\\n' | sed 'w no/x\n}'", "", 4),
    ]);
}

#[test]
fn texts_end_as_lines_do() {
    says(&[
        ("printf 'a\\0b' | sed -z 'i x' | tr '\\0' /", "x/a/x/b", 0),
        ("printf 'a\\0b' | sed -z '1i\\x\\ny' | tr '\\0' /", "x\ny/a/b", 0),
        ("printf 'a\\0b\\0' | sed -z '1,2c x' | tr '\\0' /", "x/", 0),
        ("printf 'a\\0b' | sed -z 'a x' | tr '\\0' /", "a/x\nb/x\n", 0),
        ("printf a | sed 'r nosuch'; : >e; printf b | sed 'r e'; printf c | sed 'R e'", "a\nb\nc", 0),
    ]);
}

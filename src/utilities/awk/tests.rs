//! What mawk 1.3.4 and gawk 5.2 answer, both the same.

use crate::configure::machine;
use crate::shell::Shell;
use crate::tree::Tree;

/// What a script writes, its status, and what it lacked.
fn run(script: &str, input: &str) -> (String, i32, Vec<String>) {
    let mut tree = Tree::new();
    for (name, text) in [("in", input), ("s1", "a\nb\n"), ("s2", "c\n")] {
        tree.write(name, 0o644, text).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let mut shell = Shell::new(&mut system, "sh", &[]);
    let outcome = shell.run_script(format!("exec 2>/dev/null\n{script}").as_bytes(), &[], &[]).expect("it ends");
    let gaps = system.gaps.iter().map(|gap| gap.what.clone()).collect();
    (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status, gaps)
}

#[test]
fn programs_are_followed() {
    let cases: &[(&str, &str, &str)] = &[
        ("{print NF}", "\n", "0\n"),
        ("{print NR,FNR,FILENAME}", "x\n", "1 1 \n"),
        ("{print $2}", "a b\r\n", "b\r\n"),
        (
            "{$0 = substr ($0, index ($0, $3) + length ($3) + 1); gsub\t(/^[ ]+/, \"\"); print; print length (), length ($1) }",
            "aaa b cc  d e\n",
            "d e\n3 1\n",
        ),
        (
            "BEGIN{print 0.000001, 1e6, 0.1+0.2, 1/3, 100/3, 1234567.8}",
            "",
            "1e-06 1000000 0.3 0.333333 33.3333 1.23457e+06\n",
        ),
        ("BEGIN{print substr(\"hello\",2,2), substr(\"hello\",-1), substr(\"hello\",2,1e10)}", "", "el hello ello\n"),
        (
            "BEGIN{n=split(\"abc\",a,\"\");print n,a[1];n=split(\"\",b);print n;n=split(\"axxb\",c,\"x*\");print n,c[1],c[2]}",
            "",
            "3 a\n0\n2 a b\n",
        ),
        ("BEGIN{print split(\"a.b\",d,\".\"), split(\" a b \",e,\" \"), split(\" a b \",e,/ /)}", "", "2 2 4\n"),
        ("{print ($1==10), ($1<\"9\")}", " 10 \n", "1 1\n"),
        ("{print !$1, $1==0, ($1==\"0.0\")}", "0.0\n", "1 1 1\n"),
        (
            "BEGIN{printf \"%d %d %i %x %o %u|%c%c\\n\", 3.9, -3.9, \"7abc\", 255, 8, 5, 65, \"hello\"}",
            "",
            "3 -3 7 ff 10 5|Ah\n",
        ),
        (
            "BEGIN{printf \"%5s|%-5s|%.2s|%5.1f|%e|%g|%*d\\n\",\"ab\",\"cd\",\"efg\",3.14159,12345.678,0.0001,4,7}",
            "",
            "   ab|cd   |ef|  3.1|1.234568e+04|0.0001|   7\n",
        ),
        ("{$5=\"e\"; print; print NF}", "a b\n", "a b   e\n5\n"),
        ("{NF=1;print;$3=\"z\";print}", "a b\n", "a\na  z\n"),
        ("{$0=\"x y z\";print NF,$3; print $NF, $(NF-1)}", "a\n", "3 z\nz y\n"),
        ("BEGIN{print length(), length \"x\"}", "", "0 0x\n"),
        (
            "BEGIN{print 1 \" \" -1; print 1 -1; print 2^3^2, -2^2, !0 + 1, 1 - - 1; x = 5; print x++ + ++x, x--}",
            "",
            "1-1\n0\n512 -4 2 2\n12 7\n",
        ),
        ("BEGIN{print 1==1, 1<2, \"a\"<\"b\", \"10\"<\"9\", 10<9; print (1>2) ? \"a\" : \"b\"}", "", "1 1 1 1 0\nb\n"),
        ("/a/,/b/", "a\nc\nb\nd\na\n", "a\nc\nb\na\n"),
        ("END{print $0, NR, NF}", "a b\nc\n", "c 2 1\n"),
        ("BEGIN{RS=\"\"}{print NR\": \"$1\"-\"$2\"-\"NF}", "\n\na b\nc\n\n\nd\n\n", "1: a-b-3\n2: d--1\n"),
        ("BEGIN{RS=\";\"}{print \"[\"$0\"]\"}", "a;b;c\n", "[a]\n[b]\n[c\n]\n"),
        ("BEGIN{RS=\"x+\"}{print \"[\"$0\"]\"}", "axxbxc\n", "[a]\n[b]\n[c\n]\n"),
        ("NR==1{getline; print; getline x; print x, NR}", "1\n2\n3\n", "2\n3 3\n"),
        ("BEGIN{while((getline l < \"s1\")>0)print \"L\" l; print (getline l < \"none\")}", "", "La\nLb\n-1\n"),
        ("function f(a){a[\"x\"]=1} BEGIN{f(b);print b[\"x\"]; print length(b)}", "", "1\n1\n"),
        ("function g(n){return n<=1?1:n*g(n-1)} BEGIN{print g(10)}", "", "3628800\n"),
        (
            "BEGIN{s=\"hello\"; n=gsub(/l/,\"[&]\\\\&\",s); print n,s; u=\"abc\"; gsub(/x*/,\"-\",u); print u; gsub(/$/,\"!\",u); print u}",
            "",
            "2 he[l]&[l]&o\n-a-b-c-\n-a-b-c-!\n",
        ),
        (
            "BEGIN{w=\"a.b.c\"; gsub(\".\",\"x\",w);print w; y=\"a.b.c\"; gsub(\"\\\\.\",\"x\",y); print y}",
            "",
            "xxxxx\naxbxc\n",
        ),
        (
            "BEGIN{print match(\"foobar\",\"o+\"),RSTART,RLENGTH; print match(\"x\",\"y\"),RSTART,RLENGTH}",
            "",
            "2 2 2\n0 0 -1\n",
        ),
        (
            "BEGIN{print \"ab\" ~ \"a.\", \"a\\nb\" ~ /^b/, \"x\" ~ /[[:alpha:]]/, \"a]\" ~ /[]]/, \"\\t\" ~ /[ \\t]/, \"t\" ~ /[ \\t]/}",
            "",
            "1 0 1 1 1 0\n",
        ),
        (
            "BEGIN{CONVFMT=\"%.2g\";a=3.14159;b=a \"\";print b; OFMT=\"%.3f\"; print 3.14159, 3.14159 \"\", 12}",
            "",
            "3.1\n3.142 3.1 12\n",
        ),
        (
            "BEGIN{a[1,2]=3; for(k in a){split(k,p,SUBSEP);print p[1],p[2]}; if((1,2) in a)print \"in\"; print 1 in a}",
            "",
            "1 2\nin\n0\n",
        ),
        ("BEGIN{a[1];a[2];a[3]; for(k in a) n+=k; print n; for(k in a) delete a[k]; print length(a)}", "", "6\n0\n"),
        (
            "BEGIN{\"echo hi\" | getline x; print x; print \"b\\na\" | \"sort\"; close(\"sort\"); print \"done\"; system(\"echo sys\")}",
            "",
            "hi\na\nb\ndone\nsys\n",
        ),
        ("{ print > \"out\"; close(\"out\"); while ((getline y < \"out\") > 0) print \"r\" y }", "a b\n", "ra b\n"),
        ("BEGIN{print \"a\\\nb\"}", "", "ab\n"),
        (
            "BEGIN{do{i++}while(i<5);print i;for(;;){if(i++>7)break};print i;while(i-->5)continue;print i}",
            "",
            "5\n9\n4\n",
        ),
        ("BEGIN{printf(\"%s %s\\n\",\"a\",\"b\"); print(\"x\")(\"y\"); print (\"x\",\"y\")}", "", "a b\nxy\nx y\n"),
        ("BEGIN{$3=\"c\";print NF,$0;print 1;;print 2;if(1);else print 3}", "", "3   c\n1\n2\n"),
        ("$1~/a/&&$2!~/c/{print \"y\"}!/x/", "a b\n", "y\na b\n"),
        ("{$2=\"\";print}", "a b c\n", "a  c\n"),
        (
            "BEGIN{print tolower(\"ABC\"), int(-3.7), int(\"3abc\"), sqrt(16), exp(0), 5%3, -5%3, 2^0.5}",
            "",
            "abc -3 3 4 1 2 -2 1.41421\n",
        ),
        ("BEGIN{exit 3} END{print \"end\"}", "", "end\n"),
    ];
    for (program, input, wanted) in cases {
        let quoted = program.replace('\'', "'\\''");
        let (output, _, gaps) = run(&format!("awk '{quoted}' <in"), input);
        assert_eq!((output.as_str(), gaps), (*wanted, Vec::new()), "{program}");
    }
}

#[test]
fn arguments_and_input() {
    let cases: &[(&str, &str)] = &[
        ("echo a.b.c | awk -F. '{print $2, NF}'", "b 3\n"),
        ("echo 'a|b' | awk -F'|' '{print $2}'", "b\n"),
        ("printf 'a\\tb c\\n' | awk -F'\\t' '{print $2}'", "b c\n"),
        ("echo axxb | awk -F'x*' '{print NF, $2}'", "2 b\n"),
        ("awk -v 'x=1\\n2' 'BEGIN{print x}'", "1\n2\n"),
        ("awk '{print x, NR, FNR, FILENAME}' x=1 s1 x=2 s2", "1 1 1 s1\n1 2 2 s1\n2 3 1 s2\n"),
        ("awk 'BEGIN{print ARGC, ARGV[1]; exit}' s1", "2 s1\n"),
        ("(awk '{print; exit}'; echo -; cat) <s1", "a\n-\n"),
        ("awk 'BEGIN{exit 3}'; echo $?; awk '{exit 4}END{print 1}' s1; echo $?", "3\n1\n4\n"),
        ("awk 'END{print $0}' <s1; awk 1 s1; awk 0 s1", "b\na\nb\n"),
    ];
    for (script, wanted) in cases {
        let (output, _, gaps) = run(script, "");
        assert_eq!((output.as_str(), gaps), (*wanted, Vec::new()), "{script}");
    }
}

/// Where mawk and gawk differ, or nobody knows what is meant, it is said and not guessed.
#[test]
fn what_differs_is_a_gap() {
    let programs = [
        "BEGIN{a[\"x\"];a[\"y\"];for(k in a)print k}",
        "BEGIN{print 2^40}",
        "BEGIN{print 1/0}",
        "BEGIN{print \"0x1A\"+0}",
        "BEGIN{print \"\\q\"}",
        "BEGIN{print 010}",
        "BEGIN{printf \"%x\", -1}",
        "BEGIN{print \"aa\" ~ /a{2}/}",
        "BEGIN{print \"a\" ~ /\\<a/}",
        "BEGIN{print rand()}",
        "BEGIN{print gensub(1,2,3)}",
        "BEGIN{print 2 ** 3}",
        "function f(a,){}BEGIN{}",
        "BEGIN{break}",
        "BEGIN{next}",
        "BEGIN{print 1 > \"a\" \"b\"}",
        "BEGIN{print 1 < 2 < 3}",
    ];
    for program in programs {
        let quoted = program.replace('\'', "'\\''");
        let (output, status, gaps) = run(&format!("awk '{quoted}'"), "");
        assert!(output.is_empty() && status != 0 && gaps.len() == 1, "{program}: {output:?} {status} {gaps:?}");
    }
    assert_eq!(run("gawk 'BEGIN{print 2 ** 3, 2^40}'", "").0, "8 1099511627776\n");
    assert_eq!(run("mawk 'BEGIN{print \"\\q\" 010}'", "").0, "\\q10\n");
    // Debian's mawk 1.3.4 of 2020 and of 2025.
    let script = r#"mawk '{print match($0, "^\\s*#"), /[\w]/, /\\w/, /a\<b/}' in"#;
    assert_eq!(run(script, " # x\ns#w\n\\w\na<b\n"), ("0 0 0 0\n1 1 0 0\n0 1 1 0\n0 0 0 1\n".into(), 0, Vec::new()));
}

#[test]
fn system_tells_a_signal_from_a_status() {
    let cases = [("kill -9 $$", "265\n"), ("exit 137", "137\n"), ("exit 3", "3\n")];
    for (command, wanted) in cases {
        let (output, _, gaps) = run(&format!("awk 'BEGIN{{print system(\"{command}\")}}'"), "");
        assert_eq!((output.as_str(), gaps), (wanted, Vec::new()), "{command}");
    }
    let (_, _, gaps) = run("awk 'BEGIN{print system(\"sh -c \\\"kill -9 \\\\$\\\\$\\\"\")}'", "");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
}

/// mawk of bookworm leaves out matches where a repeated group begins with a repetition; that of trixie does not.
#[test]
fn older_mawks_are_asked_nothing_that_they_get_wrong() {
    let run = |version: &str, pattern: &str| {
        let mut tree = Tree::new();
        tree.write("usr/bin/mawk", 0o755, "").expect("new");
        tree.write("var/lib/dpkg/status", 0o644, format!("Package: mawk\nVersion: {version}\n")).expect("new");
        let mut system = machine(tree, "amd64", 0);
        let script = format!("printf 'foo\\nxoxo\\n\\n' | mawk '/{pattern}/ {{ n = n NR }} END {{ print n }}'");
        let mut shell = Shell::new(&mut system, "sh", &[("PATH", "/usr/bin")]);
        let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("it ends");
        (String::from_utf8_lossy(&outcome.output).into_owned(), system.gaps.len())
    };
    let (old, new) = ("1.3.4.20200120-3.1", "1.3.4.20250131-1");
    for pattern in ["^(b*xo+)*$", "^((b*)x(oo*))+$|^$", "^(z|(b*((xo)+))*)$"] {
        assert_eq!(run(new, pattern), ("23\n".to_owned(), 0), "{pattern}");
        assert_eq!(run(old, pattern).1, 1, "{pattern}");
    }
    for pattern in ["^(b*xo)*$", "^(xo+b*)*$", "^(b?xo+)*$", "^b*(xo+)*$"] {
        assert_eq!(run(old, pattern), ("23\n".to_owned(), 0), "{pattern}");
    }
}

#[test]
fn empty_groups_are_none_of_mawks() {
    for (pattern, found) in
        [("()", true), ("a()b", true), ("[()]", false), ("[]()]", false), ("[^]()]", false), (r"\()", false)]
    {
        assert_eq!(super::dialect::has_empty_group(pattern.as_bytes()), found, "{pattern}");
    }
}

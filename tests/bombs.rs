//! Scripts of a line that would never end, or take all memory, were they not charged for what they do.
//!
//! Plainly they run with a tenth of the limits, for the time; `IMGBUILD_TEST_FAULTS=1` takes those that hold by default.

use imgbuild::budget::Budget;
use imgbuild::configure::machine;
use imgbuild::limits::Limits;
use imgbuild::shell::Shell;
use imgbuild::shell::system::System;
use imgbuild::tree::Tree;

use crate::switched_on;

/// A script of a text tool; `line` is a line of 256 KiB, `lines` are 128 Ki lines, `f1` and `f2` are small.
const TEXT: &[&str] = &[
    // sed
    "sed ':a;ba' f1",
    "sed ':a;s/a/aa/g;ta' f1",
    "sed ':a;H;G;ba' f1",
    "sed ':a;x;G;ba' f1",
    "sed ':a;p;ba' f1",
    "sed ':a;i\\\nx\nba' f1",
    "sed ':a;a\\\nx\nba' f1",
    "sed ':a;r line\nba' f1",
    "sed ':a;R lines\nba' f1",
    "sed ':a;w x\nba' f1",
    "sed ':a;l;ba' line",
    "sed 's/a/bbbbbbbbbbbbbbbb/g;s/b/cccccccccccccccc/g;s/c/dddddddddddddddd/g' line",
    "sed \"s/a/$(cat line)/g\" line",
    "sed \"s/a/$(cat line)/\" lines",
    "sed 's/a*a*a*a*a*a*a*b//' line",
    "sed 's/\\(a*\\)*\\1b//' line",
    "sed 's/\\(a*\\)\\(a*\\)\\(a*\\)\\1\\2\\3$x//' line",
    "sed -E 's/(.?){99}{99}b//' line",
    "sed -n '$!{:a;N;$!ba};s/\\n/&&&&&&&&/gp;s/a/&&&&&&&&/gp' lines",
    "sed 'p;p;p;p;p;p;p;p;p;p' lines | sed 'p;p;p;p;p;p;p;p;p;p' | sed 'p;p;p;p;p;p;p;p;p;p'",
    "sed 'N;N;N;P;D;y/ab/ba/' lines",
    "sed -n '1,+18446744073709551615p' f1",
    "sed -n '1~18446744073709551615p;1,~18446744073709551615p;99999999999999999999p' f1",
    "sed -n 'l 99999999999999999999' f1",
    "sed -f stars f1",
    "sed -s p lines lines lines lines lines lines lines lines",
    // awk
    "awk 'BEGIN { while (1); }'",
    "awk 'BEGIN { for (;;) x = x \"aaaaaaaaaaaaaaaa\" }'",
    "awk 'BEGIN { x = \"a\"; for (;;) x = x x }'",
    "awk 'BEGIN { for (;;) a[i++] = i }'",
    "awk 'BEGIN { for (;;) a[i++] = x = x \"aaaaaaaa\" }'",
    "awk 'BEGIN { for (;;) $(++i) = i }'",
    "awk 'BEGIN { $99999999 = 1 }'",
    "awk 'BEGIN { NF = 2147483647 }'",
    "awk 'BEGIN { $9999999999999 = 1 }'",
    "awk 'function f(x) { return f(x) } BEGIN { f(1) }'",
    "awk 'function f(x) { return 1 + (2 + (3 + f(x))) } BEGIN { f(1) }'",
    "awk 'function f(a) { a[i++] = 1; f(a) } BEGIN { f(b) }'",
    "awk '{ while (gsub(/a/, \"bb\") + gsub(/b/, \"aa\")); }' f1",
    "awk '{ for (;;) gsub(/a*/, \"x\") }' line",
    "awk '{ for (;;) n = split($0, a, \"\") }' line",
    "awk '{ for (;;) x = substr($0, 2) }' line",
    "awk '{ for (;;) x = index($0, \"b\") }' line",
    "awk '{ for (;;) x = toupper($0) }' line",
    "awk '{ for (;;) x = ($0 ~ /a*a*a*b/) }' line",
    "awk '{ for (;;) { x = ($0 == y); y = $0 } }' line",
    "awk '{ for (i = 0; ; i++) x = ($0 ~ (i \"b\")) }' line",
    "awk 'BEGIN { x = sprintf(\"%999999999s\", 1) }'",
    "awk 'BEGIN { x = sprintf(\"%.999999999f\", 1) }'",
    "awk 'BEGIN { for (;;) x = sprintf(\"%*d\", 100000, 1) }'",
    "awk 'BEGIN { for (;;) print > (\"f\" i++) }'",
    "awk 'BEGIN { for (;;) print \"aaaaaaaaaaaaaaaa\" > \"x\" }'",
    "awk 'BEGIN { for (;;) print \"aaaaaaaaaaaaaaaa\" }'",
    "awk 'BEGIN { for (;;) print \"a\" | \"cat\" }'",
    "awk 'BEGIN { for (;;) { \"cat line\" | getline; close(\"cat line\") } }'",
    "awk 'BEGIN { for (;;) system(\":\") }'",
    "awk 'BEGIN { for (;;) while ((getline x < \"lines\") > 0); }'",
    "awk 'BEGIN { for (;;) { while ((getline x < \"lines\") > 0); close(\"lines\") } }'",
    "awk '{ s = s $0 s }' lines",
    "awk '{ a[NR] = $0 } END { for (;;) for (k in a) n++ }' lines",
    "awk -v RS='a*' '{ n++ }' line line line line",
    "awk -v RS= '{ n++ }' lines",
    "awk -Fa '{ n += NF }' line line line line line line line line line line",
    "awk -f sums",
    "awk -f lots",
    "awk -f ands",
    "awk -f deep",
    "awk -f nots",
    "awk -f fields",
    "awk -f gives",
    "awk -f asks",
    "awk -f powers",
    "awk -f blocks",
    "awk -f ifs",
    "awk -f ins",
    "awk -f inner",
    "awk -f tildes",
    "awk -f rules",
    // grep
    "grep -f stars lines",
    "grep -E -f plus lines",
    "grep -f lines lines",
    "grep -F -f lines lines",
    "grep -w -F -f f1 line",
    "grep -o a line",
    "grep -c 'a*a*a*a*b' line",
    "grep -E '(a|aa)*b' line",
    "grep '\\(a*\\)*\\1b' line",
    "grep -n -B 99999999 -A 99999999 a lines lines lines",
    "grep -m 99999999999999999999 a f1",
    "grep -f opens lines",
    "grep -E -f opens lines",
    "grep -E -f closes lines",
    // the small ones
    "sort lines lines lines lines lines lines lines lines lines lines lines lines",
    "sort -k1,1 -k1.2 -k1.3n -k1V lines lines",
    "sort -u line line line line line line line line line line line line line line line line",
    "sort -k 99999999999999999999 lines",
    "while :; do sort lines >x; done",
    "seq -s \"$(cat line)\" 1 1000000",
    "seq 1 999999999999",
    "seq -w 1 999999999999",
    "seq 1 0.0000001 9",
    "seq -f '%1000000000g' 2",
    "seq -f '%.1000000000f' 2",
    "xargs -I{} echo '{}{}{}{}{}{}{}{}' <lines",
    "xargs -I{} echo \"$(printf '{}%.0s' {} {} {} {} {} {} {} {})\" <line",
    "xargs -n1 echo <lines",
    "xargs -a lines -n2 -t echo",
    "tee $(seq -f 'g%g' 300) <line >/dev/null",
    "while :; do tee -a x <line; done",
    "cut -d a -f \"$(seq -s, 1 2 9999)\" line",
    "cut -b \"$(seq -s, 1 2 9999)\" --output-delimiter=\"$(cat line)\" line",
    "cut -b 18446744073709551615- line",
    "tr a '[b*99999999999]' <line",
    "tr -s a '[b*99999999999999999999]' <line",
    "tr \"$(cat line)\" x <line",
    "while :; do tr a b <line >x; done",
    "uniq -D lines",
    "uniq -f 99999999999999999999 -s 99999999999999999999 lines",
    "tac -s a line",
    "rev line line line line line line line line",
    "while :; do wc line; done >/dev/null",
    "while :; do md5sum line; done >/dev/null",
    "while :; do sha512sum line; done >/dev/null",
    "head -n 99999999999999999999 lines; tail -n 99999999999999999999 lines; head -c -99999999999999999999 line",
    "while :; do head -n 1 lines; tail -n 1 lines; done",
    "cmp -l line lines",
    "while :; do diff -w line lines; done >/dev/null",
    "date -d '2026-11-28 9223372036854775807:00'",
    "date -d '@9223372036854775807'; date -d '@-9223372036854775808' '+%c %V'",
    "date -d '9223372036854775807 weeks'; date -d '9223372036854775807-01-01'",
    "date '+%99999999999999999999Y'",
    "while :; do date -d \"$(cat line)\"; done 2>/dev/null",
    "printf '%5000000000s' x",
    "printf '%2000000000s' x",
    "printf '%.2000000000f' 1",
    "printf '%*d' 2000000000 1",
    "env printf '%2000000000d' 1",
    "while :; do printf '%100000s' x >x; done",
    "printf '%s' $(cat lines)",
    "while :; do env printf \"$(cat line)\" >x; done",
    "expr $(printf '( %.0s' $(seq 5000)) 1",
    "expr $(printf 'length %.0s' $(seq 5000)) x",
    "expr 99999999999999999999999999999999999999 '*' 99999999999999999999999999999999999999",
    "while :; do expr \"$(cat line)\" : 'a*a*a*b'; done",
    "cat lines lines lines lines lines lines lines lines | cat -n | cat -n | cat -n >/dev/null",
];

fn world(limits: &Limits) -> System {
    let mut tree = Tree::new();
    for directory in ["tmp", "work", "usr/bin"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let programs: [(&str, String, usize, &str); 15] = [
        ("sums", "BEGIN{x=1".into(), 1 << 20, "+1"),
        ("lots", "BEGIN{x=1".into(), 1 << 20, " 1"),
        ("ands", "BEGIN{x=1".into(), 1 << 19, "&&1"),
        ("deep", "BEGIN{x=".into(), 1 << 20, "("),
        ("nots", "BEGIN{x=".into(), 1 << 20, "!-"),
        ("fields", "BEGIN{x=".into(), 1 << 20, "$"),
        ("gives", "BEGIN{x".into(), 1 << 20, "=x"),
        ("asks", "BEGIN{x=1".into(), 1 << 19, "?1:1"),
        ("powers", "BEGIN{x=1".into(), 1 << 20, "^1"),
        ("blocks", "BEGIN".into(), 1 << 20, "{"),
        ("ifs", "BEGIN{".into(), 1 << 18, "if(1)"),
        ("ins", "BEGIN{x=1".into(), 1 << 18, " in y"),
        ("inner", "BEGIN{x=".into(), 1 << 20, "a["),
        ("tildes", "BEGIN{x=1".into(), 1 << 20, "~1"),
        ("rules", String::new(), 1 << 18, "{}\n"),
    ];
    for (name, begin, times, part) in programs {
        let end = if begin.starts_with("BEGIN{x=1") { "}" } else { "" };
        let text = [begin.as_str(), &part.repeat(times), end].concat();
        tree.write(format!("work/{name}"), 0o644, text).expect("new");
    }
    let files = [
        ("line", "a".repeat(256 << 10) + "\n"),
        ("lines", "a b\n".repeat(128 << 10)),
        ("f1", "a\n".to_owned()),
        ("f2", "b\n".to_owned()),
        ("stars", format!("a{}\n", "*".repeat(8 << 20))),
        ("plus", format!("a{}\n", "+?".repeat(4 << 20))),
        ("opens", format!("{}\n", "(\\(".repeat(1 << 20))),
        ("closes", format!("{}\n", ")".repeat(1 << 20))),
    ];
    for (name, text) in files {
        tree.write(format!("work/{name}"), 0o644, text).expect("new");
    }
    tree.write("usr/bin/mawk", 0o755, "").expect("new");
    tree.symlink("usr/bin/awk", "mawk").expect("new");
    let mut world = machine(tree, "amd64", 1_795_869_296);
    world.budget = Budget::new(limits, || false);
    world
}

/// Seconds of processor time that this thread has used; where the system does not say, none.
fn used() -> f64 {
    let Ok(text) = std::fs::read_to_string("/proc/thread-self/stat") else { return 0.0 };
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// What a script comes to: `fine` with its status, the limit that ended it, or what it lacks.
fn ending(script: &str, limits: &Limits) -> (String, f64, u64) {
    let mut world = world(limits);
    let before = used();
    let mut shell = Shell::new(&mut world, "sh", &[("PATH", "/usr/bin:/bin"), ("LC_ALL", "C")]);
    let result = shell.run_script(format!("cd /work\n{script}").as_bytes(), &[], &[]);
    let how = match (result, world.gaps.first()) {
        (Err(limit), _) => format!("{limit:?}"),
        (Ok(_), Some(gap)) => format!("gap: {}", gap.what),
        (Ok(outcome), None) => format!("fine, {}", outcome.status),
    };
    (how, used() - before, world.budget.most_held())
}

#[expect(clippy::print_stderr, reason = "the figure is what one runs it for")]
fn goes_off(scripts: &[&str]) {
    let mut limits = Limits::DEFAULT;
    let full = switched_on("IMGBUILD_TEST_FAULTS", "bombs with the limits that hold by default");
    if !full {
        limits.script_steps /= 10;
        limits.script_memory /= 4;
    }
    let most = if full { 30.0 } else { 10.0 };
    let (mut wrong, mut worst) = (Vec::new(), (0.0, String::new()));
    for script in scripts {
        let shown: String = script.chars().take(70).collect();
        let (how, seconds, held) = ending(script, &limits);
        if seconds > worst.0 {
            worst = (seconds, shown.clone());
        }
        let named = how.starts_with("Limit(") || how.starts_with("fine") || how.starts_with("gap");
        if !named || seconds > most || held > limits.script_memory {
            wrong.push(format!("{seconds:.1} s, {} MiB held: {how}: {shown}", held >> 20));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("of {} bombs the worst took {:.1} s: {}", scripts.len(), worst.0, worst.1);
}

#[test]
fn text_tools_end_by_a_limit() {
    goes_off(TEXT);
}

/// An endless one ends by a limit, and not because something is not known.
#[test]
fn endless_ones_meet_a_limit() {
    let mut limits = Limits::DEFAULT;
    limits.script_steps = 100_000;
    limits.script_memory = 16 << 20;
    for script in
        TEXT.iter().filter(|script| script.contains(":a;") || script.contains("for (;;)") || script.contains("while :"))
    {
        let (how, _, _) = ending(script, &limits);
        assert!(how.starts_with("Limit("), "{how}: {script}");
    }
}

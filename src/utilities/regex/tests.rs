use super::*;
use crate::limits::Limits;

fn made(pattern: &str, syntax: Syntax, budget: &Budget) -> Result<Regex, Fault> {
    Regex::new(pattern.as_bytes(), syntax, false, budget)
}

fn find(pattern: &str, syntax: Syntax, text: &str) -> Option<Vec<String>> {
    let regex = made(pattern, syntax, &Budget::default()).expect(pattern);
    let groups = regex.find(text.as_bytes(), 0).expect("within the budget")?;
    let shown =
        |group: &Option<(usize, usize)>| group.map_or(String::from("-"), |(from, to)| text[from..to].to_owned());
    Some(groups.iter().map(shown).collect())
}

#[test]
fn leftmost_and_longest() {
    let cases: &[(&str, Syntax, &str, Option<&[&str]>)] = &[
        ("a|ab", Syntax::Extended, "xab", Some(&["ab"])),
        ("(a|ab)(c|bcd)?", Syntax::Extended, "abcd", Some(&["abcd", "a", "bcd"])),
        ("(a|ab)(c|bcd)(d*)", Syntax::Extended, "abcd", Some(&["abcd", "a", "bcd", ""])),
        ("(a*)+", Syntax::Extended, "aab", Some(&["aa", "aa"])),
        ("((a)|b)*", Syntax::Extended, "abab", Some(&["abab", "b", "a"])),
        ("((a?)*)(b)", Syntax::Extended, "aab", Some(&["aab", "aa", "a", "b"])),
        ("(a{1,2}){1,2}(a*)b", Syntax::Extended, "aaab", Some(&["aaab", "a", ""])),
        ("(|a)b", Syntax::Extended, "ab", Some(&["ab", "a"])),
        ("abcd|c", Syntax::Extended, "abcd", Some(&["abcd"])),
        ("a*", Syntax::Basic, "baa", Some(&[""])),
        ("ba*", Syntax::Basic, "baa", Some(&["baa"])),
        ("^\\([^:]*\\):x", Syntax::Basic, "root:x:0", Some(&["root:x", "root"])),
        ("\\(.\\)\\1", Syntax::Basic, "abccd", Some(&["cc", "c"])),
        ("\\(a*\\)\\1b", Syntax::Basic, "aaaab", Some(&["aaaab", "aa"])),
        ("a\\+b\\?", Syntax::Basic, "aab", Some(&["aab"])),
        ("x\\{2,3\\}", Syntax::Basic, "xxxx", Some(&["xxx"])),
        ("x\\{,2\\}", Syntax::Basic, "xxxx", Some(&["xx"])),
        ("x{2}", Syntax::Extended, "xxxx", Some(&["xx"])),
        ("x***", Syntax::Extended, "xxxx", Some(&["xxxx"])),
        ("x+?", Syntax::Extended, "xxxx", Some(&["xxxx"])),
        ("x?+y", Syntax::Extended, "xxxy", Some(&["xxxy"])),
        ("[[:space:]]*#", Syntax::Basic, "  # c", Some(&["  #"])),
        ("[]x]", Syntax::Basic, "]", Some(&["]"])),
        ("[[.-.]x]", Syntax::Basic, "-", Some(&["-"])),
        ("[^a-c]", Syntax::Basic, "abcd", Some(&["d"])),
        ("[\\t]", Syntax::Grep, "t", Some(&["t"])),
        ("[\\t]", Syntax::Awk, "t\t", Some(&["\t"])),
        ("\\t", Syntax::Grep, "\tt", Some(&["t"])),
        ("a$", Syntax::Basic, "ba", Some(&["a"])),
        ("a$b", Syntax::Basic, "a$b", Some(&["a$b"])),
        ("a^b", Syntax::Basic, "a^b", Some(&["a^b"])),
        ("*a", Syntax::Basic, "*a", Some(&["*a"])),
        ("^*a", Syntax::Basic, "*a", Some(&["*a"])),
        ("\\(*a\\)", Syntax::Basic, "*a", Some(&["*a", "*a"])),
        ("*a", Syntax::Egrep, "*a", Some(&["a"])),
        ("a)", Syntax::Egrep, "a)", Some(&["a)"])),
        ("a{1", Syntax::Egrep, "a{1", Some(&["a{1"])),
        ("\\<foo\\>", Syntax::Basic, "foobar foo", Some(&["foo"])),
        ("(ab)*", Syntax::Extended, "ababa", Some(&["abab", "ab"])),
        ("^$", Syntax::Basic, "", Some(&[""])),
        ("()*x", Syntax::Extended, "x", Some(&["x", ""])),
        ("a.c", Syntax::Basic, "ac", None),
        ("^b", Syntax::Basic, "ab", None),
        ("\\.so\\(\\.[0-9]\\)*$", Syntax::Basic, "a.so.1", Some(&[".so.1", ".1"])),
    ];
    for (pattern, syntax, text, wanted) in cases {
        let wanted = wanted.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
        let found = find(pattern, *syntax, text);
        // glibc says of a group that took nothing in a loop that it took nothing; so may it be unset.
        let plain = |groups: Option<Vec<String>>| {
            groups.map(|groups| groups.into_iter().map(|group| group.replace('-', "")).collect::<Vec<_>>())
        };
        if pattern.contains('-') {
            assert_eq!(found, wanted, "{pattern} on {text}");
        } else {
            assert_eq!(plain(found), plain(wanted), "{pattern} on {text}");
        }
    }
}

#[test]
fn flags_count() {
    let budget = Budget::default();
    let flags = Flags { ignore_case: true, multiline: Some(b'\n') };
    let regex = Regex::with(b"^b[^x]*$", Syntax::Basic, flags, &budget).expect("an expression");
    assert_eq!(regex.find(b"a\nBc\nd", 0).expect("cheap"), Some(vec![Some((2, 4))]));
    let regex = Regex::with(b"\\`b", Syntax::Basic, flags, &budget).expect("an expression");
    assert!(!regex.is_match(b"a\nb").expect("cheap"));
    let regex = Regex::new(b"\\(a\\)\\1", Syntax::Basic, true, &budget).expect("an expression");
    assert!(regex.is_match(b"aA").expect("cheap"));
    let word = Regex::word(b"a.*", Syntax::Grep, false, &budget).expect("an expression");
    assert_eq!(word.find(b"xa ab", 0).expect("cheap"), Some(vec![Some((3, 5))]));
}

#[test]
fn what_is_no_expression() {
    let wrong: [(&str, Syntax, &str); 13] = [
        ("a**", Syntax::Basic, "Invalid preceding regular expression"),
        ("*a", Syntax::Extended, "Invalid preceding regular expression"),
        ("{1}", Syntax::Extended, "Invalid preceding regular expression"),
        ("a)", Syntax::Extended, "Unmatched ) or \\)"),
        ("(a", Syntax::Egrep, "Unmatched ( or \\("),
        ("a{1", Syntax::Extended, "Unmatched \\{"),
        ("a{x}", Syntax::Extended, "Invalid content of \\{\\}"),
        ("a{2,1}", Syntax::Egrep, "Invalid content of \\{\\}"),
        ("a{99999}", Syntax::Egrep, "Regular expression too big"),
        ("(a)\\2", Syntax::Egrep, "Invalid back reference"),
        ("\\(a\\1\\)", Syntax::Basic, "Invalid back reference"),
        ("[z-a]", Syntax::Grep, "Invalid range end"),
        ("a\\", Syntax::Grep, "Trailing backslash"),
    ];
    for (pattern, syntax, words) in wrong {
        match made(pattern, syntax, &Budget::default()) {
            Err(Fault::Failed(_, message)) => assert_eq!(message, words, "{pattern}"),
            other => panic!("{pattern}: {other:?}"),
        }
    }
}

/// The limit that ends this, or `fine`, `gap`, `wrong`.
fn ending(pattern: &str, syntax: Syntax, text: &str) -> String {
    let mut limits = Limits::DEFAULT;
    limits.script_steps = 1_000_000;
    let budget = Budget::new(&limits, || false);
    let result = made(pattern, syntax, &budget).and_then(|regex| regex.find(text.as_bytes(), 0));
    assert!(budget.most_held() < 32 << 20, "{} held", budget.most_held());
    match result {
        Ok(_) => "fine".into(),
        Err(Fault::Gap(_)) => "gap".into(),
        Err(Fault::Failed(..)) => "wrong".into(),
        Err(Fault::Interrupt(why)) => format!("{why:?}"),
    }
}

#[test]
fn nothing_explodes() {
    let text = "a".repeat(2000);
    let long = "a".repeat(1 << 20);
    let cases: [(String, Syntax, &str, &str); 15] = [
        ("(a*)*b".into(), Syntax::Extended, &text, "fine"),
        ("(a|aa)*b".into(), Syntax::Extended, &text, "fine"),
        ("(((a{99}){99}){99}){99}".into(), Syntax::Extended, "", "gap"),
        ("(((()*){999}){999}){999}".into(), Syntax::Extended, "", "gap"),
        ("(".repeat(5000), Syntax::Extended, "", "Limit(Depth)"),
        ("(|".repeat(1 << 20), Syntax::Extended, "", "Limit(Depth)"),
        (format!("a{}", "*".repeat(8 << 20)), Syntax::Egrep, "aa", "fine"),
        (format!("a{}", "+?".repeat(4 << 20)), Syntax::Egrep, "aa", "fine"),
        (format!("a{}", "\\+".repeat(4 << 20)), Syntax::Grep, "aa", "fine"),
        (format!("a{}", "{2}".repeat(300)), Syntax::Egrep, "aa", "Limit(Depth)"),
        ("a|".repeat(1 << 20), Syntax::Egrep, "", "gap"),
        ("\\(a*\\)\\(a*\\)\\(a*\\)\\(a*\\)\\1[bc]".into(), Syntax::Basic, &text, "Limit(Steps)"),
        ("\\(a*\\)*\\1[bc]".into(), Syntax::Basic, &text, "gap"),
        (format!("{}[bc]", ".{0,99}".repeat(99)), Syntax::Extended, &long, "Limit(Steps)"),
        ("a*a*a*a*a*a*a*a*[bc]".into(), Syntax::Basic, &long, "Limit(Steps)"),
    ];
    for (pattern, syntax, text, wanted) in cases {
        let shown: String = pattern.chars().take(30).collect();
        assert_eq!(ending(&pattern, syntax, text), wanted, "{shown}");
    }
}

use super::super::recorded::releases_say;
use super::*;

#[test]
fn numbers_as_texts() {
    let ordered: [&[u8]; 9] =
        [b"-10", b"-9.5", b"-9.49", b"x", b"0.05", b".5", b"10.2.1", b"10.21", b"99999999999999999999"];
    for (index, a) in ordered.iter().enumerate() {
        for (other, b) in ordered.iter().enumerate() {
            assert_eq!(numbers(a, b), index.cmp(&other), "{} {}", show(a), show(b));
        }
    }
    assert_eq!(numbers(b"-0", b"0.0"), Ordering::Equal);
    let order = |letters: &[u8], ronna| Order { letters: letters.to_vec(), ronna };
    let (plain, folded) = (order(b"h", false), order(b"hf", false));
    assert_eq!(human(b"2K", &plain).cmp(&human(b"1M", &plain)), Ordering::Less);
    assert_eq!((human(b"1e1", &plain), human(b"1e1", &folded), human(b"-1k", &folded)), (0, 6, -1));
    assert_eq!((human(b"1R", &plain), human(b"1R", &order(b"h", true))), (0, 9));
    assert_eq!(general(b"1e3", b"999"), Ordering::Greater);
}

#[test]
fn keys_lie_where_they_are_said_to() {
    let part = |line: &'static str, key_text: &str, separator: Option<u8>| {
        let (from, to) = span(line.as_bytes(), &key(key_text.as_bytes()).expect(key_text), separator);
        &line[from..to]
    };
    assert_eq!(part("a  bc d", "2", None), "  bc d");
    assert_eq!(part("a  bc d", "2,2", None), "  bc");
    assert_eq!(part("a  bc d", "2b,2", None), "bc");
    assert_eq!(part("a  bc d", "2.2b,2.2b", None), "c");
    assert_eq!(part("a:b:c", "2,2", Some(b':')), "b");
    assert_eq!(part("a:b:c", "2", Some(b':')), "b:c");
    assert_eq!(part("a:b:c", "1,2", Some(b':')), "a:b");
    assert_eq!(part("a:b:c", "3.2", Some(b':')), "");
    assert_eq!(part("a:b:c", "9", Some(b':')), "");
}

#[test]
fn newer_suffixes_are_known_to_newer_releases() {
    let script = "printf '1Q\\n1R\\n1Y\\n' | sort -h | tr '\\n' ' '";
    releases_say(&[("9.1-1", script, "1Q 1R 1Y ", 0), ("9.7-3", script, "1Y 1R 1Q ", 0)]);
}

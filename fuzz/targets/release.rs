//! Invariants under test: a Release file that is accepted has a date that is a date, does not contradict itself, and
//! means the same when a path is repeated with the same digest.
#![no_main]

use imgbuild::archive::Release;
use imgbuild::deb::Stanza;
use imgbuild::deb::date;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(release) = Release::parse(input) else { return };
    assert_eq!(date::parse(&date::format(release.date)), Some(release.date));
    let stanza = Stanza::parse(input).expect("it was just read");
    let sums = stanza.get("SHA256").expect("there is no Release without sums");
    for line in sums.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let file = release.file(words[2]).expect("every line is taken");
        assert!(file.sha256.to_string().eq_ignore_ascii_case(words[0]));
        assert_eq!(words[1].parse(), Ok(file.size));
    }
    if let Some(suite) = &release.suite {
        assert!(release.check_suite(suite).is_ok());
    }
    assert!(release.check_time(release.date - 11).is_err());
});

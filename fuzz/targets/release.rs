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
    let sums = ["SHA256", "SHA512"].into_iter().filter_map(|algorithm| Some((algorithm, stanza.get(algorithm)?)));
    let sums: Vec<_> = sums.collect();
    assert!(!sums.is_empty(), "there is no Release without sums");
    // Of two the first that says anything counts.
    if let Some((algorithm, sums)) = sums.into_iter().find(|(_, sums)| !sums.trim().is_empty()) {
        for line in sums.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let file = release.file(words[2]).expect("every line is taken");
            assert_eq!(words[1].parse(), Ok(file.size));
            assert_eq!(file.digest.algorithm(), algorithm);
            assert!(file.digest.to_string().eq_ignore_ascii_case(words[0]));
        }
    }
    if let Some(suite) = &release.suite {
        assert!(release.check_suite(suite).is_ok());
    }
    assert!(release.check_time(release.date - 11).is_err());
});

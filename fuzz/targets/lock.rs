//! Invariants under test: a lock that is accepted is written and read back as itself, its proofs are whole, and no file
//! name in it leads out of an archive.
#![no_main]

use std::path::Path;

use imgbuild::recipe::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let path = Path::new("x.lock");
    let lock = match Lock::parse(input, path) {
        Ok(lock) => lock,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
            return;
        }
    };
    assert_eq!(Lock::parse(&lock.to_text(), path).expect("our own text"), lock);
    assert!(lock.sources.iter().all(|source| source.text().is_some() && source.signature() != Some(None)));
    for package in lock.packages.iter().chain(&lock.loaders) {
        assert!(!package.filename.split('/').any(|part| part.is_empty() || part == ".."), "{}", package.filename);
    }
});

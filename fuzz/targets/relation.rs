//! Invariants under test: a field that is accepted, written as dpkg writes it, reads back as the same relations, and is
//! then written as it stands.
#![no_main]

use imgbuild::deb::format_relations;
use imgbuild::deb::parse_relations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(relations) = parse_relations(input) else { return };
    let written = format_relations(&relations);
    assert_eq!(parse_relations(&written).as_ref(), Ok(&relations), "{written:?}");
    assert_eq!(format_relations(&parse_relations(&written).expect("it was just read")), written);
});

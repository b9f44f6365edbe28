//! Invariants under test: an archive that becomes a tree, written out again, is the same tree; its dump has a line per
//! path, none of which leads out; links are resolved inside, and resolving ends.
#![no_main]

use std::io;
use std::io::Read;

use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use imgbuild::tree::parse_dump;
use imgbuild::tree::tar;
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8]) -> Result<Tree, tar::Error> {
    let mut keep = |reader: &mut dyn Read, _: u64| -> io::Result<Content> {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        Ok(Content::from_bytes(content))
    };
    tar::read(bytes, &mut keep)
}

fuzz_target!(|input: &[u8]| {
    let Ok(tree) = read(&imgbuild_fuzz::with_checksums(input)) else { return };
    let text = dump(&tree);
    let entries = parse_dump(&text).expect("our own text");
    assert_eq!(entries.len(), tree.len());
    assert!(!entries.iter().any(|entry| entry.path.split('/').any(|part| part == ".." || part == ".")));
    for (path, ..) in tree.iter() {
        let _ = tree.lookup(path.as_bytes());
    }
    let mut written = Vec::new();
    if tar::write(&tree, &mut written).is_ok() {
        assert_eq!(dump(&read(&written).expect("our own archive")), text);
    }
});

//! Invariants under test: reading an image ends, within what it was allowed; and what it holds, written as an image of
//! each kind that can carry it, reads back as the same.
#![no_main]

use std::io;
use std::io::Cursor;
use std::io::Read;

use imgbuild::cancel::Cancel;
use imgbuild::image;
use imgbuild::image::Error;
use imgbuild::image::Reading;
use imgbuild::limits::Limits;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use libfuzzer_sys::fuzz_target;

/// Where erofs has its superblock, and therein its features.
const EROFS: usize = 1024;
const FEATURES: usize = EROFS + 8;

fn read(image: &[u8]) -> Result<Tree, Error> {
    let size = image.len() as u64;
    let reading =
        Reading { bytes: 1 << 20, paths: 1000, ..Reading::within(&Limits::default(), size, &Cancel::default()) };
    let mut keep = |bytes: &mut dyn Read, _: u64| -> io::Result<Content> {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept)?;
        Ok(Content::from_bytes(kept))
    };
    if image.starts_with(b"hsqs") {
        return image::read_squashfs(&image.to_vec(), size, &reading, &mut keep);
    }
    if image.get(EROFS..EROFS + 4) == Some(&[0xe2, 0xe1, 0xf5, 0xe0]) {
        let mut image = image.to_vec();
        // Without its checksum, or hardly any input would get past it.
        if let Some(features) = image.get_mut(FEATURES) {
            *features &= !1;
        }
        return image::read_erofs(&image, size, &reading, &mut keep);
    }
    image::read_newc(image, &reading, &mut keep)
}

fuzz_target!(|input: &[u8]| {
    let Ok(tree) = read(input) else { return };
    assert!(tree.len() <= 1001);
    let text = dump(&tree);
    let (mut squashfs, mut erofs) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    if image::write_squashfs(&tree, &image::squashfs::Options::default(), &mut squashfs).is_ok() {
        assert_eq!(dump(&read(squashfs.get_ref()).expect("our own image")), text);
    }
    if image::write_erofs(&tree, &image::erofs::Options::default(), &mut erofs).is_ok() {
        assert_eq!(dump(&read(erofs.get_ref()).expect("our own image")), text);
    }
});

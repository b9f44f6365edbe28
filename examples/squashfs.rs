//! A tree to squashfs, and back. `cargo run --example squashfs`

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::io::Cursor;
use std::io::Read;

use imgbuild::cancel::Cancel;
use imgbuild::image;
use imgbuild::limits::Limits;
use imgbuild::tree;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;

fn main() -> Result<(), Box<dyn Error>> {
    // Owners, devices and setuid bits are data here: nothing of this needs root.
    let mut root = Tree::new();
    root.make_directories("usr/bin", 0o755)?;
    root.write("usr/bin/hello", 0o4755, "#!/bin/sh\necho hello\n")?;
    root.symlink("bin", "usr/bin")?;

    let mut image = Cursor::new(Vec::new());
    image::write_squashfs(&root, &image::squashfs::Options::default(), &mut image)?;
    let image = image.into_inner();

    let size = image.len() as u64;
    let reading = image::Reading::within(&Limits::default(), size, &Cancel::default());
    let found = image::read_squashfs(&image, size, &reading, &mut |bytes: &mut dyn Read, _| {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept)?;
        Ok(Content::from_bytes(kept))
    })?;
    assert_eq!(tree::digest(&found), tree::digest(&root));
    println!("{size} bytes, {} paths: {}", found.len(), tree::digest(&found));
    Ok(())
}

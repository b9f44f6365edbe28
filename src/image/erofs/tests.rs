use super::*;
use std::io::Cursor;

use crate::image::back;
use crate::image::damaged;
use crate::image::sample;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;

fn image(tree: &Tree, options: &Options) -> Vec<u8> {
    let mut output = Cursor::new(Vec::new());
    write(tree, options, &mut output).expect("memory takes it");
    output.into_inner()
}

fn uuid(image: &[u8]) -> &[u8] {
    &image[SUPERBLOCK + 48..SUPERBLOCK + 64]
}

#[test]
fn the_number_of_threads_does_not_show() {
    let tree = sample();
    for compression in [Compression::None, Compression::Lz4 { level: 9 }] {
        let options = |jobs| Options { compression, jobs, ..Options::default() };
        let one = image(&tree, &options(1));
        assert!(one == image(&tree, &options(8)), "{compression:?}");
        assert!(one == image(&tree, &options(3)), "{compression:?}");
        assert_eq!(one.len() % BLOCK, 0);
    }
}

#[test]
fn images_with_one_uuid_give_one_meaning_to_file_handles() {
    let mut tree = sample();
    let first = image(&tree, &Options::default());
    assert_eq!(uuid(&first)[6] >> 4, 8, "RFC 9562, version 8");
    assert_eq!(uuid(&first), uuid(&image(&tree, &Options { epoch: 5, ..Options::default() })));
    // The same tree with its inodes in other places.
    assert_ne!(uuid(&first), uuid(&image(&tree, &Options { compression: Compression::None, ..Options::default() })));
    tree.write("small/1", 0o644, "2\n".repeat(9)).expect("there");
    assert_ne!(uuid(&first), uuid(&image(&tree, &Options::default())));
}

#[test]
fn equal_files_are_stored_once() {
    let mut tree = sample();
    let once = image(&tree, &Options::default()).len();
    let large = tree.get(&TreePath::literal("large")).expect("there").clone();
    tree.put("copy", Inode { stat: Stat::new(0o600), ..large }).expect("new");
    assert!(image(&tree, &Options::default()).len() <= once + BLOCK);
}

#[test]
fn the_checksum_is_that_of_rfc_3720() {
    // Castagnoli's CRC of nine digits is 0xE3069283; Linux leaves out the last inversion.
    assert_eq!(!crc32c(b"123456789"), 0xE306_9283);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refused = |inode: Inode| {
        let mut tree = Tree::new();
        tree.put("x", inode).expect("new");
        match write(&tree, &Options::default(), Cursor::new(Vec::new())) {
            Err(Error::Unsupported { path, reason, .. }) => format!("{path}: {reason}"),
            other => panic!("{other:?}"),
        }
    };
    let with = |name: &str, size: usize| {
        let mut inode = Inode::file(0o644, "");
        inode.stat.xattrs.insert(name.into(), vec![0; size]);
        inode
    };
    assert!(refused(with("system.nfs4_acl", 4)).starts_with("/x: its extended attribute `system.nfs4_acl`"));
    assert!(refused(with("user.x", 65_536)).starts_with("/x: its extended attribute `user.x`"));
    let device = Inode { kind: Kind::CharDevice { major: 0, minor: 1 << 20 }, stat: Stat::new(0o600) };
    assert_eq!(refused(device), "/x: its device number is too large");
}

#[test]
fn what_is_written_reads_back() {
    for options in [Compression::None, Compression::Lz4 { level: 9 }]
        .map(|compression| Options { compression, ..Options::default() })
    {
        let tree = sample();
        let image = image(&tree, &options);
        let found = back(read, image).expect("our own image");
        assert!(tree::dump(&found) == tree::dump(&tree), "{:?}", options.compression);
    }
}

/// Damage is an error or another tree, and never an end of the program, of time or of memory.
#[test]
fn damaged_images_do_no_harm() {
    for options in [Compression::None, Compression::Lz4 { level: 9 }]
        .map(|compression| Options { compression, ..Options::default() })
    {
        damaged(read, &image(&crate::image::small(), &options));
    }
}

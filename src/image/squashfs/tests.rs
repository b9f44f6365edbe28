use super::*;
use std::io::Cursor;

use crate::image::back;
use crate::image::damaged;
use crate::image::sample;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Stat;

fn image(tree: &Tree, options: &Options) -> Vec<u8> {
    let mut output = Cursor::new(Vec::new());
    write(tree, options, &mut output).expect("memory takes it");
    output.into_inner()
}

#[test]
fn the_number_of_threads_does_not_show() {
    let tree = sample();
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let options = |jobs| Options { compression, jobs, ..Options::default() };
        let one = image(&tree, &options(1));
        assert!(one == image(&tree, &options(8)), "{compression:?}");
        assert!(one == image(&tree, &options(3)), "{compression:?}");
        assert_eq!(one.len() % 4096, 0);
    }
}

#[test]
fn equal_files_are_stored_once() {
    let mut tree = sample();
    let once = image(&tree, &Options::default()).len();
    let large = tree.get(&TreePath::literal("large")).expect("there").clone();
    tree.put("copy", Inode { stat: Stat::new(0o600), ..large }).expect("new");
    assert!(image(&tree, &Options::default()).len() < once + 8192);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refused = |inode: Inode, options: &Options| {
        let mut tree = Tree::new();
        tree.put("x", inode).expect("new");
        match write(&tree, options, Cursor::new(Vec::new())) {
            Err(Error::Unsupported { path, reason, .. }) => format!("{path}: {reason}"),
            other => panic!("{other:?}"),
        }
    };
    let mut acl = Inode::file(0o644, "");
    acl.stat.xattrs.insert(b"system.posix_acl_access".to_vec(), vec![2, 0, 0, 0]);
    let wanted = "/x: its extended attribute `system.posix_acl_access` has no place there";
    assert!(refused(acl.clone(), &Options::default()).starts_with(wanted));
    let mut tree = Tree::new();
    tree.put("x", acl).expect("new");
    image(&tree, &Options { xattrs: Xattrs::Dropped, ..Options::default() });

    let old = Inode { stat: Stat { mtime: -1, ..Stat::new(0o644) }, ..Inode::file(0o644, "") };
    assert_eq!(refused(old, &Options::default()), "/x: its time does not fit 32 bits");
    let device = Inode { kind: Kind::CharDevice { major: 4096, minor: 0 }, stat: Stat::new(0o600) };
    assert_eq!(refused(device, &Options::default()), "/x: its device number is too large");
}

#[test]
fn what_is_written_reads_back() {
    for options in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd]
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
    for options in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd]
        .map(|compression| Options { compression, ..Options::default() })
    {
        damaged(read, &image(&crate::image::small(), &options));
    }
}

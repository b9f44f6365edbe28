//! Output formats at the edge of what they, and file systems, can hold.

use std::io::Read;
use std::sync::Arc;

use imgbuild::cancel::Cancel;
use imgbuild::digest::Sha256;
use imgbuild::format::newc;
use imgbuild::image;
use imgbuild::image::Owners;
use imgbuild::image::Xattrs;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Stat;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::dump;
use imgbuild::tree::tar;

/// More names for one inode than ext4 gives (65,000).
const LINKS: usize = 100_000;

fn read_tar(bytes: &[u8]) -> Tree {
    let mut keep = |reader: &mut dyn Read, _: u64| {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        Ok(Content::from_bytes(content))
    };
    tar::read(bytes, &mut keep).expect("our own archive")
}

fn newc_error(tree: &Tree) -> String {
    image::write_newc(tree, Xattrs::Refused, std::io::sink()).expect_err("newc cannot carry it").to_string()
}

#[test]
fn case_69_names_and_links_at_the_edge() {
    let mut tree = Tree::new();
    let names: [&[u8]; 5] = [&[b'x'; 255], b"new\nline", b"\x1b[31m", b"\xff\xfe", b"-rf *"];
    for name in names {
        tree.write(name, 0o644, "x").expect("new");
    }
    let mut deep = "d/".repeat(2000);
    deep.push('f');
    tree.make_directories(&deep[..deep.len() - 2], 0o755).expect("new");
    tree.write(&deep, 0o644, "deep").expect("new");
    assert!(TreePath::new(vec![b'x'; 256]).is_err() && TreePath::new("d/".repeat(3000)).is_err());

    let place = tempfile::tempdir().expect("a temporary directory");
    let mut shallow = tree.clone();
    shallow.remove_all(&TreePath::literal("d"));
    image::write_directory(&shallow, place.path(), Owners::Dropped, &Cancel::default())
        .expect("a file system takes such names");
    assert_eq!(crate::hostile::files(place.path()).len(), names.len());

    tree.make_directories("l", 0o755).expect("new");
    let first = TreePath::literal("l/0");
    tree.write("l/0", 0o644, "one").expect("new");
    for number in 1..LINKS {
        tree.link(&first, TreePath::literal(&format!("l/{number}"))).expect("new");
    }
    let mut bytes = Vec::new();
    image::write_tar(&tree, &mut bytes).expect("tar holds all of it");
    assert_eq!(dump(&read_tar(&bytes)), dump(&tree));
    let mut bytes = Vec::new();
    image::write_newc(&tree, Xattrs::Refused, &mut bytes).expect("newc holds all of it");
    let mut reader = newc::Reader::new(bytes.as_slice());
    let (mut linked, mut with_data) = (0, 0);
    while let Some(header) = reader.next_entry().expect("our own archive") {
        if header.links as usize == LINKS {
            linked += 1;
            with_data += usize::from(header.size > 0);
        }
    }
    assert_eq!((linked, with_data), (LINKS, 1), "the data lies with one of the names");
}

/// What newc cannot carry is an error that names the path, before a byte of it is lost.
#[test]
fn case_68_what_newc_cannot_carry() {
    let with = |path: &str, inode: Inode| {
        let mut tree = Tree::new();
        tree.put(path, inode).expect("new");
        newc_error(&tree)
    };
    let huge = Content::from_blob(Arc::new(Vec::new()), 0, 5 << 30, Sha256::of(b""));
    let file =
        |mtime: i64| Inode { kind: Kind::File(Content::from_bytes("x")), stat: Stat { mtime, ..Stat::new(0o644) } };
    for (path, inode) in [
        ("huge", Inode { kind: Kind::File(huge), stat: Stat::new(0o644) }),
        ("late", file(1 << 32)),
        ("early", file(-1)),
        ("TRAILER!!!", file(0)),
    ] {
        let error = with(path, inode);
        assert!(error.contains(&format!("`/{path}` cannot be written as newc")), "{error}");
    }
}

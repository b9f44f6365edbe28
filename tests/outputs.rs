//! Output formats at the edge of what they, and file systems, can hold.

use std::io;
use std::io::Cursor;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use imgbuild::cancel::Cancel;
use imgbuild::digest::Sha256;
use imgbuild::format::newc;
use imgbuild::image;
use imgbuild::image::Former;
use imgbuild::image::Owners;
use imgbuild::image::Xattrs;
use imgbuild::tree::Blob;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Layout;
use imgbuild::tree::Stat;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::dump;
use imgbuild::tree::tar;

use crate::locks::Random;

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
    image::write_newc(tree, Xattrs::Refused, io::sink()).expect_err("newc cannot carry it").to_string()
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

/// Bytes that count how often they are read.
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl Blob for Counted {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(buffer, offset)
    }
}

/// A root in which some files have changed, come or gone since the `round` before. Gives how often the largest is read.
fn changing(round: usize) -> (Tree, Arc<AtomicUsize>) {
    let (mut tree, mut random, reads) = (Tree::new(), Random(round as u64), Arc::new(AtomicUsize::new(0)));
    let sizes = [0, 1, 100, 4095, 4096, 4097, 9000, 100_000, 131_072, 131_073, 300_000];
    for number in 0..60_usize {
        // A third of the files is another one each time, and some are not there.
        let version = if number % 3 == 0 { round } else { 0 };
        if number % 7 == 1 && random.below(2) == 0 {
            continue;
        }
        let mut noise = Random((number + 100 * version) as u64);
        let bytes: Vec<u8> = match number % 4 {
            0 => vec![0; sizes[number % sizes.len()]],
            1 => (0..sizes[number % sizes.len()]).map(|at| (at / 50 + number) as u8).collect(),
            _ => (0..sizes[number % sizes.len()]).map(|_| noise.below(256) as u8).collect(),
        };
        tree.write(format!("file-{number:02}"), 0o644, bytes).expect("new");
    }
    let bytes: Vec<u8> = (0..409_600_u32).map(|at| (at / 7) as u8).collect();
    let (sha256, size) = (Sha256::of(&bytes), bytes.len() as u64);
    let content = Content::from_blob(Arc::new(Counted(bytes, Arc::clone(&reads))), 0, size, sha256);
    let inode = Inode { kind: Kind::File(content), stat: Stat::new(0o644) };
    tree.put(format!("large-{}", round % 2), inode).expect("new");
    (tree, reads)
}

/// What is made of parts of an image of before is the same as what is made from nothing.
#[test]
fn an_image_that_takes_what_it_can_from_the_one_before_is_the_same() {
    fn tar(tree: &Tree, former: Option<Former>) -> (Vec<u8>, Layout) {
        let mut bytes = Vec::new();
        let within = former.map(|former| former.within(tree));
        let layout = image::write_tar(within.as_ref().unwrap_or(tree), &mut bytes).expect("memory");
        (bytes, layout)
    }
    fn erofs(tree: &Tree, former: Option<Former>) -> (Vec<u8>, Layout) {
        let (mut options, mut bytes) = (image::erofs::Options::default(), Cursor::new(Vec::new()));
        (options.former, options.jobs) = (former, 2);
        let layout = image::write_erofs(tree, &options, &mut bytes).expect("memory");
        (bytes.into_inner(), layout)
    }
    fn squashfs(tree: &Tree, former: Option<Former>) -> (Vec<u8>, Layout) {
        let (mut options, mut bytes) = (image::squashfs::Options::default(), Cursor::new(Vec::new()));
        (options.former, options.jobs) = (former, 2);
        let layout = image::write_squashfs(tree, &options, &mut bytes).expect("memory");
        (bytes.into_inner(), layout)
    }
    type Write = fn(&Tree, Option<Former>) -> (Vec<u8>, Layout);
    for (name, write) in [("tar", tar as Write), ("erofs", erofs as Write), ("squashfs", squashfs as Write)] {
        let (mut before, mut layout) = write(&changing(0).0, None);
        for round in 1..7 {
            let (tree, reads) = changing(round);
            // As it is kept.
            let kept = Layout::parse(&layout.to_bytes()).expect("our own");
            let (made, of_it) = write(&tree, Some(Former::new(Arc::new(before), kept)));
            assert_eq!(reads.swap(0, Ordering::Relaxed), 0, "{name}, round {round}: the largest is taken from before");
            let (whole, of_whole) = write(&tree, None);
            assert!(reads.load(Ordering::Relaxed) > 0);
            assert!(made == whole, "{name}, round {round}: other bytes");
            assert_eq!(of_it, of_whole, "{name}, round {round}");
            (before, layout) = (made, of_it);
        }
    }
}

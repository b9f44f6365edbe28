//! Images of file systems, read back by Linux itself and by the formats' own tools: every path, kind, mode, owner,
//! size, time, target, attribute, link and byte must be the tree's.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use imgbuild::cancel::Cancel;
use imgbuild::format::compress::Compression;
use imgbuild::image;
use imgbuild::image::erofs;
use imgbuild::image::squashfs;
use imgbuild::limits::Limits;
use imgbuild::testing::TreeBuilder;
use imgbuild::tree;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Stat;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::Xattrs;
use proptest::collection;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Bytes that compress to about a half, different for each seed.
fn bytes(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8 & 0x1F
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Bytes that no compressor makes smaller.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let block = |at: u32| *imgbuild::digest::Sha256::of(&[seed.to_le_bytes(), at.to_le_bytes()].concat()).as_bytes();
    (0..length.div_ceil(32) as u32).flat_map(block).take(length).collect()
}

/// Something of everything; POSIX ACLs only where the format has them.
fn sample(acl: bool) -> Tree {
    let capability: &[u8] = &[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut builder = TreeBuilder::new()
        .mtime(1_700_000_000)
        .directory("etc", 0o755)
        .directory("empty", 0o1777)
        .owner(0, 42)
        .file("etc/shadow", 0o640, "root:*:20000::::::\n")
        .owner(4_000_000_000, 3_999_999_999)
        .mtime(1)
        .file("far", 0o7777, "away")
        .owner(0, 0)
        .mtime(4_294_967_295)
        .file("usr/bin/ping", 0o755, bytes(1, 70_000))
        .xattr("usr/bin/ping", "security.capability", capability)
        .hard_link("usr/bin/ping6", "usr/bin/ping")
        .mtime(1_600_000_000)
        .file("usr/bin/su", 0o4755, bytes(2, 131_072))
        .symlink("bin", "usr/bin")
        .symlink("long", &"t/".repeat(2000))
        .xattr("bin", "trusted.note", "on a link")
        .device("dev/null", 0o666, 1, 3)
        .device("dev/far", 0o600, 4095, 1_048_575)
        .hard_link("dev/null2", "dev/null")
        .file("zero", 0o644, "")
        .file("hole", 0o644, vec![0; 1_000_000])
        .file("noise", 0o644, noise(1, 300_001))
        .file("noise-page", 0o644, noise(2, 4096))
        .file("mixed", 0o600, [noise(3, 200_000), vec![0; 200_000], bytes(3, 200_000), noise(4, 5000)].concat())
        .file("copy", 0o644, noise(1, 300_001))
        .file("many", 0o644, "x")
        .xattr("etc", "user.empty", "");
    for number in 0..40 {
        builder = builder.xattr("many", &format!("user.number{number:03}"), vec![number; usize::from(number % 8) * 5]);
    }
    for (number, size) in
        [1, 4000, 4031, 4032, 4033, 4095, 4097, 8191, 8193, 131_071, 131_073, 135_168, 262_144].iter().enumerate()
    {
        builder = builder.file(&format!("sizes/{size}"), 0o644, bytes(number as u32 + 9, *size));
        builder = builder.file(&format!("sizes/{size}.noise"), 0o644, noise(number as u32 + 9, *size));
    }
    if acl {
        let acl: &[u8] = &[
            2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 5, 0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
        ];
        for path in ["var/log/journal", "var/log/other"] {
            builder = builder.directory(path, 0o755);
            builder = builder.xattr(path, "system.posix_acl_access", acl).xattr(path, "system.posix_acl_default", acl);
        }
    }
    let mut tree = builder.build();
    let stat = || Stat { mtime: 1_500_000_000, ..Stat::new(0o600) };
    let mut put = |path: &[u8], kind: Kind| {
        let path = TreePath::new(path).expect("a path");
        tree.put(path.as_bytes(), Inode { kind, stat: stat() }).expect("new");
    };
    put(b"dev/pipe", Kind::Fifo);
    put(b"dev/sda", Kind::BlockDevice { major: 8, minor: 0 });
    put(b"caf\xe9/\xff\xfe", Kind::File(Content::from_bytes("not UTF-8")));
    put(&[b'n'; 255], Kind::File(Content::from_bytes("a long name")));
    tree
}

/// With attributes larger than ext4, where some tests unpack, can keep.
fn with_large_attributes(mut tree: Tree) -> Tree {
    for (path, size) in [("usr/bin/su", 5000), ("zero", 60_000), ("etc", 4097), ("sizes/4095.noise", 4000)] {
        let stat = &mut tree.get_mut(&TreePath::literal(path)).expect("it is in the sample").stat;
        stat.xattrs.insert(b"user.large".to_vec(), bytes(5, size));
    }
    tree
}

/// A directory of very many names.
fn crowd(count: u32) -> Tree {
    let mut tree = Tree::new();
    for number in 0..count {
        let name = format!("crowd/{:08x}-{number}", number.wrapping_mul(2_654_435_761));
        tree.put(name, Inode::file(0o644, number.to_string())).expect("new");
    }
    tree
}

/// Reads a directory of the disk into a tree, hard links and attributes too.
#[expect(clippy::disallowed_methods, reason = "the order does not matter: a tree sorts")]
fn read_back(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut first: BTreeMap<u64, TreePath> = BTreeMap::new();
    let mut todo = vec![(directory.to_owned(), TreePath::root())];
    while let Some((from, to)) = todo.pop() {
        let data = fs::symlink_metadata(&from).expect("it can be looked at");
        if let Some(original) = first.get(&data.ino()).filter(|_| !data.is_dir()) {
            tree.link(original, to).expect("parents come first");
            continue;
        }
        let (major, minor) = (rustix::fs::major(data.rdev()), rustix::fs::minor(data.rdev()));
        let kind = match data.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => {
                Kind::Symlink(fs::read_link(&from).expect("a link can be read").as_os_str().as_bytes().to_vec())
            }
            kind if kind.is_char_device() => Kind::CharDevice { major, minor },
            kind if kind.is_block_device() => Kind::BlockDevice { major, minor },
            kind if kind.is_fifo() => Kind::Fifo,
            _ => Kind::File(crate::reference::content(&from)),
        };
        if kind == Kind::Directory {
            for entry in fs::read_dir(&from).expect("a directory can be listed") {
                let name = entry.expect("a directory can be listed").file_name();
                todo.push((from.join(&name), to.join(name.as_bytes()).expect("a name of the disk")));
            }
        }
        let mode = data.mode() & 0o7777;
        let stat = Stat { mode, uid: data.uid(), gid: data.gid(), mtime: data.mtime(), xattrs: xattrs(&from) };
        if data.nlink() > 1 && kind != Kind::Directory {
            first.insert(data.ino(), to.clone());
        }
        tree.insert(to, Inode { kind, stat }).expect("parents come first");
    }
    tree
}

fn xattrs(path: &Path) -> Xattrs {
    let mut names = vec![0; 1 << 16];
    let length = match rustix::fs::llistxattr(path, &mut names) {
        Ok(length) => length,
        // A squashfs without a table of attributes says that it has none in this way.
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => panic!("attributes cannot be listed: {error}"),
    };
    let value = |name: &[u8]| {
        let text = std::ffi::CString::new(name).expect("a name has no NUL");
        let mut value = vec![0; 1 << 16];
        let length = rustix::fs::lgetxattr(path, &text, &mut value).expect("an attribute can be read");
        value.truncate(length);
        (name.to_vec(), value)
    };
    names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(value).collect()
}

fn assert_same(found: &Tree, wanted: &Tree, what: &str) {
    let (found, wanted) = (tree::dump(found), tree::dump(wanted));
    let differing: Vec<_> = {
        let (found, wanted) = (found.lines().collect::<std::collections::BTreeSet<_>>(), wanted.lines().collect());
        found.symmetric_difference(&wanted).take(20).map(|line| line.chars().take(300).collect::<String>()).collect()
    };
    assert!(found == wanted, "{what}:\n{}", differing.join("\n"));
}

fn run(program: &str, arguments: &[&str]) -> String {
    try_run(program, arguments).unwrap_or_else(|said| panic!("{said}"))
}

/// What a program says; when it fails, with its name.
#[expect(clippy::disallowed_methods, reason = "real programs are the oracle")]
fn try_run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(format!("{program} {arguments:?}: {said}")) }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// An image, mounted as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn new(kind: &str, image: &Path) -> Self {
        let point = image.with_extension("mount");
        fs::create_dir(&point).expect("a mount point");
        // The loop device that is free may still be on its way out of what another test has unmounted.
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match try_run("mount", &["-t", kind, "-o", "loop,ro", text(image), text(&point)]) {
                Err(said) if said.contains("busy") && Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                said => {
                    said.unwrap_or_else(|said| panic!("{said}"));
                    return Self(point);
                }
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a child that another test is about to start may still hold what was open here.
        run("umount", &["--lazy", text(&self.0)]);
        fs::remove_dir(&self.0).expect("a mount point");
    }
}

fn write_squashfs(tree: &Tree, options: &squashfs::Options, directory: &Path) -> PathBuf {
    let path = directory.join("image");
    image::write_squashfs(tree, options, File::create(&path).expect("a file")).expect("it can be written");
    path
}

fn squashfs_options(compression: Compression) -> squashfs::Options {
    let mut options = squashfs::Options::default();
    (options.compression, options.epoch, options.jobs) = (compression, 1_700_000_000, 2);
    options
}

#[test]
fn linux_reads_our_squashfs_as_the_tree() {
    if !crate::switched_on("IMGBUILD_TEST_ROOT", "linux_reads_our_squashfs_as_the_tree") {
        return;
    }
    for compression in [Compression::Zstd, Compression::Xz, Compression::Gzip, Compression::None] {
        let tree = with_large_attributes(sample(false));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let image = write_squashfs(&tree, &squashfs_options(compression), directory.path());
        let mounted = Mounted::new("squashfs", &image);
        assert_same(&read_back(&mounted.0), &tree, &format!("{compression:?}"));
    }
}

/// The root of a real system, hard links, capabilities and all.
#[test]
fn linux_reads_a_real_root_in_our_images_as_it_was() {
    let name = "linux_reads_a_real_root_in_our_images_as_it_was";
    let switches = ["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_PEERS"];
    if !switches.iter().all(|switch| crate::switched_on(switch, name)) {
        return;
    }
    let mut tree = read_back(&crate::reference::root("trixie"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let image = write_erofs(&tree, EROFS[1], directory.path());
    run("fsck.erofs", &[text(&image)]);
    assert_same(&read_back(&Mounted::new("erofs", &image).0), &tree, "erofs");
    // What squashfs cannot carry.
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        let xattrs = &mut tree.get_mut(&path).expect("just listed").stat.xattrs;
        xattrs.retain(|name, _| !name.starts_with(b"system."));
    }
    let image = write_squashfs(&tree, &squashfs_options(Compression::Gzip), directory.path());
    assert_same(&read_back(&Mounted::new("squashfs", &image).0), &tree, "squashfs");
}

#[test]
fn linux_finds_each_of_100_000_names_in_our_squashfs() {
    if !crate::switched_on("IMGBUILD_TEST_ROOT", "linux_finds_each_of_100_000_names_in_our_squashfs") {
        return;
    }
    let tree = crowd(100_000);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let image = write_squashfs(&tree, &squashfs_options(Compression::Zstd), directory.path());
    assert_same(&read_back(&Mounted::new("squashfs", &image).0), &tree, "squashfs");
}

#[test]
fn unsquashfs_unpacks_our_squashfs_as_the_tree() {
    let name = "unsquashfs_unpacks_our_squashfs_as_the_tree";
    if !crate::switched_on("IMGBUILD_TEST_PEERS", name) || !crate::switched_on("IMGBUILD_TEST_ROOT", name) {
        return;
    }
    let tree = sample(false);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let image = write_squashfs(&tree, &squashfs_options(Compression::Zstd), directory.path());
    let unpacked = directory.path().join("unpacked");
    run("unsquashfs", &["-no-progress", "-strict-errors", "-d", text(&unpacked), text(&image)]);
    assert_same(&read_back(&unpacked), &tree, "unsquashfs");
    let said = run("unsquashfs", &["-s", text(&image)]);
    assert!(said.contains("Filesystem is exportable via NFS"), "{said}");
    assert!(said.contains("Number of inodes") && said.contains("Nov 14"), "{said}");
}

fn write_erofs(tree: &Tree, compression: erofs::Compression, directory: &Path) -> PathBuf {
    let path = directory.join("image");
    let mut options = erofs::Options::default();
    (options.compression, options.epoch, options.jobs) = (compression, 1_700_000_000, 2);
    image::write_erofs(tree, &options, File::create(&path).expect("a file")).expect("it can be written");
    path
}

const EROFS: [erofs::Compression; 2] = [erofs::Compression::None, erofs::Compression::Lz4 { level: 9 }];

#[test]
fn linux_reads_our_erofs_as_the_tree() {
    if !crate::switched_on("IMGBUILD_TEST_ROOT", "linux_reads_our_erofs_as_the_tree") {
        return;
    }
    for compression in EROFS {
        let tree = with_large_attributes(sample(true));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let image = write_erofs(&tree, compression, directory.path());
        let mounted = Mounted::new("erofs", &image);
        assert_same(&read_back(&mounted.0), &tree, &format!("{compression:?}"));
    }
}

#[test]
fn linux_finds_each_of_100_000_names_in_our_erofs() {
    if !crate::switched_on("IMGBUILD_TEST_ROOT", "linux_finds_each_of_100_000_names_in_our_erofs") {
        return;
    }
    let tree = crowd(100_000);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let image = write_erofs(&tree, EROFS[1], directory.path());
    assert_same(&read_back(&Mounted::new("erofs", &image).0), &tree, "erofs");
}

/// A tree without what fsck.erofs of bookworm does not unpack: attributes, names of one inode, and setuid bits, which
/// its chown(2) clears.
fn plain(tree: &Tree) -> Tree {
    let mut plain = Tree::new();
    for (path, _, inode) in tree.iter() {
        let stat = Stat { mode: inode.stat.mode & 0o1777, xattrs: Xattrs::new(), ..inode.stat.clone() };
        plain.insert(path.clone(), Inode { stat, ..inode.clone() }).expect("parents come first");
    }
    plain
}

#[test]
fn fsck_finds_no_fault_in_our_erofs_and_unpacks_the_tree() {
    let name = "fsck_finds_no_fault_in_our_erofs_and_unpacks_the_tree";
    if !crate::switched_on("IMGBUILD_TEST_PEERS", name) || !crate::switched_on("IMGBUILD_TEST_ROOT", name) {
        return;
    }
    for compression in EROFS {
        let tree = sample(true);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let image = write_erofs(&tree, compression, directory.path());
        let unpacked = directory.path().join("unpacked");
        let extract = format!("--extract={}", text(&unpacked));
        run("fsck.erofs", &[&extract, "--preserve", text(&image)]);
        assert_same(&plain(&read_back(&unpacked)), &plain(&tree), &format!("{compression:?}"));
        let said = run("dump.erofs", &["-s", text(&image)]);
        assert!(said.contains("sb_csum") && said.contains("2023"), "{said}");
    }
}

/// One inode: kind, size or the like, owner, time, attributes.
type Seed = (u8, usize, (u32, u32, u32), Vec<(u8, usize)>);

/// A tree of these inodes; names are drawn from few, so that some lie in others and some are links to others.
fn grown(seeds: &[(Vec<u8>, Seed)]) -> Tree {
    let mut tree = Tree::new();
    for (number, (names, (kind, size, (uid, gid, mtime), attributes))) in seeds.iter().enumerate() {
        // Up to nearly the longest name; the last byte is no letter.
        let name = |byte: &u8| [b'a' + byte % 5, 0x80 + byte % 3].repeat(if byte.is_multiple_of(7) { 127 } else { 1 });
        let path = names.iter().map(name).collect::<Vec<_>>().join(&b'/');
        let content = |bytes: Vec<u8>| Kind::File(Content::from_bytes(bytes));
        let kind = match kind % 8 {
            0 => Kind::Directory,
            1 => Kind::Symlink(vec![b't'; size % 4095 + 1]),
            2 => Kind::CharDevice { major: *uid % 4096, minor: *gid % (1 << 20) },
            3 => Kind::Fifo,
            4 => content(noise(number as u32, *size)),
            5 => content(vec![0; *size]),
            _ => content(bytes(number as u32, *size)),
        };
        let value = |(name, size): &(u8, usize)| {
            // Linux keeps `user.` for files and directories.
            let first = if matches!(kind, Kind::File(_) | Kind::Directory) { "user." } else { "trusted." };
            let prefix = [first, "trusted.", "security."][usize::from(name % 3)];
            (format!("{prefix}{}", name % 4).into_bytes(), bytes(u32::from(*name), *size))
        };
        let xattrs = attributes.iter().map(value).collect();
        let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { *gid & 0o7777 };
        let stat = Stat { mode, uid: *uid, gid: *gid, mtime: i64::from(*mtime), xattrs };
        // What cannot lie there, as a file in a file, is left out.
        let Ok(path) = tree.put(path, Inode { kind, stat }) else { continue };
        if size.is_multiple_of(5) && !tree.get(&path).expect("just put").is_directory() {
            let _ = tree.link(&path, TreePath::literal(&format!("link-{number}")));
        }
    }
    tree
}

/// What an image holds by our own readers.
fn ours(path: &Path) -> Tree {
    let bytes = fs::read(path).expect("the image can be read");
    let size = bytes.len() as u64;
    let reading = image::Reading::within(&Limits::default(), size, &Cancel::default());
    let mut keep = |bytes: &mut dyn Read, _: u64| {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept)?;
        Ok(Content::from_bytes(kept))
    };
    let found = match &bytes[..4] {
        b"hsqs" => image::read_squashfs(&bytes, size, &reading, &mut keep),
        b"0707" => image::read_newc(bytes.as_slice(), &reading, &mut keep),
        _ => image::read_erofs(&bytes, size, &reading, &mut keep),
    };
    found.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// By our own readers, and with `IMGBUILD_TEST_ROOT=1` by Linux.
#[test]
fn any_tree_reads_back_from_our_images() {
    let by_linux = crate::switched_on("IMGBUILD_TEST_ROOT", "any_tree_reads_back_from_our_images");
    // Around what fits behind an inode, a block, an extent, and several of these.
    let size = || prop_oneof![0..300_usize, 3900..4200_usize, 131_000..140_000_usize, 0..600_000_usize];
    let attributes = collection::vec((any::<u8>(), 0..3000_usize), 0..4);
    let seed = (any::<u8>(), size(), any::<(u32, u32, u32)>(), attributes);
    let seeds = collection::vec((collection::vec(any::<u8>(), 1..4), seed), 0..60);
    let cases = if by_linux { 40 } else { 8 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&seeds, |seeds| {
        let tree = grown(&seeds);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let check = |kind: &str, image: &Path| {
            assert_same(&ours(image), &tree, kind);
            if by_linux {
                assert_same(&read_back(&Mounted::new(kind, image).0), &tree, kind);
            }
        };
        check("squashfs", &write_squashfs(&tree, &squashfs_options(Compression::Gzip), directory.path()));
        for compression in EROFS {
            check("erofs", &write_erofs(&tree, compression, directory.path()));
        }
        Ok(())
    });
    result.expect("every tree reads back");
}

/// Images that squashfs-tools, erofs-utils and cpio make of a directory.
#[test]
fn images_of_others_read_as_their_directory() {
    let name = "images_of_others_read_as_their_directory";
    if !crate::switched_on("IMGBUILD_TEST_PEERS", name) || !crate::switched_on("IMGBUILD_TEST_ROOT", name) {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (root, image) = (directory.path().join("root"), directory.path().join("image"));
    fs::create_dir(&root).expect("fresh");
    image::write_directory(&sample(false), &root, image::Owners::Kept, &Cancel::default()).expect("it can be written");
    let wanted = read_back(&root);
    let squashfs = ["-comp gzip", "-comp xz -b 4096", "-comp zstd -b 1048576", "-comp lz4", "-no-fragments -noI -noD"];
    for options in squashfs {
        let mut arguments = vec![text(&root), text(&image), "-noappend", "-quiet", "-no-progress"];
        arguments.extend(options.split(' '));
        run("mksquashfs", &arguments);
        assert_same(&ours(&image), &wanted, options);
    }
    // erofs-utils 1.5 does not find files of the longest names again.
    fs::remove_file(root.join("n".repeat(255))).expect("it is in the sample");
    let wanted = read_back(&root);
    let short = "-T7 --force-uid=0 --force-gid=0 -Eforce-inode-compact";
    for options in ["-Eforce-inode-extended", short, "--chunksize=8192", "-zlz4hc -Elegacy-compress"] {
        let _ = fs::remove_file(&image);
        let mut arguments: Vec<&str> = options.split(' ').collect();
        arguments.extend([text(&image), text(&root)]);
        run("mkfs.erofs", &arguments);
        let mut wanted = wanted.clone();
        if options == short {
            each(&mut wanted, |stat| (stat.uid, stat.gid, stat.mtime) = (0, 0, 7));
        }
        assert_same(&ours(&image), &wanted, options);
    }
    let script = "cd \"$1\" && find . | cpio --quiet -o -H newc >\"$2\"";
    run("sh", &["-ec", script, "cpio", text(&root), text(&image)]);
    let mut wanted = wanted;
    each(&mut wanted, |stat| stat.xattrs.clear());
    assert_same(&ours(&image), &wanted, "cpio");
}

fn each(tree: &mut Tree, change: impl Fn(&mut Stat)) {
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    paths.iter().for_each(|path| change(&mut tree.get_mut(path).expect("there").stat));
}

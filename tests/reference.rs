//! A real root of a suite, made once by mmdebstrap and kept, to compare with what Debian's own tools make of it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use imgbuild::digest::Sha256;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Stat;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;

/// What a diskless node's root has and an initramfs needs.
const PACKAGES: &str = "linux-image-amd64,initramfs-tools,busybox,klibc-utils,udev,kmod,nfs-common,systemd,ifupdown,\
                        zstd,xz-utils";

/// Tests run at the same time, and one root is made once.
static MAKING: Mutex<()> = Mutex::new(());

/// The directory of the suite's root of a diskless node.
pub(crate) fn root(suite: &str) -> PathBuf {
    root_with(&format!("reference-{suite}"), suite, PACKAGES)
}

/// The directory of a root with these packages; made on first use, by root, from the mirror of the machine's own
/// apt. Who has the same name has the same packages.
#[expect(clippy::disallowed_methods, reason = "the reference is what another program makes")]
pub(crate) fn root_with(name: &str, suite: &str, packages: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if !directory.exists() {
        let fresh = directory.with_extension("new");
        // A killed run may have left a part of one.
        if fresh.exists() {
            fs::remove_dir_all(&fresh).expect("an unfinished root can be removed");
        }
        let status = Command::new("mmdebstrap")
            .args(["--mode=root", "--variant=minbase", "--format=directory", "--include", packages, suite])
            .arg(&fresh)
            .status()
            .expect("mmdebstrap starts");
        assert!(status.success(), "mmdebstrap makes a root of {suite}");
        fs::rename(fresh, &directory).expect("one rename");
    }
    directory
}

/// Reads a directory of the disk into a tree; hard links become copies.
pub(crate) fn read(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![(directory.to_owned(), TreePath::root())];
    while let Some((from, to)) = todo.pop() {
        for name in names(&from) {
            let (path, target) = (from.join(&name), to.join(name.as_bytes()).expect("a name of the disk"));
            let data = fs::symlink_metadata(&path).expect("an entry can be looked at");
            let stat = Stat {
                mode: data.permissions().mode() & 0o7777,
                uid: data.uid(),
                gid: data.gid(),
                mtime: data.mtime(),
                xattrs: Default::default(),
            };
            let number = |bits: u64| u32::try_from(bits).expect("a device number is small");
            let (major, minor) = (number(data.rdev() >> 8 & 0xFFF), number(data.rdev() & 0xFF));
            let kind = match data.file_type() {
                kind if kind.is_dir() => Kind::Directory,
                kind if kind.is_symlink() => {
                    Kind::Symlink(fs::read_link(&path).expect("a link can be read").as_os_str().as_bytes().to_vec())
                }
                kind if kind.is_file() => Kind::File(content(&path)),
                kind if kind.is_char_device() => Kind::CharDevice { major, minor },
                kind if kind.is_block_device() => Kind::BlockDevice { major, minor },
                kind if kind.is_fifo() => Kind::Fifo,
                _ => continue,
            };
            if kind == Kind::Directory {
                todo.push((path, target.clone()));
            }
            tree.insert(target, Inode { kind, stat }).expect("parents come first");
        }
    }
    tree
}

#[expect(clippy::disallowed_methods, reason = "the order does not matter: a tree sorts")]
fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(directory).expect("a directory can be listed");
    entries.map(|entry| entry.expect("an entry can be read").file_name()).collect()
}

/// The bytes of a file of the disk, kept where they are when they are many.
pub(crate) fn content(path: &Path) -> Content {
    let mut file = fs::File::open(path).expect("a file can be read");
    let (sha256, size) = Sha256::of_reader(&mut file).expect("a file can be read");
    if size < 1 << 16 {
        return Content::from_bytes(fs::read(path).expect("a file can be read"));
    }
    Content::from_blob(Arc::new(file), 0, size, sha256)
}

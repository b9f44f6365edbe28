//! The rules of unpacking on packages made here, case by case; and, switched, beside the real dpkg.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use imgbuild::deb::file::DebFile;
use imgbuild::digest::Sha256;
use imgbuild::fetch::Deb;
use imgbuild::format::tar::EntryKind;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::store::DirStore;
use imgbuild::limits::Limits;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::entry;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::unpack;
use imgbuild::unpack::Root;
use imgbuild::unpack::unpack;

use crate::switched_on;

/// A store in a directory, and nothing else of the outside world.
struct World {
    directory: tempfile::TempDir,
    host: Host,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let host = Host {
            transport: Arc::new(host::OfflineTransport),
            store: Arc::new(DirStore::open(directory.path().join("store")).expect("a store")),
            trust: Arc::new(host::openpgp::OpenPgp::default()),
            sandbox: Arc::new(host::NoSandbox),
            reporter: Arc::new(host::Silent),
            now: 0,
            jobs: 2,
            pauses: host::Pauses::default(),
            limits: Limits::default(),
        };
        Self { directory, host }
    }

    /// A .deb in the store, described by its own control file.
    fn deb(&self, bytes: &[u8]) -> Deb {
        let mut writer = self.host.store.writer().expect("the store takes it");
        std::io::Write::write_all(&mut writer, bytes).expect("the store takes it");
        let blob = writer.commit(None).expect("the store takes it");
        let file = DebFile::read(bytes, 1, &Limits::default()).expect("a .deb");
        Deb { package: file.package(blob.size, blob.sha256).expect("a package"), blob }
    }

    fn unpack(&self, debs: &[&DebBuilder], options: &unpack::Options) -> Result<Root, unpack::Error> {
        let debs: Vec<Deb> = debs.iter().map(|deb| self.deb(&deb.build())).collect();
        unpack(&self.host, &debs, options, &mut |_, _, _| Ok(()))
    }
}

fn options() -> unpack::Options {
    let mut options = unpack::Options::default();
    options.architecture = "amd64".into();
    options
}

fn unpacked(debs: &[&DebBuilder]) -> Root {
    World::new().unpack(debs, &options()).expect("these packages fit")
}

/// The whole chain of an error's messages.
fn refusal(debs: &[&DebBuilder]) -> String {
    let error = World::new().unpack(debs, &options()).expect_err("this must be refused");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn package(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1.0", "amd64")
}

/// Links of a merged /usr that a package brings, so that none are made.
fn merged(name: &str) -> DebBuilder {
    package(name).directory("/usr/bin", 0o755).symlink("/bin", "usr/bin")
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.read(path).expect("it is readable").unwrap_or_default()).expect("it is text")
}

fn kind(tree: &Tree, path: &str) -> Option<Kind> {
    tree.get(&TreePath::literal(path)).map(|inode| inode.kind.clone())
}

#[test]
fn case_56_names_that_leave_the_tree() {
    for (name, said) in [
        ("./../evil", "`..`"),
        ("./usr/../../evil", "`..`"),
        ("/etc/evil", "an absolute name"),
        (&format!("./{}", "x".repeat(300)), "too long"),
        (&format!("./{}x", "d/".repeat(3000)), "too long"),
        ("./a//b", "plain form"),
        ("./a\nb", "newline"),
    ] {
        let refused = refusal(&[&package("evil").entry(entry(name, EntryKind::File), "")]);
        assert!(refused.contains(said), "{name:?}: {refused}");
    }
}

#[test]
fn case_57_a_package_does_not_write_through_its_own_link() {
    let through =
        package("evil").symlink("/usr/lib/evil", "/etc").entry(entry("./usr/lib/evil/passwd", EntryKind::File), "");
    assert!(refusal(&[&through]).contains("goes through a link of the same package"));
    let replaced =
        package("evil").symlink("/usr/lib/evil", "/etc").entry(entry("./usr/lib/evil/", EntryKind::Directory), "");
    assert!(refusal(&[&replaced]).contains("a second time"));
    let mut root = entry("./", EntryKind::Symlink);
    root.link = b"/etc".to_vec();
    assert!(refusal(&[&package("evil").entry(root, "")]).contains("the root"));
    // Another package's link is the layout of the system, and stays inside it whatever it says.
    let link = package("layout").symlink("/usr/lib/link", "../../../../../srv").directory("/srv", 0o755);
    let user = package("user").entry(entry("./usr/lib/link/file", EntryKind::File), "");
    assert!(kind(&unpacked(&[&link, &user]).tree, "srv/file").is_some());
}

#[test]
fn case_58_hard_links_only_to_files_before_them() {
    let link = |target: &str| {
        let mut header = entry("./usr/link", EntryKind::HardLink);
        header.link = target.as_bytes().to_vec();
        header
    };
    for (target, said) in [
        ("/etc/passwd", "absolute"),
        ("./etc/passwd", "has not come before"),
        ("./usr/link", "has not come before"),
        ("./usr", "no regular file"),
        ("./../etc/passwd", "`..`"),
    ] {
        let refused = refusal(&[&package("evil").directory("/usr", 0o755).entry(link(target), "")]);
        assert!(refused.contains(said), "{target}: {refused}");
    }
    let good = package("good").file("/usr/file", 0o755, "x").entry(link("./usr/file"), "");
    let tree = unpacked(&[&good]).tree;
    assert_eq!(tree.id(&TreePath::literal("usr/file")), tree.id(&TreePath::literal("usr/link")));
}

#[test]
fn case_59_to_61_what_no_debian_package_has() {
    for kind in [b'x', b'g', b'S', b'X', b'V', b'M', b'D', b'N', b'A'] {
        let mut header = tar_block("./x", kind);
        header.extend_from_slice(&[0; 1024]);
        let refused = refusal(&[&package("evil").data_tar(header)]);
        assert!(refused.contains("cannot read the data"), "{}: {refused}", kind as char);
    }
}

/// A ustar header of any type, with its checksum.
fn tar_block(name: &str, kind: u8) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..135].copy_from_slice(b"00000000000");
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = kind;
    block[257..263].copy_from_slice(b"ustar\0");
    block[263..265].copy_from_slice(b"00");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

#[test]
fn case_62_a_path_comes_twice() {
    let twice =
        package("twice").file("/usr/file", 0o644, "first").entry(entry("./usr/file", EntryKind::File), "second");
    let root = unpacked(&[&twice]);
    assert_eq!(text(&root.tree, "usr/file"), "second");
    assert_eq!(root.packages[0].files.iter().filter(|file| file.as_slice() == b"/usr/file").count(), 1);
    let file_then_directory =
        package("evil").file("/usr/x", 0o644, "").entry(entry("./usr/x/", EntryKind::Directory), "");
    assert!(refusal(&[&file_then_directory]).contains("a second time"));
    let directory_then_file = package("evil").directory("/usr/x", 0o755).entry(entry("./usr/x", EntryKind::File), "");
    assert!(refusal(&[&directory_then_file]).contains("a second time"));
    let below_a_file = package("evil").file("/usr/x", 0o644, "").entry(entry("./usr/x/y", EntryKind::File), "");
    assert!(refusal(&[&below_a_file]).contains("no directory"));
    // The same between packages.
    let one = package("one").file("/usr/x", 0o644, "");
    let other = package("other")
        .entry(entry("./usr/", EntryKind::Directory), "")
        .entry(entry("./usr/x/", EntryKind::Directory), "");
    assert!(refusal(&[&one, &other]).contains("also in package `one`"));
    let directory = package("one").directory("/usr/x", 0o755);
    let file = package("other").file("/usr/x", 0o644, "");
    assert!(refusal(&[&directory, &file]).contains("is a directory"));
}

#[test]
fn case_63_devices_and_setuid_are_data() {
    let mut device = entry("./dev/null", EntryKind::CharDevice);
    device.device = (1, 3);
    device.mode = 0o666;
    let mut program = entry("./usr/bin/su", EntryKind::File);
    (program.mode, program.uid, program.gid) = (0o4755, 0, 42);
    let debs = merged("power").directory("/dev", 0o755).entry(device, "").entry(program, "x");
    let tree = unpacked(&[&debs]).tree;
    assert_eq!(kind(&tree, "dev/null"), Some(Kind::CharDevice { major: 1, minor: 3 }));
    let stat = &tree.get(&TreePath::literal("usr/bin/su")).expect("there").stat;
    assert_eq!((stat.mode, stat.gid), (0o4755, 42));
}

#[test]
fn case_64_names_are_bytes() {
    let mut header = entry("./usr/x", EntryKind::File);
    header.path = b"./usr/\xff\x1b[31m $(x)".to_vec();
    let root = unpacked(&[&package("odd").directory("/usr", 0o755).entry(header, "x")]);
    let list = root.tree.read("var/lib/dpkg/info/odd.list").expect("readable").expect("there");
    assert_eq!(list, b"/.\n/usr\n/usr/\xff\x1b[31m $(x)\n");
}

#[test]
fn case_65_many_small_files_are_many_small_files() {
    let mut deb = package("many").directory("/usr/share", 0o755);
    for number in 0..20_000 {
        deb = deb.entry(entry(&format!("./usr/share/{number}"), EntryKind::File), "");
    }
    assert!(unpacked(&[&deb]).tree.len() > 20_000);
}

#[test]
fn case_66_a_damaged_archive_is_an_error() {
    let whole = package("cut").file("/usr/file", 0o644, "x".repeat(5000)).members();
    let data = [tar_block("./a", b'0'), vec![0; 1024]].concat();
    let mut wrong_sum = data.clone();
    wrong_sum[150] ^= 1;
    let after_end = [data.clone(), b"more".to_vec()].concat();
    for bytes in [wrong_sum, after_end, data[..300].to_vec(), b"junk".repeat(512)] {
        assert!(refusal(&[&package("evil").data_tar(bytes)]).contains("cannot read the data"));
    }
    assert!(!whole.is_empty());
}

#[test]
fn case_67_a_file_belongs_to_one_package() {
    let one = package("one").file("/usr/file", 0o644, "1");
    let two = package("two").file("/usr/file", 0o644, "2");
    let refused = refusal(&[&one, &two]);
    assert!(refused.contains("/usr/file") && refused.contains("`one` (1.0)") && refused.contains("`two`"), "{refused}");
    // One file under two names, because /bin is a link.
    let layout = merged("layout").file("/usr/bin/x", 0o755, "1");
    let aliased = package("aliased").entry(entry("./bin/x", EntryKind::File), "2");
    assert!(refusal(&[&layout, &aliased]).contains("also in package `layout`"));
    let itself = package("itself")
        .file("/usr/bin/x", 0o755, "1")
        .entry(entry("./bin/", EntryKind::Directory), "")
        .entry(entry("./bin/x", EntryKind::File), "2");
    assert!(refusal(&[&merged("layout"), &itself]).contains("a second time"));
    let trick = package("evil").control_file("conffiles", 0o644, "/usr/bin/../../etc/passwd\n");
    assert!(refusal(&[&trick]).contains("conffile"));
}

#[test]
fn replaces_decides_who_has_the_file() {
    let old = package("old").file("/usr/file", 0o644, "old").file("/usr/other", 0o644, "");
    let new = package("new").file("/usr/file", 0o644, "new").field("Replaces", "old (<< 2)");
    let root = unpacked(&[&old, &new]);
    assert_eq!(text(&root.tree, "usr/file"), "new");
    assert_eq!(text(&root.tree, "var/lib/dpkg/info/old.list"), "/.\n/usr\n/usr/other\n");
    // The other way round the file that is there stays, and the package that lost never had it.
    let root = unpacked(&[&new, &old]);
    assert_eq!(text(&root.tree, "usr/file"), "new");
    assert_eq!(text(&root.tree, "var/lib/dpkg/info/old.list"), "/.\n/usr\n/usr/other\n");
    let too_old = package("new").file("/usr/file", 0o644, "new").field("Replaces", "old (<< 1)");
    assert!(refusal(&[&old, &too_old]).contains("neither replaces"));
    let all = package("all").file("/usr/file", 0o644, "").file("/usr/other", 0o644, "").field("Replaces", "old");
    assert!(refusal(&[&old, &all]).contains("take `old` out"));
}

#[test]
fn instances_of_one_package_share_what_is_the_same() {
    let instance = |architecture: &str, content: &str| {
        DebBuilder::new("lib", "1.0", architecture)
            .field("Multi-Arch", "same")
            .file("/usr/share/lib", 0o644, content)
            .file(&format!("/usr/lib/{architecture}/lib.so"), 0o644, architecture)
    };
    let root = unpacked(&[&instance("amd64", "x"), &instance("i386", "x")]);
    assert_eq!(text(&root.tree, "var/lib/dpkg/arch"), "amd64\ni386\n");
    assert!(kind(&root.tree, "var/lib/dpkg/info/lib:i386.list").is_some());
    assert!(refusal(&[&instance("amd64", "x"), &instance("i386", "y")]).contains("another file"));
}

#[test]
fn directories_and_links_that_exist_stay() {
    let first = merged("first").directory("/srv", 0o700).directory("/opt", 0o755);
    let second = package("second")
        .directory("/srv", 0o755)
        .entry(entry("./bin/", EntryKind::Directory), "")
        .entry(entry("./bin/tool", EntryKind::File), "x")
        .symlink("/opt", "/srv");
    let tree = unpacked(&[&first, &second]).tree;
    assert_eq!(tree.get(&TreePath::literal("srv")).expect("there").stat.mode, 0o700);
    assert_eq!(kind(&tree, "bin"), Some(Kind::Symlink(b"usr/bin".to_vec())));
    assert_eq!(text(&tree, "usr/bin/tool"), "x");
    assert_eq!(kind(&tree, "opt"), Some(Kind::Directory));
}

#[test]
fn usr_is_merged_before_packages_that_know_nothing_of_it() {
    let old = package("old").file("/bin/sh", 0o755, "x").file("/lib64/ld.so", 0o755, "y");
    let tree = unpacked(&[&old]).tree;
    assert_eq!(text(&tree, "usr/bin/sh"), "x");
    assert_eq!(text(&tree, "usr/lib64/ld.so"), "y");
    assert_eq!(kind(&tree, "sbin"), Some(Kind::Symlink(b"usr/sbin".to_vec())));
    // Where a package brings the links itself, none are made.
    assert!(kind(&unpacked(&[&merged("new")]).tree, "lib32").is_none());
}

#[test]
fn diversions_and_statoverrides_are_obeyed() {
    let world = World::new();
    let user = merged("user").file("/usr/bin/tool", 0o755, "user").file("/usr/bin/other", 0o755, "o");
    let owner = package("owner").file("/usr/bin/tool", 0o755, "owner");
    let debs: Vec<Deb> = [&user, &owner].map(|deb| world.deb(&deb.build())).into();
    let mut before = |tree: &mut Tree, _: &[unpack::Installed], next: &unpack::Installed| {
        if next.name == "user" {
            tree.write("etc/passwd", 0o644, "games:x:5:60::/:/bin/sh\n")?;
            tree.write("etc/group", 0o644, "games:x:60:\n")?;
            tree.write("var/lib/dpkg/diversions", 0o644, "/usr/bin/tool\n/usr/bin/tool.diverted\nowner\n")?;
            tree.write("var/lib/dpkg/statoverride", 0o644, "games games 2755 /usr/bin/other\n")?;
        }
        Ok(())
    };
    let root = unpack(&world.host, &debs, &options(), &mut before).expect("the diversion settles it");
    assert_eq!(text(&root.tree, "usr/bin/tool"), "owner");
    assert_eq!(text(&root.tree, "usr/bin/tool.diverted"), "user");
    let stat = &root.tree.get(&TreePath::literal("usr/bin/other")).expect("there").stat;
    assert_eq!((stat.mode, stat.uid, stat.gid), (0o2755, 5, 60));
    let onto = package("onto").file("/usr/bin/tool.diverted", 0o755, "");
    let debs: Vec<Deb> = [&user, &onto].map(|deb| world.deb(&deb.build())).into();
    let error = unpack(&world.host, &debs, &options(), &mut before).expect_err("the name is taken");
    assert!(error.to_string().contains("is diverted to this name"), "{error}");
}

#[test]
fn excluded_files_are_listed_and_not_there() {
    let deb = package("docs")
        .file("/usr/share/doc/docs/copyright", 0o644, "c")
        .file("/usr/share/doc/docs/changelog", 0o644, "l")
        .hard_link("/usr/share/doc/docs/copyright.2", "/usr/share/doc/docs/changelog")
        .file("/usr/share/man/man1/docs.1", 0o644, "m");
    let mut options = options();
    options.exclude = ["/usr/share/doc/*", "/usr/share/man/*"].map(String::from).into();
    options.include = ["/usr/share/doc/*/copyright*"].map(String::from).into();
    let root = World::new().unpack(&[&deb], &options).expect("it fits");
    assert!(kind(&root.tree, "usr/share/doc/docs/changelog").is_none());
    assert!(kind(&root.tree, "usr/share/man").is_some() && kind(&root.tree, "usr/share/man/man1").is_none());
    assert_eq!(text(&root.tree, "usr/share/doc/docs/copyright"), "c");
    assert_eq!(text(&root.tree, "usr/share/doc/docs/copyright.2"), "l", "the link becomes the file");
    assert!(text(&root.tree, "var/lib/dpkg/info/docs.list").contains("changelog"));
}

#[test]
fn conffiles_have_their_digest_at_once() {
    let deb = package("conf").file("/etc/conf", 0o644, "abc").control_file(
        "conffiles",
        0o644,
        "/etc/conf\nremove-on-upgrade /etc/old\n/etc/conf\n",
    );
    let root = unpacked(&[&deb]);
    let status = text(&root.tree, "var/lib/dpkg/status");
    let wanted = "Conffiles:\n /etc/conf 900150983cd24fb0d6963f7d28e17f72\n /etc/old newconffile remove-on-upgrade\n \
                  /etc/conf 900150983cd24fb0d6963f7d28e17f72\n";
    assert!(status.contains(wanted), "{status}");
    assert_eq!(text(&root.tree, "var/lib/dpkg/info/conf.md5sums"), "900150983cd24fb0d6963f7d28e17f72  etc/conf\n");
}

#[test]
fn a_second_build_decodes_nothing() {
    let world = World::new();
    let deb = package("kept").file("/usr/file", 0o644, "x".repeat(100_000)).symlink("/usr/link", "file");
    let first = world.unpack(&[&deb], &options()).expect("it fits").tree;
    // Without the data the control files are still read; the content can only come from the store.
    let stored = world.deb(&deb.build());
    let record = world.host.store.record("unpacked-1", &stored.blob.sha256.to_string()).expect("readable");
    assert!(record.is_some());
    let second = world.unpack(&[&deb], &options()).expect("it fits").tree;
    assert_eq!(imgbuild::tree::dump(&first), imgbuild::tree::dump(&second));
    assert_eq!(text(&second, "usr/file").len(), 100_000);
    assert!(world.directory.path().exists());
}

/// The real dpkg unpacks the same packages into a directory; its database has to be ours, byte for byte.
#[test]
#[expect(clippy::disallowed_methods, reason = "the real dpkg is the oracle")]
fn the_database_is_dpkgs() {
    if !switched_on("IMGBUILD_TEST_PEERS", "unpack::the_database_is_dpkgs") {
        return;
    }
    let odd = merged("odd")
        .field("Version", "0:1.0-0")
        .field("Depends", "libc6(>=2.1)|musl , debconf:any")
        .field("Essential", "no")
        .field("Priority", "Optional")
        .field("Multi-Arch", "no")
        .field("Homepage", "https://example.org/")
        .field("X-Odd", "a\n b\n .\n c")
        .field("Installed-Size", "12")
        .field("Description", "short \n long\n .\n longer")
        .file("/etc/odd", 0o640, "conf")
        .file("/usr/share/odd/file", 0o644, "x")
        .hard_link("/usr/share/odd/hard", "/usr/share/odd/file")
        .script("postinst", "#!/bin/sh\nexit 0\n")
        .control_file("conffiles", 0o644, "/etc/odd\n")
        .control_file("triggers", 0o644, "interest-noawait /usr/share/odd\ninterest odd-named\n");
    let same = DebBuilder::new("libsame", "1:2", "amd64")
        .field("Multi-Arch", "same")
        .field("Section", "libs")
        .file("/usr/share/doc/libsame/copyright", 0o644, "c")
        .control_file("triggers", 0o644, "activate-noawait ldconfig\n");
    let scratch = tempfile::tempdir().expect("a directory");
    let root = scratch.path().join("root");
    for directory in ["info", "updates", "triggers"] {
        std::fs::create_dir_all(root.join("var/lib/dpkg").join(directory)).expect("made");
    }
    std::fs::write(root.join("var/lib/dpkg/status"), "").expect("written");
    let mut command = Command::new("dpkg");
    command.args(["--force-not-root", "--force-bad-path", "--force-depends", "--force-unsafe-io", "--no-triggers"]);
    command.arg(format!("--root={}", root.display())).args(["--log=/dev/null", "--unpack"]);
    for (name, deb) in [("odd", &odd), ("same", &same)] {
        let path = scratch.path().join(format!("{name}.deb"));
        std::fs::write(&path, deb.build()).expect("written");
        command.arg(path);
    }
    let output = command.env("LC_ALL", "C").output().expect("dpkg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = unpacked(&[&odd, &same]).tree;
    let theirs = |name: &str| std::fs::read(root.join("var/lib/dpkg").join(name)).unwrap_or_default();
    // At this point dpkg has not yet put the conffile in place, and writes a placeholder for its digest.
    let status = text(&ours, "var/lib/dpkg/status");
    let md5 = "61dbc6d5ae5f3d22d95b9ba8fcd3d8d2";
    let status = status.replace(&format!("/etc/odd {}", find_md5(&status, md5)), "/etc/odd newconffile");
    assert_eq!(status, String::from_utf8_lossy(&theirs("status")));
    compare_info(&ours, &root.join("var/lib/dpkg/info"));
    assert_eq!(text(&ours, "var/lib/dpkg/triggers/File"), String::from_utf8_lossy(&theirs("triggers/File")));
    assert_eq!(text(&ours, "var/lib/dpkg/triggers/odd-named"), String::from_utf8_lossy(&theirs("triggers/odd-named")));
}

fn find_md5<'a>(status: &'a str, default: &'a str) -> &'a str {
    status.split("/etc/odd ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or(default)
}

/// Every file of dpkg's info directory is in ours with the same bytes and mode, and the other way round.
pub(crate) fn compare_info(ours: &Tree, theirs: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TreePath::literal("var/lib/dpkg/info");
    let mut seen = 0;
    for (path, inode) in ours.children(&directory) {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let bytes = std::fs::read(theirs.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let own = inode.content().expect("a file").to_vec().expect("readable");
        assert_eq!(
            Sha256::of(&own),
            Sha256::of(&bytes),
            "{name}: {} {}",
            String::from_utf8_lossy(&own),
            String::from_utf8_lossy(&bytes)
        );
        let mode = std::fs::metadata(theirs.join(&name)).expect("there").permissions().mode() & 0o7777;
        assert_eq!(inode.stat.mode, mode, "{name}");
        seen += 1;
    }
    #[expect(clippy::disallowed_methods, reason = "only counted")]
    let count = std::fs::read_dir(theirs).expect("readable").count();
    assert_eq!(count, seen);
}

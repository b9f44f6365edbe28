//! Kernel modules that are built outside of the image: which packages, what runs, what reaches the image, what is
//! remembered. The sandbox is one made for these tests, which leaves what dkms would; with the real one, and a real
//! archive, `dkms` below.

#[cfg(all(feature = "http", feature = "sandbox"))]
mod dkms;

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use imgbuild::error::Error;
use imgbuild::format::compress::Compression;
use imgbuild::host::ContentOnly;
use imgbuild::host::Host;
use imgbuild::host::NoSandbox;
use imgbuild::host::OfflineTransport;
use imgbuild::host::Sandbox;
use imgbuild::host::SandboxError;
use imgbuild::host::SandboxJob;
use imgbuild::kernel::Modules;
use imgbuild::manifest::Origin;
use imgbuild::modules::ModuleKey;
use imgbuild::pipeline;
use imgbuild::pipeline::Assembled;
use imgbuild::pipeline::Built;
use imgbuild::pipeline::Keep;
use imgbuild::pipeline::Look;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MODULE_CERTIFICATE;
use imgbuild::testing::MODULE_KEY;
use imgbuild::testing::compressed;
use imgbuild::testing::kernel_module;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::tar;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::files;

const KERNEL: &str = "6.1.0-1-amd64";
const ONE: &str = "usr/lib/modules/6.1.0-1-amd64/updates/dkms/one.ko";

/// A package of sources: what dkms would make of them is a file of it.
fn sources(name: &str, module: &[u8]) -> DebBuilder {
    let place = format!("/usr/src/{name}-1.0");
    DebBuilder::new(&format!("{name}-dkms"), "1.0-1", "all")
        .field("Depends", "dkms")
        .file(&format!("{place}/dkms.conf"), 0o644, "PACKAGE_NAME=x\n")
        .file(&format!("{place}/made"), 0o644, module)
        // dpkg would call dkms here, and nothing that is followed knows that.
        .script("postinst", "#!/bin/sh\nset -e\ndkms autoinstall\n")
}

fn module(name: &str) -> Vec<u8> {
    kernel_module(&[&format!("name={name}"), "license=GPL"], &[], &["needed"])
}

fn archive_with_headers(headers: &str) -> ArchiveBuilder {
    let plain = |name: &str, version: &str| {
        DebBuilder::new(name, version, "amd64").file(&format!("/usr/share/{name}/file"), 0o644, "x\n")
    };
    let kernel = DebBuilder::new(&format!("linux-image-{KERNEL}"), "6.1.1-1", "amd64")
        .field("Depends", "kmod")
        .file(&format!("/boot/vmlinuz-{KERNEL}"), 0o644, "kernel")
        .file(
            &format!("/usr/lib/modules/{KERNEL}/kernel/base.ko"),
            0o644,
            kernel_module(&["name=base", "license=GPL"], &["needed"], &[]),
        )
        .file(&format!("/usr/lib/modules/{KERNEL}/modules.order"), 0o644, "kernel/base.ko\n");
    ArchiveBuilder::new("test")
        .package(&plain("hello", "1.0-1").field("Depends", &format!("linux-image-{KERNEL}")))
        .package(&plain("alone", "1.0-1"))
        .package(&plain("driver", "1.0-1").field("Depends", &format!("one-dkms, linux-image-{KERNEL}")))
        .package(&kernel)
        .package(&plain("kmod", "34.2-2"))
        .package(&plain(&format!("linux-headers-{KERNEL}"), headers))
        .package(&plain("dkms", "3.2.2-1").field("Depends", "make"))
        .package(&plain("gcc", "14.2-1"))
        .package(&plain("make", "4.4-1"))
        .package(&plain("libc6-dev", "2.41-1"))
        .package(&sources("one", &module("one")))
        .package(&sources("two", &module("two")))
}

fn world(lines: &str) -> World {
    World::new(&archive_with_headers("6.1.1-1")).recipe(lines)
}

const ASKED: &str = "[[kernel-module]]\npackage = \"one-dkms\"\n";

/// Leaves what dkms would, and counts how often it was asked to.
struct Workshop {
    runs: AtomicUsize,
    /// What else becomes of the tree.
    more: fn(&mut Tree),
    /// What was in it.
    seen: std::sync::Mutex<String>,
}

impl Workshop {
    fn new(more: fn(&mut Tree)) -> Arc<Self> {
        Arc::new(Self { runs: AtomicUsize::new(0), more, seen: std::sync::Mutex::default() })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

fn read(input: impl Read) -> Tree {
    let mut keep = |reader: &mut dyn Read, _| -> io::Result<Content> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    };
    tar::read(input, &mut keep).expect("our own tree")
}

impl Sandbox for Workshop {
    fn run(
        &self,
        job: &SandboxJob,
        input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        log: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError> {
        let mut tree = read(input);
        if tree.is_empty() || tree.lookup(&job.command[0][1..]).is_none() {
            return Err(SandboxError::Failed("no such program".to_owned()));
        }
        self.runs.fetch_add(1, Ordering::Relaxed);
        *self.seen.lock().expect("whole") = imgbuild::tree::dump(&tree);
        let names = ["one", "two"].into_iter().filter(|name| tree.lookup(format!("usr/src/{name}-1.0")).is_some());
        for name in names.collect::<Vec<_>>() {
            let made = tree.read(format!("usr/src/{name}-1.0/made")).expect("readable").expect("it is there");
            let of = format!("var/lib/dkms/{name}/1.0");
            let place = format!("{of}/{KERNEL}/x86_64/module");
            tree.make_directories(&place, 0o755).expect("new");
            tree.symlink(format!("{of}/source"), format!("/usr/src/{name}-1.0")).expect("new");
            tree.write(format!("{place}/Module.symvers"), 0o644, "").expect("new");
            // As the modules of the kernel are.
            tree.write(format!("{place}/{name}.ko.xz"), 0o644, compressed(Compression::Xz, &made)).expect("new");
        }
        (self.more)(&mut tree);
        if tree.lookup("failed").is_some() {
            log.write_all(b"error: \x1b[31mno rule\n").expect("it is ours");
            return Err(SandboxError::Failed("exit status 2".to_owned()));
        }
        tar::write(&tree, output).map(drop).map_err(|error| SandboxError::Io(io::Error::other(error)))
    }
}

fn host(world: &World, sandbox: &Arc<Workshop>) -> Host {
    Host { sandbox: Arc::clone(sandbox) as Arc<dyn Sandbox>, ..world.host().expect("a store") }
}

fn with_request<T>(world: &World, work: impl FnOnce(&Request<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let recipe = recipe::load(&world.place.path().join("small.toml"))?;
    let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
    let keep = Some(Keep { program: "this one", after: Look::Outside });
    work(&Request { keep, ..Request::new(&recipe, &mirrors) })
}

fn build(world: &World, host: &Host, output: &str) -> Result<Built, Error> {
    with_request(world, |request| pipeline::build(host, request, &world.place.path().join(output)))
}

fn assemble(world: &World, host: &Host) -> Result<Assembled, Error> {
    with_request(world, |request| Ok(pipeline::assemble(host, request)?.remove(0)))
}

fn good<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[test]
fn only_the_modules_reach_the_image() {
    let world = world(ASKED);
    let workshop = Workshop::new(|tree| drop(tree.write("usr/bin/evil", 0o4755, "x").expect("new")));
    let made = good(assemble(&world, &host(&world, &workshop)));
    let text = imgbuild::tree::dump(&made.tree);
    for absent in ["/usr/src", "/usr/share/gcc", "dkms.conf", "/usr/bin/evil", "/var/lib/dkms", "imgbuild-modules"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    assert_eq!(made.tree.read(ONE).expect("readable").expect("it is there"), module("one"), "as it is, not compressed");
    let inode = made.tree.get(&TreePath::literal(ONE)).expect("it is there");
    assert_eq!((inode.stat.mode, inode.stat.uid, inode.stat.mtime), (0o644, 0, made.lock.epoch));
    let indexed = made.tree.read(format!("usr/lib/modules/{KERNEL}/modules.dep")).expect("readable").expect("made");
    assert!(String::from_utf8_lossy(&indexed).contains("updates/dkms/one.ko: kernel/base.ko"), "{indexed:?}");
    assert!(Modules::read(&made.tree, KERNEL, 1).expect("whole").named("one").is_some());
    let status = made.tree.read("var/lib/dpkg/status").expect("readable").expect("dpkg's database");
    let status = String::from_utf8_lossy(&status).into_owned();
    assert!(status.contains("Package: hello\n") && !status.contains("dkms"), "{status}");

    // What it was built in had all that, and no trace of a key of its own.
    let seen = workshop.seen.lock().expect("whole").clone();
    for there in ["/usr/src/one-1.0/made", "/usr/share/gcc/file", "/usr/share/make/file", "/usr/share/libc6-dev/file"] {
        assert!(seen.contains(there), "{there}: {seen}");
    }
    assert!(seen.contains(&format!("/usr/share/linux-headers-{KERNEL}/file")) && !seen.contains("two-1.0"), "{seen}");
    assert!(!seen.contains("/usr/share/hello/"), "nothing else of the image: {seen}");

    let names = |packages: &[recipe::LockedPackage]| packages.iter().map(|each| each.name.clone()).collect::<Vec<_>>();
    let kernel = format!("linux-image-{KERNEL}");
    assert_eq!(names(&made.lock.packages), ["hello", "kmod", kernel.as_str()]);
    let headers = format!("linux-headers-{KERNEL}");
    assert_eq!(names(&made.lock.builders), ["dkms", "gcc", "libc6-dev", &headers, "make", "one-dkms"]);

    let manifest = made.manifest;
    let [record] = manifest.modules.as_slice() else { panic!("{:?}", manifest.modules) };
    assert_eq!((record.path.as_str(), record.kernel.as_str()), (format!("/{ONE}").as_str(), KERNEL));
    assert_eq!((record.package.as_str(), record.package_version.as_str()), ("one-dkms", "1.0-1"));
    assert_eq!((record.module.as_str(), record.module_version.as_str()), ("one", "1.0"));
    assert_eq!(record.certificate, None);
    assert_eq!(manifest.builders.len(), 6);
    assert!(manifest.packages.iter().all(|package| package.name != "gcc"));
    assert!(manifest.files[&Origin::Stage("modules".to_owned())].contains(&format!("/{ONE}")));
}

#[test]
fn what_was_built_is_remembered() {
    let world = world(ASKED);
    let workshop = Workshop::new(|_| ());
    let with = host(&world, &workshop);
    let first = good(build(&world, &with, "one"));
    assert_eq!(workshop.runs(), 1);
    // Nothing runs, and nothing of a compiler is asked for: not even where nothing could.
    let without = Host { sandbox: Arc::new(NoSandbox), ..with.clone() };
    let again = good(build(&world, &without, "two"));
    assert_eq!((again.tree_digest, workshop.runs()), (first.tree_digest, 1));
    assert!(good(build(&world, &without, "one")).kept);
    for path in ["manifest.json", "sbom.spdx.json", "sbom.cdx.json", "tree.txt"] {
        let text = |output: &str| fs::read_to_string(world.place.path().join(output).join(path)).expect("written");
        assert_eq!(text("one"), text("two"), "{path}");
        assert!(path == "tree.txt" || text("one").contains("one-dkms"), "{path}");
    }
    // A lock goes offline, and one that is made builds nothing.
    let lock = good(with_request(&world, |request| pipeline::lock(&with, request)));
    let offline = Host { transport: Arc::new(OfflineTransport), ..without };
    let locked = |host: &Host, lock: &Lock, output: &str| {
        with_request(&world, |request| {
            let request = Request { lock: Some(lock), ..request.clone() };
            pipeline::build(host, &request, &world.place.path().join(output))
        })
    };
    assert_eq!(good(locked(&offline, &lock, "three")).tree_digest, first.tree_digest);
    assert_eq!(workshop.runs(), 1);

    // What may speak for nothing is built again: another program, no records, `--again`, other packages.
    let looked = |host: &Host, keep: Option<Keep<'_>>, output: &str| {
        let request = |request: &Request<'_>| {
            pipeline::build(host, &Request { keep, ..request.clone() }, &world.place.path().join(output))
        };
        with_request(&world, request)
    };
    let keep = |program, after| Some(Keep { program, after });
    good(looked(&with, keep("another", Look::Outside), "four"));
    good(looked(&with, keep("this one", Look::Nothing), "five"));
    good(looked(&with, None, "six"));
    let store = Arc::new(ContentOnly(Arc::clone(&with.store)));
    good(build(&world, &Host { store, ..with.clone() }, "seven"));
    assert_eq!(workshop.runs(), 5);
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("ours") + "[[kernel-module]]\npackage = \"two-dkms\"\n";
    fs::write(path, text).expect("written");
    good(build(&world, &with, "eight"));
    assert_eq!(workshop.runs(), 6);
    let error = locked(&with, &lock, "nine").expect_err("it is for less");
    assert!(chain(&error).contains("what the recipe was before"), "{}", chain(&error));

    // A record that lost its bytes is none.
    for blob in files(&world.place.path().join("cache/sha256")) {
        fs::remove_file(blob).expect("there");
    }
    good(build(&world, &with, "ten"));
    // The installed system has lost its own as well, so that all is done once more.
    assert_eq!(workshop.runs(), 8);
}

#[test]
fn a_lock_is_proved_for_what_builds_as_well() {
    let world = world(ASKED);
    let workshop = Workshop::new(|_| ());
    let host = host(&world, &workshop);
    let lock = good(with_request(&world, |request| pipeline::lock(&host, request)));
    assert_eq!(workshop.runs(), 0, "a lock needs no modules");
    let text = lock.to_text();
    let back = Lock::parse(&text, "x.lock".as_ref()).expect("our own");
    assert_eq!(back, lock);
    assert!(text.find("[[package]]") < text.find("[[builder]]"), "{text}");
    let built = |lock: &Lock| {
        with_request(&world, |request| {
            let request = Request { lock: Some(lock), ..request.clone() };
            pipeline::build(&host, &request, &world.place.path().join("out"))
        })
    };
    let bad: [(&str, fn(&mut Lock), &str); 4] = [
        ("another digest", |lock| lock.builders[1].sha256 = lock.builders[0].sha256, "has SHA-256"),
        ("none", |lock| lock.builders.clear(), "its recipe asks for"),
        ("one too many", |lock| lock.builders.push(lock.packages[0].clone()), "hello"),
        ("no headers", |lock| lock.builders.retain(|each| !each.name.starts_with("linux-headers")), "linux-headers"),
    ];
    for (name, change, wanted) in bad {
        let mut changed = lock.clone();
        change(&mut changed);
        let error = built(&changed).expect_err(name);
        let said = chain(&error);
        assert!([2, 3].contains(&error.exit_code()) && said.contains(wanted), "{name}: {said}");
    }
    assert_eq!(workshop.runs(), 0, "nothing ran before");
    good(built(&lock));
    assert_eq!(workshop.runs(), 1);
    // Without the recipe it can be judged as well.
    let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("ours");
    let proved = good(pipeline::prove(&host, Some(&recipe), &mirrors, &lock));
    assert_eq!((proved.packages, proved.debs), (9, 9));
}

#[test]
fn case_190_the_key_is_nowhere_but_in_its_place() {
    const SIGNING: &str = "[module-signing]\nkey = \"keys/mok.key\"\ncertificate = \"keys/mok.pem\"\n";
    let world = world(&format!("{ASKED}{SIGNING}"));
    let place = world.place.path().to_owned();
    let keys = place.join("keys");
    fs::create_dir(&keys).expect("new");
    fs::write(keys.join("mok.pem"), MODULE_CERTIFICATE).expect("written");
    let workshop = Workshop::new(|_| ());
    let host = host(&world, &workshop);
    // Who builds must have it: that is said before anything is fetched or runs.
    let error = build(&world, &host, "out").expect_err("no key");
    assert!(chain(&error).contains("cannot read the key of `[module-signing]`"), "{}", chain(&error));
    assert_eq!(workshop.runs(), 0);
    // Who only looks at the recipe, or makes its lock, need not.
    good(with_request(&world, |request| pipeline::lock(&host, request)));

    fs::write(keys.join("mok.key"), MODULE_KEY).expect("written");
    let built = good(build(&world, &host, "out"));
    let key = ModuleKey::new(MODULE_KEY.as_bytes(), MODULE_CERTIFICATE.as_bytes()).expect("a pair");
    let signed = key.signed(&module("one"));
    let made = good(assemble(&world, &host));
    assert_eq!(made.tree.read(ONE).expect("readable").expect("it is there"), signed);
    assert_eq!(made.manifest.modules[0].certificate, Some(*key.certificate()));
    assert_eq!(made.digest, built.tree_digest);
    // What is remembered is signed anew, by the key that there is then.
    assert_eq!(
        good(build(&world, &Host { sandbox: Arc::new(NoSandbox), ..host.clone() }, "two")).tree_digest,
        made.digest
    );
    assert!(!workshop.seen.lock().expect("whole").contains("mok"));

    let line = MODULE_KEY.lines().nth(7).expect("it is long").as_bytes();
    let der = MODULE_KEY.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = base64(&der)[100..130].to_vec();
    let mut read = 0;
    for directory in ["out", "two", "cache"] {
        for path in files(&place.join(directory)) {
            let bytes = fs::read(&path).expect("ours");
            // Records are compressed; what is in the store as it is would be found.
            for secret in [line, &der] {
                assert!(memchr::memmem::find(&bytes, secret).is_none(), "{}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 20, "{read} files");

    let wrong = [
        ("another's", MODULE_KEY.replacen("MII", "MIJ", 1), "is no RSA key in PEM"),
        ("encrypted", MODULE_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"), "not encrypted"),
        ("none", "words of a secret\n".to_owned(), "is no RSA key in PEM"),
    ];
    for (name, text, wanted) in wrong {
        fs::write(keys.join("mok.key"), text).expect("written");
        let said = chain(&build(&world, &host, "three").expect_err(name));
        assert!(said.contains(wanted) && !said.contains("words of a secret"), "{name}: {said}");
    }
    // A link out of the recipe's directory is not followed.
    fs::remove_file(keys.join("mok.key")).expect("there");
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("mok.key"), MODULE_KEY).expect("written");
    std::os::unix::fs::symlink(outside.path().join("mok.key"), keys.join("mok.key")).expect("new");
    let said = chain(&build(&world, &host, "three").expect_err("a link"));
    assert!(said.contains("leads out of the recipe's directory"), "{said}");
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

#[test]
fn what_cannot_be_is_said_before_the_work() {
    let workshop = Workshop::new(|_| ());
    let said = |world: &World, host: &Host, code: u8, wanted: &str| {
        let error = build(world, host, "out").expect_err(wanted);
        let said = chain(&error);
        assert!(said.contains(wanted), "{wanted}: {said}");
        assert_eq!(error.exit_code(), code, "{said}");
        assert!(!world.place.path().join("out").exists(), "{said}");
        assert_eq!(workshop.runs(), 0, "{said}");
        // No package was fetched.
        assert!(files(&world.place.path().join("cache/records/unpacked-1")).is_empty(), "{said}");
    };
    let ours = world(ASKED);
    let none = Host { sandbox: Arc::new(NoSandbox), ..host(&ours, &workshop) };
    said(&ours, &none, 1, "kernel modules cannot be built here: no sandbox was given");

    let instead = |packages: &str| {
        let world = world(ASKED);
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("ours").replace("packages = [\"hello\"]", packages);
        fs::write(path, text).expect("written");
        world
    };
    let alone = instead("packages = [\"alone\"]");
    said(&alone, &host(&alone, &workshop), 2, "the image has no kernel");
    let driver = instead("packages = [\"driver\"]");
    said(&driver, &host(&driver, &workshop), 2, "`one-dkms` is to be built outside of the image");
    let unknown = World::new(&archive_with_headers("6.1.1-1")).recipe("[[kernel-module]]\npackage = \"oen-dkms\"\n");
    said(&unknown, &host(&unknown, &workshop), 1, "oen-dkms");
    let other = World::new(&archive_with_headers("6.1.2-1")).recipe(ASKED);
    said(&other, &host(&other, &workshop), 1, "cannot choose the packages that kernel modules are built with");
}

#[test]
fn what_is_no_package_of_sources_is_named() {
    let world = world("[[kernel-module]]\npackage = \"make\"\n");
    let workshop = Workshop::new(|_| ());
    let error = build(&world, &host(&world, &workshop), "out").expect_err("no sources");
    assert!(chain(&error).contains("`make` has no `/usr/src/*/dkms.conf`"), "{}", chain(&error));
    assert_eq!((error.exit_code(), workshop.runs()), (2, 0));
}

#[test]
fn case_191_what_the_sandbox_leaves_is_not_believed() {
    type Change = fn(&mut Tree);
    const PLACE: &str = "var/lib/dkms/one/1.0/6.1.0-1-amd64/x86_64/module";
    let cases: [(&str, Change, &str); 8] = [
        ("it fails", |tree| drop(tree.write("failed", 0o644, "")), "no rule"),
        ("nothing", |tree| tree.remove_all(&TreePath::literal("var/lib/dkms")), "`one-dkms` has built no module"),
        (
            "a link for a module",
            |tree| {
                tree.remove_all(&TreePath::literal(PLACE).join("one.ko.xz").expect("a name"));
                drop(tree.symlink(format!("{PLACE}/one.ko"), "/etc/shadow"));
            },
            "has built no module",
        ),
        (
            "an odd name",
            |tree| drop(tree.write(format!("{PLACE}/\x1b[31m.ko"), 0o644, "x")),
            "has no name or no sources of one",
        ),
        ("no ELF", |tree| drop(tree.write(format!("{PLACE}/three.ko"), 0o644, "x")), "is not a usable kernel module"),
        (
            "a bomb",
            |tree| {
                let bytes = compressed(Compression::Xz, &vec![0; 300 << 20]);
                drop(tree.write(format!("{PLACE}/three.ko.xz"), 0o644, bytes));
            },
            "which was built as a kernel module",
        ),
        (
            "another's sources",
            |tree| {
                tree.remove_all(&TreePath::literal("var/lib/dkms/one/1.0/source"));
                drop(tree.symlink("var/lib/dkms/one/1.0/source", "/etc"));
            },
            "has no name or no sources of one",
        ),
        (
            "a device",
            |tree| {
                let device = Inode { kind: Kind::CharDevice { major: 1, minor: 1 }, ..Inode::file(0o600, "") };
                drop(tree.put(format!("{PLACE}/three.ko"), device));
                tree.remove_all(&TreePath::literal(PLACE).join("one.ko.xz").expect("a name"));
            },
            "has built no module",
        ),
    ];
    for (name, change, wanted) in cases {
        let world = world(ASKED);
        let workshop = Workshop::new(change);
        let error = build(&world, &host(&world, &workshop), "out").expect_err(name);
        let said = chain(&error);
        assert!(said.contains(wanted) && !said.contains('\x1b'), "{name}: {said}");
        assert!(!world.place.path().join("out").exists(), "{name}");
        assert_eq!(workshop.runs(), 1);
    }
}

#[test]
fn images_add_modules_of_their_own() {
    let world = world("[image.plain]\n[image.gpu]\n[[image.gpu.kernel-module]]\npackage = \"two-dkms\"\n");
    let workshop = Workshop::new(|_| ());
    good(build(&world, &host(&world, &workshop), "out"));
    assert_eq!(workshop.runs(), 1);
    let tree =
        |image: &str| fs::read_to_string(world.place.path().join(format!("out/{image}/tree.txt"))).expect("written");
    assert!(tree("gpu").contains("updates/dkms/two.ko") && !tree("plain").contains("updates/dkms"));
    let lock = fs::read_to_string(world.place.path().join("out/small.lock")).expect("written");
    assert_eq!(lock.matches("[[image.builder]]").count(), 6, "{lock}");
    let lock = Lock::parse(&lock, "x.lock".as_ref()).expect("our own");
    let built = with_request(&world, |request| {
        let request = Request { lock: Some(&lock), ..request.clone() };
        pipeline::build(&host(&world, &workshop), &request, &world.place.path().join("again"))
    });
    assert_eq!((good(built).images.len(), workshop.runs()), (2, 1));
}

#[test]
fn the_recipe_says_which() {
    let load = |lines: &str| recipe::load(&world(lines).place.path().join("small.toml"));
    let (none, one) = (load("").expect("ours"), load(ASKED).expect("ours"));
    assert_ne!(none.selection, one.selection, "its lock is another");
    let two = load(&ASKED.replace("one", "two")).expect("ours");
    assert_ne!(one.selection, two.selection);
    for (lines, wanted) in [
        ("[[kernel-module]]\n", "package"),
        ("[[kernel-module]]\npackage = \"--force\"\n", "packages"),
        ("[[kernel-module]]\npackage = \"x\"\nkey = \"y\"\n", "key"),
        ("[module-signing]\nkey = \"../key\"\ncertificate = \"small.toml\"\n", "below the recipe's directory"),
        ("[module-signing]\nkey = \"/etc/key\"\ncertificate = \"small.toml\"\n", "below the recipe's directory"),
        ("[module-signing]\nkey = \"key\"\ncertificate = \"none.pem\"\n", "none.pem"),
    ] {
        let error = load(lines).expect_err(lines);
        let recipe::Error::Invalid(problems) = error else { panic!("{lines}") };
        let said = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains(wanted), "{lines}: {said}");
    }
}

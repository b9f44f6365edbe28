//! Generations on a head's disk: published, offered, taken back and removed, and nothing of them ever changed.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use imgbuild::cancel::Cancel;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::error::PublishError;
use imgbuild::format::compress;
use imgbuild::format::compress::Compression;
use imgbuild::head;
use imgbuild::head::Cluster;
use imgbuild::head::RamImage;
use imgbuild::head::Role;
use imgbuild::host::Signer;
use imgbuild::image;
use imgbuild::image::Owners;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::OutputRecord;
use imgbuild::manifest::provenance;
use imgbuild::pipeline::publish;
use imgbuild::pipeline::publish::Offered;
use imgbuild::pipeline::publish::Options;
use imgbuild::pipeline::publish::Prune;
use imgbuild::pipeline::publish::Published;
use imgbuild::recipe;
use imgbuild::recipe::Format;
use imgbuild::recipe::Recipe;
use imgbuild::recipe::RootMode;
use imgbuild::tree;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;

/// When all of it happens.
pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const DAY: i64 = 24 * 3600;

/// A root that nodes could boot, in the names of the caller, and with something of its own.
fn root(own: &str, directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let files = [
        ("/sbin/init", 0o755, ""),
        ("/boot/vmlinuz-6.1", 0o644, "kernel"),
        ("/lib/modules/6.1/modules.dep", 0o644, ""),
        ("/lib/modules/6.1/kernel/nfs.ko", 0o644, ""),
        ("/etc/machine-id", 0o444, ""),
        ("/etc/own", 0o640, own),
    ];
    for (path, mode, text) in files {
        tree.put(path, Inode::file(mode, text)).expect("new");
    }
    tree.put("/etc/link", Inode::symlink("own")).expect("new");
    tree.link(&TreePath::literal("etc/own"), TreePath::literal("etc/same")).expect("new");
    let me = fs::metadata(directory).expect("ours");
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        let stat = &mut tree.get_mut(&path).expect("listed").stat;
        (stat.uid, stat.gid) = (me.uid(), me.gid());
    }
    tree
}

pub(crate) fn example() -> Recipe {
    recipe::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml")).expect("a recipe")
}

/// Writes an output as a build does, and returns its generation.
pub(crate) fn output(directory: &Path, own: &str) -> String {
    output_of(&example(), directory, own)
}

pub(crate) fn output_of(recipe: &Recipe, directory: &Path, own: &str) -> String {
    signed_output_of(recipe, directory, own, None)
}

/// The same, signed by a key.
pub(crate) fn signed_output_of(recipe: &Recipe, directory: &Path, own: &str, signer: Option<&dyn Signer>) -> String {
    fs::create_dir(directory).expect("new");
    let mut records = Vec::new();
    let put = |records: &mut Vec<OutputRecord>, path: &str, bytes: &[u8]| {
        fs::write(directory.join(path), bytes).expect("written");
        fs::set_permissions(directory.join(path), Permissions::from_mode(0o644)).expect("ours");
        records.push(OutputRecord::file(path, bytes.len() as u64, Sha256::of(bytes)));
    };
    let loaders = crate::head::loaders();
    let (mut inputs, mut digests) = (Vec::new(), Vec::new());
    for recipe in recipe.each() {
        let name = recipe.image.as_deref();
        let below = name.map_or_else(String::new, |name| format!("{name}/"));
        let own = format!("{own}{below}");
        let tree = root(&own, directory.parent().expect("in a directory"));
        if let Some(name) = name {
            fs::create_dir(directory.join(name)).expect("new");
            fs::set_permissions(directory.join(name), Permissions::from_mode(0o755)).expect("ours");
            records.push(OutputRecord::Directory { path: name.to_owned(), mode: 0o755 });
        }
        // Nodes that take their root into memory need no other form of it, nor do two heads.
        let is_pair = recipe.head.as_ref().expect("it has one").standby.is_some();
        let image = if is_pair || recipe.diskless.as_ref().expect("it is").root == RootMode::Ram {
            put(&mut records, &format!("{below}root.erofs"), own.as_bytes());
            let (sha256, size) = (Sha256::of(own.as_bytes()), own.len() as u64);
            Some(RamImage { name: "root.erofs".to_owned(), sha256, size })
        } else if recipe.formats == [Format::Directory] {
            let path = format!("{below}root");
            fs::create_dir(directory.join(&path)).expect("new");
            image::write_directory(&tree, &directory.join(&path), Owners::Kept, &Cancel::default()).expect("written");
            records.push(OutputRecord::Tree { path });
            None
        } else {
            let (name, compression) = match recipe.formats.first() {
                Some(Format::TarZst) => ("root.tar.zst", Compression::Zstd),
                Some(Format::TarXz) => ("root.tar.xz", Compression::Xz),
                Some(Format::TarGz) => ("root.tar.gz", Compression::Gzip),
                _ => ("root.tar", Compression::None),
            };
            let mut tar = compress::encoder(compression, 1, Vec::new()).expect("made");
            image::write_tar(&tree, &mut tar).expect("a tar");
            put(&mut records, &format!("{below}{name}"), &tar.finish().expect("whole"));
            None
        };
        put(&mut records, &format!("{below}tree.txt"), tree::dump(&tree).as_bytes());
        digests.push((name, tree::digest(&tree)));
        inputs.push(head::Input {
            head: recipe.head.as_ref().expect("it has one"),
            diskless: recipe.diskless.as_ref().expect("it is"),
            recipe,
            kernel: Content::from_bytes("kernel"),
            initramfs: Content::from_bytes("initramfs"),
            root: head::root_generation(&tree::digest(&tree), image.as_ref()),
            image,
            loaders: &loaders,
            raspberry_pi: crate::raspberry::firmware_of(recipe),
            generation: String::new(),
            role: Role::Head,
        });
    }
    for (role, head) in &head::bundles(inputs).expect("all there") {
        let name = role.directory();
        fs::create_dir(directory.join(name)).expect("new");
        image::write_directory(head, &directory.join(name), Owners::Dropped, &Cancel::default()).expect("written");
        records.extend(head.iter().map(|(path, _, inode)| record(&format!("{name}{path}"), inode)));
    }
    let digest = if recipe.images.is_empty() {
        digests[0].1
    } else {
        let text: String =
            digests.iter().map(|(name, digest)| format!("{digest}  {}/tree.txt\n", name.unwrap_or(""))).collect();
        put(&mut records, "tree.txt", text.as_bytes());
        Sha256::of(text.as_bytes())
    };
    let mut manifest =
        Manifest::new(recipe.name.clone(), "amd64".into(), "trixie".into(), digest, 0, Sha256::of(b"lock"));
    manifest.images = digests.into_iter().filter_map(|(name, digest)| Some((name?.to_owned(), digest))).collect();
    manifest.outputs = records;
    put(&mut Vec::new(), "manifest.json", manifest.to_json().as_bytes());
    if let Some(signer) = signer {
        let text = provenance::provenance(&manifest, &recipe.digest, signer);
        put(&mut Vec::new(), provenance::FILE, text.as_bytes());
    }
    cluster(directory).generation
}

fn record(path: &str, inode: &Inode) -> OutputRecord {
    let path = path.trim_end_matches('/').to_owned();
    match &inode.kind {
        Kind::Directory => OutputRecord::Directory { path, mode: inode.stat.mode },
        Kind::Symlink(target) => {
            OutputRecord::Link { path, target: String::from_utf8(target.clone()).expect("a text") }
        }
        Kind::File(content) => OutputRecord::file(path, content.size(), *content.sha256()),
        other => panic!("{other:?}"),
    }
}

/// Writes a manifest anew, as who owns the output can.
pub(crate) fn rewrite(directory: &Path, change: impl FnOnce(&mut Manifest)) {
    let path = directory.join("manifest.json");
    let mut manifest = Manifest::parse(&fs::read_to_string(&path).expect("there")).expect("ours");
    change(&mut manifest);
    fs::write(&path, manifest.to_json()).expect("written");
}

/// What an output's head says of its cluster.
pub(crate) fn cluster(directory: &Path) -> Cluster {
    let records = crate::hostile::files(&directory.join("head/etc/imgbuild"));
    let record = records.iter().find(|path| path.extension().is_some_and(|end| end == "json")).expect("one");
    Cluster::parse(&fs::read_to_string(record).expect("a text")).expect("ours")
}

pub(crate) fn publish_to(output: &Path, head: &Path) -> Result<Published, Error> {
    publish::publish(output, head, &Options::new(NOW))
}

fn publish_as(output: &Path, head: &Path, role: Role) -> Result<Published, Error> {
    publish::publish(output, head, &Options { role, ..Options::new(NOW) })
}

/// The generations that go, with none of the newest kept for its own sake, and no time of grace.
pub(crate) fn pruned(head: &Path, keep: usize, force: bool) -> Vec<String> {
    let pruned = publish::prune(head, None, &Prune { keep, grace: 0, force, now: NOW + DAY }).expect("it is there");
    let gone = pruned.verdicts.into_iter().filter(|verdict| verdict.removed && verdict.what == "generation");
    gone.map(|verdict| verdict.id).collect()
}

const DIZZY: &str = "srv/tftp/pxelinux.cfg/01-00-21-97-7d-ad-bf";

fn menu(now: &str, previous: Option<&str>) -> Offered {
    Offered { now: now.to_owned(), previous: previous.map(str::to_owned) }
}

#[test]
fn generations_come_and_go() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let head = at("head-root");
    let [one, two, three] = ["one", "two", "three"].map(|own| output(&at(own), own));
    let roots = ["one", "two", "three"].map(|own| cluster(&at(own)).root);
    let root_of =
        |id: &str| roots[[&one, &two, &three].iter().position(|other| *other == id).expect("one of them")].clone();
    let publish = |name: &str| publish_to(&at(name), &head).unwrap_or_else(|error| panic!("{name}: {error}"));

    let done = publish("one");
    assert_eq!(done.images[0].offered, menu(&one, None));
    assert!(done.changed.contains(&"etc/dnsmasq.d/imgbuild.conf".to_owned()), "{:?}", done.changed);
    assert!(done.changed.contains(&"srv/tftp/pxelinux.0".to_owned()), "{:?}", done.changed);
    let generation = |id: &str| head.join("srv/imgbuild/diskless-node/gen").join(root_of(id));
    assert_eq!(fs::read_to_string(generation(&one).join("root/etc/own")).expect("there"), "one");
    assert_eq!(fs::metadata(generation(&one).join("root/etc/own")).expect("there").mode() & 0o7777, 0o640);
    let text = |path: &str| fs::read_to_string(head.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(text(DIZZY).contains(&one) && !text(DIZZY).contains("previous"));
    // What a node runs from is the same inode ever after.
    let inode = fs::metadata(generation(&one).join("root/etc/own")).expect("there").ino();

    let done = publish("two");
    assert_eq!(done.images[0].offered, menu(&two, Some(&one)));
    assert_eq!(done.changed, ["etc/imgbuild/diskless-node.json"], "only what tells of the generation");
    assert_eq!(done.images[0].changes, ["all nodes: another root"]);
    let both = text(DIZZY);
    let (first, second) = both.split_once("LABEL previous").expect("both are offered");
    assert!(
        first.contains(&format!("/gen/{}/root", root_of(&two)))
            && second.contains(&format!("/gen/{}/root", root_of(&one))),
        "{both}"
    );
    assert!(text("srv/tftp/grub/nodes/01-00-21-97-7d-ad-bf.cfg").contains(&format!("previous generation {one}")));
    let ipxe = text("srv/tftp/ipxe.cfg/01-00-21-97-7d-ad-bf");
    let (first, second) = ipxe.split_once("\n:previous\n").expect("both are offered");
    assert!(
        first.contains(&format!("/gen/{}/root", root_of(&two)))
            && second.contains(&format!("/gen/{}/root", root_of(&one))),
        "{ipxe}"
    );
    assert_eq!(text("srv/tftp/pxelinux.cfg/db"), both);
    assert_eq!(fs::metadata(generation(&one).join("root/etc/own")).expect("there").ino(), inode);
    assert_eq!(publish("two").images[0].offered, menu(&two, Some(&one)), "the same again changes nothing");

    let (now, changes) = publish::rollback(&head, None, None, NOW).expect("there is one");
    assert_eq!((now, changes), (menu(&one, Some(&two)), vec!["all nodes: another root".to_owned()]));
    assert!(text(DIZZY).split("LABEL previous").next().expect("text").contains(&one));
    assert!(text("srv/tftp/ipxe.cfg/default").contains(&format!(":now\nkernel /diskless-node/{one}/vmlinuz ")));
    assert_eq!(publish("three").images[0].offered, menu(&three, Some(&one)));
    let to = publish::rollback(&head, Some("diskless-node"), Some(&two), NOW).expect("there");
    assert_eq!(to.0, menu(&two, Some(&three)));

    // dizzy says that it runs the first; of the others nothing is known.
    let log = head.join("var/log/dizzy");
    fs::create_dir_all(&log).expect("made");
    let line = |id: &str| format!("x kernel: Command line: BOOT_IMAGE=diskless-node/{id}/vmlinuz initrd=x\n");
    fs::write(log.join("kern"), line(&two) + &line(&one)).expect("written");
    let found = publish::generations(&head, None, NOW).expect("it is there");
    assert_eq!(found.unknown, ["dizzy", "tumbler", "scrambler"], "a log proves nothing");
    let of = |id: &str| found.generations.iter().find(|generation| generation.id == id).expect("listed");
    assert!(of(&two).is_now && of(&three).is_previous && of(&one).nodes == ["dizzy"]);
    assert_eq!(pruned(&head, 0, false), Vec::<String>::new());
    assert_eq!(pruned(&head, 0, true), Vec::<String>::new());
    fs::write(log.join("kern"), line(&two)).expect("written");
    assert_eq!(pruned(&head, 3, true), Vec::<String>::new());
    assert_eq!(pruned(&head, 0, true), [one.as_str()]);
    assert!(!generation(&one).exists() && generation(&three).exists());
    let keys = head.join("srv/imgbuild/diskless-node/state/dizzy/ssh");
    fs::create_dir_all(&keys).expect("made");
    fs::write(keys.join("ssh_host_ed25519_key.pub"), "ssh-ed25519 AAAA root@dizzy\n").expect("written");
    let other = head.join("srv/imgbuild/diskless-node/state/tumbler");
    std::os::unix::fs::symlink(&keys, other.join("ssh")).expect("made");
    std::os::unix::fs::symlink(keys.join("ssh_host_ed25519_key.pub"), keys.join("link.pub")).expect("made");
    fs::write(keys.join("evil.pub"), "ssh-rsa AAAA\nscoop ssh-rsa BBBB\n").expect("written");
    let known = publish::known_hosts(&head, None).expect("it is there");
    assert_eq!(known, "dizzy,db,192.168.1.10 ssh-ed25519 AAAA\n");

    let gone = publish::rollback(&head, None, Some(&one), NOW).expect_err("it is gone").to_string();
    assert!(gone.contains(&one), "{gone}");
}

#[test]
fn two_heads_have_the_same_generations() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let recipe = crate::head::pair();
    let [one, two] = ["one", "two"].map(|own| output_of(&recipe, &at(own), own));
    let roots = ["one", "two"].map(|own| cluster(&at(own)).root);
    let heads = [(at("first"), Role::Head), (at("second"), Role::Standby)];
    for (head, role) in &heads {
        fs::create_dir_all(head.join("etc/keepalived")).expect("made");
        fs::write(head.join("etc/keepalived/keepalived.conf"), "# mine\n").expect("written");
        let done = publish_as(&at("one"), head, *role).expect("it is whole");
        assert_eq!(
            (done.images[0].offered.clone(), done.left),
            (menu(&one, None), vec!["etc/keepalived/keepalived.conf".to_owned()])
        );
        fs::remove_file(head.join("etc/keepalived/keepalived.conf")).expect("ours");
        assert_eq!(publish_as(&at("two"), head, *role).expect("it is whole").images[0].offered, menu(&two, Some(&one)));
        assert_eq!(publish::rollback(head, None, None, NOW).expect("there is one").0, menu(&one, Some(&two)));
        let generations = head.join("srv/imgbuild/diskless-node/gen");
        for id in &roots {
            // A mount point, and the export of what will be mounted there, which the next generation leaves alone.
            let root = generations.join(id).join("root");
            assert!(root.is_dir() && !root.join("etc").exists());
            assert!(head.join(format!("etc/exports.d/imgbuild-{id}.exports")).exists());
        }
        assert!(head.join("srv/imgbuild/diskless-node/state/dizzy").is_dir(), "for a copy of its keys");
    }
    let text = |head: usize, path: &str| fs::read_to_string(heads[head].0.join(path)).expect("it is there");
    let export = format!("etc/exports.d/imgbuild-{}.exports", roots[1]);
    assert_eq!(text(0, &export), text(1, &export));
    assert_ne!(text(0, "etc/keepalived/keepalived.conf"), text(1, "etc/keepalived/keepalived.conf"));
    assert_eq!(text(0, DIZZY), text(1, DIZZY));

    let error = publish_as(&at("two"), &heads[1].0, Role::Head);
    assert!(matches!(refused(error), PublishError::OtherHead { role: "standby", .. }));
    output(&at("alone"), "alone");
    let error = refused(publish_as(&at("alone"), &at("third"), Role::Standby)).to_string();
    assert!(error.contains("no `[head.standby]`"), "{error}");

    // A third one, so that the second may go.
    let three = output_of(&recipe, &at("three"), "three");
    let head = &heads[0].0;
    assert_eq!(
        publish_as(&at("three"), head, Role::Head).expect("it is whole").images[0].offered,
        menu(&three, Some(&one))
    );
    assert_eq!(pruned(head, 0, true), [two.as_str()]);
    assert!(!head.join(export).exists(), "what is gone is not exported");
}

fn refused(error: Result<Published, Error>) -> PublishError {
    match error {
        Err(Error::Publish(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_whole_is_not_published() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let head = at("head-root");
    output(&at("one"), "one");
    fs::write(at("one/root.tar"), "other").expect("written");
    let error = publish_to(&at("one"), &head).expect_err("it was changed");
    assert!(error.is_integrity() && matches!(error, Error::Unverified { .. }), "{error}");
    assert!(!head.exists(), "nothing was written");

    output(&at("two"), "two");
    fs::create_dir_all(head.join("srv/tftp/pxelinux.cfg")).expect("made");
    assert!(matches!(refused(publish_to(&at("two"), &head)), PublishError::Occupied(_)));
    fs::remove_dir(head.join("srv/tftp/pxelinux.cfg")).expect("ours");

    // Somebody's own table of hosts stays.
    fs::create_dir_all(head.join("etc")).expect("made");
    fs::write(head.join("etc/hosts"), "127.0.0.1 localhost\n").expect("written");
    let done = publish_to(&at("two"), &head).expect("it is whole");
    assert_eq!(done.left, ["etc/hosts"]);
    assert_eq!(fs::read_to_string(head.join("etc/hosts")).expect("there"), "127.0.0.1 localhost\n");

    let none = publish::rollback(&head, None, None, NOW).expect_err("there is one generation").to_string();
    assert!(none.contains("no previous"), "{none}");
    fs::create_dir(at("nowhere")).expect("new");
    let none = publish::generations(&at("nowhere"), None, NOW).expect_err("no head").to_string();
    assert!(none.contains("it has none"), "{none}");
}

#[test]
fn roots_in_memory_need_no_tar() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let mut recipe = example();
    recipe.diskless.as_mut().expect("it is").root = RootMode::Ram;
    let one = output_of(&recipe, &at("one"), "one");
    let head = at("head-root");
    assert_eq!(publish_to(&at("one"), &head).expect("it is whole").images[0].offered, menu(&one, None));
    let generation = head.join("srv/imgbuild/diskless-node/gen").join(cluster(&at("one")).root);
    assert_eq!(fs::read_to_string(generation.join("root.erofs")).expect("there"), "one");
    assert!(!generation.join("root").exists());
    let readme = fs::read_to_string(at("one/head/README")).expect("there");
    assert!(readme.contains("\n2. Put the nodes' root") && !readme.contains("root.tar"), "{readme}");

    // What the build has found in the tree holds.
    output_of(&recipe, &at("two"), "two");
    let findings = vec!["`/sbin/init` is no program".to_owned()];
    rewrite(&at("two"), |manifest| manifest.findings.clone_from(&findings));
    let error = refused(publish_to(&at("two"), &head));
    assert!(matches!(&error, PublishError::Lint(wrong) if *wrong == findings), "{error}");
}

/// Case 110: whenever it is cancelled, what is there of a generation is whole, and the head's own files are as before.
#[test]
fn a_cancelled_publish_leaves_the_old_menu() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let head = at("head-root");
    let [one, two] = ["one", "two"].map(|own| output(&at(own), own));
    let roots = ["one", "two"].map(|own| cluster(&at(own)).root);
    publish_to(&at("one"), &head).expect("it is whole");
    // The same without a hindrance.
    publish_to(&at("one"), &at("other-root")).expect("it is whole");
    let wanted = publish_to(&at("two"), &at("other-root")).expect("it is whole").changed;
    assert!(!wanted.is_empty(), "the second has other files of the head's");
    let generations = head.join("srv/imgbuild/diskless-node/gen");
    let mut ended = 0;
    loop {
        let asked = Arc::new(AtomicUsize::new(0));
        let cancel = Cancel::when(move || asked.fetch_add(1, Ordering::Relaxed) >= ended);
        match publish::publish(&at("two"), &head, &Options { cancel, ..Options::new(NOW) }) {
            Ok(done) => {
                assert_eq!((done.images[0].offered.clone(), done.changed), (menu(&two, Some(&one)), wanted));
                break;
            }
            Err(error) => assert!(matches!(error, Error::Cancelled), "{error:?}"),
        }
        let left = crate::hostile::names(&generations);
        assert!(left.iter().all(|name| roots.contains(name)), "{left:?}");
        let found = publish::generations(&head, None, NOW).expect("a head").generations;
        assert!(found.iter().all(|generation| generation.is_now == (generation.id == one)), "the menu has changed");
        ended += 1;
    }
    assert!(ended > 20, "it was asked {ended} times only");
}

/// What a crash leaves at any step is taken up by the next publication.
#[test]
fn a_crash_leaves_the_old_menu() {
    let place = tempfile::tempdir().expect("the tests can write");
    let at = |name: &str| place.path().join(name);
    let head = at("head-root");
    let (one, two) = (output(&at("one"), "one"), output(&at("two"), "two"));
    publish_to(&at("one"), &head).expect("it is whole");
    let old = fs::read_to_string(head.join(DIZZY)).expect("there");
    // As if the machine had stopped before the last rename: everything but the link is there.
    let export = head.join("srv/imgbuild/diskless-node");
    fs::create_dir_all(export.join(".imgbuild-half/root")).expect("made");
    std::os::unix::fs::symlink("menu-nowhere", head.join("srv/tftp/imgbuild/.imgbuild-menu")).expect("made");
    assert_eq!(fs::read_to_string(head.join(DIZZY)).expect("there"), old);
    assert_eq!(publish_to(&at("two"), &head).expect("it is whole").images[0].offered, menu(&two, Some(&one)));
    assert!(!export.join(".imgbuild-half").exists(), "left-overs go");
}

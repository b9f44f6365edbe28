//! An output is a closed set: whatever its manifest does not say is found by every command that opens one, and nothing
//! of it is put anywhere.

use std::ffi::OsStr;
use std::fs;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::cancel::Cancel;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::head::Cluster;
use imgbuild::host::Verifier;
use imgbuild::host::signing::SigningKey;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::OutputRecord;
use imgbuild::manifest::provenance;
use imgbuild::pipeline::Output;
use imgbuild::pipeline::publish;
use imgbuild::pipeline::publish::Options;
use imgbuild::recipe::Format;
use imgbuild::recipe::Recipe;

use crate::hostile::files;
use crate::publish::NOW;
use crate::publish::cluster;
use crate::publish::example;
use crate::publish::rewrite;
use crate::publish::signed_output_of;

/// The first two test vectors of RFC 8032, 7.1: keys that everyone knows.
const SECRET: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const OTHER: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n\
    -----END PRIVATE KEY-----\n";

fn key() -> SigningKey {
    SigningKey::from_pem(SECRET).expect("a key")
}

/// A signed output of a recipe, in a directory that has the public keys and `before`, a link of no interest.
struct World {
    place: tempfile::TempDir,
}

impl World {
    fn new(recipe: &Recipe) -> Self {
        let place = tempfile::tempdir().expect("the tests can write");
        signed_output_of(recipe, &place.path().join("out"), "own", Some(&key()));
        fs::write(place.path().join("key.pem"), key().public().to_pem()).expect("written");
        let other = SigningKey::from_pem(OTHER).expect("a key").public();
        fs::write(place.path().join("other.pem"), other.to_pem()).expect("written");
        Self { place }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run_in(self.place.path(), arguments)
    }

    /// Every command that opens an output says what is wrong with it, and nothing of it is anywhere.
    fn refused_by_all(&self, what: &str, words: &str) {
        for arguments in [
            &["verify", "out"][..],
            &["verify", "out", "--key", "key.pem"],
            &["publish", "out", "--to", "head"],
            &["publish", "out", "--to", "head", "--key", "key.pem"],
            &["compare", "out", "tree.txt"],
            &["boot", "out"],
        ] {
            let (code, out, err) = self.run(arguments);
            assert_eq!((code, out.as_str()), (3, ""), "{what}: {arguments:?}: {err}");
            assert!(err.contains(words), "{what}: {arguments:?}: {words}: {err}");
        }
        assert!(!self.at("head").exists(), "{what}: something was installed");
    }

    fn publish(&self, more: &[&str]) -> (i32, String, String) {
        self.run(&[&["publish", "out", "--to", "head"], more].concat())
    }
}

type Change<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn case_80_what_is_added_to_a_signed_output() {
    let world = World::new(&example());
    let (code, out, err) = world.run(&["verify", "out", "--key", "key.pem"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(" files as in the manifest\n") && out.ends_with("signed by that key\n"), "{out}");
    let generation = cluster(&world.at("out")).generation;
    let boot = format!("head/srv/tftp/diskless-node/{generation}");
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("ours");
    };
    let kernel = format!("{boot}/vmlinuz");
    let told = format!("`{boot}/x` is not in the manifest");
    let told_kernel = format!("`{kernel}` is no regular file");
    let changes: [Change<'_>; 20] = [
        ("a job", &|out| write(&out.join("head/etc/cron.d/evil"), "* * * * * root x\n"), "`head/etc/cron.d` is not in"),
        ("a file", &|out| write(&out.join(&boot).join("x"), "x"), &told),
        ("a link", &|out| symlink("/etc/shadow", out.join(&boot).join("x")).expect("made"), &told),
        ("a directory", &|out| fs::create_dir(out.join("head/etc/x")).expect("made"), "`head/etc/x` is not in"),
        ("at the top", &|out| write(&out.join("x"), ""), "`x` is not in"),
        ("a hidden one", &|out| write(&out.join("head/.x"), ""), "`head/.x` is not in"),
        (
            "a name",
            &|out| write(&out.join(OsStr::from_bytes(b"head/\x1b[31m\xff\n")), ""),
            "`head/\\x1b[31m\\xff\\x0a` is not in",
        ),
        ("a mode", &|out| chmod(&out.join("head/etc/hosts"), 0o666), "`head/etc/hosts` has mode 0666, not 0644"),
        ("setuid", &|out| chmod(&out.join(&kernel), 0o4755), "has mode 4755, not 0644"),
        ("a directory's mode", &|out| chmod(&out.join("head/etc"), 0o777), "`head/etc` has mode 0777, not 0755"),
        ("the manifest's mode", &|out| chmod(&out.join("manifest.json"), 0o666), "`manifest.json` has mode 0666"),
        (
            "a missing file",
            &|out| fs::remove_file(out.join("head/etc/hosts")).expect("there"),
            "`head/etc/hosts` is missing",
        ),
        (
            "a missing directory",
            &|out| fs::remove_dir_all(out.join("head/etc/chrony")).expect("there"),
            "`head/etc/chrony` is missing",
        ),
        (
            "a missing link",
            &|out| fs::remove_file(out.join("head/srv/tftp/grub")).expect("there"),
            "`head/srv/tftp/grub` is missing",
        ),
        (
            "another target",
            &|out| relink(&out.join("head/srv/tftp/grub"), "/etc"),
            "`head/srv/tftp/grub` leads to `/etc`, not `imgbuild/menu/grub`",
        ),
        (
            "a link for a file",
            &|out| {
                let elsewhere = out.with_file_name("kernel");
                fs::rename(out.join(&kernel), &elsewhere).expect("moved");
                symlink(elsewhere, out.join(&kernel)).expect("made");
            },
            &told_kernel,
        ),
        (
            "a link for a directory",
            &|out| {
                let elsewhere = out.with_file_name("moved");
                fs::rename(out.join("head/etc"), &elsewhere).expect("moved");
                symlink(elsewhere, out.join("head/etc")).expect("made");
            },
            "`head/etc` is no directory",
        ),
        (
            "a file for a link",
            &|out| {
                fs::remove_file(out.join("head/srv/tftp/grub")).expect("there");
                write(&out.join("head/srv/tftp/grub"), "imgbuild/menu/grub");
            },
            "`head/srv/tftp/grub` is no link",
        ),
        (
            "a byte",
            &|out| {
                let text = fs::read_to_string(out.join("head/etc/hosts")).expect("there");
                write(&out.join("head/etc/hosts"), &text.replacen('1', "2", 1));
            },
            "`head/etc/hosts` has other bytes",
        ),
        (
            "a socket",
            &|out| drop(std::os::unix::net::UnixListener::bind(out.join("head/x")).expect("made")),
            "`head/x` is not in",
        ),
    ];
    drop(world);
    for (what, change, words) in changes {
        let world = World::new(&example());
        fs::copy(world.at("out/tree.txt"), world.at("tree.txt")).expect("copied");
        change(&world.at("out"));
        world.refused_by_all(what, words);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

fn relink(path: &Path, target: &str) {
    fs::remove_file(path).expect("there");
    symlink(target, path).expect("made");
}

/// A sequence of numbers that is the same every time (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).expect("53 bits") % end
    }
}

/// All directories, files and links below a directory, itself first.
fn all(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for name in crate::hostile::names(directory) {
        let path = directory.join(name);
        if fs::symlink_metadata(&path).expect("listed").is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Changes something of an output in a way of its own; returns what was done, and what takes it back.
fn change(output: &Path, numbers: &mut Numbers) -> Option<(String, Box<dyn FnOnce()>)> {
    let paths = all(output);
    let path = paths[numbers.below(paths.len())].clone();
    let metadata = fs::symlink_metadata(&path).expect("listed");
    let is_top = path == output;
    let shown = path.strip_prefix(output).expect("below").display().to_string();
    let aside = output.with_file_name("aside");
    let back = {
        let (path, aside) = (path.clone(), aside.clone());
        move || {
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                fs::remove_dir_all(&path).expect("ours");
            } else {
                let _ = fs::remove_file(&path);
            }
            fs::rename(&aside, &path).expect("moved back");
        }
    };
    match numbers.below(8) {
        0 | 1 if metadata.is_dir() => {
            let new = path.join(["x", ".x", "z z", "evil.json"][numbers.below(4)]);
            let kind = numbers.below(3);
            match kind {
                0 => fs::write(&new, "x").expect("written"),
                1 => symlink("/etc/passwd", &new).expect("made"),
                _ => fs::create_dir(&new).expect("made"),
            }
            let gone = new.clone();
            Some((
                format!("{} added, {kind}", new.display()),
                Box::new(move || {
                    if kind == 2 { fs::remove_dir(gone).expect("ours") } else { fs::remove_file(gone).expect("ours") }
                }),
            ))
        }
        2 if !is_top => {
            fs::rename(&path, &aside).expect("moved");
            Some((format!("{shown} removed"), Box::new(move || fs::rename(&aside, &path).expect("moved back"))))
        }
        3 if !is_top => {
            let new = path.with_file_name(format!("{}-", path.file_name().expect("named").to_string_lossy()));
            fs::rename(&path, &new).expect("moved");
            Some((format!("{shown} renamed"), Box::new(move || fs::rename(&new, &path).expect("moved back"))))
        }
        4 if !is_top && !metadata.is_symlink() => {
            let bit = 1 << numbers.below(12);
            let mode = metadata.mode() & 0o7777;
            chmod(&path, mode ^ bit);
            Some((format!("{shown} has mode {:o}", mode ^ bit), Box::new(move || chmod(&path, mode))))
        }
        5 if !is_top => {
            fs::rename(&path, &aside).expect("moved");
            let kind = numbers.below(3);
            match kind {
                0 if !metadata.is_dir() => fs::create_dir(&path).expect("made"),
                1 if !metadata.is_symlink() => symlink(&aside, &path).expect("made"),
                _ if metadata.is_file() => symlink("x", &path).expect("made"),
                _ => fs::write(&path, "x").expect("written"),
            }
            Some((format!("{shown} is of another kind, {kind}"), Box::new(back)))
        }
        6 if metadata.is_symlink() => {
            let target = fs::read_link(&path).expect("a link").to_string_lossy().into_owned();
            let other = [format!("{target}x"), format!("./{target}"), "/etc".to_owned(), "..".to_owned()]
                [numbers.below(4)]
            .clone();
            relink(&path, &other);
            Some((format!("{shown} leads to {other}"), Box::new(move || relink(&path, &target))))
        }
        _ if metadata.is_file() && metadata.len() > 0 => {
            let bytes = fs::read(&path).expect("ours");
            let mut changed = bytes.clone();
            let at = numbers.below(bytes.len());
            changed[at] ^= u8::try_from(1 + numbers.below(255)).expect("a byte");
            fs::write(&path, &changed).expect("written");
            let words = format!("byte {at} of {shown} is {:02x} instead of {:02x}", changed[at], bytes[at]);
            Some((words, Box::new(move || fs::write(&path, bytes).expect("written"))))
        }
        _ => None,
    }
}

/// Random changes of an output, until so many were tried: each is found, before anything is put anywhere.
fn random_changes(recipe: &Recipe, seed: u64, wanted: usize) {
    let world = World::new(recipe);
    let (output, head) = (world.at("out"), world.at("head"));
    let public = key().public();
    let keys = [&public as &dyn Verifier];
    let options = Options { keys: &keys, ..Options::new(NOW) };
    let mut numbers = Numbers(seed);
    let mut done = 0;
    while done < wanted {
        let Some((what, back)) = change(&output, &mut numbers) else { continue };
        done += 1;
        let verified = Output::verified(&output, &keys, &Cancel::default());
        let published = publish::publish(&output, &head, &options);
        for (by, error) in [("verify", verified.err()), ("publish", published.err())] {
            let error = error.unwrap_or_else(|| panic!("change {done}: {by} takes it: {what}"));
            // A manifest that is not there is no output, and one of another form is another program's.
            let is_other = what.contains("manifest.json");
            assert!(error.is_integrity() || is_other, "change {done}: {by}: {what}: {error}");
        }
        assert!(!head.exists(), "change {done}: something was installed: {what}");
        back();
        times_back(&output.join("root"));
        if done % 50 == 0 {
            Output::verified(&output, &keys, &Cancel::default())
                .unwrap_or_else(|error| panic!("change {done}: not as before: {error}"));
        }
    }
    Output::verified(&output, &keys, &Cancel::default()).expect("all is as before");
    publish::publish(&output, &head, &options).expect("all is as before");
}

/// The times of a root are part of it, and what was done to it has changed some.
fn times_back(root: &Path) {
    use rustix::fs::AtFlags;
    use rustix::fs::CWD;
    use rustix::fs::Timespec;
    use rustix::fs::Timestamps;
    let time = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    for path in if root.is_dir() { all(root) } else { Vec::new() } {
        rustix::fs::utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("ours");
    }
}

#[test]
fn case_81_two_thousand_changes_of_a_signed_output() {
    random_changes(&example(), 0x9e37_79b9_7f4a_7c15, 1500);
    random_changes(&with_directory(), 0x2545_f491_4f6c_dd1d, 500);
}

fn with_directory() -> Recipe {
    Recipe { formats: vec![Format::Directory], ..example() }
}

#[test]
fn a_directory_root_goes_the_whole_way() {
    let world = World::new(&with_directory());
    let (code, out, err) = world.run(&["verify", "out", "--key", "key.pem"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(" files and `root` as in the manifest"), "{out}");
    assert_eq!(world.run(&["compare", "out", "out"]).0, 0);
    let (code, out, err) = world.publish(&["--key", "key.pem"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("now "), "{out}");
    let root = world.at("head/srv/imgbuild/diskless-node/gen").join(cluster(&world.at("out")).root).join("root");
    assert_eq!(fs::read_to_string(root.join("etc/own")).expect("there"), "own");
    assert_eq!(fs::metadata(root.join("etc/own")).expect("there").mode() & 0o7777, 0o640);
    assert_eq!(fs::metadata(root.join("etc/own")).expect("there").nlink(), 2);
    assert_eq!(fs::read_link(root.join("etc/link")).expect("there"), Path::new("own"));
    assert_eq!(world.publish(&[]).0, 0, "the same again");

    let changes: [Change<'_>; 10] = [
        (
            "a file",
            &|out| fs::write(out.join("root/etc/x"), "x").expect("written"),
            "`root/etc/x` is not in the manifest",
        ),
        ("a byte", &|out| fs::write(out.join("root/etc/own"), "orn").expect("written"), "`root/etc/own` has content "),
        (
            "a name",
            &|out| fs::write(out.join(OsStr::from_bytes(b"root/\x1b[m")), "").expect("written"),
            "`root/\\x1b[m` is not in",
        ),
        ("a mode", &|out| chmod(&out.join("root/etc/own"), 0o4755), "`root/etc/own` has mode 4755, not 0640"),
        (
            "a target",
            &|out| relink(&out.join("root/etc/link"), "/etc/shadow"),
            "`root/etc/link` has content /etc/shadow, not own",
        ),
        ("a time", &|out| touch(&out.join("root/etc/own")), "`root/etc/own` has time 7, not 0"),
        (
            "no hard link",
            &|out| {
                fs::remove_file(out.join("root/etc/same")).expect("there");
                fs::copy(out.join("root/etc/own"), out.join("root/etc/same")).expect("copied");
            },
            "`root/etc/same` has kind f, not h",
        ),
        (
            "a missing one",
            &|out| fs::remove_file(out.join("root/sbin/init")).expect("there"),
            "`root/sbin/init` is missing",
        ),
        (
            "a link for it",
            &|out| {
                fs::rename(out.join("root"), out.with_file_name("moved")).expect("moved");
                symlink("../moved", out.join("root")).expect("made");
            },
            "`root` is no directory",
        ),
        (
            "a pipe",
            &|out| {
                let path = out.join("root/etc/pipe");
                rustix::fs::mknodat(
                    rustix::fs::CWD,
                    path,
                    rustix::fs::FileType::Fifo,
                    rustix::fs::Mode::from_raw_mode(0o644),
                    0,
                )
                .expect("made");
            },
            "`root/etc/pipe` is not in the manifest",
        ),
    ];
    for (what, change, words) in changes {
        let world = World::new(&with_directory());
        fs::copy(world.at("out/tree.txt"), world.at("tree.txt")).expect("copied");
        change(&world.at("out"));
        world.refused_by_all(what, words);
    }
    // Owners are kept, so another one is found; only root can make one.
    let world = World::new(&with_directory());
    if std::os::unix::fs::chown(world.at("out/root/etc/own"), Some(12_345), None).is_ok() {
        fs::copy(world.at("out/tree.txt"), world.at("tree.txt")).expect("copied");
        world.refused_by_all("an owner", "`root/etc/own` has owner 12345:0, not 0:0");
    }
}

/// Every form that a directory can be made of leads to the same one.
#[test]
fn every_form_of_a_root_is_published() {
    let mut roots = Vec::new();
    for format in [Format::Tar, Format::TarZst, Format::TarXz, Format::TarGz, Format::Directory] {
        let world = World::new(&Recipe { formats: vec![format], ..example() });
        for arguments in [&["verify", "out"][..], &["compare", "out", "out"], &["publish", "out", "--to", "head"]] {
            let (code, _, err) = world.run(arguments);
            assert_eq!(code, 0, "{format:?}: {arguments:?}: {err}");
        }
        let root = world.at("head/srv/imgbuild/diskless-node/gen").join(cluster(&world.at("out")).root);
        assert_eq!(fs::read_to_string(root.join("root/etc/same")).expect("there"), "own", "{format:?}");
        roots.push(cluster(&world.at("out")).root);
    }
    roots.dedup();
    assert_eq!(roots.len(), 1, "it is the same root");
}

/// Built, verified, built again and compared: in every format, by the program.
#[test]
fn every_format_goes_the_whole_way() {
    let mut formats = vec!["tar", "tar.zst", "tar.xz", "tar.gz", "newc", "squashfs", "erofs"];
    let world = crate::hostile::World::new(&crate::hostile::simple());
    let place = world.place.path().to_owned();
    // The package's files are root's, and in a directory only root can make them so.
    let is_root = fs::metadata(&place).expect("ours").uid() == 0;
    formats.extend(is_root.then_some("directory"));
    let world = world.recipe(&format!("[output]\nformats = {formats:?}\n"));
    world.build().unwrap_or_else(|error| panic!("{}", crate::hostile::chain(&error)));
    world.build_on(&world.host().expect("a store"), "again").expect("built");
    let run = |arguments: &[&str]| {
        let (code, out, err) = run_in(&place, arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    };
    let tree = if is_root { " and `root`" } else { "" };
    let wanted = format!("{} files{tree} as in the manifest\n", 11);
    assert!(run(&["verify", "out"]).starts_with(&wanted), "{}", run(&["verify", "out"]));
    let rebuilt = run(&["verify", "out", "--rebuild", "small.toml", "--offline", "--cache", "cache"]);
    assert!(rebuilt.ends_with("built again: the same bytes\n"), "{rebuilt}");
    run(&["compare", "out", "again"]);
    assert_eq!(
        fs::read(place.join("out/manifest.json")).expect("there"),
        fs::read(place.join("again/manifest.json")).expect("there")
    );
    // Another recipe gives other bytes, and each output that differs is named.
    let text = fs::read_to_string(place.join("small.toml")).expect("ours");
    fs::write(place.join("small.toml"), text + "[[overlay]]\npath = \"/etc/new\"\ncontent = \"x\"\n").expect("written");
    let (code, _, err) = run_in(&place, &["verify", "out", "--rebuild", "small.toml", "--offline", "--cache", "cache"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("`root.erofs` has ") && err.contains(", when it is built again"), "{err}");
    if !is_root {
        let world = world.recipe("");
        let text = fs::read_to_string(place.join("small.toml")).expect("ours").replace("\"tar\",", "\"directory\",");
        fs::write(place.join("small.toml"), text).expect("written");
        let error = world.build().expect_err("owners cannot be kept");
        assert!(crate::hostile::chain(&error).contains("ask for the format `tar`"), "{error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run_in(place: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    let output = command.args(arguments).current_dir(place).env_clear().output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words are UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

fn touch(path: &Path) {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(7);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("ours");
}

#[test]
fn case_82_keys_of_a_head_make_a_signature_obligatory() {
    let world = World::new(&example());
    for (more, words) in [
        (&["--key", "other.pem"][..], "no good signature by a key that counts"),
        (&["--key", "none.pem"], "cannot read"),
        (&["--key", "out/tree.txt"], "public key in PEM"),
    ] {
        let (code, out, err) = world.publish(more);
        assert!(code != 0 && out.is_empty() && err.contains(words), "{more:?}: {err}");
        assert!(!world.at("head").exists(), "{more:?}");
    }
    assert_eq!(world.publish(&["--key", "other.pem", "--key", "key.pem"]).0, 0, "one of them is enough");
    fs::remove_dir_all(world.at("head")).expect("ours");

    let keys = world.at("head/etc/imgbuild/keys");
    fs::create_dir_all(&keys).expect("made");
    fs::copy(world.at("other.pem"), keys.join("builder.pem")).expect("copied");
    let untouched = |code: i32, words: &str, more: &[&str]| {
        let (found, out, err) = world.publish(more);
        assert_eq!((found, out.as_str()), (code, ""), "{words}: {err}");
        assert!(err.contains(words), "{words}: {err}");
        assert_eq!(files(&world.at("head")).iter().filter(|path| !path.starts_with(&keys)).count(), 0, "{words}");
    };
    untouched(3, "must be signed by a key in `head/etc/imgbuild/keys`", &[]);
    untouched(3, "must be signed by a key in `head/etc/imgbuild/keys`", &["--key", "key.pem"]);
    fs::copy(world.at("key.pem"), keys.join("other.pem")).expect("copied");
    untouched(3, "no good signature by a key that counts", &["--key", "other.pem"]);
    fs::write(keys.join("notes.pem"), "no key").expect("written");
    untouched(1, "cannot use `head/etc/imgbuild/keys/notes.pem`", &[]);
    fs::rename(keys.join("notes.pem"), keys.join("notes.txt")).expect("renamed");
    let signature = world.at("out").join(provenance::FILE);
    fs::rename(&signature, world.at("kept")).expect("moved");
    untouched(3, "it has no `provenance.intoto.json`; build it with `--sign`", &[]);
    fs::rename(world.at("kept"), &signature).expect("moved");
    assert_eq!(world.publish(&[]).0, 0);
}

/// Adds a path to an output, and to its manifest, as who has the key can.
fn smuggle(output: &Path, path: &str, what: Result<&str, &str>) {
    let on_disk = output.join(path);
    let parent = on_disk.parent().expect("below");
    let mut records = Vec::new();
    for directory in parent.ancestors().take_while(|directory| !directory.exists()) {
        let path = directory.strip_prefix(output).expect("below").to_str().expect("a text").to_owned();
        records.push(OutputRecord::Directory { path, mode: 0o755 });
    }
    fs::create_dir_all(parent).expect("made");
    let _ = fs::remove_file(&on_disk);
    match what {
        Ok(text) => {
            fs::write(&on_disk, text).expect("written");
            chmod(&on_disk, 0o644);
            records.push(OutputRecord::file(path, text.len() as u64, Sha256::of(text.as_bytes())));
        }
        Err(target) => {
            symlink(target, &on_disk).expect("made");
            records.push(OutputRecord::Link { path: path.to_owned(), target: target.to_owned() });
        }
    }
    rewrite(output, |manifest: &mut Manifest| {
        manifest.outputs.retain(|record| record.path() != path);
        manifest.outputs.extend(records);
    });
}

#[test]
fn case_83_a_builder_that_writes_other_files() {
    let generation = cluster(&World::new(&example()).at("out")).generation;
    let entry = format!("head/srv/tftp/diskless-node/{generation}/pxelinux/dizzy");
    let kernel = format!("head/srv/tftp/diskless-node/{generation}/vmlinuz");
    for (path, what) in [
        ("head/etc/cron.d/evil", Ok("* * * * * root x\n")),
        ("head/etc/imgbuild/keys/evil.pem", Ok("x")),
        ("head/etc/systemd/system/evil.service", Ok("[Service]\n")),
        ("head/root/.ssh/authorized_keys", Ok("ssh-ed25519 AAAA\n")),
        ("head/srv/tftp/evil", Ok("x")),
        ("head/etc/hosts", Err("/etc/shadow")),
        ("head/srv/tftp/pxelinux.0", Err("/etc/shadow")),
        (&entry, Err("../../../../../etc/shadow")),
        (&kernel, Err("/etc/shadow")),
        (&kernel, Ok("another kernel")),
    ] {
        let world = World::new(&example());
        smuggle(&world.at("out"), path, what);
        assert_eq!(world.run(&["verify", "out"]).0, 0, "{path}: the manifest says it");
        let (code, out, err) = world.publish(&[]);
        assert_eq!((code, out.as_str()), (3, ""), "{path}: {err}");
        assert!(!world.at("head").exists(), "{path} was installed");
    }
}

#[test]
fn case_84_an_output_whose_names_lead_elsewhere() {
    for (from, to) in [
        ("\"/srv/tftp\"", "\"/srv/../../../tftp\""),
        ("\"/srv/tftp\"", "\"/etc\""),
        ("\"/srv/imgbuild/diskless-node\"", "\"/../../evil\""),
        ("\"name\": \"dizzy\"", "\"name\": \"../../../../evil\""),
        ("\"name\": \"diskless-node\"", "\"name\": \"../evil\""),
    ] {
        let world = World::new(&example());
        let before = crate::hostile::names(world.place.path());
        let path = "head/etc/imgbuild/diskless-node.json";
        let text = fs::read_to_string(world.at("out").join(path)).expect("there");
        assert!(text.contains(from), "{from}");
        smuggle(&world.at("out"), path, Ok(&text.replacen(from, to, 1)));
        let (code, out, err) = world.publish(&[]);
        assert_eq!((code, out.as_str()), (3, ""), "{to}: {err}");
        assert_eq!(crate::hostile::names(world.place.path()), before, "{to}");
    }
    // A generation that is said to be another one.
    let world = World::new(&example());
    let path = "head/etc/imgbuild/diskless-node.json";
    let text = fs::read_to_string(world.at("out").join(path)).expect("there");
    let other = Cluster { arguments: vec!["quiet".to_owned()], ..Cluster::parse(&text).expect("ours") };
    smuggle(&world.at("out"), path, Ok(&serde_json::to_string(&other).expect("JSON")));
    let (code, _, err) = world.publish(&[]);
    assert!(code == 3 && err.contains("is of another generation"), "{err}");
}

#[test]
fn case_85_links_on_the_head_are_not_followed() {
    let made = World::new(&example());
    let root = cluster(&made.at("out")).root;
    let planted = format!("srv/imgbuild/diskless-node/gen/{root}");
    for link in [
        "srv",
        "srv/tftp",
        "srv/tftp/diskless-node",
        "srv/tftp/imgbuild",
        "srv/imgbuild",
        "srv/imgbuild/diskless-node",
        "srv/imgbuild/diskless-node/gen",
        "srv/imgbuild/diskless-node/state",
        "srv/imgbuild/diskless-node/state/dizzy",
        "etc",
        "etc/dnsmasq.d",
        "etc/imgbuild",
        "etc/dnsmasq.d/imgbuild.conf",
        "etc/hosts",
        "srv/tftp/pxelinux.0",
        "srv/tftp/grub",
    ] {
        let world = World::new(&example());
        let outside = world.at("outside");
        fs::create_dir(&outside).expect("made");
        let path = world.at("head").join(link);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        symlink(&outside, &path).expect("made");
        let before = files(&world.at("head"));
        let (code, out, err) = world.publish(&[]);
        assert_eq!((code, out.as_str()), (1, ""), "{link}: {err}");
        assert!(err.contains(&format!("head/{}", link.split('/').next().expect("a name"))), "{link}: {err}");
        assert_eq!((files(&outside), files(&world.at("head"))), (Vec::new(), before), "{link}: something was written");
    }
    // One that a node has put where a root will be is no root: what it leads to stays as it is.
    let outside = made.at("outside");
    fs::create_dir(&outside).expect("made");
    let path = made.at("head").join(&planted);
    fs::create_dir_all(path.parent().expect("below")).expect("made");
    symlink(&outside, &path).expect("made");
    let (code, _, err) = made.publish(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(fs::symlink_metadata(&path).expect("there").is_dir());
    assert_eq!(files(&outside), Vec::<PathBuf>::new());
}

/// What is there counts when it is the same, not because it has the name.
#[test]
fn case_86_whole_means_the_same() {
    let world = World::new(&example());
    let Cluster { generation, root, .. } = cluster(&world.at("out"));
    let boots = world.at("head/srv/tftp/diskless-node");
    let gens = world.at("head/srv/imgbuild/diskless-node/gen");
    // An empty menu, generation and root, before anything was published.
    let menus = world.at("out/head/srv/tftp/imgbuild");
    let menu = fs::read_link(menus.join("menu")).expect("a link");
    let menus = world.at("head/srv/tftp/imgbuild").join(menu);
    for directory in [menus.clone(), boots.join(&generation), gens.join(&root).join("root")] {
        fs::create_dir_all(directory).expect("made");
    }
    assert_eq!(world.publish(&[]).0, 0);
    let menu = world.at("head/srv/tftp/pxelinux.cfg/01-00-21-97-7d-ad-bf");
    let good = fs::read_to_string(&menu).expect("nodes get a menu");
    assert_eq!(fs::read_to_string(boots.join(&generation).join("vmlinuz")).expect("there"), "kernel");
    let own = gens.join(&root).join("root/etc/own");
    assert_eq!(fs::read_to_string(&own).expect("there"), "own");

    // Changed since: menus and kernels are replaced.
    let kernel = boots.join(&generation).join("vmlinuz");
    fs::write(&menu, "evil").expect("written");
    fs::write(menus.join("pxelinux.cfg/01-00-00-00-00-00-00"), "more").expect("written");
    fs::write(&kernel, "colonel").expect("written");
    fs::write(world.at("head/srv/tftp/pxelinux.0"), "evil").expect("written");
    chmod(&world.at("head/etc/dnsmasq.d/imgbuild.conf"), 0o600);
    let (code, out, err) = world.publish(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("changed srv/tftp/pxelinux.0") && out.contains("changed etc/dnsmasq.d/imgbuild.conf"),
        "{out}"
    );
    assert_eq!(
        (fs::read_to_string(&menu).expect("there"), fs::read_to_string(&kernel).expect("there")),
        (good, "kernel".into())
    );
    assert!(!menus.join("pxelinux.cfg/01-00-00-00-00-00-00").exists());

    // A root that nodes may run from is not replaced under them.
    fs::write(&own, "changed").expect("written");
    let (code, out, err) = world.publish(&[]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("`root/etc/own` has size 7, not 3") && err.contains("--keep-root"), "{err}");
    let (code, out, err) = world.publish(&["--keep-root"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("kept the root as it is: `root/etc/own` has size 7, not 3\n"), "{out}");
    assert_eq!(fs::read_to_string(&own).expect("there"), "changed");
}

/// What was checked is what is used: nobody reads a file by its name a second time without looking at the bytes.
#[test]
fn bytes_are_hashed_as_they_are_used() {
    let world = World::new(&example());
    let output = Output::verified(&world.at("out"), &[], &Cancel::default()).expect("it is whole");
    let mut bytes = Vec::new();
    output.copy("tree.txt", &mut bytes).expect("the same");
    fs::write(world.at("out/tree.txt"), vec![b'x'; bytes.len()]).expect("written");
    assert!(matches!(output.text("tree.txt"), Err(Error::Unverified { .. })));
    fs::write(world.at("out/tree.txt"), [bytes.clone(), b"x".to_vec()].concat()).expect("written");
    assert!(matches!(output.copy("tree.txt", &mut Vec::new()), Err(Error::Unverified { .. })));
    relink(&world.at("out/tree.txt"), "/etc/passwd");
    assert!(output.read("tree.txt").is_err());
    for path in ["../key.pem", "/etc/passwd", "head", "none"] {
        assert!(matches!(output.read(path), Err(Error::Unverified { .. })), "{path}");
    }
}

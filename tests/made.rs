//! What only programs of packages make of files that are there: in no image, whichever way packages are configured, and
//! made on a node by `/usr/lib/imgbuild/made`, once for each root.

use std::fs;
use std::process::Command;

use imgbuild::configure::Method;
use imgbuild::testing::DebBuilder;
use imgbuild::tree::Tree;

use crate::secrets::built;
use crate::secrets::deb;
use crate::secrets::refusal;
use crate::secrets::root;
use crate::secrets::text;
use crate::secrets::with_sandbox;
use crate::secrets::world;

const CACHE: &str = "/var/lib/ghc/package.conf.d/package.cache";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/imgbuild-made.service";

/// A package as Debian has it by this name: a database of text, and a program that makes a cache of it.
fn compiler() -> DebBuilder {
    deb("ghc", "/usr/bin/ghc-pkg recache --global\n/usr/bin/ghc-pkg check --global || true\n")
        .file("/usr/bin/ghc-pkg", 0o755, "\x7fELF")
        .file("/var/lib/ghc/package.conf.d/base.conf", 0o644, "name: base\n")
}

fn made_by_the_real_one(tree: &mut Tree) {
    tree.write(CACHE, 0o644, "binary").expect("new");
    tree.write("var/lib/ghc/package.conf.d/package.cache.lock", 0o644, "").expect("new");
}

#[test]
fn both_ways_leave_it_to_the_nodes() {
    let mut world = world(&[compiler()]);
    let native = built(&world);
    let manifest = fs::read_to_string(world.place.path().join("out/manifest.json")).expect("it was built");
    assert!(manifest.contains("\"first-boot\"") && manifest.contains("ghc-pkg"), "{manifest}");
    world.method = Method::Sandbox;
    let (host, _) = with_sandbox(&world, made_by_the_real_one);
    let sandbox = root(&world, &host);
    for tree in [&native, &sandbox] {
        assert_eq!(text(tree, CACHE), None);
        assert_eq!(text(tree, "/var/lib/ghc/package.conf.d/package.cache.lock"), None);
        assert_eq!(
            text(tree, "/var/lib/ghc/package.conf.d/base.conf").as_deref(),
            Some("name: base\n"),
            "the package's"
        );
        let program = text(tree, "/usr/lib/imgbuild/made").expect("what makes it");
        assert!(program.contains("    ghc)\n") && program.contains("ghc-pkg recache --global"), "{program}");
        assert!(tree.lookup(LINK).is_some(), "a unit calls it");
    }
    assert_eq!(text(&native, "/usr/lib/imgbuild/made"), text(&sandbox, "/usr/lib/imgbuild/made"));
}

/// Who wants it in the image says so, and then no node makes it.
#[test]
fn a_recipe_can_have_it_in_the_image() {
    let world = world(&[compiler()]).recipe("[configure]\npackages = { ghc = \"sandbox\" }\n");
    let (host, _) = with_sandbox(&world, made_by_the_real_one);
    let tree = root(&world, &host);
    assert_eq!(text(&tree, CACHE).as_deref(), Some("binary"));
    assert!(tree.lookup("/usr/lib/imgbuild/made").is_none() && tree.lookup(LINK).is_none());
}

/// What else the program is asked for stays a gap, and where there is nothing to make there is no unit.
#[test]
fn only_what_is_known_is_left() {
    let said = refusal(&world(&[deb("ghc", "/usr/bin/ghc-pkg unregister base\n")]));
    assert!(said.contains("`ghc-pkg`: unregister base"), "{said}");
    let add_on = deb("emacsen-common", "/usr/lib/emacsen-common/emacs-package-install --postinst emacsen-common\n")
        .directory("/var/lib/emacsen-common/state/package/installed", 0o755)
        .file("/usr/lib/emacsen-common/packages/compat/emacsen-common", 0o644, "0\n");
    let tree = built(&world(&[add_on]));
    assert!(tree.lookup("/usr/lib/imgbuild/made").is_none(), "no Emacs is there");
}

/// A package whose script draws a password into a database is left to the machine, and on a root that is shared refused.
#[test]
fn case_143_a_directory_with_its_password_is_left_to_the_first_boot() {
    let server = || deb("slapd", "slappasswd -s \"$(head -c 15 /dev/urandom | base64)\" >/etc/password\n");
    let mut own = world(&[server()]);
    let native = built(&own);
    let manifest = fs::read_to_string(own.place.path().join("out/manifest.json")).expect("it was built");
    assert!(
        manifest.contains("its directory and the password of its administrator are each machine's own"),
        "{manifest}"
    );
    own.method = Method::Sandbox;
    let (host, _) = with_sandbox(&own, |tree| {
        let script = text(tree, "/var/lib/dpkg/info/slapd.postinst").expect("it is there");
        assert!(!script.contains("urandom"), "it does not run: {script}");
    });
    for tree in [native, root(&own, &host)] {
        assert_eq!(text(&tree, "/etc/password"), None);
        let unit = text(&tree, "/etc/systemd/system/imgbuild-first-boot.service").expect("a unit");
        assert!(unit.contains("first-boot slapd hello\n"), "with what needs it: {unit}");
        let status = text(&tree, "/var/lib/dpkg/status").expect("dpkg's");
        assert!(status.contains("Package: slapd\nStatus: install ok unpacked\n"), "{status}");
    }
    let said = refusal(&world(&[server()]).recipe("[diskless]\nroot = \"nfs\"\n"));
    assert!(said.contains("cannot leave the configuration of slapd, hello to the first boot"), "{said}");
}

/// The program as a node runs it: each thing once, again when asked for, and what fails is tried at the next boot.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs what a node runs")]
fn a_node_makes_each_thing_once() {
    let tree = built(&world(&[compiler()]));
    let place = tempfile::tempdir().expect("a directory");
    let below = place.path().display().to_string();
    let program = text(&tree, "/usr/lib/imgbuild/made").expect("what makes it");
    let program = program.replace("marks=/var/cache", &format!("marks={below}/cache"));
    let program = program.replace("\nPATH=", &format!("\nPATH={below}/bin:"));
    fs::create_dir(place.path().join("bin")).expect("made");
    fs::write(place.path().join("made"), program).expect("written");
    let log = place.path().join("log");
    let run = |works: bool, arguments: &[&str]| {
        let script = format!("#!/bin/sh\necho \"$@\" >>{below}/log\nexit {}\n", i32::from(!works));
        let path = place.path().join("bin/ghc-pkg");
        fs::write(&path, script).expect("written");
        Command::new("chmod").arg("+x").arg(&path).status().expect("chmod starts");
        let ran = Command::new("sh").arg(place.path().join("made")).args(arguments).output().expect("sh starts");
        let calls = fs::read_to_string(&log).unwrap_or_default().lines().count();
        (ran.status.code(), calls, String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (status, calls, said) = run(false, &[]);
    assert_eq!((status, calls), (Some(1), 1), "{said}");
    assert!(said.contains("cannot make what is due for ghc"), "{said}");
    assert_eq!(run(true, &[]).1, 2, "it is tried again");
    assert_eq!(run(true, &[]), (Some(0), 2, String::new()), "it is there");
    assert_eq!(run(true, &["ghc"]).1, 3, "it is asked for");
    assert_eq!(run(true, &["other"]).0, Some(1), "nothing of that name");
    assert_eq!(fs::read_dir(place.path().join("cache/imgbuild/made")).expect("marks").count(), 1, "no lock is left");
}

//! Two packages of trixie, built by the real dkms in the real sandbox: twice, from nothing, to the same bytes; and loaded
//! on a booted node.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cluster::Booted;
use crate::cluster::DIZZY;
use crate::cluster::variant;
use crate::switched_on;

const MODULES: &str =
    "[[kernel-module]]\npackage = \"v4l2loopback-dkms\"\n[[kernel-module]]\npackage = \"acpi-call-dkms\"\n\n";

/// Builds with a cache of its own, which has nothing to recall.
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn build(recipe: &Path, place: &Path, name: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command
        .arg(recipe)
        .arg("-o")
        .arg(place.join(name))
        .arg("--cache")
        .arg(place.join(format!("{name}-cache")))
        .arg("-q");
    let built = command.output().expect("it can be started");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn two_packages_are_built_twice_and_loaded_on_a_node() {
    let test = "two_packages_are_built_twice_and_loaded_on_a_node";
    // A compiler in a cache that is empty, and a boot more than others have, stand behind a switch of their own.
    if !switched_on("IMGBUILD_TEST_DKMS", test) {
        return;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write").keep();
    let recipe = variant(&place, &[("[diskless]\n", &format!("{MODULES}[diskless]\n"))]);
    build(&recipe, &place, "one");
    build(&recipe, &place, "two");
    let text = |name: &str, file: &str| fs::read_to_string(place.join(name).join(file)).expect("written");
    assert_eq!(text("one", "tree.txt"), text("two", "tree.txt"));
    assert_eq!(text("one", "manifest.json"), text("two", "manifest.json"));
    let tree = text("one", "tree.txt");
    for module in ["acpi_call.ko", "v4l2loopback.ko"] {
        assert_eq!(
            tree.lines().filter(|line| line.ends_with(&format!("/updates/dkms/{module}"))).count(),
            1,
            "{module}"
        );
    }
    for absent in ["/usr/bin/make\n", "/usr/bin/gcc\n", "/usr/sbin/dkms\n", "/usr/src/"] {
        assert!(!tree.contains(absent), "{absent}");
    }
    if crate::cluster::on(test) {
        loads(&place.join("one"), &place);
    }
    fs::remove_dir_all(place).expect("ours");
}

fn loads(output: &Path, place: &Path) {
    let mut booted = Booted::new(output, place.join("lab"), 1024);
    let (node, _) = DIZZY;
    booted.power_on(&[node]);
    for module in ["v4l2loopback", "acpi_call"] {
        let said = booted
            .ask(node, &format!("modprobe {module} 2>&1; grep -c '^{module} ' /proc/modules; modinfo -n {module}"));
        let (loaded, path) = said.split_once('\n').unwrap_or((&said, ""));
        assert_eq!(loaded, "1", "{module}: {said}");
        assert!(path.ends_with(&format!("/updates/dkms/{module}.ko")), "{said}");
    }
    booted.power_off(&[node]);
    booted.finish();
}

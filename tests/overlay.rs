//! The overlay on a real root, judged by the programs that read what it writes.

use std::path::Path;
use std::process::Command;

use imgbuild::overlay;
use imgbuild::recipe;
use imgbuild::tree::tar;

use crate::reference;
use crate::switched_on;

/// What the example's nodes run.
const PACKAGES: &str = "systemd-sysv,dbus,ifupdown,nfs-common,openssh-server,chrony,syslog-ng-core,mariadb-server,\
                        iproute2,initramfs-tools";

/// Runs a program in the root, and returns what it said.
#[expect(clippy::disallowed_methods, reason = "a test runs the real tool")]
fn run(root: &Path, command: &[&str]) -> String {
    // In namespaces of its own, so that /proc is there and nothing outlives the command.
    let proc = format!("--mount-proc={}/proc", root.display());
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", &proc, "chroot"])
        .arg(root)
        .args(command)
        .output()
        .expect("unshare starts");
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {words}");
    words
}

/// The example's node, unpacked.
#[expect(clippy::disallowed_methods, reason = "a test runs the real tool")]
fn with_overlay(suite: &str) -> tempfile::TempDir {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let recipe = recipe::load(&recipe).expect("the example is a recipe");
    let mut tree = reference::read(&reference::root_with(suite, "node", PACKAGES));
    overlay::apply(&mut tree, &recipe).expect("the example fits the root");
    let directory = tempfile::tempdir().expect("the tests can write");
    let archive = directory.path().with_extension("tar");
    tar::write(&tree, std::fs::File::create(&archive).expect("written")).expect("a tree is an archive");
    let root = directory.path().to_str().expect("a plain name");
    let status = Command::new("tar").args(["-C", root, "--numeric-owner", "-xpf"]).arg(&archive).status();
    std::fs::remove_file(&archive).expect("it was just made");
    assert!(status.expect("tar starts").success());
    directory
}

/// The lines of a text that are neither empty nor comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn check(suite: &str) {
    let directory = with_overlay(suite);
    let root = directory.path();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));

    // systemd takes the units, and warns of none of them.
    let units =
        ["imgbuild-hostname", "imgbuild-ssh-host-keys", "imgbuild-mariadb-data", "mariadb", "networking", "syslog-ng"];
    for unit in units {
        let said = run(root, &["systemd-analyze", "verify", "--man=no", &format!("{unit}.service")]);
        assert!(!said.contains("imgbuild"), "{unit}: {said}");
    }

    // The fstab becomes a mount unit per line, nothing is dropped, moved or fails.
    let fstab = read("etc/fstab");
    run(root, &["mkdir", "/run/generated"]);
    let generator = "/usr/lib/systemd/system-generators/systemd-fstab-generator";
    run(root, &[generator, "/run/generated", "/run/generated", "/run/generated"]);
    for line in lines(&fstab) {
        let point = line.split(' ').nth(1).expect("a mount point");
        let unit = run(root, &["systemd-escape", "--path", "--suffix=mount", point]);
        let text = read(&format!("run/generated/{}", unit.trim()));
        assert!(text.contains(&format!("Where={point}\n")) && text.contains("Type=tmpfs\n"), "{text}");
    }

    // tmpfiles makes again what the tmpfs hide, as it was.
    let directories: Vec<String> = lines(&read("etc/tmpfiles.d/imgbuild.conf"))
        .iter()
        .map(|line| line.split(' ').nth(1).expect("a path").to_owned())
        .collect();
    assert!(directories.iter().any(|path| path.starts_with("/var/log/")), "{directories:?}");
    let look = |path: &String| run(root, &["stat", "-c", "%n %a %u:%g", path]);
    let before: Vec<String> = directories.iter().map(look).collect();
    run(root, &["rm", "-rf", "/var/log", "/var/lib/nfs"]);
    run(root, &["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/imgbuild.conf"]);
    let after: Vec<String> = directories.iter().map(look).collect();
    assert_eq!(before, after);

    // The daemons take their configuration; sshd only with the node's own keys.
    run(root, &["syslog-ng", "--syntax-only", "--no-caps"]);
    run(root, &["sh", "-c", "[ -e /dev/null ] || mknod -m 666 /dev/null c 1 3"]);
    run(root, &["/usr/lib/imgbuild/ssh-host-keys"]);
    run(root, &["mkdir", "-p", "/run/sshd"]);
    run(root, &["/usr/sbin/sshd", "-t"]);
    let keys = run(root, &["sh", "-c", "stat -L -c '%a %s' /run/imgbuild/ssh/ssh_host_*_key"]);
    assert!(keys.lines().count() == 2 && keys.lines().all(|line| line.starts_with("600 ")), "{keys}");
    assert!(!run(root, &["ls", "/etc/ssh"]).contains("ssh_host"));
    run(root, &["chronyd", "-p"]);
}

#[test]
fn real_programs_accept_the_node() {
    let test = "real_programs_accept_the_node";
    if !(switched_on("IMGBUILD_TEST_PEERS", test)
        && switched_on("IMGBUILD_TEST_ROOT", test)
        && switched_on("IMGBUILD_TEST_MIRROR", test))
    {
        return;
    }
    check("trixie");
    check("bookworm");
}

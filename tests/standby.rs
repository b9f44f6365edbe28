//! Two heads that share nothing: the first one dies under a node, and the node does not notice more than a pause.
//!
//! Both heads run from the unchanged files of their bundles, each in namespaces of its own on one network; keepalived
//! moves the address. Needs what `cluster` needs, and keepalived.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use imgbuild::boot::Options;

use crate::cluster::BOOT;
use crate::cluster::Booted;
use crate::cluster::SOON;
use crate::cluster::TUMBLER;
use crate::cluster::boots;

const SCRAMBLER: &str = "scrambler";
/// Shows a node's key.
const KEY: &str = "cat /run/imgbuild/ssh/ssh_host_ed25519_key.pub";
/// A file of many blocks, and one that nothing on a node reads before it is asked to.
const BIG: &str = "/usr/sbin/mariadbd";
const UNREAD: &str = "/usr/bin/mariadb-dump";

#[test]
fn nodes_survive_one_of_two_heads() {
    let changes = [
        ("root = \"nfs\" ", "root = \"overlay\" "),
        ("address = \"192.168.1.1\"", "address = \"192.168.1.1\"\nown-address = \"192.168.1.2\""),
        ("# Each node always", "[head.standby]\nname = \"spare\"\nown-address = \"192.168.1.3\"\n\n# Each node always"),
        ("formats = [\"tar\"]", "formats = [\"tar\", \"erofs\"]"),
    ];
    boots("nodes_survive_one_of_two_heads", &changes, |output, place| {
        let before = interfaces();
        fail_over(output, place);
        assert_eq!(interfaces(), before, "interfaces stay behind");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("Linux has it");
        assert!(!mounts.contains(&*place.to_string_lossy()), "mounts stay behind: {mounts}");
    });
}

#[expect(clippy::print_stderr, reason = "the times are wanted in the log")]
fn fail_over(output: &Path, place: &Path) {
    let sums = Sums::of(output);
    let mut options = Options::default();
    options.memory = 1024;
    options.standby = true;
    let mut booted = Booted::with_options(output, place.join("lab"), options);
    let standby = booted.cluster.logs();
    let first = place.join("lab/first/log");
    let node = TUMBLER.0;
    booted.power_on(&[node]);
    let lower = booted.ask(node, "findmnt -n -r -o FSTYPE,SOURCE /run/initramfs/imgbuild/lower");
    assert!(lower.starts_with("nfs4 192.168.1.1:/srv/imgbuild/diskless-node/gen/"), "{lower}");
    logs_to(&mut booted, node, "before", &first);
    let key = booted.ask(node, KEY);
    for lab in ["lab", "lab/first"] {
        // What is a node's own lies with the roots.
        let copy = place.join(lab).join(format!("disk/0/state/{node}/ssh/ssh_host_ed25519_key.pub"));
        assert_eq!(fs::read_to_string(copy).unwrap_or_default().trim_end(), key, "{lab} has no copy");
    }

    // Files that are open, a program that runs from one, and a place in the tree.
    booted.ask(
        node,
        &format!(
            "exec 7<{BIG} 8</usr/lib/os-release; dd bs=1000 count=1 <&7 >/run/begun 2>/dev/null; cd /usr/share/perl5"
        ),
    );
    booted.ask(node, "/usr/bin/sleep 1d & echo $! >/run/sleeps");
    booted.ask(node, "echo 3 >/proc/sys/vm/drop_caches");
    booted.cluster.kill_head().unwrap_or_else(|error| panic!("{error}"));
    let died = Instant::now();
    // From the other head, since nothing of it is in the node's memory.
    assert_eq!(booted.ask_long(node, &format!("sha256sum <{UNREAD}"), BOOT), sums.line(UNREAD));
    let pause = died.elapsed();
    eprintln!("{node}: reads {:.1} s after the head's death", pause.as_secs_f64());
    assert!(pause < Duration::from_secs(60), "{pause:?} without an answer");
    assert_eq!(booted.ask_long(node, "cat <&8 | sha256sum", SOON), sums.line("/usr/lib/os-release"));
    assert_eq!(booted.ask_long(node, "cat /run/begun - <&7 | sha256sum", BOOT), sums.line(BIG));
    assert_eq!(booted.ask(node, "ls -A | head -1 | wc -l; kill $(cat /run/sleeps) && echo ran"), "1\nran");
    assert_eq!(booted.ask(node, "systemctl restart ssh && systemctl is-active ssh"), "active");
    logs_to(&mut booted, node, "after", &standby);

    let again = format!("rm -r /var/lib/imgbuild/*; systemctl restart imgbuild-ssh-host-keys; {KEY}");
    assert_eq!(booted.ask(node, &again), key, "the copy on the head that is left");

    // Another node finds all it needs on the head that is left.
    booted.power_on(&[SCRAMBLER]);
    assert_eq!(booted.ask(SCRAMBLER, "hostname"), SCRAMBLER);
    logs_to(&mut booted, SCRAMBLER, "alone", &standby);
    for node in [node, SCRAMBLER] {
        assert_eq!(booted.ask(node, "dmesg | grep -ciE 'stale file|i/o error|state recovery failed'"), "0", "{node}");
        assert_eq!(booted.ask(node, "systemctl --failed --no-legend --plain"), "", "{node}");
    }
    booted.power_off(&[node, SCRAMBLER]);
    booted.finish();
}

/// The sums of a root's files, as the build has written them down.
struct Sums(String);

impl Sums {
    fn of(output: &Path) -> Self {
        Self(fs::read_to_string(output.join("tree.txt")).expect("a build leaves it"))
    }

    /// As sha256sum(1) prints standard input's.
    fn line(&self, path: &str) -> String {
        let end = format!(" {path}");
        let line = self.0.lines().find(|line| line.ends_with(&end)).unwrap_or_else(|| panic!("{path} is in the root"));
        let sum = line.split(' ').find(|word| word.len() == 64).unwrap_or_else(|| panic!("{line}"));
        format!("{sum}  -")
    }
}

/// Waits until a word of a node's arrives in a head's logs.
fn logs_to(booted: &mut Booted, node: &str, word: &str, logs: &Path) {
    booted.ask(node, &format!("logger -p local3.info {word} from {node}"));
    let log = logs.join(node).join("local3");
    let end = Instant::now() + SOON;
    while !fs::read_to_string(&log).unwrap_or_default().contains(&format!("{word} from {node}")) {
        assert!(Instant::now() < end, "{} has no line of {node}", log.display());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[expect(clippy::disallowed_methods, reason = "what is found is sorted")]
fn interfaces() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/class/net").expect("Linux has it");
    entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect()
}

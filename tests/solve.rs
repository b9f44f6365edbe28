//! The solver beside apt, on a real index.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use imgbuild::archive::Index;
use imgbuild::deb::Package;
use imgbuild::deb::stanzas;
use imgbuild::solve::Request;
use imgbuild::solve::Wish;
use imgbuild::solve::judge;
use imgbuild::solve::order;
use imgbuild::solve::solve;

use crate::switched_on;

/// Sets of packages, and whether what they recommend is wanted too.
const SETS: &[(&str, &str, bool)] = &[
    (
        "node",
        "systemd-sysv openssh-server linux-image-amd64 mariadb-server chrony nfs-common syslog-ng ifupdown busybox",
        false,
    ),
    ("web", "live-boot firefox-esr default-jre-headless postfix nginx-full php-fpm", false),
    ("machines", "docker.io qemu-system-x86 network-manager cryptsetup-initramfs grub-efi-amd64", false),
    ("desktop", "gnome-core task-kde-desktop build-essential", false),
    (
        "hpc",
        "slurmd slurmctld munge sssd-ldap nfs-kernel-server rdma-core openmpi-bin nginx postgresql \
         prometheus-node-exporter podman man-db cron logrotate sudo dbus apache2 exim4 lvm2 mdadm snmpd autofs python3 \
         build-essential",
        false,
    ),
    ("node, recommends", "systemd-sysv openssh-server linux-image-amd64 mariadb-server chrony nfs-common", true),
    ("web, recommends", "firefox-esr default-jre-headless postfix nginx-full php-fpm", true),
];

/// Suite, set, and what apt installs and we do not, and the other way round; each with its reason.
const DIFFERENCES: &[(&str, &str, &[&str], &[&str])] = &[
    // gpg-agent needs `pinentry-curses | pinentry`: apt takes the first before it sees that the desktop brings another.
    ("trixie", "desktop", &["pinentry-curses"], &[]),
    // golang-github-containers-common needs `container-network-stack`, which netavark provides, and podman needs
    // netavark by name: apt has taken the other provider, with what that needs, before it comes to podman's wish.
    (
        "trixie",
        "hpc",
        &[
            "containernetworking-plugins",
            "iptables",
            "libip4tc2",
            "libip6tc2",
            "libnetfilter-conntrack3",
            "libnfnetlink0",
            "libnftnl11",
        ],
        &[],
    ),
];

#[test]
fn the_same_set_as_apt() {
    if !switched_on("IMGBUILD_TEST_PEERS", "solve::the_same_set_as_apt")
        || !switched_on("IMGBUILD_TEST_MIRROR", "solve::the_same_set_as_apt")
    {
        return;
    }
    let mut differences = Vec::new();
    for suite in ["bookworm", "trixie"] {
        let scratch = tempfile::tempdir().expect("a directory to work in");
        let apt = Apt::new(scratch.path(), suite);
        let index = apt.index();
        for &(name, set, recommends) in SETS {
            let ours = ours(&index, set, recommends);
            let wishes: Vec<&str> = set.split_whitespace().collect();
            let theirs = apt.install(&wishes, &ours.base, recommends);
            let strip = |label: &String| label.split(' ').next().unwrap_or_default().to_owned();
            let missing: Vec<String> = theirs.difference(&ours.packages).map(strip).collect();
            let extra: Vec<String> = ours.packages.difference(&theirs).map(strip).collect();
            let known = DIFFERENCES.iter().find(|known| (known.0, known.1) == (suite, name));
            let (apt_only, ours_only): (&[&str], &[&str]) = known.map_or((&[], &[]), |known| (known.2, known.3));
            if missing != apt_only || extra != ours_only {
                let count = ours.packages.len();
                differences.push(format!("{suite}, {name}, {count}: apt only {missing:?}; ours only {extra:?}"));
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

struct Ours {
    packages: BTreeSet<String>,
    base: Vec<String>,
}

fn ours(index: &Index, set: &str, recommends: bool) -> Ours {
    let named = |name: &str| Wish::Named { name: name.to_owned(), architecture: None, version: None, release: None };
    let mut request = Request::new("amd64");
    let base = solve(index, &request).expect("the base can be installed");
    request.recommends = recommends;
    request.wishes = set.split_whitespace().map(named).collect();
    let solution = solve(index, &request).expect("the set can be installed");
    assert_eq!(order(index, &solution).expect("no circle").len(), solution.packages.len());
    assert_eq!(judge(index, &request, &solution.ids().collect()).expect("it was just found"), solution);
    let name = |id| index.package(id).name.clone();
    let label = |id| format!("{} {}", index.package(id).name, index.package(id).version);
    Ours { packages: solution.ids().map(label).collect(), base: base.ids().map(name).collect() }
}

/// The machine's apt with its own mirror, but an empty system of a suite.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(scratch: &Path, suite: &str) -> Self {
        for directory in ["lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(scratch.join(directory)).expect("a directory");
        }
        std::fs::write(scratch.join("status"), "").expect("an empty status");
        let path = |name: &str| scratch.join(name).display().to_string();
        let mirrors = imgbuild::host::apt::mirrors(Path::new("/")).debian;
        let mirror = mirrors.first().expect("the machine has a mirror");
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let sources = format!("deb [signed-by={keyring}] {mirror} {suite} main\n");
        std::fs::write(scratch.join("sources.list"), sources).expect("a list of sources");
        let options = vec![
            format!("-oDir::State::lists={}", path("lists")),
            format!("-oDir::State::status={}", path("status")),
            format!("-oDir::Cache={}", path("cache")),
            format!("-oDir::Etc::sourcelist={}", path("sources.list")),
            "-oDir::Etc::sourceparts=-".to_owned(),
            "-oAPT::Sandbox::User=root".to_owned(),
        ];
        let apt = Self { options };
        apt.run("apt-get", &["-q", "update"]);
        apt
    }

    #[expect(clippy::disallowed_methods, reason = "the peer is run to compare with it")]
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(&self.options).args(arguments).output().expect("apt is installed");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn index(&self) -> Index {
        let files = self.run("apt-get", &["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"]);
        let mut packages = Vec::new();
        for file in files.lines() {
            let text = self.run("/usr/lib/apt/apt-helper", &["cat-file", file]);
            for stanza in stanzas(text.as_bytes()) {
                packages.push(Package::from_index(&stanza.expect("a stanza"), 0).expect("a package"));
            }
        }
        Index::from_packages(packages)
    }

    fn install(&self, wishes: &[&str], base: &[String], recommends: bool) -> BTreeSet<String> {
        let recommends = format!("-oAPT::Install-Recommends={}", u8::from(recommends));
        let mut arguments = vec![recommends.as_str(), "-s", "install"];
        arguments.extend(wishes);
        arguments.extend(base.iter().map(String::as_str));
        let output = self.run("apt-get", &arguments);
        // Inst libc6 (2.36-9+deb12u13 Debian:12.12/oldstable [amd64])
        let installed = |line: &str| {
            let mut words = line.strip_prefix("Inst ")?.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('(')))
        };
        output.lines().filter_map(installed).collect()
    }
}

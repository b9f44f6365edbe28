//! A built cluster, really booted: the head from the unchanged files of its bundle, and two nodes at once.
//!
//! Needs a mirror to build from, root, and QEMU with the head's services; see `imgbuild::boot`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use imgbuild::boot::Cluster;
use imgbuild::boot::Firmware;
use imgbuild::boot::Options;
use imgbuild::testing::HOWTO;

use crate::switched_on;

/// Two emulated nodes need two minutes on an idle machine, and ten times as long on a busy one.
pub(crate) const BOOT: Duration = Duration::from_secs(1800);
/// For one question, on such a machine.
pub(crate) const SOON: Duration = Duration::from_secs(600);

pub(crate) fn on(name: &str) -> bool {
    ["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_BOOT"].iter().all(|switch| switched_on(switch, name))
}

/// Builds a recipe as users do; what is fetched is kept between runs.
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
pub(crate) fn build(recipe: &Path, output: &Path) {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install-cache");
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.arg(recipe).arg("-o").arg(output).arg("--cache").arg(cache).arg("-q");
    let built = command.output().expect("it can be started");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// A booted cluster under test. Its logs stay when the test fails.
pub(crate) struct Booted {
    pub(crate) cluster: Cluster,
    pub(crate) place: PathBuf,
    began: Instant,
}

impl Booted {
    pub(crate) fn new(output: &Path, place: PathBuf, memory: u32) -> Self {
        Self::with(output, place, memory, Firmware::Bios)
    }

    pub(crate) fn with(output: &Path, place: PathBuf, memory: u32, firmware: Firmware) -> Self {
        let mut options = Options::default();
        options.firmware = firmware;
        options.memory = memory;
        Self::with_options(output, place, options)
    }

    pub(crate) fn with_options(output: &Path, place: PathBuf, mut options: Options) -> Self {
        options.probe = true;
        options.capture = true;
        let cluster = Cluster::start(output, &place, &options).unwrap_or_else(|error| panic!("{error}"));
        Self { cluster, place, began: Instant::now() }
    }

    /// Switches nodes on and waits until systemd has nothing more to do on any.
    pub(crate) fn power_on(&mut self, nodes: &[&str]) {
        self.began = Instant::now();
        for node in nodes {
            self.cluster.power_on(node).unwrap_or_else(|error| panic!("{error}"));
        }
        self.come_up(nodes);
    }

    /// Waits until systemd has nothing more to do on any.
    #[expect(clippy::print_stderr, reason = "the times are wanted in the log")]
    pub(crate) fn come_up(&mut self, nodes: &[&str]) {
        for node in nodes {
            self.cluster.wait(node, BOOT).unwrap_or_else(|error| self.fail(&error.to_string()));
            let state = self.ask_long(node, "systemctl is-system-running --wait", BOOT);
            let failed = self.ask(node, "systemctl --failed --no-legend --plain");
            assert_eq!((state.as_str(), failed.as_str()), ("running", ""), "{node}");
            let up = self.ask(node, "cut -d ' ' -f 1 /proc/uptime");
            eprintln!("{node}: up {:.1} s after power on, kernel {up} s", self.began.elapsed().as_secs_f64());
        }
    }

    pub(crate) fn ask(&mut self, node: &str, command: &str) -> String {
        self.ask_long(node, command, SOON)
    }

    pub(crate) fn ask_long(&mut self, node: &str, command: &str, patience: Duration) -> String {
        match self.cluster.ask(node, command, patience) {
            Ok(answer) => answer.text,
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Asks for a clean end, and sees the machine go off by itself.
    pub(crate) fn power_off(&mut self, nodes: &[&str]) {
        for node in nodes {
            self.ask(node, "systemctl poweroff --no-block");
        }
        self.end(nodes, "reboot: Power down");
        for node in nodes {
            let console = self.console(node);
            assert!(!console.contains("Failed unmounting"), "{node}: {}", tail(&console));
        }
    }

    /// Waits until machines are off, and sees that these were their kernels' last words.
    pub(crate) fn end(&mut self, nodes: &[&str], words: &str) {
        self.ended(nodes);
        for node in nodes {
            let console = self.console(node);
            assert!(console.contains(words), "{node}: {}", tail(&console));
        }
    }

    /// Waits until machines are off and services of the head have ended.
    pub(crate) fn ended(&mut self, names: &[&str]) {
        let end = Instant::now() + BOOT;
        let mut left: Vec<&str> = names.to_vec();
        while !left.is_empty() {
            let ended = self.cluster.ended();
            left.retain(|name| !ended.iter().any(|ended| ended == name));
            if Instant::now() > end {
                self.fail(&format!("{left:?} do not end"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Runs a line of shell on the head.
    pub(crate) fn head(&mut self, line: &str) {
        self.cluster.on_head(line).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits for words on a node's console; what finds them in it says which.
    pub(crate) fn says<T>(&self, node: &str, words: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + BOOT;
        loop {
            if let Some(found) = find(&self.console(node)) {
                return found;
            }
            if Instant::now() > end {
                self.fail(&format!("{node} does not say `{words}`"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub(crate) fn console(&self, node: &str) -> String {
        let path = self.cluster.logs().join(format!("console-{node}"));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    pub(crate) fn fail(&self, words: &str) -> ! {
        let names = imgbuild::boot::names(self.cluster.head());
        let consoles: Vec<String> =
            names.iter().map(|name| format!("== {name}\n{}", tail(&self.console(name)))).collect();
        panic!("{words}; logs are in {}\n{}", self.cluster.logs().display(), consoles.join("\n"));
    }

    /// The end of a test that went well: nothing stays.
    pub(crate) fn finish(self) {
        let Self { cluster, place, .. } = self;
        let logs = cluster.logs();
        drop(cluster);
        let left: Vec<&str> = ["disk", "new", "setup"].into_iter().filter(|name| place.join(name).exists()).collect();
        assert!(left.is_empty(), "{left:?} stay behind");
        assert!(logs.exists(), "the logs stay for people");
        // A ring: after its last file the first is begun anew.
        let length =
            |number: u32| fs::metadata(logs.join(format!("packets.pcap{number}"))).map_or(0, |file| file.len());
        let packets: u64 = (0..4).map(length).sum();
        assert!(packets > 1 << 20, "{packets} bytes of packets are kept");
        fs::remove_dir_all(place).expect("ours");
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// Path → what tells whether it was written: the time of its last change, size and mode.
pub(crate) type States = BTreeMap<String, (i64, i64, u64, u32)>;

/// The states of everything below a directory.
#[expect(clippy::disallowed_methods, reason = "what is found is sorted")]
pub(crate) fn states(directory: &Path) -> States {
    let (mut found, mut left) = (States::new(), vec![directory.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).expect("the root is ours") {
            let path = entry.expect("the root is ours").path();
            let stat = fs::symlink_metadata(&path).expect("just listed");
            let name = path.strip_prefix(directory).expect("below it").to_string_lossy().into_owned();
            found.insert(name, (stat.ctime(), stat.ctime_nsec(), stat.size(), stat.mode()));
            if stat.is_dir() {
                left.push(path);
            }
        }
    }
    found
}

/// The paths that are other than before.
fn written(before: &States, directory: &Path) -> Vec<String> {
    let after = states(directory);
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let changed = after.iter().filter(|(path, state)| before.get(*path) != Some(state)).map(|(path, _)| path);
    let mut paths: Vec<String> = gone.chain(changed).cloned().collect();
    paths.sort();
    paths
}

/// What holds for a node in every mode.
pub(crate) fn is_a_node(booted: &mut Booted, node: &str, address: &str) {
    assert_eq!(booted.ask(node, "hostname"), node);
    for (place, kind) in [("/tmp", "tmpfs"), ("/var/tmp", "tmpfs"), ("/var/log", "tmpfs"), ("/media", "tmpfs")] {
        assert_eq!(booted.ask(node, &format!("findmnt -n -o FSTYPE {place}")), kind, "{node} {place}");
    }
    let wanted = if node == "dizzy" { "active" } else { "inactive" };
    assert_eq!(booted.ask(node, "systemctl is-active mariadb"), wanted, "{node}");
    booted.ask(node, &format!("logger -p local3.info hello from {node}"));
    let log = booted.cluster.logs().join(node).join("local3");
    let end = Instant::now() + SOON;
    while !fs::read_to_string(&log).unwrap_or_default().contains(&format!("hello from {node}")) {
        assert!(Instant::now() < end, "{} has no line of {node}", log.display());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(booted.ask(node, "ip -o -4 address show").contains(address), "{node}");
}

/// The keys with which sshd of a node answers on the network, asked from another.
fn ssh_key(booted: &mut Booted, from: &str, address: &str) -> String {
    let text = booted.ask(from, &format!("ssh-keyscan -t ed25519 {address} 2>/dev/null"));
    let line = text.lines().find(|line| line.starts_with(address)).unwrap_or_default();
    let key = line.split_whitespace().nth(2).unwrap_or_default().to_owned();
    assert!(key.starts_with("AAAA"), "sshd of {address} does not answer {from}: {text}");
    key
}

pub(crate) const DIZZY: (&str, &str) = ("dizzy", "192.168.1.10");
pub(crate) const TUMBLER: (&str, &str) = ("tumbler", "192.168.1.11");

/// The paths of all generations, on the first of a lab's disks, which are other than before. The others are the nodes'
/// own.
pub(crate) fn written_by_nodes(before: &States, disk: &Path) -> Vec<String> {
    written(before, disk).into_iter().filter(|path| Path::new(path).starts_with("0/gen")).collect()
}

/// Packages whose scripts draw secrets, whole files and words in a configuration, and one whose own program packs words
/// that are there.
const OWN: (&str, &str) = (
    "    \"mariadb-server\",",
    "    \"cracklib-runtime\", \"popularity-contest\", \"ssl-cert\",\n    \"mariadb-server\",",
);

/// On a root that nodes share: links to what each has made for itself, and what is the same for all.
const FOR_ALL: [&str; 6] = [
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "etc/popularity-contest.conf",
    "etc/cron.d/popularity-contest",
    "var/cache/cracklib",
    "var/cache/imgbuild/made",
];

/// Each node has secrets of its own, none of them empty, and what no image can have made.
fn have_their_own(booted: &mut Booted) {
    let whole = |booted: &mut Booted, node: &str| {
        let key = "openssl pkey -in /etc/ssl/private/ssl-cert-snakeoil.key -pubout";
        let pair =
            booted.ask(node, &format!("{key}; openssl x509 -in /etc/ssl/certs/ssl-cert-snakeoil.pem -noout -pubkey"));
        let (one, two) = pair.split_at(pair.len() / 2);
        assert!(one.starts_with("-----BEGIN PUBLIC KEY-----") && one.trim() == two.trim(), "{node}: {pair}");
        assert_eq!(booted.ask(node, "stat -Lc '%a %U %G' /etc/ssl/private/ssl-cert-snakeoil.key"), "640 root ssl-cert");
        let number = booted.ask(node, "sed -n 's/^MY_HOSTID=\"\\(.*\\)\"$/\\1/p' /etc/popularity-contest.conf");
        assert!(number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()), "{node}: {number}");
        [one.to_owned(), number]
    };
    let [dizzy, tumbler] = [DIZZY, TUMBLER].map(|(node, _)| whole(booted, node));
    // Whoever shares the root sees a link, and no key.
    let links = "test $(findmnt -n -o FSTYPE /) != nfs || readlink /etc/ssl/private/ssl-cert-snakeoil.key \
                 /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/popularity-contest.conf /etc/cron.d/popularity-contest";
    for line in booted.ask(TUMBLER.0, links).lines() {
        assert!(line.starts_with("/run/imgbuild/"), "{line}");
    }
    assert!(dizzy.iter().zip(&tumbler).all(|(one, other)| one != other), "{dizzy:?} {tumbler:?}");
    for (node, _) in [DIZZY, TUMBLER] {
        assert_eq!(booted.ask(node, "test -s /var/cache/cracklib/cracklib_dict.pwd && echo made"), "made", "{node}");
        assert!(booted.ask(node, "echo password | cracklib-check").starts_with("password: it is"), "{node}");
    }
}

#[test]
fn nodes_share_a_root_over_nfs() {
    boots("nodes_share_a_root_over_nfs", &[OWN], |output, place| shared(output, place, have_their_own, &FOR_ALL));
}

/// Two nodes of the example at once, by BIOS, from one root over NFS.
pub(crate) fn shared_root(output: &Path, place: &Path) {
    shared(output, place, |_| {}, &[]);
}

/// `for_all`: what the first node to come may make for all, below the root.
fn shared(output: &Path, place: &Path, more: impl FnOnce(&mut Booted), for_all: &[&str]) {
    let mut booted = Booted::new(output, place.join("lab"), 1024);
    let disk = booted.cluster.disk();
    let before = states(&disk);
    booted.power_on(&[DIZZY.0, TUMBLER.0]);
    for (node, address) in [DIZZY, TUMBLER] {
        is_a_node(&mut booted, node, address);
        let root = booted.ask(node, "findmnt -n -r -o FSTYPE,OPTIONS /");
        assert!(root.starts_with("nfs ") && root.contains("rw,") && root.contains("vers=3"), "{root}");
    }
    let ids = [DIZZY, TUMBLER].map(|(node, _)| booted.ask(node, "cat /etc/machine-id"));
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    let keys = [ssh_key(&mut booted, TUMBLER.0, DIZZY.1), ssh_key(&mut booted, DIZZY.0, TUMBLER.1)];
    assert_ne!(keys[0], keys[1]);
    more(&mut booted);
    booted.power_off(&[DIZZY.0, TUMBLER.0]);
    // All else that nodes write is memory, or lies in the directories that are each node's own.
    let mut written = written_by_nodes(&before, &disk);
    written.retain(|path| {
        let below = path.split_once("/root/").map(|(_, below)| Path::new(below));
        let is_for_all =
            |below: &Path| for_all.iter().any(|one| below.starts_with(one) || Path::new(one).starts_with(below));
        !below.is_some_and(is_for_all)
    });
    assert_eq!(written, Vec::<String>::new(), "nodes write into the root that they share");
    booted.finish();
}

/// Builds the example with other words in it, and boots it; both get a directory that goes when all went well.
pub(crate) fn boots(test: &str, changes: &[(&str, &str)], boot: impl FnOnce(&Path, &Path)) {
    if !on(test) {
        return;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write").keep();
    let output = place.join("output");
    build(&variant(&place, changes), &output);
    boot(&output, &place);
    fs::remove_dir_all(place).expect("ours");
}

/// The example with other words in it.
pub(crate) fn variant(place: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let mut text = fs::read_to_string(example).expect("the example is there");
    for (from, to) in changes {
        assert!(text.contains(from), "the example has `{from}`");
        text = text.replacen(from, to, 1);
    }
    let path = place.join("variant.toml");
    fs::write(&path, text).expect("ours");
    path
}

/// The Howto's head, typed in from its page: taken over, built, and booted until the one service runs that the Howto has on
/// one node alone. By `imgbuild boot --until`, for somebody who wants a status and not a console.
#[test]
#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn the_howtos_head_is_taken_over_and_boots_until_its_database_runs() {
    if !on("the_howtos_head_is_taken_over_and_boots_until_its_database_runs") {
        return;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write").keep();
    let (disk, recipe, output) = (place.join("disk"), place.join("howto.toml"), place.join("output"));
    for (name, text) in HOWTO {
        let path = disk.join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("ours");
        fs::write(path, text).expect("ours");
    }
    // "I like to create softlinks in the configuration directory corresponding to the hostnames of my nodes."
    let link = disk.join("var/lib/tftpboot/pxelinux.cfg/tumbler");
    std::os::unix::fs::symlink("01-00-21-97-7a-24-0f", link).expect("ours");
    let run = |arguments: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &place);
        command.output().expect("the program starts")
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let taken = run(&["init".as_ref(), "--from-head".as_ref(), &disk, &recipe]);
    assert_eq!(taken.status.code(), Some(0), "{}", text(&taken.stderr));
    build(&recipe, &output);
    let (logs, words) = (place.join("until"), |words: &str| words.split(' ').map(PathBuf::from).collect::<Vec<_>>());
    let boot = |until: &str| {
        let until = words(until);
        let begin = ["boot".as_ref(), output.as_path(), "--logs".as_ref(), logs.as_path()];
        run(&begin.into_iter().chain(until.iter().map(PathBuf::as_path)).collect::<Vec<_>>())
    };
    let none = boot("--until multiuser");
    assert_eq!(none.status.code(), Some(1), "{}", text(&none.stdout));
    let wanted = "there is no unit `multiuser.target` in the image; did you mean `multi-user.target`?";
    assert!(text(&none.stderr).contains(wanted) && none.stdout.is_empty(), "{}", text(&none.stderr));
    let late = boot("--until rescue.target --timeout 2");
    assert_eq!(late.status.code(), Some(1), "{}", text(&late.stdout));
    let wanted = "node `dizzy` has taken longer than `--timeout` before it reached `rescue.target`";
    assert!(text(&late.stderr).contains(wanted), "{}", text(&late.stderr));
    let done = boot("--until mariadb.service --timeout 1800");
    assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    let said = text(&done.stdout);
    assert!(said.contains("head: dizzy has reached mariadb.service after "), "{said}");
    // Its own TFTP server, and not dnsmasq's.
    let log = |name: &str| fs::read_to_string(logs.join(name)).unwrap_or_default();
    assert!(!log("dnsmasq.log").contains("dnsmasq-tftp"), "{}", log("dnsmasq.log"));
    fs::remove_dir_all(place).expect("ours");
}

#[test]
fn nodes_boot_by_overlay_and_into_memory() {
    let changes = [
        OWN,
        ("root = \"nfs\" ", "root = \"overlay\" "),
        ("name = \"tumbler\"", "name = \"tumbler\"\nroot = \"ram\""),
        ("formats = [\"tar\"]", "formats = [\"tar\", \"erofs\"]"),
        ("name = \"scoop\"", "name = \"scoop\"\nboot = \"ipxe\""),
    ];
    boots("nodes_boot_by_overlay_and_into_memory", &changes, overlay_and_ram);
}

fn overlay_and_ram(output: &Path, place: &Path) {
    for loaded in ["boot/vmlinuz", "boot/initrd.img"] {
        let links = fs::metadata(output.join(loaded)).expect("it was built").nlink();
        assert_eq!(links, 2, "`{loaded}` has another name among the head's files");
    }
    let mut booted = Booted::new(output, place.join("lab"), 1536);
    let disk = booted.cluster.disk();
    let before = states(&disk);
    let mut uefi = Options::default();
    (uefi.firmware, uefi.memory, uefi.probe) = (Firmware::Uefi, 1536, true);
    booted.cluster.power_on_as(DIZZY.0, &uefi).unwrap_or_else(|error| panic!("{error}"));
    booted.power_on(&[TUMBLER.0]);
    booted.come_up(&[DIZZY.0]);
    by_ipxe(&mut booted);
    for ((node, address), lower) in [(DIZZY, "nfs4"), (TUMBLER, "erofs")] {
        is_a_node(&mut booted, node, address);
        assert_eq!(booted.ask(node, "findmnt -n -r -o FSTYPE /"), "overlay", "{node}");
        assert_eq!(booted.ask(node, "findmnt -n -r -o FSTYPE /run/initramfs/imgbuild/lower"), lower, "{node}");
    }
    let ids = [DIZZY, TUMBLER].map(|(node, _)| booted.ask(node, "cat /etc/machine-id"));
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert_ne!(ssh_key(&mut booted, TUMBLER.0, DIZZY.1), ssh_key(&mut booted, DIZZY.0, TUMBLER.1));
    have_their_own(&mut booted);
    booted.power_off(&[DIZZY.0]);

    let stop = "for name in web web-boot nfs dnsmasq rpcbind syslog-ng; do stop $name; done; ip address flush dev eth1";
    booted.head(stop);
    let read = "echo 3 >/proc/sys/vm/drop_caches; cat /usr/bin/* /usr/sbin/* | wc -c";
    let bytes: u64 = booted.ask_long(TUMBLER.0, read, BOOT).parse().unwrap_or_default();
    assert!(bytes > 20 << 20, "{bytes} bytes without a head");
    let goes_on = "systemctl restart ssh && systemctl is-active ssh && touch /etc/goes-on && ls /etc/goes-on";
    assert_eq!(booted.ask(TUMBLER.0, goes_on), "active\n/etc/goes-on");
    assert_eq!(booted.ask(TUMBLER.0, "dmesg | grep -ci 'i/o error'"), "0");
    booted.power_off(&[TUMBLER.0]);
    assert_eq!(written_by_nodes(&before, &disk), Vec::<String>::new(), "nodes write into the head's root");
    booted.finish();
}

/// dizzy's firmware has a PXE of its own, and is given Debian's iPXE; tumbler's card has an iPXE of QEMU's already, which
/// is told by its option 175 and goes on at once. From there on it is HTTP.
fn by_ipxe(booted: &mut Booted) {
    let log = |name: &str| fs::read_to_string(booted.cluster.logs().join(name)).unwrap_or_default();
    let (dnsmasq, web) = (log("dnsmasq.log"), log("web-boot.out"));
    let sent = dnsmasq.lines().filter_map(|line| line.split_once(": sent /srv/tftp/"));
    let sent: BTreeSet<&str> = sent.map(|(_, file)| file).collect();
    assert_eq!(sent, BTreeSet::from([format!("snponly.efi to {}", DIZZY.1).as_str()]), "nothing else by TFTP");
    for ((_, address), mac) in [(DIZZY, "00-21-97-7d-ad-bf"), (TUMBLER, "00-21-97-7a-24-0f")] {
        let own = format!("url:/ipxe.cfg/01-{mac}");
        for path in ["url:/imgbuild.ipxe", &own, "/vmlinuz", "/initrd.img"] {
            let fetched = |line: &str| line.starts_with(&format!("{address}:")) && line.ends_with(path);
            assert!(web.lines().any(fetched), "{address} has not fetched {path}:\n{web}");
        }
    }
    let seen = booted.ask(DIZZY.0, "ls -d /sys/firmware/efi; grep -o 'BOOTIF=[^ ]*' /proc/cmdline");
    assert_eq!(seen, "/sys/firmware/efi\nBOOTIF=01-00-21-97-7d-ad-bf");
}

/// Two images, and what the site has for their nodes: something for all of them, and a secret of one. Their roots are
/// shared, so it is for files that the images have.
const IMAGES: &str = r#"
[image.plain]

[[image.other.overlay]]
path = "/etc/version"
content = "1"

[[site]]
path = "/etc/issue"
source = "issue"
mode = "0644"
template = true
on-change = "restart chrony"

[[site]]
path = "/etc/issue.net"
source = "secret"
nodes = ["dizzy"]

[output]
"#;

/// A recipe of its own for the same head: another root, which its node has in memory.
const STORAGE: [(&str, &str); 5] = [
    ("name = \"diskless-node\"", "name = \"storage\""),
    ("    \"mariadb-server\",       # in the root of all, running on dizzy only\n", ""),
    ("root = \"nfs\" ", "root = \"ram\" "),
    ("formats = [\"tar\"]", "formats = [\"erofs\"]"),
    ("[initramfs]\n", "[[overlay]]\npath = \"/etc/version\"\ncontent = \"storage\"\n\n[initramfs]\n"),
];
const PLAIN: &str = "diskless-node.plain";
const OTHER: &str = "diskless-node.other";
const VAULT: &str = "name = \"vault\"\nmac = \"02:00:00:00:00:09\"\naddress = \"192.168.1.90\"\n\n";

#[test]
fn generations_change_beside_running_nodes() {
    let images = [("name = \"tumbler\"\n", "name = \"tumbler\"\nimage = \"other\"\n"), ("[output]\n", IMAGES)];
    boots("generations_change_beside_running_nodes", &images, |one, place| {
        let lab = place.join("lab");
        fs::create_dir(&lab).expect("ours");
        fs::copy(place.join("variant.toml"), lab.join("recipe.toml")).expect("ours");
        fs::write(lab.join("issue"), "first {{ node.name }}\n").expect("ours");
        fs::write(lab.join("secret"), "hunter2\n").expect("ours");
        let node =
            "[[node]]\nname = \"gimlet\"\nmac = \"02:00:00:00:00:01\"\naddress = \"192.168.1.13\"\n\n[image.plain]\n";
        let changes = [images[0], images[1], ("content = \"1\"", "content = \"2\""), ("[image.plain]\n", node)];
        build(&variant(place, &changes), &lab.join("two"));
        let storage = variant(place, &STORAGE);
        let text = fs::read_to_string(&storage).expect("ours");
        let (nodes, rest) =
            (text.find("name = \"dizzy\"").expect("its nodes"), text.find("[[overlay]]\npath = \"/etc/version\""));
        fs::write(&storage, [&text[..nodes], VAULT, &text[rest.expect("after them")..]].concat()).expect("ours");
        build(&storage, &lab.join("three"));
        fs::copy(env!("CARGO_BIN_EXE_imgbuild"), lab.join("imgbuild")).expect("ours");
        two_generations(one, place);
    });
}

impl Booted {
    /// Waits until a node answers so, which it shall within a minute, and longer only on a machine that is busy.
    #[expect(clippy::print_stderr, reason = "the time is wanted in the log")]
    pub(crate) fn comes_to(&mut self, node: &str, command: &str, wanted: &str) {
        let began = Instant::now();
        loop {
            let answer = self.ask(node, command);
            if answer == wanted {
                break;
            }
            if began.elapsed() > SOON {
                self.fail(&format!("{node}: `{command}` still says {answer}"));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        eprintln!("{node}: `{command}` after {:.0} s", began.elapsed().as_secs_f64());
    }
}

/// Files of the site on nodes that run: those of one node on no other, changed ones without a reboot.
fn site_of_running_nodes(booted: &mut Booted, place: &Path) {
    let own = "cat /etc/issue /etc/issue.net";
    assert_eq!(booted.ask(DIZZY.0, own), format!("first {}\nhunter2", DIZZY.0));
    assert!(!booted.ask(TUMBLER.0, &format!("{own}; grep -rs hunter2 /run")).contains("hunter2"));
    let mount = "mkdir -p /run/other; mount -i -t nfs -o ro,vers=3,nolock,addr=192.168.1.1,retrans=1,soft,timeo=30 \
                 192.168.1.1:/srv/imgbuild/diskless-node/site";
    let with =
        |node: &str| format!("{mount}/{node} /run/other >/dev/null 2>&1 && cat /run/other/now/* || echo refused");
    assert_eq!(booted.ask(TUMBLER.0, &with(DIZZY.0)), "refused");
    let started = "systemctl show chrony --property ActiveEnterTimestampMonotonic";
    let before = booted.ask(DIZZY.0, started);
    fs::write(place.join("lab/issue"), "second {{ node.name }}\n").expect("ours");
    booted.head("/lab/imgbuild publish /lab/recipe.toml --site --to / >/var/log/site 2>&1");
    let said = fs::read_to_string(booted.cluster.logs().join("site")).expect("it was written");
    assert!(said.starts_with("changed /etc/issue: dizzy, scrambler, tumbler\n"), "{said}");
    for node in [DIZZY.0, TUMBLER.0] {
        booted.comes_to(node, "head -n 1 /etc/issue", &format!("second {node}"));
        assert_eq!(booted.ask(node, "grep -o 192.168.1.13.gimlet /etc/hosts"), "192.168.1.13\tgimlet");
    }
    // What the file is for is told of it once all files are there.
    let told = format!("[ \"$({started})\" = {before} ] && echo silence || echo told");
    booted.comes_to(DIZZY.0, &told, "told");
}

/// Publishes a third image, of another recipe, and switches its node on. What the head's README has people do then is done
/// with what stands for its services here.
fn third_recipe(booted: &mut Booted, place: &Path) {
    booted.head(
        "mkdir -p /lab/disk/storage /srv/imgbuild/storage; mount --bind /lab/disk/storage /srv/imgbuild/storage; \
         /lab/imgbuild publish /lab/three --to / >/var/log/third 2>&1",
    );
    booted.head(
        "old=$(cat /run/dnsmasq.id); words=$(tr '\\0' '\\n' </proc/$old/cmdline); stop dnsmasq; \
         while [ -e /proc/$old ]; do sleep 0.1; done; start dnsmasq $words; \
         start web $(sed -n s/^ExecStart=//p /etc/systemd/system/imgbuild-http.service)",
    );
    let site = "/srv/imgbuild/storage/site/vault";
    booted.head(&format!(
        "grep -q '^{site} 192.168.1.90(ro,' /etc/exports.d/imgbuild.exports; \
         echo 'EXPORT {{ Export_Id = 900; Path = \"{site}\"; Pseudo = \"{site}\"; Access_Type = None; SecType = sys; \
         CLIENT {{ Clients = 192.168.1.90; Access_Type = RO; Squash = No_Root_Squash; }} FSAL {{ Name = VFS; }} }}' \
         >>/run/ganesha.conf; kill -HUP $(cat /run/nfs.id)"
    ));
    let table = imgbuild::boot::read_head(&place.join("lab/three")).unwrap_or_else(|error| panic!("{error}"));
    let machine = imgbuild::boot::find(&table, "vault").unwrap_or_else(|error| panic!("{error}"));
    let mut options = Options::default();
    options.probe = true;
    booted.cluster.power_on_machine(machine, &options).unwrap_or_else(|error| panic!("{error}"));
}

/// The third image's node has its own root, and knows all nodes of the head's.
fn has_the_third_image(booted: &mut Booted) {
    booted.come_up(&["vault"]);
    let seen = "hostname; cat /etc/version; echo; findmnt -n -r -o FSTYPE /run/initramfs/imgbuild/lower; \
                grep -c -w -e dizzy -e tumbler -e vault /etc/hosts; ls /etc/issue.net";
    assert_eq!(booted.ask("vault", seen), "vault\nstorage\nerofs\n3\n/etc/issue.net");
    assert!(!booted.ask("vault", "cat /etc/issue /etc/issue.net").contains("hunter2"));
    booted.power_off(&["vault"]);
}

fn two_generations(output: &Path, place: &Path) {
    let mut booted = Booted::new(output, place.join("lab"), 1024);
    let version = "cat /etc/version 2>/dev/null || echo plain";
    booted.head("/lab/imgbuild publish /lab/recipe.toml --site --to / >/var/log/site 2>&1");
    third_recipe(&mut booted, place);
    booted.power_on(&[DIZZY.0]);
    assert_eq!(booted.ask(DIZZY.0, version), "plain");
    has_the_third_image(&mut booted);
    // One image's root is the same, with a node more; the lab has unpacked it in its own way.
    booted.head("/lab/imgbuild publish /lab/two --to / --keep-root >/var/log/publish 2>&1");
    booted.power_on(&[TUMBLER.0]);
    assert_eq!(booted.ask(TUMBLER.0, version), "2");
    site_of_running_nodes(&mut booted, place);
    // Nothing that the first node lives on has gone or changed.
    let stale = "echo 3 >/proc/sys/vm/drop_caches; find / -xdev -type f -exec cat {} + 2>&1 >/dev/null | head -3";
    assert_eq!(booted.ask_long(DIZZY.0, stale, BOOT), "");
    let listed = |booted: &mut Booted, image: &str| {
        let command = format!("/lab/imgbuild generations --cluster {image} >/var/log/generations 2>&1");
        booted.head(&command);
        fs::read_to_string(booted.cluster.logs().join("generations")).expect("it was written")
    };
    let (plain, other) = (listed(&mut booted, PLAIN), listed(&mut booted, OTHER));
    let storage = listed(&mut booted, "storage");
    let menu =
        |listed: &str, line: usize| listed.lines().nth(line).and_then(|line| line.split(' ').nth(2).map(str::to_owned));
    assert_eq!((menu(&other, 0).as_deref(), menu(&other, 1).as_deref()), (Some("now"), Some("previous")), "{other}");
    assert!(other.lines().next().is_some_and(|line| line.ends_with(" tumbler")), "{other}");
    assert!(plain.lines().any(|line| line.ends_with(" previous dizzy")), "{plain}");
    booted.power_off(&[TUMBLER.0]);
    booted.head("/lab/imgbuild rollback --cluster diskless-node.other >/var/log/rollback 2>&1");
    booted.power_on(&[TUMBLER.0]);
    assert_eq!(booted.ask(TUMBLER.0, version), "1");
    assert_eq!(listed(&mut booted, PLAIN), plain, "one image is taken back, the others stay");
    assert_eq!(listed(&mut booted, "storage"), storage, "also that of another recipe");
    assert_eq!(booted.ask(DIZZY.0, version), "plain");
    booted.power_off(&[DIZZY.0, TUMBLER.0]);
    booted.finish();
}

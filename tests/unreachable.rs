//! Nodes that cannot have their root: each says in one line on its console what it wanted and what it got, and tries
//! again or restarts, as the table in doc/nodes.md says.
//!
//! None of them comes further than its initramfs, so that one head and four nodes at once are quickly done.

use std::fs;
use std::path::Path;

use imgbuild::boot::Options;
use imgbuild::digest::Sha256;

use crate::cluster::Booted;
use crate::cluster::DIZZY;
use crate::cluster::TUMBLER;
use crate::cluster::boots;

const SCRAMBLER: &str = "scrambler";
const SLIM: &str = "slim";
/// Of a node's memory in MiB: not enough for the image and a system beside it.
const LITTLE: u32 = 320;

/// dizzy has a read-only root over NFS, tumbler one in memory, slim the same with less of it, and scrambler shares the
/// classic one. Who gives up restarts soon.
const CHANGES: [(&str, &str); 6] = [
    ("    \"mariadb-server\",       # in the root of all, running on dizzy only\n", ""),
    ("services = [\"mariadb\"]", "root = \"overlay\""),
    ("name = \"tumbler\"", "name = \"tumbler\"\nroot = \"ram\"\nkernel-arguments = [\"panic=2\"]"),
    // So many attempts are made; it is a pause as well.
    ("name = \"scrambler\"", "name = \"scrambler\"\nkernel-arguments = [\"panic=2\", \"rootdelay=2\"]"),
    (
        "[initramfs]\n",
        "[[node]]\nname = \"slim\"\nmac = \"00:21:97:7d:b3:27\"\naddress = \"192.168.1.13\"\nroot = \"ram\"\n\
         kernel-arguments = [\"panic=2\"]\n\n[initramfs]\n",
    ),
    ("formats = [\"tar\"]", "formats = [\"tar\", \"erofs\"]"),
];

#[test]
fn nodes_say_what_they_do_not_get() {
    boots("nodes_say_what_they_do_not_get", &CHANGES, nothing_answers);
}

fn nothing_answers(output: &Path, place: &Path) {
    let mut booted = Booted::new(output, place.join("lab"), 1024);
    let generation = root(output);
    let directory = format!("/srv/imgbuild/diskless-node/gen/{generation}");
    let image = fs::read(output.join("root.erofs")).expect("it was asked for");
    let mut changed = image.clone();
    changed[0] ^= 1;
    fs::write(place.join("lab/changed"), &changed).expect("ours");
    booted.head(&format!("cp /lab/changed {directory}/root.erofs; stop nfs; stop web"));
    booted.ended(&["nfs", "web"]);
    let little = with_memory(LITTLE);
    for (node, options) in [(DIZZY.0, &little), (TUMBLER.0, &with_memory(1024)), (SCRAMBLER, &little), (SLIM, &little)]
    {
        booted.cluster.power_on_as(node, options).unwrap_or_else(|error| panic!("{error}"));
    }

    // Memory does not grow.
    let size = image.len() / (1 << 20) + 64;
    let wanted = format!(
        "wanted {size} MiB of memory for ram:http://192.168.1.1:8067/diskless-node/{generation}/root.erofs got "
    );
    let line = says(&booted, SLIM, &wanted);
    let got: u32 = line.split(" got ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    assert!(line.ends_with("MiB; giving up") && (1..LITTLE).contains(&got), "{line}");

    // Servers that do not answer are asked again.
    let overlay = format!("wanted nfs 192.168.1.1:{directory}/root (vers=4.1,hard,noatime) got 'Connection refused' ");
    says(&booted, DIZZY.0, &format!("{overlay}in attempt 1 of 20, the next in "));
    says(&booted, DIZZY.0, &format!("{overlay}in attempt 2 of 20, the next in "));
    let url = format!("wanted http://192.168.1.1:8067/diskless-node/{generation}/root.erofs ");
    let line = says(&booted, TUMBLER.0, &format!("{url}got 'wget: "));
    assert!(line.contains("Connection refused' in attempt 1 of 20, the next in "), "{line}");
    let classic = format!("wanted nfs 192.168.1.1:{directory}/root,nfsvers=3,tcp got '");
    let line = says(&booted, SCRAMBLER, &classic);
    assert!(line.contains("refused") && line.ends_with("; giving up"), "{line}");

    // When they do, nodes go on: one to its root, the other to an image that is not its own.
    booted.head("start nfs ganesha.nfsd -F -f /run/ganesha.conf -L /var/log/ganesha.log -p /run/ganesha.pid");
    booted.head(&format!("start web {}", web(output)));
    says(&booted, DIZZY.0, &format!("root nfs:192.168.1.1:{directory}/root is mounted"));
    let [ours, theirs] = [&image, &changed].map(|bytes| Sha256::of(bytes));
    says(&booted, TUMBLER.0, &format!("{url}with sha256 {ours} got sha256 {theirs}, fetching it once more"));
    says(&booted, TUMBLER.0, &format!("{url}with sha256 {ours} got sha256 {theirs} twice; giving up"));
    booted.end(&[TUMBLER.0, SCRAMBLER, SLIM], "reboot: Restarting system");
    booted.head(&format!("stop {}", DIZZY.0));
    booted.finish();
}

/// A node that is never asked anything.
fn with_memory(memory: u32) -> Options {
    let mut options = Options::default();
    options.memory = memory;
    options
}

fn root(output: &Path) -> String {
    let text = fs::read_to_string(output.join("head/etc/imgbuild/diskless-node.json")).expect("it is in the bundle");
    let cluster: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    cluster["root"].as_str().expect("a name").to_owned()
}

/// The command of the head's web server.
fn web(output: &Path) -> String {
    let unit = output.join("head/etc/systemd/system/imgbuild-http.service");
    let unit = fs::read_to_string(unit).expect("a node has its root in memory");
    unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something").to_owned()
}

/// Waits for a line of imgbuild's on a node's console that begins with these words, or has them in it.
fn says(booted: &Booted, node: &str, words: &str) -> String {
    booted.says(node, words, |console| {
        let mut lines = console.lines().filter_map(|line| line.split_once("imgbuild: ")).map(|(_, line)| line.trim());
        lines.find(|line| line.contains(words)).map(str::to_owned)
    })
}

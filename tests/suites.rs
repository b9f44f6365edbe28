//! The example's cluster of another suite, really booted. What it needs is in `cluster`.

use std::fmt::Write as _;
use std::fs;

use imgbuild::host::lab;

use crate::cluster::build;
use crate::cluster::on;
use crate::cluster::shared_root;
use crate::cluster::variant;

/// Answers on the second serial line where systemd is too old to take that from the firmware's tables.
const UNIT: &str = "[Unit]
Description=Answer questions on the second serial line
DefaultDependencies=no
[Service]
ExecStart=/bin/sh /usr/local/lib/probe.sh
StandardInput=null
";

/// The same as part of a recipe.
fn probe() -> String {
    let mut text = String::new();
    for (path, content) in [("/etc/systemd/system/probe.service", UNIT), ("/usr/local/lib/probe.sh", lab::LOOP)] {
        write!(text, "[[overlay]]\npath = \"{path}\"\ncontent = '''\n{content}'''\n\n").expect("it is a String");
    }
    let wants = "/etc/systemd/system/local-fs.target.wants/probe.service";
    write!(text, "[[overlay]]\npath = \"{wants}\"\nsymlink = \"../probe.service\"\n\n").expect("it is a String");
    text
}

#[test]
fn bookworm_boots() {
    if !on("bookworm_boots") {
        return;
    }
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write").keep();
    let probe = probe() + "[diskless]\n";
    let changes = [("suite = \"trixie\" ", "suite = \"bookworm\" "), ("[diskless]\n", probe.as_str())];
    let output = place.join("output");
    build(&variant(&place, &changes), &output);
    shared_root(&output, &place);
    fs::remove_dir_all(place).expect("ours");
}

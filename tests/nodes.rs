//! `imgbuild nodes` and `adopt`, as people type them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;

const RECIPE: &str = "name = \"x\"\n[debian]\nsuite = \"trixie\"\n[diskless]\nroot = \"overlay\"\n[head]\nname = \"hn\"\n\
                      address = \"10.0.0.1\"\ninterface = \"eth1\"\nnetwork = \"10.0.0.0/24\"\n\
                      range = [\"10.0.0.100\", \"10.0.0.200\"]\n\n[[node]]   # ours\nname = \"n[1-2]\"\n\
                      mac = [[\"02:00:00:00:00:01\", \"02:00:00:00:01:01\"], \"02:00:00:00:00:02\"]\n\
                      address = \"10.0.0.[10-11]\"\nservices = [\"slurmd\"]\ntags.rack = \"r1\"\n\n[output]\nformats = [\"tar\"]\n";

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn imgbuild(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild")).args(arguments).output().expect("it can be started")
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("below")).expect("made");
    fs::write(path, text).expect("written");
}

/// A recipe, and a head that has seen some machines.
fn world() -> (tempfile::TempDir, String, String) {
    let place = tempfile::tempdir().expect("the tests can write");
    write(place.path(), "x.toml", RECIPE);
    let leases = "0 02:00:00:00:01:01 10.0.0.10 n1 *\n1795869296 02:00:00:00:00:0b 10.0.0.100 Laptop *\n\
                  1795869296 02:00:00:00:00:0c 10.0.0.101 \u{1b}[2Jx *\nduid 00:01\n";
    write(place.path(), "head/var/lib/misc/dnsmasq.leases", leases);
    write(place.path(), "head/var/log/n2/kern", "hello\n");
    let (recipe, head) =
        (place.path().join("x.toml").display().to_string(), place.path().join("head").display().to_string());
    (place, recipe, head)
}

#[test]
fn the_table_has_what_the_head_knows() {
    let (_place, recipe, head) = world();
    let output = imgbuild(&["nodes", &recipe, "--head", &head]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "ADDRESS", "MAC", "ROOT", "SERVICES", "TAGS", "RUNS", "SEEN"]);
    let first = ["n1", "10.0.0.10", "02:00:00:00:00:01,02:00:00:00:01:01", "overlay", "slurmd", "rack=r1", "-"];
    assert_eq!(lines[1][..7], first);
    assert_eq!(lines[1][7..], ["has", "its", "address"]);
    assert!(lines[2][0] == "n2" && lines[2][7].starts_with("20"), "{text}");
    assert!(text.ends_with(
        "no node: 02:00:00:00:00:0b at 10.0.0.100, calls itself laptop\n\
         no node: 02:00:00:00:00:0c at 10.0.0.101, calls itself -\n"
    ));
    assert!(!text.contains('\u{1b}'), "what a machine calls itself reaches no terminal");

    let output = imgbuild(&["nodes", &recipe, "--head", &head, "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(json["nodes"][0]["macs"][1], "02:00:00:00:01:01");
    assert_eq!(
        (&json["nodes"][0]["has-lease"], &json["nodes"][1]["has-lease"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert_eq!((&json["nodes"][0]["last-seen"], &json["nodes"][1]["tags"]["rack"]), (&Value::Null, &Value::from("r1")));
    assert_eq!(json["strangers"][0]["mac"], "02:00:00:00:00:0b");
    assert_eq!(json["strangers"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_machine_becomes_a_node() {
    let (place, recipe, _) = world();
    let output = imgbuild(&["adopt", &recipe, "02-00-00-00-00-0B", "n3"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "n3 02:00:00:00:00:0b 10.0.0.12\n");
    let node = "\n[[node]]\nname = \"n3\"\nmac = \"02:00:00:00:00:0b\"\naddress = \"10.0.0.12\"\n";
    let wanted = RECIPE.replace("\n[output]", &format!("{node}\n[output]"));
    assert_eq!(fs::read_to_string(&recipe).expect("it is there"), wanted);
    for (arguments, code, words) in [
        (&["02:00:00:00:01:01", "n4"][..], 2, "it is a card of the node `n1` already"),
        (&["02:00:00:00:00:0c", "n2"], 2, "the name `n2` is taken already"),
        (&["02:00:00:00:00:0c", "n4", "--address", "10.0.0.1"], 2, "the address `10.0.0.1` is taken already"),
        (&["02:00:00:00:00:0c", "N 4"], 2, "a host name is of lower-case letters"),
        (&["ff:ff:ff:ff:ff:ff", "n4"], 2, "this address is of no single machine"),
    ] {
        let output = imgbuild(&[&["adopt", &recipe], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(words)), (Some(code), true), "{said}");
    }
    assert_eq!(fs::read_to_string(&recipe).expect("it is there"), wanted, "what is refused changes nothing");
    assert_eq!(fs::read_dir(place.path()).expect("ours").count(), 2, "and leaves nothing");
}

//! `imgbuild nodes` and `adopt`, as people type them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::time::Instant;

use imgbuild::recipe;
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
        assert!(!said.contains(".imgbuild-"), "the recipe is named, and no file that is gone: {said}");
    }
    assert_eq!(fs::read_to_string(&recipe).expect("it is there"), wanted, "what is refused changes nothing");
    #[expect(clippy::disallowed_methods, reason = "they are only counted")]
    let left = fs::read_dir(place.path()).expect("ours").count();
    assert_eq!(left, 2, "and leaves nothing");
}

/// By a link, and with line ends of another kind: both stay.
#[test]
fn a_machine_becomes_a_node_where_the_recipe_lies() {
    let (place, recipe, _) = world();
    fs::write(&recipe, RECIPE.replace('\n', "\r\n")).expect("written");
    let link = place.path().join("link.toml");
    std::os::unix::fs::symlink("x.toml", &link).expect("a link");
    let output = imgbuild(&["adopt", &link.display().to_string(), "02:00:00:00:00:0b", "n3"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    let node = "\n[[node]]\nname = \"n3\"\nmac = \"02:00:00:00:00:0b\"\naddress = \"10.0.0.12\"\n";
    let wanted = RECIPE.replace("\n[output]", &format!("{node}\n[output]")).replace('\n', "\r\n");
    assert_eq!(fs::read_to_string(&recipe).expect("it is there"), wanted);
}

/// Recipe to head files for two nodes and for two thousand, by a list and by an inventory: the same files, accepted by
/// dnsmasq where it is installed. The seconds are printed, and nothing is judged by them.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "dnsmasq judges, and the times are wanted in the log"
)]
fn two_thousand_nodes_are_a_table() {
    let place = tempfile::tempdir().expect("the tests can write");
    let mac = |number: u32| format!("02:00:00:00:{:02x}:{:02x}", number / 256, number % 256);
    let text = |nodes: &str, inventory: &str| {
        let (before, _) = RECIPE.split_once("\n[[node]]").expect("it has some");
        let before = before
            .replace("10.0.0.0/24", "10.0.0.0/16")
            .replace("name = \"x\"\n", &format!("name = \"x\"\n{inventory}"));
        format!("{before}\n{nodes}")
    };
    let mut made = Vec::new();
    for number in [2, 2000] {
        let macs: Vec<String> = (1..=number).map(|at| format!("{:?}", mac(at))).collect();
        let list = format!(
            "[[node]]\nname = \"n[0001-{number:04}]\"\naddress = \"10.0.1.[1-{number}]\"\nmac = [{}]\n",
            macs.join(", ")
        );
        let line = |at: u32| {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0100 + at);
            format!("n{at:04},{},{address}\n", mac(at))
        };
        let table: String = (1..=number).map(line).collect();
        write(place.path(), "nodes.csv", &format!("name,mac,address\n{table}"));
        for (how, text) in [("list", text(&list, "")), ("inventory", text("", "inventory = \"nodes.csv\"\n"))] {
            write(place.path(), "many.toml", &text);
            let began = Instant::now();
            let recipe = recipe::load(&place.path().join("many.toml")).unwrap_or_else(|error| panic!("{error}"));
            let head = crate::head::assemble(&recipe, &crate::head::loaders()).expect("it has all it needs");
            let files = head.iter().count();
            eprintln!("{number} nodes by {how}: {files} files in {:.2} s", began.elapsed().as_secs_f64());
            let dnsmasq = crate::head::text(&head, "etc/dnsmasq.d/imgbuild.conf");
            assert_eq!(dnsmasq.matches("\ndhcp-host=").count(), number as usize);
            made.push(dnsmasq);
        }
    }
    assert!(made[2] == made[3] && made[2].contains("\ndhcp-host=02:00:00:00:07:d0,10.0.8.208,n2000,infinite\n"));
    let path = place.path().join("dnsmasq.conf");
    fs::write(&path, &made[2]).expect("ours");
    match Command::new("dnsmasq").arg("--test").arg(format!("--conf-file={}", path.display())).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("skipped: dnsmasq --test ({error})"),
    }
}

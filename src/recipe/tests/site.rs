//! Files that nodes take from the head.

use super::*;

/// A cluster with two images and two nodes.
const IMAGES: &str = r#"name = "x"
[debian]
suite = "trixie"
[diskless]
[head]
name = "head"
address = "10.0.0.1"
interface = "eth1"
network = "10.0.0.0/24"
range = ["10.0.0.100", "10.0.0.200"]
[image.compute]
[image.gpu]
[[node]]
name = "n[1-2]"
mac = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
address = "10.0.0.[10-11]"
tags = { rack = "r1" }
[[node]]
name = "g1"
mac = "02:00:00:00:00:0c"
address = "10.0.0.12"
image = "gpu"
"#;

fn with(site: &str) -> String {
    format!("{IMAGES}[[site]]\npath = \"/etc/key\"\nsource = \"files/a\"\n{site}")
}

#[test]
fn nodes_are_chosen_by_name_image_and_tag() {
    let world = World::new();
    for (site, wanted) in [
        ("", "g1 n1 n2"),
        ("nodes = [\"n[1-2]\"]", "n1 n2"),
        ("nodes = [\"n1,g1\", \"n2\"]\nimages = [\"gpu\"]", "g1"),
        ("images = [\"compute\", \"gpu\"]", "g1 n1 n2"),
        ("tags = { rack = \"r1\" }", "n1 n2"),
        ("tags = { rack = \"r2\" }", ""),
    ] {
        let recipe = world.good(&with(site));
        assert_eq!(recipe.site[0].nodes.iter().cloned().collect::<Vec<_>>().join(" "), wanted, "{site}");
        assert!(recipe.site[0].files.is_empty(), "who builds does not read them");
        assert!(recipe.each().iter().all(|image| image.site == recipe.site));
        assert_eq!(recipe.digest, world.good(IMAGES).digest, "no part of what is built");
    }
    let entry = world.good(&with("on-change = \"restart munge\"\nmode = \"0440\"\ngroup = \"munge\"")).site.remove(0);
    assert_eq!(entry.on_change, Some(("restart".into(), "munge.service".into())));
    assert_eq!((entry.mode, entry.user.as_str(), entry.group.as_str()), (Some(0o440), "root", "munge"));
}

#[test]
fn what_no_node_can_take_is_said_with_its_place() {
    let world = World::new();
    let at = |line: usize, column: usize, words: &str| format!("recipe.toml:{line}:{column}: {words}");
    for (site, wanted) in [
        ("nodes = [\"n3\"]", at(26, 10, "`site.nodes` is \"n3\" (there is no node `n3`)")),
        ("images = [\"gpus\"]", at(26, 11, "there is no `[image.gpus]` (did you mean \"gpu\"?)")),
        (
            "on-change = \"start munge\"",
            at(
                26,
                13,
                "`site.on-change` is \"start munge\" (write \"reload UNIT\" or \"restart UNIT\", such as \"restart munge\")",
            ),
        ),
        (
            "on-change = \"reload a;b\"",
            at(
                26,
                13,
                "`site.on-change` is \"reload a;b\" (write \"reload UNIT\" or \"restart UNIT\", such as \"restart munge\")",
            ),
        ),
        (
            "[[site]]\npath = \"/etc/key\"\nsource = \"b\"\nnodes = [\"g1\"]",
            at(27, 8, "node `g1` has another file for `/etc/key` already, at recipe.toml:24:8"),
        ),
        (
            "owner = \"x\"",
            at(
                26,
                1,
                "unknown key `site.owner` (known here: group, images, mode, nodes, on-change, path, source, tags, template, user)",
            ),
        ),
    ] {
        let found = world
            .bad(&with(site))
            .join("|")
            .replace(&world.0.path().display().to_string(), "")
            .replace(" /recipe", " recipe");
        assert_eq!(found, wanted, "{site}");
    }
    for path in ["etc/key", "/", "/etc/hosts", "/etc/../etc/hosts", "/proc/x", "/run/imgbuild/site/taken", "/etc/a\\tb"]
    {
        let text = with("").replace("/etc/key", path);
        assert!(world.bad(&text)[0].starts_with("recipe.toml:24:8: `site.path` is"), "{path}: {:?}", world.bad(&text));
    }
    let text = format!("{SMALL}[[site]]\npath = \"/etc/key\"\nsource = \"a\"\n");
    assert!(world.bad(&text)[0].ends_with("nodes take a `[[site]]` from a `[head]`, and there is none"));
}

#[test]
fn the_files_are_read_when_they_are_wanted() {
    let world = World::new();
    let load = |source: &str| {
        world.write("recipe.toml", &with("").replace("files/a", source));
        load_with_site(&world.path("recipe.toml"))
    };
    let recipe = load("files/b").expect("it is good");
    let files: Vec<String> = recipe.site[0].files.iter().map(|(path, _, run)| format!("{path} {run}")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    for source in ["none", "out", "../x", "/etc/passwd", "fifo", "files"] {
        assert!(load(source).is_err(), "{source}");
    }
}

/// `sources` of `[diskless]`.
#[test]
fn roots_in_one_file_come_from_any_server() {
    let world = World::new();
    let with =
        |sources: &str| CLUSTER.replace("[diskless]\n", &format!("[diskless]\nroot = \"ram\"\nsources = {sources}\n"));
    let with = |sources: &str| format!("{}[output]\nformats = [\"erofs\"]\n", with(sources));
    let read = |sources: &str| world.good(&with(sources)).diskless.expect("it is").sources;
    assert_eq!(
        read("[\"http://cache-%{1-2,9}/\", \"http://10.0.0.2:8080/images\"]"),
        ["http://cache-1", "http://cache-2", "http://cache-9", "http://10.0.0.2:8080/images"]
    );
    assert_eq!(read("[\"http://c%{01-03}.example.org\"]")[2], "http://c03.example.org");
    for wrong in [
        "https://a",
        "http://a b",
        "http://",
        "http://a%{1-",
        "http://a%{}",
        "http://a%{1-99}",
        "http://a%{1-2}%{1-2}",
        "ftp://a",
        "http://a;b",
        "http://u@a",
    ] {
        let found = world.bad(&with(&format!("[\"{wrong}\"]")));
        assert!(found[0].starts_with("recipe.toml:6:12: "), "{wrong}: {found:?}");
    }
    let mounted = CLUSTER.replace("[diskless]\n", "[diskless]\nsources = [\"http://a\"]\n");
    assert!(world.bad(&mounted)[0].contains("only a root in one file can come from any server"));
}

#[test]
fn who_vouches_for_the_head_is_a_certificate_and_no_key() {
    let world = World::new();
    let with = |file: &str, text: &str| {
        world.write("ca.pem", text);
        IMAGES.replace("[head]\n", &format!("[head]\nsite-ca = \"{file}\"\n"))
    };
    let block = |label: &str, der: &[u8]| {
        let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    };
    let good = format!("For people.\n{}{}", block("CERTIFICATE", b"\x30\x03abc"), block("CERTIFICATE", b"\x30\x00"));
    let recipe = world.good(&with("ca.pem", &good));
    assert_eq!(recipe.head.expect("it has one").site_ca.as_deref(), Some(good.as_str()));
    let said = |text: &str, why: &str| {
        let wanted = format!("recipe.toml:6:11: `ca.pem` is no file of certificates ({why})");
        assert_eq!(world.bad(&with("ca.pem", text)), [wanted], "{text}");
    };
    said("", "it has no `-----BEGIN CERTIFICATE-----`");
    said("-----BEGIN CERTIFICATE-----\nMAA=\n", "`-----END CERTIFICATE-----` is missing");
    said("-----BEGIN x", "a `-----BEGIN` has no end");
    said(&block("CERTIFICATE", b"abc"), "the `CERTIFICATE` in it is no certificate");
    said(&block("PUBLIC KEY", b"\x30\x00"), "the `PUBLIC KEY` in it is no certificate");
    said(
        &format!("{good}{}", block("EC PRIVATE KEY", b"\x30\x00")),
        "there is a private key in it, which everybody could read in the image: keep it on the head",
    );
    said(&"x".repeat(70_000), "it is no text, or too long");
}

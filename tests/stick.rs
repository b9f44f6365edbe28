//! The disk that nodes boot from instead of the network.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::boot::Options;
use imgbuild::head;
use imgbuild::recipe;
use imgbuild::recipe::Recipe;

use crate::cluster::Booted;
use crate::cluster::TUMBLER;
use crate::cluster::boots;
use crate::head::input;
use crate::head::loaders;
use crate::head::text;

/// The example with other words in it.
pub(crate) fn example(changes: &[(&str, &str)]) -> Recipe {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut text = fs::read_to_string(directory.join("diskless-node.toml")).expect("the example is there");
    for (from, to) in changes {
        assert!(text.contains(from), "the example has `{from}`");
        text = text.replacen(from, to, 1);
    }
    recipe::parse(&text, &directory).unwrap_or_else(|error| panic!("{error}"))
}

fn configuration(recipe: &Recipe) -> String {
    text(&head::stick(&input(recipe, &loaders())).expect("it is whole"), "EFI/debian/grub.cfg")
}

#[test]
fn a_node_has_its_address_from_the_table() {
    let text =
        configuration(&example(&[("[head]\n", "[head]\nrouter = \"192.168.1.254\"\ndns = [\"192.168.1.2\"]\n")]));
    let entry = "menuentry 'tumbler (192.168.1.11) by 00:21:97:7a:24:0f' --id card-00-21-97-7a-24-0f {\n  \
                 linux /imgbuild/vmlinuz root=/dev/nfs \
                 nfsroot=192.168.1.1:/srv/imgbuild/diskless-node/gen/00112233445566aa/root,nfsvers=3,tcp rw \
                 ip=192.168.1.11::192.168.1.254:255.255.255.0:tumbler::none:192.168.1.2 net.ifnames=0 panic=60 \
                 imgbuild.node=tumbler console=tty0 console=ttyS0,115200 BOOTIF=01-00-21-97-7a-24-0f\n  \
                 initrd /imgbuild/initrd.img\n}\n";
    assert!(text.contains(entry), "{text}");
    // Where the recipe names no router, DHCP would name the head.
    let text = configuration(&example(&[]));
    assert!(text.contains(" ip=192.168.1.10::192.168.1.1:255.255.255.0:dizzy::none:192.168.1.1 "), "{text}");
    assert!(text.contains("imgbuild.service=mariadb"), "{text}");
    // Machines in no table are the last choice, and the only ones that ask.
    let (_, other) = text.rsplit_once("menuentry ").expect("there are some");
    assert!(other.starts_with("'another machine, by DHCP' --id other {") && other.contains(" ip=dhcp "), "{other}");
    assert_eq!(text.matches("ip=dhcp").count(), 1);
}

#[test]
fn a_node_of_a_further_network_has_that_ones_router() {
    let network =
        "[[network]]\nname = \"rack2\"\nnetwork = \"10.2.0.0/16\"\nrouter = \"10.2.0.1\"\n\n[[node]]\nname = \"dizzy\"";
    let text = configuration(&example(&[
        ("[[node]]\nname = \"dizzy\"", network),
        ("address = \"192.168.1.12\"", "address = \"10.2.3.4\""),
    ]));
    assert!(text.contains(" ip=10.2.3.4::10.2.0.1:255.255.0.0:scrambler::none:192.168.1.1 "), "{text}");
}

/// Each card of a node has an entry, and nothing is the default but an entry that is there.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "GRUB's own program reads what is for GRUB")]
fn grub_knows_a_node_by_each_of_its_cards() {
    let cards = "mac = [\"00:21:97:7a:24:0f\", \"00:21:97:7a:24:10\"]";
    let text = configuration(&example(&[("mac = \"00:21:97:7a:24:0f\"", cards)]));
    // What stands behind each of these words.
    let ids = |word: &str| -> Vec<String> {
        let rest = text.split(word).skip(1).filter_map(|rest| rest.split([' ', ';', '\n']).next());
        rest.map(str::to_owned).collect()
    };
    let entries = ids("--id ");
    assert_eq!(entries.len(), 5, "{entries:?}");
    assert_eq!(ids("BOOTIF=01-"), ["00-21-97-7d-ad-bf", "00-21-97-7a-24-0f", "00-21-97-7a-24-10", "00-21-97-7d-b3-26"]);
    let defaults = ids("set default=");
    assert_eq!(defaults.len(), 7, "three names and four cards: {defaults:?}");
    assert!(defaults.iter().all(|default| entries.contains(default)), "{defaults:?} {entries:?}");
    assert!(
        text.contains(
            "if [ \"$1\" = \"00:21:97:7a:24:10\" ]; then set default=card-00-21-97-7a-24-10; set timeout=3; fi"
        )
    );
    let place = tempfile::tempdir().expect("the tests can write");
    let path = place.path().join("grub.cfg");
    fs::write(&path, &text).expect("ours");
    match Command::new("grub-script-check").arg(&path).output() {
        Ok(checked) => assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr)),
        Err(error) => eprintln!("skipped: whether GRUB reads it (grub-script-check: {error})"),
    }
}

#[test]
fn a_stick_is_for_firmware_that_boots_it() {
    let files = |recipe: &Recipe| {
        let tree = head::stick(&input(recipe, &loaders())).expect("it is whole");
        let files = tree.iter().filter(|(_, _, inode)| inode.content().is_some());
        files.map(|(path, ..)| path.to_string()).collect::<Vec<_>>()
    };
    let rest = ["/EFI/debian/grub.cfg", "/imgbuild/initrd.img", "/imgbuild/vmlinuz", "/node.cfg"];
    let of = |loaders: [&str; 2]| loaders.iter().chain(&rest).map(|path| (*path).to_owned()).collect::<Vec<_>>();
    assert_eq!(files(&example(&[])), of(["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grubx64.efi"]));
    let arm = example(&[("architecture = \"amd64\"", "architecture = \"arm64\"")]);
    assert_eq!(files(&arm), of(["/EFI/BOOT/BOOTAA64.EFI", "/EFI/BOOT/grubaa64.efi"]));
    let empty = imgbuild::tree::Tree::new();
    let error = head::stick(&input(&arm, &empty)).expect_err("there is no loader").to_string();
    assert_eq!(
        error,
        "cannot find boot loader `usr/lib/shim/shimaa64.efi.signed`: package `shim-signed` should hold it"
    );
}

/// A machine that is told nothing by its network: GRUB knows it by its card, and it is the second node of the table.
#[test]
fn a_node_boots_from_a_stick_without_dhcp() {
    let changes = [
        ("    \"mariadb-server\",", "    #"),
        ("services = [\"mariadb\"]\n", ""),
        ("formats = [\"tar\"] ", "stick = true\nformats = [\"tar\"] "),
    ];
    boots("a_node_boots_from_a_stick_without_dhcp", &changes, |output, place| {
        let mut options = Options::default();
        (options.stick, options.memory) = (true, 1024);
        let mut booted = Booted::with_options(output, place.join("lab"), options);
        let (node, address) = TUMBLER;
        booted.power_on(&[node]);
        assert_eq!(booted.ask(node, "hostname; ls -d /sys/firmware/efi"), format!("{node}\n/sys/firmware/efi"));
        let words = booted.ask(node, "cat /proc/cmdline");
        assert!(
            words.contains("BOOT_IMAGE=/imgbuild/vmlinuz ") && words.contains(" BOOTIF=01-00-21-97-7a-24-0f"),
            "{words}"
        );
        let addresses =
            booted.ask(node, "ip -color=never -o -4 address show dev eth0; ip -color=never route show default");
        assert!(
            addresses.contains(&format!("inet {address}/24 ")) && addresses.contains("via 192.168.1.1 "),
            "{addresses}"
        );
        assert!(booted.ask(node, "findmnt -n -o FSTYPE /").starts_with("nfs"));
        // Nothing has answered DHCP: the head is there for the root.
        booted.head("test ! -e /run/dnsmasq.pid");
        booted.power_off(&[node]);
        booted.finish();
    });
}

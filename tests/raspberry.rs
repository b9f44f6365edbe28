//! Raspberry Pis: what their own loader is told and takes, up to a real dnsmasq's TFTP.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use imgbuild::cancel::Cancel;
use imgbuild::error::Error;
use imgbuild::error::PublishError;
use imgbuild::head;
use imgbuild::head::Cluster;
use imgbuild::image;
use imgbuild::image::Owners;
use imgbuild::manifest::OutputRecord;
use imgbuild::pipeline::publish;
use imgbuild::recipe::PackageRequest;
use imgbuild::recipe::Recipe;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;

use crate::dhcp::Client;
use crate::dhcp::DIZZY;
use crate::dhcp::STRANGER;
use crate::dhcp::Wire;
use crate::dhcp::run;
use crate::head::assemble;
use crate::head::example;
use crate::head::loaders;
use crate::head::text;
use crate::publish::NOW;
use crate::publish::output_of;
use crate::publish::pruned;
use crate::publish::publish_to;
use crate::publish::rewrite;
use crate::switched_on;

const KERNEL: &str = "6.12.1-arm64";
/// As dnsmasq names the directory of `dizzy`'s card.
const CARD: &str = "00-21-97-7d-ad-bf";

/// An image's tree as far as a board's loader looks at it.
fn tree() -> Tree {
    let mut tree = Tree::new();
    let trees = format!("usr/lib/linux-image-{KERNEL}/broadcom");
    for path in [
        "usr/lib/raspi-firmware/start4.elf",
        "usr/lib/raspi-firmware/fixup4.dat",
        "usr/lib/raspi-firmware/start.elf",
        &format!("{trees}/bcm2711-rpi-4-b.dtb"),
        &format!("{trees}/bcm2711-rpi-400.dtb"),
        &format!("{trees}/bcm2837-rpi-3-b.dtb"),
    ] {
        tree.write(path, 0o644, path).expect("new");
    }
    tree
}

/// What the boards of a recipe load, if it has any.
pub(crate) fn firmware_of(recipe: &Recipe) -> BTreeMap<String, Content> {
    let found = recipe.has_raspberry_pis().then(|| head::raspberry_pi(&tree(), KERNEL));
    found.transpose().expect("all is there").unwrap_or_default()
}

/// The example with boards for nodes.
fn boards() -> Recipe {
    let mut recipe = example();
    recipe.debian.architecture = "arm64".into();
    let (name, architecture, version, release) = ("raspi-firmware".into(), None, None, None);
    recipe.packages.push(PackageRequest::Named { name, architecture, version, release });
    recipe
}

#[test]
fn each_board_has_a_directory_of_its_own() {
    let head = assemble(&boards(), &loaders()).expect("all is there");
    let generation = "srv/tftp/diskless-node/0123456789abcdef";
    let arguments = text(&head, &format!("{generation}/pi/{CARD}/cmdline.txt"));
    assert!(arguments.contains("imgbuild.node=dizzy") && arguments.ends_with(&format!(" BOOTIF=01-{CARD}\n")));
    // What the loader asks for is there by the link that is called after the card, through the menu.
    for (name, content) in [
        ("start4.elf", "usr/lib/raspi-firmware/start4.elf"),
        ("fixup4.dat", "usr/lib/raspi-firmware/fixup4.dat"),
        ("bcm2711-rpi-4-b.dtb", "usr/lib/linux-image-6.12.1-arm64/broadcom/bcm2711-rpi-4-b.dtb"),
        ("bcm2711-rpi-400.dtb", "usr/lib/linux-image-6.12.1-arm64/broadcom/bcm2711-rpi-400.dtb"),
        ("vmlinuz", "kernel"),
        ("initrd.img", "initramfs"),
        ("cmdline.txt", arguments.as_str()),
    ] {
        assert_eq!(text(&head, &format!("srv/tftp/{CARD}/{name}")), content, "{name}");
    }
    assert!(head.lookup(format!("srv/tftp/{CARD}/bcm2837-rpi-3-b.dtb")).is_none(), "of another family");
    let config = text(&head, &format!("srv/tftp/{CARD}/config.txt"));
    for line in ["arm_64bit=1", "upstream_kernel=1", "kernel=vmlinuz", "initramfs initrd.img followkernel"] {
        assert!(config.lines().any(|found| found == line), "{line}: {config}");
    }
    let dnsmasq = text(&head, "etc/dnsmasq.d/imgbuild.conf");
    assert!(dnsmasq.contains("tftp-unique-root=mac\n") && dnsmasq.contains("Raspberry Pi Boot"), "{dnsmasq}");
    assert!(text(&head, "README").contains("Raspberry Pi"), "it says how boards boot");

    let cluster = Cluster::parse(&text(&head, "etc/imgbuild/diskless-node.json")).expect("ours");
    for (path, _, inode) in head.iter().filter(|(_, _, inode)| !inode.is_directory()) {
        let path = path.to_string();
        assert!(head::place(&cluster, path.trim_start_matches('/')).is_some(), "{path} {inode:?}");
    }
    for foreign in ["pi/firmware/evil", "pi/firmware/bcm2711-../x.dtb", "pi/x/cmdline.txt", "pi/config.txt"] {
        assert_eq!(head::place(&cluster, &format!("{generation}/{foreign}")), None, "{foreign}");
    }
    // No other head has a word of it.
    let other = assemble(&example(), &loaders()).expect("all is there");
    assert!(!text(&other, "etc/dnsmasq.d/imgbuild.conf").contains("unique-root"));
}

#[test]
fn a_kernel_without_the_board_is_named() {
    let said = head::raspberry_pi(&tree(), "6.12.2-arm64").expect_err("another kernel's").to_string();
    assert!(said.contains("bcm2711-rpi-4-b.dtb"), "{said}");
    let mut none = tree();
    none.remove(&TreePath::literal("usr/lib/raspi-firmware/start4.elf")).expect("it was there");
    let said = head::raspberry_pi(&none, KERNEL).expect_err("no second stage").to_string();
    assert!(said.contains("usr/lib/raspi-firmware/start4.elf"), "{said}");
}

#[test]
fn boards_follow_what_is_published() {
    let place = tempfile::tempdir().expect("the tests can write");
    let (at, head) = (|name: &str| place.path().join(name), place.path().join("head-root"));
    let [one, two] = ["one", "two"].map(|own| output_of(&boards(), &at(own), own));
    let arguments = || fs::read_to_string(head.join(format!("srv/tftp/{CARD}/cmdline.txt"))).expect("its own");
    let leads = || fs::canonicalize(head.join(format!("srv/tftp/{CARD}"))).expect("a link");
    publish_to(&at("one"), &head).expect("it is whole");
    assert!(leads().ends_with(format!("diskless-node/{one}/pi/{CARD}")), "{:?}", leads());
    let before = arguments();
    publish_to(&at("two"), &head).expect("it is whole");
    assert!(leads().ends_with(format!("diskless-node/{two}/pi/{CARD}")), "{:?}", leads());
    assert_ne!(before, arguments(), "another root");
    publish::rollback(&head, None, None, NOW).expect("there is one before");
    assert_eq!(before, arguments());

    // A board that is no node any more has no link when what it booted is pruned.
    let mut fewer = boards();
    fewer.nodes.retain(|node| node.name != "dizzy");
    output_of(&fewer, &at("fewer"), "fewer");
    publish_to(&at("fewer"), &head).expect("it is whole");
    pruned(&head, 1, true);
    assert!(fs::symlink_metadata(head.join(format!("srv/tftp/{CARD}"))).is_err(), "it leads nowhere");

    // A link that leads to something else is no file of a head's.
    let path = format!("head/srv/tftp/diskless-node/{two}/pi/{CARD}/vmlinuz");
    rewrite(&at("two"), |manifest| {
        let record = manifest.outputs.iter_mut().find(|record| record.path() == path).expect("it has one");
        *record = OutputRecord::Link { path: path.clone(), target: "../../../../../etc/shadow".into() };
    });
    let said = publish_to(&at("two"), &head).expect_err("it leads astray").to_string();
    assert!(said.contains("vmlinuz"), "{said}");
    // Nor is anything of somebody else's replaced.
    let foreign = place.path().join("foreign");
    fs::create_dir_all(foreign.join(format!("srv/tftp/{CARD}"))).expect("ours");
    let error = publish_to(&at("one"), &foreign).expect_err("a directory is there");
    assert!(matches!(error, Error::Publish(ref error) if matches!(**error, PublishError::Occupied(_))), "{error:?}");
}

/// Asks for a file as a board does (RFC 1350): its bytes, as far as one block goes; `None`: there is none.
fn fetched(name: &str) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind(("192.168.1.200", 0)).expect("the address is ours");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("it can");
    let request = [b"\0\x01".as_slice(), name.as_bytes(), b"\0octet\0"].concat();
    for _ in 0..15 {
        socket.send_to(&request, "192.168.1.1:69").expect("the cable is there");
        let mut bytes = [0; 1024];
        let Ok((length, _)) = socket.recv_from(&mut bytes) else { continue };
        return match &bytes[..length] {
            [0, 3, 0, 1, data @ ..] => Some(data.to_vec()),
            [0, 5, ..] => None,
            other => panic!("{other:?}"),
        };
    }
    panic!("{name}: no answer")
}

#[test]
fn c4_a_board_is_told_and_takes_its_own_files() {
    if !switched_on("IMGBUILD_TEST_ROOT", "c4_a_board_is_told_and_takes_its_own_files") {
        return;
    }
    let place = tempfile::tempdir().expect("the tests can write");
    let files = assemble(&boards(), &loaders()).expect("all is there");
    let disk = place.path().join("disk");
    fs::create_dir(&disk).expect("new");
    image::write_directory(&files, &disk, Owners::Dropped, &Cancel::default()).expect("written");
    let tftp = disk.join("srv/tftp");
    let served =
        |text: &str, tftp: &Path| text.replace("tftp-root=/srv/tftp", &format!("tftp-root={}", tftp.display()));
    let wire = Wire::of(&served(&text(&files, "etc/dnsmasq.d/imgbuild.conf"), &tftp));
    run("ip", &["link", "set", "card", "down"]);
    run("ip", &["link", "set", "card", "address", &CARD.replace('-', ":"), "up"]);
    run("ip", &["route", "replace", "255.255.255.255", "dev", "card"]);

    let says = |wire: &Wire, mac, number| {
        let answer = wire.ask(&Client::new(mac, Some(number))).unwrap_or_else(|| panic!("{number}: silence"));
        let word = answer.options.get(&43).is_some_and(|told| told.windows(17).any(|at| at == b"Raspberry Pi Boot"));
        (word, answer.file)
    };
    assert_eq!(says(&wire, DIZZY, 0), (true, String::new()), "a board of the table");
    assert_eq!(says(&wire, STRANGER, 0), (false, String::new()), "there are no files for it");
    assert_eq!(says(&wire, DIZZY, 11), (false, "shimaa64.efi".to_owned()), "UEFI is as it was");
    // The loader asks below its serial number, and without it when there is nothing.
    assert_eq!(fetched("12345678/start4.elf"), None);
    assert_eq!(fetched("start4.elf").as_deref(), Some(&b"usr/lib/raspi-firmware/start4.elf"[..]));
    let arguments = fetched("cmdline.txt").expect("its own");
    assert!(String::from_utf8_lossy(&arguments).contains("imgbuild.node=dizzy"));
    assert_eq!(fetched("vmlinuz").as_deref(), Some(&b"kernel"[..]));
    drop(wire);

    // Beside machines with a BIOS, which call themselves the same: each hears what it can boot.
    let own = Cluster::parse(&text(&files, "etc/imgbuild/diskless-node.json")).expect("ours");
    let mut pcs = example();
    pcs.name = "pcs".into();
    for (node, last) in pcs.nodes.iter_mut().zip(0..) {
        (node.mac, node.name) = ([2, 1, 0, 0, 0, last], format!("pc{last}"));
        node.aliases.clear();
        node.address = format!("192.168.1.{}", 30 + last).parse().expect("an address");
    }
    let pcs = assemble(&pcs, &loaders()).expect("all is there");
    let pcs = Cluster::parse(&text(&pcs, "etc/imgbuild/pcs.json")).expect("ours");
    let both = head::shared(&[own, pcs]).remove("etc/dnsmasq.d/imgbuild.conf").expect("all heads have it");
    let wire = Wire::of(&served(&both, &tftp));
    assert!(says(&wire, DIZZY, 0).0, "a board");
    for (mac, number, file) in [
        ([2, 1, 0, 0, 0, 0], 0, "pxelinux.0"),
        ([2, 1, 0, 0, 0, 0], 7, "shimx64.efi"),
        (STRANGER, 0, "pxelinux.0"),
        (STRANGER, 11, "shimaa64.efi"),
    ] {
        assert_eq!(says(&wire, mac, number), (false, file.to_owned()), "{mac:?} {number}");
    }
}

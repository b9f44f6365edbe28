//! The head's files: of one piece with the nodes, and accepted by the programs that read them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use imgbuild::digest::Sha256;
use imgbuild::head;
use imgbuild::head::MenuFile;
use imgbuild::head::Role;
use imgbuild::recipe;
use imgbuild::recipe::BootMode;
use imgbuild::recipe::Recipe;
use imgbuild::recipe::RootMode;
use imgbuild::recipe::TftpServer;
use imgbuild::tree::Content;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;

use crate::switched_on;

pub(crate) fn example() -> Recipe {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    recipe::load(&path).expect("the example is a recipe")
}

/// Where Debian's packages keep the loaders.
const LOADERS: &[&str] = &[
    "usr/lib/PXELINUX/pxelinux.0",
    "usr/lib/syslinux/modules/bios/ldlinux.c32",
    "usr/lib/shim/shimx64.efi.signed",
    "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
    "usr/lib/shim/shimaa64.efi.signed",
    "usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed",
    "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    "usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed",
    "usr/lib/ipxe/undionly.kpxe",
    "usr/lib/ipxe/snponly.efi",
    "usr/lib/ipxe/ipxe-arm64.efi",
];

const GENERATION: &str = "0123456789abcdef";
const ROOT: &str = "00112233445566aa";

pub(crate) fn loaders() -> Tree {
    let mut tree = Tree::new();
    for path in LOADERS {
        tree.write(path, 0o644, *path).expect("new");
    }
    tree
}

pub(crate) fn input<'a>(recipe: &'a Recipe, loaders: &'a Tree) -> head::Input<'a> {
    head::Input {
        recipe,
        head: recipe.head.as_ref().expect("it has one"),
        diskless: recipe.diskless.as_ref().expect("it is"),
        kernel: Content::from_bytes("kernel"),
        initramfs: Content::from_bytes("initramfs"),
        image: None,
        loaders,
        raspberry_pi: crate::raspberry::firmware_of(recipe),
        root: ROOT.to_owned(),
        generation: GENERATION.to_owned(),
        role: Role::Head,
    }
}

pub(crate) fn assemble(recipe: &Recipe, loaders: &Tree) -> Result<Tree, head::Error> {
    head::assemble(&[input(recipe, loaders)])
}

/// The same for all images of a recipe, named after what a boot depends on.
pub(crate) fn bundle(recipe: &Recipe, loaders: &Tree) -> Tree {
    let image = head::RamImage { name: "root.erofs".into(), sha256: Sha256::of(b""), size: 1 };
    let inputs = recipe.each().iter().map(|one| head::Input { image: Some(image.clone()), ..input(one, loaders) });
    head::bundles(inputs.collect()).expect("it is whole").remove(0).1
}

/// The same with a root in one file.
pub(crate) fn assemble_in_memory(recipe: &Recipe, loaders: &Tree) -> Result<Tree, head::Error> {
    let image = head::RamImage { name: "root.erofs".into(), sha256: Sha256::of(b""), size: 1 };
    head::assemble(&[head::Input { image: Some(image), ..input(recipe, loaders) }])
}

fn example_head() -> Tree {
    assemble(&example(), &loaders()).expect("the example has all it needs")
}

pub(crate) fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.read(path).expect("memory reads").unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(bytes).expect("text")
}

/// The directory of the menu that its link leads to.
fn menu(head: &Tree) -> String {
    match &head.get(&TreePath::literal("srv/tftp/imgbuild/menu")).expect("a link").kind {
        Kind::Symlink(target) => String::from_utf8(target.clone()).expect("a text"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_classic_forms_are_there() {
    let head = example_head();
    let dnsmasq = text(&head, "etc/dnsmasq.d/imgbuild.conf");
    for line in [
        "interface=eth1",
        "dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0,12h",
        "dhcp-boot=tag:bios,pxelinux.0,scoop,192.168.1.1",
        "dhcp-boot=tag:!arch,pxelinux.0,scoop,192.168.1.1",
        "dhcp-boot=tag:efi64,shimx64.efi,scoop,192.168.1.1",
        "dhcp-host=00:21:97:7d:ad:bf,192.168.1.10,dizzy,infinite",
        "tftp-root=/srv/tftp",
    ] {
        assert!(dnsmasq.lines().any(|found| found == line), "{line}\n--\n{dnsmasq}");
    }
    let default = text(&head, "srv/tftp/pxelinux.cfg/default");
    let append = "APPEND initrd=diskless-node/0123456789abcdef/initrd.img root=/dev/nfs \
                  nfsroot=192.168.1.1:/srv/imgbuild/diskless-node/gen/00112233445566aa/root,nfsvers=3,tcp rw ip=dhcp \
                  net.ifnames=0";
    let kernel = "KERNEL diskless-node/0123456789abcdef/vmlinuz";
    assert!(default.contains(append) && default.contains(kernel), "{default}");
    assert!(
        text(&head, "etc/exports.d/imgbuild.exports")
            .contains("\n/srv/imgbuild/diskless-node/gen 192.168.1.0/24(rw,sync,no_subtree_check,no_root_squash)\n")
    );
    let state = "/srv/imgbuild/diskless-node/state/dizzy 192.168.1.10(rw,";
    assert!(text(&head, "etc/exports.d/imgbuild.exports").contains(state));
    assert!(text(&head, "etc/hosts").contains("192.168.1.1\tscoop head\n192.168.1.10\tdizzy db\n"));
    assert!(text(&head, "etc/syslog-ng/conf.d/imgbuild.conf").contains("/var/log/$HOST/$FACILITY"));
}

#[test]
fn every_node_finds_its_own_file() {
    let head = example_head();
    for (name, mac) in
        [("dizzy", "01-00-21-97-7d-ad-bf"), ("db", "01-00-21-97-7d-ad-bf"), ("tumbler", "01-00-21-97-7a-24-0f")]
    {
        let menu = format!("srv/tftp/imgbuild/{}/pxelinux.cfg/{name}", menu(&head));
        let link = head.get(&TreePath::literal(&menu)).expect(name);
        assert_eq!(link.kind, Kind::Symlink(mac.into()));
        assert!(text(&head, &format!("srv/tftp/pxelinux.cfg/{name}")).contains("KERNEL"));
    }
    assert!(text(&head, "srv/tftp/grub/nodes/01-00-21-97-7d-ad-bf.cfg").contains("menuentry 'generation 01234"));
    assert_eq!(text(&head, "srv/tftp/diskless-node/0123456789abcdef/vmlinuz"), "kernel");
    assert_eq!(text(&head, "srv/tftp/shimx64.efi"), "usr/lib/shim/shimx64.efi.signed");
    assert_eq!(text(&head, "srv/tftp/grubx64.efi"), "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed");
}

#[test]
fn c11_no_name_of_an_output_has_a_colon() {
    for (path, ..) in example_head().iter() {
        assert!(!path.to_string().contains(':'), "{path}");
    }
    let start = text(&example_head(), "srv/tftp/grub/grub.cfg");
    let line = "regexp --set=1:mac1 --set=2:mac2 --set=3:mac3 --set=4:mac4 --set=5:mac5 --set=6:mac6 \
                '^(..):(..):(..):(..):(..):(..)$' \"$net_default_mac\"\n\
                set menu=\"$prefix/nodes/01-${mac1}-${mac2}-${mac3}-${mac4}-${mac5}-${mac6}.cfg\"\n";
    assert!(start.contains(line), "{start}");
}

#[test]
fn c2_a_node_may_boot_from_several_cards() {
    let mut recipe = example();
    recipe.nodes[0].further_macs = vec![[2, 0, 0, 0, 0, 7]];
    recipe.nodes[0].client_id = Some("ff:00:02".into());
    recipe.nodes[0].tags.insert("rack".into(), "r1".into());
    let head = assemble(&recipe, &loaders()).expect("all there");
    let dnsmasq = text(&head, "etc/dnsmasq.d/imgbuild.conf");
    let line = "\ndhcp-host=00:21:97:7d:ad:bf,02:00:00:00:00:07,id:ff:00:02,192.168.1.10,dizzy,infinite\n";
    assert!(dnsmasq.contains(line), "{dnsmasq}");
    for place in ["pxelinux.cfg/01-", "ipxe.cfg/01-", "grub/nodes/01-"] {
        let end = if place.starts_with("grub") { ".cfg" } else { "" };
        let own = |mac: &str| text(&head, &format!("srv/tftp/{place}{mac}{end}"));
        assert_eq!(own("02-00-00-00-00-07"), own("00-21-97-7d-ad-bf"));
    }
    let record = text(&head, "etc/imgbuild/diskless-node.json");
    let cluster = head::Cluster::parse(&record).expect("what is written is read");
    assert_eq!(cluster.nodes[0].macs().collect::<Vec<_>>(), ["00:21:97:7d:ad:bf", "02:00:00:00:00:07"]);
    assert_eq!(cluster.nodes[0].node.tags["rack"], "r1");
    for (from, to) in [("\"ff:00:02\"", "\"ff:00:02\\nport=0\""), ("\"rack\"", "\"r a\""), ("\"r1\"", "\"r\\u001b1\"")]
    {
        assert!(record.contains(from));
        assert!(head::Cluster::parse(&record.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn every_file_is_readable_and_says_who_wrote_it() {
    for (path, _, inode) in example_head().iter() {
        let Some(content) = inode.content().filter(|_| inode.stat.mode == 0o644) else { continue };
        let bytes = content.to_vec().expect("memory reads");
        // JSON has no comments, and entries are parts of files.
        let name = path.to_string();
        let menu = name.starts_with("/srv/tftp/imgbuild/menu-");
        let ours = !name.ends_with(".json") && (menu || !name.starts_with("/srv/tftp"));
        let said = String::from_utf8_lossy(&bytes).contains("Generated by imgbuild from recipe diskless-node");
        assert!(!ours || said, "{path}");
    }
    assert!(example_head().iter().all(|(_, _, inode)| inode.stat.mode & 0o444 == 0o444));
}

#[test]
fn other_architectures_have_other_loaders() {
    assert_eq!(head::loader_packages("arm64", BootMode::Pxe), ["shim-signed", "grub-efi-arm64-signed"]);
    assert_eq!(head::loader_packages("i386", BootMode::Ipxe), ["pxelinux", "syslinux-common", "ipxe"]);
    assert!(head::loader_packages("s390x", BootMode::Ipxe).is_empty());
    let mut recipe = example();
    recipe.debian.architecture = "arm64".into();
    let head = assemble(&recipe, &loaders()).expect("all there");
    assert!(text(&head, "etc/dnsmasq.d/imgbuild.conf").contains("dhcp-match=set:efiarm64,option:client-arch,11"));
    assert!(head.lookup("srv/tftp/pxelinux.cfg").is_none());
    let error = assemble(&recipe, &Tree::new()).expect_err("no loaders").to_string();
    assert!(error.contains("shim-signed"), "{error}");
    recipe.debian.architecture = "riscv64".into();
    let head = assemble(&recipe, &Tree::new()).expect("without loaders");
    let readme = text(&head, "README");
    assert!(readme.contains("no boot loader for riscv64") && !readme.contains("option 93"), "{readme}");
}

#[test]
fn each_root_mode_has_its_own_words() {
    let mut recipe = example();
    recipe.nodes[1].root = Some(RootMode::Overlay);
    let head = assemble(&recipe, &loaders()).expect("all there");
    let tumbler = text(&head, "srv/tftp/pxelinux.cfg/tumbler");
    let root = "boot=imgbuild imgbuild.root=nfs:192.168.1.1:/srv/imgbuild/diskless-node/gen/00112233445566aa/root";
    assert!(tumbler.contains(root) && !tumbler.contains("nfsroot="), "{tumbler}");
    assert!(head.lookup("etc/systemd/system/imgbuild-http.service").is_none());
    recipe.nodes[1].root = Some(RootMode::Ram);
    let error = assemble(&recipe, &loaders()).expect_err("no image").to_string();
    assert!(error.contains("`tumbler`") && error.contains("squashfs"), "{error}");

    let image = head::RamImage { name: "root.erofs".into(), sha256: Sha256::of(b""), size: 1 };
    let head = head::assemble(&[head::Input { image: Some(image), ..input(&recipe, &loaders()) }]).expect("all there");
    let tumbler = text(&head, "srv/tftp/grub/nodes/01-00-21-97-7a-24-0f.cfg");
    assert!(tumbler.contains("ram:http://192.168.1.1:8067/diskless-node/00112233445566aa/root.erofs ro"), "{tumbler}");
    let unit = text(&head, "etc/systemd/system/imgbuild-http.service");
    assert!(unit.contains("-p 192.168.1.1:8067 -h /etc/imgbuild/images\n"), "{unit}");
    let link = head.get(&TreePath::literal("etc/imgbuild/images/diskless-node")).expect("it is served");
    assert_eq!(link.kind, Kind::Symlink("/srv/imgbuild/diskless-node/gen".into()));
    assert!(text(&head, "README").contains("install -D -m 0644 root.erofs /srv/imgbuild/diskless-node/gen/"));
}

/// The example with a second head.
pub(crate) fn pair() -> Recipe {
    let mut recipe = example();
    recipe.diskless.as_mut().expect("it is").root = RootMode::Overlay;
    recipe.head.as_mut().expect("it has one").standby = Some(recipe::Standby {
        name: "spare".into(),
        aliases: Vec::new(),
        own_address: "192.168.1.3".parse().expect("an address"),
        interface: "eth0".into(),
        head_own_address: "192.168.1.2".parse().expect("an address"),
    });
    recipe
}

/// The files of both heads.
fn heads(recipe: &Recipe) -> [Tree; 2] {
    let loaders = loaders();
    [Role::Head, Role::Standby].map(|role| {
        head::assemble(&[head::Input { role, ..input(recipe, &loaders) }]).expect("the example has all it needs")
    })
}

#[test]
fn two_heads_serve_the_same_from_one_address() {
    let mut recipe = pair();
    let [head, standby] = heads(&recipe);
    let different = |path: &str| text(&head, path) != text(&standby, path);
    let paths: Vec<String> =
        head.iter().filter(|(_, _, inode)| inode.content().is_some()).map(|(path, ..)| path.to_string()).collect();
    let differ: Vec<&str> = paths.iter().map(String::as_str).filter(|path| different(path)).collect();
    let wanted = [
        "/README",
        "/etc/chrony/conf.d/imgbuild.conf",
        "/etc/dnsmasq.d/imgbuild.conf",
        "/etc/imgbuild/diskless-node.json",
        "/etc/keepalived/keepalived.conf",
    ];
    assert_eq!(differ, wanted, "what nodes get is the same");

    let generation = format!("/srv/imgbuild/diskless-node/gen/{ROOT}/root");
    let exports = text(&head, &format!("etc/exports.d/imgbuild-{ROOT}.exports"));
    let export = "192.168.1.0/24(ro,sync,no_subtree_check,no_root_squash,mountpoint,fsid=";
    let fsid = exports.split(&format!("{generation} {export}")).nth(1).unwrap_or_else(|| panic!("{exports}"));
    assert_eq!(fsid.trim_end().len(), 37, "a UUID and a bracket: {fsid}");
    let other = head_with_root(&recipe, "fedcba9876543210");
    let other = text(&other, "etc/exports.d/imgbuild-fedcba9876543210.exports");
    assert!(!other.contains(fsid.trim_end()), "another generation has another fsid: {other}");
    let states = text(&standby, "etc/exports.d/imgbuild.exports");
    assert!(states.contains("/state/dizzy 192.168.1.10(rw,") && !states.contains("/gen "), "{states}");
    let unit = text(&standby, "etc/systemd/system/imgbuild-roots.service");
    assert!(
        unit.contains("for image in /srv/imgbuild/diskless-node/gen/*/root.erofs; do root=$${image%%.*}; "),
        "{unit}"
    );

    for (tree, own, lines) in [
        (&head, "192.168.1.2", ["interface=eth1", "dhcp-range=192.168.1.50,192.168.1.100,255.255.255.0,12h"]),
        (&standby, "192.168.1.3", ["interface=eth0", "dhcp-range=192.168.1.101,192.168.1.150,255.255.255.0,12h"]),
    ] {
        let dnsmasq = text(tree, "etc/dnsmasq.d/imgbuild.conf");
        let both = [
            "dhcp-host=00:21:97:7d:ad:bf,192.168.1.10,dizzy,infinite",
            "dhcp-boot=tag:bios,pxelinux.0,scoop,192.168.1.1",
            "dhcp-option=option:router,192.168.1.1",
            "dhcp-option=option:dns-server,192.168.1.1",
        ];
        for line in lines.into_iter().chain(both) {
            assert!(dnsmasq.lines().any(|found| found == line), "{line}\n--\n{dnsmasq}");
        }
        assert!(!dnsmasq.contains("authoritative"), "it would refuse what nodes ask of the other: {dnsmasq}");
        let keepalived = text(tree, "etc/keepalived/keepalived.conf");
        assert!(keepalived.contains(&format!("unicast_src_ip {own}\n")), "{keepalived}");
        assert!(keepalived.contains("192.168.1.1/24\n") && keepalived.contains("nfs 4\""), "{keepalived}");
        assert!(text(tree, "README").contains(&format!("({own} on ")));
    }
    assert!(text(&standby, "README").contains("`imgbuild publish DIR --to / --standby`"));
    assert!(text(&head, "etc/chrony/conf.d/imgbuild.conf").contains("\nserver 192.168.1.3 iburst\n"));
    assert!(text(&head, "etc/sysctl.d/90-imgbuild.conf").contains("net.ipv4.ip_nonlocal_bind = 1\n"));

    // Nodes in memory mount nothing.
    recipe.diskless.as_mut().expect("it is").root = RootMode::Ram;
    let image = head::RamImage { name: "root.squashfs".into(), sha256: Sha256::of(b""), size: 1 };
    let memory =
        head::assemble(&[head::Input { image: Some(image), ..input(&recipe, &loaders()) }]).expect("all there");
    assert!(!text(&memory, "etc/keepalived/keepalived.conf").contains("nfs"));
    assert!(memory.lookup("etc/systemd/system/imgbuild-roots.service").is_none());
    assert!(text(&memory, "README").contains("install -D -m 0644 root.squashfs "));
}

fn head_with_root(recipe: &Recipe, root: &str) -> Tree {
    let root = root.to_owned();
    head::assemble(&[head::Input { root, ..input(recipe, &loaders()) }]).expect("the example has all it needs")
}

/// The example with iPXE.
fn with_ipxe() -> Recipe {
    let mut recipe = example();
    recipe.head.as_mut().expect("it has one").boot = BootMode::Ipxe;
    recipe
}

#[test]
fn ipxe_gets_all_but_itself_over_http() {
    let head = assemble(&with_ipxe(), &loaders()).expect("all there");
    let dnsmasq = text(&head, "etc/dnsmasq.d/imgbuild.conf");
    for line in [
        "dhcp-match=set:ipxe,175",
        "dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe,scoop,192.168.1.1",
        "dhcp-boot=tag:efi64,tag:!ipxe,snponly.efi,scoop,192.168.1.1",
        "dhcp-boot=tag:efi64,tag:ipxe,http://192.168.1.1:8068/imgbuild.ipxe,scoop,192.168.1.1",
        "dhcp-boot=tag:http64,tag:!ipxe,http://192.168.1.1:8068/snponly.efi,scoop,192.168.1.1",
    ] {
        assert!(dnsmasq.lines().any(|found| found == line), "{line}\n--\n{dnsmasq}");
    }
    assert_eq!(dnsmasq.matches("dhcp-boot=").count(), 7);
    assert_eq!(text(&head, "srv/tftp/snponly.efi"), "usr/lib/ipxe/snponly.efi");
    assert!(text(&head, "srv/tftp/imgbuild.ipxe").contains("/ipxe.cfg/01-${netX/mac:hexhyp} ||"));
    let unit = text(&head, "etc/systemd/system/imgbuild-boot.service");
    assert!(unit.contains("-p 192.168.1.1:8068 -h /srv/tftp\n"), "{unit}");
    assert!(head.lookup("etc/systemd/system/imgbuild-http.service").is_none());
    let readme = text(&head, "README");
    for line in [
        "   0      undionly.kpxe from 192.168.1.1 by TFTP, and machines that do not say\n",
        "   7, 9   snponly.efi from 192.168.1.1 by TFTP\n",
        "   16     http://192.168.1.1:8068/snponly.efi (UEFI HTTP boot), with option 60 `HTTPClient`\n",
        "All others, such as UEFI of 32 bits (6)",
        "No other DHCP server may answer on eth1.",
    ] {
        assert!(readme.contains(line), "{line}\n{readme}");
    }
    assert!(readme.contains("chrony busybox\n") && readme.contains("enable --now imgbuild-boot\n"), "{readme}");
    // The same arguments as by every other loader.
    let node = text(&head, "srv/tftp/ipxe.cfg/01-00-21-97-7d-ad-bf");
    let arguments = text(&head, "srv/tftp/pxelinux.cfg/dizzy");
    let arguments = arguments.split("initrd.img ").nth(1).and_then(|rest| rest.lines().next()).expect("they are there");
    let kernel = "kernel /diskless-node/0123456789abcdef/vmlinuz initrd=initrd.img";
    let wanted = format!(
        "{kernel} {arguments} BOOTIF=01-${{netX/mac:hexhyp}} || goto failed\n\
         initrd /diskless-node/0123456789abcdef/initrd.img || goto failed\nboot\n"
    );
    assert!(node.starts_with("#!ipxe\n") && node.contains(&wanted), "{node}");
}

/// The example with the classic TFTP server.
fn with_tftpd() -> Recipe {
    let mut recipe = example();
    recipe.head.as_mut().expect("it has one").tftp_server = TftpServer::TftpdHpa;
    recipe
}

#[test]
fn another_server_has_the_boot_files() {
    let head = assemble(&with_tftpd(), &loaders()).expect("all there");
    let options = text(&head, "etc/default/tftpd-hpa");
    assert!(options.contains("\nTFTP_DIRECTORY=\"/srv/tftp\"\n"), "{options}");
    let dnsmasq = text(&head, "etc/dnsmasq.d/imgbuild.conf");
    assert!(!dnsmasq.contains("tftp-") && !dnsmasq.contains("enable-tftp"), "two servers want one port:\n{dnsmasq}");
    assert!(dnsmasq.contains("\ndhcp-boot=tag:bios,pxelinux.0,scoop,192.168.1.1\n"), "{dnsmasq}");
    let readme = text(&head, "README");
    assert!(readme.contains("chrony tftpd-hpa\n") && readme.contains("systemctl restart tftpd-hpa\n"), "{readme}");
    assert!(example_head().lookup("etc/default/tftpd-hpa").is_none());
}

/// What the README has people copy is all that there is, wherever boot files lie.
#[test]
fn all_of_a_bundle_is_copied() {
    for (tftp, wanted) in [("/srv/tftp", "etc srv"), ("/var/lib/tftpboot", "etc var"), ("/tftpboot", "etc tftpboot")] {
        let mut recipe = with_tftpd();
        recipe.head.as_mut().expect("it has one").tftp = tftp.into();
        let head = assemble(&recipe, &loaders()).expect("all there");
        let top: Vec<String> = head.children(&TreePath::root()).map(|(path, _)| path.to_string()).collect();
        let directories: Vec<&str> =
            top.iter().map(|path| path.trim_start_matches('/')).filter(|name| *name != "README").collect();
        let mut listed: Vec<&str> = wanted.split(' ').collect();
        listed.sort_unstable();
        assert_eq!(directories, listed);
        assert!(text(&head, "README").contains(&format!("cp -r --no-preserve=ownership {wanted} /\n")), "{tftp}");
    }
}

#[test]
fn every_generation_can_be_booted_by_every_loader() {
    let (one, other) = (example_head(), assemble(&with_ipxe(), &loaders()).expect("all there"));
    let entries = |head: &Tree| -> Vec<(String, Vec<u8>)> {
        // What the head is like is in the record of the generation as well.
        let below = |path: &TreePath| {
            path.to_string().starts_with("/srv/tftp/diskless-node/") && !path.to_string().ends_with(head::RECORD)
        };
        let files = head.iter().filter(|(path, _, inode)| below(path) && inode.content().is_some());
        files
            .map(|(path, _, inode)| (path.to_string(), inode.content().expect("filtered").to_vec().expect("reads")))
            .collect()
    };
    assert_eq!(entries(&one), entries(&other));
    assert!(one.lookup("srv/tftp/imgbuild.ipxe").is_none() && one.lookup("srv/tftp/snponly.efi").is_none());
    let error = assemble(&with_ipxe(), &Tree::new()).expect_err("no loaders").to_string();
    assert!(error.contains("boot loader"), "{error}");
}

/// All that a boot depends on makes another generation; what is said to people does not, and a root has a name of its own.
#[test]
fn generations_are_told_apart() {
    let loaders = loaders();
    let named = |recipe: &Recipe, change: &dyn Fn(&mut head::Input<'_>)| {
        let mut input = input(recipe, &loaders);
        change(&mut input);
        let heads = head::bundles(vec![input]).expect("the example has all it needs");
        let text = text(&heads[0].1, "etc/imgbuild/diskless-node.json");
        let cluster = head::Cluster::parse(&text).expect("ours");
        assert!(
            heads
                .iter()
                .all(|(_, tree)| tree.lookup(format!("srv/tftp/diskless-node/{}", cluster.generation)).is_some())
        );
        cluster.generation
    };
    let plain = |_: &mut head::Input<'_>| {};
    let recipe = |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = example();
        change(&mut recipe);
        recipe
    };
    let other_loader = |input: &mut head::Input<'_>| input.loaders = Box::leak(Box::new(other_loaders()));
    let ids = [
        named(&example(), &plain),
        named(&example(), &|input| input.kernel = Content::from_bytes("another")),
        named(&example(), &|input| input.initramfs = Content::from_bytes("another")),
        named(&example(), &|input| input.root = "ffffffffffffffff".into()),
        named(&example(), &other_loader),
        named(
            &recipe(&|recipe| recipe.diskless.as_mut().expect("it is").kernel_arguments.push("quiet".into())),
            &plain,
        ),
        named(&recipe(&|recipe| recipe.nodes[0].kernel_arguments.push("quiet".into())), &plain),
        named(&recipe(&|recipe| recipe.nodes[0].mac[5] ^= 1), &plain),
        named(&recipe(&|recipe| recipe.nodes[0].address = [192, 168, 1, 99].into()), &plain),
        named(&recipe(&|recipe| recipe.nodes.truncate(2)), &plain),
        named(&recipe(&|recipe| recipe.head.as_mut().expect("it has one").boot = BootMode::Ipxe), &plain),
        named(&pair(), &plain),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    assert!(ids.iter().all(|id| head::is_generation(id)) && !head::is_generation("menu"));
    assert_eq!(ids[0], named(&example(), &plain));
    assert_eq!(ids[0], named(&example(), &|input| input.generation = "ffffffffffffffff".into()), "it names itself");

    let tree = Sha256::of(b"tree");
    let image = head::RamImage { name: "root.erofs".into(), sha256: tree, size: 1 };
    let roots = [
        head::root_generation(&tree, None),
        head::root_generation(&Sha256::of(b""), None),
        head::root_generation(&tree, Some(&image)),
        head::root_generation(&tree, Some(&head::RamImage { sha256: Sha256::of(b""), ..image.clone() })),
    ];
    assert_eq!(roots.iter().collect::<BTreeSet<_>>().len(), roots.len());
    assert!(roots.iter().all(|id| head::is_generation(id)));
}

/// The loaders, of which one is another version.
fn other_loaders() -> Tree {
    let mut tree = loaders();
    tree.write(LOADERS[0], 0o644, "another").expect("writable");
    tree
}

/// A head's own file may be anybody's: no name in it leads anywhere that a recipe could not have led to.
#[test]
fn case_84_names_in_a_heads_own_file() {
    let good = text(&example_head(), "etc/imgbuild/diskless-node.json");
    head::Cluster::parse(&good).expect("ours");
    for (from, to) in [
        ("\"/srv/tftp\"", "\"/srv/../tftp\""),
        ("\"/srv/tftp\"", "\"srv/tftp\""),
        ("\"/srv/tftp\"", "\"/etc\""),
        ("\"/srv/tftp\"", "\"/etc/cron.d\""),
        ("\"/srv/tftp\"", "\"/\""),
        ("\"/srv/tftp\"", "\"//srv/tftp\""),
        ("\"/srv/imgbuild/diskless-node\"", "\"/srv/imgbuild/../../root\""),
        ("\"/srv/imgbuild/diskless-node\"", "\"/root\""),
        ("\"/srv/imgbuild/diskless-node\"", "\"/usr/lib\""),
        ("\"name\": \"diskless-node\"", "\"name\": \"../diskless-node\""),
        ("\"name\": \"diskless-node\"", "\"name\": \"a/b\""),
        ("\"name\": \"dizzy\"", "\"name\": \"../../../etc\""),
        ("\"name\": \"dizzy\"", "\"name\": \".\""),
        ("\"name\": \"dizzy\"", "\"name\": \"\""),
        ("\"name\": \"dizzy\"", "\"name\": \"tumbler\""),
        ("\"name\": \"dizzy\"", "\"name\": \"a\\u001b]0;x\""),
        ("\"db\"", "\"../db\""),
        (GENERATION, "../../../../etc"),
        (GENERATION, "0123456789ABCDEF"),
        (ROOT, "../0011223344556"),
        ("\"mac\": [", "\"mac\": [1, "),
        ("\"recipe\": \"diskless-node\"", "\"recipe\": \"other\""),
        ("\"scoop\"", "\"scoop\\nport=0\""),
        ("\"eth1\"", "\"eth1\\nport=0\""),
        ("\"12h\"", "\"12h\\nport=0\""),
        ("\"amd64\"", "\"amd64\\n\""),
        ("ip=dhcp", "ip=dhcp\\ninit=/bin/sh"),
        ("\"nodes\"", "\"more\": 1, \"nodes\""),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert!(head::Cluster::parse(&bad).is_err(), "{to} was taken");
    }
}

#[test]
fn a_heads_files_have_known_places() {
    for (recipe, ipxe) in [(example(), false), (with_ipxe(), true), (with_tftpd(), false), (pair(), false)] {
        let loaders = loaders();
        for (_, tree) in head::bundles(vec![input(&recipe, &loaders)]).expect("all there") {
            let cluster = head::Cluster::parse(&text(&tree, "etc/imgbuild/diskless-node.json")).expect("ours");
            for (path, _, inode) in tree.iter().filter(|(_, _, inode)| !inode.is_directory()) {
                let path = path.to_string();
                assert!(head::place(&cluster, path.trim_start_matches('/')).is_some(), "{path} {ipxe} {inode:?}");
            }
            for foreign in [
                "etc/cron.d/evil",
                "etc/hosts.allow",
                "etc/imgbuild/other.json",
                "etc/imgbuild/keys/evil.pem",
                "etc/exports.d/imgbuild-ffffffffffffffff.exports",
                "etc/systemd/system/evil.service",
                "srv/tftp/evil",
                "srv/tftp/diskless-node/ffffffffffffffff/vmlinuz",
                "srv/tftp/diskless-node/evil",
                "srv/imgbuild/diskless-node/gen/x",
                "root/.ssh/authorized_keys",
                "etc/dnsmasq.d/imgbuild.conf/x",
                "",
            ] {
                assert_eq!(head::place(&cluster, foreign), None, "{foreign}");
            }
            let generation = &cluster.generation;
            for foreign in ["evil", "pxelinux/../../x", "grub/x", "ipxe/a b", "pxelinux/A", "vmlinuz/x"] {
                assert_eq!(
                    head::place(&cluster, &format!("srv/tftp/diskless-node/{generation}/{foreign}")),
                    None,
                    "{foreign}"
                );
            }
        }
    }
}

#[test]
fn a_menu_offers_the_previous_generation() {
    let entries = |id: &str| {
        BTreeMap::from(
            ["pxelinux/default", "grub/default", "ipxe/default"]
                .map(|path| (path.to_owned(), format!("  BOOT {id}\n"))),
        )
    };
    let (mut new, old) = (entries("new"), entries("old"));
    new.insert("pxelinux/01-x".to_owned(), "  BOOT new on x\n".to_owned());
    let texts = |menus: BTreeMap<String, MenuFile>| -> BTreeMap<String, String> {
        let text = |file| if let MenuFile::Text(text) = file { text } else { panic!("{file:?}") };
        menus.into_iter().map(|(path, file)| (path, text(file))).collect()
    };
    let menu = texts(head::menus("us", [("a", ("new", &new), Some(("old", &old)))], "a"));
    assert_eq!(
        menu["pxelinux.cfg/01-x"],
        "# us\nDEFAULT linux\nPROMPT 1\nTIMEOUT 30\nSAY Enter boots generation new, the word previous old.\n\
         LABEL linux\n  BOOT new on x\nLABEL previous\n  BOOT old\n"
    );
    let grub =
        "# us\nmenuentry 'generation new' {\n  BOOT new\n}\nmenuentry 'previous generation old' {\n  BOOT old\n}\n";
    assert_eq!(menu["grub/nodes/default.cfg"], grub);
    assert!(menu["grub/grub.cfg"].contains("source") && menu.len() == 5);
    assert_eq!(
        menu["ipxe.cfg/default"],
        "#!ipxe\n# us\nmenu\nitem now generation new\nitem previous previous generation old\n\
         choose --default now --timeout 3000 chosen || goto now\ngoto ${chosen}\n\
         :now\n  BOOT new\n:previous\n  BOOT old\n:failed\nexit 1\n"
    );
    let alone = texts(head::menus("us", [("a", ("new", &new), None)], "a"));
    assert_eq!(alone["ipxe.cfg/default"], "#!ipxe\n# us\n:now\n  BOOT new\n:failed\nexit 1\n");
    assert_eq!(alone["pxelinux.cfg/default"], "# us\nDEFAULT linux\nPROMPT 0\nLABEL linux\n  BOOT new\n");
}

/// Writes the text files of a tree below a directory of the disk.
fn unpack(tree: &Tree, directory: &Path) {
    for (path, _, inode) in tree.iter() {
        let path = directory.join(String::from_utf8_lossy(path.as_bytes()).as_ref());
        match &inode.kind {
            Kind::Directory => std::fs::create_dir_all(&path).expect("written"),
            Kind::Symlink(target) => {
                let target = String::from_utf8_lossy(target).into_owned();
                std::os::unix::fs::symlink(target, path).expect("written");
            }
            Kind::File(content) => std::fs::write(&path, content.to_vec().expect("reads")).expect("written"),
            _ => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test runs the real tool")]
fn accepts(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
}

#[test]
fn real_programs_accept_the_files() {
    if !switched_on("IMGBUILD_TEST_PEERS", "real_programs_accept_the_files") {
        return;
    }
    let directory = tempfile::tempdir().expect("the tests can write");
    unpack(&example_head(), directory.path());
    let at = |path: &str| directory.path().join(path).to_str().expect("a plain name").to_owned();

    for (name, tree) in [("one", example_head())].into_iter().chain(["two", "three"].into_iter().zip(heads(&pair()))) {
        let directory = directory.path().join(name);
        std::fs::create_dir(&directory).expect("new");
        unpack(&tree, &directory);
        let at = |path: &str| directory.join(path).to_str().expect("a plain name").to_owned();
        accepts("dnsmasq", &["--test", &format!("--conf-file={}", at("etc/dnsmasq.d/imgbuild.conf"))]);
    }
    let ipxe = assemble(&with_ipxe(), &loaders()).expect("all there");
    std::fs::write(at("ipxe.conf"), text(&ipxe, "etc/dnsmasq.d/imgbuild.conf")).expect("written");
    accepts("dnsmasq", &["--test", &format!("--conf-file={}", at("ipxe.conf"))]);
    let tftpd = assemble(&with_tftpd(), &loaders()).expect("all there");
    std::fs::write(at("tftpd.conf"), text(&tftpd, "etc/dnsmasq.d/imgbuild.conf")).expect("written");
    accepts("dnsmasq", &["--test", &format!("--conf-file={}", at("tftpd.conf"))]);
    for file in ["grub.cfg", "nodes/default.cfg", "nodes/01-00-21-97-7d-ad-bf.cfg"] {
        accepts("grub-script-check", &[&at(&format!("srv/tftp/grub/{file}"))]);
    }
    let main = format!(
        "@version: 3.38\n@include \"scl.conf\"\nsource s_src {{ internal(); }};\n@include \"{}\"\n",
        at("etc/syslog-ng/conf.d/imgbuild.conf")
    );
    std::fs::write(at("main.conf"), main).expect("written");
    accepts("syslog-ng", &["--syntax-only", "--no-caps", "--cfgfile", &at("main.conf")]);
}

/// Runs keepalived's own test of a file, among interfaces of the recipe's names, and returns what it says.
#[expect(clippy::disallowed_methods, reason = "a test runs the real tool")]
fn keepalived_says(config: &Path) -> String {
    let line =
        "ip link add eth0 type bridge; ip link add eth1 type bridge; exec keepalived --config-test --use-file $1";
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-euc", line, "sh"]).arg(config);
    let output = command.output().expect("unshare starts");
    // Seen with 2.2.7: where a script is watched, the test ends itself by SIGTERM, however good the file is.
    let code = output.status.code();
    assert!(code.is_some_and(|code| [0, 5, 143].contains(&code)), "{:?}", output.status);
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

#[test]
fn keepalived_accepts_both_files() {
    if !["IMGBUILD_TEST_PEERS", "IMGBUILD_TEST_ROOT"]
        .iter()
        .all(|name| switched_on(name, "keepalived_accepts_both_files"))
    {
        return;
    }
    let directory = tempfile::tempdir().expect("the tests can write");
    let file = directory.path().join("keepalived.conf");
    for tree in heads(&pair()) {
        let config = text(&tree, "etc/keepalived/keepalived.conf");
        std::fs::write(&file, &config).expect("written");
        assert_eq!(keepalived_says(&file), "", "{config}");
        std::fs::write(&file, config.replace("nopreempt", "no_preempt")).expect("written");
        assert!(keepalived_says(&file).contains("Unknown keyword 'no_preempt'"), "it looks at the words");
    }
}

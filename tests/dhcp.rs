//! What machines are really told: the real dnsmasq, with the head's unchanged configuration, asked by packets as
//! firmware sends them (RFC 2131, RFC 4578, PXE 2.1, UEFI 2.10).
//!
//! Two network namespaces with a cable between: the head's interface `eth1` in one, a machine in the other.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use imgbuild::recipe::BootMode;
use imgbuild::recipe::DhcpMode;
use imgbuild::recipe::Network;
use imgbuild::recipe::NetworkOptions;
use imgbuild::recipe::Recipe;
use rustix::thread::LinkNameSpaceType;

use crate::head::assemble;
use crate::head::example;
use crate::head::loaders;
use crate::head::text;
use crate::switched_on;

const HEAD: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// The card of the node `dizzy`.
pub(crate) const DIZZY: [u8; 6] = [0x00, 0x21, 0x97, 0x7d, 0xad, 0xbf];
pub(crate) const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "dnsmasq and its network are what is tested")]
pub(crate) fn start(program: &str, arguments: &[&str]) -> Running {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")))
}

#[expect(clippy::disallowed_methods, reason = "dnsmasq and its network are what is tested")]
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two network namespaces with a cable between, from the head's `eth1` at an address to the other's `card`; the thread that
/// calls it stays in the other. The last is the process whose namespace is the head's.
pub(crate) fn cable(of_head: &str, of_machine: &str) -> ([Running; 2], String) {
    let spaces = ["head", "machine"].map(|_| start("unshare", &["--net", "sleep", "1800"]));
    let ids = [0, 1].map(|at: usize| spaces[at].0.id().to_string());
    let own = fs::read_link("/proc/self/ns/net").expect("Linux has it");
    let end = Instant::now() + Duration::from_secs(20);
    while ids.iter().any(|id| fs::read_link(format!("/proc/{id}/ns/net")).is_ok_and(|space| space == own)) {
        assert!(Instant::now() < end, "unshare makes no namespace");
        std::thread::sleep(Duration::from_millis(10));
    }
    let [head, machine] = ids;
    let in_head = |words: &[&str]| run("nsenter", &[&["--net", "--target", &head, "ip"], words].concat());
    in_head(&["link", "set", "lo", "up"]);
    in_head(&["link", "add", "eth1", "type", "veth", "peer", "name", "card", "netns", &machine]);
    in_head(&["address", "add", of_head, "dev", "eth1"]);
    in_head(&["link", "set", "eth1", "up"]);
    let space = File::open(format!("/proc/{machine}/ns/net")).expect("it is there");
    rustix::thread::move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).expect("as root");
    for words in [
        &["link", "set", "lo", "up"][..],
        &["address", "add", of_machine, "dev", "card"],
        &["link", "set", "card", "up"],
        &["route", "add", "255.255.255.255", "dev", "card"],
    ] {
        run("ip", words);
    }
    (spaces, head)
}

/// A socket at a port of this thread's namespace. A program that another test is about to start has, until it runs, what
/// was open here a moment ago.
pub(crate) fn bound(port: u16) -> UdpSocket {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            socket => return socket.expect("the namespace is ours"),
        }
    }
}

/// A head's dnsmasq on one end of a cable, and this thread on the other.
pub(crate) struct Wire {
    _head: [Running; 3],
    _place: tempfile::TempDir,
}

impl Wire {
    /// Begins with `recipe`'s head. The thread that calls it stays in the machine's namespace.
    fn new(recipe: &Recipe) -> Self {
        let files = assemble(recipe, &loaders()).expect("the example has all it needs");
        let configuration = text(&files, "etc/dnsmasq.d/imgbuild.conf");
        // All but the directory that TFTP would serve, which dnsmasq wants to see.
        let without = |line: &&str| !line.starts_with("enable-tftp") && !line.starts_with("tftp-");
        let lines: Vec<&str> = configuration.lines().filter(without).collect();
        Self::of(&(lines.join("\n") + "\n"))
    }

    /// Begins with a configuration.
    pub(crate) fn of(configuration: &str) -> Self {
        let place = tempfile::tempdir().expect("the tests can write");
        let path = place.path().join("dnsmasq.conf");
        fs::write(&path, configuration).expect("ours");

        let (spaces, head) = cable("192.168.1.1/24", "192.168.1.200/24");
        run("nsenter", &["--net", "--target", &head, "ip", "route", "add", "10.2.0.0/16", "via", "192.168.1.200"]);
        run("ip", &["address", "add", "10.2.0.1/16", "dev", "lo"]);
        let at = |option: &str, name: &str| format!("--{option}={}", place.path().join(name).display());
        let files = [at("conf-file", "dnsmasq.conf"), at("dhcp-leasefile", "leases"), at("pid-file", "pid")];
        let fixed = ["dnsmasq", "--no-daemon", "--no-ping", "--port=0", "--user=root", "--no-hosts"];
        let mut dnsmasq = vec!["--net", "--target", &head];
        dnsmasq.extend(fixed.into_iter().chain(files.iter().map(String::as_str)));
        let server = start("nsenter", &dnsmasq);
        let [head, machine] = spaces;
        Self { _head: [server, head, machine], _place: place }
    }

    /// What a client hears within a few seconds; `None`: nothing.
    pub(crate) fn ask(&self, client: &Client) -> Option<Answer> {
        let server = if client.relay.is_some() { HEAD } else { Ipv4Addr::BROADCAST };
        self.send(client, &client.packet(), SocketAddr::from((server, 67)))
    }

    /// What a PXE client hears in the end: the file that it is offered, or that it gets for the first entry of the menu
    /// that it is offered (PXE 2.1, 2.4).
    fn ask_pxe(&self, client: &Client) -> Option<Answer> {
        let offer = self.ask(client)?;
        if !offer.file.is_empty() {
            return Some(offer);
        }
        // An offer without a menu is one to ask its server for more, as UEFI does.
        let request = client.request(offer.first_entry());
        self.send(client, &request, SocketAddr::from((HEAD, 4011))).or(Some(offer))
    }

    fn send(&self, client: &Client, packet: &[u8], to: SocketAddr) -> Option<Answer> {
        let port = if client.relay.is_some() { 67 } else { 68 };
        let socket = bound(port);
        socket.set_broadcast(true).expect("it can");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("it can");
        let mut last = None;
        // dnsmasq may not be there yet: asked again, as clients do. Silence is three seconds of it.
        for _ in 0..15 {
            socket.send_to(packet, to).expect("the cable is there");
            let mut bytes = [0; 2048];
            while let Ok((length, _)) = socket.recv_from(&mut bytes) {
                let answer = Answer::read(&bytes[..length]);
                last = answer.filter(|answer| answer.mac == client.mac).or(last);
            }
            if last.is_some() {
                break;
            }
        }
        last
    }
}

/// A machine's firmware.
pub(crate) struct Client {
    mac: [u8; 6],
    /// Option 93; old ones have none.
    architecture: Option<u16>,
    class: &'static str,
    ipxe: bool,
    relay: Option<Ipv4Addr>,
    id: Option<&'static [u8]>,
}

impl Client {
    pub(crate) fn new(mac: [u8; 6], architecture: Option<u16>) -> Self {
        let class =
            if architecture.is_some_and(|number| (15..=20).contains(&number)) { "HTTPClient" } else { "PXEClient" };
        Self { mac, architecture, class, ipxe: false, relay: None, id: None }
    }

    /// A DHCPDISCOVER that is answered by broadcast.
    fn packet(&self) -> Vec<u8> {
        self.message(1, 0x80, [0; 4], None)
    }

    /// A DHCPREQUEST for an entry of a menu, from the address that another server gave.
    fn request(&self, entry: Option<[u8; 2]>) -> Vec<u8> {
        self.message(3, 0, [192, 168, 1, 200], entry)
    }

    fn message(&self, kind: u8, flags: u8, own: [u8; 4], entry: Option<[u8; 2]>) -> Vec<u8> {
        let mut packet = vec![1, 1, 6, 0, 7, 7, 7, 7, 0, 0, flags, 0];
        packet.extend(own);
        packet.extend([0; 8]);
        packet.extend(self.relay.map_or([0; 4], |relay| relay.octets()));
        packet.extend(self.mac);
        packet.extend([0; 10 + 64 + 128]);
        packet.extend([0x63, 0x82, 0x53, 0x63]);
        let mut option = |code: u8, bytes: &[u8]| {
            packet.extend([code, u8::try_from(bytes.len()).expect("short")]);
            packet.extend(bytes);
        };
        option(53, &[kind]);
        if let Some([high, low]) = entry {
            option(43, &[71, 4, high, low, 0, 0, 255]);
        }
        option(55, &[1, 3, 6, 12, 15, 26, 42, 43, 60, 66, 67]);
        option(57, &[5, 0xc0]);
        if let Some(id) = self.id {
            option(61, id);
        }
        if let Some(architecture) = self.architecture {
            option(60, format!("{}:Arch:{architecture:05}:UNDI:003016", self.class).as_bytes());
            option(93, &architecture.to_be_bytes());
            option(94, &[1, 3, 16]);
            option(97, &[0; 17]);
        }
        if self.ipxe {
            option(77, b"iPXE");
            option(175, &[0xb1, 5, 1, 0x80, 0x86, 0x10, 0x0e]);
        }
        packet.push(255);
        packet
    }
}

/// What a server says.
#[derive(Debug)]
pub(crate) struct Answer {
    mac: [u8; 6],
    address: Ipv4Addr,
    next_server: Ipv4Addr,
    pub(crate) file: String,
    pub(crate) options: BTreeMap<u8, Vec<u8>>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Option<Self> {
        let four = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        let (mut options, mut rest) = (BTreeMap::new(), bytes.get(240..)?);
        while let [code, length, after @ ..] = rest {
            if *code == 255 {
                break;
            }
            let (value, after) = after.split_at_checked((*length).into())?;
            options.insert(*code, value.to_vec());
            rest = after;
        }
        let file = text(bytes.get(108..236)?);
        let file = options.get(&67).map_or(file, |long: &Vec<u8>| text(long));
        Some(Self {
            mac: bytes.get(28..34)?.try_into().ok()?,
            address: four(16)?,
            next_server: four(20)?,
            file,
            options,
        })
    }

    /// The kind of boot server that the first entry of a menu is for.
    fn first_entry(&self) -> Option<[u8; 2]> {
        let mut rest = self.options.get(&43)?.as_slice();
        while let [code, length, after @ ..] = rest {
            let (value, after) = after.split_at_checked((*length).into())?;
            match (code, value) {
                (9, [high, low, ..]) => return Some([*high, *low]),
                _ => rest = after,
            }
        }
        None
    }

    fn is_http(&self) -> bool {
        self.options.get(&60).is_some_and(|class| class == b"HTTPClient")
    }
}

fn with(change: impl FnOnce(&mut Recipe)) -> Recipe {
    let mut recipe = example();
    change(&mut recipe);
    recipe
}

/// Architecture, with iPXE, what file, and whether by HTTP boot; no file: the machine goes on to its next device.
type Row = (Option<u16>, bool, &'static str, bool);

#[track_caller]
fn all(wire: &Wire, who: &str, mac: [u8; 6], rows: &[Row]) {
    for &(architecture, ipxe, file, http) in rows {
        let client = Client { ipxe, ..Client::new(mac, architecture) };
        let answer = if who.starts_with("proxy") { wire.ask_pxe(&client) } else { wire.ask(&client) };
        let answer = answer.unwrap_or_else(|| panic!("{who}: {architecture:?} hears nothing"));
        let what = format!("{who}: {architecture:?}, iPXE {ipxe}: {answer:?}");
        assert_eq!((answer.file.as_str(), answer.is_http()), (file, http), "{what}");
        if !file.is_empty() {
            assert_eq!(answer.next_server, HEAD, "{what}");
        }
    }
}

const SCRIPT: &str = "http://192.168.1.1:8068/imgbuild.ipxe";

#[test]
fn c4_each_firmware_is_told_what_it_can_boot() {
    if !switched_on("IMGBUILD_TEST_ROOT", "c4_each_firmware_is_told_what_it_can_boot") {
        return;
    }
    let pxe: &[Row] = &[
        (None, false, "pxelinux.0", false),
        (Some(0), false, "pxelinux.0", false),
        (Some(0), true, "pxelinux.0", false),
        (Some(6), false, "", false),
        (Some(7), false, "shimx64.efi", false),
        (Some(7), true, "shimx64.efi", false),
        (Some(9), false, "shimx64.efi", false),
        (Some(10), false, "", false),
        (Some(11), false, "", false),
        (Some(15), false, "", false),
        (Some(16), false, "", false),
        (Some(19), false, "", false),
    ];
    let ipxe: &[Row] = &[
        (None, false, "undionly.kpxe", false),
        (Some(0), false, "undionly.kpxe", false),
        (Some(0), true, SCRIPT, false),
        (Some(6), false, "", false),
        (Some(6), true, "", false),
        (Some(7), false, "snponly.efi", false),
        (Some(7), true, SCRIPT, false),
        (Some(9), true, SCRIPT, false),
        (Some(11), true, "", false),
        (Some(15), false, "", false),
        (Some(16), false, "http://192.168.1.1:8068/snponly.efi", true),
        (Some(16), true, SCRIPT, false),
        (Some(19), false, "", false),
    ];
    let arm64: &[Row] = &[
        (Some(0), false, "", false),
        (Some(7), false, "", false),
        (Some(11), false, "ipxe-arm64.efi", false),
        (Some(11), true, SCRIPT, false),
        (Some(16), false, "", false),
        (Some(19), false, "http://192.168.1.1:8068/ipxe-arm64.efi", true),
    ];
    let by_ipxe = |recipe: &mut Recipe| recipe.head.as_mut().expect("it has one").boot = BootMode::Ipxe;
    let worlds: [(&str, Recipe, &[Row]); 3] = [
        ("pxe", example(), pxe),
        ("ipxe", with(by_ipxe), ipxe),
        (
            "arm64",
            with(|recipe| {
                by_ipxe(recipe);
                "arm64".clone_into(&mut recipe.debian.architecture);
            }),
            arm64,
        ),
    ];
    for (name, recipe, rows) in worlds {
        let wire = Wire::new(&recipe);
        all(&wire, name, DIZZY, rows);
        all(&wire, name, STRANGER, &rows[..2]);
        let dizzy = wire.ask(&Client::new(DIZZY, Some(0))).expect("it is known");
        assert_eq!(dizzy.address, Ipv4Addr::new(192, 168, 1, 10));
        assert_eq!(dizzy.options.get(&12).map(Vec::as_slice), Some(&b"dizzy"[..]));
    }
}

#[test]
fn c6_beside_another_server_only_the_boot_file_is_told() {
    if !switched_on("IMGBUILD_TEST_ROOT", "c6_beside_another_server_only_the_boot_file_is_told") {
        return;
    }
    let proxy = |boot: BootMode| {
        with(|recipe| {
            let head = recipe.head.as_mut().expect("it has one");
            (head.dhcp, head.range, head.boot) = (DhcpMode::Proxy, None, boot);
        })
    };
    let wire = Wire::new(&proxy(BootMode::Pxe));
    all(&wire, "proxy", DIZZY, &[(Some(0), false, "pxelinux.0", false), (Some(7), false, "shimx64.efi", false)]);
    let dizzy = wire.ask_pxe(&Client::new(DIZZY, Some(9))).expect("it is a PXE client");
    assert_eq!((dizzy.address, dizzy.file.as_str()), (Ipv4Addr::UNSPECIFIED, "shimx64.efi"), "{dizzy:?}");
    for architecture in [None, Some(6), Some(11), Some(16)] {
        let heard = wire.ask_pxe(&Client::new(DIZZY, architecture));
        assert!(heard.as_ref().is_none_or(|answer| answer.file.is_empty()), "{architecture:?}: {heard:?}");
    }
    drop(wire);
    let wire = Wire::new(&proxy(BootMode::Ipxe));
    let rows: &[Row] = &[
        (Some(0), false, "undionly.kpxe", false),
        (Some(0), true, SCRIPT, false),
        (Some(7), false, "snponly.efi", false),
        (Some(7), true, SCRIPT, false),
    ];
    all(&wire, "proxy with iPXE", DIZZY, rows);
    drop(wire);
    let none = with(|recipe| {
        let head = recipe.head.as_mut().expect("it has one");
        (head.dhcp, head.range) = (DhcpMode::None, None);
    });
    assert!(Wire::new(&none).ask(&Client::new(DIZZY, Some(0))).is_none(), "none means none");
}

#[test]
fn c6_cards_ids_and_networks_are_told_apart() {
    if !switched_on("IMGBUILD_TEST_ROOT", "c6_cards_ids_and_networks_are_told_apart") {
        return;
    }
    let recipe = with(|recipe| {
        recipe.nodes[0].further_macs = vec![[2, 0, 0, 0, 0, 7]];
        recipe.nodes[1].client_id = Some("ff:00:02".into());
        let mut far = recipe.nodes[0].clone();
        (far.name, far.mac, far.address) = ("far".into(), [2, 0, 0, 0, 0, 9], Ipv4Addr::new(10, 2, 0, 9));
        far.further_macs.clear();
        far.aliases.clear();
        recipe.nodes.push(far);
        recipe.head.as_mut().expect("it has one").options.ntp = vec![Ipv4Addr::new(192, 168, 1, 7)];
        recipe.head.as_mut().expect("it has one").networks.push(Network {
            name: "rack2".into(),
            network: (Ipv4Addr::new(10, 2, 0, 0), 16),
            interface: None,
            range: Some((Ipv4Addr::new(10, 2, 9, 1), Ipv4Addr::new(10, 2, 9, 9))),
            options: NetworkOptions {
                router: Some(Ipv4Addr::new(10, 2, 0, 1)),
                mtu: Some(9000),
                ..NetworkOptions::default()
            },
        });
    });
    let wire = Wire::new(&recipe);
    let address = |client: &Client| wire.ask(client).map(|answer| answer.address.to_string());
    assert_eq!(address(&Client::new([2, 0, 0, 0, 0, 7], Some(0))).as_deref(), Some("192.168.1.10"), "the second card");
    let by_id = Client { id: Some(&[0xff, 0, 2]), ..Client::new([2, 0, 0, 0, 0, 8], Some(0)) };
    assert_eq!(address(&by_id).as_deref(), Some("192.168.1.11"), "by its client identifier");
    let stranger = wire.ask(&Client::new(STRANGER, Some(0))).expect("there is a range");
    assert!((50..=150).contains(&stranger.address.octets()[3]), "{stranger:?}");
    assert_eq!(stranger.options.get(&42).map(Vec::as_slice), Some(&[192, 168, 1, 7][..]), "{stranger:?}");
    assert!(!stranger.options.contains_key(&26), "another network's");

    let relay = Some(Ipv4Addr::new(10, 2, 0, 1));
    let far = wire.ask(&Client { relay, ..Client::new([2, 0, 0, 0, 0, 9], Some(7)) }).expect("the relay is answered");
    assert_eq!((far.address.to_string(), far.file.as_str()), ("10.2.0.9".to_owned(), "shimx64.efi"));
    assert_eq!(far.next_server, HEAD);
    let option = |code: u8| far.options.get(&code).cloned().unwrap_or_default();
    assert_eq!((option(1), option(3)), (vec![255, 255, 0, 0], vec![10, 2, 0, 1]), "{far:?}");
    assert_eq!((option(6), option(26)), (vec![192, 168, 1, 1], 9000_u16.to_be_bytes().to_vec()), "{far:?}");
    assert!(option(42).is_empty(), "another network's");
    let stranger = Client { relay, ..Client::new([2, 0, 0, 0, 0, 0x11], Some(0)) };
    assert!(address(&stranger).is_some_and(|address| address.starts_with("10.2.9.")));
}

/// What the tables of `doc/boot.md` are about: who asks, and what it calls itself in option 93.
const ASKING: [(u16, &str); 7] = [
    (0, "BIOS"),
    (6, "UEFI, 32 bits"),
    (7, "UEFI, 64 bits"),
    (9, "UEFI, 64 bits, as others number it"),
    (11, "UEFI, arm64"),
    (16, "UEFI HTTP boot"),
    (19, "UEFI HTTP boot, arm64"),
];

/// A head's settings as its recipe has them, what nodes are, and how it answers.
type Setting = (&'static str, &'static str, DhcpMode, BootMode);
const SETTINGS: [Setting; 5] = [
    ("`boot = \"pxe\"`", "amd64", DhcpMode::Full, BootMode::Pxe),
    ("`boot = \"ipxe\"`", "amd64", DhcpMode::Full, BootMode::Ipxe),
    ("`dhcp = \"proxy\"`", "amd64", DhcpMode::Proxy, BootMode::Pxe),
    ("`dhcp = \"proxy\"`, `boot = \"ipxe\"`", "amd64", DhcpMode::Proxy, BootMode::Ipxe),
    ("`architecture = \"arm64\"`, `boot = \"ipxe\"`", "arm64", DhcpMode::Full, BootMode::Ipxe),
];

/// The answers to all who ask, each without and with iPXE.
fn answers(&(_, architecture, dhcp, boot): &Setting) -> Vec<[String; 2]> {
    let recipe = with(|recipe| {
        architecture.clone_into(&mut recipe.debian.architecture);
        let head = recipe.head.as_mut().expect("it has one");
        (head.dhcp, head.boot) = (dhcp, boot);
        head.range = head.range.filter(|_| dhcp == DhcpMode::Full);
    });
    let wire = Wire::new(&recipe);
    let answer = |number: u16, ipxe: bool| {
        let client = Client { ipxe, ..Client::new(DIZZY, Some(number)) };
        let answer = if dhcp == DhcpMode::Proxy { wire.ask_pxe(&client) } else { wire.ask(&client) };
        let told = answer.filter(|answer| !answer.file.is_empty());
        told.map_or_else(
            || "\u{2013}".to_owned(),
            |answer| {
                assert_eq!(answer.next_server, HEAD, "{answer:?}");
                format!("`{}`{}", answer.file, if answer.is_http() { " as `HTTPClient`" } else { "" })
            },
        )
    };
    ASKING.map(|(number, _)| [answer(number, false), answer(number, true)]).to_vec()
}

/// The tables of `doc/boot.md`; `IMGBUILD_TEST_WRITE=1` writes them anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its switch")]
fn c4_the_document_has_what_dnsmasq_answers() {
    if !switched_on("IMGBUILD_TEST_ROOT", "c4_the_document_has_what_dnsmasq_answers") {
        return;
    }
    // Each in a thread of its own, which its namespace goes with: silence takes its time.
    let asked = SETTINGS.map(|setting| std::thread::spawn(move || answers(&setting)));
    let mut text = String::new();
    for ((name, ..), asked) in SETTINGS.iter().zip(asked) {
        let answers = asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        text += &format!("\n| {name} | | its firmware asks | iPXE asks |\n|---|---|---|---|\n");
        for ((number, what), [firmware, ipxe]) in ASKING.iter().zip(answers) {
            text += &format!("| {number} | {what} | {firmware} | {ipxe} |\n");
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/boot.md");
    let doc = fs::read_to_string(&path).expect("there");
    let (before, rest) = doc.split_once("\n| `boot").expect("it has tables");
    let (tables, after) = rest.split_once("\n\nNo file").expect("they end");
    if std::env::var_os("IMGBUILD_TEST_WRITE").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{before}{text}\nNo file{after}")).expect("ours");
        return;
    }
    assert_eq!(format!("\n| `boot{tables}\n"), text, "other tables are wanted");
}

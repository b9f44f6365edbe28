//! How many nodes one head starts: a room of simulated ones against the real dnsmasq, with the head's unchanged
//! configuration, and its web server; and the model of `doc/scale.md`, with the numbers that were measured.
//!
//! A node does what firmware, pxelinux and the initramfs do (RFC 2131, RFC 1350, RFC 2348): asks DHCP until it is answered,
//! fetches its menu, kernel and initramfs by TFTP, asks DHCP again, and fetches its root by HTTP. All are switched on at
//! once. `IMGBUILD_TEST_NODES` says how many they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::time::Duration;
use std::time::Instant;

use imgbuild::recipe::Node;
use imgbuild::recipe::Recipe;
use imgbuild::recipe::RootMode;

use crate::dhcp::Running;
use crate::dhcp::bound;
use crate::dhcp::cable;
use crate::dhcp::run;
use crate::dhcp::start;
use crate::head::assemble_in_memory;
use crate::head::example;
use crate::head::loaders;
use crate::head::text;
use crate::switched_on;

const HEAD: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const ROOT: usize = 10 << 20;
/// What pxelinux and the firmware's PXE ask for.
const BLOCK: usize = 1408;
/// Within so many seconds all are switched on.
const POWER: u64 = 10;
/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(600);

/// A recipe with so many nodes, in memory.
pub(crate) fn room(nodes: u32) -> Recipe {
    let mut recipe = example();
    let head = recipe.head.as_mut().expect("it has one");
    (head.address, head.network) = (HEAD, (Ipv4Addr::new(10, 1, 0, 0), 16));
    head.range = Some((Ipv4Addr::new(10, 1, 200, 0), Ipv4Addr::new(10, 1, 200, 250)));
    recipe.diskless.as_mut().expect("it is").root = RootMode::Ram;
    let example = recipe.nodes[1].clone();
    let node = |number: u32| Node {
        name: format!("n{number:04}"),
        mac: mac(number),
        address: Ipv4Addr::from_bits(HEAD.to_bits() + 255 + number),
        ..example.clone()
    };
    recipe.nodes = (1..=nodes).map(node).collect();
    recipe
}

fn mac(number: u32) -> [u8; 6] {
    let [_, _, high, low] = number.to_be_bytes();
    [2, 0, 0, 1, high, low]
}

/// How a node fared.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// When it was switched on, after the first.
    power: Duration,
    address: Duration,
    loaded: Duration,
    done: Duration,
    /// Packets that were asked for again.
    again: usize,
}

/// DHCP for all nodes through one socket, as the namespace has one port 68.
struct Dhcp {
    socket: UdpSocket,
    waiting: Mutex<BTreeMap<u32, Sender<Vec<u8>>>>,
}

impl Dhcp {
    #[expect(clippy::disallowed_methods, reason = "it listens until the test ends")]
    fn begin() -> Arc<Self> {
        let socket = bound(68);
        socket.set_broadcast(true).expect("it can");
        let dhcp = Arc::new(Self { socket, waiting: Mutex::default() });
        let receiver = Arc::clone(&dhcp);
        std::thread::spawn(move || {
            let mut bytes = [0; 2048];
            while let Ok((length, _)) = receiver.socket.recv_from(&mut bytes) {
                let id = bytes[4..8].try_into().map(u32::from_be_bytes).expect("four bytes");
                if let Some(node) = receiver.waiting.lock().expect("nobody panics").get(&id) {
                    // A node that has what it wants listens no more.
                    let _ = node.send(bytes[..length].to_vec());
                }
            }
        });
        dhcp
    }

    fn listen(&self, id: u32) -> Receiver<Vec<u8>> {
        let (sender, receiver) = mpsc::channel();
        self.waiting.lock().expect("nobody panics").insert(id, sender);
        receiver
    }

    /// A lease, asked for as PXE does: after 4, 8, 16 and 32 seconds once more, each a second more or less (RFC 2131, 4.1).
    fn lease(&self, number: u32, again: &mut usize) -> Ipv4Addr {
        let answers = self.listen(number);
        let mut wanted = None;
        for kind in [1_u8, 3] {
            let mut pause = Duration::from_secs(4);
            let answer = loop {
                self.socket.send_to(&packet(number, kind, wanted), (Ipv4Addr::BROADCAST, 67)).expect("a cable");
                // An offer is 2, an acknowledgement 5.
                let end = Instant::now() + pause - Duration::from_secs(1) + spread(number, *again, 2);
                let answer = loop {
                    match answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
                        Ok(answer) if kind_of(&answer) == Some(if kind == 1 { 2 } else { 5 }) => break Some(answer),
                        Ok(_) => {}
                        Err(_) => break None,
                    }
                };
                if let Some(answer) = answer {
                    break answer;
                }
                *again += 1;
                pause = (pause * 2).min(Duration::from_secs(32));
            };
            wanted = Some(Ipv4Addr::new(answer[16], answer[17], answer[18], answer[19]));
        }
        wanted.expect("it was answered")
    }
}

fn kind_of(packet: &[u8]) -> Option<u8> {
    let mut rest = packet.get(240..)?;
    while let [code, length, after @ ..] = rest {
        if *code == 53 {
            return after.first().copied();
        }
        rest = after.get(usize::from(*length)..)?;
    }
    None
}

fn packet(number: u32, kind: u8, wanted: Option<Ipv4Addr>) -> Vec<u8> {
    let mut packet = vec![1, 1, 6, 0];
    packet.extend(number.to_be_bytes());
    packet.extend([0, 0, 0x80, 0]);
    packet.extend([0; 16]);
    packet.extend(mac(number));
    packet.extend([0; 10 + 64 + 128]);
    packet.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
    if let Some(wanted) = wanted {
        packet.extend([50, 4]);
        packet.extend(wanted.octets());
        packet.extend([54, 4]);
        packet.extend(HEAD.octets());
    }
    packet.extend([93, 2, 0, 0, 60, 9]);
    packet.extend(b"PXEClient");
    packet.extend([55, 4, 1, 3, 66, 67, 255]);
    packet
}

/// A file by TFTP, block by block. Returns its length.
fn tftp(path: &str, again: &mut usize) -> usize {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("ports are left");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("it can");
    let mut last = [&[0, 1][..], path.as_bytes(), b"\0octet\0blksize\0", BLOCK.to_string().as_bytes(), b"\0"].concat();
    let mut to = SocketAddr::from((HEAD, 69));
    let (mut length, mut next, mut bytes) = (0, 1_u16, [0; 2048]);
    let end = Instant::now() + PATIENCE;
    socket.send_to(&last, to).expect("a cable");
    loop {
        let Ok((received, from)) = socket.recv_from(&mut bytes) else {
            assert!(Instant::now() < end, "no answer for {path}");
            *again += 1;
            socket.send_to(&last, to).expect("a cable");
            continue;
        };
        let number = u16::from_be_bytes([bytes[2], bytes[3]]);
        match (bytes[1], received) {
            // The option was taken.
            (6, _) if next == 1 => last = vec![0, 4, 0, 0],
            (3, 4..) if number == next => {
                length += received - 4;
                last = vec![0, 4, bytes[2], bytes[3]];
                next = next.wrapping_add(1);
            }
            (5, _) => panic!("{path}: {}", String::from_utf8_lossy(&bytes[4..received])),
            _ => continue,
        }
        to = from;
        socket.send_to(&last, to).expect("a cable");
        if bytes[1] == 3 && received < BLOCK + 4 {
            return length;
        }
    }
}

/// A file by HTTP. Returns its length.
fn http(path: &str, again: &mut usize) -> usize {
    loop {
        let fetch = || -> std::io::Result<usize> {
            let mut stream = TcpStream::connect((HEAD, 8067))?;
            write!(stream, "GET {path} HTTP/1.0\r\nHost: head\r\n\r\n")?;
            let (mut length, mut bytes) = (0, vec![0; 1 << 16]);
            loop {
                match stream.read(&mut bytes)? {
                    0 => return Ok(length),
                    count => length += count,
                }
            }
        };
        match fetch() {
            Ok(length) if length > ROOT => return length,
            _ => {
                *again += 1;
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// A head's servers, with files of these sizes.
fn head(recipe: &Recipe, place: &Path, process: &str, (kernel, initrd): (usize, usize)) -> [Running; 2] {
    let files = assemble_in_memory(recipe, &loaders()).expect("it is whole");
    let configuration = text(&files, "etc/dnsmasq.d/imgbuild.conf").replace("/srv/tftp", &place.display().to_string());
    fs::write(place.join("dnsmasq.conf"), configuration).expect("ours");
    fs::write(place.join("pxelinux.0"), vec![1; 42 << 10]).expect("ours");
    fs::write(place.join("vmlinuz"), vec![2; kernel]).expect("ours");
    fs::write(place.join("initrd.img"), vec![3; initrd]).expect("ours");
    fs::write(place.join("root.erofs"), vec![4; ROOT]).expect("ours");
    fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let at = |option: &str, name: &str| format!("--{option}={}", place.join(name).display());
    let own = [at("conf-file", "dnsmasq.conf"), at("dhcp-leasefile", "leases"), at("pid-file", "pid")];
    let mut dnsmasq =
        vec!["--net", "--target", process, "dnsmasq", "--no-daemon", "--port=0", "--user=root", "--no-hosts"];
    dnsmasq.extend(own.iter().map(String::as_str));
    let directory = place.display().to_string();
    // As the head's own unit has it.
    let web = ["--net", "--target", process, "busybox", "httpd", "-f", "-p", "10.1.0.1:8067", "-h", &directory];
    [start("nsenter", &dnsmasq), start("nsenter", &web)]
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the number of nodes is a switch, and times are wanted"
)]
fn a_room_of_nodes_is_served_at_once() {
    const TEST: &str = "a_room_of_nodes_is_served_at_once";
    if !switched_on("IMGBUILD_TEST_ROOT", TEST) {
        return;
    }
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let nodes = number("IMGBUILD_TEST_NODES", 100);
    let sizes = (256 << 10, 1 << 20);
    // Where large files are not memory.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the tests can write");
    let recipe = room(nodes);
    let (_spaces, process) = cable("10.1.0.1/16", "10.1.0.2/16");
    run("nsenter", &["--net", "--target", &process, "sysctl", "-qw", "net.core.somaxconn=4096"]);
    let _servers = head(&recipe, place.path(), &process, sizes);
    let dhcp = Dhcp::begin();
    // The first one waits until the servers are there.
    let mut nothing = 0;
    dhcp.lease(1, &mut nothing);
    http("/root.erofs", &mut nothing);

    let began = Instant::now();
    let node = |number: u32| {
        // Machines of one make are not the same to the second.
        std::thread::sleep(spread(number, 0, POWER));
        let (power, began) = (began.elapsed(), Instant::now());
        let mut again = 0;
        let address = dhcp.lease(number, &mut again);
        assert_eq!(address, recipe.nodes[number as usize - 1].address);
        let addressed = began.elapsed();
        for (path, length) in [("pxelinux.0", 42 << 10), ("vmlinuz", sizes.0), ("initrd.img", sizes.1)] {
            assert_eq!(tftp(path, &mut again), length, "{path}");
        }
        let loaded = began.elapsed();
        dhcp.lease(number, &mut again);
        http("/root.erofs", &mut again);
        Times { power, address: addressed, loaded, done: began.elapsed(), again }
    };
    let all: Vec<Times> = std::thread::scope(|scope| {
        let run = |number| {
            let thread = std::thread::Builder::new().stack_size(256 << 10);
            thread.spawn_scoped(scope, move || node(number)).expect("a thread")
        };
        let threads: Vec<_> = (1..=nodes).map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("it was served")).collect()
    });
    let worst = |of: fn(&Times) -> Duration| all.iter().map(of).max().unwrap_or_default().as_secs_f64();
    let again: usize = all.iter().map(|times| times.again).sum();
    let (address, loaded, done) =
        (worst(|times| times.address), worst(|times| times.loaded), worst(|times| times.done));
    let megabytes = |bytes: usize| f64::from(nodes) * bytes as f64 / 1e6;
    eprintln!(
        "{nodes} nodes, switched on within {POWER} s: the last has an address after {address:.1} s, kernel and initramfs after {loaded:.1} s, its root \
         after {done:.1} s, each from its own power on; {again} times asked again; TFTP {:.0} MB/s, HTTP {:.0} MB/s",
        megabytes(sizes.0 + sizes.1) / rate(&all, |times| (times.address, times.loaded)),
        megabytes(ROOT) / rate(&all, |times| (times.loaded, times.done)),
    );
    assert!(done < PATIENCE.as_secs_f64());
}

/// A time below so many seconds, at random as far as nodes know.
fn spread(number: u32, again: usize, seconds: u64) -> Duration {
    let mixed = (u64::from(number) * 1_000 + again as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    Duration::from_millis(mixed % (1000 * seconds))
}

/// Seconds from when the first began with something to when the last ended, all begun at once.
fn rate(all: &[Times], of: fn(&Times) -> (Duration, Duration)) -> f64 {
    let first = all.iter().map(|times| times.power + of(times).0).min().unwrap_or_default();
    let last = all.iter().map(|times| times.power + of(times).1).max().unwrap_or_default();
    (last - first).as_secs_f64()
}

/// Seconds from power on until all of `nodes` are up.
#[derive(Debug, Clone, Copy)]
struct Model {
    /// Of a machine that is alone and waits for nobody: firmware, kernel, services.
    alone: f64,
    /// What comes by TFTP or, from iPXE, by HTTP; in MB.
    loaded: f64,
    /// What dnsmasq sends in a second, which one processor limits; in MB. From iPXE on: what the link takes.
    loading: f64,
    /// The root in one file; in MB.
    root: f64,
    /// What servers send in a second in all; in MB.
    serving: f64,
}

/// Of a link, what is not frames, packets and headers.
const PAYLOAD: f64 = 0.94;
/// MB in a second that dnsmasq sends with blocks of 1408 bytes on one processor, as measured.
const TFTP: f64 = 80.0;
/// MB in a second of a node's own card of 1 Gbit/s.
const CARD: f64 = 1000.0 / 8.0 * PAYLOAD;
/// Of the example: kernel and initramfs, and its root as an erofs.
const LOADED: f64 = 39.0;
const ROOT_MB: f64 = 281.0;

impl Model {
    /// A head with a link of so many Gbit/s, nodes that boot by iPXE or by TFTP, and caches with links like the head's.
    fn new(gigabits: f64, ipxe: bool, caches: f64) -> Self {
        let link = gigabits * 1000.0 / 8.0 * PAYLOAD;
        let loading = if ipxe { link } else { TFTP.min(link) };
        Self { alone: 45.0, loaded: LOADED, loading, root: ROOT_MB, serving: link * (1.0 + caches) }
    }

    fn seconds(&self, nodes: f64) -> f64 {
        let all = |megabytes: f64, rate: f64| (nodes * megabytes / rate).max(megabytes / CARD);
        self.alone + all(self.loaded, self.loading) + all(self.root, self.serving)
    }
}

/// The lines of the plot.
fn lines() -> [(&'static str, &'static str, Model); 5] {
    [
        ("10 Gbit/s, TFTP", "#888888", Model::new(10.0, false, 0.0)),
        ("10 Gbit/s, iPXE", "#1f77b4", Model::new(10.0, true, 0.0)),
        ("25 Gbit/s, iPXE", "#2ca02c", Model::new(25.0, true, 0.0)),
        ("10 Gbit/s, iPXE, 4 caches", "#d62728", Model::new(10.0, true, 4.0)),
        ("25 Gbit/s, iPXE, 4 caches", "#9467bd", Model::new(25.0, true, 4.0)),
    ]
}

/// Seconds over nodes.
fn plot() -> String {
    const NODES: f64 = 2000.0;
    const SECONDS: f64 = 900.0;
    let (x, y) = (|nodes: f64| 60.0 + nodes / NODES * 520.0, |seconds: f64| 320.0 - seconds / SECONDS * 300.0);
    let mut svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 360\" font-family=\"sans-serif\" \
                   font-size=\"12\">\n<rect width=\"800\" height=\"360\" fill=\"white\"/>\n"
        .to_owned();
    let mut line = |text: String| writeln!(svg, "{text}").expect("writing to a String succeeds");
    for step in 0..=4 {
        let nodes = f64::from(step) * 500.0;
        let at = x(nodes);
        line(format!(
            "<path d=\"M{at:.0} 20V320\" stroke=\"#ddd\"/><text x=\"{at:.0}\" y=\"338\" text-anchor=\"middle\">{nodes:.0}</text>"
        ));
    }
    for step in 0..=6 {
        let seconds = f64::from(step) * 150.0;
        let at = y(seconds);
        line(format!(
            "<path d=\"M60 {at:.0}H580\" stroke=\"#ddd\"/><text x=\"52\" y=\"{:.0}\" text-anchor=\"end\">{seconds:.0} s</text>",
            at + 4.0
        ));
    }
    line("<text x=\"320\" y=\"356\" text-anchor=\"middle\">nodes, all switched on at once</text>".to_owned());
    for (number, (name, colour, model)) in lines().into_iter().enumerate() {
        let points: Vec<String> = (1..=40)
            .map(|step| f64::from(step) * 50.0)
            .map(|nodes| (nodes, model.seconds(nodes)))
            .filter(|(_, seconds)| *seconds <= SECONDS)
            .map(|(nodes, seconds)| format!("{:.1},{:.1}", x(nodes), y(seconds)))
            .collect();
        line(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        ));
        let at = 40 + 20 * number;
        line(format!(
            "<path d=\"M600 {at}h24\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"630\" y=\"{}\">{name}</text>",
            at + 4
        ));
    }
    svg + "</svg>\n"
}

/// The model's table, as the document has it.
fn table() -> String {
    let mut text = "| | 100 | 320 | 640 | 1000 | 2000 nodes |\n|---|---|---|---|---|---|\n".to_owned();
    for (name, _, model) in lines() {
        let cells = [100.0, 320.0, 640.0, 1000.0, 2000.0].map(|nodes| format!("{:.0} s", model.seconds(nodes)));
        writeln!(text, "| {name} | {} |", cells.join(" | ")).expect("writing to a String succeeds");
    }
    text
}

/// `IMGBUILD_TEST_WRITE=1` writes them anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the switch is the test's")]
fn the_document_has_the_models_numbers() {
    let doc = Path::new(env!("CARGO_MANIFEST_DIR")).join("doc");
    let text = fs::read_to_string(doc.join("scale.md")).expect("there");
    if std::env::var_os("IMGBUILD_TEST_WRITE").is_some_and(|value| value == "1") {
        fs::write(doc.join("scale.svg"), plot()).expect("ours");
        let (before, rest) = text.split_once("| | 100 |").expect("it has the table");
        let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
        fs::write(doc.join("scale.md"), format!("{before}{}\n{after}", table())).expect("ours");
        return;
    }
    assert!(text.contains(&table()), "another table is wanted:\n{}", table());
    assert_eq!(fs::read_to_string(doc.join("scale.svg")).expect("there"), plot());
}

/// 2,000 nodes in four images, from the recipe's text to the head's files.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "dnsmasq judges its file, and times are wanted")]
fn files_of_many_nodes_are_made_in_a_moment() {
    let place = tempfile::tempdir().expect("the tests can write");
    let macs = |from: u32| -> String {
        let text = |number: u32| {
            let bytes: Vec<String> = mac(number).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\"{}\"", bytes.join(":"))
        };
        (from..from + 500).map(text).collect::<Vec<_>>().join(", ")
    };
    let mut recipe = "name = \"many\"\n[debian]\nsuite = \"trixie\"\n[diskless]\nroot = \"ram\"\n[output]\nformats = \
                      [\"erofs\"]\n[head]\nname = \"head\"\naddress = \"10.1.0.1\"\ninterface = \"eth1\"\nnetwork = \
                      \"10.1.0.0/16\"\nrange = [\"10.1.200.0\", \"10.1.200.250\"]\n"
        .to_owned();
    (0..4).for_each(|image| recipe.push_str(&format!("[image.i{image}]\n")));
    for image in 0..4_u32 {
        let (first, last) = (1 + image * 500, (image + 1) * 500);
        recipe.push_str(&format!(
            "[[node]]\nname = \"n[{first:04}-{last:04}]\"\nimage = \"i{image}\"\naddress = \"10.1.1.[{}-{}]\"\n\
             mac = [{}]\n",
            first - 1,
            last - 1,
            macs(first)
        ));
    }
    let path = place.path().join("many.toml");
    fs::write(&path, recipe).expect("ours");
    let (loaders, began) = (loaders(), Instant::now());
    let recipe = imgbuild::recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let files = crate::head::bundle(&recipe, &loaders);
    let took = began.elapsed();
    let exports = text(&files, "etc/exports.d/imgbuild.exports");
    assert_eq!(exports.lines().filter(|line| line.contains("/site/n")).count(), 2000);
    let configuration = text(&files, "etc/dnsmasq.d/imgbuild.conf");
    assert_eq!(configuration.matches("dhcp-host=").count(), 2000);
    assert!(configuration.contains("tftp-max=4000\n") && configuration.contains("dhcp-lease-max=4000\n"));
    let bytes: u64 = files.iter().filter_map(|(_, _, inode)| inode.content().map(|content| content.size())).sum();
    eprintln!("2000 nodes in 4 images: {:.1} s, {} files, {} KB", took.as_secs_f64(), files.len(), bytes / 1000);
    // Not optimised, and beside other tests.
    assert!(took < Duration::from_secs(60), "{took:?}");
    let tftp = place.path().display().to_string();
    let path = place.path().join("dnsmasq.conf");
    fs::write(&path, configuration.replace("/srv/tftp", &tftp)).expect("ours");
    match std::process::Command::new("dnsmasq").arg("--test").arg(format!("--conf-file={}", path.display())).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped: there is no dnsmasq"),
    }
}

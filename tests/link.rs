//! Interfaces that nodes boot by and that are no cards: VLANs and bonds.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use imgbuild::head;

use crate::cluster::BOOT;
use crate::cluster::boots;
use crate::head::assemble;
use crate::head::input;
use crate::head::loaders;
use crate::head::text;
use crate::stick::example;

/// The interface of the example.
const CARD: &str = "interface = \"eth0\" ";
/// The second node of the example.
const MAC: [u8; 6] = [0x00, 0x21, 0x97, 0x7a, 0x24, 0x0f];
const ADDRESS: [u8; 4] = [192, 168, 1, 11];
const HEAD: [u8; 4] = [192, 168, 1, 1];
const NUMBER: u16 = 100;

#[test]
fn the_initramfs_is_told_what_to_make_the_interface_of() {
    let vlan = (CARD, "interface = \"eth0.100\" ");
    let bond = (CARD, "interface = \"bond0.100\"\nbond = { members = [\"eno1\", \"eno2\"], mode = \"802.3ad\" }\n#");
    let plain = (CARD, "interface = \"bond0\"\nbond = { members = [\"eth0\"] }\n#");
    let mtu = ("[head]\n", "[head]\nmtu = 9000\n");
    for (changes, words) in [
        (&[][..], " ip=dhcp net.ifnames=0 panic=60 "),
        (&[mtu][..], " ip=dhcp net.ifnames=0 panic=60 "),
        (&[vlan][..], " ip=:::::eth0.100:dhcp imgbuild.vlan=eth0.100:eth0:100 net.ifnames=0 panic=60 "),
        (
            &[bond, mtu][..],
            " ip=:::::bond0.100:dhcp imgbuild.bond=bond0:eno1,eno2:mode=802.3ad,miimon=100 \
             imgbuild.vlan=bond0.100:bond0:100 imgbuild.mtu=9000 panic=60 ",
        ),
        (
            &[plain][..],
            " ip=:::::bond0:dhcp imgbuild.bond=bond0:eth0:mode=active-backup,miimon=100 net.ifnames=0 panic=60 ",
        ),
    ] {
        let recipe = example(changes);
        let head = assemble(&recipe, &loaders()).expect("it is whole");
        let entry = text(&head, "srv/tftp/diskless-node/0123456789abcdef/pxelinux/01-00-21-97-7a-24-0f");
        assert!(entry.contains(words), "{entry}");
        let stick = head::stick(&input(&recipe, &loaders())).expect("it is whole");
        let made = words.split(':').nth(5).unwrap_or_default();
        let address = format!(" ip=192.168.1.11::192.168.1.1:255.255.255.0:tumbler:{made}:none:192.168.1.1 ");
        let configuration = text(&stick, "EFI/debian/grub.cfg");
        assert!(configuration.contains(&address), "{configuration}");
    }
}

/// The end of a cable that has a node's card at its other one.
struct Port {
    socket: UdpSocket,
    card: u16,
}

impl Port {
    fn new() -> Self {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let card = bind().local_addr().expect("it is bound").port();
        let socket = bind();
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        Self { socket, card }
    }

    /// As QEMU has it.
    fn netdev(&self, id: &str) -> String {
        let own = self.socket.local_addr().expect("it is bound").port();
        format!("socket,id={id},udp=127.0.0.1:{own},localaddr=127.0.0.1:{}", self.card)
    }

    fn frame(&self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 65536];
        let length = self.socket.recv(&mut frame).ok()?;
        frame.truncate(length);
        Some(frame)
    }

    fn send(&self, frame: &[u8]) {
        self.socket.send_to(frame, ("127.0.0.1", self.card)).expect("loopback");
    }
}

/// The number of a frame's VLAN, if it has a tag (IEEE 802.1Q), what it carries, and that.
fn untagged(frame: &[u8]) -> Option<(Option<u16>, u16, &[u8])> {
    let number = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    match number(12)? {
        0x8100 => Some((Some(number(14)? & 0xfff), number(16)?, frame.get(18..)?)),
        kind => Some((None, kind, frame.get(14..)?)),
    }
}

/// The question of a DHCP client in an IPv4 packet: BOOTP's part, and the kind of the message.
fn question(packet: &[u8]) -> Option<(&[u8], u8)> {
    let bootp = packet.get(28..).filter(|_| packet[9] == 17 && packet[22..24] == [0, 67])?;
    let mut options = bootp.get(240..)?;
    while let [kind, length, rest @ ..] = options {
        if *kind == 53 {
            return Some((bootp, *rest.first()?));
        }
        options = rest.get(usize::from(*length)..)?;
    }
    None
}

/// The answer to it, as a frame of the VLAN.
fn answer(bootp: &[u8], kind: u8) -> Vec<u8> {
    let mut answer = bootp[..240].to_vec();
    answer[0] = 2;
    answer[16..20].copy_from_slice(&ADDRESS);
    answer[20..24].copy_from_slice(&HEAD);
    for (option, value) in
        [(53, &[kind][..]), (54, &HEAD), (51, &[0, 0, 0x0e, 0x10]), (1, &[255, 255, 255, 0]), (3, &HEAD)]
    {
        answer.extend([option, value.len() as u8]);
        answer.extend(value);
    }
    answer.push(255);
    let udp_length = (answer.len() + 8) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((udp_length + 20).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(HEAD);
    packet.extend([255; 4]);
    let words = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let sum = !(((sum >> 16) + (sum & 0xffff)) as u16);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend([0, 67, 0, 68]);
    packet.extend(udp_length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(answer);
    let mut frame = [&MAC[..], &[2, 0, 0, 0, 0, 1], &[0x81, 0], &NUMBER.to_be_bytes(), &[8, 0]].concat();
    frame.extend(packet);
    frame
}

struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A machine with two cards on a network that has nothing but a VLAN: it was booted from the second one, and asks for its
/// address by a VLAN of the bond of both, with that card's hardware address. What comes next is where its root is.
#[test]
#[expect(clippy::disallowed_methods, reason = "a machine is another program")]
fn a_node_boots_by_a_vlan_of_a_bond() {
    let bond = "interface = \"bond0.100\"\nbond = { members = [\"eth0\", \"eth1\"] }\n#";
    let changes = [("    \"mariadb-server\",", "    #"), ("services = [\"mariadb\"]\n", ""), (CARD, bond)];
    boots("a_node_boots_by_a_vlan_of_a_bond", &changes, |output, place| {
        let entry = output.join("head/srv/tftp/pxelinux.cfg/01-00-21-97-7a-24-0f");
        let entry = fs::read_to_string(entry).expect("the node has an entry");
        let words = entry.lines().find_map(|line| line.trim().strip_prefix("APPEND initrd=")).expect("words");
        let words = words.split_once(' ').expect("there are more").1;
        let ports = [Port::new(), Port::new()];
        let console = place.join("console");
        let command = boot(output, &console, &format!("{words} BOOTIF=01-00-21-97-7a-24-0f"), &ports);
        let mut machine =
            Machine(Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).spawn().expect("QEMU"));
        let said = || String::from_utf8_lossy(&fs::read(&console).unwrap_or_default()).into_owned();
        let (end, mut kinds) = (Instant::now() + BOOT, Vec::new());
        'asks: loop {
            let ended = machine.0.try_wait().expect("it is ours").is_some();
            assert!(Instant::now() < end && !ended, "the node has asked {kinds:?}:\n{}", said());
            for (number, port) in ports.iter().enumerate() {
                let Some(frame) = port.frame() else { continue };
                let Some((vlan, kind, packet)) = untagged(&frame) else { continue };
                if kind == 0x0800
                    && let Some((bootp, asked)) = question(packet)
                {
                    assert_eq!((vlan, number, &frame[6..12]), (Some(NUMBER), 1, &MAC[..]), "where and as who it asks");
                    kinds.push(asked);
                    // What is discovered is offered, and what is requested acknowledged.
                    port.send(&answer(bootp, if asked == 1 { 2 } else { 5 }));
                }
                // Who has the head's address? It asks as itself.
                let asks = kind == 0x0806 && packet.get(14..18) == Some(&ADDRESS) && packet.get(24..28) == Some(&HEAD);
                if asks {
                    assert_eq!(vlan, Some(NUMBER));
                    break 'asks;
                }
            }
        }
        assert!(kinds.starts_with(&[1]) && kinds.contains(&3), "{kinds:?}");
    });
}

/// The command that boots an output's kernel and initramfs on a machine with a card at each port, the second with the
/// node's address.
fn boot(output: &Path, console: &Path, words: &str, ports: &[Port; 2]) -> Vec<String> {
    let file = |name: &str| output.join("boot").join(name).to_string_lossy().into_owned();
    let mut command =
        ["qemu-system-x86_64", "-accel", "tcg", "-m", "1024", "-display", "none", "-no-reboot", "-nodefaults"]
            .map(str::to_owned)
            .to_vec();
    let macs = ["02:00:00:00:00:07", "00:21:97:7a:24:0f"];
    for ((number, port), mac) in ports.iter().enumerate().zip(macs) {
        let card = format!("virtio-net-pci,netdev=n{number},mac={mac}");
        command.extend(["-netdev".to_owned(), port.netdev(&format!("n{number}")), "-device".to_owned(), card]);
    }
    let serial = format!("file:{}", console.display());
    // On a busy host the emulated timer may be too slow for the kernel's test of it.
    let words = format!("{words} no_timer_check");
    let rest = [("-kernel", file("vmlinuz")), ("-initrd", file("initrd.img")), ("-append", words), ("-serial", serial)];
    command.extend(rest.into_iter().flat_map(|(option, value)| [option.to_owned(), value]));
    command
}

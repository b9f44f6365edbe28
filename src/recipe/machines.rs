//! The machines of a recipe: the head or two of them, its networks, and the nodes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::RootMode;

/// `[head]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Host name.
    pub name: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Address on the cluster network.
    pub address: Ipv4Addr,
    /// Interface on the cluster network.
    pub interface: String,
    /// `192.168.1.0/24`: network and prefix length.
    pub network: (Ipv4Addr, u8),
    /// Whether it answers DHCP.
    #[serde(default, skip_serializing_if = "DhcpMode::is_full")]
    pub dhcp: DhcpMode,
    /// First and last address that it gives to machines that are no node; `None`: it gives no addresses.
    #[serde(default)]
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// What else machines are told of its network.
    #[serde(default, skip_serializing_if = "NetworkOptions::is_none")]
    pub options: NetworkOptions,
    /// Further networks, in the recipe's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// Where the head keeps the generations of the root, in `gen/`; default `/srv/imgbuild/NAME`.
    pub export: String,
    /// TFTP directory on the head; default `/srv/tftp`.
    pub tftp: String,
    /// What serves it.
    pub tftp_server: TftpServer,
    /// Lease of machines that are no node of the recipe; default `12h`.
    pub lease: String,
    /// What nodes are given to boot with.
    pub boot: BootMode,
    /// Certificates in PEM form that vouch for it when nodes take the files of `[[site]]`, by TLS; `None`: by NFS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_ca: Option<String>,
    /// The second head, to which [`address`](Self::address) moves when this one dies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<Standby>,
}

/// `dhcp =` of the head
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum DhcpMode {
    /// It is the only DHCP server: addresses, names and what to boot.
    #[default]
    Full,
    /// Another server gives addresses, and the head tells what to boot (PXE's proxy DHCP). The other one must give each
    /// node the address that it has here.
    Proxy,
    /// Another server says everything; the head's README says what.
    None,
}

impl DhcpMode {
    // A recipe that does not say it is the recipe that it always was.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// What DHCP tells machines of their network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkOptions {
    /// The way to other networks; by default dnsmasq names the head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<Ipv4Addr>,
    /// DNS servers; none: dnsmasq names the head.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// Time servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ntp: Vec<Ipv4Addr>,
    /// Bytes of a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
}

impl NetworkOptions {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// `[[network]]`: a further network whose machines boot from the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What it is called.
    pub name: String,
    /// Network and prefix length.
    pub network: (Ipv4Addr, u8),
    /// The head's interface there; `None`: a router relays DHCP.
    pub interface: Option<String>,
    /// First and last address for machines that are no node; `None`: only nodes get one.
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// What else machines are told; there is a router, by which they reach the head.
    pub options: NetworkOptions,
}

/// `[head.standby]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standby {
    /// Host name.
    pub name: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Address on the cluster network that stays with it.
    pub own_address: Ipv4Addr,
    /// Interface on the cluster network.
    pub interface: String,
    /// The address that stays with the first head.
    pub head_own_address: Ipv4Addr,
}

/// `boot =` of the head
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum BootMode {
    /// pxelinux, and Debian's signed shim and GRUB for UEFI, also with Secure Boot: everything over TFTP.
    #[default]
    Pxe,
    /// iPXE, which fetches menu, kernel and initramfs over HTTP. Nobody has signed it for Secure Boot.
    Ipxe,
}

/// `tftp-server =` of the head
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[non_exhaustive]
pub enum TftpServer {
    /// dnsmasq, which answers DHCP as well.
    #[default]
    Dnsmasq,
    /// The daemon of the package `tftpd-hpa`, as the classic head has it.
    TftpdHpa,
}

/// `[[node]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Host name.
    pub name: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Hardware address of the card that it boots from.
    pub mac: [u8; 6],
    /// Those of other cards that it may boot from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_macs: Vec<[u8; 6]>,
    /// DHCP client identifier, in lower case with colons, by which a card without such an address asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Address on the cluster network.
    pub address: Ipv4Addr,
    /// Services (unit names without `.service`) that run on the nodes that name them only.
    pub services: Vec<String>,
    /// Where it differs from the recipe's.
    pub root: Option<RootMode>,
    /// Further kernel arguments of this node.
    pub kernel_arguments: Vec<String>,
    /// Which of the recipe's images it boots; `None`: there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What else is known of it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Node {
    /// The hardware addresses of all its cards.
    pub fn macs(&self) -> impl Iterator<Item = [u8; 6]> {
        std::iter::once(self.mac).chain(self.further_macs.iter().copied())
    }
}

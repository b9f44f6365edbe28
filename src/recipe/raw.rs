//! The recipe's keys, as written: the types that the parser, the JSON schema and the documentation are made of.
//!
//! Their doc comments are the users' reference (`doc/recipe.md`); what the words mean is `meaning`'s business.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde::Deserialize;
use serde::Deserializer;
use serde_spanned::Spanned;

use super::Allowance;
use super::Base;
use super::BondMode;
use super::BootMode;
use super::DhcpMode;
use super::Format;
use super::Otherwise;
use super::RootMode;
use super::TftpServer;
use super::Treatment;

/// A value with its place in the text. Two are equal when their values are.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A string with its place.
pub(super) type Text = At<String>;

/// An imgbuild recipe: which Debian packages, configured how, for which nodes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "recipe")]
pub(super) struct Recipe {
    /// Names the outputs. Lower-case letters, digits, `.` and `-`.
    pub(super) name: Text,
    /// Recipes to start from, relative to this file. They are added up: tables are joined, lists are appended, and
    /// a key that two files give different values is an error. At most 32 files in all, each taken once.
    #[serde(default)]
    #[expect(dead_code, reason = "resolved before the types are read; it is here for the schema")]
    pub(super) extends: Vec<Text>,
    /// Packages to install, with what they depend on: `name`, `name=version` (`*` in the version matches anything),
    /// `name/release` (a suite, codename or pocket, such as `curl/backports`), each also as `name:arch` for another
    /// architecture beside the nodes' own (`libc6:i386`); or the path of a .deb below the recipe's directory, such as
    /// `./local.deb`, or of a directory with a slash at its end: each .deb in it.
    #[serde(default)]
    pub(super) packages: Vec<Text>,
    /// Debian's own archive.
    pub(super) debian: At<Debian>,
    /// Further archives, each bound to its own keyring.
    #[serde(default)]
    pub(super) archive: Vec<At<Archive>>,
    /// Which versions are preferred where there are several, in apt's numbers.
    #[serde(default)]
    pub(super) pin: Vec<At<Pin>>,
    /// What is installed and left out.
    #[serde(default)]
    pub(super) install: Install,
    /// Files of your own, put in place after all packages are configured, in this order.
    #[serde(default)]
    pub(super) overlay: Vec<At<Overlay>>,
    /// Files that nodes take from the head, at boot and within a minute of a change: they are in no image, lock, manifest
    /// or log. `imgbuild publish --site` puts them there.
    #[serde(default)]
    pub(super) site: Vec<At<Site>>,
    /// How the packages' scripts are treated.
    #[serde(default)]
    pub(super) configure: Configure,
    /// Modules that are built for the image's kernels from sources, outside of the image.
    #[serde(default)]
    pub(super) kernel_module: Vec<At<KernelModule>>,
    /// The key that modules which are built are signed with. Default: they are not signed.
    pub(super) module_signing: Option<At<ModuleSigning>>,
    /// Who may log in.
    #[serde(default)]
    pub(super) access: Access,
    /// Makes the root that of a diskless node.
    pub(super) diskless: Option<At<Diskless>>,
    /// The head node, which boots the others and collects their logs. Needs `[diskless]`.
    pub(super) head: Option<At<Head>>,
    /// Further networks of the head. They need `[head]`.
    #[serde(default)]
    pub(super) network: Vec<At<Network>>,
    /// The nodes. They need `[head]`.
    #[serde(default)]
    pub(super) node: Vec<At<Node>>,
    /// A file with further nodes, below the recipe's directory: comma-separated values whose first line names the
    /// columns as the keys of `[[node]]`, a tag as `tags.NAME`. Several words in a cell have blanks between.
    #[serde(rename = "inventory")]
    #[expect(dead_code, reason = "its lines are nodes before this is read")]
    pub(super) inventory: Option<Text>,
    /// The small system that the kernel starts in; made when there is `[diskless]`.
    #[serde(default)]
    pub(super) initramfs: Initramfs,
    /// What is written.
    #[serde(default)]
    pub(super) output: Output,
    /// Several images for one head. Each is what stands above, with this table added to it: lists are appended, and a key
    /// has one value. The first is for nodes that name none, and for machines in no table.
    #[serde(default)]
    #[expect(dead_code, reason = "added up before the types are read; it is here for the schema")]
    pub(super) image: BTreeMap<Text, Image>,
}

/// One of several images.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "image")]
#[expect(dead_code, reason = "added up before the types are read; it is here for the schema")]
pub(super) struct Image {
    /// Another image that this one adds to.
    pub(super) extends: Option<Text>,
    /// Further packages.
    #[serde(default)]
    pub(super) packages: Vec<Text>,
    /// As at the top level.
    #[serde(default)]
    pub(super) install: Install,
    /// As at the top level.
    #[serde(default)]
    pub(super) overlay: Vec<At<Overlay>>,
    /// As at the top level.
    #[serde(default)]
    pub(super) configure: Configure,
    /// As at the top level.
    #[serde(default)]
    pub(super) kernel_module: Vec<At<KernelModule>>,
    /// As at the top level.
    pub(super) module_signing: Option<At<ModuleSigning>>,
    /// As at the top level.
    pub(super) diskless: Option<At<Diskless>>,
    /// As at the top level.
    #[serde(default)]
    pub(super) initramfs: Initramfs,
    /// As at the top level.
    #[serde(default)]
    pub(super) output: Output,
}

/// Debian's own archive.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "debian")]
pub(super) struct Debian {
    /// Suite or codename, such as `trixie`.
    pub(super) suite: Text,
    /// Debian's name of the nodes' architecture. Default: `amd64`.
    pub(super) architecture: Option<Text>,
    /// Components. Default: `main`.
    pub(super) components: Option<Vec<Text>>,
    /// Pockets used beside the suite: `updates`, `security`, `backports`. Default: the first two, as far as the suite
    /// has them: none for `sid`, `unstable` and `experimental`. Of `backports` nothing is chosen by itself, as its
    /// Release says: a package is asked for as `name/backports`, or by a `[[pin]]`.
    pub(super) pockets: Option<Vec<At<Pocket>>>,
    /// Base URL of a mirror. Recipes that are shared name none: `--mirror`, the environment, the host's own apt
    /// sources or a public mirror are used. Never in the lock or an output.
    pub(super) mirror: Option<Text>,
    /// A time, such as `20261101T000000Z`: every pocket is taken from the snapshot archive of that time.
    pub(super) snapshot: Option<Text>,
    /// A keyring below the recipe's directory, in place of Debian's keys that imgbuild brings with it.
    pub(super) signed_by: Option<Text>,
}

/// A part of a suite that is published apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Pocket {
    /// `trixie-updates`
    Updates,
    /// `trixie-security`, from the security archive
    Security,
    /// `trixie-backports`
    Backports,
}

/// A further archive. What it says is essential or required does not count, and where Debian has a package its own is
/// taken, unless `packages` here or of the recipe names it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "archive")]
pub(super) struct Archive {
    /// Base URL, `http` or `https`, without user and password; or a directory, `file:///srv/archive`.
    pub(super) url: Text,
    /// Suite or codename; of a flat repository, which has its index beside its Release, the directory below `url` with
    /// a slash at its end: `./`, `debian12/`.
    pub(super) suite: Text,
    /// Components. Default: `main`. A flat repository has none.
    pub(super) components: Option<Vec<Text>>,
    /// The keyring, below the recipe's directory, that alone counts for this archive: OpenPGP, armored or not, or a
    /// keybox of GnuPG.
    pub(super) signed_by: Text,
    /// Only these packages, by name or glob, may come from here, and they may replace Debian's. Default: all, and they
    /// replace none of Debian's but those that the recipe asks for.
    #[serde(default)]
    pub(super) packages: Vec<Text>,
    /// What its Release is let off: `suite-mismatch`, `no-date`, `expired`. Signature and digests are never among it.
    #[serde(default)]
    pub(super) allow: Vec<Allowance>,
}

/// A priority for versions, as a record of apt's preferences: of several versions of a package that with the highest
/// priority is preferred, then the highest version. At least one of `packages`, `archive`, `pocket` and `version` is
/// given; a version fits when all that are given do. Of pins with `packages` the first that fits counts; where none does,
/// the highest of the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "pin")]
pub(super) struct Pin {
    /// Names or globs of packages. Default: all.
    #[serde(default)]
    pub(super) packages: Vec<Text>,
    /// The `url` of an `[[archive]]`, or `debian`.
    pub(super) archive: Option<Text>,
    /// A pocket of Debian's.
    pub(super) pocket: Option<At<Pocket>>,
    /// A version, in which `*` matches anything.
    pub(super) version: Option<Text>,
    /// Below 0: never chosen. 1 to 499: only where there is no other. 500: as every archive without a pin; 1 and 100 are
    /// those of archives that are `NotAutomatic`. More: preferred, even when it is the lower version.
    pub(super) priority: At<i64>,
}

/// What is installed and left out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "install")]
pub(super) struct Install {
    /// What lies below the packages asked for. Default: `required`.
    pub(super) base: Option<Base>,
    /// Whether Recommends are installed. Default: `false`.
    pub(super) recommends: Option<bool>,
    /// Paths left out of every package, as dpkg's `path-exclude`.
    #[serde(default)]
    pub(super) exclude: Vec<Text>,
    /// Paths kept although they match `exclude`, as dpkg's `path-include`.
    #[serde(default)]
    pub(super) include: Vec<Text>,
}

/// One file, directory or link of your own, or one path removed. Exactly one of `content`, `source`, `symlink`,
/// `directory` and `remove` is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "overlay")]
pub(super) struct Overlay {
    /// Absolute path in the root.
    pub(super) path: Text,
    /// The file's text.
    pub(super) content: Option<Text>,
    /// A file or directory below the recipe's directory. Files that their owner may execute get 0755, others 0644;
    /// symbolic links in a directory are copied as links.
    pub(super) source: Option<Text>,
    /// Target of a symbolic link.
    pub(super) symlink: Option<Text>,
    /// `true`: an empty directory, unless it is already there.
    pub(super) directory: Option<At<bool>>,
    /// `true`: the path is removed, with everything below it.
    pub(super) remove: Option<At<bool>>,
    /// Permission bits in octal, such as `"0640"`. Default: `"0644"`, directories `"0755"`.
    pub(super) mode: Option<Text>,
    /// Owner: a name of the image, or a number in quotes. Default: `root`.
    pub(super) user: Option<Text>,
    /// Group: a name of the image, or a number in quotes. Default: `root`.
    pub(super) group: Option<Text>,
}

/// A file that changes without a new image, or is a secret: nodes have it from the head. Of `nodes`, `images` and `tags`
/// a node must fit all that are given; without them every node gets it. A node whose root is `nfs` gets only what takes
/// the place of a file of its image, since all others of that root would have it as well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "site")]
pub(super) struct Site {
    /// Absolute path on the node. Not `/etc/hosts`, which follows the table of nodes by itself.
    pub(super) path: Text,
    /// A file below the recipe's directory, or a directory of such. It is read when it is published and at no other time.
    pub(super) source: Text,
    /// Permission bits in octal, such as `"0640"`. Default: `"0600"`, and `"0700"` for what its owner may execute.
    pub(super) mode: Option<Text>,
    /// Owner: a name of the image, or a number in quotes. Default: `root`.
    pub(super) user: Option<Text>,
    /// Group: a name of the image, or a number in quotes. Default: `root`.
    pub(super) group: Option<Text>,
    /// Nodes that get it, each a name or a list as Slurm writes it.
    pub(super) nodes: Option<Vec<Text>>,
    /// Images whose nodes get it.
    pub(super) images: Option<Vec<Text>>,
    /// Tags, with their values, of the nodes that get it.
    #[serde(default)]
    pub(super) tags: BTreeMap<Text, Text>,
    /// What a node does when it has taken a change while it runs: `reload UNIT` or `restart UNIT`. Once, however many
    /// files ask for it, and only where the unit runs or has failed.
    pub(super) on_change: Option<Text>,
    /// `true`: the file is a template (Jinja) with `node` (`name`, `address`, `mac`, `macs`, `aliases`, `image`,
    /// `services`, `tags`), `nodes` (all of them), `head` (`name`, `address`) and `domain`. Default: `false`.
    pub(super) template: Option<bool>,
}

/// How the packages' scripts are treated.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "configure")]
pub(super) struct Configure {
    /// Package name → treatment, for packages whose scripts are not to be read as usual. The manifest names them.
    #[serde(default)]
    pub(super) packages: BTreeMap<Text, Treatment>,
    /// What becomes of a package whose scripts cannot be followed and that `packages` does not name. Each is treated at
    /// its place in dpkg's order, and the manifest names it. Default: `error`.
    #[serde(default)]
    pub(super) otherwise: Otherwise,
    /// debconf question → answer.
    #[serde(default)]
    pub(super) debconf: BTreeMap<Text, Text>,
}

/// A package with sources of kernel modules (DKMS). It is not installed: its modules are built for each kernel of the image in
/// a system of its own, in the sandbox, with the kernel's headers and a compiler, and they alone are in the image, in
/// `/usr/lib/modules/VERSION/updates/dkms`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "kernel-module")]
pub(super) struct KernelModule {
    /// The package, as in `packages`: `zfs-dkms`, `v4l2loopback-dkms/backports`, `./own-dkms.deb`.
    pub(super) package: Text,
}

/// The key that modules which are built are signed with, as `sign-file` of the kernel does. Nodes believe it when it is
/// among their firmware's or shim's keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "module-signing")]
pub(super) struct ModuleSigning {
    /// The private key, a file below the recipe's directory: RSA of 2048 to 4096 bits, in PEM, not encrypted. It is read
    /// when modules are signed and at no other time, and is in no image, lock, log or cache.
    pub(super) key: Text,
    /// The certificate that goes with it, in PEM or DER.
    pub(super) certificate: Text,
}

/// Who may log in. Without it nobody may but by what `[[overlay]]` or packages bring: root has no password.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "access")]
pub(super) struct Access {
    /// Public keys of ssh with which root may log in, each as in a `.pub` file: `ssh-ed25519 AAAA… name`. They need
    /// `openssh-server` in the root.
    #[serde(default)]
    pub(super) ssh_keys: Vec<Text>,
}

/// The diskless node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "diskless")]
pub(super) struct Diskless {
    /// How nodes mount their root. Default: `nfs`.
    pub(super) root: Option<At<RootMode>>,
    /// What nodes boot by: a card (`eth0`), a tagged VLAN of one (`eth0.100`), a bond (`bond0`, with `bond`) or a VLAN of
    /// that (`bond0.100`), which the initramfs makes. It is up before the root is there and never touched afterwards. What
    /// comes before, firmware and boot loader, knows of no bond, and of a VLAN only what the machine's own setup tells it.
    /// Default: `eth0`.
    pub(super) interface: Option<Text>,
    /// The cards of a bond.
    pub(super) bond: Option<At<Bond>>,
    /// Further HTTP servers that have the images of nodes whose root is `ram`, by the same paths as the head: caches, say, for
    /// which the head's `etc/imgbuild/cache-nginx.conf` is. A node asks them in random order and the head when none has the
    /// image, which its initramfs knows by digest. `%{1-4}` stands for the numbers in it; up to 16 in all:
    /// `http://cache-%{1-4}`.
    #[serde(default)]
    pub(super) sources: Vec<Text>,
    /// Mount point → size of a tmpfs over it: `64M`, `2G`, or `25%` of the memory. Default: `/tmp` 25%, `/var/tmp`
    /// 10%, `/var/log` 64M, `/media` 1M.
    pub(super) tmpfs: Option<BTreeMap<Text, Text>>,
    /// Address or name of the machine that collects the logs, which needs syslog-ng in the root. Default: the head, when
    /// syslog-ng is there.
    pub(super) syslog: Option<Text>,
    /// DNS servers. Default: the head.
    pub(super) nameservers: Option<Vec<Text>>,
    /// The cluster's DNS domain.
    pub(super) domain: Option<Text>,
    /// Further kernel arguments, one per string.
    #[serde(default)]
    pub(super) kernel_arguments: Vec<Text>,
}

/// The cards of a bond. A card that is not there is said on the console, and the others go on without it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "bond")]
pub(super) struct Bond {
    /// The cards, by their names on the node: `["eth0", "eth1"]`. Nodes have one address whichever of them they boot from
    /// when `mac` lists all of theirs.
    pub(super) members: Vec<Text>,
    /// How they work together. Default: `active-backup`.
    pub(super) mode: Option<BondMode>,
}

/// The head node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "head")]
pub(super) struct Head {
    /// Host name.
    pub(super) name: Text,
    /// Further names.
    #[serde(default)]
    pub(super) aliases: Vec<Text>,
    /// Address on the cluster's network. With `[head.standby]` it is the one that moves from a dead head to the other,
    /// and that nodes know.
    pub(super) address: Text,
    /// The head's own address, which stays with it when `address` moves. Needed with `[head.standby]`.
    pub(super) own_address: Option<Text>,
    /// Interface on the cluster's network.
    pub(super) interface: Text,
    /// The cluster's network, such as `192.168.1.0/24`.
    pub(super) network: Text,
    /// Who answers DHCP. Default: `full`.
    pub(super) dhcp: Option<At<DhcpMode>>,
    /// First and last address that DHCP gives to machines that are no `[[node]]`. Needed unless `dhcp` is another than
    /// `full`.
    #[schemars(length(equal = 2))]
    pub(super) range: Option<Vec<Text>>,
    /// The router that DHCP tells of. Default: the head.
    pub(super) router: Option<Text>,
    /// DNS servers that DHCP tells of. Default: the head.
    #[serde(default)]
    pub(super) dns: Vec<Text>,
    /// Time servers that DHCP tells of. Default: none.
    #[serde(default)]
    pub(super) ntp: Vec<Text>,
    /// Bytes of a packet, such as 9000, from 576 to 65535. Default: what cards have, 1500.
    pub(super) mtu: Option<At<i64>>,
    /// Where the head keeps what nodes mount: each generation of the root in `gen/GENERATION` below. Default:
    /// `/srv/imgbuild/NAME`.
    pub(super) export: Option<Text>,
    /// The head's TFTP directory. Default: `/srv/tftp`.
    pub(super) tftp: Option<Text>,
    /// What serves that directory. Default: `dnsmasq`.
    pub(super) tftp_server: Option<TftpServer>,
    /// DHCP lease of machines that are no `[[node]]`, such as `45m`, `12h` or `infinite`. Default: `12h`.
    pub(super) lease: Option<Text>,
    /// What nodes boot with, and how they fetch kernel and initramfs. Default: `pxe`.
    pub(super) boot: Option<BootMode>,
    /// Certificates in PEM form, below the recipe's directory: nodes take the files of `[[site]]` by TLS, from whom one of
    /// these vouches for, and not by NFS. The head's key is on the head alone; nodes have package `curl`, the head `nginx`.
    pub(super) site_ca: Option<Text>,
    /// A second head.
    pub(super) standby: Option<At<Standby>>,
}

/// A second head, which takes over the first one's `address` when that one dies; nodes go on. The two share nothing:
/// both export the same image, and both answer DHCP. So nodes have `root` `overlay` or `ram`, and `formats` has `erofs`.
/// Nodes with an overlay leave a copy of their ssh host keys on both; databases are in memory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "standby")]
pub(super) struct Standby {
    /// Host name.
    pub(super) name: Text,
    /// Further names.
    #[serde(default)]
    pub(super) aliases: Vec<Text>,
    /// Its own address on the cluster's network.
    pub(super) own_address: Text,
    /// Its interface on the cluster's network. Default: as the head's.
    pub(super) interface: Option<Text>,
}

/// A further network, whose nodes boot from the head as well: behind a router that relays DHCP to the head, or on another
/// interface of the head's. The router must know the way back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "network")]
pub(super) struct Network {
    /// What it is called: a word like a host name.
    pub(super) name: Text,
    /// Address and prefix length, such as `10.2.0.0/16`.
    pub(super) network: Text,
    /// The router, by which its nodes reach the head; where the head has an interface, the head's address there.
    pub(super) router: Text,
    /// The head's interface in it. Default: none, and DHCP comes by a relay.
    pub(super) interface: Option<Text>,
    /// First and last address for machines that are no `[[node]]`. Default: those get none.
    #[schemars(length(equal = 2))]
    pub(super) range: Option<Vec<Text>>,
    /// DNS servers that DHCP tells of. Default: the head.
    #[serde(default)]
    pub(super) dns: Vec<Text>,
    /// Time servers that DHCP tells of. Default: none.
    #[serde(default)]
    pub(super) ntp: Vec<Text>,
    /// Bytes of a packet. Default: what cards have, 1500.
    pub(super) mtu: Option<At<i64>>,
}

/// One node, or several that differ in names and addresses alone: `name` is then a list as Slurm writes it, such as
/// `n[001-400]` or `login,r[1-2]n[01-16]`, and `address`, `mac` and each of `aliases` have one for each node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "node")]
pub(super) struct Node {
    /// Host name.
    pub(super) name: Text,
    /// Further names.
    #[serde(default)]
    pub(super) aliases: Vec<Text>,
    /// Hardware address of the interface that it boots from, such as `00:21:97:7d:ad:bf`; a list when it may boot from
    /// several cards. For several nodes: a list with the address, or the list of addresses, of each.
    pub(super) mac: Macs,
    /// DHCP client identifier by which one of its cards asks for the address as well, such as an InfiniBand port that
    /// has no address of six bytes: `ff:00:00:00:00:00:02:00:00:02:c9:00:00:02:c9:03:00:0e:3a:c1`.
    pub(super) client_id: Option<Text>,
    /// Its address, always. Of several: `10.0.1.[1-400]`, where the last number counts on over 255 into the one before.
    pub(super) address: Text,
    /// Services that run on the nodes that name them, and on no other: unit names without `.service`.
    #[serde(default)]
    pub(super) services: Vec<Text>,
    /// How this node mounts its root. Default: as `[diskless]` says.
    pub(super) root: Option<At<RootMode>>,
    /// Further kernel arguments of this node.
    #[serde(default)]
    pub(super) kernel_arguments: Vec<Text>,
    /// Which `[image.NAME]` it boots. Default: the first.
    pub(super) image: Option<Text>,
    /// What else is to be known of it, such as `{ rack = "r1" }`: listed by `imgbuild nodes`.
    #[serde(default)]
    pub(super) tags: BTreeMap<Text, Text>,
}

/// The hardware addresses of one node, by now a list.
#[derive(Debug, Deserialize)]
pub(super) struct Macs(pub(super) Vec<Text>);

impl JsonSchema for Macs {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "macs".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "anyOf": [
                    { "type": "string" },
                    { "type": "array", "items": { "type": "string" } },
                ] } },
            ],
        })
    }
}

/// The small system that the kernel starts in.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "initramfs")]
pub(super) struct Initramfs {
    /// Kernel modules: `netboot` for all network drivers and what network roots need, or a list of names and globs.
    /// Dependencies, soft dependencies and firmware follow. Default: `netboot`.
    pub(super) modules: Option<At<Modules>>,
    /// How it is compressed. Default: `zstd`.
    pub(super) compression: Option<Compression>,
    /// Hooks of packages in `/usr/share/initramfs-tools/hooks`, by file name, whose part nodes can boot without. Those for
    /// disks, RAID, encryption and splash screens are left out by themselves.
    #[serde(default)]
    pub(super) skip_hooks: Vec<Text>,
}

/// Kernel modules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum Modules {
    /// A set by name.
    Set(ModuleSet),
    /// Names or globs.
    List(Vec<String>),
}

/// A set of kernel modules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ModuleSet {
    /// Network drivers and what network roots need.
    Netboot,
}

/// A compression.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Compression {
    /// Not compressed.
    None,
    /// The one that every boot loader and kernel reads.
    Gzip,
    /// The smallest.
    Xz,
    /// The fastest.
    Zstd,
}

/// What is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "output")]
pub(super) struct Output {
    /// Forms of the root, one tree in each. Default: `tar`.
    pub(super) formats: Option<Vec<Format>>,
    /// What may be lost where a format cannot carry it; without this it is an error.
    #[serde(default)]
    pub(super) lossy: Vec<Loss>,
    /// `true`: `boot/stick.img` as well, for machines that cannot boot from the network, or networks whose DHCP nobody may
    /// touch: a disk with kernel and initramfs that is written to a USB stick and boots by UEFI, also with Secure Boot.
    /// GRUB on it knows a node by its card, where the firmware shows it, or by `node.cfg` on the stick, and else asks; nodes
    /// have their addresses from the table, without DHCP, and packets of 1500 bytes. Their roots come from the head as
    /// always. Default: `false`.
    pub(super) stick: Option<At<bool>>,
    /// Who gives the image to others, such as `Example University, HPC group`: bills of materials name it. NTIA's minimum
    /// elements ask for it.
    pub(super) supplier: Option<Text>,
}

/// Something that a format may not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum Loss {
    /// Extended attributes, capabilities among them.
    Xattrs,
}

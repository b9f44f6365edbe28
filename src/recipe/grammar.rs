//! The grammar of each kind of value: text in, checked value or the reason out.
//!
//! Values end in file names, command files of other programs and URLs. What passes here needs no quoting there.

use std::net::Ipv4Addr;

use crate::deb::Version;
use crate::format::shown::is_obeyed;

/// Why a text is not of its grammar, to follow "`key` is "text": ".
pub(super) type Wrong = String;

type Result<T> = std::result::Result<T, Wrong>;

/// Debian's architectures, ports included.
pub(super) const ARCHITECTURES: [&str; 22] = [
    "alpha",
    "amd64",
    "arm64",
    "armel",
    "armhf",
    "hppa",
    "hurd-amd64",
    "hurd-i386",
    "i386",
    "ia64",
    "loong64",
    "m68k",
    "mips64el",
    "mipsel",
    "powerpc",
    "ppc64",
    "ppc64el",
    "riscv64",
    "s390x",
    "sh4",
    "sparc64",
    "x32",
];

/// What others call Debian's architectures.
const FOREIGN_NAMES: [(&str, &str); 6] = [
    ("x86_64", "amd64"),
    ("aarch64", "arm64"),
    ("armv7l", "armhf"),
    ("i686", "i386"),
    ("ppc64le", "ppc64el"),
    ("loongarch64", "loong64"),
];

/// Directories that a tmpfs would hide the system with, or that the kernel and systemd mount themselves.
const NO_TMPFS: [&str; 15] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys",
    "/usr", "/var",
];

fn wrong<T>(reason: impl Into<String>) -> Result<T> {
    Err(reason.into())
}

/// Whether all of `text`, at least one character, is of letters, digits and `others`, both ASCII.
fn only(text: &str, others: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

fn starts_alphanumeric(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// The recipe's name: it names files.
pub(crate) fn recipe_name(text: &str) -> Result<String> {
    let lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
    if !only(text, ".-") || !starts_alphanumeric(text) || !lower || text.len() > 64 {
        return wrong("use up to 64 lower-case letters, digits, `.` and `-`, a letter or digit first");
    }
    Ok(text.to_owned())
}

/// An image of a recipe: it names a directory beside others of the outputs and of the head's.
pub(crate) fn image_name(text: &str) -> Result<String> {
    const TAKEN: [&str; 5] = ["boot", "gen", "head", "standby", "state"];
    let lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
    if !only(text, "-") || !starts_alphanumeric(text) || !lower || text.len() > 32 {
        return wrong("use up to 32 lower-case letters, digits and `-`, a letter or digit first");
    }
    if TAKEN.contains(&text) {
        return wrong("a directory of this name is there for something else");
    }
    Ok(text.to_owned())
}

/// What an image is called on a head: `RECIPE` or `RECIPE.IMAGE`.
pub(crate) fn cluster_name(text: &str) -> Result<String> {
    let image =
        text.rsplit_once('.').filter(|(recipe, image)| recipe_name(recipe).is_ok() && image_name(image).is_ok());
    image.map_or_else(|| recipe_name(text), |_| Ok(text.to_owned()))
}

/// Policy 5.6.1.
pub(super) fn package_name(text: &str) -> Result<String> {
    let lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
    if !only(text, "+-.") || !starts_alphanumeric(text) || !lower || text.len() < 2 || text.len() > 200 {
        return wrong(
            "a package name is of lower-case letters, digits, `+`, `-` and `.`, at least two, a letter or digit first",
        );
    }
    Ok(text.to_owned())
}

/// A package name in which `*` and `?` match others.
pub(super) fn package_glob(text: &str) -> Result<String> {
    package_name(&text.replace(['*', '?'], "xx")).map(|_| text.to_owned())
}

/// A version, or one in which `*` matches anything.
pub(super) fn version_glob(text: &str) -> Result<String> {
    if text.contains('*') {
        if !only(text, ".+-~:*") {
            return wrong("a version is of letters, digits, `.`, `+`, `-`, `~` and `:`; `*` matches anything");
        }
        return Ok(text.to_owned());
    }
    text.parse::<Version>().map(|_| text.to_owned()).map_err(|error| format!("it is no version: {}", error.reason))
}

/// An architecture, by Debian's name.
pub(crate) fn architecture(text: &str) -> Result<String> {
    if ARCHITECTURES.contains(&text) {
        return Ok(text.to_owned());
    }
    let debians = FOREIGN_NAMES.iter().find(|(name, _)| *name == text).map(|(_, debians)| *debians);
    match debians.or_else(|| super::problem::nearest(text, ARCHITECTURES)) {
        Some(name) => wrong(format!("Debian has no such architecture; it has `{name}`")),
        None => wrong(format!("Debian has no such architecture; it has {}", ARCHITECTURES.join(", "))),
    }
}

/// A suite, codename or component: words joined by `/`.
pub(super) fn suite(text: &str) -> Result<String> {
    let word = |word: &str| only(word, ".+-_~") && starts_alphanumeric(word);
    if text.len() > 100 || !text.split('/').all(word) {
        return wrong("use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`");
    }
    Ok(text.to_owned())
}

/// The suite of a further archive, or of a flat repository its directory: `./`, `/`, `debian12/`.
pub(super) fn archive_suite(text: &str) -> Result<String> {
    let Some(directory) = text.strip_suffix('/') else { return suite(text) };
    let directory = directory.strip_prefix("./").unwrap_or(directory);
    let plain = |name: &str| only(name, ".+-_~:") && name != "..";
    if directory.is_empty() || directory == "." {
        return Ok("./".to_owned());
    }
    if text.len() > 200 || !directory.split('/').all(plain) {
        return wrong("the directory of a flat repository is a path below the URL, with a slash at its end");
    }
    Ok(format!("{directory}/"))
}

/// A priority of apt's.
pub(super) fn priority(number: Option<i64>) -> Result<i32> {
    match number.and_then(|number| i16::try_from(number).ok()) {
        Some(0) => wrong("apt gives 0 no meaning; below 0 forbids, 1 is the lowest"),
        Some(number) => Ok(number.into()),
        None => wrong("a priority is a number from -32768 to 32767"),
    }
}

/// A time of the snapshot archive.
pub(super) fn snapshot(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let form = bytes.len() == 16
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or(u32::MAX);
    if !form
        || !(2005..=9999).contains(&number(0, 4))
        || !(1..=12).contains(&number(4, 6))
        || !(1..=31).contains(&number(6, 8))
        || number(9, 11) > 23
        || number(11, 13) > 59
        || number(13, 15) > 60
    {
        return wrong("a snapshot's time is written as 20261101T000000Z");
    }
    Ok(text.to_owned())
}

/// The base URL of an archive, without a slash at its end.
pub(super) fn url(text: &str) -> Result<String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("it is no URL: it begins with no `https://`");
    };
    if !matches!(scheme, "http" | "https" | "file") {
        return wrong("only `http`, `https` and `file` are fetched from");
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if scheme == "file" && !(authority.is_empty() && path.len() > 1) {
        return wrong("a directory of this machine is written as `file:///srv/archive`");
    }
    if authority.contains('@') {
        return wrong("a URL with a user or password has no place in a recipe");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let name = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .map_or_else(|| only(host, ".-_"), |address| address.parse::<std::net::Ipv6Addr>().is_ok());
    if !(name || scheme == "file") || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return wrong("the URL's host is none");
    }
    if !path.is_empty() && (!only(path, "/.+-_~%:@,=") || path.split('/').any(|part| part == "..")) {
        return wrong("the URL's path has `..`, `?`, `#`, or characters that are not allowed in one");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A host name of one label (RFC 1123), in lower case.
pub(crate) fn host_name(text: &str) -> Result<String> {
    // They name files of the boot loaders, and the machine itself in /etc/hosts.
    if matches!(text, "default" | "localhost") || text.starts_with("ip6-") {
        return wrong("the name is taken: every machine, or the boot loader, has a meaning for it");
    }
    label(text).map(|()| text.to_owned())
}

/// A host name, with or without a domain.
pub(crate) fn domain(text: &str) -> Result<String> {
    if text.len() > 253 {
        return wrong("a name has at most 253 characters");
    }
    text.split('.').try_for_each(label).map(|()| text.to_owned())
}

/// A host's further name.
pub(crate) fn alias(text: &str) -> Result<String> {
    if text.contains('.') { domain(text) } else { host_name(text) }
}

fn label(text: &str) -> Result<()> {
    let lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
    if !only(text, "-") || !lower || text.starts_with('-') || text.ends_with('-') || text.len() > 63 {
        return wrong("a host name is of lower-case letters, digits and `-`, up to 63, no `-` first or last");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("a host name of digits alone looks like an address");
    }
    Ok(())
}

/// A hardware address of one interface.
pub(crate) fn mac(text: &str) -> Result<[u8; 6]> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let byte = |part: &&str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    let bytes: Option<Vec<u8>> = parts.iter().map(byte).collect();
    let Some(Ok(mac)) = bytes.map(<[u8; 6]>::try_from) else {
        return wrong("a hardware address is written as 00:21:97:7d:ad:bf");
    };
    if mac[0] & 1 != 0 || mac == [0; 6] {
        return wrong("this address is of no single machine");
    }
    Ok(mac)
}

/// A DHCP client identifier, by its bytes (RFC 2132, 9.14: at least two).
pub(crate) fn client_id(text: &str) -> Result<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_byte = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !(2..=64).contains(&parts.len()) || !parts.iter().all(is_byte) {
        return wrong("a client identifier is written as its bytes, from 2 to 64, such as `ff:00:02:c9`");
    }
    Ok(text.to_ascii_lowercase())
}

/// The name of a node's tag: a word that templates can say.
pub(crate) fn tag(text: &str) -> Result<String> {
    let lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
    if !only(text, "_") || !lower || !text.starts_with(|first: char| first.is_ascii_lowercase()) || text.len() > 64 {
        return wrong("a tag's name is of lower-case letters, digits and `_`, up to 64, a letter first");
    }
    Ok(text.to_owned())
}

/// The value of a node's tag: one line.
pub(crate) fn tag_value(text: &str) -> Result<String> {
    if text.chars().any(is_obeyed) || text.len() > 256 {
        return wrong("a tag's value is one line of up to 256 bytes");
    }
    Ok(text.to_owned())
}

/// Bytes of a packet: from what every host takes (RFC 791) on.
pub(crate) fn mtu(number: Option<i64>) -> Result<u16> {
    let number = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number >= 576);
    number.ok_or_else(|| "a packet has from 576 to 65535 bytes".to_owned())
}

/// An IPv4 address.
pub(super) fn address(text: &str) -> Result<Ipv4Addr> {
    text.parse().or_else(|_| wrong("an address is written as 192.168.1.10"))
}

/// A network with its prefix length.
pub(super) fn network(text: &str) -> Result<(Ipv4Addr, u8)> {
    let parts = text.split_once('/').and_then(|(address, length)| {
        let digits = only(length, "") && length.len() <= 2;
        Some((address.parse::<Ipv4Addr>().ok()?, length.parse::<u8>().ok().filter(|_| digits)?))
    });
    let Some((address, length)) = parts else { return wrong("a network is written as 192.168.1.0/24") };
    if !(8..=30).contains(&length) {
        return wrong("the prefix length is one from 8 to 30");
    }
    let base = Ipv4Addr::from_bits(address.to_bits() & mask(length));
    if base != address {
        return wrong(format!("this is an address in the network `{base}/{length}`"));
    }
    Ok((address, length))
}

/// The bits of an address that name its network.
pub(crate) fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0)
}

/// A network interface, as Linux names them.
pub(crate) fn interface(text: &str) -> Result<String> {
    if !only(text, "._-") || text.len() > 15 || !starts_alphanumeric(text) || matches!(text, "lo" | "all" | "default") {
        return wrong("an interface is named by up to 15 letters, digits, `.`, `_` and `-`, such as `eth0`");
    }
    Ok(text.to_owned())
}

/// The interface that a node boots by: a card, `bondN`, or either with the number of a VLAN behind a dot.
pub(crate) fn boot_interface(text: &str) -> Result<String> {
    interface(text)?;
    let (below, number) = text.split_once('.').map_or((text, None), |(below, number)| (below, Some(number)));
    if let Some(number) = number {
        let is_one =
            number.parse::<u16>().is_ok_and(|parsed| (1..=4094).contains(&parsed) && parsed.to_string() == number);
        if !is_one {
            return wrong("a VLAN is written as its card and its number, from 1 to 4094: `eth0.100`");
        }
    }
    if is_bond(below) {
        return Ok(text.to_owned());
    }
    card(below).map(|_| text.to_owned())
}

/// Whether an interface is a bond, by its name.
pub(crate) fn is_bond(text: &str) -> bool {
    text.strip_prefix("bond").is_some_and(|number| only(number, "") && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A network card that a node boots by, or one of a bond's.
pub(crate) fn card(text: &str) -> Result<String> {
    interface(text)?;
    let kind = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
    match kind {
        _ if text.contains('.') => wrong("this is a VLAN and no card: a bond is of cards, and the VLAN is of the bond"),
        "vlan" if kind != text => wrong("a VLAN is written as its card and its number: `eth0.100`"),
        "bond" if kind != text => wrong("a bond is of cards: name those, such as `eth0`"),
        "team" | "br" | "dummy" | "tun" | "tap" if kind != text => wrong(
            "no initramfs makes this one: name a card, such as `eth0`, a bond (`bond0`) or a VLAN (`eth0.100`), and list \
             the addresses of all cards that a node may boot from as `mac`",
        ),
        "ib" => wrong("no initramfs of Debian's asks for an address over InfiniBand: name an Ethernet card"),
        "wlan" => wrong("a node cannot boot over a wireless network: name an Ethernet card"),
        _ => Ok(text.to_owned()),
    }
}

/// The size of a tmpfs.
pub(crate) fn tmpfs_size(text: &str) -> Result<String> {
    let digits = text.trim_end_matches(['%', 'k', 'K', 'm', 'M', 'g', 'G']);
    let unit = &text[digits.len()..];
    let number = digits.parse::<u64>().ok().filter(|number| only(digits, "") && *number > 0);
    match (number, unit.to_ascii_uppercase().as_str()) {
        (Some(number), "%") if number <= 100 => Ok(format!("{number}%")),
        (Some(number), unit @ ("K" | "M" | "G")) => Ok(format!("{number}{unit}")),
        _ => wrong("a size is written as `64M`, `2G` or `25%`"),
    }
}

/// Where a tmpfs may be.
pub(crate) fn mount_point(text: &str) -> Result<String> {
    let path = absolute_path(text)?;
    if NO_TMPFS.contains(&path.as_str()) || ["/dev/", "/proc/", "/sys/"].iter().any(|below| path.starts_with(below)) {
        return wrong("a tmpfs there would hide the system itself");
    }
    Ok(path)
}

/// An absolute path that may stand unquoted in fstab, exports and boot loaders' files; normalised.
pub(crate) fn absolute_path(text: &str) -> Result<String> {
    if !text.starts_with('/') || !only(text, "/._+-@") || text.split('/').any(|part| matches!(part, "." | "..")) {
        return wrong("use an absolute path of letters, digits, `.`, `_`, `+`, `-` and `@`, without `.` and `..`");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    Ok(format!("/{}", parts.join("/")))
}

/// Where a head may have a directory of its own for what nodes get: not among the system's, of which others take every
/// file for theirs.
pub(crate) fn head_directory(text: &str) -> Result<String> {
    let path = absolute_path(text)?;
    let first = path.split('/').nth(1).unwrap_or_default();
    if first.is_empty() {
        return wrong("this is the head's own root");
    }
    let own = NO_TMPFS.iter().any(|system| system.strip_prefix('/') == Some(first)) && first != "var";
    if own || ["root", "tmp"].contains(&first) || ["/home", "/srv", "/var"].contains(&path.as_str()) {
        return wrong("the system has other things there; use a directory such as one below `/srv`");
    }
    Ok(path)
}

/// A systemd service, without or with `.service`.
pub(super) fn service(text: &str) -> Result<String> {
    let name = text.strip_suffix(".service").unwrap_or(text);
    let other = [".socket", ".timer", ".target", ".mount", ".path", ".slice"].iter().any(|kind| name.ends_with(kind));
    if !only(name, "._-@:") || !starts_alphanumeric(name) || name.len() > 200 || other {
        return wrong("a service is named as its unit without `.service`, such as `mariadb`");
    }
    Ok(name.to_owned())
}

/// What a node does when a file of its own has changed: a verb and a unit, with `.service` where it has no suffix.
pub(super) fn on_change(text: &str) -> Result<(String, String)> {
    const UNITS: [&str; 6] = [".service", ".socket", ".timer", ".target", ".mount", ".path"];
    let (verb, unit) = text.split_once(' ').unwrap_or((text, ""));
    let is_unit = only(unit, "._-@:") && starts_alphanumeric(unit) && unit.len() <= 200;
    if !["reload", "restart"].contains(&verb) || !is_unit {
        return wrong("write \"reload UNIT\" or \"restart UNIT\", such as \"restart munge\"");
    }
    let has_kind = UNITS.iter().any(|kind| unit.ends_with(kind));
    Ok((verb.to_owned(), if has_kind { unit.to_owned() } else { format!("{unit}.service") }))
}

/// Base URLs of servers that have an image: plain HTTP, for the initramfs speaks no TLS and knows the image's digest.
pub(super) fn sources(text: &str) -> Result<Vec<String>> {
    let all = match text.split_once("%{") {
        None => vec![text.to_owned()],
        Some((before, rest)) => {
            let Some((numbers, after)) = rest.split_once('}') else { return wrong("`%{` has no `}`") };
            let inside = !numbers.is_empty() && only(numbers, "-,");
            let numbers = super::hosts::names(&format!("[{numbers}]")).ok().filter(|_| inside);
            let Some(numbers) = numbers else { return wrong("numbers are written as `%{1-4}` or `%{1,3-5}`") };
            numbers.iter().map(|number| format!("{before}{number}{after}")).collect()
        }
    };
    let source = |url: &String| {
        let url = url.trim_end_matches('/');
        let Some(rest) = url.strip_prefix("http://") else {
            return wrong(
                "it is no `http://` URL: what is fetched is known by its digest, and the initramfs speaks no TLS",
            );
        };
        if !only(rest, "._-:/~") || !starts_alphanumeric(rest) || url.len() > 100 {
            return wrong("a server is written as `http://cache-1` or `http://10.0.0.2:8080/images`, up to 100 bytes");
        }
        Ok(url.to_owned())
    };
    all.iter().map(source).collect()
}

/// One kernel argument; goes into the files of several boot loaders.
pub(crate) fn kernel_argument(text: &str) -> Result<String> {
    if !only(text, "._-,:=/@%+~") || text.len() > 512 {
        return wrong("a kernel argument is one word of letters, digits and `._-,:=/@%+~`");
    }
    Ok(text.to_owned())
}

/// A DHCP lease, as dnsmasq writes it.
pub(crate) fn lease(text: &str) -> Result<String> {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    let number = only(digits, "") && digits.parse::<u32>().is_ok_and(|number| number > 0);
    if text == "infinite" || (number && text.len() - digits.len() <= 1) {
        return Ok(text.to_owned());
    }
    wrong("a lease is written as `45m`, `12h` or `infinite`")
}

/// A path glob of dpkg's.
pub(super) fn path_glob(text: &str) -> Result<String> {
    if !text.starts_with(['/', '*']) || text.chars().any(char::is_control) || text.len() > 1000 {
        return wrong("a pattern is an absolute path in which `*` and `?` match anything, `/` too");
    }
    Ok(text.to_owned())
}

/// Kinds of public keys that OpenSSH takes by default (sshd_config(5), `PubkeyAcceptedAlgorithms`).
const SSH_KEYS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// A name of people or of an organization: one line, as SPDX 2.3 (7.5) has it after `Organization:`.
pub(super) fn supplier(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) || name.contains(['(', ')']) {
        return wrong("it is the name of people or of an organization: one line without parentheses");
    }
    Ok(name.to_owned())
}

/// A public key of ssh: kind, bytes, and what it is called (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
pub(super) fn ssh_key(text: &str) -> Result<String> {
    let text = text.trim();
    if text.contains("PRIVATE KEY") {
        return wrong("this is a private key: keep it, and write the line of its `.pub` file");
    }
    let mut words = text.splitn(3, ' ');
    let (kind, bytes) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !SSH_KEYS.contains(&kind) {
        return wrong(format!("a key is written as in a `.pub` file, and begins with one of {}", SSH_KEYS.join(", ")));
    }
    // The bytes begin with the kind again, behind its length.
    let blob = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bytes).unwrap_or_default();
    let says = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
    let rest = blob.strip_prefix(says.as_slice()).and_then(|blob| blob.strip_prefix(kind.as_bytes()));
    if rest.is_none_or(<[u8]>::is_empty) || text.len() > 16_384 || text.chars().any(char::is_control) {
        return wrong("its bytes are those of no such key");
    }
    Ok(text.to_owned())
}

/// Certificates in PEM form (RFC 7468), and no key beside them: what stands between them is for people.
pub(super) fn certificates(text: &str) -> Result<String> {
    let mut found = 0;
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = block.split_once("-----") else { return wrong("a `-----BEGIN` has no end") };
        if label.contains("PRIVATE KEY") {
            return wrong("there is a private key in it, which everybody could read in the image: keep it on the head");
        }
        let end = format!("-----END {label}-----");
        let Some((base64, after)) = body.split_once(&end) else { return wrong(format!("`{end}` is missing")) };
        let packed: String = base64.split_ascii_whitespace().collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, packed).unwrap_or_default();
        // A SEQUENCE of X.690 (RFC 5280, 4.1).
        if label != "CERTIFICATE" || der.first() != Some(&0x30) {
            return wrong(format!("the `{}` in it is no certificate", label.escape_debug()));
        }
        (found, rest) = (found + 1, after);
    }
    match found {
        0 => wrong("it has no `-----BEGIN CERTIFICATE-----`"),
        _ => Ok(text.to_owned()),
    }
}

/// The name of a file in a directory that is known.
pub(super) fn file_name(text: &str) -> Result<String> {
    if !only(text, "._-+") || text.starts_with('.') || text.len() > 200 {
        return wrong("it is the name of a file, without its directory");
    }
    Ok(text.to_owned())
}

/// A kernel module, or a glob of names or paths.
pub(super) fn module_glob(text: &str) -> Result<String> {
    if !only(text, "._-/*?[]") || text.split('/').any(|part| part == "..") || text.len() > 200 {
        return wrong("a module is named as in `modprobe`, or by a glob of names or of paths below `kernel/`");
    }
    Ok(text.to_owned())
}

/// Permission bits.
pub(super) fn mode(text: &str) -> Result<u32> {
    let digits = text.len() >= 3 && text.len() <= 5 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if digits && mode <= 0o7777 => Ok(mode),
        _ => wrong("a mode is written in octal, such as \"0644\""),
    }
}

/// An owner: a number, or a name as Debian's accounts have.
pub(super) fn owner(text: &str) -> Result<String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // 2^32-1 means "leave as it is" to chown(2).
        return match text.parse::<u32>() {
            Ok(id) if id != u32::MAX => Ok(id.to_string()),
            _ => wrong("an id is a number below 4294967295"),
        };
    }
    let name = only(text, "_-.") && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    if !name || text.len() > 32 {
        return wrong("an owner is a name such as `www-data`, or a number");
    }
    Ok(text.to_owned())
}

/// A debconf question.
pub(super) fn debconf_question(text: &str) -> Result<String> {
    if !only(text, "+-._/") || !text.contains('/') {
        return wrong("a debconf question is named as in `tzdata/Areas`");
    }
    Ok(text.to_owned())
}

/// A debconf answer: one line.
pub(super) fn debconf_answer(text: &str) -> Result<String> {
    if text.chars().any(char::is_control) {
        return wrong("an answer is one line");
    }
    Ok(text.to_owned())
}

/// What a symbolic link points to.
pub(super) fn link_target(text: &str) -> Result<String> {
    if text.is_empty() || text.len() >= crate::tree::PATH_MAX || text.chars().any(char::is_control) {
        return wrong("a link's target is a path");
    }
    Ok(text.to_owned())
}

//! Programs of systemd that have little to do in an image: ids and indices that are made elsewhere, daemons that
//! do not run, names that are only spelled otherwise.

use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// `systemd-machine-id-setup`: the file for an id that each machine gives itself on its first boot.
pub(super) fn machine_id_setup(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("R:", &[("root", b'R')])?;
    if !given.operands.is_empty() || given.values(b'R').any(|root| !matches!(root, b"/" | b"")) {
        return Err(Fault::gap("these arguments"));
    }
    let place = call.resolve(b"/etc/machine-id", true)?;
    if call.tree().get(&place).is_none() {
        call.create(&place, Inode::file(0o444, Vec::new()))?;
    }
    Ok(0)
}

/// `journalctl --update-catalog`: the index of explanations is left out of images.
pub(super) fn journalctl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [verb] if verb == b"--update-catalog" => {
            // Its directory stays, for who makes the index later.
            call.tree().make_directories("/var/lib/systemd/catalog", 0o755)?;
            Ok(0)
        }
        words => Err(Fault::gap(format!("the arguments `{}`", show(&words.join(&b' '))))),
    }
}

/// `systemd-hwdb [--usr] update`: the index of the hardware database is left out of images.
pub(super) fn hwdb(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("us", &[("usr", b'u'), ("strict", b's')])?;
    match given.operands.as_slice() {
        [verb] if verb == b"update" => Ok(0),
        words => Err(Fault::gap(format!("the arguments `{}`", show(&words.join(&b' '))))),
    }
}

/// `udevadm`: no udevd runs, and in a chroot it lets everything be.
pub(super) fn udevadm(call: &mut Call<'_, '_>) -> Done {
    match call.args.first().map(Vec::as_slice) {
        // The version of systemd, without what Debian puts behind it.
        Some(b"--version" | b"-V") if call.args.len() == 1 => {
            let status = show(&call.read(b"/var/lib/dpkg/status")?);
            let udev = status.split("\n\n").find(|stanza| stanza.lines().next() == Some("Package: udev"));
            let version = udev.and_then(|stanza| stanza.lines().find_map(|line| line.strip_prefix("Version: ")));
            let number: String = version.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
            if number.is_empty() {
                return Err(Fault::gap("--version, without a udev"));
            }
            call.out(number + "\n").map(|()| 0)
        }
        Some(b"control" | b"trigger" | b"settle" | b"hwdb") => Ok(0),
        _ => Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    }
}

/// `systemd-detect-virt`: of the machine that the image is for nothing is known; this is a chroot.
pub(super) fn detect_virt(call: &mut Call<'_, '_>) -> Done {
    let long = [("container", b'c'), ("vm", b'v'), ("chroot", b'r'), ("private-users", b'u'), ("quiet", b'q')];
    let given = call.options("cvruq", &long)?;
    if given.has(b'r') {
        return Ok(0);
    }
    if !given.has(b'q') {
        call.out("none\n")?;
    }
    Ok(1)
}

/// `systemd-escape [--path] [--suffix=S] [--template=T] [--unescape] WORD…`
pub(super) fn escape(call: &mut Call<'_, '_>) -> Done {
    let long = [("path", b'p'), ("suffix", b's'), ("template", b't'), ("unescape", b'u')];
    let given = call.options("ps:t:u", &long)?;
    if given.operands.is_empty() {
        return Err(Fault::failed("Not enough arguments."));
    }
    let mut names = Vec::new();
    for word in &given.operands {
        let mut name = match (given.has(b'u'), given.has(b'p')) {
            (true, path) => unescaped(word, path).ok_or_else(|| Fault::failed("Failed to unescape string"))?,
            (false, true) => escaped_path(word).ok_or_else(|| Fault::failed("Failed to escape string"))?,
            (false, false) => escaped(word),
        };
        if let Some(template) = given.value(b't') {
            let parsed = super::unit::Name::parse(template).filter(super::unit::Name::is_template);
            let parsed = parsed.ok_or_else(|| Fault::failed("Template name is not valid."))?;
            name = parsed.instantiate(&name);
        }
        if let Some(suffix) = given.value(b's') {
            name.extend([b".", suffix].concat());
        }
        names.push(name);
    }
    call.out([names.join(&b' ').as_slice(), b"\n"].concat())?;
    Ok(0)
}

/// `/` is `-`; what is no letter, digit or one of `:_.` (a dot not at the beginning) is `\xHH`.
fn escaped(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, &byte) in word.iter().enumerate() {
        match byte {
            b'/' => out.push(b'-'),
            b'.' if index == 0 => out.extend(b"\\x2e"),
            _ if byte.is_ascii_alphanumeric() || b":_.".contains(&byte) => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    out
}

fn escaped_path(path: &[u8]) -> Option<Vec<u8>> {
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
    if names.contains(&b"..".as_slice()) {
        return None;
    }
    Some(if names.is_empty() { b"-".to_vec() } else { escaped(&names.join(&b'/')) })
}

fn unescaped(name: &[u8], path: bool) -> Option<Vec<u8>> {
    let mut out = if path { b"/".to_vec() } else { Vec::new() };
    if path && name == b"-" {
        return Some(out);
    }
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'-', _) => out.push(b'/'),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                out.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = after;
            }
            (b'\\', _) => return None,
            _ => out.push(byte),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        assert_eq!(escaped(b"/dev/sd a-b"), b"-dev-sd\\x20a\\x2db");
        assert_eq!(escaped(b".hidden"), b"\\x2ehidden");
        assert_eq!(escaped_path(b"//var//lib/").as_deref(), Some(&b"var-lib"[..]));
        assert_eq!((escaped_path(b"/").as_deref(), escaped_path(b"/a/../b")), (Some(&b"-"[..]), None));
        assert_eq!(unescaped(b"var-lib\\x2dx", true).as_deref(), Some(&b"/var/lib-x"[..]));
        assert_eq!(unescaped(b"a\\xzz", false), None);
    }

    #[test]
    fn udev_has_its_packages_version() {
        let said = |status: &str| {
            let mut tree = crate::tree::Tree::new();
            tree.write("var/lib/dpkg/status", 0o644, status).expect("new");
            let mut system = crate::configure::machine(tree, "amd64", 0);
            let mut shell = crate::shell::Shell::new(&mut system, "postinst", &[]);
            let outcome = shell.run_script(b"udevadm --version", &[], &[]).expect("it ends");
            (String::from_utf8_lossy(&outcome.output).into_owned(), system.gaps.len())
        };
        let packages = "Package: systemd\nVersion: 1\n\nPackage: udev\nStatus: x\nVersion: 257.9-1~deb13u1\n\n";
        assert_eq!(said(packages), ("257\n".to_owned(), 0));
        assert_eq!(said("Package: systemd\nVersion: 1\n\n").1, 1);
    }
}

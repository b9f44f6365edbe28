//! linux-base's programs, which kernel packages call: hooks, links to the newest images, versions.
//! linux-run-hooks(1), linux-update-symlinks(1), linux-version(1), kernel-img.conf(5).

use std::cmp::Ordering;

use crate::tree::Inode;
use crate::tree::Kind;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("linux-run-hooks", run_hooks), ("linux-update-symlinks", update_symlinks), ("linux-version", linux_version)];

/// `linux-run-hooks image SCRIPT VERSION IMAGE -- ARGUMENTS` and `headers SCRIPT VERSION -- ARGUMENTS`.
fn run_hooks(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).collect();
    let (kind, hook_arguments, parameters) = match words.as_slice() {
        [b"image", script, version, image, b"--", rest @ ..] => (script.to_vec(), vec![*version, *image], rest),
        [b"headers", script, version, b"--", rest @ ..] => ([b"header_", *script].concat(), vec![*version], rest),
        _ => return Err(Fault::gap(format!("the arguments `{}`", show(&words.join(&b' '))))),
    };
    let mut run = vec![b"run-parts".to_vec(), b"--report".to_vec(), b"--exit-on-error".to_vec()];
    run.extend(hook_arguments.iter().map(|argument| [b"--arg=", *argument].concat()));
    let options = run.len();
    for base in ["/etc/kernel", "/usr/share/kernel"] {
        let directory = [base.as_bytes(), b"/", &kind, b".d"].concat();
        if call.look(&directory, true).is_some_and(|inode| inode.is_directory()) {
            run.push(directory);
        }
    }
    if run.len() == options {
        return Ok(0);
    }
    let before = call.shell.state.variables.clone();
    call.shell.export(b"DEB_MAINT_PARAMS", &parameters.join(&b' '))?;
    let done = call.run(&run);
    call.shell.state.variables = before;
    done
}

/// A kernel that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    version: Vec<u8>,
    path: Vec<u8>,
    /// Only a kernel that is there already is asked for its initramfs; a new one gets one later.
    initramfs: bool,
}

/// `linux-update-symlinks install|upgrade|remove VERSION IMAGE`
fn update_symlinks(call: &mut Call<'_, '_>) -> Done {
    let [change, version, image] = call.args else { return Err(Fault::gap("without three arguments")) };
    let Some(directory) = link_directory(call)? else { return Ok(0) };
    let mut images = images(call);
    images.retain(|known| known.version != *version);
    let own = Image { version: version.clone(), path: image.clone(), initramfs: true };
    match change.as_slice() {
        b"upgrade" => {
            images.push(own.clone());
            images.sort_by(|a, b| compare(&a.version, &b.version));
        }
        b"install" | b"remove" => {}
        _ => return Err(Fault::gap(format!("the change `{}`", show(change)))),
    }
    let stem: &[u8] = if is_uncompressed(&call.shell.system.uname.machine) { b"vmlinux" } else { b"vmlinuz" };
    // What a link names already keeps its place before the others.
    for suffix in [b".old".as_slice(), b""] {
        let link = [&directory, stem, suffix].concat();
        if let Some(position) = link_target(call, &link).and_then(|target| images.iter().position(|i| i.path == target))
        {
            let image = images.remove(position);
            images.push(image);
        }
    }
    if change == b"install" {
        images.push(own);
    }
    let current = images.last();
    let previous = images.len().checked_sub(2).map_or(current, |position| images.get(position));
    for (image, suffix) in [(previous, b".old".as_slice()), (current, b"")] {
        let names = [([stem, suffix].concat(), true), ([b"initrd.img", suffix].concat(), false)];
        for (name, kernel) in names {
            let link = [directory.as_slice(), &name].concat();
            let target = image.filter(|image| kernel || image.initramfs).map(|image| match kernel {
                true => image.path.clone(),
                false => [b"/boot/initrd.img-", image.version.as_slice()].concat(),
            });
            set_link(call, &link, target.as_deref())?;
        }
    }
    Ok(0)
}

/// Where links to kernels are wanted, with a slash at its end; `None` where none are.
fn link_directory(call: &mut Call<'_, '_>) -> Result<Option<Vec<u8>>, Fault> {
    let path = b"/etc/kernel-img.conf";
    let text = if call.look(path, true).is_some() { call.read(path)? } else { Vec::new() };
    let (mut wanted, mut in_boot, mut directory) = (true, false, b"/".to_vec());
    for line in String::from_utf8_lossy(&text).lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.split_whitespace().next().unwrap_or_default();
        let yes = ["yes", "true", "1"].contains(&value.to_lowercase().as_str());
        match name.trim().to_lowercase().as_str() {
            "do_symlinks" => wanted = yes,
            "link_in_boot" => in_boot = yes,
            "image_dest" => directory = value.as_bytes().to_vec(),
            _ => {}
        }
    }
    if in_boot {
        directory = b"/boot".to_vec();
    }
    while directory.ends_with(b"/") {
        directory.pop();
    }
    directory.push(b'/');
    Ok(wanted.then_some(directory))
}

/// The kernels in `/boot`, by version.
fn images(call: &mut Call<'_, '_>) -> Vec<Image> {
    let tree = call.tree();
    let Some((boot, _)) = tree.lookup("/boot") else { return Vec::new() };
    let names: Vec<Vec<u8>> = tree.children(&boot).map(|(path, _)| path.name().to_vec()).collect();
    let version = |name: &[u8]| {
        let version = name.strip_prefix(b"vmlinuz-").or_else(|| name.strip_prefix(b"vmlinux-"))?;
        (!version.ends_with(b".sig")).then(|| version.to_vec())
    };
    let image = |name: &Vec<u8>| {
        let version = version(name)?;
        let initramfs = names.contains(&[b"initrd.img-", version.as_slice()].concat());
        Some(Image { path: [b"/boot/", name.as_slice()].concat(), version, initramfs })
    };
    let mut images: Vec<Image> = names.iter().filter_map(image).collect();
    images.sort_by(|a, b| compare(&a.version, &b.version));
    images
}

/// Machines whose kernels are not compressed (their images are called `vmlinux`).
fn is_uncompressed(machine: &str) -> bool {
    ["mips", "parisc", "powerpc", "ppc"].iter().any(|start| machine.starts_with(start))
}

/// Where a link leads, absolute.
fn link_target(call: &mut Call<'_, '_>, link: &[u8]) -> Option<Vec<u8>> {
    let Kind::Symlink(target) = call.look(link, false)?.kind else { return None };
    let directory = &link[..=link.iter().rposition(|&byte| byte == b'/')?];
    Some(if target.starts_with(b"/") { target } else { [directory, &target].concat() })
}

/// Makes a relative link, or removes it.
fn set_link(call: &mut Call<'_, '_>, link: &[u8], target: Option<&[u8]>) -> Result<(), Fault> {
    if let Ok(place) = call.resolve(link, false) {
        call.tree().remove_all(&place);
    }
    let Some(target) = target else { return Ok(()) };
    let relative = relative(target, &link[..link.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]);
    let place = call.resolve(link, false)?;
    call.create(&place, Inode::symlink(relative))
}

/// An absolute path as seen from a directory.
fn relative(path: &[u8], directory: &[u8]) -> Vec<u8> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (path, directory) = (names(path), names(directory));
    let common = path.iter().zip(&directory).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(b"..".to_vec(), directory.len() - common);
    up.chain(path[common..].iter().cloned()).collect::<Vec<_>>().join(&b'/')
}

/// `linux-version compare A lt|le|eq|ne|ge|gt B`, `sort [--reverse] [VERSION…]`, `list`.
fn linux_version(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).collect();
    match words.as_slice() {
        [b"compare", a, relation, b] => {
            let order = compare(a, b);
            let holds = match *relation {
                b"lt" => order.is_lt(),
                b"le" => order.is_le(),
                b"eq" => order.is_eq(),
                b"ne" => order.is_ne(),
                b"ge" => order.is_ge(),
                b"gt" => order.is_gt(),
                _ => return Err(Fault::gap(format!("the relation `{}`", show(relation)))),
            };
            Ok(i32::from(!holds))
        }
        [b"sort", rest @ ..] => {
            let (reverse, rest) = match rest {
                [b"--reverse", rest @ ..] => (true, rest),
                _ => (false, rest),
            };
            let mut versions: Vec<Vec<u8>> = match rest {
                [] => {
                    let text = call.input()?;
                    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
                }
                given => given.iter().map(|version| version.to_vec()).collect(),
            };
            versions.sort_by(|a, b| if reverse { compare(b, a) } else { compare(a, b) });
            call.out(versions.iter().flat_map(|version| [version.as_slice(), b"\n"].concat()).collect::<Vec<u8>>())?;
            Ok(0)
        }
        [b"list"] => {
            let versions = images(call);
            call.out(versions.iter().flat_map(|image| [&image.version[..], b"\n"].concat()).collect::<Vec<u8>>())?;
            Ok(0)
        }
        _ => Err(Fault::gap(format!("the arguments `{}`", show(&words.join(&b' '))))),
    }
}

/// The order of kernel versions: numbers as numbers, the rest as text, `-rc` and `-trunk` before everything.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (components(a), components(b));
    let early = |part: Option<&&[u8]>| matches!(part, Some(&(b"-rc" | b"-trunk")));
    let number = |part: &[u8]| std::str::from_utf8(part).ok().and_then(|text| text.parse::<u128>().ok());
    for position in 0.. {
        let (left, right) = (a.get(position), b.get(position));
        match (early(left), early(right)) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let (Some(left), Some(right)) = (left, right) else { return left.is_some().cmp(&right.is_some()) };
        let order = match (number(left), number(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Runs of digits, and other runs, which begin anew at a hyphen.
fn components(version: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.first() {
        let digits = first.is_ascii_digit();
        let end = rest[1..].iter().position(|byte| byte.is_ascii_digit() != digits || *byte == b'-');
        let (part, tail) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        parts.push(part);
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::shell::system::System;
    use crate::tree::Tree;
    use crate::tree::TreePath;

    fn run(system: &mut System, script: &str) {
        let outcome = Shell::new(system, "postinst", &[("PATH", "/usr/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0, "{script}");
        assert!(system.gaps.is_empty(), "{:?}", system.gaps);
    }

    #[test]
    fn versions_have_the_order_of_linux_base() {
        let sorted = ["2.6.32-5", "2.6.32.1", "6.1-rc1", "6.1", "6.1.0-9", "6.1.0-10", "6.1.0-10-rt", "6.12"];
        for (position, a) in sorted.iter().enumerate() {
            for b in &sorted[position + 1..] {
                assert_eq!(compare(a.as_bytes(), b.as_bytes()), Ordering::Less, "{a} {b}");
                assert_eq!(compare(b.as_bytes(), a.as_bytes()), Ordering::Greater, "{b} {a}");
            }
        }
    }

    #[test]
    fn links_lead_to_the_newest_and_the_one_before() {
        let mut tree = Tree::new();
        for name in ["boot/vmlinuz-6.1", "boot/vmlinuz-6.12", "boot/initrd.img-6.1"] {
            tree.write(name, 0o644, "x").expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        run(&mut system, "linux-update-symlinks install 6.12 /boot/vmlinuz-6.12");
        let target = |system: &mut System, name: &str| match &system
            .tree()
            .get(&TreePath::literal(name))
            .expect("a link")
            .kind
        {
            Kind::Symlink(target) => String::from_utf8(target.clone()).expect("text"),
            other => panic!("{other:?}"),
        };
        assert_eq!(target(&mut system, "vmlinuz"), "boot/vmlinuz-6.12");
        assert_eq!(target(&mut system, "initrd.img"), "boot/initrd.img-6.12");
        assert_eq!(target(&mut system, "vmlinuz.old"), "boot/vmlinuz-6.1");
        assert_eq!(target(&mut system, "initrd.img.old"), "boot/initrd.img-6.1");
        let mut system = machine(system.into_tree(), "amd64", 0);
        system.tree().write("etc/kernel-img.conf", 0o644, "link_in_boot = yes # here\n").expect("new");
        run(&mut system, "linux-update-symlinks install 6.12 /boot/vmlinuz-6.12");
        assert_eq!(target(&mut system, "boot/vmlinuz"), "vmlinuz-6.12");
    }
}

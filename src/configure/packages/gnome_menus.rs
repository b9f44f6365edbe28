//! gnome-menus: applications that GNOME's menus do not show, gnome-menus-blacklist(7). Each has a copy of its entry that
//! says so.

use std::collections::BTreeSet;

use super::package::Package;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("gnome-menus-blacklist", blacklist)], ..Package::of("gnome-menus") };

const APPLICATIONS: &str = "/usr/share/applications";
const COPIES: &str = "/usr/share/gnome/applications";
const LIST: &[u8] = b"/etc/gnome/menus.blacklist";

/// `gnome-menus-blacklist`
fn blacklist(call: &mut Call<'_, '_>) -> Done {
    if !call.args.is_empty() {
        return Err(Fault::gap("operands"));
    }
    let mut hidden = BTreeSet::new();
    match call.look(LIST, true) {
        Some(_) => {
            let text = call.read(LIST)?;
            let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            hidden.extend(lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(<[u8]>::to_vec));
        }
        None => call.err("Warning: /etc/gnome/menus.blacklist cannot be opened")?,
    }
    let there = entries(call, APPLICATIONS)?;
    let hidden: Vec<Vec<u8>> = there.into_iter().filter(|name| is_hidden(&hidden, name)).collect();
    for old in entries(call, COPIES)?.into_iter().filter(|old| !hidden.contains(old)) {
        let place = call.resolve(&below(COPIES, &old), false)?;
        call.tree().remove_all(&place);
    }
    for name in hidden {
        let (source, copy) = (below(APPLICATIONS, &name), below(COPIES, &name));
        let time = call.look(&source, true).map_or(0, |inode| inode.stat.mtime);
        if call.look(&copy, true).is_some_and(|inode| inode.stat.mtime == time) {
            continue;
        }
        let text = call.read(&source)?;
        let shown = |line: &&[u8]| !line.starts_with(b"NoDisplay=");
        let mut made: Vec<u8> = text.split_inclusive(|&byte| byte == b'\n').filter(shown).collect::<Vec<_>>().concat();
        if !text.ends_with(b"\n") {
            made.push(b'\n');
        }
        made.extend(b"NoDisplay=true\n");
        let directory = copy.iter().rposition(|&byte| byte == b'/').map_or(&copy[..], |slash| &copy[..slash]).to_vec();
        call.run(&[b"mkdir".to_vec(), b"-p".to_vec(), directory])?;
        call.write(&copy, 0o644, made)?;
        let place = call.resolve(&copy, true)?;
        if let Some(inode) = call.tree().get_mut(&place) {
            inode.stat.mtime = time;
        }
    }
    Ok(0)
}

fn below(directory: &str, name: &[u8]) -> Vec<u8> {
    [directory.as_bytes(), b"/", name].concat()
}

/// A list names an entry by its file or by its path below the directory.
fn is_hidden(hidden: &BTreeSet<Vec<u8>>, name: &[u8]) -> bool {
    let file = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    hidden.contains(name) || hidden.contains(file)
}

/// The desktop entries in a directory and those below it, by their paths there. Links to directories are not followed.
fn entries(call: &mut Call<'_, '_>, directory: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let Ok(place) = call.resolve(directory.as_bytes(), true) else { return Ok(Vec::new()) };
    let tree = call.tree();
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut waiting: Vec<TreePath> = vec![place.clone()];
    while let Some(one) = waiting.pop() {
        for (path, inode) in tree.children(&one) {
            if inode.is_directory() {
                waiting.push(path.clone());
            } else if path.name().ends_with(b".desktop") {
                found.push(path.as_bytes()[place.as_bytes().len() + 1..].to_vec());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn what_menus_do_not_show_has_a_copy_that_says_so() {
        let mut tree = Tree::new();
        for (path, text) in [
            ("etc/gnome/menus.blacklist", "# none\n\n kde/b.desktop \na.desktop\ngone.desktop\n"),
            ("usr/share/applications/a.desktop", "[Desktop Entry]\nNoDisplay=false\nExec=a"),
            ("usr/share/applications/kde/b.desktop", "[Desktop Entry]\n"),
            ("usr/share/applications/kde/c.desktop", "[Desktop Entry]\n"),
            ("usr/share/gnome/applications/old.desktop", ""),
        ] {
            let place = tree.write(path, 0o644, text).expect("new");
            tree.get_mut(&place).expect("there").stat.mtime = 7;
        }
        let mut system = machine(tree, "amd64", 100);
        let script = "gnome-menus-blacklist && gnome-menus-blacklist";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0);
        assert_eq!(system.gaps, []);
        let copies = "usr/share/gnome/applications";
        let tree = system.into_tree();
        let read = |name: &str| tree.read(format!("{copies}/{name}")).expect("memory");
        assert_eq!(read("a.desktop").as_deref(), Some(&b"[Desktop Entry]\nExec=a\nNoDisplay=true\n"[..]));
        assert_eq!(read("kde/b.desktop").as_deref(), Some(&b"[Desktop Entry]\nNoDisplay=true\n"[..]));
        for none in ["kde/c.desktop", "old.desktop", "gone.desktop"] {
            assert_eq!(read(none), None, "{none}");
        }
        let (_, inode) = tree.lookup(format!("{copies}/a.desktop")).expect("it is made");
        assert_eq!(inode.stat.mtime, 7, "by its time it is known");
    }
}

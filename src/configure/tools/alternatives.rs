//! `update-alternatives`: which of several programs a common name leads to.
//!
//! update-alternatives(1). The database is `/var/lib/dpkg/alternatives/NAME`: mode, link, pairs of slave name and
//! link, an empty line; then each choice with its path, priority and slave paths, by path; and an empty line.

use std::collections::BTreeMap;

use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("update-alternatives", update_alternatives)];

const DATABASE: &[u8] = b"/var/lib/dpkg/alternatives";
const LINKS: &[u8] = b"/etc/alternatives";

/// One name and its choices.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: Vec<u8>,
    manual: bool,
    link: Vec<u8>,
    /// Slave name → link.
    slaves: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Path → choice.
    choices: BTreeMap<Vec<u8>, Choice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    priority: i32,
    /// Slave name → path, where it has one.
    slaves: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Group {
    fn new(name: &[u8], link: &[u8]) -> Self {
        let (slaves, choices) = (BTreeMap::new(), BTreeMap::new());
        Self { name: name.to_vec(), manual: false, link: link.to_vec(), slaves, choices }
    }

    fn parse(name: &[u8], text: &[u8]) -> Option<Self> {
        let mut lines = text.split(|&byte| byte == b'\n');
        let manual = match lines.next()? {
            b"auto" => false,
            b"manual" => true,
            _ => return None,
        };
        let mut group = Self { manual, ..Self::new(name, lines.next()?) };
        loop {
            let slave = lines.next()?;
            if slave.is_empty() {
                break;
            }
            group.slaves.insert(slave.to_vec(), lines.next()?.to_vec());
        }
        loop {
            let path = lines.next()?;
            if path.is_empty() {
                return Some(group);
            }
            let priority = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
            let mut slaves = BTreeMap::new();
            for slave in group.slaves.keys() {
                let file = lines.next()?;
                if !file.is_empty() {
                    slaves.insert(slave.clone(), file.to_vec());
                }
            }
            group.choices.insert(path.to_vec(), Choice { priority, slaves });
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut lines: Vec<&[u8]> = vec![if self.manual { b"manual" } else { b"auto" }, &self.link];
        lines.extend(self.slaves.iter().flat_map(|(name, link)| [name.as_slice(), link]));
        lines.push(b"");
        let priorities: Vec<String> = self.choices.values().map(|choice| choice.priority.to_string()).collect();
        for ((path, choice), priority) in self.choices.iter().zip(&priorities) {
            lines.extend([path.as_slice(), priority.as_bytes()]);
            lines.extend(self.slaves.keys().map(|slave| choice.slaves.get(slave).map_or(&b""[..], Vec::as_slice)));
        }
        lines.extend([&b""[..], b""]);
        lines.join(&b'\n')
    }

    /// The choice of the highest priority; of equals the first by path.
    fn best(&self) -> Option<&[u8]> {
        let mut best: Option<(&Vec<u8>, &Choice)> = None;
        for (path, choice) in &self.choices {
            if best.is_none_or(|(_, known)| choice.priority > known.priority) {
                best = Some((path, choice));
            }
        }
        best.map(|(path, _)| path.as_slice())
    }
}

fn update_alternatives(call: &mut Call<'_, '_>) -> Done {
    let mut args: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).collect();
    args.retain(|arg| !matches!(*arg, b"--quiet" | b"--verbose" | b"--skip-auto" | b"--force"));
    let force = call.args.iter().any(|arg| arg == b"--force");
    match args.as_slice() {
        [b"--install", link, name, path, priority, rest @ ..] => {
            install(call, (link, name, path), priority, rest, force)
        }
        [b"--remove", name, path] => remove(call, name, Some(path)),
        [b"--remove-all", name] => remove(call, name, None),
        [b"--set", name, path] => set(call, name, path, force),
        [b"--auto", name] => {
            let Some(mut group) = read(call, name)? else { return missing(name) };
            group.manual = false;
            apply(call, &group, force)
        }
        [b"--list", name] => {
            let Some(group) = read(call, name)? else { return missing(name) };
            for path in group.choices.keys() {
                call.out([path.as_slice(), b"\n"].concat())?;
            }
            Ok(0)
        }
        [b"--query", name] => query(call, name),
        [b"--display", name] => display(call, name),
        _ => Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    }
}

fn missing(name: &[u8]) -> Done {
    Err(Fault::Failed(2, format!("error: no alternatives for {}", show(name))))
}

fn install(
    call: &mut Call<'_, '_>,
    (link, name, path): (&[u8], &[u8], &[u8]),
    priority: &[u8],
    mut rest: &[&[u8]],
    force: bool,
) -> Done {
    let priority = std::str::from_utf8(priority).ok().and_then(|text| text.trim().parse().ok());
    let priority = priority.ok_or_else(|| Fault::Failed(2, "error: priority must be an integer".into()))?;
    if !link.starts_with(b"/") || !path.starts_with(b"/") {
        return Err(Fault::Failed(2, "error: alternative link and path are not absolute as they should be".into()));
    }
    if call.look(path, true).is_none() {
        return Err(Fault::Failed(2, format!("error: alternative path {} doesn't exist", show(path))));
    }
    let mut group = read(call, name)?.unwrap_or_else(|| Group::new(name, link));
    if group.link != link {
        let old = std::mem::replace(&mut group.link, link.to_vec());
        unlink(call, &old)?;
    }
    let mut slaves = BTreeMap::new();
    while let [b"--slave", slave_link, slave, file, more @ ..] = rest {
        match group.slaves.insert(slave.to_vec(), slave_link.to_vec()) {
            Some(old) if old != *slave_link => unlink(call, &old)?,
            _ => {}
        }
        slaves.insert(slave.to_vec(), file.to_vec());
        rest = more;
    }
    if !rest.is_empty() {
        return Err(Fault::gap(format!("the arguments `{}`", show(&rest.join(&b' ')))));
    }
    group.choices.insert(path.to_vec(), Choice { priority, slaves });
    apply(call, &group, force)
}

fn remove(call: &mut Call<'_, '_>, name: &[u8], path: Option<&[u8]>) -> Done {
    let Some(mut group) = read(call, name)? else { return Ok(0) };
    match path {
        Some(path) => {
            let current = target(call, &[LINKS, b"/", name].concat());
            group.choices.remove(path);
            group.manual &= current.as_deref() != Some(path);
        }
        None => group.choices.clear(),
    }
    apply(call, &group, false)
}

fn set(call: &mut Call<'_, '_>, name: &[u8], path: &[u8], force: bool) -> Done {
    let Some(mut group) = read(call, name)? else { return missing(name) };
    if !group.choices.contains_key(path) {
        let message = format!("error: alternative {} for {} not registered; not setting", show(path), show(name));
        return Err(Fault::Failed(2, message));
    }
    group.manual = true;
    write(call, &group)?;
    point(call, &group, path, force)
}

/// Stores the group and lets its links lead to the best choice, or to the one that was set by hand.
fn apply(call: &mut Call<'_, '_>, group: &Group, force: bool) -> Done {
    let Some(best) = group.best() else {
        for (name, link) in group.slaves.iter().chain([(&group.name, &group.link)]) {
            unlink(call, link)?;
            unlink(call, &[LINKS, b"/", name].concat())?;
        }
        unlink(call, &[DATABASE, b"/", &group.name].concat())?;
        return Ok(0);
    };
    write(call, group)?;
    let current = target(call, &[LINKS, b"/", &group.name].concat());
    let current = current.filter(|current| group.manual && group.choices.contains_key(current));
    point(call, group, current.as_deref().unwrap_or(best), force)
}

/// Makes all links of a group for one choice. A slave without a file in this choice has none.
fn point(call: &mut Call<'_, '_>, group: &Group, path: &[u8], force: bool) -> Done {
    lead(call, &group.name, &group.link, path, force)?;
    let choice = &group.choices[path];
    for (slave, link) in &group.slaves {
        let file = choice.slaves.get(slave).filter(|file| call.look(file, true).is_some());
        match file {
            Some(file) => lead(call, slave, link, file, force)?,
            None => {
                unlink(call, link)?;
                unlink(call, &[LINKS, b"/", slave].concat())?;
            }
        }
    }
    Ok(0)
}

/// `LINK` → `/etc/alternatives/NAME` → the file. A real file at `LINK` stays unless forced.
fn lead(call: &mut Call<'_, '_>, name: &[u8], link: &[u8], file: &[u8], force: bool) -> Result<(), Fault> {
    let middle = [LINKS, b"/", name].concat();
    make_link(call, &middle, file)?;
    match call.look(link, false).map(|inode| inode.kind) {
        None | Some(Kind::Symlink(_)) => make_link(call, link, &middle),
        Some(_) if force => make_link(call, link, &middle),
        Some(_) => call.err(&format!("warning: not replacing {} with a link", show(link))),
    }
}

fn make_link(call: &mut Call<'_, '_>, link: &[u8], to: &[u8]) -> Result<(), Fault> {
    if target(call, link).as_deref() == Some(to) {
        return Ok(());
    }
    let place = call.resolve(link, false)?;
    call.create(&place, Inode::symlink(to))
}

fn unlink(call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
    let Ok(place) = call.resolve(path, false) else { return Ok(()) };
    let gone = match call.tree().get(&place).map(|inode| &inode.kind) {
        Some(Kind::Symlink(_)) => true,
        Some(Kind::File(_)) => place.starts_with(&TreePath::literal("var/lib/dpkg/alternatives")),
        _ => false,
    };
    if gone {
        call.tree().remove(&place)?;
    }
    Ok(())
}

fn target(call: &mut Call<'_, '_>, link: &[u8]) -> Option<Vec<u8>> {
    match call.look(link, false)?.kind {
        Kind::Symlink(target) => Some(target),
        _ => None,
    }
}

fn read(call: &mut Call<'_, '_>, name: &[u8]) -> Result<Option<Group>, Fault> {
    let path = [DATABASE, b"/", name].concat();
    if call.look(&path, true).is_none() {
        return Ok(None);
    }
    let text = call.read(&path)?;
    let group = Group::parse(name, &text);
    group.map(Some).ok_or_else(|| Fault::Failed(2, format!("error: {} is corrupt", show(&path))))
}

fn write(call: &mut Call<'_, '_>, group: &Group) -> Result<(), Fault> {
    for directory in [DATABASE, LINKS] {
        call.tree().make_directories(directory, 0o755)?;
    }
    call.write(&[DATABASE, b"/", &group.name].concat(), 0o644, group.encode())
}

/// The form of `--query`: a stanza of the group, then one of each choice.
fn query(call: &mut Call<'_, '_>, name: &[u8]) -> Done {
    let Some(group) = read(call, name)? else { return missing(name) };
    let current = target(call, &[LINKS, b"/", name].concat());
    let mut text = format!("Name: {}\nLink: {}\n", show(name), show(&group.link));
    let pairs = |title: &str, pairs: &BTreeMap<Vec<u8>, Vec<u8>>| {
        let lines: String = pairs.iter().map(|(name, path)| format!(" {} {}\n", show(name), show(path))).collect();
        if lines.is_empty() { String::new() } else { format!("{title}:\n{lines}") }
    };
    text.push_str(&pairs("Slaves", &group.slaves));
    text.push_str(&format!("Status: {}\n", if group.manual { "manual" } else { "auto" }));
    for (title, path) in [("Best", group.best()), ("Value", current.as_deref())] {
        text.push_str(&format!("{title}: {}\n", path.map_or_else(|| "none".to_owned(), show)));
    }
    for (path, choice) in &group.choices {
        text.push_str(&format!("\nAlternative: {}\nPriority: {}\n", show(path), choice.priority));
        text.push_str(&pairs("Slaves", &choice.slaves));
    }
    call.out(text)?;
    Ok(0)
}

/// The same for people, as dpkg 1.19 and later have it.
fn display(call: &mut Call<'_, '_>, name: &[u8]) -> Done {
    let Some(group) = read(call, name)? else { return missing(name) };
    let current = target(call, &[LINKS, b"/", name].concat());
    let name = show(name);
    let mut text = format!("{name} - {} mode\n", if group.manual { "manual" } else { "auto" });
    match group.best() {
        Some(best) => text.push_str(&format!("  link best version is {}\n", show(best))),
        None => text.push_str("  link best version not available\n"),
    }
    match current {
        Some(current) => text.push_str(&format!("  link currently points to {}\n", show(&current))),
        None => text.push_str("  link currently absent\n"),
    }
    text.push_str(&format!("  link {name} is {}\n", show(&group.link)));
    for (slave, link) in &group.slaves {
        text.push_str(&format!("  slave {} is {}\n", show(slave), show(link)));
    }
    for (path, choice) in &group.choices {
        text.push_str(&format!("{} - priority {}\n", show(path), choice.priority));
        for (slave, file) in &choice.slaves {
            text.push_str(&format!("  slave {}: {}\n", show(slave), show(file)));
        }
    }
    call.out(text).map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    const EDITOR: &[u8] = b"auto\n/usr/bin/editor\neditor.1.gz\n/usr/share/man/man1/editor.1.gz\n\n\
        /bin/ed\n-100\n/usr/share/man/man1/ed.1.gz\n/usr/bin/vim.tiny\n15\n\n\n";

    #[test]
    fn the_database_reads_back() {
        let group = Group::parse(b"editor", EDITOR).expect("dpkg's own form");
        assert_eq!(group.encode(), EDITOR);
        assert_eq!(group.best(), Some(&b"/usr/bin/vim.tiny"[..]));
        assert_eq!(group.choices[&b"/usr/bin/vim.tiny"[..]].slaves.len(), 0);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in ["", "auto", "some\n/l\n\n\n", "auto\n/l\n\n/p\nhigh\n\n", "auto\n/l\n\n/p\n1"] {
            assert_eq!(Group::parse(b"x", text.as_bytes()).map(|group| group.choices.len()), None, "{text:?}");
        }
    }

    /// What update-alternatives(1) does without a word in its manual: a link that a package names anew is moved.
    #[test]
    fn links_are_renamed() {
        let mut tree = Tree::new();
        for path in ["usr/bin/tool.one", "usr/share/man/one.gz", "usr/sbin/other"] {
            tree.write(path, 0o755, "").expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "update-alternatives --install /usr/sbin/tool tool /usr/bin/tool.one 10 \\
                --slave /usr/share/old.gz tool.gz /usr/share/man/one.gz
            update-alternatives --install /usr/bin/tool tool /usr/bin/tool.one 10 \\
                --slave /usr/share/new.gz tool.gz /usr/share/man/one.gz
            readlink /usr/bin/tool /usr/share/new.gz; ls /usr/sbin /usr/share; sed -n 2p /var/lib/dpkg/alternatives/tool";
        let outcome = Shell::new(&mut system, "postinst", &[]).run_script(script.as_bytes(), &[], &[]);
        let said = String::from_utf8(outcome.expect("below the limits").output).expect("text");
        let wanted = "/etc/alternatives/tool\n/etc/alternatives/tool.gz\n/usr/sbin:\nother\n\n/usr/share:\nman\nnew.gz\n\
                      /usr/bin/tool\n";
        assert_eq!((said.as_str(), system.gaps.len()), (wanted, 0));
    }
}

//! `deb-systemd-helper` and `deb-systemd-invoke`: what maintainer scripts call for their units.
//!
//! deb-systemd-helper(1). Its state says which links a package's unit has had, so that what an administrator
//! removes stays removed: `UNIT.dsh-also` lists a unit's links by path, and an empty file per link lies below the
//! state directory where the link lies below `/etc/systemd/system`. The state is read by the real program on every
//! upgrade, so it is written as that one writes it, with its own way to read unit files: line by line, whatever
//! the section, without specifiers.

use super::files::base;
use super::files::is_file;
use super::files::is_program;
use super::files::make_link;
use super::files::make_parent;
use super::files::names;
use super::files::spend;
use super::files::target;
use super::files::unlink;
use super::unit::Scope;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// Units that name each other in `Also=`; real chains are two long.
const ALSO_MAX: usize = 64;

/// One link that enabling a unit makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    /// Below the directory of units.
    path: Vec<u8>,
    /// The unit's file.
    to: Vec<u8>,
}

pub(super) fn helper(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("qus", &[("quiet", b'q'), ("user", b'u'), ("system", b's')])?;
    let scope = if given.last_of(b"us") == Some(b'u') { Scope::User } else { Scope::System };
    let Some((action, units)) = given.operands.split_first() else { return Err(Fault::gap("without an action")) };
    if call.shell.variable(b"DPKG_MAINTSCRIPT_PACKAGE").unwrap_or_default().is_empty() {
        return Err(Fault::failed("was not called from dpkg. Exiting."));
    }
    let mut helper = Helper { scope, purge: false };
    match action.as_slice() {
        b"enable" => each(call, units, |call, unit| helper.enable(call, unit))?,
        b"disable" | b"purge" => {
            helper.purge = action == b"purge";
            each(call, units, |call, unit| helper.disable(call, unit))?;
        }
        b"mask" => each(call, units, |call, unit| helper.mask(call, unit))?,
        b"unmask" => each(call, units, |call, unit| helper.unmask(call, unit))?,
        b"update-state" => each(call, units, |call, unit| helper.update_state(call, unit))?,
        b"reenable" => each(call, units, |call, unit| {
            let file = helper.find(call, unit);
            helper.remove_links(call, &file)?;
            helper.make_links(call, unit, true)
        })?,
        b"is-enabled" | b"was-enabled" | b"debian-installed" => {
            let mut found = false;
            for unit in units {
                let yes = match action.as_slice() {
                    b"is-enabled" => helper.all_links_are_there(call, unit)?,
                    b"was-enabled" => helper.was_enabled(call, unit)?,
                    _ => is_file(call, &helper.also_file(unit)),
                };
                found |= yes;
                if action != b"debian-installed" && !given.has(b'q') {
                    call.shell.write(2, if yes { b"enabled\n" } else { b"disabled\n" })?;
                }
            }
            return Ok(i32::from(!found));
        }
        // It knows no other, and does nothing then: lxcfs has it `start` a unit.
        _ => {}
    }
    Ok(0)
}

fn each(
    call: &mut Call<'_, '_>,
    units: &[Vec<u8>],
    mut action: impl FnMut(&mut Call<'_, '_>, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    units.iter().try_for_each(|unit| action(call, unit))
}

#[derive(Debug, Clone, Copy)]
struct Helper {
    scope: Scope,
    purge: bool,
}

impl Helper {
    const fn enabled_state(self) -> &'static [u8] {
        match self.scope {
            Scope::System => b"/var/lib/systemd/deb-systemd-helper-enabled",
            Scope::User => b"/var/lib/systemd/deb-systemd-user-helper-enabled",
        }
    }

    const fn masked_state(self) -> &'static [u8] {
        match self.scope {
            Scope::System => b"/var/lib/systemd/deb-systemd-helper-masked",
            Scope::User => b"/var/lib/systemd/deb-systemd-user-helper-masked",
        }
    }

    fn also_file(self, unit: &[u8]) -> Vec<u8> {
        [self.enabled_state(), b"/", base(unit), b".dsh-also"].concat()
    }

    /// Where a link lies, and the file of its state.
    fn places(self, link: &Link) -> (Vec<u8>, Vec<u8>) {
        let below = |directory: &[u8]| [directory, &link.path].join(&b'/');
        (below(self.scope.config()), below(self.enabled_state()))
    }

    /// The file of a unit, or its bare name when there is none.
    fn find(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Vec<u8> {
        for directory in ["/etc/systemd", "/lib/systemd", "/usr/lib/systemd"] {
            let path = [format!("{directory}/{}/", self.scope.word()).as_bytes(), unit].concat();
            if is_file(call, &path) {
                return path;
            }
        }
        unit.to_vec()
    }

    /// All links of a unit and of those that it names in `Also=`.
    fn links(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<Vec<Link>, Fault> {
        let (file, mut links) = (self.find(call, unit), Vec::new());
        self.collect_links(call, &file, &mut Vec::new(), &mut links)?;
        Ok(links)
    }

    fn collect_links(
        self,
        call: &mut Call<'_, '_>,
        file: &[u8],
        visited: &mut Vec<Vec<u8>>,
        links: &mut Vec<Link>,
    ) -> Result<(), Fault> {
        spend(call)?;
        let unread = || Fault::failed(format!("error: unable to read {}", show(file)));
        if !file.starts_with(b"/") || visited.len() > ALSO_MAX {
            return Err(unread());
        }
        let name = base(file).to_vec();
        let text = call.read(file).map_err(|_| unread())?;
        let (mut wanted, mut wanted_name) = (Vec::new(), name.clone());
        for line in text.split(|&byte| byte == b'\n') {
            let Some((key, value)) = assignment(line) else { continue };
            match key.to_ascii_lowercase().as_slice() {
                b"wantedby" | b"requiredby" => wanted.extend(split(value).map(|word| directory_of(key, word))),
                b"also" => {
                    for word in split(value) {
                        let (word, _) = unquoted(word);
                        if word != name && !visited.iter().any(|known| known == word) {
                            visited.push(word.to_vec());
                            let other = self.find(call, word);
                            // Each branch remembers what led to it, not what its siblings met.
                            self.collect_links(call, &other, &mut visited.clone(), links)?;
                        }
                    }
                }
                b"alias" => {
                    for word in split(value) {
                        let (word, quote) = unquoted(word);
                        if word != name {
                            // The whole value, not the word: a list of aliases is one odd name in the state.
                            let path = quote.map_or_else(|| value.to_vec(), |quote| vec![quote]);
                            links.push(Link { path, to: file.to_vec() });
                        }
                    }
                }
                b"defaultinstance" => wanted_name = instance_of(&name, unquoted(value).0),
                _ => {}
            }
        }
        let wants = wanted
            .into_iter()
            .map(|directory| Link { path: [directory, wanted_name.clone()].concat(), to: file.to_vec() });
        links.extend(wants);
        Ok(())
    }

    fn enable(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<(), Fault> {
        if !is_program(call, b"/usr/bin/systemctl") && !is_program(call, b"/bin/systemctl") {
            return self.make_links(call, unit, true);
        }
        if is_file(call, &self.also_file(unit)) {
            let links = self.links(call, unit)?;
            let some = links.iter().any(|link| target(call, &self.places(link).0).is_some());
            return self.make_links(call, unit, some);
        }
        let scope = if self.scope == Scope::User { "--global" } else { "--system" };
        let words = ["systemctl", "--root=/", scope, "--preset-mode=enable-only", "preset"];
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).chain([unit.to_vec()]).collect();
        if call.run(&words)? != 0 {
            return Err(Fault::failed(format!("error: systemctl preset failed on {}", show(unit))));
        }
        self.make_links(call, unit, false)
    }

    /// Makes the links of a unit (with `create`) and the state of each that has none yet.
    fn make_links(self, call: &mut Call<'_, '_>, unit: &[u8], create: bool) -> Result<(), Fault> {
        for link in self.links(call, unit)? {
            let (place, state) = self.places(&link);
            self.record(call, unit, &place)?;
            if call.look(&state, true).is_some() {
                continue;
            }
            if create && target(call, &place).is_none() {
                make_link(call, &place, &link.to)?;
            }
            make_parent(call, &state)?;
            call.write(&state, 0o666, Vec::new())?;
        }
        Ok(())
    }

    /// Adds a link to the list of its unit.
    fn record(self, call: &mut Call<'_, '_>, unit: &[u8], link: &[u8]) -> Result<(), Fault> {
        let path = self.also_file(unit);
        let mut text = if is_file(call, &path) { call.read(&path)? } else { Vec::new() };
        if text.split(|&byte| byte == b'\n').any(|line| line == link) {
            return Ok(());
        }
        text.extend([link, b"\n"].concat());
        write_list(call, &path, text)
    }

    /// The list of a unit becomes what its file says now.
    fn update_state(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<(), Fault> {
        let links = self.links(call, unit)?;
        let text: Vec<u8> = links.iter().flat_map(|link| [self.places(link).0, b"\n".to_vec()].concat()).collect();
        write_list(call, &self.also_file(unit), text)
    }

    fn recorded(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
        let path = self.also_file(unit);
        if !is_file(call, &path) {
            return Ok(Vec::new());
        }
        let text = call.read(&path)?;
        Ok(text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
    }

    fn was_enabled(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<bool, Fault> {
        let recorded = self.recorded(call, unit)?;
        Ok(recorded.iter().all(|link| target(call, link).is_some()))
    }

    fn all_links_are_there(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<bool, Fault> {
        let links = self.links(call, unit)?;
        Ok(links.iter().all(|link| target(call, &self.places(link).0).is_some()))
    }

    fn disable(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<(), Fault> {
        let file = self.find(call, unit);
        self.remove_links(call, &file)?;
        for scope in [Scope::System, Scope::User] {
            let own = Self { scope, ..self };
            remove_empty_below(call, own.enabled_state())?;
            for name in names(call, scope.config()) {
                remove_empty_below(call, &[scope.config(), &name].join(&b'/'))?;
            }
        }
        Ok(())
    }

    /// Removes the recorded links of a unit, and of those that it names in `Also=`.
    fn remove_links(self, call: &mut Call<'_, '_>, file: &[u8]) -> Result<(), Fault> {
        let mut todo = vec![file.to_vec()];
        let mut done: Vec<Vec<u8>> = Vec::new();
        while let Some(file) = todo.pop() {
            if done.contains(&file) {
                continue;
            }
            let recorded = self.recorded(call, &file)?;
            if self.purge {
                unlink(call, &self.also_file(&file))?;
            }
            for link in recorded {
                let there = target(call, &link).is_some();
                let below = link.strip_prefix(self.scope.config());
                if let Some(below) = below.filter(|_| self.purge || there) {
                    unlink(call, &[self.enabled_state(), below].concat())?;
                }
                if there {
                    unlink(call, &link)?;
                }
            }
            if file.starts_with(b"/") && is_file(call, &file) {
                let text = call.read(&file)?;
                let lines = text.split(|&byte| byte == b'\n').filter_map(assignment);
                let also = lines.filter(|(key, _)| key.eq_ignore_ascii_case(b"Also")).map(|(_, value)| value.to_vec());
                for name in also.collect::<Vec<_>>() {
                    todo.push(self.find(call, &name));
                }
            }
            done.push(file);
        }
        Ok(())
    }

    fn mask(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<(), Fault> {
        let file = self.find(call, unit);
        let link = [self.scope.config(), base(&file)].join(&b'/');
        if call.look(&link, true).is_some() {
            return Ok(());
        }
        unlink(call, &link)?;
        make_link(call, &link, b"/dev/null")?;
        let state = [self.masked_state(), base(&file)].join(&b'/');
        make_parent(call, &state)?;
        call.write(&state, 0o666, Vec::new())
    }

    fn unmask(self, call: &mut Call<'_, '_>, unit: &[u8]) -> Result<(), Fault> {
        let file = self.find(call, unit);
        let link = [self.scope.config(), base(&file)].join(&b'/');
        let state = [self.masked_state(), base(&file)].join(&b'/');
        if target(call, &link).as_deref() == Some(b"/dev/null") && call.look(&state, true).is_some() {
            unlink(call, &link)?;
            unlink(call, &state)?;
        }
        for scope in [Scope::System, Scope::User] {
            remove_empty_below(call, Self { scope, ..self }.masked_state())?;
        }
        Ok(())
    }
}

/// `KEY=value` of a line; no blanks beside the equals sign, but before the key.
fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let equals = memchr::memchr(b'=', line)?;
    let (key, value) = (&line[..equals], &line[equals + 1..]);
    (!value.is_empty()).then_some((key, value))
}

/// Words as Perl splits them at blanks: one at the beginning leaves an empty word, one at the end does not.
fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let value = value.trim_ascii_end();
    let mut first = true;
    value.split(u8::is_ascii_whitespace).filter(move |word| std::mem::take(&mut first) || !word.is_empty())
}

/// A word without the quotes around it, and the quote.
fn unquoted(word: &[u8]) -> (&[u8], Option<u8>) {
    match word {
        [open @ (b'"' | b'\''), inner @ .., close] if open == close => (inner, Some(*open)),
        _ => (word, None),
    }
}

/// The directory of a `WantedBy=` or `RequiredBy=`, with its slash. The ending depends on the key's very letters,
/// and a quoted word has none.
fn directory_of(key: &[u8], word: &[u8]) -> Vec<u8> {
    let (word, quote) = unquoted(word);
    let ending: &[u8] = match (key, quote) {
        (b"WantedBy", None) => b".wants",
        (b"RequiredBy", None) => b".requires",
        _ => b"",
    };
    [word, ending, b"/"].concat()
}

/// The name of a template's instance; another unit has only one name.
fn instance_of(name: &[u8], instance: &[u8]) -> Vec<u8> {
    let dot = name.iter().rposition(|&byte| byte == b'.').unwrap_or(name.len());
    let (stem, suffix) = name.split_at(dot);
    if stem.ends_with(b"@") { [stem, instance, suffix].concat() } else { name.to_vec() }
}

/// Removes a directory and those in it as far as they are empty; hidden names are not looked into.
fn remove_empty_below(call: &mut Call<'_, '_>, directory: &[u8]) -> Result<(), Fault> {
    let Ok(top) = call.resolve(directory, true) else { return Ok(()) };
    let directories = |call: &mut Call<'_, '_>| -> Vec<_> {
        let below = call.tree().below(&top).filter(|(_, inode)| inode.is_directory());
        below.map(|(path, _)| path.clone()).collect()
    };
    for path in directories(call).into_iter().rev().chain([top.clone()]) {
        let empty = call.tree().get(&path).is_some_and(Inode::is_directory);
        if empty && call.tree().below(&path).next().is_none() {
            call.tree().remove(&path)?;
        }
    }
    Ok(())
}

/// `deb-systemd-invoke [--user] action [unit…]`: asks `policy-rc.d`, which says no.
pub(super) fn invoke(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("usn", &[("user", b'u'), ("system", b's'), ("no-dbus", b'n')])?;
    match given.operands.split_first() {
        None => Err(Fault::failed("Syntax: deb-systemd-invoke <action> [<unit file> [<unit file> ...]]")),
        Some((_, [])) => Ok(0),
        Some((action, units)) => {
            let words = [action.clone(), units.join(&b' ')].join(&b' ');
            let line = [b"/usr/sbin/policy-rc.d returned 101, not running '", words.as_slice(), b"'\n"].concat();
            call.shell.write(2, &line)?;
            Ok(0)
        }
    }
}

/// A list of links, readable by all whatever the umask: the helper sets its mode.
fn write_list(call: &mut Call<'_, '_>, path: &[u8], text: Vec<u8>) -> Result<(), Fault> {
    make_parent(call, path)?;
    call.write(path, 0o644, text)?;
    let place = call.resolve(path, true)?;
    call.tree().get_mut(&place).expect("it was written").stat.mode = 0o644;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_program_reads_them() {
        assert_eq!(assignment(b"  WantedBy=a b"), Some((&b"WantedBy"[..], &b"a b"[..])));
        assert_eq!(assignment(b"Alias="), None);
        let words = |value: &'static str| split(value.as_bytes()).map(show).collect::<Vec<_>>();
        assert_eq!(words("a  b "), ["a", "b"]);
        assert_eq!(words(" a"), ["", "a"]);
        assert_eq!(directory_of(b"WantedBy", b"multi-user.target"), b"multi-user.target.wants/");
        assert_eq!(directory_of(b"wantedby", b"a"), b"a/");
        assert_eq!(instance_of(b"getty@.service", b"tty1"), b"getty@tty1.service");
        assert_eq!(instance_of(b"a.service", b"tty1"), b"a.service");
    }
}

//! Unit files: their names, where they are looked for, and what their `[Install]` section says. systemd.unit(5).

use std::collections::BTreeMap;

use super::files::base;
use super::files::names;
use super::files::target;
use crate::tree::Kind;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::show;

/// Whose service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The system's.
    System,
    /// Every user's own (`--global`).
    User,
}

/// Kinds of units, as names end.
const SUFFIXES: [&[u8]; 11] = [
    b".service",
    b".socket",
    b".target",
    b".device",
    b".mount",
    b".automount",
    b".swap",
    b".timer",
    b".path",
    b".slice",
    b".scope",
];

/// The longest name.
const NAME_MAX: usize = 255;

/// Links that lead to each other; real ones are one or two.
const FOLLOW_MAX: u32 = 8;

impl Scope {
    /// Where the administrator's units and links lie.
    pub(super) const fn config(self) -> &'static [u8] {
        match self {
            Self::System => b"/etc/systemd/system",
            Self::User => b"/etc/systemd/user",
        }
    }

    /// `system` or `user`, as in the names of directories.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }

    /// All directories with units that last longer than a boot, the strongest first.
    pub(super) fn directories(self, call: &mut Call<'_, '_>) -> Vec<&'static [u8]> {
        match self {
            Self::User => vec![
                self.config(),
                b"/usr/local/share/systemd/user",
                b"/usr/share/systemd/user",
                b"/usr/local/lib/systemd/user",
                b"/usr/lib/systemd/user",
            ],
            // Before /usr was merged systemd looked below /lib first, and links are written as units are found.
            Self::System if lives_in_lib(call) => vec![
                self.config(),
                b"/usr/local/lib/systemd/system",
                b"/lib/systemd/system",
                b"/usr/lib/systemd/system",
            ],
            Self::System => vec![self.config(), b"/usr/local/lib/systemd/system", b"/usr/lib/systemd/system"],
        }
    }
}

/// Whether this systemd is of the time before `/usr` was merged (252 in bookworm) and was built for `/lib`: its
/// package says so by the names of its files.
pub(super) fn lives_in_lib(call: &mut Call<'_, '_>) -> bool {
    let list = call.tree().read("/var/lib/dpkg/info/systemd.list").ok().flatten().unwrap_or_default();
    list.split(|&byte| byte == b'\n').any(|line| line == b"/lib/systemd/system")
}

/// A unit's name in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// Before `@` or the suffix.
    pub prefix: &'a [u8],
    /// Between `@` and the suffix; empty in a template.
    pub instance: Option<&'a [u8]>,
    /// With its dot.
    pub suffix: &'a [u8],
}

impl<'a> Name<'a> {
    /// `None` when this is no name of a unit.
    pub(super) fn parse(name: &'a [u8]) -> Option<Self> {
        let dot = name.iter().rposition(|&byte| byte == b'.')?;
        let (stem, suffix) = name.split_at(dot);
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(byte);
        if name.len() > NAME_MAX || !SUFFIXES.contains(&suffix) || !stem.iter().all(valid) {
            return None;
        }
        let (prefix, instance) = match memchr::memchr(b'@', stem) {
            Some(at) => (&stem[..at], Some(&stem[at + 1..])),
            None => (stem, None),
        };
        (!prefix.is_empty()).then_some(Self { prefix, instance, suffix })
    }

    /// Whether it stands for all its instances.
    pub(super) fn is_template(&self) -> bool {
        self.instance == Some(b"")
    }

    /// Whether it is one of a template.
    pub(super) fn is_instance(&self) -> bool {
        self.instance.is_some_and(|instance| !instance.is_empty())
    }

    /// The same with another instance.
    pub(super) fn instantiate(&self, instance: &[u8]) -> Vec<u8> {
        [self.prefix, b"@", instance, self.suffix].concat()
    }
}

/// Completes a name as `systemctl` does: without a suffix it is a service's.
pub(super) fn mangle(name: &[u8]) -> Vec<u8> {
    match Name::parse(name) {
        Some(_) => name.to_vec(),
        None => [name, b".service"].concat(),
    }
}

/// A unit file, and what enabling it means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unit {
    /// Its name, an instance's with the instance.
    pub name: Vec<u8>,
    /// Where its file was found, as the search path has it.
    pub path: Vec<u8>,
    /// It may not be started: its file is empty or `/dev/null`.
    pub masked: bool,
    /// `Alias=`
    pub aliases: Vec<Vec<u8>>,
    /// `WantedBy=`
    pub wanted_by: Vec<Vec<u8>>,
    /// `RequiredBy=`
    pub required_by: Vec<Vec<u8>>,
    /// `UpheldBy=`
    pub upheld_by: Vec<Vec<u8>>,
    /// `Also=`, with specifiers replaced.
    pub also: Vec<Vec<u8>>,
    /// `DefaultInstance=`
    pub default_instance: Option<Vec<u8>>,
}

impl Unit {
    /// The name under which it is enabled: a template's is that of its default instance.
    pub(super) fn own_name(&self) -> Vec<u8> {
        match (Name::parse(&self.name), &self.default_instance) {
            (Some(own), Some(instance)) if own.is_template() => own.instantiate(instance),
            _ => self.name.clone(),
        }
    }

    /// Whether it can be enabled at all.
    pub(super) fn is_installable(&self) -> bool {
        ![&self.aliases, &self.wanted_by, &self.required_by, &self.upheld_by].iter().all(|list| list.is_empty())
    }

    /// Finds a unit by name, links to other names followed. `None` when there is no file of it.
    pub(super) fn find(call: &mut Call<'_, '_>, scope: Scope, name: &[u8]) -> Result<Option<Self>, Fault> {
        let mut name = name.to_vec();
        let mut path = None;
        for _ in 0..FOLLOW_MAX {
            let Some(found) = search(call, scope, &name) else { return Ok(None) };
            let Some(to) = target(call, &found) else { return Self::load(call, scope, name, found).map(Some) };
            if to == b"/dev/null" {
                return Ok(Some(Self { name, path: found, masked: true, ..Self::default() }));
            }
            let parsed = Name::parse(&name);
            let next = match (parsed, Name::parse(base(&to))) {
                // An instance by another name of its template.
                (Some(own), Some(other)) if own.is_instance() && other.is_template() => {
                    other.instantiate(own.instance.unwrap_or_default())
                }
                (_, Some(_)) => base(&to).to_vec(),
                _ => return Err(Fault::failed(format!("Unit {} is a link to no unit.", show(&name)))),
            };
            if next == name {
                // A linked unit: its file lies elsewhere.
                path = Some(to);
                break;
            }
            name = next;
        }
        match path {
            Some(path) => Self::load(call, scope, name, path).map(Some),
            None => Err(Fault::failed(format!("Unit {} is a circle of links.", show(&name)))),
        }
    }

    /// Reads the file at `path`, and the drop-ins of its name.
    pub(super) fn load(call: &mut Call<'_, '_>, scope: Scope, name: Vec<u8>, path: Vec<u8>) -> Result<Self, Fault> {
        let Some(inode) = call.look(&path, true) else {
            return Err(Fault::failed(format!("Unit {} leads nowhere.", show(&name))));
        };
        let empty = matches!(&inode.kind, Kind::File(content) if content.size() == 0);
        let mut unit = Self { name, path, masked: empty, ..Self::default() };
        if empty {
            return Ok(unit);
        }
        let text = call.read(&unit.path)?;
        unit.read_install(&text);
        for drop_in in drop_ins(call, scope, &unit.name) {
            let text = call.read(&drop_in)?;
            unit.read_install(&text);
        }
        if lives_in_lib(call) {
            // That systemd does not know it yet.
            unit.upheld_by.clear();
        }
        let also = std::mem::take(&mut unit.also);
        unit.also = also.iter().map(|word| unit.expand(word)).collect::<Result<_, _>>()?;
        Ok(unit)
    }

    fn read_install(&mut self, text: &[u8]) {
        for (section, key, value) in settings(text) {
            if section != b"Install" {
                continue;
            }
            let list = match key.as_slice() {
                b"Alias" => &mut self.aliases,
                b"WantedBy" => &mut self.wanted_by,
                b"RequiredBy" => &mut self.required_by,
                b"UpheldBy" => &mut self.upheld_by,
                b"Also" => &mut self.also,
                b"DefaultInstance" => {
                    if Name::parse(&self.name).is_some_and(|name| name.is_template()) {
                        self.default_instance = Some(value).filter(|value| !value.is_empty());
                    }
                    continue;
                }
                _ => continue,
            };
            // An empty assignment begins anew, except for Also=.
            if value.is_empty() && key != b"Also" {
                list.clear();
            }
            list.extend(words(&value));
        }
    }

    /// Replaces specifiers in a word of the `[Install]` section.
    pub(super) fn expand(&self, word: &[u8]) -> Result<Vec<u8>, Fault> {
        let name = Name::parse(&self.name).unwrap_or(Name { prefix: &self.name, instance: None, suffix: b"" });
        let instance = match (&self.default_instance, name.instance) {
            (Some(default), Some(b"")) => default.as_slice(),
            (_, instance) => instance.unwrap_or_default(),
        };
        let mut out = Vec::new();
        let mut rest = word;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let (b'%', [specifier, after @ ..]) = (byte, after) else {
                out.push(byte);
                continue;
            };
            rest = after;
            match specifier {
                b'%' => out.push(b'%'),
                b'i' => out.extend(instance),
                b'p' => out.extend(name.prefix),
                b'j' => out.extend(name.prefix.rsplit(|&byte| byte == b'-').next().unwrap_or_default()),
                b'n' if name.is_template() && !instance.is_empty() => out.extend(name.instantiate(instance)),
                b'n' => out.extend(&self.name),
                b'N' => out.extend(&self.name[..self.name.len() - name.suffix.len()]),
                other => return Err(Fault::gap(format!("the specifier `%{}`", char::from(*other)))),
            }
        }
        Ok(out)
    }
}

/// The first file of a name in the search path; of an instance without a file of its own, its template's.
fn search(call: &mut Call<'_, '_>, scope: Scope, name: &[u8]) -> Option<Vec<u8>> {
    let parsed = Name::parse(name)?;
    let template = parsed.is_instance().then(|| parsed.instantiate(b""));
    let directories = scope.directories(call);
    for name in [Some(name.to_vec()), template].into_iter().flatten() {
        for directory in &directories {
            let path = [*directory, &name].join(&b'/');
            if call.look(&path, false).is_some_and(|inode| !inode.is_directory()) {
                return Some(path);
            }
        }
    }
    None
}

/// The drop-ins of a name and of its template, in the order in which they count.
fn drop_ins(call: &mut Call<'_, '_>, scope: Scope, name: &[u8]) -> Vec<Vec<u8>> {
    let template = Name::parse(name).filter(Name::is_instance).map(|name| name.instantiate(b""));
    let mut found = BTreeMap::new();
    let directories = scope.directories(call);
    for name in [Some(name.to_vec()), template].into_iter().flatten() {
        for directory in &directories {
            let directory = [*directory, b"/", &name, b".d"].concat();
            for file in names(call, &directory).into_iter().filter(|file| file.ends_with(b".conf")) {
                found.entry(file.clone()).or_insert([directory.as_slice(), &file].join(&b'/'));
            }
        }
    }
    found.into_values().filter(|path| super::files::is_file(call, path)).collect()
}

/// All assignments of a file in the syntax of systemd.syntax(7): section, key, value.
pub(super) fn settings(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let mut section = Vec::new();
    let mut pending: Option<Vec<u8>> = None;
    for line in text.split(|&byte| byte == b'\n') {
        let start = line.trim_ascii_start();
        if matches!(start.first(), Some(b'#' | b';')) || (start.is_empty() && pending.is_none()) {
            continue;
        }
        let whole = [pending.take().unwrap_or_default().as_slice(), line].concat();
        if let Some(continued) = whole.strip_suffix(b"\\") {
            pending = Some([continued, b" "].concat());
            continue;
        }
        let whole = whole.trim_ascii();
        if let Some(name) = whole.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
            section = name.to_vec();
        } else if let Some(equals) = memchr::memchr(b'=', whole) {
            let (key, value) = (whole[..equals].trim_ascii(), whole[equals + 1..].trim_ascii());
            all.push((section.clone(), key.to_vec(), value.to_vec()));
        }
    }
    all
}

/// Words apart by blanks; quotes hold blanks together and go.
pub(super) fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    for &byte in text {
        match (quote, byte) {
            (Some(mark), _) if byte == mark => quote = None,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, _) if byte.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_parts() {
        let parse = |name: &'static str| Name::parse(name.as_bytes());
        let getty = parse("getty@tty1.service").expect("a name");
        assert_eq!((getty.prefix, getty.instance), (&b"getty"[..], Some(&b"tty1"[..])));
        assert_eq!(getty.instantiate(b""), b"getty@.service");
        assert!(parse("getty@.service").expect("a name").is_template());
        assert!(parse("a.b.socket").is_some() && parse("dev-sda\\x2d1.mount").is_some());
        for wrong in ["", "ssh", "@.service", ".service", "a/b.service", "a.conf", "a b.service"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(mangle(b"ssh"), b"ssh.service");
        assert_eq!(mangle(b"ssh.socket"), b"ssh.socket");
    }

    #[test]
    fn the_install_section_is_read() {
        let text = b"[Unit]\nAlias=no.service\n# WantedBy=no\n[Install]\nWantedBy=a.target \"b.target\"\nWantedBy=\\\n; c\n c.target\n\
            RequiredBy = x.service\nRequiredBy=\nAlias=%p-%i.service\nDefaultInstance=one\nAlso=s@%i.socket\n";
        let mut unit = Unit { name: b"s@.service".to_vec(), ..Unit::default() };
        unit.read_install(text);
        assert_eq!(unit.wanted_by, [b"a.target", b"b.target", b"c.target"].map(|word| word.to_vec()));
        assert!(unit.required_by.is_empty() && unit.is_installable());
        assert_eq!(unit.expand(&unit.aliases[0]).expect("known"), b"s-one.service");
        assert_eq!(unit.expand(b"%n %N %j %%").expect("known"), b"s@one.service s@ s %");
        assert!(unit.expand(b"%m").is_err());
    }
}

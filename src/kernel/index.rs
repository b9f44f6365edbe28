//! The index files of `depmod`, as text and as tries.
//!
//! `modules.dep(5)`, `modprobe.d(5)`; the binary forms: [`trie`](super::trie).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Error;
use super::Kmod;
use super::Module;
use super::Modules;
use super::module;
use super::order;
use super::trie::Layout;
use super::trie::Trie;
use crate::tree;
use crate::tree::Content;

/// Buckets of the table in which depmod keeps symbols: their order in `modules.symbols`.
const SYMBOL_BUCKETS: u32 = 2048;

/// File name → bytes.
type Files = BTreeMap<&'static str, Vec<u8>>;

pub(super) fn files(modules: &Modules, kmod: Kmod) -> Result<Files, Error> {
    let layout = kmod.layout();
    let mut files = BTreeMap::new();
    let lines = dependency_lines(modules);
    files.insert("modules.dep", lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into_bytes());
    let mut dependencies = Trie::default();
    let mut aliases = Trie::default();
    for (position, module) in modules.modules.iter().enumerate() {
        dependencies.insert(module.name.clone(), position, &lines[position])?;
        // What cannot be normalised cannot be asked for: depmod leaves it out with a warning.
        for alias in module.aliases.iter().filter_map(|alias| normalize_alias(alias).ok()) {
            aliases.insert(alias, position, &module.name)?;
        }
    }
    files.insert("modules.dep.bin", dependencies.into_bytes(layout));
    files.insert("modules.alias.bin", aliases.into_bytes(layout));
    let own = |module: &Module, values: &[String], word: &str, flip: bool| -> String {
        let line = |value: &String| match flip {
            true => format!("{word} {value} {}\n", module.name),
            false => format!("{word} {} {value}\n", module.name),
        };
        values.iter().map(line).collect()
    };
    let text = |title: &str, part: &dyn Fn(&Module) -> String| {
        [title.to_owned()].into_iter().chain(modules.modules.iter().map(part)).collect::<String>().into_bytes()
    };
    let title = "# Aliases extracted from modules themselves.\n";
    files.insert("modules.alias", text(title, &|module| own(module, &module.aliases, "alias", true)));
    let title = "# Soft dependencies extracted from modules themselves.\n";
    files.insert("modules.softdep", text(title, &|module| own(module, &module.softdeps, "softdep", false)));
    if kmod.has_weakdep() {
        let title = "# Weak dependencies extracted from modules themselves.\n";
        files.insert("modules.weakdep", text(title, &|module| own(module, &module.weakdeps, "weakdep", false)));
    }
    symbol_files(modules, layout, &mut files)?;
    files.insert("modules.devname", device_names(modules).into_bytes());
    builtin_files(modules, layout, &mut files)?;
    Ok(files)
}

fn dependency_lines(modules: &Modules) -> Vec<String> {
    let line = |position: usize| {
        let mut line = format!("{}:", modules.modules[position].path);
        for needed in modules.dependencies(position) {
            line.push(' ');
            line.push_str(&modules.modules[needed].path);
        }
        line
    };
    (0..modules.modules.len()).map(line).collect()
}

fn symbol_files(modules: &Modules, layout: Layout, files: &mut Files) -> Result<(), Error> {
    let mut symbols: Vec<_> = modules.symbols.iter().map(|(name, &owner)| (name, owner)).collect();
    symbols.sort_by_key(|(name, _)| order::hash(name.as_bytes()) % SYMBOL_BUCKETS);
    let mut text = String::from("# Aliases for symbols, used by symbol_request().\n");
    let mut trie = Trie::default();
    for (name, owner) in symbols {
        let module = &modules.modules[owner].name;
        writeln!(text, "alias symbol:{name} {module}").expect("writing to a String succeeds");
        trie.insert(format!("symbol:{name}"), owner, module)?;
    }
    files.insert("modules.symbols", text.into_bytes());
    files.insert("modules.symbols.bin", trie.into_bytes(layout));
    Ok(())
}

/// Nodes that a module serves and that udev or systemd-tmpfiles make before it is loaded.
fn device_names(modules: &Modules) -> String {
    let mut text = String::new();
    for module in &modules.modules {
        let (mut name, mut device) = (None, None);
        for alias in &module.aliases {
            if let Some(path) = alias.strip_prefix("devname:") {
                name = Some(path);
            } else {
                device = device_number(alias).or(device);
            }
            if name.is_some() && device.is_some() {
                break;
            }
        }
        let (Some(name), Some((kind, major, minor))) = (name, device) else { continue };
        if text.is_empty() {
            text.push_str("# Device nodes to trigger on-demand module loading.\n");
        }
        writeln!(text, "{} {name} {kind}{major}:{minor}", module.name).expect("writing to a String succeeds");
    }
    text
}

/// `char-major-10-200` → `('c', 10, 200)`; what follows the digits is of no interest.
fn device_number(alias: &str) -> Option<(char, u32, u32)> {
    let (kind, rest) = match alias.strip_prefix("char-major-") {
        Some(rest) => ('c', rest),
        None => ('b', alias.strip_prefix("block-major-")?),
    };
    let (major, minor) = rest.split_once('-')?;
    let digits = minor.len() - minor.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    Some((kind, major.parse().ok()?, minor[..digits].parse().ok()?))
}

fn builtin_files(modules: &Modules, layout: Layout, files: &mut Files) -> Result<(), Error> {
    if let Some(content) = &modules.builtin {
        let mut trie = Trie::default();
        for name in builtin_lines(modules, content)? {
            trie.insert(name, 0, "")?;
        }
        files.insert("modules.builtin.bin", trie.into_bytes(layout));
    } else {
        // Without its source depmod leaves the file behind empty, not absent.
        files.insert("modules.builtin.bin", Vec::new());
    }
    if modules.builtin_info.is_some() {
        let mut trie = Trie::default();
        for (name, key, value) in builtin_records(modules)? {
            if key == "alias"
                && let Ok(alias) = normalize_alias(&value)
            {
                trie.insert(alias, 0, &name)?;
            }
        }
        files.insert("modules.builtin.alias.bin", trie.into_bytes(layout));
    } else {
        files.insert("modules.builtin.alias.bin", Vec::new());
    }
    Ok(())
}

pub(super) fn builtin_names(modules: &Modules) -> Result<BTreeSet<String>, Error> {
    let Some(content) = &modules.builtin else { return Ok(BTreeSet::new()) };
    Ok(builtin_lines(modules, content)?.into_iter().collect())
}

fn builtin_lines(modules: &Modules, content: &Content) -> Result<Vec<String>, Error> {
    let text = read(modules, content, "modules.builtin")?;
    let lines = text.lines().filter(|line| line.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    Ok(lines.map(|line| module::normalize(line.rsplit('/').next().unwrap_or(line))).collect())
}

/// `modules.builtin.modinfo`: NUL-ended records `module.key=value`.
pub(super) fn builtin_records(modules: &Modules) -> Result<Vec<(String, String, String)>, Error> {
    let Some(content) = &modules.builtin_info else { return Ok(Vec::new()) };
    let text = read(modules, content, "modules.builtin.modinfo")?;
    let record = |record: &str| {
        let (name, rest) = record.split_once('.')?;
        let (key, value) = rest.split_once('=')?;
        let wanted = !name.is_empty() && !value.is_empty();
        wanted.then(|| (name.to_owned(), key.to_owned(), value.to_owned()))
    };
    Ok(text.split('\0').filter_map(record).collect())
}

fn read(modules: &Modules, content: &Content, name: &str) -> Result<String, Error> {
    let path = modules.directory.join(name).map_err(tree::Error::from)?;
    match content.to_vec() {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) => Err(Error::Read { path, source }),
    }
}

/// An alias as it is looked up: dashes are underscores, except inside brackets. `Err` when brackets do not pair.
pub(super) fn normalize_alias(alias: &str) -> Result<String, ()> {
    let mut normal = String::with_capacity(alias.len());
    let mut inside = false;
    for letter in alias.chars() {
        match letter {
            '[' => inside = true,
            ']' if !inside => return Err(()),
            ']' => inside = false,
            _ => {}
        }
        normal.push(if letter == '-' && !inside { '_' } else { letter });
    }
    if inside { Err(()) } else { Ok(normal) }
}

//! The part of `modprobe.d(5)` that chooses modules: `alias`, `softdep` and `weakdep` lines.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Error;
use super::Root;
use crate::format::glob::fits;
use crate::kernel::Module;
use crate::kernel::Modules;

/// Where the files lie; of two with one name the first directory's counts.
const DIRECTORIES: [&str; 3] = ["/etc/modprobe.d", "/usr/local/lib/modprobe.d", "/lib/modprobe.d"];

/// What a root's files and its kernel's own say, in the order in which kmod asks them.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    aliases: Vec<(String, String)>,
    soft: Vec<(String, Vec<String>)>,
    weak: Vec<(String, Vec<String>)>,
}

impl Configuration {
    pub(super) fn read(root: &Root<'_>, modules: &Modules) -> Result<Self, Error> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for directory in DIRECTORIES {
            for path in root.names(directory, "*.conf") {
                let name = String::from_utf8_lossy(path.name()).into_owned();
                if let Entry::Vacant(place) = files.entry(name) {
                    let text = root.read(path.as_bytes())?.unwrap_or_default();
                    place.insert(String::from_utf8_lossy(&text).into_owned());
                }
            }
        }
        // The kernel's own lines stand among the files by these names.
        let own = |word: &str, lines: &dyn Fn(&Module) -> Vec<String>| -> String {
            let line = |module: &Module| -> String {
                lines(module).iter().map(|value| format!("{word} {} {value}\n", module.name)).collect()
            };
            modules.as_slice().iter().map(line).collect()
        };
        files.insert("modules.softdep".into(), own("softdep", &|module| module.softdeps.clone()));
        files.insert("modules.weakdep".into(), own("weakdep", &|module| module.weakdeps.clone()));
        let mut configuration = Self::default();
        for text in files.values() {
            text.replace("\\\n", " ").lines().for_each(|line| configuration.line(line));
        }
        Ok(configuration)
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(command), Some(name)) = (words.next(), words.next()) else { return };
        let name = name.replace('-', "_");
        match command {
            "alias" => self.aliases.extend(words.next().map(|module| (name, module.to_owned()))),
            "softdep" => {
                let all = words.filter(|word| !matches!(*word, "pre:" | "post:")).map(str::to_owned);
                self.soft.push((name, all.collect()));
            }
            "weakdep" => self.weak.push((name, words.map(str::to_owned).collect())),
            _ => {}
        }
    }

    /// What a word stands for by an `alias` line.
    pub(super) fn aliased(&self, word: &str) -> Vec<&str> {
        let word = word.replace('-', "_");
        let hits = self.aliases.iter().filter(|(pattern, _)| fits(pattern.as_bytes(), word.as_bytes()));
        hits.map(|(_, module)| module.as_str()).collect()
    }

    /// What should be loaded before or after a module, or with it. Only the first line that fits counts, as for
    /// modprobe itself.
    pub(super) fn companions(&self, module: &str) -> impl Iterator<Item = &str> {
        let first = |lines: &'_ [(String, Vec<String>)]| -> Option<usize> {
            lines.iter().position(|(pattern, _)| fits(pattern.as_bytes(), module.as_bytes()))
        };
        let soft = first(&self.soft).map(|index| &self.soft[index].1);
        let weak = first(&self.weak).map(|index| &self.weak[index].1);
        soft.into_iter().chain(weak).flatten().map(String::as_str)
    }
}

//! Presets: which units a distribution wants enabled when they are installed. systemd.preset(5).

use std::collections::BTreeMap;

use super::files::names;
use super::unit::Name;
use super::unit::Scope;
use super::unit::words;
use crate::format::glob::Pattern;
use crate::utilities::Call;
use crate::utilities::Fault;

/// What is to be done with a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Preset {
    /// Enable it; a template in these instances.
    Enable(Vec<Vec<u8>>),
    /// Disable it.
    Disable,
    /// Leave it as it is.
    Ignore,
}

/// All rules, the first that matches counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Presets(Vec<(Preset, Vec<u8>)>);

impl Presets {
    /// Reads the files of all directories, in the order of their names; of two with one name the stronger counts.
    pub(super) fn read(call: &mut Call<'_, '_>, scope: Scope) -> Result<Self, Fault> {
        let mut files = BTreeMap::new();
        for directory in ["/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"] {
            let directory = format!("{directory}/{}-preset", scope.word());
            for name in names(call, directory.as_bytes()).into_iter().filter(|name| name.ends_with(b".preset")) {
                files.entry(name.clone()).or_insert([directory.as_bytes(), &name].join(&b'/'));
            }
        }
        let mut presets = Self::default();
        for path in files.into_values() {
            // A link to /dev/null hides a file of that name.
            let text = call.read(&path)?;
            presets.parse(&text);
        }
        Ok(presets)
    }

    fn parse(&mut self, text: &[u8]) {
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.trim_ascii();
            if matches!(line.first(), None | Some(b'#' | b';')) {
                continue;
            }
            let mut words = words(line).into_iter();
            let (Some(verb), Some(pattern)) = (words.next(), words.next()) else { continue };
            let preset = match verb.as_slice() {
                b"enable" => Preset::Enable(words.collect()),
                b"disable" => Preset::Disable,
                b"ignore" => Preset::Ignore,
                // As systemd: it warns and goes on.
                _ => continue,
            };
            self.0.push((preset, pattern));
        }
    }

    /// What a unit is to be. What no rule names is enabled.
    pub(super) fn query(&self, name: &[u8]) -> Preset {
        for (preset, pattern) in &self.0 {
            if let Preset::Enable(instances) = preset
                && !instances.is_empty()
            {
                match Name::parse(name) {
                    Some(own) if own.is_template() && name == pattern.as_slice() => {
                        return Preset::Enable(instances.iter().map(|instance| own.instantiate(instance)).collect());
                    }
                    Some(own)
                        if own.is_instance()
                            && own.instantiate(b"") == *pattern
                            && instances.iter().any(|instance| Some(instance.as_slice()) == own.instance) =>
                    {
                        return Preset::Enable(Vec::new());
                    }
                    _ => {}
                }
            }
            if Pattern::plain(pattern).fits(name) {
                return match preset {
                    Preset::Enable(_) => Preset::Enable(Vec::new()),
                    other => other.clone(),
                };
            }
        }
        Preset::Enable(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_counts() {
        let mut presets = Presets::default();
        presets
            .parse(b"# no\nenable a.service\ndisable a.*\nenable t@.service x y\nignore i*\ndisable *.socket\nbad\n");
        let instances = |names: &[&str]| Preset::Enable(names.iter().map(|name| name.as_bytes().to_vec()).collect());
        let cases: [(&str, Preset); 8] = [
            ("a.service", instances(&[])),
            ("a.timer", Preset::Disable),
            ("t@.service", instances(&["t@x.service", "t@y.service"])),
            ("t@y.service", instances(&[])),
            ("t@z.service", instances(&[])),
            ("ice.service", Preset::Ignore),
            ("b.socket", Preset::Disable),
            ("other.service", instances(&[])),
        ];
        for (name, wanted) in cases {
            assert_eq!(presets.query(name.as_bytes()), wanted, "{name}");
        }
    }
}

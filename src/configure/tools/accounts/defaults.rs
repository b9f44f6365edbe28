//! Files of `KEY VALUE` and `KEY=VALUE`: login.defs(5), `/etc/default/useradd`, adduser.conf(5).

use std::collections::BTreeMap;

use crate::utilities::Call;
use crate::utilities::Fault;

/// The settings of one file, as text.
#[derive(Debug, Default)]
pub(super) struct Defaults(BTreeMap<String, String>);

impl Defaults {
    /// login.defs(5): key and value parted by blanks.
    pub(super) fn login(call: &mut Call<'_, '_>) -> Result<Self, Fault> {
        let blank = |c: char| c == ' ' || c == '\t';
        Self::read(call, b"/etc/login.defs", |line| line.split_once(blank))
    }

    /// `KEY=value`, as in `/etc/default/useradd` and adduser.conf(5).
    pub(super) fn assignments(call: &mut Call<'_, '_>, path: &[u8]) -> Result<Self, Fault> {
        Self::read(call, path, |line| line.split_once('='))
    }

    fn read(call: &mut Call<'_, '_>, path: &[u8], split: impl Fn(&str) -> Option<(&str, &str)>) -> Result<Self, Fault> {
        if call.look(path, true).is_none() {
            return Ok(Self::default());
        }
        let text = call.read(path)?;
        call.shell.spend(text.len())?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let quoted = |value: &str| value.trim().trim_matches('"').trim_matches('\'').to_owned();
        Ok(Self(lines.filter_map(split).map(|(key, value)| (key.trim().to_owned(), quoted(value))).collect()))
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(super) fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }

    /// The value as a number, octal behind a `0` as in C.
    pub(super) fn number(&self, key: &str, default: u32) -> u32 {
        let parse = |text: &str| match text.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
            _ => text.parse().ok(),
        };
        self.text(key).and_then(parse).unwrap_or(default)
    }

    pub(super) fn is_yes(&self, key: &str) -> bool {
        self.text(key).is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }
}

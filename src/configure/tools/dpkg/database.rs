//! dpkg's database of packages, and how far each is while an image is configured (dpkg(1), "Package states").
//!
//! dpkg notes each step of each package before it runs a script, so a script that asks learns who is configured and who
//! waits. Here that is kept beside the file `status`, which is written when it changes hands.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::deb::ControlError;
use crate::deb::Stanza;
use crate::deb::kept;
use crate::unpack::Installed;

/// How far a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::configure) enum State {
    /// Its turn has not come: dpkg does not know of it.
    NotInstalled,
    /// Its preinst runs.
    HalfInstalled,
    Unpacked,
    /// Its postinst runs.
    HalfConfigured,
    Installed,
}

impl State {
    /// The value of `Status:`; what is not installed has no stanza.
    const fn status(self) -> Option<&'static str> {
        match self {
            Self::NotInstalled => None,
            Self::HalfInstalled => Some("install reinstreq half-installed"),
            Self::Unpacked => Some("install ok unpacked"),
            Self::HalfConfigured => Some("install ok half-configured"),
            Self::Installed => Some("install ok installed"),
        }
    }
}

/// What dpkg says of a package whose preinst runs: the rest of its stanza comes with its files.
const EARLY_FIELDS: [&str; 7] = ["Package", "Status", "Priority", "Section", "Architecture", "Multi-Arch", "Version"];

/// All packages by name and architecture, in the order in which dpkg-query lists them.
#[derive(Debug, Clone, Default)]
pub(in crate::configure) struct Database(BTreeMap<(String, String), Entry>);

#[derive(Debug, Clone)]
struct Entry {
    stanza: Arc<str>,
    /// None where it is as the stanza says.
    state: Option<State>,
}

impl Database {
    /// The database of a text of that form.
    pub(in crate::configure) fn parse(text: &[u8]) -> Result<Self, ControlError> {
        let mut entries = BTreeMap::new();
        for stanza in kept(text) {
            let stanza = stanza?;
            let field = |name| stanza.get(name).unwrap_or_default().to_owned();
            entries
                .insert((field("Package"), field("Architecture")), Entry { stanza: stanza.text().into(), state: None });
        }
        Ok(Self(entries))
    }

    pub(in crate::configure) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From here on a package is that far.
    pub(in crate::configure) fn set(&mut self, package: &Installed, state: State) {
        if let Some(entry) = self.0.get_mut(&(package.name.clone(), package.architecture.clone())) {
            entry.state = Some(state);
        }
    }

    /// From here on all packages are that far.
    pub(in crate::configure) fn set_all(&mut self, state: State) {
        self.0.values_mut().for_each(|entry| entry.state = Some(state));
    }

    /// The stanza of a package that is that far.
    pub(in crate::configure) fn stanza(&self, package: &Installed, state: State) -> String {
        let entry = self.0.get(&(package.name.clone(), package.architecture.clone()));
        entry.map(|entry| entry.at(Some(state))).unwrap_or_default()
    }

    /// The status file as dpkg would have it now.
    pub(in crate::configure) fn text(&self) -> String {
        self.0.values().map(|entry| entry.at(entry.state)).collect()
    }
}

impl Entry {
    /// Its stanza in a state, with the empty line after it; nothing of what is not installed.
    fn at(&self, state: Option<State>) -> String {
        let Some(state) = state else { return format!("{}\n\n", self.stanza.trim_end()) };
        let Some(status) = state.status() else { return String::new() };
        let mut text = String::with_capacity(self.stanza.len() + 2);
        if state == State::HalfInstalled {
            let stanza = Stanza::accepted(self.stanza.as_bytes());
            let fields = stanza.iter().flat_map(|stanza| stanza.fields());
            for field in fields.filter(|field| EARLY_FIELDS.contains(&field.name)) {
                let value = if field.name == "Status" { status } else { field.value };
                let _ = writeln!(text, "{}: {value}", field.name);
            }
        } else {
            for line in self.stanza.trim_end().lines() {
                text.push_str(if line.starts_with("Status: ") { "Status: " } else { line });
                text.push_str(if line.starts_with("Status: ") { status } else { "" });
                text.push('\n');
            }
        }
        text.push('\n');
        text
    }
}

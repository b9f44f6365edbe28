//! The mirrors the host's own apt uses, as defaults for a build: the same archive, near, and already allowed.
//!
//! Only addresses are taken; whose signature counts is never the host's business (`Signed-By` is ignored).
//! sources.list(5), both forms.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::deb::plain;
use crate::deb::stanzas;

/// A list of sources has a few lines.
const FILE_MAX: u64 = 1 << 20;

/// Base URLs, the first preferred; empty where the host's apt uses none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AptMirrors {
    /// Of Debian's main archive; they hold every suite.
    pub debian: Vec<String>,
    /// Of its security archive.
    pub security: Vec<String>,
}

/// Reads the apt sources below `root` (`/` on a real host). What cannot be read or is no mirror of Debian over
/// HTTP is passed over: these are defaults, and the user can name a mirror.
#[must_use]
pub fn mirrors(root: &Path) -> AptMirrors {
    let mut found = AptMirrors::default();
    let directory = root.join("etc/apt");
    let mut files = vec![directory.join("sources.list")];
    files.extend(sorted_entries(&directory.join("sources.list.d")));
    for path in files {
        let Some(text) = read(&path) else { continue };
        let sources = match path.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => deb822(&text),
            Some("list") => one_line(&text),
            _ => continue,
        };
        sources.iter().for_each(|source| found.take(root, source));
    }
    if found.security.is_empty() {
        // Mirrors of both archives have them side by side.
        let sibling = |base: &String| base.strip_suffix("/debian").map(|parent| format!("{parent}/debian-security"));
        found.security = found.debian.iter().filter_map(sibling).collect();
    }
    found
}

/// One entry, of either form.
struct AptSource {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
}

impl AptMirrors {
    fn take(&mut self, root: &Path, source: &AptSource) {
        if !source.components.iter().any(|component| component == "main") {
            return;
        }
        let security = |suite: &String| suite.ends_with("-security") || suite.ends_with("/updates");
        for uri in source.uris.iter().flat_map(|uri| expand(root, uri)) {
            let base = uri.trim_end_matches('/');
            let is_http = base.starts_with("http://") || base.starts_with("https://");
            let last = base.rsplit('/').next().unwrap_or_default();
            let list = match last {
                "debian" if !source.suites.iter().all(security) => &mut self.debian,
                "debian-security" | "security.debian.org" if source.suites.iter().any(security) => &mut self.security,
                _ => continue,
            };
            if is_http && !list.iter().any(|known| known == base) {
                list.push(base.to_owned());
            }
        }
    }
}

/// `mirror+file:/etc/apt/mirrors/debian.list`, as Debian's cloud images have it, names a file of URLs.
fn expand(root: &Path, uri: &str) -> Vec<String> {
    let Some(path) = uri.strip_prefix("mirror+file:") else { return vec![uri.to_owned()] };
    let text = read(&root.join(path.trim_start_matches('/'))).unwrap_or_default();
    let urls = text.lines().filter_map(|line| line.split_ascii_whitespace().next());
    urls.filter(|url| !url.starts_with('#')).map(str::to_owned).collect()
}

fn deb822(text: &str) -> Vec<AptSource> {
    let text = plain(text.as_bytes());
    let mut sources = Vec::new();
    for stanza in stanzas(&text).map_while(Result::ok) {
        let words = |field| -> Vec<String> {
            stanza.get(field).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let disabled = stanza.get("Enabled").is_some_and(|value| ["no", "false", "0"].contains(&value));
        if !disabled && words("Types").iter().any(|kind| kind == "deb") {
            sources.push(AptSource { uris: words("URIs"), suites: words("Suites"), components: words("Components") });
        }
    }
    sources
}

fn one_line(text: &str) -> Vec<AptSource> {
    let entry = |line: &str| {
        let line = line.split('#').next()?.trim();
        let line = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
        let line = match line.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => line,
        };
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(AptSource { uris: vec![words.next()?], suites: vec![words.next()?], components: words.collect() })
    };
    text.lines().filter_map(entry).collect()
}

fn read(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    (metadata.is_file() && metadata.len() <= FILE_MAX).then(|| fs::read_to_string(path).ok()).flatten()
}

#[expect(clippy::disallowed_methods, reason = "the entries are sorted here")]
fn sorted_entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors_of(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let root = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in files {
            let path = root.path().join("etc/apt").join(name);
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(path, text).expect("written");
        }
        let found = mirrors(root.path());
        (found.debian, found.security)
    }

    #[test]
    fn both_forms_are_read() {
        let list = "# a comment\ndeb [arch=amd64 signed-by=/x] http://mirror.example.org/debian/ bookworm main\n\
                    deb-src http://other.example.org/debian bookworm main\n\
                    deb http://mirror.example.org/debian bookworm-updates main # again\n\
                    deb https://tools.example.org/debian bookworm stable\n";
        let expected = vec!["http://mirror.example.org/debian".to_owned()];
        let sibling = vec!["http://mirror.example.org/debian-security".to_owned()];
        assert_eq!(mirrors_of(&[("sources.list", list)]), (expected, sibling));
        let sources = "# a comment\nTypes: deb deb-src\nURIs: https://a.example.org/pub/debian\n https://b.example.org/debian/\n\
                       Suites: trixie trixie-updates\nComponents: main contrib\nSigned-By:\n -----BEGIN\n\n\
                       Types: deb\nURIs: https://a.example.org/debian-security\nSuites: trixie-security\nComponents: main\n\n\
                       Enabled: no\nTypes: deb\nURIs: https://off.example.org/debian\nSuites: sid\nComponents: main\n";
        let debian = ["https://a.example.org/pub/debian", "https://b.example.org/debian"].map(str::to_owned).to_vec();
        let security = vec!["https://a.example.org/debian-security".to_owned()];
        assert_eq!(mirrors_of(&[("sources.list.d/debian.sources", sources)]), (debian, security));
    }

    #[test]
    fn a_file_of_mirrors_is_followed() {
        let sources =
            "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie\nComponents: main\n";
        let list = "# near\nhttps://near.example.org/debian priority:1\nfile:///srv/debian\n";
        let found = mirrors_of(&[("sources.list.d/debian.sources", sources), ("mirrors/debian.list", list)]);
        assert_eq!(found.0, ["https://near.example.org/debian"]);
    }

    #[test]
    fn what_is_no_mirror_of_debian_is_passed_over() {
        let list = "deb http://example.org/ubuntu noble main\ndeb cdrom:[Debian]/ trixie main\ndeb\ndeb [x\n\
                    deb file:///srv/debian trixie main\n";
        assert_eq!(mirrors_of(&[("sources.list", list), ("sources.list.d/x.bak", list)]), (vec![], vec![]));
        assert_eq!(mirrors_of(&[]), (vec![], vec![]));
    }
}

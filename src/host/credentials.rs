//! Logins for private archives, in the form of apt_auth.conf(5): `machine [SCHEME://]HOST[:PORT][/PATH] login NAME
//! password WORD`, in one line or several, `#` before a comment. The first entry that fits an address counts.
//!
//! They come from outside of recipes, and go nowhere but to the server that they are for: not into a lock, a log, an
//! error or an output. A redirect to another server takes none along. As with apt, an entry without a scheme is for
//! https alone; stricter than apt, a path ends where a name does: `/deb` is not for `/debian`.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;

/// A file of logins has a few lines.
const FILE_MAX: u64 = 1 << 20;

/// All logins, in their order.
#[derive(Clone, Default)]
pub struct Credentials(Vec<Entry>);

/// For whom one is.
#[derive(Clone)]
struct Entry {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    /// Without a slash at its end.
    path: String,
    login: String,
    password: String,
}

/// Names and passwords are for nobody's eyes.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.0.len()).finish()
    }
}

/// Logins that cannot be used. No word of theirs is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read the logins in `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others of this machine can read it.
    #[error("others can read the logins in `{}`: `chmod 600` it", .0.display())]
    Open(PathBuf),
    /// It is not of its form.
    #[error("line {line} of the logins in {place}: {what}")]
    Malformed {
        /// A path, or a variable.
        place: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
}

impl Credentials {
    /// Reads a file that is this user's own affair: nobody else may read it.
    ///
    /// # Errors
    /// It cannot be read, others can, or it is not of its form.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let failed = |source| CredentialsError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_file() && about.mode() & 0o077 != 0 {
            return Err(CredentialsError::Open(path.to_owned()));
        }
        let mut text = String::new();
        file.take(FILE_MAX).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, &format!("`{}`", path.display()))
    }

    /// Reads a text; `place` says in errors where it stands.
    ///
    /// # Errors
    /// It is not of its form.
    pub fn parse(text: &str, place: &str) -> Result<Self, CredentialsError> {
        let wrong = |line, what| CredentialsError::Malformed { place: place.to_owned(), line, what };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
        let mut words = lines.flat_map(|(at, line)| line.split_whitespace().map(move |word| (at + 1, word)));
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((line, key)) = words.next() {
            let value =
                words.next().map(|(_, word)| word).ok_or_else(|| wrong(line, "a word is missing at the end"))?;
            let entry = entries.last_mut();
            match (key, entry) {
                ("machine", _) => {
                    let entry = Entry::of(value).ok_or_else(|| wrong(line, "no machine is called so"))?;
                    entries.push(entry);
                }
                ("login", Some(entry)) => value.clone_into(&mut entry.login),
                ("password", Some(entry)) => value.clone_into(&mut entry.password),
                ("login" | "password", None) => return Err(wrong(line, "a `machine` comes first")),
                _ => return Err(wrong(line, "only `machine`, `login` and `password` are known")),
            }
        }
        Ok(Self(entries))
    }

    /// Name and password for an address.
    #[must_use]
    pub fn of(&self, url: &str) -> Option<(&str, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = host_and_port(authority)?;
        let fits = |entry: &&Entry| {
            let usual = if scheme == "https" { 443 } else { 80 };
            entry.scheme.as_deref().unwrap_or("https") == scheme
                && entry.host.eq_ignore_ascii_case(host)
                && entry.port.is_none_or(|wanted| port.unwrap_or(usual) == wanted)
                && path.strip_prefix(entry.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().find(fits).map(|entry| (entry.login.as_str(), entry.password.as_str()))
    }

    /// These, and behind them others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl Entry {
    fn of(machine: &str) -> Option<Self> {
        let (scheme, rest) = match machine.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_owned()), rest),
            None => (None, machine),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority)?;
        if host.is_empty() || authority.contains('@') {
            return None;
        }
        let path = path.trim_end_matches('/').to_owned();
        Some(Self { scheme, host: host.to_owned(), port, path, login: String::new(), password: String::new() })
    }
}

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Some((host, Some(port.parse().ok()?))),
        _ => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\nmachine example.org/deb login a password 1\nmachine http://plain.example.org:8080\n  login b\n  \
                        password 2\nmachine example.org login c password 3 machine [::1]:81 login d password 4\n";

    #[test]
    fn the_first_that_fits_counts() {
        let all = Credentials::parse(TEXT, "x").expect("of its form");
        for (url, wanted) in [
            ("https://example.org/deb/dists/x", Some(("a", "1"))),
            ("https://EXAMPLE.org:443/deb", Some(("a", "1"))),
            ("https://example.org/debian/x", Some(("c", "3"))),
            ("https://example.org", Some(("c", "3"))),
            ("http://example.org/deb/", None),
            ("https://example.org.evil.example/deb/", None),
            ("https://sub.example.org/", None),
            ("http://plain.example.org:8080/x", Some(("b", "2"))),
            ("http://plain.example.org/x", None),
            ("https://plain.example.org:8080/x", None),
            ("https://[::1]:81/", Some(("d", "4"))),
            ("file:///deb", None),
            ("example.org", None),
        ] {
            assert_eq!(all.of(url), wanted, "{url}");
        }
    }

    #[test]
    fn what_is_no_login_is_told_without_it() {
        for (text, line) in [
            ("login a", 1),
            ("machine example.org login", 1),
            ("machine example.org\nlogin a\nhunter2 b", 3),
            ("machine a:hunter2 login b", 1),
            ("machine u:hunter2@a login b", 1),
            ("default login a password hunter2", 1),
        ] {
            let error = Credentials::parse(text, "IMGBUILD_AUTH").expect_err(text).to_string();
            assert!(error.starts_with(&format!("line {line} of the logins in IMGBUILD_AUTH: ")), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let all = Credentials::parse("machine a login hunter1 password hunter2", "x").expect("of its form");
        assert!(!format!("{all:?}").contains("hunter"), "{all:?}");
    }
}

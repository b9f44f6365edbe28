//! Logins for registries as Docker and podman keep them: `auths`, `credHelpers` and `credsStore` of `config.json` or
//! `auth.json` (docker-login(1), containers-auth.json(5)).
//!
//! A helper is the program `docker-credential-NAME`, which is given the registry's name and answers with a login. What a
//! file says of a registry goes nowhere but to that registry, and into no log, error or output.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::registry::RegistryError;

/// A file of logins has a few lines, and a helper's answer has one.
const FILE_MAX: u64 = 1 << 20;
/// What Docker calls its own registry there.
const DOCKER_HUB: [&str; 2] = ["https://index.docker.io/v1/", "index.docker.io"];
/// The name with which a helper says that the secret is a token.
const TOKEN: &str = "<token>";

/// Who is asking.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A name and a password.
    Password {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A token that others are given for.
    Identity(String),
}

/// Names and passwords are for nobody's eyes.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// All that the files say; of two that know a registry the first one counts.
#[derive(Default)]
pub struct Logins(Vec<(String, Document)>);

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logins").field(&self.0.len()).finish()
    }
}

/// What is known of these files; they have more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    identitytoken: String,
}

impl Logins {
    /// Reads a file, to be asked after those that were read before; one that is not there says nothing.
    ///
    /// # Errors
    /// It cannot be read, or is not of its form.
    pub fn read(mut self, path: &Path) -> Result<Self, RegistryError> {
        let place = path.display().to_string();
        let failed = |reason: String| RegistryError::Login { registry: place.clone(), reason };
        let mut bytes = Vec::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(failed(error.to_string())),
            Ok(file) => file.take(FILE_MAX).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?,
        };
        // What serde says of a wrong document may have words of it.
        let document = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("line {} is not of its form", error.line())))?;
        self.0.push((place, document));
        Ok(self)
    }

    /// The login for a registry, asked for by `NAME` or `NAME:PORT`, and `repository` in it; `None`: nobody has one.
    ///
    /// # Errors
    /// There is something for it, and it is no login; or a helper fails.
    pub fn of(&self, registry: &str, repository: &str) -> Result<Option<Login>, RegistryError> {
        let failed = |reason: String| RegistryError::Login { registry: registry.to_owned(), reason };
        for (place, document) in &self.0 {
            let names = names(registry, repository);
            let helper = names.iter().find_map(|name| document.cred_helpers.get(name));
            if let Some(helper) = helper {
                if let Some(login) = ask(helper, &names[names.len() - 1]).map_err(failed)? {
                    return Ok(Some(login));
                }
                continue;
            }
            let entry = names.iter().find_map(|name| document.auths.get(name));
            match entry {
                Some(entry) if !entry.identitytoken.is_empty() => {
                    return Ok(Some(Login::Identity(entry.identitytoken.clone())));
                }
                Some(entry) if !entry.auth.is_empty() => {
                    let login = password(&entry.auth);
                    return login.map(Some).ok_or_else(|| failed(format!("`auth` in `{place}` is no login")));
                }
                _ => {}
            }
            let store = document.creds_store.as_ref().filter(|_| entry.is_some() || document.auths.is_empty());
            if let Some(helper) = store
                && let Some(login) = ask(helper, &names[names.len() - 1]).map_err(failed)?
            {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

/// What a registry is called in these files, most particular first: podman has logins for parts of it. The last is what a
/// helper is asked for.
fn names(registry: &str, repository: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut part = Some(repository);
    while let Some(path) = part {
        names.push(format!("{registry}/{path}"));
        part = path.rsplit_once('/').map(|(above, _)| above);
    }
    names.extend([format!("https://{registry}"), format!("http://{registry}"), registry.to_owned()]);
    if registry == "docker.io" {
        names.extend(DOCKER_HUB.iter().rev().map(|name| (*name).to_owned()));
    }
    names
}

fn password(auth: &str) -> Option<Login> {
    let text = String::from_utf8(BASE64.decode(auth).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(Login::Password { name: name.to_owned(), password: password.trim_end_matches('\0').to_owned() })
}

/// Asks a helper; `None`: it has none.
#[expect(clippy::disallowed_methods, reason = "a helper for logins is a program")]
fn ask(helper: &str, registry: &str) -> Result<Option<Login>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if helper.is_empty() || !helper.bytes().all(is_name) {
        return Err("it names a helper that no program is called by".to_owned());
    }
    let program = format!("docker-credential-{helper}");
    let failed = |error: io::Error| format!("`{program}`: {error}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // One that ends without reading it says so by its status.
    let _ = child.stdin.take().expect("it was piped").write_all(registry.as_bytes());
    let mut bytes = Vec::new();
    let read = child.stdout.take().expect("it was piped").take(FILE_MAX).read_to_end(&mut bytes);
    let status = child.wait().map_err(failed)?;
    read.map_err(failed)?;
    if !status.success() {
        // The protocol has these words and no other sign for it.
        let is_none = String::from_utf8_lossy(&bytes).contains("credentials not found");
        return if is_none { Ok(None) } else { Err(format!("`{program} get` fails")) };
    }
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| format!("`{program} get` gives no login"))?;
    Ok(Some(match answer.username.as_str() {
        TOKEN => Login::Identity(answer.secret),
        _ => Login::Password { name: answer.username, password: answer.secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Logins, RegistryError> {
        let file = tempfile::NamedTempFile::new().expect("the tests can write");
        std::fs::write(file.path(), text).expect("written");
        Logins::default().read(file.path())
    }

    fn login(name: &str, password: &str) -> Option<Login> {
        Some(Login::Password { name: name.to_owned(), password: password.to_owned() })
    }

    #[test]
    fn logins_go_to_their_registry_alone() {
        let auth = |text: &str| BASE64.encode(text);
        let logins = read(&format!(
            r#"{{"auths": {{"r.example.org": {{"auth": "{}"}}, "r.example.org/team": {{"auth": "{}"}},
                 "https://index.docker.io/v1/": {{"auth": "{}"}}, "t.example.org:5000": {{"identitytoken": "tok"}}}},
                 "HttpHeaders": {{}}}}"#,
            auth("me:a:b"),
            auth("team:x"),
            auth("hub:y")
        ))
        .expect("a file");
        let of = |registry, repository| logins.of(registry, repository).expect("good ones");
        assert_eq!(of("r.example.org", "a/b"), login("me", "a:b"));
        assert_eq!(of("r.example.org", "team/b"), login("team", "x"));
        assert_eq!(of("docker.io", "library/debian"), login("hub", "y"));
        assert_eq!(of("t.example.org:5000", "a"), Some(Login::Identity("tok".to_owned())));
        for other in ["example.org", "r.example.org:5000", "xr.example.org", "t.example.org"] {
            assert_eq!(of(other, "a"), None, "{other}");
        }
        assert_eq!(format!("{logins:?} {:?}", of("r.example.org", "a")), "Logins(1) Some(Login)");
    }

    #[test]
    fn what_is_no_login_is_said_without_it() {
        for text in ["{\"auths\": {\"r.example.org\": {\"auth\": \"c2VjcmV0\"}}}", "{\"auths\": \"secret\"}", "secret"]
        {
            let error = read(text).and_then(|logins| logins.of("r.example.org", "a")).expect_err("no login");
            assert!(!error.to_string().contains("secret") && !error.to_string().contains("c2Vj"), "{error}");
        }
        for helper in ["../evil", "", "a b", "$(x)"] {
            let text = format!("{{\"credHelpers\": {{\"r.example.org\": \"{helper}\"}}}}");
            let logins = read(&text).expect("a file");
            assert!(logins.of("r.example.org", "a").is_err(), "{helper}");
            assert_eq!(logins.of("other.example.org", "a").expect("nothing is said of it"), None);
        }
        assert!(Logins::default().read(Path::new("/nonexistent/config.json")).is_ok());
    }
}

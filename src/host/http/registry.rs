//! A registry over HTTP: the OCI distribution specification 1.1, and Docker's token authentication.
//!
//! Login and token go to the registry itself, and the login to the server that it names for tokens, over TLS unless the
//! registry is asked without it; nowhere else, not after a redirect and not where it wants blobs put. Every answer has a
//! limit. What comes is checked by whoever asked.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Seek as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use reqwest::header;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::Body;
use super::HttpTransport;
use super::is_local;
use super::network;
use super::parse;
use super::redirect_target;
use super::unless_cancelled;
use crate::cancel::Cancelled;
use crate::format::oci;
use crate::format::oci::Digest;
use crate::format::oci::JSON_MAX;
use crate::format::oci::Reference;
use crate::format::shown::shown;
use crate::host::TransportError;
use crate::host::logins::Login;
use crate::host::redacted;
use crate::host::registry::Registry;
use crate::host::registry::RegistryError;
use crate::host::registry::Upload;

/// The longest token, and the longest words of an error.
const WORDS_MAX: u64 = 64 << 10;
/// So much of an error's words is told.
const TOLD: usize = 300;

/// What is done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Pull,
    /// It is written as well.
    Push,
}

/// A repository of a registry.
pub struct HttpRegistry {
    transport: HttpTransport,
    base: Url,
    repository: String,
    access: Access,
    login: Option<Login>,
    /// What the registry wants to see with each request, since it has said so.
    authorization: Mutex<Option<HeaderValue>>,
}

impl fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRegistry").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A request that is to be made, once more when the registry wants to know who is asking.
struct Ask<'a> {
    method: Method,
    url: Url,
    accept: &'a str,
    content: Option<(&'a str, u64)>,
    body: &'a mut dyn FnMut() -> io::Result<reqwest::Body>,
    wait: Duration,
}

impl HttpRegistry {
    /// The repository of a reference. `plain`: by HTTP without TLS.
    ///
    /// # Errors
    /// The reference makes no URL.
    pub fn new(
        transport: HttpTransport,
        place: &Reference,
        access: Access,
        login: Option<Login>,
        plain: bool,
    ) -> Result<Self, RegistryError> {
        let scheme = if plain { "http" } else { "https" };
        let base = parse(&format!("{scheme}://{}/v2/{}/", place.server(), place.repository));
        let base = base.map_err(|source| RegistryError::Transport { action: format!("use `{place}`"), source })?;
        let repository = place.repository.clone();
        Ok(Self { transport, base, repository, access, login, authorization: Mutex::default() })
    }

    fn url(&self, rest: &str) -> Result<Url, TransportError> {
        self.base.join(rest).map_err(|_| TransportError::Url(format!("`{rest}` makes no address")))
    }

    fn known(&self) -> Option<HeaderValue> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Sends one request, follows redirects of reading ones, and says who is asking when the registry wants to know.
    async fn send(&self, mut ask: Ask<'_>) -> Result<reqwest::Response, TransportError> {
        let mut told = false;
        let mut inside = None;
        for _ in 0..=self.transport.options.redirects + 1 {
            let answer = self.send_once(&mut ask).await?;
            let local = answer.remote_addr().is_some_and(|address| is_local(address.ip()));
            if local && !*inside.get_or_insert(local) {
                let place = redacted(ask.url.as_str());
                return Err(TransportError::Redirect(format!("{place} lies in this machine's own network")));
            }
            let status = answer.status();
            if status == StatusCode::UNAUTHORIZED && !told && self.is_own(&ask.url) {
                told = true;
                let Some(authorization) = self.authorize(answer.headers()).await? else { return Ok(answer) };
                *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
                continue;
            }
            let reads = ask.method == Method::GET || ask.method == Method::HEAD;
            if !(status.is_redirection() && reads) {
                return Ok(answer);
            }
            ask.url = redirect_target(&ask.url, answer.headers().get(header::LOCATION))?;
        }
        let most = self.transport.options.redirects;
        Err(TransportError::Redirect(format!("more than {most} redirects (limit `redirects`)")))
    }

    async fn send_once(&self, ask: &mut Ask<'_>) -> Result<reqwest::Response, TransportError> {
        let mut request = self.transport.client.request(ask.method.clone(), ask.url.clone());
        request = request.header(header::ACCEPT_ENCODING, "identity").header(header::ACCEPT, ask.accept);
        if let Some(authorization) = self.known().filter(|_| self.is_own(&ask.url)) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some((kind, size)) = ask.content {
            let body = (ask.body)().map_err(|error| TransportError::Protocol(format!("its bytes: {error}")))?;
            request = request.header(header::CONTENT_TYPE, kind).header(header::CONTENT_LENGTH, size).body(body);
        }
        self.answered(request, ask.wait).await
    }

    async fn answered(
        &self,
        request: reqwest::RequestBuilder,
        wait: Duration,
    ) -> Result<reqwest::Response, TransportError> {
        match tokio::time::timeout(wait, request.send()).await {
            Ok(answer) => answer.map_err(|error| network(&error)),
            Err(_) => Err(TransportError::Network(format!("no answer within {} s", wait.as_secs()))),
        }
    }

    /// What the registry wants to see; `None`: nothing that could be shown.
    async fn authorize(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, TransportError> {
        let challenges: Vec<Challenge> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| Challenge::parse(value.to_str().ok()?))
            .collect();
        if let Some(Challenge { parameters, .. }) = challenges.iter().find(|challenge| challenge.scheme == "bearer") {
            return self.token(parameters).await.map(Some);
        }
        let is_basic = challenges.iter().any(|challenge| challenge.scheme == "basic");
        match &self.login {
            Some(Login::Password { name, password }) if is_basic => basic(name, password).map(Some),
            _ => Ok(None),
        }
    }

    /// Asks the server that the registry names for a token.
    async fn token(&self, parameters: &[(String, String)]) -> Result<HeaderValue, TransportError> {
        let wrong = |reason: &str| TransportError::Protocol(reason.to_owned());
        let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let realm = parse(get("realm").ok_or_else(|| wrong("it wants a token and does not say from where"))?)?;
        if realm.scheme() != "https" && self.base.scheme() == "https" {
            return Err(wrong("it wants the login to be sent without TLS"));
        }
        let access = if self.access == Access::Push { "pull,push" } else { "pull" };
        let mut query = vec![("scope", format!("repository:{}:{access}", self.repository))];
        query.extend(get("service").map(|service| ("service", service.to_owned())));
        let client = &self.transport.client;
        let request = match &self.login {
            Some(Login::Identity(token)) => {
                query.extend([
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", "imgbuild".to_owned()),
                    ("refresh_token", token.clone()),
                ]);
                let mut form = realm.clone();
                form.query_pairs_mut().clear().extend_pairs(&query);
                let body = form.query().unwrap_or_default().to_owned();
                client.post(realm).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
            }
            login => {
                let mut url = realm;
                url.query_pairs_mut().extend_pairs(&query);
                let request = client.get(url);
                match login {
                    Some(Login::Password { name, password }) => {
                        request.header(header::AUTHORIZATION, basic(name, password)?)
                    }
                    _ => request,
                }
            }
        };
        let answer = self.answered(request, self.transport.options.head).await?;
        if answer.status() != StatusCode::OK {
            return Err(TransportError::Protocol(format!(
                "the server for tokens answers {}: is the login right?",
                answer.status().as_u16()
            )));
        }
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let bytes = limited(answer, WORDS_MAX, self.transport.options.idle).await?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong("the token is none"))?;
        let token = token.token.or(token.access_token).ok_or_else(|| wrong("the token is none"))?;
        secret(&format!("Bearer {token}"))
    }

    /// Does one request from here, where nothing is asynchronous.
    fn ask(&self, ask: Ask<'_>) -> Result<reqwest::Response, TransportError> {
        let answer = unless_cancelled(self.transport.reporter.as_ref(), self.send(ask));
        self.transport.runtime.get().block_on(answer).ok_or(Cancelled)?
    }

    /// A request without a body.
    fn read(&self, method: Method, rest: &str, accept: &str) -> Result<reqwest::Response, TransportError> {
        let url = self.url(rest)?;
        let mut none = || Ok(reqwest::Body::default());
        self.ask(Ask { method, url, accept, content: None, body: &mut none, wait: self.transport.options.head })
    }

    /// All of a short answer.
    fn bytes(&self, answer: reqwest::Response, most: u64) -> Result<Vec<u8>, TransportError> {
        let bytes = limited(answer, most, self.transport.options.idle);
        let bytes = unless_cancelled(self.transport.reporter.as_ref(), bytes);
        self.transport.runtime.get().block_on(bytes).ok_or(Cancelled)?
    }

    fn refused(&self, action: String, answer: reqwest::Response) -> RegistryError {
        let status = answer.status().as_u16();
        let words = self.bytes(answer, WORDS_MAX).map(|bytes| words(&bytes)).unwrap_or_default();
        let words = match (status, &self.login) {
            (401 | 403, None) => format!("{words}; there is no login for it (`docker login`, `podman login`)"),
            _ => words,
        };
        RegistryError::Refused { action, status, words }
    }

    fn place(&self) -> String {
        format!("{}/{}", redacted(&self.base.origin().ascii_serialization()), self.repository)
    }
}

impl Registry for HttpRegistry {
    fn manifest(&self, which: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let action = || format!("read the manifest `{which}` of {}", self.place());
        let failed = |source| RegistryError::Transport { action: action(), source };
        let accept = [oci::MANIFEST, oci::INDEX, oci::DOCKER[0], oci::DOCKER[1]].join(", ");
        let answer = self.read(Method::GET, &format!("manifests/{which}"), &accept).map_err(failed)?;
        match answer.status() {
            StatusCode::OK => self.bytes(answer, JSON_MAX).map(Some).map_err(failed),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refused(action(), answer)),
        }
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, RegistryError> {
        let action = || format!("fetch `{digest}` of {}", self.place());
        let started = Instant::now();
        let answer = self.read(Method::GET, &format!("blobs/{digest}"), "*/*");
        let answer = answer.map_err(|source| RegistryError::Transport { action: action(), source })?;
        match answer.status() {
            StatusCode::OK => Ok(Box::new(Body::new(&self.transport, answer, started))),
            StatusCode::NOT_FOUND => Err(RegistryError::Missing(digest.to_string())),
            _ => Err(self.refused(action(), answer)),
        }
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let action = || format!("look for `{digest}` in {}", self.place());
        let answer = self.read(Method::HEAD, &format!("blobs/{digest}"), "*/*");
        let answer = answer.map_err(|source| RegistryError::Transport { action: action(), source })?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refused(action(), answer)),
        }
    }

    fn put_blob(&self, digest: &Digest, size: u64, bytes: Upload) -> Result<(), RegistryError> {
        let action = || format!("send `{digest}` to {}", self.place());
        let failed = |source| RegistryError::Transport { action: action(), source };
        let url = self.url("blobs/uploads/").map_err(failed)?;
        let mut none = || Ok(reqwest::Body::default());
        let (content, wait) = (Some(("application/octet-stream", 0)), self.transport.options.head);
        let begin = Ask { method: Method::POST, url: url.clone(), accept: "*/*", content, body: &mut none, wait };
        let answer = self.ask(begin).map_err(failed)?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.refused(action(), answer));
        }
        // It may be on another server, which gets neither login nor token.
        let mut url = redirect_target(&url, answer.headers().get(header::LOCATION)).map_err(failed)?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let mut body = || match &bytes {
            Upload::Bytes(bytes) => Ok(reqwest::Body::from(bytes.clone())),
            Upload::File(file) => {
                let mut again = file.try_clone()?;
                again.rewind()?;
                Ok(reqwest::Body::from(tokio::fs::File::from_std(again)))
            }
        };
        let (content, wait) = (Some(("application/octet-stream", size)), self.transport.options.total);
        let answer = self.ask(Ask { method: Method::PUT, url, accept: "*/*", content, body: &mut body, wait });
        let answer = answer.map_err(failed)?;
        if answer.status() == StatusCode::CREATED { Ok(()) } else { Err(self.refused(action(), answer)) }
    }

    fn put_manifest(&self, which: &str, media_type: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
        let action = || format!("send the manifest `{which}` to {}", self.place());
        let failed = |source| RegistryError::Transport { action: action(), source };
        let url = self.url(&format!("manifests/{which}")).map_err(failed)?;
        let mut body = || Ok(reqwest::Body::from(bytes.to_vec()));
        let (content, wait) = (Some((media_type, bytes.len() as u64)), self.transport.options.head);
        let answer = self.ask(Ask { method: Method::PUT, url, accept: "*/*", content, body: &mut body, wait });
        let answer = answer.map_err(failed)?;
        if answer.status() != StatusCode::CREATED {
            return Err(self.refused(action(), answer));
        }
        Ok(answer.headers().contains_key("oci-subject"))
    }
}

/// All of an answer, if it is no longer than that.
async fn limited(mut answer: reqwest::Response, most: u64, idle: Duration) -> Result<Vec<u8>, TransportError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = tokio::time::timeout(idle, answer.chunk()).await;
        let chunk = chunk
            .map_err(|_| TransportError::Network(format!("nothing came for {} s (limit `idle`)", idle.as_secs())))?;
        let Some(chunk) = chunk.map_err(|error| network(&error))? else { return Ok(bytes) };
        if (bytes.len() + chunk.len()) as u64 > most {
            return Err(TransportError::Protocol(format!("it is longer than {most} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// What an error says: the first of `errors` as the specification has them.
fn words(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Words>,
    }
    #[derive(Deserialize)]
    struct Words {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let errors: Result<Errors, _> = serde_json::from_slice(bytes);
    let first = errors.ok().and_then(|errors| errors.errors.into_iter().next());
    let text = first.map(|first| format!(" {}: {}", first.code, first.message)).unwrap_or_default();
    shown(&text).chars().take(TOLD).collect()
}

fn basic(name: &str, password: &str) -> Result<HeaderValue, TransportError> {
    secret(&format!("Basic {}", BASE64.encode(format!("{name}:{password}"))))
}

/// A header that no log shows.
fn secret(text: &str) -> Result<HeaderValue, TransportError> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| TransportError::Protocol("the token has control characters in it".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a server wants to see, of RFC 9110's `WWW-Authenticate` the first in a line.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    /// In small letters.
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, mut rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut parameters = Vec::new();
        while let Some((name, value)) = rest.split_once('=') {
            let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
            let value = value.trim_start();
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => unquoted(quoted)?,
                None => {
                    let end = value.find(',').unwrap_or(value.len());
                    (value[..end].trim().to_owned(), &value[end..])
                }
            };
            parameters.push((name, value));
            rest = after;
        }
        Some(Self { scheme: scheme.to_ascii_lowercase(), parameters })
    }
}

/// A quoted text without its quotes, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let parse = |text| Challenge::parse(text).map(|found| (found.scheme, found.parameters));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            parse("Bearer realm=\"https://a.example.org/t?x=y\",service=\"a, b\", scope=\"repository:a:pull\""),
            Some((
                "bearer".to_owned(),
                vec![
                    pair("realm", "https://a.example.org/t?x=y"),
                    pair("service", "a, b"),
                    pair("scope", "repository:a:pull")
                ]
            ))
        );
        assert_eq!(parse("Basic realm=x"), Some(("basic".to_owned(), vec![pair("realm", "x")])));
        assert_eq!(parse("Basic realm=\"a\\\"b\""), Some(("basic".to_owned(), vec![pair("realm", "a\"b")])));
        assert_eq!(parse("Negotiate"), Some(("negotiate".to_owned(), Vec::new())));
        assert_eq!(parse("Bearer realm=\"open"), None);
    }

    #[test]
    fn words_of_errors_are_short_and_harmless() {
        let text = br#"{"errors":[{"code":"DENIED","message":"no\u001b[31m"}]}"#;
        assert_eq!(words(text), " DENIED: no\\u{1b}[31m");
        assert_eq!(words(b"<html>"), "");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(9000));
        assert_eq!(words(long.as_bytes()).len(), TOLD);
    }
}

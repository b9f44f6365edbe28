//! HTTP and HTTPS, with every limit a hostile or broken server calls for.
//!
//! What comes is checked by whoever asked: here only time, redirects and the shape of the answer are guarded.
//! RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2).

pub mod registry;

use std::fmt;
use std::io;
use std::io::Read;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use reqwest::Url;
use reqwest::header;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::runtime::Runtime;

use crate::cancel::Cancelled;
use crate::host::Reporter;
use crate::host::Response;
use crate::host::Silent;
use crate::host::Transport;
use crate::host::TransportError;
use crate::host::credentials::Credentials;
use crate::host::redacted;
use crate::limits::Limits;
use crate::limits::seconds;

/// Limits of time. The defaults let a slow but honest mirror through and a stalling one go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// To a connection, TLS included: 10 s.
    pub connect: Duration,
    /// From the request to the end of the answer's head, redirects each: 30 s.
    pub head: Duration,
    /// Without a single byte of the body: 30 s.
    pub idle: Duration,
    /// Bytes per second that the body must reach over each [`Options::rate_window`]: 1 KiB/s.
    pub min_rate: u64,
    /// Over which the rate is measured: 60 s.
    pub rate_window: Duration,
    /// Redirects of one request: 5, enough for any mirror network.
    pub redirects: u64,
    /// For one whole answer: 2 hours.
    pub total: Duration,
    /// Whether the system's proxy settings (`http_proxy` and the like) are followed.
    pub system_proxy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::within(&Limits::DEFAULT)
    }
}

impl Options {
    /// What these limits say.
    #[must_use]
    pub fn within(limits: &Limits) -> Self {
        Self {
            connect: seconds(limits.connect),
            head: seconds(limits.head),
            idle: seconds(limits.idle),
            min_rate: limits.rate,
            rate_window: seconds(limits.window),
            total: seconds(limits.total),
            redirects: limits.redirects,
            system_proxy: true,
        }
    }
}

/// What every client of this program has: its TLS, its name, no redirects by itself.
pub(super) fn client(connect: Duration) -> Result<reqwest::ClientBuilder, TransportError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(connect)
        .user_agent(concat!("imgbuild/", env!("CARGO_PKG_VERSION"))))
}

/// How often a wait looks whether the build was ended meanwhile; people notice more.
const CANCEL_STEP: Duration = Duration::from_millis(100);

/// A [`Transport`] over HTTP/1.1 and HTTP/2, with a pool of connections.
///
/// It runs its own small asynchronous runtime; calls block, and may come from any thread that may block.
pub struct HttpTransport {
    client: reqwest::Client,
    runtime: Arc<Background>,
    options: Options,
    reporter: Arc<dyn Reporter>,
    credentials: Credentials,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("options", &self.options).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Makes a transport; connects to nothing yet.
    ///
    /// # Errors
    /// The system gives no threads or no TLS roots.
    pub fn new(options: Options) -> Result<Self, TransportError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| TransportError::Network(format!("cannot start threads: {error}")))?;
        let mut builder = client(options.connect)?;
        if !options.system_proxy {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| network(&error))?;
        Ok(Self {
            client,
            runtime: Arc::new(Background(Some(runtime))),
            options,
            reporter: Arc::new(Silent),
            credentials: Credentials::default(),
        })
    }

    /// Gives servers the logins that are for them.
    #[must_use]
    pub fn with(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Stops waiting for servers when this reporter ends the build.
    #[must_use]
    pub fn cancelled_by(self, reporter: Arc<dyn Reporter>) -> Self {
        Self { reporter, ..self }
    }

    /// Asks for one URL and no other.
    async fn ask(&self, url: Url, offset: u64) -> Result<reqwest::Response, TransportError> {
        let login = self.credentials.of(url.as_str()).map(|(name, word)| (name.to_owned(), word.to_owned()));
        let mut request = self.client.get(url).header(header::ACCEPT_ENCODING, "identity");
        if let Some((name, word)) = login {
            request = request.basic_auth(name, Some(word));
        }
        if offset > 0 {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
        }
        match tokio::time::timeout(self.options.head, request.send()).await {
            Ok(Err(error)) if error.is_connect() && error.is_timeout() => {
                let seconds = self.options.connect.as_secs();
                Err(TransportError::Network(format!("no connection within {seconds} s (limit `connect`)")))
            }
            Ok(answer) => answer.map_err(|error| network(&error)),
            Err(_) => Err(TransportError::Network(format!(
                "no answer within {} s (limit `head`)",
                self.options.head.as_secs()
            ))),
        }
    }

    /// Follows redirects by hand, so that each can be refused.
    async fn follow(&self, url: &str, offset: u64) -> Result<reqwest::Response, TransportError> {
        let mut url = parse(url)?;
        let mut inside = false;
        for hop in 0..=self.options.redirects {
            let answer = self.ask(url.clone(), offset).await?;
            let local = answer.remote_addr().is_some_and(|address| is_local(address.ip()));
            if hop == 0 {
                inside = local;
            } else if local && !inside {
                return Err(TransportError::Redirect(format!(
                    "{} lies in this machine's own network",
                    redacted(url.as_str())
                )));
            }
            if !answer.status().is_redirection() || answer.status() == reqwest::StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            url = redirect_target(&url, answer.headers().get(header::LOCATION))?;
        }
        Err(TransportError::Redirect(format!("more than {} redirects (limit `redirects`)", self.options.redirects)))
    }
}

impl Transport for HttpTransport {
    fn get(&self, url: &str, offset: u64) -> Result<Response, TransportError> {
        let started = Instant::now();
        let answer = unless_cancelled(self.reporter.as_ref(), self.follow(url, offset));
        let answer = self.runtime.get().block_on(answer).ok_or(Cancelled)??;
        let (offset, length) = accepted(&answer, offset)?;
        Ok(Response { body: Box::new(Body::new(self, answer, started)), offset, length })
    }
}

/// TLS with the system's roots. The provider of cryptography is this transport's own: whoever embeds the library has
/// another one for the whole program, or none.
fn tls() -> Result<rustls::ClientConfig, TransportError> {
    let failed = |error: rustls::Error| TransportError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    let mut tls = builder.with_platform_verifier().map_err(failed)?.with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Parses a URL that may be asked for.
fn parse(text: &str) -> Result<Url, TransportError> {
    let refuse = |reason: &str| TransportError::Url(format!("{reason} in <{}>", redacted(text)));
    if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(refuse("a space or control character"));
    }
    let url = Url::parse(text).map_err(|_| refuse("no valid address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("a scheme other than http and https"));
    }
    if url.fragment().is_some() {
        return Err(refuse("a fragment"));
    }
    Ok(url)
}

/// Where a redirect leads, if it may lead there.
fn redirect_target(from: &Url, location: Option<&header::HeaderValue>) -> Result<Url, TransportError> {
    let refuse = |reason: &str| Err(TransportError::Redirect(reason.to_owned()));
    let Some(location) = location.and_then(|value| value.to_str().ok()) else {
        return refuse("no readable location");
    };
    // CVE-2019-3462: an encoded line end in a redirect must not become one in whatever comes after.
    let decoded = percent_decoded(location);
    if decoded.iter().any(|&byte| byte < b' ' || byte == 0x7f) {
        return refuse("control characters in the location");
    }
    let Ok(target) = from.join(location) else { return refuse("no valid address") };
    match (from.scheme(), target.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return refuse("from https to http"),
        _ => return refuse("a scheme other than http and https"),
    }
    if !target.username().is_empty() || target.password().is_some() {
        return refuse("a user name in the location");
    }
    if target.fragment().is_some() {
        return refuse("a fragment in the location");
    }
    Ok(target)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// Loopback and link-local: where services trust whoever asks.
fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified(),
    }
}

/// The offset at which the body starts and the length of the whole file, if the answer is what was asked for.
fn accepted(answer: &reqwest::Response, offset: u64) -> Result<(u64, Option<u64>), TransportError> {
    use reqwest::StatusCode;

    let protocol = |reason: String| Err(TransportError::Protocol(reason));
    let status = answer.status();
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(TransportError::NotFound),
        _ => return Err(TransportError::Status(status.as_u16())),
    }
    let text = |name| answer.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(coding) = text(header::CONTENT_ENCODING)
        && !coding.eq_ignore_ascii_case("identity")
    {
        return protocol(format!("it is encoded as `{coding}`, which was not asked for"));
    }
    if status == StatusCode::OK {
        return Ok((0, answer.content_length()));
    }
    if offset == 0 {
        return protocol("a part of the file, though all of it was asked for".into());
    }
    let range = text(header::CONTENT_RANGE).unwrap_or("none");
    match parse_content_range(range) {
        Some((start, length)) if start == offset => Ok((offset, length)),
        _ => protocol(format!("the range `{range}`, though bytes from {offset} on were asked for")),
    }
}

/// `bytes 5-9/10`: the start and the whole length, when it is told.
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    let length = if length == "*" { None } else { Some(length.parse().ok()?) };
    (start <= end).then_some((start, length))
}

/// A body as a blocking reader, with the limits of time.
struct Body {
    answer: reqwest::Response,
    runtime: Arc<Background>,
    limits: Options,
    reporter: Arc<dyn Reporter>,
    started: Instant,
    /// When the current rate window began, and the bytes since.
    window: (Instant, u64),
    chunk: Vec<u8>,
    at: usize,
}

impl Body {
    fn new(transport: &HttpTransport, answer: reqwest::Response, started: Instant) -> Self {
        Self {
            answer,
            runtime: Arc::clone(&transport.runtime),
            limits: transport.options.clone(),
            reporter: Arc::clone(&transport.reporter),
            started,
            window: (Instant::now(), 0),
            chunk: Vec::new(),
            at: 0,
        }
    }

    fn check_rate(&mut self, count: usize) -> io::Result<()> {
        let too_slow = |text: String| Err(io::Error::new(io::ErrorKind::TimedOut, text));
        if self.started.elapsed() > self.limits.total {
            return too_slow(format!("not complete after {} s (limit `total`)", self.limits.total.as_secs()));
        }
        self.window.1 += count as u64;
        let window = self.window.0.elapsed();
        if window >= self.limits.rate_window {
            // In 128 bits: the product of two arbitrary options must not wrap.
            let wanted = u128::from(self.limits.min_rate) * window.as_millis() / 1000;
            if u128::from(self.window.1) < wanted {
                let (rate, window) = (self.limits.min_rate, self.limits.rate_window.as_secs());
                return too_slow(format!(
                    "slower than {rate} bytes per second (limit `rate`) over {window} s (limit `window`)"
                ));
            }
            self.window = (Instant::now(), 0);
        }
        Ok(())
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            if self.reporter.is_cancelled() {
                return Err(Cancelled.into());
            }
            let next = async { tokio::time::timeout(self.limits.idle, self.answer.chunk()).await };
            let next = unless_cancelled(self.reporter.as_ref(), next);
            let chunk = match self.runtime.get().block_on(next).ok_or(Cancelled)? {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(0),
                Ok(Err(error)) => return Err(io::Error::new(io::ErrorKind::ConnectionReset, causes(&error))),
                Err(_) => {
                    let text = format!("nothing came for {} s (limit `idle`)", self.limits.idle.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
            };
            self.check_rate(chunk.len())?;
            self.chunk = chunk.into();
            self.at = 0;
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Waits for `work`, but not longer than until the reporter ends the build; `None` then.
async fn unless_cancelled<T>(reporter: &dyn Reporter, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(CANCEL_STEP, work.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if reporter.is_cancelled() => return None,
            Err(_) => {}
        }
    }
}

/// The runtime; ends without waiting, so that it may be dropped anywhere.
struct Background(Option<Runtime>);

impl Background {
    fn get(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken only when dropped")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn network(error: &reqwest::Error) -> TransportError {
    if is_about_trust(error) { TransportError::Tls(causes(error)) } else { TransportError::Network(causes(error)) }
}

/// Whether a certificate was refused: to ask the same server again would not help.
fn is_about_trust(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // What an I/O error wraps is not its source, and may be another one.
        let mut inner = error;
        while let Some(wrapped) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            inner = wrapped;
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// The innermost causes in one line: `error sending request` alone helps nobody. Without the URL, which the
/// caller names, and which might hold a password.
fn causes(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    // Outer errors of the HTTP libraries often repeat the inner ones' text.
    let mut told: Vec<&str> = Vec::new();
    for text in &texts {
        if !told.iter().any(|earlier| earlier.contains(text.as_str())) {
            told.push(text);
        }
    }
    if told.is_empty() { "the connection failed".to_owned() } else { told.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(from: &str, location: &str) -> Result<String, String> {
        let value = header::HeaderValue::from_str(location).expect("a header");
        let from = parse(from).expect("a URL");
        redirect_target(&from, Some(&value)).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn redirects_lead_only_where_they_may() {
        let good = [
            ("http://example.org/a/b", "c", "http://example.org/a/c"),
            ("http://example.org/a/b", "/c%20d", "http://example.org/c%20d"),
            ("http://example.org/a", "https://example.net/a", "https://example.net/a"),
            ("https://example.org/a", "//example.net/a", "https://example.net/a"),
        ];
        for (from, location, to) in good {
            assert_eq!(target(from, location).as_deref(), Ok(to), "{location}");
        }
        let bad = [
            ("https://example.org/", "http://example.org/"),
            ("http://example.org/", "ftp://example.org/"),
            ("http://example.org/", "file:///etc/passwd"),
            ("http://example.org/", "javascript:alert(1)"),
            ("http://example.org/", "/x%0d%0aFoo:%20bar"),
            ("http://example.org/", "/x%00"),
            ("http://example.org/", "http://user:password@example.org/"),
            ("http://example.org/", "/x#fragment"),
            ("http://example.org/", "http://"),
        ];
        for (from, location) in bad {
            assert!(target(from, location).is_err(), "{location}");
        }
    }

    #[test]
    fn only_http_is_fetched() {
        for bad in
            ["file:///etc/passwd", "ftp://example.org/", "/etc/passwd", "http://a b/", "http://a/#b", "http://a/\n"]
        {
            assert!(matches!(parse(bad), Err(TransportError::Url(_))), "{bad}");
        }
        let error = parse("ftp://user:secret@example.org/").expect_err("refused").to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn ranges_are_read_strictly() {
        assert_eq!(parse_content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["bytes 9-5/10", "bytes */10", "items 5-9/10", "bytes 5-9", "", "bytes -5-9/10", "none"] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}

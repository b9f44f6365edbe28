//! A web server on this machine that does exactly what a test tells it, right or wrong.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// What came from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// As many bytes as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// One step of an answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends bytes as they are, head and all.
    Send(Vec<u8>),
    /// Waits; ends at once when the server does.
    Wait(Duration),
    /// Sends the bytes again and again until the client goes.
    Forever(Vec<u8>),
}

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Answer = dyn Fn(&Request) -> Vec<Step> + Send + Sync;

impl HttpServer {
    /// Answers every request with the steps that `answer` gives, then closes the connection.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the server outlives the call and is joined when dropped")]
    pub fn new(answer: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a network with itself");
        let address = listener.local_addr().expect("it is bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let ending = Arc::new(AtomicBool::new(false));
        let (heard, end, answer): (_, _, Arc<Answer>) = (Arc::clone(&requests), Arc::clone(&ending), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (heard, end, answer) = (Arc::clone(&heard), Arc::clone(&end), Arc::clone(&answer));
                std::thread::spawn(move || converse(stream, &heard, &end, &*answer));
            }
        });
        Self { address, requests, ending, thread: Some(thread) }
    }

    /// Answers every request with this file, honouring `Range`.
    #[must_use]
    pub fn with_file(bytes: Vec<u8>) -> Self {
        Self::new(move |request| vec![Step::Send(file_answer(&bytes, request))])
    }

    /// The URL of a path on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{}", self.address, path.trim_start_matches('/'))
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nobody panics holding it").clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        // Wakes the listener up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A whole answer with a head of these header lines; says that the connection ends with it, as it does.
#[must_use]
pub fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// A right answer for a file, whole or from an offset.
#[must_use]
pub fn file_answer(bytes: &[u8], request: &Request) -> Vec<u8> {
    let range = request.header("range").and_then(|range| {
        let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let last = last.parse().map_or(bytes.len(), |last: usize| last + 1);
        Some((start.parse::<usize>().ok()?, last.min(bytes.len())))
    });
    let length = |length: usize| format!("Content-Length: {length}");
    match range {
        Some((start, end)) if start < end => {
            let range = format!("Content-Range: bytes {start}-{}/{}", end - 1, bytes.len());
            answer("206 Partial Content", &[&range, &length(end - start)], &bytes[start..end])
        }
        Some(_) => answer("416 Range Not Satisfiable", &["Content-Length: 0"], b""),
        None => answer("200 OK", &[&length(bytes.len())], bytes),
    }
}

fn converse(mut stream: TcpStream, heard: &Mutex<Vec<Request>>, ending: &AtomicBool, answer: &Answer) {
    let Some(request) = read_request(&stream) else { return };
    heard.lock().expect("nobody panics holding it").push(request.clone());
    for step in answer(&request) {
        let over = || ending.load(Ordering::Relaxed);
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes),
            Step::Wait(duration) => {
                let mut left = duration;
                while !left.is_zero() && !over() {
                    let part = left.min(Duration::from_millis(10));
                    std::thread::sleep(part);
                    left -= part;
                }
                Ok(())
            }
            Step::Forever(bytes) => loop {
                if let Err(error) = stream.write_all(&bytes) {
                    break Err(error);
                }
                if over() {
                    break Ok(());
                }
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut stream = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = next()?;
    let (method, rest) = first.split_once(' ')?;
    let path = rest.split(' ').next()?.to_owned();
    let mut headers = Vec::new();
    while let Some(line) = next().filter(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let mut request = Request { method: method.to_owned(), path, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    stream.take(length).read_to_end(&mut request.body).ok()?;
    Some(request)
}

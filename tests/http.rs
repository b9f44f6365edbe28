//! The HTTP transport against servers that are broken or mean.

use std::io;
use std::io::Read;
use std::time::Duration;
use std::time::Instant;

use imgbuild::host::Transport;
use imgbuild::host::TransportError;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::http::Options;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Request;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;

/// Limits short enough for a test, long enough for a busy machine.
fn transport() -> HttpTransport {
    let mut options = Options::default();
    options.connect = Duration::from_secs(5);
    options.head = Duration::from_millis(700);
    options.idle = Duration::from_millis(700);
    options.rate_window = Duration::from_millis(500);
    options.min_rate = 1000;
    options.system_proxy = false;
    HttpTransport::new(options).expect("a transport")
}

fn read(server: &HttpServer, offset: u64) -> Result<(u64, Vec<u8>), String> {
    let mut answer = transport().get(&server.url("file"), offset).map_err(|error| format!("{error:?}"))?;
    let mut bytes = Vec::new();
    answer.body.read_to_end(&mut bytes).map_err(|error| format!("{:?}: {error}", error.kind()))?;
    Ok((answer.offset, bytes))
}

fn head_error(server: &HttpServer, offset: u64) -> TransportError {
    transport().get(&server.url("file"), offset).expect_err("it must be refused")
}

fn sends(bytes: Vec<u8>) -> HttpServer {
    HttpServer::new(move |_| vec![Step::Send(bytes.clone())])
}

#[test]
fn a_file_comes_whole_and_from_the_middle() {
    let server = HttpServer::with_file(b"0123456789".to_vec());
    assert_eq!(read(&server, 0), Ok((0, b"0123456789".to_vec())));
    assert_eq!(read(&server, 4), Ok((4, b"456789".to_vec())));
    let requests = server.requests();
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert_eq!((requests[0].header("range"), requests[1].header("range")), (None, Some("bytes=4-")));
    assert!(matches!(head_error(&server, 10), TransportError::Status(416)));
}

#[test]
fn statuses_are_told_apart() {
    for (status, retryable) in [
        ("404 Not Found", false),
        ("410 Gone", false),
        ("403 Forbidden", false),
        ("500 Oops", true),
        ("503 Busy", true),
        ("429 Slow", true),
    ] {
        let error = head_error(&sends(answer(status, &["Content-Length: 0"], b"")), 0);
        assert_eq!(error.is_retryable(), retryable, "{status}: {error:?}");
        assert_eq!(matches!(error, TransportError::NotFound), status < "411" && status > "404", "{status}");
    }
}

/// Case 34.
#[test]
fn answers_that_were_not_asked_for_are_refused() {
    let gzip = answer("200 OK", &["Content-Encoding: gzip", "Content-Length: 3"], b"abc");
    let wrong_range = answer("206 Partial Content", &["Content-Range: bytes 3-9/10", "Content-Length: 7"], b"3456789");
    let no_range = answer("206 Partial Content", &["Content-Length: 6"], b"456789");
    let part = answer("206 Partial Content", &["Content-Range: bytes 0-2/10", "Content-Length: 3"], b"012");
    for (name, bytes, offset) in
        [("encoded", gzip, 0), ("other range", wrong_range, 4), ("no range", no_range, 4), ("a part", part, 0)]
    {
        let error = head_error(&sends(bytes), offset);
        assert!(matches!(error, TransportError::Protocol(_)), "{name}: {error:?}");
    }
    let ignores_range = sends(answer("200 OK", &["Content-Length: 3"], b"012"));
    assert_eq!(read(&ignores_range, 4), Ok((0, b"012".to_vec())), "the caller sees that it starts at 0");
}

/// Cases 29 and 31: the transport yields what comes, and a broken end is an error.
#[test]
fn lengths_that_lie() {
    let short = sends(answer("200 OK", &["Content-Length: 100"], b"only this"));
    assert!(read(&short, 0).is_err_and(|error| error.starts_with("ConnectionReset")));
    let cut_chunk = sends(answer("200 OK", &["Transfer-Encoding: chunked"], b"5\r\nabc"));
    assert!(read(&cut_chunk, 0).is_err());
    let endless = HttpServer::new(|_| vec![Step::Send(answer("200 OK", &[], b"")), Step::Forever(vec![b'x'; 4096])]);
    let body = transport().get(&endless.url("file"), 0).expect("it answers").body;
    let mut bytes = Vec::new();
    body.take(100_000).read_to_end(&mut bytes).expect("as much as one wants");
    assert_eq!(bytes.len(), 100_000);
}

/// Case 30: silence and dribble.
#[test]
fn slow_servers_are_left() {
    let minute = Duration::from_secs(60);
    let start = Instant::now();
    let mute = HttpServer::new(move |_| vec![Step::Wait(minute)]);
    assert!(matches!(head_error(&mute, 0), TransportError::Network(_)));
    let head_dribble = HttpServer::new(move |_| {
        let byte = |byte: &u8| [Step::Send(vec![*byte]), Step::Wait(Duration::from_millis(200))];
        answer("200 OK", &["Content-Length: 1"], b"x").iter().flat_map(byte).collect()
    });
    assert!(matches!(head_error(&head_dribble, 0), TransportError::Network(_)));
    let head = answer("200 OK", &["Content-Length: 100000"], b"some");
    let stalls = head.clone();
    let stalling = HttpServer::new(move |_| vec![Step::Send(stalls.clone()), Step::Wait(minute)]);
    assert!(read(&stalling, 0).is_err_and(|error| error.starts_with("TimedOut")));
    let dribbling = HttpServer::new(move |_| {
        let drops = (0..1000).flat_map(|_| [Step::Send(b"x".to_vec()), Step::Wait(Duration::from_millis(50))]);
        std::iter::once(Step::Send(head.clone())).chain(drops).collect()
    });
    assert!(read(&dribbling, 0).is_err_and(|error| error.contains("slower than")));
    assert!(start.elapsed() < Duration::from_secs(50), "no minute was waited for");
}

/// Case 8, and 37: where redirects lead.
#[test]
fn redirects_are_followed_with_care() {
    let to = |location: &'static str| {
        HttpServer::new(move |request: &Request| {
            if request.path == "/there" {
                return vec![Step::Send(answer("200 OK", &["Content-Length: 4"], b"here"))];
            }
            vec![Step::Send(answer("302 Found", &[&format!("Location: {location}"), "Content-Length: 0"], b""))]
        })
    };
    assert_eq!(read(&to("/there"), 0), Ok((0, b"here".to_vec())));
    for bad in
        ["/x%0d%0aFoo:%20bar", "ftp://example.org/x", "file:///etc/passwd", "http://u:p@example.org/", "/file", "/x#y"]
    {
        let server = to(bad);
        let error = head_error(&server, 0);
        assert!(matches!(error, TransportError::Redirect(_)), "{bad}: {error:?}");
        assert!(server.requests().len() <= 6, "{bad}");
    }
    let nowhere = sends(answer("302 Found", &["Content-Length: 0"], b""));
    assert!(matches!(head_error(&nowhere, 0), TransportError::Redirect(_)));
}

/// Case 37: a second answer nobody asked for is not taken for the next one's.
#[test]
fn two_answers_to_one_request() {
    let both =
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil".to_vec();
    let server = HttpServer::new(move |request: &Request| {
        if request.path == "/second" {
            return vec![Step::Send(answer("200 OK", &["Content-Length: 4"], b"next"))];
        }
        vec![Step::Send(both.clone()), Step::Wait(Duration::from_millis(100))]
    });
    let transport = transport();
    let get = |path: &str| {
        let mut text = String::new();
        transport.get(&server.url(path), 0).expect("it answers").body.read_to_string(&mut text).map(|_| text)
    };
    assert_eq!(get("first").expect("it reads"), "good");
    assert_eq!(get("second").expect("it reads"), "next");
}

#[test]
fn heads_that_never_end_and_no_http_at_all() {
    let endless =
        HttpServer::new(|_| vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Forever(b"X: y\r\n".to_vec())]);
    assert!(matches!(head_error(&endless, 0), TransportError::Network(_)));
    let other = sends(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec());
    assert!(matches!(head_error(&other, 0), TransportError::Network(_)));
    let gone = HttpServer::new(|_| vec![]);
    assert!(matches!(head_error(&gone, 0), TransportError::Network(_)));
    let refused = transport().get("http://127.0.0.1:1/", 0).expect_err("nobody listens");
    assert!(refused.is_retryable() && !refused.to_string().is_empty());
}

#[test]
fn many_threads_share_one_transport() {
    let server = HttpServer::with_file(vec![7; 300_000]);
    let transport = transport();
    std::thread::scope(|scope| {
        let get = || -> io::Result<usize> {
            let answer = transport.get(&server.url("file"), 0).map_err(io::Error::other)?;
            answer.body.take(u64::MAX).read_to_end(&mut Vec::new())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(get)).collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no panic").expect("it comes"), 300_000);
        }
    });
}

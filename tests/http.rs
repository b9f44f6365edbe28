//! The HTTP transport against servers that are broken or mean.

use std::io;
use std::io::Read;
use std::time::Duration;
use std::time::Instant;

use imgbuild::host::Host;
use imgbuild::host::Transport;
use imgbuild::host::TransportError;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::http::Options;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Request;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;
use imgbuild::testing::http::file_answer;

use crate::hostile::World;
use crate::hostile::simple;

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

/// Answers every connection with a TLS handshake and a certificate that nobody vouches for.
#[expect(clippy::disallowed_methods, reason = "a server is a thread of its own")]
fn tls_server() -> std::net::SocketAddr {
    use base64::Engine as _;
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    // For localhost, valid until 2126, signed by itself.
    let certificate = decode(
        "MIIBlzCCAT6gAwIBAgIUc9ihvGsvrdIxCAlqflU07r6GQ90wCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2\
         MTEyNTE1MzAxM1oYDzIxMjYxMTAxMTUzMDEzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\
         AAQaGlCIaT0+IxFTwECIL6x7o/a6e/vhKCCmVPjhHyhFBcNF19p269nh8SY0xsniY/i1i0Gv8SSEH+OmkYGJ/rVRo2wwajAdBgNV\
         HQ4EFgQUUpekGXdSPxUWqHwPU64WCx8OWjIwHwYDVR0jBBgwFoAUUpekGXdSPxUWqHwPU64WCx8OWjIwGgYDVR0RBBMwEYIJbG9j\
         YWxob3N0hwR/AAABMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDRwAwRAIgCg1hIhoOTCofshfS/yTMDss20dDSoz6XlUMfd+cB\
         I8YCIAdHqP2cb8EHYLY21EctBm2lsDEkNOK+JyQiNPdcM5oj",
    );
    let key = decode(
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxiuf/jXRTXMrVk9WGWvdp1eQ1dbNAf0qKCDQ0BUzpBKhRANCAAQa\
         GlCIaT0+IxFTwECIL6x7o/a6e/vhKCCmVPjhHyhFBcNF19p269nh8SY0xsniY/i1i0Gv8SSEH+OmkYGJ/rVR",
    );
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config
        .expect("TLS has versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], rustls::pki_types::PrivateKeyDer::Pkcs8(key.into()));
    let config = std::sync::Arc::new(config.expect("a certificate and its key"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).expect("a connection");
            // The other side hangs up.
            let _ = connection.complete_io(&mut stream);
        }
    });
    address
}

/// Case 36: a server that cannot prove who it is, one that does not speak TLS, and one that cannot be found.
#[test]
fn case_36_names_and_certificates() {
    let transport = transport();
    let error = transport.get(&format!("https://localhost:{}/file", tls_server().port()), 0).expect_err("nobody's");
    assert!(matches!(error, TransportError::Tls(_)) && !error.is_retryable(), "{error:?}");
    let plain = HttpServer::with_file(b"secret".to_vec());
    let error = transport.get(&plain.url("file").replace("http:", "https:"), 0).expect_err("no TLS");
    assert!(matches!(error, TransportError::Network(_)), "{error:?}");
    assert!(plain.requests().iter().all(|request| request.path != "/file"), "asked in the clear");
    let start = Instant::now();
    let error = transport.get("http://nowhere.invalid/file", 0).expect_err("a name that nobody has (RFC 2606)");
    assert!(matches!(error, TransportError::Network(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
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

/// What a hostile or broken server does: its name, its answer to every request, and the kinds of error that it ends
/// in where a signed file is asked for and where one is whose digest is known.
pub(crate) fn behaviours() -> Vec<(&'static str, Vec<Step>, [(&'static str, u8); 2])> {
    let minute = Duration::from_secs(60);
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\n{more}").into_bytes();
    let slow = |bytes: &[u8]| {
        let byte = |byte: &u8| [Step::Send(vec![*byte]), Step::Wait(Duration::from_millis(100))];
        bytes.iter().flat_map(byte).collect::<Vec<_>>()
    };
    let body = |steps: Vec<Step>| {
        let mut all = vec![Step::Send(head("Content-Length: 100000\r\n\r\n"))];
        all.extend(steps);
        all
    };
    let whole = |status: &str, headers: &[&str], body: &[u8]| vec![Step::Send(answer(status, headers, body))];
    let network = [("Network", 1); 2];
    vec![
        ("30 says nothing", vec![Step::Wait(minute)], network),
        ("30 hangs up", vec![], network),
        ("30 is no web server", vec![Step::Send(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())], network),
        ("29 head without end", vec![Step::Send(head("")), Step::Forever(b"X: y\r\n".to_vec())], network),
        ("30 head by drops", slow(&head("Content-Length: 1\r\n\r\nx").repeat(20)), network),
        ("29 body without end", vec![Step::Send(head("\r\n")), Step::Forever(vec![b'x'; 65_536])], [("TooBig", 3); 2]),
        ("30 body by drops", body(slow(&[b'x'; 1000])), [("Broken", 1), ("Broken", 1)]),
        ("30 stalls", body(vec![Step::Send(b"half".to_vec()), Step::Wait(minute)]), [("Broken", 1); 2]),
        ("31 breaks off", body(vec![Step::Send(b"half".to_vec())]), [("Broken", 1); 2]),
        ("34 encodes", whole("200 OK", &["Content-Encoding: gzip", "Content-Length: 2"], b"xx"), [("Protocol", 1); 2]),
        ("37 goes round", whole("302 Found", &["Location: /", "Content-Length: 0"], b""), [("Redirect", 1); 2]),
        ("32 login page", whole("200 OK", &["Content-Length: 6"], b"<html>"), [("Framing", 3), ("Mismatch", 3)]),
        ("30 busy", whole("503 Busy", &["Content-Length: 0"], b""), [("Status", 1); 2]),
        ("29 lies of its length", whole("200 OK", &["Content-Length: -1"], b"x"), network),
    ]
}

/// A server of the archive that does what it should, but where the path ends so.
pub(crate) fn honest_but(archive: &ArchiveBuilder, end: &'static str, steps: Vec<Step>) -> HttpServer {
    let files = archive.build();
    HttpServer::new(move |request: &Request| {
        let path = request.path.trim_start_matches("/debian/");
        // An index is asked for by its digest too.
        if path.ends_with(end) || (end == "Packages.xz" && path.contains("/by-hash/")) || path == "/" {
            return steps.clone();
        }
        let answer = match files.get(path) {
            Some(bytes) => file_answer(bytes, request),
            None => answer("404 Not Found", &["Content-Length: 0"], b""),
        };
        vec![Step::Send(answer)]
    })
}

/// A world whose archive lies on this server, with the limits of [`transport`].
fn on(server: &HttpServer) -> (World, Host) {
    let mut world = World::new(&simple());
    world.mirror = server.url("debian");
    let host = Host { transport: std::sync::Arc::new(transport()), ..world.host().expect("a store") };
    (world, host)
}

/// Cases 8, 29 to 32, 34 and 37: a build against a server of each kind ends, and in a bounded time: four rounds of the
/// limits above, and the pauses between them. For the Release, an index and a package.
#[test]
fn a_build_ends_whatever_the_server_does() {
    let files = [("InRelease", "archive", 0), ("Packages.xz", "archive", 1), (".deb", "fetch", 1)];
    let mut builds = Vec::new();
    for (end, stage, kind) in files {
        for (name, steps, kinds) in behaviours() {
            builds.push((name.to_owned(), end, steps, format!("{stage} {}", kinds[kind].0), kinds[kind].1));
        }
        for location in ["/x%0d%0aFoo:%20bar", "ftp://example.org/x", "file:///etc/passwd", "http://u:p@example.org/"] {
            let redirect = answer("302 Found", &[&format!("Location: {location}"), "Content-Length: 0"], b"");
            let steps = vec![Step::Send(redirect)];
            builds.push((format!("8 to {location}"), end, steps, format!("{stage} Redirect"), 1));
        }
    }
    imgbuild::host::in_parallel(builds.len(), &builds, |(name, end, steps, wanted, code)| {
        let server = honest_but(&simple(), end, steps.clone());
        let (world, host) = on(&server);
        let start = Instant::now();
        world.refused_by(&host, &format!("{name}, {end}"), wanted, *code);
        assert!(start.elapsed() < Duration::from_secs(90), "{name}, {end}: {:?}", start.elapsed());
    });
    let server = honest_but(&simple(), "nothing", vec![]);
    let (world, host) = on(&server);
    world.build_on(&host, "out").expect("an honest server's archive is built");
}

/// Case 36, as a build.
#[test]
fn case_36_a_build_without_a_certificate() {
    let mut world = World::new(&simple());
    world.mirror = format!("https://localhost:{}/debian", tls_server().port());
    let host = Host { transport: std::sync::Arc::new(transport()), ..world.host().expect("a store") };
    world.refused_by(&host, "36 nobody's certificate", "archive Tls", 1);
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

//! The archive stage against archives made in code and, switched, against Debian's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use imgbuild::archive;
use imgbuild::archive::Source;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::store::DirStore;

/// Debian as this machine's apt sees it.
fn debian_sources() -> Vec<Source> {
    let mirrors = host::apt::mirrors(Path::new("/"));
    let source = |name: &str, mirrors: &[String], suite: &str| Source {
        name: name.to_owned(),
        mirrors: mirrors.to_vec(),
        suite: suite.to_owned(),
        components: vec!["main".to_owned()],
        architectures: vec!["amd64".to_owned()],
        keyring: archive::debian_keyring(),
        snapshot: false,
        allow: Vec::new(),
    };
    vec![
        source("debian", &mirrors.debian, "trixie"),
        source("debian-updates", &mirrors.debian, "trixie-updates"),
        source("debian-security", &mirrors.security, "trixie-security"),
    ]
}

#[expect(clippy::disallowed_methods, reason = "a test is its own host")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("before the year 292 billion")
}

fn real_host(cache: &Path) -> Host {
    Host {
        transport: Arc::new(HttpTransport::new(host::http::Options::default()).expect("a transport")),
        store: Arc::new(DirStore::open(cache).expect("a store")),
        trust: Arc::new(OpenPgp),
        sandbox: Arc::new(host::NoSandbox),
        reporter: Arc::new(host::Silent),
        now: now(),
        jobs: 2,
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn debian_signs_with_these_keys() {
    if !crate::switched_on("IMGBUILD_TEST_MIRROR", "debian_signs_with_these_keys") {
        return;
    }
    let cache = tempfile::tempdir().expect("a temporary directory");
    let sources = debian_sources();
    let host = real_host(cache.path());
    for run in ["first", "second"] {
        let start = Instant::now();
        let index = archive::open(&host, &sources, &archive::Options::default()).unwrap_or_else(|error| {
            panic!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string))
        });
        eprintln!("{run} open: {:?}, {} packages", start.elapsed(), index.ids().count());
        let apt = index.named("apt");
        assert!(!apt.is_empty());
        assert!(index.package(apt[0]).filename.starts_with("pool/main/a/apt/apt_"));
        assert!(index.providing("mail-transport-agent").len() > 5);
        assert!(index.ids().count() > 60_000);
    }
    let offline = Host { transport: Arc::new(host::OfflineTransport), ..host };
    archive::open(&offline, &sources, &archive::Options::default()).expect("everything is in the store");
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn debian_packages_come_as_signed_for() {
    if !crate::switched_on("IMGBUILD_TEST_MIRROR", "debian_packages_come_as_signed_for") {
        return;
    }
    let cache = tempfile::tempdir().expect("a temporary directory");
    let sources = debian_sources();
    let host = real_host(cache.path());
    let index = archive::open(&host, &sources, &archive::Options::default()).expect("the archive opens");
    let packages: Vec<_> = index.base().iter().map(|&id| index.package(id)).collect();
    for run in ["fetched", "found"] {
        let start = Instant::now();
        let debs = imgbuild::fetch::fetch(&host, &sources, &packages).expect("they come");
        let bytes: u64 = debs.iter().map(|deb| deb.blob.size).sum();
        eprintln!("{run}: {} packages, {bytes} bytes in {:?}", debs.len(), start.elapsed());
        assert!(debs.iter().zip(&packages).all(|(deb, package)| deb.blob.sha256 == package.sha256));
    }
}

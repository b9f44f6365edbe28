//! What others have signed: Debian's archive, from a mirror, and the frames of other projects' tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use imgbuild::archive;
use imgbuild::archive::Options;
use imgbuild::archive::Signed;
use imgbuild::archive::Source;
use imgbuild::fetch;
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
        base: true,
        ..Source::default()
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
        trust: Arc::new(OpenPgp::default()),
        sandbox: Arc::new(host::NoSandbox),
        reporter: Arc::new(host::Silent),
        now: now(),
        jobs: 2,
        pauses: host::Pauses::default(),
        limits: imgbuild::limits::Limits::default(),
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
        let index = archive::open(&host, &sources, &Options::default()).unwrap_or_else(|error| {
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
    archive::open(&offline, &sources, &Options::default()).expect("everything is in the store");
}

/// All of Debian stays below the limits: every package of its suites can be chosen, with a margin of two.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn all_of_debian_stays_below_the_limits() {
    if !crate::switched_on("IMGBUILD_TEST_MIRROR", "all_of_debian_stays_below_the_limits") {
        return;
    }
    let cache = tempfile::tempdir().expect("a temporary directory");
    let mut sources = debian_sources();
    for source in &mut sources {
        source.components = ["main", "contrib", "non-free", "non-free-firmware"].map(str::to_owned).to_vec();
    }
    let mut host = real_host(cache.path());
    let limits = &mut host.limits;
    for limit in [
        &mut limits.release,
        &mut limits.signatures,
        &mut limits.keyring,
        &mut limits.index,
        &mut limits.packages,
        &mut limits.line,
        &mut limits.stanza,
        &mut limits.fields,
        &mut limits.deb,
    ] {
        *limit /= 2;
    }
    let index = archive::open(&host, &sources, &Options::default()).expect("the archive opens");
    let packages: Vec<_> = index.ids().map(|id| index.package(id)).collect();
    let unusable: Vec<_> = packages.iter().filter(|package| package.filename.is_empty()).collect();
    assert!(unusable.is_empty() && index.defects().is_empty(), "{unusable:?} {:?}", index.defects());
    let largest = packages.iter().max_by_key(|package| package.size).expect("there are packages");
    let installed = packages.iter().max_by_key(|package| package.installed_size).expect("there are packages");
    assert!(installed.installed_size.saturating_mul(2 * 1024) < host.limits.data, "{installed:?}");
    eprintln!(
        "{} packages; the largest .deb is {}'s with {} bytes, the largest Installed-Size {}'s with {} KiB",
        packages.len(),
        largest.name,
        largest.size,
        installed.name,
        installed.installed_size
    );
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
    let index = archive::open(&host, &sources, &Options::default()).expect("the archive opens");
    let packages: Vec<_> = index.base().iter().map(|&id| index.package(id)).collect();
    for run in ["fetched", "found"] {
        let start = Instant::now();
        let debs = fetch::fetch(&host, &sources, &packages).expect("they come");
        let bytes: u64 = debs.iter().map(|deb| deb.blob.size).sum();
        eprintln!("{run}: {} packages, {bytes} bytes in {:?}", debs.len(), start.elapsed());
        assert!(debs.iter().zip(&packages).all(|(deb, package)| deb.blob.sha256 == package.sha256));
    }
}

/// The frames of apt's own tests: framing only, their signatures are by keys nobody has.
#[test]
fn frames_of_other_tests() {
    let Some(directory) = crate::vectors("frames_of_other_tests") else { return };
    let directory = directory.join("clearsign");
    let list = std::fs::read_to_string(directory.join("expect.tsv")).expect("the list of vectors");
    let mut wrong = Vec::new();
    for line in list.lines() {
        let mut columns = line.split('\t');
        let (name, expected) = (columns.next().expect("a name"), columns.next().expect("a verdict"));
        // apt takes text without any signature for an unsigned file, which to us is no Release at all; and it lets
        // any field stand among the armor headers, which nobody signed.
        let refused = columns.next() == Some("not-clearsigned") || name == "SignedFileWithContentHeaders";
        let accepted = Signed::inline(&std::fs::read(directory.join(name)).expect("a vector")).is_ok();
        if accepted != (expected == "ok" && !refused) {
            wrong.push(format!("{name}: accepted {accepted}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty() && !list.is_empty(), "{wrong:#?}");
}

/// The signed files of dpkg's tests. Where dpkg takes one, its signature is words instead of base64: no frame to us.
#[test]
#[expect(clippy::disallowed_methods, reason = "only counted")]
fn frames_of_dpkgs_tests() {
    let Some(directory) = crate::vectors("frames_of_dpkgs_tests") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(directory.join("deb822/dpkg")).expect("listed") {
        let path = entry.expect("listed").path();
        if path.extension().is_some_and(|extension| extension == "dsc") {
            assert!(Signed::inline(&std::fs::read(&path).expect("a vector")).is_err(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} frames");
}

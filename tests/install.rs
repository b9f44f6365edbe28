//! Real packages, unpacked and configured, beside what dpkg and mmdebstrap make of the same packages.
//!
//! Needs a mirror, root, dpkg and mmdebstrap, so all of it is switched. What is fetched is kept between runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use imgbuild::archive;
use imgbuild::archive::Index;
use imgbuild::archive::Source;
use imgbuild::configure;
use imgbuild::configure::Configured;
use imgbuild::configure::configure;
use imgbuild::fetch::Deb;
use imgbuild::fetch::fetch;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::sandbox::Namespaces;
use imgbuild::host::store::DirStore;
use imgbuild::recipe::Base;
use imgbuild::solve;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::dump;
use imgbuild::tree::tar;
use imgbuild::unpack;
use imgbuild::unpack::Root;
use imgbuild::unpack::unpack;

use crate::allowed::assert_only_allowed;
use crate::allowed::text;
use crate::switched_on;

/// The packages of a compute node; minbase is the empty list.
const NODE: &[&str] = &[
    "systemd-sysv",
    "openssh-server",
    "linux-image-amd64",
    "chrony",
    "nfs-common",
    "syslog-ng-core",
    "ifupdown",
    "initramfs-tools",
    "udev",
    "kmod",
    "ca-certificates",
    "locales",
    "iproute2",
    "less",
];

struct Suite {
    name: &'static str,
    sources: Vec<Source>,
}

impl Suite {
    /// Debian as this machine's apt sees it.
    fn new(name: &'static str) -> Self {
        let mirrors = host::apt::mirrors(Path::new("/"));
        let source = |mirrors: &[String], suite: String| Source {
            name: suite.clone(),
            mirrors: mirrors.to_vec(),
            suite,
            components: vec!["main".to_owned()],
            architectures: vec!["amd64".to_owned()],
            keyring: archive::debian_keyring(),
            base: true,
            ..Source::default()
        };
        let sources = vec![
            source(&mirrors.debian, name.to_owned()),
            source(&mirrors.debian, format!("{name}-updates")),
            source(&mirrors.security, format!("{name}-security")),
        ];
        Self { name, sources }
    }

    /// The same for mmdebstrap.
    fn lines(&self) -> Vec<String> {
        self.sources.iter().map(|source| format!("deb {} {} main", source.mirrors[0], source.suite)).collect()
    }
}

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test is its own host")]
fn real_host() -> Host {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install-cache");
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Host {
        transport: Arc::new(HttpTransport::new(host::http::Options::default()).expect("a transport")),
        store: Arc::new(DirStore::open(cache).expect("a store")),
        trust: Arc::new(OpenPgp::default()),
        sandbox: Arc::new(Namespaces::new(env!("CARGO_BIN_EXE_imgbuild").into())),
        reporter: Arc::new(|event: &host::Event<'_>| {
            // Seen only when a test fails, and then wanted.
            if matches!(event, host::Event::Output { .. }) {
                eprintln!("{event}");
            }
        }),
        now: i64::try_from(since.expect("after 1970").as_secs()).expect("soon"),
        jobs: 2,
        pauses: host::Pauses::default(),
        limits: imgbuild::limits::Limits::default(),
    }
}

fn fetched(host: &Host, suite: &Suite, wishes: &[&str]) -> Vec<Deb> {
    let index: Index = archive::open(host, &suite.sources, &archive::Options::default()).expect("an archive");
    let mut request = solve::Request::new("amd64");
    request.base = Base::Required;
    let wish =
        |name: &str| solve::Wish::Named { name: name.to_owned(), architecture: None, version: None, release: None };
    request.wishes = wishes.iter().copied().chain(["apt"]).map(wish).collect();
    let solution = solve::solve(&index, &request).expect("a solution");
    let order = solve::order(&index, &solution).expect("an order");
    let packages: Vec<_> = order.iter().map(|&id| index.package(id)).collect();
    fetch(host, &suite.sources, &packages).expect("the packages")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn unpacked(host: &Host, debs: &[Deb]) -> Root {
    let mut options = unpack::Options::default();
    options.architecture = "amd64".into();
    let start = std::time::Instant::now();
    let root = unpack(host, debs, &options, &mut |_, _, _| Ok(())).unwrap_or_else(|error| panic!("{}", chain(&error)));
    eprintln!("unpacked {} packages, {} paths: {:?}", debs.len(), root.tree.len(), start.elapsed());
    root
}

fn newest(tree: &Tree) -> i64 {
    tree.iter().map(|(.., inode)| inode.stat.mtime).max().expect("paths")
}

#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn configured(host: &Host, root: Root, ids: configure::Ids) -> Configured {
    let mut options = configure::Options::default();
    options.method = configure::Method::Sandbox;
    options.architecture = "amd64".into();
    options.epoch = newest(&root.tree);
    options.ids = ids;
    let start = std::time::Instant::now();
    let configured = configure(host, root, &options).unwrap_or_else(|error| panic!("{}", chain(&error)));
    eprintln!("configured: {:?}", start.elapsed());
    configured
}

/// The users and groups of a tree, by its own account files.
fn ids(tree: &Tree) -> configure::Ids {
    let table = |path: &str| {
        let lines = text(tree, path);
        let parse = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields[0].to_owned(), fields[2].parse().expect("a number"))
        };
        lines.lines().map(parse).collect()
    };
    configure::Ids { users: table("etc/passwd"), groups: table("etc/group") }
}

/// Lays a tree out as root.
#[expect(clippy::disallowed_methods, reason = "the real tools are the oracle")]
fn lay_out(tree: &Tree, directory: &Path) {
    let archive = directory.with_extension("tar");
    let file = std::fs::File::create(&archive).expect("made");
    tar::write(tree, std::io::BufWriter::new(file)).expect("written");
    std::fs::create_dir(directory).expect("made");
    let mut command = Command::new("tar");
    command.args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf"]).arg(&archive).arg("-C").arg(directory);
    let status = command.status().expect("tar is installed");
    assert!(status.success());
    std::fs::remove_file(archive).expect("removed");
}

#[expect(clippy::disallowed_methods, reason = "the real tools are the oracle")]
fn in_chroot(root: &Path, command: &[&str]) -> (bool, String) {
    let output = Command::new("chroot")
        .arg(root)
        .args(command)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("chroot is installed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn assert_dpkg_is_content(tree: &Tree, scratch: &Path) {
    let root = scratch.join("root");
    lay_out(tree, &root);
    for command in
        [&["dpkg", "--audit"][..], &["dpkg", "--verify"], &["apt-get", "check"], &["dpkg", "--configure", "-a"]]
    {
        let (well, said) = in_chroot(&root, command);
        let said: Vec<&str> = said.lines().filter(|line| !line.contains("...")).collect();
        assert!(well && said.is_empty(), "{command:?}: {said:?}");
    }
}

fn switched(test: &str) -> bool {
    ["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_PEERS"]
        .into_iter()
        .all(|switch| switched_on(switch, test))
}

/// mmdebstrap's root of the same packages, as a tree.
#[expect(clippy::disallowed_methods, reason = "the real tools are the oracle")]
fn mmdebstrap(suite: &Suite, debs: &[Deb], epoch: i64, scratch: &Path) -> Tree {
    let archive: PathBuf = scratch.join("mmdebstrap.tar");
    let include: Vec<String> = debs.iter().map(|deb| format!("{}={}", deb.package.name, deb.package.version)).collect();
    let output = Command::new("mmdebstrap")
        .args(["--mode=root", "--variant=essential", "--format=tar", "--skip=output/mknod"])
        .arg(format!("--include={}", include.join(",")))
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(suite.name)
        .arg(&archive)
        .args(suite.lines())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TMPDIR", scratch)
        .env("SOURCE_DATE_EPOCH", epoch.to_string())
        .output()
        .expect("mmdebstrap is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let file = std::fs::File::open(&archive).expect("there");
    let mut keep = |reader: &mut dyn std::io::Read, _| -> std::io::Result<Content> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    };
    tar::read(std::io::BufReader::new(file), &mut keep).expect("a tree")
}

/// The database that we write when unpacking is the one that dpkg ends with.
fn assert_database_is_kept(unpacked: &Tree, configured: &Tree) {
    let ours = text(unpacked, "var/lib/dpkg/status").replace("install ok unpacked", "install ok installed");
    assert_eq!(ours, text(configured, "var/lib/dpkg/status"));
    let info = TreePath::literal("var/lib/dpkg/info");
    let files = |tree: &Tree| -> BTreeMap<TreePath, _> {
        tree.children(&info).map(|(path, inode)| (path.clone(), inode.content().cloned())).collect()
    };
    assert_eq!(files(unpacked), files(configured));
}

/// The whole proof for one set.
fn prove(suite: &'static str, wishes: &[&str], allowed: &str) {
    let (suite, host) = (Suite::new(suite), real_host());
    let debs = fetched(&host, &suite, wishes);
    let root = unpacked(&host, &debs);
    let before = root.tree.clone();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let theirs = mmdebstrap(&suite, &debs, newest(&before), scratch.path());
    // Numbers depend on the order of configuring; with those of the other root given, both have the same.
    let ours = configured(&host, root, ids(&theirs)).tree;
    assert_database_is_kept(&before, &ours);
    assert_dpkg_is_content(&ours, scratch.path());
    assert_eq!(text(&ours, "var/lib/dpkg/status"), text(&theirs, "var/lib/dpkg/status"));
    assert_only_allowed(&ours, &theirs, allowed);
}

#[test]
fn trixie_minbase_beside_dpkg_and_mmdebstrap() {
    if switched("trixie_minbase_beside_dpkg_and_mmdebstrap") {
        prove("trixie", &[], include_str!("peers/mmdebstrap-trixie.allow"));
    }
}

#[test]
fn case_75_two_runs_of_the_scripts_leave_the_same() {
    if !switched("case_75_two_runs_of_the_scripts_leave_the_same") {
        return;
    }
    let (suite, host) = (Suite::new("trixie"), real_host());
    let debs = fetched(&host, &suite, &[]);
    let run = || configured(&host, unpacked(&host, &debs), configure::Ids::default()).tree;
    let (first, second) = (run(), run());
    assert!(dump(&first) == dump(&second), "{:?}", imgbuild::tree::digest(&first));
}

#[test]
fn trixie_node_beside_dpkg_and_mmdebstrap() {
    if switched("trixie_node_beside_dpkg_and_mmdebstrap") {
        prove("trixie", NODE, include_str!("peers/mmdebstrap-trixie-node.allow"));
    }
}

#[test]
fn bookworm_minbase_beside_dpkg_and_mmdebstrap() {
    if switched("bookworm_minbase_beside_dpkg_and_mmdebstrap") {
        prove("bookworm", &[], include_str!("peers/mmdebstrap-bookworm.allow"));
    }
}

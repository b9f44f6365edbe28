//! The native way to configure: how long it takes, and that it grows with the packages and not faster.
//!
//! `cargo bench --bench configure` measures made-up packages; with `IMGBUILD_TEST_MIRROR=1` also the example recipe,
//! from the mirror of the machine's own apt (the second run has everything in its cache).

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock, an environment and a directory of its own")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use imgbuild::configure;
use imgbuild::configure::Method;
use imgbuild::configure::configure;
use imgbuild::deb::MultiArch;
use imgbuild::digest::Sha256;
use imgbuild::host;
use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::store::DirStore;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::tree::Tree;
use imgbuild::unpack::Installed;
use imgbuild::unpack::Root;

/// What debhelper and a package's author together make of a postinst.
const POSTINST: &str = r#"#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "$2" ]; then
    update-alternatives --install /usr/bin/tool-@ tool-@ /usr/bin/tool-@.real 10
    for name in one two three; do
        echo "$name=$(echo "$DPKG_MAINTSCRIPT_PACKAGE" | sed -e 's/-/_/g' -e 's/[0-9]*$//')" >> /etc/conf-@
    done
    if ! grep -q '^three=' /etc/conf-@; then
        exit 1
    fi
    chmod 0640 /etc/conf-@
fi
exit 0
"#;

fn made_up(count: usize) -> Root {
    let mut tree = Tree::new();
    for directory in ["etc/alternatives", "usr/bin", "var/lib/dpkg/info", "var/lib/dpkg/alternatives", "var/log"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let (mut packages, mut status) = (Vec::new(), String::new());
    for number in 0..count {
        let name = format!("package-{number}");
        let control = format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: N\nDescription: d\n");
        status.push_str(&control.replacen('\n', "\nStatus: install ok unpacked\n", 1));
        status.push('\n');
        tree.write(format!("usr/bin/tool-{number}.real"), 0o755, "").expect("new");
        let script = POSTINST.replace('@', &number.to_string()).into_bytes();
        packages.push(Installed {
            name,
            version: "1".parse().expect("a version"),
            architecture: "all".into(),
            multi_arch: MultiArch::No,
            control,
            members: BTreeMap::from([("postinst".to_owned(), (0o755, script))]),
            files: Vec::new(),
            conffiles: Vec::new(),
            sha256: Sha256::of(b""),
        });
    }
    tree.write("var/lib/dpkg/status", 0o644, status).expect("new");
    Root { tree, packages, newest: 0 }
}

fn host(cache: &Path, reporter: Arc<dyn host::Reporter>) -> Host {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Host {
        transport: Arc::new(HttpTransport::new(host::http::Options::default()).expect("a transport")),
        store: Arc::new(DirStore::open(cache).expect("a store")),
        trust: Arc::new(host::openpgp::OpenPgp::default()),
        sandbox: Arc::new(host::NoSandbox),
        reporter,
        now: i64::try_from(since.as_secs()).expect("soon"),
        jobs: 2,
        limits: imgbuild::limits::Limits::default(),
    }
}

/// The least of some runs: what else the machine does only adds.
fn least(runs: usize, mut run: impl FnMut() -> Duration) -> Duration {
    (0..runs).map(|_| run()).min().unwrap_or_default()
}

fn main() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cache");
    let silent = host(&cache, Arc::new(host::Silent));
    for count in [250, 500, 1000, 2000] {
        let mut options = configure::Options::default();
        (options.method, options.architecture) = (Method::Native, "amd64".into());
        let took = least(5, || {
            let root = made_up(count);
            let start = Instant::now();
            configure(&silent, root, &options).expect("all is known");
            start.elapsed()
        });
        println!("{count:5} packages  {took:>10.2?}  {:>8.2?} each", took / u32::try_from(count).expect("small"));
    }
    if std::env::var_os("IMGBUILD_TEST_MIRROR").is_none_or(|value| value != "1") {
        println!("skipped: the example recipe (set IMGBUILD_TEST_MIRROR=1)");
        return;
    }
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
    let recipe = recipe::load(&recipe).expect("the example is right");
    let apt = host::apt::mirrors(Path::new("/"));
    let mirrors = Mirrors { debian: apt.debian, security: apt.security, ..Mirrors::default() };
    let request = Request { method: Method::Native, ..Request::new(&recipe, &mirrors) };
    let started: Arc<Mutex<(Option<Instant>, Duration)>> = Arc::default();
    let watch = Arc::clone(&started);
    let reporter = move |event: &Event<'_>| match event {
        Event::StageStarted { stage: "configure", .. } => watch.lock().expect("one thread").0 = Some(Instant::now()),
        Event::StageFinished { stage: "configure" } => {
            let mut state = watch.lock().expect("one thread");
            state.1 = state.0.map(|start| start.elapsed()).unwrap_or_default();
        }
        _ => {}
    };
    let host = host(&cache, Arc::new(reporter));
    let took = least(3, || {
        pipeline::survey(&host, &request).expect("the recipe can be built");
        started.lock().expect("one thread").1
    });
    println!("diskless-node   {took:>10.2?}  modules' indices, ld.so.cache and certificates included");
}

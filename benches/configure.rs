//! The native way to configure: how long it takes, that it grows with the packages and not faster, and how long one
//! step of the budget takes by what it is spent on.
//!
//! `cargo bench --bench configure` measures made-up packages and commands; with `IMGBUILD_TEST_MIRROR=1` also the example recipe,
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

/// What a loop may do with `/srv/lines` (a thousand short ones), `/srv/long` (one of 64 KiB) and a tree of a few
/// hundred files. The price of a step is right when none of these takes much longer for one than the others.
const SPENDERS: &[&str] = &[
    ":",
    "i=$((i + 1))",
    "v=$v$v; v=${v#?????}; v=${v:-abcdef}",
    "[ \"$i\" = /etc ] || [ -e /srv/lines ]",
    "case $PATH in *x*y*z) : ;; esac",
    "set -- /srv/tree/*/*",
    "v=$(echo a)",
    "f() { :; }; f a b c",
    "while read -r line; do :; done < /srv/lines",
    "printf '%s %d %05.2f\\n' a 1 2.5 > /dev/null",
    "echo text > /srv/out",
    "cat /srv/lines > /srv/out",
    "cp /srv/lines /srv/out",
    "cp -r /srv/tree /srv/copy; rm -r /srv/copy",
    "ln -sf a /srv/link; readlink -f /srv/link",
    "mkdir -p /srv/d/e/f; rm -r /srv/d",
    "chmod -R u+w /srv/tree",
    "chown -R root:root /srv/tree",
    "stat -c %a /srv/lines > /dev/null",
    "find /srv/tree -name '*7*' -type f > /dev/null",
    "ls -l /srv/tree/* > /dev/null",
    "du -s /srv/tree > /dev/null",
    "grep -c 5 /srv/lines > /dev/null",
    "grep -E '(a|b)*c' /srv/long > /dev/null",
    "grep -i '^.*\\(9\\).*\\1$' /srv/lines > /dev/null",
    "sed 's/[0-9]/x/g' /srv/lines > /dev/null",
    "sed -n '$p' /srv/lines > /dev/null",
    "sed 's/a/bb/g' /srv/long > /dev/null",
    "awk '{ n += $1 } END { print n }' /srv/lines",
    "awk '{ a[$1] = $0; gsub(/1/, \"x\"); print substr($0, 2) }' /srv/lines > /dev/null",
    "sort -rn /srv/lines > /dev/null",
    "sort /srv/lines | uniq -c > /dev/null",
    "cut -c2-3 /srv/lines > /dev/null",
    "tr 0-9 a-j < /srv/lines > /dev/null",
    "wc /srv/lines > /dev/null",
    "head -n 900 /srv/lines | tail -n 5 > /dev/null",
    "md5sum /srv/long > /dev/null",
    "sha512sum /srv/long > /dev/null",
    "cmp /srv/long /srv/long",
    "diff /srv/lines /srv/lines",
    "expr abcdef : 'a.*e' > /dev/null",
    "date -d '2024-02-29 1 day' +%F > /dev/null",
    "seq 1 100 > /dev/null",
    "basename /a/b/c.d .d > /dev/null",
    "mktemp -p /srv > /dev/null; rm -f /srv/tmp.*",
    "dpkg --compare-versions 1:2.3-4 lt 1:2.3-5",
    "dpkg-divert --list /usr/bin/x",
    "update-alternatives --install /usr/bin/s s /srv/lines 10",
    "id -u root > /dev/null",
    "getent passwd root > /dev/null || :",
];

/// Time for a million steps of the budget, all spent on one command.
fn million_steps(command: &str) -> Duration {
    const STEPS: u64 = 8_000_000;
    let script = format!(
        "#!/bin/sh\ni=1; mkdir -p /srv/tree; seq 1 1000 > /srv/lines\n\
         for d in 1 2 3 4 5 6 7 8 9 10; do mkdir /srv/tree/$d; for f in 1 2 3 4 5 6 7 8 9 10; do \
         echo $d$f > /srv/tree/$d/$f; done; done\n\
         awk 'BEGIN {{ while (n++ < 8192) printf \"abcdefgh\"; print \"\" }}' > /srv/long\n\
         while :; do\n{command}\ndone\n"
    );
    least(2, || {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cache");
        let mut host = host(&cache, Arc::new(host::Silent));
        // Steps are what ends it.
        (host.limits.script_steps, host.limits.script_memory) = (STEPS, 1 << 40);
        let mut root = made_up(1);
        root.packages[0].members.insert("postinst".to_owned(), (0o755, script.clone().into_bytes()));
        let mut options = configure::Options::default();
        (options.method, options.architecture) = (Method::Native, "amd64".into());
        let start = Instant::now();
        let error = configure(&host, root, &options).expect_err("it never ends by itself");
        let took = start.elapsed();
        assert!(error.to_string().contains("script-steps"), "{command}: {error}");
        took
    }) / u32::try_from(STEPS / 1_000_000).expect("small")
}

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
        pauses: host::Pauses::default(),
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
    for command in SPENDERS {
        println!("{:>10.2?}  a million steps of  {command}", million_steps(command));
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
        Event::StageStarted { stage: host::Stage::Configure, .. } => {
            watch.lock().expect("one thread").0 = Some(Instant::now());
        }
        Event::StageFinished { stage: host::Stage::Configure } => {
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

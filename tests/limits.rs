//! Limits: each of them, wherever its kind of thing is read. What is just above a lowered limit is refused with its
//! name, and passes with the default; what is above the default passes with a raised one.
//!
//! A limit without a line here fails [`every_limit_counts`].

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use imgbuild::host::Host;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::http::Options;
use imgbuild::limits::LIMITS;
use imgbuild::limits::Limits;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;
use imgbuild::testing::http::file_answer;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::hello;
use crate::hostile::simple;
use crate::switched_on;

/// Does something within limits; says why not.
type Try = Box<dyn Fn(&Limits) -> Result<(), String> + Sync>;

/// One line of the table.
struct Line {
    limit: &'static str,
    /// With this it is refused.
    value: u64,
    /// What else is not the default, both times.
    also: &'static [(&'static str, u64)],
    input: Try,
    /// What is refused by the system inside the sandbox cannot name the limit.
    is_named: bool,
}

fn line(limit: &'static str, value: u64, input: Try) -> Line {
    Line { limit, value, also: &[], input, is_named: true }
}

impl Line {
    fn also(self, also: &'static [(&'static str, u64)]) -> Self {
        Self { also, ..self }
    }

    fn unnamed(self) -> Self {
        Self { is_named: false, ..self }
    }

    fn judge(&self) {
        let Self { limit, value, input, .. } = self;
        let mut limits = Limits::default();
        for (name, value) in self.also {
            assert!(limits.set(name, *value), "{name}");
        }
        input(&limits).unwrap_or_else(|error| panic!("`{limit}` refuses with its default: {error}"));
        assert!(limits.set(limit, *value), "{limit}");
        let Err(error) = input(&limits) else { panic!("`{limit}={value}` lets it pass") };
        let is_named = error.contains(&format!("`{limit}`"));
        assert!(is_named || !self.is_named, "`{limit}={value}` is refused without its name: {error}");
    }
}

/// A build of an archive in memory.
fn built(archive: ArchiveBuilder) -> Try {
    Box::new(move |limits| {
        let world = World { limits: *limits, ..World::new(&archive) };
        world.build().map(drop).map_err(|error| chain(&error))
    })
}

/// A build with another InRelease.
fn released(text: String) -> Try {
    Box::new(move |limits| {
        let world = World { limits: *limits, ..World::new(&simple()) };
        world.transport.put("http://mirror.example.org/debian/dists/test/InRelease", text.clone());
        world.build().map(drop).map_err(|error| chain(&error))
    })
}

/// A build from a server that answers for the package in these steps; they get the right answer.
fn served(steps: fn(Vec<u8>) -> Vec<Step>) -> Try {
    served_by(move |request, files| match files.get(request.path.trim_start_matches("/debian/")) {
        Some(bytes) if request.path.ends_with(".deb") => steps(file_answer(bytes, request)),
        Some(bytes) => vec![Step::Send(file_answer(bytes, request))],
        None => vec![Step::Send(answer("404 Not Found", &["Content-Length: 0"], b""))],
    })
}

type Files = std::collections::BTreeMap<String, Vec<u8>>;

fn served_by(
    answer: impl Fn(&imgbuild::testing::http::Request, &Files) -> Vec<Step> + Send + Sync + Clone + 'static,
) -> Try {
    Box::new(move |limits| {
        // Above the default of `rate` whatever the window, and not to be compressed.
        let noise = hello().file("/usr/share/hello/noise", 0o644, crate::interrupted::noise(100_000));
        let files = ArchiveBuilder::new("test").package(&noise).build();
        let answer = answer.clone();
        let server = HttpServer::new(move |request| answer(request, &files));
        let world = World { limits: *limits, mirror: server.url("debian"), ..World::new(&simple()) };
        from_network(&world, limits)
    })
}

fn from_network(world: &World, limits: &Limits) -> Result<(), String> {
    let mut options = Options::within(limits);
    options.system_proxy = false;
    let transport = Arc::new(HttpTransport::new(options).expect("a transport"));
    let host = Host { transport, ..world.host().expect("a store") };
    world.build_on(&host, "out").map(drop).map_err(|error| chain(&error))
}

/// A connection that is made, and on which nobody ever speaks TLS. An honest one passes with the default.
fn silent_tls() -> Try {
    let honest = served(|bytes| vec![Step::Send(bytes)]);
    Box::new(move |limits| {
        if limits.connect == Limits::default().connect {
            return honest(limits);
        }
        // The system answers for who does not.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let mirror = format!("https://{}/debian", listener.local_addr().expect("it has one"));
        from_network(&World { limits: *limits, mirror, ..World::new(&simple()) }, limits)
    })
}

/// A package of an archive.
fn with(deb: DebBuilder) -> Try {
    built(ArchiveBuilder::new("test").package(&deb))
}

/// A package whose .deb says more of itself than the index does.
fn inside(deb: DebBuilder) -> Try {
    built(ArchiveBuilder::new("test").deb(&hello().control(), deb.build()))
}

/// A script that is followed.
fn followed(script: &str) -> Try {
    with(hello().script("postinst", &format!("#!/bin/sh\n{script}\n")))
}

/// A script in the sandbox.
#[cfg(feature = "sandbox")]
fn sandboxed(script: &'static str) -> Try {
    Box::new(move |limits| crate::sandbox::said_within(limits, script).map(drop))
}

fn after(seconds: u64, start: usize) -> impl Fn(Vec<u8>) -> Vec<Step> {
    move |bytes| {
        let (start, end) = bytes.split_at(bytes.len().min(start));
        let wait = Step::Wait(Duration::from_millis(seconds * 1000 + 500));
        vec![Step::Send(start.to_vec()), wait, Step::Send(end.to_vec())]
    }
}

fn fields(deb: DebBuilder, count: usize) -> DebBuilder {
    (0..count).fold(deb, |deb, number| deb.field(&format!("X-Field-{number}"), "x"))
}

fn table() -> Vec<Line> {
    let two = || simple().package(&DebBuilder::new("other", "1", "all"));
    let large = || hello().file("/usr/share/hello/large", 0o644, vec![b'x'; 100_000]);
    let doubly = {
        let text = simple().release();
        let block = |key: TestKey| {
            let message = key.inline(&text, Signing::at(ARCHIVE_DATE));
            message[message.find("-----BEGIN PGP SIGNATURE").expect("signed")..].to_owned()
        };
        TestKey::trusted().inline(&text, Signing::at(ARCHIVE_DATE)) + &block(TestKey::other())
    };
    let long_name = format!("/usr/share/hello/{}", "long/".repeat(40));
    vec![
        line("connect", 1, silent_tls()),
        line("head", 1, served(|bytes| after(1, 0)(bytes))),
        line("idle", 1, served(|bytes| after(1, 200)(bytes))),
        line("rate", 1 << 30, served(|bytes| after(1, 200)(bytes))).also(&[("window", 1)]),
        line("window", 1, served(|bytes| after(1, 200)(bytes))).also(&[("rate", 1 << 20)]),
        line("total", 1, served(|bytes| after(1, 200)(bytes))),
        line(
            "redirects",
            1,
            served_by(|request, files| {
                let path = request.path.trim_start_matches("/debian/").trim_end_matches("?b").trim_end_matches("?a");
                let to = |mark: &str| {
                    let location = format!("Location: /debian/{path}{mark}");
                    vec![Step::Send(answer("302 Found", &[&location, "Content-Length: 0"], b""))]
                };
                match files.get(path) {
                    Some(_) if !request.path.contains('?') => to("?a"),
                    Some(_) if request.path.ends_with("?a") => to("?b"),
                    Some(bytes) => vec![Step::Send(file_answer(bytes, request))],
                    None => vec![Step::Send(answer("404 Not Found", &["Content-Length: 0"], b""))],
                }
            }),
        ),
        line("release", 100, built(simple())),
        line("signatures", 1, released(doubly)),
        line("keyring", 10, built(simple())),
        line("index", 100, built(simple())),
        line("packages", 1, built(two())),
        line("line", 40, built(simple().field("X-Long", &"x".repeat(100)))),
        line("line", 300, with(hello().field("X-Long", &"x".repeat(400)))),
        line("line", 300, inside(hello().field("X-Long", &"x".repeat(400)))),
        line("stanza", 50, built(simple())),
        line("stanza", 1000, with(fields(hello(), 90))),
        line("stanza", 1000, inside(fields(hello(), 90))),
        line("fields", 3, built(simple())),
        line("fields", 50, with(fields(hello(), 90))),
        line("fields", 50, inside(fields(hello(), 90))),
        line("steps", 1, built(two())),
        line("deb", 100, built(simple())),
        line("control", 1600, with(large())),
        line("control-file", 10, built(simple())),
        line("control-files", 1, with(hello().control_file("md5sums", 0o644, ""))),
        line("data", 50_000, with(large())),
        line("growth", 1, with(large().field("Installed-Size", "1"))).also(&[("small", 105_000)]),
        line("small", 1, with(large().field("Installed-Size", "1"))),
        line("ratio", 1, with(large())).also(&[("small", 50_000)]),
        line("entries", 2, built(simple())),
        line("name", 150, with(hello().file(&long_name, 0o644, "x"))),
        line("memory", 1 << 20, built(simple())),
        line("memory", 1 << 20, with(large())),
        line("script-steps", 1000, followed("i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done")),
        line("script-output", 1000, followed("printf '%2000d' 1 > /out")),
        line("script-depth", 20, followed("f() { [ $1 = 0 ] || f $(($1-1)); }; f 30")),
        line("script-memory", 50_000, followed("x=$(printf '%0100000d' 0)")),
        line("script-time", 0, followed("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done")),
    ]
}

/// Inside the sandbox.
#[cfg(feature = "sandbox")]
fn sandbox_table() -> Vec<Line> {
    vec![
        line("scripts", 1, sandboxed("sleep 3")),
        line("processes", 5, sandboxed("for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait")).unnamed(),
        line("open-files", 8, sandboxed("exec 9< /bin/busybox && echo open")).unnamed(),
        line("file", 1 << 20, sandboxed("dd if=/dev/zero of=/etc/huge bs=1M count=2 2> /dev/null")).unnamed(),
        line(
            "words",
            100,
            Box::new(|limits| {
                // What is too much is thrown away.
                let said = crate::sandbox::said_within(limits, "seq 1000")?;
                if said.contains("1000") { Ok(()) } else { Err(format!("only {} bytes came", said.len())) }
            }),
        )
        .unnamed(),
    ]
}

/// Case 112: a limit counts wherever its kind of thing is read.
#[test]
fn every_limit_counts() {
    let mut lines = table();
    let mut elsewhere: BTreeSet<&str> = BTreeSet::new();
    #[cfg(feature = "sandbox")]
    {
        let inside = sandbox_table();
        if switched_on("IMGBUILD_TEST_ROOT", "every_limit_counts, inside the sandbox") {
            lines.extend(inside);
        } else {
            elsewhere.extend(inside.iter().map(|line| line.limit));
        }
    }
    let names: Vec<String> = LIMITS.iter().map(imgbuild::limits::Limit::name).collect();
    for name in names.iter().filter(|name| !elsewhere.contains(name.as_str())) {
        assert!(lines.iter().any(|line| line.limit == name), "limit `{name}` has no line in this test");
    }
    // Most of the time is that of servers that wait.
    imgbuild::host::in_parallel(4, &lines, Line::judge);
}

/// Case 112 and V13: what is above a default passes where the limit is raised, in the index, in the .deb, in dpkg's
/// database, from a lock and as a file of one's own.
#[test]
fn a_raised_limit_counts_as_well() {
    let mut raised = Limits::default();
    raised.fields = 1000;
    let many = |name: &str| fields(DebBuilder::new(name, "1", "amd64").script("postinst", "#!/bin/sh\nset -e\n"), 300);
    let mut archive = ArchiveBuilder::new("test").package(&hello()).package(&many("many"));
    for number in 0..300 {
        archive = archive.field(&format!("X-Field-{number}"), "x");
    }
    let build = |limits: Limits, lock: Option<&Lock>| {
        let world = World { limits, ..World::new(&archive) };
        fs::write(world.place.path().join("own.deb"), many("own").build()).expect("written");
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, text.replace("[\"hello\"]", "[\"hello\", \"many\", \"./own.deb\"]")).expect("written");
        let recipe = recipe::load(&path).expect("a good recipe");
        let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
        let host = world.host().expect("a store");
        let request = Request { lock, method: world.method, ..Request::new(&recipe, &mirrors) };
        if lock.is_some() {
            // One's own .debs are not on any mirror: the first build has put them into the store.
            let first = Request { lock: None, ..Request::new(&recipe, &mirrors) };
            pipeline::lock(&host, &first).map_err(|error| chain(&error))?;
        }
        pipeline::build(&host, &request, &world.place.path().join("out")).map_err(|error| chain(&error))
    };
    let first = build(raised, None).unwrap_or_else(|error| panic!("raised: {error}"));
    let locked = build(raised, Some(&first.lock)).unwrap_or_else(|error| panic!("raised, from a lock: {error}"));
    assert_eq!(first.tree_digest, locked.tree_digest);
    for lock in [None, Some(&first.lock)] {
        let error = build(Limits::default(), lock).expect_err("the defaults are lower");
        assert!(error.contains("`fields`"), "{error}");
    }
}

/// No code but tests reads what comes from outside with limits that nobody can change.
#[test]
fn nothing_is_read_with_defaults() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let defaults = [
        "Stanza::parse(",
        "deb::stanzas;",
        "deb::stanzas(",
        "Release::parse(",
        "Limits::default()",
        "Limits::DEFAULT",
        "Bounds::default()",
    ];
    // Where they are defined, where the program takes them before it looks at its options, what is the user's own, and a
    // command that has no `--limit`.
    let allowed = [
        "limits.rs",
        "budget.rs",
        "deb/control.rs",
        "archive/release.rs",
        "cli/limits.rs",
        "cli/doctor.rs",
        "host/apt.rs",
    ];
    let mut found = Vec::new();
    for path in
        crate::hostile::files(&source).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"))
    {
        let name = path.strip_prefix(&source).expect("below").to_string_lossy().into_owned();
        if name.starts_with("testing/") || name.ends_with("tests.rs") || allowed.contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file is text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let hits = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let hits = hits.filter(|line| defaults.iter().any(|default| line.contains(default)));
        found.extend(hits.map(|line| format!("{name}: {}", line.trim())));
    }
    // Constructors of what is then told other limits.
    let known = [
        "format/compress.rs: Self::within(\"\", output, &limits::Limits::DEFAULT)",
        "format/tar/mod.rs: const EXTENSION_MAX: u64 = crate::limits::Limits::DEFAULT.name;",
        "host/mod.rs: limits: Limits::DEFAULT,",
        "host/http.rs: Self::within(&Limits::DEFAULT)",
        "host/sandbox/mod.rs: Self { helper, limits: Limits::DEFAULT, cancel: Cancel::default() }",
        "kernel/mod.rs: let bounds = (&Limits::DEFAULT, &Cancel::default());",
        "shell/system.rs: Self::within(&limits::Limits::DEFAULT)",
        "shell/system.rs: bounds: Bounds::default(),",
        "solve/request.rs: steps: Limits::DEFAULT.steps,",
    ];
    found.retain(|line| !known.contains(&line.as_str()));
    assert_eq!(found, Vec::<String>::new(), "read with limits that `--limit` does not reach");
}

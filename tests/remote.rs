//! A store that machines share: what one has decoded no other decodes, and whatever becomes of the store, the same image
//! comes out. Case 180.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Request;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;
use imgbuild::testing::http::file_answer;

use crate::hostile::World;
use crate::http::honest_but;
use crate::locks::Random;
use crate::switched_on;

const SECRET: &str = "a secret of all machines that build";

/// A server that keeps what it is given.
pub(crate) struct Bucket {
    pub(crate) server: HttpServer,
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Bucket {
    /// `fault` may answer in place of the server.
    pub(crate) fn new(fault: impl Fn(&Request) -> Option<Vec<Step>> + Send + Sync + 'static) -> Self {
        let objects = Arc::<Mutex<BTreeMap<String, Vec<u8>>>>::default();
        let kept = Arc::clone(&objects);
        let server = HttpServer::new(move |request| {
            if let Some(steps) = fault(request) {
                return steps;
            }
            let mut kept = kept.lock().expect("nobody panics holding it");
            let found = match (request.method.as_str(), kept.get(&request.path)) {
                ("PUT", _) => {
                    kept.insert(request.path.clone(), request.body.clone());
                    answer("201 Created", &["Content-Length: 0"], b"")
                }
                ("HEAD", Some(bytes)) => answer("200 OK", &[&format!("Content-Length: {}", bytes.len())], b""),
                ("GET", Some(bytes)) => file_answer(bytes, request),
                _ => answer("404 Not Found", &["Content-Length: 0"], b""),
            };
            vec![Step::Send(found)]
        });
        Self { server, objects }
    }

    fn change(&self, change: impl Fn(&str, &mut Vec<u8>)) {
        self.objects.lock().expect("nobody panics holding it").iter_mut().for_each(|(name, bytes)| change(name, bytes));
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.objects.lock().expect("nobody panics holding it").keys().cloned().collect()
    }
}

/// What a machine's build said and made.
struct Made {
    code: i32,
    said: String,
    tree: String,
}

struct Machines {
    world: World,
    mirror: HttpServer,
}

impl Machines {
    fn new() -> Self {
        let text = "0123456789abcdef".repeat(1 << 12);
        let hello = DebBuilder::new("hello", "1", "amd64").field("Depends", "other");
        let hello = hello.file("usr/share/hello", 0o644, text);
        let other = DebBuilder::new("other", "1", "amd64").file("usr/share/other", 0o644, "other\n");
        let archive = ArchiveBuilder::new("test").package(&hello).package(&other);
        Self { mirror: honest_but(&archive, "nothing", vec![]), world: World::new(&archive) }
    }

    fn place(&self) -> &Path {
        self.world.place.path()
    }

    /// Builds on a machine of this name with a store.
    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn build(&self, machine: &str, store: &str, variables: &[(&str, &str)]) -> Made {
        let place = self.place();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(["small.toml", "--output", machine, "--mirror", &self.mirror.url("debian")]);
        if !store.is_empty() {
            command.args(["--store", store]);
        }
        command.current_dir(place).env_clear().env("IMGBUILD_CACHE_KEY", SECRET);
        command.env("XDG_CACHE_HOME", place.join(format!("cache-{machine}"))).envs(variables.iter().copied());
        let output = command.output().expect("the program starts");
        // How long stages take, where they take long, is none of what is asserted.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_time = |line: &&str| line.ends_with(" s") && line.contains(" in ");
        let said = said.lines().filter(|line| !is_time(line)).map(|line| format!("{line}\n")).collect();
        let tree = fs::read_to_string(place.join(machine).join("tree.txt")).unwrap_or_default();
        Made { code: output.status.code().unwrap_or(-1), said, tree }
    }

    /// How many packages the mirror was asked for.
    fn packages(&self) -> usize {
        self.mirror.requests().iter().filter(|request| request.path.ends_with(".deb")).count()
    }
}

#[test]
fn what_one_machine_has_decoded_no_other_decodes() {
    let (machines, bucket) = (Machines::new(), Bucket::new(|_| None));
    let url = bucket.server.url("shared/images");
    let alone = machines.build("alone", "", &[]);
    assert_eq!((alone.code, alone.said.as_str()), (0, ""));
    let before = machines.packages();
    let first = machines.build("first", &url, &[]);
    assert_eq!((first.code, first.said.as_str(), &first.tree), (0, "", &alone.tree));
    assert_eq!(machines.packages(), 2 * before, "the store is empty");
    let names = bucket.names();
    assert!(names.iter().all(|name| name.starts_with("/shared/images/")), "{names:?}");
    for kind in ["/records/unpacked-", "/records/installed-", "/records/proved-", "/sha256/"] {
        assert!(names.iter().any(|name| name.contains(kind)) || kind.contains("proved"), "{kind}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("/kept-") || name.contains("/newest")), "{names:?}");
    let second = machines.build("second", &url, &[]);
    assert_eq!((second.code, second.said.as_str(), &second.tree), (0, "", &alone.tree));
    assert_eq!(machines.packages(), 2 * before, "all of it was in the store");
    // Who has another secret takes the bytes, and decodes them: the records are another's.
    let stranger = machines.build("stranger", &url, &[("IMGBUILD_CACHE_KEY", &SECRET.replace('a', "b"))]);
    assert_eq!((stranger.code, stranger.said.as_str(), &stranger.tree), (0, "", &alone.tree));
    assert_eq!(machines.packages(), 2 * before, "packages are known by their digests");
    // What is the machine's own already is sent as well.
    let (late, bucket) = ("alone", Bucket::new(|_| None));
    fs::write(machines.place().join("small.toml"), {
        let text = fs::read_to_string(machines.place().join("small.toml")).expect("there");
        text + "[[overlay]]\npath = \"/etc/motd\"\ncontent = \"hello\"\n"
    })
    .expect("written");
    assert_eq!(machines.build(late, &bucket.server.url("x"), &[]).code, 0);
    assert!(bucket.names().iter().any(|name| name.contains("/records/installed-")), "{:?}", bucket.names());
}

/// Case 180: a store that is down, cut off, wrong or somebody's who writes to it.
#[test]
fn case_180_a_store_that_cannot_be_relied_on() {
    let machines = Machines::new();
    let alone = machines.build("alone", "", &[]);
    let same = |name: &str, made: &Made, wanted: &str| {
        assert_eq!((made.code, &made.tree), (0, &alone.tree), "{name}: {}", made.said);
        assert!(made.said.contains(wanted), "{name}: {}", made.said);
        assert!(made.said.lines().count() <= 9, "{name} is not said again and again: {}", made.said);
    };
    let status = |status: &'static str| vec![Step::Send(answer(status, &["Content-Length: 0"], b""))];
    let down = Bucket::new(move |_| Some(status("503 Service Unavailable")));
    same("down", &machines.build("down", &down.server.url("x"), &[]), "is not asked any more");
    let closed = format!(
        "http://{}/x",
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port")
    );
    same("closed", &machines.build("closed", &closed, &[]), "is not asked any more");
    let forbidden = Bucket::new(move |request| (request.method == "PUT").then(|| status("403 Forbidden")));
    same("read only", &machines.build("reader", &forbidden.server.url("x"), &[]), "nothing is sent to the store");
    assert_eq!(forbidden.names(), Vec::<String>::new());
    let short = Bucket::new(|request| {
        let head = answer("206 Partial Content", &["Content-Length: 1000", "Content-Range: bytes 0-999/1000"], b"few");
        (request.method == "GET").then(|| vec![Step::Send(head)])
    });
    same("cut off", &machines.build("cut", &short.server.url("x"), &[]), "is not asked any more");

    let bucket = Bucket::new(|_| None);
    let url = bucket.server.url("x");
    assert_eq!(machines.build("writer", &url, &[]).code, 0);
    let good = bucket.objects.lock().expect("nobody panics holding it").clone();
    // Other bytes, other objects, none at all, and a bomb.
    bucket.change(|_, bytes| bytes.iter_mut().skip(4).for_each(|byte| *byte ^= 1));
    same("wrong bytes", &machines.build("a", &url, &[]), "has something else as");
    let first = good.values().next().expect("one").clone();
    bucket.change(|_, bytes| bytes.clone_from(&first));
    same("another's bytes", &machines.build("b", &url, &[]), "has something else as");
    bucket.change(|_, bytes| bytes.clear());
    same("nothing", &machines.build("c", &url, &[]), "");
    let bomb = zstd::encode_all(vec![0; 64 << 20].as_slice(), 1).expect("memory");
    bucket.change(|_, bytes| bytes.clone_from(&bomb));
    same("a bomb", &machines.build("d", &url, &[]), "has something else as");
    // Records of this secret, but under each other's names.
    let records: Vec<Vec<u8>> =
        good.iter().filter(|(name, _)| name.contains("/records/")).map(|(_, value)| value.clone()).collect();
    bucket.change(|name, bytes| {
        *bytes = good[name].clone();
        if let Some(other) = records.iter().find(|other| name.contains("/records/") && *other != bytes) {
            bytes.clone_from(other);
        }
    });
    same("records of other names", &machines.build("e", &url, &[]), "");
    for url in ["ftp://example.org/x", "nonsense", "s3://"] {
        let made = machines.build("f", url, &[]);
        assert!(made.code == 2 && made.said.contains("names no store that can be used"), "{url}: {}", made.said);
    }
}

/// The same with damage drawn by lot: bytes that are others, objects cut, gone, or another's. What comes out is the same
/// image, or status 3.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn case_180_a_store_that_somebody_poisons_at_random() {
    let machines = Machines::new();
    let alone = machines.build("alone", "", &[]);
    let bucket = Bucket::new(|_| None);
    let url = bucket.server.url("x");
    assert_eq!(machines.build("writer", &url, &[]).code, 0);
    let good = bucket.objects.lock().expect("nobody panics holding it").clone();
    let rounds =
        if switched_on("IMGBUILD_TEST_FAULTS", "most rounds of a_store_that_somebody_poisons") { 200 } else { 8 };
    let (mut random, mut refused, mut damaged) = (Random(7), 0, 0);
    for round in 0..rounds {
        let mut poisoned = good.clone();
        for name in good.keys() {
            let other = good.values().nth(random.below(good.len())).expect("one of them").clone();
            let bytes = poisoned.get_mut(name).expect("the same names");
            let at = random.below(bytes.len().max(1));
            match random.below(9) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes.truncate(at),
                2 => *bytes = other,
                3 => bytes.extend(other),
                4 => drop(poisoned.remove(name)),
                _ => continue,
            }
            damaged += 1;
        }
        *bucket.objects.lock().expect("nobody panics holding it") = poisoned;
        let made = machines.build(&format!("round-{round}"), &url, &[]);
        match made.code {
            0 => assert_eq!(made.tree, alone.tree, "round {round}: another image: {}", made.said),
            3 => refused += 1,
            code => panic!("round {round}: {code}: {}", made.said),
        }
    }
    assert!(damaged > rounds, "{damaged}");
    eprintln!("{rounds} builds, {damaged} objects damaged: {refused} builds refused, all others the same image");
}

/// As a server that answers and never ends: behind a switch, for it takes a minute of waiting.
#[test]
fn a_store_that_is_slow_costs_time_and_no_build() {
    if !switched_on("IMGBUILD_TEST_FAULTS", "a_store_that_is_slow_costs_time_and_no_build") {
        return;
    }
    let machines = Machines::new();
    let alone = machines.build("alone", "", &[]);
    let slow = Bucket::new(|_| Some(vec![Step::Wait(Duration::from_secs(600))]));
    let made = machines.build("slow", &slow.server.url("x"), &[]);
    assert_eq!((made.code, &made.tree), (0, &alone.tree), "{}", made.said);
    assert!(made.said.contains("is not asked any more"), "{}", made.said);
}

/// A server of Amazon's protocol that others have written, with signed requests: `s3s-fs` of the crate of that name. A
/// clock that is wrong, and a secret that is, are two ways more to be without a store.
#[test]
#[expect(clippy::disallowed_methods, reason = "a server is started")]
fn a_server_of_s3_is_a_store() {
    if !switched_on("IMGBUILD_TEST_S3", "a_server_of_s3_is_a_store") {
        return;
    }
    let machines = Machines::new();
    let place = machines.place().join("server");
    fs::create_dir_all(place.join("bucket")).expect("made");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let mut server = Command::new("s3s-fs");
    server.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--access-key", "key", "--secret-key", "secret"]);
    let mut server = server.arg(&place).spawn().expect("`cargo install s3s-fs --features binary` has it");
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.try_wait().expect("ours").is_none(), "the server has ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    let endpoint = format!("http://127.0.0.1:{port}");
    let login = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let wrong: Vec<(&str, &str)> =
        login.iter().map(|&(name, value)| (name, if value == "secret" { "other" } else { value })).collect();
    let alone = machines.build("alone", "", &[]);
    let before = machines.packages();
    let made = ["first", "second"].map(|machine| machines.build(machine, "s3://bucket/images", &login));
    let stranger = machines.build("stranger", "s3://bucket/images", &wrong);
    server.kill().and_then(|()| server.wait()).expect("ours");
    for made in &made {
        assert_eq!((made.code, made.said.as_str(), &made.tree), (0, "", &alone.tree));
    }
    assert_eq!((stranger.code, &stranger.tree), (0, &alone.tree), "{}", stranger.said);
    assert!(stranger.said.contains("is not asked any more"), "{}", stranger.said);
    assert_eq!(machines.packages(), 3 * before, "the second has all from the first, and a stranger nothing");
}

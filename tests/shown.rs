//! What is shown: bytes that a terminal obeys, in every place that comes from outside and is shown, and not one of them
//! on a terminal, in a log line or in an event. Each case must show its text, escaped: one that hides it proves nothing.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use imgbuild::configure::Method;
use imgbuild::format::shown::is_obeyed;
use imgbuild::format::tar::EntryKind;
use imgbuild::format::tar::Header;
use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::host::Reporter;
use imgbuild::host::Sandbox;
use imgbuild::host::SandboxError;
use imgbuild::host::SandboxJob;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::entry;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::hello;
use crate::hostile::simple;
use crate::http::honest_but;

/// A title, a colour in one character, a turn of the direction, a deletion.
const EVIL: &str = "\u{1b}]0;y\u{7}\u{9b}31m\u{202e}\u{7f}";
/// A part of [`EVIL`] when it is shown.
const SEEN: [&str; 5] = ["\\u{1b}", "\\u001b", "\\x1b", "\\u{9b}", "\\xc2\\x9b"];

fn assert_harmless(what: &str, text: &str) {
    if let Some(letter) = text.chars().find(|&letter| letter != '\n' && is_obeyed(letter)) {
        panic!("{what}: {letter:?} in {text:?}");
    }
}

/// Runs the program; what it says is harmless. Returns it.
#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run(place: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).current_dir(place).env_clear().stdin(Stdio::null());
    let Output { stdout, stderr, .. } = command.output().expect("the program starts");
    let mut all = String::new();
    for bytes in [stdout, stderr] {
        let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert_harmless(&format!("{arguments:?}"), &text);
        all += &text;
    }
    all
}

/// Runs the program in each of its ways to say things; one of the commands at least shows the text.
fn shows(what: &str, place: &Path, commands: &[&[&str]]) {
    for ways in [&[][..], &["-v"], &["-q"], &["--events", "json"]] {
        let said: Vec<String> = commands
            .iter()
            .map(|command| {
                let words = ["compare", "init"].contains(&command[0]);
                let _ = fs::remove_dir_all(place.join("out"));
                run(place, &[*command, if words { &[] } else { ways }].concat())
            })
            .collect();
        let is_seen = said.iter().any(|said| SEEN.iter().any(|seen| said.contains(seen)));
        assert!(is_seen, "{what} {ways:?} is not shown at all: {said:?}");
    }
}

/// Commands on an archive of this server.
fn shows_of(what: &str, server: &HttpServer, recipe: &str, commands: &[&[&str]]) {
    let world = World::new(&simple()).recipe(recipe);
    let mirror = server.url("debian");
    let with_mirror: Vec<Vec<&str>> = commands
        .iter()
        .map(|command| [command, &["--cache", "cache", "--mirror", &mirror, "--limit", "idle=1"][..]].concat())
        .collect();
    let with_mirror: Vec<&[&str]> = with_mirror.iter().map(Vec::as_slice).collect();
    shows(what, world.place.path(), &with_mirror);
}

const BUILD: &[&str] = &["build", "small.toml", "-o", "out"];
const SHOW: &[&str] = &["show", "small.toml"];
const SHOW_JSON: &[&str] = &["show", "small.toml", "--json"];
const SURVEY: &[&str] = &["show", "small.toml", "--configure"];
const SURVEY_JSON: &[&str] = &["show", "small.toml", "--configure", "--json"];

/// Case 111, of packages: V14 and its like.
#[test]
fn nothing_of_a_package_reaches_a_terminal() {
    let script = |text: &str| hello().script("postinst", text);
    let evil = |text: &str| text.replace("EVIL", EVIL);
    let raw = |header: Header| hello().entry(header, Vec::new());
    let packages: Vec<(&str, DebBuilder)> = vec![
        ("an interpreter", script(&evil("#!/xEVIL\0\n"))),
        ("a command", script(&evil("#!/bin/sh\n'EVIL' -x\n"))),
        ("an option", script(&evil("#!/bin/sh\nmkdir '--EVIL' /a\n"))),
        ("words of a script that fails", script(&evil("#!/bin/sh\necho 'EVIL'\necho 'EVIL' >&2\nexit 3\n"))),
        ("arithmetic", script(&evil("#!/bin/sh\necho $((EVIL))\n"))),
        ("a version", DebBuilder::new("hello", &evil("1.0EVIL"), "amd64")),
        ("a relation", hello().field("Depends", &evil("libcEVIL"))),
        ("a virtual package", hello().field("Depends", &evil("nobody (>= 1EVIL)"))),
        ("a name of a file", raw(entry(&evil("./usr/../EVIL"), EntryKind::File))),
        ("a name that comes twice", {
            raw(entry(&evil("./EVIL"), EntryKind::File)).entry(entry(&evil("./EVIL"), EntryKind::Fifo), Vec::new())
        }),
        ("a target of a hard link", {
            raw(Header { link: evil("./EVIL").into(), ..entry(&evil("./EVILa"), EntryKind::HardLink) })
        }),
        ("a control file", hello().control_file(&evil("EVIL"), 0o644, "")),
        ("a conffile", hello().control_file("conffiles", 0o644, evil("EVIL\n"))),
    ];
    for (what, deb) in packages {
        let server = honest_but(&ArchiveBuilder::new("test").package(&deb), "nothing", vec![]);
        shows_of(what, &server, "", &[SHOW, SHOW_JSON, SURVEY, SURVEY_JSON, BUILD]);
    }
}

/// Case 111, of a mirror: its Release, and what it answers.
#[test]
fn nothing_of_a_mirror_reaches_a_terminal() {
    let release = |from: &str, to: &str| simple().edit(from, &to.replace("EVIL", EVIL));
    let releases = [
        ("a suite", release("Suite: test", "Suite: xEVIL")),
        ("a codename", release("Codename: test", "Codename: xEVIL")),
        ("a date", release("Date: ", "Date: EVIL")),
        ("a component", release("main/binary-amd64/Packages.xz", "main/binary-amd64/EVIL")),
    ];
    for (what, archive) in releases {
        let server = honest_but(&archive, "nothing", vec![]);
        let world = World::new(&simple());
        let mirror = server.url("debian");
        for ways in [&[][..], &["--events", "json"]] {
            let command = [BUILD, &["--cache", "cache", "--mirror", &mirror], ways].concat();
            let said = run(world.place.path(), &command);
            assert!(!said.is_empty(), "{what}: nothing is said");
        }
    }
    let head = |text: &str| text.replace("EVIL", EVIL).into_bytes();
    let answers = [
        ("a status", head("HTTP/1.1 500 EVIL\r\nContent-Length: 0\r\n\r\n")),
        ("a redirect", head("HTTP/1.1 302 Found\r\nLocation: http://EVIL/\r\nContent-Length: 0\r\n\r\n")),
        ("an encoding", head("HTTP/1.1 200 OK\r\nContent-Encoding: EVIL\r\nContent-Length: 1\r\n\r\nx")),
        ("a range", head("HTTP/1.1 206 Part\r\nContent-Range: EVIL\r\nContent-Length: 1\r\n\r\nx")),
        ("no HTTP", head("EVIL\r\n\r\n")),
        ("no Release", answer("200 OK", &["Content-Length: 21"], &head("EVIL\nEVIL\n")[..21])),
    ];
    for (what, bytes) in answers {
        let server = honest_but(&simple(), "InRelease", vec![Step::Send(bytes)]);
        let world = World::new(&simple());
        let mirror = server.url("debian");
        let command = [BUILD, &["-v", "--cache", "cache", "--mirror", &mirror]].concat();
        let said = run(world.place.path(), &command);
        assert!(said.contains("imgbuild: "), "{what}: {said}");
    }
}

/// Case 111, of recipes, locks and outputs that are not one's own.
#[test]
fn nothing_of_a_file_reaches_a_terminal() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| place.path().join(name);
    let toml = "\\u001b]0;y\\u0007\\u009b31m\\u202e\\u007f";
    let recipes = [
        format!("name = \"{toml}\"\n[debian]\nsuite = \"{toml}\"\n"),
        format!("name = \"a\"\npackages = [\"{toml}\", \"./{toml}.deb\"]\n[debian]\nsuite = \"trixie\"\n"),
        format!("name = \"a\"\n\"{toml}\" = 1\n[debian]\nsuite = \"trixie\"\nmirror = \"http://{toml}\"\n"),
        format!("name = \"a\"\n[debian]\nsuite = \"trixie\"\n[[overlay]]\npath = \"/{toml}\"\nsource = \"{toml}\"\n"),
        format!("name = \"a\" # {EVIL}\n[debian]\nsuite = \"trixie\"\n[\n{EVIL}"),
        format!("extends = [\"{toml}\"]\nname = \"a\"\n[debian]\nsuite = \"trixie\"\n"),
    ];
    for text in recipes {
        fs::write(at("small.toml"), &text).expect("written");
        let said = run(place.path(), &["build", "small.toml", "--offline", "--cache", "cache"]);
        let json = run(place.path(), &["build", "small.toml", "--offline", "--cache", "cache", "--events", "json"]);
        assert!(!said.is_empty() && serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{text:?}: {json}");
    }
    shows("a name of a recipe", place.path(), &[&["build", &format!("{EVIL}.toml"), "--cache", "cache"]]);
    let said = run(place.path(), &[&format!("--{EVIL}")]);
    assert!(SEEN.iter().any(|seen| said.contains(seen)), "{said}");
    let said = run(place.path(), &["build", "x.toml", "--limit", &format!("{EVIL}=1")]);
    assert!(!said.is_empty());

    // An output, with a manifest and a tree of somebody else's.
    let tree = |path: &str| format!("d 0755 0:0 - 0 - /\nf 0644 0:0 1 0 {} {path}\n", "0".repeat(64));
    fs::write(at("a.txt"), tree("/a")).expect("written");
    fs::write(at("b.txt"), tree(&format!("/{EVIL}"))).expect("written");
    for json in [&[][..], &["--json"]] {
        let said = run(place.path(), &[&["compare", "a.txt", "b.txt"], json].concat());
        assert!(SEEN.iter().any(|seen| said.contains(seen)), "{said}");
    }
    let (source, output) = (World::new(&simple()), at("built"));
    source.build().expect("an honest archive");
    fs::rename(source.place.path().join("out"), &output).expect("one file system");
    let manifest = fs::read_to_string(output.join("manifest.json")).expect("it is there");
    fs::write(output.join("manifest.json"), manifest.replace("\"root.tar\"", &format!("\"{toml}\""))).expect("written");
    let evil_file = output.join(EVIL);
    fs::write(evil_file, "x").expect("written");
    let said = run(place.path(), &["verify", "built"]);
    assert!(SEEN.iter().any(|seen| said.contains(seen)), "{said}");
    let lock = fs::read_to_string(output.join("small.lock")).expect("it is there");
    for (from, to) in [("\"debian\"", format!("\"{toml}\"")), ("hello", toml.to_owned()), ("[[", format!("{EVIL}[["))] {
        fs::write(at("small.lock"), lock.replace(from, &to)).expect("written");
        let said = run(place.path(), &["verify", "--lock", "small.lock", "--offline", "--cache", "cache"]);
        assert!(!said.is_empty());
    }

    // A head that was set up by hand.
    let head = at("head/etc");
    fs::create_dir_all(head.join("dnsmasq.d")).expect("made");
    let lines = format!("dhcp-host=00:11:22:33:44:55,{EVIL},192.168.1.9\n{EVIL}={EVIL}\n");
    fs::write(head.join("dnsmasq.d/all"), lines).expect("written");
    fs::write(head.join("hosts"), format!("192.168.1.9 {EVIL}\n")).expect("written");
    fs::write(head.join("exports"), format!("/{EVIL} *(ro)\n")).expect("written");
    let said = run(place.path(), &["init", "taken.toml", "--from-head", "head"]);
    assert!(!said.is_empty());
}

/// A sandbox in which dpkg says things.
struct Talking;

impl Sandbox for Talking {
    fn run(
        &self,
        _: &SandboxJob,
        input: &mut (dyn Read + Send),
        _: &mut (dyn Write + Send),
        log: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError> {
        let _ = std::io::copy(input, &mut std::io::sink());
        let _ = writeln!(log, "Setting up {EVIL} ...\r{EVIL}");
        let _ = log.write_all(b"\x9b31m\xff\n");
        Err(SandboxError::Failed(format!("exit status 1 {EVIL}")))
    }
}

#[derive(Default)]
struct Heard(Mutex<String>);

impl Reporter for Heard {
    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().expect("nobody panics holding it");
        *heard += &format!("{event}\n");
    }
}

/// Case 111, of dpkg in the sandbox: in events and errors of the library, before any terminal.
#[test]
fn nothing_of_dpkg_reaches_a_log() {
    let archive = ArchiveBuilder::new("test").package(&hello().script("postinst", "#!/bin/sh\n"));
    let world = World { method: Method::Sandbox, ..World::new(&archive) };
    let heard = Arc::new(Heard::default());
    let reporter: Arc<dyn Reporter> = Arc::clone(&heard) as Arc<dyn Reporter>;
    let host = Host { sandbox: Arc::new(Talking), reporter, ..world.host().expect("a store") };
    let error = world.build_on(&host, "out").expect_err("dpkg failed");
    let heard = heard.0.lock().expect("nobody panics holding it").clone();
    assert!(heard.contains("Setting up \\u{1b}"), "{heard}");
    for (what, text) in [("events", &heard), ("error", &chain(&error))] {
        assert_harmless(what, text);
        assert!(text.contains("\\x9b31m\\xff"), "{what}: {text}");
    }
}

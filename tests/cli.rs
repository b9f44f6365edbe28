//! The program as people and scripts meet it: screens, streams, exit codes.

use std::fs;
use std::fs::Permissions;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use imgbuild::digest::Sha256;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::OutputRecord;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;

/// A recipe that is right, and small.
const RECIPE: &str = "name = \"small\"\n[debian]\nsuite = \"trixie\"\n";

/// The program in a directory of its own, with an empty environment.
#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn imgbuild(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    imgbuild(directory, arguments).output().expect("the program starts")
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("the tests can write");
    fs::write(place.path().join("small.toml"), RECIPE).expect("written");
    place
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("words are UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("words are UTF-8")
}

#[test]
fn help_is_data_and_usage_errors_are_words() {
    let place = place();
    for (arguments, wanted, on_stdout) in [
        (&["--help"][..], 0, true),
        (&["show", "--help"], 0, true),
        (&["--version"], 0, true),
        (&[], 2, false),
        (&["small.toml", "--no-such"], 2, false),
        (&["small.toml", "--expect", "abc"], 2, false),
        (&["small.toml", "--jobs", "0"], 2, false),
        (&["biuld", "small.toml"], 2, false),
    ] {
        let output = run(place.path(), arguments);
        assert_eq!(code(&output), Some(wanted), "{arguments:?}: {}", err(&output));
        assert_eq!((!output.stdout.is_empty(), !output.stderr.is_empty()), (on_stdout, !on_stdout), "{arguments:?}");
    }
}

#[test]
fn a_wrong_recipe_shows_its_lines() {
    let place = place();
    fs::write(place.path().join("bad.toml"), "name = \"bad\"\npakages = []\n[debian]\nsuite = \"a b\"\n")
        .expect("written");
    let output = run(place.path(), &["bad.toml"]);
    let wanted = "\
imgbuild: the recipe has 2 problems

bad.toml:2:1: unknown key `pakages`
  |
2 | pakages = []
  | ^^^^^^^
  = help: did you mean `packages`?

bad.toml:4:9: `debian.suite` is \"a b\"
  |
4 | suite = \"a b\"
  |         ^^^^^
  = help: use letters, digits, `.`, `+`, `-`, `_` and `~`, in words joined by `/`
";
    assert_eq!(err(&output), wanted);
    assert_eq!((code(&output), out(&output)), (Some(2), String::new()));
    let output = run(place.path(), &["none.toml"]);
    let wanted = "imgbuild: cannot read recipe `none.toml`: No such file or directory (os error 2)\n  \
                  help: `imgbuild init` writes a recipe to start from\n";
    assert_eq!((code(&output), err(&output).as_str()), (Some(2), wanted));
}

#[test]
fn init_writes_once() {
    let place = place();
    let output = run(place.path(), &["init"]);
    assert!(err(&output).contains("nobody can log in yet"), "{}", err(&output));
    assert_eq!((code(&output), out(&output).as_str()), (Some(0), "recipe.toml\n"), "{}", err(&output));
    let written = fs::read(place.path().join("recipe.toml")).expect("it is there");
    assert_eq!(code(&run(place.path(), &["init"])), Some(1));
    assert_eq!(fs::read(place.path().join("recipe.toml")).expect("it is there"), written);
}

#[test]
fn a_recipe_is_no_lock() {
    let place = place();
    let output = run(place.path(), &["init", "new.lock"]);
    assert_eq!(code(&output), Some(2));
    assert!(
        err(&output).contains("`new.lock` would be taken for a lock: call the recipe `new.toml`"),
        "{}",
        err(&output)
    );
    assert!(!place.path().join("new.lock").exists());
    fs::write(place.path().join("small.lock"), RECIPE).expect("written");
    for command in ["lock", "show", "build"] {
        let output = run(place.path(), &[command, "small.lock", "--offline", "--cache", "cache"]);
        let wanted = "imgbuild: recipe `small.lock` lies where its own lock would: call it `small.toml`\n";
        assert_eq!((code(&output), err(&output).as_str()), (Some(2), wanted), "{command}");
    }
    fs::remove_file(place.path().join("small.lock")).expect("there");
    let output = run(place.path(), &["init", "My Own.toml"]);
    assert!(err(&output).contains("the recipe is called `compute`: `My Own` can be no name"), "{}", err(&output));
}

/// What is misspelt is told with the nearest, and nothing of another kind.
#[test]
fn the_nearest_word_is_named() {
    let place = place();
    for (words, said) in [
        (&["help", "buld"][..], "a similar subcommand exists: 'build'"),
        (&["comapre", "a", "b"], "a similar subcommand exists: 'compare'"),
        (&["cache", "inof"], "a similar subcommand exists: 'info'"),
        (&["small.toml", "--limit", "rat=1"], "there is none of this name (did you mean `rate`?)"),
        (&["k9.toml"], "`imgbuild init` writes a recipe"),
        (&["smal.toml"], "did you mean `small.toml`?"),
        (&["publish", "oci:registry.example.org/x/y:1", "--to", "h"], "`oci://registry.example.org/x/y:1`"),
        (&["small.toml", "--offline", "--cache", "cache"], "go on once without `--offline`"),
    ] {
        fs::write(place.path().join("m3.toml"), RECIPE).expect("written");
        let output = run(place.path(), words);
        assert!(err(&output).contains(said), "{words:?}: {}", err(&output));
    }
}

#[test]
fn what_follows_from_the_types_is_printed() {
    let place = place();
    let schema: serde_json::Value = serde_json::from_str(&out(&run(place.path(), &["schema"]))).expect("it is JSON");
    assert!(schema["properties"]["packages"]["description"].is_string());
    assert!(out(&run(place.path(), &["completions", "bash"])).contains("imgbuild"));
    assert!(out(&run(place.path(), &["man"])).contains(".TH imgbuild"));
}

#[test]
fn a_lock_is_asked_for_or_stale() {
    let place = place();
    let output = run(place.path(), &["small.toml", "--locked", "--offline", "--cache", "cache"]);
    let wanted = "imgbuild: there is no lock `small.lock`\n  help: make it with `imgbuild lock RECIPE`\n";
    assert_eq!((code(&output), err(&output).as_str()), (Some(2), wanted));
    let recipe = recipe::load(&place.path().join("small.toml")).expect("it is right");
    Lock::new(&recipe).write(&place.path().join("small.lock")).expect("written");
    fs::write(place.path().join("small.toml"), RECIPE.replace("trixie", "bookworm")).expect("written");
    let output = run(place.path(), &["small.toml", "--offline", "--cache", "cache"]);
    assert_eq!(code(&output), Some(2));
    assert!(err(&output).starts_with("imgbuild: lock `small.lock` is stale: "), "{}", err(&output));
    assert!(err(&output).ends_with("`imgbuild lock RECIPE --update`, or remove it\n"), "{}", err(&output));
    let output = run(place.path(), &["lock", "small.toml", "--offline", "--cache", "cache", "--update", "bash"]);
    let wanted = "imgbuild: package `bash` is in neither `small.lock` nor `small.toml`\n";
    assert_eq!((code(&output), err(&output).as_str()), (Some(2), wanted));
    fs::write(place.path().join("small.lock"), "version = 1\nversion = 1\n").expect("written");
    let output = run(place.path(), &["small.toml", "--offline", "--cache", "cache"]);
    assert_eq!(code(&output), Some(2));
    assert!(err(&output).starts_with("imgbuild: small.lock:2:1: "), "{}", err(&output));
}

#[test]
fn events_are_json_lines_to_the_end() {
    let place = place();
    let output = run(place.path(), &["small.toml", "--offline", "--cache", "cache", "--events", "json"]);
    assert_eq!(code(&output), Some(1), "{}", err(&output));
    let text = err(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let last = lines.last().expect("there is a line");
    assert_eq!((&last["event"], &last["exit-code"]), (&"error".into(), &1.into()));
    assert_eq!((&last["kind"], &last["retryable"]), (&"failed".into(), &false.into()), "{last}");
    assert!(lines.iter().all(|line| line["event"].is_string() && line["version"] == 1 && line["seconds"].is_number()));
    fs::write(place.path().join("small.toml"), "name = 1").expect("written");
    let output = run(place.path(), &["small.toml", "--cache", "cache", "--events", "json"]);
    let last: serde_json::Value = serde_json::from_str(err(&output).lines().last().expect("one")).expect("JSON");
    assert_eq!((&last["kind"], &last["retryable"]), (&"usage".into(), &false.into()), "{last}");
}

/// The schema of events has each of them, with what it tells.
#[test]
fn events_have_a_schema() {
    let place = place();
    let output = run(place.path(), &["schema", "--events"]);
    let text = out(&output);
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    for name in [
        "stage-started",
        "stage-finished",
        "output-kept",
        "retry",
        "warning",
        "finished",
        "error",
        "exit-code",
        "seconds",
    ] {
        assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
    }
}

/// Mirrors are URLs of three schemes without secrets; a refused one is never shown with its password.
#[test]
fn case_70_mirrors_of_the_command_line() {
    let place = place();
    let bad = [
        "file://etc",
        "ftp://mirror.example.org/debian",
        "http://user:secret@mirror.example.org/debian",
        "mirror.example.org",
        "http://a b/debian",
    ];
    for url in bad {
        for way in ["option", "environment"] {
            let mut command = imgbuild(place.path(), &["show", "small.toml", "--cache", "cache"]);
            let command =
                if way == "option" { command.args(["--mirror", url]) } else { command.env("IMGBUILD_MIRROR", url) };
            let output = command.output().expect("the program starts");
            assert_eq!(code(&output), Some(2), "{way} {url:?}: {}", err(&output));
            assert!(!err(&output).contains("secret"), "{}", err(&output));
            assert!(
                output.stdout.is_empty() && !place.path().join("cache").exists(),
                "{way} {url:?}: something was made"
            );
        }
    }
}

/// An output never lands on what is not one.
#[test]
fn case_70_places_of_outputs() {
    let place = place();
    fs::create_dir(place.path().join("full")).expect("made");
    fs::write(place.path().join("full/letter"), "dear").expect("written");
    std::os::unix::fs::symlink("full", place.path().join("link")).expect("made");
    for directory in ["/", ".", "full", "link", "small.toml"] {
        let output = run(place.path(), &["small.toml", "--offline", "--cache", "cache", "-o", directory]);
        assert_eq!(code(&output), Some(2), "{directory}: {}", err(&output));
        assert!(err(&output).contains("cannot be an output directory"), "{directory}: {}", err(&output));
        assert!(!place.path().join("cache").exists(), "{directory}: something was made");
    }
    assert_eq!(crate::hostile::names(place.path()), ["full", "link", "small.toml"]);
    assert_eq!(fs::read(place.path().join("full/letter")).expect("it is there"), b"dear");
}

/// Nothing of the environment changes what is done, but what is documented.
#[test]
fn case_71_the_environment() {
    let place = place();
    let arguments =
        ["show", "small.toml", "--offline", "--cache", "cache", "--mirror", "http://mirror.example.org/debian"];
    let plain = run(place.path(), &arguments);
    assert_eq!(code(&plain), Some(1), "{}", err(&plain));
    for (name, value) in [
        ("TAR_OPTIONS", "--to-command=false"),
        ("SOURCE_DATE_EPOCH", "-1"),
        ("SOURCE_DATE_EPOCH", "99999999999999999999"),
        ("TMPDIR", "/no/such"),
        ("TZ", "Pacific/Kiritimati"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("HOME", "/no/such"),
        ("HOME", "relative"),
        ("XDG_CACHE_HOME", "relative"),
        ("http_proxy", "http://user:secret@proxy.example.org"),
        ("IMGBUILD_MIRROR", "http://other.example.org/debian"),
    ] {
        let output = imgbuild(place.path(), &arguments).env(name, value).output().expect("the program starts");
        assert_eq!((code(&output), err(&output)), (code(&plain), err(&plain)), "{name}={value}");
    }
    let output = run(place.path(), &["show", "small.toml", "--offline"]);
    let wanted = "imgbuild: there is no HOME to keep a cache in; name a directory with `--cache` or \
                  IMGBUILD_CACHE\n";
    assert_eq!((code(&output), err(&output).as_str()), (Some(2), wanted));
}

#[test]
fn a_manual_page_for_each_command() {
    let place = place();
    let output = run(place.path(), &["man", "--to", "share/man/man1"]);
    assert_eq!((code(&output), out(&output).as_str()), (Some(0), ""), "{}", err(&output));
    let page = |name: &str| fs::read_to_string(place.path().join("share/man/man1").join(name)).expect("it is there");
    assert!(page("imgbuild-build.1").contains("\\-\\-expect"), "{}", page("imgbuild-build.1"));
    assert!(page("imgbuild.1").contains("imgbuild\\-build(1)") && page("imgbuild-cache-prune.1").contains(".TH"));
}

/// Nobody is there to answer: said once for each server, and not for each file and try.
#[test]
fn a_network_that_is_none_is_told_once() {
    let place = place();
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("it is bound");
    let mirror = format!("http://{closed}/debian");
    let output = run(place.path(), &["show", "small.toml", "--cache", "cache", "--mirror", &mirror]);
    assert_eq!(code(&output), Some(1), "{}", err(&output));
    assert_eq!(err(&output).matches("trying again").count(), 1, "{}", err(&output));
    assert!(err(&output).contains("help: try again later"), "{}", err(&output));
}

#[test]
fn a_machine_that_cannot_build_is_told_why() {
    let place = place();
    let closed = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("it is bound");
    let doctor = |cache: &str, mirror: &str| run(place.path(), &["doctor", "--cache", cache, "--mirror", mirror]);
    let output = doctor("small.toml", &format!("http://{closed}/debian"));
    assert_eq!(code(&output), Some(1), "{}", out(&output));
    let text = out(&output);
    for line in [
        "lacks cache    `small.toml` is a link, or no directory",
        &format!("lacks mirror   <http://{closed}/debian/dists/stable/"),
    ] {
        assert!(text.lines().any(|said| said.starts_with(line)), "{line}: {text}");
    }
    assert!(text.ends_with("verdict: this machine builds no images yet\n"), "{text}");
    assert!(err(&output).contains("something that builds need lacks here"), "{}", err(&output));

    let server = HttpServer::new(|_| vec![Step::Send(answer("200 OK", &["Content-Length: 4"], b"text"))]);
    let output = doctor("cache", &server.url("debian"));
    let line = format!("ok    mirror   <{}/dists/stable/InRelease>: 4 B in ", server.url("debian"));
    assert!(out(&output).contains(&line), "{line}: {}", out(&output));
    assert!(
        out(&output).contains("ok    cache    `cache`, ")
            && out(&output).contains("verdict: this machine builds images")
    );
    assert!(!place.path().join("cache").exists(), "who only looks makes none");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = place();
    let mut child = imgbuild(place.path(), &["schema"]).stdout(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A mirror that answers, and then says a word every now and then, for ever.
fn drip() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/debian", listener.local_addr().expect("it has one"));
    (listener, url)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a signal is sent as people send it")]
fn signals_end_a_build_in_good_order() {
    for (signal, wanted) in [("-INT", 130), ("-TERM", 143)] {
        let place = place();
        let (listener, url) = drip();
        let arguments = ["small.toml", "--cache", "cache", "--mirror", &url, "-o", "out"];
        let child = imgbuild(place.path(), &arguments).stderr(Stdio::piped()).spawn().expect("the program starts");
        let pid = child.id().to_string();
        let started = Instant::now();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("it asks");
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                let sent = Command::new("kill").args([signal, &pid]).status();
                assert!(sent.expect("there is a kill").success());
                // Goes on until the other side has gone.
                while stream.write_all(b"x").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            child.wait_with_output().expect("it ends")
        });
        assert_eq!((code(&output), err(&output).as_str()), (Some(wanted), "imgbuild: interrupted\n"));
        assert!(started.elapsed() < Duration::from_secs(20), "it waited for the mirror");
        assert!(!place.path().join("out").exists());
        let left: Vec<_> =
            fs::read_dir(place.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".imgbuild")), "{left:?}");
    }
}

#[test]
fn trees_are_compared() {
    let place = place();
    let line = |size: u32, path: &str| format!("f 0644 0:0 {size} 0 {} {path}\n", Sha256::of(path.as_bytes()));
    fs::write(place.path().join("a.txt"), line(1, "/etc/a") + &line(2, "/etc/b")).expect("written");
    fs::write(place.path().join("b.txt"), line(1, "/etc/a") + &line(3, "/etc/b")).expect("written");
    let output = run(place.path(), &["compare", "a.txt", "a.txt"]);
    assert_eq!((code(&output), out(&output)), (Some(0), String::new()), "{}", err(&output));
    let output = run(place.path(), &["compare", "a.txt", "b.txt"]);
    assert_eq!((code(&output), err(&output)), (Some(1), String::new()));
    assert!(out(&output).contains("~ /etc/b") && !out(&output).contains("/etc/a"), "{}", out(&output));
    let output = run(place.path(), &["compare", "a.txt", "b.txt", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&out(&output)).is_ok());
    fs::write(place.path().join("c.txt"), "nonsense").expect("written");
    assert_eq!(code(&run(place.path(), &["compare", "a.txt", "c.txt"])), Some(2));
    assert_eq!(code(&run(place.path(), &["compare", "a.txt", "none.txt"])), Some(1));
}

#[test]
fn an_output_is_verified() {
    let place = place();
    let directory = place.path().join("out");
    fs::create_dir_all(directory.join("boot")).expect("made");
    let record = |path: &str, text: &str| {
        fs::write(directory.join(path), text).expect("written");
        fs::set_permissions(directory.join(path), Permissions::from_mode(0o644)).expect("ours");
        OutputRecord::file(path, text.len() as u64, Sha256::of(text.as_bytes()))
    };
    let tree = Sha256::of(b"a tree");
    let boot = OutputRecord::Directory { path: "boot".into(), mode: 0o755 };
    let outputs = vec![record("tree.txt", "a tree"), record("boot/vmlinuz", "a kernel"), boot];
    fs::set_permissions(directory.join("boot"), Permissions::from_mode(0o755)).expect("ours");
    let mut manifest = Manifest::new("small".into(), "amd64".into(), "trixie".into(), tree, 0, tree);
    manifest.outputs = outputs;
    let write = |manifest: &Manifest| {
        fs::write(directory.join("manifest.json"), manifest.to_json()).expect("written");
        fs::set_permissions(directory.join("manifest.json"), Permissions::from_mode(0o644)).expect("ours");
    };
    write(&manifest);
    let output = run(place.path(), &["verify", "out"]);
    let wanted = format!("2 files as in the manifest\ntree {tree}\n");
    assert_eq!((code(&output), out(&output)), (Some(0), wanted), "{}", err(&output));
    let told = |wanted: &str| {
        let output = run(place.path(), &["verify", "out"]);
        assert_eq!(code(&output), Some(3), "{wanted}");
        assert!(err(&output).contains(wanted), "{wanted}: {}", err(&output));
    };
    fs::write(directory.join("boot/vmlinuz"), "a kornel").expect("written");
    told("`boot/vmlinuz` has other bytes");
    fs::write(directory.join("boot/vmlinuz"), "a colonel").expect("written");
    told("`boot/vmlinuz` has 9 bytes, not 8");
    fs::set_permissions(directory.join("boot/vmlinuz"), Permissions::from_mode(0o4755)).expect("ours");
    told("`boot/vmlinuz` has mode 4755, not 0644");
    fs::remove_file(directory.join("boot/vmlinuz")).expect("there");
    told("`boot/vmlinuz` is missing");
    std::os::unix::fs::symlink("/etc/passwd", directory.join("boot/vmlinuz")).expect("made");
    told("`boot/vmlinuz` is no regular file");
    fs::write(directory.join("more"), "").expect("written");
    told("`more` is not in the manifest");
    for number in 0..60 {
        fs::write(directory.join(format!("more-{number}")), "").expect("written");
    }
    told("\n  and 12 more");
    let output = run(place.path(), &["verify", "out", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&output)).expect("a document");
    assert_eq!((code(&output), &document["tree"], &document["files"]), (Some(3), &tree.to_string().into(), &2.into()));
    assert!(
        document["wrong"].as_array().expect("a list").contains(&"`more` is not in the manifest".into()),
        "{document}"
    );
    for path in ["../small.toml", "/etc/passwd", "manifest.json", ""] {
        manifest.outputs[1] = OutputRecord::file(path, 0, tree);
        write(&manifest);
        told(&format!("`{path}` is no path in an output"));
    }
    manifest.outputs[1] = manifest.outputs[0].clone();
    write(&manifest);
    told("`tree.txt` is in the manifest twice");
    fs::write(directory.join("manifest.json"), "{").expect("written");
    told("cannot read the manifest");
    let output = run(place.path(), &["verify", "out", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&output)).expect("a document");
    assert!(document["tree"].is_null() && document["wrong"][0].is_string(), "{document}");
    fs::remove_file(directory.join("manifest.json")).expect("there");
    assert_eq!(code(&run(place.path(), &["verify", "out"])), Some(1));
    fs::write(place.path().join("x.lock"), "x").expect("written");
    for (path, help) in [
        ("out", "an output is a directory with `manifest.json`"),
        (
            "x.lock",
            "an output is a directory with `manifest.json`, as `imgbuild build` leaves it; `imgbuild verify --lock x.lock`",
        ),
        ("owt", "did you mean `out`?"),
    ] {
        for command in [&["verify"][..], &["publish", "--to", "head"], &["boot"], &["report"], &["compare", "out"]] {
            // For these a lock is a form of an image, and a directory any.
            if path == "owt" || !["report", "compare"].contains(&command[0]) {
                let said = err(&run(place.path(), &[command, &[path]].concat()));
                assert!(said.contains(help), "{command:?} {path}: {said}");
            }
        }
    }
}

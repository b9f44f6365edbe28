//! A recipe with several images, built: one output that holds one for each, and what commands make of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::manifest::Manifest;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;

use crate::hostile::World;
use crate::http::honest_but;

const IMAGES: &str = "[image.plain]\n[image.big]\npackages = [\"world\"]\n[[image.big.overlay]]\npath = \"/etc/big\"\n\
                      content = \"big\\n\"\n";

struct Builder {
    world: World,
    server: HttpServer,
}

impl Builder {
    fn new() -> Self {
        let package =
            |name: &str| DebBuilder::new(name, "1.0-1", "amd64").file(&format!("usr/bin/{name}"), 0o755, "x\n");
        let archive = ArchiveBuilder::new("test").package(&package("hello")).package(&package("world"));
        let server = honest_but(&archive, "nothing", vec![]);
        Self { world: World::new(&archive).recipe(IMAGES), server }
    }

    fn place(&self) -> &Path {
        self.world.place.path()
    }

    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let place = self.place();
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(arguments).current_dir(place).env_clear();
        let mirror = self.server.url("debian");
        command.env("IMGBUILD_MIRROR", mirror);
        command.env("XDG_STATE_HOME", place.join("state")).env("XDG_CACHE_HOME", place.join("cache"));
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.place().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn manifest(&self, path: &str) -> Manifest {
        Manifest::parse(&self.read(path)).expect("ours")
    }
}

#[test]
fn each_image_is_an_output_and_so_is_the_whole() {
    let builder = Builder::new();
    builder.good(&["build", "small.toml", "--output", "out"]);
    let whole = builder.manifest("out/manifest.json");
    assert_eq!(whole.images.keys().collect::<Vec<_>>(), ["big", "plain"]);
    assert!(whole.packages.is_empty());
    let listed = builder.read("out/tree.txt");
    for (name, packages) in [("big", vec!["hello", "world"]), ("plain", vec!["hello"])] {
        let manifest = builder.manifest(&format!("out/{name}/manifest.json"));
        assert_eq!(manifest.tree, whole.images[name]);
        assert!(listed.contains(&format!("{}  {name}/tree.txt\n", manifest.tree)), "{listed}");
        assert_eq!(manifest.packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), packages);
        assert!(builder.place().join(format!("out/{name}/root.tar")).is_file());
        builder.good(&["verify", &format!("out/{name}")]);
    }
    assert!(builder.read("out/big/tree.txt").contains(" /etc/big\n"));
    assert!(!builder.read("out/plain/tree.txt").contains("/etc/big"));
    let said = builder.good(&["verify", "out"]);
    assert!(said.contains(&format!("tree {}", whole.tree)), "{said}");

    // What lies in an image's directory is of the closed set.
    fs::write(builder.place().join("out/big/more"), "").expect("written");
    let (code, _, err) = builder.run(&["verify", "out"]);
    assert!(code == 3 && err.contains("`big/more` is not in the manifest"), "{err}");
    fs::remove_file(builder.place().join("out/big/more")).expect("there");

    builder.good(&["compare", "out", "out"]);
    let (code, _, err) = builder.run(&["report", "out"]);
    assert!(code == 2 && err.contains("several images") && err.contains("`out/big`, `out/plain`"), "{err}");
    let (code, _, err) = builder.run(&["compare", "out", "out/big/root.tar"]);
    assert!(code == 2 && err.contains("`DIR/NAME`, with a name of big, plain"), "{err}");
    let (code, out, _) = builder.run(&["compare", "out/plain", "out/big"]);
    assert!(code == 1 && out.contains("world") && out.contains("/etc/big"), "{out}");
}

#[test]
fn images_of_one_name_are_compared() {
    let builder = Builder::new();
    builder.good(&["build", "small.toml", "--output", "one"]);
    let text = builder.read("small.toml").replace("content = \"big", "content = \"bigger");
    let text = text.replace("[image.plain]", "[image.other]");
    fs::write(builder.place().join("small.toml"), text).expect("written");
    builder.good(&["build", "small.toml", "--output", "two"]);
    for option in [&[][..], &["--json"], &["--markdown"], &["--html"]] {
        let (code, out, err) = builder.run(&[&["compare", "one", "two"], option].concat());
        assert_eq!(code, 1, "{err}");
        assert!(out.contains("/etc/big") && out.contains("other") && out.contains("plain"), "{out}");
    }
    let (_, out, _) = builder.run(&["compare", "one", "two"]);
    assert!(out.contains("\nimage big\n") && out.contains("+ image other\n- image plain\n"), "{out}");
    let (code, out, err) = builder.run(&["compare", "one/small.lock", "two/small.lock"]);
    assert!(code == 1 && out.contains("+ image other\n- image plain\n"), "{out} {err}");
    let (code, out, err) = builder.run(&["compare", "one/manifest.json", "two/manifest.json"]);
    assert!(code == 1 && out.contains("\nimage big\n~ tree "), "{out} {err}");
}

#[test]
fn a_lock_gives_all_images_again() {
    let builder = Builder::new();
    builder.good(&["lock", "small.toml"]);
    let lock = builder.read("small.lock");
    assert_eq!(lock.matches("[[image]]").count(), 2, "{lock}");
    assert_eq!(lock.matches("[[source]]").count(), 1, "all are from one set of indices: {lock}");
    builder.good(&["build", "small.toml", "--output", "one"]);
    builder.good(&["build", "small.toml", "--output", "two", "--locked", "--offline"]);
    assert_eq!(builder.read("one/manifest.json"), builder.read("two/manifest.json"));
    assert_eq!(builder.read("one/small.lock"), lock);
    builder.good(&["verify", "--lock", "small.lock", "--recipe", "small.toml"]);
    builder.good(&["verify", "one", "--rebuild", "small.toml"]);
    let (_, _, err) = builder.run(&["build", "small.toml", "--output", "one"]);
    assert!(err.contains("nothing has changed: `one` stays"), "{err}");

    // A wish of one image makes the lock stale, and moves that image alone.
    let before = builder.manifest("one/manifest.json").images;
    let text = builder.read("small.toml").replace("[image.plain]\n", "[image.plain]\npackages = [\"world\"]\n");
    fs::write(builder.place().join("small.toml"), text).expect("written");
    let (code, _, err) = builder.run(&["build", "small.toml", "--output", "one"]);
    assert!(code != 0 && err.contains("stale"), "{err}");
    builder.good(&["lock", "small.toml", "--update"]);
    builder.good(&["build", "small.toml", "--output", "one"]);
    let after = builder.manifest("one/manifest.json").images;
    assert_eq!(before["big"], after["big"]);
    assert_ne!(before["plain"], after["plain"]);

    // The lock is judged image by image.
    let lock = builder.read("small.lock");
    let bad = lock.replacen("name = \"world\"", "name = \"wurld\"", 1);
    assert_ne!(bad, lock);
    fs::write(builder.place().join("small.lock"), bad).expect("written");
    let (code, _, err) = builder.run(&["build", "small.toml", "--output", "three"]);
    assert_eq!(code, 3, "{err}");
}

#[test]
fn images_are_shown_one_by_one() {
    let builder = Builder::new();
    let out = builder.good(&["show", "small.toml"]);
    assert!(out.starts_with("image plain\nhello ") && out.contains("image big\n") && out.contains("world "), "{out}");
    let out = builder.good(&["show", "small.toml", "--image", "plain", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok() && !out.contains("world"), "{out}");
    let (code, _, err) = builder.run(&["show", "small.toml", "--json"]);
    assert!(code == 2 && err.contains("--image") && err.contains("plain, big"), "{err}");
    let (code, _, err) = builder.run(&["show", "small.toml", "--image", "bog"]);
    assert!(code == 2 && err.contains("did you mean `big`?"), "{err}");
}

//! `imgbuild add` and `remove`: the recipe's text and its lock change together, or not at all.

use std::fs;
use std::process::Command;
use std::process::Output;

use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;

use crate::hostile::World;
use crate::http::honest_but;

/// An archive with a package that needs another one, and `hello` in these versions.
fn archive(versions: &[&str]) -> ArchiveBuilder {
    let tools = DebBuilder::new("tools", "3", "amd64").field("Depends", "tools-data");
    let hello = versions.iter().map(|version| DebBuilder::new("hello", version, "amd64"));
    let packages = hello.chain([tools, DebBuilder::new("tools-data", "3", "amd64")]);
    packages.fold(ArchiveBuilder::new("test"), |archive, package| archive.package(&package))
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run(world: &World, server: &HttpServer, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).args(["--cache", "cache", "--mirror", &server.url("debian")]);
    command.current_dir(world.place.path()).env_clear().output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn recipe_and_lock_change_together() {
    let first = archive(&["1.0-1"]);
    let world = World::new(&first);
    let server = honest_but(&first, "nothing", vec![]);
    let read = |name: &str| fs::read_to_string(world.place.path().join(name)).expect("it is there");
    let output = run(&world, &server, &["lock", "small.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    let (recipe, lock) = (read("small.toml"), read("small.lock"));

    // The archive has a newer `hello` by now; only what is added may come into the lock.
    let second = archive(&["1.0-1", "1.1-1"]);
    let server = honest_but(&second, "nothing", vec![]);
    let output = run(&world, &server, &["add", "tools"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "small.toml\nsmall.lock\n");
    assert!(said(&output).ends_with("+ tools 3\n+ tools-data 3\n"), "what came: {}", said(&output));
    assert_eq!(read("small.toml"), recipe.replace("[\"hello\"]", "[\"hello\", \"tools\"]"));
    let added = read("small.lock");
    for wanted in ["name = \"tools\"", "name = \"tools-data\"", "version = \"1.0-1\""] {
        assert!(added.contains(wanted), "{wanted}: {added}");
    }
    assert!(!added.contains("1.1-1"), "{added}");
    let output = run(&world, &server, &["show", "small.toml"]);
    assert!(output.status.success(), "the lock fits: {}", said(&output));
    let output = run(&world, &server, &["show", "small.toml", "--why", "helo"]);
    assert!(said(&output).contains("`helo` would not be installed (did you mean `hello`?)"), "{}", said(&output));

    let output = run(&world, &server, &["remove", "tools", "--recipe", "small.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(read("small.toml"), recipe);
    assert!(!read("small.lock").contains("tools"));
    assert!(read("small.lock").contains("version = \"1.0-1\""));
    assert!(lock.contains("version = \"1.0-1\""));
}

/// Who edits the recipe by hand is told the command that takes it in, and the word that may have been meant.
#[test]
fn a_stale_lock_says_what_it_lacks() {
    let first = archive(&["1.0-1"]);
    let world = World::new(&first);
    let server = honest_but(&first, "nothing", vec![]);
    let path = world.place.path().join("small.toml");
    let recipe = fs::read_to_string(&path).expect("it is there");
    let wishing = |words: &str| fs::write(&path, recipe.replace("[\"hello\"]", words)).expect("written");
    assert!(run(&world, &server, &["lock", "small.toml"]).status.success());

    let start = "imgbuild: lock `small.lock` is stale: recipe `small` asks for other packages than when it was made\n";
    wishing("[\"hallo\", \"tools\"]");
    for arguments in [&["small.toml"][..], &["verify", "--lock", "small.lock", "--recipe", "small.toml"]] {
        let output = run(&world, &server, arguments);
        let wanted = format!(
            "{start}  help: `imgbuild lock RECIPE --update hallo tools` takes what it lacks into the lock, and moves only \
             what must; did you mean `hello`, which it has, by `hallo`?\n  `imgbuild add PACKAGE` changes recipe and lock \
             together\n"
        );
        assert_eq!((output.status.code(), said(&output)), (Some(2), wanted), "{arguments:?}");
    }

    // What is advised does it, and moves nothing else.
    let second = archive(&["1.0-1", "1.1-1"]);
    let server = honest_but(&second, "nothing", vec![]);
    wishing("[\"hello\", \"tools\"]");
    let output = run(&world, &server, &["lock", "small.toml", "--update", "tools"]);
    assert!(output.status.success(), "{}", said(&output));
    let lock = fs::read_to_string(world.place.path().join("small.lock")).expect("it is there");
    assert!(lock.contains("name = \"tools-data\"") && !lock.contains("1.1-1"), "{lock}");

    // Another suite is the first thing to say.
    wishing("[\"hello\", \"tools\"]");
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, text.replace("suite = \"test\"", "suite = \"trixei\"")).expect("written");
    let output = run(&world, &server, &["small.toml"]);
    assert!(
        said(&output).contains("did you mean `trixie`? It has nothing of the suite `trixei`: move it"),
        "{}",
        said(&output)
    );

    // Where it lacks nothing, there is no word to look for.
    wishing("[\"tools\"]");
    let output = run(&world, &server, &["small.toml"]);
    let wanted = format!("{start}  help: move it with `imgbuild lock RECIPE --update`, or remove it\n");
    assert_eq!((output.status.code(), said(&output)), (Some(2), wanted));
}

/// A recipe stays what and where it is: a link to it, its line ends, and what `--locked` forbids.
#[test]
fn a_recipe_is_changed_where_it_lies() {
    let archive = archive(&["1.0-1"]);
    let world = World::new(&archive);
    let server = honest_but(&archive, "nothing", vec![]);
    let place = world.place.path();
    let text = fs::read_to_string(place.join("small.toml")).expect("it is there").replace('\n', "\r\n");
    fs::write(place.join("small.toml"), &text).expect("written");
    let output = run(&world, &server, &["add", "tools", "--recipe", "small.toml", "--locked"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("there is no lock `small.lock`"), "{}", said(&output));
    assert_eq!(fs::read_to_string(place.join("small.toml")).expect("it is there"), text);

    std::os::unix::fs::symlink("small.toml", place.join("link.toml")).expect("a link");
    let output = run(&world, &server, &["add", "tools", "--recipe", "link.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(fs::symlink_metadata(place.join("link.toml")).expect("it is there").is_symlink());
    let changed = fs::read_to_string(place.join("small.toml")).expect("it is there");
    assert!(changed.contains("\"tools\"") && changed.matches('\n').count() == changed.matches("\r\n").count());

    let output = run(&world, &server, &["add", "no name", "--recipe", "small.toml"]);
    assert!(said(&output).contains("small.toml:") && !said(&output).contains(".imgbuild-"), "{}", said(&output));
}

/// What one image has already comes into the other one, and that is told.
#[test]
fn moves_are_told_by_image() {
    let archive = archive(&["1.0-1"]);
    let world = World::new(&archive);
    let server = honest_but(&archive, "nothing", vec![]);
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    let images = "[image.plain]\n[image.login]\npackages = [\"tools\"]\n";
    fs::write(&path, format!("{text}{images}")).expect("written");
    let output = run(&world, &server, &["lock", "small.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    for (command, sign) in [("add", '+'), ("remove", '-')] {
        let output = run(&world, &server, &[command, "tools", "--recipe", "small.toml"]);
        let moved = format!("image plain: {sign} tools 3\nimage plain: {sign} tools-data 3\n");
        assert!(output.status.success() && said(&output).ends_with(&moved), "{}", said(&output));
        assert!(!said(&output).contains("login"), "{}", said(&output));
    }
}

/// A component that the archive has not is a word of the recipe's.
#[test]
fn a_misspelt_component_is_named() {
    let archive = archive(&["1.0-1"]);
    let world = World::new(&archive);
    let server = honest_but(&archive, "nothing", vec![]);
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("[debian]\n") && !text.contains("components"), "{text}");
    fs::write(&path, text.replace("[debian]\n", "[debian]\ncomponents = [\"mian\"]\n")).expect("written");
    let output = run(&world, &server, &["small.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    for words in ["it has no component `mian`: it has main", "`components` in `[debian]`: did you mean `main`?"] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
}

#[test]
fn what_cannot_be_installed_changes_nothing() {
    let archive = archive(&["1.0-1"]);
    let world = World::new(&archive);
    let server = honest_but(&archive, "nothing", vec![]);
    let recipe = fs::read_to_string(world.place.path().join("small.toml")).expect("it is there");
    for (arguments, code, words) in [
        (&["add", "tolos"][..], 1, "cannot find `tolos` (did you mean `tools`?)"),
        (&["add", "hello"], 2, "`packages` has `hello` already"),
        (&["remove", "hallo"], 2, "`packages` has no `hallo` (did you mean `hello`?)"),
        (&["add", "no name"], 2, "the recipe has 1 problem"),
        (&["add", "tools", "-r", "other.toml"], 2, "cannot read"),
        (&["add", "tools", "-r", "smal.toml"], 2, "did you mean `small.toml`?"),
    ] {
        let output = run(&world, &server, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
        assert_eq!(fs::read_to_string(world.place.path().join("small.toml")).expect("there"), recipe);
        let names = crate::hostile::names(world.place.path());
        assert!(names.iter().all(|name| ["cache", "keys.asc", "small.toml"].contains(&name.as_str())), "{names:?}");
    }
    fs::write(world.place.path().join("second.toml"), &recipe).expect("written");
    let output = run(&world, &server, &["add", "tools"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("several recipes here"), "{}", said(&output));
}

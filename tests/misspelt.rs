//! What is asked for and is not there: told with what is, and with the word that was probably meant.

use std::fs;
use std::process::Command;
use std::process::Output;

use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;

use crate::hostile::World;
use crate::http::honest_but;

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run(world: &World, mirror: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(arguments).args(["--cache", "cache", "--mirror", mirror]);
    command.current_dir(world.place.path()).env_clear().output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn releases_and_suites() {
    let archive = ArchiveBuilder::new("test").package(&DebBuilder::new("hello", "1.0-1", "amd64"));
    let world = World::new(&archive);
    let server = honest_but(&archive, "nothing", vec![]);
    let mirror = server.url("debian");
    let path = world.place.path().join("small.toml");
    let recipe = fs::read_to_string(&path).expect("it is there");
    let unused = "; is the pocket `backports` meant? It is none of `pockets` in `[debian]`)";
    for (release, meant) in [
        ("tets", "; did you mean `test`?)"),
        ("other-backports", "there are `test`)"),
        ("test-backports", unused),
        ("test-backport", unused),
        ("backprots", unused),
    ] {
        fs::write(&path, recipe.replace("[\"hello\"]", &format!("[\"hello/{release}\"]"))).expect("written");
        let output = run(&world, &mirror, &["show", "small.toml"]);
        let start = format!("there is `hello 1.0-1`; no archive of the recipe is called `{release}`, there are `test`");
        assert!(said(&output).contains(&start) && said(&output).contains(meant), "{}", said(&output));
    }
    fs::write(&path, &recipe).expect("written");
    let output = run(&world, &mirror, &["lock", "small.toml", "-q"]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{}", said(&output));
    fs::write(&path, recipe.replace("suite = \"test\"", "suite = \"tset\"")).expect("written");
    let output = run(&world, &mirror, &["small.toml"]);
    let wanted = "lock `small.lock` is stale: recipe `small` asks for another suite, `tset`, than when it was made\n";
    assert!(said(&output).contains(wanted), "{}", said(&output));
}

#[test]
fn mirrors_that_are_none() {
    let archive = ArchiveBuilder::new("test").package(&DebBuilder::new("hello", "1.0-1", "amd64"));
    let world = World::new(&archive);
    let output = run(&world, "file:///nonexistent", &["show", "small.toml"]);
    assert!(
        said(&output).contains("help: there is no directory `/nonexistent`: look at `--mirror`"),
        "{}",
        said(&output)
    );
    let server = HttpServer::new(|_| vec![Step::Send(answer("400 Bad Request", &["Content-Length: 0"], b""))]);
    let mirror = server.url("debain");
    let output = run(&world, &mirror, &["show", "small.toml"]);
    let wanted = format!("help: is there a mirror of Debian's at <{mirror}>? Look at `--mirror`");
    assert!(said(&output).contains(&wanted), "{}", said(&output));
}

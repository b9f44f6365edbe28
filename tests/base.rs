//! A base of nothing but the wishes.

use std::path::Path;

use imgbuild::configure::Method;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::request;

const RECIPE: &str = "name = \"small\"\npackages = [\"hello\"]\n[debian]\nsuite = \"test\"\npockets = []\n\
                      signed-by = \"keys.asc\"\n[install]\nbase = \"nothing\"\n";

/// An archive with an essential package, and one whose script takes it for granted.
fn world() -> World {
    let shell = DebBuilder::new("shell", "1", "amd64").field("Essential", "yes").file("/usr/bin/sh", 0o755, "\x7fELF");
    let library = DebBuilder::new("library", "1", "amd64").file("/usr/lib/library", 0o644, "");
    let hello = DebBuilder::new("hello", "1", "amd64").field("Depends", "library").script(
        "postinst",
        "#!/bin/sh\nset -e\nmkdir -p /etc/hello\nprintf 'a\\nb\\n' | sed s/a/c/ >/etc/hello/list\n",
    );
    let archive = [shell, library, hello].iter().fold(ArchiveBuilder::new("test"), |all, deb| all.package(deb));
    World::new(&archive)
}

fn mirrors(world: &World) -> Mirrors {
    Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() }
}

fn recipe(place: &Path, lines: &str) -> recipe::Recipe {
    recipe::parse(&format!("{RECIPE}{lines}"), place).expect("a recipe")
}

#[test]
fn nothing_but_the_wishes_is_installed() {
    let world = world();
    let recipe = recipe(world.place.path(), "");
    let (host, mirrors) = (world.host().expect("a store"), mirrors(&world));
    let asked = request(&recipe, &mirrors);
    let lock = pipeline::lock(&host, &asked).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let mut roots = Vec::new();
    for lock in [None, Some(&lock)] {
        let asked = Request { lock, ..asked.clone() };
        roots.extend(pipeline::assemble(&host, &asked).unwrap_or_else(|error| panic!("{}", chain(&error))));
    }
    assert_eq!(roots[0].digest, roots[1].digest, "with the lock as without");
    let mut names: Vec<&str> = roots[0].manifest.packages.iter().map(|package| package.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["hello", "library"]);
    assert!(roots[0].tree.lookup("/usr/bin/sh").is_none(), "what is essential is not there");
    let made = roots[0].tree.read("/etc/hello/list").expect("in memory").expect("its script was followed all the same");
    assert_eq!(made, b"c\nb\n");
}

/// Scripts that run need what they take for granted: said before anything is fetched.
#[test]
fn no_script_runs_without_a_base() {
    let world = world();
    let (host, mirrors) = (world.host().expect("a store"), mirrors(&world));
    for (lines, method) in [
        ("", Method::Sandbox),
        ("[configure]\npackages = { hello = \"sandbox\" }\n", Method::Native),
        ("[configure]\notherwise = \"sandbox\"\n", Method::Native),
    ] {
        let recipe = recipe(world.place.path(), lines);
        let asked = Request { method, ..request(&recipe, &mirrors) };
        let output = world.place.path().join("out");
        let error = pipeline::build(&host, &asked, &output).expect_err("nothing would run them");
        assert_eq!(error.exit_code(), 2, "{}", chain(&error));
        assert!(chain(&error).contains("Choose `base = \"essential\"`"), "{}", chain(&error));
        assert!(!output.exists());
    }
    assert!(world.transport.take_requests().is_empty(), "nobody was asked");
}

/// What is advised where a script cannot be followed can be done here: the sandbox cannot.
#[test]
fn advice_fits_without_a_base() {
    let hello = DebBuilder::new("hello", "1", "amd64").script("postinst", "#!/bin/sh\nfrobnicate\n");
    let shell = DebBuilder::new("shell", "1", "amd64").field("Essential", "yes").file("/usr/bin/sh", 0o755, "\x7fELF");
    let world = World::new(&ArchiveBuilder::new("test").package(&hello).package(&shell));
    let (host, mirrors) = (world.host().expect("a store"), mirrors(&world));
    let built = |text: &str| {
        let recipe = recipe::parse(text, world.place.path()).expect("a recipe");
        let output = world.place.path().join("out");
        pipeline::build(&host, &request(&recipe, &mirrors), &output).map_err(|error| chain(&error))
    };
    let said = built(RECIPE).expect_err("it cannot be followed");
    let (treated, essential) = ("[configure]\npackages = { hello = \"skip\" }", "`base = \"essential\"` in [install]");
    assert!(said.contains(treated) && said.contains(essential), "{said}");
    assert!(!said.contains("otherwise") && !said.contains("--configure sandbox"), "{said}");
    let said = built(&RECIPE.replace("nothing", "essential")).expect_err("it cannot be followed");
    assert!(said.contains("hello = \"sandbox\"") && said.contains("`--configure sandbox`"), "{said}");
    let said = built(&format!("{RECIPE}[configure]\notherwise = \"first-boot\"\n")).expect_err("nobody would do it");
    assert!(said.contains("the image has no systemd"), "{said}");
    built(&format!("{RECIPE}{treated}\n")).expect("as advised");
}

//! The page of `imgbuild report`: made by the program, and looked at by a browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;

use crate::hostile::World;
use crate::switched_on;

/// A world in whose place an output of this version is built.
fn built(version: u32) -> World {
    let hello = DebBuilder::new("hello", &format!("{version}.0-1"), "amd64")
        .field("Depends", "world")
        .file("usr/bin/hello", 0o755, "h".repeat(3000))
        .file("usr/bin/become", 0o4755, "x");
    let world = DebBuilder::new("world", "1.0-1", "amd64").file("usr/share/world/map", 0o644, "w".repeat(9000));
    let world = World::new(&ArchiveBuilder::new("test").package(&hello).package(&world));
    world.build().unwrap_or_else(|error| panic!("{}", crate::hostile::chain(&error)));
    world
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested, and the browser its reader")]
fn run(program: &str, arguments: &[&str], place: &Path) -> (i32, String) {
    let output = Command::new(program).args(arguments).current_dir(place).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout) + &text(&output.stderr))
}

/// Writes the page of the second version beside the first.
fn page() -> World {
    let (old, new) = (built(1), built(2));
    let before = old.place.path().join("out");
    let arguments = ["report", "out", "--before", before.to_str().expect("UTF-8"), "-o", "page.html"];
    let (code, said) = run(env!("CARGO_BIN_EXE_imgbuild"), &arguments, new.place.path());
    assert_eq!((code, said.as_str()), (0, ""));
    new
}

#[test]
fn a_page_is_made_of_an_output() {
    let world = page();
    let place = world.place.path();
    let page = fs::read_to_string(place.join("page.html")).expect("it is there");
    assert!(page.contains("\"/usr/bin/become\",\"4755\"") && page.contains("\"before\":\"1.0-1\""), "{page}");
    let (code, said) = run(env!("CARGO_BIN_EXE_imgbuild"), &["report", "out"], place);
    assert!(code == 0 && said.starts_with("<!doctype html>"), "{said}");
    // Another file than the output was made with is not shown as if it were of it.
    fs::write(place.join("out/tree.txt"), "d 0755 0:0 - 7 - /\n").expect("written");
    let (code, said) = run(env!("CARGO_BIN_EXE_imgbuild"), &["report", "out", "-o", "other.html"], place);
    assert!(code == 3 && said.contains("tree.txt") && !place.join("other.html").exists(), "{code}: {said}");
}

/// What a browser makes of the page at this state.
fn seen(place: &Path, state: &str) -> String {
    let url = format!("file://{}#{state}", place.join("page.html").display());
    let profile = format!("--user-data-dir={}", place.join("profile").display());
    let options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
        "--dump-dom",
        &url,
    ];
    // In a network of its own, which leads nowhere: whatever the page shows, it has.
    let (code, said) = run("unshare", &[&["-n", "chromium"][..], &options].concat(), place);
    assert_eq!(code, 0, "{said}");
    // Only what the page has become; its own script stands behind.
    let (begin, end) = (said.find("<header>").expect("a page"), said.find("<script id").expect("a page"));
    said[begin..end].to_owned()
}

#[test]
fn a_browser_searches_and_zooms_without_a_network() {
    if !switched_on("IMGBUILD_TEST_PEERS", "report::a_browser_searches_and_zooms_without_a_network") {
        return;
    }
    let world = page();
    let place = world.place.path();
    let whole = seen(place, "");
    assert!(whole.contains("2 of 2 packages") && whole.contains("class=\"map\""), "{whole}");
    assert!(whole.contains("aria-label=\"world: 8.8 KiB\""), "{whole}");
    let found = seen(place, "q=2.0-1");
    assert!(found.contains("1 of 2 packages") && !found.contains("world: 8.8 KiB"), "{found}");
    let one = seen(place, "at=world");
    assert!(one.contains("Why it is there") && one.contains(">hello</button>"), "{one}");
    let zoomed = seen(place, "view=directories&at=/usr/share");
    assert!(zoomed.contains("world/: 8.8 KiB") && !zoomed.contains("bin/"), "{zoomed}");
    assert!(seen(place, "view=accounts").contains("/usr/bin/become"));
    let changes = seen(place, "view=changes");
    assert!(changes.contains("<td>2.0-1</td>") && changes.contains("/var/lib/dpkg/status"), "{changes}");
}

//! Archives keep to their place: what a further archive may bring, and which version of a package is chosen, from the
//! recipe to the packages.

use std::fs;

use imgbuild::error::Error;
use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::pipeline;
use imgbuild::pipeline::Chosen;
use imgbuild::pipeline::Mirrors;
use imgbuild::recipe;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::signer::TestKey;

use crate::hostile::World;
use crate::hostile::chain;
use crate::hostile::request;

const URL: &str = "https://packages.example.org/tools";

fn deb(name: &str, version: &str) -> DebBuilder {
    DebBuilder::new(name, version, "amd64").field("Priority", "optional")
}

fn choose(world: &World) -> Result<Chosen, Error> {
    let recipe = recipe::load(&world.place.path().join("small.toml"))?;
    let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
    let chosen = pipeline::choose(&world.host().expect("a store"), &request(&recipe, &mirrors))?;
    Ok(chosen.into_iter().next().expect("a recipe has an image"))
}

/// The chosen packages as `name version`, and where each further one is from.
#[track_caller]
fn chosen(world: &World) -> Vec<String> {
    let chosen = choose(world).unwrap_or_else(|error| panic!("{}", chain(&error)));
    chosen.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

#[track_caller]
fn refusal(world: &World) -> String {
    match choose(world) {
        Ok(chosen) => panic!("{:?}", chosen.packages),
        Err(error) => chain(&error),
    }
}

/// What `show --why` says of the versions of a package.
#[track_caller]
fn offers(world: &World, name: &str) -> Vec<(String, i32, String, bool)> {
    let chosen = choose(world).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let (index, solution) = chosen.solved.expect("there is no lock");
    let offers = solution.offers(&index, name).into_iter();
    offers.map(|offer| (offer.version, offer.priority, offer.rule, offer.chosen)).collect()
}

/// A recipe that asks for these packages, of Debian and of a further archive with these lines.
fn world(packages: &str, debian: &ArchiveBuilder, further: &ArchiveBuilder, lines: &str) -> World {
    let world = World::new(debian);
    world.serve_at(URL, &further.clone().key(TestKey::other()));
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(path, text.replace("packages = [\"hello\"]", &format!("packages = [{packages}]"))).expect("written");
    world.recipe(&format!("[[archive]]\nurl = \"{URL}\"\nsigned-by = \"further.asc\"\n{lines}"))
}

fn debian() -> ArchiveBuilder {
    ArchiveBuilder::new("test")
        .package(&deb("basis", "1").field("Essential", "yes").field("Pre-Depends", "awk"))
        .package(&deb("mawk", "1").field("Priority", "required").field("Provides", "awk"))
        .package(&deb("libfoo", "1"))
        .package(&deb("hello", "1").field("Depends", "libfoo, mta"))
        .package(&deb("postfix", "1").field("Provides", "mta"))
}

/// Cases 100 and 101.
#[test]
fn case_100_only_debian_says_what_the_base_is() {
    let further = ArchiveBuilder::new("tools")
        .package(&deb("evil", "1").field("Essential", "yes"))
        .package(&deb("worse", "1").field("Priority", "required"))
        .package(&deb("tool", "1"));
    let base = ["basis 1", "mawk 1", "tool 1"];
    assert_eq!(chosen(&world("\"tool\"", &debian(), &further, "suite = \"tools\"\n")), base);
    let all = "suite = \"tools\"\npackages = [\"*\"]\n";
    assert_eq!(chosen(&world("\"tool\"", &debian(), &further, all)), base, "a list asks for nothing");
    let asked = world("\"tool\", \"evil\"", &debian(), &further, "suite = \"tools\"\n");
    assert_eq!(chosen(&asked), ["basis 1", "evil 1", "mawk 1", "tool 1"], "by name");
}

#[test]
fn case_101_a_further_archive_replaces_what_it_is_asked_for() {
    // Higher versions, another provider, a real package of a virtual name.
    let further = ArchiveBuilder::new("tools")
        .package(&deb("basis", "99"))
        .package(&deb("libfoo", "99").field("Priority", "required"))
        .package(&deb("aaa-awk", "1").field("Priority", "required").field("Provides", "awk"))
        .package(&deb("aaa-mta", "1").field("Priority", "required").field("Provides", "mta"))
        .package(&deb("mta", "1"));
    let plain = "suite = \"tools\"\n";
    let hello = ["basis 1", "hello 1", "libfoo 1", "mawk 1", "postfix 1"];
    assert_eq!(chosen(&world("\"hello\"", &debian(), &further, plain)), hello);
    let asked = world("\"hello\", \"libfoo\", \"basis\"", &debian(), &further, plain);
    assert_eq!(chosen(&asked), ["basis 99", "hello 1", "libfoo 99", "postfix 1"], "asked for by name");
    let listed = world("\"hello\"", &debian(), &further, "suite = \"tools\"\npackages = [\"lib*\", \"aaa-mta\"]\n");
    assert_eq!(chosen(&listed), ["aaa-mta 1", "basis 1", "hello 1", "libfoo 99", "mawk 1"], "allowed by a list");
    // Nor does a lock bring in what the recipe does not name.
    let listed = world("\"hello\"", &debian(), &further, "suite = \"tools\"\npackages = [\"basis\"]\n");
    let lock = listed.build().unwrap_or_else(|error| panic!("{}", chain(&error))).lock;
    assert!(lock.packages.iter().any(|package| package.version == "99"));
    let path = listed.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, text.replace("packages = [\"basis\"]\n", "")).expect("written");
    let recipe = recipe::load(&path).expect("a recipe");
    let mut lock = lock;
    lock.recipe.selection = recipe.selection;
    let mirrors = Mirrors { debian: vec![listed.mirror.clone()], ..Mirrors::default() };
    let error = pipeline::prove(&listed.host().expect("a store"), Some(&recipe), &mirrors, &lock).expect_err("edited");
    assert!(
        chain(&error).contains("`basis 99` may not be in it: a further archive replaces nothing"),
        "{}",
        chain(&error)
    );
    let words = offers(&world("\"hello\"", &debian(), &further, plain), "libfoo");
    assert!(words[1].2.contains("comes after Debian") && words[0].3, "{words:?}");

    // What a package that was asked for needs of its own archive comes from there, but nothing of the base.
    let needs = |relation: &str| further.clone().package(&deb("tool", "1").field("Depends", relation));
    let own = world("\"tool\"", &debian(), &needs("libfoo (>= 2)"), plain);
    assert_eq!(chosen(&own), ["basis 1", "libfoo 99", "mawk 1", "tool 1"]);
    let said = refusal(&world("\"tool\"", &debian(), &needs("basis (>= 2)"), plain));
    assert!(said.contains("a further archive replaces nothing of Debian's base"), "{said}");
}

#[test]
fn what_debian_recommends_comes_from_nobody_else() {
    let debian = debian_without_relations().package(&deb("shell", "1").field("Recommends", "extra, own"));
    let debian = debian.package(&deb("own", "1"));
    let further = ArchiveBuilder::new("tools")
        .package(&deb("extra", "1"))
        .package(&deb("tool", "1").field("Recommends", "helper"))
        .package(&deb("helper", "1"));
    let with = |packages: &str| {
        let world = world(packages, &debian, &further, "suite = \"tools\"\n");
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(path, text.replace("[install]", "[install]\nrecommends = true")).expect("written");
        world
    };
    assert_eq!(chosen(&with("\"shell\"")), ["basis 1", "own 1", "shell 1"]);
    assert_eq!(chosen(&with("\"shell\", \"extra\"")), ["basis 1", "extra 1", "own 1", "shell 1"]);
    assert_eq!(chosen(&with("\"tool\"")), ["basis 1", "helper 1", "tool 1"]);
}

/// Debian's suite with a pocket that is published apart, as backports are.
fn with_backports(packages: &str, fields: &[(&str, &str)], lines: &str) -> World {
    let suite = ArchiveBuilder::new("test")
        .package(&deb("curl", "7").field("Depends", "libcurl (= 7)"))
        .package(&deb("libcurl", "7"))
        .package(&deb("needs-newer", "1").field("Depends", "libcurl (>= 8)"))
        .package(&deb("linux", "6.1"));
    let backports = ArchiveBuilder::new("test-backports")
        .package(&deb("curl", "8").field("Depends", "libcurl (= 8)"))
        .package(&deb("libcurl", "8"))
        .package(&deb("linux", "6.12"))
        .package(&deb("only", "1"));
    let backports = fields.iter().fold(backports, |archive, (name, value)| archive.field(name, value));
    let world = World::new(&suite);
    world.serve(&backports);
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("it is there");
    let text = text.replace("\"hello\"", packages).replace("pockets = []", "pockets = [\"backports\"]");
    fs::write(path, text).expect("written");
    world.recipe(lines)
}

const BACKPORTS: [(&str, &str); 2] = [("NotAutomatic", "yes"), ("ButAutomaticUpgrades", "yes")];

#[test]
fn case_102_what_is_not_automatic_is_asked_for() {
    let with = |packages: &str| with_backports(packages, &BACKPORTS, "");
    assert_eq!(chosen(&with("\"curl\", \"linux\"")), ["curl 7", "libcurl 7", "linux 6.1"]);
    assert_eq!(chosen(&with_backports("\"curl\"", &BACKPORTS[..1], "")), ["curl 7", "libcurl 7"]);
    assert_eq!(chosen(&with_backports("\"curl\"", &[], "")), ["curl 8", "libcurl 8"]);
    assert_eq!(chosen(&with("\"only\"")), ["only 1"], "where there is no other");
    for asked in ["curl/backports", "curl/test-backports", "curl=8*"] {
        let packages = chosen(&with(&format!("\"{asked}\", \"linux\"")));
        assert_eq!(packages, ["curl 8", "libcurl 8", "linux 6.1"], "{asked}: with what it needs, and no more");
    }
    let said = refusal(&with("\"needs-newer\""));
    assert!(said.contains("only `libcurl 7`, `libcurl 8` exist"), "as apt, nothing comes unasked: {said}");
    assert!(said.contains("`libcurl 8`: priority 100: its Release says `NotAutomatic`"), "{said}");
    assert!(refusal(&with("\"linux/trixie\"")).contains("cannot find `linux/trixie`"));
    let words = offers(&with("\"curl\""), "curl");
    let default = ("7".to_owned(), 500, "priority 500".to_owned(), true);
    assert_eq!(words[0], default);
    assert_eq!((words[1].1, words[1].3), (100, false));
    assert!(words[1].2.contains("`NotAutomatic` and `ButAutomaticUpgrades`"), "{words:?}");
}

#[test]
fn pins_are_those_of_apt() {
    let with = |packages: &str, pins: &str| with_backports(packages, &BACKPORTS, pins);
    let pin = |lines: &str, priority: i32| format!("[[pin]]\n{lines}\npriority = {priority}\n");
    let backports = "pocket = \"backports\"";
    let linux = "packages = [\"lin*\"]\npocket = \"backports\"";
    assert_eq!(chosen(&with("\"linux\", \"curl\"", &pin(linux, 900))), ["curl 7", "libcurl 7", "linux 6.12"]);
    let words = offers(&with("\"linux\"", &pin(linux, 900)), "linux");
    assert_eq!(words[0].2, "priority 900: pin 1 of the recipe (packages lin*, pocket backports)");
    assert_eq!(chosen(&with("\"curl\"", &pin(backports, 500))), ["curl 8", "libcurl 8"], "then the higher version");
    assert_eq!(chosen(&with("\"curl\"", &pin(backports, 499))), ["curl 7", "libcurl 7"]);
    let version = "packages = [\"linux\"]\nversion = \"6.1\"";
    assert_eq!(chosen(&with("\"linux\"", &(pin(backports, 990) + &pin(version, 1001)))), ["linux 6.1"], "a downgrade");
    let never = "packages = [\"only\"]";
    assert!(refusal(&with("\"only\"", &pin(never, -1))).contains("priority -1: pin 1"));
    assert_eq!(chosen(&with("\"only/backports\"", &pin(never, -1))), ["only 1"], "unless asked for itself");
    let debian = pin("archive = \"debian\"", -1) + &pin("packages = [\"linux\"]", 500);
    assert_eq!(chosen(&with("\"linux\"", &debian)), ["linux 6.12"], "what names a package counts before what does not");
    // Of those that name packages the first; of the others the highest.
    let both = pin("packages = [\"linux\"]\nversion = \"6.12*\"", -1) + &pin(linux, 900);
    assert_eq!(chosen(&with("\"linux\"", &both)), ["linux 6.1"]);
    let both = pin("archive = \"debian\"", 10) + &pin(backports, 600);
    assert_eq!(chosen(&with("\"linux\"", &both)), ["linux 6.12"]);

    let further = ArchiveBuilder::new("tools").package(&deb("hello", "9")).package(&deb("basis", "9"));
    let lines = |pin: &str| format!("suite = \"tools\"\n{pin}");
    let of_archive = pin(&format!("archive = \"{URL}\""), 400);
    let pinned = world("\"hello\"", &debian_without_relations(), &further, &lines(&of_archive));
    assert_eq!(chosen(&pinned), ["basis 1", "hello 1"]);
    let named = pin(&format!("packages = [\"basis\"]\narchive = \"{URL}\""), 900);
    let pinned = world("\"hello\"", &debian_without_relations(), &further, &lines(&named));
    assert_eq!(chosen(&pinned), ["basis 9", "hello 9"], "a pin names it, and so asks for it");
}

fn debian_without_relations() -> ArchiveBuilder {
    ArchiveBuilder::new("test").package(&deb("basis", "1").field("Essential", "yes")).package(&deb("hello", "1"))
}

#[test]
fn pins_that_mean_nothing_are_refused() {
    for (lines, said) in [
        ("packages = [\"aa\"]\npriority = 0", "apt gives 0 no meaning"),
        ("packages = [\"aa\"]\npriority = 40000", "from -32768"),
        ("priority = 5", "of everything"),
        ("version = \"1\"\npriority = 5", "means something only for `packages`"),
        ("pocket = \"security\"\npriority = 5", "this pocket is not used"),
        ("archive = \"https://nowhere.example.org\"\npriority = 5", "neither the `url`"),
        ("packages = [\"A\"]\npriority = 5", "pin.packages"),
        ("packages = [\"aa\"]", "priority"),
    ] {
        let world = World::new(&debian()).recipe(&format!("[[pin]]\n{lines}\n"));
        let error = recipe::load(&world.place.path().join("small.toml")).expect_err(lines).to_string();
        let Err(recipe::Error::Invalid(problems)) = recipe::load(&world.place.path().join("small.toml")) else {
            panic!("{error}");
        };
        let text: String = problems.iter().map(ToString::to_string).collect();
        assert!(text.contains(said), "{lines}: {text}");
    }
}

/// Case 103: a stanza that is none costs itself only, is told of once, and who asks for it is told why.
#[test]
fn case_103_a_bad_stanza_is_told_to_who_asks_for_it() {
    let bad = "Package: broken\nVersion: v2.0\nArchitecture: amd64\n";
    let faulty = "Package: faulty\nVersion: 2\nArchitecture: amd64\nFilename: x\nSize: 1\nSHA512: 1\nDepends: a b\n";
    let faulty = &faulty.replace("SHA512: 1", &format!("SHA256: {}", imgbuild::digest::Sha256::of(b"")));
    let further = ArchiveBuilder::new("tools")
        .stanza(bad)
        .stanza(&bad.replace("v2.0", "1.0_2"))
        .stanza(faulty)
        .package(&deb("tool", "1"))
        .package(&deb("needs-broken", "1").field("Depends", "broken"))
        .package(&deb("needs-faulty", "1").field("Depends", "faulty"));
    let with = |packages: &str| world(packages, &debian_without_relations(), &further, "suite = \"tools\"\n");
    assert_eq!(chosen(&with("\"tool\"")), ["basis 1", "tool 1"]);
    for (packages, said) in [
        ("\"broken\"", "describes no package: its Version is none"),
        ("\"faulty\"", "cannot be used: cannot use field Depends"),
        ("\"needs-broken\"", "describes no package: its Version is none"),
        ("\"needs-faulty\"", "cannot be used: cannot use field Depends"),
    ] {
        let told = refusal(&with(packages));
        assert!(
            told.contains(said) && told.contains("in archive `https://packages.example.org/tools tools`"),
            "{told}"
        );
        assert!(!told.contains("did you mean"), "{told}");
    }
    let world = with("\"tool\"");
    let warnings = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&warnings);
    let reporter = move |event: &Event<'_>| {
        if let Event::Warning { message } = event {
            heard.lock().expect("nobody panics holding it").push((*message).to_owned());
        }
    };
    let host = Host { reporter: std::sync::Arc::new(reporter), ..world.host().expect("a store") };
    let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
    let mirrors = Mirrors { debian: vec![world.mirror], ..Mirrors::default() };
    pipeline::choose(&host, &request(&recipe, &mirrors)).expect("it is left out");
    let warnings = warnings.lock().expect("nobody panics holding it").clone();
    assert!(warnings.len() == 1 && warnings[0].contains("and 1 more"), "{warnings:?}");
}

/// Three archives in the shape of what others run, each built from and locked.
#[test]
fn archives_of_others_are_built_from() {
    let tool = |architecture: &str| DebBuilder::new("tool", "1", architecture).file("/usr/share/tool/x", 0o644, "x\n");
    let flat =
        ArchiveBuilder::new("tools").package(&tool("amd64")).package(&tool("arm64").field("Version", "2")).flat("x86/");
    let many = ArchiveBuilder::new("tools")
        .field("Components", "edge stable")
        .place("edge", "amd64")
        .package(&tool("amd64").field("Version", "3"))
        .place("stable", "amd64")
        .package(&tool("amd64"));
    let all = ArchiveBuilder::new("tools").field("Architectures", "all").place("main", "all").package(&tool("all"));
    for (name, archive, lines) in [
        ("flat", flat, "suite = \"./x86/\"\n"),
        ("many components", many, "suite = \"tools\"\ncomponents = [\"stable\"]\n"),
        ("all alone", all.without_empty(), "suite = \"tools\"\n"),
        ("SHA-512 alone", ArchiveBuilder::new("tools").sha512().package(&tool("amd64")), "suite = \"tools\"\n"),
    ] {
        let world = world("\"tool\"", &debian_without_relations(), &archive, lines);
        let built = world.build().unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        let tool = built.lock.packages.iter().find(|package| package.name == "tool").expect("it is locked");
        assert_eq!(tool.version, "1", "{name}");
        let lock = recipe::Lock::parse(&built.lock.to_text(), "small.lock".as_ref()).expect("it can be read");
        let recipe = recipe::load(&world.place.path().join("small.toml")).expect("a recipe");
        let mirrors = Mirrors { debian: vec![world.mirror.clone()], ..Mirrors::default() };
        let host = world.host().expect("a store");
        let proved = pipeline::prove(&host, Some(&recipe), &mirrors, &lock);
        let proved = proved.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert_eq!((proved.packages, proved.debs), (2, 2), "{name}");
    }
}

#[test]
fn a_flat_repository_has_no_components() {
    let world = World::new(&debian());
    world.serve_at(URL, &ArchiveBuilder::new("x").flat(""));
    let lines =
        format!("[[archive]]\nurl = \"{URL}\"\nsigned-by = \"further.asc\"\nsuite = \"./\"\ncomponents = [\"main\"]\n");
    let world = world.recipe(&lines);
    assert!(recipe::load(&world.place.path().join("small.toml")).is_err());
}

#[test]
fn the_component_of_an_unknown_package_is_told() {
    let debian = debian_without_relations().field("Components", "main non-free-firmware");
    let debian = debian.place("non-free-firmware", "amd64").package(&deb("firmware-bnx2x", "1"));
    let asking = |name: &str| {
        let world = World::new(&debian);
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(path, text.replace("\"hello\"", &format!("\"{name}\""))).expect("written");
        refusal(&world)
    };
    let said = asking("firmware-bnx2x");
    assert!(said.contains("it is in `non-free-firmware`: add that to `components`"), "{said}");
    assert!(!asking("firmware-bnx3x").contains("components"));
}

#[test]
fn foreign_architectures_of_multiarch() {
    let lib = |architecture: &str, version: &str| {
        let deb = DebBuilder::new("libc6", version, architecture).field("Multi-Arch", "same");
        let path = format!("/usr/lib/{architecture}/libc.so.6");
        deb.field("Priority", "optional").file(&path, 0o644, architecture.as_bytes())
    };
    let archive = debian_without_relations()
        .field("Architectures", "all amd64 i386")
        .package(&lib("amd64", "2"))
        .package(&lib("amd64", "1"))
        .package(&deb("tool", "1").field("Multi-Arch", "foreign"))
        .place("main", "i386")
        .package(&lib("i386", "1"))
        .package(&DebBuilder::new("game", "1", "i386").field("Depends", "libc6, tool").field("Priority", "optional"));
    let asking = |packages: &str| {
        let world = World::new(&archive);
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(path, text.replace("\"hello\"", packages)).expect("written");
        world
    };
    let labels = |world: &World| -> Vec<String> {
        let chosen = choose(world).unwrap_or_else(|error| panic!("{}", chain(&error)));
        let label =
            |package: &imgbuild::deb::Package| format!("{}:{} {}", package.name, package.architecture, package.version);
        chosen.packages.iter().map(label).collect()
    };
    assert_eq!(labels(&asking("\"libc6\"")), ["basis:amd64 1", "libc6:amd64 2"]);
    assert_eq!(labels(&asking("\"libc6:i386\"")), ["basis:amd64 1", "libc6:i386 1"]);
    let beside = ["basis:amd64 1", "libc6:amd64 1", "libc6:i386 1"];
    assert_eq!(labels(&asking("\"libc6\", \"libc6:i386\"")), beside, "in one version");
    let game = ["basis:amd64 1", "game:i386 1", "libc6:i386 1", "tool:amd64 1"];
    assert_eq!(labels(&asking("\"game:i386\"")), game);
    assert!(refusal(&asking("\"libc6:armhf\"")).contains("cannot find `libc6:armhf`"));

    let world = asking("\"libc6\", \"libc6:i386\"");
    world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    let tree = fs::read_to_string(world.place.path().join("out/tree.txt")).expect("it is there");
    for path in ["/var/lib/dpkg/arch", "/var/lib/dpkg/info/libc6:i386.list", "/usr/lib/i386/libc.so.6"] {
        assert!(tree.contains(path), "{path}: {tree}");
    }
}

#[test]
fn triggers_that_dpkg_does_not_know_are_refused() {
    for (text, good) in [
        ("interest-noawait ldconfig\nactivate /usr/share/x # why\n\n# all\n", true),
        ("frobnicate x\n", false),
        ("interest\n", false),
    ] {
        let hello = deb("hello", "1").control_file("triggers", 0o644, text);
        let world = World::new(&ArchiveBuilder::new("test").package(&hello));
        match world.build() {
            Ok(_) => assert!(good, "{text}"),
            Err(error) => assert!(!good && chain(&error).contains("`triggers` has the directive"), "{}", chain(&error)),
        }
    }
}

#[test]
fn a_compiled_maintainer_script_is_called_one() {
    let hello = deb("hello", "1").control_file("preinst", 0o755, b"\x7fELF\x02\x01\x01\0\x1b[31m\0".to_vec());
    let error = World::new(&ArchiveBuilder::new("test").package(&hello)).build().expect_err("it cannot be followed");
    let said = chain(&error);
    assert!(said.contains("a compiled maintainer script") && !said.contains("ELF"), "{said}");
}

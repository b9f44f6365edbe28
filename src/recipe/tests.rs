use std::fs;
use std::path::Path;

use super::*;

mod images;
mod many;
mod refused;
mod site;

/// A recipe with everything in it.
const WHOLE: &str = r#"
name = "compute"
packages = ["linux-image-amd64", "openssh-server", "mariadb-server=1:11.8.*", "./local.deb", "libc6:arm64"]
[debian]
suite = "trixie"
architecture = "amd64"
components = ["main", "non-free-firmware"]
mirror = "https://mirror.example.org/debian/"
snapshot = "20261101T000000Z"
[[archive]]
url = "https://packages.example.org/slurm"
suite = "stable"
signed-by = "keys/slurm.asc"
packages = ["slurm*"]
[install]
base = "important"
recommends = true
exclude = ["/usr/share/man/*"]
include = ["/usr/share/doc/*/copyright"]
[[overlay]]
path = "/etc/motd"
content = "hello\n"
mode = "0640"
group = "adm"
[[overlay]]
path = "/opt/site"
source = "files"
[[overlay]]
path = "/etc/localtime"
symlink = "/usr/share/zoneinfo/UTC"
[[overlay]]
path = "/srv/data"
directory = true
user = "1000"
[[overlay]]
path = "/etc/cron.daily/apt-compat"
remove = true
[configure]
otherwise = "sandbox"
[configure.packages]
odd = "first-boot"
[configure.debconf]
"tzdata/Areas" = "Etc"
[diskless]
root = "overlay"
interface = "enp1s0"
tmpfs = { "/tmp" = "25%", "/var/log/" = "64m" }
domain = "cluster.example.org"
kernel-arguments = ["console=ttyS0,115200"]
[head]
name = "headnode"
address = "192.168.1.1"
interface = "eth1"
network = "192.168.1.0/24"
range = ["192.168.1.50", "192.168.1.150"]
[[node]]
name = "dizzy"
aliases = ["db"]
mac = "00:21:97:7D:AD:BF"
address = "192.168.1.10"
services = ["mariadb.service"]
[[node]]
name = "tumbler"
mac = "00-21-97-7a-24-0f"
address = "192.168.1.11"
root = "ram"
[initramfs]
modules = ["e1000e", "kernel/drivers/net/*"]
compression = "xz"
[output]
formats = ["tar.zst", "squashfs", "tar.zst"]
lossy = ["xattrs"]
stick = true
"#;

/// The smallest one.
const SMALL: &str = "name = \"x\"\n[debian]\nsuite = \"trixie\"\n";

/// The smallest cluster.
const CLUSTER: &str = r#"name = "x"
[debian]
suite = "trixie"
[diskless]
[head]
name = "head"
address = "10.0.0.1"
interface = "eth1"
network = "10.0.0.0/24"
range = ["10.0.0.100", "10.0.0.200"]
[[node]]
name = "a"
mac = "02:00:00:00:00:0a"
address = "10.0.0.10"
"#;

/// The smallest cluster with two heads.
const PAIR: &str = r#"name = "x"
[debian]
suite = "trixie"
[diskless]
root = "overlay"
[head]
name = "head"
address = "10.0.0.1"
own-address = "10.0.0.2"
interface = "eth1"
network = "10.0.0.0/24"
range = ["10.0.0.100", "10.0.0.200"]
[head.standby]
name = "spare"
own-address = "10.0.0.3"
[output]
formats = ["tar", "erofs"]
[[node]]
name = "a"
mac = "02:00:00:00:00:0a"
address = "10.0.0.10"
"#;

struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().expect("the tests can write"));
        world.write("local.deb", "!<arch>\nrest");
        world.write("keys/slurm.asc", "a key");
        world.write("files/b/run", "#!/bin/sh\n");
        world.write("files/a", "a");
        world.write("keys/empty.asc", "");
        std::os::unix::fs::symlink("/etc", world.path("out")).expect("made");
        std::os::unix::fs::symlink("/etc/passwd", world.path("out.deb")).expect("made");
        rustix::fs::mknodat(rustix::fs::CWD, world.path("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .expect("made");
        std::os::unix::fs::symlink("b/run", world.path("files/link")).expect("made");
        let run = world.path("files/b/run");
        fs::set_permissions(run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("ours");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn load(&self, text: &str) -> Result<Recipe, Error> {
        self.write("recipe.toml", text);
        load(&self.path("recipe.toml"))
    }

    fn good(&self, text: &str) -> Recipe {
        self.load(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The problems as `file:line:column: message`, with ` (help)` where there is one.
    fn bad(&self, text: &str) -> Vec<String> {
        let Err(Error::Invalid(problems)) = self.load(text) else { panic!("this is no good recipe: {text}") };
        let directory = format!("{}/", self.0.path().display());
        let line = |problem: &Problem| {
            let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            let Problem { file, line, column, message, .. } = problem;
            format!("{}:{line}:{column}: {message}{help}", file.display()).replace(&directory, "")
        };
        problems.iter().map(line).collect()
    }
}

#[test]
fn everything_is_read() {
    let recipe = World::new().good(WHOLE);
    assert_eq!(recipe.packages.len(), 5);
    let pinned = PackageRequest::Named {
        name: "mariadb-server".into(),
        architecture: None,
        version: Some("1:11.8.*".into()),
        release: None,
    };
    assert!(recipe.packages.contains(&pinned));
    assert_eq!(recipe.debian.mirror.as_deref(), Some("https://mirror.example.org/debian"));
    assert_eq!(recipe.archives[0].signed_by.path, Path::new("keys/slurm.asc"));
    let tmpfs = recipe.diskless.as_ref().map(|diskless| diskless.tmpfs.clone()).unwrap_or_default();
    assert_eq!(tmpfs["/var/log"], "64M");
    assert_eq!(recipe.nodes[0].mac, [0x00, 0x21, 0x97, 0x7d, 0xad, 0xbf]);
    assert_eq!(recipe.nodes[0].services, ["mariadb"]);
    assert_eq!(recipe.nodes[1].root, Some(RootMode::Ram));
    assert_eq!(recipe.head.as_ref().map(|head| head.boot), Some(BootMode::Pxe));
    assert_eq!(recipe.formats, [Format::TarZst, Format::Squashfs]);
    let OverlayKind::Source(files) = &recipe.overlay[1].kind else { panic!("a directory was named") };
    let shown: Vec<_> = files.iter().map(|(path, inode)| format!("{:04o} {path}", inode.stat.mode)).collect();
    assert_eq!(shown, ["0755 /", "0644 /a", "0755 /b", "0755 /b/run", "0777 /link"]);
}

#[test]
fn defaults_are_filled_in() {
    let recipe = World::new().good(SMALL);
    assert_eq!(recipe.debian.architecture, "amd64");
    assert_eq!(recipe.debian.components, ["main"]);
    assert_eq!(recipe.debian.pockets, ["updates", "security"]);
    assert_eq!(recipe.install.base, Base::Required);
    assert_eq!(recipe.formats, [Format::Tar]);
    assert_eq!(
        recipe.initramfs,
        Initramfs { modules: Modules::Netboot, compression: Compression::Zstd, skip_hooks: Vec::new() }
    );
    assert!(recipe.diskless.is_none() && recipe.head.is_none() && recipe.nodes.is_empty());
    // Only who asks for it is promised that logs are sent.
    let syslog = |text: &str| World::new().good(text).diskless.expect("it is").syslog;
    assert_eq!(syslog(CLUSTER), None);
    assert_eq!(
        syslog(&CLUSTER.replace("[diskless]", "[diskless]\nsyslog = \"10.0.0.1\"")).as_deref(),
        Some("10.0.0.1")
    );
    let sid = World::new().good(&SMALL.replace("trixie", "sid"));
    assert!(sid.debian.pockets.is_empty());
    let diskless = World::new().good(&format!("{SMALL}[diskless]\n")).diskless.expect("asked for");
    assert_eq!(diskless.root, RootMode::Nfs);
    assert_eq!(diskless.tmpfs["/tmp"], "25%");
}

#[test]
fn two_heads_have_an_address_each_and_one_that_moves() {
    let recipe = World::new().good(PAIR);
    let head = recipe.head.as_ref().expect("it has one");
    let standby = head.standby.as_ref().expect("it has two");
    let own = [standby.head_own_address, standby.own_address].map(|address| address.to_string());
    assert_eq!((head.address.to_string().as_str(), own), ("10.0.0.1", ["10.0.0.2", "10.0.0.3"].map(str::to_owned)));
    assert_eq!(standby.interface, "eth1");
    let hosts = recipe.hosts();
    assert!(hosts.ends_with("\n10.0.0.1\thead\n10.0.0.3\tspare\n"), "{hosts}");
    let ram = PAIR.replace("\"overlay\"", "\"ram\"").replace("erofs", "squashfs");
    World::new().good(&ram);
}

#[test]
fn one_meaning_has_one_digest() {
    let world = World::new();
    let recipe = world.good(WHOLE);
    let mut same = vec![
        WHOLE.replace('\n', "\r\n"),
        WHOLE.replace("https://mirror.example.org/debian/", "http://other.example.org/debian"),
        WHOLE.replace("7D:AD:BF", "7d-ad-bf").replace("mariadb.service", "mariadb"),
        WHOLE.replace("\"64m\"", "\"64M\"").replace("\"/var/log/\"", "'/var/log'"),
        WHOLE.replace("\"linux-image-amd64\", \"openssh-server\"", "\"openssh-server\", \"linux-image-amd64\""),
    ];
    same.push(format!("# a remark\n{WHOLE}"));
    for text in &same {
        assert_eq!(world.good(text).digest, recipe.digest, "{text}");
    }
    let packages = [("trixie", "bookworm"), ("openssh-server", "dropbear"), ("important", "required")];
    let others = [("hello", "goodbye"), ("0640", "0644"), ("dizzy", "daisy"), ("\"64m\"", "\"65m\""), ("eth1", "eth2")];
    let packages = [&packages[..], &[("name = \"headnode\"", "name = \"headnode\"\nboot = \"ipxe\"")]].concat();
    for (index, (from, to)) in packages.iter().chain(&others).enumerate() {
        let other = world.good(&WHOLE.replace(from, to));
        assert_ne!(other.digest, recipe.digest, "{to}");
        assert_eq!(other.selection != recipe.selection, index < packages.len(), "{to}");
    }
    world.write("files/a", "b");
    let other = world.good(WHOLE);
    assert_ne!(other.digest, recipe.digest, "a file's content counts");
    assert_eq!(other.selection, recipe.selection);
}

#[test]
fn a_problem_shows_its_line() {
    let world = World::new();
    let error = world.load("name = \"x\"\npakages = []\n[debian]\nsuite = \"trixie\"\n").expect_err("a typo");
    let shown = error.to_string().replace(&format!("{}/", world.0.path().display()), "");
    let wanted = "recipe.toml:2:1: unknown key `pakages`\n  |\n2 | pakages = []\n  | ^^^^^^^\n  = help: did you mean `packages`?";
    assert_eq!(shown, wanted);
}

#[test]
fn what_is_extended_is_added() {
    let world = World::new();
    world.write("base.toml", "packages = [\"bash\"]\n[debian]\nsuite = \"trixie\"\n[install]\nexclude = [\"/a\"]\n");
    world.write("more/more.toml", "extends = [\"own.toml\"]\n[[overlay]]\npath = \"/x\"\nsource = \"x\"\n");
    world.write("more/own.toml", "[debian]\nsuite = \"trixie\"\n");
    world.write("more/x", "x");
    let recipe = world.good(
        "name = \"x\"\nextends = [\"base.toml\", \"more/more.toml\", \"more/own.toml\", \"base.toml\"]\n\
         packages = [\"dash\", \"bash\"]\n[install]\nexclude = [\"/b\"]\n",
    );
    let names: Vec<_> = recipe
        .packages
        .iter()
        .map(|request| match request {
            PackageRequest::Named { name, .. } => name.as_str(),
            PackageRequest::Local(_) => "a file",
        })
        .collect();
    assert_eq!(names, ["bash", "dash"]);
    assert_eq!(recipe.install.exclude, ["/a", "/b"]);
    assert_eq!(recipe.overlay.len(), 1, "sources are found beside the file that names them");
}

#[test]
fn case_70_what_is_extended_is_checked() {
    let world = World::new();
    world.write("a.toml", "extends = [\"b.toml\"]\n");
    world.write("b.toml", "extends = [\"recipe.toml\"]\n");
    world.write("c.toml", "[debian]\nsuite = \"sid\"\n");
    world.write("d.toml", "[debain]\n");
    world.write("e.toml", "[[node]]\nname = \"head\"\nmac = \"02:00:00:00:00:0b\"\naddress = \"10.0.0.11\"\n");
    std::os::unix::fs::symlink("/etc/passwd", world.path("link.toml")).expect("made");
    let mut chain = String::from("extends = [");
    for number in 0..40 {
        world.write(&format!("many/{number}.toml"), "");
        chain.push_str(&format!("\"many/{number}.toml\", "));
    }
    let extends = |good: &str, name: &str| format!("extends = [\"{name}\"]\n{good}");
    let cases = [
        (
            extends(SMALL, "a.toml"),
            "b.toml:1:12: `recipe.toml` extends itself, by way of `recipe.toml`, `a.toml`, `b.toml`",
        ),
        (
            extends(SMALL, "c.toml"),
            "recipe.toml:4:9: `debian.suite` has another value at c.toml:2:9 (what a recipe extends is added to, never replaced: set the key in one of the two)",
        ),
        (extends(SMALL, "d.toml"), "d.toml:1:2: unknown key `debain` (did you mean `debian`?)"),
        (extends(CLUSTER, "e.toml"), "e.toml:2:8: the name `head` is taken already, at recipe.toml:7:8"),
        (extends(SMALL, "link.toml"), "recipe.toml:1:12: `link.toml` leads out of the recipe's directory"),
        (extends(SMALL, "/etc/passwd"), "recipe.toml:1:12: `/etc/passwd` is no path below the recipe's directory"),
        (
            extends(SMALL, "none.toml"),
            "recipe.toml:1:12: cannot find `none.toml`: No such file or directory (os error 2)",
        ),
        (extends(SMALL, "files"), "recipe.toml:1:12: cannot read `files`: it is not a regular file"),
        (extends(SMALL, "fifo"), "recipe.toml:1:12: cannot read `fifo`: it is not a regular file"),
        (format!("extends = 1\n{SMALL}"), "recipe.toml:1:11: `extends` is an integer, not a list"),
    ];
    for (text, wanted) in cases {
        assert_eq!(world.bad(&text), [wanted], "{text}");
    }
    let said = world.bad(&format!("{chain}]\n{SMALL}"));
    assert!(said[0].ends_with("more than 32 files make this recipe"), "{}", said[0]);
}

#[test]
fn case_70_what_is_no_text_or_too_much() {
    let world = World::new();
    fs::write(world.path("recipe.toml"), b"name = \"x\"\n# caf\xe9\n").expect("written");
    let Err(Error::Invalid(problems)) = load(&world.path("recipe.toml")) else { panic!("it is no UTF-8") };
    assert_eq!((problems[0].line, problems[0].column, problems[0].message.as_str()), (2, 6, "this is not UTF-8 text"));
    let many = format!("name = \"x\"\npackages = [{}]\n", "\"a\",".repeat(1_000_000));
    assert!(matches!(world.load(&many), Err(Error::Read { .. })));
    let deep = format!("name = \"x\"\npackages = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(world.load(&deep), Err(Error::Invalid(_))));
    let dotted = format!("name = \"x\"\n{}x = 1\n", "a.".repeat(50_000));
    assert!(matches!(world.load(&dotted), Err(Error::Invalid(_))));
    assert!(matches!(load(&world.path("files")), Err(Error::Read { .. })));
    assert!(matches!(load(&world.path("fifo")), Err(Error::Read { .. })));
}

/// A control character of the recipe does not reach the terminal.
#[test]
fn case_70_messages_are_printable() {
    let world = World::new();
    for text in ["name = \"\u{1b}[2J\"\n", "\u{1b}]0;x\u{7} = 1\n", "\"\\u001b[2J\" = 1\n", "name = \"\\u009b\"\n"] {
        let error = world.load(text).expect_err(text).to_string();
        assert!(error.chars().all(|letter| letter == '\n' || !letter.is_control()), "{error:?}");
    }
}

#[test]
fn every_key_is_documented() {
    let written = include_str!("../../doc/recipe.md");
    assert!(written == reference(), "run `imgbuild schema --markdown > doc/recipe.md`");
    let schema = schema();
    let parts = schema["$defs"].as_object().expect("there are tables").values().chain([&schema]);
    for key in parts.flat_map(|part| part["properties"].as_object().expect("they have keys")) {
        assert!(key.1["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", key.0);
    }
}

#[test]
fn packages_are_asked_for_by_release_and_archives_may_be_flat() {
    let world = World::new();
    let lines = "packages = [\"curl/backports\", \"libc6:i386/trixie-backports\"]\n[debian]\nsuite = \"trixie\"\n\
                 pockets = [\"backports\"]\n[[archive]]\nurl = \"https://packages.example.org/x/\"\nsuite = \"/\"\n\
                 signed-by = \"keys/slurm.asc\"\nallow = [\"no-date\", \"suite-mismatch\"]\n[[pin]]\n\
                 archive = \"https://packages.example.org/x\"\npriority = -1_0\n";
    let recipe = world.load(&format!("name = \"x\"\n{lines}")).expect("a recipe");
    let named = |name: &str, architecture: Option<&str>, release: &str| PackageRequest::Named {
        name: name.into(),
        architecture: architecture.map(Into::into),
        version: None,
        release: Some(release.into()),
    };
    let wanted = [named("curl", None, "backports"), named("libc6", Some("i386"), "trixie-backports")];
    assert_eq!(recipe.packages, wanted);
    let archive = &recipe.archives[0];
    assert_eq!((archive.suite.as_str(), archive.components.len()), ("./", 0));
    assert_eq!(archive.allow, [Allowance::SuiteMismatch, Allowance::NoDate]);
    let pin = &recipe.pins[0];
    assert_eq!((pin.archive.as_deref(), pin.priority), (Some("https://packages.example.org/x"), -10));
}

#[test]
fn old_suites_have_the_pockets_that_there_were() {
    let world = World::new();
    for (suite, pockets) in [
        ("trixie", vec!["updates", "security"]),
        ("buster", vec!["updates", "security"]),
        ("lenny", vec!["security"]),
        ("sid", vec![]),
    ] {
        let recipe = world.load(&format!("name = \"x\"\n[debian]\nsuite = \"{suite}\"\n")).expect("a recipe");
        assert_eq!(recipe.debian.pockets, pockets, "{suite}");
    }
}

#[test]
fn a_directory_stands_for_its_debs() {
    let world = World::new();
    let recipe = |packages: &str| format!("name = \"x\"\npackages = [{packages}]\n[debian]\nsuite = \"trixie\"\n");
    for name in ["b.deb", "a.deb"] {
        world.write(&format!("debs/{name}"), "!<arch>\nrest");
    }
    world.write("debs/notes.txt", "no package");
    let paths = |recipe: Recipe| -> Vec<String> {
        let path = |request: &PackageRequest| match request {
            PackageRequest::Local(file) => file.path.display().to_string(),
            PackageRequest::Named { name, .. } => name.clone(),
        };
        recipe.packages.iter().map(path).collect()
    };
    let found = paths(world.good(&recipe("\"hello\", \"./debs/\", \"debs/a.deb\"")));
    assert_eq!(found, ["debs/a.deb", "debs/b.deb", "hello"]);
    world.write("empty/notes.txt", "no package");
    world.write("wrong/x.deb", "no package");
    for (asked, wanted) in [
        ("\"empty/\"", "there is no .deb in `empty/`"),
        ("\"none/\"", "cannot find `none/`"),
        ("\"wrong/\"", "`wrong/x.deb` is no .deb"),
        ("\"../\"", "leads out of the recipe's directory"),
        ("\"local.deb/\"", "cannot find `local.deb/`"),
    ] {
        let said = world.bad(&recipe(asked));
        assert!(said.len() == 1 && said[0].starts_with("recipe.toml:2:13: ") && said[0].contains(wanted), "{said:?}");
    }
}

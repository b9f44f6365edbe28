use std::fs;
use std::path::Path;

use super::*;

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
"#;

/// The smallest one.
const SMALL: &str = "name = \"x\"\n[debian]\nsuite = \"trixie\"\n";

struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().expect("the tests can write"));
        world.write("local.deb", "!<arch>\nrest");
        world.write("keys/slurm.asc", "a key");
        world.write("files/b/run", "#!/bin/sh\n");
        world.write("files/a", "a");
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
    let pinned =
        PackageRequest::Named { name: "mariadb-server".into(), architecture: None, version: Some("1:11.8.*".into()) };
    assert!(recipe.packages.contains(&pinned));
    assert_eq!(recipe.debian.mirror.as_deref(), Some("https://mirror.example.org/debian"));
    assert_eq!(recipe.archives[0].signed_by.path, Path::new("keys/slurm.asc"));
    let tmpfs = recipe.diskless.as_ref().map(|diskless| diskless.tmpfs.clone()).unwrap_or_default();
    assert_eq!(tmpfs["/var/log"], "64M");
    assert_eq!(recipe.nodes[0].mac, [0x00, 0x21, 0x97, 0x7d, 0xad, 0xbf]);
    assert_eq!(recipe.nodes[0].services, ["mariadb"]);
    assert_eq!(recipe.nodes[1].root, Some(RootMode::Ram));
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
    assert_eq!(recipe.initramfs, Initramfs { modules: Modules::Netboot, compression: Compression::Zstd });
    assert!(recipe.diskless.is_none() && recipe.head.is_none() && recipe.nodes.is_empty());
    let sid = World::new().good(&SMALL.replace("trixie", "sid"));
    assert!(sid.debian.pockets.is_empty());
    let diskless = World::new().good(&format!("{SMALL}[diskless]\n")).diskless.expect("asked for");
    assert_eq!(diskless.root, RootMode::Nfs);
    assert_eq!(diskless.tmpfs["/tmp"], "25%");
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

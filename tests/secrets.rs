//! What is each machine's own is in no image, and each node makes it: cases 130 to 139. And what becomes of packages
//! that cannot be followed.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;

use imgbuild::configure::Method;
use imgbuild::host::Host;
use imgbuild::host::Sandbox;
use imgbuild::host::SandboxError;
use imgbuild::host::SandboxJob;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::tree::Content;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::tar;

use crate::hostile::World;
use crate::hostile::chain;

pub(crate) fn deb(name: &str, postinst: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64").script("postinst", &format!("#!/bin/sh\nset -e\n{postinst}"))
}

/// systemd and dpkg, as far as anybody looks, and a shell's usual directories.
fn base(name: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64")
        .file("/usr/lib/systemd/systemd", 0o755, "")
        .file("/usr/bin/dpkg", 0o755, "")
        .directory("/etc", 0o755)
        .directory("/tmp", 0o1777)
        .directory("/dev", 0o755)
        .directory("/proc", 0o555)
        .directory("/sys", 0o555)
}

pub(crate) fn world(packages: &[DebBuilder]) -> World {
    let hello = base("hello").field("Depends", &packages.iter().map(name).collect::<Vec<_>>().join(", "));
    let archive = packages.iter().fold(ArchiveBuilder::new("test").package(&hello), |all, deb| all.package(deb));
    World::new(&archive)
}

fn name(deb: &DebBuilder) -> String {
    let control = deb.control();
    control.lines().find_map(|line| line.strip_prefix("Package: ")).expect("it has a name").to_owned()
}

/// Builds; gives the root.
#[track_caller]
pub(crate) fn root(world: &World, host: &Host) -> Tree {
    world.build_on(host, "out").unwrap_or_else(|error| panic!("{}", chain(&error)));
    let file = fs::File::open(world.place.path().join("out/root.tar")).expect("it was built");
    read(&mut &file)
}

#[track_caller]
pub(crate) fn built(world: &World) -> Tree {
    root(world, &world.host().expect("a store"))
}

#[track_caller]
pub(crate) fn refusal(world: &World) -> String {
    match world.build() {
        Ok(_) => panic!("it was built"),
        Err(error) => chain(&error),
    }
}

fn read(input: &mut dyn Read) -> Tree {
    let mut keep = |reader: &mut dyn Read, _| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    };
    tar::read(input, &mut keep).expect("a tree")
}

pub(crate) fn text(tree: &Tree, path: &str) -> Option<String> {
    let bytes = tree.read(path).expect("it is in memory")?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Case 130.
#[test]
fn case_130_what_a_machine_has_is_no_empty_file() {
    for (script, what) in [
        ("p=$(tr -dc a-z </dev/urandom | head -c 9); echo \"p=$p\" >/etc/hello", "draws random numbers"),
        ("cat /dev/urandom 2>/dev/null | head -c 9 >/etc/hello || true", "draws random numbers"),
        ("head -c18 //dev/../dev/random >/etc/hello || :", "draws random numbers"),
        ("dd if=/dev/hwrng of=/etc/hello bs=8 count=1 2>/dev/null || :", "draws random numbers"),
        ("cp /proc/sys/kernel/random/uuid /etc/hello || :", "draws random numbers"),
        ("install -m 600 /dev/urandom /etc/hello || :", "installs the device /dev/urandom"),
        ("ln -s /dev/urandom /etc/source; head -c 9 /etc/source >/etc/hello || :", "draws random numbers"),
        ("read -r id </proc/sys/kernel/random/boot_id || id=; echo $id >/etc/hello", "which a running machine has"),
        ("grep -c processor /proc/cpuinfo >/etc/hello || :", "which a running machine has"),
        ("sed -n 1p /sys/class/dmi/id/product_uuid >/etc/hello || :", "which a running machine has"),
        ("wc -l </proc/net/dev >/etc/hello || :", "which a running machine has"),
        ("awk '{print $1}' /proc/uptime >/etc/hello || :", "which a running machine has"),
        ("uuidgen >/etc/hello || :", "makes a secret"),
        ("mcookie >/etc/hello || :", "makes a secret"),
        ("openssl rand -hex 8 >/etc/hello || :", "makes a secret"),
        ("ssh-keygen -q -N '' -f /etc/hello || :", "makes a secret"),
    ] {
        let said = match world(&[deb("one", script)]).build() {
            Ok(_) => panic!("it was built: {script}"),
            Err(error) => chain(&error),
        };
        assert!(said.contains("one: postinst, line 3") && said.contains(what), "{script}: {said}");
    }
    for (script, what) in [
        ("for net in /sys/class/net/*; do echo $net; done >/etc/hello", "`/sys/class/net/*`: lists /sys/class/net"),
        ("cd /proc; for id in [0-9]*; do echo $id; done >/etc/hello", "lists /proc"),
        ("cd /; echo sys/block/sd? >/etc/hello", "lists /sys/block"),
        ("ls /proc >/etc/hello", "lists /proc"),
        ("ls /sys/block 2>/dev/null >/etc/hello || :", "lists /sys/block"),
        ("find /sys/block -name 'sd*' 2>/dev/null >/etc/hello || :", "lists /sys/block"),
        ("grep -rl x /proc >/etc/hello || :", "lists /proc"),
        ("cp -r /proc /etc/hello", "lists /proc"),
    ] {
        let said = refusal(&world(&[deb("one", script)]));
        assert!(said.contains("one: postinst, line 3") && said.contains(what), "{script}: {said}");
    }
    let asked = "[ -c /dev/urandom ]; [ -r /proc/cpuinfo ] || echo none >/etc/hello";
    assert_eq!(text(&built(&world(&[deb("one", asked)])), "/etc/hello").as_deref(), Some("none\n"), "asking is none");
}

/// A package as Debian has it by this name: a password in a configuration file, and a program that reads it.
fn server() -> DebBuilder {
    let script = "mkdir -p /etc/shadowsocks-libev\nset +e\npw=$(tr -dc A-Za-z0-9 < /dev/urandom | head -c 12)\nset -e\n\
                  sed \"s/barfoo!/$pw/\" /usr/share/server.json >/etc/shadowsocks-libev/config.json\n\
                  chmod 640 /etc/shadowsocks-libev/config.json\n";
    deb("shadowsocks-libev", script)
        .file("/usr/share/server.json", 0o644, "{\n    \"password\":\"barfoo!\",\n    \"timeout\":60\n}\n")
        .file("/usr/lib/systemd/system/shadowsocks-libev.service", 0o644, "[Service]\nExecStart=/usr/bin/ss\n")
}

const CONFIG: &str = "/etc/shadowsocks-libev/config.json";
const TEMPLATE: &str = "/usr/lib/imgbuild/templates/etc/shadowsocks-libev/config.json";

/// Case 131: neither a secret nor an empty place for one is in the image, the service waits for the node's, and two
/// nodes have two.
#[test]
fn case_131_a_password_is_left_to_the_nodes() {
    let tree = built(&world(&[server()]));
    assert!(tree.lookup(CONFIG).is_none(), "without it the server does not start");
    let template = text(&tree, TEMPLATE).expect("a template");
    assert_eq!(template, "{\n    \"password\":\"@imgbuild:shadowsocks@\",\n    \"timeout\":60\n}\n");
    assert_eq!(tree.lookup(TEMPLATE).expect("there").1.stat.mode, 0o640);
    for link in [
        "etc/systemd/system/shadowsocks-libev.service.requires/imgbuild-secrets.service",
        "etc/systemd/system/multi-user.target.wants/imgbuild-secrets.service",
    ] {
        assert!(tree.lookup(link).is_some(), "{link}");
    }
    let unit = text(&tree, "/etc/systemd/system/imgbuild-secrets.service").expect("a unit");
    assert!(unit.contains("\nBefore=shadowsocks-libev.service\n"), "{unit}");
    let program = text(&tree, "/usr/lib/imgbuild/own").expect("a program");
    let nodes = ["one", "two"].map(|node| {
        let place = tempfile::tempdir().expect("a directory");
        let (first, status) = boot(&program, &template, place.path());
        assert_eq!(status, Some(0), "{node}: {first}");
        let (second, _) = boot(&program, &template, place.path());
        assert_eq!(first, second, "what is there stays");
        let password = first.split('"').nth(3).expect("a password").to_owned();
        assert!(password.len() == 12 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{first}");
        password
    });
    assert_ne!(nodes[0], nodes[1]);
    // A node whose kernel gives no random numbers has no configuration either.
    let place = tempfile::tempdir().expect("a directory");
    let (left, status) = boot(&program.replace("/dev/urandom", "/dev/null"), &template, place.path());
    assert_eq!((left.as_str(), status), ("", Some(1)));
}

/// Runs the program as a node does, with its paths below a directory; gives the configuration file.
#[expect(clippy::disallowed_methods, reason = "the test runs what a node runs")]
fn boot(program: &str, template: &str, place: &Path) -> (String, Option<i32>) {
    let below = place.display().to_string();
    let mut program = program.replace("=/var/lib/imgbuild", &format!("={below}/state"));
    program = program.replace("=/run/imgbuild", &format!("={below}/run"));
    program = program.replace("\"/usr/lib/imgbuild/templates$path\"", &format!("\"{below}/template\""));
    program = program.replace("make /etc/", &format!("make {below}/etc/"));
    fs::create_dir_all(place.join("etc/shadowsocks-libev")).expect("made");
    fs::write(place.join("template"), template).expect("written");
    fs::write(place.join("own"), program).expect("written");
    let ran = Command::new("sh").arg(place.join("own")).arg("secrets").output().expect("sh starts");
    let made = fs::read_to_string(place.join("etc/shadowsocks-libev/config.json")).unwrap_or_default();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    (
        if ran.status.success() { made } else { format!("{made}{}", if made.is_empty() { "" } else { &said }) },
        ran.status.code(),
    )
}

/// Case 132: what a package that is known draws for another place, and a file without a place for its password.
#[test]
fn case_132_a_secret_in_another_place_is_found() {
    let elsewhere = "mkdir -p /etc/shadowsocks-libev; pw=$(head -c 18 /dev/urandom | base64)\n\
                     echo \"key=$pw\" >/etc/other.conf\n";
    let said = refusal(&world(&[deb("shadowsocks-libev", elsewhere)]));
    assert!(said.contains("a script has put a password or key into `/etc/other.conf`"), "{said}");
    let another = "mkdir -p /etc/shadowsocks-libev; echo '{}' >/etc/shadowsocks-libev/config.json\n";
    let said = refusal(&world(&[deb("shadowsocks-libev", another)]));
    assert!(said.contains("cannot find the password in `/etc/shadowsocks-libev/config.json`"), "{said}");
}

/// Case 133: the file of a key is gone, and what links lead to it are there.
#[test]
fn case_133_keys_and_the_links_to_them() {
    let tree = built(&world(&[
        deb("ssl-cert", "groupadd -r ssl-cert\nmake-ssl-cert generate-default-snakeoil\n")
            .file("/etc/group", 0o644, "root:x:0:\n")
            .file("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n")
            .directory("/etc/ssl/private", 0o710)
            .directory("/etc/ssl/certs", 0o755),
        deb(
            "dovecot-core",
            "mkdir -p /etc/dovecot/private\nif [ -e /etc/ssl/certs/ssl-cert-snakeoil.pem ]; then\n\
             ln -s /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/dovecot/private/dovecot.pem; fi\n",
        )
        .field("Depends", "ssl-cert"),
        deb(
            "pacemaker-common",
            "mkdir -p /etc/pacemaker; dd if=/dev/urandom of=/etc/pacemaker/authkey bs=4096 count=1\n",
        ),
        deb("varnish", "systemd-tmpfiles --create varnish.conf\n").file(
            "/usr/lib/tmpfiles.d/varnish.conf",
            0o644,
            "C /etc/varnish/secret 600 - - - /proc/sys/kernel/random/uuid\n",
        ),
    ]));
    let link = |path: &str| {
        let path = tree.resolve(path, false).ok()?;
        let Kind::Symlink(target) = &tree.get(&path)?.kind else { return None };
        Some(String::from_utf8_lossy(target).into_owned())
    };
    for path in
        ["/etc/ssl/private/ssl-cert-snakeoil.key", "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/pacemaker/authkey"]
    {
        assert!(tree.resolve(path, false).is_ok_and(|path| tree.get(&path).is_none()), "{path}");
    }
    assert_eq!(link("/etc/dovecot/private/dovecot.pem").as_deref(), Some("/etc/ssl/certs/ssl-cert-snakeoil.pem"));
    // systemd-tmpfiles finds something there, on a shared root as well.
    assert_eq!(link("/etc/varnish/secret").as_deref(), Some("/run/imgbuild/secrets/etc/varnish/secret"));
    let program = text(&tree, "/usr/lib/imgbuild/own").expect("a program");
    let key = program.find("make /etc/ssl/private/ssl-cert-snakeoil.key root:ssl-cert 0640 ").expect("the key");
    let certificate =
        program.find("make /etc/ssl/certs/ssl-cert-snakeoil.pem root:root 0644 ").expect("the certificate");
    assert!(key < certificate, "{program}");
    for path in ["/etc/pacemaker/authkey root:haclient 0640", "/etc/varnish/secret root:root 0600"] {
        assert_eq!(program.matches(&format!("make {path} ")).count(), 1, "{program}");
    }
}

/// A sandbox that does to the tree what a test says, and to the database what the driver and dpkg do; and whose scripts were
/// asked for.
pub(crate) struct Scripted {
    work: fn(&mut Tree),
    asked: Mutex<Vec<String>>,
}

impl Sandbox for Scripted {
    fn run(
        &self,
        _: &SandboxJob,
        mut input: &mut (dyn Read + Send),
        output: &mut (dyn Write + Send),
        _: &mut (dyn Write + Send),
    ) -> Result<(), SandboxError> {
        let mut tree = read(&mut input);
        let driver = text(&tree, "/var/lib/imgbuild-configure/run").expect("the driver");
        let asked = driver.lines().find(|line| line.starts_with("dpkg --configure")).expect("a command").to_owned();
        self.asked.lock().expect("no test has failed").push(asked);
        let driver = TreePath::literal("var/lib/imgbuild-configure");
        let stanzas = tree.below(&driver).filter(|(path, _)| path.as_bytes().ends_with(b".unpacked"));
        let stanzas: Vec<String> = stanzas.map(|(path, _)| text(&tree, &format!("/{path}")).expect("text")).collect();
        let before = text(&tree, "/var/lib/dpkg/status").unwrap_or_default();
        let after = (before + &stanzas.concat()).replace("install ok unpacked", "install ok installed");
        tree.write("var/lib/dpkg/status", 0o644, after).expect("dpkg's");
        (self.work)(&mut tree);
        tar::write(&tree, output).map(drop).map_err(|error| SandboxError::Io(std::io::Error::other(error)))
    }
}

pub(crate) fn with_sandbox(world: &World, work: fn(&mut Tree)) -> (Host, Arc<Scripted>) {
    let sandbox = Arc::new(Scripted { work, asked: Mutex::default() });
    let mut host = world.host().expect("a store");
    host.sandbox = Arc::clone(&sandbox) as Arc<dyn Sandbox>;
    (host, sandbox)
}

/// Case 134: what a script really drew, in the sandbox, is taken out as well; and both ways give one tree.
#[test]
fn case_134_the_sandbox_leaves_no_secret() {
    let mut world = world(&[server()]);
    let native = built(&world);
    world.method = Method::Sandbox;
    let (host, _) = with_sandbox(&world, |tree| {
        tree.make_directories("etc/shadowsocks-libev", 0o755).expect("new");
        let config = "{\n    \"password\":\"h7Gd0qPz81Lk\",\n    \"timeout\":60\n}\n";
        tree.write(CONFIG, 0o640, config).expect("new");
        tree.make_directories("var/lib/ucf/cache", 0o755).expect("new");
        tree.write("var/lib/ucf/cache/:etc:shadowsocks-libev:config.json", 0o640, config).expect("new");
        tree.write("var/lib/ucf/hashfile", 0o644, "0123  /etc/shadowsocks-libev/config.json\n4567  /etc/kept\n")
            .expect("new");
        tree.make_directories("var/log", 0o755).expect("new");
        tree.write("var/log/wtmp.db", 0o644, "today").expect("new");
        tree.write("etc/fake-hwclock.data", 0o644, "today").expect("new");
    });
    let tree = root(&world, &host);
    let dump = imgbuild::tree::dump(&tree);
    for path in [CONFIG, "config.json\n", "wtmp.db", "fake-hwclock"] {
        assert!(
            !dump.lines().any(|line| line.ends_with(path.trim_end()) && !line.contains("templates")),
            "{path}: {dump}"
        );
    }
    assert_eq!(text(&tree, TEMPLATE), text(&native, TEMPLATE));
    assert_eq!(text(&tree, "/usr/lib/imgbuild/own"), text(&native, "/usr/lib/imgbuild/own"));
    assert_eq!(text(&tree, "/var/lib/ucf/hashfile").as_deref(), Some("4567  /etc/kept\n"));
}

/// Packages in a row, of which the second and the third cannot be followed.
fn row() -> Vec<DebBuilder> {
    let say = |name: &str| format!("echo {name} >>/etc/order\n");
    vec![
        deb("first", &say("first")),
        deb("second", "echo trace >/etc/trace\nfrobnicate\n").field("Depends", "first"),
        deb("third", "frobnicate\n").field("Depends", "second"),
        deb("fourth", "cat /etc/made >>/etc/order; echo fourth >>/etc/order\n").field("Depends", "third"),
    ]
}

#[test]
fn the_error_says_which_lines_go_on() {
    let said = refusal(&world(&row()));
    assert!(
        said.contains("[configure]\npackages = { ") && said.contains("second = \"sandbox\", third = \"sandbox\" }"),
        "{said}"
    );
    assert!(said.contains("otherwise = \"sandbox\""), "{said}");
}

/// The sandbox gets just the packages that cannot be followed, at their place: what came before is there, and nothing
/// that following them had done.
#[test]
fn what_cannot_be_followed_runs_in_the_sandbox_at_its_place() {
    let world = world(&row()).recipe("[configure]\notherwise = \"sandbox\"\n");
    let (host, sandbox) = with_sandbox(&world, |tree| {
        assert_eq!(text(tree, "/etc/order").as_deref(), Some("first\n"));
        assert_eq!(text(tree, "/etc/trace"), None);
        tree.write("etc/made", 0o644, "made\n").expect("new");
    });
    let tree = root(&world, &host);
    assert_eq!(text(&tree, "/etc/order").as_deref(), Some("first\nmade\nfourth\n"));
    let asked = sandbox.asked.lock().expect("no test has failed").clone();
    let asked: Vec<&str> = asked.iter().filter_map(|asked| asked.rsplit_once(' ')).map(|(_, last)| last).collect();
    assert_eq!(asked, ["'second'", "'third'"], "each alone");
    let manifest = fs::read_to_string(world.place.path().join("out/manifest.json")).expect("it was built");
    assert!(
        manifest.contains("cannot be followed: second: postinst, line 4: `frobnicate`: unknown command"),
        "{manifest}"
    );
    assert_eq!(manifest.matches("\"sandboxed\"").count(), 2, "{manifest}");
}

#[test]
fn what_cannot_be_followed_is_left_to_the_first_boot() {
    let mut packages = row();
    packages.pop();
    let tree = built(&world(&packages).recipe("[configure]\notherwise = \"first-boot\"\n"));
    assert_eq!(text(&tree, "/etc/order").as_deref(), Some("first\n"));
    assert_eq!(text(&tree, "/etc/trace"), None);
    let unit = text(&tree, "/etc/systemd/system/imgbuild-first-boot.service").expect("a unit");
    assert!(unit.contains("first-boot second third hello\n"), "with what needs them: {unit}");
}

/// What the first of several nodes makes would be everybody's.
#[test]
fn case_142_nodes_that_share_a_root_have_no_first_boot_of_packages() {
    let choices = ["otherwise = \"first-boot\"", "packages = { second = \"first-boot\", third = \"first-boot\" }"];
    for choice in choices {
        for (root, shared) in [("nfs", true), ("overlay", false), ("ram", false)] {
            let mut packages = row();
            packages.pop();
            let lines = format!("[configure]\n{choice}\n[diskless]\nroot = \"{root}\"\n");
            let said = refusal(&world(&packages).recipe(&lines));
            assert_eq!(said.contains("cannot leave the configuration of second, third"), shared, "{lines}: {said}");
            // Where it is none, the build goes on to what this small system has not.
            assert_eq!(said.contains("kernel"), !shared, "{lines}: {said}");
        }
    }
}

/// The packages of trixie that make a secret, as far as their scripts are followed with all they need.
const MAKERS: &[&str] = &[
    "bacula-common",
    "bacula-console",
    "bacula-fd",
    "bacula-sd",
    "bind9",
    "curvedns",
    "dovecot-core",
    "dropbear",
    "ejabberd",
    "freeradius",
    "ircd-hybrid",
    "munge",
    "nsd",
    "nvme-cli",
    "oar-server",
    "open-iscsi",
    "openiked",
    "pacemaker",
    "pkcs11-daemon",
    "partimage-server",
    "popularity-contest",
    "postfix",
    "postsrsd",
    "quassel-core",
    "rabbitmq-server",
    "shadowsocks-libev",
    "ssl-cert",
    "v2ray",
    "varnish",
    "xrdp",
    "zfsutils-linux",
    "zoneminder",
];

/// What packages bring as it is, on every machine alike: a program in Python, and settings for databases that the
/// administrator fills in.
const AS_SHIPPED: &[&str] = &[
    "/etc/bacula/scripts/key-manager.py",
    "/etc/oar/oar.conf",
    "/etc/zm/zm.conf",
    "/var/lib/ucf/cache/:etc:oar:oar.conf",
];

/// Every package that makes a secret, of a real archive: neither a secret nor an empty place for one is in the image.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs the program as users do")]
fn no_package_of_debian_leaves_a_secret() {
    if !crate::switched_on("IMGBUILD_TEST_MIRROR", "no_package_of_debian_leaves_a_secret") {
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let recipe = directory.path().join("makers.toml");
    let names: Vec<String> = MAKERS.iter().map(|name| format!("\"{name}\"")).collect();
    let lines = format!(
        "name = \"makers\"\npackages = [\"systemd-sysv\", {}]\n[debian]\nsuite = \"trixie\"\n\
         components = [\"main\", \"contrib\"]\n[install]\nbase = \"required\"\n\
         [configure]\notherwise = \"first-boot\"\n",
        names.join(", ")
    );
    fs::write(&recipe, lines).expect("written");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native-cache");
    let output = directory.path().join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    let ran =
        command.arg(&recipe).arg("-o").arg(&output).arg("--cache").arg(cache).arg("-q").output().expect("it starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // What they need may be left to the first boot; they themselves are followed.
    let manifest = fs::read_to_string(output.join("manifest.json")).expect("it was built");
    for name in MAKERS {
        assert!(!manifest.contains(&format!("cannot be followed: {name}: ")), "{name}: {manifest}");
    }
    let tree = read(&mut fs::File::open(output.join("root.tar")).expect("it was built"));
    let mut wrong = Vec::new();
    for (path, _, inode) in tree.iter() {
        let Some(content) = inode.content().filter(|content| content.size() < 1 << 20) else { continue };
        let shown = path.to_string();
        if !["/etc/", "/var/", "/root/"].iter().any(|top| shown.starts_with(top))
            || AS_SHIPPED.contains(&shown.as_str())
        {
            continue;
        }
        let text = String::from_utf8_lossy(&content.to_vec().expect("it is in memory")).into_owned();
        let empty = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '/'])).any(|line| {
            let line = line.to_lowercase();
            let (key, value) = line.split_once(['=', ':']).unwrap_or_default();
            let secret = ["passw", "secret", "_key", "des_key", "uuid"].iter().any(|word| key.contains(word));
            secret && key.len() < 24 && value.trim().trim_matches(['"', ',', '\'', ';']).is_empty()
        });
        if text.contains("PRIVATE KEY-----\nM") || text.contains("Imgbuild") || empty {
            wrong.push(shown);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let program = text(&tree, "/usr/lib/imgbuild/own").expect("a program");
    for path in ["/etc/bacula/bacula-fd.conf", "/etc/bind/rndc.key", "/etc/iscsi/initiatorname.iscsi"] {
        assert!(program.contains(&format!("make {path} ")) && tree.lookup(path).is_none(), "{path}");
    }
}

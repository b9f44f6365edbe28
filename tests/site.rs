//! What changes without a new image: files of `[[site]]`, and the names of all nodes, from the recipe to a node's disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::time::Duration;
use std::time::Instant;

use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::error::PublishError;
use imgbuild::host::fault;
use imgbuild::pipeline::publish;
use imgbuild::pipeline::publish::SitePublished;
use imgbuild::recipe;
use imgbuild::recipe::Recipe;

use crate::hostile::files;
use crate::publish::cluster;
use crate::publish::output_of;
use crate::publish::publish_to;

mod tls;

const SECRET: &str = "hunter2-is-the-key-of-dizzy";

/// What the example says of the site.
const SITE: &str = r#"
[[site]]
path = "/etc/munge/munge.key"
source = "secrets/munge.key"
mode = "0400"
user = "munge"
nodes = ["dizzy"]
on-change = "restart munge"

[[site]]
path = "/etc/whoami"
source = "whoami"
mode = "0644"
template = true
on-change = "reload who.service"

[[site]]
path = "/etc/tree"
source = "tree"
nodes = ["tumbler,scrambler"]
on-change = "restart munge"
"#;

/// A recipe beside its files, outputs of it, and a head.
struct World(tempfile::TempDir);

impl World {
    fn new(site: &str) -> Self {
        let world = Self(tempfile::tempdir().expect("the tests can write"));
        world.write("secrets/munge.key", SECRET);
        world.write("whoami", "{{ node.name }} {{ node.address }} {{ node.mac }}\n{% for node in nodes %}\n{{ node.name }}{{ \",\" if not loop.last else \"\" }}\n{% endfor %}\n");
        world.write("tree/a", "a\n");
        world.write("tree/b/run", "#!/bin/sh\n");
        fs::set_permissions(world.at("tree/b/run"), fs::Permissions::from_mode(0o755)).expect("ours");
        world.recipe("", site);
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Writes the example, with nodes of its own roots and further tables.
    fn recipe(&self, nodes: &str, site: &str) -> Recipe {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/diskless-node.toml");
        let text = fs::read_to_string(example).expect("there").replacen("root = \"nfs\" ", "root = \"overlay\" ", 1);
        self.write("recipe.toml", &format!("{text}{nodes}{site}"));
        recipe::load(&self.at("recipe.toml")).unwrap_or_else(|error| panic!("{error}"))
    }

    fn publish(&self, own: &str) {
        let recipe = recipe::load(&self.at("recipe.toml")).expect("a recipe");
        output_of(&recipe, &self.at(own), "root");
        publish_to(&self.at(own), &self.at("head")).unwrap_or_else(|error| panic!("{error}"));
    }

    fn site(&self) -> Result<SitePublished, Error> {
        publish::site(&self.at("recipe.toml"), &self.at("head"))
    }

    fn refused(&self) -> String {
        let before = files(&self.at("head"));
        let error = self.site().expect_err("it is wrong");
        assert_eq!(files(&self.at("head")), before, "nothing is written");
        assert_eq!(error.exit_code(), 2, "{error}");
        match error {
            Error::Publish(error) => error.to_string(),
            error => error.to_string(),
        }
    }

    /// What a node is offered.
    fn offered(&self, node: &str) -> PathBuf {
        self.at("head/srv/imgbuild/diskless-node/site").join(node)
    }

    fn index(&self, node: &str) -> String {
        fs::read_to_string(self.offered(node).join("now/index")).expect("it has one")
    }
}

/// Case 153: a secret is where its node alone can reach it, and in no other byte of anything.
#[test]
fn each_node_gets_its_own_files_and_no_other() {
    let plain = World::new("").recipe("", "");
    let world = World::new(SITE);
    let recipe = recipe::load(&world.at("recipe.toml")).expect("a recipe");
    assert_eq!((recipe.digest, recipe.selection), (plain.digest, plain.selection), "no lock changes");
    // Who builds need not have them.
    fs::rename(world.at("secrets"), world.at("elsewhere")).expect("ours");
    world.publish("one");
    let error = world.refused();
    assert!(error.contains("recipe.toml:") && error.contains("cannot find `secrets/munge.key`"), "{error}");
    fs::rename(world.at("elsewhere"), world.at("secrets")).expect("ours");
    assert_eq!(world.index("dizzy").lines().count(), 2, "names alone until the site is published");

    let began = Instant::now();
    let done = world.site().unwrap_or_else(|error| panic!("{error}"));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let both = vec!["scrambler".to_owned(), "tumbler".to_owned()];
    assert_eq!(
        done.changes,
        [
            ("new /etc/munge/munge.key, new /etc/whoami".to_owned(), vec!["dizzy".to_owned()]),
            ("new /etc/tree/a, new /etc/tree/b/run, new /etc/whoami".to_owned(), both),
        ]
    );
    assert_eq!(done.unpublished, Vec::<String>::new());
    let holders: Vec<PathBuf> = [files(&world.at("head")), files(&world.at("one"))]
        .concat()
        .into_iter()
        .filter(|path| fs::read(path).is_ok_and(|bytes| memchr::memmem::find(&bytes, SECRET.as_bytes()).is_some()))
        .collect();
    assert!(!holders.is_empty() && holders.iter().all(|path| path.starts_with(world.offered("dizzy"))), "{holders:?}");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(world.offered("dizzy").parent().expect("in one")), 0o700);
    assert!(holders.iter().all(|path| mode(path) == 0o600));

    // Each directory is one node's, by its address.
    let exports = fs::read_to_string(world.at("head/etc/exports.d/imgbuild.exports")).expect("there");
    for (node, address) in [("dizzy", "192.168.1.10"), ("tumbler", "192.168.1.11"), ("scrambler", "192.168.1.12")] {
        let line = format!("/srv/imgbuild/diskless-node/site/{node} {address}(ro,sync,subtree_check,no_root_squash)");
        assert_eq!(exports.lines().filter(|found| *found == line).count(), 1, "{exports}");
        assert_eq!(exports.matches(&format!("/site/{node} ")).count(), 1, "{exports}");
    }
    let index = world.index("tumbler");
    let attributes: Vec<&str> = index.lines().skip(1).map(|line| line.split_once('\t').expect("a line").1).collect();
    assert_eq!(
        attributes,
        [
            "0644\troot\troot\t-\t/etc/hosts",
            "0600\troot\troot\trestart munge.service\t/etc/tree/a",
            "0700\troot\troot\trestart munge.service\t/etc/tree/b/run",
            "0644\troot\troot\treload who.service\t/etc/whoami",
        ]
    );
}

/// Case 154: who publishes again puts right what is damaged, and removes what was withdrawn.
#[test]
fn what_is_offered_is_whole_and_no_more() {
    let world = World::new(SITE);
    world.publish("one");
    world.site().expect("it is good");
    assert_eq!(world.site().expect("it is good").changes, []);
    let version = fs::read_link(world.offered("dizzy").join("now")).expect("a link");
    for damage in ["key", "index", "now"] {
        let directory = world.offered("dizzy").join(&version);
        let sum = world.index("dizzy").lines().find(|line| line.ends_with(".key")).expect("there")[..64].to_owned();
        match damage {
            "key" => fs::write(directory.join(sum), "other").expect("written"),
            "index" => fs::write(directory.join("index"), "other").expect("written"),
            _ => fs::remove_file(world.offered("dizzy").join("now")).expect("there"),
        }
        assert_eq!(world.site().expect("it is good").changes.len(), 1, "{damage}");
        assert_eq!(fs::read_link(world.offered("dizzy").join("now")).expect("a link"), version);
        let key = fs::read_to_string(directory.join(&world.index("dizzy").lines().nth(2).expect("a line")[..64]));
        assert_eq!(key.expect("there"), SECRET, "{damage}");
    }
    world.recipe("", "");
    let done = world.site().expect("it is good");
    assert_eq!(done.changes[0].0, "withdrawn /etc/munge/munge.key, withdrawn /etc/whoami");
    let left: Vec<PathBuf> = files(&world.at("head"))
        .into_iter()
        .filter(|path| fs::read(path).is_ok_and(|bytes| memchr::memmem::find(&bytes, SECRET.as_bytes()).is_some()))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// Another node is a name on all others, and no other root; what one had that is gone is gone.
#[test]
fn another_node_is_no_other_image() {
    let world = World::new(SITE);
    world.publish("one");
    world.site().expect("it is good");
    let before = cluster(&world.at("one"));
    let node = "\n[[node]]\nname = \"gimlet\"\nmac = \"02:00:00:00:00:04\"\naddress = \"192.168.1.13\"\n";
    world.recipe(node, SITE);
    assert_eq!(world.site().expect("it is good").unpublished, ["gimlet"]);
    world.publish("two");
    let after = cluster(&world.at("two"));
    assert_eq!((&after.root, after.initramfs), (&before.root, before.initramfs));
    let hosts = |node: &str| {
        let sum = world.index(node).lines().nth(1).expect("hosts")[..64].to_owned();
        fs::read_to_string(world.offered(node).join("now").join(sum)).expect("there")
    };
    for node in ["dizzy", "tumbler", "gimlet"] {
        assert!(hosts(node).contains("\n192.168.1.13\tgimlet\n"), "{node}");
    }
    assert_eq!(hosts("dizzy"), fs::read_to_string(world.at("head/etc/hosts")).expect("there"));
    assert!(world.index("dizzy").contains("/etc/munge/munge.key"), "what a node had stays");
    world.recipe("", SITE);
    world.publish("three");
    assert!(!world.offered("gimlet").exists() && !hosts("tumbler").contains("gimlet"));
}

/// Case 155: what cannot be done is named before anything is written, without a word of a file.
#[test]
fn a_site_that_cannot_be_is_refused() {
    let world = World::new(SITE);
    let error = world.refused_without_head();
    assert!(error.contains("an output of recipe `diskless-node`"), "{error}");
    world.publish("one");
    let entry = |text: &str| format!("\n[[site]]\npath = \"/etc/x\"\nsource = \"t\"\ntemplate = true\n{text}");
    for (template, wanted) in [
        ("one\n{{ node.nmae }} hunter2\n", "line 2: undefined value"),
        ("{{ node.tags.rack }}", "line 1: undefined value"),
        ("{{ nothing }}", "line 1: undefined value"),
        ("{% if %}", "line 1: syntax error"),
        ("{% for x in range(100000) %}{% for y in range(100000) %}{% endfor %}{% endfor %}", "ran out of fuel"),
        ("{% include \"/etc/passwd\" %}", "line 1: "),
    ] {
        world.write("t", template);
        world.recipe("", &entry(""));
        let error = world.refused();
        assert!(error.contains(wanted) && error.contains("`/etc/x`") && error.contains("recipe.toml:"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    fs::write(world.at("t"), b"\xff").expect("written");
    assert!(world.refused().contains("it is not UTF-8 text"));
    std::os::unix::fs::symlink("/etc/passwd", world.at("tree/link")).expect("made");
    world.recipe("", &entry("").replace("\"t\"", "\"tree\""));
    assert!(world.refused().contains("`tree/link` is no file that nodes can take"));

    // On a root that is other nodes' as well, only what has a place there.
    world.write("t", "plain");
    world.recipe("", &entry("nodes = [\"tumbler\"]"));
    let text = fs::read_to_string(world.at("recipe.toml")).expect("there");
    world.write("recipe.toml", &text.replacen("name = \"tumbler\"", "name = \"tumbler\"\nroot = \"nfs\"", 1));
    world.publish("two");
    let error = world.refused();
    assert!(error.contains("node `tumbler` cannot take `/etc/x`") && error.contains("[[overlay]]"), "{error}");
}

impl World {
    fn refused_without_head(&self) -> String {
        fs::create_dir(self.at("empty")).expect("new");
        match publish::site(&self.at("recipe.toml"), &self.at("empty")) {
            Err(Error::Publish(error)) if matches!(*error, PublishError::NoCluster { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

/// A node: its root, what it remembers, and tools that say what they were told.
struct Node {
    root: PathBuf,
    state: PathBuf,
    tools: PathBuf,
}

impl Node {
    fn new(place: &Path) -> Self {
        let node = Self { root: place.join("root"), state: place.join("state"), tools: place.join("tools") };
        for directory in [&node.root.join("etc"), &node.tools] {
            fs::create_dir_all(directory).expect("made");
        }
        node.tool("chown", "exit 0");
        node.tool("systemctl", "case $1 in show) echo active;; is-active) ;; *) echo \"$@\" >>\"${0%/*}/did\";; esac");
        node
    }

    fn tool(&self, name: &str, line: &str) {
        let path = self.tools.join(name);
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }

    #[expect(clippy::disallowed_methods, reason = "the program of the node is what is tested")]
    fn command(&self, offered: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/overlay/node/site"));
        command.arg("from").arg(offered).arg(&self.root).env("IMGBUILD_SITE", &self.state);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.tools.display()));
        command
    }

    fn take(&self, offered: &Path) -> Output {
        self.command(offered).output().expect("there is a shell")
    }

    fn takes(&self, offered: &Path) {
        let output = self.take(offered);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What services were told since this was asked last.
    fn did(&self) -> Vec<String> {
        let path = self.tools.join("did");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_node_takes_what_it_is_offered_and_gives_it_back() {
    let world = World::new(SITE);
    world.publish("one");
    world.site().expect("it is good");
    let node = Node::new(&world.at("node"));
    fs::write(node.root.join("etc/hosts"), "the image's\n").expect("written");
    let offered = world.offered("tumbler");
    node.takes(&offered);
    assert_eq!(node.read("etc/whoami"), "tumbler 192.168.1.11 00:21:97:7a:24:0f\ndizzy,\ntumbler,\nscrambler\n");
    assert!(node.read("etc/hosts").contains("192.168.1.10\tdizzy db\n"));
    assert_eq!((node.read("etc/tree/a"), node.read("etc/tree/b/run")), ("a\n".into(), "#!/bin/sh\n".into()));
    let mode = |path: &str| fs::metadata(node.root.join(path)).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode("etc/whoami"), mode("etc/tree/a"), mode("etc/tree/b/run")), (0o644, 0o600, 0o700));
    assert_eq!(node.did(), ["reload who.service", "restart munge.service"], "each once");
    node.takes(&offered);
    assert_eq!(node.did(), Vec::<String>::new(), "nothing has changed");

    world.write("tree/a", "another\n");
    world.site().expect("it is good");
    node.takes(&offered);
    assert_eq!((node.read("etc/tree/a").as_str(), node.did()), ("another\n", vec!["restart munge.service".to_owned()]));

    // What starts has nothing to reload.
    node.tool("systemctl", "case $1 in is-active) exit 3;; *) echo \"$@\" >>\"${0%/*}/did\";; esac");
    world.write("tree/a", "third\n");
    world.site().expect("it is good");
    node.takes(&offered);
    assert_eq!((node.read("etc/tree/a").as_str(), node.did()), ("third\n", Vec::new()));

    // A damaged file is not taken, and a file that cannot be placed keeps none of the others away.
    let sum =
        world.index("tumbler").lines().find(|line| line.ends_with("/etc/tree/a")).expect("there")[..64].to_owned();
    world.write("tree/a", "fourth\n");
    world.site().expect("it is good");
    let fourth =
        world.index("tumbler").lines().find(|line| line.ends_with("/etc/tree/a")).expect("there")[..64].to_owned();
    assert_ne!(sum, fourth);
    let path = offered.join("now").join(&fourth);
    fs::remove_file(&path).expect("there");
    fs::write(&path, "fifth\n").expect("written");
    assert!(!node.take(&offered).status.success());
    assert_eq!(node.read("etc/tree/a"), "third\n");
    fs::write(&path, "fourth\n").expect("written");
    fs::remove_file(node.root.join("etc/whoami")).expect("there");
    fs::create_dir_all(node.root.join("etc/whoami/in-the-way")).expect("made");
    world.write("whoami", "other\n");
    world.site().expect("it is good");
    assert!(!node.take(&offered).status.success());
    assert_eq!(node.read("etc/tree/a"), "fourth\n");
    fs::remove_dir_all(node.root.join("etc/whoami")).expect("ours");
    node.takes(&offered);
    assert_eq!(node.read("etc/whoami"), "other\n");

    // Withdrawn: the image's own files are back.
    world.recipe("", "");
    world.site().expect("it is good");
    node.takes(&offered);
    assert!(!node.root.join("etc/whoami").exists() && !node.root.join("etc/tree/a").exists());
    fs::remove_dir_all(&offered).expect("ours");
    node.takes(&offered);
    assert!(node.read("etc/hosts").contains("dizzy"), "what nobody offers any more stays");
}

/// Case 156: killed at any moment, each file on the node is the old one or the new one, and the next run finishes.
#[test]
fn a_node_that_is_killed_has_old_or_new_files() {
    let world = World::new(SITE);
    world.publish("one");
    let node = Node::new(&world.at("node"));
    let offered = world.offered("tumbler");
    let text = |round: usize| format!("{round}\n").repeat(20_000);
    world.write("tree/a", &text(0));
    world.site().expect("it is good");
    node.takes(&offered);
    for round in 1..=12_u64 {
        let number = usize::try_from(round).expect("small");
        world.write("tree/a", &text(number));
        world.site().expect("it is good");
        let mut process = node.command(&offered).spawn().expect("there is a shell");
        std::thread::sleep(Duration::from_millis(round * 7));
        let _ = process.kill();
        let _ = process.wait();
        let found = node.read("etc/tree/a");
        assert!(found == text(number - 1) || found == text(number), "round {round}: {} bytes", found.len());
        node.takes(&offered);
        assert_eq!(node.read("etc/tree/a"), text(number));
    }
    let left: Vec<PathBuf> = files(&node.root).into_iter().filter(|path| path.ends_with(".imgbuild-site")).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// On a root that nodes share, what a node takes is mounted over the image's file: for it alone, as often as it changes.
#[test]
#[expect(clippy::disallowed_methods, reason = "the program of the node is what is tested")]
fn a_node_with_a_shared_root_writes_nothing_there() {
    const TEST: &str = "a_node_with_a_shared_root_writes_nothing_there";
    if !crate::switched_on("IMGBUILD_TEST_ROOT", TEST) {
        return;
    }
    let site = "\n[[site]]\npath = \"/etc/x\"\nsource = \"x\"\n";
    let world = World::new("");
    world.write("x", "first\n");
    world.recipe("", site);
    world.publish("one");
    let node = Node::new(&world.at("node"));
    node.tool("stat", "echo nfs");
    for name in ["hosts", "x"] {
        fs::write(node.root.join("etc").join(name), "the image's\n").expect("written");
    }
    let version = |text: &str, site: &str, name: &str| {
        world.write("x", text);
        world.recipe("", site);
        world.site().expect("it is good");
        let copied = Command::new("cp").arg("-a").arg(world.offered("tumbler")).arg(world.at(name)).status();
        assert!(copied.expect("there is cp").success());
    };
    version("first\n", site, "a");
    version("second\n", site, "b");
    version("second\n", "", "c");
    let script = "for name in a b a b c; do sh \"$1\" from \"$2/$name\" \"$3\"; cat \"$3/etc/x\"; done; \
                  grep -c \"$3/etc/\" /proc/self/mounts";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-euc", script, "sh"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/overlay/node/site"));
    command.arg(world.0.path()).arg(&node.root).env("IMGBUILD_SITE", &node.state);
    command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", node.tools.display()));
    let output = command.output().expect("there is unshare");
    let said = String::from_utf8_lossy(&output.stdout);
    let seen: Vec<&str> =
        said.lines().filter(|line| !line.starts_with("took") && !line.starts_with("withdrew")).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(seen, ["first", "second", "first", "second", "the image's", "1"], "{errors}");
    assert_eq!((node.read("etc/x"), node.read("etc/hosts")), ("the image's\n".into(), "the image's\n".into()));
}

/// `recipes/hpc.toml`: the batch system's table follows from the nodes'.
#[test]
fn a_cluster_that_computes_has_its_table_and_its_key() {
    let world = World::new("");
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    for name in ["hpc.toml", "hpc/slurm.conf"] {
        world.write(name, &fs::read_to_string(recipes.join(name)).expect("there"));
    }
    // It is a recipe before anybody has made the key.
    recipe::load(&recipes.join("hpc.toml")).expect("a recipe");
    world.write("hpc/secrets/munge.key", SECRET);
    let recipe = recipe::load_with_site(&world.at("hpc.toml")).expect("a recipe");
    let files = imgbuild::head::SiteFiles::of_recipe(&recipe).expect("it can be filled in");
    let text = |node: &str, path: &str| {
        let bytes = files[node].0[path].bytes.clone().expect("it was read");
        String::from_utf8(bytes.to_vec()).expect("a text")
    };
    for (node, action) in
        [("control", "reload slurmctld.service"), ("n01", "reload slurmd.service"), ("m2", "reload slurmd.service")]
    {
        assert_eq!(files[node].0["/etc/slurm/slurm.conf"].attributes[3], action);
        assert_eq!(text(node, "/etc/slurm/slurm.conf"), text("control", "/etc/slurm/slurm.conf"));
        assert_eq!(text(node, "/etc/munge/munge.key"), SECRET);
        assert_eq!(files[node].0["/etc/munge/munge.key"].attributes[..3], ["0400", "munge", "munge"]);
    }
    let table = text("n01", "/etc/slurm/slurm.conf");
    let lines: Vec<&str> = table.lines().skip_while(|line| !line.starts_with("NodeName=")).collect();
    let node = |name: &str, address: &str, memory: u32| {
        format!("NodeName={name} NodeAddr=192.168.1.{address} CPUs=1 RealMemory={memory} State=UNKNOWN")
    };
    let wanted = [
        node("n01", "11", 800),
        node("n02", "12", 800),
        node("n03", "13", 800),
        node("n04", "14", 800),
        node("m1", "31", 1600),
        node("m2", "32", 1600),
        String::new(),
        "PartitionName=compute Nodes=n01,n02,n03,n04 Default=YES MaxTime=INFINITE State=UP".to_owned(),
        String::new(),
        "PartitionName=memory Nodes=m1,m2 Default=NO MaxTime=INFINITE State=UP".to_owned(),
        String::new(),
    ];
    assert_eq!(lines, wanted);
}

/// Tells a process of this test where its world is, and what is to go wrong there.
const FAULTS_IN: &str = "IMGBUILD_TEST_SITE_FAULT";

/// The disturbed publication; does nothing when it is not told to.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the parent test says where, and reads how it went"
)]
fn publishes_a_site_as_it_is_told() {
    let Ok(told) = std::env::var(FAULTS_IN) else { return };
    let words: Vec<&str> = told.split(' ').collect();
    let [place, number, kind] = words[..] else { panic!("three words: {told}") };
    // Errors of Linux (errno(3)): EIO and ENOSPC.
    let fault = match kind {
        "once" => fault::Fault::Once(5),
        "on" => fault::Fault::FromThenOn(28),
        _ => fault::Fault::Death,
    };
    let before = fault::passed();
    if let Ok(number) = number.parse::<u64>() {
        fault::plan(before + number, fault);
    }
    let place = Path::new(place);
    match publish::site(&place.join("recipe.toml"), &place.join("head")) {
        Ok(_) => println!("a site: done {}", fault::passed() - before),
        Err(error) => println!("a site: failed {} {error}", error.exit_code()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a process that may end")]
fn disturbed(world: &World, plan: &str) -> Option<String> {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "site::publishes_a_site_as_it_is_told", "--nocapture"]);
    command.env(FAULTS_IN, format!("{} {plan}", world.0.path().display()));
    let said = command.output().expect("it starts").stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().find_map(|line| Some(line.split_once("a site: ")?.1.to_owned()))
}

/// What a node would take: the version's index, once all that it names is there and whole.
fn whole(world: &World, node: &str, what: &str) -> String {
    let now = world.offered(node).join("now");
    let version = fs::read_link(&now).unwrap_or_else(|error| panic!("{what}: {node}: {error}"));
    let index = fs::read_to_string(now.join("index")).unwrap_or_else(|error| panic!("{what}: {node}: {error}"));
    assert!(Sha256::of(index.as_bytes()).to_string().starts_with(&*version.to_string_lossy()), "{what}: {node}");
    for line in index.lines().skip(1) {
        let name = line.split('\t').next().expect("a digest");
        let bytes = fs::read(now.join(name)).unwrap_or_else(|error| panic!("{what}: {node}: {name}: {error}"));
        assert_eq!(Sha256::of(&bytes).to_string(), name, "{what}: {node}");
    }
    index
}

/// Case 161: every write, link, rename and synchronisation fails once, or from then on, or is the last that happens.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test reads its switch; the figures are wanted")]
fn case_161_a_fault_at_every_pass_of_a_site() {
    const NODES: [&str; 3] = ["dizzy", "scrambler", "tumbler"];
    let full = std::env::var_os("IMGBUILD_TEST_FAULTS").is_some_and(|value| value == "1");
    let world = World::new(SITE);
    world.publish("one");
    let change = |text: &str| {
        world.write("whoami", &format!("{{{{ node.name }}}} {text}\n"));
        world.write("tree/a", text);
        world.write("secrets/munge.key", &format!("{SECRET} {text}"));
    };
    let published = |text: &str, what: &str| {
        change(text);
        world.site().unwrap_or_else(|error| panic!("{what}: {error}"));
        NODES.map(|node| whole(&world, node, what))
    };
    let (old, new) = (published("old", "before"), published("new", "after"));
    assert!(old.iter().zip(&new).all(|(old, new)| old != new));
    let clean = files(&world.at("head/srv/imgbuild")).len();
    published("old", "again");
    change("new");
    let done = disturbed(&world, "none none").expect("it ends by itself");
    let passes: u64 =
        done.strip_prefix("done ").and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{done}"));
    let (mut failed, mut died) = (0, 0);
    for plan in (0..passes)
        .step_by(if full { 1 } else { 5 })
        .flat_map(|pass| ["once", "on", "death"].map(|kind| format!("{pass} {kind}")))
    {
        published("old", &plan);
        change("new");
        match disturbed(&world, &plan).as_deref() {
            Some(words) if words.starts_with("failed") => {
                assert!(words.starts_with("failed 1 "), "{plan}: {words}");
                assert!(!words.contains(SECRET), "{plan}");
                failed += 1;
            }
            Some(words) => panic!("{plan}: {words}: the fault is not told"),
            None => died += 1,
        }
        for (number, node) in NODES.iter().enumerate() {
            let found = whole(&world, node, &plan);
            assert!(found == old[number] || found == new[number], "{plan}: {node} has neither");
        }
        assert_eq!(published("new", &plan), new, "{plan}: the next one heals");
        assert_eq!(files(&world.at("head/srv/imgbuild")).len(), clean, "{plan}: something is left");
    }
    eprintln!("{passes} passes: {failed} failed, {died} died");
    assert!(passes > 20 && failed > 0 && died > 0, "{passes} passes");
}

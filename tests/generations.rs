//! What publishing tells of, and who decides which generations go: as it is typed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::head::Cluster;
use imgbuild::recipe::Recipe;
use imgbuild::recipe::RootMode;

use crate::publish::cluster;
use crate::publish::example;
use crate::publish::output_of;

/// A head, and outputs beside it.
struct World {
    place: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { place: tempfile::tempdir().expect("the tests can write") }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    fn head(&self, path: &str) -> PathBuf {
        self.at("head").join(path)
    }

    /// Writes a file of the head's.
    fn write(&self, path: &str, text: &str) {
        let path = self.head(path);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
        command.args(arguments).current_dir(self.place.path()).env_clear();
        let output = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words are UTF-8");
        (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
    }

    /// Makes an output of a recipe and publishes it; returns what it is, and what was said.
    fn publish(&self, name: &str, own: &str, change: impl FnOnce(&mut Recipe)) -> (Cluster, String) {
        let mut recipe = example();
        change(&mut recipe);
        output_of(&recipe, &self.at(name), own);
        let (code, out, err) = self.run(&["publish", name, "--to", "head"]);
        assert_eq!(code, 0, "{name}: {err}");
        (cluster(&self.at(name)), out)
    }

    fn prune(&self, more: &[&str]) -> (i32, String) {
        let arguments = ["generations", "--to", "head", "--prune", "--keep", "0"];
        let (code, out, err) = self.run(&[&arguments[..], more].concat());
        (code, out + &err)
    }

    fn menu(&self, name: &str) -> String {
        fs::read_to_string(self.head("srv/tftp/pxelinux.cfg").join(name)).expect("there is a menu")
    }

    /// Makes an earlier generation one that nobody was offered for a year.
    fn age(&self, generation: &str) {
        let path = self.head("srv/imgbuild/diskless-node/offered.json");
        let text = fs::read_to_string(&path).expect("it is written down");
        let mut offered: std::collections::BTreeMap<String, i64> = serde_json::from_str(&text).expect("JSON");
        *offered.get_mut(generation).expect("it was offered") -= 365 * 24 * 3600;
        fs::write(path, serde_json::to_string(&offered).expect("JSON")).expect("written");
    }

    /// Where a generation's root lies.
    fn root(&self, cluster: &Cluster) -> PathBuf {
        self.head("srv/imgbuild/diskless-node/gen").join(&cluster.root)
    }
}

/// Whatever a boot depends on, a new value of it takes effect, and who is told what is said.
#[test]
fn case_87_a_new_argument_or_card_takes_effect() {
    let world = World::new();
    let (first, out) = world.publish("one", "own", |_| {});
    assert!(out.starts_with(&format!("now {}\nchanged ", first.generation)), "{out}");
    let root = fs::metadata(world.root(&first).join("root/etc/own")).expect("there");

    let (quiet, out) = world.publish("two", "own", |recipe| {
        recipe.nodes[0].kernel_arguments.push("quiet".into());
    });
    let wanted =
        format!("now {}\n  dizzy: kernel arguments +quiet\nprevious {}\nchanged ", quiet.generation, first.generation);
    assert!(out.starts_with(&wanted), "{out}");
    let menu = world.menu("01-00-21-97-7d-ad-bf");
    let (now, previous) = menu.split_once("LABEL previous").expect("both are offered");
    assert!(now.contains(" quiet") && !previous.contains(" quiet"), "{menu}");
    assert!(!world.menu("default").contains(" quiet"));
    // The root is the very one: it was not copied again.
    assert_eq!((&quiet.root, quiet.generation != first.generation), (&first.root, true));
    let same = fs::metadata(world.root(&quiet).join("root/etc/own")).expect("there");
    assert_eq!((same.ino(), same.dev()), (root.ino(), root.dev()));

    let (_, out) = world.publish("three", "own", |recipe| {
        recipe.nodes[0].mac = [2, 0, 0, 0, 0, 1];
        recipe.nodes[1].address = [192, 168, 1, 77].into();
        recipe.nodes[2].name = "slim".into();
        recipe.diskless.as_mut().expect("it is").kernel_arguments.push("noapic".into());
    });
    for line in [
        "  dizzy: MAC 02:00:00:00:00:01 instead of 00:21:97:7d:ad:bf; kernel arguments -quiet +noapic\n",
        "  tumbler: address 192.168.1.77 instead of 192.168.1.11; kernel arguments +noapic\n",
        "  scrambler: no longer a node, ",
        "  slim: new, ",
        "  machines in no table: kernel arguments +noapic\n",
        "changed etc/dnsmasq.d/imgbuild.conf: systemctl restart dnsmasq\n",
    ] {
        assert!(out.contains(line), "{line}\n--\n{out}");
    }
    assert!(world.menu("01-02-00-00-00-00-01").contains(" noapic"));
    assert!(world.menu("dizzy").contains(" noapic"));

    let (_, out) = world.publish("four", "another", |_| {});
    assert!(out.contains("\n  all nodes: another root\n"), "{out}");
    let (_, out, err) = world.run(&["publish", "four", "--to", "head", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!(told["images"][0]["cluster"], "diskless-node");
    let (_, out, _) = world.run(&["generations", "--to", "head", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(listed["generations"].as_array().map(Vec::len), Some(4), "{out}");
    let is_now = |each: &&serde_json::Value| each["now"] == true;
    let now = listed["generations"].as_array().and_then(|all| all.iter().find(is_now)).expect("one is offered");
    assert_eq!(now["id"], told["images"][0]["now"]);
    let (code, out, err) = world.run(&["rollback", "--to", "head"]);
    assert_eq!(code, 0, "{err}");
    let table = "  names, addresses and all other files of the head stay as they were published last\n";
    assert!(out.contains("  all nodes: another root\n") && out.contains(table), "{out}");
    assert!(!out.contains("slim") && !out.contains("MAC"), "the DHCP server's table is another file: {out}");
    let (code, out, err) = world.run(&["publish", "four", "--to", "head"]);
    assert!(code == 0 && out.contains("\n  slim: no longer a node"), "{out}{err}");
    let (_, out, _) = world.run(&["publish", "four", "--to", "head"]);
    assert_eq!(out.lines().count(), 2, "the same again changes nothing: {out}");
}

/// Three generations; returns the first, which nobody was offered for a year, and the others of the menu.
fn three(world: &World, mode: RootMode) -> [Cluster; 3] {
    let change = |recipe: &mut Recipe| recipe.diskless.as_mut().expect("it is").root = mode;
    let made = ["one", "two", "three"].map(|own| world.publish(own, own, change).0);
    world.age(&made[0].generation);
    made
}

#[test]
fn case_88_nothing_is_removed_on_the_word_of_a_log() {
    let world = World::new();
    let [one, two, three] = three(&world, RootMode::Nfs);
    let removed = format!("removed generation {}: ", one.generation);
    let root_removed = format!("removed root {}: ", one.root);
    // Who is alive, and has what mounted, cannot be told: nothing goes.
    let (code, out) = world.prune(&[]);
    assert!(code == 1 && out.contains("it is not known who uses what: dizzy; tumbler; scrambler"), "{out}");
    assert!(out.contains(&format!("kept generation {}: it cannot be told who uses it\n", one.generation)), "{out}");

    // dizzy runs the first. Its log says that it runs another one, and that changes nothing.
    let gen_of = |cluster: &Cluster| format!("/srv/imgbuild/diskless-node/gen/{}/root", cluster.root);
    world.write("var/lib/nfs/rmtab", &format!("192.168.1.10:{}:0x00000001\n", gen_of(&one)));
    let forged = |cluster: &Cluster| format!("x kernel: Command line: /{}/ /{}/\n", cluster.generation, cluster.root);
    for node in ["dizzy", "tumbler", "scrambler"] {
        world.write(&format!("var/log/{node}/kern"), &forged(&two));
    }
    let (code, out) = world.prune(&[]);
    assert_eq!(code, 0, "{out}");
    let kept = format!("kept generation {}: dizzy has mounted it (rmtab)\n", one.generation);
    assert!(out.contains(&kept) && world.root(&one).join("root/etc/own").exists(), "{out}");

    // A log can hint at what to keep: one generation for each node, and for a time.
    world.write("var/lib/nfs/rmtab", "");
    let everything: String = [&three, &two, &one].map(forged).concat();
    world.write("var/log/dizzy/kern", &everything);
    let (_, out) = world.prune(&["--grace", "0"]);
    assert!(out.contains(&removed) && out.contains(&root_removed), "the hint is older than a year: {out}");
    assert!(!world.root(&one).exists() && !world.head("srv/tftp/diskless-node").join(&one.generation).exists());
    assert!(world.root(&two).exists() && world.root(&three).exists(), "what is on the menu stays");
    assert!(out.contains(&format!("kept generation {}: nodes that start boot it", three.generation)), "{out}");
    assert!(out.contains(&format!("kept generation {}: it is the previous one of the menu", two.generation)), "{out}");
    let left = crate::hostile::names(&world.head("srv/tftp/diskless-node"));
    assert!(!left.iter().any(|name| name.contains(&one.generation) || name.starts_with('.')), "{left:?}");

    // While it is fresh it does keep; a lease makes it last.
    let (four, _) = world.publish("four", "four", |_| {});
    world.write("var/log/dizzy/kern", &forged(&two));
    let (_, out) = world.prune(&["--grace", "0"]);
    let hint =
        format!("kept generation {}: the log of dizzy says that it booted it last: a hint until ", two.generation);
    assert!(out.contains(&hint), "{out}");
    world.age(&two.generation);
    world.write("var/lib/misc/dnsmasq.leases", "0 00:21:97:7d:ad:bf 192.168.1.10 dizzy *\n");
    let (_, out) = world.prune(&["--grace", "0"]);
    assert!(out.contains("dizzy has a lease, and its log says that it booted it last\n"), "{out}");
    world.write("var/lib/misc/dnsmasq.leases", "1000 00:21:97:7d:ad:bf 192.168.1.10 dizzy *\n");
    let (_, out) = world.prune(&["--grace", "0"]);
    assert!(out.contains(&format!("removed generation {}: on the menu until ", two.generation)), "{out}");
    assert!(world.root(&four).exists());
}

#[test]
fn a_time_of_grace_decides() {
    let world = World::new();
    let [one, two, _] = three(&world, RootMode::Nfs);
    world.write("var/lib/nfs/rmtab", "");
    world.publish("four", "four", |_| {});
    let (code, out) = world.prune(&[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(&format!("removed generation {}: on the menu until ", one.generation)), "{out}");
    assert!(out.contains(&format!("kept generation {}: on the menu until ", two.generation)), "{out}");
    assert!(out.contains(": the time of grace ends at "), "{out}");
    let (_, out) = world.prune(&["--grace", "0"]);
    assert!(out.contains(&format!("removed generation {}: ", two.generation)), "{out}");
    let (code, _, err) = world.run(&["generations", "--to", "head", "--grace", "3"]);
    assert_eq!(code, 2, "it is for --prune: {err}");
}

/// Each thing that the head itself knows keeps a root, whoever was offered it and when.
#[test]
fn what_the_head_knows_keeps_a_root() {
    let world = World::new();
    let [one, ..] = three(&world, RootMode::Overlay);
    let root = world.root(&one).join("root");
    let file = fs::metadata(root.join("etc/own")).expect("there");
    let canonical = fs::canonicalize(&root).expect("there");
    let clients = "proc/fs/nfsd/clients/3";
    let states = |inode: u64| {
        let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
        format!(
            "- 0x01: {{ type: open, access: r-, superblock: \"{major:02x}:{minor:02x}:{inode}\", filename: \"x\" }}\n"
        )
    };
    // An empty table of clients: there is an NFS server, and it knows of nobody.
    fs::create_dir_all(world.head("proc/fs/nfsd/clients")).expect("made");
    let kept = |reason: &str| {
        let (code, out) = world.prune(&[]);
        let line = format!("kept generation {}: ", one.generation);
        let found = out.lines().find(|found| found.starts_with(&line)).unwrap_or_else(|| panic!("{reason}: {out}"));
        assert!(found.contains(reason), "{reason}: {out}");
        assert!(root.join("etc/own").exists(), "{reason}");
        code
    };
    world.write(&format!("{clients}/info"), "clientid: 0x1\naddress: \"192.168.1.11:871\"\nstatus: confirmed\n");
    world.write(&format!("{clients}/states"), &states(file.ino()));
    assert_eq!(kept("tumbler has files of it open (NFS version 4)"), 0);
    // What is open elsewhere is no use of it; nothing open at all may be one.
    world.write(&format!("{clients}/states"), "");
    assert_eq!(kept("it cannot be told who uses it"), 1);
    world.write(&format!("{clients}/states"), &states(1));

    let export = format!("/srv/imgbuild/diskless-node/gen/{}/root", one.root);
    world.write("proc/net/rpc/nfsd.export/content", &format!("#path domain(flags)\n{export}\t192.168.1.0/24(ro)\n"));
    assert_eq!(kept("clients have asked for its export"), 0);
    fs::remove_file(world.head("proc/net/rpc/nfsd.export/content")).expect("ours");

    world.write("proc/self/mountinfo", &format!("36 35 98:0 / {export} ro - erofs /dev/loop0 ro\n"));
    assert_eq!(kept(&format!("it is mounted on `{export}`: `umount {export}` lets it go")), 0);
    fs::remove_file(world.head("proc/self/mountinfo")).expect("ours");

    let image = canonical.parent().expect("below").join("root.erofs");
    let below = Path::new("/srv/imgbuild/diskless-node/gen").join(&one.root).join("root.erofs");
    for backing in [below, image.clone()] {
        if backing == image && !backing.starts_with("/srv") {
            continue;
        }
        world.write("sys/block/loop7/loop/backing_file", &format!("{}\n", backing.display()));
        assert_eq!(kept("its image is behind /dev/loop7"), 0);
    }
    fs::remove_dir_all(world.head("sys")).expect("ours");

    world.write("run/ganesha.pid", "1\n");
    assert_eq!(kept("it cannot be told who uses it"), 1);
    fs::remove_file(world.head("run/ganesha.pid")).expect("ours");

    let (code, out) = world.prune(&[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(&format!("removed generation {}: ", one.generation)) && !root.exists(), "{out}");
}

/// A root that generations share stays as long as one of them does.
#[test]
fn a_shared_root_outlasts_its_generations() {
    let world = World::new();
    let (first, _) = world.publish("one", "own", |_| {});
    let argument = |word: &'static str| move |recipe: &mut Recipe| recipe.nodes[0].kernel_arguments.push(word.into());
    world.publish("two", "own", argument("two"));
    world.publish("three", "own", argument("three"));
    world.write("var/lib/nfs/rmtab", "");
    world.age(&first.generation);
    let (code, out) = world.prune(&[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(&format!("removed generation {}: ", first.generation)) && !out.contains(" root "), "{out}");
    assert!(world.root(&first).join("root/etc/own").exists());
}

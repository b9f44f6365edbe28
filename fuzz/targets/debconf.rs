//! Invariants under test: a package's templates and its questions and answers end within their limits, do the same
//! twice, and leave a database that reads back as itself.
//!
//! An input is a `templates` file, a NUL, and what a config script says to debconf.
#![no_main]

use imgbuild::budget::Budget;
use imgbuild::configure::machine;
use imgbuild::configure::tools::debconf;
use imgbuild::limits::Limits;
use imgbuild::shell::Shell;
use imgbuild::shell::system::System;
use imgbuild::tree::Tree;
use imgbuild::tree::dump;
use libfuzzer_sys::fuzz_target;

fn world(tree: Tree) -> System {
    let mut world = machine(tree, "amd64", 1000);
    (world.bounds.bytes, world.bounds.depth) = (1 << 20, 20);
    let mut limits = Limits::default();
    (limits.script_steps, limits.script_memory) = (20_000, 64 << 20);
    world.spend_from(Budget::new(&limits, || false));
    world
}

fn follow(world: &mut System, script: &str) -> bool {
    let environment = [("PATH", "/usr/bin"), ("DEBIAN_FRONTEND", "noninteractive")];
    let outcome = Shell::new(world, "sh", &environment).run_script(script.as_bytes(), &[], &[]);
    outcome.is_ok_and(|outcome| outcome.status == 0)
}

fn talk(templates: &[u8], words: &[u8]) -> (bool, String, Tree) {
    let mut tree = Tree::new();
    for command in ["cat", "debconf-communicate", "debconf-loadtemplate", "debconf-show"] {
        tree.write(format!("usr/bin/{command}"), 0o755, "").expect("new");
    }
    tree.make_directories("var/cache/debconf", 0o755).expect("new");
    tree.write("tmp/t", 0o644, templates).expect("new");
    tree.write("tmp/w", 0o644, words).expect("new");
    let mut world = world(tree);
    let good =
        follow(&mut world, "debconf-loadtemplate seed /tmp/t && debconf-communicate seed < /tmp/w; debconf-show seed");
    debconf::save(&mut world).expect("the tree takes it");
    let tree = world.into_tree();
    (good, dump(&tree), tree)
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let (templates, words) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (good, first, tree) = talk(templates, words);
    let (again, second, _) = talk(templates, words);
    assert_eq!((good, &first), (again, &second));
    // Opened, looked at and written, it is what it was. But for names with what parts and escapes in lists: debconf
    // writes them as they are, and reads others.
    if input.iter().any(|byte| matches!(byte, b'\\' | b',')) {
        return;
    }
    let mut world = world(tree);
    follow(&mut world, "debconf-show seed > /dev/null");
    debconf::save(&mut world).expect("the tree takes it");
    assert_eq!(dump(world.tree()), first);
});

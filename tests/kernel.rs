//! The index files against the suite's own depmod.

use imgbuild::kernel;
use imgbuild::kernel::Kmod;
use imgbuild::kernel::Modules;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;

use crate::reference;
use crate::switched_on;

/// Files that depmod reads and does not write.
const SOURCES: [&str; 3] = ["modules.builtin", "modules.builtin.modinfo", "modules.order"];

fn compare(suite: &str) {
    let root = reference::root(suite);
    let modules = reference::read(&root.join("usr/lib/modules"));
    let modules = if modules.is_empty() { reference::read(&root.join("lib/modules")) } else { modules };
    let mut tree = Tree::new();
    tree.make_directories("usr/lib/modules", 0o755).expect("an empty tree takes a directory");
    for (path, _, inode) in modules.iter().filter(|(path, ..)| !path.is_root()) {
        let path = TreePath::literal("usr/lib/modules").join(path.as_bytes()).expect("a short path");
        tree.insert(path, inode.clone()).expect("parents come first");
    }
    tree.write("var/lib/dpkg/status", 0o644, std::fs::read(root.join("var/lib/dpkg/status")).expect("a dpkg database"))
        .expect("an empty directory takes a file");
    let version = kernel::versions(&tree).pop().expect("the root has a kernel");
    let kmod = Kmod::of(&tree).expect("the root has kmod");
    let modules = Modules::read(&tree, &version, 2).expect("every module is readable");
    let ours = modules.indices(kmod).expect("every name is ASCII");
    let directory = modules.directory();
    let mut names = Vec::new();
    for (path, inode) in tree.children(directory) {
        let name = String::from_utf8(path.name().to_vec()).expect("ASCII");
        if !name.starts_with("modules.") || SOURCES.contains(&name.as_str()) {
            continue;
        }
        let theirs = inode.content().expect("a file").to_vec().expect("readable");
        let own = ours.get(name.as_str()).unwrap_or_else(|| panic!("{suite}: {name} is not written"));
        assert!(*own == theirs, "{suite}: {name} differs: {} bytes, depmod has {}", own.len(), theirs.len());
        names.push(name);
    }
    assert_eq!(names, ours.keys().copied().collect::<Vec<_>>(), "{suite}");
}

#[test]
fn indices_are_those_of_depmod() {
    if switched_on("IMGBUILD_TEST_PEERS", "indices_are_those_of_depmod") {
        compare("trixie");
        compare("bookworm");
    }
}

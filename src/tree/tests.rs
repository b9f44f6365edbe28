use super::*;

fn path(text: &str) -> TreePath {
    TreePath::literal(text)
}

fn merged() -> Tree {
    let mut tree = Tree::new();
    tree.make_directories("usr/bin", 0o755).expect("new");
    tree.symlink("bin", "usr/bin").expect("new");
    tree.write("bin/sh", 0o755, "#!").expect("through the link");
    tree
}

#[test]
fn parents_are_resolved_through_links() {
    let tree = merged();
    assert!(tree.get(&path("usr/bin/sh")).is_some());
    assert!(tree.get(&path("bin/sh")).is_none());
    assert_eq!(tree.read("/bin/sh").expect("reads"), Some(b"#!".to_vec()));
    assert_eq!(tree.resolve("/bin/../lib", true).expect("bin exists"), path("usr/lib"));
    assert_eq!(tree.resolve("/../../bin", false).expect("stays inside"), path("bin"));
    assert!(matches!(tree.resolve("/no/such", true), Err(Error::NotFound(_))));
    assert!(matches!(tree.resolve("/bin/sh/x", true), Err(Error::NotDirectory(_))));
}

#[test]
fn loops_end() {
    let mut tree = Tree::new();
    tree.symlink("a", "b").expect("new");
    tree.symlink("b", "a").expect("new");
    assert!(matches!(tree.resolve("a", true), Err(Error::Loop(_))));
    assert_eq!(tree.resolve("a", false).expect("the link itself"), path("a"));
}

#[test]
fn hard_links_share_and_are_counted() {
    let mut tree = merged();
    tree.link(&path("usr/bin/sh"), path("usr/bin/dash")).expect("a file");
    let id = tree.id(&path("usr/bin/dash")).expect("linked");
    assert_eq!(tree.links(id), 2);
    tree.get_mut(&path("usr/bin/sh")).expect("there").stat.mode = 0o4755;
    assert_eq!(tree.get(&path("usr/bin/dash")).expect("there").stat.mode, 0o4755);
    tree.remove(&path("usr/bin/sh")).expect("one name");
    assert_eq!(tree.links(id), 1);
    assert!(tree.link(&path("usr"), path("x")).is_err());
}

#[test]
fn kinds_do_not_replace_directories() {
    let mut tree = merged();
    assert!(matches!(tree.insert(path("usr"), Inode::symlink("x")), Err(Error::IsDirectory(_))));
    assert!(matches!(tree.insert(path("bin"), Inode::directory(0o755)), Err(Error::NotDirectory(_))));
    assert!(matches!(tree.insert(path("x/y"), Inode::directory(0o755)), Err(Error::NotFound(_))));
    assert!(matches!(tree.remove(&path("usr")), Err(Error::NotEmpty(_))));
    tree.insert(path("usr"), Inode::directory(0o700)).expect("attributes change");
    assert!(tree.get(&path("usr/bin/sh")).is_some());
}

#[test]
fn rename_moves_what_is_below() {
    let mut tree = merged();
    tree.rename(&path("usr"), &path("opt")).expect("free name");
    assert!(tree.get(&path("opt/bin/sh")).is_some() && tree.get(&path("usr")).is_none());
    assert!(tree.rename(&path("opt"), &path("opt/bin/x")).is_err());
}

#[test]
fn walks_are_sorted_and_exact() {
    let mut tree = Tree::new();
    for name in ["a/b", "a-b", "a0", "a/b/c"] {
        tree.make_directories(name, 0o755).expect("new");
    }
    let all: Vec<_> = tree.iter().map(|(path, ..)| path.to_string()).collect();
    assert_eq!(all, ["/", "/a", "/a-b", "/a/b", "/a/b/c", "/a0"]);
    let below: Vec<_> = tree.below(&path("a")).map(|(path, _)| path.to_string()).collect();
    assert_eq!(below, ["/a/b", "/a/b/c"]);
    let children: Vec<_> = tree.children(&TreePath::root()).map(|(path, _)| path.to_string()).collect();
    assert_eq!(children, ["/a", "/a-b", "/a0"]);
}

#[test]
fn the_dump_is_canonical_and_reads_back() {
    let mut tree = merged();
    tree.link(&path("usr/bin/sh"), path("usr/bin/dash")).expect("a file");
    tree.put("dev/null", Inode { kind: Kind::CharDevice { major: 1, minor: 3 }, stat: Stat::new(0o666) }).expect("new");
    tree.write("a b\n", 0o644, "x").expect("new");
    let stat = &mut tree.get_mut(&path("a b\n")).expect("there").stat;
    stat.xattrs.insert(b"security.capability".to_vec(), vec![1, 0, 255]);
    let x = Sha256::of(b"x");
    let sh = Sha256::of(b"#!");
    let text = format!(
        "d 0755 0:0 - 0 - /\n\
         f 0644 0:0 1 0 {x} security.capability=0100ff /a\\x20b\\x0a\n\
         l 0777 0:0 - 0 usr/bin /bin\n\
         d 0755 0:0 - 0 - /dev\n\
         c 0666 0:0 - 0 1,3 /dev/null\n\
         d 0755 0:0 - 0 - /usr\n\
         d 0755 0:0 - 0 - /usr/bin\n\
         f 0755 0:0 2 0 {sh} /usr/bin/dash\n\
         h - - - - /usr/bin/dash /usr/bin/sh\n"
    );
    assert_eq!(dump(&tree), text);
    let entries = parse_dump(&text).expect("our own text");
    assert_eq!(entries.len(), 9);
    assert_eq!(entries[1].xattrs, ["security.capability=0100ff"]);
    assert!(parse_dump("d 0755").is_err());
}

use crate::digest::Sha256;

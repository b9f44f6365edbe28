use super::*;
use crate::testing::kernel_module;

/// Three modules: `top` needs `mid` needs `low`; `low` is zstd-compressed, `extra` is in no list.
fn tree() -> Tree {
    let mut tree = Tree::new();
    let base = "usr/lib/modules/6.1.0";
    let mut put = |path: &str, bytes: Vec<u8>| {
        tree.write(format!("{base}/{path}"), 0o644, bytes).expect("a fresh tree takes it");
    };
    put("kernel/top.ko", kernel_module(&["alias=pci:v-1*", "softdep=pre: low", "firmware=a.bin"], &[], &["mid_do"]));
    put(
        "kernel/m-id.ko",
        kernel_module(&["alias=char-major-10-7", "alias=devname:mid"], &["mid_do"], &["low_do", "printk"]),
    );
    let low = kernel_module(&["weakdep=top", "description=\u{e9}"], &["low_do"], &[]);
    put("kernel/low.ko.zst", zstd::encode_all(low.as_slice(), 1).expect("memory can be compressed"));
    put("extra/more.ko", kernel_module(&[], &[], &[]));
    put("build/never.ko", kernel_module(&[], &[], &[]));
    put("modules.order", b"kernel/top.ko\nkernel/m-id.ko\nkernel/low.ko\n".to_vec());
    put("modules.builtin", b"kernel/fs/ext-4.ko\n".to_vec());
    put("modules.builtin.modinfo", b"ext4.license=GPL\0ext4.alias=fs-ext3\0ext4.firmware=b.bin\0".to_vec());
    tree
}

fn text(files: &BTreeMap<&str, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[name].clone()).expect("a text file")
}

#[test]
fn finds_orders_and_links() {
    let tree = tree();
    assert_eq!(versions(&tree), ["6.1.0"]);
    let modules = Modules::read(&tree, "6.1.0", 3).expect("a good kernel");
    let names: Vec<&str> = modules.as_slice().iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["top", "m_id", "low", "more"]);
    assert_eq!(modules.dependencies(0), [1, 2]);
    assert_eq!(modules.find("m-id"), [1]);
    assert_eq!(modules.find("pci:v-1xyz"), [0]);
    assert_eq!(modules.find("no-such"), [0; 0]);
    assert_eq!(modules.builtin().expect("readable").into_iter().collect::<Vec<_>>(), ["ext_4"]);
    assert_eq!(modules.builtin_firmware().expect("readable"), [("ext4".to_owned(), "b.bin".to_owned())]);
    assert!(matches!(Modules::read(&tree, "6.2", 1), Err(Error::NoKernel(_))));
}

#[test]
fn writes_the_text_indices() {
    let modules = Modules::read(&tree(), "6.1.0", 1).expect("a good kernel");
    let files = modules.indices(Kmod::new(34)).expect("ASCII names");
    let wanted = "kernel/top.ko: kernel/m-id.ko kernel/low.ko.zst\n\
                  kernel/m-id.ko: kernel/low.ko.zst\nkernel/low.ko.zst:\nextra/more.ko:\n";
    assert_eq!(text(&files, "modules.dep"), wanted);
    assert!(
        text(&files, "modules.alias")
            .ends_with("alias pci:v-1* top\nalias char-major-10-7 m_id\nalias devname:mid m_id\n")
    );
    assert!(text(&files, "modules.softdep").ends_with("\nsoftdep top pre: low\n"));
    assert!(text(&files, "modules.weakdep").ends_with("\nweakdep low top\n"));
    assert!(text(&files, "modules.devname").ends_with("\nm_id mid c10:7\n"));
    assert!(!modules.indices(Kmod::new(30)).expect("ASCII names").contains_key("modules.weakdep"));
}

#[test]
fn a_subset_is_linked_anew() {
    let modules = Modules::read(&tree(), "6.1.0", 1).expect("a good kernel");
    let some = modules.subset(&BTreeSet::from([0, 2])).expect("no cycle");
    assert_eq!(some.dependencies(0), [0; 0], "what provided the symbol is not there");
    let files = some.indices(Kmod::new(34)).expect("ASCII names");
    assert_eq!(text(&files, "modules.dep"), "kernel/top.ko:\nkernel/low.ko.zst:\n");
}

#[test]
fn a_cycle_and_garbage_are_errors() {
    let mut tree = tree();
    tree.write("usr/lib/modules/6.1.0/x.ko", 0o644, kernel_module(&[], &["x"], &["y"])).expect("it can be written");
    tree.write("usr/lib/modules/6.1.0/y.ko", 0o644, kernel_module(&[], &["y"], &["x"])).expect("it can be written");
    match Modules::read(&tree, "6.1.0", 1) {
        Err(Error::Cycle(names)) => assert_eq!(names.len(), 2),
        other => panic!("{other:?}"),
    }
    let good = kernel_module(&["alias=a"], &["b"], &["c"]);
    for cut in 0..good.len() {
        let mut tree = Tree::new();
        tree.write("lib/modules/1/a.ko", 0o644, &good[..cut]).expect("it can be written");
        let read = Modules::read(&tree, "1", 1);
        assert!(!matches!(&read, Ok(modules) if modules.as_slice()[0].needs == ["c"]), "cut at {cut}");
    }
}

#[test]
fn updates_win() {
    let mut tree = Tree::new();
    for path in ["kernel/a.ko", "updates/dkms/a.ko", "kernel/b/a.ko"] {
        tree.write(format!("lib/modules/1/{path}"), 0o644, kernel_module(&[], &[], &[])).expect("it can be written");
    }
    let modules = Modules::read(&tree, "1", 1).expect("a good kernel");
    let paths: Vec<&str> = modules.as_slice().iter().map(|module| module.path.as_str()).collect();
    assert_eq!(paths, ["updates/dkms/a.ko"]);
}

/// The two layouts by hand: `ab` and `ac` under a shared `a`, one value each.
#[test]
fn the_trie_is_laid_out_as_the_format_says() {
    let bytes = |layout| {
        let mut trie = trie::Trie::default();
        trie.insert("ac".into(), 2, "y").expect("ASCII");
        trie.insert("ab".into(), 1, "x").expect("ASCII");
        trie.into_bytes(layout)
    };
    let head = b"\xb0\x07\xf4\x57\0\x02\0\x01".as_slice();
    let (x, y) = (b"\0\0\0\x01\0\0\0\x01x\0", b"\0\0\0\x01\0\0\0\x02y\0");
    let first = [head, b"\x20\0\0\x0c", b"aa\x20\0\0\x12", b"bc\x40\0\0\x1c\x40\0\0\x26", x, y].concat();
    assert_eq!(bytes(trie::Layout::NodeFirst), first);
    let last = [head, b"\x20\0\0\x2a", x, y, b"bc\x40\0\0\x0c\x40\0\0\x16", b"aa\x20\0\0\x20"].concat();
    assert_eq!(bytes(trie::Layout::ChildrenFirst), last);
    let mut trie = trie::Trie::default();
    assert!(matches!(trie.insert("\u{e9}".into(), 0, ""), Err(Error::Key(_))));
    assert_eq!(trie.into_bytes(trie::Layout::NodeFirst), [head, b"\0\0\0\x0c"].concat());
}

#[test]
fn aliases_are_normalized() {
    assert_eq!(index::normalize_alias("a-b[0-9]"), Ok("a_b[0-9]".to_owned()));
    assert!(index::normalize_alias("a[").is_err() && index::normalize_alias("a]").is_err());
}

#[test]
fn kmod_is_read_from_the_dpkg_database() {
    let mut tree = Tree::new();
    assert_eq!(Kmod::of(&tree), None);
    let status = "Package: a\nVersion: 1\n\nPackage: kmod\nVersion: 30+20221128-1\n\nPackage: z\nVersion: 2\n";
    tree.write("var/lib/dpkg/status", 0o644, status).expect("it can be written");
    assert_eq!(Kmod::of(&tree), Some(Kmod::new(30)));
}

#[test]
fn a_record_saves_the_reading_and_nothing_else() {
    let kept = Mutex::new(BTreeMap::new());
    let recall = |key: &str| kept.lock().expect("one thread").get(key).cloned();
    let keep = |key: &str, bytes: &[u8]| drop(kept.lock().expect("one thread").insert(key.to_owned(), bytes.to_vec()));
    let read = |tree: &Tree| {
        let modules =
            Modules::read_remembered(tree, "6.1.0", 1, (&Limits::DEFAULT, &Cancel::default()), &recall, &keep)
                .expect("a good kernel");
        modules.indices(Kmod::new(34)).expect("ASCII names")
    };
    let mut tree = tree();
    let first = read(&tree);
    assert_eq!(read(&tree), first);
    assert_eq!(kept.lock().expect("one thread").len(), 1, "the second time it was known");
    kept.lock().expect("one thread").values_mut().for_each(|bytes| bytes.truncate(20));
    assert_eq!(read(&tree), first, "a damaged record is made anew");
    tree.write("usr/lib/modules/6.1.0/extra/more.ko", 0o644, kernel_module(&["alias=new"], &[], &[])).expect("written");
    assert_ne!(read(&tree), first, "another file, another record");
    let mut written = tree.clone();
    let modules = Modules::read(&tree, "6.1.0", 1).expect("a good kernel");
    modules.write_indices(&mut written, Kmod::new(34), 7).expect("the directory takes files");
    let (_, inode) = written
        .lookup("lib/modules/6.1.0/modules.dep")
        .or(written.lookup("usr/lib/modules/6.1.0/modules.dep"))
        .expect("written");
    assert_eq!(inode.stat.mtime, 7);
}

use super::*;
use crate::recipe::Lock;
use crate::tree::parse_dump;

fn side(packages: &[(&str, &str)], lines: &str, origins: &[(&str, &str)]) -> Side {
    let key = |name: &str| (name.to_owned(), "amd64".to_owned());
    let facts = |version: &str| Facts { version: version.to_owned(), ..Facts::default() };
    Side {
        tree: Some(parse_dump(lines).expect("the text of a tree")),
        packages: Some(packages.iter().map(|&(name, version)| (key(name), facts(version))).collect()),
        build: Some(Build::default()),
        origins: origins
            .iter()
            .map(|&(path, origin)| (path.to_owned(), origin.parse().unwrap_or(Origin::Stage(String::new()))))
            .collect(),
        ..Side::default()
    }
}

const FILE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn each_difference_has_its_cause() {
    let origins = [
        ("/usr/bin/a", "package:a"),
        ("/usr/bin/b", "package:b"),
        ("/etc/motd", "overlay"),
        ("/etc/ld.so.cache", "configure"),
        ("/gone", "package:gone"),
    ];
    let line = |path: &str, size: u32| format!("f 0644 0:0 {size} 7 {FILE} {path}\n");
    let text = |size, more: &str| {
        let paths = ["/etc/ld.so.cache", "/etc/motd", "/usr/bin/a", "/usr/bin/b"];
        paths.map(|path| line(path, size)).concat() + more
    };
    let before = side(&[("a", "1"), ("b", "1"), ("gone", "1")], &text(1, &line("/gone", 1)), &origins);
    let after = side(&[("a", "2"), ("b", "1"), ("new", "1")], &text(2, &line("/new", 1)), &origins);
    let found = compare(&before, &after).expect("comparable");
    assert_eq!(
        found.to_string(),
        "~ a:amd64 1 → 2\n- gone:amd64 1\n+ new:amd64 1\n\
         \n1 path: package a 1 → 2\n  ~ /usr/bin/a  size 1 → 2\n\
         \n1 path: package gone, which is gone\n  - /gone\n\
         \n1 path: configure, which had other packages to work on\n  ~ /etc/ld.so.cache  size 1 → 2\n\
         \n1 path: the recipe's overlay and nodes\n  ~ /etc/motd  size 1 → 2\n\
         \n1 path: b, with the same input as far as is known\n  ~ /usr/bin/b  size 1 → 2\n\
         \n1 path: unknown: no manifest on one side, or none that names them\n  + /new\n"
    );
    let json = serde_json::to_value(&found).expect("plain data");
    assert_eq!(json["paths"][0]["cause"]["kind"], "packages");
    assert_eq!(json["paths"][0]["changes"][0]["what"], "size");
}

#[test]
fn the_same_is_the_same() {
    let one = side(&[("a", "1")], &format!("f 0644 0:0 1 7 {FILE} /a\n"), &[]);
    let found = compare(&one, &one).expect("comparable");
    assert!(found.is_same());
    assert_eq!(found.to_string(), "");
    assert!(matches!(compare(&one, &Side::default()), Err(Error::Nothing)));
}

#[test]
fn kinds_and_attributes() {
    let one = side(&[], "l 0777 0:0 - 7 bin /a\nc 0600 0:5 - 7 1,3 /b\nf 0755 0:0 0 7 x user.a=00 /c\n", &[]);
    let two = side(&[], "d 0755 0:0 - 7 - /a\nc 0600 0:5 - 7 1,5 /b\nf 4755 0:0 0 7 y user.a=01 /c\n", &[]);
    let shown: Vec<String> = compare(&one, &two).expect("comparable").paths.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "~ /a  type symbolic link → directory",
            "~ /b  device 1,3 → 1,5",
            "~ /c  mode 0755 → 4755  content  attributes user.a=00 → user.a=01",
        ]
    );
}

/// One path of stage `configure` that differs, with the same packages.
fn differing(change: impl Fn(&mut Side)) -> String {
    let line = |size: u32| format!("f 0644 0:0 {size} 7 {FILE} /etc/ld.so.cache\n");
    let origins = [("/etc/ld.so.cache", "configure")];
    let mut sides = [side(&[("a", "1")], &line(1), &origins), side(&[("a", "1")], &line(2), &origins)];
    for side in &mut sides {
        let build = side.build.as_mut().expect("it has one");
        (build.builder, build.recipe) = (Some("1".to_owned()), Some("aa".to_owned()));
    }
    change(&mut sides[1]);
    let found = compare(&sides[0], &sides[1]).expect("comparable");
    found.paths[0].cause.to_string()
}

#[test]
fn causes_are_only_said_where_they_are_known() {
    let build = |side: &mut Side, change: fn(&mut Build)| change(side.build.as_mut().expect("it has one"));
    assert_eq!(differing(|_| ()), "configure, with the same packages and recipe: not reproducible");
    let other = differing(|side| build(side, |build| build.recipe = Some("bb".to_owned())));
    assert_eq!(other, "the recipes, which differ, with the same packages");
    let other = differing(|side| build(side, |build| build.builder = Some("2".to_owned())));
    assert_eq!(other, "imgbuild 1 → 2, with the same packages");
    let other = differing(|side| build(side, |build| build.recipe = None));
    assert_eq!(other, "configure, with the same input as far as is known");
    let unknown = "unknown: no manifest on one side, or none that names them";
    assert_eq!(differing(|side| side.build = None), unknown);
    assert_eq!(
        differing(|side| side.origins.clear()),
        "configure, with the same packages and recipe: not reproducible"
    );
}

#[test]
fn a_package_of_one_version_and_other_bytes_is_told() {
    let mut sides = [side(&[("a", "1")], "", &[]), side(&[("a", "1")], "", &[])];
    for (side, text) in sides.iter_mut().zip(["one", "other"]) {
        let facts = side.packages.as_mut().expect("there").values_mut().next().expect("one");
        facts.sha256 = Some(Sha256::of(text.as_bytes()));
    }
    let found = compare(&sides[0], &sides[1]).expect("comparable");
    assert_eq!(found.to_string(), "~ a:amd64 1, other bytes of the same version\n");
    sides[1].packages.as_mut().expect("there").values_mut().for_each(|facts| facts.sha256 = None);
    assert!(compare(&sides[0], &sides[1]).expect("comparable").is_same(), "a side that knows no digest");
}

#[test]
fn comments_and_pages_hold_no_markup_of_others() {
    let evil = "/<script>alert(1)</script>|`@somebody`[x](https://example.org)#1";
    let line =
        |size: u32, time: u32| format!("f 0644 0:0 {size} {time} {FILE} {evil}\nf 0644 0:0 1 {time} {FILE} /z\n");
    let mut sides = [side(&[("a", "1")], &line(1, 7), &[]), side(&[("a", "2"), ("b", "1")], &line(2, 8), &[])];
    for side in &mut sides {
        side.packages.as_mut().expect("there").values_mut().for_each(|facts| facts.installed_size = Some(2048));
    }
    let mut found = compare(&sides[0], &sides[1]).expect("comparable");
    found.packages[0].changelog = vec!["a (2) sid; urgency=low\n\n  * </pre><b>".to_owned()];
    let (markdown, html) = (found.to_markdown(("old", "new")), found.to_html(("old", "new")));
    for text in [&markdown, &html] {
        assert!(!text.contains("<script") && !text.contains('@') && !text.contains("</pre><b>"), "{text}");
        assert!(!text.contains("https:") && !text.contains("[x]") && !text.contains('`'), "{text}");
        assert!(text.contains("1 changed, 1 added") && text.contains("2.0 MiB"), "{text}");
        assert!(text.contains("1 differ by their time alone"), "{text}");
    }
    assert!(markdown.contains("\n| a&#58;amd64 | 1 | 2 | 2.0 MiB |\n"), "{markdown}");
    assert!(html.starts_with("<!doctype html>") && html.contains("default-src 'none'"), "{html}");
    let same = compare(&sides[0], &sides[0]).expect("comparable").to_markdown(("a", "b"));
    assert!(same.contains("Nothing differs."), "{same}");
}

fn file(path: &str, text: &str) -> OutputRecord {
    OutputRecord::file(path, text.len() as u64, Sha256::of(text.as_bytes()))
}

fn link(path: &str, target: &str) -> OutputRecord {
    OutputRecord::Link { path: path.to_owned(), target: target.to_owned() }
}

/// An output of one root with these further files.
fn output(root: u32, files: Vec<OutputRecord>) -> Side {
    let text = format!("f 0644 0:0 {root} 7 {FILE} /a\n");
    let derived =
        [file("tree.txt", &text), file("root.tar", &text), file("manifest.json", &format!("{root}{files:?}"))];
    let files = files.into_iter().chain(derived).map(|record| (record.path().to_owned(), record)).collect();
    let digest = Some(Sha256::of(text.as_bytes()));
    Side { form: "output", digest, files: Some(files), ..side(&[("a", "1")], &text, &[]) }
}

#[test]
fn files_beside_the_root_are_told_and_what_follows_is_not() {
    let of = |generation: &str, hosts: &str, kernel: &str| {
        vec![
            file("boot/initrd.img", "i"),
            file("head/etc/hosts", hosts),
            file(&format!("head/srv/tftp/x/{generation}/pxelinux/default"), kernel),
            link("head/srv/tftp/imgbuild/menu", &format!("menu-{generation}")),
        ]
    };
    let found = |one: &Side, other: &Side| compare(one, other).expect("comparable").to_string();
    let one = output(1, of("0123456789abcdef", "a", "k"));
    assert_eq!(found(&one, &one), "");
    let other = output(1, of("fedcba9876543210", "bc", "l"));
    assert_eq!(
        found(&one, &other),
        "\n2 files of the output beside its root\n  ~ head/etc/hosts  size 1 → 2  content\n  \
         ~ head/srv/tftp/x/fedcba9876543210/pxelinux/default  content\n"
    );
    // Many of one generation are a line in words, and themselves in data.
    let nodes = |generation: &str, text: &str| {
        let node = |number| file(&format!("head/srv/tftp/x/{generation}/grub/{number}"), text);
        output(1, (0..5).map(node).collect())
    };
    let many = compare(&nodes("0123456789abcdef", "a"), &nodes("fedcba9876543210", "b")).expect("comparable");
    let line = "\n5 files of the output beside its root\n  ~ head/srv/tftp/x/fedcba9876543210/  5 files\n";
    assert_eq!((many.to_string().as_str(), many.files.len()), (line, 5));
    assert!(many.to_html(("a", "b")).contains("grub/4  content") && many.to_markdown(("a", "b")).contains("  5 files"));
    // Where the root is another, its formats and its text are.
    let rooted = found(&one, &output(2, of("0123456789abcdef", "a", "k")));
    assert!(
        rooted.contains("/a  size 1 → 2") && !rooted.contains("root.tar") && !rooted.contains("beside"),
        "{rooted}"
    );
    // What is other alone is told, whatever it is.
    let change = |path: &str| {
        let mut other = one.clone();
        other.files.as_mut().expect("there").insert(path.to_owned(), file(path, "other"));
        let found = compare(&one, &other).expect("comparable");
        assert!(!found.is_same(), "{path}");
        assert!(!found.to_markdown(("a", "b")).contains("Nothing"), "{path}");
        assert!(found.to_html(("a", "b")).contains("beside its root"), "{path}");
        serde_json::to_value(&found).expect("plain data")["files"][0]["path"].as_str().map(str::to_owned)
    };
    for path in ["manifest.json", "tree.txt", "root.tar", "x.lock", "sbom.spdx.json", "provenance.intoto.json"] {
        assert_eq!(change(path).as_deref(), Some(path));
    }
    // A generation that has another name, and nothing else that is other.
    let other = output(1, of("fedcba9876543210", "a", "k"));
    assert!(!compare(&one, &other).expect("comparable").is_same());
    // Kinds and modes count as bytes do.
    let mut other = one.clone();
    let files = other.files.as_mut().expect("there");
    files.insert("boot/initrd.img".to_owned(), link("boot/initrd.img", "x"));
    let OutputRecord::File { mode, .. } = files.get_mut("head/etc/hosts").expect("there") else { panic!("a file") };
    *mode = 0o755;
    let said = found(&one, &other);
    assert!(said.contains("boot/initrd.img  type file → symbolic link") && said.contains("mode 0644 → 0755"), "{said}");
}

#[test]
fn whatever_of_a_lock_decides_an_image_is_told() {
    let text = "version = 1\narchitecture = \"amd64\"\nepoch = 7\n[recipe]\nname = \"x\"\nselection = \"SELECTION\"\n\
                [users]\nsshd = 100\n"
        .replace("SELECTION", FILE);
    let lock = |from: &str, to: &str| {
        let text = text.replace(from, to);
        Side::of_lock(&Lock::parse(&text, std::path::Path::new("x.lock")).expect("a lock"))
    };
    let one = lock("x", "x");
    assert!(compare(&one, &one).expect("comparable").is_same());
    for (from, to, told) in [
        ("epoch = 7", "epoch = 8", "~ epoch 1970-01-01T00:00:07Z → 1970-01-01T00:00:08Z\n"),
        ("amd64", "arm64", "~ architecture amd64 → arm64\n"),
        ("sshd = 100", "sshd = 101", "~ user sshd 100 → 101\n"),
        ("sshd = 100", "", "- user sshd 100\n"),
        ("\"x\"", "\"y\"", "~ recipe x → y\n"),
        ("e3b0c442", "00b0c442", "~ what the recipe asks for e3b0c44298fc1c14 → 00b0c44298fc1c14\n"),
    ] {
        let found = compare(&one, &lock(from, to)).expect("comparable");
        assert_eq!(found.to_string(), told);
        assert!(found.to_markdown(("a", "b")).contains("The whole"), "{told}");
    }
    // Beside a tree only packages can be compared, and that is said.
    let tar = side(&[], "d 0755 0:0 - 7 - /\n", &[]);
    let tar = Side { form: "tar", digest: Some(Sha256::of(b"tar")), values: BTreeMap::new(), build: None, ..tar };
    let found = compare(&tar, &one).expect("both have packages");
    let markdown = found.to_markdown(("a", "b"));
    assert!(found.is_same() && markdown.contains("Only packages were compared; a lock has no paths"), "{markdown}");
    assert!(markdown.contains("Nothing of that differs"), "{markdown}");
}

#[test]
fn several_images_are_compared_each() {
    let whole = |images: &[(&str, u32)]| {
        let images = images.iter().map(|&(name, root)| (name.to_owned(), output(root, vec![])));
        Side { form: "output", build: Some(Build::default()), images: images.collect(), ..Side::default() }
    };
    let (one, other) = (whole(&[("a", 1), ("b", 1), ("c", 1)]), whole(&[("a", 1), ("b", 2), ("d", 1)]));
    let found = compare(&one, &other).expect("comparable");
    let said = found.to_string();
    assert!(said.contains("\nimage b\n") && said.contains("- image c\n+ image d\n"), "{said}");
    assert!(!said.contains("image a"), "{said}");
    let markdown = found.to_markdown(("one", "other"));
    assert!(markdown.contains("### Image b") && markdown.contains("### Image c&#58; removed"), "{markdown}");
    assert!(compare(&one, &one).expect("comparable").is_same());
    // From one image to several all are told; of a tree by itself nobody knows which it is.
    let found = compare(&output(1, vec![]), &other).expect("comparable").to_string();
    assert_eq!(found, "- the image without a name\n+ image a\n+ image b\n+ image d\n");
    let tree = Side { build: None, form: "tree", ..output(1, vec![]) };
    assert!(matches!(compare(&tree, &one), Err(Error::Several(names)) if names == "a, b, c"));
}

use super::*;
use crate::configure::Outcome;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::TreePath;

pub(crate) fn manifest() -> Manifest {
    let digest = Sha256::of(b"");
    let mut manifest = Manifest::new("node".into(), "amd64".into(), "trixie".into(), digest, 1_757_635_200, digest);
    manifest.packages = vec![record("libstdc++6", "14.2.0-19"), record("attr", "1:2.5.2-3+b1")];
    manifest.outputs.push(OutputRecord::file("root.tar", 10_240, digest));
    manifest.outputs.insert(0, OutputRecord::Link { path: "head/link".into(), target: "to".into() });
    manifest.outputs.insert(0, OutputRecord::Directory { path: "head".into(), mode: DIRECTORY_MODE });
    manifest.outputs.push(OutputRecord::Tree { path: "root".into() });
    manifest.files.entry(Origin::Package("attr".into())).or_default().insert("/usr/bin/attr".into());
    manifest.files.entry(Origin::Stage("overlay".into())).or_default().insert("/etc/motd".into());
    manifest
}

fn record(name: &str, version: &str) -> PackageRecord {
    PackageRecord {
        name: name.into(),
        version: version.into(),
        architecture: "amd64".into(),
        source: name.into(),
        source_version: version.into(),
        archive: Some("debian".into()),
        sha256: Sha256::of(name.as_bytes()),
        size: 1,
        installed_size: 2,
        reason: "`x` needs it".into(),
        configured: None,
    }
}

#[test]
fn text_and_value_agree() {
    let mut manifest = manifest();
    let text = manifest.to_json();
    let read = Manifest::parse(&text).expect("our own text");
    manifest.packages.reverse();
    manifest.outputs.swap(2, 3);
    assert_eq!(read, manifest, "sorted by name");
    assert!(text.contains(r#""mode": "0755""#), "{text}");
    for (from, to) in
        [("0755", "755"), ("0755", "99"), ("\"kind\": \"tree\"", "\"kind\": \"socket\""), ("target", "aim")]
    {
        let other = text.replacen(from, to, 1);
        assert!(matches!(Manifest::parse(&other), Err(Error::Parse(_))), "{to}");
    }
    assert_eq!(read.to_json(), text);
    assert!(text.contains(r#""package:attr": ["#), "{text}");
    let other = text.replacen("\"version\": 2", "\"version\": 1", 1);
    assert!(matches!(Manifest::parse(&other), Err(Error::Version(1))));
    for text in ["", "{", "{\"tree\": 7}", "{\"version\": 2, \"outputs\": []}"] {
        assert!(matches!(Manifest::parse(text), Err(Error::Parse(_))), "{text}");
    }
    for (text, what) in [
        ("{}", "JSON of another kind"),
        ("[]", "JSON of another kind"),
        ("{\"bomFormat\": \"CycloneDX\", \"version\": 1}", "a bill of materials (CycloneDX)"),
        ("{\"spdxVersion\": \"SPDX-2.3\"}", "a bill of materials (SPDX)"),
        ("{\"schemaVersion\": 2}", CONTAINER),
    ] {
        assert!(matches!(Manifest::parse(text), Err(Error::Foreign(found)) if found == what), "{text}");
    }
}

#[test]
fn reports_find_their_packages() {
    let mut manifest = manifest();
    let report = |package: &str, outcome| PackageReport { package: package.into(), outcome, notes: Vec::new() };
    record_configuration(
        &mut manifest.packages,
        &[report("attr", Outcome::Covered), report("libstdc++6:amd64", Outcome::NoScripts)],
    );
    let outcomes: Vec<&str> =
        manifest.packages.iter().filter_map(|each| Some(each.configured.as_ref()?.outcome.as_str())).collect();
    assert_eq!(outcomes, ["no-scripts", "covered"]);
}

#[test]
fn the_last_stage_that_changes_a_path_is_its_origin() {
    let mut before = Tree::new();
    let write = |tree: &mut Tree, path: &str, text: &str| {
        tree.write(path, 0o644, text).expect("a writable path");
    };
    before.make_directories("/etc", 0o755).expect("a directory");
    write(&mut before, "/etc/a", "a");
    write(&mut before, "/etc/b", "b");
    let mut origins = Origins::unpacked(&before, &[]);
    let mut after = before.clone();
    write(&mut after, "/etc/b", "changed");
    write(&mut after, "/etc/c", "new");
    after.remove(&TreePath::literal("/etc/a")).expect("it is there");
    if let Some(inode) = after.get_mut(&TreePath::literal("/etc")) {
        *inode = Inode { stat: crate::tree::Stat { mtime: 7, ..inode.stat.clone() }, ..inode.clone() };
    }
    origins.changed("overlay", &before, &after);
    let files = origins.files();
    let of =
        |stage: &str| files.get(&Origin::Stage(stage.into())).map(|paths| paths.iter().cloned().collect::<Vec<_>>());
    assert_eq!(of("overlay"), Some(vec!["/etc/b".into(), "/etc/c".into()]));
    assert_eq!(of("unpack"), Some(vec!["/".into(), "/etc".into()]));
}

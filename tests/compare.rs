//! Two images in any form, compared by the program.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use imgbuild::digest::Sha256;
use imgbuild::format::tar::EntryKind;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::entry;
use imgbuild::testing::tar_archive;

use crate::hostile::World;

const FORMATS: &[&str] = &["tar", "tar.zst", "tar.xz", "tar.gz", "newc", "squashfs", "erofs", "oci"];

/// The file of a format.
fn name(format: &str) -> String {
    format!("root.{}", if format == "newc" { "cpio" } else { format })
}

/// A package with a program that says its version, and a changelog of it and the version before.
fn package(version: u32) -> DebBuilder {
    let entry = |version| {
        format!(
            "hello ({version}.0-1) unstable; urgency=medium\n\n  * Say {version}, <b>boldly</b>.\n\n \
             -- A <a@example.org>  Mon, 01 Sep 2025 10:00:00 +0200\n\n"
        )
    };
    let text: String = (1..=version).rev().map(entry).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(text.as_bytes()).expect("memory takes it");
    DebBuilder::new("hello", &format!("{version}.0-1"), "amd64")
        .file("usr/bin/hello", 0o755, format!("{version}\n"))
        .file("usr/share/doc/hello/changelog.Debian.gz", 0o644, packed.finish().expect("memory takes it"))
}

/// A world in whose place an output of this version is built, in all formats.
fn built(version: u32) -> World {
    let archive = ArchiveBuilder::new("test").package(&package(version));
    let world = World::new(&archive).recipe(&format!("[output]\nformats = {FORMATS:?}\n"));
    world.build().unwrap_or_else(|error| panic!("{}", crate::hostile::chain(&error)));
    world
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn run(arguments: &[&Path], options: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.arg("compare").args(arguments).args(options).env_clear();
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// An OCI layout of these layers, each a tar.
fn layout(place: &Path, layers: &[Vec<u8>]) {
    let blob = |bytes: &[u8]| {
        let digest = Sha256::of(bytes);
        fs::create_dir_all(place.join("blobs/sha256")).expect("made");
        fs::write(place.join(format!("blobs/sha256/{digest}")), bytes).expect("written");
        format!("sha256:{digest}")
    };
    let named = |kind: &str, bytes: &[u8]| {
        let kind = format!("application/vnd.oci.image.{kind}");
        serde_json::json!({ "mediaType": kind, "digest": blob(bytes), "size": bytes.len() })
    };
    let layers: Vec<_> = layers.iter().map(|layer| named("layer.v1.tar", layer)).collect();
    let config = named("config.v1+json", b"{}");
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": layers }).to_string();
    let index =
        serde_json::json!({ "schemaVersion": 2, "manifests": [named("manifest.v1+json", manifest.as_bytes())] });
    fs::write(place.join("index.json"), index.to_string()).expect("written");
    fs::write(place.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
}

#[test]
fn every_form_of_one_image_is_the_same() {
    let world = built(1);
    let out = world.place.path().join("out");
    for format in FORMATS {
        let image = out.join(name(format));
        let (code, said, err) = run(&[&out, &image], &[]);
        assert_eq!((code, said.as_str()), (0, ""), "{format}: {err}");
    }
    let oci = world.place.path().join("oci");
    layout(&oci, &[fs::read(out.join("root.tar")).expect("there")]);
    assert_eq!(run(&[&out.join("root.erofs"), &oci], &[]).0, 0);
    // What is not what its digest says is not looked into; and of two images nobody can tell which one is meant.
    let mut index: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(oci.join("index.json")).expect("there")).expect("JSON");
    let manifests = index["manifests"].as_array_mut().expect("a list");
    manifests.push(manifests[0].clone());
    fs::write(oci.join("index.json"), index.to_string()).expect("written");
    let (code, _, err) = run(&[&oci, &oci], &[]);
    assert!(code == 2 && err.contains("it has 2 images"), "{code}: {err}");
    layout(&oci, &[fs::read(out.join("root.tar")).expect("there")]);
    let digest = Sha256::of(&fs::read(out.join("root.tar")).expect("there"));
    fs::write(oci.join(format!("blobs/sha256/{digest}")), "other").expect("written");
    let (code, _, err) = run(&[&oci, &oci], &[]);
    assert!(code == 2 && err.contains("has other bytes"), "{code}: {err}");
}

#[test]
fn a_newer_package_is_told_with_its_changelog_in_every_form() {
    let (old, new) = (built(1), built(2));
    let (old, new) = (old.place.path().join("out"), new.place.path().join("out"));
    let (code, said, _) = run(&[&old, &new], &[]);
    assert_eq!(code, 1);
    assert!(said.starts_with("~ hello:amd64 1.0-1 → 2.0-1\n"), "{said}");
    assert!(said.contains("package hello 1.0-1 → 2.0-1\n  ~ /usr/bin/hello  content"), "{said}");

    let (code, said, _) = run(&[&old, &new], &["--markdown"]);
    assert_eq!(code, 1);
    assert!(said.contains("\n| hello&#58;amd64 | 1.0-1 | 2.0-1 |"), "{said}");
    assert!(
        said.contains("\n  &#42; Say 2, &#60;b&#62;boldly&#60;&#47;b") || said.contains("Say 2, &#60;b&#62;"),
        "{said}"
    );
    assert!(!said.contains("Say 1") && !said.contains("<b>"), "only what came in between, and no markup of it: {said}");
    let (_, page, _) = run(&[&old, &new], &["--html"]);
    assert!(page.starts_with("<!doctype html>") && page.contains("Say 2,"), "{page}");

    // dpkg's database in an image tells its packages; what made a path other, nothing tells.
    for format in FORMATS {
        let image = new.join(name(format));
        let (code, said, err) = run(&[&old, &image], &["--json"]);
        assert_eq!(code, 1, "{format}: {err}");
        let found: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(found["packages"][0]["after"], "2.0-1", "{format}");
        assert!(found["packages"][0]["changelog"][0].as_str().is_some_and(|text| text.contains("Say 2")), "{said}");
        assert!(
            found["paths"].as_array().expect("a list").iter().all(|path| path["cause"]["kind"] == "unknown"),
            "{said}"
        );
    }
    let (code, _, err) = run(&[&old, &new], &["--html", "--json"]);
    assert_eq!(code, 2, "one form at a time: {err}");
}

/// A tar of a directory's files, names as `tar -C DIR .` gives them.
fn archived(directory: &Path) -> Vec<u8> {
    let mut entries = Vec::new();
    for path in crate::hostile::files(directory) {
        let name = format!("./{}", path.strip_prefix(directory).expect("below").display());
        entries.push((name, fs::read(&path).expect("there")));
    }
    archive(entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

fn archive<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let entries: Vec<_> = files.map(|(name, bytes)| (entry(name, EntryKind::File), bytes.to_vec())).collect();
    tar_archive(&entries)
}

#[test]
fn a_tar_of_a_layout_is_the_image_in_it() {
    let world = built(1);
    let (place, out) = (world.place.path(), world.place.path().join("out"));
    let whole = archived(&out.join("root.oci"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&whole).expect("memory takes it");
    for (name, bytes) in [("o.tar", whole), ("o.tar.gz", packed.finish().expect("memory takes it"))] {
        fs::write(place.join(name), bytes).expect("written");
        let (code, said, err) = run(&[&out, &place.join(name)], &[]);
        assert_eq!((code, said.as_str()), (0, ""), "{name}: {err}");
        let (code, said, err) = run(&[&place.join(name), &out.join("root.oci")], &["--json"]);
        assert!(code == 0 && said.contains("\"form\": \"oci\""), "{name}: {said} {err}");
    }
    let id = Sha256::of(b"x").to_string();
    let (layer, config) = (format!("{id}/layer.tar"), format!("{id}.json"));
    let saved = [(layer.as_str(), &b"layer"[..]), (&config, b"{}"), ("manifest.json", b"[]"), ("repositories", b"{}")];
    fs::write(place.join("saved.tar"), archive(saved.into_iter())).expect("written");
    let (code, _, err) = run(&[&out, &place.join("saved.tar")], &[]);
    assert!(code == 2 && err.contains("docker save") && err.contains("skopeo copy"), "{err}");
}

#[test]
fn what_only_one_command_or_nobody_reads_is_refused_by_name() {
    let world = built(1);
    let (place, out) = (world.place.path(), world.place.path().join("out"));
    let put = |name: &str, bytes: &[u8]| {
        fs::write(place.join(name), bytes).expect("written");
        place.join(name)
    };
    rustix::fs::mkfifoat(rustix::fs::CWD, place.join("fifo"), rustix::fs::Mode::RUSR).expect("made");
    fs::create_dir(place.join("dir")).expect("made");
    put("dir/manifest.json", br#"{"schemaVersion":2,"layers":[]}"#);
    put("dir/version", b"Directory Transport Version: 1.1\n");
    for (path, words) in [
        (place.join("fifo"), "neither a regular file nor a directory"),
        ("/dev/null".into(), "neither a regular file nor a directory"),
        (put("empty", b""), "it is empty"),
        (put("empty.lock", b""), "it is empty"),
        (put("text", b"not an image\n"), "none of the forms that are read: an output,"),
        (put("lz4", &[4, 0x22, 0x4d, 0x18, 0]), "lz4 -d"),
        (out.join("sbom.cdx.json"), "no manifest of an output, but a bill of materials (CycloneDX)"),
        (out.join("sbom.spdx.json"), "no manifest of an output, but a bill of materials (SPDX)"),
        (place.join("dir"), "skopeo copy dir:"),
        (place.join("empti"), "No such file or directory (os error 2)\n  help: did you mean `"),
        (place.join("empty.loc"), "No such file or directory (os error 2)\n  help: did you mean `"),
        (place.join("empti.lock"), "No such file or directory (os error 2)\n  help: did you mean `"),
    ] {
        for arguments in [[&out, &path], [&path, &out]] {
            let (code, said, err) = run(&[arguments[0], arguments[1]], &[]);
            assert!(matches!(code, 1 | 2) && said.is_empty() && err.contains(words), "{words}: {code} {said} {err}");
        }
    }
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packed.write_all(&fs::read(out.join("root.tar")).expect("there")).expect("memory takes it");
    let packed = put("root.tar.bz2", &packed.finish().expect("memory takes it"));
    assert_eq!(run(&[&out, &packed], &[]).0, 0, "bzip2 is read");
}

#[test]
fn what_differs_beside_the_root_is_told() {
    let world = built(1);
    let (place, out) = (world.place.path(), world.place.path().join("out"));
    let manifest = fs::read_to_string(out.join("manifest.json")).expect("there");
    // A kernel that one has and the other has not.
    let kernel = "\"outputs\": [\n    {\"kind\": \"file\", \"path\": \"boot/vmlinuz\", \"mode\": \"0644\", \
                  \"size\": 1, \"sha256\": \"DIGEST\"},";
    let kernel = kernel.replace("DIGEST", &Sha256::of(b"k").to_string());
    let other = manifest.replacen("\"outputs\": [", &kernel, 1);
    fs::write(place.join("one.json"), manifest).expect("written");
    fs::write(place.join("two.json"), other).expect("written");
    let (code, said, err) = run(&[&place.join("one.json"), &place.join("two.json")], &[]);
    assert_eq!((code, said.as_str()), (1, "\n1 file of the output beside its root\n  + boot/vmlinuz\n"), "{err}");
    let (code, said, err) = run(&[&out, &place.join("one.json")], &[]);
    assert_eq!((code, said.as_str()), (0, ""), "{err}");
    let (code, said, _) = run(&[&out.join("root.tar"), &out.join("small.lock")], &["--markdown"]);
    assert!(code == 0 && said.contains("Only packages were compared; a lock has no paths"), "{said}");
}

#[test]
fn what_is_no_image_is_said_so() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("image");
    let mut erofs = vec![0; 8192];
    erofs[1024..1028].copy_from_slice(&[0xe2, 0xe1, 0xf5, 0xe0]);
    for bytes in [b"hsqs".repeat(50), b"not a tar".to_vec(), b"070701".repeat(30), vec![0x1f, 0x8b, 8, 0], erofs] {
        fs::write(&file, &bytes).expect("written");
        let (code, said, err) = run(&[&file, &file], &[]);
        assert!(matches!(code, 1 | 2) && said.is_empty() && err.contains("image`"), "{code} {said} {err}");
    }
    // A hole of a terabyte in a squashfs of some hundred bytes would be read for hours.
    let limited = run(&[&built(1).place.path().join("out/root.squashfs"), &file], &["--limit", "nonsense=1"]);
    assert_eq!(limited.0, 2, "{}", limited.2);
}

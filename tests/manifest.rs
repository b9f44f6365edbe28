//! The bills of materials before published validators.

use std::path::Path;
use std::process::Command;

use imgbuild::digest::Sha256;
use imgbuild::manifest::Bill;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::PackageRecord;
use imgbuild::testing::TreeBuilder;

use crate::switched_on;

/// Runs a validator on a file; whether it is content.
#[expect(clippy::disallowed_methods, reason = "the peer is run to compare with it")]
fn accepts(program: &str, arguments: &[&str], file: &Path) -> Result<(), String> {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(()) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

/// Accepts what the official schema of CycloneDX 1.6 accepts.
const CYCLONEDX: &str = "import sys\nfrom cyclonedx.validation.json import JsonStrictValidator\n\
                         from cyclonedx.schema import SchemaVersion\n\
                         sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()))";

#[test]
fn the_bills_of_materials_are_valid() {
    // pip install spdx-tools ntia-conformance-checker 'cyclonedx-python-lib[json-validation]'
    if !switched_on("IMGBUILD_TEST_PEERS", "manifest::the_bills_of_materials_are_valid") {
        return;
    }
    let digest = Sha256::of(b"");
    let mut manifest = Manifest::new("node".into(), "amd64".into(), "trixie".into(), digest, 1_757_635_200, digest);
    let named = [
        ("libstdc++6", "14.2.0-19", Some("debian")),
        ("attr", "1:2.5.2-3+b1", Some("other")),
        ("a.b-c", "0~x", Some("other")),
    ];
    for (name, version, archive) in named {
        manifest.packages.push(PackageRecord {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            source: name.into(),
            source_version: version.into(),
            archive: archive.map(Into::into),
            sha256: digest,
            size: 1,
            installed_size: 1,
            reason: String::new(),
            configured: None,
        });
    }
    let status = "Package: attr\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.5.2-3+b1\n\
                  Maintainer: A B <ab@example.org>\nDepends: a.b-c\nBuilt-Using: gcc-14 (= 14.2.0-19), x (= 1:2~3+4)\n";
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: A\n\
                     License: GPL-2+ or own/1, and Expat\n";
    let tree = TreeBuilder::new()
        .file("usr/lib/os-release", 0o644, "ID=debian\nVERSION_ID=\"13\"\n")
        .file("var/lib/dpkg/status", 0o644, status)
        .file("usr/share/doc/attr/copyright", 0o644, copyright)
        .build();
    let scratch = tempfile::tempdir().expect("a directory");
    let bill = Bill::new(&manifest, &tree, Some("Example University"));
    let write = |name: &str, text: String| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    // What breaks a rule is found, or the validator accepts anything.
    let spdx = |text: String| accepts("pyspdxtools", &["--infile"], &write("sbom.spdx.json", text));
    assert_eq!(spdx(bill.spdx()), Ok(()));
    assert!(spdx(bill.spdx().replace("SPDXRef-Image\"", "Image\"")).is_err());
    let cyclonedx = |text: String| accepts("python3", &["-c", CYCLONEDX], &write("sbom.cdx.json", text));
    assert_eq!(cyclonedx(bill.cyclonedx()), Ok(()));
    assert!(cyclonedx(bill.cyclonedx().replace("\"library\"", "\"book\"")).is_err());
    // NTIA's minimum elements: every component has a supplier, the image as well.
    let ntia = |text: String| accepts("ntia-checker", &[], &write("sbom.spdx.json", text));
    assert_eq!(ntia(bill.spdx()), Ok(()));
    assert!(ntia(Bill::new(&manifest, &tree, None).spdx()).is_err());
}

//! The bill of materials before a published validator.

use std::process::Command;

use imgbuild::digest::Sha256;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::PackageRecord;
use imgbuild::manifest::sbom;

use crate::switched_on;

#[test]
#[expect(clippy::disallowed_methods, reason = "the peer is run to compare with it")]
fn the_bill_of_materials_is_valid_spdx() {
    // pip install spdx-tools
    if !switched_on("IMGBUILD_TEST_PEERS", "manifest::the_bill_of_materials_is_valid_spdx") {
        return;
    }
    let digest = Sha256::of(b"");
    let mut manifest = Manifest::new("node".into(), "amd64".into(), "trixie".into(), digest, 1_757_635_200, digest);
    let named = [("libstdc++6", "14.2.0-19", Some("debian")), ("attr", "1:2.5.2-3+b1", None), ("a.b-c", "0~x", None)];
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
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("sbom.spdx.json");
    std::fs::write(&file, sbom(&manifest)).expect("a file");
    let output = Command::new("pyspdxtools").arg("--infile").arg(&file).output().expect("pyspdxtools is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let valid = std::fs::read_to_string(&file).expect("text");
    std::fs::write(&file, valid.replace("SPDXRef-Image\"", "Image\"")).expect("a file");
    let output = Command::new("pyspdxtools").arg("--infile").arg(&file).output().expect("pyspdxtools is installed");
    assert!(!output.status.success(), "the validator accepts anything");
}

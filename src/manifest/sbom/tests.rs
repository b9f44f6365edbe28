use serde_json::Value;

use super::*;
use crate::manifest::tests::manifest;

const STATUS_TEXT: &str = "\
Package: attr
Status: install ok installed
Architecture: amd64
Version: 1:2.5.2-3+b1
Maintainer: A B <ab@example.org>
Depends: libc6 (>= 2.34), libstdc++ | other
Built-Using: gcc-14 (= 14.2.0-19)

Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 14.2.0-19
Maintainer: GCC Team <gcc@lists.example.org>
Provides: libstdc++
";

const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: A
License: GPL-2+ or own
";

fn root() -> Tree {
    let mut tree = Tree::new();
    let files = [
        (STATUS, STATUS_TEXT),
        ("usr/lib/os-release", "PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_ID=\"13\"\n"),
        ("usr/share/doc/attr/copyright", COPYRIGHT),
    ];
    for (path, text) in files {
        tree.write(path, 0o644, text).expect("new");
    }
    tree
}

fn loaded() -> Manifest {
    let mut manifest = manifest();
    let attr = manifest.packages.iter_mut().find(|record| record.name == "attr").expect("it has one");
    (attr.source, attr.source_version) = ("attr-src".to_owned(), "1:2.5.2-3".to_owned());
    let loader = PackageRecord { name: "shim-signed".to_owned(), archive: Some("grub".to_owned()), ..attr.clone() };
    manifest.loaders.push(loader);
    manifest
}

fn both(manifest: &Manifest) -> (Value, Value) {
    let tree = root();
    let bill = Bill::new(manifest, &tree, Some("Example University"));
    let parse = |text: String| serde_json::from_str(&text).expect("JSON");
    (parse(bill.spdx()), parse(bill.cyclonedx()))
}

const ATTR: &str = "pkg:deb/debian/attr@1:2.5.2-3%2Bb1?arch=amd64&distro=debian-13&upstream=attr-src%401:2.5.2-3";

#[test]
fn spdx_says_what_scanners_go_by() {
    let (spdx, _) = both(&loaded());
    assert_eq!(spdx["creationInfo"]["created"], "2025-09-12T00:00:00Z");
    let packages = spdx["packages"].as_array().expect("a list");
    let find = |id: &str| packages.iter().find(|package| package["SPDXID"] == id).unwrap_or_else(|| panic!("{id}"));
    assert_eq!(find("SPDXRef-Image")["supplier"], "Organization: Example University");
    let system = find("SPDXRef-OperatingSystem");
    assert_eq!(system["supplier"], "Organization: Debian");
    assert_eq!((&system["name"], &system["versionInfo"]), (&"debian".into(), &"13".into()));
    let purposes = packages.iter().filter(|package| package["primaryPackagePurpose"] == "OPERATING-SYSTEM");
    assert_eq!(purposes.count(), 1, "the image itself is none");
    let attr = find("SPDXRef-Package-attr-amd64");
    assert_eq!(attr["externalRefs"][0]["referenceLocator"], ATTR);
    assert_eq!(attr["sourceInfo"], "built package from: attr-src 1:2.5.2-3");
    assert_eq!(attr["supplier"], "Organization: Debian");
    assert_eq!(attr["originator"], "Person: A B (ab@example.org)");
    assert_eq!(attr["licenseDeclared"], "GPL-2.0-or-later OR LicenseRef-Debian-own");
    assert_eq!(spdx["hasExtractedLicensingInfos"][0]["licenseId"], "LicenseRef-Debian-own");
    let library = find("SPDXRef-Package-libstdcPLUSPLUS6-amd64");
    assert_eq!(library["originator"], "Organization: GCC Team (gcc@lists.example.org)");
    assert_eq!(library["licenseDeclared"], "NOASSERTION");
    assert_eq!(find("SPDXRef-Loader-shim-signed-amd64")["supplier"], "Organization: grub");
    assert_eq!(find("SPDXRef-Source-gcc-14-14.2.0-19")["primaryPackagePurpose"], "SOURCE");
    let related = |from: &str, kind: &str, to: &str| {
        spdx["relationships"].as_array().expect("a list").iter().any(|each| {
            each["spdxElementId"] == from && each["relationshipType"] == kind && each["relatedSpdxElement"] == to
        })
    };
    let (attr, library) = ("SPDXRef-Package-attr-amd64", "SPDXRef-Package-libstdcPLUSPLUS6-amd64");
    assert!(related("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image") && related("SPDXRef-Image", "CONTAINS", attr));
    assert!(related(attr, "DEPENDS_ON", library), "by what it provides");
    assert!(related(attr, "GENERATED_FROM", "SPDXRef-Source-gcc-14-14.2.0-19"));
    assert!(related("SPDXRef-Image", "DEPENDS_ON", "SPDXRef-Loader-shim-signed-amd64"));
    assert!(!related("SPDXRef-Image", "CONTAINS", "SPDXRef-Loader-shim-signed-amd64"));
}

#[test]
fn cyclonedx_says_the_same() {
    let (_, bom) = both(&loaded());
    assert_eq!(bom["metadata"]["supplier"]["name"], "Example University");
    let components = bom["components"].as_array().expect("a list");
    let find = |name: &str| components.iter().find(|component| component["name"] == name).expect("it is there");
    assert_eq!((&find("debian")["type"], &find("debian")["version"]), (&"operating-system".into(), &"13".into()));
    let attr = find("attr");
    assert_eq!((&attr["purl"], &attr["bom-ref"]), (&ATTR.into(), &ATTR.into()));
    assert_eq!(attr["supplier"]["name"], "Debian");
    assert_eq!(attr["licenses"][0]["expression"], "GPL-2.0-or-later OR LicenseRef-Debian-own");
    let property = |name: &str| {
        let properties = attr["properties"].as_array().expect("a list");
        properties.iter().find(|property| property["name"] == name).map(|property| property["value"].clone())
    };
    assert_eq!(property("aquasecurity:trivy:SrcName"), Some("attr-src".into()));
    assert_eq!(property("aquasecurity:trivy:SrcVersion"), Some("1:2.5.2-3".into()));
    assert_eq!(property("imgbuild:built-using"), Some("gcc-14 14.2.0-19".into()));
    let dependencies = bom["dependencies"].as_array().expect("a list");
    let of = |name: &str| dependencies.iter().find(|each| each["ref"] == name).expect("it is there");
    assert_eq!(of(ATTR)["dependsOn"].as_array().map(Vec::len), Some(1));
    assert_eq!(of("image")["dependsOn"].as_array().map(Vec::len), Some(2), "loaders are not in the root");
    let names: BTreeSet<&str> = components.iter().filter_map(|component| component["bom-ref"].as_str()).collect();
    assert_eq!(names.len(), components.len(), "each has a name of its own");
    let serial = bom["serialNumber"].as_str().expect("a text");
    assert!(serial.starts_with("urn:uuid:e3b0c442-98fc-8c14-a"), "{serial}");
}

#[test]
fn the_order_of_packages_does_not_show() {
    let mut shuffled = loaded();
    shuffled.packages.reverse();
    assert_eq!(both(&shuffled), both(&loaded()));
}

#[test]
fn an_image_of_nothing_has_a_bill() {
    let manifest = manifest();
    let bill = Bill::new(&manifest, &Tree::new(), None);
    let spdx: Value = serde_json::from_str(&bill.spdx()).expect("JSON");
    let attr = "pkg:deb/debian/attr@1:2.5.2-3%2Bb1?arch=amd64&distro=trixie";
    assert_eq!(spdx["packages"][1]["externalRefs"][0]["referenceLocator"], attr);
    assert!(serde_json::from_str::<Value>(&bill.cyclonedx()).is_ok());
}

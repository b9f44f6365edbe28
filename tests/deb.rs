//! Versions, relations and control data against the test vectors of dpkg, apt and python-debian, and against
//! the real tools.
//!
//! The vectors are data under other licences and not part of this repository; see [`crate::vectors`].

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;

use imgbuild::deb::Stanza;
use imgbuild::deb::Version;
use imgbuild::deb::format_relations;
use imgbuild::deb::parse_relations;
use imgbuild::deb::plain;
use imgbuild::deb::stanzas;

use crate::vectors;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(path: &Path) -> Vec<String> {
    let text = String::from_utf8(read(path)).expect("UTF-8 vectors");
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

fn version(text: &str) -> Version {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn version_order_vectors() {
    let Some(directory) = vectors("version_order_vectors") else { return };
    let mut count = 0;
    for file in ["apt-compareversion.txt", "dpkg-Dpkg_Version.txt", "python-debian-compare.txt"] {
        for line in lines(&directory.join("versions").join(file)) {
            let words: Vec<_> = line.split(' ').collect();
            let [a, operator, b] = words[..] else { panic!("{file}: {line}") };
            let wanted = match operator {
                "<<" => Ordering::Less,
                "=" => Ordering::Equal,
                ">>" => Ordering::Greater,
                _ => panic!("{file}: {line}"),
            };
            // The others compare strings; ours are versions, and a few of the vectors are none.
            let (Ok(a), Ok(b)) = (a.parse::<Version>(), b.parse::<Version>()) else { continue };
            assert_eq!(a.cmp(&b), wanted, "{file}: {line}");
            assert_eq!(b.cmp(&a), wanted.reverse(), "{file}: {line}");
            count += 1;
        }
    }
    assert!(count > 120, "only {count} pairs were compared");
}

#[test]
fn version_syntax_vectors() {
    let Some(directory) = vectors("version_syntax_vectors") else { return };
    for line in lines(&directory.join("versions/dpkg-t-version-parse.tsv")) {
        let columns: Vec<_> = line.split('\t').collect();
        // Blanks around a version belong to its field, and are gone before it is read.
        let text = columns[1].replace("\\t", "\t");
        let parsed = text.trim().parse::<Version>();
        assert_eq!(parsed.is_ok(), columns[0] == "ok", "{line}");
        if let Ok(parsed) = parsed {
            let (upstream, revision) = parsed.parts();
            assert_eq!([&parsed.epoch().to_string(), upstream, revision], columns[2..5], "{line}");
        }
    }
    for line in lines(&directory.join("versions/python-debian-parse.tsv")) {
        let columns: Vec<_> = line.split('\t').map(|column| if column == "-" { "" } else { column }).collect();
        let parsed = version(columns[0]);
        let (upstream, revision) = parsed.parts();
        let epoch = if columns[1].is_empty() { "0" } else { columns[1] };
        assert_eq!([&parsed.epoch().to_string(), upstream, revision], [epoch, columns[2], columns[3]], "{line}");
    }
}

#[test]
fn relation_vectors() {
    let Some(directory) = vectors("relation_vectors") else { return };
    let mut refused = 0;
    for line in lines(&directory.join("depends/apt-parsedepends.txt")) {
        let Some(input) = line.strip_prefix("input: ") else { continue };
        // A list that restricts a relation belongs to source packages; everything else has to be read.
        let input = input.trim_end().trim_end_matches(',');
        for relation in input.split(',') {
            let restricted = relation.contains('[') || relation.trim_end().ends_with('>');
            assert_eq!(parse_relations(relation).is_err(), restricted, "{relation}");
            refused += usize::from(restricted);
        }
    }
    assert!(refused > 10, "only {refused} relations were refused");
    let text = "no(=1),some(<<1),some (<<1),some( <<1),some(<< 1),some(<<1 ),some(<<1) ,last (=1)";
    let wanted = format!("no (= 1), {}last (= 1)", "some (<< 1), ".repeat(6));
    assert_eq!(format_relations(&parse_relations(text).expect("relations")), wanted);
}

#[test]
fn deb822_vectors() {
    let Some(directory) = vectors("deb822_vectors") else { return };
    let directory = directory.join("deb822");
    // File, stanzas when comments are taken out first, stanzas as it stands (`None`: refused).
    for (file, plain_count, count) in [
        ("apt/Comments.txt", Some(2), None),
        ("apt/EmptyTagName.txt", None, None),
        ("apt/MultipleSections.txt", Some(3), Some(3)),
        ("apt/PickedUpFromPreviousCall.txt", Some(0), Some(0)),
        ("apt/SingleField.txt", Some(1), Some(1)),
        ("apt/SpacesEverywhere.txt", None, None),
        ("dpkg/control-1", Some(4), None),
        ("dpkg/control-bogus-blank", None, None),
        ("dpkg/control-bogus-colon", None, None),
        ("dpkg/control-bogus-fieldname-empty", None, None),
        ("python-debian/test_Packages", Some(3), Some(3)),
        ("python-debian/test_Sources.iso8859-1", None, None),
        ("python-debian/test_Sources.mixed_encoding", None, None),
    ] {
        let text = read(&directory.join(file));
        let count_of = |text: &[u8]| stanzas(text).collect::<Result<Vec<_>, _>>().map(|all| all.len()).ok();
        assert_eq!(count_of(&plain(&text)), plain_count, "{file} without comments");
        assert_eq!(count_of(&text), count, "{file}");
    }
}

/// Good syntax, but no package: refused one level up.
#[test]
fn control_files_that_describe_no_package() {
    let Some(directory) = vectors("control_files_that_describe_no_package") else { return };
    for file in ["control-bogus-fieldname-partial", "control-bogus-format-string", "control-no-arch"] {
        let text = read(&directory.join("deb822/dpkg").join(file));
        let stanza = Stanza::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let digest = imgbuild::digest::Sha256::of(b"");
        assert!(imgbuild::deb::Package::from_control(&stanza, 1, digest).is_err(), "{file}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the real dpkg is the oracle")]
fn versions_compare_as_dpkg_does() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "versions_compare_as_dpkg_does") {
        return;
    }
    let parts = ["0", "00", "1", "9", "10", "a", "~", "~~", "+", ".", "-", "b1", "z", "Z", "1:", "0:"];
    let mut state = 1_u32;
    let mut text = || {
        let mut text = String::new();
        for _ in 0..5 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(parts[(state >> 16) as usize % parts.len()]);
        }
        text
    };
    let versions: Vec<Version> =
        std::iter::repeat_with(&mut text).filter_map(|text| text.parse().ok()).take(600).collect();
    for pair in versions.chunks_exact(2) {
        let operator = match pair[0].cmp(&pair[1]) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let (a, b) = (pair[0].as_str(), pair[1].as_str());
        let status = Command::new("dpkg").args(["--compare-versions", a, operator, b]).status().expect("dpkg runs");
        assert!(status.success(), "dpkg does not say {a} {operator} {b}");
    }
}

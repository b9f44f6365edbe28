//! The arguments as the documents write them: every line of shell there is read, or is known.

use super::*;

#[test]
fn the_parser_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn a_recipe_alone_is_built() {
    let parse = |words: &[&str]| {
        let words = std::iter::once("imgbuild").chain(words.iter().copied()).map(OsString::from);
        Arguments::read(words).map(|arguments| arguments.command)
    };
    for words in [&["x.toml", "-o", "out"][..], &["build", "x.toml", "-o", "out"], &["-o", "out", "x.toml"]] {
        let Ok(Command::Build(build)) = parse(words) else { panic!("{words:?}") };
        assert_eq!((build.recipes, build.output), (vec!["x.toml".into()], Some("out".into())));
    }
    for words in [&["x.toml", "y.toml"][..], &["build", "x.toml", "-v", "y.toml"]] {
        let Ok(Command::Build(build)) = parse(words) else { panic!("{words:?}") };
        assert_eq!(build.recipes, ["x.toml", "y.toml"].map(PathBuf::from));
    }
    for words in [&[][..], &["build"], &["-q", "-v", "x.toml"], &["x.toml", "--jobs", "0"]] {
        assert!(parse(words).is_err(), "{words:?}");
    }
    assert!(parse(&["biuld", "x.toml"]).expect_err("a typo").to_string().contains("build"));
}

#[test]
fn sizes() {
    assert_eq!(size("0"), Ok(0));
    assert_eq!(size("2G"), Ok(2 << 30));
    for bad in ["", "G", "1.5G", "99999999999T", "-1"] {
        assert!(size(bad).is_err(), "{bad}");
    }
    assert_eq!(age("12h"), Ok(Duration::from_secs(43_200)));
    assert_eq!(age("2w"), Ok(Duration::from_secs(1_209_600)));
    for bad in ["", "d", "3", "1.5d", "99999999999w", "-1h", "3 d"] {
        assert!(age(bad).is_err(), "{bad}");
    }
}

/// Lines of shell in the documents that are no call of this program, and where they are tried.
const OTHERS: [(&str, &str); 16] = [
    ("IMGBUILD_TEST_", "by hand: they measure, and write the tables of doc/"),
    ("export ", "remote::a_server_of_s3_is_a_store has these variables"),
    ("cargo run --release -- ", "`.ci/run` builds it, and the tests build its recipe"),
    ("cargo test", "`.ci/run` does"),
    ("cargo bench", "by hand: it measures"),
    (
        "dd if=build/cluster/boot/stick.img",
        "as root, onto a stick; `stick::a_node_boots_from_a_stick_without_dhcp` boots it",
    ),
    ("openssl ", "site::tls::case_162_files_come_by_tls_from_the_head_alone runs them"),
    ("echo 'subjectAltName", "with the lines of openssl"),
    ("install -D -m 06", "on the head, with the files of these lines"),
    ("podman run ", "by hand: not every machine lets it start a container"),
    ("skopeo copy oci:", "registry::a_real_registry_and_real_readers"),
    ("umoci unpack ", "registry::a_real_registry_and_real_readers"),
    ("cargo install --locked cargo-deb", "`.ci/release` says so itself"),
    (".ci/release", "by hand, for a release: it compiles everything anew"),
    ("skopeo copy oci-archive:", "by hand, with what `.ci/release` leaves"),
    ("podman run --rm --volume .:/work ", "by hand, with what `.ci/release` leaves"),
];

/// Each line of shell in README.md and doc/ is a call that this program takes, or a named other one.
#[test]
fn the_documents_call_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_to_string(root.join("doc/SUMMARY.md")).expect("the book's list");
    let names = names.split("](").skip(1).map(|rest| format!("doc/{}", rest.split(')').next().expect("a link")));
    let mut calls = 0;
    for name in names.chain(["README.md".to_owned()]) {
        let text = std::fs::read_to_string(root.join(&name)).expect("a document");
        for block in text.split("```sh\n").skip(1) {
            for line in block.split("```").next().expect("a block").lines() {
                let line = line.split(" #").next().expect("a line").trim();
                let Some(call) = line.strip_prefix("imgbuild ") else {
                    let is_known = line.is_empty() || OTHERS.iter().any(|(begin, _)| line.starts_with(begin));
                    assert!(is_known, "{name}: nobody knows whether this works: {line}");
                    continue;
                };
                let words = std::iter::once("imgbuild").chain(call.split_whitespace()).map(OsString::from);
                let read = Arguments::read(words);
                assert!(read.is_ok(), "{name}: {line}: {}", read.expect_err("it is none"));
                calls += 1;
            }
        }
    }
    assert!(calls > 20, "{calls}");
}

/// The book has all documents.
#[test]
#[expect(clippy::disallowed_methods, reason = "only whether each is there matters")]
fn the_book_is_whole() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("doc");
    let list = std::fs::read_to_string(directory.join("SUMMARY.md")).expect("the book's list");
    for entry in std::fs::read_dir(&directory).expect("it is there") {
        let name = entry.expect("listed").file_name().into_string().expect("a text");
        let is_page = name.ends_with(".md") && name != "SUMMARY.md";
        assert!(!is_page || list.contains(&format!("]({name})")), "{name} is not in doc/SUMMARY.md");
    }
}

use std::collections::BTreeSet;

use super::*;

/// What is declared is made: every word that stands in a file is drawn, every path is absolute and made once.
#[test]
fn every_declaration_is_whole() {
    let mut packages = BTreeSet::new();
    for own in DECLARED {
        assert!(packages.insert(own.package), "{} twice", own.package);
        assert!(!(own.files.is_empty() && own.texts.is_empty()), "{}", own.package);
        for text in own.texts {
            assert!(text.path.starts_with('/') && !text.blanks.is_empty(), "{}", text.path);
            for blank in text.blanks {
                assert!(own.words.iter().any(|word| word.name == blank.word), "{}: {}", text.path, blank.word);
                assert!(!blank.before.is_empty() && !blank.after.is_empty(), "{}", text.path);
            }
        }
        for word in own.words {
            assert!(word.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", word.name);
            assert!(own.texts.is_empty() || !word.make.is_empty(), "{}", word.name);
        }
        for file in own.files {
            assert!(file.path.starts_with('/'), "{}", file.path);
            let (user, group) = file.owner.split_once(':').unwrap_or_default();
            let whole = !user.is_empty() && !group.is_empty() && file.mode & 0o400 != 0;
            assert_eq!(whole, !file.make.is_empty(), "{}: owner and mode of what is made", file.path);
            // Nobody else reads a key.
            let public = [".pem", ".pub", ".cert", "README", "hostnqn", "hostid", "/dh", "authorized_keys"];
            let private = !public.iter().any(|end| file.path.ends_with(end)) || file.path.ends_with("quasselCert.pem");
            assert!(!private || file.mode & 0o007 == 0, "{}", file.path);
        }
    }
}

#[test]
fn words_are_taken_out_where_they_stand() {
    let blanks = [
        Blank { before: "key = \"", after: "\"", word: "one" },
        Blank { before: "\nid=", after: "\n", word: "two" },
        Blank { before: "key = \"", after: "2\"", word: "one" },
    ];
    let text = b"key = \"a\"\nid=\nkey = \"\"\n# key = \"x2\"\n";
    assert_eq!(with_blanks(text, &blanks), None, "the second place is another");
    let text = b"key = \"a\"\nid=\n# key = \"x22\"\nkey = \"kept\"\n";
    let made = with_blanks(text, &blanks).expect("all are there");
    let wanted = "key = \"@imgbuild:one@\"\nid=@imgbuild:two@\n# key = \"@imgbuild:one@2\"\nkey = \"kept\"\n";
    assert_eq!(String::from_utf8_lossy(&made), wanted);
    assert_eq!(with_blanks(b"key = \"a", &blanks[..1]), None, "a text that ends too early");
}

/// The program of all packages at once says each thing once, and names first what others are made of.
#[test]
fn the_program_has_everything_once() {
    let own: Vec<&Own> = DECLARED.iter().collect();
    let texts: BTreeSet<&str> = DECLARED.iter().flat_map(|own| own.texts).map(|text| text.path).collect();
    for kind in Kindred::ALL {
        let part = part(&own, kind, &texts);
        let made: Vec<&str> = part
            .lines()
            .filter_map(|line| line.trim().strip_prefix("make ").or_else(|| line.trim().strip_prefix("word ")))
            .map(|line| line.split(' ').next().expect("a name"))
            .collect();
        assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len(), "{part}");
        assert!(made.len() >= 3, "{part}");
    }
}

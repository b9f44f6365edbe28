use std::collections::BTreeSet;

use super::*;

/// What is declared is made: every word that stands in a file is drawn, every path is absolute and made once.
#[test]
fn every_declaration_is_whole() {
    let mut declared = BTreeSet::new();
    for own in packages::own() {
        assert!(own.package.is_empty() || declared.insert(own.package), "{} twice", own.package);
        assert!(!(own.files.is_empty() && own.texts.is_empty() && own.left.is_empty()), "{}", own.package);
        assert!(!own.package.is_empty() || own.files.is_empty() && own.texts.is_empty(), "{own:?}");
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
            assert!(whole && !file.make.is_empty(), "{}: owner and mode of what is made", file.path);
            // Nobody else reads a key.
            let public =
                [".pem", ".pub", ".cert", "README", "hostnqn", "hostid", "/dh", "authorized_keys", "/aliases.db"];
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
    let own: Vec<&Own> = packages::own().collect();
    let texts: BTreeSet<&str> = packages::own().flat_map(|own| own.texts).map(|text| text.path).collect();
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

#[test]
fn what_is_one_machines_own_goes() {
    let mut tree = Tree::new();
    let gone = [
        "etc/ssh/ssh_host_rsa_key",
        "etc/ssh/ssh_host_rsa_key.pub",
        "var/lib/systemd/random-seed",
        "var/lib/mysql/ibdata1",
        "etc/munge/munge.key",
        "etc/ssl/certs/ssl-cert-snakeoil.pem",
        "etc/krb5.keytab",
    ];
    let kept = ["etc/ssh/ssh_config", "etc/machine-id", "etc/ssl/certs/other.pem"];
    for name in gone.iter().chain(&kept) {
        tree.write(name, 0o644, "x").expect("new");
    }
    tree.symlink("etc/ssl/certs/abcdef01.0", "ssl-cert-snakeoil.pem").expect("new");
    tree.symlink("etc/ssl/certs/abcdef02.0", "other.pem").expect("new");
    leave_to_nodes(&mut tree, &[], &Options::default()).expect("memory reads");
    for name in gone {
        assert!(tree.get(&TreePath::literal(name)).is_none(), "{name}");
    }
    for name in kept.iter().chain(&["var/lib/mysql"]) {
        assert!(tree.get(&TreePath::literal(name)).is_some(), "{name}");
    }
    assert_eq!(tree.read("etc/machine-id").expect("memory").as_deref(), Some(&b""[..]));
    assert_eq!(tree.children(&TreePath::literal("etc/ssl/certs")).count(), 2);
}

/// A pattern is of one name, and nothing is listed twice but what several packages share.
#[test]
fn rows_name_a_path_and_who_makes_it() {
    for row in rows() {
        let (directory, name) = row.path.rsplit_once('/').expect("absolute");
        assert!(row.path.starts_with('/') && !directory.contains('*') && !name.is_empty(), "{}", row.path);
        assert!(!row.why.is_empty() && !row.by.is_empty() && !row.source.is_empty(), "{}", row.path);
        let others = rows().filter(|other| other.path == row.path);
        assert!(others.into_iter().all(|other| (other.leaving, other.by) == (row.leaving, row.by)), "{}", row.path);
    }
}

/// doc/configure.md shows this very table.
#[test]
fn the_documents_table_is_this_one() {
    let mut wanted: Vec<String> = Vec::new();
    let mut of: Vec<(&str, &str, &str, Vec<&str>)> = Vec::new();
    for row in rows() {
        match of.iter_mut().find(|(source, why, by, _)| (*source, *why, *by) == (row.source, row.why, row.by)) {
            Some((.., paths)) if paths.contains(&row.path) => {}
            Some((.., paths)) => paths.push(row.path),
            None => of.push((row.source, row.why, row.by, vec![row.path])),
        }
    }
    for (source, why, by, paths) in of {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        wanted.push(format!("| {source} | {} | {why} | {by} |", paths.join(", ")));
    }
    let text = include_str!("../../../doc/configure.md");
    let table = text.split("| package | what | why | who makes it |\n|---|---|---|---|\n").nth(1).expect("the table");
    let found: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, wanted, "the table of doc/configure.md is to be:\n{}", wanted.join("\n"));
}

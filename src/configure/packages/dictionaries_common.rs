//! dictionaries-common: which of the lists of words is the system's, and what programs that check spelling read of all
//! (Debian's policy for dictionaries). Its scripts and its programs are in Perl.
//!
//! Lists of words are linked here. Hashes of aspell and ispell only these make, and what Emacs, jed and SquirrelMail
//! read of dictionaries is a cache: a node makes both, with the package's own programs.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::shell::Interpreter;
use crate::shell::Origin;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("aspell-autobuildhash", leave_to_first_boot),
        ("ispell-autobuildhash", leave_to_first_boot),
        ("update-default-ispell", leave_to_first_boot),
        ("update-default-wordlist", update_default_wordlist),
        ("update-dictcommon-aspell", leave_to_first_boot),
        ("update-dictcommon-hunspell", leave_to_first_boot),
    ],
    made: &[Made {
        package: "dictionaries-common",
        what: "hashes of aspell and ispell, and what editors read of all dictionaries",
        from: &["var/lib/dictionaries-common/*/*", "usr/share/hunspell/*.aff", "var/lib/aspell/*.compat"],
        make: "update-dictcommon-aspell\n        \
               update-dictcommon-hunspell\n        \
               update-default-wordlist --triggered\n        \
               update-default-ispell --triggered",
        units: &[],
        gone: &[
            "var/cache/dictionaries-common/*",
            "etc/dictionaries-common/default.*",
            "etc/dictionaries-common/ispell-default",
            "usr/lib/aspell/*.rws",
            "usr/lib/ispell/*.hash",
            "usr/lib/ispell/default.aff",
            "var/lib/aspell/*.remove",
            "var/lib/ispell/*.hash",
            "var/lib/ispell/*.remove",
        ],
        emptied: &["var/lib/aspell/*.compat", "var/lib/aspell/*.rws", "var/lib/ispell/*.compat"],
    }],
    scripts: &[
        // Of all lists of words, as installdeb-wordlist makes it; scowl's are older.
        (
            "b18599ae2f770f303319f0c6ace0f531477875b4c85a87f415b46a7448423d80",
            concat!(
                include_str!("data/dictionary.config"),
                "[ ! -e /usr/share/dictionaries-common/dc-debconf-select.pl ] || select_default wordlist w\n"
            ),
        ),
        // Of ispell's dictionaries, as installdeb-ispell makes it.
        (
            "e0a1c2c185cfa7c47d76e649f74de01a438d2e93400f4dd58f99c37401d5f827",
            concat!(
                include_str!("data/dictionary.config"),
                "[ ! -e /usr/share/dictionaries-common/dc-debconf-select.pl ] || select_default ispell i\n"
            ),
        ),
        // Norwegian's two, which have two forms of the language in one package: inorwegian 2.2-4, wnorwegian 2.2-4.
        (
            "20f59f49c3845476569822eda73beb4732599dc19777232e02a6f9e94121acae",
            concat!(
                include_str!("data/dictionary.config"),
                "[ ! -e /usr/share/dictionaries-common/dc-debconf-select.pl ] || select_default ispell i\n",
                "db_get inorwegian/whichvariant\n",
                "[ -z \"$RET\" ] || { db_input medium inorwegian/whichvariant || :; db_go || :; }\n"
            ),
        ),
        (
            "c545080e84418987843db7428ef3e57151c6f136197bdbf23e66efb18e0becd8",
            concat!(
                include_str!("data/dictionary.config"),
                "[ ! -e /usr/share/dictionaries-common/dc-debconf-select.pl ] || select_default wordlist w\n",
                "if [ -h /etc/dictionaries-common/norsk ]; then\n",
                "    variant=$(readlink /etc/dictionaries-common/norsk)\n",
                "    db_set wnorwegian/whichvariant \"${variant##*/}\"\n",
                "fi\n",
                "db_get wnorwegian/whichvariant\n",
                "[ -z \"$RET\" ] || { db_input medium wnorwegian/whichvariant || :; db_go || :; }\n"
            ),
        ),
        // 1.30.10
        (
            "347b4123c5e84014f207e61e6d6a6d42ace0d4bd806bd9ed682a07ba5b1fff54",
            concat!(include_str!("data/dictionary.config"), include_str!("data/dictionaries-common.config")),
        ),
    ],
    ..Package::of("dictionaries-common")
};

/// `update-default-wordlist [--triggered] [--rebuild] [--skip-symlinks]`
fn update_default_wordlist(call: &mut Call<'_, '_>) -> Done {
    let text = include_bytes!("data/update-default-wordlist");
    Ok(call.shell.run_process(text, b"update-default-wordlist", call.args, &Interpreter::default(), Origin::File)?)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Kind;
    use crate::tree::Tree;
    use crate::tree::TreePath;

    /// debconf's library, as far as it is asked: a question's fields are files.
    const CONFMODULE: &str = "db_version() { :; }\ndb_title() { :; }\ndb_go() { :; }\ndb_input() { return 30; }\n\
        db_metaget() { RET=$(cat \"/db/$1/$2\" 2>/dev/null); }\ndb_get() { db_metaget \"$1\" value; }\n\
        put() { mkdir -p \"/db/$1\"; printf %s \"$3\" >\"/db/$1/$2\"; }\ndb_set() { put \"$1\" value \"$2\"; }\n\
        db_subst() { put \"$1\" \"subst-$2\" \"$3\"; }\ndb_fset() { put \"$1\" \"$2\" \"$3\"; }\n\
        db_fget() { db_metaget \"$1\" \"$2\"; }\ndb_unregister() { :; }\n";

    /// Follows a script after these answers, `question/field` and text; what the field of a question is then.
    fn follow(fields: &[(&str, &str)], files: &[(&str, &str)], script: &str) -> (Tree, Vec<String>) {
        let mut tree = Tree::new();
        tree.write("usr/share/debconf/confmodule", 0o644, CONFMODULE).expect("new");
        tree.make_directories("tmp", 0o777).expect("new");
        for (name, text) in fields {
            tree.write(format!("db/{name}"), 0o644, *text).expect("new");
        }
        for (name, text) in files {
            tree.write(name, 0o644, *text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let environment = [("PATH", "/bin"), ("LC_ALL", "C.UTF-8")];
        let outcome = Shell::new(&mut system, "config", &environment).run_script(script.as_bytes(), &[], &[]);
        let mut wrong: Vec<String> = system.gaps.iter().map(|gap| format!("{gap:?}")).collect();
        let status = outcome.expect("no limit is met").status;
        if status != 0 {
            wrong.push(format!("status {status}"));
        }
        (system.into_tree(), wrong)
    }

    fn text(tree: &Tree, path: &str) -> String {
        String::from_utf8_lossy(&tree.read(path).expect("memory").unwrap_or_default()).into_owned()
    }

    #[test]
    fn the_default_is_of_the_language_that_the_installer_was_told() {
        let lists = [
            ("wamerican", "american (American English)"),
            ("wbritish", "british (British English)"),
            ("wngerman", "deutsch (Neue Rechtschreibung)"),
            ("wnorwegian", "nynorsk (Norwegian), bokmaal (Norwegian)"),
            ("wportuguese", "portuguesetex (Português), portuguese (Português)"),
            ("westonian", "eesti (Estonian)"),
        ];
        for (have, language, country, wanted) in [
            ("wbritish", "", "", "british (British English)"),
            ("wngerman, wbritish, wamerican", "", "", "american (American English)"),
            ("wngerman, wbritish, westonian", "", "", "british (British English)"),
            ("wngerman, wbritish", "de", "DE", "deutsch (Neue Rechtschreibung)"),
            ("wngerman, wbritish, wamerican", "en", "AU", "british (British English)"),
            ("wngerman, wnorwegian", "nn_NO.UTF-8:nb", "", "nynorsk (Norwegian)"),
            ("wnorwegian, wbritish", "nb", "NO", "bokmaal (Norwegian)"),
            ("wportuguese", "pt", "", "portuguese (Português)"),
            ("westonian", "et", "EE", ""),
        ] {
            let mut fields = vec![("shared/packages-wordlist/owners".to_owned(), have)];
            for (package, languages) in &lists {
                for field in ["default", "value"] {
                    fields.push((format!("{package}/languages/{field}"), *languages));
                }
            }
            fields.push(("debian-installer/language/value".to_owned(), language));
            fields.push(("debian-installer/country/value".to_owned(), country));
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), *text)).collect();
            let script = [include_str!("data/dictionary.config"), "select_default wordlist w\n"].concat();
            let (tree, wrong) = follow(&fields, &[], &script);
            assert_eq!(wrong, Vec::<String>::new(), "{have}");
            let value = text(&tree, "db/dictionaries-common/default-wordlist/value");
            assert_eq!(value, wanted, "{have}, {language}_{country}");
        }
    }

    #[test]
    fn what_was_answered_stays_and_choices_are_told() {
        let fields = [
            ("shared/packages-ispell/owners", "iamerican, iczech"),
            ("iamerican/languages/default", "american (American English)"),
            ("iczech/languages/default", "czech (Czech)"),
            ("iczech/elanguages/default", "\u{10c}esky (Czech)"),
            ("dictionaries-common/default-ispell/value", "czech (Czech)"),
            ("dictionaries-common/default-ispell/seen", "false"),
        ];
        let script = [include_str!("data/dictionary.config"), "select_default ispell i\n"].concat();
        let (tree, wrong) = follow(&fields, &[], &script);
        assert_eq!(wrong, Vec::<String>::new());
        let of = |field: &str| text(&tree, &format!("db/dictionaries-common/default-ispell/{field}"));
        assert_eq!(of("value"), "czech (Czech)");
        assert_eq!(of("subst-choices"), "american (American English), czech (Czech)");
        assert_eq!(
            of("subst-echoices"),
            "american (American English), czech (Czech)",
            "as they were before the question"
        );
    }

    #[test]
    fn the_list_of_words_is_linked() {
        let info = "var/lib/dictionaries-common/wordlist";
        let files = [
            (format!("{info}/wbritish"), "Language: british (British English)\nHash-Name: british-english\n"),
            (format!("{info}/wtwo"), "LANGUAGE:  a (A)\nhash-name: a-words \n\nLanguage: b (B)\nHash-Name: b-words\n"),
            (format!("{info}/old~"), "no list\n"),
            ("usr/share/dict/british-english".to_owned(), "a\n"),
            ("usr/share/dict/a-words".to_owned(), "a\n"),
            ("usr/share/dict/b-words".to_owned(), "b\n"),
            ("etc/dictionaries-common/x".to_owned(), ""),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        for (answer, wanted) in [
            ("b (B)", Some("/usr/share/dict/b-words")),
            ("british (British English)", Some("/usr/share/dict/british-english")),
            // One that is not there, and none: the first.
            ("gone (Gone)", Some("/usr/share/dict/a-words")),
            ("", Some("/usr/share/dict/a-words")),
            ("Manual symlinks setting", None),
        ] {
            let fields = [("dictionaries-common/default-wordlist/value", answer)];
            let (tree, wrong) = follow(&fields, &files, "update-default-wordlist --triggered");
            assert_eq!(wrong, Vec::<String>::new(), "{answer}");
            let link = |path: &str| match tree.get(&TreePath::literal(path)).map(|inode| &inode.kind) {
                Some(Kind::Symlink(target)) => Some(String::from_utf8_lossy(target).into_owned()),
                _ => None,
            };
            assert_eq!(link("usr/share/dict/words").as_deref(), Some("/etc/dictionaries-common/words"));
            assert_eq!(link("etc/dictionaries-common/words").as_deref(), wanted, "{answer}");
        }
        let broken = [(format!("{info}/wbad"), "Language: bad\n")];
        let broken: Vec<(&str, &str)> = broken.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let (_, wrong) = follow(&[], &broken, "update-default-wordlist --triggered");
        assert_eq!(wrong, ["status 255"]);
    }
}

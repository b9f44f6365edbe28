use std::collections::BTreeMap;

use super::commands::answer;
use super::database::Database;
use super::*;
use crate::configure::machine;
use crate::shell::Shell;
use crate::shell::system::System;
use crate::tree::Tree;

const ENVIRONMENT: &[(&str, &str)] =
    &[("PATH", "/usr/bin:/bin"), ("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true")];

const TEMPLATES: &str = "Template: p/name\nType: string\nDefault: anna\nDescription: Name?\n\nTemplate: p/colour\n\
                         Type: select\nChoices: red, green\nDescription: Colour?\n\nTemplate: p/secret\n\
                         Type: password\nDescription: Secret?\n";

/// A library as a package brings it: it starts debconf if need be, and sends the script's output elsewhere.
const LIBRARY: &str = "if [ ! \"$DEBIAN_HAS_FRONTEND\" ]; then exec /usr/share/debconf/frontend \"$0\" \"$@\"; fi\n\
                       if [ -z \"$DONE\" ]; then exec 3>&1; exec 1>&2; DONE=1; export DONE; fi\n\
                       ask() { echo \"$*\" >&3; read -r RET; echo \"$*: $RET\"; [ \"${RET%% *}\" = 0 ]; }\n";

fn configured(config: &str, postinst: &str) -> System {
    let mut tree = Tree::new();
    let files = [
        ("usr/share/debconf/library", LIBRARY),
        ("var/lib/dpkg/info/p.templates", TEMPLATES),
        ("var/lib/dpkg/info/p.config", config),
        ("var/lib/dpkg/info/p.postinst", postinst),
        ("usr/share/debconf/frontend", ""),
    ];
    for (path, text) in files {
        tree.write(path, 0o755, text).expect("new");
    }
    machine(tree, "all", 1)
}

/// Runs the postinst, and says how it ended and what it printed.
fn run(system: &mut System) -> (i32, String) {
    let postinst = system.tree().read("var/lib/dpkg/info/p.postinst").expect("readable").expect("there");
    let mut shell = Shell::new(system, "postinst", ENVIRONMENT);
    shell.state.name = b"/var/lib/dpkg/info/p.postinst".as_slice().into();
    let outcome = shell.run_script(&postinst, &[], &[b"configure".to_vec(), Vec::new()]).expect("no limit");
    (outcome.status, String::from_utf8(outcome.output).expect("text"))
}

fn file(system: &mut System, path: &str) -> String {
    save(system).expect("the tree takes it");
    String::from_utf8(system.tree().read(path).expect("readable").expect("there")).expect("text")
}

#[test]
fn a_script_starts_anew_under_the_frontend_after_its_config() {
    let config =
        "#!/bin/sh -e\n. /usr/share/debconf/library\nask INPUT high p/name || :\nask INPUT low p/colour || :\nask GO\n";
    let postinst = "#!/bin/sh\necho start >&2\nset -e\n. /usr/share/debconf/library\nask GET p/name\nask STOP || :\necho $1\nfalse\n";
    let mut system = configured(config, postinst);
    let (status, said) = run(&mut system);
    let wanted = "start\nINPUT high p/name: 30 question skipped\nINPUT low p/colour: 30 question skipped\nGO: 0 ok\n\
                  start\nGET p/name: 0 anna\nSTOP: \nconfigure\n";
    // The script's first line runs twice.
    assert_eq!((status, said.as_str()), (1, wanted));
    assert_eq!(system.gaps, []);
    let config = "Name: p/colour\nTemplate: p/colour\nValue: red\nOwners: p\n\nName: p/name\nTemplate: p/name\n\
                  Value: anna\nOwners: p\nFlags: seen\n\n";
    assert_eq!(file(&mut system, "var/cache/debconf/config.dat"), config);
    assert_eq!(
        file(&mut system, "var/cache/debconf/passwords.dat"),
        "Name: p/secret\nTemplate: p/secret\nOwners: p\n\n"
    );
}

#[test]
fn the_end_of_a_script_that_took_over_is_reported() {
    let mut system = configured("", "\n. /usr/share/debconf/library\n\n\nexit 3\n");
    let postinst = system.tree().read("var/lib/dpkg/info/p.postinst").expect("readable").expect("there");
    system
        .tree()
        .write("var/lib/dpkg/info/p.postinst", 0o755, [b"#!/bin/sh", postinst.as_slice()].concat())
        .expect("new");
    system.tree().write("var/lib/dpkg/info/p.config", 0o755, "#!/bin/sh\n").expect("new");
    let mut shell = Shell::new(&mut system, "postinst", ENVIRONMENT);
    shell.state.name = b"/var/lib/dpkg/info/p.postinst".as_slice().into();
    let outcome = shell.run_script(&postinst, &[], &[b"configure".to_vec()]).expect("no limit");
    assert_eq!((outcome.status, outcome.line), (3, 5));
}

#[test]
fn answers_are_given_before_anybody_asks() {
    let config = "#!/bin/sh\n. /usr/share/debconf/library\nask INPUT high p/name\nask GO\n";
    let mut system =
        configured(config, "#!/bin/sh\n. /usr/share/debconf/library\nask FGET p/name seen; ask GET p/name\n");
    preseed(&mut system, "p p/name string berta\np p/colour select blue\nx x/other string y\n").expect("written");
    let (_, said) = run(&mut system);
    assert_eq!(
        said,
        "INPUT high p/name: 30 question skipped\nGO: 0 ok\nFGET p/name seen: 0 true\nGET p/name: 0 berta\n"
    );
    let answers = [("p/name", ""), ("x/othre", ""), ("p/nam", "")].map(|(a, b)| (a.into(), b.into())).into();
    save(&mut system).expect("the tree takes it");
    let unasked = unasked(system.tree(), &[], &BTreeMap::new(), &answers).expect("readable");
    let unasked: Vec<(&str, Option<&str>)> =
        unasked.iter().map(|answer| (answer.question.as_str(), answer.nearest.as_deref())).collect();
    assert_eq!(unasked, [("p/nam", Some("p/name")), ("x/othre", None)]);
}

#[test]
fn selections_are_lines() {
    let mut database = Database::default();
    let text =
        b"# c\n\np a/b string one \\\ntwo\r\np a/b seen false\np a/c error x\nshort line\np a/d seen true\np a/e note";
    let said = answer(&mut database, text, true);
    assert_eq!(database.value(b"a/b"), b"one two");
    assert_eq!(database.flag(b"a/b", b"seen"), b"false");
    assert_eq!(
        said,
        [
            "warning: Unknown type error, skipping line 6",
            "error: parse error on line 7: 'short line'",
            "error: Cannot find a question for a/d"
        ]
    );
    assert!(database.question(b"a/e").is_some());
}

#[test]
fn what_the_frontend_cannot_show_is_a_gap() {
    let mut system = configured("#!/bin/sh\n", "#!/bin/sh\n. /usr/share/debconf/library\nask INPUT high p/name\n");
    system
        .tree()
        .write("var/lib/dpkg/info/p.templates", 0o644, "Template: p/name\nType: entropy\nDescription: x\n")
        .expect("new");
    run(&mut system);
    assert_eq!(system.gaps.len(), 1, "{:?}", system.gaps);
}

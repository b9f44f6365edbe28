//! What the commands leave in the files; `tests/accounts.rs` holds them beside the real ones.

use std::collections::BTreeMap;

use crate::configure::Ids;
use crate::configure::machine;
use crate::shell::Interrupt;
use crate::shell::Shell;
use crate::tree::Tree;
use crate::tree::TreePath;

const EPOCH: i64 = 1_757_635_200;

fn start() -> Tree {
    let mut tree = Tree::new();
    for (path, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n+nis::::::\n"),
        ("etc/group", "root:x:0:\naudio:x:29:root\nnogroup:x:65534:\n"),
        ("etc/shadow", "root:*:20000:0:99999:7:::\n"),
        ("etc/gshadow", "root:*::\naudio:*::root\nnogroup:*::\n"),
        ("etc/login.defs", "# words\nUSERGROUPS_ENAB yes\nPASS_MAX_DAYS\t99999\n"),
        ("usr/share/perl5/Debian/AdduserLogging.pm", ""),
    ] {
        tree.write(path, 0o644, text).expect("new");
    }
    tree
}

struct Ran {
    status: i32,
    gaps: Vec<String>,
    tree: Tree,
}

impl Ran {
    fn text(&self, path: &str) -> String {
        String::from_utf8(self.tree.read(path).expect("memory reads").expect("there")).expect("text")
    }

    /// The lines of a file about a name.
    fn line(&self, path: &str, name: &str) -> Option<String> {
        let start = format!("{name}:");
        self.text(path).lines().find(|line| line.starts_with(&start)).map(str::to_owned)
    }
}

fn run_on(tree: Tree, ids: Ids, script: &str) -> Ran {
    let mut system = machine(tree, "amd64", EPOCH);
    *system.kept::<Ids>() = ids;
    let mut shell = Shell::new(&mut system, "postinst", &[("PATH", "/usr/sbin:/usr/bin")]);
    let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("below the limits");
    let gaps = system.gaps.iter().map(ToString::to_string).collect();
    Ran { status: outcome.status, gaps, tree: system.into_tree() }
}

fn run(script: &str) -> Ran {
    run_on(start(), Ids::default(), script)
}

#[test]
fn a_package_makes_its_user() {
    let ran = run("adduser --system --group --quiet --gecos 'A daemon' --home /var/lib/a --shell=/bin/sh a");
    assert_eq!((ran.status, ran.gaps.len()), (0, 0));
    assert_eq!(
        ran.text("etc/passwd"),
        "root:x:0:0:root:/root:/bin/bash\na:x:100:100:A daemon:/var/lib/a:/bin/sh\n+nis::::::\n"
    );
    assert!(ran.text("etc/group").ends_with("a:x:100:\n"));
    assert!(ran.text("etc/gshadow").ends_with("a:!::\n"));
    assert!(ran.text("etc/shadow").ends_with("a:!:20343::::::\n"));
    let home = &ran.tree.get(&TreePath::literal("var/lib/a")).expect("made").stat;
    assert_eq!((home.uid, home.gid, home.mode), (100, 100, 0o755));
    let parent = &ran.tree.get(&TreePath::literal("var/lib")).expect("made").stat;
    assert_eq!((parent.uid, parent.gid), (0, 0));
}

#[test]
fn the_older_adduser_writes_the_comment_with_chfn() {
    let mut tree = start();
    tree.remove_all(&TreePath::literal("usr/share/perl5/Debian/AdduserLogging.pm"));
    let ran = run_on(tree, Ids::default(), "adduser --system --gecos 'A daemon' a; adduser --system root");
    assert_eq!(
        ran.line("etc/passwd", "a").as_deref(),
        Some("a:x:100:65534:A daemon,,,:/nonexistent:/usr/sbin/nologin")
    );
    assert_eq!(ran.status, 1);
}

#[test]
fn numbers_come_from_the_lock() {
    let table = |pairs: &[(&str, u32)]| pairs.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
    let ids = Ids {
        users: table(&[("root", 0), ("later", 100), ("mine", 150), ("sys", 998), ("shadowed", 170)]),
        groups: table(&[("root", 0), ("mine", 151), ("only", 160), ("gone", 100), ("free", 999), ("shadowed", 171)]),
    };
    let script = "adduser --system --group new; adduser --system --group mine; addgroup --system only
        systemd-sysusers --inline 'u sys' 'u other' 'g only2'; useradd -r shadowed; adduser --system later
        adduser --system --group --uid 100 explicit; groupadd -r another; echo \"$(id -u mine):$(id -g mine)\" >/etc/seen";
    let ran = run_on(start(), ids, script);
    assert_eq!(ran.gaps, Vec::<String>::new());
    let numbers: BTreeMap<&str, String> = ["new", "mine", "sys", "other", "shadowed", "later"]
        .into_iter()
        .map(|name| {
            (name, ran.line("etc/passwd", name).expect("made").split(':').skip(2).take(2).collect::<Vec<_>>().join(":"))
        })
        .collect();
    let wanted = [
        // 100 is kept for others, as uid and as gid; the gid 998 went to only2.
        ("later", "100:65534"),
        ("mine", "150:151"),
        ("new", "101:101"),
        ("other", "996:996"),
        ("shadowed", "170:171"),
        ("sys", "998:997"),
    ];
    assert_eq!(numbers, wanted.map(|(name, number)| (name, number.to_owned())).into());
    assert!(ran.line("etc/group", "only").is_some_and(|line| line.contains(":160:")));
    assert!(ran.line("etc/passwd", "explicit").is_none(), "its number is the lock's for another, who has it");
    assert_eq!(ran.text("etc/seen"), "150:151\n");
}

#[test]
fn what_asks_somebody_is_a_gap() {
    for script in [
        "adduser person",
        "adduser --disabled-password person",
        "passwd root",
        "passwd -q root",
        "chage root",
        "chsh root",
        "chfn root",
        "gpasswd audio",
        "pwck",
        "adduser --system --unknown x",
        "useradd --root /other x",
        "systemd-sysusers --root=/other",
        "systemd-sysusers --inline 'u a - %m'",
        "usermod -Z x root",
    ] {
        assert_eq!(run(script).gaps.len(), 1, "{script}");
    }
}

#[test]
fn a_file_that_is_not_there_is_not_made() {
    for script in ["adduser --system a", "useradd a", "groupadd a", "usermod -L a", "pwck -r", "pwconv", "userdel a"] {
        let ran = run_on(Tree::new(), Ids::default(), script);
        assert!(ran.status != 0 && ran.gaps.is_empty() && ran.tree.is_empty(), "{script}");
    }
}

#[test]
fn lines_that_are_none_stay() {
    let mut tree = start();
    tree.write("etc/group", 0o640, "# comment\n\nroot:x:0:\nbroken\nx:y\naudio:x:29:").expect("new");
    let ran = run_on(tree, Ids::default(), "groupadd -g 7 new; usermod -a -G audio root; grpck -r");
    assert_eq!(ran.text("etc/group"), "# comment\n\nroot:x:0:\nbroken\nx:y\naudio:x:29:root\nnew:x:7:\n");
    assert_eq!(ran.tree.get(&TreePath::literal("etc/group")).expect("there").stat.mode, 0o640);
    assert_eq!(ran.status, 2);
}

#[test]
fn nothing_gets_into_a_line_that_is_not_its_own() {
    for script in [
        "useradd -c 'a:b' x",
        "useradd -d '/a\nroot2:x:0:0::/:' x",
        "useradd 'x:y'",
        "usermod -s '/bin/sh:' root",
        "groupadd 'a\nb'",
        "groupmod -p 'a:b' audio",
        "chsh -s 'a:b' root",
        "chfn -f 'a:b' root",
        "adduser --system 'a:b'",
        "adduser --system --group --home '/a:b' x",
        "adduser --system --group --shell '/a b' x",
        "systemd-sysusers --inline 'u a - d:e'",
        "systemd-sysusers --inline 'u a - - /h:i'",
        "systemd-sysusers --inline 'u a - - - /s:h'",
    ] {
        let ran = run(script);
        assert!(ran.status != 0 && ran.gaps.is_empty(), "{script}");
        for file in ["passwd", "group"] {
            let before = start().read(format!("etc/{file}")).expect("memory reads").expect("there");
            assert_eq!(ran.text(&format!("etc/{file}")).as_bytes(), before, "{script}");
        }
    }
}

#[test]
fn strange_files_do_no_harm() {
    let lines = [
        "",
        ":",
        ":::",
        "::::::",
        "::::::::",
        "a",
        "a:::",
        "a::::::",
        "a::::::::",
        "a:x:0:",
        "a:x:0:0:::",
        "a:x:4294967295:4294967295:::",
        "a:x:4294967294:4294967294:::",
        "a:x:-1:99999999999999999999:::",
        "audio:x::,,a,,",
        "+:::",
        "\u{e9}:x:5:\u{e9}",
        "a:1:1",
        "a:4294967294:4294967294",
    ];
    let text = lines.join("\n");
    let mut tree = start();
    for name in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid", "adduser.conf", "default/useradd"] {
        tree.write(format!("etc/{name}"), 0o644, text.clone()).expect("new");
    }
    tree.write(
        "etc/login.defs",
        0o644,
        "SYS_UID_MIN 0\nUID_MAX 4294967295\nSUB_UID_COUNT 4294967295\nGID_MIN 9\nGID_MAX 3\n",
    )
    .expect("new");
    let ran = run_on(
        tree,
        Ids::default(),
        "for name in a b audio; do
            useradd $name; useradd -r -m x$name; userdel -r $name; usermod -l y$name -u 4294967294 -g a x$name
            groupadd $name; groupadd -r x$name; groupmod -n z$name x$name; groupdel $name; gpasswd -a $name audio
            gpasswd -M a,b audio; passwd -l $name; passwd -x 5 $name; chage -M 3 $name; chfn -o x $name; chsh -s /x $name
            adduser --system --group s$name; adduser --disabled-password --gecos , p$name; adduser $name audio
            deluser $name; deluser $name audio; delgroup $name; systemd-sysusers --inline \"u $name\" 'r - 0-4294967294'
            pwck -r; grpck -r; pwconv; grpconv; pwunconv; grpunconv
        done; true",
    );
    assert_eq!((ran.status, ran.gaps), (0, Vec::new()));
}

#[test]
fn systemd_makes_the_shadow_of_groups() {
    let mut tree = start();
    tree.remove_all(&TreePath::literal("etc/gshadow"));
    let ran = run_on(tree, Ids::default(), "systemd-sysusers --inline 'g new'; grpconv; groupadd other");
    assert_eq!((ran.status, ran.line("etc/gshadow", "new").as_deref()), (0, Some("new:!*::")));
    assert_eq!(ran.line("etc/gshadow", "audio").as_deref(), Some("audio:x::root"), "grpconv takes what group(5) says");
}

#[test]
fn many_lines_use_the_budget_up() {
    let lines: String = (0..20_000).map(|number| format!("g{number}:x:{number}:\n")).collect();
    let mut tree = start();
    tree.write("etc/group", 0o644, lines).expect("new");
    let mut system = machine(tree, "amd64", EPOCH);
    let mut shell = Shell::new(&mut system, "postinst", &[]);
    let ran = shell.run_script(b"while :; do groupadd x; groupdel x; done", &[], &[]);
    assert_eq!(ran.map(|outcome| outcome.status), Err(Interrupt::Limit(crate::budget::Spent::Steps)));
    let many: String = (0..20_000).map(|number| format!("u u{number} {number}\nm u{number} g{number}\n")).collect();
    let mut tree = start();
    tree.write("etc/sysusers.d/many.conf", 0o644, many).expect("new");
    let mut system = machine(tree, "amd64", EPOCH);
    let mut shell = Shell::new(&mut system, "postinst", &[]);
    let ran = shell.run_script(b"systemd-sysusers", &[], &[]);
    assert_eq!(ran.map(|outcome| outcome.status), Err(Interrupt::Limit(crate::budget::Spent::Steps)));
}

/// As shadow's usermod writes them: what was given last comes first, and another name takes no range along.
#[test]
fn ranges_of_subordinate_ids_are_changed() {
    let file = "root:500000:10\ndaemon:200000:100\n# c\n";
    for (options, status, wanted) in [
        ("--add-subuids 100000-100099 daemon", 0, "root:500000:10\ndaemon:200000:100\n# c\ndaemon:100000:100\n"),
        ("-v 1-2 -v 5-6 daemon", 0, "root:500000:10\ndaemon:200000:100\n# c\ndaemon:5:2\ndaemon:1:2\n"),
        ("-v 200010-200020 daemon", 0, file),
        ("-v 200090-200120 daemon", 0, "root:500000:10\ndaemon:200000:100\n# c\ndaemon:200090:31\n"),
        ("--del-subuids=1-200020 daemon", 0, "root:500000:10\ndaemon:200021:79\n# c\n"),
        ("-V 200050-300000 daemon", 0, "root:500000:10\ndaemon:200000:50\n# c\n"),
        ("-V 199000-300000 daemon", 0, "root:500000:10\n# c\n"),
        (
            "-V 200010-200020 -V 200030-200040 daemon",
            0,
            "root:500000:10\ndaemon:200000:10\n# c\ndaemon:200041:59\ndaemon:200021:9\n",
        ),
        ("-v 1-2 -V 1-2 daemon", 0, "root:500000:10\ndaemon:200000:100\n# c\ndaemon:1:2\n"),
        ("-l other daemon", 0, file),
        ("-v 5-2 daemon", 3, file),
        ("-v 5 daemon", 3, file),
        ("-v x-y nobody-there", 3, file),
        ("-v 1-2 nobody-there", 6, file),
        ("-w 1-2 daemon", 2, file),
    ] {
        let mut tree = start();
        tree.write("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n").expect("there");
        tree.write("etc/subuid", 0o644, file).expect("new");
        let ran = run_on(tree, Ids::default(), &format!("usermod {options}"));
        assert_eq!(
            (ran.status, ran.text("etc/subuid"), ran.gaps),
            (status, wanted.to_owned(), Vec::new()),
            "{options}"
        );
    }
}

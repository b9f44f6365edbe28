//! The account commands beside the real ones: the same commands on the same files, in a root of each suite and
//! followed in memory, leave the same bytes, owners, modes and exit statuses.
//!
//! `IMGBUILD_TEST_PEERS`, with root for the roots that mmdebstrap makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::configure::machine;
use imgbuild::shell::Shell;
use imgbuild::tree::Kind;
use imgbuild::tree::Tree;

use crate::reference;
use crate::switched_on;

const EPOCH: i64 = 1_757_635_200;
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What the commands may change; copied, and put over the root for each run.
const CHANGED: [&str; 4] = ["etc", "home", "srv", "run"];

/// What they only read; the modules of perl are those of the two suites.
const READ: [&str; 5] = [
    "usr/lib/sysusers.d",
    "usr/lib/os-release",
    "usr/share/perl5/Debian",
    "usr/share/perl/5.36.0/File",
    "usr/share/perl/5.40.1/File",
];

/// What the scripts of a set for high-performance computing call, in the order of their packages.
const PACKAGES: &[&str] = &[
    "adduser --force-badname --system --home /nonexistent --no-create-home --quiet _apt",
    "systemd-sysusers basic.conf systemd-journal.conf systemd-network.conf",
    "addgroup --quiet --system netdev",
    "addgroup --system crontab",
    "addgroup --system --quiet --force-badname _ssh",
    "adduser --system --group --quiet --comment 'Chrony daemon' --home /srv/chrony --no-create-home _chrony",
    "adduser --system --home /srv/nfs --no-create-home statd",
    "addgroup --system mysql",
    "adduser --system --disabled-login --ingroup mysql --no-create-home --home /nonexistent --gecos 'MariaDB Server' --shell /bin/false mysql",
    "adduser --quiet --system --group --no-create-home --home /nonexistent munge",
    "usermod --home /nonexistent munge",
    "adduser --quiet --system --group --uid 64030 --no-create-home --home /nonexistent slurm",
    "adduser --system --quiet --home /srv/postgresql --no-create-home --shell /bin/bash --group --gecos 'PostgreSQL administrator' postgres",
    "addgroup --quiet --system --force-badname ssl-cert",
    "adduser --quiet postgres ssl-cert",
    "adduser --system --group --quiet --home /srv/exim4 --no-create-home --disabled-login --allow-bad-names Debian-exim",
    "adduser --quiet --system --group --home /srv/snmp --disabled-password --disabled-login --shell /bin/false --force-badname Debian-snmp",
    "adduser --quiet --system --home /srv/prometheus --no-create-home --group --gecos 'Prometheus daemon' prometheus",
    "adduser --quiet --system --home /srv/sss --disabled-password --group --gecos 'SSSD system user' sssd",
    "adduser --system --disabled-password --disabled-login --home /run/lldpd --no-create-home --quiet --force-badname --group _lldpd",
    "useradd --system --gid nogroup --comment dnsmasq --home-dir /srv/misc --no-create-home --shell /usr/sbin/nologin dnsmasq",
    "adduser --system --home /srv/tftp --no-create-home --quiet --gecos 'tftp daemon' --group tftp",
    "addgroup --system --quiet rdma",
    "systemd-sysusers dbus.conf",
    "groupadd -g 42 shadow",
    "groupmod -n _ssl ssl-cert",
];

/// What shadow-utils does in its corners.
const SHADOW: &[&str] = &[
    "useradd plain",
    "useradd -r sysu",
    "groupadd g1",
    "groupadd -r g2",
    "groupadd -f g1",
    "groupadd g1",
    "groupadd -g 42 other",
    "groupadd -o -g 42 other",
    "groupadd -r -K SYS_GID_MIN=300 -K SYS_GID_MAX=310 g3",
    "groupadd a:b",
    "useradd -m -G g1,g2,audio -c 'A B' -e 2030-01-01 -f 5 second",
    "useradd -r -e 2030-01-01 rexp",
    "useradd -N -s /bin/sh -d /srv/n nogrp",
    "useradd -u 77 low",
    "useradd -u 77 again",
    "useradd -g nope again",
    "useradd g1",
    "useradd -U -r own",
    "useradd -g 29 -p pw audiouser",
    "useradd -M -b /srv based",
    "usermod -G audio,video plain",
    "usermod -a -G cdrom plain",
    "usermod -G users plain",
    "usermod -L plain",
    "usermod -L second",
    "usermod -U plain",
    "usermod -p xx plain",
    "usermod -L plain",
    "usermod -U plain",
    "usermod -c 'New comment' -s /bin/false -d /srv/x plain",
    "usermod -u 4242 second",
    "usermod -g g1 second",
    "usermod -d /srv/second -m second",
    "usermod -l third second",
    "usermod -e 2031-05-06 -f 3 third",
    "usermod -e '' third",
    "usermod nobody",
    "usermod -c x nosuch",
    "passwd -l plain",
    "passwd -l plain",
    "passwd -u plain",
    "passwd -u sysu",
    "passwd -d third",
    "passwd -n 1 -x 20 -w 3 -i 4 third",
    "passwd -e plain",
    "chage -M 5 -d 2020-01-01 plain",
    "chage -m 1 -W 2 -I 3 -E 2033-03-03 plain",
    "chage -M -1 -E -1 plain",
    "chsh -s /bin/sh sysu",
    "chfn -f Full -r 1 -w 2 -h 3 third",
    "chfn -o other third",
    "chfn -r 9 third",
    "gpasswd -a plain audio",
    "gpasswd -a plain audio",
    "gpasswd -d plain audio",
    "gpasswd -d plain audio",
    "gpasswd -M plain,third audio",
    "gpasswd -A plain audio",
    "gpasswd -r audio",
    "gpasswd -R audio",
    "groupmod -g 1777 g1",
    "groupmod -n g1x g1",
    "groupmod -g 29 g1x",
    "groupmod -n audio g1x",
    "groupdel g1x",
    "groupdel nosuch",
    "groupdel g2",
    "userdel plain",
    "userdel -r third",
    "userdel nosuch",
    "userdel audiouser",
    "pwck -q -r",
    "grpck -r",
];

/// What Debian's adduser and deluser do in theirs.
const ADDUSER: &[&str] = &[
    "adduser --disabled-password --gecos 'Jo Doe,1,2,3,4' jo",
    "adduser --disabled-password --gecos '' empty",
    "adduser --disabled-login --gecos Name --home /srv/deep/er/home nolog",
    "adduser --disabled-password --gecos x --ingroup audio --shell /bin/sh inaudio",
    "adduser --disabled-password --gecos x --gid 29 gid29",
    "adduser --disabled-password --gecos x --uid 3000 numbered",
    "adduser --disabled-password --gecos x --uid 3000 twice",
    "adduser --disabled-password --gecos x --firstuid 2000 --lastuid 2010 ranged",
    "adduser --disabled-password --gecos x --no-create-home homeless",
    "adduser --disabled-password --gecos x jo",
    "adduser --disabled-password --gecos x --add-extra-groups extra",
    "adduser jo audio",
    "adduser jo audio",
    "adduser jo nosuch",
    "adduser nosuch audio",
    "adduser --system jo",
    "adduser --system bare",
    "adduser --system bare",
    "adduser --system --group grouped",
    "adduser --system --group --home /srv/grouped2 grouped2",
    "addgroup --system taken",
    "adduser --system --group --home /srv/taken taken",
    "adduser --system --ingroup audio --home /srv/ingr ingr",
    "adduser --system --ingroup nosuch nope",
    "adduser --system --gid 29 --no-create-home --home /srv/no gid29s",
    "adduser --system --gid 31999 nope",
    "adduser --system --uid 150 uid150",
    "adduser --system --uid 150 uid150",
    "adduser --system --uid 151 uid150",
    "adduser --system --uid 150 other150",
    "adduser --system --group --uid 29 g29",
    "adduser --system --group --uid 160 g160",
    "adduser --system --group --ingroup audio nope",
    "adduser --system --home relative nope",
    "adduser --system --shell /bin/sh --comment 'With, comma' withcomma",
    "adduser --system --comment ',,,' commas",
    "adduser --system --comment 'a,,b' gap",
    "adduser --system Upper",
    "adduser --system _under",
    "adduser --system 1digit",
    "adduser --system --force-badname 1digit",
    "adduser --system --allow-bad-names Bad.Name",
    "adduser --system 123",
    "addgroup plaingroup",
    "addgroup plaingroup",
    "addgroup --gid 2222 numberedgroup",
    "addgroup --gid 2222 samenumber",
    "addgroup --system audio",
    "addgroup --system --gid 30 audio",
    "addgroup --system numberedgroup",
    "addgroup --system --gid 29 newname",
    "addgroup --firstgid 500 --lastgid 502 rangedgroup",
    "adduser --group bygroup",
    "adduser --system --group --firstuid 700 --lastuid 710 firstuid",
    "adduser one two three",
    "deluser jo audio",
    "deluser jo audio",
    "deluser jo nosuch",
    "deluser inaudio audio",
    "deluser --system jo",
    "deluser --system nosuch",
    "deluser nosuch",
    "deluser --remove-home jo",
    "deluser --quiet bare",
    "deluser root",
    "delgroup nosuch",
    "delgroup --system nosuch",
    "delgroup --system plaingroup",
    "delgroup --only-if-empty users",
    "delgroup audio",
    "delgroup plaingroup",
    "deluser --group numberedgroup",
];

/// sysusers.d(5), line by line and together.
const SYSUSERS: &[&str] = &[
    "printf 'u aa - \"A a\" /a\\nu bb -:audio\\ng cc\\nm aa cc\\nm dd ee\\nu ff 321:654\\nu gg /home\\ng hh 777\\n' >/etc/sysusers.d/a.conf",
    "printf 'u hh\\nu ii 777\\nu jj 300\\ng kk 300\\ng ll 300\\nu kk\\nm root audio\\nm aa audio\\nm root users\\n' >/etc/sysusers.d/b.conf",
    "chown 345:346 /srv",
    "printf 'u owner /srv\\ng ownergroup /srv\\nu s29 29\\nu strict -:29\\nu strict2 400:29\\n' >/etc/sysusers.d/c.conf",
    "printf 'u %%o-%%w - - - /bin/sh\\n' | sed s/-%w//g >/etc/sysusers.d/d.conf",
    "systemd-sysusers a.conf",
    "systemd-sysusers a.conf b.conf",
    "systemd-sysusers /etc/sysusers.d/c.conf",
    "systemd-sysusers d.conf",
    "systemd-sysusers nosuch.conf",
    "systemd-sysusers --inline 'u in1 - - /in1' 'g in2 -' 'm in1 in2'",
    "systemd-sysusers --inline 'u in3' '# comment'",
    "systemd-sysusers --inline 'r - 480-490' 'r - 500-505' 'u r1' 'u r2' 'g r3' 'u r4 - - -'",
    "systemd-sysusers --inline 'u bad:name'",
    "systemd-sysusers --inline 'x what'",
    "systemd-sysusers --inline 'u full - - / /bin/sh more'",
    "systemd-sysusers --inline 'u nogroup2 -:nosuchgroup' 'u after'",
    "systemd-sysusers --inline 'u same' 'u same 5 other'",
    "systemd-sysusers --inline 'u root 0 other /root /bin/sh' 'u sys 3'",
    "printf 'u fromfile\\nu both\\n' >/etc/sysusers.d/zz.conf",
    "systemd-sysusers --replace=/usr/lib/sysusers.d/zz.conf --inline 'u hidden'",
    "systemd-sysusers --replace=/etc/sysusers.d/zz.conf --inline 'u replacing' 'u both2'",
    "systemd-sysusers",
    "userdel both; systemd-sysusers --inline 'u both'",
    "sed -i /^both:/d /etc/passwd; systemd-sysusers --inline 'u both'",
];

/// Turning shadow passwords off and on.
const CONVERSION: &[&str] = &[
    "useradd -m one",
    "grpunconv",
    "pwunconv",
    "addgroup --system openly",
    "groupadd moreopenly",
    "useradd two",
    "useradd -r three",
    "usermod -L two",
    "usermod -a -G audio two",
    "passwd -d one",
    "adduser --system --group four",
    "pwconv",
    "grpconv",
    "sed -i 's/^two:x/two:secret/' /etc/passwd; sed -i /^daemon:/d /etc/shadow; sed -i /^openly:/d /etc/group",
    "pwconv",
    "grpconv",
    "chmod 640 /etc/shadow /etc/gshadow; chgrp shadow /etc/shadow /etc/gshadow",
    "rm -f /etc/subuid",
    "useradd five",
];

/// Commands by chance, with few names so that they meet; `seed` says which.
fn by_chance(mut seed: u64, newer: bool) -> Vec<String> {
    let mut next = |bound: usize| {
        // Knuth's linear congruential generator; its low bits are poor.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % bound
    };
    let names = ["aa", "bb", "cc", "dd", "audio", "games", "ee"];
    let templates = [
        "adduser --system NAME",
        "adduser --system --group NAME",
        "adduser --system --group --home /srv/NAME NAME",
        "adduser --system --ingroup OTHER --home /home/NAME NAME",
        "adduser --disabled-password --gecos OTHER NAME",
        "adduser NAME OTHER",
        "addgroup --system NAME",
        "addgroup NAME",
        "useradd NAME",
        "useradd -r NAME",
        "useradd -m -G OTHER NAME",
        "useradd -g OTHER NAME",
        "groupadd NAME",
        "groupadd -r NAME",
        "usermod -a -G OTHER NAME",
        "usermod -G OTHER NAME",
        "usermod -g OTHER NAME",
        "usermod -l OTHER NAME",
        "groupmod -n OTHER NAME",
        "usermod -L NAME",
        "usermod -c OTHER NAME",
        "gpasswd -a NAME OTHER",
        "gpasswd -d NAME OTHER",
        "deluser NAME",
        "deluser NAME OTHER",
        "delgroup NAME",
        "userdel NAME",
        "groupdel NAME",
        "systemd-sysusers --inline 'u NAME'",
        "systemd-sysusers --inline 'g NAME' 'u OTHER'",
        "systemd-sysusers --inline 'u NAME -:OTHER'",
        "systemd-sysusers --inline 'm NAME OTHER'",
        "systemd-sysusers --inline 'u! NAME 7UP' 'm OTHER NAME'",
    ];
    let mut lines = Vec::new();
    while lines.len() < 60 {
        let template = templates[next(templates.len())];
        let (name, other) = (names[next(names.len())], names[next(names.len())]);
        let line = template.replace("NAME", name).replace("OTHER", other).replace("UP", &next(99).to_string());
        if newer || !line.contains("u!") {
            lines.push(line);
        }
    }
    lines
}

/// A script that runs each line and notes its status.
fn script(lines: &[String]) -> String {
    let mut script = String::from("umask 022\nmkdir -p /etc/sysusers.d\n");
    for (index, line) in lines.iter().enumerate() {
        script.push_str(&format!("({line}) </dev/null >/dev/null 2>&1; echo {index} $? >>/etc/statuses\n"));
    }
    script
}

fn must(command: &mut Command) {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The real commands' result, read from the disk.
#[expect(clippy::disallowed_methods, reason = "the real tools are the oracle")]
fn theirs(root: &Path, lines: &[String]) -> Tree {
    let work = tempfile::tempdir().expect("a directory");
    let mut over = String::new();
    for name in CHANGED {
        must(Command::new("cp").arg("-a").arg(root.join(name)).arg(work.path().join(name)));
        let (from, to) = (work.path().join(name), root.join(name));
        over.push_str(&format!("mount --bind {} {}; ", from.display(), to.display()));
    }
    fs::write(work.path().join("etc/commands"), script(lines)).expect("written");
    let root = root.display();
    let run = format!("set -e; {over} mount -t proc proc {root}/proc; exec chroot {root} sh /etc/commands");
    let environment = [("PATH", PATH.to_owned()), ("SOURCE_DATE_EPOCH", EPOCH.to_string()), ("LC_ALL", "C".into())];
    must(Command::new("unshare").args(["--mount", "sh", "-c", &run]).env_clear().envs(environment));
    reference::read(work.path())
}

/// Ours, on the same files.
#[expect(clippy::disallowed_methods, reason = "the start is copied")]
fn ours(root: &Path, lines: &[String]) -> Tree {
    let work = tempfile::tempdir().expect("a directory");
    for name in CHANGED.into_iter().chain(READ) {
        let to = work.path().join(name);
        fs::create_dir_all(to.parent().expect("below the directory")).expect("made");
        if root.join(name).exists() {
            must(Command::new("cp").arg("-a").arg(root.join(name)).arg(to));
        }
    }
    let mut world = machine(reference::read(work.path()), "amd64", EPOCH);
    let mut shell = Shell::new(&mut world, "commands", &[("PATH", PATH), ("LC_ALL", "C")]);
    let outcome = shell.run_script(script(lines).as_bytes(), &[], &[]).expect("below the limits");
    assert_eq!(outcome.status, 0);
    assert_eq!(world.gaps, [], "nothing is missing");
    world.into_tree()
}

/// Path → what is compared of it. Copies of the last state and locks are in no image.
fn facts(tree: &Tree) -> BTreeMap<String, String> {
    let ignored = |path: &str| {
        let top = path.split('/').next().unwrap_or_default();
        !CHANGED.contains(&top)
            || (path.starts_with("etc/") && path.ends_with('-'))
            || ["etc/.pwd.lock", "etc/commands", "run/adduser"].contains(&path)
    };
    let paths = tree.iter().map(|(path, _, inode)| (path.to_string(), inode));
    let facts = paths.filter(|(path, _)| !ignored(path)).map(|(path, inode)| {
        let what = match &inode.kind {
            Kind::File(content) => content.sha256().to_string(),
            other => format!("{other:?}"),
        };
        (path, format!("{:o} {}:{} {what}", inode.stat.mode, inode.stat.uid, inode.stat.gid))
    });
    facts.collect()
}

/// The lines of a file that the other tree's does not have.
fn only(path: &str, tree: &Tree, other: &Tree) -> String {
    let text =
        |tree: &Tree| String::from_utf8_lossy(&tree.read(path).expect("readable").unwrap_or_default()).into_owned();
    let (text, other) = (text(tree), text(other));
    text.lines().filter(|line| !other.lines().any(|known| known == *line)).collect::<Vec<_>>().join("\n")
}

fn compare(suite: &str, name: &str, lines: &[String]) -> Vec<String> {
    let root = reference::root(suite);
    let (theirs, ours) = (theirs(&root, lines), ours(&root, lines));
    let (wanted, found) = (facts(&theirs), facts(&ours));
    let mut different = Vec::new();
    let paths: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    for path in paths {
        if wanted.get(path) != found.get(path) {
            different.push(format!(
                "{suite} {name} /{path}: {:?} is {:?}\n- {}\n+ {}",
                wanted.get(path),
                found.get(path),
                only(path, &theirs, &ours),
                only(path, &ours, &theirs),
            ));
        }
    }
    let status = |tree: &Tree| -> Vec<String> {
        let text = tree.read("etc/statuses").expect("readable").unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    };
    for ((line, wanted), found) in lines.iter().zip(status(&theirs)).zip(status(&ours)) {
        if wanted != found {
            different.push(format!("{suite} {name}: `{line}` ends with {wanted}, not {found}"));
        }
    }
    different
}

fn compare_suite(suite: &str) {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
    let mut different = Vec::new();
    let sets = [
        ("packages", PACKAGES),
        ("shadow", SHADOW),
        ("adduser", ADDUSER),
        ("sysusers", SYSUSERS),
        ("conversion", CONVERSION),
    ];
    for (name, lines) in sets {
        different.extend(compare(suite, name, &owned(lines)));
    }
    for seed in 0..8 {
        different.extend(compare(suite, &format!("chance {seed}"), &by_chance(seed, suite != "bookworm")));
    }
    assert!(different.is_empty(), "{} differences\n{}", different.len(), different.join("\n"));
}

#[test]
fn accounts_are_as_trixie_makes_them() {
    if switched_on("IMGBUILD_TEST_PEERS", "accounts_are_as_trixie_makes_them") {
        compare_suite("trixie");
    }
}

#[test]
fn accounts_are_as_bookworm_makes_them() {
    if switched_on("IMGBUILD_TEST_PEERS", "accounts_are_as_bookworm_makes_them") {
        compare_suite("bookworm");
    }
}

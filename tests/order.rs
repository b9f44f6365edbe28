//! dpkg's order, as far as it shows: what a preinst diverts counts for the files of its own package, and for those that
//! come after.

use imgbuild::testing::DebBuilder;
use imgbuild::tree::Inode;
use imgbuild::tree::Tree;

use crate::secrets::built;
use crate::secrets::refusal;
use crate::secrets::text;
use crate::secrets::world;

const TOOL: &str = "/usr/bin/tool";

fn tool(name: &str, content: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64").file(TOOL, 0o755, content)
}

fn diverting(preinst: &str) -> DebBuilder {
    tool("zz-own", "own\n").script("preinst", &format!("#!/bin/sh\nset -e\n{preinst}"))
}

const DIVERSION: &str = "dpkg-divert --package zz-own --add --rename --divert /usr/bin/tool.real /usr/bin/tool\n";

#[test]
fn a_preinst_diverts_before_its_files_come() {
    for (other, depends) in [("aa-other", "aa-other"), ("zzz-other", "")] {
        let mut own = diverting(DIVERSION);
        if !depends.is_empty() {
            own = own.field("Pre-Depends", depends);
        }
        let other = tool(other, "other\n");
        let other = if depends.is_empty() { other.field("Pre-Depends", "zz-own") } else { other };
        let tree = built(&world(&[own, other]));
        assert_eq!(text(&tree, TOOL).as_deref(), Some("own\n"), "{depends}");
        assert_eq!(text(&tree, "/usr/bin/tool.real").as_deref(), Some("other\n"), "{depends}");
        let noted = text(&tree, "/var/lib/dpkg/diversions");
        assert_eq!(noted.as_deref(), Some("/usr/bin/tool\n/usr/bin/tool.real\nzz-own\n"), "{depends}");
    }
}

/// What asks dpkg first sees the packages that are there by then, and no others.
#[test]
fn a_preinst_finds_the_packages_before_it() {
    let asking =
        format!("if dpkg-query -W aa-other >/dev/null && ! dpkg-query -W zzz >/dev/null 2>&1; then\n{DIVERSION}fi\n");
    let own = diverting(&asking).field("Pre-Depends", "aa-other");
    let last = DebBuilder::new("zzz", "1", "amd64").field("Pre-Depends", "zz-own");
    let tree = built(&world(&[own, tool("aa-other", "other\n"), last]));
    assert_eq!(text(&tree, TOOL).as_deref(), Some("own\n"));
}

/// What dpkg says of a package changes with what is done with it: a script that waits for another package to be configured
/// asks just that (dpkg(1), "Package states").
#[test]
fn scripts_learn_how_far_each_package_is() {
    let ask = "#!/bin/sh\nfor one in aa-first zz-last nowhere; do\n\
               dpkg-query -W -f \"$DPKG_MAINTSCRIPT_PACKAGE $DPKG_MAINTSCRIPT_NAME: \\${Package} \\${Status}\\n\" $one\n\
               done >> /var/said 2> /dev/null\ngrep -c '^Package: zz-last' /var/lib/dpkg/status >> /var/said\nexit 0\n";
    let package = |name: &str| {
        let package = DebBuilder::new(name, "1", "amd64").file(format!("/usr/share/{name}").as_str(), 0o644, "");
        package.script("preinst", ask).script("postinst", ask)
    };
    let first = package("aa-first").field("Suggests", "nowhere").directory("/var", 0o755);
    let tree = built(&world(&[package("zz-last").field("Depends", "aa-first"), first]));
    let said = text(&tree, "/var/said").expect("the first preinst makes it");
    let expected = "aa-first preinst: aa-first install reinstreq half-installed\n0\n\
                    zz-last preinst: aa-first install ok unpacked\n\
                    zz-last preinst: zz-last install reinstreq half-installed\n\
                    zz-last preinst: nowhere unknown ok not-installed\n0\n\
                    aa-first postinst: aa-first install ok half-configured\n\
                    aa-first postinst: zz-last install ok unpacked\n\
                    aa-first postinst: nowhere unknown ok not-installed\n1\n\
                    zz-last postinst: aa-first install ok installed\n\
                    zz-last postinst: zz-last install ok half-configured\n\
                    zz-last postinst: nowhere unknown ok not-installed\n1\n";
    assert_eq!(said, expected);
    let status = text(&tree, "/var/lib/dpkg/status").expect("the database");
    assert_eq!(status.matches("Status: install ok installed\n").count(), status.matches("Package: ").count());
}

#[test]
fn two_packages_with_one_file_clash_still() {
    let later = DIVERSION.replace("--package zz-own", "--package nobody");
    for preinst in ["true\n", "echo dpkg-divert\n", &later, &format!("unknown-command\n{DIVERSION}")] {
        let own = diverting(preinst).field("Pre-Depends", "aa-other");
        let said = refusal(&world(&[own, tool("aa-other", "other\n")]));
        assert!(said.contains("it is also in package `aa-other`"), "{preinst}: {said}");
    }
}

/// A package's preinst, and a path in it that says what its preinst saw.
fn early(preinst: &str) -> DebBuilder {
    DebBuilder::new("zz-own", "1", "amd64").script("preinst", &format!("#!/bin/sh\nset -e\n{preinst}"))
}

fn inode<'a>(tree: &'a Tree, path: &str) -> &'a Inode {
    tree.lookup(path).unwrap_or_else(|| panic!("{path} is there")).1
}

#[test]
fn a_preinst_runs_before_its_own_files_are_there() {
    let preinst = "test ! -e /usr/share/own/data\ntest ! -d /usr/share/own\ntest -e /usr/share/aa-other\n\
                   echo \"$(ls /etc/own.d 2>&1 | wc -l)\" > /etc/seen\nrm -f /usr/share/own/data /usr/share/own/second\n";
    let own = early(preinst)
        .file("/usr/share/own/data", 0o640, "data\n")
        .hard_link("/usr/share/own/second", "/usr/share/own/data")
        .file("/etc/own.d/one", 0o644, "")
        .file("/etc/own.d/two", 0o644, "");
    let other = DebBuilder::new("aa-other", "1", "amd64").file("/usr/share/aa-other", 0o644, "");
    let tree = built(&world(&[own, other]));
    assert_eq!(text(&tree, "/usr/share/own/data").as_deref(), Some("data\n"), "what is removed before comes after");
    assert_eq!(inode(&tree, "/usr/share/own/data").stat.mode, 0o640);
    let id = |path: &str| tree.id(&tree.resolve(path, true).expect("there"));
    assert_eq!(id("/usr/share/own/data"), id("/usr/share/own/second"), "and is one file still");
    assert_eq!(text(&tree, "/etc/seen").as_deref(), Some("1\n"), "one line says that there is no such directory");
}

/// dpkg's rules for what lies there already: configuration files and directories stay, a link to a directory is a
/// directory, all else is the package's.
#[test]
fn what_a_preinst_makes_meets_the_files_of_its_package() {
    let preinst = "mkdir -p -m 0711 /var/lib/own /srv/real\necho mine | tee /etc/own.conf > /var/lib/own.data\n\
                   ln -s /srv/real /var/lib/linked\nln -s nowhere /etc/own.link\n\
                   dpkg-statoverride --add games games 2755 /usr/games/own\n";
    let passwd = DebBuilder::new("aa-games", "1", "amd64")
        .file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\ngames:x:5:60::/:/bin/sh\n")
        .file("/etc/group", 0o644, "root:x:0:\ngames:x:60:\n");
    let own = early(preinst)
        .field("Pre-Depends", "aa-games")
        .file("/etc/own.conf", 0o644, "theirs\n")
        .file("/etc/own.link", 0o644, "theirs\n")
        .control_file("conffiles", 0o644, "/etc/own.conf\n/etc/own.link\n")
        .file("/var/lib/own.data", 0o644, "theirs\n")
        .directory("/var/lib/own", 0o755)
        .directory("/var/lib/linked", 0o755)
        .file("/var/lib/linked/file", 0o644, "behind\n")
        .file("/usr/games/own", 0o755, "");
    let tree = built(&world(&[own, passwd]));
    assert_eq!(text(&tree, "/etc/own.conf").as_deref(), Some("mine\n"), "a configuration file");
    assert!(tree.resolve("/etc/own.link", true).is_ok_and(|path| path.as_bytes() == b"etc/nowhere"), "or a link");
    assert_eq!(text(&tree, "/var/lib/own.data").as_deref(), Some("theirs\n"));
    assert_eq!(inode(&tree, "/var/lib/own").stat.mode, 0o711, "the directory's first mode");
    assert_eq!(text(&tree, "/srv/real/file").as_deref(), Some("behind\n"));
    let stat = &inode(&tree, "/usr/games/own").stat;
    assert_eq!((stat.mode, stat.uid, stat.gid), (0o2755, 5, 60));
}

#[test]
fn a_directory_in_the_place_of_a_file_is_named() {
    let own = early("mkdir -p /usr/share/own.data/x\n").file("/usr/share/own.data", 0o644, "");
    let said = refusal(&world(&[own]));
    assert!(said.contains("cannot unpack the files of package `zz-own` after its preinst"), "{said}");
    assert!(said.contains("usr/share/own.data") && said.contains("is a directory"), "{said}");
}

/// What Pre-Depends name is configured by then; what Depends name is not, and comes before the postinst.
#[test]
fn a_preinst_finds_its_pre_depends_configured() {
    let own = early("cat /etc/pre > /etc/seen\ntest ! -e /etc/dep\n")
        .script("postinst", "#!/bin/sh\nset -e\ncat /etc/pre /etc/dep > /etc/found\n")
        .field("Pre-Depends", "zzz-pre")
        .field("Depends", "aa-dep");
    let pre = DebBuilder::new("zzz-pre", "1", "amd64").script("postinst", "#!/bin/sh\necho pre > /etc/pre\n");
    let dep = DebBuilder::new("aa-dep", "1", "amd64").script("postinst", "#!/bin/sh\necho dep > /etc/dep\n");
    let tree = built(&world(&[own, pre, dep]));
    assert_eq!(text(&tree, "/etc/seen").as_deref(), Some("pre\n"));
    assert_eq!(text(&tree, "/etc/found").as_deref(), Some("pre\ndep\n"));
}

/// A directory that several bring is there for the first of them that has no preinst to wait for, and of the files of two
/// instances of a package none is lost.
#[test]
fn what_several_packages_bring_waits_for_none_of_them() {
    let waiting = |name: &str| {
        DebBuilder::new(name, "1", "amd64")
            .script("preinst", "#!/bin/sh\nset -e\nif test -d /usr/share/common; then\n    stat -c %a /usr/share/common >> /etc/seen\nelse\n    echo none >> /etc/seen\nfi\n")
            .directory("/usr/share/common", 0o700)
    };
    let both = [waiting("aa-one"), waiting("bb-two").field("Pre-Depends", "aa-one")];
    let tree = built(&world(&both));
    assert_eq!(text(&tree, "/etc/seen").as_deref(), Some("none\n700\n"));
    let third = DebBuilder::new("zz-three", "1", "amd64").directory("/usr/share/common", 0o755);
    let [one, two] = both;
    let tree = built(&world(&[one, two, third]));
    assert_eq!(text(&tree, "/etc/seen").as_deref(), Some("700\n700\n"), "the first to be unpacked gives the mode");
}

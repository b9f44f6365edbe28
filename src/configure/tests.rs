use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::deb::MultiArch;
use crate::digest::Sha256;
use crate::host;
use crate::host::Host;
use crate::tree::TreePath;
use crate::unpack::Root;
use crate::unpack::Withheld;

fn host() -> (tempfile::TempDir, Host) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = host::store::DirStore::open(directory.path().join("store")).expect("a store");
    let host = Host {
        transport: Arc::new(host::OfflineTransport),
        store: Arc::new(store),
        trust: Arc::new(host::openpgp::OpenPgp::default()),
        sandbox: Arc::new(host::NoSandbox),
        reporter: Arc::new(host::Silent),
        now: 0,
        jobs: 1,
        pauses: host::Pauses::default(),
        limits: crate::limits::Limits::default(),
    };
    (directory, host)
}

/// Packages by name, fields of their control file, and scripts; and what their database says after unpacking.
fn root(packages: &[(&str, &str, &[(&str, &str)])]) -> Root {
    let mut tree = Tree::new();
    tree.make_directories("var/lib/dpkg/info", 0o755).expect("new");
    tree.make_directories("etc", 0o755).expect("new");
    tree.make_directories("usr/lib/systemd", 0o755).expect("new");
    tree.write("usr/lib/systemd/systemd", 0o755, "").expect("new");
    tree.make_directories("usr/bin", 0o755).expect("new");
    tree.write("usr/bin/dpkg", 0o755, "").expect("new");
    let mut installed = Vec::new();
    let mut status = String::new();
    for (name, fields, scripts) in packages {
        let control =
            format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: N\nDescription: d\n{fields}");
        status.push_str(&control.replacen('\n', "\nStatus: install ok unpacked\n", 1));
        status.push('\n');
        let mut members = BTreeMap::new();
        for (script, text) in *scripts {
            tree.write(format!("var/lib/dpkg/info/{name}.{script}"), 0o755, *text).expect("new");
            members.insert((*script).to_owned(), (0o755, text.as_bytes().to_vec()));
        }
        installed.push(Installed {
            name: (*name).into(),
            version: "1".parse().expect("a version"),
            architecture: "all".into(),
            multi_arch: MultiArch::No,
            control,
            members,
            files: Vec::new(),
            conffiles: Vec::new(),
            sha256: Sha256::of(b""),
        });
    }
    tree.write("var/lib/dpkg/status", 0o644, status).expect("new");
    Root { tree, packages: installed, newest: 0 }
}

fn options() -> Options {
    Options { method: Method::Native, architecture: "amd64".into(), ..Options::default() }
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.read(path).expect("readable").unwrap_or_default()).expect("text")
}

#[test]
fn a_command_that_is_not_known_stops_the_build_however_it_is_hidden() {
    let (_directory, host) = host();
    let good = "#!/bin/sh\nset -e\necho one > /etc/one\n";
    let bad = "#!/bin/sh\nset -e\nfrobnicate --all >/dev/null 2>&1 || true\necho one > /etc/one\n";
    configure(&host, root(&[("good", "", &[("postinst", good)])]), &options()).expect("all is known");
    let error = configure(&host, root(&[("bad", "", &[("postinst", bad)])]), &options()).expect_err("a gap");
    assert!(error.to_string().contains("\nbad: postinst, line 3: `frobnicate`: unknown command"), "{error}");
    let report = survey(&host, root(&[("bad", "", &[("postinst", bad)])]), &options()).expect("a survey goes on");
    assert_eq!(report[0].outcome, Outcome::NotCovered);
    assert_eq!(report[0].notes, ["bad: postinst, line 3: `frobnicate`: unknown command"]);
}

#[test]
fn packages_come_after_what_they_depend_on() {
    let (_directory, host) = host();
    let say = |name: &str| format!("#!/bin/sh\necho {name} $1 >> /etc/order\n");
    let (app, lib) = (say("app"), say("lib"));
    let both: &[(&str, &str)] = &[("preinst", &app), ("postinst", &app)];
    let configured =
        configure(&host, root(&[("app", "Depends: lib\n", both), ("lib", "", &[("postinst", &lib)])]), &options());
    let configured = configured.expect("all is known");
    assert_eq!(text(&configured.tree, "etc/order"), "app install\nlib configure\napp configure\n");
    assert_eq!(text(&configured.tree, "var/lib/dpkg/status").matches("install ok installed").count(), 2);
}

#[test]
fn what_is_made_in_dev_is_in_no_image() {
    let (_directory, host) = host();
    let script = "#!/bin/sh\nset -e\nmkdir -p /dev/own/d\nln -s ttyS0 /dev/own/l\nls /dev/own > /etc/seen\n";
    let mut root = root(&[("own", "", &[("postinst", script)])]);
    root.tree.make_directories("dev/theirs", 0o755).expect("new");
    let tree = configure(&host, root, &options()).expect("all is known").tree;
    assert_eq!(text(&tree, "etc/seen"), "d\nl\n", "it is there while scripts run");
    let left: Vec<String> = tree.below(&TreePath::literal("dev")).map(|(path, _)| path.to_string()).collect();
    assert_eq!(left, ["/dev/theirs"]);
}

#[test]
fn what_is_left_to_the_first_boot_is_unpacked_until_then() {
    let (_directory, host) = host();
    let script = "#!/bin/sh\nmake-keys\n";
    let packages: &[(&str, &str, &[(&str, &str)])] =
        &[("later", "", &[("postinst", script)]), ("now", "", &[("postinst", "#!/bin/sh\n")])];
    let mut options = options();
    options.packages = BTreeMap::from([("later".to_owned(), Treatment::FirstBoot)]);
    let configured = configure(&host, root(packages), &options).expect("nothing of it is followed");
    let status = text(&configured.tree, "var/lib/dpkg/status");
    assert!(status.contains("Package: later\nStatus: install ok unpacked\n"), "{status}");
    assert!(status.contains("Package: now\nStatus: install ok installed\n"), "{status}");
    let unit = text(&configured.tree, "etc/systemd/system/imgbuild-first-boot.service");
    assert!(unit.contains("ExecStart=/usr/lib/imgbuild/first-boot later\n"), "{unit}");
    let link = "etc/systemd/system/multi-user.target.wants/imgbuild-first-boot.service";
    assert!(configured.tree.get(&TreePath::literal(link)).is_some());
    for (path, wanted) in [("usr/lib", "systemd"), ("usr/bin", "dpkg")] {
        let mut bare = root(packages);
        bare.tree.remove_all(&TreePath::literal(path));
        let error = configure(&host, bare, &options).expect_err("nobody would do it");
        assert!(
            matches!(error, Error::NoFirstBoot { ref packages, lacks } if packages == "later" && lacks == wanted),
            "{error}"
        );
    }
}

/// dpkg configures nothing before what it needs (Policy 7.2), so what needs a package that waits for the first boot waits too.
#[test]
fn what_needs_a_package_that_is_left_is_left_with_it() {
    let (_directory, host) = host();
    let fails = ("postinst", "#!/bin/sh\nmake-keys\n");
    let packages: &[(&str, &str, &[(&str, &str)])] = &[
        ("server", "", &[fails]),
        ("other", "Provides: mail\n", &[]),
        ("needs", "Depends: server\n", &[("postinst", "#!/bin/sh\nchown server /\n")]),
        ("further", "Depends: needs\n", &[]),
        ("either", "Depends: mail | server\n", &[]),
        ("or", "Depends: server | mail\n", &[]),
        ("base", "Essential: yes\nDepends: server\n", &[]),
    ];
    let by_name = Options { packages: [("server".to_owned(), Treatment::FirstBoot)].into(), ..options() };
    let by_rule = Options { otherwise: Otherwise::FirstBoot, ..options() };
    for options in [by_name, by_rule] {
        let configured = configure(&host, root(packages), &options).expect("nothing of it is followed");
        let status = text(&configured.tree, "var/lib/dpkg/status");
        let left = ["server", "needs", "further"].map(|name| (name, true));
        for (name, is_left) in left.into_iter().chain(["either", "or", "other", "base"].map(|name| (name, false))) {
            let word = if is_left { "unpacked" } else { "installed" };
            assert!(status.contains(&format!("Package: {name}\nStatus: install ok {word}\n")), "{name}: {status}");
        }
        let unit = text(&configured.tree, "etc/systemd/system/imgbuild-first-boot.service");
        assert!(unit.contains("ExecStart=/usr/lib/imgbuild/first-boot server needs further\n"), "{unit}");
        let needs = configured.report.iter().find(|report| report.package == "needs").expect("it is there");
        assert_eq!(needs.notes, ["it needs `server`, which is left to the first boot"]);
    }
}

#[test]
fn what_a_node_makes_itself_is_reported() {
    let (_directory, host) = host();
    let script = "#!/bin/sh\ndbus-uuidgen --ensure\n";
    let configured = configure(&host, root(&[("dbus", "", &[("postinst", script)])]), &options());
    let report = configured.expect("all is known").report;
    assert_eq!((report[0].outcome, report[0].notes.join(" ").as_str()), (Outcome::FirstBoot, "dbus-uuidgen"));
}

/// A preinst that is followed finds the variables that it finds in the sandbox, and the packages: the driver there is
/// followed, too.
#[test]
fn scripts_have_one_environment_both_ways() {
    let preinst = "#!/bin/sh\nenv | sort > /etc/found\ndpkg -l | grep '^i' >> /etc/found\ndpkg -s some >> /etc/found\n";
    let (_directory, host) = host();
    let packages: &[(&str, &str, &[(&str, &str)])] = &[("dpkg", "", &[]), ("some", "", &[("preinst", preinst)])];
    let options = Options { architecture: "amd64".into(), epoch: 7, ..Options::default() };
    let configured = configure(&host, root(packages), &options).expect("both are followed");
    let found =
        |tree: &Tree| String::from_utf8(tree.read("etc/found").expect("memory").expect("written")).expect("text");
    let native = found(&configured.tree);

    let Root { mut tree, packages, .. } = root(packages);
    let chosen: Vec<&Installed> = packages.iter().collect();
    tree.make_directories(sandbox::DRIVER, 0o755).expect("new");
    let sequence = sequence::in_sequence(&chosen).expect("well formed");
    let withheld = Withheld::take(&mut tree, &packages, &sequence.waiting(&chosen)).expect("well formed");
    let database = status::read(&tree).expect("well formed");
    let driver = sandbox::Driver {
        packages: &packages,
        chosen: &chosen,
        sequence: &sequence,
        withheld: &withheld,
        database: &database,
    };
    driver.put(&mut tree, true, &options).expect("placed");
    let driver = format!("/{}/run", sandbox::DRIVER);
    let text = tree.read(&driver).expect("memory").expect("placed");
    let mut system = machine(tree, "amd64", options.epoch);
    let environment = environment::of_scripts(options.epoch);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut shell = crate::shell::Shell::new(&mut system, "preinst", &environment);
    shell.state.name = driver.into_bytes().into();
    // Its last line calls the real dpkg, which is not there.
    drop(shell.run_script(&text, &[], &[]));
    assert_eq!(found(system.tree()), native);
    for line in ["DPKG_MAINTSCRIPT_PACKAGE=some", "DPKG_MAINTSCRIPT_NAME=preinst", "DPKG_RUNNING_VERSION=1"] {
        assert!(native.lines().any(|found| found == line), "{native}");
    }
}

//! postinsts in bash as vendors write them, each made for this test after what such a package has to do: what they
//! leave in the tree, that nothing of them is a gap, and that the real programs leave the same.

use imgbuild::configure::machine;
use imgbuild::shell::Dialect;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

fn tree() -> Tree {
    let mut tree = Tree::new();
    for directory in
        ["tmp", "var/lib", "var/log", "run", "usr/bin", "usr/sbin", "opt/vendor/bin", "etc/apt/trusted.gpg.d"]
    {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let bash = "Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\n";
    for (path, mode, text) in [
        ("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\n"),
        ("etc/group", 0o644, "root:x:0:\ndaemon:x:1:\n"),
        ("etc/shadow", 0o640, "root:*:1::::::\n"),
        ("etc/gshadow", 0o640, "root:*::\n"),
        ("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
        ("etc/agent/agent.conf.sample", 0o644, "[agent]\nhostname = \"\"\n"),
        ("opt/vendor/bin/tool", 0o755, "#!/bin/sh\n"),
        ("usr/share/vendor/keys.txt", 0o644, "one key\n# comment\ntwo key\n"),
        ("usr/lib/vendor/functions.sh", 0o644, "say() { echo \"${BASH_SOURCE[0]##*/}:${FUNCNAME[0]}: $*\"; }\n"),
        ("var/lib/dpkg/status", 0o644, bash),
    ] {
        tree.write(path, mode, text).expect("new");
    }
    tree
}

/// The postinsts, by what the package is.
const VENDORS: &[(&str, &str)] = &[
    ("agent", include_str!("vendors/agent.postinst")),
    ("dashboard", include_str!("vendors/dashboard.postinst")),
    ("editor", include_str!("vendors/editor.postinst")),
    ("runtime", include_str!("vendors/runtime.postinst")),
    ("batch", include_str!("vendors/batch.postinst")),
    ("driver", include_str!("vendors/driver.postinst")),
    ("broker", include_str!("vendors/broker.postinst")),
    ("server", include_str!("vendors/server.postinst")),
    ("dispatcher", include_str!("vendors/dispatcher.postinst")),
    ("client", include_str!("vendors/client.postinst")),
    ("toolkit", include_str!("vendors/toolkit.postinst")),
    ("repository", include_str!("vendors/repository.postinst")),
    ("mesh", include_str!("vendors/mesh.postinst")),
    ("node-agent", include_str!("vendors/node-agent.postinst")),
    ("database", include_str!("vendors/database.postinst")),
];

/// Follows a vendor's postinst that is configured for the first time; gives its output, and files with their text.
fn configure(vendor: &str, files: &[&str]) -> (String, Vec<String>) {
    let (_, script) = VENDORS.iter().find(|(name, _)| *name == vendor).expect("it is in the table");
    let mut world = machine(tree(), "amd64", 1000);
    let environment =
        [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8"), ("DPKG_MAINTSCRIPT_PACKAGE", "vendor")];
    let mut shell = Shell::new(&mut world, "postinst", &environment).speak(Dialect::Bash);
    let arguments = [b"configure".to_vec(), Vec::new()];
    let outcome = shell.run_script(script.as_bytes(), &[], &arguments).expect("within the limits");
    let output = String::from_utf8_lossy(&outcome.output).into_owned();
    assert_eq!(world.gaps, [], "{script}\n{output}");
    assert_eq!(outcome.status, 0, "{script}\n{output}");
    let describe = |path: &&str| match world.tree().lookup(path) {
        Some((_, inode)) if inode.is_directory() => {
            format!("{path} {:o} {}:{}", inode.stat.mode, inode.stat.uid, inode.stat.gid)
        }
        Some((_, inode)) => {
            let text = inode.content().map(|content| content.to_vec().expect("it is in memory"));
            format!("{path} {:o} {}", inode.stat.mode, String::from_utf8_lossy(&text.unwrap_or_default()).trim_end())
        }
        None => format!("{path} is missing"),
    };
    (output, files.iter().map(describe).collect())
}

/// A metrics agent: functions with locals, `[[ ]]`, an array of directories.
#[test]
fn an_agent_that_makes_its_directories() {
    let (output, files) = configure("agent", &["var/log/agent", "etc/agent/agent.d", "etc/agent/agent.conf"]);
    assert_eq!(output, "made 2\n");
    let wanted =
        ["var/log/agent 755 0:0", "etc/agent/agent.d 755 0:0", "etc/agent/agent.conf 644 [agent]\nhostname = \"\""];
    assert_eq!(files, wanted);
}

/// A dashboard: a sourced file of defaults, `getent`, a user of its own, `set -e` and a `case` that falls through.
#[test]
fn a_dashboard_with_a_user_of_its_own() {
    let (output, files) = configure("dashboard", &["var/lib/dash", "var/lib/dash/plugins", "etc/default/dash"]);
    assert_eq!(output, "Configure done\n");
    assert_eq!(files[0], "var/lib/dash 750 0:0");
    assert_eq!(files[1], "var/lib/dash/plugins 755 0:0");
    assert!(files[2].contains("DASH_USER=dash"));
}

/// An editor: a key and a source list written by here-documents, `apt-config` asked if it is there.
#[test]
fn an_editor_that_adds_its_archive() {
    let (output, files) = configure("editor", &["etc/apt/sources.list.d/vendor.list"]);
    assert_eq!(output, "/opt/vendor/bin/tool\n");
    let wanted = "etc/apt/sources.list.d/vendor.list 644 # made by the package\n\
                  deb [arch=amd64,arm64] https://packages.example.org/repos stable main";
    assert_eq!(files, [wanted]);
}

/// A container runtime: strict options, a trap for errors that is never needed, a version compared by a regular
/// expression.
#[test]
fn a_runtime_with_strict_options() {
    let (output, files) = configure("runtime", &["etc/runtime/daemon.json"]);
    assert_eq!(output, "1\ndebian 12.0\npipefail is fine\n");
    assert_eq!(files, ["etc/runtime/daemon.json 644 {\n  \"storage-driver\": \"overlay2\"\n}"]);
}

/// A batch system: a loop over numbers, padded names, permissions from an associative array.
#[test]
fn a_batch_system_with_spool_directories() {
    let (_, files) = configure("batch", &["var/lib/batch/state", "var/lib/batch/log", "etc/batch/batch.conf"]);
    assert_eq!(files[0], "var/lib/batch/state 700 0:0");
    assert_eq!(files[1], "var/lib/batch/log 750 0:0");
    let wanted = "etc/batch/batch.conf 644 NodeName=node000,node001,node002 State=IDLE\n\
                  PartitionName=all Nodes=node000..node002 Default=YES";
    assert_eq!(files[2], wanted);
}

/// A graphics driver: a module's options, alternatives by hand, `shopt -s nullglob`, text made by `${//}`.
#[test]
fn a_driver_that_writes_module_options() {
    let (output, files) = configure("driver", &["etc/modprobe.d/driver.conf", "usr/lib/driver-535/liba.so.535-104-05"]);
    assert_eq!(output, "/usr/lib/liba.so\n/usr/lib/libb.so\n");
    let wanted = "etc/modprobe.d/driver.conf 644 # made by postinst\n\
                  options driver NVreg_DeviceFileUID=0 NVreg_DeviceFileMode=0660\nblacklist\tother";
    assert_eq!(files, [wanted, "usr/lib/driver-535/liba.so.535-104-05 644 "]);
}

/// A message broker: a file read line by line, `read -a`, a counter, process substitution, a library that is sourced.
#[test]
fn a_broker_that_reads_its_keys() {
    let (output, files) = configure("broker", &["var/lib/broker/key.pem"]);
    assert_eq!(output, "functions.sh:say: one two 2\n3 comment\n");
    assert_eq!(files, ["var/lib/broker/key.pem 600 -----BEGIN-----\nAB\n-----END-----"]);
}

/// A licence server: `EUID`, `BASH_VERSION`, arguments shifted too far, output to both streams.
#[test]
fn a_server_that_checks_where_it_runs() {
    let (_, files) = configure("server", &["var/log/server-install.log"]);
    let wanted = "var/log/server-install.log 644 nothing to shift\naction CONFIGURE\n/opt/vendor/bin/tool\nback in /";
    assert_eq!(files, [wanted]);
}

/// A monitoring agent: options by a table of functions, `local -n` left out, `printf %q` left out, indirection.
#[test]
fn an_agent_that_dispatches() {
    let (output, _) = configure("dispatcher", &[]);
    assert_eq!(output, "c d e\na b\nsettings_plain\nsettings_tls\nnew: 1-10-2\n");
}

/// A backup client: `trap … EXIT` with a temporary directory, `select`ed defaults, `until`, `let`.
#[test]
fn a_client_that_cleans_up() {
    let (output, files) = configure("client", &["etc/systemd/system/backup.service", "tmp"]);
    assert_eq!(output, "after 3\ncleaned\n");
    assert_eq!(files[0], "etc/systemd/system/backup.service 644 [Unit]\nDescription=Backup $client");
}

/// A toolkit: nested functions, `case` on `[^…]`, string comparison, and letters beyond ASCII.
#[test]
fn a_toolkit_with_letters() {
    let (output, _) = configure("toolkit", &[]);
    assert_eq!(
        output,
        "5 öß Groeße\nother\nas text\nas number\n/usr/bin\n/opt/vendor/bin\n/usr/bin /opt/vendor/bin /sbin\n"
    );
}

/// A browser: braces in an array, a key, a file of defaults that is sourced and then changed.
#[test]
fn a_browser_that_keeps_its_archive() {
    let (output, files) = configure("repository", &["etc/default/browser", "etc/apt/sources.list.d/browser.list"]);
    assert_eq!(output, "+browser +browser-beta +browser-canary 3\n");
    let wanted = [
        "etc/default/browser 644 repo_add_once=\"false\"\nrepo_reenable_on_distupgrade=\"true\"",
        "etc/apt/sources.list.d/browser.list 644 deb [arch=amd64] https://packages.example.org/ stable main",
    ];
    assert_eq!(files, wanted);
}

/// A mesh VPN: `extglob`, a function that writes its standard input.
#[test]
fn a_mesh_with_a_port() {
    let (output, files) = configure("mesh", &["etc/default/mesh", "var/lib/mesh", "etc/sysctl.d/99-mesh.conf"]);
    assert_eq!(output, "port 41650 '/var/lib/mesh'\n");
    let wanted = [
        "etc/default/mesh 640 PORT=\"41641\"\nFLAGS=\"\"",
        "var/lib/mesh 700 0:0",
        "etc/sysctl.d/99-mesh.conf 644 net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1",
    ];
    assert_eq!(files, wanted);
}

/// A node agent: versions compared by fields, an associative array, a regular expression.
#[test]
fn a_node_agent_that_compares_versions() {
    let (output, files) = configure("node-agent", &["etc/sysctl.d/agent.conf", "var/lib/node-agent/pki"]);
    assert_eq!(output, "newer\nolder\nkey: one\ncomment:  comment\nkey: two\n");
    let wanted = [
        "etc/sysctl.d/agent.conf 644 net.bridge.bridge-nf-call-iptables = 1\nnet.ipv4.ip_forward = 1",
        "var/lib/node-agent/pki 700 0:0",
    ];
    assert_eq!(files, wanted);
}

/// A database server: an account of its own, a file changed in place, `>|`.
#[test]
fn a_database_with_limits() {
    let (output, files) = configure("database", &["etc/security/limits.d/vdb.conf"]);
    assert_eq!(output, "vdb:vdb 750 storage:\n  dbPath: /var/lib/vdb\n");
    assert_eq!(files, ["etc/security/limits.d/vdb.conf 644 vdb - nofile 64000\nvdb - nproc 32000"]);
}

/// A package for each vendor, and one with what they find, in `directory`; their names as a recipe has them. What a
/// postinst writes is kept in a file.
#[cfg(feature = "sandbox")]
pub(crate) fn packages(directory: &std::path::Path) -> Vec<String> {
    use imgbuild::testing::DebBuilder;
    let base = DebBuilder::new("vendor-base", "1", "all")
        .directory("/etc/apt/trusted.gpg.d", 0o755)
        .file("/etc/agent/agent.conf.sample", 0o644, "[agent]\nhostname = \"\"\n")
        .file("/opt/vendor/bin/tool", 0o755, "#!/bin/sh\n")
        .file("/usr/share/vendor/keys.txt", 0o644, "one key\n# comment\ntwo key\n")
        .file("/usr/lib/vendor/functions.sh", 0o644, "say() { echo \"${BASH_SOURCE[0]##*/}:${FUNCNAME[0]}: $*\"; }\n");
    let mut debs = vec![("vendor-base".to_owned(), base.build())];
    for (vendor, script) in VENDORS {
        let name = format!("vendor-{vendor}");
        let (first, rest) = script.split_once('\n').expect("it has lines");
        let script = format!("{first}\nmkdir -p /usr/lib/said; exec > /usr/lib/said/{vendor} 2>&1\n{rest}");
        let deb = DebBuilder::new(&name, "1", "all")
            .field("Depends", "vendor-base, passwd")
            .file(&format!("/usr/share/doc/{name}/README"), 0o644, "made for a test\n")
            .script("postinst", &script);
        debs.push((name, deb.build()));
    }
    let write = |(name, deb): (String, Vec<u8>)| {
        std::fs::write(directory.join(format!("{name}.deb")), deb).expect("written");
        format!("./{name}.deb")
    };
    debs.into_iter().map(write).collect()
}

//! The sandbox of namespaces: cases 72 to 74 of the list of hostile scripts, with busybox as the root's only
//! program. Needs root (or subordinate ids) and a static busybox, so it stands behind `IMGBUILD_TEST_ROOT`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use imgbuild::cancel;
use imgbuild::cancel::Cancel;
use imgbuild::configure::Method;
use imgbuild::host::Host;
use imgbuild::host::Sandbox;
use imgbuild::host::SandboxError;
use imgbuild::host::SandboxJob;
use imgbuild::host::sandbox::Namespaces;
use imgbuild::limits::Limits;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::tree::Content;
use imgbuild::tree::Inode;
use imgbuild::tree::Kind;
use imgbuild::tree::Stat;
use imgbuild::tree::Tree;
use imgbuild::tree::TreePath;
use imgbuild::tree::dump;
use imgbuild::tree::tar;

use crate::hostile::World;
use crate::hostile::hello;
use crate::switched_on;

/// A root with busybox as its shell and commands.
fn root() -> Tree {
    let mut tree = Tree::new();
    for name in ["dev", "proc", "sys", "run", "tmp", "var/tmp", "etc", "srv"] {
        tree.make_directories(name, 0o755).expect("new");
    }
    let busybox = std::fs::read("/bin/busybox").expect("the package busybox-static is installed");
    tree.write("bin/busybox", 0o755, busybox).expect("new");
    for applet in [
        "sh",
        "cat",
        "chown",
        "chmod",
        "chroot",
        "dd",
        "echo",
        "hostname",
        "id",
        "insmod",
        "kill",
        "ln",
        "ls",
        "mkdir",
        "mknod",
        "mount",
        "mv",
        "nc",
        "ping",
        "rm",
        "sleep",
        "stat",
        "su",
        "touch",
        "true",
        "umount",
        "unshare",
        "wc",
        "env",
        "pivot_root",
        "dmesg",
        "date",
        "rmdir",
        "readlink",
        "ip",
        "grep",
        "test",
        "mkfifo",
        "seq",
        "yes",
    ] {
        tree.symlink(format!("bin/{applet}"), "busybox").expect("new");
    }
    tree
}

struct Ran {
    result: Result<(), SandboxError>,
    tree: Option<Tree>,
    log: String,
}

fn run_in(tree: &Tree, script: &str, timeout: Duration) -> Ran {
    let sandbox = Namespaces::new(Path::new(env!("CARGO_BIN_EXE_imgbuild")).to_owned());
    run_with(&sandbox, tree, script, timeout)
}

fn run_with(sandbox: &Namespaces, tree: &Tree, script: &str, timeout: Duration) -> Ran {
    let job = SandboxJob {
        command: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        environment: vec![("PATH".into(), "/bin".into())],
        timeout,
    };
    let mut input = Vec::new();
    tar::write(tree, &mut input).expect("memory takes it");
    let (mut output, mut log) = (Vec::new(), Vec::new());
    let result = sandbox.run(&job, &mut input.as_slice(), &mut output, &mut log);
    let mut keep = |reader: &mut dyn io::Read, _| -> io::Result<Content> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Content::from_bytes(bytes))
    };
    let tree = result.is_ok().then(|| tar::read(output.as_slice(), &mut keep).expect("a tree comes back"));
    Ran { result, tree, log: String::from_utf8_lossy(&log).into_owned() }
}

/// What looks for an interface, as newaliases of bookworm's Postfix does, finds the one that every machine has.
#[test]
fn scripts_have_a_loopback_interface_and_no_other() {
    if !switched_on("IMGBUILD_TEST_ROOT", "scripts_have_a_loopback_interface_and_no_other") {
        return;
    }
    let script = "nc -w 5 127.0.0.1 9 < /dev/null; nc -w 5 192.0.2.1 9 < /dev/null; wc -l < /proc/net/dev >&2";
    let said = run_in(&root(), script, Duration::from_secs(60)).log;
    for words in ["Connection refused", "Network is unreachable", "\n3\n"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// What a script says within these limits, or why it was ended.
pub(crate) fn said_within(limits: &Limits, script: &str) -> Result<String, String> {
    let sandbox = Namespaces::new(Path::new(env!("CARGO_BIN_EXE_imgbuild")).to_owned()).within(limits);
    let timeout = imgbuild::limits::seconds(limits.scripts);
    let ran = run_with(&sandbox, &root(), script, timeout);
    ran.result.map(|()| ran.log).map_err(|error| crate::hostile::chain(&error))
}

/// What runs inside ends when somebody wants it to.
#[test]
fn what_runs_inside_is_cancelled() {
    if !switched_on("IMGBUILD_TEST_ROOT", "what_runs_inside_is_cancelled") {
        return;
    }
    let start = Instant::now();
    let cancel = Cancel::when(move || start.elapsed() > Duration::from_secs(1));
    let sandbox = Namespaces::new(Path::new(env!("CARGO_BIN_EXE_imgbuild")).to_owned()).cancelled_by(&cancel);
    for script in ["sleep 60", "while :; do :; done", "yes"] {
        let ran = run_with(&sandbox, &root(), script, Duration::from_secs(60));
        let error = ran.result.expect_err("it was to end");
        assert!(cancel::is_cancelled(&error), "{script}: {error:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

fn run(script: &str) -> Ran {
    run_in(&root(), script, Duration::from_secs(60))
}

/// The command is tried and must fail.
fn must_fail(command: &str) -> String {
    format!("if {command}; then echo \"ESCAPED: {}\"; fi\n", command.replace(['"', '$', '`'], "'"))
}

#[test]
fn a_root_goes_in_and_comes_back() {
    if !switched_on("IMGBUILD_TEST_ROOT", "a_root_goes_in_and_comes_back") {
        return;
    }
    let mut tree = root();
    let mut inode = Inode::file(0o4750, "x");
    inode.stat = Stat { mode: 0o4750, uid: 33, gid: 65534, mtime: 1_000_000, xattrs: Default::default() };
    // VFS_CAP_REVISION_2 with CAP_NET_RAW, as setcap(8) writes it.
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    inode.stat.xattrs.insert(b"security.capability".to_vec(), capability);
    tree.put("etc/odd \n name", inode).expect("new");
    tree.link(&TreePath::literal("etc/odd \n name"), TreePath::literal("var/link")).expect("new");
    let mut log = Inode::directory(0o2755);
    // user::rwx group::r-x group:4:r-x mask::r-x other::r-x
    let acl = [
        2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 5, 0, 255, 255, 255, 255, 8, 0, 5, 0, 4, 0, 0, 0, 16, 0, 5,
        0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
    ];
    log.stat.xattrs.insert(b"system.posix_acl_access".to_vec(), acl.to_vec());
    tree.put("var/log", log).expect("new");
    tree.put("etc/fifo", Inode { kind: Kind::Fifo, stat: Stat::new(0o600) }).expect("new");
    let ran = run_in(&tree, "true", Duration::from_secs(60));
    ran.result.expect("true succeeds");
    assert_eq!(dump(&ran.tree.expect("it is there")), dump(&tree));
}

#[test]
fn case_72_a_script_stays_inside() {
    if !switched_on("IMGBUILD_TEST_ROOT", "case_72_a_script_stays_inside") {
        return;
    }
    let probes = [
        "mount -t tmpfs none /etc",
        "mount --bind /proc /etc",
        "umount /proc",
        "pivot_root / /etc",
        "unshare -m true",
        "unshare -r true",
        "unshare -n true",
        "mknod /etc/disk b 8 0",
        "mknod /etc/null c 1 3",
        "hostname evil",
        "date -s 2001-01-01 && test $(date +%Y) = 2001",
        "dmesg",
        "insmod /bin/busybox",
        "echo 1 > /proc/sys/kernel/randomize_va_space",
        "echo /bin/sh > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "cat /proc/kcore > /dev/null && test -s /proc/kcore",
        "kill -9 1 && sleep 1 && test ! -d /proc/1",
        "ls -l /proc/1/root/",
        "cat /proc/1/environ",
        "ping -c 1 -W 1 192.0.2.1",
        "nc -w 1 192.0.2.1 80 < /dev/null",
        "ip link add dummy0 type dummy",
        "ls /sys/kernel",
        "cat < /dev/tty",
        "grep -v -e ' / / ' -e ' /dev' -e ' /proc' -e ' /sys ' -e ' /run ' -e ' /tmp ' -e ' /var/tmp ' /proc/self/mountinfo",
        "test -e /home",
        "test \"$(ls /proc/self/fd | wc -l)\" -gt 4",
        "grep -E 'CapBnd:.*[^0]{9}' /proc/self/status",
        "grep 'NoNewPrivs:.*0' /proc/self/status",
        "grep 'Seccomp:.*0' /proc/self/status",
    ];
    let mut script: String = probes.into_iter().map(must_fail).collect();
    // The classic way out of a chroot leads to the same root.
    script.push_str("mkdir /etc/a; chroot /etc/a /bin/sh 2>/dev/null; ls /../../../home && echo ESCAPED\n");
    script.push_str("id -u; test -c /dev/null && echo device; chown 65534:8 /etc && echo owner; echo done\n");
    let ran = run(&script);
    ran.result.expect("the script itself goes well");
    assert!(!ran.log.contains("ESCAPED"), "{}", ran.log);
    for wanted in ["\n0\n", "device", "owner", "done"] {
        assert!(ran.log.contains(wanted), "{wanted}: {}", ran.log);
    }
}

#[test]
fn case_72_no_environment_and_no_terminal_get_in() {
    if !switched_on("IMGBUILD_TEST_ROOT", "case_72_no_environment_and_no_terminal_get_in") {
        return;
    }
    let ran = run(
        "env | grep -v -e '^PATH=/bin$' -e '^PWD=/$' -e '^SHLVL=' -e '^_='; readlink /proc/self/fd/0; cat; id -g; hostname",
    );
    ran.result.expect("it ends: stdin is empty");
    assert_eq!(ran.log, "/dev/null\n0\nlocalhost\n");
}

/// The same, and more, as `imgbuild doctor` tries it with system calls.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the program is what is tested")]
fn case_72_the_doctor_finds_no_way_out() {
    if !switched_on("IMGBUILD_TEST_ROOT", "case_72_the_doctor_finds_no_way_out") {
        return;
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_imgbuild")).arg("doctor").env_clear().output();
    let output = output.expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let tried: Vec<&str> = text.lines().filter(|line| line[6..].starts_with("sandbox")).collect();
    assert!(tried.len() > 70 && tried.iter().all(|line| line.starts_with("held  ")), "{text}");
    eprintln!("{} ways out were tried", tried.len());
}

#[test]
fn case_73_what_does_not_end_is_ended() {
    if !switched_on("IMGBUILD_TEST_ROOT", "case_73_what_does_not_end_is_ended") {
        return;
    }
    let endless = run_in(&root(), "while :; do :; done", Duration::from_secs(2));
    assert!(matches!(endless.result, Err(SandboxError::Limit(_))), "{:?}", endless.result);
    let many = run("i=0; while [ $i -lt 3000 ]; do sleep 9 & i=$((i + 1)); done; echo all $i");
    assert!(!many.log.contains("all 3000"), "processes are counted: {}", many.log);
    let bomb = run_in(&root(), "bomb() { bomb | bomb & }; bomb; sleep 30", Duration::from_secs(5));
    assert!(matches!(bomb.result, Err(SandboxError::Limit(_))), "a fork bomb is stopped: {:?}", bomb.result);
    let daemon = run("(while :; do sleep 1; touch /etc/late; done) > /dev/null 2>&1 & echo started");
    daemon.result.expect("a daemon left behind is no error");
    assert!(daemon.tree.expect("it is there").get(&TreePath::literal("etc/late")).is_none());
    let noisy = run("yes | dd bs=1M count=64 iflag=fullblock 2>/dev/null");
    noisy.result.expect("noise is no error");
    assert!(noisy.log.len() <= (16 << 20) + (64 << 10), "{} bytes of log were kept", noisy.log.len());
    let huge = run("dd if=/dev/zero of=/etc/huge bs=1 count=1 seek=17179869185");
    assert!(matches!(huge.result, Err(SandboxError::Failed(_))), "{:?}", huge.result);
}

#[test]
fn case_74_links_that_a_script_leaves_are_not_followed() {
    if !switched_on("IMGBUILD_TEST_ROOT", "case_74_links_that_a_script_leaves_are_not_followed") {
        return;
    }
    let victim = tempfile::tempdir().expect("a directory");
    std::fs::write(victim.path().join("secret"), "secret").expect("written");
    let script = format!(
        "ln -s {} /etc/hosts; rm -rf /srv; ln -s / /srv; ln -s /proc/self/root /etc/self; mkfifo /etc/pipe; \
         ln -s /etc/loop /etc/loop",
        victim.path().display()
    );
    let ran = run(&script);
    ran.result.expect("it goes well");
    let tree = ran.tree.expect("it is there");
    let kind = |path: &str| tree.get(&TreePath::literal(path)).map(|inode| inode.kind.clone());
    assert_eq!(kind("srv"), Some(Kind::Symlink(b"/".to_vec())));
    assert_eq!(kind("etc/self"), Some(Kind::Symlink(b"/proc/self/root".to_vec())));
    assert!(!dump(&tree).contains("secret"));
    assert_eq!(std::fs::read(victim.path().join("secret")).expect("untouched"), b"secret");
}

/// An archive whose one package brings busybox as its shell, with a `dpkg` that runs its postinst (busybox's own dpkg
/// would be found before any in the PATH), and this postinst.
fn with_postinst(script: &str) -> World {
    let busybox = std::fs::read("/bin/busybox").expect("the package busybox-static is installed");
    let shell = "#!/usr/bin/busybox sh\ndpkg() { /var/lib/dpkg/info/hello.postinst configure; }\n. \"$1\"\n";
    let mut hello = hello().file("/usr/bin/busybox", 0o755, busybox).file("/usr/bin/sh", 0o755, shell);
    for applet in ["cat", "chmod", "dd", "ln", "mkdir", "mknod", "mount", "rm", "sleep", "touch", "cp"] {
        hello = hello.symlink(&format!("/usr/bin/{applet}"), "busybox");
    }
    for directory in ["/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp", "/etc"] {
        hello = hello.directory(directory, 0o755);
    }
    let hello = hello.control_file("postinst", 0o755, format!("#!/bin/sh\nset -e\n{script}\n"));
    let mut world = World::new(&ArchiveBuilder::new("test").package(&hello));
    world.method = Method::Sandbox;
    world
}

/// Cases 72 to 74 as whole builds: what a script is not let do ends the build, with nothing left of it.
#[test]
fn cases_72_to_74_a_build_whose_script_is_hostile() {
    if !switched_on("IMGBUILD_TEST_ROOT", "cases_72_to_74_a_build_whose_script_is_hostile") {
        return;
    }
    let host = |world: &World| {
        let sandbox = Namespaces::new(Path::new(env!("CARGO_BIN_EXE_imgbuild")).to_owned());
        Host { sandbox: Arc::new(sandbox), ..world.host().expect("a store") }
    };
    let good = with_postinst("touch /etc/configured");
    let built = good.build_on(&host(&good), "out");
    built.unwrap_or_else(|error| panic!("{}", crate::hostile::chain(&error)));
    let tree = std::fs::read_to_string(good.place.path().join("out/tree.txt")).expect("it is there");
    assert!(tree.contains("/etc/configured"), "the script did run: {tree}");
    for (name, script, wanted) in [
        ("72 a mount", "mount -t tmpfs none /etc", "configure Scripts"),
        ("72 a device", "mknod /etc/disk b 8 0", "configure Scripts"),
        ("72 the kernel's switches", "echo 1 > /proc/sys/kernel/sysrq", "configure Scripts"),
        ("73 no end", "while :; do :; done", "configure Limit"),
        ("73 a fork bomb", "bomb() { bomb | bomb & }; bomb; sleep 30", "configure Limit"),
        ("73 a huge file", "dd if=/dev/zero of=/etc/huge bs=1 count=1 seek=17179869185", "configure Scripts"),
        (
            "74 a program with its owner's power",
            "cp /usr/bin/busybox /etc/su; chmod 4755 /etc/su",
            "configure LeftBehind",
        ),
        ("74 another dpkg", "rm -rf /var/lib/dpkg /usr/bin/sh; ln -s / /var/lib/dpkg; exit 1", "configure Scripts"),
    ] {
        let mut world = with_postinst(script);
        if wanted == "configure Limit" {
            world.limits.scripts = 3;
        }
        world.refused_by(&host(&world), name, wanted, 1);
    }
    // Without namespaces nothing runs.
    with_postinst("true").refused("72 no sandbox", "configure Unavailable", 1);
}

#[test]
fn a_command_that_fails_says_how() {
    if !switched_on("IMGBUILD_TEST_ROOT", "a_command_that_fails_says_how") {
        return;
    }
    let failed = run("echo words >&2; exit 3");
    assert!(matches!(&failed.result, Err(SandboxError::Failed(how)) if how == "exit status 3"), "{:?}", failed.result);
    assert_eq!(failed.log, "words\n");
    let mut bare = root();
    bare.remove_all(&TreePath::literal("proc"));
    let failed = run_in(&bare, "true", Duration::from_secs(9));
    assert!(
        matches!(&failed.result, Err(SandboxError::Unavailable(why)) if why.contains("/proc")),
        "{:?}",
        failed.result
    );
}

//! Programs of several packages, as scripts call them.

use crate::configure::machine;
use crate::shell::Shell;
use crate::tree::Kind;
use crate::tree::Tree;

#[test]
fn no_machine_is_asked() {
    let mut tree = Tree::new();
    tree.write("etc/apt-cacher-ng/acng.conf", 0o644, "# CacheDir: /no\nCacheDir: /var/cache/x\n").expect("new");
    let mut system = machine(tree, "amd64", 0);
    let script = "/usr/lib/apt-cacher-ng/acngtool printvar CacheDir -c /etc/apt-cacher-ng; lpstat -r; \
                  mokutil --sb-state 2>&1; iptables -L 2>&1; echo $?; squid -k parse 2> /dev/null; echo $?; proftpd -t; paperconf";
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    let outcome = outcome.expect("no limit is met");
    let wanted = "/var/cache/x\nscheduler is not running\nEFI variables are not supported on this system\n\
                  iptables: can't initialize iptables table `filter'\n3\n127\na4\n";
    assert_eq!((String::from_utf8(outcome.output).expect("text").as_str(), outcome.status), (wanted, 0));
    assert_eq!(system.gaps, []);
}

#[test]
fn daemons_say_how_they_are_configured() {
    let mut tree = Tree::new();
    for directory in ["etc/chrony/conf.d", "etc/ssh"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    for (path, text) in [
        ("etc/chrony/chrony.conf", "! comment\nconfdir /etc/chrony/conf.d\nkeyfile  /etc/chrony/chrony.keys\n"),
        ("etc/chrony/conf.d/a.conf", "# comment\nuser _chrony\n"),
        ("etc/chrony/conf.d/b.off", "user nobody\n"),
        ("etc/ssh/sshd_config", "#Port 22\nUsePAM yes\nMatch User a\nHostKey /b\n"),
    ] {
        tree.write(path, 0o644, text).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let script = "chronyd -p; /usr/sbin/sshd -f /etc/ssh/sshd_config -G | sed -n 's/^HostKey //Ip'";
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    let output = String::from_utf8(outcome.expect("no limit is met").output).expect("text");
    assert!(system.gaps.is_empty(), "{:?}", system.gaps);
    let keys = "/etc/ssh/ssh_host_rsa_key\n/etc/ssh/ssh_host_ecdsa_key\n/etc/ssh/ssh_host_ed25519_key\n";
    assert_eq!(output, format!("user _chrony\nkeyfile /etc/chrony/chrony.keys\n{keys}"));
}

#[test]
fn what_is_available_is_linked() {
    let mut tree = Tree::new();
    for (path, text) in [
        ("etc/lighttpd/conf-available/10-a.conf", "# -*- depends: b -*-\n"),
        ("etc/lighttpd/conf-available/05-b.conf", ""),
        ("etc/lighttpd/conf-available/90-c.conf", "# -*- conflicts: a -*-\n"),
        ("etc/icinga2/features-available/checker.conf", ""),
        ("etc/passwd", "nagios:x:109:113::/:/bin/sh\n"),
        ("etc/group", "nagios:x:113:\n"),
    ] {
        tree.write(path, 0o644, text).expect("new");
    }
    for directory in ["etc/lighttpd/conf-enabled", "etc/icinga2/features-enabled"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let script = "lighty-enable-mod a; echo $?; lighty-enable-mod c > /dev/null; echo $?; lighty-enable-mod none; \
                  echo $?; icinga2 feature enable checker && ! icinga2 feature enable other 2> /dev/null";
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    let outcome = outcome.expect("no limit is met");
    let said = "Met dependency: b\nEnabling a: ok\nEnabling b: ok\n0\n1\nIgnoring unknown module: none\n2\n";
    assert_eq!((String::from_utf8(outcome.output).expect("text").as_str(), outcome.status), (said, 0));
    assert_eq!(system.gaps, []);
    for (link, target) in [
        ("/etc/lighttpd/conf-enabled/05-b.conf", "../conf-available/05-b.conf"),
        ("/etc/icinga2/features-enabled/checker.conf", "../features-available/checker.conf"),
    ] {
        let place = system.tree().resolve(link, false).expect("there");
        let inode = system.tree().get(&place).expect("there");
        assert_eq!(inode.kind, Kind::Symlink(target.into()), "{link}");
        assert_eq!((inode.stat.uid, inode.stat.gid), if link.contains("icinga2") { (109, 113) } else { (0, 0) });
    }
}

pub(super) fn after(files: &[(&str, &str)], script: &str, path: &str) -> String {
    let mut tree = Tree::new();
    tree.make_directories("tmp", 0o1777).expect("new");
    for (path, text) in files {
        tree.write(path, 0o644, *text).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    assert_eq!(outcome.expect("no limit is met").status, 0, "{script}");
    assert_eq!(system.gaps, [], "{script}");
    let bytes = system.tree().read(path).expect("memory").unwrap_or_default();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn formats_are_noted() {
    let python = "package python3.13\ninterpreter /usr/bin/python3.13\nmagic \\xf3\\x0d\\x0d\\x0a\n";
    let noted =
        after(&[("usr/share/binfmts/python3.13", python)], "update-binfmts --import", "var/lib/binfmts/python3.13");
    assert_eq!(noted, "python3.13\nmagic\n0\n\\xf3\\x0d\\x0d\\x0a\n\n/usr/bin/python3.13\n\n\n\n\n");
    // The file says whose it is; of two packages the first has the format.
    let jar = "package openjdk-21\ninterpreter /usr/bin/jexec\nmagic PK\\x03\\x04\n";
    let script = "update-binfmts --package openjdk-17 --import jar; sed -i s/21/25/ /usr/share/binfmts/jar; \
                  update-binfmts --import jar; ! update-binfmts --import other";
    let noted = after(&[("usr/share/binfmts/jar", jar)], script, "var/lib/binfmts/jar");
    assert_eq!(noted, "openjdk-21\nmagic\n0\nPK\\x03\\x04\n\n/usr/bin/jexec\n\n\n\n\n");
}

#[test]
fn parsers_are_noted() {
    let script = "update-perl-sax-parsers --add XML::SAX::PurePerl --priority 10";
    let noted = after(&[], script, "var/lib/libxml-sax-perl/ParserDetails.d/10-XML::SAX::PurePerl");
    assert_eq!(noted, "[XML::SAX::PurePerl]\nhttp://xml.org/sax/features/namespaces = 1\n\n\n");
}

#[test]
fn tags_are_found() {
    let files = [("d/a.txt", "*one* x *t/w*\n\t*three*x *a|b*\n"), ("d/b.dex", "*eins*"), ("d/c.md", "*no*")];
    assert_eq!(after(&files, "helpztags /d", "d/tags"), "one\ta.txt\t/*one*\nt/w\ta.txt\t/*t\\/w*\n");
    assert_eq!(after(&files, "helpztags /d", "d/tags-de"), "eins\tb.dex\t/*eins*\n");
}

#[test]
fn services_are_entered_and_switched() {
    let start =
        [("etc/inetd.conf", "#:BOOT: x\n#  y\n\n#:OTHER: z\n\n#<off># a\tstream tcp\n# b stream\nc stream tcp\n")];
    let script = "update-inetd --group boot --add 'tftp\\t\\tdgram udp'; update-inetd --add 'a stream tcp'; \
                  update-inetd --add 'b stream'; update-inetd --add 'c stream tcp'; update-inetd --disable c; \
                  update-inetd --add 'd stream'";
    let wanted = "#:BOOT: x\n#  y\ntftp\t\tdgram udp\n\n#:OTHER: z\nd stream\n\na\tstream tcp\n# b stream\n\
                  #<off># c stream tcp\n";
    assert_eq!(after(&start, script, "etc/inetd.conf"), wanted);
    // Entries that are off from the beginning, and one that is not there to be removed.
    let start = [("etc/inetd.conf", "#:STANDARD: s\n\n#:OTHER: z\nx stream tcp\n")];
    let script = "update-inetd --group STANDARD --add '#<off># ftp\tstream'; \
                  update-inetd --add --group Kerberos '#krb5_prop\\tstream'; update-inetd --remove '^csync2'; \
                  update-inetd --pattern popa3d --remove pop3; update-inetd --group OTHER --add 'csync2\\tstream'; update-inetd --add '#krb5_prop\\tstream'";
    let wanted = "#:STANDARD: s\n#<off># ftp\tstream\n\n#:OTHER: z\nx stream tcp\n#krb5_prop\tstream\ncsync2\tstream\n";
    assert_eq!(after(&start, script, "etc/inetd.conf"), wanted);
}

/// What poppassd, nullidentd and uucp call; update-inetd 4.53 has left the same.
#[test]
fn services_are_entered_as_their_packages_have_it() {
    let start = "#:MAIL: mail\n\n#:INFO: info\nauth\t\tstream\ttcp\tnowait\tnobody\t/a\ta\n\n#:OTHER:\n\
                 pop\tstream\ttcp\tnowait\troot\t/p\n";
    let script = "update-inetd --comment-chars '#disabled#' --disable pop; \
                  update-inetd --group MAIL --add 'poppassd\\tstream\\ttcp\\tnowait\\troot\\t/d\\t/e'; \
                  update-inetd --multi --disable auth; update-inetd --multi --remove '(#<off># |)ident\\t'; \
                  update-inetd --group INFO --add 'ident\\t\\tstream\\ttcp\\tnowait\\tnobody\\t/n\\tn'; \
                  update-inetd --group MAIL --add '#<off>#uucp\\t\\tstream\\ttcp\\tnowait\\troot\\t/d\\t/u'";
    let wanted = "#:MAIL: mail\npoppassd\tstream\ttcp\tnowait\troot\t/d\t/e\n\
                  #<off>#uucp\t\tstream\ttcp\tnowait\troot\t/d\t/u\n\n#:INFO: info\n\
                  #<off># auth\t\tstream\ttcp\tnowait\tnobody\t/a\ta\n\
                  ident\t\tstream\ttcp\tnowait\tnobody\t/n\tn\n\n#:OTHER:\n\
                  #disabled#pop\tstream\ttcp\tnowait\troot\t/p\n";
    assert_eq!(after(&[("etc/inetd.conf", start)], script, "etc/inetd.conf"), wanted);
}

/// What scripts ask that only looks, and calls that the real programs refuse.
#[test]
fn a_machine_without_a_network_says_so() {
    let files = [("etc/group", "root:x:0:\nvideo:x:44:a,b\n")];
    let script = "{ ip l; ip -o route show; ip -o link show; getent -s files group video; realpath -s /etc/./group /a/b; \
                  mkdir -f /x || echo $?; deb-systemd-helper start lxcfs.service && echo ok; locale width; \
                  LANG=C.UTF-8 locale height; } >/tmp/said";
    let script = format!("export DPKG_MAINTSCRIPT_PACKAGE=lxcfs\n{script}");
    let lo = "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000";
    let card = "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n";
    let wanted = format!("{lo}\n{card}{lo}\\{card}video:x:44:a,b\n/etc/group\n/a/b\n1\nok\n210\n297\n");
    assert_eq!(after(&files, &script, "tmp/said"), wanted);
}

/// Which Pythons there are, what gathers Twisted's plugins, menus that nobody has, and the device of no disk.
#[test]
fn small_programs_say_what_there_is() {
    let run = |method: &str, script: &str| {
        let mut tree = Tree::new();
        for (path, mode, text) in [
            (
                "usr/share/python3/debian_defaults",
                0o644,
                "[DEFAULT]\n# the default\ndefault-version = python3.13\nsupported-versions = python3.13, python3.14\n",
            ),
            ("usr/bin/python3.13", 0o755, ""),
            ("etc/menu-methods/menu.h", 0o644, ""),
            (method, 0o755, "#!/usr/bin/install-menu\n"),
        ] {
            tree.write(path, mode, text).expect("new");
        }
        tree.symlink("usr/bin/python3", "python3.13").expect("new");
        let mut system = machine(tree, "amd64", 0);
        let outcome =
            Shell::new(&mut system, "postinst", &[("PATH", "/usr/bin")]).run_script(script.as_bytes(), &[], &[]);
        let outcome = outcome.expect("no limit is met");
        (String::from_utf8(outcome.output).expect("text"), outcome.status, system.gaps.len())
    };
    let script = "py3versions -d; py3versions -vs; for p in $(py3versions --installed); do
        $p -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))' && echo $p; done
        update-menus && update-menus --trigger; grub-probe --target=device / 2>&1";
    let wanted = "python3.13\n3.14 3.13\npython3.13\n\
                  grub-probe: error: failed to get canonical path of `none'.\n";
    assert_eq!(run("usr/bin/other", script), (wanted.to_owned(), 1, 0));
    assert_eq!(
        run("etc/menu-methods/wm", "update-menus; grep -q cpu/cpuid /proc/devices || cat /proc/modules"),
        (String::new(), 0, 0)
    );
    assert_eq!(run("usr/bin/other", "python3 -c 'print(1)'; py3versions -r 3.13").2, 2);
}

/// Each of those that are left to the first boot is named once, and users are told of it.
#[test]
fn who_is_left_to_the_first_boot_is_said() {
    let told = include_str!("../../../doc/configure.md");
    let mut seen = std::collections::BTreeSet::new();
    for (why, packages) in super::left::LEFT {
        assert!(told.contains(&format!("| {why} | ")) && packages.is_sorted(), "{why}");
        for package in *packages {
            assert!(told.contains(&format!("`{package}`")) && seen.insert(package), "{package}");
            assert_eq!(super::first_boot(package), Some(*why));
        }
    }
}

/// As of linux-headers in bookworm: each kernel has another version in its script.
#[test]
fn scripts_of_kernels_are_known_whatever_their_version() {
    let script = |version: &str| format!("$|=1;\nmy $version  = \"{version}\";\nif (1) {{\n");
    let less = |version: &str| super::without_version(script(version).as_bytes());
    assert_eq!(less("6.1.0-57-amd64"), script("").as_bytes());
    assert_eq!(less("6.1.0-57-amd64"), less("6.1.0-13-arm64"));
    assert_ne!(less("6.1.0-57-amd64"), less("6\"; system \"x"));
    assert_eq!(super::without_version(b"#!/bin/sh\n"), b"#!/bin/sh\n");
}

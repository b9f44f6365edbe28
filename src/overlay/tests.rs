use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;
use crate::recipe;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::TreePath;

/// A recipe as the parser would give it, without packages.
fn recipe() -> Recipe {
    let node = |name: &str, last, services: &[&str]| recipe::Node {
        name: name.into(),
        aliases: Vec::new(),
        mac: [0, 0x21, 0x97, 0x7d, 0xad, last],
        further_macs: Vec::new(),
        client_id: None,
        tags: BTreeMap::new(),
        address: Ipv4Addr::new(192, 168, 1, last),
        services: services.iter().map(|&service| service.to_owned()).collect(),
        root: None,
        kernel_arguments: Vec::new(),
        image: None,
    };
    Recipe {
        site: Vec::new(),
        image: None,
        images: Vec::new(),
        name: "compute".into(),
        directory: "/nowhere".into(),
        digest: crate::digest::Sha256::of(b""),
        selection: crate::digest::Sha256::of(b""),
        packages: Vec::new(),
        debian: recipe::Debian {
            suite: "trixie".into(),
            architecture: "amd64".into(),
            components: vec!["main".into()],
            pockets: Vec::new(),
            mirror: None,
            snapshot: None,
            signed_by: None,
        },
        pins: Vec::new(),
        archives: Vec::new(),
        install: recipe::Install {
            base: recipe::Base::Required,
            recommends: false,
            exclude: Vec::new(),
            include: Vec::new(),
        },
        overlay: Vec::new(),
        kernel_modules: Vec::new(),
        module_signing: None,
        configure: recipe::Configure::default(),
        access: recipe::Access::default(),
        diskless: Some(Diskless {
            root: RootMode::Nfs,
            interface: "eth0".into(),
            bond: None,
            tmpfs: [("/tmp", "25%"), ("/var/log", "64M")].map(|(path, size)| (path.to_owned(), size.to_owned())).into(),
            sources: Vec::new(),
            syslog: None,
            nameservers: Vec::new(),
            domain: None,
            kernel_arguments: Vec::new(),
        }),
        head: Some(recipe::Head {
            name: "scoop".into(),
            aliases: vec!["head".into()],
            address: Ipv4Addr::new(192, 168, 1, 1),
            interface: "eth1".into(),
            network: (Ipv4Addr::new(192, 168, 1, 0), 24),
            dhcp: recipe::DhcpMode::Full,
            options: recipe::NetworkOptions::default(),
            networks: Vec::new(),
            site_ca: None,
            range: Some((Ipv4Addr::new(192, 168, 1, 50), Ipv4Addr::new(192, 168, 1, 150))),
            export: "/srv/imgbuild/compute".into(),
            tftp: "/srv/tftp".into(),
            lease: "12h".into(),
            standby: None,
            boot: recipe::BootMode::Pxe,
            tftp_server: recipe::TftpServer::Dnsmasq,
        }),
        nodes: vec![node("dizzy", 10, &["mysql"]), node("tumbler", 11, &[])],
        initramfs: recipe::Initramfs {
            modules: recipe::Modules::Netboot,
            compression: crate::format::compress::Compression::Zstd,
            skip_hooks: Vec::new(),
        },
        formats: vec![recipe::Format::Tar],
        lossy: Vec::new(),
        stick: false,
        supplier: None,
    }
}

/// The few files of a configured root that the overlay looks at.
fn root() -> Tree {
    let mut tree = Tree::new();
    for path in ["usr/bin", "usr/sbin", "usr/lib/systemd/system", "etc", "var/lib/dbus", "var/lib/mysql/mysql", "run"] {
        tree.make_directories(path, 0o755).expect("new");
    }
    tree.symlink("bin", "usr/bin").expect("new");
    tree.symlink("lib", "usr/lib").expect("new");
    tree.symlink("var/run", "/run").expect("new");
    tree.put("tmp", Inode::directory(0o1777)).expect("new");
    tree.put("var/log/mysql", Inode::directory(0o2750)).expect("new");
    tree.put("var/lib/syslog-ng", Inode::directory(0o755)).expect("new");
    let log = &mut tree.get_mut(&TreePath::literal("var/log/mysql")).expect("there").stat;
    (log.uid, log.gid) = (100, 4);
    for (path, text) in [
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nmysql:x:100:101::/nonexistent:/bin/false\n"),
        ("etc/group", "root:x:0:\nadm:x:4:\nmysql:x:101:\n"),
        ("etc/hostname", "builder\n"),
        ("usr/sbin/sshd", ""),
        ("usr/sbin/syslog-ng", ""),
        ("usr/sbin/chronyd", ""),
        ("etc/syslog-ng/syslog-ng.conf", "@version: 4.4\n"),
        ("etc/ssh/ssh_host_rsa_key", "secret"),
        ("lib/systemd/system/mariadb.service", "[Install]\nWantedBy=multi-user.target\n"),
        ("lib/systemd/system/mariadb.socket", ""),
        ("lib/systemd/system/syslog-ng.service", "[Install]\nWantedBy=multi-user.target\n"),
        ("lib/systemd/system/fstrim.timer", ""),
        ("lib/systemd/system/networking.service", ""),
        ("var/lib/mysql/ibdata1", "data"),
    ] {
        tree.write(path, 0o644, text).expect("new");
    }
    tree.symlink("usr/lib/systemd/system/mysql.service", "mariadb.service").expect("new");
    tree.get_mut(&TreePath::literal("usr/sbin/sshd")).expect("there").stat.mtime = 1_700_000_000;
    tree
}

fn applied() -> Tree {
    let mut tree = root();
    apply(&mut tree, &recipe()).expect("the recipe fits");
    tree
}

fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.read(path).expect("readable").unwrap_or_else(|| panic!("{path} is missing"));
    String::from_utf8(bytes).expect("text")
}

#[test]
fn c10_who_has_a_key_may_log_in() {
    let (mut tree, mut recipe) = (root(), recipe());
    recipe.access.ssh_keys = vec!["ssh-ed25519 AAAA me".into(), "ssh-rsa BBBB".into()];
    apply(&mut tree, &recipe).expect("there is an ssh server");
    let keys = text(&tree, "root/.ssh/authorized_keys");
    assert!(
        keys.starts_with("# Generated by imgbuild") && keys.ends_with("\nssh-ed25519 AAAA me\nssh-rsa BBBB\n"),
        "{keys}"
    );
    let mode = |path: &str| tree.lookup(path).map(|(_, inode)| (inode.stat.mode, inode.stat.uid));
    assert_eq!((mode("root/.ssh"), mode("root/.ssh/authorized_keys")), (Some((0o700, 0)), Some((0o600, 0))));
    let mut without = root();
    without.remove(&TreePath::literal("usr/sbin/sshd")).expect("it is there");
    let error = apply(&mut without, &recipe).expect_err("nothing lets them in").to_string();
    assert!(error.contains("add package `openssh-server`"), "{error}");
}

/// Who says nothing of logs has a node that keeps them in memory; who names a server wants them there.
#[test]
fn c9_logs_go_to_the_head_where_something_sends_them() {
    assert!(text(&applied(), "etc/syslog-ng/syslog-ng.conf").contains("192.168.1.1"));
    let (mut without, mut recipe) = (root(), recipe());
    for path in ["usr/sbin/syslog-ng", "usr/lib/systemd/system/syslog-ng.service", "etc/syslog-ng/syslog-ng.conf"] {
        without.remove(&TreePath::literal(path)).expect("it is there");
    }
    let mut tree = without.clone();
    apply(&mut tree, &recipe).expect("nobody has asked for it");
    assert!(tree.lookup("etc/syslog-ng/syslog-ng.conf").is_none());
    recipe.diskless.as_mut().expect("it is").syslog = Some("192.168.1.9".into());
    let error = apply(&mut without, &recipe).expect_err("nothing sends them").to_string();
    assert!(error.starts_with("cannot send logs to 192.168.1.9: ") && error.contains("`syslog-ng-core`"), "{error}");
}

fn own(path: &str, kind: recipe::OverlayKind) -> recipe::OverlayEntry {
    recipe::OverlayEntry { path: TreePath::literal(path), kind, mode: None, user: None, group: None }
}

fn with_own(entries: Vec<recipe::OverlayEntry>) -> Result<Tree, Error> {
    let mut tree = root();
    apply(&mut tree, &Recipe { overlay: entries, ..recipe() })?;
    Ok(tree)
}

#[test]
fn files_of_the_head_come_by_tls_where_something_fetches_them() {
    let mut recipe = recipe();
    let unit = |tree: &Tree| text(tree, "etc/systemd/system/imgbuild-site.service");
    let tree = applied();
    assert!(unit(&tree).contains("\nExecStart=/usr/lib/imgbuild/site 192.168.1.1 /srv/imgbuild/compute/site\n"));
    assert!(tree.lookup("usr/lib/imgbuild/site-ca.pem").is_none());
    if let Some(head) = &mut recipe.head {
        head.site_ca = Some("a certificate\n".to_owned());
    }
    assert!(matches!(apply(&mut root(), &recipe), Err(Error::NoCurl)));
    let mut tree = root();
    tree.write("usr/bin/curl", 0o755, "").expect("new");
    apply(&mut tree, &recipe).expect("the recipe fits");
    let start = "\nExecStart=/usr/lib/imgbuild/site https 192.168.1.1:8069 /usr/lib/imgbuild/site-ca.pem\n";
    assert!(unit(&tree).contains(start), "{}", unit(&tree));
    assert_eq!(text(&tree, "usr/lib/imgbuild/site-ca.pem"), "a certificate\n");
}

#[test]
fn fstab_has_sized_tmpfs_as_what_they_hide() {
    let tree = applied();
    let lines: Vec<String> =
        text(&tree, "etc/fstab").lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "tmpfs /tmp tmpfs mode=1777,nosuid,nodev,size=25% 0 0",
            "tmpfs /var/log tmpfs mode=0755,nosuid,nodev,noexec,size=64M 0 0",
            "tmpfs /var/lib/syslog-ng tmpfs mode=0755,nosuid,nodev,size=16M 0 0",
            "tmpfs /var/lib/systemd/linger tmpfs mode=0755,nosuid,nodev,size=16M 0 0",
            "tmpfs /var/lib/systemd/timers tmpfs mode=0755,nosuid,nodev,size=16M 0 0",
        ]
    );
    assert!(text(&tree, "etc/tmpfiles.d/imgbuild.conf").contains("\nd /var/log/mysql 2750 mysql adm -\n"));
}

#[test]
fn a_tmpfs_that_systemd_would_twist_is_refused() {
    for path in ["/var/run", "/", "/dev/shm"] {
        let mut recipe = recipe();
        let diskless = recipe.diskless.as_mut().expect("it is");
        diskless.tmpfs = BTreeMap::from([(path.to_owned(), "1M".to_owned())]);
        assert!(matches!(apply(&mut root(), &recipe), Err(Error::MountPoint { .. })), "{path}");
    }
}

#[test]
fn identity_is_the_nodes() {
    let tree = applied();
    assert!(tree.lookup("etc/hostname").is_none());
    assert_eq!(text(&tree, "etc/machine-id"), "");
    assert_eq!(tree.get(&TreePath::literal("etc/machine-id")).expect("there").stat.mode, 0o444);
    assert!(tree.lookup("etc/ssh/ssh_host_rsa_key").is_none());
    assert!(tree.lookup("var/lib/mysql/ibdata1").is_none() && tree.lookup("var/lib/mysql").is_some());
    assert!(text(&tree, "bin/whereami").starts_with("#!/bin/sh"));
    let hosts = text(&tree, "etc/hosts");
    assert!(hosts.ends_with("192.168.1.1\tscoop head\n"), "nodes follow from the head: {hosts}");
    assert!(!hosts.contains("127.0.1.1"));
    let target = |path| match &tree.get(&TreePath::literal(path)).expect(path).kind {
        Kind::Symlink(target) => String::from_utf8_lossy(target).into_owned(),
        _ => panic!("{path} is no link"),
    };
    assert_eq!(target("etc/systemd/system/fstrim.timer"), "/dev/null");
    assert!(tree.lookup("etc/systemd/system/man-db.timer").is_none(), "only what is there is masked");
    assert_eq!(
        target("etc/systemd/system/multi-user.target.wants/syslog-ng.service"),
        "/usr/lib/systemd/system/syslog-ng.service"
    );
    assert!(text(&tree, "etc/syslog-ng/syslog-ng.conf").starts_with("@version: 4.4\n"));
}

#[test]
fn a_service_runs_on_named_nodes_only() {
    let tree = applied();
    let wanted = "[Unit]\nConditionKernelCommandLine=|imgbuild.service=mysql\n";
    for unit in ["mariadb.service", "mariadb.socket", "imgbuild-mariadb-data.service"] {
        let text = text(&tree, &format!("etc/systemd/system/{unit}.d/50-imgbuild-host.conf"));
        assert!(text.ends_with(wanted), "{unit}: {text}");
    }
    let mut recipe = recipe();
    recipe.nodes[1].services = vec!["mariadbd".into()];
    let error = apply(&mut root(), &recipe).expect_err("no such unit").to_string();
    assert!(error.contains("mariadbd") && error.contains("tumbler") && error.contains("`mariadb.service`"), "{error}");
}

#[test]
fn nodes_keep_their_state_on_the_head() {
    const UNIT: &str = "etc/systemd/system/var-lib-imgbuild.mount";
    assert!(applied().lookup(UNIT).is_none(), "without mount.nfs4 there is no mount");
    let mut tree = root();
    tree.write("usr/sbin/mount.nfs4", 0o755, "").expect("new");
    apply(&mut tree, &recipe()).expect("it fits");
    let unit = text(&tree, UNIT);
    assert!(unit.contains("What=192.168.1.1:/srv/imgbuild/compute/state/%H\nWhere=/var/lib/imgbuild\n"), "{unit}");
    for condition in
        ["ConditionPathExists=!/run/initramfs/imgbuild/ram\n", "ConditionKernelCommandLine=imgbuild.node\n"]
    {
        assert!(unit.contains(condition), "{unit}");
    }
    let mut tree = root();
    tree.write("usr/sbin/mount.nfs4", 0o755, "").expect("new");
    let mut two = recipe();
    two.head.as_mut().expect("it has one").standby = Some(recipe::Standby {
        name: "spare".into(),
        aliases: Vec::new(),
        own_address: Ipv4Addr::new(192, 168, 1, 3),
        interface: "eth1".into(),
        head_own_address: Ipv4Addr::new(192, 168, 1, 2),
    });
    apply(&mut tree, &two).expect("it fits");
    assert!(tree.lookup(UNIT).is_none(), "it would be on one of two heads");
    assert!(tree.lookup("usr/lib/imgbuild/heads").is_none(), "without mount.nfs there are no copies");
    tree.write("usr/sbin/mount.nfs", 0o755, "").expect("new");
    apply(&mut tree, &two).expect("it fits");
    let heads = "192.168.1.2:/srv/imgbuild/compute/state\n192.168.1.3:/srv/imgbuild/compute/state\n";
    assert_eq!(text(&tree, "usr/lib/imgbuild/heads"), heads);
    assert!(text(&tree, "etc/hosts").contains("192.168.1.1\tscoop head\n192.168.1.3\tspare\n"));
}

/// Case 152: nothing of `[[site]]`, and no node, is in an image; what takes the files is always there.
#[test]
fn an_image_is_the_same_whoever_its_nodes_are() {
    let before = tree::dump(&applied());
    assert!(
        before.contains(" /usr/lib/imgbuild/site\n") && before.contains("sysinit.target.wants/imgbuild-site.service")
    );
    let mut other = recipe();
    let mut node = other.nodes[0].clone();
    (node.name, node.mac, node.address) = ("third".into(), [2, 0, 0, 0, 0, 3], Ipv4Addr::new(192, 168, 1, 12));
    other.nodes.push(node);
    other.site.push(recipe::SiteEntry {
        path: TreePath::literal("/etc/secret"),
        place: "r.toml:1:1".into(),
        files: vec![(TreePath::root(), Content::from_bytes(b"hunter2".to_vec()), false)],
        mode: Some(0o400),
        user: "mysql".into(),
        group: "root".into(),
        nodes: ["dizzy".to_owned()].into(),
        on_change: None,
        template: false,
    });
    let mut tree = root();
    apply(&mut tree, &other).expect("it fits");
    assert_eq!(tree::dump(&tree), before);
    other.site[0].user = "nobody-here".into();
    let error = apply(&mut root(), &other).expect_err("no such user").to_string();
    assert!(error.contains("`etc/secret`") || error.contains("`/etc/secret`"), "{error}");
    assert!(error.contains("nobody-here"), "{error}");
    // A table of one's own stays.
    assert!(text(&applied(), "etc/systemd/system/imgbuild-site.service").contains("/compute/site\n"));
    let tree = with_own(vec![own("etc/hosts", recipe::OverlayKind::Content(b"own".to_vec()))]).expect("it fits");
    assert!(text(&tree, "etc/systemd/system/imgbuild-site.service").contains("/compute/site /etc/hosts\n"));
}

#[test]
fn own_files_have_the_recipes_owner_and_go_through_links() {
    let mut entry = own("bin/tool", recipe::OverlayKind::Content(b"x".to_vec()));
    (entry.mode, entry.user, entry.group) = (Some(0o4750), Some("mysql".into()), Some("7".into()));
    let tree = with_own(vec![entry.clone()]).expect("it fits");
    let inode = tree.get(&TreePath::literal("usr/bin/tool")).expect("through the merged /usr");
    assert_eq!((inode.stat.mode, inode.stat.uid, inode.stat.gid), (0o4750, 100, 7));
    assert_eq!(inode.stat.mtime, 1_700_000_000);
    entry.user = Some("nobody-such".into());
    assert!(matches!(with_own(vec![entry]), Err(Error::Owner { .. })));
    assert!(matches!(with_own(vec![own("bin", recipe::OverlayKind::Directory)]), Err(Error::DirectoryOverLink { .. })));
    assert!(matches!(with_own(vec![own("no/such", recipe::OverlayKind::Remove)]), Err(Error::NothingToRemove(_))));
}

#[test]
fn own_files_win_over_generated_ones() {
    let entries = vec![
        own("etc/fstab", recipe::OverlayKind::Content(b"mine\n".to_vec())),
        own("etc/ssh", recipe::OverlayKind::Remove),
        own("etc/hostname", recipe::OverlayKind::Content(b"one\n".to_vec())),
    ];
    let tree = with_own(entries).expect("it fits");
    assert_eq!(text(&tree, "etc/fstab"), "mine\n");
    assert_eq!(text(&tree, "etc/hostname"), "one\n");
    assert!(tree.lookup("etc/ssh").is_none());
}

#[test]
fn a_source_keeps_directories_that_are_there() {
    let files = vec![
        (TreePath::root(), Inode::directory(0o755)),
        (TreePath::literal("bin"), Inode::directory(0o755)),
        (TreePath::literal("bin/tool"), Inode::file(0o755, "x")),
        (TreePath::literal("opt"), Inode::directory(0o755)),
    ];
    let mut entry = own("/", recipe::OverlayKind::Source(files));
    entry.mode = Some(0o640);
    let tree = with_own(vec![entry]).expect("it fits");
    assert!(matches!(tree.get(&TreePath::literal("bin")).expect("there").kind, Kind::Symlink(_)));
    assert_eq!(tree.get(&TreePath::literal("usr/bin/tool")).expect("there").stat.mode, 0o640);
    assert_eq!(tree.get(&TreePath::literal("opt")).expect("there").stat.mode, 0o750);
}

#[test]
fn lists_that_a_boot_sets_again_are_left_to_it() {
    let mut tree = root();
    tree.write("usr/lib/tmpfiles.d/systemd.conf", 0o644, "a+ /var/log/journal - - - - group:adm:r-x\n").expect("new");
    tree.put("var/log/journal", Inode::directory(0o2755)).expect("new");
    tree.put("srv/journal", Inode::directory(0o2755)).expect("new");
    let paths = ["var/log/journal", "var/log/mysql", "srv/journal"].map(TreePath::literal);
    for path in &paths {
        let xattrs = &mut tree.get_mut(path).expect("there").stat.xattrs;
        xattrs.insert(b"system.posix_acl_access".to_vec(), vec![2, 0, 0, 0]);
        xattrs.insert(b"user.own".to_vec(), vec![1]);
    }
    apply(&mut tree, &recipe()).expect("the recipe fits");
    let names = |path: &TreePath| tree.get(path).expect("there").stat.xattrs.len();
    assert_eq!(paths.each_ref().map(names), [1, 2, 2], "only what is hidden and has a line");
    assert!(text(&tree, "etc/tmpfiles.d/imgbuild.conf").contains("\nd /var/log/journal 2755 root root -\n"));
}

#[test]
fn what_pockets_are_called() {
    for (name, pocket, wanted) in [
        ("trixie", None, "trixie"),
        ("trixie", Some("security"), "trixie-security"),
        ("bullseye", Some("security"), "bullseye-security"),
        ("buster", Some("security"), "buster/updates"),
        ("etch", Some("security"), "etch/updates"),
        ("buster", Some("updates"), "buster-updates"),
        ("buster", Some("backports"), "buster-backports"),
    ] {
        let debian = recipe::Debian { suite: name.into(), ..recipe().debian };
        assert_eq!(debian.suite_of(pocket), wanted);
    }
}

#[test]
fn apt_has_sources_that_are_the_recipes_or_debians() {
    const SOURCES: &str = "etc/apt/sources.list.d/debian.sources";
    let with_apt = || {
        let mut tree = root();
        tree.make_directories("etc/apt/sources.list.d", 0o755).expect("new");
        tree.make_directories("usr/share/keyrings", 0o755).expect("new");
        tree.write("usr/bin/apt-get", 0o755, "").expect("new");
        tree.write("usr/share/keyrings/debian-archive-keyring.gpg", 0o644, "").expect("new");
        tree
    };
    let mut wished = recipe();
    wished.debian.pockets = ["backports", "security", "updates"].map(str::to_owned).into();
    wished.debian.components = vec!["main".into(), "non-free-firmware".into()];
    wished.debian.mirror = Some("http://mirror.example.org/debian".into());
    let mut tree = with_apt();
    apply(&mut tree, &wished).expect("it fits");
    let wanted = "Types: deb\nURIs: http://ftp.debian.org/debian\nSuites: trixie trixie-backports trixie-updates\n\
                  Components: main non-free-firmware\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\
                  Types: deb\nURIs: http://security.debian.org/debian-security\nSuites: trixie-security\n\
                  Components: main non-free-firmware\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
    let found = text(&tree, SOURCES);
    assert!(found.starts_with("# ") && found.ends_with(&format!("\n{wanted}")), "{found}");

    let mut old = recipe();
    old.debian.suite = "buster".into();
    old.debian.pockets = vec!["security".into()];
    let mut tree = with_apt();
    apply(&mut tree, &old).expect("it fits");
    let found = text(&tree, SOURCES);
    assert!(found.contains("URIs: http://archive.debian.org/debian-security\nSuites: buster/updates\n"), "{found}");

    // Without an apt, with an archive of one's own, or where somebody has said it already, there is nothing to say.
    let none = |mut tree: Tree, recipe: &Recipe| {
        apply(&mut tree, recipe).expect("it fits");
        assert!(tree.lookup(SOURCES).is_none());
    };
    none(root(), &wished);
    let mut own = wished.clone();
    own.debian.signed_by = Some(recipe::LocalFile { path: "key".into(), content: Content::from_bytes(vec![]) });
    none(with_apt(), &own);
    for path in ["etc/apt/sources.list", "etc/apt/sources.list.d/site.list", "etc/apt/sources.list.d/site.sources"] {
        let mut tree = with_apt();
        tree.write(path, 0o644, "").expect("new");
        none(tree, &wished);
    }
}

#[test]
fn who_shares_a_root() {
    let mut recipe = recipe();
    assert!(recipe.nodes.len() > 1 && recipe.shares_a_root());
    recipe.nodes.iter_mut().skip(1).for_each(|node| node.root = Some(RootMode::Ram));
    assert!(!recipe.shares_a_root(), "one alone");
    recipe.nodes.iter_mut().for_each(|node| node.root = Some(RootMode::Nfs));
    recipe.image = Some("login".into());
    recipe.nodes[0].image = Some("login".into());
    assert!(!recipe.shares_a_root(), "the others boot another image");
    recipe.image = None;
    recipe.nodes.clear();
    assert!(recipe.shares_a_root(), "whoever boots it");
    recipe.diskless.as_mut().expect("it is").root = RootMode::Overlay;
    assert!(!recipe.shares_a_root());
    recipe.diskless = None;
    assert!(!recipe.shares_a_root());
}

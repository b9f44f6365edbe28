//! What `init` writes is a recipe, whatever head it is from.

use super::*;
use crate::testing::HOWTO;

#[test]
fn a_head_set_up_by_hand_becomes_a_recipe() {
    let directory = tempfile::tempdir().expect("the tests can write");
    let put = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
    };
    put(
        "etc/dnsmasq.conf",
        "interface=eth1\ndhcp-range=10.1.0.50,10.1.0.99,255.255.255.0,12h\ndhcp-boot=pxelinux.0,hn,10.1.0.1\n\
         dhcp-host=00:21:97:7d:ad:bf,10.1.0.10,dizzy\ndhcp-host=00:21:97:7a:24:0f,10.1.0.11,tumbler\nlog-queries\n",
    );
    put("etc/hosts", "10.1.0.1 hn head\n10.1.0.10 dizzy db\n10.1.0.11 tumbler\n");
    put("etc/exports", "/srv/nfsroot 10.1.0.0/24(rw)\n");
    put(
        "srv/tftp/pxelinux.cfg/default",
        "LABEL l\nAPPEND initrd=i root=/dev/nfs nfsroot=10.1.0.1:/srv/nfsroot ip=dhcp rw quiet\n",
    );
    put(
        "srv/tftp/pxelinux.cfg/01-00-21-97-7a-24-0f",
        "LABEL l\nAPPEND root=/dev/nfs ip=dhcp rw quiet console=ttyS0 imgbuild.node=tumbler imgbuild.vlan=5\n",
    );
    let recipe = directory.path().join("recipe.toml");
    fs::write(&recipe, import(directory.path()).unwrap_or_else(|failure| panic!("{failure:?}"))).expect("written");
    let text = fs::read_to_string(&recipe).expect("just written");
    let recipe = recipe::load(&recipe).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let head = recipe.head.as_ref().expect("it has one");
    assert_eq!((head.name.as_str(), head.aliases.as_slice(), head.network.1), ("hn", &["head".to_owned()][..], 24));
    assert_eq!(recipe.nodes[0].aliases, ["db"]);
    assert_eq!(recipe.nodes[1].kernel_arguments, ["console=ttyS0"]);
    assert_eq!(recipe.diskless.as_ref().expect("it is").kernel_arguments, ["quiet"]);
    assert!(
        text.contains("# Not taken over from etc/dnsmasq.conf:6: log-queries")
            && text.contains("/srv/nfsroot read-write")
            && text.contains("kernel argument imgbuild.vlan=5: it is imgbuild's own")
            && !text.contains("imgbuild.node")
    );
    assert!(matches!(import(&directory.path().join("srv")), Err(Failure::Usage(_))));
}

#[test]
fn the_starter_is_a_recipe() {
    let directory = tempfile::tempdir().expect("the tests can write");
    let path = directory.path().join("recipe.toml");
    fs::write(&path, STARTER).expect("written");
    let recipe = recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(recipe.nodes.len(), 2);
    // What is commented out is right too.
    let all: String = STARTER.lines().map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line))).collect();
    fs::write(&path, all).expect("written");
    recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
}

/// A head's disk.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(files: &[(&str, &str)]) -> Self {
        let disk = Self(tempfile::tempdir().expect("the tests can write"));
        for (name, text) in files {
            let path = disk.0.path().join(name);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, text).expect("written");
        }
        disk
    }

    /// What is written of it, and the recipe that this is.
    #[track_caller]
    fn taken(&self) -> (String, recipe::Recipe) {
        let text = import(self.0.path()).unwrap_or_else(|failure| panic!("{failure:?}"));
        let path = self.0.path().join("taken.toml");
        fs::write(&path, &text).expect("written");
        let recipe = recipe::load(&path).unwrap_or_else(|error| panic!("{error}\n{text}"));
        (text, recipe)
    }
}

#[test]
fn c1_the_howtos_head_is_taken_over_as_it_stands() {
    let disk = Disk::new(&HOWTO);
    let link = disk.0.path().join("var/lib/tftpboot/pxelinux.cfg/two");
    std::os::unix::fs::symlink("01-00-21-97-7a-24-0f", link).expect("made");
    let (text, recipe) = disk.taken();
    let head = recipe.head.as_ref().expect("it has one");
    assert_eq!((head.name.as_str(), head.address.to_string().as_str()), ("headnode", "192.168.1.1"));
    assert_eq!((head.tftp.as_str(), head.tftp_server), ("/var/lib/tftpboot", recipe::TftpServer::TftpdHpa));
    let line = |node: &recipe::Node| format!("{} {:?} {}", node.name, node.aliases, node.address);
    let nodes: Vec<String> = recipe.nodes.iter().map(line).collect();
    assert_eq!(nodes, ["dizzy [\"db\"] 192.168.1.10", "two [\"tumbler\"] 192.168.1.11", "scrambler [] 192.168.1.12"]);
    assert_eq!(recipe.nodes[0].mac, [0, 0x21, 0x97, 0x7d, 0xad, 0xbf]);
    assert_eq!(recipe.nodes[0].services, ["mariadb"]);
    assert_eq!(recipe.nodes[1].kernel_arguments, ["mem=2G"]);
    assert!(recipe.packages.iter().any(|package| package.name() == Some("mariadb-server")), "{text}");
    let diskless = recipe.diskless.as_ref().expect("it is");
    assert_eq!((diskless.interface.as_str(), diskless.tmpfs.len()), ("eth0", 4));
    for said in [
        "interface = \"eth1\"    # no file says which",
        "# etc/dnsmasq.conf:3: dhcp-host=id:00:21:97:7d:ad:bf,192.168.1.10: read as a hardware address",
        "# Not taken over from etc/hosts:2: 10.13.99.1 scoop head",
        "# home/nfsroot/etc/fstab:4: none /var/run tmpfs defaults 0 0: systemd has it in memory by itself",
        "# home/nfsroot/etc/fstab:2: /dev/nfs / nfs defaults 0 0: the root is mounted before fstab is read",
        "# home/nfsroot/bin/whereami: nodes have their names from DHCP",
        "# home/nfsroot/etc/init.d/mysql: runs on dizzy alone",
        "# etc/syslog-ng/syslog-ng.conf: its source of the nodes' logs",
        "# The head exports /home/nfsroot read-write",
    ] {
        assert!(text.contains(said), "{said}\n--\n{text}");
    }
}

#[test]
fn heads_of_other_servers_are_taken_over() {
    let dhcpd = "# site\nauthoritative;\noption domain-name \"cluster.example.org\";\ndefault-lease-time 600;\n\
                 subnet 10.5.0.0 netmask 255.255.0.0 {\n  range 10.5.9.1 10.5.9.99;\n  option routers 10.5.0.254;\n\
                 option domain-name-servers 10.5.0.1, 10.5.0.2;\n  next-server 10.5.0.1; filename \"pxelinux.0\";\n\
                 class \"x\" { match if substring (option vendor-class-identifier, 0, 9) = \"PXEClient\"; }\n}\n\
                 group {\n host N1 { hardware ethernet 02:00:00:00:00:01; fixed-address 10.5.0.11; }\n\
                 host n2 { hardware ethernet 02:00:00:00:00:02; fixed-address n2.cluster.example.org; }\n\
                 host n3 { fixed-address 10.5.0.13; }\n}\n";
    let disk = Disk::new(&[
        ("etc/dhcp/dhcpd.conf", dhcpd),
        ("etc/hosts", "10.5.0.1 hn\n10.5.0.12 n2.cluster.example.org n2\n"),
        ("etc/network/interfaces", "iface ens3 inet static\n  address 10.5.0.1/16\n"),
    ]);
    let (text, recipe) = disk.taken();
    let head = recipe.head.as_ref().expect("it has one");
    assert_eq!((head.interface.as_str(), head.network.1, head.lease.as_str()), ("ens3", 16, "600s"));
    assert_eq!(head.options.router, "10.5.0.254".parse().ok());
    assert_eq!(head.options.dns.len(), 2);
    let names: Vec<String> = recipe.nodes.iter().map(|node| format!("{} {}", node.name, node.address)).collect();
    assert_eq!(names, ["n1 10.5.0.11", "n2 10.5.0.12"]);
    assert!(text.contains("# Not taken over from etc/dhcp/dhcpd.conf:15: host n3: no hardware address"), "{text}");
    assert!(text.contains("etc/dhcp/dhcpd.conf:10: class x"), "{text}");

    let disk = Disk::new(&[
        (
            "etc/dnsmasq.conf",
            "interface=eth1\ndhcp-hostsfile=/etc/cluster/hosts\nconf-file=/etc/cluster/more\n\
             dhcp-range=10.5.0.0,static,255.255.0.0\ndhcp-boot=pxelinux.0,hn,10.5.0.1\ndhcp-option=3,10.5.0.9\n\
             dhcp-option=tag:x,3,10.5.0.8\n",
        ),
        ("etc/cluster/hosts", "# ours\n02:00:00:00:00:01,02:00:00:00:01:01,10.5.0.11,a\n02:00:00:00:00:02,ignore\n"),
        ("etc/cluster/more", "dhcp-host=02:00:00:00:00:03,id:ff:00:00:01,10.5.0.13,c\n"),
    ]);
    let (text, recipe) = disk.taken();
    let cards: Vec<usize> = recipe.nodes.iter().map(|node| node.macs().count()).collect();
    assert_eq!(cards, [1, 2], "{text}");
    assert_eq!(recipe.nodes[0].client_id.as_deref(), Some("ff:00:00:01"));
    let head = recipe.head.as_ref().expect("it has one");
    assert_eq!((head.network.1, head.options.router), (16, "10.5.0.9".parse().ok()));
    assert_eq!(head.range.map(|(from, _)| from.to_string()).as_deref(), Some("10.5.255.254"));
    for line in
        ["etc/dnsmasq.conf:7: dhcp-option=tag:x", "etc/cluster/hosts:3: 02:00:00:00:00:02,ignore", "was none; it is"]
    {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Whatever a head's files say: what is written is a recipe, or nothing is written and why is said.
#[test]
fn case_151_whatever_is_taken_over_is_a_recipe() {
    let long = "x".repeat(300);
    let words = [
        "00:21:97:7d:ad:bf",
        "00:21:97:7d:ad:c0",
        "id:00:21:97:7d:ad:c1",
        "id:ff:00",
        "01:00:00:00:00:01",
        "10.0.0.1",
        "10.0.0.11",
        "10.0.0.255",
        "10.0.1.9",
        "10.0.0.50",
        "dizzy",
        "Tumbler",
        "a_b",
        "db.example.org",
        "localhost",
        "\"",
        "\u{1b}[2J",
        "'''",
        "\\",
        "12h",
        "0",
        "infinite",
        "ignore",
        "set:x",
        "255.255.255.0",
        "255.0.0.0",
        "static",
        "1e9",
        "default",
        "nfsroot=10.0.0.1:/srv/x",
        "console=ttyS0",
        "a$b",
        "rw",
        "../../x",
        "head",
        "127.0.0.1",
        "9000",
        "40",
        &long,
    ];
    let keys = [
        "dhcp-host=",
        "dhcp-host=",
        "dhcp-range=",
        "dhcp-boot=pxelinux.0,",
        "interface=",
        "domain=",
        "tftp-root=/",
        "dhcp-option=3,",
        "dhcp-option=26,",
        "dhcp-option=option:ntp-server,",
        "dhcp-hostsfile=/etc/h",
        "conf-file=/etc/hosts",
    ];
    let mut state = 1_u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    let mut recipes = 0;
    for _ in 0..400 {
        let mut list = |sign: &str| (0..next(5)).map(|_| words[next(words.len())]).collect::<Vec<_>>().join(sign);
        let mut conf = "dhcp-host=02:00:00:00:00:01,10.0.0.10,one\ndhcp-boot=pxelinux.0,hn,10.0.0.1\n".to_owned();
        for key in keys {
            conf.push_str(&format!("{key}{}\n", list(",")));
        }
        let hosts = format!("10.0.0.1 {}\n10.0.0.11 {}\n{}\n", list(" "), list(" "), list("\t"));
        let default = format!("LABEL l\nAPPEND root=/dev/nfs nfsroot=10.0.0.1:/srv/x {}\n", list(" "));
        let fstab = format!("none /{} tmpfs size={} 0 0\nnone /x tmpfs {}\n", list("/"), list("%"), list(","));
        let host = format!("host {} {{ hardware ethernet {}; fixed-address {}; }}", list(" "), list(" "), list(","));
        let disk = Disk::new(&[
            ("etc/dnsmasq.conf", &conf),
            ("etc/hosts", &hosts),
            ("etc/dhcp/dhcpd.conf", &format!("{host} range {};", list(" "))),
            ("srv/tftp/pxelinux.cfg/default", &default),
            ("srv/x/etc/fstab", &fstab),
            ("srv/x/etc/init.d/mysql", &format!("if [ `hostname` != {} ]; then exit 0; fi\n", list(" "))),
            ("srv/x/etc/network/interfaces", &format!("iface {} inet dhcp\n", list(" "))),
        ]);
        match import(disk.0.path()) {
            Ok(text) => {
                disk.taken();
                assert!(!text.contains('\u{1b}'), "{text:?}");
                recipes += 1;
            }
            Err(Failure::Usage(why)) => assert!(why.starts_with("cannot take over the head"), "{why}"),
            Err(failure) => panic!("{failure:?}"),
        }
    }
    assert!(recipes > 300, "{recipes} of 400");
}

#[test]
fn a_recipe_is_called_as_its_file_is() {
    let text = named(STARTER, Path::new("x/cluster.toml"));
    assert!(text.contains("\nname = \"cluster\"                        # names the outputs"), "{text}");
    assert!(named(STARTER, Path::new("recipe.toml")).contains("\nname = \"recipe\" "));
    assert_eq!(named(STARTER, Path::new("My Recipe.toml")), STARTER);
}

#[test]
fn c10_a_starter_can_be_entered() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    let text = entered(STARTER, Some(key));
    let directory = tempfile::tempdir().expect("the tests can write");
    let path = directory.path().join("cluster.toml");
    fs::write(&path, named(&text, &path)).expect("written");
    let recipe = recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((recipe.name.as_str(), recipe.access.ssh_keys.as_slice()), ("cluster", &[key.to_owned()][..]));
    let arguments = &recipe.diskless.as_ref().expect("it is").kernel_arguments;
    assert!(arguments.iter().any(|argument| argument.starts_with("console=ttyS0")), "`imgbuild boot` shows it");
    assert!(recipe.packages.iter().any(|package| package.name() == Some("openssh-server")));
    assert_eq!(entered(STARTER, None), STARTER);
}

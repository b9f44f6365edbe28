//! Nodes by the hundred: lists of hosts, and inventories.

use super::*;

/// The smallest cluster, its node replaced by others.
fn cluster(nodes: &str) -> String {
    let (before, _) = CLUSTER.split_once("[[node]]").expect("it has one");
    format!("{}{nodes}", before.replace("10.0.0.0/24", "10.0.0.0/16").replace("name = \"x\"\n", "name = \"x\"\n#top\n"))
}

/// As lines of `name aliases macs address`.
fn table(recipe: &Recipe) -> Vec<String> {
    let line = |node: &Node| {
        let macs: Vec<String> = node.macs().map(|mac| mac.map(|byte| format!("{byte:x}")).join(":")).collect();
        format!("{} {} {} {}", node.name, node.aliases.join(","), macs.join(","), node.address)
    };
    recipe.nodes.iter().map(line).collect()
}

#[test]
fn a_list_stands_for_each_of_its_nodes() {
    let world = World::new();
    let text = cluster(
        "[[node]]\nname = \"n[09-10],login\"\naliases = [\"c[1-3]\", \"x[1-2],front.example.org\"]\n\
         address = \"10.0.1.[255-257]\"\nmac = [\"02:00:00:00:00:01\", [\"02:00:00:00:00:02\", \"02:00:00:00:01:02\"], \
         \"02:00:00:00:00:03\"]\nservices = [\"slurmd\"]\ntags = { rack = \"r1\" }\n",
    );
    let recipe = world.good(&text);
    assert_eq!(
        table(&recipe),
        [
            "n09 c1,x1 2:0:0:0:0:1 10.0.1.255",
            "n10 c2,x2 2:0:0:0:0:2,2:0:0:0:1:2 10.0.2.0",
            "login c3,front.example.org 2:0:0:0:0:3 10.0.2.1",
        ]
    );
    assert!(recipe.nodes.iter().all(|node| node.services == ["slurmd"] && node.tags["rack"] == "r1"));
    let one = world.good(&cluster(
        "[[node]]\nname = \"a\"\nmac = [\"02:00:00:00:00:01\", \"02:00:00:00:00:02\"]\nclient-id = \"FF:00:02\"\n\
         address = \"10.0.1.1\"\n",
    ));
    assert_eq!(table(&one), ["a  2:0:0:0:0:1,2:0:0:0:0:2 10.0.1.1"]);
    assert_eq!(one.nodes[0].client_id.as_deref(), Some("ff:00:02"));
}

#[test]
fn a_list_that_does_not_fit_itself_is_said() {
    let world = World::new();
    let many = |rest: &str| cluster(&format!("[[node]]\nname = \"n[1-3]\"\n{rest}"));
    let macs = "mac = [\"02:00:00:00:00:01\", \"02:00:00:00:00:02\", \"02:00:00:00:00:03\"]\n";
    for (text, wanted) in [
        (
            many(&format!("address = \"10.0.1.[1-2]\"\n{macs}")),
            "recipe.toml:14:11: `address` is for several nodes: 2 of",
        ),
        (
            many(&format!("address = \"10.0.1.1\"\n{macs}")),
            "recipe.toml:14:11: `address` is for one node (`name` stands",
        ),
        (many("address = \"10.0.1.[1-3]\"\nmac = \"02:00:00:00:00:01\"\n"), "recipe.toml:15:7: `mac` is for one node"),
        (
            many(&format!("aliases = [\"db\"]\naddress = \"10.0.1.[1-3]\"\n{macs}")),
            "recipe.toml:14:12: `aliases` is for one node",
        ),
        (
            many(&format!("client-id = \"ff:00:01\"\naddress = \"10.0.1.[1-3]\"\n{macs}")),
            "recipe.toml:14:13: `client-id` is one machine's",
        ),
        (many(&format!("address = \"10.0.[1-3].[3-\"\n{macs}")), "recipe.toml:14:11: `address` is \"10.0.[1-3].[3-\""),
        (
            cluster("[[node]]\nname = \"n[3-1]\"\nmac = \"02:00:00:00:00:01\"\naddress = \"10.0.1.1\"\n"),
            "recipe.toml:13:8: `name`",
        ),
        (
            cluster("[[node]]\nname = \"n\"\nmac = []\naddress = \"10.0.1.1\"\n"),
            "recipe.toml:14:7: `mac` has no address",
        ),
        (
            cluster("[[node]]\nname = \"n\"\nmac = [1]\naddress = \"10.0.1.1\"\n"),
            "recipe.toml:14:8: `node.mac` is an integer, not a string or a list (write it in quotes)",
        ),
        (
            cluster("[[node]]\nname = \"n[1-99999]\"\nmac = \"02:00:00:00:00:01\"\naddress = \"10.0.1.1\"\n"),
            "recipe.toml:13:8: `name` is \"n[1-99999]\" (it stands for more than 16384 machines)",
        ),
    ] {
        let bad = world.bad(&text);
        assert!(bad.len() == 1 && bad[0].starts_with(wanted), "{wanted}\n{bad:#?}");
    }
    // The same name in two lists, and an address outside of the network, are found in each; 400 of a kind are not told.
    let names = format!("[[node]]\nname = \"n[2-4]\"\naddress = \"10.1.1.[1-3]\"\n{}", macs.replace("02:", "06:"));
    let bad = world.bad(&format!("{}{names}", many(&format!("address = \"10.0.1.[1-3]\"\n{macs}"))));
    let outside = "recipe.toml:18:11: `node.address` 10.1.1.1: it is outside of the network `10.0.0.0/16`";
    assert!(
        bad.iter()
            .any(|line| line.starts_with("recipe.toml:17:8: the name `n2` is taken already, at recipe.toml:13:8")),
        "{bad:#?}"
    );
    assert!(bad.iter().any(|line| line.starts_with(outside)), "{bad:#?}");
    let far = world.bad(&many("address = \"10.9.1.[1-3]\"\nmac = [\"x\", \"y\", \"z\"]\n").replace("[1-3]", "[1-400]"));
    assert!(far.len() == 1, "{far:#?}");
}

const CSV: &str = "\u{feff}name, mac ,address,aliases,services,tags.rack\r\n\
                   # switch 1\r\n\r\n\
                   n1,02:00:00:00:00:01,10.0.1.1,\"db web\",mariadb,\"r1, left\"\r\n\
                   n2,02:00:00:00:00:02 02:00:00:00:01:02,10.0.1.2,,,\r\n\
                   \"n[3-4]\",02:00:00:00:00:03 02:00:00:00:00:04,10.0.1.[3-4],,,r2";

#[test]
fn an_inventory_has_nodes_in_lines() {
    let world = World::new();
    world.write("lists/nodes.csv", CSV);
    let text = cluster("[[node]]\nname = \"n0\"\nmac = \"02:00:00:00:00:00\"\naddress = \"10.0.1.9\"\n")
        .replace("#top", "inventory = \"lists/nodes.csv\"");
    let recipe = world.good(&text);
    assert_eq!(
        table(&recipe),
        [
            "n0  2:0:0:0:0:0 10.0.1.9",
            "n1 db,web 2:0:0:0:0:1 10.0.1.1",
            "n2  2:0:0:0:0:2,2:0:0:0:1:2 10.0.1.2",
            "n3  2:0:0:0:0:3 10.0.1.3",
            "n4  2:0:0:0:0:4 10.0.1.4",
        ]
    );
    assert_eq!((recipe.nodes[1].tags["rack"].as_str(), recipe.nodes[1].services.len()), ("r1, left", 1));
    assert!(recipe.nodes[2].tags.is_empty());
    // What a recipe means does not depend on how its nodes are written.
    let alone = cluster("").replace("#top", "inventory = \"lists/nodes.csv\"");
    let tables = "[[node]]\nname = \"n1\"\nmac = \"02:00:00:00:00:01\"\naddress = \"10.0.1.1\"\naliases = [\"db\", \"web\"]\n\
                  services = [\"mariadb\"]\ntags = { rack = \"r1, left\" }\n[[node]]\nname = \"n2\"\naddress = \"10.0.1.2\"\n\
                  mac = [\"02:00:00:00:00:02\", \"02:00:00:00:01:02\"]\n[[node]]\nname = \"n[3-4]\"\n\
                  address = \"10.0.1.[3-4]\"\nmac = [\"02:00:00:00:00:03\", \"02:00:00:00:00:04\"]\ntags.rack = \"r2\"\n";
    assert_eq!(world.good(&alone).digest, world.good(&cluster(tables)).digest);
}

#[test]
fn case_150_an_inventory_is_checked_cell_by_cell() {
    let world = World::new();
    let text = cluster("").replace("#top", "inventory = \"nodes.csv\"");
    for (csv, wanted) in [
        ("", "nodes.csv:1:1: an inventory begins with a line that names its columns"),
        ("name,mac,adress\n", "nodes.csv:1:10: unknown column `adress` (did you mean `address`?)"),
        ("name,mac,name\n", "nodes.csv:1:10: the column `name` is there twice"),
        ("name;mac\n", "nodes.csv:1:1: unknown column `name;mac` (columns are, with commas between: address, aliases,"),
        ("name,mac,address,tags\n", "nodes.csv:1:18: unknown column `tags`"),
        ("name,mac,address\nn1,02:00:00:00:00:01\n", "nodes.csv:2:1: this line has 2 cells, and the first one 3"),
        ("name,address\nn1,10.0.1.1\n", "nodes.csv:2:1: `node.mac` is missing"),
        ("name,mac,address\n\n#\nn1,02:00:00:00:00:01 ,10.0.0\n", "nodes.csv:4:23: `node.address` is \"10.0.0\""),
        ("name,mac,address\n\"n\n1\",x,10.0.1.1\n", "nodes.csv:2:1: `node.name` is \"n\\n1\""),
        ("name,mac,address\nn1,02:00:00:00:00:01 ../x,10.0.1.1\n", "nodes.csv:2:4: `node.mac` is \"../x\""),
        (
            "name,mac,address\nn1,\"02:00:00:00:00:01,10.0.1.1\n",
            "nodes.csv:2:1: this line has 2 cells, and the first one 3",
        ),
        ("name,mac,address,tags.a b\nn1,02:00:00:00:00:01,10.0.1.1,x\n", "nodes.csv:1:18: `node.tags` is \"a b\""),
        (
            "name,mac,address,root\nn1,02:00:00:00:00:01,10.0.1.1,disk\n",
            "nodes.csv:2:31: `node.root` is \"disk\", not one of",
        ),
        (
            "name,mac,address\nn1,02:00:00:00:00:01,10.0.1.1\nn2,02:00:00:00:00:01,10.0.1.2\n",
            "nodes.csv:3:4: the hardware address `02:00:00:00:00:01` is taken already, at nodes.csv:2:4",
        ),
    ] {
        world.write("nodes.csv", csv);
        let bad = world.bad(&text);
        assert!(bad.iter().any(|line| line.starts_with(wanted)), "{csv:?}: {wanted}\n{bad:#?}");
    }
    for (name, wanted) in
        [("out/passwd", "leads out of the recipe's directory"), ("none.csv", "cannot find"), ("fifo", "cannot read")]
    {
        let bad = world.bad(&text.replace("nodes.csv", name));
        assert!(bad.iter().any(|line| line.contains(wanted)), "{bad:#?}");
    }
    fs::write(world.path("nodes.csv"), b"name,mac,address\n\xff").expect("ours");
    assert!(world.bad(&text).iter().any(|line| line.contains("is not UTF-8 text")));
}

/// Any bytes are read to their end, and every cell lies where its place says.
#[test]
fn case_150_any_inventory_is_read_or_refused() {
    let world = World::new();
    let text = cluster("").replace("#top", "inventory = \"nodes.csv\"");
    let pieces = [
        "name",
        "mac",
        "address",
        ",",
        "\"",
        "\n",
        "\r",
        "#",
        "n[1-2]",
        "10.0.1.[1-2]",
        "02:00:00:00:00:01",
        " ",
        "é",
        ",,",
        "\"\"",
    ];
    let mut state = 1_u32;
    for _ in 0..300 {
        let mut csv = String::from(if state & 64 == 0 { "name,mac,address\n" } else { "" });
        for _ in 0..state % 40 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            csv.push_str(pieces[(state >> 16) as usize % pieces.len()]);
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        world.write("nodes.csv", &csv);
        world.write("recipe.toml", &text);
        // Either is well; what must not be is a panic or no end.
        if let Err(error) = load(&world.path("recipe.toml")) {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A further network, and where the recipe of [`cluster`] has it.
const RACK: &str = "[[network]]\nname = \"rack2\"\nnetwork = \"10.2.0.0/16\"\nrouter = \"10.2.0.1\"\nmtu = 9000\n\
                    range = [\"10.2.9.1\", \"10.2.9.9\"]\n";
const FAR: &str = "[[node]]\nname = \"far\"\nmac = \"02:00:00:00:00:01\"\naddress = \"10.2.0.9\"\n";

#[test]
fn machines_lie_in_one_of_the_networks() {
    let world = World::new();
    let recipe = world.good(&cluster(&format!("{RACK}{FAR}")));
    assert_eq!(
        (
            recipe.head.as_ref().expect("it has one").networks[0].options.mtu,
            recipe.nodes[0].address.to_string().as_str()
        ),
        (Some(9000), "10.2.0.9")
    );
    assert_eq!(recipe.head.as_ref().expect("it has one").networks[0].options.router, "10.2.0.1".parse().ok());
    for (from, to, wanted) in [
        (
            "10.2.0.0/16",
            "10.0.128.0/24",
            "recipe.toml:14:11: `10.0.128.0/24` and `10.0.0.0/16` (recipe.toml:10:11) share addresses",
        ),
        (
            "10.2.0.1",
            "10.3.0.1",
            "recipe.toml:15:10: `network.router` 10.3.0.1: it is outside of the network `10.2.0.0/16`",
        ),
        ("10.2.9.1", "10.2.0.1", "recipe.toml:17:10: `network.range` has the router's own address 10.2.0.1 in it"),
        ("9000", "90000", "recipe.toml:16:7: `network.mtu` is none (a packet has from 576 to 65535 bytes)"),
        ("9000", "\"9000\"", "recipe.toml:16:7: `network.mtu` is a string, not an integer"),
        ("10.2.0.9", "10.7.0.9", "recipe.toml:21:11: `node.address` 10.7.0.9: it lies in no network of the recipe"),
        ("10.2.0.9", "10.2.255.255", "recipe.toml:21:11: `node.address` 10.2.255.255: it is the network's broadcast"),
        ("10.2.0.9", "10.2.0.1", "recipe.toml:21:11: the address `10.2.0.1` is taken already, at recipe.toml:15:10"),
        ("mtu", "interface = \"eth1\"\nmtu", "recipe.toml:16:13: the interface `eth1` is taken already"),
        ("rack2", "rack 2", "recipe.toml:13:8: `network.name` is \"rack 2\""),
    ] {
        let bad = world.bad(&cluster(&format!("{RACK}{FAR}").replacen(from, to, 1)));
        assert!(bad.iter().any(|line| line.starts_with(wanted)), "{wanted}\n{bad:#?}");
    }
    let alone = format!("{SMALL}{RACK}");
    assert_eq!(world.bad(&alone), ["recipe.toml:4:1: a `[[network]]` is one of a `[head]`, and there is none"]);
    let pair = world.bad(&format!("{PAIR}{}", RACK.replace("mtu", "interface = \"eth2\"\nmtu")));
    assert!(
        pair.iter().any(|line| line.contains("the router of a network cannot be a head, which may die")),
        "{pair:#?}"
    );
}

#[test]
fn who_gives_addresses_has_a_range() {
    let world = World::new();
    let range = "range = [\"10.0.0.100\", \"10.0.0.200\"]";
    let recipe = world.good(&CLUSTER.replace(range, "dhcp = \"proxy\""));
    assert_eq!(recipe.head.map(|head| (head.dhcp, head.range)), Some((DhcpMode::Proxy, None)));
    assert_eq!(world.bad(&CLUSTER.replace(range, "")), ["recipe.toml:5:1: `head.range` is missing"]);
    let both = world.bad(&CLUSTER.replace(range, &format!("{range}\ndhcp = \"none\"")));
    assert_eq!(both, ["recipe.toml:10:10: `head.range` is of no use: another DHCP server gives addresses"]);
}

#[test]
fn the_next_address_is_behind_the_last_node() {
    let world = World::new();
    let free = |text: &str| world.good(text).free_address().map(|address| address.to_string());
    assert_eq!(free(CLUSTER).as_deref(), Some("10.0.0.11"));
    assert_eq!(free(&CLUSTER.replace("10.0.0.10\"", "10.0.0.99\"")).as_deref(), Some("10.0.0.201"));
    assert_eq!(free(&CLUSTER.replace("10.0.0.10\"", "10.0.0.254\"")).as_deref(), Some("10.0.0.2"));
    assert_eq!(free(SMALL), None);
}

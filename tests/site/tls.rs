//! The files of `[[site]]` by TLS: the real nginx with the head's own file, and the node's program with the real curl.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;
use std::time::Instant;

use super::Node;
use super::SECRET;
use super::SITE;
use super::World;
use crate::dhcp::Running;
use crate::dhcp::cable;
use crate::dhcp::run;
use crate::dhcp::start;

impl World {
    /// An authority, and a certificate of it for the head's address, by the document's lines.
    fn authority(&self, name: &str) {
        let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/head.md");
        let text = fs::read_to_string(document).expect("there");
        let begin = text.find("openssl req -x509").expect("it has them");
        let lines = &text[begin..begin + text[begin..].find("install -D").expect("behind them")];
        fs::create_dir_all(self.at(name)).expect("made");
        run("sh", &["-ec", &format!("cd {}\n{lines}", self.path(name))]);
    }

    fn path(&self, path: &str) -> String {
        self.at(path).to_str().expect("a text").to_owned()
    }

    /// nginx on the head's end of a cable, with the file that was published and this authority's certificate.
    fn serve(&self, head: &str, name: &str) -> Running {
        let text = fs::read_to_string(self.at("head/etc/imgbuild/site-nginx.conf")).expect("it was published");
        fs::create_dir_all(self.at("run")).expect("made");
        let text = text
            .replace("/etc/imgbuild/tls", &self.path(name))
            .replace("/run/imgbuild-site", &self.path("run"))
            .replace("/srv/imgbuild", &self.path("head/srv/imgbuild"));
        self.write("nginx.conf", &text);
        let file = self.path("nginx.conf");
        run("nsenter", &["--net", "--target", head, "nginx", "-e", "stderr", "-t", "-q", "-c", &file]);
        let words = ["--net", "--target", head, "nginx", "-e", "stderr", "-c", &file, "-g", "daemon off;"];
        let server = start("nsenter", &words);
        let end = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect("192.168.1.1:8069").is_err() {
            assert!(Instant::now() < end, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Node {
    /// One run as the node at this address.
    #[expect(clippy::disallowed_methods, reason = "the program of the node is what is tested")]
    fn takes_by_tls(&self, world: &World, address: &str) -> Output {
        self.tool("curl", &format!("exec /usr/bin/curl --interface {address} \"$@\""));
        let mut command = std::process::Command::new("sh");
        command.arg(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/overlay/node/site"));
        command.args(["https", "192.168.1.1:8069"]).arg(world.at("ca.pem"));
        command.env("IMGBUILD_SITE", &self.state).env("IMGBUILD_SITE_ROOT", &self.root);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.tools.display()));
        command.output().expect("there is a shell")
    }
}

/// What a file is called on the head.
fn sum_of(index: &str, path: &str) -> String {
    index.lines().find(|line| line.ends_with(path)).expect("it is there")[..64].to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Case 162: who is asked in place of the head, and who asks in place of a node.
#[test]
fn case_162_files_come_by_tls_from_the_head_alone() {
    let test = "site::tls::case_162_files_come_by_tls_from_the_head_alone";
    if !crate::switched_on("IMGBUILD_TEST_PEERS", test) || !crate::switched_on("IMGBUILD_TEST_ROOT", test) {
        return;
    }
    let world = World::new(SITE);
    world.authority("ours");
    world.authority("theirs");
    fs::copy(world.at("ours/ca.pem"), world.at("ca.pem")).expect("made");
    let text = fs::read_to_string(world.at("recipe.toml")).expect("there");
    world.write("recipe.toml", &text.replacen("[head]\n", "[head]\nsite-ca = \"ca.pem\"\n", 1));
    world.publish("one");
    let exports = fs::read_to_string(world.at("head/etc/exports.d/imgbuild.exports")).expect("published");
    assert!(exports.contains("/state/dizzy ") && !exports.contains("/site/"), "not by NFS as well: {exports}");

    let (_spaces, head) = cable("192.168.1.1/24", "192.168.1.10/24");
    for address in ["192.168.1.11/24", "192.168.1.99/24"] {
        run("ip", &["address", "add", address, "dev", "card"]);
    }
    let server = world.serve(&head, "ours");
    let [dizzy, tumbler, stranger] = ["dizzy", "tumbler", "stranger"].map(|name| Node::new(&world.at(name)));
    let takes = |node: &Node, address: &str| {
        let output = node.takes_by_tls(&world, address);
        assert!(output.status.success(), "{address}: {}", said(&output));
    };
    // Who publishes gives all nodes their names; the files come later.
    takes(&dizzy, "192.168.1.10");
    assert!(dizzy.read("etc/hosts").contains("192.168.1.10\tdizzy db\n"));
    world.site().expect("it is good");
    takes(&dizzy, "192.168.1.10");
    assert_eq!(dizzy.read("etc/munge/munge.key"), SECRET);
    let mode = fs::metadata(dizzy.root.join("etc/munge/munge.key")).expect("there").permissions().mode();
    assert_eq!((mode & 0o7777, dizzy.did().last().map(String::as_str)), (0o400, Some("restart munge.service")));
    takes(&dizzy, "192.168.1.10");
    assert_eq!(dizzy.did(), Vec::<String>::new(), "nothing has changed");

    // What is damaged on the head's disk is not taken.
    let key = sum_of(&world.index("dizzy"), "/etc/munge/munge.key");
    let path = world.offered("dizzy").join("now").join(&key);
    fs::remove_file(&path).expect("there");
    fs::write(&path, "hunter3").expect("written");
    let fresh = Node::new(&world.at("fresh"));
    let refused = fresh.takes_by_tls(&world, "192.168.1.10");
    assert!(!refused.status.success() && said(&refused).contains("did NOT match"), "{}", said(&refused));
    assert!(!fresh.root.join("etc/munge").exists());
    fs::write(&path, SECRET).expect("written");

    // Another node has its own, and nobody has a way to others'.
    takes(&tumbler, "192.168.1.11");
    assert_eq!(tumbler.read("etc/tree/a"), "a\n");
    assert!(!tumbler.root.join("etc/munge").exists());
    let version = fs::read_link(world.offered("dizzy").join("now")).expect("there");
    for path in
        ["now/index".to_owned(), format!("../dizzy/{}/index", version.display()), "%2e%2e/dizzy/now/index".into()]
    {
        let body = asked(&world, "192.168.1.11", "600-1023", &path);
        assert!(!body.contains("munge.key"), "{path}: {body}");
    }
    // A user of the node asks from its address, but not from root's ports.
    assert!(asked(&world, "192.168.1.10", "600-1023", "now/index").contains("munge.key"));
    let body = asked(&world, "192.168.1.10", "1024-65535", "now/index");
    assert!(body.contains("403") && !body.contains("munge.key"), "{body}");
    let refused = stranger.takes_by_tls(&world, "192.168.1.99");
    assert!(!refused.status.success() && said(&refused).contains("the head answers with 403"), "{}", said(&refused));

    // The old files stay when somebody else answers at the head's address.
    ended(server, &world);
    world.write("secrets/munge.key", "another");
    world.site().expect("it is good");
    let server = world.serve(&head, "theirs");
    let refused = dizzy.takes_by_tls(&world, "192.168.1.10");
    assert!(!refused.status.success() && said(&refused).contains("certificate"), "{}", said(&refused));
    assert_eq!(dizzy.read("etc/munge/munge.key"), SECRET);
    ended(server, &world);
    let server = world.serve(&head, "ours");
    takes(&dizzy, "192.168.1.10");
    assert_eq!(dizzy.read("etc/munge/munge.key"), "another");
    ended(server, &world);
}

/// What the server gives for a path, as it is written.
#[expect(clippy::disallowed_methods, reason = "the server is what is tested")]
fn asked(world: &World, address: &str, ports: &str, path: &str) -> String {
    let ca = world.path("ca.pem");
    let url = format!("https://192.168.1.1:8069/{path}");
    let words =
        ["-q", "--silent", "--path-as-is", "--cacert", &ca, "--interface", address, "--local-port", ports, "--", &url];
    let output = std::process::Command::new("curl").args(words).output().expect("it is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Ends nginx by the signal that its workers end with: killed, it would leave them behind.
fn ended(mut server: Running, world: &World) {
    let id = fs::read_to_string(world.at("run/pid")).expect("it runs");
    run("kill", &[id.trim()]);
    server.0.wait().expect("it is ours");
}

//! Outputs in registries: in one in memory, in one that lies, by HTTP, and with Debian's own and its readers.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use imgbuild::cancel::Cancel;
use imgbuild::digest::Sha256;
use imgbuild::error::Error;
use imgbuild::format::oci;
use imgbuild::format::oci::Descriptor;
use imgbuild::format::oci::Digest;
use imgbuild::format::oci::Manifest;
use imgbuild::format::oci::Reference;
use imgbuild::host::Silent;
use imgbuild::host::http::HttpTransport;
use imgbuild::host::http::Options;
use imgbuild::host::http::registry::Access;
use imgbuild::host::http::registry::HttpRegistry;
use imgbuild::host::logins::Login;
use imgbuild::host::registry::Registry;
use imgbuild::host::registry::RegistryError;
use imgbuild::host::registry::Upload;
use imgbuild::host::registry::fallback_tag;
use imgbuild::limits::Limits;
use imgbuild::manifest::OutputRecord;
use imgbuild::pipeline::Output;
use imgbuild::pipeline::registry;
use imgbuild::pipeline::registry::Pulled;
use imgbuild::pipeline::registry::Pushed;
use imgbuild::pipeline::registry::Watch;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;

use crate::hostile::World;
use crate::hostile::chain;
use crate::publish;

/// A registry in memory, which lists referrers itself or not.
#[derive(Default)]
struct Memory {
    lists: bool,
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
    manifests: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Memory {
    fn blob(&self, digest: Digest) -> Vec<u8> {
        self.blobs.lock().expect("held for a moment")[&digest].clone()
    }

    /// Puts an artifact, as anybody can who may push.
    fn artifact(&self, tag: &str, artifact: &Manifest) {
        self.put_manifest(tag, oci::MANIFEST, &artifact.to_json()).expect("memory takes it");
    }

    fn add(&self, bytes: &[u8]) -> Descriptor {
        let blob = Descriptor::of("application/json", bytes);
        self.blobs.lock().expect("held for a moment").insert(blob.digest, bytes.to_vec());
        blob
    }

    fn told(&self, tag: &str) -> Manifest {
        serde_json::from_slice(&self.manifests.lock().expect("held for a moment")[tag]).expect("a manifest")
    }
}

impl Registry for Memory {
    fn manifest(&self, which: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        Ok(self.manifests.lock().expect("held for a moment").get(which).cloned())
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, RegistryError> {
        let blobs = self.blobs.lock().expect("held for a moment");
        let bytes = blobs.get(digest).ok_or_else(|| RegistryError::Missing(digest.to_string()))?;
        Ok(Box::new(io::Cursor::new(bytes.clone())))
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        Ok(self.blobs.lock().expect("held for a moment").contains_key(digest))
    }

    fn put_blob(&self, digest: &Digest, size: u64, bytes: Upload) -> Result<(), RegistryError> {
        let bytes = match bytes {
            Upload::Bytes(bytes) => bytes,
            Upload::File(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).expect("a file");
                bytes
            }
        };
        assert_eq!((Digest(Sha256::of(&bytes)), bytes.len() as u64), (*digest, size));
        self.blobs.lock().expect("held for a moment").insert(*digest, bytes);
        Ok(())
    }

    fn put_manifest(&self, which: &str, _: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
        let mut manifests = self.manifests.lock().expect("held for a moment");
        manifests.insert(Digest(Sha256::of(bytes)).to_string(), bytes.to_vec());
        manifests.insert(which.to_owned(), bytes.to_vec());
        Ok(self.lists)
    }
}

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

const NAME: &str = "registry.example.org/team/small:1";

fn push(outputs: &[&Path], registry: &dyn Registry, name: &str) -> Result<Pushed, Error> {
    let cancel = Cancel::default();
    let open = |path: &&Path| Output::verified(path, &[], &cancel);
    let outputs = outputs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    registry::push(&outputs, registry, &reference(name), Watch { reporter: &Silent, cancel: &cancel })
}

fn pull(registry: &dyn Registry, name: &str, directory: &Path) -> Result<Pulled, Error> {
    let (cancel, limits) = (Cancel::default(), Limits::default());
    let watch = Watch { reporter: &Silent, cancel: &cancel };
    registry::pull(registry, &reference(name), None, directory, &limits, watch)
}

/// A package with a program of this text, and another that stays.
fn archive(text: &str) -> ArchiveBuilder {
    let hello = DebBuilder::new("hello", "1.0-1", "amd64").field("Depends", "base-things");
    let hello = hello.file("usr/bin/hello", 0o755, text);
    let base = DebBuilder::new("base-things", "1", "amd64").file("usr/share/base/file", 0o644, vec![7; 100_000]);
    ArchiveBuilder::new("test").package(&hello).package(&base)
}

/// A world in whose place `out` was built.
fn built(text: &str, formats: &str) -> World {
    let world = World::new(&archive(text)).recipe(&format!("[output]\nformats = {formats}\n"));
    world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    world
}

#[test]
fn an_output_comes_back_as_it_was() {
    for (formats, has_image) in [(r#"["oci", "tar"]"#, true), (r#"["tar"]"#, false)] {
        let (one, two) = (built("1", formats), built("2", formats));
        let place = tempfile::tempdir().expect("a place");
        let pulled = place.path().join("pulled");
        let registry = Memory::default();
        let first = push(&[&one.place.path().join("out")], &registry, NAME).expect("pushed");
        assert_eq!(first.there, 0);
        let named = registry.told("1");
        assert_eq!(named.artifact_type.as_deref(), (!has_image).then_some(registry::OUTPUT));
        // What is told of it is listed by the tag for that, where the registry does not list it.
        let told = String::from_utf8(registry.manifest(&fallback_tag(&first.digest)).expect("memory").expect("there"));
        let told = told.expect("JSON");
        for kind in ["application/spdx+json", "application/vnd.cyclonedx+json"] {
            assert!(told.contains(kind), "{told}");
        }
        let came = pull(&registry, NAME, &pulled).expect("pulled");
        assert!(came.is_output && came.digest == first.digest && came.there == 0);
        same(&one.place.path().join("out"), &pulled);
        // Again nothing moves, and another version moves what is other.
        assert_eq!(push(&[&one.place.path().join("out")], &registry, NAME).expect("pushed").sent, 0);
        let second = push(&[&two.place.path().join("out")], &registry, NAME).expect("pushed");
        assert!(second.sent > 0 && (!has_image || second.there > 0));
        let again = pull(&registry, NAME, &pulled).expect("pulled");
        assert_eq!(again.digest, second.digest);
        same(&two.place.path().join("out"), &pulled);
        let by_digest = format!("registry.example.org/team/small@{}", first.digest);
        pull(&registry, &by_digest, &place.path().join("first")).expect("it is still there");
        same(&one.place.path().join("out"), &place.path().join("first"));
    }
}

/// Two directories with the same files, links and modes.
fn same(one: &Path, other: &Path) {
    let listed = |place: &Path| {
        let files = crate::hostile::files(place).into_iter();
        let about = |path: std::path::PathBuf| {
            let status = fs::symlink_metadata(&path).expect("there");
            let bytes = if status.is_symlink() { Vec::new() } else { fs::read(&path).expect("readable") };
            let below = path.strip_prefix(place).expect("below").to_owned();
            (below, status.permissions(), fs::read_link(&path).ok(), bytes)
        };
        files.map(about).collect::<Vec<_>>()
    };
    assert!(listed(one) == listed(other), "{} is not {}", other.display(), one.display());
}

#[test]
fn a_head_is_published_from_what_was_pulled() {
    let place = tempfile::tempdir().expect("a place");
    let (out, pulled, head) = (place.path().join("out"), place.path().join("pulled"), place.path().join("head"));
    publish::output(&out, "own");
    let registry = Memory { lists: true, ..Memory::default() };
    let name = "registry.example.org/head:1";
    push(&[&out], &registry, name).expect("pushed");
    pull(&registry, name, &pulled).expect("pulled");
    same(&out, &pulled);
    let done = publish::publish_to(&pulled, &head).expect("published");
    assert_eq!(done.images.len(), 1);
    assert!(head.join("etc/dnsmasq.d/imgbuild.conf").is_file());
}

/// Pulls from a registry that was changed, into a place where an output was before: it is refused with these words, and what
/// was there stays.
#[track_caller]
fn refused(registry: &Memory, words: &str) {
    let place = tempfile::tempdir().expect("a place");
    let directory = place.path().join("in/pulled");
    fs::create_dir_all(&directory).expect("made");
    for mark in ["manifest.json", "tree.txt"] {
        fs::write(directory.join(mark), "old").expect("written");
    }
    let error = pull(registry, NAME, &directory).expect_err(words);
    assert!(chain(&error).contains(words), "{words}: {}", chain(&error));
    assert_eq!(fs::read_to_string(directory.join("manifest.json")).expect("it is still there"), "old");
    assert_eq!(crate::hostile::names(&place.path().join("in")), ["pulled"], "nothing is left");
    assert_eq!(crate::hostile::names(place.path()), ["in"]);
}

#[test]
fn case_170_a_registry_that_lies() {
    let world = built("1", r#"["oci"]"#);
    let out = world.place.path().join("out");
    let pushed = || {
        let registry = Memory::default();
        push(&[&out], &registry, NAME).expect("pushed");
        registry
    };
    let digest_of = |path: &str| Digest(Sha256::of(&fs::read(out.join(path)).expect("there")));
    let tree = digest_of("tree.txt");
    let with = |bytes: &[u8]| {
        let registry = pushed();
        registry.blobs.lock().expect("held for a moment").insert(tree, bytes.to_vec());
        registry
    };
    let right = pushed().blob(tree);
    let mut other = right.clone();
    other[0] ^= 1;
    refused(&with(&other), "is not what its digest says");
    refused(&with(&right[1..]), "is not what its digest says");
    refused(&with(&[&right[..], b"x"].concat()), "is not what its digest says");
    refused(&with(&vec![0; 1 << 24]), "is not what its digest says");
    let gone = pushed();
    gone.blobs.lock().expect("held for a moment").remove(&tree);
    refused(&gone, "has no `sha256:");
    let nothing = Memory::default();
    refused(&nothing, "the registry has no `registry.example.org/team/small:1`");
    for text in ["", "{}", "[]", "{\"manifests\": []}", "\x1b[31m", "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"]
    {
        let registry = pushed();
        registry.manifests.lock().expect("held for a moment").insert("1".to_owned(), text.into());
        let place = tempfile::tempdir().expect("a place");
        let error = pull(&registry, NAME, &place.path().join("x")).expect_err(text);
        assert!(!chain(&error).is_empty() && !place.path().join("x").exists(), "{text}");
    }
    // By a digest nothing else comes.
    let registry = pushed();
    let digest = Digest(Sha256::of(b"wanted"));
    let bytes = registry.manifest("1").expect("memory").expect("there");
    registry.manifests.lock().expect("held for a moment").insert(digest.to_string(), bytes);
    let place = tempfile::tempdir().expect("a place");
    let error = pull(&registry, &format!("registry.example.org/team/small@{digest}"), &place.path().join("x"));
    assert_eq!(error.expect_err("it is another").exit_code(), 3);
    // The output of another image, under the name of this one's.
    let (other, registry) = (built("2", r#"["oci"]"#), pushed());
    push(&[&other.place.path().join("out")], &registry, "registry.example.org/team/small:2").expect("pushed");
    let tag = |image: &str| {
        let bytes = registry.manifest(image).expect("memory").expect("there");
        format!("{}.output", fallback_tag(&Digest(Sha256::of(&bytes))))
    };
    let strange = registry.told(&tag("2"));
    registry.artifact(&tag("1"), &strange);
    refused(&registry, "it is of another image");
    let own = registry.told(&tag("2")).subject;
    let subject = Some(Descriptor::of(oci::MANIFEST, &registry.manifest("1").expect("memory").expect("there")));
    assert_ne!(own, subject);
    registry.artifact(&tag("1"), &Manifest { subject, ..strange });
    refused(&registry, "it is the output of another image");
}

#[test]
fn case_171_an_output_that_leads_elsewhere() {
    let world = built("1", r#"["tar"]"#);
    let out = world.place.path().join("out");
    let file = |path: &str| OutputRecord::file(path, 1, Sha256::of(b"x"));
    let link = |path: &str, target: &str| OutputRecord::Link { path: path.to_owned(), target: target.to_owned() };
    let directory = |path: &str| OutputRecord::Directory { path: path.to_owned(), mode: 0o755 };
    let with = |mode: u32| {
        let (path, sha256) = ("x".to_owned(), Sha256::of(b"x"));
        OutputRecord::File { path, mode, size: 1, sha256 }
    };
    let attacks: [(&str, Vec<OutputRecord>, &str); 11] = [
        ("above", vec![file("../evil")], "`../evil` is no path of an output"),
        ("absolute", vec![file("/tmp/evil")], "`/tmp/evil` is no path"),
        ("in the middle", vec![directory("a"), file("a/../../evil")], "is no path of an output"),
        ("through a link", vec![link("a", ".."), file("a/evil")], "`a/evil` is no path"),
        ("a link and a directory", vec![link("a", ".."), directory("a"), file("a/evil")], "`a` is no path"),
        ("without a directory", vec![file("a/b")], "`a/b` is no path"),
        ("twice", vec![file("a"), file("a")], "`a` is no path"),
        ("its own manifest", vec![file("manifest.json")], "`manifest.json` is no path"),
        ("setuid", vec![with(0o4755)], "`x` has mode 4755"),
        ("for everybody to write", vec![with(0o666)], "`x` has mode 0666"),
        ("a root", vec![OutputRecord::Tree { path: "root".to_owned() }], "`root` is no path"),
    ];
    for (what, records, words) in attacks {
        let registry = Memory::default();
        push(&[&out], &registry, NAME).expect("pushed");
        let mut artifact = registry.told("1");
        let text = fs::read_to_string(out.join("manifest.json")).expect("there");
        let mut said = imgbuild::manifest::Manifest::parse(&text).expect("ours");
        said.outputs.extend(records);
        registry.add(b"x");
        let own = registry.add(said.to_json().as_bytes());
        let annotations = [(oci::TITLE.to_owned(), "manifest.json".to_owned())].into();
        artifact.layers = vec![Descriptor { annotations, ..own }];
        registry.artifact("1", &artifact);
        let place = tempfile::tempdir().expect("a place");
        let error = pull(&registry, NAME, &place.path().join("deep/pulled")).expect_err(what);
        assert!(chain(&error).contains(words), "{what}: {}", chain(&error));
        assert!(crate::hostile::files(place.path()).is_empty(), "{what}: something was written");
    }
    // More than anybody has room for is refused before it is fetched.
    let registry = Memory::default();
    push(&[&out], &registry, NAME).expect("pushed");
    let (cancel, mut limits) = (Cancel::default(), Limits::default());
    limits.data = 10;
    let watch = Watch { reporter: &Silent, cancel: &cancel };
    let place = tempfile::tempdir().expect("a place");
    let error = registry::pull(&registry, &reference(NAME), None, &place.path().join("x"), &limits, watch);
    assert!(chain(&error.expect_err("too much")).contains("(limit `data`)"));
}

#[test]
fn what_cannot_be_pushed_is_named() {
    let registry = Memory::default();
    let (tar, oci) = (built("1", r#"["tar"]"#), built("1", r#"["oci"]"#));
    let (tar, oci) = (tar.place.path().join("out"), oci.place.path().join("out"));
    let say = |outputs: &[&Path], name: &str| push(outputs, &registry, name).expect_err(name).to_string();
    assert!(say(&[&tar, &oci], NAME).contains("has no container image"));
    assert!(say(&[&oci, &oci], NAME).contains("is for amd64 as another of these outputs is"));
    assert!(say(&[], NAME).contains("there is no output"));
    let digest = format!("registry.example.org/a@sha256:{}", Sha256::of(b""));
    assert!(say(&[&oci], &digest).contains("is called by a tag"));
    assert!(registry.manifests.lock().expect("held for a moment").is_empty(), "nothing was named");
    fs::write(tar.join("tree.txt"), "x").expect("written");
    assert_eq!(push(&[&tar], &registry, NAME).expect_err("changed").exit_code(), 3);
}

/// The same image for another architecture.
fn built_for_arm64() -> World {
    let hello = DebBuilder::new("hello", "1.0-1", "arm64").file("usr/bin/hello", 0o755, "of arm64");
    let world = World::new(&ArchiveBuilder::new("test").place("main", "arm64").package(&hello));
    let path = world.place.path().join("small.toml");
    let text = fs::read_to_string(&path).expect("there");
    fs::write(path, text.replace("[debian]", "[debian]\narchitecture = \"arm64\"")).expect("written");
    let world = world.recipe("[output]\nformats = [\"oci\"]\n");
    world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    world
}

/// Images for two architectures have one name, and each machine gets its own.
#[test]
fn one_name_is_for_several_architectures() {
    let (one, other) = (built("1", r#"["oci"]"#), built_for_arm64());
    let (one, other) = (one.place.path().join("out"), other.place.path().join("out"));
    let registry = Memory::default();
    let digest = push(&[&one, &other], &registry, NAME).expect("pushed").digest;
    assert_eq!(push(&[&other, &one], &registry, NAME).expect("pushed").digest, digest, "in any order");
    let bytes = registry.manifest("1").expect("memory").expect("there");
    let index: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let platforms = index["manifests"].as_array().expect("an index").iter();
    let platforms = platforms.map(|entry| entry["platform"]["architecture"].as_str().expect("a name"));
    assert_eq!(platforms.collect::<Vec<_>>(), ["amd64", "arm64"]);

    let place = tempfile::tempdir().expect("a place");
    let pull = |architecture: Option<&str>, name: &str| {
        let (cancel, limits) = (Cancel::default(), Limits::default());
        let watch = Watch { reporter: &Silent, cancel: &cancel };
        registry::pull(&registry, &reference(NAME), architecture, &place.path().join(name), &limits, watch)
    };
    for (architecture, output) in [("amd64", &one), ("arm64", &other)] {
        pull(Some(architecture), architecture).expect("it has one");
        same(output, &place.path().join(architecture));
    }
    for architecture in [None, Some("riscv64")] {
        let error = pull(architecture, "none").expect_err("there is no such one").to_string();
        assert!(error.contains("choose one by `--architecture`; it has amd64, arm64"), "{error}");
        assert!(!place.path().join("none").exists());
    }
    // Nor does what is for one architecture alone pass for another's.
    let boots = built("1", r#"["tar"]"#);
    for output in [&one, &boots.place.path().join("out")] {
        push(&[output], &registry, NAME).expect("pushed");
        let error = pull(Some("arm64"), "none").expect_err("it is another's").to_string();
        assert!(error.contains("is not for arm64: it is for amd64"), "{error}");
        assert!(!place.path().join("none").exists());
        pull(Some("amd64"), "own").expect("it is its own");
        fs::remove_dir_all(place.path().join("own")).expect("there");
    }
}

/// A registry by HTTP whose server is this.
fn http(server: &HttpServer, login: Option<Login>) -> HttpRegistry {
    let mut options = Options::default();
    (options.system_proxy, options.head, options.idle) = (false, Duration::from_secs(60), Duration::from_secs(60));
    let place = server.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let place = reference(&format!("{place}/team/small:1"));
    let transport = HttpTransport::new(options).expect("a transport");
    HttpRegistry::new(transport, &place, Access::Pull, login, true).expect("a registry")
}

fn login() -> Option<Login> {
    Some(Login::Password { name: "me".to_owned(), password: "secret".to_owned() })
}

#[test]
fn case_172_a_login_goes_to_its_registry_and_nowhere_else() {
    // `me:secret`
    const BASIC: &str = "Basic bWU6c2VjcmV0";
    let ok = |body: &[u8]| vec![Step::Send(answer("200 OK", &[&format!("Content-Length: {}", body.len())], body))];
    // Another server, to which blobs are redirected, gets neither token nor login.
    let elsewhere = HttpServer::new(move |_| ok(b"blob"));
    let target = format!("Location: {}", elsewhere.url("blob"));
    let tokens = HttpServer::new(move |_| ok(br#"{"token": "t0k"}"#));
    let realm = tokens.url("token");
    let registry = HttpServer::new(move |request| {
        let steps = |status: &str, header: &str| vec![Step::Send(answer(status, &[header, "Content-Length: 0"], b""))];
        if request.header("authorization") != Some("Bearer t0k") {
            let wanted = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"");
            return steps("401 Unauthorized", &wanted);
        }
        if request.path.contains("/blobs/") { steps("307 Temporary Redirect", &target) } else { ok(b"{}") }
    });
    let asked = http(&registry, login());
    assert_eq!(asked.manifest("1").expect("a manifest"), Some(b"{}".to_vec()));
    let mut bytes = Vec::new();
    asked.blob(&Digest(Sha256::of(b"blob"))).expect("a blob").read_to_end(&mut bytes).expect("it comes");
    assert_eq!(bytes, b"blob");
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
    let token = &tokens.requests()[0];
    assert_eq!(token.header("authorization"), Some(BASIC));
    assert!(token.path.contains("service=s") && token.path.contains("scope=repository%3Ateam%2Fsmall%3Apull"));
    assert!(registry.requests().iter().all(|request| request.header("authorization") != Some(BASIC)));
    assert!(!format!("{asked:?}").contains("secret"));
}

#[test]
fn case_173_answers_of_a_registry_have_limits() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_bytes().to_vec();
    let endless = HttpServer::new(move |_| vec![Step::Send(head.clone()), Step::Forever(vec![b' '; 1 << 16])]);
    let error = http(&endless, None).manifest("1").expect_err("endless");
    assert!(chain(&error).contains("longer than 4194304 bytes"), "{}", chain(&error));
    let tokens = |body: &'static [u8]| {
        let tokens = HttpServer::new(move |_| vec![Step::Send(answer("200 OK", &[], body))]);
        let wanted = format!("WWW-Authenticate: Bearer realm=\"{}\"", tokens.url("token"));
        let registry = HttpServer::new(move |_| {
            vec![Step::Send(answer("401 Unauthorized", &[&wanted, "Content-Length: 0"], b""))]
        });
        chain(&http(&registry, login()).manifest("1").expect_err("no token"))
    };
    assert!(tokens(br#"{"token": "a\r\nX: y"}"#).contains("control characters"));
    assert!(tokens(b"secret").contains("the token is none"));
    assert!(tokens(br#"{"token": "t"}"#).contains("the registry answers 401"));
    let refuses = |status: &'static str, body: &'static [u8]| {
        let server = HttpServer::new(move |_| vec![Step::Send(answer(status, &[], body))]);
        chain(&http(&server, None).manifest("1").expect_err(status))
    };
    let words = refuses("403 Forbidden", b"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\u001b[2J\"}]}");
    assert!(words.contains("403 DENIED: no\\u{1b}[2J; there is no login for it"), "{words}");
    assert!(refuses("500 Oops", b"\xff\x1b[31m").contains("answers 500"));
    let loops = HttpServer::new(|request| {
        let place = format!("Location: {}x", request.path);
        vec![Step::Send(answer("302 Found", &[&place, "Content-Length: 0"], b""))]
    });
    assert!(chain(&http(&loops, None).manifest("1").expect_err("a loop")).contains("redirects"));
}

/// Debian's registry, on a port of its own; ends with this.
pub(crate) struct DebianRegistry {
    child: std::process::Child,
    pub(crate) address: String,
    place: tempfile::TempDir,
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl DebianRegistry {
    #[expect(clippy::disallowed_methods, reason = "a real registry is the oracle")]
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir().expect("a place");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let address = format!("localhost:{port}");
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n\
             http: {{addr: 127.0.0.1:{port}}}\n",
            place.path().join("registry").display()
        );
        fs::write(place.path().join("config.yml"), configuration).expect("written");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(place.path().join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is there");
        let registry = Self { child, address, place };
        for _ in 0..600 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return registry;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("docker-registry does not listen");
    }

    /// Runs a program in the registry's place, which must end well, and returns what it says.
    #[expect(clippy::disallowed_methods, reason = "real programs are the oracle")]
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.place.path());
        let done = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let err = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program} {arguments:?}: {err}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

/// The program pushes to Debian's registry and pulls from it; skopeo, umoci and podman read the image.
#[test]
fn a_real_registry_and_real_readers() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "a_real_registry_and_real_readers") {
        return;
    }
    let (one, two) = (built("1", r#"["oci", "tar"]"#), built("2", r#"["oci", "tar"]"#));
    let (one, two) = (one.place.path().join("out"), two.place.path().join("out"));
    let debian = DebianRegistry::start();
    let name = format!("{}/team/small:1", debian.address);
    let imgbuild = env!("CARGO_BIN_EXE_imgbuild");
    let text = |path: &Path| path.to_str().expect("a text").to_owned();
    let json = |said: String| serde_json::from_str::<serde_json::Value>(&said).expect("JSON");
    let first = json(debian.run(imgbuild, &["push", &text(&one), &name, "--json"]));
    debian.run(imgbuild, &["pull", &name, "pulled"]);
    same(&one, &debian.place.path().join("pulled"));
    debian.run(imgbuild, &["verify", "pulled"]);
    debian.run(imgbuild, &["compare", "pulled/root.oci", &text(&one.join("root.tar"))]);
    let second = json(debian.run(imgbuild, &["push", &text(&two), &name, "--json"]));
    let bytes = |value: &serde_json::Value, key: &str| value[key].as_u64().expect("a number");
    assert!(bytes(&second, "there") > 0 && bytes(&second, "sent") < bytes(&first, "sent"), "{first} {second}");
    assert_eq!(bytes(&json(debian.run(imgbuild, &["push", &text(&two), &name, "--json"])), "sent"), 0);
    debian.run(imgbuild, &["pull", &name, "pulled"]);
    same(&two, &debian.place.path().join("pulled"));

    let image = format!("docker://{name}");
    let about = json(debian.run("skopeo", &["inspect", "--tls-verify=false", &image]));
    assert_eq!(about["Digest"].as_str(), second["digest"].as_str());
    assert_eq!((about["Architecture"].as_str(), about["Os"].as_str()), (Some("amd64"), Some("linux")));
    debian.run("skopeo", &["copy", "--src-tls-verify=false", &image, "oci:copied:latest"]);
    // Somebody else's layout has the same tree, and comes back as one.
    debian.run(imgbuild, &["compare", "copied", &text(&two.join("root.oci"))]);
    let other = format!("{}/team/other:1", debian.address);
    debian.run("skopeo", &["copy", "--dest-tls-verify=false", "oci:copied:latest", &format!("docker://{other}")]);
    assert!(debian.run(imgbuild, &["pull", &other, "other"]).contains("somebody else's"));
    debian.run(imgbuild, &["compare", "other", "copied"]);
    debian.run("umoci", &["unpack", "--rootless", "--image", &format!("{}:latest", text(&two.join("root.oci"))), "um"]);
    let read = |path: &str| fs::read_to_string(debian.place.path().join(path)).expect("there");
    assert_eq!(read("um/rootfs/usr/bin/hello"), "2");
    if rustix::process::geteuid().is_root() {
        let storage = ["--root", "store", "--runroot", "run", "--storage-driver", "vfs"];
        let podman = |more: &[&str]| debian.run("podman", &[&storage[..], more].concat());
        podman(&["pull", "--tls-verify=false", &name]);
        let mounted = podman(&["image", "mount", &name]);
        assert_eq!(fs::read_to_string(Path::new(mounted.trim()).join("usr/bin/hello")).expect("there"), "2");
        podman(&["image", "umount", &name]);
    }
}

//! Hostile archives through a whole build: for each numbered case of SECURITY.md which error comes, with which exit
//! code, and that no output and nothing of it in the store is left. The stages' own tests look closer; here it is
//! shown that what they refuse is refused by a build.

mod world;

use std::fs;

use imgbuild::digest::Sha256;
use imgbuild::format::compress::Compression;
use imgbuild::format::tar::EntryKind;
use imgbuild::format::tar::Header;
use imgbuild::host::Host;
use imgbuild::limits::Limits;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::ar_archive;
use imgbuild::testing::entry;
use imgbuild::testing::signer::HashAlgorithm;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;
use imgbuild::testing::tar_archive;
use world::BASE;
use world::DAY;
pub(crate) use world::KEY;
pub(crate) use world::Place;
pub(crate) use world::World;
pub(crate) use world::chain;
pub(crate) use world::class;
pub(crate) use world::files;
pub(crate) use world::names;
pub(crate) use world::request;

pub(crate) fn hello() -> DebBuilder {
    DebBuilder::new("hello", "1.0-1", "amd64").file("/usr/share/hello/greeting", 0o644, "hello, world\n")
}

pub(crate) fn simple() -> ArchiveBuilder {
    ArchiveBuilder::new("test").package(&hello())
}

fn signed(text: &str) -> String {
    TestKey::trusted().inline(text, Signing::at(ARCHIVE_DATE))
}

/// What is not hostile is built: without this every test below would prove nothing.
#[test]
fn an_honest_archive_is_built() {
    let world = World::new(&simple());
    let built = world.build().unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(built.outputs.iter().any(|output| output.path() == "root.tar"));
    assert_eq!(names(world.place.path()), ["cache", "keys.asc", "out", "small.toml"]);
    let tree = fs::read_to_string(world.place.path().join("out/tree.txt")).expect("it is there");
    assert!(tree.contains("/usr/share/hello/greeting"), "{tree}");
}

#[test]
fn cases_1_to_5_9_13_28_and_32_frames() {
    let good = signed(&simple().release());
    let bad = [
        ("1 text before", format!("Origin: evil\n{good}")),
        ("2 text after", format!("{good}Suite: evil\n")),
        ("2 text in the armor", good.replace("-----END PGP SIGNATURE", "Suite: evil\n-----END PGP SIGNATURE")),
        ("3 two messages", format!("{good}{good}")),
        ("3 nested", good.replace("Origin:", &format!("{good}Origin:"))),
        ("4 words after BEGIN", good.replace("SIGNED MESSAGE-----", "SIGNED MESSAGE-----evil")),
        ("4 no blank line", good.replace("SHA256\n\n", "SHA256\n")),
        ("4 not closed", good.replace("-----END PGP SIGNATURE-----", "")),
        ("5 field among the headers", good.replace("Hash: SHA256\n", "Hash: SHA256\nSuite: evil\n")),
        ("28 unsigned", simple().release()),
        ("32 login page", "<html>Please log in</html>".to_owned()),
    ];
    for (name, text) in bad {
        World::with_release(text).refused(name, "archive Framing", 3);
    }
    let text = simple().release();
    let signature = TestKey::trusted().detached(text.as_bytes(), Signing::at(ARCHIVE_DATE));
    let detached = |signature: String, release: String| {
        let world = World::new(&simple());
        world.transport.remove(&format!("{BASE}/dists/test/InRelease"));
        world.transport.put(&format!("{BASE}/dists/test/Release"), release);
        world.transport.put(&format!("{BASE}/dists/test/Release.gpg"), signature);
        world
    };
    detached(signature.clone(), text.clone()).build().expect("the detached form is good");
    let payload = detached(format!("Suite: evil\n{signature}"), text.clone());
    payload.refused("9 payload before", "archive Framing", 3);
    let payload = detached(format!("{signature}Suite: evil\n"), text.clone());
    payload.refused("9 payload after", "archive Framing", 3);
    let changed = detached(signature, text);
    changed.transport.put(&format!("{BASE}/dists/test/InRelease"), good.replace("Example", "Evil"));
    changed.refused("13 no falling back", "archive Bad", 3);
}

#[test]
fn cases_7_10_to_12_and_14_to_16_signatures() {
    let text = simple().release();
    let at = Signing::at(ARCHIVE_DATE);
    let by = |key: &TestKey, signing: Signing| {
        let world = World::with_release(key.inline(&text, signing));
        world.trust(&[TestKey::trusted(), key.clone()]);
        world
    };
    let sha1 = Signing { hash: HashAlgorithm::Sha1, ..at };
    by(&TestKey::rsa(), sha1).refused("10 SHA-1", "archive Weak", 3);
    by(&TestKey::weak(), at).refused("10 RSA-1024", "archive Weak", 3);
    by(&TestKey::revoked(), at).refused("11 revoked", "archive Expired", 3);
    let expired = Signing { expires: Some(3600), ..at };
    by(&TestKey::trusted(), expired).refused("11 expired signature", "archive Expired", 3);
    by(&TestKey::trusted(), Signing::at(ARCHIVE_DATE + 9 * DAY)).refused("11 future signature", "archive Expired", 3);
    let late = World { now: ARCHIVE_DATE + 3600 * DAY, ..World::new(&simple()) };
    late.refused("11 expired key", "archive Expired", 3);
    let unknown = World::with_release(TestKey::other().inline(&text, at));
    unknown.refused("7 another key", "archive UnknownKey", 3);
    let good = signed(&text);
    let block = good[good.find("-----BEGIN PGP SIGNATURE").expect("signed")..].to_owned();
    World::with_release(good.clone() + &block.repeat(40)).refused("15 a flood", "archive Malformed", 3);
    World::with_release(good.clone() + &"\n".repeat(10 << 20)).refused("15 endless", "archive TooBig", 3);
    let crowd = World::new(&simple());
    crowd.trust(&vec![TestKey::trusted(); 8000]);
    crowd.refused("16 a crowd of keys", "archive Malformed", 3);
    let other = TestKey::other().inline(&text, at);
    let other = &other[other.find("-----BEGIN PGP SIGNATURE").expect("signed")..];
    World::with_release(good.clone() + other).build().expect("12: an unknown key beside a known one");
    World::with_release(good.replace('\n', "\r\n")).build().expect("14: line ends do not count");
}

#[test]
fn cases_17_to_27_and_79_releases() {
    let date = |days: i64| imgbuild::deb::date::format(ARCHIVE_DATE + days * DAY);
    let digest = Sha256::of(b"");
    let line = |line: String| simple().edit("SHA256:\n", &format!("SHA256:\n {line}\n"));
    let bad = [
        ("17 freeze", simple().field("Valid-Until", &date(0)), "Stale"),
        ("18 future", simple().date(ARCHIVE_DATE + DAY + 11), "Future"),
        ("19 no date", simple().without("Date"), "Syntax"),
        ("19 junk date", simple().field("Date", "Thu, 99 Foo 99999 00:00:00 UTC"), "Syntax"),
        ("21 another suite", simple().field("Suite", "x").field("Codename", "y"), "SuiteMismatch"),
        ("22 only MD5", simple().edit("SHA256:", "MD5Sum:"), "NoStrongHash"),
        ("22 not hexadecimal", line(format!("{} 0 x", "z".repeat(64))), "Syntax"),
        ("23 two sums", line(format!("{digest} 0 main/binary-amd64/Packages.xz")), "Conflict"),
        ("23 doubled field", simple().edit("Codename: test\n", "Codename: test\nSuite: evil\n"), "Syntax"),
        ("25 negative size", line(format!("{digest} -1 x")), "Syntax"),
        ("25 size of 2^64", line(format!("{digest} 18446744073709551616 x")), "Syntax"),
    ];
    for (name, archive, wanted) in bad {
        World::new(&archive).refused(name, &format!("archive {wanted}"), 3);
    }
    World::new(&simple().edit("binary-amd64", "binary-arm64")).refused("27 no index", "archive Missing", 3);
    World::new(&line(format!("{digest} 0 ../../etc/passwd"))).build().expect("24: a path that nobody asks for");
    let sum = simple().release();
    let sum = sum.lines().last().and_then(|line| line.split(' ').nth(1)).expect("a sum");
    World::new(&simple().edit(sum, &sum.to_uppercase())).build().expect("26: a digest's value counts");

    let world = World::new(&simple());
    world.build().expect("the newest");
    fs::remove_dir_all(world.place.path().join("out")).expect("removed");
    world.serve(&simple().date(ARCHIVE_DATE - DAY));
    world.refused("20 a replay", "archive Rollback", 3);

    let years = 10 * 365 * DAY;
    let back = World { now: ARCHIVE_DATE - years, ..World::new(&simple()) };
    back.refused("79 ten years back", "archive Expired", 3);
    let other_key = simple().key(TestKey::other());
    let forth = World { now: ARCHIVE_DATE + years, ..World::new(&other_key.field("Valid-Until", &date(7))) };
    forth.trust(&[TestKey::other()]);
    forth.refused("79 ten years on", "archive Stale", 3);
}

#[test]
fn cases_29_31_33_39_and_48_files_that_are_not_as_signed_for() {
    let index = format!("{BASE}/dists/test/main/binary-amd64/Packages.xz");
    let archive = simple().field("Acquire-By-Hash", "no");
    let good = archive.build()["dists/test/main/binary-amd64/Packages.xz"].clone();
    let older = ArchiveBuilder::new("test").package(&hello().field("Version", "0.9")).build();
    let bad = [
        ("29 longer", [&good[..], b"x"].concat(), "TooBig"),
        ("31 shorter", good[..good.len() - 1].to_vec(), "Mismatch"),
        ("33 older", older["dists/test/main/binary-amd64/Packages.xz"].clone(), "Mismatch"),
        ("empty", Vec::new(), "Mismatch"),
    ];
    // Each waits for a new Release for some seconds.
    imgbuild::host::in_parallel(bad.len(), &bad, |(name, bytes, wanted)| {
        let world = World::new(&archive);
        world.transport.put(&index, bytes.clone());
        world.refused(name, &format!("archive {wanted}"), 3);
    });
    let bomb = simple().stanza(&" ".repeat(1 << 20));
    let text = bomb.release();
    let size = text.lines().last().and_then(|line| line.split(' ').nth(2)).expect("a size").to_owned();
    World::new(&bomb.edit(&format!(" {size} main"), " 100 main")).refused("39 a bomb", "archive Index", 3);

    let deb = format!("{BASE}/pool/main/hello/hello_1.0-1_amd64.deb");
    let good = hello().build();
    let bad = [
        ("48 another package", hello().field("Depends", "evil").build(), "TooBig"),
        ("48 page", b"<html>".to_vec(), "Mismatch"),
        ("48 longer", [&good[..], b"x"].concat(), "TooBig"),
        ("48 cut", good[..100].to_vec(), "Mismatch"),
    ];
    for (name, bytes, wanted) in bad {
        let world = World::new(&simple());
        world.transport.put(&deb, bytes);
        world.refused(name, &format!("fetch {wanted}"), 3);
        let store = world.host().expect("a store").store;
        assert!(store.get(&Sha256::of(&good)).expect("readable").is_none(), "{name}");
    }
}

#[test]
fn cases_40_to_47_stanzas() {
    let digest = Sha256::of(b"");
    let good = |more: &str| {
        format!(
            "Package: hello\nVersion: 9\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 5\nSHA256: {digest}\n{more}"
        )
    };
    let unusable = [
        ("40 up", good("").replace("pool/x.deb", "../../etc/passwd")),
        ("40 escapes", good("").replace("pool/x.deb", "pool/%2e%2e/x.deb")),
        ("40 another host", good("").replace("pool/x.deb", "http://evil.example.org/x.deb")),
        ("41 no digest", good("").replace("SHA256", "MD5sum")),
        ("41 size of 2^64", good("").replace("Size: 5", "Size: 18446744073709551616")),
        ("43 doubled field", good("Filename: pool/evil.deb\n")),
        ("44 NUL", good("Description: \0\n")),
        ("44 long line", good(&format!("Description: {}\n", "x".repeat(2 << 20)))),
        ("45 malformed", good("Depends: a (>> ), | b\n")),
        ("45 missing", good("Depends: nowhere\n")),
        ("45 alternatives", good(&format!("Depends: {}\n", vec!["nowhere"; 10_000].join(" | ")))),
    ];
    for (name, stanza) in unusable {
        World::new(&ArchiveBuilder::new("test").stanza(&stanza)).refused(name, "solve", 1);
    }
    for (name, stanza) in [
        ("42 name", good("").replace("Package: hello", "Package: ../hello")),
        ("42 version", good("").replace("Version: 9", "Version: 1/../../x")),
        ("42 architecture", good("").replace("amd64", "../amd64")),
    ] {
        World::new(&ArchiveBuilder::new("test").stanza(&stanza)).refused(name, "solve", 1);
        World::new(&simple().stanza(&stanza)).build().expect("it costs itself only");
    }
    let two = format!("{}\n{}", good(""), good("").replace(&digest.to_string(), &Sha256::of(b"x").to_string()));
    World::new(&ArchiveBuilder::new("test").stanza(&two)).refused("43 another digest", "archive Index", 3);
    // Circles are no errors: dpkg breaks them, and so does the order here.
    let circle = ArchiveBuilder::new("test")
        .package(&hello().field("Depends", "other, hello"))
        .package(&DebBuilder::new("other", "1", "all").field("Depends", "hello"));
    World::new(&circle).build().expect("45: a circle, and a package that depends on itself");
}

/// Case 105: what dpkg could not unpack in any order is an error before anything is fetched.
#[test]
fn case_105_a_circle_of_pre_depends() {
    let circle = ArchiveBuilder::new("test")
        .package(&hello().field("Pre-Depends", "other"))
        .package(&DebBuilder::new("other", "1", "all").field("Pre-Depends", "hello"));
    let error = World::new(&circle).refused("105 a circle", "solve", 1);
    let said = chain(&error);
    assert!(said.contains("`hello 1.0-1`, `other 1`: each needs the next before its unpacking"), "{said}");
}

/// An archive whose only hostile part is the .deb of `hello`.
fn with_deb(bytes: Vec<u8>) -> World {
    World::new(&ArchiveBuilder::new("test").deb(&hello().control(), bytes))
}

fn with_member(name: &str, body: &[u8]) -> World {
    let mut members = hello().members();
    match members.iter().position(|(old, _)| old == name) {
        Some(at) => members[at].1 = body.to_vec(),
        None => members.insert(2, (name.into(), body.to_vec())),
    }
    with_deb(ar_archive(&members))
}

#[test]
fn cases_35_and_49_to_55_whole_debs() {
    let other = hello().field("Version", "2.0").build();
    with_deb(other).refused("49 another version", "unpack", 1);
    let other = hello().field("Depends", "nothing").build();
    with_deb(other).refused("49 other dependencies", "unpack", 1);
    let gzip = hello().compression(Compression::Gzip).members();
    with_member("data.tar.xz", &gzip[2].1).refused("35 gzip called xz", "unpack", 1);
    with_member("other", b"x").refused("50 another member", "unpack", 1);
    with_member("debian-binary", b"3.0\n").refused("55 another format", "unpack", 1);
    with_deb(b"0.939000\n7\nABCDEFG".to_vec()).refused("55 the old format", "unpack", 1);
    let good = hello().build();
    for (name, from, to) in [
        ("50 negative size", &good[56..66].to_vec(), &b"-60       "[..]),
        ("50 hexadecimal size", &good[56..66].to_vec(), b"0x4       "),
        ("50 huge size", &good[56..66].to_vec(), b"9999999999"),
    ] {
        assert_eq!(from.len(), to.len());
        let mut bytes = good.clone();
        bytes[56..66].copy_from_slice(to);
        with_deb(bytes).refused(name, "unpack", 1);
    }
    let control = |text: &str| {
        hello().control_tar(tar_archive(&[(entry("./control", EntryKind::File), text.as_bytes().to_vec())])).build()
    };
    let text = hello().control();
    for (name, text) in [
        ("51 NUL", text.replace("hello", "he\0llo")),
        ("51 line ends", text.replace('\n', "\r\n")),
        ("51 doubled field", format!("{text}Version: 3\n")),
        ("51 format string", text.replace("hello", "%s%n")),
    ] {
        with_deb(control(&text)).refused(name, "unpack", 1);
    }
    let with_control = |header: Header| {
        let control = (entry("./control", EntryKind::File), text.clone().into_bytes());
        with_deb(hello().control_tar(tar_archive(&[control, (header, Vec::new())])).build())
    };
    for (name, header) in [
        ("52 control twice", entry("control", EntryKind::File)),
        ("52 link", Header { link: b"/etc/passwd".to_vec(), ..entry("./postinst", EntryKind::Symlink) }),
        ("52 pipe", entry("./postinst", EntryKind::Fifo)),
        ("52 out of it", entry("./../postinst", EntryKind::File)),
        ("52 dpkg's own list", entry("./list", EntryKind::File)),
    ] {
        with_control(header).refused(name, "unpack", 1);
    }
    let bomb = hello().field("Installed-Size", "1").file("/zeros", 0o644, vec![0; 300 << 20]);
    let bomb = World::new(&ArchiveBuilder::new("test").package(&bomb.compression(Compression::Zstd)));
    bomb.refused("53 a bomb", "unpack", 1);
    for kind in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let members = hello().compression(kind).members();
        let (name, body) = &members[2];
        let changed = |body: Vec<u8>| {
            let mut members = members.clone();
            members[2].1 = body;
            with_deb(ar_archive(&members))
        };
        changed(body[..body.len() - 6].to_vec()).refused(&format!("54 {name} cut"), "unpack", 1);
        changed([&body[..], b"garbage!"].concat()).refused(&format!("54 {name} garbage"), "unpack", 1);
    }
}

#[test]
fn cases_56_to_67_data() {
    let with = |deb: DebBuilder| World::new(&ArchiveBuilder::new("test").package(&deb));
    let raw = |data: Vec<u8>| with(hello().data_tar(data));
    let link = |path: &str, kind, target: &str| Header { link: target.into(), ..entry(path, kind) };
    let file = |path: &str| hello().entry(entry(path, EntryKind::File), "x");
    let (hard, soft) = (EntryKind::HardLink, EntryKind::Symlink);
    let bad = [
        ("56 up", file("./../evil")),
        ("56 absolute", file("/etc/evil")),
        ("56 deep", file(&format!("./{}x", "d/".repeat(3000)))),
        ("56 long", file(&format!("./{}", "x".repeat(300)))),
        ("57 through a link", hello().symlink("/usr/evil", "/etc").entry(entry("./usr/evil/x", EntryKind::File), "")),
        ("57 the root", hello().entry(link("./", soft, "/etc"), "")),
        ("58 to outside", hello().entry(link("./usr/x", hard, "/etc/passwd"), "")),
        ("58 to itself", hello().entry(link("./usr/x", hard, "./usr/x"), "")),
        ("58 to a directory", hello().entry(link("./usr/x", hard, "./usr"), "")),
        ("62 a file for a directory", hello().directory("/usr/x", 0o755).entry(entry("./usr/x", EntryKind::File), "")),
        ("64 newline", file("./usr/a\nb")),
        ("67 a conffile's trick", hello().control_file("conffiles", 0o644, "/usr/bin/../../etc/passwd\n")),
    ];
    for (name, deb) in bad {
        with(deb).refused(name, "unpack", 1);
    }
    let good = tar_archive(&[(entry("./usr/x", EntryKind::File), b"x".to_vec())]);
    let block = |change: &dyn Fn(&mut [u8])| {
        let mut data = good.clone();
        change(&mut data);
        data[148..156].fill(b' ');
        let sum: u32 = data[..512].iter().map(|&byte| u32::from(byte)).sum();
        data[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        data
    };
    for (case, kinds) in [("59 pax header", "xg"), ("60 sparse file", "S"), ("61 type", "XVMDNA")] {
        for kind in kinds.bytes() {
            raw(block(&|data| data[156] = kind)).refused(&format!("{case} {}", kind as char), "unpack", 1);
        }
    }
    for (name, data) in [
        ("60 negative size", block(&|data| data[124..136].fill(0xff))),
        ("60 junk size", block(&|data| data[124..136].copy_from_slice(b"0000000000x\0"))),
        ("60 huge size", block(&|data| data[124..136].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"))),
        ("60 junk mode", block(&|data| data[100..108].copy_from_slice(b"rwxr-xr-"))),
        ("60 data on a directory", block(&|data| data[156] = b'5')),
        ("66 checksum", [&good[..148], b"000000\0 ", &good[156..]].concat()),
        ("66 cut", good[..600].to_vec()),
        ("66 more after the end", [&good[..], &good].concat()),
    ] {
        raw(data).refused(name, "unpack", 1);
    }
    let mut capable = entry("./usr/ping", EntryKind::File);
    capable.xattrs.insert(b"security.capability".to_vec(), vec![1]);
    with(hello().entry(capable, "x")).refused("63 capabilities", "unpack", 1);
    let two = ArchiveBuilder::new("test")
        .package(&hello().field("Depends", "other").file("/usr/bin/x", 0o755, "1"))
        .package(&DebBuilder::new("other", "1", "amd64").file("/usr/bin/x", 0o755, "2"));
    // Each for itself is good, and remembered.
    World::new(&two).refused("67 one file, two packages", "unpack", 1);
    let mut device = entry("./dev/null", EntryKind::CharDevice);
    device.device = (1, 3);
    let mut many = hello().directory("/dev", 0o755).entry(device, "").file("/usr/bin/su", 0o4755, "x");
    for number in 0..2000 {
        many = many.entry(entry(&format!("./usr/share/hello/{number}"), EntryKind::File), "");
    }
    with(many).build().expect("63 and 65: devices, setuid and many files are data");
}

/// Case 75: other threads, another place, another day: the same bytes.
#[test]
fn case_75_two_builds_are_one() {
    let world = World::new(&simple());
    let first = world.build().expect("built");
    let other = World { now: ARCHIVE_DATE + 90 * DAY, ..World::new(&simple()) };
    let second = other.build_on(&Host { jobs: 7, ..other.host().expect("a store") }, "else/where").expect("built");
    assert_eq!(first.tree_digest, second.tree_digest);
    assert_eq!(first.outputs, second.outputs);
}

/// Case 47: a 3-SAT at the threshold of hardness, as packages: a variable is a package with two versions, a clause
/// one with three alternatives.
#[test]
fn case_47_relations_that_are_hard_to_solve() {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let stanza = |name: &str, version: u64, depends: &str| {
        let digest = Sha256::of(format!("{name} {version}").as_bytes());
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 5\n\
             SHA256: {digest}\n{depends}"
        )
    };
    let mut archive = ArchiveBuilder::new("test");
    for variable in 0..200 {
        for version in [1, 2] {
            archive = archive.stanza(&stanza(&format!("v{variable}"), version, ""));
        }
    }
    let mut clauses = Vec::new();
    for clause in 0..852 {
        let literals: Vec<String> = (0..3).map(|_| format!("v{} (= {})", random(200), random(2) + 1)).collect();
        let depends = format!("Depends: {}\n", literals.join(" | "));
        archive = archive.stanza(&stanza(&format!("c{clause}"), 1, &depends));
        clauses.push(format!("c{clause}"));
    }
    archive = archive.stanza(&stanza("hello", 1, &format!("Depends: {}\n", clauses.join(", "))));
    let mut world = World::new(&archive);
    world.limits.steps = 2_000;
    let error = world.refused("47 a hard world", "solve", 1);
    assert!(chain(&error).contains("2000"), "the limit is named: {}", chain(&error));
}

/// Case 68: what an output format cannot hold is an error, and nothing of the output appears.
#[test]
fn case_68_an_output_that_cannot_be_written() {
    let newc = |deb: DebBuilder| {
        World::new(&ArchiveBuilder::new("test").package(&deb)).recipe("[output]\nformats = [\"newc\"]\n")
    };
    newc(hello()).build().expect("what is in order is written");
    newc(hello().file("/TRAILER!!!", 0o644, "x")).refused("68 the name of the end", "image", 1);
    let late = Header { mtime: 1 << 32, ..entry("./usr/late", EntryKind::File) };
    newc(hello().entry(late, "x")).build().expect("no time of an image is after the newest Release");
}

/// Case 70: a recipe whose words are not words.
#[test]
fn case_70_recipes() {
    for (name, from, to) in [
        ("70 an option", "hello", "-oDPkg::Pre-Invoke=reboot"),
        ("70 two words", "hello", "a b"),
        ("70 a command", "hello", "$(reboot)"),
        ("70 a path", "hello", "../../out"),
        ("70 NUL", "hello", "a\\u0000b"),
        ("70 a suite that is a path", "suite = \"test\"", "suite = \"../test\""),
        ("70 a mirror that is none", "suite = \"test\"", "suite = \"test\"\nmirror = \"ftp://example.org/x\""),
        (
            "70 a mirror with a password",
            "suite = \"test\"",
            "suite = \"test\"\nmirror = \"http://u:p@example.org/debian\"",
        ),
        ("70 an unknown key", "suite = \"test\"", "suite = \"test\"\ntrusted = true"),
        ("70 a key twice", "suite = \"test\"", "suite = \"test\"\nsuite = \"evil\""),
        ("70 a keyring elsewhere", "keys.asc", "/etc/passwd"),
        ("70 no number", "name = \"small\"", "name = nan"),
        ("70 no format", "base = \"essential\"", "base = \"essential\"\n[output]\nformats = [\"/dev/sda\"]"),
    ] {
        let world = World::new(&simple());
        let path = world.place.path().join("small.toml");
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains(from), "{name}");
        fs::write(&path, text.replacen(from, to, 1)).expect("written");
        world.refused(name, "recipe", 2);
    }
    // Where an output may not appear, none does.
    let world = World::new(&simple());
    let path = world.place.path().join("cache");
    let error = world.build_on(&world.host().expect("a store"), "cache").expect_err("it is no output");
    world.assert_refused(&error, "70 an output over the cache", "output", 2, &[]);
    assert!(path.join("lock").exists());
}

/// Cases 15, 16, 39, 41, 44, 47, 52, 53, 65 and 73. Limits are options: what the defaults let through is refused below them, and nothing is left of it.
#[test]
fn limits_can_be_lower() {
    let changes: [(&str, fn(&mut Limits), &str, u8); 17] = [
        ("15 release", |limits| limits.release = 100, "archive TooBig", 3),
        ("15 signatures", |limits| limits.signatures = 0, "archive Malformed", 3),
        ("16 keyring", |limits| limits.keyring = 10, "archive Malformed", 3),
        ("44 line of a Release", |limits| limits.line = 10, "archive Syntax", 3),
        ("44 stanza of a Release", |limits| limits.stanza = 50, "archive Syntax", 3),
        ("44 fields of a Release", |limits| limits.fields = 2, "archive Syntax", 3),
        ("39 index", |limits| limits.index = 100, "archive Index", 3),
        ("44 packages", |limits| limits.packages = 1, "archive Index", 3),
        ("53 memory, for the index first", |limits| limits.memory = 1000, "archive Index", 3),
        ("41 deb", |limits| limits.deb = 100, "solve", 1),
        ("47 steps", |limits| limits.steps = 0, "solve", 1),
        ("52 control", |limits| limits.control = 600, "unpack", 1),
        ("52 control-file", |limits| limits.control_file = 10, "unpack", 1),
        ("52 control-files", |limits| limits.control_files = 0, "unpack", 1),
        ("53 data", |limits| limits.data = 1000, "unpack", 1),
        ("53 ratio", |limits| (limits.ratio, limits.small) = (1, 1), "archive Index", 3),
        ("65 entries", |limits| limits.entries = 2, "unpack", 1),
    ];
    let two = simple().package(&DebBuilder::new("other", "1", "all").file("/usr/share/other", 0o644, vec![b'x'; 9000]));
    World::new(&two).build().expect("within the defaults");
    for (name, change, wanted, code) in changes {
        let mut world = World::new(&two);
        change(&mut world.limits);
        world.refused(name, wanted, code);
    }
    let script = hello().script("postinst", "#!/bin/sh\nf() { x=$1$1; }\nf \"$(echo 1234567890)\"\necho \"$x$x\"\n");
    let script = ArchiveBuilder::new("test").package(&script);
    World::new(&script).build().expect("within the defaults");
    let changes: [(&str, fn(&mut Limits)); 3] = [
        ("73 script-steps", |limits| limits.script_steps = 3),
        ("73 script-output", |limits| limits.script_output = 20),
        ("73 script-depth", |limits| limits.script_depth = 0),
    ];
    for (name, change) in changes {
        let mut world = World::new(&script);
        change(&mut world.limits);
        world.refused(name, "configure Native", 1);
    }
}

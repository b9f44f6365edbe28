//! Archives as others make them: flat, with many components, of `all` alone, in old compressions, named by SHA-512.

use std::collections::BTreeSet;

use imgbuild::archive;
use imgbuild::archive::Allowance;
use imgbuild::archive::Error;
use imgbuild::archive::ReleaseError;
use imgbuild::archive::Source;
use imgbuild::deb::date;
use imgbuild::digest::Digest;
use imgbuild::fetch;
use imgbuild::format::compress::Compression;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::TrustError;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::signer::TestKey;

use super::world::DAY;
use super::world::World;
use super::world::deb;
use super::world::simple;

/// Opens an archive, fetches `hello` from it, and proves and opens it again without a network.
#[track_caller]
fn whole(mut world: World, change: impl FnOnce(&mut Source)) -> archive::Index {
    change(&mut world.source);
    let index = world.open().unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    let sources = std::slice::from_ref(&world.source);
    let hello = index.package(index.named("hello")[0]);
    fetch::fetch(&world.host(), sources, &[hello]).expect("it comes");
    let proof = &index.proofs()[0];
    archive::verify_proof(&OpenPgp::default(), &world.source.keyring, &world.source.allow, proof, &world.host().limits)
        .expect("proved");
    let offline = Host { transport: std::sync::Arc::new(host::OfflineTransport), ..world.host() };
    let again = archive::reopen(&offline, sources, std::slice::from_ref(proof)).expect("from the store");
    assert!(!again.named("hello").is_empty());
    fetch::fetch(&offline, sources, &[hello]).expect("from the store");
    index
}

fn flat(directory: &str) -> impl FnOnce(&mut Source) {
    let suite = directory.to_owned();
    move |source| {
        source.suite = suite;
        source.components.clear();
    }
}

#[test]
fn a_flat_repository_has_one_index() {
    let other = DebBuilder::new("hello", "9", "arm64");
    for (suite, directory) in
        [("./", ""), ("/", ""), ("debian12/", "debian12/"), ("./debian12/x86_64/", "debian12/x86_64/")]
    {
        let archive = simple().package(&other).flat(directory);
        let index = whole(World::new(&archive), flat(suite));
        assert_eq!(index.named("hello").len(), 1, "{suite}: that of another machine is not ours");
    }
    let by_hash = simple().flat("").field("Acquire-By-Hash", "yes");
    whole(World::new(&by_hash), flat("./"));
    // Some name the index with a dot before it.
    let dotted = simple().compressions(&[Compression::Gzip]).flat("").edit(" Packages.gz", " ./Packages.gz");
    whole(World::new(&dotted), flat("./"));
    let mut nothing = World::new(&simple().flat("").edit(" Packages", " Sources"));
    flat("./")(&mut nothing.source);
    assert!(matches!(nothing.open(), Err(Error::Release { source: ReleaseError::Missing(_), .. })));
    for suite in ["../", "a/../", "a b/", "?/"] {
        let mut world = World::new(&simple().flat(""));
        flat(suite)(&mut world.source);
        assert!(matches!(world.refused(), Error::Source { .. }), "{suite}");
    }
}

#[test]
fn many_components_each_have_an_index() {
    let archive = simple()
        .field("Components", "main contrib tools/beta")
        .place("contrib", "amd64")
        .package(&deb("extra"))
        .place("tools/beta", "amd64")
        .package(&deb("early"));
    let components = |source: &mut Source| source.components = ["main", "tools/beta"].map(str::to_owned).to_vec();
    let index = whole(World::new(&archive), components);
    assert_eq!(index.names().collect::<Vec<_>>(), ["early", "hello", "world"]);
    let world = World::new(&archive);
    let found = archive::elsewhere(&world.host(), &world.source, &BTreeSet::from(["extra", "early", "hello", "none"]));
    let found: Vec<(&str, &str)> = found.iter().map(|(name, component)| (name.as_str(), component.as_str())).collect();
    assert_eq!(found, [("early", "tools/beta"), ("extra", "contrib")]);
}

#[test]
fn an_archive_of_all_alone_needs_no_other_index() {
    let all = || ArchiveBuilder::new("test").place("main", "all").package(&DebBuilder::new("hello", "1", "all"));
    for archive in [
        all().without_empty().field("Architectures", "all"),
        all().without_empty().field("Architectures", "all").without("No-Support-for-Architecture-all"),
        all().without_empty().field("Architectures", "all arm64"),
    ] {
        whole(World::new(&archive), |_| ());
    }
    let refused = |archive: &ArchiveBuilder| World::new(archive).open().expect_err("it must be refused");
    let claimed = refused(&all().without_empty());
    assert!(matches!(claimed, Error::Release { source: ReleaseError::Missing(_), .. }), "{claimed:?}");
    let other = all().without_empty().field("Architectures", "arm64").edit("binary-all", "binary-arm64");
    let error = refused(&other);
    assert!(matches!(error, Error::Release { source: ReleaseError::Architecture { .. }, .. }), "{error:?}");
}

#[test]
fn any_form_of_an_index_is_read_and_the_next_where_one_is_missing() {
    let every = [
        Compression::Zstd,
        Compression::Xz,
        Compression::Gzip,
        Compression::Bzip2,
        Compression::Lzma,
        Compression::None,
    ];
    for form in every {
        whole(World::new(&simple().compressions(&[form])), |_| ());
    }
    for (unserved, served) in [
        (vec![Compression::Xz], Compression::Gzip),
        (vec![Compression::Zstd, Compression::Xz, Compression::Gzip], Compression::Bzip2),
        (vec![Compression::Xz], Compression::Lzma),
        (vec![Compression::Xz], Compression::None),
    ] {
        let archive = simple().unserved(&unserved).compressions(&[served]);
        let index = whole(World::new(&archive), |_| ());
        let read = index.proofs()[0].indices.keys().next().expect("an index").clone();
        assert!(read.ends_with(&format!("Packages{}", served.suffix())), "{read}");
    }
    // Where none is there, the mirror is to blame.
    let none = simple().unserved(&[Compression::Xz, Compression::Gzip]).compressions(&[]);
    assert!(matches!(World::new(&none).open(), Err(Error::OutOfSync { .. })));
    // A form that is there and is another file is no reason to read the next.
    let world =
        World::new(&simple().field("Acquire-By-Hash", "no").compressions(&[Compression::Xz, Compression::Gzip]));
    world.transport.put("http://example.org/debian/dists/test/main/binary-amd64/Packages.xz", b"other".to_vec());
    assert!(world.open().expect_err("an old state").is_integrity());
}

#[test]
fn sha512_alone_is_as_safe() {
    let archive = ArchiveBuilder::new("test").sha512().package(&deb("hello"));
    let index = whole(World::new(&archive), |_| ());
    assert!(matches!(index.proofs()[0].indices.values().next(), Some(Digest::Sha512(_))));
    whole(World::new(&ArchiveBuilder::new("test").sha512().package(&deb("hello")).flat("")), flat("./"));
    // A field that is there and empty says nothing.
    whole(World::new(&archive.clone().edit("SHA512:\n", "SHA256:\nSHA512:\n")), |_| ());

    let world = World::new(&archive);
    let index = world.open().expect("it opens");
    let sources = std::slice::from_ref(&world.source);
    let mut packages = [index.package(index.named("hello")[0]).clone()];
    fetch::identify(&world.host(), sources, &mut packages).expect("it comes");
    assert_eq!(packages[0].sha256, imgbuild::digest::Sha256::of(&deb("hello").build()));
    world.transport.take_requests();
    fetch::identify(&world.host(), sources, &mut packages).expect("it is known");
    assert!(world.transport.take_requests().is_empty());

    // One flipped byte of the index, and of the package.
    let world = World::new(&archive.clone().field("Acquire-By-Hash", "no"));
    let url = "http://example.org/debian/dists/test/main/binary-amd64/Packages.xz";
    let mut bytes = archive.build()["dists/test/main/binary-amd64/Packages.xz"].clone();
    bytes[20] ^= 1;
    world.transport.put(url, bytes);
    assert!(world.open().expect_err("another file").is_integrity());
    let world = World::new(&archive);
    let index = world.open().expect("it opens");
    let hello = index.package(index.named("hello")[0]);
    let mut bytes = deb("hello").build();
    bytes[100] ^= 1;
    world.transport.put(&format!("http://example.org/debian/{}", hello.filename), bytes);
    let error = fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[hello]).expect_err("changed");
    assert!(error.is_integrity(), "{error:?}");
}

#[test]
fn what_is_allowed_by_name_is_let_off_and_nothing_else() {
    let with = |archive: &ArchiveBuilder, allow: &[Allowance]| {
        let mut world = World::new(archive);
        world.source.allow = allow.to_vec();
        world
    };
    let expired = date::format(ARCHIVE_DATE + DAY / 2);
    for (archive, allowance) in [
        (simple().without("Suite").without("Codename"), Allowance::SuiteMismatch),
        (simple().field("Suite", "x").field("Codename", "y"), Allowance::SuiteMismatch),
        (simple().without("Date"), Allowance::NoDate),
        (simple().field("Date", "2026-06-01 00:00"), Allowance::NoDate),
        (simple().field("Date", "Mon, 1 Jun 2026 02:00:00 +0200"), Allowance::NoDate),
        (simple().field("Valid-Until", &expired), Allowance::Expired),
        (simple().field("Valid-Until", "never"), Allowance::Expired),
    ] {
        let world = with(&archive, &[allowance]);
        whole(world, |_| ());
        for other in [Allowance::SuiteMismatch, Allowance::NoDate, Allowance::Expired] {
            if other != allowance {
                assert!(matches!(with(&archive, &[other]).refused(), Error::Release { .. }), "{other:?}");
            }
        }
    }
    // Without a date, when it was signed counts: an older one is a replay all the same.
    let world = with(&simple().without("Date"), &[Allowance::NoDate]);
    assert_eq!(world.open().expect("it opens").proofs()[0].date, ARCHIVE_DATE);
    let older = simple().date(ARCHIVE_DATE - DAY).without("Date").build();
    world.transport.put(super::world::RELEASE, older["dists/test/InRelease"].clone());
    assert!(matches!(world.open(), Err(Error::Release { source: ReleaseError::Rollback { .. }, .. })));
    let unsigned = simple().key(TestKey::other());
    let all = [Allowance::SuiteMismatch, Allowance::NoDate, Allowance::Expired];
    assert!(matches!(with(&unsigned, &all).refused(), Error::Signature { source: TrustError::UnknownKey(_), .. }));
}

#[test]
fn forms_that_apt_does_not_mind() {
    let digest = imgbuild::digest::Sha256::of(&deb("odd").build());
    let size = deb("odd").build().len();
    let stanza =
        |filename: &str| format!("{}Filename: {filename}\nSize: {size}\nSHA256: {digest}\n", deb("odd").control());
    for filename in ["pool//odd.deb", "/pool/odd.deb", "./pool/./odd.deb", "pool/odd.deb"] {
        let world = World::new(&simple().stanza(&stanza(filename)));
        world.transport.put("http://example.org/debian/pool/odd.deb", deb("odd").build());
        let index = world.open().expect("it opens");
        let odd = index.package(index.named("odd")[0]);
        fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[odd]).expect(filename);
    }
    // An index with lines that end in CR LF, and one with a name in Latin-1.
    let crlf = stanza("pool/odd.deb").replace('\n', "\r\n");
    let world =
        World::new(&ArchiveBuilder::new("test").stanza(&format!("{crlf}\r")).stanza(&crlf.replace("odd", "even")));
    let index = world.open().expect("it opens");
    assert_eq!(index.names().collect::<Vec<_>>(), ["even", "odd"]);
    assert!(index.ids().all(|id| index.fault(id).is_none()));
}

/// GnuPG's keybox, and armor with words around it, are keyrings; what is none is named.
#[test]
fn keyrings_in_every_form() {
    let world = |keyring: Vec<u8>| {
        let mut world = World::new(&simple());
        world.source.keyring = keyring;
        world.source.keyring_file = "keys/x.asc".to_owned();
        world
    };
    let armored = TestKey::trusted().certificate();
    let binary = TestKey::trusted().binary_certificate();
    let blob = |kind: u8, key: &[u8]| {
        let number = |number: usize| u32::try_from(number).expect("small").to_be_bytes();
        let head = [&number(20 + key.len())[..], &[kind, 1, 0, 0], &number(20), &number(key.len()), &[0; 4]].concat();
        [head, key.to_vec()].concat()
    };
    let header = [&32_u32.to_be_bytes()[..], &[1, 1, 0, 0], b"KBXf", &[0; 20]].concat();
    let keybox = [header.clone(), blob(2, &TestKey::other().binary_certificate()), blob(3, b"X.509"), blob(2, &binary)];
    let good: [(&str, Vec<u8>); 6] = [
        ("armored", armored.clone()),
        ("binary", binary),
        ("keybox", keybox.concat()),
        ("words before", [b"The key of Example:\n\n", armored.as_slice()].concat()),
        ("words after", [armored.as_slice(), b"\nThat was it.\n"].concat()),
        ("words between", [TestKey::other().certificate(), b"\nand\n".to_vec(), armored.clone()].concat()),
    ];
    for (name, keyring) in good {
        world(keyring).open().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let keybox = keybox.concat();
    let bad: [(&str, Vec<u8>); 6] = [
        ("empty keybox", header),
        ("cut keybox", keybox[..keybox.len() - 1].to_vec()),
        ("keybox with a loop", [&keybox[..32], &[0; 64]].concat()),
        ("words", b"no key here\n".to_vec()),
        ("bytes", vec![0, 1, 2, 3, 0xff]),
        ("page", b"<html></html>".to_vec()),
    ];
    for (name, keyring) in bad {
        let error = world(keyring).refused();
        assert!(matches!(error, Error::Keyring { .. }) && error.is_integrity(), "{name}: {error:?}");
        assert!(error.to_string().contains("keys/x.asc"), "{name}: {error}");
    }
}

/// Debian's suites up to buster had their security updates elsewhere, in a Release of the suite's own name.
#[test]
fn the_old_layout_of_the_security_archive() {
    let release = |label: &str| {
        let old = ArchiveBuilder::new("buster/updates").package(&deb("hello"));
        old.field("Suite", "oldstable").field("Codename", "buster").field("Label", label)
    };
    let named = |source: &mut Source| source.suite = "buster/updates".to_owned();
    let components = release("Debian-Security").field("Components", "updates/main updates/contrib");
    whole(World::new(&components), named);
    let mut other = World::new(&release("Debian"));
    named(&mut other.source);
    let error = other.refused();
    assert!(matches!(error, Error::Release { source: ReleaseError::SuiteMismatch { .. }, .. }), "{error:?}");
}

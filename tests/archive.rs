//! The archive stage against archives made in code and, switched, against Debian's own.

mod forms;
mod others;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use imgbuild::archive;
use imgbuild::archive::At;
use imgbuild::archive::Error;
use imgbuild::archive::Expected;
use imgbuild::archive::IndexError;
use imgbuild::archive::Options;
use imgbuild::archive::ReleaseError;
use imgbuild::archive::Signed;
use imgbuild::archive::Source;
use imgbuild::digest::Sha256;
use imgbuild::fetch;
use imgbuild::format::compress::Compression;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::Transport;
use imgbuild::host::TransportError;
use imgbuild::host::TrustError;
use imgbuild::host::download::DownloadError;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::host::store::DirStore;
use imgbuild::limits::Limits;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MemoryTransport;
use imgbuild::testing::signer::HashAlgorithm;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;
use imgbuild::testing::signer::clearsigned;

use world::BASE;
use world::DAY;
use world::RELEASE;
use world::World;
use world::deb;
use world::files_below;
use world::signed;
use world::simple;

#[test]
fn an_archive_opens_and_its_packages_come() {
    let world = World::new(&simple());
    let index = world.open().expect("it opens");
    assert_eq!(index.names().collect::<Vec<_>>(), ["hello", "world"]);
    assert_eq!(index.providing("mail").len(), 1, "once, though in two versions");
    assert_eq!(index.providing("post"), index.named("world"));
    assert!(index.named("mail").is_empty());
    let hello = index.package(index.named("hello")[0]);
    assert_eq!((hello.version.as_str(), hello.archive), ("1.0-1", Some(0)));
    assert!(index.stanza(index.named("hello")[0]).starts_with("Package: hello\n"));
    let debs = fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[hello]).expect("it comes");
    assert_eq!(debs[0].blob.sha256, Sha256::of(&deb("hello").build()));
}

#[test]
fn what_is_known_is_not_fetched_again_and_works_offline() {
    let world = World::new(&simple());
    let index = world.open().expect("it opens");
    let hello = index.package(index.named("hello")[0]).clone();
    fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[&hello]).expect("it comes");
    world.transport.take_requests();
    world.open().expect("it opens again");
    assert_eq!(world.transport.take_requests(), [(RELEASE.to_owned(), 0)]);
    let far_future =
        Host { transport: Arc::new(host::OfflineTransport), now: ARCHIVE_DATE + 9000 * DAY, ..world.host() };
    let error = archive::open(&far_future, std::slice::from_ref(&world.source), &Options::default());
    assert!(matches!(error, Err(Error::Signature { source: TrustError::Expired { .. }, .. })), "{error:?}");
    let offline = Host { now: ARCHIVE_DATE + 400 * DAY, ..far_future };
    archive::open(&offline, std::slice::from_ref(&world.source), &Options::default()).expect("everything is there");
    fetch::fetch(&offline, std::slice::from_ref(&world.source), &[&hello]).expect("the .deb too");
    let empty = tempfile::tempdir().expect("a temporary directory");
    let bare = Host { store: Arc::new(DirStore::open(empty.path()).expect("a store")), ..offline };
    let error =
        archive::open(&bare, std::slice::from_ref(&world.source), &Options::default()).expect_err("nothing there");
    assert!(!error.is_integrity() && !error.is_retryable(), "{error}");
}

/// Cases 1 to 5, 14, 28 and 32: what is around, before, after or in place of the signed message.
#[test]
fn a_frame_is_one_signed_message_and_nothing_else() {
    let good = signed(&simple().release());
    let nested = good.replace("Origin:", &format!("{good}Origin:"));
    let (before_signature, signature) = good.split_at(good.find("-----BEGIN PGP SIGNATURE").expect("signed"));
    let bad: [(&str, String); 19] = [
        ("1 prefix", format!("Origin: evil\n{good}")),
        ("1 blank prefix", format!("\n{good}")),
        ("2 suffix", format!("{good}\nSuite: evil\n")),
        ("2 suffix word", format!("{good}x")),
        ("2 text in the armor", good.replace("-----END PGP SIGNATURE", "Suite: evil\n-----END PGP SIGNATURE")),
        ("2 blank in the armor", good.replace("-----END PGP SIGNATURE", "\n-----END PGP SIGNATURE")),
        ("3 two messages", format!("{good}{good}")),
        ("3 nested", nested),
        ("4 garbage after BEGIN", good.replace("SIGNED MESSAGE-----", "SIGNED MESSAGE----- x")),
        ("4 no blank line", good.replace("SHA256\n\n", "SHA256\n")),
        ("4 dash in the text", good.replace("Origin:", "-Origin:")),
        ("4 open signature", good.replace("-----END PGP SIGNATURE-----", "")),
        ("4 no signature", before_signature.to_owned()),
        ("4 only a signature", signature.to_owned()),
        ("5 field as header", good.replace("Hash: SHA256\n", "Hash: SHA256\nSuite: evil\n")),
        ("5 control character", good.replace("Hash: SHA256\n", "Hash: SHA256\nComment: \u{1b}[2J\n")),
        ("28 unsigned", simple().release()),
        ("empty", String::new()),
        ("32 captive portal", "<!DOCTYPE html><html>Please log in</html>".to_owned()),
    ];
    for (name, bytes) in bad {
        let error = World::with_release(bytes).refused();
        assert!(matches!(error, Error::Framing { .. }) && error.is_integrity(), "{name}: {error:?}");
    }
    let ok = [
        ("14 CR LF", good.replace('\n', "\r\n")),
        ("14 blanks at line ends", good.replace('\n', " \t\n")),
        ("14 blank lines after", format!("{good}\n\n")),
        ("other headers", good.replace("Hash: SHA256\n", "Hash: SHA256\nComment: none\n")),
    ];
    for (name, bytes) in ok {
        World::with_release(bytes).open().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

/// Case 32: the message helps.
#[test]
fn a_login_page_is_called_one() {
    let error = World::with_release("<html>log in</html>").refused();
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("login"), "{cause}");
}

/// Case 7: the second mirror is judged for itself; what the first served is forgotten.
#[test]
fn an_evil_mirror_is_passed_over() {
    let evil = ArchiveBuilder::new("test").package(&deb("evil")).key(TestKey::other());
    let mut world = World::new(&simple());
    for (path, bytes) in evil.build() {
        world.transport.put(&format!("http://evil.example.org/{path}"), bytes);
    }
    world.source.mirrors.insert(0, "http://evil.example.org/".to_owned());
    let index = world.open().expect("the good mirror serves");
    assert!(index.named("evil").is_empty() && !index.named("hello").is_empty());
    world.source.mirrors.truncate(1);
    assert!(matches!(world.open(), Err(Error::Signature { source: TrustError::UnknownKey(_), .. })));
}

/// Cases 9 and 13, and the second form of a signed Release.
#[test]
fn a_detached_signature_counts_where_there_is_no_inrelease() {
    let text = simple().release();
    let signature = TestKey::trusted().detached(text.as_bytes(), Signing::at(ARCHIVE_DATE));
    let with = |release: &str, signature: &str| {
        let world = World::new(&simple());
        world.transport.remove(RELEASE);
        world.transport.put(&RELEASE.replace("InRelease", "Release"), release);
        world.transport.put(&RELEASE.replace("InRelease", "Release.gpg"), signature);
        world
    };
    let index = with(&text, &signature).open().expect("it opens");
    archive::verify_proof(
        &OpenPgp::default(),
        &TestKey::trusted().certificate(),
        &[],
        &index.proofs()[0],
        &Limits::default(),
    )
    .expect("it proves itself");
    let error = with(&text.replace("Example", "Evil"), &signature).refused();
    assert!(matches!(error, Error::Signature { source: TrustError::Bad(_), .. }), "{error:?}");
    let payloads = [
        ("before", format!("Suite: evil\n{signature}")),
        ("after", format!("{signature}Suite: evil\n")),
        ("within", signature.replace("\n\n", "\n\nSuite: evil\n")),
        ("a message", signed(&text)),
        ("nothing", String::new()),
    ];
    for (name, payload) in payloads {
        assert!(matches!(with(&text, &payload).refused(), Error::Framing { .. }), "{name}");
    }
    let world = with(&text, &signature);
    world.transport.put(RELEASE, signed(&text).replace("Example", "Evil"));
    assert!(matches!(world.refused(), Error::Signature { source: TrustError::Bad(_), .. }), "13: no falling back");
    assert!(!world.transport.take_requests().iter().any(|(url, _)| url.ends_with(".gpg")));
}

/// Cases 10 to 12, 15 and 16: whose signature counts, and when.
#[test]
fn only_good_signatures_count() {
    let text = simple().release();
    let by = |key: TestKey, signing: Signing| {
        let mut world = World::with_release(key.inline(&text, signing));
        world.source.keyring = [TestKey::trusted(), key].map(|key| key.certificate()).concat();
        world
    };
    let at = Signing::at(ARCHIVE_DATE);
    by(TestKey::trusted(), at).open().expect("the primary key");
    by(TestKey::trusted().subkey(), at).open().expect("the subkey");
    by(TestKey::other(), at).open().expect("any key of the ring");
    by(TestKey::rsa(), at).open().expect("RSA with 2048 bits");

    let weak = [
        ("SHA-1", by(TestKey::rsa(), Signing { hash: HashAlgorithm::Sha1, ..at })),
        ("MD5", by(TestKey::rsa(), Signing { hash: HashAlgorithm::Md5, ..at })),
        ("RSA-1024", by(TestKey::weak(), at)),
        ("DSA", by(TestKey::dsa(), at)),
        ("version 3", by(TestKey::rsa(), Signing { obsolete: true, ..at })),
    ];
    for (name, world) in weak {
        let error = world.refused();
        assert!(matches!(error, Error::Signature { source: TrustError::Weak { .. }, .. }), "{name}: {error:?}");
    }
    let expired = [
        ("revoked key", by(TestKey::revoked(), at)),
        ("expired signature", by(TestKey::trusted(), Signing { expires: Some(3600), ..at })),
        ("signed before the key was made", by(TestKey::trusted(), Signing::at(1_700_000_000))),
        ("signed in the future", by(TestKey::trusted(), Signing::at(ARCHIVE_DATE + 9 * DAY))),
        ("key expired since", World { now: ARCHIVE_DATE + 3600 * DAY, ..by(TestKey::trusted(), at) }),
        ("subkey expired since", World { now: ARCHIVE_DATE + 1800 * DAY, ..by(TestKey::trusted().subkey(), at) }),
    ];
    for (name, world) in expired {
        let error = world.refused();
        assert!(matches!(error, Error::Signature { source: TrustError::Expired { .. }, .. }), "{name}: {error:?}");
    }
    let late = World { now: ARCHIVE_DATE + 1800 * DAY, ..by(TestKey::trusted(), at) };
    late.open().expect("the primary key lives longer");
}

/// Case 104: signature, dates and suite are one check, and what is read is what was signed.
#[test]
fn case_104_a_release_is_verified_as_a_whole() {
    let keyring = TestKey::trusted().certificate();
    let verify = |bytes: &str, suite: &str, at: At| {
        let signed = Signed::inline(bytes.as_bytes()).expect("a frame");
        let limits = Limits::default();
        let expected = Expected { keyring: &keyring, suite, at, allow: &[], limits };
        archive::verify_release(&OpenPgp::default(), &signed, &expected)
    };
    let text = simple().field("Valid-Until", &imgbuild::deb::date::format(ARCHIVE_DATE + 2 * DAY)).release();
    // Blanks at line ends and dashes at their beginnings are where the text and what is hashed differ.
    let text = text.replace("Origin: Example", "- Origin: Example  \nX-Note:\n -----BEGIN");
    let text = text.replace("- Origin", "Origin");
    let good = signed(&text);
    let verified = verify(&good, "test", At::Now(ARCHIVE_DATE + DAY)).expect("it counts");
    assert_eq!(verified.signers(), [TestKey::trusted().fingerprint()]);
    assert_eq!(verified.release().suite.as_deref(), Some("test"));
    assert!(!verified.text().windows(9).any(|bytes| bytes == b"Example  "), "as signed: without blanks at line ends");
    let wrong = [
        ("another suite", verify(&good, "other", At::Now(ARCHIVE_DATE + DAY))),
        ("expired", verify(&good, "test", At::Now(ARCHIVE_DATE + 3 * DAY))),
        ("from the future", verify(&good, "test", At::Now(ARCHIVE_DATE - DAY))),
        ("changed", verify(&good.replace("Example", "Evil"), "test", At::Now(ARCHIVE_DATE + DAY))),
    ];
    for (name, result) in wrong {
        assert!(result.is_err(), "{name}");
    }
    let kept = verify(&good, "test", At::Kept(ARCHIVE_DATE + 3 * DAY)).expect("offline, that it expired is overlooked");
    assert_eq!(kept.waived(), Some(ARCHIVE_DATE + 2 * DAY));
    verify(&good, "test", At::Own).expect("proved again, by no clock");
}

#[test]
fn several_signatures() {
    let text = simple().release();
    let good = signed(&text);
    let block = |message: &str| message[message.find("-----BEGIN PGP SIGNATURE").expect("signed")..].to_owned();
    let by = |key: TestKey| block(&key.inline(&text, Signing::at(ARCHIVE_DATE)));
    World::with_release(good.clone() + &by(TestKey::other())).open().expect("12: an unknown key beside");
    World::with_release(clearsigned(&text, &(by(TestKey::other()) + &block(&good))))
        .open()
        .expect("12: the other way round");
    let mut both =
        World::with_release(good.clone() + &block(&TestKey::other().inline("Suite: x", Signing::at(ARCHIVE_DATE))));
    both.source.keyring.extend(TestKey::other().certificate());
    assert!(
        matches!(both.refused(), Error::Signature { source: TrustError::Bad(_), .. }),
        "a known key's bad signature"
    );
    let flood = World::with_release(good.clone() + &by(TestKey::other()).repeat(40));
    assert!(matches!(flood.refused(), Error::Signature { source: TrustError::Malformed(_), .. }), "15");
    let long = World::with_release(good.clone() + &"\n".repeat(10_000_000));
    assert!(matches!(long.refused(), Error::Download { source: DownloadError::TooBig { .. }, .. }), "15");
    let mut crowd = World::with_release(good);
    crowd.source.keyring = TestKey::trusted().certificate().repeat(8000);
    assert!(matches!(crowd.refused(), Error::Signature { source: TrustError::Malformed(_), .. }), "16");
}

/// Cases 17 to 19 and 21 to 26: what a signed Release may say.
#[test]
fn releases_are_judged_strictly() {
    use ReleaseError as E;

    let valid = |days: i64| imgbuild::deb::date::format(ARCHIVE_DATE + days * DAY);
    let digest = Sha256::of(b"").to_string();
    type Judge = fn(&ReleaseError) -> bool;
    let bad: [(&str, ArchiveBuilder, Judge); 16] = [
        ("17 expired", simple().field("Valid-Until", &valid(0)), |e| matches!(e, E::Stale { .. })),
        ("18 future", simple().date(ARCHIVE_DATE + DAY + 11), |e| matches!(e, E::Future { .. })),
        ("19 no date", simple().without("Date"), |e| matches!(e, E::Field { field: "Date", .. })),
        ("19 junk date", simple().field("Date", "tomorrow"), |e| matches!(e, E::Field { field: "Date", .. })),
        ("19 junk end", simple().field("Valid-Until", "never"), |e| matches!(e, E::Field { .. })),
        ("21 suite", simple().field("Suite", "x").field("Codename", "y"), |e| matches!(e, E::SuiteMismatch { .. })),
        ("21 no suite", simple().without("Suite").without("Codename"), |e| matches!(e, E::SuiteMismatch { .. })),
        ("22 only MD5", simple().edit("SHA256:", "MD5Sum:"), |e| matches!(e, E::NoStrongHash)),
        ("22 no sums", simple().edit("SHA256:\n", "SHA256:\n x"), |e| matches!(e, E::Field { .. })),
        ("22 short", simple().edit("SHA256:\n", "SHA256:\n 1234 5 x\n"), |e| matches!(e, E::Field { .. })),
        (
            "23 two sums",
            simple().edit("SHA256:\n", &format!("SHA256:\n {digest} 0 main/binary-amd64/Packages.xz\n")),
            |e| matches!(e, E::Conflict(_)),
        ),
        ("23 doubled field", simple().edit("Codename: test\n", "Codename: test\nSuite: evil\n"), |e| {
            matches!(e, E::Syntax(_))
        }),
        ("25 negative", simple().edit("SHA256:\n", &format!("SHA256:\n {digest} -1 x\n")), |e| {
            matches!(e, E::Field { .. })
        }),
        ("25 huge", simple().edit("SHA256:\n", &format!("SHA256:\n {digest} 18446744073709551616 x\n")), |e| {
            matches!(e, E::Field { .. })
        }),
        ("25 four words", simple().edit("SHA256:\n", &format!("SHA256:\n {digest} 1 x y\n")), |e| {
            matches!(e, E::Field { .. })
        }),
        ("two stanzas", simple().edit("SHA256:", "\nSHA256:"), |e| matches!(e, E::Syntax(_))),
    ];
    for (name, archive, judge) in bad {
        match World::new(&archive).refused() {
            Error::Release { source, .. } => assert!(judge(&source), "{name}: {source:?}"),
            error => panic!("{name}: {error:?}"),
        }
    }
    let other =
        World::new(&simple().edit("binary-amd64", "binary-arm64")).open().expect_err("27: never silently empty");
    assert!(matches!(other, Error::Release { source: E::Missing(_), .. }), "{other:?}");
    let good = [
        ("17 still valid", simple().field("Valid-Until", &valid(1))),
        ("18 a little ahead", simple().date(ARCHIVE_DATE + DAY + 10)),
        ("21 by codename", simple().field("Suite", "stable")),
        (
            "24 paths that lead out",
            simple().edit("SHA256:\n", &format!("SHA256:\n {digest} 0 ../../etc/passwd\n {digest} 0 /x\n")),
        ),
        ("24 the same sum twice", simple().edit("SHA256:\n", &format!("SHA256:\n {digest} 0 x\n {digest} 0 x\n"))),
        ("27 no uncompressed entry", simple().compressions(&[Compression::Gzip])),
        ("zstd", simple().compressions(&[Compression::Zstd, Compression::None])),
        ("nothing but plain", simple().compressions(&[Compression::None])),
        ("not by hash", simple().field("Acquire-By-Hash", "no")),
    ];
    for (name, archive) in good {
        let index = World::new(&archive).open().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(index.ids().count(), 2, "{name}");
    }
    let text = simple().release();
    let sum = text.lines().last().and_then(|line| line.split(' ').nth(1)).expect("a sum");
    let upper = World::with_release(signed(&text.replace(sum, &sum.to_uppercase())));
    upper.open().expect("26: a digest's value counts, not its spelling");
}

/// Case 20.
#[test]
fn an_older_release_than_one_seen_is_a_replay() {
    let world = World::new(&simple());
    world.open().expect("it opens");
    let older = simple().date(ARCHIVE_DATE - DAY).build();
    world.transport.put(RELEASE, older["dists/test/InRelease"].clone());
    match world.open() {
        Err(Error::Release { source: ReleaseError::Rollback { date, seen }, .. }) => {
            assert_eq!((date, seen), (ARCHIVE_DATE - DAY, ARCHIVE_DATE));
        }
        other => panic!("{other:?}"),
    }
    let mut options = Options::default();
    options.allow_older = true;
    archive::open(&world.host(), std::slice::from_ref(&world.source), &options).expect("asked for");
    assert!(world.open().is_err(), "asking once forgets nothing");
    let snapshot = Source { snapshot: true, ..world.source.clone() };
    archive::open(&world.host(), &[snapshot], &Options::default()).expect("a snapshot is old on purpose");
}

/// A snapshot waives the expiry, judges keys at its date, and says so.
#[test]
fn a_snapshot_does_not_expire() {
    let archive = simple().field("Valid-Until", &imgbuild::deb::date::format(ARCHIVE_DATE + DAY));
    let mut world = World::new(&archive);
    world.now = ARCHIVE_DATE + 5000 * DAY;
    assert!(world.open().is_err());
    world.source.snapshot = true;
    let index = world.open().expect("it opens");
    let proof = &index.proofs()[0];
    assert!(proof.waived);
    assert_eq!((proof.date, proof.signers.as_slice()), (ARCHIVE_DATE, &[TestKey::trusted().fingerprint()][..]));
    let keyring = TestKey::trusted().certificate();
    archive::verify_proof(&OpenPgp::default(), &keyring, &[], proof, &Limits::default()).expect("it proves itself");
    let index = proof.indices.keys().next().expect("an index").clone();
    let forged = [
        archive::Proof {
            text: String::from_utf8_lossy(&proof.text).replace("Example", "Evil").into(),
            ..proof.clone()
        },
        archive::Proof { suite: "other".into(), ..proof.clone() },
        archive::Proof { date: ARCHIVE_DATE + 1, ..proof.clone() },
        archive::Proof { indices: BTreeMap::from([(index, Sha256::of(b"evil").into())]), ..proof.clone() },
    ];
    for proof in forged {
        assert!(archive::verify_proof(&OpenPgp::default(), &keyring, &[], &proof, &Limits::default()).is_err());
    }
    let other = TestKey::other().certificate();
    assert!(archive::verify_proof(&OpenPgp::default(), &other, &[], proof, &Limits::default()).is_err());
}

/// Cases 29, 31, 33, 39 and 48: files that are not what the Release names.
#[test]
fn indices_and_packages_are_what_was_signed_for() {
    let plain = "http://example.org/debian/dists/test/main/binary-amd64/Packages.xz";
    let without_hashes = || {
        let world = World::new(&simple());
        world.transport.take_requests();
        let by_hash = Sha256::of(&simple().build()["dists/test/main/binary-amd64/Packages.xz"]);
        world.transport.remove(&format!("{BASE}/dists/test/main/binary-amd64/by-hash/SHA256/{by_hash}"));
        world
    };
    without_hashes().open().expect("by name, where the mirror has no hashes");
    let old = ArchiveBuilder::new("test").package(&deb("older")).build();
    let world = World::new(&simple());
    world.transport.put(plain, old["dists/test/main/binary-amd64/Packages.xz"].clone());
    world.open().expect("33: by hash, while the name is already another file");
    let good = simple().build()["dists/test/main/binary-amd64/Packages.xz"].clone();
    let longer = [&good[..], b"x"].concat();
    let mut flipped = good.clone();
    flipped[20] ^= 1;
    let bad: [(&str, Vec<u8>); 5] = [
        ("29 longer", longer),
        ("31 shorter", good[..good.len() - 1].to_vec()),
        ("33 older", old["dists/test/main/binary-amd64/Packages.xz"].clone()),
        ("flipped", flipped),
        ("empty", Vec::new()),
    ];
    for (name, bytes) in bad {
        let world = without_hashes();
        world.transport.put(plain, bytes);
        let error = world.open().expect_err("it must be refused");
        assert!(
            matches!(error, Error::Download { .. } | Error::OutOfSync { .. }) && error.is_integrity(),
            "{name}: {error:?}"
        );
        assert_eq!(files_below(&world.cache.path().join("sha256")), 0, "{name}");
    }
    let bomb = simple().stanza(&" ".repeat(1 << 20));
    let real_size =
        bomb.release().lines().last().and_then(|line| line.split(' ').nth(2).map(str::to_owned)).expect("a size");
    let error = World::new(&bomb.edit(&format!(" {real_size} main"), " 100 main")).open().expect_err("39");
    assert!(matches!(error, Error::Index { source: IndexError::Compression(_), .. }), "39: {error:?}");
}

#[test]
fn a_package_that_is_not_as_signed_for_does_not_come() {
    let world = World::new(&simple());
    let index = world.open().expect("it opens");
    let package = index.package(index.named("hello")[0]);
    let url = format!("{BASE}/{}", package.filename);
    let good = deb("hello").build();
    let other = deb("hello").field("Depends", "evil").build();
    let mut flipped = good.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    for (name, bytes) in
        [("other", other), ("flipped", flipped), ("page", b"<html>".to_vec()), ("longer", [good, vec![0]].concat())]
    {
        world.transport.put(&url, bytes);
        let error = fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[package]).expect_err("48");
        assert!(error.is_integrity() && !error.is_retryable(), "{name}: {error:?}");
        assert!(world.host().store.get(&package.sha256).expect("readable").is_none(), "{name}");
    }
    world.transport.remove(&url);
    let error = fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[package]).expect_err("gone");
    assert!(!error.is_integrity(), "{error:?}");
}

/// Case 31: a broken connection is resumed; what was changed meanwhile is fetched anew and never mixed.
#[test]
fn broken_downloads_are_resumed() {
    let mut world = World::new(&simple());
    let index = world.open().expect("it opens");
    let package = index.package(index.named("hello")[0]);
    let url = format!("{BASE}/{}", package.filename);
    let get = |world: &World| fetch::fetch(&world.host(), std::slice::from_ref(&world.source), &[package]);
    world.transport.take_requests();
    world.transport.break_off(&url, 100);
    world.transport.break_off(&url, 50);
    get(&world).expect("it comes at the third go");
    let offsets: Vec<u64> = world.transport.take_requests().into_iter().map(|(_, offset)| offset).collect();
    assert_eq!(offsets, [0, 100, 150]);

    let cache = tempfile::tempdir().expect("a temporary directory");
    world.cache = cache;
    let second = "http://second.example.org/debian";
    let mut changed = deb("hello").build();
    changed[10] ^= 1;
    world.transport.put(&url, changed);
    world.transport.put(&format!("{second}/{}", package.filename), deb("hello").build());
    world.source.mirrors.push(second.to_owned());
    world.transport.break_off(&url, 100);
    get(&world).expect("the second mirror gives it whole");
    let requests = world.transport.take_requests();
    assert!(requests[1].0.starts_with(second) && requests[1].1 == 100, "goes on elsewhere: {requests:?}");
    assert!(requests[2].0.starts_with(second) && requests[2].1 == 0, "and starts over: {requests:?}");
}

/// An embedder's host waits as long as it likes, and asks no more often than it has pauses.
#[test]
fn a_host_says_how_long_servers_are_left_alone() {
    let world = World::new(&simple());
    let index = world.open().expect("it opens");
    let package = index.package(index.named("hello")[0]);
    let url = format!("{BASE}/{}", package.filename);
    for (pauses, wanted) in [(0, 1), (1, 2)] {
        let mut host = world.host();
        host.pauses.downloads = vec![Duration::ZERO; pauses];
        world.transport.take_requests();
        for _ in 0..wanted {
            world.transport.break_off(&url, 0);
        }
        fetch::fetch(&host, std::slice::from_ref(&world.source), &[package]).expect_err("each answer breaks off");
        assert_eq!(world.transport.take_requests().len(), wanted, "with {pauses} pauses");
    }
}

/// Case 38: a damaged index in the store is fetched again.
#[test]
fn a_damaged_store_heals() {
    let world = World::new(&simple());
    world.open().expect("it opens");
    damage(&world.cache.path().join("sha256"));
    world.open().expect("it opens again");
    assert_eq!(world.transport.take_requests().len(), 4, "Release and index, both times");
}

#[expect(clippy::disallowed_methods, reason = "each file is treated alike")]
fn damage(directory: &Path) {
    for path in std::fs::read_dir(directory).expect("listed").map(|entry| entry.expect("listed").path()) {
        if path.is_dir() {
            damage(&path);
        } else {
            let mut bytes = std::fs::read(&path).expect("readable");
            bytes[0] ^= 1;
            std::fs::remove_file(&path).expect("removed");
            std::fs::write(&path, bytes).expect("damaged");
        }
    }
}

/// Cases 40, 41, 44 and 45: a stanza that cannot be used is never chosen, and says why.
#[test]
fn unusable_packages_cannot_be_chosen() {
    let digest = Sha256::of(b"");
    let good =
        format!("Package: x\nVersion: 1\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 5\nSHA256: {digest}\n");
    let bad = [
        ("40 up", good.replace("pool/x.deb", "../../etc/passwd")),
        ("40 query", good.replace("pool/x.deb", "pool/x.deb?y")),
        ("40 URL", good.replace("pool/x.deb", "http://evil.example.org/x.deb")),
        ("40 escape", good.replace("pool/x.deb", "pool/%2e%2e/x.deb")),
        ("40 long", good.replace("pool/x.deb", &"x".repeat(5000))),
        ("41 no size", good.replace("Size: 5\n", "")),
        ("41 size 0", good.replace("Size: 5", "Size: 0")),
        ("41 huge size", good.replace("Size: 5", "Size: 18446744073709551616")),
        ("41 no digest", good.replace(&format!("SHA256: {digest}\n"), "")),
        ("41 only MD5", good.replace("SHA256", "MD5sum")),
        ("43 doubled field", good.replace("Size", "Filename: pool/evil.deb\nSize")),
        ("44 NUL", good.replace("Size", "Description: \0\nSize")),
        ("44 long line", good.replace("Size", &format!("Description: {}\nSize", "x".repeat(2 << 20)))),
        ("45 depends", good.replace("Size", "Depends: a (>> ), | b\nSize")),
    ];
    for (name, stanza) in bad {
        let index = World::new(&simple().stanza(&stanza)).open().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let id = index.named("x")[0];
        assert!(index.fault(id).is_some_and(|fault| !fault.is_empty()), "{name}: it can be chosen");
        let package = index.package(id);
        assert!(package.filename.is_empty() && package.size == 0, "{name}");
        assert!(index.defects().is_empty() && index.named("hello").len() == 1, "{name}");
    }
    let index = World::new(&simple().stanza(&good)).open().expect("it opens");
    assert_eq!(index.fault(index.named("x")[0]), None);
}

/// Case 42: what packages are found by must be right, or the stanza is no package; it costs itself only.
#[test]
fn case_42_a_stanza_that_is_none_costs_itself_only() {
    let digest = Sha256::of(b"");
    let good =
        format!("Package: x\nVersion: 1\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 5\nSHA256: {digest}\n");
    for (name, stanza, reason) in [
        ("a path for a name", good.replace("Package: x", "Package: ../x"), "no package name"),
        ("a capital", good.replace("Package: x", "Package: X"), "no package name"),
        ("an option", good.replace("Package: x", "Package: -oDpkg::Options"), "no package name"),
        ("a path for a version", good.replace("Version: 1", "Version: 1/../../x"), "Version"),
        ("a letter first", good.replace("Version: 1", "Version: v2.0"), "Version"),
        ("an underscore", good.replace("Version: 1", "Version: 1.0_2"), "Version"),
        ("an architecture that is none", good.replace("amd64", "../amd64"), "Architecture"),
        ("another's name of one", good.replace("amd64", "x86_64"), "Architecture"),
        ("no version", good.replace("Version: 1\n", ""), "no Version"),
        ("no name", good.replace("Package: x\n", ""), "no Package"),
        ("no architecture", good.replace("Architecture: amd64\n", ""), "no Architecture"),
        ("two names", good.replace("Version", "Package: y\nVersion"), "twice"),
    ] {
        let index = World::new(&simple().stanza(&stanza)).open().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(index.names().collect::<Vec<_>>(), ["hello", "world"], "{name}");
        let [defect] = index.defects() else { panic!("{name}: {:?}", index.defects()) };
        assert!(defect.reason.contains(reason), "{name}: {defect}");
        // Where the archive is asked for others alone, it is not even looked at.
        let mut world = World::new(&simple().stanza(&stanza));
        world.source.packages = vec!["hello".to_owned()];
        assert!(world.open().expect("it opens").defects().is_empty(), "{name}");
    }
}

/// Case 43.
#[test]
fn one_version_is_one_file() {
    let digest = Sha256::of(b"");
    let good =
        format!("Package: x\nVersion: 1\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 5\nSHA256: {digest}\n");
    let other = format!("{good}\n{}", good.replace(&digest.to_string(), &Sha256::of(b"x").to_string()));
    let error = World::new(&simple().stanza(&other)).open().expect_err("two digests");
    assert!(matches!(error, Error::Index { source: IndexError::Conflict { .. }, .. }), "{error:?}");
    let twice = World::new(&simple().stanza(&good).stanza(&good)).open().expect("43: the same twice is one");
    assert_eq!(twice.named("x").len(), 1);
}

/// Case 46: what a further archive may bring, and whose file it is when two have one version.
#[test]
fn a_further_archive_does_not_shadow() {
    let mut world = World::new(&simple());
    let other = ArchiveBuilder::new("test")
        .package(&deb("hello").field("Depends", "evil"))
        .package(&DebBuilder::new("libc6", "99", "amd64"))
        .package(&DebBuilder::new("slurm-client", "1", "amd64"))
        .key(TestKey::other());
    for (path, bytes) in other.build() {
        world.transport.put(&format!("http://other.example.org/{path}"), bytes);
    }
    let further = |allow: &[&str]| Source {
        name: "other".to_owned(),
        mirrors: vec!["http://other.example.org".to_owned()],
        keyring: TestKey::other().certificate(),
        packages: allow.iter().map(|&glob| glob.to_owned()).collect(),
        ..world.source.clone()
    };
    let open = |further: Source| {
        archive::open(&world.host(), &[world.source.clone(), further], &Options::default()).expect("both open")
    };
    let index = open(further(&[]));
    let hello: Vec<_> = index.named("hello").iter().map(|&id| index.package(id)).collect();
    assert_eq!(hello.len(), 1);
    assert_eq!((hello[0].archive, hello[0].depends.len()), (Some(0), 0), "the earlier source's");
    assert_eq!(index.named("libc6").len(), 1);
    let index = open(further(&["slurm*"]));
    assert!(index.named("libc6").is_empty() && index.named("slurm-client").len() == 1);
    // A key counts for its own archive only.
    world.source.keyring = TestKey::other().certificate();
    assert!(matches!(world.open(), Err(Error::Signature { source: TrustError::UnknownKey(_), .. })));
}

/// A mirror that gets its new state after it was asked for the Release so many times.
#[derive(Debug)]
struct Updating {
    old: MemoryTransport,
    new: MemoryTransport,
    asked: AtomicUsize,
    after: usize,
}

impl Transport for Updating {
    fn get(&self, url: &str, offset: u64) -> Result<host::Response, TransportError> {
        if url.ends_with("/InRelease") {
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
        let now = if self.asked.load(Ordering::Relaxed) > self.after { &self.new } else { &self.old };
        now.get(url, offset)
    }
}

/// Case 33: indices are there before the Release that names them, and there is no by-hash.
#[test]
fn a_mirror_in_the_middle_of_an_update() {
    let before = simple().field("Acquire-By-Hash", "no");
    let after = ArchiveBuilder::new("test")
        .package(&deb("hello").field("Version", "9"))
        .field("Acquire-By-Hash", "no")
        .date(ARCHIVE_DATE + 3600);
    let index = "dists/test/main/binary-amd64/Packages.xz";
    let updating = |after_asked| {
        let mut half_way = before.build();
        half_way.insert(index.to_owned(), after.build()[index].clone());
        Updating {
            old: MemoryTransport::new().serve(BASE, half_way),
            new: MemoryTransport::new().serve(BASE, after.build()),
            asked: AtomicUsize::new(0),
            after: after_asked,
        }
    };
    let open_after = |pauses: &[Duration], mirror: &Arc<Updating>| {
        let mut world = World::new(&before);
        world.now += 7200;
        let mut host = Host { transport: Arc::clone(mirror) as Arc<dyn Transport>, ..world.host() };
        host.pauses.releases = pauses.to_vec();
        archive::open(&host, std::slice::from_ref(&world.source), &Options::default())
    };
    let open = |mirror: &Arc<Updating>| open_after(&[Duration::from_millis(1); 2], mirror);
    let mirror = Arc::new(updating(1));
    let index_of = open(&mirror).expect("the new Release names the new index");
    let hello = index_of.package(index_of.named("hello")[0]);
    assert_eq!(hello.version.as_str(), "9");

    let mirror = Arc::new(updating(usize::MAX));
    let error = open(&mirror).expect_err("it stays so");
    assert!(matches!(error, Error::OutOfSync { .. }), "{error:?}");
    assert!(error.is_integrity() && error.is_retryable());
    assert!(error.to_string().contains("being updated, or out of date"), "{error}");
    assert_eq!(mirror.asked.load(Ordering::Relaxed), 3);
    let asked = mirror.old.take_requests();
    let indices = asked.iter().filter(|(url, _)| url.ends_with(index)).count();
    assert_eq!(indices, 1, "the same Release wants the same index: {asked:?}");

    let mirror = Arc::new(updating(1));
    open_after(&[], &mirror).expect_err("who has no pauses asks once");
    assert_eq!(mirror.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn sources_that_make_no_sense() {
    let world = World::new(&simple());
    let bad = [
        Source { suite: "../test".into(), ..world.source.clone() },
        Source { suite: "test?x".into(), ..world.source.clone() },
        Source { suite: String::new(), ..world.source.clone() },
        Source { components: vec!["main/../x".into()], ..world.source.clone() },
        Source { architectures: vec!["a b".into()], ..world.source.clone() },
        Source { mirrors: vec![], ..world.source.clone() },
    ];
    for source in bad {
        let error =
            archive::open(&world.host(), std::slice::from_ref(&source), &Options::default()).expect_err("refused");
        assert!(matches!(error, Error::Source { .. }), "{source:?}: {error:?}");
    }
}

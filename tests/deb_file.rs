//! Whole .deb files: what is read, and that every hostile one is refused. Numbers are those of the threat model.

use std::io::Read;
use std::process::Command;

use imgbuild::deb::file::DebFile;
use imgbuild::digest::Sha256;
use imgbuild::format::compress::Compression;
use imgbuild::format::tar::EntryKind;
use imgbuild::format::tar::Header;
use imgbuild::limits::Limits;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::ShortReader;
use imgbuild::testing::ar_archive;
use imgbuild::testing::entry;
use imgbuild::testing::tar_archive;

fn good() -> DebBuilder {
    DebBuilder::new("good", "1:2.0-1", "amd64")
        .field("Depends", "libc6 (>= 2.36)")
        .script("postinst", "#!/bin/sh\n")
        .control_file("conffiles", 0o644, "/etc/good\n")
        .file("/etc/good", 0o640, "setting\n")
        .file("/usr/bin/good", 0o4755, vec![7; 100_000])
        .hard_link("/usr/bin/better", "/usr/bin/good")
        .symlink("/usr/bin/best", "better")
        .directory("/var/tmp/good", 0o1777)
}

type Entries = Vec<(Header, Vec<u8>)>;

/// Everything in a .deb, or the whole chain of errors in words.
fn read(input: impl Read + Send, threads: u32) -> Result<(DebFileParts, Entries), String> {
    let chain = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(Some(error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    let mut deb = DebFile::read(input, threads, &Limits::default()).map_err(|error| chain(&error))?;
    deb.package(1, Sha256::of(b"")).map_err(|error| chain(&error))?;
    let mut entries = Vec::new();
    while let Some(header) = deb.data.next_entry().map_err(|error| chain(&error))? {
        let mut body = Vec::new();
        deb.data.read_to_end(&mut body).map_err(|error| chain(&error))?;
        entries.push((header, body));
    }
    Ok(((deb.control, deb.members.into_iter().map(|(name, file)| (name, file.mode, file.bytes)).collect()), entries))
}

type DebFileParts = (String, Vec<(String, u32, Vec<u8>)>);

fn refused(what: &str, deb: &[u8], words: &str) {
    let error = read(deb, 1).err().unwrap_or_else(|| panic!("{what} was accepted"));
    assert!(error.contains(words), "{what}: {error}");
}

/// The good .deb with one member replaced or, given a name that it has not, added before `data.tar`.
fn with_member(name: &str, body: &[u8]) -> Vec<u8> {
    let mut members = good().members();
    match members.iter().position(|(old, _)| old == name) {
        Some(at) => members[at].1 = body.to_vec(),
        None => members.insert(2, (name.into(), body.to_vec())),
    }
    ar_archive(&members)
}

#[test]
fn a_good_deb_reads_as_it_was_built() {
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let builder = good().compression(compression);
        let bytes = builder.build();
        let ((control, members), entries) = read(bytes.as_slice(), 1).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(control, builder.control());
        let names: Vec<_> = members.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
        assert_eq!(names, [("conffiles", 0o644), ("postinst", 0o755)]);
        let paths: Vec<_> =
            entries.iter().map(|(header, _)| String::from_utf8_lossy(&header.path).into_owned()).collect();
        assert_eq!(
            paths,
            [
                "./",
                "./etc/",
                "./etc/good",
                "./usr/",
                "./usr/bin/",
                "./usr/bin/good",
                "./usr/bin/better",
                "./usr/bin/best",
                "./var/",
                "./var/tmp/",
                "./var/tmp/good/"
            ]
        );
        assert_eq!(entries[5].1, vec![7; 100_000]);
        assert_eq!((entries[5].0.mode, entries[10].0.mode), (0o4755, 0o1777));
        assert_eq!(read(bytes.as_slice(), 4).map(|read| read.1), Ok(entries.clone()), "{compression:?} by threads");
        for seed in 0..3 {
            let short = read(ShortReader::new(bytes.as_slice(), seed), 1).map(|read| read.1);
            assert!(short == Ok(entries.clone()), "{compression:?} by short reads, seed {seed}");
        }
    }
}

#[test]
fn case_50_members_in_any_other_order_or_number() {
    let members = good().members();
    let [version, control, data] = members.as_slice() else { panic!("three members") };
    let other = ("other".to_owned(), b"x".to_vec());
    let underscore = ("_gpgorigin".to_owned(), b"x".to_vec());
    let build =
        |members: &[&(String, Vec<u8>)]| ar_archive(&members.iter().map(|&member| member.clone()).collect::<Vec<_>>());
    for (what, members) in [
        ("no version", vec![control, data]),
        ("no control", vec![version, data]),
        ("no data", vec![version, control]),
        ("swapped", vec![version, data, control]),
        ("two controls", vec![version, control, control, data]),
        ("two data", vec![version, control, data, data]),
        ("another before", vec![&other, version, control, data]),
        ("another between", vec![version, control, &other, data]),
        ("underscore first", vec![&underscore, version, control, data]),
    ] {
        assert!(read(build(&members).as_slice(), 1).is_err(), "{what}");
    }
    for members in [
        vec![version, &underscore, control, data],
        vec![version, control, &underscore, data],
        vec![version, control, data, &underscore],
    ] {
        assert!(read(build(&members).as_slice(), 1).is_ok());
    }
    let extra = ("extra".to_owned(), b"x".to_vec());
    assert!(read(build(&[version, control, data, &extra, &underscore]).as_slice(), 1).is_ok(), "deb(5): ignored");
    for again in [version, control, data] {
        assert!(read(build(&[version, control, data, &extra, again]).as_slice(), 1).is_err(), "{} again", again.0);
    }
    refused("no lzma of control", &with_member("control.tar.lzma", b"x"), "control.tar");
    let bytes = good().build();
    refused("garbage after the last member", &[&bytes[..], b"garbage"].concat(), "header");
    refused("nothing", b"", "no ar archive");
}

#[test]
fn case_51_control_that_is_none() {
    let control = |text: &[u8]| {
        let file = Header { ..entry("./control", EntryKind::File) };
        good().control_tar(tar_archive(&[(file, text.to_vec())])).build()
    };
    let text = good().control();
    assert!(read(control(text.as_bytes()).as_slice(), 1).is_ok());
    for (what, text) in [
        ("empty", String::new()),
        ("NUL", text.replace("good", "go\0d")),
        ("CRLF", text.replace('\n', "\r\n")),
        ("byte order mark", format!("\u{feff}{text}")),
        ("doubled field", format!("{text}Version: 3\n")),
        ("empty name", format!("{text}: 3\n")),
        ("two stanzas", format!("{text}\n{text}")),
        ("format string", text.replace("good", "%s")),
        ("no Architecture", text.replace("Architecture", "Arch")),
        ("name with a path", text.replace("good", "../good")),
        ("version with a path", text.replace("1:2.0-1", "1/../../x")),
    ] {
        assert!(read(control(text.as_bytes()).as_slice(), 1).is_err(), "{what}");
    }
    refused("a name that is none", &control(b"Package: \xff\n"), "Package");
    let latin = [text.as_bytes(), b"Uploaders: J\xfcrgen <j@example.org>\n"].concat();
    let bytes = control(&latin);
    let deb = DebFile::read(bytes.as_slice(), 1, &Limits::default()).expect("names in Latin-1 are taken");
    assert!(deb.control.contains("J\u{fc}rgen"), "{}", deb.control);
}

#[test]
fn case_52_control_members() {
    let with = |header: Header, body: &[u8]| {
        let control = (entry("./control", EntryKind::File), good().control().into_bytes());
        good().control_tar(tar_archive(&[control, (header, body.to_vec())])).build()
    };
    let file = |path: &str| entry(path, EntryKind::File);
    let link = |path: &str, kind| Header { link: "x".into(), ..entry(path, kind) };
    for (what, deb) in [
        ("control twice", with(file("./control"), b"Package: evil\n")),
        ("control twice, otherwise written", with(file("control"), b"Package: evil\n")),
        ("symbolic link", with(link("./postinst", EntryKind::Symlink), b"")),
        ("hard link", with(link("./postinst", EntryKind::HardLink), b"")),
        ("pipe", with(entry("./postinst", EntryKind::Fifo), b"")),
        ("device", with(entry("./postinst", EntryKind::CharDevice), b"")),
        ("directory", with(entry("./postinst/", EntryKind::Directory), b"")),
        ("parent", with(file("./../postinst"), b"")),
        ("absolute", with(file("/postinst"), b"")),
        ("deep", with(file("./a/postinst"), b"")),
        ("dot", with(file("./good.list"), b"")),
        ("list", with(file("./list"), b"/etc/passwd\n")),
        ("long name", with(file(&format!("./{}", "a".repeat(51))), b"")),
        ("too large", with(file("./md5sums"), &vec![0; (16 << 20) + 1])),
    ] {
        assert!(read(deb.as_slice(), 1).is_err(), "{what}");
    }
    let many = (0..65).map(|n| (file(&format!("./file{n}")), Vec::new())).collect::<Vec<_>>();
    refused("many", &good().control_tar(tar_archive(&many)).build(), "64 entries");
    refused("no control", &good().control_tar(tar_archive(&[])).build(), "no file `control`");
}

#[test]
fn case_53_more_data_than_the_package_says() {
    let deb = |installed: &str| good().field("Installed-Size", installed).file("/zeros", 0o644, vec![0; 260 << 20]);
    refused("260 MiB of 1 KiB", &deb("1").compression(Compression::Zstd).build(), "more than the allowed");
}

#[test]
fn case_54_streams_that_do_not_end_where_they_should() {
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let builder = good().compression(compression);
        for name in ["control.tar", "data.tar"] {
            let name = format!("{name}{}", compression.suffix());
            let change = |change: &dyn Fn(&mut Vec<u8>)| {
                let mut members = builder.members();
                change(&mut members.iter_mut().find(|(old, _)| *old == name).expect("the member is there").1);
                ar_archive(&members)
            };
            for (what, deb) in [
                ("cut by 6", change(&|body| body.truncate(body.len() - 6))),
                ("cut by 1", change(&|body| body.truncate(body.len() - 1))),
                ("cut to half", change(&|body| body.truncate(body.len() / 2))),
                ("empty", change(&Vec::clear)),
                ("garbage after", change(&|body| body.extend(b"garbage!"))),
                ("zeros after", change(&|body| body.extend([0; 512]))),
                (
                    "a changed bit",
                    change(&|body| {
                        let at = body.len() / 2;
                        body[at] ^= 1;
                    }),
                ),
            ] {
                assert!(read(deb.as_slice(), 1).is_err(), "{name} {what}");
            }
        }
    }
}

#[test]
fn case_55_the_old_format() {
    refused("0.939000", b"0.939000\n7\nABCDEFG", "no ar archive");
    for (text, is_good) in
        [("2.0\n", true), ("2.1\nmore\n", true), ("3.0\n", false), ("2.0", false), ("2.\n", false), ("", false)]
    {
        assert_eq!(read(with_member("debian-binary", text.as_bytes()).as_slice(), 1).is_ok(), is_good, "{text:?}");
    }
}

#[test]
fn case_63_special_bits_devices_and_big_owners_are_kept_and_attributes_refused() {
    let mut device = entry("./dev/null", EntryKind::CharDevice);
    (device.device, device.mode) = ((1, 3), 0o666);
    let mut owned = entry("./owned", EntryKind::File);
    (owned.uid, owned.gid, owned.mode) = (u32::MAX, 3_000_000, 0o6755);
    let wanted =
        vec![(device, Vec::new()), (owned.clone(), Vec::new()), (entry("./pipe", EntryKind::Fifo), Vec::new())];
    let (_, entries) = read(good().data_tar(tar_archive(&wanted)).build().as_slice(), 1).expect("dpkg takes these too");
    assert_eq!(entries, wanted);
    owned.xattrs.insert(b"security.capability".to_vec(), b"\x01".to_vec());
    refused("capabilities", &good().data_tar(tar_archive(&[(owned, Vec::new())])).build(), "type `x`");
}

#[test]
fn case_64_names_are_bytes() {
    let names = [&b"./\xff\xfe"[..], b"./new\nline", b"./\x1b[31mred", b"./$(reboot)", b"./ ", b"./-rf", b"./a\\b"];
    let wanted: Entries =
        names.map(|name| (Header { path: name.into(), ..entry("x", EntryKind::File) }, Vec::new())).into();
    let (_, entries) = read(good().data_tar(tar_archive(&wanted)).build().as_slice(), 1).expect("bytes are bytes");
    assert_eq!(entries, wanted);
}

#[test]
fn case_66_the_end_of_data() {
    let data = tar_archive(&[(entry("./a", EntryKind::File), b"abc".to_vec())]);
    let read = |bytes: &[u8]| read(good().data_tar(bytes).build().as_slice(), 1);
    assert_eq!(read(&data).expect("a good archive").1.len(), 1);
    assert_eq!(read(&data[..1024]).expect("no marker, but a clean end").1.len(), 1);
    for (what, bytes) in [
        ("2 KiB of junk", vec![b'j'; 2048]),
        ("cut in a header", data[..300].to_vec()),
        ("cut in a body", data[..514].to_vec()),
        ("cut in the padding", data[..600].to_vec()),
        ("content after the end", [&data[..], &data].concat()),
    ] {
        assert!(read(&bytes).is_err(), "{what}");
    }
}

/// A file as uuencode(1) writes it.
fn uudecoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().skip(1).take_while(|line| *line != "end") {
        let sixes: Vec<u8> = line.bytes().map(|byte| byte.wrapping_sub(b' ') & 0x3f).collect();
        let Some((&length, sixes)) = sixes.split_first() else { continue };
        let whole = sixes.chunks(4).flat_map(|group| {
            let mut four = [0; 4];
            four[..group.len()].copy_from_slice(group);
            [four[0] << 2 | four[1] >> 4, four[1] << 4 | four[2] >> 2, four[2] << 6 | four[3]]
        });
        bytes.extend(whole.take(usize::from(length)));
    }
    bytes
}

#[test]
fn debs_of_python_debians_tests() {
    let Some(directory) = crate::vectors("debs_of_python_debians_tests") else { return };
    let deb = |name: &str| {
        let path = directory.join("deb822/python-debian").join(name);
        uudecoded(&std::fs::read_to_string(path).expect("a vector"))
    };
    let (_, entries) = read(deb("python-debian-test.deb.uu").as_slice(), 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(entries.iter().any(|(header, _)| header.path == b"./usr/bin/hello"), "{entries:?}");
    let (_, same) = read(deb("python-debian-test-bz2.deb.uu").as_slice(), 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(same.iter().any(|(header, _)| header.path == b"./usr/bin/hello"), "{same:?}");
    refused("no data", &deb("python-debian-test-broken.deb.uu"), "no member `data.tar`");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the real dpkg-deb is the oracle")]
fn dpkg_deb_reads_what_is_built_here() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "dpkg_deb_reads_what_is_built_here") {
        return;
    }
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let builder = good().compression(compression).file(&format!("/usr/share/{}", "long/".repeat(40)), 0o644, "x");
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), builder.build()).expect("it can be written");
        let run = |option: &str| {
            let output = Command::new("dpkg-deb").arg(option).arg(file.path()).output().expect("dpkg-deb runs");
            assert!(output.status.success(), "{option}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let control = String::from_utf8(run("--field")).expect("UTF-8");
        let words = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(words(&control), words(&builder.control()));
        let data = run("--fsys-tarfile");
        let (_, entries) = read(builder.build().as_slice(), 1).expect("our own .deb");
        assert_eq!(tar_archive(&entries), data);
        assert_eq!(String::from_utf8_lossy(&run("--contents")).lines().count(), entries.len());
    }
}

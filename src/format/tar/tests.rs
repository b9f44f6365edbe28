use std::io::Read;

use tar::EntryType;

use super::write::RECORD;
use super::*;

fn header(path: &str, kind: EntryKind) -> Header {
    Header {
        path: path.into(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 7,
        link: Vec::new(),
        device: (0, 0),
        xattrs: BTreeMap::new(),
    }
}

fn entries() -> Vec<(Header, Vec<u8>)> {
    let mut file = header("./etc/motd", EntryKind::File);
    (file.size, file.uid, file.mode) = (5, 70_000_000, 0o4755);
    file.xattrs.insert(b"security.capability".to_vec(), b"\x01\n\x00=\xff".to_vec());
    let mut link = header(&format!("./{}", "long/".repeat(50)), EntryKind::Symlink);
    link.link = "target/".repeat(40).into();
    let mut device = header("./dev/null", EntryKind::CharDevice);
    device.device = (1, 3);
    vec![
        (header("./", EntryKind::Directory), Vec::new()),
        (file, b"hello".to_vec()),
        (link, Vec::new()),
        (device, Vec::new()),
    ]
}

fn archive(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (header, body) in entries {
        writer.append(header, &mut body.as_slice()).expect("memory takes it");
    }
    writer.finish().expect("memory takes it")
}

fn read(bytes: &[u8], dialect: Dialect) -> Result<Vec<(Header, Vec<u8>)>, Error> {
    let mut reader = Reader::new(bytes, dialect, 100);
    let mut found = Vec::new();
    while let Some(header) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        found.push((header, body));
    }
    Ok(found)
}

#[test]
fn what_is_written_reads_back() {
    let bytes = archive(&entries());
    assert_eq!(bytes.len() as u64 % RECORD, 0);
    assert_eq!(read(&bytes, Dialect::Pax).expect("our own archive"), entries());
}

#[test]
fn pax_is_refused_in_a_deb() {
    let error = read(&archive(&entries()), Dialect::Deb).expect_err("it has a pax header");
    assert!(error.to_string().contains("type `x`"), "{error}");
}

#[test]
fn damage_is_refused() {
    let plain =
        archive(&[(header("./a", EntryKind::Directory), Vec::new()), (header("./b", EntryKind::Fifo), Vec::new())]);
    let changed = |at: usize, value: u8| {
        let mut bytes = plain.clone();
        bytes[at] = value;
        bytes
    };
    assert!(read(&changed(0, b'x'), Dialect::Deb).is_err(), "checksum");
    assert!(read(&changed(9000, 1), Dialect::Deb).is_err(), "data after the end");
    assert!(read(&plain[..700], Dialect::Deb).is_err(), "cut header");
    assert_eq!(read(&plain[..1024], Dialect::Deb).expect("a clean end").len(), 2);
    assert!(Reader::new(plain.as_slice(), Dialect::Deb, 1).next_entry().is_ok());
    let mut one = Reader::new(plain.as_slice(), Dialect::Deb, 1);
    assert!(one.next_entry().is_ok() && one.next_entry().is_err(), "too many entries");
}

#[test]
fn a_dangling_long_name_is_refused() {
    let mut writer = Writer::new(Vec::new());
    writer.extension(EntryType::GNULongName, b"././@LongLink", b"name\0").expect("memory takes it");
    let bytes = writer.finish().expect("memory takes it");
    assert!(read(&bytes, Dialect::Deb).is_err());
}

/// A header block as `change` leaves it, its checksum right. Starts as an empty ustar file `./f`.
fn block(kind: u8, change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut block = [0; 512];
    let mut set = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    set(0, b"./f");
    set(100, b"0000644\0");
    set(108, b"0000000\0");
    set(116, b"0000000\0");
    set(124, b"00000000000\0");
    set(136, b"00000000007\0");
    set(156, &[kind]);
    set(257, b"ustar\x0000");
    change(&mut block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.to_vec()
}

/// A block of this type with a field set to this text, the rest of the field NUL.
fn with(kind: u8, at: usize, length: usize, text: &[u8]) -> Vec<u8> {
    block(kind, |block| {
        block[at..at + length].fill(0);
        block[at..at + text.len()].copy_from_slice(text);
    })
}

/// An extension header with its body.
fn extension(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = with(kind, 124, 12, format!("{:011o}", body.len()).as_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let record = |(key, value): &(&str, &str)| write::make_pax_record(key.as_bytes(), value.as_bytes());
    extension(b'x', &records.iter().flat_map(record).collect::<Vec<u8>>())
}

fn refused(what: &str, blocks: &[&[u8]], dialect: Dialect) {
    let bytes = [&blocks.concat()[..], &[0; 1024]].concat();
    assert!(read(&bytes, dialect).is_err(), "{what}: {:?}", read(&bytes, dialect));
}

fn accepted(what: &str, blocks: &[&[u8]], dialect: Dialect) -> Header {
    let bytes = [&blocks.concat()[..], &[0; 1024]].concat();
    let mut entries = read(&bytes, dialect).unwrap_or_else(|error| panic!("{what}: {error}"));
    entries.pop().expect("an entry").0
}

#[test]
fn dialects_of_the_header() {
    let f = block(b'0', |_| {});
    assert_eq!(accepted("ustar", &[&f], Dialect::Deb).path, b"./f");
    let v7 = block(0, |block| block[257..265].fill(0));
    assert_eq!(accepted("v7", &[&v7], Dialect::Deb).kind, EntryKind::File);
    let v7_directory = block(0, |block| {
        block[257..265].fill(0);
        block[..4].copy_from_slice(b"./d/");
    });
    assert_eq!(accepted("v7 directory", &[&v7_directory], Dialect::Deb).kind, EntryKind::Directory);
    let prefix = with(b'0', 345, 155, b"./a/b");
    assert_eq!(accepted("ustar prefix", &[&prefix], Dialect::Deb).path, b"./a/b/./f");
    let gnu = block(b'0', |block| {
        block[257..265].copy_from_slice(b"ustar  \0");
        block[345..350].copy_from_slice(b"atime");
    });
    assert_eq!(accepted("GNU, no prefix", &[&gnu], Dialect::Deb).path, b"./f");
    let spaces = with(b'0', 100, 8, b"   644 \0");
    assert_eq!(accepted("leading spaces", &[&spaces], Dialect::Deb).mode, 0o644);
    let binary = with(b'0', 108, 8, b"\x80\0\0\0\xff\xff\xff\xfe");
    assert_eq!(accepted("base 256", &[&binary], Dialect::Deb).uid, u32::MAX - 1);
    let nobody = block(b'0', |block| block[108..124].fill(0));
    let header = accepted("no owner, as cargo-deb writes it", &[&nobody], Dialect::Deb);
    assert_eq!((header.uid, header.gid), (0, 0));
    let full = with(b'0', 0, 100, &[b'n'; 100]);
    assert_eq!(accepted("100 bytes without NUL", &[&full], Dialect::Deb).path, [b'n'; 100]);
}

#[test]
fn case_56_names_that_are_none() {
    refused("empty", &[&with(b'0', 0, 100, b"")], Dialect::Deb);
    let f = block(b'0', |_| {});
    refused("NUL inside a long name", &[&extension(b'L', b"a\0b\0"), &f], Dialect::Deb);
    refused("long name without NUL", &[&extension(b'L', b"abc"), &f], Dialect::Deb);
    refused("empty long name", &[&extension(b'L', b"\0"), &f], Dialect::Deb);
    refused("over-long long name", &[&extension(b'L', &vec![b'a'; 2 << 20]), &f], Dialect::Deb);
    refused("NUL in pax path", &[&pax(&[("path", "a\0b")]), &f], Dialect::Pax);
    refused("empty pax path", &[&pax(&[("path", "")]), &f], Dialect::Pax);
}

#[test]
fn case_59_pax() {
    let f = block(b'0', |_| {});
    let body = [&with(b'0', 124, 12, b"00000000003")[..], &with(b'0', 0, 3, b"abc")].concat();
    for dialect in [Dialect::Deb, Dialect::Pax] {
        refused("global header", &[&extension(b'g', b"13 comment=ab\n"), &f], dialect);
    }
    refused("any pax in a .deb", &[&pax(&[("mtime", "5")]), &f], Dialect::Deb);
    let header =
        accepted("path, times", &[&pax(&[("path", "./g"), ("mtime", "5.25"), ("atime", "6")]), &f], Dialect::Pax);
    assert_eq!((header.path.as_slice(), header.mtime), (&b"./g"[..], 5));
    let header = accepted("an equal size", &[&pax(&[("size", "3")]), &body], Dialect::Pax);
    assert_eq!(header.size, 3);
    let zero = with(b'0', 124, 12, b"00000000000");
    for (what, blocks) in [
        ("a smaller size", [&pax(&[("size", "0")])[..], &body]),
        ("a larger size", [&pax(&[("size", "1024")]), &body]),
        ("a size where the header has none", [&pax(&[("size", "512")]), &zero]),
        ("a negative size", [&pax(&[("size", "-1")]), &f]),
        ("a size of 65 bits", [&pax(&[("size", "18446744073709551616")]), &f]),
        ("a broken size", [&pax(&[("size", "0.5")]), &f]),
        ("a broken time", [&pax(&[("mtime", "5.")]), &f]),
        ("a uid of 33 bits", [&pax(&[("uid", "4294967296")]), &f]),
        ("a record twice", [&pax(&[("path", "a"), ("path", "b")]), &f]),
        ("an unknown record", [&pax(&[("charset", "BINARY")]), &f]),
        ("a sparse file", [&pax(&[("GNU.sparse.major", "1")]), &f]),
        ("another way to write attributes", [&pax(&[("LIBARCHIVE.xattr.a", "b")]), &f]),
        ("an attribute without a name", [&pax(&[("SCHILY.xattr.", "b")]), &f]),
        ("two headers", [&[pax(&[("mtime", "5")]), pax(&[("uid", "5")])].concat(), &f]),
        ("pax and GNU", [&[pax(&[("path", "a")]), extension(b'L', b"b\0")].concat(), &f]),
        ("GNU and pax", [&[extension(b'K', b"b\0"), pax(&[("linkpath", "a")])].concat(), &f]),
        ("nothing after it", [&pax(&[("path", "a")]), b""]),
    ] {
        refused(what, &blocks, Dialect::Pax);
    }
    for record in [
        &b"8 path=a\n"[..],
        b"11 path=a\n",
        b"path=a\n",
        b"10 path\n",
        b"8 path=a",
        b"-1 a=b\n",
        b"0 a=b\n",
        b"3 \n",
        b" a=b\n",
        b"7 a=b\n\0",
    ] {
        refused("a malformed record", &[&extension(b'x', record), &f], Dialect::Pax);
    }
}

#[test]
fn case_60_numbers() {
    for (field, at, length) in
        [("mode", 100, 8), ("uid", 108, 8), ("gid", 116, 8), ("size", 124, 12), ("mtime", 136, 12)]
    {
        // An owner that is left empty is none.
        let empty = (!field.ends_with("id")).then_some(&b""[..]);
        let junk = [
            &b"       "[..],
            b"-1",
            b"+1",
            b"8",
            b"0x10",
            b"junk",
            b"1 2",
            b"1\x002",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for junk in junk.into_iter().chain(empty) {
            refused(&format!("{field} {junk:?}"), &[&with(b'0', at, length, junk)], Dialect::Deb);
        }
    }
    let overflow = with(b'0', 124, 12, b"\x80\0\0\x01\0\0\0\0\0\0\0\0");
    refused("a size of 65 bits", &[&overflow], Dialect::Deb);
    let huge = with(b'0', 124, 12, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    refused("a size of 64 bits", &[&huge], Dialect::Deb);
    refused("a uid of 33 bits", &[&with(b'0', 108, 8, b"\x80\0\0\x01\0\0\0\0")], Dialect::Deb);
    refused("a mtime of 64 bits", &[&with(b'0', 136, 12, b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")], Dialect::Deb);
    let data = [0; 512];
    for kind in [b'1', b'2', b'3', b'4', b'5', b'6'] {
        let header = block(kind, |block| {
            block[124..136].copy_from_slice(b"00000000001\0");
            block[157] = if kind < b'3' { b'x' } else { 0 };
            block[329..345].copy_from_slice(b"0000001\x000000003\0");
        });
        refused("data on what is no file", &[&header, &data], Dialect::Deb);
    }
    refused("a device without numbers", &[&block(b'3', |_| {})], Dialect::Deb);
    // They would not fit into a header of ours.
    let numbers = |at: usize, digits: &[u8; 8]| {
        block(b'3', |block| {
            block[329..345].copy_from_slice(b"0000001\x000000003\0");
            block[at..at + 8].copy_from_slice(digits);
        })
    };
    refused("a major number of 24 bits", &[&numbers(329, b"55555555")], Dialect::Pax);
    refused("a minor number of 21 bits", &[&numbers(337, b"4000000\0")], Dialect::Deb);
    let mut device = header("./dev/x", EntryKind::CharDevice);
    device.device = (1 << 12, 0);
    assert!(Writer::new(Vec::new()).append(&device, &mut &b""[..]).is_err());
    refused("a link without a target", &[&block(b'2', |_| {})], Dialect::Deb);
    refused("a target without a link", &[&with(b'0', 157, 100, b"x")], Dialect::Deb);
}

#[test]
fn case_61_types_that_are_not_accepted() {
    for kind in (1..=255).filter(|kind| !(b'0'..=b'6').contains(kind)) {
        refused(&format!("type {kind}"), &[&block(kind, |_| {})], Dialect::Deb);
        refused(&format!("type {kind}"), &[&block(kind, |_| {})], Dialect::Pax);
    }
}

#[test]
fn case_65_entries_are_counted_with_their_extensions() {
    let named = [extension(b'L', b"./long\0"), block(b'0', |_| {})].concat();
    let read = |blocks: &[u8], entries_max| {
        let mut reader = Reader::new(blocks, Dialect::Deb, entries_max);
        std::iter::from_fn(|| reader.next_entry().transpose()).collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(read(&named.repeat(50), 100).expect("a hundred headers").len(), 50);
    let error = read(&named.repeat(50), 99).expect_err("one too many");
    assert!(error.to_string().contains("more than the allowed 99 entries"), "{error}");
}

#[test]
fn case_66_checksum_and_end() {
    let good = block(b'0', |_| {});
    for (what, sum) in
        [("blank", &b"        "[..]), ("zero", b"000000\0 "), ("signed", b"-10000\0 "), ("junk", b"checksum")]
    {
        let mut bytes = good.clone();
        bytes[148..156].copy_from_slice(sum);
        refused(what, &[&bytes], Dialect::Deb);
    }
    refused("an entry after one block of zeros", &[&good, &[0; 512], &good], Dialect::Deb);
    let mut dirty = [0; 512];
    dirty[511] = 1;
    refused("a dirty end", &[&good, &[0; 512], &dirty], Dialect::Deb);
    for length in 0..1025 {
        let bytes = [&good[..], &good].concat();
        let whole = length % 512 == 0;
        assert_eq!(read(&bytes[..length.min(1024)], Dialect::Deb).is_ok(), whole || length > 1024, "cut to {length}");
    }
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let refuse = |what: &str, change: &dyn Fn(&mut Header)| {
        let mut entry = header("./a", EntryKind::File);
        change(&mut entry);
        let body = vec![0; usize::try_from(entry.size).expect("small")];
        assert!(Writer::new(Vec::new()).append(&entry, &mut body.as_slice()).is_err(), "{what}");
    };
    refuse("empty name", &|entry| entry.path.clear());
    refuse("NUL", &|entry| entry.path.push(0));
    refuse("slash", &|entry| entry.path.push(b'/'));
    refuse("target", &|entry| entry.link.push(b'a'));
    refuse("no target", &|entry| entry.kind = EntryKind::Symlink);
    refuse("data", &|entry| (entry.kind, entry.size) = (EntryKind::Fifo, 1));
    refuse("mode", &|entry| entry.mode = 0o100_644);
    refuse("time", &|entry| entry.mtime = -1);
    refuse("attribute", &|entry| {
        entry.xattrs.insert(b"user.a=b".to_vec(), Vec::new());
    });
    let mut short = header("./a", EntryKind::File);
    short.size = 2;
    assert!(Writer::new(Vec::new()).append(&short, &mut &b"1"[..]).is_err(), "a short body");
    assert!(Writer::new(Vec::new()).append(&short, &mut &b"123"[..]).is_err(), "a long body");
}

#[test]
fn extended_attributes_and_long_names_in_one_header() {
    let mut entry = header(&format!("./{}", "n".repeat(150)), EntryKind::Symlink);
    entry.link = vec![b't'; 300];
    entry.xattrs.insert(b"user.a".to_vec(), b"b".to_vec());
    let bytes = archive(&[(entry.clone(), Vec::new())]);
    assert_eq!(read(&bytes, Dialect::Pax).expect("our own archive"), [(entry, Vec::new())]);
    assert!(!bytes.windows(13).any(|window| window == b"././@LongLink"), "no GNU header beside a pax header");
}

/// The name in the header of a long one may be cut just behind a slash.
#[test]
fn a_file_is_no_directory_because_its_long_name_is_cut() {
    for length in 90..110 {
        let path = format!("./{}/{}", "d".repeat(length), "f".repeat(60));
        let bytes = crate::testing::tar_archive(&[(crate::testing::entry(&path, EntryKind::File), b"x".to_vec())]);
        for dialect in [Dialect::Deb, Dialect::Pax] {
            let header = Reader::new(bytes.as_slice(), dialect, 9).next_entry().expect("our own").expect("an entry");
            assert_eq!((header.path, header.kind), (path.clone().into_bytes(), EntryKind::File), "{length}");
        }
    }
}

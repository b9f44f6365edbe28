//! Writes the first inputs of every target, all made by the program's own writers: `seed DIRECTORY`.

use std::error::Error;
use std::fs;
use std::path::Path;

use imgbuild::format::compress::Compression;
use imgbuild::format::newc;
use imgbuild::format::tar::EntryKind;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::ar_archive;
use imgbuild::testing::compressed;
use imgbuild::testing::entry;
use imgbuild::testing::kernel_module;
use imgbuild::testing::signer::Signing;
use imgbuild::testing::signer::TestKey;
use imgbuild::testing::tar_archive;

const KINDS: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).ok_or("usage: seed DIRECTORY")?;
    let root = Path::new(&root);
    let write = |target: &str, inputs: Vec<Vec<u8>>| -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(root.join(target))?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(root.join(target).join(format!("seed-{number}")), input)?;
        }
        Ok(())
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let deb = deb();
    write("ar", vec![ar_archive(&deb.members()), ar_archive(&[("odd".into(), b"1".to_vec())])])?;
    write("compress", compress())?;
    write("control", vec![deb.control().into_bytes(), b"A: 1\n b\n .\n\n# c\nB:\n".to_vec()])?;
    write("deb", KINDS.map(|kind| deb.clone().compression(kind).build()).to_vec())?;
    write("elf", vec![kernel_module(&["license=GPL", "alias=pci:*"], &["a"], &["b"]), own_program()])?;
    let archive = ArchiveBuilder::new("test").package(&deb);
    let frame = archive.build().remove("dists/test/InRelease").ok_or("an archive has an InRelease")?;
    let dashes = TestKey::trusted().inline("-a\n- b\n\n-----c-----\n", Signing::at(ARCHIVE_DATE));
    write("inrelease", vec![frame, dashes.into_bytes()])?;
    write("newc", vec![cpio()?])?;
    write("relation", texts(&["a (>= 1:2-3) | b:any, c:amd64 (<< 0:1:2)", "a(=1),b<<2", "a [amd64], b <!nocheck>"]))?;
    write("release", vec![archive.field("Valid-Until", "Sat, 12 Sep 2026 07:55:41 UTC").release().into_bytes()])?;
    write("tar", vec![tar()])?;
    write("version", texts(&["1.0~rc1\n1:2-3\n0", "1.0-0\n1.0\n0:1.0", "0~~\n0:0:0-0\n01:1"]))
}

fn deb() -> DebBuilder {
    DebBuilder::new("seed", "1:2.0-1", "all")
        .field("Depends", "a (>= 1) | b, c")
        .script("postinst", "#!/bin/sh\n")
        .file("/usr/share/seed", 0o644, "content")
        .hard_link("/usr/share/other", "/usr/share/seed")
        .symlink("/usr/share/link", "seed")
}

fn compress() -> Vec<Vec<u8>> {
    let text = b"seed seed seed seed";
    let packed =
        KINDS[1..].iter().enumerate().map(|(number, kind)| [&[number as u8][..], &compressed(*kind, text)].concat());
    packed.chain((0x80..0x83).map(|number| [&[number][..], text].concat())).collect()
}

/// Every kind of entry; `checksum` stands where the target sets the right one.
fn tar() -> Vec<u8> {
    let mut file = entry("./file", EntryKind::File);
    file.xattrs.insert(b"user.a".to_vec(), b"b".to_vec());
    let mut hard = entry("./hard", EntryKind::HardLink);
    hard.link = b"./file".to_vec();
    let mut symlink = entry(&format!("./{}", "l".repeat(120)), EntryKind::Symlink);
    symlink.link = vec![b't'; 120];
    let mut device = entry("./device", EntryKind::CharDevice);
    (device.device, device.uid) = ((1, 3), 3_000_000_000);
    let plain = [entry("./", EntryKind::Directory), hard, symlink, device, entry("./pipe", EntryKind::Fifo)];
    let mut entries: Vec<_> = plain.into_iter().map(|header| (header, Vec::new())).collect();
    entries.insert(1, (file, b"content".to_vec()));
    let mut bytes = tar_archive(&entries);
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"checksum");
    }
    bytes.truncate(bytes.len().next_multiple_of(512));
    bytes
}

fn cpio() -> Result<Vec<u8>, newc::Error> {
    let mut writer = newc::Writer::new(Vec::new());
    for (inode, (name, mode, body)) in
        [(".", 0o40_755, ""), ("init", 0o100_755, "hello"), ("link", 0o120_777, "init")].into_iter().enumerate()
    {
        let header = newc::Header {
            name: name.into(),
            inode: inode as u32,
            mode,
            links: 1,
            size: body.len() as u32,
            ..newc::Header::default()
        };
        writer.append(&header, &mut body.as_bytes())?;
    }
    writer.finish()
}

/// The beginning of a real program is enough to start from, where there is one.
fn own_program() -> Vec<u8> {
    let program = std::env::current_exe().and_then(fs::read).unwrap_or_default();
    program.into_iter().take(64 << 10).collect()
}

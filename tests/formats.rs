//! Our readers and writers of foreign formats against the programs that made them.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use imgbuild::deb::stanzas;
use imgbuild::format::elf;
use imgbuild::format::newc;
use imgbuild::format::tar;
use imgbuild::format::tar::EntryKind;
use imgbuild::testing::entry;
use imgbuild::testing::tar_archive;

/// Runs a real program, feeds it, and returns what it writes; it must succeed.
#[expect(clippy::disallowed_methods, reason = "real programs are the oracle")]
fn run(directory: &Path, program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env("LC_ALL", "C").env("TZ", "UTC");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("it was piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("it ends")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    output.stdout
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

/// A directory with a file, a setuid file with two names, links, a pipe, an empty and a deep directory.
fn sample() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script =
        "mkdir -p empty deep/$(printf 'n%.0s' $(seq 150)) && echo hello > file && head -c 100000 /dev/zero > zeros
        && chmod 4755 zeros && ln zeros other && ln -s file link && ln -s $(printf 't%.0s' $(seq 180)) longlink
        && mkfifo pipe && echo x > deep/$(printf 'n%.0s' $(seq 150))/x && touch -d @1600000000 $(find . | sort -r)";
    run(directory.path(), "sh", &["-ec", &script.replace('\n', " ")], b"");
    directory
}

fn read_tar(bytes: &[u8], dialect: tar::Dialect) -> Result<Vec<(tar::Header, Vec<u8>)>, tar::Error> {
    let mut reader = tar::Reader::new(bytes, dialect, 1000);
    let mut entries = Vec::new();
    while let Some(header) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        entries.push((header, body));
    }
    Ok(entries)
}

#[test]
fn tar_of_gnu_tar_and_bsdtar() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "tar_of_gnu_tar_and_bsdtar") {
        return;
    }
    let directory = sample();
    for (program, format) in [
        ("tar", "v7"),
        ("tar", "ustar"),
        ("tar", "gnu"),
        ("tar", "oldgnu"),
        ("tar", "pax"),
        ("bsdtar", "gnutar"),
        ("bsdtar", "pax"),
    ] {
        let option = format!("--format={format}");
        // v7 and ustar have no room for the long names.
        let names: &[&str] = if matches!(format, "v7" | "ustar") {
            &["./empty", "./file", "./link", "./other", "./zeros"]
        } else {
            &["."]
        };
        let archive = run(directory.path(), program, &[&["-c", "-f", "-", &option][..], names].concat(), b"");
        let dialect = if format == "pax" { tar::Dialect::Pax } else { tar::Dialect::Deb };
        let entries = read_tar(&archive, dialect).unwrap_or_else(|error| panic!("{program} {format}: {error}"));
        let listed = lines(&run(directory.path(), program, &["-t", "-f", "-"], &archive));
        let ours: Vec<_> =
            entries.iter().map(|(header, _)| String::from_utf8_lossy(&header.path).into_owned()).collect();
        assert_eq!(ours, listed, "{program} {format}");
        let of = |path: &str| entries.iter().find(|(header, _)| header.path == path.as_bytes());
        let (file, body) = of("./file").expect("it is there");
        assert_eq!((file.mtime, body.as_slice()), (1_600_000_000, &b"hello\n"[..]), "{program} {format}");
        let kinds = ["./zeros", "./other"].map(|path| of(path).expect("it is there").0.kind);
        assert!(
            kinds.contains(&EntryKind::File) && kinds.contains(&EntryKind::HardLink),
            "{program} {format}: {kinds:?}"
        );
    }
}

#[test]
fn our_tar_is_listed_the_same_by_gnu_tar_bsdtar_and_us() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "our_tar_is_listed_the_same_by_gnu_tar_bsdtar_and_us") {
        return;
    }
    let mut entries = vec![(entry("./", EntryKind::Directory), Vec::new())];
    for length in [1, 99, 100, 101, 255, 1000] {
        let mut link = entry(&format!("./{}", "l".repeat(length)), EntryKind::Symlink);
        link.link = vec![b't'; length];
        entries.push((link, Vec::new()));
        let mut file = entry(&format!("./d/{}", "f".repeat(length)), EntryKind::File);
        (file.uid, file.gid, file.mtime) = (3_000_000_000, 70_000, 8_589_934_592 + 5);
        file.xattrs.insert(b"user.note".to_vec(), vec![b'v'; length]);
        entries.push((file, vec![b'x'; length]));
    }
    let mut device = entry("./null", EntryKind::CharDevice);
    device.device = (1, 3);
    entries.push((device, Vec::new()));
    let archive = tar_archive(&entries);
    let wanted: Vec<_> = entries.iter().map(|(header, _)| String::from_utf8_lossy(&header.path).into_owned()).collect();
    let here = Path::new(".");
    assert_eq!(lines(&run(here, "tar", &["-t", "-f", "-"], &archive)), wanted);
    assert_eq!(lines(&run(here, "bsdtar", &["-t", "-f", "-"], &archive)), wanted);
    let long = lines(&run(here, "tar", &["-t", "-v", "--numeric-owner", "-f", "-"], &archive));
    assert!(long[2].contains("3000000000/70000") && long[2].contains("2242-03-16 12:56"), "{}", long[2]);
    assert!(long.last().is_some_and(|line| line.starts_with("crw-r--r--") && line.contains("1,3")), "{long:?}");
    let body = run(here, "tar", &["-x", "-O", "-f", "-", &wanted[12]], &archive);
    assert_eq!(body, vec![b'x'; 1000]);
}

#[test]
fn case_68_newc_of_and_for_cpio() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "case_68_newc_of_and_for_cpio") {
        return;
    }
    let directory = sample();
    let names = run(directory.path(), "sh", &["-c", "find . | LC_ALL=C sort"], b"");
    let theirs = run(directory.path(), "cpio", &["--quiet", "-o", "-H", "newc", "--reproducible"], &names);
    let mut reader = newc::Reader::new(theirs.as_slice());
    let mut writer = newc::Writer::new(Vec::new());
    let mut found = BTreeMap::new();
    while let Some(header) = reader.next_entry().expect("an archive of cpio") {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).expect("an archive of cpio");
        writer.append(&header, &mut body.as_slice()).expect("memory takes it");
        found.insert(String::from_utf8_lossy(&header.name).into_owned(), (header, body));
    }
    // The same records give the same bytes as cpio's, padding and trailer too; but our digits are small letters, as the
    // kernel's documentation and bsdcpio have them.
    let ours = writer.finish().expect("memory takes it");
    assert!(ours.eq_ignore_ascii_case(&theirs), "our archive differs from cpio's");
    let (other, zeros) = (&found["other"], &found["zeros"]);
    assert_eq!((other.0.inode, other.0.links), (zeros.0.inode, 2));
    assert_eq!((other.1.len(), zeros.1.len()), (0, 100_000), "the data lies with the last link");
    let listed = lines(&run(directory.path(), "bsdtar", &["-t", "-f", "-"], &theirs));
    assert_eq!(listed.len(), found.len());
}

#[test]
fn elf_as_readelf_says() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "elf_as_readelf_says") {
        return;
    }
    let mut count = 0;
    let list =
        run(Path::new("/"), "sh", &["-c", "find usr/bin usr/lib usr/sbin -type f -size -4000k | LC_ALL=C sort"], b"");
    for path in lines(&list).into_iter().map(|path| PathBuf::from("/").join(path)) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        if !bytes.starts_with(elf::MAGIC) {
            continue;
        }
        let object = elf::Object::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        count += 1;
        // Every one must be read; readelf is asked for some.
        if count % 10 != 0 || count > 1000 {
            continue;
        }
        let name = path.to_str().expect("UTF-8 names");
        let said = String::from_utf8_lossy(&run(Path::new("/"), "readelf", &["-W", "-d", name], b"")).into_owned();
        let tagged = |tag: &str| {
            let lines = said.lines().filter(|line| line.contains(tag));
            lines.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned())).collect::<Vec<_>>()
        };
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let dynamic = object.dynamic.unwrap_or_default();
        assert_eq!(dynamic.needed.iter().map(|name| text(name)).collect::<Vec<_>>(), tagged("(NEEDED)"), "{name}");
        assert_eq!(dynamic.soname.map(text).into_iter().collect::<Vec<_>>(), tagged("(SONAME)"), "{name}");
        let run_path = dynamic.run_path.iter().map(|name| text(name)).collect::<Vec<_>>().join(":");
        assert_eq!(run_path, tagged("(RUNPATH)").first().or(tagged("(RPATH)").first()).cloned().unwrap_or_default());
    }
    assert!(count > 100, "only {count} ELF files were read");
}

/// Every stanza that dpkg wrote, and all fields, as python3-debian reads them.
#[test]
fn control_data_as_python_debian_reads_it() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "control_data_as_python_debian_reads_it") {
        return;
    }
    let program = "import sys\nfrom debian.deb822 import Deb822\n\
        for stanza in Deb822.iter_paragraphs(sys.stdin.buffer, use_apt_pkg=False):\n\
        \x20   print(*(repr((k, stanza[k])) for k in stanza), sep='\\n')\n    print()";
    let text = std::fs::read("/var/lib/dpkg/status").expect("a Debian system");
    let theirs = lines(&run(Path::new("/"), "/usr/bin/python3", &["-c", program], &text));
    let mut ours = Vec::new();
    for stanza in stanzas(&text) {
        let stanza = stanza.unwrap_or_else(|error| panic!("{error}"));
        ours.extend(stanza.fields().iter().map(|field| (field.name.to_owned(), field.value.to_owned())));
    }
    let theirs: Vec<_> = theirs.into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(ours.len(), theirs.len());
    for ((name, value), line) in ours.iter().zip(&theirs) {
        // It cuts the blanks at the end of a value's first line too; dpkg keeps them.
        let (first, rest) = value.split_at(value.find('\n').unwrap_or(value.len()));
        let value =
            format!("{}{rest}", first.trim_end()).replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        let single = format!("('{name}', '{}')", value.replace('\'', "\\'"));
        let double = format!("('{name}', \"{value}\")");
        assert!(*line == single || *line == double, "python says {line}, we say {single}");
    }
}

/// A copy with some bytes changed; the same for the same number.
fn mutated(bytes: &[u8], number: u64, letters: &[u8]) -> Vec<u8> {
    let mut state = number;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut changed = bytes.to_vec();
    for _ in 0..=random(3) {
        let at = random(changed.len());
        changed[at] = letters[random(letters.len())];
    }
    changed
}

/// Damaged archives: what is accepted here is to GNU tar and bsdtar the same list of names.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn damaged_tars_that_are_accepted_mean_the_same_to_others() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "damaged_tars_that_are_accepted_mean_the_same_to_others") {
        return;
    }
    let mut long = entry(&format!("./{}", "n".repeat(120)), EntryKind::Symlink);
    long.link = vec![b't'; 120];
    let mut hard = entry("./dir/hard", EntryKind::HardLink);
    hard.link = b"./dir/file".to_vec();
    let archive = tar_archive(&[
        (entry("./dir/", EntryKind::Directory), Vec::new()),
        (entry("./dir/file", EntryKind::File), b"content".to_vec()),
        (hard, Vec::new()),
        (long, Vec::new()),
        (entry("./last", EntryKind::File), vec![b'x'; 600]),
    ]);
    let here = Path::new(".");
    let mut accepted = 0;
    for number in 0..1500 {
        let mut damaged = mutated(&archive, number, b"0123456789abLKgx./\0 ");
        // With a right checksum the change is looked at, not only noticed.
        for block in damaged.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().copied().map(u32::from).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let Ok(entries) = read_tar(&damaged, tar::Dialect::Deb) else { continue };
        accepted += 1;
        let plain = |name: &str| name.trim_end_matches('/').to_owned();
        let ours: Vec<String> =
            entries.iter().map(|(header, _)| plain(&String::from_utf8_lossy(&header.path))).collect();
        for (program, arguments) in [("tar", &["-t", "-f", "-", "-P"][..]), ("bsdtar", &["-t", "-f", "-"])] {
            let listed: Vec<String> =
                lines(&run(here, program, arguments, &damaged)).iter().map(|name| plain(name)).collect();
            assert_eq!(ours, listed, "number {number}: {program} reads something else");
        }
    }
    eprintln!("{accepted} of 1500 damaged archives were accepted, and listed the same");
    assert!(accepted > 100, "only {accepted} were accepted: this proves little");
}

/// Damaged control data: what is accepted here is the same stanzas and fields to python3-debian.
#[test]
#[expect(clippy::print_stderr, reason = "the figures are what one runs it for")]
fn damaged_stanzas_that_are_accepted_mean_the_same_to_python_debian() {
    let name = "damaged_stanzas_that_are_accepted_mean_the_same_to_python_debian";
    if !crate::switched_on("IMGBUILD_TEST_PEERS", name) {
        return;
    }
    let text = b"Package: a\nVersion: 1:2-3\nDescription: short\n long\n .\n  more: of it\nX-Empty:\nTag: b,\n c\n\nPackage: b\nA: 1\n";
    let mut accepted = Vec::new();
    for number in 0..4000 {
        let damaged = mutated(text, number, b"ab:\n .-~A1\t,");
        let Ok(all) = stanzas(&damaged).collect::<Result<Vec<_>, _>>() else { continue };
        // It cuts the blanks at the end of a value and of its first line; dpkg keeps them, and so do we.
        let cut = |value: &str| {
            let (first, rest) = value.split_at(value.find('\n').unwrap_or(value.len()));
            format!("{}{rest}", first.trim_end()).trim_end().to_owned()
        };
        let fields = all.iter().map(|stanza| {
            stanza.fields().iter().map(|field| (field.name.to_owned(), cut(field.value))).collect::<Vec<_>>()
        });
        let fields: Vec<Vec<(String, String)>> = fields.collect();
        accepted.push((number, damaged, serde_json::to_value(fields).expect("texts")));
    }
    let program = "import sys, json\nfrom debian.deb822 import Deb822\nfor line in sys.stdin:\n\
        \x20   data = bytes.fromhex(line)\n\
        \x20   all = Deb822.iter_paragraphs(data.splitlines(keepends=True), use_apt_pkg=False)\n\
        \x20   print(json.dumps([[[k, stanza[k].rstrip()] for k in stanza] for stanza in all]))";
    let input: String = accepted
        .iter()
        .map(|(_, damaged, _)| damaged.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
        .collect();
    let said = run(Path::new("/"), "/usr/bin/python3", &["-c", program], input.as_bytes());
    let theirs = lines(&said);
    assert_eq!(theirs.len(), accepted.len());
    let mut different = Vec::new();
    for ((number, damaged, ours), line) in accepted.iter().zip(&theirs) {
        let theirs: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if theirs != *ours {
            different
                .push(format!("{number}: {:?}\n ours   {ours}\n theirs {theirs}", String::from_utf8_lossy(damaged)));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different[..different.len().min(5)].join("\n"));
    eprintln!("{} of 4000 damaged texts were accepted, and read the same", accepted.len());
    assert!(accepted.len() > 300, "only {} were accepted: this proves little", accepted.len());
}

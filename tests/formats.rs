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

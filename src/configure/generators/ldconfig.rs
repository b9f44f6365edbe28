//! `/etc/ld.so.cache`, as ldconfig(8) of glibc 2.32 and later writes it, and the links to shared libraries it makes.
//!
//! Format: glibc's `cache_file_new` ("glibc-ld.so.cache1.1"): a header, one entry per library sorted by name the
//! other way round, a pool of strings in which a name shares the tail of its path, and the generator's name.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::Read as _;

use goblin::elf::header;

use crate::format::elf;
use crate::tree::Content;
use crate::tree::Error;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Directories that are searched without being configured (glibc's SLIBDIR and LIBDIR, with Debian's patch).
const SYSTEM_DIRECTORIES: [&str; 2] = ["/lib", "/usr/lib"];
/// Files that include files, and no deeper.
const INCLUDE_DEPTH: usize = 8;
/// The magic number before the extensions.
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// The size of glibc's `cache_file_new` without entries, and of one entry.
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// A library under one name, in one directory.
#[derive(Debug, Clone)]
struct Library {
    file: Vec<u8>,
    flags: u32,
    is_link: bool,
}

/// One entry of the cache.
#[derive(Debug)]
struct Entry {
    soname: Vec<u8>,
    path: Vec<u8>,
    flags: u32,
}

/// Writes the cache and makes missing links. Does nothing in a tree without `ldconfig`'s configuration, which is
/// one without glibc.
pub(crate) fn run(tree: &mut Tree) -> Result<(), Error> {
    let Some(generator) = generator(tree)? else { return Ok(()) };
    let mut seen = BTreeSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    let configured = configuration(tree, "/etc/ld.so.conf", INCLUDE_DEPTH)?;
    for directory in configured.into_iter().chain(SYSTEM_DIRECTORIES.map(|name| name.as_bytes().to_vec())) {
        let Some((real, _)) = tree.lookup(&directory) else { continue };
        if !seen.insert(real.clone()) {
            continue;
        }
        for (soname, library) in libraries(tree, &real)? {
            let name = if library.is_link { library.file.clone() } else { soname.clone() };
            if !library.is_link && soname != library.file {
                link(tree, &real, &soname, &library.file)?;
            }
            let path = [directory.as_slice(), b"/", &name].concat();
            entries.push(Entry { soname, path, flags: library.flags });
        }
    }
    // Stable: of two libraries with one name, the directory searched first stays first.
    entries.sort_by(|a, b| compare_names(&b.soname, &a.soname).then(b.flags.cmp(&a.flags)));
    tree.write("/etc/ld.so.cache", 0o644, encode(&entries, &generator))?;
    Ok(())
}

/// `ldconfig`'s own description, taken from the C library's banner; `None` without a C library.
fn generator(tree: &Tree) -> Result<Option<Vec<u8>>, Error> {
    const BANNER: &[u8] = b"GNU C Library (";
    for (path, _) in tree.below(&TreePath::root()).filter(|(path, _)| path.name() == b"libc.so.6") {
        let Some(library) = tree.read(path.as_bytes())? else { continue };
        let Some(start) = memchr::memmem::find(&library, BANNER) else { continue };
        let text = &library[start + BANNER.len() - 1..];
        let end = memchr::memmem::find(text, b".\n").unwrap_or(0).min(200);
        let Some(release) = memchr::memmem::find(&text[..end], b" release version ") else { continue };
        let stable =
            text[..release].iter().rposition(|&byte| byte == b' ').map_or(&text[..release], |_| &text[..release]);
        return Ok(Some([b"ldconfig ", stable, &text[release..end]].concat()));
    }
    Ok(None)
}

/// The directories of a configuration file and of what it includes.
fn configuration(tree: &Tree, file: &str, depth: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut found = Vec::new();
    let Some(text) = tree.read(file)? else { return Ok(found) };
    let text = String::from_utf8_lossy(&text).into_owned();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include ").filter(|_| depth > 0) {
            for included in matching(tree, pattern.trim()) {
                found.extend(configuration(tree, &included, depth - 1)?);
            }
        } else if line.starts_with('/') {
            let directory = line.trim_end_matches('/');
            found.push(directory.as_bytes().to_vec());
        }
    }
    Ok(found)
}

/// The files `DIRECTORY/*SUFFIX` in order; that is the only pattern in use.
fn matching(tree: &Tree, pattern: &str) -> Vec<String> {
    let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Some((real, _)) = tree.lookup(directory) else { return Vec::new() };
    let (prefix, suffix) = name.split_once('*').unwrap_or((name, ""));
    tree.children(&real)
        .filter_map(|(path, _)| std::str::from_utf8(path.name()).ok())
        .filter(|file| file.len() >= prefix.len() + suffix.len() && file.starts_with(prefix) && file.ends_with(suffix))
        .map(|file| format!("{directory}/{file}"))
        .collect()
}

/// The libraries of one directory by the name programs ask for.
fn libraries(tree: &Tree, directory: &TreePath) -> Result<BTreeMap<Vec<u8>, Library>, Error> {
    let mut found: BTreeMap<Vec<u8>, Library> = BTreeMap::new();
    for (path, inode) in tree.children(directory) {
        let name = path.name();
        let is_library = (name.starts_with(b"lib") || name.starts_with(b"ld-"))
            && memchr::memmem::find(name, b".so").is_some()
            && !name.ends_with(b".py");
        if !is_library {
            continue;
        }
        let Some((real, target)) = tree.lookup(path.as_bytes()) else { continue };
        let Some(content) = target.content() else { continue };
        let library = inspect(content).map_err(|source| Error::Read { path: real, source })?;
        let Some((flags, soname)) = library else { continue };
        let mut soname = soname.unwrap_or_else(|| name.to_vec());
        let is_link = matches!(inode.kind, Kind::Symlink(_)) && is_own_link(name, &soname);
        if is_link {
            soname = name.to_vec();
        }
        let library = Library { file: name.to_vec(), flags, is_link };
        match found.get_mut(&soname) {
            Some(known) => {
                let newer = known.is_link == is_link && compare_names(&known.file, name).is_lt();
                if (known.is_link && !is_link) || newer {
                    *known = library;
                }
            }
            None => {
                found.insert(soname, library);
            }
        }
    }
    Ok(found)
}

/// Whether a link counts as one: it has the library's own name, or is the linker's `.so` link, which has an entry
/// of its own. Any other is one more file of that library.
fn is_own_link(name: &[u8], soname: &[u8]) -> bool {
    name == soname || (name.ends_with(b".so") && soname.starts_with(name))
}

/// The cache's flags for a shared library, and its SONAME; `None` for what is no library of a known machine.
fn inspect(content: &Content) -> io::Result<Option<(u32, Option<Vec<u8>>)>> {
    let read = |offset, buffer: &mut [u8]| content.reader_at(offset).read_exact(buffer);
    let Some(library) = elf::Library::read(content.size(), read)? else { return Ok(None) };
    // FLAG_ELF_LIBC6 with the machine's FLAG_*_LIB* of glibc's ldconfig.h.
    let (machine, is_64, _) = library.class;
    let flags = match (machine, is_64) {
        (header::EM_386, false) => 0x0003,
        (header::EM_X86_64, true) => 0x0303,
        (header::EM_X86_64, false) => 0x0803,
        (header::EM_AARCH64, true) => 0x0a03,
        (header::EM_ARM, false) => 0x0903,
        (header::EM_PPC64, true) => 0x0503,
        (header::EM_S390, true) => 0x0403,
        (header::EM_RISCV, true) => 0x1003,
        _ => return Ok(None),
    };
    Ok(Some((flags, library.soname)))
}

/// Makes the link by which programs find a library, unless something with that name is there.
fn link(tree: &mut Tree, directory: &TreePath, soname: &[u8], file: &[u8]) -> Result<(), Error> {
    let path = directory.join(soname)?;
    if tree.get(&path).is_none() {
        tree.symlink(path.as_bytes(), file)?;
    }
    Ok(())
}

/// glibc's `_dl_cache_libcmp`: numbers by value, and after everything else.
fn compare_names(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = number(a);
                let (number_b, rest_b) = number(b);
                let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
                if order.is_ne() {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), _) if x.is_ascii_digit() => return Ordering::Greater,
            (_, Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// The digits at the start without leading zeros, and what follows.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|&&byte| byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

fn encode(entries: &[Entry], generator: &[u8]) -> Vec<u8> {
    let strings = entries.iter().flat_map(|entry| [entry.soname.as_slice(), entry.path.as_slice()]);
    let (pool, offsets) = pool(strings.collect());
    let start = HEADER + ENTRY * entries.len();
    let mut bytes = b"glibc-ld.so.cache1.1".to_vec();
    let put = |bytes: &mut Vec<u8>, value: usize| {
        bytes.extend_from_slice(&u32::try_from(value).expect("a cache is far below 4 GiB").to_le_bytes());
    };
    let extension = (start + pool.len()).next_multiple_of(4);
    put(&mut bytes, entries.len());
    put(&mut bytes, pool.len());
    // Little-endian, as every machine of `inspect` but s390x, which glibc accepts as well from the flags' zero.
    bytes.extend_from_slice(&[2, 0, 0, 0]);
    put(&mut bytes, extension);
    bytes.resize(HEADER, 0);
    for entry in entries {
        bytes.extend_from_slice(&entry.flags.to_le_bytes());
        put(&mut bytes, start + offsets[entry.soname.as_slice()]);
        put(&mut bytes, start + offsets[entry.path.as_slice()]);
        bytes.extend_from_slice(&[0; 12]);
    }
    bytes.extend_from_slice(&pool);
    bytes.resize(extension, 0);
    bytes.extend_from_slice(&EXTENSION_MAGIC.to_le_bytes());
    put(&mut bytes, 1);
    bytes.extend_from_slice(&[0; 8]);
    put(&mut bytes, extension + 24);
    put(&mut bytes, generator.len());
    bytes.extend_from_slice(generator);
    bytes
}

/// All strings, each ended by a NUL, with one that is another's tail inside it; and where each begins.
fn pool(strings: BTreeSet<&[u8]>) -> (Vec<u8>, BTreeMap<&[u8], usize>) {
    let mut sorted: Vec<&[u8]> = strings.into_iter().collect();
    // By their ends, the longer of two with one end first.
    sorted.sort_by(|a, b| b.iter().rev().cmp(a.iter().rev()));
    let mut pool = Vec::new();
    let mut offsets = BTreeMap::new();
    let mut last: &[u8] = b"";
    for string in sorted {
        if last.ends_with(string) && !last.is_empty() {
            offsets.insert(string, pool.len() - 1 - string.len());
        } else {
            offsets.insert(string, pool.len());
            pool.extend_from_slice(string);
            pool.push(0);
            last = string;
        }
    }
    (pool, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_glibc_does() {
        let sorted: [&[u8]; 6] = [b"liba-b.so.2", b"liba.so", b"liba.so.2", b"liba.so.10", b"liba1.so", b"libb.so"];
        for (index, name) in sorted.iter().enumerate() {
            assert_eq!(compare_names(name, name), Ordering::Equal);
            for later in &sorted[index + 1..] {
                assert_eq!(compare_names(name, later), Ordering::Less, "{}", later.escape_ascii());
            }
        }
    }

    #[test]
    fn the_linkers_links_have_entries() {
        for name in ["libz.so.1", "libz.so"] {
            assert!(is_own_link(name.as_bytes(), b"libz.so.1"), "{name}");
        }
        for name in ["libz.so.1.3", "libzip.so", "libz-other.so.1"] {
            assert!(!is_own_link(name.as_bytes(), b"libz.so.1"), "{name}");
        }
    }

    #[test]
    fn tails_are_shared() {
        let strings: [&[u8]; 3] = [b"libz.so.1", b"/lib/libz.so.1", b"/lib/liba.so"];
        let (pool, offsets) = pool(BTreeSet::from(strings));
        assert_eq!(pool, b"/lib/liba.so\0/lib/libz.so.1\0");
        assert_eq!(offsets[strings[0]], 18);
    }
}

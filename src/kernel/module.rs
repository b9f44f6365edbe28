//! One module file: name, what it says of itself in `.modinfo`, what it exports and what it needs.
//!
//! ELF as of the System V ABI; the sections are those the kernel's `modpost` writes.

use std::collections::BTreeSet;
use std::io;
use std::io::Read;

use goblin::container::Ctx;
use goblin::elf::Elf;
use goblin::elf::SectionHeader;
use goblin::elf::Symtab;
use goblin::elf::header::EM_SPARC;
use goblin::elf::header::EM_SPARCV9;
use goblin::elf::section_header::SHN_UNDEF;
use serde::Deserialize;
use serde::Serialize;

use super::Error;
use crate::format::compress::Allowance;
use crate::format::compress::Compression;
use crate::format::compress::decoder;
use crate::limits;
use crate::tree;
use crate::tree::Content;
use crate::tree::TreePath;

/// The largest module that is read, uncompressed. The largest of Debian's, `amdgpu`, has some 25 MiB.
const SIZE_MAX: u64 = 256 << 20;
/// File names of modules, as kmod takes them.
const EXTENSIONS: [&str; 4] = [".ko", ".ko.gz", ".ko.xz", ".ko.zst"];
/// A symbol type on SPARC that looks undefined and is not.
const STT_REGISTER: u8 = 13;

/// What is known of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// With underscores: `nfs_layout_flexfiles`.
    pub name: String,
    /// Below the kernel's directory: `kernel/fs/nfs/nfs.ko.xz`.
    pub path: String,
    /// `alias`: what it answers to, in the file's order.
    pub aliases: Vec<String>,
    /// `softdep`: `pre: a b post: c`.
    pub softdeps: Vec<String>,
    /// `weakdep`: names.
    pub weakdeps: Vec<String>,
    /// `firmware`: files it may ask for, or patterns.
    pub firmware: Vec<String>,
    /// Symbols for other modules.
    pub exports: Vec<String>,
    /// Symbols from elsewhere, in the file's order.
    pub needs: Vec<String>,
}

/// The name of the module in a file, or nothing when the file is no module.
pub(super) fn name_of(path: &str) -> Option<String> {
    EXTENSIONS.iter().any(|extension| path.ends_with(extension)).then(|| {
        let file = path.rsplit('/').next().unwrap_or(path);
        normalize(file)
    })
}

/// The path as `modules.order` has it: `.ko` whatever the compression.
pub(super) fn uncompressed(path: &str) -> &str {
    let extension = EXTENSIONS[1..].iter().find(|extension| path.ends_with(*extension));
    extension.map_or(path, |extension| &path[..path.len() - extension.len() + ".ko".len()])
}

/// A file name or a word as a module's name: up to the first dot, with underscores.
pub(super) fn normalize(word: &str) -> String {
    word.split('.').next().unwrap_or(word).replace('-', "_")
}

/// Reads one module.
pub(super) fn read(
    directory: &TreePath,
    path: &str,
    content: &Content,
    limits: &limits::Limits,
) -> Result<Module, Error> {
    let whole = directory.join(path).map_err(tree::Error::from)?;
    let bytes = decompress(path, content, limits).map_err(|source| Error::Read { path: whole.clone(), source })?;
    parse(path, &bytes).map_err(|reason| Error::Malformed { path: whole, reason })
}

/// The bytes of a module, decompressed as its name says.
pub(super) fn decompress(path: &str, content: &Content, limits: &limits::Limits) -> io::Result<Vec<u8>> {
    let packed = content.to_vec()?;
    let kind = match path.rsplit('.').next() {
        Some("gz") => Compression::Gzip,
        Some("xz") => Compression::Xz,
        Some("zst") => Compression::Zstd,
        _ => return Ok(packed),
    };
    let mut bytes = Vec::with_capacity(packed.len() * 4);
    decoder(kind, packed.as_slice(), Allowance::within("", SIZE_MAX, limits))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The parts of the file that matter, each with its bounds checked.
struct Sections<'a> {
    modinfo: &'a [u8],
    export_strings: &'a [u8],
    versions: &'a [u8],
    strings: &'a [u8],
    symbols: Option<Symtab<'a>>,
    context: Ctx,
    machine: u16,
}

fn parse(path: &str, bytes: &[u8]) -> Result<Module, String> {
    let sections = sections(bytes)?;
    let info = info(sections.modinfo)?;
    let all = |key: &str| info.iter().filter(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()).collect();
    Ok(Module {
        name: name_of(path).ok_or("the file's name is not that of a module")?,
        path: path.to_owned(),
        aliases: all("alias"),
        softdeps: all("softdep"),
        weakdeps: all("weakdep"),
        firmware: all("firmware"),
        exports: exports(&sections)?,
        needs: needs(&sections)?,
    })
}

fn sections(bytes: &[u8]) -> Result<Sections<'_>, String> {
    let text = |error: goblin::error::Error| error.to_string();
    let header = Elf::parse_header(bytes).map_err(text)?;
    let context = Ctx::new(header.container().map_err(text)?, header.endianness().map_err(text)?);
    let offset = usize::try_from(header.e_shoff).map_err(|_| "section headers lie beyond the file")?;
    let headers = SectionHeader::parse(bytes, offset, header.e_shnum.into(), context).map_err(text)?;
    let range = |section: &SectionHeader| section.file_range().and_then(|range| bytes.get(range)).unwrap_or_default();
    let names = headers.get(usize::from(header.e_shstrndx)).map(range).unwrap_or_default();
    let find =
        |wanted: &[u8]| headers.iter().find(|section| string(names, section.sh_name).is_some_and(|n| n == wanted));
    let bytes_of = |wanted: &[u8]| find(wanted).map(range).unwrap_or_default();
    let symbols = find(b".symtab").map(|section| {
        let count = section.sh_size.checked_div(section.sh_entsize).unwrap_or(0);
        let (offset, count) = (usize::try_from(section.sh_offset), usize::try_from(count));
        Symtab::parse(bytes, offset.unwrap_or(usize::MAX), count.unwrap_or(usize::MAX), context).map_err(text)
    });
    Ok(Sections {
        modinfo: bytes_of(b".modinfo"),
        export_strings: bytes_of(b"__ksymtab_strings"),
        versions: bytes_of(b"__versions"),
        strings: bytes_of(b".strtab"),
        symbols: symbols.transpose()?,
        context,
        machine: header.e_machine,
    })
}

/// The NUL-ended string at an offset.
fn string(table: &[u8], offset: impl TryInto<usize>) -> Option<&[u8]> {
    let rest = table.get(offset.try_into().ok()?..)?;
    rest.split(|&byte| byte == 0).next()
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| format!("`{}` is not UTF-8", tree::escape(bytes)))
}

/// `key=value` strings; only of keys that are used must the values be text.
fn info(section: &[u8]) -> Result<Vec<(&str, &str)>, String> {
    let mut pairs = Vec::new();
    for record in section.split(|&byte| byte == 0) {
        let Some(cut) = record.iter().position(|&byte| byte == b'=') else { continue };
        if let Ok(key @ ("alias" | "softdep" | "weakdep" | "firmware")) = std::str::from_utf8(&record[..cut]) {
            pairs.push((key, utf8(&record[cut + 1..])?));
        }
    }
    Ok(pairs)
}

/// The names that have a version sum (`__crc_NAME`), else those of the export table.
fn exports(sections: &Sections<'_>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for symbol in sections.symbols.iter().flat_map(Symtab::iter).skip(1) {
        let name = string(sections.strings, symbol.st_name).ok_or("a symbol's name lies outside the string table")?;
        if let Some(name) = name.strip_prefix(b"__crc_") {
            names.push(utf8(name)?.to_owned());
        }
    }
    if names.is_empty() {
        for name in sections.export_strings.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            names.push(utf8(name)?.to_owned());
        }
    }
    Ok(names)
}

/// The undefined symbols, then names that have a version sum to be met and are no symbols (`module_layout`).
fn needs(sections: &Sections<'_>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let sparc = matches!(sections.machine, EM_SPARC | EM_SPARCV9);
    for symbol in sections.symbols.iter().flat_map(Symtab::iter).skip(1) {
        let register = sparc && symbol.st_type() == STT_REGISTER;
        if symbol.st_shndx != SHN_UNDEF as usize || register {
            continue;
        }
        let name = string(sections.strings, symbol.st_name).ok_or("a symbol's name lies outside the string table")?;
        if !name.is_empty() {
            names.push(utf8(name)?.to_owned());
        }
    }
    let seen: BTreeSet<&[u8]> = names.iter().map(String::as_bytes).collect();
    // Records of 64 bytes: a sum of the machine's word size, and the name.
    let sum = if sections.context.is_big() { 8 } else { 4 };
    let versions = sections.versions.chunks_exact(64).filter_map(|record| string(record, sum));
    let more: Vec<&[u8]> = versions.filter(|name| !name.is_empty() && !seen.contains(name)).collect();
    let more = more.into_iter().map(|name| utf8(name).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    names.extend(more);
    Ok(names)
}

//! ELF files, as far as an image needs to know them: what machine, what is needed, which sections (System V ABI).
//!
//! By the crate `goblin`, but for its whole-file parser: that one reads symbols, relocations and versions too, of
//! which nothing is wanted here, and takes a string beyond its table for an absent one. Everything is a slice of the
//! given bytes, checked when it is asked for; a library, of which its name is wanted, is not read as a whole: some have
//! hundreds of megabytes.

use std::io;

use goblin::container::Ctx;
use goblin::elf::Dynamic;
use goblin::elf::Elf;
use goblin::elf::ProgramHeader;
use goblin::elf::SectionHeader;
use goblin::elf::dynamic::DT_NEEDED;
use goblin::elf::dynamic::DT_RPATH;
use goblin::elf::dynamic::DT_RUNPATH;
use goblin::elf::dynamic::DT_SONAME;
use goblin::elf::dynamic::DT_STRSZ;
use goblin::elf::dynamic::DT_STRTAB;
use goblin::elf::header::ET_DYN;
use goblin::elf::program_header::PT_DYNAMIC;
use goblin::elf::program_header::PT_INTERP;
use goblin::elf::program_header::PT_LOAD;
use goblin::elf::section_header::SHT_NOBITS;

/// The longest name or path in an ELF file, as Linux's `PATH_MAX`; run paths are lists of them.
const STRING_MAX: usize = 64 << 10;

/// The longest dynamic section that is read: 16 bytes for each library that is needed, and some thirty more.
const DYNAMIC_MAX: u64 = 1 << 20;
/// Of the header of an ELF file, of 64 bits.
const HEADER: u64 = 64;

/// What every ELF file starts with.
pub const MAGIC: &[u8; 4] = b"\x7fELF";

/// A file that starts as ELF and goes on as something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed ELF file: {0}")]
pub struct Error(String);

/// What a file says of itself. Objects run together when [`Object::class`] is equal.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    /// Machine, 64 bits or 32, little endian or big.
    pub class: (u16, bool, bool),
    /// `e_type`: `ET_EXEC`, `ET_DYN`, `ET_REL` …
    pub kind: u16,
    /// The dynamic loader that the program asks for.
    pub interpreter: Option<&'a [u8]>,
    /// The dynamic section; `None`: statically linked, or not linked yet.
    pub dynamic: Option<DynamicSection<'a>>,
    sections: Vec<Section<'a>>,
}

/// Name and bytes.
type Section<'a> = (&'a [u8], &'a [u8]);

/// What the dynamic section says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DynamicSection<'a> {
    /// `DT_SONAME`
    pub soname: Option<&'a [u8]>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<&'a [u8]>,
    /// The directories of `DT_RUNPATH` or, where there is none, of `DT_RPATH`.
    pub run_path: Vec<&'a [u8]>,
}

/// What a shared library says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// As of [`Object::class`].
    pub class: (u16, bool, bool),
    /// `DT_SONAME`
    pub soname: Option<Vec<u8>>,
}

impl Library {
    /// Reads the parts of a file that say so: `read` fills a buffer from a position of the `size` bytes. `None`: it is no
    /// dynamically linked object (`ET_DYN`), or one in which something points outside.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read(size: u64, read: impl Fn(u64, &mut [u8]) -> io::Result<()>) -> io::Result<Option<Self>> {
        let mut failed = None;
        let library = Self::parse(size, |offset, buffer| {
            read(offset, buffer).map_err(|error| {
                let told = Error(error.to_string());
                failed = Some(error);
                told
            })
        });
        failed.map_or_else(|| Ok(library.ok().flatten()), Err)
    }

    fn parse(size: u64, mut read: impl FnMut(u64, &mut [u8]) -> Result<(), Error>) -> Result<Option<Self>, Error> {
        let mut part = |offset: u64, length: u64| {
            if offset.checked_add(length).is_none_or(|end| end > size) {
                return Err(outside());
            }
            let mut bytes = vec![0; position(length)?];
            read(offset, &mut bytes)?;
            Ok(bytes)
        };
        let start = part(0, size.min(HEADER))?;
        let header = Elf::parse_header(&start).map_err(goblin)?;
        let context = Ctx::new(header.container().map_err(goblin)?, header.endianness().map_err(goblin)?);
        if header.e_type != ET_DYN {
            return Ok(None);
        }
        let length = ProgramHeader::size(context) as u64 * u64::from(header.e_phnum);
        let programs = part(header.e_phoff, length)?;
        let programs = ProgramHeader::parse(&programs, 0, header.e_phnum.into(), context).map_err(goblin)?;
        let Some(dynamic) = programs.iter().find(|program| program.p_type == PT_DYNAMIC) else { return Ok(None) };
        if dynamic.p_filesz > DYNAMIC_MAX {
            return Err(Error("its dynamic section is too long".into()));
        }
        let bytes = part(dynamic.p_offset, dynamic.p_filesz)?;
        // Here it lies at the beginning.
        let here = ProgramHeader { p_offset: 0, ..dynamic.clone() };
        let Some(dynamic) = Dynamic::parse(&bytes, &[here], context).map_err(goblin)? else { return Ok(None) };
        let soname = dynamic.dyns.iter().find(|entry| entry.d_tag == DT_SONAME).map(|entry| entry.d_val);
        let soname = soname.map(|name| {
            let (offset, size) = strings(&programs, &dynamic)?;
            let left = size.checked_sub(name).ok_or_else(outside)?.min(STRING_MAX as u64);
            let table = part(offset.checked_add(name).ok_or_else(outside)?, left)?;
            string(&table, 0).map(<[u8]>::to_vec)
        });
        let class = (header.e_machine, context.is_big(), context.le.is_little());
        Ok(Some(Self { class, soname: soname.transpose()? }))
    }
}

impl<'a> Object<'a> {
    /// Reads the headers and what is named above.
    ///
    /// # Errors
    /// This is no ELF file, or one in which something points outside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Elf::parse_header(bytes).map_err(goblin)?;
        let context = Ctx::new(header.container().map_err(goblin)?, header.endianness().map_err(goblin)?);
        let programs = ProgramHeader::parse(bytes, position(header.e_phoff)?, header.e_phnum.into(), context);
        let programs = programs.map_err(goblin)?;
        let interpreter = programs.iter().find(|program| program.p_type == PT_INTERP);
        let interpreter = interpreter.map(|program| {
            let path = range(bytes, program.p_offset, program.p_filesz)?;
            string(path, 0)
        });
        let dynamic = Dynamic::parse(bytes, &programs, context).map_err(goblin)?;
        let sections = SectionHeader::parse(bytes, position(header.e_shoff)?, header.e_shnum.into(), context);
        Ok(Self {
            class: (header.e_machine, context.is_big(), context.le.is_little()),
            kind: header.e_type,
            interpreter: interpreter.transpose()?,
            dynamic: dynamic.map(|dynamic| dynamic_section(bytes, &programs, &dynamic)).transpose()?,
            sections: named(bytes, &sections.map_err(goblin)?, header.e_shstrndx.into())?,
        })
    }

    /// The bytes of the first section of this name, such as `.modinfo`.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.sections.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, bytes)| *bytes)
    }
}

fn dynamic_section<'a>(
    bytes: &'a [u8],
    programs: &[ProgramHeader],
    dynamic: &Dynamic,
) -> Result<DynamicSection<'a>, Error> {
    let all = |tag: u64| dynamic.dyns.iter().filter(move |entry| entry.d_tag == tag).map(|entry| entry.d_val);
    let (offset, size) = strings(programs, dynamic)?;
    let strings = range(bytes, offset, size)?;
    let names = |tag: u64| all(tag).map(|offset| string(strings, offset)).collect::<Result<Vec<_>, _>>();
    let run_path = names(DT_RUNPATH)?;
    let run_path = if run_path.is_empty() { names(DT_RPATH)? } else { run_path };
    Ok(DynamicSection {
        soname: names(DT_SONAME)?.first().copied(),
        needed: names(DT_NEEDED)?,
        run_path: run_path.iter().flat_map(|paths| paths.split(|&byte| byte == b':')).collect(),
    })
}

/// Where the table of strings lies in the file, and how long it is; without one, nowhere.
fn strings(programs: &[ProgramHeader], dynamic: &Dynamic) -> Result<(u64, u64), Error> {
    let first = |tag: u64| dynamic.dyns.iter().find(|entry| entry.d_tag == tag).map(|entry| entry.d_val);
    let Some(address) = first(DT_STRTAB) else { return Ok((0, 0)) };
    // It is given by its address in memory; the segment that holds it says where it lies in the file.
    let segment = programs
        .iter()
        .filter(|program| program.p_type == PT_LOAD)
        .find(|program| address >= program.p_vaddr && address - program.p_vaddr < program.p_filesz);
    let segment = segment.ok_or_else(|| Error("the string table is in no segment".into()))?;
    let offset = segment.p_offset.checked_add(address - segment.p_vaddr).ok_or_else(outside)?;
    Ok((offset, first(DT_STRSZ).unwrap_or(0)))
}

/// Each section's name and bytes.
fn named<'a>(bytes: &'a [u8], headers: &[SectionHeader], names: usize) -> Result<Vec<Section<'a>>, Error> {
    let body = |section: &SectionHeader| match section.sh_type {
        SHT_NOBITS => Ok(&[][..]),
        _ => range(bytes, section.sh_offset, section.sh_size),
    };
    let Some(names) = headers.get(names).map(body).transpose()? else { return Ok(Vec::new()) };
    headers.iter().skip(1).map(|section| Ok((string(names, section.sh_name as u64)?, body(section)?))).collect()
}

/// The string at an offset of a table, without the NUL that must end it.
fn string(table: &[u8], offset: u64) -> Result<&[u8], Error> {
    let rest = table.get(position(offset)?..).ok_or_else(outside)?;
    let end = memchr::memchr(0, &rest[..rest.len().min(STRING_MAX)]);
    end.map(|end| &rest[..end]).ok_or_else(|| Error("a string does not end".into()))
}

fn range(bytes: &[u8], offset: u64, length: u64) -> Result<&[u8], Error> {
    let (start, length) = (position(offset)?, position(length)?);
    start.checked_add(length).and_then(|end| bytes.get(start..end)).ok_or_else(outside)
}

fn position(offset: u64) -> Result<usize, Error> {
    usize::try_from(offset).map_err(|_| outside())
}

fn outside() -> Error {
    Error("something lies outside the file".into())
}

fn goblin(error: goblin::error::Error) -> Error {
    Error(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest shared object with a dynamic section: headers at 0, one segment over all, the dynamic section and
    /// its strings behind.
    fn library() -> Vec<u8> {
        let strings = b"\0libself.so.1\0libc.so.6\0/a:/b\0/lib64/ld.so\0";
        let find =
            |text: &[u8]| strings.windows(text.len()).position(|window| window == text).expect("it is there") as u64;
        let (table, count) = (64 + 3 * 56, 6_u64);
        let entries = [
            (DT_SONAME, find(b"libself")),
            (DT_NEEDED, find(b"libc")),
            (DT_RUNPATH, find(b"/a:/b")),
            (DT_STRTAB, 0x1000 + table + 16 * count),
            (DT_STRSZ, strings.len() as u64),
            (0, 0),
        ];
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
        bytes.extend([0, 64, 0].map(u64::to_le_bytes).concat());
        bytes.extend(b"\0\0\0\0\x40\0\x38\0\x03\0\x40\0\0\0\0\0");
        let size = table + 16 * count + strings.len() as u64;
        let interpreter = table + 16 * count + find(b"/lib64");
        for (kind, offset, length) in [(PT_LOAD, 0, size), (2, table, 16 * count), (PT_INTERP, interpreter, 13)] {
            bytes.extend([kind, 4].map(u32::to_le_bytes).concat());
            bytes.extend([offset, 0x1000 + offset, 0, length, length, 1].map(u64::to_le_bytes).concat());
        }
        entries.iter().for_each(|(tag, value)| bytes.extend([*tag, *value].map(u64::to_le_bytes).concat()));
        bytes.extend(strings);
        bytes
    }

    fn library_of(bytes: &[u8]) -> Option<Library> {
        let read = |offset: u64, buffer: &mut [u8]| {
            io::Read::read_exact(&mut &bytes[position(offset).expect("inside")..], buffer)
        };
        Library::read(bytes.len() as u64, read).expect("memory reads")
    }

    #[test]
    fn what_a_library_says() {
        let bytes = library();
        let object = Object::parse(&bytes).expect("a good library");
        assert_eq!((object.class, object.kind), ((62, true, true), 3));
        assert_eq!(object.interpreter, Some(&b"/lib64/ld.so"[..]));
        let dynamic = object.dynamic.expect("it has a dynamic section");
        assert_eq!((dynamic.soname, dynamic.needed), (Some(&b"libself.so.1"[..]), vec![&b"libc.so.6"[..]]));
        assert_eq!(dynamic.run_path, [b"/a", b"/b"]);
        let library = library_of(&bytes);
        assert_eq!(library, Some(Library { class: (62, true, true), soname: Some(b"libself.so.1".to_vec()) }));
        let damaged = Library::read(bytes.len() as u64, |_, _| Err(io::Error::other("damaged")));
        assert!(damaged.is_err(), "what cannot be read is not taken for no library");
    }

    #[test]
    fn no_cut_and_no_changed_byte_panics() {
        let bytes = library();
        for length in 0..bytes.len() {
            assert!(Object::parse(&bytes[..length]).is_err(), "cut to {length}");
            let cut = library_of(&bytes[..length]);
            // The interpreter's name is the last of all, and is not read.
            assert!(cut.is_none() || length >= bytes.len() - 14, "cut to {length}");
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                // Whatever is read lies inside the file; only the end without a panic is asserted.
                let _ = Object::parse(&changed).map(|object| object.section(".modinfo").map(<[u8]>::len));
                let _ = library_of(&changed);
            }
        }
    }

    #[cfg(feature = "testing")]
    #[test]
    fn sections_of_a_module() {
        let bytes = crate::testing::kernel_module(&["license=GPL", "alias=a"], &[], &[]);
        let object = Object::parse(&bytes).expect("a good module");
        assert_eq!(object.section(".modinfo"), Some(&b"license=GPL\0alias=a\0"[..]));
        assert_eq!(object.section(".nothing"), None);
        assert!(object.dynamic.is_none() && object.interpreter.is_none());
    }
}

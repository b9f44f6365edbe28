//! Kernel modules and programs made in code: the smallest ELF files that say what a test needs said.

/// An RSA key that signs nothing but tests' modules, in PEM.
pub const MODULE_KEY: &str = include_str!("keys/module-key.pem");
/// Its certificate, in PEM.
pub const MODULE_CERTIFICATE: &str = include_str!("keys/module-certificate.pem");

/// A relocatable 64-bit ELF file as `modpost` leaves it: `.modinfo` of `key=value` strings, exported and undefined
/// symbols.
#[must_use]
pub fn kernel_module(info: &[&str], exports: &[&str], needs: &[&str]) -> Vec<u8> {
    let joined = |words: &[&str]| words.iter().flat_map(|word| [word.as_bytes(), &[0]].concat()).collect::<Vec<u8>>();
    let mut strings = vec![0];
    let mut symbols = vec![0; 24];
    for name in needs {
        let offset = u32::try_from(strings.len()).expect("a small table");
        symbols.extend(offset.to_le_bytes());
        // st_info: global, no type; st_other; st_shndx: undefined; value and size 0.
        symbols.extend([0x10, 0, 0, 0]);
        symbols.extend([0; 16]);
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    let sections: [(&str, u32, Vec<u8>, u64); 4] = [
        (".modinfo", 1, joined(info), 0),
        ("__ksymtab_strings", 1, joined(exports), 0),
        (".strtab", 3, strings, 0),
        (".symtab", 2, symbols, 24),
    ];
    let mut names = vec![0];
    let mut headers = vec![[0_u8; 64]];
    let mut body = Vec::new();
    for (name, kind, bytes, entry) in sections {
        headers.push(section_header(names.len(), kind, 64 + body.len(), bytes.len(), entry));
        names.extend(name.as_bytes());
        names.push(0);
        body.extend(bytes);
    }
    headers.push(section_header(names.len(), 3, 64 + body.len(), names.len() + ".shstrtab".len() + 1, 0));
    names.extend(b".shstrtab\0");
    body.extend(names);
    let mut file = elf_header(1, 64 + body.len() as u64, headers.len());
    file.extend(body);
    headers.iter().for_each(|header| file.extend(header));
    file
}

fn elf_header(kind: u16, section_offset: u64, sections: usize) -> Vec<u8> {
    let sections = u16::try_from(sections).expect("few sections");
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend(kind.to_le_bytes());
    header.extend(62_u16.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    header.extend([0; 16]);
    header.extend(section_offset.to_le_bytes());
    header.extend([0; 4]);
    for half in [64, 0, 0, 64, sections, sections - 1] {
        header.extend(u16::to_le_bytes(half));
    }
    header
}

fn section_header(name: usize, kind: u32, offset: usize, size: usize, entry: u64) -> [u8; 64] {
    let mut header = [0; 64];
    header[..4].copy_from_slice(&u32::try_from(name).expect("a small table").to_le_bytes());
    header[4..8].copy_from_slice(&kind.to_le_bytes());
    header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
    header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
    header[56..].copy_from_slice(&entry.to_le_bytes());
    header
}

//! What was read of a kernel's modules, as bytes to keep between builds: reading them again takes seconds, nearly all
//! of it in the decoder.

use std::io::Read;

use super::module::Module;
use crate::digest::LimitReader;
use crate::digest::Sha256;
use crate::tree::Content;

/// Changes with the meaning of [`Module`]'s fields, so that old records are not found.
const VERSION: u32 = 1;
/// A record of Debian's largest kernel has 8 MiB.
const SIZE_MAX: u64 = 256 << 20;

/// The name of the record of these files: it changes with any of them.
pub(super) fn key(files: &[(String, Content)]) -> String {
    let line = |(path, content): &(String, Content)| format!("{} {path}\n", content.sha256());
    let text: String = files.iter().map(line).collect();
    Sha256::of(format!("{VERSION}\n{text}").as_bytes()).to_string()
}

/// The bytes of a record.
pub(super) fn write(modules: &[Module]) -> Vec<u8> {
    let json = serde_json::to_vec(modules).expect("strings and lists can always be written");
    zstd::encode_all(json.as_slice(), 1).expect("memory can be compressed")
}

/// The modules of a record, when it is whole and of these files.
pub(super) fn read(bytes: &[u8], files: &[(String, Content)]) -> Option<Vec<Module>> {
    let mut json = Vec::new();
    LimitReader::new(zstd::Decoder::new(bytes).ok()?, SIZE_MAX).read_to_end(&mut json).ok()?;
    let modules: Vec<Module> = serde_json::from_slice(&json).ok()?;
    modules.iter().map(|module| &module.path).eq(files.iter().map(|(path, _)| path)).then_some(modules)
}

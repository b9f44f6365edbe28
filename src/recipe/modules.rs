//! Kernel modules that are built outside of the image, and the key that they are signed with.
//!
//! The key is a secret: a recipe knows where it lies, and its bytes are read when something is to be signed.

use std::fs;
use std::io;
use std::io::Read as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

use super::LocalFile;
use super::PackageRequest;
use super::file;
use super::meaning::Checker;
use super::raw;
use super::raw::At;
use super::raw::Text;

/// The longest key or certificate.
const FILE_MAX: u64 = 64 << 10;

/// `[module-signing]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModuleSigning {
    /// Where the private key lies. Which one it is the certificate says, so that it is in no digest.
    #[serde(skip)]
    pub key: PathBuf,
    /// Whose key it is.
    pub certificate: LocalFile,
}

impl ModuleSigning {
    /// The bytes of the private key, which must lie below the recipe's directory when all symbolic links are followed.
    ///
    /// # Errors
    /// It is not there, not below it, or longer than any key.
    pub fn read_key(&self, directory: &Path) -> io::Result<Vec<u8>> {
        let real = fs::canonicalize(&self.key)?;
        if !real.starts_with(directory) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it leads out of the recipe's directory"));
        }
        let mut bytes = Vec::new();
        file::open(&real)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }
}

/// The packages, in an order that says nothing.
pub(super) fn packages(checker: &mut Checker<'_>, raw: &[At<raw::KernelModule>]) -> Option<Vec<PackageRequest>> {
    let texts: Vec<Text> = raw.iter().map(|module| module.value.package.clone()).collect();
    checker.packages(&texts)
}

pub(super) fn signing(checker: &mut Checker<'_>, raw: &raw::ModuleSigning) -> Option<ModuleSigning> {
    let certificate = checker.file("module-signing.certificate", &raw.certificate);
    if certificate.as_ref().is_some_and(|file| file.content.size() == 0 || file.content.size() > FILE_MAX) {
        checker.report(&raw.certificate, "the file of `module-signing.certificate` is no certificate".to_owned(), None);
    }
    let key = checker.get("module-signing.key", &raw.key, |text| {
        let path = Path::new(text);
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if text.is_empty() || text.contains('\0') || !is_below {
            return Err("use a path below the recipe's directory".to_owned());
        }
        Ok(path.to_owned())
    });
    let directory = checker.sources.directory(raw.key.span.start).to_owned();
    Some(ModuleSigning { key: directory.join(key?), certificate: certificate? })
}

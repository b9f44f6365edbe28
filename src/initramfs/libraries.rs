//! Which libraries a program needs, as the dynamic loader would find them (`ld.so(8)`), without its cache.
//!
//! The order is: the object's own run path, the directories of `/etc/ld.so.conf`, the loader's built-in directories.
//! Directories for special processors (`glibc-hwcaps`) are left out: an initramfs starts on any of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Error;
use super::Root;
use super::TreePath;
use crate::format::elf;
use crate::tree;

/// Debian's multiarch directories by architecture.
const TRIPLETS: [(&str, &str); 12] = [
    ("amd64", "x86_64-linux-gnu"),
    ("arm64", "aarch64-linux-gnu"),
    ("armel", "arm-linux-gnueabi"),
    ("armhf", "arm-linux-gnueabihf"),
    ("i386", "i386-linux-gnu"),
    ("loong64", "loongarch64-linux-gnu"),
    ("mips64el", "mips64el-linux-gnuabi64"),
    ("ppc64", "powerpc64-linux-gnu"),
    ("ppc64el", "powerpc64le-linux-gnu"),
    ("riscv64", "riscv64-linux-gnu"),
    ("s390x", "s390x-linux-gnu"),
    ("sparc64", "sparc64-linux-gnu"),
];

/// What one file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    class: (u16, bool, bool),
    interpreter: Option<String>,
    needed: Vec<String>,
    paths: Vec<String>,
}

/// What a program needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needed {
    /// Paths under the names by which they are looked for; the loader first.
    pub(super) found: Vec<String>,
    /// Names that lie nowhere.
    pub(super) missing: Vec<String>,
}

/// Finds libraries in one tree.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    root: &'a Root<'a>,
    directories: Vec<String>,
    objects: BTreeMap<TreePath, Option<Object>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(root: &'a Root<'a>, architecture: &str) -> Result<Self, Error> {
        let mut directories = configured(root, "/etc/ld.so.conf", 0)?;
        if let Some((_, triplet)) = TRIPLETS.iter().find(|(name, _)| *name == architecture) {
            directories.extend([format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
        }
        directories.extend(["/lib", "/usr/lib", "/lib64", "/usr/lib64"].map(str::to_owned));
        Ok(Self { root, directories, objects: BTreeMap::new() })
    }

    /// The loader and all libraries of a program, itself not.
    pub(super) fn closure(&mut self, program: &str) -> Result<Needed, Error> {
        let mut needed = Needed::default();
        let Some(first) = self.object(program)? else { return Ok(needed) };
        needed.found.extend(first.interpreter.clone());
        let mut seen = BTreeSet::new();
        let mut todo = vec![(program.to_owned(), first)];
        while let Some((path, object)) = todo.pop() {
            for name in object.needed.clone() {
                if !seen.insert(name.clone()) {
                    continue;
                }
                match self.find(&name, &path, &object)? {
                    Some((path, object)) => {
                        needed.found.push(path.clone());
                        todo.push((path, object));
                    }
                    None => needed.missing.push(name),
                }
            }
        }
        Ok(needed)
    }

    fn find(&mut self, name: &str, of: &str, object: &Object) -> Result<Option<(String, Object)>, Error> {
        if name.contains('/') {
            return Ok(self.object(name)?.map(|object| (name.to_owned(), object)));
        }
        let origin = self.root.lookup(of).and_then(|(path, _)| path.parent()).unwrap_or_default();
        let origin = origin.to_string();
        let own = object.paths.iter().map(|path| path.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin));
        for directory in own.chain(self.directories.clone()) {
            let path = format!("{directory}/{name}");
            if let Some(found) = self.object(&path)?.filter(|found| found.class == object.class) {
                return Ok(Some((path, found)));
            }
        }
        Ok(None)
    }

    /// What the file at a path says; nothing when it is absent or no ELF file.
    fn object(&mut self, path: &str) -> Result<Option<Object>, Error> {
        let Some((real, inode)) = self.root.lookup(path) else { return Ok(None) };
        if let Some(known) = self.objects.get(&real) {
            return Ok(known.clone());
        }
        let Some(content) = inode.content() else { return Ok(None) };
        let bytes = content.to_vec().map_err(|source| tree::Error::Read { path: real.clone(), source })?;
        let object = match bytes.starts_with(elf::MAGIC) {
            true => Some(read(&bytes).map_err(|reason| Error::Unclear { path: real.to_string(), reason })?),
            false => None,
        };
        self.objects.insert(real, object.clone());
        Ok(object)
    }
}

fn read(bytes: &[u8]) -> Result<Object, String> {
    let object = elf::Object::parse(bytes).map_err(|error| error.to_string())?;
    let dynamic = object.dynamic.unwrap_or_default();
    let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Object {
        class: object.class,
        interpreter: object.interpreter.map(owned),
        needed: dynamic.needed.into_iter().map(owned).collect(),
        paths: dynamic.run_path.into_iter().map(owned).collect(),
    })
}

/// The directories of `ld.so.conf`, `include` lines followed.
fn configured(root: &Root<'_>, path: &str, depth: usize) -> Result<Vec<String>, Error> {
    // glibc sets no limit; nobody nests more than once.
    if depth > 8 {
        return Ok(Vec::new());
    }
    let text = root.read(path)?.unwrap_or_default();
    let mut directories = Vec::new();
    for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include ") {
            let (directory, pattern) = pattern.trim().rsplit_once('/').unwrap_or(("/etc", pattern));
            for path in root.names(directory, pattern) {
                let name = String::from_utf8_lossy(path.name());
                directories.extend(configured(root, &format!("{directory}/{name}"), depth + 1)?);
            }
        } else if line.starts_with('/') {
            directories.push(line.trim_end_matches('/').to_owned());
        }
    }
    Ok(directories)
}

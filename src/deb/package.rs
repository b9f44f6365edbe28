//! A binary package as an archive's index or a .deb's control file describes it.

use std::fmt;

use super::ArchQualifier;
use super::Operator;
use super::Relations;
use super::Stanza;
use super::Version;
use super::parse_relations;
use super::relation::is_architecture;
use super::relation::is_package_name;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::digest::Sha512;

/// One binary package version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `Package`
    pub name: String,
    /// `Version`
    pub version: Version,
    /// `Architecture`: `all` or a machine's.
    pub architecture: String,
    /// `Multi-Arch`
    pub multi_arch: MultiArch,
    /// `Essential: yes`
    pub essential: bool,
    /// `Priority`; `optional` when absent.
    pub priority: Priority,
    /// `Source` name; the package's own when absent.
    pub source: String,
    /// `Source` version; the package's own when absent.
    pub source_version: Version,
    /// `Installed-Size` in KiB; 0 when absent.
    pub installed_size: u64,
    /// `Pre-Depends`
    pub pre_depends: Relations,
    /// `Depends`
    pub depends: Relations,
    /// `Recommends`
    pub recommends: Relations,
    /// `Conflicts`
    pub conflicts: Relations,
    /// `Breaks`
    pub breaks: Relations,
    /// `Replaces`
    pub replaces: Relations,
    /// `Provides`
    pub provides: Vec<Provide>,
    /// `Filename` below the archive's base URL; empty for a local .deb.
    pub filename: String,
    /// `Size` of the .deb in bytes.
    pub size: u64,
    /// `SHA256` of the .deb. Where [`sha512`](Self::sha512) is given it is not known before the .deb came, and is that
    /// of no bytes.
    pub sha256: Sha256,
    /// `SHA512` of the .deb, where its index has no `SHA256`.
    pub sha512: Option<Sha512>,
    /// Which archive it is from: the position in the list of sources given to `archive::open`. `None`: a local .deb.
    pub archive: Option<usize>,
}

/// One entry of `Provides`: a name, with a version when it is versioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provide {
    /// The virtual (or real) name.
    pub name: String,
    /// `(= version)`
    pub version: Option<Version>,
    /// A qualifier after the name, as in `python3:any`; rare.
    pub architecture: Option<String>,
}

/// `Multi-Arch`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiArch {
    /// The field is absent or `no`.
    #[default]
    No,
    /// `same`
    Same,
    /// `foreign`
    Foreign,
    /// `allowed`
    Allowed,
}

/// `Priority`, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Policy 2.5 names them")]
pub enum Priority {
    Required,
    Important,
    Standard,
    Optional,
    Extra,
}

impl Package {
    /// A package of which no more is known: without relations, and with no bytes yet.
    #[must_use]
    pub fn bare(name: &str, version: Version, architecture: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.clone(),
            architecture: architecture.to_owned(),
            multi_arch: MultiArch::No,
            essential: false,
            priority: Priority::Optional,
            source: name.to_owned(),
            source_version: version,
            installed_size: 0,
            pre_depends: Vec::new(),
            depends: Vec::new(),
            recommends: Vec::new(),
            conflicts: Vec::new(),
            breaks: Vec::new(),
            replaces: Vec::new(),
            provides: Vec::new(),
            filename: String::new(),
            size: 0,
            sha256: Sha256::of(b""),
            sha512: None,
            archive: None,
        }
    }

    /// What its .deb is fetched by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.sha512.map_or(Digest::Sha256(self.sha256), Digest::Sha512)
    }

    /// Reads a stanza of an archive's package index; `archive` is the position of its source.
    ///
    /// # Errors
    /// A field is missing or malformed; Filename would leave the archive.
    pub fn from_index(stanza: &Stanza<'_>, archive: usize) -> Result<Self, PackageError> {
        let fields = Fields::new(stanza);
        let filename = fields.required("Filename")?;
        let filename =
            archive_path(filename).ok_or_else(|| fields.error("Filename", "it is no plain path below the archive"))?;
        let size = fields.number("Size")?.filter(|&size| size > 0);
        let size = size.ok_or_else(|| fields.error("Size", "it is missing or zero"))?;
        let (sha256, sha512) = match (stanza.get("SHA256"), stanza.get("SHA512")) {
            (Some(sha256), _) => (sha256.parse().map_err(|error| fields.error("SHA256", error))?, None),
            (None, Some(sha512)) => {
                (Sha256::of(b""), Some(sha512.parse().map_err(|error| fields.error("SHA512", error))?))
            }
            (None, None) => return Err(fields.error("SHA256", "it is missing, and so is SHA512")),
        };
        Ok(Self { filename, sha512, archive: Some(archive), ..fields.package(size, sha256)? })
    }

    /// Reads the control file of a .deb, whose size and digest the caller knows.
    ///
    /// # Errors
    /// A field is missing or malformed.
    pub fn from_control(stanza: &Stanza<'_>, size: u64, sha256: Sha256) -> Result<Self, PackageError> {
        Fields::new(stanza).package(size, sha256)
    }

    /// Checks that a .deb's control file says the same as the index by which it was chosen.
    ///
    /// # Errors
    /// Name, version, architecture or dependencies differ: the solution would not hold.
    pub fn check_control(&self, control: &Self) -> Result<(), PackageError> {
        self.check_identity(control)?;
        for (field, index, control) in
            [("Pre-Depends", &self.pre_depends, &control.pre_depends), ("Depends", &self.depends, &control.depends)]
        {
            if index != control {
                return self.differs(field, &super::format_relations(index), &super::format_relations(control));
            }
        }
        Ok(())
    }

    /// Checks that a .deb's control file names the package that an index or a lock names.
    ///
    /// # Errors
    /// Name, version or architecture differ.
    pub fn check_identity(&self, control: &Self) -> Result<(), PackageError> {
        if self.name != control.name {
            return self.differs("Package", &self.name, &control.name);
        }
        if self.version != control.version {
            return self.differs("Version", &self.version, &control.version);
        }
        if self.architecture != control.architecture {
            return self.differs("Architecture", &self.architecture, &control.architecture);
        }
        Ok(())
    }

    fn differs(&self, field: &str, chosen: &dyn fmt::Display, control: &dyn fmt::Display) -> Result<(), PackageError> {
        let reason = format!("{field} is `{control}` in the .deb and `{chosen}` in the index or lock it was chosen by");
        Err(PackageError { package: self.name.clone(), reason })
    }
}

/// The fields of one stanza, with errors that name package and field.
struct Fields<'a> {
    stanza: &'a Stanza<'a>,
    package: &'a str,
}

impl<'a> Fields<'a> {
    fn new(stanza: &'a Stanza<'a>) -> Self {
        Self { stanza, package: stanza.get("Package").unwrap_or("?") }
    }

    fn package(&self, size: u64, sha256: Sha256) -> Result<Package, PackageError> {
        let name = self.required("Package")?;
        if !is_package_name(name) {
            return Err(self.error("Package", "it is not a package name"));
        }
        let version: Version = self.required("Version")?.parse().map_err(|error| self.error("Version", error))?;
        let architecture = self.required("Architecture")?;
        if !is_architecture(architecture) {
            return Err(self.error("Architecture", "it is not an architecture"));
        }
        let (source, source_version) = self.source(name, &version)?;
        Ok(Package {
            name: name.to_owned(),
            source,
            source_version,
            architecture: architecture.to_owned(),
            multi_arch: self.multi_arch()?,
            essential: self.essential()?,
            priority: self.priority(),
            installed_size: self.number("Installed-Size")?.unwrap_or(0),
            pre_depends: self.relations("Pre-Depends")?,
            depends: self.relations("Depends")?,
            recommends: self.relations("Recommends")?,
            conflicts: self.relations("Conflicts")?,
            breaks: self.relations("Breaks")?,
            replaces: self.relations("Replaces")?,
            provides: self.provides()?,
            filename: String::new(),
            size,
            sha256,
            sha512: None,
            archive: None,
            version,
        })
    }

    fn required(&self, name: &str) -> Result<&'a str, PackageError> {
        let value = self.stanza.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.error(name, "it is missing"))
    }

    /// A number of decimal digits alone; `+1` is none.
    fn number(&self, name: &str) -> Result<Option<u64>, PackageError> {
        let Some(value) = self.stanza.get(name) else { return Ok(None) };
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| self.error(name, "it is not a number of 64 bits"))
    }

    fn relations(&self, name: &str) -> Result<Relations, PackageError> {
        let value = self.stanza.get(name).unwrap_or_default();
        parse_relations(value).map_err(|error| self.error(name, error))
    }

    fn provides(&self) -> Result<Vec<Provide>, PackageError> {
        let provide = |relation: super::Relation| {
            let [atom] = <[_; 1]>::try_from(relation.0).map_err(|_| "it has alternatives")?;
            let version = match atom.constraint {
                None => None,
                Some((Operator::Equal, version)) => Some(version),
                Some(_) => return Err("only `=` can be provided"),
            };
            let architecture = atom.architecture.as_ref().map(ArchQualifier::to_string);
            Ok(Provide { name: atom.name, version, architecture })
        };
        let relations = self.relations("Provides")?;
        relations.into_iter().map(provide).collect::<Result<_, _>>().map_err(|reason| self.error("Provides", reason))
    }

    /// `Source: name` or `Source: name (version)`.
    fn source(&self, name: &str, version: &Version) -> Result<(String, Version), PackageError> {
        let Some(value) = self.stanza.get("Source") else { return Ok((name.to_owned(), version.clone())) };
        let (source, source_version) = match value.split_once(' ') {
            None => (value, version.clone()),
            Some((source, rest)) => {
                let inner = rest.trim_start_matches(' ').strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
                let inner = inner.ok_or_else(|| self.error("Source", "a version in parentheses is expected"))?;
                (source, inner.parse().map_err(|error| self.error("Source", error))?)
            }
        };
        if !is_package_name(source) {
            return Err(self.error("Source", "it is not a package name"));
        }
        Ok((source.to_owned(), source_version))
    }

    fn multi_arch(&self) -> Result<MultiArch, PackageError> {
        match self.stanza.get("Multi-Arch") {
            None | Some("no") => Ok(MultiArch::No),
            Some("same") => Ok(MultiArch::Same),
            Some("foreign") => Ok(MultiArch::Foreign),
            Some("allowed") => Ok(MultiArch::Allowed),
            Some(_) => Err(self.error("Multi-Arch", "it is none of no, same, foreign, allowed")),
        }
    }

    fn essential(&self) -> Result<bool, PackageError> {
        match self.stanza.get("Essential") {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(_) => Err(self.error("Essential", "it is neither yes nor no")),
        }
    }

    /// A word that Policy does not know counts least, as in dpkg: a priority only chooses the base system.
    fn priority(&self) -> Priority {
        let value = self.stanza.get("Priority").unwrap_or("optional");
        let known = [
            ("required", Priority::Required),
            ("important", Priority::Important),
            ("standard", Priority::Standard),
            ("optional", Priority::Optional),
        ];
        known.iter().find(|(name, _)| value.eq_ignore_ascii_case(name)).map_or(Priority::Extra, |(_, value)| *value)
    }

    fn error(&self, field: &str, reason: impl fmt::Display) -> PackageError {
        let package = self.package.chars().take(100).collect();
        PackageError { package, reason: format!("cannot use field {field}: {reason}") }
    }
}

/// A Filename as a plain relative path, below the archive's base wherever it begins: doubled slashes, `.` and a slash
/// at the beginning mean nothing to a server. No scheme, no `..`, no escapes of it, nothing that a URL gives a meaning.
/// A colon is common in names (epochs); before the first slash it would be a scheme.
fn archive_path(path: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._~%:/@=,-".contains(&byte);
    let leads_out = |name: &&str| *name == ".." || name.to_ascii_lowercase().contains("%2e");
    let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    let good = path.len() <= 4096
        && path.bytes().all(plain)
        && !path.ends_with('/')
        && !names.iter().any(leads_out)
        && !path.split('/').next().unwrap_or_default().contains(':');
    (good && !names.is_empty()).then(|| names.join("/"))
}

/// A stanza that describes no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("package `{package}`: {reason}")]
pub struct PackageError {
    /// Its name, as far as it is known.
    pub package: String,
    /// Which field, and what is wrong with it.
    pub reason: String,
}

impl fmt::Display for Provide {
    /// As in the field: `name` or `name (= version)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(architecture) = &self.architecture {
            write!(f, ":{architecture}")?;
        }
        self.version.as_ref().map_or(Ok(()), |version| write!(f, " (= {})", version.normalized()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "Package: a\nVersion: 1:2-3\nArchitecture: amd64\nFilename: pool/a/a_1%3a2-3_amd64.deb\nSize: 7\n\
        SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";

    fn read(text: &str) -> Result<Package, PackageError> {
        Package::from_index(&Stanza::parse(text.as_bytes()).expect("control data"), 3)
    }

    /// The index stanza with one field replaced (or, given without a value, left out).
    fn with(field: &str) -> Result<Package, PackageError> {
        let (name, value) = field.split_once(": ").unwrap_or((field, ""));
        let others = INDEX.lines().filter(|line| !line.starts_with(&format!("{name}:")));
        let field = if value.is_empty() { String::new() } else { format!("{field}\n") };
        read(&(others.map(|line| format!("{line}\n")).collect::<String>() + &field))
    }

    #[test]
    fn defaults_and_fields() {
        let package = read(INDEX).expect("a package");
        assert_eq!((package.source.as_str(), package.source_version.as_str()), ("a", "1:2-3"));
        assert_eq!(
            (package.priority, package.multi_arch, package.essential),
            (Priority::Optional, MultiArch::No, false)
        );
        assert_eq!((package.archive, package.size, package.installed_size), (Some(3), 7, 0));
        let text = format!(
            "{INDEX}Source: src (4)\nProvides: b, c (= 5), d:any\nDepends: x (>= 1) | y,\n z\nEssential: yes\n\
             Multi-Arch: same\nPriority: required\nInstalled-Size: 12\n"
        );
        let package = read(&text).expect("a package");
        assert_eq!((package.source.as_str(), package.source_version.as_str()), ("src", "4"));
        assert_eq!(package.provides.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b", "c (= 5)", "d:any"]);
        assert_eq!(super::super::format_relations(&package.depends), "x (>= 1) | y, z");
        assert_eq!(
            (package.priority, package.multi_arch, package.essential),
            (Priority::Required, MultiArch::Same, true)
        );
        assert_eq!(package.installed_size, 12);
    }

    #[test]
    fn cases_40_to_42_and_45_what_is_refused() {
        for field in [
            "Filename",
            "Filename: ../a",
            "Filename: pool/../../a",
            "Filename: http://example.org/a",
            "Filename: a:b",
            "Filename: pool/%2e%2E/a",
            "Filename: pool/a?b",
            "Filename: pool/a#b",
            "Filename: pool/a b",
            "Filename: pool/\u{e9}",
            "Filename: pool/a\\b",
            "Filename: pool/",
            "Size",
            "Size: 0",
            "Size: -1",
            "Size: +1",
            "Size: 18446744073709551616",
            "Size: 1 2",
            "Size: 0x10",
            "SHA256",
            "SHA256: 12",
            "Package",
            "Package: ../a",
            "Package: -a",
            "Package: a b",
            "Package: a/b",
            "Package: %s",
            "Version",
            "Version: 1/../../x",
            "Version: x",
            "Architecture",
            "Architecture: ../amd64",
            "Architecture: %s",
            "Architecture: amd64 i386",
            "Depends: a b",
            "Pre-Depends: a [amd64]",
            "Provides: a | b",
            "Provides: a (>= 1)",
            "Essential: maybe",
            "Multi-Arch: sometimes",
            "Installed-Size: big",
            "Source: ../a",
            "Source: a (x)",
            "Source: a 1",
        ] {
            let error = with(field).expect_err(field);
            let name = field.split(':').next().unwrap_or_default();
            assert!(error.reason.contains(name), "{field}: {error}");
        }
        let long = format!("Filename: {}", "a/".repeat(2500) + "a");
        assert!(with(&long).is_err());
    }

    #[test]
    fn forms_of_filename_that_others_write() {
        for (written, meant) in [
            ("./pool/main/liba_1.0~rc1+b1-2_all.deb", "pool/main/liba_1.0~rc1+b1-2_all.deb"),
            ("pool//main/a.deb", "pool/main/a.deb"),
            ("/pool/a.deb", "pool/a.deb"),
            ("//example.org/a.deb", "example.org/a.deb"),
            ("pool/./a.deb", "pool/a.deb"),
            ("pool/@scope/a=1,2.deb", "pool/@scope/a=1,2.deb"),
            ("pool/a_1:2_all.deb", "pool/a_1:2_all.deb"),
        ] {
            assert_eq!(with(&format!("Filename: {written}")).expect(written).filename, meant);
        }
    }

    #[test]
    fn sha512_alone_is_enough() {
        let sha512 = Sha512::of(b"x");
        let text = INDEX.replace(
            "SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            &format!("SHA512: {sha512}"),
        );
        let package = read(&text).expect("a package");
        assert_eq!((package.sha512, package.digest()), (Some(sha512), Digest::Sha512(sha512)));
        assert!(read(&text.replace(&sha512.to_string(), "12")).is_err());
        let both = with(&format!("SHA512: {sha512}")).expect("a package");
        assert_eq!((both.sha512, both.digest()), (None, Digest::Sha256(Sha256::of(b""))));
    }

    #[test]
    fn case_49_the_debs_control_file_must_agree() {
        let index = with("Depends: b (>= 1), c").expect("a package");
        let control = |text: &str| {
            Package::from_control(&Stanza::parse(text.as_bytes()).expect("control"), 7, Sha256::of(b""))
                .expect("a package")
        };
        let good = "Package: a\nVersion: 1:2-3\nArchitecture: amd64\nDepends: b(>=1),c\n";
        assert_eq!(index.check_control(&control(good)), Ok(()));
        for (from, to) in [("a\n", "b\n"), ("2-3", "2-4"), ("amd64", "i386"), (",c", ""), ("Depends", "Pre-Depends")] {
            let error = index.check_control(&control(&good.replacen(from, to, 1))).expect_err(to);
            assert!(error.reason.contains("in the .deb"), "{error}");
        }
    }
}

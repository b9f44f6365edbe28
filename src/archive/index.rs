//! The index: every package that may be installed, found by name and by what it provides.
//!
//! The archive stage fills it with what a good signature vouches for; the solver reads it.

use std::collections::BTreeMap;

use crate::deb::Package;
use crate::deb::Priority;

/// A package of an [`Index`]; means nothing to another index. Later packages compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageId(u32);

/// The packages that may be installed.
#[derive(Debug, Default)]
pub struct Index {
    packages: Vec<Package>,
    named: BTreeMap<String, Vec<PackageId>>,
    providing: BTreeMap<String, Vec<PackageId>>,
    base: Vec<PackageId>,
}

impl Index {
    /// An index of these packages, in this order.
    #[must_use]
    pub fn from_packages(packages: Vec<Package>) -> Self {
        let mut index = Self::default();
        for package in packages {
            index.add(package);
        }
        index
    }

    /// Adds a .deb of the user's own (its [`Package::archive`] is `None`).
    pub fn add_local(&mut self, package: Package) -> PackageId {
        self.add(Package { archive: None, ..package })
    }

    /// Returns a package. The id must be of this index.
    #[must_use]
    pub fn package(&self, id: PackageId) -> &Package {
        &self.packages[id.0 as usize]
    }

    /// The packages of this name, all versions and architectures, in the order they were added.
    #[must_use]
    pub fn named(&self, name: &str) -> &[PackageId] {
        self.named.get(name).map_or(&[], Vec::as_slice)
    }

    /// The packages whose `Provides` has this name, in the order they were added.
    #[must_use]
    pub fn providing(&self, name: &str) -> &[PackageId] {
        self.providing.get(name).map_or(&[], Vec::as_slice)
    }

    /// The packages that are essential or of priority required or important, in the order they were added.
    #[must_use]
    pub fn base(&self) -> &[PackageId] {
        &self.base
    }

    /// All packages, in the order they were added.
    pub fn ids(&self) -> impl Iterator<Item = PackageId> + '_ {
        (0..self.packages.len()).map(Self::id)
    }

    /// The names of all packages, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    fn add(&mut self, package: Package) -> PackageId {
        let id = Self::id(self.packages.len());
        self.named.entry(package.name.clone()).or_default().push(id);
        for provide in &package.provides {
            let providing = self.providing.entry(provide.name.clone()).or_default();
            // A package may provide one name in several versions.
            if providing.last() != Some(&id) {
                providing.push(id);
            }
        }
        if package.essential || package.priority <= Priority::Important {
            self.base.push(id);
        }
        self.packages.push(package);
        id
    }

    fn id(position: usize) -> PackageId {
        PackageId(u32::try_from(position).expect("an index has less than 2^32 packages"))
    }
}

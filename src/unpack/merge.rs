//! One package after the other into the tree, as dpkg's `tarobject()` decides for each member.
//!
//! What differs from dpkg on purpose: a file is who it is after symbolic links in its parents are resolved, so
//! that `/lib/x` of one package and `/usr/lib/x` of another are one file and clash; and whatever dpkg would do
//! only by moving a directory aside is an error.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Conffile;
use super::Error;
use super::Installed;
use super::filter::Filter;
use super::overrides::Overrides;
use super::package::Member;
use super::package::MemberKind;
use super::package::Unpacked;
use crate::deb::MultiArch;
use crate::deb::Package;
use crate::digest::md5_of_reader;
use crate::tree::Error as TreeError;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::tree::escape;

/// The tree so far and who owns what in it.
pub(super) struct Merge<'a> {
    pub(super) tree: Tree,
    /// In the order they came.
    pub(super) packages: Vec<Installed>,
    /// Of each package, in the same order: the `md5sums` that dpkg computes when the package has none.
    pub(super) md5sums: Vec<String>,
    index: Vec<&'a Package>,
    filter: Filter,
    /// Everything but directories: real path → its owners and the name each has for it.
    owners: BTreeMap<TreePath, Vec<Owner>>,
}

#[derive(Debug, Clone)]
struct Owner {
    package: usize,
    name: Vec<u8>,
}

/// What becomes of a member.
enum Fate {
    /// It goes into the tree.
    Place,
    /// It is listed, and the tree stays as it is: a directory that exists, a path that is excluded.
    ListOnly,
    /// The file of a package that replaces this one stays; this package never had it.
    Keep,
    /// Another architecture's instance of the package has the same file.
    Share,
}

/// What is known of the package being merged.
struct Current<'a> {
    number: usize,
    overrides: Overrides,
    members: &'a [Member],
    /// Where each member of `members` lies, if it lies anywhere.
    placed: Vec<Option<TreePath>>,
    files: Vec<Vec<u8>>,
    conffiles: BTreeSet<&'a [u8]>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(tree: Tree, filter: Filter) -> Self {
        let (packages, md5sums, index, owners) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Self { tree, packages, md5sums, index, filter, owners }
    }

    /// Adds a package.
    pub(super) fn add(&mut self, package: &'a Package, unpacked: Unpacked) -> Result<(), Error> {
        let Unpacked { mut installed, members } = unpacked;
        self.index.push(package);
        let conffiles = std::mem::take(&mut installed.conffiles);
        let overrides = Overrides::read(&self.tree)?;
        self.follow_diversions(&overrides);
        let mut current = Current {
            number: self.packages.len(),
            overrides,
            members: &members,
            placed: vec![None; members.len()],
            files: Vec::with_capacity(members.len()),
            conffiles: conffiles.iter().map(|conffile| conffile.path.as_slice()).collect(),
        };
        self.packages.push(installed);
        for position in 0..members.len() {
            self.merge_member(&mut current, position)?;
        }
        let Current { number, placed, files, .. } = current;
        let md5sums = self.md5sums_of(&members, &placed)?;
        self.md5sums.push(md5sums);
        self.packages[number].files = files;
        self.packages[number].conffiles = self.digest_conffiles(conffiles, &members, &placed)?;
        self.check_for_disappeared(number)
    }

    fn merge_member(&mut self, current: &mut Current<'_>, position: usize) -> Result<(), Error> {
        let member = &current.members[position];
        let excluded = self.filter.leaves_out(&member.path, member.is_passage());
        let path = match self.destination(current, member) {
            // What is below an excluded directory is excluded too, and has no place to look at.
            Err(Error::Place { source: TreeError::NotFound(_), .. }) if excluded => {
                current.files.push(member.path.clone());
                return Ok(());
            }
            other => other?,
        };
        let exists_as_directory = self.exists_as_directory(&path, member);
        let fate = if exists_as_directory { Fate::ListOnly } else { self.settle_conflicts(current, member, &path)? };
        if matches!(fate, Fate::Keep) {
            return Ok(());
        }
        current.files.push(member.path.clone());
        if excluded {
            return Ok(());
        }
        // A conffile that something made before its package came stays, as with dpkg's --force-confold.
        let made_before = self.tree.get(&path).is_some() && !self.owners.contains_key(&path);
        if made_before && current.conffiles.contains(member.path.as_slice()) {
            self.own(current, position, path);
            return Ok(());
        }
        match fate {
            Fate::Place => self.place(current, position, path)?,
            Fate::Share => {
                self.check_shared(current, member, &path)?;
                self.own(current, position, path);
            }
            Fate::ListOnly | Fate::Keep => {}
        }
        Ok(())
    }

    /// Files that lay at a name when it was diverted were moved (`dpkg-divert --rename`), and are their packages' still.
    fn follow_diversions(&mut self, overrides: &Overrides) {
        for (original, to) in overrides.all() {
            let place = |path| self.tree.resolve(path, false).ok();
            let (Some(from), Some(to)) = (place(original), place(to)) else { continue };
            if self.tree.get(&from).is_none()
                && self.tree.get(&to).is_some()
                && !self.owners.contains_key(&to)
                && let Some(owners) = self.owners.remove(&from)
            {
                self.owners.insert(to, owners);
            }
        }
    }

    /// Where a member really goes: to its diverted name, through the symbolic links above it.
    fn destination(&self, current: &Current<'_>, member: &Member) -> Result<TreePath, Error> {
        let package = &self.index[current.number].name;
        if let Some(original) = current.overrides.diverted_here(&member.path) {
            return Err(self.clash(current, member, format!("`{}` is diverted to this name", escape(original))));
        }
        let name = match current.overrides.diversion(&member.path) {
            Some(diversion) if diversion.package.as_ref() != Some(package) => &diversion.to,
            _ => &member.path,
        };
        self.tree.resolve(name, false).map_err(|source| Error::Place {
            package: package.clone(),
            path: escape(&member.path),
            source,
        })
    }

    /// Whether dpkg leaves this member alone because a directory is there already: one for a directory, directly
    /// or behind a symbolic link; one for a symbolic link, directly or when both links lead to it.
    fn exists_as_directory(&self, path: &TreePath, member: &Member) -> bool {
        let leads_to = |name: &[u8]| {
            self.tree.lookup(name).filter(|(_, inode)| inode.is_directory()).map(|(directory, _)| directory)
        };
        match (&member.kind, self.tree.get(path).map(|inode| &inode.kind)) {
            (MemberKind::Inode(Kind::Directory), Some(_)) => leads_to(path.as_bytes()).is_some(),
            (MemberKind::Inode(Kind::Symlink(_)), Some(Kind::Directory)) => true,
            (MemberKind::Inode(Kind::Symlink(target)), Some(Kind::Symlink(_))) => {
                let parent = path.parent().unwrap_or_default();
                let new =
                    if target.starts_with(b"/") { target.clone() } else { [parent.as_bytes(), target].join(&b'/') };
                leads_to(path.as_bytes()).is_some_and(|old| leads_to(&new) == Some(old))
            }
            _ => false,
        }
    }

    /// What the owners of this path say to another package's member there.
    fn settle_conflicts(&mut self, current: &Current<'_>, member: &Member, path: &TreePath) -> Result<Fate, Error> {
        let mut fate = Fate::Place;
        let exists = self.tree.get(path).is_some();
        for owner in self.owners.get(path).cloned().unwrap_or_default() {
            if owner.package == current.number {
                if owner.name != member.path {
                    let reason = format!("the package has it a second time, as `{}`", escape(&owner.name));
                    return Err(self.clash(current, member, reason));
                }
                continue;
            }
            if self.are_instances_of_one(current.number, owner.package) {
                fate = if exists { Fate::Share } else { fate };
                continue;
            }
            if self.is_settled_by_diversion(current, member, owner.package) {
                continue;
            }
            if self.replaces(current.number, owner.package) {
                self.packages[owner.package].files.retain(|file| *file != owner.name);
                self.disown(path, owner.package);
            } else if self.replaces(owner.package, current.number) {
                fate = Fate::Keep;
            } else {
                let other = self.index[owner.package];
                let reason = format!(
                    "it is also in package `{}` ({}), and neither replaces the other",
                    other.name, other.version
                );
                return Err(self.clash(current, member, reason));
            }
        }
        Ok(fate)
    }

    fn are_instances_of_one(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.index[a], self.index[b]);
        a.name == b.name && a.multi_arch == MultiArch::Same && b.multi_arch == MultiArch::Same
    }

    /// A diversion settles who keeps the name when one of the two packages made it.
    fn is_settled_by_diversion(&self, current: &Current<'_>, member: &Member, other: usize) -> bool {
        let Some(diversion) = current.overrides.diversion(&member.path) else { return false };
        let made_by = |number: usize| diversion.package.as_ref() == Some(&self.index[number].name);
        made_by(current.number) || made_by(other)
    }

    /// Whether package `a` says that it replaces the version of package `b` that is here.
    fn replaces(&self, a: usize, b: usize) -> bool {
        let other = self.index[b];
        let atoms = self.index[a].replaces.iter().flat_map(|relation| &relation.0);
        let mut meant = atoms.filter(|atom| atom.name == other.name);
        meant.any(|atom| {
            atom.constraint.as_ref().is_none_or(|(operator, wanted)| operator.holds(&other.version, wanted))
        })
    }

    fn place(&mut self, current: &mut Current<'_>, position: usize, path: TreePath) -> Result<(), Error> {
        let member = &current.members[position];
        let number = current.number;
        let failed =
            |source| Error::Place { package: self.index[number].name.clone(), path: escape(&member.path), source };
        let (source, first) = match &member.kind {
            MemberKind::Inode(_) => (member, None),
            // A hard link to a member that was excluded becomes the file itself; so would the next link to it.
            MemberKind::HardLink(target) => (&current.members[*target], current.placed[*target].clone()),
        };
        if let Some(first) = first {
            self.tree.link(&first, path.clone()).map_err(failed)?;
        } else {
            let MemberKind::Inode(kind) = &source.kind else {
                unreachable!("a hard link names the member that has the content");
            };
            let mut inode = Inode { kind: kind.clone(), stat: source.stat.clone() };
            if let Some(stat) = current.overrides.stat(&member.path) {
                (inode.stat.uid, inode.stat.gid, inode.stat.mode) = (stat.uid, stat.gid, stat.mode);
            }
            self.tree.insert(path.clone(), inode).map_err(failed)?;
            if let MemberKind::HardLink(target) = member.kind {
                current.placed[target] = Some(path.clone());
            }
        }
        self.own(current, position, path);
        Ok(())
    }

    fn own(&mut self, current: &mut Current<'_>, position: usize, path: TreePath) {
        let member = &current.members[position];
        current.placed[position] = Some(path.clone());
        if !matches!(member.kind, MemberKind::Inode(Kind::Directory)) {
            let owner = Owner { package: current.number, name: member.path.clone() };
            let owners = self.owners.entry(path).or_default();
            owners.retain(|owner| owner.package != current.number);
            owners.push(owner);
        }
    }

    fn disown(&mut self, path: &TreePath, package: usize) {
        if let Some(owners) = self.owners.get_mut(path) {
            owners.retain(|owner| owner.package != package);
        }
    }

    /// Instances of a `Multi-Arch: same` package may only share what is the same.
    fn check_shared(&self, current: &Current<'_>, member: &Member, path: &TreePath) -> Result<(), Error> {
        let source = match &member.kind {
            MemberKind::Inode(_) => member,
            MemberKind::HardLink(target) => &current.members[*target],
        };
        let here = self.tree.get(path).map(|inode| &inode.kind);
        match &source.kind {
            MemberKind::Inode(kind) if here == Some(kind) => Ok(()),
            _ => Err(self.clash(
                current,
                member,
                "another architecture's instance of the package has another file".into(),
            )),
        }
    }

    /// `md5sums` of all files, for a package that brings none.
    fn md5sums_of(&self, members: &[Member], placed: &[Option<TreePath>]) -> Result<String, Error> {
        let package = self.packages.last().expect("the package was just added");
        let mut text = String::new();
        if package.members.contains_key("md5sums") {
            return Ok(text);
        }
        for (member, path) in members.iter().zip(placed) {
            let content = path.as_ref().and_then(|path| self.tree.get(path)).and_then(Inode::content);
            if let Some(content) = content {
                let md5 = md5_of_reader(&mut content.reader())
                    .map_err(|source| Error::Read { package: package.name.clone(), source })?;
                text.push_str(&format!("{md5}  {}\n", String::from_utf8_lossy(&member.path[1..])));
            }
        }
        Ok(text)
    }

    /// A conffile's digest is that of the packaged file, behind a symbolic link that of what the link leads to.
    fn digest_conffiles(
        &self,
        mut conffiles: Vec<Conffile>,
        members: &[Member],
        placed: &[Option<TreePath>],
    ) -> Result<Vec<Conffile>, Error> {
        let package = &self.packages.last().expect("the package was just added").name;
        for conffile in &mut conffiles {
            let Some(position) = members.iter().position(|member| member.path == conffile.path) else { continue };
            if conffile.remove_on_upgrade {
                let reason = "it is marked `remove-on-upgrade` and shipped in the package".to_owned();
                return Err(Error::Clash { package: package.clone(), path: escape(&conffile.path), reason });
            }
            let content = match &members[position].kind {
                MemberKind::Inode(Kind::File(content)) => Some(content),
                _ => placed[position].as_ref().and_then(|path| self.tree.lookup(path.as_bytes())?.1.content()),
            };
            if let Some(content) = content.filter(|_| placed[position].is_some()) {
                let md5 = md5_of_reader(&mut content.reader());
                conffile.md5 = Some(md5.map_err(|source| Error::Read { package: package.clone(), source })?);
            }
        }
        Ok(conffiles)
    }

    /// dpkg drops a package whose every file is replaced. A fresh system that needs that is a mistake.
    fn check_for_disappeared(&self, number: usize) -> Result<(), Error> {
        let new: BTreeSet<&Vec<u8>> = self.packages[number].files.iter().collect();
        for (other, package) in self.packages[..number].iter().enumerate() {
            if package.files.is_empty() || !self.replaces(number, other) {
                continue;
            }
            let owns_nothing = !self.owners.values().flatten().any(|owner| owner.package == other);
            if owns_nothing && package.files.iter().all(|file| new.contains(file)) {
                return Err(Error::Disappears {
                    package: package.name.clone(),
                    by: self.packages[number].name.clone(),
                });
            }
        }
        Ok(())
    }

    fn clash(&self, current: &Current<'_>, member: &Member, reason: String) -> Error {
        Error::Clash { package: self.index[current.number].name.clone(), path: escape(&member.path), reason }
    }
}

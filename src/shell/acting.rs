//! What a command may do that runs as another user than root: `path_resolution(7)`, `credentials(7)`.
//!
//! What is opened or made asks first, and is refused as the kernel refuses it. All else that a command can change is
//! looked at when it has ended: what the user could not have done is a gap, never a result.

use crate::tree::Inode;
use crate::tree::InodeId;
use crate::tree::Stat;
use crate::tree::Tree;
use crate::tree::TreePath;

/// A user that a command runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of the group that what it makes has.
    pub gid: u32,
    /// The numbers of its further groups.
    pub groups: Vec<u32>,
}

impl Acting {
    fn is_in(&self, gid: u32) -> bool {
        gid == self.gid || self.groups.contains(&gid)
    }

    /// Whether all of these of `rwx` (4, 2, 1) are granted. Access lists are not looked at: no package has one.
    pub(super) fn has(&self, stat: &Stat, wanted: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if stat.uid == self.uid => 6,
            () if self.is_in(stat.gid) => 3,
            () => 0,
        };
        (stat.mode >> shift) & wanted == wanted
    }

    /// Whether every directory above a place can be passed.
    pub(super) fn reaches(&self, tree: &Tree, place: &TreePath) -> bool {
        let mut above = place.parent();
        while let Some(directory) = above {
            if tree.get(&directory).is_some_and(|inode| !self.has(&inode.stat, 1)) {
                return false;
            }
            above = directory.parent();
        }
        true
    }

    /// Whether a name can be put into the directory above it.
    pub(super) fn may_add(&self, tree: &Tree, place: &TreePath) -> bool {
        let above = place.parent().and_then(|parent| tree.get(&parent));
        self.reaches(tree, place) && above.is_none_or(|above| self.has(&above.stat, 2))
    }

    /// As [`Acting::may_add`], to take a name out: where the directory has the sticky bit one of both must be its own.
    fn may_remove(&self, tree: &Tree, place: &TreePath) -> bool {
        let above = place.parent().and_then(|parent| tree.get(&parent));
        let sticky = above.is_some_and(|above| above.stat.mode & 0o1000 != 0 && above.stat.uid != self.uid);
        let own = tree.get(place).is_none_or(|inode| inode.stat.uid == self.uid);
        self.may_add(tree, place) && (self.uid == 0 || !sticky || own)
    }

    /// Whether the user could have made this of that. Bytes count where nobody had the file open before: what is open
    /// can be written to by whoever is given it.
    fn may_alter(&self, before: &Inode, after: &Inode, open: bool) -> bool {
        let (was, is) = (&before.stat, &after.stat);
        if was.uid != is.uid || (was.gid != is.gid && !self.is_in(is.gid)) {
            return self.uid == 0;
        }
        let attributes = |stat: &Stat| (stat.mode, stat.gid, stat.xattrs.clone());
        let owner = self.uid == 0 || was.uid == self.uid;
        let contents = |inode: &Inode| (inode.kind.clone(), inode.stat.mtime);
        let same = open || before.is_directory() || contents(before) == contents(after);
        (owner || attributes(was) == attributes(is)) && (same || owner || self.has(was, 2))
    }

    /// The first place that the user could not have left as it is, when what was is another tree's older self.
    pub(super) fn could_not<'t>(
        &self,
        before: &'t Tree,
        after: &'t Tree,
        open: impl Fn(InodeId) -> bool,
    ) -> Option<&'t TreePath> {
        let is_new = |id: InodeId| id.number() as usize >= before.inodes_made();
        let left = |(place, id, inode): (&TreePath, InodeId, &Inode)| match before.id(place) {
            Some(was) if was == id => {
                std::ptr::eq(before.inode(id), inode) || self.may_alter(before.inode(id), inode, open(id))
            }
            was => {
                self.may_add(after, place)
                    && (was.is_none() || self.may_remove(before, place))
                    && (!is_new(id) || self.uid == 0 || inode.stat.uid == self.uid)
            }
        };
        let wrong = after.iter().find(|&entry| !left(entry)).map(|(place, ..)| place);
        let gone = || before.iter().map(|(place, ..)| place).filter(|place| after.id(place).is_none());
        wrong.or_else(|| gone().find(|place| !self.may_remove(before, place)))
    }
}

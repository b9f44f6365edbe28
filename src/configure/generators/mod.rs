//! Work that scripts start and that is done once, at the end, on the whole tree: caches and indices made of what
//! all packages brought.

pub(super) mod certificates;
pub(super) mod ldconfig;
pub(super) mod pam;

use std::collections::BTreeSet;

use super::world::World;
use crate::tree::Error;

/// Makes what the scripts' programs would have made of the whole tree.
///
/// # Errors
/// A file of the tree cannot be read or written.
pub(super) fn run(world: &mut World) -> Result<(), Error> {
    let mut pam = false;
    let (mut enabled, mut disabled) = (BTreeSet::new(), BTreeSet::new());
    for deferred in world.deferred.iter().filter(|deferred| deferred.words[0] == b"pam-auth-update") {
        pam = true;
        let mut list = None;
        for word in &deferred.words[1..] {
            match word.as_slice() {
                b"--enable" => list = Some(&mut enabled),
                b"--disable" | b"--remove" => list = Some(&mut disabled),
                word if word.starts_with(b"--") => list = None,
                word => drop(list.as_mut().map(|list| list.insert(String::from_utf8_lossy(word).into_owned()))),
            }
        }
    }
    if pam {
        pam::run(world.tree(), &enabled, &disabled)?;
    }
    ldconfig::run(world.tree())
}

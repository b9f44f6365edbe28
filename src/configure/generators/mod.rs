//! Work that scripts start and that is done once, at the end, on the whole tree: caches and indices made of what
//! all packages brought.

use crate::tree::Error;
use crate::tree::Tree;

pub(super) mod ldconfig;

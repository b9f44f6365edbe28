//! Work that scripts start and that is done once, at the end, on the whole tree: caches and indices made of what
//! all packages brought.

pub(super) mod certificates;
pub(super) mod ldconfig;
pub(super) mod pam;

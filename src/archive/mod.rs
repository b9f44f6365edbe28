//! What may be installed: mirrors, verified indices, and the [`Index`] made of them.

mod index;

pub use index::Index;
pub use index::PackageId;

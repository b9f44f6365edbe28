//! Debian's nouns: versions, relations, stanzas, packages and .deb files, as Debian Policy defines them.
//!
//! <https://www.debian.org/doc/debian-policy/>, chapters 5 (control files) and 7 (relationships). No I/O.

mod control;
pub mod date;
mod package;
mod relation;
mod version;

pub use control::ControlError;
pub use control::Field;
pub use control::Stanza;
pub use control::Stanzas;
pub use control::kept;
pub use control::plain;
pub use control::stanzas;
pub use control::stanzas_within;
pub use package::MultiArch;
pub use package::Package;
pub use package::PackageError;
pub use package::Priority;
pub use package::Provide;
pub use relation::ArchQualifier;
pub use relation::Atom;
pub use relation::Operator;
pub use relation::Relation;
pub use relation::RelationError;
pub use relation::Relations;
pub use relation::format_relations;
pub use relation::parse_relations;
pub use version::Version;
pub use version::VersionError;

pub mod file;

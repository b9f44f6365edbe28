//! Relationship fields: `a (>= 1) | b:any, c` (Policy 7.1).

use super::Version;

/// One conjunct: satisfied by any of its alternatives, the first preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation(pub Vec<Atom>);

/// A whole relationship field.
pub type Relations = Vec<Relation>;

/// One alternative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// Package name, real or virtual.
    pub name: String,
    /// `:any`, `:native` or `:arch` after the name.
    pub architecture: Option<ArchQualifier>,
    /// Version constraint.
    pub constraint: Option<(Operator, Version)>,
}

/// What stands after the colon of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchQualifier {
    /// `:any`
    Any,
    /// `:native`
    Native,
    /// `:amd64` and the like
    Arch(String),
}

/// `<<`, `<=`, `=`, `>=`, `>>` (and the deprecated `<`, `>`, which mean `<=`, `>=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Earlier,
    EarlierEqual,
    Equal,
    LaterEqual,
    Later,
}

/// A text that is no relationship field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a package relation: {reason}")]
pub struct RelationError {
    /// The faulty part.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

//! Relationship fields: `a (>= 1) | b:any, c` (Policy 7.1).
//!
//! Only what a binary package may have: the lists in `[…]` and `<…>` that restrict a source package's relations
//! to architectures and build profiles are resolved when it is built, and refused here.

use std::fmt;
use std::fmt::Write as _;

use super::Version;

/// The longest package name: with `:ARCH.conffiles` after it, it still has to be a file name.
const NAME_MAX: usize = 200;

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

/// Reads a relationship field of a binary package. An empty field has no relations.
///
/// # Errors
/// Anything that dpkg would not accept without a warning, but for the deprecated operators.
pub fn parse_relations(text: &str) -> Result<Relations, RelationError> {
    if text.trim_matches(SPACE).is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|relation| relation.split('|').map(parse_atom).collect::<Result<_, _>>().map(Relation))
        .collect()
}

/// What may stand between the parts: a folded field's newlines are spaces.
const SPACE: [char; 3] = [' ', '\t', '\n'];

fn parse_atom(text: &str) -> Result<Atom, RelationError> {
    let text = text.trim_matches(SPACE);
    let error = |reason| RelationError { text: text.chars().take(100).collect(), reason };
    if text.contains(['[', '<']) && !text.contains('(') || text.contains([']']) || text.ends_with('>') {
        return Err(error("a list of architectures or build profiles has no place in a binary package"));
    }
    let (name, rest) = text.split_at(text.find(['(', ' ', '\t', '\n']).unwrap_or(text.len()));
    let (name, architecture) = match name.split_once(':') {
        None => (name, None),
        Some((name, "any")) => (name, Some(ArchQualifier::Any)),
        Some((name, "native")) => (name, Some(ArchQualifier::Native)),
        Some((name, arch)) if is_architecture(arch) => (name, Some(ArchQualifier::Arch(arch.to_owned()))),
        Some(_) => return Err(error("the architecture after the colon is malformed")),
    };
    if !is_package_name(name) {
        return Err(error("the package name is missing or malformed"));
    }
    let rest = rest.trim_start_matches(SPACE);
    let constraint = match rest.strip_prefix('(') {
        None if rest.is_empty() => None,
        None => return Err(error("a comma or a version in parentheses is expected after the name")),
        Some(rest) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| error("the parenthesis is not closed at the end"))?;
            Some(parse_constraint(inner.trim_matches(SPACE)).map_err(error)?)
        }
    };
    Ok(Atom { name: name.to_owned(), architecture, constraint })
}

fn parse_constraint(text: &str) -> Result<(Operator, Version), &'static str> {
    let (operator, version) = text.split_at(text.find(|c| !"<=>".contains(c)).unwrap_or(text.len()));
    let operator = match operator {
        "<<" => Operator::Earlier,
        "<=" | "<" => Operator::EarlierEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterEqual,
        ">>" => Operator::Later,
        "" => return Err("the version has no operator; `=` is meant perhaps"),
        _ => return Err("there is no such operator"),
    };
    let version = version.trim_start_matches(SPACE).parse().map_err(|error: super::VersionError| error.reason)?;
    Ok((operator, version))
}

/// What dpkg takes for a package name: a letter or digit, then letters, digits and `-+._`.
pub(super) fn is_package_name(text: &str) -> bool {
    text.len() <= NAME_MAX
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
}

/// What dpkg takes for an architecture's name; `all` is one.
pub(super) fn is_architecture(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl Operator {
    /// Whether `version` is as wanted against `wanted`: `3 >= 2`.
    #[must_use]
    pub fn holds(self, version: &Version, wanted: &Version) -> bool {
        let order = version.cmp(wanted);
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::EarlierEqual => "<=",
            Self::Equal => "=",
            Self::LaterEqual => ">=",
            Self::Later => ">>",
        })
    }
}

impl fmt::Display for ArchQualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Native => "native",
            Self::Arch(name) => name,
        })
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(architecture) = &self.architecture {
            write!(f, ":{architecture}")?;
        }
        if let Some((operator, version)) = &self.constraint {
            write!(f, " ({operator} {})", version.normalized())?;
        }
        Ok(())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, atom) in self.0.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { " | " })?;
            atom.fmt(f)?;
        }
        Ok(())
    }
}

/// The field as dpkg writes it into its database: `a (>= 1) | b, c`.
#[must_use]
pub fn format_relations(relations: &[Relation]) -> String {
    let mut text = String::new();
    for (position, relation) in relations.iter().enumerate() {
        text.push_str(if position == 0 { "" } else { ", " });
        write!(text, "{relation}").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_written_as_dpkg_writes_them() {
        for (text, normal) in [
            ("", ""),
            ("  ", ""),
            ("a", "a"),
            ("a,b|c", "a, b | c"),
            ("a(>=1)", "a (>= 1)"),
            (
                "a ( << 0:1 ) ,\n b:any (>2) | c:native(<3), d:amd64 (= 1:2-3)",
                "a (<< 1), b:any (>= 2) | c:native (<= 3), d:amd64 (= 1:2-3)",
            ),
            ("lib-x+1.2 (= 0:1:2)", "lib-x+1.2 (= 0:1:2)"),
        ] {
            let relations = parse_relations(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let written = format_relations(&relations);
            assert_eq!(written, normal, "{text:?}");
            assert_eq!(parse_relations(&written), Ok(relations), "{text:?} read again");
        }
    }

    #[test]
    fn case_45_junk_is_refused() {
        for text in [
            ",",
            "a,",
            ",a",
            "a,,b",
            "a|",
            "|a",
            "a b",
            "a (1)",
            "a (>= )",
            "a (>=",
            "a >= 1",
            "a (>= 1",
            "a (>= 1))",
            "a (>= 1) b",
            "a (== 1)",
            "a (=> 1)",
            "a (>= 1 2)",
            "a (>= x)",
            "a:",
            "a:b:c",
            "a:ANY",
            "a:a/b",
            "-a",
            "a$",
            "../a",
            "a [amd64]",
            "a [!amd64] | b",
            "a <!nocheck>",
            "a (>= 1) [amd64]",
            "a (>= 1) <stage1>",
            "a[]",
            "\u{e9}",
            "a\r",
            "a\0",
        ] {
            let relations = parse_relations(text);
            assert!(relations.is_err(), "{text:?} was read as {relations:?}");
        }
        let error = parse_relations("b, a [amd64]").expect_err("restricted");
        assert!(error.reason.contains("list") && error.text == "a [amd64]", "{error}");
        assert!(parse_relations(&"a".repeat(NAME_MAX + 1)).is_err());
    }

    #[test]
    fn operators_hold() {
        let v = |text: &str| text.parse::<Version>().expect("a version");
        for (operator, results) in [
            (Operator::Earlier, [true, false, false]),
            (Operator::EarlierEqual, [true, true, false]),
            (Operator::Equal, [false, true, false]),
            (Operator::LaterEqual, [false, true, true]),
            (Operator::Later, [false, false, true]),
        ] {
            assert_eq!(["1", "2-0", "3"].map(|version| operator.holds(&v(version), &v("2"))), results, "{operator}");
        }
    }
}

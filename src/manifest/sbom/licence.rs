//! What a package's copyright file says of its licences, as an SPDX expression.
//!
//! Format: <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>: the `Files` paragraphs' `License` begins
//! with a short name, or several with `or`, `and` and commas. Debian's short names are nearly SPDX's: `GPL-2+` is
//! `GPL-2.0-or-later`. What SPDX does not know becomes a reference to the copyright file itself.

use std::collections::BTreeSet;

use crate::deb;
use crate::tree::Tree;

/// What the first line says of a file in this form.
const FORMAT: &str = "debian.org/doc/packaging-manuals/copyright-format/1.0";
/// More licences than any package has under names of their own.
const NAMES_MAX: usize = 200;

/// The licences of a package, all of which hold for some of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Licence {
    /// An SPDX expression (SPDX 2.3, annex D).
    pub(super) expression: String,
    /// The names in it that SPDX does not know, each with what the copyright file calls it.
    pub(super) references: BTreeSet<(String, String)>,
}

/// The licences of an installed package; `None`: its copyright file is not there, or not machine-readable.
pub(super) fn of(tree: &Tree, package: &str) -> Option<Licence> {
    let bytes = tree.read(format!("usr/share/doc/{package}/copyright")).ok().flatten()?;
    let text = String::from_utf8(bytes).ok()?;
    parse(&text)
}

fn parse(text: &str) -> Option<Licence> {
    let mut stanzas = deb::kept(text.as_bytes());
    let head = stanzas.next()?.ok()?;
    if !head.get("Format").or_else(|| head.get("Format-Specification"))?.contains(FORMAT) {
        return None;
    }
    let mut references = BTreeSet::new();
    let mut all = BTreeSet::new();
    for stanza in stanzas {
        // A file that breaks its own form further down says nothing that could be relied upon.
        let stanza = stanza.ok()?;
        let (Some(_), Some(licence)) = (stanza.get("Files"), stanza.get("License")) else { continue };
        let name = licence.lines().next().unwrap_or_default().trim();
        if !name.is_empty() {
            all.insert(expression(name, &mut references));
        }
    }
    if all.is_empty() || references.len() > NAMES_MAX {
        return None;
    }
    let compound = all.len() > 1;
    let parts: Vec<String> = all
        .into_iter()
        .map(|part| if compound && part.contains(" OR ") { format!("({part})") } else { part })
        .collect();
    Some(Licence { expression: parts.join(" AND "), references })
}

/// Short names with `or`, `and` and commas, of which a comma binds least (`A or B, and C`).
fn expression(text: &str, references: &mut BTreeSet<(String, String)>) -> String {
    let mut split = |text: &str, by: &str| -> Option<(Vec<String>, bool)> {
        let parts: Vec<&str> = text.split(by).map(str::trim).filter(|part| !part.is_empty()).collect();
        (parts.len() > 1).then(|| (parts.iter().map(|part| expression(part, references)).collect(), true))
    };
    // `A, and B`: the comma alone says that what comes before belongs together.
    if let Some((parts, _)) = split(text, ", and ") {
        return joined(parts, " AND ");
    }
    if let Some((parts, _)) = split(text, ", or ") {
        return joined(parts, " OR ");
    }
    if let Some((parts, _)) = split(text, " or ") {
        return joined(parts, " OR ");
    }
    if let Some((parts, _)) = split(text, " and ") {
        return joined(parts, " AND ");
    }
    if let Some((parts, _)) = split(text, ",") {
        return joined(parts, " AND ");
    }
    known(text).unwrap_or_else(|| {
        let reference = format!("LicenseRef-Debian-{}", identifier(text));
        references.insert((reference.clone(), text.to_owned()));
        reference
    })
}

fn joined(parts: Vec<String>, by: &str) -> String {
    let inside = |part: String| if part.contains(' ') && !part.contains(" WITH ") { format!("({part})") } else { part };
    parts.into_iter().map(inside).collect::<Vec<_>>().join(by)
}

/// Letters, digits, `.` and `-` may stand in an identifier; of all else each byte is written out.
fn identifier(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    let one = |byte: u8| match byte {
        _ if plain(byte) => char::from(byte).to_string(),
        b'-' | b' ' => "-".to_owned(),
        _ => format!("-x{byte:02X}-"),
    };
    text.bytes().take(100).map(one).collect()
}

/// Debian's names of licences that SPDX calls otherwise (copyright format 1.0, "License short name").
const NAMES: &[(&str, &str)] = &[
    ("expat", "MIT"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic-1", "Artistic-1.0"),
    ("artistic-2", "Artistic-2.0"),
    ("apache", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd-4", "BSD-4-Clause"),
    ("bsl-1", "BSL-1.0"),
    ("boost-1.0", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("fsful", "FSFUL"),
    ("perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("psf-2", "PSF-2.0"),
    ("python-2.0", "Python-2.0"),
    ("w3c", "W3C"),
    ("zlib/libpng", "Zlib"),
];

/// Families whose version and `+` Debian writes in short: `GPL-2+`, `LGPL-2.1`, `GFDL-1.3+`, `AGPL-3`.
const FAMILIES: [&str; 4] = ["GPL", "LGPL", "AGPL", "GFDL"];

fn known(name: &str) -> Option<String> {
    if let Some((_, spdx)) = NAMES.iter().find(|(debian, _)| debian.eq_ignore_ascii_case(name)) {
        return Some((*spdx).to_owned());
    }
    for family in FAMILIES {
        let Some(rest) = name.get(..family.len()).filter(|start| start.eq_ignore_ascii_case(family)) else { continue };
        let Some(version) = name[rest.len()..].strip_prefix('-') else { continue };
        let (version, later) = version.strip_suffix('+').map_or((version, false), |version| (version, true));
        let version = if version.contains('.') { version.to_owned() } else { format!("{version}.0") };
        let spdx = format!("{family}-{version}-{}", if later { "or-later" } else { "only" });
        if let Some(id) = spdx::license_id(&spdx) {
            return Some(id.name.to_owned());
        }
    }
    // SPDX's names are compared without regard to case (annex D.2), and Debian's often differ in it alone.
    let id = spdx::license_id(name).or_else(|| {
        spdx::identifiers::LICENSES
            .iter()
            .find_map(|entry| entry.name.eq_ignore_ascii_case(name).then(|| spdx::license_id(entry.name)).flatten())
    })?;
    Some(id.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n";

    fn of_names(names: &[&str]) -> Option<Licence> {
        let stanzas = names.iter().map(|name| format!("Files: *\nCopyright: A\nLicense: {name}\n Text.\n\n"));
        parse(&format!("{HEAD}{}License: GPL-2+\n Never a file's.\n", stanzas.collect::<String>()))
    }

    #[test]
    fn short_names_become_spdx() {
        for (name, wanted) in [
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-3", "GPL-3.0-only"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("GFDL-1.3+", "GFDL-1.3-or-later"),
            ("Expat", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("Apache-2.0", "Apache-2.0"),
            ("zlib", "Zlib"),
            ("GPL-2+ or Artistic", "GPL-2.0-or-later OR Artistic-1.0-Perl"),
            ("GPL-2 or MIT, and ISC", "(GPL-2.0-only OR MIT) AND ISC"),
            ("MIT, ISC", "MIT AND ISC"),
        ] {
            let found = of_names(&[name]).expect("it is machine-readable");
            assert_eq!(found.expression, wanted, "{name}");
            assert!(spdx::Expression::parse(&found.expression).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_spdx_does_not_know_is_a_reference() {
        let found = of_names(&["public-domain", "GPL-2+ with OpenSSL exception", "GPL-2+ or X/Y"]).expect("readable");
        assert_eq!(
            found.expression,
            "(GPL-2.0-or-later OR LicenseRef-Debian-X-x2F-Y) AND LicenseRef-Debian-GPL-2-x2B--with-OpenSSL-exception AND \
             LicenseRef-Debian-public-domain"
        );
        assert_eq!(found.references.len(), 3);
        assert!(spdx::Expression::parse(&found.expression).is_ok());
    }

    #[test]
    fn a_file_without_the_form_says_nothing() {
        assert_eq!(parse("This package is free.\n\nLicense: GPL-2+\n"), None);
        assert_eq!(parse(HEAD), None);
        assert_eq!(of_names(&[]), None);
    }
}

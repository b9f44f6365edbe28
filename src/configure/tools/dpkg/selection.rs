//! Which packages the words of a question mean, as dpkg reads them: `NAME`, `NAME:ARCHITECTURE`, and patterns of these.

use std::collections::BTreeSet;

use crate::deb::Stanza;
use crate::deb::kept;
use crate::format::glob::Pattern;
use crate::utilities::Fault;
use crate::utilities::show;

/// The name of a package as dpkg shows it: with the architecture where several may be installed beside each other.
pub(super) fn name_of(stanza: &Stanza<'_>) -> String {
    let name = stanza.get("Package").unwrap_or_default();
    match (stanza.get("Multi-Arch"), stanza.get("Architecture")) {
        (Some("same"), Some(architecture)) => format!("{name}:{architecture}"),
        _ => name.to_owned(),
    }
}

/// A name, perhaps with an architecture, both perhaps patterns. No package's architecture is called `any` or `native`: with
/// these nothing is found, as by dpkg-query.
pub(super) struct Specifier(Pattern, Option<Pattern>);

impl Specifier {
    pub(super) fn new(text: &[u8]) -> Self {
        let (name, architecture) = match memchr::memchr(b':', text) {
            Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
            None => (text, None),
        };
        Self(Pattern::plain(name), architecture.map(Pattern::plain))
    }

    pub(super) fn fits(&self, stanza: &Stanza<'_>) -> bool {
        let same = |field, wanted: &Pattern| wanted.fits(stanza.get(field).unwrap_or_default().as_bytes());
        same("Package", &self.0) && self.1.as_ref().is_none_or(|wanted| same("Architecture", wanted))
    }
}

/// The one package that a name means, for the actions that take no patterns; none where it is not installed.
pub(super) fn one<'a>(status: &'a str, name: &[u8], action: &str) -> Result<Option<Stanza<'a>>, Fault> {
    let bad = |why: &str| {
        let name = show(name);
        Fault::Failed(2, format!("error: --{action} needs a valid package name but '{name}' is not: {why}"))
    };
    let (plain, qualified) = match memchr::memchr(b':', name) {
        Some(colon) => (&name[..colon], true),
        None => (name, false),
    };
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-+._".contains(byte);
    if !plain.first().is_some_and(u8::is_ascii_alphanumeric) || !plain.iter().all(legal) || name.ends_with(b":") {
        return Err(bad("illegal package name"));
    }
    let specifier = Specifier::new(name);
    let mut found = kept(status.as_bytes()).flatten().filter(|stanza| specifier.fits(stanza));
    let first = found.next();
    if found.next().is_some() && !qualified {
        return Err(bad("ambiguous package name with more than one installed instance"));
    }
    Ok(first)
}

/// The packages that patterns fit, in the order of their names, and the patterns that fit none. Packages that others name
/// are known as well, and are not installed.
pub(super) fn matching<T>(
    status: &str,
    patterns: &[&[u8]],
    mut each: impl FnMut(&Stanza<'_>) -> Result<T, Fault>,
) -> Result<(Vec<T>, Vec<String>), Fault> {
    let specifiers: Vec<Specifier> = patterns.iter().map(|pattern| Specifier::new(pattern)).collect();
    let mut used = vec![false; patterns.len()];
    let mut found = Vec::new();
    let wild = patterns.iter().any(|pattern| pattern.iter().any(|byte| b"*?[\\".contains(byte)));
    let present: BTreeSet<&str> =
        kept(status.as_bytes()).flatten().filter_map(|stanza| stanza.get("Package")).collect();
    let is_present = |pattern: &&[u8]| std::str::from_utf8(pattern).is_ok_and(|name| present.contains(name));
    let mut not_installed = String::new();
    if !patterns.is_empty() && (wild || !patterns.iter().all(is_present)) {
        let named = named(status).into_iter().filter(|name| !present.contains(name));
        named.for_each(|name| not_installed += &format!("Package: {name}\nStatus: unknown ok not-installed\n\n"));
    }
    let mut known: Vec<Stanza<'_>> =
        [status, &not_installed].into_iter().flat_map(|text| kept(text.as_bytes()).flatten()).collect();
    known.sort_by_key(|stanza| stanza.get("Package"));
    for stanza in &known {
        let fits = specifiers.iter().position(|specifier| specifier.fits(stanza));
        if let Some(at) = fits {
            used[at] = true;
        }
        if fits.is_some() || patterns.is_empty() {
            found.push(each(stanza)?);
        }
    }
    let unused = patterns.iter().zip(used).filter(|(_, used)| !used).map(|(pattern, _)| show(pattern)).collect();
    Ok((found, unused))
}

/// The packages that fields of others name.
fn named(status: &str) -> BTreeSet<&str> {
    const FIELDS: [&str; 9] =
        ["Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances", "Conflicts", "Breaks", "Replaces", "Provides"];
    let stanzas = kept(status.as_bytes()).flatten();
    let early = |stanza: &Stanza<'_>| stanza.get("Status").is_some_and(|status| status.ends_with("half-installed"));
    let relations = stanzas.filter(|stanza| !early(stanza)).flat_map(|stanza| FIELDS.map(|field| stanza.get(field)));
    let atoms = relations.flatten().flat_map(|relation| relation.split([',', '|']));
    atoms.filter_map(|atom| atom.trim().split([' ', '(', ':', '\n']).next()).filter(|name| !name.is_empty()).collect()
}

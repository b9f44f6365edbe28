//! Catalogs of XML: which file stands for a public name. update-xmlcatalog(8).

use std::collections::BTreeMap;

use super::package::Action::Remove;
use super::package::Package;
use super::sgml_base::keep_old;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("update-xmlcatalog", update_xmlcatalog)],
    leaves: &[(Remove, &["etc/xml/*.old"], "states before the last change")],
    ..Package::of("xml-core")
};

/// The options of `update-xmlcatalog`, which have no letters. Without `--sort` the real one takes the order of Perl's
/// hash, which differs from run to run; here entries are always in order.
const XML: &[(&str, u8)] = &[
    ("add", ADD),
    ("del", 2),
    ("file", 3),
    ("id", 4),
    ("local", 5),
    ("package", 6),
    ("root", 7),
    ("type", 8),
    ("sort", 9),
];
const XML_ARITIES: &str = "\u{1}\u{2}\u{3}:\u{4}:\u{5}:\u{6}:\u{7}\u{8}:\u{9}";
const ADD: u8 = 1;

/// Where entries are kept from which each catalog is written anew.
const XML_DATA: &str = "/var/lib/xml-core";

/// `update-xmlcatalog --add|--del --type T --id I` with `--root [--package P]`, `--package P --local L` or `--local L
/// --file F`.
fn update_xmlcatalog(call: &mut Call<'_, '_>) -> Done {
    let given = call.options(XML_ARITIES, XML)?;
    if !given.operands.is_empty() {
        return Err(Fault::gap("operands"));
    }
    let text = |letter: u8| given.value(letter).map(show);
    let add = given.has(ADD);
    if add == given.has(2) {
        let one = if add { "only one of 'add' and 'del' can" } else { "either 'add' or 'del' must" };
        return Err(Fault::failed(format!("error: {one} be given")));
    }
    let (file, local, package, root) = (text(3), text(5), text(6), given.has(7));
    let catalog = check_xml(call, add, root, package.as_deref(), local.as_deref(), file.as_deref())?;
    let kind = text(8).ok_or_else(|| Fault::failed("error: type not given"))?;
    if !["public", "system", "uri"].contains(&kind.as_str()) {
        return Err(Fault::failed("error: wrong type"));
    }
    let id = text(4).ok_or_else(|| Fault::failed("error: id not given"))?;
    let (data, key, entry) = if root || package.is_some() {
        let data = if root { "catalog".to_owned() } else { package.clone().unwrap_or_default() };
        let target = match root {
            true => format!("file:///etc/xml/{}.xml", package.unwrap_or_default()),
            false => format!("file://{}", local.unwrap_or_default()),
        };
        let (element, start) = match kind.as_str() {
            "public" => ("delegatePublic", "publicIdStartString"),
            "system" => ("delegateSystem", "systemIdStartString"),
            _ => ("delegateURI", "uriStartString"),
        };
        (data, format!("{element} {start}=\"{id}\""), format!("catalog=\"{target}\""))
    } else {
        let start = match kind.as_str() {
            "public" => "publicId",
            "system" => "systemId",
            _ => "name",
        };
        let data = catalog.replace('/', "_");
        (data, format!("{kind} {start}=\"{id}\""), format!("uri=\"{}\"", file.unwrap_or_default()))
    };
    let data = format!("{XML_DATA}/{data}");
    let mut entries = xml_entries(call, &data, add)?;
    if add {
        match entries.get(&key) {
            Some(old) if *old != entry => {
                return Err(Fault::failed(format!(
                    "error: entity already registered with a different value\n Entity   : [{key}]\n Old value: [{old}]\n \
                     New value: [{entry}]"
                )));
            }
            _ => drop(entries.insert(key, entry)),
        }
    } else if entries.remove(&key).is_none() {
        return Err(Fault::failed("error: entity not registered"));
    }
    write_xml(call, &data, &catalog, &entries)?;
    Ok(0)
}

/// Whether the arguments go together; which catalog they mean.
fn check_xml(
    call: &mut Call<'_, '_>,
    add: bool,
    root: bool,
    package: Option<&str>,
    local: Option<&str>,
    file: Option<&str>,
) -> Result<String, Fault> {
    let mut wants = |what: &str, path: &str| match call.look(path.as_bytes(), true) {
        Some(inode) if inode.content().is_some() => Ok(()),
        _ => Err(Fault::failed(format!("error: {what} {path} not found"))),
    };
    let failed = |what: &str| Fault::failed(format!("error: {what}"));
    match (root, package, local, file) {
        (true, None, _, _) if add => Err(failed("package catalog not given")),
        (true, Some(package), None, None) if add => {
            wants("package catalog", &format!("/etc/xml/{package}.xml"))?;
            Ok("/etc/xml/catalog".into())
        }
        (true, None, None, None) => {
            wants("root catalog", "/etc/xml/catalog")?;
            Ok("/etc/xml/catalog".into())
        }
        (true, ..) => Err(failed("package catalog, local catalog or file not for the root catalog file")),
        (false, Some(package), local, file) => {
            if file.is_some() || (local.is_some() && !add) {
                return Err(failed("local catalog or file not for the package catalog file"));
            }
            let catalog = format!("/etc/xml/{package}.xml");
            match local {
                Some(local) => wants("local catalog", local)?,
                None if add => return Err(failed("local catalog not given")),
                None => wants("package catalog", &catalog)?,
            }
            Ok(catalog)
        }
        (false, None, Some(local), file) => {
            match file {
                Some(file) if add => wants("file", file)?,
                None if add => return Err(failed("file not given")),
                Some(_) => return Err(failed("file not for deleting from local catalog file")),
                None => wants("local catalog", local)?,
            }
            Ok(local.to_owned())
        }
        (false, None, None, _) => Err(failed("catalog not given")),
    }
}

/// What is kept: lines `<key><entry>`.
fn xml_entries(call: &mut Call<'_, '_>, data: &str, may_be_missing: bool) -> Result<BTreeMap<String, String>, Fault> {
    if may_be_missing && call.look(data.as_bytes(), true).is_none() {
        return Ok(BTreeMap::new());
    }
    let text = show(&call.read(data.as_bytes())?);
    let mut entries = BTreeMap::new();
    for line in text.lines() {
        let mut parts = line.split('>').map(|part| part.strip_prefix('<').unwrap_or(part));
        entries.insert(parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned());
    }
    Ok(entries)
}

/// Writes the entries and the catalog of them; what was there becomes `.old`. Without an entry both go.
fn write_xml(
    call: &mut Call<'_, '_>,
    data: &str,
    catalog: &str,
    entries: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let size = |(key, entry): (&String, &String)| key.len() + entry.len() + 5;
    call.shell.system.budget.made(entries.iter().map(size).sum::<usize>().saturating_mul(2))?;
    if call.look(catalog.as_bytes(), true).is_some() {
        keep_old(call, catalog)?;
    }
    let lines: String = entries.iter().map(|(key, entry)| format!("<{key}><{entry}>\n")).collect();
    let mut text = show(&call.read(b"/usr/share/xml-core/catalog.header")?);
    entries.iter().for_each(|(key, entry)| text.push_str(&format!("<{key} {entry}/>\n")));
    text.push_str(&show(&call.read(b"/usr/share/xml-core/catalog.footer")?));
    for (path, text) in [(data, lines), (catalog, text)] {
        match entries.is_empty() {
            true => drop(call.run(&[b"rm".to_vec(), b"-f".to_vec(), path.into()])?),
            false => call.write(path.as_bytes(), 0o666, text.into_bytes())?,
        }
    }
    Ok(())
}

//! `imgbuild init`: a recipe to start from.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::args::Init;
use super::outside;
use super::print;
use super::terminal::line_to_stderr;
use super::words::Failure;
use crate::format::shown::shown;
use crate::head::Existing;
use crate::host::Dir;
use crate::host::lab;
use crate::recipe;

/// What is written: a recipe that builds as it is.
const STARTER: &str = include_str!("../starter.toml");

/// Files of a head that may say something of its nodes.
const FILES: [&str; 9] = [
    "etc/dnsmasq.conf",
    "etc/dhcp/dhcpd.conf",
    "etc/dhcp3/dhcpd.conf",
    "etc/hosts",
    "etc/exports",
    "etc/default/tftpd-hpa",
    "etc/network/interfaces",
    "etc/syslog-ng/syslog-ng.conf",
    "etc/keepalived/keepalived.conf",
];
/// A head's text file is no longer.
const TEXT_MAX: u64 = 4 << 20;

/// Writes the recipe, never over another.
pub(super) fn run(arguments: &Init) -> Result<(), Failure> {
    let path = &arguments.recipe;
    if path.extension().is_some_and(|extension| extension == "lock") {
        let (path, other) = (path.display(), path.with_extension("toml"));
        let words = format!("`{path}` would be taken for a lock: call the recipe `{}`", other.display());
        return Err(Failure::Usage(words));
    }
    let text = match &arguments.from_head {
        None => STARTER.to_owned(),
        Some(directory) => import(directory)?,
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if recipe::check_name(&stem).is_err() {
        line_to_stderr(&format!("the recipe is called `compute`: `{}` can be no name", shown(stem.as_ref())));
    }
    let key = outside::ssh_key();
    let text = entered(&named(&text, path), key.as_deref());
    let failed = |source| Failure::File { action: "write", path: path.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if key.is_none() {
        line_to_stderr("nobody can log in yet: there is no public key in ~/.ssh for `[access]`");
    }
    print(&format!("{}\n", path.display()))
}

/// The text with the recipe called as its file is, so that `build/FILE` is where its outputs are.
fn named(text: &str, path: &Path) -> String {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    if recipe::check_name(stem).is_err() {
        return text.to_owned();
    }
    // What stands behind it stays where it is.
    let old = format!("{:<40}", "name = \"compute\"");
    text.replacen(&old, &format!("{:<39} ", format!("name = \"{stem}\"")), 1)
}

/// The text with a key with which its user may log in, where there is one.
fn entered(text: &str, key: Option<&str>) -> String {
    let Some(key) = key else { return text.to_owned() };
    let lines = text.lines().map(|line| {
        let key = json!(key);
        if line.starts_with("#: ssh-keys = ") { format!("ssh-keys = [{key}]\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

/// The starter with the head and nodes of an existing head.
fn import(directory: &Path) -> Result<String, Failure> {
    let failed = |path: &str| {
        let path = directory.join(path);
        move |source| Failure::File { action: "read", path: path.clone(), source }
    };
    let root = Dir::open(directory).map_err(failed(""))?;
    let (mut files, mut links) = (BTreeMap::new(), BTreeMap::new());
    // Of a whole disk only these are looked at.
    let mut boots = vec!["srv/tftp".to_owned(), "var/lib/tftpboot".to_owned(), "tftpboot".to_owned()];
    for name in ["etc/dnsmasq.d", "etc/exports.d", "etc/xinetd.d", "etc/xinetd"] {
        texts(directory, name, &mut files)?;
    }
    for name in FILES {
        if let Ok(text) = fs::read_to_string(directory.join(name)) {
            files.insert(name.to_owned(), text);
        }
    }
    boots.extend(Existing::read(&files).tftp.map(|path| path.trim_matches('/').to_owned()));
    boots.sort_unstable();
    boots.dedup();
    for name in boots.iter().filter(|name| !name.is_empty() && name.split('/').all(|part| part != "..")) {
        texts(directory, name, &mut files)?;
        let menu = format!("{name}/pxelinux.cfg");
        let Ok(Some(below)) = root.dir_if_any(&menu) else { continue };
        for entry in below.names().map_err(failed(&menu))? {
            // Anything else than a link has no target.
            if let (Ok(target), Some(entry)) = (below.target(&entry), entry.to_str()) {
                links.insert(format!("{menu}/{entry}"), String::from_utf8_lossy(&target).into_owned());
            }
        }
    }
    // These are named by what was read, so they are reached through no link.
    for name in Existing::named(&files) {
        if let Some(name) = name.strip_suffix('/') {
            for entry in root.dir_if_any(name).ok().flatten().and_then(|below| below.names().ok()).unwrap_or_default() {
                let path = format!("{name}/{}", entry.to_string_lossy());
                files.extend(text(&root, &path).map(|text| (path, text)));
            }
        } else {
            files.extend(text(&root, &name).map(|text| (name, text)));
        }
    }
    let head = Existing::read_with_links(&files, &links);
    if head.machines.is_empty() {
        let message = format!(
            "`{}` has no file of dnsmasq's with a `dhcp-host` line, and none of dhcpd's with a `host`, below etc/",
            directory.display()
        );
        return Err(Failure::Usage(message));
    }
    let taken = head.to_recipe().map_err(|reason| {
        Failure::Usage(format!("cannot take over the head in `{}`: {reason}", directory.display()))
    })?;
    let (before, rest) = STARTER.split_once("[diskless]").expect("the starter has it");
    let (_, after) = rest.split_once("[output]").expect("the starter has it");
    let packages: String =
        taken.packages.iter().map(|name| format!("    {:<35} # runs on one node\n", format!("\"{name}\","))).collect();
    let before = before.replacen("\n]\n", &format!("\n{packages}]\n"), 1);
    Ok(format!("{before}{}\n[output]{after}", taken.tables))
}

/// The texts of a directory and of all below.
fn texts(directory: &Path, name: &str, files: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let path = directory.join(name);
    if path.is_dir() {
        let found = lab::texts(&path, TEXT_MAX).map_err(|source| Failure::File { action: "read", path, source })?;
        files.extend(found.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
    }
    Ok(())
}

/// A file's text; none when there is no such file.
fn text(root: &Dir, path: &str) -> Option<String> {
    String::from_utf8(root.read_if_any(path, TEXT_MAX).ok()??).ok()
}

#[cfg(test)]
mod tests;

//! `imgbuild init`: a recipe to start from.

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::Init;
use super::print;
use super::words::Failure;
use crate::head::Existing;
use crate::host::lab;

/// What is written: a recipe that builds as it is.
const STARTER: &str = include_str!("starter.toml");

/// A head's text file is no longer.
const TEXT_MAX: u64 = 4 << 20;

/// Writes the recipe, never over another.
pub(super) fn run(arguments: &Init) -> Result<(), Failure> {
    let path = &arguments.recipe;
    let text = match &arguments.from_head {
        None => STARTER.to_owned(),
        Some(directory) => import(directory)?,
    };
    let failed = |source| Failure::File { action: "write", path: path.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    print(&format!("{}\n", path.display()))
}

/// The starter with the head and nodes of an existing head.
fn import(directory: &Path) -> Result<String, Failure> {
    let mut files = BTreeMap::new();
    // Of a whole disk only these are looked at.
    for name in ["etc/dnsmasq.d", "etc/exports.d", "srv/tftp", "var/lib/tftpboot", "tftpboot"] {
        let path = directory.join(name);
        if path.is_dir() {
            let failed = |source| Failure::File { action: "read", path: path.clone(), source };
            let found = lab::texts(&path, TEXT_MAX).map_err(failed)?;
            files.extend(found.into_iter().map(|(file, text)| (format!("{name}/{file}"), text)));
        }
    }
    for name in ["etc/dnsmasq.conf", "etc/hosts", "etc/exports", "etc/default/tftpd-hpa"] {
        if let Ok(text) = fs::read_to_string(directory.join(name)) {
            files.insert(name.to_owned(), text);
        }
    }
    let head = Existing::read(&files);
    if head.machines.is_empty() {
        let message = format!("`{}` has no dnsmasq file with a `dhcp-host` line below etc/", directory.display());
        return Err(Failure::Usage(message));
    }
    let tables = head.to_recipe().map_err(|reason| {
        Failure::Usage(format!("cannot take over the head in `{}`: {reason}", directory.display()))
    })?;
    let (before, rest) = STARTER.split_once("[diskless]").expect("the starter has it");
    let (_, after) = rest.split_once("[output]").expect("the starter has it");
    Ok(format!("{before}{tables}\n[output]{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe;

    #[test]
    fn a_head_set_up_by_hand_becomes_a_recipe() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let put = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, text).expect("written");
        };
        put(
            "etc/dnsmasq.conf",
            "interface=eth1\ndhcp-range=10.1.0.50,10.1.0.99,255.255.255.0,12h\ndhcp-boot=pxelinux.0,hn,10.1.0.1\n\
             dhcp-host=00:21:97:7d:ad:bf,10.1.0.10,dizzy\ndhcp-host=00:21:97:7a:24:0f,10.1.0.11,tumbler\nlog-queries\n",
        );
        put("etc/hosts", "10.1.0.1 hn head\n10.1.0.10 dizzy db\n10.1.0.11 tumbler\n");
        put("etc/exports", "/srv/nfsroot 10.1.0.0/24(rw)\n");
        put(
            "srv/tftp/pxelinux.cfg/default",
            "LABEL l\nAPPEND initrd=i root=/dev/nfs nfsroot=10.1.0.1:/srv/nfsroot ip=dhcp rw quiet\n",
        );
        put(
            "srv/tftp/pxelinux.cfg/01-00-21-97-7a-24-0f",
            "LABEL l\nAPPEND root=/dev/nfs ip=dhcp rw quiet console=ttyS0\n",
        );
        let recipe = directory.path().join("recipe.toml");
        fs::write(&recipe, import(directory.path()).unwrap_or_else(|failure| panic!("{failure:?}"))).expect("written");
        let text = fs::read_to_string(&recipe).expect("just written");
        let recipe = recipe::load(&recipe).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let head = recipe.head.as_ref().expect("it has one");
        assert_eq!((head.name.as_str(), head.aliases.as_slice(), head.network.1), ("hn", &["head".to_owned()][..], 24));
        assert_eq!(recipe.nodes[0].aliases, ["db"]);
        assert_eq!(recipe.nodes[1].kernel_arguments, ["console=ttyS0"]);
        assert_eq!(recipe.diskless.as_ref().expect("it is").kernel_arguments, ["quiet"]);
        assert!(
            text.contains("# Not taken over from etc/dnsmasq.conf: log-queries")
                && text.contains("/srv/nfsroot read-write")
        );
        assert!(matches!(import(&directory.path().join("srv")), Err(Failure::Usage(_))));
    }

    #[test]
    fn the_starter_is_a_recipe() {
        let directory = tempfile::tempdir().expect("the tests can write");
        let path = directory.path().join("recipe.toml");
        fs::write(&path, STARTER).expect("written");
        let recipe = recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(recipe.nodes.len(), 2);
        // What is commented out is right too.
        let all: String =
            STARTER.lines().map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line))).collect();
        fs::write(&path, all).expect("written");
        recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
    }
}

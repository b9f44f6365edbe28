//! Programs whose work is done once for the whole tree, by [`generators`](crate::configure::generators) or by a later
//! stage.

use super::certificates;
use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("depmod", later::defer),
    ("gio-querymodules", |call| no_input(call, b".so")),
    ("glib-compile-schemas", |call| no_input(call, b".xml")),
    ("ldconfig", later::defer),
    ("openssl", openssl),
    ("mandb", |_| Ok(0)),
    ("mkinitramfs", |_| Ok(0)),
    ("pam-auth-update", later::defer),
    ("update-initramfs", |_| Ok(0)),
];

/// A program that makes a cache of the files in the directories that it is given: without such files it makes none.
fn no_input(call: &mut Call<'_, '_>, suffix: &[u8]) -> Done {
    for directory in call.args.iter().filter(|word| !word.starts_with(b"-")) {
        let path = call.absolute(directory);
        let tree = call.tree();
        let Some((directory, _)) = tree.lookup(&path) else { continue };
        if let Some((found, _)) = tree.children(&directory).find(|(path, _)| path.name().ends_with(suffix)) {
            return Err(Fault::gap(format!("has to read {found}")));
        }
    }
    Ok(0)
}

/// `openssl rehash`, or what makes a secret.
fn openssl(call: &mut Call<'_, '_>) -> Done {
    let [verb, rest @ ..] = call.args else { return Err(Fault::gap("without a command")) };
    if verb != b"rehash" {
        return super::draws::openssl(call, verb);
    }
    let directories: Vec<&Vec<u8>> = rest.iter().filter(|word| !word.starts_with(b"-")).collect();
    let here = b".".to_vec();
    for directory in if directories.is_empty() { vec![&here] } else { directories } {
        let path = call.absolute(directory);
        certificates::rehash(call.tree(), &show(&path))?;
    }
    Ok(0)
}

//! Programs whose work is done once for the whole tree, by [`generators`](crate::configure::generators), and those
//! that make what is never in an image.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use crate::configure::generators;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("depmod", |call| call.defer()),
    ("ldconfig", |call| call.defer()),
    ("openssl", openssl),
    ("pam-auth-update", |call| call.defer()),
    ("update-initramfs", |call| call.defer()),
];

/// `openssl rehash`: the only thing that scripts of an image ask of it without making a secret.
fn openssl(call: &mut Call<'_, '_>) -> Done {
    let [verb, rest @ ..] = call.args else { return Err(Fault::gap("without a command")) };
    if verb != b"rehash" {
        return Err(Fault::gap(show(verb)));
    }
    let directories: Vec<&Vec<u8>> = rest.iter().filter(|word| !word.starts_with(b"-")).collect();
    let here = b".".to_vec();
    for directory in if directories.is_empty() { vec![&here] } else { directories } {
        let path = call.absolute(directory);
        generators::certificates::rehash(call.tree(), &show(&path))?;
    }
    Ok(0)
}

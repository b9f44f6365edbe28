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
    ("ldconfig", later::defer),
    ("openssl", openssl),
    ("mkinitramfs", |_| Ok(0)),
    ("pam-auth-update", later::defer),
    ("update-initramfs", |_| Ok(0)),
];

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

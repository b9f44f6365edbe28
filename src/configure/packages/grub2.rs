//! GRUB, as far as other packages' scripts make its menu anew: grub-probe(8).

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("grub-probe", probe)], ..Package::of("grub2") };

/// Which device holds a directory: an image lies on none, as a chroot does to which nobody has given `/dev`.
fn probe(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("d:t:m:v0", &[("device", b'd'), ("target", b't'), ("device-map", b'm')])?;
    match given.operands.as_slice() {
        [path] => {
            let device = if given.has(b'd') { show(path) } else { "none".to_owned() };
            Err(Fault::failed(format!("error: failed to get canonical path of `{device}'.")))
        }
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

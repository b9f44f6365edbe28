//! mokutil(1): no firmware is asked.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("mokutil", mokutil)], ..Package::of("mokutil") };

/// `mokutil --sb-state`: of an image nobody knows which firmware will start it.
fn mokutil(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [state] if state == b"--sb-state" => {
            call.shell.print_error(b"EFI variables are not supported on this system\n")?;
            Ok(1)
        }
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

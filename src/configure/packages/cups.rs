//! lpstat(1): an image has no printers.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("lpstat", lpstat)], ..Package::of("cups") };

/// `lpstat [-h SERVER] -r`: no scheduler runs.
fn lpstat(call: &mut Call<'_, '_>) -> Done {
    if !call.args.iter().any(|word| word == b"-r") {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    call.out("scheduler is not running\n").map(|()| 0)
}

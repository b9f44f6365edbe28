//! smartctl(8): no disk is asked.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("smartctl", smartctl)], ..Package::of("smartmontools") };

/// `smartctl -V`: whether it runs. No disk is asked.
fn smartctl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [version] if version == b"-V" => Ok(0),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

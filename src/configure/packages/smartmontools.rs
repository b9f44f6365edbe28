//! smartctl(8): no disk is asked.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The list of drives that the package brings.
const DRIVES: &[u8] = b"/usr/share/smartmontools/drivedb.h";

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("smartctl", smartctl)], ..Package::of("smartmontools") };

/// `smartctl -V`: whether it runs. No disk is asked. `smartctl -B LIST -P showall` asks whether it reads a list of
/// drives; it reads its own package's.
fn smartctl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [version] if version == b"-V" => Ok(0),
        [b, list, p, all] if b == b"-B" && p == b"-P" && all == b"showall" => {
            let list = list.clone();
            if call.read(&list)? == call.read(DRIVES)? {
                return Ok(0);
            }
            Err(Fault::gap(format!("reads {}", show(&list))))
        }
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

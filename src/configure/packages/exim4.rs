//! exim4(8), asked whether it can read its configuration.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("exim4", exim4)], ..Package::of("exim4") };

/// `exim4 -C FILE -bV`: whether it can be read. What a package's own script has put together from its own parts is
/// not doubted.
fn exim4(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [c, file, version] if c == b"-C" && version == b"-bV" => call.read(&file.clone()).map(|_| 0),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

//! Programs that set up a console: there is none.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("kbd_mode", no_console)], ..Package::of("kbd") };

fn no_console(call: &mut Call<'_, '_>) -> Done {
    call.err("Couldn't get a file descriptor referring to the console.")?;
    Ok(1)
}

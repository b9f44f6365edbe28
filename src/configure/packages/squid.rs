//! squid(8), which other packages' scripts ask before it is there.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("squid", not_there_yet)], ..Package::of("squid") };

/// A program that is asked by scripts of packages that are configured before the program is there.
pub(super) fn not_there_yet(call: &mut Call<'_, '_>) -> Done {
    if call.shell.find_program(call.name).is_some() {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    call.err("not found")?;
    Ok(127)
}

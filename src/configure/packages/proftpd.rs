//! proftpd(8), asked to check its configuration.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("proftpd", proftpd)], ..Package::of("proftpd-dfsg") };

/// `proftpd -t`: the configuration is that of the package.
fn proftpd(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [test] if test == b"-t" => Ok(0),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

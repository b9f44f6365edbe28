//! dconf: databases of settings, which dconf(1) compiles of key files.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("dconf", dconf)],
    made: &[Made {
        package: "dconf-cli",
        what: "the system's databases of settings, of key files",
        from: &["etc/dconf/db/*.d/*"],
        make: "dconf update",
        units: &["display-manager.service", "gdm.service"],
        gone: &["etc/dconf/db/*"],
        emptied: &[],
    }],
    ..Package::of("dconf")
};

/// `dconf update`
fn dconf(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [verb] if verb == b"update" => leave_to_first_boot(call),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

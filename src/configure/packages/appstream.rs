//! AppStream: what applications there are, appstreamcli(1).

use super::package::Action::Remove;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("appstreamcli", appstreamcli)],
    leaves: &[(Remove, &["var/cache/swcatalog"], "made anew when it is older than what it is made of")],
    ..Package::of("appstream")
};

/// `appstreamcli refresh-cache`: the cache is in no image.
fn appstreamcli(call: &mut Call<'_, '_>) -> Done {
    match call.args.first() {
        Some(verb) if verb == b"refresh-cache" => Ok(0),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

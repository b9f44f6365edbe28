//! xrdp: keys of the old security layer, xrdp-keygen(8).

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use super::ssl_cert::SNAKEOIL_CERTIFICATE;
use super::ssl_cert::SNAKEOIL_KEY;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::configure::tools::draws::unknown;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("xrdp-keygen", xrdp_keygen)],
    own: &[Own {
        package: "xrdp",
        units: &["xrdp.service", "xrdp-sesman.service"],
        files: &[
            SNAKEOIL_KEY,
            SNAKEOIL_CERTIFICATE,
            file("/etc/xrdp/rsakeys.ini", "xrdp:root", 0o600, "xrdp-keygen xrdp \"$new\" >/dev/null"),
        ],
        ..NOTHING
    }],
    ..Package::of("xrdp")
};

/// `xrdp-keygen xrdp auto`.
fn xrdp_keygen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [name, place] if name == b"xrdp" && place == b"auto" => {
            permitted(call)?;
            leave(call, b"/etc/xrdp/rsakeys.ini", 0o600)
        }
        args => Err(unknown(args)),
    }
}

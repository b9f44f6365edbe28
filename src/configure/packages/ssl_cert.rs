//! The certificate that stands for a real one, and its key: make-ssl-cert(8).

use super::own::File;
use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::unknown;
use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("make-ssl-cert", make_ssl_cert)],
    own: &[with_snakeoil("ssl-cert", &[])],
    ..Package::of("ssl-cert")
};

pub(super) const SNAKEOIL_KEY: File =
    file("/etc/ssl/private/ssl-cert-snakeoil.key", "root:ssl-cert", 0o640, "key 2048");
pub(super) const SNAKEOIL_CERTIFICATE: File = file(
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "root:root",
    0o644,
    "certificate /etc/ssl/private/ssl-cert-snakeoil.key 3650",
);

/// A server whose configuration names that certificate, or a link to it.
pub(super) const fn with_snakeoil(package: &'static str, units: &'static [&'static str]) -> Own {
    Own { package, units, files: &[SNAKEOIL_KEY, SNAKEOIL_CERTIFICATE], ..NOTHING }
}

/// The certificate that stands for one until there is a real one has a private key. While scripts run both are there:
/// who uses them makes links to them.
fn make_ssl_cert(call: &mut Call<'_, '_>) -> Done {
    let forced = [b"-f".as_slice(), b"--force-overwrite", b"-n", b"--no-overwrite"];
    let words: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).filter(|word| !forced.contains(word)).collect();
    if words != [b"generate-default-snakeoil"] {
        return Err(unknown(call.args));
    }
    later::leave_to_first_boot(call)?;
    for file in [SNAKEOIL_KEY, SNAKEOIL_CERTIFICATE] {
        if call.look(file.path.as_bytes(), true).is_none() {
            leave(call, file.path.as_bytes(), file.mode)?;
        }
    }
    let owner = ["chown", SNAKEOIL_KEY.owner, SNAKEOIL_KEY.path].map(|word| word.as_bytes().to_vec());
    call.run(&owner)
}

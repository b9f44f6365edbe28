//! Dropbear: host keys, dropbearkey(1).

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::shell::machine::STAND_IN;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("dropbearkey", dropbearkey)],
    own: &[Own {
        package: "dropbear",
        units: &["dropbear.service"],
        files: &[
            file(
                "/etc/dropbear/dropbear_rsa_host_key",
                "root:root",
                0o600,
                "dropbearkey -t rsa -f \"$new\" >/dev/null",
            ),
            file(
                "/etc/dropbear/dropbear_ecdsa_host_key",
                "root:root",
                0o600,
                "dropbearkey -t ecdsa -f \"$new\" >/dev/null",
            ),
            file(
                "/etc/dropbear/dropbear_ed25519_host_key",
                "root:root",
                0o600,
                "dropbearkey -t ed25519 -f \"$new\" >/dev/null",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("dropbear")
};

/// `dropbearkey -t TYPE -f FILE`, and `-y` for the public half.
fn dropbearkey(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("t:f:s:y", &[])?;
    permitted(call)?;
    let Some(file) = given.value(b'f').map(<[u8]>::to_vec) else { return Err(Fault::gap("without -f")) };
    let kind = match given.value(b't') {
        None | Some(b"rsa") => "ssh-rsa",
        Some(b"ecdsa") => "ecdsa-sha2-nistp256",
        Some(b"ed25519") => "ssh-ed25519",
        Some(other) => return Err(Fault::gap(format!("-t {}", show(other)))),
    };
    if !given.has(b'y') {
        leave(call, &file, 0o600)?;
    }
    call.out(format!("Public key portion is:\n{kind} {STAND_IN} root@localhost\nFingerprint: {STAND_IN}\n"))?;
    Ok(0)
}

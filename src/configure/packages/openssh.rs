//! OpenSSH: host keys, sshd(8) asked for its configuration, ssh-keygen(1).

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::configure::tools::draws::prints;
use crate::configure::tools::draws::unknown;
use crate::configure::tools::later;
use crate::shell::machine::STAND_IN;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("ssh-keygen", ssh_keygen), ("sshd", sshd), ("sshd.session-split", sshd)],
    own: &[Own {
        left: &[gone(
            "/etc/ssh/ssh_host_*",
            "a host key that every node has is no host key, and the image is no safe",
            "`imgbuild-ssh-host-keys.service` on a diskless node, which keeps them where its root allows; else sshd's own unit",
        )],
        ..NOTHING
    }],
    ..Package::of("openssh")
};

/// The settings of `sshd_config`, keywords in small letters, and the host keys that are used when it names none.
fn sshd(call: &mut Call<'_, '_>) -> Done {
    let file = match call.args {
        [g] if g == b"-G" => b"/etc/ssh/sshd_config".to_vec(),
        [f, file, g] if f == b"-f" && g == b"-G" => file.clone(),
        args => return Err(Fault::gap(show(&args.join(&b' ')))),
    };
    let mut settings = Vec::new();
    for line in show(&call.read(&file)?).lines() {
        let mut words = line.split_whitespace();
        let Some(keyword) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        let keyword = keyword.to_lowercase();
        if keyword == "match" {
            break;
        }
        settings.push(format!("{keyword} {}\n", words.collect::<Vec<_>>().join(" ")));
    }
    if !settings.iter().any(|line| line.starts_with("hostkey ")) {
        let keys = ["rsa", "ecdsa", "ed25519"].map(|kind| format!("hostkey /etc/ssh/ssh_host_{kind}_key\n"));
        settings.extend(keys);
    }
    call.out(settings.concat()).map(|()| 0)
}

/// `ssh-keygen`: a machine's host keys are never made here, nor shown; of other keys a stand-in.
fn ssh_keygen(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("qt:b:f:N:C:lvyAE:", &[])?;
    let host = |file: &[u8]| file.starts_with(b"/etc/ssh/ssh_host_");
    match given.value(b'f').map(<[u8]>::to_vec) {
        None if given.has(b'A') => later::leave_to_first_boot(call),
        Some(file) if host(&file) => later::leave_to_first_boot(call),
        None => Err(unknown(call.args)),
        // Its fingerprint, for who reads the log.
        Some(_) if given.has(b'l') => {
            permitted(call)?;
            call.out(format!("256 SHA256:{STAND_IN} root@localhost (ED25519)\n")).map(|()| 0)
        }
        Some(_) if given.has(b'y') => prints(call, &format!("ssh-rsa {STAND_IN} root@localhost\n")),
        Some(file) => {
            permitted(call)?;
            leave(call, &file, 0o600)?;
            leave(call, &[file.as_slice(), b".pub"].concat(), 0o644)
        }
    }
}

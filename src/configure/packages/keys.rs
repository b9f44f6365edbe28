//! Programs of single packages that make keys and ids: what they make is each machine's own ([`draws`](crate::configure::tools::draws)).

use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::configure::tools::draws::prints;
use crate::configure::tools::draws::unknown;
use crate::configure::tools::later;
use crate::shell::machine::STAND_IN;
use crate::shell::machine::STAND_IN_ID;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("curvedns-keygen", |call| {
        let lines = ["DNS public key:", "Hex public key:", "Hex secret key:"];
        prints(call, &lines.map(|line| format!("{line}\t{STAND_IN}\n")).concat())
    }),
    ("dropbearkey", dropbearkey),
    ("iscsi-iname", iscsi_iname),
    ("make-ssl-cert", make_ssl_cert),
    ("nvme", nvme),
    ("rndc-confgen", rndc_confgen),
    ("ssh-keygen", ssh_keygen),
    ("xrdp-keygen", xrdp_keygen),
];

/// Where the certificate that stands for a real one lies, and its key.
const SNAKEOIL: [(&str, u32); 2] =
    [("/etc/ssl/private/ssl-cert-snakeoil.key", 0o640), ("/etc/ssl/certs/ssl-cert-snakeoil.pem", 0o644)];

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

/// `iscsi-iname [-p PREFIX]`.
fn iscsi_iname(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("p:", &[("prefix", b'p')])?;
    let prefix = show(given.value(b'p').unwrap_or(b"iqn.2016-04.com.open-iscsi"));
    prints(call, &format!("{prefix}:{STAND_IN}\n"))
}

/// `nvme gen-hostnqn`.
fn nvme(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [verb] if verb == b"gen-hostnqn" => prints(call, &format!("nqn.2014-08.org.nvmexpress:uuid:{STAND_IN_ID}\n")),
        args => Err(unknown(args)),
    }
}

/// `rndc-confgen -a`: the key of the name server's control channel.
fn rndc_confgen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [auto] if auto == b"-a" => {
            permitted(call)?;
            leave(call, b"/etc/bind/rndc.key", 0o600)
        }
        args => Err(unknown(args)),
    }
}

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

/// The certificate that stands for one until there is a real one has a private key. While scripts run both are there:
/// who uses them makes links to them.
fn make_ssl_cert(call: &mut Call<'_, '_>) -> Done {
    let forced = [b"-f".as_slice(), b"--force-overwrite", b"-n", b"--no-overwrite"];
    let words: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).filter(|word| !forced.contains(word)).collect();
    if words != [b"generate-default-snakeoil"] {
        return Err(unknown(call.args));
    }
    later::leave_to_first_boot(call)?;
    for (path, mode) in SNAKEOIL {
        if call.look(path.as_bytes(), true).is_none() {
            leave(call, path.as_bytes(), mode)?;
        }
    }
    let owner = [b"chown".as_slice(), b"root:ssl-cert", SNAKEOIL[0].0.as_bytes()].map(<[u8]>::to_vec);
    call.run(&owner)
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

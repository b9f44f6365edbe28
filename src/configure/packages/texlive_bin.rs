//! TeX's own programs, as far as scripts call them; what they make a node makes (`tex_common`).

use super::package::Package;
use super::squid::not_there_yet;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("fmtutil", leave_to_first_boot),
        ("fmtutil-sys", leave_to_first_boot),
        ("kpsewhich", kpsewhich),
        ("mktexlsr", leave_to_first_boot),
        ("mtxrun", leave_to_first_boot),
        ("texhash", leave_to_first_boot),
        ("tl-paper", leave_to_first_boot),
        ("updmap-sys", leave_to_first_boot),
    ],
    ..Package::of("texlive-bin")
};

/// `kpsewhich -var-value NAME`, of the two trees that are the system's; scripts ask before it is there as well.
fn kpsewhich(call: &mut Call<'_, '_>) -> Done {
    let value = match call.args {
        [ask, name] if ask.trim_ascii_start().ends_with(b"-var-value") => match name.as_slice() {
            b"TEXMFSYSVAR" => "/var/lib/texmf\n",
            b"TEXMFSYSCONFIG" => "/etc/texmf\n",
            _ => return not_there_yet(call),
        },
        _ => return not_there_yet(call),
    };
    match call.shell.find_program(call.name) {
        Some(_) => call.out(value).map(|()| 0),
        None => not_there_yet(call),
    }
}

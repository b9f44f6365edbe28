//! BIND: named-checkconf(8), rndc-confgen(8), and the key of its control channel.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::leave;
use crate::configure::tools::draws::permitted;
use crate::configure::tools::draws::unknown;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("named-checkconf", named_checkconf), ("rndc-confgen", rndc_confgen)],
    own: &[Own {
        package: "bind9",
        units: &["named.service"],
        files: &[file("/etc/bind/rndc.key", "bind:bind", 0o640, "rndc-confgen -a -c \"$new\" >/dev/null 2>&1")],
        ..NOTHING
    }],
    ..Package::of("bind9")
};

/// `named-checkconf FILE`: whether it can be read. What the package itself brings is not doubted.
fn named_checkconf(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [file] if !file.starts_with(b"-") => call.read(&file.clone()).map(|_| 0),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
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

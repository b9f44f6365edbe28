//! Mono: machine code of its libraries, made before they run, mono(1). Mono makes it when it runs as well, so that no
//! image has it.

use super::package::Action::Remove;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("mono", mono)],
    leaves: &[(
        Remove,
        &["usr/lib/mono/aot-cache/*/*"],
        "machine code of the base library; Mono translates what it runs where it is missing",
    )],
    ..Package::of("mono")
};

/// `mono --version`, of which only is asked what machine it is for, and `mono --aot=… FILE`.
fn mono(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [version] if version == b"--version" => {
            let machine = match call.shell.system.architecture.as_str() {
                "amd64" => "amd64",
                "arm64" => "arm64",
                "i386" => "x86",
                other => return Err(Fault::gap(format!("what it calls the machine {other}"))),
            };
            call.out(format!("\tArchitecture:  {machine}\n")).map(|()| 0)
        }
        [aot, .., _] if aot.starts_with(b"--aot") => Ok(0),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

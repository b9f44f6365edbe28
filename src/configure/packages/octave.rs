//! GNU Octave: the list of its packages.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("octave", octave), ("octave-cli", octave)],
    made: &[Made {
        package: "octave",
        what: "the list of Octave's packages",
        from: &["usr/bin/octave-cli"],
        make: "octave-cli --silent --no-history --no-init-file --eval \"pkg ('rebuild');\"",
        units: &[],
        gone: &["usr/share/octave/octave_packages"],
        emptied: &[],
    }],
    ..Package::of("octave")
};

/// `octave … --eval "pkg ('rebuild');"`
fn octave(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [options @ .., eval, program]
            if eval == b"--eval"
                && program == b"pkg ('rebuild');"
                && options.iter().all(|word| word.starts_with(b"--")) =>
        {
            leave_to_first_boot(call)
        }
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}

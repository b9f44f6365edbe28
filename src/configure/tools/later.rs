//! Programs whose work is not done where they are called: it is done once, when all packages are configured
//! ([`generators`](crate::configure::generators) look here), or on each node's first boot.

use std::collections::BTreeSet;

use crate::utilities::Call;
use crate::utilities::Done;

/// A program whose work is not done where it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::configure) struct Deferred {
    /// The package that called it.
    pub(in crate::configure) package: String,
    /// Its name and arguments.
    pub(in crate::configure) words: Vec<Vec<u8>>,
}

/// What was called, kept with the system.
#[derive(Debug, Clone, Default)]
pub(in crate::configure) struct Later {
    /// For work which is done once at the end.
    pub(in crate::configure) deferred: BTreeSet<Deferred>,
    /// For what is never in an image: each node does it on its first boot.
    pub(in crate::configure) first_boot: BTreeSet<Deferred>,
}

/// Notes that this program was called; its work is done once, when all packages are configured.
///
/// # Errors
/// None; the signature is a command's.
pub(in crate::configure) fn defer(call: &mut Call<'_, '_>) -> Done {
    let called = called(call);
    call.shell.system.kept::<Later>().deferred.insert(called);
    Ok(0)
}

/// Notes that this program was called; what it makes is each node's own, and made on its first boot.
///
/// # Errors
/// None; the signature is a command's.
pub(in crate::configure) fn leave_to_first_boot(call: &mut Call<'_, '_>) -> Done {
    let called = called(call);
    call.shell.system.kept::<Later>().first_boot.insert(called);
    Ok(0)
}

fn called(call: &Call<'_, '_>) -> Deferred {
    let words = [call.name.to_vec()].into_iter().chain(call.args.iter().cloned()).collect();
    Deferred { package: call.shell.system.package.clone(), words }
}

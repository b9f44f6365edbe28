//! isa-support: programs that try an instruction of the processor.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("test-SSE2", processor), ("test-SSE3", processor), ("test-SSE4.2", processor)],
    libraries: &["/isa-support"],
    ..Package::of("isa-support")
};

/// isa-support's programs try an instruction. As where a system for another machine is made, it cannot be executed, and
/// who asked for the package answers for the node.
fn processor(_: &mut Call<'_, '_>) -> Done {
    Ok(126)
}

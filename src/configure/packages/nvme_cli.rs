//! NVMe over fabrics: the host's name and id, nvme-gen-hostnqn(1).

use super::own::Kindred::Names;
use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::prints;
use crate::configure::tools::draws::unknown;
use crate::shell::machine::STAND_IN_ID;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("nvme", nvme)],
    own: &[Own {
        package: "nvme-cli",
        kind: Names,
        units: &["nvmf-autoconnect.service", "nvmf-connect@.service", "nvmefc-boot-connections.service"],
        files: &[
            file(
                "/etc/nvme/hostnqn",
                "root:root",
                0o644,
                "id=$(id_for nvme) && echo \"nqn.2014-08.org.nvmexpress:uuid:$id\" >\"$new\"",
            ),
            file("/etc/nvme/hostid", "root:root", 0o644, "id_for nvme >\"$new\""),
        ],
        ..NOTHING
    }],
    ..Package::of("nvme-cli")
};

/// `nvme gen-hostnqn`.
fn nvme(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [verb] if verb == b"gen-hostnqn" => prints(call, &format!("nqn.2014-08.org.nvmexpress:uuid:{STAND_IN_ID}\n")),
        args => Err(unknown(args)),
    }
}

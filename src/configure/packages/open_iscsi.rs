//! open-iscsi: the initiator's name, iscsi-iname(8).

use super::own::Kindred::Names;
use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::prints;
use crate::shell::machine::STAND_IN;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("iscsi-iname", iscsi_iname)],
    own: &[Own {
        package: "open-iscsi",
        kind: Names,
        units: &["iscsid.service", "open-iscsi.service"],
        files: &[file(
            "/etc/iscsi/initiatorname.iscsi",
            "root:root",
            0o600,
            "id=$(id_for iscsi) && echo \"InitiatorName=iqn.1993-08.org.debian:01:$(echo \"$id\" | tr -d - | head -c 12)\" \
                 >\"$new\"",
        )],
        ..NOTHING
    }],
    ..Package::of("open-iscsi")
};

/// `iscsi-iname [-p PREFIX]`.
fn iscsi_iname(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("p:", &[("prefix", b'p')])?;
    let prefix = show(given.value(b'p').unwrap_or(b"iqn.2016-04.com.open-iscsi"));
    prints(call, &format!("{prefix}:{STAND_IN}\n"))
}

//! icinga2(8): links to the features that are available.

use super::package::Package;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::permissions;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("icinga2", icinga2)], ..Package::of("icinga2") };

/// Whom icinga2 becomes, as Debian builds it, before it does anything.
const USER: &[u8] = b"nagios";

/// `icinga2 feature enable NAME…`
fn icinga2(call: &mut Call<'_, '_>) -> Done {
    let [feature, enable, names @ ..] = call.args else { return Err(Fault::gap(show(&call.args.join(&b' ')))) };
    if feature != b"feature" || enable != b"enable" {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    for name in names {
        let name = show(name);
        if call.look(format!("/etc/icinga2/features-available/{name}.conf").as_bytes(), true).is_none() {
            call.err(&format!("Cannot enable feature '{name}'. Source file does not exist."))?;
            return Ok(1);
        }
        let place = call.resolve(format!("/etc/icinga2/features-enabled/{name}.conf").as_bytes(), false)?;
        if call.tree().get(&place).is_some() {
            call.out(format!("warning/cli: Feature '{name}' already enabled.\n"))?;
            continue;
        }
        let mut link = Inode::symlink(format!("../features-available/{name}.conf"));
        (link.stat.uid, link.stat.gid) = (permissions::user(call, USER)?, permissions::group(call, USER)?);
        call.create(&place, link)?;
    }
    Ok(0)
}

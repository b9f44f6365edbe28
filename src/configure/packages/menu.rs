//! Debian's menus: update-menus(1) runs a program for each window manager that has one.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("update-menus", update)], ..Package::of("menu") };

/// Without such a program there is nothing to do, whether now or when dpkg comes to the triggers.
fn update(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("dvh\x01\x02", &[("trigger", 1), ("nodpkgcheck", 2)])?;
    if !given.operands.is_empty() || given.has(b'h') {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let place = call.resolve(b"/etc/menu-methods", true)?;
    let mut methods = call.tree().children(&place);
    match methods.find(|(_, inode)| !inode.is_directory() && inode.stat.mode & 0o111 != 0) {
        Some((path, _)) => Err(Fault::gap(format!("makes the menus of {path}"))),
        None => Ok(0),
    }
}

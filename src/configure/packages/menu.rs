//! Debian's menus: update-menus(1) runs a program for each window manager that has one.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("update-menus", update)],
    made: &[Made {
        package: "menu",
        what: "the menus of window managers, of what is installed",
        from: &["etc/menu-methods/*"],
        make: "update-menus",
        units: &[],
        gone: &[
            "etc/X11/*/menudefs.hook",
            "etc/X11/blackbox/blackbox-menu",
            "etc/X11/icewm/programs",
            "etc/X11/wmanagerrc",
            "etc/jwm/debian-menu",
            "etc/pekwm/debian-menu",
            "etc/xdg/awesome/debian/menu.lua",
            "var/lib/choosewm/windowmanagers",
            "var/lib/fvwm-crystal/Applications/*",
            "var/lib/menu-xdg/*",
            "var/lib/notion/debian-menu*.lua",
            "var/lib/openbox/debian-menu.xml",
            "var/lib/ratpoison/menu/*",
            "var/lib/sawfish/debian-menu.jl",
        ],
        emptied: &[],
    }],
    ..Package::of("menu")
};

/// Without such a program there is nothing to do, whether now or when dpkg comes to the triggers.
fn update(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("dvh\x01\x02", &[("trigger", 1), ("nodpkgcheck", 2)])?;
    if !given.operands.is_empty() || given.has(b'h') {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let place = call.resolve(b"/etc/menu-methods", true)?;
    let runs = |inode: &Inode| !inode.is_directory() && inode.stat.mode & 0o111 != 0;
    let any = call.tree().children(&place).any(|(_, inode)| runs(inode));
    if any { leave_to_first_boot(call) } else { Ok(0) }
}

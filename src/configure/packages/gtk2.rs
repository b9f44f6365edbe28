//! GTK 2: the table of its input methods, gtk-query-immodules-2.0(1).

use super::gtk3::Gtk;
use super::gtk3::input_methods;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("gtk-query-immodules-2.0", |call| input_methods(call, &GTK2))],
    libraries: &["/libgtk2.0-0", "/libgtk2.0-0t64"],
    ..Package::of("gtk+2.0")
};

pub(super) const GTK2: Gtk = Gtk {
    directory: "gtk-2.0/2.10.0",
    source: "gtk+",
    packages: ["libgtk2.0-0t64", "libgtk2.0-0"],
    program: "gtk-query-immodules-2.0",
    table: include_str!("data/gtk2-input-methods"),
    path: "/root/.gtk-2.0/2.10.0/#/immodules:/root/.gtk-2.0/2.10.0/immodules:/root/.gtk-2.0/#/immodules:\
           /root/.gtk-2.0/immodules:@/gtk-2.0/2.10.0/#/immodules:@/gtk-2.0/2.10.0/immodules:@/gtk-2.0/#/immodules:\
           @/gtk-2.0/immodules",
};

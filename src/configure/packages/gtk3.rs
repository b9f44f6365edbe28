//! GTK 3: the table of its input methods, gtk-query-immodules-3.0(1), and caches of icons.

use super::package::Action::Remove;
use super::package::Package;
use super::plugins::files;
use super::plugins::library_directory;
use super::plugins::upstream_version;
use super::plugins::vouched;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("gtk-query-immodules-3.0", |call| input_methods(call, &GTK3)),
        ("gtk-update-icon-cache", |_| Ok(0)),
        ("gtk-update-icon-cache-3.0", |_| Ok(0)),
    ],
    libraries: &["/libgtk-3-0", "/libgtk-3-0t64"],
    leaves: &[(
        Remove,
        &["usr/share/icons/*/icon-theme.cache"],
        "counts only while it is newer than what it lists; GTK reads that",
    )],
    ..Package::of("gtk+3.0")
};

/// A GTK whose input methods are listed.
pub(super) struct Gtk {
    /// `gtk-3.0/3.0.0` below the architecture's directory.
    pub(super) directory: &'static str,
    pub(super) source: &'static str,
    /// Packages of the library, newest name first.
    pub(super) packages: [&'static str; 2],
    pub(super) program: &'static str,
    pub(super) table: &'static str,
    /// The directories that are looked into, `@` for the architecture's.
    pub(super) path: &'static str,
}

pub(super) const GTK3: Gtk = Gtk {
    directory: "gtk-3.0/3.0.0",
    source: "gtk+",
    packages: ["libgtk-3-0t64", "libgtk-3-0"],
    program: "gtk-query-immodules-3.0",
    table: include_str!("data/gtk3-input-methods"),
    path: "@/gtk-3.0/3.0.0/linux/immodules:@/gtk-3.0/3.0.0/immodules:@/gtk-3.0/linux/immodules:@/gtk-3.0/immodules",
};

/// `gtk-query-immodules-3.0 --update-cache`
pub(super) fn input_methods(call: &mut Call<'_, '_>, gtk: &Gtk) -> Done {
    if call.args != [b"--update-cache"] {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let Some(base) = library_directory(call, &format!("{}/immodules", gtk.directory)) else { return Ok(0) };
    let version = upstream_version(call, &gtk.packages)?;
    let program = gtk.packages.iter().map(|package| format!("{base}/{package}/{}", gtk.program));
    let Some(program) = program.into_iter().find(|path| call.look(path.as_bytes(), true).is_some()) else {
        return Err(Fault::gap(format!("its place below {base}")));
    };
    let triplet = base.rsplit('/').next().unwrap_or_default();
    let host = triplet.replacen(
        "-linux",
        "-pc-linux",
        usize::from(matches!(triplet.split('-').next(), Some("x86_64" | "i386"))),
    );
    let host = host.replacen("i386-", "i686-", 1);
    let path = gtk.path.replace('@', &base).replace('#', &host);
    let mut text = format!(
        "# GTK+ Input Method Modules file\n# Automatically generated file, do not edit\n# Created by {program} from \
         {}-{version}\n#\n# ModulesPath = {path}\n#\n",
        gtk.source
    );
    let directory = format!("{base}/{}/immodules", gtk.directory);
    for module in files(call, &directory, ".so") {
        let entry = vouched(call, gtk.table, module.as_bytes())?;
        text.push_str(&format!("\"{module}\" \n"));
        entry.lines().for_each(|line| text.push_str(&format!("{line} \n")));
        text.push('\n');
    }
    call.write(format!("{base}/{}/immodules.cache", gtk.directory).as_bytes(), 0o666, text.into_bytes())?;
    Ok(0)
}

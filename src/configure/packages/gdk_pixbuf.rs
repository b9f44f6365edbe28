//! gdk-pixbuf: the table of its loaders, gdk-pixbuf-query-loaders(1).

use super::package::Package;
use super::plugins::upstream_version;
use super::plugins::vouched;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("gdk-pixbuf-query-loaders", loaders)],
    libraries: &["/gdk-pixbuf-2.0"],
    ..Package::of("gdk-pixbuf")
};

pub(super) const LOADERS: &str = include_str!("data/pixbuf-loaders");

/// `gdk-pixbuf-query-loaders FILE…`: the table of these, on standard output.
fn loaders(call: &mut Call<'_, '_>) -> Done {
    if call.args.is_empty() || call.args.iter().any(|word| !word.starts_with(b"/")) {
        return Err(Fault::gap("without files by their full names"));
    }
    let version = upstream_version(call, &["libgdk-pixbuf-2.0-0"])?;
    let mut text = format!(
        "# GdkPixbuf Image Loader Modules file\n# Automatically generated file, do not edit\n\
         # Created by gdk-pixbuf-query-loaders from gdk-pixbuf-{version}\n#\n"
    );
    for path in call.args {
        let entry = vouched(call, LOADERS, path)?;
        text.push_str(&format!("\"{}\"\n{entry}\n\n", show(path)));
    }
    text.push('\n');
    call.out(text).map(|()| 0)
}

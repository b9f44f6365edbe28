//! X's core fonts: their lists, mkfontscale(1).

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("mkfontscale", |_| Ok(0))],
    leaves: &[(
        Remove,
        &[
            "usr/share/fonts/X11/*/fonts.dir",
            // Not those of `encodings`, which a package brings.
            "usr/share/fonts/X11/100dpi/encodings.dir",
            "usr/share/fonts/X11/75dpi/encodings.dir",
            "usr/share/fonts/X11/Type1/encodings.dir",
            "usr/share/fonts/X11/cyrillic/encodings.dir",
            "usr/share/fonts/X11/misc/encodings.dir",
        ],
        "an X server of today has its own fonts; update-fonts-dir makes it",
    )],
    ..Package::of("xfonts-utils")
};

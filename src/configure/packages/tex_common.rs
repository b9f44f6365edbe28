//! TeX: where it finds its files (`ls-R`), its languages and fonts, and its formats, tex-common(8). All of it lies below
//! `/var/lib/texmf`, and comes of what packages put below `/var/lib/tex-common` and `/usr/share`; formats only TeX
//! itself makes. So a node makes all of it, by the triggers of tex-common's own script.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("update-fmtutil", leave_to_first_boot),
        ("update-language", leave_to_first_boot),
        ("update-language-dat", leave_to_first_boot),
        ("update-language-def", leave_to_first_boot),
        ("update-language-lua", leave_to_first_boot),
        ("update-updmap", leave_to_first_boot),
    ],
    made: &[Made {
        package: "tex-common",
        what: "TeX's lists of files, languages and fonts, and its formats: with latex-base half a minute",
        from: &["usr/bin/fmtutil"],
        make: "update-updmap --quiet\n        \
               update-language --quiet\n        \
               update-fmtutil --quiet\n        \
               mktexlsr /var/lib/texmf /usr/share/texmf /usr/share/texlive/texmf-dist\n        \
               tl-paper set all \"$(paperconf)\"\n        \
               DPKG_MAINTSCRIPT_PACKAGE=tex-common DPKG_MAINTSCRIPT_NAME=postinst \\\n            \
               /var/lib/dpkg/info/tex-common.postinst triggered \\\n            \
               '/usr/share/texmf /usr/share/texlive/texmf-dist texmf-map texmf-format'",
        units: &[],
        gone: &["var/lib/texmf/**"],
        emptied: &[],
    }],
    ..Package::of("tex-common")
};

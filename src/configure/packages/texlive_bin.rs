//! kpsewhich(1), which scripts ask before TeX is there.

use super::package::Package;
use super::squid::not_there_yet;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("kpsewhich", not_there_yet)], ..Package::of("texlive-bin") };

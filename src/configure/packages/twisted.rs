//! Twisted: a list of its plugins, which it makes itself where there is none.

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    leaves: &[(
        Remove,
        &["usr/lib/python3/dist-packages/twisted/plugins/dropin.cache"],
        "a pickle of the plugins that were found: Twisted looks for them where it is missing",
    )],
    ..Package::of("twisted")
};

/// The program that makes the list.
pub(super) const LIST: &[u8] = b"from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))";

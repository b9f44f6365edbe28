//! Lists of English words, of which one can be installed without the system of dictionaries.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    scripts: &[(
        // 2020.12.07-4
        "b6711ad7172053067b2648fa2f6d346faced9c8ef2c6922f59bb69cb77e8f3bb",
        concat!(include_str!("data/dictionary.config"), include_str!("data/wamerican.config")),
    )],
    ..Package::of("scowl")
};

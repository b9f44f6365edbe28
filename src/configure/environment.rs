//! The environment of scripts: the same in every way to configure, whatever the builder's is.

use crate::unpack::Installed;

/// Names and values; no time is newer than `epoch`.
pub(super) fn of_scripts(epoch: i64) -> Vec<(&'static str, String)> {
    let fixed = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC0"),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
    ];
    let mut all: Vec<(&str, String)> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    all.push(("SOURCE_DATE_EPOCH", epoch.to_string()));
    all
}

/// dpkg's variables for a script (dpkg(1), ENVIRONMENT, "Internal environment"); the dpkg is that of `packages`.
pub(super) fn of_dpkg(package: &Installed, script: &str, packages: &[Installed]) -> [(&'static str, String); 8] {
    let dpkg = packages.iter().find(|package| package.name == "dpkg");
    let version = dpkg.map_or("1.22.0", |package| package.version.as_str());
    let own: [(&'static str, &str); 8] = [
        ("DPKG_MAINTSCRIPT_PACKAGE", &package.name),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DPKG_MAINTSCRIPT_NAME", script),
        ("DPKG_MAINTSCRIPT_ARCH", &package.architecture),
        ("DPKG_MAINTSCRIPT_DEBUG", "0"),
        ("DPKG_RUNNING_VERSION", version),
        ("DPKG_ADMINDIR", "/var/lib/dpkg"),
        ("DPKG_ROOT", ""),
    ];
    own.map(|(name, value)| (name, value.to_owned()))
}

//! The environment of scripts: the same in every way to configure, whatever the builder's is.

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

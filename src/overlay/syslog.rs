//! syslog-ng on the node: everything goes to the head, nothing is kept.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;
use crate::recipe::Diskless;
use crate::recipe::Recipe;

const CONFIG: &str = "/etc/syslog-ng/syslog-ng.conf";

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, diskless: &Diskless) -> Result<(), Error> {
    let head = recipe.head.as_ref().map(|head| head.address.to_string());
    let Some(server) = diskless.syslog.clone().or(head) else { return Ok(()) };
    if !layer.exists("/usr/sbin/syslog-ng") {
        // Only a recipe that says `syslog` itself is disappointed; the head as default is no promise.
        return diskless.syslog.as_ref().map_or(Ok(()), |server| Err(Error::NoSyslog(server.clone())));
    }
    let config = config(&recipe.generated(), &version(&layer.text(CONFIG)?), &server);
    layer.file(CONFIG, 0o644, config)?;
    // Debian's package leaves its service disabled since trixie: the node would log nowhere but to its journal.
    units::enable(layer, "syslog-ng.service")
}

/// The configuration version of the file that came with the package: syslog-ng refuses one that is newer than
/// itself, and warns about an older one.
fn version(packaged: &str) -> String {
    let line = packaged.lines().find_map(|line| line.strip_prefix("@version:"));
    line.map_or("3.38", str::trim).to_owned()
}

/// UDP as in the classic: a node never waits for its head to take a log line.
fn config(generated: &str, version: &str, server: &str) -> String {
    // Version 3 does not know the form with `freq`, and 4 calls the other one obsolete.
    let stats = if version.starts_with("3.") { "stats-freq(0)" } else { "stats(freq(0))" };
    format!(
        r#"@version: {version}
@include "scl.conf"
# {generated}
options {{ chain-hostnames(no); use-dns(no); use-fqdn(no); {stats}; }};
source s_src {{ system(); internal(); }};
destination remote_udp {{ network("{server}" transport("udp") port(514)); }};
log {{ source(s_src); destination(remote_udp); }};
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_reads_its_own_words() {
        for (version, words) in [("3.38", " stats-freq(0);"), ("4.8", " stats(freq(0));")] {
            let text = config("x", version, "192.0.2.1");
            assert!(text.contains(words) && text.starts_with(&format!("@version: {version}\n")), "{text}");
        }
    }
}

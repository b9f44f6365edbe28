//! OAR: the key by which its server reaches nodes.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "oar-server",
        units: &["oar-server.service"],
        files: &[
            file(
                "/var/lib/oar/.ssh/id_rsa",
                "oar:oar",
                0o600,
                "ssh-keygen -q -t rsa -N '' -f \"$new\" && rm -f \"$new.pub\"",
            ),
            file(
                "/var/lib/oar/.ssh/id_rsa.pub",
                "oar:oar",
                0o644,
                "ssh-keygen -y -f \"$(at /var/lib/oar/.ssh/id_rsa)\" >\"$new\"",
            ),
            file(
                "/var/lib/oar/.ssh/authorized_keys",
                "oar:oar",
                0o644,
                "{ printf 'environment=\"OAR_KEY=1\" '; cat \"$(at /var/lib/oar/.ssh/id_rsa.pub)\"; } >\"$new\"",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("oar")
};

//! RabbitMQ: the cookie of Erlang's nodes.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "rabbitmq-server",
        units: &["rabbitmq-server.service"],
        files: &[file(
            "/var/lib/rabbitmq/.erlang.cookie",
            "rabbitmq:rabbitmq",
            0o400,
            "openssl rand -base64 -out \"$new\" 42",
        )],
        ..NOTHING
    }],
    ..Package::of("rabbitmq-server")
};

//! MariaDB and PostgreSQL: the image carries no data directory; the node that runs one makes its own on first boot.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;

/// A database server.
struct Database {
    /// The unit that runs it.
    unit: &'static str,
    /// Directories that are each node's own.
    data: &'static [&'static str],
    /// The program that makes them, its path, and the unit that runs it.
    program: (&'static str, &'static str),
    make: (&'static str, &'static str),
}

const MARIADB: Database = Database {
    unit: "mariadb.service",
    data: &["/var/lib/mysql"],
    program: ("/usr/lib/imgbuild/mariadb-data", include_str!("node/mariadb-data")),
    make: ("imgbuild-mariadb-data.service", include_str!("node/imgbuild-mariadb-data.service")),
};

const POSTGRESQL: Database = Database {
    unit: "postgresql.service",
    data: &["/var/lib/postgresql", "/etc/postgresql"],
    program: ("/usr/lib/imgbuild/postgresql-data", include_str!("node/postgresql-data")),
    make: ("imgbuild-postgresql-data.service", include_str!("node/imgbuild-postgresql-data.service")),
};

pub(super) fn apply(layer: &mut Layer<'_>) -> Result<(), Error> {
    [MARIADB, POSTGRESQL].iter().try_for_each(|database| own(layer, database))
}

/// The directories are there, empty, and the node makes what is in them.
fn own(layer: &mut Layer<'_>, database: &Database) -> Result<(), Error> {
    if units::real_name(layer, database.unit).is_none() {
        return Ok(());
    }
    for directory in database.data {
        layer.directory(directory, 0o755)?;
    }
    layer.directory("/var/lib/imgbuild", 0o755)?;
    layer.file(database.program.0, 0o755, database.program.1)?;
    layer.file(&format!("{}/{}", units::SYSTEM, database.make.0), 0o644, database.make.1)?;
    units::enable(layer, database.make.0)
}

//! MariaDB: the image carries no data directory; the node that runs it makes its own on first boot.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;

const MAKE_DATA: &str = include_str!("node/mariadb-data");
const UNIT: &str = include_str!("node/imgbuild-mariadb-data.service");
const DATA: &str = "/var/lib/mysql";

pub(super) fn apply(layer: &mut Layer<'_>) -> Result<(), Error> {
    if units::real_name(layer, "mariadb.service").is_none() {
        return Ok(());
    }
    let inside: Vec<String> = match layer.tree.resolve(DATA, true) {
        Ok(data) => layer.tree.children(&data).map(|(path, _)| path.to_string()).collect(),
        Err(_) => Vec::new(),
    };
    inside.iter().for_each(|path| layer.remove(path));
    layer.directory(DATA, 0o755)?;
    layer.directory("/var/lib/imgbuild", 0o755)?;
    layer.file("/usr/lib/imgbuild/mariadb-data", 0o755, MAKE_DATA)?;
    layer.file("/etc/systemd/system/imgbuild-mariadb-data.service", 0o644, UNIT)?;
    units::enable(layer, "imgbuild-mariadb-data.service")
}

//! Who may log in: root's authorized_keys (sshd(8)).

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Recipe;

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe) -> Result<(), Error> {
    let keys = &recipe.access.ssh_keys;
    if keys.is_empty() {
        return Ok(());
    }
    if !layer.exists("/usr/sbin/sshd") {
        return Err(Error::NoSshServer);
    }
    let text: String = keys.iter().map(|key| format!("{key}\n")).collect();
    layer.directory("/root/.ssh", 0o700)?;
    layer.file("/root/.ssh/authorized_keys", 0o600, format!("# {}\n{text}", recipe.generated()))
}

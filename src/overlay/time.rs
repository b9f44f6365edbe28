//! chrony on the node: the time is the head's.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::recipe::Head;
use crate::recipe::Recipe;

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, head: Option<&Head>) -> Result<(), Error> {
    let (Some(head), true) = (head, layer.exists("/usr/sbin/chronyd")) else { return Ok(()) };
    // `makestep 1 -1`: a node's clock may be years off at any start, and nothing on it outlives a step.
    let config = format!(
        "# {}\nserver {} iburst\nmakestep 1 -1\nrtcsync\ndriftfile /var/lib/chrony/chrony.drift\n",
        recipe.generated(),
        head.address
    );
    layer.file("/etc/chrony/chrony.conf", 0o644, config)
}

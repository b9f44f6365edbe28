//! What changes without a new image: files that a node takes from the head at boot, before services, and again when they
//! change. Nothing of a recipe's `[[site]]` is in the image, only the program that takes what there is.

use crate::overlay::Error;
use crate::overlay::accounts::Accounts;
use crate::overlay::layer::Layer;
use crate::overlay::units;
use crate::recipe::HOSTS;
use crate::recipe::Head;
use crate::recipe::NODE_ARGUMENT;
use crate::recipe::Recipe;
use crate::recipe::SITE_PORT;

const PROGRAM: (&str, &str) = ("/usr/lib/imgbuild/site", include_str!("node/site"));
/// Who vouches for the head, where the files go by TLS.
const AUTHORITY: &str = "/usr/lib/imgbuild/site-ca.pem";
const TIMER: (&str, &str) = ("imgbuild-site.timer", include_str!("node/imgbuild-site.timer"));
const SERVICE: &str = "imgbuild-site.service";

pub(super) fn apply(layer: &mut Layer<'_>, recipe: &Recipe, head: Option<&Head>) -> Result<(), Error> {
    let Some(head) = head else { return Ok(()) };
    check_owners(layer, recipe)?;
    // What the recipe has put there itself stays.
    let kept = if layer.is_own(HOSTS) { format!(" {HOSTS}") } else { String::new() };
    let from = match &head.site_ca {
        None => format!("{} {}/site", head.address, head.export),
        Some(authority) => {
            if !layer.exists("/usr/bin/curl") {
                return Err(Error::NoCurl);
            }
            layer.file(AUTHORITY, 0o644, authority.as_str())?;
            format!("https {}:{} {AUTHORITY}", head.address, SITE_PORT)
        }
    };
    let service = format!(
        "# {}\n[Unit]\nDescription=Take this node's files from the head\nDefaultDependencies=no\n\
         # A machine in no table has none there.\nConditionKernelCommandLine={}\n\
         After=local-fs.target systemd-tmpfiles-setup.service\nBefore=sysinit.target shutdown.target\n\
         Conflicts=shutdown.target\n\n[Service]\nType=oneshot\nExecStart={} {from}{kept}\n\
         # A server that has gone makes it wait, and what is cut short is done again.\n\
         TimeoutStartSec=2min\nTimeoutStopSec=2s\n\
         # Every half minute: only what it does is worth a line.\nLogLevelMax=notice\nSyslogLevel=notice\n\n\
         [Install]\nWantedBy=sysinit.target\n",
        recipe.generated(),
        NODE_ARGUMENT.trim_end_matches('='),
        PROGRAM.0,
    );
    layer.file(PROGRAM.0, 0o755, PROGRAM.1)?;
    layer.file(&format!("{}/{SERVICE}", units::SYSTEM), 0o644, service)?;
    layer.file(&format!("{}/{}", units::SYSTEM, TIMER.0), 0o644, TIMER.1)?;
    units::enable(layer, SERVICE)?;
    units::enable(layer, TIMER.0)
}

/// Nodes of this image can give the files to whom the recipe names.
fn check_owners(layer: &Layer<'_>, recipe: &Recipe) -> Result<(), Error> {
    let own: Vec<&String> = recipe.own_nodes().map(|node| &node.name).collect();
    let entries = recipe.site.iter().filter(|entry| own.iter().any(|node| entry.nodes.contains(*node)));
    for entry in entries {
        let accounts = Accounts::read(layer)?;
        accounts.uid(&entry.path, Some(&entry.user))?;
        accounts.gid(&entry.path, Some(&entry.group))?;
    }
    Ok(())
}

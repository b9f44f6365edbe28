//! `imgbuild push` and `pull`: outputs into registries and back; and where `publish` takes one from.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::args::OfRegistry;
use super::args::Pull;
use super::args::Push;
use super::limits;
use super::outside;
use super::print;
use super::print_json;
use super::signals::Signals;
use super::terminal::Terminal;
use super::words::Failure;
use crate::error::Error;
use crate::error::PublishError;
use crate::format::oci::Reference;
use crate::host::http::registry::Access;
use crate::host::http::registry::HttpRegistry;
use crate::host::output::Staging;
use crate::host::store::DirStore;
use crate::limits::Limits;
use crate::pipeline::Output;
use crate::pipeline::registry;
use crate::pipeline::registry::Pulled;
use crate::pipeline::registry::Watch;

/// How a reference begins where a directory could be meant.
const SCHEME: &str = "oci://";

/// A registry, and who is told of what is done with it.
struct Asked {
    reference: Reference,
    registry: HttpRegistry,
    reporter: Arc<Terminal>,
    limits: Limits,
}

impl Asked {
    fn new(text: &str, access: Access, options: &OfRegistry, signals: &Signals) -> Result<Self, Failure> {
        let reference: Reference = text.parse().map_err(crate::host::registry::RegistryError::from)?;
        let limits = limits::of(&options.limit)?;
        let reporter = Arc::new(Terminal::plain(signals));
        let network = outside::network(&limits, reporter.clone())?;
        let login = outside::logins()?.of(&reference.registry, &reference.repository)?;
        let plain = options.plain_http || reference.is_loopback();
        let registry = HttpRegistry::new(network, &reference, access, login, plain)?;
        Ok(Self { reference, registry, reporter, limits })
    }

    fn pull(&self, architecture: Option<&str>, directory: &Path, signals: &Signals) -> Result<Pulled, Failure> {
        let cancel = signals.cancel();
        let watch = Watch { reporter: self.reporter.as_ref(), cancel: &cancel };
        Ok(registry::pull(&self.registry, &self.reference, architecture, directory, &self.limits, watch)?)
    }
}

/// Puts outputs into a registry.
pub(super) fn push(arguments: &Push, signals: &Signals) -> Result<(), Failure> {
    let asked = Asked::new(&arguments.reference, Access::Push, &arguments.registry, signals)?;
    let cancel = signals.cancel();
    let open = |directory: &PathBuf| Output::verified(directory, &[], &cancel);
    let outputs = arguments.directories.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let watch = Watch { reporter: asked.reporter.as_ref(), cancel: &cancel };
    let pushed = registry::push(&outputs, &asked.registry, &asked.reference, watch)?;
    let name = Reference { digest: Some(pushed.digest), ..asked.reference.clone() };
    if arguments.form.json {
        return print_json(&json!({
            "reference": name.to_string(),
            "digest": pushed.digest.to_string(),
            "sent": pushed.sent,
            "there": pushed.there,
        }));
    }
    print(&format!("{name}\nsent {} bytes, {} were there\n", pushed.sent, pushed.there))
}

/// Fetches what a registry has.
pub(super) fn pull(arguments: &Pull, signals: &Signals) -> Result<(), Failure> {
    let asked = Asked::new(&arguments.reference, Access::Pull, &arguments.registry, signals)?;
    let pulled = asked.pull(arguments.architecture.as_deref(), &arguments.directory, signals)?;
    if arguments.form.json {
        return print_json(&json!({
            "digest": pulled.digest.to_string(),
            "output": pulled.is_output,
            "received": pulled.received,
            "there": pulled.there,
        }));
    }
    let what = if pulled.is_output { "an output" } else { "a container image of somebody else's, as an OCI layout" };
    print(&format!("{}: {what}\nreceived {} bytes, {} were there\n", pulled.digest, pulled.received, pulled.there))
}

/// The output that a reference names, in a directory that lives as long as the first part of this; `None`: it names none.
pub(super) fn fetched(
    directory: &Path,
    options: &OfRegistry,
    signals: &Signals,
) -> Result<Option<(Staging, PathBuf)>, Failure> {
    let Some(text) = directory.to_str().filter(|text| text.starts_with(SCHEME)) else { return Ok(None) };
    let asked = Asked::new(text, Access::Pull, options, signals)?;
    // As large as the output, and so where there is room. It never appears, and what a killed one leaves the next removes.
    let cache = outside::cache_directory(None, &outside::settings()?.cache)?;
    // What it is written beside is a cache, and no directory of somebody's own.
    drop(DirStore::open(&cache)?);
    let place = Staging::new(&cache.join("fetched"))?;
    let fetched = place.path().join("output");
    let pulled = asked.pull(None, &fetched, signals)?;
    if !pulled.is_output {
        return Err(Failure::Usage(format!("`{text}` is a container image and no output of imgbuild's")));
    }
    Ok(Some((place, fetched)))
}

/// An error about what was [`fetched`], as it was asked for: where it lay meanwhile is gone.
pub(super) fn as_asked(mut error: Error, fetched: &Path, asked: &Path) -> Error {
    if let Error::Publish(error) = &mut error
        && let PublishError::Output { path, .. } | PublishError::Unsigned { path, .. } = &mut **error
        && path == fetched
    {
        asked.clone_into(path);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_is_called_as_it_was_asked_for() {
        let said = |path: &str| {
            let error = PublishError::Output { path: path.into(), reason: "it has no head".to_owned() };
            let asked = Path::new("oci://registry.example.org/x/mo:1");
            as_asked(error.into(), Path::new("cache/.imgbuild-x/output"), asked).to_string()
        };
        assert_eq!(
            said("cache/.imgbuild-x/output"),
            "cannot publish `oci://registry.example.org/x/mo:1`: it has no head"
        );
        assert_eq!(said("other"), "cannot publish `other`: it has no head");
    }
}

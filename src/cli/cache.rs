//! `imgbuild cache`: what builds keep for the next one.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use indicatif::HumanBytes;
use serde_json::json;

use super::args::Cache;
use super::args::CacheCommand;
use super::outside;
use super::print;
use super::print_json;
use super::settings::CacheSettings;
use super::words::Failure;
use crate::digest::Digest;
use crate::digest::Sha256;
use crate::host;
use crate::host::StoreError;
use crate::host::store::Bounds;
use crate::host::store::DirStore;
use crate::host::store::Pruned;
use crate::recipe::Lock;
use crate::unpack;

/// Seconds.
const DAY: u64 = 86_400;
/// No job of the usual services runs longer.
const JOB: Duration = Duration::from_secs(6 * 3600);

/// Looks at the cache, or makes it smaller.
pub(super) fn run(arguments: &Cache) -> Result<(), Failure> {
    let settings = outside::settings()?.cache;
    let directory = outside::cache_directory(arguments.cache.as_deref(), &settings)?;
    // Who only looks makes none.
    let is_there = DirStore::is_in(&directory)?;
    match arguments.command {
        CacheCommand::Info => {
            let bytes = if is_there { DirStore::open(&directory)?.bytes()? } else { 0 };
            let (most, age) = (settings.max_size, settings.max_age.as_secs());
            if arguments.json {
                let directory = directory.to_string_lossy();
                let days = age / DAY;
                return print_json(&json!({
                    "directory": directory, "bytes": bytes, "max-bytes": most, "max-age-days": days,
                    "max-age-seconds": age,
                }));
            }
            let age = match age {
                days if days % DAY == 0 => format!("{} days", days / DAY),
                hours if hours % 3600 == 0 => format!("{} hours", hours / 3600),
                seconds => format!("{seconds} seconds"),
            };
            print(&format!(
                "{}\n{}; a build leaves at most {}, and what was used in the last {age}\n",
                directory.display(),
                HumanBytes(bytes),
                HumanBytes(most)
            ))
        }
        CacheCommand::Prune { max, max_age, ci } => {
            let unbound = CacheSettings { max_size: u64::MAX, max_age: Duration::MAX, ..CacheSettings::default() };
            let settled = if max.is_none() && max_age.is_none() && !ci { settings } else { unbound };
            let asked = CacheSettings {
                max_size: max.unwrap_or(settled.max_size),
                max_age: max_age.or(ci.then_some(JOB)).unwrap_or(settled.max_age),
                ..CacheSettings::default()
            };
            let pruned = if is_there {
                let store = outside::store(&directory, None)?;
                prune(&store, &asked, locked(&store)?)?
            } else {
                Pruned::default()
            };
            if arguments.json {
                let (removed, freed, left) = (pruned.files, pruned.freed, pruned.kept);
                return print_json(&json!({ "removed": removed, "freed": freed, "bytes": left }));
            }
            print(&format!(
                "{} files removed, {} freed, {} left\n",
                pruned.files,
                HumanBytes(pruned.freed),
                HumanBytes(pruned.kept)
            ))
        }
    }
}

/// Lets go what these settings do not allow, but for blobs that stay.
pub(super) fn prune(store: &DirStore, settings: &CacheSettings, keep: BTreeSet<Sha256>) -> Result<Pruned, StoreError> {
    let age = i64::try_from(settings.max_age.as_secs()).unwrap_or(i64::MAX);
    let bounds = Bounds { bytes: settings.max_size, unused_since: host::now().checked_sub(age), keep };
    store.prune(&bounds)
}

/// What locks in the working directory name: packages, packed and unpacked, and the indices that prove them.
pub(super) fn locked(store: &DirStore) -> Result<BTreeSet<Sha256>, Failure> {
    let mut keep = BTreeSet::new();
    for path in outside::files_in(Path::new("."), "lock")? {
        // Others have files of this name, too.
        let Ok(Some(lock)) = Lock::read(&path) else { continue };
        for deb in lock.all_packages().chain(lock.all_builders()).chain(&lock.loaders).map(|package| package.sha256) {
            keep.insert(deb);
            keep.extend(unpack::stored_blob(store, &deb)?);
        }
        let indices = lock.sources.iter().flat_map(|source| source.indices.values());
        keep.extend(indices.filter_map(|index| match index {
            Digest::Sha256(sha256) => Some(*sha256),
            // Blobs are known by the other one.
            Digest::Sha512(_) => None,
        }));
    }
    Ok(keep)
}

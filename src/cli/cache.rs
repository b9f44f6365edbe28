//! `imgbuild cache`: what builds keep for the next one.

use indicatif::HumanBytes;
use serde_json::json;

use super::args::Cache;
use super::args::CacheCommand;
use super::outside;
use super::print;
use super::print_json;
use super::words::Failure;
use crate::host::store::DirStore;

/// Looks at the cache, or makes it smaller.
pub(super) fn run(arguments: &Cache) -> Result<(), Failure> {
    let directory = outside::cache_directory(arguments.cache.as_deref())?;
    let store = DirStore::open(&directory)?;
    match arguments.command {
        CacheCommand::Info => {
            // Pruning to any size removes nothing but what is damaged, and counts the rest.
            let found = store.prune(u64::MAX)?;
            if arguments.json {
                return print_json(&json!({ "directory": directory.to_string_lossy(), "bytes": found.kept }));
            }
            print(&format!("{}\n{} ({} bytes)\n", directory.display(), HumanBytes(found.kept), found.kept))
        }
        CacheCommand::Prune { max } => {
            let pruned = store.prune(max)?;
            if arguments.json {
                let (removed, freed, left) = (pruned.blobs, pruned.freed, pruned.kept);
                return print_json(&json!({ "removed": removed, "freed": freed, "bytes": left }));
            }
            print(&format!(
                "{} files removed, {} freed, {} left\n",
                pruned.blobs,
                HumanBytes(pruned.freed),
                HumanBytes(pruned.kept)
            ))
        }
    }
}

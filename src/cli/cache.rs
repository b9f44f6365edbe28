//! `imgbuild cache`: what builds keep for the next one.

use indicatif::HumanBytes;

use super::args::Cache;
use super::args::CacheCommand;
use super::outside;
use super::print;
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
            print(&format!("{}\n{} ({} bytes)\n", directory.display(), HumanBytes(found.kept), found.kept))
        }
        CacheCommand::Prune { max } => {
            let pruned = store.prune(max)?;
            print(&format!(
                "{} files removed, {} freed, {} left\n",
                pruned.blobs,
                HumanBytes(pruned.freed),
                HumanBytes(pruned.kept)
            ))
        }
    }
}

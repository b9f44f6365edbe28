//! From the recipe, the mirrors and the lock to the archives that packages may come from.

use std::collections::BTreeSet;

use crate::archive;
use crate::archive::Source;
use crate::deb::date::timestamp;
use crate::error::Error;
use crate::recipe::Allowance;
use crate::recipe::Archive;
use crate::recipe::Lock;
use crate::recipe::LockedSource;
use crate::recipe::PackageRequest;
use crate::recipe::Recipe;

/// A snapshot is taken every six hours: one this long after a Release has it and all that it names.
const SNAPSHOT_DELAY: i64 = 12 * 60 * 60;

/// Base URLs in the order they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors {
    /// Of Debian's archive.
    pub debian: Vec<String>,
    /// Of its security archive.
    pub security: Vec<String>,
    /// Of the archive of everything that both ever had, which lies in a directory for each time. Slow, and the only
    /// place that has what mirrors have dropped.
    pub snapshot: Vec<String>,
}

/// The sources of a recipe: Debian's suite, its pockets, then the further archives, in the recipe's order.
pub(super) fn sources(recipe: &Recipe, mirrors: &Mirrors, lock: Option<&Lock>) -> Result<Vec<Source>, Error> {
    let mut sources = vec![debian(recipe, mirrors, "debian", None)?];
    for pocket in &recipe.debian.pockets {
        sources.push(debian(recipe, mirrors, &format!("debian-{pocket}"), Some(pocket))?);
    }
    for archive in &recipe.archives {
        sources.push(further(recipe, archive)?);
    }
    for source in &mut sources {
        // What a lock names and the mirrors have dropped is still in the snapshot of its day.
        let locked = lock.and_then(|lock| lock.sources.iter().find(|locked| locked.name == source.name));
        source.mirrors.extend(locked.into_iter().flat_map(|locked| mirrors.snapshot_of(locked)));
    }
    Ok(sources)
}

/// The source that one of a lock's is of, without its recipe. Whose key counts is not in the lock, or anybody could
/// make one: it is the recipe's to say, and Debian's own without one.
pub(super) fn of_lock(mirrors: &Mirrors, locked: &LockedSource) -> Result<Source, Error> {
    let archive = snapshot_archive(&locked.name).ok_or_else(|| Error::Keyring(locked.name.clone()))?;
    let live = if archive == "debian-security" { &mirrors.security } else { &mirrors.debian };
    Ok(Source {
        name: locked.name.clone(),
        mirrors: live.iter().cloned().chain(mirrors.snapshot_of(locked)).collect(),
        suite: locked.suite.clone(),
        keyring: archive::debian_keyring(),
        snapshot: true,
        base: true,
        ..Source::default()
    })
}

impl Mirrors {
    /// Where one of Debian's own sources is as it was at a time.
    fn snapshot(&self, name: &str, time: &str) -> Vec<String> {
        let Some(archive) = snapshot_archive(name) else { return Vec::new() };
        self.snapshot.iter().map(|base| format!("{base}/{archive}/{time}")).collect()
    }

    /// Where all of a locked source still is when the mirrors have dropped it.
    fn snapshot_of(&self, locked: &LockedSource) -> Vec<String> {
        self.snapshot(&locked.name, &timestamp(locked.date.saturating_add(SNAPSHOT_DELAY)))
    }
}

fn debian(recipe: &Recipe, mirrors: &Mirrors, name: &str, pocket: Option<&str>) -> Result<Source, Error> {
    let debian = &recipe.debian;
    let mirrors = match (&debian.snapshot, pocket) {
        (Some(time), _) => mirrors.snapshot(name, time),
        (None, Some("security")) => mirrors.security.clone(),
        (None, _) => mirrors.debian.clone(),
    };
    let (keyring, keyring_file) = match &debian.signed_by {
        Some(file) => (read(file)?, file.path.display().to_string()),
        None => (archive::debian_keyring(), String::new()),
    };
    Ok(Source {
        name: name.to_owned(),
        mirrors,
        suite: debian.suite_of(pocket),
        components: debian.components.clone(),
        architectures: architectures(recipe),
        keyring,
        keyring_file,
        snapshot: debian.snapshot.is_some(),
        base: true,
        pocket: pocket.map(str::to_owned),
        ..Source::default()
    })
}

fn further(recipe: &Recipe, archive: &Archive) -> Result<Source, Error> {
    Ok(Source {
        name: format!("{} {}", archive.url, archive.suite),
        mirrors: vec![archive.url.clone()],
        suite: archive.suite.clone(),
        components: archive.components.clone(),
        architectures: architectures(recipe),
        keyring: read(&archive.signed_by)?,
        keyring_file: archive.signed_by.path.display().to_string(),
        packages: archive.packages.clone(),
        allow: archive.allow.iter().map(|&allowance| allowed(allowance)).collect(),
        ..Source::default()
    })
}

const fn allowed(allowance: Allowance) -> archive::Allowance {
    match allowance {
        Allowance::SuiteMismatch => archive::Allowance::SuiteMismatch,
        Allowance::NoDate => archive::Allowance::NoDate,
        Allowance::Expired => archive::Allowance::Expired,
    }
}

/// The image's architecture, and those that packages of it are asked for from beside it.
fn architectures(recipe: &Recipe) -> Vec<String> {
    let native = &recipe.debian.architecture;
    let foreign: BTreeSet<&String> = recipe
        .packages
        .iter()
        .filter_map(|package| match package {
            PackageRequest::Named { architecture: Some(architecture), .. } => Some(architecture),
            _ => None,
        })
        .filter(|architecture| *architecture != native)
        .collect();
    std::iter::once(native).chain(foreign).cloned().collect()
}

fn read(file: &crate::recipe::LocalFile) -> Result<Vec<u8>, Error> {
    file.content.to_vec().map_err(|source| Error::Read { path: file.path.clone(), source })
}

/// The snapshot archive's name for one of Debian's own sources.
fn snapshot_archive(name: &str) -> Option<&'static str> {
    match name {
        "debian-security" => Some("debian-security"),
        name if name == "debian" || name.starts_with("debian-") => Some("debian"),
        _ => None,
    }
}

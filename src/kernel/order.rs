//! Which modules a kernel has, and the two orders of `depmod`: of the modules, and of what they need.

use std::collections::BTreeMap;

use super::Error;
use super::content_at;
use super::module;
use crate::tree::Content;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Buckets of the table in which depmod keeps modules by name, and so the order of those it knows no better.
const MODULE_BUCKETS: u32 = 512;

/// The module files below a kernel's directory as relative paths, in the order of `depmod`.
///
/// That is: as `modules.order` has them, then the rest (out-of-tree modules) in the order of depmod's hash table. Of
/// two files with one module name, one below `updates/` wins (`depmod.d(5)`, the built-in `search` rule), then the
/// first by path, where depmod takes the one its disk lists first.
pub(super) fn sorted(tree: &Tree, directory: &TreePath) -> Result<Vec<(String, Content)>, Error> {
    let mut by_name: BTreeMap<String, (String, Content)> = BTreeMap::new();
    let cut = directory.as_bytes().len() + 1;
    for (path, inode) in tree.below(directory) {
        let relative = &path.as_bytes()[cut..];
        let top = relative.split(|&byte| byte == b'/').next().unwrap_or_default();
        if inode.is_directory() || top == b"build" || top == b"source" {
            continue;
        }
        let Ok(relative) = std::str::from_utf8(relative) else { continue };
        let Some(name) = module::name_of(relative) else { continue };
        let Some(content) = content_at(tree, path) else { continue };
        let is_update = |path: &str| path.starts_with("updates/");
        match by_name.get(&name) {
            Some((old, _)) if is_update(old) || !is_update(relative) => {}
            _ => {
                by_name.insert(name, (relative.to_owned(), content));
            }
        }
    }
    let listed = tree.read([directory.as_bytes(), b"/modules.order"].concat())?.unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed);
    let mut place = BTreeMap::new();
    for (line, path) in listed.lines().enumerate() {
        place.entry(path).or_insert(line);
    }
    let rank = |name: &str, path: &str| match place.get(module::uncompressed(path)) {
        Some(&line) => (line, 0),
        None => (usize::MAX, hash(name.as_bytes()) % MODULE_BUCKETS),
    };
    let mut files: Vec<_> = by_name.into_iter().map(|(name, file)| (rank(&name, &file.0), name, file)).collect();
    files.sort_by(|(rank, name, _), (other, other_name, _)| (rank, name).cmp(&(other, other_name)));
    Ok(files.into_iter().map(|(_, _, file)| file).collect())
}

/// Users before what they use; `Err` has the positions that are left when modules need each other.
///
/// A stack of modules whose users are all placed: the order itself shows in `modules.dep`.
pub(super) fn topological(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut users = vec![0_usize; needs.len()];
    needs.iter().flatten().for_each(|&position| users[position] += 1);
    let mut ready: Vec<usize> = (0..needs.len()).filter(|&position| users[position] == 0).collect();
    let mut rank = vec![usize::MAX; needs.len()];
    let mut placed = 0;
    while let Some(position) = ready.pop() {
        rank[position] = placed;
        placed += 1;
        for &needed in &needs[position] {
            users[needed] -= 1;
            if users[needed] == 0 {
                ready.push(needed);
            }
        }
    }
    if placed == needs.len() {
        return Ok(rank);
    }
    Err((0..needs.len()).filter(|&position| rank[position] == usize::MAX).collect())
}

/// Paul Hsieh's "SuperFastHash" with the additional mixing that WebKit gave it, as kmod hashes names: the order of
/// its tables shows in `modules.symbols`.
pub(super) fn hash(key: &[u8]) -> u32 {
    let pair = |bytes: &[u8]| u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let mut hash = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        hash = hash.wrapping_add(pair(word));
        let mixed = (pair(&word[2..]) << 11) ^ hash;
        hash = (hash << 16) ^ mixed;
        hash = hash.wrapping_add(hash >> 11);
    }
    match words.remainder() {
        [] => {}
        [last] => {
            hash = hash.wrapping_add(u32::from(*last));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        [rest @ .., last] if rest.len() == 2 => {
            hash = hash.wrapping_add(pair(rest));
            hash ^= hash << 16;
            hash ^= u32::from(*last) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        rest => {
            hash = hash.wrapping_add(pair(rest));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}

//! The order of boot scripts: the `ORDER` files that `init` sources, made from what each script says of itself.
//!
//! A script called with `prereqs` prints what must run before it (`initramfs-tools(7)`). Nothing is executed here: the
//! forms in which packages write it are read, and any other is an error.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use super::Error;
use super::TreePath;
use super::files::Files;
use crate::tree;

/// Writes `ORDER` into each directory below `scripts`.
pub(super) fn write(files: &mut Files<'_>) -> Result<(), Error> {
    let scripts = TreePath::literal("scripts");
    let directories: Vec<String> = files
        .tree()
        .below(&scripts)
        .filter(|(_, inode)| inode.is_directory())
        .map(|(path, _)| path.to_string())
        .collect();
    for directory in directories {
        let at = TreePath::new(&directory).map_err(tree::Error::from)?;
        let mut needs = BTreeMap::new();
        let mut present = BTreeSet::new();
        for (path, inode) in files.tree().children(&at) {
            let name = String::from_utf8_lossy(path.name()).into_owned();
            let Some(content) = inode.content() else { continue };
            present.insert(name.clone());
            if inode.stat.mode & 0o111 != 0 {
                let text = content.to_vec().map_err(|source| tree::Error::Read { path: path.clone(), source })?;
                let text = String::from_utf8_lossy(&text).into_owned();
                let before = prerequisites(&text)
                    .map_err(|reason| Error::Unclear { path: path.to_string(), reason: reason.to_owned() })?;
                needs.insert(name, before);
            }
        }
        let sorted = sort(&needs).map_err(|names| Error::Unclear {
            path: directory.clone(),
            reason: format!("a cycle of {}", names.join(", ")),
        })?;
        let line =
            |name: &String| format!("{directory}/{name} \"$@\"\n[ -e /conf/param.conf ] && . /conf/param.conf\n");
        let text: String = sorted.iter().filter(|name| present.contains(*name)).map(line).collect();
        files.write(&format!("{directory}/ORDER"), 0o644, text.into_bytes())?;
    }
    Ok(())
}

/// What a script prints when it is called with `prereqs`.
fn prerequisites(text: &str) -> Result<Vec<String>, &'static str> {
    if !text.contains("prereqs") {
        return Err("it does not answer to `prereqs`, so what must run before it is unknown");
    }
    let lines = || text.lines().map(str::trim);
    let assigned = lines().find_map(|line| {
        let rest = line.strip_prefix("PREREQS").or_else(|| line.strip_prefix("PREREQ"))?;
        rest.strip_prefix('=')
    });
    let value = match assigned {
        Some(value) => value,
        // Without the customary variable: `prereqs) echo NAMES; exit 0`, on one line or more.
        None => {
            let after = &text[text.find("prereqs)").ok_or("the form of its answer to `prereqs` is not known")?..];
            let after = after["prereqs)".len()..].split(";;").next().unwrap_or_default().trim();
            let statement = after.split([';', '\n']).next().unwrap_or_default().trim();
            match statement.strip_prefix("echo") {
                Some(words) => words,
                None if statement.starts_with("exit") => "",
                None => return Err("the form of its answer to `prereqs` is not known"),
            }
        }
    };
    let value = value.split(';').next().unwrap_or_default().split(" #").next().unwrap_or_default().trim();
    let value = value.trim_matches(['"', '\'']);
    if value.contains(['$', '`', '"', '\'', '(']) {
        return Err("its answer to `prereqs` is computed");
    }
    Ok(value.split_whitespace().map(str::to_owned).collect())
}

/// Sorts as `tsort` of coreutils does for pairs `name name` and `prerequisite name` in order of names: those that
/// wait for nothing first, by name; then whoever is released, the last mentioned of a release first.
fn sort(needs: &BTreeMap<String, Vec<String>>) -> Result<Vec<String>, Vec<String>> {
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    let mut releases: BTreeMap<&str, VecDeque<&str>> = BTreeMap::new();
    for (name, before) in needs {
        waiting.entry(name).or_default();
        for before in before.iter().filter(|before| *before != name) {
            waiting.entry(before).or_default();
            *waiting.entry(name).or_default() += 1;
            releases.entry(before).or_default().push_front(name);
        }
    }
    let mut queue: VecDeque<&str> = waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut sorted = Vec::new();
    while let Some(name) = queue.pop_front() {
        sorted.push(name.to_owned());
        for released in releases.remove(name).unwrap_or_default() {
            let count = waiting.get_mut(released).expect("every name was counted");
            *count -= 1;
            if *count == 0 {
                queue.push_back(released);
            }
        }
    }
    if sorted.len() == waiting.len() {
        return Ok(sorted);
    }
    Err(waiting.into_keys().filter(|name| !sorted.iter().any(|done| done == name)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_customary_forms() {
        let cases = [
            ("PREREQ=\"\"\nprereqs() { echo \"$PREREQ\"; }", Ok(vec![])),
            ("PREREQS=\"udev mdadm\"\nprereqs", Ok(vec!["udev", "mdadm"])),
            ("PREREQ='a'  # why\nprereqs", Ok(vec!["a"])),
            ("case $1 in\nprereqs)\n\techo \"udev\"\n\texit 0\n\t;;\nesac", Ok(vec!["udev"])),
            ("case \"$1\" in prereqs) echo; exit 0 ;; esac", Ok(vec![])),
            ("case \"$1\" in prereqs) exit 0;; esac", Ok(vec![])),
            ("echo hello", Err(())),
            ("PREREQ=\"$(ls)\"\nprereqs", Err(())),
            ("case $1 in prereqs) compute ;; esac", Err(())),
        ];
        for (text, wanted) in cases {
            let wanted = wanted.map(|words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(prerequisites(text).map_err(|_| ()), wanted, "{text}");
        }
    }

    #[test]
    fn sorts_as_tsort() {
        let needs = |pairs: &[(&str, &[&str])]| {
            pairs
                .iter()
                .map(|(name, before)| ((*name).to_owned(), before.iter().map(|before| (*before).to_owned()).collect()))
                .collect::<BTreeMap<String, Vec<String>>>()
        };
        // Each expectation is what coreutils prints for the same pairs.
        let sorted = sort(&needs(&[("a", &["z"]), ("b", &["z"]), ("c", &[]), ("z", &[])]));
        assert_eq!(sorted.expect("no cycle"), ["c", "z", "b", "a"]);
        let sorted = sort(&needs(&[
            ("dmsetup", &["udev"]),
            ("klibc-utils", &["zz-busybox"]),
            ("udev", &[]),
            ("zz-busybox", &[]),
        ]));
        assert_eq!(sorted.expect("no cycle"), ["udev", "zz-busybox", "dmsetup", "klibc-utils"]);
        assert_eq!(
            sort(&needs(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])),
            Err(vec!["a".to_owned(), "b".to_owned()])
        );
    }
}

//! Which commands a busybox binary has, read from the tables inside it instead of running it.
//!
//! busybox keeps the names of its applets as NUL-ended strings in bytewise order, and for each the directory of its
//! link in half a byte, the first applet in the low half: `/`, `/bin`, `/sbin`, `/usr/bin`, `/usr/sbin`.

/// Directories by number, as Debian's hook uses them: without `/usr`, and what belongs to `/` in `/bin`.
const DIRECTORIES: [&str; 5] = ["bin", "bin", "sbin", "bin", "sbin"];
/// Applets whose place never changed; together they let the unnamed table be found in exactly one place.
const KNOWN: [(&str, u8); 12] = [
    ("[", 3),
    ("cat", 1),
    ("chroot", 4),
    ("env", 3),
    ("head", 3),
    ("ifconfig", 2),
    ("ls", 1),
    ("mount", 1),
    ("reboot", 2),
    ("sh", 1),
    ("sort", 3),
    ("wget", 3),
];

/// The links that belong to a busybox, as `bin/NAME` or `sbin/NAME`; `Err` when its tables are not found.
pub(super) fn links(binary: &[u8]) -> Result<Vec<String>, String> {
    let names = names(binary).ok_or("the table of applet names is not found")?;
    let places = places(binary, &names)?;
    Ok(names.iter().zip(places).map(|(name, place)| format!("{}/{name}", DIRECTORIES[usize::from(place)])).collect())
}

fn names(binary: &[u8]) -> Option<Vec<&str>> {
    let start = memchr::memmem::find(binary, b"[\0[[\0")?;
    let mut names: Vec<&str> = Vec::new();
    for name in binary[start..].split(|&byte| byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else { break };
        let good = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"[_-.".contains(&byte));
        if name.is_empty() || !good || names.last().is_some_and(|last| *last >= name) {
            break;
        }
        names.push(name);
    }
    (names.len() > 20).then_some(names)
}

fn places(binary: &[u8], names: &[&str]) -> Result<Vec<u8>, String> {
    let known: Vec<(usize, u8)> =
        KNOWN.iter().filter_map(|(name, place)| names.binary_search(name).ok().map(|index| (index, *place))).collect();
    let place = |table: &[u8], index: usize| table[index / 2] >> (4 * (index % 2)) & 0xF;
    let size = names.len().div_ceil(2);
    let is_table = |table: &[u8]| {
        known.iter().all(|&(index, wanted)| place(table, index) == wanted)
            && (0..names.len()).all(|index| usize::from(place(table, index)) < DIRECTORIES.len())
    };
    let mut found = binary.windows(size).filter(|window| is_table(window));
    match (found.next(), found.next()) {
        (Some(table), None) => Ok((0..names.len()).map(|index| place(table, index)).collect()),
        (None, _) => Err("the table of applet directories is not found".into()),
        (Some(_), Some(_)) => Err("there are two possible tables of applet directories".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary() -> Vec<u8> {
        let mut names: Vec<String> = KNOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.extend(["[["].map(str::to_owned));
        names.extend((0..21).map(|number| format!("zz{}", char::from(b'a' + number))));
        names.sort();
        let place = |name: &String| KNOWN.iter().find(|(known, _)| known == name).map_or(2, |(_, place)| *place);
        let mut bytes = b"noise\0".to_vec();
        bytes.extend(names.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()));
        bytes.extend(b"\0more\xff");
        bytes.extend(names.chunks(2).map(|pair| place(&pair[0]) | pair.get(1).map_or(0, place) << 4));
        bytes.extend(b"\xffend");
        bytes
    }

    #[test]
    fn reads_both_tables() {
        let links = links(&binary()).expect("both tables are there");
        assert_eq!(links[0], "bin/[");
        assert!(links.contains(&"sbin/chroot".to_owned()) && links.contains(&"sbin/zza".to_owned()));
        assert_eq!(links.len(), KNOWN.len() + 22);
    }

    #[test]
    fn a_binary_without_tables_is_refused() {
        let whole = binary();
        assert!(links(b"").is_err());
        assert!(links(&whole[..whole.len() - 10]).is_err());
        assert!(links(&[whole.clone(), whole].concat()).is_err());
    }
}

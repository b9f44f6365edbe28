//! File capabilities: setcap(8), getcap(8), as the attribute `security.capability` (capabilities(7)).

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("getcap", getcap), ("setcap", setcap)];

const ATTRIBUTE: &[u8] = b"security.capability";
/// `VFS_CAP_REVISION_2` of `linux/capability.h`: two words of 32 bits for each set.
const REVISION_2: u32 = 0x0200_0000;
/// `VFS_CAP_FLAGS_EFFECTIVE`: the permitted set is effective at once.
const EFFECTIVE: u32 = 1;

/// `linux/capability.h`, by number.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// `setcap [-q] [-v] TEXT FILE [TEXT FILE…]`, `setcap -r FILE…`
fn setcap(call: &mut Call<'_, '_>) -> Done {
    let (options, mut rest): (Vec<Vec<u8>>, Vec<Vec<u8>>) =
        call.args.iter().cloned().partition(|word| word == b"-q" || word == b"-v");
    let [quiet, verify] = [b"-q", b"-v"].map(|letter| options.iter().any(|option| option == letter));
    if !rest.len().is_multiple_of(2) || rest.is_empty() {
        return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
    }
    while !rest.is_empty() {
        let tail = rest.split_off(2);
        let value = if rest[0] == b"-r" { None } else { Some(encode(&show(&rest[0]))?) };
        let place = call.resolve(&rest[1], true)?;
        let shown = show(&rest[1]);
        let inode = call.tree().get_mut(&place);
        let Some(inode) = inode.filter(|inode| inode.content().is_some()) else {
            return Err(Fault::failed(format!("Failed to set capabilities on file '{shown}': no regular file")));
        };
        if verify {
            let Some(wanted) = value else { return Err(Fault::gap("-v with -r")) };
            let differing = differing(inode.stat.xattrs.get(ATTRIBUTE).map_or(&[][..], Vec::as_slice), &wanted);
            if !differing.is_empty() {
                return call.out(format!("{shown} differs in [{differing}]\n")).map(|()| 1);
            }
            if !quiet {
                call.out(format!("{shown}: OK\n"))?;
            }
            rest = tail;
            continue;
        }
        match value {
            Some(value) => drop(inode.stat.xattrs.insert(ATTRIBUTE.to_vec(), value)),
            None => drop(inode.stat.xattrs.remove(ATTRIBUTE)),
        }
        rest = tail;
    }
    Ok(0)
}

/// The sets in which two values of the attribute differ, by their letters; no value is one without capabilities.
fn differing(one: &[u8], other: &[u8]) -> String {
    let word = |value: &[u8], at: usize| -> u32 {
        let bytes = value.get(4 * at..4 * at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let permitted = |value: &[u8]| [word(value, 1), word(value, 3)];
    let inheritable = |value: &[u8]| [word(value, 2), word(value, 4)];
    let effective = |value: &[u8]| {
        let (permitted, inheritable) = (permitted(value), inheritable(value));
        let all = [permitted[0] | inheritable[0], permitted[1] | inheritable[1]];
        if word(value, 0) & EFFECTIVE == 0 { [0, 0] } else { all }
    };
    let mut letters = String::new();
    for (letter, same) in [
        ('p', permitted(one) == permitted(other)),
        ('i', inheritable(one) == inheritable(other)),
        ('e', effective(one) == effective(other)),
    ] {
        if !same {
            letters.push(letter);
        }
    }
    letters
}

/// The attribute's value for a text such as `cap_net_raw,cap_net_admin=ep` or `cap_chown+p-e` (cap_from_text(3)).
fn encode(text: &str) -> Result<Vec<u8>, Fault> {
    let invalid = || Fault::failed("fatal error: Invalid argument");
    let [mut effective, mut permitted, mut inheritable] = [0_u64; 3];
    for clause in text.split_whitespace() {
        let at = clause.find(['=', '+', '-']).ok_or_else(invalid)?;
        let (names, mut actions) = clause.split_at(at);
        // Without a name all are meant, where they are given anew.
        let all = names.eq_ignore_ascii_case("all") || names.is_empty() && actions.starts_with('=');
        let named = || names.split(',').try_fold(0, |mask, name| Some(mask | bit(name)?));
        let mask: u64 = if all { (1 << NAMES.len()) - 1 } else { named().ok_or_else(invalid)? };
        let mut first = true;
        while let Some(operator) = actions.chars().next() {
            let end = actions[1..].find(['=', '+', '-']).map_or(actions.len(), |end| end + 1);
            let flags = &actions[1..end];
            match operator {
                '=' if first => {
                    [&mut effective, &mut permitted, &mut inheritable].into_iter().for_each(|set| *set &= !mask);
                }
                '=' => return Err(invalid()),
                _ if flags.is_empty() => return Err(invalid()),
                _ => {}
            }
            for flag in flags.chars() {
                let set = match flag {
                    'e' => &mut effective,
                    'p' => &mut permitted,
                    'i' => &mut inheritable,
                    _ => return Err(invalid()),
                };
                *set = if operator == '-' { *set & !mask } else { *set | mask };
            }
            (first, actions) = (false, &actions[end..]);
        }
    }
    // A file has one bit for all that are effective.
    if effective != 0 && (permitted | inheritable) & !effective != 0 {
        return Err(Fault::failed("Invalid file for capability operation"));
    }
    let mut value = (REVISION_2 | if effective != 0 { EFFECTIVE } else { 0 }).to_le_bytes().to_vec();
    for shift in [0, 32] {
        for set in [permitted, inheritable] {
            value.extend((set >> shift & 0xffff_ffff).to_le_bytes().iter().take(4));
        }
    }
    Ok(value)
}

/// The bit of a capability, by name or number.
fn bit(name: &str) -> Option<u64> {
    let known = || NAMES.iter().position(|known| name.eq_ignore_ascii_case(known));
    let number = name.parse().ok().filter(|number| *number < 64).or_else(known)?;
    Some(1 << number)
}

/// `getcap FILE…`: prints nothing for a file without capabilities.
fn getcap(call: &mut Call<'_, '_>) -> Done {
    let files = call.args.to_vec();
    for file in files {
        let has = call.look(&file, true).is_some_and(|inode| inode.stat.xattrs.contains_key(ATTRIBUTE));
        if has {
            return Err(Fault::gap(format!("prints the capabilities of {}", show(&file))));
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_kernels_bytes() {
        // What `setcap cap_net_raw+ep` leaves, read back with `getfattr -e hex`.
        let ping = encode("cap_net_raw+ep").expect("well formed");
        assert_eq!(ping, [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let bpf = encode("cap_dac_override,cap_bpf,cap_net_admin=ep").expect("well formed");
        assert_eq!(bpf, [1, 0, 0, 2, 2, 0x10, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);
        let permitted = encode("cap_dac_read_search=p").expect("well formed");
        assert_eq!(permitted, [0, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(differing(&ping, &ping), "");
        assert_eq!(differing(&[], &ping), "pe");
        assert_eq!(differing(&encode("cap_net_raw=p").expect("well formed"), &ping), "e");
        assert_eq!(differing(&encode("cap_net_raw=i").expect("well formed"), &ping), "pie");
        for wrong in ["cap_none=p", "cap_chown", "cap_chown=x", "cap_net_raw=ep cap_chown+p", "-epi", "cap_net_raw-"] {
            assert!(encode(wrong).is_err(), "{wrong}");
        }
        for wrong in ["cap_chown,=p", "cap_chown=ep=p", "64=p", "cap_chown p"] {
            assert!(encode(wrong).is_err(), "{wrong}");
        }
        // The first bytes of what libcap 2.66 leaves: effective or not, and the first 32 of permitted and inheritable.
        for (text, effective, permitted, inheritable) in [
            ("cap_net_raw-epi", 0, 0, 0),
            ("cap_net_raw+ep-e", 0, 0x2000, 0),
            ("=ep", 1, 0xffff_ffff, 0),
            ("cap_net_raw=ep-p", 1, 0, 0),
            ("all-e", 0, 0, 0),
            ("ALL=p cap_chown-p", 0, 0xffff_fffe, 0),
            ("cap_net_raw=+ep", 1, 0x2000, 0),
            ("cap_chown=ep-i+i", 1, 1, 1),
            ("cap_chown=p cap_kill=p cap_chown=", 0, 0x20, 0),
            ("cap_chown=p =i", 0, 0, 0xffff_ffff),
            ("=p cap_kill=i", 0, 0xffff_ffdf, 0x20),
            ("cap_chown+p+i-p", 0, 0, 1),
            ("5=p", 0, 0x20, 0),
            ("cap_kill,5,cap_kill=p", 0, 0x20, 0),
            ("", 0, 0, 0),
        ] {
            let value = encode(text).expect(text);
            let word = |at: usize| u32::from_le_bytes(value[4 * at..4 * at + 4].try_into().expect("four"));
            assert_eq!((word(0) & EFFECTIVE, word(1), word(2)), (effective, permitted, inheritable), "{text}");
        }
    }
}

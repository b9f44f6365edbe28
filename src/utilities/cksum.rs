//! cksum(1) and sum(1), coreutils': checksums of all kinds.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::options::Opt;
use super::show;
use super::sums;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("cksum", cksum), ("sum", sum)];

/// `cksum`'s options.
pub(super) const CKSUM: &[Opt] = &[
    Opt::value(b'a', "algorithm"),
    Opt::flag(b'c', "check"),
    Opt::flag(1, "tag"),
    Opt::flag(6, "untagged"),
    Opt::flag(b'z', "zero"),
    Opt::flag(2, "ignore-missing"),
    Opt::flag(3, "quiet"),
    Opt::flag(4, "status"),
    Opt::flag(5, "strict"),
    Opt::flag(b'w', "warn"),
];

/// `sum`'s options.
pub(super) const SUM: &[Opt] = &[Opt::flag(b'r', ""), Opt::flag(b's', "sysv")];

/// The sums that are no digests, with what is shown of the length.
#[derive(Debug, Clone, Copy)]
enum Plain {
    Crc,
    Bsd,
    Sysv,
}

impl Plain {
    fn line(self, text: &[u8]) -> String {
        match self {
            Self::Crc => format!("{} {}", crc(text), text.len()),
            Self::Bsd => format!("{:05} {:5}", bsd(text), text.len().div_ceil(1024)),
            Self::Sysv => format!("{} {}", sysv(text), text.len().div_ceil(512)),
        }
    }
}

/// POSIX's: a CRC of 32 bits over the bytes and over the length, its lowest byte first.
fn crc(text: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
            if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL }
        })
    };
    let mut crc = text.iter().fold(0, |crc, &byte| step(crc, byte));
    let mut length = text.len();
    while length > 0 {
        crc = step(crc, length.to_le_bytes()[0]);
        length >>= 8;
    }
    !crc
}

fn bsd(text: &[u8]) -> u16 {
    text.iter().fold(0u16, |sum, &byte| sum.rotate_right(1).wrapping_add(u16::from(byte)))
}

fn sysv(text: &[u8]) -> u32 {
    let sum = text.iter().fold(0u32, |sum, &byte| sum.wrapping_add(u32::from(byte)));
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16)
}

fn plain(call: &mut Call<'_, '_>, paths: &[Vec<u8>], kind: Plain, end: &[u8]) -> Done {
    call.printing(|call, out| {
        call.each_file(paths, |call, path, text| {
            call.shell.system.budget.read(text.len().saturating_mul(16))?;
            let line = kind.line(text);
            let (before, name): (&[u8], &[u8]) = if paths.is_empty() { (b"", b"") } else { (b" ", path) };
            out.all(call, &[line.as_bytes(), before, name, end])
        })
    })
}

fn sum(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(SUM)?;
    let kind = if given.last_of(b"rs") == Some(b's') { Plain::Sysv } else { Plain::Bsd };
    plain(call, &given.operands, kind, b"\n")
}

fn cksum(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(CKSUM)?;
    let (name, kind) = match given.value(b'a') {
        None => (None, Some(Plain::Crc)),
        Some(b"crc") => (Some("crc"), Some(Plain::Crc)),
        Some(b"bsd") => (Some("bsd"), Some(Plain::Bsd)),
        Some(b"sysv") => (Some("sysv"), Some(Plain::Sysv)),
        Some(name) => match sums::NAMES.iter().find(|known| known.as_bytes() == name) {
            Some(name) => (Some(*name), None),
            None if matches!(name, b"blake2b" | b"sm3" | b"crc32b" | b"sha2" | b"sha3") => {
                return Err(Fault::gap(format!("the algorithm `{}`", show(name))));
            }
            None => return Err(Fault::failed(format!("invalid argument '{}' for '--algorithm'", show(name)))),
        },
    };
    if given.has(b'c') {
        if name.is_some() && kind.is_some() {
            return Err(Fault::failed("--check is not supported with --algorithm={bsd,sysv,crc}"));
        }
        if given.has(1) || given.has(b'z') {
            return Err(Fault::failed("the --tag and --zero options are meaningless when verifying checksums"));
        }
        let kinds: Vec<sums::Kind> = match name {
            Some(name) => vec![sums::kind(name)],
            None => sums::NAMES.iter().map(|name| sums::kind(name)).collect(),
        };
        let base64 = call.release()?.is_since((9, 2));
        return sums::check(call, &given, &sums::Lists { kinds, base64 });
    }
    if [2, 3, 4, 5, b'w'].iter().any(|&letter| given.has(letter)) {
        return Err(Fault::failed("that option is meaningful only when verifying checksums"));
    }
    let end: &[u8] = if given.has(b'z') { b"\0" } else { b"\n" };
    match (kind, name) {
        (Some(kind), _) => plain(call, &given.operands, kind, end),
        (None, name) => {
            let kind = sums::kind(name.unwrap_or_default());
            let tagged = given.last_of(&[1, 6]) != Some(6);
            sums::make(call, &given, &kind, if tagged { sums::Form::Tagged } else { sums::Form::Text })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::releases_say;
    use super::super::recorded::says;

    #[test]
    fn sums_of_all_kinds() {
        let file = "echo abc > f; ";
        let cases = [
            ("cksum f", "1112837078 4 f\n", 0),
            ("cksum < f", "1112837078 4\n", 0),
            ("cksum /dev/null", "4294967295 0 /dev/null\n", 0),
            ("sum f", "08288     1 f\n", 0),
            ("sum < f", "08288     1\n", 0),
            ("sum -s f", "304 1 f\n", 0),
            ("sum -sr f", "08288     1 f\n", 0),
            ("cksum -a sysv f", "304 1 f\n", 0),
            ("cksum -a bsd f", "08288     1 f\n", 0),
            ("cksum -a md5 f", "MD5 (f) = 0bee89b07a248e27c83fc3d5951213c1\n", 0),
            ("cksum -a md5 --untagged f", "0bee89b07a248e27c83fc3d5951213c1  f\n", 0),
            ("cksum -a md5 f | cksum -c", "f: OK\n", 0),
            ("md5sum f | cksum -a md5 -c", "f: OK\n", 0),
            ("md5sum f | cksum -c", "", 1),
            ("cksum -a crc -c f", "", 1),
            ("cksum -a mdx f", "", 1),
            ("cksum nosuch f", "1112837078 4 f\n", 1),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{file}{script}"), output, status)]);
        }
        lacks(&[
            ("cksum -a sm3 /dev/null", "the algorithm"),
            ("cksum --raw /dev/null", "option `--raw`"),
            ("echo 'SM3 (f) = 00' | cksum -c", "a digest of the kind"),
        ]);
    }

    #[test]
    fn digests_in_base64_are_newer() {
        let tagged = ": > f; echo 'MD5 (f) = 1B2M2Y8AsgTpgAmY7PhCfg==' | cksum -c";
        let untagged = ": > f; echo '1B2M2Y8AsgTpgAmY7PhCfg==  f' | cksum -a md5 -c";
        releases_say(&[
            ("9.1-1", tagged, "", 1),
            ("9.7-3", tagged, "f: OK\n", 0),
            ("9.1-1", untagged, "", 1),
            ("9.7-3", untagged, "f: OK\n", 0),
            ("9.7-3", ": > f; echo 'd41d8cd98f00b204e9800998ecf8427e  f' | cksum -a md5 -c", "f: OK\n", 0),
            ("9.7-3", ": > f; echo '1B2M2Y8AsgTpgAmY7PhCfg==  f' | md5sum -c", "", 1),
        ]);
    }
}

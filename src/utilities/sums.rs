//! `md5sum` and the like, coreutils': digests of files, and whether files still have them.

use base64::Engine as _;
use sha1::Digest as _;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::Given;
use super::grep::lines;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("md5sum", sum),
    ("sha1sum", sum),
    ("sha224sum", sum),
    ("sha256sum", sum),
    ("sha384sum", sum),
    ("sha512sum", sum),
];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'b', "binary"),
    Opt::flag(b'c', "check"),
    Opt::flag(1, "tag"),
    Opt::flag(b't', "text"),
    Opt::flag(b'z', "zero"),
    Opt::flag(2, "ignore-missing"),
    Opt::flag(3, "quiet"),
    Opt::flag(4, "status"),
    Opt::flag(5, "strict"),
    Opt::flag(b'w', "warn"),
];

/// The kinds of digests that are known here.
pub(super) const NAMES: [&str; 6] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

/// One kind of digest.
#[derive(Debug)]
pub(super) struct Kind {
    /// As `--tag` has it.
    tag: &'static str,
    digits: usize,
    make: fn(&[u8]) -> String,
}

/// How a line of digest and name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Binary,
    Tagged,
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kind of one of [`NAMES`].
pub(super) fn kind(name: &str) -> Kind {
    match name {
        "md5" => Kind {
            tag: "MD5",
            digits: 32,
            make: |bytes| crate::digest::md5_of_reader(&mut &*bytes).unwrap_or_default(),
        },
        "sha1" => Kind { tag: "SHA1", digits: 40, make: |bytes| hex(sha1::Sha1::digest(bytes)) },
        "sha224" => Kind { tag: "SHA224", digits: 56, make: |bytes| hex(sha2::Sha224::digest(bytes)) },
        "sha384" => Kind { tag: "SHA384", digits: 96, make: |bytes| hex(sha2::Sha384::digest(bytes)) },
        "sha512" => Kind { tag: "SHA512", digits: 128, make: |bytes| hex(sha2::Sha512::digest(bytes)) },
        _ => Kind { tag: "SHA256", digits: 64, make: |bytes| hex(sha2::Sha256::digest(bytes)) },
    }
}

fn sum(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let name = show(call.name);
    let kind = kind(name.strip_suffix("sum").unwrap_or(&name));
    if given.has(b'c') {
        if given.has(1) || given.has(b'z') || given.has(b'b') || given.has(b't') {
            return Err(Fault::failed(
                "the --tag, --zero, --binary and --text options are meaningless when verifying checksums",
            ));
        }
        return check(call, &given, &Lists { kinds: vec![kind], base64: false });
    }
    if [2, 3, 4, 5, b'w'].iter().any(|&letter| given.has(letter)) {
        return Err(Fault::failed("that option is meaningful only when verifying checksums"));
    }
    if given.has(1) && given.has(b't') {
        return Err(Fault::failed("--tag does not support --text mode"));
    }
    let form = match (given.has(1), given.last_of(b"bt")) {
        (true, _) => Form::Tagged,
        (_, Some(b'b')) => Form::Binary,
        _ => Form::Text,
    };
    make(call, &given, &kind, form)
}

/// Writes the digests of the files that were named.
pub(super) fn make(call: &mut Call<'_, '_>, given: &Given, kind: &Kind, form: Form) -> Done {
    let end: &[u8] = if given.has(b'z') { b"\0" } else { b"\n" };
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, path, text| {
            call.shell.system.budget.made(text.len())?;
            let digest = (kind.make)(text);
            let (mark, name) = if given.has(b'z') { (&b""[..], path.to_vec()) } else { escaped(path) };
            if form == Form::Tagged {
                return out.all(call, &[mark, kind.tag.as_bytes(), b" (", &name, b") = ", digest.as_bytes(), end]);
            }
            let between: &[u8] = if form == Form::Binary { b" *" } else { b"  " };
            out.all(call, &[mark, digest.as_bytes(), between, &name, end])
        })
    })
}

/// A name that would break the line is escaped, and a backslash before the line says so.
fn escaped(name: &[u8]) -> (&'static [u8], Vec<u8>) {
    let mut made = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' => made.extend(b"\\\\"),
            b'\n' => made.extend(b"\\n"),
            b'\r' => made.extend(b"\\r"),
            byte => made.push(byte),
        }
    }
    (if made.len() > name.len() { b"\\" } else { b"" }, made)
}

/// What lists of digests a program reads.
#[derive(Debug)]
pub(super) struct Lists {
    /// One kind, or those that a line may name.
    pub kinds: Vec<Kind>,
    /// Whether digests may stand there in base64.
    pub base64: bool,
}

impl Lists {
    /// The digest and the name that a line has, in lower case, with its kind. Of several kinds it is the one that the
    /// line names.
    fn entry(&self, line: &[u8]) -> Option<(&Kind, Vec<u8>, Vec<u8>)> {
        let untagged = self.kinds.len() == 1;
        let mut found = self.kinds.iter().filter_map(|kind| Some((kind, entry_of(line, kind, untagged, self.base64)?)));
        found.next().map(|(kind, (digest, name))| (kind, digest, name))
    }
}

fn blank(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The name of a kind in a line like `SHA256 (file) = …`.
fn tag(line: &[u8]) -> Option<&[u8]> {
    let line = &line[blank(line)..];
    let line = line.strip_prefix(b"\\").unwrap_or(line);
    let open = memchr::memchr(b'(', line)?;
    let named = line[open..].windows(3).any(|text| text == b") =");
    named.then(|| line[..open].trim_ascii_end())
}

/// A digest of so many hexadecimal digits as such, from base64.
fn from_base64(text: &[u8], digits: usize) -> Option<Vec<u8>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    (bytes.len() * 2 == digits).then(|| hex(bytes).into_bytes())
}

fn entry_of(line: &[u8], kind: &Kind, untagged: bool, base64: bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let line = &line[blank(line)..];
    let (line, escape) = line.strip_prefix(b"\\").map_or((line, false), |line| (line, true));
    let is_digest = |text: &[u8]| text.len() == kind.digits && text.iter().all(u8::is_ascii_hexdigit);
    // In base64 it is as long as its bytes in groups of three need, with the padding.
    let letters = (kind.digits / 2).div_ceil(3) * 4;
    let (digest, name) = if let Some(rest) = line.strip_prefix(kind.tag.as_bytes())
        && rest.strip_prefix(b" ").unwrap_or(rest).starts_with(b"(")
    {
        let rest = &rest.strip_prefix(b" ").unwrap_or(rest)[1..];
        let close = rest.iter().rposition(|&byte| byte == b')')?;
        let value = &rest[close + 1..];
        let value = value[blank(value)..].strip_prefix(b"=")?;
        (&value[blank(value)..], &rest[..close])
    } else if !untagged {
        return None;
    } else {
        let ends = |length: usize| matches!(line.get(length), Some(b' ' | b'\t'));
        let length = if base64 && !ends(kind.digits) { letters } else { kind.digits };
        let (digest, rest) = line.split_at_checked(length)?;
        if !matches!(rest.first(), Some(b' ' | b'\t')) || rest.len() < 2 {
            return None;
        }
        let name = match rest[1] {
            b' ' | b'*' if rest.len() > 2 => &rest[2..],
            _ => &rest[1..],
        };
        (digest, name)
    };
    let digest = match is_digest(digest) {
        true => digest.to_ascii_lowercase(),
        false => from_base64(digest, kind.digits).filter(|_| base64)?,
    };
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        match (escape && byte == b'\\', byte) {
            (false, byte) => plain.push(byte),
            (true, _) => plain.push(match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            }),
        }
    }
    Some((digest, plain))
}

/// Whether coreutils knows a kind that is not known here.
fn is_foreign(name: &[u8]) -> bool {
    [&b"BLAKE2b"[..], b"SM3", b"SHA3"].iter().any(|kind| name.starts_with(kind))
}

/// Whether files still have the digests that lists say.
pub(super) fn check(call: &mut Call<'_, '_>, given: &Given, read: &Lists) -> Done {
    let standard = [b"-".to_vec()];
    let lists = if given.operands.is_empty() { &standard[..] } else { given.operands.as_slice() };
    let silent = given.has(4);
    let mut status = 0;
    for list in lists {
        let text = match call.text(list) {
            Ok(text) => text,
            Err(Fault::Failed(_, message)) => {
                call.err(&message)?;
                status = 1;
                continue;
            }
            Err(other) => return Err(other),
        };
        let shown = if list == b"-" { "'standard input'".to_owned() } else { show(list) };
        let (mut proper, mut malformed, mut unread, mut differ, mut verified) = (0, 0, 0, 0, 0);
        call.printing(|call, out| {
            for (number, line) in lines(&text).enumerate() {
                call.shell.system.budget.step()?;
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.is_empty() || line[0] == b'#' {
                    continue;
                }
                let Some((kind, wanted, path)) = read.entry(line) else {
                    if let Some(name) = tag(line).filter(|name| read.kinds.len() > 1 && is_foreign(name)) {
                        return Err(Fault::gap(format!("a digest of the kind `{}`", show(name))));
                    }
                    malformed += 1;
                    if given.has(b'w') {
                        let tag = if let [kind] = read.kinds.as_slice() { kind.tag } else { "digest" };
                        call.err(&format!("{shown}: {}: improperly formatted {tag} checksum line", number + 1))?;
                    }
                    continue;
                };
                proper += 1;
                if given.has(2) && call.look(&path, true).is_none() {
                    continue;
                }
                let (mark, name) = if path.contains(&b'\n') { escaped(&path) } else { (&b""[..], path.clone()) };
                match call.text(&path) {
                    Ok(bytes) => {
                        call.shell.system.budget.made(bytes.len())?;
                        verified += 1;
                        let same = (kind.make)(&bytes).as_bytes() == wanted;
                        differ += usize::from(!same);
                        let quiet = silent || (same && given.has(3));
                        if !quiet {
                            out.all(call, &[mark, &name, if same { b": OK\n" } else { b": FAILED\n" }])?;
                        }
                    }
                    Err(Fault::Failed(_, message)) => {
                        call.err(&message)?;
                        unread += 1;
                        if !silent {
                            out.all(call, &[mark, &name, b": FAILED open or read\n"])?;
                        }
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok(0)
        })?;
        if proper == 0 {
            call.err(&format!("{shown}: no properly formatted checksum lines found"))?;
            status = 1;
            continue;
        }
        if !silent {
            warn(call, malformed, ["line is improperly formatted", "lines are improperly formatted"])?;
            warn(call, unread, ["listed file could not be read", "listed files could not be read"])?;
            warn(call, differ, ["computed checksum did NOT match", "computed checksums did NOT match"])?;
        }
        if given.has(2) && verified == 0 {
            call.err(&format!("{shown}: no file was verified"))?;
        }
        if (given.has(2) && verified == 0) || unread > 0 || differ > 0 || (given.has(5) && malformed > 0) {
            status = 1;
        }
    }
    Ok(status)
}

fn warn(call: &mut Call<'_, '_>, count: usize, words: [&str; 2]) -> Result<(), Fault> {
    match count {
        0 => Ok(()),
        1 => call.err(&format!("WARNING: 1 {}", words[0])),
        _ => call.err(&format!("WARNING: {count} {}", words[1])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_in_all_forms() {
        const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";
        let kind = kind("md5");
        let name = |line: String| entry_of(line.as_bytes(), &kind, true, false).map(|(_, name)| show(&name));
        assert_eq!(name(format!("{EMPTY}  a b")).as_deref(), Some("a b"));
        assert_eq!(name(format!("{EMPTY} *a")).as_deref(), Some("a"));
        assert_eq!(name(format!("{EMPTY} a")).as_deref(), Some("a"));
        assert_eq!(name(format!("  {EMPTY}   a")).as_deref(), Some(" a"));
        assert_eq!(name(format!("\\{EMPTY}  a\\\\b\\nc")).as_deref(), Some("a\\b\nc"));
        assert_eq!(name(format!("{EMPTY}  a\\b")).as_deref(), Some("a\\b"));
        assert_eq!(name(format!("MD5 (a (b)) = {EMPTY}")).as_deref(), Some("a (b)"));
        assert_eq!(name(format!("MD5(a)= {}", EMPTY.to_uppercase())).as_deref(), Some("a"));
        for wrong in [format!("{EMPTY}0  a"), format!("{EMPTY}a"), format!("\\{EMPTY}  a\\x"), "x".into()] {
            assert_eq!(name(wrong.clone()), None, "{wrong}");
        }
        assert_eq!((kind.make)(b""), EMPTY);
    }
}

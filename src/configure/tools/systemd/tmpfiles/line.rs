//! One line: its type with modifiers, path, mode, owner, and the argument with escapes and specifiers replaced.

use super::super::unit::lives_in_lib;
use super::acl;
use crate::format::escape;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::permissions;
use crate::utilities::show;

/// Why a line does nothing.
#[derive(Debug)]
pub(super) enum Problem {
    /// It needs what an image does not have.
    Skip,
    /// It is no line.
    Invalid(String),
    /// The model cannot follow it.
    Fault(Fault),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn invalid(why: impl Into<String>) -> Problem {
    Problem::Invalid(why.into())
}

/// The fields as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    kind: u8,
    force: bool,
    /// Only with `--boot`.
    pub boot: bool,
    may_fail: bool,
    replace: bool,
    base64: bool,
    only_with_target: bool,
    path: Vec<u8>,
    /// Mode, user and group; empty for `-`.
    permissions: [Vec<u8>; 3],
    /// What stands behind the age; `None` for `-`.
    argument: Option<Vec<u8>>,
}

/// Mode and owner, each only where the line says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Permissions {
    pub mode: Option<u32>,
    /// Bits that nobody has now stay off (`~`).
    pub masked: bool,
    /// Only for what is made now (`:`).
    pub mode_only_new: bool,
    pub uid: Option<u32>,
    pub uid_only_new: bool,
    pub gid: Option<u32>,
    pub gid_only_new: bool,
}

/// What is done with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The letter.
    pub kind: u8,
    /// `+`
    pub force: bool,
    /// `-`
    pub may_fail: bool,
    /// `=`
    pub replace: bool,
    /// `?`
    pub only_with_target: bool,
    pub permissions: Permissions,
    pub argument: Option<Vec<u8>>,
    pub acl: Option<acl::Change>,
}

impl Item {
    /// Whether the path is a pattern.
    pub(super) const fn is_glob(&self) -> bool {
        matches!(
            self.kind,
            b'w' | b'e' | b'x' | b'X' | b'r' | b'R' | b'z' | b'Z' | b'm' | b't' | b'T' | b'a' | b'A' | b'h' | b'H'
        )
    }

    /// Whether the line says what the path is, not only how.
    pub(super) const fn owns(&self) -> bool {
        !matches!(self.kind, b'z' | b'Z' | b'm' | b't' | b'T' | b'a' | b'A' | b'h' | b'H')
    }
}

/// Parts a line that is not empty.
pub(super) fn split(text: &[u8]) -> Result<Line, Problem> {
    let mut rest = text;
    let mut fields = Vec::new();
    while fields.len() < 6
        && let Some(field) = next_field(&mut rest)?
    {
        fields.push(field);
    }
    let mut fields = fields.into_iter();
    let (Some(action), Some(path)) = (fields.next(), fields.next()) else { return Err(invalid("Syntax error.")) };
    let mut field = || fields.next().filter(|field| field != b"-").unwrap_or_default();
    let permissions = [field(), field(), field()];
    let argument = rest.trim_ascii();
    let (kind, modifiers) = action.split_first().ok_or_else(|| invalid("Command too short."))?;
    let mut line = Line {
        kind: *kind,
        force: false,
        boot: false,
        may_fail: false,
        replace: false,
        base64: false,
        only_with_target: false,
        path,
        permissions,
        argument: (!matches!(argument, b"" | b"-")).then(|| argument.to_vec()),
    };
    let mut credential = false;
    for modifier in modifiers {
        match modifier {
            b'+' => line.force = true,
            b'!' => line.boot = true,
            b'-' => line.may_fail = true,
            b'=' => line.replace = true,
            b'~' => line.base64 = true,
            b'?' => line.only_with_target = true,
            b'^' => credential = true,
            // What --purge removes.
            b'$' => {}
            other => return Err(invalid(format!("Unknown modifier '{}'.", char::from(*other)))),
        }
    }
    // No credential is handed to a program that a script calls.
    if credential { Err(Problem::Skip) } else { Ok(line) }
}

/// A word; quotes hold blanks together, a backslash begins a C escape.
fn next_field(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, Problem> {
    *rest = rest.trim_ascii_start();
    let mut field = Vec::new();
    let mut quote = None;
    let mut any = false;
    while let Some((&byte, after)) = rest.split_first() {
        match (quote, byte) {
            (None, _) if byte.is_ascii_whitespace() => break,
            (Some(mark), _) if byte == mark => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (_, b'\\') => {
                let (escaped, after) = escape(after).ok_or_else(|| invalid("Invalid escape sequence."))?;
                field.extend(escaped);
                *rest = after;
                any = true;
                continue;
            }
            _ => field.push(byte),
        }
        any = true;
        *rest = after;
    }
    if quote.is_some() { Err(invalid("Unbalanced quoting.")) } else { Ok(any.then_some(field)) }
}

/// What a C escape stands for, and the text behind it.
fn escape(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (letter, rest) = text.split_first()?;
    let number = |digits: usize, radix: u32, text: &[u8]| {
        u32::from_str_radix(std::str::from_utf8(text.get(..digits)?).ok()?, radix).ok()
    };
    if let Some(byte) = escape::letter(*letter) {
        return Some((vec![byte], rest));
    }
    let byte = match letter {
        b'\\' | b'"' | b'\'' => *letter,
        b's' => b' ',
        b'x' => return Some((vec![u8::try_from(number(2, 16, rest)?).ok()?], &rest[2..])),
        b'u' => return Some((char::from_u32(number(4, 16, rest)?)?.to_string().into_bytes(), &rest[4..])),
        b'U' => return Some((char::from_u32(number(8, 16, rest)?)?.to_string().into_bytes(), &rest[8..])),
        b'0'..=b'7' => return Some((vec![u8::try_from(number(3, 8, text)?).ok()?], &text[3..])),
        _ => return None,
    };
    Some((vec![byte], rest))
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, Problem> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            let (escaped, after) = escape(after).ok_or_else(|| invalid("Failed to unescape the argument."))?;
            out.extend(escaped);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

/// The path with specifiers replaced, without double slashes; what is said of `/var/run` is said of `/run`.
pub(super) fn path(call: &mut Call<'_, '_>, line: &Line) -> Result<Vec<u8>, Problem> {
    let path = specifiers(call, &line.path)?;
    if !path.starts_with(b"/") {
        return Err(invalid(format!("Path '{}' not absolute.", show(&path))));
    }
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
    if names.contains(&b"..".as_slice()) {
        return Err(invalid(format!("Path '{}' not normalized.", show(&path))));
    }
    let names = match names.as_slice() {
        [b"var", b"run", rest @ ..] if !rest.is_empty() => [&[b"run".as_slice()], rest].concat(),
        _ => names,
    };
    Ok([b"/".as_slice(), &names.join(&b'/')].concat())
}

/// What the line does with its path.
pub(super) fn item(call: &mut Call<'_, '_>, line: &Line, path: &[u8]) -> Result<Item, Problem> {
    let mut argument = line.argument.clone();
    match line.kind {
        b'f' | b'F' | b'w' | b'L' | b'C' => {
            if let Some(text) = argument {
                let text = unescape(&text)?;
                argument = Some(specifiers(call, &text)?);
            }
        }
        b't' | b'T' => argument = argument.map(|text| specifiers(call, &text)).transpose()?,
        b'a' | b'A' | b'c' | b'b' => {}
        b'd' | b'D' | b'v' | b'q' | b'Q' | b'e' | b'p' | b'x' | b'X' | b'r' | b'R' | b'z' | b'Z' | b'm' | b'h'
        | b'H' => {
            argument = None;
        }
        other => return Err(invalid(format!("Unknown command type '{}'.", char::from(other)))),
    }
    match line.kind {
        b'L' | b'C' if argument.is_none() => argument = Some([b"/usr/share/factory", path].concat()),
        b'w' | b't' | b'T' | b'a' | b'A' | b'c' | b'b' if argument.is_none() => {
            return Err(invalid(format!("'{}' lines need an argument.", char::from(line.kind))));
        }
        _ => {}
    }
    if let (true, Some(text)) = (line.base64, &argument) {
        use base64::Engine as _;
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        argument = Some(decoded.map_err(|_| invalid("Failed to base64 decode the argument."))?);
    }
    let acl = match (line.kind, &argument) {
        (b'a' | b'A', Some(text)) => match acl::Change::parse(call, text, line.force) {
            Some(change) => Some(change),
            // As systemd: it warns and goes on.
            None => return Err(Problem::Skip),
        },
        _ => None,
    };
    // systemd 252 does not merge trees yet.
    let force = line.force && !(line.kind == b'C' && lives_in_lib(call));
    Ok(Item {
        kind: if line.kind == b'F' { b'f' } else { line.kind },
        force: force || line.kind == b'F',
        may_fail: line.may_fail,
        replace: line.replace,
        only_with_target: line.only_with_target,
        permissions: read_permissions(call, &line.permissions)?,
        argument,
        acl,
    })
}

fn read_permissions(call: &mut Call<'_, '_>, fields: &[Vec<u8>; 3]) -> Result<Permissions, Problem> {
    let mut found = Permissions::default();
    let [mode, user, group] = fields;
    let mut digits = mode.as_slice();
    while let [mark @ (b'~' | b':'), rest @ ..] = digits {
        found.masked |= *mark == b'~';
        found.mode_only_new |= *mark == b':';
        digits = rest;
    }
    if !digits.is_empty() {
        let text = std::str::from_utf8(digits).ok();
        let mode = text.and_then(|text| u32::from_str_radix(text, 8).ok()).filter(|mode| *mode <= 0o7777);
        found.mode = Some(mode.ok_or_else(|| invalid(format!("Invalid mode '{}'.", show(digits))))?);
    }
    let mut owner = |field: &[u8], lookup: fn(&mut Call<'_, '_>, &[u8]) -> Result<u32, Fault>| {
        let name = field.strip_prefix(b":").unwrap_or(field);
        let name = specifiers(call, name)?;
        if matches!(name.as_slice(), b"" | b"-") {
            return Ok((None, false));
        }
        let id = lookup(call, &name).map_err(|_| invalid(format!("Failed to resolve '{}'.", show(&name))))?;
        Ok::<_, Problem>((Some(id), field.starts_with(b":")))
    };
    (found.uid, found.uid_only_new) = owner(user, permissions::user)?;
    (found.gid, found.gid_only_new) = owner(group, permissions::group)?;
    Ok(found)
}

/// Replaces specifiers (tmpfiles.d(5), SPECIFIERS).
fn specifiers(call: &mut Call<'_, '_>, text: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (&letter, after) = rest.split_first().ok_or_else(|| invalid("Failed to replace specifiers."))?;
        rest = after;
        match letter {
            b'%' => out.push(b'%'),
            b'C' => out.extend(b"/var/cache"),
            b'S' => out.extend(b"/var/lib"),
            b'L' => out.extend(b"/var/log"),
            b't' => out.extend(b"/run"),
            b'T' => out.extend(b"/tmp"),
            b'V' => out.extend(b"/var/tmp"),
            b'h' => out.extend(b"/root"),
            b'u' | b'g' => out.extend(b"root"),
            b'U' | b'G' => out.push(b'0'),
            b'a' => out.extend(architecture(call)),
            b'o' => out.extend(os_release(call, b"ID")),
            b'w' => out.extend(os_release(call, b"VERSION_ID")),
            b'W' => out.extend(os_release(call, b"VARIANT_ID")),
            b'A' => out.extend(os_release(call, b"IMAGE_VERSION")),
            b'M' => out.extend(os_release(call, b"IMAGE_ID")),
            b'B' => out.extend(os_release(call, b"BUILD_ID")),
            // The machine's id and the boot's: an image has none.
            b'm' | b'b' => return Err(Problem::Skip),
            b'H' | b'l' | b'v' => {
                return Err(Fault::gap(format!("the specifier `%{}`", char::from(letter))).into());
            }
            _ => return Err(invalid("Failed to replace specifiers.")),
        }
    }
    Ok(out)
}

/// systemd's name of the architecture (systemd.unit(5), `ConditionArchitecture=`).
fn architecture(call: &Call<'_, '_>) -> Vec<u8> {
    let own = call.shell.system.architecture.as_str();
    let name = match own {
        "amd64" => "x86-64",
        "i386" => "x86",
        "armhf" | "armel" => "arm",
        "ppc64el" => "ppc64-le",
        "mips64el" => "mips64-le",
        "loong64" => "loongarch64",
        other => other,
    };
    name.as_bytes().to_vec()
}

/// A field of os-release(5); empty when it is not set.
fn os_release(call: &mut Call<'_, '_>, key: &[u8]) -> Vec<u8> {
    let text = call.tree().read("/etc/os-release").ok().flatten().unwrap_or_default();
    let found = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(key)?.strip_prefix(b"="));
    let value = found.unwrap_or_default();
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    inner.unwrap_or(value).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_fields() {
        let line = split(b"f+!- \"/a b\" 0644 root - - one  two\\n").expect("a line");
        assert_eq!((line.kind, line.force, line.boot, line.may_fail), (b'f', true, true, true));
        assert_eq!(line.path, b"/a b");
        assert_eq!(line.permissions, [b"0644".to_vec(), b"root".to_vec(), Vec::new()]);
        assert_eq!(line.argument.as_deref(), Some(&b"one  two\\n"[..]));
        let line = split(b"d /a\\x20b").expect("a line");
        assert_eq!((line.path.as_slice(), line.argument), (&b"/a b"[..], None));
        assert!(matches!(split(b"f^ /x"), Err(Problem::Skip)));
        for wrong in ["d", "d* /x", "d \"/x", "d /\\q"] {
            assert!(matches!(split(wrong.as_bytes()), Err(Problem::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn arguments_are_unescaped() {
        assert_eq!(unescape(b"a\\tb\\x41\\101\\u00e9").expect("escapes"), "a\tbAA\u{e9}".as_bytes());
        assert!(unescape(b"\\").is_err() && unescape(b"\\x4").is_err() && unescape(b"\\777").is_err());
    }
}

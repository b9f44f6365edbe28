//! Which awk it is: mawk or gawk, whichever the root has.

use crate::utilities::Call;
use crate::utilities::Fault;

/// Whose awk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::utilities) enum Dialect {
    Mawk,
    Gawk,
    /// None of them is there yet.
    Unknown,
}

impl Dialect {
    /// By the name that is called, and what it leads to.
    pub(super) fn of(call: &mut Call<'_, '_>) -> Self {
        let by_name = |name: &[u8]| match name {
            b"mawk" => Some(Self::Mawk),
            b"gawk" => Some(Self::Gawk),
            _ => None,
        };
        if let Some(dialect) = by_name(call.name) {
            return dialect;
        }
        let Some(path) = call.shell.find_program(call.name) else { return Self::Unknown };
        let place = call.resolve(&path, true);
        let name =
            place.ok().and_then(|place| place.as_bytes().rsplit(|&byte| byte == b'/').next().map(<[u8]>::to_vec));
        name.and_then(|name| by_name(&name)).unwrap_or(Self::Unknown)
    }
}

/// Whether the root's mawk is that of trixie or a later one.
pub(super) fn is_newer(call: &mut Call<'_, '_>) -> Result<bool, Fault> {
    Ok(call.shell.installed_numbers(b"mawk")? >= vec![1, 3, 4, 20_250_131])
}

/// Whether an expression has `()` in it, outside of brackets.
pub(super) fn has_empty_group(pattern: &[u8]) -> bool {
    let mut rest = pattern;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [_, behind @ ..]) => behind,
            (b'(', [b')', ..]) => return true,
            (b'[', _) => {
                // A bracket that comes first is one of those in it.
                let from = tail.iter().take_while(|byte| **byte == b'^').count().min(1);
                let from = from + usize::from(tail.get(from) == Some(&b']'));
                let length =
                    tail[from..].iter().position(|byte| *byte == b']').map_or(tail.len(), |end| from + end + 1);
                &tail[length..]
            }
            _ => tail,
        };
    }
    false
}

pub(super) fn syntax(what: &str) -> Fault {
    Fault::gap(format!("a program with {what}"))
}

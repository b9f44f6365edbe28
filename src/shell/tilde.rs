//! Tildes that stand for home directories: where in a word they count (POSIX, 2.6.1).

use super::ast::Operation;
use super::ast::Part;

/// Makes `~` or `~user` at the beginning of a word a part of its own.
pub(super) fn leading(parts: &mut Vec<Part>) {
    let last = parts.len() == 1;
    let Some(Part::Plain(text)) = parts.first() else { return };
    if text.first() != Some(&b'~') {
        return;
    }
    let length = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
    if length == text.len() && !last {
        return;
    }
    // Braces are expanded before, and what comes of them may be another name, or none.
    if text[..length].contains(&b'{') {
        return;
    }
    let (user, rest) = (text[1..length].to_vec(), text[length..].to_vec());
    parts[0] = Part::Tilde(user);
    if !rest.is_empty() {
        parts.insert(1, Part::Plain(rest));
    }
}

/// The parts of an assignment's value: tildes count at its beginning and after each colon that is not quoted, in `${x-…}`
/// as well.
pub(super) fn assigned(parts: &[Part]) -> Vec<Part> {
    let mut made = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match part {
            Part::Plain(text) => tildes(text, index == 0, last, &mut made),
            // It ends at the first colon here.
            Part::Tilde(user) if user.contains(&b':') => {
                tildes(&[b"~", user.as_slice()].concat(), true, last, &mut made);
            }
            Part::Parameter(parameter) => {
                let mut parameter = parameter.clone();
                if let Operation::Default(_, _, word) = &mut parameter.operation {
                    word.0 = assigned(&word.0);
                }
                made.push(Part::Parameter(parameter));
            }
            other => made.push(other.clone()),
        }
    }
    made
}

/// One plain text of an assignment's value.
fn tildes(text: &[u8], first: bool, last: bool, made: &mut Vec<Part>) {
    let count = text.split(|&byte| byte == b':').count();
    for (index, piece) in text.split(|&byte| byte == b':').enumerate() {
        if index > 0 {
            made.push(Part::Plain(b":".to_vec()));
        }
        let mut inner = vec![Part::Plain(piece.to_vec())];
        if (first || index > 0) && (last || index + 1 < count || piece.contains(&b'/')) {
            leading(&mut inner);
        }
        made.append(&mut inner);
    }
}

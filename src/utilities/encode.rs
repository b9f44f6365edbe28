//! `base64` (RFC 4648; base64(1)), towards text.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("base64", base64)];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("dw:", &[("decode", b'd'), ("wrap", b'w')])?;
    if given.has(b'd') {
        return Err(Fault::gap("-d"));
    }
    let wrong = |text: &[u8]| Fault::failed(format!("invalid wrap size: '{}'", show(text)));
    let width = match given.value(b'w') {
        Some(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| wrong(text))?,
        None => 76_usize,
    };
    if let [_, extra, ..] = given.operands.as_slice() {
        return Err(Fault::failed(format!("extra operand '{}'", show(extra))));
    }
    let bytes = call.read_all(&given.operands)?;
    call.shell.system.budget.made(bytes.len().saturating_mul(2))?;
    let mut text = encode(&bytes);
    if width > 0 && !text.is_empty() {
        text = text.chunks(width).flat_map(|line| [line, b"\n"].concat()).collect();
    }
    call.out(text).map(|()| 0)
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let all = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let sextet = (all >> (18 - 6 * index)) & 63;
            text.push(if index <= group.len() { ALPHABET[sextet as usize] } else { b'=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes.as_bytes()), text.as_bytes());
        }
    }
}

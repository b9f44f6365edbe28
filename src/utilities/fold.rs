//! fold(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("fold", fold)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[Opt::flag(b'b', "bytes"), Opt::flag(b's', "spaces"), Opt::value(b'w', "width")];

/// The column behind a byte.
const fn behind(column: usize, byte: u8, bytes: bool) -> usize {
    match byte {
        _ if bytes => column + 1,
        8 => column.saturating_sub(1),
        b'\r' => 0,
        b'\t' => column + 8 - column % 8,
        _ => column + 1,
    }
}

fn fold(call: &mut Call<'_, '_>) -> Done {
    let is_old = |word: &Vec<u8>| matches!(word.as_slice(), [b'-', b'0'..=b'9', ..]);
    let args: Vec<Vec<u8>> =
        call.args.iter().map(|word| if is_old(word) { [b"-w", &word[1..]].concat() } else { word.clone() }).collect();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(OPTIONS)?;
    let width = given.value(b'w').unwrap_or(b"80");
    let number = std::str::from_utf8(width).ok().and_then(|width| width.trim_start().parse::<usize>().ok());
    let wrong = || Fault::failed(format!("invalid number of columns: '{}'", show(width)));
    let width = number.filter(|&width| width > 0 && width < usize::MAX - 8).ok_or_else(wrong)?;
    let (bytes, spaces) = (given.has(b'b'), given.has(b's'));
    call.printing(|call, out| {
        call.each_file(&given.operands, |call, _, text| {
            let mut line = Buffer::new(&call.shell.system.budget)?;
            let mut column = 0;
            for &byte in text {
                if byte == b'\n' {
                    out.all(call, &[&line, b"\n"])?;
                    line.clear();
                    column = 0;
                    continue;
                }
                loop {
                    column = behind(column, byte, bytes);
                    if column <= width {
                        break;
                    }
                    call.shell.system.budget.read(line.len())?;
                    let blank = line.iter().rposition(|byte| matches!(byte, b' ' | b'\t'));
                    if spaces && let Some(blank) = blank {
                        out.all(call, &[&line[..=blank], b"\n"])?;
                        let rest = line[blank + 1..].to_vec();
                        column = rest.iter().fold(0, |column, &byte| behind(column, byte, bytes));
                        line.set(&rest)?;
                        continue;
                    }
                    if line.is_empty() {
                        break;
                    }
                    out.all(call, &[&line, b"\n"])?;
                    line.clear();
                    column = 0;
                }
                line.push(byte)?;
            }
            out.put(call, &line)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn lines_are_folded() {
        says(&[
            ("printf 'abcdefg\\nhi\\n' | fold -w3", "abc\ndef\ng\nhi\n", 0),
            ("printf 'ab cd ef' | fold -s -w 5", "ab \ncd ef", 0),
            ("printf 'abcdef gh' | fold -s -w 4", "abcd\nef \ngh", 0),
            ("printf 'a\\tb\\n' | fold -w 8", "a\t\nb\n", 0),
            ("printf 'a\\tb\\n' | fold -bw 8", "a\tb\n", 0),
            ("printf '\\t\\n' | fold -w 4", "\t\n", 0),
            ("printf 'abc' | fold -2", "ab\nc", 0),
            ("fold -w 0 </dev/null", "", 1),
            ("fold -w x </dev/null", "", 1),
        ]);
    }
}

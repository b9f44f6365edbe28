//! paste(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::grep::records;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("paste", paste)];

/// The options.
pub(super) const OPTIONS: &[Opt] =
    &[Opt::value(b'd', "delimiters"), Opt::flag(b's', "serial"), Opt::flag(b'z', "zero-terminated")];

/// The delimiters of a list; none where it has `\0`.
fn delimiters(list: &[u8]) -> Result<Vec<Option<u8>>, Fault> {
    if list.is_empty() {
        return Ok(vec![None]);
    }
    let (mut all, mut bytes) = (Vec::new(), list.iter());
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            all.push(Some(byte));
            continue;
        }
        let unescaped = || Fault::failed(format!("delimiter list ends with an unescaped backslash: {}", show(list)));
        all.push(match bytes.next().ok_or_else(unescaped)? {
            b'0' => None,
            b'b' => Some(8),
            b'f' => Some(12),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'v' => Some(11),
            other => Some(*other),
        });
    }
    Ok(all)
}

fn paste(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let between = delimiters(given.value(b'd').unwrap_or(b"\t"))?;
    let end = if given.has(b'z') { 0 } else { b'\n' };
    if given.has(b's') {
        return call.printing(|call, out| {
            call.each_file(&given.operands, |call, _, text| {
                for (index, line) in records(text, end).enumerate() {
                    call.shell.system.budget.step()?;
                    match between[index.wrapping_sub(1) % between.len()] {
                        Some(byte) if index > 0 => out.put(call, &[byte])?,
                        _ => {}
                    }
                    out.put(call, line)?;
                }
                out.put(call, &[end])
            })
        });
    }
    let standard = [b"-".to_vec()];
    let paths = if given.operands.is_empty() { &standard[..] } else { &given.operands };
    let input = if paths.iter().any(|path| path == b"-") { Some(call.text(b"-")?) } else { None };
    let mut texts = Vec::new();
    for path in paths {
        // Of several that cannot be read the first one ends all.
        texts.push(if path == b"-" { None } else { Some(call.text(path)?) });
    }
    // Standard input is one, and gives each place its next line.
    let mut shared = input.as_ref().map(|text| records(text, end));
    let mut lines: Vec<_> = texts.iter().map(|text| text.as_ref().map(|text| records(text, end))).collect();
    call.printing(|call, out| {
        loop {
            let mut row = Vec::with_capacity(lines.len());
            for own in &mut lines {
                row.push(match own {
                    Some(own) => own.next(),
                    None => shared.as_mut().and_then(Iterator::next),
                });
            }
            if row.iter().all(Option::is_none) {
                return Ok(0);
            }
            for (index, line) in row.iter().enumerate() {
                call.shell.system.budget.step()?;
                if index > 0
                    && let Some(byte) = between[(index - 1) % between.len()]
                {
                    out.put(call, &[byte])?;
                }
                out.put(call, line.unwrap_or_default())?;
            }
            out.put(call, &[end])?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn lines_are_put_side_by_side() {
        let files = "printf 'a\\nb\\nc' > a; printf '1\\n2\\n' > b; : > e; ";
        let cases = [
            ("paste a b", "a\t1\nb\t2\nc\t\n", 0),
            ("paste -d, b a", "1,a\n2,b\n,c\n", 0),
            ("paste -s a b", "a\tb\tc\n1\t2\n", 0),
            ("paste -s e", "\n", 0),
            ("paste e", "", 0),
            ("paste -sd '-+' a", "a-b+c\n", 0),
            ("paste -d '\\n' a b", "a\n1\nb\n2\nc\n\n", 0),
            ("paste -d '\\0x' a b a", "a1xa\nb2xb\ncxc\n", 0),
            ("paste -d '' a b", "a1\nb2\nc\n", 0),
            ("paste - - < a", "a\tb\nc\t\n", 0),
            ("printf 'a\\0b\\0' | paste -szd,", "a,b\0", 0),
            ("paste -d '\\' a b", "", 1),
            ("paste nosuch a", "", 1),
            ("paste -s nosuch b", "1\t2\n", 1),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{files}{script}"), output, status)]);
        }
    }
}

//! nl(1), coreutils': lines with numbers, page by page.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::grep::lines;
use super::options::Opt;
use super::regex::Regex;
use super::regex::Syntax;
use super::show;
use crate::budget::Budget;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("nl", nl)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::value(b'b', "body-numbering"),
    Opt::value(b'd', "section-delimiter"),
    Opt::value(b'f', "footer-numbering"),
    Opt::value(b'h', "header-numbering"),
    Opt::value(b'i', "line-increment"),
    Opt::value(b'l', "join-blank-lines"),
    Opt::value(b'n', "number-format"),
    Opt::flag(b'p', "no-renumber"),
    Opt::value(b's', "number-separator"),
    Opt::value(b'v', "starting-line-number"),
    Opt::value(b'w', "number-width"),
];

/// Which lines of a section have numbers.
enum Style {
    All,
    /// Those that are not empty.
    Text,
    None,
    Matching(Regex),
}

fn style(given: Option<&[u8]>, default: Style, what: &str, budget: &Budget) -> Result<Style, Fault> {
    Ok(match given {
        None => default,
        Some([b'a']) => Style::All,
        Some([b't']) => Style::Text,
        Some([b'n']) => Style::None,
        Some([b'p', expression @ ..]) => Style::Matching(Regex::new(expression, Syntax::Basic, false, budget)?),
        Some(other) => return Err(Fault::failed(format!("invalid {what} numbering style: '{}'", show(other)))),
    })
}

fn number(given: Option<&[u8]>, default: i64, least: i64, what: &str) -> Result<i64, Fault> {
    let Some(text) = given else { return Ok(default) };
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim_start().parse::<i64>().ok());
    number.filter(|&number| number >= least).ok_or_else(|| Fault::failed(format!("invalid {what}: '{}'", show(text))))
}

fn nl(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let budget = call.shell.system.budget.clone();
    // Header, body and footer, in the order of their marks' lengths from the longest.
    let styles = [
        style(given.value(b'h'), Style::None, "header", &budget)?,
        style(given.value(b'b'), Style::Text, "body", &budget)?,
        style(given.value(b'f'), Style::None, "footer", &budget)?,
    ];
    let first = number(given.value(b'v'), 1, i64::MIN, "starting line number")?;
    let step = number(given.value(b'i'), 1, i64::MIN, "line number increment")?;
    let group = number(given.value(b'l'), 1, 1, "line number of blank lines")?;
    let width = number(given.value(b'w'), 6, 1, "line number field width")?;
    let width = usize::try_from(width).ok().filter(|&width| width < 1 << 16);
    let width = width.ok_or_else(|| Fault::gap("so wide a number"))?;
    let (left, zeros) = match given.value(b'n') {
        None | Some(b"rn") => (false, false),
        Some(b"ln") => (true, false),
        Some(b"rz") => (false, true),
        Some(other) => return Err(Fault::failed(format!("invalid line numbering format: '{}'", show(other)))),
    };
    let separator = given.value(b's').unwrap_or(b"\t");
    let mark = match given.value(b'd') {
        None => b"\\:".to_vec(),
        Some([]) => Vec::new(),
        Some([byte]) => vec![*byte, b':'],
        Some(other) => other.to_vec(),
    };
    call.printing(|call, out| {
        let (mut section, mut value, mut blanks) = (1, Some(first), 0);
        call.each_file(&given.operands, |call, _, text| {
            for line in lines(text) {
                call.shell.system.budget.read(line.len())?;
                let marks = (1..=3).find(|&times| !mark.is_empty() && line == mark.repeat(times));
                if let Some(times) = marks {
                    section = 3 - times;
                    if !given.has(b'p') {
                        value = Some(first);
                    }
                    out.put(call, b"\n")?;
                    continue;
                }
                let numbered = match &styles[section] {
                    Style::All if group > 1 && line.is_empty() => {
                        blanks += 1;
                        let due = blanks == group;
                        if due {
                            blanks = 0;
                        }
                        due
                    }
                    Style::All => true,
                    Style::Text => !line.is_empty(),
                    Style::None => false,
                    Style::Matching(expression) => expression.is_match(line)?,
                };
                if !line.is_empty() {
                    blanks = 0;
                }
                if numbered {
                    let number = value.ok_or_else(|| Fault::failed("line number overflow"))?;
                    let shown = match (left, zeros) {
                        (true, _) => format!("{number:<width$}"),
                        (_, true) => format!("{number:0width$}"),
                        _ => format!("{number:width$}"),
                    };
                    value = number.checked_add(step);
                    out.all(call, &[shown.as_bytes(), separator, line, b"\n"])?;
                } else {
                    let pad = vec![b' '; width + separator.len()];
                    out.all(call, &[&pad, line, b"\n"])?;
                }
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::recorded::says;

    #[test]
    fn lines_are_numbered() {
        says(&[
            ("printf 'a\\n\\nb\\n' | nl", "     1\ta\n       \n     2\tb\n", 0),
            ("printf 'a\\n\\nb\\n' | nl -ba -w2 -s:", " 1:a\n 2:\n 3:b\n", 0),
            ("printf 'a\\nb\\n' | nl -nrz -w3 -v5 -i10", "005\ta\n015\tb\n", 0),
            ("printf 'a\\nb\\n' | nl -nln -w3 -bpb", "    a\n1  \tb\n", 0),
            ("printf 'h\\n\\\\:\\\\:\\nb\\n\\\\:\\nf\\n' | nl", "     1\th\n\n     1\tb\n\n       f\n", 0),
            ("printf '\\n\\n\\n\\n' | nl -ba -l2 -w1 -s.", "  \n1.\n  \n2.\n", 0),
            ("nl -w 0 </dev/null", "", 1),
            ("nl -b x </dev/null", "", 1),
        ]);
    }
}

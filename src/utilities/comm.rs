//! comm(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Out;
use super::grep::records;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("comm", comm)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'1', ""),
    Opt::flag(b'2', ""),
    Opt::flag(b'3', ""),
    Opt::flag(1, "check-order"),
    Opt::flag(2, "nocheck-order"),
    Opt::value(3, "output-delimiter"),
    Opt::flag(4, "total"),
    Opt::flag(b'z', "zero-terminated"),
];

/// When lines that are not in order are an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Always, and at once.
    Checked,
    /// Only where it changed what came out.
    Warned,
    Unchecked,
}

impl Order {
    /// As the options say, by their letters.
    pub(super) fn given(given: &super::Given, letters: [u8; 2]) -> Self {
        match given.last_of(&letters) {
            Some(letter) if letter == letters[0] => Self::Checked,
            Some(_) => Self::Unchecked,
            None => Self::Warned,
        }
    }
}

/// The two operands, of which at most one is standard input.
pub(super) fn two(operands: &[Vec<u8>]) -> Result<[&[u8]; 2], Fault> {
    match operands {
        [] => Err(Fault::failed("missing operand")),
        [one] => Err(Fault::failed(format!("missing operand after '{}'", show(one)))),
        [one, two] => Ok([one, two]),
        [_, _, extra, ..] => Err(Fault::failed(format!("extra operand '{}'", show(extra)))),
    }
}

struct Sides<'t> {
    order: Order,
    warned: [bool; 2],
    unpaired: bool,
    /// Of each file the line before the last one read, and the last one.
    before: [[Option<&'t [u8]>; 2]; 2],
}

impl<'t> Sides<'t> {
    /// The next line of a file, which should not be before the last one.
    fn next(
        &mut self,
        call: &mut Call<'_, '_>,
        side: usize,
        lines: &mut dyn Iterator<Item = &'t [u8]>,
    ) -> Result<Option<&'t [u8]>, Fault> {
        let line = lines.next();
        let [older, last] = self.before[side];
        let pair = match line {
            Some(line) => {
                self.before[side] = [last, Some(line)];
                (last, Some(line))
            }
            // What was found since may make the last two lines count.
            None => (older, last),
        };
        let checks = self.order == Order::Checked || (self.order == Order::Warned && self.unpaired);
        if let (Some(first), Some(second)) = pair
            && checks
            && !self.warned[side]
            && first > second
        {
            let words = format!("file {} is not in sorted order", side + 1);
            if self.order == Order::Checked {
                return Err(Fault::failed(words));
            }
            call.err(&words)?;
            self.warned[side] = true;
        }
        Ok(line)
    }
}

fn comm(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let mut delimiters: Vec<&[u8]> = given.values(3).collect();
    delimiters.dedup();
    let between = match delimiters.as_slice() {
        [] => b"\t".as_slice(),
        [b""] => b"\0",
        [one] => one,
        _ => return Err(Fault::failed("multiple output delimiters specified")),
    };
    let paths = two(&given.operands)?;
    if paths == [b"-", b"-"] {
        return Err(Fault::gap("standard input twice"));
    }
    let end = if given.has(b'z') { 0 } else { b'\n' };
    let shown = [b'1', b'2', b'3'].map(|letter| !given.has(letter));
    let texts = [call.text(paths[0])?, call.text(paths[1])?];
    let mut lines = [records(&texts[0], end), records(&texts[1], end)];
    let order = Order::given(&given, [1, 2]);
    let mut sides = Sides { order, warned: [false; 2], unpaired: false, before: [[None; 2]; 2] };
    let mut totals = [0u64; 3];
    call.printing(|call, out| {
        let mut now = [None; 2];
        for side in [0, 1] {
            now[side] = sides.next(call, side, &mut lines[side])?;
        }
        loop {
            let column = match now {
                [None, None] => break,
                [Some(one), Some(two)] if one == two => 2,
                [Some(one), Some(two)] => usize::from(one > two),
                [one, _] => usize::from(one.is_none()),
            };
            let line = now[column.min(1)].unwrap_or_default();
            call.shell.system.budget.read(line.len())?;
            totals[column] += 1;
            sides.unpaired |= column < 2;
            write(call, out, column, &shown, &[between, line, &[end]])?;
            for side in [0, 1] {
                if column == 2 || column == side {
                    now[side] = sides.next(call, side, &mut lines[side])?;
                }
            }
        }
        if given.has(4) {
            // A zero byte as delimiter ended the text that it stood in, before coreutils 9.2.
            let ends = between == b"\0" && !call.release()?.since((9, 2), "totals between zero bytes")?;
            let between = if ends { b"" } else { between };
            for total in totals {
                out.all(call, &[total.to_string().as_bytes(), between])?;
            }
            out.all(call, &[b"total", &[end]])?;
        }
        if sides.warned != [false; 2] {
            return Err(Fault::failed("input is not in sorted order"));
        }
        Ok(0)
    })
}

/// A line in its column, behind the columns that are shown before it: `between`, the line, its end.
fn write(
    call: &mut Call<'_, '_>,
    out: &mut Out,
    column: usize,
    shown: &[bool; 3],
    [between, line, end]: &[&[u8]; 3],
) -> Result<(), Fault> {
    if !shown[column] {
        return Ok(());
    }
    for before in &shown[..column] {
        if *before {
            out.put(call, between)?;
        }
    }
    out.all(call, &[line, end])
}

#[cfg(test)]
mod tests {
    use super::super::recorded::releases_say;
    use super::super::recorded::says;

    #[test]
    fn lines_are_compared() {
        let files = "printf '1\\n3\\n3\\n' > a; printf '2\\n3\\n4' > b; printf '2\\n1\\n' > u; ";
        let cases = [
            ("comm a b", "1\n\t2\n\t\t3\n3\n\t4\n", 0),
            ("comm -12 a b", "3\n", 0),
            ("comm -3 a b", "1\n\t2\n3\n\t4\n", 0),
            ("comm -1 a b", "2\n\t3\n4\n", 0),
            ("comm --total -123 a b", "2\t2\t1\ttotal\n", 0),
            ("comm --output-delimiter=, a b", "1\n,2\n,,3\n3\n,4\n", 0),
            ("comm u a", "\t1\n2\n1\n\t3\n\t3\n", 1),
            ("comm --nocheck-order u a", "\t1\n2\n1\n\t3\n\t3\n", 0),
            ("comm --check-order a u", "1\n\t2\n", 1),
            ("comm u u", "\t\t2\n\t\t1\n", 0),
            ("comm a", "", 1),
            ("comm a nosuch", "", 1),
            ("comm --output-delimiter=a --output-delimiter=b a b", "", 1),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{files}{script}"), output, status)]);
        }
    }

    #[test]
    fn totals_between_zero_bytes_differ() {
        let script = "echo 1 > a; echo 2 > b; comm --total --output-delimiter= a b | tr '\\0' '#'";
        releases_say(&[("9.1-1", script, "1\n#2\n110total\n", 0), ("9.7-3", script, "1\n#2\n1#1#0#total\n", 0)]);
    }
}

//! sleep(1) and timeout(1), coreutils': no time passes here, so that a pause is over at once and nothing is late.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("sleep", sleep), ("timeout", timeout)];

/// The seconds that scripts have slept.
#[derive(Debug, Default)]
struct Slept(f64);

fn sleep(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("", &[])?;
    if given.operands.is_empty() {
        return Err(Fault::failed("missing operand"));
    }
    let (mut total, mut status) = (0.0, 0);
    for word in &given.operands {
        match seconds(word)? {
            Some(seconds) => total += seconds,
            None => {
                call.err(&format!("invalid time interval '{}'", show(word)))?;
                status = 1;
            }
        }
    }
    if total.is_infinite() {
        return Err(Fault::gap("without an end"));
    }
    call.shell.system.kept::<Slept>().0 += total;
    Ok(status)
}

/// `timeout [options] DURATION COMMAND [ARGUMENT…]`
fn timeout(call: &mut Call<'_, '_>) -> Done {
    let long = [("kill-after", b'k'), ("signal", b's'), ("verbose", b'v'), ("foreground", 1), ("preserve-status", 2)];
    let given = call.options("+k:s:v\x01\x02", &long)?;
    let duration = |text: &[u8]| {
        let invalid = || Fault::Failed(125, format!("invalid time interval '{}'", show(text)));
        seconds(text)?.ok_or_else(invalid)
    };
    given.value(b'k').map(duration).transpose()?;
    if let Some(signal) = given.value(b's').filter(|signal| !SIGNALS.contains(signal)) {
        return Err(Fault::gap(format!("the signal `{}`", show(signal))));
    }
    let [limit, command @ ..] = given.operands.as_slice() else {
        return Err(Fault::Failed(125, "missing operand".into()));
    };
    if command.is_empty() {
        return Err(Fault::Failed(125, "missing operand".into()));
    }
    let limit = duration(limit)?;
    let before = call.shell.system.kept::<Slept>().0;
    let status = call.run(command)?;
    let slept = call.shell.system.kept::<Slept>().0 - before;
    if limit > 0.0 && slept >= limit {
        return Err(Fault::gap(format!("of `{}`, which sleeps longer", show(&command[0]))));
    }
    Ok(status)
}

/// Signals that it may send.
const SIGNALS: [&[u8]; 13] =
    [b"HUP", b"INT", b"QUIT", b"KILL", b"TERM", b"USR1", b"USR2", b"SIGINT", b"SIGKILL", b"SIGTERM", b"2", b"9", b"15"];

/// A duration: a number as strtod(3) reads it, with a unit; `None` where it is none.
fn seconds(text: &[u8]) -> Result<Option<f64>, Fault> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(None) };
    let number = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
    if number.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x") {
        return Err(Fault::gap(format!("the duration `{text}`")));
    }
    let unit = |letter| match letter {
        's' => Some(1.0),
        'm' => Some(60.0),
        'h' => Some(3600.0),
        'd' => Some(86_400.0),
        _ => None,
    };
    let value = match (number.parse::<f64>(), number.chars().next_back().and_then(unit)) {
        (Ok(value), _) => Some(value),
        (Err(_), Some(unit)) => number[..number.len() - 1].parse::<f64>().ok().map(|value| value * unit),
        (Err(_), None) => None,
    };
    Ok(value.filter(|value| *value >= 0.0))
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn pauses_are_over_and_nothing_is_late() {
        says(&[
            ("sleep 1 .5m; echo $?; sleep; echo $?; sleep x 1; echo $?; sleep -- -1; echo $?", "0\n1\n1\n1\n", 0),
            ("timeout 5 sh -c 'exit 3'; echo $?; timeout 0 echo a; timeout -k 5 1e1s echo b", "3\na\nb\n", 0),
            (
                "timeout; echo $?; timeout 5; echo $?; timeout 5q true; echo $?; timeout -k x 5 true",
                "125\n125\n125\n",
                125,
            ),
            (
                "timeout nan true; echo $?; timeout '' true; echo $?; timeout --foreground -s KILL inf echo c",
                "125\n125\nc\n",
                0,
            ),
            ("timeout -v --preserve-status .5d sleep 60; echo $?; sleep 10; timeout 5 true", "0\n", 0),
        ]);
        lacks(&[
            ("timeout 5 sleep 5", "of `sleep`, which sleeps longer"),
            ("timeout 1m sh -c 'sleep 40; sleep 30'", "which sleeps longer"),
            ("timeout -s FOO 5 true", "the signal `FOO`"),
            ("sleep infinity", "without an end"),
            ("sleep 0x5", "the duration `0x5`"),
        ]);
    }
}

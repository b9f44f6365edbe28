//! `dd` of a file or standard input, in blocks (POSIX; dd(1)).

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use super::text::unsigned;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("dd", dd)];

/// A number with a suffix of GNU's: `4k`, `1M`, `2x512`.
fn number(text: &[u8]) -> Result<usize, Fault> {
    let wrong = || Fault::failed(format!("invalid number: '{}'", show(text)));
    let one = |text: &str| -> Option<usize> {
        let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
        let factor: usize = match &text[digits..] {
            "" | "c" => 1,
            "w" => 2,
            "b" => 512,
            "kB" => 1000,
            "K" | "k" | "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "M" | "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "G" | "GiB" => 1 << 30,
            _ => return None,
        };
        let number = if digits == 0 && !text.is_empty() { "1" } else { &text[..digits] };
        number.parse::<usize>().ok()?.checked_mul(factor)
    };
    let text = std::str::from_utf8(unsigned(text)).map_err(|_| wrong())?;
    text.split('x').try_fold(1_usize, |all, part| all.checked_mul(one(part)?)).ok_or_else(wrong)
}

fn dd(call: &mut Call<'_, '_>) -> Done {
    let (mut from, mut to) = (None, None);
    let (mut block, mut count, mut skip) = (512, None, 0);
    let (mut truncate, mut statistics, mut synced) = (true, true, false);
    for word in call.args {
        let equals = memchr::memchr(b'=', word).ok_or_else(|| {
            Fault::failed(format!("unrecognized operand '{}'\nTry 'dd --help' for more information.", show(word)))
        })?;
        let (key, value) = (&word[..equals], &word[equals + 1..]);
        match key {
            b"if" => from = Some(value.to_vec()),
            b"of" => to = Some(value.to_vec()),
            b"bs" => block = number(value)?,
            b"count" => count = Some(number(value)?),
            b"skip" => skip = number(value)?,
            b"status" if matches!(value, b"none" | b"noxfer") => statistics = false,
            b"conv" => {
                for word in value.split(|&byte| byte == b',') {
                    match word {
                        b"notrunc" => truncate = false,
                        // All that is written is kept.
                        b"fsync" | b"fdatasync" => synced = true,
                        other => return Err(Fault::gap(format!("conv={}", show(other)))),
                    }
                }
            }
            _ => return Err(Fault::gap(format!("the operand {}", show(word)))),
        }
    }
    if block == 0 {
        return Err(Fault::failed("invalid number: '0'"));
    }
    if synced && to.is_none() {
        return Err(Fault::gap("conv=fsync or fdatasync of what may be no file"));
    }
    if let (Some(from), Some(to)) = (&from, &to)
        && call.look(from, true).is_some()
        && call.look(to, true).is_some()
        && {
            let places = [call.resolve(from, true)?, call.resolve(to, true)?];
            call.tree().id(&places[0]) == call.tree().id(&places[1])
        }
    {
        return Err(Fault::gap("a file read and written at once"));
    }
    // Of a file that has an end a part in the middle, of one that is long only what is wanted.
    let wanted = count.and_then(|count: usize| count.checked_mul(block));
    let start = skip.checked_mul(block).ok_or_else(|| Fault::gap("so large a skip"))?;
    let mut bytes = match &from {
        Some(path) => {
            let refused = |fault| match fault {
                Fault::Failed(..) => {
                    Fault::failed(format!("failed to open '{}': No such file or directory", show(path)))
                }
                other => other,
            };
            call.read(path).map_err(refused)?
        }
        None => {
            if count.is_some() || skip > 0 {
                let all = call.input()?;
                let used = start.saturating_add(wanted.unwrap_or(usize::MAX)).min(all.len());
                call.give_back(all.len(), used, block, true);
                all
            } else {
                call.input()?
            }
        }
    };
    bytes.drain(..start.min(bytes.len()));
    bytes.truncate(wanted.unwrap_or(usize::MAX));
    let (whole, rest) = (bytes.len() / block, usize::from(bytes.len() % block > 0));
    match to {
        None => call.out(&bytes)?,
        Some(path) => {
            if !truncate {
                let old = if call.look(&path, true).is_some() { call.read(&path)? } else { Vec::new() };
                bytes.extend_from_slice(old.get(bytes.len()..).unwrap_or_default());
            }
            call.write(&path, 0o666, bytes)?;
        }
    }
    if statistics {
        let line = format!("{whole}+{rest} records in\n{whole}+{rest} records out\n");
        call.shell.write(2, line.as_bytes())?;
    }
    Ok(0)
}

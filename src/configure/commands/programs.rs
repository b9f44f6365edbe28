//! Programs that run programs: `sh`, `env`, `nice`, `su`, `xargs`, `which`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::permissions;
use super::show;
use crate::configure::shell::Dialect;
use crate::configure::shell::Interpreter;
use crate::configure::world::Acting;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("bash", sh),
    ("dash", sh),
    ("env", env),
    ("nice", nice),
    ("ionice", nice),
    ("sh", sh),
    ("setsid", |call| if call.args.is_empty() { Ok(1) } else { call.run(call.args) }),
    ("runuser", su),
    ("setpriv", setpriv),
    ("su", su),
    ("nohup", |call| if call.args.is_empty() { Ok(125) } else { call.run(call.args) }),
    ("which", which),
    ("xargs", xargs),
];

/// `sh [-options] [-c command [name]] [file] [argument…]`
fn sh(call: &mut Call<'_, '_>) -> Done {
    let dialect = if call.name == b"bash" { Dialect::Bash } else { Dialect::Dash };
    let (mut options, mut text, mut rest) = (Vec::new(), false, call.args);
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first.as_slice() {
            b"--" | b"-" => break,
            b"-s" => {}
            // No file of a user or of the system is read here anyway.
            b"--norc" | b"--noprofile" | b"--noediting" if dialect == Dialect::Bash => {}
            [b'-', b'-', ..] if dialect == Dialect::Bash => {
                return Err(Fault::gap(format!("bash with the option `{}`", show(first))));
            }
            [b'-' | b'+', b'O', ..] if dialect == Dialect::Bash => return Err(Fault::gap("bash with the option `-O`")),
            [b'-' | b'+', letters @ ..] if !letters.is_empty() => {
                text |= letters.contains(&b'c');
                let others: Vec<u8> = letters.iter().copied().filter(|letter| !matches!(letter, b'c' | b's')).collect();
                if !others.is_empty() {
                    options.push([&first[..1], &others].concat());
                }
                for _ in others.iter().filter(|letter| **letter == b'o') {
                    let Some((name, tail)) = rest.split_first() else { return Err(Fault::gap("the list of options")) };
                    options.push(name.clone());
                    rest = tail;
                }
            }
            _ => {
                rest = &call.args[call.args.len() - tail.len() - 1..];
                break;
            }
        }
    }
    let interpreter = Interpreter { dialect, options };
    let (name, args) = match rest.split_first() {
        Some((first, args)) if text => {
            let (name, args) = args.split_first().map_or((call.name, args), |(name, args)| (name.as_slice(), args));
            return Ok(call.shell.run_process(first, name, args, &interpreter)?);
        }
        // `bash /usr/bin/program`: the program, whatever it is written in.
        Some((first, args)) if first.contains(&b'/') && super::known(first).is_some() => {
            let words: Vec<Vec<u8>> = [first.clone()].into_iter().chain(args.iter().cloned()).collect();
            return call.run(&words);
        }
        Some((first, args)) => (first, args),
        None if text => return Err(Fault::Failed(2, "-c requires an argument".into())),
        None => {
            let input = call.input()?;
            return Ok(call.shell.run_process(&input, call.name, &[], &interpreter)?);
        }
    };
    Ok(call.shell.run_file(name, args, &interpreter)?)
}

fn env(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("+iu:", &[("ignore-environment", b'i'), ("unset", b'u')])?;
    let mut rest = given.operands.as_slice();
    let before = call.shell.state.variables.clone();
    let budget = call.shell.world.budget.clone();
    if given.has(b'i') {
        budget.tried(before.len())?;
        call.shell.state.variables.own(&budget)?.retain(|_, variable| !variable.exported);
    }
    for name in given.values(b'u') {
        call.shell.state.variables.remove(&budget, name)?;
    }
    while let [first, tail @ ..] = rest
        && let Some(equals) = memchr::memchr(b'=', first)
    {
        call.shell.export(&first[..equals], &first[equals + 1..])?;
        rest = tail;
    }
    let result = if rest.is_empty() {
        let size: usize = call.shell.environment().map(|(name, value)| name.len() + value.len() + 2).sum();
        budget.made(size)?;
        let _room = budget.hold(size)?;
        let lines: Vec<u8> =
            call.shell.environment().flat_map(|(name, value)| [name, b"=", value, b"\n"].concat()).collect();
        call.out(lines).map(|()| 0)
    } else {
        call.run(rest)
    };
    call.shell.state.variables = before;
    result
}

fn nice(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("+n:c:p:t", &[("adjustment", b'n')])?;
    if given.operands.is_empty() {
        return Err(Fault::gap("without a command"));
    }
    call.run(&given.operands)
}

/// `su [-l] [-s SHELL] [-c COMMAND] [USER]`, `runuser -u USER [--] COMMAND`
fn su(call: &mut Call<'_, '_>) -> Done {
    let long = [("command", b'c'), ("shell", b's'), ("login", b'l'), ("user", b'u'), ("preserve-environment", b'm')];
    // Options may follow the user's name.
    let given = call.options(if call.name == b"su" { "c:s:lmp" } else { "+c:s:lmpu:" }, &long)?;
    let mut operands = given.operands.iter().filter(|word| word.as_slice() != b"-").cloned();
    let user = given.value(b'u').map(<[u8]>::to_vec).or_else(|| operands.next()).unwrap_or_else(|| b"root".to_vec());
    let words: Vec<Vec<u8>> = match given.value(b'c') {
        Some(command) => [b"sh".to_vec(), b"-c".to_vec(), command.to_vec()].into_iter().chain(operands).collect(),
        None => operands.collect(),
    };
    as_user(call, &user, &words)
}

/// `setpriv [--reuid USER] [--regid GROUP] [--init-groups] … COMMAND`
fn setpriv(call: &mut Call<'_, '_>) -> Done {
    let long = [("reuid", b'u'), ("regid", b'g'), ("init-groups", b'i'), ("clear-groups", b'i'), ("reset-env", b'r')];
    let given = call.options("+u:g:ir", &long)?;
    let user = given.value(b'u').map_or_else(|| b"root".to_vec(), <[u8]>::to_vec);
    as_user(call, &user, &given.operands)
}

/// Runs a command as a user, who must be there. In the model everyone may look at everything, but only root makes
/// files: see [`Call::create`].
fn as_user(call: &mut Call<'_, '_>, user: &[u8], words: &[Vec<u8>]) -> Done {
    if words.is_empty() {
        return Err(Fault::gap("without a command"));
    }
    let uid = permissions::user(call, user)?;
    let own = |entry: &Vec<u8>| {
        let text = show(entry);
        let fields: Vec<&str> = text.split(':').collect();
        let gid = fields.get(3).and_then(|gid| gid.parse().ok());
        (fields.get(2).and_then(|number| number.parse().ok()) == Some(uid)).then_some(gid?)
    };
    let gid = permissions::entries(call, "/etc/passwd").iter().find_map(own).unwrap_or(uid);
    let acting = (uid != 0).then(|| Acting { name: show(user), uid, gid });
    let before = std::mem::replace(&mut call.shell.world.acting, acting);
    let done = call.run(words);
    call.shell.world.acting = before;
    done
}

/// debianutils' `which`: the first executable in `PATH`.
fn which(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("as", &[])?;
    let mut status = i32::from(given.operands.is_empty());
    for name in &given.operands {
        match call.shell.find_program(name) {
            Some(path) if given.has(b's') => drop(path),
            Some(path) => call.out([path.as_slice(), b"\n"].concat())?,
            None => status = 1,
        }
    }
    Ok(status)
}

fn xargs(call: &mut Call<'_, '_>) -> Done {
    let long = [("null", b'0'), ("no-run-if-empty", b'r'), ("max-args", b'n'), ("delimiter", b'd'), ("verbose", b't')];
    let given = call.options("+0rn:I:L:d:tP:", &long)?;
    let input = call.input()?;
    let words = if given.has(b'0') {
        input.split(|&byte| byte == 0).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
    } else if let Some(delimiter) = given.value(b'd') {
        let delimiter = if delimiter == b"\\n" { b'\n' } else { delimiter.first().copied().unwrap_or(b'\n') };
        let input = input.strip_suffix(&[delimiter]).unwrap_or(&input);
        input.split(|&byte| byte == delimiter).map(<[u8]>::to_vec).collect()
    } else if given.has(b'I') || given.has(b'L') {
        let lines = input.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_start);
        lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    } else {
        quoted_words(&input)?
    };
    let command = if given.operands.is_empty() { vec![b"echo".to_vec()] } else { given.operands.clone() };
    let runs: Vec<Vec<Vec<u8>>> = if let Some(mark) = given.value(b'I') {
        let replace = |word: &Vec<u8>| command.iter().map(|part| replace_all(part, mark, word)).collect();
        words.iter().map(replace).collect()
    } else {
        let count = given.value(b'n').or(given.value(b'L')).map_or(Ok(usize::MAX), parse_count)?;
        if words.is_empty() && !given.has(b'r') {
            vec![command]
        } else {
            words.chunks(count.min(words.len()).max(1)).map(|chunk| [command.as_slice(), chunk].concat()).collect()
        }
    };
    let mut status = 0;
    for words in runs {
        match call.run(&words)? {
            0 => {}
            255 => return Ok(124),
            code @ (126 | 127) => return Ok(code),
            _ => status = 123,
        }
    }
    Ok(status)
}

fn parse_count(text: &[u8]) -> Result<usize, Fault> {
    let count = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| Fault::failed(format!("invalid number '{}'", show(text))))
}

pub(super) fn replace_all(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while !from.is_empty()
        && let Some(place) = memchr::memmem::find(rest, from)
    {
        out.extend([&rest[..place], to].concat());
        rest = &rest[place + from.len()..];
    }
    out.extend(rest);
    out
}

/// Words as `xargs` reads them: blanks separate, quotes and backslashes protect.
fn quoted_words(input: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = input.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(mark), _) if byte == mark => quote = None,
            (Some(_), b'\n') => return Err(Fault::failed("unmatched quote")),
            (Some(_), _) => word.get_or_insert_default().push(byte),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, b'\\') => word.get_or_insert_default().extend(bytes.next()),
            (None, b' ' | b'\t' | b'\n') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        return Err(Fault::failed("unmatched quote"));
    }
    words.extend(word);
    Ok(words)
}

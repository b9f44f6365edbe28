//! What the shell itself does: POSIX's special builtins, and those that dash has beside them.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::Variable;
use super::parse::is_name;
use super::printf;
use super::read;
use super::test;
use crate::configure::commands;
use crate::tree::Kind;

/// A builtin: arguments without the name, and whether its failure is tested.
pub(super) type Builtin = fn(&mut Shell<'_>, &[Vec<u8>], bool) -> Run<i32>;

/// The special builtins: found before functions; assignments before them stay.
pub(super) fn special(name: &[u8]) -> Option<Builtin> {
    Some(match name {
        b":" => |_, _, _| Ok(0),
        b"." => dot,
        b"break" => |shell, arguments, _| leave_loop(shell, "break", arguments, Interrupt::Break),
        b"continue" => |shell, arguments, _| leave_loop(shell, "continue", arguments, Interrupt::Continue),
        b"eval" => eval,
        b"exec" => exec,
        b"exit" => |shell, arguments, _| Err(Interrupt::Exit(status(shell, "exit", arguments)?)),
        b"return" => |shell, arguments, _| Err(Interrupt::Return(status(shell, "return", arguments)?)),
        b"export" => |shell, arguments, _| mark(shell, arguments, |variable| variable.exported = true),
        b"readonly" => |shell, arguments, _| mark(shell, arguments, |variable| variable.readonly = true),
        b"local" => local,
        b"set" => set,
        b"shift" => shift,
        b"times" => |shell, _, _| shell.print(b"0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n"),
        b"trap" => trap,
        b"unset" => unset,
        _ => return None,
    })
}

/// The other builtins.
pub(super) fn regular(name: &[u8]) -> Option<Builtin> {
    Some(match name {
        b"true" | b"wait" | b"hash" | b"jobs" => |_, _, _| Ok(0),
        b"false" => |_, _, _| Ok(1),
        b"alias" => alias,
        b"unalias" => unalias,
        b"cd" | b"chdir" => cd,
        b"command" => command,
        b"echo" => |shell, arguments, _| shell.print(&printf::dash_echo(arguments)),
        b"printf" => printf::printf,
        b"getopts" => read::getopts,
        b"read" => read::read,
        b"pwd" => |shell, _, _| {
            let line = [shell.state.directory.as_slice(), b"\n"].concat();
            shell.print(&line)
        },
        b"test" => |shell, arguments, _| test::test(shell, b"test", arguments),
        b"[" => |shell, arguments, _| match arguments.split_last() {
            Some((last, arguments)) if last == b"]" => test::test(shell, b"[", arguments),
            _ => shell.usage(b"[: missing ]"),
        },
        b"type" => |shell, arguments, _| describe_all(shell, arguments, true),
        b"umask" => umask,
        b"ulimit" => |shell, _, _| {
            shell.gap(b"ulimit", "the limits of a process");
            Ok(0)
        },
        _ => return None,
    })
}

impl Shell<'_> {
    /// Writes to standard output; a closed one is status 1.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Run<i32> {
        Ok(i32::from(!self.write(1, bytes)?))
    }

    /// Complains, with dash's status for wrong use.
    pub(super) fn usage(&mut self, message: &[u8]) -> Run<i32> {
        self.complain(message)?;
        Ok(2)
    }
}

fn number(shell: &mut Shell<'_>, builtin: &str, text: &[u8]) -> Run<u32> {
    match std::str::from_utf8(text).ok().and_then(|text| text.parse::<u32>().ok()) {
        Some(number) => Ok(number),
        None => shell.fatal(&[builtin.as_bytes(), b": Illegal number: ", text].concat()),
    }
}

fn status(shell: &mut Shell<'_>, builtin: &str, arguments: &[Vec<u8>]) -> Run<i32> {
    match arguments.first() {
        Some(text) => number(shell, builtin, text).map(|status| i32::from(status.to_le_bytes()[0])),
        None => Ok(shell.state.status),
    }
}

fn leave_loop(
    shell: &mut Shell<'_>,
    builtin: &str,
    arguments: &[Vec<u8>],
    interrupt: fn(u32) -> Interrupt,
) -> Run<i32> {
    let levels = match arguments.first() {
        Some(text) => number(shell, builtin, text)?,
        None => 1,
    };
    if levels == 0 {
        return shell.fatal(format!("{builtin}: Illegal number: 0").as_bytes());
    }
    match shell.state.loops {
        0 => Ok(0),
        loops => Err(interrupt(levels.min(loops))),
    }
}

fn eval(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let line = shell.state.line;
    shell.run_text(&arguments.join(&b' '), line, tested)
}

/// `. file`: in dash a failure inside is not tested by what stands around the dot.
fn dot(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let Some(name) = arguments.first() else { return shell.usage(b".: filename argument required") };
    let path = if name.contains(&b'/') { Some(shell.absolute(name)) } else { find_readable(shell, name) };
    let text = path.and_then(|path| shell.world.tree().read(path).ok().flatten());
    let Some(text) = text else {
        return shell.fatal(&[b".: cannot open ", name.as_slice(), b": No such file"].concat());
    };
    let loops = std::mem::take(&mut shell.state.loops);
    let result = shell.within(name, |shell| shell.run_text(&text, 1, false));
    shell.state.loops = loops;
    match result {
        Err(Interrupt::Return(status)) => Ok(status),
        other => other,
    }
}

fn find_readable(shell: &mut Shell<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let path = shell.variable(b"PATH").unwrap_or_default().to_vec();
    path.split(|&byte| byte == b':')
        .map(|directory| [directory, name].join(&b'/'))
        .find(|candidate| shell.world.tree().lookup(candidate).is_some_and(|(_, inode)| inode.content().is_some()))
}

fn exec(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments.is_empty() {
        return Ok(0);
    }
    let status = shell.deeper(|shell| commands::run(shell, arguments))?;
    // The process is another one now: its exit trap is gone.
    shell.state.traps.clear();
    Err(Interrupt::Exit(status))
}

fn assignment(argument: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', argument) {
        Some(equals) => (&argument[..equals], Some(&argument[equals + 1..])),
        None => (argument, None),
    }
}

fn mark(shell: &mut Shell<'_>, arguments: &[Vec<u8>], change: fn(&mut Variable)) -> Run<i32> {
    if arguments.is_empty() || arguments == [b"-p"] {
        shell.gap(b"export", "printing the marked variables");
        return Ok(0);
    }
    for argument in arguments.iter().filter(|argument| *argument != b"--") {
        let (name, value) = assignment(argument);
        if !is_name(name) {
            return shell.fatal(&[name, b": bad variable name"].concat());
        }
        if let Some(value) = value {
            shell.assign(name, value.to_vec())?;
        }
        change(shell.state.variables.entry(name.to_vec()).or_default());
    }
    Ok(0)
}

/// `local`: as in dash the variable keeps its outer value until it is given one.
fn local(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if shell.state.locals.is_empty() {
        return shell.fatal(b"local: not in a function");
    }
    for argument in arguments {
        let (name, value) = assignment(argument);
        if !is_name(name) {
            return shell.fatal(&[b"local: ", name, b": bad variable name"].concat());
        }
        let before = shell.state.variables.get(name).cloned();
        let frame = shell.state.locals.last_mut().expect("a function is running");
        if !frame.iter().any(|(known, _)| known == name) {
            frame.push((name.to_vec(), before));
        }
        if let Some(value) = value {
            shell.assign(name, value.to_vec())?;
        }
    }
    Ok(0)
}

fn set(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments.is_empty() {
        let mut text = Vec::new();
        for (name, variable) in &shell.state.variables {
            if let Some(value) = &variable.value {
                text.extend([name.as_slice(), b"=", &printf::quote(value), b"\n"].concat());
            }
        }
        return shell.print(&text);
    }
    let mut rest = arguments;
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"--" => {
                shell.state.positional = tail.to_vec();
                return Ok(0);
            }
            b"-o" | b"+o" => {
                let Some(name) = tail.first() else { return shell.usage(b"set: -o needs a name") };
                set_named(shell, name, first[0] == b'-')?;
                rest = &tail[1..];
            }
            [b'-' | b'+', _, ..] => {
                set_options(shell, first)?;
                rest = tail;
            }
            _ => {
                shell.state.positional = rest.to_vec();
                return Ok(0);
            }
        }
    }
    Ok(0)
}

/// Sets the letters of `-ex` or `+e`.
pub(super) fn set_options(shell: &mut Shell<'_>, word: &[u8]) -> Run<()> {
    let on = word[0] == b'-';
    for &letter in &word[1..] {
        let options = &mut shell.state.options;
        match letter {
            b'e' => options.errexit = on,
            b'u' => options.nounset = on,
            b'f' => options.noglob = on,
            b'C' => options.noclobber = on,
            b'a' => options.allexport = on,
            b'x' => options.xtrace = on,
            b'n' => options.noexec = on,
            b'v' => options.verbose = on,
            // Job control, notification and interactivity have no meaning here.
            b'm' | b'b' | b'h' => {}
            _ => {
                shell.gap(b"set", format!("unknown option `{}`", char::from(letter)));
                return shell.fatal(&[b"set: Illegal option -", [letter].as_slice()].concat());
            }
        }
    }
    Ok(())
}

fn set_named(shell: &mut Shell<'_>, name: &[u8], on: bool) -> Run<()> {
    let letter: &[u8] = match name {
        b"errexit" => b"e",
        b"nounset" => b"u",
        b"noglob" => b"f",
        b"noclobber" => b"C",
        b"allexport" => b"a",
        b"xtrace" => b"x",
        b"noexec" => b"n",
        b"verbose" => b"v",
        b"monitor" | b"notify" => b"m",
        b"pipefail" => {
            shell.state.options.pipefail = on;
            return Ok(());
        }
        _ => {
            shell.gap(b"set", format!("unknown option `{}`", crate::tree::escape(name)));
            return shell.fatal(&[b"set: Illegal option -o ", name].concat());
        }
    };
    set_options(shell, &[if on { b"-".as_slice() } else { b"+" }, letter].concat())
}

fn shift(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let count = match arguments.first() {
        Some(text) => number(shell, "shift", text)? as usize,
        None => 1,
    };
    if count > shell.state.positional.len() {
        return shell.fatal(b"shift: can't shift that many");
    }
    shell.state.positional.drain(..count);
    Ok(0)
}

const SIGNALS: [&[u8]; 15] = [
    b"EXIT", b"HUP", b"INT", b"QUIT", b"ILL", b"TRAP", b"ABRT", b"BUS", b"FPE", b"KILL", b"USR1", b"SEGV", b"USR2",
    b"PIPE", b"ALRM",
];

/// `trap`: only EXIT ever happens here; signals are remembered, and never come.
fn trap(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let Some(first) = arguments.first() else {
        let mut text = Vec::new();
        for (signal, action) in &shell.state.traps {
            text.extend([b"trap -- ".as_slice(), &printf::quote(action), b" ", signal, b"\n"].concat());
        }
        return shell.print(&text);
    };
    let is_number = first.iter().all(u8::is_ascii_digit) && !first.is_empty();
    let (action, signals) =
        if arguments.len() == 1 || is_number { (None, arguments) } else { (Some(first.clone()), &arguments[1..]) };
    for signal in signals {
        let name = match std::str::from_utf8(signal).ok().and_then(|text| text.parse::<usize>().ok()) {
            Some(number) => SIGNALS.get(number).map_or_else(|| signal.clone(), |name| name.to_vec()),
            None => signal.strip_prefix(b"SIG").unwrap_or(signal).to_vec(),
        };
        match &action {
            None => shell.state.traps.remove(&name),
            Some(action) if action == b"-" => shell.state.traps.remove(&name),
            Some(action) => shell.state.traps.insert(name, action.clone()),
        };
    }
    Ok(0)
}

fn unset(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (functions, names) = match arguments.split_first() {
        Some((first, rest)) if first == b"-f" => (true, rest),
        Some((first, rest)) if first == b"-v" || first == b"--" => (false, rest),
        _ => (false, arguments),
    };
    for name in names {
        if functions {
            shell.state.functions.remove(name);
        } else if shell.state.variables.get(name).is_some_and(|variable| variable.readonly) {
            return shell.fatal(&[name.as_slice(), b": is read only"].concat());
        } else {
            shell.state.variables.remove(name);
        }
    }
    Ok(0)
}

fn alias(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let mut result = 0;
    for argument in arguments {
        match assignment(argument) {
            (name, Some(value)) => {
                shell.state.aliases.insert(name.to_vec(), value.to_vec());
            }
            (name, None) => match shell.state.aliases.get(name).cloned() {
                Some(value) => {
                    let line = [name, b"=", &printf::quote(&value), b"\n"].concat();
                    shell.print(&line)?;
                }
                None => {
                    shell.complain(&[b"alias: ", name, b" not found"].concat())?;
                    result = 1;
                }
            },
        }
    }
    Ok(result)
}

fn unalias(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments == [b"-a"] {
        shell.state.aliases.clear();
        return Ok(0);
    }
    let gone = arguments.iter().filter(|name| shell.state.aliases.remove(*name).is_some()).count();
    Ok(i32::from(gone < arguments.len()))
}

fn cd(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let mut physical = false;
    let mut rest = arguments;
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"-P" => physical = true,
            b"-L" => physical = false,
            b"--" => {
                rest = tail;
                break;
            }
            _ => break,
        }
        rest = tail;
    }
    let target = match rest.first().map(Vec::as_slice) {
        None => shell.variable(b"HOME").unwrap_or(b"").to_vec(),
        Some(b"-") => shell.variable(b"OLDPWD").unwrap_or(b"").to_vec(),
        Some(directory) => directory.to_vec(),
    };
    let wanted = shell.absolute(&target);
    let place = shell.world.tree().lookup(&wanted).filter(|(_, inode)| inode.is_directory()).map(|(place, _)| place);
    let Some(place) = place.filter(|_| !target.is_empty()) else {
        return shell.usage(&[b"cd: can't cd to ", target.as_slice()].concat());
    };
    let new = if physical { [b"/", place.as_bytes()].concat() } else { logical(&wanted) };
    let old = std::mem::replace(&mut shell.state.directory, new.clone());
    shell.assign(b"OLDPWD", old)?;
    shell.assign(b"PWD", new.clone())?;
    if rest.first().is_some_and(|first| first == b"-") {
        return shell.print(&[new.as_slice(), b"\n"].concat());
    }
    Ok(0)
}

/// An absolute path without `.`, `..` and doubled slashes, links not looked at.
fn logical(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    [b"/", names.join(&b'/').as_slice()].concat()
}

fn command(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    match arguments.split_first() {
        None => Ok(0),
        // As in dash only the first name counts.
        Some((first, rest)) if first == b"-v" => describe_all(shell, &rest[..rest.len().min(1)], false),
        Some((first, rest)) if first == b"-V" => describe_all(shell, &rest[..rest.len().min(1)], true),
        Some((first, rest)) if (first == b"-p" || first == b"--") && !rest.is_empty() => {
            shell.call(rest, tested, false)
        }
        _ => shell.call(arguments, tested, false),
    }
}

fn describe_all(shell: &mut Shell<'_>, names: &[Vec<u8>], long: bool) -> Run<i32> {
    let mut result = 0;
    for name in names {
        let what: Option<(Vec<u8>, &[u8])> = if let Some(value) = shell.state.aliases.get(name) {
            let text = [b"alias ", name.as_slice(), b"=", &printf::quote(value)].concat();
            Some((text, b"an alias"))
        } else if special(name).is_some() {
            Some((name.clone(), b"a special shell builtin"))
        } else if shell.state.functions.contains_key(name) {
            Some((name.clone(), b"a shell function"))
        } else if regular(name).is_some() {
            Some((name.clone(), b"a shell builtin"))
        } else {
            shell.find_program(name).map(|path| (path, &b""[..]))
        };
        let line = match what {
            Some((text, _)) if !long => [text.as_slice(), b"\n"].concat(),
            Some((path, b"")) => [name.as_slice(), b" is ", &path, b"\n"].concat(),
            Some((_, kind)) => [name.as_slice(), b" is ", kind, b"\n"].concat(),
            None => {
                result = 127;
                if !long {
                    continue;
                }
                [name.as_slice(), b": not found\n"].concat()
            }
        };
        shell.print(&line)?;
    }
    Ok(result)
}

impl Shell<'_> {
    /// The path by which `PATH` finds a program of the tree; the name itself when it has a slash.
    pub fn find_program(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if name.is_empty() {
            return None;
        }
        if name.contains(&b'/') {
            let path = self.absolute(name);
            return self.is_program(&path).then(|| name.to_vec());
        }
        let search = self.variable(b"PATH").unwrap_or_default().to_vec();
        let mut candidates = search.split(|&byte| byte == b':').map(|directory| [directory, name].join(&b'/'));
        candidates.find(|candidate| self.is_program(candidate))
    }

    fn is_program(&mut self, path: &[u8]) -> bool {
        self.world
            .tree()
            .lookup(path)
            .is_some_and(|(_, inode)| matches!(inode.kind, Kind::File(_)) && inode.stat.mode & 0o111 != 0)
    }
}

fn umask(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let Some(first) = arguments.first() else {
        let line = format!("{:04o}\n", shell.state.umask);
        return shell.print(line.as_bytes());
    };
    match std::str::from_utf8(first).ok().and_then(|text| u32::from_str_radix(text, 8).ok()) {
        Some(mask) => {
            shell.state.umask = mask & 0o777;
            Ok(0)
        }
        None => {
            shell.gap(b"umask", "a symbolic mask");
            Ok(2)
        }
    }
}

//! What the shell itself does: POSIX's special builtins, and those that dash has beside them.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::Variable;
use super::quote;
use super::reader::is_name;
use super::state::Frame;
use super::value::Table;
use super::value::Words;

/// `ulimit [-HSfdsn…] VALUE`: nothing that is followed here has the limits of a process. What they are is a machine's.
pub(super) fn ulimit(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let options = arguments.iter().take_while(|word| word.starts_with(b"-") && word.len() > 1).count();
    let (options, values) = arguments.split_at(options);
    let known = |letter: &u8| b"HSacdflmnprstvw-".contains(letter);
    if let Some(option) = options.iter().find(|option| !option[1..].iter().all(known)) {
        if shell.is_bash() {
            shell.lacks(format!("`ulimit {}`", crate::tree::escape(option)));
        }
        return shell.usage(&[b"ulimit: Illegal option ", option.as_slice()].concat());
    }
    let letter = |letter: u8| options.iter().any(|option| option.contains(&letter));
    match values {
        // What scripts that are followed here could run into is only how large a file may be, and how many are open.
        [value] if value == b"unlimited" || !(letter(b'a') || letter(b'f') || options.is_empty()) => {
            let number = std::str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_digit));
            match number.and_then(|number| number.parse::<u64>().ok()) {
                Some(number) if letter(b'n') && number < 64 => shell.gap(b"ulimit", "so few open files"),
                None if value != b"unlimited" && !shell.is_bash() => return shell.usage(b"ulimit: bad number"),
                _ => {}
            }
            Ok(0)
        }
        [_, _, ..] if !shell.is_bash() => shell.usage(b"ulimit: too many arguments"),
        [_] if letter(b'a') && !shell.is_bash() => shell.usage(b"ulimit: too many arguments"),
        _ => {
            shell.gap(b"ulimit", "the limits of a process");
            Ok(0)
        }
    }
}

impl Shell<'_> {
    /// Writes to standard output; a closed one is status 1.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Run<i32> {
        Ok(i32::from(!bytes.is_empty() && !self.write(1, bytes)?))
    }

    /// Complains, with dash's status for wrong use.
    pub(super) fn usage(&mut self, message: &[u8]) -> Run<i32> {
        self.complain(message)?;
        Ok(2)
    }
}

fn number(shell: &mut Shell<'_>, builtin: &str, text: &[u8]) -> Run<u32> {
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
    let small = |number: &u32| i32::try_from(*number).is_ok();
    match digits.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok()).filter(small) {
        Some(number) => Ok(number),
        None => {
            shell.complain(&[builtin.as_bytes(), b": Illegal number: ", text].concat())?;
            Err(Interrupt::Exit(2))
        }
    }
}

/// `exit [status]`: in a trap what counts is what was before it.
pub(super) fn exit(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let status = match arguments {
        [] => shell.state.trapped.unwrap_or(shell.state.status),
        [_, _, ..] if shell.is_bash() => return too_many(shell, "exit"),
        [text, ..] => signed(shell, "exit", text)?,
    };
    Err(Interrupt::Exit(status & 0xff))
}

pub(super) fn return_(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if shell.is_bash() && shell.state.frames.is_empty() {
        return shell.usage(b"return: can only `return' from a function or sourced script");
    }
    let status = match arguments {
        [] => shell.state.status,
        [_, _, ..] if shell.is_bash() => return too_many(shell, "return"),
        [text, ..] if shell.is_bash() && !is_integer(text) => {
            shell.complain(&[b"return: ", text.as_slice(), b": numeric argument required"].concat())?;
            2
        }
        [text, ..] => signed(shell, "return", text)?,
    };
    Err(Interrupt::Return(if shell.is_bash() { status & 0xff } else { status }))
}

/// What bash says of one word too many: the line ends.
fn too_many(shell: &mut Shell<'_>, builtin: &str) -> Run<i32> {
    shell.complain(format!("{builtin}: too many arguments").as_bytes())?;
    // Of `-c` all that is left is given up.
    let is_last = shell.state.origin == super::Origin::Words && shell.state.subshells == 0;
    Err(if is_last { Interrupt::Exit(1) } else { Interrupt::Discard })
}

/// Whether bash takes a text for a number.
fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.trim().parse::<i64>().is_ok())
}

/// A status: bash takes negative ones.
fn signed(shell: &mut Shell<'_>, builtin: &str, text: &[u8]) -> Run<i32> {
    match text.strip_prefix(b"-") {
        Some(digits) if shell.is_bash() => {
            let number = number(shell, builtin, digits)?;
            Ok(i32::from_le_bytes(number.wrapping_neg().to_le_bytes()))
        }
        _ => Ok(i32::from_le_bytes(number(shell, builtin, text)?.to_le_bytes())),
    }
}

/// `pwd [-L | -P]`
pub(super) fn pwd(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let mut physical = false;
    for argument in arguments {
        match argument.as_slice() {
            b"-P" => physical = true,
            b"-L" => physical = false,
            b"--" => break,
            [b'-', _, ..] => return shell.usage(b"pwd: Illegal option"),
            _ => break,
        }
    }
    let directory = shell.state.directory.clone();
    let directory = match shell.system.tree().resolve(&directory, true) {
        Ok(place) if physical => [b"/", place.as_bytes()].concat(),
        _ => directory,
    };
    shell.print(&[directory.as_slice(), b"\n"].concat())
}

pub(super) fn leave_loop(
    shell: &mut Shell<'_>,
    builtin: &str,
    arguments: &[Vec<u8>],
    interrupt: fn(u32) -> Interrupt,
) -> Run<i32> {
    if shell.is_bash() && (shell.state.loops == 0 || arguments.len() > 1) {
        return if shell.state.loops == 0 { Ok(0) } else { too_many(shell, builtin) };
    }
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

pub(super) fn eval(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let line = shell.state.line;
    let bare = if shell.is_bash() { arguments.strip_prefix(&[b"--".to_vec()][..]) } else { None };
    let arguments = bare.unwrap_or(arguments);
    if bare.is_none() && shell.is_bash() && arguments.first().is_some_and(|first| is_option(first)) {
        return shell.usage(b"eval: invalid option");
    }
    shell.spend(arguments.iter().map(|argument| argument.len() + 1).sum())?;
    shell.run_text(&arguments.join(&b' '), line, tested)
}

/// Whether bash takes a word for options.
pub(super) fn is_option(word: &[u8]) -> bool {
    word.len() > 1 && word[0] == b'-'
}

/// `. file [argument…]`: in dash a failure inside is not tested by what stands around the dot, and there are no
/// arguments.
pub(super) fn dot(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let bash = shell.is_bash();
    let Some((name, own)) = arguments.split_first() else { return shell.usage(b".: filename argument required") };
    let path = if name.contains(&b'/') { Some(shell.absolute(name)) } else { find_readable(shell, name) };
    // bash looks into the current directory last.
    let path = path.or_else(|| bash.then(|| shell.absolute(name)));
    let text = path.map(|path| shell.script(&path)).transpose()?.flatten();
    let Some(text) = text else {
        // What dash reads of a directory is nothing.
        if !bash && shell.look(name, true).is_some_and(|inode| inode.is_directory()) && name.contains(&b'/') {
            return Ok(0);
        }
        return shell.refuse(&[b".: cannot open ", name.as_slice(), b": No such file"].concat());
    };
    let mut positional = None;
    if bash {
        if !own.is_empty() {
            let words = Words::copy(&shell.system.budget, own)?.into();
            positional = Some(std::mem::replace(&mut shell.state.positional, words));
        }
        let (function, file, line) = (b"source".as_slice().into(), name.as_slice().into(), shell.state.line);
        shell.state.frames.push(std::rc::Rc::new(Frame { function, file, line, hidden: None }));
    }
    let result = shell.within(name, |shell| shell.run_text(&text, 1, tested && bash));
    if bash {
        shell.state.frames.pop();
    }
    if let Some(positional) = positional {
        shell.state.positional = positional;
    }
    match result {
        Err(Interrupt::Return(status)) => Ok(status),
        other => other,
    }
}

fn find_readable(shell: &mut Shell<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let path = shell.variable(b"PATH").unwrap_or_default().to_vec();
    path.split(|&byte| byte == b':').find_map(|directory| {
        let candidate = shell.absolute(&super::path::in_directory(directory, name));
        let found = shell.system.tree().lookup(&candidate).is_some_and(|(_, inode)| inode.content().is_some());
        found.then_some(candidate)
    })
}

pub(super) fn exec(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments.is_empty() {
        return Ok(0);
    }
    if shell.is_bash() && arguments[0].first() == Some(&b'-') {
        shell.lacks(format!("`exec {}`", crate::tree::escape(&arguments[0])));
        return Ok(1);
    }
    shell.state.replaced = true;
    let status = shell.deeper(|shell| shell.program(arguments))?;
    // The process is another one now: its exit trap is gone.
    shell.state.traps = Table::default();
    Err(Interrupt::Exit(status))
}

fn assignment(argument: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', argument) {
        Some(equals) => (&argument[..equals], Some(&argument[equals + 1..])),
        None => (argument, None),
    }
}

/// dash's `export` and `readonly`.
pub(super) fn mark(shell: &mut Shell<'_>, builtin: &'static str, arguments: &[Vec<u8>]) -> Run<i32> {
    let change: fn(&mut Variable) = match builtin {
        "export" => |variable| variable.exported = true,
        _ => |variable| variable.readonly = true,
    };
    if arguments.is_empty() || arguments == [b"-p"] {
        let mut text = Vec::new();
        for (name, variable) in shell.state.variables.iter() {
            if if builtin == "export" { variable.exported } else { variable.readonly } {
                text.extend([builtin.as_bytes(), b" ", name].concat());
                if let Some(value) = variable.text() {
                    text.extend([b"=".as_slice(), &quote::dash_quoted(value)].concat());
                }
                text.push(b'\n');
            }
        }
        return shell.print(&text);
    }
    for argument in arguments.iter().filter(|argument| *argument != b"--") {
        let (name, value) = assignment(argument);
        if !is_name(name) {
            return shell.fatal(&[builtin.as_bytes(), b": ", name, b": bad variable name"].concat());
        }
        if let Some(value) = value {
            shell.assign(name, value.to_vec())?;
        }
        shell.change(name, change)?;
    }
    Ok(0)
}

/// `local`: as in dash the variable keeps its outer value until it is given one.
pub(super) fn local(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if shell.state.frames.is_empty() {
        return shell.fatal(b"local: not in a function");
    }
    for argument in arguments {
        let (name, value) = assignment(argument);
        if !is_name(name) {
            return shell.fatal(&[b"local: ", name, b": bad variable name"].concat());
        }
        shell.hide(name, false)?;
        if let Some(value) = value {
            shell.assign(name, value.to_vec())?;
        }
    }
    Ok(0)
}

pub(super) fn shift(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let count = match arguments {
        [] => 1,
        [_, _, ..] if shell.is_bash() => return too_many(shell, "shift"),
        [text, ..] if shell.is_bash() && (text.starts_with(b"-") || !is_integer(text)) => {
            shell.complain(&[b"shift: ", text.as_slice(), b": shift count out of range"].concat())?;
            return Ok(1);
        }
        [text, ..] => number(shell, "shift", text)? as usize,
    };
    match shell.state.positional.shift(count) {
        true => Ok(0),
        false if shell.is_bash() => Ok(1),
        false => shell.fatal(b"shift: can't shift that many"),
    }
}

pub(super) fn unset(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let bash = shell.is_bash();
    let (mut functions, mut variables, mut rest) = (false, false, arguments);
    while let [first, tail @ ..] = rest {
        match first.as_slice() {
            b"-f" => (functions, variables) = (true, false),
            b"-v" => (functions, variables) = (false, true),
            b"--" => {
                rest = tail;
                break;
            }
            [b'-', letter, ..] => {
                shell.gap(shell.state.dialect.name().as_bytes(), format!("unset: option `{}`", letter.escape_ascii()));
                return shell.usage(b"unset: Illegal option");
            }
            _ => break,
        }
        rest = tail;
    }
    let mut status = 0;
    for name in rest {
        let element = memchr::memchr(b'[', name).filter(|open| bash && is_name(&name[..*open]) && name.ends_with(b"]"));
        if functions {
            shell.state.functions.remove(&shell.system.budget, name)?;
        } else if shell.state.variables.get(name).is_some_and(|variable| variable.readonly) {
            let message = [b"unset: ", name.as_slice(), b": is read only"].concat();
            status = shell.refuse(&message)?;
        } else if let Some(open) = element {
            status |= shell.unset_element(&name[..open], &name[open + 1..name.len() - 1])?;
        } else if bash && !variables && !shell.state.variables.contains(name) {
            // A name that is no variable's is a function's.
            shell.state.functions.remove(&shell.system.budget, name)?;
        } else if !bash && !is_name(name) {
            return shell.fatal(&[b"unset: ", name.as_slice(), b": bad variable name"].concat());
        } else if bash {
            shell.unset_bash(name)?;
        } else {
            shell.remove_variable(name)?;
            if !bash && name == b"OPTIND" {
                // dash sets it to what is there now: nothing, which is no number.
                return shell.fatal(b"unset: Illegal number: ");
            }
        }
    }
    Ok(status)
}

pub(super) fn alias(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let mut result = 0;
    if arguments.is_empty() {
        let start: &[u8] = if shell.is_bash() { b"alias " } else { b"" };
        let line = |name: &[u8], value: &[u8]| [start, name, b"=", &quote::dash_quoted(value), b"\n"].concat();
        let text: Vec<u8> = shell.state.aliases.iter().flat_map(|(name, value)| line(name, value)).collect();
        return shell.print(&text);
    }
    for argument in arguments {
        match assignment(argument) {
            (name, Some(value)) => {
                let goes_on = match value.last() {
                    Some(b' ' | b'\t') => !shell.is_bash(),
                    last => last == Some(&b'\\'),
                };
                if goes_on {
                    shell.gap(b"alias", "one whose text goes on behind it");
                }
                if value.contains(&b'\n') {
                    shell.gap(b"alias", "one of several lines");
                }
                let value = shell.keep(value.to_vec())?;
                shell.state.aliases.insert(&shell.system.budget, name, value)?;
            }
            (name, None) => match shell.state.aliases.get(name).cloned() {
                Some(value) => {
                    let start: &[u8] = if shell.is_bash() { b"alias " } else { b"" };
                    let line = [start, name, b"=", &quote::dash_quoted(&value), b"\n"].concat();
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

pub(super) fn unalias(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments == [b"-a"] {
        shell.state.aliases = Table::default();
        return Ok(0);
    }
    if arguments.is_empty() && shell.is_bash() {
        return shell.usage(b"unalias: usage: unalias [-a] name [name ...]");
    }
    let mut status = 0;
    for name in arguments {
        status |= i32::from(shell.state.aliases.remove(&shell.system.budget, name)?.is_none());
    }
    Ok(status)
}

pub(super) fn cd(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
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
    if rest.len() > 1 && shell.is_bash() {
        shell.complain(b"cd: too many arguments")?;
        return Ok(1);
    }
    let target = match rest.first().map(Vec::as_slice) {
        None => shell.variable(b"HOME").unwrap_or(b"").to_vec(),
        Some(b"-") => shell.variable(b"OLDPWD").unwrap_or(b"").to_vec(),
        Some(directory) => directory.to_vec(),
    };
    let searches = !target.starts_with(b"/") && !target.starts_with(b".");
    if searches && shell.variable(b"CDPATH").is_some_and(|path| !path.is_empty()) {
        shell.gap(b"cd", "a search in CDPATH");
    }
    let prints = rest.first().is_some_and(|first| first == b"-");
    change_directory(shell, &target, physical, prints)
}

pub(super) fn change_directory(shell: &mut Shell<'_>, target: &[u8], physical: bool, prints: bool) -> Run<i32> {
    let written = shell.absolute(target);
    // What stands before `..` need not be there: in dash.
    let wanted = if physical || shell.is_bash() { written.clone() } else { logical(&written) };
    let place = shell.system.tree().lookup(&wanted).filter(|(_, inode)| inode.is_directory()).map(|(place, _)| place);
    // bash stays where it is when it is told to go nowhere.
    let Some(place) = place.filter(|_| !target.is_empty() || shell.is_bash()) else {
        shell.complain(&[b"cd: can't cd to ", target].concat())?;
        return Ok(if shell.is_bash() { 1 } else { 2 });
    };
    let new = if physical { [b"/", place.as_bytes()].concat() } else { logical(&written) };
    let old = std::mem::replace(&mut shell.state.directory, new.clone());
    for (name, value) in [(b"OLDPWD".as_slice(), old), (b"PWD", new.clone())] {
        shell.assign(name, value.clone())?;
        shell.export(name, &value)?;
    }
    if prints {
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
    // Two slashes at the beginning, and no more, may mean something else (POSIX, 4.13).
    let start: &[u8] = if path.starts_with(b"//") && path.get(2) != Some(&b'/') { b"//" } else { b"/" };
    [start, names.join(&b'/').as_slice()].concat()
}

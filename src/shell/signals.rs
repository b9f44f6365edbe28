//! `trap` and `kill`: signals that a script sends itself, its end, and bash's trap for errors. There are no other
//! processes, so nobody else ever sends one.

use std::rc::Rc;

use super::Interrupt;
use super::Run;
use super::Shell;
use super::quote;
use super::value::Table;
use super::value::Value;

/// Names by number (signal(7), x86 and arm); 0 is the shell's end.
const NAMES: [&str; 32] = [
    "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
    "IO", "PWR", "SYS",
];

/// The number of the process that runs a maintainer script.
pub(super) const FIRST: u32 = 1000;

/// The numbers of processes, which are counted: the same in every build. Each has the one that it was made by.
#[derive(Debug, Default)]
struct Processes(Vec<u32>);

impl Shell<'_> {
    /// Gives this shell, the copy of another one, a process of its own, but where `exec` put it into that one's.
    pub(super) fn become_process(&mut self) {
        if std::mem::take(&mut self.state.replaced) {
            return;
        }
        self.state.process = self.new_process();
    }

    /// The number of a process that this one makes.
    pub(super) fn new_process(&mut self) -> u32 {
        let processes = &mut self.system.kept::<Processes>().0;
        processes.push(self.state.process);
        FIRST + u32::try_from(processes.len()).unwrap_or(u32::MAX - FIRST)
    }

    /// The process that made this one. That of a maintainer script is dpkg's: nobody knows its number.
    pub(super) fn parent(&mut self) -> u32 {
        let place = self.state.process.checked_sub(FIRST + 1).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.system.kept::<Processes>().0.get(place).copied()).unwrap_or(1)
    }
}

/// The number of a signal by number, or by name; bash takes names that begin with `SIG`, too.
fn number(shell: &Shell<'_>, word: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(word).ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|number| *number < NAMES.len());
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").filter(|_| shell.is_bash()).unwrap_or(&upper);
    NAMES.iter().position(|known| *known == name)
}

/// `trap [action] condition…`
pub(super) fn trap(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == b"--" => rest,
        Some((first, _)) if first.len() > 1 && first.starts_with(b"-") && !shell.is_bash() => {
            return shell.fatal(&[b"trap: Illegal option ", first.as_slice()].concat());
        }
        _ => arguments,
    };
    let listed = match arguments.first().map(Vec::as_slice) {
        None => Some(&[][..]),
        Some(b"-p") if shell.is_bash() => Some(&arguments[1..]),
        Some(b"-l") if shell.is_bash() => {
            shell.lacks("`trap -l`");
            return Ok(0);
        }
        Some(_) => None,
    };
    if let Some(names) = listed {
        return list(shell, names);
    }
    let first = &arguments[0];
    let is_number = first.iter().all(u8::is_ascii_digit) && !first.is_empty();
    let (action, conditions) =
        if arguments.len() == 1 || is_number { (None, arguments) } else { (Some(first.clone()), &arguments[1..]) };
    let action = action.filter(|action| action != b"-");
    let action = action.map(|action| shell.keep(action)).transpose()?;
    let mut status = 0;
    for condition in conditions {
        if !set(shell, condition, action.as_ref())? {
            let message = [b"trap: ".as_slice(), condition, b": bad trap"].concat();
            if !shell.is_bash() {
                shell.print_error(&[message.as_slice(), b"\n"].concat())?;
                return Ok(1);
            }
            shell.complain(&message)?;
            status = 1;
        }
    }
    Ok(status)
}

fn set(shell: &mut Shell<'_>, condition: &[u8], action: Option<&Value>) -> Run<bool> {
    let name: &[u8] = match number(shell, condition) {
        Some(number) => NAMES[number].as_bytes(),
        None if shell.is_bash() => match condition.to_ascii_uppercase().as_slice() {
            b"ERR" => b"ERR",
            // To take away what was never there is fine.
            b"DEBUG" | b"RETURN" if action.is_none() => return Ok(true),
            name @ (b"DEBUG" | b"RETURN") => {
                shell.lacks(format!("`trap … {}`", String::from_utf8_lossy(name)));
                return Ok(true);
            }
            _ => return Ok(false),
        },
        None => return Ok(false),
    };
    shell.state.inherited = Table::default();
    match action {
        Some(action) if name == b"PIPE" && action.is_empty() && shell.state.subshells > 0 => {
            shell.gap(b"trap", "output that nobody reads any more");
        }
        None => drop(shell.state.traps.remove(&shell.system.budget, name)?),
        Some(action) => drop(shell.state.traps.insert(&shell.system.budget, name, action.clone())?),
    }
    Ok(true)
}

fn list(shell: &mut Shell<'_>, wanted: &[Vec<u8>]) -> Run<i32> {
    let wanted: Vec<Option<usize>> = wanted.iter().map(|name| number(shell, name)).collect();
    let mut all: Vec<(usize, Value)> = Vec::new();
    let inherited = shell.is_bash() && shell.state.subshells > 0 && !shell.state.inherited.is_empty();
    let traps = if inherited { &shell.state.inherited } else { &shell.state.traps };
    for (name, action) in traps.iter() {
        let number = number(shell, name).unwrap_or(NAMES.len());
        if wanted.is_empty() || wanted.contains(&Some(number)) {
            all.push((number, action.clone()));
        }
    }
    all.sort_by_key(|(number, _)| *number);
    let mut text = Vec::new();
    for (number, action) in all {
        let bash = shell.is_bash();
        let name = match number {
            0 => "EXIT".to_owned(),
            number if number == NAMES.len() => "ERR".to_owned(),
            number if bash => format!("SIG{}", NAMES[number]),
            number => NAMES[number].to_owned(),
        };
        let quoted = if bash { quote::single_quoted(&action) } else { quote::dash_quoted(&action) };
        text.extend([b"trap -- ".as_slice(), &quoted, b" ", name.as_bytes(), b"\n"].concat());
    }
    shell.print(&text)
}

/// `wait [job…]`: there are no jobs but those that sleep.
pub(super) fn wait(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let bash = shell.is_bash();
    shell.wake_jobs();
    let mut status = 0;
    for (index, job) in arguments.iter().enumerate() {
        status = match job.as_slice() {
            _ if job.iter().all(u8::is_ascii_digit) => {
                let process = std::str::from_utf8(job).ok().and_then(|number| number.parse().ok());
                process.and_then(|process| shell.state.jobs.status(process)).unwrap_or(127)
            }
            b"-n" if bash => 127,
            [b'-', ..] if bash => {
                shell.lacks("options of `wait`");
                return Ok(2);
            }
            [b'-', ..] if index == 0 => return shell.usage(&[b"wait: Illegal option ", job.as_slice()].concat()),
            [b'%', ..] if bash => 127,
            [b'%', ..] => return shell.usage(&[b"wait: No such job: ", job.as_slice()].concat()),
            _ if bash => 1,
            _ => return shell.usage(&[b"wait: Illegal number: ", job.as_slice()].concat()),
        };
    }
    Ok(status)
}

/// `kill [-s signal | -signal] process…`, `kill -l`
pub(super) fn kill(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut signal, mut rest) = (Some(15), arguments);
    match arguments {
        [first, tail @ ..] if first == b"-l" || first == b"-L" => return names(shell, tail),
        [first, name, tail @ ..] if first == b"-s" || (first == b"-n" && shell.is_bash()) => {
            (signal, rest) = (number(shell, name), tail);
        }
        [first, tail @ ..] if first == b"--" => rest = tail,
        [first, tail @ ..] if first.first() == Some(&b'-') && first.len() > 1 => {
            (signal, rest) = (number(shell, &first[1..]), tail);
        }
        _ => {}
    }
    let Some(signal) = signal else { return shell.usage(b"kill: invalid signal number or name") };
    let rest = rest.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(rest);
    if rest.is_empty() {
        return shell.usage(b"kill: usage: kill [-s sigspec | -signum | -sigspec] [pid | job]...");
    }
    let mut status = 0;
    let known = FIRST..=FIRST + u32::try_from(shell.system.kept::<Processes>().0.len()).unwrap_or(u32::MAX - FIRST);
    for process in rest {
        let number = std::str::from_utf8(process).ok().and_then(|number| number.parse::<u32>().ok());
        match process.as_slice() {
            _ if number == Some(shell.state.process) => match signal {
                0 => {}
                _ if shell.state.subshells > 0 => shell.gap(b"kill", "a signal from a subshell to its shell"),
                signal => shell.pending = Some(i32::try_from(signal).expect("a small number")),
            },
            _ if number.is_some_and(|number| shell.state.jobs.sleeps(number)) => match (number, signal) {
                (Some(number), 1 | 2 | 9 | 15) => shell.state.jobs.kill(number, i32::try_from(signal).unwrap_or(15)),
                (_, 0) => {}
                _ => shell.gap(b"kill", "another process"),
            },
            _ if number.is_some_and(|number| known.contains(&number)) => shell.gap(b"kill", "another process"),
            b"0" | [b'-', ..] => shell.gap(b"kill", "a signal to a group of processes"),
            [b'%', ..] => shell.gap(b"kill", "a job"),
            // The first process is there on every machine, and nothing else runs.
            b"1" if signal == 0 => {}
            b"1" => shell.gap(b"kill", "a signal to process 1"),
            _ => {
                shell.complain(&[b"kill: (".as_slice(), process, b") - No such process"].concat())?;
                status = 1;
            }
        }
    }
    Ok(status)
}

fn names(shell: &mut Shell<'_>, wanted: &[Vec<u8>]) -> Run<i32> {
    if wanted.is_empty() {
        shell.gap(b"kill", "the list of signals");
        return Ok(0);
    }
    let (mut text, mut failed) = (String::new(), 0);
    // dash looks at the first only.
    let count = if shell.is_bash() { wanted.len() } else { 1 };
    for word in &wanted[..count] {
        let status = std::str::from_utf8(word).ok().and_then(|word| word.parse::<usize>().ok());
        let line = match status {
            Some(0 | 128) if !shell.is_bash() => None,
            Some(status) if (NAMES.len()..=64).contains(&(if status > 128 { status - 128 } else { status })) => {
                shell.gap(b"kill", "the name of a signal for real time");
                continue;
            }
            Some(status) => NAMES.get(if status > 128 { status - 128 } else { status }).map(|name| (*name).to_owned()),
            None if shell.is_bash() => number(shell, word).map(|number| number.to_string()),
            None => None,
        };
        match line {
            Some(line) => text += &(line + "\n"),
            // bash goes on with the next one.
            None if shell.is_bash() => {
                shell.complain(&[b"kill: ", word.as_slice(), b": invalid signal specification"].concat())?;
                failed = 1;
            }
            None => return shell.usage(b"kill: invalid signal number or name"),
        }
    }
    Ok(shell.print(text.as_bytes())? | failed)
}

impl Shell<'_> {
    /// Acts on a signal that this process sent itself.
    pub(super) fn take_signal(&mut self) -> Run<()> {
        let Some(signal) = self.pending.take() else { return Ok(()) };
        let name = usize::try_from(signal).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or_default();
        let action = self.state.traps.get(name.as_bytes()).cloned().filter(|_| !matches!(name, "KILL" | "STOP"));
        match action {
            Some(action) if action.is_empty() => Ok(()),
            Some(action) => {
                let before = self.state.status;
                // In dash `exit` gives the status before the trap, before the outer one if this is inside another; in
                // bash that of the last command.
                let trapped = (!self.is_bash()).then_some(self.state.trapped.unwrap_or(before));
                self.deeper(|shell| shell.act(&action, before, trapped))?;
                self.state.status = trapped.unwrap_or(before);
                Ok(())
            }
            None if matches!(name, "CHLD" | "CONT" | "URG" | "WINCH") => Ok(()),
            None if matches!(name, "STOP" | "TSTP" | "TTIN" | "TTOU") => {
                self.gap(b"kill", "a process that stops itself");
                Ok(())
            }
            None => Err(Interrupt::Signal(signal)),
        }
    }

    /// bash's trap for a command that failed where nothing tests it; a function has it only with `-E`.
    pub(super) fn error_trap(&mut self, status: i32) -> Run<()> {
        let inside = self.state.frames.iter().any(|frame| frame.hidden.is_some());
        if !self.is_bash() || (inside && !self.state.options.errtrace) {
            return Ok(());
        }
        let Some(action) = self.state.traps.get(b"ERR").cloned() else { return Ok(()) };
        // It does not happen inside itself.
        self.state.traps.remove(&self.system.budget, b"ERR")?;
        let (line, statuses) = (self.state.line, Rc::clone(&self.state.statuses));
        let result = self.deeper(|shell| shell.act(&action, status, None));
        if self.state.traps.get(b"ERR").is_none() {
            self.state.traps.insert(&self.system.budget, b"ERR", action)?;
        }
        result?;
        (self.state.status, self.state.line) = (status, line);
        self.state.statuses = statuses;
        Ok(())
    }

    /// Runs the text of a trap, in which `$?` is first `status`; `trapped` is what `exit` without a number gives, else
    /// `$?`.
    pub(super) fn act(&mut self, action: &[u8], status: i32, trapped: Option<i32>) -> Run<i32> {
        let before = std::mem::replace(&mut self.state.trapped, trapped);
        self.state.status = status;
        let line = self.state.line;
        let result = self.run_text(action, line, false);
        self.state.trapped = before;
        result
    }
}

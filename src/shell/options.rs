//! `set` and bash's `shopt`: what is switched on, by letter and by name.

use super::Interrupt;
use super::Run;
use super::Shell;
use super::ast::Command;
use super::ast::literal;
use super::quote;
use super::switches::HARMLESS;
use super::switches::NAMED;
use super::switches::NAMED_IN_BASH;
use super::value::Words;

/// `set`
pub(super) fn set(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if arguments.is_empty() {
        return list_variables(shell);
    }
    if arguments == [b"-o"] || arguments == [b"+o"] {
        shell.gap(b"set", "the list of options");
        return Ok(0);
    }
    match shell.set_words(arguments)? {
        Some(rest) => {
            shell.state.positional = Words::copy(&shell.system.budget, rest)?.into();
            if !shell.is_bash() {
                shell.state.getopts = super::state::Place::default();
            }
            Ok(0)
        }
        None => Ok(0),
    }
}

fn list_variables(shell: &mut Shell<'_>) -> Run<i32> {
    if shell.is_bash() {
        shell.lacks("`set` without arguments: all variables and functions");
        return Ok(0);
    }
    let mut text = super::value::Buffer::default();
    for (name, variable) in shell.state.variables.iter() {
        if let Some(value) = variable.text() {
            let line = [name, b"=", &quote::dash_quoted(value), b"\n"].concat();
            text.extend(&shell.system.budget, &line)?;
        }
    }
    shell.print(&text)
}

/// The beginning of names that `set | grep ^NAME` asks for, of bash: all that it shows are variables. Lines of functions,
/// which `set` prints too, are indented, but for the first of each.
pub(super) fn asks_for_names(commands: &[Command]) -> Option<&[u8]> {
    let [set, grep, ..] = commands else { return None };
    let [b"set"] = literals(set)?[..] else { return None };
    let [b"grep", pattern] = literals(grep)?[..] else { return None };
    let name = pattern.strip_prefix(b"^")?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (!name.is_empty() && name.iter().all(is_name)).then_some(name)
}

/// The words of a command that is nothing but words, in which nothing is expanded.
fn literals(command: &Command) -> Option<Vec<&[u8]>> {
    let Command::Simple { assignments, words, redirects, .. } = command else { return None };
    let bare = assignments.is_empty() && redirects.is_empty();
    bare.then(|| words.iter().map(|word| literal(&word.0)).collect()).flatten()
}

/// Variables that bash has by itself, whose values here are not those on a real machine (bash(1), Shell Variables).
const OWN: [&str; 44] = [
    "BASH",
    "BASHOPTS",
    "BASHPID",
    "BASH_ALIASES",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_ARGV0",
    "BASH_CMDS",
    "BASH_COMMAND",
    "BASH_LINENO",
    "BASH_LOADABLES_PATH",
    "BASH_MONOSECONDS",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "BASH_VERSION",
    "COLUMNS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "LINENO",
    "LINES",
    "MACHTYPE",
    "OPTERR",
    "OPTIND",
    "OSTYPE",
    "PIPESTATUS",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
];

impl Shell<'_> {
    /// What bash's `set` prints of variables whose names begin so.
    pub(super) fn list_names(&mut self, beginning: &[u8]) -> Run<i32> {
        let begins = |name: &[u8]| name.starts_with(beginning);
        let is_own = beginning == b"_" || OWN.iter().any(|own| begins(own.as_bytes()));
        let defined = self.state.functions.iter().any(|(name, _)| begins(name));
        let mut lines = Some(Vec::new()).filter(|_| !is_own && !defined);
        for (name, variable) in self.state.variables.iter().filter(|(name, _)| begins(name)) {
            let value = variable.text().filter(|_| variable.array.is_none()).map(|value| quote::listed(value));
            match (value, &mut lines) {
                (Some(Some(value)), Some(lines)) => lines.extend([name, b"=".as_slice(), &value, b"\n"].concat()),
                // It has no value.
                (None, Some(_)) if variable.array.is_none() => {}
                _ => lines = None,
            }
        }
        let Some(lines) = lines else {
            self.lacks("`set` without arguments: what cannot be printed");
            return Ok(0);
        };
        let mut text = super::value::Buffer::default();
        text.extend(&self.system.budget, &lines)?;
        self.print(&text)
    }

    /// Reads the options that a shell was started with.
    pub(super) fn start(&mut self, options: &[Vec<u8>]) -> Run<()> {
        self.set_words(options).map(drop)
    }

    /// Reads words of `set`; gives what become the positional parameters, if there are any or `--` says so.
    fn set_words<'w>(&mut self, words: &'w [Vec<u8>]) -> Run<Option<&'w [Vec<u8>]>> {
        let mut rest = words;
        while let [first, tail @ ..] = rest {
            rest = tail;
            match first.as_slice() {
                b"--" => return Ok(Some(tail)),
                b"-" => {
                    (self.state.options.xtrace, self.state.options.verbose) = (false, false);
                    // No more options are read then; where there are no arguments, the old ones stay.
                    return Ok((!tail.is_empty()).then_some(tail));
                }
                b"+" => {}
                [sign @ (b'-' | b'+'), letters @ ..] if !letters.is_empty() => {
                    let on = *sign == b'-';
                    for &letter in letters {
                        if letter != b'o' {
                            self.set_letter(letter, on)?;
                            continue;
                        }
                        let Some((name, more)) = rest.split_first() else {
                            self.gap(b"set", "the list of options");
                            return Ok(None);
                        };
                        rest = more;
                        self.set_named(name, on)?;
                    }
                }
                _ => return Ok(Some(&words[words.len() - tail.len() - 1..])),
            }
        }
        Ok(None)
    }

    fn set_letter(&mut self, letter: u8, on: bool) -> Run<()> {
        let bash = self.is_bash();
        let known = self.state.options.of_letter(letter).filter(|_| bash || !matches!(letter, b'B' | b'E'));
        match known {
            Some(option) => *option = on,
            // Job control, notification and interactivity have no meaning here.
            None if matches!(letter, b'm' | b'b' | b'h') || (letter == b'I' && !bash) => {}
            None => {
                let what = format!("unknown option `{}`", char::from(letter).escape_default());
                self.gap(if bash { b"bash" } else { b"set" }, format!("set: {what}"));
                self.complain(&[b"set: Illegal option -", [letter].as_slice()].concat())?;
                return Err(Interrupt::Exit(2));
            }
        }
        Ok(())
    }

    fn set_named(&mut self, name: &[u8], on: bool) -> Run<()> {
        let bash = self.is_bash();
        if name == b"pipefail" && bash {
            self.state.options.pipefail = on;
            return Ok(());
        }
        let own = if bash { &NAMED_IN_BASH[..] } else { &[] };
        match NAMED.iter().chain(own).find(|(known, _)| *known == name) {
            Some((_, letter)) => self.set_letter(*letter, on),
            None => {
                let what = format!("unknown option `{}`", crate::tree::escape(name));
                self.gap(if bash { b"bash" } else { b"set" }, format!("set -o: {what}"));
                self.complain(&[b"set: Illegal option -o ", name].concat())?;
                Err(Interrupt::Exit(2))
            }
        }
    }
}

/// What bash has switched on at first, and is not followed when it is switched off.
const ON_BY_DEFAULT: [&[u8]; 3] = [b"extquote", b"globskipdots", b"patsub_replacement"];

/// bash's `shopt [-s | -u | -q | -p] [-o] name…`
pub(super) fn shopt(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let (mut mode, mut quiet, mut of_set, mut rest) = (b' ', false, false, arguments);
    while let [first, tail @ ..] = rest
        && let [b'-', letters @ ..] = first.as_slice()
        && !letters.is_empty()
    {
        rest = tail;
        for &letter in letters {
            match letter {
                b's' | b'u' | b'p' => mode = letter,
                b'q' => quiet = true,
                b'o' => of_set = true,
                _ => return shell.usage(b"shopt: invalid option"),
            }
        }
    }
    if rest.is_empty() {
        shell.lacks("the list of `shopt`");
        return Ok(0);
    }
    let mut status = 0;
    for name in rest {
        if of_set {
            match mode {
                b's' | b'u' => shell.set_named(name, mode == b's')?,
                _ if quiet => status |= i32::from(shell.state.options.named(name) != Some(true)),
                _ => shell.lacks("the list of `shopt -o`"),
            }
            continue;
        }
        match (shell.state.options.shopt(name), mode) {
            (Some(option), b's' | b'u') => *option = mode == b's',
            (Some(option), _) => {
                let on = *option;
                status |= i32::from(!on);
                if !quiet {
                    let line = match (mode, on) {
                        (b'p', _) => {
                            format!("shopt {} {}\n", if on { "-s" } else { "-u" }, String::from_utf8_lossy(name))
                        }
                        _ => format!("{:<15}\t{}\n", String::from_utf8_lossy(name), if on { "on" } else { "off" }),
                    };
                    shell.print(line.as_bytes())?;
                }
            }
            (None, b's' | b'u') if HARMLESS.contains(&name.as_slice()) => {}
            // What is off by default may be switched off.
            (None, b'u') if !ON_BY_DEFAULT.contains(&name.as_slice()) => {}
            (None, _) => {
                shell.lacks(format!("`shopt {}`", crate::tree::escape(name)));
                status = 1;
            }
        }
    }
    Ok(status)
}

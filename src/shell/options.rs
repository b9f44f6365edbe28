//! `set` and bash's `shopt`: what is switched on, by letter and by name.

use super::Dialect;
use super::Interrupt;
use super::Run;
use super::Shell;
use super::printf;
use super::value::Words;

/// What is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `-e`
    pub errexit: bool,
    /// `-u`
    pub nounset: bool,
    /// `-f`
    pub noglob: bool,
    /// `-C`
    pub noclobber: bool,
    /// `-a`
    pub allexport: bool,
    /// `-x`
    pub xtrace: bool,
    /// `-n`
    pub noexec: bool,
    /// `-v`
    pub verbose: bool,
    /// `-o pipefail`: bash's alone.
    pub pipefail: bool,
    /// `-E`: functions and subshells have the trap ERR.
    pub errtrace: bool,
    /// `-B`: braces are expanded. Not in dash.
    pub braces: bool,
    pub(super) dotglob: bool,
    pub(super) expand_aliases: bool,
    pub(super) extglob: bool,
    pub(super) failglob: bool,
    pub(super) inherit_errexit: bool,
    pub(super) nocaseglob: bool,
    pub(super) nocasematch: bool,
    pub(super) nullglob: bool,
    pub(super) xpg_echo: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            errexit: false,
            nounset: false,
            noglob: false,
            noclobber: false,
            allexport: false,
            xtrace: false,
            noexec: false,
            verbose: false,
            pipefail: false,
            errtrace: false,
            braces: true,
            dotglob: false,
            expand_aliases: false,
            extglob: false,
            failglob: false,
            inherit_errexit: false,
            nocaseglob: false,
            nocasematch: false,
            nullglob: false,
            xpg_echo: false,
        }
    }
}

/// Names and letters of `set`, in dash and bash.
const NAMED: [(&[u8], u8); 12] = [
    (b"allexport", b'a'),
    (b"errexit", b'e'),
    (b"monitor", b'm'),
    (b"noclobber", b'C'),
    (b"noexec", b'n'),
    (b"noglob", b'f'),
    (b"notify", b'b'),
    (b"nounset", b'u'),
    (b"verbose", b'v'),
    (b"xtrace", b'x'),
    // dash's alone: neither has a meaning without a terminal.
    (b"ignoreeof", b'I'),
    (b"nolog", b'h'),
];

/// Those that bash has beside them.
const NAMED_IN_BASH: [(&[u8], u8); 3] = [(b"braceexpand", b'B'), (b"errtrace", b'E'), (b"hashall", b'h')];

/// bash's `shopt`s that matter to people who type, or to how bash works inside; no script sees them.
const HARMLESS: [&[u8]; 19] = [
    b"checkhash",
    b"checkjobs",
    b"checkwinsize",
    b"cmdhist",
    b"complete_fullquote",
    b"direxpand",
    b"dirspell",
    b"force_fignore",
    b"histappend",
    b"histreedit",
    b"histverify",
    b"hostcomplete",
    b"huponexit",
    b"interactive_comments",
    b"lithist",
    b"mailwarn",
    b"no_empty_cmd_completion",
    b"progcomp",
    b"sourcepath",
];

impl Options {
    /// `$-`
    pub(super) fn letters(&self, dialect: Dialect) -> Vec<u8> {
        let mut all = vec![
            (self.errexit, b'e'),
            (self.noglob, b'f'),
            (self.noexec, b'n'),
            (self.xtrace, b'x'),
            (self.verbose, b'v'),
            (self.noclobber, b'C'),
            (self.allexport, b'a'),
            (self.nounset, b'u'),
        ];
        if dialect == Dialect::Bash {
            all.extend([(true, b'h'), (self.braces, b'B'), (self.errtrace, b'E')]);
            // bash's own order.
            let rank = |letter: u8| b"aefhnuvxBCE".iter().position(|known| *known == letter);
            all.sort_by_key(|(_, letter)| rank(*letter));
        }
        all.into_iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect()
    }

    fn of_letter(&mut self, letter: u8) -> Option<&mut bool> {
        Some(match letter {
            b'e' => &mut self.errexit,
            b'u' => &mut self.nounset,
            b'f' => &mut self.noglob,
            b'C' => &mut self.noclobber,
            b'a' => &mut self.allexport,
            b'x' => &mut self.xtrace,
            b'n' => &mut self.noexec,
            b'v' => &mut self.verbose,
            b'B' => &mut self.braces,
            b'E' => &mut self.errtrace,
            _ => return None,
        })
    }

    fn shopt(&mut self, name: &[u8]) -> Option<&mut bool> {
        Some(match name {
            b"dotglob" => &mut self.dotglob,
            b"expand_aliases" => &mut self.expand_aliases,
            b"extglob" => &mut self.extglob,
            b"failglob" => &mut self.failglob,
            b"inherit_errexit" => &mut self.inherit_errexit,
            b"nocaseglob" => &mut self.nocaseglob,
            b"nocasematch" => &mut self.nocasematch,
            b"nullglob" => &mut self.nullglob,
            b"xpg_echo" => &mut self.xpg_echo,
            _ => return None,
        })
    }

    /// Whether `[ -o name ]`; `None` for a name that is none.
    pub(super) fn named(&self, name: &[u8]) -> Option<bool> {
        let mut copy = *self;
        if name == b"pipefail" {
            return Some(copy.pipefail);
        }
        let (_, letter) = NAMED.iter().chain(&NAMED_IN_BASH).find(|(known, _)| *known == name)?;
        Some(copy.of_letter(*letter).is_some_and(|on| *on))
    }
}

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
                shell.state.getopts = super::getopts::Place::default();
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
            let line = [name, b"=", &printf::quote(value), b"\n"].concat();
            text.extend(&shell.system.budget, &line)?;
        }
    }
    shell.print(&text)
}

impl Shell<'_> {
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
                b"-" if self.is_bash() => {
                    (self.state.options.xtrace, self.state.options.verbose) = (false, false);
                }
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
            (None, b'u') => {}
            (None, _) => {
                shell.lacks(format!("`shopt {}`", crate::tree::escape(name)));
                status = 1;
            }
        }
    }
    Ok(status)
}

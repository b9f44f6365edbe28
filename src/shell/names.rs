//! What a name stands for: the tables of builtins, what `command`, `type` and `builtin` make of them, and where
//! programs are.

use super::Dialect;
use super::Interrupt;
use super::Run;
use super::Shell;
use super::bash::echo;
use super::bash::let_;
use super::bash::popd;
use super::bash::printf_;
use super::bash::pushd;
use super::builtins::alias;
use super::builtins::cd;
use super::builtins::dot;
use super::builtins::eval;
use super::builtins::exec;
use super::builtins::exit;
use super::builtins::leave_loop;
use super::builtins::local;
use super::builtins::mark;
use super::builtins::pwd;
use super::builtins::return_;
use super::builtins::shift;
use super::builtins::ulimit;
use super::builtins::unalias;
use super::builtins::unset;
use super::declare;
use super::getopts;
use super::options;
use super::printf;
use super::quote;
use super::read;
use super::signals;
use super::test;
use super::umask;

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
        b"exit" => exit,
        b"return" => return_,
        b"export" => |shell, arguments, _| mark(shell, "export", arguments),
        b"readonly" => |shell, arguments, _| mark(shell, "readonly", arguments),
        b"local" => local,
        b"set" => options::set,
        b"shift" => shift,
        b"times" => |shell, _, _| shell.print(b"0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n"),
        b"trap" => signals::trap,
        b"unset" => unset,
        _ => return None,
    })
}

/// Any builtin of a shell; bash's own come first.
pub(super) fn find(name: &[u8], dialect: Dialect) -> Option<Builtin> {
    let own = (dialect == Dialect::Bash).then(|| find_of_bash(name)).flatten();
    if dialect == Dialect::Bash && name == b"chdir" {
        return None;
    }
    own.or_else(|| regular(name)).or_else(|| special(name))
}

/// The other builtins.
fn regular(name: &[u8]) -> Option<Builtin> {
    Some(match name {
        b"true" | b"jobs" => |_, _, _| Ok(0),
        b"wait" => signals::wait,
        b"hash" => hash,
        b"kill" => signals::kill,
        b"false" => |_, _, _| Ok(1),
        b"alias" => alias,
        b"unalias" => unalias,
        b"cd" | b"chdir" => cd,
        b"command" => command,
        b"echo" => |shell, arguments, _| shell.print(&printf::dash_echo(arguments)),
        b"printf" => printf::printf,
        b"getopts" => getopts::getopts,
        b"read" => read::read,
        b"pwd" => pwd,
        b"test" => |shell, arguments, _| test::test(shell, b"test", arguments),
        b"[" => |shell, arguments, _| match arguments.split_last() {
            Some((last, arguments)) if last == b"]" => test::test(shell, b"[", arguments),
            _ => shell.usage(b"[: missing ]"),
        },
        b"type" => type_,
        b"umask" => umask::umask,
        b"ulimit" => ulimit,
        _ => return None,
    })
}

/// `hash [-r] [name…]`: where programs are is looked up each time; what is not there is an error.
fn hash(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let names = match arguments.split_first() {
        None => {
            shell.gap(b"hash", "the list of programs that were called");
            return Ok(0);
        }
        // Nothing is kept that could be forgotten. dash does not look at what follows.
        Some((first, _)) if first == b"-r" && !shell.is_bash() => return Ok(0),
        Some((first, rest)) if first == b"-r" || first == b"--" => rest,
        Some((first, _)) if first.starts_with(b"-") => {
            shell.gap(b"hash", format!("option `{}`", crate::tree::escape(first)));
            return Ok(0);
        }
        _ => arguments,
    };
    let mut status = 0;
    for name in names {
        let known = find(name, shell.state.dialect).is_some() || shell.state.functions.contains(name);
        if !known && shell.find_program(name).is_none() {
            shell.complain(&[b"hash: ", name.as_slice(), b": not found"].concat())?;
            status = 1;
        }
    }
    Ok(status)
}

/// The builtins that only bash has, or has otherwise.
pub(super) fn find_of_bash(name: &[u8]) -> Option<Builtin> {
    Some(match name {
        b"builtin" => builtin,
        b"caller" => |shell, _, _| {
            shell.lacks("`caller`");
            Ok(1)
        },
        b"declare" | b"typeset" => declare::declare,
        b"dirs" | b"disown" | b"enable" | b"help" | b"history" | b"fc" | b"bind" | b"compgen" | b"compopt"
        | b"logout" | b"suspend" | b"bg" | b"fg" => |shell, _, _| {
            shell.lacks("a builtin for people who type");
            Ok(1)
        },
        b"complete" => |_, _, _| Ok(0),
        b"echo" => |shell, arguments, _| {
            let escapes = shell.state.options.xpg_echo;
            let text = echo(arguments, escapes, !shell.has_utf8());
            shell.print(&text)
        },
        b"export" => declare::export,
        b"let" => let_,
        b"local" => declare::local,
        b"mapfile" | b"readarray" => read::mapfile,
        b"popd" => popd,
        b"printf" => printf_,
        b"pushd" => pushd,
        b"read" => read::read_bash,
        b"readonly" => declare::readonly,
        b"shopt" => options::shopt,
        b"source" => dot,
        _ => return None,
    })
}

pub(super) fn builtin(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    let arguments = arguments.strip_prefix(&[b"--".to_vec()][..]).unwrap_or(arguments);
    let Some((name, rest)) = arguments.split_first() else { return Ok(0) };
    let found = special(name).or_else(|| find(name, Dialect::Bash));
    match found {
        Some(builtin) => builtin(shell, rest, tested),
        None => {
            shell.complain(&[b"builtin: ", name.as_slice(), b": not a shell builtin"].concat())?;
            Ok(1)
        }
    }
}

pub(super) fn command(shell: &mut Shell<'_>, arguments: &[Vec<u8>], tested: bool) -> Run<i32> {
    // dash takes only the first name, bash all.
    let names = |shell: &Shell<'_>, rest: &[Vec<u8>]| if shell.is_bash() { rest.len() } else { rest.len().min(1) };
    match arguments.split_first() {
        None => Ok(0),
        Some((first, rest)) if first == b"-v" => {
            let count = names(shell, rest);
            describe_all(shell, &rest[..count], Describe::Short, true)
        }
        Some((first, rest)) if first == b"-V" => {
            let count = names(shell, rest);
            describe_all(shell, &rest[..count], Describe::Long, true)
        }
        Some((first, rest)) if first == b"-p" && !rest.is_empty() => {
            let before = std::mem::replace(&mut shell.ignores_path, true);
            let result = command(shell, rest, tested);
            shell.ignores_path = before;
            result
        }
        Some((first, rest)) if first == b"--" && !rest.is_empty() => unspecial(shell, rest, tested),
        Some((first, _)) if first == b"local" && !shell.is_bash() => {
            shell.gap(b"command", "`local`, which lasts no longer than `command`");
            Ok(0)
        }
        _ => unspecial(shell, arguments, tested),
    }
}

/// Runs a command without what is special of it.
fn unspecial(shell: &mut Shell<'_>, words: &[Vec<u8>], tested: bool) -> Run<i32> {
    shell.survived(|shell| shell.call(words, tested, false))
}

/// How a name is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Describe {
    /// `command -v`
    Short,
    /// `command -V`, `type`
    Long,
    /// bash's `type -t`: in one word.
    Word,
    /// bash's `type -p`: the path of a program, when it is one.
    Path,
    /// bash's `type -P`: the path of a program, whatever else has the name.
    AnyPath,
}

pub(super) fn type_(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let Some((first, rest)) = arguments.split_first().filter(|_| shell.is_bash()) else {
        return describe_all(shell, arguments, Describe::Long, false);
    };
    match first.as_slice() {
        b"-t" => describe_all(shell, rest, Describe::Word, false),
        b"-p" => describe_all(shell, rest, Describe::Path, false),
        b"-P" => describe_all(shell, rest, Describe::AnyPath, false),
        b"--" => describe_all(shell, rest, Describe::Long, false),
        [b'-', ..] => {
            shell.lacks(format!("`type {}`", crate::tree::escape(first)));
            Ok(1)
        }
        _ => describe_all(shell, arguments, Describe::Long, false),
    }
}

const KEYWORDS: [&[u8]; 16] = [
    b"!", b"{", b"}", b"case", b"do", b"done", b"elif", b"else", b"esac", b"fi", b"for", b"if", b"in", b"then",
    b"until", b"while",
];

const KEYWORDS_OF_BASH: [&[u8]; 6] = [b"[[", b"]]", b"function", b"select", b"time", b"coproc"];

/// What a name is: in words, and in one word.
fn kind_of(shell: &Shell<'_>, name: &[u8]) -> Option<(&'static str, &'static str)> {
    let bash = shell.is_bash();
    let is_keyword = KEYWORDS.contains(&name) || (bash && KEYWORDS_OF_BASH.contains(&name));
    Some(if is_keyword {
        ("a shell keyword", "keyword")
    } else if shell.state.aliases.contains(name) && (!bash || shell.state.options.expand_aliases) {
        ("an alias", "alias")
    } else if special(name).is_some() && !bash {
        ("a special shell builtin", "builtin")
    } else if shell.state.functions.contains(name) {
        ("a shell function", "function")
    } else if find(name, shell.state.dialect).is_some() {
        ("a shell builtin", "builtin")
    } else {
        return None;
    })
}

fn describe_all(shell: &mut Shell<'_>, names: &[Vec<u8>], how: Describe, one_is_enough: bool) -> Run<i32> {
    let bash = shell.is_bash();
    let (mut result, mut any) = (0, false);
    for name in names {
        let kind = kind_of(shell, name).filter(|_| how != Describe::AnyPath);
        let path = match kind {
            Some(_) => None,
            // dash asks only whether anything is there.
            None if !bash && name.contains(&b'/') => shell.look(name, true).map(|_| name.clone()),
            None => shell.find_program(name),
        };
        // bash takes a file that is no program where there is no program.
        let path = path.or_else(|| if bash && kind.is_none() { shell.find_file(name) } else { None });
        any |= kind.is_some() || path.is_some();
        let line: Option<Vec<u8>> = match (kind, path, how) {
            (Some((_, "alias")), _, Describe::Short) => {
                let value = shell.state.aliases.get(name).cloned();
                Some(
                    [b"alias ", name.as_slice(), b"=", &quote::dash_quoted(value.as_deref().unwrap_or_default())]
                        .concat(),
                )
            }
            (Some(_), _, Describe::Short) => Some(name.clone()),
            (Some((_, word)), _, Describe::Word) => Some(word.into()),
            (Some(_), _, Describe::Path | Describe::AnyPath) => Some(Vec::new()),
            (Some((_, "alias")), _, Describe::Long) if bash => {
                let value = shell.state.aliases.get(name).cloned();
                Some([name.as_slice(), b" is aliased to `", value.as_deref().unwrap_or_default(), b"'"].concat())
            }
            (Some((_, "function")), _, Describe::Long) if bash => {
                shell.lacks("the text of a function");
                Some(Vec::new())
            }
            (Some((text, _)), _, Describe::Long) => {
                let text = if bash { text.replace("special ", "") } else { text.to_owned() };
                Some([name.as_slice(), b" is ", text.as_bytes()].concat())
            }
            (None, Some(path), Describe::Long) => Some([name.as_slice(), b" is ", &path].concat()),
            (None, Some(_), Describe::Word) => Some(b"file".to_vec()),
            (None, Some(path), _) => Some(path),
            (None, None, how) => {
                result = if bash { 1 } else { 127 };
                let line = [name.as_slice(), b": not found\n"].concat();
                match how {
                    Describe::Long if bash => shell.complain(&[name.as_slice(), b": not found"].concat())?,
                    Describe::Long => result |= shell.print(&line)?,
                    _ => {}
                }
                None
            }
        };
        if let Some(line) = line.filter(|line| !line.is_empty()) {
            result |= shell.print(&[line.as_slice(), b"\n"].concat())?;
        }
    }
    // bash's `command` is content with one that is there.
    Ok(if bash && one_is_enough && any { 0 } else { result })
}

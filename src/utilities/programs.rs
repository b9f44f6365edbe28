//! Programs that run programs: `sh`, `nice`, `su`, `xargs`, `which`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::buffer::Kept;
use super::grep::records;
use super::options::Opt;
use super::permissions;
use super::show;
use crate::budget::Budget;
use crate::budget::Held;
use crate::shell::Dialect;
use crate::shell::Interpreter;
use crate::shell::printf::Escapes;
use crate::shell::printf::escapes;
use crate::shell::stream::Stream;
use crate::shell::system::Acting;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("bash", sh),
    ("dash", sh),
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
        Some((first, args)) if first.contains(&b'/') && call.shell.knows(first) => {
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
    // To dash a script that is not there is an error of its own, with its own status.
    if dialect == Dialect::Dash && call.look(name, true).is_none() && !name.starts_with(b"/dev/") {
        return Err(Fault::Failed(2, format!("0: cannot open {}: No such file", show(name))));
    }
    Ok(call.shell.run_file(name, args, &interpreter)?)
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
    let long = [
        ("command", b'c'),
        ("shell", b's'),
        ("login", b'l'),
        ("user", b'u'),
        ("group", b'g'),
        ("preserve-environment", b'm'),
    ];
    // Options may follow the user's name.
    let given = call.options(if call.name == b"su" { "c:s:lmpg:" } else { "+c:s:lmpu:g:" }, &long)?;
    let mut operands = given.operands.iter().filter(|word| word.as_slice() != b"-").cloned();
    let user = given.value(b'u').map(<[u8]>::to_vec).or_else(|| operands.next()).unwrap_or_else(|| b"root".to_vec());
    let words: Vec<Vec<u8>> = match given.value(b'c') {
        Some(command) => [b"sh".to_vec(), b"-c".to_vec(), command.to_vec()].into_iter().chain(operands).collect(),
        None => operands.collect(),
    };
    as_user(call, &user, given.value(b'g'), &words)
}

/// `setpriv [--reuid USER] [--regid GROUP] [--init-groups] … COMMAND`
fn setpriv(call: &mut Call<'_, '_>) -> Done {
    let long = [("reuid", b'u'), ("regid", b'g'), ("init-groups", b'i'), ("clear-groups", b'i'), ("reset-env", b'r')];
    let given = call.options("+u:g:ir", &long)?;
    let user = given.value(b'u').map_or_else(|| b"root".to_vec(), <[u8]>::to_vec);
    as_user(call, &user, given.value(b'g'), &given.operands)
}

/// Runs a command as a user, who must be there. In the model everyone may look at everything, but only root makes
/// files: see [`Call::create`]. Without a group it is the user's own.
fn as_user(call: &mut Call<'_, '_>, user: &[u8], group: Option<&[u8]>, words: &[Vec<u8>]) -> Done {
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
    let gid = match group {
        Some(group) => permissions::group(call, group)?,
        None => permissions::entries(call, "/etc/passwd").iter().find_map(own).unwrap_or(uid),
    };
    let acting = (uid != 0 || gid != 0).then(|| Acting { name: show(user), uid, gid });
    let before = std::mem::replace(&mut call.shell.system.acting, acting);
    let done = call.run(words);
    call.shell.system.acting = before;
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

/// The options of `xargs`.
pub(super) const XARGS: &[Opt] = &[
    Opt::flag(b'0', "null"),
    Opt::value(b'a', "arg-file"),
    Opt::value(b'd', "delimiter"),
    Opt::value(b'E', ""),
    Opt::value(b'I', ""),
    Opt::value(b'L', ""),
    Opt::value(b'n', "max-args"),
    Opt::flag(b'r', "no-run-if-empty"),
    Opt::value(b's', "max-chars"),
    Opt::flag(b't', "verbose"),
    Opt::harmless(b'x', "exit", "a line that is too long is an error in any case"),
    Opt::harmless_value(b'P', "max-procs", "one runs after the other, which is one of the orders"),
];

/// So many bytes a command line has at most, as GNU's.
const LINE_MAX: usize = 128 << 10;

/// What is read, with the line where each word stands.
struct Items {
    words: Kept<(Vec<u8>, usize)>,
    held: Held,
    /// What is wrong behind them.
    wrong: Option<Fault>,
}

impl Items {
    fn push(&mut self, word: Vec<u8>, line: usize) -> Result<(), Fault> {
        self.held.grow(word.len() + 16)?;
        Ok(self.words.push((word, line))?)
    }
}

fn xargs(call: &mut Call<'_, '_>) -> Done {
    let given = call.given_first(XARGS)?;
    let budget = call.shell.system.budget.clone();
    let input = call.text(given.value(b'a').unwrap_or(b"-"))?;
    let count = |letter| given.value(letter).map(parse_count).transpose();
    let (per_line, per_run) = (count(b'L')?, count(b'n')?);
    let most = count(b's')?.unwrap_or(LINE_MAX).min(LINE_MAX);
    let mark = given.value(b'I');
    // The last of -I, -L and -n counts.
    let last = given.last_of(b"ILn");
    let (mark, per_line, per_run) = match last {
        Some(b'I') => (mark, None, None),
        Some(b'L') => (None, per_line, None),
        _ => (None, None, per_run),
    };
    let delimiter = match given.value(b'd') {
        Some(text) => Some(delimiter(text)?),
        None => given.has(b'0').then_some(0),
    };
    let mut items = Items { words: Kept::new(&budget)?, held: budget.hold(0)?, wrong: None };
    match delimiter {
        Some(delimiter) => {
            for (line, word) in records(&input, delimiter).enumerate() {
                items.push(word.to_vec(), line)?;
            }
        }
        None => {
            quoted_words(call, &input, mark.is_some(), given.value(b'E').filter(|end| !end.is_empty()), &mut items)?;
        }
    }
    let command = if given.operands.is_empty() { vec![b"echo".to_vec()] } else { given.operands.clone() };
    let command_size: usize = command.iter().map(|word| word.len() + 1).sum();
    // What is run reads nothing of what is read here.
    let before = match given.has(b'a') {
        true => None,
        false => call.shell.state.descriptors.insert(0, Stream::Null.descriptor()),
    };
    let mut runs = Runs { verbose: given.has(b't'), status: 0 };
    let done = (|| {
        if let Some(mark) = mark {
            for (word, _) in items.words.iter() {
                let words =
                    command.iter().map(|part| replaced(part, mark, word, &budget)).collect::<Result<Vec<_>, _>>()?;
                if words.iter().map(|word| word.len() + 1).sum::<usize>() > most {
                    return Err(Fault::failed("argument line too long"));
                }
                if !runs.run(call, &words)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let mut from = 0;
        while from < items.words.len() {
            let (mut to, mut size) = (from, command_size);
            while let Some((word, line)) = items.words.get(to) {
                let lines = line - items.words[from].1;
                let full = to - from >= per_run.unwrap_or(usize::MAX) || lines >= per_line.unwrap_or(usize::MAX);
                if full || size + word.len() + 1 > most {
                    break;
                }
                size += word.len() + 1;
                to += 1;
            }
            if to == from {
                return Err(Fault::failed("argument line too long"));
            }
            // What stands before an unmatched quote is only run when its line is full.
            let whole = to < items.words.len() || items.wrong.is_none() || to - from >= per_run.unwrap_or(usize::MAX);
            if !whole {
                return Ok(());
            }
            budget.made(size)?;
            let words: Vec<Vec<u8>> =
                command.iter().chain(items.words[from..to].iter().map(|(word, _)| word)).cloned().collect();
            if !runs.run(call, &words)? {
                return Ok(());
            }
            from = to;
        }
        if items.words.is_empty() && items.wrong.is_none() && !given.has(b'r') {
            runs.run(call, &command)?;
        }
        Ok(())
    })();
    if !given.has(b'a') {
        match before {
            Some(stream) => call.shell.state.descriptors.insert(0, stream),
            None => call.shell.state.descriptors.remove(&0),
        };
    }
    done?;
    match items.wrong {
        Some(fault) => Err(fault),
        None => Ok(runs.status),
    }
}

/// The commands that xargs runs.
struct Runs {
    verbose: bool,
    status: i32,
}

impl Runs {
    /// Runs one; `false`: it was the last.
    fn run(&mut self, call: &mut Call<'_, '_>, words: &[Vec<u8>]) -> Result<bool, Fault> {
        // A program's argument ends at a zero byte.
        let cut = |word: &Vec<u8>| memchr::memchr(0, word).map_or_else(|| word.clone(), |end| word[..end].to_vec());
        let ended: Vec<Vec<u8>>;
        let words = if words.iter().any(|word| word.contains(&0)) {
            ended = words.iter().map(cut).collect();
            &ended
        } else {
            words
        };
        if self.verbose {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./,:@%+=".contains(byte);
            if words.iter().any(|word| word.is_empty() || !word.iter().all(plain)) {
                return Err(Fault::gap("-t with words that are quoted"));
            }
            call.shell.print_error(&[words.join(&b' ').as_slice(), b"\n"].concat())?;
        }
        match call.run(words)? {
            0 => {}
            255 => {
                let name = show(&words[0]);
                call.err(&format!("{name}: exited with status 255; aborting"))?;
                self.status = 124;
                return Ok(false);
            }
            code @ (126 | 127) => {
                self.status = code;
                return Ok(false);
            }
            _ => self.status = 123,
        }
        Ok(true)
    }
}

/// One byte, or an escape of one.
fn delimiter(text: &[u8]) -> Result<u8, Fault> {
    match text {
        [byte] => Ok(*byte),
        [b'\\', ..] => match escapes(text, Escapes::DashFormat).0.as_slice() {
            [byte] => Ok(*byte),
            _ => Err(Fault::gap(format!("the delimiter `{}`", show(text)))),
        },
        _ => Err(Fault::failed(format!(
            "Invalid input delimiter specification {}: the delimiter must be either a single character or an escape sequence starting with \\.",
            show(text)
        ))),
    }
}

fn parse_count(text: &[u8]) -> Result<usize, Fault> {
    let count = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| Fault::failed(format!("invalid number '{}'", show(text))))
}

/// A word with every mark replaced.
fn replaced(text: &[u8], mark: &[u8], by: &[u8], budget: &Budget) -> Result<Vec<u8>, Fault> {
    let mut made = Buffer::new(budget)?;
    let mut rest = text;
    budget.read(text.len())?;
    while !mark.is_empty()
        && let Some(place) = memchr::memmem::find(rest, mark)
    {
        made.extend(&rest[..place])?;
        made.extend(by)?;
        rest = &rest[place + mark.len()..];
    }
    made.extend(rest)?;
    Ok(made.into_bytes())
}

/// Words as `xargs` reads them: blanks separate, quotes and backslashes protect; or lines without the blanks that they
/// begin with. What is wrong is kept for when the words before it are used.
fn quoted_words(
    call: &Call<'_, '_>,
    input: &[u8],
    whole_lines: bool,
    end: Option<&[u8]>,
    items: &mut Items,
) -> Result<(), Fault> {
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut line = 0;
    call.shell.system.budget.read(input.len().saturating_mul(4))?;
    let mut bytes = input.iter().copied().peekable();
    let mut blank_before = false;
    loop {
        let byte = bytes.next();
        let Some(byte) = byte else {
            if let Some(mark) = quote {
                let kind = if mark == b'"' { "double" } else { "single" };
                items.wrong = Some(Fault::failed(format!(
                    "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                )));
            } else if let Some(word) = word.take().filter(|word| Some(word.as_slice()) != end) {
                items.push(word, line)?;
            }
            return Ok(());
        };
        match (quote, byte) {
            (Some(mark), _) if byte == mark => quote = None,
            (Some(mark), b'\n') => {
                let kind = if mark == b'"' { "double" } else { "single" };
                items.wrong = Some(Fault::failed(format!(
                    "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                )));
                return Ok(());
            }
            (Some(_), _) => word.get_or_insert_default().push(byte),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, b'\\') => word.get_or_insert_default().extend(bytes.next()),
            (None, 0) => return Err(Fault::gap("a NUL byte without -0")),
            (None, b'\n') => {
                let done = word.take();
                if done.as_deref().is_some_and(|word| Some(word) == end) {
                    return Ok(());
                }
                // A line that ends with a blank goes on in the next.
                let some = done.is_some() || items.words.last().is_some_and(|(_, last)| *last == line);
                if let Some(word) = done {
                    items.push(word, line)?;
                }
                line += usize::from(some && (!blank_before || whole_lines));
            }
            // Before a word every blank is none.
            (None, byte) if word.is_none() && (byte.is_ascii_whitespace() || byte == 11) => {}
            (None, b' ' | b'\t') if whole_lines => {
                if let Some(word) = &mut word {
                    word.push(byte);
                }
            }
            (None, b' ' | b'\t') => {
                if let Some(word) = word.take() {
                    if Some(word.as_slice()) == end {
                        return Ok(());
                    }
                    items.push(word, line)?;
                }
            }
            (None, _) => word.get_or_insert_default().push(byte),
        }
        blank_before = matches!(byte, b' ' | b'\t');
    }
}

pub(crate) fn replace_all(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn users_have_the_group_that_is_asked_for() {
        let run = |script: &str| {
            let mut tree = Tree::new();
            tree.write("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\na:x:5:50::/:/bin/sh\n").expect("new");
            tree.write("etc/group", 0o644, "a:x:50:\nb:x:60:\n").expect("new");
            let place = tree.write("f", 0o644, "").expect("new");
            tree.get_mut(&place).expect("it is there").stat.gid = 60;
            let mut system = machine(tree, "amd64", 0);
            let script = script.replace("TEST", "sh -c '[ -G /f ] && echo yes || echo no'");
            let mut shell = Shell::new(&mut system, "sh", &[("PATH", "/bin")]);
            let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("it ends");
            assert_eq!(system.gaps, [], "{script}");
            (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status)
        };
        for (script, wanted) in [
            ("runuser -u a -- TEST", "no\n"),
            ("runuser -u a -g b -- TEST", "yes\n"),
            ("runuser -u a --group b -- TEST", "yes\n"),
            ("setpriv --reuid a --regid a --init-groups TEST", "no\n"),
            ("setpriv --reuid a --regid 60 --clear-groups TEST", "yes\n"),
            ("setpriv --regid b --clear-groups TEST; TEST", "yes\nno\n"),
        ] {
            assert_eq!(run(script), (wanted.to_owned(), 0), "{script}");
        }
        assert_eq!(run("runuser -u a -g none -- echo 2>/dev/null").1, 1);
    }
}

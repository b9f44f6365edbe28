//! env(1), coreutils': a command in another environment.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Given;
use super::options::Opt;
use super::show;
use crate::tree::Inode;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("env", env)];

/// The options. Those of signals are left out.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'0', "null"),
    Opt::value(b'C', "chdir"),
    Opt::flag(b'i', "ignore-environment"),
    Opt::value(b'S', "split-string"),
    Opt::value(b'u', "unset"),
    Opt::flag(b'v', "debug"),
];

/// A string that is split may have another one in it, and a variable in that the whole again.
const DEPTH: usize = 32;

fn failed(message: impl Into<String>) -> Fault {
    Fault::Failed(125, message.into())
}

/// Options and operands, with every `-S` in its words; what `-v` says of these.
fn split(call: &mut Call<'_, '_>) -> Result<Given, Fault> {
    let mut args = call.args.to_vec();
    let mut before = Vec::new();
    for _ in 0..DEPTH {
        let place = split_option(call, &args)?;
        let Some((end, text)) = place else {
            let mut given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given_first(OPTIONS)?;
            before.append(&mut given.all);
            given.all = before;
            return Ok(given);
        };
        let first = Call { shell: &mut *call.shell, name: call.name, args: &args[..end] }.given_first(OPTIONS)?;
        before.extend(first.all.into_iter().filter(|(letter, _)| *letter != b'S'));
        let words = words(call, &text)?;
        if before.iter().any(|(letter, _)| *letter == b'v') {
            let mut lines = format!("split -S:  '{}'\n", show(&text));
            for (index, word) in words.iter().enumerate() {
                lines += &format!("{}'{}'\n", if index == 0 { " into:    " } else { "     &    " }, show(word));
            }
            call.shell.write(2, lines.as_bytes())?;
        }
        args.splice(..end, words);
    }
    Err(Fault::gap("strings to split in others without end"))
}

/// Behind which argument the first `-S` has its value, and that.
fn split_option(call: &mut Call<'_, '_>, args: &[Vec<u8>]) -> Result<Option<(usize, Vec<u8>)>, Fault> {
    for end in 1..=args.len() {
        call.shell.system.budget.read(end)?;
        let call = Call { shell: &mut *call.shell, name: call.name, args: &args[..end] };
        // One that lacks its value has it in the next argument.
        let Ok(given) = call.given_first(OPTIONS) else { continue };
        if let Some(text) = given.value(b'S') {
            return Ok(Some((end, text.to_vec())));
        }
        if !given.operands.is_empty() || args[end - 1] == b"--" {
            break;
        }
    }
    Ok(None)
}

/// The words of a string as `-S` splits it.
fn words(call: &Call<'_, '_>, text: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    // Between words the next byte begins one.
    let mut between = true;
    let mut quote = None;
    let mut rest = text;
    let mut put = |bytes: &[u8], between: &mut bool| {
        if std::mem::take(between) {
            all.push(Vec::new());
        }
        if let Some(word) = all.last_mut() {
            word.extend(bytes);
        }
    };
    while let [byte, tail @ ..] = rest {
        call.shell.system.budget.made(1)?;
        rest = tail;
        match (*byte, quote) {
            (b'\'' | b'"', None) => {
                put(b"", &mut between);
                quote = Some(*byte);
            }
            (b'\'' | b'"', Some(open)) if open == *byte => quote = None,
            (b' ' | 9..=13, None) => between = true,
            (b'#', None) if between => break,
            (b'\\', Some(b'\'')) if !matches!(rest, [b'\\' | b'\'', ..]) => put(b"\\", &mut between),
            (b'\\', _) => {
                let (letter, tail) =
                    rest.split_first().ok_or_else(|| failed("invalid backslash at end of string in -S"))?;
                rest = tail;
                let byte = match letter {
                    b'"' | b'#' | b'$' | b'\'' | b'\\' => *letter,
                    b'_' if quote.is_none() => {
                        between = true;
                        continue;
                    }
                    b'_' => b' ',
                    b'c' if quote.is_some() => return Err(failed("'\\c' must not appear in double-quoted -S string")),
                    b'c' => break,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    other => return Err(failed(format!("invalid sequence '\\{}' in -S", show(&[*other])))),
                };
                put(&[byte], &mut between);
            }
            (b'$', None | Some(b'"')) => {
                let wrong = || failed(format!("only ${{VARNAME}} expansion is supported, error at: ${}", show(tail)));
                let inner = tail.strip_prefix(b"{").ok_or_else(wrong)?;
                let length = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let (name, behind) = inner.split_at(length);
                if name.first().is_none_or(u8::is_ascii_digit) {
                    return Err(wrong());
                }
                rest = behind.strip_prefix(b"}").ok_or_else(wrong)?;
                let value = call.shell.environment().find(|(known, _)| *known == name).map(|(_, value)| value.to_vec());
                if let Some(value) = value {
                    call.shell.system.budget.made(value.len())?;
                    put(&value, &mut between);
                }
            }
            (byte, _) => put(&[byte], &mut between),
        }
    }
    if quote.is_some() && rest.is_empty() {
        return Err(failed("no terminating quote in -S string"));
    }
    Ok(all)
}

fn env(call: &mut Call<'_, '_>) -> Done {
    let given = split(call)?;
    let mut rest = given.operands.as_slice();
    let mut empty = given.has(b'i');
    if let [first, tail @ ..] = rest
        && first == b"-"
    {
        (empty, rest) = (true, tail);
    }
    let assignments = rest.iter().take_while(|word| word.contains(&b'=')).count();
    let (assignments, command) = rest.split_at(assignments);
    if given.has(b'0') && !command.is_empty() {
        return Err(failed("cannot specify --null (-0) with command"));
    }
    if given.has(b'C') && command.is_empty() {
        return Err(failed("must specify command with --chdir (-C)"));
    }
    let (variables, directory) = (call.shell.state.variables.clone(), call.shell.state.directory.clone());
    let done = in_environment(call, &given, empty, assignments, command);
    (call.shell.state.variables, call.shell.state.directory) = (variables, directory);
    done
}

fn in_environment(
    call: &mut Call<'_, '_>,
    given: &Given,
    empty: bool,
    assignments: &[Vec<u8>],
    command: &[Vec<u8>],
) -> Done {
    let budget = call.shell.system.budget.clone();
    let say = |call: &mut Call<'_, '_>, line: String| match given.has(b'v') {
        true => call.shell.write(2, line.as_bytes()).map(drop),
        false => Ok(()),
    };
    if empty {
        say(call, "cleaning environ\n".to_owned())?;
        budget.tried(call.shell.state.variables.len())?;
        call.shell.state.variables.own(&budget)?.retain(|_, variable| !variable.exported);
    } else {
        for name in given.values(b'u') {
            say(call, format!("unset:    {}\n", show(name)))?;
            if name.is_empty() || name.contains(&b'=') {
                return Err(failed(format!("cannot unset '{}': Invalid argument", show(name))));
            }
            call.shell.state.variables.remove(&budget, name)?;
        }
    }
    // What is there keeps its place, and what is new comes behind.
    let mut names: Vec<Vec<u8>> = call.shell.environment().map(|(name, _)| name.to_vec()).collect();
    if !call.shell.is_bash() {
        names.sort_by_key(|name| bucket(name));
    }
    for assignment in assignments {
        say(call, format!("setenv:   {}\n", show(assignment)))?;
        let equals = memchr::memchr(b'=', assignment).unwrap_or(0);
        let (name, value) = (&assignment[..equals], &assignment[equals + 1..]);
        if name.is_empty() {
            return Err(Fault::gap("a variable without a name"));
        }
        budget.tried(names.len())?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_vec());
        }
        call.shell.export(name, value)?;
    }
    if let Some(directory) = given.value(b'C') {
        say(call, format!("chdir:    '{}'\n", show(directory)))?;
        change(call, directory)?;
    }
    if command.is_empty() {
        return print(call, if given.has(b'0') { 0 } else { b'\n' }, &names);
    }
    say(call, format!("executing: {}\n", show(&command[0])))?;
    for (index, word) in command.iter().enumerate() {
        say(call, format!("   arg[{index}]= '{}'\n", show(word)))?;
    }
    call.run(command)
}

fn change(call: &mut Call<'_, '_>, directory: &[u8]) -> Result<(), Fault> {
    let refused = |why: &str| failed(format!("cannot change directory to '{}': {why}", show(directory)));
    let absolute = call.absolute(directory);
    let place = call.tree().resolve(&absolute, true).map_err(|error| refused(crate::shell::system::reason(&error)))?;
    match call.tree().get(&place).map(Inode::is_directory) {
        Some(true) if !directory.is_empty() => {}
        Some(false) => return Err(refused("Not a directory")),
        _ => return Err(refused("No such file or directory")),
    }
    call.shell.state.directory = [b"/", place.as_bytes()].concat();
    Ok(())
}

/// In which of its buckets dash keeps a variable: it hands them on bucket by bucket.
fn bucket(name: &[u8]) -> usize {
    let first = name.first().map_or(0, |byte| usize::from(*byte) << 4);
    name.iter().fold(first, |sum, byte| sum + usize::from(*byte)) % 39
}

/// Writes the environment in the order of these names.
fn print(call: &mut Call<'_, '_>, end: u8, names: &[Vec<u8>]) -> Done {
    let mut lines = Buffer::new(&call.shell.system.budget)?;
    let mut all: Vec<(&[u8], &[u8])> = call.shell.environment().collect();
    all.sort_by_key(|(name, _)| names.iter().position(|known| known == name));
    for (name, value) in all {
        for part in [name, b"=", value, &[end]] {
            lines.extend(part)?;
        }
    }
    call.out(&*lines)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn commands_have_another_environment() {
        says(&[
            ("env -i A=x B=y", "A=x\nB=y\n", 0),
            ("env -i C=1 A=2 C=3", "C=3\nA=2\n", 0),
            (
                "unset LC_ALL; export B=1 HOME=/ A=2; cd /tmp; env A=3 C=4",
                "HOME=/\nOLDPWD=/\nA=3\nPATH=/usr/bin\nB=1\nPWD=/tmp\nC=4\n",
                0,
            ),
            ("env - A=x sh -c 'echo $A$PATH'", "x\n", 0),
            ("env -i -0 A=b C=d | tr '\\0' /", "A=b/C=d/", 0),
            ("export X=1; env -uX sh -c 'echo ${X-none}'; echo $X", "none\n1\n", 0),
            ("env -C /tmp pwd; pwd", "/tmp\n/\n", 0),
            ("env -u a=b true", "", 125),
            ("env -C /nosuch pwd", "", 125),
            ("env -C /", "", 125),
            ("env -0 true", "", 125),
            (
                "env -v -iu X -C /tmp A=b printf x 2>&1 >/dev/null",
                "cleaning environ\nsetenv:   A=b\nchdir:    '/tmp'\nexecuting: printf\n   arg[0]= 'printf'\n   arg[1]= 'x'\n",
                0,
            ),
        ]);
    }

    #[test]
    fn strings_are_split() {
        says(&[
            ("export H=/h; env -i -S'A=\"x y\" B=${H}z' C=d", "A=x y\nB=/hz\nC=d\n", 0),
            ("env -S'-i  -S\"a=1\"' b=2", "a=1\nb=2\n", 0),
            ("env '-S printf <%s> a\\_b \"c\\_d\" # e'", "<a><b><c d>", 0),
            ("env -i -S'a=#x #y'", "a=#x\n", 0),
            ("env -i -S'x=${nope}y'", "x=y\n", 0),
            ("env -S \"printf <%s> 'a\\\\nb' \\\"c\\\\td\\\" e\\cf\"", "<a\\nb><c\td><e>", 0),
            ("env -S '\"a'", "", 125),
            ("env -S 'a\\'", "", 125),
            ("env -S 'a\\x'", "", 125),
            ("env -S '$HOME'", "", 125),
            ("env -S '${1}'", "", 125),
            (
                "env -vS 'echo a' 2>&1",
                "split -S:  'echo a'\n into:    'echo'\n     &    'a'\nexecuting: echo\n   arg[0]= 'echo'\n   arg[1]= 'a'\na\n",
                0,
            ),
        ]);
        lacks(&[("export X='-S${X}'; env -S'${X}'", "without end"), ("env --ignore-signal true", "option")]);
    }
}

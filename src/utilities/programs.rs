//! Programs that run programs: `sh`, `nice`, `su`, `which`.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::permissions;
use super::show;
use crate::shell::Dialect;
use crate::shell::Interpreter;
use crate::shell::Origin;
use crate::shell::acting::Acting;

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
            return Ok(call.shell.run_process(first, name, args, &interpreter, Origin::Words)?);
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
            return Ok(call.shell.run_process(&input, call.name, &[], &interpreter, Origin::Input)?);
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

/// `su [-l] [-s SHELL] [-c COMMAND] [USER]`, `runuser -u USER [--] COMMAND`, and runuser as su where it names no user so.
fn su(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("command", b'c'),
        ("shell", b's'),
        ("login", b'l'),
        ("user", b'u'),
        ("group", b'g'),
        ("preserve-environment", b'm'),
    ];
    // Options may follow the user's name; with `-u` what follows is a command with its own.
    let first = call.options("+c:s:lmpu:g:", &long);
    let names_user = call.name != b"su" && first.as_ref().is_ok_and(|given| given.has(b'u'));
    let given = if names_user { first? } else { call.options("c:s:lmpg:", &long)? };
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

/// Bytes that a path takes in a copy of the tree: its place in the map, and its inode's in the table.
const COPIED: usize = 48;

/// Runs a command as a user, who must be there, with all groups that the user is in. Without a group it is the user's
/// own.
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
    if (uid, gid) == (0, 0) {
        let before = call.shell.system.acting.take();
        let done = call.run(words);
        call.shell.system.acting = before;
        return done;
    }
    let group_of = |entry: &Vec<u8>| {
        let fields: Vec<&[u8]> = entry.split(|&byte| byte == b':').collect();
        let members = fields.get(3)?.split(|&byte| byte == b',');
        let number = std::str::from_utf8(fields[2]).ok()?.parse().ok();
        number.filter(|_| members.into_iter().any(|member| member == user))
    };
    let groups = permissions::entries(call, "/etc/group").iter().filter_map(group_of).collect();
    // The tree is copied, and looked through at the end.
    let paths = call.tree().len();
    call.shell.system.budget.tried(2 * paths)?;
    let _copy = call.shell.system.budget.hold(paths * COPIED)?;
    let before = call.shell.system.acting_as(Acting { name: show(user), uid, gid, groups });
    let done = call.run(words);
    match call.shell.system.acted(before) {
        Some(wrong) => Err(Fault::gap(wrong)),
        None => done,
    }
}

/// debianutils' `which`: the first executable in `PATH`.
fn which(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("as", &[])?;
    if given.has(b's') {
        // bookworm's debianutils does not know it.
        return Err(Fault::gap("option `-s`, which only newer versions know"));
    }
    let mut status = i32::from(given.operands.is_empty());
    for name in &given.operands {
        match call.shell.find_program(name) {
            Some(path) => call.out([path.as_slice(), b"\n"].concat())?,
            None => status = 1,
        }
    }
    Ok(status)
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
    use crate::shell::system::System;
    use crate::tree::Inode;
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
            ("runuser a --shell /bin/sh --command \"TEST\"", "no\n"),
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

    /// What the kernel lets the user `a` (5, group 50, member of `b`, 60) do, with what root has left there.
    #[test]
    fn a_user_does_what_a_user_may_and_no_more() {
        let run = |script: &str| {
            let mut tree = Tree::new();
            tree.write("etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\na:x:5:50::/:/bin/sh\n").expect("new");
            tree.write("etc/group", 0o644, "a:x:50:\nb:x:60:a\n").expect("new");
            let mut put = |path: &str, mode, uid, gid, directory| {
                let mut inode = if directory { Inode::directory(mode) } else { Inode::file(mode, "old\n") };
                (inode.stat.uid, inode.stat.gid) = (uid, gid);
                tree.put(path, inode).expect("new");
            };
            put("tmp", 0o1777, 0, 0, true);
            put("tmp/root", 0o644, 0, 0, false);
            put("home", 0o700, 5, 50, true);
            put("shared", 0o2775, 0, 60, true);
            put("closed", 0o700, 0, 0, true);
            put("closed/file", 0o644, 0, 0, false);
            put("secret", 0o640, 0, 0, false);
            put("ours", 0o660, 0, 60, false);
            let mut system = machine(tree, "amd64", 0);
            let script = format!("runuser -u a -- sh -c '{script}' 2>/dev/null; echo $?");
            let mut shell = Shell::new(&mut system, "sh", &[("PATH", "/bin")]);
            let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("it ends");
            assert_eq!(system.acting, None);
            (String::from_utf8_lossy(&outcome.output).into_owned(), system)
        };
        let owner = |system: &mut System, path: &str| {
            let place = system.tree().resolve(path, false).expect("no loop");
            system.tree().get(&place).map(|inode| (inode.stat.uid, inode.stat.gid))
        };
        // What is made is the user's, however it is made; a directory's group goes before.
        for (script, path, wanted) in [
            ("echo x >/home/f", "home/f", (5, 50)),
            ("mkdir -p /home/d/e", "home/d/e", (5, 50)),
            ("ln -s x /tmp/l", "tmp/l", (5, 50)),
            ("cp /tmp/root /home/c", "home/c", (5, 50)),
            ("echo x >/shared/f", "shared/f", (5, 60)),
            ("echo x | tee /tmp/t >/dev/null", "tmp/t", (5, 50)),
            ("f=$(mktemp) && mv $f /home/m", "home/m", (5, 50)),
            ("echo new >>/ours && chmod 640 /home", "ours", (0, 60)),
        ] {
            let (output, mut system) = run(script);
            assert_eq!(output, "0\n", "{script}");
            assert_eq!(owner(&mut system, path), Some(wanted), "{script}");
            assert_eq!(system.gaps, [], "{script}");
        }
        // What is refused is refused, and leaves nothing.
        for script in [
            "echo x >/f",
            "echo x >>/tmp/root",
            "mkdir /closed/d",
            "cat /secret",
            "read l </secret",
            "cat /closed/file",
            "[ -r /secret ]",
            "[ -w /tmp/root ]",
            "cp /secret /home/s",
            "install /secret /home/s",
            "touch /closed/new",
        ] {
            let (output, mut system) = run(script);
            assert_ne!(output, "0\n", "{script}");
            assert_eq!(system.tree().len(), 12, "{script}");
            assert_eq!(system.gaps, [], "{script}");
        }
        // What the model would have done with root's rights is said.
        for (script, place) in [
            ("rm -f /tmp/root", "tmp/root"),
            ("chmod 600 /tmp/root", "tmp/root"),
            ("chown 0 /home", "home"),
            ("mv /ours /home/", "ours"),
            ("rm -r /closed", "closed"),
        ] {
            let (_, system) = run(script);
            let gaps: Vec<&str> = system.gaps.iter().map(|gap| gap.what.as_str()).collect();
            assert_eq!(gaps, [format!("changes /{place} as user a, who may not")], "{script}");
        }
    }
}

//! Small questions about the machine, and what would change it: who is in which groups, the domain, the kernel's
//! settings, a lock between processes.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::options::Opt;
use super::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    // A machine has a domain when it runs; here it has a name alone.
    ("dnsdomainname", |call| call.given(&[]).map(|_| 0)),
    ("flock", flock),
    ("groups", groups),
    ("mountpoint", mountpoint),
    ("sysctl", sysctl),
];

/// `flock`'s options.
pub(super) const FLOCK: &[Opt] = &[
    Opt::value(b'c', "command"),
    Opt::harmless(b'e', "exclusive", "nobody else is there"),
    Opt::harmless(b'x', "", "nobody else is there"),
    Opt::harmless(b's', "shared", "nobody else is there"),
    Opt::harmless(b'n', "nonblock nb", "nobody holds the lock"),
    Opt::harmless(b'u', "unlock", "nobody waits for the lock"),
    Opt::harmless_value(b'w', "wait timeout", "nobody holds the lock"),
    Opt::harmless_value(b'E', "conflict-exit-code", "nobody holds the lock"),
    Opt::harmless(b'F', "no-fork", "a lock has no end that shows"),
    Opt::harmless(b'o', "close", "a lock has no end that shows"),
];

/// Nobody else is there to wait for: the file is made, and the command run.
fn flock(call: &mut Call<'_, '_>) -> Done {
    let given = call.given_first(FLOCK)?;
    let (Some((file, words)), command) = (given.operands.split_first(), given.value(b'c')) else {
        return Err(Fault::Failed(64, "not enough arguments".into()));
    };
    // `flock FILE -c COMMAND` as well.
    let (words, command) = match (words, command) {
        ([option, line], None) if option == b"-c" || option == b"--command" => (&words[2..], Some(line.as_slice())),
        other => other,
    };
    if words.is_empty() && command.is_none() {
        if !file.is_empty() && file.iter().all(u8::is_ascii_digit) {
            let open = show(file).parse().is_ok_and(|number| call.shell.state.descriptors.contains_key(&number));
            return if open { Ok(0) } else { Err(Fault::Failed(65, format!("{}: Bad file descriptor", show(file)))) };
        }
        return Err(Fault::Failed(64, format!("bad file descriptor: '{}'", show(file))));
    }
    if call.look(file, true).is_none() {
        match call.write(file, 0o666, Vec::new()) {
            Err(Fault::Failed(_, words)) => return Err(Fault::Failed(66, format!("cannot open lock file {words}"))),
            other => other?,
        }
    }
    match command {
        Some(line) => call.run(&[b"sh".to_vec(), b"-c".to_vec(), line.to_vec()]),
        None => call.run(words),
    }
}

/// The groups of users, as `id -Gn` names them.
fn groups(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(&[])?;
    let id =
        |user: Option<&Vec<u8>>| [b"id".to_vec(), b"-Gn".to_vec()].into_iter().chain(user.cloned()).collect::<Vec<_>>();
    if given.operands.is_empty() {
        return call.run(&id(None));
    }
    let mut status = 0;
    for user in &given.operands {
        if super::permissions::entries(call, "/etc/passwd")
            .iter()
            .any(|entry| entry.starts_with(&[user, &b":"[..]].concat()))
        {
            call.out([user, &b" : "[..]].concat())?;
            status = status.max(call.run(&id(Some(user)))?);
        } else {
            call.err(&format!("'{}': no such user", show(user)))?;
            status = 1;
        }
    }
    Ok(status)
}

/// `mountpoint`'s options.
pub(super) const MOUNTPOINT: &[Opt] = &[Opt::flag(b'q', "quiet")];

/// What dpkg finds mounted where it configures packages: the kernel's file systems, and the root.
fn mountpoint(call: &mut Call<'_, '_>) -> Done {
    const MOUNTED: [&[u8]; 4] = [b"/", b"/dev", b"/proc", b"/sys"];
    let given = call.given(MOUNTPOINT)?;
    let [path] = given.operands.as_slice() else { return Err(Fault::failed("bad usage")) };
    let quiet = given.has(b'q');
    let absolute = call.absolute(path);
    let trimmed = absolute.iter().rposition(|&byte| byte != b'/').map_or(&b"/"[..], |last| &absolute[..=last]);
    let mounted = MOUNTED.contains(&trimmed);
    if !mounted && call.look(path, true).is_none() {
        return if quiet { Ok(1) } else { Err(Fault::failed(format!("{}: No such file or directory", show(path)))) };
    }
    if !quiet {
        let words: &[u8] = if mounted { b" is a mountpoint\n" } else { b" is not a mountpoint\n" };
        call.out([path, words].concat())?;
    }
    Ok(if mounted { 0 } else { 32 })
}

/// `sysctl`'s options.
pub(super) const SYSCTL: &[Opt] = &[
    Opt::harmless(b'e', "ignore", "what is set is never unknown here"),
    Opt::harmless_value(b'p', "load", "the kernel that runs is the builder's: its settings stay as they are"),
    Opt::flag(b'q', "quiet"),
    Opt::harmless_value(b'r', "pattern", "nothing is set, whatever it is called"),
    Opt::harmless(1, "system", "the kernel that runs is the builder's: its settings stay as they are"),
    Opt::harmless(b'w', "write", "a setting is known by its `=`"),
];

/// Nothing is set: the kernel that runs is the builder's, and a node's own is set when it starts. What it has is a
/// question that cannot be answered.
fn sysctl(call: &mut Call<'_, '_>) -> Done {
    // `-p` alone is for /etc/sysctl.conf.
    let args: Vec<Vec<u8>> = match call.args {
        [all @ .., last] if last == b"-p" || last == b"--load" => all.to_vec(),
        all => all.to_vec(),
    };
    let loads = args.len() < call.args.len();
    let given = Call { shell: &mut *call.shell, name: call.name, args: &args }.given(SYSCTL)?;
    if loads || given.has(b'p') || given.has(1) {
        return Ok(0);
    }
    for word in &given.operands {
        let Some(sign) = memchr::memchr(b'=', word) else {
            return Err(Fault::gap(format!("the kernel's `{}`", show(word))));
        };
        if !given.has(b'q') {
            let (name, value) = (word[..sign].trim_ascii(), word[sign + 1..].trim_ascii());
            call.out([name, b" = ", value, b"\n"].concat())?;
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn questions_have_answers() {
        says(&[
            ("flock /tmp/l echo a; ls /tmp", "a\nl\n", 0),
            ("flock -n /tmp/l -c 'echo b; exit 3'", "b\n", 3),
            ("flock -c 'echo d' /tmp/l", "d\n", 0),
            ("exec 9> /tmp/l; flock -w 5 9 && echo c", "c\n", 0),
            ("flock 8", "", 65),
            ("flock /no/l true", "", 66),
            ("flock", "", 64),
            (
                "mountpoint -q /proc && mountpoint /sys; mountpoint /tmp",
                "/sys is a mountpoint\n/tmp is not a mountpoint\n",
                32,
            ),
            ("mountpoint -q /nosuch", "", 1),
            ("sysctl -w a.b=1; sysctl -q c=2; sysctl --system; sysctl -p /etc/x; sysctl -p", "a.b = 1\n", 0),
            ("dnsdomainname", "", 0),
            (
                "printf 'root:x:0:0::/:\\nu:x:5:6::/:\\n' > /etc/passwd; printf 'root:x:0:\\ng:x:6:\\nh:x:7:u\\n' > /etc/group; groups; groups u; groups nobody",
                "root\nu : g h\n",
                1,
            ),
        ]);
        lacks(&[("sysctl -n kernel.x", "option"), ("sysctl kernel.x", "kernel.x"), ("mountpoint -d /", "option")]);
    }
}

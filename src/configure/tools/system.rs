//! Questions about the system: who, on what machine, which processes. There are no processes, and it is root.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::permissions::entries;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("arch", |call| {
        let machine = call.shell.system.uname.machine.clone();
        call.out(machine + "\n").map(|()| 0)
    }),
    ("chroot", chroot),
    // No file system is mounted inside an image.
    ("findmnt", no_mount),
    ("getent", getent),
    ("hostname", hostname),
    ("id", id),
    ("ischroot", |_| Ok(0)),
    ("kill", no_process),
    ("killall", no_process),
    // Nobody listens: what a script says to the log is lost, as in every other way to configure.
    ("logger", |_| Ok(0)),
    // The kernel that runs is the builder's, and its modules stay as they are.
    ("modprobe", |_| Err(Fault::failed("FATAL: no kernel runs here"))),
    // Of the machine that builds nothing is seen, and no node has started yet.
    ("lsmod", |call| call.out("Module                  Size  Used by\n").map(|()| 0)),
    ("nproc", |call| call.out("1\n").map(|()| 0)),
    ("pam_getenv", pam_getenv),
    ("pgrep", no_process),
    ("pidof", no_process),
    ("pkill", no_process),
    ("ps", ps),
    ("ss", |call| call.out("State Recv-Q Send-Q Local Address:Port Peer Address:Port\n").map(|()| 0)),
    ("start-stop-daemon", |_| Ok(0)),
    ("stty", |_| Err(Fault::failed("standard input: Inappropriate ioctl for device"))),
    ("tty", |call| call.out("not a tty\n").map(|()| 1)),
    ("uname", uname),
    // No volume group is active while an image is made.
    ("vgcfgbackup", |_| Ok(0)),
    ("whoami", |call| call.out("root\n").map(|()| 0)),
];

/// No daemon runs while an image is made: nothing to find, nothing to signal.
fn no_process(_: &mut Call<'_, '_>) -> Done {
    Ok(1)
}

/// `pam_getenv [-l] [-s] NAME`: what a login would have it set to.
fn pam_getenv(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("ls", &[])?;
    let [name] = given.operands.as_slice() else { return Err(Fault::gap("without one name")) };
    let mut read = |path: &[u8]| -> Result<String, Fault> {
        Ok(if call.look(path, true).is_some() { show(&call.read(path)?) } else { String::new() })
    };
    let rules = read(b"/etc/security/pam_env.conf")?;
    if rules.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        return Err(Fault::gap("rules in /etc/security/pam_env.conf"));
    }
    let environment = read(b"/etc/environment")?;
    let setting = |line: &str| {
        let (key, value) = line.trim().trim_start_matches("export ").split_once('=')?;
        (key.as_bytes() == name).then(|| value.trim_matches('"').to_owned())
    };
    let found = environment.lines().filter_map(setting).next_back();
    call.out(found.map_or_else(String::new, |value| value + "\n")).map(|()| 0)
}

fn no_mount(_: &mut Call<'_, '_>) -> Done {
    Ok(1)
}

fn ps(call: &mut Call<'_, '_>) -> Done {
    call.out("    PID TTY          TIME CMD\n")?;
    Ok(0)
}

/// Only the root that this is.
fn chroot(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [root, command @ ..] if root == b"/" && !command.is_empty() => call.run(command),
        _ => Err(Fault::gap("into another root")),
    }
}

fn hostname(call: &mut Call<'_, '_>) -> Done {
    let long = [("fqdn", b'f'), ("long", b'f'), ("short", b's'), ("domain", b'd'), ("nis", b'y'), ("yp", b'y')];
    let given = call.options("fsdy", &long)?;
    if given.has(b'y') {
        return Err(Fault::failed("Local domain name not set"));
    }
    if !given.operands.is_empty() {
        return Err(Fault::gap("setting the name"));
    }
    let node = call.shell.system.uname.node.clone();
    match given.last_of(b"fsd") {
        None => call.out(node + "\n")?,
        Some(b's') => call.out(format!("{}\n", node.split('.').next().unwrap_or_default()))?,
        Some(letter) => {
            // The name as the resolver has it: that of /etc/hosts, since there is no network to ask.
            let Some(full) = canonical_name(call, node.as_bytes())? else {
                return Err(Fault::failed("Temporary failure in name resolution"));
            };
            match full.split_once('.') {
                Some((_, domain)) if letter == b'd' => call.out(format!("{domain}\n"))?,
                None if letter == b'd' => {}
                _ => call.out(format!("{full}\n"))?,
            }
        }
    }
    Ok(0)
}

/// The first name of the line of `/etc/hosts` that has this one (hosts(5)).
fn canonical_name(call: &mut Call<'_, '_>, name: &[u8]) -> Result<Option<String>, Fault> {
    let text = call.tree().read("/etc/hosts")?.unwrap_or_default();
    let canonical = text.split(|&byte| byte == b'\n').find_map(|line| {
        let line = &line[..memchr::memchr(b'#', line).unwrap_or(line.len())];
        let names: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1).collect();
        names.contains(&name).then(|| show(names[0]))
    });
    Ok(canonical)
}

fn uname(call: &mut Call<'_, '_>) -> Done {
    let long = [
        ("all", b'a'),
        ("kernel-name", b's'),
        ("nodename", b'n'),
        ("kernel-release", b'r'),
        ("kernel-version", b'v'),
        ("machine", b'm'),
        ("processor", b'p'),
        ("hardware-platform", b'i'),
        ("operating-system", b'o'),
    ];
    let given = call.options("asnrvmpio", &long)?;
    let own = call.shell.system.uname.clone();
    let parts = [
        (b's', "Linux".to_owned()),
        (b'n', own.node),
        (b'r', own.release),
        (b'v', "#1 SMP".to_owned()),
        (b'm', own.machine),
        (b'o', "GNU/Linux".to_owned()),
    ];
    let all = given.has(b'a');
    let mut words: Vec<&str> = Vec::new();
    for (letter, text) in &parts {
        if all || given.has(*letter) || (given.all.is_empty() && *letter == b's') {
            words.push(text);
        }
    }
    if !all && (given.has(b'p') || given.has(b'i')) {
        words.push("unknown");
    }
    call.out(words.join(" ") + "\n")?;
    Ok(0)
}

/// `getent database [key…]` from the tree's own files.
fn getent(call: &mut Call<'_, '_>) -> Done {
    // Accounts are in files and nowhere else.
    let args = match call.args {
        [option, files, rest @ ..] if option == b"-s" && files == b"files" => rest,
        [option, rest @ ..] if option == b"--service=files" => rest,
        all => all,
    };
    let [database, keys @ ..] = args else { return Err(Fault::failed("wrong number of arguments")) };
    let (path, number) = match database.as_slice() {
        b"passwd" => ("/etc/passwd", Some(2)),
        b"group" => ("/etc/group", Some(2)),
        b"shadow" => ("/etc/shadow", None),
        b"gshadow" => ("/etc/gshadow", None),
        b"hosts" if !keys.is_empty() => return hosts(call, keys),
        _ => return Err(Fault::gap(format!("the database {}", show(database)))),
    };
    let all = entries(call, path);
    if keys.is_empty() {
        for entry in all {
            call.out([entry.as_slice(), b"\n"].concat())?;
        }
        return Ok(0);
    }
    let mut status = 0;
    for key in keys {
        let field = |entry: &[u8], index: usize| entry.split(|&byte| byte == b':').nth(index).map(<[u8]>::to_vec);
        let numeric = key.iter().all(u8::is_ascii_digit) && !key.is_empty();
        let index = if numeric { number.unwrap_or(0) } else { 0 };
        match all.iter().find(|entry| field(entry, index).as_ref() == Some(key)) {
            Some(entry) => call.out([entry.as_slice(), b"\n"].concat())?,
            None => status = 2,
        }
    }
    Ok(status)
}

/// Names that `/etc/hosts` has; there is no network to ask.
fn hosts(call: &mut Call<'_, '_>, keys: &[Vec<u8>]) -> Done {
    for key in keys {
        if canonical_name(call, key)?.is_some() {
            return Err(Fault::gap(format!("the address of `{}`", show(key))));
        }
    }
    Ok(2)
}

fn id(call: &mut Call<'_, '_>) -> Done {
    let long = [("user", b'u'), ("group", b'g'), ("groups", b'G'), ("name", b'n'), ("real", b'r')];
    let given = call.options("ugGnr", &long)?;
    let acting = call.shell.system.acting.as_ref().map_or("root", |user| user.name.as_str()).as_bytes().to_vec();
    let name = given.operands.first().cloned().unwrap_or(acting);
    let field = |entry: &[u8], index: usize| entry.split(|&byte| byte == b':').nth(index).unwrap_or_default().to_vec();
    let users = entries(call, "/etc/passwd");
    let own = users.into_iter().find(|entry| field(entry, 0) == name || field(entry, 2) == name);
    let own = match own {
        Some(own) => own,
        // Before base-passwd there is no passwd, and still it is root.
        None if given.operands.is_empty() => b"root:x:0:0".to_vec(),
        None => return Err(Fault::failed(format!("'{}': no such user", show(&name)))),
    };
    let (name, uid, gid) = (field(&own, 0), field(&own, 2), field(&own, 3));
    let groups = entries(call, "/etc/group");
    let group_name = |gid: &[u8]| {
        groups.iter().find(|entry| field(entry, 2) == gid).map_or_else(|| gid.to_vec(), |entry| field(entry, 0))
    };
    let member = |entry: &&Vec<u8>| field(entry, 3).split(|&byte| byte == b',').any(|member| member == name.as_slice());
    let mut all = vec![gid.clone()];
    all.extend(groups.iter().filter(member).map(|entry| field(entry, 2)).filter(|other| *other != gid));
    let named = given.has(b'n');
    let text = match given.last_of(b"ugG") {
        Some(b'u') => {
            if named {
                name
            } else {
                uid
            }
        }
        Some(b'g') => {
            if named {
                group_name(&gid)
            } else {
                gid
            }
        }
        Some(_) => {
            all.iter().map(|gid| if named { group_name(gid) } else { gid.clone() }).collect::<Vec<_>>().join(&b' ')
        }
        None => {
            let shown = |number: &[u8], name: &[u8]| [number, b"(", name, b")"].concat();
            let groups: Vec<Vec<u8>> = all.iter().map(|gid| shown(gid, &group_name(gid))).collect();
            [
                b"uid=".as_slice(),
                &shown(&uid, &name),
                b" gid=",
                &shown(&gid, &group_name(&gid)),
                b" groups=",
                &groups.join(&b','),
            ]
            .concat()
        }
    };
    call.out([text.as_slice(), b"\n"].concat())?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use crate::utilities::recorded::says;

    #[test]
    fn a_machine_has_the_name_that_its_hosts_give() {
        says(&[
            ("hostname; hostname -s; hostname -f", "localhost\nlocalhost\n", 1),
            ("echo 127.0.0.1 localhost > /etc/hosts; hostname --fqdn; hostname --domain", "localhost\n", 0),
            ("echo '127.0.1.1 a.b.c localhost # x' > /etc/hosts; hostname -f; hostname -d", "a.b.c\nb.c\n", 0),
            ("echo '127.0.1.1 a.b.c # localhost' > /etc/hosts; hostname -d || echo none", "none\n", 0),
        ]);
    }
}

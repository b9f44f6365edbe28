//! Daemons and their tools that are asked about their configuration or their state: `chronyd -p` (chronyd(8)), `sshd -G`
//! (sshd(8)), `exim4 -bV` (exim4(8)) and others. None is started, and none has a state.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("acngtool", acngtool),
    // No kernel is asked for its rules, and no printer or disk for its state: an image has those of no machine.
    ("auditctl", |_| Err(Fault::failed("Cannot open netlink audit socket"))),
    // No process of Nagios is found.
    ("check_nagios", |call| call.out("NAGIOS CRITICAL: Could not locate a running Nagios process!\n").map(|()| 2)),
    ("chronyd", chronyd),
    ("exim4", exim4),
    ("ip6tables", |_| Err(Fault::Failed(3, "can't initialize ip6tables table `filter'".into()))),
    ("iptables", |_| Err(Fault::Failed(3, "can't initialize iptables table `filter'".into()))),
    ("kpsewhich", not_there_yet),
    ("lpstat", lpstat),
    ("mokutil", mokutil),
    ("named-checkconf", named_checkconf),
    ("paperconf", paper),
    ("proftpd", proftpd),
    ("smartctl", smartctl),
    ("squid", not_there_yet),
    ("sshd", sshd),
    ("sshd.session-split", sshd),
    ("test-SSE2", processor),
    ("test-SSE3", processor),
    ("test-SSE4.2", processor),
];

fn arguments(call: &Call<'_, '_>) -> Fault {
    Fault::gap(show(&call.args.join(&b' ')))
}

/// `acngtool printvar NAME -c DIRECTORY`: a setting of apt-cacher-ng, of the last of its files that has it.
fn acngtool(call: &mut Call<'_, '_>) -> Done {
    let [verb, name, option, directory] = call.args else { return Err(arguments(call)) };
    if verb != b"printvar" || option != b"-c" {
        return Err(arguments(call));
    }
    let place = call.resolve(directory, true)?;
    let files = call.tree().children(&place).filter(|(path, _)| path.name().ends_with(b".conf"));
    let files: Vec<Vec<u8>> = files.map(|(path, _)| path.to_string().into_bytes()).collect();
    let text = show(&call.read_all(&files)?);
    let setting = |line: &str| {
        let (key, value) = line.trim().split_once([':', '='])?;
        key.trim_end().eq_ignore_ascii_case(&show(name)).then(|| value.trim().to_owned())
    };
    match text.lines().filter_map(setting).next_back() {
        Some(value) => call.out(value + "\n").map(|()| 0),
        None => Ok(1),
    }
}

/// `lpstat [-h SERVER] -r`: no scheduler runs.
fn lpstat(call: &mut Call<'_, '_>) -> Done {
    if !call.args.iter().any(|word| word == b"-r") {
        return Err(arguments(call));
    }
    call.out("scheduler is not running\n").map(|()| 0)
}

/// `mokutil --sb-state`: of an image nobody knows which firmware will start it.
fn mokutil(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [state] if state == b"--sb-state" => {
            call.shell.print_error(b"EFI variables are not supported on this system\n")?;
            Ok(1)
        }
        _ => Err(arguments(call)),
    }
}

/// `proftpd -t`: the configuration is that of the package.
fn proftpd(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [test] if test == b"-t" => Ok(0),
        _ => Err(arguments(call)),
    }
}

/// `squid` and `kpsewhich` are asked by scripts of packages that are configured before the program is there.
fn not_there_yet(call: &mut Call<'_, '_>) -> Done {
    if call.shell.find_program(call.name).is_some() {
        return Err(arguments(call));
    }
    call.err("not found")?;
    Ok(127)
}

/// `paperconf`: the name of the paper that the machine's file has, or that of the locale of no country.
fn paper(call: &mut Call<'_, '_>) -> Done {
    if !call.args.is_empty() {
        return Err(arguments(call));
    }
    let text = match call.look(b"/etc/papersize", true) {
        Some(_) => show(&call.read(b"/etc/papersize")?),
        None => String::new(),
    };
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let named = lines.into_iter().find(|line| !line.is_empty()).unwrap_or("a4").to_owned();
    call.out(named + "\n").map(|()| 0)
}

/// `smartctl -V`: whether it runs. No disk is asked.
fn smartctl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [version] if version == b"-V" => Ok(0),
        _ => Err(arguments(call)),
    }
}

/// isa-support's programs try an instruction. As where a system for another machine is made, it cannot be executed, and
/// who asked for the package answers for the node.
fn processor(_: &mut Call<'_, '_>) -> Done {
    Ok(126)
}

/// Files that include files, and no deeper; chronyd's own limit.
const INCLUDE_DEPTH: u32 = 10;

fn chronyd(call: &mut Call<'_, '_>) -> Done {
    if call.args != [b"-p"] {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let mut text = String::new();
    directives(call, "/etc/chrony/chrony.conf", INCLUDE_DEPTH, &mut text)?;
    call.out(text).map(|()| 0)
}

/// The directives of a file and of those it includes, without comments (chrony.conf(5)).
fn directives(call: &mut Call<'_, '_>, path: &str, depth: u32, text: &mut String) -> Result<(), Fault> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Fault::failed("Could not open: too many includes")) };
    for line in show(&call.read(path.as_bytes())?).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with(['#', '!', ';', '%']) => {}
            ["confdir", directories @ ..] => included(call, directories, ".conf", depth, text)?,
            ["sourcedir", directories @ ..] => included(call, directories, ".sources", depth, text)?,
            ["include", pattern] if !pattern.contains(['*', '?', '[']) => directives(call, pattern, depth, text)?,
            ["include", pattern] => return Err(Fault::gap(format!("the pattern {pattern}"))),
            words => text.push_str(&(words.join(" ") + "\n")),
        }
    }
    Ok(())
}

fn included(
    call: &mut Call<'_, '_>,
    directories: &[&str],
    suffix: &str,
    depth: u32,
    text: &mut String,
) -> Result<(), Fault> {
    for directory in directories {
        let tree = call.tree();
        let Some((found, _)) = tree.lookup(directory) else { continue };
        let names: Vec<String> = tree.children(&found).map(|(path, _)| path.to_string()).collect();
        for name in names.iter().filter(|name| name.ends_with(suffix)) {
            directives(call, name, depth, text)?;
        }
    }
    Ok(())
}

/// `exim4 -C FILE -bV`: whether it can be read. What a package's own script has put together from its own parts is
/// not doubted.
fn exim4(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [c, file, version] if c == b"-C" && version == b"-bV" => call.read(&file.clone()).map(|_| 0),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// `named-checkconf FILE`: whether it can be read. What the package itself brings is not doubted.
fn named_checkconf(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [file] if !file.starts_with(b"-") => call.read(&file.clone()).map(|_| 0),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// The settings of `sshd_config`, keywords in small letters, and the host keys that are used when it names none.
fn sshd(call: &mut Call<'_, '_>) -> Done {
    let file = match call.args {
        [g] if g == b"-G" => b"/etc/ssh/sshd_config".to_vec(),
        [f, file, g] if f == b"-f" && g == b"-G" => file.clone(),
        args => return Err(Fault::gap(show(&args.join(&b' ')))),
    };
    let mut settings = Vec::new();
    for line in show(&call.read(&file)?).lines() {
        let mut words = line.split_whitespace();
        let Some(keyword) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        let keyword = keyword.to_lowercase();
        if keyword == "match" {
            break;
        }
        settings.push(format!("{keyword} {}\n", words.collect::<Vec<_>>().join(" ")));
    }
    if !settings.iter().any(|line| line.starts_with("hostkey ")) {
        let keys = ["rsa", "ecdsa", "ed25519"].map(|kind| format!("hostkey /etc/ssh/ssh_host_{kind}_key\n"));
        settings.extend(keys);
    }
    call.out(settings.concat()).map(|()| 0)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn no_machine_is_asked() {
        let mut tree = Tree::new();
        tree.write("etc/apt-cacher-ng/acng.conf", 0o644, "# CacheDir: /no\nCacheDir: /var/cache/x\n").expect("new");
        let mut world = machine(tree, "amd64", 0);
        let script = "/usr/lib/apt-cacher-ng/acngtool printvar CacheDir -c /etc/apt-cacher-ng; lpstat -r; \
                      mokutil --sb-state 2>&1; iptables -L 2>&1; echo $?; squid -k parse 2> /dev/null; echo $?; proftpd -t; paperconf";
        let outcome = Shell::new(&mut world, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let outcome = outcome.expect("no limit is met");
        let wanted = "/var/cache/x\nscheduler is not running\nEFI variables are not supported on this system\n\
                      iptables: can't initialize iptables table `filter'\n3\n127\na4\n";
        assert_eq!((String::from_utf8(outcome.output).expect("text").as_str(), outcome.status), (wanted, 0));
        assert_eq!(world.gaps, []);
    }

    #[test]
    fn daemons_say_how_they_are_configured() {
        let mut tree = Tree::new();
        for directory in ["etc/chrony/conf.d", "etc/ssh"] {
            tree.make_directories(directory, 0o755).expect("new");
        }
        for (path, text) in [
            ("etc/chrony/chrony.conf", "! comment\nconfdir /etc/chrony/conf.d\nkeyfile  /etc/chrony/chrony.keys\n"),
            ("etc/chrony/conf.d/a.conf", "# comment\nuser _chrony\n"),
            ("etc/chrony/conf.d/b.off", "user nobody\n"),
            ("etc/ssh/sshd_config", "#Port 22\nUsePAM yes\nMatch User a\nHostKey /b\n"),
        ] {
            tree.write(path, 0o644, text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "chronyd -p; /usr/sbin/sshd -f /etc/ssh/sshd_config -G | sed -n 's/^HostKey //Ip'";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let output = String::from_utf8(outcome.expect("no limit is met").output).expect("text");
        assert!(system.gaps.is_empty(), "{:?}", system.gaps);
        let keys = "/etc/ssh/ssh_host_rsa_key\n/etc/ssh/ssh_host_ecdsa_key\n/etc/ssh/ssh_host_ed25519_key\n";
        assert_eq!(output, format!("user _chrony\nkeyfile /etc/chrony/chrony.keys\n{keys}"));
    }
}

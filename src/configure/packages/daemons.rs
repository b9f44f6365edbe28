//! Daemons that are asked about their configuration: `chronyd -p` (chronyd(8)), `sshd -G` (sshd(8)), `exim4 -bV`
//! (exim4(8)). None is started.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("chronyd", chronyd),
    ("exim4", exim4),
    ("named-checkconf", named_checkconf),
    ("sshd", sshd),
    ("sshd.session-split", sshd),
];

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

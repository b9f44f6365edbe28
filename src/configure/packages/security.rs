//! AppArmor and SELinux, asked by scripts whether they are on, or told to load and label. In a chroot no kernel answers:
//! aa-enabled(1), aa-status(8), apparmor_parser(8), restorecon(8), selinuxenabled(8). Profiles are loaded, and files
//! labelled, when a node starts.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("aa-enabled", |call| answer(call, 1)),
    ("aa-status", |call| answer(call, 1)),
    ("apparmor_parser", |call| answer(call, 1)),
    ("fixfiles", |call| answer(call, 0)),
    ("restorecon", |call| answer(call, 0)),
    ("selinuxenabled", |call| answer(call, 1)),
];

/// What the program says where the kernel has no such module; scripts also call it where it is not installed.
fn answer(call: &mut Call<'_, '_>, status: i32) -> Done {
    if call.shell.find_program(call.name).is_some() {
        return Ok(status);
    }
    call.err("not found")?;
    Ok(127)
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn no_security_module_is_on() {
        let mut tree = Tree::new();
        for name in ["aa-enabled", "restorecon"] {
            tree.write(format!("usr/sbin/{name}"), 0o755, "\x7fELF").expect("new");
        }
        let mut world = machine(tree, "amd64", 0);
        let script = "aa-enabled --quiet; echo $?; restorecon -R /etc; echo $?; selinuxenabled 2> /dev/null; echo $?";
        let mut shell = Shell::new(&mut world, "postinst", &[("PATH", "/usr/sbin")]);
        let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("no limit is met");
        assert_eq!(outcome.output, b"1\n0\n127\n");
        assert_eq!(world.gaps, []);
    }
}

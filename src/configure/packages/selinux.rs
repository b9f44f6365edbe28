//! SELinux, asked by scripts whether it is on, or told to label files. In a chroot no kernel answers: restorecon(8),
//! selinuxenabled(8). Files are labelled when a node starts.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("fixfiles", |call| no_module(call, 0)),
        ("restorecon", |call| no_module(call, 0)),
        // Of libselinux.
        ("selinuxenabled", |call| no_module(call, 1)),
    ],
    ..Package::of("policycoreutils")
};

/// What the program says where the kernel has no such module; scripts also call it where it is not installed.
pub(super) fn no_module(call: &mut Call<'_, '_>, status: i32) -> Done {
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
        let mut system = machine(tree, "amd64", 0);
        let script = "aa-enabled --quiet; echo $?; restorecon -R /etc; echo $?; selinuxenabled 2> /dev/null; echo $?";
        let mut shell = Shell::new(&mut system, "postinst", &[("PATH", "/usr/sbin")]);
        let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("no limit is met");
        assert_eq!(outcome.output, b"1\n0\n127\n");
        assert_eq!(system.gaps, []);
    }
}

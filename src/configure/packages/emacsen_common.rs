//! emacsen-common: add-ons of Emacs, which are in byte code for each flavour that is installed (Debian Emacs policy).
//! An add-on, and a flavour, is marked as ready; the code itself only that Emacs makes, and does on a node.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("emacs-install", emacs_install), ("emacs-package-install", package_install)],
    libraries: &["/emacsen-common"],
    made: &[Made {
        package: "emacsen-common",
        what: "byte code of add-ons, for each Emacs that is installed",
        from: &["var/lib/emacsen-common/state/flavor/installed/*"],
        make: "for flavor in /var/lib/emacsen-common/state/flavor/installed/*; do\n            \
               /usr/lib/emacsen-common/emacs-install \"${flavor##*/}\"\n        \
               done",
        units: &[],
        gone: &["usr/share/emacs/site-lisp/*/**", "usr/share/xemacs21/site-lisp/*/**"],
        emptied: &[],
    }],
    ..Package::of("emacsen-common")
};

const LIBRARY: &str = "/usr/lib/emacsen-common/packages";
const STATE: &str = "/var/lib/emacsen-common/state";
const INSTALLED: &str = "/var/lib/emacsen-common/state/flavor/installed";

/// `emacs-package-install --preinst|--postinst PACKAGE`
fn package_install(call: &mut Call<'_, '_>) -> Done {
    let (preinst, package) = match call.args {
        [when, package] if when == b"--preinst" => (true, package.clone()),
        [when, package] if when == b"--postinst" => (false, package.clone()),
        [package] => (false, package.clone()),
        _ => return Err(Fault::Failed(2, "Usage: emacs-package-install (--preinst|--postinst) FLAVOR".into())),
    };
    let mark = [STATE.as_bytes(), b"/package/installed/", &package].concat();
    if preinst {
        return call.run(&[b"rm".to_vec(), b"-f".to_vec(), mark]);
    }
    touch(call, &mark)?;
    let script = [LIBRARY.as_bytes(), b"/install/", &package].concat();
    let old = call.look(&[LIBRARY.as_bytes(), b"/compat/", &package].concat(), true).is_none();
    let flavours = names(call, INSTALLED);
    // An add-on of the old kind is first called for all flavours together.
    if old && call.look(&script, true).is_some() {
        let words: Vec<Vec<u8>> = [script, b"emacs".to_vec()].into_iter().chain(flavours.iter().cloned()).collect();
        let status = call.run(&words)?;
        if status != 0 {
            return Err(Fault::Failed(2, format!("ERROR: install script from {} package failed", show(&package))));
        }
    }
    if flavours.is_empty() { Ok(0) } else { leave_to_first_boot(call) }
}

/// `emacs-install [--preinst|--postinst] FLAVOUR`: all add-ons for a new flavour.
fn emacs_install(call: &mut Call<'_, '_>) -> Done {
    let (preinst, flavour) = match call.args {
        [flavour] => (false, flavour.clone()),
        [when, flavour] if when == b"--preinst" => (true, flavour.clone()),
        [when, flavour] if when == b"--postinst" => (false, flavour.clone()),
        _ => return Err(Fault::Failed(2, "Usage: emacs-install (--preinst|--postinst) FLAVOR".into())),
    };
    let mark = [INSTALLED.as_bytes(), b"/", &flavour].concat();
    if preinst {
        return call.run(&[b"rm".to_vec(), b"-f".to_vec(), mark]);
    }
    touch(call, &mark)?;
    leave_to_first_boot(call)
}

fn touch(call: &mut Call<'_, '_>, mark: &[u8]) -> Result<(), Fault> {
    match call.run(&[b"touch".to_vec(), mark.to_vec()])? {
        0 => Ok(()),
        _ => Err(Fault::failed(format!("touch {} failed", show(mark)))),
    }
}

/// The names in a directory, without backups.
fn names(call: &mut Call<'_, '_>, directory: &str) -> Vec<Vec<u8>> {
    let tree = call.tree();
    let Some((directory, _)) = tree.lookup(directory) else { return Vec::new() };
    let names = tree.children(&directory).map(|(path, _)| path.name().to_vec());
    names.filter(|name| !name.ends_with(b"~") && !name.starts_with(b".")).collect()
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::configure::tools::later::Later;
    use crate::shell::Shell;
    use crate::shell::system::System;
    use crate::tree::Tree;

    fn run(script: &str) -> (System, i32) {
        let mut tree = Tree::new();
        for directory in ["state/package/installed", "state/flavor/installed"] {
            tree.make_directories(format!("var/lib/emacsen-common/{directory}"), 0o755).expect("new");
        }
        tree.make_directories("usr/lib/emacsen-common/packages/compat", 0o755).expect("new");
        tree.write("usr/lib/emacsen-common/packages/compat/elpa-a", 0o644, "0\n").expect("new");
        let mut system = machine(tree, "amd64", 0);
        let script = script.replace("./", "/usr/lib/emacsen-common/");
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin:/usr/lib/emacsen-common")]).run_script(
            script.as_bytes(),
            &[],
            &[],
        );
        let status = outcome.expect("no limit is met").status;
        (system, status)
    }

    fn left(system: &mut System) -> Vec<Vec<Vec<u8>>> {
        system.kept::<Later>().first_boot.iter().map(|called| called.words.clone()).collect()
    }

    #[test]
    fn an_add_on_without_an_emacs_is_marked() {
        let (mut system, status) =
            run("./emacs-package-install --preinst elpa-a && ./emacs-package-install --postinst elpa-a");
        assert_eq!((status, &system.gaps), (0, &Vec::new()));
        let mark = "/var/lib/emacsen-common/state/package/installed/elpa-a";
        assert_eq!(system.tree().read(mark).expect("memory"), Some(Vec::new()));
        assert!(left(&mut system).is_empty(), "there is nothing to make");
    }

    #[test]
    fn byte_code_is_left_to_the_node() {
        let (mut system, status) = run("./emacs-install emacs && ./emacs-package-install --postinst elpa-a");
        assert_eq!((status, &system.gaps), (0, &Vec::new()));
        let mark = "/var/lib/emacsen-common/state/flavor/installed/emacs";
        assert_eq!(system.tree().read(mark).expect("memory"), Some(Vec::new()));
        assert_eq!(left(&mut system).len(), 2, "the flavour, and an add-on beside it");
    }

    /// Its script is called at once for all flavours, whose own calls are left to the node.
    #[test]
    fn an_add_on_of_the_old_kind_is_called() {
        let script = "mkdir -p packages/install\ncat >packages/install/old <<'END'\n#!/bin/sh\necho \"$@\" >>/calls\n\
                      [ \"$2\" != bad ]\nEND\nchmod +x packages/install/old\n./emacs-package-install old\n\
                      ./emacs-install emacs\n./emacs-package-install --postinst old\n./emacs-install bad\n";
        let (mut system, status) = run(&format!("cd /usr/lib/emacsen-common\n{script}"));
        assert_eq!((status, &system.gaps), (0, &Vec::new()));
        let calls = system.tree().read("calls").expect("memory").expect("it is called");
        assert_eq!(String::from_utf8_lossy(&calls), "emacs\nemacs emacs\n");
        assert_eq!(left(&mut system).len(), 3);
        let (_, status) = run(&format!("cd /usr/lib/emacsen-common\n{script}./emacs-package-install old\n"));
        assert_eq!(status, 2, "a script that fails");
    }
}

//! emacsen-common: add-ons of Emacs, which are in byte code for each flavour that is installed (Debian Emacs policy).
//! Without a flavour an add-on is only marked as ready; the code itself only that Emacs makes.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("emacs-install", emacs_install), ("emacs-package-install", package_install)],
    libraries: &["/emacsen-common"],
    ..Package::of("emacsen-common")
};

const LIBRARY: &str = "/usr/lib/emacsen-common/packages";
const STATE: &str = "/var/lib/emacsen-common/state";

/// `emacs-package-install --preinst|--postinst PACKAGE`
fn package_install(call: &mut Call<'_, '_>) -> Done {
    let (preinst, package) = match call.args {
        [when, package] if when == b"--preinst" => (true, package.clone()),
        [when, package] if when == b"--postinst" => (false, package.clone()),
        [_] => return Err(Fault::gap("an add-on of the old kind")),
        _ => return Err(Fault::Failed(2, "Usage: emacs-package-install (--preinst|--postinst) FLAVOR".into())),
    };
    let mark = [STATE.as_bytes(), b"/package/installed/", &package].concat();
    if preinst {
        return call.run(&[b"rm".to_vec(), b"-f".to_vec(), mark]);
    }
    if call.look(&[LIBRARY.as_bytes(), b"/compat/", &package].concat(), true).is_none() {
        return Err(Fault::gap(format!("`{}` is an add-on of the old kind", show(&package))));
    }
    let status = call.run(&[b"touch".to_vec(), mark.clone()])?;
    if status != 0 {
        return Err(Fault::failed(format!("touch {} failed", show(&mark))));
    }
    match names(call, &format!("{STATE}/flavor/installed")).first() {
        None => Ok(0),
        Some(flavour) => Err(byte_code(flavour)),
    }
}

/// `emacs-install FLAVOUR`: all add-ons for a new flavour.
fn emacs_install(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [flavour] => Err(byte_code(&flavour.clone())),
        _ => Err(Fault::failed("Usage: emacs-install FLAVOR")),
    }
}

fn byte_code(flavour: &[u8]) -> Fault {
    Fault::gap(format!("byte code that only `{}` itself makes", show(flavour)))
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
    use crate::shell::Shell;
    use crate::shell::system::System;
    use crate::tree::Tree;

    fn run(flavour: bool) -> System {
        let mut tree = Tree::new();
        let state = "var/lib/emacsen-common/state";
        for directory in ["package/installed", "flavor/installed"] {
            tree.make_directories(format!("{state}/{directory}"), 0o755).expect("new");
        }
        tree.make_directories("usr/lib/emacsen-common/packages/compat", 0o755).expect("new");
        tree.write("usr/lib/emacsen-common/packages/compat/elpa-a", 0o644, "0\n").expect("new");
        if flavour {
            tree.write(format!("{state}/flavor/installed/emacs"), 0o644, "").expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "/usr/lib/emacsen-common/emacs-package-install --preinst elpa-a &&\
                      /usr/lib/emacsen-common/emacs-package-install --postinst elpa-a";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status == 0, !flavour);
        system
    }

    #[test]
    fn an_add_on_without_an_emacs_is_marked() {
        let mut system = run(false);
        assert_eq!(system.gaps, []);
        let mark = "/var/lib/emacsen-common/state/package/installed/elpa-a";
        assert_eq!(system.tree().read(mark).expect("memory"), Some(Vec::new()));
    }

    #[test]
    fn byte_code_is_a_gap() {
        let system = run(true);
        assert_eq!(system.gaps.len(), 1);
        assert_eq!(system.gaps[0].what, "byte code that only `emacs` itself makes");
    }
}

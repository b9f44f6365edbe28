//! TeX's own programs, as far as scripts call them; what they make a node makes (`tex_common`).

use super::package::Package;
use super::squid::not_there_yet;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("fmtutil", leave_to_first_boot),
        ("fmtutil-sys", leave_to_first_boot),
        ("kpsewhich", kpsewhich),
        ("mktexlsr", leave_to_first_boot),
        ("mtxrun", leave_to_first_boot),
        ("texhash", leave_to_first_boot),
        ("tl-paper", leave_to_first_boot),
        ("updmap-sys", leave_to_first_boot),
    ],
    ..Package::of("texlive-bin")
};

/// Where TeX looks for its settings, in this order (`TEXMFCNF` of Debian's texmf.cnf).
const SETTINGS: [&str; 3] =
    ["/etc/texmf/web2c/texmf.cnf", "/usr/share/texmf/web2c/texmf.cnf", "/usr/share/texlive/texmf-dist/web2c/texmf.cnf"];

/// `kpsewhich -var-value NAME`, of the two trees that are the system's, and `kpsewhich texmf.cnf`; scripts ask before it
/// is there as well.
fn kpsewhich(call: &mut Call<'_, '_>) -> Done {
    if call.args == [b"texmf.cnf"] && call.shell.find_program(call.name).is_some() {
        return match SETTINGS.iter().find(|path| call.look(path.as_bytes(), true).is_some()) {
            Some(path) => call.out(format!("{path}\n")).map(|()| 0),
            None => Ok(1),
        };
    }
    // The list of formats is in no image (`tex_common`).
    if call.args == [&b"--format=web2c files"[..], b"fmtutil.cnf"] && call.shell.find_program(call.name).is_some() {
        return Ok(1);
    }
    // Its version is not to be had from its files; whether it runs is what scripts ask.
    if call.args == [b"--version"] && call.shell.is_silent() && call.shell.find_program(call.name).is_some() {
        return Ok(0);
    }
    let value = match call.args {
        [ask, name] if ask.trim_ascii_start().ends_with(b"-var-value") => match name.as_slice() {
            b"TEXMFSYSVAR" => "/var/lib/texmf\n",
            b"TEXMFSYSCONFIG" => "/etc/texmf\n",
            _ => return not_there_yet(call),
        },
        _ => return not_there_yet(call),
    };
    match call.shell.find_program(call.name) {
        Some(_) => call.out(value).map(|()| 0),
        None => not_there_yet(call),
    }
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn kpsewhich_knows_where_the_system_is() {
        let ask = "kpsewhich --version >/dev/null; echo $?; kpsewhich texmf.cnf; echo $?; kpsewhich -var-value TEXMFSYSVAR; kpsewhich --var-value TEXMFSYSCONFIG";
        for (files, wanted) in [
            (&["usr/bin/kpsewhich"][..], "0\n1\n/var/lib/texmf\n/etc/texmf\n"),
            (
                &["usr/bin/kpsewhich", "usr/share/texmf/web2c/texmf.cnf"],
                "0\n/usr/share/texmf/web2c/texmf.cnf\n0\n/var/lib/texmf\n/etc/texmf\n",
            ),
            (
                &["usr/bin/kpsewhich", "usr/share/texmf/web2c/texmf.cnf", "etc/texmf/web2c/texmf.cnf"],
                "0\n/etc/texmf/web2c/texmf.cnf\n0\n/var/lib/texmf\n/etc/texmf\n",
            ),
            // Before it is unpacked.
            (&[], "127\n127\n"),
        ] {
            let mut tree = Tree::new();
            for file in files {
                tree.write(file, 0o755, "").expect("new");
            }
            let mut system = machine(tree, "amd64", 0);
            let script = format!("exec 2>/tmp/said; {ask}");
            system.tree().make_directories("tmp", 0o777).expect("new");
            let mut shell = Shell::new(&mut system, "postinst", &[("PATH", "/usr/bin")]);
            let outcome = shell.run_script(script.as_bytes(), &[], &[]).expect("no limit is met");
            assert_eq!(String::from_utf8_lossy(&outcome.output), wanted, "{files:?}");
            assert_eq!(system.gaps, []);
        }
    }
}

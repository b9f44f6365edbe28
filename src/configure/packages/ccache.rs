//! ccache, and distcc in the same way: links that stand for compilers, update-ccache-symlinks(8).

use std::collections::BTreeSet;

use super::package::Package;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-ccache-symlinks", |call| update_links(call, "ccache"))], ..Package::of("ccache") };

/// Links in `/usr/lib/PROGRAM` for each compiler of `/usr/bin`; those of compilers that have gone go.
pub(super) fn update_links(call: &mut Call<'_, '_>, program: &str) -> Done {
    if !call.args.is_empty() {
        return Err(Fault::gap("operands"));
    }
    let directory = format!("/usr/lib/{program}");
    let wanted: Vec<String> = names(call)?.into_iter().filter(|name| is_there(call, name, true)).collect();
    let links = listed(call, &directory)?.into_iter().filter(|(_, kind)| matches!(kind, Kind::Symlink(_)));
    let old: Vec<String> = links.map(|(name, _)| name).collect();
    for name in &old {
        if !is_there(call, name, false) {
            let place = call.resolve(format!("{directory}/{name}").as_bytes(), false)?;
            call.tree().remove_all(&place);
        }
    }
    for name in wanted.iter().filter(|name| !old.contains(name)) {
        let Ok(place) = call.resolve(format!("{directory}/{name}").as_bytes(), false) else { continue };
        if call.tree().get(&place).is_none() && call.look(directory.as_bytes(), true).is_some() {
            call.create(&place, Inode::symlink(format!("../../bin/{program}")))?;
        }
    }
    Ok(0)
}

/// What compilers may be called here.
fn names(call: &mut Call<'_, '_>) -> Result<BTreeSet<String>, Fault> {
    let mut names: BTreeSet<String> = ["cc", "c++", "nvcc"].map(ToOwned::to_owned).into();
    let mut gcc = |prefix: &str, suffix: &str| {
        names.extend(["gcc", "g++"].map(|compiler| format!("{prefix}{compiler}{suffix}")));
    };
    for prefix in ["", "c89-", "c99-"] {
        gcc(prefix, "");
    }
    let own = listed(call, "/usr/lib")?.into_iter().filter(|(name, _)| name.contains("-linux-gnu"));
    let own: Vec<String> = own.map(|(name, _)| format!("/usr/lib/{name}/gcc")).collect();
    for above in ["/usr/lib/gcc".to_owned(), "/usr/lib/gcc-cross".to_owned()].into_iter().chain(own) {
        for (machine, _) in listed(call, &above)? {
            gcc(&format!("{machine}-"), "");
            for (version, kind) in listed(call, &format!("{above}/{machine}"))? {
                if kind == Kind::Directory {
                    gcc("", &format!("-{version}"));
                    gcc(&format!("{machine}-"), &format!("-{version}"));
                }
            }
        }
    }
    names.extend(listed(call, "/usr/bin")?.into_iter().map(|(name, _)| name).filter(|name| is_clang(name)));
    Ok(names)
}

/// `clang`, `clang++`, with `llvm-` before and a version behind.
fn is_clang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("llvm-").unwrap_or(name).strip_prefix("clang") else { return false };
    let rest = rest.strip_prefix("++").unwrap_or(rest);
    let version = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    rest.is_empty() || rest.strip_prefix('-').is_some_and(version)
}

fn is_there(call: &mut Call<'_, '_>, name: &str, executable: bool) -> bool {
    let found = call.look(format!("/usr/bin/{name}").as_bytes(), true);
    found.is_some_and(|inode| !executable || inode.stat.mode & 0o111 != 0)
}

/// What is in a directory, but for names that begin with a dot.
fn listed(call: &mut Call<'_, '_>, directory: &str) -> Result<Vec<(String, Kind)>, Fault> {
    if !call.look(directory.as_bytes(), true).is_some_and(|inode| inode.is_directory()) {
        return Ok(Vec::new());
    }
    let place = call.resolve(directory.as_bytes(), true)?;
    let all = call.tree().children(&place).map(|(path, inode)| (show(path.name()), inode.kind.clone()));
    Ok(all.filter(|(name, _)| !name.starts_with('.')).collect())
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn every_compiler_has_a_link() {
        let mut tree = Tree::new();
        for program in
            ["gcc-14", "g++-14", "x86_64-linux-gnu-gcc-14", "gcc", "clang-19", "clang++", "clang-format-19", "c++"]
        {
            tree.write(format!("usr/bin/{program}"), 0o755, "").expect("new");
        }
        tree.write("usr/bin/cc", 0o644, "no program").expect("new");
        tree.make_directories("usr/lib/gcc/x86_64-linux-gnu/14", 0o755).expect("new");
        tree.symlink("usr/lib/gcc/x86_64-linux-gnu/13", "14").expect("new");
        for program in ["ccache", "distcc"] {
            tree.make_directories(format!("usr/lib/{program}"), 0o755).expect("new");
            tree.symlink(format!("usr/lib/{program}/gcc-12"), format!("../../bin/{program}")).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "update-ccache-symlinks && update-distcc-symlinks && cd /usr/lib/distcc && ls && readlink gcc &&\
                      diff /usr/lib/ccache /usr/lib/distcc >/dev/null; ls /usr/lib/ccache | wc -l";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let output = String::from_utf8_lossy(&outcome.expect("no limit is met").output).into_owned();
        let wanted = "c++\nclang++\nclang-19\ng++-14\ngcc\ngcc-14\nx86_64-linux-gnu-gcc-14\n../../bin/distcc\n";
        assert!(output.starts_with(wanted) && output.ends_with("7\n"), "{output}");
    }
}

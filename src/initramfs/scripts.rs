//! `init`'s scripts and configuration.

use super::ETC;
use super::Error;
use super::Options;
use super::RootMode;
use super::SHARE;
use super::files::Files;
use super::hooks;

/// Mounts the root in the modes that initramfs-tools has no script for.
const OWN: &str = include_str!("scripts/imgbuild");
/// Makes the interface that a node boots by, where that is no card.
const LINK: &str = include_str!("scripts/link");
/// Says what initramfs-tools' script for `boot=nfs` does not: that the root could not be mounted, and why.
const NFS_BOTTOM: &str = include_str!("scripts/nfs-bottom");

/// Settings of mkinitramfs that change what is put in, with the values under which nothing is.
const SETTINGS: [(&str, &[&str]); 5] = [
    ("BUSYBOX", &["auto", "y"]),
    ("KEYMAP", &["n", ""]),
    ("RESUME", &["none", ""]),
    ("UMASK", &["", "0022", "022"]),
    ("ROOT", &[""]),
];

/// `conf/`: what the scripts read at boot.
pub(super) fn configuration(files: &mut Files<'_>, options: &Options) -> Result<(), Error> {
    files.write("/conf/arch.conf", 0o644, format!("DPKG_ARCH={}\n", options.architecture).into_bytes())?;
    if let Some((sha256, size)) = options.image {
        files.write("/conf/imgbuild.image", 0o644, format!("{sha256} {size}\n").into_bytes())?;
    }
    let path = format!("/{ETC}/initramfs.conf");
    match files.root().read(&path)? {
        Some(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            check(&path, &text)?;
            let boot = match options.root {
                RootMode::Nfs => "nfs",
                RootMode::Overlay | RootMode::Ram => "imgbuild",
            };
            let text = set(&set(&text, "MODULES", "netboot"), "BOOT", boot);
            files.write("/conf/initramfs.conf", 0o644, text.into_bytes())?;
        }
        None => files.lacks(&format!("/{SHARE}")),
    }
    let names = |files: &Files<'_>, directory: &str| {
        let names = files.names(directory, "*").into_iter();
        names.filter(|name| is_configuration(name.as_bytes())).collect::<Vec<_>>()
    };
    for name in names(files, &format!("/{SHARE}/conf.d")) {
        // A file of the administrator masks the package's.
        if files.root().lookup(format!("{ETC}/conf.d/{name}")).is_none() {
            extra(files, &format!("/{SHARE}/conf.d/{name}"))?;
        }
    }
    for name in names(files, &format!("/{ETC}/conf.d")) {
        extra(files, &format!("/{ETC}/conf.d/{name}"))?;
    }
    Ok(())
}

/// Boot scripts: the packages', the administrator's over them, and our own.
pub(super) fn copy(files: &mut Files<'_>, options: &Options) -> Result<(), Error> {
    for base in [SHARE, ETC] {
        let directory = format!("{base}/scripts");
        let Some((at, below)) = files.root().below(&directory) else { continue };
        let cut = at.as_bytes().len() + 1;
        let paths: Vec<String> = below
            .filter(|(_, inode)| inode.content().is_some())
            .filter_map(|(path, _)| String::from_utf8(path.as_bytes()[cut..].to_vec()).ok())
            .filter(|path| path.rsplit('/').next().is_some_and(|name| name.bytes().all(is_script_letter)))
            .filter(|path| !path.contains('/') || !hooks::is_left_out(path, options))
            // Of the administrator's no hidden ones, which version control leaves there, and none deeper down.
            .filter(|path| {
                base == SHARE || (path.split('/').count() <= 2 && !path.split('/').any(|name| name.starts_with('.')))
            })
            .collect();
        for path in paths {
            files.copy_as(&format!("/{directory}/{path}"), &format!("/scripts/{path}"))?;
        }
    }
    let link = (!options.links.is_empty()).then_some(("init-premount/imgbuild-link", 0o755, LINK));
    let own = [("imgbuild", 0o644, OWN), ("nfs-bottom/imgbuild", 0o755, NFS_BOTTOM)];
    for (path, mode, text) in own.into_iter().chain(link) {
        let path = format!("/scripts/{path}");
        if !files.has(&path) {
            files.write(&path, mode, text.as_bytes().to_vec())?;
        }
    }
    Ok(())
}

fn extra(files: &mut Files<'_>, path: &str) -> Result<(), Error> {
    let text = files.root().read(path)?.unwrap_or_default();
    check(path, &String::from_utf8_lossy(&text))?;
    files.copy_to(path, "/conf/conf.d/")
}

/// Refuses settings whose effect on the content is not replicated.
fn check(path: &str, text: &str) -> Result<(), Error> {
    for line in text.lines().map(str::trim) {
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else { continue };
        let value = value.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        let limited = SETTINGS.iter().find(|(setting, _)| *setting == name);
        if limited.is_some_and(|(_, allowed)| !allowed.contains(&value)) {
            return Err(Error::Setting { path: path.to_owned(), setting: line.to_owned() });
        }
    }
    Ok(())
}

/// Replaces the lines that assign a setting, or adds one.
fn set(text: &str, name: &str, value: &str) -> String {
    let assigns = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
    let line = format!("{name}={value}");
    if text.lines().any(assigns) {
        return text.lines().map(|old| if assigns(old) { format!("{line}\n") } else { format!("{old}\n") }).collect();
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{line}\n")
}

fn is_script_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// As mkinitramfs takes them: no leftovers of dpkg, no editor's files.
fn is_configuration(name: &[u8]) -> bool {
    let dpkg = name.windows(6).any(|part| part == b".dpkg-");
    name.first().is_some_and(u8::is_ascii_alphanumeric) && name.iter().all(|&byte| is_script_letter(byte)) && !dpkg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_replaced_or_added() {
        assert_eq!(set("#\nBOOT=local\nX=1\n", "BOOT", "nfs"), "#\nBOOT=nfs\nX=1\n");
        assert_eq!(set("X=1", "BOOT", "nfs"), "X=1\nBOOT=nfs\n");
    }

    #[test]
    fn settings_with_an_unknown_effect_are_refused() {
        assert!(check("f", "KEYMAP=n\nBUSYBOX=auto\nCOMPRESS=xz\n").is_ok());
        for bad in ["KEYMAP=y", "BUSYBOX=n", "RESUME=auto", "UMASK=0077", "export ROOT=/dev/sda"] {
            assert!(check("f", bad).is_err(), "{bad}");
        }
    }
}

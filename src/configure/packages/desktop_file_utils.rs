//! desktop-file-utils: which programs open which types, `mimeinfo.cache`. update-desktop-database(1).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::package::Package;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-desktop-database", update)], ..Package::of("desktop-file-utils") };

/// What types may begin with; anything else must be `x-…`.
const MEDIA: [&str; 15] = [
    "application",
    "audio",
    "chemical",
    "example",
    "font",
    "image",
    "inode",
    "message",
    "model",
    "multipart",
    "text",
    "video",
    "x-content",
    "x-directory",
    "x-scheme-handler",
];

/// `update-desktop-database [-q] [-v] [DIRECTORY…]`
fn update(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("qv", &[("quiet", b'q'), ("verbose", b'v')])?;
    let usual = ["/usr/local/share/applications", "/usr/share/applications"].map(|path| path.as_bytes().to_vec());
    let named = !given.operands.is_empty();
    for directory in if named { given.operands.as_slice() } else { &usual } {
        let Some((place, _)) = call.tree().lookup(directory) else {
            if named {
                return Err(Fault::failed(format!("Error opening directory '{}'", show(directory))));
            }
            continue;
        };
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, name) in programs(call, &place) {
            let text = call.read(path.to_string().as_bytes())?;
            call.shell.system.budget.read(text.len())?;
            for kind in std::str::from_utf8(&text).ok().and_then(declared).unwrap_or_default() {
                types.entry(kind).or_default().insert(name.clone());
            }
        }
        let line = |(kind, names): (&String, &BTreeSet<String>)| {
            let names: String = names.iter().map(|name| format!("{name};")).collect();
            format!("{kind}={names}\n")
        };
        let text = "[MIME Cache]\n".to_owned() + &types.iter().map(line).collect::<String>();
        call.write(&[directory, &b"/mimeinfo.cache"[..]].concat(), 0o666, text.into_bytes())?;
    }
    Ok(0)
}

/// The desktop files below a directory, each with its id: the path with `-` for `/`.
fn programs(call: &mut Call<'_, '_>, place: &TreePath) -> Vec<(TreePath, String)> {
    let prefix = place.as_bytes().len() + usize::from(!place.is_root());
    let files =
        call.tree().below(place).filter(|(path, inode)| path.name().ends_with(b".desktop") && !inode.is_directory());
    files.map(|(path, _)| (path.clone(), show(&path.as_bytes()[prefix..]).replace('/', "-"))).collect()
}

/// The types that a desktop file declares; `None` when it is none, is hidden or declares none.
fn declared(text: &str) -> Option<Vec<String>> {
    let (mut group, mut types, mut hidden) = ("", None, false);
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            group = name.trim_end().strip_suffix(']')?;
            continue;
        }
        let (key, value) = line.split_once('=')?;
        match (group, key.trim_end()) {
            ("Desktop Entry", "MimeType") => types = Some(value.trim_start()),
            ("Desktop Entry", "Hidden") => hidden = value.trim() == "true",
            _ => {}
        }
    }
    let types = types.filter(|_| !hidden)?.split(';').map(str::trim_end);
    Some(types.filter(|kind| is_type(kind)).map(str::to_owned).collect())
}

fn is_type(kind: &str) -> bool {
    let Some((media, sub)) = kind.split_once('/') else { return false };
    let known = MEDIA.contains(&media) || media.starts_with("x-") || kind == "misc/ultravox";
    known && !sub.is_empty() && sub.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&.+-^_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn programs_are_listed_by_type() {
        let mut tree = Tree::new();
        for (name, text) in [
            (
                "b.desktop",
                "[Desktop Entry]\nMimeType = text/plain;image/png; ;no;bad/x;\n[Other]\nMimeType=text/other\n",
            ),
            ("a/a.desktop", "# x\n[Desktop Entry]\nMimeType=text/plain;text/plain;"),
            ("hidden.desktop", "[Desktop Entry]\nHidden=true\nMimeType=text/html\n"),
            ("broken.desktop", "[Desktop Entry]\nMimeType=text/html\nwhat\n"),
            ("c.txt", "[Desktop Entry]\nMimeType=text/html\n"),
        ] {
            tree.write(format!("usr/share/applications/{name}"), 0o644, text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(
            b"update-desktop-database -q",
            &[],
            &[],
        );
        assert_eq!(outcome.expect("no limit is met").status, 0);
        assert_eq!(system.gaps, []);
        let cache = system.tree().read("/usr/share/applications/mimeinfo.cache").expect("memory").expect("written");
        let wanted = "[MIME Cache]\nimage/png=b.desktop;\ntext/plain=a-a.desktop;b.desktop;\n";
        assert_eq!(String::from_utf8(cache).expect("text"), wanted);
    }
}

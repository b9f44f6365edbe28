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
const MEDIA: [&str; 14] = [
    "application",
    "audio",
    "chemical",
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
            for kind in declared(&String::from_utf8_lossy(&text)).unwrap_or_default() {
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
            ("Desktop Entry", "Hidden") => hidden = ["true", "1"].contains(&value.trim()),
            _ => {}
        }
    }
    let types = values(types.filter(|_| !hidden)?.trim_end())?;
    Some(types.into_iter().filter(|kind| is_type(kind)).collect())
}

/// What a list says, as GKeyFile(3) takes it apart; `None` where it cannot be one.
fn values(list: &str) -> Option<Vec<String>> {
    let (mut values, mut value, mut rest) = (Vec::new(), String::new(), list.chars());
    while let Some(char) = rest.next() {
        match char {
            ';' => values.push(std::mem::take(&mut value)),
            '\\' => value.push(match rest.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                escaped @ ('\\' | ';') => escaped,
                _ => return None,
            }),
            char::REPLACEMENT_CHARACTER => return None,
            other => value.push(other),
        }
    }
    values.push(value);
    Some(values.into_iter().map(|value| value.trim_end().to_owned()).collect())
}

/// A registered medium or one of somebody's own, and tokens of RFC 2045 on both sides.
fn is_type(kind: &str) -> bool {
    let Some((media, sub)) = kind.split_once('/') else { return false };
    let known = MEDIA.contains(&media) || media.starts_with("x-") || media.starts_with("X-") || kind == "misc/ultravox";
    let is_token = |text: &str| {
        !text.is_empty()
            && !text.contains(|char: char| char <= ' ' || char == '\x7f' || r#"()<>@,;:\"/[]?="#.contains(char))
    };
    known && is_token(media) && is_token(sub)
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
            ("hidden2.desktop", "[Desktop Entry]\nHidden=1\nMimeType=text/html\n"),
            (
                "seen.desktop",
                "[Desktop Entry]\nHidden=True\nMimeType=image/*;example/x;x-a?/b;X-a/b;x-b/\u{fc};image/a~ ;text/a\\;b\n",
            ),
            ("escaped.desktop", "[Desktop Entry]\nMimeType=text/html;text/a\\xb\n"),
            ("spaced.desktop", "[Desktop Entry]\nMimeType=text/html\nMimeType=text/d\\s; text/e;text/f \n"),
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
        let wanted = "[MIME Cache]\nX-a/b=seen.desktop;\nimage/*=seen.desktop;\nimage/a~=seen.desktop;\nimage/png=b.desktop;\n\
                      text/d=spaced.desktop;\ntext/f=spaced.desktop;\ntext/plain=a-a.desktop;b.desktop;\nx-b/\u{fc}=seen.desktop;\n";
        assert_eq!(String::from_utf8(cache).expect("text"), wanted);
    }
}

//! Tables that programs make by loading each plugin of a directory: gdk-pixbuf's loaders, GTK's input methods,
//! graphviz' renderers.
//!
//! What a plugin says is a constant in its code, so Debian's are written down here, in `data/`. An entry is used only
//! for a file that holds each of its texts: a later version that says something else is named, as is a plugin that is
//! not known.

use crate::deb::Version;
use crate::format::escape;
use crate::tree::Kind;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::show;

/// The architecture's directory of libraries in which this is.
pub(super) fn library_directory(call: &mut Call<'_, '_>, name: &str) -> Option<String> {
    let tree = call.tree();
    let (libraries, _) = tree.lookup("/usr/lib")?;
    let triplets =
        tree.children(&libraries).filter(|(path, _)| memchr::memmem::find(path.name(), b"-linux-gnu").is_some());
    let mut places = triplets.map(|(path, _)| path.to_string());
    places.find(|place| tree.lookup(format!("{place}/{name}")).is_some())
}

/// The full names of the files of a directory with names that end so.
pub(super) fn files(call: &mut Call<'_, '_>, directory: &str, suffix: &str) -> Vec<String> {
    let tree = call.tree();
    let Some((found, _)) = tree.lookup(directory) else { return Vec::new() };
    let files = tree.children(&found).filter(|(_, inode)| !matches!(inode.kind, Kind::Directory));
    let names = files.map(|(path, _)| show(path.name())).filter(|name| name.ends_with(suffix));
    names.map(|name| format!("{directory}/{name}")).collect()
}

/// The version of a library that is installed under one of these names, without what Debian adds.
pub(super) fn upstream_version(call: &mut Call<'_, '_>, packages: &[&str]) -> Result<String, Fault> {
    let text = show(&call.read(b"/var/lib/dpkg/status")?);
    for stanza in text.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if field("Package:").is_some_and(|package| packages.contains(&package)) {
            let version = field("Version:").and_then(|version| version.parse::<Version>().ok());
            let upstream = version.map(|version| version.parts().0.split('+').next().unwrap_or_default().to_owned());
            return upstream.ok_or_else(|| Fault::gap("a package without a version"));
        }
    }
    Err(Fault::gap(format!("`{}` is not installed", packages[0])))
}

/// What a table has about a plugin, when the plugin still says that.
pub(super) fn vouched(call: &mut Call<'_, '_>, table: &'static str, path: &[u8]) -> Result<&'static str, Fault> {
    let name = show(path.rsplit(|&byte| byte == b'/').next().unwrap_or_default());
    let found = table.split("\n\n").find_map(|entry| entry.strip_prefix(name.as_str())?.strip_prefix('\n'));
    let Some(entry) = found.map(|entry| entry.trim_end_matches('\n')) else {
        return Err(Fault::gap(format!("what the plugin {} says of itself is not known", show(path))));
    };
    let code = call.read(path)?;
    for text in texts(entry) {
        call.shell.system.budget.read(code.len())?;
        if memchr::memmem::find(&code, &text).is_none() {
            let text = show(&text);
            return Err(Fault::gap(format!("the plugin {} says something else than `{text}`", show(path))));
        }
    }
    Ok(entry)
}

/// The texts of an entry as they are in the code: what stands in quotes, or graphviz' words.
fn texts(entry: &str) -> Vec<Vec<u8>> {
    if !entry.contains('"') {
        // A name and its quality.
        let names = entry.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim().rsplit_once(' '));
        let names = names.filter(|(_, quality)| quality.parse::<i32>().is_ok());
        return names.map(|(name, _)| [name.as_bytes(), b"\0"].concat()).collect();
    }
    let mut texts = Vec::new();
    let mut rest = entry.as_bytes();
    while let Some(start) = memchr::memchr(b'"', rest) {
        let (mut text, mut position) = (Vec::new(), start + 1);
        while position < rest.len() && rest[position] != b'"' {
            match &rest[position..] {
                [b'\\', digits @ ..] if digits.len() >= 3 && digits[..3].iter().all(u8::is_ascii_digit) => {
                    text.push(
                        digits[..3].iter().fold(0u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')),
                    );
                    position += 4;
                }
                [b'\\', letter, ..] => {
                    text.push(escape::letter(*letter).unwrap_or(*letter));
                    position += 2;
                }
                _ => {
                    text.push(rest[position]);
                    position += 1;
                }
            }
        }
        // The domain of translations is this one where a plugin names none.
        if !text.is_empty() && text != b"gdk-pixbuf" {
            text.push(0);
            texts.push(text);
        }
        rest = rest.get(position + 1..).unwrap_or_default();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::super::gdk_pixbuf::LOADERS;
    use super::super::graphviz::GRAPHVIZ;
    use super::super::gtk2::GTK2;
    use super::super::gtk3::GTK3;
    use super::*;
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    const LOADERS_DIRECTORY: &str = "/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders";

    /// A plugin that says what the table has, or less.
    fn code(table: &str, name: &str, whole: bool) -> Vec<u8> {
        let entry = table.split("\n\n").find_map(|entry| entry.strip_prefix(name)).expect("in the table");
        let mut texts = texts(entry.strip_prefix('\n').expect("a line of its own"));
        texts.truncate(if whole { texts.len() } else { 1 });
        texts.concat()
    }

    fn run(name: &str, code: Vec<u8>) -> (String, Vec<String>) {
        let mut tree = Tree::new();
        tree.write(format!("{LOADERS_DIRECTORY}/{name}"), 0o644, code).expect("new");
        let status = "Package: libgdk-pixbuf-2.0-0\nVersion: 2.42.12+dfsg-4\n\n";
        tree.write("var/lib/dpkg/status", 0o644, status).expect("new");
        let mut system = machine(tree, "amd64", 0);
        let script =
            format!("/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders {LOADERS_DIRECTORY}/{name}");
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        let gaps = system.gaps.iter().map(|gap| gap.what.clone()).collect();
        (String::from_utf8(outcome.expect("no limit is met").output).expect("text"), gaps)
    }

    #[test]
    fn a_known_plugin_is_listed() {
        let name = "libpixbufloader-bmp.so";
        let (text, gaps) = run(name, code(LOADERS, name, true));
        let wanted = format!(
            "# GdkPixbuf Image Loader Modules file\n# Automatically generated file, do not edit\n# Created by \
             gdk-pixbuf-query-loaders from gdk-pixbuf-2.42.12\n#\n\"{LOADERS_DIRECTORY}/{name}\"\n\"bmp\" 5 \
             \"gdk-pixbuf\" \"BMP\" \"LGPL\"\n\"image/bmp\" \"image/x-bmp\" \"image/x-MS-bmp\" \"\"\n\"bmp\" \
             \"\"\n\"BM\" \"\" 100\n\n\n"
        );
        assert_eq!((text, gaps), (wanted, Vec::new()));
    }

    #[test]
    fn another_plugin_is_a_gap() {
        let name = "libpixbufloader-bmp.so";
        let (_, gaps) = run(name, code(LOADERS, name, false));
        assert!(gaps[0].contains("says something else than"), "{gaps:?}");
        let (_, gaps) = run("libpixbufloader-new.so", Vec::new());
        assert!(gaps[0].contains("is not known"), "{gaps:?}");
    }

    #[test]
    fn every_entry_has_texts() {
        for table in [LOADERS, GRAPHVIZ, GTK2.table, GTK3.table] {
            for entry in table.split("\n\n") {
                let (name, entry) = entry.split_once('\n').expect("a name and more");
                assert!(name.contains(".so") && !texts(entry).is_empty(), "{name}");
            }
        }
        assert_eq!(texts(r#""a\f\101\"" "" 5"#), [b"a\x0cA\"\0".to_vec()]);
    }

    #[test]
    fn input_methods_and_renderers_are_listed() {
        let base = "usr/lib/aarch64-linux-gnu";
        let mut tree = Tree::new();
        let files = [
            (format!("{base}/gtk-3.0/3.0.0/immodules/im-xim.so"), code(GTK3.table, "im-xim.so", true)),
            (format!("{base}/libgtk-3-0t64/gtk-query-immodules-3.0"), Vec::new()),
            (format!("{base}/graphviz/libgvplugin_xlib.so.6"), code(GRAPHVIZ, "libgvplugin_xlib.so.6", true)),
            ("var/lib/dpkg/status".into(), b"Package: libgtk-3-0t64\nVersion: 3.24.49-3\n\n".to_vec()),
        ];
        for (path, bytes) in files {
            tree.write(path, 0o755, bytes).expect("new");
        }
        let mut system = machine(tree, "arm64", 0);
        let script = "/usr/lib/aarch64-linux-gnu/libgtk-3-0t64/gtk-query-immodules-3.0 --update-cache && libgvc6-config-update -c";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0);
        assert_eq!(system.gaps, []);
        let mut read =
            |path: &str| String::from_utf8(system.tree().read(path).expect("memory").expect("written")).expect("text");
        let cache = read("/usr/lib/aarch64-linux-gnu/gtk-3.0/3.0.0/immodules.cache");
        let end = "\"/usr/lib/aarch64-linux-gnu/gtk-3.0/3.0.0/immodules/im-xim.so\" \n\"xim\" \"X Input Method\" \
                   \"gtk30\" \"/usr/share/locale\" \"ko:ja:th:zh\" \n\n";
        assert!(cache.contains("from gtk+-3.24.49\n") && cache.ends_with(end), "{cache}");
        assert!(read("/usr/lib/aarch64-linux-gnu/graphviz/config6a").contains("libgvplugin_xlib.so.6 xlib {\n"));
    }
}

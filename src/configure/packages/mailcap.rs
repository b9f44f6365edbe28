//! mailcap: which program shows what type of file. update-mime(8) writes `/etc/mailcap` of packages' lists and of desktop
//! entries.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("update-mime", update_mime)], ..Package::of("mailcap") };

const MAILCAP: &str = "/etc/mailcap";
const ENTRIES: &str = "/usr/lib/mime/packages";
const APPLICATIONS: &str = "/usr/share/applications";
/// Where directories of applications end.
const DEPTH: usize = 16;
/// What an entry has that names none.
const PRIORITY: u32 = 5;

/// `update-mime [--triggered]`; what else packages call it with does nothing while dpkg runs.
fn update_mime(call: &mut Call<'_, '_>) -> Done {
    if call.args.first().is_some_and(|first| first != b"--triggered") {
        return Ok(0);
    }
    if call.look(b"/etc/update-mime.conf", true).is_some() {
        return Err(Fault::gap("settings in Perl, /etc/update-mime.conf"));
    }
    if let Some(line) = lines(call, "/etc/mailcap.order")?.iter().find(|line| !is_comment(line)) {
        return Err(Fault::gap(format!("an order of entries, `{line}`")));
    }
    let mut entries: Vec<(u32, String)> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    for path in files(call, ENTRIES, 0)? {
        named.push(name_of(&path).to_owned());
        for line in lines(call, &path)?.into_iter().filter(|line| !is_comment(line)) {
            let priority = priority(&line, true).map_or(PRIORITY, |(_, _, number)| number);
            entries.push((if priority > 9 { PRIORITY } else { priority }, line));
        }
    }
    let newer = is_newer(call)?;
    for path in files(call, APPLICATIONS, DEPTH)? {
        let Some(name) = name_of(&path).strip_suffix(".desktop").map(ToOwned::to_owned) else { continue };
        if !named.contains(&name) {
            let text = lines(call, &path)?;
            entries.extend(of_application(&name, &text, newer).into_iter().map(|entry| (PRIORITY, entry)));
            named.push(name);
        }
    }
    // What names a type comes before what names a kind of types, and that before what takes all.
    entries.sort_by_key(|(priority, entry)| (std::cmp::Reverse(*priority), breadth(entry)));
    let Some(mut text) = head(call)? else { return Ok(0) };
    for (_, entry) in entries {
        text.push_str(&shown(&entry));
        text.push('\n');
    }
    call.write(MAILCAP.as_bytes(), 0o644, text.into_bytes())?;
    Ok(0)
}

/// Whether the program in the tree asks for `TryExec`, as it does since 3.71: it is what the root has that decides.
fn is_newer(call: &mut Call<'_, '_>) -> Result<bool, Fault> {
    let program = b"/usr/sbin/update-mime";
    Ok(call.look(program, true).is_some() && memchr::memmem::find(&call.read(program)?, b"TryExec").is_some())
}

/// The part of the file that is the administrator's, to the end of what may be edited.
fn head(call: &mut Call<'_, '_>) -> Result<Option<String>, Fault> {
    let there = [MAILCAP, "/usr/lib/mime/mailcap"].into_iter().find(|path| call.look(path.as_bytes(), true).is_some());
    let Some(there) = there else { return Ok(None) };
    let text = show(&call.read(there.as_bytes())?).replace("install-mime", "update-mime");
    let marks = |line: &str, what: &str| line.starts_with("# ----- ") && line[7..].contains(what);
    let (mut made, mut begun) = (String::new(), false);
    for line in text.split_inclusive('\n') {
        made.push_str(line);
        if begun && marks(line, " Ends ") {
            made.push_str(&format!("\n{}\n\n", "#".repeat(79)));
            return Ok(Some(made));
        }
        begun |= marks(line, " Begins ");
    }
    call.err("Error: '/etc/mailcap' is not in required format -- not updated")?;
    Ok(None)
}

/// The files of a directory, and before them those of directories in it, as Perl's glob orders them: without regard to
/// case first.
fn files(call: &mut Call<'_, '_>, directory: &str, depth: usize) -> Result<Vec<String>, Fault> {
    let Ok(place) = call.resolve(directory.as_bytes(), true) else { return Ok(Vec::new()) };
    let names: Vec<Vec<u8>> = call.tree().children(&place).map(|(path, _)| path.name().to_vec()).collect();
    let mut names: Vec<String> = names.iter().map(|name| show(name)).collect();
    names.retain(|name| !name.starts_with(['.', '#']) && !name.ends_with('~'));
    names.sort_by_cached_key(|name| (name.to_ascii_lowercase(), name.clone()));
    let (mut found, mut here) = (Vec::new(), Vec::new());
    for name in names {
        let path = format!("{directory}/{name}");
        match call.look(path.as_bytes(), true) {
            Some(inode) if inode.is_directory() && depth > 0 => found.extend(files(call, &path, depth - 1)?),
            Some(inode) if inode.content().is_some() => here.push(path),
            _ => {}
        }
    }
    found.extend(here);
    Ok(found)
}

fn lines(call: &mut Call<'_, '_>, path: &str) -> Result<Vec<String>, Fault> {
    if call.look(path.as_bytes(), true).is_none() {
        return Ok(Vec::new());
    }
    Ok(String::from_utf8_lossy(&call.read(path.as_bytes())?).lines().map(ToOwned::to_owned).collect())
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().is_empty() || line.trim_start().starts_with('#')
}

/// The entries of an application: one for each type that it opens.
fn of_application(name: &str, text: &[String], newer: bool) -> Vec<String> {
    let after = |line: &str, key: &str| -> Option<String> {
        let at = line.to_ascii_lowercase().find(key)?;
        Some(line[at + key.len()..].to_owned())
    };
    let (mut terminal, mut title, mut icon) = (false, name.to_owned(), String::new());
    let (mut program, mut test, mut types, mut inside) = (None, None, Vec::new(), false);
    for line in text.iter().filter(|line| !is_comment(line)) {
        let lower = line.to_ascii_lowercase();
        if line.starts_with('[') && line.ends_with(']') {
            inside = line == "[Desktop Entry]";
        } else if !inside {
        } else if let Some(value) = lower.strip_prefix("terminal=").filter(|value| value.starts_with(word)) {
            terminal |= !value.is_empty() && line[9..].split(|byte: char| !word(byte)).next() == Some("true");
        } else if lower.starts_with("name=") && line.len() > 5 {
            line[5..].clone_into(&mut title);
        } else if lower.starts_with("icon=") && line.len() > 5 {
            line[5..].clone_into(&mut icon);
        } else if newer && lower.starts_with("tryexec=") {
            test = Some(format!("test=command -v {} > /dev/null 2>&1", &line[8..]));
        } else if let Some(value) = after(line, "exec=").filter(|_| !newer || lower.starts_with("exec=")) {
            // In the older one `TryExec` as well, if it is the last.
            let value = if newer { escaped(&value) } else { value };
            let mut value = ["%f", "%F", "%u", "%U"].iter().fold(value, |value, code| value.replace(code, "%s"));
            if !value.contains("%s") {
                value.push_str(" %s");
            }
            program = Some(value);
        } else if let Some(value) = after(line, "mimetype=") {
            types.extend(value.split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()));
        }
    }
    let Some(program) = program else { return Vec::new() };
    let program = program.replace("%c", &title).replace("%i", &format!("--icon {icon}"));
    let how = match (terminal, test) {
        (false, None) => "test=test -n \"$DISPLAY\"".to_owned(),
        (false, Some(test)) => format!("{test} && test -n \"$DISPLAY\""),
        (true, None) => "needsterminal".to_owned(),
        (true, Some(test)) => format!("needsterminal; {test}"),
    };
    types.into_iter().map(|one| format!("{one}; {program}; {how}")).collect()
}

/// Each semicolon with one backslash of its own before it.
fn escaped(text: &str) -> String {
    let mut made = String::new();
    let mut parts = text.split(';').peekable();
    while let Some(part) = parts.next() {
        let slashes = part.len() - part.trim_end_matches('\\').len();
        if parts.peek().is_none() {
            made.push_str(part);
        } else {
            made.push_str(&part[..part.len() - slashes % 2]);
            made.push_str("\\;");
        }
    }
    made
}

fn word(byte: char) -> bool {
    byte.is_ascii_alphanumeric() || byte == '_'
}

/// How many types an entry takes: one, a kind of them, or all.
fn breadth(entry: &str) -> u8 {
    let first = entry.split_whitespace().next().unwrap_or_default();
    let kind = !entry.starts_with(char::is_whitespace) && first.get(1..).is_some_and(|rest| rest.contains("/*"));
    u8::from(kind) + 2 * u8::from(entry.starts_with("*/"))
}

/// Where `priority=N` with its semicolon stands in an entry, blanks before it included, and the number.
fn priority(entry: &str, any_case: bool) -> Option<(usize, usize, u32)> {
    let text = if any_case { entry.to_ascii_lowercase() } else { entry.to_owned() };
    let mut from = 0;
    while let Some(at) = text[from..].find("priority").map(|at| from + at) {
        from = at + "priority".len();
        let Some(rest) = text[from..].trim_start().strip_prefix('=').map(str::trim_start) else { continue };
        let digits = rest.len() - rest.trim_start_matches(|byte: char| byte.is_ascii_digit()).len();
        let tail = rest[digits..].trim_start();
        if digits == 0 || !(tail.is_empty() || tail.starts_with(';')) {
            continue;
        }
        let end = text.len() - tail.len() + usize::from(tail.starts_with(';'));
        return Some((text[..at].trim_end().len(), end, rest[..digits].parse().unwrap_or(u32::MAX)));
    }
    None
}

/// An entry as it is written: without its priority and a last semicolon.
fn shown(entry: &str) -> String {
    let mut text = entry.to_owned();
    if let Some((start, end, _)) = priority(entry, false) {
        text.replace_range(start..end, "");
    }
    match text.trim_end().strip_suffix(';') {
        Some(without) => without.trim_end().to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::of_application;
    use crate::configure::machine;
    use crate::shell::Shell;
    use crate::tree::Tree;

    #[test]
    fn entries_are_in_the_order_of_update_mime() {
        let mut tree = Tree::new();
        let head =
            "# of install-mime\n# ----- User Section Begins ----- #\nx/y; mine\n# ----- User Section Ends ----- #\n";
        for (path, text) in [
            ("usr/lib/mime/mailcap", head),
            ("etc/mailcap.order", "# none\n\n"),
            ("usr/lib/mime/packages/b", "# c\n\ntext/*; less '%s'; needsterminal\ntext/html; w3m %s; priority=2\n"),
            (
                "usr/lib/mime/packages/A",
                "text/plain; a %s; PRIORITY = 7 ; nametemplate=%s.a\n*/*; all %s; priority=12\n",
            ),
            ("usr/lib/mime/packages/old~", "a/b; c\n"),
            (
                "usr/share/applications/org.example.View.desktop",
                "[Desktop Entry]\nName=View\nName[de]=Sicht\nExec=view %c %U\nIcon=v\nTerminal=true\nMimeType=image/png; image/gif;\n\
                 [Desktop Action x]\nExec=no\n",
            ),
            ("usr/share/applications/kde/z.desktop", "[Desktop Entry]\nTryExec=q\nExec=z %i\nMimeType=a/z\nIcon=i\n"),
            ("usr/share/applications/b.desktop", "[Desktop Entry]\nExec=z\nMimeType=b/hidden\n"),
            ("usr/share/applications/none.desktop", "[Desktop Entry]\nExec=z\n"),
        ] {
            tree.write(path, 0o644, text).expect("new");
        }
        let mut system = machine(tree, "amd64", 0);
        let script = "update-mime; update-mime --x; update-mime --triggered";
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0);
        assert_eq!(system.gaps, []);
        let text = system.tree().read("etc/mailcap").expect("memory").expect("it is written");
        let wanted = format!(
            "{}\n{}\n\ntext/plain; a %s; PRIORITY = 7 ; nametemplate=%s.a\na/z; z --icon i %s; test=test -n \"$DISPLAY\"\n\
             image/png; view View %s; needsterminal\nimage/gif; view View %s; needsterminal\n\
             text/*; less '%s'; needsterminal\n*/*; all %s\ntext/html; w3m %s\n",
            head.replace("install", "update"),
            "#".repeat(79)
        );
        assert_eq!(String::from_utf8_lossy(&text), wanted);
    }

    #[test]
    fn the_newer_one_tries_programs() {
        let of = |text: &str| {
            let lines: Vec<String> = format!("[Desktop Entry]\nMimeType=a/b\n{text}").lines().map(Into::into).collect();
            of_application("x", &lines, true).join(" | ")
        };
        for (text, wanted) in [
            ("Exec=z", "a/b; z %s; test=test -n \"$DISPLAY\""),
            ("Exec=z\nTryExec=q", "a/b; z %s; test=command -v q > /dev/null 2>&1 && test -n \"$DISPLAY\""),
            ("TryExec=q\nExec=z\nTerminal=true", "a/b; z %s; needsterminal; test=command -v q > /dev/null 2>&1"),
            ("Exec=sh -c 'a; b\\\\; c\\;' %f", "a/b; sh -c 'a\\; b\\\\\\; c\\;' %s; test=test -n \"$DISPLAY\""),
            ("TryExec=q", ""),
        ] {
            assert_eq!(of(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_has_no_place_for_entries_stays() {
        let mut tree = Tree::new();
        tree.write("etc/mailcap", 0o644, "mine\n").expect("new");
        let mut system = machine(tree, "amd64", 0);
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(b"update-mime", &[], &[]);
        assert_eq!(outcome.expect("no limit is met").status, 0);
        assert_eq!(system.tree().read("etc/mailcap").expect("memory").as_deref(), Some(&b"mine\n"[..]));
        system.tree().write("etc/mailcap.order", 0o644, "b:text/*\n").expect("new");
        let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(b"update-mime", &[], &[]);
        assert!(outcome.expect("no limit is met").status != 0 || !system.gaps.is_empty());
        assert_eq!(system.gaps.len(), 1);
    }
}

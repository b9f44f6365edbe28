//! Postfix: its settings, postconf(1), and the table of aliases, which has a random id in it and is each node's own.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("newaliases", later::leave_to_first_boot), ("postconf", postconf)],
    own: &[Own {
        package: "postfix",
        units: &["postfix.service"],
        files: &[file(
            "/etc/aliases.db",
            "root:root",
            0o644,
            "t=$(mktemp -d) && cp /etc/aliases \"$t/aliases\" && postalias \"hash:$t/aliases\" && \
             cat \"$t/aliases.db\" >\"$new\" && rm -r \"$t\"",
        )],
        ..NOTHING
    }],
    scripts: &[
        // 3.10.13-0+deb13u1
        ("243d72775b3a800c8bf8f4692b22279ff629f2ae501f85624c5d7892a46bf5f8", CONFIG),
        // 3.7.11-0+deb12u1
        ("fd43c647b32dfb17b5f3de72cacdff1efaaa732dc8becc0a5e4641cf6013c635", CONFIG),
    ],
    ..Package::of("postfix")
};

/// What its `config` asks, in the shell's words: of both versions, which tell by their templates which one it is.
const CONFIG: &str = include_str!("data/postfix.config");

const MAIN: &[u8] = b"/etc/postfix/main.cf";

/// Settings that the program has where the file says nothing, of those that scripts ask for.
const BUILT_IN: [(&str, &str); 3] =
    [("default_transport", "smtp"), ("multi_instance_directories", ""), ("relay_transport", "relay")];

/// `postconf -e NAME=VALUE…`, `postconf -hx NAME`.
fn postconf(call: &mut Call<'_, '_>) -> Done {
    let args = call.args.to_vec();
    match args.as_slice() {
        [e, setting] if e == b"-e" => set(call, setting),
        [hx, name] if hx == b"-hx" || hx == b"-h" => value(call, &show(name)),
        _ => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// A line that a setting begins on, with its name: neither a comment nor the continuation of one before.
fn name_of(line: &str) -> Option<&str> {
    let begins = line.starts_with(|first: char| !first.is_whitespace() && first != '#');
    line.split_once('=').filter(|_| begins).map(|(name, _)| name.trim())
}

/// Replaces a setting where it stands first; what else is of that name goes. A new one comes last.
fn set(call: &mut Call<'_, '_>, setting: &[u8]) -> Done {
    let setting = show(setting);
    let Some((name, value)) = setting.split_once('=') else { return Err(Fault::gap(format!("-e {setting}"))) };
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Fault::gap(format!("-e {setting}")));
    }
    let text = call.read(MAIN)?;
    let Ok(text) = std::str::from_utf8(&text) else { return Err(Fault::gap("a main.cf that is no text")) };
    let (mut new, mut found, mut dropping) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let continued = line.starts_with([' ', '\t']) && !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if dropping && continued {
            continue;
        }
        dropping = name_of(line) == Some(name);
        if !dropping {
            new.push_str(line);
        } else if !found {
            found = true;
            new.push_str(&format!("{name} = {value}\n"));
        }
    }
    if !found {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(&format!("{name} = {value}\n"));
    }
    call.write(MAIN, 0o644, new.into_bytes())?;
    Ok(0)
}

/// The last value of a setting; `$` in it means other settings, which is not followed.
fn value(call: &mut Call<'_, '_>, name: &str) -> Done {
    let text = show(&call.read(MAIN)?);
    let mut lines = text.lines().peekable();
    let mut found = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    while let Some(line) = lines.next() {
        if name_of(line) == Some(name) {
            let mut value = line.split_once('=').map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
            while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty()) {
                value = format!("{value} {}", more.trim());
            }
            found = Some(value);
        }
    }
    match found {
        Some(value) if !value.contains('$') => call.out(value + "\n").map(|()| 0),
        _ => Err(Fault::gap(format!("the value of {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;

    const OLD: &str = "# a = 1\na = x\n  y\nb=2\na = again\n";

    #[test]
    fn settings_are_replaced_where_they_stand() {
        let main = "etc/postfix/main.cf";
        for (script, wanted) in [
            ("postconf -e a=new", "# a = 1\na = new\nb=2\n"),
            ("postconf -e 'b = $a, c'", "# a = 1\na = x\n  y\nb = $a, c\na = again\n"),
            ("postconf -e c=", "# a = 1\na = x\n  y\nb=2\na = again\nc = \n"),
        ] {
            assert_eq!(after(&[(main, OLD)], script, main), wanted, "{script}");
        }
        let script = "{ postconf -hx a; postconf -hx b; postconf -hx default_transport; } >/said";
        assert_eq!(after(&[(main, OLD)], script, "said"), "again\n2\nsmtp\n");
    }
}

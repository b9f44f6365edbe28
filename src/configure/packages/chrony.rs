//! chronyd(8), asked for its configuration.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("chronyd", chronyd)], ..Package::of("chrony") };

/// Files that include files, and no deeper; chronyd's own limit.
const INCLUDE_DEPTH: u32 = 10;

fn chronyd(call: &mut Call<'_, '_>) -> Done {
    if call.args != [b"-p"] {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let mut text = String::new();
    directives(call, "/etc/chrony/chrony.conf", INCLUDE_DEPTH, &mut text)?;
    call.out(text).map(|()| 0)
}

/// The directives of a file and of those it includes, without comments (chrony.conf(5)).
fn directives(call: &mut Call<'_, '_>, path: &str, depth: u32, text: &mut String) -> Result<(), Fault> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Fault::failed("Could not open: too many includes")) };
    for line in show(&call.read(path.as_bytes())?).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with(['#', '!', ';', '%']) => {}
            ["confdir", directories @ ..] => included(call, directories, ".conf", depth, text)?,
            ["sourcedir", directories @ ..] => included(call, directories, ".sources", depth, text)?,
            ["include", pattern] if !pattern.contains(['*', '?', '[']) => directives(call, pattern, depth, text)?,
            ["include", pattern] => return Err(Fault::gap(format!("the pattern {pattern}"))),
            words => text.push_str(&(words.join(" ") + "\n")),
        }
    }
    Ok(())
}

fn included(
    call: &mut Call<'_, '_>,
    directories: &[&str],
    suffix: &str,
    depth: u32,
    text: &mut String,
) -> Result<(), Fault> {
    for directory in directories {
        let tree = call.tree();
        let Some((found, _)) = tree.lookup(directory) else { continue };
        let names: Vec<String> = tree.children(&found).map(|(path, _)| path.to_string()).collect();
        for name in names.iter().filter(|name| name.ends_with(suffix)) {
            directives(call, name, depth, text)?;
        }
    }
    Ok(())
}

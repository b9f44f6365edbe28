//! `/etc/pam.d/common-*` and `/var/lib/pam`, as pam-auth-update(8) makes them in a system without local changes.
//!
//! Each package brings a profile in `/usr/share/pam-configs`; the enabled ones, highest priority first, fill two
//! blocks of the templates in `/usr/share/pam`. Jumps to `end` become the number of lines that are left.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tree::Error;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::TreePath;

const PROFILES: &str = "/usr/share/pam-configs";
const TEMPLATES: &str = "/usr/share/pam";
const STATE: &str = "/var/lib/pam";
const STACKS: [&str; 5] = ["auth", "account", "password", "session", "session-noninteractive"];
/// The comments between which the templates are filled.
const PRIMARY: &str = "# here are the per-package modules (the \"Primary\" block)";
const FALLBACK: &str = "# here's the fallback if no module succeeds";
const ADDITIONAL: &str = "# and here are more per-package modules (the \"Additional\" block)";
const END: &str = "# end of pam-auth-update config";
/// What keeps a stack whole that has no primary module.
const NO_PRIMARY: &str = "[default=1]\t\t\tpam_permit.so";
/// A profile that still names a module which is no more is left out.
const GONE: &str = "pam_tally";

/// One file of [`PROFILES`]: its fields; the lines of a multi-line field are joined by newlines.
#[derive(Debug, Default)]
struct Profile {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Profile {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn priority(&self) -> i64 {
        self.field("Priority").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The field for a stack; one without interaction has the session's unless the profile keeps it out.
    fn stack_field(&self, stack: &str, suffix: &str) -> Option<&str> {
        let kind = match stack {
            "session-noninteractive" if self.field("Session-Interactive-Only") == Some("yes") => return None,
            "auth" => "Auth",
            "account" => "Account",
            "password" => "Password",
            _ => "Session",
        };
        self.field(&format!("{kind}{suffix}"))
    }

    /// The module lines: the first profile of a block may have others than the following ones.
    fn lines(&self, stack: &str, first: bool) -> &str {
        let initial = first.then(|| self.stack_field(stack, "-Initial")).flatten().filter(|lines| !lines.is_empty());
        initial.or_else(|| self.stack_field(stack, "")).unwrap_or_default()
    }
}

/// What was offered and what was chosen, as debconf's question `libpam-runtime/profiles` has it: lists with commas.
pub(crate) struct Choice {
    /// All profiles.
    pub(crate) names: String,
    /// Their titles.
    pub(crate) titles: String,
    /// The chosen ones.
    pub(crate) enabled: String,
}

/// Writes the stacks for all profiles that are on by default or in `enable`, and not in `disable`. Does nothing in
/// a tree without profiles.
pub(crate) fn run(
    tree: &mut Tree,
    enable: &BTreeSet<String>,
    disable: &BTreeSet<String>,
) -> Result<Option<Choice>, Error> {
    let profiles = profiles(tree)?;
    if profiles.is_empty() {
        return Ok(None);
    }
    let wanted = |profile: &&Profile| {
        !disable.contains(&profile.name) && (profile.field("Default") == Some("yes") || enable.contains(&profile.name))
    };
    let mut enabled: Vec<&Profile> = profiles.iter().filter(wanted).collect();
    drop_conflicts(&mut enabled);
    tree.make_directories(STATE, 0o755)?;
    let seen: String = profiles.iter().map(|profile| format!("{}\n", profile.name)).collect();
    tree.write(format!("{STATE}/seen"), 0o644, seen)?;
    for stack in STACKS {
        let Some(template) = tree.read(format!("{TEMPLATES}/common-{stack}"))? else { continue };
        let template = String::from_utf8_lossy(&template).into_owned();
        let target = format!("/etc/pam.d/common-{stack}");
        let mut inode = Inode::file(0o644, fill(&template, stack, &enabled));
        // A file that is there already keeps its owner and mode.
        if let Some((_, old)) = tree.lookup(&target) {
            inode.stat = old.stat.clone();
        }
        tree.put(&target, inode)?;
        tree.write(format!("{STATE}/{stack}"), 0o644, saved(stack, &enabled))?;
    }
    let listed = |profiles: &mut dyn Iterator<Item = &str>| profiles.collect::<Vec<_>>().join(", ");
    Ok(Some(Choice {
        names: listed(&mut profiles.iter().map(|profile| profile.name.as_str())),
        titles: listed(&mut profiles.iter().filter_map(|profile| profile.field("Name"))),
        enabled: listed(&mut enabled.iter().map(|profile| profile.name.as_str())),
    }))
}

/// All profiles, highest priority first, and of equal priority in the reverse order of their names.
fn profiles(tree: &Tree) -> Result<Vec<Profile>, Error> {
    let Some((directory, _)) = tree.lookup(PROFILES) else { return Ok(Vec::new()) };
    let names: Vec<TreePath> = tree.children(&directory).map(|(path, _)| path.clone()).collect();
    let mut profiles = Vec::new();
    for path in names {
        let name = String::from_utf8_lossy(path.name()).into_owned();
        let Some(text) = tree.read(path.as_bytes())? else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        if !name.ends_with('~') && !text.contains(GONE) {
            profiles.push(Profile { name, fields: parse(&text) });
        }
    }
    profiles.sort_by(|a, b| b.priority().cmp(&a.priority()).then_with(|| b.name.cmp(&a.name)));
    Ok(profiles)
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        // A field begins with a name without blanks, a colon, and a blank or the line's end.
        let start = line.split_once(':').filter(|(name, rest)| {
            !name.is_empty()
                && !name.contains(char::is_whitespace)
                && (rest.is_empty() || rest.starts_with([' ', '\t']))
        });
        if let Some((name, value)) = start {
            name.strip_suffix("-Final").unwrap_or(name).clone_into(&mut current);
            fields.insert(current.clone(), value.trim().to_owned());
        } else if let (line, Some(value)) = (line.trim(), fields.get_mut(&current))
            && !line.is_empty()
        {
            if !value.is_empty() {
                value.push('\n');
            }
            value.push_str(line);
        }
    }
    fields
}

/// Of two profiles that exclude each other the one with the lower priority goes.
fn drop_conflicts(enabled: &mut Vec<&Profile>) {
    let mut index = 0;
    while index < enabled.len() {
        let excluded: BTreeSet<String> =
            enabled[index].field("Conflicts").unwrap_or_default().split(", ").map(str::to_owned).collect();
        let own = enabled[index].name.clone();
        enabled.retain(|profile| profile.name == own || !excluded.contains(&profile.name));
        index = enabled.iter().position(|profile| profile.name == own).map_or(index, |at| at + 1);
    }
}

/// Fills a template's two blocks.
fn fill(template: &str, stack: &str, enabled: &[&Profile]) -> String {
    let mut filled = String::new();
    let mut skipping_to = None;
    for line in template.lines() {
        match skipping_to {
            Some(marker) if line.starts_with(marker) => skipping_to = None,
            Some(_) => continue,
            None => {}
        }
        filled.push_str(line);
        filled.push('\n');
        if line.starts_with(PRIMARY) {
            filled.push_str(&block(stack, "Primary", enabled));
            skipping_to = Some(FALLBACK);
        } else if line.starts_with(ADDITIONAL) {
            filled.push_str(&block(stack, "Additional", enabled));
            skipping_to = Some(END);
        }
    }
    filled
}

fn block(stack: &str, block: &str, enabled: &[&Profile]) -> String {
    let kind = stack.strip_suffix("-noninteractive").unwrap_or(stack);
    let members = enabled.iter().filter(|profile| profile.stack_field(stack, "-Type") == Some(block));
    let lines: Vec<&str> =
        members.enumerate().flat_map(|(index, profile)| profile.lines(stack, index == 0).lines()).collect();
    if lines.is_empty() && block == "Primary" {
        return format!("{kind}\t{NO_PRIMARY}\n");
    }
    // A jump must not leave the last block: there it is one shorter.
    let last = usize::from(block == "Additional");
    let module = |(index, line): (usize, &&str)| {
        let left = (lines.len() - index).saturating_sub(last);
        let (module, options) = split_module(line);
        let options: Vec<&str> = options.split_whitespace().collect();
        format!("{kind}\t{} {}\n", module.replace("end", &left.to_string()), options.join(" "))
    };
    lines.iter().enumerate().map(module).collect()
}

/// The control word (or bracket) with the module's name, and the options after it.
fn split_module(line: &str) -> (&str, &str) {
    let control = if line.starts_with('[') {
        line.find(']').map_or(line.len(), |end| end + 1)
    } else {
        line.find(char::is_whitespace).unwrap_or(line.len())
    };
    let module = line[control..].find(|c: char| !c.is_whitespace()).map_or(line.len(), |at| control + at);
    let end = line[module..].find(char::is_whitespace).map_or(line.len(), |at| module + at);
    (&line[..end], &line[end..])
}

/// What pam-auth-update remembers, to find later what an administrator changed.
fn saved(stack: &str, enabled: &[&Profile]) -> String {
    let mut text = String::new();
    for block in ["Primary", "Additional"] {
        let members = enabled.iter().filter(|profile| profile.stack_field(stack, "-Type") == Some(block));
        let mut any = false;
        for (index, profile) in members.enumerate() {
            any = true;
            let lines = profile.lines(stack, index == 0);
            if !lines.is_empty() {
                text.push_str(&format!("Module: {}\n{lines}\n", profile.name));
            }
        }
        if !any && block == "Primary" {
            text.push_str(&format!("Module: null\n{NO_PRIMARY}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: &str = "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\n\
        Auth:\n\t[success=end default=ignore]\tpam_unix.so try_first_pass\n\
        Auth-Initial:\n\t[success=end default=ignore]\tpam_unix.so\n";
    const SSS: &str = "Name: SSS\nDefault: yes\nPriority: 128\nAuth-Type: Primary\n\
        Auth:\n\t[success=end default=ignore]\tpam_sss.so  use_first_pass\n";
    const TEMPLATE: &str = "# here are the per-package modules (the \"Primary\" block)\n$auth_primary\n\
        # here's the fallback if no module succeeds\nauth\trequisite\tpam_deny.so\n\
        # and here are more per-package modules (the \"Additional\" block)\n$auth_additional\n\
        # end of pam-auth-update config\n";

    fn tree() -> Tree {
        let mut tree = Tree::new();
        tree.write("usr/share/pam-configs/unix", 0o644, UNIX).expect("new");
        tree.write("usr/share/pam-configs/sss", 0o644, SSS).expect("new");
        tree.write("usr/share/pam/common-auth", 0o644, TEMPLATE).expect("new");
        tree
    }

    fn stack(tree: &Tree) -> String {
        let text = tree.read("etc/pam.d/common-auth").expect("reads").expect("written");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn jumps_count_the_lines_that_follow() {
        let mut tree = tree();
        run(&mut tree, &BTreeSet::new(), &BTreeSet::new()).expect("no obstacles");
        let text = stack(&tree);
        assert!(text.contains("auth\t[success=2 default=ignore]\tpam_unix.so \n"), "{text}");
        assert!(text.contains("auth\t[success=1 default=ignore]\tpam_sss.so use_first_pass\n"), "{text}");
        assert!(!text.contains('$'), "{text}");
        let seen = tree.read("var/lib/pam/seen").expect("reads").expect("written");
        assert_eq!(seen, b"unix\nsss\n");
    }

    #[test]
    fn an_empty_primary_block_permits() {
        let mut tree = tree();
        run(&mut tree, &BTreeSet::new(), &["unix", "sss"].map(str::to_owned).into()).expect("no obstacles");
        assert!(stack(&tree).contains("auth\t[default=1]\t\t\tpam_permit.so\n"));
    }
}

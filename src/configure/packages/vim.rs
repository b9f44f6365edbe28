//! Vim's help texts: helpztags(1).

use std::collections::BTreeMap;
use std::io::Read as _;

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("helpztags", help_tags)], ..Package::of("vim") };

/// `helpztags DIRECTORY…`: where in the help texts each `*tag*` stands.
fn help_tags(call: &mut Call<'_, '_>) -> Done {
    if call.args.is_empty() {
        return Err(Fault::failed("Error: no directories given. Check manpage for details."));
    }
    for directory in call.args {
        let Some((place, _)) = call.tree().lookup(directory) else { continue };
        call.out([b"Processing ", directory.as_slice(), b"\n"].concat())?;
        let names: Vec<String> = call.tree().children(&place).map(|(path, _)| show(path.name())).collect();
        let mut lists: BTreeMap<String, BTreeMap<Vec<u8>, String>> = BTreeMap::new();
        for name in names {
            let Some(suffix) = help_suffix(&name) else { continue };
            let mut text = call.read(&[directory, &b"/"[..], name.as_bytes()].concat())?;
            if name.ends_with(".gz") {
                let most = call.shell.system.bounds.bytes as u64;
                let mut whole = Vec::new();
                let read = flate2::read::MultiGzDecoder::new(text.as_slice()).take(most + 1).read_to_end(&mut whole);
                if read.is_err() || whole.len() as u64 > most {
                    return Err(Fault::gap(format!("cannot read {name}")));
                }
                text = whole;
            }
            call.shell.system.budget.read(text.len())?;
            for line in text.split(|&byte| byte == b'\n') {
                for word in line.split(|byte| byte.is_ascii_whitespace()) {
                    let tag = word.strip_prefix(b"*").and_then(|word| word.strip_suffix(b"*"));
                    if let Some(tag) = tag.filter(|tag| !tag.is_empty() && !tag.iter().any(|byte| b"*|".contains(byte)))
                    {
                        lists.entry(format!("tags{suffix}")).or_default().insert(tag.to_vec(), name.clone());
                    }
                }
            }
        }
        for (list, tags) in lists {
            let mut text = Vec::new();
            for (tag, name) in tags {
                let escaped = show(&tag).replace('\\', "\\\\").replace('/', "\\/");
                text.extend([&tag[..], b"\t", name.as_bytes(), b"\t/*", escaped.as_bytes(), b"*\n"].concat());
            }
            call.write(&[directory, &b"/"[..], list.as_bytes()].concat(), 0o666, text)?;
        }
    }
    Ok(0)
}

/// What the list of a help file is called by behind `tags`: nothing, or its language; `None` when it is no help file.
fn help_suffix(name: &str) -> Option<String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let (stem, ending) = name.strip_suffix(".gz").unwrap_or(name).rsplit_once('.')?;
    let language =
        ending.strip_suffix('x').filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()));
    match (plain && !stem.is_empty(), ending, language) {
        (true, "txt", _) => Some(String::new()),
        (true, _, Some(code)) => Some(format!("-{code}")),
        _ => None,
    }
}

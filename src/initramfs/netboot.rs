//! What `MODULES=netboot` means: read from the root's own `hook-functions`, so that a newer initramfs-tools brings its
//! own list.
//!
//! Of the function `auto_add_modules` the arms `base` and `net` are read, of `hidden_dep_add_modules` its table. They
//! are lists in the clothes of shell: assignments to `modules`, `copy_modules_dir`, and calls of dracut-install. Any
//! other statement is an error: better none than an initramfs without a driver.

use std::collections::BTreeMap;

/// One statement of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Module names, or `=directory` below `kernel/`, `extra/` and `updates/`.
    Words(Vec<String>),
    /// All modules below a directory of the kernel but those whose file or directory has one of these names
    /// (patterns).
    Directory {
        /// `kernel/drivers/usb/host`
        path: String,
        /// `hid-*ff.ko*`
        except: Vec<String>,
    },
    /// As words, but only modules that need one of the symbols and whose path has none of the parts.
    Filtered {
        /// As in [`Step::Words`].
        words: Vec<String>,
        /// Parts of symbols.
        symbols: Vec<String>,
        /// Parts of paths.
        without: Vec<String>,
    },
}

/// The steps of `MODULES=netboot`; `Err` says what is not understood.
pub(super) fn steps(functions: &str) -> Result<Vec<Step>, String> {
    let body = function(functions, "auto_add_modules")?;
    let mut steps = Vec::new();
    for arm in ["base", "net"] {
        let text = arm_of(&body, arm).ok_or_else(|| format!("`auto_add_modules` has no arm `{arm}`"))?;
        let mut variables = BTreeMap::new();
        for statement in &text {
            steps.extend(step(statement, &mut variables)?);
        }
    }
    Ok(steps)
}

/// Module file name → what it may need at run time without saying so.
pub(super) fn hidden(functions: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut table = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    let body = function(functions, "hidden_dep_add_modules")?;
    let Some(start) = body.iter().position(|line| line.starts_with("case ")) else {
        return Err("`hidden_dep_add_modules` has no table".into());
    };
    for line in body[start + 1..].iter().take_while(|line| *line != "esac") {
        if let Some(words) = line.strip_prefix("echo ") {
            for name in &names {
                table.insert(name.clone(), words.split_whitespace().map(str::to_owned).collect());
            }
        } else if let Some(pattern) = line.strip_suffix(')') {
            names = pattern.split('|').map(|name| name.trim().to_owned()).collect();
        } else if line != ";;" {
            return Err(format!("`{line}` in `hidden_dep_add_modules`"));
        }
    }
    Ok(table)
}

/// The statements of a function, one per line: comments gone, continued lines joined.
fn function(text: &str, name: &str) -> Result<Vec<String>, String> {
    let head = format!("{name}()");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&head));
    lines.next().ok_or_else(|| format!("there is no function `{name}`"))?;
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with('}')).collect();
    let mut statements: Vec<String> = Vec::new();
    let mut open = false;
    for line in body.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (line, continued) = line.strip_suffix('\\').map_or((line, false), |line| (line.trim_end(), true));
        match statements.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(line);
            }
            _ => statements.push(line.to_owned()),
        }
        open = continued;
    }
    Ok(statements)
}

fn arm_of(body: &[String], arm: &str) -> Option<Vec<String>> {
    let head = format!("{arm})");
    let start = body.iter().position(|line| *line == head)?;
    Some(body[start + 1..].iter().take_while(|line| *line != ";;").cloned().collect())
}

fn step(statement: &str, variables: &mut BTreeMap<String, String>) -> Result<Option<Step>, String> {
    let unknown = || format!("statement `{statement}`");
    if let Some((name, value)) = statement.split_once('=')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    {
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(unknown)?;
        if name == "modules" {
            let words = value.strip_prefix("$modules").ok_or_else(unknown)?;
            plain(words).then_some(()).ok_or_else(unknown)?;
            return Ok(Some(Step::Words(owned(words))));
        }
        plain(value).then_some(()).ok_or_else(unknown)?;
        variables.insert(name.to_owned(), value.to_owned());
        return Ok(None);
    }
    let words = words(statement, variables).ok_or_else(unknown)?;
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["copy_modules_dir", path, except @ ..] => {
            // A pattern for `x.ko` means `x.ko.xz`, too.
            let pattern = |word: &&str| format!("{word}{}", if word.ends_with(".ko") { "*" } else { "" });
            Ok(Some(Step::Directory { path: (*path).to_owned(), except: except.iter().map(pattern).collect() }))
        }
        ["_call_dracut_install", "-P", path, "-s", symbols, words @ ..] => Ok(Some(Step::Filtered {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            symbols: alternatives(symbols).ok_or_else(unknown)?,
            without: alternatives(path).ok_or_else(unknown)?,
        })),
        _ => Err(unknown()),
    }
}

fn plain(text: &str) -> bool {
    !text.contains(['$', '`', '"', '\'', ';', '&', '<', '>'])
}

fn owned(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// Splits a simple command into words: both quotes, and `${name}` of known variables.
fn words(statement: &str, variables: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let mut text = statement.to_owned();
    for (name, value) in variables {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    let mut words = Vec::new();
    let mut rest = text.as_str();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Some(words) };
        let word = match first {
            '"' | '\'' => {
                let (word, tail) = rest[1..].split_once(first)?;
                rest = tail;
                if !(tail.is_empty() || tail.starts_with(char::is_whitespace)) {
                    return None;
                }
                word
            }
            _ => {
                let (word, tail) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
                rest = tail;
                plain(word).then_some(word)?
            }
        };
        if word.contains(['$', '`']) {
            return None;
        }
        words.push(word.to_owned());
    }
}

/// All texts of a regular expression that is only literals, groups and `|`; nothing for any other.
fn alternatives(expression: &str) -> Option<Vec<String>> {
    let bytes = expression.as_bytes();
    let mut at = 0;
    let all = union(bytes, &mut at)?;
    (at == bytes.len()).then_some(all)
}

fn union(bytes: &[u8], at: &mut usize) -> Option<Vec<String>> {
    let mut all = Vec::new();
    loop {
        all.extend(sequence(bytes, at)?);
        if bytes.get(*at) != Some(&b'|') {
            return Some(all);
        }
        *at += 1;
    }
}

fn sequence(bytes: &[u8], at: &mut usize) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    loop {
        match bytes.get(*at) {
            None | Some(b'|' | b')') => return Some(all),
            Some(b'(') => {
                *at += 1;
                let inner = union(bytes, at)?;
                (bytes.get(*at) == Some(&b')')).then_some(())?;
                *at += 1;
                all = all.iter().flat_map(|head| inner.iter().map(move |tail| format!("{head}{tail}"))).collect();
            }
            Some(b'\\') => {
                let letter = *bytes.get(*at + 1)?;
                letter.is_ascii_punctuation().then_some(())?;
                all.iter_mut().for_each(|text| text.push(letter.into()));
                *at += 2;
            }
            Some(&letter) if letter.is_ascii_alphanumeric() || b"_-/,=@:".contains(&letter) => {
                all.iter_mut().for_each(|text| text.push(letter.into()));
                *at += 1;
            }
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: &str = r#"
auto_add_modules()
{
	local arg
	for arg in "$@" ; do
		case "$arg" in
		base)
			modules="$modules ext4 nfs"
			# Comments go
			copy_modules_dir kernel/drivers/hid \
				'hid-*ff.ko' wireless
			modules="$modules =drivers/bus"
		;;
		net)
			exclude="tun|veth"
			_call_dracut_install -P "/((${exclude})\.ko|(net/(802|phy)|wan)/)" \
				-s "eth_type_trans|usbnet_open" \
				"=drivers/net"
		;;
		esac
	done
}
hidden_dep_add_modules()
{
	case "$module" in
	btrfs)
		echo crc32c
		;;
	a|b)
		# why
		echo c d
		;;
	esac
}
"#;

    #[test]
    fn reads_the_lists() {
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let wanted = [
            Step::Words(strings(&["ext4", "nfs"])),
            Step::Directory { path: "kernel/drivers/hid".into(), except: strings(&["hid-*ff.ko*", "wireless"]) },
            Step::Words(strings(&["=drivers/bus"])),
            Step::Filtered {
                words: strings(&["=drivers/net"]),
                symbols: strings(&["eth_type_trans", "usbnet_open"]),
                without: strings(&["/tun.ko", "/veth.ko", "/net/802/", "/net/phy/", "/wan/"]),
            },
        ];
        assert_eq!(steps(FUNCTIONS).expect("the example is understood"), wanted);
        let hidden = hidden(FUNCTIONS).expect("the example is understood");
        assert_eq!(hidden["btrfs"], ["crc32c"]);
        assert_eq!(hidden["b"], ["c", "d"]);
    }

    #[test]
    fn anything_else_is_refused() {
        for (old, new) in [
            ("copy_modules_dir kernel", "rm -rf kernel"),
            ("\"$modules ext4 nfs\"", "\"$modules $(uname -r)\""),
            ("usbnet_open", "usbnet_.*"),
            ("exclude=\"tun|veth\"", "exclude=\"$other\""),
            ("base)", "basis)"),
        ] {
            assert!(steps(&FUNCTIONS.replace(old, new)).is_err(), "{new}");
        }
        assert!(hidden(&FUNCTIONS.replace("echo crc32c", "printf crc32c")).is_err());
    }
}

//! `getopts` (POSIX): options, one a call. Where it stands is the shell's own: in dash a function and `set --` begin
//! anew, and `OPTIND` is behind the word that is being read; in bash it is that word until it is done.

use super::Run;
use super::Shell;
use super::reader::is_name;
use super::state::Place;

impl Shell<'_> {
    /// `OPTIND` was given a value: there the next call begins.
    ///
    /// # Errors
    /// In dash a value that is no number ends the shell.
    pub(super) fn begin_getopts(&mut self) -> Run<()> {
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
        let value = self.variable(b"OPTIND");
        let next = value.and_then(number).filter(|number| i32::try_from(*number).is_ok());
        if let Some(wrong) = value.filter(|_| next.is_none() && !self.is_bash()) {
            let wrong = wrong.to_vec();
            return self.fatal(&[b"Illegal number: ".as_slice(), &wrong].concat());
        }
        self.state.getopts = Place { next: next.map_or(1, |next| next.max(1) as usize), offset: 0 };
        Ok(())
    }
}

/// `getopts letters name [argument…]`
pub(super) fn getopts(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    let [letters, name, own @ ..] = arguments else {
        return shell.usage(b"getopts: usage: getopts optstring var [arg]");
    };
    let positional = shell.state.positional.clone();
    let words = if own.is_empty() { &*positional } else { own };
    let word = |number: usize| number.checked_sub(1).and_then(|index| words.get(index)).map(Vec::as_slice);
    let silent = letters.first() == Some(&b':');
    let place = shell.state.getopts;
    // dash begins anew where there are fewer words than it has read.
    let begins = !shell.is_bash() && place.next > words.len() + 1;
    let Place { mut next, mut offset } = if begins { Place::default() } else { place };
    // bash is at the end then.
    next = next.min(words.len() + 1);
    shell.system.budget.tried(letters.len())?;
    let current = word(next.saturating_sub(1)).unwrap_or_default();
    if offset == 0 || offset >= current.len() {
        match word(next) {
            Some(begun @ [b'-', _, ..]) => {
                next += 1;
                offset = 1;
                if begun == b"--" {
                    return finish(shell, name, b"?", Place { next, offset: 0 }, 1);
                }
            }
            _ => return finish(shell, name, b"?", Place { next, offset: 0 }, 1),
        }
    }
    let current = word(next - 1).unwrap_or_default();
    let letter = current[offset];
    offset = if offset + 1 < current.len() { offset + 1 } else { 0 };
    let known = &letters[usize::from(silent)..];
    let place = (letter != b':').then(|| known.iter().position(|&known| known == letter)).flatten();
    let Some(place) = place else {
        if silent {
            shell.assign(b"OPTARG", vec![letter])?;
        } else {
            shell.complain(&[b"Illegal option -", [letter].as_slice()].concat())?;
            shell.remove_variable(b"OPTARG")?;
        }
        return finish(shell, name, b"?", Place { next, offset }, 0);
    };
    if known.get(place + 1) != Some(&b':') {
        if shell.is_bash() {
            shell.remove_variable(b"OPTARG")?;
        } else {
            shell.assign(b"OPTARG", Vec::new())?;
        }
        return finish(shell, name, &[letter], Place { next, offset }, 0);
    }
    let value = match word(next) {
        _ if offset > 0 => Some(current[offset..].to_vec()),
        Some(value) => {
            next += 1;
            Some(value.to_vec())
        }
        None => None,
    };
    let there = value.is_some();
    match value {
        Some(value) => shell.assign(b"OPTARG", value)?,
        None if silent => shell.assign(b"OPTARG", vec![letter])?,
        None => {
            shell.complain(&[b"No arg for -", [letter].as_slice(), b" option"].concat())?;
            shell.remove_variable(b"OPTARG")?;
        }
    }
    let found = if there {
        letter
    } else if silent {
        b':'
    } else {
        b'?'
    };
    finish(shell, name, &[found], Place { next, offset: 0 }, 0)
}

fn finish(shell: &mut Shell<'_>, name: &[u8], value: &[u8], place: Place, status: i32) -> Run<i32> {
    let shown = if shell.is_bash() && place.offset > 0 { place.next - 1 } else { place.next };
    if shell.is_bash() && status != 0 {
        shell.remove_variable(b"OPTARG")?;
    }
    shell.assign(b"OPTIND", shown.to_string().into_bytes())?;
    shell.state.getopts = place;
    if !is_name(name) {
        if shell.is_bash() {
            shell.complain(&[b"getopts: `", name, b"': not a valid identifier"].concat())?;
            return Ok(1);
        }
        return shell.usage(&[b"getopts: ", name, b": bad variable name"].concat());
    }
    shell.assign(name, value.to_vec())?;
    Ok(status)
}

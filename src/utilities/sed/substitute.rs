//! The `s` command.

use super::edit::Editor;
use super::parse::Piece;
use super::parse::Substitution;
use crate::budget::Spent;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::buffer::Buffer;
use crate::utilities::regex::Groups;

impl Editor<'_> {
    pub(super) fn substitute(&mut self, call: &mut Call<'_, '_>, substitution: &Substitution) -> Result<(), Fault> {
        if let Some(regex) = &substitution.pattern {
            self.last_regex = Some(regex.clone());
        }
        let none = || Fault::failed("-e expression #1, char 0: no previous regular expression");
        let regex = self.last_regex.clone().ok_or_else(none)?;
        if substitution.pattern.is_none() && substitution.most > regex.groups() {
            let most = substitution.most;
            return Err(Fault::failed(format!(
                "-e expression #1, char 0: invalid reference \\{most} on `s' command's RHS"
            )));
        }
        let (text, made) = (&self.pattern, &mut self.spare);
        made.clear();
        let (mut from, mut count, mut copied, mut before) = (0, 0, 0, None);
        let mut changed = false;
        while from <= text.len() {
            let Some(groups) = regex.find(text, from)? else { break };
            let (begin, end) = groups[0].unwrap_or_default();
            // An empty match right behind the last one is none.
            if begin < end || before != Some(begin) {
                before = Some(end);
                count += 1;
                if count >= substitution.nth {
                    made.extend(&text[copied..begin])?;
                    expand(&substitution.replacement, text, &groups, made)?;
                    copied = end;
                    changed = true;
                    if !substitution.global {
                        break;
                    }
                }
            }
            from = if end > begin { end } else { end + 1 };
        }
        if !changed {
            return Ok(());
        }
        made.extend(&text[copied..])?;
        std::mem::swap(&mut self.pattern, &mut self.spare);
        self.replaced = true;
        if substitution.print {
            self.print(call, None)?;
        }
        if let Some(path) = &substitution.file {
            self.print(call, Some(path))?;
        }
        Ok(())
    }
}

fn expand(replacement: &[Piece], text: &[u8], groups: &Groups, made: &mut Buffer) -> Result<(), Spent> {
    let (mut lasting, mut once) = (b'E', None);
    for piece in replacement {
        let bytes = match piece {
            Piece::Case(letter @ (b'u' | b'l')) => {
                once = Some(*letter);
                continue;
            }
            // What is for one letter does not outlive what is for all: `\u\L` is `\L`.
            Piece::Case(letter) => {
                (lasting, once) = (*letter, None);
                continue;
            }
            Piece::Text(bytes) => bytes.as_slice(),
            Piece::Group(group) => match groups.get(*group).copied().flatten() {
                Some((from, to)) => &text[from..to],
                None => b"",
            },
        };
        if lasting == b'E' && once.is_none() {
            made.extend(bytes)?;
            continue;
        }
        for &byte in bytes {
            made.push(match once.take().unwrap_or(lasting) {
                b'U' | b'u' => byte.to_ascii_uppercase(),
                b'L' | b'l' => byte.to_ascii_lowercase(),
                _ => byte,
            })?;
        }
    }
    Ok(())
}

//! Field splitting, and the names of files that a pattern stands for.

use super::Run;
use super::Shell;
use super::expand::Chunk;
use super::expand::Field;
use super::expand::Mark;
use super::value::Words;
use crate::format::glob::Pattern;
use crate::format::glob::Style;
use crate::tree::TreePath;

impl Shell<'_> {
    pub(super) fn split(&mut self, mut chunks: Vec<Chunk<'_>>, fields: &mut Words) -> Run<()> {
        if !self.is_bash() {
            forget_last(&mut chunks);
        }
        let ifs = self.separators();
        let mut splitter = Splitter { ifs: &ifs, done: Vec::new(), field: None, after_blank: false };
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, Mark::Split) => {
                    for &byte in &*text {
                        splitter.byte(byte);
                        if !splitter.done.is_empty() {
                            self.found(&mut splitter, fields)?;
                        }
                    }
                }
                Chunk::Text(text, mark) => {
                    if !text.is_empty() {
                        splitter.after_blank = false;
                        splitter.field.get_or_insert_default().extend(&text, mark == Mark::Quoted);
                    }
                }
                Chunk::Present | Chunk::Each => {
                    splitter.after_blank = false;
                    splitter.field.get_or_insert_default();
                }
                // To dash this is white space that separates, whatever `IFS` is.
                Chunk::Gap if !self.is_bash() => splitter.blank(),
                // In bash they are joined by the first separator: between two that are no blank there is an empty field.
                Chunk::Gap if ifs.first().is_some_and(|byte| !matches!(byte, b' ' | b'\t' | b'\n')) => {
                    splitter.byte(ifs[0]);
                    self.found(&mut splitter, fields)?;
                }
                Chunk::Break | Chunk::Gap => splitter.end(),
            }
        }
        splitter.end();
        self.found(&mut splitter, fields)
    }

    pub(super) fn found(&mut self, splitter: &mut Splitter<'_>, fields: &mut Words) -> Run<()> {
        for field in splitter.done.drain(..) {
            self.pathnames(field, fields)?;
        }
        Ok(())
    }

    fn pathnames(&mut self, field: Field, fields: &mut Words) -> Run<()> {
        let wild =
            field.has(b"*?") || (field.has(b"[") && field.has(b"]")) || (self.state.options.extglob && field.has(b"("));
        if !wild || self.state.options.noglob {
            return Ok(fields.push(&self.system.budget, field.bytes)?);
        }
        self.spend(field.bytes.len() * 4)?;
        let found = self.glob(&field)?;
        let options = &self.state.options;
        let wild = || Pattern::new(&field.marked(), self.style(), &self.system.budget).map(|pattern| pattern.is_wild());
        if !found.is_empty() {
            found.into_iter().try_for_each(|name| fields.push(&self.system.budget, name))?;
        } else if !(options.failglob || options.nullglob) || !wild()? {
            fields.push(&self.system.budget, field.bytes)?;
        } else if options.failglob {
            return self.reported(&[b"no match: ", field.bytes.as_slice()].concat());
        }
        Ok(())
    }

    /// The paths of the tree that match, sorted.
    fn glob(&mut self, field: &Field) -> Run<Vec<Vec<u8>>> {
        let directory = self.state.directory.clone();
        let marked = field.marked();
        let (style, hidden) = (self.glob_style(), self.state.options.dotglob);
        if let Some(what) = self.unlisted(&marked, style)? {
            self.gap(&field.bytes, what);
            return Ok(Vec::new());
        }
        let start = if marked.first().is_some_and(|(byte, _)| *byte == b'/') { b"/".to_vec() } else { directory };
        let Ok(start) = self.system.tree().resolve(&start, true) else { return Ok(Vec::new()) };
        let found = self.walk(start, &marked, style, hidden)?;
        let mut names: Vec<Vec<u8>> = found.into_iter().map(|(written, _)| written).collect();
        names.sort();
        Ok(names)
    }

    /// What a pattern of bytes, each quoted or not, finds from a directory on: how it is written, and where it really
    /// lies. A link in the last place is found itself.
    ///
    /// # Errors
    /// A limit.
    pub(crate) fn walk(
        &mut self,
        start: TreePath,
        pattern: &[(u8, bool)],
        style: Style,
        hidden: bool,
    ) -> Run<Vec<(Vec<u8>, TreePath)>> {
        let mut found: Vec<(Vec<u8>, TreePath)> = vec![(Vec::new(), start)];
        let components: Vec<&[(u8, bool)]> = pattern.split(|(byte, _)| *byte == b'/').collect();
        for (index, component) in components.iter().enumerate() {
            let mut next = Words::new(&self.system.budget)?;
            let mut places = Vec::new();
            let pattern = Pattern::new(component, style, &self.system.budget)?;
            let last = index + 1 == components.len();
            for (mut written, place) in found {
                if index > 0 {
                    written.push(b'/');
                }
                if component.is_empty() {
                    next.push(&self.system.budget, written)?;
                    places.push(place);
                    continue;
                }
                for name in self.matching(&place, component, &pattern, hidden)? {
                    let tree = self.system.tree();
                    let Ok(path) = tree.resolve([place.as_bytes(), &name].join(&b'/'), !last) else { continue };
                    if tree.get(&path).is_some_and(|inode| last || inode.is_directory()) {
                        next.push(&self.system.budget, [written.as_slice(), &name].concat())?;
                        places.push(path);
                    }
                }
            }
            // What is found is claimed again when it becomes fields.
            found = next.iter().cloned().zip(places).collect();
        }
        Ok(found)
    }

    /// Why the directory cannot be listed in which a pattern looks for names first.
    fn unlisted(&mut self, marked: &[(u8, bool)], style: Style) -> Run<Option<String>> {
        let mut directory = self.state.directory.clone();
        if marked.first().is_some_and(|(byte, _)| *byte == b'/') {
            directory.clear();
        }
        for component in marked.split(|(byte, _)| *byte == b'/') {
            if Pattern::new(component, style, &self.system.budget)?.is_wild() {
                break;
            }
            directory.push(b'/');
            directory.extend(component.iter().map(|(byte, _)| byte));
        }
        Ok(self.system.list_of(&directory))
    }

    /// The names of a directory that match one component of a pathname pattern.
    fn matching(
        &mut self,
        directory: &TreePath,
        component: &[(u8, bool)],
        pattern: &Pattern,
        hidden: bool,
    ) -> Run<Vec<Vec<u8>>> {
        self.step()?;
        if !pattern.is_wild() {
            let mut name = Vec::new();
            let mut rest = component;
            while let [(byte, quoted), tail @ ..] = rest {
                let escapes = *byte == b'\\' && !quoted && !tail.is_empty();
                rest = if escapes { &tail[1..] } else { tail };
                name.push(if escapes { tail[0].0 } else { *byte });
            }
            return Ok(vec![name]);
        }
        let budget = self.system.budget.clone();
        let in_bash = self.is_bash();
        let tree = self.system.tree();
        let Ok(place) = tree.resolve(directory.as_bytes(), true) else { return Ok(Vec::new()) };
        let dotted = pattern.begins_with(b'.');
        // To dash a directory has itself and the one above in it.
        let own: &[&[u8]] = if dotted && !in_bash { &[b".", b".."] } else { &[] };
        let mut names = Vec::new();
        for name in own.iter().copied().chain(tree.children(&place).map(|(path, _)| path.name())) {
            budget.tried(16)?;
            if (name[0] != b'.' || dotted || hidden) && pattern.matches(name, &budget)? {
                budget.made(name.len() + 32)?;
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    const fn glob_style(&self) -> Style {
        let style = self.style();
        Style { fold: self.state.options.nocaseglob, ..style }
    }
}

/// dash forgets that the last parameter of `"$@"` is there when it is empty and only nothing follows, unquoted.
fn forget_last(chunks: &mut Vec<Chunk<'_>>) {
    let nothing = |chunk: &Chunk<'_>| matches!(chunk, Chunk::Text(text, Mark::Split) if text.is_empty());
    let behind = chunks.iter().rev().take_while(|chunk| nothing(chunk)).count();
    let before = chunks.len() - behind;
    if behind > 0
        && let [.., Chunk::Each, Chunk::Text(text, Mark::Quoted)] = &chunks[..before]
        && text.is_empty()
    {
        chunks.truncate(before - 2);
    }
}

pub(super) struct Splitter<'a> {
    ifs: &'a [u8],
    done: Vec<Field>,
    field: Option<Field>,
    /// A field ended at white space: one other separator may follow without making an empty field.
    after_blank: bool,
}

impl Splitter<'_> {
    pub(super) fn end(&mut self) {
        self.done.extend(self.field.take());
        self.after_blank = false;
    }

    /// White space that separates.
    fn blank(&mut self) {
        if self.field.is_some() {
            self.end();
            self.after_blank = true;
        }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        if !self.ifs.contains(&byte) {
            self.after_blank = false;
            self.field.get_or_insert_default().bytes.push(byte);
        } else if matches!(byte, b' ' | b'\t' | b'\n') {
            self.blank();
        } else if self.after_blank {
            self.after_blank = false;
        } else {
            self.field.get_or_insert_default();
            self.end();
        }
    }
}

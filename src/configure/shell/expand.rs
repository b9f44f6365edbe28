//! Words → fields: parameters, commands, arithmetic, then splitting, pathnames, and quote removal (POSIX 2.6).

use super::Interrupt;
use super::Run;
use super::Shell;
use super::TakeOutput;
use super::arithmetic;
use super::ast::Command;
use super::ast::DefaultKind;
use super::ast::Operation;
use super::ast::Parameter;
use super::ast::Part;
use super::ast::Word;
use super::parse::is_name;
use super::parse::split_assignment;
use super::pattern::Pattern;
use super::stream::Stream;
use crate::tree::TreePath;

/// What may still happen to expanded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Written in the script: a pattern, but one field.
    Plain,
    /// Quoted: itself.
    Quoted,
    /// The result of an expansion: split into fields, then a pattern.
    Split,
}

#[derive(Debug)]
enum Chunk {
    Text(Vec<u8>, Mark),
    /// Quotes: the field exists even when it is empty.
    Present,
    /// Between two of `"$@"`.
    Break,
}

/// A field being made: bytes with whether they were quoted.
type Field = Vec<(u8, bool)>;

impl Shell<'_> {
    /// All expansions: what a command's words become.
    pub(super) fn fields(&mut self, words: &[Word]) -> Run<Vec<Vec<u8>>> {
        let mut fields = Vec::new();
        let declares = |word: &Word| matches!(word.0.as_slice(), [Part::Plain(name)] if matches!(name.as_slice(), b"export" | b"readonly" | b"local"));
        let declares = words.first().is_some_and(declares);
        for word in words {
            // What looks like an assignment to `export` is expanded as one.
            if declares && let Some((name, value)) = split_assignment(word) {
                let value = self.text(&value.0, false)?;
                fields.push([name.as_slice(), &value].join(&b'='));
                continue;
            }
            // Most words are plain text: no field splitting, and a pattern only with these bytes.
            if let [Part::Plain(text)] = word.0.as_slice()
                && !text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
            {
                fields.push(text.clone());
                continue;
            }
            let mut chunks = Vec::new();
            self.parts(&word.0, false, false, &mut chunks)?;
            for field in self.split(chunks) {
                self.pathnames(&field, &mut fields)?;
            }
        }
        Ok(fields)
    }

    /// Expansion without splitting and pathnames: assignments, redirections, here-documents, `case`.
    pub(super) fn text(&mut self, parts: &[Part], quoted: bool) -> Run<Vec<u8>> {
        Ok(self.marked(parts, quoted)?.into_iter().map(|(byte, _)| byte).collect())
    }

    /// A word as a pattern.
    pub(super) fn pattern(&mut self, word: &Word) -> Run<Pattern> {
        Ok(Pattern::new(&self.marked(&word.0, false)?))
    }

    fn marked(&mut self, parts: &[Part], quoted: bool) -> Run<Field> {
        let mut chunks = Vec::new();
        self.parts(parts, quoted, false, &mut chunks)?;
        let separator = match self.state.variables.get(&b"IFS"[..]).and_then(|ifs| ifs.value.as_ref()) {
            Some(ifs) => ifs.first().copied(),
            None => Some(b' '),
        };
        let mut field = Field::new();
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, mark) => field.extend(text.into_iter().map(|byte| (byte, mark == Mark::Quoted))),
                Chunk::Break => field.extend(separator.map(|byte| (byte, true))),
                Chunk::Present => {}
            }
        }
        Ok(field)
    }

    // --- parts -----------------------------------------------------------------------------------------------

    /// Expands parts. `nested` is the word inside an unquoted `${x:-word}`, whose plain text is split too.
    fn parts(&mut self, parts: &[Part], quoted: bool, nested: bool, chunks: &mut Vec<Chunk>) -> Run<()> {
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        for part in parts {
            let before = chunks.len();
            match part {
                Part::Plain(text) if !quoted && !nested => chunks.push(Chunk::Text(text.clone(), Mark::Plain)),
                Part::Plain(text) => chunks.push(Chunk::Text(text.clone(), mark)),
                Part::Quoted(text) => {
                    chunks.push(Chunk::Present);
                    chunks.push(Chunk::Text(text.clone(), Mark::Quoted));
                }
                Part::Double(inner) => {
                    self.parts(inner, true, false, chunks)?;
                    let nothing = self.state.positional.is_empty()
                        && matches!(inner.as_slice(), [Part::Parameter(parameter)] if parameter.name == b"@");
                    if !nothing {
                        chunks.push(Chunk::Present);
                    }
                }
                Part::Parameter(parameter) => self.parameter(parameter, quoted, chunks)?,
                Part::Command(command) => {
                    let output = self.substitute(command)?;
                    chunks.push(Chunk::Text(output, mark));
                }
                Part::Arithmetic(inner) => {
                    let text = self.text(inner, true)?;
                    let value = self.arithmetic(&text)?;
                    chunks.push(Chunk::Text(value.to_string().into_bytes(), mark));
                }
                Part::Tilde(user) => {
                    let home = self.home(user);
                    chunks.push(Chunk::Text(home, Mark::Quoted));
                }
            }
            // What a field costs beside its bytes is what a short text costs.
            let cost = |chunk: &Chunk| if let Chunk::Text(text, _) = chunk { text.len() + 32 } else { 32 };
            let made = chunks[before..].iter().map(cost).sum();
            self.spend(made)?;
        }
        Ok(())
    }

    fn home(&mut self, user: &[u8]) -> Vec<u8> {
        let home = if user.is_empty() {
            self.variable(b"HOME").map(<[u8]>::to_vec)
        } else {
            let passwd = self.world.tree().read("/etc/passwd").ok().flatten().unwrap_or_default();
            let entry =
                passwd.split(|&byte| byte == b'\n').find(|line| line.split(|&byte| byte == b':').next() == Some(user));
            entry.and_then(|line| line.split(|&byte| byte == b':').nth(5)).map(<[u8]>::to_vec)
        };
        home.unwrap_or_else(|| [b"~", user].concat())
    }

    fn substitute(&mut self, command: &Command) -> Run<Vec<u8>> {
        self.step()?;
        let output = Stream::Output(Vec::new()).descriptor();
        let captured = std::rc::Rc::clone(&output);
        let status = self.subshell(|shell| {
            shell.state.descriptors.insert(1, output);
            shell.run(command, false)
        })?;
        self.state.substitution = Some(status);
        let mut bytes = captured.take_output().unwrap_or_default();
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        bytes.retain(|&byte| byte != 0);
        Ok(bytes)
    }

    /// The value of an arithmetic expression whose expansions are done.
    pub(super) fn arithmetic(&mut self, text: &[u8]) -> Run<i64> {
        let mut variables = Changes { shell: self, stopped: None };
        let result = arithmetic::evaluate(text, &mut variables);
        if let Some(interrupt) = variables.stopped {
            return Err(interrupt);
        }
        match result {
            Ok(value) => Ok(value),
            Err(error) => self.fatal(error.to_string().as_bytes()),
        }
    }

    // --- parameters ------------------------------------------------------------------------------------------

    /// The value of any parameter but `@` and `*`.
    pub(super) fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        match name {
            b"#" => Some(self.state.positional.len().to_string().into_bytes()),
            b"?" => Some(self.state.status.to_string().into_bytes()),
            // Always the same, so that names made of it are the same in every build.
            b"$" => Some(b"1000".to_vec()),
            b"!" => None,
            b"-" => Some(self.flags()),
            b"0" => Some(self.state.name.clone()),
            b"LINENO" => Some(self.state.line.to_string().into_bytes()),
            _ if name[0].is_ascii_digit() => {
                let index: usize = std::str::from_utf8(name).ok()?.parse().ok()?;
                self.state.positional.get(index.checked_sub(1)?).cloned()
            }
            _ => self.variable(name).map(<[u8]>::to_vec),
        }
    }

    fn flags(&self) -> Vec<u8> {
        let options = &self.state.options;
        let all = [
            (options.errexit, b'e'),
            (options.noglob, b'f'),
            (options.noexec, b'n'),
            (options.xtrace, b'x'),
            (options.verbose, b'v'),
            (options.noclobber, b'C'),
            (options.allexport, b'a'),
            (options.nounset, b'u'),
        ];
        all.into_iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect()
    }

    fn parameter(&mut self, parameter: &Parameter, quoted: bool, chunks: &mut Vec<Chunk>) -> Run<()> {
        let name = parameter.name.as_slice();
        let list = matches!(name, b"@" | b"*");
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        match &parameter.operation {
            Operation::Unknown => {
                self.gap(b"${}", "a parameter expansion that POSIX does not know");
                self.fatal(b"Bad substitution")
            }
            Operation::Length => {
                let length = if list { self.state.positional.len() } else { self.needed(name)?.len() };
                chunks.push(Chunk::Text(length.to_string().into_bytes(), mark));
                Ok(())
            }
            Operation::Value if list => {
                self.all_positional(name == b"@", quoted, chunks);
                Ok(())
            }
            Operation::Value => {
                let value = self.needed(name)?;
                chunks.push(Chunk::Text(value, mark));
                Ok(())
            }
            Operation::Trim { suffix, longest, pattern } => {
                let value = if list { self.state.positional.join(&b' ') } else { self.needed(name)? };
                let pattern = self.pattern(pattern)?;
                chunks.push(Chunk::Text(trim(&value, &pattern, *suffix, *longest), mark));
                Ok(())
            }
            Operation::Default(kind, colon, word) => self.default(name, *kind, *colon, word, quoted, chunks),
        }
    }

    fn needed(&mut self, name: &[u8]) -> Run<Vec<u8>> {
        match self.value(name) {
            Some(value) => Ok(value),
            None if self.state.options.nounset => self.fatal(&[name, b": parameter not set"].concat()),
            None => Ok(Vec::new()),
        }
    }

    fn all_positional(&self, separate: bool, quoted: bool, chunks: &mut Vec<Chunk>) {
        if quoted && !separate {
            let ifs = self.variable(b"IFS").unwrap_or(b" ");
            let joined = self.state.positional.join(&ifs[..ifs.len().min(1)]);
            chunks.push(Chunk::Text(joined, Mark::Quoted));
            return;
        }
        for (index, value) in self.state.positional.iter().enumerate() {
            if index > 0 {
                chunks.push(Chunk::Break);
            }
            if quoted {
                chunks.push(Chunk::Present);
            }
            chunks.push(Chunk::Text(value.clone(), if quoted { Mark::Quoted } else { Mark::Split }));
        }
    }

    fn default(
        &mut self,
        name: &[u8],
        kind: DefaultKind,
        colon: bool,
        word: &Word,
        quoted: bool,
        chunks: &mut Vec<Chunk>,
    ) -> Run<()> {
        let list = matches!(name, b"@" | b"*");
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        let value = if list {
            (!self.state.positional.is_empty()).then(|| self.state.positional.join(&b' '))
        } else {
            self.value(name)
        };
        let set = value.as_ref().is_some_and(|value| !colon || !value.is_empty());
        match kind {
            DefaultKind::Alternative if set => self.parts(&word.0, quoted, !quoted, chunks),
            DefaultKind::Alternative => Ok(()),
            _ if set && list => {
                self.all_positional(name == b"@", quoted, chunks);
                Ok(())
            }
            _ if set => {
                chunks.push(Chunk::Text(value.unwrap_or_default(), mark));
                Ok(())
            }
            DefaultKind::Use => self.parts(&word.0, quoted, !quoted, chunks),
            DefaultKind::Assign => {
                if !is_name(name) {
                    return self.fatal(&[name, b": bad variable name"].concat());
                }
                let value = self.text(&word.0, quoted)?;
                self.assign(name, value.clone())?;
                chunks.push(Chunk::Text(value, mark));
                Ok(())
            }
            DefaultKind::Complain => {
                let mut message = self.text(&word.0, quoted)?;
                if word.0.is_empty() {
                    message = if colon { b"parameter not set or null".to_vec() } else { b"parameter not set".to_vec() };
                }
                self.fatal(&[name, b": ", &message].concat())
            }
        }
    }

    // --- splitting and pathnames -----------------------------------------------------------------------------

    fn split(&self, chunks: Vec<Chunk>) -> Vec<Field> {
        let ifs = self.state.variables.get(&b"IFS"[..]).and_then(|ifs| ifs.value.clone());
        let ifs = ifs.unwrap_or_else(|| b" \t\n".to_vec());
        let mut splitter = Splitter { ifs: &ifs, fields: Vec::new(), field: None, after_blank: false };
        for chunk in chunks {
            match chunk {
                Chunk::Text(text, Mark::Split) => text.into_iter().for_each(|byte| splitter.byte(byte)),
                Chunk::Text(text, mark) => {
                    if !text.is_empty() {
                        splitter.after_blank = false;
                        let marked = text.into_iter().map(|byte| (byte, mark == Mark::Quoted));
                        splitter.field.get_or_insert_default().extend(marked);
                    }
                }
                Chunk::Present => {
                    splitter.after_blank = false;
                    splitter.field.get_or_insert_default();
                }
                Chunk::Break => splitter.end(),
            }
        }
        splitter.end();
        splitter.fields
    }

    fn pathnames(&mut self, field: &Field, fields: &mut Vec<Vec<u8>>) -> Run<()> {
        let literal = || field.iter().map(|(byte, _)| *byte).collect::<Vec<u8>>();
        let wild = field.iter().any(|(byte, quoted)| !quoted && matches!(byte, b'*' | b'?' | b'['));
        if !wild || self.state.options.noglob {
            fields.push(literal());
            return Ok(());
        }
        self.step()?;
        let found = self.glob(field);
        if found.is_empty() {
            fields.push(literal());
        } else {
            fields.extend(found);
        }
        Ok(())
    }

    /// The paths of the tree that match, sorted.
    fn glob(&mut self, field: &Field) -> Vec<Vec<u8>> {
        let directory = self.state.directory.clone();
        let tree = self.world.tree();
        // Pairs of what is written so far and where it really lies.
        let absolute = field.first().is_some_and(|(byte, _)| *byte == b'/');
        let start = if absolute { b"/".to_vec() } else { directory };
        let Ok(start) = tree.resolve(&start, true) else { return Vec::new() };
        let mut found: Vec<(Vec<u8>, TreePath)> = vec![(Vec::new(), start)];
        let components: Vec<&[(u8, bool)]> = field.split(|(byte, _)| *byte == b'/').collect();
        for (index, component) in components.iter().enumerate() {
            let mut next = Vec::new();
            for (written, place) in found {
                let mut written = written;
                if index > 0 {
                    written.push(b'/');
                }
                if component.is_empty() {
                    next.push((written, place));
                    continue;
                }
                step_into(tree, &written, &place, component, index + 1 == components.len(), &mut next);
            }
            found = next;
        }
        let mut names: Vec<Vec<u8>> = found.into_iter().map(|(written, _)| written).collect();
        names.sort();
        names
    }
}

/// One component of a pathname pattern below one directory.
fn step_into(
    tree: &crate::tree::Tree,
    written: &[u8],
    place: &TreePath,
    component: &[(u8, bool)],
    last: bool,
    next: &mut Vec<(Vec<u8>, TreePath)>,
) {
    let mut add = |name: &[u8]| {
        let Ok(path) = tree.resolve([place.as_bytes(), name].join(&b'/'), !last) else { return };
        if tree.get(&path).is_some_and(|inode| last || inode.is_directory()) {
            next.push(([written, name].concat(), path));
        }
    };
    let pattern = Pattern::new(component);
    if !pattern.is_wild() {
        let name: Vec<u8> = component.iter().map(|(byte, _)| *byte).collect();
        add(&name);
        return;
    }
    let Ok(place) = tree.resolve(place.as_bytes(), true) else { return };
    for (path, _) in tree.children(&place) {
        let name = path.name();
        if pattern.matches(name) && (name[0] != b'.' || pattern.begins_with(b'.')) {
            add(name);
        }
    }
}

struct Splitter<'a> {
    ifs: &'a [u8],
    fields: Vec<Field>,
    field: Option<Field>,
    /// A field ended at white space: one other separator may follow without making an empty field.
    after_blank: bool,
}

impl Splitter<'_> {
    fn end(&mut self) {
        self.fields.extend(self.field.take());
        self.after_blank = false;
    }

    fn byte(&mut self, byte: u8) {
        if !self.ifs.contains(&byte) {
            self.after_blank = false;
            self.field.get_or_insert_default().push((byte, false));
        } else if matches!(byte, b' ' | b'\t' | b'\n') {
            if self.field.is_some() {
                self.end();
                self.after_blank = true;
            }
        } else if self.after_blank {
            self.after_blank = false;
        } else {
            self.field.get_or_insert_default();
            self.end();
        }
    }
}

fn trim(value: &[u8], pattern: &Pattern, suffix: bool, longest: bool) -> Vec<u8> {
    let matches = |cut: &usize| {
        let part = if suffix { &value[*cut..] } else { &value[..*cut] };
        pattern.matches(part)
    };
    let mut cuts = 0..=value.len();
    // The shortest suffix has the largest cut, the shortest prefix the smallest.
    let cut = if suffix == longest { cuts.find(matches) } else { cuts.rfind(matches) };
    match cut {
        Some(cut) if suffix => value[..cut].to_vec(),
        Some(cut) => value[cut..].to_vec(),
        None => value.to_vec(),
    }
}

/// The shell's variables as arithmetic sees them.
struct Changes<'a, 'w> {
    shell: &'a mut Shell<'w>,
    stopped: Option<Interrupt>,
}

impl arithmetic::Variables for Changes<'_, '_> {
    fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.shell.value(name)
    }

    fn set(&mut self, name: &[u8], value: i64) -> Result<(), arithmetic::ArithmeticError> {
        self.shell.assign(name, value.to_string().into_bytes()).map_err(|interrupt| {
            self.stopped = Some(interrupt);
            arithmetic::ArithmeticError("read only".into())
        })
    }
}

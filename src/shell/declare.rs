//! bash's `declare`, `typeset`, `local`, `export`, `readonly` (bash(1), SHELL BUILTIN COMMANDS).

use super::Run;
use super::Shell;
use super::quote::double_quoted;
use super::reader::is_name;
use super::variable::Form;

/// What the options of one call say.
#[derive(Debug, Clone, Copy, Default)]
struct Attributes {
    export: Option<bool>,
    readonly: bool,
    form: Option<Form>,
    indexed: bool,
    associative: bool,
    global: bool,
    print: bool,
    functions: bool,
    /// Of functions only the names.
    names: bool,
}

/// Which of the builtins it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Declare,
    Local,
    Export,
    Readonly,
}

pub(super) fn declare(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    run(shell, Kind::Declare, arguments)
}

pub(super) fn local(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    if !shell.state.frames.iter().any(|frame| frame.hidden.is_some()) {
        shell.complain(b"local: can only be used in a function")?;
        return Ok(1);
    }
    run(shell, Kind::Local, arguments)
}

pub(super) fn export(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    run(shell, Kind::Export, arguments)
}

pub(super) fn readonly(shell: &mut Shell<'_>, arguments: &[Vec<u8>], _: bool) -> Run<i32> {
    run(shell, Kind::Readonly, arguments)
}

fn run(shell: &mut Shell<'_>, kind: Kind, arguments: &[Vec<u8>]) -> Run<i32> {
    let mut attributes = Attributes {
        export: (kind == Kind::Export).then_some(true),
        readonly: kind == Kind::Readonly,
        ..Attributes::default()
    };
    let mut rest = arguments;
    while let [first, tail @ ..] = rest
        && let [sign @ (b'-' | b'+'), letters @ ..] = first.as_slice()
        && !letters.is_empty()
    {
        rest = tail;
        if first == b"--" {
            break;
        }
        for &letter in letters {
            if !attribute(&mut attributes, kind, letter, *sign == b'-') {
                let sign = char::from(*sign);
                shell.lacks(format!(
                    "`{}` with the option `{sign}{}`",
                    name_of(kind),
                    char::from(letter).escape_default()
                ));
                return Ok(2);
            }
        }
    }
    if attributes.functions {
        return functions(shell, kind, attributes, rest);
    }
    if attributes.print || rest.is_empty() {
        return print(shell, kind, attributes, rest);
    }
    let mut status = 0;
    for argument in rest {
        status |= one(shell, kind, attributes, argument)?;
    }
    Ok(status)
}

const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Declare => "declare",
        Kind::Local => "local",
        Kind::Export => "export",
        Kind::Readonly => "readonly",
    }
}

/// Takes one letter; `false` when it is not known here.
const fn attribute(attributes: &mut Attributes, kind: Kind, letter: u8, on: bool) -> bool {
    match (letter, kind) {
        (b'n', Kind::Export) => attributes.export = Some(!on),
        (b'p', _) => attributes.print = on,
        (b'f', Kind::Export | Kind::Readonly | Kind::Declare) => attributes.functions = on,
        (b'F', Kind::Declare) => (attributes.functions, attributes.names) = (on, on),
        (b'a', Kind::Declare | Kind::Local | Kind::Readonly) if on => attributes.indexed = true,
        (b'A', Kind::Declare | Kind::Local | Kind::Readonly) if on => attributes.associative = true,
        (b'g', Kind::Declare | Kind::Local) => attributes.global = on,
        (b'r', Kind::Declare | Kind::Local) if on => attributes.readonly = true,
        (b'x', Kind::Declare | Kind::Local) => attributes.export = Some(on),
        (b'i' | b'l' | b'u', Kind::Declare | Kind::Local) => {
            attributes.form = Some(match letter {
                _ if !on => Form::Text,
                b'i' => Form::Integer,
                b'l' => Form::Lower,
                _ => Form::Upper,
            });
        }
        _ => return false,
    }
    true
}

/// One `name`, `name=value`, `name+=value` or `name[subscript]=value`.
fn one(shell: &mut Shell<'_>, kind: Kind, attributes: Attributes, argument: &[u8]) -> Run<i32> {
    let (target, value) = match super::arrays::equals(argument) {
        Some(equals) => (&argument[..equals], Some(&argument[equals + 1..])),
        None => (argument, None),
    };
    let append = value.is_some() && target.last() == Some(&b'+');
    let target = if append { &target[..target.len() - 1] } else { target };
    let (name, subscript) = match memchr::memchr(b'[', target) {
        Some(open) if target.ends_with(b"]") => (&target[..open], Some(&target[open + 1..target.len() - 1])),
        _ => (target, None),
    };
    if !is_name(name) {
        shell.complain(&[name_of(kind).as_bytes(), b": `", argument, b"': not a valid identifier"].concat())?;
        return Ok(1);
    }
    if matches!(name, b"SHELLOPTS" | b"BASHOPTS") && attributes.export == Some(true) {
        shell.lacks("options that further shells take from the environment");
    }
    let inside = shell.state.frames.iter().any(|frame| frame.hidden.is_some());
    let given = shell.arrays.iter().rposition(|given| given.name == name).map(|place| shell.arrays.remove(place));
    let local = inside && !attributes.global && matches!(kind, Kind::Declare | Kind::Local);
    if attributes.global && inside && shell.is_hidden(name) {
        shell.lacks("`declare -g` of a variable that a function has of its own");
    }
    let known = shell.state.variables.get(name);
    if given.is_some() && known.is_some_and(|variable| variable.readonly) {
        return shell.is_readonly(name);
    }
    let known = shell.state.variables.get(name);
    if known.is_some_and(|variable| variable.readonly)
        && (value.is_some() || given.is_some() || local || attributes.form.is_some())
    {
        shell.complain(&[name_of(kind).as_bytes(), b": ", name, b": readonly variable"].concat())?;
        return Ok(1);
    }
    if local {
        shell.hide(name, true)?;
    }
    let is_associative = |shell: &Shell<'_>| {
        let array = shell.state.variables.get(name).and_then(|variable| variable.array.as_ref());
        array.map(|array| array.is_associative())
    };
    if attributes.associative || attributes.indexed {
        if is_associative(shell).is_some_and(|associative| associative != attributes.associative) {
            shell.complain(&[name_of(kind).as_bytes(), b": ", name, b": cannot convert array"].concat())?;
            return Ok(1);
        }
        // `readonly -a` of what has no value makes none.
        if kind != Kind::Readonly || value.is_some() || given.is_some() {
            let known = shell.state.variables.get(name).is_some_and(|known| known.text().is_some());
            let bare = is_associative(shell).is_none() && !known && given.is_none();
            let array = shell.array_mut(name, attributes.associative)?;
            array.bare |= bare;
        }
    }
    shell.change(name, |variable| {
        variable.form = attributes.form.unwrap_or(variable.form);
        variable.exported = attributes.export.unwrap_or(variable.exported);
    })?;
    match (given, value, subscript) {
        (Some(given), ..) => shell.assign_array(&given)?,
        (None, Some(value), Some(subscript)) => shell.assign_element(name, subscript, append, value.to_vec())?,
        (None, Some(value), None) if append => shell.append(name, value.to_vec())?,
        (None, Some(value), None) => shell.assign(name, value.to_vec())?,
        (None, None, Some(_)) => drop(shell.array_mut(name, false)?),
        (None, None, None) => {}
    }
    shell.change(name, |variable| variable.readonly |= attributes.readonly)?;
    Ok(0)
}

fn functions(shell: &mut Shell<'_>, kind: Kind, attributes: Attributes, names: &[Vec<u8>]) -> Run<i32> {
    match kind {
        // Whether there are such functions can be said, and what they are called.
        Kind::Declare if !names.is_empty() && !attributes.print => {
            let mut status = 0;
            for name in names {
                match shell.state.functions.contains(name) {
                    true if attributes.names => drop(shell.print(&[name, b"\n".as_slice()].concat())?),
                    true if shell.is_silent() => {}
                    true => shell.lacks("the text of a function"),
                    false => status = 1,
                }
            }
            Ok(status)
        }
        // A function in the environment reaches only further bashes.
        _ => {
            shell.lacks(format!("`{} -f`", name_of(kind)));
            Ok(0)
        }
    }
}

fn print(shell: &mut Shell<'_>, kind: Kind, attributes: Attributes, names: &[Vec<u8>]) -> Run<i32> {
    if names.is_empty() {
        let all: Vec<Vec<u8>> = shell
            .state
            .variables
            .iter()
            .filter(|(_, variable)| match kind {
                Kind::Export => variable.exported,
                Kind::Readonly => variable.readonly,
                _ => false,
            })
            .map(|(name, _)| name.to_vec())
            .collect();
        if matches!(kind, Kind::Declare | Kind::Local) || attributes.readonly && kind != Kind::Readonly {
            shell.lacks(format!("the list of `{}`", name_of(kind)));
            return Ok(0);
        }
        for name in all {
            print_one(shell, &name)?;
        }
        return Ok(0);
    }
    let mut status = 0;
    for name in names {
        if shell.state.variables.contains(name) {
            print_one(shell, name)?;
        } else {
            shell.complain(&[name_of(kind).as_bytes(), b": ", name, b": not found"].concat())?;
            status = 1;
        }
    }
    Ok(status)
}

/// `declare -x name="value"`
fn print_one(shell: &mut Shell<'_>, name: &[u8]) -> Run<()> {
    let Some(variable) = shell.state.variables.get(name).cloned() else { return Ok(()) };
    let mut letters = Vec::new();
    match &variable.array {
        Some(array) if array.is_associative() => letters.push(b'A'),
        Some(_) => letters.push(b'a'),
        None => {}
    }
    letters.extend((variable.form == Form::Integer).then_some(b'i'));
    letters.extend(variable.readonly.then_some(b'r'));
    letters.extend(variable.exported.then_some(b'x'));
    letters.extend((variable.form == Form::Lower).then_some(b'l'));
    letters.extend((variable.form == Form::Upper).then_some(b'u'));
    if letters.is_empty() {
        letters.push(b'-');
    }
    let mut line = [b"declare -".as_slice(), &letters, b" ", name].concat();
    let mut printable = true;
    let mut quoted = |value: &[u8]| {
        double_quoted(value).unwrap_or_else(|| {
            printable = false;
            Vec::new()
        })
    };
    if let Some(array) = &variable.array
        && !array.bare
    {
        line.extend(b"=(");
        let associative = array.is_associative();
        let entries = array.entries();
        for (number, (subscript, value)) in entries.iter().enumerate() {
            if number > 0 && !associative {
                line.push(b' ');
            }
            line.extend([b"[".as_slice(), subscript, b"]=", &quoted(value)].concat());
            if associative {
                line.push(b' ');
            }
        }
        line.push(b')');
    } else if let Some(value) = variable.value.as_ref() {
        line.extend([b"=".as_slice(), &quoted(value)].concat());
    }
    if !printable {
        shell.lacks("`declare -p` of what cannot be printed");
    }
    line.push(b'\n');
    shell.print(&line).map(drop)
}

impl Shell<'_> {
    /// Whether a function that runs has this variable of its own.
    fn is_hidden(&self, name: &[u8]) -> bool {
        self.state.frames.iter().any(|frame| frame.hides(name))
    }

    /// Remembers what a variable was before the function that runs had one of its own; in bash that is a new one,
    /// in dash it keeps its value.
    pub(super) fn hide(&mut self, name: &[u8], anew: bool) -> Run<()> {
        let mut before = self.state.variables.get(name).cloned();
        let Some(place) = self.state.frames.iter().rposition(|frame| frame.hidden.is_some()) else { return Ok(()) };
        let temporary = if anew { self.visible_temporary(name) } else { None };
        if self.state.frames[place].hides(name) {
            if temporary.is_some() {
                self.lacks("`local` of a variable that a command inside the function was given");
            }
            return Ok(());
        }
        if let Some(temporary) = temporary.map(|place| &mut self.state.temporaries[place])
            && temporary.depth == place
        {
            // What the function was given becomes its own.
            temporary.gone = true;
            before = temporary.before.take();
        }
        let mut frame = (*self.state.frames[place]).clone();
        // The table is not copied when nobody else has it.
        self.state.frames[place] = std::rc::Rc::new(super::state::Frame { hidden: None, ..frame.clone() });
        if let Some(hidden) = &mut frame.hidden {
            hidden.insert(&self.system.budget, name, before)?;
        }
        self.state.frames[place] = std::rc::Rc::new(frame);
        // It begins with the value that a command was given.
        if anew && temporary.is_none() {
            self.change(name, |variable| {
                variable.clear();
                variable.form = Form::Text;
            })?;
        }
        Ok(())
    }
}
